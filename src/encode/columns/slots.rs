//! Which of many values it is: a table of open addresses, whose values are elsewhere.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Turns values to numbers that nobody can foresee who does not know it: values come from whoever sends requests.
#[derive(Clone, Copy)]
pub(super) struct Seed(u64, u64);

impl Seed {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self(random.hash_one(0_u8), random.hash_one(1_u8) | 1)
    }

    #[inline]
    pub(super) fn number(self, number: u64) -> u64 {
        fold(number ^ self.0, self.1)
    }

    /// Sixteen bytes at a time: a product of two words, whose halves are folded into one.
    #[inline]
    pub(super) fn text(self, text: &[u8]) -> u64 {
        let count = text.len();
        let mut sum = self.0 ^ count as u64;
        let mut rest = text;
        while rest.len() > 16 {
            if let Some((sixteen, after)) = rest.split_first_chunk::<16>() {
                sum = fold(low(sixteen) ^ self.1, high(sixteen) ^ sum);
                rest = after;
            }
        }
        let (first, last) = if let Some(sixteen) = text.last_chunk::<16>() {
            (low(sixteen), high(sixteen))
        } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        } else if let (Some(first), Some(last)) = (text.first(), text.last()) {
            (u64::from(*first) << 8 | u64::from(text[count / 2]), u64::from(*last))
        } else {
            (0, 0)
        };
        fold(first ^ self.1, last ^ sum)
    }
}

#[inline]
fn low(sixteen: &[u8; 16]) -> u64 {
    u128::from_le_bytes(*sixteen) as u64
}

#[inline]
fn high(sixteen: &[u8; 16]) -> u64 {
    (u128::from_le_bytes(*sixteen) >> 64) as u64
}

#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// A slot: half of the hash, then the number of the value, from 1; 0 where it is free.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<u64>,
    taken: usize,
}

const LEAST: usize = 64;

impl Slots {
    /// The number of the value with this hash that is the `same`, or where it would be.
    #[inline]
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        if self.slots.is_empty() {
            return Err(0);
        }
        let mut at = (hash >> 32) as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(at);
            }
            let index = slot as u32 - 1;
            if slot >> 32 == hash >> 32 && same(index) {
                return Ok(index);
            }
            at = (at + 1) & mask;
        }
    }

    /// Where this hash is looked for first, so that it is near then: the number of the value there, or 0. Without a branch: none waits for memory.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> u32 {
        let mask = self.slots.len().wrapping_sub(1);
        let slot = self.slots.get((hash >> 32) as usize & mask).copied().unwrap_or(0);
        (slot as u32).saturating_sub(1)
    }

    /// Takes what [`find`](Self::find) found free.
    pub(super) fn take(&mut self, free: usize, hash: u64, index: u32) {
        let slot = hash >> 32 << 32 | u64::from(index + 1);
        if self.taken * 2 >= self.slots.len() {
            self.grow();
            self.place(slot);
        } else {
            self.slots[free] = slot;
        }
        self.taken += 1;
    }

    fn place(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = (slot >> 32) as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let wider = (self.slots.len() * 2).max(LEAST);
        let before = std::mem::replace(&mut self.slots, vec![0; wider]);
        before.into_iter().filter(|slot| *slot != 0).for_each(|slot| self.place(slot));
    }

    pub(super) const fn memory(&self) -> usize {
        // A third of them is taken, on average.
        self.taken * 3 * size_of::<u64>()
    }

    /// Forgets all, but for its memory.
    pub(super) fn clear(&mut self) {
        // Few values in a large table would be far from each other.
        if self.taken * 16 < self.slots.len() {
            self.slots = Vec::new();
        }
        self.slots.fill(0);
        self.taken = 0;
    }
}
