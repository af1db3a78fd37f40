//! What a worker looks names up in: a filter that most words do not pass, and a table of hashes.
//!
//! ```text
//! first word ─▶ filter: 32 bits a name ─▶ table: is it a name? how many words have the names that begin with it?
//!                    97 % end here              │
//!                                               └─▶ hash of so many words of the text ─▶ table: is that a name?
//! ```
//! So a name takes two entries at most, whatever the number of its words, and a place of a text is compared no further than the
//! names that begin as it does.

use super::log::Entry;
use crate::protect::text::Sense;
use crate::record::timestamp::{MICROS, Timestamp};

/// One hash.
#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    hash: u64,
    /// When it is forgotten, in minutes since 1970: only compared.
    dies: u32,
    /// A bit for each number of words, from two on, that names which begin so have.
    pub(super) longer: u16,
    /// What the name is; nothing where these words only begin one.
    pub(super) sense: Option<Sense>,
}

/// Names that the smallest index has room for.
const NAMES_MIN: usize = 256;

/// Slots per name: two are used at most, and half of them stay empty so that a search ends soon.
const SLOTS_PER_NAME: usize = 4;

/// Bits of the filter per name: one word in thirty that begins no name passes.
const BITS_PER_NAME: usize = 32;

/// Names by their hashes. Empty it takes no memory.
#[derive(Default)]
pub(super) struct Index {
    filter: Vec<u64>,
    /// Bits of a [`Hasher::quick`](super::words::Hasher::quick) that the filter does not need.
    shift: u32,
    slots: Vec<Slot>,
    names: usize,
    /// How many names it has room for: a power of two, or nothing.
    room: usize,
}

impl Index {
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.names == 0
    }

    /// True when another name needs a larger index.
    pub(super) const fn is_full(&self) -> bool {
        self.names >= self.room
    }

    /// Forgets every name in place, and makes room for `names` and one more.
    pub(super) fn clear(&mut self, names: usize) {
        self.names = 0;
        self.filter.fill(0);
        self.slots.fill(Slot::default());
        if names >= self.room {
            self.room = (names + 1).next_power_of_two().max(NAMES_MIN);
            self.slots.resize(self.room * SLOTS_PER_NAME, Slot::default());
            let bits = self.room * BITS_PER_NAME;
            self.filter.resize(bits / 64, 0);
            self.shift = u32::BITS.saturating_sub(bits.trailing_zeros());
        }
    }

    /// What the first look at a word needs.
    #[inline]
    pub(super) fn filter(&self) -> Filter<'_> {
        Filter { words: &self.filter, shift: self.shift }
    }

    /// What is known of words.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<&Slot> {
        let slot = self.slots.get(self.place(hash)?)?;
        (!slot.is_empty()).then_some(slot)
    }

    /// Where a hash stands or would stand: one of two slots is empty, so the search ends.
    fn place(&self, hash: u64) -> Option<usize> {
        let last = self.slots.len().checked_sub(1)?;
        let mut place = hash as usize & last;
        while !self.slots[place].is_empty() && self.slots[place].hash != hash {
            place = (place + 1) & last;
        }
        Some(place)
    }

    /// True when nothing about a name would change.
    pub(super) fn knows(&self, entry: &Entry) -> bool {
        self.get(entry.hash).is_some_and(|slot| slot.is_as_strong_as(entry))
    }

    /// Adds a name, for which there is room. Of several entries of one name the latest death and the strongest sense count, in
    /// whatever order they come.
    pub(super) fn add(&mut self, entry: &Entry) {
        debug_assert!(!self.is_full(), "the caller made room");
        let Some(place) = self.place(entry.hash) else { return };
        let slot = &mut self.slots[place];
        self.names += usize::from(slot.sense.is_none());
        slot.hash = entry.hash;
        slot.dies = slot.dies.max(minutes(entry.life.dies));
        slot.sense = slot.sense.filter(|sense| rank(*sense) >= rank(entry.sense)).or(Some(entry.sense));
        if entry.words > 1
            && let Some(place) = self.place(entry.first)
        {
            let slot = &mut self.slots[place];
            (slot.hash, slot.longer) = (entry.first, slot.longer | longer(entry.words));
        }
        let (word, bit) = self.filter().bit(entry.quick);
        self.filter[word] |= 1 << bit;
    }
}

/// The first look at a word.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    words: &'a [u64],
    shift: u32,
}

impl Filter<'_> {
    /// True when a name may begin with the word of this [`Hasher::quick`](super::words::Hasher::quick).
    #[inline(always)]
    pub(super) fn passes(self, quick: u32) -> bool {
        let (word, bit) = self.bit(quick);
        self.words.get(word).is_some_and(|word| word >> bit & 1 != 0)
    }

    /// Where the bit of a word stands: its highest bits are the best.
    #[inline(always)]
    const fn bit(self, quick: u32) -> (usize, u32) {
        let bit = quick >> self.shift;
        ((bit / 64) as usize, bit % 64)
    }
}

impl Slot {
    const fn is_empty(&self) -> bool {
        self.longer == 0 && self.sense.is_none()
    }

    /// True when it lives as long as `entry`, and tells as much.
    fn is_as_strong_as(&self, entry: &Entry) -> bool {
        self.sense.is_some_and(|sense| rank(sense) >= rank(entry.sense))
            && self.dies >= minutes(entry.life.dies)
    }
}

/// The bit of a number of words, from two to [`WORDS_MAX`](super::words::WORDS_MAX).
#[inline]
pub(super) const fn longer(words: u8) -> u16 {
    1 << (words - 1)
}

/// Which of two senses of one name counts: that of which the policy lets least leave.
pub(super) const fn rank(sense: Sense) -> u8 {
    match sense {
        Sense::Name => 4,
        Sense::Stats => 3,
        Sense::User => 2,
        Sense::Room => 1,
        _ => 0,
    }
}

/// Epochs are no shorter than a minute.
fn minutes(instant: Timestamp) -> u32 {
    u32::try_from(instant.0 / (60 * MICROS)).unwrap_or(if instant.0 < 0 { 0 } else { u32::MAX })
}
