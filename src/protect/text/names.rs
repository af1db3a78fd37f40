//! Names that a record's own fields gave, wherever else in the record they stand.

use super::bytes::{decoded_at, escape_before};
use super::{Finding, What};
use crate::record::positions::{LANE, Lane};

/// A name of one byte would be found in every second word.
const NAME_MIN: usize = 2;

/// The beginning of a longer name counts as the name, so that no place is compared further than this in vain.
const NAME_MAX: usize = 256;

/// Adds to `out` (ascending, as [`find`](super::find) left it) where the `names` stand in `text` as whole words: in any case,
/// plain or percent-encoded, with `+` for a space. A word ends where letters and digits end: `alice` stands in `/~alice/` and
/// `alice_2.jpg`, not in `malice`. The names are decoded and in UTF-8 where they are text; shorter ones than two bytes are not
/// searched. Cost: the length of the text times the number of names, with a bound on how far each place is compared.
pub fn find_names(text: &[u8], names: &[&[u8]], out: &mut Vec<Finding>) {
    let settled = out.len();
    for (index, name) in names.iter().enumerate().take(256) {
        if name.len() < NAME_MIN {
            continue;
        }
        let (beginning, rest) = name.split_at(name.len().min(NAME_MAX));
        let start = Start::of(name);
        let mut place = 0;
        while let Some(start) = start.next(text, place) {
            place = start + 1;
            if word_before(text, start) {
                continue;
            }
            let (mut end, whole) = matched(text, start, beginning);
            if !whole {
                continue;
            }
            if rest.is_empty() {
                if word_at(text, end) {
                    continue;
                }
            } else {
                end = matched(text, end, rest).0;
            }
            out.push(Finding { start, end, what: What::Name(index as u8) });
            place = end;
        }
    }
    if out.len() > settled {
        join(out);
    }
}

/// Sorts findings and makes one of those that share bytes; the longest says what it is.
pub fn join(out: &mut Vec<Finding>) {
    // Of two with the same bytes the name decides: a login that is a mail address has the token of its field. What a learned name
    // looks like by itself counts more, unless that is a mail address.
    out.sort_unstable_by_key(|found| {
        let rank = match found.what {
            What::Name(index) => u16::from(index),
            What::Learned(_) => 0x101,
            What::Email => 0x102,
            _ => 0x100,
        };
        (found.start, found.end, rank)
    });
    let mut kept = 0;
    let mut longest = out.first().map_or(0, |first| first.end - first.start);
    for place in 1..out.len() {
        let next = out[place];
        let last = &mut out[kept];
        if next.start < last.end {
            if next.end - next.start > longest {
                longest = next.end - next.start;
                last.what = next.what;
            }
            last.end = last.end.max(next.end);
        } else {
            kept += 1;
            out[kept] = next;
            longest = next.end - next.start;
        }
    }
    out.truncate(kept + 1);
}

/// How a name begins in a text.
enum Start {
    /// Two bytes of ASCII, in lower case; each may be written as an escape or as another character of that lower case.
    Pair(u8, u8),
    /// One of these bytes, or an escape.
    Bytes(u8, u8),
}

impl Start {
    fn of(name: &[u8]) -> Self {
        match name {
            [first, second, ..] if first.is_ascii_alphanumeric() && second.is_ascii_alphanumeric() => {
                Self::Pair(first.to_ascii_lowercase(), second.to_ascii_lowercase())
            }
            _ => {
                let (small, large) = first_bytes(name);
                Self::Bytes(small, large)
            }
        }
    }

    /// The next place from `place` on at which the name may begin.
    #[inline]
    fn next(&self, text: &[u8], mut place: usize) -> Option<usize> {
        let &Self::Pair(first, second) = self else {
            let &Self::Bytes(small, large) = self else { return None };
            return memchr::memchr3(small, large, b'%', &text[place..]).map(|found| place + found);
        };
        // Letters of two bytes are rare enough where a name of ASCII begins: most texts are passed in a few looks.
        let escape = Lane::splat(b'%');
        let is = |lane: Lane, byte: u8| (lane | Lane::splat(0x20)).simd_eq(Lane::splat(byte | 0x20));
        while let (Some(here), Some(next)) = (chunk(text, place), chunk(text, place + 1)) {
            let begins = is(here, first) | here.simd_eq(escape);
            let goes_on = is(next, second)
                | next.simd_eq(escape)
                | next.simd_ge(Lane::splat(0x80))
                | here.simd_eq(escape);
            let hits = (begins & goes_on).to_bitmask();
            if hits != 0 {
                return Some(place + hits.trailing_zeros() as usize);
            }
            place += LANE;
        }
        let rest = text.get(place..)?;
        rest.iter()
            .position(|byte| *byte == b'%' || byte.eq_ignore_ascii_case(&first))
            .map(|found| place + found)
    }
}

/// The bytes of `text` from `at` on that are looked at together.
#[inline]
fn chunk(text: &[u8], at: usize) -> Option<Lane> {
    text.get(at..)?.first_chunk().map(|chunk| Lane::new(*chunk))
}

/// The bytes that the name can begin with, in its two cases.
fn first_bytes(name: &[u8]) -> (u8, u8) {
    match character(name) {
        Some((first, _)) => {
            let mut bytes = [0; 4];
            let lower = lower(first).encode_utf8(&mut bytes).as_bytes()[0];
            let upper = first.to_uppercase().next().unwrap_or(first).encode_utf8(&mut bytes).as_bytes()[0];
            (lower, upper)
        }
        None => (name[0], name[0]),
    }
}

/// The simple lower case of a character.
fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

/// The first character of `bytes` and its length, if it is UTF-8.
fn character(bytes: &[u8]) -> Option<(char, usize)> {
    let length = match bytes.first()? {
        0..0x80 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
        _ => return None,
    };
    let first = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
    Some((first, length))
}

/// The character at `at`, percent-decoded where it is escaped, and how many bytes of the text it takes.
pub fn decoded_character(text: &[u8], at: usize) -> Option<(char, usize)> {
    let (first, mut taken) = decoded_at(text, at)?;
    if first < 0x80 {
        return Some((first as char, taken));
    }
    let mut bytes = [first, 0, 0, 0];
    let length = match first {
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
        _ => return None,
    };
    for byte in &mut bytes[1..length] {
        let (next, length) = decoded_at(text, at + taken)?;
        *byte = next;
        taken += length;
    }
    character(&bytes[..length]).map(|(found, _)| (found, taken))
}

/// How far `text` is the name from `start` on, and whether that is the whole name.
fn matched(text: &[u8], start: usize, name: &[u8]) -> (usize, bool) {
    let mut here = start;
    let mut rest = name;
    while !rest.is_empty() {
        let (length, taken) = match character(rest) {
            Some((wanted, length)) => match decoded_character(text, here) {
                Some((found, taken)) if same(wanted, found) => (length, taken),
                _ => return (here, false),
            },
            None => match decoded_at(text, here) {
                Some((found, taken)) if found == rest[0] => (1, taken),
                _ => return (here, false),
            },
        };
        rest = &rest[length..];
        here += taken;
    }
    (here, true)
}

/// The same character but for its case; `+` is how forms write a space.
fn same(wanted: char, found: char) -> bool {
    wanted == found || (wanted == ' ' && found == '+') || lower(wanted) == lower(found)
}

/// True when a letter or digit ends just before `start`.
fn word_before(text: &[u8], start: usize) -> bool {
    let Some(&byte) = start.checked_sub(1).and_then(|place| text.get(place)) else { return false };
    if let Some((byte, _)) = escape_before(text, start) {
        return byte.is_ascii_alphanumeric() || byte >= 0x80;
    }
    if byte < 0x80 {
        return byte.is_ascii_alphanumeric();
    }
    let first = (start.saturating_sub(4)..start).rev().find(|&place| text[place] & 0xC0 != 0x80);
    first.and_then(|first| character(&text[first..start])).is_none_or(|(found, _)| found.is_alphanumeric())
}

/// True when a letter or digit begins at `end`.
fn word_at(text: &[u8], end: usize) -> bool {
    match decoded_character(text, end) {
        Some((found, _)) => found.is_alphanumeric(),
        None => text.get(end).is_some_and(|&byte| byte >= 0x80),
    }
}
