//! One batch: messages to frames, frames to messages.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::carry::Carry;
use super::event::LaneEvent;
use super::held::Holding;
use super::live::Lane;
use super::parts::{Said, packed, value_after};
use super::payload::Events;
use super::round::rest;
use super::setup::{Output, Setup};
use super::{Around, Beat};
use crate::config::kafka::{MESSAGE_TIMEOUT_SECONDS, Payload, TRANSACTION_TIMEOUT_SECONDS};
use crate::kafka::KafkaError;
use crate::kafka::ffi::{BY_KEY, Batch, Incoming, NotSent};
use crate::kafka::producer::LaneProducer;
use crate::pipeline::counts::Counts;
use crate::pipeline::worker::carried::Beside;
use crate::pipeline::worker::messages::{Message, RefusedMessage};
use crate::pipeline::worker::{Bounds, Outcome, Worker};
use crate::protect::carried::Carried;
use crate::protect::quarantine::{Refused, Sealed};
use crate::record::batch::Frame;
use crate::record::span::Refusal;
use crate::record::timestamp::Timestamp;

/// How long a message may wait for room: beyond it the round is over in any case.
const ROOM: Duration = Duration::from_secs(TRANSACTION_TIMEOUT_SECONDS);

/// What one batch found beside records.
#[derive(Default)]
struct Found {
    /// Places of partitions, with the error that stood in a message's place.
    errors: Vec<(usize, RDKafkaErrorCode)>,
    /// By input: what became of its records, and the age of the oldest, in seconds.
    taken: Vec<(Counts, i64)>,
}

impl Lane<'_> {
    /// Waits at most `wait` for messages, and turns what is there into messages of this round.
    pub(super) fn read(&mut self, wait: Duration) -> Result<(), KafkaError> {
        let Self { consumer, worker, outcome, events, beside, holding, setup, around, is_behind, .. } = self;
        let batch = consumer.read(wait);
        *is_behind = batch.is_full();
        if batch.is_empty() {
            return Ok(());
        }
        let mut found = Found { taken: vec![Default::default(); setup.inputs.len()], ..Found::default() };
        let reader = Reader { setup, around, events, beside };
        reader.process(&batch, holding, worker, outcome, &mut found);
        if let Some(store) = &setup.store {
            store.take(&batch, &mut found.taken, outcome, (holding, around));
        }
        let sealed = seal(setup, &batch, &outcome.refused)?;
        drop(batch);
        // There are no rounds where records go to a store.
        if setup.store.is_none() && holding.iter().any(|held| held.next.is_some()) {
            self.send(&sealed, &mut found.taken)?;
        }
        for (input, (counts, seconds)) in found.taken.iter().enumerate() {
            self.judge_pace(input, counts, *seconds)?;
        }
        for (place, code) in found.errors {
            self.partition_error(place, code)?;
        }
        Ok(())
    }

    fn send(&mut self, sealed: &[Sealed], taken: &mut [(Counts, i64)]) -> Result<(), KafkaError> {
        self.begin()?;
        let Self { producer, outcome, holding, setup, around, beat, .. } = self;
        let Some(producer) = producer else { return Ok(()) };
        let millis = (around.clock)().0.div_euclid(1_000);
        let mut sender = Sender { producer, setup, around, beat, millis, said: Said::default() };
        let mut sent = Ok(());
        for (number, output) in setup.outputs.iter().enumerate() {
            let clean = &outcome.clean[number];
            let carried = outcome.carried.get(number);
            let (mut start, bytes) = (0, clean.bytes());
            if let Some(oldest) = clean.frames().iter().filter_map(|frame| frame.deadline).min() {
                around.events.tell(LaneEvent::Sends { output: number, deadline: oldest });
            }
            let mut frames = clean.frames().iter().copied();
            while let (Ok(()), Some(frame)) = (&sent, packed(&mut frames, start, output.pack_bytes)) {
                let held = holding.get(frame.origin as usize);
                let (partition, input) =
                    held.map_or((0, 0), |held| (held.partition.1, held.input.unwrap_or_default()));
                let line = bytes[start..frame.end].strip_suffix(b"\n").unwrap_or(&bytes[start..frame.end]);
                start = frame.end;
                let beside = carried.and_then(|carried| Some((setup.inputs[input].carry.as_ref()?, carried)));
                let epochs = &outcome.epochs;
                sent = sender.frame(output, &frame, partition, (line, beside), epochs, &mut taken[input].0);
            }
        }
        if let Some((topic, _)) = &setup.quarantine {
            for sealed in sealed {
                if sent.is_ok() {
                    sent = sender.message(*topic, BY_KEY, sealed.bytes(), None, &[]).map(|_| ());
                }
            }
        }
        let round = self.begin()?;
        let mut bytes = 0;
        for (input, (counts, _)) in taken.iter().enumerate() {
            bytes += counts.bytes_in;
            round.counts[input].add(counts);
        }
        round.bytes += bytes;
        self.around.events.tell(LaneEvent::Took { lane: self.number, bytes });
        match sent {
            Err(error) => self.give_up(Some(&error)),
            Ok(()) if self.producer()?.has_failed() => {
                let what = "delivering messages";
                self.give_up(Some(&KafkaError::Call { what, code: RDKafkaErrorCode::Fail }))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Holds a source back that is over its rate, and says when it lags.
    fn judge_pace(&mut self, input: usize, counts: &Counts, seconds: i64) -> Result<(), KafkaError> {
        if counts.records_in == 0 {
            return Ok(());
        }
        let source = &self.setup.inputs[input];
        let limit_seconds = source.lateness_seconds.unsigned_abs();
        if seconds > source.lateness_seconds / 2 {
            let seconds = seconds.unsigned_abs();
            self.around.events.tell(LaneEvent::Lagging { input, seconds, limit_seconds });
        }
        if counts.late > 0 {
            self.around.events.tell(LaneEvent::Late { input, records: counts.late });
        }
        match source.governor.take(counts.records_in, counts.bytes_in, Instant::now()) {
            Some(rest) => self.rest(input, rest),
            None => Ok(()),
        }
    }

    /// An error of a partition in a message's place.
    fn partition_error(&mut self, place: usize, code: RDKafkaErrorCode) -> Result<(), KafkaError> {
        if code == RDKafkaErrorCode::PartitionEOF {
            return self.at_end(place);
        }
        let error = KafkaError::Call { what: "reading a partition", code };
        if !matches!(code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) {
            self.around.events.tell(LaneEvent::Unreachable { error: &error });
            return Ok(());
        }
        // The broker deleted what was not read yet. What was read until here becomes a fact, then it goes on with what there is.
        self.settle()?;
        let Some(held) = self.holding.get(place) else { return Ok(()) };
        let partition = held.partition.clone();
        let (first, _) = self.consumer.reach(&partition)?;
        let lost = held.committed.map_or(0, |at| u64::try_from(first - at).unwrap_or(0));
        let pattern = held.pattern;
        self.around.events.tell(LaneEvent::OutOfRange { pattern, partition: &partition, lost });
        // The client has stopped this partition with its error, and one that is stopped cannot be sought in: it is begun anew.
        self.consumer.release(std::slice::from_ref(&partition))?;
        self.consumer.assign(&[(partition, Some(first))])?;
        if let Some(held) = self.holding.get_mut(place) {
            held.committed = Some(first);
            held.taken_again = Some(Instant::now());
        }
        Ok(())
    }
}

/// Messages to frames.
struct Reader<'a, 'l> {
    setup: &'a Setup,
    around: &'a Around<'a>,
    events: &'l mut Events,
    beside: &'l mut Beside,
}

impl Reader<'_, '_> {
    fn process(
        mut self,
        batch: &Batch<'_>,
        holding: &mut Holding,
        worker: &mut Worker,
        outcome: &mut Outcome,
        found: &mut Found,
    ) {
        let now = (self.around.clock)();
        worker.begin(now, outcome);
        let mut at: Option<usize> = None;
        let mut bounds = Bounds::default();
        for (number, message) in batch.iter().enumerate() {
            let place = holding.find(message.topic_id(), message.partition(), || message.topic());
            // One that was let go meanwhile is none of ours.
            let Some((place, held)) = place.and_then(|place| Some((place, holding.get_mut(place)?))) else {
                continue;
            };
            if let Some(code) = message.error() {
                found.errors.push((place, code));
                continue;
            }
            let Some(input) = held.input else { continue };
            held.next = Some(message.offset() + 1);
            // Messages come in runs of one partition.
            let before = at.replace(input);
            if before != Some(input) {
                if let Some(before) = before {
                    worker.together(before, &self.setup.inputs[before].plan, (now, bounds), outcome);
                    found.taken[before].0.add(&std::mem::take(&mut outcome.counts));
                }
                bounds = self.bounds(input, now);
            }
            let received = received(message, now);
            self.message(input, (number, place, message, received), (now, bounds), worker, outcome);
            let oldest = &mut found.taken[input].1;
            *oldest = (*oldest).max(now.seconds() - received.seconds());
        }
        if let Some(input) = at {
            worker.together(input, &self.setup.inputs[input].plan, (now, bounds), outcome);
        }
        worker.end(outcome);
        if let Some(input) = at {
            // Bytes that leave are counted as they are sent.
            outcome.counts.bytes_out = 0;
            found.taken[input].0.add(&std::mem::take(&mut outcome.counts));
        }
    }

    /// Until when records of a source must be delivered, and how late they may be.
    fn bounds(&self, input: usize, now: Timestamp) -> Bounds {
        // Parts go by their own deadlines: nothing is too late for them, and what would be is for the sink to say.
        if self.setup.store.is_some() {
            return Bounds::default();
        }
        let source = &self.setup.inputs[input];
        let delivery_seconds =
            if self.setup.is_exactly_once() { TRANSACTION_TIMEOUT_SECONDS } else { MESSAGE_TIMEOUT_SECONDS };
        Bounds {
            delivery_seconds: delivery_seconds.cast_signed(),
            late_before: Some(now.plus_seconds(-source.lateness_seconds)),
            too_late_before: Some(now.plus_seconds(-source.late_lateness_seconds)),
            apart: false,
        }
    }

    #[inline]
    fn message(
        &mut self,
        input: usize,
        (number, place, message, received): (usize, usize, Incoming<'_>, Timestamp),
        judged: (Timestamp, Bounds),
        worker: &mut Worker,
        outcome: &mut Outcome,
    ) {
        let source = &self.setup.inputs[input];
        let payload = message.payload().unwrap_or_default();
        let bytes = match source.payload {
            Payload::Lines => Ok(payload),
            Payload::Event => self.events.line(payload),
        };
        let (bytes, refusal) = match bytes {
            Ok(bytes) => (bytes, None),
            Err(refusal) => (payload, Some(refusal)),
        };
        let record_bytes_max = source.record_bytes_max;
        let records = Message { bytes, received, origin: place as u32, number, record_bytes_max };
        match (refusal, &source.carry) {
            (Some(refusal), _) => worker.refuse(input, records, refusal, outcome),
            (None, None) => worker.message(input, &source.plan, records, judged, outcome),
            (None, Some(carry)) => {
                outcome.counts.not_carried += carry.take(message, self.beside);
                let plans = (input, &source.plan, &carry.plan);
                worker.message_beside(plans, records, self.beside, judged, outcome);
            }
        }
    }
}

/// When a trusted system first had a message: the broker's stamp, or the producer's where it does not lie ahead.
fn received(message: Incoming<'_>, now: Timestamp) -> Timestamp {
    message.timestamp().map_or(now, |millis| Timestamp(millis.saturating_mul(1_000)).min(now))
}

/// Raw bytes that are sealed into one message, about: sealed messages must pass where others do.
const SEALED_BYTES: usize = 256 << 10;

/// Seals what was refused, whole messages, to the quarantine's recipients (PI-2).
fn seal(setup: &Setup, batch: &Batch<'_>, refused: &[RefusedMessage]) -> Result<Vec<Sealed>, KafkaError> {
    let mut all = Vec::new();
    let Some((_, sealer)) = setup.quarantine.as_ref().filter(|_| !refused.is_empty()) else {
        return Ok(all);
    };
    let messages: Vec<_> = batch.iter().collect();
    let content = |number: usize| messages.get(number).and_then(Incoming::payload).unwrap_or_default();
    let mut rest = refused;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |refused: &&RefusedMessage| {
            bytes += content(refused.number).len();
            bytes <= SEALED_BYTES
        };
        // One that is larger goes alone.
        let (group, after) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        rest = after;
        let records = group.iter().map(|message| Refused {
            source: &setup.inputs[message.input].name,
            refusal: message.refusal,
            received: message.received,
            bytes: content(message.number),
        });
        let mut sealed = Sealed::default();
        sealer.seal(records, &mut sealed).map_err(|error| KafkaError::Config {
            what: "quarantine".to_owned(),
            problem: error.to_string(),
        })?;
        all.push(sealed);
    }
    Ok(all)
}

/// Frames to messages.
struct Sender<'a> {
    producer: &'a LaneProducer,
    setup: &'a Setup,
    around: &'a Around<'a>,
    beat: &'a Beat,
    /// When this batch is sent.
    millis: i64,
    said: Said,
}

impl Sender<'_> {
    fn frame(
        &mut self,
        output: &Output,
        frame: &Frame,
        partition: i32,
        (line, beside): (&[u8], Option<(&Carry, &Carried)>),
        epochs: &[String],
        counts: &mut Counts,
    ) -> Result<(), KafkaError> {
        let key = output.key.as_deref().and_then(|before| value_after(before, line));
        let partition = if output.key.is_some() { BY_KEY } else { partition };
        let mut said = std::mem::take(&mut self.said);
        let own = said.header(output, frame, epochs);
        let send = |key, headers: &[_]| self.message(output.topic, partition, line, key, headers);
        let is_sent = match beside {
            None => send(key, &[own]),
            Some((carry, carried)) => {
                carry.with(own, carried.of(frame.end), |carried, headers| send(key.or(carried), headers))
            }
        }?;
        self.said = said;
        if is_sent {
            counts.bytes_out += line.len() as u64;
        } else {
            // Never in parts: refused as a whole, and counted as that.
            counts.records_out = counts.records_out.saturating_sub(u64::from(frame.records));
            (0..frame.records).for_each(|_| counts.refuse(Refusal::TooLong));
        }
        Ok(())
    }

    /// Sends a message, when there is room; false when it is too large.
    fn message(
        &self,
        topic: usize,
        partition: i32,
        payload: &[u8],
        key: Option<&[u8]>,
        headers: &[(&CStr, &[u8])],
    ) -> Result<bool, KafkaError> {
        let mut waited: Option<Instant> = None;
        loop {
            match self.producer.send((topic, partition), self.millis, payload, key, headers) {
                Ok(()) => return Ok(true),
                Err(NotSent::TooLarge) => {
                    let (topic, bytes) = (self.setup.topics[topic].as_str(), payload.len() as u64);
                    self.around.events.tell(LaneEvent::TooLarge { topic, bytes });
                    return Ok(false);
                }
                Err(NotSent::Refused(code)) => {
                    return Err(KafkaError::Call { what: "sending a message", code });
                }
                Err(NotSent::Full) => {
                    let since = *waited.get_or_insert_with(Instant::now);
                    if since.elapsed() > ROOM || self.producer.has_failed() {
                        let code = RDKafkaErrorCode::MessageTimedOut;
                        return Err(KafkaError::Call { what: "waiting for room to send", code });
                    }
                    self.beat.now();
                    rest(since);
                }
            }
        }
    }
}
