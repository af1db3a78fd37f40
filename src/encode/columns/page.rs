//! Pages of a column, as Parquet has them before they are compressed: which rows have a value, then the values.

use std::mem;

use super::bits::{self, Bits};

/// Rows of a page, at most: as many as readers like to skip at once.
const PAGE_ROWS: u32 = 1 << 15;
/// Bytes of values after which a page ends.
const PAGE_BYTES: usize = 1 << 20;
/// Indices that are packed at once.
const RUN: usize = 1_024;

/// How many pages a column of a row group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// As many as readers like to skip by: each has some ten thousand rows.
    Many,
    /// One, whose values are all written the same way.
    One,
}

/// How values of a page are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// One after the other.
    Plain,
    /// As numbers of what stands in the dictionary.
    Dictionary,
    /// As differences (`DELTA_BINARY_PACKED`).
    Delta,
}

/// A page that is whole.
pub struct Page {
    /// Rows, those without a value among them.
    pub rows: u32,
    /// How its values are written.
    pub coding: Coding,
    /// What is to be compressed.
    pub body: Vec<u8>,
}

/// Which rows of a page have a value, and the pages before it.
pub(super) struct Pages {
    paging: Paging,
    rows: u32,
    /// Of the page at hand; there are none until a row has no value.
    valid: Bits,
    nulls: u32,
    /// Of the pages before.
    rows_before: u64,
    nulls_before: u64,
    done: Vec<Page>,
}

impl Pages {
    pub(super) fn new(paging: Paging) -> Self {
        let (valid, done) = (Bits::default(), Vec::new());
        Self { paging, rows: 0, valid, nulls: 0, rows_before: 0, nulls_before: 0, done }
    }

    pub(super) fn is_one(&self) -> bool {
        self.paging == Paging::One
    }

    /// A row with a value.
    #[inline]
    pub(super) fn value(&mut self) {
        if self.nulls > 0 {
            self.valid.push(true);
        }
        self.rows += 1;
    }

    /// Rows without one, of which the page has room for so many; how many it took.
    pub(super) fn nulls(&mut self, count: u32) -> u32 {
        let most = if self.is_one() { u32::MAX } else { PAGE_ROWS };
        let count = count.min(most.saturating_sub(self.rows));
        if self.nulls == 0 && count > 0 {
            self.valid.push_all(true, self.rows);
        }
        self.valid.push_all(false, count);
        self.rows += count;
        self.nulls += count;
        count
    }

    pub(super) const fn rows(&self) -> u32 {
        self.rows
    }

    /// True when a page ends that has so many bytes of values.
    #[inline]
    pub(super) fn is_full(&self, bytes: usize) -> bool {
        (self.rows >= PAGE_ROWS || bytes >= PAGE_BYTES) && !self.is_one()
    }

    /// Rows of all pages that had no value.
    pub(super) fn nulls_of_all(&self) -> u64 {
        self.nulls_before + u64::from(self.nulls)
    }

    /// Rows of all pages that had one.
    pub(super) fn values_of_all(&self) -> u64 {
        self.rows_before + u64::from(self.rows) - self.nulls_of_all()
    }

    /// Ends the page, whose values, of about so many bytes, are written behind what it has.
    pub(super) fn end(&mut self, coding: Coding, bytes: usize, values: impl FnOnce(&mut Vec<u8>)) {
        let mut levels = Vec::with_capacity(8);
        let packed = match self.nulls {
            0 => {
                bits::varint(u64::from(self.rows) << 1, &mut levels);
                levels.push(1);
                &[][..]
            }
            all if all == self.rows => {
                bits::varint(u64::from(self.rows) << 1, &mut levels);
                levels.push(0);
                &[]
            }
            _ => {
                bits::varint((self.valid.bytes().len() as u64) << 1 | 1, &mut levels);
                self.valid.bytes()
            }
        };
        let length = levels.len() + packed.len();
        let mut body = Vec::with_capacity(4 + length + bytes);
        body.extend_from_slice(&(length as u32).to_le_bytes());
        body.extend_from_slice(&levels);
        body.extend_from_slice(packed);
        values(&mut body);
        self.done.push(Page { rows: self.rows, coding, body });
        self.rows_before += u64::from(self.rows);
        self.nulls_before += u64::from(self.nulls);
        (self.rows, self.nulls) = (0, 0);
        self.valid.clear();
    }

    /// Forgets all, but for its memory.
    pub(super) fn clear(&mut self) {
        let (valid, done) = (mem::take(&mut self.valid), mem::take(&mut self.done));
        *self = Self { valid, done, ..Self::new(self.paging) };
        self.valid.clear();
        self.done.clear();
    }

    /// The whole ones.
    pub(super) fn done(&mut self) -> &mut Vec<Page> {
        &mut self.done
    }

    pub(super) fn memory(&self) -> usize {
        self.valid.memory() + self.done.iter().map(|page| page.body.len()).sum::<usize>()
    }
}

/// Numbers of what stands in a dictionary: those of a page, packed, and a few that are not yet.
///
/// All of a page have the same bits, those of the largest dictionary that the page saw. While the page is made each run has those of its own time.
#[derive(Default)]
pub(super) struct Indices {
    pending: Vec<u32>,
    runs: Vec<Run>,
    packed: Vec<u8>,
}

/// Numbers that are packed: so many of so many bits, or one that stands for all, in four bytes.
#[derive(Clone, Copy)]
struct Run {
    count: u16,
    width: u8,
    is_same: bool,
}

impl Run {
    const fn groups(self) -> usize {
        (self.count as usize).div_ceil(8)
    }

    /// Bytes that it takes.
    const fn bytes(self) -> usize {
        if self.is_same { size_of::<u32>() } else { self.groups() * self.width as usize }
    }
}

impl Indices {
    /// Adds one of a dictionary that has `entries`.
    #[inline]
    pub(super) fn push(&mut self, index: u32, entries: usize) {
        self.pending.push(index);
        if self.pending.len() >= RUN {
            self.pack(entries);
        }
    }

    fn pack(&mut self, entries: usize) {
        let (Some(first), count) = (self.pending.first().copied(), self.pending.len()) else { return };
        let is_same = self.pending.iter().all(|index| *index == first);
        let run = Run { count: count as u16, width: width_of(entries) as u8, is_same };
        if is_same {
            self.packed.extend_from_slice(&first.to_le_bytes());
        } else {
            self.pending.resize(run.groups() * 8, 0);
            bits::pack(&self.pending, u32::from(run.width), &mut self.packed);
        }
        self.runs.push(run);
        self.pending.clear();
    }

    /// Ends the page.
    pub(super) fn end(&mut self, entries: usize, pages: &mut Pages) {
        self.pack(entries);
        let width = width_of(entries);
        let bytes = 1 + self.runs.len() * (RUN / 8 * width as usize + 3);
        pages.end(Coding::Dictionary, bytes, |body| {
            body.push(width as u8);
            let mut rest = &self.packed[..];
            for run in &self.runs {
                let packed = rest.split_off(..run.bytes()).unwrap_or_default();
                if run.is_same {
                    bits::varint(u64::from(run.count) << 1, body);
                    body.extend_from_slice(&packed[..width.div_ceil(8) as usize]);
                    continue;
                }
                bits::varint((run.groups() as u64) << 1 | 1, body);
                if u32::from(run.width) == width {
                    body.extend_from_slice(packed);
                } else {
                    self.pending.clear();
                    bits::unpack(packed, u32::from(run.width), &mut self.pending);
                    bits::pack(&self.pending, width, body);
                }
            }
        });
        self.clear();
    }

    /// Takes all out, in their order.
    pub(super) fn drain(&mut self, entries: usize, mut each: impl FnMut(u32)) {
        self.pack(entries);
        let mut rest = &self.packed[..];
        for run in &self.runs {
            let packed = rest.split_off(..run.bytes()).unwrap_or_default();
            self.pending.clear();
            match packed.first_chunk() {
                Some(same) if run.is_same => {
                    self.pending.resize(usize::from(run.count), u32::from_le_bytes(*same));
                }
                _ => bits::unpack(packed, u32::from(run.width), &mut self.pending),
            }
            self.pending.iter().take(usize::from(run.count)).for_each(|index| each(*index));
        }
        self.clear();
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.runs.clear();
        self.packed.clear();
    }

    pub(super) const fn memory(&self) -> usize {
        self.pending.len() * size_of::<u32>() + self.runs.len() * size_of::<Run>() + self.packed.len()
    }
}

/// Bits of a number that says which of `entries`. One where none are needed: not every reader takes numbers of no bits.
fn width_of(entries: usize) -> u32 {
    bits::width(entries.saturating_sub(1) as u64).max(1)
}
