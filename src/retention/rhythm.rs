//! How early parts go, and how often somebody looks: the two numbers that together keep a sweep from being late.
//!
//! *In*: the shortest retention of anything stored. *Out*: a margin, and the time between two sweeps. *Promised*: several sweeps come
//! within a margin, so that a part is gone by its deadline (PI-4) even where one of them is held up; the margin is a small share of
//! what a record may live. Pure. *Not here*: the sweep itself ([`sweep`](super::sweep)), and who calls it (`cli`).

use std::time::Duration;

use crate::keys::storage;

/// The share of the shortest retention that the margin is.
pub const MARGIN_SHARE: u64 = storage::MARGIN_SHARE;
/// ClickHouse's default of `old_parts_lifetime`.
const LIFETIME_SECONDS_MAX: u64 = 480;
/// Sweeps within a margin.
pub const SWEEPS: u64 = 4;

/// By how much parts go before their deadline, in seconds, where the shortest retention of anything stored is given: as keys do that die with
/// what they encrypt.
pub const fn margin_seconds(shortest_seconds: u64) -> u64 {
    storage::margin_seconds(shortest_seconds)
}

/// For how long a ClickHouse server may keep files of parts that were merged away, in seconds: its own default, or a share of the retention
/// if that is less.
pub const fn lifetime_seconds(retention_seconds: u64) -> u64 {
    let share = retention_seconds / MARGIN_SHARE;
    if share == 0 {
        1
    } else if share < LIFETIME_SECONDS_MAX {
        share
    } else {
        LIFETIME_SECONDS_MAX
    }
}

/// When parts go, while a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// By how much a part goes before its deadline.
    pub margin_seconds: u64,
    /// The time between two sweeps.
    pub every: Duration,
}

impl Rhythm {
    /// The rhythm for stores whose shortest retention is given; `None` where nothing is stored.
    pub fn of(shortest_retention_seconds: Option<u64>) -> Self {
        let margin_seconds = margin_seconds(shortest_retention_seconds.unwrap_or(u64::MAX));
        Self { margin_seconds, every: Duration::from_millis(margin_seconds * 1000 / SWEEPS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_sweeps_come_within_a_margin_of_a_small_share() {
        for (retention, margin) in [(1, 1), (48, 1), (4_800, 100), (86_400, 120), (14 * 86_400, 120)] {
            let rhythm = Rhythm::of(Some(retention));
            assert_eq!(rhythm.margin_seconds, margin, "{retention} s");
            assert_eq!(rhythm.every * 4, Duration::from_secs(margin), "{retention} s");
        }
        assert_eq!(Rhythm::of(None).margin_seconds, 120);
    }
}
