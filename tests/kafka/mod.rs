//! Kafka, on a real broker.
//!
//! *In*: topics of each test's own. *Out*: verdicts. *Promised*: never on a mock, which neither hides aborted records nor fences
//! zombies. *Not here*: the long forms, which `tests/chaos` runs.

mod ages;
mod bounds;
mod chaos;
mod ground;
mod leak;
mod oidc;
mod poison;
mod proxy;
mod rights;
mod scale;
mod support;
mod topics;
