//! The words of JSON (RFC 8259): strings, numbers, literals, white space.
//!
//! *In*: the record and a position. *Out*: the position after the word. *Promised*: every function is total, reads each byte
//! a bounded number of times, allocates nothing, and accepts exactly the grammar of RFC 8259. *Not here*: objects and arrays
//! (the walk in `mod.rs`), decoding (`record::escape`), UTF-8 (checked once for the whole record by the caller).

use crate::record::span::Refusal;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// What stands between the quotes of a string.
#[derive(Clone, Copy)]
pub(super) struct Text {
    /// First byte after the opening quote.
    pub start: usize,
    /// The closing quote.
    pub end: usize,
    /// True when there is a backslash in it.
    pub escaped: bool,
}

/// The first byte at or after `at` that is not white space.
#[inline]
pub(super) fn space(record: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = record.get(at) {
        at += 1;
    }
    at
}

/// Reads a string whose opening quote stands just before `start`.
#[inline]
pub(super) fn string(record: &[u8], start: usize) -> Result<Text, Refusal> {
    let mut at = start;
    let mut escaped = false;
    loop {
        at = plain(record, at);
        match record.get(at) {
            None => return Err(Refusal::Truncated),
            Some(b'"') => return Ok(Text { start, end: at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape(record, at + 1)?;
            }
            // A control character, which must be escaped inside a string.
            Some(_) => return Err(Refusal::BadJson),
        }
    }
}

/// The first quote, backslash or control character at or after `at`: eight bytes at a time.
#[inline]
fn plain(record: &[u8], mut at: usize) -> usize {
    while let Some(eight) = record.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        // The classic tests for a zero byte and for a byte below 32: a borrow can only raise false alarms above the first
        // true one, and the lowest is the one we take.
        let hit = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 32) & !word);
        let hit = hit & HIGHS;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = record.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 32 {
            break;
        }
        at += 1;
    }
    at
}

/// Reads an escape whose backslash stands just before `at`. Half a surrogate pair is refused: no text has it.
fn escape(record: &[u8], at: usize) -> Result<usize, Refusal> {
    match record.get(at) {
        None => Err(Refusal::Truncated),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let (unit, at) = four(record, at + 1)?;
            match unit {
                0xD800..=0xDBFF => {
                    for (offset, wanted) in [b'\\', b'u'].into_iter().enumerate() {
                        match record.get(at + offset) {
                            None => return Err(Refusal::Truncated),
                            Some(&byte) if byte == wanted => {}
                            Some(_) => return Err(Refusal::BadJson),
                        }
                    }
                    match four(record, at + 2)? {
                        (0xDC00..=0xDFFF, at) => Ok(at),
                        _ => Err(Refusal::BadJson),
                    }
                }
                0xDC00..=0xDFFF => Err(Refusal::BadJson),
                _ => Ok(at),
            }
        }
        Some(_) => Err(Refusal::BadJson),
    }
}

/// Four hexadecimal digits.
fn four(record: &[u8], at: usize) -> Result<(u32, usize), Refusal> {
    let mut unit = 0;
    for offset in 0..4 {
        let byte = *record.get(at + offset).ok_or(Refusal::Truncated)?;
        let digit = char::from(byte).to_digit(16).ok_or(Refusal::BadJson)?;
        unit = unit * 16 + digit;
    }
    Ok((unit, at + 4))
}

/// Reads a number that begins at `at` (a digit or a minus sign) and returns its end.
#[inline]
pub(super) fn number(record: &[u8], mut at: usize) -> Result<usize, Refusal> {
    if record.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match record.get(at) {
        Some(b'0') => at + 1,
        _ => digits(record, at)?,
    };
    if record.get(at) == Some(&b'.') {
        at = digits(record, at + 1)?;
    }
    if let Some(b'e' | b'E') = record.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = record.get(at) {
            at += 1;
        }
        at = digits(record, at)?;
    }
    Ok(at)
}

/// One digit at least.
#[inline]
fn digits(record: &[u8], start: usize) -> Result<usize, Refusal> {
    let mut at = start;
    while record.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    match (at == start, at == record.len()) {
        (false, _) => Ok(at),
        (true, true) => Err(Refusal::Truncated),
        (true, false) => Err(Refusal::BadJson),
    }
}

/// Reads one of the three words `true`, `false`, `null`, whose first letter stands at `at`.
#[inline]
pub(super) fn literal(record: &[u8], at: usize) -> Result<usize, Refusal> {
    let rest = record.get(at..).unwrap_or_default();
    let word: &[u8] = match rest.first() {
        Some(b't') => b"true",
        Some(b'f') => b"false",
        Some(b'n') => b"null",
        Some(_) => return Err(Refusal::BadJson),
        None => return Err(Refusal::Truncated),
    };
    if rest.starts_with(word) {
        Ok(at + word.len())
    } else if word.starts_with(rest) {
        Err(Refusal::Truncated)
    } else {
        Err(Refusal::BadJson)
    }
}
