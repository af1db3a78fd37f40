//! The grammars in which harmless values may leave.
//!
//! Many harmless fields are filled by the client (the method, the host, the protocol), so that a value is harmless only when
//! it looks like one. What does not hold here is scrubbed as free text by the caller.

use crate::record::field::Grammar;

/// Registered methods (IANA HTTP method registry), and `PROPFIND` and its relatives.
const METHODS: [&[u8]; 41] = [
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"ACL",
    b"BIND",
    b"UNBIND",
    b"REBIND",
    b"LINK",
    b"UNLINK",
    b"MERGE",
    b"LABEL",
    b"CHECKIN",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"UPDATE",
    b"UPDATEREDIRECTREF",
    b"MKACTIVITY",
    b"MKCALENDAR",
    b"MKREDIRECTREF",
    b"MKWORKSPACE",
    b"ORDERPATCH",
    b"BASELINE-CONTROL",
    b"VERSION-CONTROL",
    b"PRI",
    b"PURGE",
    b"QUERY",
];

/// True when `value` is of the grammar.
#[inline]
pub fn holds(grammar: Grammar, value: &[u8]) -> bool {
    match grammar {
        Grammar::Method => matches!(value, b"GET" | b"POST" | b"HEAD") || METHODS.contains(&value),
        Grammar::Protocol => protocol(value),
        Grammar::Status => value.len() == 3 && value.iter().all(u8::is_ascii_digit) || value == b"-",
        Grammar::Integer => integer(value) || value == b"-",
        Grammar::Decimal => decimals(value),
        // Names of hosts and words can hold an address or a token: only the finder can say, so they are always searched.
        Grammar::Host | Grammar::Word => false,
    }
}

/// True for a host name or a word as programs write them, in which nothing is escaped and nothing is a sentence.
pub fn is_word(value: &[u8]) -> bool {
    const WORDS: [bool; 256] = {
        let mut words = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            let is_punctuation = matches!(
                byte as u8,
                b'.' | b'_' | b'-' | b'/' | b':' | b'<' | b'>' | b'$' | b'#' | b'[' | b']'
            );
            words[byte] = (byte as u8).is_ascii_alphanumeric() || is_punctuation;
            byte += 1;
        }
        words
    };
    value.iter().all(|&byte| WORDS[usize::from(byte)])
}

/// Digits, few enough for a counter: a longer run could be a telephone or card number.
fn integer(value: &[u8]) -> bool {
    (1..=20).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
}

fn protocol(value: &[u8]) -> bool {
    let version = value.strip_prefix(b"HTTP/").or_else(|| value.strip_prefix(b"h")).unwrap_or(value);
    match version {
        [major] => major.is_ascii_digit(),
        [major, b'.', minor] => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

/// A decimal number, or a list of them as upstream variables write it: `0.001, 0.002 : -`. A dotted quad is not one.
fn decimals(value: &[u8]) -> bool {
    let mut points = 0;
    if value.is_empty() || value.len() > 256 {
        return false;
    }
    for byte in value {
        match byte {
            b'0'..=b'9' => {}
            b'.' if points == 0 => points = 1,
            b' ' | b',' | b':' | b'-' => points = 0,
            _ => return false,
        }
    }
    !looks_like_date_or_phone(value)
}

/// Lists of durations are separated by `, ` or ` : `; digits joined by a bare `-` or `:` are something else.
fn looks_like_date_or_phone(value: &[u8]) -> bool {
    value.windows(3).any(|w| matches!(w[1], b'-' | b':') && w[0].is_ascii_digit() && w[2].is_ascii_digit())
        || value.split(|b| matches!(b, b',' | b':' | b' ')).any(|number| number.len() > 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_values_hold() {
        assert!(
            holds(Grammar::Method, b"GET")
                && holds(Grammar::Protocol, b"1.1")
                && holds(Grammar::Protocol, b"HTTP/2")
        );
        assert!(
            holds(Grammar::Status, b"404")
                && holds(Grammar::Status, b"000")
                && holds(Grammar::Integer, b"51234")
        );
        assert!(holds(Grammar::Decimal, b"0.001, 0.020 : -") && holds(Grammar::Decimal, b"12"));
    }

    #[test]
    fn what_could_be_an_identifier_does_not() {
        assert!(!holds(Grammar::Method, b"alice@example.org") && !holds(Grammar::Method, b"get"));
        assert!(
            !holds(Grammar::Host, b"203-0-113-7.example.net")
                && !holds(Grammar::Word, b"eyJhbGciOiJIUzI1NiJ9")
        );
        assert!(!holds(Grammar::Decimal, b"203.0.113.7"));
        assert!(
            !holds(Grammar::Decimal, b"06-12345678") && !holds(Grammar::Integer, b"123456789012345678901")
        );
    }
}
