//! What is said to and heard from a ClickHouse server, over HTTP(S).
//!
//! *In*: a server and who we are to it, statements, batches of columns as Parquet. *Out*: rows of its system tables, what a table is and
//! how it differs from what it must be, partitions with what is on disk of them. *Promised*: nothing of a record is in a statement, an error
//! or a log line: of what the server says only the number of its error is taken, since its words quote values; a batch counts as taken when
//! the server has said so and nothing else ([`client`]). *Not here*: what a batch is (`sink::clickhouse`), when a partition is due
//! (`pipeline::partitions`), which tables a pipeline has (`pipeline::tables`).
//!
//! Chosen on 2026-11-27: HTTP over ClickHouse's own protocol, because every server, proxy and cloud has it, an error is a number in a header, and
//! a dozen calls do not need a client library; ureq over hyper, because whoever calls waits anyway. Revisit when one connection is too slow.

pub mod client;
pub mod error;
pub mod live;
pub mod partitions;
pub mod table;

pub use error::ClickHouseError;
