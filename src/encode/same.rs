//! The same format, cleaned: what was not replaced is copied, in as few pieces as possible.
//!
//! A line in which one address changes is two copies and a token. The encoder therefore remembers how far the record was
//! copied, and copies on only when a value is replaced or dropped. What stands between values is the format's own punctuation,
//! verified by the parser.

use crate::record::append::append_part;
use crate::record::escape;
use crate::record::span::{Escape, Part};

/// Bytes of a record that are copied in one length: most end within.
const RECORD_BYTES: usize = 320;

/// Writes one record.
pub struct Same<'a> {
    /// The record, and perhaps what follows it.
    tail: &'a [u8],
    len: usize,
    out: &'a mut Vec<u8>,
    copied: usize,
}

impl<'a> Same<'a> {
    /// Begins a record.
    #[inline]
    pub fn begin(raw: &'a [u8], out: &'a mut Vec<u8>) -> Self {
        Self::within(raw, raw.len(), out)
    }

    /// Begins the record of `len` bytes at the beginning of `tail`.
    #[inline]
    pub fn within(tail: &'a [u8], len: usize, out: &'a mut Vec<u8>) -> Self {
        Self { tail, len, out, copied: 0 }
    }

    /// Puts `value` (decoded) in the place of `part`, spelled as the server would.
    #[inline]
    pub fn replace(&mut self, part: Part, how: Escape, value: &[u8]) {
        self.copy_to(part.start as usize);
        if escape::is_plain(value) {
            self.out.extend_from_slice(value);
        } else {
            escape::encode(how, value, self.out);
        }
        self.copied = part.end as usize;
    }

    /// Copies everything in front of `part`. What is written to the output now stands in its place, if [`Same::pass`] is called
    /// next; it must need no escaping.
    #[inline]
    pub fn up_to(&mut self, part: Part) -> &mut Vec<u8> {
        self.copy_to(part.start as usize);
        self.copied = part.start as usize;
        self.out
    }

    /// Passes over `part`.
    #[inline]
    pub fn pass(&mut self, part: Part) {
        self.copied = part.end as usize;
    }

    /// Puts the server's mark for an absent value in the place of `part`.
    pub fn drop_value(&mut self, part: Part, absent: &str) {
        self.copy_to(part.start as usize);
        self.out.extend_from_slice(absent.as_bytes());
        self.copied = part.end as usize;
    }

    /// Removes a query together with the `?` before it, so that no empty or invented query is left.
    pub fn drop_query(&mut self, part: Part, absent: &str) {
        let start = part.start as usize;
        if start > self.copied && self.tail[start - 1] == b'?' {
            self.copy_to(start - 1);
            self.copied = part.end as usize;
        } else {
            self.drop_value(part, absent);
        }
    }

    #[inline]
    fn copy_to(&mut self, end: usize) {
        // Often there is nothing: most records begin with what is replaced.
        if self.copied < end {
            self.out.extend_from_slice(&self.tail[self.copied..end]);
        }
    }

    /// Ends the record with a newline.
    #[inline(always)]
    pub fn end(self) {
        // Mostly the record's own newline follows, and is copied with it.
        if self.tail.get(self.len) == Some(&b'\n') {
            return append_part::<RECORD_BYTES>(self.tail, self.copied, self.len + 1, self.out);
        }
        append_part::<RECORD_BYTES>(self.tail, self.copied, self.len, self.out);
        self.out.push(b'\n');
    }
}
