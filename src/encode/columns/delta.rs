//! Differences of whole numbers, packed (`DELTA_BINARY_PACKED`): <https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC>.

use super::bits;

/// Differences of a block, which has one smallest, and of each part of it, which has a width of its own.
const BLOCK: usize = 128;
const PART: usize = 32;

/// Numbers of a page.
pub(super) struct Delta {
    first: i64,
    last: i64,
    count: u64,
    /// Differences that are no block yet.
    waiting: [i64; BLOCK],
    blocks: Vec<u8>,
}

impl Delta {
    pub(super) const fn new() -> Self {
        Self { first: 0, last: 0, count: 0, waiting: [0; BLOCK], blocks: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, number: i64) {
        if self.count == 0 {
            self.first = number;
        } else {
            let place = (self.count - 1) as usize % BLOCK;
            self.waiting[place] = number.wrapping_sub(self.last);
            if place == BLOCK - 1 {
                self.block(BLOCK);
            }
        }
        self.last = number;
        self.count += 1;
    }

    fn block(&mut self, count: usize) {
        let deltas = &self.waiting[..count];
        let least = deltas.iter().copied().min().unwrap_or(0);
        let mut over = [0_u64; BLOCK];
        for (over, delta) in over.iter_mut().zip(deltas) {
            *over = delta.wrapping_sub(least).cast_unsigned();
        }
        bits::zigzag(least, &mut self.blocks);
        let parts = over.as_chunks::<PART>().0;
        let widths = parts.iter().map(|part| bits::width(part.iter().fold(0, |all, over| all | over)));
        self.blocks.extend(widths.clone().map(|width| width as u8));
        for (part, width) in parts.iter().zip(widths).filter(|(_, width)| *width > 0) {
            bits::pack_long(part, width, &mut self.blocks);
        }
    }

    /// Ends the page: its head and its body; they are to be [cleared](Self::clear).
    pub(super) fn end(&mut self) -> (Vec<u8>, &[u8]) {
        let rest = self.count.saturating_sub(1) as usize % BLOCK;
        if rest > 0 {
            self.block(rest);
        }
        let mut head = Vec::with_capacity(16);
        bits::varint(BLOCK as u64, &mut head);
        bits::varint((BLOCK / PART) as u64, &mut head);
        bits::varint(self.count, &mut head);
        bits::zigzag(self.first, &mut head);
        (head, &self.blocks)
    }

    pub(super) fn clear(&mut self) {
        (self.first, self.count) = (0, 0);
        self.blocks.clear();
    }

    pub(super) const fn bytes(&self) -> usize {
        self.blocks.len()
    }

    pub(super) const fn memory(&self) -> usize {
        self.blocks.len()
    }
}
