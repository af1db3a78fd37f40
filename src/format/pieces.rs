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
    let rest = line.get(at..)?;
    let length = match rest.first_chunk().copied().map(digits_of_eight) {
        Some(length) if length < 8 => length,
        _ => rest.iter().take(max + 1).take_while(|byte| byte.is_ascii_digit()).count(),
    };
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

/// How many digits eight bytes begin with, seen together.
#[inline]
fn digits_of_eight(bytes: [u8; 8]) -> usize {
    let word = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
    // A byte is now at most 9 for a digit; adding 0x76 lifts anything else below 128 over 127. A carry can only reach bytes behind
    // the first that is no digit.
    let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    (others.trailing_zeros() / 8) as usize
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

    #[test]
    fn digits_are_those_of_a_loop() {
        for tail in ["", " ", "/", ":", "x", "\u{e9}", "\u{0}12345678", "-1 23456789", ":00000000"] {
            for count in 0..24 {
                let text = format!("{}{tail}", &"012345678901234567890123"[..count]);
                let length = text.bytes().take_while(u8::is_ascii_digit).count();
                for max in [1, 7, 8, 20] {
                    let wanted = (1..=max).contains(&length).then_some((0, length));
                    assert_eq!(digits(text.as_bytes(), 0, max), wanted, "{text} {max}");
                }
            }
        }
    }
}
