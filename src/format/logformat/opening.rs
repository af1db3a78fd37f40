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
use super::lengths::{address_len, digits_len, simple_name_len};
use super::program::{Content, Ending, Locate, Segment, Step, TimeStep};
use crate::format::Memo;
use crate::format::request::{RequestSlots, method_len, split};
use crate::format::time::{TimeForm, read_common_log};
use crate::record::marks::Marked;
use crate::record::span::{Parsed, Part, slot_bit};

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

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
