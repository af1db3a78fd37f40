//! The services of Jitsi: video bridge (JVB), conference focus (Jicofo), SIP gateway (Jigasi), recorder (Jibri).

use jiff::tz::TimeZone;

use super::{Memo, Parser};
use crate::record::field::kind_of;
use crate::record::span::{Escape, Layout, Parsed, Refusal, Slot};

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

/// The fields of the slots, by index.
const FIELDS: [&str; 18] = [
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
];

/// The parser of one service's logs.
pub struct Jitsi {
    layout: Layout,
    #[allow(dead_code, reason = "skeleton")]
    service: Service,
    #[allow(dead_code, reason = "skeleton")]
    zone: TimeZone,
}

impl Jitsi {
    /// A parser; `zone` is the one that the service's local times are in.
    pub fn new(service: Service, zone: TimeZone) -> Self {
        let slot = |field: &&str| Slot {
            field: (*field).to_owned(),
            kind: kind_of(field),
            escape: Escape::None,
            scale: 1.0,
        };
        Self {
            layout: Layout { slots: FIELDS.iter().map(slot).collect(), absent: "-", repeats: true },
            service,
            zone,
        }
    }
}

impl Parser for Jitsi {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, _record: &[u8], _memo: &mut Memo, _parsed: &mut Parsed) -> Result<(), Refusal> {
        Err(Refusal::Mismatch)
    }
}
