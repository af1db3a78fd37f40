//! Records as columns (Apache Arrow).
//!
//! *In*: NDJSON as [`ndjson`](super::ndjson) writes it, whole lines of one class. *Out*: a record batch, one row per line. *Promised*: nothing
//! of a record is lost: a value that is not of the type of its column stands, as JSON, in the column [`OTHER`]. *Not here*: files of
//! columns (`sink::parquet`).
//!
//! Chosen on 2026-11-27: columns are read from lines, not filled by the worker. The worker's NDJSON is the fastest thing that it writes, and what
//! sinks take stays one thing. Revisit when reading lines is half of what a row costs.

mod read;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::record::escape;
use crate::record::span::Escape;

pub use read::{Rows, Unreadable};

/// The column of what does not fit its own: one JSON object, mostly absent.
pub const OTHER: &str = "sluis.other";

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An instant, in microseconds of UTC.
    Time,
    /// A whole number of 64 bits.
    Integer,
    /// A number with a point.
    Decimal,
    /// True or false.
    Flag,
    /// Text of few forms: a method, a protocol.
    Word,
    /// Any other text.
    Text,
    /// Text that is looked for by its whole value: a token.
    Token,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the field table.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// What stands in every row; such a column is in no line.
    constant: Option<i64>,
    /// Its name as it stands in a line, with quotes and colon.
    key: Vec<u8>,
}

/// The columns of a class and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    all: Vec<Column>,
    schema: SchemaRef,
}

impl Columns {
    /// The columns of records which can have `own` besides those that every record has. Of two types of one column it is text.
    pub fn of<'n>(own: impl IntoIterator<Item = (&'n str, Type)>) -> Self {
        let mut all: Vec<(&str, Type)> = vec![("time", Type::Time), ("sluis.class", Type::Word)];
        for (name, kind) in own {
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) if *known != kind => *known = Type::Text,
                Some(_) => {}
                None => all.push((name, kind)),
            }
        }
        all.push(("sluis.epoch", Type::Word));
        all.push(("sluis.deadline", Type::Time));
        all.push(("sluis.time_completed", Type::Flag));
        all.push((OTHER, Type::Text));
        Self::new(all.into_iter())
    }

    fn new<'n>(columns: impl Iterator<Item = (&'n str, Type)>) -> Self {
        Self::of_all(columns.map(|(name, kind)| Column::new(name, kind, None)).collect())
    }

    fn of_all(all: Vec<Column>) -> Self {
        let fields: Vec<Field> =
            all.iter().map(|column| Field::new(&column.name, data_type(column.kind), true)).collect();
        Self { all, schema: Arc::new(Schema::new(fields)) }
    }

    /// With a column of whole numbers, before the last, that has `value` in every row.
    #[must_use]
    pub fn with_constant(mut self, name: &str, value: i64) -> Self {
        let last = self.all.len() - 1;
        self.all.insert(last, Column::new(name, Type::Integer, Some(value)));
        Self::of_all(self.all)
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.all.iter()
    }

    /// The same as Arrow has it.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Column {
    fn new(name: &str, kind: Type, constant: Option<i64>) -> Self {
        let mut key = b"\"".to_vec();
        escape::encode(Escape::Json, name.as_bytes(), &mut key);
        key.extend_from_slice(b"\":");
        Self { name: name.to_owned(), kind, constant, key }
    }
}

fn data_type(kind: Type) -> DataType {
    match kind {
        Type::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Integer => DataType::Int64,
        Type::Decimal => DataType::Float64,
        Type::Flag => DataType::Boolean,
        Type::Word | Type::Text | Type::Token => DataType::Utf8,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
