//! Words of a text and of a name, however they are written, and their hashes.
//!
//! A *word* is a run of letters, digits and the marks on them (`text::names` has the same, but for marks). Its normal form has no
//! percent-escape (one or two deep), is NFKC, and has no case: lower case, and three folds that lower case does not bring, since a
//! name that somebody wrote in capitals must be known again (`STRASSE` is `Straße`, `YILMAZ` is `Yılmaz`, `ΟΔΟΣ` is `Οδος`). A byte
//! that is no UTF-8 is read as Latin-1. What stands between two words counts as it is, but for spaces, which `+` is too.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::keys::seed::Seed;
use crate::protect::text::{decoded_at, decoded_character};

/// Words of a longer name are not compared: its beginning is the name.
pub(super) const WORDS_MAX: usize = 16;

/// Characters between two words of one name; after more, its beginning is the name.
const BETWEEN_MAX: usize = 8;

/// Sets the bit that makes a capital of ASCII a small letter, and changes no small letter and no digit.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// Hashes of this process. Each word is multiplied into the hash and both halves of the product count (wyhash has the idea):
/// equal for equal words, else equal by a chance of 2⁻⁶⁴, which nobody can bring about who does not know the seed.
#[derive(Clone, Copy)]
pub(super) struct Hasher {
    seed: [u64; 4],
}

impl Hasher {
    pub(super) fn of(seed: &Seed) -> Self {
        let [a, b, c, d] = seed.words();
        // An even factor loses a bit.
        Self { seed: [a, b | 1, c, d | 1] }
    }

    /// What the filter is asked: 32 bits of the first eight bytes of a word in its normal form.
    #[inline]
    pub(super) fn quick(self, head: u64) -> u32 {
        ((head ^ self.seed[0]).wrapping_mul(self.seed[1]) >> 32) as u32
    }

    /// Of bytes as they are: a word in its normal form, or anything.
    #[inline]
    pub(super) fn bytes(self, bytes: &[u8]) -> u64 {
        self.all(bytes, head)
    }

    /// Of a word of ASCII in any case.
    #[inline]
    pub(super) fn ascii(self, word: &[u8]) -> u64 {
        self.all(word, |piece| lower_head(piece, 0, piece.len()))
    }

    /// Of sixteen bytes a step; `read` reads up to eight, at least one.
    #[inline(always)]
    fn all(self, bytes: &[u8], read: impl Fn(&[u8]) -> u64) -> u64 {
        let mut hash = self.seed[2] ^ bytes.len() as u64;
        for chunk in bytes.chunks(16) {
            let (first, second) = chunk.split_at(chunk.len().min(8));
            let second = if second.is_empty() { 0 } else { read(second) };
            hash = fold(read(first) ^ hash, second ^ self.seed[3]);
        }
        hash
    }

    /// Of the words that have the hash `words`, and another word behind them.
    #[inline]
    pub(super) fn with(self, words: u64, between: u64, word: u64) -> u64 {
        fold(fold(words ^ between, self.seed[1]) ^ word, self.seed[3])
    }

    /// Of what stands between two words, one character more; `+` is how forms write a space.
    #[inline]
    fn between(self, before: u64, character: char) -> u64 {
        let character = if character == '+' || character.is_whitespace() { ' ' } else { character };
        fold(before ^ self.seed[0] ^ u64::from(u32::from(character)), self.seed[3])
    }
}

#[inline]
const fn fold(left: u64, right: u64) -> u64 {
    let product = left as u128 * right as u128;
    product as u64 ^ (product >> 64) as u64
}

/// The first eight bytes, or all and zeros.
#[inline(always)]
pub(super) fn head(bytes: &[u8]) -> u64 {
    if let Some(chunk) = bytes.first_chunk() {
        return u64::from_le_bytes(*chunk);
    }
    short_head(bytes)
}

#[inline(never)]
fn short_head(bytes: &[u8]) -> u64 {
    // Two looks that may overlap: what they share is the same in both.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
        return first | last << (8 * (bytes.len() - 4));
    }
    bytes.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte))
}

/// [`head`] in lower case of the word of ASCII of `len` bytes that stands at `at` in `text`, which may go on behind it.
#[inline(always)]
pub(super) fn lower_head(text: &[u8], at: usize, len: usize) -> u64 {
    /// The bytes of a word, by its length.
    const MASKS: [u64; 9] = [
        0,
        0xff,
        0xffff,
        0xff_ffff,
        0xffff_ffff,
        0xff_ffff_ffff,
        0xffff_ffff_ffff,
        0xff_ffff_ffff_ffff,
        u64::MAX,
    ];
    let head = match text.get(at..).and_then(|behind| behind.first_chunk()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => short_head(text.get(at..).unwrap_or_default()),
    };
    (head | LOWER) & MASKS[len.min(8)]
}

/// A word of a text.
#[derive(Clone, Copy)]
pub(super) struct Word {
    /// First byte in the text.
    pub(super) start: usize,
    /// One past its last byte.
    pub(super) end: usize,
    /// The hash of what stands between the word before and this one.
    pub(super) between: u64,
}

/// Goes through a text word by word. The last word's normal form is in `normal`.
#[derive(Default)]
pub(super) struct Walker {
    letters: String,
    /// The normal form of the last word.
    pub(super) normal: Vec<u8>,
}

impl Walker {
    /// The word that begins at `at` or behind. `at` is no middle of a word.
    pub(super) fn next(&mut self, hasher: Hasher, text: &[u8], at: usize) -> Option<Word> {
        self.walk(hasher, text, at, usize::MAX)
    }

    /// The next word of a name of which a word ends at `at`, if so little stands between them that they can be of one name: its
    /// end, and the hashes of what stands between and of the word. Its normal form is not kept.
    #[inline]
    pub(super) fn next_of_name(
        &mut self,
        hasher: Hasher,
        text: &[u8],
        at: usize,
    ) -> Option<(usize, u64, u64)> {
        match plain(hasher, text, at) {
            Plain::Word(end, between, hash) => Some((end, between, hash)),
            Plain::TooFar => None,
            Plain::Coded => {
                let word = self.walk(hasher, text, at, BETWEEN_MAX)?;
                Some((word.end, word.between, hasher.bytes(&self.normal)))
            }
        }
    }

    /// The same with its normal form.
    pub(super) fn next_near(&mut self, hasher: Hasher, text: &[u8], at: usize) -> Option<Word> {
        self.walk(hasher, text, at, BETWEEN_MAX)
    }

    fn walk(&mut self, hasher: Hasher, text: &[u8], mut at: usize, between_max: usize) -> Option<Word> {
        let (mut between, mut count) = (0, 0);
        let (first, mut taken) = loop {
            let (character, taken) = character_at(text, at)?;
            if is_word(character) {
                break (character, taken);
            }
            if count == between_max {
                return None;
            }
            between = hasher.between(between, character);
            count += 1;
            at += taken;
        };
        let start = at;
        self.letters.clear();
        self.normal.clear();
        let run = &text[start..start + run_of_ascii(&text[start..])];
        if !run.is_empty() && !text.get(start + run.len()).copied().is_some_and(is_coded) {
            self.normal.extend(run.iter().map(u8::to_ascii_lowercase));
            return Some(Word { start, end: start + run.len(), between });
        }
        let (mut character, mut all_simple) = (first, true);
        loop {
            self.letters.push(character);
            match simple(character) {
                Some(normal) if all_simple => push(normal, &mut self.normal),
                _ => all_simple = false,
            }
            at += taken;
            match character_at(text, at) {
                Some((next, length)) if is_word(next) => (character, taken) = (next, length),
                _ => break,
            }
        }
        if !all_simple {
            self.normalise();
        }
        Some(Word { start, end: at, between })
    }

    #[inline(never)]
    fn normalise(&mut self) {
        self.normal.clear();
        for character in self.letters.nfkc().flat_map(char::to_lowercase).flat_map(caseless).nfkc() {
            push(character, &mut self.normal);
        }
    }
}

#[inline]
fn push(character: char, bytes: &mut Vec<u8>) {
    if character.is_ascii() {
        return bytes.push(character as u8);
    }
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The normal form of a character that has one by itself, whatever of its like stands beside it: digits, and the letters of most names.
/// Tables of Unicode, asked for each letter, are most of the time that a text of other letters than ASCII takes.
#[inline]
fn simple(character: char) -> Option<char> {
    let further = |by| char::from_u32(u32::from(character) + by);
    match character {
        'A'..='Z' | 'À'..='Ö' | 'Ø'..='Þ' | 'А'..='Я' | 'Α'..='Ρ' | 'Σ'..='Ω' => further(32),
        'Ѐ'..='Џ' => further(80),
        // Latin, Greek, Cyrillic; Hebrew, Arabic, Devanagari, Thai; Kana, Han, Hangul.
        '0'..='9'
        | 'a'..='z'
        | 'à'..='ö'
        | 'ø'..='ÿ'
        | 'ά'..='ί'
        | 'α'..='ρ'
        | 'σ'..='ω'
        | 'ό'..='ώ'
        | 'а'..='џ'
        | 'א'..='ת'
        | 'ء'..='غ'
        | 'ف'..='ي'
        | 'ऄ'..='न'
        | 'प'..='र'
        | 'ल'
        | 'ळ'
        | 'व'..='ह'
        | 'ा'..='्'
        | 'ก'..='ะ'
        | 'า'
        | 'ぁ'..='ゖ'
        | 'ァ'..='ヺ'
        | '一'..='\u{9FFF}'
        | '가'..='힣' => Some(character),
        _ => None,
    }
}

/// What follows a word.
enum Plain {
    /// Another word: its end, and the hashes of what stands between and of the word.
    Word(usize, u64, u64),
    /// Nothing that belongs to it.
    TooFar,
    /// Something that must be decoded.
    Coded,
}

/// The next word where it and what stands before it are written in plain ASCII: nearly always.
#[inline]
fn plain(hasher: Hasher, text: &[u8], at: usize) -> Plain {
    let (mut between, mut start) = (0, at);
    loop {
        match text.get(start) {
            None => return Plain::TooFar,
            Some(byte) if is_coded(*byte) => return Plain::Coded,
            Some(byte) if byte.is_ascii_alphanumeric() => break,
            Some(_) if start - at == BETWEEN_MAX => return Plain::TooFar,
            Some(byte) => between = hasher.between(between, char::from(*byte)),
        }
        start += 1;
    }
    let rest = &text[start..];
    let len = run_of_ascii(rest);
    if rest.get(len).copied().is_some_and(is_coded) {
        return Plain::Coded;
    }
    Plain::Word(start + len, between, hasher.ascii(&rest[..len]))
}

/// How many letters and digits of ASCII `text` begins with.
#[inline]
fn run_of_ascii(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(text.len())
}

/// True for a byte that is part of an escape or of a longer character.
const fn is_coded(byte: u8) -> bool {
    byte >= 0x80 || byte == b'%'
}

/// What lower case leaves apart although upper case makes it one.
fn caseless(character: char) -> impl Iterator<Item = char> {
    let (first, second) = match character {
        'ß' => (Some('s'), Some('s')),
        'ς' => (Some('σ'), None),
        'ı' => (Some('i'), None),
        // What lower case makes of `İ` beside an `i`.
        '\u{307}' => (None, None),
        other => (Some(other), None),
    };
    first.into_iter().chain(second)
}

/// The character at `at`, without its percent-escapes, and how many bytes it takes.
#[inline]
pub(super) fn character_at(text: &[u8], at: usize) -> Option<(char, usize)> {
    if let Some(&byte) = text.get(at)
        && byte < 0x80
        && byte != b'%'
    {
        return Some((byte as char, 1));
    }
    decoded_character(text, at).or_else(|| {
        let (byte, taken) = decoded_at(text, at)?;
        Some((byte as char, taken))
    })
}

#[inline]
fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric();
    }
    simple(character).is_some() || character.is_alphanumeric() || is_combining_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The normal forms of the words of a text.
    fn words(text: &[u8]) -> Vec<String> {
        let (mut walker, hasher) = (Walker::default(), Hasher { seed: [1, 3, 5, 7] });
        let (mut at, mut words) = (0, Vec::new());
        while let Some(word) = walker.next(hasher, text, at) {
            at = word.end;
            words.push(String::from_utf8(walker.normal.clone()).unwrap());
        }
        words
    }

    #[test]
    fn one_normal_form_however_it_is_written() {
        for spelling in [
            "René d'Été",
            "RENÉ D'ÉTÉ",
            "Rene\u{301} d'E\u{301}te\u{301}",
            "Ren%C3%A9+d%27%c3%89t%C3%A9",
            "Ren%25C3%25A9%2520d'%25C3%2589t%25C3%25A9",
        ] {
            assert_eq!(words(spelling.as_bytes()), ["rené", "d", "été"], "{spelling}");
        }
        assert_eq!(words(b"Ren\xe9 d'\xc9t\xe9"), ["rené", "d", "été"], "Latin-1");
        assert_eq!(words("Ａｌｉｃｅ".as_bytes()), ["alice"]);
        assert_eq!(words("STRASSE Straße".as_bytes()), ["strasse", "strasse"]);
        assert_eq!(words("YILMAZ Yılmaz İnci INCI".as_bytes()), ["yilmaz", "yilmaz", "inci", "inci"]);
        assert_eq!(words("ΟΔΟΣ Οδος".as_bytes()), ["οδοσ", "οδοσ"]);
        assert_eq!(words("अनुष्का शर्मा".as_bytes()).len(), 2, "marks are part of a word");
        assert!(words(b"%%2 -- %41%").len() == 2 && words(b"").is_empty());
    }

    /// Every character and every pair of those that are simple, but for pairs of two Han or Hangul.
    #[test]
    fn simple_characters_have_their_normal_form_by_themselves() {
        let simple_ones: Vec<char> = ('\0'..char::MAX).filter(|&c| simple(c).is_some()).collect();
        assert!(simple_ones.len() > 30_000);
        let few: Vec<char> =
            simple_ones.iter().copied().filter(|c| !('\u{3041}'..='\u{D790}').contains(c)).collect();
        let mut walker = Walker::default();
        let mut check = |text: String| {
            let fast: String = text.chars().filter_map(simple).collect();
            walker.letters = text;
            walker.normalise();
            assert_eq!(std::str::from_utf8(&walker.normal), Ok(fast.as_str()));
            assert!(walker.letters.chars().all(|c| c.is_alphanumeric() || is_combining_mark(c)));
        };
        for &first in &simple_ones {
            for second in ['a', 'É', 'の', '一', '각'] {
                check(format!("{first}{second}"));
            }
        }
        for first in &few {
            for second in &few {
                check(format!("{first}{second}"));
            }
        }
    }

    #[test]
    fn words_of_ascii_hash_like_their_normal_form() {
        let hasher = Hasher { seed: [1, 3, 5, 7] };
        for word in ["A", "Alice", "aLICE", "Participants", "0123456789ABCDEFghijk"] {
            let normal = word.to_ascii_lowercase();
            assert_eq!(hasher.ascii(word.as_bytes()), hasher.bytes(normal.as_bytes()));
            let mut behind = word.as_bytes().to_vec();
            assert_eq!(lower_head(&behind, 0, word.len()), head(normal.as_bytes()));
            behind.extend_from_slice(b" and so on");
            assert_eq!(lower_head(&behind, 0, word.len()), head(normal.as_bytes()));
        }
        assert_ne!(hasher.bytes(b"a"), hasher.bytes(b"a\0"));
    }
}
