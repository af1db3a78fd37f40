//! The journal: evidence of every destruction, every change of a key, every policy and every pause (PI-8).
//!
//! *In*: [`Event`]s, and the time. *Out*: lines of one file, `journal` in the state directory, each chained to all before it by its hash
//! ([`chain`](self)). *Promised*: when [`append`](Journal::append) returns, the entries are on disk; entries are only ever added; what a
//! crash left half-written is taken off, and no whole entry with it; any change, cut, reordering or gap is found by [`verify()`],
//! given a head that was kept elsewhere; nothing in it is personal data. *Not here*: who destroys what (`sweep`, `cli`).
//!
//! The times of entries never go back, whatever the clock does, but for the entry by which somebody says that the clock is right: what
//! was destroyed under a clock that ran ahead would else be forgotten as soon as it was put right.
//!
//! Several processes append to one journal, each under a lock on the file for as long as that takes. Each then looks how far
//! the others have come. The last whole entry is taken at its word: whether it is true is the business of `verify`.
//!
//! A keyring can serve several pipelines, so its evidence is its own: a journal of the same form in its directory ([`KeyJournal`]). Up to
//! 2026-11 `run` entered what happened to keys in the journal of its state directory; such entries are read like any other.
//!
//! Some room behind the end of the file is reserved, so that the destruction that frees a full disk can be written down first.

mod chain;
mod entry;
mod of_keys;
#[cfg(test)]
mod tests;
mod verify;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};

pub use chain::{Hash, Head};
pub use entry::{Because, Event, PartOf, PartitionOf};
pub use of_keys::KeyJournal;
pub use verify::{Fault, Verified, VerifyError, verify};

use crate::record::timestamp::Timestamp;
use chain::Line;

/// The file's name in the state directory.
pub const FILE_NAME: &str = "journal";
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;
/// Bytes of the longest entry.
const ENTRY_MAX: u64 = 1 << 16;
/// Bytes behind the end that are reserved: several thousand entries.
const RESERVE: u64 = 1 << 20;

/// Why nothing could be written down.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error("{}: {doing} ({}); nothing is destroyed that cannot be written down", path.display(), source.kind())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What failed.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file ends in something that is no entry.
    #[error(
        "{}: its last line is no entry; see what `sluis journal verify` says, keep the file as it is for whoever answers for it, \
         and move it away to begin a new one", path.display()
    )]
    Unreadable {
        /// The journal.
        path: PathBuf,
    },
    /// The file is shorter than it was, or another one.
    #[error("{}: it was cut or replaced while it was in use; restore it, since what it said is evidence", path.display())]
    Replaced {
        /// The journal.
        path: PathBuf,
    },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Where the last whole entry that is known ends, and its head.
    length: u64,
    head: Head,
    /// The time of the last entry.
    last: Option<Timestamp>,
}

impl Journal {
    /// Opens the journal of a state directory; both are made if they are not there.
    pub fn open(state: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let path = state.join(FILE_NAME);
        let fault = |doing, source| JournalError::Io { path: path.clone(), doing, source };
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(state)
            .map_err(|source| fault("its directory cannot be made", source))?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(|source| fault("it cannot be opened", source))?;
        File::open(state).and_then(|directory| directory.sync_all()).map_err(|source| {
            fault("its directory cannot be synced, so the name may not survive a power cut", source)
        })?;
        let mut journal = Self { path, file, length: 0, head: Head::empty(), last: None };
        journal.append(now, &[])?;
        Ok(journal)
    }

    /// Where it ends.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The time of its last entry.
    pub const fn last_time(&self) -> Option<Timestamp> {
        self.last
    }

    /// Adds entries, durable on return.
    pub fn append(&mut self, now: Timestamp, events: &[Event]) -> Result<Head, JournalError> {
        flock(&self.file, FlockOperation::LockExclusive)
            .map_err(|error| self.fault("it cannot be locked", error.into()))?;
        let result = self.append_locked(now, events);
        // Closing the file would release it, too.
        let _ = flock(&self.file, FlockOperation::Unlock);
        result
    }

    fn append_locked(&mut self, now: Timestamp, events: &[Event]) -> Result<Head, JournalError> {
        let torn = self.catch_up()?;
        let mut all: Vec<&Event> = Vec::with_capacity(events.len() + 1);
        let recovered = Event::Recovered { bytes: torn };
        if self.head.seq == 0 {
            all.push(&Event::Started);
        }
        if torn > 0 {
            all.push(&recovered);
        }
        all.extend(events);
        if all.is_empty() {
            return Ok(self.head);
        }
        let (mut text, mut head) = (Vec::new(), self.head);
        let mut last = self.last;
        for event in all {
            let time = event.time(now, last);
            last = Some(time);
            let content = event.content(head.seq + 1, time);
            head = head.next(&content);
            text.extend_from_slice(&head.hash.written());
            text.push(b' ');
            text.extend_from_slice(&content);
            text.push(b'\n');
        }
        if let Err(error) = self.write(&text) {
            // Half an entry would be taken off by the next one, but whoever reads meanwhile should not see it.
            let _ = self.file.set_len(self.length);
            return Err(self.fault("an entry cannot be written", error));
        }
        self.length += text.len() as u64;
        self.head = head;
        self.last = last;
        Ok(head)
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        self.file.sync_data()?;
        // Where a file system cannot reserve, the next entry may find a full disk.
        let _ = fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.length + text.len() as u64, RESERVE);
        Ok(())
    }

    /// Looks how far others have come, and takes off what a crash left half-written: its length is returned.
    fn catch_up(&mut self) -> Result<u64, JournalError> {
        let facts = self.file.metadata().map_err(|error| self.fault("it cannot be examined", error))?;
        if facts.nlink() == 0 || facts.len() < self.length {
            return Err(JournalError::Replaced { path: self.path.clone() });
        }
        if facts.len() == self.length {
            return Ok(0);
        }
        let (end, line) = self.last_line(facts.len())?;
        if end > self.length {
            let read = Line::read(&line).and_then(|read| Some((read.head()?, time_of(read.content))));
            let Some((head, time)) = read.filter(|(head, _)| head.seq > self.head.seq) else {
                return Err(JournalError::Unreadable { path: self.path.clone() });
            };
            (self.head, self.length) = (head, end);
            self.last = time;
        }
        let torn = facts.len() - end;
        if torn > 0 {
            self.file
                .set_len(end)
                .and_then(|()| self.file.seek(SeekFrom::End(0)))
                .map_err(|error| self.fault("a torn entry cannot be taken off", error))?;
        }
        Ok(torn)
    }

    /// Where the last whole line of a file of `length` bytes ends, and what it says without its end.
    fn last_line(&self, length: u64) -> Result<(u64, Vec<u8>), JournalError> {
        let mut window = 2 * ENTRY_MAX;
        // A crash may have torn several entries that were written together.
        loop {
            let from = length.saturating_sub(window).max(self.length);
            let mut bytes = vec![0; usize::try_from(length - from).unwrap_or_default()];
            self.file
                .read_exact_at(&mut bytes, from)
                .map_err(|error| self.fault("it cannot be read", error))?;
            let Some(end) = memchr::memrchr(b'\n', &bytes) else {
                if from == self.length {
                    return Ok((self.length, Vec::new()));
                }
                window *= 2;
                continue;
            };
            let start = memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |before| before + 1);
            if start > 0 || from == self.length {
                return Ok((from + end as u64 + 1, bytes[start..end].to_vec()));
            }
            window *= 2;
        }
    }

    fn fault(&self, doing: &'static str, source: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), doing, source }
    }
}

/// The time that an entry states.
fn time_of(content: &[u8]) -> Option<Timestamp> {
    let value: serde_json::Value = serde_json::from_slice(content).ok()?;
    let time: jiff::Timestamp = value.get("time")?.as_str()?.parse().ok()?;
    Some(Timestamp::from_seconds(time.as_second()))
}
