//! `sluis tables`: `ClickHouse` tables as the policy needs them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::{self, Failure};
use super::opened;
use super::said;
use crate::clickhouse::ClickHouseError;
use crate::clickhouse::client::Client;
use crate::clickhouse::live::{Differences, Live};
use crate::config::plan::{Plan, SinkKind};
use crate::config::units::duration_text;
use crate::pipeline::build::{self, Built};
use crate::pipeline::tables::{self, Planned};

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis tables plan pipeline.toml
  sluis tables plan pipeline.toml --offline | clickhouse-client --multiquery
  sluis tables apply pipeline.toml --dry-run
  sluis tables apply pipeline.toml && sluis run pipeline.toml

A table's partitions hold the records of one hour of deadlines each (less for short retentions), so that `sluis run` and `sluis sweep` can drop
them by their deadline. There is no TTL clause: it acts when a merge happens to come.")]
pub struct TablesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the statement that makes each table, and where the server differs
    Plan(PlanArgs),
    /// Make the tables that are not there, and set the settings that are not as they must be; no column is ever changed
    Apply(ApplyArgs),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis tables plan pipeline.toml
  sluis tables plan pipeline.toml --offline > tables.sql

What is not a statement is a comment, so that all of it is SQL. Exit code 1 when a table is of another shape.")]
struct PlanArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Ask no server
    #[arg(long)]
    offline: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis tables apply pipeline.toml --dry-run
  sluis tables apply pipeline.toml

The database must be there. Takes the rights CREATE TABLE and ALTER TABLE on the tables, SHOW, and SELECT on system.tables, system.columns and
system.merge_tree_settings.

Exit code 1 when a table of another shape is there, which is shown and left as it is; 4 when the server cannot be asked or refuses.")]
struct ApplyArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Print the statements and run none
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(arguments: &TablesArgs) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Plan(arguments) => with_tables(&arguments.pipeline, |all| plan(all, arguments.offline)),
        Command::Apply(arguments) => with_tables(&arguments.pipeline, |all| apply(all, arguments.dry_run)),
    }
}

fn with_tables(
    pipeline: &std::path::Path,
    act: impl FnOnce(&[Planned<'_>]) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    let plan = opened::pipeline(pipeline)?;
    let built = build::sources(&plan).map_err(Failure::usage)?;
    let all = tables::planned(&plan, &built.sources);
    if all.is_empty() {
        return Err(Failure::usage("the pipeline has no table: no sink of kind \"clickhouse\""));
    }
    act(&all)
}

fn plan(all: &[Planned<'_>], is_offline: bool) -> Result<u8, Failure> {
    let mut is_other = false;
    for planned in all {
        println!("-- {}: sink {}, class {}", place(planned), planned.sink.name, planned.table.class);
        println!("{};", planned.table.create());
        if !is_offline {
            let client = open(planned)?;
            let live = Live::ask(&client, &planned.table.name).map_err(Failure::downstream)?;
            let state = state(planned, live.as_ref());
            is_other |= live.is_some_and(|live| !live.differences(&planned.table).shape.is_empty());
            for line in state {
                println!("-- {line}");
            }
        }
        println!();
    }
    Ok(if is_other { exit::CHECK_FAILED } else { exit::DONE })
}

/// What the server has, in lines.
fn state(planned: &Planned<'_>, live: Option<&Live>) -> Vec<String> {
    let name = &planned.table.name;
    let Some(live) = live else { return vec![format!("{name} is not there: run `sluis tables apply`")] };
    let Differences { shape, settings, views } = live.differences(&planned.table);
    if shape.is_empty() && settings.is_empty() && views.is_empty() {
        return vec![format!("{name} is as planned")];
    }
    let shape = shape.into_iter().map(|what| format!("{name}, {what}"));
    let settings = settings.into_iter().map(|(setting, value)| {
        format!("{name}, setting {setting}: must be {value}; `sluis tables apply` sets it")
    });
    let views = views.into_iter().map(|view| view_said(&name.to_string(), &view));
    shape.chain(settings).chain(views).collect()
}

fn view_said(table: &str, view: &str) -> String {
    format!(
        "{table}: view {view} gets a copy of what is inserted, and no deadline reaches that copy; see that it keeps nothing of persons"
    )
}

fn apply(all: &[Planned<'_>], is_dry: bool) -> Result<u8, Failure> {
    let mut refused = Vec::new();
    let mut is_changed = false;
    for planned in all {
        let (client, name) = (open(planned)?, &planned.table.name);
        let mut live = Live::ask(&client, name).map_err(Failure::downstream)?;
        let statement = match &live {
            None => Some(planned.table.create()),
            Some(live) => {
                let differences = live.differences(&planned.table);
                if differences.shape.is_empty() { differences.alter(name) } else { None }
            }
        };
        if let Some(statement) = statement {
            is_changed = true;
            println!("{}{statement};", if is_dry { "-- would run\n" } else { "" });
            if is_dry {
                continue;
            }
            client.run(&statement).map_err(|error| Failure::downstream(about(planned, &error)))?;
            live = Live::ask(&client, name).map_err(Failure::downstream)?;
        }
        refused.extend(live.as_ref().into_iter().flat_map(|live| other(planned, live)));
        if let Some(live) = live {
            for view in live.differences(&planned.table).views {
                said::warning(view_said(&name.to_string(), &view));
            }
        }
    }
    if !refused.is_empty() {
        return Err(Failure { message: other_said(&refused), code: exit::CHECK_FAILED });
    }
    println!(
        "{}",
        if is_changed {
            "-- the tables are as planned"
        } else {
            "-- nothing to change: the tables are as planned"
        }
    );
    Ok(exit::DONE)
}

/// An error with the table that it is about.
fn about(planned: &Planned<'_>, error: &ClickHouseError) -> String {
    format!("table {}: {error}", planned.table.name)
}

/// What is of another shape, or not set.
fn other(planned: &Planned<'_>, live: &Live) -> Vec<String> {
    let differences = live.differences(&planned.table);
    let name = &planned.table.name;
    let settings = differences.settings.iter().map(|(setting, value)| {
        format!("{name}, setting {setting}: must be {value}; run `sluis tables apply`")
    });
    differences.shape.iter().map(|what| format!("{name}, {what}")).chain(settings).collect()
}

fn other_said(refused: &[String]) -> String {
    format!(
        "the tables are not as planned; a table of another shape is never changed: name another 'table', or rename this one and let its records go \
         by their deadline\n  {}",
        refused.join("\n  ")
    )
}

/// Refuses a pipeline that is about to run, when a table is not there or not as planned. Nothing is asked where there is none.
pub fn refuse_at_start(plan: &Plan, built: &Built) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for planned in tables::planned(plan, &built.sources) {
        match asked(&planned)? {
            None => refused.push(format!("{}: is not there; run `sluis tables apply`", planned.table.name)),
            Some(live) => {
                refused.extend(other(&planned, &live));
                for view in live.differences(&planned.table).views {
                    said::warning(view_said(&planned.table.name.to_string(), &view));
                }
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure { message: other_said(&refused), code: exit::CHECK_FAILED })
}

/// What `check --live` prints of the tables, and whether something is refused.
pub fn check_live(plan: &Plan, built: &Built) -> Result<(String, bool), Failure> {
    let (mut out, mut is_refused) = (String::new(), false);
    for planned in tables::planned(plan, &built.sources) {
        let live = asked(&planned)?;
        is_refused |= live.as_ref().is_none_or(|live| !other(&planned, live).is_empty());
        for line in state(&planned, live.as_ref()) {
            out.push_str(&format!("table {line}\n"));
        }
    }
    Ok((out, is_refused))
}

/// What `check` says of the tables; nothing where there are none.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    for sink in &plan.sinks {
        let SinkKind::ClickHouse(to) = &sink.kind else { continue };
        for (class, table) in sink.classes.iter().zip(&to.tables) {
            out.push_str(&format!(
                "\nsink {} inserts class {} into {}.{table} at {}, in batches of at most {}; one that does not get through is tried again for {}\n",
                sink.name,
                plan.policy.classes[*class].name,
                to.database,
                to.url,
                duration_text(to.insert_seconds_max),
                duration_text(to.patience_seconds)
            ));
        }
    }
    out
}

fn asked(planned: &Planned<'_>) -> Result<Option<Live>, Failure> {
    Live::ask(&open(planned)?, &planned.table.name).map_err(Failure::downstream)
}

fn open(planned: &Planned<'_>) -> Result<Client, Failure> {
    tables::client(planned.to).map_err(Failure::usage)
}

fn place<'p>(planned: &Planned<'p>) -> &'p str {
    &planned.to.url
}
