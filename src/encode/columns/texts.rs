//! A column of text: numbers of what stands in a dictionary, and text as it is where a dictionary does not pay.

use parquet::bloom_filter::Sbbf;

use super::page::{Coding, Indices, PAGE_BYTES, Pages};
use super::slots::{Seed, Slots};

/// Bytes of a dictionary from which on it must pay: two rows for each of its texts.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Bytes of a dictionary, whatever it pays: a reader keeps it whole.
const DICTIONARY_BYTES_MAX: usize = 8 << 20;
/// Texts that a filter is made for, at most; one of fewer is smaller.
const FILTER_TEXTS: u64 = 1 << 17;
/// What a filter says yes to without having it, at most: the default of the Parquet library.
const FILTER_ERRS: f64 = 0.05;

/// Each text once, as a dictionary's page has them: with the length before it.
#[derive(Default)]
struct Dictionary {
    slots: Slots,
    starts: Vec<u32>,
    page: Vec<u8>,
}

impl Dictionary {
    /// The text's number, or where it would be.
    #[inline]
    fn find(&self, text: &[u8], hash: u64) -> Result<u32, usize> {
        self.slots.find(hash, |index| {
            let start = self.starts[index as usize] as usize;
            let known = &self.page[start..];
            known.split_first_chunk::<4>().is_some_and(|(length, known)| {
                u32::from_le_bytes(*length) as usize == text.len() && begins(known, text)
            })
        })
    }

    fn add(&mut self, text: &[u8], hash: u64, free: usize) -> u32 {
        let index = self.starts.len() as u32;
        self.slots.take(free, hash, index);
        self.starts.push(self.page.len() as u32);
        put(text, &mut self.page);
        index
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.starts.iter().skip(1).map(|start| *start as usize).chain([self.page.len()]);
        self.starts.iter().zip(ends).map(|(start, end)| &self.page[*start as usize + 4..end])
    }

    const fn memory(&self) -> usize {
        self.slots.memory() + self.starts.capacity() * size_of::<u32>() + self.page.capacity()
    }
}

/// With its length before it.
fn put(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// Whether `text` begins so: sixteen bytes at a time, the last sixteen once more, without a call.
#[inline]
pub(super) fn begins(text: &[u8], so: &[u8]) -> bool {
    let Some(text) = text.get(..so.len()) else { return false };
    if let (Some(last), Some(so_last)) = (text.last_chunk::<16>(), so.last_chunk::<16>()) {
        let (text, so) = (text.as_chunks::<16>().0, so.as_chunks::<16>().0);
        return u128::from_le_bytes(*last) == u128::from_le_bytes(*so_last)
            && text.iter().zip(so).all(|(text, so)| u128::from_le_bytes(*text) == u128::from_le_bytes(*so));
    }
    if let (Some(first), Some(last), Some(so_first), Some(so_last)) =
        (text.first_chunk::<8>(), text.last_chunk::<8>(), so.first_chunk::<8>(), so.last_chunk::<8>())
    {
        return first == so_first && last == so_last;
    }
    if let (Some(first), Some(last), Some(so_first), Some(so_last)) =
        (text.first_chunk::<4>(), text.last_chunk::<4>(), so.first_chunk::<4>(), so.last_chunk::<4>())
    {
        return first == so_first && last == so_last;
    }
    text.iter().zip(so).all(|(text, so)| text == so)
}

/// The column.
pub(super) struct Texts {
    pub pages: Pages,
    seed: Seed,
    indices: Indices,
    dictionary: Dictionary,
    last: u32,
    /// As it is, from here on.
    is_plain: bool,
    plain: Vec<u8>,
    has_filter: bool,
    /// Of what is not in the dictionary.
    filter: Option<Sbbf>,
}

impl Texts {
    pub(super) fn new(has_filter: bool) -> Self {
        Self {
            pages: Pages::default(),
            seed: Seed::new(),
            indices: Indices::default(),
            dictionary: Dictionary::default(),
            last: 0,
            is_plain: false,
            plain: Vec::new(),
            has_filter,
            filter: None,
        }
    }

    #[inline]
    pub(super) fn put(&mut self, text: &[u8]) {
        if self.is_plain {
            return self.put_plain(text);
        }
        let hash = self.seed.text(text);
        match self.dictionary.find(text, hash) {
            Ok(index) => self.index(index),
            Err(free) => {
                let is_large = self.dictionary.page.len() > DICTIONARY_BYTES_MAX;
                if is_large || self.indices.breaks(self.dictionary.starts.len() as u32) {
                    self.end_page();
                    if self.does_not_pay() {
                        self.go_plain();
                        return self.put_plain(text);
                    }
                }
                let index = self.dictionary.add(text, hash, free);
                self.index(index);
            }
        }
    }

    /// The text of the row before once more; false where it is not known any more.
    #[inline]
    pub(super) fn repeat(&mut self) -> bool {
        if !self.is_plain {
            self.index(self.last);
        }
        !self.is_plain
    }

    #[inline]
    fn index(&mut self, index: u32) {
        self.last = index;
        self.pages.value();
        if self.indices.push(index, self.dictionary.starts.len()) || self.pages.is_full() {
            self.end_page();
            if self.does_not_pay() {
                self.go_plain();
            }
        }
    }

    fn put_plain(&mut self, text: &[u8]) {
        self.pages.value();
        put(text, &mut self.plain);
        if let Some(filter) = &mut self.filter {
            filter.insert(text);
        }
        if self.plain.len() >= PAGE_BYTES || self.pages.is_full() {
            self.end_page();
        }
    }

    fn does_not_pay(&self) -> bool {
        let (bytes, texts) = (self.dictionary.page.len(), self.dictionary.starts.len() as u64);
        bytes > DICTIONARY_BYTES_MAX || (bytes > DICTIONARY_BYTES && texts * 2 > self.pages.values_of_all())
    }

    fn go_plain(&mut self) {
        self.is_plain = true;
        if self.has_filter {
            self.filter = Some(self.filter_of_dictionary(FILTER_TEXTS));
        }
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
        let texts = self.dictionary.starts.len() as u64;
        let mut filter = self.filter.take().unwrap_or_else(|| self.filter_of_dictionary(texts));
        filter.fold_to_target_fpp(FILTER_ERRS);
        Some(filter)
    }

    pub(super) fn end_page(&mut self) {
        if self.is_plain {
            self.pages.end(Coding::Plain, &[&self.plain]);
            self.plain.clear();
        } else {
            self.indices.end(self.dictionary.starts.len(), &mut self.pages);
        }
    }

    pub(super) fn dictionary(&self) -> (&[u8], usize) {
        (&self.dictionary.page, self.dictionary.starts.len())
    }

    pub(super) fn memory(&self) -> usize {
        let filter = self.filter.as_ref().map_or(0, |filter| filter.num_blocks() * 32);
        self.pages.memory()
            + self.indices.memory()
            + self.dictionary.memory()
            + self.plain.capacity()
            + filter
    }
}
