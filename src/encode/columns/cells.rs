//! The values of a column, of whatever type, since its row group began.

use std::borrow::Cow;

use parquet::bloom_filter::Sbbf;

use super::Type;
use super::bits::Bits;
use super::delta::Delta;
use super::dictionary::is_same;
use super::numbers::{Number, Numbers, end_delta};
use super::page::{Coding, Page, Pages, Paging};
use super::texts::Texts;
use super::value::{self, Value};
use crate::record::span::Escape;
use crate::record::{calendar, escape};

/// Least and most of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Of whole numbers, and instants.
    Whole(i64, i64),
    /// Of others.
    Decimal(f64, f64),
}

/// The values of a column.
pub struct Cells {
    /// Of the row group, up to the last one with a value.
    rows: u32,
    values: Values,
}

/// Each elsewhere, so that what is looked at of every column for every row is near.
enum Values {
    Time(Box<Times>),
    Number(Box<Numbers>),
    Flag(Box<Flags>),
    Text(Box<Texts>),
}

/// Instants.
struct Times {
    pages: Pages,
    delta: Delta,
    /// The last one, as it stood there: the next record mostly has the same.
    text: Vec<u8>,
    micros: i64,
    range: Option<(i64, i64)>,
}

struct Flags {
    pages: Pages,
    bits: Bits,
}

impl Times {
    fn read(&mut self, text: &[u8]) -> bool {
        if !is_same(&self.text, text) {
            let Some(instant) = calendar::read_rfc3339(text) else { return false };
            self.text.clear();
            self.text.extend_from_slice(text);
            self.micros = instant.0;
            let (least, most) = self.range.unwrap_or((instant.0, instant.0));
            self.range = Some((least.min(instant.0), most.max(instant.0)));
        }
        self.push();
        true
    }

    fn push(&mut self) {
        self.pages.value();
        self.delta.push(self.micros);
        if self.pages.is_full(self.delta.bytes()) {
            end_delta(&mut self.delta, &mut self.pages);
        }
    }

    fn clear(&mut self) {
        self.pages.clear();
        self.delta.clear();
        self.text.clear();
        (self.micros, self.range) = (0, None);
    }
}

impl Flags {
    fn push(&mut self, flag: bool) {
        self.pages.value();
        self.bits.push(flag);
        if self.pages.is_full(0) {
            self.end_page();
        }
    }

    fn end_page(&mut self) {
        let bits = self.bits.bytes();
        self.pages.end(Coding::Plain, bits.len(), |body| body.extend_from_slice(bits));
        self.bits.clear();
    }
}

impl Cells {
    pub(super) fn new(kind: Type, paging: Paging, has_filters: bool) -> Self {
        let pages = Pages::new(paging);
        let values = match kind {
            Type::Time => {
                let (delta, text) = (Delta::new(), Vec::new());
                Values::Time(Box::new(Times { pages, delta, text, micros: 0, range: None }))
            }
            Type::Integer => Values::Number(Box::new(Numbers::new(Number::Whole, pages))),
            Type::Decimal => Values::Number(Box::new(Numbers::new(Number::Decimal, pages))),
            Type::Flag => Values::Flag(Box::new(Flags { pages, bits: Bits::default() })),
            Type::Word | Type::Text => Values::Text(Box::new(Texts::new(pages, false))),
            Type::Token => Values::Text(Box::new(Texts::new(pages, has_filters))),
        };
        Self { rows: 0, values }
    }

    /// Adds the value of a row, counted from 0, which stands there in `lines`; false when it is not of this type, or the row has one.
    #[inline]
    pub(super) fn put(
        &mut self,
        row: u32,
        value: Value<'_>,
        (lines, start): (&[u8], u32),
        decoded: &mut Vec<u8>,
    ) -> bool {
        if self.rows > row {
            return false;
        }
        self.fill(row);
        let is_put = match (&mut self.values, value) {
            (Values::Text(texts), Value::Text(text, false)) => {
                // Behind its quote.
                texts.hold(start + 1, text.len() as u32);
                true
            }
            (Values::Text(texts), Value::Bare(text)) => {
                texts.hold(start, text.len() as u32);
                true
            }
            (Values::Text(texts), Value::Text(text, true)) => {
                decoded.clear();
                let is_text = escape::decode(Escape::Json, text, decoded).is_ok();
                let is_text = is_text && std::str::from_utf8(decoded).is_ok();
                if is_text {
                    texts.settle(lines);
                    texts.put(decoded);
                }
                is_text
            }
            (Values::Number(numbers), Value::Bare(text)) => {
                let number = match numbers.kind() {
                    Number::Whole => value::integer(text),
                    Number::Decimal => decimal(text),
                };
                number.is_some_and(|number| {
                    numbers.put(number);
                    true
                })
            }
            (Values::Flag(flags), Value::Bare(word @ (b"true" | b"false"))) => {
                flags.push(word == b"true");
                true
            }
            (Values::Time(times), Value::Text(text, false)) => times.read(text),
            _ => false,
        };
        self.rows += u32::from(is_put);
        is_put
    }

    /// The rows before this one which have no value.
    #[inline]
    fn fill(&mut self, row: u32) {
        if self.rows < row {
            self.fill_many(row);
        }
    }

    #[inline(never)]
    fn fill_many(&mut self, row: u32) {
        if let Values::Text(texts) = &mut self.values {
            texts.hold_none(row - self.rows);
            self.rows = row;
        }
        while self.rows < row {
            let missing = row - self.rows;
            self.rows += self.pages().nulls(missing);
            if self.pages().is_full(0) {
                self.end_page();
            }
        }
    }

    fn pages(&mut self) -> &mut Pages {
        match &mut self.values {
            Values::Time(times) => &mut times.pages,
            Values::Number(numbers) => &mut numbers.pages,
            Values::Flag(flags) => &mut flags.pages,
            Values::Text(texts) => &mut texts.pages,
        }
    }

    fn end_page(&mut self) {
        match &mut self.values {
            Values::Time(times) => end_delta(&mut times.delta, &mut times.pages),
            Values::Number(numbers) => numbers.end_page(),
            Values::Flag(flags) => flags.end_page(),
            Values::Text(texts) => texts.end_page(),
        }
    }

    /// Puts this number into every row up to `row` that has none.
    pub(super) fn fill_with(&mut self, row: u32, number: i64) {
        if let Values::Number(numbers) = &mut self.values {
            let rows = row.saturating_sub(self.rows);
            if rows > 0 {
                numbers.put(number);
                (1..rows).for_each(|_| numbers.repeat());
            }
            self.rows = row;
        }
    }

    /// Takes what is held of these lines, which go.
    pub(super) fn settle(&mut self, lines: &[u8]) {
        if let Values::Text(texts) = &mut self.values {
            texts.settle(lines);
        }
    }

    /// Adds a text of a row that has none.
    pub(super) fn put_text(&mut self, row: u32, text: &[u8], lines: &[u8]) {
        self.fill(row);
        if let Values::Text(texts) = &mut self.values {
            texts.settle(lines);
            texts.put(text);
            self.rows += 1;
        }
    }

    /// Ends the column: it has so many rows.
    pub fn end(&mut self, rows: u32) {
        self.fill(rows);
        self.settle(&[]);
        if self.pages().rows() > 0 {
            self.end_page();
        }
    }

    /// Takes the pages that are whole.
    pub fn take_pages(&mut self) -> impl Iterator<Item = Page> {
        self.pages().done().drain(..)
    }

    /// What pages of numbers speak of, and how many that are; nothing for a column without a dictionary.
    pub fn dictionary(&self) -> Option<(Cow<'_, [u8]>, usize)> {
        match &self.values {
            Values::Text(texts) => texts.dictionary().map(|(page, entries)| (Cow::Borrowed(page), entries)),
            Values::Number(numbers) => {
                numbers.dictionary().map(|(page, entries)| (Cow::Owned(page), entries))
            }
            Values::Time(_) | Values::Flag(_) => None,
        }
    }

    /// What may be in it, for who looks for one value; of tokens alone.
    pub fn filter(&mut self) -> Option<Sbbf> {
        match &mut self.values {
            Values::Text(texts) => texts.filter(),
            _ => None,
        }
    }

    /// Rows without a value.
    pub fn nulls(&mut self) -> u64 {
        self.pages().nulls_of_all()
    }

    /// Least and most, of instants and numbers.
    pub fn range(&self) -> Option<Range> {
        match &self.values {
            Values::Time(times) => times.range.map(|(least, most)| Range::Whole(least, most)),
            Values::Number(numbers) => numbers.range.map(|(least, most)| match numbers.kind() {
                Number::Whole => Range::Whole(least, most),
                Number::Decimal => Range::Decimal(float(least), float(most)),
            }),
            _ => None,
        }
    }

    /// Forgets all, but for its memory.
    pub(super) fn clear(&mut self) {
        self.rows = 0;
        match &mut self.values {
            Values::Time(times) => times.clear(),
            Values::Number(numbers) => numbers.clear(),
            Values::Flag(flags) => {
                flags.pages.clear();
                flags.bits.clear();
            }
            Values::Text(texts) => texts.clear(),
        }
    }

    /// Bytes that what it has takes.
    pub fn memory(&self) -> usize {
        match &self.values {
            Values::Time(times) => times.pages.memory() + times.delta.memory(),
            Values::Number(numbers) => numbers.memory(),
            Values::Flag(flags) => flags.pages.memory() + flags.bits.memory(),
            Values::Text(texts) => texts.memory(),
        }
    }
}

/// A number with a point, as its bits.
fn decimal(text: &[u8]) -> Option<i64> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(number.to_bits().cast_signed())
}

fn float(bits: i64) -> f64 {
    f64::from_bits(bits.cast_unsigned())
}
