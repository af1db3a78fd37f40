//! From treated values to bytes.
//!
//! *In*: a record whose values `protect` has treated, one after the other. *Out*: one line of output. *Promised*: NDJSON is
//! always valid UTF-8 and valid JSON (RFC 8259), one object per line; `same` is valid for the parser that read the record.
//! *Not here*: what may leave (`policy`), treating (`protect`).

pub mod columns;
pub mod fixed;
pub mod frame;
pub mod ndjson;
pub mod same;
pub mod same_json;

/// In which form records leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// The server's own format, cleaned.
    Same,
    /// One JSON object per line with the names of the field table.
    Ndjson,
}
