//! A worker's epoch keys: a few per domain, so that the hot path takes no lock and derives nothing twice.
//!
//! *In*: the instant of a record. *Out*: the keys of its epoch. *Promised*: bounded; a key is dropped, and so wiped, at
//! the first question after its death or after a change of the keyring. *Not here*: tokens that were computed before,
//! which `protect` may cache under the same rule.

use super::error::KeyError;
use super::pseudonym::EpochKeys;
use super::shared::Keys;
use crate::record::timestamp::Timestamp;

/// Epochs held per domain. Live logs need one or two; a file of interleaved days is still served from here.
const EPOCHS_MAX: usize = 8;

/// One worker's view of [`Keys`].
pub struct EpochCache {
    keys: Keys,
    generation: u64,
    /// Per domain, the most recently used first.
    held: Vec<Vec<EpochKeys>>,
    dropped: u64,
}

impl EpochCache {
    /// An empty cache.
    pub fn new(keys: Keys) -> Self {
        Self { generation: keys.generation(), keys, held: Vec::new(), dropped: 0 }
    }

    /// The keys for a record of `instant`, the earlier of its event time and received time.
    #[inline]
    pub fn at(&mut self, domain: usize, instant: Timestamp, now: Timestamp) -> Result<&EpochKeys, KeyError> {
        let current = self.generation == self.keys.generation()
            && self
                .held
                .get(domain)
                .and_then(|held| held.first())
                .is_some_and(|keys| keys.covers(instant) && now < keys.dies());
        if !current {
            self.bring(domain, instant, now)?;
        }
        Ok(&self.held[domain][0])
    }

    /// Wipes every key that is dead at `now` or was changed. A worker without records calls this from time to time, so
    /// that a quiet source keeps no key beyond its death.
    pub fn sweep(&mut self, now: Timestamp) {
        let generation = self.keys.generation();
        if generation != self.generation {
            self.held.clear();
            self.generation = generation;
            self.dropped += 1;
        }
        for held in &mut self.held {
            let before = held.len();
            held.retain(|keys| now < keys.dies());
            self.dropped += (before - held.len()) as u64;
        }
    }

    /// Grows whenever keys were dropped: what was remembered of their tokens must be forgotten then.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Makes the keys for `instant` the first of their domain's.
    #[cold]
    fn bring(&mut self, domain: usize, instant: Timestamp, now: Timestamp) -> Result<(), KeyError> {
        self.sweep(now);
        if self.held.len() <= domain {
            self.held.resize_with(domain + 1, || Vec::with_capacity(EPOCHS_MAX));
        }
        let held = &mut self.held[domain];
        if let Some(at) = held.iter().position(|keys| keys.covers(instant)) {
            held[..=at].rotate_right(1);
            return Ok(());
        }
        let keys = self.keys.epoch_keys(domain, self.keys.epoch_of(domain, instant), now)?;
        self.dropped += u64::from(held.len() == EPOCHS_MAX);
        held.truncate(EPOCHS_MAX - 1);
        held.insert(0, keys);
        Ok(())
    }
}
