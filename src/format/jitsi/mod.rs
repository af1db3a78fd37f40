//! The services of Jitsi: video bridge (JVB), conference focus (Jicofo), SIP gateway (Jigasi), recorder (Jibri).
//!
//! *In*: one record, perhaps of several lines. *Out*: what relays put in front ([`super::prefix`]), program, time, level, thread, the
//! values of the context, caller, message. *Promised*: whatever begins as a record does is one, even if it is refused, so that
//! the record above ends there and the next is right; two records that became one line are refused, not half read; no byte
//! that a client chose is left between the parts. *Not here*: what stands in a message: stanzas, traces, addresses are text.
//!
//! ```text
//! JVB 2024-04-01 03:02:53.411 INFO: [18968] [confId=4c14 conf_name=room@conference.host epId=660d9565] IceTransport.start#205: message
//! └┬┘ └──────────┬──────────┘ └┬─┘   └─┬─┘   └──────────────────────── context ──────────────────────┘ └──── caller ────┘
//! program       time         level  thread
//! Jicofo 2020-04-23 13:05:47.250 INFO: [52] org.jitsi.jicofo.xmpp.FocusComponent.handleConferenceIq().401 message  (before 2019 … 2022)
//! Dec 04, 2020 1:30:42 PM org.jitsi.utils.logging2.LoggerImpl log ⏎ INFO: message                              (no formatter configured)
//! ```
//!
//! Program, time and context may each be missing. Any line that begins nothing belongs to the record above and is part of its
//! message. A line that a relay says is another program's begins a record, which is refused.

mod caller;
mod context;
mod header;
mod keys;
mod level;
mod other;
mod simple;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;

use self::caller::Caller;
use self::context::Context;
pub(super) use self::header::Headers;
use self::header::{Header, TIME_BYTES};
use self::level::Level;
use self::simple::Simple;
use super::pieces::ends_in_uuid;
use super::prefix::{Prefix, Slots};
use super::{Memo, Parser};
use super::{coturn, prosody, time};
use crate::record::span::{Escape, Layout, Parsed, Refusal};

/// Which service wrote a log. Records of another one in the same file are refused: its class may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Jitsi Videobridge.
    Jvb,
    /// The conference focus.
    Jicofo,
    /// The SIP gateway.
    Jigasi,
    /// The recorder.
    Jibri,
}

impl Service {
    /// The word of `--format`.
    pub const fn format(self) -> &'static str {
        match self {
            Self::Jvb => "jvb",
            Self::Jicofo => "jicofo",
            Self::Jigasi => "jigasi",
            Self::Jibri => "jibri",
        }
    }
}

const CONTAINER: u16 = 0;
const HOST: u16 = 1;
const APPNAME: u16 = 2;
const PID: u16 = 3;
const SERVICE: u16 = 4;
const TIME: u16 = 5;
const SEVERITY: u16 = 6;
const THREAD: u16 = 7;
const CONFERENCE_NAME: u16 = 8;
const CONFERENCE: u16 = 9;
const SESSION: u16 = 10;
const ENDPOINT: u16 = 11;
const STATS_ID: u16 = 12;
const JID: u16 = 13;
const CONTEXT: u16 = 14;
const FUNCTION: u16 = 15;
const LINE: u16 = 16;
const MESSAGE: u16 = 17;
const FULL_NAME: u16 = 18;

/// The fields of the slots above, by index.
const FIELDS: [&str; 19] = [
    "container.name",
    "host.name",
    "syslog.appname",
    "process.pid",
    "service.name",
    "time",
    "severity_text",
    "thread.id",
    "conference.name",
    "conference.id",
    "session.id",
    "endpoint.id",
    "endpoint.stats_id",
    "user.jid",
    "log.context",
    "code.function.name",
    "code.line.number",
    "message",
    "user.full_name",
];

/// Where the values of a prefix go.
const PREFIX: Slots = Slots { time: TIME, host: HOST, program: APPNAME, pid: PID, container: CONTAINER };

/// The parser of one service's logs.
pub struct Jitsi {
    layout: Layout,
    service: Service,
    zone: TimeZone,
    headers: Headers,
    turn: coturn::Statements,
}

impl Jitsi {
    /// A parser; `zone` is the one that the service's local times are in.
    pub fn new(service: Service, zone: TimeZone) -> Self {
        Self {
            layout: Layout::of_log(&FIELDS, Escape::None),
            service,
            zone,
            headers: Headers::new(),
            turn: coturn::Statements::new(),
        }
    }

    /// Reads what follows a header that prints its own program, or has none to print.
    #[inline]
    fn headed(
        &self,
        record: &[u8],
        header: &Header,
        memo: &mut Memo,
        parsed: &mut Parsed,
    ) -> Result<(), Refusal> {
        if self.holds_another(record, header.rest) || ends_in_uuid(&record[header.rest..]) {
            return Err(Refusal::Truncated);
        }
        if let Some((start, end)) = header.program {
            parsed.push(SERVICE, start, end);
        }
        if let Some(start) = header.time {
            let Some(text) = record[start..].first_chunk::<TIME_BYTES>() else {
                return Err(Refusal::BadTime);
            };
            time::read_iso_millis(text, &self.zone, memo)?.state(parsed);
            parsed.push(TIME, start, start + TIME_BYTES);
        }
        parsed.push(SEVERITY, header.level.0, header.level.1);
        parsed.push(THREAD, header.thread.0, header.thread.1);
        let context = Context::find(record, header.rest)?;
        let (caller, mut at) = match context {
            Some(context) => {
                context.push(record, parsed);
                (context.caller, context.rest())
            }
            None => (Caller::read(record, header.rest), header.rest),
        };
        if let Some(caller) = caller {
            parsed.push(FUNCTION, caller.name.0, caller.name.1);
            if let Some((start, end)) = caller.line {
                parsed.push(LINE, start, end);
            }
            at = caller.rest;
        }
        push_message(record, at, parsed);
        Ok(())
    }

    /// True when a second record begins in the middle of a line: two writers, or a line that lost its end. The writers may be programs
    /// of one meeting.
    #[inline]
    fn holds_another(&self, record: &[u8], from: usize) -> bool {
        let text = &record[from..];
        self.headers.are_in(text) || prosody::holds_record(text) || self.turn.is_in(text)
    }

    /// Reads a record that does not begin with its own header: behind a prefix, or of Java's own formatter.
    #[inline(never)]
    fn other(
        &self,
        record: &[u8],
        refusal: Refusal,
        memo: &mut Memo,
        parsed: &mut Parsed,
    ) -> Result<(), Refusal> {
        let Some(prefix) = Prefix::read(record) else {
            let Some(simple) = Simple::read(record, 0) else { return Err(refusal) };
            return self.simple(record, &simple, memo, parsed);
        };
        prefix.push(0, &PREFIX, parsed);
        let found = Header::read(record, prefix.rest, self.service);
        if self.is_anothers(record, &prefix) && !found.is_ok_and(|header| header.program.is_some()) {
            return Err(Refusal::OtherProgram);
        }
        match found {
            Ok(header) => {
                if header.time.is_none()
                    && let Some((form, (start, end))) = prefix.stated()
                {
                    time::read(form, &record[start..end], Some(&self.zone), memo)?.state(parsed);
                }
                self.headed(record, &header, memo, parsed)
            }
            Err(refusal) => match Simple::read(record, prefix.rest) {
                Some(simple) => self.simple(record, &simple, memo, parsed),
                None => Err(refusal),
            },
        }
    }

    /// Reads a record of Java's own formatter: class and method in the first line, level and message in the second.
    fn simple(
        &self,
        record: &[u8],
        simple: &Simple,
        memo: &mut Memo,
        parsed: &mut Parsed,
    ) -> Result<(), Refusal> {
        let Some(second) = simple.second else { return Err(Refusal::Truncated) };
        simple.civil.instant(Some(&self.zone), memo)?.state(parsed);
        parsed.push(TIME, simple.time.0, simple.time.1);
        parsed.push(FUNCTION, simple.class.0, simple.class.1);
        if let Some((start, end)) = simple.method {
            parsed.push(FUNCTION, start, end);
        }
        let mut start = second;
        if let Some(prefix) = Prefix::read(&record[second..]) {
            prefix.push(second, &PREFIX, parsed);
            start += prefix.rest;
        }
        let colon = match level::read(record, start) {
            Level::Known(end) => end,
            Level::Unknown(_) => return Err(Refusal::UnknownLevel),
            Level::Absent => return Err(Refusal::Mismatch),
        };
        if self.holds_another(record, colon + 1) {
            return Err(Refusal::Truncated);
        }
        parsed.push(SEVERITY, start, colon);
        let at = if record.get(colon + 1) == Some(&b' ') { colon + 2 } else { colon + 1 };
        push_message(record, at, parsed);
        Ok(())
    }

    /// True when a prefix names another program.
    fn is_anothers(&self, record: &[u8], prefix: &Prefix) -> bool {
        // The container is the nearer of the two: a unit that runs Compose relays all of its containers.
        prefix
            .container
            .or(prefix.program)
            .is_some_and(|(start, end)| other::is_name_of_another(&record[start..end], self.service))
    }
}

impl Parser for Jitsi {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        match Header::read(record, 0, self.service) {
            Ok(header) => self.headed(record, &header, memo, parsed),
            Err(refusal) => self.other(record, refusal, memo, parsed),
        }
    }

    #[inline]
    fn begins_record(&self, line: &[u8]) -> bool {
        if header::begins_plainly(line) {
            return true;
        }
        match Prefix::read(line) {
            Some(prefix) => header::begins(line, prefix.rest) || self.is_anothers(line, &prefix),
            None => header::begins(line, 0),
        }
    }

    fn multi_line(&self) -> bool {
        true
    }
}

/// Adds the message, which ends where the record does.
fn push_message(record: &[u8], at: usize, parsed: &mut Parsed) {
    if at < record.len() {
        parsed.push(MESSAGE, at, record.len());
    }
}
