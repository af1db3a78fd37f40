//! A column of numbers: numbers of what stands in a small dictionary, and as they are, or as differences, where that is too small.

use super::delta::Delta;
use super::page::{Coding, Indices, Pages};
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
    pub(super) fn new(kind: Number, pages: Pages) -> Self {
        Self {
            pages,
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
                self.go_plain();
                self.put_plain(number);
            }
            Err(free) => {
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
        self.indices.push(index, self.known.len());
        if self.pages.is_full(0) {
            self.end_page();
        }
    }

    /// Numbers are as they are from here on, and in the page at hand where it is the only one.
    fn go_plain(&mut self) {
        if self.pages.is_one() {
            let known = std::mem::take(&mut self.known);
            let (kind, delta, plain) = (self.kind, &mut self.delta, &mut self.plain);
            self.indices.drain(known.len(), |index| write(known[index as usize], kind, delta, plain));
        } else {
            self.end_page();
        }
        self.is_full = true;
    }

    fn put_plain(&mut self, number: i64) {
        self.pages.value();
        self.in_range(number);
        write(number, self.kind, &mut self.delta, &mut self.plain);
        if self.pages.is_full(self.plain.len().max(self.delta.bytes())) {
            self.end_page();
        }
    }

    pub(super) fn end_page(&mut self) {
        match (self.is_full, self.kind) {
            (false, _) => self.indices.end(self.known.len(), &mut self.pages),
            (true, Number::Whole) => end_delta(&mut self.delta, &mut self.pages),
            (true, Number::Decimal) => {
                let plain = &self.plain;
                self.pages.end(Coding::Plain, plain.len(), |body| body.extend_from_slice(plain));
                self.plain.clear();
            }
        }
    }

    /// The page of the dictionary, and its entries, where pages speak of them.
    pub(super) fn dictionary(&self) -> Option<(Vec<u8>, usize)> {
        let has_none = self.is_full && self.pages.is_one();
        let page = || self.known.iter().flat_map(|number| number.to_le_bytes()).collect();
        (!has_none).then(|| (page(), self.known.len()))
    }

    pub(super) const fn kind(&self) -> Number {
        self.kind
    }

    /// Forgets all, but for its memory.
    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.slots.clear();
        self.known.clear();
        self.indices.clear();
        self.delta.clear();
        self.plain.clear();
        (self.last, self.last_index, self.is_full, self.range) = (0, 0, false, None);
    }

    pub(super) fn memory(&self) -> usize {
        let known = self.known.len() * size_of::<i64>() + self.slots.memory();
        self.pages.memory() + self.indices.memory() + known + self.delta.memory() + self.plain.len()
    }
}

#[inline]
fn write(number: i64, kind: Number, delta: &mut Delta, plain: &mut Vec<u8>) {
    match kind {
        Number::Whole => delta.push(number),
        Number::Decimal => plain.extend_from_slice(&number.to_le_bytes()),
    }
}

/// Ends a page of differences.
pub(super) fn end_delta(delta: &mut Delta, pages: &mut Pages) {
    let (head, blocks) = delta.end();
    pages.end(Coding::Delta, head.len() + blocks.len(), |body| {
        body.extend_from_slice(&head);
        body.extend_from_slice(blocks);
    });
    delta.clear();
}
