//! `sluis sweep`: destroys once what is due, for cron or a timer; `--dry-run` shows it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{self, Failure};
use super::merging::Merging;
use super::opened;
use super::table::{Align, set, thousands};
use super::upkeep;
use super::watch::{self, Machine, Watch};
use crate::config::plan::Plan;
use crate::config::units;
use crate::keys::Keys;
use crate::pipeline::checkpoint;
use crate::pipeline::partitions::{self, Dropped};
use crate::pipeline::raw;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Journal;
use crate::retention::sweep::{self, Listing, Place, Swept, Turn};
use crate::sink::merge;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis sweep /etc/sluis/web.toml --dry-run
  sluis sweep /etc/sluis/web.toml --margin 1h        # from a timer that comes every hour

A part goes at the earlier of the deadline in its name and what the policy allows now, less the margin: give one that is at
least as long as the time until the next sweep. `sluis run` sweeps by itself. Each part is entered in the journal before it goes.
Small parts of Parquet sinks are merged into large ones of the same deadline, and what reaches a stage of its class is rewritten without what is
dropped then, which `sluis run` does by itself, too.

Partitions of ClickHouse tables go by the same rule, earlier by the time for which the server may keep files (old_parts_lifetime). What was dropped is
looked for by later sweeps, and entered as gone when the server has no part of it, active or not.

Exit code 4 when a part that is due could not be destroyed, and while the clock is not to be trusted: when it jumped by more than an
hour against the time since boot, lies that long before the journal's last entry, or was not synchronised since boot. Set it right,
then say so with --clock-ok; a pipeline that runs goes on as well.")]
pub struct SweepArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Show what is due, and destroy nothing
    #[arg(long)]
    dry_run: bool,
    /// How much earlier than its deadline a part goes
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = units::seconds)]
    margin: u64,
    /// Show what will be due at that time
    #[arg(long, value_name = "TIME", value_parser = opened::as_of, requires = "dry_run")]
    as_of: Option<Timestamp>,
    /// The clock is right, although it jumped or lies before the journal's last entry: end the pause and go on
    #[arg(long, conflicts_with = "dry_run")]
    clock_ok: bool,
}

/// Runs the command.
pub fn run(arguments: &SweepArgs) -> Result<u8, Failure> {
    let plan = opened::pipeline(&arguments.pipeline)?;
    let places = upkeep::places(&plan);
    if arguments.dry_run {
        let now = arguments.as_of.unwrap_or_else(opened::now);
        let listed: Result<Vec<Listing>, _> =
            places.iter().map(|place| sweep::list(place, now, arguments.margin)).collect();
        print!("{}", due_text(&places, &listed.map_err(Failure::downstream)?));
        for mut place in raw::of_last_checkpoint(&plan).map_err(Failure::downstream)? {
            let (due, undelivered) = place.due(now, arguments.margin).map_err(Failure::downstream)?;
            println!(
                "source {}: {} raw files are due, {undelivered} more are not delivered yet and stay",
                place.source,
                due.len()
            );
        }
        due_tables(&plan, now, arguments.margin)?;
        return Ok(exit::DONE);
    }
    let state = upkeep::state(&plan)?;
    let machine = Machine::this();
    let now = if arguments.clock_ok {
        watch::accept(state, &machine)?
    } else {
        Watch::begin(Some(state), machine)?.trusted()?.now()
    };
    let mut merging = merging(&plan, state, arguments.margin, now)?;
    // Before the sweep takes them whole.
    let narrowed = match &mut merging {
        Some(merging) => narrow(merging, state, now),
        None => Ok(()),
    };
    let mut journal = Journal::open(state, now).map_err(Failure::downstream)?;
    let Some(turn) = Turn::take(state).map_err(Failure::downstream)? else {
        anstream::eprintln!("sluis: another sweep of this pipeline is at work, and does the same");
        return Ok(exit::DONE);
    };
    // What is due goes first, whatever is wrong with a merge.
    let unfinished = merge::finish(state, &mut journal, now).err();
    let swept = sweep::sweep(&places, now, arguments.margin, &mut journal).map_err(Failure::downstream)?;
    let mut raw_failure = None;
    for mut place in raw::of_last_checkpoint(&plan).map_err(Failure::downstream)? {
        let swept = place.sweep(now, arguments.margin, &mut journal).map_err(Failure::downstream)?;
        println!(
            "source {}: {} raw files of {} bytes were destroyed, {} more are not delivered yet and stay",
            place.source,
            thousands(swept.destroyed),
            thousands(swept.bytes),
            thousands(swept.undelivered)
        );
        raw_failure = raw_failure.or(swept.failure);
    }
    let table_failure = sweep_tables(&plan, now, arguments.margin, &mut journal);
    drop(turn);
    print!("{}", swept_text(&places, &swept));
    let merged = match unfinished {
        None => narrowed
            .and_then(|()| merging.map_or(Ok(()), |mut merging| merge_small(&mut merging, state, now))),
        Some(problem) => Err(Failure::downstream(problem)),
    };
    // The copy is for whoever anchors it; the journal is what counts.
    let _ = journal.append(now, &[]);
    let _ = upkeep::write_head(state, journal.head());
    table_failure?;
    let failed: u64 = swept.iter().map(|swept| swept.failed).sum();
    match swept.iter().find_map(|swept| swept.failure.as_ref()) {
        None => match raw_failure {
            None => merged.map(|()| exit::DONE),
            Some(failure) => Err(Failure::downstream(format!(
                "raw files whose time is up could not be removed ({failure})"
            ))),
        },
        Some(failure) => Err(Failure::downstream(format!(
            "{failed} parts that are due could not be destroyed ({failure}); they are entered as kept: see `sluis journal show`"
        ))),
    }
}

/// What makes parts of Parquet anew, if the pipeline has any.
fn merging(plan: &Plan, state: &Path, margin: u64, now: Timestamp) -> Result<Option<Merging>, Failure> {
    let Some(merging) = Merging::of(plan, state, margin, now)? else { return Ok(None) };
    // A keyring that cannot be read leaves what is encrypted as it is, and that is said.
    let keys = plan.keys.as_ref().and_then(|keys| Keys::open_read_only(keys, &plan.policy.domains, now).ok());
    Ok(Some(match &keys {
        Some(keys) => merging.with_keys(keys),
        None => merging,
    }))
}

/// Narrows parts of Parquet whose stage ends, and says how many.
fn narrow(merging: &mut Merging, state: &Path, now: Timestamp) -> Result<(), Failure> {
    let counted = || checkpoint::counted_on(state).ok();
    let narrowed = merging.narrow(&counted, &|| now).map_err(Failure::downstream)?;
    if narrowed.parts > 0 {
        println!(
            "{} parts were narrowed at a stage of their class, of {} records and {} bytes",
            thousands(narrowed.parts),
            thousands(narrowed.records),
            thousands(narrowed.bytes)
        );
    }
    Ok(())
}

/// Merges small parts of Parquet, and says how many.
fn merge_small(merging: &mut Merging, state: &Path, now: Timestamp) -> Result<(), Failure> {
    let merged = merging.once(state, &|| now).map_err(Failure::downstream)?;
    if merged.parts > 0 {
        println!(
            "{} small parts were merged into fewer, of {} records and {} bytes",
            thousands(merged.parts),
            thousands(merged.records),
            thousands(merged.bytes)
        );
    }
    Ok(())
}

/// Drops partitions of tables whose time is up, and says what became of them.
fn sweep_tables(plan: &Plan, now: Timestamp, margin: u64, journal: &mut Journal) -> Result<(), Failure> {
    let state = upkeep::state(plan)?;
    let mut failure = None;
    for mut table in partitions::places(plan).map_err(Failure::usage)? {
        let mut dropped = Dropped::load(state).map_err(Failure::downstream)?;
        let failed = match table.sweep(now, margin, (&mut *journal, &mut dropped)) {
            Ok(swept) => {
                println!(
                    "table {}: {} partitions of {} rows were dropped, {} are gone from the server's disk, {} not yet; {} may stay, the next is due {}",
                    table.name,
                    thousands(swept.dropped),
                    thousands(swept.rows),
                    thousands(swept.gone),
                    thousands(swept.on_disk),
                    thousands(swept.kept),
                    swept.next.map_or_else(|| "-".to_owned(), |at| at.to_string())
                );
                if swept.foreign > 0 {
                    println!("table {}: {} partitions are not ours, and stay", table.name, swept.foreign);
                }
                swept.failure
            }
            Err(error) => Some(error.to_string()),
        };
        failure = failure.or(failed.map(|failed| format!("partitions of table {}: {failed}", table.name)));
    }
    failure.map_or(Ok(()), |failure| Err(Failure::downstream(failure)))
}

/// Shows which partitions of tables are due.
fn due_tables(plan: &Plan, now: Timestamp, margin: u64) -> Result<(), Failure> {
    for mut table in partitions::places(plan).map_err(Failure::usage)? {
        let lifetime = table.lifetime_seconds().map_err(Failure::downstream)?;
        let listing = table.list(now, margin + lifetime).map_err(Failure::downstream)?;
        for due in &listing.due {
            println!(
                "table {}: partition {} of {} rows is due {}",
                table.name,
                due.partition.id,
                thousands(due.partition.rows),
                due.deadline
            );
        }
        println!(
            "table {}: {} partitions are due, {} may stay",
            table.name,
            listing.due.len(),
            listing.kept.len()
        );
    }
    Ok(())
}

fn class(place: &Place) -> String {
    place.class.clone().unwrap_or_else(|| "-".to_owned())
}

fn due_text(places: &[Place], listed: &[Listing]) -> String {
    let left = |title| (title, Align::Left);
    let rows: Vec<Vec<String>> = places
        .iter()
        .zip(listed)
        .flat_map(|(place, listing)| listing.due.iter().map(move |due| (place, due)))
        .map(|(place, due)| {
            let because = format!("{:?}", due.because).to_lowercase();
            let bytes = thousands(due.bytes);
            vec![
                place.store.clone(),
                class(place),
                due.deadline.to_string(),
                because,
                bytes,
                due.name.clone(),
            ]
        })
        .collect();
    let head =
        [left("store"), left("class"), left("due"), left("because"), ("bytes", Align::Right), left("part")];
    let kept: u64 = listed.iter().map(|listing| listing.kept).sum();
    let table = if rows.is_empty() { String::new() } else { set(&head, &rows) };
    format!("{table}{} parts are due, {} may stay; nothing was destroyed\n", rows.len(), thousands(kept))
}

fn swept_text(places: &[Place], swept: &[Swept]) -> String {
    let (left, right) = (|title| (title, Align::Left), |title| (title, Align::Right));
    let rows: Vec<Vec<String>> = places
        .iter()
        .zip(swept)
        .map(|(place, swept)| {
            vec![
                place.store.clone(),
                class(place),
                thousands(swept.destroyed),
                thousands(swept.bytes),
                thousands(swept.failed),
                thousands(swept.kept),
                thousands(swept.foreign),
                swept.next.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            ]
        })
        .collect();
    let head = [
        left("store"),
        left("class"),
        right("destroyed"),
        right("bytes"),
        right("failed"),
        right("kept"),
        right("foreign"),
        left("next due"),
    ];
    set(&head, &rows)
}
