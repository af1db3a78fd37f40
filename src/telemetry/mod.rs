//! How a run is seen from outside: numbers, a status page, log lines.
//!
//! *In*: the names of a pipeline's parts, once, at start ([`setup`]); then counts, times and facts, by batch. *Out*: `/metrics`,
//! `/status`, `/readyz` and `/healthz` ([`admin`]), lines on standard error ([`log`]). *Promised*: no content (PI-1): a label is a name
//! from the configuration or a word of the program, a fact has numbers, such names and words, and there is no way to put a record's bytes
//! into either; nothing here grows with the data; whoever counts adds to atomics that are already there, and waits for nobody. *Not
//! here*: what is worth an alarm (`deploy/prometheus/alerts.yml`), what a run did in the end (`cli`'s report).

pub mod admin;
pub mod attend;
pub mod broker_clock;
pub mod fact;
pub mod lane;
pub mod log;
pub mod meters;
mod ready;
mod registry;
mod serve;
pub mod setup;
pub mod sink;
pub mod source;
mod status;
pub mod tls;

pub use ready::{LaneState, Phase};
