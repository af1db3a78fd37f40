//! `sluis audit`: live state against policy and journal, for the data protection officer and for monitors.

use std::path::PathBuf;

use clap::Args;

use super::exit::{self, Failure};
use super::opened;
use super::table::{Align, set, thousands};
use super::upkeep;
use crate::config::units::duration_text;
use crate::governance::audit::{Report, Scope, audit};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::Head;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis audit /etc/sluis/meet.toml
  sluis audit /etc/sluis/meet.toml --head \"$(cat /mnt/evidence/meet.head)\"
  sluis audit /etc/sluis/meet.toml --json

Changes nothing. Exit code 1 when anything is not as the policy says: a part past its deadline, a file that is not ours, a key that
should be dead, a directory that is open to everyone, a journal that does not prove itself.")]
pub struct AuditArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// A head of the journal that was kept elsewhere, `SEQ:HASH`
    #[arg(long, value_name = "HEAD")]
    head: Option<Head>,
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
    let places = upkeep::places(&plan);
    let scope = Scope {
        places: &places,
        state: upkeep::state(&plan)?,
        keys: plan.keys.as_deref(),
        anchored: arguments.head,
        now: arguments.as_of.unwrap_or_else(opened::now),
    };
    let report = audit(&scope).map_err(Failure::downstream)?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        let policy = &plan.policy;
        println!("policy {} version {}, sha256 {}\n", policy.name, policy.version, policy.hash);
        print!("{}", text(&report));
    }
    Ok(if report.violations.is_empty() { exit::DONE } else { exit::CHECK_FAILED })
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
        right("parts"),
        left("next part due"),
    ];
    let mut out = set(&head, &rows);
    if let Some(journal) = &report.journal {
        let tail = if journal.anchored {
            "proven up to the anchored head"
        } else {
            "no head was given, so its end is not proven"
        };
        out.push_str(&format!(
            "\njournal: {} entries follow from each other; {tail}\n",
            thousands(journal.head.seq)
        ));
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
