//! What Erlang prints: members of tuples behind their key, and addresses as tuples of numbers.
//!
//! ```text
//! {key,"value"}   {<<"key">>,<<"value">>}   {192,0,2,7}   {8193,3512,0,0,0,0,0,1}
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Search;
use super::bytes::{DIGIT, is, is_key};
use super::enclosed::Value;
use super::keyed::{KEY_MAX, take};
use super::vocabulary::{Says, Sense, says};

/// Strings of a record that are looked at.
const MEMBERS_MAX: usize = 16;

/// Looks at a value of Erlang, a string or binary behind a comma: `{nick,"…"}`, `{<<"nick">>,<<"…">>}`.
pub(super) fn tuple_member(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    if here < search.done.keyed || here < 3 || text[here - 1] != b',' {
        return;
    }
    let mut end = here - 1;
    if text[..end].ends_with(b"\">>") {
        end -= 3;
    }
    let length = text[..end].iter().rev().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    let start = end - length;
    let before = &text[..start];
    if length == 0 || !(before.ends_with(b"{") || before.ends_with(b"{<<\"")) {
        return;
    }
    let Some(Says::Is(sense)) = says(&text[start..end]) else { return };
    let is_jid = &text[start..end] == b"jid";
    // Records are tuples without keys: `{user,<<"anna">>,<<"Anna Wolter">>}`, `{jid,<<"anna">>,<<"example.org">>,<<"yzhm9bLt">>, …}`, where
    // the host stays, and all three come again in another case.
    let mut next = Some(here);
    for place in 0..MEMBERS_MAX {
        let Some(member) = next else { break };
        let (value, end) = member_at(text, member, sense);
        if let Some(value) = value {
            match place % 3 {
                1 if is_jid => {}
                2 if is_jid => {
                    take(search, value.start, value.end, Says::Is(Sense::Session), Sense::Session);
                }
                _ => drop(take(search, value.start, value.end, Says::Is(sense), sense)),
            }
        }
        search.done.keyed = search.done.keyed.max(end);
        next = text[end..].starts_with(b",").then_some(end + 1);
    }
}

/// The string or binary at `at`, if it is one and not empty, and where this member of a tuple ends: numbers, atoms, `<<>>` and `[]` are
/// members, too.
fn member_at(text: &[u8], at: usize, sense: Sense) -> (Option<Value>, usize) {
    let rest = &text[at..];
    let string = usize::from(rest.starts_with(b"\"")) + 3 * usize::from(rest.starts_with(b"<<\""));
    if string > 0 && !rest[string..].starts_with(b"\"") {
        let value = Value::read(text, at, Says::Is(sense), false);
        let end = value.as_ref().map_or(at + string, |value| value.end);
        let closed = if string == 3 { &b"\">>"[..] } else { b"\"" };
        return (value, end + if text[end..].starts_with(closed) { closed.len() } else { 0 });
    }
    let empty = [&b"\"\""[..], b"<<\"\">>", b"<<>>", b"[]"].into_iter().find(|empty| rest.starts_with(empty));
    let atom = || rest.iter().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    (None, at + empty.map_or_else(atom, <[u8]>::len))
}

/// Looks at a `{`: an address as Erlang writes it is four or eight numbers.
pub(super) fn tuple(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let mut numbers = [0_u16; 8];
    let mut count = 0;
    let mut place = here + 1;
    loop {
        let length = text[place..].iter().take(6).take_while(|&&byte| is(byte, DIGIT)).count();
        if !(1..=5).contains(&length) || count == 8 {
            return;
        }
        let number =
            text[place..place + length].iter().fold(0_u32, |n, byte| n * 10 + u32::from(byte - b'0'));
        let Ok(number) = u16::try_from(number) else { return };
        numbers[count] = number;
        count += 1;
        place += length;
        match text.get(place) {
            Some(b',') => place += 1,
            Some(b'}') => break,
            _ => return,
        }
    }
    if count == 8 {
        search.push_address(here + 1, place, Ipv6Addr::from(numbers));
    } else if count == 4 && numbers[..4].iter().all(|&number| number < 256) {
        let [a, b, c, d] = [numbers[0], numbers[1], numbers[2], numbers[3]].map(|number| number as u8);
        search.push_address(here + 1, place, Ipv4Addr::new(a, b, c, d));
    }
}
