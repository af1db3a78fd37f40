//! Finds the ends of soft values, and makes sure that they could not be elsewhere.
//!
//! *In*: the segments of a program and where the first begins. *Out*: where the last ends, and the parts on the way. *Promised*:
//! a record of two readings is refused (the argument stands in `program`); the cost is linear, because the budget is. *Not
//! here*: solid values (`run`).

use memchr::memchr;

use super::ending::{Class, closing_quote};
use super::program::{Content, Locate, SOFT_MAX, Segment};
use super::run::Run;
use crate::record::span::Refusal;

/// Where a soft value begins and where its chunk does.
#[derive(Clone, Copy, Default)]
struct Found {
    value: usize,
    chunk: usize,
}

impl Run<'_> {
    /// Runs the segments from `at`; returns where the last one ends.
    pub(super) fn segments(&mut self, mut at: usize) -> Result<usize, Refusal> {
        let program = self.program;
        let mut found = [Found::default(); SOFT_MAX];
        let mut searched = false;
        for (segment, found) in program.segments.iter().zip(&mut found) {
            let chunk = match segment.locate {
                Locate::Before(distance) => self.chunk_before_quote(segment, at, distance)?,
                Locate::End if segment.class.reach(self.text, at) == self.text.len() => self.text.len(),
                Locate::End => return Err(Refusal::Mismatch),
                Locate::Search(first) => {
                    searched = true;
                    let reach = segment.class.reach(self.text, at);
                    self.search(segment, first, at, reach)?.ok_or_else(|| self.unfound(segment, at))?
                }
            };
            *found = Found { value: at, chunk };
            self.content(&segment.content, at, chunk)?;
            at = self.steps::<true>(&segment.chunk, chunk)?;
        }
        if searched && self.is_ambiguous(&found)? {
            return Err(Refusal::Mismatch);
        }
        Ok(at)
    }

    #[inline]
    fn chunk_before_quote(&self, segment: &Segment, at: usize, distance: usize) -> Result<usize, Refusal> {
        // Apache writes an empty user name as two quotes, the only ones that it does not escape.
        if matches!(segment.content, Content::Name(_)) && self.text[at..].starts_with(b"\"\"") {
            return Ok(at + 2);
        }
        let quote = closing_quote(self.text, at).ok_or(Refusal::Truncated)?;
        quote.checked_sub(distance).filter(|&chunk| chunk >= at).ok_or(Refusal::Mismatch)
    }

    /// The first place from `from` to `to` at which the chunk of `segment` fits.
    fn search(
        &mut self,
        segment: &Segment,
        first: u8,
        from: usize,
        to: usize,
    ) -> Result<Option<usize>, Refusal> {
        let mut at = from;
        let to = self.text.len().min(to + 1);
        while let Some(skipped) = self.text.get(at..to).and_then(|places| memchr(first, places)) {
            at += skipped;
            if self.steps::<false>(&segment.chunk, at).is_ok() {
                return Ok(Some(at));
            }
            if self.budget == 0 {
                return Err(Refusal::Mismatch);
            }
            at += 1;
        }
        Ok(None)
    }

    /// Why no place was found: the refusal of the most likely one, so that the report says something useful.
    fn unfound(&self, segment: &Segment, at: usize) -> Refusal {
        match memchr(b'"', &self.text[at..]) {
            None if segment.class == Class::Quoteless => Refusal::Truncated,
            _ => Refusal::Mismatch,
        }
    }

    /// True when another reading of the record may exist; see the head of this file.
    fn is_ambiguous(&mut self, found: &[Found; SOFT_MAX]) -> Result<bool, Refusal> {
        let program = self.program;
        let mut may_begin = false;
        for (index, segment) in program.segments.iter().enumerate() {
            let Locate::Search(first) = segment.locate else { continue };
            let Found { value, chunk } = found[index];
            if !may_begin {
                let reach = segment.class.reach(self.text, value);
                may_begin = self.search(segment, first, chunk + 1, reach)?.is_some();
            }
            if !may_begin {
                continue;
            }
            let limit = match program.segments.get(index + 1) {
                Some(_) => found[index + 1].chunk,
                None => self.text.len(),
            };
            let mut from = chunk + 1;
            while let Some(other) = self.search(segment, first, from, limit)? {
                if self.steps::<false>(&segment.chunk, other).is_ok_and(|end| end <= limit) {
                    return Ok(true);
                }
                from = other + 1;
            }
        }
        Ok(false)
    }
}
