//! Sealed batches of refused records: `<dir>/<deadline>.<retention>.<pid>-<seq>.age`, each complete or absent.
//!
//! *In*: [`Sealed`], which only `protect::quarantine` can make. *Out*: files that the DPO opens with `age -d -i KEY FILE`.
//! *Promised*: PI-2: a file's name says by when it must be gone, reckoned from when the batch was received, since a
//! record that cannot be parsed has no time of its own. *Not here*: removing what is due.

use std::path::PathBuf;

use super::part::{Closed, Held, Namer, Part, show_all};
use super::{Delivered, SinkError};
use crate::protect::quarantine::Sealed;
use crate::record::timestamp::Timestamp;

/// Writes sealed batches into one directory.
#[derive(Debug)]
pub struct Quarantine {
    namer: Namer,
    retention_secs: u64,
    /// Whole and durable, waiting for their names.
    closing: Vec<Part>,
}

/// Parts that wait for their names, at most: each is a descriptor.
const CLOSING_MAX: usize = 64;

impl Quarantine {
    /// Opens `directory`, creating it if need be. `retention_secs` is at most the shortest class of the source.
    ///
    /// # Errors
    /// [`SinkError::Io`] when the directory cannot be made or read.
    pub fn open(directory: PathBuf, retention_secs: u64) -> Result<Self, SinkError> {
        let namer = Namer::open(directory, "age", retention_secs)?;
        Ok(Self { namer, retention_secs, closing: Vec::new() })
    }

    /// Writes one sealed batch, durable on return and visible when [published](Self::publish). What is due already is withheld; an
    /// empty one is nothing.
    ///
    /// # Errors
    /// [`SinkError::Io`]; nothing of the batch is left then.
    pub fn write(
        &mut self,
        sealed: &Sealed,
        received: Timestamp,
        now: Timestamp,
    ) -> Result<Delivered, SinkError> {
        if sealed.records() == 0 {
            return Ok(Delivered::default());
        }
        let retention = i64::try_from(self.retention_secs).unwrap_or(i64::MAX);
        // Rounded down: gone by the deadline, not a second after.
        let deadline = Timestamp::from_seconds(received.min(now).plus_seconds(retention).seconds());
        if deadline <= now {
            return Ok(Delivered { withheld: sealed.records(), ..Delivered::default() });
        }
        let mut part = Part::open(&mut self.namer, deadline, now)?;
        part.write(sealed.bytes(), sealed.records(), deadline, None)?;
        part.sync(None)?;
        self.closing.push(part);
        Ok(Delivered { records: sealed.records(), ..Delivered::default() })
    }

    /// True when as many parts wait for their names as may.
    pub const fn is_closing(&self) -> bool {
        self.closing.len() >= CLOSING_MAX
    }

    /// Adds the parts that wait for their names to `held`. Those whose deadline has come meanwhile are thrown away.
    pub fn hold(&mut self, held: &mut Vec<Held>, now: Timestamp) {
        let due = self.closing.extract_if(.., |part| part.deadline <= now);
        due.for_each(Part::discard);
        held.extend(self.closing.iter().map(|part| part.held(true)));
    }

    /// Makes visible what was written.
    ///
    /// # Errors
    /// [`SinkError::Io`].
    pub fn publish(&mut self) -> Result<Vec<Closed>, SinkError> {
        let mut closed = Vec::new();
        show_all(std::mem::take(&mut self.closing), &mut self.namer, &mut closed)?;
        Ok(closed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::super::deadline_of;
    use super::*;
    use crate::protect::quarantine::{Refused, Sealer};
    use crate::record::span::Refusal;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const RAW: &[u8] = b"canary 203.0.113.77";

    /// PI-2: sealed, named by its deadline, and nothing that is due already.
    #[test]
    fn a_sealed_batch_is_a_file_with_its_deadline() {
        let directory = tempfile::tempdir().unwrap();
        let key = age::x25519::Identity::generate();
        let sealer = Sealer::new(&[key.to_public().to_string()]).unwrap();
        let mut sealed = Sealed::default();
        let mut sink = Quarantine::open(directory.path().join("q"), 3600).unwrap();
        assert_eq!(sink.write(&sealed, NOW, NOW).unwrap(), Delivered::default());
        let refused = Refused { source: "nginx", refusal: Refusal::Mismatch, received: NOW, bytes: RAW };
        sealer.seal([refused, refused], &mut sealed).unwrap();
        let received = Timestamp(NOW.0 - 1);
        assert_eq!(sink.write(&sealed, received, NOW).unwrap(), Delivered { records: 2, withheld: 0 });
        let closed = sink.publish().unwrap().remove(0);
        assert_eq!(
            deadline_of(closed.path.file_name().unwrap().to_str().unwrap()),
            Some(NOW.plus_seconds(3599))
        );
        let bytes = fs::read(&closed.path).unwrap();
        assert!(memchr::memmem::find(&bytes, b"canary").is_none());
        let identity: &dyn age::Identity = &key;
        let mut plain = String::new();
        let decryptor = age::Decryptor::new(&bytes[..]).unwrap();
        decryptor.decrypt(std::iter::once(identity)).unwrap().read_to_string(&mut plain).unwrap();
        assert_eq!(plain.matches("canary").count(), 2);
        let due = sink.write(&sealed, NOW.plus_seconds(-3600), NOW).unwrap();
        assert_eq!(due, Delivered { records: 0, withheld: 2 });
        assert_eq!(sink.publish().unwrap(), []);
        assert_eq!(fs::read_dir(directory.path().join("q")).unwrap().count(), 1);
    }
}
