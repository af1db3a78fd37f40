//! What stands before the message of a record: prefix, time, thread, source file, level, session.
//!
//! *In*: the first line of a record, or a line that may be one. *Out*: where its parts are, or why it is no header and whether it
//! begins a record nevertheless. *Promised*: a few hundred bytes are looked at; every byte between two parts was compared. *Not
//! here*: statements (`statement`), what a time means (`time`).

use super::{FILE, FILE_LINE, PREFIX, SESSION, SEVERITY, THREAD, TIME};
use crate::format::pieces::{Miss, Range, digits, skip};
use crate::format::prefix::Prefix;
use crate::format::stamp::{begins_jitsi, stamp};
use crate::format::time::TimeForm;
use crate::record::span::{Parsed, Refusal};

/// The word before the number of a session.
pub(super) const SESSION_WORD: &[u8] = b"session ";
/// Digits of that number: three for the thread and fifteen for the count, zeros included; shorter ones are hand-made.
const SESSION_DIGITS_MAX: usize = 20;
/// Digits of the seconds since the start of the process, up to three hundred years.
const SECONDS_DIGITS_MAX: usize = 10;

/// The levels of `TURN_LOG_LEVEL`.
const LEVELS: [&[u8]; 5] = [b"INFO", b"DEBUG", b"CONTROL", b"WARNING", b"ERROR"];

/// What stands before the message.
pub(super) struct Header {
    prefix: Prefix,
    time: Option<(TimeForm, Range)>,
    thread: Option<Range>,
    source: Option<(Range, Range)>,
    pub level: Option<Range>,
    pub session: Option<Range>,
    /// Where the message begins.
    pub message: usize,
}

impl Header {
    /// Reads the header that `line` begins with.
    pub fn read(line: &[u8]) -> Result<Self, Miss> {
        let miss = match Self::own(line, 0) {
            Ok(header) => return Ok(header),
            Err(miss) => miss,
        };
        let Some(prefix) = Prefix::read(line) else {
            return Err(if begins_jitsi(line) { Miss::begins(Refusal::OtherProgram) } else { miss });
        };
        let other = |(start, end): Range| !is_turn(&line[start..end]);
        let others = prefix.container.or(prefix.program).is_some_and(other);
        match Self::own(line, prefix.rest) {
            // Behind another name, a number and a colon are not enough.
            Ok(header) if !others || header.level.is_some() || header.session.is_some() => {
                Ok(Self { prefix, ..header })
            }
            Err(inner) if !others => Err(inner),
            _ => Err(Miss::begins(Refusal::OtherProgram)),
        }
    }

    /// What the server writes itself, at `from`.
    pub fn own(line: &[u8], from: usize) -> Result<Self, Miss> {
        let mut header = Self {
            prefix: Prefix::default(),
            time: None,
            thread: None,
            source: None,
            level: None,
            session: None,
            message: from,
        };
        let at = match stamp(&line[from..]) {
            Some(stamp) => {
                let end = from + stamp.len;
                header.time = Some((stamp.form, (from, end)));
                if let Some(at) = skip(line, end, b" ") {
                    return header.of_today(line, at);
                }
                end
            }
            None => header.seconds(line, from).ok_or(Miss::CONTINUES)?,
        };
        header.older(line, at)
    }

    /// Seconds since the start of the process, or since 1970 (`--new-log-timestamp-format %s`): those are ten digits, and no process
    /// runs for thirty years.
    fn seconds(&mut self, line: &[u8], from: usize) -> Option<usize> {
        let (_, end) = digits(line, from, SECONDS_DIGITS_MAX)?;
        if line.get(end) != Some(&b':') || !matches!(line.get(end + 1), None | Some(b' ' | b'\n')) {
            return None;
        }
        if end - from == SECONDS_DIGITS_MAX && line[from] != b'0' {
            self.time = Some((TimeForm::EpochSeconds, (from, end)));
        }
        Some(end)
    }

    /// `2026-11-21T10:15:32.118+0100 INFO message`.
    fn of_today(mut self, line: &[u8], at: usize) -> Result<Self, Miss> {
        let Some(level) = word(line, at) else { return Err(Miss::begins(ended(line, at))) };
        let known = is_level(&line[level.0..level.1]);
        match line.get(level.1) {
            Some(b' ') if known => self.message = level.1 + 1,
            None | Some(b'\n') if known => self.message = level.1,
            Some(b' ') => return Err(Miss::begins(Refusal::UnknownLevel)),
            None | Some(b'\n') => return Err(Miss::begins(Refusal::Truncated)),
            _ => return Err(Miss::begins(Refusal::Mismatch)),
        }
        self.level = Some(level);
        self.read_session(line);
        Ok(self)
    }

    /// `: ` after the time, and what 4.5.2 and 4.6.2 added. `at` is the first colon.
    fn older(mut self, line: &[u8], at: usize) -> Result<Self, Miss> {
        let Some(at) = skip(line, at, b":") else { return Err(Miss::begins(ended(line, at))) };
        let Some(mut at) = skip(line, at, b" ") else {
            // Trailing spaces are often lost, and an empty message is one.
            let empty = matches!(line.get(at), None | Some(b'\n'));
            self.message = at;
            return if empty { Ok(self) } else { Err(Miss::begins(Refusal::Mismatch)) };
        };
        let mut levelled = false;
        if let Some(rest) = skip(line, at, b": ") {
            at = rest;
        } else if let Some((thread, rest)) = thread(line, at) {
            self.thread = Some(thread);
            levelled = true;
            at = rest;
            if let Some((file, number, rest)) = source(line, at) {
                self.source = Some((file, number));
                at = rest;
            }
        }
        let level = word(line, at).and_then(|level| Some((level, skip(line, level.1, b": ")?)));
        match level {
            Some((level, rest)) if is_level(&line[level.0..level.1]) => {
                self.level = Some(level);
                at = rest;
            }
            Some(_) if levelled => return Err(Miss::begins(Refusal::UnknownLevel)),
            None if levelled => return Err(Miss::begins(Refusal::Mismatch)),
            _ => {}
        }
        self.message = at;
        self.read_session(line);
        Ok(self)
    }

    /// `session 000000000000000007: `.
    fn read_session(&mut self, line: &[u8]) {
        if let Some((start, end)) = session(line, self.message) {
            self.session = Some((start, end));
            self.message = end + 2;
        }
    }

    /// The time that counts: the server's own, or the collector's, which is later.
    pub fn stamp(&self) -> Option<(TimeForm, Range)> {
        self.time.or(self.prefix.stated())
    }

    /// Adds the parts.
    pub fn push(&self, parsed: &mut Parsed) {
        self.prefix.push(0, &PREFIX, parsed);
        for (slot, range) in [
            (TIME, self.time.map(|(_, range)| range)),
            (THREAD, self.thread),
            (FILE, self.source.map(|(file, _)| file)),
            (FILE_LINE, self.source.map(|(_, number)| number)),
            (SEVERITY, self.level),
            (SESSION, self.session),
        ] {
            if let Some((start, end)) = range {
                parsed.push(slot, start, end);
            }
        }
    }
}

/// The number of the session whose statement begins at `at`: `session 000000000000000007: `.
pub(super) fn session(line: &[u8], at: usize) -> Option<Range> {
    let number = digits(line, skip(line, at, SESSION_WORD)?, SESSION_DIGITS_MAX)?;
    skip(line, number.1, b": ").map(|_| number)
}

/// `(4711): `.
fn thread(line: &[u8], at: usize) -> Option<(Range, usize)> {
    let thread = digits(line, skip(line, at, b"(")?, SESSION_DIGITS_MAX)?;
    Some((thread, skip(line, thread.1, b"): ")?))
}

/// `ns_turn_server.c(4739): `, perhaps with directories.
fn source(line: &[u8], at: usize) -> Option<(Range, Range, usize)> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let file = (at, at + line.get(at..)?.iter().take(128).take_while(is_name).count());
    let name = &line[file.0..file.1];
    if !(name.ends_with(b".c") || name.ends_with(b".h") || name.ends_with(b".cpp")) {
        return None;
    }
    let number = digits(line, skip(line, file.1, b"(")?, SECONDS_DIGITS_MAX)?;
    Some((file, number, skip(line, number.1, b"): ")?))
}

/// Why a line is no record that ends, or goes on with something else, at `at`.
fn ended(line: &[u8], at: usize) -> Refusal {
    if matches!(line.get(at), None | Some(b'\n')) { Refusal::Truncated } else { Refusal::Mismatch }
}

/// Capital letters at `at`, as levels are written.
fn word(line: &[u8], at: usize) -> Option<Range> {
    let len = line.get(at..)?.iter().take(13).take_while(|byte| byte.is_ascii_uppercase()).count();
    (2..=12).contains(&len).then_some((at, at + len))
}

fn is_level(word: &[u8]) -> bool {
    LEVELS.contains(&word)
}

/// True for the name of a program or container that is coturn: `turnserver`, `matrix-coturn`.
fn is_turn(name: &[u8]) -> bool {
    name.windows(4).any(|window| window.eq_ignore_ascii_case(b"turn"))
}
