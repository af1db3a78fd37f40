//! The message of a record: the few that consist of one account or session, and those that hold another record.
//!
//! *In*: a record and where its message begins. *Out*: its parts. *Promised*: one pass over the message, for tabs; a value is taken only
//! from a message that is whole as Prosody writes it. *Not here*: identifiers elsewhere in a message (`protect`).

use super::header::{ESCAPES, LEVELS, PADDING_BYTES_MAX, SOURCE_BYTES_MAX, is_session_id, is_source_byte};
use super::{JID, MESSAGE, SESSION};
use crate::format::prefix::Prefix;
use crate::format::stamp::{STAMP_BYTES_MAX, stamp};
use crate::record::span::Parsed;

/// Statements that end with an account, after which at most a role or an administrator is named.
const OF_ACCOUNTS: [&[u8]; 4] = [
    b"Authenticated as ",
    b"User account created: ",
    b"User removed their account: ",
    b"Account password changed: ",
];

/// The statement that gives a client's session its id.
const NEW_SESSION: &[u8] = b"New BOSH session, assigned it sid '";

/// Adds the parts of the message from `start` to the end of the record.
#[inline]
pub(super) fn push(record: &[u8], start: usize, parsed: &mut Parsed) {
    let text = &record[start..];
    match text.first() {
        None => return,
        Some(b'A' | b'U') if of_account(record, start, parsed) => return,
        Some(b'N') if of_session(record, start, parsed) => return,
        _ => {}
    }
    parsed.push(MESSAGE, start, record.len());
}

/// `Authenticated as alice@example.org [prosody:registered]` and its like.
fn of_account(record: &[u8], start: usize, parsed: &mut Parsed) -> bool {
    let text = &record[start..];
    let Some(words) = OF_ACCOUNTS.iter().find(|words| text.starts_with(words)) else { return false };
    let jid = start + words.len();
    let jid_end = jid + record[jid..].iter().take_while(|&&byte| is_jid_byte(byte)).count();
    if jid_end == jid {
        return false;
    }
    let rest = &record[jid_end..];
    let whole = rest.is_empty() || rest.first() == Some(&b'\n') || rest == b"\r";
    let role = rest.starts_with(b" [") && rest.ends_with(b"]");
    let by = rest
        .strip_prefix(b" by ")
        .is_some_and(|rest| !rest.is_empty() && rest.iter().all(|&byte| is_jid_byte(byte)));
    if !(whole || role || by) {
        return false;
    }
    parsed.push(MESSAGE, start, jid);
    parsed.push(JID, jid, jid_end);
    if by {
        let other = jid_end + b" by ".len();
        parsed.push(MESSAGE, jid_end, other);
        parsed.push(JID, other, record.len());
    } else if !rest.is_empty() {
        parsed.push(MESSAGE, jid_end, record.len());
    }
    true
}

/// `New BOSH session, assigned it sid '…'`.
fn of_session(record: &[u8], start: usize, parsed: &mut Parsed) -> bool {
    let Some(text) = record[start..].strip_prefix(NEW_SESSION) else { return false };
    let Some(len) = memchr::memchr(b'\'', text).filter(|&len| is_session_id(&text[..len])) else {
        return false;
    };
    let id = start + NEW_SESSION.len();
    parsed.push(MESSAGE, start, id);
    parsed.push(SESSION, id, id + len);
    parsed.push(MESSAGE, id + len, record.len());
    true
}

/// What a JID without spaces is made of; Prosody prints those of accounts unescaped.
const fn is_jid_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// True when a second header stands in the middle of a line: two records were joined, and whose values are whose cannot be
/// told. Only a header with a time is unmistakable.
#[inline]
pub(in crate::format) fn holds_record(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\t', text).any(|tab| ends_with_header(&text[..tab]))
}

/// True when `text` ends with `time source level`, which only a tab can follow.
#[inline]
fn ends_with_header(text: &[u8]) -> bool {
    match text.last() {
        Some(b'o' | b'g' | b'n' | b'r' | b'm') => {}
        _ => return false,
    }
    let Some(text) = without_level(text) else { return false };
    let spaces = text.iter().rev().take(PADDING_BYTES_MAX).take_while(|&&byte| byte == b' ').count();
    let gap = if text.ends_with(b"\t") { 1 } else { spaces };
    if gap == 0 {
        return false;
    }
    let text = &text[..text.len() - gap];
    let source = text.iter().rev().take(SOURCE_BYTES_MAX).take_while(|&&byte| is_source_byte(byte)).count();
    let Some(text) = text[..text.len() - source].strip_suffix(b" ").filter(|_| source > 0) else {
        return false;
    };
    let tail = &text[text.len().saturating_sub(STAMP_BYTES_MAX)..];
    (0..tail.len()).any(|at| stamp(&tail[at..]).is_some_and(|stamp| at + stamp.len == tail.len()))
}

/// `text` without the level, perhaps in colour, that it ends with.
fn without_level(text: &[u8]) -> Option<&[u8]> {
    let coloured =
        ESCAPES.iter().find_map(|escape| Some((text.strip_suffix(b"0m")?.strip_suffix(*escape)?, *escape)));
    let text = coloured.map_or(text, |(text, _)| text);
    let text = LEVELS.iter().find_map(|level| text.strip_suffix(*level))?;
    let Some((_, escape)) = coloured else { return Some(text) };
    let text = text.strip_suffix(b"m")?;
    let digits = text.iter().rev().take(8).take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
    text[..text.len() - digits].strip_suffix(escape)
}

/// True when host and program of the collector's prefix stand again in the first line of the message: a line of the same
/// program was joined.
pub(super) fn repeats(record: &[u8], prefix: &Prefix, message: usize) -> bool {
    let Some((host, _)) = prefix.host else { return false };
    let text = &record[message..];
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    memchr::memmem::find(line, &record[host..prefix.rest]).is_some()
}
