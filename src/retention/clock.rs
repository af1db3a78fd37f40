//! Whether the wall clock can be trusted: held against the time since boot, which nobody can set (design, section 6).
//!
//! *In*: [`Reading`]s of both clocks. *Out*: whether the wall clock jumped, by how much, and what the time would be if it had not.
//! *Promised*: what a wall clock does wrong never moves a deadline, once it is seen here; keys and records do not die of a bad
//! battery. *Not here*: reading clocks, files and journals, and what a pause stops (`cli`).
//!
//! The time since boot counts suspension, so that a laptop that slept has not jumped. A virtual machine that was halted may have:
//! whether its time since boot went on is for its host to decide, and nothing in the machine tells one from the other.
//!
//! A wall clock is corrected for years by small steps, and none of them is a jump. So the base that it is held against follows it, once
//! a day ([`REBASE_SECONDS`]) while it is within an hour of what was expected. A clock that creeps is followed by that hour a day at
//! most, and one that runs faster or slower than that is a jump as soon as it is an hour away.

use crate::record::timestamp::{MICROS, Timestamp};

/// By how much the wall clock may differ from what is expected, in seconds.
pub const JUMP_SECONDS_MAX: i64 = 3_600;

/// The age at which a base is replaced by a later reading that agrees with it.
pub const REBASE_SECONDS: i64 = 86_400;

/// Both clocks, read together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Microseconds since boot, those of suspension counted.
    pub since_boot: i64,
    /// What the wall clock says.
    pub wall: Timestamp,
}

impl Reading {
    /// What the wall clock will say `since_boot` microseconds after boot, if nobody sets it.
    pub const fn expected(self, since_boot: i64) -> Timestamp {
        Timestamp(self.wall.0.saturating_add(since_boot.saturating_sub(self.since_boot)))
    }

    /// By how many seconds the wall clock jumped between this reading and `present`, forward or (negative) back; `None` while it agrees.
    pub const fn jump(self, present: Self) -> Option<i64> {
        let away = present.wall.0.saturating_sub(self.expected(present.since_boot).0);
        if away.unsigned_abs() <= (JUMP_SECONDS_MAX * MICROS).unsigned_abs() {
            return None;
        }
        // Rounded: the two clocks were read a microsecond apart, and nobody wants to read 29 days, 23 hours, 59 minutes and 59 seconds.
        Some(away.saturating_add(away.signum() * MICROS / 2) / MICROS)
    }

    /// Whether `present`, which agrees with this base, is to take its place.
    pub const fn is_old(self, present: Self) -> bool {
        present.since_boot.saturating_sub(self.since_boot) >= REBASE_SECONDS * MICROS
    }
}

/// Why the wall clock is not to be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distrust {
    /// It jumped against the time since boot.
    Jump {
        /// How far: forward, or (negative) back.
        seconds: i64,
    },
    /// It lies before the last entry of the journal.
    BeforeJournal {
        /// How far.
        seconds: u64,
    },
    /// Nothing has set it since boot.
    Unsynchronised,
    /// Something was written down that does not read.
    Unknown,
}

impl Distrust {
    /// One line for a file.
    pub fn written(self) -> String {
        match self {
            Self::Jump { seconds } => format!("jump {seconds}\n"),
            Self::BeforeJournal { seconds } => format!("before-journal {seconds}\n"),
            Self::Unsynchronised => "not-synchronised\n".to_owned(),
            Self::Unknown => "unknown\n".to_owned(),
        }
    }

    /// Reads what was [`written`](Self::written). Anything else is a reason, too: a pause ends because somebody says so, not because a
    /// file was damaged.
    pub fn read(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("jump"), Some(seconds), None) => {
                seconds.parse().map_or(Self::Unknown, |seconds| Self::Jump { seconds })
            }
            (Some("before-journal"), Some(seconds), None) => {
                seconds.parse().map_or(Self::Unknown, |seconds| Self::BeforeJournal { seconds })
            }
            (Some("not-synchronised"), None, None) => Self::Unsynchronised,
            _ => Self::Unknown,
        }
    }
}

/// A base with the boot that it belongs to: a later process of the same boot holds the wall clock against it. Of another boot's base
/// nothing can be told, since nobody knows how long the machine was off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfBoot {
    /// The kernel's name for the boot.
    pub boot: String,
    /// The base.
    pub base: Reading,
}

impl OfBoot {
    /// One line for a file.
    pub fn written(&self) -> String {
        format!("{} {} {}\n", self.boot, self.base.since_boot, self.base.wall.0)
    }

    /// Reads what was [`written`](Self::written).
    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let boot = words.next()?.to_owned();
        let since_boot = words.next()?.parse().ok()?;
        let wall = Timestamp(words.next()?.parse().ok()?);
        words.next().is_none().then_some(Self { boot, base: Reading { since_boot, wall } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;
    const BASE: Reading = Reading { since_boot: 500 * MICROS, wall: Timestamp::from_seconds(1_795_262_400) };

    /// `elapsed` seconds later, with a wall clock that was moved by `moved` seconds meanwhile.
    fn later(base: Reading, elapsed: i64, moved: i64) -> Reading {
        Reading {
            since_boot: base.since_boot + elapsed * MICROS,
            wall: base.wall.plus_seconds(elapsed + moved),
        }
    }

    #[test]
    fn more_than_an_hour_is_a_jump_in_either_direction() {
        for elapsed in [0, 1, HOUR, 400 * 24 * HOUR] {
            for within in [0, 1, -1, HOUR, -HOUR] {
                assert_eq!(BASE.jump(later(BASE, elapsed, within)), None, "{within} s");
            }
            let mut nearly = later(BASE, elapsed, 30 * 24 * HOUR);
            nearly.wall.0 -= 1;
            assert_eq!(BASE.jump(nearly), Some(30 * 24 * HOUR));
            for beyond in [HOUR + 1, -HOUR - 1, 30 * 24 * HOUR, -30 * 24 * HOUR] {
                assert_eq!(BASE.jump(later(BASE, elapsed, beyond)), Some(beyond));
            }
            assert_eq!(BASE.expected(BASE.since_boot + elapsed * MICROS), BASE.wall.plus_seconds(elapsed));
        }
    }

    #[test]
    fn the_ends_of_the_range_are_a_jump_and_no_overflow() {
        for wall in [i64::MIN, i64::MAX] {
            let present = Reading { since_boot: 600 * MICROS, wall: Timestamp(wall) };
            assert!(BASE.jump(present).is_some());
            let base = Reading { since_boot: i64::MIN, wall: Timestamp(wall) };
            let _ = (base.jump(present), base.is_old(present), base.expected(i64::MAX));
        }
    }

    /// A clock that is followed as `cli` does it, looked at every minute.
    fn followed(days: i64, moved_by: impl Fn(i64) -> i64) -> Option<i64> {
        let mut base = BASE;
        for minute in 0..days * 24 * 60 {
            let present = later(BASE, minute * 60, moved_by(minute * 60));
            if let Some(seconds) = base.jump(present) {
                return Some(seconds);
            }
            if base.is_old(present) {
                base = present;
            }
        }
        None
    }

    #[test]
    fn small_corrections_never_add_up_to_a_jump() {
        // Five minutes each day, for a year: thirty hours in the end.
        assert_eq!(followed(365, |elapsed| elapsed / (24 * HOUR) * 300), None);
        assert_eq!(followed(365, |elapsed| -elapsed / 1_000), None, "a bad crystal");
    }

    #[test]
    fn a_clock_that_creeps_by_more_than_an_hour_a_day_is_a_jump() {
        // Small steps, each of which would pass if the base followed every one.
        assert_eq!(followed(365, |elapsed| elapsed / 60 * 20), Some(HOUR + 20));
        assert!(followed(365, |elapsed| -elapsed / 10).is_some());
    }

    #[test]
    fn what_is_written_reads_back_and_anything_else_is_a_reason_to_pause() {
        for reason in [
            Distrust::Jump { seconds: -2_592_000 },
            Distrust::BeforeJournal { seconds: 7_200 },
            Distrust::Unsynchronised,
            Distrust::Unknown,
        ] {
            assert_eq!(Distrust::read(&reason.written()), reason);
        }
        for damaged in ["", "jump", "jump x", "jump 1 2", "before-journal -1", "not-synchronised yet"] {
            assert_eq!(Distrust::read(damaged), Distrust::Unknown, "{damaged}");
        }
        let of_boot = OfBoot { boot: "5b9f".to_owned(), base: BASE };
        assert_eq!(OfBoot::read(&of_boot.written()), Some(of_boot));
        for damaged in ["", "5b9f", "5b9f 1", "5b9f 1 x", "5b9f 1 2 3"] {
            assert_eq!(OfBoot::read(damaged), None, "{damaged}");
        }
    }
}
