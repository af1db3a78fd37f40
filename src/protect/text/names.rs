//! Names that a record's own fields gave, wherever else in the record they stand.

use super::bytes::{decoded_at, escape_before};
use super::{Finding, What};
use crate::record::positions::{LANE, Lane, Nibbles};

/// A name of one byte would be found in every second word.
const NAME_MIN: usize = 2;

/// The beginning of a longer name counts as the name, so that no place is compared further than this in vain.
const NAME_MAX: usize = 256;

/// Names that are looked for, and what their first two bytes can be.
///
/// All names are looked for in one pass: a name belongs to one of eight groups, and two looks into tables of sixteen entries, by the low half
/// of a byte and of the next, say which groups can begin there. (Letters of both cases share their low half.)
#[derive(Default)]
pub struct Needles {
    first: Nibbles,
    second: Nibbles,
    /// The first character of each, in lower case; none where a name is no text.
    letters: [Option<char>; NAMES_MAX],
    count: usize,
}

/// Names that are looked for at one time, at most.
pub const NAMES_MAX: usize = 16;

/// A bit for each byte of a lane.
const EVERY: u64 = u64::MAX >> (64 - LANE);

/// Groups of names: bits of a byte.
const GROUPS: usize = 8;

impl Needles {
    /// Forgets all names.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds the next name, decoded and in UTF-8 where it is text. One that is too short is never found.
    pub fn add(&mut self, name: &[u8]) {
        let group = 1 << (self.count % GROUPS);
        if let Some(letter) = self.letters.get_mut(self.count) {
            *letter = character(name).map(|(first, _)| lower(first));
        }
        self.count += 1;
        let [first, second, ..] = name else { return };
        if first.is_ascii() {
            self.first.add(*first, group);
        } else {
            let (small, large) = first_bytes(name);
            self.first.add(small, group);
            self.first.add(large, group);
        }
        match second {
            b' ' => {
                self.second.add(b' ', group);
                self.second.add(b'+', group);
            }
            _ if first.is_ascii() && second.is_ascii() => self.second.add(*second, group),
            _ => (0..16).for_each(|low| self.second.add(low, group)),
        }
    }

    /// Adds to `out` (ascending, as [`find`](super::find) left it) where the names stand in `text` as whole words: in any case, plain
    /// or percent-encoded, with `+` for a space. A word ends where letters and digits end: `alice` stands in `/~alice/` and
    /// `alice_2.jpg`, not in `malice`. `name` gives a name by its number. Cost: the length of the text, and a bounded comparison
    /// for each place where a name can begin.
    pub fn find<'n>(&self, text: &[u8], name: impl Fn(usize) -> &'n [u8], out: &mut Vec<Finding>) {
        let settled = out.len();
        let mut reached = [0; NAMES_MAX];
        let mut place = 0;
        while let Some((start, groups)) = self.next(text, place) {
            place = start + 1;
            if word_before(text, start) {
                continue;
            }
            let letter = decoded_character(text, start).map(|(found, _)| lower(found));
            for (index, reached) in reached.iter_mut().enumerate().take(self.count) {
                let begins = self.letters[index].is_none() || self.letters[index] == letter;
                if !begins || groups >> (index % GROUPS) & 1 == 0 || start < *reached {
                    continue;
                }
                if let Some(end) = whole_word(text, start, name(index)) {
                    out.push(Finding { start, end, what: What::Name(index as u8) });
                    *reached = end;
                }
            }
        }
        if out.len() > settled {
            join(out);
        }
    }

    /// The next place from `place` on at which a name may begin, and the groups of names that may.
    #[inline]
    fn next(&self, text: &[u8], mut place: usize) -> Option<(usize, u8)> {
        let escape = Lane::splat(b'%');
        while let (Some(here), Some(next)) = (chunk(text, place), chunk(text, place + 1)) {
            // The second byte may be an escape, or another character of the same lower case.
            let other = next.simd_eq(escape) | next.simd_ge(Lane::splat(0x80));
            let groups = self.first.look_up(here) & (self.second.look_up(next) | other);
            let none = u64::from(groups.simd_eq(Lane::splat(0)).to_bitmask());
            let hits = none ^ EVERY | u64::from(here.simd_eq(escape).to_bitmask());
            if hits != 0 {
                let found = place + hits.trailing_zeros() as usize;
                return Some((found, self.groups(text, found)));
            }
            place += LANE;
        }
        (place..text.len()).map(|found| (found, self.groups(text, found))).find(|(_, groups)| *groups != 0)
    }

    /// The groups of names that may begin at `place`.
    #[inline]
    fn groups(&self, text: &[u8], place: usize) -> u8 {
        let Some(&next) = text.get(place + 1) else { return 0 };
        match text[place] {
            b'%' => u8::MAX,
            byte if next == b'%' || next >= 0x80 => self.first.of(byte),
            byte => self.first.of(byte) & self.second.of(next),
        }
    }
}

/// [`Needles::find`] of a few names.
pub fn find_names(text: &[u8], names: &[&[u8]], out: &mut Vec<Finding>) {
    let mut needles = Needles::default();
    names.iter().take(NAMES_MAX).for_each(|name| needles.add(name));
    needles.find(text, |index| names[index], out);
}

/// Where the name ends that begins at `start`, if it stands there as a whole word.
fn whole_word(text: &[u8], start: usize, name: &[u8]) -> Option<usize> {
    if name.len() < NAME_MIN {
        return None;
    }
    let (beginning, rest) = name.split_at(name.len().min(NAME_MAX));
    let (end, whole) = matched(text, start, beginning);
    if !whole {
        return None;
    }
    if rest.is_empty() {
        return (!word_at(text, end)).then_some(end);
    }
    Some(matched(text, end, rest).0)
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
#[inline]
fn lower(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
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
