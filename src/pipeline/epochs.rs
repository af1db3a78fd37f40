//! The epoch keys that a worker holds.
//!
//! Records of one batch mostly share one epoch, so the last one is tried first. A handful are kept for late records; when one
//! goes, its tokens are wiped from the worker's cache with it.

use std::sync::Arc;

use crate::keys::Keys;
use crate::protect::{Epoch, Protector};
use crate::record::timestamp::Timestamp;

/// Epochs held per worker. Logs that jump between more days than this pay for deriving keys again, nothing else.
const HELD_MAX: usize = 64;

/// See the module comment.
pub struct Epochs {
    keys: Arc<Keys>,
    held: Vec<(usize, u64, Epoch)>,
    last: usize,
    next_tag: u32,
    generation: u64,
    names: Vec<String>,
}

impl Epochs {
    /// A worker's view of `keys`; `names` are the domains' names by index.
    pub fn new(keys: Arc<Keys>, names: Vec<String>) -> Self {
        let generation = keys.generation();
        Self { keys, held: Vec::new(), last: 0, next_tag: 1, generation, names }
    }

    /// Drops what the keyring no longer holds: called once per batch.
    pub fn refresh(&mut self, protector: &mut Protector) {
        let generation = self.keys.generation();
        if generation != self.generation {
            self.generation = generation;
            self.held.clear();
            protector.wipe_tokens();
        }
    }

    /// The keys of `domain` at `instant`; `None` when they are dead, so that the record is expired.
    #[inline]
    pub fn at(&mut self, domain: usize, instant: Timestamp, protector: &mut Protector) -> Option<&Epoch> {
        let number = self.keys.epoch_of(domain, instant);
        if let Some((held_domain, held_number, _)) = self.held.get(self.last)
            && (*held_domain, *held_number) == (domain, number)
        {
            return self.held.get(self.last).map(|(.., epoch)| epoch);
        }
        self.find_or_derive(domain, number, protector)
    }

    fn find_or_derive(&mut self, domain: usize, number: u64, protector: &mut Protector) -> Option<&Epoch> {
        if let Some(place) = self.held.iter().position(|(d, n, _)| (*d, *n) == (domain, number)) {
            self.last = place;
        } else {
            let keys = self.keys.epoch_keys(domain, number).ok()?;
            if self.held.len() == HELD_MAX {
                self.held.remove(0);
                protector.wipe_tokens();
            }
            let label = format!("{}/{}/{}", self.names[domain], number, keys.check_text());
            self.held.push((domain, number, Epoch { keys, tag: self.next_tag, label }));
            // 31 bits, since the cache uses one for the form; 0 is never used.
            self.next_tag = self.next_tag % (u32::MAX >> 1) + 1;
            self.last = self.held.len() - 1;
        }
        self.held.get(self.last).map(|(.., epoch)| epoch)
    }
}
