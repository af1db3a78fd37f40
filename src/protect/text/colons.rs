//! What colons hold together: IPv6 addresses and hardware addresses.
//!
//! The run of hexadecimal digits and colons around a position is taken whole and decided once. A group of it that belongs to
//! a word beside the run is cut off first (`peer:2001:db8::1` has no such group, `node:2001:db8::1` has `de`). Then every
//! `::` is tried with as many groups on both sides as an address can have, and what is left without `::` is counted: eight
//! groups are an address, six pairs a hardware address, more pairs a fingerprint.

use std::net::Ipv6Addr;

use super::bytes::{
    ALNUM, DIGIT, HEX, LETTER, OTHER_LETTER, UNDERSCORE, at, before, escape_at, hex_value, is, precedes,
};
use super::dashes::begins_address;
use super::dots::octets;
use super::double;
use super::{Context, Finding, Search, Sense, What};

/// What continues a word beside a run. Not bytes of UTF-8: the nearest of them are quotes and dashes.
const WORD: u8 = OTHER_LETTER | UNDERSCORE;

/// Pairs of the shortest fingerprint of a certificate: MD5.
const FINGERPRINT_PAIRS: usize = 16;

/// Bytes of the shortest run of single colons that is an address of any kind: six groups of at least one digit.
const RUN_MIN: usize = 11;

/// A group of hexadecimal digits, by position.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    pub(super) fn value(self, text: &[u8]) -> u16 {
        text[self.start..self.end].iter().fold(0, |value, &byte| value << 4 | u16::from(hex_value(byte)))
    }

    /// A decimal number that can be a port.
    pub(super) fn is_port(self, text: &[u8]) -> bool {
        let digits = &text[self.start..self.end];
        (1..=5).contains(&digits.len())
            && digits.iter().all(|&byte| is(byte, DIGIT))
            && (1..=65535)
                .contains(&digits.iter().fold(0, |value, &byte| value * 10 + u32::from(byte - b'0')))
    }
}

/// A run after words beside it were cut off.
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    /// A word touches the first group, which was kept because it begins with a digit, or a word before it was cut off.
    pub(super) word_before: bool,
    /// A word touches the end, or was cut off there.
    pub(super) word_after: bool,
    /// A dotted quad stands before: what follows is its port.
    pub(super) quad_before: bool,
}

/// Looks at the colon `text[here]`.
pub(super) fn visit(search: &mut Search<'_>, here: usize) {
    if here < search.done.colons {
        return;
    }
    let text = search.text;
    let part = |byte: u8| is(byte, HEX) || byte == b':';
    let (mut start, mut end) = (here, here);
    while start > 0 && part(text[start - 1]) {
        start -= 1;
    }
    while end < text.len() && part(text[end]) {
        end += 1;
    }
    search.done.colons = end;
    // Most are punctuation: of single colons, hardware addresses have the fewest.
    if end - start < RUN_MIN && !text[start..end].windows(2).any(|pair| pair == b"::") {
        return;
    }
    let run = trim(text, start, end);
    let mut floor = run.start;
    let mut place = run.start;
    while place < run.end {
        if text[place] != b':' || text.get(place + 1) != Some(&b':') || place + 1 >= run.end {
            place += 1;
            continue;
        }
        let colons = text[place..run.end].iter().take_while(|&&byte| byte == b':').count();
        single_colons(search, floor, place, false);
        let after = double::visit(search, &run, floor, place, colons);
        floor = after;
        place = after.max(place + colons);
    }
    single_colons(search, floor, run.end, true);
}

/// Cuts off what belongs to escapes and words beside the run.
fn trim(text: &[u8], mut start: usize, mut end: usize) -> Run {
    let group = |from: usize| text[from..end].iter().take_while(|&&byte| is(byte, HEX)).count();
    let first = group(start);
    if precedes(text, start, b"%") && first >= 2 {
        let double = first > 6 && text[start..].starts_with(b"25");
        start += if double { 4 } else { 2 };
    } else if precedes(text, start, b"\\x") && first > 2 {
        start += 2;
    } else if precedes(text, start, b"\\u") && first > 4 {
        start += 4;
    }
    let first = group(start);
    let mut word_before = first == 0 && before(text, start, WORD);
    let mut quad_before = false;
    if first > 0 && before(text, start, WORD) {
        // The end of a word and one colon introduce an address (`node:`, `IPv6:`, `eth0:`), a word and two are a scope. A
        // group of four digits is more than a word ends with.
        let long = first == 4 && (is(text[start], DIGIT) || begins_address(&text[start..end]));
        let scope = text[start + first..end].starts_with(b"::");
        word_before = long || scope;
        if !long && (is(text[start], LETTER) || !scope) {
            start += first;
        }
    } else if first > 0 && start >= 2 && text[start - 1] == b'.' && is(text[start - 2], DIGIT) {
        start += first;
        quad_before = true;
    }
    let mut word_after = at(text, end, WORD);
    if at(text, end, OTHER_LETTER) {
        let last = text[start..end].iter().rev().take_while(|&&byte| is(byte, HEX)).count();
        if last > 0 && is(text[end - last], LETTER) {
            end -= last;
        }
    }
    word_after |= at(text, end, WORD);
    Run { start, end, word_before, word_after, quad_before }
}

/// Counts the groups of `text[start..end]`, which holds no `::`.
fn single_colons(search: &mut Search<'_>, start: usize, end: usize, last: bool) {
    let text = search.text;
    let mut here = start;
    while here < end {
        let mut groups = [Group::default(); 15];
        let mut count = 0;
        let mut last_end = here;
        let mut pairs = true;
        let mut quad = None;
        // One stretch of groups of one to four digits.
        while here < end {
            let length = text[here..end].iter().take_while(|&&byte| is(byte, HEX)).count();
            let group = Group { start: here, end: here + length };
            here = group.end;
            if (1..=4).contains(&length) {
                if last && group.end == end && count == 6 {
                    quad = quad_at(text, group.start);
                }
                if count < groups.len() {
                    groups[count] = group;
                }
                pairs &= length == 2;
                count += 1;
            }
            if here < end {
                here += 1;
            }
            if !(1..=4).contains(&length) {
                break;
            }
            last_end = group.end;
        }
        if search.context.is_message() && pairs && count >= FINGERPRINT_PAIRS {
            // Whose certificate it is tells whose connection it is.
            let what = What::Said(Sense::Session);
            search.push(Finding { start: groups[0].start, end: last_end, what });
            continue;
        }
        stretch(search, &groups[..count.min(15)], pairs, quad);
    }
}

/// Decides one stretch of groups between single colons. Fifteen groups stand for "fifteen or more".
fn stretch(search: &mut Search<'_>, groups: &[Group], pairs: bool, quad: Option<([u8; 4], usize)>) {
    let text = search.text;
    if let (Some((quad, end)), [first, .., _]) = (quad, groups) {
        let mut value = [0; 8];
        for (slot, group) in value.iter_mut().zip(&groups[..6]) {
            *slot = group.value(text);
        }
        value[6] = u16::from_be_bytes([quad[0], quad[1]]);
        value[7] = u16::from_be_bytes([quad[2], quad[3]]);
        search.push_address(first.start, end, Ipv6Addr::from(value));
        return;
    }
    let tail_of_pairs = |from: usize| groups[from..].iter().all(|group| group.len() == 2);
    match groups.len() {
        6 if pairs => hardware(search, groups),
        // A DHCP client identifier: hardware type, then the address. Or a word before it.
        7 if tail_of_pairs(1) => hardware(search, &groups[1..]),
        8 => address(search, groups),
        9 if !pairs && groups[8].is_port(text) && groups.iter().any(|group| group.len() > 2) => {
            address(search, &groups[..8]);
        }
        // netfilter: destination, source, type of the payload.
        14 if pairs => {
            hardware(search, &groups[..6]);
            hardware(search, &groups[6..12]);
        }
        _ => {}
    }
}

fn address(search: &mut Search<'_>, groups: &[Group]) {
    let text = search.text;
    let mut value = [0; 8];
    for (slot, group) in value.iter_mut().zip(groups) {
        *slot = group.value(text);
    }
    let (start, end) = (groups[0].start, groups[7].end);
    let whole = end + zone(text, end, search.context);
    search.push_address(start, whole, Ipv6Addr::from(value));
}

fn hardware(search: &mut Search<'_>, groups: &[Group]) {
    let mut mac = [0; 6];
    for (slot, group) in mac.iter_mut().zip(groups) {
        *slot = group.value(search.text) as u8;
    }
    search.push(Finding { start: groups[0].start, end: groups[5].end, what: What::Mac(mac) });
}

/// A dotted quad that begins at `start`: its octets and its end.
pub(super) fn quad_at(text: &[u8], start: usize) -> Option<([u8; 4], usize)> {
    let mut end = start;
    let mut dots = 0;
    while end < text.len() && end - start < 16 {
        if text[end] == b'.' && dots < 3 && at(text, end + 1, DIGIT) {
            dots += 1;
        } else if !is(text[end], DIGIT) {
            break;
        }
        end += 1;
    }
    octets(&text[start..end]).map(|octets| (octets, end))
}

/// The length of a zone that begins at `here` (`%eth0`, `%2`, and `%25eth0` in URLs), or 0.
pub(super) fn zone(text: &[u8], here: usize, context: Context) -> usize {
    if text.get(here) != Some(&b'%') {
        return 0;
    }
    let word = |from: usize| {
        let name = text[from.min(text.len())..].iter().take(16);
        name.take_while(|&&byte| is(byte, ALNUM | UNDERSCORE) || byte == b'-').count()
    };
    match escape_at(text, here) {
        Some((b'%', 3)) if word(here + 3) > 0 => 3 + word(here + 3),
        None if !context.is_url() && word(here + 1) > 0 => 1 + word(here + 1),
        // `%5D` closes a bracket, `%20` is a space; that a zone of two digits stays in the text tells nobody anything.
        _ => 0,
    }
}
