//! Whether a broker's clock is apart from ours.
//!
//! Kafka has no request for the time. What a broker stamps (`message.timestamp.type=LogAppendTime`) tells it, and finding an offset by its
//! time takes no right but Describe on the topic:
//! - A record that is stamped well after now: the broker is ahead of us, or was when it stamped it.
//! - A record that was appended since we looked last, and none that is stamped after that: the broker is behind us.
//!
//! What cannot be seen: a broker that is behind, until something is written; anything, of a topic with times of producers; and which of both
//! clocks is wrong.
//!
//! What it matters for: records are deleted by our clock, and found by their broker's. Of the head start of two minutes
//! ([`erase`](super::erase)), one lies between two deletions and ten seconds are on the way; thirty of clocks fit in what is left. And a
//! record whose stamp lies ahead counts as received when it is read, so that its deadline comes later by the lag.

use std::collections::BTreeMap;
use std::fmt;

use super::topics::{Cluster, TopicsError};
use crate::record::timestamp::Timestamp;

/// How far apart two clocks may be, in seconds.
pub const APART_SECONDS: i64 = 30;

/// How far apart they are is told in these steps.
const STEPS: [i64; 7] = [APART_SECONDS, 120, 600, 3_600, 21_600, 86_400, 30 * 86_400];

/// A broker's clock that is apart from ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The topic whose stamps tell it.
    pub topic: String,
    /// The partition, which that broker leads or led.
    pub partition: i32,
    /// At least how far it is ahead of us, in seconds; negative: behind.
    pub seconds: i64,
}

impl fmt::Display for Apart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, seconds } = self;
        let side = if *seconds > 0 { "ahead of" } else { "behind" };
        write!(
            out,
            "the broker of partition {partition} of topic {topic} stamps records at least {} s {side} the clock of this machine, and {} s are \
             allowed: records would be deleted too late or too early by as much; set both clocks by NTP{}",
            seconds.abs(),
            APART_SECONDS,
            if *seconds > 0 {
                " (if they are, the broker's was wrong before: delete what it stamped ahead)"
            } else {
                ""
            },
        )
    }
}

/// What was seen of partitions before.
#[derive(Debug, Default)]
pub struct BrokerClock {
    /// When each was looked at, and where it ended.
    seen: BTreeMap<(String, i32), (Timestamp, i64)>,
}

impl BrokerClock {
    /// Looks at topics that brokers stamp, each with its partitions. What comes back is the one that is apart the furthest.
    ///
    /// # Errors
    /// When a topic cannot be asked for.
    pub fn look(
        &mut self,
        cluster: &Cluster,
        topics: &BTreeMap<String, u32>,
        now: impl Fn() -> Timestamp,
    ) -> Result<Option<Apart>, TopicsError> {
        let mut apart: Vec<Apart> = Vec::new();
        for (topic, count) in topics {
            let partitions: Vec<i32> = (0..i32::try_from(*count).unwrap_or(i32::MAX)).collect();
            apart.extend(ahead(cluster, topic, &partitions, now())?);
            // Taken before it is asked: what is appended behind the end comes later than this.
            let asked = now();
            let ends = cluster.ends_of(topic, &partitions)?;
            apart.extend(self.behind(cluster, topic, &ends)?);
            let at = ends.into_iter().map(|(partition, end)| ((topic.clone(), partition), (asked, end)));
            self.seen.extend(at);
        }
        Ok(apart.into_iter().max_by_key(|apart| apart.seconds.abs()))
    }

    fn behind(
        &self,
        cluster: &Cluster,
        topic: &str,
        ends: &BTreeMap<i32, i64>,
    ) -> Result<Option<Apart>, TopicsError> {
        for (partition, end) in ends {
            let Some((since, before)) = self.seen.get(&(topic.to_owned(), *partition)) else { continue };
            if end <= before {
                continue;
            }
            let mut seconds = 0;
            for step in STEPS {
                let stamped = cluster.first_since(topic, &[*partition], since.plus_seconds(-step))?;
                // What has gone again tells nothing.
                let is_silent = stamped.get(partition).is_some_and(Option::is_none)
                    && cluster.ends(topic, *partition).is_ok_and(|ends| ends.start < ends.end);
                if !is_silent {
                    break;
                }
                seconds = -step;
            }
            if seconds != 0 {
                return Ok(Some(Apart { topic: topic.to_owned(), partition: *partition, seconds }));
            }
        }
        Ok(None)
    }
}

fn ahead(
    cluster: &Cluster,
    topic: &str,
    partitions: &[i32],
    now: Timestamp,
) -> Result<Option<Apart>, TopicsError> {
    let mut found = None;
    for seconds in STEPS {
        let stamped = cluster.first_since(topic, partitions, now.plus_seconds(seconds))?;
        let Some((partition, _)) = stamped.into_iter().find(|(_, offset)| offset.is_some()) else { break };
        found = Some(Apart { topic: topic.to_owned(), partition, seconds });
    }
    Ok(found)
}
