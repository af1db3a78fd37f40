//! One worker: a raw batch in, clean batches out. The same code runs for a pipe, a file and a Kafka lane.

pub mod carried;
pub mod messages;
mod rows;

use std::sync::Arc;

use self::messages::{Joined, RefusedMessage};
use super::counts::Counts;
use crate::encode::Emit;
use crate::encode::ndjson::Keys as Columns;
use crate::format::{Format, Memo, Parser};
use crate::keys::{EpochCache, EpochKeys, Keys};
use crate::policy::table::Table;
use crate::protect::carried::Carried;
use crate::protect::learned::{Learned, Learner};
use crate::protect::row::RowPlan;
use crate::protect::{Envelope, Protector, Record};
use crate::record::batch::{CleanBatch, RawBatch};
use crate::record::lines::Lines;
use crate::record::row::Row;
use crate::record::span::{Parsed, Refusal};
use crate::record::texts::Texts;
use crate::record::timestamp::Timestamp;
use crate::retention::deadline::{self, Stamp};
use crate::source::frame;

/// One way out for records of a class: which table, which form, which output of the worker.
pub struct Route {
    /// The compiled policy.
    pub table: Table,
    /// The form.
    pub emit: Emit,
    /// What is done to rows, if the format has them and the table allows it.
    pub rows: Option<RowPlan>,
    /// Prepared keys for NDJSON.
    pub columns: Columns,
    /// Index into the policy's classes.
    pub class: usize,
    /// Index of the clean batch that it fills.
    pub output: usize,
    /// Index into the plan's sinks.
    pub sink: usize,
}

/// A class as a worker sees it.
pub struct ClassPlan {
    /// How long its records may live.
    pub retention_seconds: Option<u64>,
    /// Its domain.
    pub domain: usize,
    /// Where its records go; empty when no sink wants them.
    pub routes: Vec<Route>,
    /// The output of those that are late, treated as for the first route; `None`: they are withheld.
    pub late: Option<usize>,
}

impl ClassPlan {
    /// The routes of a record, each with its output.
    #[inline(always)]
    fn ways(&self, fate: Fate) -> impl Iterator<Item = (&Route, usize)> {
        let late = self.late.filter(|_| fate == Fate::Late);
        let routes = if late.is_some() { self.routes.get(..1).unwrap_or_default() } else { &self.routes };
        routes.iter().map(move |route| (route, late.unwrap_or(route.output)))
    }
}

/// How a record leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    InTime,
    /// To where late ones go.
    Late,
}

/// A slot and the value that it must have.
pub type Condition = (u16, Vec<u8>);

/// How the class of a record is found.
pub enum ClassChoice {
    /// All records of the source.
    Fixed(usize),
    /// The first rule whose every condition holds; else the strictest class of the source.
    Rules {
        /// Conditions, all of which must hold, and the class they choose.
        rules: Vec<(Vec<Condition>, usize)>,
        /// The class of shortest retention.
        strictest: usize,
    },
}

impl ClassChoice {
    /// The class of a record, as an index into the policy's.
    pub fn of(&self, record: &[u8], parsed: &Parsed) -> usize {
        match self {
            Self::Fixed(class) => *class,
            Self::Rules { rules, strictest } => rules
                .iter()
                .find(|(conditions, _)| {
                    conditions.iter().all(|(slot, value)| {
                        parsed
                            .parts
                            .iter()
                            .any(|part| part.slot == *slot && part.of(record) == value.as_slice())
                    })
                })
                .map_or(*strictest, |(_, class)| *class),
        }
    }
}

/// What a worker must know of a source.
pub struct SourcePlan {
    /// Its parser.
    pub format: Format,
    /// How records find their class.
    pub choice: ClassChoice,
    /// By index of the policy's classes.
    pub classes: Vec<ClassPlan>,
    /// How later lines of a record are treated that come without it, where records come in messages.
    pub alone: Option<Box<SourcePlan>>,
}

/// A record that failed: where in the batch, which one of the batch, and why.
#[derive(Clone, Copy)]
pub struct Failure {
    /// First byte in the batch.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Number of the record in its batch, from 0.
    pub record: u64,
    /// Why.
    pub refusal: Refusal,
}

/// Names of epochs that are remembered from batch to batch.
const EPOCHS_MAX: usize = 64;

/// What became of one batch.
pub struct Outcome {
    /// By output.
    pub clean: Vec<CleanBatch>,
    /// By output: what goes with its frames, where a source carries keys or headers over; else it stays empty.
    pub carried: Vec<Carried>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// Of a batch of messages: those that hold what failed; `failures` is empty then.
    pub refused: Vec<RefusedMessage>,
    /// Counts.
    pub counts: Counts,
    /// Names of the epochs that [frames](crate::record::batch::Frame) are of.
    pub epochs: Vec<String>,
    /// The serial number of the last of them, so that it is known again.
    epoch: u64,
}

impl Outcome {
    /// Room for `outputs` clean batches.
    pub fn new(outputs: usize) -> Self {
        Self {
            clean: (0..outputs).map(|_| CleanBatch::new()).collect(),
            carried: Vec::new(),
            failures: Vec::new(),
            refused: Vec::new(),
            counts: Counts::default(),
            epochs: Vec::new(),
            epoch: 0,
        }
    }

    /// Closes the frame of a record that has one of its own.
    #[inline(always)]
    fn end_record(&mut self, task: Task<'_>, output: usize) {
        if task.bounds.apart {
            let epoch = self.epochs.len().saturating_sub(1) as u32;
            self.clean[output].close_frame(task.input as u32, epoch);
        }
    }

    fn clear(&mut self) {
        self.clean.iter_mut().for_each(CleanBatch::clear);
        self.carried.iter_mut().for_each(Carried::clear);
        self.failures.clear();
        self.refused.clear();
        // Most batches are of the epoch of the one before.
        if self.epochs.len() > EPOCHS_MAX {
            self.epochs.clear();
        }
        self.counts = Counts::default();
    }
}

/// A batch with what is needed to judge it.
#[derive(Clone, Copy)]
struct Task<'a> {
    input: usize,
    plan: &'a SourcePlan,
    bytes: &'a [u8],
    received: Timestamp,
    now: Timestamp,
    bounds: Bounds,
}

/// Until when records must be delivered, beyond `now`, and how late they may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Seconds until a delivery that begins now is surely over: what is due before is withheld.
    pub delivery_seconds: i64,
    /// The instant before which a record is late; `None`: none is.
    pub late_before: Option<Timestamp>,
    /// The instant before which one is too late even for where late ones go.
    pub too_late_before: Option<Timestamp>,
    /// Each record is a frame of its own.
    pub apart: bool,
}

/// A worker's own state. Reused from batch to batch: after the first batches nothing is allocated.
pub struct Worker {
    protector: Protector,
    epochs: EpochCache,
    dropped: u64,
    parsed: Parsed,
    row: Row,
    texts: Texts,
    lines: Lines,
    joined: Joined,
    /// By input, where records go to topics one by one: how late they may be, in seconds.
    sending: Vec<i64>,
    /// One per input: a memo belongs to one parser.
    memos: Vec<Memo>,
}

impl Worker {
    /// A worker with its own token cache of `cache_entries` and its own view of the keys.
    pub fn new(keys: Keys, cache_entries: usize) -> Self {
        Self {
            protector: Protector::new(cache_entries),
            epochs: EpochCache::new(keys),
            dropped: 0,
            parsed: Parsed::default(),
            row: Row::default(),
            texts: Texts::default(),
            lines: Lines::default(),
            joined: Joined::default(),
            sending: Vec::new(),
            memos: Vec::new(),
        }
    }

    /// Learns names, and shares them with the other workers of the pipeline.
    #[must_use]
    pub fn learning(mut self, learned: Arc<Learned>) -> Self {
        self.protector.learner = Learner::of(learned);
        self
    }

    /// Sends what it reads to topics: each record is a frame, and one that is later than its input allows is withheld (in seconds, by
    /// input).
    #[must_use]
    pub fn sending(mut self, lateness_seconds: Vec<i64>) -> Self {
        self.sending = lateness_seconds;
        self
    }

    /// Turns `batch` of input number `input` into clean batches. `now` is when it is judged.
    pub fn process(
        &mut self,
        input: usize,
        plan: &SourcePlan,
        batch: &RawBatch,
        now: Timestamp,
        outcome: &mut Outcome,
    ) {
        outcome.clear();
        outcome.counts.bytes_in = batch.bytes.len() as u64 + batch.skipped_bytes;
        if self.memos.len() <= input {
            self.memos.resize_with(input + 1, || Memo::new(batch.received));
        }
        self.memos[input].received = batch.received;
        self.forget_dead(now);
        self.protector.learner.begin();
        if let Some(refusal) = batch.refusal() {
            outcome.counts.records_in = 1;
            fail(outcome, 0, batch.bytes.len(), refusal);
            return;
        }
        let task = Task {
            input,
            plan,
            bytes: &batch.bytes,
            received: batch.received,
            now,
            bounds: self
                .sending
                .get(input)
                .map_or_else(Bounds::default, |late| Bounds::of_topics(now, *late)),
        };
        self.run(task, outcome);
        self.protector.learner.hand_in();
        outcome.counts.treated = self.protector.counts;
        self.protector.counts = crate::protect::treatments::Treatments::default();
        outcome.counts.bytes_out = outcome.clean.iter().map(|clean| clean.bytes().len() as u64).sum();
    }

    /// One compiled loop per format: the choice is made here, once per batch.
    fn run(&mut self, task: Task<'_>, outcome: &mut Outcome) {
        match (&task.plan.format, task.plan.rows()) {
            (Format::Log(parser), Some(class)) => self.rows(&**parser, class, task, &[], outcome),
            (format, _) => {
                crate::format::with_parser!(format, parser => self.records(&**parser, task, outcome));
            }
        }
    }

    /// Drops keys that are dead or were changed, and with them every token and learned name that was remembered (PI-5). Every batch begins with
    /// this; a worker that gets none is told to.
    pub fn forget_dead(&mut self, now: Timestamp) {
        self.epochs.sweep(now);
        if self.epochs.dropped() != self.dropped {
            self.dropped = self.epochs.dropped();
            self.protector.wipe_tokens();
        }
        self.protector.learner.forget_dead(now);
    }

    /// Grows when something was forgotten.
    #[cfg(test)]
    pub(super) const fn forgotten(&self) -> u64 {
        self.dropped
    }

    fn records<P: Parser>(&mut self, parser: &P, task: Task<'_>, outcome: &mut Outcome) {
        let bytes = task.bytes;
        let mut start = 0;
        for record in frame::records(parser, bytes) {
            outcome.counts.records_in += 1;
            self.record(parser, record, start, task, outcome);
            start += record.len() + 1;
        }
    }

    /// Parses and cleans the record that begins at byte `start` of the batch.
    #[inline]
    fn record<P: Parser>(
        &mut self,
        parser: &P,
        record: &[u8],
        start: usize,
        task: Task<'_>,
        outcome: &mut Outcome,
    ) {
        self.parsed.clear();
        match parser.parse(record, &mut self.memos[task.input], &mut self.parsed) {
            Ok(()) => self.clean(task, record, outcome),
            Err(refusal) => {
                let next = (start + record.len() + 1).min(task.bytes.len());
                fail(outcome, start, next, refusal);
            }
        }
    }

    #[inline]
    fn clean(&mut self, task: Task<'_>, raw: &[u8], outcome: &mut Outcome) {
        let class = &task.plan.classes[task.plan.choice.of(raw, &self.parsed)];
        let time = self.parsed.time;
        let Some((stamp, epoch, fate)) = admit(&mut self.epochs, task, class, time, outcome) else { return };
        let (protector, parsed) = (&mut self.protector, &self.parsed);
        protector.learner.enter(class.domain);
        for (route, output) in class.ways(fate) {
            let record = Record { batch: task.bytes, raw, parsed, table: &route.table, epoch };
            outcome.clean[output].append(&stamp, |out| match route.emit {
                Emit::Same => protector.same(record, out),
                Emit::Ndjson => {
                    let completed = parsed.time_completed || time.is_none();
                    protector.ndjson(record, &route.columns, envelope(time, completed, &stamp), out)
                }
            });
            outcome.end_record(task, output);
        }
        outcome.counts.leave(fate == Fate::Late);
    }
}

/// Judges a record of `class`: `None` when it does not leave, which is counted.
#[inline(always)]
fn admit<'a>(
    epochs: &'a mut EpochCache,
    task: Task<'_>,
    class: &ClassPlan,
    time: Option<Timestamp>,
    outcome: &mut Outcome,
) -> Option<(Stamp, &'a EpochKeys, Fate)> {
    let Some(stamp) = deadline::judge(time, task.received, class.retention_seconds, task.now) else {
        outcome.counts.expired += 1;
        return None;
    };
    let fate = task.bounds.judge(&stamp, (task.now, class.late), &mut outcome.counts)?;
    let Ok(epoch) = epochs.at(class.domain, stamp.instant(), task.now) else {
        outcome.counts.expired += 1;
        return None;
    };
    if class.routes.is_empty() {
        outcome.counts.dropped += 1;
        return None;
    }
    if epoch.serial() != outcome.epoch || outcome.epochs.is_empty() {
        outcome.epoch = epoch.serial();
        outcome.epochs.push(epoch.id().to_owned());
    }
    Some((stamp, epoch, fate))
}

fn envelope(time: Option<Timestamp>, time_completed: bool, stamp: &Stamp) -> Envelope {
    Envelope { time: time.unwrap_or(stamp.instant()), deadline: stamp.deadline(), time_completed }
}

fn fail(outcome: &mut Outcome, start: usize, end: usize, refusal: Refusal) {
    let record = outcome.counts.records_in - 1;
    outcome.counts.refuse(refusal);
    outcome.failures.push(Failure { start, end, record, refusal });
}
