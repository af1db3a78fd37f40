//! The Apache error log, of 2.4 and of 2.2.
//!
//! *In*: one record, perhaps of several lines. *Out*: time, module, level, process, source file, client, error code, message,
//! referrer. *Promised*: `[client …]` is taken only where the server puts it, at the beginning of the message or after a source
//! file's name or an operating-system error, so that one in the text cannot shift a value; the referrer only from the one
//! and last `, referer: `. *Not here*: the fields of `ModSecurity` and other modules, and layouts made with `ErrorLogFormat`
//! beyond these: text, which is scrubbed.
//!
//! ```text
//! [Sat Nov 21 10:15:32.123456 2026] [core:error] [pid 12:tid 34] (2)No such file: [client 192.0.2.7:5000] AH00128: text, referer: u
//! [Sat Nov 21 10:15:32 2026] [error] [client 192.0.2.7] text
//! [2026-11-21 10:15:32.123456] [ssl:info] text
//! ```
//!
//! An IPv6 client stands with its port and without brackets (`2001:db8::1:50312`). Whether the last group is a port cannot be
//! told from the text alone, and so the whole of it is one address.

use jiff::tz::TimeZone;
use memchr::memmem::Finder;
use memchr::{memchr, memrchr};

use super::pieces::{NUMBER_DIGITS_MAX, Range, digits, skip};
use super::time::{self, TimeForm};
use super::{Memo, Parser};
use crate::record::span::{Escape, Layout, Parsed, Refusal};

const TIME: u16 = 0;
const MODULE: u16 = 1;
const SEVERITY: u16 = 2;
const PID: u16 = 3;
const THREAD: u16 = 4;
const FILE: u16 = 5;
const FILE_LINE: u16 = 6;
const CLIENT: u16 = 7;
const CODE: u16 = 8;
const MESSAGE: u16 = 9;
const REFERRER: u16 = 10;
const USER: u16 = 11;

/// The fields of the slots above, by index.
const FIELDS: [&str; 12] = [
    "time",
    "module.name",
    "severity_text",
    "process.pid",
    "thread.id",
    "code.file.path",
    "code.line.number",
    "client.address",
    "error.code",
    "message",
    "http.request.header.referer",
    "user.name",
];

/// The parser of Apache error logs.
pub struct ApacheError {
    layout: Layout,
    zone: TimeZone,
    referer: Finder<'static>,
}

impl ApacheError {
    /// A parser; `zone` is the one that the server's local times are in.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            layout: Layout::of_log(&FIELDS, Escape::ApacheError),
            zone,
            referer: Finder::new(b", referer: "),
        }
    }

    /// Where the referrer begins, `from` at the earliest: after the only `, referer: `, and without space to the end of its
    /// line, which is the last that the server wrote.
    fn referrer(&self, record: &[u8], from: usize) -> Option<(usize, usize, usize)> {
        let rest = &record[from..];
        let mut places = self.referer.find_iter(rest);
        let place = places.next()?;
        let start = from + place + b", referer: ".len();
        let length = record[start..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let end = start + length;
        let closed = matches!(record.get(end), None | Some(b'\n' | b'\r'));
        (places.next().is_none() && closed && length > 0).then_some((from + place, start, end))
    }
}

impl Parser for ApacheError {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        let Some(header) = Header::read(record) else { return Err(Refusal::Headless) };
        let (start, end) = header.time;
        let reading = time::read(header.form, &record[start..end], Some(&self.zone), memo)?;
        reading.state(parsed);
        parsed.push(TIME, start, end);
        if let Some((start, end)) = header.module {
            parsed.push(MODULE, start, end);
        }
        parsed.push(SEVERITY, header.level.0, header.level.1);
        if let Some((start, end)) = header.pid {
            parsed.push(PID, start, end);
        }
        if let Some((start, end)) = header.thread {
            parsed.push(THREAD, start, end);
        }
        let mut at = header.rest;
        if let Some(source) = Source::read(record, at) {
            parsed.push(FILE, source.file.0, source.file.1);
            parsed.push(FILE_LINE, source.line.0, source.line.1);
            at = source.rest;
        }
        at = peer(record, at, parsed);
        if let Some((code_end, rest)) = code(record, at) {
            parsed.push(CODE, at, code_end);
            at = rest;
        }
        match self.referrer(record, at) {
            Some((end, referrer_start, referrer_end)) => {
                message(record, at, end, parsed);
                parsed.push(REFERRER, referrer_start, referrer_end);
                if referrer_end < record.len() {
                    parsed.push(MESSAGE, referrer_end, record.len());
                }
            }
            None => message(record, at, record.len(), parsed),
        }
        Ok(())
    }

    fn begins_record(&self, line: &[u8]) -> bool {
        Header::begin(line).is_some()
    }

    fn multi_line(&self) -> bool {
        true
    }
}

/// What stands before the message.
struct Header {
    time: Range,
    form: TimeForm,
    module: Option<Range>,
    level: Range,
    pid: Option<Range>,
    thread: Option<Range>,
    rest: usize,
}

impl Header {
    /// Reads `[time] [module:level] [pid 12:tid 34] `, of which the module and the last bracket may be missing.
    fn read(line: &[u8]) -> Option<Self> {
        let mut header = Self::begin(line)?;
        header.process(line);
        header.rest = skip(line, header.rest, b" ").unwrap_or(header.rest);
        Some(header)
    }

    /// Reads `[time] [module:level]`: what says that a record begins.
    fn begin(line: &[u8]) -> Option<Self> {
        let time = (1, bracket(line, 0, 40)?);
        let text = &line[time.0..time.1];
        let form = match text {
            // `Sat Nov 21 …`
            [b'A'..=b'Z', _, _, b' ', _, _, _, b' ', ..] if has_year(text) => TimeForm::ApacheError,
            [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] => TimeForm::Iso8601,
            _ => return None,
        };
        let start = skip(line, time.1, b"] [")?;
        let end = bracket(line, start - 1, 64)?;
        let colon = memrchr(b':', &line[start..end]).map(|place| start + place);
        let (module, level) = match colon {
            Some(colon) => ((colon > start).then_some((start, colon)), (colon + 1, end)),
            None => (None, (start, end)),
        };
        if !is_level(&line[level.0..level.1]) || !module.is_none_or(|(start, end)| is_word(&line[start..end]))
        {
            return None;
        }
        Some(Self { time, form, module, level, pid: None, thread: None, rest: end + 1 })
    }

    /// Reads ` [pid 12:tid 34]` or ` [pid 12]` if it comes next.
    fn process(&mut self, line: &[u8]) {
        let Some(start) = skip(line, self.rest, b" [pid ") else { return };
        let pid = digits(line, start, NUMBER_DIGITS_MAX);
        let Some(pid) = pid else { return };
        let thread = skip(line, pid.1, b":tid ").and_then(|at| digits(line, at, NUMBER_DIGITS_MAX));
        let end = thread.map_or(pid.1, |(_, end)| end);
        if let Some(rest) = skip(line, end, b"]") {
            self.pid = Some(pid);
            self.thread = thread;
            self.rest = rest;
        }
    }
}

/// True for a text whose last four bytes are a year; whether the rest is a time is judged when it is read.
fn has_year(text: &[u8]) -> bool {
    text.len() >= 24 && text[text.len() - 4..].iter().all(u8::is_ascii_digit)
}

/// The closing bracket of the one at `at`, at most `length_max` bytes on.
fn bracket(line: &[u8], at: usize, length_max: usize) -> Option<usize> {
    if line.get(at) != Some(&b'[') {
        return None;
    }
    let rest = &line[at + 1..];
    memchr(b']', &rest[..rest.len().min(length_max)]).map(|place| at + 1 + place)
}

/// The levels of `LogLevel`.
fn is_level(text: &[u8]) -> bool {
    matches!(text, b"emerg" | b"alert" | b"crit" | b"error" | b"warn" | b"notice" | b"info" | b"debug")
        || matches!(text, [b't', b'r', b'a', b'c', b'e', b'1'..=b'8'])
}

/// A module's name; `-` where a layout writes that for none.
fn is_word(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `core.c(4739): `, which the server writes at debug and trace levels.
struct Source {
    file: Range,
    line: Range,
    rest: usize,
}

impl Source {
    fn read(record: &[u8], at: usize) -> Option<Self> {
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let file = (at, at + record.get(at..)?.iter().take(64).take_while(is_name).count());
        let name = &record[file.0..file.1];
        if !(name.ends_with(b".c") || name.ends_with(b".h") || name.ends_with(b".cpp")) {
            return None;
        }
        let line = digits(record, skip(record, file.1, b"(")?, NUMBER_DIGITS_MAX)?;
        Some(Self { file, line, rest: skip(record, line.1, b"): ")? })
    }
}

/// Adds the client, or the peer of a connection, and the operating-system error before it. Returns where the message goes on.
fn peer(record: &[u8], at: usize, parsed: &mut Parsed) -> usize {
    let place = system_error(record, at).unwrap_or(at);
    let Some(start) = skip(record, place, b"[client ").or_else(|| skip(record, place, b"[remote ")) else {
        return at;
    };
    let value = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'%' | b'/' | b'*')
    };
    let end = start + record[start..].iter().take(255).take_while(value).count();
    let Some(rest) = skip(record, end, b"]").filter(|_| end > start) else { return at };
    if place > at {
        parsed.push(MESSAGE, at, place - 2);
    }
    parsed.push(CLIENT, start, end);
    skip(record, rest, b" ").unwrap_or(rest)
}

/// The end of `(2)No such file or directory: `. The text is the system's own and holds no colon.
fn system_error(record: &[u8], at: usize) -> Option<usize> {
    let mut number = skip(record, at, b"(")?;
    // `(OS 10060)` on Windows, `(EAI 2)` for a resolver's.
    number = skip(record, number, b"OS ").or_else(|| skip(record, number, b"EAI ")).unwrap_or(number);
    let text = skip(record, digits(record, number, NUMBER_DIGITS_MAX)?.1, b")")?;
    let length = record[text..].iter().take(200).position(|&byte| byte == b':')?;
    skip(record, text + length, b": ")
}

/// The end of `AH00126` and of the `: ` after it.
fn code(record: &[u8], at: usize) -> Option<Range> {
    let number = digits(record, skip(record, at, b"AH")?, NUMBER_DIGITS_MAX)?;
    Some((number.1, skip(record, number.1, b": ")?))
}

/// The message `start..end`, from which the login name of a failed authentication is taken out.
fn message(record: &[u8], start: usize, end: usize, parsed: &mut Parsed) {
    /// What `mod_auth_digest`, `mod_auth_basic` and their like write around the name.
    const AROUND: [(&[u8], &[&[u8]]); 2] = [
        (b"user `", &[b"' in realm `"]),
        (
            b"user ",
            &[
                b": authentication failure for \"",
                b": authorization failure",
                b" not found: ",
                b": password mismatch: ",
            ],
        ),
    ];
    let text = &record[start..end];
    for (before, afters) in AROUND {
        let Some(name) = text.strip_prefix(before) else { continue };
        // A name may hold these words itself: the last place counts.
        let last = afters.iter().filter_map(|after| memchr::memmem::rfind(name, after)).max();
        if let Some(length) = last {
            let name_start = start + before.len();
            if length > 0 {
                parsed.push(USER, name_start, name_start + length);
            }
            parsed.push(MESSAGE, name_start + length, end);
            return;
        }
    }
    if start < end {
        parsed.push(MESSAGE, start, end);
    }
}

#[cfg(test)]
#[path = "apache_error_tests.rs"]
mod tests;
