//! Runs the steps of a program over one record.
//!
//! *In*: steps, and where in the record they begin. *Out*: where they end, and the parts on the way. *Promised*: each solid value
//! is looked at once. *Not here*: soft values (`search`), the usual beginning (`opening`), single bytes (`ending`).

use super::ending::{
    NumberForm, byte_end, closing_quote, host_end, is_joined, is_shifted, list_end, number_end, word_end,
};
use super::program::{Content, Ending, Program, Side, Step, TimeStep};
use crate::format::Memo;
use crate::format::request::{split, split_target};
use crate::format::strftime::{Collected, read_fraction};
use crate::format::time::{Reading, TimeForm, read};
use crate::record::span::{Parsed, Refusal};

/// One record on its way through a program.
pub(super) struct Run<'a> {
    pub(super) program: &'a Program,
    pub(super) text: &'a [u8],
    pub(super) memo: &'a mut Memo,
    pub(super) parsed: &'a mut Parsed,
    /// Bytes that may still be looked at while searching.
    pub(super) budget: usize,
}

impl Run<'_> {
    /// Runs solid steps from `at`; returns where they end. Without `KEEP` it only tries.
    #[inline]
    pub(super) fn steps<const KEEP: bool>(
        &mut self,
        steps: &[Step],
        mut at: usize,
    ) -> Result<usize, Refusal> {
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
    pub(super) fn content(&mut self, content: &Content, start: usize, end: usize) -> Result<(), Refusal> {
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
            reading.state(self.parsed);
        }
    }

    /// Puts the pieces of the event time together.
    #[cold]
    pub(super) fn finish_time(&mut self) -> Result<(), Refusal> {
        let [begin, end] = self.memo.collected;
        let zone = self.program.zone.as_ref();
        let reading = match begin.finish(zone, self.memo)? {
            Some(reading) => Some(reading),
            None => end.finish(zone, self.memo)?,
        };
        if let Some(reading) = reading {
            reading.state(self.parsed);
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
