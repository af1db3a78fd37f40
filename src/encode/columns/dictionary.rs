//! Texts of a column, each once, and which of them another one is.

use std::hint::black_box;

use super::slots::Slots;

/// Texts that are looked up at once.
pub(super) const AT_ONCE: usize = 64;

/// Each text once, as a dictionary's page has them: with the length before it.
#[derive(Default)]
pub(super) struct Dictionary {
    slots: Slots,
    starts: Vec<u32>,
    page: Vec<u8>,
}

impl Dictionary {
    /// The text's number, or where it would be.
    #[inline]
    pub(super) fn find(&self, text: &[u8], hash: u64) -> Result<u32, usize> {
        self.slots.find(hash, |index| {
            let start = self.starts[index as usize] as usize;
            let known = &self.page[start..];
            known.split_first_chunk::<4>().is_some_and(|(length, known)| {
                u32::from_le_bytes(*length) as usize == text.len() && begins(known, text)
            })
        })
    }

    /// Asks for what texts with these hashes are compared with. The loops do nothing else, and no branch depends on what is read, so that as many
    /// reads are under way as the core can have.
    pub(super) fn ask(&self, hashes: &[u64]) {
        let Some(last) = self.starts.len().checked_sub(1) else { return };
        let mut guesses = [0; AT_ONCE];
        for (guess, hash) in guesses.iter_mut().zip(hashes) {
            *guess = self.slots.guess(*hash);
        }
        let mut sum = 0_u8;
        for guess in &guesses[..hashes.len().min(AT_ONCE)] {
            let start = self.starts[(*guess as usize).min(last)] as usize;
            sum ^= self.page[start];
        }
        // What is read is for nothing but to be near.
        black_box(sum);
    }

    pub(super) fn add(&mut self, text: &[u8], hash: u64, free: usize) -> u32 {
        let index = self.starts.len() as u32;
        self.slots.take(free, hash, index);
        self.starts.push(self.page.len() as u32);
        put(text, &mut self.page);
        index
    }

    pub(super) fn text(&self, index: u32) -> &[u8] {
        let start = self.starts[index as usize] as usize + 4;
        let end = self.starts.get(index as usize + 1).map_or(self.page.len(), |end| *end as usize);
        &self.page[start..end]
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.starts.len() as u32).map(|index| self.text(index))
    }

    /// How many.
    pub(super) const fn count(&self) -> usize {
        self.starts.len()
    }

    /// As a dictionary's page has them.
    pub(super) fn page(&self) -> &[u8] {
        &self.page
    }

    pub(super) const fn memory(&self) -> usize {
        self.slots.memory() + self.starts.len() * size_of::<u32>() + self.page.len()
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.starts.clear();
        self.page.clear();
    }
}

/// With its length before it.
pub(super) fn put(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// Whether they are equal, as [`begins`] compares.
#[inline]
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && begins(one, other)
}

/// Whether `text` begins so: sixteen bytes at a time, the last sixteen once more, without a call.
#[inline]
fn begins(text: &[u8], so: &[u8]) -> bool {
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
