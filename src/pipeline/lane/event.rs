//! What lanes have to say: facts without content, for logs and metrics.

use std::fmt;

use crate::kafka::KafkaError;
use crate::kafka::consumer::Partition;

/// One observable fact of a lane.
#[derive(Clone, Copy, Debug)]
pub enum LaneEvent<'a> {
    /// A lane has a consumer and a producer.
    Started {
        /// Its number.
        lane: usize,
    },
    /// A lane cannot go on and begins anew.
    Restarts {
        /// Its number.
        lane: usize,
        /// Why.
        error: &'a KafkaError,
    },
    /// A bug ended a lane.
    Panicked,
    /// A lane did not come back from a call: the process ends.
    Hung {
        /// Its number.
        lane: usize,
        /// For how long, in seconds.
        seconds: u64,
    },
    /// Lanes were told to stop, and have not in the time they have: the process ends.
    Overdue {
        /// That time, in seconds.
        seconds: u64,
    },
    /// Partitions were taken on.
    Assigned {
        /// The lane.
        lane: usize,
        /// Which.
        partitions: &'a [Partition],
    },
    /// Partitions were let go.
    Revoked {
        /// The lane.
        lane: usize,
        /// Which.
        partitions: &'a [Partition],
        /// Others may have had them before.
        lost: bool,
    },
    /// A round became a fact.
    Committed {
        /// The lane.
        lane: usize,
        /// From its first message to its end, in microseconds.
        micros: u64,
    },
    /// A round was given up; its records are read again.
    Aborted {
        /// The lane.
        lane: usize,
        /// Why.
        error: Option<&'a KafkaError>,
    },
    /// The broker deleted records before they were read.
    OutOfRange {
        /// Where.
        partition: &'a Partition,
        /// How many offsets are gone.
        lost: u64,
    },
    /// A partition is not read, because where it would go was not checked.
    Unchecked {
        /// Which.
        partition: &'a Partition,
    },
    /// Brokers cannot be asked at present.
    Unreachable {
        /// What they were asked.
        error: &'a KafkaError,
    },
    /// Records of a source come later than half of what it allows.
    Lagging {
        /// The source.
        source: &'a str,
        /// How old the oldest of a batch was, in seconds.
        seconds: u64,
    },
    /// A message is larger than its topic takes; it is refused and counted.
    TooLarge {
        /// The topic.
        topic: &'a str,
    },
    /// A source is held back by its rate.
    Limited {
        /// The source.
        source: &'a str,
        /// For how long, in milliseconds.
        millis: u64,
    },
}

impl LaneEvent<'_> {
    /// One word for the kind of fact.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "lane.started",
            Self::Restarts { .. } => "lane.restarts",
            Self::Panicked => "lane.panicked",
            Self::Hung { .. } => "lane.hung",
            Self::Overdue { .. } => "lane.overdue",
            Self::Assigned { .. } => "partitions.assigned",
            Self::Revoked { .. } => "partitions.revoked",
            Self::Committed { .. } => "round.committed",
            Self::Aborted { .. } => "round.aborted",
            Self::OutOfRange { .. } => "offset.out_of_range",
            Self::Unchecked { .. } => "partition.unchecked",
            Self::Unreachable { .. } => "broker.unreachable",
            Self::Lagging { .. } => "source.lagging",
            Self::TooLarge { .. } => "message.too_large",
            Self::Limited { .. } => "source.limited",
        }
    }

    /// Of interest to a metric, not to a reader of logs.
    pub const fn is_routine(&self) -> bool {
        matches!(self, Self::Committed { .. } | Self::Limited { .. })
    }
}

impl fmt::Display for LaneEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { lane } => write!(f, "lane {lane} is at work"),
            Self::Restarts { lane, error } => write!(f, "lane {lane} begins anew: {error}"),
            Self::Panicked => write!(f, "a lane was ended by a bug"),
            Self::Hung { lane, seconds } => write!(
                f,
                "lane {lane} has not come back from a call for {seconds} s; the process ends, the broker aborts what is open, and the next \
                 run reads it again"
            ),
            Self::Overdue { seconds } => write!(
                f,
                "not drained within 'drain_secs' ({seconds} s); the process ends, the broker aborts what is open, and the next run reads \
                 it again"
            ),
            Self::Assigned { lane, partitions } => write!(f, "lane {lane} has taken on {} partition(s)", partitions.len()),
            Self::Revoked { lane, partitions, lost } => {
                let how = if *lost { "has lost" } else { "has handed over" };
                write!(f, "lane {lane} {how} {} partition(s)", partitions.len())
            }
            Self::Committed { lane, micros } => write!(f, "lane {lane} has committed after {} ms", micros / 1_000),
            Self::Aborted { lane, error: Some(error) } => {
                write!(f, "lane {lane} reads a round again that could not be committed: {error}")
            }
            Self::Aborted { lane, error: None } => write!(f, "lane {lane} leaves a round to be read again"),
            Self::OutOfRange { partition: (topic, number), lost } => write!(
                f,
                "ALARM: topic {topic}, partition {number}: the broker deleted {lost} messages before they were read; see the lag, and \
                 the retention of the topic"
            ),
            Self::Unchecked { partition: (topic, number) } => write!(
                f,
                "ALARM: topic {topic}, partition {number} is not read: where its records would go was not checked; see `sluis topics \
                 plan`, then restart"
            ),
            Self::Unreachable { error } => write!(f, "warning: {error}"),
            Self::Lagging { source, seconds } => write!(
                f,
                "ALARM: source {source} is read {seconds} s late, more than half of its 'max_lateness'; what is later than that is withheld"
            ),
            Self::TooLarge { topic } => write!(
                f,
                "warning: a message is larger than topic {topic} takes; it is refused and counted: raise its max.message.bytes, or pack less"
            ),
            Self::Limited { source, millis } => write!(f, "source {source} rests {millis} ms: it is at its rate"),
        }
    }
}

/// Hears what lanes say. Called from every lane's thread.
pub trait LaneEvents: Sync {
    /// A fact.
    fn tell(&self, event: LaneEvent<'_>);
}
