//! The lines of a batch, each with what follows it.
//!
//! *In*: the bytes of a batch of records of one line each. *Out*: its records. *Promised*: the same records as a search for newlines
//! from one to the next gives. *Not here*: what stands in a record (`format`).

use super::positions::{Lane, Positions, blocks, mask};

/// Where the lines of one batch end. Memory is kept from batch to batch.
#[derive(Default)]
pub struct Lines {
    ends: Positions,
}

/// A record of one line.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// Its bytes, without the final newline.
    pub text: &'a [u8],
    /// The batch from the record's first byte on: who looks at many bytes together may look beyond the record's end.
    pub tail: &'a [u8],
}

impl Lines {
    /// Finds the lines of `batch` (below 4 GiB).
    pub fn scan(&mut self, batch: &[u8]) {
        self.ends.clear();
        blocks(batch, |block, base| {
            self.ends.add::<1>(mask(block, |lane| lane.simd_eq(Lane::splat(b'\n'))), base);
        });
    }

    /// The records of `batch`, which was scanned.
    pub fn records<'a>(&'a self, batch: &'a [u8]) -> Records<'a> {
        Records { tail: batch, at: 0, ends: self.ends.all().iter() }
    }
}

/// See [`Lines::records`].
pub struct Records<'a> {
    /// What was not given away yet, and where it begins in the batch.
    tail: &'a [u8],
    at: usize,
    ends: std::slice::Iter<'a, u32>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        let tail = self.tail;
        let len = match self.ends.next() {
            Some(&end) => end as usize - self.at,
            None if !tail.is_empty() => tail.len(),
            None => return None,
        };
        self.at += len + 1;
        self.tail = tail.get(len + 1..).unwrap_or_default();
        Some(Line { text: tail.get(..len)?, tail })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_are_those_of_a_split(text in "(a|\"a\"\n|\n|é|[a-z]{30}|[a-z]{90}\n){0,60}") {
            let batch = text.as_bytes();
            let mut marked = Lines::default();
            marked.scan(b"\n\n");
            marked.scan(batch);
            let whole = batch.strip_suffix(b"\n").unwrap_or(batch);
            let mut lines: Vec<&[u8]> = whole.split(|&byte| byte == b'\n').collect();
            if batch.is_empty() {
                lines.clear();
            }
            let mut count = 0;
            for (record, line) in marked.records(batch).zip(&lines) {
                prop_assert_eq!(record.text, *line);
                prop_assert_eq!(&record.tail[..line.len()], *line);
                prop_assert!(batch.ends_with(record.tail));
                count += 1;
            }
            prop_assert_eq!(count, lines.len());
        }
    }
}
