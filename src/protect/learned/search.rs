//! Where learned names stand in a text.

use super::index::Index;
use super::words::{Hasher, WORDS_MAX, Walker, Word, head, lower_head};
use crate::protect::text::{Finding, Sense, What};
use crate::record::positions::{BLOCK, Lane, blocks, mask};

/// One search.
pub(super) struct Search<'a> {
    pub(super) text: &'a [u8],
    pub(super) index: &'a Index,
    pub(super) hasher: Hasher,
    pub(super) walker: &'a mut Walker,
    /// Findings, of which the first `settled` ascend and were there before.
    pub(super) out: &'a mut Vec<Finding>,
    pub(super) settled: usize,
    /// How many of these end before the run at hand.
    pub(super) passed: usize,
}

/// The run of letters and digits that reaches into a block.
#[derive(Clone, Copy)]
struct Open {
    start: usize,
    /// It holds bytes that must be decoded.
    coded: bool,
}

impl Search<'_> {
    /// Looks at every run of letters, digits, `%` and bytes that are no ASCII. A word, decoded or not, is part of one run.
    pub(super) fn run(&mut self) {
        let text = self.text;
        let mut open = None;
        blocks(text, |block, base| self.block(block, base, &mut open));
        // A text that fills its last block has no padding, in which the last run would end.
        if let Some(Open { start, coded }) = open {
            self.look(start, text.len(), coded);
        }
    }

    #[inline]
    fn block(&mut self, block: &[u8; BLOCK], base: usize, open: &mut Option<Open>) {
        let coded = mask(block, |lane| lane | lane.simd_eq(Lane::splat(b'%')));
        let run = coded | mask(block, is_alphanumeric);
        let before = run << 1 | u64::from(open.is_some());
        let (mut starts, mut ends) = (run & !before, !run & before);
        while ends != 0 {
            let end = ends.trailing_zeros() as usize;
            ends &= ends - 1;
            let (start, is_coded) = if let Some(open) = open.take() {
                (open.start, open.coded || coded & below(end) != 0)
            } else {
                let start = starts.trailing_zeros() as usize;
                starts &= starts - 1;
                (base + start, coded & below(end) & !below(start) != 0)
            };
            self.look(start, base + end, is_coded);
        }
        match open {
            Some(open) => open.coded |= coded != 0,
            None if starts != 0 => {
                let start = starts.trailing_zeros() as usize;
                *open = Some(Open { start: base + start, coded: coded >> start != 0 });
            }
            None => {}
        }
    }

    /// True for a run that is part of a finding: it does not leave, whatever it is called.
    #[inline]
    fn is_settled(&mut self, start: usize, end: usize) -> bool {
        while self.passed < self.settled && self.out[self.passed].end <= start {
            self.passed += 1;
        }
        self.passed < self.settled && self.out[self.passed].start <= start && end <= self.out[self.passed].end
    }

    /// Looks at one run.
    #[inline]
    fn look(&mut self, start: usize, end: usize, coded: bool) {
        if self.is_settled(start, end) {
            return;
        }
        if coded {
            return self.look_decoded(start, end);
        }
        let quick = self.hasher.quick(lower_head(&self.text[start..], end - start));
        if self.index.may_begin(quick) {
            self.compare_ascii(start, end);
        }
    }

    /// Looks at every word of a run that must be decoded.
    #[inline(never)]
    fn look_decoded(&mut self, start: usize, end: usize) {
        let run = &self.text[..end];
        let mut at = start;
        while let Some(word) = self.walker.next(self.hasher, run, at) {
            at = word.end;
            let normal = &self.walker.normal;
            if self.index.may_begin(self.hasher.quick(head(&normal[..normal.len().min(8)]))) {
                let hash = self.hasher.bytes(normal);
                self.compare(word.start, word.end, hash);
            }
        }
    }

    #[inline(never)]
    fn compare_ascii(&mut self, start: usize, end: usize) {
        self.compare(start, end, self.hasher.ascii(&self.text[start..end]));
    }

    /// Takes the longest name that begins with the word `start..end` of this hash.
    fn compare(&mut self, start: usize, end: usize, first: u64) {
        let Some(slot) = self.index.get(first) else { return };
        let mut found: Option<(usize, Sense)> = slot.sense.map(|sense| (end, sense));
        let (longer, mut at, mut hash) = (slot.longer, end, first);
        for words in 2..=WORDS_MAX {
            if longer >> (words - 1) == 0 {
                break;
            }
            let Some(Word { end, between, .. }) = self.walker.next_of_name(self.hasher, self.text, at) else {
                break;
            };
            hash = self.hasher.with(hash, between, self.hasher.bytes(&self.walker.normal));
            at = end;
            if longer >> (words - 1) & 1 != 0
                && let Some(sense) = self.index.get(hash).and_then(|slot| slot.sense)
            {
                found = Some((end, sense));
            }
        }
        if let Some((end, sense)) = found {
            self.out.push(Finding { start, end, what: What::Learned(sense) });
        }
    }
}

/// The bits below `end`, which is one of a block.
#[inline]
const fn below(end: usize) -> u64 {
    (1 << end) - 1
}

/// Sets the lanes of letters and digits of ASCII.
#[inline]
fn is_alphanumeric(lane: Lane) -> Lane {
    let within = |lane: Lane, count: u8| lane.min(Lane::splat(count - 1)).simd_eq(lane);
    let letter = (lane | Lane::splat(0x20)) - Lane::splat(b'a');
    within(letter, 26) | within(lane - Lane::splat(b'0'), 10)
}
