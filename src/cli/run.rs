//! `sluis run`: a pipeline file, until it is told to stop or its sources end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::exit::{self, Failure};
use super::keeping::keeping;
use super::lanes::{self, Asked, Brought};
use super::opened;
use super::outside::Outside;
use super::progress::Progress;
use super::report::{self, Stats};
use super::said;
use super::tables;
use super::upkeep::Upkeep;
use super::watch::{Machine, Watch};
use crate::config::plan::Plan;
use crate::keys::{Keys, harden};
use crate::pipeline::build;
use crate::pipeline::checkpoint::{Checkpoint, Saved};
use crate::pipeline::delivery::{ClassSink, Delivery};
use crate::pipeline::lane;
use crate::pipeline::offsets::Offsets;
use crate::pipeline::raw;
use crate::pipeline::refusals::Refusals;
use crate::pipeline::run::{Input, Surroundings, Turns, run as run_pipeline};
use crate::protect::cache::ENTRIES;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Journal;
use crate::source::follow::Until;
use crate::source::ledger::Ledger;
use crate::source::{Clock, SourceError};
use crate::telemetry::log;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis check pipeline.toml && sluis run pipeline.toml
  sluis run /etc/sluis/web.toml --once --stats

Files are followed as they grow and are rotated, until SIGTERM or SIGINT; with --once each is read to its end. Either way reading goes
on where the last run with the same 'state' left off. A pipe ends when its writer closes it.

Kafka topics are read by a lane per core until SIGTERM or SIGINT, in a consumer group with all other processes of the same 'group'; with
--once up to where they ended at the start. Topics that would keep a record too long are refused at its start: see sluis topics.
So are ClickHouse tables of another shape: see sluis tables.")]
pub struct RunArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// End at the end of input
    #[arg(long)]
    once: bool,
    /// Print counts at the end, on standard error
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "table", require_equals = true)]
    stats: Option<Stats>,
    /// Say on standard error which records failed, why, and their shape (classes and lengths, never content)
    #[arg(long)]
    explain_failures: bool,
    /// How what happens is said on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Human)]
    log_format: LogFormat,
    /// Exit with code 3 when a record was quarantined
    #[arg(long)]
    strict: bool,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// Sentences
    Human,
    /// One JSON object per line
    Json,
}

impl RunArgs {
    /// How log lines are written.
    pub const fn log_format(&self) -> log::Format {
        match self.log_format {
            LogFormat::Human => log::Format::Human,
            LogFormat::Json => log::Format::Json,
        }
    }
}

/// Runs the command.
pub fn run(arguments: &RunArgs) -> Result<u8, Failure> {
    let started = Instant::now();
    // Core dumps and debuggers would be copies of keys and of raw records.
    if !harden::make_undumpable() {
        said::warning("the process could not be made undumpable; switch core dumps off for it");
    }
    let plan = opened::pipeline(&arguments.pipeline)?;
    let built = build::sources(&plan).map_err(Failure::usage)?;
    let stop = opened::stop_flag()?;
    let mut watch = Watch::begin(plan.state.as_deref(), Machine::this())?;
    let outside = Outside::begin(&plan, &arguments.pipeline, watch.clock(), &stop)?;
    if arguments.once {
        // Whoever waits for its end is told at once.
        watch.trusted()?;
    } else if !watch.wait_at_start(&stop) {
        return Ok(exit::DONE);
    }
    let clock = Arc::clone(watch.clock());
    // Parts that the last run left encrypted and open cannot be finished without.
    let keys = keys(&plan, clock.now())?;
    let (mut upkeep, saved) = Upkeep::begin(&plan, &keys, &clock, arguments.once)?;
    if lanes::reads_topics(&plan) {
        let asked = Asked {
            once: arguments.once,
            stats: arguments.stats,
            explain: arguments.explain_failures,
            strict: arguments.strict,
        };
        return lanes::run(&plan, built, Brought { keys, upkeep, saved, watch, outside, stop }, asked);
    }
    let (until, turns) =
        if arguments.once { (Until::End, Turns::EndToEnd) } else { (Until::Stopped, Turns::Together) };
    let asked = Arc::clone(&clock);
    let asked: Clock = Arc::new(move || asked.now());
    let opened = opened::sources(&plan, until, saved.as_ref(), &asked)?;
    let (sources, ledgers): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    if let Some(upkeep) = &mut upkeep {
        upkeep.remove_raw(raw::places(&plan, |name| ledger_of(&ledgers, name)));
    }
    let progress = Progress::begin(if arguments.once {
        sources.iter().map(|source| source.progress()).collect()
    } else {
        Vec::new()
    });
    let threads = plan.threads.unwrap_or_else(opened::default_threads);
    let mut workers =
        build::workers(&keys, threads, ENTRIES, plan.policy.learned_names).map_err(Failure::usage)?;
    let sinks = if lane::writes_topics(&plan) {
        workers = lanes::sending(workers, &plan);
        lanes::topic_sinks(&plan, &built, &outside)?
    } else {
        tables::refuse_at_start(&plan, &built)?;
        build::sinks(&plan, &built.sources, &keys, &stop).map_err(Failure::downstream)?
    };
    let known = Positions { ledgers, offsets: None };
    let outputs = sinks.len();
    let delivery = delivery(&plan, sinks, (saved, known), arguments.explain_failures, clock.now())?;
    let delivery = delivery.metered(outside.metered(&plan));
    let now = || clock.now();
    let told = |error: &SourceError| said::note(error.to_string());
    let around = Surroundings {
        clock: &now,
        paused: clock.paused(),
        stop: &stop,
        progress: &|| progress.draw(),
        trouble: (!arguments.once).then_some(&told),
    };
    let inputs =
        sources.into_iter().zip(built.sources).map(|(source, plan)| Input { source, plan }).collect();
    outside.running();
    let ended = watch.watching(|| {
        keeping(&keys, upkeep, &now, clock.paused(), || {
            run_pipeline((inputs, turns), workers, delivery, outputs, plan.batch_bytes, &around)
        })
    });
    progress.clear();
    drop(outside);
    report::print(arguments.stats, &ended.counts, started.elapsed());
    report::finish(&ended, &plan, arguments.strict)
}

fn ledger_of(ledgers: &[Option<(String, Arc<Ledger>)>], wanted: &str) -> Option<Arc<Ledger>> {
    ledgers.iter().flatten().find(|(name, _)| name == wanted).map(|(_, ledger)| Arc::clone(ledger))
}

/// What a checkpoint writes down of sources.
pub(super) struct Positions {
    /// By input, of those that read files.
    pub ledgers: Vec<Option<(String, Arc<Ledger>)>>,
    /// Of topics.
    pub offsets: Option<Arc<Offsets>>,
}

/// The sinks with the quarantine and the checkpoint of the plan.
pub(super) fn delivery(
    plan: &Plan,
    sinks: Vec<ClassSink>,
    (saved, known): (Option<Saved>, Positions),
    explain: bool,
    now: Timestamp,
) -> Result<Delivery, Failure> {
    let names = plan.sources.iter().map(|source| source.name.clone()).collect();
    let refusals = Refusals::new(plan.quarantine.as_ref(), names, explain).map_err(Failure::downstream)?;
    let delivery = Delivery::new(sinks, Box::new(refusals));
    let (Some(saved), Some(state)) = (saved, &plan.state) else { return Ok(delivery) };
    let journal = Journal::open(state, now).map_err(Failure::downstream)?;
    let mut stores = build::stores(plan);
    stores.push((if plan.quarantine.is_some() { "quarantine" } else { "" }.to_owned(), None));
    let mut checkpoint = Checkpoint::new(saved, state, known.ledgers, stores, journal);
    if let Some(offsets) = known.offsets {
        checkpoint = checkpoint.of_partitions(offsets);
    }
    Ok(delivery.committing(Box::new(checkpoint)))
}

/// The keyring of the plan. `run` never makes one; a policy that pseudonymises nothing needs none.
fn keys(plan: &Plan, now: Timestamp) -> Result<Keys, Failure> {
    match &plan.keys {
        Some(dir) => opened::keys(dir, &plan.policy.domains, now),
        None => Keys::ephemeral(&plan.policy.domains).map_err(Failure::usage),
    }
}
