//! A column of text: numbers of what stands in a dictionary, and text as it is where a dictionary does not pay.
//!
//! Rows are held until their lines end, and looked up many at a time: what a dictionary of several thousand texts has is far from the core, and
//! what is asked for in one go comes in one go.

use std::mem;

use parquet::bloom_filter::Sbbf;

use super::dictionary::{AT_ONCE, Dictionary, is_same, put};
use super::page::{Coding, Indices, Pages};
use super::slots::Seed;

/// Bytes of a dictionary from which on it must pay: two rows for each of its texts.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Bytes of a dictionary, whatever it pays: a reader keeps it whole.
const DICTIONARY_BYTES_MAX: usize = 8 << 20;
/// Texts that a filter is made for, at most; one of fewer is smaller.
const FILTER_TEXTS: u64 = 1 << 17;
/// What a filter says yes to without having it, at most: the default of the Parquet library.
const FILTER_ERRS: f64 = 0.05;

/// What a row has, of lines that are at hand: where in them its text is; or nothing, so many times.
#[derive(Clone, Copy)]
struct Held {
    start: u32,
    length: u32,
}

impl Held {
    /// The text of the last row that has one.
    const AGAIN: u32 = u32::MAX;
    /// No text, in as many rows as `start` says.
    const NONE: u32 = u32::MAX - 1;

    #[inline]
    fn text(self, lines: &[u8]) -> Option<&[u8]> {
        lines.get(self.start as usize..)?.get(..self.length as usize)
    }
}

/// The column.
pub(super) struct Texts {
    pub pages: Pages,
    held: Vec<Held>,
    seed: Seed,
    indices: Indices,
    dictionary: Dictionary,
    last: u32,
    /// Most rows have the text of the row before: they are compared with it first.
    is_steady: bool,
    /// As it is, from here on.
    is_plain: bool,
    plain: Vec<u8>,
    has_filter: bool,
    /// Of what is not in the dictionary.
    filter: Option<Sbbf>,
}

impl Texts {
    pub(super) fn new(pages: Pages, has_filter: bool) -> Self {
        Self {
            pages,
            held: Vec::new(),
            seed: Seed::new(),
            indices: Indices::default(),
            dictionary: Dictionary::default(),
            last: 0,
            is_steady: false,
            is_plain: false,
            plain: Vec::new(),
            has_filter,
            filter: None,
        }
    }

    /// A row with a text, as it stands in the lines at hand.
    #[inline]
    pub(super) fn hold(&mut self, start: u32, length: u32) {
        self.held.push(Held { start, length });
    }

    /// So many rows without one.
    pub(super) fn hold_none(&mut self, rows: u32) {
        self.held.push(Held { start: rows, length: Held::NONE });
    }

    /// Takes what is held of these lines.
    pub(super) fn settle(&mut self, lines: &[u8]) {
        let mut held = mem::take(&mut self.held);
        let mut hashes = [0; AT_ONCE];
        // What the column becomes plain with is of these lines, so that it is known then.
        let mut last: &[u8] = b"";
        for some in held.chunks_mut(AT_ONCE) {
            self.foresee(some, lines, &mut hashes);
            for (held, hash) in some.iter().zip(hashes) {
                match held.length {
                    Held::AGAIN if self.is_plain => self.put_plain(last),
                    Held::AGAIN => self.index(self.last),
                    Held::NONE => self.put_none(held.start),
                    _ => {
                        last = held.text(lines).unwrap_or_default();
                        self.put_hashed(last, hash);
                    }
                }
            }
        }
        held.clear();
        self.held = held;
    }

    /// Hashes of texts, and all that they are looked up with asked for, so that it is near then.
    #[inline]
    fn foresee(&mut self, some: &mut [Held], lines: &[u8], hashes: &mut [u64; AT_ONCE]) {
        if self.is_plain {
            return;
        }
        let (mut before, mut before_hash, mut same) = (None, 0, 0);
        for (held, hash) in some.iter_mut().zip(&mut *hashes) {
            let Some(text) = held.text(lines) else { continue };
            if self.is_steady && before.is_some_and(|before| is_same(before, text)) {
                (held.length, same) = (Held::AGAIN, same + 1);
                continue;
            }
            *hash = self.seed.text(text);
            same += usize::from(*hash == before_hash);
            (before, before_hash) = (Some(text), *hash);
        }
        self.is_steady = same * 4 > some.len() * 3;
        if !self.is_steady {
            self.dictionary.ask(&hashes[..some.len()]);
        }
    }

    /// A row with a text of elsewhere; nothing is held then.
    pub(super) fn put(&mut self, text: &[u8]) {
        self.put_hashed(text, self.seed.text(text));
    }

    fn put_none(&mut self, mut rows: u32) {
        while rows > 0 {
            rows -= self.pages.nulls(rows);
            if self.pages.is_full(0) {
                self.end_page();
            }
        }
    }

    #[inline]
    fn put_hashed(&mut self, text: &[u8], hash: u64) {
        if self.is_plain {
            return self.put_plain(text);
        }
        match self.dictionary.find(text, hash) {
            Ok(index) => self.index(index),
            Err(free) => {
                if self.does_not_pay() {
                    self.go_plain();
                    return self.put_plain(text);
                }
                let index = self.dictionary.add(text, hash, free);
                self.index(index);
            }
        }
    }

    #[inline]
    fn index(&mut self, index: u32) {
        self.last = index;
        self.pages.value();
        self.indices.push(index, self.dictionary.count());
        if self.pages.is_full(0) {
            self.end_page();
        }
    }

    fn put_plain(&mut self, text: &[u8]) {
        self.pages.value();
        put(text, &mut self.plain);
        if let Some(filter) = &mut self.filter {
            filter.insert(text);
        }
        if self.pages.is_full(self.plain.len()) {
            self.end_page();
        }
    }

    #[inline]
    fn does_not_pay(&self) -> bool {
        let (bytes, texts) = (self.dictionary.page().len(), self.dictionary.count() as u64);
        bytes > DICTIONARY_BYTES_MAX || (bytes > DICTIONARY_BYTES && texts * 2 > self.pages.values_of_all())
    }

    /// Texts are as they are from here on, and in the page at hand where it is the only one.
    fn go_plain(&mut self) {
        if self.has_filter {
            self.filter = Some(self.filter_of_dictionary(FILTER_TEXTS));
        }
        if self.pages.is_one() {
            let (dictionary, plain) = (&self.dictionary, &mut self.plain);
            self.indices.drain(dictionary.count(), |index| put(dictionary.text(index), plain));
            self.dictionary.clear();
        } else if self.pages.rows() > 0 {
            self.end_page();
        }
        self.is_plain = true;
    }

    fn filter_of_dictionary(&self, texts: u64) -> Sbbf {
        let filter = Sbbf::new_with_ndv_fpp(texts.min(FILTER_TEXTS), FILTER_ERRS);
        let mut filter = filter.unwrap_or_else(|_| Sbbf::new_with_num_of_bytes(0));
        self.dictionary.texts().for_each(|text| filter.insert(text));
        filter
    }

    /// What may be in the column, for who looks for one text.
    pub(super) fn filter(&mut self) -> Option<Sbbf> {
        if !self.has_filter {
            return None;
        }
        let texts = self.dictionary.count() as u64;
        let mut filter = self.filter.take().unwrap_or_else(|| self.filter_of_dictionary(texts));
        filter.fold_to_target_fpp(FILTER_ERRS);
        Some(filter)
    }

    pub(super) fn end_page(&mut self) {
        if self.is_plain {
            let plain = &self.plain;
            self.pages.end(Coding::Plain, plain.len(), |body| body.extend_from_slice(plain));
            self.plain.clear();
        } else {
            self.indices.end(self.dictionary.count(), &mut self.pages);
        }
    }

    /// The page of the dictionary, and its entries, where pages speak of them.
    pub(super) fn dictionary(&self) -> Option<(&[u8], usize)> {
        let has_none = self.is_plain && self.pages.is_one();
        (!has_none).then_some((self.dictionary.page(), self.dictionary.count()))
    }

    /// Forgets all, but for its memory.
    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.held.clear();
        self.indices.clear();
        self.dictionary.clear();
        self.plain.clear();
        (self.last, self.is_steady, self.is_plain, self.filter) = (0, false, false, None);
    }

    pub(super) fn memory(&self) -> usize {
        let filter = self.filter.as_ref().map_or(0, |filter| filter.num_blocks() * 32);
        self.pages.memory()
            + self.held.len() * size_of::<Held>()
            + self.indices.memory()
            + self.dictionary.memory()
            + self.plain.len()
            + filter
    }
}
