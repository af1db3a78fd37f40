//! How long the values of an ordinary opening are, seen in a look at many bytes: addresses, names, digits.
//!
//! What is not ordinary has no length here; the steps then look at it byte by byte (`ending`).

use wide::u8x16;

use crate::record::positions::{BLOCK, Lane, mask};
use crate::record::window::Text;

/// The length of the address that stands at `at` and ends at a space: an IPv4 address, or something with the characters and
/// the look of an IPv6 address.
#[inline(always)]
pub(super) fn address_len<'a>(text: impl Text<'a>, at: usize) -> Option<usize> {
    let block = u8x16::new(*text.at(at)?);
    let dots = block.simd_eq(u8x16::splat(b'.')).to_bitmask();
    let len = block.simd_eq(u8x16::splat(b' ')).to_bitmask().trailing_zeros();
    let digits = ((block - u8x16::splat(b'0')).simd_le(u8x16::splat(9))).to_bitmask();
    let inside = ((1_u64 << len) - 1) as u32;
    let (dots, digits) = (dots & inside, digits & inside);
    // Beginning and end count as points too: no two may be neighbours, so that no group is empty.
    let marks = (dots | inside.wrapping_add(1)) << 1 | 1;
    let empty = marks & marks >> 1;
    let four_digits = digits & digits >> 1 & digits >> 2 & digits >> 3;
    let wrong = (dots | digits) ^ inside | dots.count_ones() ^ 3 | empty | four_digits | len >> 4;
    if wrong != 0 { ipv6_len(text.at(at)?) } else { Some(len as usize) }
}

/// The length of an IPv6 address without brackets, zone and port, of groups of at most four digits.
#[inline(never)]
fn ipv6_len(block: &[u8; BLOCK]) -> Option<usize> {
    let len = mask(block, |lane| lane.simd_eq(Lane::splat(b' '))).trailing_zeros();
    if len > 39 {
        return None;
    }
    let inside = (1 << len) - 1;
    let within =
        |lane: Lane, first: u8, count: u8| (lane - Lane::splat(first)).simd_le(Lane::splat(count - 1));
    let digits = inside & mask(block, |lane| within(lane, b'0', 10) | within(lane, b'a', 6));
    let colons = inside & mask(block, |lane| lane.simd_eq(Lane::splat(b':')));
    let pairs = colons & colons >> 1;
    let five_digits = digits & digits >> 1 & digits >> 2 & digits >> 3 & digits >> 4;
    let groups = colons.count_ones() + 1;
    ((digits | colons) == inside
        && (3..=8).contains(&groups)
        && pairs & pairs.wrapping_sub(1) == 0
        && five_digits == 0)
        .then_some(len as usize)
}

/// The length of the host name that begins `block`: letters, digits and a few signs, fewer than a block of them. It is not `-`.
#[inline(always)]
pub(super) fn host_len(block: &[u8; BLOCK]) -> Option<usize> {
    let within =
        |lane: Lane, first: u8, count: u8| (lane - Lane::splat(first)).simd_le(Lane::splat(count - 1));
    let host = mask(block, |lane| {
        within(lane | Lane::splat(0x20), b'a', 26)
            | within(lane, b'0', 10)
            | lane.simd_eq(Lane::splat(b'.'))
            | lane.simd_eq(Lane::splat(b'-'))
            | lane.simd_eq(Lane::splat(b'_'))
    });
    let len = host.trailing_ones() as usize;
    (len > 0 && len < BLOCK && (len > 1 || block[0] != b'-')).then_some(len)
}

/// The length of a user name of letters, digits and a few signs before ` [`. It cannot be taken for an address, and is not `-`.
#[inline]
pub(super) fn simple_name_len<'a>(text: impl Text<'a>, at: usize) -> Option<usize> {
    let simple = |[byte]: &[u8; 1]| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@');
    let len = (at..text.record_len()).take_while(|&at| text.at(at).is_some_and(simple)).count();
    let absent = len == 1 && text.at(at) == Some(b"-");
    (len > 0 && !absent && text.at(at + len) == Some(b" [")).then_some(len)
}

/// The first `byte` of `text` between `at` and `end`, else `end`. A block is looked at as a whole, without a branch that depends on
/// it; only what is farther away is searched for.
#[inline(always)]
pub(super) fn first_before<'a>(byte: u8, text: impl Text<'a>, at: usize, end: usize) -> usize {
    let Some(block) = text.at(at) else { return search(byte, text, at, end) };
    let hits = mask(block, |lane| lane.simd_eq(Lane::splat(byte)));
    if hits == 0 && end > at + BLOCK {
        return search(byte, text, at + BLOCK, end);
    }
    end.min(at + hits.trailing_zeros() as usize)
}

/// As [`first_before`], byte for byte.
#[cold]
fn search<'a>(byte: u8, text: impl Text<'a>, at: usize, end: usize) -> usize {
    (at..end).find(|&at| text.at(at) == Some(&[byte])).unwrap_or(end)
}

/// The next quote of `text` from `at` on, if nothing but plain text stands before it: printable ASCII without backslash.
#[inline(always)]
pub(super) fn plain_end<'a>(text: impl Text<'a>, mut at: usize) -> Option<usize> {
    while at < text.record_len() {
        let Some(block) = text.at(at) else { return plain_end_near(text, at) };
        let plain = mask(block, |lane| {
            // Less 32, printable ASCII is at most 94, and everything else more.
            let printable = (lane - Lane::splat(b' ')).simd_le(Lane::splat(b'~' - b' '));
            printable & !(lane.simd_eq(Lane::splat(b'"')) | lane.simd_eq(Lane::splat(b'\\')))
        });
        let len = plain.trailing_ones() as usize;
        at += len;
        if len < BLOCK {
            return (text.at(at) == Some(b"\"")).then_some(at);
        }
    }
    None
}

/// As [`plain_end`], byte for byte, near the end of all that is there.
#[cold]
fn plain_end_near<'a>(text: impl Text<'a>, at: usize) -> Option<usize> {
    let special = |at: &usize| match text.at(*at) {
        Some([byte]) => !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'),
        None => true,
    };
    let end = (at..text.record_len()).find(special)?;
    (text.at(end) == Some(b"\"")).then_some(end)
}

/// How many capital letters begin `block`, one at least and fewer than sixteen.
#[inline(always)]
pub(super) fn capitals_len(block: &[u8; 16]) -> Option<usize> {
    let block = u8x16::new(*block);
    let capitals = (block - u8x16::splat(b'A')).simd_le(u8x16::splat(25)).to_bitmask();
    let len = capitals.trailing_ones() as usize;
    (1..16).contains(&len).then_some(len)
}

/// True for ` HTTP/1.1` and other versions of two digits.
#[inline(always)]
pub(super) fn is_protocol(text: &[u8; 9]) -> bool {
    let [first @ .., minor] = text;
    // The seventh byte is the major version.
    let but_one = u64::from_le_bytes(*first) & !(0xff << 48);
    but_one == u64::from_le_bytes(*b" HTTP/\0.") && first[6].is_ascii_digit() && minor.is_ascii_digit()
}

/// True for `" 200 `, the quote that ends a request and the status after it.
#[inline(always)]
pub(super) fn is_status(text: &[u8; 6]) -> bool {
    let [quote, before, a, b, c, behind] = *text;
    let digits = u32::from_le_bytes([a, b, c, b'0']) ^ 0x3030_3030;
    [quote, before, behind] == *b"\"  " && (digits.wrapping_add(0x0606_0606) | digits) & 0xf0f0_f0f0 == 0
}

/// The digits that stand at `at`; eight of them are looked at together.
#[inline(always)]
pub(super) fn digits_len<'a>(text: impl Text<'a>, at: usize) -> usize {
    if let Some(block) = text.at::<8>(at) {
        let word = u64::from_le_bytes(*block) ^ 0x3030_3030_3030_3030;
        // A byte is now at most 9 for a digit; adding 0x76 lifts anything else below 128 over 127. A carry can only reach
        // bytes behind the first that is no digit.
        let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
        if others != 0 {
            return (others.trailing_zeros() / 8) as usize;
        }
    }
    (at..text.record_len()).take_while(|&at| text.at(at).is_some_and(|[byte]| byte.is_ascii_digit())).count()
}
