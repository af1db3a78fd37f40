//! The fast way through what nearly every access log begins with.
//!
//! `%h %l %u [%t] "%r" %>s %b` (Apache) and `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent` (nginx)
//! open most formats: `common`, `combined`, the `main` of nginx's own packages. Where nothing but quoted values follows, a
//! record in whose batch the quotes are marked is read without looking at most of its bytes. Where more follows, the opening
//! is read here and the rest by the steps. Whatever is not ordinary is left to the steps altogether. So this file can make a
//! record faster, and never different: a test compares both ways.

#![allow(
    clippy::inline_always,
    reason = "a third of what reading a record cost was calls between these few functions"
)]

use std::hint::black_box;

use super::ending::{Class, NumberForm, closing_quote, question_mark};
use super::program::{Content, Ending, Locate, Segment, Step, TimeStep};
use crate::format::Memo;
use crate::format::request::{RequestSlots, method_len, split};
use crate::format::time::{TimeForm, read_common_log};
use crate::record::marks::Marked;
use crate::record::positions::{BLOCK, Lane, mask};
use crate::record::span::{Parsed, Part, slot_bit};
use wide::u8x16;

/// The slots of an opening.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    client: u16,
    user: u16,
    time: u16,
    request: RequestSlots,
    status: u16,
    size: u16,
    /// [`slot_bit`] of what every record has: client, time, method, path, version, status, size.
    always: u64,
    /// The quoted values that are all that follows.
    closing: Option<Closing>,
    /// Steps of the first chunk that are read by [`Opening::read`].
    pub(super) steps: usize,
}

/// Slots of quoted values: none in `common`, two in `combined`, three in `main`.
#[derive(Clone, Copy, Default)]
struct Closing {
    slots: [u16; CLOSING_MAX],
    len: usize,
}

/// More quoted values at the end are left to the steps.
const CLOSING_MAX: usize = 4;

/// Bytes of a common-log time.
const TIME: usize = 26;

impl Opening {
    /// The opening of a program, if it has one.
    pub(super) fn of(head: &[Step], segments: &[Segment], suffix: &[u8]) -> Option<Self> {
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
                always: [client, *time, request.method, request.target.path, request.version, *status, *size]
                    .into_iter()
                    .fold(0, |bits, slot| bits | slot_bit(slot)),
                client,
                user: *user,
                time: *time,
                request: *request,
                status: *status,
                size: *size,
                closing: if suffix.is_empty() { closing(rest) } else { None },
                steps: 8,
            }),
            _ => None,
        }
    }

    /// True when [`Opening::read_marked`] can read whole records.
    pub(super) const fn is_whole(&self) -> bool {
        self.closing.is_some()
    }

    /// Reads a whole record by its marks. `None`: not the ordinary case, and nothing was found.
    #[inline]
    pub(super) fn read_marked(
        &self,
        record: &Marked<'_>,
        memo: &mut Memo,
        parsed: &mut Parsed,
    ) -> Option<()> {
        let closing = self.closing.as_ref()?;
        let text = record.text;
        let [open, close, quotes @ ..] = record.quotes else { return None };
        if record.odd || quotes.len() != 2 * closing.len {
            return None;
        }
        let place = |quote: u32| (quote as usize).wrapping_sub(record.start);
        let mut found = Found::default();
        let time = self.beginning(text, place(*open), &mut found)?;
        let mut end = self.request_and_numbers(text, place(*open), place(*close), &mut found)?;
        for (&slot, pair) in closing.slots.iter().zip(quotes.as_chunks::<2>().0) {
            let [open, close] = pair.map(place);
            if open != end + 1 || text.get(end) != Some(&b' ') {
                return None;
            }
            // `-` and nothing are absent.
            let absent = close < open + 2 || (close == open + 2 && text[open + 1] == b'-');
            found.push_unless(absent, slot, open + 1, close);
            end = close + 1;
        }
        if end != text.len() {
            return None;
        }
        parsed.time = Some(read_common_log(text.get(time..)?.first_chunk()?, memo).ok()?);
        parsed.plain = true;
        found.hand_over(self.always, parsed);
        Some(())
    }

    /// Reads the opening of `text`; returns where it ends. `None`: not the ordinary case, and `parsed` may hold some of it.
    #[inline(never)]
    pub(super) fn read(&self, text: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Option<usize> {
        let mut found = Found::default();
        let open = closing_quote(text, 0)?;
        let time = self.beginning(text, open, &mut found)?;
        parsed.time = Some(read_common_log(text.get(time..)?.first_chunk()?, memo).ok()?);
        let close = closing_quote(text, open + 1)?;
        let end = if let Some(end) = self.request_and_numbers(text, open, close, &mut found) {
            end
        } else {
            // Something else than a plain request: what was found so far goes first, in the order of the text.
            found.hand_over(self.always, parsed);
            found = Found::default();
            split(text, open + 1, close, &self.request, parsed);
            self.numbers(text, close, &mut found)?
        };
        found.hand_over(self.always, parsed);
        Some(end)
    }

    /// Reads client, user and time before the quote at `open`; returns where the time begins.
    #[inline(always)]
    fn beginning(&self, text: &[u8], open: usize, found: &mut Found) -> Option<usize> {
        let client = address_len(text)?;
        found.push(self.client, 0, client);
        let rest = text.get(client..)?;
        let time = if rest.first_chunk() == Some(b" - - [") {
            client + 6
        } else if rest.first_chunk() == Some(b" - ") {
            let user = client + 3;
            let len = simple_name_len(text.get(user..)?)?;
            found.push_unless(false, self.user, user, user + len);
            user + len + 2
        } else {
            return None;
        };
        found.push(self.time, time, time + TIME);
        (time + TIME + 2 == open && text.get(time + TIME..)?.first_chunk() == Some(b"] ")).then_some(time)
    }

    /// Reads a plain request for a path between the quotes at `open` and `close`, and what [`Opening::numbers`] reads. Finds
    /// nothing if the request is another.
    #[inline(always)]
    fn request_and_numbers(
        &self,
        text: &[u8],
        open: usize,
        close: usize,
        found: &mut Found,
    ) -> Option<usize> {
        let (target, protocol) = text.get(open + 1..close)?.split_last_chunk::<9>()?;
        let method = match target {
            [b'G', b'E', b'T', b' ', b'/', ..] => 3,
            [b'P', b'O', b'S', b'T', b' ', b'/', ..] | [b'H', b'E', b'A', b'D', b' ', b'/', ..] => 4,
            _ => match method_len(target) {
                len if len > 0 && target.get(len + 1) == Some(&b'/') => len,
                _ => return None,
            },
        };
        let [name @ .., major, point, minor] = protocol;
        let whole = *name == *b" HTTP/" && major.is_ascii_digit() && *point == b'.' && minor.is_ascii_digit();
        if !whole || target.last() == Some(&b' ') {
            return None;
        }
        let slots = &self.request;
        let path = open + method + 2;
        let end = close - 9;
        let mark = question_mark(text, path, end).unwrap_or(end);
        found.push(slots.method, open + 1, open + 1 + method);
        found.push(slots.target.path, path, mark);
        found.push_unless(mark + 1 >= end, slots.target.query, mark + 1, end);
        found.push(slots.version, close - 3, close);
        self.numbers(text, close, found)
    }

    /// Reads `" 200 512` at `close`; returns where it ends.
    #[inline(always)]
    fn numbers(&self, text: &[u8], close: usize, found: &mut Found) -> Option<usize> {
        let ([b'"', b' ', status @ .., b' '], rest) = text.get(close..)?.split_first_chunk::<6>()? else {
            return None;
        };
        let digits = digits_len(rest);
        // A letter or a point would belong to the number, and `-` is an absent one.
        if !status.iter().all(u8::is_ascii_digit)
            || digits == 0
            || !matches!(rest.get(digits), None | Some(b' '))
        {
            return None;
        }
        let end = close + 6 + digits;
        found.push(self.status, close + 2, close + 5);
        found.push(self.size, close + 6, end);
        Some(end)
    }
}

/// Parts on their way into [`Parsed`]: collected here, because adding them one by one to a vector costs more than finding them.
struct Found {
    parts: [Part; PARTS_MAX],
    len: usize,
    slots: u64,
}

/// Room for the nine slots of an opening and four quoted values; a power of two, so that an index needs no check.
const PARTS_MAX: usize = 16;

impl Default for Found {
    #[inline(always)]
    fn default() -> Self {
        // A copy of memory that is there: written out, the parts would be cleared field by field.
        static NONE: [Part; PARTS_MAX] = [Part { slot: 0, start: 0, end: 0 }; PARTS_MAX];
        Self { parts: *black_box(&NONE), len: 0, slots: 0 }
    }
}

impl Found {
    #[inline(always)]
    fn push(&mut self, slot: u16, start: usize, end: usize) {
        self.parts[self.len % PARTS_MAX] = Part { slot, start: start as u32, end: end as u32 };
        self.len += 1;
    }

    /// Written in any case, and counted unless `absent`: no branch that half the records take.
    #[inline(always)]
    fn push_unless(&mut self, absent: bool, slot: u16, start: usize, end: usize) {
        self.parts[self.len % PARTS_MAX] = Part { slot, start: start as u32, end: end as u32 };
        self.len += usize::from(!absent);
        self.slots |= if absent { 0 } else { slot_bit(slot) };
    }

    #[inline(always)]
    fn hand_over(&self, always: u64, parsed: &mut Parsed) {
        let before = parsed.parts.len();
        parsed.parts.extend_from_slice(&self.parts);
        parsed.parts.truncate(before + self.len);
        parsed.slots |= self.slots | always;
    }
}

/// The digits that begin `text`; eight of them are looked at together.
#[inline(always)]
fn digits_len(text: &[u8]) -> usize {
    if let Some(block) = text.first_chunk::<8>() {
        let word = u64::from_le_bytes(*block) ^ 0x3030_3030_3030_3030;
        // A byte is now at most 9 for a digit; adding 0x76 lifts anything else below 128 over 127. A carry can only reach
        // bytes behind the first that is no digit.
        let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
        if others != 0 {
            return (others.trailing_zeros() / 8) as usize;
        }
    }
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// The slots of ` "…" "…"` at the end of a format, if quoted values are all that `rest` has.
fn closing(rest: &[Step]) -> Option<Closing> {
    let mut closing = Closing::default();
    let mut rest = rest;
    let mut opened = &b" \""[..];
    loop {
        match rest {
            [Step::End] if closing.len == 0 => return Some(closing),
            [close, Step::End] if closing.len > 0 && close.is_literal(b"\"") => return Some(closing),
            [open, Step::Value { ending: Ending::Quote, content: Content::Plain(slot) }, more @ ..]
                if closing.len < CLOSING_MAX && open.is_literal(opened) =>
            {
                closing.slots[closing.len] = *slot;
                closing.len += 1;
                opened = b"\" \"";
                rest = more;
            }
            _ => return None,
        }
    }
}

/// The length of the address that begins `text` and ends at a space: an IPv4 address, or something with the characters and
/// the look of an IPv6 address.
#[inline(always)]
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
#[inline(never)]
fn ipv6_len(text: &[u8]) -> Option<usize> {
    let block: &[u8; BLOCK] = text.first_chunk()?;
    let len = mask(block, |lane| lane.simd_eq(Lane::splat(b' '))).trailing_zeros();
    if len > 39 {
        return None;
    }
    let inside = (1 << len) - 1;
    let within =
        |lane: Lane, first: u8, count: u8| (lane - Lane::splat(first)).simd_le(Lane::splat(count - 1));
    let digits = inside & mask(block, |lane| within(lane, b'0', 10) | within(lane, b'a', 6));
    let colons = inside & mask(block, |lane| lane.simd_eq(Lane::splat(b':')));
    let pairs = colons & colons >> 1;
    let five_digits = digits & digits >> 1 & digits >> 2 & digits >> 3 & digits >> 4;
    let groups = colons.count_ones() + 1;
    ((digits | colons) == inside
        && (3..=8).contains(&groups)
        && pairs & pairs.wrapping_sub(1) == 0
        && five_digits == 0)
        .then_some(len as usize)
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
    use crate::record::marks::Marks;
    use crate::record::span::Refusal;
    use crate::record::timestamp::Timestamp;

    type Outcome = Result<(Vec<(u16, u32, u32)>, Option<Timestamp>), Refusal>;

    fn outcome(program: &Program, record: &[u8]) -> Outcome {
        let mut parsed = Parsed::default();
        program.parse(record, &mut Memo::new(Timestamp(0)), &mut parsed)?;
        Ok(shown(&parsed))
    }

    fn shown(parsed: &Parsed) -> (Vec<(u16, u32, u32)>, Option<Timestamp>) {
        let parts = parsed.parts.iter().map(|part| (part.slot, part.start, part.end)).collect();
        (parts, parsed.time)
    }

    /// The same with marks, of a record that does not come first in its batch.
    fn marked_outcome(program: &Program, record: &[u8]) -> Outcome {
        let batch = [b"\"first\"\n", record].concat();
        let mut marks = Marks::default();
        marks.scan(&batch);
        let mut parsed = Parsed::default();
        let Some(record) = marks.records(&batch).nth(1) else { return outcome(program, record) };
        program.parse_marked(&record, &mut Memo::new(Timestamp(0)), &mut parsed)?;
        for part in parsed.parts.iter().filter(|_| parsed.plain) {
            let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            assert!(part.of(record.text).iter().all(plain));
        }
        Ok(shown(&parsed))
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
            let expected = outcome(slow, record);
            // A newline would make two records of one.
            outcome(fast, record) == expected
                && (record.contains(&b'\n') || marked_outcome(fast, record) == expected)
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
        let request = [
            "GET / HTTP/1.1",
            "-",
            "",
            "\\\"",
            "GET  /?? HTTP/1.0",
            "GET /a?b",
            "hello",
            " / HTTP/1.1",
            "./a HTTP/1.1",
            "(/ HTTP/1.1",
            "PUT /a HTTP/1.1",
            "get /a HTTP/1.1",
        ];
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
