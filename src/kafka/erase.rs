//! Erasing from topics while a pipeline runs: output before it is due, and, where a source says so, raw input that is committed.
//!
//! `DeleteRecords` moves the start of a log. Readers no longer get what is before it from that moment on; the **bytes stay on the brokers'
//! disks until their segment goes** by the topic's own limits. So the first is a promise in seconds, the second one by the formula of
//! [`limits`](super::limits), and while nobody runs only the second holds.
//!
//! A log is ordered by arrival, and only its start moves. A record that arrived at `a` happened at the earliest at `a − lateness`, so
//! it is due at the earliest at `a − lateness + retention`: everything that arrived before `now − (retention − lateness)` may be due. A
//! head start covers the minute until the next time, the time in flight, and clocks that differ.
//!
//! Offsets are counted, not records: a transaction takes one for its end.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::Arrival;
use super::readers;
use super::topics::{Cluster, TopicsError};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Event;

/// How long before a record is due it is deleted.
pub const HEAD_START_MS: u64 = 120_000;

/// The time between two deletions.
pub const INTERVAL_MS: u64 = 60_000;

/// For a class of minutes the head start is this share of what a record may stay, with the time in flight and clocks on top, so that there
/// is something to read; half of the share is the time between two deletions.
const HEAD_START_SHARE: u64 = 8;

/// Raw input this many offsets before the committed one stays: what was read in the meantime can be looked at, and a reader that went back a
/// little finds it.
pub const RAW_MARGIN_OFFSETS: i64 = 1_000;

/// Raw input that arrived this short a time ago stays, too.
pub const RAW_MARGIN_SECONDS: i64 = 60;

/// How a class, and how late its records may be, decide what goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    stay_ms: u64,
    on_the_way_ms: u64,
}

impl Rhythm {
    /// Of records that may live `retention_ms` and arrive as stated.
    pub const fn new(retention_ms: u64, arrival: Arrival) -> Self {
        Self {
            stay_ms: retention_ms.saturating_sub(arrival.lateness_ms),
            on_the_way_ms: arrival.clock_skew_ms.saturating_add(arrival.in_flight_ms),
        }
    }

    fn head_start_ms(self) -> u64 {
        let share = (self.stay_ms / HEAD_START_SHARE).saturating_add(self.on_the_way_ms);
        share.min(HEAD_START_MS).min(self.stay_ms)
    }

    /// The time between two deletions: a minute, or less for a class of minutes.
    pub fn interval_ms(self) -> u64 {
        (self.stay_ms / HEAD_START_SHARE / 2).min(INTERVAL_MS)
    }

    /// What arrived before this goes now.
    pub fn before(self, now: Timestamp) -> Timestamp {
        let back = i64::try_from(self.stay_ms - self.head_start_ms()).unwrap_or(i64::MAX);
        Timestamp(now.0.saturating_sub(back.saturating_mul(1_000)))
    }
}

/// Which partitions of an output topic a process erases that holds partitions `held` of its input: its own, so that each has one who
/// does; with keyed output, all, if it holds partition 0.
pub fn ours(keyed: bool, held: &BTreeSet<i32>, partitions: u32) -> Vec<i32> {
    let all = 0..i32::try_from(partitions).unwrap_or(i32::MAX);
    if keyed {
        return if held.contains(&0) { all.collect() } else { Vec::new() };
    }
    held.iter().copied().filter(|partition| all.contains(partition)).collect()
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Partitions of which something went.
    pub partitions: BTreeSet<i32>,
    /// By how much their starts moved.
    pub offsets: u64,
    /// Partitions of which nothing went although something could have, and why.
    pub kept: BTreeMap<i32, String>,
}

/// What would be deleted: per partition where its log begins, and where it shall begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    topic: String,
    offsets: BTreeMap<i32, (i64, i64)>,
    kept: BTreeMap<i32, String>,
}

impl Due {
    /// True when nothing is.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partitions of which something goes.
    pub fn partitions(&self) -> usize {
        self.offsets.len()
    }

    /// Deletes it. The journal has been told.
    pub fn erase(self, cluster: &Cluster) -> Result<Erased, TopicsError> {
        let mut erased = Erased { kept: self.kept, ..Erased::default() };
        if self.offsets.is_empty() {
            return Ok(erased);
        }
        let until = self.offsets.iter().map(|(partition, (_, until))| (*partition, *until)).collect();
        for (partition, start) in cluster.delete_before(&self.topic, &until)? {
            let from = self.offsets.get(&partition).map_or(start, |(from, _)| *from);
            erased.offsets += u64::try_from(start - from).unwrap_or(0);
            erased.partitions.insert(partition);
        }
        Ok(erased)
    }
}

/// What arrived before `before` and is still there.
pub fn due(
    cluster: &Cluster,
    topic: &str,
    partitions: &[i32],
    before: Timestamp,
) -> Result<Due, TopicsError> {
    let mut due = Due { topic: topic.to_owned(), ..Due::default() };
    if partitions.is_empty() {
        return Ok(due);
    }
    // The ends are asked for first: what comes after is younger than `before`, and must not be taken for the end of what is old.
    let mut ends = BTreeMap::new();
    for partition in partitions {
        ends.insert(*partition, cluster.ends(topic, *partition)?);
    }
    for (partition, first) in cluster.first_since(topic, partitions, before)? {
        let Some(ends) = ends.get(&partition) else { continue };
        let until = first.unwrap_or(ends.end).min(ends.end);
        if until > ends.start {
            due.offsets.insert(partition, (ends.start, until));
        }
    }
    Ok(due)
}

/// What of an input topic is committed by `group`, less the margins, and read by all others, unless that does not matter.
pub fn raw_due(
    cluster: &Cluster,
    topic: &str,
    partitions: &[i32],
    group: &str,
    now: Timestamp,
    for_all: bool,
) -> Result<Due, TopicsError> {
    let mut old = due(cluster, topic, partitions, now.plus_seconds(-RAW_MARGIN_SECONDS))?;
    let committed = readers::committed(cluster, group, topic, partitions)?;
    old.offsets.retain(|partition, (start, until)| {
        let position = committed.get(partition).copied().flatten();
        *until = raw_until(*until, position);
        *until > *start
    });
    if old.is_empty() || for_all {
        return Ok(old);
    }
    let readers = readers::others(cluster, group, topic, partitions)?;
    let mut kept = BTreeMap::new();
    old.offsets.retain(|partition, (_, until)| match readers.are_past(*partition, *until) {
        Ok(()) => true,
        Err(why) => {
            kept.insert(*partition, why);
            false
        }
    });
    old.kept = kept;
    Ok(old)
}

/// Up to where raw input goes: old enough, and far enough behind what is committed.
fn raw_until(old: i64, committed: Option<i64>) -> i64 {
    committed.map_or(0, |committed| old.min(committed - RAW_MARGIN_OFFSETS))
}

/// One entry of the journal per topic and hour. It is written before the first deletion of the hour, and says how much has gone since the
/// one before it: so nothing goes without an entry, and a crash loses a count at most.
#[derive(Debug, Default)]
pub struct Tally {
    topics: BTreeMap<String, Hour>,
}

#[derive(Debug, Default)]
struct Hour {
    /// The hour of the last entry.
    entered: Option<Timestamp>,
    before: Option<Timestamp>,
    partitions: BTreeSet<i32>,
    offsets: u64,
}

impl Hour {
    fn entry(&self, topic: &str, going: usize) -> Event {
        let partitions = self.partitions.len().max(going) as u64;
        let (topic, offsets) = (topic.to_owned(), self.offsets);
        match self.before {
            Some(before) => Event::TopicRecordsDeleted { topic, partitions, before, offsets },
            None => Event::TopicRawErased { topic, partitions, offsets },
        }
    }
}

impl Tally {
    /// What the journal is told before `due` is erased at `now`; `before` is nothing for raw input.
    pub fn entry(&mut self, due: &Due, before: Option<Timestamp>, now: Timestamp) -> Option<Event> {
        if due.is_empty() {
            return None;
        }
        let hour = self.topics.entry(due.topic.clone()).or_default();
        hour.before = before;
        (hour.entered != Some(now.hour())).then(|| hour.entry(&due.topic, due.partitions()))
    }

    /// The journal has been told of a topic.
    pub fn entered(&mut self, topic: &str, now: Timestamp) {
        let hour = self.topics.entry(topic.to_owned()).or_default();
        *hour = Hour { entered: Some(now.hour()), before: hour.before, ..Hour::default() };
    }

    /// What was erased.
    pub fn add(&mut self, topic: &str, erased: &Erased) {
        if let Some(hour) = self.topics.get_mut(topic) {
            hour.offsets += erased.offsets;
            hour.partitions.extend(&erased.partitions);
        }
    }

    /// What has not been entered yet: for the end of a run.
    pub fn rest(&self) -> Vec<Event> {
        let open = self.topics.iter().filter(|(_, hour)| hour.offsets > 0);
        open.map(|(topic, hour)| hour.entry(topic, 0)).collect()
    }
}

#[cfg(test)]
#[path = "erase_tests.rs"]
mod tests;
