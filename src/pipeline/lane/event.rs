//! What lanes have to say: facts without content, for logs and metrics.

use std::time::Duration;

use crate::kafka::KafkaError;
use crate::kafka::consumer::Partition;
use crate::pipeline::counts::Counts;
use crate::record::timestamp::Timestamp;

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
        /// From its first message to its end.
        after: Duration,
        /// By input: what became of its records.
        counts: &'a [Counts],
    },
    /// A batch goes to an output.
    Sends {
        /// Its number.
        output: usize,
        /// The earliest deadline in it.
        deadline: Timestamp,
    },
    /// How far a lane is from the ends of its partitions.
    Lag {
        /// The lane.
        lane: usize,
        /// The topics' place among those that sources name.
        pattern: usize,
        /// Messages.
        records: u64,
    },
    /// A round was given up; its records are read again.
    Aborted {
        /// The lane.
        lane: usize,
        /// Why.
        error: Option<&'a KafkaError>,
        /// From its first message until it was given up.
        after: Duration,
    },
    /// The broker deleted records before they were read.
    OutOfRange {
        /// The topic's place among those that sources name.
        pattern: usize,
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
        input: usize,
        /// How old the oldest of a batch was, in seconds.
        seconds: u64,
        /// What it allows.
        limit_seconds: u64,
    },
    /// Records came later than their source allows.
    Late {
        /// The source.
        input: usize,
        /// How many.
        records: u64,
    },
    /// A message is larger than its topic takes; it is refused and counted.
    TooLarge {
        /// The topic.
        topic: &'a str,
        /// Its size.
        bytes: u64,
    },
    /// A source is held back by its rate.
    Limited {
        /// The source.
        input: usize,
        /// For how long.
        rest: Duration,
    },
}

/// Hears what lanes say. Called from every lane's thread.
pub trait LaneEvents: Sync {
    /// A fact.
    fn tell(&self, event: LaneEvent<'_>);
}
