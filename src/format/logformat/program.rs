//! The engine: a compiled format and how a record runs through it.
//!
//! # How a record is read
//! A format is literals and values. Nearly every value is **solid**: its end follows from its beginning, because the byte
//! after it cannot be in it. A quoted value ends at the first quote, since the server escapes quotes; numbers and times have
//! their own grammar; a word ends at a space. Where the byte after it can be in it (Apache's `%u` before ` [`, any value under
//! `escape=none`), the value is **soft**.
//! ```text
//! head:     1.2.3.4 -                                  solid values and literals, from the left
//! segment:  alice b. [21/Nov/2026:…] "GET / …" 200 …   one soft value, then a chunk of solid values and literals
//! segment:  …
//! ```
//! For each soft value the leftmost place is sought at which its chunk fits. If every byte between the chunk's beginning and
//! its first quote has a fixed place, that place is known at once: it is the distance from the first quote that the server
//! did not escape (`Locate::Before`); so `combined` never searches.
//!
//! # Why no value can shift
//! Leftmost places are the smallest of every possible reading. If another reading exists, then the first soft value in which
//! it differs has another place for its chunk within reach, and the last one in which it differs has another place that ends
//! before the next chunk. `is_ambiguous` looks for such a pair, and the record is refused if there is one. So a
//! value that imitates the format's own punctuation makes its record unreadable, never wrong.
//!
//! # Cost
//! Linear: the head, and the chunks that fit, are read once; the search has a budget proportional to the record's length,
//! and a record that needs more is refused.

use jiff::tz::TimeZone;
use memchr::memchr;

use super::ending::{
    Class, NumberForm, byte_end, closing_quote, host_end, is_joined, is_shifted, list_end, number_end,
    word_end,
};
use crate::format::request::{RequestSlots, TargetSlots, split, split_target};
use crate::format::strftime::{Collected, Pattern, read_fraction};
use crate::format::time::{Reading, TimeForm, read};
use crate::format::{Memo, Parser};
use crate::record::span::{Layout, Parsed, Refusal};

/// Soft values that one format may have.
pub(super) const SOFT_MAX: usize = 32;

/// A compiled `log_format` or `LogFormat`.
pub struct Program {
    pub(super) layout: Layout,
    /// What comes before the first soft value.
    pub(super) head: Vec<Step>,
    pub(super) segments: Vec<Segment>,
    /// White space at the end of the format; a record may lack it, since relays trim.
    pub(super) suffix: Vec<u8>,
    pub(super) zone: Option<TimeZone>,
    /// The server writes nothing for an absent value, so that numbers may be empty.
    pub(super) empty_is_absent: bool,
    /// The event time comes in several directives and is put together at the end.
    pub(super) collects_time: bool,
}

pub(super) struct Segment {
    pub(super) content: Content,
    pub(super) class: Class,
    pub(super) locate: Locate,
    pub(super) chunk: Vec<Step>,
}

/// How the chunk after a soft value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locate {
    /// It begins that many bytes before the next unescaped quote.
    Before(usize),
    /// It begins with this byte, and is looked for.
    Search(u8),
    /// There is none: the value is the last of its record.
    End,
}

pub(super) enum Step {
    /// A literal of at most eight bytes, compared as one number.
    Short { len: usize, mask: u64, word: u64 },
    /// A longer literal.
    Long(Box<[u8]>),
    /// A solid value.
    Value { ending: Ending, content: Content },
    /// A number; its grammar is its ending. `next` is the byte that the format has after it.
    Number { form: NumberForm, slot: u16, next: Option<u8> },
    /// A time; its grammar is its ending.
    Time { time: TimeStep, slot: u16, side: Side },
    /// The end of the record.
    End,
}

/// How a solid value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// At the next unescaped quote.
    Quote,
    /// At this byte, which the server never writes inside.
    Byte(u8),
    /// At this byte, without space, quote or control character inside.
    Word(u8),
    /// At a space that follows no comma.
    Host,
    /// At a space that belongs neither to `, ` nor to ` : `.
    List,
}

/// What a value is, once its place is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Plain(u16),
    Request(RequestSlots),
    Target(TargetSlots),
    /// A query, perhaps with its `?`.
    Query(u16),
    /// A name in a column without quotes: an address in it means that columns are shifted.
    Name(u16),
    /// A time in a form that is not known at start.
    AnyTime(u16),
}

pub(super) enum TimeStep {
    /// A spelling of fixed length.
    Fixed { form: TimeForm, len: usize },
    /// Digits, points and the letters of ISO 8601.
    Loose(TimeForm),
    /// Digits only.
    Digits(TimeForm),
    /// A `strftime` pattern, perhaps a part of the time only.
    Pattern(Box<Pattern>),
    /// That many digits after the second.
    Fraction(usize),
}

/// Whether a time is that of the request's beginning or of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Begin,
    End,
}

impl Parser for Program {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    #[inline]
    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        let text = record.strip_suffix(b"\r").unwrap_or(record);
        let text = text.strip_suffix(&self.suffix[..]).unwrap_or(text);
        if self.collects_time {
            memo.collected = [Collected::default(); 2];
        }
        // Enough by far for every format met so far: the search may look at each byte sixteen times.
        let budget = 16 * text.len() + 4096;
        let mut run = Run { program: self, text, memo, parsed, budget };
        let mut at = run.steps::<true>(&self.head, 0)?;
        if !self.segments.is_empty() {
            at = run.segments(at)?;
        }
        debug_assert!(at == text.len(), "the last step is the end of the record");
        if self.collects_time { run.finish_time() } else { Ok(()) }
    }
}

struct Run<'a> {
    program: &'a Program,
    text: &'a [u8],
    memo: &'a mut Memo,
    parsed: &'a mut Parsed,
    /// Bytes that may still be looked at while searching.
    budget: usize,
}

/// Where a soft value begins and where its chunk does.
#[derive(Clone, Copy, Default)]
struct Found {
    value: usize,
    chunk: usize,
}

impl Run<'_> {
    fn segments(&mut self, mut at: usize) -> Result<usize, Refusal> {
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

    /// Runs solid steps from `at`; returns where they end. Without `KEEP` it only tries.
    #[inline]
    fn steps<const KEEP: bool>(&mut self, steps: &[Step], mut at: usize) -> Result<usize, Refusal> {
        let text = self.text;
        for step in steps {
            let start = at;
            match step {
                Step::Short { len, mask, word } => {
                    let rest = text.get(at..).unwrap_or_default();
                    let there = match rest.first_chunk::<8>() {
                        Some(bytes) => u64::from_le_bytes(*bytes) & mask == *word,
                        None => rest.starts_with(&word.to_le_bytes()[..*len]),
                    };
                    if !there {
                        return Err(missing(&word.to_le_bytes()[..*len], rest));
                    }
                    at += len;
                }
                Step::Long(literal) => {
                    if !text[at..].starts_with(literal) {
                        return Err(missing(literal, &text[at..]));
                    }
                    at += literal.len();
                }
                Step::Value { ending, content } => {
                    at = self.end_of(*ending, at)?;
                    if KEEP {
                        self.content(content, start, at)?;
                    }
                }
                Step::Number { form, slot, next } => {
                    at = self.number_end(*form, *next, at)?;
                    if KEEP && !is_absent(&text[start..at]) {
                        self.parsed.push(*slot, start, at);
                    }
                }
                Step::Time { time, slot, side } => {
                    at += self.time::<KEEP>(time, *side, at)?;
                    if KEEP {
                        self.parsed.push(*slot, start, at);
                    }
                }
                Step::End if at == text.len() => {}
                Step::End => return Err(Refusal::Mismatch),
            }
        }
        Ok(at)
    }

    #[inline]
    fn end_of(&mut self, ending: Ending, at: usize) -> Result<usize, Refusal> {
        let text = self.text;
        let (end, delimiter) = match ending {
            Ending::Quote => (closing_quote(text, at), b'"'),
            Ending::Byte(delimiter) => (byte_end(text, at, delimiter), delimiter),
            Ending::Word(delimiter) => (Some(word_end(text, at, delimiter)), delimiter),
            Ending::Host => (Some(host_end(text, at)), b' '),
            Ending::List => (Some(list_end(text, at)), b' '),
        };
        let end = end.unwrap_or(text.len());
        self.budget = self.budget.saturating_sub(end - at + 1);
        let may_be_empty = matches!(ending, Ending::Quote | Ending::Byte(_)) || self.program.empty_is_absent;
        match text.get(end) {
            None => Err(Refusal::Truncated),
            Some(&byte) if byte == delimiter && (end > at || may_be_empty) => {
                let joined = ending == Ending::Host && is_joined(&text[at..end]);
                if joined { Err(Refusal::Mismatch) } else { Ok(end) }
            }
            Some(_) => Err(Refusal::Mismatch),
        }
    }

    #[inline]
    fn number_end(&mut self, form: NumberForm, next: Option<u8>, at: usize) -> Result<usize, Refusal> {
        let end = number_end(form, self.text, at)?;
        self.budget = self.budget.saturating_sub(end - at + 1);
        match self.text.get(end) {
            // A letter, digit or point right after it belongs to it, unless the format has one there (`%Dus`).
            Some(&byte) if Some(byte) != next && (byte.is_ascii_alphanumeric() || byte == b'.') => {
                Err(Refusal::BadNumber)
            }
            _ if end > at || self.program.empty_is_absent => Ok(end),
            None => Err(Refusal::Truncated),
            Some(_) => Err(Refusal::BadNumber),
        }
    }

    #[inline]
    fn content(&mut self, content: &Content, start: usize, end: usize) -> Result<(), Refusal> {
        let value = &self.text[start..end];
        match content {
            Content::Request(slots) => split(self.text, start, end, slots, self.parsed),
            _ if is_absent(value) => {}
            Content::Plain(slot) => self.parsed.push(*slot, start, end),
            Content::Target(slots) => split_target(self.text, start, end, slots, self.parsed),
            Content::Query(slot) => {
                let start = start + usize::from(value[0] == b'?');
                if start < end {
                    self.parsed.push(*slot, start, end);
                }
            }
            Content::Name(slot) => {
                if value == b"\"\"" {
                    return Ok(());
                }
                if is_shifted(value) {
                    return Err(Refusal::Mismatch);
                }
                self.parsed.push(*slot, start, end);
            }
            Content::AnyTime(slot) => {
                let reading = read(TimeForm::Any, value, self.program.zone.as_ref(), self.memo)?;
                self.note::<true>(Side::Begin, reading);
                self.parsed.push(*slot, start, end);
            }
        }
        Ok(())
    }

    #[inline]
    fn time<const KEEP: bool>(&mut self, time: &TimeStep, side: Side, at: usize) -> Result<usize, Refusal> {
        let rest = &self.text[at..];
        let (form, len) = match time {
            TimeStep::Fixed { form, len } if *len <= rest.len() => (*form, *len),
            TimeStep::Fixed { .. } => return Err(Refusal::Truncated),
            TimeStep::Loose(form) => {
                let inside = |byte: &&u8| {
                    byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b'+' | b'-' | b'T' | b'Z')
                };
                (*form, rest.iter().take(40).take_while(inside).count())
            }
            TimeStep::Digits(form) => {
                (*form, rest.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count())
            }
            TimeStep::Pattern(pattern) => {
                let mut tried = Collected::default();
                let into = if KEEP { &mut self.memo.collected[side as usize] } else { &mut tried };
                return pattern.read(rest, into).ok_or(Refusal::BadTime);
            }
            TimeStep::Fraction(digits) => {
                let mut tried = Collected::default();
                let into = if KEEP { &mut self.memo.collected[side as usize] } else { &mut tried };
                return read_fraction(rest, *digits, into).ok_or(Refusal::BadTime);
            }
        };
        let reading = read(form, &rest[..len], self.program.zone.as_ref(), self.memo)?;
        self.note::<KEEP>(side, reading);
        Ok(len)
    }

    #[inline]
    fn note<const KEEP: bool>(&mut self, side: Side, reading: Reading) {
        if !KEEP {
        } else if self.program.collects_time {
            self.memo.collected[side as usize].set_instant(reading);
        } else {
            self.parsed.time = Some(reading.instant);
            self.parsed.time_completed = reading.completed;
        }
    }

    #[cold]
    fn finish_time(&mut self) -> Result<(), Refusal> {
        let [begin, end] = self.memo.collected;
        let zone = self.program.zone.as_ref();
        let reading = match begin.finish(zone, self.memo)? {
            Some(reading) => Some(reading),
            None => end.finish(zone, self.memo)?,
        };
        if let Some(reading) = reading {
            self.parsed.time = Some(reading.instant);
            self.parsed.time_completed = reading.completed;
        }
        Ok(())
    }
}

/// `-` and nothing are how servers write that there is no value.
#[inline]
fn is_absent(value: &[u8]) -> bool {
    matches!(value, [] | [b'-'])
}

#[cold]
fn missing(literal: &[u8], rest: &[u8]) -> Refusal {
    if literal.starts_with(rest) { Refusal::Truncated } else { Refusal::Mismatch }
}
