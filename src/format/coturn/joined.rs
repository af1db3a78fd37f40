//! Statements of coturn where none belongs: in the middle of a record, this server's or another program's.
//!
//! *In*: a text; a line. *Out*: whether a statement that names a session or a user stands in it; whether it begins a record beyond doubt.
//! *Promised*: two searches, no allocation. *Not here*: statements without either, whose addresses are found as in any text.

use memchr::memmem::Finder;

use super::header::{self, Header};
use super::statement;
use crate::format::stamp::stamp;

/// The searches, prepared once.
pub(in crate::format) struct Statements {
    session: Finder<'static>,
    check: Finder<'static>,
}

impl Statements {
    /// Prepares the searches.
    pub fn new() -> Self {
        Self { session: Finder::new(header::SESSION_WORD), check: Finder::new(statement::CHECK) }
    }

    /// True when a statement of a session stands in the text.
    #[inline]
    pub fn has_session(&self, text: &[u8]) -> bool {
        self.session.find_iter(text).any(|at| header::session(text, at).is_some())
    }

    /// True when the statement of no session that names a user stands in the text.
    #[inline]
    pub fn has_check(&self, text: &[u8]) -> bool {
        self.check.find(text).is_some()
    }

    /// True when a statement of coturn stands in the text of another program.
    #[inline]
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.has_session(text) || self.has_check(text)
    }
}

/// True for a line of coturn without a date: one with a date begins a record wherever it stands, if nobody's. A number and a colon are
/// not enough.
pub(in crate::format) fn begins_certainly(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_digit)
        && stamp(line).is_none()
        && Header::own(line, 0).is_ok_and(|header| {
            header.level.is_some()
                || header.session.is_some()
                || line[header.message..].starts_with(statement::CHECK)
        })
}
