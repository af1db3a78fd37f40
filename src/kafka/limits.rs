//! How old a record can get in a topic, and which settings of a topic keep it inside its class. Arithmetic only: nothing is asked here.
//!
//! A broker deletes whole segments. A segment takes records for `segment.ms`, and goes when its newest record is older than
//! `retention.ms`, at the first look after that (`log.retention.check.interval.ms`): so its oldest record is then as old in the topic as
//! the three together, and it was already late, in flight, and seen by another clock when it came. The files are renamed at that
//! moment, which hides them from readers, and unlinked after `file.delete.delay.ms`.
//!
//! ```text
//! clock skew + lateness + in flight + retention.ms + segment.ms + check interval                        ≤ class   readable, busy
//! clock skew + lateness + in flight + retention.ms              + check interval                        ≤ class   readable, one burst, then silence
//! clock skew + lateness + in flight + retention.ms + segment.ms + check interval + file delete delay    ≤ class   bytes on disk
//! ```
//!
//! The second is smaller than the first, because the active segment, too, is rolled and deleted once its newest record is older than
//! `retention.ms`; a partition that takes a record now and then can reach the first. With `segment.ms` at its default of seven days
//! a busy partition keeps what a `retention.ms` of minutes seems to forbid for a week.
//!
//! All of it counts from the broker's clock at arrival. Where producers set the time (`CreateTime`), what they may run ahead comes on
//! top, and without a bound on that there is no bound at all.

use std::fmt;

/// How often a broker looks for segments to delete, unless it says otherwise (`log.retention.check.interval.ms`).
pub const CHECK_MS_DEFAULT: u64 = 300_000;

/// How long files that are deleted stay on disk, unless the topic says otherwise (`file.delete.delay.ms`).
pub const DELETE_DELAY_MS_DEFAULT: u64 = 60_000;

/// What is left of a class is parted into so many segments and the retention of the others: with more, a partition is more files; with fewer,
/// records that could stay go early.
pub const SEGMENTS: u64 = 24;

/// No segment is planned shorter: files would be made and deleted faster than the broker looks.
const SEGMENT_MS_MIN: u64 = 1_000;

/// No retention is planned shorter: records would go before somebody could read them.
const RETENTION_MS_MIN: u64 = 2_000;

/// A delay of deletion is planned at most as this share of the class, so that a class of minutes does not lose one to it.
const DELETE_DELAY_SHARE: u64 = 60;

/// A bound on what may be dated ahead that is as good as none: a thousand years.
pub const UNBOUNDED_MS: u64 = 1_000 * 366 * 86_400_000;

const SECOND: u64 = 1_000;

/// How old a record can be when it arrives in a topic, and how long it may live: what a pipeline knows before it asks a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Clocks that differ.
    pub clock_skew_ms: u64,
    /// How late a record may be sent.
    pub lateness_ms: u64,
    /// From sending until the broker has it: what the transaction, or the wait for a receipt, allows.
    pub in_flight_ms: u64,
}

impl Arrival {
    /// Of a record whose age is counted from its arrival in the topic.
    pub const AT_ARRIVAL: Self = Self { clock_skew_ms: 0, lateness_ms: 0, in_flight_ms: 0 };

    const fn sum(self) -> u64 {
        self.clock_skew_ms.saturating_add(self.lateness_ms).saturating_add(self.in_flight_ms)
    }
}

/// What a broker does with a topic of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broker {
    /// `log.retention.check.interval.ms`, the longest of all brokers.
    pub check_ms: u64,
}

impl Default for Broker {
    fn default() -> Self {
        Self { check_ms: CHECK_MS_DEFAULT }
    }
}

/// The settings of a topic that decide how long it keeps a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `retention.ms`; `None`: for ever.
    pub retention_ms: Option<u64>,
    /// `segment.ms`.
    pub segment_ms: u64,
    /// `file.delete.delay.ms`.
    pub delete_delay_ms: u64,
    /// How far producers may date a record ahead (`message.timestamp.after.max.ms`): nothing with `LogAppendTime`; `None`: without bound.
    pub ahead_ms: Option<u64>,
}

/// How old a record can get in a topic, term by term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstAge {
    /// Before it is there.
    pub arrival: Arrival,
    /// What the broker does.
    pub broker: Broker,
    /// What the topic says.
    pub limits: Limits,
    /// How long the record may live.
    pub limit_ms: u64,
}

impl WorstAge {
    /// The age that no readable record passes; `None`: there is none.
    pub fn readable_ms(&self) -> Option<u64> {
        Some(self.idle_ms()?.saturating_add(self.limits.segment_ms))
    }

    /// The same of a partition that took one burst and then nothing.
    pub fn idle_ms(&self) -> Option<u64> {
        let topic = self.limits.retention_ms?.saturating_add(self.limits.ahead_ms?);
        Some(self.arrival.sum().saturating_add(topic).saturating_add(self.broker.check_ms))
    }

    /// The age that no byte of a record passes on a broker's disk.
    pub fn on_disk_ms(&self) -> Option<u64> {
        Some(self.readable_ms()?.saturating_add(self.limits.delete_delay_ms))
    }

    /// Whether all of it, bytes on disk included, is inside the limit.
    pub fn fits(&self) -> bool {
        self.on_disk_ms().is_some_and(|worst| worst <= self.limit_ms)
    }
}

impl fmt::Display for WorstAge {
    /// The sum, term by term.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, ms) in [
            ("clock", self.arrival.clock_skew_ms),
            ("lateness", self.arrival.lateness_ms),
            ("in flight", self.arrival.in_flight_ms),
        ] {
            if ms > 0 {
                write!(out, "{name} {} + ", text(ms))?;
            }
        }
        let limits = &self.limits;
        match limits.retention_ms {
            Some(ms) => write!(out, "retention.ms {}", text(ms))?,
            None => write!(out, "retention.ms for ever")?,
        }
        write!(
            out,
            " + segment.ms {} + check interval {}",
            text(limits.segment_ms),
            text(self.broker.check_ms)
        )?;
        match limits.ahead_ms {
            Some(0) => {}
            Some(ms) => write!(out, " + dated ahead {}", text(ms))?,
            None => write!(out, " + dated ahead without bound")?,
        }
        match (self.readable_ms(), self.idle_ms(), self.on_disk_ms()) {
            (Some(readable), Some(idle), Some(disk)) => write!(
                out,
                " = {} readable ({} after a last burst), + file delete delay {} = {} on disk",
                text(readable),
                text(idle),
                text(limits.delete_delay_ms),
                text(disk)
            )?,
            _ => write!(out, " = without end")?,
        }
        write!(out, "; limit {}", text(self.limit_ms))
    }
}

/// A class leaves no room for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no retention.ms fits: limit {} - clock {} - lateness {} - in flight {} - check interval {} - file delete delay {} leaves {}, at \
     least {} is needed; lower the source's max_lateness or the brokers' log.retention.check.interval.ms, or give the class longer",
    text(*limit_ms), text(arrival.clock_skew_ms), text(arrival.lateness_ms), text(arrival.in_flight_ms), text(broker.check_ms),
    text(*delete_delay_ms), left(*limit_ms, *arrival, *broker, *delete_delay_ms), text(SEGMENT_MS_MIN + RETENTION_MS_MIN)
)]
pub struct NoRoom {
    arrival: Arrival,
    broker: Broker,
    delete_delay_ms: u64,
    limit_ms: u64,
}

fn left(limit_ms: u64, arrival: Arrival, broker: Broker, delete_delay_ms: u64) -> String {
    let used = arrival.sum().saturating_add(broker.check_ms).saturating_add(delete_delay_ms);
    if used > limit_ms { format!("{} too little", text(used - limit_ms)) } else { text(limit_ms - used) }
}

/// The settings of a topic for records that may live `limit_ms`: as long a retention as fits, in whole seconds.
pub fn choose(limit_ms: u64, arrival: Arrival, broker: Broker) -> Result<Limits, NoRoom> {
    let share = (limit_ms / DELETE_DELAY_SHARE / SECOND * SECOND).max(SECOND);
    let delete_delay_ms = DELETE_DELAY_MS_DEFAULT.min(share);
    let used = arrival.sum().saturating_add(broker.check_ms).saturating_add(delete_delay_ms);
    let left = limit_ms.saturating_sub(used) / SECOND * SECOND;
    let segment_ms = (left / SEGMENTS / SECOND * SECOND).max(SEGMENT_MS_MIN);
    let retention_ms = left.saturating_sub(segment_ms);
    if retention_ms < RETENTION_MS_MIN {
        return Err(NoRoom { arrival, broker, delete_delay_ms, limit_ms });
    }
    Ok(Limits { retention_ms: Some(retention_ms), segment_ms, delete_delay_ms, ahead_ms: Some(0) })
}

/// A time as people write it: `1h 30m`, `1s 500ms`.
pub fn text(ms: u64) -> String {
    let mut rest = ms;
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    fn worst(limits: Limits, arrival: Arrival, broker: Broker, limit_ms: u64) -> WorstAge {
        WorstAge { arrival, broker, limits, limit_ms }
    }

    #[test]
    fn two_weeks_with_the_defaults_of_a_broker() {
        let arrival = Arrival { clock_skew_ms: 1_000, lateness_ms: 84 * HOUR, in_flight_ms: 11_000 };
        let limits = choose(14 * DAY, arrival, Broker::default()).unwrap();
        // 14 d less 3 d 12 h, 12 s, 5 min and 1 min is 10 d 11 h 53 m 48 s; a twenty-fourth of it is 10 h 29 m 44 s.
        assert_eq!(limits.segment_ms, ((10 * 24 + 11) * 3_600 + 53 * 60 + 48) / 24 * 1_000);
        let sum = worst(limits, arrival, Broker::default(), 14 * DAY);
        assert_eq!(sum.on_disk_ms(), Some(14 * DAY));
        assert_eq!(sum.readable_ms(), Some(14 * DAY - 60_000));
        assert_eq!(sum.idle_ms(), Some(14 * DAY - 60_000 - limits.segment_ms));
    }

    #[test]
    fn what_was_measured_on_a_broker_is_what_is_computed() {
        // retention.ms 20 s, segment.ms 10 s, look every second, delete delay 1 s: 20.6 s idle, 30.6 s busy, 1 s more on disk;
        // dated 40 s ahead: 60.5 s after one burst.
        let limits = Limits {
            retention_ms: Some(20_000),
            segment_ms: 10_000,
            delete_delay_ms: 1_000,
            ahead_ms: Some(0),
        };
        let broker = Broker { check_ms: 1_000 };
        let sum = worst(limits, Arrival::AT_ARRIVAL, broker, DAY);
        assert_eq!(
            (sum.idle_ms(), sum.readable_ms(), sum.on_disk_ms()),
            (Some(21_000), Some(31_000), Some(32_000))
        );
        let ahead = worst(Limits { ahead_ms: Some(40_000), ..limits }, Arrival::AT_ARRIVAL, broker, DAY);
        assert_eq!(ahead.idle_ms(), Some(61_000));
    }

    #[test]
    fn the_defaults_of_kafka_keep_a_record_for_two_weeks_and_more() {
        let limits = Limits {
            retention_ms: Some(7 * DAY),
            segment_ms: 7 * DAY,
            delete_delay_ms: 60_000,
            ahead_ms: Some(0),
        };
        let sum = worst(limits, Arrival::AT_ARRIVAL, Broker::default(), 14 * DAY);
        assert!(!sum.fits());
        assert_eq!(
            sum.to_string(),
            "retention.ms 7d + segment.ms 7d + check interval 5m = 14d 5m readable (7d 5m after a last burst), \
             + file delete delay 1m = 14d 6m on disk; limit 14d"
        );
    }

    #[test]
    fn without_an_end_nothing_fits() {
        let limits = Limits { retention_ms: None, segment_ms: 1_000, delete_delay_ms: 0, ahead_ms: Some(0) };
        let sum = worst(limits, Arrival::AT_ARRIVAL, Broker::default(), u64::MAX);
        assert!(
            !sum.fits() && sum.to_string().contains("for ever") && sum.to_string().contains("without end")
        );
        let sum = worst(
            Limits { retention_ms: Some(1), ahead_ms: None, ..limits },
            sum.arrival,
            sum.broker,
            u64::MAX,
        );
        assert!(!sum.fits() && sum.to_string().contains("dated ahead without bound"));
    }

    #[test]
    fn a_class_without_room_says_the_arithmetic() {
        let arrival = Arrival { clock_skew_ms: 1_000, lateness_ms: 60_000, in_flight_ms: 11_000 };
        let error = choose(300_000, arrival, Broker::default()).unwrap_err().to_string();
        assert!(
            error.contains("limit 5m - clock 1s - lateness 1m - in flight 11s - check interval 5m"),
            "{error}"
        );
        assert!(error.contains("leaves 1m 17s too little") && error.contains("max_lateness"), "{error}");
    }

    proptest! {
        #[test]
        fn the_worst_case_is_never_over_the_limit(
            limit in 1_000..(3_000 * DAY), skew in 0..10_000u64, late in 0..(30 * DAY), flight in 0..60_000u64,
            check in 1..(2 * HOUR),
        ) {
            let (arrival, broker) =
                (Arrival { clock_skew_ms: skew, lateness_ms: late, in_flight_ms: flight }, Broker { check_ms: check });
            match choose(limit, arrival, broker) {
                Ok(limits) => {
                    let sum = worst(limits, arrival, broker, limit);
                    prop_assert!(sum.fits(), "{sum}");
                    // As long as fits: less than a second is left unused.
                    prop_assert!(limit - sum.on_disk_ms().unwrap() < SECOND, "{sum}");
                    prop_assert!(limits.segment_ms % SECOND == 0 && limits.retention_ms.unwrap() % SECOND == 0);
                    prop_assert!(limits.segment_ms <= limits.retention_ms.unwrap());
                }
                Err(_) => prop_assert!(
                    skew + late + flight + check + DELETE_DELAY_MS_DEFAULT + SEGMENT_MS_MIN + RETENTION_MS_MIN + SECOND > limit
                ),
            }
        }

        #[test]
        fn what_is_shorter_than_planned_fits_too(
            limit in 60_000..(30 * DAY), check in 1..5_000u64, retention in 0..DAY, segment in 1..DAY,
        ) {
            let broker = Broker { check_ms: check };
            let planned = choose(limit, Arrival::AT_ARRIVAL, broker).unwrap();
            let limits = Limits {
                retention_ms: planned.retention_ms.map(|planned| planned.min(retention)),
                segment_ms: planned.segment_ms.min(segment),
                ..planned
            };
            prop_assert!(worst(limits, Arrival::AT_ARRIVAL, broker, limit).fits());
        }
    }
}
