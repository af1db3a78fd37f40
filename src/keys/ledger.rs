//! Where changes of a keyring are written down before they are made.
//!
//! *In*: [`KeyEvent`]s, and the time. *Out*: nothing, or the reason why they could not be written down. *Promised*: `store` enters
//! every change here, under the keyring's lock and before the file is replaced; when [`enter`](Ledger::enter) fails, nothing is
//! changed. *Not here*: the journal itself, which this room may not know (`retention::journal::KeyJournal`).

use super::event::KeyEvent;
use crate::record::timestamp::Timestamp;

/// Keeps the evidence of one keyring.
pub trait Ledger: Send + Sync {
    /// Enters what is about to happen at `now`, durable on return. The error is a sentence for a person, with place and remedy.
    ///
    /// A crash between the entry and the change leaves an entry whose change did not come; the next try enters it once more. Nothing
    /// ever changes without an entry.
    fn enter(&self, now: Timestamp, events: &[KeyEvent]) -> Result<(), String>;
}
