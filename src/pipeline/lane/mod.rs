//! From Kafka: lanes that share nothing, or a [`Store`] where they do not write to topics.
//!
//! ```text
//! lane (one thread):   consumer ──▶ batch ──▶ worker ──▶ frames ──▶ producer
//!                         ▲  group events      (own buffers)            │
//!                         └────── positions, in the same transaction ◀──┘
//! ```
//! *In*: the topics of a plan. *Out*: clean messages, and positions of the consumer group. *Promised* (PI-9): under exactly once, what a
//! round read and what it wrote become facts in one transaction or not at all; under at least once, positions follow receipts. Records
//! stay in order per input partition. A round that cannot be ended is aborted and read again from where the *group* says it is. *Not
//! here*: what brokers are told (`kafka`), what is done to a record (`worker`).
//!
//! **Files instead of topics.** There lanes have no producer: they hand what they read to the delivery of all other pipelines, which they
//! share, and commit to the group what its checkpoints have ([`store`]).
//!
//! **Who may commit.** The group's metadata is taken when an assignment is taken on, and at no other time. A lane that has lost its
//! partitions without knowing it (frozen, cut off) proves its old generation with every commit and is refused by the broker (KIP-447); it
//! then discards what it has and reads nothing until the group speaks again. Metadata asked for at commit would name a generation that
//! the records were not read in, and they would be doubled.
//!
//! **A lane that hangs** inside a call that does not come back is ended by the watchdog, with its process: the broker aborts its
//! transaction when its time is over.
//!
//! Chosen on 2026-11-27: an abort, rather than a commit under time pressure, whenever a transaction is open while the group changes and the
//! commit is refused; it costs the work of one round, a tenth of a second.

mod batch;
mod carry;
mod event;
mod held;
mod live;
mod once;
mod parts;
mod payload;
mod rate;
mod round;
mod setup;
mod store;
mod topic_sink;
mod watchdog;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub use event::{LaneEvent, LaneEvents};
pub use once::Once;
pub use setup::{Output, Setup, writes_topics};
pub use store::Store;
pub use topic_sink::{TooLarge, topic_sinks};
pub use watchdog::Beat;

use super::counts::Counts;
use super::worker::Worker;
use crate::record::timestamp::Timestamp;
use live::Lane;

/// What lanes may not decide themselves.
pub struct Around<'a> {
    /// The time at which records are judged.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Set while the clock is not to be trusted: nothing is taken.
    pub paused: &'a AtomicBool,
    /// Set by SIGTERM and SIGINT: the round at hand is ended, then the group is left.
    pub stop: &'a AtomicBool,
    /// Is told what happens.
    pub events: &'a dyn LaneEvents,
}

/// What lanes have done together: added up when a round is a fact.
#[derive(Default)]
pub struct Totals(Mutex<Counts>);

impl Totals {
    fn add(&self, counts: &Counts) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(counts);
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Between two tries of a lane that cannot go on, at first and at most.
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Runs a lane per worker until told to stop.
pub fn run(setup: &Setup, workers: Vec<Worker>, totals: &Totals, around: &Around<'_>) {
    let beats: Vec<Beat> = workers.iter().map(|_| Beat::default()).collect();
    let is_over = AtomicBool::new(false);
    let (beats, is_over) = (&beats, &is_over);
    thread::scope(|scope| {
        let lanes: Vec<_> = workers
            .into_iter()
            .zip(beats)
            .enumerate()
            .map(|(number, (worker, beat))| {
                scope.spawn(move || keep(number, worker, setup, (totals, beat), around))
            })
            .collect();
        let drain = Duration::from_secs(setup.kafka.drain_seconds);
        scope.spawn(move || watchdog::watch(beats, drain, is_over, around));
        for lane in lanes {
            // A bug in one lane must not leave the others waiting; the panic itself was said.
            if lane.join().is_err() {
                around.events.tell(LaneEvent::Panicked);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// One lane, begun anew whenever it cannot go on.
fn keep(
    number: usize,
    mut worker: Worker,
    setup: &Setup,
    (totals, beat): (&Totals, &Beat),
    around: &Around<'_>,
) {
    let mut backoff = BACKOFF;
    while !around.stop.load(Ordering::Relaxed) {
        beat.now();
        let ended = Lane::open(number, setup, &mut worker, totals, beat, around).and_then(|mut lane| {
            around.events.tell(LaneEvent::Started { lane: number });
            let ended = lane.live();
            // One that has delivered something is likely to do so again.
            if lane.has_committed {
                backoff = BACKOFF;
            }
            beat.now();
            if ended.is_ok() {
                lane.leave();
            }
            ended
        });
        let Err(error) = ended else { break };
        around.events.tell(LaneEvent::Restarts { lane: number, error: &error });
        wait(backoff, around.stop, beat);
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
    beat.end();
}

fn wait(time: Duration, stop: &AtomicBool, beat: &Beat) {
    let mut left = time;
    while !left.is_zero() && !stop.load(Ordering::Relaxed) {
        let step = left.min(Duration::from_millis(50));
        thread::sleep(step);
        left -= step;
        beat.now();
    }
}
