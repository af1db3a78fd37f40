//! Facts: one struct for each thing that can be observed of a run. It counts itself, and has one sentence; nobody else writes either.
//!
//! A fact has numbers, places in the [`Setup`], words of the program, and names that a cluster has for its topics: nothing else fits in.

use std::time::Duration;

use super::lane::PauseReason;
use super::log::{Fields, Level};
use super::meters::Meters;
use super::ready::LaneState;
use super::setup::Setup;

/// Something that can be told ([`Log::tell`](super::log::Log::tell)). Only this room makes them.
pub trait Fact: Told {}

impl<T: Told> Fact for T {}

pub(super) mod sealed {
    use super::{Fields, Level, Meters, Setup};

    /// What a fact knows of itself.
    pub trait Told {
        /// One word, as metrics and JSON have it.
        fn name(&self) -> &'static str;
        /// How bad it is.
        fn level(&self) -> Level;
        /// The source or lane that it is about.
        fn part(&self) -> usize {
            0
        }
        /// The sentence: the thing, the place, the remedy.
        fn sentence(&self, setup: &Setup) -> String;
        /// The same for machines.
        fn fields<'a>(&'a self, setup: &'a Setup) -> Fields<'a>;
        /// Adds it to the meters, but for the count that each fact has.
        fn count(&self, _meters: &Meters) {}
    }
}

use sealed::Told;

/// The name that a cluster has for a topic. It is metadata, never of a record; and only what Kafka allows in one gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicName(String);

impl TopicName {
    /// `None`: no topic is called that.
    pub fn new(name: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (!name.is_empty() && name.len() <= 249 && name.bytes().all(legal)).then(|| Self(name.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of an error as its library has it (`_MSG_TIMED_OUT`).
pub type ErrorName = &'static str;

/// A lane is in the consumer group.
pub struct LaneStarted {
    /// Which.
    pub lane: usize,
}

impl Told for LaneStarted {
    fn name(&self) -> &'static str {
        "lane_started"
    }
    fn level(&self) -> Level {
        Level::Note
    }
    fn part(&self) -> usize {
        self.lane
    }
    fn sentence(&self, _: &Setup) -> String {
        format!("lane {} is in the consumer group", self.lane)
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        of(self.name()).lane(self.lane)
    }
    fn count(&self, meters: &Meters) {
        set(meters, self.lane, LaneState::Running);
    }
}

/// A lane is over: with an error it is started again.
pub struct LaneEnded {
    /// Which.
    pub lane: usize,
    /// Why, where that was not to be.
    pub error: Option<ErrorName>,
}

impl Told for LaneEnded {
    fn name(&self) -> &'static str {
        "lane_ended"
    }
    fn level(&self) -> Level {
        if self.error.is_some() { Level::Warning } else { Level::Note }
    }
    fn part(&self) -> usize {
        self.lane
    }
    fn sentence(&self, _: &Setup) -> String {
        match self.error {
            None => format!("lane {} has left the consumer group", self.lane),
            Some(error) => {
                format!(
                    "lane {} failed ({error}) and is started again; nothing is lost or doubled",
                    self.lane
                )
            }
        }
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields { error: self.error, ..of(self.name()).lane(self.lane) }
    }
    fn count(&self, meters: &Meters) {
        let state = if self.error.is_some() { LaneState::Restarting } else { LaneState::Ended };
        set(meters, self.lane, state);
    }
}

/// The watchdog found a lane that does not move.
pub struct LaneHung {
    /// Which.
    pub lane: usize,
    /// For how long it has not.
    pub seconds: u64,
}

impl Told for LaneHung {
    fn name(&self) -> &'static str {
        "lane_hung"
    }
    fn level(&self) -> Level {
        Level::Alarm
    }
    fn part(&self) -> usize {
        self.lane
    }
    fn sentence(&self, _: &Setup) -> String {
        format!(
            "lane {} has not moved for {} s and is given up; the brokers abort its transaction, others take its partitions",
            self.lane, self.seconds
        )
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields { seconds: Some(self.seconds), ..of(self.name()).lane(self.lane) }
    }
    fn count(&self, meters: &Meters) {
        set(meters, self.lane, LaneState::Restarting);
    }
}

/// The group gave partitions to a lane.
pub struct PartitionsAssigned {
    /// Which.
    pub lane: usize,
    /// How many.
    pub partitions: u64,
}

/// The group took partitions from a lane; what was in hand of them is committed or aborted.
pub struct PartitionsRevoked {
    /// Which.
    pub lane: usize,
    /// How many.
    pub partitions: u64,
}

macro_rules! partitions {
    ($fact:ident, $name:literal, $verb:literal) => {
        impl Told for $fact {
            fn name(&self) -> &'static str {
                $name
            }
            fn level(&self) -> Level {
                Level::Note
            }
            fn part(&self) -> usize {
                self.lane
            }
            fn sentence(&self, _: &Setup) -> String {
                format!(concat!("lane {} ", $verb, " {} partition(s)"), self.lane, self.partitions)
            }
            fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
                Fields { count: Some(self.partitions), ..of(self.name()).lane(self.lane) }
            }
        }
    };
}

partitions!(PartitionsAssigned, "partitions_assigned", "got");
partitions!(PartitionsRevoked, "partitions_revoked", "gave up");

/// A transaction was aborted: what was in it is read again.
pub struct TransactionAborted {
    /// Of which lane.
    pub lane: usize,
    /// Why.
    pub error: ErrorName,
    /// How long it was open.
    pub after: Duration,
}

impl Told for TransactionAborted {
    fn name(&self) -> &'static str {
        "transaction_aborted"
    }
    fn level(&self) -> Level {
        Level::Warning
    }
    fn part(&self) -> usize {
        self.lane
    }
    fn sentence(&self, _: &Setup) -> String {
        format!("lane {} aborted a transaction ({}) and reads its records again", self.lane, self.error)
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields { error: Some(self.error), ..of(self.name()).lane(self.lane) }
    }
    fn count(&self, meters: &Meters) {
        if let Some(lane) = meters.lane(self.lane) {
            lane.aborted(self.after);
        }
    }
}

/// Another process has the place of a lane.
pub struct Fenced {
    /// Which.
    pub lane: usize,
}

impl Told for Fenced {
    fn name(&self) -> &'static str {
        "fenced"
    }
    fn level(&self) -> Level {
        Level::Warning
    }
    fn part(&self) -> usize {
        self.lane
    }
    fn sentence(&self, _: &Setup) -> String {
        format!(
            "lane {} was fenced: it was away for too long, or another process has the same 'instance'; what it held is discarded",
            self.lane
        )
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        of(self.name()).lane(self.lane)
    }
}

/// The broker removed messages before they were read.
pub struct OutOfRange {
    /// The topic's place in [`Setup::topics`].
    pub topic: usize,
    /// What the cluster calls it.
    pub called: TopicName,
    /// The partition.
    pub partition: i32,
    /// Messages that are gone.
    pub lost: u64,
}

impl Told for OutOfRange {
    fn name(&self) -> &'static str {
        "out_of_range"
    }
    fn level(&self) -> Level {
        Level::Alarm
    }
    fn sentence(&self, _: &Setup) -> String {
        format!(
            "{} messages of topic {} partition {} were removed before they were read; add lanes or processes, or keep the topic for longer",
            self.lost,
            self.called.as_str(),
            self.partition
        )
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields {
            topic: Some(self.called.as_str()),
            partition: Some(i64::from(self.partition)),
            count: Some(self.lost),
            ..of(self.name())
        }
    }
    fn count(&self, meters: &Meters) {
        meters.out_of_range(self.topic, self.lost);
    }
}

/// A source is so far behind that half of its `max_lateness` is used up.
pub struct LagOverHalf {
    /// The source's place in the setup.
    pub source: usize,
    /// How old what it reads is.
    pub seconds: u64,
    /// Its `max_lateness`.
    pub limit_seconds: u64,
}

impl Told for LagOverHalf {
    fn name(&self) -> &'static str {
        "lag_over_half"
    }
    fn level(&self) -> Level {
        Level::Alarm
    }
    fn part(&self) -> usize {
        self.source
    }
    fn sentence(&self, setup: &Setup) -> String {
        format!(
            "source {} is {} s behind; records more than {} s late are withheld: add lanes or processes",
            source(setup, self.source),
            self.seconds,
            self.limit_seconds
        )
    }
    fn fields<'a>(&'a self, setup: &'a Setup) -> Fields<'a> {
        Fields {
            source: Some(source(setup, self.source)),
            seconds: Some(self.seconds),
            limit_seconds: Some(self.limit_seconds),
            ..of(self.name())
        }
    }
}

/// An input topic has no output that was checked: it stays paused.
pub struct TopicUnchecked {
    /// What the cluster calls it.
    pub topic: TopicName,
}

impl Told for TopicUnchecked {
    fn name(&self) -> &'static str {
        "topic_unchecked"
    }
    fn level(&self) -> Level {
        Level::Alarm
    }
    fn sentence(&self, _: &Setup) -> String {
        format!(
            "topic {} has partitions without a checked output and stays paused; run `sluis topics apply`, then start again",
            self.topic.as_str()
        )
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields { topic: Some(self.topic.as_str()), ..of(self.name()) }
    }
}

/// No broker answers.
pub struct BrokerUnreachable {
    /// Why.
    pub error: ErrorName,
}

impl Told for BrokerUnreachable {
    fn name(&self) -> &'static str {
        "broker_unreachable"
    }
    fn level(&self) -> Level {
        Level::Warning
    }
    fn sentence(&self, _: &Setup) -> String {
        format!("no broker answers ({}); nothing is taken until one does", self.error)
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields { error: Some(self.error), ..of(self.name()) }
    }
}

/// Records came later than their source allows. They are counted with their batch ([`Tally`](super::source::Tally)).
pub struct RecordsLate {
    /// The source's place in the setup.
    pub source: usize,
    /// How many.
    pub count: u64,
}

impl Told for RecordsLate {
    fn name(&self) -> &'static str {
        "records_late"
    }
    fn level(&self) -> Level {
        Level::Warning
    }
    fn part(&self) -> usize {
        self.source
    }
    fn sentence(&self, setup: &Setup) -> String {
        let name = source(setup, self.source);
        format!("{} records of source {name} came later than its 'max_lateness' allows", self.count)
    }
    fn fields<'a>(&'a self, setup: &'a Setup) -> Fields<'a> {
        Fields { source: Some(source(setup, self.source)), count: Some(self.count), ..of(self.name()) }
    }
}

/// A message is larger than its output topic takes.
pub struct MessageTooLarge {
    /// The output topic.
    pub topic: TopicName,
    /// Bytes of the message.
    pub bytes: u64,
}

impl Told for MessageTooLarge {
    fn name(&self) -> &'static str {
        "message_too_large"
    }
    fn level(&self) -> Level {
        Level::Warning
    }
    fn sentence(&self, _: &Setup) -> String {
        format!(
            "a message of {} bytes is more than topic {} takes and was quarantined; raise the topic's max.message.bytes",
            self.bytes,
            self.topic.as_str()
        )
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields { topic: Some(self.topic.as_str()), count: Some(self.bytes), ..of(self.name()) }
    }
}

/// Nothing is taken for now. Each is followed by a [`Resumed`].
pub struct Paused {
    /// Why.
    pub reason: PauseReason,
}

/// What was paused goes on.
pub struct Resumed {
    /// Why it was.
    pub reason: PauseReason,
}

macro_rules! pausing {
    ($fact:ident, $name:literal, $sentence:literal, $call:ident) => {
        impl Told for $fact {
            fn name(&self) -> &'static str {
                $name
            }
            fn level(&self) -> Level {
                Level::Note
            }
            fn part(&self) -> usize {
                self.reason as usize
            }
            fn sentence(&self, _: &Setup) -> String {
                format!($sentence, self.reason.word())
            }
            fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
                Fields { reason: Some(self.reason.word()), ..of(self.name()) }
            }
            fn count(&self, meters: &Meters) {
                meters.pauses().$call(self.reason);
            }
        }
    };
}

pausing!(Paused, "paused", "paused, because of: {}", pause);
pausing!(Resumed, "resumed", "goes on, no longer paused because of: {}", resume);

/// Every fact, by name: each has a counter from the start.
pub(super) const NAMES: [&str; 16] = [
    "lane_started",
    "lane_ended",
    "lane_hung",
    "partitions_assigned",
    "partitions_revoked",
    "transaction_aborted",
    "fenced",
    "out_of_range",
    "lag_over_half",
    "topic_unchecked",
    "broker_unreachable",
    "records_late",
    "message_too_large",
    "broker_clock_apart",
    "paused",
    "resumed",
];

fn of(fact: &'static str) -> Fields<'static> {
    Fields { fact: Some(fact), ..Fields::default() }
}

impl Fields<'_> {
    fn lane(self, lane: usize) -> Self {
        Self { lane: u64::try_from(lane).ok(), ..self }
    }
}

fn source(setup: &Setup, at: usize) -> &str {
    setup.sources.get(at).map_or("?", |source| source.name.as_str())
}

fn set(meters: &Meters, lane: usize, state: LaneState) {
    if let Some(lane) = meters.lane(lane) {
        lane.set(state);
    }
}

#[cfg(test)]
#[path = "fact_tests.rs"]
mod tests;
