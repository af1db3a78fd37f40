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
        (fold(head ^ self.seed[0], self.seed[1]) >> 32) as u32
    }

    /// Of bytes as they are: a word in its normal form, or anything.
    pub(super) fn bytes(self, bytes: &[u8]) -> u64 {
        let start = self.seed[2] ^ bytes.len() as u64;
        bytes.chunks(8).fold(start, |hash, chunk| fold(hash ^ head(chunk), self.seed[3]))
    }

    /// Of a word of ASCII in any case.
    pub(super) fn ascii(self, word: &[u8]) -> u64 {
        let start = self.seed[2] ^ word.len() as u64;
        word.chunks(8).fold(start, |hash, chunk| fold(hash ^ lower_head(chunk, chunk.len()), self.seed[3]))
    }

    /// Of the words that have the hash `words`, and another word behind them.
    pub(super) fn with(self, words: u64, between: u64, word: u64) -> u64 {
        fold(fold(words ^ between, self.seed[1]) ^ word, self.seed[3])
    }

    fn between(self, before: u64, character: char) -> u64 {
        fold(before ^ self.seed[0] ^ u64::from(u32::from(character)), self.seed[3])
    }
}

#[inline]
const fn fold(left: u64, right: u64) -> u64 {
    let product = left as u128 * right as u128;
    product as u64 ^ (product >> 64) as u64
}

/// The first eight bytes, or all and zeros.
#[inline]
pub(super) fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => bytes.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte)),
    }
}

/// [`head`] in lower case of the word of ASCII of `len` bytes, at least one, that begins `behind`.
#[inline]
pub(super) fn lower_head(behind: &[u8], len: usize) -> u64 {
    (head(behind) | LOWER) & u64::MAX >> (64 - 8 * len.min(8))
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

    /// The same if so little stands before it that it can be a word of the same name.
    pub(super) fn next_of_name(&mut self, hasher: Hasher, text: &[u8], at: usize) -> Option<Word> {
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
            let space = character == '+' || character.is_whitespace();
            between = hasher.between(between, if space { ' ' } else { character });
            count += 1;
            at += taken;
        };
        let start = at;
        self.letters.clear();
        let mut character = first;
        loop {
            self.letters.push(character);
            at += taken;
            match character_at(text, at) {
                Some((next, length)) if is_word(next) => (character, taken) = (next, length),
                _ => break,
            }
        }
        self.normalise();
        Some(Word { start, end: at, between })
    }

    fn normalise(&mut self) {
        self.normal.clear();
        if self.letters.is_ascii() {
            self.normal.extend(self.letters.bytes().map(|byte| byte.to_ascii_lowercase()));
            return;
        }
        let mut room = [0; 4];
        for character in self.letters.nfkc().flat_map(char::to_lowercase).flat_map(caseless).nfkc() {
            self.normal.extend_from_slice(character.encode_utf8(&mut room).as_bytes());
        }
    }
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
    character.is_alphanumeric() || is_combining_mark(character)
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

    #[test]
    fn words_of_ascii_hash_like_their_normal_form() {
        let hasher = Hasher { seed: [1, 3, 5, 7] };
        for word in ["A", "Alice", "aLICE", "Participants", "0123456789ABCDEFghijk"] {
            let normal = word.to_ascii_lowercase();
            assert_eq!(hasher.ascii(word.as_bytes()), hasher.bytes(normal.as_bytes()));
            let mut behind = word.as_bytes().to_vec();
            assert_eq!(lower_head(&behind, word.len()), head(normal.as_bytes()));
            behind.extend_from_slice(b" and so on");
            assert_eq!(lower_head(&behind, word.len()), head(normal.as_bytes()));
        }
        assert_ne!(hasher.bytes(b"a"), hasher.bytes(b"a\0"));
    }
}
