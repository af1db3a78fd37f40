//! How long a record may live.
//!
//! *In*: event time, received time, a class. *Out*: a [`Stamp`](deadline::Stamp), without which nothing reaches a sink.
//! *Promised*: PI-3; a future timestamp never buys time. what is
//! stored is gone by its deadline (PI-4, [`sweep`]), and every destruction is in evidence (PI-8, [`journal`]);
//! a wall clock that jumps moves none of it ([`clock`]). *Not here*: keys.

pub mod clock;
pub mod deadline;
pub mod journal;
pub mod part_name;
pub mod rhythm;
pub mod stages;
pub mod sweep;
