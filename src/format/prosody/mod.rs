//! The Prosody server, with or without the modules of Jitsi.
//!
//! *In*: one record, perhaps of several lines. *Out*: what a collector wrote in front of it, time, source, level, message; from the
//! source the session, from the few statements that consist of one account or session that account or session. *Promised*: a
//! source is taken only in the grammar of sources, a level only if it is one; what stands between two values is Prosody's own
//! punctuation. *Not here*: JIDs, stanzas and tokens inside a message: text, which is scrubbed.
//!
//! ```text
//! file        Nov 21 10:15:32 mod_bosh<TAB>info<TAB>New BOSH session, assigned it sid '…'
//! console     c2s55a9fb622a20           info<TAB>Stream encrypted
//! docker      2026-11-21 10:15:32 meet.example.org:tls     info<TAB>Certificates loaded
//! syslog      Nov 21 10:15:32 host prosody[7]: startup     #033[1minfo#033[0m#011Hello
//! syslog sink Nov 21 10:15:32 host prosody[7]: c2s55a9fb622a20: Client connected
//! ```
//!
//! The source of a session is a word and the session's own id (`bosh` and a UUID, `c2s` and hexadecimal digits). The word is the
//! module, the id the session, so that its token is the one of the same UUID in `assigned it sid '…'`.
//!
//! A record goes on over lines that are no header: tracebacks of Lua, dumped tables, stanzas with line feeds. What begins with a time,
//! or with the name of another program, is not the rest of a message, whatever it is: it begins a record, which is refused.

mod header;
mod message;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;

use self::header::Own;
pub(super) use self::message::holds_record;
use super::pieces::{Range, ends_in_uuid};
use super::prefix::{Prefix, Slots};
use super::time::{self, TimeForm};
use super::{Memo, Parser, coturn, jitsi};
use crate::record::span::{Escape, Layout, Parsed, Refusal};

const CONTAINER: u16 = 0;
const HOST: u16 = 1;
const APPNAME: u16 = 2;
const PID: u16 = 3;
const TIME: u16 = 4;
const MODULE: u16 = 5;
const SESSION: u16 = 6;
const SEVERITY: u16 = 7;
const JID: u16 = 8;
const MESSAGE: u16 = 9;

/// The fields of the slots above, by index.
const FIELDS: [&str; 10] = [
    "container.name",
    "host.name",
    "syslog.appname",
    "process.pid",
    "time",
    "module.name",
    "session.id",
    "severity_text",
    "user.jid",
    "message",
];

/// Where the values of a prefix go.
const PREFIX: Slots = Slots { time: TIME, host: HOST, program: APPNAME, pid: PID, container: CONTAINER };

/// The parser of Prosody's logs.
pub struct Prosody {
    layout: Layout,
    zone: TimeZone,
    jitsi: jitsi::Headers,
    turn: coturn::Statements,
}

impl Prosody {
    /// A parser; `zone` is the one that the server's local times are in.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            layout: Layout::of_log(&FIELDS, Escape::None),
            zone,
            jitsi: jitsi::Headers::new(),
            turn: coturn::Statements::new(),
        }
    }
}

impl Prosody {
    /// Adds the parts of a record that a collector wrote a prefix to. Its time counts where Prosody wrote none.
    #[inline(never)]
    fn prefixed(
        &self,
        record: &[u8],
        prefix: &Prefix,
        own: &Own,
        memo: &mut Memo,
        parsed: &mut Parsed,
    ) -> Result<(), Refusal> {
        if message::repeats(record, prefix, own.message) {
            return Err(Refusal::Truncated);
        }
        prefix.push(0, &PREFIX, parsed);
        self.rest(record, own, own.time.or(prefix.stated()), memo, parsed)
    }

    /// True when a second record begins in the middle of a line, Prosody's or that of another program of the meeting.
    #[inline]
    fn holds_another(&self, text: &[u8]) -> bool {
        holds_record(text) || self.jitsi.are_in(text) || self.turn.is_in(text)
    }

    /// Adds the parts of a record behind its prefix.
    #[inline]
    fn rest(
        &self,
        record: &[u8],
        own: &Own,
        stamp: Option<(TimeForm, Range)>,
        memo: &mut Memo,
        parsed: &mut Parsed,
    ) -> Result<(), Refusal> {
        let message = &record[own.message..];
        if self.holds_another(message) || ends_in_uuid(message) {
            return Err(Refusal::Truncated);
        }
        if let Some((form, (start, end))) = stamp {
            let reading = time::read(form, &record[start..end], Some(&self.zone), memo)?;
            reading.state(parsed);
        }
        own.push(parsed);
        message::push(record, own.message, parsed);
        Ok(())
    }
}

impl Parser for Prosody {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        // Most logs are files, without a prefix; and no prefix reads like a whole header.
        match Own::read(record, 0) {
            Ok(own) => self.rest(record, &own, own.time, memo, parsed),
            Err(miss) => {
                let (prefix, own) = header::behind_prefix(record, miss).map_err(|miss| miss.refusal)?;
                self.prefixed(record, &prefix, &own, memo, parsed)
            }
        }
    }

    #[inline]
    fn begins_record(&self, line: &[u8]) -> bool {
        header::begins(line)
    }

    fn multi_line(&self) -> bool {
        true
    }
}
