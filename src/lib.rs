//! # Sluis: a lock for logs
//!
//! *Sluis* is Dutch for a lock in a waterway. Every log line passes through it before anyone may analyse it: identifiers are
//! pseudonymised on the way in, every record carries a deadline that it cannot outlive, and the keys that could link it back
//! to a person are destroyed on schedule. It fails closed, loses nothing that may still be kept, and runs at line rate.
//!
//! This page is the guided tour. The nouns, how they meet, what is promised, and what is not done here.
//!
//! ## The way a record travels
//!
//! ```text
//! source ─▶ RawBatch ─▶ worker: frame ─▶ parse ─▶ protect ─▶ retain ─▶ encode ─▶ CleanBatch ─▶ sink
//!                          format    spans     policy+keys   deadline
//! ```
//!
//! - A **batch** ([`record::batch`]) is one contiguous buffer of whole records. It is the unit of everything: reading, locking,
//!   delivering, counting. Nothing is allocated, sent or locked per record.
//! - A **parser** ([`format`]) turns a record into **spans** ([`record::span`]): byte ranges, each of a slot that has a field, a kind
//!   and an escape. It copies nothing and it is total: any bytes are either spans or a refusal. Ordinary records of the usual access
//!   logs are **rows** ([`record::row`]): each value has a place of its own, so that what is done to it is decided at start.
//! - A **policy** ([`policy`]) says what is done to which field and how long a record of a class may live. It is compiled at
//!   start into one **table** per source, class and output, indexed by slot, so that the hot loop matches on a small enum.
//! - **Protect** ([`protect`]) is that loop. It is the only room that can make [`protect::Treated`], and
//! - **retention** ([`retention`]) the only one that can make a [`Stamp`](retention::deadline::Stamp). A
//!   [`CleanBatch`](record::batch::CleanBatch) asks for both, and a [`Sink`](sink::Sink) takes nothing else. Raw bytes cannot reach a
//!   sink because that does not compile.
//! - **Keys** ([`keys`]) are a hash ratchet per pseudonymisation domain: an epoch's key can be computed forward, never back, and
//!   is gone when the longest retention of its domain has passed. What is stored encrypted has a chain per class and stage of the same kind.
//!
//! - Where topics are read a **lane** ([`pipeline::lane`]) is all of this in one thread, with a consumer and a transactional producer of its
//!   own ([`kafka`]): what one message held stays together, and results and positions are one transaction. Into files, lanes share the
//!   delivery of all other pipelines, and positions follow its checkpoints.
//! - Rows go to a **ClickHouse** server ([`clickhouse`]) in batches that it knows again, and leave it by partitions.
//! - **Governance** ([`governance`]) asks a running installation whether all of this holds.
//! - **Telemetry** ([`telemetry`]) is what a run shows of itself: numbers, facts, an endpoint. Every room but the core may tell it numbers
//!   and names, never content.
//!
//! ## A line in, a line out
//!
//! ```
//! use sluis::config::format_spec::FormatSpec;
//! use sluis::pipeline::build;
//!
//! let line = br#"203.0.113.7 - alice [21/Nov/2026:10:15:32 +0000] "GET /mail?to=bob%40example.org HTTP/1.1" 200 512"#;
//! let clean = build::one_line(&FormatSpec::Common, line).expect("the line is of the format");
//! let clean = String::from_utf8(clean).expect("UTF-8");
//! assert!(!clean.contains("203.0.113.7") && !clean.contains("alice") && !clean.contains("bob"));
//! assert!(clean.contains("[21/Nov/2026:10:15:32 +0000]") && clean.ends_with(" 200 512\n"));
//! ```
//!
//! ## What is promised
//!
//! | | |
//! |---|---|
//! | PI-1 | no identifier the policy treats appears raw in any output, log line, metric, error or panic |
//! | PI-2 | what cannot be parsed never reaches a sink: it is sealed to the DPO's public key or discarded; counted either way |
//! | PI-3 | no record is delivered at or after its deadline |
//! | PI-4 | whatever Sluis stores is gone by its deadline (the deadline is in every file's name, and a sweep destroys by it) |
//! | PI-5 | once the last class of a domain has ended for an epoch, no state of Sluis can produce that epoch's key |
//! | PI-6 | same identifier, kind, domain and epoch give the same token on every node; anything else differs |
//! | PI-7 | an unclassified field does not leave |
//! | PI-8 | every destruction of what was stored, and every change of a key, is entered in a chain that proves itself |
//! | PI-9 | a position is acknowledged only after durable delivery: a crash loses nothing that can be read again, and doubles nothing that is stored |
//!
//! ## Who may import whom
//!
//! `cli → governance, config, pipeline, kafka → source, protect, format, retention, sink, clickhouse → policy, keys, encode, record`. Stages never
//! import `pipeline`. The core rooms (`record format policy protect keys retention encode`) know no file, socket, environment or
//! clock: bytes and `now` are arguments; `keys::store`, `retention::journal` and `retention::sweep` are the named
//! exceptions. Every other room may import `telemetry`, which knows only the nouns of `record`. A test holds the code to this.
//!
//! ## Threads, channels, bounds
//!
//! N workers, no channels: each takes a numbered batch from the source, works on it alone, and hands it over for delivery in order
//! ([`pipeline`]). Now and then what was delivered is committed with the positions of its sources ([`pipeline::checkpoint`]). In flight are at most 2 N batches of 256 KiB (a longer record: its size bound, 1 MiB) and what they become.
//!
//! A lane has its own thread, consumer, worker and producer ([`pipeline::lane`]); its queues derive from one limit of bytes in flight. Beside lanes
//! a watchdog looks for one that hangs, and a thread takes from topics what is due. The admin endpoint has a thread and a runtime of its own.
//!
//! ## Where to add something
//!
//! A format is one file or folder in [`format`] and one line in its `mod.rs`; likewise a source, a sink, a treatment. A field is one
//! row in [`record::field`].

pub mod record;

pub mod format;
pub mod policy;

pub mod keys;
pub mod protect;
pub mod retention;

pub mod encode;

pub mod clickhouse;
pub mod kafka;
pub mod telemetry;

pub mod sink;
pub mod source;

pub mod config;
pub mod governance;
pub mod pipeline;

pub mod cli;
