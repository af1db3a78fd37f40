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

/// True when a message, or its first line, ends within a UUID: after its first dash, but before its end. Then it was cut off, and what is
/// left of the identifier of a guest is no identifier that anybody would find in it.
#[inline]
pub(super) fn ends_in_uuid(message: &[u8]) -> bool {
    const SHAPE: &[u8; 36] = b"00000000-0000-0000-0000-000000000000";
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b'-';
    let ends = |text: &[u8]| {
        let length = text.iter().rev().take(SHAPE.len()).take_while(is_part).count();
        let tail = &text[text.len() - length..];
        let fits = |(byte, want): (&u8, &u8)| (*byte == b'-') == (*want == b'-');
        (9..SHAPE.len()).contains(&length) && tail.iter().zip(SHAPE).all(fits)
    };
    let line = memchr::memchr(b'\n', message).map_or(message, |end| &message[..end]);
    ends(line) || (line.len() < message.len() && ends(message))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_were_cut_off() {
        let uuid = "4c7a9a1f-89d4-4e65-b61a-c243d48fd69e";
        for end in 0..=uuid.len() {
            let cut = &uuid[..end];
            let is_cut = (9..uuid.len()).contains(&end);
            for message in
                [format!("from '{cut}"), cut.to_owned(), format!("bosh{cut}\nmore"), format!("a\n{cut}")]
            {
                assert_eq!(ends_in_uuid(message.as_bytes()), is_cut, "{message}");
            }
            assert!(
                !ends_in_uuid(format!("from '{cut}'").as_bytes())
                    && !ends_in_uuid(format!("x{cut}.").as_bytes())
            );
        }
        for none in
            ["", "\n", "1.0-abc", "2026-11-21", "session-20261121-10", "0a-0b-0c-0d-0e-0f", "----------"]
        {
            assert!(!ends_in_uuid(none.as_bytes()), "{none}");
        }
    }
}
