//! Jabber identifiers (RFC 7622): rooms and who is in them, accounts and their sessions.
//!
//! ```text
//! room@conference.example.org/49517bef          a room, an occupant
//! [tenant]room@conference.example.org           a room of a tenant, as Prosody writes it inside
//! 49517bef-…@meet.example.org/yzhm9bLt          a guest, whose endpoint is the first eight digits; a session
//! alice@meet.example.org/yzhm9bLt               an account; a session
//! ```
//! A bare account is spelled like a mail address, and is found by [`super::mail`]. What makes a room is the host: a component for
//! rooms is called `conference`, `muc` and the like in every installation guide.

use super::bytes::{ALNUM, HEX, HIGH, at, is};
use super::enclosed::is_apostrophe;
use super::endpoints::{is_random, is_uuid};
use super::mail::{is_punctuation, local};
use super::persons::whole_name;
use super::vocabulary::Sense;
use super::{Finding, Search, What};

/// Bytes of the longest part of an identifier (RFC 7622 section 3.1); a room may be escaped three times over.
const PART_MAX: usize = 1023;

/// Bytes of the longest tenant that is looked for.
const TENANT_MAX: usize = 64;

/// Looks at an `@` of `length` bytes at `here`. True when it belongs to a Jabber identifier, and is settled.
pub(super) fn visit(search: &mut Search<'_>, here: usize, length: usize) -> bool {
    let text = search.text;
    let after = here + length;
    let host_end = host(text, after);
    // `room@conference.example.org@auth.example.org`: a focus of old, named after its room.
    if let Some(last) = search.out.last_mut()
        && last.end == here
        && host_end > after
        && last.what == What::Said(Sense::Room)
    {
        last.end = host_end.max(last.end);
        let start = last.start;
        resource(search, start, host_end, Sense::Session);
        return true;
    }
    if host_end == after {
        return false;
    }
    if is_room_host(&text[after..host_end]) {
        let Some(start) = room(text, here) else { return false };
        search.push(Finding { start, end: host_end, what: What::Said(Sense::Room) });
        resource(search, start, host_end, Sense::Name);
        return true;
    }
    let Some(start) = local(text, here, false) else { return false };
    let guest = is_uuid(&text[start..here]);
    let session = host_end < text.len() && text[host_end] == b'/' && !is_url(text, start);
    if !guest && !session {
        return false;
    }
    if session && resource(search, start, host_end, Sense::Session).is_none() && !guest {
        return false;
    }
    let what = What::Said(if guest { Sense::Endpoint } else { Sense::Jid });
    search.push(Finding { start, end: host_end, what });
    true
}

/// Where the host name that begins at `start` ends: labels of letters, digits and dashes, numbers too.
fn host(text: &[u8], start: usize) -> usize {
    let length = text[start..]
        .iter()
        .take(255)
        .take_while(|&&byte| is(byte, ALNUM) || matches!(byte, b'-' | b'.'))
        .count();
    let mut end = start + length;
    while end > start && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    end
}

/// True for an identifier whose host holds rooms.
pub fn is_room(identifier: &[u8]) -> bool {
    let Some(sign) = memchr::memchr(b'@', identifier) else { return false };
    is_room_host(&identifier[sign + 1..host(identifier, sign + 1)])
}

/// True for the host of a component that holds rooms.
fn is_room_host(host: &[u8]) -> bool {
    const ROOMS: [&[u8]; 10] = [
        b"conference",
        b"conferences",
        b"muc",
        b"rooms",
        b"breakout",
        b"lobby",
        b"groupchat",
        b"internal-muc",
        b"internal",
        b"conf",
    ];
    let label = &host[..host.iter().position(|&byte| byte == b'.').unwrap_or(host.len())];
    let numbered =
        |prefix: &[u8]| label.len() > prefix.len() && label[..prefix.len()].eq_ignore_ascii_case(prefix);
    ROOMS.iter().any(|rooms| label.eq_ignore_ascii_case(rooms))
        || numbered(b"conference-")
        || numbered(b"muc-")
}

/// Where the room whose name ends at `end` begins, tenant and all. Rooms are percent-encoded by the client, or escaped by
/// XEP-0106 (`\20`).
fn room(text: &[u8], end: usize) -> Option<usize> {
    let limit = end.saturating_sub(PART_MAX);
    let mut start = end;
    while start > limit {
        let escaped = start >= 3
            && matches!(text[start - 3], b'%' | b'\\')
            && is(text[start - 2], HEX)
            && is(text[start - 1], HEX);
        if escaped {
            start -= 3;
        } else if is(text[start - 1], ALNUM)
            || matches!(text[start - 1], b'-' | b'_' | b'.' | b'~' | b'+' | b'!' | b'*' | b'$')
        {
            start -= 1;
        } else if is(text[start - 1], HIGH) {
            let first = (start.saturating_sub(4)..start)
                .rev()
                .find(|&place| text[place] & 0xC0 != 0x80)
                .unwrap_or(start - 1);
            if is_punctuation(&text[first..start]) {
                break;
            }
            start = first;
        } else {
            break;
        }
    }
    if start > 0 && text[start - 1] == b']' {
        let from = start.saturating_sub(TENANT_MAX);
        let tenant = text[from..start - 1].iter().rposition(|&byte| byte == b'[').map(|open| from + open);
        let plain = |byte: &u8| is(*byte, ALNUM | HIGH) || matches!(byte, b'-' | b'_' | b'.' | b'%');
        if let Some(open) =
            tenant.filter(|open| text[open + 1..start - 1].iter().all(plain) && open + 2 < start)
        {
            return Some(open);
        }
    }
    while start < end && matches!(text[start], b'.' | b'+' | b'-' | b'*' | b'!') {
        start += 1;
    }
    (start < end).then_some(start)
}

/// Finds the resource behind the slash at `slash`, if there is one; `sense` is what it is unless it is an endpoint. Between quotes it
/// reaches to the quote, and may hold spaces.
fn resource(search: &mut Search<'_>, start: usize, slash: usize, sense: Sense) -> Option<()> {
    let text = search.text;
    if text.get(slash) != Some(&b'/') {
        return None;
    }
    let from = slash + 1;
    let window = &text[from..text.len().min(from + PART_MAX)];
    let quote = start.checked_sub(1).map(|before| text[before]).filter(|byte| matches!(byte, b'"' | b'\''));
    let ends = |place: usize, byte: u8| match quote {
        Some(b'\'') if byte == b'\'' => !is_apostrophe(window, 0, place),
        // What is escaped is the quote of a string around, or the end of a line in it.
        Some(_) if byte == b'\\' => {
            matches!(window.get(place + 1), None | Some(b'"' | b'\'' | b'\\' | b'n' | b'r'))
        }
        Some(quote) => byte == quote || matches!(byte, b'\n' | b'<'),
        None => {
            matches!(
                byte,
                b',' | b';'
                    | b')'
                    | b'('
                    | b']'
                    | b'['
                    | b'}'
                    | b'>'
                    | b'<'
                    | b'"'
                    | b'\''
                    | b'|'
                    | b'&'
                    | b'\\'
                    | 0..=b' '
            )
        }
    };
    let mut length =
        window.iter().enumerate().position(|(place, &byte)| ends(place, byte)).unwrap_or(window.len());
    while length > 0 && quote.is_none() && matches!(window[length - 1], b'.' | b':') {
        length -= 1;
    }
    let value = &window[..length];
    // The focus is a program, and its name in every room is this word.
    if value.is_empty() || value == b"focus" {
        return value.first().map(|_| ());
    }
    let random = is_random(value);
    if quote.is_none() && !random && sense == Sense::Name {
        length = whole_name(window, length);
    }
    let what = What::Said(if random { Sense::Endpoint } else { sense });
    search.push(Finding { start: from, end: from + length, what });
    Some(())
}

/// True when a scheme stands before: `https://user@host/path` has no resource.
fn is_url(text: &[u8], start: usize) -> bool {
    text[..start].ends_with(b"//") || !at(text, start, ALNUM | HIGH)
}
