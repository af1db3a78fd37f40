//! Lines to columns.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};

use super::{Column, Columns, Type};
use crate::record::span::Escape;
use crate::record::{calendar, escape};

/// Lines that are not as we write them: a bug. Nothing of them is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record} of a row group cannot be read back as columns")]
pub struct Unreadable {
    /// Which, from 0.
    pub record: usize,
}

/// Rows of a batch: all of their columns fit into the processor's cache.
const BATCH_ROWS: usize = 1_024;

/// A value as it stands in its line.
#[derive(Clone, Copy)]
enum Value<'l> {
    /// What is between the quotes of a string; whether something in it is escaped.
    Text(&'l str, bool),
    /// Anything else: a number, a word, an array.
    Bare(&'l str),
}

enum Builder {
    Time(TimestampMicrosecondBuilder, Instant),
    Integer(Int64Builder),
    Decimal(Float64Builder),
    Flag(BooleanBuilder),
    Text(StringBuilder),
}

/// The last instant that was read: the next record mostly has the same.
#[derive(Default)]
struct Instant {
    text: String,
    micros: i64,
}

impl Instant {
    fn read(&mut self, text: &str) -> Option<i64> {
        if self.text != text {
            let micros = calendar::read_rfc3339(text.as_bytes())?.0;
            self.text.clear();
            self.text.push_str(text);
            self.micros = micros;
        }
        Some(self.micros)
    }
}

impl Builder {
    fn new(kind: Type) -> Self {
        match kind {
            Type::Time => {
                let builder = TimestampMicrosecondBuilder::with_capacity(BATCH_ROWS).with_timezone("UTC");
                Self::Time(builder, Instant::default())
            }
            Type::Integer => Self::Integer(Int64Builder::with_capacity(0)),
            Type::Decimal => Self::Decimal(Float64Builder::with_capacity(0)),
            Type::Flag => Self::Flag(BooleanBuilder::with_capacity(0)),
            Type::Word | Type::Text | Type::Token => Self::Text(StringBuilder::with_capacity(0, 0)),
        }
    }

    /// Adds a value; false when it is not of this type.
    fn put(&mut self, value: Value<'_>, decoded: &mut Vec<u8>) -> bool {
        match (self, value) {
            (Self::Text(builder), Value::Text(text, false) | Value::Bare(text)) => {
                builder.append_value(text);
                true
            }
            (Self::Text(builder), Value::Text(text, true)) => {
                decoded.clear();
                let is_text = escape::decode(Escape::Json, text.as_bytes(), decoded).is_ok();
                match std::str::from_utf8(decoded) {
                    Ok(text) if is_text => builder.append_value(text),
                    _ => return false,
                }
                true
            }
            (Self::Integer(builder), Value::Bare(text)) => text.parse().is_ok_and(|number| {
                builder.append_value(number);
                true
            }),
            (Self::Decimal(builder), Value::Bare(text)) if text.starts_with(|c: char| c.is_ascii_digit()) => {
                text.parse().is_ok_and(|number| {
                    builder.append_value(number);
                    true
                })
            }
            (Self::Flag(builder), Value::Bare(word @ ("true" | "false"))) => {
                builder.append_value(word == "true");
                true
            }
            (Self::Time(builder, last), Value::Text(text, false)) => last.read(text).is_some_and(|micros| {
                builder.append_value(micros);
                true
            }),
            _ => false,
        }
    }

    fn put_null(&mut self) {
        match self {
            Self::Time(builder, _) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::Flag(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(builder, _) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Records that were read, until they are taken as a batch.
pub struct Rows {
    columns: Arc<Columns>,
    builders: Vec<Builder>,
    /// By column: the row, from 1, that has its last value.
    filled: Vec<usize>,
    count: usize,
    bytes: usize,
    /// The column that the next key is of, if records are alike.
    next: usize,
    /// Members of the object of what does not fit.
    other: String,
    decoded: Vec<u8>,
}

impl Rows {
    /// None yet.
    pub fn new(columns: &Arc<Columns>) -> Self {
        Self {
            columns: Arc::clone(columns),
            builders: columns.all.iter().map(|column| Builder::new(column.kind)).collect(),
            filled: vec![0; columns.all.len()],
            count: 0,
            bytes: 0,
            next: 0,
            other: String::new(),
            decoded: Vec::new(),
        }
    }

    /// Adds the records of whole lines of NDJSON, one row each, in their order, and each batch of them to `full` as soon as it is one:
    /// what is read is still near the processor then, and its memory is that of the batch before.
    ///
    /// # Errors
    /// [`Unreadable`]: the lines are not those of [`ndjson`](crate::encode::ndjson). What was added before is worthless then. Or what `full`
    /// says.
    pub fn add<E: From<Unreadable>>(
        &mut self,
        lines: &[u8],
        mut full: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let unreadable = |record| E::from(Unreadable { record });
        let mut rest = std::str::from_utf8(lines).map_err(|_| unreadable(self.count))?;
        while let Some(end) = memchr::memchr(b'\n', rest.as_bytes()) {
            self.line(&rest[..end]).ok_or_else(|| unreadable(self.count))?;
            rest = &rest[end + 1..];
            self.bytes += end;
            if self.count == BATCH_ROWS {
                full(&self.take()?)?;
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(unreadable(self.count)) }
    }

    /// Rows that were added and not taken.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the lines that they were.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// These as one batch; there are none then.
    ///
    /// # Errors
    /// [`Unreadable`]: a bug.
    pub fn take(&mut self) -> Result<RecordBatch, Unreadable> {
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        self.filled.fill(0);
        let record = std::mem::take(&mut self.count);
        self.bytes = 0;
        RecordBatch::try_new(self.columns.schema(), arrays).map_err(|_| Unreadable { record })
    }

    /// Reads a line as the next row.
    fn line(&mut self, line: &str) -> Option<()> {
        let mut rest = line.strip_prefix('{')?.strip_suffix('}')?;
        self.next = 0;
        self.other.clear();
        let row = self.count + 1;
        while !rest.is_empty() {
            let (column, after) = self.key(rest)?;
            let (value, left) = value(after)?;
            let is_put = column.filter(|column| self.filled[*column] != row).is_some_and(|column| {
                let is_put = self.builders[column].put(value, &mut self.decoded);
                if is_put {
                    self.filled[column] = row;
                }
                is_put
            });
            if !is_put {
                // With its colon and what is before it.
                self.keep(&rest[..rest.len() - after.len()], value);
            }
            rest = left.strip_prefix(',').unwrap_or(left);
        }
        self.end(row);
        self.count = row;
        Some(())
    }

    /// The column whose key `rest` begins with, and what follows the key. Records of a class are mostly alike, so that the next column is
    /// that of the next key, or one of those after it.
    #[inline]
    fn key<'l>(&mut self, rest: &'l str) -> Option<(Option<usize>, &'l str)> {
        let all = &self.columns.all;
        for (place, column) in all.iter().enumerate().skip(self.next) {
            if column.begins(rest) {
                self.next = place + 1;
                return Some((Some(place), &rest[column.key.len()..]));
            }
        }
        for (place, column) in all.iter().enumerate().take(self.next) {
            if column.begins(rest) {
                return Some((Some(place), &rest[column.key.len()..]));
            }
        }
        let end = 1 + string_end(rest.strip_prefix('"')?.as_bytes())?.0;
        Some((None, rest[end..].strip_prefix("\":")?))
    }

    /// Remembers a value that fits no column, with its key.
    fn keep(&mut self, key: &str, value: Value<'_>) {
        let quote = if matches!(value, Value::Text(..)) { "\"" } else { "" };
        let (Value::Text(text, _) | Value::Bare(text)) = value;
        let comma = if self.other.is_empty() { "" } else { "," };
        for piece in [comma, key, quote, text, quote] {
            self.other.push_str(piece);
        }
    }

    fn end(&mut self, row: usize) {
        let last = self.builders.len() - 1;
        let columns = self.builders[..last].iter_mut().zip(&self.filled).zip(&self.columns.all);
        for ((builder, _), column) in columns.filter(|((_, filled), _)| **filled != row) {
            match (builder, column.constant) {
                (Builder::Integer(builder), Some(value)) => builder.append_value(value),
                (builder, _) => builder.put_null(),
            }
        }
        match &mut self.builders[last] {
            Builder::Text(builder) if !self.other.is_empty() => {
                self.other.insert(0, '{');
                self.other.push('}');
                builder.append_value(&self.other);
            }
            builder => builder.put_null(),
        }
    }
}

impl Column {
    /// Whether `rest` begins with its key. The first bytes are compared by themselves: keys differ there mostly.
    #[inline]
    fn begins(&self, rest: &str) -> bool {
        let (rest, key) = (rest.as_bytes(), &self.key[..]);
        match (rest.first_chunk::<8>(), key.first_chunk::<8>()) {
            (Some(rest), Some(key)) if rest != key => false,
            _ => rest.starts_with(key),
        }
    }
}

/// Where a string ends, from behind its first quote, and whether something in it is escaped.
fn string_end(text: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut is_escaped) = (0, false);
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((at, is_escaped));
        }
        is_escaped = true;
        at += 2;
    }
}

/// The value that `text` begins with, and what follows it.
fn value(text: &str) -> Option<(Value<'_>, &str)> {
    if let Some(string) = text.strip_prefix('"') {
        let (end, is_escaped) = string_end(string.as_bytes())?;
        return Some((Value::Text(&string[..end], is_escaped), &string[end + 1..]));
    }
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += 1 + string_end(&bytes[at + 1..])?.0,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    (at > 0 && depth == 0).then(|| (Value::Bare(&text[..at]), &text[at..]))
}
