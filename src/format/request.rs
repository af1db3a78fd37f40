//! The request line: method, target, protocol.
//!
//! *In*: where the request stands in the record, as the server wrote it (escapes and percent-encoding untouched). *Out*:
//! parts for method, path, query and protocol version. *Promised*: every byte that came from the client lies in a part;
//! between the parts stand only spaces, `?` and (a beginning of) `HTTP/`. What is no request becomes one part of free text,
//! and nothing is invented. *Not here*: what a path or query may hold.
//!
//! The rules, in order:
//! - method, one or more spaces, target, space, `HTTP/x.y`: a request, whatever the target (RFC 9112 section 3);
//! - the same without a protocol (HTTP/0.9), or with one that was cut off (`HTTP/1`, `HTT`): a request only if the target looks
//!   like one (`/…`, `*`, `scheme://…`) and the method is in upper case, since any two words would do otherwise;
//! - everything else (TLS hello, `hello`, a lone `\n`) is `http.request.line`.
//!
//! An absolute target (`http://…`) is `url.full`, because its host is the client's word; authorities (`CONNECT host:443`)
//! and targets that are no URL are `url.path`.

use memchr::{memchr, memrchr};

use crate::record::span::Parsed;

/// Slots that a request line fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSlots {
    /// `http.request.method`.
    pub method: u16,
    /// The target.
    pub target: TargetSlots,
    /// `network.protocol.version`.
    pub version: u16,
    /// `http.request.line`: what is no request.
    pub line: u16,
}

/// Slots that a request target fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetSlots {
    /// `url.path`.
    pub path: u16,
    /// `url.query`.
    pub query: u16,
    /// `url.full`, for targets with a scheme.
    pub full: u16,
}

/// Splits the request line at `start..end` of `record`. An absent one (`-` or nothing) gives no part.
#[inline]
pub fn split(record: &[u8], start: usize, end: usize, slots: &RequestSlots, parsed: &mut Parsed) {
    let line = &record[start..end];
    let method_len = method_len(line);
    // By far the most requests end in ` HTTP/1.1` or another version of two digits.
    if method_len > 0 && method_len + 9 < line.len() && ends_in_protocol(line) && is_request(line, method_len)
    {
        parsed.push(slots.method, start, start + method_len);
        target_between(record, start + method_len, end - 9, slots.target, parsed);
        parsed.push(slots.version, end - 3, end);
        return;
    }
    split_odd(record, start, end, method_len, slots, parsed);
}

/// False for `Basic dXNlcjpwYXNz HTTP/1.1`: a word that is no method in capitals before something that is no path is junk, and
/// junk is searched as a whole.
#[inline]
fn is_request(line: &[u8], method_len: usize) -> bool {
    let target = line[method_len..].trim_ascii_start();
    matches!(target.first(), Some(b'/' | b'*'))
        || line[..method_len].iter().all(|byte| !byte.is_ascii_lowercase())
        || (!target.is_empty() && is_absolute(target))
}

/// True for ` HTTP/x.y` at the end.
#[inline]
fn ends_in_protocol(line: &[u8]) -> bool {
    let Some([b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor]) = line.last_chunk::<9>() else {
        return false;
    };
    major.is_ascii_digit() && minor.is_ascii_digit()
}

#[cold]
fn split_odd(
    record: &[u8],
    start: usize,
    end: usize,
    method_len: usize,
    slots: &RequestSlots,
    parsed: &mut Parsed,
) {
    let line = &record[start..end];
    if line.is_empty() || line == b"-" {
        return;
    }
    let junk = |parsed: &mut Parsed| parsed.push(slots.line, start, end);
    if method_len == 0 {
        return junk(parsed);
    }
    let target_start = method_len + line[method_len..].iter().take_while(|&&byte| byte == b' ').count();
    let last_space = memrchr(b' ', line).unwrap_or(0);
    let word = &line[last_space + 1..];
    let protocol = if last_space >= target_start { protocol(word) } else { Protocol::None };
    let target_end = if protocol == Protocol::None { line.len() } else { last_space };
    let complete =
        matches!(protocol, Protocol::Http { .. } | Protocol::Other) && is_request(line, method_len);
    if target_start >= target_end || !(complete || looks_like_target(line, method_len, target_start)) {
        return junk(parsed);
    }
    parsed.push(slots.method, start, start + method_len);
    target_between(record, start + target_start, start + target_end, slots.target, parsed);
    match protocol {
        Protocol::Http { version_at } => parsed.push(slots.version, start + last_space + 1 + version_at, end),
        Protocol::Other => parsed.push(slots.version, start + last_space + 1, end),
        Protocol::Chopped | Protocol::None => {}
    }
}

/// Splits a target at its first `?`; an absolute one stays whole.
#[inline]
pub fn split_target(record: &[u8], start: usize, end: usize, slots: &TargetSlots, parsed: &mut Parsed) {
    let target = &record[start..end];
    if target.first() != Some(&b'/') && is_absolute(target) {
        parsed.push(slots.full, start, end);
        return;
    }
    let path_end = memchr(b'?', target).map_or(end, |at| start + at);
    if path_end > start {
        parsed.push(slots.path, start, path_end);
    }
    if path_end + 1 < end {
        parsed.push(slots.query, path_end + 1, end);
    }
}

/// As [`split_target`], without spaces at either end.
#[inline]
fn target_between(record: &[u8], mut start: usize, mut end: usize, slots: TargetSlots, parsed: &mut Parsed) {
    while start < end && record[start] == b' ' {
        start += 1;
    }
    while end > start && record[end - 1] == b' ' {
        end -= 1;
    }
    split_target(record, start, end, &slots, parsed);
}

/// The length of the method and 0 when there is none: a token (RFC 9110 section 5.6.2) that begins with a letter, of at
/// most 32 bytes, before a space.
#[inline]
pub(super) fn method_len(line: &[u8]) -> usize {
    match line {
        [b'G', b'E', b'T', b' ', ..] => return 3,
        [b'P', b'O', b'S', b'T', b' ', ..] => return 4,
        _ => {}
    }
    let mut len = 0;
    while let Some(&byte) = line.get(len) {
        if byte == b' ' {
            return if line[0].is_ascii_alphabetic() { len } else { 0 };
        }
        if len == 32 || !is_token(byte) {
            return 0;
        }
        len += 1;
    }
    0
}

#[inline]
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// `HTTP/…` with a version at that byte of the word.
    Http { version_at: usize },
    /// `RTSP/1.0`: the whole word is the value, since another's name is the client's word.
    Other,
    /// The beginning of `HTTP/`, perhaps with half a version.
    Chopped,
    /// No protocol.
    None,
}

fn protocol(word: &[u8]) -> Protocol {
    const NAME: &[u8] = b"HTTP/";
    let common = word.len().min(NAME.len());
    if word[..common].eq_ignore_ascii_case(&NAME[..common]) {
        return match &word[common..] {
            [] if word.is_empty() => Protocol::None,
            [b'2' | b'3'] | [b'0'..=b'9', b'.', b'0'..=b'9'] => Protocol::Http { version_at: common },
            [] | [b'0'..=b'9'] | [b'0'..=b'9', b'.'] => Protocol::Chopped,
            _ => Protocol::None,
        };
    }
    match word {
        [name @ .., b'/', b'0'..=b'9', b'.', b'0'..=b'9']
            if (2..=10).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase) =>
        {
            Protocol::Other
        }
        _ => Protocol::None,
    }
}

fn looks_like_target(line: &[u8], method_len: usize, target_start: usize) -> bool {
    let target = &line[target_start..];
    line[..method_len].iter().all(u8::is_ascii_uppercase)
        && (target[0] == b'/' || target[0] == b'*' || is_absolute(target))
}

/// True for `scheme://…` (RFC 3986 section 3).
fn is_absolute(target: &[u8]) -> bool {
    let scheme_len = target
        .iter()
        .take(16)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    scheme_len > 0 && target[0].is_ascii_alphabetic() && target[scheme_len..].starts_with(b"://")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLOTS: RequestSlots =
        RequestSlots { method: 0, target: TargetSlots { path: 1, query: 2, full: 3 }, version: 4, line: 5 };
    const NAMES: [&str; 6] = ["method", "path", "query", "full", "version", "line"];

    fn parts(line: &str) -> Vec<(&'static str, String)> {
        let record = format!("x {line} y");
        let mut parsed = Parsed::default();
        split(record.as_bytes(), 2, 2 + line.len(), &SLOTS, &mut parsed);
        let text = |part: &crate::record::span::Part| {
            String::from_utf8_lossy(part.of(record.as_bytes())).into_owned()
        };
        parsed.parts.iter().map(|part| (NAMES[part.slot as usize], text(part))).collect()
    }

    fn check(line: &str, expected: &[(&'static str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|&(name, text)| (name, text.to_owned())).collect();
        assert_eq!(parts(line), expected, "{line}");
    }

    #[test]
    fn requests() {
        check("GET / HTTP/1.1", &[("method", "GET"), ("path", "/"), ("version", "1.1")]);
        check(
            "GET /a?b=c?d HTTP/2.0",
            &[("method", "GET"), ("path", "/a"), ("query", "b=c?d"), ("version", "2.0")],
        );
        check("GET /a? HTTP/1.0", &[("method", "GET"), ("path", "/a"), ("version", "1.0")]);
        check("GET ?q HTTP/1.0", &[("method", "GET"), ("query", "q"), ("version", "1.0")]);
        check(
            "PROPFIND /%20%41 HTTP/1.1",
            &[("method", "PROPFIND"), ("path", "/%20%41"), ("version", "1.1")],
        );
        check("M-SEARCH * HTTP/1.1", &[("method", "M-SEARCH"), ("path", "*"), ("version", "1.1")]);
        check("GET /a b c HTTP/1.1", &[("method", "GET"), ("path", "/a b c"), ("version", "1.1")]);
        check("GET  /  HTTP/1.1", &[("method", "GET"), ("path", "/"), ("version", "1.1")]);
        check("GET / HTTP/2", &[("method", "GET"), ("path", "/"), ("version", "2")]);
        check("get / http/1.1", &[("method", "get"), ("path", "/"), ("version", "1.1")]);
        check("GET not/a/url HTTP/1.0", &[("method", "GET"), ("path", "not/a/url"), ("version", "1.0")]);
        check("OPTIONS / RTSP/1.0", &[("method", "OPTIONS"), ("path", "/"), ("version", "RTSP/1.0")]);
        check(r"GET /\x22 HTTP/1.1", &[("method", "GET"), ("path", r"/\x22"), ("version", "1.1")]);
    }

    #[test]
    fn absolute_and_authority_forms() {
        check(
            "GET http://u:p@example.org/a?x HTTP/1.1",
            &[("method", "GET"), ("full", "http://u:p@example.org/a?x"), ("version", "1.1")],
        );
        check(
            "CONNECT example.org:443 HTTP/1.1",
            &[("method", "CONNECT"), ("path", "example.org:443"), ("version", "1.1")],
        );
    }

    #[test]
    fn without_or_with_half_a_protocol() {
        check("GET /", &[("method", "GET"), ("path", "/")]);
        check("GET /a b?c", &[("method", "GET"), ("path", "/a b"), ("query", "c")]);
        check("GET http://example.org/", &[("method", "GET"), ("full", "http://example.org/")]);
        for chopped in ["H", "HTT", "HTTP/", "HTTP/1", "HTTP/1."] {
            check(&format!("GET /a {chopped}"), &[("method", "GET"), ("path", "/a")]);
        }
        check("GET /a HTTP/1.1x", &[("method", "GET"), ("path", "/a HTTP/1.1x")]);
    }

    #[test]
    fn junk_stays_junk() {
        for junk in [
            r"\x16\x03\x01\x02\x00\x01\x00",
            "hello",
            r"\n",
            "USER alice",
            "SSH-2.0-OpenSSH_9.6",
            "GET",
            "GET ",
            "  ",
            " / HTTP/1.1",
            "HTTP/1.1",
            "GET HTTP/1.1",
            "\u{1}\u{2} / HTTP/1.1",
            "alice example.org secret",
        ] {
            check(junk, &[("line", junk)]);
        }
        check("-", &[]);
        check("", &[]);
    }

    proptest! {
        #[test]
        fn gaps_hold_only_fixed_words(line in proptest::collection::vec(prop_oneof![
            "[A-Z]{1,5}", Just(" ".to_owned()), Just("HTTP/1.1".to_owned()), Just("?".to_owned()), Just("/".to_owned()),
            Just("://".to_owned()), "\\PC{0,3}", Just("HTTP/".to_owned()), "[0-9.]{1,3}"], 0..9)) {
            let line = line.concat();
            let mut parsed = Parsed::default();
            split(line.as_bytes(), 0, line.len(), &SLOTS, &mut parsed);
            let mut at = 0;
            for part in &parsed.parts {
                prop_assert!(part.start as usize >= at && part.start < part.end);
                let gap = &line.as_bytes()[at..part.start as usize];
                let gap: Vec<u8> = gap.to_ascii_uppercase().into_iter().filter(|byte| !b" ?".contains(byte)).collect();
                prop_assert!(b"HTTP/".starts_with(&gap[..]));
                at = part.end as usize;
            }
            let rest = line[at..].trim_start_matches([' ', '?']).to_ascii_uppercase();
            let stem = rest.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
            prop_assert!(line == "-" || "HTTP/".starts_with(stem));
        }
    }
}
