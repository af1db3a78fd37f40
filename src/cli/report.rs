//! What a run says at its end: the balance, the refusals, what was treated, how fast.

use std::fmt::Write;
use std::time::Duration;

use super::exit::{self, Failure};
use super::said;
use super::table::{Align, set, thousands};
use crate::config::plan::Plan;
use crate::pipeline::counts::Counts;
use crate::pipeline::run::Ended;
use crate::record::span::Refusal;
use crate::sink::SinkError;

/// How `--stats` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stats {
    /// An aligned table.
    Table,
    /// One JSON object on one line.
    Json,
}

/// Prints the report on standard error.
pub fn print(stats: Option<Stats>, counts: &Counts, elapsed: Duration) {
    match stats {
        None => {}
        Some(Stats::Table) => anstream::eprint!("{}", table(counts, elapsed)),
        Some(Stats::Json) => anstream::eprintln!("{}", json(counts, elapsed)),
    }
}

/// Says what went wrong, if anything did, and gives the exit code.
pub fn finish(ended: &Ended, plan: &Plan, strict: bool) -> Result<u8, Failure> {
    let kept = if plan.quarantine.is_some() { "sealed to the quarantine's recipients" } else { "discarded" };
    let format = plan.sources.first().map_or("", |source| source.format.name());
    end(ended, format, kept, strict)
}

/// The same of a run without a plan.
pub fn end(ended: &Ended, format: &str, quarantined: &str, strict: bool) -> Result<u8, Failure> {
    if let Some(sentence) = refusals(&ended.counts, quarantined) {
        said::note(sentence);
    }
    for error in &ended.sources_failed {
        said::note(error.to_string());
    }
    match &ended.sink_failed {
        // Whoever read our output had enough, as `head` has: a normal end.
        Some(SinkError::BrokenPipe) => return Ok(exit::DONE),
        Some(error) => return Err(Failure::downstream(error)),
        None => {}
    }
    if !ended.counts.balance() {
        return Err(Failure::downstream(
            "records in and out do not add up; this is a bug, please report it with --stats",
        ));
    }
    if !ended.sources_failed.is_empty() {
        return Ok(exit::DOWNSTREAM);
    }
    if let Some(sentence) = foreign(ended, format) {
        return Err(Failure::usage(sentence));
    }
    Ok(if strict && ended.counts.quarantined() > 0 { exit::QUARANTINED } else { exit::DONE })
}

/// A hint that the input is of another format.
fn foreign(ended: &Ended, format: &str) -> Option<String> {
    let (failed, total) = (ended.counts.quarantined(), ended.counts.records_in);
    let resembles = ended.resembles.filter(|name| *name != format && failed * 2 > total)?;
    let percent = failed * 100 / total;
    let looks = if resembles == "json" { "JSON" } else { resembles };
    Some(format!(
        "{percent} % of lines did not parse as {format}; they look like {looks}: try --format {resembles}"
    ))
}

/// One sentence on what failed, said whether or not `--stats` was asked for; `None` when nothing did.
fn refusals(counts: &Counts, quarantined: &str) -> Option<String> {
    let total = counts.quarantined();
    if total == 0 {
        return None;
    }
    let reasons: Vec<String> = Refusal::ALL
        .iter()
        .zip(counts.refused)
        .filter(|(_, count)| *count > 0)
        .map(|(refusal, count)| format!("{} {}", thousands(count), refusal.name()))
        .collect();
    Some(format!(
        "{} of {} records could not be parsed and were {quarantined}: {}",
        thousands(total),
        thousands(counts.records_in),
        reasons.join(", ")
    ))
}

fn table(counts: &Counts, elapsed: Duration) -> String {
    let row = |name: &str, count: u64| vec![name.to_owned(), thousands(count)];
    let mut rows = vec![
        row("in", counts.records_in),
        row("out", counts.records_out),
        row("quarantined", counts.quarantined()),
        row("expired", counts.expired),
        row("dropped by rule", counts.dropped),
    ];
    if counts.withheld > 0 {
        rows.push(row("withheld", counts.withheld));
    }
    if counts.not_carried > 0 {
        rows.push(row("keys and headers left out", counts.not_carried));
    }
    let head = [("records", Align::Left), ("count", Align::Right)];
    let mut text = set(&head, &rows);
    let treated: Vec<_> = counts
        .treated
        .rows()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, n)| row(name, n))
        .collect();
    if !treated.is_empty() {
        text.push('\n');
        text.push_str(&set(&[("identifiers treated", Align::Left), ("count", Align::Right)], &treated));
    }
    let refused: Vec<_> = Refusal::ALL
        .iter()
        .zip(counts.refused)
        .filter(|(_, count)| *count > 0)
        .map(|(refusal, count)| row(refusal.name(), count))
        .collect();
    if !refused.is_empty() {
        text.push('\n');
        text.push_str(&set(&[("quarantined because", Align::Left), ("count", Align::Right)], &refused));
    }
    let seconds = elapsed.as_secs_f64().max(1e-9);
    let _ = writeln!(
        text,
        "\n{:.1} MB in {:.2} s: {:.0} MB/s, {} records/s{}",
        mega(counts.bytes_in),
        seconds,
        mega(counts.bytes_in) / seconds,
        thousands(per_second(counts.records_in, seconds)),
        if counts.balance() { "" } else { "\nthe counts do not add up; this is a bug, please report it" }
    );
    text
}

/// Machine-readable form of the report; keys are stable.
fn json(counts: &Counts, elapsed: Duration) -> String {
    let refused: serde_json::Map<_, _> = Refusal::ALL
        .iter()
        .zip(counts.refused)
        .map(|(refusal, n)| (refusal.name().to_owned(), n.into()))
        .collect();
    let treated: serde_json::Map<_, _> =
        counts.treated.rows().into_iter().map(|(name, n)| (name.to_owned(), n.into())).collect();
    serde_json::json!({
        "records": {
            "in": counts.records_in,
            "out": counts.records_out,
            "quarantined": counts.quarantined(),
            "expired": counts.expired,
            "dropped": counts.dropped,
            "withheld": counts.withheld,
        },
        "quarantined": refused,
        "treated": treated,
        "keys_and_headers_not_carried": counts.not_carried,
        "bytes": { "in": counts.bytes_in, "out": counts.bytes_out },
        "seconds": elapsed.as_secs_f64(),
        "balanced": counts.balance(),
    })
    .to_string()
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "figures for people")]
fn per_second(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds) as u64
}
