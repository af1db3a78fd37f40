//! The sieve: one pass of byte-class masks that leaves a few positions worth a strict look.
//!
//! *In*: any bytes. *Out*: ascending positions. *Promised*: every identifier that a confirmer accepts holds at least one of
//! the positions; a longer text never loses a position that a part of it has, because no test is ever negated.
//! *Not here*: deciding. Most positions are false, and cost a few nanoseconds each.
//!
//! ```text
//! per 64 bytes: seven masks (digit, hex letter, dot, colon, dash or underscore, '@ % J', 'b z')
//!   digit . digit           three such dots, 2 to 4 apart      → dotted quad
//!   hex . hex               two, exactly 5 apart               → hardware address with dots
//!                           eight, exactly 2 apart             → ip6.arpa
//!   hex : hex               four, 2 to 5 apart                 → IPv6 written out, hardware address
//!   ::                      always                             → IPv6
//!   digit - digit           three, 2 to 4 apart                → dashed quad in a host name
//!   hex - hex               five, 2 to 5 apart                 → dashed IPv6, hardware address
//!   hex -- hex              always                             → dashed IPv6
//!   @  %  J  ba be za       always                             → e-mail, escapes, JWT, Basic, Bearer, authorization
//! ```
//! All patterns are marked at their *last* byte and look back, so that the only state between blocks is the masks of the
//! block before. Position `k` of a mask is byte `k` of the block; `back(m, n)` is "n bytes ago".

use wide::u8x16;

/// Bytes in one step: as many as a mask has bits.
pub const BLOCK: usize = 64;

/// The masks of the block before, as far as they reach into the next.
#[derive(Default)]
struct Carry {
    digit: u64,
    hex: u64,
    dot: u64,
    colon: u64,
    dash: u64,
    word: u64,
    dotted: [u64; 2],
    nibble: [u64; 2],
    groups: [u64; 3],
    dashed: [u64; 2],
    parts: [u64; 4],
    hex_dot: u64,
}

/// The mask of `n` bytes ago.
#[inline]
const fn back(now: u64, then: u64, n: u32) -> u64 {
    (now << n) | (then >> (64 - n))
}

/// The masks of two to four bytes ago, together.
#[inline]
const fn back_2_to_4(now: u64, then: u64) -> u64 {
    back(now, then, 2) | back(now, then, 3) | back(now, then, 4)
}

/// The masks of two to five bytes ago, together.
#[inline]
const fn back_2_to_5(now: u64, then: u64) -> u64 {
    back_2_to_4(now, then) | back(now, then, 5)
}

/// The byte classes of one block.
#[derive(Default)]
struct Classes {
    digit: u64,
    letter: u64,
    dot: u64,
    colon: u64,
    dash: u64,
    rare: u64,
    word: u64,
}

impl Classes {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut classes = Self::default();
        for quarter in 0..4 {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&block[quarter * 16..quarter * 16 + 16]);
            let v = u8x16::new(bytes);
            let shift = quarter * 16;
            let put = |mask: &mut u64, found: u8x16| *mask |= u64::from(found.to_bitmask()) << shift;
            let is = |byte: u8| v.simd_eq(u8x16::splat(byte));
            let digit = v - u8x16::splat(b'0');
            put(&mut classes.digit, digit.min(u8x16::splat(9)).simd_eq(digit));
            let letter = (v | u8x16::splat(0x20)) - u8x16::splat(b'a');
            put(&mut classes.letter, letter.min(u8x16::splat(5)).simd_eq(letter));
            put(&mut classes.word, letter.simd_eq(u8x16::splat(1)) | letter.simd_eq(u8x16::splat(25)));
            put(&mut classes.dot, is(b'.'));
            put(&mut classes.colon, is(b':'));
            put(&mut classes.dash, is(b'-') | is(b'_'));
            put(&mut classes.rare, is(b'@') | is(b'%') | is(b'J'));
        }
        classes
    }
}

impl Carry {
    /// The positions of one block worth a look.
    #[inline]
    fn step(&mut self, block: &[u8; BLOCK]) -> u64 {
        let c = Classes::of(block);
        let hex = c.digit | c.letter;
        let dot = back(c.dot, self.dot, 1);
        let colon = back(c.colon, self.colon, 1);
        let dash = back(c.dash, self.dash, 1);
        let digit_2 = back(c.digit, self.digit, 2);
        let hex_2 = back(hex, self.hex, 2);

        let dotted = c.digit & dot & digit_2;
        let dotted_2 = dotted & back_2_to_4(dotted, self.dotted[0]);
        let quad = dotted & back_2_to_4(dotted_2, self.dotted[1]);
        let hex_dot = hex & dot & hex_2;
        let cisco = hex_dot & back(hex_dot, self.hex_dot, 5);
        let nibble_2 = hex_dot & back(hex_dot, self.hex_dot, 2);
        let nibble_4 = nibble_2 & back(nibble_2, self.nibble[0], 4);
        let nibble_8 = nibble_4 & back(nibble_4, self.nibble[1], 8);

        let double = c.colon & colon;
        let group = hex & colon & hex_2;
        let group_2 = group & back_2_to_5(group, self.groups[0]);
        let group_3 = group & back_2_to_5(group_2, self.groups[1]);
        let group_4 = group & back_2_to_5(group_3, self.groups[2]);

        let dashed = c.digit & dash & digit_2;
        let dashed_2 = dashed & back_2_to_4(dashed, self.dashed[0]);
        let dashed_3 = dashed & back_2_to_4(dashed_2, self.dashed[1]);
        let part = hex & dash & hex_2;
        let part_2 = part & back_2_to_5(part, self.parts[0]);
        let part_3 = part & back_2_to_5(part_2, self.parts[1]);
        let part_4 = part & back_2_to_5(part_3, self.parts[2]);
        let part_5 = part & back_2_to_5(part_4, self.parts[3]);
        let gap = hex & dash & back(c.dash, self.dash, 2) & back(hex, self.hex, 3);

        let word = c.letter & back(c.word, self.word, 1);

        *self = Self {
            digit: c.digit,
            hex,
            dot: c.dot,
            colon: c.colon,
            dash: c.dash,
            word: c.word,
            dotted: [dotted, dotted_2],
            nibble: [nibble_2, nibble_4],
            groups: [group, group_2, group_3],
            dashed: [dashed, dashed_2],
            parts: [part, part_2, part_3, part_4],
            hex_dot,
        };
        quad | cisco | nibble_8 | double | group_4 | dashed_3 | part_5 | gap | c.rare | word
    }
}

/// Calls `visit` with every position of `text` worth a look, in ascending order.
#[inline]
pub fn each(text: &[u8], mut visit: impl FnMut(usize)) {
    let mut carry = Carry::default();
    let mut base = 0;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for block in blocks {
        let mut found = carry.step(block);
        while found != 0 {
            visit(base + found.trailing_zeros() as usize);
            found &= found - 1;
        }
        base += BLOCK;
    }
    if !rest.is_empty() {
        // Zero bytes are of no class, so padding marks nothing.
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let mut found = carry.step(&block);
        while found != 0 {
            visit(base + found.trailing_zeros() as usize);
            found &= found - 1;
        }
    }
}

/// The positions of a whole buffer of many records, found in one pass; see [`super::Candidates`] for its use.
#[derive(Default)]
pub struct Positions {
    all: Vec<u32>,
    cursor: usize,
}

impl Positions {
    /// Replaces the positions by those of `buffer`. Memory is kept from call to call. A buffer beyond `u32` cannot occur
    /// (batches are bounded far below); positions past it are left out and [`Self::covers`] says so.
    pub fn scan(&mut self, buffer: &[u8]) {
        self.all.clear();
        self.cursor = 0;
        each(&buffer[..buffer.len().min(u32::MAX as usize)], |at| self.all.push(at as u32));
    }

    /// The positions inside `start..end`. Fast when ranges come in ascending order, right in any.
    #[inline]
    pub fn within(&mut self, start: usize, end: usize) -> &[u32] {
        let all = &self.all;
        let mut first = self.cursor;
        if first > 0 && all[first - 1] as usize >= start {
            first = all.partition_point(|&at| (at as usize) < start);
        }
        while first < all.len() && (all[first] as usize) < start {
            first += 1;
        }
        let mut last = first;
        while last < all.len() && (all[last] as usize) < end {
            last += 1;
        }
        self.cursor = last;
        &self.all[first..last]
    }

    /// How many positions there are; a measure of how much text looks like an identifier.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True when nothing in the buffer is worth a look.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        each(text, |at| found.push(at));
        found
    }

    #[test]
    fn plain_text_leaves_nothing() {
        let agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0 at 12:34:56";
        assert_eq!(marks(agent), Vec::<usize>::new());
    }

    #[test]
    fn patterns_are_marked_wherever_the_block_ends() {
        for pattern in
            [&b"192.0.2.1"[..], b"2001:db8::1", b"1:2:3:4:5:6:7:8", b"a@b", b"1-2-3-4", b"00-1a-2b-3c-4d-5e"]
        {
            for lead in 0..150 {
                let mut text = vec![b' '; lead];
                text.extend_from_slice(pattern);
                let found = marks(&text);
                assert!(!found.is_empty(), "lead {lead}");
                let alone: Vec<usize> = marks(pattern).iter().map(|at| at + lead).collect();
                assert_eq!(found, alone, "lead {lead}");
            }
        }
    }

    #[test]
    fn ranges_may_come_in_any_order() {
        let text = b"a@b 192.0.2.1 c@d ::1";
        let mut positions = Positions::default();
        positions.scan(text);
        for (start, end) in [(0, 4), (4, 14), (14, 17), (0, 21), (15, 18), (4, 14), (0, 0), (21, 21)] {
            let want: Vec<u32> =
                positions.all.iter().copied().filter(|&at| (start..end).contains(&(at as usize))).collect();
            assert_eq!(positions.within(start, end), want);
        }
    }
}
