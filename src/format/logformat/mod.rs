//! From a server's own format string to a parser for its access log.
//!
//! *In*: the text of an nginx `log_format` or an Apache `LogFormat`, and how the user classified the variables that are not in
//! the field table. *Out*: a [`Program`], which is a [`Parser`](super::Parser). *Promised*: a format whose values cannot be told
//! apart, a malformed one, and one with a variable that nobody classified are refused at start, with the place; a record is
//! read as its server wrote it or refused, and no value ever moves into another field. *Not here*: reading configuration
//! files, error logs, JSON whose keys come in any order (`json`).
//!
//! ```text
//! text ──nginx::read──▶ items ──plan::build──▶ Program { head, segments } ──parse──▶ spans
//!      ──apache::read─▶
//! ```
//! `nginx` and `apache` know the languages, [`names`] the variables, `plan` decides how each value's end is found, `program` is the
//! result and says how it works, `run` and `search` run it, `opening` is a short cut, `ending` and `lengths` look at
//! bytes.
//!
//! Compiled to steps that are interpreted rather than to a regular expression (2026-11): a regular expression takes the first
//! reading that fits, and an access log needs to know that there is no other.

mod apache;
mod ending;
mod lengths;
mod names;
mod nginx;
mod opening;
mod opening_of;
mod plan;
mod program;
mod run;
mod search;

use std::ops::Range;

use jiff::tz::TimeZone;

use super::FormatError;
use crate::policy::class::OPEN_PREFIXES;
use crate::record::span::Escape;

pub use super::presets::{combined, common, vhost_combined};
pub use program::Program;

/// The field of a variable as the user classified it. It is asked with the variable as written (`$the_real_ip`,
/// `%{X-Client}i`), without its sigil (`the_real_ip`, `X-Client`), and for headers, cookies and the like with the field's name
/// (`http.request.header.x-client`), under which a policy may have a rule for it. `Some` means that the user knows what it is.
pub type Classify<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a format string alone does not say.
struct Options<'a> {
    /// The zone of times without an offset; a format that needs it is refused without.
    zone: Option<TimeZone>,
    classify: Classify<'a>,
}

/// Compiles what follows the name in an nginx `log_format` directive: perhaps `escape=default|json|none`, then one or several
/// quoted strings, or one bare string. `zone` is that of times without an offset.
pub fn nginx(text: &str, zone: Option<TimeZone>, classify: Classify<'_>) -> Result<Program, FormatError> {
    nginx::compile(text, &Options { zone, classify }).map_err(|error| at_characters(text, error))
}

/// Compiles an Apache `LogFormat`: the string as in `httpd.conf`, with or without its outer quotes. `zone` is that of times
/// without an offset.
pub fn apache(text: &str, zone: Option<TimeZone>, classify: Classify<'_>) -> Result<Program, FormatError> {
    let options = Options { zone, classify };
    apache::read(text, &options)
        .and_then(|items| plan::build(items, plan::Dialect { escape: Escape::Apache, absent: "-" }, &options))
        .map_err(|error| at_characters(text, error))
}

/// Widens the place of an error to whole characters.
fn at_characters(text: &str, mut error: FormatError) -> FormatError {
    error.at = text.floor_char_boundary(error.at.start)..text.ceil_char_boundary(error.at.end);
    error
}

/// An error at a place of the format string. The string is configuration and holds no record; the caller shows it.
fn error_at(at: Range<usize>, message: impl Into<String>) -> FormatError {
    FormatError { at, message: message.into() }
}

/// The refusal of a variable that nobody classified. A header or cookie has a field of its own, which a policy can name.
fn unclassified(at: Range<usize>, spelling: &str, field: Option<String>) -> FormatError {
    let own = field.filter(|field| OPEN_PREFIXES.iter().any(|prefix| field.starts_with(prefix)));
    let own = own.map_or_else(String::new, |field| format!("name {field} under [fields] in the policy, or "));
    let message = format!(
        "the log format's {spelling} is not classified: {own}name its field under [variables] in the policy or with --map"
    );
    error_at(at, message)
}
