//! The calendar: dates to instants and back, names of months, RFC 3339 written.
//!
//! *In*: fields of a date, or an instant. *Out*: the other. *Promised*: no allocation, total; what no calendar has is `None`.
//! *Not here*: zones and spellings (`time`).

use crate::record::timestamp::{MICROS, Timestamp};

/// 10000-01-01T00:00:00Z in microseconds: the first instant that RFC 3339 cannot write.
pub(crate) const YEAR_10000: i64 = 253_402_300_800 * MICROS;
/// 0000-01-01T00:00:00Z in microseconds.
const YEAR_0: i64 = -62_167_219_200 * MICROS;

/// The number of an abbreviated month name, as C's locale writes it.
#[inline]
pub(crate) fn month(name: &[u8]) -> Option<u32> {
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
pub(crate) const fn pair(tens: u8, ones: u8) -> u32 {
    let (tens, ones) = (tens.wrapping_sub(b'0') as u32, ones.wrapping_sub(b'0') as u32);
    // Each is below 10 or at least 10; the second term lifts the sum over every bound in the latter case.
    tens * 10 + ones + if tens > 9 || ones > 9 { 1000 } else { 0 }
}

/// Seconds since 1970 of a date and time in UTC, or `None` when no calendar has it.
#[inline]
pub(crate) fn seconds_of(
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
pub(crate) const fn days_in(year: u32, month: u32) -> Option<u32> {
    Some(match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    })
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
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
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
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

pub(crate) fn year_of(instant: Timestamp) -> u32 {
    u32::try_from(date_of(instant.seconds().div_euclid(86_400)).0).unwrap_or(0).min(9998)
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

/// Reads an instant as [`write_rfc3339`] writes it; `None` for any other spelling.
#[inline]
pub(crate) fn read_rfc3339(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_first_chunk::<19>()?;
    let at = |place: usize| pair(date[place], date[place + 1]);
    let are_marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if are_marks.iter().any(|(place, mark)| date[*place] != *mark) || at(0) > 99 {
        return None;
    }
    let seconds = seconds_of(at(0) * 100 + at(2), at(5), at(8), at(11), at(14), at(17))?;
    let micros = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if digits.len() == 3 => fraction(digits)? * 1_000,
        [b'.', digits @ .., b'Z'] if digits.len() == 6 => fraction(digits)?,
        _ => return None,
    };
    Some(Timestamp(seconds * MICROS + micros))
}

fn fraction(digits: &[u8]) -> Option<i64> {
    let add = |sum: i64, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'));
    digits.iter().try_fold(0, add)
}

fn put(digits: &mut [u8], mut number: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number.rem_euclid(10) as u64) as u8;
        number /= 10;
    }
}
