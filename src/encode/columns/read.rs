//! Lines to columns.
//!
//! ```text
//! lines ──where marks are──▶ members: a column, a value of JSON ──▶ its cells
//!                                                     does not fit ──▶ the last column, as JSON
//! ```

use std::mem;
use std::sync::Arc;

use super::cells::Cells;
use super::value::Value;
use super::{Column, Columns, Paging, marks};

/// Lines that are not as we write them: a bug. Nothing of them is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record} of a row group cannot be read back as columns")]
pub struct Unreadable {
    /// Which, from 0.
    pub record: usize,
}

/// Rows of a row group.
pub struct Rows {
    columns: Arc<Columns>,
    paging: Paging,
    has_filters: bool,
    cells: Vec<Cells>,
    count: u32,
    /// Where members and lines end, of the lines at hand.
    found: Vec<u32>,
    /// Members of the object of what does not fit.
    other: Vec<u8>,
    decoded: Vec<u8>,
}

impl Rows {
    /// None yet; columns of tokens have filters, or not.
    pub fn new(columns: &Arc<Columns>, paging: Paging, has_filters: bool) -> Self {
        let (found, other, decoded) = (Vec::new(), Vec::new(), Vec::new());
        let columns = Arc::clone(columns);
        Self { columns, paging, has_filters, cells: Vec::new(), count: 0, found, other, decoded }
    }

    /// Begins a row group, whose columns may have the memory of others of the same kind.
    pub fn begin(&mut self, spare: &mut Vec<Cells>) {
        if self.cells.is_empty() {
            let new = |column: &Column| Cells::new(column.kind, self.paging, self.has_filters);
            self.cells = mem::take(spare);
            self.cells.extend(self.columns.all.iter().skip(self.cells.len()).map(new));
        }
    }

    /// Adds the records of whole lines of NDJSON with [marks](super::marks) for keys, one row each, in their order.
    ///
    /// # Errors
    /// [`Unreadable`]: no row group was [begun](Self::begin), or the lines are not those of [`ndjson`](crate::encode::ndjson). What was added
    /// before is worthless then.
    pub fn add(&mut self, lines: &[u8]) -> Result<(), Unreadable> {
        let mut found = mem::take(&mut self.found);
        let is_text = u32::try_from(lines.len()).is_ok() && std::str::from_utf8(lines).is_ok();
        let all = is_text.then(|| marks::find(lines, &mut found)).and_then(|()| self.lines(lines, &found));
        self.found = found;
        self.cells.iter_mut().for_each(|cells| cells.settle(lines));
        all.ok_or(Unreadable { record: self.count as usize })
    }

    /// Rows since the row group began.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes that they take.
    pub fn memory(&self) -> usize {
        self.cells.iter().map(Cells::memory).sum()
    }

    /// Their columns.
    pub fn cells(&mut self) -> &mut [Cells] {
        &mut self.cells
    }

    /// Ends the columns of the row group.
    pub fn end(&mut self) {
        let rows = self.count;
        for (cells, column) in self.cells.iter_mut().zip(&self.columns.all) {
            if let Some(value) = column.constant {
                cells.fill_with(rows, value);
            }
            cells.end(rows);
        }
    }

    /// Forgets the row group, whose columns leave their memory.
    pub fn clear(&mut self, spare: &mut Vec<Cells>) {
        self.count = 0;
        self.cells.iter_mut().for_each(Cells::clear);
        *spare = mem::take(&mut self.cells);
    }

    /// Reads lines, in which these places were found.
    fn lines(&mut self, lines: &[u8], found: &[u32]) -> Option<()> {
        let mut places = found.iter().map(|place| *place as usize);
        let mut start = 0;
        let mut at = if lines.is_empty() { return Some(()) } else { places.next()? };
        loop {
            // A line begins with a mark, or is empty: a record of which nothing leaves.
            if at != start {
                return None;
            }
            while lines[at] != b'\n' {
                let mut is_escaped = false;
                let end = loop {
                    let end = places.next()?;
                    if lines[end] != b'\\' {
                        break end;
                    }
                    is_escaped = true;
                };
                let (column, value) = marks::split(&lines[at..end])?;
                self.member(column, Value::of(value, is_escaped)?, (lines, (end - value.len()) as u32))?;
                at = end;
            }
            self.end_line(lines);
            self.count += 1;
            start = at + 1;
            match places.next() {
                Some(next) => at = next,
                None => return (start == lines.len()).then_some(()),
            }
        }
    }

    /// Reads a member of the line at hand, whose value stands there.
    #[inline]
    fn member(&mut self, column: usize, value: Value<'_>, place: (&[u8], u32)) -> Option<()> {
        let is_put = self.cells.get_mut(column)?.put(self.count, value, place, &mut self.decoded);
        if !is_put {
            self.keep(column, value);
        }
        Some(())
    }

    /// Remembers a value that does not fit its column.
    fn keep(&mut self, column: usize, value: Value<'_>) {
        let quote: &[u8] = if matches!(value, Value::Text(..)) { b"\"" } else { b"" };
        let begin: &[u8] = if self.other.is_empty() { b"{" } else { b"," };
        for piece in [begin, &self.columns.all[column].key, quote, value.text(), quote] {
            self.other.extend_from_slice(piece);
        }
    }

    fn end_line(&mut self, lines: &[u8]) {
        if self.other.is_empty() {
            return;
        }
        self.other.push(b'}');
        if let Some(cells) = self.cells.last_mut() {
            cells.put_text(self.count, &self.other, lines);
        }
        self.other.clear();
    }
}
