//! How far partitions of topics are whose records are stored in files: the ranges of offsets that the parts hold beyond what the group knows.
//!
//! *In*: where the group is when a partition is taken on, deliveries, checkpoints. *Out*: where to read from, and what may be committed to
//! the group. *Promised*: PI-9, the group is told of an offset only once everything before it is durable; and what is durable is not read
//! again by whoever has this state directory, though the group was not told of it.
//!
//! ```text
//!     from                 stored            delivered
//! ──────┼────────────────────┼───────────────────┼──────▶ offsets of a partition
//!    the group            the last          the sinks
//!    is here              checkpoint        have these
//! ```
//! The checkpoint writes `from` and `delivered` beside the parts that it counts on, in one step. After a crash a group that is still
//! at `from`, or somewhere between, is behind the parts by a known range, which is left out. A group that is anywhere else was moved by
//! somebody: another process that has read on, or a person who wants records to be read again. That is then right.
//!
//! *Not here*: positions in files (`source::ledger`), when a checkpoint is written (`delivery`), the group (`lane`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::kafka::consumer::Partition;

/// See the module comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    /// Where the group was when it was last heard of; `None`: it had no position, and reading began at the earliest.
    from: Option<i64>,
    /// One past the last offset that a checkpoint has; `None`: none yet.
    stored: Option<i64>,
    /// One past the last offset that the sinks have.
    delivered: i64,
}

impl Range {
    /// Whether a group at `group` is behind what is held here, by records that are all here.
    fn covers(&self, group: Option<i64>) -> bool {
        match (self.from, group) {
            (None, None) => true,
            (Some(_), None) => false,
            (from, Some(at)) => from.is_none_or(|from| from <= at) && at < self.delivered,
        }
    }
}

/// The ranges of one consumer group. Shared by the lanes and the checkpoint.
pub struct Offsets {
    group: String,
    all: Mutex<BTreeMap<Partition, Range>>,
}

impl Offsets {
    /// Of a group of which nothing is stored.
    pub fn new(group: &str) -> Self {
        Self { group: group.to_owned(), all: Mutex::default() }
    }

    /// Where a partition is to be read from, whose group is at `group` (`None`: nowhere yet, which is the earliest).
    pub fn begin(&self, partition: &Partition, group: Option<i64>) -> Option<i64> {
        let mut all = self.lock();
        if let Some(range) = all.get(partition)
            && range.covers(group)
        {
            return Some(range.delivered);
        }
        match group {
            Some(at) => {
                all.insert(partition.clone(), Range { from: group, stored: None, delivered: at });
            }
            None => {
                all.remove(partition);
            }
        }
        group
    }

    /// The sinks have everything before `next`.
    pub fn delivered(&self, partition: &Partition, next: i64) {
        let mut all = self.lock();
        match all.get_mut(partition) {
            Some(range) => range.delivered = range.delivered.max(next),
            None => {
                all.insert(partition.clone(), Range { from: None, stored: None, delivered: next });
            }
        }
    }

    /// A checkpoint has what was delivered so far.
    pub fn stored(&self) {
        for range in self.lock().values_mut() {
            range.stored = Some(range.delivered);
        }
    }

    /// Of `partitions`, what is stored and the group does not know.
    pub fn untold<'p>(&self, partitions: impl Iterator<Item = &'p Partition>) -> Vec<(Partition, i64)> {
        let all = self.lock();
        let untold = |partition: &Partition| {
            let range = all.get(partition)?;
            let stored = range.stored.filter(|stored| range.from.is_none_or(|from| from < *stored))?;
            Some((partition.clone(), stored))
        };
        partitions.filter_map(untold).collect()
    }

    /// The group knows.
    pub fn told(&self, positions: &[(Partition, i64)]) {
        let mut all = self.lock();
        for (partition, at) in positions {
            if let Some(range) = all.get_mut(partition) {
                range.from = Some(*at);
            }
        }
    }

    /// Everything, as JSON: names of topics and numbers.
    pub fn write(&self) -> Value {
        let all = self.lock();
        let partitions = all
            .iter()
            .map(|((topic, number), range)| json!([topic, number, range.from, range.delivered]))
            .collect::<Vec<_>>();
        json!({ "group": self.group, "partitions": partitions })
    }

    /// Reads what [`write`](Self::write) wrote for this group; what is of another one says nothing. `None` when it is something else.
    pub fn read(group: &str, value: &Value) -> Option<Self> {
        let offsets = Self::new(group);
        if value.is_null() || value["group"].as_str()? != group {
            return Some(offsets);
        }
        let mut all = BTreeMap::new();
        for entry in value["partitions"].as_array()? {
            let number = i32::try_from(entry[1].as_i64()?).ok()?;
            let from = if entry[2].is_null() { None } else { Some(entry[2].as_i64()?) };
            let delivered = entry[3].as_i64()?;
            let range = Range { from, stored: Some(delivered), delivered };
            all.insert((entry[0].as_str()?.to_owned(), number), range);
        }
        Some(Self { all: Mutex::new(all), ..offsets })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Partition, Range>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> Partition {
        ("raw".to_owned(), number)
    }

    fn untold(offsets: &Offsets) -> Vec<(Partition, i64)> {
        offsets.untold([partition(0), partition(1)].iter())
    }

    #[test]
    fn pi_9_the_group_hears_of_what_is_stored_and_of_nothing_else() {
        let offsets = Offsets::new("g");
        assert_eq!(offsets.begin(&partition(0), Some(100)), Some(100));
        assert_eq!(offsets.begin(&partition(1), None), None);
        offsets.delivered(&partition(0), 120);
        offsets.delivered(&partition(1), 7);
        assert_eq!(untold(&offsets), []);
        offsets.stored();
        offsets.delivered(&partition(0), 130);
        assert_eq!(untold(&offsets), [(partition(0), 120), (partition(1), 7)]);
        offsets.told(&untold(&offsets));
        assert_eq!(untold(&offsets), []);
    }

    #[test]
    fn pi_9_what_is_stored_is_not_read_again_unless_the_group_was_moved() {
        let before = Offsets::new("g");
        let _ = before.begin(&partition(0), Some(100));
        before.delivered(&partition(0), 120);
        before.delivered(&partition(1), 7);
        // A crash after the checkpoint: the group may know of it, or not.
        let again = || Offsets::read("g", &before.write()).unwrap();
        for (group, from) in [(100, 120), (110, 120), (120, 120), (140, 140), (99, 99)] {
            assert_eq!(again().begin(&partition(0), Some(group)), Some(from), "{group}");
        }
        assert_eq!(again().begin(&partition(0), None), None, "a group that was deleted begins anew");
        assert_eq!(again().begin(&partition(1), None), Some(7));
        assert_eq!(again().begin(&partition(1), Some(3)), Some(7));
        assert_eq!(untold(&again()), [(partition(0), 120), (partition(1), 7)]);
        // Nothing is left out of what the group knows already.
        before.stored();
        before.told(&[(partition(0), 120)]);
        assert_eq!(again().begin(&partition(0), Some(110)), Some(110));
    }

    #[test]
    fn another_group_has_read_nothing_and_other_text_is_refused() {
        let before = Offsets::new("g");
        before.delivered(&partition(0), 120);
        assert_eq!(Offsets::read("h", &before.write()).unwrap().begin(&partition(0), None), None);
        assert_eq!(Offsets::read("g", &Value::Null).unwrap().begin(&partition(0), None), None);
        assert!(Offsets::read("g", &json!({ "group": "g", "partitions": [["raw", "0"]] })).is_none());
    }
}
