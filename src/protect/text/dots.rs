//! What dots hold together: dotted quads, reversed names under `ip6.arpa`, hardware addresses in Cisco's spelling.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{ALNUM, DIGIT, HEX, HEX_LETTER, LETTER, at, before, follows, hex_value, is, precedes};
use super::versions::{self, is_version};
use super::{Context, Finding, Search, What};

/// Looks at `text[here]`, which follows a dot.
pub(super) fn visit(search: &mut Search<'_>, here: usize) {
    if search.context == Context::Agent
        && here >= search.done.quads
        && let Some(end) = versions::plain_version(search.text, here)
    {
        // Groups of three digits at most are neither a hardware address nor a reversed name.
        search.done.quads = end;
        return;
    }
    if here >= search.done.quads
        && at(search.text, here, DIGIT)
        && here >= 2
        && is(search.text[here - 2], DIGIT)
    {
        quad(search, here);
    }
    if here >= 10 && search.text[here - 6] == b'.' {
        hardware(search, here);
    }
    if here >= 16 && here >= search.done.nibbles && search.text[here - 3] == b'.' {
        nibbles(search, here);
    }
}

/// The run of digits and single dots around `here`, decided once.
fn quad(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let (mut start, mut end) = (here, here);
    let mut groups = 1;
    loop {
        while before(text, start, DIGIT) {
            start -= 1;
        }
        if start >= 2 && text[start - 1] == b'.' && is(text[start - 2], DIGIT) {
            start -= 1;
            groups += 1;
        } else {
            break;
        }
    }
    loop {
        while at(text, end, DIGIT) {
            end += 1;
        }
        if at(text, end + 1, DIGIT) && text[end] == b'.' {
            end += 1;
            groups += 1;
        } else {
            break;
        }
    }
    search.done.quads = end;
    if start == 0 || !b"%xu".contains(&text[start - 1]) {
        decide(search, start, end, groups);
    } else {
        let begin = after_escape(text, start);
        let lost = memchr::memchr_iter(b'.', &text[start..begin]).count();
        decide(search, begin, end, groups - lost);
    }
}

/// Decides a run of `groups` groups of digits.
fn decide(search: &mut Search<'_>, start: usize, end: usize, groups: usize) {
    let text = search.text;
    let reversed = text.get(end) == Some(&b'.') && follows(text, end, b".in-addr.arpa");
    if groups == 4 {
        let Some(octets) = octets(&text[start..end]) else { return };
        if reversed {
            let [d, c, b, a] = octets;
            search.push_address(start, end, Ipv4Addr::new(a, b, c, d));
        } else if !is_version(text, start, end, search.context) {
            search.push_address(start, end, Ipv4Addr::from(octets));
        }
        return;
    }
    if groups < 4 {
        return;
    }
    let last_four = last_groups(text, start, end, 4);
    if groups == 5 && captured(text, start, end) {
        // `203.0.113.7.443 >`: the last group is the port.
        let port = last_groups(text, start, end, 1) - 1;
        if let Some(octets) = octets(&text[start..port]) {
            search.push_address(start, port, Ipv4Addr::from(octets));
        }
    } else if let Some([d, c, b, a]) = octets(&text[last_four..end]) {
        if reversed {
            search.push_address(last_four, end, Ipv4Addr::new(a, b, c, d));
        } else if in_host_name(text, end) && !follows(text, end, b".ip6.arpa") {
            // A host name with more numbers than an address has: which four is unknown, so all of them go.
            search.push_address(start, end, Ipv4Addr::new(d, c, b, a));
        }
    }
}

/// Four groups of one to three digits, none above 255; leading zeros are decimal, as log writers pad.
pub(super) fn octets(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut group = 0;
    let mut digits = 0;
    let mut value = 0_u16;
    for &byte in text {
        if byte == b'.' {
            if digits == 0 || group == 3 {
                return None;
            }
            octets[group] = u8::try_from(value).ok()?;
            group += 1;
            digits = 0;
            value = 0;
        } else {
            digits += 1;
            if digits > 3 || !is(byte, DIGIT) {
                return None;
            }
            value = value * 10 + u16::from(byte - b'0');
        }
    }
    if group < 3 || digits == 0 {
        return None;
    }
    octets[3] = u8::try_from(value).ok()?;
    Some(octets)
}

/// Where digits begin that follow an escape whose own digits touch them: `%22203.0.113.7`, `\x22203.0.113.7`.
fn after_escape(text: &[u8], start: usize) -> usize {
    let digits = text[start..].iter().take_while(|&&byte| is(byte, DIGIT)).count();
    let skip = if precedes(text, start, b"%") && digits > 2 {
        if digits > 5 && text[start..].starts_with(b"25") { 4 } else { 2 }
    } else if precedes(text, start, b"%") && digits == 2 {
        // `%20.1.2.3.4` is an escape and a dot; `%12.34.56.78` may be an address behind a percent sign.
        let dots = text[start..].iter().take_while(|&&byte| is(byte, DIGIT) || byte == b'.');
        if dots.filter(|&&byte| byte == b'.').count() == 4 { 3 } else { 0 }
    } else if precedes(text, start, b"\\x") && digits > 2 {
        2
    } else if precedes(text, start, b"\\u") && digits > 4 {
        4
    } else {
        0
    };
    start + skip
}

/// Where the last `count` groups of `text[start..end]` begin.
fn last_groups(text: &[u8], start: usize, end: usize, count: usize) -> usize {
    let mut left = count;
    let mut here = end;
    while here > start {
        if text[here - 1] == b'.' {
            left -= 1;
            if left == 0 {
                break;
            }
        }
        here -= 1;
    }
    here
}

/// True for `IP 203.0.113.7.443 > 198.51.100.2.51234:`, the layout of packet captures.
fn captured(text: &[u8], start: usize, end: usize) -> bool {
    follows(text, end, b" > ") || precedes(text, start, b" > ") || precedes(text, start, b"IP ")
}

/// True when a dot and at least two more labels follow that begin with a letter: the rest of a host name.
fn in_host_name(text: &[u8], end: usize) -> bool {
    let mut here = end;
    for _ in 0..2 {
        if !(at(text, here + 1, LETTER) && text[here] == b'.') || follows(text, here, b".tar.") {
            return false;
        }
        here += 1;
        while at(text, here, ALNUM) || text.get(here) == Some(&b'-') {
            here += 1;
            if here > end + 128 {
                return false;
            }
        }
    }
    true
}

/// `0012.3456.789a`, whose last group begins at `here`. Only digits would be a number or a date.
fn hardware(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let (start, end) = (here - 10, here + 4);
    let Some(spelled) = text.get(start..end) else { return };
    let groups = spelled
        .iter()
        .enumerate()
        .all(|(place, &byte)| if place == 4 || place == 9 { byte == b'.' } else { is(byte, HEX) });
    let joined = before(text, start, ALNUM)
        || at(text, end, ALNUM)
        || (start >= 2 && text[start - 1] == b'.' && is(text[start - 2], ALNUM))
        || (at(text, end + 1, ALNUM) && text[end] == b'.');
    if !groups || joined || !spelled.iter().any(|&byte| is(byte, HEX_LETTER)) {
        return;
    }
    let mut mac = [0; 6];
    let digits = spelled.iter().filter(|&&byte| byte != b'.');
    for (place, &digit) in digits.enumerate() {
        mac[place / 2] = mac[place / 2] << 4 | hex_value(digit);
    }
    search.push(Finding { start, end, what: What::Mac(mac) });
}

/// `1.0.0.0.….8.b.d.0.1.0.0.2.ip6.arpa` (RFC 3596 section 2.5), whole or the name of a network.
fn nibbles(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let single =
        |place: usize| at(text, place, HEX) && !before(text, place, ALNUM) && !at(text, place + 1, ALNUM);
    if !single(here) {
        return;
    }
    let (mut start, mut end) = (here, here + 1);
    while start >= 2 && text[start - 1] == b'.' && single(start - 2) {
        start -= 2;
    }
    while text.get(end) == Some(&b'.') && single(end + 1) {
        end += 2;
    }
    search.done.nibbles = end;
    if !follows(text, end, b".ip6.arpa") || end - start < 17 {
        return;
    }
    let mut value = 0_u128;
    let count = usize::min((end - start).div_ceil(2), 32);
    for nibble in 0..count {
        value = value << 4 | u128::from(hex_value(text[end - 1 - 2 * nibble]));
    }
    value = value.checked_shl(4 * (32 - count as u32)).unwrap_or(0);
    search.push_address(start, end, Ipv6Addr::from(value));
}
