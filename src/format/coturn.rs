//! The Coturn server.

use jiff::tz::TimeZone;

use super::{Memo, Parser};
use crate::record::field::kind_of;
use crate::record::span::{Escape, Layout, Parsed, Refusal, Slot};

/// The fields of the slots, by index.
const FIELDS: [&str; 3] = ["time", "severity_text", "message"];

/// The parser of Coturn's logs.
pub struct Coturn {
    layout: Layout,
    #[allow(dead_code, reason = "skeleton")]
    zone: Option<TimeZone>,
}

impl Coturn {
    /// A parser; `zone` is the one that the server's local times are in.
    pub fn new(zone: Option<TimeZone>) -> Self {
        let slot = |field: &&str| Slot {
            field: (*field).to_owned(),
            kind: kind_of(field),
            escape: Escape::None,
            scale: 1.0,
        };
        Self { layout: Layout { slots: FIELDS.iter().map(slot).collect(), absent: "-", repeats: true }, zone }
    }
}

impl Parser for Coturn {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, _record: &[u8], _memo: &mut Memo, _parsed: &mut Parsed) -> Result<(), Refusal> {
        Err(Refusal::Mismatch)
    }
}
