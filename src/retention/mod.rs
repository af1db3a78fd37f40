//! How long a record may live.
//!
//! *In*: event time, received time, a class. *Out*: a [`Stamp`](deadline::Stamp), without which nothing reaches a sink.
//! *Promised*: PI-3; a future timestamp never buys time. *Not here*: deleting what was stored (a later room, `sweep`).

pub mod deadline;
