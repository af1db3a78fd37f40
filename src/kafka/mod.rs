//! What is said to and heard from Kafka brokers, by librdkafka.
//!
//! *In*: the cluster of a plan, what lanes send, and what a pipeline wants of its topics. *Out*: messages by the batch, group events,
//! transactions; what topics are, what is wrong with them, what was created, altered or deleted. *Promised*: no message content in an
//! error, a log line or a name; a position is never moved by the client itself: not committed by a timer, not reset; a setting of a topic
//! that is not named is not touched, and none but by `topics apply`. *Not here*: what a message holds (`pipeline::lane`), what may leave
//! (`protect`, `retention`); which topics a pipeline has (`governance::topics`).
//!
//! Chosen on 2026-11-27: rdkafka for configuration, group and transactions; `rdkafka-sys` for reading and writing by the batch
//! ([`ffi`]), because one call per message costs a third more CPU than all of the rest. Revisit when a client in Rust has transactions.
//!
//! Topics: [`limits`] is the arithmetic, [`judge`] holds one topic against it, [`live`] all of a pipeline's; [`topics`] asks and changes;
//! [`clock`] tells a broker's clock from ours; [`eraser`] does what is in [`erase`] once a minute while a pipeline runs, with raw records
//! behind all other [`readers`]. [`lost`] keeps clients from having nobody to ask.

pub mod asking;
pub mod client;
pub mod clock;
pub mod consumer;
pub mod erase;
pub mod eraser;
pub mod error;
#[allow(unsafe_code, reason = "librdkafka's calls that rdkafka does not wrap; see its safety argument")]
pub mod ffi;
pub mod ffi_admin;
pub mod judge;
pub mod limits;
pub mod live;
pub mod lost;
pub mod producer;
pub mod readers;
pub mod topics;

pub use error::KafkaError;
