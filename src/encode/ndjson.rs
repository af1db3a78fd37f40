//! One JSON object per line, with the names of the field table; where records become [columns](super::columns), with marks of these for names.
//!
//! Keys and their punctuation are prepared at start, so that a value costs one copy of its key, one check that it needs no
//! escaping, and one copy of itself. Numbers are numbers: sizes and status codes as they stand, durations in seconds.

use std::sync::atomic::{AtomicU64, Ordering};

use super::columns::Columns;
use crate::record::append::append;
use crate::record::calendar::write_rfc3339;
use crate::record::escape;
use crate::record::field::{Grammar, Kind};
use crate::record::span::Escape;
use crate::record::timestamp::Timestamp;

/// What every record can have besides its fields.
const ENVELOPE: [&str; 5] = ["time", "sluis.class", "sluis.epoch", "sluis.deadline", "sluis.time_completed"];

/// The number of the next keys.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The prepared keys of one table, with what stands before them.
#[derive(Clone, Debug)]
pub struct Keys {
    columns: Vec<Prepared>,
    time: Prepared,
    /// The class, behind a time and where there is none.
    class: Prepared,
    class_first: Prepared,
    epoch: Prepared,
    deadline: Prepared,
    time_completed: Prepared,
    /// The end of a record whose last value is a string.
    end: Prepared,
    number: u64,
}

/// How a record is put together.
struct Spelling<'s> {
    /// What stands before the value of a member that is not the first one, and of one that is.
    member: &'s dyn Fn(&str) -> Vec<u8>,
    first: &'s dyn Fn(&str) -> Vec<u8>,
    end: &'static str,
}

/// Fixed text; a short one in a room of its own, from which it is copied in one length.
#[derive(Clone, Debug)]
struct Prepared {
    room: [u8; ROOM],
    text: Box<[u8]>,
}

/// Bytes of a text that is short: `,"http.request.header.x-forwarded-for":"` is.
pub const ROOM: usize = 64;

impl Prepared {
    fn new(text: Vec<u8>) -> Self {
        let mut room = [0; ROOM];
        let len = text.len().min(ROOM);
        room[..len].copy_from_slice(&text[..len]);
        Self { room, text: text.into() }
    }

    /// Appends the text without its last `less` bytes.
    #[inline]
    fn write(&self, less: usize, out: &mut Vec<u8>) {
        let len = self.text.len() - less;
        if len > ROOM {
            return out.extend_from_slice(&self.text[..len]);
        }
        append(&self.room, len, out);
    }
}

/// The texts of the last time and the last deadline: the next record mostly has the same.
#[derive(Default)]
pub struct Times {
    time: TimeText,
    deadline: TimeText,
}

struct TimeText {
    instant: Timestamp,
    text: [u8; 32],
    len: usize,
}

impl Default for TimeText {
    fn default() -> Self {
        Self { instant: Timestamp(i64::MIN), text: [0; 32], len: 0 }
    }
}

impl TimeText {
    #[inline]
    fn write(&mut self, instant: Timestamp, out: &mut Vec<u8>) {
        if self.instant != instant || self.len == 0 {
            return self.write_anew(instant, out);
        }
        append(&self.text, self.len, out);
    }

    #[inline(never)]
    fn write_anew(&mut self, instant: Timestamp, out: &mut Vec<u8>) {
        let start = out.len();
        write_rfc3339(instant, out);
        let text = &out[start..];
        if let Some(room) = self.text.get_mut(..text.len()) {
            room.copy_from_slice(text);
            (self.instant, self.len) = (instant, text.len());
        }
    }
}

impl Keys {
    /// Prepares the keys of `columns` for records of `class`.
    pub fn new(columns: &[String], class: &str) -> Self {
        let member = |before: u8, name: &str| {
            let mut key = vec![before];
            string(name.as_bytes(), &mut key);
            key.push(b':');
            key
        };
        let (first, other) = (|name: &str| member(b'{', name), |name: &str| member(b',', name));
        Self::spelled(columns, class, &Spelling { member: &other, first: &first, end: "}\n" })
    }

    /// Prepares marks of `columns` for records of `class` that become columns; `None` where one of them has none.
    pub fn marked(columns: &[String], class: &str, all: &Columns) -> Option<Self> {
        let own = columns.iter().map(String::as_str);
        if !own.chain(ENVELOPE).all(|name| all.mark(name).is_some()) {
            return None;
        }
        let mark = |name: &str| all.mark(name).unwrap_or_default();
        Some(Self::spelled(columns, class, &Spelling { member: &mark, first: &mark, end: "\n" }))
    }

    fn spelled(columns: &[String], class: &str, spelling: &Spelling<'_>) -> Self {
        let piece = |pieces: &[&[u8]]| Prepared::new(pieces.concat());
        let Spelling { member, first, end } = spelling;
        let mut class_value = Vec::new();
        string(class.as_bytes(), &mut class_value);
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            columns: columns.iter().map(|column| piece(&[&member(column), b"\""])).collect(),
            time: piece(&[&first("time"), b"\""]),
            class: piece(&[b"\"", &member("sluis.class"), &class_value]),
            class_first: piece(&[&first("sluis.class"), &class_value]),
            epoch: piece(&[&member("sluis.epoch"), b"\""]),
            deadline: piece(&[b"\"", &member("sluis.deadline"), b"\""]),
            time_completed: piece(&[b"\"", &member("sluis.time_completed"), b"true", end.as_bytes()]),
            end: piece(&[b"\"", end.as_bytes()]),
        }
    }

    /// A number that no other keys of this process have, from 1: what was written with them may be remembered under it.
    #[inline]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The text before a value of a column, with the quote that begins a string: room of fixed length, and how many bytes of it
    /// count. `None` for a long one.
    pub fn short_key(&self, column: u16) -> Option<(&[u8; ROOM], usize)> {
        let key = &self.columns[usize::from(column)];
        (key.text.len() <= ROOM).then_some((&key.room, key.text.len()))
    }

    /// Begins a record, with its time if it may leave. The class comes first, so that every other key has a comma before it.
    #[inline]
    pub fn begin(&self, time: Option<Timestamp>, times: &mut Times, out: &mut Vec<u8>) {
        if let Some(time) = time {
            self.time.write(0, out);
            times.time.write(time, out);
            self.class.write(0, out);
        } else {
            self.class_first.write(0, out);
        }
    }

    /// Writes the key of a column.
    #[inline]
    pub fn key(&self, column: u16, out: &mut Vec<u8>) {
        self.columns[usize::from(column)].write(1, out);
    }

    /// True when a number in a unit of `scale` is a JSON number as it stands.
    pub fn is_whole(scale: f64) -> bool {
        decimal_places(scale) == 0
    }

    /// Ends a record: epoch, deadline.
    #[inline]
    pub fn end(
        &self,
        epoch: &str,
        deadline: Option<Timestamp>,
        time_completed: bool,
        times: &mut Times,
        out: &mut Vec<u8>,
    ) {
        self.epoch.write(0, out);
        out.extend_from_slice(epoch.as_bytes());
        if let Some(deadline) = deadline {
            self.deadline.write(0, out);
            times.deadline.write(deadline, out);
        }
        let end = if time_completed { &self.time_completed } else { &self.end };
        end.write(0, out);
    }
}

/// Writes a string value that is decoded.
#[inline]
pub fn string(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape::encode(Escape::Json, value, out);
    out.push(b'"');
}

/// Writes a value as it stands in the record: a number where its kind says so, else a string, decoded once.
#[inline]
pub fn verbatim(kind: Kind, how: Escape, scale: f64, raw: &[u8], decoded: &mut Vec<u8>, out: &mut Vec<u8>) {
    if let Kind::Harmless(Grammar::Integer | Grammar::Decimal | Grammar::Status) = kind
        && number(scale, raw, out)
    {
        return;
    }
    if how == Escape::None || memchr::memchr(b'\\', raw).is_none() {
        return string(raw, out);
    }
    decoded.clear();
    if escape::decode(how, raw, decoded).is_ok() { string(decoded, out) } else { string(raw, out) }
}

/// Writes `raw` as a JSON number; false, with nothing written, when it is not one.
fn number(scale: f64, raw: &[u8], out: &mut Vec<u8>) -> bool {
    if raw.is_empty() || raw.len() > 20 {
        return false;
    }
    let mut points = 0;
    for byte in raw {
        match byte {
            b'0'..=b'9' => {}
            b'.' => points += 1,
            _ => return false,
        }
    }
    if points > 1 || raw.first() == Some(&b'.') || raw.last() == Some(&b'.') {
        return false;
    }
    let shift = decimal_places(scale);
    if shift == 0 {
        // JSON has no leading zeros.
        let whole = raw.iter().position(|&b| b != b'0').unwrap_or(raw.len() - 1);
        let whole = if raw[whole..].first() == Some(&b'.') { whole - 1 } else { whole };
        out.extend_from_slice(&raw[whole..]);
        return true;
    }
    if points > 0 {
        return false;
    }
    // 1234567 microseconds are 1.234567 seconds: the point moves, no rounding.
    let digits = raw.iter().position(|&b| b != b'0').map_or(&raw[raw.len() - 1..], |at| &raw[at..]);
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(shift));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    let end = fraction.iter().rposition(|&b| b != b'0').map_or(0, |at| at + 1);
    if end > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', shift - fraction.len()));
        out.extend_from_slice(&fraction[..end]);
    }
    true
}

/// How many places the point moves for a unit: 6 for microseconds, 3 for milliseconds.
fn decimal_places(scale: f64) -> usize {
    if scale > 0.5 {
        0
    } else if scale > 0.0005 {
        3
    } else if scale > 0.000_000_5 {
        6
    } else {
        9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(scale: f64, raw: &str) -> Option<String> {
        let mut out = Vec::new();
        number(scale, raw.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_are_numbers() {
        assert_eq!(num(1.0, "200").as_deref(), Some("200"));
        assert_eq!(num(1.0, "000").as_deref(), Some("0"));
        assert_eq!(num(1.0, "0.020").as_deref(), Some("0.020"));
        assert_eq!(num(1.0, "00.5").as_deref(), Some("0.5"));
        assert_eq!(num(1e-6, "1234567").as_deref(), Some("1.234567"));
        assert_eq!(num(1e-6, "20").as_deref(), Some("0.00002"));
        assert_eq!(num(1e-6, "3000000").as_deref(), Some("3"));
        assert_eq!(num(1e-6, "0").as_deref(), Some("0"));
        assert_eq!(num(1e-3, "15").as_deref(), Some("0.015"));
        assert_eq!(num(1.0, "0.001, 0.002"), None);
        assert_eq!(num(1.0, "1.2.3"), None);
        assert_eq!(num(1.0, "-"), None);
    }
}
