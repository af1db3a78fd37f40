//! `sluis filter`: standard input to standard output, the one-line way in.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::exit::{self, Failure};
use super::opened;
use super::report::{self, Stats};
use crate::config::plan::FormatSpec;
use crate::encode::Emit;
use crate::pipeline::build::{self, RouteSpec};
use crate::pipeline::delivery::Delivery;
use crate::pipeline::epochs::Epochs;
use crate::pipeline::refusals::Refusals;
use crate::pipeline::run::{Input, Surroundings, run};
use crate::pipeline::worker::{ClassChoice, SourcePlan, Worker};
use crate::policy::class::Policy;
use crate::record::timestamp::Timestamp;
use crate::sink::{SinkError, stdout::Stdout};
use crate::source::Source;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis filter --format combined < access.log > clean.log
  sluis filter --format combined --emit ndjson --keys /var/lib/sluis/keys --policy policy/web.toml access.log.1.gz
  sluis filter --format apache --log-format '%h %l %u %t \"%r\" %>s %b' --stats < access.log
  sluis filter --format nginx-error --time-zone Europe/Amsterdam < error.log

Formats: auto, common, combined, vhost_combined, nginx and apache (with --log-format), nginx-error, apache-error, json, text.")]
pub struct FilterArgs {
    /// Format of the input; `auto` decides on the first lines among the structured formats
    #[arg(long, short, default_value = "auto", value_name = "FORMAT")]
    format: String,
    /// The server's own format string, for `nginx` and `apache`
    #[arg(long, value_name = "STRING")]
    log_format: Option<String>,
    /// Time zone of logs that do not state one (IANA name, `Europe/Amsterdam`)
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Classify a variable or JSON key: `$the_real_ip=client.address`; may be repeated
    #[arg(long, value_name = "VARIABLE=FIELD")]
    map: Vec<String>,
    /// Policy file; left out: the built-in treatments, and no deadline, since nothing is stored
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Class of the policy that the input belongs to; needed when it has several
    #[arg(long, value_name = "NAME", requires = "policy")]
    class: Option<String>,
    /// Output of the policy that narrows what leaves
    #[arg(long, value_name = "NAME", requires = "policy")]
    output: Option<String>,
    /// Keyring; left out: a random key for this run
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value = "same")]
    emit: EmitArg,
    /// Worker threads
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print counts at the end, on standard error
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "table", require_equals = true)]
    stats: Option<Stats>,
    /// Judge deadlines as at this time (RFC 3339), for replays and tests
    #[arg(long, value_name = "TIME", value_parser = opened::as_of)]
    as_of: Option<Timestamp>,
    /// Say on standard error which records failed, why, and their shape (classes and lengths, never content)
    #[arg(long)]
    explain_failures: bool,
    /// Exit with code 3 when a record was quarantined
    #[arg(long)]
    strict: bool,
    /// Slots of the token cache of each worker; 0 switches it off
    #[arg(long, hide = true, default_value_t = crate::protect::cache::ENTRIES)]
    token_cache: usize,
    /// Bytes of a batch
    #[arg(long, hide = true, default_value_t = crate::source::BATCH_BYTES)]
    batch_bytes: usize,
    /// Files to read instead of standard input; gzip and zstd are recognised
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// `--emit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EmitArg {
    /// The server's own format, cleaned
    Same,
    /// One JSON object per line
    Ndjson,
}

impl From<EmitArg> for Emit {
    fn from(emit: EmitArg) -> Self {
        match emit {
            EmitArg::Same => Self::Same,
            EmitArg::Ndjson => Self::Ndjson,
        }
    }
}

/// Runs the command.
pub fn filter(arguments: &FilterArgs) -> Result<u8, Failure> {
    let started = Instant::now();
    let as_of = arguments.as_of;
    let clock = move || as_of.unwrap_or_else(opened::now);
    let policy = opened::policy(arguments.policy.as_deref())?;
    let keys = opened::keys(arguments.keys.as_deref(), &policy, clock())?;
    let mut sources = opened::sources(&arguments.files, clock)?;
    let plan = plan(arguments, &policy, &mut sources)?;

    let domains = || policy.domains.iter().map(|domain| domain.name.clone()).collect();
    let workers = (0..arguments.threads.map_or_else(opened::default_threads, usize::from))
        .map(|_| Worker::new(Epochs::new(keys.clone(), domains()), arguments.token_cache))
        .collect();
    let refusals = Refusals::discarding(arguments.explain_failures);
    let delivery = Delivery::new(vec![(0, Box::new(Stdout::open()) as Box<dyn crate::sink::Sink>)], Box::new(refusals));
    let stop = opened::stop_flag()?;
    let around = Surroundings { clock: &clock, stop: &stop, progress: &|_| {} };
    let format = plan.format.name();
    let inputs = vec![Input { sources, plan }];
    let ended = run(inputs, workers, delivery, 1, arguments.batch_bytes, &around);

    report::print(arguments.stats, &ended.counts, started.elapsed());
    finish(arguments, format, &ended)
}
