//! Which format a source has, as a name or with the server's own string, for pipeline files and the command line alike.
//!
//! The strings are compiled elsewhere (`format`), which knows offsets inside a string only; [`Written`] turns these into
//! places of the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostics::{Problem, Report, SourceText, Span};
use super::document::{At, Entry, one_of};
use super::fields;
use super::suggest;
use super::vocabulary::{FORMAT_TABLE, FORMATS};
use crate::format::jitsi::Service;
use crate::policy::treatment::Place;

/// The word for a format that the first lines decide.
const AUTO: &str = "auto";

/// A format before it is compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatSpec {
    /// Decided on the first lines, among the structured formats. Only on the command line: a pipeline file names its formats.
    Auto,
    /// Common log format.
    Common,
    /// Combined log format.
    Combined,
    /// Combined log format after a virtual host and port.
    VhostCombined,
    /// What follows the name in nginx's `log_format` directive.
    Nginx(String),
    /// What Apache's `LogFormat` directive has in quotes.
    Apache(String),
    /// nginx error log.
    NginxError,
    /// Apache error log.
    ApacheError,
    /// JSON lines: keys that are fields, on top of the built-in map; `req.ip` is a nested key.
    Json(BTreeMap<String, String>),
    /// A service of Jitsi: video bridge, conference focus, gateway or recorder.
    Jitsi(Service),
    /// The Prosody XMPP server.
    Prosody,
    /// The coturn TURN server.
    Coturn,
    /// Any line, scrubbed.
    Text,
}

impl FormatSpec {
    /// The format of `--format` and `--log-format`. The error is a sentence: what is wrong, and the remedy.
    pub fn from_flags(format: &str, log_format: Option<&str>) -> Result<Self, String> {
        let spec = if format == AUTO { Self::Auto } else { Self::named(format, log_format)? };
        match (log_format, &spec) {
            (None, _) | (Some(_), Self::Nginx(_) | Self::Apache(_)) => Ok(spec),
            (Some(_), _) => Err(format!(
                "format '{format}' has no string of its own; leave --log-format out, or use nginx or apache"
            )),
        }
    }

    /// The format called `name`; `string` is the server's own, where there is one.
    fn named(name: &str, string: Option<&str>) -> Result<Self, String> {
        Ok(match name {
            "common" => Self::Common,
            "combined" => Self::Combined,
            "vhost_combined" => Self::VhostCombined,
            "nginx" => Self::Nginx(string.ok_or_else(|| needs_string(name))?.to_owned()),
            "apache" => Self::Apache(string.ok_or_else(|| needs_string(name))?.to_owned()),
            "nginx-error" => Self::NginxError,
            "apache-error" => Self::ApacheError,
            "json" => Self::Json(BTreeMap::new()),
            "jvb" => Self::Jitsi(Service::Jvb),
            "jicofo" => Self::Jitsi(Service::Jicofo),
            "jigasi" => Self::Jitsi(Service::Jigasi),
            "jibri" => Self::Jitsi(Service::Jibri),
            "prosody" => Self::Prosody,
            "coturn" => Self::Coturn,
            "text" => Self::Text,
            AUTO => return Err(auto_refused()),
            later if FORMATS.later.contains(&later) => {
                return Err(format!(
                    "format '{later}' is not in this version; use {}",
                    FORMATS.keys.join(", ")
                ));
            }
            other => {
                let known = FORMATS.keys.iter().chain(FORMATS.later).copied();
                let remedy =
                    suggest::remedy(other, known, &format!("known are: {}", FORMATS.keys.join(", ")));
                return Err(format!("unknown format '{other}'{remedy}"));
            }
        })
    }

    /// The word of `--format`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Auto => AUTO,
            Self::Common => "common",
            Self::Combined => "combined",
            Self::VhostCombined => "vhost_combined",
            Self::Nginx(_) => "nginx",
            Self::Apache(_) => "apache",
            Self::NginxError => "nginx-error",
            Self::ApacheError => "apache-error",
            Self::Json(_) => "json",
            Self::Jitsi(service) => service.format(),
            Self::Prosody => "prosody",
            Self::Coturn => "coturn",
            Self::Text => "text",
        }
    }

    /// True for a format whose times never state a zone, so that the configuration must.
    pub const fn is_zoneless(&self) -> bool {
        matches!(self, Self::NginxError | Self::ApacheError | Self::Jitsi(_) | Self::Prosody)
    }
}

/// A pipeline states what leaves and why before it has read a line (`check`), and its classes and sinks are held against the
/// fields of the format. A format that the input decides would leave all of that to the input.
fn auto_refused() -> String {
    format!(
        "format 'auto' is decided by the input, and a pipeline says what leaves before it has read any; \
         'sluis filter --format auto FILE' tells the format: write it here, one of {}",
        FORMATS.keys.join(", ")
    )
}

fn needs_string(name: &str) -> String {
    let (directive, example) = match name {
        "nginx" => ("log_format", "{ nginx = '$remote_addr …' }"),
        _ => ("LogFormat", "{ apache = '%h %l …' }"),
    };
    format!(
        "format '{name}' needs the string of the server's {directive}; write {example} or use --log-format"
    )
}

/// A text of the file, so that an offset in it can be shown as a line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    source: Arc<SourceText>,
    /// The text as TOML writes it, quotes included.
    span: Span,
}

impl Written {
    /// A problem in bytes `range` of the text.
    pub fn problem(&self, range: &Span, message: impl Into<String>) -> Problem {
        let start = self.span.start + raw_offset(&self.source.text[self.span.clone()], range.start);
        let end = self.span.start + raw_offset(&self.source.text[self.span.clone()], range.end);
        self.source.problem(&(start..end.max(start)), message)
    }

    /// Where byte `offset` of the text stands in the file.
    pub fn place(&self, offset: usize) -> Place {
        self.problem(&(offset..offset), "").place
    }
}

/// The offset in `raw` (a TOML string with its quotes) of byte `offset` of the string that it means.
fn raw_offset(raw: &str, offset: usize) -> usize {
    let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") { 3 } else { 1 };
    let mut at = quotes.min(raw.len());
    if quotes == 3 {
        // A newline right after the opening quotes is not part of the text.
        at += raw[at..].len() - raw[at..].trim_start_matches('\r').len();
        at += usize::from(raw[at..].starts_with('\n'));
    }
    let escapes = raw.starts_with('"');
    let mut meant = 0;
    while let Some(character) = raw[at..].chars().next() {
        let escape = (escapes && character == '\\').then(|| escape_lengths(&raw[at..]));
        let (raw_length, meant_length) = escape.unwrap_or((character.len_utf8(), character.len_utf8()));
        // An escape that means nothing is passed even when the offset is reached: what follows it is meant.
        if meant >= offset && meant_length > 0 {
            break;
        }
        at += raw_length;
        meant += meant_length;
    }
    at.min(raw.len())
}

/// Bytes of the escape at the start of `rest`, and of what it means.
fn escape_lengths(rest: &str) -> (usize, usize) {
    let digits = match rest.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        // A backslash at the end of a line joins it to the next word.
        Some(b' ' | b'\t' | b'\r' | b'\n') => return (rest.len() - rest[1..].trim_start().len(), 0),
        _ => return (2.min(rest.len()), 1),
    };
    let end = (2 + digits).min(rest.len());
    let code = rest.get(2..end).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    (end, code.and_then(char::from_u32).map_or(1, char::len_utf8))
}

/// `format` of a source: a name, or a table with one key: `{ nginx = '…' }`, `{ apache = '…' }`,
/// `{ json = { "req.ip" = "client.address" } }`.
pub(super) fn read(entry: &Entry<'_>, report: &mut Report) -> Option<(FormatSpec, Option<Written>)> {
    if entry.value.is_str() {
        let name = entry.text(report)?;
        return match FormatSpec::named(&name.value, None) {
            Ok(spec) => Some((spec, None)),
            Err(problem) => {
                report.error(&name.span, problem.replace(" or use --log-format", ""));
                None
            }
        };
    }
    let section = entry.section("'format'".to_owned(), report)?;
    section.check_keys(&FORMAT_TABLE, report);
    let entries = section.entries();
    let [inner] = entries.as_slice() else {
        report.error(&entry.key_span(), "a format is one; write format = { nginx = '…' } with one key");
        return None;
    };
    if inner.key == "json" {
        return json(inner, report).map(|map| (FormatSpec::Json(map), None));
    }
    let name = At { value: inner.key.to_owned(), span: inner.key_span() };
    if !FORMAT_TABLE.keys.contains(&inner.key) {
        // Already reported as an unknown key.
        return None;
    }
    one_of(&name, &FORMAT_TABLE, "format", report)?;
    let text = inner.text(report)?;
    let spec = FormatSpec::named(inner.key, Some(&text.value)).ok()?;
    Some((spec, Some(Written { source: report.source.clone(), span: text.span })))
}

/// The map of JSON keys to fields; a nested key is written with dots.
fn json(entry: &Entry<'_>, report: &mut Report) -> Option<BTreeMap<String, String>> {
    let section = entry.section("'json'".to_owned(), report)?;
    let mut map = BTreeMap::new();
    for entry in section.entries() {
        if entry.value.is_table() {
            report.error(
                &entry.key_span(),
                format!("key '{}' without quotes; write \"{}.…\" in quotes", entry.key, entry.key),
            );
            continue;
        }
        let Some(field) = entry.text(report) else { continue };
        if entry.key.is_empty() {
            report.error(&entry.key_span(), "an empty key; write the key of the JSON record");
        }
        fields::check_name(&field.value, &field.span, report);
        map.insert(entry.key.to_owned(), field.value);
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(literal: &str, offset: usize) -> (u32, u32) {
        let source = SourceText::new("p.toml", &format!("format = {literal}\n"));
        let written = Written { span: 9..9 + literal.len(), source };
        let place = written.place(offset);
        (place.line, place.column)
    }

    #[test]
    fn an_offset_in_a_string_is_a_place_in_the_file() {
        assert_eq!(place_of("'$a $b'", 3), (1, 14));
        assert_eq!(place_of("\"\\\"$a\\u00e9$b\"", 5), (1, 21));
        assert_eq!(place_of("'''\n$a\n$b'''", 3), (3, 1));
        assert_eq!(place_of("\"\"\"$a \\\n   $b\"\"\"", 3), (2, 4));
        assert_eq!(place_of("'$a'", 99), (1, 14));
    }

    #[test]
    fn flags() {
        assert_eq!(FormatSpec::from_flags("combined", None), Ok(FormatSpec::Combined));
        assert_eq!(FormatSpec::from_flags("nginx", Some("$a")), Ok(FormatSpec::Nginx("$a".to_owned())));
        assert_eq!(FormatSpec::from_flags("auto", None), Ok(FormatSpec::Auto));
        assert!(FormatSpec::from_flags("auto", Some("$a")).unwrap_err().contains("leave --log-format out"));
        assert!(FormatSpec::from_flags("nginx", None).unwrap_err().contains("--log-format"));
        assert!(FormatSpec::from_flags("json", Some("$a")).unwrap_err().contains("leave --log-format out"));
        assert!(FormatSpec::from_flags("syslog", None).unwrap_err().contains("not in this version"));
        assert_eq!(
            FormatSpec::from_flags("combned", None).unwrap_err(),
            "unknown format 'combned'; did you mean 'combined'?"
        );
        for name in FORMATS.keys {
            assert_eq!(FormatSpec::named(name, Some("$a")).unwrap().name(), *name);
        }
    }
}
