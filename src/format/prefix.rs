//! What relays put in front of every physical line: syslog and journal, Docker Compose, `docker logs -t`, container runtimes.
//!
//! *In*: a line. *Out*: which bytes of its front are time, host, program, process and container, and where the program's own line
//! begins. *Promised*: nothing is taken for a prefix that is not one from its first byte to its last, so that all between
//! the values named here is fixed punctuation; bounded work whatever the line's length. *Not here*: judging what follows.
//! A continuation line has the same prefix as the line above it, and the caller looks behind both.
//!
//! ```text
//! May 24 07:15:34 host jitsi-jvb[123]: …          2024-05-24T07:15:34.123456+00:00 host prosody[123]: …
//! jvb_1      | …        jvb-1  | …                [jvb_1     …        (cut out of Compose's output without its bar)
//! 2024-05-24T07:15:34.123456789Z …                2024-05-24T07:15:34.123456789Z stderr F …
//! ```
//!
//! They stack: a unit that runs Compose, whose containers log with times, has all three.

use super::pieces::{Range, skip};
use super::stamp::has_shape;
use super::time::TimeForm;
use crate::record::span::Parsed;

/// Longest name of a host, program or container that is looked at.
const NAME_BYTES_MAX: usize = 128;
/// Blanks with which Compose fills up the names of its containers.
const PADDING_MAX: usize = 128;

/// The front of a line. Positions count from the line's first byte and ascend in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The time of syslog or journal.
    pub time: Option<(TimeForm, Range)>,
    /// The host that wrote to syslog.
    pub host: Option<Range>,
    /// The program's name (`TAG`).
    pub program: Option<Range>,
    /// Its process.
    pub pid: Option<Range>,
    /// Compose's name of the container.
    pub container: Option<Range>,
    /// The time that the container runtime had the line, in UTC or with its offset.
    pub runtime: Option<(TimeForm, Range)>,
    /// Where the program's own line begins.
    pub rest: usize,
}

/// Which slots of a format the values of a prefix fill; both times fill one.
pub(super) struct Slots {
    pub time: u16,
    pub host: u16,
    pub program: u16,
    pub pid: u16,
    pub container: u16,
}

impl Prefix {
    /// Reads the prefix of `line`, if it has one.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let mut prefix = Self::default();
        // Blanks and the like begin most continuation lines, and no prefix.
        match line.first()? {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'[' | 0x1b => {}
            _ => return None,
        }
        prefix.syslog(line);
        prefix.compose(line);
        prefix.runtime(line);
        (prefix.rest > 0).then_some(prefix)
    }

    /// Adds the values of a prefix that begins at `at` of the record.
    pub(super) fn push(&self, at: usize, slots: &Slots, parsed: &mut Parsed) {
        let range = |time: Option<(TimeForm, Range)>| time.map(|(_, range)| range);
        for (slot, range) in [
            (slots.time, range(self.time)),
            (slots.host, self.host),
            (slots.program, self.program),
            (slots.pid, self.pid),
            (slots.container, self.container),
            (slots.time, range(self.runtime)),
        ] {
            if let Some((start, end)) = range {
                parsed.push(slot, at + start, at + end);
            }
        }
    }

    /// The time nearest to the program's own.
    pub(super) fn stated(&self) -> Option<(TimeForm, Range)> {
        self.runtime.or(self.time)
    }

    /// `May 24 07:15:34 host tag[pid]: `, also with a fraction, and the same after a time of RFC 3339.
    fn syslog(&mut self, line: &[u8]) -> Option<()> {
        let (form, time_end) = match (month_clock(line), iso(line)) {
            (Some(end), _) => (TimeForm::Syslog, end),
            (None, Some((end, fraction))) if fraction < 9 => (TimeForm::Iso8601, end),
            _ => return None,
        };
        let host = name(line, skip(line, time_end, b" ")?, is_host)?;
        let program = name(line, skip(line, host.1, b" ")?, is_program)?;
        let (pid, end) = match skip(line, program.1, b"[") {
            Some(at) => {
                let pid = name(line, at, |byte| byte.is_ascii_digit())?;
                (Some(pid), skip(line, pid.1, b"]")?)
            }
            None => (None, program.1),
        };
        let rest = after_colon(line, end)?;
        *self = Self {
            time: Some((form, (0, time_end))),
            host: Some(host),
            program: Some(program),
            pid,
            rest,
            ..*self
        };
        Some(())
    }

    /// `jvb-1  | `, perhaps in colour; or `[jvb_1    ` where the bar was cut away.
    fn compose(&mut self, line: &[u8]) -> Option<()> {
        let coloured = colour(line, self.rest);
        let open = skip(line, coloured, b"[");
        let container = name(line, open.unwrap_or(coloured), is_program)?;
        let blanks = line[container.1..].iter().take(PADDING_MAX).take_while(|&&byte| byte == b' ').count();
        let padded = container.1 + blanks;
        let rest = if let Some(bar) = skip(line, padded, b"|") {
            let plain = colour(line, bar);
            skip(line, plain, b" ").or_else(|| (plain == line.len()).then_some(plain))?
        } else {
            // Without a bar only Compose's numbered names are told from text.
            let numbered = line[container.0..container.1].windows(2).last()?;
            let is_numbered = matches!(numbered, [b'_' | b'-', b'0'..=b'9']);
            (open.is_some() && is_numbered && blanks > 0).then_some(padded)?
        };
        self.container = Some(container);
        self.rest = rest;
        Some(())
    }

    /// `2024-05-24T07:15:34.123456789Z `, perhaps with `stderr F `. Docker writes nine digits always; the others leave out zeros but name
    /// the stream.
    fn runtime(&mut self, line: &[u8]) -> Option<()> {
        let own = &line[self.rest..];
        let (end, fraction) = iso(own)?;
        let stream = |at: usize| {
            let at = skip(own, at, b"stdout ").or_else(|| skip(own, at, b"stderr "))?;
            skip(own, at, b"F ")
        };
        let at = skip(own, end, b" ").or_else(|| (end == own.len()).then_some(end))?;
        let rest = match stream(at) {
            Some(rest) => rest,
            None if fraction == 9 => at,
            None => return None,
        };
        self.runtime = Some((TimeForm::Iso8601, (self.rest, self.rest + end)));
        self.rest += rest;
        Some(())
    }
}

/// A name at `at`: at least one byte, and not longer than names are.
fn name(line: &[u8], at: usize, is_part: fn(u8) -> bool) -> Option<Range> {
    let length = line.get(at..)?.iter().take(NAME_BYTES_MAX + 1).take_while(|&&byte| is_part(byte)).count();
    (1..=NAME_BYTES_MAX).contains(&length).then_some((at, at + length))
}

/// The position after `: `, or after the `:` that ends a line.
fn after_colon(line: &[u8], at: usize) -> Option<usize> {
    let colon = skip(line, at, b":")?;
    skip(line, colon, b" ").or_else(|| (colon == line.len()).then_some(colon))
}

const fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

const fn is_program(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b'@' | b'+')
}

/// The end of the colour that begins at `at`: `ESC [ 36 m`, perhaps several.
fn colour(line: &[u8], mut at: usize) -> usize {
    while let Some(start) = skip(line, at, b"\x1b[") {
        let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
        let end = start + line[start..].iter().take(16).take_while(is_part).count();
        let Some(next) = skip(line, end, b"m") else { break };
        at = next;
    }
    at
}

/// The end of `May 24 07:15:34` and of a fraction after it.
fn month_clock(line: &[u8]) -> Option<usize> {
    let month = crate::record::calendar::month(line.get(..3)?).is_some();
    let day = matches!(line.get(3..7)?, [b' ', b' ' | b'0'..=b'9', b'0'..=b'9', b' ']);
    (month && day && has_shape(&line[7..], b"00:00:00")).then(|| fraction(line, 15).0)
}

/// The end of `2024-05-24T07:15:34.123456+00:00`, and how many digits its fraction has.
fn iso(line: &[u8]) -> Option<(usize, usize)> {
    if !has_shape(line, b"0000-00-00T00:00:00") {
        return None;
    }
    let (at, digits) = fraction(line, 19);
    let rest = &line[at..];
    let offset = match rest.first()? {
        b'Z' => 1,
        b'+' | b'-' => {
            let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b':';
            1 + rest[1..].iter().take(5).take_while(is_part).count()
        }
        _ => return None,
    };
    Some((at + offset, digits))
}

/// The end of the fraction at `at`, and its digits; `at` if there is none.
fn fraction(line: &[u8], at: usize) -> (usize, usize) {
    let Some(start) = skip(line, at, b".") else { return (at, 0) };
    let digits = line[start..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { (at, 0) } else { (start + digits, digits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a prefix, in order, and the rest of the line.
    fn read(line: &str) -> Option<(Vec<&str>, &str)> {
        let prefix = Prefix::read(line.as_bytes())?;
        let times = [prefix.time, prefix.runtime].map(|time| time.map(|(_, range)| range));
        let ranges = [times[0], prefix.host, prefix.program, prefix.pid, prefix.container, times[1]];
        let values = ranges.into_iter().flatten().map(|(start, end)| &line[start..end]).collect();
        Some((values, &line[prefix.rest..]))
    }

    #[test]
    fn each_kind_is_read() {
        let syslog = "May 24 07:15:34 meet.example.org jitsi-jvb[123]: JVB x";
        let values = vec!["May 24 07:15:34", "meet.example.org", "jitsi-jvb", "123"];
        assert_eq!(read(syslog), Some((values, "JVB x")));
        assert_eq!(read("May  4 07:15:34 h turnserver: x").unwrap().1, "x");
        let iso = "2024-05-24T07:15:34.123456+00:00 h prosody[9]: x: y";
        assert_eq!(read(iso), Some((vec!["2024-05-24T07:15:34.123456+00:00", "h", "prosody", "9"], "x: y")));
        assert_eq!(read("jvb_1      | JVB x"), Some((vec!["jvb_1"], "JVB x")));
        assert_eq!(read("jvb-1  | \tat x"), Some((vec!["jvb-1"], "\tat x")));
        assert_eq!(read("\x1b[36mjvb-1  |\x1b[0m JVB x"), Some((vec!["jvb-1"], "JVB x")));
        assert_eq!(read("[jibri_1     Jibri x"), Some((vec!["jibri_1"], "Jibri x")));
        let docker = "2024-05-24T07:15:34.123456789Z JVB INFO: x";
        assert_eq!(read(docker), Some((vec!["2024-05-24T07:15:34.123456789Z"], "JVB INFO: x")));
        let cri = "2024-05-24T07:15:34.12+02:00 stderr F JVB x";
        assert_eq!(read(cri), Some((vec!["2024-05-24T07:15:34.12+02:00"], "JVB x")));
    }

    #[test]
    fn kinds_stack() {
        let line = "May 24 07:15:34 h docker-compose[1]: jvb_1 | 2024-05-24T07:15:34.123456789Z JVB x";
        let (values, rest) = read(line).unwrap();
        assert_eq!(values.len(), 6);
        assert_eq!(rest, "JVB x");
    }

    #[test]
    fn an_empty_line_behind_a_prefix() {
        assert_eq!(read("jvb-1  |"), Some((vec!["jvb-1"], "")));
        assert_eq!(read("May 24 07:15:34 h jvb[1]:").unwrap().1, "");
        assert_eq!(read("2024-05-24T07:15:34.123456789Z").unwrap().1, "");
    }

    #[test]
    fn what_is_no_prefix() {
        let lines = [
            "",
            "JVB 2024-05-24 07:15:34.123 INFO: [1] A.b#1: x",
            "2024-05-24 07:15:34.123 INFO: [1] A.b#1: x",
            "Nov 21 10:15:32 mod_bosh\tinfo\tx",
            "Dec 04, 2020 1:30:42 PM org.jitsi.A log",
            "2024-05-24T07:15:34.123456Z x",
            "[2001:db8::1]:5000/udp",
            "[abc   x",
            "\tat org.jitsi.A.b(A.java:1)",
            "Caused by: x | y",
            "2024-05-24T07:15:34",
        ];
        for line in lines {
            assert_eq!(read(line), None, "{line}");
        }
        assert_eq!(read(&format!("{} | x", "a".repeat(129))), None);
    }
}
