//! Records in which bytes were changed: never a panic, and every record is accounted for.

use sluis::encode::Emit;
use sluis::keys::Keys;
use sluis::pipeline::worker::{Outcome, Worker};
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;

use super::{NOW, plan, policies, spec};
use crate::finder::cases;
use crate::finder::generate::Dice;
use crate::leak::planted::{SERVICES, good};

/// Bytes that mean something to one of the formats.
const BYTES: &[u8] = b"\n\n\t []=:<>'\"{}%@\\/.#01a\xff\0\x1b";

/// Changes some bytes: other ones, more, fewer, a piece of another place.
fn change(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(6) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.below(bytes.len());
        let end = bytes.len().min(at + 1 + dice.below(30));
        match dice.below(5) {
            0 => bytes[at] = BYTES[dice.below(BYTES.len())],
            1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes.insert(at, BYTES[dice.below(BYTES.len())]),
            3 => drop(bytes.drain(at..end)),
            _ => {
                let piece = bytes[at..end].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
}

#[test]
fn changed_records_are_counted_and_never_panic() {
    let now = Timestamp::from_seconds(NOW);
    for service in SERVICES {
        let (format, records) = (&spec(service.format), good(service));
        for ((policy, class), emit) in policies(format).into_iter().zip([Emit::Same, Emit::Ndjson]) {
            let keys = Keys::ephemeral(&policy.domains).unwrap();
            let plan = plan(format, &policy, class, emit);
            let (mut worker, mut outcome) = (Worker::new(keys, 64), Outcome::new(1));
            let (mut left, mut refused) = (0, 0);
            for case in 0..cases(2000) {
                let mut dice = Dice::new(case);
                let mut batch = RawBatch::with_capacity(1 << 12);
                batch.received = now;
                for _ in 0..3 {
                    batch.bytes.extend_from_slice(records[dice.below(records.len())].as_bytes());
                    batch.bytes.push(b'\n');
                }
                change(&mut dice, &mut batch.bytes);
                worker.process(0, &plan, &batch, now, &mut outcome);
                let counts = &outcome.counts;
                assert!(counts.balance(), "{}: case {case}: a record is lost", service.format);
                assert_eq!(counts.quarantined(), outcome.failures.len() as u64, "case {case}");
                refused += counts.quarantined();
                left += counts.records_out;
            }
            assert!(left > refused && refused > 0, "{}: {left} left, {refused} refused", service.format);
        }
    }
}
