//! The ceiling: messages of one topic, as they are, into another, through librdkafka and nothing of ours.
//!
//! *In*: a topic. *Out*: the same messages in another topic, without headers, in transactions with the positions of the group; then one
//! line of figures. *Promised*: the client is configured by the product's own code, read and written by the batch
//! (`rd_kafka_consume_batch_queue`, `rd_kafka_produce_batch`), so that what the product needs beyond this is what it does with the lines.
//! *Not here*: rebalances, aborts, anything that goes wrong: then it ends.
//!
//! ```text
//! kafka-passthrough BROKERS INPUT OUTPUT MESSAGES [COMMIT_MS]
//! ```
//!
//! # Safety argument
//! The producer lives as long as the topic's handle, which is destroyed before it. `rd_kafka_produce_batch` copies payloads before it returns
//! (`RD_KAFKA_MSG_F_COPY`), while the batch that was read is still borrowed.
#![allow(unsafe_code, reason = "rd_kafka_produce_batch, which neither rdkafka nor the product wraps")]

use std::error::Error;
use std::ffi::CString;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _};
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
use rustix::time::{ClockId, clock_gettime};
use sluis::config::kafka::{
    COMMIT_MS_DEFAULT, DRAIN_SECONDS_DEFAULT, DeliveryKind, IN_FLIGHT_BYTES_DEFAULT, KafkaPlan, Security,
};
use sluis::kafka::client;
use sluis::kafka::consumer::{GroupEvent, LaneConsumer, Partition};
use sluis::kafka::ffi::{Batch, Outbox};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: kafka-passthrough BROKERS INPUT OUTPUT MESSAGES [COMMIT_MS]";

/// How long one call, or the next message, may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [brokers, input, output, messages] => messages
            .parse()
            .map_err(Into::into)
            .and_then(|messages| run(brokers, input, output, messages, COMMIT_MS_DEFAULT)),
        [brokers, input, output, messages, every] => messages
            .parse()
            .and_then(|messages| Ok((messages, every.parse()?)))
            .map_err(Into::into)
            .and_then(|(messages, every)| run(brokers, input, output, messages, every)),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka-passthrough: {error}");
            ExitCode::from(2)
        }
    }
}

fn plan(brokers: &str, output: &str) -> KafkaPlan {
    KafkaPlan {
        brokers: vec![brokers.to_owned()],
        group: format!("passthrough-{output}"),
        instance: None,
        lanes: Some(1),
        delivery: DeliveryKind::ExactlyOnce,
        commit_ms: COMMIT_MS_DEFAULT,
        in_flight_bytes: IN_FLIGHT_BYTES_DEFAULT,
        drain_seconds: DRAIN_SECONDS_DEFAULT,
        security: Security::default(),
        options: std::collections::BTreeMap::default(),
    }
}

/// Messages to the same partition of another topic.
struct Out {
    outbox: Outbox<DefaultProducerContext>,
    topic: *mut sys::rd_kafka_topic_t,
    messages: Vec<sys::rd_kafka_message_t>,
    producer: Arc<BaseProducer>,
}

impl Out {
    fn open(config: &ClientConfig, output: &str) -> Outcome<Self> {
        let producer = Arc::new(BaseProducer::from_config_and_context(config, DefaultProducerContext)?);
        producer.init_transactions(PATIENCE)?;
        let name = CString::new(output)?;
        // SAFETY: see the module comment; no configuration is given.
        let topic = unsafe {
            sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), std::ptr::null_mut())
        };
        if topic.is_null() {
            return Err(format!("'{output}' is no name of a topic").into());
        }
        Ok(Self { outbox: Outbox::new(&producer, &[])?, topic, messages: Vec::new(), producer })
    }

    /// Sends what was read, and marks how far that was.
    fn pass(&mut self, batch: &Batch<'_>, next: &mut [i64]) -> Outcome<u64> {
        self.messages.clear();
        let mut passed = 0;
        for message in batch.iter() {
            if let Some(code) = message.error() {
                return Err(format!("reading: {code:?}").into());
            }
            next[usize::try_from(message.partition())?] = message.offset() + 1;
            let payload = message.payload().unwrap_or_default();
            // SAFETY: all of its fields may be zero.
            let mut copy: sys::rd_kafka_message_t = unsafe { std::mem::zeroed() };
            copy.partition = message.partition();
            copy.payload = payload.as_ptr().cast_mut().cast();
            copy.len = payload.len();
            self.messages.push(copy);
            passed += 1;
        }
        let flags = sys::RD_KAFKA_MSG_F_COPY | sys::RD_KAFKA_MSG_F_PARTITION;
        let begun = Instant::now();
        while !self.messages.is_empty() {
            let count = i32::try_from(self.messages.len())?;
            // SAFETY: see the module comment.
            let taken = unsafe {
                sys::rd_kafka_produce_batch(self.topic, 0, flags, self.messages.as_mut_ptr(), count)
            };
            if taken == count {
                break;
            }
            let full = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL;
            self.messages.retain(|message| message.err == full);
            if self.messages.len() != usize::try_from(count - taken)? || begun.elapsed() > PATIENCE {
                return Err("a message was not taken".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(passed)
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::rd_kafka_topic_destroy(self.topic) };
    }
}

fn run(brokers: &str, input: &str, output: &str, messages: u64, every_ms: u64) -> Outcome {
    let plan = plan(brokers, output);
    let every = Duration::from_millis(every_ms);
    let mut consumer = LaneConsumer::join(&client::consumer(&plan, 1)?, &[input])?;
    let id = format!("passthrough-{output}");
    let mut out = Out::open(&client::producer(&plan, 1, Some(&id), "lz4")?, output)?;
    let (mut next, mut passed, mut commits) = (vec![-1_i64; 1024], 0_u64, Vec::new());
    let (mut group, mut round): (_, Option<Instant>) = (None, None);
    let (mut first, mut heard) = (None, Instant::now());
    loop {
        match consumer.event()? {
            Some(GroupEvent::Assigned(partitions)) => {
                let positions: Vec<(Partition, Option<i64>)> =
                    partitions.into_iter().map(|partition| (partition, None)).collect();
                consumer.assign(&positions)?;
                group = consumer.metadata();
            }
            Some(GroupEvent::Revoked { .. }) => return Err("there is somebody else in the group".into()),
            None => {}
        }
        let wait = round.map_or(every, |begun| every.saturating_sub(begun.elapsed()));
        let batch = consumer.read(wait);
        if !batch.is_empty() {
            heard = Instant::now();
            first.get_or_insert(heard);
            if round.is_none() {
                out.producer.begin_transaction()?;
                round = Some(heard);
            }
            passed += out.pass(&batch, &mut next)?;
        }
        drop(batch);
        if let (Some(begun), Some(group)) = (round, &group)
            && (begun.elapsed() >= every || passed >= messages)
        {
            let begun = Instant::now();
            let mut list = TopicPartitionList::new();
            for (partition, at) in (0..).zip(&mut next) {
                if let at @ 0.. = std::mem::replace(at, -1) {
                    list.add_partition_offset(input, partition, Offset::Offset(at))?;
                }
            }
            out.producer.send_offsets_to_transaction(&list, group, PATIENCE)?;
            out.outbox.commit(PATIENCE)?;
            commits.push(begun.elapsed());
            round = None;
        }
        if passed >= messages && round.is_none() {
            break;
        }
        if heard.elapsed() > PATIENCE {
            return Err(format!("only {passed} of {messages} messages came").into());
        }
    }
    report(passed, first.map_or(Duration::ZERO, |first| first.elapsed()), commits);
    Ok(())
}

/// One line: names and figures.
fn report(messages: u64, wall: Duration, mut commits: Vec<Duration>) {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("0");
    commits.sort_unstable();
    let at = |percent: usize| commits.get(commits.len() * percent / 100).map_or(0.0, Duration::as_secs_f64);
    println!(
        "messages {messages} cpu_s {}.{:02} wall_s {:.2} peak_kib {peak_kib} commits {} commit_ms_p50 {:.0} commit_ms_p95 {:.0}",
        cpu.tv_sec,
        cpu.tv_nsec / 10_000_000,
        wall.as_secs_f64(),
        commits.len(),
        at(50) * 1000.0,
        at(95) * 1000.0
    );
}
