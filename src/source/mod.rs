//! Where raw records come from.
//!
//! *In*: bytes of the outside world. *Out*: [`RawBatch`]es of whole records. *Promised*: a batch never ends inside a record;
//! memory is bounded whatever the input; a record beyond the size bound is cut, marked and counted, never lost silently.
//! *Not here*: what a record means (`format`).
//!
//! ```text
//! Stdin  ─┐           Descriptor   Decoded         ChunkReader                  Frame
//! Files  ─┼─ one each: read, poll → gzip, zstd → batches, carry, silence ← which bytes are whole records
//! Follow ─┘ (one for every file, and a Ledger of how far each is)
//! ```
//! A new source is one file here that gives the chunk reader an [`input::Input`].

use std::sync::Arc;
use std::time::Duration;

use crate::format::Parser;
use crate::record::batch::RawBatch;

pub mod chunk;
pub mod decode;
pub mod error;
pub mod file;
pub mod follow;
pub mod frame;
pub mod input;
pub mod ledger;
pub mod peek;
pub mod stdin;

pub use chunk::{BATCH_BYTES, Bounds, Clock, RECORD_BYTES_MAX};
pub use error::SourceError;
pub use input::Progress;

/// What a call of [`Source::fill`] achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The batch holds at least one record.
    Records,
    /// Nothing arrived for 500 ms, and no part of a record is held; the batch is empty. Look at the stop flag and call again.
    Silence,
    /// Nothing can be delivered yet: a record has begun and not ended, or a signal came. The batch is empty. Look at the stop flag
    /// and call again.
    Waiting,
    /// The input has ended and every record was delivered.
    End,
}

/// A stream of raw records.
pub trait Source: Send {
    /// Clears the batch and fills it with the next whole records, and comes back within a second with or without. `parser` tells where records of several lines begin,
    /// and must be the same in every call.
    ///
    /// # Errors
    /// An error ends one input, after everything whole before it was delivered. The source can be called again: it goes
    /// on with the next file, or says [`Fill::End`].
    fn fill(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError>;

    /// Asks for no more. The next calls deliver what was already taken from a pipe (an unfinished line as a cut record),
    /// then [`Fill::End`].
    fn stop(&mut self);

    /// How far it is, in bytes as they stand on disk.
    fn progress(&self) -> Arc<Progress>;

    /// Calls of [`fill`](Self::fill) wait no longer than this for something to arrive: where several sources are asked in turn, none
    /// may keep the others waiting.
    fn set_patience(&mut self, _patience: Duration) {}
}

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        crate::record::timestamp::Timestamp(micros)
    })
}
