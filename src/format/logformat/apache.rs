//! The language of Apache's `LogFormat` (`mod_log_config`, with `mod_logio`, `mod_ssl`).

use std::ops::Range;

use super::ending::NumberForm;
use super::names::{INTEGER, Meaning, Shape, apache_directive, apache_variable, by_user, derived};
use super::plan::{Item, What};
use super::program::{Side, TimeStep};
use super::{FormatError, Options, error_at, unclassified};
use crate::format::strftime::Pattern;
use crate::format::time::TimeForm;

/// The literals and values of the string.
pub(super) fn read(text: &str, options: &Options<'_>) -> Result<Vec<Item>, FormatError> {
    let (bytes, offsets) = unquoted(text);
    let mut reader = Reader { bytes: &bytes, offsets: &offsets, at: 0, items: Vec::new(), options };
    while reader.at < bytes.len() {
        reader.next_item()?;
    }
    Ok(reader.items)
}

/// Undoes the outer quotes of `httpd.conf`, if they enclose the string; each byte keeps its place.
fn unquoted(text: &str) -> (Vec<u8>, Vec<usize>) {
    let start = text.len() - text.trim_start().len();
    let start = match text[start..].strip_prefix("LogFormat") {
        Some(rest) => text.len() - rest.trim_start().len(),
        None => start,
    };
    let rest = &text.as_bytes()[start..];
    if let Some(&quote @ (b'"' | b'\'')) = rest.first() {
        let (mut bytes, mut offsets) = (Vec::new(), Vec::new());
        let mut at = 1;
        while at < rest.len() && rest[at] != quote {
            let escaped =
                rest[at] == b'\\' && rest.get(at + 1).is_some_and(|&next| next == quote || next == b'\\');
            let from = at + usize::from(escaped);
            bytes.push(rest[from]);
            offsets.push(start + at);
            at = from + 1;
        }
        // What follows the closing quote may be the format's nickname; anything else means that the quote was the
        // format's own first character.
        let tail = rest.get(at + 1..).unwrap_or_default();
        let nickname = tail.iter().all(|byte| byte.is_ascii_alphanumeric() || b" _-\t\n\r".contains(byte));
        if at < rest.len() && nickname && bytes.contains(&b'%') {
            return (bytes, offsets);
        }
    }
    // The line's end of a configuration file is none of the format; a space may be.
    let text = text.trim_end_matches(['\n', '\r']);
    (text.bytes().collect(), (0..text.len()).collect())
}

struct Reader<'a> {
    bytes: &'a [u8],
    offsets: &'a [usize],
    at: usize,
    items: Vec<Item>,
    options: &'a Options<'a>,
}

impl Reader<'_> {
    fn next_item(&mut self) -> Result<(), FormatError> {
        let start = self.at;
        let (byte, used) = match (self.bytes[start], self.bytes.get(start + 1)) {
            (b'%', Some(b'%')) => (b'%', 2),
            (b'%', _) => return self.directive(),
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(&byte @ (b'\\' | b'"' | b'\''))) => (byte, 2),
            (byte, _) => (byte, 1),
        };
        Item::push_literal(&mut self.items, self.offsets[start], byte);
        self.at += used;
        Ok(())
    }

    /// `%`, status conditions, `<` or `>`, an argument in braces, `^`, and a letter.
    fn directive(&mut self) -> Result<(), FormatError> {
        let start = self.at;
        self.at += 1;
        let mut argument = None;
        loop {
            match self.bytes.get(self.at) {
                Some(b'!' | b'<' | b'>' | b',' | b'0'..=b'9') => self.at += 1,
                Some(b'{') if argument.is_none() => argument = Some(self.argument(start)?),
                _ => break,
            }
        }
        // Two letters after a caret: `%{…}^ti`, `%^FB`.
        let caret = self.bytes.get(self.at) == Some(&b'^');
        self.at += if caret { 3 } else { 1 };
        let Some(&letter) = self.bytes.get(self.at - 1) else {
            self.at = self.bytes.len();
            return Err(error_at(
                self.place(start),
                "the log format ends inside a directive: its letter is missing",
            ));
        };
        let argument = argument.as_deref();
        if letter == b't' && !caret {
            return self.time(start, argument);
        }
        let spelling = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        let meaning = if caret {
            self.caret(&spelling, letter, argument)
        } else {
            self.meaning(&spelling, letter, argument)
        };
        let place = self.place(start);
        let meaning = meaning.ok_or_else(|| match argument {
            Some(name) if b"ioCenxc".contains(&letter) => {
                let field = derived_prefix(letter).filter(|_| !caret);
                let field = field.map(|prefix| format!("{prefix}{}", name.to_ascii_lowercase()));
                unclassified(place.clone(), &spelling, field)
            }
            _ => error_at(
                place.clone(),
                format!("the log format's {spelling} is no directive that this version knows"),
            ),
        })?;
        self.items.push(Item { at: place, what: What::Value(meaning) });
        Ok(())
    }

    /// Where in the text the directive from `start` up to the current byte stands.
    fn place(&self, start: usize) -> Range<usize> {
        self.offsets[start]..self.offsets[self.at - 1] + 1
    }

    fn argument(&mut self, directive: usize) -> Result<String, FormatError> {
        let start = self.at + 1;
        let Some(len) = self.bytes[start..].iter().position(|&byte| byte == b'}') else {
            self.at = self.bytes.len();
            return Err(error_at(self.place(directive), "a brace of the log format is never closed"));
        };
        self.at = start + len + 1;
        Ok(String::from_utf8_lossy(&self.bytes[start..start + len]).into_owned())
    }

    fn meaning(&self, spelling: &str, letter: u8, argument: Option<&str>) -> Option<Meaning> {
        let Some(argument) = argument else { return apache_directive(letter) };
        let lower = argument.to_ascii_lowercase();
        let derived = |field: &str| derived(spelling, argument, format!("{field}{lower}"), self.options);
        let duration =
            |scale| Meaning::new("http.server.request.duration", Shape::Number(NumberForm::Integer, scale));
        match (letter, lower.as_str()) {
            (b'i' | b'o' | b'C', _) => derived_prefix(letter).and_then(derived),
            (b'e', "remote_user") => apache_directive(b'u'),
            (b'e' | b'n' | b'x' | b'c', _) => apache_variable(argument)
                .or_else(|| by_user(spelling, argument, self.options))
                .or_else(|| derived(&format!("apache.{}.", letter as char))),
            (b'a' | b'h', "c") => Some(Meaning::new("network.peer.address", Shape::Host)),
            (b'p', "canonical" | "local") => apache_directive(b'p'),
            (b'p', "remote") => Some(Meaning::new("client.port", INTEGER)),
            (b'P', "pid") => apache_directive(b'P'),
            (b'P', "tid") => Some(Meaning::new("thread.id", INTEGER)),
            (b'P', "hextid") => Some(Meaning::new("thread.id", Shape::Word)),
            (b'T', "s") => Some(duration(1.0)),
            (b'T', "ms") => Some(duration(1e-3)),
            (b'T', "us") => Some(duration(1e-6)),
            (b'L', "c") => Some(Meaning::new("connection.log_id", Shape::Word)),
            _ => None,
        }
    }

    /// `%{…}^ti`, `%{…}^to`, and the first bytes of `mod_logio` and `mod_firstbyte`: `%^FB`, `%^FU`.
    fn caret(&self, spelling: &str, letter: u8, argument: Option<&str>) -> Option<Meaning> {
        let field = match (letter, argument) {
            (b'i', Some(name)) => format!("http.request.trailer.{}", name.to_ascii_lowercase()),
            (b'o', Some(name)) => format!("http.response.trailer.{}", name.to_ascii_lowercase()),
            (b'B' | b'U', None) => {
                let shape = Shape::Number(NumberForm::Integer, 1e-6);
                return Some(Meaning::new("http.server.first_byte.duration", shape));
            }
            _ => return None,
        };
        derived(spelling, argument.unwrap_or_default(), field, self.options)
    }

    /// `%t`, which brings its own brackets, and `%{…}t`.
    fn time(&mut self, start: usize, argument: Option<&str>) -> Result<(), FormatError> {
        let at = self.place(start);
        let (side, name) = match argument {
            None | Some("") => {
                Item::push_literal(&mut self.items, at.start, b'[');
                let time = TimeStep::Fixed { form: TimeForm::CommonLog, len: 26 };
                self.items.push(Item {
                    at: at.clone(),
                    what: What::Time { time, side: Side::Begin, zoned: true, dated: true },
                });
                Item::push_literal(&mut self.items, at.start, b']');
                return Ok(());
            }
            Some(argument) => match (argument.strip_prefix("begin:"), argument.strip_prefix("end:")) {
                (Some(name), _) => (Side::Begin, name),
                (None, Some(name)) => (Side::End, name),
                (None, None) => (Side::Begin, argument),
            },
        };
        let epoch = |form| What::Time { time: TimeStep::Digits(form), side, zoned: true, dated: true };
        // A fraction needs no zone and makes no date of its own.
        let fraction =
            |digits| What::Time { time: TimeStep::Fraction(digits), side, zoned: false, dated: false };
        let what = match name {
            "sec" => epoch(TimeForm::EpochSeconds),
            "msec" => epoch(TimeForm::EpochMillis),
            "usec" => epoch(TimeForm::EpochMicros),
            "msec_frac" => fraction(3),
            "usec_frac" => fraction(6),
            pattern => {
                let pattern = Pattern::compile(pattern).map_err(|bad| {
                    let place = format!("at character {} of its pattern", bad.0 + 1);
                    error_at(at.clone(), format!("a time of the log format has an unknown directive {place}"))
                })?;
                let (zoned, dated) = (pattern.names_zone(), pattern.names_date());
                What::Time { time: TimeStep::Pattern(Box::new(pattern)), side, zoned, dated }
            }
        };
        self.items.push(Item { at, what });
        Ok(())
    }
}

/// Under which name the fields of a directive with a header's or cookie's name stand.
const fn derived_prefix(letter: u8) -> Option<&'static str> {
    match letter {
        b'i' => Some("http.request.header."),
        b'o' => Some("http.response.header."),
        b'C' => Some("http.request.cookie."),
        _ => None,
    }
}
