//! The clients that ask brokers something, and why they were not answered: the call itself only says that its time was over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::lost::Lost;

/// Remembers why brokers did not answer.
#[derive(Default)]
pub struct Why {
    known: Mutex<Option<RDKafkaErrorCode>>,
    /// Whether there is any broker left that could.
    pub(super) lost: Lost,
}

impl ClientContext for Why {
    // What librdkafka logs would stand beside our own words for the same fault.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn stats_raw(&self, statistics: &[u8]) {
        self.lost.hear(statistics);
    }
    fn error(&self, error: KafkaError, _: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // That a connection ended, or all did, follows from each of the other reasons.
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure)
                if known.is_some() => {}
            code => *known = code.or(*known),
        }
    }
}

impl ConsumerContext for Why {}

impl Why {
    /// Why they did not since this was asked last.
    pub(super) fn take(&self) -> Option<RDKafkaErrorCode> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A client that asks.
pub type Reader = BaseConsumer<Why>;

/// A client that asks, and neither joins a group nor commits. It sees open transactions: with `read_committed` a younger record behind
/// an open transaction would count as not there, and all before the end as old.
pub fn reader(config: &ClientConfig, group: &str) -> Result<Reader, KafkaError> {
    let mut config = config.clone();
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_uncommitted");
    config.create_with_context(Why::default())
}

/// Events that are looked at for a reason: errors come one by one.
const EVENTS_MAX: usize = 32;

/// Serves what waits for a reader. Nothing may come of an event, and another one wait behind it.
pub(super) fn serve(reader: &Reader) {
    for _ in 0..EVENTS_MAX {
        let _ = reader.poll(Duration::ZERO);
    }
}

/// Why a call of `reader` was not answered, where more is known than `error` says.
pub fn reason(reader: &Reader, error: &KafkaError) -> Option<RDKafkaErrorCode> {
    serve(reader);
    let known = *reader.context().known.lock().unwrap_or_else(PoisonError::into_inner);
    let of_call = error.rdkafka_error_code();
    match of_call {
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut,
        ) => known.or(of_call),
        of_call => of_call,
    }
}
