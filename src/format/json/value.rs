//! From a mapped value to parts: times, request lines and targets are more than one.
//!
//! *In*: the place of a value and what it means. *Out*: its parts and its line in the shape. *Promised*: a string is cut only where
//! its raw bytes show the delimiter; a delimiter written as an escape leaves the whole as text. *Not here*: the words of
//! JSON (`scan.rs`), the grammar of request lines and times (`format::request`, `format::time`).

use jiff::tz::TimeZone;

use super::keys::{Keys, Meaning, NodeId, UNMAPPED};
use super::scan::Text;
use super::{Key, PATH_BYTES_MAX, Walk, meaning_of};
use crate::format::Memo;
use crate::format::request::{RequestSlots, TargetSlots, split, split_target};
use crate::format::time::{self, TimeForm};
use crate::record::field::kind_of;
use crate::record::span::{Escape, Layout, Refusal, Slot};
use crate::record::timestamp::Timestamp;

/// Puts the slots that a request line or a target falls into into the layout.
pub(super) fn request_slots(layout: &mut Layout) -> RequestSlots {
    let mut slot = |field| slot(layout, field, 1.0);
    RequestSlots {
        method: slot("http.request.method"),
        target: TargetSlots { path: slot("url.path"), query: slot("url.query"), full: slot("url.full") },
        version: slot("network.protocol.version"),
        line: slot("http.request.line"),
    }
}

/// Maps a path of keys to a field.
pub(super) fn map(keys: &mut Keys, layout: &mut Layout, path: &str, field: &str, scale: f64) {
    let slot = slot(layout, field, scale);
    keys.insert(path, meaning_of(field, slot));
}

/// The slot of `field` with this scale, made when there is none yet.
fn slot(layout: &mut Layout, field: &str, scale: f64) -> u16 {
    let found =
        layout.slots.iter().position(|slot| slot.field == field && slot.scale.to_bits() == scale.to_bits());
    found.unwrap_or_else(|| {
        layout.slots.push(Slot {
            field: field.to_owned(),
            kind: kind_of(field),
            escape: Escape::Json,
            scale,
        });
        layout.slots.len() - 1
    }) as u16
}

impl Walk<'_> {
    /// A string under a mapped key.
    #[inline]
    pub(super) fn string(&mut self, node: NodeId, key: Key, text: Text) -> Result<(), Refusal> {
        let first = self.parsed.parts.len();
        let slots = &self.json.slots;
        let (start, end) = (text.start, text.end);
        let raw = &self.record[start..end];
        match self.json.keys.meaning(node) {
            Meaning::Way => return Ok(()),
            // Absent, in the server's own words, the second perhaps escaped: a value without a part.
            _ if matches!(raw, b"" | b"-") || (text.escaped && raw.eq_ignore_ascii_case(br"\u002d")) => {}
            Meaning::Field(slot) | Meaning::Text(slot) => self.parsed.push(slot, start, end),
            Meaning::Request | Meaning::Target if text.escaped && hides_delimiter(raw) => {
                self.parsed.push(slots.line, start, end);
            }
            // Logstash's patterns call the target `request`.
            Meaning::Request if raw.first() != Some(&b'/') => {
                split(self.record, start, end, slots, self.parsed);
            }
            Meaning::Request | Meaning::Target => {
                split_target(self.record, start, end, &slots.target, self.parsed);
            }
            Meaning::Query(slot) => {
                let start = start + usize::from(raw.first() == Some(&b'?'));
                if start < end {
                    self.parsed.push(slot, start, end);
                }
            }
            Meaning::Time(slot) => {
                self.time(text)?;
                self.parsed.push(slot, start, end);
            }
        }
        self.keep(key, first, start, end, true)
    }

    /// A number under a mapped key.
    #[inline]
    pub(super) fn number(&mut self, node: NodeId, key: Key, start: usize) -> Result<(), Refusal> {
        match self.json.keys.meaning(node) {
            // The bytes of a text, as journald writes them (see the head of `mod.rs`).
            Meaning::Text(_) if key.start == key.end => return Ok(()),
            Meaning::Time(_) => self.time(Text { start, end: self.at, escaped: false })?,
            _ => {}
        }
        self.literal(node, key, start)
    }

    /// A number, `true` or `false` under a mapped key, from `start` to the present byte.
    #[inline]
    pub(super) fn literal(&mut self, node: NodeId, key: Key, start: usize) -> Result<(), Refusal> {
        let slot = match self.json.keys.meaning(node) {
            Meaning::Way => return Ok(()),
            Meaning::Field(slot) | Meaning::Text(slot) | Meaning::Query(slot) | Meaning::Time(slot) => slot,
            Meaning::Request => self.json.slots.line,
            Meaning::Target => self.json.slots.target.path,
        };
        let first = self.parsed.parts.len();
        self.parsed.push(slot, start, self.at);
        self.keep(key, first, start, self.at, false)
    }

    /// Reads a time. Of several in one record the earliest counts: a record never outlives any of them.
    fn time(&mut self, text: Text) -> Result<(), Refusal> {
        let mut decoded = [0; 48];
        let mut raw = &self.record[text.start..text.end];
        if text.escaped {
            // `\/` of PHP and `\u002B` of .NET.
            let len = decode(raw, &mut decoded).ok_or(Refusal::BadTime)?;
            raw = &decoded[..len];
        }
        let (form, raw) = time_form(raw).ok_or(Refusal::BadTime)?;
        let zone = self.json.zone.as_ref();
        let reading = match time::read(form, raw, zone, self.memo) {
            // Without an offset and without a zone: another time of the record may say it (Traefik's `StartUTC`).
            Err(_) if zone.is_none() && is_zoneless(form, raw) => {
                self.zoneless = true;
                return Ok(());
            }
            reading => reading?,
        };
        if self.parsed.time.is_none_or(|time| reading.instant < time) {
            reading.state(self.parsed);
        }
        Ok(())
    }
}

/// The form of a time and the bytes of it that count. A number is seconds, milliseconds, microseconds or nanoseconds by its
/// length; below 1973 it is a duration or a counter that somebody called a time, and refused.
fn time_form(raw: &[u8]) -> Option<(TimeForm, &[u8])> {
    let digits = raw.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, raw.get(digits)) {
        (0..=8, None | Some(b'.')) => None,
        // Nanoseconds: what is below a microsecond is cut off.
        (18..=19, None) => Some((TimeForm::EpochMicros, &raw[..digits - 3])),
        _ => Some((time::recognise(raw)?, raw)),
    }
}

/// True for a time that only lacks a zone. Read with a memo of its own: the parser's must know no other zone.
#[cold]
fn is_zoneless(form: TimeForm, raw: &[u8]) -> bool {
    time::read(form, raw, Some(&TimeZone::UTC), &mut Memo::new(Timestamp(0))).is_ok()
}

/// True when a space or a question mark is written as an escape: the line cannot be split where it seems to split.
fn hides_delimiter(raw: &[u8]) -> bool {
    memchr::memmem::find_iter(raw, b"\\u00").any(|at| {
        matches!(raw.get(at + 4..at + 6), Some(b"20" | b"3f" | b"3F" | b"0a" | b"0A" | b"0d" | b"0D" | b"09"))
    })
}

/// `Keys::descend` for a key that has escapes in it. Longer than every path of the map is no path of the map.
pub(super) fn descend_escaped(keys: &Keys, parent: NodeId, raw: &[u8]) -> NodeId {
    let mut decoded = [0; PATH_BYTES_MAX + 6];
    match decode(raw, &mut decoded) {
        Some(len) => keys.descend(parent, &decoded[..len]),
        None => UNMAPPED,
    }
}

/// Decodes a valid JSON string into `out`; returns its length, or `None` when it does not fit.
fn decode(raw: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    let mut rest = raw;
    while let Some((&first, more)) = rest.split_first() {
        let mut utf8 = [0; 4];
        let bytes = if first == b'\\' {
            let (letter, after) = unescape(more);
            rest = after;
            letter.encode_utf8(&mut utf8).as_bytes()
        } else {
            rest = more;
            &[first][..]
        };
        out.get_mut(len..len + bytes.len())?.copy_from_slice(bytes);
        len += bytes.len();
    }
    Some(len)
}

/// The character of a valid escape, without its backslash, and what follows it.
fn unescape(raw: &[u8]) -> (char, &[u8]) {
    let Some((&letter, rest)) = raw.split_first() else { return (char::REPLACEMENT_CHARACTER, raw) };
    let letter = match letter {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        other => char::from(other),
    };
    (letter, rest)
}

/// The character of `XXXX`, or of `XXXX\uXXXX` when the first is half a surrogate pair.
fn unicode(raw: &[u8]) -> (char, &[u8]) {
    let four = |raw: &[u8], at: usize| {
        raw.get(at..at + 4)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let first = four(raw, 0).unwrap_or(0xFFFD);
    let (code, used) = match (first, four(raw, 6)) {
        (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) => {
            (0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00), 10)
        }
        _ => (first, 4),
    };
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), raw.get(used..).unwrap_or_default())
}
