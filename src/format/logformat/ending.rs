//! Where values end: the part of the engine that looks at their bytes.

use memchr::memchr;
use wide::u8x16;

use crate::record::span::Refusal;

/// The grammar of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberForm {
    /// Three digits.
    Status,
    /// Digits, perhaps after a sign.
    Integer,
    /// Digits with at most one point.
    Decimal,
    /// Decimals with `, ` or ` : ` between them, and `-` among them (nginx upstream variables).
    Decimals,
}

/// Bytes that cannot be in a value as its server writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No quote: the server escapes it.
    Quoteless,
    /// No quote, no space, no control character.
    Word,
    /// Anything (`escape=none`).
    Anything,
}

impl Class {
    /// How far a value of this class that begins at `at` can reach.
    pub(super) fn reach(self, text: &[u8], at: usize) -> usize {
        match self {
            Self::Anything => text.len(),
            Self::Quoteless => closing_quote(text, at).unwrap_or(text.len()),
            Self::Word => word_end(text, at, b' '),
        }
    }
}

/// The next quote that is not escaped. A backslash takes the byte after it along: Apache writes `\"` and `\\`; nginx writes
/// both as `\xHH`, where nothing is lost by it.
#[inline]
pub(super) fn closing_quote(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = find(text, at, |block| block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\')))?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The first byte that is not printable, a space, a quote or `delimiter`.
#[inline]
pub(super) fn word_end(text: &[u8], at: usize, delimiter: u8) -> usize {
    let stops = |block: u8x16| {
        block.simd_le(u8x16::splat(b' '))
            | block.simd_eq(u8x16::splat(b'"'))
            | block.simd_eq(u8x16::splat(delimiter))
    };
    find(text, at, stops).unwrap_or(text.len())
}

/// Bytes looked at together. Most values are short: a call into memchr costs more than the few blocks that they take.
const BLOCK: usize = 16;

/// The first byte from `at` on for which `wanted` sets its lane.
#[inline]
fn find(text: &[u8], mut at: usize, wanted: impl Fn(u8x16) -> u8x16) -> Option<usize> {
    let (blocks, _) = text.get(at..)?.as_chunks::<BLOCK>();
    for block in blocks {
        let hits = wanted(u8x16::new(*block)).to_bitmask();
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    // What is left is shorter than a block: a block that ends with the text has it, after bytes that were seen before.
    if at >= text.len() {
        return None;
    }
    let mut block = [0; BLOCK];
    let (start, block) = if let Some(last) = text.last_chunk::<BLOCK>() {
        (text.len() - BLOCK, last)
    } else {
        block[..text.len()].copy_from_slice(text);
        (0, &block)
    };
    let hits = wanted(u8x16::new(*block)).to_bitmask() >> (at - start) << (at - start);
    let found = start + hits.trailing_zeros() as usize;
    (hits != 0 && found < text.len()).then_some(found)
}

/// The end of a client column: a word, and another one after each comma.
#[inline]
pub(super) fn host_end(text: &[u8], at: usize) -> usize {
    let mut end = word_end(text, at, b' ');
    while end > at && text[end - 1] == b',' && text.get(end) == Some(&b' ') {
        let next = word_end(text, end + 1, b' ');
        if next == end + 1 {
            break;
        }
        end = next;
    }
    end
}

/// The end of a list of upstream addresses: words with `, ` or ` : ` between them.
pub(super) fn list_end(text: &[u8], at: usize) -> usize {
    let mut end = host_end(text, at);
    while text[end..].starts_with(b" : ") {
        let next = host_end(text, end + 3);
        if next == end + 3 {
            break;
        }
        end = next;
    }
    end
}

/// The end of a value before a byte that no value can hold.
#[inline]
pub(super) fn byte_end(text: &[u8], at: usize, delimiter: u8) -> Option<usize> {
    memchr(delimiter, &text[at..]).map(|len| at + len)
}

/// The end of a number at `at`; equal to `at` when nothing is there. `-` alone is an absent number.
#[inline]
pub(super) fn number_end(form: NumberForm, text: &[u8], at: usize) -> Result<usize, Refusal> {
    match form {
        NumberForm::Status => match text[at..] {
            [a, b, c, ..] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => Ok(at + 3),
            [b'-', ..] => Ok(at + 1),
            [a, ..] if a.is_ascii_digit() => Err(Refusal::BadNumber),
            _ => Ok(at),
        },
        NumberForm::Integer => Ok(digits_end(text, sign_end(text, at))),
        NumberForm::Decimal => Ok(decimal_end(text, at)),
        NumberForm::Decimals => {
            let mut end = decimal_end(text, at);
            while end > at {
                let next = match text[end..] {
                    [b',', b' ', b'0'..=b'9' | b'-', ..] => end + 2,
                    [b' ', b':', b' ', b'0'..=b'9' | b'-', ..] => end + 3,
                    _ => break,
                };
                end = decimal_end(text, next);
            }
            Ok(end)
        }
    }
}

fn decimal_end(text: &[u8], at: usize) -> usize {
    let end = digits_end(text, sign_end(text, at));
    match text[end..] {
        [b'.', b'0'..=b'9', ..] if end > at => digits_end(text, end + 1),
        _ => end,
    }
}

#[inline]
fn sign_end(text: &[u8], at: usize) -> usize {
    at + usize::from(text.get(at) == Some(&b'-'))
}

#[inline]
fn digits_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// True for a client column that begins like an address and is none: the end of a record that was cut, with the next one
/// right behind it (`192.0.192.0.2.1`). Host names do not begin so, or have a letter that no address has.
#[inline]
pub(super) fn is_joined(client: &[u8]) -> bool {
    let (mut dots, mut digits, mut too_long) = (0_u32, 0_u32, false);
    for &byte in client {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => {
                dots += 1;
                digits = 0;
            }
            b':' if dots == 0 => return is_joined_ipv6(client),
            b':' | b'/' | b',' => return too_long || dots > 3,
            _ => return is_joined_ipv6(client),
        }
        too_long |= digits > 3;
    }
    too_long || dots > 3
}

/// True for hexadecimal digits and colons that no IPv6 address has: `::` twice, nine groups, a group of five in the middle.
fn is_joined_ipv6(client: &[u8]) -> bool {
    let (mut groups, mut digits, mut pairs) = (1, 0, 0);
    for (at, &byte) in client.iter().enumerate() {
        match byte {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => digits += 1,
            b':' => {
                pairs += usize::from(client[at + 1..].first() == Some(&b':'));
                if digits > 4 || pairs > 1 {
                    return true;
                }
                groups += 1;
                digits = 0;
            }
            // Brackets, zones, ports behind them, lists, host names with a port: judged when the value is read.
            _ => return false,
        }
    }
    // The ninth group would be a port without brackets, which some relays write.
    groups > 9 || (groups > 1 && digits > 5)
}

/// True when a column for names holds what must have stood in another: an address, or the `-` of an ident column with
/// something before or behind it.
pub(super) fn is_shifted(name: &[u8]) -> bool {
    if name.starts_with(b"- ") || name.ends_with(b" - -") {
        return true;
    }
    let mut words = name.split(|&byte| byte == b' ' || byte == b',').peekable();
    while let Some(word) = words.next() {
        if is_address(word) || (words.peek() == Some(&&b"-"[..]) && ends_in_address(word)) {
            return true;
        }
    }
    false
}

/// True for a word with an address at its end (`al192.0.2.1`), as when two records were joined.
fn ends_in_address(word: &[u8]) -> bool {
    let dots = word
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .filter(|byte| **byte == b'.');
    dots.count() >= 3 || word.iter().filter(|&&byte| byte == b':').count() >= 2
}

fn is_address(word: &[u8]) -> bool {
    let word = match word {
        [b'[', inner @ ..] => &inner[..memchr(b']', inner).unwrap_or(inner.len())],
        _ => word,
    };
    is_ipv4(word) || is_ipv6(word)
}

/// Four numbers with points between them, the last perhaps masked (`x`), perhaps with a port or a prefix length.
fn is_ipv4(word: &[u8]) -> bool {
    let end = word.iter().position(|&byte| byte == b':' || byte == b'/').unwrap_or(word.len());
    let octet = |part: &[u8]| {
        matches!(part, [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'])
    };
    let masked = |part: &[u8]| matches!(part, b"x" | b"xx" | b"xxx" | b"X" | b"XXX" | b"*");
    let mut parts = word[..end].split(|&byte| byte == b'.');
    let first = parts.next().is_some_and(octet);
    let mut count = 1;
    first
        && parts.all(|part| {
            count += 1;
            octet(part) || masked(part)
        })
        && count == 4
}

fn is_ipv6(word: &[u8]) -> bool {
    let end = word.iter().position(|&byte| byte == b'%' || byte == b'/').unwrap_or(word.len());
    let word = &word[..end];
    // The longest spelling has 45 bytes; a port without brackets adds six.
    word.len() <= 51
        && word.iter().filter(|&&byte| byte == b':').count() >= 2
        && word.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes() {
        assert_eq!(closing_quote(br#"a\"b"c"#, 0), Some(4));
        assert_eq!(closing_quote(br#"a\\"c"#, 0), Some(3));
        assert_eq!(closing_quote(br"a\", 0), None);
        assert_eq!(closing_quote(br#"a\""#, 0), None);
        assert_eq!(closing_quote(b"", 0), None);
    }

    #[test]
    fn numbers() {
        let end = |form, text: &str| number_end(form, text.as_bytes(), 0);
        assert_eq!(end(NumberForm::Status, "200 "), Ok(3));
        assert_eq!(end(NumberForm::Status, "- "), Ok(1));
        assert_eq!(end(NumberForm::Status, "20 "), Err(Refusal::BadNumber));
        assert_eq!(end(NumberForm::Integer, "12a"), Ok(2));
        assert_eq!(end(NumberForm::Integer, "x"), Ok(0));
        assert_eq!(end(NumberForm::Decimal, "0.123.4"), Ok(5));
        assert_eq!(end(NumberForm::Decimal, "1. "), Ok(1));
        assert_eq!(end(NumberForm::Decimals, "0.001, - : 0.2, 3 x"), Ok(17));
        assert_eq!(end(NumberForm::Decimals, "0.001, x"), Ok(5));
    }

    #[test]
    fn hosts_and_lists() {
        assert_eq!(host_end(b"192.0.2.1, 192.0.2.2 -", 0), 20);
        assert_eq!(host_end(b"192.0.2.1, ", 0), 10);
        assert_eq!(list_end(b"192.0.2.1:80, unix:/x : [::1]:80 x", 0), 32);
    }

    #[test]
    fn joined_clients() {
        for text in [
            "1192.0.2.1",
            "192.0.192.0.2.1",
            "192.0.2.1192.0.2.1",
            "2001:db8::2001:db8::1",
            "20012001:db8::1",
            "2001:db8:1:2:3:4:5:6:7:8",
        ] {
            assert!(is_joined(text.as_bytes()), "{text}");
        }
        for text in [
            "192.0.2.1",
            "192.0.2.999",
            "192.0.2.1:8080",
            "192.0.2.0/24",
            "192.0.2.x",
            "192.0.2",
            "2001:db8::1",
            "::1",
            "::",
            "2001:db8:0:0:0:0:0:1",
            "::ffff:192.0.2.1",
            "2001:db8::1:54321",
            "fe80::1%eth0",
            "1and1.example.org",
            "beef.example.org:8080",
            "300.example.org",
            "192-0-2-1.example.org",
            "192.0.2.1, 198.51.100.2",
            "unix:",
            "localhost",
        ] {
            assert!(!is_joined(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn addresses() {
        for text in [
            "- alice",
            "- -",
            "al192.0.2.1 - x",
            "x - -",
            "192.0.2.1",
            "192.0.2.1:80",
            "192.0.2.0/24",
            "192.0.2.x",
            "[2001:db8::1]:443",
            "2001:db8::1",
            "::1",
            "fe80::1%eth0",
            "a 192.0.2.1",
            "a,192.0.2.1",
        ] {
            assert!(is_shifted(text.as_bytes()), "{text}");
        }
        for text in [
            "-",
            "",
            "alice",
            "a.b.c.d",
            "1.2.3",
            "1.2.3.4.5",
            "alice@example.org",
            "DOMAIN\\\\user",
            "a:b",
            "10:20",
            "alice@192.0.2.1",
            "a - b",
        ] {
            assert!(!is_shifted(text.as_bytes()), "{text}");
        }
    }
}
