//! Records as columns (Apache Parquet).
//!
//! *In*: NDJSON as [`ndjson`](super::ndjson) writes it, whole lines of one class, with [marks] for keys. *Out*: the pages of each column, as Parquet
//! has them before they are compressed, one row per line. *Promised*: nothing of a record is lost: a value that is not of the type of its column
//! stands, as JSON, in the column [`OTHER`]; what is gathered is what readers of Parquet find, in the same order. *Not here*: compression,
//! encryption and the rest of a file (`sink::parquet`).
//!
//! ```text
//! lines ──read──▶ cells of a column ──▶ texts    dictionary, numbers of its entries ──┐
//!                                       numbers  the same, or differences             ├──▶ pages
//!                                       times    differences                          │
//!                                       flags    bits ────────────────────────────────┘
//! ```
//!
//! Chosen on 2026-11-27: columns are read from lines, not filled by the worker. The worker's NDJSON is the fastest thing that it writes, and what
//! sinks take stays one thing. Since 2026-11-28 keys of these lines are marks, for which the worker's way to write is the same: to find keys and
//! the ends of strings was half of what a row cost.
//!
//! Chosen on 2026-11-28: pages are made here, not by the Parquet library from Arrow's arrays, which cost twice what it takes to treat a line. What
//! makes the difference: a text is hashed once, copied once in its row group, and [looked up with many others](texts).

mod bits;
mod cells;
mod delta;
mod dictionary;
mod marks;
mod numbers;
mod page;
mod read;
mod slots;
#[cfg(test)]
pub mod testing;
mod texts;
mod value;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::record::escape;
use crate::record::span::Escape;

pub use cells::{Cells, Range};
pub use page::{Coding, Page, Paging};
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

    /// What stands before a value of the column with this name; `None` where there is none.
    pub fn mark(&self, name: &str) -> Option<Vec<u8>> {
        let place = self.all.iter().position(|column| column.name == name)?;
        Some(marks::mark(place)?.to_vec())
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
