//! Endpoints of a meeting, where no key says so: `Allocating for 49517bef`, `stream-49517bef.RTP`, `49517bef-v0`.
//!
//! An endpoint is eight random hexadecimal digits in lower case. In a message about a meeting, a word that is made so is one if it has a
//! letter and a digit; one of digits alone (one in forty) only behind a word that says so, since numbers of eight digits are common.

use super::bytes::{ALNUM, DIGIT, HEX, UNDERSCORE, at, before, is};
use super::vocabulary::Sense;
use super::{Finding, Search, What};

/// Digits of an endpoint.
const DIGITS: usize = 8;

/// What stands before an endpoint of digits alone.
const LEADS: [&[u8]; 7] = [
    b"stream-",
    b"locating for ",
    b"locate for ",
    b"found for ",
    b"endpoint ",
    b"participant ",
    b"occupant ",
];

/// Looks at the last digit of a run of eight or more.
pub(super) fn visit(search: &mut Search<'_>, last: usize) {
    let text = search.text;
    let Some(start) = (last + 1).checked_sub(DIGITS) else { return };
    let word = &text[start..=last];
    let hex = |byte: &u8| is(*byte, DIGIT) || matches!(byte, b'a'..=b'f');
    if !word.iter().all(hex)
        || before(text, start, ALNUM | UNDERSCORE)
        || at(text, last + 1, ALNUM | UNDERSCORE)
    {
        return;
    }
    let lead = |lead: &&[u8]| text[..start].ends_with(lead);
    let stream = text[..start].ends_with(b"stream-");
    // `Server@4c9e38aa` is an object, `49517bef-89d4-…` a UUID, `%2349517bef` an escape.
    if matches!(text[..start].last(), Some(b'@' | b'-' | b'%' | b'.' | b'\\')) && !stream {
        return;
    }
    // `49517bef-v0` is what the endpoint sends.
    let source = matches!(text[last + 1..], [b'-', b'a' | b'v' | b'd', b'0'..=b'9', ..])
        && !text.get(start..start + 36).is_some_and(is_uuid);
    if matches!(text.get(last + 1), Some(b'-' | b'@')) && !source {
        return;
    }
    let digits = word.iter().filter(|&&byte| is(byte, DIGIT)).count();
    if (1..DIGITS).contains(&digits) || LEADS.iter().any(lead) {
        search.push(Finding { start, end: last + 1, what: What::Said(Sense::Endpoint) });
    }
}

/// Eight hexadecimal digits, or a UUID: how endpoints and meetings are written.
pub(super) fn is_random(value: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|&byte| is(byte, HEX));
    match value.len() {
        8 => hex(value),
        36 => is_uuid(value),
        _ => false,
    }
}

/// A UUID in its usual spelling (RFC 9562 section 4).
pub fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(place, &byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is(byte, HEX),
        })
}
