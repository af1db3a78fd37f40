//! What is counted of a source.

use prometheus_client::metrics::counter::Counter;
use serde_json::{Value, json};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::registry::{Metrics, labels};
use super::setup::SourceSetup;
use crate::record::span::Refusal;

/// What became of the records of one batch or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that left for at least one sink.
    pub delivered: u64,
    /// Records that could not be parsed, by reason, in the order of [`Refusal::ALL`].
    pub quarantined: [u64; Refusal::ALL.len()],
    /// Records that were due on arrival.
    pub expired: u64,
    /// Records that became due before they could be delivered.
    pub withheld: u64,
    /// Records that no sink wants.
    pub dropped: u64,
    /// Records that came later than their source allows, and were withheld or sent to the topic for late ones.
    pub late: u64,
    /// Keys and headers of messages that were to be carried over and could not be treated.
    pub not_carried: u64,
    /// Bytes that arrived.
    pub received_bytes: u64,
    /// Bytes that were handed to sinks.
    pub delivered_bytes: u64,
}

/// The counters of one source; clones count in the same place.
#[derive(Clone, Debug)]
pub struct SourceMeter {
    name: String,
    delivered: Counter,
    quarantined: Counter,
    expired: Counter,
    withheld: Counter,
    dropped: Counter,
    late: Counter,
    not_carried: Counter,
    reasons: Vec<Counter>,
    received_bytes: Counter,
    delivered_bytes: Counter,
    rate_limit_wait: Counter<f64, AtomicU64>,
}

impl SourceMeter {
    pub(super) fn new(setup: &SourceSetup, metrics: &Metrics) -> Self {
        let name = setup.name.as_str();
        let outcome =
            |outcome| metrics.records.get_or_create_owned(&labels([("source", name), ("outcome", outcome)]));
        let reason = |refusal: &Refusal| {
            let labels = labels([("source", name), ("reason", refusal.name())]);
            metrics.quarantined_records.get_or_create_owned(&labels)
        };
        let own = labels([("source", name)]);
        Self {
            name: name.to_owned(),
            delivered: outcome("delivered"),
            quarantined: outcome("quarantined"),
            expired: outcome("expired"),
            withheld: outcome("withheld"),
            dropped: outcome("dropped"),
            late: outcome("late"),
            reasons: Refusal::ALL.iter().map(reason).collect(),
            not_carried: metrics.not_carried.get_or_create_owned(&own),
            received_bytes: metrics.received_bytes.get_or_create_owned(&own),
            delivered_bytes: metrics.delivered_bytes.get_or_create_owned(&own),
            rate_limit_wait: metrics.rate_limit_wait.get_or_create_owned(&own),
        }
    }

    /// Adds what became of a batch; called once per batch.
    pub fn add(&self, tally: &Tally) {
        add(&self.delivered, tally.delivered);
        add(&self.quarantined, tally.quarantined.iter().sum());
        for (counter, count) in self.reasons.iter().zip(tally.quarantined) {
            add(counter, count);
        }
        add(&self.expired, tally.expired);
        add(&self.withheld, tally.withheld);
        add(&self.dropped, tally.dropped);
        add(&self.late, tally.late);
        add(&self.not_carried, tally.not_carried);
        add(&self.received_bytes, tally.received_bytes);
        add(&self.delivered_bytes, tally.delivered_bytes);
    }

    /// The source's own limit held it back for so long.
    pub fn waited_for_rate(&self, time: Duration) {
        self.rate_limit_wait.inc_by(time.as_secs_f64());
    }

    pub(super) fn status(&self) -> Value {
        let reasons: serde_json::Map<String, Value> = Refusal::ALL
            .iter()
            .zip(&self.reasons)
            .map(|(refusal, counter)| (refusal.name().to_owned(), counter.get().into()))
            .collect();
        json!({
            "name": self.name,
            "records": {
                "delivered": self.delivered.get(),
                "quarantined": self.quarantined.get(),
                "expired": self.expired.get(),
                "withheld": self.withheld.get(),
                "dropped": self.dropped.get(),
                "late": self.late.get(),
            },
            "quarantined": reasons,
            "keys_and_headers_not_carried": self.not_carried.get(),
            "bytes": { "received": self.received_bytes.get(), "delivered": self.delivered_bytes.get() },
            "rate_limit_wait_seconds": self.rate_limit_wait.get(),
        })
    }
}

/// Most outcomes of a batch are zero: then its cache line is left alone.
fn add(counter: &Counter, count: u64) {
    if count > 0 {
        counter.inc_by(count);
    }
}
