//! Topics as sinks of pipelines that read files or pipes.
//!
//! *In*: clean batches whose records are frames. *Out*: a message per record, or per pack of them, with the headers that lanes write. *Promised*: at
//! least once: what is [held](Sink::hold) has its receipts, so that positions are saved after them; a message that has no receipt in its time
//! ends the run, and the next one reads it again. What would be due before its receipt must be there is withheld (PI-3). *Not here*:
//! how late records may be (`worker`); what the topics are (`kafka::judge`).
//!
//! All topics of a pipeline share one idempotent producer, behind a lock that nobody waits for: sinks are called one after the other.

use std::ffi::CStr;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::parts::{Said, packed, value_after};
use super::setup::{Output, compression, outputs};
use crate::config::kafka::MESSAGE_TIMEOUT_SECONDS;
use crate::config::plan::Plan;
use crate::kafka::ffi::{BY_KEY, NotSent};
use crate::kafka::producer::LaneProducer;
use crate::kafka::{KafkaError, client};
use crate::pipeline::build;
use crate::pipeline::delivery::ClassSink;
use crate::pipeline::worker::SourcePlan;
use crate::record::batch::{CleanBatch, Frame};
use crate::record::timestamp::Timestamp;
use crate::sink::{Delivered, Held, Sink, SinkError};

/// How long room or receipts are waited for; the client gives a message up before.
const RECEIPTS: Duration = Duration::from_secs(MESSAGE_TIMEOUT_SECONDS + 5);

/// Hears of a message that is larger than its topic takes: the topic, and bytes.
pub type TooLarge = Arc<dyn Fn(&str, u64) + Send + Sync>;

/// One topic.
struct TopicSink {
    producer: Arc<Mutex<LaneProducer>>,
    too_large: TooLarge,
    topic: String,
    output: Output,
    epochs: Vec<String>,
    said: Said,
}

/// The sinks of `plan`, all of them topics, in the order of the worker's outputs; `sources` are compiled, and `message_bytes_max` is the largest
/// message that all topics take, where that is known.
///
/// # Errors
/// When the client cannot be made.
pub fn topic_sinks(
    plan: &Plan,
    sources: &[&SourcePlan],
    message_bytes_max: Option<usize>,
    too_large: &TooLarge,
) -> Result<Vec<ClassSink>, KafkaError> {
    let config = |problem: String| KafkaError::Config { what: "[kafka]".to_owned(), problem };
    let kafka = plan.kafka.as_ref().ok_or_else(|| config("the pipeline has none; write it".to_owned()))?;
    let (outputs, topics) = outputs(plan, sources).map_err(config)?;
    let mut settings = client::producer(kafka, 1, None, compression(plan))?;
    if let Some(bytes) = message_bytes_max {
        settings.set("message.max.bytes", bytes.to_string());
    }
    let producer = Arc::new(Mutex::new(LaneProducer::open(&settings, &topics)?));
    let sink = |((class, _), output): ((usize, usize), Output)| {
        let sink = TopicSink {
            producer: Arc::clone(&producer),
            too_large: Arc::clone(too_large),
            topic: topics[output.topic].clone(),
            output,
            epochs: Vec::new(),
            said: Said::default(),
        };
        (class, Box::new(sink) as Box<dyn Sink>)
    };
    Ok(build::outputs(plan).into_iter().zip(outputs).map(sink).collect())
}

impl TopicSink {
    fn fault(&self, what: &'static str, code: RDKafkaErrorCode) -> SinkError {
        let error = KafkaError::Call { what, code };
        SinkError::Io {
            place: format!("topic {}", self.topic),
            problem: format!(
                "{error}; what has no receipt is read again by the next run, if its source can be"
            ),
        }
    }

    /// Sends one message; false when it is too large.
    fn send(
        &mut self,
        (producer, now): (&LaneProducer, Timestamp),
        line: &[u8],
        frame: &Frame,
    ) -> Result<bool, SinkError> {
        let key = self.output.key.as_deref().and_then(|before| value_after(before, line));
        let mut said = mem::take(&mut self.said);
        let own = said.header(&self.output, frame, &self.epochs);
        let sent = self.offer((producer, now.0.div_euclid(1_000)), line, key, &[own]);
        self.said = said;
        sent
    }

    fn offer(
        &self,
        (producer, millis): (&LaneProducer, i64),
        line: &[u8],
        key: Option<&[u8]>,
        headers: &[(&CStr, &[u8])],
    ) -> Result<bool, SinkError> {
        let began = Instant::now();
        loop {
            match producer.send((self.output.topic, BY_KEY), millis, line, key, headers) {
                Ok(()) => return Ok(true),
                Err(NotSent::TooLarge) => {
                    (self.too_large)(&self.topic, line.len() as u64);
                    return Ok(false);
                }
                Err(NotSent::Refused(code)) => return Err(self.fault("sending a message", code)),
                Err(NotSent::Full) => {
                    self.look(producer, began, "waiting for room to send")?;
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// An error when a message was given up, or waiting has taken too long.
    fn look(&self, producer: &LaneProducer, began: Instant, what: &'static str) -> Result<(), SinkError> {
        if producer.has_failed() {
            return Err(self.fault("delivering messages", RDKafkaErrorCode::MessageTimedOut));
        }
        if began.elapsed() > RECEIPTS {
            return Err(self.fault(what, RDKafkaErrorCode::MessageTimedOut));
        }
        Ok(())
    }

    fn wait_for_receipts(&self) -> Result<(), SinkError> {
        let producer = lock(&self.producer);
        let began = Instant::now();
        loop {
            // What was given up is in flight no more.
            self.look(&producer, began, "waiting for receipts")?;
            if producer.in_flight() == 0 {
                return self.look(&producer, began, "waiting for receipts");
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn lock(producer: &Mutex<LaneProducer>) -> MutexGuard<'_, LaneProducer> {
    producer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for TopicSink {
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        let shared = Arc::clone(&self.producer);
        let producer = lock(&shared);
        let mut delivered = Delivered::default();
        let sure = now.plus_seconds(MESSAGE_TIMEOUT_SECONDS.cast_signed());
        let (mut start, bytes) = (0, batch.bytes());
        let mut frames = batch.frames().iter().copied();
        while let Some(frame) = packed(&mut frames, start, self.output.pack_bytes) {
            let line = bytes[start..frame.end].strip_suffix(b"\n").unwrap_or(&bytes[start..frame.end]);
            start = frame.end;
            let Some(deadline) = frame.deadline else {
                return Err(SinkError::NoDeadline { place: format!("topic {}", self.topic) });
            };
            let deadline = deadline.plus_seconds(-self.output.sooner_seconds);
            let records = u64::from(frame.records);
            if deadline > sure && self.send((&producer, now), line, &frame)? {
                delivered.records += records;
            } else {
                delivered.withheld += records;
            }
        }
        Ok(delivered)
    }

    fn epochs(&mut self, names: &[String]) {
        names.clone_into(&mut self.epochs);
        self.said.forget();
    }

    fn finish(&mut self, _: Timestamp) -> Result<Delivered, SinkError> {
        self.wait_for_receipts().map(|()| Delivered::default())
    }

    fn hold(&mut self, _: &mut Vec<Held>) -> Result<(), SinkError> {
        self.wait_for_receipts()
    }
}
