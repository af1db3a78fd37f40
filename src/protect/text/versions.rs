//! What tells a version from a dotted quad: the word before it, the product before it, the ending behind it.

use wide::u8x16;

use super::Context;
use super::bytes::{ALNUM, DIGIT, LETTER, at, before, decoded_before, escape_before, is, precedes};

/// True for a dotted quad that is marked as a version; see the rules in [`super`].
pub(super) fn is_version(text: &[u8], start: usize, end: usize, context: Context) -> bool {
    behind_product(text, start, end, context) || behind_word(text, start) || before_ending(text, end)
}

/// `Chrome/120.0.0.0`, `Chrome 120.0.0.0`; in a user agent any product token.
fn behind_product(text: &[u8], start: usize, end: usize, context: Context) -> bool {
    let word_end = match decoded_before(text, start) {
        Some((b'/' | b' ' | b'+' | b'_' | b'-' | b'@', length)) => start - length,
        _ => start,
    };
    let (_, word) = word_before(text, word_end, LETTER);
    (!word.is_empty() && (word == b"Chrome" || is_product(word)))
        || (context == Context::Agent && (is_platform(word) || in_product_token(text, start, end)))
}

/// What nearly every quad in a user agent is, seen in two looks at sixteen bytes: ` Tool/1.2.3.4 `, where `here` is its last group.
/// Returns where it ends. `None` says nothing; where it answers, [`is_version`] is true.
#[inline]
pub(super) fn plain_version(text: &[u8], here: usize) -> Option<usize> {
    // Twelve bytes up to the third dot, and four behind it.
    const BEFORE: usize = 12;
    let first = here.checked_sub(BEFORE)?;
    let window = u8x16::new(*text.get(first..)?.first_chunk()?);
    let dots = window.simd_eq(u8x16::splat(b'.')).to_bitmask();
    let digits = (window - u8x16::splat(b'0')).simd_le(u8x16::splat(9)).to_bitmask();
    let end = BEFORE as u32 + (digits >> BEFORE).trailing_ones();
    let start = BEFORE as u32 - ((dots | digits) << (32 - BEFORE)).leading_ones();
    if start == 0 || end == BEFORE as u32 || end > 15 {
        return None;
    }
    // Bits `start..end` of both; beginning and end count as dots too: no two may be neighbours, so that no group is empty.
    let inside = (1 << end) - (1 << start);
    let (dots, digits) = (dots & inside, digits & inside);
    let marks = dots << 1 | 1 << start | 1 << (end + 1);
    let four_digits = digits & digits >> 1 & digits >> 2 & digits >> 3;
    if dots.count_ones() != 3 || marks & marks >> 1 != 0 || four_digits != 0 {
        return None;
    }
    let (start, end) = (first + start as usize, first + end as usize);
    let port = text.get(end) == Some(&b':') && at(text, end + 1, DIGIT);
    if port || text.get(end) == Some(&b'.') || text[start - 1] != b'/' {
        return None;
    }
    let (rest, word) = text[..start - 1].split_last_chunk::<16>()?;
    let lower = u8x16::new(*word) | u8x16::splat(0x20);
    let letters = (lower - u8x16::splat(b'a')).simd_le(u8x16::splat(25)).to_bitmask();
    let letters = (letters << 16).leading_ones() as usize;
    let before = if letters == 16 { rest.last() } else { Some(&word[15 - letters]) };
    ((2..16).contains(&letters) && before.is_some_and(|byte| BEFORE_TOKEN.contains(byte))).then_some(end)
}

/// What stands before a product token.
const BEFORE_TOKEN: &[u8; 8] = b" (;)[,\"'";

/// True for `Tool/1.2.3.4`, `HTC/HD2/1.44.162.6`, `UCWEB7.0.3.45`, `0.7.20.2ubuntu6`. Not for a URL (`http://…/203.0.113.7`,
/// `example.org/x/203.0.113.7`), nor with a port, as in Java's `host/203.0.113.7:443`.
fn in_product_token(text: &[u8], start: usize, end: usize) -> bool {
    if at(text, end + 1, DIGIT) && text[end] == b':' {
        return false;
    }
    // The last digit of `%3D` is no letter before the quad.
    if before(text, start, LETTER) && escape_before(text, start).is_none() || at(text, end, LETTER) {
        return true;
    }
    if !precedes(text, start, b"/") {
        return false;
    }
    let mut here = start;
    while here > 0 && start - here < 64 && (is(text[here - 1], ALNUM) || b"._-+/".contains(&text[here - 1])) {
        here -= 1;
    }
    let token = &text[here..start];
    let dotted = token.windows(2).any(|pair| pair[0] == b'.' && is(pair[1], LETTER));
    let parts = memchr::memchr_iter(b'/', token).count();
    (here == 0 || BEFORE_TOKEN.contains(&text[here - 1]))
        && token.iter().filter(|&&byte| is(byte, LETTER)).count() >= 2
        && !token.windows(2).any(|pair| pair == b"//")
        && (parts < 2 || !dotted)
}

/// `v1.2.3.4`, `version: 1.2.3.4`, `rv:1.9.0.19`, `?ver=1.2.3.4`, `v="1.2.3.4"`.
fn behind_word(text: &[u8], start: usize) -> bool {
    let mut here = start;
    for _ in 0..3 {
        match decoded_before(text, here) {
            Some((b' ' | b':' | b'=' | b'_' | b'-' | b'"' | b'\'' | b'/' | b'(', length)) => here -= length,
            _ => break,
        }
    }
    let (begin, word) = word_before(text, here, LETTER);
    if word.is_empty() {
        return false;
    }
    let attached = before(text, begin, ALNUM) && escape_before(text, begin).is_none();
    let listed = VERSION_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    (listed && !attached) || (word.len() >= 7 && word[word.len() - 7..].eq_ignore_ascii_case(b"version"))
}

/// `1.2.3.4-rc1`, `1.2.3.4.Final`.
fn before_ending(text: &[u8], end: usize) -> bool {
    let here = end + usize::from(text.get(end).is_some_and(|byte| b"-.+~".contains(byte)));
    if !at(text, here, LETTER) {
        return false;
    }
    let letters = text[here..].iter().take(9).take_while(|&&byte| is(byte, LETTER)).count();
    let word = &text[here..here + letters];
    if !VERSION_ENDINGS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return false;
    }
    // `203.0.113.7.dev.example.net` is a host name.
    let mut rest = here + letters;
    while at(text, rest, DIGIT) {
        rest += 1;
    }
    let label = text.get(rest) == Some(&b'.') && at(text, rest + 1, LETTER);
    !label && !at(text, rest, LETTER)
}

/// The word (at most 24 bytes) of `classes` that ends at `end`.
fn word_before(text: &[u8], end: usize, classes: u8) -> (usize, &[u8]) {
    let mut start = end;
    while start > 0 && end - start < 24 && is(text[start - 1], classes) {
        start -= 1;
    }
    (start, &text[start..end])
}

/// True for a name that makes a quad behind it a version wherever it stands: browsers and their parts, Jitsi's components.
fn is_product(word: &[u8]) -> bool {
    matches!(
        word,
        b"Chrome"
            | b"Chromium"
            | b"HeadlessChrome"
            | b"CriOS"
            | b"Firefox"
            | b"FxiOS"
            | b"Safari"
            | b"Version"
            | b"Edg"
            | b"Edge"
            | b"EdgA"
            | b"EdgiOS"
            | b"EdgW"
            | b"OPR"
            | b"OPX"
            | b"Opera"
            | b"OPT"
            | b"Vivaldi"
            | b"Brave"
            | b"YaBrowser"
            | b"Yowser"
            | b"SamsungBrowser"
            | b"UCBrowser"
            | b"MiuiBrowser"
            | b"HuaweiBrowser"
            | b"Whale"
            | b"Electron"
            | b"AppleWebKit"
            | b"Gecko"
            | b"Dalvik"
            | b"GSA"
            | b"DuckDuckGo"
            | b"Silk"
            | b"Puffin"
            | b"Maxthon"
            | b"Iron"
            | b"Iceweasel"
            | b"Seamonkey"
            | b"SeaMonkey"
            | b"QQBrowser"
            | b"MQQBrowser"
            | b"LBBROWSER"
            | b"MicroMessenger"
            | b"Instagram"
            | b"Avast"
            | b"AVG"
            | b"CCleaner"
            | b"JiCoFo"
            | b"JVB"
            | b"AvastSecureBrowser"
    )
}

/// True for a name that does so in a user agent: elsewhere it may stand beside an address (`login from android 192.0.2.7`).
pub(super) fn is_platform(word: &[u8]) -> bool {
    matches!(
        word,
        b"NT"
            | b"CLR"
            | b"Android"
            | b"iOS"
            | b"OS"
            | b"Linux"
            | b"Phone"
            | b"ios"
            | b"android"
            | b"MSIE"
            | b"Trident"
    )
}

/// Words that say that a version follows.
const VERSION_WORDS: [&[u8]; 7] = [b"v", b"ver", b"rv", b"build", b"revision", b"versions", b"vers"];

/// Endings that say that a version stood before.
const VERSION_ENDINGS: [&[u8]; 9] =
    [b"rc", b"beta", b"alpha", b"snapshot", b"final", b"release", b"ga", b"preview", b"dev"];
