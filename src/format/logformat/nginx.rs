//! The language of nginx's `log_format`.

use super::names::{Meaning, by_user, derived, nginx_variable};
use super::plan::{Dialect, Item, What, build};
use super::program::{Side, TimeStep};
use super::{FormatError, Options, Program, error_at, unclassified};
use crate::format::time::TimeForm;
use crate::record::span::Escape;

/// Compiles what follows the name in the directive.
///
/// A text that begins with `"` can be quoted as in `nginx.conf`, or be a bare string whose first character is a quote. It is
/// read as the former, and where that is no format as the latter (`"$request" "$status"` would lose its quotes and its space).
pub(super) fn compile(text: &str, options: &Options<'_>) -> Result<Program, FormatError> {
    let (dialect, start) = escape_parameter(text)?;
    let rest = &text[start..];
    let bare = Unquoted::bare(rest, start);
    let Some(quoted) = Unquoted::quoted(rest, start) else { return bare.compile(dialect, options) };
    match quoted.compile(dialect, options) {
        Err(error) if rest.starts_with('"') => bare.compile(dialect, options).map_err(|_| error),
        result => result,
    }
}

/// Reads `escape=…`; returns where the rest begins.
fn escape_parameter(text: &str) -> Result<(Dialect, usize), FormatError> {
    let start = text.len() - text.trim_start().len();
    let default = Dialect { escape: Escape::Nginx, absent: "-" };
    let Some(parameter) = text[start..].strip_prefix("escape=") else { return Ok((default, start)) };
    let len = parameter.find(char::is_whitespace).unwrap_or(parameter.len());
    let end = start + "escape=".len() + len;
    let dialect = match &parameter[..len] {
        "default" => default,
        "json" => Dialect { escape: Escape::Json, absent: "" },
        "none" => Dialect { escape: Escape::None, absent: "" },
        _ => {
            return Err(error_at(
                start..end,
                "unknown escape in the log format: nginx has default, json and none",
            ));
        }
    };
    Ok((dialect, end + text[end..].len() - text[end..].trim_start().len()))
}

/// The format without the quotes and escapes of the configuration file; each byte knows where it stood.
struct Unquoted {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl Unquoted {
    /// One or several quoted strings, perhaps with the directive's semicolon; `None` when the text is something else.
    fn quoted(text: &str, start: usize) -> Option<Self> {
        let mut unquoted = Self { bytes: Vec::new(), offsets: Vec::new() };
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&quote) = bytes.get(at).filter(|&&byte| byte != b';') {
            if quote != b'\'' && quote != b'"' {
                return None;
            }
            at += 1;
            while *bytes.get(at)? != quote {
                at = unquoted.take(bytes, at, start);
            }
            at += 1;
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
        }
        let tail = text[at..].strip_prefix(';').unwrap_or(&text[at..]);
        (tail.trim().is_empty() && at > 0).then_some(unquoted)
    }

    fn bare(text: &str, start: usize) -> Self {
        let mut unquoted = Self { bytes: Vec::new(), offsets: Vec::new() };
        let mut at = 0;
        while at < text.len() {
            at = unquoted.take(text.as_bytes(), at, start);
        }
        unquoted
    }

    /// Takes one character over, undoing the escapes of `nginx.conf`; returns where the next one is.
    fn take(&mut self, bytes: &[u8], at: usize, start: usize) -> usize {
        let (byte, used) = match (bytes[at], bytes.get(at + 1)) {
            (b'\\', Some(&quote @ (b'"' | b'\'' | b'\\'))) => (quote, 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (byte, _) => (byte, 1),
        };
        self.bytes.push(byte);
        self.offsets.push(start + at);
        at + used
    }

    fn compile(&self, dialect: Dialect, options: &Options<'_>) -> Result<Program, FormatError> {
        let mut items: Vec<Item> = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let start = self.offsets[at];
            if self.bytes[at] != b'$' {
                Item::push_literal(&mut items, start, self.bytes[at]);
                at += 1;
                continue;
            }
            let (name, after) = self.variable(at + 1).ok_or_else(|| {
                error_at(
                    start..start + 1,
                    "no variable after the dollar sign of the log format: write $name or ${name}",
                )
            })?;
            let place = start..self.offsets[after - 1] + 1;
            let what = meaning(&name, options)
                .ok_or_else(|| unclassified(place.clone(), &format!("${name}"), derived_field(&name)))?;
            items.push(Item { at: place, what });
            at = after;
        }
        build(items, dialect, options)
    }

    /// The name at `at`, and where it ends.
    fn variable(&self, at: usize) -> Option<(String, usize)> {
        let braced = self.bytes.get(at) == Some(&b'{');
        let start = at + usize::from(braced);
        let rest = self.bytes.get(start..)?;
        let len = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
        let name = String::from_utf8(rest[..len].to_vec()).ok().filter(|name| !name.is_empty())?;
        if !braced {
            return Some((name, start + len));
        }
        (rest.get(len) == Some(&b'}')).then_some((name, start + len + 1))
    }
}

fn meaning(name: &str, options: &Options<'_>) -> Option<What> {
    let time = |time| Some(What::Time { time, side: Side::End, zoned: true, dated: true });
    match name {
        "time_local" => return time(TimeStep::Fixed { form: TimeForm::CommonLog, len: 26 }),
        "time_iso8601" => return time(TimeStep::Loose(TimeForm::Iso8601)),
        "msec" => return time(TimeStep::Loose(TimeForm::EpochSeconds)),
        _ => {}
    }
    value(name, options).map(What::Value)
}

fn value(name: &str, options: &Options<'_>) -> Option<Meaning> {
    if let Some(known) = nginx_variable(name) {
        return Some(known);
    }
    let spelling = format!("${name}");
    match derived_field(name) {
        Some(field) => derived(&spelling, name, field, options),
        None => by_user(&spelling, name, options),
    }
}

/// The field of a header, cookie or argument, which follows from the variable's name.
fn derived_field(name: &str) -> Option<String> {
    const DERIVED: [(&str, &str); 8] = [
        ("http_", "http.request.header."),
        ("sent_http_", "http.response.header."),
        ("sent_trailer_", "http.response.trailer."),
        ("upstream_http_", "upstream.response.header."),
        ("upstream_trailer_", "upstream.response.trailer."),
        ("cookie_", "http.request.cookie."),
        ("upstream_cookie_", "upstream.response.cookie."),
        ("arg_", "url.query.parameter."),
    ];
    DERIVED.iter().find_map(|(prefix, field)| {
        let rest = name.strip_prefix(prefix).filter(|rest| !rest.is_empty())?.to_ascii_lowercase();
        // A header's dashes became underscores in the variable; cookies and arguments are written as they are.
        let dashed = field.contains("header") || field.contains("trailer");
        let rest = if dashed { rest.replace('_', "-") } else { rest };
        Some(format!("{field}{rest}"))
    })
}
