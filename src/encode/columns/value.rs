//! A value of JSON.

/// A value as it stands in its line.
#[derive(Clone, Copy)]
pub(super) enum Value<'l> {
    /// What is between the quotes of a string; whether something in it is escaped.
    Text(&'l [u8], bool),
    /// Anything else: a number, a word, an array.
    Bare(&'l [u8]),
}

impl<'l> Value<'l> {
    /// What stands there, which has a backslash, or not; `None` where it is no value.
    #[inline]
    pub(super) const fn of(text: &'l [u8], is_escaped: bool) -> Option<Self> {
        match text {
            [b'"', value @ .., b'"'] => Some(Self::Text(value, is_escaped)),
            [] | [b'"', ..] => None,
            _ => Some(Self::Bare(text)),
        }
    }

    /// What it is without quotes.
    pub(super) const fn text(self) -> &'l [u8] {
        let (Self::Text(text, _) | Self::Bare(text)) = self;
        text
    }
}

/// A whole number of 64 bits.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    // Up to 18 digits cannot be too many.
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    Some(text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}
