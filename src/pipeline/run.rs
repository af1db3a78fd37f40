//! Running a pipeline until its sources have ended.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::delivery::Delivery;
use super::sequencer::{Sequencer, Work};
use super::worker::{SourcePlan, Worker};
use crate::record::batch::RawBatch;
use crate::record::timestamp::{MICROS, Timestamp};
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
    /// Set while the clock is not to be trusted: nothing is taken, and what was taken waits. What is in a worker's hands goes on: `clock`
    /// then gives the time that it would be without the fault.
    pub paused: &'a AtomicBool,
    /// Set by SIGTERM and SIGINT: what was taken is still delivered, nothing more is taken.
    pub stop: &'a AtomicBool,
    /// Called after every batch.
    pub progress: &'a (dyn Fn() + Sync),
    /// Told of every source that could not be read, when that is. `None`: they are gathered for the end.
    pub trouble: Option<&'a (dyn Fn(&SourceError) + Sync)>,
}

/// How the sources take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// One after the other, each to its end.
    EndToEnd,
    /// All together.
    Together,
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
    /// `None` where a source has ended.
    sources: Vec<Option<Box<dyn Source>>>,
    turns: Turns,
    current: usize,
    next: u64,
    stopped: bool,
    failed: Vec<SourceError>,
}

/// Between two looks at all of several sources.
const LOOK: Duration = Duration::from_millis(10);
/// For how long a call looks at all of them.
const CALL: Duration = Duration::from_millis(200);

/// Workers are told to forget this far apart, or a little more.
const FORGET_MICROS: u64 = MICROS.unsigned_abs();

/// How often a worker that waits for the clock looks whether it is right.
const PAUSE_STEP: Duration = Duration::from_millis(50);

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
    fn new(sources: Vec<Box<dyn Source>>, turns: Turns) -> Self {
        let mut sources: Vec<_> = sources.into_iter().map(Some).collect();
        if turns == Turns::Together && sources.len() > 1 {
            sources.iter_mut().flatten().for_each(|source| source.set_patience(Duration::ZERO));
        }
        Self { sources, turns, current: 0, next: 0, stopped: false, failed: Vec::new() }
    }

    /// Asks for no more: what was already taken from a source is still delivered.
    fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            for (at, source) in self.sources.iter_mut().enumerate() {
                // One that was not begun has nothing.
                if self.turns == Turns::EndToEnd && at > self.current {
                    *source = None;
                } else if let Some(source) = source {
                    source.stop();
                }
            }
        }
    }

    fn take(&mut self, inputs: &[SourcePlan], batch: &mut RawBatch, around: &Surroundings<'_>) -> Taken {
        let began = Instant::now();
        loop {
            let Some(taken) = self.ask(inputs, batch, around) else {
                if self.sources.iter().all(Option::is_none) {
                    return Taken::End;
                }
                // Else the source has waited itself.
                let waits = self.turns == Turns::Together && self.sources.len() > 1;
                if !waits || began.elapsed() >= CALL {
                    return Taken::Nothing;
                }
                thread::sleep(LOOK);
                continue;
            };
            return taken;
        }
    }

    /// Asks the sources whose turn it is; `None` when none has anything.
    fn ask(
        &mut self,
        inputs: &[SourcePlan],
        batch: &mut RawBatch,
        around: &Surroundings<'_>,
    ) -> Option<Taken> {
        for step in 0..self.sources.len() {
            let at = (self.current + step) % self.sources.len();
            let Some(source) = &mut self.sources[at] else { continue };
            if self.turns == Turns::EndToEnd {
                self.current = at;
            }
            match source.fill(inputs[at].format.parser(), batch) {
                Ok(Fill::Records) => {
                    self.next += 1;
                    self.current = at + usize::from(self.turns == Turns::Together);
                    return Some(Taken::Batch(self.next - 1, at));
                }
                Ok(Fill::Silence | Fill::Waiting) => {}
                Ok(Fill::End) => {
                    self.sources[at] = None;
                    return Some(Taken::Nothing);
                }
                // The source can be asked again: it goes on with its next file, or has ended.
                Err(error) => {
                    match around.trouble {
                        Some(tell) => tell(&error),
                        None => self.failed.push(error),
                    }
                    return Some(Taken::Nothing);
                }
            }
            if self.turns == Turns::EndToEnd {
                return None;
            }
        }
        None
    }
}

/// Reads every input to its end, with one thread per worker.
pub fn run(
    (inputs, turns): (Vec<Input>, Turns),
    workers: Vec<Worker>,
    delivery: Delivery,
    outputs: usize,
    batch_bytes: usize,
    around: &Surroundings<'_>,
) -> Ended {
    let (sources, plans): (Vec<_>, Vec<_>) =
        inputs.into_iter().map(|input| (input.source, input.plan)).unzip();
    let intake = Mutex::new(Intake::new(sources, turns));
    let workers: Vec<_> = workers.into_iter().map(Mutex::new).collect();
    // As many beside as there are workers: each can be one batch ahead.
    let beside = if workers.len() > 1 { workers.len() } else { 0 };
    let sequencer = Sequencer::new((0..beside).map(|_| Work::new(batch_bytes, outputs)).collect());
    let shared = Shared {
        plans: &plans,
        intake: &intake,
        delivery: &delivery,
        sequencer: &sequencer,
        workers: &workers,
        forgotten: AtomicI64::new(i64::MIN),
        outputs,
        batch_bytes,
        around,
    };
    if let Some((first, others)) = workers.split_first() {
        thread::scope(|scope| {
            for worker in others {
                scope.spawn(|| shared.work(worker));
            }
            shared.work(first);
        });
    }
    // Keys are not needed while the sinks finish, which may take long.
    drop(workers);
    let intake = intake.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (counts, sink_failed, resembles) = delivery.finish((around.clock)());
    Ended { counts, sink_failed, sources_failed: intake.failed, resembles }
}

/// What the workers of a run share.
struct Shared<'a> {
    plans: &'a [SourcePlan],
    intake: &'a Mutex<Intake>,
    delivery: &'a Delivery,
    sequencer: &'a Sequencer,
    /// One per thread, which holds it while it works on a batch and at no other time.
    workers: &'a [Mutex<Worker>],
    /// When the workers were told to forget last.
    forgotten: AtomicI64,
    outputs: usize,
    batch_bytes: usize,
    around: &'a Surroundings<'a>,
}

impl Shared<'_> {
    /// Takes, processes and delivers batches until there are none.
    fn work(&self, worker: &Mutex<Worker>) {
        let mut work = Work::new(self.batch_bytes, self.outputs);
        loop {
            let taken = {
                let mut intake = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
                self.wait_for_clock();
                if self.around.stop.load(Ordering::Relaxed) {
                    intake.stop();
                }
                intake.take(self.plans, &mut work.batch, self.around)
            };
            let (number, input) = match taken {
                Taken::Batch(number, input) => (number, input),
                Taken::Nothing => {
                    self.forget_dead();
                    // The intake is free again meanwhile, and no turn is held: a tick keeps nobody waiting. Where a sink has
                    // failed a silent source is not waited for.
                    if self.delivery.tick(self.around.clock) {
                        continue;
                    }
                    return;
                }
                Taken::End => return,
            };
            // The clock may have jumped while the source was asked.
            self.wait_for_clock();
            // A bug in a parser must not leave the others waiting for a turn that never comes.
            let processed = panic::catch_unwind(AssertUnwindSafe(|| {
                let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
                let now = (self.around.clock)();
                worker.process(input, &self.plans[input], &work.batch, now, &mut work.outcome);
            }));
            (work.input, work.abandoned) = (input, processed.is_err());
            let Some(room) = self.sequencer.hand_over(number, work, |work| self.deliver(work)) else {
                return;
            };
            work = room;
            self.forget_dead();
            (self.around.progress)();
        }
    }

    /// Waits while the clock is not to be trusted. Comes back before when told to stop, so that what was taken is delivered, judged
    /// by the time that it would be without the fault; and when a sink has failed, which delivery then says.
    fn wait_for_clock(&self) {
        // It may find only now that it jumped.
        let _ = (self.around.clock)();
        while self.around.paused.load(Ordering::Acquire)
            && !self.around.stop.load(Ordering::Relaxed)
            // Parts that are open close when they are old enough.
            && self.delivery.tick(self.around.clock)
        {
            thread::sleep(PAUSE_STEP);
        }
    }

    /// Delivers work whose turn has come; false when nothing more may be delivered.
    fn deliver(&self, work: &Work) -> bool {
        if work.abandoned {
            self.delivery.abandon();
            return false;
        }
        self.delivery.deliver(work.input, &work.batch, &work.outcome, self.around.clock)
    }

    /// Lets every worker forget what is dead, at most once a second (PI-5). A worker that waits for the intake, or for its turn,
    /// cannot do so itself, and may wait for long: the intake is not handed out in turn. So whoever found nothing to take or has
    /// delivered a batch does it for all. One that is at work has done it when its batch began, and is asked again.
    ///
    /// The bound: a source comes back within a second, with a batch or without, and a second lies between two calls, so that a dead
    /// key is forgotten within two seconds and the time that one batch takes. Only a sink that blocks holds this up, as it holds up
    /// everything.
    fn forget_dead(&self) {
        let now = (self.around.clock)();
        // A clock that was set back counts as a second that has passed.
        if now.0.abs_diff(self.forgotten.load(Ordering::Relaxed)) < FORGET_MICROS {
            return;
        }
        self.forgotten.store(now.0, Ordering::Relaxed);
        for worker in self.workers {
            match worker.try_lock() {
                Ok(mut worker) => worker.forget_dead(now),
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().forget_dead(now),
                Err(TryLockError::WouldBlock) => {}
            }
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
