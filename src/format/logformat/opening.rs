//! The fast way through what nearly every access log begins with.
//!
//! `%h %l %u [%t] "%r" %>s %b` (Apache) and `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent` (nginx)
//! open most formats: `common`, `combined`, the `main` of nginx's own packages. A record whose opening is ordinary is read here
//! without interpreting steps; for anything else [`Opening::read`] says nothing, and the steps decide. So this file can make a
//! record faster, and never different: a test compares both ways.

use wide::u8x16;

use super::ending::{Class, NumberForm, closing_quote, question_mark};
use super::program::{Content, Ending, Locate, Segment, Step, TimeStep};
use crate::format::Memo;
use crate::format::request::{RequestSlots, split};
use crate::format::time::{TimeForm, read_common_log};
use crate::record::span::{Parsed, Part};

/// The slots of an opening.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    client: u16,
    user: u16,
    time: u16,
    request: RequestSlots,
    status: u16,
    size: u16,
    /// Referrer and user agent, when they are all that follows (`combined`).
    closing: Option<(u16, u16)>,
    /// Steps of the first chunk that are read here.
    pub(super) steps: usize,
}

/// Bytes of a common-log time.
const TIME: usize = 26;

impl Opening {
    /// The opening of a program, if it has one.
    pub(super) fn of(head: &[Step], segments: &[Segment]) -> Option<Self> {
        let [first] = segments else { return None };
        let client = match head {
            [Step::Value { ending: Ending::Host, content: Content::Plain(client) }, rest @ ..] => {
                let dash = matches!(rest, [step] if step.is_literal(b" - "));
                let ident = matches!(rest, [before, Step::Value { ending: Ending::Word(b' '), .. }, after]
                    if before.is_literal(b" ") && after.is_literal(b" "));
                (dash || ident).then_some(*client)?
            }
            _ => return None,
        };
        let Segment {
            content: Content::Name(user),
            class: Class::Quoteless,
            locate: Locate::Before(_),
            chunk,
        } = first
        else {
            return None;
        };
        let [bracket, time, quote, request, space, status, gap, size, rest @ ..] = &chunk[..] else {
            return None;
        };
        let literals = [(bracket, &b" ["[..]), (quote, b"] \""), (space, b"\" "), (gap, b" ")];
        if !literals.iter().all(|(step, literal)| step.is_literal(literal)) {
            return None;
        }
        match (time, request, status, size) {
            (
                Step::Time { time: TimeStep::Fixed { form: TimeForm::CommonLog, .. }, slot: time, .. },
                Step::Value { ending: Ending::Quote, content: Content::Request(request) },
                Step::Number { form: NumberForm::Status, slot: status, .. },
                Step::Number { form: NumberForm::Integer, slot: size, next: None | Some(b' ') },
            ) => Some(Self {
                client,
                user: *user,
                time: *time,
                request: *request,
                status: *status,
                size: *size,
                closing: closing(rest),
                steps: if closing(rest).is_some() { chunk.len() } else { 8 },
            }),
            _ => None,
        }
    }

    /// Reads the opening of `text`; returns where it ends. `None`: not the ordinary case, and `parsed` may hold some of it.
    #[inline]
    pub(super) fn read(&self, text: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Option<usize> {
        let mut found = Found::default();
        let client = address_len(text)?;
        found.push(self.client, 0, client);
        let rest = text.get(client..)?;
        let bracket = if rest.first_chunk() == Some(b" - - [") {
            client + 6
        } else if rest.first_chunk() == Some(b" - ") {
            let user = client + 3;
            let len = simple_name_len(text.get(user..)?)?;
            found.push(self.user, user, user + len);
            user + len + 2
        } else {
            return None;
        };
        let (time, rest) = text.get(bracket..)?.split_first_chunk::<TIME>()?;
        parsed.time = Some(read_common_log(time, memo).ok()?);
        found.push(self.time, bracket, bracket + TIME);
        if rest.first_chunk() != Some(b"] \"") {
            return None;
        }
        let request = bracket + TIME + 3;
        let quote = closing_quote(text, request)?;
        if !self.request(text, request, quote, &mut found) {
            // Something else than a plain GET or POST: what was found so far goes first, in the order of the text.
            found.hand_over(parsed);
            found = Found::default();
            split(text, request, quote, &self.request, parsed);
        }
        let (end, rest) = self.status_and_size(text, quote, &mut found)?;
        let Some((referer, agent)) = self.closing else {
            found.hand_over(parsed);
            return Some(end);
        };
        let between = if rest.first_chunk() == Some(b" \"-\"") {
            end + 3
        } else if rest.first_chunk() == Some(b" \"") {
            found.quoted(text, end + 2, referer)?
        } else {
            return None;
        };
        if text.get(between..)?.first_chunk() != Some(b"\" \"") {
            return None;
        }
        let last = found.quoted(text, between + 3, agent)?;
        found.hand_over(parsed);
        (last + 1 == text.len()).then_some(last + 1)
    }

    /// Reads the request at `start..quote` if it is a plain GET or POST with a whole protocol.
    #[inline]
    fn request(&self, text: &[u8], start: usize, quote: usize, found: &mut Found) -> bool {
        let slots = &self.request;
        let Some((target, protocol)) = text[start..quote].split_last_chunk::<9>() else { return false };
        let method = if target.first_chunk() == Some(b"GET /") {
            3
        } else if target.first_chunk() == Some(b"POST /") {
            4
        } else {
            return false;
        };
        let [name @ .., major, point, minor] = protocol;
        let whole = *name == *b" HTTP/" && major.is_ascii_digit() && *point == b'.' && minor.is_ascii_digit();
        if !whole || target.last() == Some(&b' ') {
            return false;
        }
        found.push(slots.method, start, start + method);
        let path = start + method + 1;
        let end = quote - 9;
        match question_mark(&text[..end], path) {
            None => found.push(slots.target.path, path, end),
            Some(at) => {
                found.push(slots.target.path, path, at);
                if at + 1 < end {
                    found.push(slots.target.query, at + 1, end);
                }
            }
        }
        found.push(slots.version, quote - 3, quote);
        true
    }

    /// Reads `" 200 512` at `quote`; returns where it ends, and the text from there.
    #[inline]
    fn status_and_size<'a>(
        &self,
        text: &'a [u8],
        quote: usize,
        found: &mut Found,
    ) -> Option<(usize, &'a [u8])> {
        let ([b'"', b' ', status @ .., b' '], rest) = text.get(quote..)?.split_first_chunk::<6>()? else {
            return None;
        };
        if !status.iter().all(u8::is_ascii_digit) {
            return None;
        }
        found.push(self.status, quote + 2, quote + 5);
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        // A letter or a point would belong to the number, and `-` is an absent one.
        if digits == 0 || !matches!(rest.get(digits), None | Some(b' ')) {
            return None;
        }
        let end = quote + 6 + digits;
        found.push(self.size, quote + 6, end);
        Some((end, &rest[digits..]))
    }
}

/// Parts on their way into [`Parsed`]: collected here, because adding them one by one to a vector costs more than finding them.
struct Found {
    parts: [Part; PARTS_MAX],
    len: usize,
}

/// One for each slot of `combined`.
const PARTS_MAX: usize = 12;

impl Default for Found {
    #[inline]
    fn default() -> Self {
        Self { parts: [Part { slot: 0, start: 0, end: 0 }; PARTS_MAX], len: 0 }
    }
}

impl Found {
    #[inline]
    fn push(&mut self, slot: u16, start: usize, end: usize) {
        self.parts[self.len] = Part { slot, start: start as u32, end: end as u32 };
        self.len += 1;
    }

    #[inline]
    fn hand_over(&self, parsed: &mut Parsed) {
        parsed.parts.extend_from_slice(&self.parts[..self.len]);
    }

    /// Takes the quoted value that begins at `start`; returns where its closing quote is.
    #[inline]
    fn quoted(&mut self, text: &[u8], start: usize, slot: u16) -> Option<usize> {
        let end = closing_quote(text, start)?;
        // `-` and nothing are absent.
        if end > start + 1 || (end > start && text[start] != b'-') {
            self.push(slot, start, end);
        }
        Some(end)
    }
}

/// The slots of ` "…" "…"` at the end of a format.
fn closing(rest: &[Step]) -> Option<(u16, u16)> {
    let plain = |step: &Step| match step {
        Step::Value { ending: Ending::Quote, content: Content::Plain(slot) } => Some(*slot),
        _ => None,
    };
    match rest {
        [open, first, between, second, close, Step::End]
            if open.is_literal(b" \"") && between.is_literal(b"\" \"") && close.is_literal(b"\"") =>
        {
            Some((plain(first)?, plain(second)?))
        }
        _ => None,
    }
}

/// The length of the address that begins `text` and ends at a space: an IPv4 address, or something with the characters and
/// the look of an IPv6 address.
#[inline]
fn address_len(text: &[u8]) -> Option<usize> {
    let block = u8x16::new(*text.first_chunk()?);
    let dots = block.simd_eq(u8x16::splat(b'.')).to_bitmask();
    let len = block.simd_eq(u8x16::splat(b' ')).to_bitmask().trailing_zeros();
    let digits = ((block - u8x16::splat(b'0')).simd_le(u8x16::splat(9))).to_bitmask();
    if len > 15 {
        return ipv6_len(text);
    }
    let inside = (1 << len) - 1;
    let (dots, digits) = (dots & inside, digits & inside);
    // Beginning and end count as points too: no two may be neighbours, so that no group is empty.
    let marks = (dots | 1 << len) << 1 | 1;
    let empty = marks & marks >> 1;
    let four_digits = digits & digits >> 1 & digits >> 2 & digits >> 3;
    if (dots | digits) != inside || dots.count_ones() != 3 || (empty | four_digits) != 0 {
        return ipv6_len(text);
    }
    Some(len as usize)
}

/// The length of an IPv6 address without brackets, zone and port, of groups of at most four digits.
fn ipv6_len(text: &[u8]) -> Option<usize> {
    let (mut groups, mut digits, mut pairs) = (1, 0, 0);
    for (at, &byte) in text.iter().enumerate().take(40) {
        match byte {
            b'0'..=b'9' | b'a'..=b'f' => digits += 1,
            b':' => {
                pairs += u32::from(at > 0 && text[at - 1] == b':');
                groups += 1;
                digits = 0;
            }
            b' ' => return ((3..=8).contains(&groups) && pairs <= 1).then_some(at),
            _ => return None,
        }
        if digits > 4 {
            return None;
        }
    }
    None
}

/// The length of a user name of letters, digits and a few signs before ` [`. It cannot be taken for an address, and is not `-`.
#[inline]
fn simple_name_len(text: &[u8]) -> Option<usize> {
    let len =
        text.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@')))?;
    (len > 0 && text[..len] != *b"-" && text[len..].starts_with(b" [")).then_some(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::Parser;
    use crate::format::logformat::{Program, apache, nginx};
    use crate::record::span::Refusal;
    use crate::record::timestamp::Timestamp;

    type Outcome = Result<(Vec<(u16, u32, u32)>, Option<Timestamp>), Refusal>;

    fn outcome(program: &Program, record: &[u8]) -> Outcome {
        let mut parsed = Parsed::default();
        program.parse(record, &mut Memo::new(Timestamp(0)), &mut parsed)?;
        let parts = parsed.parts.iter().map(|part| (part.slot, part.start, part.end)).collect();
        Ok((parts, parsed.time))
    }

    /// Each program twice: with its opening, and without.
    fn programs() -> Vec<(Program, Program)> {
        let build: [fn() -> Program; 3] = [
            crate::format::presets::common,
            crate::format::presets::combined,
            || {
                let main = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_x_forwarded_for""#;
                nginx(main, None, &|_| None).unwrap()
            },
        ];
        build.iter().map(|build| (build(), Program { opening: None, ..build() })).collect()
    }

    fn agree(record: &[u8]) -> bool {
        programs().iter().all(|(fast, slow)| {
            assert!(fast.opening.is_some());
            outcome(fast, record) == outcome(slow, record)
        })
    }

    #[test]
    fn only_the_usual_opening_is_taken() {
        for text in [
            "%h %u %t \"%r\" %>s %b",
            "%h %l %u %t %>s %b",
            "%h %l %u %t \"%r\" %>s %O%%",
            "%h %l %u [%{sec}t] \"%r\" %>s %b",
        ] {
            assert!(apache(text, None, &|_| None).unwrap().opening.is_none(), "{text}");
        }
    }

    #[test]
    fn both_ways_agree_on_the_unusual() {
        let client = [
            "192.0.2.1",
            "2001:db8::1",
            "::",
            "::1",
            "192.0.2.256",
            "1192.0.2.1",
            "192.0.2",
            "192.0.2.1:80",
            "2001:DB8::1",
            "a",
            "-",
            "",
            "192.0.2.1,",
            "2001:db8::1::2",
            "::ffff:192.0.2.1",
        ];
        let user = ["-", "alice", "a b", "\"\"", "-a", "@", "192.0.2.1", "2001", "x [y"];
        let request = ["GET / HTTP/1.1", "-", "", "\\\"", "GET  /?? HTTP/1.0", "GET /a?b", "hello"];
        let end = ["200 5", "- -", "2 5", "200 5x", "200 5.1", "200", "200 ", "200 -5", "000 0"];
        for client in client {
            for user in user {
                for request in request {
                    for end in end {
                        let record = format!(
                            "{client} - {user} [21/Nov/2026:10:15:32 +0100] \"{request}\" {end} \"-\" \"-\""
                        );
                        assert!(agree(record.as_bytes()), "{record}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree_on_damaged_records(at in 0_usize..130, byte in any::<u8>(), cut in 0_usize..130, v6 in any::<bool>()) {
            let client = if v6 { "2001:db8::8a2e:1" } else { "198.51.100.23" };
            let record = format!("{client} - alice [21/Nov/2026:10:15:32 +0100] \"GET /a?b HTTP/1.1\" 200 512 \"https://example.org/\" \"agent\"");
            let mut damaged = record.clone().into_bytes();
            let at = at % damaged.len();
            damaged[at] = byte;
            prop_assert!(agree(&damaged));
            damaged.truncate(cut);
            prop_assert!(agree(&damaged));
            damaged.extend_from_slice(record.as_bytes());
            prop_assert!(agree(&damaged));
            damaged.drain(..at);
            prop_assert!(agree(&damaged));
        }
    }
}
