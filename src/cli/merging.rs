//! Small parts of Parquet are merged, and those whose stage ends are narrowed, while a pipeline runs, in a thread of its own, and by `sluis sweep`.
//!
//! A merge reads and writes for seconds: workers do not wait for it, nor do sweeps.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::exit::Failure;
use super::said;
use super::upkeep;
use crate::config::plan::{Form, Plan, SinkKind};
use crate::keys::Keys;
use crate::keys::storage::margin_seconds as margin_of;
use crate::pipeline::checkpoint;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Journal;
use crate::retention::sweep::Turn;
use crate::sink::merge::{self, Around, MergeError, Merged, Merger, Rhythm};

/// A bucket that got no part for as long as a part is open may get none any more; within these bounds.
const QUIET_SECONDS: std::ops::RangeInclusive<u64> = 10..=300;
/// How often the stores are looked at within that time.
const LOOKS: u32 = 10;
/// What the thread that merges adds to its niceness: it takes what workers leave.
const NICE: i32 = 10;

/// How long a start waits for the turn to end a merge that broke off, and how often it asks.
const TURN_WAIT: Duration = Duration::from_millis(50);
const TURN_ASKED: u32 = 600;

/// Ends a merge that the last run broke off, if it did.
pub fn finish(state: &Path, journal: &mut Journal, now: Timestamp) -> Result<(), Failure> {
    for _ in 0..TURN_ASKED {
        if !merge::is_pending(state) {
            return Ok(());
        }
        if let Some(_turn) = Turn::take(state).map_err(Failure::downstream)? {
            return merge::finish(state, journal, now).map(|_| ()).map_err(Failure::downstream);
        }
        std::thread::sleep(TURN_WAIT);
    }
    Err(Failure::downstream(
        "a sweep is at work, and a merge of parts waits to be ended first; start again when it is done",
    ))
}

/// Merges the stores of a pipeline.
pub struct Merging {
    merger: Merger,
    every: Duration,
    /// What was last said to be wrong: said once, until it changes.
    said: String,
}

impl Merging {
    /// Of `plan`, whose state directory is there; nothing where it stores no Parquet.
    pub fn of(
        plan: &Plan,
        state: &Path,
        margin_seconds: u64,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        let places =
            upkeep::places_of(plan, |kind| matches!(kind, SinkKind::File { form: Form::Parquet, .. }));
        if places.is_empty() {
            return Ok(None);
        }
        let open = plan.sinks.iter().filter_map(|sink| match &sink.kind {
            SinkKind::File { part_seconds_max, form: Form::Parquet, .. } => Some(*part_seconds_max),
            _ => None,
        });
        let quiet_seconds = open.max().unwrap_or(0).clamp(*QUIET_SECONDS.start(), *QUIET_SECONDS.end());
        let rhythm = Rhythm { margin_seconds, quiet_seconds };
        // Several looks come between the time when a part can be narrowed and that when it must be gone.
        let narrows = places.iter().filter(|place| !place.lives.later.is_empty());
        let shortest = narrows.map(|place| margin_of(place.lives.first_seconds)).min();
        let every = Duration::from_secs(quiet_seconds) / LOOKS;
        let every = shortest.map_or(every, |margin| every.min(Duration::from_secs(margin) / 2));
        let merger = Merger::open(state, places, rhythm, now).map_err(Failure::downstream)?;
        Ok(Some(Self { merger, every, said: String::new() }))
    }

    /// Merges encrypted parts, too, with the keys of a keyring.
    pub fn with_keys(mut self, keys: &Keys) -> Self {
        self.merger = self.merger.with_keys(keys);
        self
    }

    /// Merges now and then, until `ended` is hung up; nothing while `paused`.
    pub fn run(mut self, clock: &dyn Fn() -> Timestamp, paused: &AtomicBool, ended: &Receiver<()>) {
        // Of this thread alone. Where it may not be had, merges have a worker's share.
        let _ = rustix::process::nice(NICE);
        // Nothing is ever sent: it is hung up when the run is over.
        let goes_on = || ended.try_recv() == Err(TryRecvError::Empty) && !paused.load(Ordering::Acquire);
        while ended.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
            if !goes_on() {
                continue;
            }
            // What checkpoints count on was made visible when the run began, or is hidden.
            let counted = || Some(BTreeSet::new());
            let around =
                Around { now: clock, goes_on: &goes_on, counted: &counted, say: &|text| said::warning(text) };
            let done = self.merger.narrow(around).and_then(|_| self.merger.merge(around));
            let trouble = done.err().map(|error| error.to_string()).unwrap_or_default();
            if !trouble.is_empty() && trouble != self.said {
                said::warning(trouble.as_str());
            }
            self.said = trouble;
        }
    }

    /// Narrows every part whose stage ends soon, or has ended while nobody looked, before a sweep takes it. `counted` as for a merge.
    pub fn narrow(
        &mut self,
        counted: &dyn Fn() -> Option<BTreeSet<String>>,
        clock: &dyn Fn() -> Timestamp,
    ) -> Result<Merged, MergeError> {
        let around = Around { now: clock, goes_on: &|| true, counted, say: &|text| said::warning(text) };
        self.merger.narrow(around)
    }

    /// Merges all there is to merge, while no run of this pipeline waits to bring parts back.
    pub fn once(&mut self, state: &Path, clock: &dyn Fn() -> Timestamp) -> Result<Merged, MergeError> {
        let counted = || checkpoint::counted_on(state).ok();
        let around =
            Around { now: clock, goes_on: &|| true, counted: &counted, say: &|text| said::warning(text) };
        self.merger.merge(around)
    }
}
