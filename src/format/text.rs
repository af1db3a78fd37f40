//! Any line: one text.
//!
//! *In*: one record. *Out*: one part, `message`. *Promised*: nothing is refused. *Not here*: a time. A date at the front of a line
//! that nobody described may be anything, and the time of reception never buys more than it should.

use super::{Memo, Parser};
use crate::record::field::Kind;
use crate::record::span::{Escape, Layout, Parsed, Refusal, Slot};

/// The parser of lines without a format.
pub struct Text {
    layout: Layout,
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl Text {
    /// A parser.
    pub fn new() -> Self {
        let message =
            Slot { field: "message".to_owned(), kind: Kind::Text, escape: Escape::None, scale: 1.0 };
        Self { layout: Layout { slots: vec![message], absent: "", repeats: false } }
    }
}

impl Parser for Text {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn parse(&self, record: &[u8], _memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        parsed.push(0, 0, record.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::timestamp::Timestamp;

    #[test]
    fn any_bytes_are_one_message() {
        let parser = Text::new();
        for line in [&b""[..], b"client 192.0.2.7 gone", b"\xff\x00\n\xfe"] {
            let mut parsed = Parsed::default();
            assert!(parser.parse(line, &mut Memo::new(Timestamp(0)), &mut parsed).is_ok());
            assert!(parsed.parts.len() == 1 && parsed.parts[0].of(line) == line);
            assert!(parsed.time.is_none());
        }
    }
}
