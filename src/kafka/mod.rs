//! Kafka, beside source and sink: what is asked of brokers.
//!
//! *In*: what a pipeline wants of its topics, a client's configuration, the time. *Out*: what the topics are, what is wrong with them, and
//! what was created, altered or deleted. *Promised*: a setting that is not named is not touched; nothing is created or altered but by
//! `topics apply`; a record that could still be kept is not deleted; no error holds content of a record. *Not here*: reading and writing
//! records (`source`, `sink`, `pipeline`); which topics a pipeline has (`governance::topics`).

pub mod erase;
pub mod ffi_admin;
pub mod judge;
pub mod limits;
pub mod live;
pub mod readers;
pub mod topics;
