//! `sluis filter`: standard input to standard output, the one-line way in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::Args;

use super::exit::Failure;
use super::keeping::keeping;
use super::opened;
use super::report::{self, Stats};
use crate::config::format_spec::FormatSpec;
use crate::encode::Emit;
use crate::format::{Format, FormatError};
use crate::keys::{Keys, harden};
use crate::pipeline::build::{self, RouteSpec};
use crate::pipeline::delivery::Delivery;
use crate::pipeline::refusals::Refusals;
use crate::pipeline::run::{Input, Surroundings, Turns, run};
use crate::pipeline::worker::{ClassChoice, SourcePlan};
use crate::policy::class::{Policy, View};
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;
use crate::sink::Sink;
use crate::sink::stdout::Stdout;
use crate::source::file::Files;
use crate::source::peek::Peeked;
use crate::source::stdin::Stdin;
use crate::source::{Bounds, Clock, Fill, Source};

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
    /// Names learned across records at most, whatever the policy says; 0 switches it off
    #[arg(long, hide = true, value_name = "N")]
    learned_names: Option<usize>,
    /// Bytes of a batch
    #[arg(long, hide = true, default_value_t = Bounds::default().batch_bytes)]
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
    harden::make_undumpable();
    let as_of = arguments.as_of;
    let clock = move || as_of.unwrap_or_else(opened::now);
    let policy = opened::policy(arguments.policy.as_deref())?;
    let (source, format, format_name) = source(arguments, &policy, Arc::new(clock))?;
    let keys = keys(arguments, &policy, clock())?;
    let route = RouteSpec {
        class: class(arguments, &policy)?,
        view: view(arguments, &policy)?,
        emit: arguments.emit.into(),
        output: 0,
        sink: 0,
    };
    let threads = arguments.threads.map_or_else(opened::default_threads, usize::from);
    let names = arguments.learned_names.unwrap_or(policy.learned_names);
    let workers = build::workers(&keys, threads, arguments.token_cache, names).map_err(Failure::usage)?;
    let stdout = Stdout::open().map_err(Failure::downstream)?;
    let delivery = Delivery::new(
        vec![(route.class, Box::new(stdout) as Box<dyn Sink>)],
        Box::new(Refusals::discarding(arguments.explain_failures)),
    );
    let classes = build::classes(&policy, format.parser(), &[route]);
    let plan = SourcePlan { format, choice: ClassChoice::Fixed(route.class), classes, alone: None };
    let stop = opened::stop_flag()?;
    // There is nowhere to say that the clock is right again, and nothing stored that a pause would save.
    let paused = AtomicBool::new(false);
    let around =
        Surroundings { clock: &clock, paused: &paused, stop: &stop, progress: &|| {}, trouble: None };
    let inputs = (vec![Input { source, plan }], Turns::EndToEnd);
    let ended = keeping(&keys, None, &clock, &paused, || {
        run(inputs, workers, delivery, 1, arguments.batch_bytes, &around)
    });
    report::print(arguments.stats, &ended.counts, started.elapsed());
    report::end(&ended, format_name, "discarded", arguments.strict)
}

/// The keyring, or a random key for this run. `--as-of` never writes a keyring.
fn keys(arguments: &FilterArgs, policy: &Policy, now: Timestamp) -> Result<Keys, Failure> {
    let Some(dir) = &arguments.keys else {
        anstream::eprintln!(
            "sluis: no --keys: tokens use a random key of this run and match those of no other run"
        );
        return Keys::ephemeral(&policy.domains).map_err(Failure::usage);
    };
    if arguments.as_of.is_some() {
        return Keys::open_read_only(dir, &policy.domains, now).map_err(Failure::usage);
    }
    opened::keys(dir, &policy.domains, now)
}

fn class(arguments: &FilterArgs, policy: &Policy) -> Result<usize, Failure> {
    let names = || policy.classes.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ");
    match &arguments.class {
        Some(name) => policy
            .class(name)
            .ok_or_else(|| Failure::usage(format!("the policy has no class '{name}'; it has: {}", names()))),
        None if policy.classes.len() == 1 => Ok(0),
        None => Err(Failure::usage(format!(
            "the policy has several classes; add --class with one of: {}",
            names()
        ))),
    }
}

fn view<'p>(arguments: &FilterArgs, policy: &'p Policy) -> Result<Option<&'p View>, Failure> {
    let Some(name) = &arguments.output else { return Ok(None) };
    let known = || policy.views.iter().map(|view| view.name.as_str()).collect::<Vec<_>>().join(", ");
    policy
        .view(name)
        .map(Some)
        .ok_or_else(|| Failure::usage(format!("the policy has no output '{name}'; it has: {}", known())))
}

/// The input and its format. Under `auto` the first batch is read to decide.
fn source(
    arguments: &FilterArgs,
    policy: &Policy,
    clock: Clock,
) -> Result<(Box<dyn Source>, Format, &'static str), Failure> {
    let bounds = Bounds { batch_bytes: arguments.batch_bytes.max(1), ..Bounds::default() };
    let mut source: Box<dyn Source> = if arguments.files.is_empty() {
        Box::new(Stdin::open(bounds, clock).map_err(Failure::downstream)?)
    } else {
        Box::new(Files::of(&arguments.files, bounds, clock).map_err(Failure::downstream)?)
    };
    let spec =
        FormatSpec::from_flags(&arguments.format, arguments.log_format.as_deref()).map_err(Failure::usage)?;
    let zone = arguments.time_zone.as_deref().map(build::zone).transpose().map_err(Failure::usage)?;
    let variables = variables(arguments, policy)?;
    if spec != FormatSpec::Auto {
        let format =
            build::compile(&spec, zone, &variables).map_err(|error| format_failure(&spec, &error))?;
        return Ok((source, format, spec.name()));
    }
    let mut first = RawBatch::with_capacity(arguments.batch_bytes);
    let lines = build::compile(&FormatSpec::Text, None, &variables).map_err(Failure::usage)?;
    while matches!(
        source.fill(lines.parser(), &mut first).map_err(Failure::downstream)?,
        Fill::Silence | Fill::Waiting
    ) {}
    let decided = build::decide(&first.bytes, zone.as_ref(), &variables).map_err(Failure::usage)?;
    anstream::eprintln!("sluis: format decided on the first lines: {}", decided.name());
    let format = build::compile(&decided, zone, &variables).map_err(Failure::usage)?;
    Ok((Box::new(Peeked::new(source, first)), format, decided.name()))
}

/// What the user classified: in the policy, then with `--map`.
fn variables(arguments: &FilterArgs, policy: &Policy) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = policy.classified();
    for given in &arguments.map {
        let Some((variable, field)) = given.rsplit_once('=') else {
            return Err(Failure::usage("--map wants VARIABLE=FIELD, as in '$the_real_ip=client.address'"));
        };
        if !crate::record::field::is_well_formed(field) {
            return Err(Failure::usage(format!(
                "--map: '{field}' is no field; write one of the field table, lower case with dots"
            )));
        }
        variables.insert(variable.to_owned(), field.to_owned());
    }
    Ok(variables)
}

/// What is wrong with a format string, with a caret under the place.
fn format_failure(spec: &FormatSpec, error: &FormatError) -> Failure {
    let (FormatSpec::Nginx(text) | FormatSpec::Apache(text)) = spec else { return Failure::usage(error) };
    Failure::usage(error.shown(text))
}
