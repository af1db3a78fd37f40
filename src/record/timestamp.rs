//! An instant in UTC with microseconds.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z; negative before. Leap seconds do not exist, as in POSIX time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Microseconds in one second.
pub const MICROS: i64 = 1_000_000;

impl Timestamp {
    /// The instant `seconds` after 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// The beginning of its hour.
    #[must_use]
    pub const fn hour(self) -> Self {
        Self::from_seconds(self.seconds().div_euclid(3600) * 3600)
    }

    /// This instant moved by `seconds`; stops at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS)))
    }
}

impl fmt::Display for Timestamp {
    /// As RFC 3339 has it, in UTC, to the second; as seconds since 1970 outside of the calendar.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.seconds()) {
            Ok(time) => write!(out, "{time}"),
            Err(_) => write!(out, "{}", self.seconds()),
        }
    }
}
