//! A JSON record with its values treated: the same keys in the same order, and nothing that was not mapped.
//!
//! *In*: the shape and the parts of a parsed record, its raw bytes, and a writer of treated values. *Out*: one line of JSON, valid for
//! the same parser. *Promised*: nothing of the raw record is copied but mapped keys and the fixed text between the parts of
//! one string; nothing is allocated. *Not here*: the treatment, and the escaping of what the writer writes.
//!
//! The writer appends what stands between the quotes of a JSON string, escaped. Whether quotes are needed is decided here: a
//! value that was a string stays one; a number, `true` or `false` stays bare when what was written still is one, and becomes
//! a string when a token replaced it.

use crate::record::span::{Part, Shape};

/// What the writer did with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The value was appended, escaped for the inside of a JSON string.
    Value,
    /// The value does not leave; nothing was appended. Its key goes, or its place in a string of several parts.
    Dropped,
}

/// Appends the record to `out`, without a newline. `write` is called once for each part that the shape names, in order, with
/// its index and where to append.
pub fn same_json(
    shape: &[Shape],
    parts: &[Part],
    raw: &[u8],
    out: &mut Vec<u8>,
    mut write: impl FnMut(usize, &mut Vec<u8>) -> Written,
) {
    // Which brackets are open, one bit each: true for an object. The parser bounds nesting far below 64.
    let mut objects: u64 = 0;
    let record = out.len();
    for &step in shape {
        match step {
            Shape::Open { bracket, start, end } => {
                begin(record, raw, start, end, out);
                out.push(bracket);
                objects = (objects << 1) | u64::from(bracket == b'{');
            }
            Shape::Close => {
                out.push(if objects & 1 == 1 { b'}' } else { b']' });
                objects >>= 1;
            }
            Shape::Value { part, parts: count, start, end, value_start, value_end, quoted } => {
                let before = out.len();
                begin(record, raw, start, end, out);
                let value = out.len();
                if quoted {
                    out.push(b'"');
                }
                let range = part as usize..(part + count) as usize;
                let kept = string(range, parts, raw, (value_start, value_end), out, &mut write);
                if !kept {
                    out.truncate(before);
                } else if quoted {
                    out.push(b'"');
                } else if !is_bare(&out[value..]) {
                    out.insert(value, b'"');
                    out.push(b'"');
                }
            }
        }
    }
}

/// The comma, if one is needed, and the key with its colon. `record` is where the record begins in `out`.
fn begin(record: usize, raw: &[u8], start: u32, end: u32, out: &mut Vec<u8>) {
    if out.len() > record && !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
    if start < end {
        out.push(b'"');
        out.extend_from_slice(&raw[start as usize..end as usize]);
        out.extend_from_slice(b"\":");
    }
}

/// The parts of one value with the fixed text between them. False when none of them leaves.
fn string(
    range: std::ops::Range<usize>,
    parts: &[Part],
    raw: &[u8],
    value: (u32, u32),
    out: &mut Vec<u8>,
    write: &mut impl FnMut(usize, &mut Vec<u8>) -> Written,
) -> bool {
    let several = range.len() > 1;
    // A string without a part (an absent request, `-`) is fixed text.
    let mut kept = range.is_empty();
    let mut at = value.0;
    for index in range {
        let part = parts[index];
        out.extend_from_slice(&raw[at as usize..part.start as usize]);
        at = part.end;
        match write(index, out) {
            Written::Value => kept = true,
            // A query goes with its question mark; another part of a request line leaves the mark for absent.
            Written::Dropped if several && out.last() == Some(&b'?') => {
                out.pop();
            }
            Written::Dropped if several => out.push(b'-'),
            Written::Dropped => {}
        }
    }
    out.extend_from_slice(&raw[at as usize..value.1 as usize]);
    kept
}

/// True for a number or a word that JSON writes without quotes.
fn is_bare(text: &[u8]) -> bool {
    if matches!(text, b"true" | b"false") {
        return true;
    }
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (number, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match number.iter().position(|&byte| byte == b'.') {
        Some(place) => (&number[..place], Some(&number[place + 1..])),
        None => (number, None),
    };
    let exponent =
        exponent.map(|text| text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text));
    digits(whole)
        && (whole == b"0" || whole[0] != b'0')
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
