//! Running a pipeline to the end of its sources.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::counts::Counts;
use super::delivery::Delivery;
use super::worker::{Outcome, SourcePlan, Worker};
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;
use crate::sink::SinkError;
use crate::source::{Fill, Source, SourceError};

/// A source with what a worker must know of it.
pub struct Input {
    /// Where records come from.
    pub source: Box<dyn Source>,
    /// How they are read and where they go.
    pub plan: SourcePlan,
}

/// What the run may not decide itself: when it is, and whether it was told to stop.
pub struct Surroundings<'a> {
    /// The time at which batches are judged.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Set by SIGTERM and SIGINT: what was taken is still delivered, nothing more is taken.
    pub stop: &'a AtomicBool,
    /// Called after every batch.
    pub progress: &'a (dyn Fn() + Sync),
}

/// How a run ended.
pub struct Ended {
    /// What it did.
    pub counts: Counts,
    /// The sink that failed, if one did.
    pub sink_failed: Option<SinkError>,
    /// Sources that could not be read to their end. What was read before is delivered.
    pub sources_failed: Vec<SourceError>,
    /// What the input looks like, when most of a batch did not parse and it looks like another format.
    pub resembles: Option<&'static str>,
}

/// The sources, which one worker at a time may ask.
struct Intake {
    sources: Vec<Box<dyn Source>>,
    current: usize,
    next: u64,
    stopped: bool,
    failed: Vec<SourceError>,
}

/// What asking for a batch gave.
enum Taken {
    /// Batch number, index of the input.
    Batch(u64, usize),
    /// Nothing yet.
    Nothing,
    /// No more.
    End,
}

impl Intake {
    /// Asks for no more: what was already taken from the current source is still delivered.
    fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            self.sources.truncate(self.current + 1);
            if let Some(source) = self.sources.get_mut(self.current) {
                source.stop();
            }
        }
    }

    fn take(&mut self, inputs: &[SourcePlan], batch: &mut RawBatch) -> Taken {
        let Some(source) = self.sources.get_mut(self.current) else { return Taken::End };
        match source.fill(inputs[self.current].format.parser(), batch) {
            Ok(Fill::Records) => {
                self.next += 1;
                Taken::Batch(self.next - 1, self.current)
            }
            Ok(Fill::Silence | Fill::Waiting) => Taken::Nothing,
            Ok(Fill::End) => {
                self.current += 1;
                Taken::Nothing
            }
            // The source can be asked again: it goes on with its next file, or has ended.
            Err(error) => {
                self.failed.push(error);
                Taken::Nothing
            }
        }
    }
}

/// Reads every input to its end, one after the other, with one thread per worker.
pub fn run(
    inputs: Vec<Input>,
    workers: Vec<Worker>,
    delivery: Delivery,
    outputs: usize,
    batch_bytes: usize,
    around: &Surroundings<'_>,
) -> Ended {
    let (sources, plans): (Vec<_>, Vec<_>) =
        inputs.into_iter().map(|input| (input.source, input.plan)).unzip();
    let intake = Mutex::new(Intake { sources, current: 0, next: 0, stopped: false, failed: Vec::new() });
    let shared = Shared { plans: &plans, intake: &intake, delivery: &delivery, outputs, batch_bytes, around };
    thread::scope(|scope| {
        let mut workers = workers.into_iter();
        let first = workers.next();
        for worker in workers {
            scope.spawn(|| shared.work(worker));
        }
        if let Some(worker) = first {
            shared.work(worker);
        }
    });
    let intake = intake.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (counts, sink_failed, resembles) = delivery.finish((around.clock)());
    Ended { counts, sink_failed, sources_failed: intake.failed, resembles }
}

/// What the workers of a run share.
struct Shared<'a> {
    plans: &'a [SourcePlan],
    intake: &'a Mutex<Intake>,
    delivery: &'a Delivery,
    outputs: usize,
    batch_bytes: usize,
    around: &'a Surroundings<'a>,
}

impl Shared<'_> {
    /// Takes, processes and delivers batches until there are none.
    fn work(&self, mut worker: Worker) {
        let mut batch = RawBatch::with_capacity(self.batch_bytes);
        let mut outcome = Outcome::new(self.outputs);
        loop {
            let taken = {
                let mut intake = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
                if self.around.stop.load(Ordering::Relaxed) {
                    intake.stop();
                }
                intake.take(self.plans, &mut batch)
            };
            let (number, input) = match taken {
                Taken::Batch(number, input) => (number, input),
                // The intake is free again meanwhile, and no turn is held: a tick keeps nobody waiting. Where a sink has failed
                // a silent source is not waited for.
                Taken::Nothing if self.delivery.tick(self.around.clock) => continue,
                Taken::Nothing | Taken::End => return,
            };
            // A bug in a parser must not leave the others waiting for a turn that never comes.
            let processed = panic::catch_unwind(AssertUnwindSafe(|| {
                worker.process(input, &self.plans[input], &batch, (self.around.clock)(), &mut outcome);
            }));
            if processed.is_err() {
                self.delivery.abandon(number);
                return;
            }
            if !self.delivery.deliver(number, input, &batch, &outcome, self.around.clock) {
                return;
            }
            (self.around.progress)();
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
