//! Places in a batch that one pass of byte classes has found: 64 bytes a step, a mask of 64 bits, a list.
//!
//! A batch is looked at as a whole because a record is short: a search that begins and ends in every record spends its time
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
    let count = blocks.len() + usize::from(!rest.is_empty());
    // One loop with one call in it, so that the step becomes part of the loop and its constants stay in registers.
    for place in 0..count {
        step(blocks.get(place).unwrap_or(&last), place * BLOCK);
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

/// A set of bytes, no two of which end in the same four bits: one look into a table and one comparison tell its members
/// (Muła and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", 2018, section 4, has the idea).
pub struct ByteSet {
    /// By low nibble, for each sixteen bytes of a lane: the member that ends so, or a byte that ends otherwise and so is never met.
    table: [u8; LANE],
}

impl ByteSet {
    /// The set of `members`.
    ///
    /// # Panics
    /// When two members end in the same four bits or one is no ASCII: made in constants only, so that it does not compile.
    pub const fn of(members: &[u8]) -> Self {
        let mut table = [0; LANE];
        let mut place = 0;
        while place < LANE {
            let nibble = place as u8 & 15;
            table[place] = nibble ^ 1;
            let mut member = 0;
            while member < members.len() {
                if members[member] & 15 == nibble {
                    assert!(
                        table[place] == nibble ^ 1 && members[member].is_ascii(),
                        "no two members end alike"
                    );
                    table[place] = members[member];
                }
                member += 1;
            }
            place += 1;
        }
        Self { table }
    }

    /// Sets the lanes of `bytes` that are members.
    #[inline]
    pub fn within(&self, bytes: Lane) -> Lane {
        if cfg!(any(target_feature = "ssse3", target_feature = "neon")) {
            return self.look_up(bytes & Lane::splat(15)).simd_eq(bytes);
        }
        // Without such an instruction, a look-up is a loop, and a few comparisons are better.
        let members = self.table.iter().zip(0_u8..16).filter(|(member, nibble)| **member & 15 == *nibble);
        members.fold(Lane::splat(0), |found, (&member, _)| found | bytes.simd_eq(Lane::splat(member)))
    }

    #[inline]
    fn look_up(&self, nibbles: Lane) -> Lane {
        let table = Lane::new(self.table);
        #[cfg(target_feature = "avx2")]
        return table.swizzle_half_relaxed(nibbles);
        #[cfg(not(target_feature = "avx2"))]
        return table.shuffle(nibbles);
    }
}

/// A byte for each low half of a byte, made at run time.
#[derive(Clone, Copy, Default)]
pub struct Nibbles {
    table: [u8; 16],
}

impl Nibbles {
    /// Adds bits to the entry of `byte`.
    pub fn add(&mut self, byte: u8, bits: u8) {
        self.table[usize::from(byte & 15)] |= bits;
    }

    /// The entry of `byte`.
    #[inline]
    pub fn of(&self, byte: u8) -> u8 {
        self.table[usize::from(byte & 15)]
    }

    /// The entries of many bytes.
    #[inline]
    pub fn look_up(&self, bytes: Lane) -> Lane {
        let nibbles = bytes & Lane::splat(15);
        let mut lane = [0; LANE];
        for half in lane.as_chunks_mut::<16>().0 {
            *half = self.table;
        }
        let table = Lane::new(lane);
        #[cfg(target_feature = "avx2")]
        return table.swizzle_half_relaxed(nibbles);
        #[cfg(not(target_feature = "avx2"))]
        return table.shuffle(nibbles);
    }
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
        let room = self.all.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut::<STEP>());
        let Some(room) = room.filter(|_| count <= STEP) else { return self.add_many(mask, base) };
        for place in room {
            *place = base as u32 + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
        self.len += count;
    }

    /// Adds one by one what is more than usual, or has no room.
    #[cold]
    fn add_many(&mut self, mut mask: u64, base: usize) {
        while mask != 0 {
            if self.len == self.all.len() {
                self.all.resize((self.len * 2).max(1024), 0);
            }
            self.all[self.len] = base as u32 + mask.trailing_zeros();
            self.len += 1;
            mask &= mask - 1;
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
        fn members_of_a_set_are_those_of_a_search(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            const SET: ByteSet = ByteSet::of(b".-_:");
            let mut found = Vec::new();
            blocks(&text, |block, base| {
                let mask = mask(block, |lane| SET.within(lane));
                found.extend((0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| base + bit));
            });
            prop_assert_eq!(found, (0..text.len()).filter(|&at| b".-_:".contains(&text[at])).collect::<Vec<_>>());
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
