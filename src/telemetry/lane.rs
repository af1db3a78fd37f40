//! What is measured of a Kafka lane, and of what holds lanes and runs back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::ready::{LaneCell, LaneState};
use super::registry::{Metrics, labels};

/// Why nothing is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// As many bytes are in flight as may be.
    InFlight,
    /// A sink does not take what it is given.
    Sink,
    /// A source has had as much as its limit allows.
    RateLimit,
    /// An input topic or partition has no output that was checked.
    TopicUnchecked,
    /// The clock is not to be trusted.
    Clock,
}

impl PauseReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::InFlight, Self::Sink, Self::RateLimit, Self::TopicUnchecked, Self::Clock];

    /// The word of metrics and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InFlight => "in flight",
            Self::Sink => "sink",
            Self::RateLimit => "rate limit",
            Self::TopicUnchecked => "topic unchecked",
            Self::Clock => "clock",
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

/// The pauses of a run: of each reason, how many there were and how many there are.
#[derive(Clone, Debug)]
pub struct Pauses(Arc<Vec<(Counter, Gauge)>>);

impl Pauses {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let of = |reason: &PauseReason| {
            let labels = labels([("reason", reason.word())]);
            (metrics.pauses.get_or_create_owned(&labels), metrics.paused.get_or_create_owned(&labels))
        };
        Self(Arc::new(PauseReason::ALL.iter().map(of).collect()))
    }

    /// Something is paused. Each call is followed by one of [`resume`](Self::resume).
    pub fn pause(&self, reason: PauseReason) {
        let (counter, gauge) = &self.0[reason.place()];
        counter.inc();
        gauge.inc();
    }

    /// It goes on.
    pub fn resume(&self, reason: PauseReason) {
        self.0[reason.place()].1.dec();
    }

    /// Word, how often, how many now.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&'static str, u64, i64)> {
        PauseReason::ALL
            .into_iter()
            .zip(self.0.iter())
            .map(|(reason, (counter, gauge))| (reason.word(), counter.get(), gauge.get()))
    }
}

/// The meters of one lane; clones measure in the same place.
#[derive(Clone, Debug)]
pub struct LaneMeter {
    state: Arc<LaneCell>,
    /// By topic of the configuration: what this lane's partitions have not committed.
    lag: Arc<Vec<AtomicU64>>,
    committed: Counter,
    aborted: Counter,
    duration: Histogram,
    restarts: Counter,
    in_flight_bytes: Gauge,
}

impl LaneMeter {
    pub(super) fn new(topics: usize, metrics: &Metrics) -> Self {
        let outcome = |outcome| metrics.transactions.get_or_create_owned(&labels([("outcome", outcome)]));
        Self {
            state: Arc::new(LaneCell::new()),
            lag: Arc::new((0..topics).map(|_| AtomicU64::new(0)).collect()),
            committed: outcome("committed"),
            aborted: outcome("aborted"),
            duration: metrics.transaction_duration.clone(),
            restarts: metrics.lane_restarts.clone(),
            in_flight_bytes: metrics.in_flight_bytes.clone(),
        }
    }

    /// Where the lane is now. To come back from [`LaneState::Restarting`] counts as a restart.
    pub fn set(&self, state: LaneState) {
        let came_back = matches!(state, LaneState::Starting | LaneState::Running);
        if came_back && self.state.state() == LaneState::Restarting {
            self.restarts.inc();
        }
        self.state.set(state);
    }

    /// Where it is.
    pub fn state(&self) -> LaneState {
        self.state.state()
    }

    /// How far this lane's partitions of a topic are from their ends, in messages; `topic` is its place in
    /// [`Setup::topics`](super::setup::Setup::topics). A lane that loses its last partition of it says 0.
    pub fn lag(&self, topic: usize, records: u64) {
        if let Some(lag) = self.lag.get(topic) {
            lag.store(records, Ordering::Relaxed);
        }
    }

    pub(super) fn lag_of(&self, topic: usize) -> u64 {
        self.lag.get(topic).map_or(0, |lag| lag.load(Ordering::Relaxed))
    }

    /// A transaction was committed, so long after its first message.
    pub fn committed(&self, after: Duration) {
        self.committed.inc();
        self.duration.observe(after.as_secs_f64());
    }

    /// A transaction was aborted.
    pub fn aborted(&self, after: Duration) {
        self.aborted.inc();
        self.duration.observe(after.as_secs_f64());
    }

    /// Bytes were taken; [`landed`](Self::landed) gives them back.
    pub fn took(&self, bytes: u64) {
        self.in_flight_bytes.inc_by(signed(bytes));
    }

    /// Bytes that were taken are delivered, or given up.
    pub fn landed(&self, bytes: u64) {
        self.in_flight_bytes.dec_by(signed(bytes));
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
