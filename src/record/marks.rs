//! The marks of a batch: where its lines end, where quotes stand, and where bytes stand that are written otherwise.
//!
//! *In*: the bytes of a batch of records of one line each. *Out*: its records, each with its quotes. *Promised*: the same records as a
//! search for newlines gives. *Not here*: what a quote means (`format`).

use super::positions::{Lane, Positions, blocks, mask};

/// The marks of one batch. Memory is kept from batch to batch.
#[derive(Default)]
pub struct Marks {
    newlines: Positions,
    quotes: Positions,
    odd: Positions,
}

/// A record of a batch, with its marks.
pub struct Marked<'a> {
    /// Where the record begins in the batch: what its quotes are counted past.
    pub start: usize,
    /// Its bytes, without the final newline.
    pub text: &'a [u8],
    /// Where quotes stand, counted from the beginning of the batch.
    pub quotes: &'a [u32],
    /// True when a byte of it is a backslash or anything but printable ASCII: some value may be written with escapes, or needs
    /// them on the way out.
    pub odd: bool,
}

impl<'a> Marked<'a> {
    /// A record of a batch that was not scanned: nothing is known of its bytes, and nothing of where it begins.
    #[inline]
    pub fn unmarked(text: &'a [u8]) -> Self {
        Self { start: 0, text, quotes: &[], odd: true }
    }
}

impl Marks {
    /// Marks `batch` (below 4 GiB) in one pass.
    pub fn scan(&mut self, batch: &[u8]) {
        self.newlines.clear();
        self.quotes.clear();
        self.odd.clear();
        blocks(batch, |block, base| {
            let byte = |wanted| mask(block, |lane| lane.simd_eq(Lane::splat(wanted)));
            let (newlines, quotes) = (byte(b'\n'), byte(b'"'));
            // Less 32, printable ASCII is at most 94, and everything else more.
            let printable = mask(block, |lane| (lane - Lane::splat(b' ')).simd_le(Lane::splat(b'~' - b' ')));
            let odd = (!printable | byte(b'\\')) & !newlines;
            self.newlines.add::<1>(newlines, base);
            self.quotes.add::<5>(quotes, base);
            if odd != 0 {
                self.odd.add::<1>(odd, base);
            }
        });
        // The last block is padded with bytes that are no text.
        self.odd.end_at(batch.len());
    }

    /// The lines of `batch`, which was scanned, without more.
    pub fn lines<'a>(&'a self, batch: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut start = 0;
        self.newlines.all().iter().filter_map(move |&newline| {
            let line = batch.get(start..newline as usize);
            start = newline as usize + 1;
            line
        })
    }

    /// The records of `batch`, which was scanned.
    pub fn records<'a>(&'a self, batch: &'a [u8]) -> Records<'a> {
        let (newlines, quotes, odd) = (self.newlines.all(), self.quotes.all(), self.odd.all());
        Records { batch, newlines: newlines.iter(), quotes, odd, at: 0, expected: 0 }
    }
}

/// See [`Marks::records`].
pub struct Records<'a> {
    batch: &'a [u8],
    newlines: std::slice::Iter<'a, u32>,
    /// Those that were not given away yet.
    quotes: &'a [u32],
    odd: &'a [u32],
    at: usize,
    /// Quotes of the record before: the next one mostly has as many.
    expected: usize,
}

/// How many of the ascending `places` lie before `end`. Few do.
#[inline]
fn before(places: &[u32], end: usize) -> usize {
    let mut count = 0;
    while count < places.len() && (places[count] as usize) < end {
        count += 1;
    }
    count
}

impl<'a> Iterator for Records<'a> {
    type Item = Marked<'a>;

    #[inline]
    fn next(&mut self) -> Option<Marked<'a>> {
        let start = self.at;
        let end = match self.newlines.next() {
            Some(&newline) => newline as usize,
            None if start < self.batch.len() => self.batch.len(),
            None => return None,
        };
        self.at = end + 1;
        let as_expected = match (
            self.expected.checked_sub(1).and_then(|last| self.quotes.get(last)),
            self.quotes.get(self.expected),
        ) {
            (Some(&last), Some(&next)) => (last as usize) < end && next as usize > end,
            _ => false,
        };
        if !as_expected {
            self.expected = before(self.quotes, end);
        }
        let (quotes, rest) = self.quotes.split_at(self.expected);
        self.quotes = rest;
        let odd = self.odd.first().is_some_and(|&at| (at as usize) < end);
        if odd {
            self.odd = &self.odd[before(self.odd, end)..];
        }
        Some(Marked { start, text: &self.batch[start..end], quotes, odd })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_are_those_of_a_split(text in "(a|b|\"|\"a\"\n|\\\\|\n|é|\u{7f}|[a-z]{30}){0,60}") {
            let batch = text.as_bytes();
            let mut marks = Marks::default();
            marks.scan(b"\"\n\"");
            marks.scan(batch);
            let whole = batch.strip_suffix(b"\n").unwrap_or(batch);
            let mut lines: Vec<&[u8]> = whole.split(|&byte| byte == b'\n').collect();
            if batch.is_empty() {
                lines.clear();
            }
            let mut count = 0;
            for (record, line) in marks.records(batch).zip(&lines) {
                prop_assert_eq!(record.text, *line);
                prop_assert_eq!(&batch[record.start..][..line.len()], *line);
                let quotes: Vec<usize> = record.quotes.iter().map(|&at| at as usize - record.start).collect();
                prop_assert_eq!(quotes, (0..line.len()).filter(|&at| line[at] == b'"').collect::<Vec<_>>());
                prop_assert_eq!(record.odd, line.iter().any(|&byte| byte == b'\\' || !(32..127).contains(&byte)));
                count += 1;
            }
            prop_assert_eq!(count, lines.len());
        }
    }
}
