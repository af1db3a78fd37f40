//! Rows against records: what takes the short way leaves as it would have left by the long one.
//!
//! *In*: generated records, under every policy that is shipped and every view. *Out*: a verdict. *Not here*: whether it is right
//! (the obvious version, for the policies that it knows).

use std::collections::BTreeMap;

use sluis::config::format_spec::FormatSpec;
use sluis::encode::Emit;
use sluis::keys::Keys;
use sluis::pipeline::build::{self, RouteSpec};
use sluis::pipeline::worker::{ClassChoice, Outcome, SourcePlan, Worker};
use sluis::policy::class::Policy;
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;

use super::NOW;
use super::generate::Record;
use super::obvious::{Obvious, Rules};
use crate::finder::cases;
use crate::finder::generate::Dice;

/// Policies with treatments of every kind, and the views that narrow them.
fn shipped() -> Vec<(Policy, Option<String>)> {
    let texts = [
        include_str!("../../config/policy/web.toml"),
        include_str!("../../config/policy/samen.toml"),
        include_str!("../cases/templates/policy.toml"),
    ];
    let mut policies = vec![(sluis::config::builtin().unwrap(), None)];
    for text in texts {
        let read = || sluis::config::policy_from_str(text, "shipped.toml").unwrap().0;
        let views: Vec<String> = read().views.iter().map(|view| view.name.clone()).collect();
        policies.push((read(), None));
        policies.extend(views.into_iter().map(|view| (read(), Some(view))));
    }
    policies
}

/// A batch of generated records.
fn batch(count: u64) -> RawBatch {
    let keys = Keys::ephemeral(&sluis::config::builtin().unwrap().domains).unwrap();
    let mut obvious = Obvious::new(Rules::Tokens, keys, Timestamp::from_seconds(NOW));
    let mut batch = RawBatch::with_capacity(1 << 20);
    batch.received = Timestamp::from_seconds(NOW);
    for case in 0..count {
        let line = obvious.line(&Record::new(&mut Dice::new(case), NOW));
        batch.bytes.extend_from_slice(line.raw.as_bytes());
        batch.bytes.push(b'\n');
    }
    batch
}

/// A class that a rule could choose is found record by record, and then no record is treated as a row.
#[test]
fn rows_are_treated_as_records_are() {
    let batch = batch(cases(2000) / 2);
    for (policy, view) in shipped() {
        let keys = Keys::ephemeral(&policy.domains).unwrap();
        for emit in [Emit::Same, Emit::Ndjson] {
            let mut outputs = [true, false].map(|fixed| {
                let format = build::compile(&FormatSpec::Combined, None, &BTreeMap::new()).unwrap();
                let view =
                    view.as_ref().map(|name| policy.views.iter().find(|view| view.name == *name).unwrap());
                let route = RouteSpec { class: 0, view, emit, output: 0, sink: 0 };
                let classes = build::classes(&policy, format.parser(), &[route]);
                let rules = ClassChoice::Rules { rules: Vec::new(), strictest: 0 };
                let choice = if fixed { ClassChoice::Fixed(0) } else { rules };
                let plan = SourcePlan { format, choice, classes, alone: None };
                let (mut worker, mut outcome) = (Worker::new(keys.clone(), 64), Outcome::new(1));
                worker.process(0, &plan, &batch, batch.received, &mut outcome);
                (outcome.clean[0].bytes().to_vec(), outcome.counts)
            });
            let [(rows, counts), (records, expected)] = &mut outputs;
            let lines =
                |bytes: &[u8]| bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
            for (row, record) in lines(rows).iter().zip(&lines(records)) {
                assert!(row == record, "row:    {}\nrecord: {}", row.escape_ascii(), record.escape_ascii());
            }
            assert_eq!(rows.len(), records.len());
            assert_eq!(counts.treated, expected.treated);
        }
    }
}
