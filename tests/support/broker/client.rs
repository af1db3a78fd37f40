//! What tests do with topics: make them, write to them, read what is committed, ask for positions.
//!
//! *In*: topics by name. *Out*: [`Message`]s, offsets. *Promised*: nothing is returned before it is true on the broker: a topic that was
//! created can be written to, records that were produced are acknowledged by all replicas, reading ends at the end and not when it is
//! quiet. *Not here*: consumer groups; the product is tested, not a stand-in.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::Broker;

/// How long the cluster may take for anything that is asked of it; longer than a transaction may stay open.
const PATIENCE: Duration = Duration::from_mins(1);

/// A message as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    /// `None`: a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Message {
    /// The value as text, which the tests' own messages are.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_deref().unwrap_or_default()).expect("text")
    }
}

/// A message to be written: `Record::to(0, "line").key("k").header("name", "value").at(milliseconds)`.
#[derive(Clone, Default)]
pub struct Record {
    partition: i32,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    timestamp: Option<i64>,
}

impl Record {
    pub fn to(partition: i32, value: impl Into<Vec<u8>>) -> Self {
        Self { partition, value: Some(value.into()), ..Self::default() }
    }

    pub fn tombstone(partition: i32) -> Self {
        Self { partition, ..Self::default() }
    }

    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn at(mut self, milliseconds: i64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }

    fn send<C: ProducerContext<DeliveryOpaque = ()>>(&self, producer: &BaseProducer<C>, topic: &str) {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(self.partition);
        record.key = self.key.as_deref();
        record.payload = self.value.as_deref();
        record.timestamp = self.timestamp;
        if !self.headers.is_empty() {
            let none = OwnedHeaders::new_with_capacity(self.headers.len());
            let add = |all: OwnedHeaders, (key, value): &(String, Vec<u8>)| {
                all.insert(Header { key, value: Some(value) })
            };
            record.headers = Some(self.headers.iter().fold(none, add));
        }
        let begun = Instant::now();
        while let Err((error, back)) = producer.send(record) {
            let full = error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert!(full && begun.elapsed() < PATIENCE, "a record cannot be sent: {error}");
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
}

/// Counts what the broker did not take.
#[derive(Default)]
struct Failures(AtomicUsize);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(usize::from(result.is_err()), Ordering::Relaxed);
    }
}

/// Topics and what is in them.
impl Broker {
    /// A new topic whose name begins with `stem` and is nobody else's, with settings of its own.
    pub fn topic(&self, stem: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let name = unique(stem);
        self.create_topic(&name, partitions, settings);
        name
    }

    /// Creates a topic, and waits until every partition has a leader.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        // As many replicas as the cluster thinks right.
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        for (setting, value) in settings {
            topic = topic.set(setting, value);
        }
        let made = block_on(self.admin().create_topics([&topic], &AdminOptions::new())).expect("an answer");
        for made in made {
            made.expect("the topic is created");
        }
        eventually("leaders of a new topic", || (0..partitions).all(|p| self.leader(name, p).is_some()));
    }

    /// An administrator's client.
    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("a client")
    }

    /// The node that leads a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<u16> {
        let client: BaseConsumer = self.config().create().expect("a client");
        let metadata = client.fetch_metadata(Some(topic), PATIENCE).ok()?;
        let found = metadata.topics().first()?.partitions().iter().find(|p| p.id() == partition)?;
        u16::try_from(found.leader()).ok()
    }

    /// Writes records, and waits until all replicas in sync have each of them.
    pub fn produce(&self, topic: &str, records: &[Record]) {
        let mut config = self.config();
        config.set("enable.idempotence", "true").set("linger.ms", "5").set("message.max.bytes", "4000000");
        let producer: BaseProducer<Failures> =
            config.create_with_context(Failures::default()).expect("a producer");
        for record in records {
            record.send(&producer, topic);
        }
        producer.flush(PATIENCE).expect("all is acknowledged");
        assert_eq!(producer.context().0.load(Ordering::Relaxed), 0, "records that the broker did not take");
    }

    /// A producer inside its first transaction; whoever had the same name before is fenced.
    pub fn transaction(&self, name: &str) -> BaseProducer {
        let mut config = self.config();
        config.set("transactional.id", name).set("transaction.timeout.ms", "10000");
        let producer: BaseProducer = config.create().expect("a producer");
        producer.init_transactions(PATIENCE).expect("the coordinator answers");
        producer.begin_transaction().expect("a transaction begins");
        producer
    }

    /// Every record that is committed, partition by partition in order, once no transaction is open.
    pub fn read_committed(&self, topic: &str) -> Vec<Message> {
        let (all, stable) = (self.reader("read_uncommitted"), self.reader("read_committed"));
        eventually("the end of all transactions", || {
            // Asked in this order: what is written in between is no open transaction.
            (0..partitions(&all, topic)).all(|p| high(&stable, topic, p) >= high(&all, topic, p))
        });
        self.read_now(topic)
    }

    /// What a reader of committed records sees now, before transactions that are open end.
    pub fn read_now(&self, topic: &str) -> Vec<Message> {
        let consumer = self.reader("read_committed");
        let partitions = partitions(&consumer, topic);
        let mut open: Vec<i32> = (0..partitions).collect();
        let mut list = TopicPartitionList::new();
        for partition in &open {
            list.add_partition_offset(topic, *partition, Offset::Beginning).expect("a valid offset");
        }
        consumer.assign(&list).expect("partitions are assigned");
        let (mut came, mut messages) = (Instant::now(), Vec::new());
        while !open.is_empty() {
            assert!(came.elapsed() < PATIENCE, "the end of {topic} was not reached");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    messages.push(read(&message));
                    came = Instant::now();
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|p| *p != partition),
                // Of a node that is away; the client tries the next.
                Some(Err(_)) | None => {}
            }
        }
        messages.sort_by_key(|message| (message.partition, message.offset));
        messages
    }

    /// The positions of a group in a topic, partition by partition; `None`: it has none.
    pub fn offsets(&self, group: &str, topic: &str) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().expect("a client");
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions(&consumer, topic) - 1);
        let found = consumer.committed_offsets(list, PATIENCE).expect("the coordinator answers");
        found
            .elements()
            .iter()
            .map(|element| element.offset().to_raw().filter(|offset| *offset >= 0))
            .collect()
    }

    /// The first offset that can be read, and the one after the last.
    pub fn watermarks(&self, topic: &str, partition: i32) -> (i64, i64) {
        self.reader("read_uncommitted").fetch_watermarks(topic, partition, PATIENCE).expect("watermarks")
    }

    /// Hides what is before `offset` from every reader.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("a valid offset");
        let done = block_on(self.admin().delete_records(&list, &AdminOptions::new())).expect("an answer");
        done.elements().iter().for_each(|element| element.error().expect("records are deleted"));
    }

    fn reader(&self, isolation: &str) -> BaseConsumer {
        let mut config = self.config();
        config
            .set("group.id", "tests-read")
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true").set("fetch.queue.backoff.ms", "10");
        config.create().expect("a consumer")
    }
}

/// Writes records in the transaction of a producer; they are on the broker before it ends, whichever way it ends.
pub fn produce_in(producer: &BaseProducer, topic: &str, records: &[Record]) {
    for record in records {
        record.send(producer, topic);
    }
    producer.flush(PATIENCE).expect("all is acknowledged");
}

/// A name that no other test has, in this process or another.
pub fn unique(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> i32 {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("metadata");
    let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    assert!(count > 0, "there is no topic {topic}");
    i32::try_from(count).expect("few partitions")
}

/// The end of a partition as the consumer sees it: that of what is committed for one that reads only this.
fn high(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    consumer.fetch_watermarks(topic, partition, PATIENCE).map_or(i64::MIN, |(_, high)| high)
}

fn read(message: &rdkafka::message::BorrowedMessage<'_>) -> Message {
    let headers = message.headers().into_iter().flat_map(rdkafka::message::Headers::iter);
    Message {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect(),
    }
}

/// Asks until it is true; fails the test when that takes too long.
#[track_caller]
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
