//! Where records end in a stream of bytes.
//!
//! *In*: a buffer that begins at a record's first byte and grows as bytes arrive, and a [`Parser`] that knows which lines
//! begin a record. *Out*: how far whole records reach. *Promised*: the answer does not depend on how the bytes were cut
//! into reads; every byte is searched once; a record beyond the bound is told as soon as it is beyond. *Not here*: reading
//! (`chunk`), judging a record (`format`).
//!
//! A one-line record ends at its newline. A record of several lines ends where the next line that begins a record
//! starts, so a line must be known before the record above it is whole. `Parser::begins_record` sees the first
//! [`HEAD_BYTES_MAX`] bytes of a line: a line of a gigabyte is judged when that much of it is there.

use memchr::{memchr, memrchr};

use crate::format::Parser;

/// Bytes of a line that decide whether it begins a record. Time, level and thread stand in the first few hundred.
pub const HEAD_BYTES_MAX: usize = 4096;

/// The part of a line that [`Parser::begins_record`] may see.
#[inline]
pub fn head(line: &[u8]) -> &[u8] {
    &line[..line.len().min(HEAD_BYTES_MAX)]
}

/// The records of a batch, each without its final newline. Carriage returns and empty records are left to the parser.
pub struct Records<'a, P: Parser + ?Sized> {
    parser: &'a P,
    bytes: &'a [u8],
    at: usize,
    multi_line: bool,
}

/// Splits the bytes of a batch into its records, by the same rules by which the batch was cut.
pub fn records<'a, P: Parser + ?Sized>(parser: &'a P, bytes: &'a [u8]) -> Records<'a, P> {
    Records { parser, bytes, at: 0, multi_line: parser.multi_line() }
}

impl<'a, P: Parser + ?Sized> Iterator for Records<'a, P> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        let mut end = memchr(b'\n', rest).unwrap_or(rest.len());
        while self.multi_line && end + 1 < rest.len() {
            let line = &rest[end + 1..];
            let line_end = memchr(b'\n', line).unwrap_or(line.len());
            if self.parser.begins_record(head(&line[..line_end])) {
                break;
            }
            end += 1 + line_end;
        }
        self.at += (end + 1).min(rest.len());
        Some(&rest[..end])
    }
}

/// A record that exceeds the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    /// Where it begins in the buffer.
    pub start: usize,
    /// Bytes of the buffer, from `start`, that are known to belong to it.
    pub known: usize,
    /// Where it ends (one past its newline), if that is in the buffer.
    pub end: Option<usize>,
}

/// How far a buffer has been searched. Positions count from the buffer's first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// Whole records reach to here; the record that is still being read begins here.
    pub whole: usize,
    /// The line that is still being read begins here.
    pub line: usize,
    /// Nothing between `line` and here is a newline.
    searched: usize,
    /// The line that is still being read was judged by its first bytes.
    judged: bool,
}

impl Frame {
    /// Searches what was added to `bytes` since the last call; at most `record_bytes_max` may have been added.
    /// `ended` says that nothing follows, so that a last line without newline is judged as it is.
    pub fn advance<P: Parser + ?Sized>(
        &mut self,
        parser: &P,
        bytes: &[u8],
        record_bytes_max: usize,
        ended: bool,
    ) -> Option<TooLong> {
        if parser.multi_line() {
            self.advance_lines(parser, bytes, record_bytes_max, ended)
        } else {
            self.advance_one_line(bytes, record_bytes_max)
        }
    }

    /// The first newline among the new bytes may end a record that began long ago; the records after it lie within the
    /// new bytes, which are fewer than the bound, so that only the last newline matters.
    fn advance_one_line(&mut self, bytes: &[u8], record_bytes_max: usize) -> Option<TooLong> {
        let fresh = &bytes[self.searched..];
        let Some(first) = memchr(b'\n', fresh).map(|at| self.searched + at) else {
            self.searched = bytes.len();
            return self.beyond(bytes.len() - self.whole, record_bytes_max);
        };
        if first - self.whole > record_bytes_max {
            let known = first + 1 - self.whole;
            return Some(TooLong { start: self.whole, known, end: Some(first + 1) });
        }
        let last = memrchr(b'\n', fresh).map_or(first, |at| self.searched + at);
        self.whole = last + 1;
        self.line = self.whole;
        self.searched = bytes.len();
        self.beyond(bytes.len() - self.whole, record_bytes_max)
    }

    fn beyond(&self, known: usize, record_bytes_max: usize) -> Option<TooLong> {
        (known > record_bytes_max).then_some(TooLong { start: self.whole, known, end: None })
    }

    fn advance_lines<P: Parser + ?Sized>(
        &mut self,
        parser: &P,
        bytes: &[u8],
        record_bytes_max: usize,
        ended: bool,
    ) -> Option<TooLong> {
        loop {
            let newline = memchr(b'\n', &bytes[self.searched..]).map(|at| self.searched + at);
            let line_end = newline.unwrap_or(bytes.len());
            let line_len = line_end - self.line;
            // Enough of the line is there to judge it, and it is not the record's own first line.
            let known_line = newline.is_some() || line_len >= HEAD_BYTES_MAX || (ended && line_len > 0);
            if known_line && !self.judged {
                self.judged = true;
                if self.line > self.whole && parser.begins_record(head(&bytes[self.line..line_end])) {
                    let start = self.whole;
                    if self.line - 1 - start > record_bytes_max {
                        self.judged = false;
                        return Some(TooLong { start, known: self.line - start, end: Some(self.line) });
                    }
                    self.whole = self.line;
                }
            }
            if let Some(newline) = newline {
                self.line = newline + 1;
                self.searched = self.line;
                self.judged = false;
                continue;
            }
            self.searched = bytes.len();
            let belongs = self.judged || self.line == self.whole;
            let known = if belongs { bytes.len() } else { self.line } - self.whole;
            // A newline at the end may be the one that ends the record; it does not count.
            let content = if belongs && self.line < bytes.len() { known } else { known.saturating_sub(1) };
            return (content > record_bytes_max).then_some(TooLong { start: self.whole, known, end: None });
        }
    }

    /// The same positions after the first `bytes` of the buffer were taken away. All of them belonged to whole records.
    pub fn shifted(self, bytes: usize) -> Self {
        debug_assert!(bytes <= self.whole, "only whole records leave the buffer");
        Self {
            whole: self.whole - bytes,
            line: self.line - bytes,
            searched: self.searched - bytes,
            judged: self.judged,
        }
    }
}

/// Reading over the rest of a record that exceeds the bound. The buffer keeps its first bytes, `0..kept`; what follows
/// them is a line that is not yet judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip {
    kept: usize,
    /// Bytes of the record seen so far, those kept and those read over.
    total: u64,
    searched: usize,
    /// The current line is known to belong to the record.
    judged: bool,
}

impl Skip {
    /// Begins to read over the record at the start of `bytes`, of which `known` bytes are known to belong to it.
    pub fn begin(bytes: &mut Vec<u8>, known: usize, kept: usize) -> Self {
        // With `known` short of the buffer's end, what follows is a line that may begin the next record.
        let judged = known == bytes.len() && bytes.last() != Some(&b'\n');
        bytes.copy_within(known.., kept);
        bytes.truncate(kept + bytes.len() - known);
        Self { kept, total: known as u64, searched: kept, judged }
    }

    /// Searches for the record's end and takes away what belongs to it. `Some` is where the next record
    /// begins in the buffer.
    pub fn advance<P: Parser + ?Sized>(
        &mut self,
        parser: &P,
        bytes: &mut Vec<u8>,
        ended: bool,
    ) -> Option<usize> {
        let mut line = self.kept;
        let end = loop {
            let newline = memchr(b'\n', &bytes[self.searched..]).map(|at| self.searched + at);
            if !parser.multi_line() {
                break newline.map(|at| at + 1);
            }
            let line_end = newline.unwrap_or(bytes.len());
            let line_len = line_end - line;
            let known_line = newline.is_some() || line_len >= HEAD_BYTES_MAX || (ended && line_len > 0);
            if known_line && !self.judged {
                if parser.begins_record(head(&bytes[line..line_end])) {
                    break Some(line);
                }
                self.judged = true;
            }
            let Some(newline) = newline else { break None };
            line = newline + 1;
            self.searched = line;
            self.judged = false;
        };
        if let Some(end) = end {
            self.total += (end - self.kept) as u64;
            return Some(end);
        }
        let belongs = if self.judged || !parser.multi_line() { bytes.len() } else { line };
        self.total += (belongs - self.kept) as u64;
        bytes.copy_within(belongs.., self.kept);
        bytes.truncate(self.kept + bytes.len() - belongs);
        self.searched = bytes.len();
        None
    }

    /// Bytes of the record that were read over; `newline` says that its last byte was the newline that ends it.
    pub fn skipped(&self, newline: bool) -> u64 {
        self.total - u64::from(newline) - self.kept as u64
    }

    /// True when the bytes seen so far end with a newline.
    pub fn at_line_start(&self) -> bool {
        !self.judged
    }
}
