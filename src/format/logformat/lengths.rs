//! How long the values of an ordinary opening are, seen in a look at many bytes: addresses, names, digits.
//!
//! What is not ordinary has no length here; the steps then look at it byte by byte (`ending`).

#![allow(clippy::inline_always, reason = "see `opening`")]

use memchr::memchr;
use wide::u8x16;

use crate::record::positions::{BLOCK, Lane, mask};

/// The length of the address that begins `text` and ends at a space: an IPv4 address, or something with the characters and
/// the look of an IPv6 address.
#[inline(always)]
pub(super) fn address_len(text: &[u8]) -> Option<usize> {
    let block = u8x16::new(*text.first_chunk()?);
    let dots = block.simd_eq(u8x16::splat(b'.')).to_bitmask();
    let len = block.simd_eq(u8x16::splat(b' ')).to_bitmask().trailing_zeros();
    let digits = ((block - u8x16::splat(b'0')).simd_le(u8x16::splat(9))).to_bitmask();
    if len > 15 {
        return ipv6_len(text);
    }
    let inside = (1 << len) - 1;
    let (dots, digits) = (dots & inside, digits & inside);
    // Beginning and end count as points too: no two may be neighbours, so that no group is empty.
    let marks = (dots | 1 << len) << 1 | 1;
    let empty = marks & marks >> 1;
    let four_digits = digits & digits >> 1 & digits >> 2 & digits >> 3;
    if (dots | digits) != inside || dots.count_ones() != 3 || (empty | four_digits) != 0 {
        return ipv6_len(text);
    }
    Some(len as usize)
}

/// The length of an IPv6 address without brackets, zone and port, of groups of at most four digits.
#[inline(never)]
fn ipv6_len(text: &[u8]) -> Option<usize> {
    let block: &[u8; BLOCK] = text.first_chunk()?;
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

/// The length of a user name of letters, digits and a few signs before ` [`. It cannot be taken for an address, and is not `-`.
#[inline]
pub(super) fn simple_name_len(text: &[u8]) -> Option<usize> {
    let len =
        text.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@')))?;
    (len > 0 && text[..len] != *b"-" && text[len..].starts_with(b" [")).then_some(len)
}

/// The first `byte` of `text` between `at` and `end`, else `end`. A block is looked at as a whole, without a branch that depends on
/// it; only what is farther away is searched for.
#[inline(always)]
pub(super) fn first_before(byte: u8, text: &[u8], at: usize, end: usize) -> usize {
    let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) else {
        return search(byte, text, at, end);
    };
    let hits = mask(block, |lane| lane.simd_eq(Lane::splat(byte)));
    if hits == 0 && end > at + BLOCK {
        return search(byte, text, at + BLOCK, end);
    }
    end.min(at + hits.trailing_zeros() as usize)
}

/// As [`first_before`], byte for byte.
#[cold]
fn search(byte: u8, text: &[u8], at: usize, end: usize) -> usize {
    text.get(at..end).and_then(|between| memchr(byte, between)).map_or(end, |len| at + len)
}

/// The next quote of `text` from `at` on, if nothing but plain text stands before it: printable ASCII without backslash.
#[inline(always)]
pub(super) fn plain_end(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(block) = text.get(at..)?.first_chunk() {
        let plain = mask(block, |lane| {
            // Less 32, printable ASCII is at most 94, and everything else more.
            let printable = (lane - Lane::splat(b' ')).simd_le(Lane::splat(b'~' - b' '));
            printable & !(lane.simd_eq(Lane::splat(b'"')) | lane.simd_eq(Lane::splat(b'\\')))
        });
        let len = plain.trailing_ones() as usize;
        at += len;
        if len < BLOCK {
            return (text.get(at) == Some(&b'"')).then_some(at);
        }
    }
    let special = |byte: &u8| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\');
    at += text[at..].iter().position(special)?;
    (text[at] == b'"').then_some(at)
}

/// How many capital letters begin `text`, one at least and fewer than sixteen.
#[inline(always)]
pub(super) fn capitals_len(text: &[u8]) -> Option<usize> {
    let block = u8x16::new(*text.first_chunk()?);
    let capitals = (block - u8x16::splat(b'A')).simd_le(u8x16::splat(25)).to_bitmask();
    let len = capitals.trailing_ones() as usize;
    (1..16).contains(&len).then_some(len)
}

/// The digits that begin `text`; eight of them are looked at together.
#[inline(always)]
pub(super) fn digits_len(text: &[u8]) -> usize {
    if let Some(block) = text.first_chunk::<8>() {
        let word = u64::from_le_bytes(*block) ^ 0x3030_3030_3030_3030;
        // A byte is now at most 9 for a digit; adding 0x76 lifts anything else below 128 over 127. A carry can only reach
        // bytes behind the first that is no digit.
        let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
        if others != 0 {
            return (others.trailing_zeros() / 8) as usize;
        }
    }
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}
