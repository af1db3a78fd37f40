//! Lines to columns.
//!
//! Records of a class are alike, and so are lines that follow each other: the same keys in the same order, many with the same value. So a line is read
//! against the one before it:
//!
//! ```text
//! for each member of the line before:
//!     the same bytes stand here, key, value and what ends it   →  the column repeats its last value
//!     the same key stands here                                 →  read the value
//!     another                                                  →  find the key's column; go on behind its member of the line before
//! ```

use std::mem;
use std::sync::Arc;

use super::cells::Cells;
use super::line::{Value, string_end, value};
use super::texts::begins;
use super::{Column, Columns};

/// Lines that are not as we write them: a bug. Nothing of them is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record} of a row group cannot be read back as columns")]
pub struct Unreadable {
    /// Which, from 0.
    pub record: usize,
}

/// A member of a line's object: its column, if its value went into one, and where in the line it begins, its value does, and the next member does.
#[derive(Clone, Copy)]
struct Member {
    column: Option<u16>,
    is_put: bool,
    start: u32,
    value: u32,
    end: u32,
}

/// Rows of a row group.
pub struct Rows {
    columns: Arc<Columns>,
    has_filters: bool,
    cells: Vec<Cells>,
    count: u32,
    /// The members of the line before, and of the one at hand.
    before: Vec<Member>,
    members: Vec<Member>,
    /// The last line of those that were added last.
    last: Vec<u8>,
    /// Members of the object of what does not fit.
    other: Vec<u8>,
    decoded: Vec<u8>,
}

impl Rows {
    /// None yet; columns of tokens have filters, or not.
    pub fn new(columns: &Arc<Columns>, has_filters: bool) -> Self {
        let mut rows = Self {
            columns: Arc::clone(columns),
            has_filters,
            cells: Vec::new(),
            count: 0,
            before: Vec::new(),
            members: Vec::new(),
            last: Vec::new(),
            other: Vec::new(),
            decoded: Vec::new(),
        };
        rows.begin();
        rows
    }

    fn begin(&mut self) {
        let new = |column: &Column| Cells::new(column.kind, self.has_filters);
        self.cells = self.columns.all.iter().map(new).collect();
        self.count = 0;
        // The columns do not know any more what the line before had.
        self.before.clear();
    }

    /// Adds the records of whole lines of NDJSON, one row each, in their order.
    ///
    /// # Errors
    /// [`Unreadable`]: the lines are not those of [`ndjson`](crate::encode::ndjson). What was added before is worthless then.
    pub fn add(&mut self, lines: &[u8]) -> Result<(), Unreadable> {
        let unreadable = |count: u32| Unreadable { record: count as usize };
        if u32::try_from(lines.len()).is_err() || std::str::from_utf8(lines).is_err() {
            return Err(unreadable(self.count));
        }
        let held = mem::take(&mut self.last);
        let (mut before, mut rest, mut is_read) = (&held[..], lines, false);
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let line = &rest[..end];
            self.line(line, before).ok_or_else(|| unreadable(self.count))?;
            (before, rest, is_read) = (line, &rest[end + 1..], true);
            self.count += 1;
        }
        let last = is_read.then(|| before.to_vec());
        self.last = last.unwrap_or(held);
        if rest.is_empty() { Ok(()) } else { Err(unreadable(self.count)) }
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

    /// Ends the row group: its columns. There are no rows then.
    pub fn end(&mut self) -> Vec<Cells> {
        let rows = self.count;
        for (cells, column) in self.cells.iter_mut().zip(&self.columns.all) {
            if let Some(value) = column.constant {
                cells.fill_with(rows, value);
            }
            cells.end(rows);
        }
        let cells = mem::take(&mut self.cells);
        self.begin();
        cells
    }

    /// Reads a line as the next row.
    fn line(&mut self, line: &[u8], before: &[u8]) -> Option<()> {
        let row = self.count;
        line.strip_prefix(b"{")?;
        self.other.clear();
        self.members.clear();
        let (mut at, mut old) = (1, 0);
        let mut hint = 0;
        while at + 1 < line.len() {
            let rest = &line[at..];
            let start = at as u32;
            if let Some(member) = self.before.get(old)
                && let Some(column) = member.column.filter(|_| member.is_put)
                && begins(rest, &before[member.start as usize..member.end as usize])
                && self.cells[usize::from(column)].repeat(row)
            {
                let length = member.end - member.start;
                let value = start + (member.value - member.start);
                self.members.push(Member { start, value, end: start + length, ..*member });
                (at, old) = (at + length as usize, old + 1);
                continue;
            }
            let (column, key) = match self.before.get(old) {
                Some(member) if begins(rest, &before[member.start as usize..member.value as usize]) => {
                    old += 1;
                    (member.column, (member.value - member.start) as usize)
                }
                _ => {
                    if let Some(member) = old.checked_sub(1).and_then(|old| self.before.get(old)) {
                        hint = member.column.map_or(hint, |column| usize::from(column) + 1);
                    }
                    let (column, key) = self.key(rest, hint)?;
                    let same = self.before.iter().skip(old).position(|member| member.column == column);
                    old += same.map_or(0, |same| same + 1);
                    (column, key)
                }
            };
            let (value, length) = value(&rest[key..])?;
            let end = key + length;
            if !matches!(rest.get(end), Some(b',' | b'}')) {
                return None;
            }
            let put = |column: u16| self.cells[usize::from(column)].put(row, value, &mut self.decoded);
            let is_put = column.is_some_and(put);
            if !is_put {
                self.keep(&rest[..key], value);
            }
            let (value, end) = (start + key as u32, start + end as u32 + 1);
            self.members.push(Member { column, is_put, start, value, end });
            at = end as usize;
        }
        let is_whole = line.ends_with(b"}") && (at == line.len() || line == b"{}");
        mem::swap(&mut self.before, &mut self.members);
        self.end_line(row);
        is_whole.then_some(())
    }

    /// The column whose key `rest` begins with, tried from `hint` on, and the length of the key.
    fn key(&self, rest: &[u8], hint: usize) -> Option<(Option<u16>, usize)> {
        let all = &self.columns.all;
        let order = (hint..all.len()).chain(0..hint.min(all.len()));
        for place in order {
            if all[place].begins(rest) {
                // Of what is in every row, and of what does not fit, the lines have nothing to say.
                let is_ours = all[place].constant.is_some() || place + 1 == all.len();
                let column = u16::try_from(place).ok().filter(|_| !is_ours);
                return Some((column, all[place].key.len()));
            }
        }
        let end = 1 + string_end(rest.strip_prefix(b"\"")?)?.0;
        rest[end..].starts_with(b"\":").then_some((None, end + 2))
    }

    /// Remembers a value that fits no column, with its key.
    fn keep(&mut self, key: &[u8], value: Value<'_>) {
        let quote: &[u8] = if matches!(value, Value::Text(..)) { b"\"" } else { b"" };
        let comma: &[u8] = if self.other.is_empty() { b"{" } else { b"," };
        for piece in [comma, key, quote, value.text(), quote] {
            self.other.extend_from_slice(piece);
        }
    }

    fn end_line(&mut self, row: u32) {
        if self.other.is_empty() {
            return;
        }
        self.other.push(b'}');
        if let Some(cells) = self.cells.last_mut() {
            cells.put(row, Value::Text(&self.other, false), &mut self.decoded);
        }
    }
}

impl Column {
    /// Whether `rest` begins with its key. The first bytes are compared by themselves: keys differ there mostly.
    #[inline]
    fn begins(&self, rest: &[u8]) -> bool {
        let key = &self.key[..];
        match (rest.first_chunk::<8>(), key.first_chunk::<8>()) {
            (Some(rest), Some(key)) if rest != key => false,
            _ => rest.starts_with(key),
        }
    }
}
