//! Pieces of a line of JSON.

use wide::u8x16;

/// A value as it stands in its line.
#[derive(Clone, Copy)]
pub(super) enum Value<'l> {
    /// What is between the quotes of a string; whether something in it is escaped.
    Text(&'l [u8], bool),
    /// Anything else: a number, a word, an array.
    Bare(&'l [u8]),
}

impl<'l> Value<'l> {
    /// What it is without quotes.
    pub(super) const fn text(self) -> &'l [u8] {
        let (Self::Text(text, _) | Self::Bare(text)) = self;
        text
    }
}

/// Where a string ends, from behind its first quote, and whether something in it is escaped.
#[inline]
pub(super) fn string_end(text: &[u8]) -> Option<(usize, bool)> {
    let mut at = 0;
    // Strings are short: no call, sixteen bytes at a time.
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let block = u8x16::new(*block);
        let hits = (block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))).to_bitmask();
        if hits != 0 {
            at += hits.trailing_zeros() as usize;
            return if text[at] == b'"' { Some((at, false)) } else { escaped_end(text, at) };
        }
        at += 16;
    }
    escaped_end(text, at).map(|(end, _)| (end, memchr::memchr(b'\\', &text[at..end]).is_some()))
}

/// The same, from a place on.
fn escaped_end(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((at, true));
        }
        at += 2;
    }
}

/// The value that `text` begins with, and its length there.
#[inline]
pub(super) fn value(text: &[u8]) -> Option<(Value<'_>, usize)> {
    if let Some(string) = text.strip_prefix(b"\"") {
        let (end, is_escaped) = string_end(string)?;
        return Some((Value::Text(&string[..end], is_escaped), end + 2));
    }
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at += 1 + string_end(&text[at + 1..])?.0,
            b'[' | b'{' => depth += 1,
            b'}' | b',' if depth == 0 => break,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
    (at > 0 && depth == 0).then(|| (Value::Bare(&text[..at]), at))
}

/// A whole number of 64 bits.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    // Up to 18 digits cannot be too many.
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    Some(text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}
