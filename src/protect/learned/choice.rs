//! Which names are learned: those that tell of somebody wherever they stand.
//!
//! A name is not learned when it is
//! - shorter than four letters; letters of scripts that logs are not written in (from Hebrew on, so Han, Kana and Hangul too) count
//!   twice, since a program writes none of them by itself: two are a name. A number has no letters;
//! - one word of ASCII of at most four letters and digits in lower case: a login like that is a word of some language;
//! - made of common words, numbers and single letters alone (`team meeting 2`).
//!
//! An endpoint is eight random hexadecimal digits, of which one letter is enough.

use super::common::is_common;
use super::words::{Hasher, WORDS_MAX, Walker, Word, character_at, head};
use crate::protect::text::Sense;

/// Letters of the shortest name.
const LETTERS_MIN: usize = 4;

/// Bytes of the longest single word of small letters that is no name.
const SMALL_WORD_BYTES: usize = 4;

/// Digits of an endpoint as every log has it.
const ENDPOINT_BYTES: usize = 8;

/// A name that is learned.
pub(super) struct Choice {
    pub(super) hash: u64,
    pub(super) first: u64,
    pub(super) quick: u32,
    pub(super) words: u8,
}

/// Decides whether a name is learned, and hashes it. Of a name of too many words the beginning is taken, and what stands before its
/// first word and behind its last is no part of it.
pub(super) fn choose(hasher: Hasher, walker: &mut Walker, sense: Sense, name: &[u8]) -> Option<Choice> {
    let word = walker.next(hasher, name, 0)?;
    let first = hasher.bytes(&walker.normal);
    let quick = hasher.quick(head(&walker.normal[..walker.normal.len().min(8)]));
    // Nothing of an endpoint is a word.
    let mut common = sense != Sense::Endpoint && is_common(&walker.normal);
    let (mut hash, mut words, mut end) = (first, 1, word.end);
    while words < WORDS_MAX
        && let Some(Word { end: next, between, .. }) = walker.next_near(hasher, name, end)
    {
        hash = hasher.with(hash, between, hasher.bytes(&walker.normal));
        common = common && is_common(&walker.normal);
        (words, end) = (words + 1, next);
    }
    let name = &name[word.start..end];
    let letters = letters(name);
    let random = sense == Sense::Endpoint && letters > 0 && name.len() >= ENDPOINT_BYTES;
    let tells = letters >= LETTERS_MIN && !common && !(words == 1 && is_small(name));
    (random || tells).then_some(Choice { hash, first, quick, words: words as u8 })
}

/// True for a short word of ASCII in lower case.
fn is_small(word: &[u8]) -> bool {
    word.len() <= SMALL_WORD_BYTES
        && word.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// How many letters a name has; see the module comment.
fn letters(name: &[u8]) -> usize {
    if name.is_ascii() && !name.contains(&b'%') {
        return name.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    }
    let (mut at, mut letters) = (0, 0);
    while let Some((character, taken)) = character_at(name, at) {
        at += taken;
        letters += match character {
            // Latin and Greek have blocks behind those of the other scripts, too.
            '\u{590}'..'\u{1E00}' | '\u{2000}'.. if character.is_alphabetic() => 2,
            _ if character.is_alphabetic() => 1,
            _ => 0,
        };
    }
    letters
}
