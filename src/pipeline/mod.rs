//! Wiring, and nothing else.
//!
//! ```text
//!            ┌── lock ──┐                                            ┌── turn ──┐
//! source ───▶│  intake  │──▶ worker 1…N: frame, parse, protect, ────▶│ delivery │───▶ sinks, quarantine
//!            └──────────┘    retain, encode (own buffers, no lock)   └──────────┘
//! ```
//!
//! Each worker is a plain thread that repeats three steps: take the next batch from the source (under the intake lock, which
//! also numbers it), turn it into clean batches (alone), and hand these over. Who has the number that is due delivers; who is ahead
//! of it parks its batch and takes the next, as long as there is room ([`sequencer`]). Chosen on 2026-11-21 over reader and writer
//! threads with channels: the memory in flight is twice workers × batch whatever the input, nothing is sent, and one thread has no
//! hand-over at all. The price is that a slow sink holds all workers, which is what back-pressure is to do here. Between
//! Kafka topics none of this holds: there each worker is a [`lane`], which shares nothing.
//!
//! A worker that finds nothing to take, because the source is silent or in the middle of a record, ticks the sinks, and so does
//! every delivery that comes a second after the last tick: what a sink holds open is closed in time, whether anything arrives or
//! not. In the same step, at most once a second, it lets all workers that wait forget the keys that are dead.
//!
//! Positions of files and the parts that hold what was read up to them are written down together ([`checkpoint`]), before a part
//! becomes visible: a crash undoes what came since, and the next run reads it again.
//!
//! *Promised*: output order is input order; in = out + quarantined + expired + dropped + withheld, checked at the end of every
//! run; all sinks share one fate: the first failure stops the run and nothing after it is delivered.

pub mod build;
pub mod checkpoint;
mod columns;
pub mod counts;
pub mod delivery;
pub mod lane;
pub mod metered;
pub mod offsets;
pub mod partitions;
pub mod raw;
pub mod refusals;
mod reseal;
pub mod run;
pub mod sequencer;
pub mod tables;
pub mod worker;
