//! Pages of a column, as Parquet has them before they are compressed: which rows have a value, then the values.

use super::bits::{self, Bits};

/// Rows of a page, at most: as many as readers like to skip at once.
pub(super) const PAGE_ROWS: u32 = 1 << 15;
/// Bytes of values after which a page ends.
pub(super) const PAGE_BYTES: usize = 1 << 20;
/// Indices that are packed at once.
const CHUNK: usize = 1_024;

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
#[derive(Default)]
pub(super) struct Pages {
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
        let count = count.min(PAGE_ROWS.saturating_sub(self.rows));
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

    pub(super) const fn is_full(&self) -> bool {
        self.rows >= PAGE_ROWS
    }

    /// Rows of all pages that had no value.
    pub(super) fn nulls_of_all(&self) -> u64 {
        self.nulls_before + u64::from(self.nulls)
    }

    /// Rows of all pages that had one.
    pub(super) fn values_of_all(&self) -> u64 {
        self.rows_before + u64::from(self.rows) - self.nulls_of_all()
    }

    /// Ends the page, with these values, piece by piece.
    pub(super) fn end(&mut self, coding: Coding, values: &[&[u8]]) {
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
        let values_bytes: usize = values.iter().map(|piece| piece.len()).sum();
        let mut body = Vec::with_capacity(4 + length + values_bytes);
        body.extend_from_slice(&(length as u32).to_le_bytes());
        body.extend_from_slice(&levels);
        body.extend_from_slice(packed);
        for piece in values {
            body.extend_from_slice(piece);
        }
        self.done.push(Page { rows: self.rows, coding, body });
        self.rows_before += u64::from(self.rows);
        self.nulls_before += u64::from(self.nulls);
        (self.rows, self.nulls) = (0, 0);
        self.valid.clear();
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
#[derive(Default)]
pub(super) struct Indices {
    pending: Vec<u32>,
    /// Bits of those of the page at hand; 0 until some are packed.
    width: u32,
    packed: Vec<u8>,
}

impl Indices {
    /// Adds one of a dictionary that has `entries`; true when the page has many.
    #[inline]
    pub(super) fn push(&mut self, index: u32, entries: usize) -> bool {
        self.pending.push(index);
        if self.pending.len() < CHUNK {
            return false;
        }
        self.pack(entries);
        self.packed.len() >= PAGE_BYTES
    }

    /// True when a number does not fit into the page: it has been begun with fewer bits.
    #[inline]
    pub(super) const fn breaks(&self, index: u32) -> bool {
        self.width != 0 && index >> self.width != 0
    }

    fn pack(&mut self, entries: usize) {
        if self.width == 0 {
            self.width = width_of(entries);
        }
        let (Some(first), count) = (self.pending.first().copied(), self.pending.len()) else { return };
        if self.pending.iter().all(|index| *index == first) {
            bits::varint((count as u64) << 1, &mut self.packed);
            let bytes = self.width.div_ceil(8) as usize;
            self.packed.extend_from_slice(&first.to_le_bytes()[..bytes]);
        } else {
            let groups = count.div_ceil(8);
            self.pending.resize(groups * 8, 0);
            bits::varint((groups as u64) << 1 | 1, &mut self.packed);
            bits::pack(&self.pending, self.width, &mut self.packed);
        }
        self.pending.clear();
    }

    /// Ends the page.
    pub(super) fn end(&mut self, entries: usize, pages: &mut Pages) {
        self.pack(entries);
        pages.end(Coding::Dictionary, &[&[self.width as u8], &self.packed]);
        self.packed.clear();
        self.width = 0;
    }

    pub(super) fn memory(&self) -> usize {
        self.pending.capacity() * size_of::<u32>() + self.packed.capacity()
    }
}

/// Bits of a number that says which of `entries`. One where none are needed: not every reader takes numbers of no bits.
fn width_of(entries: usize) -> u32 {
    bits::width(entries.saturating_sub(1) as u64).max(1)
}
