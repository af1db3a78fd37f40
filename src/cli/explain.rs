//! `sluis explain`: one line in, each field out with the rule that treated it.

use std::io::BufRead;
use std::path::PathBuf;

use clap::Args;

use super::exit::{self, Failure};
use super::opened;
use super::table::{Align, set};
use crate::config::plan::Plan;
use crate::format::Memo;
use crate::keys::{EpochCache, Keys};
use crate::pipeline::build::{self, Built};
use crate::policy::class::Policy;
use crate::protect::value::Outcome;
use crate::protect::{Protector, Record};
use crate::record::calendar::write_rfc3339;
use crate::record::span::Parsed;
use crate::retention::deadline;

/// The arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  head -1 /var/log/nginx/access.log | sluis explain pipeline.toml
  sluis explain pipeline.toml --source nginx < line.txt

What is shown is what leaves: the treated values. The line itself is not repeated. Tokens use a random key.")]
pub struct ExplainArgs {
    /// Pipeline file
    pipeline: PathBuf,
    /// Source whose format the line has; needed when the file has several
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

/// Runs the command.
pub fn explain(arguments: &ExplainArgs) -> Result<u8, Failure> {
    let plan = opened::pipeline(&arguments.pipeline)?;
    let mut line = Vec::new();
    std::io::stdin()
        .lock()
        .read_until(b'\n', &mut line)
        .map_err(|error| Failure::usage(format!("standard input cannot be read: {}", error.kind())))?;
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    let built = build::sources(&plan).map_err(Failure::usage)?;
    let at = chosen(arguments, &plan)?;
    print!("{}", text(&plan, &built, at, &line)?);
    Ok(exit::DONE)
}

fn chosen(arguments: &ExplainArgs, plan: &Plan) -> Result<usize, Failure> {
    let names: Vec<_> = plan.sources.iter().map(|source| source.name.as_str()).collect();
    match &arguments.source {
        Some(name) => names.iter().position(|known| known == name).ok_or_else(|| {
            Failure::usage(format!("no source is called {name:?}; there are: {}", names.join(", ")))
        }),
        None if names.len() == 1 => Ok(0),
        None => Err(Failure::usage(format!(
            "the file has several sources; add --source with one of: {}",
            names.join(", ")
        ))),
    }
}

fn text(plan: &Plan, built: &Built, at: usize, line: &[u8]) -> Result<String, Failure> {
    let source = &built.sources[at];
    let now = opened::now();
    let (mut parsed, mut memo) = (Parsed::default(), Memo::new(now));
    source.format.parser().parse(line, &mut memo, &mut parsed).map_err(|refusal| Failure {
        message: format!(
            "the line {} as source {:?} reads it; it would be quarantined\n  shape: {}",
            refusal.name(),
            plan.sources[at].name,
            crate::protect::quarantine::shape(line),
        ),
        code: exit::CHECK_FAILED,
    })?;
    let class_index = source.choice.of(line, &parsed);
    let class = &plan.policy.classes[class_index];
    let mut out = String::new();
    out.push_str(&envelope(&plan.policy, class_index, &parsed, now));
    let keys = Keys::ephemeral(&plan.policy.domains).map_err(Failure::usage)?;
    let (mut protector, mut epochs) = (Protector::new(0), EpochCache::new(keys));
    if source.classes[class_index].routes.is_empty() {
        out.push_str("\nno sink takes this class: the record is dropped and counted\n");
    }
    for route in &source.classes[class_index].routes {
        let Ok(epoch) = epochs.at(class.domain, now, now) else { continue };
        let mut rows = Vec::new();
        let fields = &source.format.parser().layout().slots;
        let record = Record { batch: &[], raw: line, parsed: &parsed, table: &route.table, epoch };
        protector.each_value(record, |slot, output, outcome, value| {
            let field = &fields[usize::from(slot)].field;
            let column =
                output.map_or(field.as_str(), |output| &route.table.columns[usize::from(output.column)]);
            let (treatment, place) = build::rule_of(class.fields.get(field), field, column);
            let leaves = match outcome {
                Outcome::Absent => "(does not leave)".to_owned(),
                Outcome::Verbatim | Outcome::Replaced => String::from_utf8_lossy(value).into_owned(),
            };
            rows.push(vec![column.to_owned(), treatment.to_owned(), leaves, place]);
        });
        out.push_str(&format!("\n{}\n", build::route_title(plan, route)));
        let head = [
            ("field", Align::Left),
            ("treatment", Align::Left),
            ("leaves as", Align::Left),
            ("rule", Align::Left),
        ];
        out.push_str(&set(&head, &rows));
    }
    Ok(out)
}

fn envelope(
    policy: &Policy,
    class_index: usize,
    parsed: &Parsed,
    now: crate::record::timestamp::Timestamp,
) -> String {
    let class = &policy.classes[class_index];
    let stamp = deadline::judge(parsed.time, now, class.retention_seconds, now);
    let deadline = match (&stamp, class.retention_seconds) {
        (None, _) => "expired: it would be counted and not leave".to_owned(),
        (Some(_), None) => "none: nothing is stored".to_owned(),
        (Some(stamp), Some(_)) => stamp.deadline().map_or_else(String::new, |deadline| {
            let mut text = Vec::new();
            write_rfc3339(deadline, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }),
    };
    format!(
        "class    {} ({}:{})\ndomain   {}\npurposes {}\ndeadline {deadline}\n",
        class.name,
        class.place.file,
        class.place.line,
        policy.domains[class.domain].name,
        class.purposes.join(", "),
    )
}
