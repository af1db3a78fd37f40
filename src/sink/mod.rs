//! Where clean records go.
//!
//! *In*: [`CleanBatch`]es, which only a treated and stamped record can enter. *Out*: bytes on standard output or on disk.
//! *Promised*: nothing half-written: a part of a file sink is complete or absent (PI-4, PI-9). *Not here*: formats (`encode`).

use crate::record::batch::CleanBatch;
use crate::record::timestamp::Timestamp;

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records accepted.
    pub records: u64,
    /// Records withheld because their deadline came before delivery.
    pub withheld: u64,
}

/// Why a sink failed. Whose fault, whether a retry can help, and what happened to the data; never content.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader of our standard output went away: a normal end.
    #[error("the reader of standard output closed it")]
    BrokenPipe,
    /// The output could not be written; what was not confirmed is not in it.
    #[error("{place}: {problem}")]
    Io {
        /// Path or stream.
        place: String,
        /// What went wrong, with the remedy.
        problem: String,
    },
}

/// A place that takes clean records of one class and output.
pub trait Sink: Send {
    /// Takes a batch. What is due at `now` is withheld and counted (PI-3).
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError>;

    /// Makes everything durable and visible; called once at the end.
    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError>;
}
