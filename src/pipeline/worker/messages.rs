//! Records that come in messages: each message holds whole records, and what becomes of them stays together.
//!
//! *In*: a message of a log of messages, one after the other. *Out*: a [frame](crate::record::batch::Frame) per message and output.
//! *Promised*: what one message holds never meets what another holds; later lines of a record that come without it are the `message` of
//! their class. *Not here*: where messages come from and go to (`pipeline::lane`).

use super::{Bounds, Fate, Outcome, SourcePlan, Task, Worker, fail};
use crate::format::Memo;
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

impl Worker {
    /// Begins a batch of messages, of whatever sources.
    pub fn begin(&mut self, now: Timestamp, outcome: &mut Outcome) {
        outcome.clear();
        self.forget_dead(now);
        self.protector.learner.begin();
    }

    /// Turns one message of input number `input` into frames. What fails is in `outcome.failures`, with places in this message; the
    /// caller empties them.
    pub fn message(
        &mut self,
        input: usize,
        plan: &SourcePlan,
        message: Message<'_>,
        (now, bounds): (Timestamp, Bounds),
        outcome: &mut Outcome,
    ) {
        let Message { bytes, received, origin, .. } = message;
        outcome.counts.bytes_in += bytes.len() as u64;
        // One memo per parser: that of the lines that come alone lies behind that of the records.
        let memo = 2 * input;
        if self.memos.len() < memo + 2 {
            self.memos.resize_with(memo + 2, || Memo::new(received));
        }
        self.memos[memo].received = received;
        self.memos[memo + 1].received = received;
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
        let epoch = outcome.epochs.len().saturating_sub(1) as u32;
        for clean in &mut outcome.clean {
            clean.close_frame(origin, epoch);
        }
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

fn first_line(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())]
}

fn holds_longer(plan: &SourcePlan, message: Message<'_>) -> bool {
    frame::records(plan.format.parser(), message.bytes).any(|record| record.len() > message.record_bytes_max)
}
