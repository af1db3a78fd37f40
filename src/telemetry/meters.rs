//! The meters of a run, and how they are read.
//!
//! Whoever counts has a handle ([`SourceMeter`], [`SinkMeter`], [`LaneMeter`], [`Pauses`]), made once, and adds to it per batch. What
//! follows from several of them, and from the time, is worked out when somebody asks ([`Meters::exposition`]).

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::fact::NAMES;
use super::lane::{LaneMeter, Pauses};
use super::ready::{self, LaneState, Phase, PhaseCell};
use super::registry::{Metrics, labels};
use super::setup::Setup;
use super::sink::SinkMeter;
use super::source::SourceMeter;
use crate::record::timestamp::Timestamp;

/// The meters of one run.
pub struct Meters {
    setup: Setup,
    topics: Vec<Topic>,
    sources: Vec<SourceMeter>,
    sinks: Vec<Sink>,
    lanes: Vec<LaneMeter>,
    pauses: Pauses,
    /// In the order of [`NAMES`].
    facts: Vec<Counter>,
    phase: PhaseCell,
    started: Instant,
    metrics: Metrics,
    registry: Registry,
}

struct Topic {
    name: String,
    lag: Gauge,
    out_of_range: Counter,
}

struct Sink {
    classes: Vec<SinkMeter>,
    age: Gauge<f64, AtomicU64>,
}

impl Meters {
    /// Every meter that the pipeline can have, at zero.
    pub fn new(setup: Setup) -> Self {
        let (metrics, registry) = Metrics::register(&setup);
        let topics: Vec<Topic> = setup.topics().into_iter().map(|name| Topic::new(name, &metrics)).collect();
        let sources = setup.sources.iter().map(|source| SourceMeter::new(source, &metrics)).collect();
        let sinks = setup.sinks.iter().map(|sink| Sink::new(sink, &metrics)).collect();
        let lanes = (0..setup.lanes).map(|_| LaneMeter::new(topics.len(), &metrics)).collect();
        if setup.lanes > 0 {
            // Without lanes there are no transactions, and an alert on them should find nothing.
            for outcome in ["committed", "aborted"] {
                let _ = metrics.transactions.get_or_create_owned(&labels([("outcome", outcome)]));
            }
        }
        Self {
            topics,
            sources,
            sinks,
            lanes,
            pauses: Pauses::new(&metrics),
            facts: NAMES
                .iter()
                .map(|fact| metrics.facts.get_or_create_owned(&labels([("fact", fact)])))
                .collect(),
            phase: PhaseCell::new(),
            started: Instant::now(),
            metrics,
            registry,
            setup,
        }
    }

    /// The names.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The counters of source number `at`.
    pub fn source(&self, at: usize) -> Option<&SourceMeter> {
        self.sources.get(at)
    }

    /// The meter of a class of sink number `at`; `class` is its place in the sink's own list.
    pub fn sink(&self, at: usize, class: usize) -> Option<&SinkMeter> {
        self.sinks.get(at)?.classes.get(class)
    }

    /// The meters of lane number `at`.
    pub fn lane(&self, at: usize) -> Option<&LaneMeter> {
        self.lanes.get(at)
    }

    /// What holds the run back.
    pub const fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// The broker removed messages of topic number `at` (of [`Setup::topics`]) before they were read.
    pub fn out_of_range(&self, at: usize, records: u64) {
        if let Some(topic) = self.topics.get(at) {
            topic.out_of_range.inc_by(records);
        }
    }

    /// At least how far a broker's clock is ahead of ours, in seconds; negative: behind; 0: none is seen to be apart.
    pub fn broker_clock_apart(&self, seconds: i64) {
        self.metrics.broker_clock_apart.set(seconds);
    }

    /// A fact was told.
    pub(super) fn fact(&self, name: &'static str) {
        if let Some(at) = NAMES.iter().position(|known| *known == name) {
            self.facts[at].inc();
        }
    }

    /// Where the run is now.
    pub fn set(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// `ready`, or why not.
    pub fn ready(&self, now: Timestamp, clock_paused: bool) -> &'static str {
        let states = self.lanes.iter().map(LaneMeter::state);
        ready::word(self.phase.phase(), clock_paused, self.blocking(now).is_some(), &states)
    }

    /// The sink that blocks, if one does.
    pub(super) fn blocking(&self, now: Timestamp) -> Option<&str> {
        let blocked = |sink: &Sink| sink.classes.iter().any(|class| class.is_blocked(now));
        let at = self.sinks.iter().position(blocked)?;
        self.setup.sinks.get(at).map(|sink| sink.name.as_str())
    }

    /// Everything in the text format of OpenMetrics 1.0.
    pub fn exposition(&self, now: Timestamp, clock_paused: bool) -> String {
        self.refresh(now, clock_paused);
        let mut text = String::new();
        // A String takes everything; names and labels were checked when they were registered.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Brings up to date what follows from other things.
    fn refresh(&self, now: Timestamp, clock_paused: bool) {
        for sink in &self.sinks {
            sink.age.set(sink.age_seconds(now));
        }
        for (at, topic) in self.topics.iter().enumerate() {
            topic.lag.set(i64::try_from(self.lag(at)).unwrap_or(i64::MAX));
        }
        let running = self.lanes.iter().filter(|lane| lane.state() == LaneState::Running).count();
        self.metrics.lanes_running.set(i64::try_from(running).unwrap_or(i64::MAX));
        self.metrics.ready.set(i64::from(self.ready(now, clock_paused) == "ready"));
    }

    fn lag(&self, topic: usize) -> u64 {
        self.lanes.iter().map(|lane| lane.lag_of(topic)).fold(0, u64::saturating_add)
    }

    pub(super) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    pub(super) fn sources(&self) -> &[SourceMeter] {
        &self.sources
    }

    pub(super) fn lane_states(&self) -> impl Iterator<Item = LaneState> {
        self.lanes.iter().map(LaneMeter::state)
    }

    /// Name, age of the oldest event, whether it blocks; in the order of the setup.
    pub(super) fn sink_rows(&self, now: Timestamp) -> impl Iterator<Item = (f64, bool)> {
        self.sinks
            .iter()
            .map(move |sink| (sink.age_seconds(now), sink.classes.iter().any(|class| class.is_blocked(now))))
    }

    /// Name, lag, messages lost.
    pub(super) fn topic_rows(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.topics
            .iter()
            .enumerate()
            .map(move |(at, topic)| (topic.name.as_str(), self.lag(at), topic.out_of_range.get()))
    }

    /// Committed, aborted, restarts of lanes, bytes in flight.
    pub(super) fn totals(&self) -> (u64, u64, u64, i64) {
        let outcome = |outcome| {
            self.metrics.transactions.get(&labels([("outcome", outcome)])).map_or(0, |counter| counter.get())
        };
        (
            outcome("committed"),
            outcome("aborted"),
            self.metrics.lane_restarts.get(),
            self.metrics.in_flight_bytes.get(),
        )
    }
}

impl Topic {
    fn new(name: String, metrics: &Metrics) -> Self {
        let labels = labels([("topic", &name)]);
        Self {
            lag: metrics.consumer_lag.get_or_create_owned(&labels),
            out_of_range: metrics.out_of_range.get_or_create_owned(&labels),
            name,
        }
    }
}

impl Sink {
    fn new(setup: &super::setup::SinkSetup, metrics: &Metrics) -> Self {
        for class in &setup.classes {
            let labels = labels([("sink", &setup.name), ("class", &class.name)]);
            let set = |family: &super::registry::Levels, seconds: u64| {
                family.get_or_create_owned(&labels).set(i64::try_from(seconds).unwrap_or(i64::MAX))
            };
            let _ = set(&metrics.worst_age, class.worst_seconds);
            let _ = set(&metrics.worst_age_limit, class.limit_seconds);
        }
        Self {
            classes: setup.classes.iter().map(|class| SinkMeter::new(class.limit_seconds)).collect(),
            age: metrics.oldest_event_age.get_or_create_owned(&labels([("sink", &setup.name)])),
        }
    }

    fn age_seconds(&self, now: Timestamp) -> f64 {
        self.classes.iter().map(|class| class.age_seconds(now)).fold(0.0, f64::max)
    }
}

#[cfg(test)]
#[path = "meters_tests.rs"]
pub(super) mod tests;
