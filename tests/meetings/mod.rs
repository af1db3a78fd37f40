//! The logs of meetings: treated as the obvious version says, the same however they are cut, and whole whatever was changed in them.
//!
//! *In*: generated records of all six programs, and the planted ones of `leak`. *Out*: a verdict on every record that
//! leaves, in both forms of output and under both policies. *Promised*: `SLUIS_CASES` sets the number of records. *Not here*: the
//! finder in any text (`finder`), whole evenings (`evening`).

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use sluis::config::format_spec::FormatSpec;
use sluis::encode::Emit;
use sluis::format::jitsi::Service;
use sluis::keys::Keys;
use sluis::pipeline::build::{self, RouteSpec};
use sluis::pipeline::worker::{ClassChoice, Outcome, SourcePlan, Worker};
use sluis::policy::class::Policy;
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;

use self::generate::Record;
use self::obvious::{Line, Obvious};
use crate::finder::cases;
use crate::finder::generate::Dice;

mod bad;
mod changed;
mod chunks;
mod generate;
mod obvious;

/// 2026-11-21T12:00:00Z.
const NOW: i64 = 1_795_262_400;
/// Records of the largest batch.
const BATCH_MAX: usize = 120;

/// The built-in policy and its class, and the shipped one with the class of a format.
fn policies(format: &FormatSpec) -> [(Policy, usize); 2] {
    let text = include_str!("../../config/policy/meet.toml");
    let (shipped, _) = sluis::config::policy_from_str(text, "meet.toml").unwrap();
    let name = match format {
        FormatSpec::Jitsi(Service::Jvb) => "jvb",
        FormatSpec::Jitsi(Service::Jicofo) => "jicofo",
        _ => "technical",
    };
    let class = shipped.classes.iter().position(|class| class.name == name).unwrap();
    [(sluis::config::builtin().unwrap(), 0), (shipped, class)]
}

/// The format that `--format` calls so.
fn spec(name: &str) -> FormatSpec {
    match name {
        "jvb" => FormatSpec::Jitsi(Service::Jvb),
        "jicofo" => FormatSpec::Jitsi(Service::Jicofo),
        "jigasi" => FormatSpec::Jitsi(Service::Jigasi),
        "jibri" => FormatSpec::Jitsi(Service::Jibri),
        "prosody" => FormatSpec::Prosody,
        _ => FormatSpec::Coturn,
    }
}

/// How records of a format are treated; all of them are of one class.
fn plan(format: &FormatSpec, policy: &Policy, class: usize, emit: Emit) -> SourcePlan {
    let format = build::compile(format, Some(TimeZone::UTC), &BTreeMap::new()).unwrap();
    let route = RouteSpec { class, view: None, emit, output: 0, sink: 0 };
    let classes = build::classes(policy, format.parser(), &[route]);
    SourcePlan { format, choice: ClassChoice::Fixed(class), classes, alone: None }
}

/// Compares one batch in one form. Each record of the output is known by its number of lines.
fn check(emit: Emit, outcome: &Outcome, lines: &[Line], first: u64) {
    if let Some(failure) = outcome.failures.first() {
        let raw = &lines[failure.record as usize].raw;
        panic!("case {} refused: {}\n{raw}", first + failure.record, failure.refusal.name());
    }
    let taken = outcome.counts.records_out;
    assert_eq!(
        taken,
        lines.len() as u64,
        "records that left, from case {first} on: {:?}",
        outcome.counts.expired
    );
    let mut rest = std::str::from_utf8(outcome.clean[0].bytes()).unwrap();
    for (line, case) in lines.iter().zip(first..) {
        let height = if emit == Emit::Same { line.raw.matches('\n').count() + 1 } else { 1 };
        let Some((end, _)) = rest.match_indices('\n').nth(height - 1) else {
            panic!("case {case}: its end is missing: {rest}\n raw: {}", line.raw)
        };
        let (out, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if emit == Emit::Same {
            assert_eq!(out, line.same, "case {case}\n raw: {}", line.raw);
        } else {
            let object: Map<String, Value> = serde_json::from_str(out).unwrap();
            assert_eq!(object, line.json, "case {case}\n raw: {}", line.raw);
        }
    }
    assert!(rest.is_empty(), "more came out than went in, from case {first} on");
}

/// Compares `count` records of a format, in batches of any size.
fn compare(format: &FormatSpec, record: impl Fn(&mut Dice) -> Record, count: u64) {
    let now = Timestamp::from_seconds(NOW);
    for (policy, class) in policies(format) {
        let keys = Keys::ephemeral(&policy.domains).unwrap();
        let obvious = Obvious::new(&policy, class, &keys, now);
        let mut all: Vec<_> = [Emit::Same, Emit::Ndjson]
            .into_iter()
            .flat_map(|emit| [0, 16, 4096].map(|cache| (emit, cache)))
            .map(|(emit, cache)| {
                (plan(format, &policy, class, emit), emit, Worker::new(keys.clone(), cache), Outcome::new(1))
            })
            .collect();
        let mut sizes = Dice::new(0);
        let mut batch = RawBatch::with_capacity(1 << 20);
        batch.received = now;
        let mut case = 0;
        while case < count {
            let first = case;
            case = count.min(case + 1 + sizes.below(BATCH_MAX) as u64);
            let lines: Vec<Line> =
                (first..case).map(|case| obvious.line(&record(&mut Dice::new(case)))).collect();
            batch.clear();
            for line in &lines {
                batch.bytes.extend_from_slice(line.raw.as_bytes());
                batch.bytes.push(b'\n');
            }
            for (plan, emit, worker, outcome) in &mut all {
                worker.process(0, plan, &batch, now, outcome);
                check(*emit, outcome, &lines, first);
            }
        }
    }
}

#[test]
fn records_of_the_bridge_are_treated_as_the_obvious_version_says() {
    compare(&spec("jvb"), generate::bridge, cases(3000));
}

#[test]
fn and_so_are_those_of_the_focus() {
    compare(&spec("jicofo"), generate::focus, cases(3000));
}

#[test]
fn and_those_of_the_gateway() {
    compare(&spec("jigasi"), generate::jigasi, cases(3000));
}

#[test]
fn and_those_of_the_recorder() {
    compare(&spec("jibri"), generate::jibri, cases(3000));
}

#[test]
fn and_those_of_prosody() {
    compare(&spec("prosody"), generate::prosody, cases(3000));
}

#[test]
fn and_those_of_the_turn_server() {
    compare(&spec("coturn"), generate::coturn, cases(3000));
}
