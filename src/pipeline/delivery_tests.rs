use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::super::refusals::Refusals;
use super::super::sequencer::{Sequencer, Work};
use super::*;
use crate::record::batch::CleanBatch;
use crate::sink::testing::batch;

/// What a sink was called with, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Write(i64),
    Tick(i64),
    Finish(i64),
}

/// Notes its calls. At each time of `withholds` it withholds one record more, and at `fails` it fails.
#[derive(Clone, Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<Call>>>,
    withholds: Vec<i64>,
    fails: Option<i64>,
    place: &'static str,
}

impl Recorder {
    fn note(&self, call: Call, now: Timestamp) -> Result<Delivered, SinkError> {
        self.calls.lock().unwrap().push(call);
        if self.fails == Some(now.seconds()) {
            return Err(SinkError::Io { place: self.place.to_owned(), problem: "gone".to_owned() });
        }
        let withheld = self.withholds.iter().filter(|at| **at == now.seconds()).count() as u64;
        Ok(Delivered { records: 0, withheld })
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Sink for Recorder {
    fn write(&mut self, _: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        self.note(Call::Write(now.seconds()), now)
    }

    fn tick(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        self.note(Call::Tick(now.seconds()), now)
    }

    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        self.note(Call::Finish(now.seconds()), now)
    }
}

/// A clock that tests set, in seconds.
#[derive(Default)]
struct Manual(AtomicI64);

impl Manual {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

fn delivery(sinks: &[(usize, &Recorder)]) -> Delivery {
    let boxed = |(class, sink): &(usize, &Recorder)| (*class, Box::new((*sink).clone()) as Box<dyn Sink>);
    Delivery::new(sinks.iter().map(boxed).collect(), Box::new(Refusals::discarding(false)))
}

/// One record for the first of `sinks` sinks.
fn outcome(sinks: usize) -> Outcome {
    let mut outcome = Outcome::new(sinks);
    outcome.clean[0] = batch(&[("x\n", None)]);
    outcome.counts.records_in = 1;
    outcome.counts.records_out = 1;
    outcome
}

fn raw() -> RawBatch {
    RawBatch::with_capacity(0)
}

#[test]
fn sinks_are_ticked_at_most_once_a_second() {
    let (sink, clock) = (Recorder::default(), Manual::default());
    let delivery = delivery(&[(0, &sink)]);
    for seconds in [100, 100, 101, 101, 105] {
        clock.set(seconds);
        assert!(delivery.tick(&|| clock.now()));
    }
    assert_eq!(sink.calls(), [Call::Tick(100), Call::Tick(101), Call::Tick(105)]);
    // A clock that was set back by an hour must not keep parts open for an hour.
    clock.set(105 - 3600);
    assert!(delivery.tick(&|| clock.now()));
    assert_eq!(sink.calls().last(), Some(&Call::Tick(105 - 3600)));
}

#[test]
fn a_busy_source_ticks_the_sinks_that_it_never_writes_to() {
    let (busy, idle, clock) = (Recorder::default(), Recorder::default(), Manual::default());
    let delivery = delivery(&[(0, &busy), (1, &idle)]);
    for seconds in [100, 100, 100, 101, 102, 102] {
        clock.set(seconds);
        assert!(delivery.deliver(0, &raw(), &outcome(2), &|| clock.now()));
    }
    assert_eq!(idle.calls(), [Call::Tick(100), Call::Tick(101), Call::Tick(102)]);
    assert_eq!(busy.calls().iter().filter(|call| matches!(call, Call::Write(_))).count(), 6);
    let (counts, failed, _) = delivery.finish(clock.now());
    assert!(failed.is_none() && counts.balance() && counts.records_out == 6);
    assert_eq!(idle.calls().last(), Some(&Call::Finish(102)));
}

#[test]
fn what_a_tick_withholds_did_not_leave_and_counts_once_per_class() {
    // Two sinks of one class find at different times that the same two records cannot leave; one of another class has one.
    let first = Recorder { withholds: vec![101, 103], ..Recorder::default() };
    let second = Recorder { withholds: vec![102, 104], ..Recorder::default() };
    let other = Recorder { withholds: vec![102], ..Recorder::default() };
    let clock = Manual::default();
    let delivery = delivery(&[(0, &first), (0, &second), (1, &other)]);
    clock.set(100);
    for _ in 0..4 {
        assert!(delivery.deliver(0, &raw(), &outcome(3), &|| clock.now()));
    }
    for seconds in 101..104 {
        clock.set(seconds);
        assert!(delivery.tick(&|| clock.now()));
    }
    clock.set(104);
    let (counts, failed, _) = delivery.finish(clock.now());
    assert!(failed.is_none() && counts.balance());
    assert_eq!((counts.records_in, counts.records_out, counts.withheld), (4, 1, 3));
}

/// All sinks share one fate, also when the first to fail does so in a tick.
#[test]
fn a_tick_that_fails_ends_the_run() {
    let failing = Recorder { fails: Some(101), place: "here", ..Recorder::default() };
    let (other, clock) = (Recorder::default(), Manual::default());
    let delivery = delivery(&[(0, &failing), (1, &other)]);
    clock.set(100);
    assert!(delivery.deliver(0, &raw(), &outcome(2), &|| clock.now()));
    clock.set(101);
    assert!(!delivery.tick(&|| clock.now()));
    let before = (failing.calls(), other.calls());
    clock.set(102);
    assert!(!delivery.tick(&|| clock.now()), "whoever ticks next hears of it");
    assert!(!delivery.deliver(0, &raw(), &outcome(2), &|| clock.now()));
    let (counts, failed, _) = delivery.finish(clock.now());
    assert_eq!(failed.unwrap().to_string(), "here: gone");
    assert_eq!((failing.calls(), other.calls()), before, "nothing is delivered or closed after it");
    assert_eq!((counts.records_in, counts.records_out), (1, 1));
}

/// The end of a run is the last chance of every sink: one that fails there takes nothing from the others.
#[test]
fn every_sink_is_finished_and_the_first_failure_is_told() {
    let named = |place: &'static str| Recorder { fails: Some(101), place, ..Recorder::default() };
    let (first, second) = (named("first"), named("second"));
    let (before, between) = (Recorder::default(), Recorder::default());
    let after = Recorder { withholds: vec![101], ..Recorder::default() };
    let clock = Manual::default();
    let delivery = delivery(&[(0, &before), (1, &first), (2, &between), (3, &second), (4, &after)]);
    clock.set(100);
    for _ in 0..3 {
        assert!(delivery.deliver(0, &raw(), &outcome(5), &|| clock.now()));
    }
    clock.set(101);
    let (counts, failed, _) = delivery.finish(clock.now());
    assert_eq!(failed.unwrap().to_string(), "first: gone");
    for sink in [&before, &first, &between, &second, &after] {
        assert_eq!(sink.calls().last(), Some(&Call::Finish(101)));
    }
    assert!(counts.balance());
    assert_eq!((counts.records_out, counts.withheld), (2, 1), "what a later sink withholds still counts");
}

/// PI-3: what became due while a batch waited for its turn is judged when it is delivered. And the tick that comes
/// meanwhile waits for no turn.
#[test]
fn a_batch_that_waits_keeps_no_tick_waiting_and_is_judged_when_it_leaves() {
    let (sink, clock) = (Recorder::default(), Manual::default());
    let delivery = delivery(&[(0, &sink)]);
    let sequencer = Sequencer::new(vec![Work::new(0, 0)]);
    let work = || Work { input: 0, batch: raw(), outcome: outcome(1), abandoned: false };
    let deliver = |work: &Work| delivery.deliver(work.input, &work.batch, &work.outcome, &|| clock.now());
    clock.set(100);
    assert!(sequencer.hand_over(1, work(), deliver).is_some());
    assert_eq!(sink.calls(), [], "number 0 comes first");
    clock.set(200);
    assert!(delivery.tick(&|| clock.now()));
    assert!(sequencer.hand_over(0, work(), deliver).is_some());
    assert_eq!(sink.calls(), [Call::Tick(200), Call::Write(200), Call::Write(200)]);
}
