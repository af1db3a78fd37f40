//! `strftime` patterns read backwards: from a text that such a pattern wrote to the fields of a local time.
//!
//! *In*: a pattern of Apache's `%{…}t`, compiled once, and the bytes at which its text begins. *Out*: what the text says
//! ([`Collected`]) and where it ends. *Promised*: linear, no allocation while reading; what contradicts the pattern is
//! refused. *Not here*: names in other languages than C's; several directives that make up one time meet in one
//! [`Collected`].

use jiff::tz::TimeZone;

use super::Memo;
use super::cursor::{Cursor, fraction_micros};
use super::time::{Civil, Reading};
use crate::record::calendar::days_in;
use crate::record::span::Refusal;
use crate::record::timestamp::{MICROS, Timestamp};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// `%n` and `%t` and blanks of `%e` are written as single bytes; this is for them.
    Weekday,
    WeekdayFull,
    Month,
    MonthFull,
    Year,
    Century,
    YearOfCentury,
    MonthNumber,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    HalfOfDay,
    Offset,
    ZoneName,
    Epoch,
    /// Digits that say nothing we need: week numbers, the day of the week as a number.
    Digits(u8),
}

/// What makes a pattern unusable: the byte offset of the directive in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadDirective(pub usize);

/// What the time directives of one record have said so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collected {
    civil: Civil,
    /// A whole instant, from an epoch or a complete time.
    instant: Option<Timestamp>,
    fraction: Option<i64>,
    afternoon: Option<bool>,
    day_of_year: Option<u32>,
    century: Option<u32>,
    completed: bool,
}

impl Collected {
    /// Takes note of a complete instant. Of two, the finer one counts if they are the same second, else the earlier.
    pub fn set_instant(&mut self, reading: Reading) {
        let other = self.instant.unwrap_or(reading.instant);
        self.instant = Some(if other.seconds() == reading.instant.seconds() {
            other.max(reading.instant)
        } else {
            other.min(reading.instant)
        });
        self.completed |= reading.completed;
    }

    /// Takes note of the microseconds beyond the second.
    pub const fn set_fraction(&mut self, micros: i64) {
        self.fraction = Some(micros);
    }

    /// The instant that all of it makes, or `None` when there is no date in it.
    pub fn finish(mut self, zone: Option<&TimeZone>, memo: &mut Memo) -> Result<Option<Reading>, Refusal> {
        if let Some(instant) = self.instant {
            let instant = match self.fraction {
                Some(micros) => Timestamp(instant.seconds() * MICROS + micros),
                None => instant,
            };
            return Ok(Some(Reading { instant, completed: self.completed }));
        }
        if let Some(century) = self.century {
            self.civil.year = Some(century * 100 + self.civil.year.unwrap_or(0) % 100);
        }
        if let (Some(day_of_year), Some(year)) = (self.day_of_year, self.civil.year)
            && self.civil.month == 0
        {
            (self.civil.month, self.civil.day) = month_and_day(year, day_of_year).ok_or(Refusal::BadTime)?;
        }
        if self.civil.month == 0 || self.civil.day == 0 {
            return Ok(None);
        }
        if let Some(afternoon) = self.afternoon {
            self.civil.hour = self.civil.hour % 12 + if afternoon { 12 } else { 0 };
        }
        self.civil.micros = self.fraction.unwrap_or(0);
        self.civil.instant(zone, memo).map(Some)
    }
}

impl Pattern {
    /// Compiles a pattern.
    pub fn compile(pattern: &str) -> Result<Self, BadDirective> {
        let mut pieces = Vec::new();
        let bytes = pattern.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            at += 1;
            if bytes[start] != b'%' {
                pieces.push(Piece::Byte(bytes[start]));
                continue;
            }
            // Padding flags of the GNU library and the alternative forms of POSIX change nothing that we look at.
            while matches!(bytes.get(at), Some(b'-' | b'_' | b'0' | b'^' | b'E' | b'O')) {
                at += 1;
            }
            let directive = *bytes.get(at).ok_or(BadDirective(start))?;
            at += 1;
            Self::directive(directive, &mut pieces).ok_or(BadDirective(start))?;
        }
        Ok(Self { pieces })
    }

    fn directive(letter: u8, pieces: &mut Vec<Piece>) -> Option<()> {
        use Piece::{
            Byte, Century, Day, DayOfYear, Digits, Epoch, HalfOfDay, Hour, Hour12, Minute, Month, MonthFull,
            MonthNumber, Offset, Second, Weekday, WeekdayFull, Year, YearOfCentury, ZoneName,
        };
        let clock = [Hour, Byte(b':'), Minute, Byte(b':'), Second];
        let american = [MonthNumber, Byte(b'/'), Day, Byte(b'/'), YearOfCentury];
        let single = match letter {
            b'a' => Weekday,
            b'A' => WeekdayFull,
            b'b' | b'h' => Month,
            b'B' => MonthFull,
            b'C' => Century,
            b'd' | b'e' => Day,
            b'G' => Digits(4),
            b'g' | b'U' | b'V' | b'W' => Digits(2),
            b'H' | b'k' => Hour,
            b'I' | b'l' => Hour12,
            b'j' => DayOfYear,
            b'm' => MonthNumber,
            b'M' => Minute,
            b'n' => Byte(b'\n'),
            b't' => Byte(b'\t'),
            b'p' | b'P' => HalfOfDay,
            b's' => Epoch,
            b'S' => Second,
            b'u' | b'w' => Digits(1),
            b'y' => YearOfCentury,
            b'Y' => Year,
            b'z' => Offset,
            b'Z' => ZoneName,
            b'%' => Byte(b'%'),
            b'D' | b'x' => {
                pieces.extend(american);
                return Some(());
            }
            b'F' => {
                pieces.extend([Year, Byte(b'-'), MonthNumber, Byte(b'-'), Day]);
                return Some(());
            }
            b'R' => {
                pieces.extend([Hour, Byte(b':'), Minute]);
                return Some(());
            }
            b'T' | b'X' => {
                pieces.extend(clock);
                return Some(());
            }
            b'r' => {
                pieces.extend([Hour12, Byte(b':'), Minute, Byte(b':'), Second, Byte(b' '), HalfOfDay]);
                return Some(());
            }
            b'c' => {
                pieces.extend([Weekday, Byte(b' '), Month, Byte(b' '), Day, Byte(b' ')]);
                pieces.extend(clock);
                pieces.extend([Byte(b' '), Year]);
                return Some(());
            }
            _ => return None,
        };
        pieces.push(single);
        Some(())
    }

    /// True when the text names its offset, or is an epoch.
    pub fn names_zone(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Offset | Piece::Epoch))
    }

    /// True when there is a date or an epoch in it.
    pub fn names_date(&self) -> bool {
        self.pieces.iter().any(|piece| {
            matches!(piece, Piece::Epoch | Piece::Day | Piece::DayOfYear | Piece::Month | Piece::MonthNumber)
        })
    }

    /// Reads the text at the beginning of `text` into `collected`; returns its length.
    pub fn read(&self, text: &[u8], collected: &mut Collected) -> Option<usize> {
        let mut cursor = Cursor::new(text);
        for &piece in &self.pieces {
            read_piece(piece, &mut cursor, collected)?;
        }
        Some(cursor.position())
    }
}

fn read_piece(piece: Piece, cursor: &mut Cursor<'_>, collected: &mut Collected) -> Option<()> {
    let civil = &mut collected.civil;
    match piece {
        Piece::Byte(byte) => cursor.byte(byte)?,
        Piece::Weekday => drop(cursor.weekday()?),
        Piece::WeekdayFull => full_name(cursor, &WEEKDAYS).map(drop)?,
        Piece::Month => civil.month = cursor.month()?,
        Piece::MonthFull => civil.month = full_name(cursor, &MONTHS)?,
        Piece::Year => civil.year = Some(cursor.number(4)?),
        Piece::Century => collected.century = Some(cursor.number(2)?),
        Piece::YearOfCentury => {
            // POSIX: 69 to 99 are of the twentieth century.
            let year = cursor.number(2)?;
            civil.year = Some(if year >= 69 { 1900 + year } else { 2000 + year });
        }
        Piece::MonthNumber => civil.month = loose(cursor)?,
        Piece::Day => civil.day = loose(cursor)?,
        Piece::DayOfYear => collected.day_of_year = Some(cursor.number(3)?),
        Piece::Hour | Piece::Hour12 => civil.hour = loose(cursor)?,
        Piece::Minute => civil.minute = cursor.number(2)?,
        Piece::Second => civil.second = cursor.number(2)?,
        Piece::HalfOfDay => {
            let afternoon = cursor.skip(b"PM") || cursor.skip(b"pm");
            if !afternoon && !cursor.skip(b"AM") && !cursor.skip(b"am") {
                return None;
            }
            collected.afternoon = Some(afternoon);
        }
        Piece::Offset => civil.offset = Some(cursor.offset()?),
        Piece::ZoneName => {
            if cursor.skip(b"UTC") || cursor.skip(b"GMT") {
                civil.offset = Some(0);
            } else {
                // Other abbreviations mean different zones in different countries; the configuration decides.
                for _ in 0..8 {
                    if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
                        cursor.advance();
                    }
                }
            }
        }
        Piece::Epoch => {
            let digits = cursor.digits()?;
            let instant = super::time::epoch(digits, MICROS).ok()?;
            collected.set_instant(Reading { instant, completed: false });
        }
        Piece::Digits(count) => drop(cursor.number(usize::from(count))?),
    }
    Some(())
}

/// Two digits, a space and a digit, or (the flag `-`) one digit.
fn loose(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.skip(b" ");
    let first = cursor.number(1)?;
    match cursor.peek() {
        Some(b'0'..=b'9') => Some(first * 10 + cursor.number(1)?),
        _ => Some(first),
    }
}

const WEEKDAYS: [&[u8]; 7] =
    [b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday"];
const MONTHS: [&[u8]; 12] = [
    b"January",
    b"February",
    b"March",
    b"April",
    b"May",
    b"June",
    b"July",
    b"August",
    b"September",
    b"October",
    b"November",
    b"December",
];

fn full_name(cursor: &mut Cursor<'_>, names: &[&[u8]]) -> Option<u32> {
    (1..).zip(names).find(|(_, name)| cursor.skip(name)).map(|(number, _)| number)
}

fn month_and_day(year: u32, day_of_year: u32) -> Option<(u32, u32)> {
    let mut left = day_of_year;
    for month in 1..=12 {
        let days = days_in(year, month)?;
        if left <= days {
            return (left > 0).then_some((month, left));
        }
        left -= days;
    }
    None
}

/// Reads exactly `digits` digits as the fraction of a second (`msec_frac`, `usec_frac`).
pub fn read_fraction(text: &[u8], digits: usize, collected: &mut Collected) -> Option<usize> {
    collected.set_fraction(fraction_micros(text.get(..digits)?)?);
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(pattern: &str, text: &str) -> Option<Reading> {
        let mut collected = Collected::default();
        let used = Pattern::compile(pattern).unwrap().read(text.as_bytes(), &mut collected)?;
        assert_eq!(used, text.len());
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        collected.finish(Some(&zone), &mut Memo::new(Timestamp::from_seconds(1_795_252_540))).ok()?
    }

    fn seconds(pattern: &str, text: &str) -> Option<i64> {
        instant(pattern, text).map(|reading| reading.instant.seconds())
    }

    /// 2026-11-21T09:15:32Z
    const EXPECTED: Option<i64> = Some(1_795_252_532);

    #[test]
    fn patterns_of_the_field() {
        for (pattern, text) in [
            ("%d/%b/%Y:%H:%M:%S %z", "21/Nov/2026:10:15:32 +0100"),
            ("%F %T", "2026-11-21 10:15:32"),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-11-21T10:15:32+0100"),
            ("%c", "Sat Nov 21 10:15:32 2026"),
            ("%A, %e. %B %Y %r", "Saturday, 21. November 2026 10:15:32 AM"),
            ("%D %T", "11/21/26 10:15:32"),
            ("%x %X %Z", "11/21/26 09:15:32 UTC"),
            ("%C%y-%j %k:%M:%S", "2026-325 10:15:32"),
            ("%-d.%-m.%Y %R:%S", "21.11.2026 10:15:32"),
            ("%s", "1795252532"),
            ("%G-%V %u %h %d %H:%M:%S %%", "2026-47 6 Nov 21 10:15:32 %"),
        ] {
            assert_eq!(seconds(pattern, text), EXPECTED, "{pattern}");
        }
    }

    #[test]
    fn completion_is_said() {
        assert!(instant("%b %d %T", "Nov 21 10:15:32").unwrap().completed);
        assert!(!instant("%s", "1795252532").unwrap().completed);
        assert!(instant("%T", "10:15:32").is_none());
    }

    #[test]
    fn what_contradicts_the_pattern_is_refused() {
        for (pattern, text) in [
            ("%d/%b/%Y", "31/Feb/2026"),
            ("%d/%b/%Y", "21/Foo/2026"),
            ("%Y-%j", "2026-366"),
            ("%Y-%j", "2026-000"),
            ("%F %T", "2026-11-21T10:15:32"),
            ("%F %I %p", "2026-11-21 10 XM"),
        ] {
            assert_eq!(seconds(pattern, text), None, "{pattern}");
        }
        assert_eq!(Pattern::compile("%Y %Q").unwrap_err(), BadDirective(3));
        assert_eq!(Pattern::compile("%").unwrap_err(), BadDirective(0));
    }
}
