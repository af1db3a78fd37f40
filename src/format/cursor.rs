//! A cursor over the bytes of a time: fixed pieces from the front.
//!
//! *In*: the text. *Out*: numbers, names, offsets, one after the other; `None` at the first that is not there. *Promised*: total,
//! no allocation. *Not here*: whether the fields make a date (`calendar`).

use super::time::Civil;
use crate::record::calendar::month;

/// Reads fixed pieces from the front of a text.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) const fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn byte(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    pub(super) const fn advance(&mut self) {
        self.at += 1;
    }

    /// Exactly `digits` digits (at most nine).
    pub(super) fn number(&mut self, digits: usize) -> Option<u32> {
        let text = self.text.get(self.at..self.at + digits)?;
        self.at += digits;
        text.iter().try_fold(0_u32, |n, byte| byte.is_ascii_digit().then(|| n * 10 + u32::from(byte - b'0')))
    }

    /// Two characters: two digits, or a space and a digit.
    pub(super) fn padded(&mut self) -> Option<u32> {
        if self.peek()? == b' ' {
            self.at += 1;
            return self.number(1);
        }
        self.number(2)
    }

    /// As many digits as there are, at least one; beyond 24 nobody means a time.
    pub(super) fn digits(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..)?;
        let len = rest.iter().take(24).take_while(|byte| byte.is_ascii_digit()).count();
        self.at += len;
        (len > 0).then(|| &rest[..len])
    }

    /// The abbreviated name of a month.
    pub(super) fn month(&mut self) -> Option<u32> {
        let number = month(self.text.get(self.at..self.at + 3)?)?;
        self.at += 3;
        Some(number)
    }

    /// The abbreviated name of a day of the week.
    pub(super) fn weekday(&mut self) -> Option<u32> {
        const NAMES: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
        let name = self.text.get(self.at..self.at + 3)?;
        let number = (1..).zip(NAMES).find(|(_, known)| known.as_slice() == name)?.0;
        self.at += 3;
        Some(number)
    }

    /// Skips `word` if it comes next.
    pub(super) fn skip(&mut self, word: &[u8]) -> bool {
        let there = self.text[self.at..].starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    /// `10:15:32`, perhaps with a fraction.
    pub(super) fn clock(&mut self, civil: &mut Civil) -> Option<()> {
        civil.hour = self.number(2)?;
        self.byte(b':')?;
        civil.minute = self.number(2)?;
        self.byte(b':')?;
        civil.second = self.number(2)?;
        if let Some(b'.' | b',') = self.peek() {
            self.at += 1;
            civil.micros = fraction_micros(self.digits()?)?;
        }
        Some(())
    }

    pub(super) fn month_day_clock(&mut self) -> Option<Civil> {
        let mut civil = Civil { month: self.month()?, ..Civil::default() };
        self.byte(b' ')?;
        civil.day = self.padded()?;
        self.byte(b' ')?;
        self.clock(&mut civil)?;
        Some(civil)
    }

    /// `+01:00`, `+0100` or `+01`: seconds east of UTC.
    pub(super) fn offset(&mut self) -> Option<i64> {
        let sign = match self.peek()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        let hours = self.number(2)?;
        let minutes = match self.peek() {
            Some(b':') => {
                self.at += 1;
                self.number(2)?
            }
            Some(b'0'..=b'9') => self.number(2)?,
            _ => 0,
        };
        (hours <= 23 && minutes <= 59).then(|| sign * i64::from(hours * 3600 + minutes * 60))
    }

    pub(super) fn iso8601(&mut self) -> Option<Civil> {
        let mut civil = Civil { year: Some(self.number(4)?), ..Civil::default() };
        self.byte(b'-')?;
        civil.month = self.number(2)?;
        self.byte(b'-')?;
        civil.day = self.number(2)?;
        matches!(self.peek()?, b'T' | b't' | b' ' | b'_').then(|| self.at += 1)?;
        self.clock(&mut civil)?;
        if self.peek() == Some(b' ') {
            self.at += 1;
            self.peek()?;
        }
        match self.peek() {
            None => {}
            Some(b'Z' | b'z') => {
                self.at += 1;
                civil.offset = Some(0);
            }
            Some(_) => civil.offset = Some(self.offset()?),
        }
        Some(civil)
    }
}

/// Digits after a decimal point as microseconds; what is beyond is cut off. `None` for anything but digits.
pub(super) fn fraction_micros(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let micros = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
    Some(micros.fold(0, |n, byte| n * 10 + i64::from(byte - b'0')))
}
