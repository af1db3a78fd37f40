//! What dashes and underscores hold together: addresses inside host names, hardware addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{ALNUM, DIGIT, HEX, HEX_LETTER, HIGH, LETTER, at, before, hex_value, is, precedes};
use super::{Finding, Search, What};

/// Looks at `text[here]`, which follows a dash or an underscore.
pub(super) fn visit(search: &mut Search<'_>, here: usize) {
    if here < 2 {
        return;
    }
    let text = search.text;
    let digits = is(text[here], DIGIT) && is(text[here - 2], DIGIT);
    if digits && here >= search.done.dashed_digits {
        quad(search, here);
    }
    if text[here - 1] == b'-' && is(text[here], HEX) && here >= search.done.dashed_hex {
        hex(search, here);
    }
}

/// The run of digits and single dashes around `here`: `203-0-113-7`.
fn quad(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let dash = text[here - 1];
    let (mut start, mut end) = (here, here);
    loop {
        while before(text, start, DIGIT) {
            start -= 1;
        }
        if start >= 2 && text[start - 1] == dash && is(text[start - 2], DIGIT) {
            start -= 1;
        } else {
            break;
        }
    }
    loop {
        while at(text, end, DIGIT) {
            end += 1;
        }
        if at(text, end + 1, DIGIT) && text[end] == dash {
            end += 1;
        } else {
            break;
        }
    }
    search.done.dashed_digits = end;
    if start >= 2 && text[start - 1] == b'.' && is(text[start - 2], DIGIT) {
        // The tail of a version: `3.0.1-2-11-111`.
        return;
    }
    let mut groups = text[start..end].iter().filter(|&&byte| byte == dash).count() + 1;
    if groups == 5 && before(text, start, LETTER) {
        // The first number belongs to the word before: `p5-203-0-113-7`.
        while text[start] != dash {
            start += 1;
        }
        start += 1;
        groups = 4;
    }
    let host = at(text, end + 1, LETTER) && text[end] == b'.';
    match groups {
        4 => {
            if let Some(octets) = octets(&text[start..end], dash) {
                search.push_address(start, end, Ipv4Addr::from(octets));
            }
        }
        // More numbers in a host name: all of them go. `ip-10-0-0-1-443`: the first four.
        5..=8 if host => {
            let mut first = end;
            let mut left = 4;
            while left > 0 && first > start {
                first -= 1;
                left -= usize::from(text[first] == dash);
            }
            if let Some(octets) = octets(&text[first + 1..end], dash) {
                search.push_address(start, end, Ipv4Addr::from(octets));
            }
        }
        5..=8
            if [&b"ip"[..], b"ec2", b"host", b"dsl"]
                .iter()
                .any(|word| precedes(text, start.saturating_sub(1), word)) =>
        {
            let mut last = start;
            let mut left = 4;
            while left > 0 && last < end {
                left -= usize::from(text[last] == dash);
                last += 1;
            }
            if let Some(octets) = octets(&text[start..last - 1], dash) {
                search.push_address(start, last - 1, Ipv4Addr::from(octets));
            }
        }
        _ => {}
    }
}

/// Four groups of one to three digits, none above 255. A group of two digits that begins with zero is part of a date.
fn octets(text: &[u8], dash: u8) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut groups = text.split(|&byte| byte == dash);
    for octet in &mut octets {
        let group = groups.next()?;
        if group.is_empty() || group.len() > 3 || (group.len() == 2 && group[0] == b'0') {
            return None;
        }
        let value = group.iter().fold(0_u16, |value, &byte| value * 10 + u16::from(byte - b'0'));
        *octet = u8::try_from(value).ok()?;
    }
    groups.next().is_none().then_some(octets)
}

/// The run of hexadecimal digits and dashes around `here`: `00-1A-2B-3C-4D-5E`, `2001-db8--1`.
fn hex(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let part = |byte: u8| is(byte, HEX) || byte == b'-';
    let (mut start, mut end) = (here, here);
    while start > 0 && part(text[start - 1]) {
        start -= 1;
    }
    while end < text.len() && part(text[end]) {
        end += 1;
    }
    search.done.dashed_hex = end;
    while text[start] == b'-' && start + 1 < end {
        start += 1;
    }
    // A first group that belongs to a word (`ip6-2001-db8--1`), unless it can itself begin an address.
    let first = text[start..end].iter().take_while(|&&byte| byte != b'-').count();
    if before(text, start, ALNUM | HIGH) && !(first == 4 && begins_address(&text[start..end])) {
        start += first;
        while start < end && text[start] == b'-' {
            start += 1;
        }
    }
    // A last group that belongs to a word: `fe80--1-link`.
    if at(text, end, ALNUM | HIGH) {
        while end > start && text[end - 1] != b'-' {
            end -= 1;
        }
    }
    while end > start && text[end - 1] == b'-' && text.get(end - 2) != Some(&b'-') {
        end -= 1;
    }
    let run = &text[start..end];
    if run.len() > 40 || run.len() < 5 {
        return;
    }
    if let Some(mac) = hardware(run) {
        search.push(Finding { start, end, what: What::Mac(mac) });
    } else if let Some(address) = dashed_v6(run) {
        search.push_address(start, end, address);
    }
}

/// Six pairs.
fn hardware(run: &[u8]) -> Option<[u8; 6]> {
    if run.len() != 17 {
        return None;
    }
    let mut mac = [0; 6];
    for (slot, pair) in mac.iter_mut().zip(run.chunks(3)) {
        if pair[0] == b'-' || pair[1] == b'-' || pair.get(2).is_some_and(|&byte| byte != b'-') {
            return None;
        }
        *slot = hex_value(pair[0]) << 4 | hex_value(pair[1]);
    }
    Some(mac)
}

/// True for the beginnings of addresses in use: 2000::/3, fe80::/10, fc00::/7.
fn begins_address(run: &[u8]) -> bool {
    matches!(
        run,
        [b'2' | b'3', _, _, ..]
            | [b'f' | b'F', b'e' | b'E', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..]
            | [b'f' | b'F', b'c' | b'd' | b'C' | b'D', ..]
    )
}

/// An IPv6 address whose colons were written as dashes.
fn dashed_v6(run: &[u8]) -> Option<Ipv6Addr> {
    let first = run.iter().take_while(|&&byte| byte != b'-').count();
    if first != 4 || !begins_address(run) {
        return None;
    }
    let mut spelled = [0; 40];
    for (slot, &byte) in spelled.iter_mut().zip(run) {
        *slot = if byte == b'-' { b':' } else { byte };
    }
    let spelled = std::str::from_utf8(&spelled[..run.len()]).ok()?;
    let address: Ipv6Addr = spelled.parse().ok()?;
    let second = run[5..].iter().take_while(|&&byte| byte != b'-').count();
    // `2024-01-15--10-30` is a date and a time.
    let letters = run.iter().any(|&byte| is(byte, HEX_LETTER));
    (letters || second >= 3).then_some(address)
}
