//! Every format behind one enum: chosen at start, matched once per batch, never called through a pointer per record.

use std::ops::Range;

use super::Parser;
use super::apache_error::ApacheError;
use super::coturn::Coturn;
use super::jitsi::Jitsi;
use super::json::Json;
use super::logformat::Program;
use super::nginx_error::NginxError;
use super::prosody::Prosody;
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
    /// A service of Jitsi.
    Jitsi(Box<Jitsi>),
    /// Prosody.
    Prosody(Box<Prosody>),
    /// coturn.
    Coturn(Box<Coturn>),
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
            $crate::format::Format::Jitsi($parser) => $body,
            $crate::format::Format::Prosody($parser) => $body,
            $crate::format::Format::Coturn($parser) => $body,
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

/// What is wrong with a format before a line was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    /// The bytes of the format string that are at fault; empty when no place is.
    pub at: Range<usize>,
    /// The thing and the remedy.
    pub message: String,
}

impl FormatError {
    /// A problem of the format as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { at: 0..0, message: message.into() }
    }

    /// The message with the format string below it and a caret under the place.
    pub fn shown(&self, text: &str) -> String {
        if self.at.is_empty() && self.at.start == 0 {
            return self.message.clone();
        }
        // Tabs and newlines would move the caret.
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let before = text.get(..self.at.start).map_or(0, |before| before.chars().count());
        let width = text.get(self.at.clone()).map_or(1, |marked| marked.chars().count()).max(1);
        format!("{}\n  {line}\n  {}{}", self.message, " ".repeat(before), "^".repeat(width))
    }
}
