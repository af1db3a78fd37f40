//! Texts that come again and again, each known by a number.
//!
//! A few thousand user agents make nearly all lines of a web log, and half of their bytes. What was found out about such a text
//! is remembered by its number, and a text is known again by one comparison. *In*: a text. *Out*: its number, or nothing.
//! *Promised*: two texts never share a number; bounded; nothing is allocated after the first use. *Not here*: what is remembered.
//! A text stays in memory until another takes its place or it is forgotten: who finds that it names somebody forgets it.

use wide::u32x8;

use super::positions::{LANE, Lane};

/// Texts that one worker knows: 512 of 256 bytes are 128 KiB.
pub const TEXTS: usize = 512;

/// Bytes of the longest text that is known again.
const TEXT_BYTES: usize = 248;

/// Bytes that are compared without a branch; a longer text is compared byte for byte from there.
const NEAR: usize = 128;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Entry {
    serial: u32,
    len: u16,
    text: [u8; TEXT_BYTES],
}

/// The number of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    place: u16,
    serial: u32,
}

impl Known {
    /// Where what is known of the text may be kept, below [`TEXTS`]: until another text takes its place.
    #[inline]
    pub fn place(self) -> usize {
        usize::from(self.place)
    }
}

/// The texts that a worker knows.
pub struct Texts {
    entries: Vec<Entry>,
    last: u32,
}

impl Default for Texts {
    fn default() -> Self {
        Self { entries: vec![Entry { serial: 0, len: 0, text: [0; TEXT_BYTES] }; TEXTS], last: 0 }
    }
}

impl Texts {
    /// The number of the text of `len` bytes that begins `behind`, if it is known.
    #[inline(always)]
    pub fn find(&self, behind: &[u8], len: usize) -> Option<Known> {
        let near = behind.first_chunk::<NEAR>()?;
        let place = place(near, len);
        let entry = &self.entries[place];
        let same = near.as_chunks::<LANE>().0.iter().zip(entry.text.as_chunks::<LANE>().0).rev();
        let equal = same.fold(0_u128, |equal, (here, there)| {
            equal << LANE | u128::from(Lane::new(*here).simd_eq(Lane::new(*there)).to_bitmask())
        });
        let known = usize::from(entry.len) == len && equal.trailing_ones() as usize >= len.min(NEAR);
        (known && (len <= NEAR || behind.get(NEAR..len) == entry.text.get(NEAR..len)))
            .then_some(Known { place: place as u16, serial: entry.serial })
    }

    /// Gives the text of `len` bytes that begins `behind` a number of its own; `None` when it is too short or too long for that, or
    /// ends with all that is there.
    #[cold]
    pub fn keep(&mut self, behind: &[u8], len: usize) -> Option<Known> {
        let place = place(behind.first_chunk::<NEAR>()?, len);
        let text = behind.get(..len).filter(|text| !text.is_empty())?;
        let entry = &mut self.entries[place];
        entry.text.get_mut(..len)?.copy_from_slice(text);
        // After 4 billion texts the numbers are used up: nothing more is remembered.
        self.last = self.last.checked_add(1)?;
        (entry.serial, entry.len) = (self.last, len as u16);
        Some(Known { place: place as u16, serial: self.last })
    }

    /// Forgets a text.
    #[cold]
    pub fn forget(&mut self, known: Known) {
        let entry = &mut self.entries[usize::from(known.place)];
        if entry.serial == known.serial {
            *entry = Entry { serial: 0, len: 0, text: [0; TEXT_BYTES] };
        }
    }
}

/// Where a text of `len` bytes is looked for: by its length and each of its first bytes, since agents differ anywhere. Not keyed: a
/// client who makes collisions on purpose only makes his own lines slower.
#[inline(always)]
fn place(near: &[u8; NEAR], len: usize) -> usize {
    /// Bytes that leave a byte as it is, then as many that clear it: what follows the text must not count.
    const MASKS: [u8; 2 * NEAR] = {
        let mut masks = [0; 2 * NEAR];
        let mut at = 0;
        while at < NEAR {
            masks[at] = 0xff;
            at += 1;
        }
        masks
    };
    /// Odd, and without a pattern.
    const SPREAD: [u32; 4] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F];
    let masks = MASKS[NEAR - len.min(NEAR)..].first_chunk::<NEAR>().unwrap_or(&[0; NEAR]);
    let words = |bytes: &[u8; 32]| {
        let mut words = [0; 8];
        words
            .iter_mut()
            .zip(bytes.as_chunks::<4>().0)
            .for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
        u32x8::new(words)
    };
    let lanes = near.as_chunks::<32>().0.iter().zip(masks.as_chunks::<32>().0).zip(SPREAD);
    // Products that do not wait for one another.
    let mixed = lanes.fold(u32x8::splat(0), |mixed, ((here, mask), spread)| {
        mixed + (words(here) & words(mask)) * u32x8::splat(spread)
    });
    let lanes = mixed.to_array().into_iter().zip([0_u32, 9, 17, 25, 5, 13, 21, 29]);
    let folded = lanes.fold((len as u64) << 40, |folded, (lane, shift)| folded ^ u64::from(lane) << shift);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % TEXTS
}

/// What is remembered of known texts: one bit each.
pub struct Remembered {
    serials: Vec<u32>,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { serials: vec![0; TEXTS] }
    }
}

impl Remembered {
    /// True when it was said of this text.
    #[inline]
    pub fn holds(&self, known: Known) -> bool {
        self.serials[usize::from(known.place)] == known.serial
    }

    /// Says it of this text.
    pub fn say(&mut self, known: Known) {
        self.serials[usize::from(known.place)] = known.serial;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_known_until_it_is_forgotten() {
        let (mut texts, mut said) = (Texts::default(), Remembered::default());
        let behind = [b'x'; 200];
        assert_eq!(texts.find(&behind, 20), None);
        let known = texts.keep(&behind, 20).unwrap();
        assert_eq!(texts.find(&behind, 20), Some(known));
        assert!(texts.find(&behind, 21).is_none() && texts.find(&behind[..100], 20).is_none());
        assert!(!said.holds(known));
        said.say(known);
        assert!(said.holds(known));
        texts.forget(known);
        assert_eq!(texts.find(&behind, 20), None);
        assert!(!said.holds(texts.keep(&behind, 20).unwrap()), "a new number");
        assert!(texts.keep(&behind, 0).is_none() && texts.keep(&[b'x'; 300], 249).is_none());
    }

    proptest! {
        #[test]
        fn only_the_same_text_is_known(len in 1_usize..248, at in 0_usize..248, byte in any::<u8>(), behind in any::<u8>()) {
            let mut text = [b'a'; 300];
            let mut texts = Texts::default();
            let known = texts.keep(&text, len);
            // What follows the text does not matter.
            text[len..].fill(behind);
            prop_assert_eq!(texts.find(&text, len), known);
            text[at] = byte;
            prop_assert_eq!(texts.find(&text, len), known.filter(|_| at >= len || byte == b'a'));
        }
    }
}
