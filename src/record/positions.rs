//! Places in a batch that one pass of byte classes has found: 64 bytes a step, a mask of 64 bits, a list.
//!
//! A batch is looked at as a whole because a record is short: a search that begins and ends in every value spends its time
//! on beginning and ending. [`Positions`] writes a few places a step, whether there are as many or not, and counts how many were
//! meant (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019, section 3.1.4): a loop that ends after one place in one
//! block and after three in the next is mispredicted in most.

/// Bytes in one step: as many as a mask has bits.
pub const BLOCK: usize = 64;

/// The widest vector that the build may use without asking. Wider types are emulated, and slow, where the build is not told of
/// wider registers.
#[cfg(target_feature = "avx2")]
pub type Lane = wide::u8x32;

/// Sixteen bytes, which every x86-64 and aarch64 has.
#[cfg(not(target_feature = "avx2"))]
pub type Lane = wide::u8x16;

/// Bytes of a [`Lane`].
pub const LANE: usize = size_of::<Lane>();

/// Calls `step` with every block of `bytes` and where it begins; the last one is padded with zero bytes.
#[inline]
pub fn blocks(bytes: &[u8], mut step: impl FnMut(&[u8; BLOCK], usize)) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let padded = if rest.is_empty() { None } else { Some(&last) };
    // One loop with one call in it, so that the step becomes part of the loop and its constants stay in registers.
    for (place, block) in blocks.iter().chain(padded).enumerate() {
        step(block, place * BLOCK);
    }
}

/// The mask of the bytes of `block` for which `wanted` sets its lane.
#[inline]
pub fn mask(block: &[u8; BLOCK], wanted: impl Fn(Lane) -> Lane) -> u64 {
    let (lanes, _) = block.as_chunks::<LANE>();
    let mut mask = 0;
    for (place, &lane) in lanes.iter().enumerate() {
        mask |= u64::from(wanted(Lane::new(lane)).to_bitmask()) << (place * LANE);
    }
    mask
}

/// An ascending list of places, below 4 GiB.
#[derive(Default)]
pub struct Positions {
    /// Beyond `len` stand places that were not meant.
    all: Vec<u32>,
    len: usize,
}

impl Positions {
    /// Forgets them, keeping the memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds the bits of `mask`, of which bit 0 is place `base`. `STEP` places are written together: as many as most blocks have.
    #[inline]
    pub fn add<const STEP: usize>(&mut self, mut mask: u64, base: usize) {
        let count = mask.count_ones() as usize;
        if let Some(room) = self.all.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut::<STEP>()) {
            for place in room {
                *place = base as u32 + mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
            }
            self.len += count.min(STEP);
        }
        if mask != 0 {
            self.add_rest(mask, base);
        }
    }

    /// Adds what did not fit.
    #[cold]
    fn add_rest(&mut self, mut mask: u64, base: usize) {
        while mask != 0 {
            if self.len == self.all.len() {
                self.all.resize((self.len * 2).max(1024), 0);
            }
            self.all[self.len] = base as u32 + mask.trailing_zeros();
            self.len += 1;
            mask &= mask - 1;
        }
    }

    /// Forgets the places from `end` on.
    pub fn end_at(&mut self, end: usize) {
        while self.all().last().is_some_and(|&at| at as usize >= end) {
            self.len -= 1;
        }
    }

    /// The places.
    #[inline]
    pub fn all(&self) -> &[u32] {
        &self.all[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_those_of_a_loop(masks in proptest::collection::vec(any::<u64>().prop_map(|m| m & m >> 7), 0..60)) {
            let mut positions = Positions::default();
            positions.add::<3>(u64::MAX, 0);
            positions.clear();
            let mut obvious = Vec::new();
            for (block, &mask) in masks.iter().enumerate() {
                positions.add::<3>(mask, block * BLOCK);
                obvious.extend((0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| (block * BLOCK) as u32 + bit));
            }
            prop_assert_eq!(positions.all(), &obvious[..]);
        }

        #[test]
        fn masks_are_those_of_a_loop(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut found = Vec::new();
            blocks(&text, |block, base| {
                let mask = mask(block, |lane| lane.simd_eq(Lane::splat(b'a')) | lane.simd_ge(Lane::splat(200)));
                found.extend((0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| base + bit));
            });
            let wanted = |&at: &usize| text[at] == b'a' || text[at] >= 200;
            prop_assert_eq!(found, (0..text.len()).filter(wanted).collect::<Vec<_>>());
        }
    }
}
