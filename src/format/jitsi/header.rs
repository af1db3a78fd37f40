//! What stands in front of context and message: program, time, level, thread. And which lines begin a record.
//!
//! *In*: a line, behind its prefix. *Out*: where these stand, or why this is no record. *Promised*: constant work; whatever begins as
//! a record does begins one, even if it is refused then, so that it is not taken for the end of the record above.
//!
//! ```text
//! JVB 2024-04-01 04:08:55.124 INFO: [19046] …        2020-03-02 11:16:20.438 INFO: [1] …        Jicofo INFO: [1] …
//! ```

use memchr::memmem::Finder;

use super::super::coturn;
use super::super::pieces::Range;
use super::super::stamp::{has_shape, one};
use super::level::{self, Level};
use super::{Service, other};
use crate::record::span::Refusal;

/// `YYYY-MM-DD HH:MM:SS.mmm`.
pub(super) const TIME_BYTES: usize = 23;
const TIME_SHAPE: &[u8; TIME_BYTES] = b"0000-00-00 00:00:00.000";

/// What stands in front of context and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The program's name, where the formatter has one to print.
    pub program: Option<Range>,
    /// Where the time begins, where the formatter prints one.
    pub time: Option<usize>,
    /// The level.
    pub level: Range,
    /// The number of the thread.
    pub thread: Range,
    /// Where context, caller or message begins.
    pub rest: usize,
}

impl Header {
    /// Reads the header at `at` of a record of `service`.
    #[inline]
    pub(super) fn read(record: &[u8], at: usize, service: Service) -> Result<Self, Refusal> {
        let program = program(record, at);
        let start = program.map_or(at, |(_, end)| end + 1);
        if program.is_some_and(|(found, _)| found != service) {
            return Err(if begins(record, at) { Refusal::OtherProgram } else { Refusal::Headless });
        }
        let time = is_time(record, start).then_some(start);
        let word = match time {
            Some(start) => match record.get(start + TIME_BYTES) {
                Some(b' ') => start + TIME_BYTES + 1,
                Some(_) => return Err(Refusal::Mismatch),
                None => return Err(Refusal::Truncated),
            },
            None => start,
        };
        let level = match level::read(record, word) {
            Level::Known(end) => end,
            Level::Unknown(end) if thread(record, end).is_ok() && (time.is_some() || program.is_some()) => {
                return Err(Refusal::UnknownLevel);
            }
            Level::Unknown(_) | Level::Absent => return Err(refused(record, at, start, word)),
        };
        match thread(record, level) {
            Ok((thread, rest)) => {
                let program = program.map(|(_, end)| (at, end));
                Ok(Self { program, time, level: (word, level), thread, rest })
            }
            // Without a program and a time this may be anything.
            Err(_) if time.is_none() && program.is_none() => Err(Refusal::Headless),
            Err(refusal) => Err(refusal),
        }
    }
}

/// Why what stands at `at` is no header: `start` is where its time should stand, and `word` its level.
#[cold]
fn refused(record: &[u8], at: usize, start: usize, word: usize) -> Refusal {
    let line = first_line(record);
    if !begins(line, at) {
        return Refusal::Headless;
    }
    if foreign_program(line, at).is_some() || coturn::begins_certainly(&line[at..]) {
        return Refusal::OtherProgram;
    }
    // The line ends where level or time do, or a time breaks off.
    let ends = line.len() <= word + 1 || (word > start && !line[word..].contains(&b' '));
    let broken = start > at && word == start;
    if ends || broken { Refusal::Truncated } else { Refusal::Mismatch }
}

/// Which service's name stands at `at` before a blank, and where it ends.
#[inline]
fn program(record: &[u8], at: usize) -> Option<(Service, usize)> {
    let text = record.get(at..)?;
    if text.first() != Some(&b'J') {
        return None;
    }
    let (service, length) = match text {
        [_, b'V', b'B', b' ', ..] => (Service::Jvb, 3),
        [_, b'i', b'c', b'o', b'f', b'o', b' ', ..] => (Service::Jicofo, 6),
        [_, b'i', b'g', b'a', b's', b'i', b' ', ..] => (Service::Jigasi, 6),
        [_, b'i', b'b', b'r', b'i', b' ', ..] => (Service::Jibri, 5),
        _ => return None,
    };
    Some((service, at + length))
}

/// `: [12] ` at `at`: the number, and the position behind.
#[inline]
pub(super) fn thread(record: &[u8], at: usize) -> Result<(Range, usize), Refusal> {
    let rest = record.get(at..).unwrap_or_default();
    let Some(digits) = rest.strip_prefix(b": [") else {
        // `INFO:`, `INFO: ` and then the end of the record.
        return Err(if b": [".starts_with(rest) { Refusal::Truncated } else { Refusal::Mismatch });
    };
    let length = digits.iter().take(21).take_while(|byte| byte.is_ascii_digit()).count();
    let start = at + 3;
    match &digits[length..] {
        [b']', b' ', ..] if (1..=20).contains(&length) => Ok(((start, start + length), start + length + 2)),
        [] | [b']'] | [b'\n' | b'\r', ..] | [b']', b'\n' | b'\r', ..] => Err(Refusal::Truncated),
        _ => Err(Refusal::Mismatch),
    }
}

/// True when a line begins a record of Jitsi's formatter, as nearly every line does that begins any; false settles nothing.
#[inline]
pub(super) fn begins_plainly(line: &[u8]) -> bool {
    match line.first() {
        Some(b'J') => program(line, 0).is_some_and(|(_, end)| is_time(line, end + 1)),
        Some(b'0'..=b'9') => is_time(line, 0),
        _ => false,
    }
}

/// True when a line begins a record at `at`, be it one that is refused.
pub(super) fn begins(line: &[u8], at: usize) -> bool {
    match line.get(at) {
        // Traces and elements of stanzas.
        None | Some(b'\t' | b' ' | b'<' | b'.') => false,
        Some(b'J') => match program(line, at) {
            Some((_, end)) => begins_behind_program(line, end + 1),
            None => begins_otherwise(line, at),
        },
        Some(b'0'..=b'9') => is_time(line, at) || begins_otherwise(line, at),
        Some(_) => begins_otherwise(line, at),
    }
}

/// True when time or level stand behind the name of a program, or a part of a time does.
#[inline]
fn begins_behind_program(line: &[u8], at: usize) -> bool {
    if is_time(line, at) {
        return true;
    }
    let rest = line.get(at..).unwrap_or_default();
    let time = rest.iter().zip(TIME_SHAPE).take_while(|(byte, want)| one(**byte, **want)).count();
    // A year and its dash, or less where the line ends.
    if time >= 5 || (time > 0 && time == rest.len()) {
        return true;
    }
    match level::read(line, at) {
        Level::Known(end) | Level::Unknown(end) => thread(line, end).is_ok(),
        Level::Absent => false,
    }
}

#[inline(never)]
fn begins_otherwise(line: &[u8], at: usize) -> bool {
    if let Level::Known(end) = level::read(line, at)
        && thread(line, end).is_ok()
    {
        return true;
    }
    other::begins(&line[at..]) || foreign_program(line, at).is_some()
}

/// The end of a word that stands where a program's name does: before a time, a level and a thread.
fn foreign_program(line: &[u8], at: usize) -> Option<usize> {
    let text = line.get(at..)?;
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let length = text.iter().take(32).take_while(is_part).count();
    if length == 0 || text.get(length) != Some(&b' ') {
        return None;
    }
    let end = at + length;
    (program(line, at).is_none() && dated(line, end + 1)).then_some(end)
}

/// True when time, level and thread stand at `at`.
fn dated(line: &[u8], at: usize) -> bool {
    if !is_time(line, at) || line.get(at + TIME_BYTES) != Some(&b' ') {
        return false;
    }
    match level::read(line, at + TIME_BYTES + 1) {
        Level::Known(end) | Level::Unknown(end) => thread(line, end).is_ok(),
        Level::Absent => false,
    }
}

/// Searches a text for headers of Jitsi's services.
pub(in crate::format) struct Headers {
    /// What stands between level and thread, and hardly anywhere else.
    thread: Finder<'static>,
}

impl Headers {
    /// Prepares the search.
    pub fn new() -> Self {
        Self { thread: Finder::new(b": [") }
    }

    /// True when one stands anywhere in the text.
    #[inline]
    pub fn are_in(&self, text: &[u8]) -> bool {
        self.thread.find_iter(text).any(|colon| ends_at(text, colon))
    }
}

/// True when the header of a second record ends at `colon`, the position of its `: [`: two lines that became one.
fn ends_at(record: &[u8], colon: usize) -> bool {
    if thread(record, colon).is_err() {
        return false;
    }
    let earliest = colon.saturating_sub(TIME_BYTES + 1 + 48);
    let latest = colon.saturating_sub(TIME_BYTES + 1);
    (earliest..=latest).any(|at| dated(record, at))
}

/// True for `2024-04-01 04:08:55.124` at `at`, whatever its numbers.
#[inline]
pub(super) fn is_time(line: &[u8], at: usize) -> bool {
    line.get(at..).is_some_and(|rest| has_shape(rest, TIME_SHAPE))
}

fn first_line(record: &[u8]) -> &[u8] {
    &record[..memchr::memchr(b'\n', record).unwrap_or(record.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_once_say_what_a_loop_says() {
        let time = b"2026-11-21 10:15:32.123";
        assert!(is_time(time, 0) && !is_time(&time[..22], 0) && !is_time(time, 1) && !is_time(time, 99));
        for at in 0..TIME_BYTES {
            for byte in 0..=255 {
                let mut changed = *time;
                changed[at] = byte;
                assert_eq!(is_time(&changed, 0), one(byte, TIME_SHAPE[at]), "{byte} at {at}");
            }
        }
    }
}
