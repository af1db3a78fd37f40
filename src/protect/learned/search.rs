//! Where learned names stand in a text.

use super::index::Index;
use super::words::{Hasher, WORDS_MAX, Walker, head, lower_head};
use crate::protect::text::{Finding, Sense, What};
use crate::record::positions::{BLOCK, Lane, blocks, mask};

/// Bytes of a word that are looked at first.
const HEAD: usize = 8;

/// One search.
pub(super) struct Search<'a> {
    pub(super) text: &'a [u8],
    pub(super) index: &'a Index,
    pub(super) hasher: Hasher,
    pub(super) walker: &'a mut Walker,
    /// What was found before, ascending, and what is found.
    pub(super) out: &'a mut Vec<Finding>,
    /// How many were found before, and how many of them lie behind the last place that was looked at.
    pub(super) before: usize,
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
        // Most texts are short, and then no run is cut by the end of a block.
        if text.len() < BLOCK {
            let mut padded = [0; BLOCK + HEAD];
            padded[..text.len()].copy_from_slice(text);
            let Some(block) = padded.first_chunk() else { return };
            let (run, coded) = runs(block);
            return self.pairs(&padded, 0, run & !(run << 1), !run & run << 1, coded);
        }
        let mut open = None;
        blocks(text, |block, base| self.block(block, base, &mut open));
        // A text that fills its last block has no padding, in which the last run would end.
        if let Some(Open { start, coded }) = open {
            self.look(start, text.len(), coded);
        }
    }

    #[inline]
    fn block(&mut self, block: &[u8; BLOCK], base: usize, open: &mut Option<Open>) {
        let (run, coded) = runs(block);
        let before = run << 1 | u64::from(open.is_some());
        let (mut starts, mut ends) = (run & !before, !run & before);
        if let Some(Open { start, coded: was_coded }) = *open {
            let end = ends.trailing_zeros();
            let is_coded =
                was_coded || coded & u64::MAX.checked_shl(end).map_or(u64::MAX, |behind| !behind) != 0;
            if ends == 0 {
                *open = Some(Open { start, coded: is_coded });
                return;
            }
            *open = None;
            ends &= ends - 1;
            self.look(start, base + end as usize, is_coded);
        }
        if starts.count_ones() > ends.count_ones() {
            let last = starts.ilog2();
            *open = Some(Open { start: base + last as usize, coded: coded >> last != 0 });
            starts ^= 1 << last;
        }
        self.pairs(self.text, base, starts, ends, coded);
    }

    /// Looks at runs of which beginnings and ends are bits. `text` is the text, and may go on behind it.
    #[inline]
    fn pairs(&mut self, text: &[u8], base: usize, mut starts: u64, mut ends: u64, coded: u64) {
        let (filter, hasher) = (self.index.filter(), self.hasher);
        while ends != 0 {
            let (start, end) = (starts.trailing_zeros(), ends.trailing_zeros());
            (starts, ends) = (starts & starts.wrapping_sub(1), ends & (ends - 1));
            let (from, to) = (base + start as usize, base + end as usize);
            if coded != 0 && coded >> start << start << (64 - end) != 0 {
                self.look(from, to, true);
            } else if filter.passes(hasher.quick(lower_head(text, from, to - from))) {
                self.compare_ascii(from, to);
            }
        }
    }

    /// Looks at one run.
    #[inline(never)]
    fn look(&mut self, start: usize, end: usize, coded: bool) {
        if !coded {
            let quick = self.hasher.quick(lower_head(self.text, start, end - start));
            if self.index.filter().passes(quick) {
                self.compare_ascii(start, end);
            }
        } else if !self.is_settled(start, end) {
            self.look_decoded(start, end);
        }
    }

    /// Looks at every word of a run that must be decoded.
    fn look_decoded(&mut self, start: usize, end: usize) {
        let run = &self.text[..end];
        let mut at = start;
        while let Some(word) = self.walker.next(self.hasher, run, at) {
            at = word.end;
            let normal = &self.walker.normal;
            if self.index.filter().passes(self.hasher.quick(head(&normal[..normal.len().min(8)]))) {
                let hash = self.hasher.bytes(normal);
                self.compare(word.start, word.end, hash);
            }
        }
    }

    /// True for a run that is part of something longer that was found: it does not leave, whatever it is called. What was found as a
    /// whole may be the beginning of a longer name.
    fn is_settled(&mut self, start: usize, end: usize) -> bool {
        while self.passed < self.before && self.out[self.passed].end <= start {
            self.passed += 1;
        }
        self.out[self.passed..self.before].first().is_some_and(|found| {
            found.start <= start && end <= found.end && (found.start, found.end) != (start, end)
        })
    }

    #[inline(never)]
    fn compare_ascii(&mut self, start: usize, end: usize) {
        if !self.is_settled(start, end) {
            self.compare(start, end, self.hasher.ascii(&self.text[start..end]));
        }
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
            let Some((end, between, word)) = self.walker.next_of_name(self.hasher, self.text, at) else {
                break;
            };
            hash = self.hasher.with(hash, between, word);
            at = end;
            if longer >> (words - 1) & 1 != 0
                && let Some(sense) = self.index.get(hash).and_then(|slot| slot.sense)
            {
                found = Some((end, sense));
            }
        }
        if let Some((end, sense)) = found
            && !self.is_known(start, end)
        {
            self.out.push(Finding { start, end, what: What::Learned(sense) });
        }
    }

    /// True when a name at this place changes nothing, as most do that the record's own fields have given. Of two with the same
    /// bytes, a mail address counts less than a name (`text::join`).
    fn is_known(&mut self, start: usize, end: usize) -> bool {
        self.out[self.passed..self.before]
            .first()
            .is_some_and(|found| (found.start, found.end) == (start, end) && found.what != What::Email)
    }
}

/// The bytes of a block that are part of a run, and those of them that must be decoded.
#[inline(always)]
fn runs(block: &[u8; BLOCK]) -> (u64, u64) {
    let coded = mask(block, |lane| lane | lane.simd_eq(Lane::splat(b'%')));
    (coded | mask(block, is_alphanumeric), coded)
}

/// Sets the lanes of letters and digits of ASCII.
#[inline]
fn is_alphanumeric(lane: Lane) -> Lane {
    let within = |lane: Lane, count: u8| lane.min(Lane::splat(count - 1)).simd_eq(lane);
    let letter = (lane | Lane::splat(0x20)) - Lane::splat(b'a');
    within(letter, 26) | within(lane - Lane::splat(b'0'), 10)
}
