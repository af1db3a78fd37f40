use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use super::super::build::{self, RouteSpec};
use super::super::refusals::Refusals;
use super::super::worker::{ClassChoice, Outcome};
use super::*;
use crate::config::{self, format_spec::FormatSpec};
use crate::encode::Emit;
use crate::format::Parser;
use crate::keys::{self, Keys};
use crate::policy::class::{Domain, Policy};
use crate::record::batch::CleanBatch;
use crate::retention::journal::KeyJournal;
use crate::sink::{Delivered, Sink};
use crate::source::Progress;

/// One line, then silence until the sink was ticked often enough, then the end. Every silence takes half a second of `clock`.
struct Silent {
    clock: Arc<AtomicI64>,
    ticks: Arc<AtomicI64>,
    given: bool,
    silences: usize,
}

const HALF_SECOND: i64 = 500_000;
/// A run that never ticks must fail, not hang.
const SILENCES_MAX: usize = 1000;
const TICKS: i64 = 5;

impl Source for Silent {
    fn fill(&mut self, _: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        batch.clear();
        if !self.given {
            self.given = true;
            batch.bytes.extend_from_slice(b"from 192.0.2.1\n");
            return Ok(Fill::Records);
        }
        if self.ticks.load(Ordering::SeqCst) >= TICKS || self.silences == SILENCES_MAX {
            return Ok(Fill::End);
        }
        self.silences += 1;
        self.clock.fetch_add(HALF_SECOND, Ordering::SeqCst);
        Ok(Fill::Silence)
    }

    fn stop(&mut self) {}

    fn progress(&self) -> Arc<Progress> {
        Arc::default()
    }
}

/// Counts ticks; with `fails` every tick fails.
struct Ticked {
    ticks: Arc<AtomicI64>,
    fails: bool,
}

impl Sink for Ticked {
    fn write(&mut self, batch: &CleanBatch, _: Timestamp) -> Result<Delivered, SinkError> {
        Ok(Delivered { records: batch.runs().iter().map(|run| u64::from(run.records)).sum(), withheld: 0 })
    }

    fn tick(&mut self, _: Timestamp) -> Result<Delivered, SinkError> {
        self.ticks.fetch_add(1, Ordering::SeqCst);
        if self.fails { Err(SinkError::BrokenPipe) } else { Ok(Delivered::default()) }
    }

    fn finish(&mut self, _: Timestamp) -> Result<Delivered, SinkError> {
        Ok(Delivered::default())
    }
}

/// Any line to one sink.
fn plan(policy: &Policy) -> SourcePlan {
    let format = build::compile(&FormatSpec::Text, None, &policy.variables).unwrap();
    let route = RouteSpec { class: 0, view: None, emit: Emit::Same, output: 0, sink: 0 };
    let classes = build::classes(policy, format.parser(), &[route]);
    SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None }
}

/// Runs the silent source; returns how it ended, the ticks, and the seconds that passed.
fn silent(threads: usize, fails: bool) -> (Ended, i64, i64) {
    let (clock, ticks) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let policy = config::builtin().unwrap();
    let plan = plan(&policy);
    let source = Silent { clock: Arc::clone(&clock), ticks: Arc::clone(&ticks), given: false, silences: 0 };
    let sink = Ticked { ticks: Arc::clone(&ticks), fails };
    let delivery = Delivery::new(vec![(0, Box::new(sink))], Box::new(Refusals::discarding(false)));
    let now = || Timestamp(clock.load(Ordering::SeqCst));
    let around = Surroundings {
        clock: &now,
        paused: &AtomicBool::new(false),
        stop: &AtomicBool::new(false),
        progress: &|| {},
        trouble: None,
    };
    let workers = build::workers(&Keys::ephemeral(&policy.domains).unwrap(), threads, 16, 0).unwrap();
    let ended = run(
        (vec![Input { source: Box::new(source), plan }], Turns::EndToEnd),
        workers,
        delivery,
        1,
        1 << 16,
        &around,
    );
    (ended, ticks.load(Ordering::SeqCst), now().seconds())
}

#[test]
fn a_silent_source_ticks_the_sinks_whatever_the_number_of_workers() {
    for threads in [1, 2, 7] {
        let (ended, ticks, seconds) = silent(threads, false);
        assert!(ended.sink_failed.is_none() && ended.counts.balance() && ended.counts.records_out == 1);
        assert!(ticks >= TICKS, "{threads} workers: {ticks} ticks");
        assert!(seconds + 1 >= ticks, "{threads} workers: {ticks} ticks in {seconds} s");
    }
}

/// The workers that find silence must hear that a sink has failed: no batch would tell them.
#[test]
fn a_tick_that_fails_ends_the_run_of_a_silent_source() {
    for threads in [1, 2, 7] {
        let (ended, ticks, _) = silent(threads, true);
        assert!(matches!(ended.sink_failed, Some(SinkError::BrokenPipe)));
        assert_eq!(ticks, 1, "{threads} workers");
    }
}

/// Gives silence, or with `busy` a line, every half second of `clock`, until all workers have forgotten a key or it is in vain.
struct Patient {
    clock: Arc<AtomicI64>,
    workers: Arc<Vec<Mutex<Worker>>>,
    busy: bool,
    calls: usize,
}

impl Source for Patient {
    fn fill(&mut self, _: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        batch.clear();
        let forgot = |worker: &Mutex<Worker>| worker.lock().unwrap().forgotten() > 0;
        self.calls += 1;
        if self.workers.iter().all(forgot) || self.calls > SILENCES_MAX {
            return Ok(Fill::End);
        }
        batch.received = Timestamp(self.clock.fetch_add(HALF_SECOND, Ordering::SeqCst) + HALF_SECOND);
        if !self.busy {
            return Ok(Fill::Silence);
        }
        batch.bytes.extend_from_slice(b"nobody in here\n");
        Ok(Fill::Records)
    }

    fn stop(&mut self) {}

    fn progress(&self) -> Arc<Progress> {
        Arc::default()
    }
}

/// PI-5: one thread runs, and the workers of the others are as those that never get the intake.
#[test]
fn pi_5_workers_that_wait_forget_dead_keys_within_two_seconds() {
    const DAY: u64 = 86_400;
    let policy = config::builtin().unwrap();
    let domain = Domain { name: "log".to_owned(), epoch_seconds: DAY, retention_seconds: DAY };
    for busy in [false, true] {
        for threads in [1, 2, 7] {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path().join("keys");
            let born = Timestamp::from_seconds(20_000 * 86_400);
            let journal = KeyJournal::of(&dir);
            keys::init(&dir, &[("log", DAY, DAY)], born, &journal).unwrap();
            let (keys, _) = Keys::open(&dir, std::slice::from_ref(&domain), born, Box::new(journal)).unwrap();
            let dies = Timestamp::from_seconds(20_002 * 86_400);
            let plans = [plan(&policy)];
            let mut batch = RawBatch::with_capacity(64);
            batch.bytes.extend_from_slice(b"from 192.0.2.1\n");
            batch.received = born;
            let mut outcome = Outcome::new(1);
            let mut workers = build::workers(&keys, threads, 16, 0).unwrap();
            for worker in &mut workers {
                worker.process(0, &plans[0], &batch, born, &mut outcome);
                assert_eq!(outcome.counts.records_out, 1);
            }
            let workers = Arc::new(workers.into_iter().map(Mutex::new).collect::<Vec<_>>());
            let clock = Arc::new(AtomicI64::new(dies.0 - 5 * HALF_SECOND));
            let now = || Timestamp(clock.load(Ordering::SeqCst));
            let (shared_clock, shared_workers) = (Arc::clone(&clock), Arc::clone(&workers));
            let source = Patient { clock: shared_clock, workers: shared_workers, busy, calls: 0 };
            let sources: Vec<Box<dyn Source>> = vec![Box::new(source)];
            let sink = Ticked { ticks: Arc::default(), fails: false };
            let delivery = Delivery::new(vec![(0, Box::new(sink))], Box::new(Refusals::discarding(false)));
            let sequencer = Sequencer::new(Vec::new());
            let shared = Shared {
                sequencer: &sequencer,
                plans: &plans,
                intake: &Mutex::new(Intake::new(sources, Turns::EndToEnd)),
                delivery: &delivery,
                workers: &workers,
                forgotten: AtomicI64::new(i64::MIN),
                outputs: 1,
                batch_bytes: 64,
                around: &Surroundings {
                    clock: &now,
                    paused: &AtomicBool::new(false),
                    stop: &AtomicBool::new(false),
                    progress: &|| {},
                    trouble: None,
                },
            };
            shared.work(&workers[0]);
            let late = now().0 - dies.0;
            assert!((0..=4 * HALF_SECOND).contains(&late), "{threads} workers, busy {busy}: {late} µs");
        }
    }
}

/// Gives numbered lines, one a call. The clock jumps while the call of `jumps_in` is at work, before its line is there.
struct Jumping {
    paused: Arc<AtomicBool>,
    calls: Arc<AtomicI64>,
    jumps_in: i64,
    stopped: bool,
}

/// Lines of [`Jumping`].
const LINES: i64 = 40;

impl Source for Jumping {
    fn fill(&mut self, _: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        batch.clear();
        if self.stopped || self.calls.load(Ordering::SeqCst) == LINES {
            return Ok(Fill::End);
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if call == self.jumps_in {
            self.paused.store(true, Ordering::SeqCst);
        }
        batch.bytes.extend_from_slice(format!("line {call}\n").as_bytes());
        Ok(Fill::Records)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn progress(&self) -> Arc<Progress> {
        Arc::default()
    }
}

/// Keeps what it gets.
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Sink for Kept {
    fn write(&mut self, batch: &CleanBatch, _: Timestamp) -> Result<Delivered, SinkError> {
        self.0.lock().unwrap().extend_from_slice(batch.bytes());
        Ok(Delivered { records: batch.runs().iter().map(|run| u64::from(run.records)).sum(), withheld: 0 })
    }

    fn finish(&mut self, _: Timestamp) -> Result<Delivered, SinkError> {
        Ok(Delivered::default())
    }
}

/// A test that fails while the run is paused must not hang.
struct EndsWhenItFails<'a>(&'a AtomicBool);

impl Drop for EndsWhenItFails<'_> {
    fn drop(&mut self) {
        self.0.fetch_or(thread::panicking(), Ordering::SeqCst);
    }
}

/// Runs the jumping source. `then` is called once nothing moves any more, with the flag of the pause, the flag that stops, what
/// was taken and what was delivered. Returns how the run ended, and everything that was delivered.
fn jumping(
    threads: usize,
    jumps_in: i64,
    then: impl Fn(&AtomicBool, &AtomicBool, i64, &[u8]) + Sync,
) -> (Ended, Vec<u8>) {
    let (paused, stop) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let (calls, kept) = (Arc::new(AtomicI64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let policy = config::builtin().unwrap();
    let plan = plan(&policy);
    let source = Jumping { paused: Arc::clone(&paused), calls: Arc::clone(&calls), jumps_in, stopped: false };
    let sink = Kept(Arc::clone(&kept));
    let delivery = Delivery::new(vec![(0, Box::new(sink))], Box::new(Refusals::discarding(false)));
    let workers = build::workers(&Keys::ephemeral(&policy.domains).unwrap(), threads, 16, 0).unwrap();
    let around = Surroundings {
        clock: &|| Timestamp(0),
        paused: &paused,
        stop: &stop,
        progress: &|| {},
        trouble: None,
    };
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            // As long as a few steps of the wait: whoever would go on in spite of the pause has done so.
            while !paused.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            thread::sleep(4 * PAUSE_STEP);
            let _ends = EndsWhenItFails(&stop);
            let delivered = kept.lock().unwrap().clone();
            then(&paused, &stop, calls.load(Ordering::SeqCst), &delivered);
        });
        let inputs = (vec![Input { source: Box::new(source), plan }], Turns::EndToEnd);
        run(inputs, workers, delivery, 1, 1 << 16, &around)
    });
    let kept = kept.lock().unwrap().clone();
    (ended, kept)
}

fn numbered(lines: i64) -> Vec<u8> {
    (0..lines).flat_map(|line| format!("line {line}\n").into_bytes()).collect()
}

/// The line of the call in which the clock jumps is taken and waits; those before it, which are in workers' hands, are delivered, and
/// nothing is taken after it.
#[test]
fn a_clock_that_jumps_stops_the_intake_and_holds_what_was_just_taken() {
    for threads in [1, 2, 7] {
        for jumps_in in [0, 1, LINES - 1] {
            let (ended, delivered) = jumping(threads, jumps_in, |paused, _, taken, delivered| {
                assert_eq!(taken, jumps_in + 1, "{threads} workers: nothing more is taken");
                // Another worker may have come to its batch only after the jump, and holds it.
                assert!(numbered(jumps_in).starts_with(delivered), "{threads} workers");
                paused.store(false, Ordering::SeqCst);
            });
            assert_eq!(delivered, numbered(LINES), "{threads} workers: each once, in order");
            assert!(ended.counts.balance() && ended.sink_failed.is_none());
        }
    }
}

/// A pause may last for days: the signal that ends the run must not wait for it, and what was taken is not lost.
#[test]
fn a_run_that_is_stopped_during_a_pause_delivers_what_it_has_taken_and_ends() {
    for threads in [1, 2, 7] {
        let (ended, delivered) = jumping(threads, 3, |_, stop, _, _| stop.store(true, Ordering::SeqCst));
        assert_eq!(delivered, numbered(4), "{threads} workers");
        assert!(ended.counts.balance() && ended.sink_failed.is_none());
    }
}
