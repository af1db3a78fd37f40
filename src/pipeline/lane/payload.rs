//! What a message holds: records as they are, or in an event of a shipper.

use crate::format::json::Json;
use crate::format::{Memo, Parser};
use crate::record::escape;
use crate::record::span::{Escape, Parsed, Part, Refusal};
use crate::record::timestamp::Timestamp;

/// Members in which shippers put the line: Filebeat and Vector `message`, Fluent Bit `log`. What JSON loggers call it (`msg`) is
/// taken, too. Filebeat's own `log` is an object, which says where the line stood: with a member of its own it is none of ours.
const MEMBERS: [(&str, &str); 4] =
    [("message", FIELD), ("msg", FIELD), ("log", FIELD), ("log.file.path", "file.path")];
const FIELD: &str = "message";

/// Takes lines out of events. Holds raw bytes between calls: no `Debug`.
pub(super) struct Events {
    json: Json,
    memo: Memo,
    parsed: Parsed,
    line: Vec<u8>,
}

impl Events {
    /// A reader of events.
    pub(super) fn new() -> Self {
        let json = Json::only(&MEMBERS);
        Self { json, memo: Memo::new(Timestamp(0)), parsed: Parsed::default(), line: Vec::new() }
    }

    /// The line in `event`, unescaped, without the newline that some shippers leave. All else in the event is dropped.
    pub(super) fn line(&mut self, event: &[u8]) -> Result<&[u8], Refusal> {
        self.parsed.clear();
        self.line.clear();
        self.json.parse(event, &mut self.memo, &mut self.parsed)?;
        let layout = self.json.layout();
        let field = |slot: u16| layout.slots.get(usize::from(slot)).is_some_and(|slot| slot.field == FIELD);
        // A string alone is a line; the parser's part of it lies between the quotes.
        let is_text = |part: &&Part| part.start > 0 && event.get(part.start as usize - 1) == Some(&b'"');
        let mut parts = self.parsed.parts.iter().filter(|part| field(part.slot));
        let part = parts.next().filter(is_text).ok_or(Refusal::Mismatch)?;
        escape::decode(Escape::Json, part.of(event), &mut self.line)?;
        let end = self.line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        Ok(&self.line[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_taken_out_of_what_shippers_send() {
        let mut events = Events::new();
        let filebeat = br#"{"@timestamp":"2026-11-27T10:00:00Z","log":{"file":{"path":"/var/log/a.log"},"offset":7},"message":"GET \"/a\" \u00e9","host":{"name":"h"}}"#;
        assert_eq!(events.line(filebeat).unwrap(), "GET \"/a\" é".as_bytes());
        let fluent = br#"{"date":1795251600.1,"log":"one\ntwo\n"}"#;
        assert_eq!(events.line(fluent).unwrap(), b"one\ntwo");
        let vector = br#"{"file":"/a","host":"h","message":"x","source_type":"file","timestamp":"2026-11-27T10:00:00Z"}"#;
        assert_eq!(events.line(vector).unwrap(), b"x");
        // What is dropped is not judged: a date that none can be, a request that is none.
        let odd = br#"{"@timestamp":"9999-99-99T99:99:99Z","time":-1,"date":1e300,"request":"x","log":{"file":{"path":"/a"},"level":"b"},"message":"y"}"#;
        assert_eq!(events.line(odd).unwrap(), b"y");
        for none in [&br#"{"text_":"x"}"#[..], b"x", b"", b"{", br#"{"message":{"a":1}}"#] {
            assert!(events.line(none).is_err());
        }
    }
}
