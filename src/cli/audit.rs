//! `sluis audit`: live state against policy and journal, for the data protection officer and for monitors.

use std::path::PathBuf;

use clap::Args;

use super::exit::{self, Failure};
use super::heads::Anchored;
use super::opened;
use super::table::{Align, set, thousands};
use super::upkeep;
use super::watch;
use crate::config::plan::Plan;
use crate::config::units::duration_text;
use crate::governance::audit::{Report, Row, Scope, audit};
use crate::pipeline::partitions::{TablePlace, places};
use crate::pipeline::raw;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Verified;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis audit /etc/sluis/meet.toml
  sluis audit /etc/sluis/meet.toml --head \"$(cat /mnt/evidence/meet.head)\"     # what `sluis journal head` printed
  sluis audit /etc/sluis/meet.toml --json

Changes nothing. Exit code 1 when anything is not as the policy says: a part past its deadline, one that is gone, came back, was changed
or is not in the journal, a file that is not ours, a key that should be dead or came back, a policy whose text is lost, a directory or
file that is open to everyone, a journal that does not prove itself.")]
pub struct AuditArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Heads that were kept elsewhere: `SEQ:HASH` of the journal, and `keyring SEQ:HASH` of the keyring's on another line
    #[arg(long, value_name = "HEADS")]
    head: Option<Anchored>,
    /// For monitors: one JSON object
    #[arg(long)]
    json: bool,
    /// Judge as at that time
    #[arg(long, value_name = "TIME", value_parser = opened::as_of)]
    as_of: Option<Timestamp>,
}

/// Runs the command.
pub fn run(arguments: &AuditArgs) -> Result<u8, Failure> {
    let plan = opened::pipeline(&arguments.pipeline)?;
    let (places, worst_seconds) = (upkeep::places(&plan), upkeep::worst_seconds(&plan));
    let anchored = arguments.head.unwrap_or_default();
    let scope = Scope {
        places: &places,
        worst_seconds: &worst_seconds,
        state: upkeep::state(&plan)?,
        keys: plan.keys.as_deref(),
        anchored: anchored.state,
        keyring_anchored: anchored.keyring,
        now: arguments.as_of.unwrap_or_else(opened::now),
    };
    let mut report = audit(&scope).map_err(Failure::downstream)?;
    raw_files(&plan, scope.now, &mut report)?;
    partitions(&plan, scope.now, &mut report)?;
    if watch::is_paused(scope.state) {
        let what = "delivery and destruction are paused since the clock was not to be trusted; set it right, and say so with `sluis sweep --clock-ok`";
        report.violation("clock", what.to_owned());
    }
    if arguments.json {
        println!("{}", report.json());
    } else {
        let policy = &plan.policy;
        println!("policy {} version {}, sha256 {}\n", policy.name, policy.version, policy.hash);
        print!("{}", text(&report));
    }
    Ok(if report.violations.is_empty() { exit::DONE } else { exit::CHECK_FAILED })
}

/// Raw files that should be gone.
fn raw_files(plan: &Plan, now: Timestamp, report: &mut Report) -> Result<(), Failure> {
    for mut place in raw::of_last_checkpoint(plan).map_err(Failure::downstream)? {
        let (due, undelivered) = place.due(now, 0).map_err(Failure::downstream)?;
        let subject = format!("source.{}", place.source);
        if !due.is_empty() {
            report.violation(
                &subject,
                format!("{} raw files are past their raw_retention; run `sluis sweep`, and see that `sluis run` or its timer is at work", due.len()),
            );
        }
        if undelivered > 0 {
            report.violation(
                &subject,
                format!("{undelivered} raw files are past their raw_retention and not fully delivered, so nothing removes them; see that `sluis run` reads them"),
            );
        }
    }
    Ok(())
}

/// Partitions of tables that should be gone, and how old what is there can be.
fn partitions(plan: &Plan, now: Timestamp, report: &mut Report) -> Result<(), Failure> {
    for table in places(plan).map_err(Failure::usage)? {
        let subject = format!("{}, class {}, table {}", table.store, table.class, table.name);
        let listing = match table.list(now, 0) {
            Ok(listing) => listing,
            Err(error) => {
                report.violation(&subject, format!("nothing can be said of it: {error}"));
                continue;
            }
        };
        if let Some(first) = listing.due.first() {
            report.violation(
                &subject,
                format!(
                    "{} partitions have parts on the server's disk past their deadline, the first for {} s; run `sluis sweep`, and see that `sluis run` or \
                     its timer is at work",
                    listing.due.len(),
                    now.seconds() - first.deadline.seconds()
                ),
            );
        }
        if listing.foreign > 0 {
            report.violation(
                &subject,
                format!(
                    "{} partitions are not ours: nothing drops them by a deadline; see who made this table",
                    listing.foreign
                ),
            );
        }
        let all = || listing.due.iter().chain(&listing.kept);
        let oldest = all().map(|due| due.oldest).min();
        report.rows.push(Row {
            store: table.store.clone(),
            class: Some(table.class.clone()),
            limit_seconds: table.retention_seconds,
            worst_seconds: worst_of(plan, &table),
            parts: all().count() as u64,
            oldest_seconds: oldest.map(|oldest| (now.seconds() - oldest.seconds()).max(0).unsigned_abs()),
            next: listing.kept.first().map(|due| due.deadline),
        });
    }
    Ok(())
}

/// The age that no record of a table passes.
fn worst_of(plan: &Plan, table: &TablePlace) -> u64 {
    let sink = plan.sinks.iter().find(|sink| table.store == format!("sink.{}", sink.name));
    let ages = sink.into_iter().flat_map(|sink| sink.classes.iter().zip(&sink.worst_ages));
    let of_class = ages.filter(|(class, _)| plan.policy.classes[**class].name == table.class);
    of_class.map(|(_, age)| age.worst_seconds()).max().unwrap_or(table.retention_seconds)
}

fn text(report: &Report) -> String {
    let (left, right) = (|title| (title, Align::Left), |title| (title, Align::Right));
    let rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .map(|row| {
            vec![
                row.store.clone(),
                row.class.clone().unwrap_or_else(|| "-".to_owned()),
                duration_text(row.limit_seconds),
                row.oldest_seconds.map_or_else(|| "-".to_owned(), |age| duration_text(age / 60 * 60)),
                duration_text(row.worst_seconds),
                thousands(row.parts),
                row.next.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            ]
        })
        .collect();
    let head = [
        left("store"),
        left("class"),
        left("limit"),
        left("oldest record"),
        left("worst case"),
        right("parts"),
        left("next part due"),
    ];
    let mut out = set(&head, &rows);
    out.push_str(&format!("\n{} policies were in force\n", thousands(report.policies as u64)));
    for (name, journal) in [("journal", &report.journal), ("keyring journal", &report.keyring)] {
        if let Some(Verified { head, anchored, .. }) = journal {
            let tail = if *anchored {
                "proven up to the anchored head"
            } else {
                "no head was given, so its end is not proven"
            };
            out.push_str(&format!(
                "{name}: {} entries follow from each other; {tail}\n",
                thousands(head.seq)
            ));
        }
    }
    if report.violations.is_empty() {
        out.push_str("\nno violation\n");
    } else {
        out.push_str(&format!("\n{} violations\n", report.violations.len()));
        for violation in &report.violations {
            out.push_str(&format!("  {}: {}\n", violation.subject, violation.what));
        }
    }
    out
}
