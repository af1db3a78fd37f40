//! The nginx error log.
//!
//! *In*: one record, perhaps of several lines. *Out*: time, level, process, connection, message, and the tail that nginx adds:
//! client, server, request, subrequest, upstream, host, referrer (`ngx_http_log_error`), and for mail `login`. *Promised*: a value of
//! the tail is taken only when the record can be read in one way; otherwise it stays message text, which is scrubbed. *Not
//! here*: whose message it is (`ModSecurity`, Lua, PHP): text, all of it.
//!
//! ```text
//! 2026/11/21 10:15:32 [error] 12#34: *91 message, client: 192.0.2.7, server: a, request: "GET /x HTTP/1.1", host: "a"
//! ```
//!
//! nginx writes all of this without escaping, and message, request, upstream and referrer hold bytes of the client's choice.
//! Two things are therefore never assumed. That the first `, client: ` is nginx's own: every one that a whole tail could follow
//! is counted, and two make the record message text. That a quote ends a value: only a quote before the next key or before
//! the end of a line does, and keys that repeat or stand out of order make the rest of the tail text.
//!
//! A record is cut at 2048 bytes (`NGX_MAX_ERROR_STR`). A value that the cut went through is text; a client that it went through
//! refuses the record, since half an address can be a whole other one.

mod tail;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use memchr::memmem::Finder;

use self::tail::Tail;
use super::pieces::{NUMBER_DIGITS_MAX, Range, digits, skip};
use super::request::{RequestSlots, TargetSlots};
use super::stamp::has_shape;
use super::time::{self, TimeForm};
use super::{Memo, Parser};
use crate::record::span::{Escape, Layout, Parsed, Refusal};

const TIME: u16 = 0;
const SEVERITY: u16 = 1;
const PID: u16 = 2;
const THREAD: u16 = 3;
const CONNECTION: u16 = 4;
const MESSAGE: u16 = 5;
const USER: u16 = 6;
const CLIENT: u16 = 7;
const SERVER: u16 = 8;
const METHOD: u16 = 9;
const PATH: u16 = 10;
const QUERY: u16 = 11;
const VERSION: u16 = 12;
const LINE: u16 = 13;
const FULL: u16 = 14;
const UPSTREAM_URL: u16 = 15;
const UPSTREAM: u16 = 16;
const REFERRER: u16 = 17;

/// Where the pieces of a request go.
const SLOTS: RequestSlots = RequestSlots {
    method: METHOD,
    target: TargetSlots { path: PATH, query: QUERY, full: FULL },
    version: VERSION,
    line: LINE,
};

/// The fields of the slots above, by index.
const FIELDS: [&str; 18] = [
    "time",
    "severity_text",
    "process.pid",
    "thread.id",
    "connection.id",
    "message",
    "user.name",
    "client.address",
    "server.address",
    "http.request.method",
    "url.path",
    "url.query",
    "network.protocol.version",
    "http.request.line",
    "url.full",
    "upstream.url",
    "upstream.address",
    "http.request.header.referer",
];

/// `YYYY/MM/DD HH:MM:SS`.
const TIME_BYTES: usize = 19;
/// A record of at least this many bytes may have been cut: `NGX_MAX_ERROR_STR` less the line feed.
const CUT_BYTES: usize = 2047;
/// Places where a tail could begin; more than a few are an attack, and each costs a pass over the rest of the record.
const CANDIDATES_MAX: usize = 8;

/// The parser of nginx error logs.
pub struct NginxError {
    layout: Layout,
    zone: TimeZone,
    client: Finder<'static>,
}

impl NginxError {
    /// A parser; `zone` is the one that the server's local times are in.
    pub fn new(zone: TimeZone) -> Self {
        Self { layout: Layout::of_log(&FIELDS, Escape::None), zone, client: Finder::new(b"client: ") }
    }

    /// Finds the one tail of the record, if there is one and only one.
    fn tail(&self, record: &[u8], from: usize) -> Result<Option<Tail>, Refusal> {
        let mut found = None;
        let rest = &record[from..];
        for (number, place) in self.client.find_iter(rest).enumerate() {
            let key = from + place;
            let head = &record[from..key];
            let begin = if head.ends_with(b", ") {
                key - 2
            } else if head.ends_with(b", udp ") {
                key - 6
            } else {
                continue;
            };
            if number == CANDIDATES_MAX {
                return Ok(None);
            }
            if let Some(tail) = Tail::read(record, begin, key + b"client: ".len()) {
                if found.is_some() {
                    return Ok(None);
                }
                found = Some(tail);
            }
        }
        match found {
            Some(tail) if tail.client.1 == record.len() && record.len() >= CUT_BYTES => {
                Err(Refusal::Truncated)
            }
            found => Ok(found),
        }
    }
}

impl Parser for NginxError {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        let Some(header) = Header::read(record) else { return Err(Refusal::Headless) };
        let reading = time::read(TimeForm::NginxError, &record[..TIME_BYTES], Some(&self.zone), memo)?;
        reading.state(parsed);
        parsed.push(TIME, 0, TIME_BYTES);
        parsed.push(SEVERITY, header.level.0, header.level.1);
        parsed.push(PID, header.pid.0, header.pid.1);
        parsed.push(THREAD, header.thread.0, header.thread.1);
        if let Some((start, end)) = header.connection {
            parsed.push(CONNECTION, start, end);
        }
        match self.tail(record, header.rest)? {
            None => message(record, header.rest, record.len(), parsed),
            Some(tail) => {
                message(record, header.rest, tail.begin, parsed);
                tail.push(record, parsed);
            }
        }
        Ok(())
    }

    fn begins_record(&self, line: &[u8]) -> bool {
        Header::read(line).is_some()
    }

    fn multi_line(&self) -> bool {
        true
    }
}

/// What stands before the message.
struct Header {
    level: Range,
    pid: Range,
    thread: Range,
    connection: Option<Range>,
    rest: usize,
}

impl Header {
    /// Reads `2026/11/21 10:15:32 [error] 12#34: *91 `. The date's digits are judged later.
    fn read(line: &[u8]) -> Option<Self> {
        if !has_shape(line, b"0000/00/00 00:00:00") {
            return None;
        }
        let after = line[TIME_BYTES..].strip_prefix(b" [")?;
        let start = TIME_BYTES + 2;
        let length = after.iter().take(8).position(|&byte| byte == b']')?;
        let level = (start, start + length);
        if !matches!(
            &line[level.0..level.1],
            b"emerg" | b"alert" | b"crit" | b"error" | b"warn" | b"notice" | b"info" | b"debug"
        ) {
            return None;
        }
        let pid = digits(line, skip(line, level.1, b"] ")?, NUMBER_DIGITS_MAX)?;
        let thread = digits(line, skip(line, pid.1, b"#")?, NUMBER_DIGITS_MAX)?;
        let mut rest = skip(line, thread.1, b":").map(|at| skip(line, at, b" ").unwrap_or(at))?;
        let mut connection = None;
        if let Some(range) = skip(line, rest, b"*").and_then(|at| digits(line, at, NUMBER_DIGITS_MAX)) {
            // An empty message still has its tail: `*91, client: …`.
            let at = skip(line, range.1, b" ").unwrap_or(range.1);
            connection = Some(range);
            rest = at;
        }
        Some(Self { level, pid, thread, connection, rest })
    }
}

/// The message `start..end`, from which the login name of a failed basic authentication is taken out.
fn message(record: &[u8], start: usize, end: usize, parsed: &mut Parsed) {
    /// What `ngx_http_auth_basic_module` and the PAM module write around the name.
    const AROUND: [(&[u8], &[&[u8]]); 2] = [
        (b"user \"", &[b"\": password mismatch", b"\" was not found in \""]),
        (b"PAM: user '", &[b"' - not authenticated"]),
    ];
    let text = &record[start..end];
    for (before, afters) in AROUND {
        let Some(name) = text.strip_prefix(before) else { continue };
        // The name may hold these words itself: the last place counts, or what follows the name would not be text of nginx.
        let last = afters.iter().filter_map(|after| memchr::memmem::rfind(name, after)).max();
        if let Some(length) = last {
            let name_start = start + before.len();
            if length > 0 {
                parsed.push(USER, name_start, name_start + length);
            }
            parsed.push(MESSAGE, name_start + length + 1, end);
            return;
        }
    }
    if start < end {
        parsed.push(MESSAGE, start, end);
    }
}
