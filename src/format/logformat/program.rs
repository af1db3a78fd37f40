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

use super::ending::{Class, NumberForm};
use super::opening::Opening;
use super::run::Run;
use crate::format::request::{RequestSlots, TargetSlots};
use crate::format::strftime::{Collected, Pattern};
use crate::format::time::TimeForm;
use crate::format::{Memo, Parser, Reading, RowParser};
use crate::record::lines::Line;
use crate::record::row::Place;
use crate::record::span::{Layout, Parsed, Refusal};
use crate::record::timestamp::Timestamp;

/// Soft values that one format may have.
pub(super) const SOFT_MAX: usize = 32;

/// A compiled `log_format` or `LogFormat`.
pub struct Program {
    pub(super) layout: Layout,
    /// What comes before the first soft value.
    pub(super) head: Vec<Step>,
    pub(super) segments: Vec<Segment>,
    /// The fast way through the beginning of usual formats.
    pub(super) opening: Option<Opening>,
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

impl Step {
    /// True for the literal `wanted`, which has at most eight bytes.
    pub(super) fn is_literal(&self, wanted: &[u8]) -> bool {
        matches!(self, Self::Short { len, word, .. } if word.to_le_bytes()[..*len] == *wanted)
    }
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

    fn places(&self) -> &[Place] {
        self.opening.as_ref().map_or(&[], Opening::places)
    }

    #[inline]
    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal> {
        let text = record.strip_suffix(b"\r").unwrap_or(record);
        let text =
            if self.suffix.is_empty() { text } else { text.strip_suffix(&self.suffix[..]).unwrap_or(text) };
        if let Some(opening) = self.opening.as_ref().filter(|opening| !opening.sited) {
            if let Some(at) = opening.read(text, memo, parsed) {
                let rest = &self.segments[0].chunk[opening.steps..];
                if rest.is_empty() {
                    return Ok(());
                }
                let mut run = Run { program: self, text, memo, parsed, budget: 0 };
                return run.steps::<true>(rest, at).map(drop);
            }
            parsed.clear();
        }
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

impl RowParser for Program {
    #[inline(always)]
    fn read_row(&self, line: Line<'_>, into: Reading<'_>) -> Option<Timestamp> {
        self.opening.as_ref()?.read_row(line, into)
    }
}
