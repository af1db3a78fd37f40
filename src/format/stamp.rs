//! The shape of a time at the beginning of a text, or anywhere in it.
//!
//! *In*: a text that may begin with a time. *Out*: how long it is, and its [`TimeForm`]. *Promised*: at most
//! [`STAMP_BYTES_MAX`] bytes are looked at; a shape is a shape: digits where digits belong and letters where a name belongs. *Not
//! here*: whether a calendar has it (`time`), what follows it.

use super::time::TimeForm;

/// Bytes of the longest time that is recognised, its fraction and offset included.
pub(super) const STAMP_BYTES_MAX: usize = 40;

/// A time that was recognised by its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its bytes.
    pub len: usize,
    /// Its spelling.
    pub form: TimeForm,
}

/// The time that `text` begins with. What follows it is for the caller to judge.
#[inline]
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    match text.first()? {
        b'0'..=b'9' => numeric(text),
        b'A'..=b'Z' => named(text),
        _ => None,
    }
}

/// True for a line that a service of Jitsi begins a record with.
pub(super) fn begins_jitsi(line: &[u8]) -> bool {
    let rest =
        [&b"JVB "[..], b"Jicofo ", b"Jigasi ", b"Jibri "].iter().find_map(|word| line.strip_prefix(*word));
    rest.is_some_and(|rest| stamp(rest).is_some())
}

/// True when a date and a time of day stand anywhere in `text`. Found by the first colon of the time, before which dates have one of
/// two lengths.
pub(super) fn holds_stamp(text: &[u8]) -> bool {
    const BEFORE_COLON: [usize; 2] = [b"2026-11-21T10".len(), b"Nov 21 10".len()];
    let begins = |at: usize| stamp(&text[at..]).is_some();
    memchr::memchr_iter(b':', text)
        .any(|colon| BEFORE_COLON.iter().any(|&bytes| colon.checked_sub(bytes).is_some_and(begins)))
}

/// `Nov 21 10:15:32`, or with year and weekday as `ctime` writes it: `Sat Nov 21 10:15:32 2026`.
#[inline]
fn named(text: &[u8]) -> Option<Stamp> {
    if has_shape(text, b"Aaa _0 00:00:00") {
        return Some(Stamp { len: fraction(text, 15), form: TimeForm::Syslog });
    }
    let len = 19;
    let ctime = has_shape(text, b"Aaa Aaa _0 00:00:00") && has_shape(&text[len..], b" 0000");
    ctime.then_some(Stamp { len: len + 5, form: TimeForm::ApacheError })
}

/// `2026-11-21T10:15:32.123+01:00` and its variants; `2026/11/21 10:15:32`.
#[inline]
fn numeric(text: &[u8]) -> Option<Stamp> {
    if has_shape(text, b"0000/00/00 00:00:00") {
        return Some(Stamp { len: 19, form: TimeForm::NginxError });
    }
    if !has_shape(text, b"0000-00-00") || !matches!(text.get(10), Some(b' ' | b'T')) {
        return None;
    }
    if !has_shape(&text[11..], b"00:00:00") {
        return None;
    }
    let len = fraction(text, 19);
    // A space before an offset only when nothing but an offset can be meant.
    let spaced = text.get(len) == Some(&b' ') && matches!(text.get(len + 1), Some(b'+' | b'-'));
    let zone = len + usize::from(spaced);
    let rest = &text[zone..];
    let offset = match rest.first() {
        Some(b'Z') => 1,
        Some(b'+' | b'-') if has_shape(&rest[1..], b"00:00") => 6,
        Some(b'+' | b'-') if has_shape(&rest[1..], b"0000") => 5,
        Some(b'+' | b'-') if !spaced && has_shape(&rest[1..], b"00") => 3,
        _ => 0,
    };
    let len = if offset > 0 { zone + offset } else { len };
    Some(Stamp { len, form: TimeForm::Iso8601 })
}

/// The end of a fraction of seconds at `at`, or `at`.
#[inline]
fn fraction(text: &[u8], at: usize) -> usize {
    if !matches!(text.get(at), Some(b'.' | b',')) {
        return at;
    }
    let digits = text[at + 1..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 { at + 1 + digits } else { at }
}

/// True when `text` begins with bytes of this shape: `0` is a digit, `_` a digit or a space, `A` and `a` a letter, anything else
/// itself.
///
/// Digits and fixed bytes are compared together, eight at a time: the masks are known when this is compiled.
#[inline(always)]
pub(super) fn has_shape<const N: usize>(text: &[u8], shape: &'static [u8; N]) -> bool {
    let Some(text) = text.first_chunk::<N>() else { return false };
    let mut all = true;
    let mut at = 0;
    while at + 8 <= N {
        all &= eight(chunk(text, at), chunk(shape, at));
        at += 8;
    }
    if at < N && N >= 8 {
        // The last eight; some of them are seen twice.
        return all && eight(chunk(text, N - 8), chunk(shape, N - 8));
    }
    while at < N {
        all &= one(text[at], shape[at]);
        at += 1;
    }
    all
}

/// Eight bytes of a shape.
#[inline(always)]
fn eight(text: [u8; 8], shape: [u8; 8]) -> bool {
    const LOW: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    const SIX: u64 = 0x0606_0606_0606_0606;
    let mask = |is: fn(u8) -> bool| u64::from_le_bytes(shape.map(|want| if is(want) { 0xff } else { 0 }));
    let digits = mask(|want| want == b'0');
    let fixed = mask(|want| !matches!(want, b'0' | b'_' | b'A' | b'a'));
    let word = u64::from_le_bytes(text);
    // A digit's upper half is 3, and its lower half plus six stays below sixteen.
    let upper = (word ^ u64::from_le_bytes([b'0'; 8])) & digits & !LOW;
    let lower = ((word & LOW) + SIX) & digits & !LOW;
    let other = (word ^ u64::from_le_bytes(shape)) & fixed;
    let mut all = upper | lower | other == 0;
    for (byte, want) in text.into_iter().zip(shape) {
        if matches!(want, b'_' | b'A' | b'a') {
            all &= one(byte, want);
        }
    }
    all
}

/// True when `byte` is what one byte of a shape asks for.
#[inline(always)]
pub(super) const fn one(byte: u8, want: u8) -> bool {
    match want {
        b'0' => byte.is_ascii_digit(),
        b'_' => byte.is_ascii_digit() || byte == b' ',
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        _ => byte == want,
    }
}

#[inline(always)]
fn chunk<const N: usize>(text: &[u8; N], at: usize) -> [u8; 8] {
    std::array::from_fn(|index| text[at + index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_within_a_text() {
        for time in
            ["Nov 21 10:15:32", "Sat Nov  1 10:15:32 2026", "2026/11/21 10:15:32", "2026-11-21T10:15:32Z"]
        {
            for text in [time.to_owned(), format!("a: b{time}"), format!("10:15:3{time} x")] {
                assert!(holds_stamp(text.as_bytes()), "{text}");
            }
            assert!(!holds_stamp(&time.as_bytes()[..time.len().min(15) - 1]), "{time}");
        }
        for none in ["", ":", "10:15:32", "Nov 21 2026", "2001:db8:10:15:32::1", "2026-11-21 10.15:32:10"] {
            assert!(!holds_stamp(none.as_bytes()), "{none}");
        }
    }

    #[test]
    fn every_shape_and_its_length() {
        for (text, form) in [
            ("Nov 21 10:15:32", TimeForm::Syslog),
            ("Nov  1 10:15:32.123", TimeForm::Syslog),
            ("Sat Nov 21 10:15:32 2026", TimeForm::ApacheError),
            ("2026/11/21 10:15:32", TimeForm::NginxError),
            ("2026-11-21 10:15:32", TimeForm::Iso8601),
            ("2026-11-21T10:15:32Z", TimeForm::Iso8601),
            ("2026-11-21T10:15:32,123+01:00", TimeForm::Iso8601),
            ("2026-11-21T10:15:32.123456789+0100", TimeForm::Iso8601),
            ("2026-11-21 10:15:32 -0100", TimeForm::Iso8601),
            ("2026-11-21T10:15:32+01", TimeForm::Iso8601),
        ] {
            assert!(text.len() <= STAMP_BYTES_MAX);
            let expected = Some(Stamp { len: text.len(), form });
            assert_eq!(stamp(text.as_bytes()), expected, "{text}");
            assert_eq!(stamp(format!("{text} -x").as_bytes()), expected, "{text}");
            for cut in 0..text.len().min(15) {
                assert_eq!(stamp(&text.as_bytes()[..cut]), None, "{text}");
            }
        }
        // Any byte in any place is what the shape says, and nothing else.
        let shape = b"Aaa _0 00:00:00";
        for at in 0..shape.len() {
            for byte in 0..=255 {
                let mut text = *b"Nov 21 10:15:32";
                text[at] = byte;
                assert_eq!(has_shape(&text, shape), one(byte, shape[at]), "{at} {byte}");
            }
        }
        assert_eq!(stamp(b"nov 21 10:15:32"), None);
        assert_eq!(stamp(b"Nov 21 10.15.32"), None);
    }
}
