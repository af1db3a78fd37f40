//! `sluis run` from topics: lanes, what they are given, and what goes from the topics meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::TrustedClock;
use super::exit::{self, Failure};
use super::keeping::keeping;
use super::lane_facts::LaneFacts;
use super::outside::Outside;
use super::report::{self, Stats};
use super::run::{Positions, delivery};
use super::said;
use super::tables;
use super::topics;
use super::upkeep::{self, Upkeep};
use super::watch::Watch;
use crate::config::plan::{Plan, SourceKind, SourcePlan};
use crate::kafka::clock::BrokerClock;
use crate::kafka::eraser::Eraser;
use crate::kafka::live::LiveTopics;
use crate::kafka::topics::Cluster;
use crate::keys::Keys;
use crate::pipeline::build::{self, Built};
use crate::pipeline::checkpoint::{self, Saved};
use crate::pipeline::delivery::ClassSink;
use crate::pipeline::lane::{self, Around, Once, Setup, Store, TooLarge, Totals};
use crate::pipeline::run::Ended;
use crate::pipeline::worker::Worker;
use crate::protect::cache::ENTRIES;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Journal;
use crate::telemetry::fact::{MessageTooLarge, TopicName};

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
    /// Where the last run was.
    pub saved: Option<Saved>,
    /// The watch over its clock.
    pub watch: Watch,
    /// How it is seen.
    pub outside: Outside,
    /// Set by signals.
    pub stop: Arc<AtomicBool>,
}

/// What the user asked for.
#[derive(Clone, Copy)]
pub struct Asked {
    /// It ends where the topics end.
    pub once: bool,
    /// How counts are printed at the end.
    pub stats: Option<Stats>,
    /// Shapes of what fails are said.
    pub explain: bool,
    /// A record that was quarantined is a failure.
    pub strict: bool,
}

/// Runs lanes until told to stop, or to the end.
pub fn run(plan: &Plan, built: Built, brought: Brought, asked: Asked) -> Result<u8, Failure> {
    let started = Instant::now();
    let Brought { keys, upkeep, saved, watch, outside, stop } = brought;
    let kafka = plan.kafka.as_ref().ok_or_else(|| Failure::usage("the pipeline has no [kafka]"))?;
    let (cluster, live) = topics::refuse_at_start(plan)?;
    let lanes = kafka.lanes.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let instance = kafka.instance.clone().map_or_else(host, Ok)?;
    let sinks = if lane::writes_topics(plan) {
        None
    } else {
        tables::refuse_at_start(plan, &built)?;
        Some(build::sinks(plan, &built.sources, &keys, &stop).map_err(Failure::downstream)?)
    };
    let mut setup = Setup::new(plan, built, instance, lanes).map_err(Failure::usage)?;
    setup.message_bytes_max = live.message_bytes_max();
    setup.once = asked.once.then(|| Once::new(live.input_partitions()));
    let live = Arc::new(RwLock::new(live));
    let judge = Arc::clone(&live);
    setup.checked = Some(Box::new(move |(topic, number)| {
        judge.read().unwrap_or_else(PoisonError::into_inner).may_read(topic, *number).is_ok()
    }));
    let workers = build::workers(&keys, lanes, ENTRIES, plan.policy.learned_names).map_err(Failure::usage)?;
    let clock: Arc<TrustedClock> = Arc::clone(watch.clock());
    let now = || clock.now();
    if let Some(sinks) = sinks {
        setup.store = Some(store(plan, sinks, saved, (&outside, asked), clock.now())?);
    }
    let (totals, facts) = (Totals::default(), LaneFacts::new(plan, &outside, &now));
    let around = Around { clock: &now, paused: clock.paused(), stop: &stop, events: &facts };
    let state = upkeep::state(plan)?;
    let journal = Journal::open(state, clock.now()).map_err(Failure::downstream)?;
    let eraser = Erasing {
        cluster,
        live,
        asked: Instant::now(),
        journal,
        eraser: Eraser::new(&kafka.group),
        clocks: Clocks { known: BrokerClock::default(), next: Instant::now(), is_first: true },
        clock: &clock,
    };
    outside.running();
    let ended = watch.watching(|| {
        keeping(&keys, upkeep, &now, clock.paused(), || {
            erasing(eraser, &facts, || lane::run(&setup, workers, &totals, &around));
            setup.store.take().map(|store| store.into_delivery().finish(now()))
        })
    });
    let counts = ended.as_ref().map_or_else(|| totals.counts(), |(counts, ..)| counts.clone());
    report::print(asked.stats, &counts, started.elapsed());
    if facts.has_panicked() {
        return Err(Failure::downstream(
            "a lane was ended by a bug; what was open is aborted, and read again by the next run",
        ));
    }
    let is_refused = asked.strict && counts.quarantined() > 0;
    match ended {
        Some((counts, sink_failed, resembles)) => report::finish(
            &Ended { counts, sink_failed, sources_failed: Vec::new(), resembles },
            plan,
            asked.strict,
        ),
        None => Ok(if is_refused { exit::QUARANTINED } else { exit::DONE }),
    }
}

/// What lanes deliver to that is no topic: sinks and quarantine of this host, and the checkpoint that has their positions.
fn store(
    plan: &Plan,
    sinks: Vec<ClassSink>,
    saved: Option<Saved>,
    (outside, asked): (&Outside, Asked),
    now: Timestamp,
) -> Result<Store, Failure> {
    let state = upkeep::state(plan)?;
    let group = plan.kafka.as_ref().map_or("", |kafka| kafka.group.as_str());
    let saved = saved.map_or_else(|| checkpoint::load(state), Ok).map_err(Failure::downstream)?;
    let offsets = saved.offsets(group, state).map_err(Failure::downstream)?;
    let known = Positions { ledgers: Vec::new(), offsets: Some(Arc::clone(&offsets)) };
    let outputs = sinks.len();
    let delivery = delivery(plan, sinks, (Some(saved), known), asked.explain, now)?;
    Ok(Store::new(delivery.metered(outside.metered(plan)), offsets, outputs))
}

/// The topics of a pipeline that reads none, as sinks; they are judged before.
pub fn topic_sinks(plan: &Plan, built: &Built, outside: &Outside) -> Result<Vec<ClassSink>, Failure> {
    let (_, live) = topics::refuse_at_start(plan)?;
    let log = Arc::clone(&outside.log);
    let too_large: TooLarge = Arc::new(move |topic, bytes| {
        if let Some(topic) = TopicName::new(topic) {
            log.tell(&MessageTooLarge { topic, bytes });
        }
    });
    let sources: Vec<_> = built.sources.iter().collect();
    lane::topic_sinks(plan, &sources, live.message_bytes_max(), &too_large).map_err(Failure::downstream)
}

/// Workers of such a pipeline.
pub fn sending(workers: Vec<Worker>, plan: &Plan) -> Vec<Worker> {
    let lateness = |source: &SourcePlan| i64::try_from(source.max_lateness_seconds).unwrap_or(i64::MAX);
    let lateness: Vec<i64> = plan.sources.iter().map(lateness).collect();
    workers.into_iter().map(|worker| worker.sending(lateness.clone())).collect()
}

/// What takes from topics what is due.
struct Erasing<'a> {
    cluster: Cluster,
    live: Arc<RwLock<LiveTopics>>,
    /// When the topics were looked at last.
    asked: Instant,
    journal: Journal,
    eraser: Eraser,
    clocks: Clocks,
    clock: &'a TrustedClock,
}

/// What is known of the brokers' clocks, and when they are looked at next.
struct Clocks {
    known: BrokerClock,
    next: Instant,
    is_first: bool,
}

/// How often it is looked whether a topic is due; what is due when is the eraser's to say.
const LOOK: Duration = Duration::from_secs(1);

/// How often topics are held against the plan while it runs: they come, go and are altered.
const ASKED_EVERY: Duration = Duration::from_mins(1);

/// How often clocks of brokers are looked at, and how soon after the first look, which alone does not tell whether one is behind.
const CLOCKS_EVERY: Duration = Duration::from_secs(30);
const CLOCKS_SOON: Duration = Duration::from_secs(5);

/// Runs `run`, and takes meanwhile from the topics what is due. A thread of its own: brokers may take their time, and no lane should.
fn erasing(mut erasing: Erasing<'_>, facts: &LaneFacts<'_>, run: impl FnOnce()) {
    thread::scope(|scope| {
        let (running, ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            let mut said = Vec::new();
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                erasing.look(facts, &mut said);
                erasing.look_at_clocks(facts);
            }
            let end = erasing.clock.now();
            if let Err(error) = erasing.eraser.end(end, &mut erasing.journal) {
                said::warning(error.to_string());
            }
        });
        run();
        drop(running);
    });
}

impl Erasing<'_> {
    /// The first time at once, so that the next tells something. What cannot be asked is said by whoever else asks.
    fn look_at_clocks(&mut self, facts: &LaneFacts<'_>) {
        let Clocks { known, next, is_first } = &mut self.clocks;
        let is_paused = self.clock.paused().load(Ordering::Acquire);
        if is_paused || Instant::now() < *next {
            return;
        }
        *next = Instant::now() + if *is_first { CLOCKS_SOON } else { CLOCKS_EVERY };
        *is_first = false;
        let stamped = self.live.read().unwrap_or_else(PoisonError::into_inner).stamped().clone();
        if let Ok(apart) = known.look(&self.cluster, &stamped, || self.clock.now()) {
            facts.clocks(apart.as_ref());
        }
    }

    fn look(&mut self, facts: &LaneFacts<'_>, said: &mut Vec<String>) {
        // The clock first: it may find only now that it jumped.
        let now: Timestamp = self.clock.now();
        if self.clock.paused().load(Ordering::Acquire) || self.eraser.next().is_some_and(|next| next > now) {
            return;
        }
        self.cluster.keep();
        let mut problems = Vec::new();
        if self.asked.elapsed() >= ASKED_EVERY {
            self.asked = Instant::now();
            // Asked without the lock: lanes wait for nobody.
            let wanted = self.live.read().unwrap_or_else(PoisonError::into_inner).wanted().clone();
            match LiveTopics::ask(&self.cluster, wanted) {
                Ok(live) => {
                    problems.extend(live.refusals().map(ToString::to_string));
                    *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        let held = facts.held();
        if !held.is_empty() {
            let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
            let errors = self.eraser.round(&self.cluster, &live, &held, now, &mut self.journal);
            problems.extend(errors.iter().map(ToString::to_string));
        }
        // What stays wrong is said once.
        for problem in problems.iter().filter(|problem| !said.contains(problem)) {
            said::warning(problem.as_str());
        }
        *said = problems;
    }
}

/// The name of this host, or pod: stable over restarts where the platform keeps it.
fn host() -> Result<String, Failure> {
    let of_system = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = std::env::var("HOSTNAME").ok().or_else(of_system);
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::usage("this host has no name; write 'instance' in [kafka]: a name that no other process has and that stays over restarts")
    })
}
