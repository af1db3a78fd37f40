//! A source whose first batch was looked at before its format was known.
//!
//! *In*: a source and the batch that was taken from it line by line. *Out*: the same bytes again, cut by the parser that was
//! then chosen. *Promised*: nothing is lost or doubled, and a record of several lines stays whole although the first batch
//! ended inside it. *Not here*: choosing (`format::detect`).

use std::mem;
use std::sync::Arc;

use super::error::SourceError;
use super::input::Progress;
use super::{Fill, Source};
use crate::format::Parser;
use crate::record::batch::RawBatch;

/// See the module comment.
pub struct Peeked {
    source: Box<dyn Source>,
    /// The batch that was looked at, until it is delivered.
    first: Option<RawBatch>,
    /// The last record of the first batch, which may go on in the next.
    tail: Vec<u8>,
}

impl Peeked {
    /// Gives `first` before what else `source` has.
    pub fn new(source: Box<dyn Source>, first: RawBatch) -> Self {
        Self { source, first: Some(first), tail: Vec::new() }
    }

    /// Keeps back the last record of `batch` when it may be unfinished.
    fn keep_tail(&mut self, parser: &dyn Parser, batch: &mut RawBatch) {
        if batch.cut || !parser.multi_line() {
            return;
        }
        let mut start = batch.bytes.len();
        while start > 0 {
            let end = start - usize::from(batch.bytes[start - 1] == b'\n');
            start = memchr::memrchr(b'\n', &batch.bytes[..end]).map_or(0, |at| at + 1);
            if parser.begins_record(&batch.bytes[start..end]) {
                break;
            }
        }
        self.tail.extend_from_slice(&batch.bytes[start..]);
        batch.bytes.truncate(start);
    }

    /// Puts the tail before what came next.
    fn join(&mut self, batch: &mut RawBatch) {
        mem::swap(&mut self.tail, &mut batch.bytes);
        batch.bytes.append(&mut self.tail);
    }
}

impl Source for Peeked {
    fn fill(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        if let Some(first) = self.first.take() {
            *batch = first;
            self.keep_tail(parser, batch);
            return Ok(if batch.bytes.is_empty() { Fill::Waiting } else { Fill::Records });
        }
        let filled = self.source.fill(parser, batch)?;
        if self.tail.is_empty() {
            return Ok(filled);
        }
        match filled {
            Fill::Records if batch.cut => {
                // A cut record travels alone: the tail goes before it, and it comes again.
                let mut before = RawBatch::with_capacity(0);
                before.received = batch.received;
                before.bytes = mem::take(&mut self.tail);
                self.first = Some(mem::replace(batch, before));
            }
            Fill::Records => self.join(batch),
            // Bytes of a line that may belong to the tail are held.
            Fill::Waiting => return Ok(Fill::Waiting),
            // Silence completes a record of several lines, and so does the end.
            Fill::Silence | Fill::End => batch.bytes = mem::take(&mut self.tail),
        }
        Ok(Fill::Records)
    }

    fn stop(&mut self) {
        self.source.stop();
    }

    fn progress(&self) -> Arc<Progress> {
        self.source.progress()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Memo;
    use crate::record::span::{Layout, Parsed, Refusal};
    use crate::record::timestamp::Timestamp;

    /// Records begin with `>`.
    struct Marked(Layout);

    impl Parser for Marked {
        fn layout(&self) -> &Layout {
            &self.0
        }
        fn parse(&self, _: &[u8], _: &mut Memo, _: &mut Parsed) -> Result<(), Refusal> {
            Ok(())
        }
        fn begins_record(&self, line: &[u8]) -> bool {
            line.starts_with(b">")
        }
        fn multi_line(&self) -> bool {
            true
        }
    }

    /// Batches, and whether each is cut; an empty one is `Waiting`.
    struct Batches(Vec<(&'static str, bool)>);

    impl Source for Batches {
        fn fill(&mut self, _: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
            batch.clear();
            if self.0.is_empty() {
                return Ok(Fill::End);
            }
            let (text, cut) = self.0.remove(0);
            batch.bytes.extend_from_slice(text.as_bytes());
            batch.cut = cut;
            batch.received = Timestamp(7);
            Ok(if text.is_empty() { Fill::Waiting } else { Fill::Records })
        }
        fn stop(&mut self) {}
        fn progress(&self) -> Arc<Progress> {
            Arc::default()
        }
    }

    fn all(first: &str, rest: Vec<(&'static str, bool)>) -> Vec<(String, bool)> {
        let mut batch = RawBatch::with_capacity(0);
        batch.bytes.extend_from_slice(first.as_bytes());
        let mut source = Peeked::new(Box::new(Batches(rest)), batch);
        let (mut out, mut batch) = (Vec::new(), RawBatch::with_capacity(0));
        for _ in 0..10 {
            match source.fill(&Marked(Layout::default()), &mut batch).unwrap() {
                Fill::Records => out.push((String::from_utf8(batch.bytes.clone()).unwrap(), batch.cut)),
                Fill::Silence | Fill::Waiting => {}
                Fill::End => return out,
            }
        }
        panic!("no end");
    }

    fn plain(texts: &[&str]) -> Vec<(String, bool)> {
        texts.iter().map(|text| ((*text).to_owned(), false)).collect()
    }

    #[test]
    fn a_record_that_goes_on_stays_whole() {
        assert_eq!(all(">a\n>b\n", vec![("  more\n>c\n", false)]), plain(&[">a\n", ">b\n  more\n>c\n"]));
        assert_eq!(
            all(">a\n", vec![("", false), ("  more\n", false)]),
            plain(&[">a\n  more\n"]),
            "while it trickles"
        );
        assert_eq!(all(">a\n", vec![]), plain(&[">a\n"]));
        assert_eq!(all("head\nless\n", vec![(">c\n", false)]), plain(&["head\nless\n>c\n"]));
    }

    #[test]
    fn a_cut_record_still_travels_alone() {
        let got = all(">a\n>b\n", vec![(">long", true), (">c\n", false)]);
        let want = [(">a\n", false), (">b\n", false), (">long", true), (">c\n", false)];
        assert_eq!(got, want.map(|(text, cut)| (text.to_owned(), cut)));
    }
}
