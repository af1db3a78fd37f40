//! `sluis run`: a pipeline file, to the end of its sources.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::exit::{self, Failure};
use super::keeping::keeping;
use super::opened;
use super::progress::Progress;
use super::report::{self, Stats};
use super::upkeep::Upkeep;
use super::watch::{Machine, Watch};
use crate::config::plan::Plan;
use crate::keys::{Keys, harden};
use crate::pipeline::build;
use crate::pipeline::delivery::Delivery;
use crate::pipeline::refusals::Refusals;
use crate::pipeline::run::{Input, Surroundings, run as run_pipeline};
use crate::protect::cache::ENTRIES;
use crate::record::timestamp::Timestamp;
use crate::source::Clock;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis check pipeline.toml && sluis run pipeline.toml --once
  sluis run /etc/sluis/web.toml --once --stats

Every source is read to its end once; following a file comes in a later version, so --once is what happens anyway.")]
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
    /// Exit with code 3 when a record was quarantined
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
pub fn run(arguments: &RunArgs) -> Result<u8, Failure> {
    let started = Instant::now();
    // Core dumps and debuggers would be copies of keys and of raw records.
    if !harden::make_undumpable() {
        anstream::eprintln!(
            "sluis: warning: the process could not be made undumpable; switch core dumps off for it"
        );
    }
    let plan = opened::pipeline(&arguments.pipeline)?;
    let built = build::sources(&plan).map_err(Failure::usage)?;
    let stop = opened::stop_flag()?;
    let mut watch = Watch::begin(plan.state.as_deref(), Machine::this())?;
    if arguments.once {
        // Whoever waits for its end is told at once.
        watch.trusted()?;
    } else if !watch.wait_at_start(&stop) {
        return Ok(exit::DONE);
    }
    let clock = Arc::clone(watch.clock());
    let mut upkeep = Upkeep::begin(&plan, &clock)?;
    let keys = keys(&plan, upkeep.as_mut(), clock.now())?;
    let asked = Arc::clone(&clock);
    let sources = opened::sources(&plan, &(Arc::new(move || asked.now()) as Clock))?;
    let progress = Progress::begin(sources.iter().map(|source| source.progress()).collect());
    let threads = plan.threads.unwrap_or_else(opened::default_threads);
    let workers =
        build::workers(&keys, threads, ENTRIES, plan.policy.learned_names).map_err(Failure::usage)?;
    let sinks = build::sinks(&plan).map_err(Failure::downstream)?;
    let outputs = sinks.len();
    let names = plan.sources.iter().map(|source| source.name.clone()).collect();
    let refusals = Refusals::new(plan.quarantine.as_ref(), names, arguments.explain_failures)
        .map_err(Failure::downstream)?;
    let delivery = Delivery::new(sinks, Box::new(refusals));
    let now = || clock.now();
    let around =
        Surroundings { clock: &now, paused: clock.paused(), stop: &stop, progress: &|| progress.draw() };
    let inputs =
        sources.into_iter().zip(built.sources).map(|(source, plan)| Input { source, plan }).collect();
    let ended = watch.watching(|| {
        keeping(&keys, upkeep, &now, clock.paused(), || {
            run_pipeline(inputs, workers, delivery, outputs, plan.batch_bytes, &around)
        })
    });
    progress.clear();
    report::print(arguments.stats, &ended.counts, started.elapsed());
    let kept = if plan.quarantine.is_some() { "sealed to the quarantine's recipients" } else { "discarded" };
    let format = plan.sources.first().map_or("", |source| source.format.name());
    report::finish(&ended, format, kept, arguments.strict)
}

/// The keyring of the plan. `run` never makes one; a policy that pseudonymises nothing needs none.
fn keys(plan: &Plan, upkeep: Option<&mut Upkeep>, now: Timestamp) -> Result<Keys, Failure> {
    match &plan.keys {
        Some(dir) => {
            let (keys, events) = opened::keys_and_events(dir, &plan.policy.domains, now)?;
            if let Some(upkeep) = upkeep {
                upkeep.keys_changed(now, &events);
            }
            Ok(keys)
        }
        None => Keys::ephemeral(&plan.policy.domains).map_err(Failure::usage),
    }
}
