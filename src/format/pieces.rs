//! What the headers of records are made of: ranges, fixed words, digits; and why a line is no header.

use crate::record::span::Refusal;

/// Where something begins and ends.
pub(super) type Range = (usize, usize);

/// Digits of the longest number that a server counts with.
pub(super) const NUMBER_DIGITS_MAX: usize = 20;

/// The position after `word` if it stands at `at`.
#[inline]
pub(super) fn skip(line: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    line.get(at..)?.starts_with(word).then_some(at + word.len())
}

/// The digits at `at`, at most `max`.
#[inline]
pub(super) fn digits(line: &[u8], at: usize, max: usize) -> Option<Range> {
    let length = line.get(at..)?.iter().take(max + 1).take_while(|byte| byte.is_ascii_digit()).count();
    (1..=max).contains(&length).then_some((at, at + length))
}

/// Why a line is no header.
#[derive(Clone, Copy)]
pub(super) struct Miss {
    /// What to say of a record that begins like this.
    pub refusal: Refusal,
    /// True when the line begins a record all the same; false when it is the rest of the one before.
    pub begins: bool,
}

impl Miss {
    /// The line begins a record, which is refused.
    pub(super) const fn begins(refusal: Refusal) -> Self {
        Self { refusal, begins: true }
    }

    /// The line goes on with the record before.
    pub(super) const CONTINUES: Self = Self { refusal: Refusal::Headless, begins: false };
}
