//! What travels: instants, fields, spans and batches.
//!
//! *In*: nothing; these are the nouns that every other room uses. *Out*: types. *Promised*: a type that can hold record
//! content has no `Debug`, `Display` or `Serialize` that shows it. *Not here*: anything that reads, judges or changes a
//! record.

pub mod append;
pub mod batch;
pub mod calendar;
pub mod escape;
pub mod field;
pub mod lines;
pub mod positions;
pub mod row;
pub mod span;
pub mod texts;
pub mod timestamp;
pub mod window;
