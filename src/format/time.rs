//! Time texts as servers write them, read by hand into UTC instants, and RFC 3339 written.
//!
//! *In*: the bytes of a time and, where they name no zone or year, the zone of the configuration and the moment of
//! reception. *Out*: a [`Timestamp`]. *Promised*: no allocation; impossible dates, unknown months and missing offsets are
//! refused; of two readings of a local time the earlier counts, so that no record outlives its deadline. *Not here*:
//! finding the time in a record, `strftime` patterns (`strftime`), names of zones (`config`).

use jiff::tz::{AmbiguousOffset, TimeZone};

use super::Memo;
use crate::record::span::Refusal;
use crate::record::timestamp::{MICROS, Timestamp};

/// A spelling of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// `21/Nov/2026:10:15:32 +0100`, the common log format (Apache `%t`, nginx `$time_local`).
    CommonLog,
    /// RFC 3339 and ISO 8601: `T` or space, fraction after `.` or `,`, offset as `Z`, `+01:00`, `+0100`, `+01` or none.
    Iso8601,
    /// Seconds since 1970, perhaps with a fraction (nginx `$msec`).
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Microseconds since 1970.
    EpochMicros,
    /// `2026/11/21 10:15:32`, without a zone.
    NginxError,
    /// `Sat Nov 21 10:15:32.123456 2026`, the fraction perhaps missing (Apache 2.2), without a zone.
    ApacheError,
    /// `Nov 21 10:15:32` (RFC 3164), without year and zone.
    Syslog,
    /// Any of the above, told apart by their first bytes; whole numbers by their length.
    Any,
}

/// What a time text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The instant; fractions beyond microseconds are cut off.
    pub instant: Timestamp,
    /// True when zone or year was not in the text.
    pub completed: bool,
}

/// What a worker remembers of the last time text, so that equal times are read once and a zone is asked once a minute.
#[derive(Clone, Debug)]
pub struct TimeMemo {
    text: [u8; 40],
    len: usize,
    form: TimeForm,
    reading: Reading,
    zone_minute: i64,
    zone_offset: i64,
}

impl Default for TimeMemo {
    fn default() -> Self {
        let reading = Reading { instant: Timestamp(0), completed: false };
        Self { text: [0; 40], len: 0, form: TimeForm::Any, reading, zone_minute: i64::MIN, zone_offset: 0 }
    }
}

/// Reads `text` as `form`. `zone` completes texts without an offset; without it they are refused. A memo must not be
/// shared by parsers of different zones.
#[inline]
pub fn read(
    form: TimeForm,
    text: &[u8],
    zone: Option<&TimeZone>,
    memo: &mut Memo,
) -> Result<Reading, Refusal> {
    let last = &memo.times;
    if last.len == text.len() && last.form == form && last.len > 0 && last.text[..last.len] == *text {
        return Ok(last.reading);
    }
    let reading = read_anew(form, text, zone, memo)?;
    // Without a year the reading depends on the moment of reception as well, so that it is not remembered.
    if text.len() <= memo.times.text.len() && form != TimeForm::Syslog && form != TimeForm::Any {
        let last = &mut memo.times;
        last.text[..text.len()].copy_from_slice(text);
        last.len = text.len();
        last.form = form;
        last.reading = reading;
    }
    Ok(reading)
}

/// As [`read`] for [`TimeForm::CommonLog`], which most records have and most of them the same as the one before.
#[inline]
pub fn read_common_log(text: &[u8; 26], memo: &mut Memo) -> Result<Timestamp, Refusal> {
    let last = &memo.times;
    if last.form == TimeForm::CommonLog && last.text.first_chunk() == Some(text) {
        return Ok(last.reading.instant);
    }
    read(TimeForm::CommonLog, text, None, memo).map(|reading| reading.instant)
}

fn read_anew(
    form: TimeForm,
    text: &[u8],
    zone: Option<&TimeZone>,
    memo: &mut Memo,
) -> Result<Reading, Refusal> {
    let exact = |instant| Reading { instant, completed: false };
    match form {
        TimeForm::CommonLog => common_log(text).map(exact),
        TimeForm::EpochSeconds => epoch(text, MICROS).map(exact),
        TimeForm::EpochMillis => epoch(text, 1000).map(exact),
        TimeForm::EpochMicros => epoch(text, 1).map(exact),
        TimeForm::Iso8601 => Civil::iso8601(text)?.instant(zone, memo),
        TimeForm::NginxError => Civil::nginx_error(text)?.instant(zone, memo),
        TimeForm::ApacheError => Civil::apache_error(text)?.instant(zone, memo),
        TimeForm::Syslog => Civil::syslog(text)?.instant(zone, memo),
        TimeForm::Any => read_anew(recognise(text).ok_or(Refusal::BadTime)?, text, zone, memo),
    }
}

/// Which form `text` seems to be in.
pub fn recognise(text: &[u8]) -> Option<TimeForm> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, text.get(digits)) {
        (4, Some(b'-')) => Some(TimeForm::Iso8601),
        (4, Some(b'/')) => Some(TimeForm::NginxError),
        (2, Some(b'/')) => Some(TimeForm::CommonLog),
        (1..=11, None | Some(b'.')) => Some(TimeForm::EpochSeconds),
        (12..=14, None | Some(b'.')) => Some(TimeForm::EpochMillis),
        (15..=17, None) => Some(TimeForm::EpochMicros),
        (0, Some(byte)) if byte.is_ascii_alphabetic() => {
            Some(if month(text.get(..3)?).is_some() { TimeForm::Syslog } else { TimeForm::ApacheError })
        }
        _ => None,
    }
}

/// Reads `21/Nov/2026:10:15:32 +0100`.
#[inline]
pub fn common_log(text: &[u8]) -> Result<Timestamp, Refusal> {
    let Ok(t) = <&[u8; 26]>::try_from(text) else { return Err(Refusal::BadTime) };
    let punctuation = t[2] == b'/'
        && t[6] == b'/'
        && t[11] == b':'
        && t[14] == b':'
        && t[17] == b':'
        && t[20] == b' '
        && (t[21] == b'+' || t[21] == b'-');
    let [day, century, year, hour, minute, second, zone_hours, zone_minutes] = [
        pair(t[0], t[1]),
        pair(t[7], t[8]),
        pair(t[9], t[10]),
        pair(t[12], t[13]),
        pair(t[15], t[16]),
        pair(t[18], t[19]),
        pair(t[22], t[23]),
        pair(t[24], t[25]),
    ];
    let Some(month) = month(&t[3..6]) else { return Err(Refusal::BadTime) };
    // A pair that is not two digits is above 99 and fails one of these bounds.
    if !punctuation || century > 99 || year > 99 || zone_hours > 23 || zone_minutes > 59 {
        return Err(Refusal::BadTime);
    }
    let civil = seconds_of(century * 100 + year, month, day, hour, minute, second).ok_or(Refusal::BadTime)?;
    let offset = i64::from(zone_hours * 3600 + zone_minutes * 60);
    Ok(Timestamp::from_seconds(if t[21] == b'-' { civil + offset } else { civil - offset }))
}

/// Reads a number of units of `unit` microseconds since 1970, perhaps negative, perhaps with a fraction.
pub fn epoch(text: &[u8], unit: i64) -> Result<Timestamp, Refusal> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let whole_len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Up to 18 digits an i64 cannot overflow; more than the year 9999 is no time of a server.
    if whole_len == 0 || whole_len > 18 {
        return Err(Refusal::BadTime);
    }
    let whole = digits[..whole_len].iter().fold(0_i64, |n, byte| n * 10 + i64::from(byte - b'0'));
    let micros = match &digits[whole_len..] {
        [] => 0,
        [b'.', fraction @ ..] => fraction_micros(fraction).ok_or(Refusal::BadTime)? * unit / MICROS,
        _ => return Err(Refusal::BadTime),
    };
    let total = whole.checked_mul(unit).map(|n| n + micros).filter(|&n| n < YEAR_10000);
    let total = total.ok_or(Refusal::BadTime)?;
    Ok(Timestamp(if negative { -total } else { total }))
}

/// 10000-01-01T00:00:00Z in microseconds: the first instant that RFC 3339 cannot write.
const YEAR_10000: i64 = 253_402_300_800 * MICROS;
/// 0000-01-01T00:00:00Z in microseconds.
const YEAR_0: i64 = -62_167_219_200 * MICROS;

/// A local time, field by field, with what is known of its offset. `strftime` fills it piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub struct Civil {
    /// Year 0 to 9999; absent in syslog.
    pub year: Option<u32>,
    /// Month 1 to 12.
    pub month: u32,
    /// Day 1 to 31.
    pub day: u32,
    /// Hour 0 to 23.
    pub hour: u32,
    /// Minute 0 to 59.
    pub minute: u32,
    /// Second 0 to 60; a leap second is read as the second before it.
    pub second: u32,
    /// Microseconds 0 to 999999.
    pub micros: i64,
    /// Seconds east of UTC, if the text says.
    pub offset: Option<i64>,
}

impl Civil {
    /// The instant, completed by `zone` and the moment of reception where needed.
    pub fn instant(&self, zone: Option<&TimeZone>, memo: &mut Memo) -> Result<Reading, Refusal> {
        let completed = self.year.is_none() || self.offset.is_none();
        if let Some(year) = self.year {
            return Ok(Reading { instant: self.in_year(year, zone, &mut memo.times)?, completed });
        }
        // The latest year that does not put it into the future. A day is allowed for, because clocks differ and a
        // year too early would expire the record; a time after reception buys nothing (retention::deadline).
        let latest = memo.received.plus_seconds(86_400);
        let this_year = year_of(memo.received);
        // Nine years back reach a 29 February even over 1900, 2100 and the like.
        (0..=9)
            .filter_map(|back| (this_year + 1).checked_sub(back))
            .filter_map(|year| self.in_year(year, zone, &mut memo.times).ok())
            .find(|&instant| instant <= latest)
            .map(|instant| Reading { instant, completed })
            .ok_or(Refusal::BadTime)
    }

    fn in_year(&self, year: u32, zone: Option<&TimeZone>, memo: &mut TimeMemo) -> Result<Timestamp, Refusal> {
        let local = seconds_of(year, self.month, self.day, self.hour, self.minute, self.second)
            .ok_or(Refusal::BadTime)?;
        let offset = match (self.offset, zone) {
            (Some(offset), _) => offset,
            (None, Some(zone)) => offset_at(local, zone, memo).ok_or(Refusal::BadTime)?,
            (None, None) => return Err(Refusal::BadTime),
        };
        Ok(Timestamp((local - offset) * MICROS + self.micros))
    }

    fn iso8601(text: &[u8]) -> Result<Self, Refusal> {
        let mut cursor = Cursor::new(text);
        let civil = cursor.iso8601();
        civil.filter(|_| cursor.at_end()).ok_or(Refusal::BadTime)
    }

    fn nginx_error(text: &[u8]) -> Result<Self, Refusal> {
        let mut cursor = Cursor::new(text);
        let mut read = || {
            let mut civil = Self { year: Some(cursor.number(4)?), ..Self::default() };
            cursor.byte(b'/')?;
            civil.month = cursor.number(2)?;
            cursor.byte(b'/')?;
            civil.day = cursor.number(2)?;
            cursor.byte(b' ')?;
            cursor.clock(&mut civil)?;
            Some(civil)
        };
        let civil = read();
        civil.filter(|_| cursor.at_end()).ok_or(Refusal::BadTime)
    }

    fn apache_error(text: &[u8]) -> Result<Self, Refusal> {
        let mut cursor = Cursor::new(text);
        let mut read = || {
            cursor.weekday()?;
            cursor.byte(b' ')?;
            let mut civil = cursor.month_day_clock()?;
            cursor.byte(b' ')?;
            civil.year = Some(cursor.number(4)?);
            Some(civil)
        };
        let civil = read();
        civil.filter(|_| cursor.at_end()).ok_or(Refusal::BadTime)
    }

    fn syslog(text: &[u8]) -> Result<Self, Refusal> {
        let mut cursor = Cursor::new(text);
        let civil = cursor.month_day_clock();
        civil.filter(|_| cursor.at_end()).ok_or(Refusal::BadTime)
    }
}

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
    fn clock(&mut self, civil: &mut Civil) -> Option<()> {
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

    fn month_day_clock(&mut self) -> Option<Civil> {
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

    fn iso8601(&mut self) -> Option<Civil> {
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

/// The number of an abbreviated month name, as C's locale writes it.
#[inline]
pub(super) fn month(name: &[u8]) -> Option<u32> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Two digits as a number; something above 99 when they are none.
#[inline]
const fn pair(tens: u8, ones: u8) -> u32 {
    let (tens, ones) = (tens.wrapping_sub(b'0') as u32, ones.wrapping_sub(b'0') as u32);
    // Each is below 10 or at least 10; the second term lifts the sum over every bound in the latter case.
    tens * 10 + ones + if tens > 9 || ones > 9 { 1000 } else { 0 }
}

/// Seconds since 1970 of a date and time in UTC, or `None` when no calendar has it.
#[inline]
pub(super) fn seconds_of(
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
) -> Option<i64> {
    if hour > 23 || minute > 59 || second > 60 || year > 9999 || day == 0 || day > days_in(year, month)? {
        return None;
    }
    let in_day = hour * 3600 + minute * 60 + second.min(59);
    Some(days_since_1970(year, month, day) * 86_400 + i64::from(in_day))
}

#[inline]
pub(super) const fn days_in(year: u32, month: u32) -> Option<u32> {
    Some(match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    })
}

const fn is_leap(year: u32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
#[inline]
fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let shifted = i64::from(year) - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse of [`days_since_1970`]: year, month, day.
fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn year_of(instant: Timestamp) -> u32 {
    u32::try_from(date_of(instant.seconds().div_euclid(86_400)).0).unwrap_or(0).min(9998)
}

/// Seconds east of UTC at a local time. Of two readings (the hour is repeated) the earlier, and for a local time that the
/// clocks skipped the earlier of the two that could be meant: in both cases the greater offset.
fn offset_at(local: i64, zone: &TimeZone, memo: &mut TimeMemo) -> Option<i64> {
    // Clocks are changed at whole minutes, at least since 1972; before that the zone is asked each time.
    let minute = local.div_euclid(60);
    if minute == memo.zone_minute {
        return Some(memo.zone_offset);
    }
    let (year, month, day) = date_of(local.div_euclid(86_400));
    let in_day = local.rem_euclid(86_400);
    let date = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
    let time = date.at((in_day / 3600) as i8, (in_day / 60 % 60) as i8, (in_day % 60) as i8, 0);
    let offset = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => before.max(after),
    };
    let offset = i64::from(offset.seconds());
    if local > 2 * 366 * 86_400 {
        memo.zone_minute = minute;
        memo.zone_offset = offset;
    }
    Some(offset)
}

/// Appends `2026-11-21T09:15:32Z`, with `.123` or `.123456` where the instant has a fraction (RFC 3339). Instants that
/// four digits cannot say are moved to the nearest that they can.
#[inline]
pub fn write_rfc3339(instant: Timestamp, out: &mut Vec<u8>) {
    let micros = instant.0.clamp(YEAR_0, YEAR_10000 - 1);
    let seconds = micros.div_euclid(MICROS);
    let fraction = micros.rem_euclid(MICROS);
    let (year, month, day) = date_of(seconds.div_euclid(86_400));
    let in_day = seconds.rem_euclid(86_400);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], in_day / 3600);
    put(&mut text[14..16], in_day / 60 % 60);
    put(&mut text[17..19], in_day % 60);
    let len = if fraction == 0 {
        19
    } else {
        put(&mut text[20..26], fraction);
        if fraction % 1000 == 0 { 23 } else { 26 }
    };
    text[len] = b'Z';
    out.extend_from_slice(&text[..=len]);
}

fn put(digits: &mut [u8], mut number: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
