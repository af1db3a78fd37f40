//! Where raw records come from.
//!
//! *In*: bytes of the outside world. *Out*: [`RawBatch`]es of whole records. *Promised*: a batch never ends inside a record;
//! memory is bounded whatever the input; a record beyond the size bound is cut, marked and counted, never lost silently.
//! *Not here*: what a record means (`format`).

use std::io;

use crate::format::Parser;
use crate::record::batch::RawBatch;

/// What a call of [`Source::fill`] achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The batch holds at least one record.
    Records,
    /// Nothing arrived for a moment; call again (so that a stop signal is seen).
    Silence,
    /// The input has ended and every record was delivered.
    End,
}

/// A stream of raw records.
pub trait Source: Send {
    /// Fills the (empty) batch with the next whole records. `parser` tells where records of several lines begin.
    fn fill(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> io::Result<Fill>;
}
