//! coturn, the TURN and STUN server, of every layout since 4.5.
//!
//! *In*: one record, perhaps of several lines. *Out*: what a collector wrote in front of it, time, thread, source file, level, session;
//! the user, the client and the peer of the statements that name one; the rest is message. *Promised*: the name of a user ends at the
//! last place where it can, so that no part of a name becomes text; an address is taken only where coturn prints one, and only if it is
//! one; a line of another program of the meeting is no part of a record, nor is one that was joined to it. *Not here*: realms, origins, local addresses and whatever else a message holds: text, which is scrubbed.
//!
//! ```text
//! 5: session 000000000000000007: realm <example.org> user <1795252532:bob>: incoming packet ALLOCATE processed, success
//! 5: : ERROR: check_stun_auth: Cannot find credentials of user <bob>
//! 5: (4711): INFO: IPv6. tcp or tls connected to: 2001:db8::9:50312
//! 2026-11-21T10:15:32+0100: (4711): DEBUG: …                  --new-log-timestamp
//! 2026-11-21T10:15:32.118+0100 INFO session …                 4.17 and later
//! Nov 21 10:15:32 host turnserver[7]: 5: …                    any of these through syslog
//! ```
//!
//! The seconds of the older layouts count from the start of the process. They are no event time: unless a collector wrote one, the time
//! of reception counts.
//!
//! A time without a zone is in the zone of the configuration. Where that names none, the earliest instant counts that the text can mean,
//! in the easternmost zone (UTC+14), as of any two readings the earlier one does: an unknown zone never buys time. The price is
//! paid in lifetime, up to 26 hours, and a record may fall into the epoch of the day before; a `time_zone` in the source ends both.
//!
//! The name in time-limited credentials (`<expiry:name>`) is the user; the expiry beside it, ten digits, differs from call to call and
//! stands between the values.

mod header;
mod joined;
mod statement;

#[cfg(test)]
mod tests;

use jiff::tz::{TimeZone, offset};

use self::header::Header;
pub(super) use self::joined::{Statements, begins_certainly};
use super::prefix::{Prefix, Slots};
use super::stamp::holds_stamp;
use super::time;
use super::{Memo, Parser};
use crate::record::span::{Escape, Layout, Parsed, Refusal};

const CONTAINER: u16 = 0;
const HOST: u16 = 1;
const APPNAME: u16 = 2;
const PID: u16 = 3;
const TIME: u16 = 4;
const THREAD: u16 = 5;
const FILE: u16 = 6;
const FILE_LINE: u16 = 7;
const SEVERITY: u16 = 8;
const SESSION: u16 = 9;
const USER: u16 = 10;
const CLIENT: u16 = 11;
const CLIENT_PORT: u16 = 12;
const PEER: u16 = 13;
const PEER_PORT: u16 = 14;
const MESSAGE: u16 = 15;

/// The fields of the slots above, by index.
const FIELDS: [&str; 16] = [
    "container.name",
    "host.name",
    "syslog.appname",
    "process.pid",
    "time",
    "thread.id",
    "code.file.path",
    "code.line.number",
    "severity_text",
    "session.id",
    "user.name",
    "client.address",
    "client.port",
    "network.peer.address",
    "network.peer.port",
    "message",
];

/// Where the values of a prefix go.
const PREFIX: Slots = Slots { time: TIME, host: HOST, program: APPNAME, pid: PID, container: CONTAINER };

/// Hours east of UTC where a date begins first.
const EASTERNMOST_HOURS: i8 = 14;

/// The parser of coturn's logs.
pub struct Coturn {
    layout: Layout,
    zone: TimeZone,
    statements: Statements,
}

impl Coturn {
    /// A parser; `zone` is the one that the server's local times are in, if they are known to be in one.
    pub fn new(zone: Option<TimeZone>) -> Self {
        Self {
            layout: Layout::of_log(&FIELDS, Escape::None),
            zone: zone.unwrap_or_else(|| TimeZone::fixed(offset(EASTERNMOST_HOURS))),
            statements: Statements::new(),
        }
    }

    /// True when another session's statement stands in the text, or behind its first line one of no session that names a user; or a
    /// time, which no statement of the server prints: two records were joined, this server's or another program's, and whose values
    /// are whose cannot be told.
    fn holds_another(&self, text: &[u8]) -> bool {
        let mut lines = text.split(|&byte| byte == b'\n');
        // A relay puts its time in front of every line.
        let own = |line| Prefix::read(line).map_or(line, |prefix| &line[prefix.rest..]);
        lines.next().is_some_and(holds_stamp)
            || lines.any(|line| holds_stamp(own(line)) || self.statements.has_check(line))
            || self.statements.has_session(text)
    }
}

impl Parser for Coturn {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        let header = Header::read(record).map_err(|miss| miss.refusal)?;
        if self.holds_another(&record[header.message..]) {
            return Err(Refusal::Truncated);
        }
        if let Some((form, (start, end))) = header.stamp() {
            let reading = time::read(form, &record[start..end], Some(&self.zone), memo)?;
            reading.state(parsed);
        }
        header.push(parsed);
        statement::push(record, header.message, parsed)
    }

    fn begins_record(&self, line: &[u8]) -> bool {
        match Header::read(line) {
            Ok(_) => true,
            Err(miss) => miss.begins,
        }
    }

    fn multi_line(&self) -> bool {
        true
    }
}
