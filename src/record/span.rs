//! Where in a record its fields stand.
//!
//! A parser does not copy: it says which bytes of the record are which slot of its [`Layout`]. The slots of a format are
//! known at start, so that policy compiles into a table indexed by slot and the hot loop never compares a name.

use super::field::{Kind, kind_of};
use super::timestamp::Timestamp;

/// How bytes of a value are written in the source, and so how they are decoded (once) and written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escape {
    /// As they are; nothing is decoded.
    None,
    /// nginx `escape=default`: `\xHH` for `"`, `\` and bytes below 32 or above 126.
    Nginx,
    /// nginx `escape=json` and JSON strings: RFC 8259 section 7.
    Json,
    /// Apache: `\"`, `\\`, `\n`, `\t` and other C escapes, `\xhh`.
    Apache,
    /// Apache's error log: the same, but a quote stands as it is.
    ApacheError,
}

/// One slot of a format: a place that can hold a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// The field's name (`client.address`), OpenTelemetry where it has one. Never a value.
    pub field: String,
    /// What the field can tell of a person, and the grammar of its values.
    pub kind: Kind,
    /// How the value is written.
    pub escape: Escape,
    /// Multiplies a number to reach the field's unit (seconds for durations): 1e-6 for Apache's `%D`, else 1.
    pub scale: f64,
}

/// The slots of one format, fixed at start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Every slot that [`Part::slot`] can name, by index.
    pub slots: Vec<Slot>,
    /// The server's own mark for an absent value under `--emit same`: `-`, or nothing under `escape=json`.
    pub absent: &'static str,
    /// True when a record can hold several parts of one slot (JSON arrays, duplicate keys).
    pub repeats: bool,
}

impl Layout {
    /// The layout of a server's own log: these fields in the order of the slots, written as `escape` says, `-` where one is absent, and
    /// perhaps more than one value of a field in a record.
    pub fn of_log(fields: &[&str], escape: Escape) -> Self {
        let slot =
            |field: &&str| Slot { field: (*field).to_owned(), kind: kind_of(field), escape, scale: 1.0 };
        Self { slots: fields.iter().map(slot).collect(), absent: "-", repeats: true }
    }
}

/// One value found in a record: bytes `start..end` of the record are slot `slot`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Index into [`Layout::slots`].
    pub slot: u16,
    /// First byte, from the start of the record.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Part {
    /// The bytes of this part in `record`.
    #[inline]
    pub fn of<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        &record[self.start as usize..self.end as usize]
    }
}

/// One step of the structure of a nested record (JSON), in the order of the text. Formats without nesting leave it empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An object or array begins; its key, if any, is bytes `start..end` of the record without quotes.
    Open {
        /// `{` or `[`.
        bracket: u8,
        /// First byte of the key; equal to `end` when there is none.
        start: u32,
        /// One past the last byte of the key.
        end: u32,
    },
    /// The innermost object or array ends.
    Close,
    /// A value: one part, or several of one string (a request line split into method, path, query and protocol).
    Value {
        /// Index into [`Parsed::parts`] of the first.
        part: u32,
        /// How many parts stand in it; what stands between them is fixed text, verified by the parser.
        parts: u32,
        /// First byte of the key.
        start: u32,
        /// One past the last byte of the key (equal to `start` in an array).
        end: u32,
        /// First byte of the value, after its quote if it has one.
        value_start: u32,
        /// One past the last byte of the value, before its quote.
        value_end: u32,
        /// True for a JSON string: the value is what stands between its quotes.
        quoted: bool,
    },
}

/// What a parser says of one record. Reused from record to record; it holds positions, never content.
#[derive(Default)]
pub struct Parsed {
    /// Values in the order of the text, without overlap. What stands between them is the format's own punctuation and
    /// fixed words, verified by the parser, and may be copied to an output of the same format. Added by [`Parsed::push`].
    pub parts: Vec<Part>,
    /// Structure, for nested formats.
    pub shape: Vec<Shape>,
    /// Event time, if the record states one.
    pub time: Option<Timestamp>,
    /// True when zone or year was not in the record and came from the configuration or the time of reception.
    pub time_completed: bool,
    /// [`slot_bit`] of the slot of each part.
    pub slots: u64,
}

impl Parsed {
    /// Empties it for the next record, keeping the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.parts.clear();
        self.shape.clear();
        self.time = None;
        self.time_completed = false;
        self.slots = 0;
    }

    /// Adds a part. Positions beyond `u32` cannot occur: records are bounded far below.
    #[inline]
    pub fn push(&mut self, slot: u16, start: usize, end: usize) {
        self.parts.push(Part { slot, start: start as u32, end: end as u32 });
        self.slots |= slot_bit(slot);
    }
}

/// The bit of a slot in a set of slots. Slots from 63 on share the last one.
#[inline]
pub const fn slot_bit(slot: u16) -> u64 {
    if slot < 63 { 1 << slot } else { 1 << 63 }
}

/// Why a record was refused. A closed list: it is counted and shown, and never holds content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The record is longer than the size bound and was cut off.
    TooLong,
    /// The text does not match the format.
    Mismatch,
    /// The record ends inside a value: cut off, or joined to another.
    Truncated,
    /// A time that no calendar has, an unknown month, a missing offset.
    BadTime,
    /// An escape that the server cannot have written.
    BadEscape,
    /// JSON that is not valid (RFC 8259).
    BadJson,
    /// Nested deeper than the bound.
    TooDeep,
    /// A number where the format wants one, and something else stands there.
    BadNumber,
    /// A continuation line (stack trace) without the record that it belongs to.
    Headless,
    /// A record of another program than the source's: its class, and so its retention, may be another.
    OtherProgram,
    /// A word where the level stands that no locale of the program's has.
    UnknownLevel,
    /// Context in brackets that does not end.
    OpenContext,
}

impl Refusal {
    /// Every refusal, in the order of the report.
    pub const ALL: [Self; 12] = [
        Self::TooLong,
        Self::Mismatch,
        Self::Truncated,
        Self::BadTime,
        Self::BadEscape,
        Self::BadJson,
        Self::TooDeep,
        Self::BadNumber,
        Self::Headless,
        Self::OtherProgram,
        Self::UnknownLevel,
        Self::OpenContext,
    ];

    /// The word used in reports and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too long",
            Self::Mismatch => "does not match the format",
            Self::Truncated => "cut off",
            Self::BadTime => "impossible time",
            Self::BadEscape => "broken escape",
            Self::BadJson => "invalid JSON",
            Self::TooDeep => "nested too deep",
            Self::BadNumber => "not a number",
            Self::Headless => "continuation without a record",
            Self::OtherProgram => "of another program",
            Self::UnknownLevel => "unknown level",
            Self::OpenContext => "context without an end",
        }
    }
}
