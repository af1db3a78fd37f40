//! The treatment of whole records against the obvious version of itself.
//!
//! *In*: generated records of the combined format, in batches. *Out*: a verdict on every line that leaves, in both forms of output, with
//! and without a memory of tokens. *Promised*: the records of a batch differ in kind, so that ordinary ones, which are read as rows,
//! stand between others. `SLUIS_CASES` sets the number of records (a release run asks for a million).
//! *Not here*: other formats and policies (`cases`, `leak`), records that are refused (`formats`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sluis::config::format_spec::FormatSpec;
use sluis::encode::Emit;
use sluis::keys::Keys;
use sluis::pipeline::build::{self, RouteSpec};
use sluis::pipeline::worker::{ClassChoice, Outcome, SourcePlan, Worker};
use sluis::policy::class::Policy;
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;

use self::generate::Record;
use self::obvious::{Line, Obvious, Rules};
use crate::finder::cases;
use crate::finder::generate::Dice;

mod generate;
mod keys;
mod obvious;
mod rows;
pub mod spelling;

/// 2026-11-21T12:00:00Z.
const NOW: i64 = 1_795_262_400;
/// Records of the largest batch.
const BATCH_MAX: usize = 300;

/// The product, set up one way.
struct Real {
    title: String,
    emit: Emit,
    plan: SourcePlan,
    worker: Worker,
    outcome: Outcome,
}

impl Real {
    fn new(policy: &Policy, keys: &Keys, emit: Emit, cache: usize) -> Self {
        let format = build::compile(&FormatSpec::Combined, None, &BTreeMap::new()).unwrap();
        let route = RouteSpec { class: 0, view: None, emit, output: 0, sink: 0 };
        let classes = build::classes(policy, format.parser(), &[route]);
        let form = if emit == Emit::Same { "same" } else { "ndjson" };
        Self {
            title: format!("{form}, cache of {cache}"),
            emit,
            plan: SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None },
            worker: Worker::new(keys.clone(), cache),
            outcome: Outcome::new(1),
        }
    }

    /// Treats a batch of `lines`, the first of which is record `first`, and compares each of them.
    fn check(&mut self, batch: &RawBatch, lines: &[Line], first: u64) {
        let now = Timestamp::from_seconds(NOW);
        self.worker.process(0, &self.plan, batch, now, &mut self.outcome);
        if let Some(failure) = self.outcome.failures.first() {
            let raw = &lines[failure.record as usize].raw;
            panic!("case {} refused: {}\n{raw}", first + failure.record, failure.refusal.name());
        }
        let bytes = self.outcome.clean[0].bytes();
        let out = std::str::from_utf8(bytes).unwrap();
        let (Some(out), title) = (out.strip_suffix('\n'), &self.title) else {
            panic!("the end of a line is missing")
        };
        assert_eq!(out.split('\n').count(), lines.len(), "{title}: records from case {first} on");
        for ((out, line), case) in out.split('\n').zip(lines).zip(first..) {
            let at = || format!("{title}: case {case}\n raw: {}", line.raw);
            if self.emit == Emit::Same {
                assert_eq!(out, line.same, "{}", at());
            } else {
                let object: Map<String, Value> = serde_json::from_str(out).unwrap();
                assert_eq!(object, line.json, "{}", at());
            }
        }
    }
}

/// The policy that says so.
fn policy(rules: Rules) -> Policy {
    if rules == Rules::Tokens {
        return sluis::config::builtin().unwrap();
    }
    let changed = |line: &str| match line.split([' ', ']']).next() {
        Some("[class.log") => "[class.log]\nretention = \"14d\"\n".to_owned(),
        Some(field @ ("\"user.name\"" | "\"client.ident\"")) => format!("{field} = \"drop\"\n"),
        _ => format!("{line}\n"),
    };
    let text: String = include_str!("../../config/policy/builtin.toml").lines().map(changed).collect();
    sluis::config::policy_from_str(&text, "no-logins.toml").unwrap().0
}

/// Compares `count` records under one policy.
fn compare(rules: Rules, count: u64) {
    let policy = policy(rules);
    let keys = Keys::ephemeral(&policy.domains).unwrap();
    let mut obvious = Obvious::new(rules, keys.clone(), Timestamp::from_seconds(NOW));
    // A cache so small that nearly every entry is written over, and one that remembers most clients.
    let mut all: Vec<Real> = [Emit::Same, Emit::Ndjson]
        .into_iter()
        .flat_map(|emit| [0, 16, 4096].map(|cache| (emit, cache)))
        .map(|(emit, cache)| Real::new(&policy, &keys, emit, cache))
        .collect();
    let mut sizes = Dice::new(0);
    let mut batch = RawBatch::with_capacity(1 << 20);
    batch.received = Timestamp::from_seconds(NOW);
    let mut case = 0;
    while case < count {
        let first = case;
        case = count.min(case + 1 + sizes.below(BATCH_MAX) as u64);
        let lines: Vec<Line> =
            (first..case).map(|case| obvious.line(&Record::new(&mut Dice::new(case), NOW))).collect();
        batch.clear();
        for line in &lines {
            batch.bytes.extend_from_slice(line.raw.as_bytes());
            batch.bytes.push(b'\n');
        }
        // The last record of an input may have no newline.
        batch.bytes.truncate(batch.bytes.len() - sizes.below(2));
        for real in &mut all {
            real.check(&batch, &lines, first);
        }
    }
}

#[test]
fn records_are_treated_as_the_obvious_version_says() {
    compare(Rules::Tokens, cases(4000));
}

/// A row could be written without a look at its texts, since nothing of it becomes a token but its client; yet its texts hold its login.
#[test]
fn and_so_are_they_where_no_login_leaves() {
    compare(Rules::NoLogins, cases(4000) / 4);
}
