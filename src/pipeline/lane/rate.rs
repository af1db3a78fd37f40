//! How fast a source may be read: a bucket per source, shared by all lanes of a process. It pauses, and never drops.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::kafka::Rate;

/// What one source may still take. May be in debt: a batch is taken whole, then waited for.
pub struct Governor {
    rate: Rate,
    state: Mutex<(Instant, f64, f64)>,
}

/// Seconds of its rate that a source can save up.
const SAVED_SECONDS: f64 = 0.5;

impl Governor {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        let full = |rate: Option<u64>| rate.map_or(0.0, |rate| exact(rate) * SAVED_SECONDS);
        Self { rate, state: Mutex::new((Instant::now(), full(rate.records), full(rate.bytes))) }
    }

    /// Takes `records` and `bytes` that were read by `now`; how long the source is to rest before more is read.
    pub fn take(&self, records: u64, bytes: u64, now: Instant) -> Option<Duration> {
        if self.rate.records.is_none() && self.rate.bytes.is_none() {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.0).as_secs_f64();
        state.0 = state.0.max(now);
        let rest_records = draw(&mut state.1, self.rate.records, passed, records);
        let rest_bytes = draw(&mut state.2, self.rate.bytes, passed, bytes);
        let rest = rest_records.max(rest_bytes);
        (rest > 0.0).then(|| Duration::from_secs_f64(rest.min(3_600.0)))
    }
}

/// Seconds until the debt is paid.
fn draw(credit: &mut f64, rate: Option<u64>, passed: f64, taken: u64) -> f64 {
    let Some(rate) = rate else { return 0.0 };
    let rate = exact(rate).max(1.0);
    *credit = passed.mul_add(rate, *credit).min(rate * SAVED_SECONDS) - exact(taken);
    if *credit < 0.0 { -*credit / rate } else { 0.0 }
}

/// A number of records or bytes; beyond 2^53 a rate is none.
#[allow(clippy::cast_precision_loss, reason = "rates and batches are far below 2^53")]
const fn exact(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_a_while_no_more_is_read_than_allowed_and_nearly_as_much() {
        for rate in [Rate { records: Some(1_000), bytes: None }, Rate { records: None, bytes: Some(200_000) }]
        {
            let governor = Governor::new(rate);
            let (begun, mut now, mut records) = (Instant::now(), Instant::now(), 0_u64);
            while now < begun + Duration::from_mins(1) {
                records += 700;
                now += governor.take(700, 700 * 200, now).unwrap_or_default() + Duration::from_millis(1);
            }
            assert!((59_000..=62_000).contains(&records), "{records}");
        }
        assert_eq!(Governor::new(Rate::default()).take(u64::MAX, u64::MAX, Instant::now()), None);
    }
}
