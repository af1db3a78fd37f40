//! How servers write awkward bytes inside a value, undone exactly once, and done again on the way out.
//!
//! *In*: the bytes of one value as they stand in the record, or a decoded value. *Out*: the other. *Promised*: total on any
//! bytes, linear, `decode(encode(x)) == x` (for JSON: for `x` that is UTF-8), and JSON output is always valid UTF-8. *Not
//! here*: where a value ends (`logformat::program`), whether JSON is well formed (`json`).
//!
//! An escape that is unknown or broken stays as it is written: the value then reads a little odd, but no byte of it is
//! hidden from the search for identifiers.

use memchr::memchr;

use crate::record::span::{Escape, Refusal};

/// Appends to `out` what the client sent, given how the server wrote it.
///
/// nginx writes `\xHH` (`ngx_http_log_escape`), Apache `\"`, `\\`, C escapes and `\xhh` (`ap_escape_logitem`), JSON the
/// escapes of RFC 8259 section 7. nginx's decoder also understands `\"` and `\\`, which nginx itself never writes: a
/// relay between may have. Lone surrogates of JSON become U+FFFD. At present no input is refused; callers must not
/// count on it.
#[inline]
pub fn decode(escape: Escape, raw: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut rest = raw;
    if escape != Escape::None {
        while let Some(at) = memchr(b'\\', rest) {
            let (clean, from_backslash) = rest.split_at(at);
            out.extend_from_slice(clean);
            let used = match escape {
                Escape::None => 0,
                Escape::Nginx => decode_nginx(from_backslash, out),
                Escape::Apache | Escape::ApacheError => decode_apache(from_backslash, out),
                Escape::Json => decode_json(from_backslash, out),
            };
            rest = &from_backslash[used..];
        }
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Appends `value` to `out` as the server itself would write it. Under [`Escape::None`] it is copied.
#[inline]
pub fn encode(escape: Escape, value: &[u8], out: &mut Vec<u8>) {
    match escape {
        Escape::None => out.extend_from_slice(value),
        Escape::Json => encode_json(value, out),
        Escape::Nginx | Escape::Apache | Escape::ApacheError if is_plain(value) => {
            out.extend_from_slice(value);
        }
        Escape::Nginx => value.iter().for_each(|&byte| encode_nginx(byte, out)),
        Escape::Apache => value.iter().for_each(|&byte| encode_apache(byte, out)),
        // `ap_escape_errorlog_item`: no need for this in error log.
        Escape::ApacheError => value.iter().for_each(|&byte| match byte {
            b'"' => out.push(byte),
            _ => encode_apache(byte, out),
        }),
    }
}

/// Appends the inside of a JSON string (RFC 8259 section 7) that means `value`: bytes that are not UTF-8 become U+FFFD.
///
/// Nearly every value is printable ASCII without `"` and `\`: that is checked a block at a time and copied in one go.
#[inline]
pub fn encode_json(value: &[u8], out: &mut Vec<u8>) {
    if is_plain(value) {
        out.extend_from_slice(value);
    } else {
        encode_json_slowly(value, out);
    }
}

/// True when no server and no JSON writer would change a byte: 32 to 127 without `"` and `\`. (127 is written as it is in
/// JSON and escaped by servers; it counts as not plain, which costs nothing.)
#[inline]
pub fn is_plain(value: &[u8]) -> bool {
    const BLOCK: usize = 16;
    // Without a branch inside, so that the compiler turns a block into a few vector instructions.
    let odd = |block: &[u8]| block.iter().fold(false, |odd, &byte| odd | is_odd(byte));
    let Some(last) = value.last_chunk::<BLOCK>() else { return !odd(value) };
    // The last block overlaps the one before it, which is cheaper than its bytes one by one.
    !value.as_chunks::<BLOCK>().0.iter().any(|block| odd(block)) && !odd(last)
}

#[inline]
const fn is_odd(byte: u8) -> bool {
    // As signed bytes, everything from 128 up is negative and so below 32 as well.
    (byte.cast_signed() < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

#[cold]
fn encode_json_slowly(value: &[u8], out: &mut Vec<u8>) {
    out.reserve(value.len() + 16);
    for chunk in value.utf8_chunks() {
        let text = chunk.valid().as_bytes();
        let mut copied = 0;
        for (at, &byte) in text.iter().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            out.extend_from_slice(&text[copied..at]);
            copied = at + 1;
            out.push(b'\\');
            match byte {
                b'"' | b'\\' => out.push(byte),
                b'\n' => out.push(b'n'),
                b'\r' => out.push(b'r'),
                b'\t' => out.push(b't'),
                0x08 => out.push(b'b'),
                0x0c => out.push(b'f'),
                _ => out.extend_from_slice(&[
                    b'u',
                    b'0',
                    b'0',
                    LOWER[usize::from(byte >> 4)],
                    LOWER[usize::from(byte & 15)],
                ]),
            }
        }
        out.extend_from_slice(&text[copied..]);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn encode_nginx(byte: u8, out: &mut Vec<u8>) {
    if is_odd(byte) {
        out.extend_from_slice(&[b'\\', b'x', UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 15)]]);
    } else {
        out.push(byte);
    }
}

fn encode_apache(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x0b => b'v',
        _ if is_odd(byte) => {
            out.extend_from_slice(&[
                b'\\',
                b'x',
                LOWER[usize::from(byte >> 4)],
                LOWER[usize::from(byte & 15)],
            ]);
            return;
        }
        _ => {
            out.push(byte);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Each decoder of one escape gets the text from its backslash on, appends what it means, and says how many bytes it used
/// (at least one, so that decoding always advances).
fn decode_nginx(text: &[u8], out: &mut Vec<u8>) -> usize {
    match *text {
        [_, b'x', high, low, ..] => decode_hex(high, low, out),
        [_, byte @ (b'"' | b'\\'), ..] => {
            out.push(byte);
            2
        }
        _ => verbatim(out),
    }
}

fn decode_apache(text: &[u8], out: &mut Vec<u8>) -> usize {
    let byte = match *text {
        [_, b'x', high, low, ..] => return decode_hex(high, low, out),
        [_, byte @ (b'"' | b'\\'), ..] => byte,
        [_, b'n', ..] => b'\n',
        [_, b't', ..] => b'\t',
        [_, b'r', ..] => b'\r',
        [_, b'b', ..] => 0x08,
        [_, b'v', ..] => 0x0b,
        [_, b'f', ..] => 0x0c,
        [_, b'a', ..] => 0x07,
        _ => return verbatim(out),
    };
    out.push(byte);
    2
}

fn decode_json(text: &[u8], out: &mut Vec<u8>) -> usize {
    let byte = match *text {
        [_, b'u', ..] => return decode_unicode(text, out),
        [_, byte @ (b'"' | b'\\' | b'/'), ..] => byte,
        [_, b'n', ..] => b'\n',
        [_, b't', ..] => b'\t',
        [_, b'r', ..] => b'\r',
        [_, b'b', ..] => 0x08,
        [_, b'f', ..] => 0x0c,
        _ => return verbatim(out),
    };
    out.push(byte);
    2
}

/// `\uXXXX`, or a pair of them for what lies beyond U+FFFF.
fn decode_unicode(text: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(first) = unit(text) else { return verbatim(out) };
    let mut used = 6;
    let scalar = match first {
        0xd800..=0xdbff => match unit(&text[6..]) {
            Some(second @ 0xdc00..=0xdfff) => {
                used = 12;
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            }
            _ => None,
        },
        _ => char::from_u32(first),
    };
    let mut buffer = [0; 4];
    out.extend_from_slice(scalar.unwrap_or('\u{fffd}').encode_utf8(&mut buffer).as_bytes());
    used
}

/// The number in `\uXXXX` at the beginning of `text`.
fn unit(text: &[u8]) -> Option<u32> {
    let [b'\\', b'u', a, b, c, d, ..] = *text else { return None };
    Some(u32::from(hex(a)?) << 12 | u32::from(hex(b)?) << 8 | u32::from(hex(c)?) << 4 | u32::from(hex(d)?))
}

fn decode_hex(high: u8, low: u8, out: &mut Vec<u8>) -> usize {
    match (hex(high), hex(low)) {
        (Some(high), Some(low)) => {
            out.push(high << 4 | low);
            4
        }
        _ => verbatim(out),
    }
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// An unknown or broken escape: its backslash stands for itself.
fn verbatim(out: &mut Vec<u8>) -> usize {
    out.push(b'\\');
    1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(escape: Escape, raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        decode(escape, raw, &mut out).unwrap();
        out
    }

    fn encoded(escape: Escape, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(escape, value, &mut out);
        out
    }

    #[test]
    fn decoding_happens_exactly_once() {
        assert_eq!(decoded(Escape::Apache, br"\\x41"), br"\x41");
        assert_eq!(decoded(Escape::Nginx, br"\x5Cx41"), br"\x41");
        assert_eq!(decoded(Escape::Nginx, br"\\x41"), br"\x41");
        assert_eq!(decoded(Escape::Json, br"\\u0041"), br"\u0041");
        assert_eq!(decoded(Escape::None, br"\x41\n"), br"\x41\n");
    }

    #[test]
    fn one_user_name_from_three_servers() {
        let name = "DOMAIN\\J\u{fc}rgen \"J\"".as_bytes();
        assert_eq!(decoded(Escape::Nginx, br"DOMAIN\x5CJ\xC3\xBCrgen \x22J\x22"), name);
        assert_eq!(decoded(Escape::Apache, br#"DOMAIN\\J\xc3\xbcrgen \"J\""#), name);
        assert_eq!(decoded(Escape::Json, "DOMAIN\\\\J\u{fc}rgen \\\"J\\\"".as_bytes()), name);
        assert_eq!(decoded(Escape::Json, br#"DOMAIN\\J\u00fcrgen \"J\""#), name);
    }

    #[test]
    fn broken_escapes_stay_as_written() {
        for raw in [&br"\"[..], br"a\", br"\x", br"\x4", br"\x4g", br"\q", br"\xZZ"] {
            for escape in [Escape::Nginx, Escape::Apache, Escape::ApacheError, Escape::Json] {
                assert_eq!(decoded(escape, raw), raw);
            }
        }
        assert_eq!(decoded(Escape::Json, br"\u12"), br"\u12");
        assert_eq!(decoded(Escape::Json, br"\ud83d"), "\u{fffd}".as_bytes());
        assert_eq!(decoded(Escape::Json, br"\ud83d\u0041"), "\u{fffd}A".as_bytes());
        assert_eq!(decoded(Escape::Json, br"\ud83d\ude00"), "\u{1f600}".as_bytes());
    }

    #[test]
    fn each_server_writes_its_own_spelling() {
        let value = b"a\"b\\c\n\t\x01\x7f\xc3\xa9";
        assert_eq!(encoded(Escape::Nginx, value), br"a\x22b\x5Cc\x0A\x09\x01\x7F\xC3\xA9");
        assert_eq!(encoded(Escape::Apache, value), br#"a\"b\\c\n\t\x01\x7f\xc3\xa9"#);
        assert_eq!(encoded(Escape::ApacheError, value), br#"a"b\\c\n\t\x01\x7f\xc3\xa9"#);
        assert_eq!(encoded(Escape::Json, value), "a\\\"b\\\\c\\n\\t\\u0001\x7f\u{e9}".as_bytes());
        assert_eq!(encoded(Escape::Json, b"a\xffb\xc3"), "a\u{fffd}b\u{fffd}".as_bytes());
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            for escape in [Escape::None, Escape::Nginx, Escape::Apache, Escape::ApacheError] {
                prop_assert_eq!(&decoded(escape, &encoded(escape, &value)), &value);
            }
        }

        #[test]
        fn json_survives_for_text(value in "\\PC*|[\\x00-\\x7f]*") {
            let json = encoded(Escape::Json, value.as_bytes());
            prop_assert_eq!(decoded(Escape::Json, &json), value.as_bytes());
            let whole = format!("\"{}\"", String::from_utf8(json).unwrap());
            prop_assert_eq!(serde_json::from_str::<String>(&whole).unwrap(), value);
        }

        #[test]
        fn json_is_valid_for_any_bytes(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let whole = format!("\"{}\"", String::from_utf8(encoded(Escape::Json, &value)).unwrap());
            prop_assert_eq!(serde_json::from_str::<String>(&whole).unwrap(), String::from_utf8_lossy(&value));
        }

        #[test]
        fn decoding_is_total(raw in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'x'), Just(b'u'), Just(b'd'), any::<u8>()], 0..100)) {
            for escape in [Escape::Nginx, Escape::Apache, Escape::ApacheError, Escape::Json] {
                prop_assert!(decoded(escape, &raw).len() <= raw.len());
            }
        }
    }
}
