//! The command line: one small file per command.
//!
//! *In*: arguments. *Out*: output on standard output, everything said to a person on standard error, an exit code.
//! *Promised*: errors name the thing, the place and the remedy, and never quote a record; a panic prints where, never what.
//! *Not here*: what the commands do (`pipeline`, `keys`, `config`).

mod audit;
mod check;
mod check_kafka;
mod clock;
mod exit;
mod explain;
mod filter;
mod heads;
mod journal;
mod keeping;
mod keys;
mod keys_read;
mod lane_facts;
mod lanes;
mod lock;
mod merging;
mod opened;
mod outside;
mod policy;
mod processor;
mod progress;
mod report;
mod run;
mod said;
mod sweep;
mod table;
mod tables;
pub mod topics;
pub mod upkeep;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::telemetry::log;

pub use exit::Failure;

/// A lock for logs: identifiers are pseudonymised on the way in, and nothing outlives its deadline.
#[derive(Parser)]
#[command(name = "sluis", version, about, propagate_version = true, max_term_width = 110, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sluis filter --format combined < access.log > clean.log
  tail -F access.log | sluis filter --format nginx --log-format '$remote_addr [$time_local] \"$request\" $status' --emit ndjson
  sluis keys init --keys /var/lib/sluis/keys --domain web --retention 14d
  sluis check pipeline.toml && sluis run pipeline.toml
  sluis sweep pipeline.toml --dry-run && sluis audit pipeline.toml

Exit codes: 0 done, 1 a check failed, 2 usage or configuration, 3 input had quarantined records (with --strict),
4 downstream failed.";

#[derive(Subcommand)]
enum Command {
    /// Standard input to standard output: the one-line way in
    Filter(filter::FilterArgs),
    /// Run a pipeline file
    Run(run::RunArgs),
    /// Say everything that is wrong with a pipeline file, how old a record can get, and what leaves
    Check(check::CheckArgs),
    /// Show what becomes of each field of one line, and which rule decides it
    Explain(explain::ExplainArgs),
    /// Make and manage the keyring
    Keys(keys::KeysArgs),
    /// Destroy what is due in a pipeline's stores
    Sweep(sweep::SweepArgs),
    /// Show the journal, or prove that it is whole
    Journal(journal::JournalArgs),
    /// Hold what is stored against policy and journal
    Audit(audit::AuditArgs),
    /// Show which policies were in force, and their texts
    Policy(policy::PolicyArgs),
    /// Plan and make the Kafka topics that a pipeline needs
    Topics(topics::TopicsArgs),
    /// Plan and make the ClickHouse tables that a pipeline needs
    Tables(tables::TablesArgs),
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    if let Err(problem) = processor::check() {
        eprintln!("sluis: {problem}");
        return ExitCode::from(exit::USAGE);
    }
    say_where_not_what();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(problem) => return exit::usage(&problem),
    };
    log::begin(match &arguments.command {
        Command::Run(arguments) => arguments.log_format(),
        _ => log::Format::Human,
    });
    let done = match arguments.command {
        Command::Filter(arguments) => filter::filter(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Keys(arguments) => keys::run(&arguments).map_err(Failure::usage),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Journal(arguments) => journal::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::Topics(arguments) => topics::run(&arguments),
        Command::Tables(arguments) => tables::run(&arguments),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "sluis", &mut std::io::stdout());
            Ok(exit::DONE)
        }
    };
    exit::code(done)
}

/// A panic's message can quote the text it failed on (a slice out of a string, say): print the place only (PI-1).
fn say_where_not_what() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        anstream::eprintln!(
            "sluis: internal error at {place}; this is a bug, please report it with this line"
        );
    }));
}
