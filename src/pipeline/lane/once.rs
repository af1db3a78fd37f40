//! `--once`: topics are read up to where their partitions ended when they were taken on, and then the run ends.
//!
//! *In*: the partitions of the input. *Out*: the signal to stop, when nothing is left. *Promised*: what was there at the start is read and
//! committed by the end, unless another member of the group has it. *Not here*: the end of the last round (`round`, `store`).
//!
//! A partition's end may hold no message but the mark of a transaction, so that besides offsets the client's word counts that there is no
//! more. Partitions that others of the group hold are theirs to read: when nothing has happened for [`QUIET`] and none of ours is left,
//! the run ends as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::live::Lane;
use crate::kafka::KafkaError;
use crate::kafka::consumer::Partition;

/// Longer than a group takes to move partitions from one member to another.
const QUIET: Duration = Duration::from_secs(10);

/// See the module comment. Shared by all lanes.
pub struct Once(Mutex<State>);

struct State {
    /// Partitions that are not read to their ends, and these, once known.
    left: BTreeMap<Partition, Option<i64>>,
    /// Those that lanes of this process hold.
    held: BTreeSet<Partition>,
    /// The group has spoken.
    has_begun: bool,
    /// When something happened last.
    moved: Instant,
}

impl Once {
    /// With these partitions to be read.
    pub fn new(partitions: impl IntoIterator<Item = Partition>) -> Self {
        let left = partitions.into_iter().map(|partition| (partition, None)).collect();
        Self(Mutex::new(State { left, held: BTreeSet::new(), has_begun: false, moved: Instant::now() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// True when nothing is left for this process to read.
    fn is_over(&self, now: Instant) -> bool {
        let is_quiet = || self.has_begun && now.duration_since(self.moved) >= QUIET;
        self.left.is_empty() || is_quiet() && self.left.keys().all(|partition| !self.held.contains(partition))
    }

    /// A partition is read up to `next`, or wholly when that is `None`; true when that is its end.
    fn read_to(&mut self, partition: &Partition, next: Option<i64>) -> bool {
        let is_end = match (self.left.get(partition), next) {
            (Some(Some(end)), Some(next)) => next >= *end,
            (Some(_), None) => true,
            (Some(None), Some(_)) | (None, _) => false,
        };
        if is_end {
            self.left.remove(partition);
            self.moved = Instant::now();
        }
        is_end
    }
}

impl Lane<'_> {
    /// Partitions were taken on: notes where they end.
    pub(super) fn look_at_ends(&mut self, partitions: &[Partition]) -> Result<(), KafkaError> {
        let Some(once) = &self.setup.once else { return Ok(()) };
        let mut ended = Vec::new();
        for held in self.holding.iter().filter(|held| partitions.contains(&held.partition)) {
            let partition = &held.partition;
            let (first, end) = self.consumer.reach(partition)?;
            let mut state = once.lock();
            state.held.insert(partition.clone());
            if let Some(known) = state.left.get_mut(partition) {
                known.get_or_insert(end);
            }
            // One that is not read has been said.
            let next = held.input.map(|_| held.committed.unwrap_or(first));
            if state.read_to(partition, next) || !state.left.contains_key(partition) {
                ended.push(partition.clone());
            }
        }
        let mut state = once.lock();
        (state.has_begun, state.moved) = (true, Instant::now());
        drop(state);
        if ended.is_empty() { Ok(()) } else { self.consumer.pause(&ended, true) }
    }

    /// Partitions were let go.
    pub(super) fn leave_to_others(&self, partitions: &[Partition]) {
        let Some(once) = &self.setup.once else { return };
        let mut state = once.lock();
        state.moved = Instant::now();
        state.held.retain(|held| !partitions.contains(held));
    }

    /// The client says that there is no more of the partition at `place` now.
    pub(super) fn at_end(&mut self, place: usize) -> Result<(), KafkaError> {
        let setup = self.setup;
        let Some(once) = &setup.once else { return Ok(()) };
        let next = self.holding.get(place).and_then(|held| held.next);
        if setup.store.is_none() {
            // What is undone is read again, and ends again.
            self.settle()?;
        }
        let Some(held) = self.holding.get(place) else { return Ok(()) };
        let is_fact = setup.store.is_some() || next.is_none() || held.committed == next;
        let is_end = is_fact && once.lock().read_to(&held.partition, None);
        if is_end { self.consumer.pause(std::slice::from_ref(&held.partition), true) } else { Ok(()) }
    }

    /// Stops the run when everything was read.
    pub(super) fn look_for_end(&self) -> Result<(), KafkaError> {
        let Some(once) = &self.setup.once else { return Ok(()) };
        let mut state = once.lock();
        let mut ended = Vec::new();
        for held in self.holding.iter() {
            // The sinks of a store have it for good, or the run has failed.
            let next = held.next.filter(|_| self.setup.store.is_some()).or(held.committed);
            if next.is_some() && state.read_to(&held.partition, next) {
                ended.push(held.partition.clone());
            }
        }
        if state.is_over(Instant::now()) {
            self.around.stop.store(true, Ordering::Relaxed);
        }
        drop(state);
        if ended.is_empty() { Ok(()) } else { self.consumer.pause(&ended, true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> Partition {
        ("raw".to_owned(), number)
    }

    #[test]
    fn it_is_over_when_all_is_read_or_what_is_left_is_with_others() {
        let once = Once::new([partition(0), partition(1)]);
        let mut state = once.lock();
        let soon = Instant::now();
        assert!(!state.read_to(&partition(0), Some(9)), "its end is not known");
        state.left.insert(partition(0), Some(10));
        assert!(!state.read_to(&partition(0), Some(9)));
        assert!(state.read_to(&partition(0), Some(10)));
        assert!(!state.read_to(&partition(0), Some(11)), "once");
        let late = soon + 2 * QUIET;
        assert!(!state.is_over(late), "the group has not spoken");
        state.has_begun = true;
        assert!(!state.is_over(soon) && state.is_over(late));
        state.held.insert(partition(1));
        assert!(!state.is_over(late), "ours to read");
        assert!(state.read_to(&partition(1), None));
        assert!(state.is_over(soon));
    }
}
