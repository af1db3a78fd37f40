//! Handing batches to the sinks, in order, with one fate for all.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::counts::Counts;
use super::worker::Outcome;
use crate::format::detect::resembles;
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;
use crate::sink::{Sink, SinkError};

/// Takes what failed to parse.
pub trait Refuse: Send {
    /// Takes the failures of a batch of input number `input`; `first_record` is the number of the batch's first record in the
    /// run, from 1. What it takes is durable when it returns.
    fn refuse(
        &mut self,
        input: usize,
        batch: &RawBatch,
        outcome: &Outcome,
        first_record: u64,
        now: Timestamp,
    ) -> Result<(), SinkError>;
}

/// A sink with the index of the class that it takes.
pub type ClassSink = (usize, Box<dyn Sink>);

/// The sinks of a run. The sink at index `i` takes output `i` of every worker.
pub struct Delivery {
    state: Mutex<State>,
    moved: Condvar,
}

struct State {
    turn: u64,
    sinks: Vec<ClassSink>,
    refuse: Box<dyn Refuse>,
    counts: Counts,
    failed: Option<SinkError>,
    resembles: Option<&'static str>,
}

impl Delivery {
    /// Deliveries to `sinks` (with the class that each takes), failures to `refuse`.
    pub fn new(sinks: Vec<ClassSink>, refuse: Box<dyn Refuse>) -> Self {
        let state =
            State { turn: 0, sinks, refuse, counts: Counts::default(), failed: None, resembles: None };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    /// Delivers batch number `number` when its turn has come. False when the run has failed: stop.
    pub fn deliver(
        &self,
        number: u64,
        input: usize,
        batch: &RawBatch,
        outcome: &Outcome,
        now: Timestamp,
    ) -> bool {
        let mut state = self.lock();
        while state.turn != number {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.failed.is_none()
            && let Err(error) = state.write(input, batch, outcome, now)
        {
            state.failed = Some(error);
        }
        state.turn += 1;
        let going_on = state.failed.is_none();
        drop(state);
        self.moved.notify_all();
        going_on
    }

    /// Gives up batch number `number`, whose worker failed on it: nothing after it is delivered.
    pub fn abandon(&self, number: u64) {
        let mut state = self.lock();
        while state.turn != number {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failed.get_or_insert(SinkError::Io {
            place: "worker".to_owned(),
            problem: "stopped by an internal error; nothing after the failing batch was delivered".to_owned(),
        });
        state.turn += 1;
        drop(state);
        self.moved.notify_all();
    }

    /// Ends the run: makes everything durable and returns the counts, what failed, and what foreign input looks like.
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

impl State {
    fn write(
        &mut self,
        input: usize,
        batch: &RawBatch,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        if !outcome.failures.is_empty() {
            // Asked once: input of another format fails from the first batch on.
            if self.resembles.is_none() && outcome.counts.quarantined() * 2 > outcome.counts.records_in {
                self.resembles = resembles(&batch.bytes);
            }
            self.refuse.refuse(input, batch, outcome, self.counts.records_in + 1, now)?;
        }
        let mut withheld = Withheld::default();
        for ((class, sink), clean) in self.sinks.iter_mut().zip(&outcome.clean) {
            if !clean.is_empty() {
                withheld.note(*class, sink.write(clean, now)?.withheld);
            }
        }
        self.counts.add(&outcome.counts);
        self.counts.records_out -= withheld.total;
        self.counts.withheld += withheld.total;
        Ok(())
    }

    fn close(&mut self, now: Timestamp) -> Result<(), SinkError> {
        let mut withheld = Withheld::default();
        for (class, sink) in &mut self.sinks {
            withheld.note(*class, sink.finish(now)?.withheld);
        }
        self.counts.records_out = self.counts.records_out.saturating_sub(withheld.total);
        self.counts.withheld += withheld.total;
        Ok(())
    }
}

/// Records withheld, each counted once although several sinks of its class withhold it. Sinks of one class stand together.
#[derive(Default)]
struct Withheld {
    total: u64,
    class: Option<usize>,
    of_class: u64,
}

impl Withheld {
    fn note(&mut self, class: usize, withheld: u64) {
        if self.class != Some(class) {
            (self.class, self.of_class) = (Some(class), 0);
        }
        let more = withheld.saturating_sub(self.of_class);
        self.of_class += more;
        self.total += more;
    }
}
