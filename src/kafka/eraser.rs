//! Once a minute, while a pipeline runs: what is due goes from the topics that are written, and what is committed from those whose source
//! says so.
//!
//! A process erases the partitions whose input its lanes hold, so that each has one who does. During a rebalance there may be none or two
//! for a moment; a minute's head start covers the first, and doing it twice changes nothing. Whoever calls does not while destruction is
//! paused by a clock that is not to be trusted.

use std::collections::{BTreeMap, BTreeSet};

use super::erase::{self, Due, Rhythm, Tally};
use super::judge::Committed;
use super::live::LiveTopics;
use super::topics::{Cluster, TopicsError};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{Journal, JournalError};

/// Partitions that the lanes of this process hold: input topic, and numbers.
pub type Held = BTreeMap<String, BTreeSet<i32>>;

/// Why something is still there.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The cluster did not do it.
    #[error("{0}; the topic's own limits hold meanwhile")]
    Topics(#[from] TopicsError),
    /// It could not be written down.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// Others have not read it.
    #[error(
        "raw records of partition {partition} of topic {topic} are not erased: {why}; let it go on, delete the group, or say \
         erase_raw_for_all = true"
    )]
    Kept {
        /// The input topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Who or what is in the way.
        why: String,
    },
}

/// What erases.
#[derive(Debug, Default)]
pub struct Eraser {
    /// Our consumer group.
    group: String,
    tally: Tally,
    /// When each topic is next looked at.
    next: BTreeMap<String, Timestamp>,
}

impl Eraser {
    /// For a pipeline of consumer group `group`.
    pub fn new(group: &str) -> Self {
        Self { group: group.to_owned(), ..Self::default() }
    }

    /// Erases what is due at `now`; what could not be erased comes back. Called again when [`next`](Self::next) says.
    pub fn round(
        &mut self,
        cluster: &Cluster,
        live: &LiveTopics,
        held: &Held,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Vec<EraseError> {
        let mut errors = Vec::new();
        for output in &live.wanted().outputs {
            let rhythm = Rhythm::new(output.limit_ms, output.arrival);
            if !self.turn(&output.topic, now, rhythm.interval_ms()) {
                continue;
            }
            let inputs = live.inputs().filter(|(_, source)| output.inputs.contains(source));
            let numbers: BTreeSet<i32> =
                inputs.filter_map(|(topic, _)| held.get(topic)).flatten().copied().collect();
            let ours = erase::ours(output.keyed, &numbers, live.output_partitions(&output.topic));
            let before = rhythm.before(now);
            let due = erase::due(cluster, &output.topic, &ours, before);
            self.erase(cluster, due, Some(before), now, journal, &mut errors);
        }
        for (topic, source) in live.inputs() {
            let for_all = match live.wanted().inputs[source].committed {
                Committed::Stays => continue,
                Committed::GoesBehindAll => false,
                Committed::Goes => true,
            };
            let Some(ours) = held.get(topic).filter(|ours| !ours.is_empty()) else { continue };
            if self.turn(topic, now, erase::INTERVAL_MS) {
                let ours: Vec<i32> = ours.iter().copied().collect();
                let due = erase::raw_due(cluster, topic, &ours, &self.group, now, for_all);
                self.erase(cluster, due, None, now, journal, &mut errors);
            }
        }
        errors
    }

    /// When the next topic is due; `None` before the first round.
    pub fn next(&self) -> Option<Timestamp> {
        self.next.values().min().copied()
    }

    /// Enters what has gone since the last entries: at the end of a run.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn end(&mut self, now: Timestamp, journal: &mut Journal) -> Result<(), JournalError> {
        let rest = self.tally.rest();
        if !rest.is_empty() {
            journal.append(now, &rest)?;
            self.tally = Tally::default();
        }
        Ok(())
    }

    /// Whether it is the topic's turn. A clock that went back does not make it wait longer than one interval.
    fn turn(&mut self, topic: &str, now: Timestamp, interval_ms: u64) -> bool {
        let interval = i64::try_from(interval_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
        let soonest = Timestamp(now.0.saturating_add(interval));
        let next = self.next.entry(topic.to_owned()).or_insert(now);
        if *next > now && *next <= soonest {
            return false;
        }
        *next = soonest;
        true
    }

    fn erase(
        &mut self,
        cluster: &Cluster,
        due: Result<Due, TopicsError>,
        before: Option<Timestamp>,
        now: Timestamp,
        journal: &mut Journal,
        errors: &mut Vec<EraseError>,
    ) {
        let topic = due.as_ref().map(|due| due.topic().to_owned()).unwrap_or_default();
        let done = due.map_err(EraseError::from).and_then(|due| {
            if let Some(entry) = self.tally.entry(&due, before, now) {
                journal.append(now, &[entry])?;
                self.tally.entered(due.topic(), now);
            }
            Ok(due.erase(cluster)?)
        });
        match done {
            Ok(erased) => {
                self.tally.add(&topic, &erased);
                let kept = erased.kept.into_iter();
                errors.extend(kept.map(|(partition, why)| EraseError::Kept {
                    topic: topic.clone(),
                    partition,
                    why,
                }));
            }
            Err(error) => errors.push(error),
        }
    }
}
