//! What is measured of a sink: how old what it gets is, and whether it blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::record::timestamp::{MICROS, Timestamp};

/// A sink that has had one batch for longer than this blocks, in seconds. The slowest that works well, a disk that syncs a part, is
/// faster by far; the transaction time-out of Kafka is as long.
pub(super) const BLOCKED_SECONDS: i64 = 10;

/// No time.
const NONE: i64 = i64::MIN;

/// One class as one sink takes it; clones measure in the same place.
#[derive(Clone, Debug)]
pub struct SinkMeter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    retention_micros: i64,
    /// When the sink got the batch that it has, in microseconds since 1970; [`NONE`]: it has none.
    since: AtomicI64,
    /// The time of the oldest record of that batch.
    oldest: AtomicI64,
    /// How old the oldest record of the last batch was when the sink had taken it, in microseconds.
    last_age: AtomicI64,
}

impl SinkMeter {
    pub(super) fn new(limit_seconds: u64) -> Self {
        let retention_micros = i64::try_from(limit_seconds).unwrap_or(i64::MAX).saturating_mul(MICROS);
        Self(Arc::new(Inner {
            retention_micros,
            since: AtomicI64::new(NONE),
            oldest: AtomicI64::new(NONE),
            last_age: AtomicI64::new(0),
        }))
    }

    /// The sink gets a batch whose earliest deadline is `deadline`. Under Kafka: the first batch of a transaction.
    pub fn begin(&self, deadline: Option<Timestamp>, now: Timestamp) {
        self.older(deadline);
        let _ = self.0.since.compare_exchange(NONE, now.0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The batch that the sink has is joined by records with this earliest deadline.
    pub fn older(&self, deadline: Option<Timestamp>) {
        // A deadline is the time of its record and the retention of the class.
        if let Some(deadline) = deadline {
            let oldest = deadline.0.saturating_sub(self.0.retention_micros);
            let has = self.0.oldest.load(Ordering::Relaxed);
            if has == NONE || oldest < has {
                self.0.oldest.store(oldest, Ordering::Relaxed);
            }
        }
    }

    /// The sink has taken what it had. Under Kafka: committed or aborted.
    pub fn end(&self, now: Timestamp) {
        let oldest = self.0.oldest.swap(NONE, Ordering::Relaxed);
        if oldest != NONE {
            self.0.last_age.store(now.0.saturating_sub(oldest).max(0), Ordering::Relaxed);
        }
        self.0.since.store(NONE, Ordering::Relaxed);
    }

    /// The age of the oldest record that the sink has, or had last, in seconds. It grows while a sink blocks.
    pub(super) fn age_seconds(&self, now: Timestamp) -> f64 {
        let oldest = self.0.oldest.load(Ordering::Relaxed);
        let last = self.0.last_age.load(Ordering::Relaxed);
        let micros = if oldest == NONE { last } else { now.0.saturating_sub(oldest).max(last) };
        seconds(micros.max(0))
    }

    pub(super) fn is_blocked(&self, now: Timestamp) -> bool {
        let since = self.0.since.load(Ordering::Relaxed);
        since != NONE && now.0.saturating_sub(since) > BLOCKED_SECONDS * MICROS
    }
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people, exact for 285 years")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_grows_while_a_sink_has_a_batch_and_stands_after() {
        let at = Timestamp::from_seconds;
        let sink = SinkMeter::new(3_600);
        assert!(sink.age_seconds(at(100)).abs() < 1e-9);
        // The record is of second 100.
        sink.begin(Some(at(3_700)), at(102));
        assert!((sink.age_seconds(at(103)) - 3.0).abs() < 1e-9);
        // One that joins it may be older; a younger one changes nothing.
        sink.older(Some(at(3_690)));
        sink.older(Some(at(3_695)));
        assert!((sink.age_seconds(at(103)) - 13.0).abs() < 1e-9);
        assert!(!sink.is_blocked(at(112)) && sink.is_blocked(at(113)));
        sink.end(at(115));
        assert!(!sink.is_blocked(at(1_000)));
        assert!((sink.age_seconds(at(1_000)) - 25.0).abs() < 1e-9);
        sink.begin(Some(at(4_590)), at(1_000));
        sink.end(at(1_001));
        assert!((sink.age_seconds(at(1_005)) - 11.0).abs() < 1e-9);
    }
}
