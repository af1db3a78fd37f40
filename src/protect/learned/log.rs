//! The names that the workers of a pipeline have learned, in the order in which they handed them in.

use std::cmp::Reverse;

use super::index::rank;
use crate::keys::Keys;
use crate::protect::text::Sense;
use crate::record::timestamp::Timestamp;

/// An epoch of a domain, and when it dies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) dies: Timestamp,
    pub(super) epoch: u64,
    /// Index into the policy's domains.
    pub(super) domain: usize,
}

/// A learned name, of which nothing but hashes is kept.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Of the whole name.
    pub(super) hash: u64,
    /// Of its first word.
    pub(super) first: u64,
    /// Which name it is of all that were ever learned.
    pub(super) number: u64,
    /// The epoch in which it was shown.
    pub(super) life: Life,
    /// Of the first eight bytes of its first word.
    pub(super) quick: u32,
    pub(super) words: u8,
    pub(super) sense: Sense,
}

/// What stands where an entry was.
const NOTHING: Entry = Entry {
    hash: 0,
    first: 0,
    number: 0,
    life: Life { dies: Timestamp(0), epoch: 0, domain: 0 },
    quick: 0,
    words: 0,
    sense: Sense::Room,
};

/// The names that are remembered. Between two versions names are only added, at the end.
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// Changes when a name was forgotten.
    pub(super) version: u64,
    /// When the first of them is to be forgotten.
    pub(super) next_death: Timestamp,
    /// The state of the keys that the lives were held against.
    generation: u64,
    names_max: usize,
    number: u64,
}

impl Log {
    /// An empty log of at most `names_max` names, at least one.
    pub(super) fn new(names_max: usize, keys: &Keys) -> Self {
        Self {
            entries: Vec::new(),
            version: 0,
            next_death: Timestamp(i64::MAX),
            generation: keys.generation(),
            names_max: names_max.max(1),
            number: 0,
        }
    }

    /// Adds names. Where there is no room, old ones go.
    pub(super) fn add(&mut self, entries: &[Entry]) {
        for entry in entries {
            if self.entries.len() == self.names_max {
                self.make_room();
            }
            self.number += 1;
            self.next_death = self.next_death.min(entry.life.dies);
            self.entries.push(Entry { number: self.number, ..*entry });
        }
    }

    /// Forgets an eighth, so that this is not done for every name: first the weaker entries of names that have several, then those
    /// of the epoch that dies first, and of one epoch those that were learned first.
    fn make_room(&mut self) {
        self.version += 1;
        let (before, stay) = (self.entries.len(), self.names_max - (self.names_max / 8).max(1));
        self.entries.sort_unstable_by_key(|entry| {
            (entry.hash, Reverse((entry.life.dies, rank(entry.sense), entry.number)))
        });
        self.entries.dedup_by_key(|entry| entry.hash);
        if self.entries.len() > stay {
            // Later ones first: those at the end go.
            self.entries.select_nth_unstable_by_key(stay, |entry| {
                Reverse((entry.life.dies, entry.life.epoch, entry.number))
            });
        }
        self.keep(stay, before);
    }

    /// Forgets the names of every epoch that is dead at `now`, or whose key was destroyed.
    pub(super) fn sweep(&mut self, now: Timestamp, keys: &Keys) {
        let generation = keys.generation();
        let mut changed = false;
        if generation != self.generation {
            self.generation = generation;
            changed = self.ask(now, keys);
        }
        if changed || now >= self.next_death {
            let before = self.entries.len();
            self.entries.sort_unstable_by_key(|entry| entry.life.dies <= now);
            self.keep(self.entries.partition_point(|entry| entry.life.dies > now), before);
            self.next_death =
                self.entries.iter().map(|entry| entry.life.dies).min().unwrap_or(Timestamp(i64::MAX));
            self.version += u64::from(changed || before != self.entries.len());
        }
    }

    /// Asks the keys about every life; one that is over dies now. True when a life has changed.
    fn ask(&mut self, now: Timestamp, keys: &Keys) -> bool {
        let mut asked: Vec<(Life, Timestamp)> = Vec::new();
        let mut changed = false;
        for Entry { life, .. } in &mut self.entries {
            let known = asked.iter().find(|(asked, _)| asked == life).map(|(_, dies)| *dies);
            let dies = known.unwrap_or_else(|| {
                let dies = keys.epoch_keys(life.domain, life.epoch, now).map_or(now, |keys| keys.dies());
                asked.push((*life, dies));
                dies
            });
            changed |= dies != life.dies;
            life.dies = dies;
        }
        changed
    }

    /// Keeps the first `count` entries; of the `before` that there were, nothing else stays in memory.
    fn keep(&mut self, count: usize, before: usize) {
        self.entries.truncate(count);
        let count = self.entries.len();
        self.entries.resize(before, NOTHING);
        self.entries.truncate(count);
    }
}
