//! The producer of a lane: messages that are copied, and transactions that end at once.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::{ClientConfig, Offset};

use super::asking::Why;
use super::consumer::{Partition, config_problem, list};
use super::error::{KafkaError, Remedy};
use super::ffi::{NotSent, Outbox};
use super::lost;

/// How long a call of a transaction may take. Beyond it the broker has given the transaction up.
pub const CALL: Duration = Duration::from_secs(12);

/// How long one slice of such a call is.
const SLICE: Duration = Duration::from_millis(100);

/// How long the coordinator may take to give a producer its identity, and how long one slice of that call is.
const OPEN: Duration = Duration::from_secs(30);
const OPEN_SLICE: Duration = Duration::from_secs(1);

/// What librdkafka tells: only what was not delivered, and why brokers cannot be reached.
#[derive(Default)]
pub struct Receipts {
    failed: AtomicBool,
    why: Why,
}

impl ClientContext for Receipts {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn stats_raw(&self, statistics: &[u8]) {
        self.why.lost.hear(statistics);
    }
    fn error(&self, error: rdkafka::error::KafkaError, said: &str) {
        self.why.error(error, said);
    }
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
    /// Where it began.
    brokers: String,
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
        let brokers = lost::brokers(config);
        if config.get("transactional.id").is_some() {
            prepare(&producer, &brokers)?;
        }
        Ok(Self { outbox: Outbox::new(&producer, topics)?, brokers, producer })
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
        to: (usize, i32),
        millis: i64,
        payload: &[u8],
        key: Option<&[u8]>,
        headers: &[(&CStr, &[u8])],
    ) -> Result<(), NotSent> {
        self.outbox.send(to, millis, payload, key, headers)
    }

    /// Serves the client. To be called now and then, also while there is nothing to send.
    pub fn serve(&self) {
        serve(&self.producer, &self.brokers);
    }

    /// Serves receipts; true when one says that a message was not delivered.
    pub fn has_failed(&self) -> bool {
        self.serve();
        self.producer.context().failed.load(Ordering::Relaxed)
    }

    /// What was not delivered is read again.
    pub fn forget_failures(&self) {
        self.serve();
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
        self.served(|wait| self.outbox.commit(wait))
    }

    /// Aborts the transaction: nothing of it is ever seen.
    pub fn abort(&self) -> Result<(), KafkaError> {
        self.producer.context().failed.store(false, Ordering::Relaxed);
        let aborted = self.served(|wait| {
            let aborted = self.producer.abort_transaction(wait);
            aborted.map_err(|error| KafkaError::transaction("aborting a transaction", &error))
        });
        self.serve();
        self.producer.context().failed.store(false, Ordering::Relaxed);
        aborted
    }

    /// Makes a call that ends a transaction, in slices, and serves receipts in between. Within it the client waits until nothing is in
    /// flight, and a message that was not delivered, or was purged by the abort, is in flight until its receipt is served: only a poll does
    /// that, so that one long call would wait in vain until its time is over. A call that timed out goes on where it was.
    fn served(&self, call: impl Fn(Duration) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
        let began = Instant::now();
        loop {
            let done = call(SLICE);
            let Err(KafkaError::Transaction { code, remedy: Remedy::Retry, .. }) = &done else { return done };
            if *code != RDKafkaErrorCode::OperationTimedOut || began.elapsed() >= CALL {
                return done;
            }
            self.serve();
        }
    }
}

fn serve(producer: &BaseProducer<Receipts>, brokers: &str) {
    producer.poll(Duration::ZERO);
    producer.context().why.lost.find_again(producer.client(), brokers);
}

/// Gets the producer its identity. The call waits for brokers that refuse us as for those that are away; who is refused hears why.
fn prepare(producer: &BaseProducer<Receipts>, brokers: &str) -> Result<(), KafkaError> {
    let began = Instant::now();
    loop {
        let Err(error) = producer.init_transactions(OPEN_SLICE) else { return Ok(()) };
        let error = KafkaError::transaction("preparing transactions", &error);
        let KafkaError::Transaction { what, code, remedy: Remedy::Retry } = error else { return Err(error) };
        serve(producer, brokers);
        let reason = producer.context().why.take();
        let is_refused = matches!(reason, Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL));
        if is_refused || began.elapsed() >= OPEN {
            return Err(KafkaError::Transaction {
                what,
                code: reason.unwrap_or(code),
                remedy: Remedy::Renew,
            });
        }
    }
}
