//! What goes with a message beside its records: the key and headers that its source carries over.
//!
//! *In*: a message with its records, and values beside them. *Out*: its [frame](crate::record::batch::Frame) per output, and the treated
//! values that go with each. *Promised*: a value is treated under the table of the class and output of its frame, with keys of one epoch,
//! which the frame names; one that cannot be treated is left out and counted. *Not here*: how keys and headers are read and sent
//! (`pipeline::lane`), which of them may leave (`policy`).

use super::messages::Message;
use super::{Bounds, Outcome, SourcePlan, Worker};
use crate::config::kafka;
use crate::config::plan::{Plan, SourcePlan as Planned};
use crate::policy::table::Table;
use crate::protect::Record;
use crate::record::field::kind_of;
use crate::record::span::{Escape, Layout, Parsed, Slot};
use crate::record::timestamp::Timestamp;

/// The longest value that is carried over. Keys and headers name things; a longer one would be searched for nothing.
pub const VALUE_BYTES_MAX: usize = 4 << 10;

/// What is done to the values beside the messages of one source: compiled.
pub struct CarriedPlan {
    ways: Vec<Way>,
}

/// One output that messages of the source go to.
struct Way {
    output: usize,
    domain: usize,
    retention_seconds: u64,
    table: Table,
}

impl CarriedPlan {
    /// Compiles `carried` for the outputs of a source. Slot 0 is the key, whether or not there is one; then come the headers in their order.
    pub fn new(plan: &Plan, planned: &Planned, compiled: &SourcePlan, carried: &kafka::Carried) -> Self {
        let slot = |field: &str| Slot {
            field: field.to_owned(),
            kind: kind_of(field),
            escape: Escape::None,
            scale: 1.0,
        };
        let key = slot(carried.key.as_deref().unwrap_or_default());
        let headers = carried.headers.iter().map(|(_, field)| slot(field));
        let slots = std::iter::once(key).chain(headers).collect();
        let layout = Layout { slots, absent: "", repeats: true };
        let mut ways = Vec::new();
        for index in planned.class.classes() {
            let (class, of_class) = (&plan.policy.classes[index], &compiled.classes[index]);
            let mut way = |output, sink: usize| {
                let view = plan.sinks[sink].view(&plan.policy);
                ways.push(Way {
                    output,
                    domain: class.domain,
                    retention_seconds: class.retention_seconds.unwrap_or(0),
                    table: Table::compile(&plan.policy, class, view, &layout),
                });
            };
            for route in &of_class.routes {
                way(route.output, route.sink);
            }
            // Late records are treated as for the first route.
            if let (Some(late), Some(first)) = (of_class.late, of_class.routes.first()) {
                way(late, first.sink);
            }
        }
        Self { ways }
    }
}

/// Values beside one message, as they came. Raw: no `Debug`.
#[derive(Default)]
pub struct Beside {
    raw: Vec<u8>,
    parsed: Parsed,
    /// Frames that each way's output had before the message.
    frames: Vec<usize>,
}

impl Beside {
    /// Empties it for the next message.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.parsed.clear();
    }

    /// Adds a value of slot number `slot`; false for one that is no text: it is too long, not UTF-8 or holds control characters.
    pub fn add(&mut self, slot: u16, value: &[u8]) -> bool {
        let is_text = value.len() <= VALUE_BYTES_MAX
            && std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(char::is_control));
        if is_text {
            let start = self.raw.len();
            self.raw.extend_from_slice(value);
            self.parsed.push(slot, start, self.raw.len());
        }
        is_text
    }
}

impl Worker {
    /// As [`Worker::message`], and treats what stands beside the message for each frame that it gives.
    pub fn message_beside(
        &mut self,
        (input, source, plan): (usize, &SourcePlan, &CarriedPlan),
        message: Message<'_>,
        beside: &mut Beside,
        judged: (Timestamp, Bounds),
        outcome: &mut Outcome,
    ) {
        beside.frames.clear();
        beside.frames.extend(plan.ways.iter().map(|way| outcome.clean[way.output].frames().len()));
        // Messages of such a source are never treated together: each has something of its own beside it.
        outcome.counts.bytes_in += message.bytes.len() as u64;
        self.apart(input, source, message, judged, outcome);
        if beside.parsed.parts.is_empty() {
            return;
        }
        if outcome.carried.len() < outcome.clean.len() {
            outcome.carried.resize_with(outcome.clean.len(), Default::default);
        }
        for (way, before) in plan.ways.iter().zip(&beside.frames) {
            let clean = &mut outcome.clean[way.output];
            let Some(frame) = clean.frames().get(*before..).and_then(<[_]>::last).copied() else { continue };
            // The earliest record of the frame tells the epoch: its deadline is that instant and what the class lives.
            let retention = i64::try_from(way.retention_seconds).unwrap_or(i64::MAX);
            let instant = frame.deadline.map(|deadline| deadline.plus_seconds(-retention));
            let epoch = instant.and_then(|instant| self.epochs.at(way.domain, instant, judged.0).ok());
            let Some(epoch) = epoch else {
                outcome.counts.not_carried += beside.parsed.parts.len() as u64;
                continue;
            };
            if outcome.epochs.get(frame.epoch as usize).is_none_or(|id| id != epoch.id()) {
                // Records of several epochs or domains in one message: what goes with it compares in one, and says which.
                outcome.epochs.push(epoch.id().to_owned());
                outcome.epoch = epoch.serial();
                clean.name_epoch(outcome.epochs.len() as u32 - 1);
            }
            self.protector.learner.enter(way.domain);
            let record =
                Record { batch: &[], raw: &beside.raw, parsed: &beside.parsed, table: &way.table, epoch };
            outcome.counts.not_carried +=
                self.protector.carry(record, frame.end, &mut outcome.carried[way.output]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::pipeline_from_str;
    use crate::config::plan::SourceKind;
    use crate::keys::Keys;
    use crate::pipeline::build;

    #[test]
    fn what_goes_with_records_of_two_epochs_names_the_one_that_it_is_of() {
        let load = |_: &Path| Ok(include_str!("../../../config/policy/meet.toml").to_owned());
        let text = include_str!("../../../config/meet-kafka.toml");
        let (plan, _) = pipeline_from_str(text, "p.toml", &load).unwrap_or_else(|found| panic!("{found}"));
        let built = build::sources(&plan).unwrap();
        let SourceKind::Kafka(kafka) = &plan.sources[0].kind else { panic!("on Kafka") };
        let carried = CarriedPlan::new(&plan, &plan.sources[0], &built.sources[0], &kafka.carried);
        let mut worker = Worker::new(Keys::ephemeral(&plan.policy.domains).unwrap(), 0);
        let mut outcome = Outcome::new(build::outputs(&plan).len());
        let now = Timestamp::from_seconds(1_795_789_000);
        let day = |day: u32| {
            format!("203.0.113.77 - - [{day}/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"")
        };
        let (first, second) = (day(26), day(27));
        let mut beside = Beside::default();
        let mut epochs = Vec::new();
        let mut keys = Vec::new();
        worker.begin(now, &mut outcome);
        for lines in [&second, &format!("{first}\n{second}"), &first, &second] {
            beside.clear();
            assert!(beside.add(0, b"203.0.113.77") && beside.add(1, b"Room"));
            assert!(!beside.add(1, b"a\0b") && !beside.add(1, &[b'a'; VALUE_BYTES_MAX + 1]));
            let message = Message {
                bytes: lines.as_bytes(),
                received: now,
                origin: 0,
                number: 0,
                record_bytes_max: 9_999,
            };
            let plans = (0, &built.sources[0], &carried);
            worker.message_beside(plans, message, &mut beside, (now, Bounds::default()), &mut outcome);
            let output = carried.ways[0].output;
            let clean = &outcome.clean[output];
            let frame = *clean.frames().last().unwrap();
            let values: Vec<_> = outcome.carried[output].of(frame.end).collect();
            assert_eq!(values.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(), [0, 1]);
            keys.push(String::from_utf8(values[0].1.to_vec()).unwrap());
            epochs.push(outcome.epochs[frame.epoch as usize].clone());
            // The line of the epoch that is named has the pseudonym of the key.
            let text = std::str::from_utf8(clean.bytes()).unwrap();
            assert!(
                text.lines()
                    .any(|line| line.contains(&epochs[epochs.len() - 1])
                        && line.contains(&keys[keys.len() - 1]))
            );
        }
        worker.end(&mut outcome);
        assert!(epochs[0] == epochs[3] && epochs[1] == epochs[2] && epochs[0] != epochs[1], "{epochs:?}");
        assert!(keys[0] == keys[3] && keys[1] == keys[2] && keys[0] != keys[1], "{keys:?}");
        assert!(outcome.carried[carried.ways[0].output].of(7).next().is_none());
        assert_eq!((outcome.counts.records_out, outcome.counts.not_carried), (5, 0));
    }
}
