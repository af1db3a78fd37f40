//! The journal of a keyring: what happened to its keys, whoever did it.
//!
//! *In*: what `keys` is about to do. *Out*: entries of the file `journal` in the keyring's directory. *Promised*: each is on disk before
//! its change is; what cannot be entered is not done. *Not here*: the keyring, and its lock, which is held meanwhile (`keys::store`).
//!
//! 2026-11: one journal for each keyring was chosen over an entry in the state directory of whoever makes the change, because
//! `sluis keys` has none, and because two pipelines that share a keyring would each hold half of its evidence.

use std::path::{Path, PathBuf};

use super::{Event, Head, Journal, JournalError};
use crate::keys::{KeyEvent, Ledger};
use crate::record::timestamp::Timestamp;

/// The journal in a keyring's directory.
#[derive(Clone, Debug)]
pub struct KeyJournal {
    directory: PathBuf,
}

impl KeyJournal {
    /// That of the keyring in `directory`. Nothing is opened before there is something to enter.
    pub fn of(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Begins the journal of a keyring that was made before there were any; where there is one, nothing happens.
    pub fn begin(&self, now: Timestamp) -> Result<Head, JournalError> {
        Journal::open(&self.directory, now).map(|journal| journal.head())
    }
}

impl Ledger for KeyJournal {
    fn enter(&self, now: Timestamp, events: &[KeyEvent]) -> Result<(), String> {
        let events: Vec<Event> = events.iter().cloned().map(Event::Key).collect();
        Journal::open(&self.directory, now)
            .and_then(|mut journal| journal.append(now, &events))
            .map(drop)
            .map_err(|error| error.to_string())
    }
}
