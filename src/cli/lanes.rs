//! `sluis run` between topics: lanes, and what they say.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clock::TrustedClock;
use super::exit::{self, Failure};
use super::keeping::keeping;
use super::report::{self, Stats};
use super::upkeep::Upkeep;
use super::watch::Watch;
use crate::config::plan::{Plan, SourceKind};
use crate::keys::Keys;
use crate::pipeline::build::{self, Built};
use crate::pipeline::lane::{self, Around, LaneEvent, LaneEvents, Setup, Totals};
use crate::protect::cache::ENTRIES;

/// Whether a plan reads topics.
pub fn reads_topics(plan: &Plan) -> bool {
    plan.sources.iter().any(|source| matches!(source.kind, SourceKind::Kafka(_)))
}

/// What a run brings along.
pub struct Brought {
    /// Its keys.
    pub keys: Keys,
    /// What it owes its stores.
    pub upkeep: Option<Upkeep>,
    /// The watch over its clock.
    pub watch: Watch,
    /// Set by signals.
    pub stop: Arc<AtomicBool>,
}

/// Runs lanes until told to stop.
pub fn run(plan: &Plan, built: Built, brought: Brought, stats: Option<Stats>) -> Result<u8, Failure> {
    let started = Instant::now();
    let Brought { keys, upkeep, watch, stop } = brought;
    let kafka = plan.kafka.as_ref().ok_or_else(|| Failure::usage("the pipeline has no [kafka]"))?;
    let lanes = kafka.lanes.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let instance = kafka.instance.clone().map_or_else(host, Ok)?;
    let setup = Setup::new(plan, built, instance, lanes).map_err(Failure::usage)?;
    let workers = build::workers(&keys, lanes, ENTRIES, plan.policy.learned_names).map_err(Failure::usage)?;
    let clock: Arc<TrustedClock> = Arc::clone(watch.clock());
    let now = || clock.now();
    let (totals, says) = (Totals::default(), Says::new());
    let around = Around { clock: &now, paused: clock.paused(), stop: &stop, events: &says };
    watch.watching(|| {
        keeping(&keys, upkeep, &now, clock.paused(), || lane::run(&setup, workers, &totals, &around));
    });
    let counts = totals.counts();
    report::print(stats, &counts, started.elapsed());
    if says.has_panicked.load(Ordering::Relaxed) {
        return Err(Failure::downstream("a lane ended by a bug; what was open is aborted, and read again by the next run"));
    }
    Ok(exit::DONE)
}

/// The name of this host, or pod: stable over restarts where the platform keeps it.
fn host() -> Result<String, Failure> {
    let of_system = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = std::env::var("HOSTNAME").ok().or_else(of_system);
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::usage("this host has no name; write 'instance' in [kafka]: a name that no other process has and that stays over restarts")
    })
}

/// How often one kind of fact is said, at most.
const SAID_EVERY: Duration = Duration::from_secs(20);

/// Says what lanes tell on standard error. A kind of fact that comes often is said now and then, with how often it came.
struct Says {
    said: Mutex<HashMap<&'static str, (Instant, u64)>>,
    has_panicked: AtomicBool,
}

impl Says {
    fn new() -> Self {
        Self { said: Mutex::default(), has_panicked: AtomicBool::new(false) }
    }

    /// How many facts of this kind were not said since the last that was, when one is to be said now.
    fn unsaid(&self, kind: &'static str) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, unsaid) = match said.get_mut(kind) {
            Some(known) if known.0.elapsed() < SAID_EVERY => {
                known.1 += 1;
                return None;
            }
            Some(known) => *known,
            None => (Instant::now(), 0),
        };
        let _ = when;
        said.insert(kind, (Instant::now(), 0));
        Some(unsaid)
    }
}

impl LaneEvents for Says {
    fn tell(&self, event: LaneEvent<'_>) {
        match event {
            LaneEvent::Panicked => self.has_panicked.store(true, Ordering::Relaxed),
            LaneEvent::Hung { .. } | LaneEvent::Overdue { .. } => {
                anstream::eprintln!("sluis: ALARM: {event}");
                // What is open is aborted by the broker, and read again by the next run: nothing is lost, nothing doubled.
                std::process::exit(i32::from(exit::DOWNSTREAM));
            }
            _ => {}
        }
        if event.is_routine() {
            return;
        }
        if let Some(unsaid) = self.unsaid(event.name()) {
            let more = if unsaid > 0 { format!(" ({unsaid} more like it before)") } else { String::new() };
            anstream::eprintln!("sluis: {event}{more}");
        }
    }
}
