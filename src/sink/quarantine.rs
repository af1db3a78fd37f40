//! Sealed batches of refused records: `<dir>/<deadline>.<pid>-<seq>.age`, each complete or absent.
//!
//! *In*: [`Sealed`], which only `protect::quarantine` can make. *Out*: files that the DPO opens with `age -d -i KEY FILE`.
//! *Promised*: PI-2: a file's name says by when it must be gone, reckoned from when the batch was received, since a
//! record that cannot be parsed has no time of its own. *Not here*: removing what is due.

use std::path::PathBuf;

use super::part::{Closed, Namer, Part};
use super::{Delivered, SinkError};
use crate::protect::quarantine::Sealed;
use crate::record::timestamp::Timestamp;

/// Writes sealed batches into one directory.
#[derive(Debug)]
pub struct Quarantine {
    namer: Namer,
    retention_secs: u64,
}

impl Quarantine {
    /// Opens `directory`, creating it if need be. `retention_secs` is at most the shortest class of the source.
    ///
    /// # Errors
    /// [`SinkError::Io`] when the directory cannot be made or read.
    pub fn open(directory: PathBuf, retention_secs: u64) -> Result<Self, SinkError> {
        Ok(Self { namer: Namer::open(directory, "age")?, retention_secs })
    }

    /// Writes one sealed batch, durable and visible on return. What is due already is withheld; an empty one is nothing.
    ///
    /// # Errors
    /// [`SinkError::Io`]; nothing of the batch is left then.
    pub fn write(
        &mut self,
        sealed: &Sealed,
        received: Timestamp,
        now: Timestamp,
    ) -> Result<(Delivered, Option<Closed>), SinkError> {
        if sealed.records() == 0 {
            return Ok((Delivered::default(), None));
        }
        let retention = i64::try_from(self.retention_secs).unwrap_or(i64::MAX);
        // Rounded down: gone by the deadline, not a second after.
        let deadline = Timestamp::from_seconds(received.min(now).plus_seconds(retention).seconds());
        if deadline <= now {
            return Ok((Delivered { withheld: sealed.records(), ..Delivered::default() }, None));
        }
        let mut part = Part::open(&mut self.namer, deadline, now)?;
        part.write(sealed.bytes(), sealed.records(), deadline)?;
        let closed = part.close(&mut self.namer)?;
        Ok((Delivered { records: sealed.records(), ..Delivered::default() }, Some(closed)))
    }
}
