//! JSON lines: one object per record, of any shape.
//!
//! *In*: one record. *Out*: the values of mapped keys as parts, the structure around them as [`Shape`], and the time.
//! *Promised*: exactly RFC 8259 (with whole surrogate pairs, as I-JSON asks): trailing commas, `NaN`, bytes that are not UTF-8, bad
//! escapes and anything after the object are refused; one pass, no recursion, no allocation per record; nesting and the number
//! of values are bounded. Keys are compared after decoding, so that `"remote\u005faddr"` is no way around the map. Every one of
//! duplicate keys is a part: the last never hides the first. *Not here*: what a key means (`builtin.rs` and the user's map).
//!
//! ```text
//! {"client":{"ip":"192.0.2.7","x":1},"request":"GET /a?b HTTP/1.1"}
//!           part 0: client.address    parts 1 to 4: method, path, query, version       x: no key of ours, gone
//! shape: { client{ ip=0 } request=1..4 }
//! ```
//!
//! Arrays are transparent: each element is a value of the field that the array is mapped to. So are the scalars of an object
//! under a mapped key below which nothing is mapped; since the keys of such an object are content that nobody classified, its
//! shape is that of an array. A number inside an array or object that is a text is no part: journald writes a message that is
//! not UTF-8 as an array of its bytes, and there every identifier would pass unseen.

mod builtin;
mod keys;
mod scan;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use self::keys::{Keys, Meaning, NodeId, ROOT, UNMAPPED};
use super::request::RequestSlots;
use super::{Memo, Parser};
use crate::record::field::{KNOWN, Kind, is_well_formed, kind_of};
use crate::record::span::{Layout, Parsed, Refusal, Shape};

/// Objects and arrays open at once. Logs in the wild stay below ten.
pub const DEPTH_MAX: usize = 32;
/// Values in one record, so that a hostile array cannot make a worker's memory grow with it.
pub const VALUES_MAX: usize = 16_384;
/// Bytes of a dotted path in the user's map.
pub const PATH_BYTES_MAX: usize = 250;
/// Paths in the user's map.
pub const PATHS_MAX: usize = 4096;

/// Why a user's map of keys is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MapError {
    /// The key is empty, too long, or has an empty segment.
    #[error(
        "JSON key number {0} of the map is empty, has an empty segment, or is longer than 250 bytes; write it as `a.b.c`"
    )]
    Key(usize),
    /// The field's name is not one.
    #[error(
        "the field of JSON key number {0} of the map is not a field name; use lower-case letters, digits and dots"
    )]
    Field(usize),
    /// More keys than the table may hold.
    #[error("the map of JSON keys has more than 4096 entries; name only the keys that may leave")]
    Many,
}

/// The parser of JSON lines.
pub struct Json {
    layout: Layout,
    keys: Keys,
    slots: RequestSlots,
    zone: Option<TimeZone>,
}

impl Json {
    /// A parser with the built-in map, and `map` (dotted key path to field name) laid over it. `zone` is that of times
    /// without an offset; without it such records are refused.
    pub fn new(map: &BTreeMap<String, String>, zone: Option<TimeZone>) -> Result<Self, MapError> {
        let mut layout = Layout { slots: Vec::new(), absent: "", repeats: true };
        let mut keys = Keys::new();
        let slots = value::request_slots(&mut layout);
        for known in KNOWN {
            value::map(&mut keys, &mut layout, known.name, known.name, 1.0);
            value::map(&mut keys, &mut layout, &format!("attributes.{}", known.name), known.name, 1.0);
        }
        for (path, field, scale) in builtin::ROWS {
            value::map(&mut keys, &mut layout, path, field, *scale);
        }
        if map.len() > PATHS_MAX {
            return Err(MapError::Many);
        }
        for (number, (path, field)) in (1..).zip(map) {
            if path.len() > PATH_BYTES_MAX || path.split('.').any(str::is_empty) {
                return Err(MapError::Key(number));
            }
            if !is_well_formed(field) {
                return Err(MapError::Field(number));
            }
            value::map(&mut keys, &mut layout, path, field, 1.0);
            if keys.len() >= UNMAPPED as usize {
                return Err(MapError::Many);
            }
        }
        keys.finish();
        Ok(Self { layout, keys, slots, zone })
    }

    /// A parser of these keys alone: all else in a record is passed over, whatever it would mean.
    pub fn only(map: &[(&str, &str)]) -> Self {
        let mut layout = Layout { slots: Vec::new(), absent: "", repeats: true };
        let mut keys = Keys::new();
        let slots = value::request_slots(&mut layout);
        for (path, field) in map {
            value::map(&mut keys, &mut layout, path, field, 1.0);
        }
        keys.finish();
        Self { layout, keys, slots, zone: None }
    }
}

impl Parser for Json {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        if let Err(error) = std::str::from_utf8(record) {
            // A character that only lacks its end was cut; anything else is not UTF-8.
            return Err(if error.error_len().is_none() { Refusal::Truncated } else { Refusal::BadJson });
        }
        // Of no meaning before it is opened; all zeros are filled in one go.
        let level = Level { node: ROOT, mark: 0, object: false };
        let mut walk = Walk {
            json: self,
            record,
            memo,
            parsed,
            at: 0,
            depth: 0,
            levels: [level; DEPTH_MAX],
            zoneless: false,
        };
        walk.record()?;
        // A record whose only times lack a zone is refused; one that also states an instant has its time.
        if walk.zoneless && walk.parsed.time.is_none() { Err(Refusal::BadTime) } else { Ok(()) }
    }
}

/// An open object or array.
#[derive(Clone, Copy)]
struct Level {
    /// Its place in the map.
    node: NodeId,
    /// Index of its `Open` in the shape, if its place is mapped.
    mark: u32,
    /// True for an object.
    object: bool,
}

/// A key's bytes in the record, as a range; empty in arrays.
#[derive(Clone, Copy)]
struct Key {
    start: u32,
    end: u32,
}

/// One pass over one record.
struct Walk<'a> {
    json: &'a Json,
    record: &'a [u8],
    memo: &'a mut Memo,
    parsed: &'a mut Parsed,
    at: usize,
    depth: usize,
    levels: [Level; DEPTH_MAX],
    /// True when a time was met that lacks a zone, and none is configured.
    zoneless: bool,
}

impl Walk<'_> {
    /// The whole record: an object, and nothing after it.
    fn record(&mut self) -> Result<(), Refusal> {
        self.at = scan::space(self.record, 0);
        if self.record.get(self.at) != Some(&b'{') {
            return Err(Refusal::Mismatch);
        }
        self.open(ROOT, Key { start: 0, end: 0 })?;
        let mut fresh = true;
        loop {
            // After an opening bracket (fresh) or a comma.
            self.at = scan::space(self.record, self.at);
            let level = self.levels[self.depth - 1];
            let closing = if level.object { b'}' } else { b']' };
            if fresh && self.record.get(self.at) == Some(&closing) {
                fresh = false;
            } else {
                let (node, key) =
                    if level.object { self.key(level.node)? } else { (level.node, Key { start: 0, end: 0 }) };
                fresh = self.value(node, key)?;
                if fresh {
                    continue;
                }
            }
            if self.close()? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what closes here and reads the comma. True at the end of the record.
    fn close(&mut self) -> Result<bool, Refusal> {
        loop {
            self.at = scan::space(self.record, self.at);
            let level = self.levels[self.depth - 1];
            let closing = if level.object { b'}' } else { b']' };
            match self.record.get(self.at) {
                Some(b',') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some(&byte) if byte == closing => self.at += 1,
                Some(_) => return Err(Refusal::BadJson),
                None => return Err(Refusal::Truncated),
            }
            self.depth -= 1;
            if level.node != UNMAPPED {
                if self.depth > 0 && self.parsed.shape.len() == level.mark as usize + 1 {
                    // Nothing of it is kept, and so it is not either.
                    self.parsed.shape.pop();
                } else {
                    self.parsed.shape.push(Shape::Close);
                }
            }
            if self.depth == 0 {
                let end = scan::space(self.record, self.at);
                return if end == self.record.len() { Ok(true) } else { Err(Refusal::BadJson) };
            }
        }
    }

    /// Opens the object or array at the present byte.
    fn open(&mut self, node: NodeId, key: Key) -> Result<(), Refusal> {
        if self.depth == DEPTH_MAX {
            return Err(Refusal::TooDeep);
        }
        let object = self.record.get(self.at) == Some(&b'{');
        let mut mark = 0;
        let mut node = node;
        if node != UNMAPPED {
            let content = object && self.depth > 0 && self.json.keys.is_leaf(node);
            if content && !matches!(self.json.keys.meaning(node), Meaning::Field(_) | Meaning::Text(_)) {
                node = UNMAPPED;
            } else {
                mark = self.parsed.shape.len() as u32;
                let bracket = if object && !content { b'{' } else { b'[' };
                self.parsed.shape.push(Shape::Open { bracket, start: key.start, end: key.end });
            }
        }
        self.levels[self.depth] = Level { node, mark, object };
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Reads a key and its colon; returns its place in the map.
    #[inline]
    fn key(&mut self, parent: NodeId) -> Result<(NodeId, Key), Refusal> {
        match self.record.get(self.at) {
            Some(b'"') => {}
            Some(_) => return Err(Refusal::BadJson),
            None => return Err(Refusal::Truncated),
        }
        let text = scan::string(self.record, self.at + 1)?;
        self.at = scan::space(self.record, text.end + 1);
        match self.record.get(self.at) {
            Some(b':') => self.at = scan::space(self.record, self.at + 1),
            Some(_) => return Err(Refusal::BadJson),
            None => return Err(Refusal::Truncated),
        }
        let keys = &self.json.keys;
        if parent == UNMAPPED {
            return Ok((UNMAPPED, Key { start: 0, end: 0 }));
        }
        if parent != ROOT && keys.is_leaf(parent) {
            // Inside a mapped value every key is content: the value stays what it is, the key goes.
            return Ok((parent, Key { start: 0, end: 0 }));
        }
        let raw = &self.record[text.start..text.end];
        let node =
            if text.escaped { value::descend_escaped(keys, parent, raw) } else { keys.descend(parent, raw) };
        Ok((node, Key { start: text.start as u32, end: text.end as u32 }))
    }

    /// Reads a value. True when it was an opening bracket.
    #[inline]
    fn value(&mut self, node: NodeId, key: Key) -> Result<bool, Refusal> {
        match self.record.get(self.at) {
            None => return Err(Refusal::Truncated),
            Some(b'"') => {
                let text = scan::string(self.record, self.at + 1)?;
                self.at = text.end + 1;
                if node != UNMAPPED {
                    self.string(node, key, text)?;
                }
            }
            Some(b'{' | b'[') => {
                self.open(node, key)?;
                return Ok(true);
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.at = scan::number(self.record, start)?;
                if node != UNMAPPED {
                    self.number(node, key, start)?;
                }
            }
            Some(&first) => {
                let start = self.at;
                self.at = scan::literal(self.record, start)?;
                // `null` is an absent value: neither part nor key.
                if node != UNMAPPED && first != b'n' {
                    self.literal(node, key, start)?;
                }
            }
        }
        Ok(false)
    }

    /// Writes down the value `start..end`, whose parts begin with number `first`.
    #[inline]
    fn keep(
        &mut self,
        key: Key,
        first: usize,
        start: usize,
        end: usize,
        quoted: bool,
    ) -> Result<(), Refusal> {
        let parts = self.parsed.parts.len() - first;
        // Absent values have no part, and brackets are steps of the shape as well.
        if self.parsed.parts.len() > VALUES_MAX || self.parsed.shape.len() > 4 * VALUES_MAX {
            return Err(Refusal::TooLong);
        }
        self.parsed.shape.push(Shape::Value {
            part: first as u32,
            parts: parts as u32,
            start: key.start,
            end: key.end,
            value_start: start as u32,
            value_end: end as u32,
            quoted,
        });
        Ok(())
    }
}

/// The meaning of a value of `field` in slot `slot`.
fn meaning_of(field: &str, slot: u16) -> Meaning {
    match (field, kind_of(field)) {
        ("http.request.line", _) => Meaning::Request,
        ("url.path" | "url.full", _) => Meaning::Target,
        ("url.query", _) => Meaning::Query(slot),
        (_, Kind::Time) => Meaning::Time(slot),
        (_, Kind::Text) => Meaning::Text(slot),
        _ => Meaning::Field(slot),
    }
}
