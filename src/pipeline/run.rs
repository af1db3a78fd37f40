//! Running a pipeline to the end of its sources.

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
    /// Called after every batch with the bytes taken so far.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// How a run ended.
pub struct Ended {
    /// What it did.
    pub counts: Counts,
    /// The sink that failed, if one did.
    pub sink_failed: Option<SinkError>,
    /// Sources that could not be read to their end. What was read before is delivered.
    pub sources_failed: Vec<SourceError>,
}

/// The sources, which one worker at a time may ask.
struct Intake {
    sources: Vec<Box<dyn Source>>,
    current: usize,
    next: u64,
    bytes: u64,
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
    fn take(&mut self, inputs: &[SourcePlan], batch: &mut RawBatch) -> Taken {
        let Some(source) = self.sources.get_mut(self.current) else { return Taken::End };
        batch.clear();
        match source.fill(inputs[self.current].format.parser(), batch) {
            Ok(Fill::Records) => {
                self.next += 1;
                self.bytes += batch.bytes.len() as u64;
                Taken::Batch(self.next - 1, self.current)
            }
            Ok(Fill::Silence) => Taken::Nothing,
            Ok(Fill::End) => {
                self.current += 1;
                Taken::Nothing
            }
            Err(error) => {
                self.failed.push(error);
                self.current += 1;
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
    let (sources, plans): (Vec<_>, Vec<_>) = inputs.into_iter().map(|input| (input.source, input.plan)).unzip();
    let intake = Mutex::new(Intake { sources, current: 0, next: 0, bytes: 0, failed: Vec::new() });
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
    let (counts, sink_failed) = delivery.finish((around.clock)());
    Ended { counts, sink_failed, sources_failed: intake.failed }
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
            if self.around.stop.load(Ordering::Relaxed) {
                return;
            }
            let (taken, bytes) = {
                let mut intake = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
                // Asked again under the lock: another worker may have waited for input while the signal came.
                if self.around.stop.load(Ordering::Relaxed) {
                    return;
                }
                (intake.take(self.plans, &mut batch), intake.bytes)
            };
            let (number, input) = match taken {
                Taken::Batch(number, input) => (number, input),
                Taken::Nothing => continue,
                Taken::End => return,
            };
            worker.process(&self.plans[input], &batch, (self.around.clock)(), &mut outcome);
            if !self.delivery.deliver(number, &batch, &outcome, (self.around.clock)()) {
                return;
            }
            (self.around.progress)(bytes);
        }
    }
}
