//! What is done to which field, for how long a record lives, and who may have it.
//!
//! *In*: a policy as meant (`config` reads the file). *Out*: one table per source, class and output, indexed by slot.
//! *Promised*: a field that no rule names is dropped (PI-7). *Not here*: doing it (`protect`), files (`config`).

pub mod class;
pub mod table;
pub mod treatment;
