//! Every metric there is: name, unit, help and labels, in one place. What is not registered here is not exported.
//!
//! Labels are fixed at start: `source`, `sink`, `class` and `topic` are names of the configuration, `outcome`, `reason` words of the
//! program. All that a pipeline can ever have is there, as zero, before the first record, so that an alert can tell "none" from
//! "not known".

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::setup::Setup;
use std::sync::atomic::AtomicU64;

/// Names of the configuration and words of the program.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Counts of something.
pub(super) type Counts = Family<Labels, Counter>;
/// A number that goes up and down.
pub(super) type Levels = Family<Labels, Gauge>;
/// Seconds that go up and down.
pub(super) type Ages = Family<Labels, Gauge<f64, AtomicU64>>;
/// Seconds that add up.
pub(super) type Seconds = Family<Labels, Counter<f64, AtomicU64>>;

/// How long transactions take, from their first message to the answer to their commit or abort: the usual commit interval of 100 ms in
/// the middle, the transaction time-out of 10 s near the end.
const TRANSACTION_SECONDS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Every metric.
pub(super) struct Metrics {
    pub records: Counts,
    pub received_bytes: Counts,
    pub delivered_bytes: Counts,
    pub quarantined_records: Counts,
    pub not_carried: Counts,
    pub rate_limit_wait: Seconds,
    pub consumer_lag: Levels,
    pub out_of_range: Counts,
    pub oldest_event_age: Ages,
    pub worst_age: Levels,
    pub worst_age_limit: Levels,
    pub transactions: Counts,
    pub transaction_duration: Histogram,
    pub pauses: Counts,
    pub paused: Levels,
    pub in_flight_bytes: Gauge,
    pub broker_clock_apart: Gauge,
    pub lanes_running: Gauge,
    pub lane_restarts: Counter,
    pub facts: Counts,
    pub ready: Gauge,
}

impl Metrics {
    /// Makes and registers them; `setup` gives the labels that are constant.
    pub fn register(setup: &Setup) -> (Self, Registry) {
        let mut registry = Registry::with_prefix("sluis");
        let all = &mut registry;
        build_info(setup, all);
        let metrics = Self {
            records: family(all, "records", "Records by what became of them, each in one outcome", None),
            received_bytes: family(all, "received", "Bytes that arrived", Some(Unit::Bytes)),
            delivered_bytes: family(all, "delivered", "Bytes that were handed to sinks", Some(Unit::Bytes)),
            quarantined_records: family(
                all,
                "quarantined_records",
                "Records that could not be parsed, by reason: sealed or discarded",
                None,
            ),
            not_carried: family(
                all,
                "keys_and_headers_not_carried",
                "Keys and headers of messages that were to be carried over and could not be treated: left out",
                None,
            ),
            rate_limit_wait: family(
                all,
                "rate_limit_wait",
                "Time that a source's own limit held it back",
                Some(Unit::Seconds),
            ),
            consumer_lag: family(
                all,
                "consumer_lag_records",
                "Messages in the partitions of this process that were not committed yet",
                None,
            ),
            out_of_range: family(
                all,
                "out_of_range_records",
                "Messages that the broker removed before they were read: lost",
                None,
            ),
            oldest_event_age: family(
                all,
                "oldest_event_age",
                "Age of the oldest record of the batch that a sink has or had last",
                Some(Unit::Seconds),
            ),
            worst_age: family(
                all,
                "worst_age",
                "How old a record of a class can get in a sink, as configured",
                Some(Unit::Seconds),
            ),
            worst_age_limit: family(
                all,
                "worst_age_limit",
                "How old a record of a class may get, by policy",
                Some(Unit::Seconds),
            ),
            transactions: family(all, "transactions", "Kafka transactions by how they ended", None),
            transaction_duration: Histogram::new(TRANSACTION_SECONDS),
            pauses: family(all, "pauses", "Times that taking records was paused, by reason", None),
            paused: family(all, "paused", "Lanes or runs that are paused now, by reason", None),
            facts: family(all, "facts", "What was told in log lines, said or held back, by kind", None),
            in_flight_bytes: Gauge::default(),
            broker_clock_apart: Gauge::default(),
            lanes_running: Gauge::default(),
            lane_restarts: Counter::default(),
            ready: Gauge::default(),
        };
        metrics.register_single(all);
        (metrics, registry)
    }

    /// Those without labels.
    fn register_single(&self, all: &mut Registry) {
        all.register_with_unit(
            "transaction_duration",
            "From the first message of a Kafka transaction to the answer to its end",
            Unit::Seconds,
            self.transaction_duration.clone(),
        );
        all.register_with_unit(
            "in_flight",
            "Bytes that were taken and are not delivered, over all lanes",
            Unit::Bytes,
            self.in_flight_bytes.clone(),
        );
        all.register_with_unit(
            "broker_clock_apart",
            "At least how far the clock of a broker is ahead of ours (negative: behind); 0 while none is seen to be apart",
            Unit::Seconds,
            self.broker_clock_apart.clone(),
        );
        all.register(
            "lanes_running",
            "Kafka lanes that are in the consumer group",
            self.lanes_running.clone(),
        );
        all.register("lane_restarts", "Kafka lanes that were started again", self.lane_restarts.clone());
        all.register("ready", "1 when /readyz says ready", self.ready.clone());
    }
}

fn build_info(setup: &Setup, all: &mut Registry) {
    let labels: Labels = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("pipeline", setup.pipeline.clone()),
        ("policy", setup.policy.name.clone()),
        ("policy_version", setup.policy.version.clone()),
        ("policy_sha256", setup.policy.hash.clone()),
    ];
    all.register("build", "What runs, and under which policy", Info::new(labels));
}

fn family<M, C>(all: &mut Registry, name: &str, help: &str, unit: Option<Unit>) -> Family<Labels, M, C>
where
    Family<Labels, M, C>: prometheus_client::registry::Metric + Clone + Default,
    C: MetricConstructor<M>,
{
    let family = Family::<Labels, M, C>::default();
    match unit {
        Some(unit) => all.register_with_unit(name, help, unit, family.clone()),
        None => all.register(name, help, family.clone()),
    }
    family
}

/// Labels of which the values are given.
pub(super) fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}
