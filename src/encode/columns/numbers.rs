//! A column of numbers: numbers of what stands in a small dictionary, and as they are, or as differences, where that is too small.

use super::delta::Delta;
use super::page::{Coding, Indices, PAGE_BYTES, Pages};
use super::slots::{Seed, Slots};

/// Numbers of a dictionary, at most: status codes are few, and sizes are shorter as they are.
const DICTIONARY_MAX: usize = 4_096;

/// What the numbers are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Whole,
    /// As the bits of a float.
    Decimal,
}

/// Whole numbers as they are written, or the bits of others.
pub(super) struct Numbers {
    pub pages: Pages,
    kind: Number,
    seed: Seed,
    slots: Slots,
    known: Vec<i64>,
    indices: Indices,
    last: i64,
    last_index: u32,
    is_full: bool,
    delta: Delta,
    plain: Vec<u8>,
    /// Least and most.
    pub range: Option<(i64, i64)>,
}

impl Numbers {
    pub(super) fn new(kind: Number) -> Self {
        Self {
            pages: Pages::default(),
            kind,
            seed: Seed::new(),
            slots: Slots::default(),
            known: Vec::new(),
            indices: Indices::default(),
            last: 0,
            last_index: 0,
            is_full: false,
            delta: Delta::new(),
            plain: Vec::new(),
            range: None,
        }
    }

    #[inline]
    pub(super) fn put(&mut self, number: i64) {
        self.last = number;
        if self.is_full {
            return self.put_plain(number);
        }
        let hash = self.seed.number(number.cast_unsigned());
        match self.slots.find(hash, |index| self.known[index as usize] == number) {
            Ok(index) => self.index(index),
            Err(_) if self.known.len() >= DICTIONARY_MAX => {
                self.end_page();
                self.is_full = true;
                self.put_plain(number);
            }
            Err(free) => {
                if self.indices.breaks(self.known.len() as u32) {
                    self.end_page();
                }
                let index = self.known.len() as u32;
                self.slots.take(free, hash, index);
                self.known.push(number);
                self.in_range(number);
                self.index(index);
            }
        }
    }

    pub(super) fn repeat(&mut self) {
        if self.is_full { self.put_plain(self.last) } else { self.index(self.last_index) }
    }

    #[inline]
    fn in_range(&mut self, number: i64) {
        // The bits of floats that are not negative have the order of what they mean.
        let (least, most) = self.range.unwrap_or((number, number));
        self.range = Some((least.min(number), most.max(number)));
    }

    #[inline]
    fn index(&mut self, index: u32) {
        self.last_index = index;
        self.pages.value();
        if self.indices.push(index, self.known.len()) || self.pages.is_full() {
            self.end_page();
        }
    }

    fn put_plain(&mut self, number: i64) {
        self.pages.value();
        self.in_range(number);
        match self.kind {
            Number::Whole => self.delta.push(number),
            Number::Decimal => self.plain.extend_from_slice(&number.to_le_bytes()),
        }
        if self.pages.is_full() || self.plain.len().max(self.delta.bytes()) >= PAGE_BYTES {
            self.end_page();
        }
    }

    pub(super) fn end_page(&mut self) {
        match (self.is_full, self.kind) {
            (false, _) => self.indices.end(self.known.len(), &mut self.pages),
            (true, Number::Whole) => end_delta(&mut self.delta, &mut self.pages),
            (true, Number::Decimal) => {
                self.pages.end(Coding::Plain, &[&self.plain]);
                self.plain.clear();
            }
        }
    }

    pub(super) fn dictionary(&self, out: &mut Vec<u8>) -> usize {
        self.known.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        self.known.len()
    }

    pub(super) const fn kind(&self) -> Number {
        self.kind
    }

    pub(super) fn memory(&self) -> usize {
        let known = self.known.capacity() * size_of::<i64>() + self.slots.memory();
        self.pages.memory() + self.indices.memory() + known + self.delta.memory() + self.plain.capacity()
    }
}

/// Ends a page of differences.
pub(super) fn end_delta(delta: &mut Delta, pages: &mut Pages) {
    let (head, blocks) = delta.end();
    pages.end(Coding::Delta, &[&head, blocks]);
    delta.clear();
}
