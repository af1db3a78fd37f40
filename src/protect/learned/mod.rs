//! Names learned across records: a room, display name or user that a structured field of a source has shown is found in later free
//! text of the pipeline, for as long as its epoch lives.
//!
//! *In*: the names that records give ([`Learner::learn`]), and texts. *Out*: where a learned name stands in a text
//! ([`Learner::find`]). *Promised*: bounded by the policy; forgotten with the epoch in which it was shown last, in every worker, within
//! the time in which keys are (PI-5); no lock and no allocation per record; any text is taken, and costs its length. *Not here*: what is
//! done to a finding (`value`), the names of the record at hand (`text::names`).
//!
//! ```text
//! record ─▶ Learner ─▶ hands in new names at the end of a batch ─▶ Learned: log ─▶ what others learned, at the beginning of the next
//!              └─▶ Index: filter, table of hashes      (a worker's own: nothing is shared while a batch is worked on)
//! ```
//!
//! # What is held where
//!
//! **No name is held.** A learned name is a 64-bit hash of its normal form ([`words`]), one of its first word, what it is, and its
//! epoch: in the log, and in each worker's index. The seed of the hashes is drawn for each run and stands on a locked page, so that
//! what reaches a swap file or a dump tells no name without it. The hash is no cipher: who has both, or knows many names and their
//! hashes, can try others out, as with the raw log itself. What is forgotten is overwritten. The token of a finding is made
//! of the text's own bytes, with the keys of the record in which it stands.
//!
//! 2026-11: hashes were chosen over raw names in locked memory, because 50,000 names are more than the memory that an unprivileged
//! process may lock on many systems, and because nothing else is needed; revisit if the token of a field must be that of its text
//! where these are written with other punctuation.
//!
//! # What is learned
//!
//! See [`choice`]: no short names, no numbers, no common words. At most so many as the policy says: then an eighth is forgotten, of the
//! epoch that dies first, and those first that were learned first. A name that is shown again is learned again.
//!
//! # How it is found
//!
//! As whole words, in any case, plain or percent-encoded once or twice, with `+` for a space, in UTF-8 of any normal form or in
//! Latin-1. Word starts and ends are found 64 bytes a step; the first eight bytes of a word make 32 bits, which ask a filter; what
//! passes is compared as a whole, word by word, no further than names that begin so go ([`index`]).
//!
//! # Known losses
//!
//! What is found by its own shape, its key or the record's own fields is not searched again but as the beginning of a longer name.
//! A name inside a longer word (scripts without spaces); one whose words are separated otherwise than where it was shown
//! (`jan_devries` for `jan devries`); XML and JSON escapes inside a text; words of a name by themselves. A `+` that is part of a name
//! gives another token than its field. Who can write into a field (a login that is refused is logged, too) can have words learned, and
//! others pushed out.

mod choice;
mod common;
mod index;
mod learner;
mod log;
mod search;
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use learner::Learner;
use log::Log;
use words::Hasher;

use crate::keys::seed::Seed;
use crate::keys::{KeyError, Keys};

/// What the workers of a pipeline have learned together.
pub struct Learned {
    seed: Seed,
    keys: Keys,
    log: Mutex<Log>,
    /// Grows with every change of the log, so that a worker asks for the lock only when there is something.
    changes: AtomicU64,
}

impl Learned {
    /// Remembers at most `names_max` names, for as long as `keys` says that their epochs live.
    pub fn new(names_max: usize, keys: Keys) -> Result<Self, KeyError> {
        let log = Mutex::new(Log::new(names_max, &keys));
        Ok(Self { seed: Seed::random()?, keys, log, changes: AtomicU64::new(0) })
    }

    /// How many names are remembered, apart from those of a batch at hand.
    pub fn count(&self) -> usize {
        self.log().entries.len()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic elsewhere leaves a whole log behind: at worst an entry is missing.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Says that the log has changed; whoever changes it still has it.
    fn has_changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    #[inline]
    fn hasher(&self) -> Hasher {
        Hasher::of(&self.seed)
    }
}

#[cfg(test)]
mod tests;
