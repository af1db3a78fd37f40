//! One worker's part: what it learns, and what it looks names up in.

use std::sync::Arc;

use super::Learned;
use super::choice::{self, Choice};
use super::index::Index;
use super::log::{Entry, Life, Log};
use super::search::Search;
use super::words::Walker;
use crate::keys::EpochKeys;
use crate::protect::text::{Finding, Sense};
use crate::record::timestamp::Timestamp;

/// Names that are known to have been learned or refused, so that one that stands on every line costs next to nothing: those of a
/// few hundred meetings at one time, in memory that stays near.
const SEEN: usize = 16_384;

/// New names that a worker keeps to itself.
const NEW_MAX: usize = 1024;

/// A worker's names. Without a pipeline's [`Learned`] it learns nothing and finds nothing.
pub struct Learner {
    shared: Option<Arc<Learned>>,
    index: Index,
    /// Learned, and not handed in.
    new: Vec<Entry>,
    seen: Vec<u64>,
    walker: Walker,
    /// Reused room for a finding.
    pub(in crate::protect) spaced: Vec<u8>,
    /// Index into the policy's domains of the record at hand.
    domain: usize,
    /// How much of the log stands in the index: its changes, its version and its entries.
    changes: u64,
    version: u64,
    entries: usize,
    next_death: Timestamp,
    generation: u64,
}

impl Default for Learner {
    fn default() -> Self {
        Self {
            shared: None,
            index: Index::default(),
            new: Vec::new(),
            seen: Vec::new(),
            walker: Walker::default(),
            spaced: Vec::new(),
            domain: 0,
            // The log may hold names already.
            changes: u64::MAX,
            version: 0,
            entries: 0,
            next_death: Timestamp(i64::MAX),
            generation: 0,
        }
    }
}

impl Learner {
    /// A worker's part of what a pipeline learns.
    pub fn of(shared: Arc<Learned>) -> Self {
        Self {
            generation: shared.keys.generation(),
            shared: Some(shared),
            seen: vec![0; SEEN],
            ..Self::default()
        }
    }

    /// True when names are learned.
    #[inline]
    pub const fn is_on(&self) -> bool {
        self.shared.is_some()
    }

    /// True when no text needs a search.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Says which of the policy's domains the next names belong to.
    #[inline]
    pub fn enter(&mut self, domain: usize) {
        self.domain = domain;
    }

    /// Learns a name, decoded, of a record whose keys are `keys`.
    #[inline]
    pub fn learn(&mut self, sense: Sense, name: &[u8], keys: &EpochKeys) {
        let Some(shared) = &self.shared else { return };
        let hasher = shared.hasher();
        let mark = hasher.with(hasher.bytes(name), sense as u64, keys.serial());
        let seen = &mut self.seen[mark as usize % SEEN];
        if *seen != mark {
            *seen = mark;
            self.learn_new(sense, name, keys);
        }
    }

    #[cold]
    fn learn_new(&mut self, sense: Sense, name: &[u8], keys: &EpochKeys) {
        let Some(shared) = self.shared.clone() else { return };
        let Some(Choice { hash, first, quick, words }) =
            choice::choose(shared.hasher(), &mut self.walker, sense, name)
        else {
            return;
        };
        let life = Life { dies: keys.dies(), epoch: keys.epoch(), domain: self.domain };
        let entry = Entry { hash, first, number: 0, life, quick, words, sense };
        if self.index.knows(&entry) {
            return;
        }
        if self.new.len() == NEW_MAX || self.index.is_full() {
            self.hand_in();
        }
        if self.index.is_full() {
            self.rebuild(&shared.log());
        }
        self.index.add(&entry);
        self.next_death = self.next_death.min(life.dies);
        self.new.push(entry);
    }

    /// Adds to `out` (ascending, as [`find`](crate::protect::text::find) left it) where learned names stand in `text`: every place of
    /// each as whole words, the longest of those that begin together, but not in the middle of what was found before. True when
    /// something was added: then findings that share bytes are still to be joined.
    #[inline]
    pub fn find(&mut self, text: &[u8], out: &mut Vec<Finding>) -> bool {
        let Some(shared) = &self.shared else { return false };
        if self.index.is_empty() {
            return false;
        }
        let before = out.len();
        let (index, walker) = (&self.index, &mut self.walker);
        Search { text, index, hasher: shared.hasher(), walker, out, before, passed: 0 }.run();
        out.len() > before
    }

    /// Takes over what other workers have learned: at the beginning of a batch.
    pub fn begin(&mut self) {
        if let Some(shared) = &self.shared
            && shared.changes() != self.changes
        {
            self.take_over();
        }
    }

    /// Gives the others what was learned: at the end of a batch.
    pub fn hand_in(&mut self) {
        let Some(shared) = self.shared.clone().filter(|_| !self.new.is_empty()) else { return };
        let mut log = shared.log();
        self.catch_up(&shared, &log);
        log.add(&self.new);
        self.new.clear();
        shared.has_changed();
        if log.version == self.version {
            // What was added is in the index.
            self.entries = log.entries.len();
        }
        self.catch_up(&shared, &log);
    }

    /// Forgets the names of dead epochs: whenever dead keys are forgotten.
    pub fn forget_dead(&mut self, now: Timestamp) {
        let Some(shared) = self.shared.clone() else { return };
        if now < self.next_death && shared.keys.generation() == self.generation {
            return;
        }
        self.hand_in();
        self.generation = shared.keys.generation();
        let mut log = shared.log();
        let version = log.version;
        log.sweep(now, &shared.keys);
        if log.version != version {
            shared.has_changed();
        }
        self.catch_up(&shared, &log);
        // Another worker may have swept what this one has yet to forget.
        self.next_death = log.next_death;
    }

    #[cold]
    fn take_over(&mut self) {
        if let Some(shared) = self.shared.clone() {
            self.catch_up(&shared, &shared.log());
        }
    }

    /// Brings the index to the state of the log.
    fn catch_up(&mut self, shared: &Learned, log: &Log) {
        self.changes = shared.changes();
        if self.version != log.version {
            return self.rebuild(log);
        }
        while let Some(entry) = log.entries.get(self.entries) {
            if self.index.is_full() {
                return self.rebuild(log);
            }
            self.index.add(entry);
            self.entries += 1;
        }
        self.next_death = self.next_death.min(log.next_death);
    }

    /// Makes the index anew, with room for more.
    fn rebuild(&mut self, log: &Log) {
        if self.version != log.version {
            // What was forgotten must be learned again when it is shown again.
            self.seen.fill(0);
        }
        self.index.clear(log.entries.len() + self.new.len());
        log.entries.iter().chain(&self.new).for_each(|entry| self.index.add(entry));
        (self.version, self.entries) = (log.version, log.entries.len());
        self.next_death = self.next_death.min(log.next_death);
    }
}
