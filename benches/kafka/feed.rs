//! Topics for scripts: makes them, feeds lines to them, reads what is committed.
//!
//! *In*: lines on standard input. *Out*: what a `read_committed` reader sees. *Promised*: all that was read from standard input is
//! acknowledged when it ends with 0; reading ends at the end of what is committed. *Not here*: consumer groups, TLS.
//!
//! ```text
//! kafka-feed create BROKERS TOPIC PARTITIONS [SETTING=VALUE…]     retention.ms=86400000 and the like; replicas as the cluster likes
//! kafka-feed delete BROKERS TOPIC
//! kafka-feed feed   BROKERS TOPIC PARTITIONS [OPTION=VALUE…]      lines to partitions in turn: pack=1 (lines in a message),
//!                                                                compression=lz4, rate=0 (lines per second; 0 is all at once)
//! kafka-feed count  BROKERS TOPIC                                how many messages are committed
//! kafka-feed show   BROKERS TOPIC [MESSAGES]                     the values of all of them, or the first of every partition
//! ```

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::metadata::MetadataPartition;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: kafka-feed create BROKERS TOPIC PARTITIONS [SETTING=VALUE…]
       kafka-feed delete BROKERS TOPIC
       kafka-feed feed BROKERS TOPIC PARTITIONS [pack=LINES] [compression=lz4|zstd|none] [rate=LINES_PER_SECOND] <FILE
       kafka-feed count BROKERS TOPIC
       kafka-feed show BROKERS TOPIC [MESSAGES_PER_PARTITION]";

/// How long the cluster may take for one answer.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["create", brokers, topic, partitions, ref settings @ ..] => {
            create(brokers, topic, partitions, settings)
        }
        ["delete", brokers, topic] => delete(brokers, topic),
        ["feed", brokers, topic, partitions, ref options @ ..] => feed(brokers, topic, partitions, options),
        ["count", brokers, topic] => count(brokers, topic),
        ["show", brokers, topic] => show(brokers, topic, u64::MAX),
        ["show", brokers, topic, most] => {
            most.parse().map_err(Into::into).and_then(|n| show(brokers, topic, n))
        }
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has enough: `kafka-feed show … | head`.
        Err(error)
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kafka-feed: {error}");
            ExitCode::from(2)
        }
    }
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("reconnect.backoff.max.ms", "1000");
    config
}

fn pair(text: &str) -> Outcome<(&str, &str)> {
    text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=VALUE\n{USAGE}").into())
}

fn create(brokers: &str, topic: &str, partitions: &str, settings: &[&str]) -> Outcome {
    let admin: AdminClient<DefaultClientContext> = config(brokers).create()?;
    let mut new = NewTopic::new(topic, partitions.parse()?, TopicReplication::Fixed(-1));
    for setting in settings {
        let (name, value) = pair(setting)?;
        new = new.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    for made in block_on(admin.create_topics([&new], &options))? {
        made.map_err(|(topic, error)| format!("{topic} is not created: {error}"))?;
    }
    Ok(())
}

fn delete(brokers: &str, topic: &str) -> Outcome {
    let admin: AdminClient<DefaultClientContext> = config(brokers).create()?;
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    for deleted in block_on(admin.delete_topics(&[topic], &options))? {
        deleted.map_err(|(topic, error)| format!("{topic} is not deleted: {error}"))?;
    }
    Ok(())
}

/// Counts what the broker did not take.
#[derive(Default)]
struct Failures(AtomicU64);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
    }
}

struct Feed<'a> {
    producer: BaseProducer<Failures>,
    topic: &'a str,
    partitions: i32,
    messages: i32,
}

impl Feed<'_> {
    /// One message, to the partition whose turn it is.
    fn send(&mut self, value: &[u8]) -> Outcome {
        let partition = self.messages % self.partitions;
        self.messages = (self.messages + 1) % self.partitions;
        let mut record = BaseRecord::<[u8], [u8]>::to(self.topic).partition(partition).payload(value);
        while let Err((error, back)) = self.producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            self.producer.poll(Duration::from_millis(5));
            record = back;
        }
        Ok(())
    }
}

fn feed(brokers: &str, topic: &str, partitions: &str, options: &[&str]) -> Outcome {
    let (mut pack, mut compression, mut rate) = (1_u64, "lz4", 0_u32);
    for option in options {
        match pair(option)? {
            ("pack", value) => pack = value.parse::<u64>()?.max(1),
            ("compression", value) => compression = value,
            ("rate", value) => rate = value.parse()?,
            (name, _) => return Err(format!("'{name}' is no option\n{USAGE}").into()),
        }
    }
    let mut config = config(brokers);
    config.set("compression.type", compression).set("enable.idempotence", "true").set("linger.ms", "5");
    let producer = config.create_with_context(Failures::default())?;
    let mut feed = Feed { producer, topic, partitions: partitions.parse::<i32>()?.max(1), messages: 0 };
    let (mut stdin, mut message, mut lines, begun) = (io::stdin().lock(), Vec::new(), 0_u64, Instant::now());
    loop {
        let read = stdin.read_until(b'\n', &mut message)?;
        if read > 0 {
            lines += 1;
            if !lines.is_multiple_of(pack) {
                continue;
            }
        }
        if message.last() == Some(&b'\n') {
            message.pop();
        }
        // An empty line is a message too; only the end of input is none.
        if read > 0 || !message.is_empty() {
            feed.send(&message)?;
        }
        message.clear();
        if read == 0 {
            break;
        }
        if lines.is_multiple_of(256) {
            feed.producer.poll(Duration::ZERO);
        }
        if rate > 0 {
            let due = Duration::from_nanos(lines.saturating_mul(1_000_000_000) / u64::from(rate));
            // Where there is time to wait, reports are taken and batches go out.
            if let Some(early) = due.checked_sub(begun.elapsed()).filter(|early| early.as_millis() > 2) {
                feed.producer.poll(Duration::ZERO);
                thread::sleep(early);
            }
        }
    }
    feed.producer.flush(PATIENCE)?;
    match feed.producer.context().0.load(Ordering::Relaxed) {
        0 => Ok(()),
        failed => Err(format!("{failed} messages were not taken by the brokers").into()),
    }
}

/// Gives every committed message to `each`, in order within its partition, until that says that it has enough of that partition.
fn read(brokers: &str, topic: &str, mut each: impl FnMut(i32, &[u8]) -> Outcome<bool>) -> Outcome {
    let mut config = config(brokers);
    config
        .set("group.id", "kafka-feed")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true").set("fetch.queue.backoff.ms", "10");
    let consumer: BaseConsumer = config.create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut open = Vec::new();
    for found in metadata.topics() {
        open.extend(found.partitions().iter().map(MetadataPartition::id));
    }
    if open.is_empty() {
        return Err(format!("there is no topic {topic}").into());
    }
    let mut list = TopicPartitionList::new();
    for partition in &open {
        list.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let mut quiet = Instant::now();
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                quiet = Instant::now();
                let partition = message.partition();
                if open.contains(&partition) && !each(partition, message.payload().unwrap_or_default())? {
                    open.retain(|other| *other != partition);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|other| *other != partition),
            // Of a node that is away; the client tries the next.
            Some(Err(error)) if quiet.elapsed() > PATIENCE => return Err(error.into()),
            None if quiet.elapsed() > PATIENCE => {
                return Err(format!("{topic} cannot be read to its end").into());
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(())
}

fn count(brokers: &str, topic: &str) -> Outcome {
    let mut messages = 0_u64;
    read(brokers, topic, |_, _| {
        messages += 1;
        Ok(true)
    })?;
    println!("{messages}");
    Ok(())
}

fn show(brokers: &str, topic: &str, most: u64) -> Outcome {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut shown = std::collections::BTreeMap::<i32, u64>::new();
    read(brokers, topic, |partition, value| {
        let count = shown.entry(partition).or_default();
        if *count < most {
            out.write_all(value)?;
            out.write_all(b"\n")?;
        }
        *count += 1;
        Ok(*count < most)
    })?;
    out.flush()?;
    Ok(())
}
