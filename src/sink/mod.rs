//! Where clean records go.
//!
//! *In*: [`CleanBatch`]es, which only a treated and stamped record can enter, and
//! [`Sealed`](crate::protect::quarantine::Sealed) batches. *Out*: bytes on standard output or on disk, rows of a table. *Promised*: nothing
//! half-written: a part of a file sink is complete or absent (PI-4, PI-9); nothing leaves at or after its deadline (PI-3).
//! *Not here*: formats (`encode`), and what several sinks owe each other (`pipeline`).

use std::io;

use crate::record::batch::{CleanBatch, Run};
use crate::record::timestamp::Timestamp;

pub mod clickhouse;
mod crypt;
pub mod descriptors;
pub mod file;
pub mod merge;
#[allow(dead_code, reason = "what opens modules is for merging without the library")]
mod modules;
mod pack;
mod parquet;
mod part;
pub mod quarantine;
pub mod sealed;
pub mod stdout;

pub use part::{Closed, Held, Namer, deadline_of, rename, sync_directory, visible_name};

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records accepted by this call.
    pub records: u64,
    /// Records withheld because their deadline came before delivery. They may be of an earlier call, when their part
    /// could not be closed in time: what was delivered is the sum of `records` given less the sum of `withheld`.
    pub withheld: u64,
}

impl std::ops::AddAssign for Delivered {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.withheld += other.withheld;
    }
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
    /// A server did not take it.
    #[error("{0}")]
    Server(String),
    /// A record that may be kept for ever: nothing that stores takes it.
    #[error("{place}: a record without a deadline cannot be stored; give its class a retention")]
    NoDeadline {
        /// The directory.
        place: String,
    },
}

impl SinkError {
    /// An error of the operating system at `place`, with its remedy; `kept` says what became of the data.
    pub(crate) fn io(place: impl Into<String>, error: &io::Error, kept: &str) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::StorageFull => "the disk is full; free space or name another place".to_owned(),
            io::ErrorKind::QuotaExceeded => "the quota is used up; raise it or name another place".to_owned(),
            io::ErrorKind::FileTooLarge => "the file is larger than allowed; raise the limit".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied; let this user write there".to_owned(),
            io::ErrorKind::ReadOnlyFilesystem => {
                "the file system is read-only; name another place".to_owned()
            }
            io::ErrorKind::NotFound => "not there; create it, or name another place".to_owned(),
            io::ErrorKind::NotADirectory => "not a directory; name another place".to_owned(),
            io::ErrorKind::Other if error.to_string() == part::LIES => {
                format!("{}; keep stores on a local file system", part::LIES)
            }
            io::ErrorKind::Other if parquet::is_fault(error) || sealed::is_fault(error) => error.to_string(),
            // Errors of the operating system have its own words, never ours or the input's.
            _ if error.raw_os_error().is_some() => error.to_string(),
            kind => kind.to_string(),
        };
        let problem = if kept.is_empty() { cause } else { format!("{cause}; {kept}") };
        Self::Io { place: place.into(), problem }
    }
}

/// A place that takes clean records of one class and output.
pub trait Sink: Send {
    /// Takes a batch. What is due at `now` is withheld and counted (PI-3).
    ///
    /// # Errors
    /// After an error the batch counts as not delivered, and [`finish`](Self::finish) may still be called to save what
    /// earlier calls accepted.
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError>;

    /// Names of the epochs that the [frames](crate::record::batch::Frame) of the next batch are of.
    fn epochs(&mut self, _names: &[String]) {}

    /// Called about once a second, whether something arrives or not: sets aside what has become old enough to be closed.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn tick(&mut self, _now: Timestamp) -> Result<Delivered, SinkError> {
        Ok(Delivered::default())
    }

    /// Makes everything durable and sets it aside to be published; called once at the end.
    ///
    /// # Errors
    /// As [`write`](Self::write); everything that can be saved is.
    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError>;

    /// True when something is set aside, to be published without delay.
    fn is_closing(&self) -> bool {
        false
    }

    /// Makes everything that was accepted durable, and adds what is not visible yet to `held`: once that is written down, a crash
    /// costs none of it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn hold(&mut self, _held: &mut Vec<Held>) -> Result<(), SinkError> {
        Ok(())
    }

    /// Makes visible what was set aside. A sink that is dropped without it leaves nothing but what it [held](Self::hold).
    ///
    /// # Errors
    /// As [`write`](Self::write); everything that can be published is.
    fn publish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// The runs of a batch with the bytes of each.
fn runs(batch: &CleanBatch) -> impl Iterator<Item = (&Run, &[u8])> {
    let mut start = 0;
    batch.runs().iter().map(move |run| {
        let bytes = &batch.bytes()[start..run.end];
        start = run.end;
        (run, bytes)
    })
}

#[cfg(test)]
pub(crate) mod testing {
    //! Clean batches for the tests of sinks.

    use super::{CleanBatch, Timestamp};
    use crate::protect::quarantine::treated_for_tests;
    use crate::retention::deadline::judge;

    /// A batch of records with their deadlines.
    pub(crate) fn batch(records: &[(&str, Option<Timestamp>)]) -> CleanBatch {
        let mut batch = CleanBatch::new();
        for (text, deadline) in records {
            // A retention of zero judged long ago gives the deadline as it is.
            let instant = deadline.unwrap_or(Timestamp(0));
            let stamp = judge(None, instant, deadline.map(|_| 0), Timestamp(i64::MIN)).unwrap();
            batch.append(&stamp, |bytes| {
                bytes.extend_from_slice(text.as_bytes());
                treated_for_tests()
            });
        }
        batch
    }
}
