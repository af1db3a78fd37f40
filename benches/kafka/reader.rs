//! What a reader of committed records sees: how much, in what time, and how soon.
//!
//! *In*: a topic. *Out*: one line of figures. *Promised*: an aborted record is not counted. *Not here*: what it costs.
//!
//! ```text
//! kafka-reader count   BROKERS TOPIC                         messages, lines, and the time from the first commit to the last, by the
//!                                                            broker's clock (the topic has LogAppendTime)
//! kafka-reader latency BROKERS INPUT OUTPUT RATE SECONDS     sends combined lines at RATE per second, each with its number as size of
//!                                                            the response, and times each until it can be read from OUTPUT
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: kafka-reader count BROKERS TOPIC
       kafka-reader latency BROKERS INPUT OUTPUT RATE SECONDS";

const PATIENCE: Duration = Duration::from_secs(30);

/// Lines that are sent before any is timed, in seconds of the rate: until all connections are there.
const WARM: u64 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["count", brokers, topic] => count(brokers, topic),
        ["latency", brokers, input, output, rate, seconds] => latency(brokers, input, output, rate, seconds),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka-reader: {error}");
            ExitCode::from(2)
        }
    }
}

/// A reader of all partitions of a topic, and how many these are.
fn reader(brokers: &str, topic: &str, from: Offset) -> Outcome<(BaseConsumer, usize)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "kafka-reader")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.queue.backoff.ms", "2")
        .set("fetch.wait.max.ms", "20")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        list.add_partition_offset(topic, partition.id(), from)?;
    }
    if list.count() == 0 {
        return Err(format!("there is no topic {topic}").into());
    }
    consumer.assign(&list)?;
    Ok((consumer, list.count()))
}

fn count(brokers: &str, topic: &str) -> Outcome {
    let (consumer, mut open) = reader(brokers, topic, Offset::Beginning)?;
    let (mut messages, mut lines, mut first, mut last) = (0_u64, 0_u64, i64::MAX, 0);
    let mut quiet = Instant::now();
    while open > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                quiet = Instant::now();
                let payload = message.payload().unwrap_or_default();
                messages += 1;
                lines += 1 + memchr::memchr_iter(b'\n', payload.strip_suffix(b"\n").unwrap_or(payload))
                    .count() as u64;
                if let Some(millis) = message.timestamp().to_millis() {
                    first = first.min(millis);
                    last = last.max(millis);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) if quiet.elapsed() > PATIENCE => return Err(error.into()),
            None if quiet.elapsed() > PATIENCE => return Err("the topic cannot be read to its end".into()),
            Some(Err(_)) | None => {}
        }
    }
    println!("messages {messages} lines {lines} span_ms {}", last.saturating_sub(first).max(0));
    Ok(())
}

fn latency(brokers: &str, input: &str, output: &str, rate: &str, seconds: &str) -> Outcome {
    let (rate, seconds): (u64, u64) = (rate.parse()?, seconds.parse()?);
    let total = rate * (seconds + WARM);
    let (consumer, _) = reader(brokers, output, Offset::Beginning)?;
    let origin = Instant::now();
    let sent: Arc<Vec<AtomicU64>> = Arc::new((0..total).map(|_| AtomicU64::new(0)).collect());
    let feeder = {
        let (sent, brokers, input) = (Arc::clone(&sent), brokers.to_owned(), input.to_owned());
        thread::spawn(move || feed(&brokers, &input, rate, origin, &sent).map_err(|error| error.to_string()))
    };
    let (mut micros, mut seen, mut quiet) = (Vec::new(), 0_u64, Instant::now());
    while seen < total {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                quiet = Instant::now();
                let number = number(message.payload().unwrap_or_default()).filter(|number| *number < total);
                let number = number.ok_or("a message without its number came out")?;
                let at = sent[usize::try_from(number)?].swap(0, Ordering::Relaxed);
                if at == 0 {
                    return Err("a message came out twice, or was never sent".into());
                }
                seen += 1;
                if number >= rate * WARM {
                    micros.push((origin.elapsed().as_micros() as u64).saturating_sub(at));
                }
            }
            _ if quiet.elapsed() > PATIENCE => {
                return Err(format!("{seen} of {total} messages came out").into());
            }
            _ => {}
        }
    }
    feeder.join().map_err(|_| "the feeder broke down")??;
    micros.sort_unstable();
    let at = |percent: usize| micros.get(micros.len() * percent / 100).map_or(0, |micros| micros / 1000);
    println!(
        "messages {seen} latency_ms_p50 {} latency_ms_p90 {} latency_ms_p99 {} latency_ms_max {}",
        at(50),
        at(90),
        at(99),
        micros.last().map_or(0, |micros| micros / 1000)
    );
    Ok(())
}

/// The size of the response: the first number after the status.
fn number(line: &[u8]) -> Option<u64> {
    let end = memchr::memmem::find(line, b"\" 200 ")? + 6;
    let digits = &line[end..end + memchr::memchr(b' ', &line[end..])?];
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Sends lines in time: the clock of each runs from the moment that the client has taken it.
fn feed(brokers: &str, input: &str, rate: u64, origin: Instant, sent: &[AtomicU64]) -> Outcome {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .create()?;
    let partitions = producer.client().fetch_metadata(Some(input), PATIENCE)?;
    let partitions = partitions.topics().first().map_or(1, |topic| topic.partitions().len()).max(1);
    let day = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let begun = Instant::now();
    for (number, slot) in sent.iter().enumerate() {
        let due = Duration::from_nanos(number as u64 * 1_000_000_000 / rate.max(1));
        if let Some(early) = due.checked_sub(begun.elapsed()).filter(|early| early.as_micros() > 500) {
            producer.poll(Duration::ZERO);
            thread::sleep(early);
        }
        let line = format!(
            "203.0.113.{} - - [{day}] \"GET /room/{} HTTP/1.1\" 200 {number} \"https://meet.example.org/\" \"Mozilla/5.0 (X11; Linux x86_64; \
             rv:128.0) Gecko/20100101 Firefox/128.0\"",
            number % 250,
            number % 17
        );
        slot.store((origin.elapsed().as_micros() as u64).max(1), Ordering::Relaxed);
        let partition = i32::try_from(number % partitions)?;
        let record = BaseRecord::<[u8], [u8]>::to(input).partition(partition).payload(line.as_bytes());
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(PATIENCE)?;
    Ok(())
}
