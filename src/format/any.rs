//! Every format behind one enum: chosen at start, matched once per batch, never called through a pointer per record.

use super::Parser;
use super::apache_error::ApacheError;
use super::json::Json;
use super::logformat::Program;
use super::nginx_error::NginxError;
use super::text::Text;

/// A parser that was chosen at start.
pub enum Format {
    /// Compiled from an nginx or Apache format string, presets included.
    Log(Box<Program>),
    /// JSON lines.
    Json(Box<Json>),
    /// The nginx error log.
    NginxError(Box<NginxError>),
    /// The Apache error log.
    ApacheError(Box<ApacheError>),
    /// Free text.
    Text(Box<Text>),
}

/// Runs `$body` with `$parser` bound to the concrete parser, so that the body is compiled once per format.
macro_rules! with_parser {
    ($format:expr, $parser:ident => $body:expr) => {
        match $format {
            $crate::format::Format::Log($parser) => $body,
            $crate::format::Format::Json($parser) => $body,
            $crate::format::Format::NginxError($parser) => $body,
            $crate::format::Format::ApacheError($parser) => $body,
            $crate::format::Format::Text($parser) => $body,
        }
    };
}
pub(crate) use with_parser;

impl Format {
    /// The parser as a trait object, for code that runs once per batch or less.
    pub fn parser(&self) -> &dyn Parser {
        with_parser!(self, parser => &**parser)
    }
}
