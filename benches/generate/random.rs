//! Chance with a seed, and the calendar: the two things that a generator needs and the standard library lacks.

use std::io::Write;

/// `SplitMix64` (Steele, Lea, Flood 2014): eight lines, good enough for logs, and the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply and shift: the bias is below bound / 2^32, nothing for a log.
        ((self.next() >> 32) * bound) >> 32
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`, the first ones oftener.
    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.zipf(choices.len() as u32) as usize]
    }

    /// A rank in `0..n` that follows Zipf's law with exponent one: rank `k` comes with a chance of
    /// ln((k+2)/(k+1)) / ln(n+1), which is the inverse of the distribution's own sum, so no table is needed.
    pub fn zipf(&mut self, n: u32) -> u32 {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (uniform * f64::from(n + 1).ln()).exp() as u32;
        rank.clamp(1, n) - 1
    }
}

/// The finishing step of `SplitMix64`; also turns a client's number into its address.
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A UTC instant taken apart.
#[derive(Clone, Copy, Default)]
pub struct Civil {
    pub year: i64,
    pub month: usize,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    /// 0 is Sunday.
    pub weekday: usize,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Civil {
    /// Howard Hinnant's `civil_from_days`, counted from 1 March so that the leap day ends the year.
    pub fn of(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let rest = seconds.rem_euclid(86_400);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as usize,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: (days + 4).rem_euclid(7) as usize,
        }
    }

    /// `21/Nov/2026:10:00:00 +0000`
    pub fn common_log(&self, out: &mut Vec<u8>) {
        let Self { year, month, day, hour, minute, second, .. } = *self;
        let month = MONTHS[month - 1];
        let _ = write!(out, "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000");
    }

    /// `2026-11-21T10:00:00+00:00`
    pub fn iso(&self, out: &mut Vec<u8>) {
        let Self { year, month, day, hour, minute, second, .. } = *self;
        let _ = write!(out, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00");
    }

    /// `2026/11/21 10:00:00`
    pub fn nginx_error(&self, out: &mut Vec<u8>) {
        let Self { year, month, day, hour, minute, second, .. } = *self;
        let _ = write!(out, "{year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}");
    }

    /// `Sat Nov 21 10:00:00.123456 2026`
    pub fn apache_error(&self, micros: u64, out: &mut Vec<u8>) {
        let Self { year, month, day, hour, minute, second, weekday } = *self;
        let (weekday, month) = (WEEKDAYS[weekday], MONTHS[month - 1]);
        let _ =
            write!(out, "{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} {year}");
    }
}
