//! `--format auto`: which format the first lines of an input are in.
//!
//! *In*: a sample of the input and the structured formats, the most specific first. *Out*: one of them, or why none. *Promised*:
//! a format is chosen only when nearly all lines are its own, and never `text`, which would fit everything. *Not here*:
//! reading the sample (`source`), saying what was chosen (`cli`).

use super::{Memo, Parser};
use crate::record::span::Parsed;
use crate::record::timestamp::Timestamp;

/// How much of an input is looked at.
pub const SAMPLE_BYTES_MAX: usize = 64 * 1024;
/// How many lines of it.
pub const SAMPLE_LINES_MAX: usize = 100;
/// The share of lines, in percent, that must be a format's own. The rest is what any log may hold: a start-up notice, a
/// line cut by rotation.
pub const SHARE_PERCENT_MIN: usize = 80;

/// Why no format was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// There is no line to judge by.
    #[error("the input has no line to tell its format by; name it with `--format`")]
    Empty,
    /// No format fits enough lines.
    #[error(
        "the first {lines} lines are in no known format (the best, {best}, fits {percent} %); name it with `--format`"
    )]
    NoneFits {
        /// Lines that were judged.
        lines: usize,
        /// The format that came nearest.
        best: &'static str,
        /// The share of lines that it fits.
        percent: usize,
    },
}

/// The index in `formats` of the one that the sample is in. `formats` stand with the most specific first (`vhost_combined` before
/// `combined` before `common`): of two that fit equally well the earlier is chosen.
pub fn detect(sample: &[u8], formats: &[(&'static str, &dyn Parser)]) -> Result<usize, Undecided> {
    let lines = lines(sample);
    if lines.is_empty() {
        return Err(Undecided::Empty);
    }
    let mut best: Option<(usize, Share)> = None;
    for (index, (_, parser)) in formats.iter().enumerate() {
        let share = share(&lines, *parser);
        if best.as_ref().is_none_or(|(_, other)| share.records > other.records) {
            best = Some((index, share));
        }
    }
    match best {
        Some((index, share)) if share.percent() >= SHARE_PERCENT_MIN => Ok(index),
        Some((index, share)) => {
            Err(Undecided::NoneFits { lines: lines.len(), best: formats[index].0, percent: share.percent() })
        }
        None => Err(Undecided::NoneFits { lines: lines.len(), best: "none", percent: 0 }),
    }
}

/// What tells a format by the first bytes of a line.
type Look = fn(&[u8]) -> bool;

/// The name of the format that a sample looks like, from its first bytes alone: for the sentence "they look like json" when
/// records fail to parse. `None` when it looks like nothing in particular.
pub fn resembles(sample: &[u8]) -> Option<&'static str> {
    let lines = lines(sample);
    let looks: [(&'static str, Look); 4] = [
        ("json", |line| line.trim_ascii_start().starts_with(b"{")),
        ("nginx-error", |line| has_shape(line, b"0000/00/00 00:00:00 [")),
        ("apache-error", |line| line.first() == Some(&b'[') && has_clock(&line[..line.len().min(40)])),
        ("combined", |line| {
            // The time of the common log format, within what can be address, ident, user and virtual host; and the
            // quotes of referrer and agent at the end.
            let mut front = line.iter().take(300).enumerate();
            line.ends_with(b"\"")
                && front.any(|(at, &byte)| byte == b'[' && has_shape(&line[at..], b"[00/Aaa/0000:00:00:00 "))
        }),
    ];
    looks
        .into_iter()
        .find(|(_, look)| {
            let count = lines.iter().filter(|line| look(line)).count();
            count > 0 && count * 100 >= lines.len() * SHARE_PERCENT_MIN
        })
        .map(|(name, _)| name)
}

/// The sample's lines that are not blank. The last is left out when it is not ended and others stand before it: it was
/// cut where the sample ends.
fn lines(sample: &[u8]) -> Vec<&[u8]> {
    let sample = &sample[..sample.len().min(SAMPLE_BYTES_MAX)];
    let whole = match memchr::memrchr(b'\n', sample) {
        Some(end) => &sample[..end],
        None => sample,
    };
    whole
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.trim_ascii().is_empty())
        .take(SAMPLE_LINES_MAX)
        .collect()
}

/// How much of a sample a format fits.
struct Share {
    /// Lines that are a record of the format, or begin one.
    records: usize,
    /// Lines that continue one.
    continued: usize,
    /// All lines.
    of: usize,
}

impl Share {
    const fn percent(&self) -> usize {
        match ((self.records + self.continued) * 100).checked_div(self.of) {
            Some(percent) => percent,
            None => 0,
        }
    }
}

/// The share of the sample that `parser` fits. A log of stack traces is in its format all the same; but between formats only
/// the lines that are records decide, since to a format of several lines any line is a continuation.
fn share(lines: &[&[u8]], parser: &dyn Parser) -> Share {
    let mut parsed = Parsed::default();
    let mut memo = Memo::new(Timestamp(i64::MAX / 2));
    let mut share = Share { records: 0, continued: 0, of: lines.len() };
    let mut inside = false;
    for line in lines {
        if parser.multi_line() && inside && !parser.begins_record(line) {
            share.continued += 1;
            continue;
        }
        parsed.clear();
        inside = parser.parse(line, &mut memo, &mut parsed).is_ok();
        share.records += usize::from(inside);
    }
    share
}

/// True when `line` begins with bytes of this shape: `0` is a digit, `A` and `a` a letter, anything else itself.
fn has_shape(line: &[u8], shape: &[u8]) -> bool {
    line.len() >= shape.len()
        && line.iter().zip(shape).all(|(byte, want)| match want {
            b'0' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            _ => byte == want,
        })
}

/// True when `10:15:32` stands somewhere in `text`.
fn has_clock(text: &[u8]) -> bool {
    text.windows(8).any(|window| has_shape(window, b"00:00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::apache_error::ApacheError;
    use crate::format::json::Json;
    use crate::format::nginx_error::NginxError;
    use jiff::tz::TimeZone;
    use std::collections::BTreeMap;

    const NGINX: &str =
        "2026/11/21 10:15:32 [error] 1#2: *3 x, client: 192.0.2.7, server: a, request: \"GET / HTTP/1.1\"\n";
    const APACHE: &str =
        "[Sat Nov 21 10:15:32.123456 2026] [core:error] [pid 1:tid 2] [client 192.0.2.7:5] x\n";
    const JSON: &str = "{\"remote_addr\":\"192.0.2.7\"}\n";
    const ACCESS: &str = "192.0.2.7 - - [21/Nov/2026:10:15:32 +0100] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"\n";

    fn chosen(sample: &str) -> Result<usize, Undecided> {
        let json = Json::new(&BTreeMap::new(), None).unwrap();
        let (nginx, apache) = (NginxError::new(TimeZone::UTC), ApacheError::new(TimeZone::UTC));
        detect(sample.as_bytes(), &[("json", &json), ("nginx-error", &nginx), ("apache-error", &apache)])
    }

    #[test]
    fn each_format_is_told_from_the_others() {
        assert_eq!(chosen(&JSON.repeat(200)), Ok(0));
        assert_eq!(chosen(NGINX), Ok(1));
        assert_eq!(chosen(&APACHE.repeat(3)), Ok(2));
    }

    #[test]
    fn traces_belong_to_their_record_but_win_nothing() {
        assert_eq!(chosen(&format!("{NGINX}#0 a\n#1 b\n  thrown\n{NGINX}")), Ok(1));
        assert_eq!(chosen(&format!("{NGINX}{}", JSON.repeat(50))), Ok(0));
    }

    #[test]
    fn undecided_is_an_error() {
        assert_eq!(chosen("\n \n"), Err(Undecided::Empty));
        assert_eq!(chosen("hello\nworld\n"), Err(Undecided::NoneFits { lines: 2, best: "json", percent: 0 }));
        let half = format!("{JSON}hello\n").repeat(10);
        assert_eq!(chosen(&half), Err(Undecided::NoneFits { lines: 20, best: "json", percent: 50 }));
    }

    #[test]
    fn the_cut_last_line_does_not_count() {
        assert_eq!(chosen(&format!("{JSON}{{\"remote_addr\":\"19")), Ok(0));
    }

    #[test]
    fn a_sample_resembles_what_its_first_bytes_say() {
        let looks = |line: &str| resembles(line.repeat(10).as_bytes());
        assert_eq!(looks(JSON), Some("json"));
        assert_eq!(looks(NGINX), Some("nginx-error"));
        assert_eq!(looks(APACHE), Some("apache-error"));
        assert_eq!(looks(ACCESS), Some("combined"));
        assert_eq!(looks("Nov  1 10:15:32 host sshd[1]: x\n"), None);
        assert_eq!(looks("hello\n"), None);
        assert_eq!(resembles(b""), None);
    }
}
