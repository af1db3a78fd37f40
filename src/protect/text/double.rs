//! Addresses with `::`: the groups on both sides of it, and what tells them from a scope of a programming language.

use std::net::Ipv6Addr;

use super::Search;
use super::bytes::{DIGIT, HEX, LETTER, at, is, precedes};
use super::colons::{Group, Run, quad_at, zone};

/// The most groups beside a `::`, which stands for at least one.
const GROUPS_MAX: usize = 7;

/// Groups between single colons, in the order in which they were met.
#[derive(Default)]
struct Groups {
    all: [Group; GROUPS_MAX],
    count: usize,
}

impl Groups {
    fn push(&mut self, group: Group) {
        if self.count < GROUPS_MAX {
            self.all[self.count] = group;
            self.count += 1;
        }
    }
}

/// Tries the `::` at `place` (`colons` long) with the groups around it. Returns where the search goes on.
pub(super) fn visit(search: &mut Search<'_>, run: &Run, floor: usize, place: usize, colons: usize) -> usize {
    let text = search.text;
    let bare = place == run.start;
    let (double, after) = match colons {
        2 => (place, place + 2),
        // `peer:::1` is a colon and `::1`; `:::22` alone is netstat's any address and a port.
        3 if bare && run.word_before => (place + 1, place + 3),
        3 if bare => return place + 3,
        _ => (place, place + colons),
    };
    let left = if double == place { groups_before(text, floor, place) } else { Groups::default() };
    let (right, mut quad) =
        if colons <= 3 { groups_after(text, after, run.end) } else { (Groups::default(), None) };
    // Where there is one group too many, the last is a port; whatever else is too many stays in the text.
    let room = GROUPS_MAX - left.count.min(GROUPS_MAX);
    if quad.is_some() && right.count + 2 > room {
        quad = None;
    }
    let left = &left.all[..left.count];
    let right = &right.all[..right.count.min(room)];
    let start = left.last().map_or(double, |group| group.start);
    let end = quad.map_or(right.last().map_or(after, |group| group.end), |(_, end)| end);
    if quad.is_none() && !plausible(text, run, left, right, start, end) {
        return after;
    }
    let mut groups = [0; 8];
    for (slot, group) in groups.iter_mut().zip(left.iter().rev()) {
        *slot = group.value(text);
    }
    let mut tail = 8;
    if let Some(([a, b, c, d], end)) = quad {
        groups[6..].copy_from_slice(&[u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
        tail = 6;
        search.done.quads = search.done.quads.max(end);
    }
    for (slot, group) in groups[..tail].iter_mut().rev().zip(right.iter().rev()) {
        *slot = group.value(text);
    }
    search.push_address(start, end + zone(text, end, search.context), Ipv6Addr::from(groups));
    end.min(run.end)
}

/// The groups that end at `end`, the nearest first.
fn groups_before(text: &[u8], floor: usize, end: usize) -> Groups {
    let mut groups = Groups::default();
    let mut here = end;
    while groups.count < GROUPS_MAX && here > floor {
        let length = text[floor..here].iter().rev().take(5).take_while(|&&byte| is(byte, HEX)).count();
        if !(1..=4).contains(&length) {
            break;
        }
        groups.push(Group { start: here - length, end: here });
        here -= length;
        if here > floor && text[here - 1] == b':' && (here - 1 == floor || text[here - 2] != b':') {
            here -= 1;
        } else {
            break;
        }
    }
    groups
}

/// The groups that begin at `start`, and the dotted quad that may end them.
fn groups_after(text: &[u8], start: usize, end: usize) -> (Groups, Option<([u8; 4], usize)>) {
    let mut groups = Groups::default();
    let mut here = start;
    while groups.count < GROUPS_MAX && here < end {
        let length = text[here..end].iter().take(5).take_while(|&&byte| is(byte, HEX)).count();
        if !(1..=4).contains(&length) {
            break;
        }
        let group = Group { start: here, end: here + length };
        if group.end == end
            && let Some(quad) = quad_at(text, group.start)
        {
            return (groups, Some(quad));
        }
        groups.push(group);
        here = group.end;
        if here + 1 < end && text[here] == b':' && text[here + 1] != b':' {
            here += 1;
        } else {
            break;
        }
    }
    (groups, None)
}

/// What tells an address from a scope of a programming language; see the rules in [`super`].
fn plausible(text: &[u8], run: &Run, left: &[Group], right: &[Group], start: usize, end: usize) -> bool {
    let groups = || left.iter().chain(right);
    let first_letter = |group: &Group| is(text[group.start], LETTER);
    let word_before = run.word_before && start <= run.start + 1;
    let word_after = run.word_after && end == run.end;
    if left.is_empty() && right.is_empty() {
        return precedes(text, start, b"[")
            && text.get(end..end + 2) == Some(b"]:")
            && at(text, end + 2, DIGIT);
    }
    let digits = groups().any(|group| text[group.start..group.end].iter().any(|&byte| is(byte, DIGIT)));
    if !digits {
        let spelled = &text[start..end];
        let one_case =
            !spelled.iter().any(u8::is_ascii_uppercase) || !spelled.iter().any(u8::is_ascii_lowercase);
        return !word_before
            && !word_after
            && one_case
            && left.len() + right.len() >= 2
            && groups().any(|group| group.len() == 4);
    }
    match (left, right) {
        // `Foo::b64` is a scope, `DEBUG::2011-12-05` a separator; `client::1` is the loopback address, and no other of this
        // shape belongs to a host. `192.0.2.1::443` has a port.
        ([], [only]) => {
            (!word_before || only.value(text) == 1)
                && !(run.quad_before && start == run.start && only.is_port(text))
        }
        // `SHA256::add`, `v1::Bad`.
        ([first], [last]) => !word_before || !first_letter(last) || first.len() == 4,
        // `Win32::API`, `ec2::instance`; `2001::` before a word could be a network.
        ([only], []) => {
            !word_before
                && (!word_after
                    || (only.len() == 4 && b"23f".contains(&text[only.start].to_ascii_lowercase())))
        }
        _ => true,
    }
}
