//! Handing batches to the sinks, with one fate for all. Their order is the sequencer's work.
//!
//! A sink that gets nothing must still close what has become old enough. So sinks are ticked, at most once a second: after a
//! delivery, whichever sink it was for, and by a worker whose source is silent ([`Delivery::tick`]). A tick takes no turn and waits
//! for none, so it cannot hold up a batch that does. Chosen over a thread with a timer, which would need a way to end, because
//! every source comes back within a second, whether it is silent or a line trickles in.
//!
//! What the sinks took becomes a fact in three steps (PI-9): they make it durable ([`Sink::hold`]), the [`Commit`] writes down how far the
//! sources are and which parts hold the records up to there, and then parts that are whole become visible ([`Sink::publish`]). A crash
//! before the middle step undoes all since the commit before; one after it undoes nothing. A commit is made when a part is
//! to be closed, every few seconds, and at the end.

mod messages;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use messages::{Messages, RefusedBytes};

use super::counts::Counts;
use super::metered::Metered;
use super::worker::Outcome;
use crate::format::detect::resembles;
use crate::kafka::consumer::Partition;
use crate::record::batch::{CleanBatch, RawBatch};
use crate::record::timestamp::{MICROS, Timestamp};
use crate::sink::{Delivered, Held, Sink, SinkError};

/// Takes what failed to parse.
pub trait Refuse: Send {
    /// Takes the failures of a batch of input number `input`; `first_record` is the number of the batch's first record in the
    /// run, from 1. What it takes is durable when it is [held](Self::hold).
    fn refuse(
        &mut self,
        input: usize,
        batch: &RawBatch,
        outcome: &Outcome,
        first_record: u64,
        now: Timestamp,
    ) -> Result<(), SinkError>;

    /// Takes messages that hold something that failed, each as a whole.
    fn refuse_messages(&mut self, messages: &[RefusedBytes<'_>], now: Timestamp) -> Result<(), SinkError>;

    /// As [`Sink::is_closing`].
    fn is_closing(&self) -> bool {
        false
    }

    /// As [`Sink::hold`]; what is due by `now` is thrown away.
    fn hold(&mut self, _held: &mut Vec<Held>, _now: Timestamp) -> Result<(), SinkError> {
        Ok(())
    }

    /// As [`Sink::publish`].
    fn publish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Writes down what was delivered.
pub trait Commit: Send {
    /// Seconds between two commits, when nothing asks for one.
    fn every_seconds(&self) -> u64;

    /// A batch of input number `input` is with the sinks.
    fn delivered(&mut self, input: usize, batch: &RawBatch);

    /// Messages are with the sinks, and with them their partition up to the offset `next`.
    fn read_to(&mut self, partition: &Partition, next: i64);

    /// True when the run could be gone on with from where it was committed: what was not is better left undone.
    fn can_go_back(&self) -> bool;

    /// Writes down where the inputs are and what holds the records up to there, durable on return. Held parts come with the number of
    /// their sink; one that is beyond the sinks is the quarantine's.
    ///
    /// # Errors
    /// Nothing may be published that could not be written down.
    fn commit(&mut self, held: &[(usize, Held)], now: Timestamp) -> Result<(), SinkError>;

    /// All that was committed is where it belongs: whoever gave it may be told.
    fn published(&mut self) {}
}

/// A sink with the index of the class that it takes.
pub type ClassSink = (usize, Box<dyn Sink>);

/// Tells the time. It is asked when a sink is called and not before: a batch may wait long for its turn, and what has become
/// due in the meantime may not leave (PI-3).
type Clock<'a> = &'a dyn Fn() -> Timestamp;

/// Ticks are this far apart, or a little more.
const TICK_MICROS: u64 = MICROS.unsigned_abs();

/// The sinks of a run. The sink at index `i` takes output `i` of every worker.
pub struct Delivery {
    state: Mutex<State>,
}

struct State {
    sinks: Vec<ClassSink>,
    refuse: Box<dyn Refuse>,
    counts: Counts,
    withheld: Withheld,
    metered: Metered,
    commit: Option<Box<dyn Commit>>,
    /// When the last commit was.
    committed: Timestamp,
    /// Something was delivered since.
    uncommitted: bool,
    /// When the sinks were ticked last.
    ticked: Timestamp,
    failed: Option<SinkError>,
    resembles: Option<&'static str>,
}

impl Delivery {
    /// Deliveries to `sinks` (with the class that each takes), failures to `refuse`.
    pub fn new(sinks: Vec<ClassSink>, refuse: Box<dyn Refuse>) -> Self {
        let state = State {
            withheld: Withheld::of(&sinks),
            sinks,
            refuse,
            metered: Metered::default(),
            counts: Counts::default(),
            commit: None,
            committed: Timestamp(i64::MIN),
            uncommitted: false,
            ticked: Timestamp(i64::MIN),
            failed: None,
            resembles: None,
        };
        Self { state: Mutex::new(state) }
    }

    /// Lets `commit` write down what is delivered.
    #[must_use]
    pub fn committing(mut self, commit: Box<dyn Commit>) -> Self {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).commit = Some(commit);
        self
    }

    /// Tells `metered` what is delivered.
    #[must_use]
    pub fn metered(mut self, metered: Metered) -> Self {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).metered = metered;
        self
    }

    /// Delivers the next batch, and ticks the sinks when that is due. False when the run has failed: stop.
    pub fn deliver(&self, input: usize, batch: &RawBatch, outcome: &Outcome, clock: Clock<'_>) -> bool {
        let mut state = self.lock();
        if state.failed.is_none() {
            let written = state.write(input, batch, outcome, clock);
            state.failed =
                written.and_then(|()| state.tick(clock)).and_then(|()| state.settle(clock())).err();
        }
        state.failed.is_none()
    }

    /// Lets the sinks close what has become old enough, if that is due; called when there is nothing to deliver. It waits for
    /// no turn. False when the run has failed: stop.
    pub fn tick(&self, clock: Clock<'_>) -> bool {
        let mut state = self.lock();
        if state.failed.is_none() {
            state.failed = state.tick(clock).and_then(|()| state.settle(clock())).err();
        }
        state.failed.is_none()
    }

    /// Gives up the next batch, whose worker failed on it: nothing after it is delivered.
    pub fn abandon(&self) {
        self.lock().failed.get_or_insert(SinkError::Io {
            place: "worker".to_owned(),
            problem: "stopped by an internal error; nothing after the failing batch was delivered".to_owned(),
        });
    }

    /// Ends the run: makes everything durable and returns the counts, what failed, and what foreign input looks like. A run that
    /// has failed before is not made durable.
    pub fn finish(self, now: Timestamp) -> (Counts, Option<SinkError>, Option<&'static str>) {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_none() {
            state.failed = state.close(now).err();
        }
        (state.counts, state.failed, state.resembles)
    }

    /// True once a sink has failed.
    pub fn has_failed(&self) -> bool {
        self.lock().failed.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of the sinks that come after one that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterFailure {
    /// They are not called: the run is over.
    Stop,
    /// They are called all the same.
    GoOn,
}

impl State {
    fn write(
        &mut self,
        input: usize,
        batch: &RawBatch,
        outcome: &Outcome,
        clock: Clock<'_>,
    ) -> Result<(), SinkError> {
        if !outcome.failures.is_empty() {
            // Asked once: input of another format fails from the first batch on.
            if self.resembles.is_none() && outcome.counts.quarantined() * 2 > outcome.counts.records_in {
                self.resembles = resembles(&batch.bytes);
            }
            self.refuse.refuse(input, batch, outcome, self.counts.records_in + 1, clock())?;
        }
        self.write_clean(&outcome.clean, &outcome.epochs, clock)?;
        self.counts.add(&outcome.counts);
        self.withheld.settle(&mut self.counts);
        self.metered.batch(input, &outcome.counts, self.counts.withheld);
        self.uncommitted = true;
        if let Some(commit) = &mut self.commit {
            commit.delivered(input, batch);
        }
        Ok(())
    }

    fn write_clean(
        &mut self,
        clean: &[CleanBatch],
        epochs: &[String],
        clock: Clock<'_>,
    ) -> Result<(), SinkError> {
        for (at, ((_, sink), clean)) in self.sinks.iter_mut().zip(clean).enumerate() {
            if !clean.is_empty() {
                let now = clock();
                self.metered.begin(at, clean, now);
                sink.epochs(epochs);
                self.withheld.note(at, sink.write(clean, now)?.withheld);
                self.metered.end(at, clock());
            }
        }
        Ok(())
    }

    /// Commits, when a part is to be closed or when it is time.
    fn settle(&mut self, now: Timestamp) -> Result<(), SinkError> {
        let every = self.commit.as_ref().map_or(TICK_MICROS, |commit| commit.every_seconds() * TICK_MICROS);
        let is_time = self.uncommitted && now.0.abs_diff(self.committed.0) >= every;
        let asked = self.refuse.is_closing() || self.sinks.iter().any(|(_, sink)| sink.is_closing());
        if asked || is_time { self.commit(AfterFailure::Stop, now) } else { Ok(()) }
    }

    /// See the module comment.
    fn commit(&mut self, after: AfterFailure, now: Timestamp) -> Result<(), SinkError> {
        (self.committed, self.uncommitted) = (now, false);
        let mut written = Ok(());
        if let Some(commit) = &mut self.commit {
            let (mut held, mut some) = (Vec::new(), Vec::new());
            let sinks = self.sinks.len();
            for (at, (_, sink)) in self.sinks.iter_mut().enumerate() {
                written = written.and(sink.hold(&mut some));
                held.extend(some.drain(..).map(|part| (at, part)));
            }
            written = written.and(self.refuse.hold(&mut some, now));
            held.extend(some.drain(..).map(|part| (sinks, part)));
            // What is in doubt is read again, if it can be.
            if written.is_ok() || !commit.can_go_back() {
                written = written.and(commit.commit(&held, now));
            }
            if written.is_err() && commit.can_go_back() {
                return written;
            }
        }
        let mut published = written.and(self.refuse.publish());
        for (_, sink) in &mut self.sinks {
            if published.is_err() && after == AfterFailure::Stop {
                break;
            }
            published = published.and(sink.publish());
        }
        if let Some(commit) = self.commit.as_mut().filter(|_| published.is_ok()) {
            commit.published();
        }
        published
    }

    /// A clock that was set back ticks at once, not after it has come as far again.
    fn tick(&mut self, clock: Clock<'_>) -> Result<(), SinkError> {
        let now = clock();
        if now.0.abs_diff(self.ticked.0) < TICK_MICROS {
            return Ok(());
        }
        self.ticked = now;
        self.each(AfterFailure::Stop, |sink| sink.tick(clock()))
    }

    /// What the other sinks hold open was taken in full and may still be kept, so the failure of one does not cost it: it is
    /// published, or stays as the last commit has it where the inputs can be read again from there.
    fn close(&mut self, now: Timestamp) -> Result<(), SinkError> {
        let finished = self.each(AfterFailure::GoOn, |sink| sink.finish(now));
        if finished.is_err() && self.commit.as_ref().is_some_and(|commit| commit.can_go_back()) {
            return finished;
        }
        finished.and(self.commit(AfterFailure::GoOn, now))
    }

    /// Calls every sink, until one fails or to the last. The first failure is the one that is told.
    fn each(
        &mut self,
        after: AfterFailure,
        mut call: impl FnMut(&mut dyn Sink) -> Result<Delivered, SinkError>,
    ) -> Result<(), SinkError> {
        let mut called = Ok(());
        for (at, (_, sink)) in self.sinks.iter_mut().enumerate() {
            match call(sink.as_mut()) {
                Ok(delivered) => self.withheld.note(at, delivered.withheld),
                Err(error) => {
                    called = called.and(Err(error));
                    if after == AfterFailure::Stop {
                        break;
                    }
                }
            }
        }
        self.withheld.settle(&mut self.counts);
        self.metered.settled(self.counts.withheld);
        called
    }
}

/// Records withheld, by sink. Several sinks of a class have the same records, and withhold the same one at different times:
/// one when it comes, another when its part cannot be closed any more. So a class has withheld what the one of its sinks has
/// that withheld most, over the whole run.
struct Withheld {
    /// Class of the sink, records withheld.
    by_sink: Vec<(usize, u64)>,
}

impl Withheld {
    fn of(sinks: &[ClassSink]) -> Self {
        Self { by_sink: sinks.iter().map(|(class, _)| (*class, 0)).collect() }
    }

    fn note(&mut self, sink: usize, withheld: u64) {
        self.by_sink[sink].1 += withheld;
    }

    /// Moves what was withheld since the last call from the records that left to those that were withheld. Sinks of one class
    /// stand together.
    fn settle(&self, counts: &mut Counts) {
        let classes = self.by_sink.chunk_by(|a, b| a.0 == b.0);
        let total: u64 = classes.map(|sinks| sinks.iter().map(|sink| sink.1).max().unwrap_or(0)).sum();
        let more = total.saturating_sub(counts.withheld);
        counts.withheld += more;
        counts.records_out = counts.records_out.saturating_sub(more);
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
