//! A record whose every value has a place of its own.
//!
//! Most formats give each value one place in the text, and most records of such a format are alike: then a record is a row, as
//! of a table, and what is done to it can be decided for each place at start. *In*: where values stand. *Out*: the same, by
//! place. *Promised*: values of a row are printable ASCII without quote and backslash, so that no form of input or output escapes
//! a byte of them. *Not here*: records that repeat, nest or escape ([`Parsed`](super::span::Parsed) can hold any).

use std::ops::Range;

use super::texts::Known;

/// Places that a row can have.
pub const PLACES_MAX: usize = 16;

/// A place of the rows of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index into [`Layout::slots`](super::span::Layout::slots).
    pub slot: u16,
    /// True when a value may hold anything that somebody wrote. The others keep to a grammar of digits or capital letters in
    /// which nothing can be an identifier.
    pub is_free: bool,
}

/// Where the values of one record stand, counted from its first byte. Reused from record to record; it holds no content.
#[derive(Clone, Default)]
pub struct Row {
    starts: [u32; PLACES_MAX],
    ends: [u32; PLACES_MAX],
    present: u32,
    /// The value of one place, if it is a text that came before.
    known: Option<(usize, Known)>,
}

impl Row {
    /// Begins another record.
    #[inline]
    pub fn clear(&mut self) {
        self.present = 0;
        self.known = None;
    }

    /// The value of `place` (below [`PLACES_MAX`]) is bytes `start..end`, unless it is absent.
    #[inline]
    pub fn put(&mut self, place: usize, absent: bool, start: usize, end: usize) {
        self.starts[place] = start as u32;
        self.ends[place] = end as u32;
        self.present |= u32::from(!absent) << place;
    }

    /// The value of `place` is this text.
    #[inline]
    pub fn put_known(&mut self, place: usize, known: Option<Known>) {
        self.known = known.map(|known| (place, known));
    }

    /// The place (below [`PLACES_MAX`]) whose value is a text that came before, and that text.
    #[inline]
    pub const fn known_place(&self) -> Option<(usize, Known)> {
        self.known
    }

    /// The text that the value of `place` is, if it came before.
    #[inline]
    pub fn known(&self, place: usize) -> Option<Known> {
        self.known.filter(|(known, _)| *known == place).map(|(_, known)| known)
    }

    /// A bit for each place that has a value.
    #[inline]
    pub const fn present(&self) -> u32 {
        self.present
    }

    /// The bytes of the value of `place`, which is present.
    #[inline]
    pub fn range(&self, place: usize) -> Range<usize> {
        self.starts[place % PLACES_MAX] as usize..self.ends[place % PLACES_MAX] as usize
    }
}

/// The places of a set of bits, ascending.
#[inline]
pub fn places(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (place < PLACES_MAX).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_are_present() {
        let mut row = Row::default();
        row.put(0, false, 0, 4);
        row.put(1, true, 5, 6);
        row.put(2, false, 7, 9);
        assert_eq!(row.present(), 0b101);
        assert_eq!(places(row.present()).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(row.range(2), 7..9);
        assert_eq!(row.known(2), None);
    }
}
