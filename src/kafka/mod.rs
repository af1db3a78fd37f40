//! What is said to and heard from Kafka brokers, by librdkafka.
//!
//! *In*: the cluster of a plan, and what lanes send. *Out*: messages by the batch, group events, transactions. *Promised*: no message
//! content in an error, a log line or a name; a position is never moved by the client itself: not committed by a timer, not reset.
//! *Not here*: what a message holds (`pipeline::lane`), what may leave (`protect`, `retention`).
//!
//! Chosen on 2026-11-27: rdkafka for configuration, group and transactions; `rdkafka-sys` for reading and writing by the batch
//! ([`ffi`]), because one call per message costs a third more CPU than all of the rest. Revisit when a client in Rust has transactions.

pub mod client;
pub mod consumer;
pub mod error;
#[allow(unsafe_code, reason = "librdkafka's calls that rdkafka does not wrap; see its safety argument")]
pub mod ffi;
pub mod producer;

pub use error::KafkaError;
