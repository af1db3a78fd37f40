//! Byte classes and percent-escapes, for the confirmers of this room.

/// A decimal digit.
pub const DIGIT: u8 = 1;
/// A hexadecimal letter, `a` to `f` in either case.
pub const HEX_LETTER: u8 = 2;
/// A letter that is no hexadecimal digit.
pub const OTHER_LETTER: u8 = 4;
/// `_`, which programs count as part of a word.
pub const UNDERSCORE: u8 = 8;
/// A byte of a UTF-8 sequence.
pub const HIGH: u8 = 16;
/// A hexadecimal digit.
pub const HEX: u8 = DIGIT | HEX_LETTER;
/// A letter of ASCII.
pub const LETTER: u8 = HEX_LETTER | OTHER_LETTER;
/// A letter or digit of ASCII.
pub const ALNUM: u8 = LETTER | DIGIT;

const TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = match b {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => HEX_LETTER,
            b'g'..=b'z' | b'G'..=b'Z' => OTHER_LETTER,
            b'_' => UNDERSCORE,
            0x80.. => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// True when `byte` is of one of the `classes`.
#[inline]
pub const fn is(byte: u8, classes: u8) -> bool {
    TABLE[byte as usize] & classes != 0
}

/// Bytes of a key.
#[inline]
pub const fn is_key(byte: u8) -> bool {
    is(byte, ALNUM | UNDERSCORE) || byte == b'-'
}

/// True when `text[at]` exists and is of one of the `classes`.
#[inline]
pub fn at(text: &[u8], at: usize, classes: u8) -> bool {
    text.get(at).is_some_and(|&byte| is(byte, classes))
}

/// True when the byte before `at` exists and is of one of the `classes`.
#[inline]
pub fn before(text: &[u8], at: usize, classes: u8) -> bool {
    at > 0 && is(text[at - 1], classes)
}

/// The value of a hexadecimal digit; anything else gives 0.
#[inline]
pub const fn hex_value(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => 0,
    }
}

/// The percent-escape that begins at `at`, single (`%40`) or double (`%2540`): the byte it means and its length.
#[inline]
pub fn escape_at(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let (high, low) = match *text.get(at..)? {
        [b'%', b'2', b'5', high, low, ..] if is(high, HEX) && is(low, HEX) => {
            return Some((hex_value(high) << 4 | hex_value(low), 5));
        }
        [b'%', high, low, ..] if is(high, HEX) && is(low, HEX) => (high, low),
        _ => return None,
    };
    Some((hex_value(high) << 4 | hex_value(low), 3))
}

/// The percent-escape that ends just before `end`: the byte it means and its length.
#[inline]
pub fn escape_before(text: &[u8], end: usize) -> Option<(u8, usize)> {
    if end >= 5
        && text[end - 5] == b'%'
        && let Some((byte, 5)) = escape_at(&text[..end], end - 5)
    {
        return Some((byte, 5));
    }
    if end >= 3 && text[end - 3] == b'%' { escape_at(&text[..end], end - 3) } else { None }
}

/// The byte at `at`, decoded, and how many bytes it takes in the text.
#[inline]
pub fn decoded_at(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = *text.get(at)?;
    if byte == b'%' { escape_at(text, at).or(Some((byte, 1))) } else { Some((byte, 1)) }
}

/// The byte that ends just before `end`, decoded, and how many bytes it takes in the text.
#[inline]
pub fn decoded_before(text: &[u8], end: usize) -> Option<(u8, usize)> {
    let byte = *text.get(end.checked_sub(1)?)?;
    // Asked of every letter of a name, nearly none of which ends an escape.
    let percent = |back: usize| end >= back && text[end - back] == b'%';
    if is(byte, HEX) && (percent(3) || percent(5)) {
        escape_before(text, end).or(Some((byte, 1)))
    } else {
        Some((byte, 1))
    }
}

/// True when `text` goes on with `word` at `at`, whatever the case of ASCII letters.
#[inline]
pub fn follows(text: &[u8], at: usize, word: &[u8]) -> bool {
    text.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
}

/// True when `word` stands just before `end`, whatever the case of ASCII letters.
#[inline]
pub fn precedes(text: &[u8], end: usize, word: &[u8]) -> bool {
    end >= word.len() && text[end - word.len()..end].eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_from_both_sides() {
        assert_eq!(escape_at(b"%40", 0), Some((b'@', 3)));
        assert_eq!(escape_at(b"%2540", 0), Some((b'@', 5)));
        assert_eq!(escape_at(b"%25", 0), Some((b'%', 3)));
        assert_eq!(escape_at(b"%4", 0), None);
        assert_eq!(escape_before(b"x%3D", 4), Some((b'=', 3)));
        assert_eq!(escape_before(b"x%253D", 6), Some((b'=', 5)));
        assert_eq!(decoded_before(b"xy", 2), Some((b'y', 1)));
        assert_eq!(decoded_before(b"", 0), None);
    }
}
