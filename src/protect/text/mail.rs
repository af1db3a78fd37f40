//! What stands around `@`: e-mail addresses, Jabber identifiers, users at hosts, credentials in URLs.
//!
//! The look back for a local part is bounded by [`LOCAL_MAX`], the look ahead for a host by [`HOST_MAX`], so that `@@@@` and
//! `a@a@a@` stay linear. Both ends are decoded as they are read: `user%40example%2Eorg` and `%3Cuser%2540example.org`.

use super::bytes::{ALNUM, DIGIT, HEX, HIGH, LETTER, UNDERSCORE, decoded_at, decoded_before, is};
use super::dots::octets;
use super::versions::is_platform;
use super::{Context, Finding, Search, Sense, What, jabber};

/// RFC 5321 section 4.5.3.1.1 allows 64 bytes; escaped three times over, and some room for those who write more.
const LOCAL_MAX: usize = 256;

/// RFC 1035 section 2.3.4 allows 253 bytes; some of them escaped.
const HOST_MAX: usize = 512;

/// Looks at an `@` of `length` bytes (1, or 3 or 5 when it is an escape) at `here`.
pub(super) fn visit(search: &mut Search<'_>, here: usize, length: usize) {
    let text = search.text;
    if let Some(start) = userinfo(text, here, length) {
        search.push(Finding { start, end: here, what: What::Secret });
        return;
    }
    if search.context.is_message() {
        called(search, here);
        if jabber::visit(search, here, length) {
            return;
        }
    }
    let after = here + length;
    let host = host(text, after);
    if host.end == after && !address_follows(text, after) {
        // A message that ends here was cut off within an address.
        if after == text.len()
            && search.context.is_message()
            && let Some(start) = local(text, here, false)
        {
            search.push(Finding { start, end: here, what: What::Email });
        }
        return;
    }
    let Some(start) = local(text, here, host.dotted) else { return };
    if address_follows(text, after) {
        // `ios@8.1.3.72` is a version.
        if search.context == Context::Agent && is_platform(&text[start..here]) {
            return;
        }
        search.push(Finding { start, end: here, what: What::Email });
    } else if host.end > after && !only_looks_like_it(text, start, here, after, &host, search.context) {
        search.push(Finding { start, end: host.end, what: What::Email });
    }
}

/// Takes the name in quotes that a mail or SIP header has before an address: `"Anna" <sip:1000@192.0.2.7>` (RFC 5322 section 3.4,
/// RFC 3261 section 20.10).
fn called(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let limit = here.saturating_sub(LOCAL_MAX);
    let Some(open) = memchr::memrchr(b'<', &text[limit..here]).map(|place| limit + place) else { return };
    // Not an element with attributes: `"plan" <item jid='a@example.org'/>`.
    if memchr::memchr(b' ', &text[open..here]).is_some() {
        return;
    }
    let end = open - text[..open].iter().rev().take(2).take_while(|&&byte| byte == b' ').count();
    let Some(body) = text[..end].strip_suffix(b"\"") else { return };
    let limit = body.len().saturating_sub(LOCAL_MAX);
    let Some(quote) = memchr::memrchr(b'"', &body[limit..]).map(|place| limit + place) else { return };
    // `a="b",c="<d@…>"` has no name.
    let name = &body[quote + 1..];
    if !name.contains(&b'=') && name.iter().any(|&byte| is(byte, ALNUM | HIGH)) {
        let what = What::Said(Sense::Name);
        search.push(Finding { start: quote + 1, end: end - 1, what });
    }
}

/// Bytes that stand anywhere in a local part.
#[inline]
const fn is_local(byte: u8) -> bool {
    is(byte, ALNUM | UNDERSCORE | HIGH) || matches!(byte, b'.' | b'+' | b'-')
}

/// Bytes that RFC 5322 allows too, but that are more often punctuation: taken only between others.
const fn is_local_inside(byte: u8) -> bool {
    matches!(byte, b'!' | b'#' | b'$' | b'*' | b'^' | b'~' | b'\'')
}

/// Where the local part that ends at `end` begins.
pub(super) fn local(text: &[u8], end: usize, dotted: bool) -> Option<usize> {
    let limit = end.saturating_sub(LOCAL_MAX);
    let mut start = end;
    let mut here = end;
    while here > limit {
        let Some((byte, length)) = decoded_before(text, here) else { break };
        if length == 1 && byte >= 0x80 {
            let wide = character_before(text, here);
            if is_punctuation(&text[wide..here]) {
                break;
            }
            here = wide;
            start = here;
        } else if is_local(byte) {
            here -= length;
            start = here;
        } else if length == 1 && is_local_inside(byte) {
            here -= 1;
        } else if length == 1 && byte == b'=' && is_forwarded(text, here - 1, limit) {
            // A return path that holds the recipient: `bounces+alice=example.org@list.example.com`.
            here -= 1;
        } else {
            break;
        }
    }
    while start < end && matches!(text[start], b'.' | b'-' | b'+') {
        start += 1;
    }
    if start < end {
        return Some(start);
    }
    if here < end && dotted {
        // Nothing but unusual bytes, all of them allowed.
        return Some(here);
    }
    quoted(text, end, limit)
}

/// True when what ends at `end` holds a `+` and begins like a word: the variable part of a return path.
fn is_forwarded(text: &[u8], end: usize, limit: usize) -> bool {
    let mut here = end;
    let mut plus = false;
    while here > limit && is_local(text[here - 1]) {
        plus |= text[here - 1] == b'+';
        here -= 1;
    }
    plus
}

/// Where a quoted local part (`"john doe"@…`) begins.
fn quoted(text: &[u8], end: usize, limit: usize) -> Option<usize> {
    let (b'"', length) = decoded_before(text, end)? else { return None };
    let mut here = end - length;
    let mut word = false;
    while here > limit {
        let (byte, length) = decoded_before(text, here)?;
        here -= length;
        match byte {
            b'"' if here == 0 || text[here - 1] != b'\\' => return word.then_some(here),
            b'\n' | b'\r' => return None,
            _ => word |= is(byte, ALNUM | HIGH),
        }
    }
    None
}

/// Where the UTF-8 character that ends at `end` begins; one byte if it is none.
fn character_before(text: &[u8], end: usize) -> usize {
    (end.saturating_sub(4)..end)
        .rev()
        .find(|&place| text[place] & 0xC0 != 0x80)
        .filter(|&place| text[place] >= 0xC0)
        .unwrap_or(end - 1)
}

/// True for the UTF-8 blocks of punctuation that stand next to addresses in running text: Latin-1 (`«`, no-break space),
/// General Punctuation (`“`, `…`), CJK symbols (`。`), full-width forms.
pub(super) const fn is_punctuation(character: &[u8]) -> bool {
    matches!(
        character,
        [0xC2, ..] | [0xE2, 0x80 | 0x81, ..] | [0xE3, 0x80, ..] | [0xEF, 0xBC, 0x80..=0x8F | 0x9A..=0xA0]
    )
}

/// What stands after `@`.
#[derive(Default)]
struct Host {
    /// Its end; equal to its beginning when there is none.
    end: usize,
    labels: usize,
    /// It ends with a label that can be a top-level domain.
    dotted: bool,
    /// The last label taken.
    last_start: usize,
    first_end: usize,
}

/// Reads labels as long as they go on, and ends with the last that can end a host name.
fn host(text: &[u8], start: usize) -> Host {
    let mut host = Host { end: start, ..Host::default() };
    let mut here = start;
    let mut labels = 0;
    while here < text.len() && here - start < HOST_MAX {
        let label = here;
        let mut end = here;
        let mut first = 0;
        let mut length = 0;
        while let Some((byte, taken)) = decoded_at(text, here) {
            if byte >= 0x80 && taken == 1 {
                let wide =
                    text[here + 1..].iter().take(3).take_while(|&&next| next & 0xC0 == 0x80).count() + 1;
                if is_punctuation(&text[here..here + wide]) {
                    break;
                }
            } else if !(is(byte, ALNUM | HIGH) || matches!(byte, b'-' | b'_')) {
                break;
            }
            if length == 0 {
                first = byte;
            }
            length += 1;
            here += taken;
            if !matches!(byte, b'-' | b'_') {
                end = here;
            }
            if here - start > HOST_MAX {
                break;
            }
        }
        if length == 0 || end == label || first == b'-' {
            break;
        }
        labels += 1;
        if labels == 1 {
            host.first_end = end;
        }
        let letter = is(first, LETTER | HIGH);
        if labels == 1 || (letter && length >= 2) {
            host.end = end;
            host.labels = labels;
            host.last_start = label;
            host.dotted = labels > 1;
        }
        match decoded_at(text, here) {
            Some((b'.', taken)) => here += taken,
            _ => break,
        }
    }
    host
}

/// True when an address stands at `start`, in brackets or not: its own confirmer finds it.
fn address_follows(text: &[u8], start: usize) -> bool {
    let rest = &text[start.min(text.len())..];
    if rest.first() == Some(&b'[') {
        return rest.get(1).is_some_and(|&byte| is(byte, HEX) || byte == b':')
            || rest.get(1..6).is_some_and(|tag| tag.eq_ignore_ascii_case(b"IPv6:"));
    }
    let quad = rest.iter().take(16).take_while(|&&byte| is(byte, DIGIT) || byte == b'.').count();
    let end = rest[..quad].iter().rposition(|&byte| byte != b'.').map_or(0, |last| last + 1);
    if end > 6 && octets(&rest[..end]).is_some() {
        let label = rest.get(end) == Some(&b'.') && rest.get(end + 1).is_some_and(|&byte| is(byte, ALNUM));
        let word = rest.get(end).is_some_and(|&byte| is(byte, ALNUM | UNDERSCORE) || byte == b'-');
        return !label && !word;
    }
    let group = rest.iter().take(5).take_while(|&&byte| is(byte, HEX)).count();
    if group > 4 || rest.get(group) != Some(&b':') {
        return false;
    }
    let next = rest[group + 1..].iter().take(5).take_while(|&&byte| is(byte, HEX)).count();
    next <= 4 && rest.get(group + 1 + next) == Some(&b':') || group == 0 && next > 0
}

/// Endings of file names that are no top-level domains.
fn is_file_ending(label: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 19] = [
        b"png", b"jpg", b"jpeg", b"gif", b"webp", b"svg", b"ico", b"avif", b"css", b"js", b"mjs", b"json",
        b"html", b"htm", b"php", b"woff", b"woff2", b"ttf", b"pdf",
    ];
    ENDINGS.iter().any(|ending| label.eq_ignore_ascii_case(ending))
}

/// The unit types of systemd, whose instances are written `getty@tty1.service`.
fn is_unit(label: &[u8]) -> bool {
    matches!(
        label,
        b"service" | b"socket" | b"timer" | b"mount" | b"slice" | b"scope" | b"target" | b"device"
    )
}

/// Tags of package registries: `/npm/vue@latest/dist`.
fn is_tag(label: &[u8]) -> bool {
    matches!(
        label,
        b"latest" | b"next" | b"beta" | b"alpha" | b"canary" | b"stable" | b"rc" | b"main" | b"master"
    )
}

/// Apache's `UNIQUE_ID` (`Ve8@dcCoAwcAAA0KMroAAAAD`): 24 letters, digits, `@` and `-`, as `mod_unique_id` writes them for IPv4.
fn is_unique_id(text: &[u8], at_sign: usize, after: usize) -> bool {
    const LENGTH: usize = 24;
    let part = |byte: &&u8| is(**byte, ALNUM) || matches!(**byte, b'@' | b'-');
    if after != at_sign + 1 {
        return false;
    }
    let start = at_sign - text[..at_sign].iter().rev().take(LENGTH).take_while(part).count();
    let end = after + text[after..].iter().take(LENGTH).take_while(part).count();
    let id = &text[start..end];
    id.len() == LENGTH
        && id.iter().filter(|byte| byte.is_ascii_uppercase()).count() >= 4
        && id.iter().any(u8::is_ascii_lowercase)
}

/// The forms that experience says are something else.
fn only_looks_like_it(
    text: &[u8],
    start: usize,
    at_sign: usize,
    after: usize,
    host: &Host,
    context: Context,
) -> bool {
    let first = &text[after..host.first_end];
    let last = &text[host.last_start..host.end];
    let digits = first.iter().take_while(|&&byte| is(byte, DIGIT)).count();
    let version = digits == first.len()
        || (first[0] == b'v' && first.len() > 1 && first[1..].iter().all(|&b| is(b, DIGIT)));
    // `logo@2x.png`, `logo@1.5x`.
    if digits > 0 && first.get(digits) == Some(&b'x') && first.len() == digits + 1 {
        return true;
    }
    if !host.dotted {
        // `vue@3`, `vue@3.4.0`, `action@v4`.
        if version || (context.is_url() && is_tag(first)) {
            return true;
        }
        if is_unique_id(text, at_sign, after) {
            return true;
        }
        // A Java object's identity: `org.example.Bridge@5f2050f6`.
        return (5..=16).contains(&first.len())
            && first.iter().all(|&byte| is(byte, HEX))
            && text[start..at_sign].iter().any(u8::is_ascii_uppercase);
    }
    (version && is_file_ending(last))
        || (host.labels == 2 && is_unit(last))
        || (host.labels == 2 && context.is_url() && is_file_ending(last))
}

/// Where `user:password` begins when `//` stands before it (RFC 3986 section 3.2.1).
fn userinfo(text: &[u8], end: usize, sign: usize) -> Option<usize> {
    let limit = end.saturating_sub(LOCAL_MAX);
    let mut here = end;
    let mut colon = false;
    while here > limit {
        let (byte, length) = decoded_before(text, here)?;
        match byte {
            b'/' => {
                let slashes = matches!(decoded_before(text, here - length), Some((b'/', _)));
                return (slashes && colon && here < end).then_some(here);
            }
            // A password may hold an `@` that is escaped where the one at the end is not.
            b'@' if length > sign => {}
            b'@' | b'?' | b'#' | b'"' | b'<' | b'>' | b'\\' | 0..=b' ' => return None,
            b':' => colon = true,
            _ => {}
        }
        here -= length;
    }
    None
}

/// The canonical form of an e-mail address: percent-escapes decoded (once or twice), lower case. Only ASCII letters have
/// cases here: what a mail system makes of others is its own (RFC 6530 section 10.1). `out` is emptied first.
pub fn canonical_email(raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut here = 0;
    while let Some((byte, length)) = decoded_at(raw, here) {
        out.push(byte.to_ascii_lowercase());
        here += length;
    }
    if out.first() == Some(&b'<') && out.last() == Some(&b'>') {
        out.pop();
        out.remove(0);
    }
}
