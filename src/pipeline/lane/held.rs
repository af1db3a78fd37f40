//! The partitions that a lane holds, and how far it is in each.

use std::time::Instant;

use crate::kafka::consumer::Partition;

/// One partition.
pub(super) struct Held {
    /// Its topic and number.
    pub partition: Partition,
    /// How its topic is told in messages, once one came.
    pub topic_id: usize,
    /// The source it belongs to; `None`: it is not read.
    pub input: Option<usize>,
    /// The topic's place among those that sources name.
    pub pattern: usize,
    /// Where the group is; `None`: nowhere yet.
    pub committed: Option<i64>,
    /// Where the round at hand is.
    pub next: Option<i64>,
    /// Fetching rests until then.
    pub rests_until: Option<Instant>,
    /// Since when it is taken on again, after it was let go in the same moment.
    pub taken_again: Option<Instant>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Holding {
    all: Vec<Held>,
    /// Where the last message was found: most come in runs.
    last: usize,
}

impl Holding {
    pub(super) fn add(&mut self, held: Held) {
        self.all.push(held);
    }

    pub(super) fn remove(&mut self, partitions: &[Partition]) {
        self.all.retain(|held| !partitions.contains(&held.partition));
        self.last = 0;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.all.iter_mut()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Held> {
        self.all.get(at)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Held> {
        self.all.get_mut(at)
    }

    /// The place of a partition. `name` is asked once per topic and assignment.
    #[inline]
    pub(super) fn find<'n>(
        &mut self,
        topic_id: usize,
        number: i32,
        name: impl FnOnce() -> &'n str,
    ) -> Option<usize> {
        if let Some(last) = self.all.get(self.last)
            && last.topic_id == topic_id
            && last.partition.1 == number
        {
            return Some(self.last);
        }
        let known = self.all.iter().position(|held| held.topic_id == topic_id && held.partition.1 == number);
        let at = known.or_else(|| {
            let name = name();
            let at =
                self.all.iter().position(|held| held.partition.1 == number && held.partition.0 == name)?;
            self.all[at].topic_id = topic_id;
            Some(at)
        })?;
        self.last = at;
        Some(at)
    }

    /// Every partition.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        self.all.iter().map(|held| held.partition.clone()).collect()
    }

    /// Where the round at hand has come to.
    pub(super) fn progress(&self) -> Vec<(Partition, i64)> {
        let moved = |held: &Held| held.next.map(|next| (held.partition.clone(), next));
        self.all.iter().filter_map(moved).collect()
    }

    /// The round is a fact.
    pub(super) fn settle(&mut self) {
        for held in &mut self.all {
            held.committed = held.next.take().or(held.committed);
        }
    }

    /// The round is undone.
    pub(super) fn forget(&mut self) {
        for held in &mut self.all {
            held.next = None;
        }
    }
}
