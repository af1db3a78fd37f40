//! From the bytes of a record to spans.
//!
//! *In*: one record as a slice. *Out*: [`Parsed`](crate::record::span::Parsed): which bytes are which slot, and the event time.
//! *Promised*: parsers are total (any bytes), linear in the record's length, copy nothing, and refuse rather than shift a
//! value into another field. *Not here*: where records end in a stream (`source`), what is done to a value (`protect`).

mod any;
pub mod apache_error;
pub mod coturn;
mod cursor;
pub mod detect;
pub mod jitsi;
pub mod json;
pub mod logformat;
pub mod nginx_error;
mod pieces;
mod prefix;
pub mod presets;
pub mod prosody;
pub mod request;
mod stamp;
pub mod strftime;
pub mod text;
pub mod time;

pub(crate) use any::with_parser;
pub use any::{Format, FormatError};

use crate::record::lines::Line;
use crate::record::row::{Place, Row};
use crate::record::span::{Layout, Parsed, Refusal};
use crate::record::texts::Texts;
use crate::record::timestamp::Timestamp;

/// What every format offers. Chosen once at start; the hot loop is compiled once per format.
pub trait Parser: Send + Sync {
    /// The slots that this format can fill, fixed at start.
    fn layout(&self) -> &Layout;

    /// Finds the parts of one record (without its final newline) and its time. `parsed` comes cleared.
    fn parse(&self, record: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Result<(), Refusal>;

    /// The places of the rows that [`RowParser::read_row`] reads, in the order of the text. None when records of this format cannot
    /// be read as rows.
    fn places(&self) -> &[Place] {
        &[]
    }

    /// True when `line` begins a record. Formats of one line per record leave the default.
    fn begins_record(&self, _line: &[u8]) -> bool {
        true
    }

    /// True when a record can be more than one line, so that the next line must be seen before a record is complete.
    fn multi_line(&self) -> bool {
        false
    }
}

/// A format whose ordinary records can be read as rows.
pub trait RowParser: Parser {
    /// Reads an ordinary record as a row, and returns its time. `None` for any other: it must be parsed, and the row means
    /// nothing. What it reads, [`Parser::parse`] reads too and finds the same.
    fn read_row(&self, line: Line<'_>, into: Reading<'_>) -> Option<Timestamp>;
}

/// What a row is read with, and into.
pub struct Reading<'a> {
    /// What the parser remembers.
    pub memo: &'a mut Memo,
    /// Texts that may come again are looked for among these, and added.
    pub texts: &'a mut Texts,
    /// Where the values go.
    pub row: &'a mut Row,
}

/// What a worker remembers between records so that equal times are not parsed twice, and what a parser must be told
/// because core rooms have no clock. One memo belongs to one parser.
pub struct Memo {
    /// When the batch was received: completes times without a year.
    pub received: Timestamp,
    /// The last time text and its instant.
    pub times: time::TimeMemo,
    /// What the time directives of the record at hand have said (`logformat`): of the request's beginning and of its end.
    pub collected: [strftime::Collected; 2],
}

impl Memo {
    /// A memo that remembers nothing yet, for records received at `received`.
    pub fn new(received: Timestamp) -> Self {
        Self { received, times: time::TimeMemo::default(), collected: <[strftime::Collected; 2]>::default() }
    }
}
