//! How far the value behind a key reaches: to its closing quote, or as far as the grammar of unquoted values goes.

use memchr::{memchr, memchr2};

use super::bytes::{HIGH, LETTER, at, before, is, is_key};
use super::keyed::{ELEMENT_MAX, KEY_MAX, VALUE_MAX};
use super::persons::whole_name;
use super::vocabulary::{Says, Sense};

/// Bytes of the longest value of several words without quotes: what comes later is another sentence.
const WORDS_MAX: usize = 160;

/// Bytes of the longest value without quotes that can be eight digits or a UUID, with room for punctuation.
pub(super) const RANDOM_MAX: usize = 64;

/// A value without what encloses it.
pub(super) struct Value {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Value {
    /// Reads the value that begins at `at`, perhaps after spaces. `None` when nothing of the kind stands there.
    pub(super) fn read(text: &[u8], at: usize, says: Says, colon: bool) -> Option<Self> {
        let spaces = text[at..].iter().take(2).take_while(|&&byte| byte == b' ').count();
        let at = at + spaces;
        // `ruser= rhost=example.org`, `Login: user=alice`: what follows has a key of its own.
        if spaces > 0 && has_key(text, at) && says != Says::Is(Sense::Secret) {
            return None;
        }
        let slashes = text[at..].iter().take(8).take_while(|&&byte| byte == b'\\').count();
        let rest = &text[at + slashes..];
        let value = match rest {
            [quote @ (b'"' | b'\''), ..] => Self::quoted(text, at + slashes + 1, *quote, slashes),
            [b'<', b'<', b'"', ..] => Self::until(text, at + 3, b"\">>"),
            [b'<', ..] => Self::until(text, at + 1, b">"),
            [b'&', ..] if rest.starts_with(b"&quot;") => Self::until(text, at + 6, b"&quot;"),
            [b'&', ..] if rest.starts_with(b"&apos;") => Self::until(text, at + 6, b"&apos;"),
            // A list, an object, or the end: what stands in it has keys of its own. A tenant is no list.
            [b'[', ..]
                if matches!(says, Says::Is(Sense::Room))
                    && memchr(b'@', &rest[..rest.len().min(ELEMENT_MAX)]).is_some() =>
            {
                Self::bare(text, at, true, WORDS_MAX)
            }
            // `displayName=[Anna Wolter]`.
            [open @ (b'[' | b'('), ..] if matches!(says, Says::Is(_)) => {
                Self::bracketed(text, at + 1, *open)?
            }
            [b'[' | b'{' | b'(' | b',' | b'\n' | b'\r' | b';', ..] | [] => return None,
            // A word without quotes in front of a colon and none behind it is prose where it is one line's end.
            _ => {
                let words = matches!(says, Says::Name | Says::Is(Sense::Name | Sense::Stats | Sense::Room));
                let words = words && (!colon || spaces > 0);
                let bytes_max = match says {
                    Says::IfRandom(_) => RANDOM_MAX,
                    _ if words => WORDS_MAX,
                    _ => VALUE_MAX,
                };
                let mut value = Self::bare(text, at, words, bytes_max);
                // `username=Anna Example`: some give themselves a name there.
                if matches!(says, Says::Person | Says::Is(Sense::User)) && is_capital(text, at) {
                    value.end = whole_name(text, value.end);
                }
                if words && matches!(says, Says::Name | Says::Is(Sense::Name)) && given_name(text, value.end)
                {
                    value.end = Self::bare(text, value.end + 2, words, bytes_max).end;
                }
                value
            }
        };
        (value.start < value.end).then_some(value)
    }

    /// Up to the closing quote, which has as many backslashes before it as the opening one, or the end of the line when there is none.
    fn quoted(text: &[u8], start: usize, quote: u8, slashes: usize) -> Self {
        let mut from = start;
        while let Some(place) = memchr2(quote, b'\n', &text[from..]) {
            let end = from + place;
            if text[end] == b'\n' {
                return Self { start, end };
            }
            if quote == b'\'' && is_apostrophe(text, start, end) {
                from = end + 1;
                continue;
            }
            let before = text[start..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
            if (slashes == 0 && (before % 2 == 0 || quote == b'\'')) || (slashes > 0 && before <= slashes) {
                return Self { start, end: end - before.min(slashes) };
            }
            from = end + 1;
        }
        Self { start, end: text.len() }
    }

    /// Up to the closing bracket, or the end of a text that was cut before it. `None` when keys stand in between: they say more.
    fn bracketed(text: &[u8], start: usize, open: u8) -> Option<Self> {
        let close = if open == b'[' { b']' } else { b')' };
        let window = &text[start..text.len().min(start + WORDS_MAX)];
        let length = match memchr2(close, b'\n', window) {
            Some(length) => length,
            None if window.len() < WORDS_MAX => window.len(),
            None => return None,
        };
        let keyed = |byte: &u8| matches!(byte, b'=' | b':' | b'{' | b'[' | b'(');
        (!window[..length].iter().any(keyed)).then_some(Self { start, end: start + length })
    }

    fn until(text: &[u8], start: usize, closing: &[u8]) -> Self {
        let window = &text[start..text.len().min(start + VALUE_MAX)];
        let line = memchr(b'\n', window).unwrap_or(window.len());
        Self { start, end: start + memchr::memmem::find(&window[..line], closing).unwrap_or(line) }
    }

    /// A value without quotes: one word, or several where `words` says so, up to what looks like the next key.
    fn bare(text: &[u8], start: usize, words: bool, bytes_max: usize) -> Self {
        let limit = text.len().min(start + bytes_max);
        let mut end = start;
        let tenant = text[start] == b'[';
        while end < limit {
            match text[end] {
                b'[' | b']' if tenant && memchr(b'@', &text[start..end]).is_none() => end += 1,
                b',' | b';' | b'|' | b')' | b'(' | b']' | b'[' | b'}' | b'>' | b'<' | b'"' | b'\n'
                | b'\r' | b'\t' | b'&' => break,
                b'\'' if !words => break,
                // The end of a line within a string.
                b'\\' if matches!(text.get(end + 1), Some(b'n' | b'r' | b'"')) => break,
                b' ' if !words || memchr(b'@', &text[start..end]).is_some() || key_follows(text, end + 1) => {
                    break;
                }
                _ => end += 1,
            }
        }
        while end > start && matches!(text[end - 1], b'.' | b' ' | b':') {
            end -= 1;
        }
        Self { start, end }
    }
}

/// True for the first letter of a name.
fn is_capital(text: &[u8], here: usize) -> bool {
    text.get(here).is_some_and(|&byte| byte.is_ascii_uppercase() || is(byte, HIGH))
}

/// True for a comma at `here` behind which a given name stands: `Wolter, Anna`.
fn given_name(text: &[u8], here: usize) -> bool {
    let Some(rest) = text[here..].strip_prefix(b", ") else { return false };
    let first = is_capital(rest, 0);
    let length =
        rest.iter().take_while(|&&byte| is(byte, LETTER | HIGH) || matches!(byte, b'-' | b'\'')).count();
    let goes_on = rest
        .get(length)
        .is_some_and(|&byte| !matches!(byte, b' ' | b',' | b'.' | b')' | b']' | b'\n' | b'\r'));
    first && !goes_on && !key_follows(rest, 0)
}

/// True for a quote between two letters of a value that begins at `start`: `'O'Brien'`.
fn is_apostrophe(text: &[u8], start: usize, here: usize) -> bool {
    here > start && before(text, here, LETTER | HIGH) && at(text, here + 1, LETTER | HIGH)
}

/// True when a key, its sign and a value stand at `here`.
fn has_key(text: &[u8], here: usize) -> bool {
    let length = text[here..].iter().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    // Base64 ends in these signs, too.
    let end = matches!(text.get(here + length + 1), None | Some(b'=' | b' ' | b'\n' | b',' | b';'));
    length > 0 && text.get(here + length) == Some(&b'=') && !end
}

/// True when a key and its separator stand at `here`, or something that ends a value: another space, a dash between words, a bracket.
fn key_follows(text: &[u8], here: usize) -> bool {
    if text[here..].starts_with(b"- ") {
        return true;
    }
    let length = text[here..].iter().take(KEY_MAX).take_while(|&&byte| is_key(byte) || byte == b'.').count();
    match text.get(here + length) {
        Some(b'=' | b':') => length > 0,
        Some(b' ' | b'-' | b'[' | b'(' | b'<' | b'{') | None => length == 0,
        _ => false,
    }
}
