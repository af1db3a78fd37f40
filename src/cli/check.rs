//! `sluis check`: everything wrong at once, worst ages, what leaves and why.

use std::path::PathBuf;

use clap::Args;

use super::check_kafka;
use super::exit::{self, Failure};
use super::opened;
use super::table::{Align, set};
use super::tables;
use super::topics;
use crate::config::plan::{Plan, QuarantinePlace, SinkKind, SinkPlan, SourceKind};
use crate::config::units::duration_text;
use crate::pipeline::build::{self, Built};
use crate::policy::class::{Class, Lives, Policy};

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sluis check pipeline.toml
  sluis check /etc/sluis/web.toml && echo fine
  sluis check pipeline.toml --live

With --live the brokers are asked how long the topics keep records, and ClickHouse how its tables are: exit code 1 when one of them is not
as it must be, 4 when they cannot be asked. Exit code 2 when the files cannot be used, with every problem of both files and its place.")]
pub struct CheckArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Ask the Kafka brokers and the ClickHouse server, too, whether topics and tables are as the policy needs them
    #[arg(long)]
    live: bool,
}

/// Runs the command.
pub fn check(arguments: &CheckArgs) -> Result<u8, Failure> {
    let plan = opened::pipeline(&arguments.pipeline)?;
    let built = build::sources(&plan).map_err(Failure::usage)?;
    print!("{}", text(&plan, &built));
    if arguments.live {
        let (said, refused) = topics::check_live(&plan)?;
        let (of_tables, other) = tables::check_live(&plan, &built)?;
        print!("{said}{of_tables}");
        if refused || other {
            return Ok(exit::CHECK_FAILED);
        }
    }
    Ok(exit::DONE)
}

fn text(plan: &Plan, built: &Built) -> String {
    let policy = &plan.policy;
    let mut out = format!(
        "policy {} version {}\n  controller {}, contact {}\n  sha256 {}\n\n",
        policy.name, policy.version, policy.controller, policy.contact, policy.hash
    );
    let rows: Vec<_> = policy
        .classes
        .iter()
        .map(|class| {
            vec![
                class.name.clone(),
                class.retention_seconds.map_or_else(|| "none".to_owned(), duration_text),
                policy.domains[class.domain].name.clone(),
                duration_text(policy.domains[class.domain].epoch_seconds),
                class.purposes.join(", "),
                class.legal_basis.clone(),
            ]
        })
        .collect();
    let left = |title| (title, Align::Left);
    out.push_str(&set(
        &[
            left("class"),
            left("retention"),
            left("domain"),
            left("epoch"),
            left("purposes"),
            left("legal basis"),
        ],
        &rows,
    ));
    plan.sinks.iter().for_each(|sink| out.push_str(&ages(policy, sink)));
    for (source, planned) in built.sources.iter().zip(&plan.sources) {
        for route in source.classes.iter().flat_map(|class| &class.routes) {
            out.push_str(&format!("\nsource {}, {}\n", planned.name, build::route_title(plan, route)));
            out.push_str(&leaving(plan, source, route));
        }
    }
    for source in &plan.sources {
        if let SourceKind::File { raw_retention_seconds, .. } = &source.kind {
            let raw = raw_retention_seconds.map_or_else(
                || {
                    "are never removed: whoever rotates them answers for how long raw records are kept"
                        .to_owned()
                },
                |seconds| {
                    format!(
                        "are removed {} after they were written last, once they are delivered",
                        duration_text(seconds)
                    )
                },
            );
            out.push_str(&format!("\nraw files of source {} {raw}\n", source.name));
        }
    }
    out.push_str(&(check_kafka::text(plan) + &tables::text(plan)));
    match &plan.quarantine {
        Some(quarantine) => out.push_str(&format!(
            "\nwhat cannot be parsed is sealed to {} recipient(s) in {} for {}\n",
            quarantine.recipients.len(),
            match &quarantine.place {
                QuarantinePlace::Directory(directory) => directory.display().to_string(),
                QuarantinePlace::Topic(topic) => format!("topic {topic}"),
            },
            duration_text(quarantine.retention_seconds)
        )),
        None => out
            .push_str("\nwhat cannot be parsed is counted and discarded: no quarantine recipient is named\n"),
    }
    out
}

/// How old records get in a sink.
fn ages(policy: &Policy, sink: &SinkPlan) -> String {
    let mut text = format!(
        "\nsink {} for {} in {}, purpose {}\n",
        sink.name, sink.recipient, sink.location, sink.purpose
    );
    for ((class, age), lives) in sink.classes.iter().zip(&sink.worst_ages).zip(&sink.lives) {
        text.push_str(&format!("  {}: {age}\n", policy.classes[*class].name));
        text.push_str(&stages(&policy.classes[*class], lives, &sink.kind));
    }
    text
}

/// How what a sink stores of a class narrows, or that it ends when it should narrow.
fn stages(class: &Class, lives: &Lives, kind: &SinkKind) -> String {
    let mut text = String::new();
    let mut begins = lives.first_seconds;
    for later in &lives.later {
        text.push_str(&format!(
            "    rewritten at {} without {}, and so until {}\n",
            duration_text(begins),
            later.drop.join(", "),
            duration_text(later.until_seconds)
        ));
        begins = later.until_seconds;
    }
    if Some(begins) != class.retention_seconds && !matches!(kind, SinkKind::Stdout) {
        text.push_str(&format!(
            "    ends at {}, the first stage of its class: what is stored here cannot be rewritten; an output without what is dropped lives {}\n",
            duration_text(begins),
            class.retention_seconds.map_or_else(|| "on".to_owned(), duration_text)
        ));
    }
    text
}

/// What leaves by one route: field, treatment, the rule that decides.
fn leaving(
    plan: &Plan,
    source: &crate::pipeline::worker::SourcePlan,
    route: &crate::pipeline::worker::Route,
) -> String {
    let mut rows = Vec::new();
    let mut dropped = Vec::new();
    let class = &plan.policy.classes[route.class];
    for (slot, fields) in route.table.slots.iter().zip(&source.format.parser().layout().slots) {
        let rule = class.fields.get(&fields.field);
        if slot.outputs.is_empty() {
            dropped.push(fields.field.clone());
        }
        for output in &slot.outputs {
            let name = &route.table.columns[usize::from(output.column)];
            let (treatment, place) = build::rule_of(rule, &fields.field, name);
            rows.push(vec![name.clone(), treatment.to_owned(), place]);
        }
    }
    rows.sort();
    rows.dedup();
    let head = [("field", Align::Left), ("treatment", Align::Left), ("rule", Align::Left)];
    let mut text = set(&head, &rows);
    dropped.sort();
    dropped.dedup();
    if !dropped.is_empty() {
        text.push_str(&format!("does not leave: {}\n", dropped.join(", ")));
    }
    text
}
