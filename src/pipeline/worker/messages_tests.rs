use proptest::prelude::*;

use super::super::super::build::{self, RouteSpec};
use super::*;
use crate::config::{self, format_spec::FormatSpec};
use crate::encode::Emit;
use crate::keys::Keys;
use crate::pipeline::worker::ClassChoice;
use crate::record::batch::Frame;

const NOW: Timestamp = Timestamp::from_seconds(1_795_251_700);
const RECORD_BYTES_MAX: usize = 600;

fn plan(emit: Emit) -> (SourcePlan, Keys) {
    let policy = config::builtin().unwrap();
    let format = build::compile(&FormatSpec::Combined, None, &policy.variables).unwrap();
    let route = RouteSpec { class: 0, view: None, emit, output: 0, sink: 0 };
    let classes = build::classes(&policy, format.parser(), &[route]);
    let plan = SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None };
    (plan, Keys::ephemeral(&policy.domains).unwrap())
}

/// What became of messages: bytes, frames, refused messages, and how many records came and left.
type Fate = (Vec<u8>, Vec<Frame>, Vec<(usize, usize, Refusal, Timestamp)>, (u64, u64));

/// Treats messages, of which `between` says after how many they are treated that were put together.
fn treat(plan: &SourcePlan, keys: &Keys, messages: &[Vec<u8>], between: usize) -> Fate {
    let mut worker = Worker::new(keys.clone(), 64);
    let mut outcome = Outcome::new(1);
    let judged = (NOW, Bounds::default());
    worker.begin(NOW, &mut outcome);
    for (number, bytes) in messages.iter().enumerate() {
        let received = NOW.plus_seconds(-number.cast_signed() as i64);
        let origin = number as u32 % 3;
        let message = Message { bytes, received, origin, number, record_bytes_max: RECORD_BYTES_MAX };
        worker.message(0, plan, message, judged, &mut outcome);
        if (number + 1) % between == 0 {
            worker.together(0, plan, judged, &mut outcome);
        }
    }
    worker.together(0, plan, judged, &mut outcome);
    worker.end(&mut outcome);
    assert!(outcome.failures.is_empty());
    let refused =
        outcome.refused.iter().map(|one| (one.number, one.input, one.refusal, one.received)).collect();
    let counts = (outcome.counts.records_in, outcome.counts.records_out);
    (outcome.clean[0].bytes().to_vec(), outcome.clean[0].frames().to_vec(), refused, counts)
}

fn line() -> impl Strategy<Value = String> {
    let agent = "(Mozilla/5.0 \\(X11; Linux x86_64\\) Firefox/128.0|curl/8.1|-|a\\\\x22b)";
    prop_oneof![
        8 => (0_u8..4, "[a-z]{1,90}", agent).prop_map(|(host, path, agent)| format!(
            "192.0.2.{host} - - [21/Nov/2026:09:00:0{host} +0000] \"GET /{path} HTTP/1.1\" 200 5 \"-\" \"{agent}\""
        )),
        1 => "[a-z \"]{0,20}",
        1 => "[a-z]{700}",
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let lines =
        prop_oneof![6 => prop::collection::vec(line(), 1..2), 1 => prop::collection::vec(line(), 0..50)];
    (lines, 0_usize..3).prop_map(|(lines, ends)| (lines.join("\n") + &"\n".repeat(ends / 2)).into_bytes())
}

proptest! {
    #[test]
    fn messages_that_are_treated_together_meet_nobody(
        messages in prop::collection::vec(message(), 0..40),
        same in any::<bool>(),
    ) {
        let (plan, keys) = plan(if same { Emit::Same } else { Emit::Ndjson });
        prop_assert!(plan.joins());
        let each = treat(&plan, &keys, &messages, 1);
        let together = treat(&plan, &keys, &messages, usize::MAX);
        prop_assert_eq!(&each.1, &together.1);
        prop_assert_eq!(&each.2, &together.2);
        prop_assert_eq!(each.3, together.3);
        prop_assert!(each.0 == together.0);
        // A message in one place of the log holds what it holds alone.
        let mut alone = Vec::new();
        for message in &messages {
            alone.extend(treat(&plan, &keys, std::slice::from_ref(message), 1).0);
        }
        prop_assert!(alone == together.0);
    }
}
