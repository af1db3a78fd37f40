//! The producer of a lane: messages that are copied, and transactions that end at once.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::{ClientConfig, Offset};

use super::consumer::{Partition, config_problem, list};
use super::error::KafkaError;
use super::ffi::{NotSent, Outbox};

/// How long a call of a transaction may take. Beyond it the broker has given the transaction up.
pub const CALL: Duration = Duration::from_secs(12);

/// What librdkafka tells: only what was not delivered.
#[derive(Default)]
pub struct Receipts {
    failed: AtomicBool,
}

impl ClientContext for Receipts {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: rdkafka::error::KafkaError, _: &str) {}
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// See the module comment.
pub struct LaneProducer {
    outbox: Outbox<Receipts>,
    producer: Arc<BaseProducer<Receipts>>,
}

impl LaneProducer {
    /// Opens `topics`. With transactions, whatever an earlier one of the same id left open is ended first.
    pub fn open(config: &ClientConfig, topics: &[String]) -> Result<Self, KafkaError> {
        let producer =
            BaseProducer::from_config_and_context(config, Receipts::default()).map_err(|error| {
                KafkaError::Config { what: "[kafka]".to_owned(), problem: config_problem(&error) }
            })?;
        let producer = Arc::new(producer);
        if config.get("transactional.id").is_some() {
            producer
                .init_transactions(Duration::from_secs(30))
                .map_err(|error| KafkaError::transaction("preparing transactions", &error))?;
        }
        Ok(Self { outbox: Outbox::new(&producer, topics)?, producer })
    }

    /// Begins a transaction.
    pub fn begin(&self) -> Result<(), KafkaError> {
        self.producer
            .begin_transaction()
            .map_err(|error| KafkaError::transaction("beginning a transaction", &error))
    }

    /// Sends a message; see [`Outbox::send`].
    pub fn send(
        &self,
        topic: usize,
        partition: i32,
        payload: &[u8],
        key: Option<&[u8]>,
        headers: &[(&CStr, &[u8])],
    ) -> Result<(), NotSent> {
        self.outbox.send(topic, partition, payload, key, headers)
    }

    /// Serves receipts; true when one says that a message was not delivered.
    pub fn has_failed(&self) -> bool {
        self.producer.poll(Duration::ZERO);
        self.producer.context().failed.load(Ordering::Relaxed)
    }

    /// What was not delivered is read again.
    pub fn forget_failures(&self) {
        self.producer.poll(Duration::ZERO);
        self.producer.context().failed.store(false, Ordering::Relaxed);
    }

    /// Messages that are not acknowledged yet.
    pub fn in_flight(&self) -> usize {
        self.outbox.in_flight()
    }

    /// Makes positions of the group part of the transaction.
    pub fn add_positions(
        &self,
        positions: &[(Partition, i64)],
        group: &ConsumerGroupMetadata,
    ) -> Result<(), KafkaError> {
        let list = list(positions.iter().map(|(partition, at)| (partition, Offset::Offset(*at))))?;
        self.producer
            .send_offsets_to_transaction(&list, group, CALL)
            .map_err(|error| KafkaError::transaction("adding positions to a transaction", &error))
    }

    /// Commits the transaction.
    pub fn commit(&self) -> Result<(), KafkaError> {
        self.outbox.commit(CALL)
    }

    /// Aborts the transaction: nothing of it is ever seen.
    pub fn abort(&self) -> Result<(), KafkaError> {
        self.producer.context().failed.store(false, Ordering::Relaxed);
        let aborted = self
            .producer
            .abort_transaction(CALL)
            .map_err(|error| KafkaError::transaction("aborting a transaction", &error));
        self.producer.poll(Duration::ZERO);
        self.producer.context().failed.store(false, Ordering::Relaxed);
        aborted
    }

    /// Waits until nothing is in flight.
    pub fn flush(&self, wait: Duration) -> Result<(), KafkaError> {
        self.producer.flush(wait).map_err(|error| KafkaError::call("waiting for receipts", &error))
    }
}
