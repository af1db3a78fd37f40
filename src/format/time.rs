//! Time texts as servers write them, read by hand into UTC instants, and RFC 3339 written.
//!
//! *In*: the bytes of a time and, where they name no zone or year, the zone of the configuration and the moment of
//! reception. *Out*: a [`Timestamp`]. *Promised*: no allocation; impossible dates, unknown months and missing offsets are
//! refused; of two readings of a local time the earlier counts, so that no record outlives its deadline. *Not here*:
//! finding the time in a record, dates (`calendar`), `strftime` patterns (`strftime`), names of zones (`config`).

use jiff::tz::{AmbiguousOffset, TimeZone};

pub use crate::record::calendar::write_rfc3339;

use super::Memo;
use super::cursor::{Cursor, fraction_micros};
use crate::record::calendar::{YEAR_10000, date_of, month, pair, seconds_of, year_of};
use crate::record::span::{Parsed, Refusal};
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

impl Reading {
    /// States it as the time of a record.
    #[inline]
    pub(super) fn state(self, parsed: &mut Parsed) {
        parsed.time = Some(self.instant);
        parsed.time_completed = self.completed;
    }
}

/// What a worker remembers of the last time text, so that equal times are read once and a zone is asked once a minute.
#[derive(Clone, Debug)]
pub struct TimeMemo {
    text: [u8; 40],
    len: usize,
    form: TimeForm,
    /// When the record was received whose time this is: without a year that is part of the reading.
    received: Timestamp,
    reading: Reading,
    zone_minute: i64,
    zone_offset: i64,
    /// The last `2026-11-21 10:15:` of [`read_iso_millis`], and the instant at which its minute began.
    minute: [u8; 17],
    minute_began: i64,
}

impl Default for TimeMemo {
    fn default() -> Self {
        let reading = Reading { instant: Timestamp(0), completed: false };
        Self {
            text: [0; 40],
            len: 0,
            form: TimeForm::Any,
            received: Timestamp(0),
            reading,
            zone_minute: i64::MIN,
            zone_offset: 0,
            minute: [0; 17],
            minute_began: 0,
        }
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
    // Without a year the reading depends on the moment of reception as well, which all records of a batch share.
    let holds = form != TimeForm::Syslog || last.received == memo.received;
    if last.len == text.len() && last.form == form && holds && last.len > 0 && last.text[..last.len] == *text
    {
        return Ok(last.reading);
    }
    let reading = read_anew(form, text, zone, memo)?;
    // What may be a time without a year is not remembered under another name.
    if text.len() <= memo.times.text.len() && form != TimeForm::Any {
        let last = &mut memo.times;
        last.received = memo.received;
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
    // Twice sixteen bytes, which overlap: compared without a call.
    let halves = |text: &[u8; 26]| (text.first_chunk::<16>().copied(), text.last_chunk::<16>().copied());
    let same = last.text.first_chunk().is_some_and(|last| halves(last) == halves(text));
    if last.form == TimeForm::CommonLog && same {
        return Ok(last.reading.instant);
    }
    read_new_common_log(text, memo)
}

#[inline(never)]
fn read_new_common_log(text: &[u8; 26], memo: &mut Memo) -> Result<Timestamp, Refusal> {
    read(TimeForm::CommonLog, text, None, memo).map(|reading| reading.instant)
}

/// Reads `2026-11-21 10:15:32.123`, whose milliseconds hardly ever repeat, and whose minute does for thousands of records.
#[inline]
pub fn read_iso_millis(text: &[u8; 23], zone: &TimeZone, memo: &mut Memo) -> Result<Reading, Refusal> {
    let second = pair(text[17], text[18]);
    let millis = pair(text[20], text[21]) * 10 + pair(b'0', text[22]);
    // Digits that are none are above these bounds.
    let same = text.first_chunk::<17>() == Some(&memo.times.minute);
    if same && second < 60 && millis < 1000 && text[19] == b'.' {
        let in_minute = i64::from(second) * MICROS + i64::from(millis) * 1000;
        return Ok(Reading { instant: Timestamp(memo.times.minute_began + in_minute), completed: true });
    }
    read_new_minute(text, zone, memo)
}

#[inline(never)]
fn read_new_minute(text: &[u8; 23], zone: &TimeZone, memo: &mut Memo) -> Result<Reading, Refusal> {
    let civil = Civil::iso8601(text)?;
    let reading = civil.instant(Some(zone), memo)?;
    // Clocks are changed at whole minutes, as in `offset_at`. A leap second is no second of its minute.
    if reading.completed && civil.second < 60 && reading.instant.seconds() > ZONES_SETTLED {
        let in_minute = i64::from(civil.second) * MICROS + civil.micros;
        memo.times.minute_began = reading.instant.0 - in_minute;
        memo.times.minute.copy_from_slice(&text[..17]);
    }
    Ok(reading)
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
            // A year that is in the future in every zone is passed over without asking what the zone was then.
            .filter(|&year| self.in_utc(year).is_some_and(|utc| utc.plus_seconds(-86_400) <= latest))
            .filter_map(|year| self.in_year(year, zone, &mut memo.times).ok())
            .find(|&instant| instant <= latest)
            .map(|instant| Reading { instant, completed })
            .ok_or(Refusal::BadTime)
    }

    /// The instant as if the text were in UTC; `None` when no calendar has it.
    fn in_utc(&self, year: u32) -> Option<Timestamp> {
        seconds_of(year, self.month, self.day, self.hour, self.minute, self.second)
            .map(Timestamp::from_seconds)
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

/// The end of 1971: since then clocks are changed at whole minutes.
const ZONES_SETTLED: i64 = 2 * 366 * 86_400;

/// Seconds east of UTC at a local time. Of two readings (the hour is repeated) the earlier, and for a local time that the
/// clocks skipped the earlier of the two that could be meant: in both cases the greater offset.
fn offset_at(local: i64, zone: &TimeZone, memo: &mut TimeMemo) -> Option<i64> {
    // Before that the zone is asked each time.
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
    if local > ZONES_SETTLED {
        memo.zone_minute = minute;
        memo.zone_offset = offset;
    }
    Some(offset)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
