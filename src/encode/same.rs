//! The same format, cleaned: what was not replaced is copied, in as few pieces as possible.
//!
//! A line in which one address changes is two copies and a token. The encoder therefore remembers how far the record was
//! copied, and copies on only when a value is replaced or dropped. What stands between values is the format's own punctuation,
//! verified by the parser.

use crate::record::escape;
use crate::record::span::{Escape, Part};

/// Writes one record.
pub struct Same<'a> {
    raw: &'a [u8],
    out: &'a mut Vec<u8>,
    copied: usize,
}

impl<'a> Same<'a> {
    /// Begins a record.
    #[inline]
    pub fn begin(raw: &'a [u8], out: &'a mut Vec<u8>) -> Self {
        Self { raw, out, copied: 0 }
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

    /// Where a value may be written that stands in the place of `part` and needs no escaping.
    #[inline]
    pub fn place(&mut self, part: Part) -> &mut Vec<u8> {
        self.copy_to(part.start as usize);
        self.copied = part.end as usize;
        self.out
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
        if start > self.copied && self.raw[start - 1] == b'?' {
            self.copy_to(start - 1);
            self.copied = part.end as usize;
        } else {
            self.drop_value(part, absent);
        }
    }

    #[inline]
    fn copy_to(&mut self, end: usize) {
        self.out.extend_from_slice(&self.raw[self.copied..end]);
    }

    /// Ends the record with a newline.
    #[inline]
    pub fn end(self) {
        self.out.extend_from_slice(&self.raw[self.copied..]);
        self.out.push(b'\n');
    }
}
