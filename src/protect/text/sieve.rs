//! The sieve: one pass of byte-class masks that leaves a few positions worth a strict look.
//!
//! *In*: any bytes. *Out*: ascending positions. *Promised*: every identifier that a confirmer accepts holds at least one of
//! the positions; a longer text never loses a position that a part of it has, because no test is ever negated.
//! *Not here*: deciding. Most positions are false, and cost a few nanoseconds each.
//!
//! ```text
//! per 64 bytes: five masks (separator, colon, '@ % J', 'b z', 'a e')
//!   three separators, each 2 to 5 bytes after the one before   → dotted or dashed quad, ip6.arpa, dashed address
//!   four, where the last is a colon (times have two or three)  → IPv6 written out, hardware address
//!   two separators side by side                                → `::`, and `--` of a dashed IPv6 address
//!   two separators exactly 5 bytes apart                       → hardware address with dots
//!   @  %  J  ba be za ze                                       → e-mail, escapes, JWT, Basic, Bearer, authorization
//! ```
//! A separator is one of `.:-_`, all in one mask: what mixes them is rare in text and is refused by the first comparison of a
//! confirmer, while a mask per separator (and one for digits, which the patterns have between them) doubled the cost of
//! every block. All patterns are marked at their *last* separator and look back, so that the only state between blocks is
//! the masks of the block before. Bit `k` of a mask is byte `k` of the block; `after(m, n)` is "n bytes after those of m".

use crate::record::positions::{BLOCK, ByteSet, Lane, mask};

/// No keys are looked for.
pub const NOTHING: u8 = 0;
/// Keys of parameters: each `=`.
pub const PARAMETERS: u8 = 1;
/// Whatever stands between a key and its value, or opens or closes one.
pub const MESSAGES: u8 = 2;

/// What of a block reaches into the next.
#[derive(Default)]
struct Carry {
    separator: u64,
    second: u64,
    third: u64,
    word: u64,
    /// What can end a key before its colon.
    key: u64,
    open: u64,
    comma: u64,
    /// The end of an escape of XML.
    escaped: u64,
    space: u64,
    /// A space behind a word.
    behind_word: u64,
    /// The last two letters of `user`, `for` and `as`.
    second_last: u64,
    last: u64,
    /// Small hexadecimal digits, and where two and four of them end.
    hex: u64,
    pair: u64,
    four: u64,
}

/// The mask of two to five bytes after each byte of `now` and of `then`, the block before.
#[inline]
const fn after_2_to_5(now: u64, then: u64) -> u64 {
    /// By the last five bits of the block before: how far they reach.
    const REACH: [u8; 32] = {
        let mut reach = [0; 32];
        let mut last = 0;
        while last < 32 {
            reach[last] = (last | last >> 1 | last >> 2 | last >> 3) as u8;
            last += 1;
        }
        reach
    };
    let two = now | now << 1;
    (two | two << 2) << 2 | REACH[(then >> 59) as usize] as u64
}

/// The mask of `n` bytes after.
#[inline]
const fn after(now: u64, then: u64, n: u32) -> u64 {
    now << n | then >> (64 - n)
}

const SEPARATORS: ByteSet = ByteSet::of(b".-_:");
const RARE: ByteSet = ByteSet::of(b"@%J");
const QUOTES: ByteSet = ByteSet::of(b"\"';");
const OPENINGS: ByteSet = ByteSet::of(b"\"'`");
const LAST: ByteSet = ByteSet::of(b"rs");
const SECOND_LAST: ByteSet = ByteSet::of(b"aeo");
const WORDS: ByteSet = ByteSet::of(b"bz");
const VOWELS: ByteSet = ByteSet::of(b"ae");

impl Carry {
    /// The positions of one block worth a look.
    #[inline(always)]
    fn step<const KEYS: u8>(&mut self, block: &[u8; BLOCK]) -> u64 {
        let lower = |lane: Lane| lane | Lane::splat(0x20);
        let separator = mask(block, |lane| SEPARATORS.within(lane));
        let colon = mask(block, |lane| lane.simd_eq(Lane::splat(b':')));
        let rare = mask(block, |lane| RARE.within(lane));
        let word = mask(block, |lane| WORDS.within(lower(lane)));
        let vowel = mask(block, |lane| VOWELS.within(lower(lane)));
        let second = separator & after_2_to_5(separator, self.separator);
        let third = separator & after_2_to_5(second, self.second);
        let beside = after(separator, self.separator, 1) | after(separator, self.separator, 5);
        let found = (third & !colon)
            | (colon & after_2_to_5(third, self.third))
            | (separator & beside)
            | rare
            | (vowel & after(word, self.word, 1));
        let (mut key, mut open, mut comma, mut escaped, mut keyed) = (0, 0, 0, 0, 0);
        let (mut space, mut behind_word, mut second_last, mut last) = (0, 0, 0, 0);
        let (mut hex, mut pair, mut four) = (0, 0, 0);
        if KEYS == PARAMETERS {
            keyed = mask(block, |lane| lane.simd_eq(Lane::splat(b'=')));
        } else if KEYS == MESSAGES {
            let letter =
                |lane: Lane| lower(lane).simd_ge(Lane::splat(b'a')) & Lane::splat(b'z').simd_ge(lower(lane));
            let is = |byte: u8| mask(block, |lane| lane.simd_eq(Lane::splat(byte)));
            key = mask(block, |lane| letter(lane) | QUOTES.within(lane));
            (open, comma, escaped) = (is(b'<'), is(b','), is(b';'));
            keyed = (colon & after(key, self.key, 1))
                | (is(b'/') & after(open | escaped, self.open | self.escaped, 1))
                | is(b'{')
                | is(b'=')
                | ((open | is(b'"')) & after(comma, self.comma, 1));
            // Behind a word: what encloses a value, or the space before one.
            space = is(b' ');
            last = mask(block, |lane| LAST.within(lower(lane)));
            second_last = mask(block, |lane| SECOND_LAST.within(lower(lane)));
            let opening = mask(block, |lane| OPENINGS.within(lane));
            behind_word = space & after(key, self.key, 1);
            keyed |= (colon & after(behind_word, self.behind_word, 1))
                | (opening & after(behind_word, self.behind_word, 1))
                | (open & after(space, self.space, 1))
                | (space & after(last, self.last, 1) & after(second_last, self.second_last, 2));
            let digit = |lane: Lane| lane.simd_ge(Lane::splat(b'0')) & Lane::splat(b'9').simd_ge(lane);
            let hex_letter = |lane: Lane| lane.simd_ge(Lane::splat(b'a')) & Lane::splat(b'f').simd_ge(lane);
            hex = mask(block, |lane| digit(lane) | hex_letter(lane));
            pair = hex & after(hex, self.hex, 1);
            four = pair & after(pair, self.pair, 2);
            keyed |= four & after(four, self.four, 4);
        }
        *self = Self {
            separator,
            second,
            third,
            word,
            key,
            open,
            comma,
            escaped,
            space,
            behind_word,
            second_last,
            last,
            hex,
            pair,
            four,
        };
        found | keyed
    }
}

/// The positions of a text of one block at most, as bits. Those of a shorter text are the lowest of them: a position depends on
/// what stands before it alone.
#[inline]
pub fn of_block(block: &[u8; BLOCK]) -> u64 {
    Carry::default().step::<NOTHING>(block)
}

/// The equals signs of a block, as bits.
#[inline]
pub fn equals(block: &[u8; BLOCK]) -> u64 {
    mask(block, |lane| lane.simd_eq(Lane::splat(b'=')))
}

/// Calls `visit` with every position worth a look of the first `len` bytes of `behind`, in ascending order. What follows them is
/// looked at with them, and does not count.
#[inline]
pub fn each<const KEYS: u8>(behind: &[u8], len: usize, mut visit: impl FnMut(usize)) {
    let mut carry = Carry::default();
    let mut last = [0; BLOCK];
    let mut base = 0;
    // One loop with one call in it, so that the step becomes part of the loop and its constants stay in registers.
    while base < len {
        let block = behind[base..].first_chunk().unwrap_or_else(|| {
            // Zero bytes are of no class, so padding marks nothing.
            last[..behind.len() - base].copy_from_slice(&behind[base..]);
            &last
        });
        let mut found = carry.step::<KEYS>(block);
        if len - base < BLOCK {
            found &= !(u64::MAX << (len - base));
        }
        while found != 0 {
            visit(base + found.trailing_zeros() as usize);
            found &= found - 1;
        }
        base += BLOCK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        each::<NOTHING>(text, text.len(), |at| found.push(at));
        found
    }

    #[test]
    fn plain_text_leaves_nothing() {
        let agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0 at 12:34:56";
        assert_eq!(marks(agent), Vec::<usize>::new());
    }

    #[test]
    fn patterns_are_marked_wherever_the_block_ends() {
        for pattern in [
            &b"192.0.2.1"[..],
            b"2001:db8::1",
            b"1:2:3:4:5:6:7:8",
            b"a@b",
            b"1-2-3-4",
            b"00-1a-2b-3c-4d-5e",
            b"0012.3456.789a",
        ] {
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
}
