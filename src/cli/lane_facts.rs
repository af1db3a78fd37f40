//! What lanes say, as facts of the log and numbers of the meters; and which partitions they hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::exit;
use super::outside::Outside;
use super::said;
use crate::config::plan::Plan;
use crate::kafka::KafkaError;
use crate::kafka::clock::{APART_SECONDS, Apart};
use crate::kafka::consumer::Partition;
use crate::kafka::eraser::Held;
use crate::kafka::error::said as in_words;
use crate::pipeline::build;
use crate::pipeline::counts::Counts;
use crate::pipeline::lane::{LaneEvent, LaneEvents};
use crate::record::timestamp::Timestamp;
use crate::telemetry::broker_clock::BrokerClockApart;
use crate::telemetry::fact::{
    BrokerUnreachable, ErrorName, Fenced, LagOverHalf, LaneEnded, LaneHung, LaneStarted, MessageTooLarge,
    OutOfRange, PartitionsAssigned, PartitionsRevoked, RecordsLate, TopicName, TopicUnchecked,
    TransactionAborted,
};
use crate::telemetry::log::Log;
use crate::telemetry::sink::SinkMeter;

/// See the module comment.
pub struct LaneFacts<'a> {
    log: Arc<Log>,
    /// By output of the lanes.
    sinks: Vec<SinkMeter>,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    held: Mutex<HashMap<usize, Vec<Partition>>>,
    has_panicked: AtomicBool,
}

impl<'a> LaneFacts<'a> {
    /// Of a run of `plan`.
    pub fn new(plan: &Plan, outside: &Outside, clock: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        let sinks = build::places(plan).into_iter();
        let sinks = sinks.filter_map(|(sink, class)| outside.meters.sink(sink, class).cloned()).collect();
        let log = Arc::clone(&outside.log);
        Self { log, sinks, clock, held: Mutex::default(), has_panicked: AtomicBool::new(false) }
    }

    /// Whether a bug ended a lane.
    pub fn has_panicked(&self) -> bool {
        self.has_panicked.load(Ordering::Relaxed)
    }

    /// The partitions that lanes of this process hold.
    pub fn held(&self) -> Held {
        let mut all: Held = BTreeMap::new();
        for (topic, number) in self.held.lock().unwrap_or_else(PoisonError::into_inner).values().flatten() {
            all.entry(topic.clone()).or_default().insert(*number);
        }
        all
    }

    /// What was found when clocks of brokers were looked at.
    pub fn clocks(&self, apart: Option<&Apart>) {
        let told = apart.and_then(|apart| {
            Some(BrokerClockApart {
                topic: TopicName::new(&apart.topic)?,
                partition: apart.partition,
                seconds: apart.seconds,
                limit_seconds: APART_SECONDS.unsigned_abs(),
            })
        });
        match told {
            Some(fact) => self.log.tell(&fact),
            None => self.log.meters().broker_clock_apart(0),
        }
    }

    fn hold(&self, lane: usize, change: impl FnOnce(&mut Vec<Partition>)) {
        change(self.held.lock().unwrap_or_else(PoisonError::into_inner).entry(lane).or_default());
    }

    fn ended(&self, lane: usize, error: &KafkaError) {
        self.hold(lane, Vec::clear);
        // In words, with the remedy: a lane is started again and again, and only facts are told no oftener than somebody reads.
        self.log.tell(&LaneEnded { lane, error: Some(kept(error.to_string())) });
    }

    fn committed(&self, lane: usize, (after, bytes): (Duration, u64), counts: &[Counts]) {
        self.end_sinks();
        let meters = self.log.meters();
        for (input, counts) in counts.iter().enumerate() {
            if let Some(source) = meters.source(input) {
                source.add(&counts.tally());
            }
        }
        if let Some(lane) = meters.lane(lane) {
            lane.committed(after);
            lane.landed(bytes);
        }
    }

    fn aborted(&self, lane: usize, error: Option<&KafkaError>, (after, bytes): (Duration, u64)) {
        self.end_sinks();
        if let Some(lane) = self.log.meters().lane(lane) {
            lane.landed(bytes);
        }
        let name = error.map_or("ended", name_of);
        if name == "ProducerFenced" || name == "Fenced" {
            self.log.tell(&Fenced { lane });
        }
        // Where a right is missing, it is named.
        let error = error.map_or("ended", reason_of);
        self.log.tell(&TransactionAborted { lane, error, after });
    }

    fn end_sinks(&self) {
        let now = (self.clock)();
        self.sinks.iter().for_each(|sink| sink.end(now));
    }
}

impl LaneEvents for LaneFacts<'_> {
    fn tell(&self, event: LaneEvent<'_>) {
        let meters = self.log.meters();
        match event {
            LaneEvent::Started { lane } => self.log.tell(&LaneStarted { lane }),
            LaneEvent::Restarts { lane, error } => self.ended(lane, error),
            LaneEvent::Panicked => self.has_panicked.store(true, Ordering::Relaxed),
            LaneEvent::Hung { lane, seconds } => {
                self.log.tell(&LaneHung { lane, seconds });
                // What is open is aborted by the broker, and read again by the next run: nothing is lost, nothing doubled.
                std::process::exit(i32::from(exit::DOWNSTREAM));
            }
            LaneEvent::Overdue { seconds } => {
                said::alarm(format!(
                    "not drained within 'drain_secs' ({seconds} s): what is open is aborted by the broker, and read again by the next run"
                ));
                std::process::exit(i32::from(exit::DOWNSTREAM));
            }
            LaneEvent::Assigned { lane, partitions } => {
                self.hold(lane, |held| held.extend_from_slice(partitions));
                self.log.tell(&PartitionsAssigned { lane, partitions: partitions.len() as u64 });
            }
            LaneEvent::Revoked { lane, partitions, .. } => {
                self.hold(lane, |held| held.retain(|partition| !partitions.contains(partition)));
                self.log.tell(&PartitionsRevoked { lane, partitions: partitions.len() as u64 });
            }
            LaneEvent::Sends { output, deadline } => {
                if let Some(sink) = self.sinks.get(output) {
                    sink.begin(Some(deadline), (self.clock)());
                }
            }
            LaneEvent::Committed { lane, after, counts, bytes } => {
                self.committed(lane, (after, bytes), counts);
            }
            LaneEvent::Took { lane, bytes } => {
                if let Some(lane) = meters.lane(lane) {
                    lane.took(bytes);
                }
            }
            LaneEvent::Aborted { lane, error, after, bytes } => self.aborted(lane, error, (after, bytes)),
            LaneEvent::Lag { lane, pattern, records } => {
                if let Some(lane) = meters.lane(lane) {
                    lane.lag(pattern, records);
                }
            }
            LaneEvent::OutOfRange { pattern, partition: (name, partition), lost } => {
                if let Some(called) = TopicName::new(name) {
                    self.log.tell(&OutOfRange { topic: pattern, called, partition: *partition, lost });
                }
            }
            LaneEvent::Unchecked { partition: (name, _) } => {
                if let Some(topic) = TopicName::new(name) {
                    self.log.tell(&TopicUnchecked { topic });
                }
            }
            LaneEvent::Unreachable { error } => self.log.tell(&BrokerUnreachable { error: reason_of(error) }),
            LaneEvent::Lagging { input, seconds, limit_seconds } => {
                self.log.tell(&LagOverHalf { source: input, seconds, limit_seconds });
            }
            LaneEvent::Late { input, records } => {
                self.log.tell(&RecordsLate { source: input, count: records });
            }
            LaneEvent::TooLarge { topic, bytes } => {
                if let Some(topic) = TopicName::new(topic) {
                    self.log.tell(&MessageTooLarge { topic, bytes });
                }
            }
            LaneEvent::Limited { input, rest } => {
                if let Some(source) = meters.source(input) {
                    source.waited_for_rate(rest);
                }
            }
        }
    }
}

/// The name of an error as the client has it.
fn name_of(error: &KafkaError) -> ErrorName {
    error.code().map_or("configuration", |code| kept(format!("{code:?}")))
}

/// The same with its remedy: which right lacks, or what is to be looked at.
fn reason_of(error: &KafkaError) -> ErrorName {
    error.code().map_or("configuration", |code| kept(in_words(code)))
}

/// There are some hundred codes, so that many names are ever kept.
fn kept(name: String) -> ErrorName {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into_boxed_str());
    names.push(kept);
    kept
}
