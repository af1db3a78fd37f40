//! Records that come in messages: each message holds whole records, and what becomes of them stays together.
//!
//! *In*: a message of a log of messages, one after the other. *Out*: a [frame](crate::record::batch::Frame) per message and output.
//! *Promised*: what one message holds never meets what another holds; later lines of a record that come without it are the `message` of
//! their class. *Not here*: where messages come from and go to (`pipeline::lane`).

use std::mem;

use super::{Bounds, Fate, Outcome, SourcePlan, Task, Worker, fail};
use crate::format::{Format, Memo};
use crate::pipeline::counts::Counts;
use crate::protect::treatments::Treatments;
use crate::record::span::Refusal;
use crate::record::timestamp::Timestamp;
use crate::retention::deadline::Stamp;
use crate::source::frame;

/// A message as it came.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Its records, each ended by a newline (the last one perhaps not). No `Debug`: they are raw.
    pub bytes: &'a [u8],
    /// When a trusted system first had it.
    pub received: Timestamp,
    /// A number for its frames.
    pub origin: u32,
    /// Its number in its batch.
    pub number: usize,
    /// Bytes of one record; a message that holds a longer one is refused.
    pub record_bytes_max: usize,
}

impl Bounds {
    /// How a record leaves at `now`, where late ones have an output or none; one that may not leave is counted.
    #[inline]
    pub(super) fn judge(
        self,
        stamp: &Stamp,
        (now, late): (Timestamp, Option<usize>),
        counts: &mut Counts,
    ) -> Option<Fate> {
        let is_before = |before: Option<Timestamp>| before.is_some_and(|before| stamp.instant() < before);
        let is_late = is_before(self.late_before);
        if is_late && (late.is_none() || is_before(self.too_late_before)) {
            counts.late += 1;
            return None;
        }
        if self.delivery_seconds > 0
            && stamp.deadline().is_some_and(|deadline| deadline <= now.plus_seconds(self.delivery_seconds))
        {
            counts.withheld += 1;
            return None;
        }
        Some(if is_late { Fate::Late } else { Fate::InTime })
    }
}

/// A message whose records were refused.
#[derive(Clone, Copy)]
pub struct RefusedMessage {
    /// Its number in its batch.
    pub number: usize,
    /// Its input.
    pub input: usize,
    /// Why the first of them was.
    pub refusal: Refusal,
    /// When a trusted system first had it.
    pub received: Timestamp,
}

/// Bytes of a message beyond which it is treated where it lies.
const SHORT_BYTES: usize = 4 << 10;

/// Bytes of messages that are treated together: as many as stay near the processor.
const JOINED_BYTES: usize = 64 << 10;

/// Short messages of one input, one behind the other. A loop over rows that begins and ends in every line costs half as much again as one
/// over many lines: it looks ahead, and beyond the end of a record. Copying the lines together costs a hundredth.
#[derive(Default)]
pub(super) struct Joined {
    bytes: Vec<u8>,
    messages: Vec<Joint>,
}

/// Where a message among [`Joined`] ends.
#[derive(Clone, Copy)]
pub(super) struct Joint {
    /// One past its last byte, which is a newline.
    pub end: usize,
    /// As in [`Message`].
    pub received: Timestamp,
    input: usize,
    origin: u32,
    number: usize,
}

impl SourcePlan {
    /// True when its messages may be treated together: each of their lines is a record, whatever stands around it.
    fn joins(&self) -> bool {
        matches!(self.format, Format::Log(_)) && self.rows().is_some()
    }
}

impl Worker {
    /// Begins a batch of messages, of whatever sources.
    pub fn begin(&mut self, now: Timestamp, outcome: &mut Outcome) {
        outcome.clear();
        self.forget_dead(now);
        self.protector.learner.begin();
    }

    /// Turns one message of input number `input` into frames, at once or together with those that follow: [`together`](Self::together)
    /// must be called before the input changes and before the batch ends. Messages that hold what fails are in `outcome.refused`.
    pub fn message(
        &mut self,
        input: usize,
        plan: &SourcePlan,
        message: Message<'_>,
        judged: (Timestamp, Bounds),
        outcome: &mut Outcome,
    ) {
        let Message { bytes, received, origin, number, record_bytes_max } = message;
        outcome.counts.bytes_in += bytes.len() as u64;
        let len = bytes.len();
        if plan.joins() && (1..=record_bytes_max.min(SHORT_BYTES)).contains(&len) {
            let joined = &mut self.joined;
            joined.bytes.extend_from_slice(bytes);
            if bytes[len - 1] != b'\n' {
                joined.bytes.push(b'\n');
            }
            joined.messages.push(Joint { end: joined.bytes.len(), received, input, origin, number });
            if joined.bytes.len() >= JOINED_BYTES {
                self.together(input, plan, judged, outcome);
            }
            return;
        }
        // Frames stay in the order of their messages.
        self.together(input, plan, judged, outcome);
        self.apart(input, plan, message, judged, outcome);
    }

    /// Treats the short messages that were put together.
    pub fn together(
        &mut self,
        input: usize,
        plan: &SourcePlan,
        (now, bounds): (Timestamp, Bounds),
        outcome: &mut Outcome,
    ) {
        let Some(received) = self.joined.messages.first().map(|first| first.received) else { return };
        let memo = self.memos_of(input, received);
        let mut joined = mem::take(&mut self.joined);
        let task = Task { input: memo, plan, bytes: &joined.bytes, received, now, bounds };
        if let (Format::Log(parser), Some(class)) = (&plan.format, plan.rows()) {
            self.rows(&**parser, class, task, &joined.messages, outcome);
        }
        joined.bytes.clear();
        joined.messages.clear();
        self.joined = joined;
    }

    /// Treats a message where it lies.
    fn apart(
        &mut self,
        input: usize,
        plan: &SourcePlan,
        message: Message<'_>,
        (now, bounds): (Timestamp, Bounds),
        outcome: &mut Outcome,
    ) {
        let Message { bytes, received, origin, number, .. } = message;
        let memo = self.memos_of(input, received);
        let task = Task { input: memo, plan, bytes, received, now, bounds };
        if bytes.is_empty() {
            outcome.counts.records_in += 1;
            fail(outcome, 0, 0, Refusal::Mismatch);
        } else if bytes.len() > message.record_bytes_max && holds_longer(plan, message) {
            outcome.counts.records_in += 1;
            fail(outcome, 0, bytes.len(), Refusal::TooLong);
        } else if let Some(alone) = &plan.alone
            && !plan.format.parser().begins_record(frame::head(first_line(bytes)))
        {
            let first = frame::records(plan.format.parser(), bytes).next().map_or(0, <[u8]>::len);
            let rest = &bytes[(first + 1).min(bytes.len())..];
            // As one record of text, whatever it holds.
            outcome.counts.records_in += 1;
            let lines = Task { input: memo + 1, plan: alone, bytes: &bytes[..first], ..task };
            self.alone(lines, outcome);
            self.run(Task { bytes: rest, ..task }, outcome);
        } else {
            self.run(task, outcome);
        }
        outcome.close_message(Joint { end: bytes.len(), received, input, origin, number });
    }

    /// Refuses a message whose records could not be reached.
    pub fn refuse(&mut self, input: usize, message: Message<'_>, refusal: Refusal, outcome: &mut Outcome) {
        let Message { bytes, received, origin, number, .. } = message;
        outcome.counts.records_in += 1;
        fail(outcome, 0, bytes.len(), refusal);
        outcome.close_message(Joint { end: bytes.len(), received, input, origin, number });
    }

    /// One memo per parser: that of the lines that come alone lies behind that of the records.
    fn memos_of(&mut self, input: usize, received: Timestamp) -> usize {
        let memo = 2 * input;
        if self.memos.len() < memo + 2 {
            self.memos.resize_with(memo + 2, || Memo::new(received));
        }
        self.memos[memo].received = received;
        self.memos[memo + 1].received = received;
        memo
    }

    fn alone(&mut self, task: Task<'_>, outcome: &mut Outcome) {
        crate::format::with_parser!(&task.plan.format, parser => {
            self.record(&**parser, task.bytes, 0, task, outcome);
        });
    }

    /// Ends a batch of messages.
    pub fn end(&mut self, outcome: &mut Outcome) {
        self.protector.learner.hand_in();
        outcome.counts.treated = self.protector.counts;
        self.protector.counts = Treatments::default();
        outcome.counts.bytes_out = outcome.clean.iter().map(|clean| clean.bytes().len() as u64).sum();
    }
}

impl Outcome {
    /// Ends the frames of a message, and notes it where something in it was refused.
    #[inline]
    pub(super) fn close_message(&mut self, message: Joint) {
        let Joint { received, input, origin, number, .. } = message;
        if let Some(failure) = self.failures.first() {
            self.refused.push(RefusedMessage { number, input, refusal: failure.refusal, received });
            self.failures.clear();
        }
        let epoch = self.epochs.len().saturating_sub(1) as u32;
        for clean in &mut self.clean {
            clean.close_frame(origin, epoch);
        }
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())]
}

fn holds_longer(plan: &SourcePlan, message: Message<'_>) -> bool {
    frame::records(plan.format.parser(), message.bytes).any(|record| record.len() > message.record_bytes_max)
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
