//! The fast way through what nearly every access log begins with.
//!
//! `%h %l %u [%t] "%r" %>s %b` (Apache) and `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent` (nginx)
//! open most formats: `common`, `combined`, the `main` of nginx's own packages; `vhost_combined` has `%v:%p` before it. Where nothing but quoted values follows, and
//! nothing is escaped, the whole record is read as a [`Row`]. Where more follows, the opening is read here and the rest by the
//! steps. Whatever is not ordinary is left to the steps altogether. So this file can make a record faster, and never
//! different: a test compares both ways.
//!
//! Few branches depend on the record: where lengths differ from record to record, windows of fixed length are looked at as a whole,
//! and a value that may be absent is put in its place all the same.

use super::ending::closing_quote;
use super::lengths::{
    address_len, capitals_len, digits_len, first_before, host_len, is_protocol, is_status, plain_end,
    simple_name_len,
};
use crate::format::request::{RequestSlots, split};
use crate::format::time::read_common_log;
use crate::format::{Memo, Reading};
use crate::record::lines::Line;
use crate::record::row::{Place, Row, places};
use crate::record::span::Parsed;
use crate::record::texts::Texts;
use crate::record::timestamp::Timestamp;
use crate::record::window::{Checked, Short, Text};

/// The places of an opening: its own, then the quoted values that are all that follows.
pub(super) struct Opening {
    pub(super) places: Vec<Place>,
    /// The place of the user agent, if it has one: the one text that comes again in most records.
    pub(super) agent: Option<usize>,
    pub(super) request: RequestSlots,
    /// True when nothing else follows, so that whole records can be read.
    pub(super) whole: bool,
    /// True when the site's name and port come first. Such records are read whole or not at all.
    pub(super) sited: bool,
    /// Steps of the first chunk that are read by [`Opening::read`].
    pub(super) steps: usize,
}

/// Places of the site's name and port, where they come first: the others are counted from behind them.
const SITE: usize = 2;

const CLIENT: usize = 0;
const USER: usize = 1;
pub(super) const TIME: usize = 2;
pub(super) const METHOD: usize = 3;
const PATH: usize = 4;
const QUERY: usize = 5;
pub(super) const VERSION: usize = 6;
pub(super) const STATUS: usize = 7;
pub(super) const SIZE: usize = 8;
/// The first quoted value after the opening.
pub(super) const CLOSING: usize = 9;

/// Bytes of a common-log time.
const TIME_BYTES: usize = 26;

/// Bytes of ` HTTP/1.1`.
const PROTOCOL_BYTES: usize = 9;

impl Opening {
    /// The places of a row; none where whole records cannot be read.
    pub(super) fn places(&self) -> &[Place] {
        if self.whole { &self.places } else { &[] }
    }

    /// Reads a whole record as a row. `None`: not the ordinary case, and the row means nothing.
    #[inline(always)]
    pub(super) fn read_row(&self, line: Line<'_>, into: Reading<'_>) -> Option<Timestamp> {
        match Short::of(line) {
            Some(text) if !self.sited => self.row::<0>(text, line, into),
            text => self.other_row(text, line, into),
        }
    }

    #[inline(never)]
    fn other_row<'a>(&self, text: Option<Short<'a>>, line: Line<'a>, into: Reading<'_>) -> Option<Timestamp> {
        match text {
            Some(text) => self.row::<SITE>(text, line, into),
            None if self.sited => self.row::<SITE>(Checked::of(line), line, into),
            None => self.row::<0>(Checked::of(line), line, into),
        }
    }

    #[inline(always)]
    fn row<'a, const FIRST: usize>(
        &self,
        text: impl Text<'a>,
        line: Line<'a>,
        into: Reading<'_>,
    ) -> Option<Timestamp> {
        let Reading { memo, texts, row } = into;
        row.clear();
        let request = head::<FIRST>(text, row)?;
        let close = plain_end(text, request)?;
        plain_request::<FIRST>(text, request, close, row)?;
        let mut end = numbers::<FIRST>(text, close, row)?;
        for place in FIRST + CLOSING..self.places.len() {
            let start = end + 2;
            if text.at(end)? != b" \"" {
                return None;
            }
            let close = if self.agent == Some(place) && place + 1 == self.places.len() {
                last_agent_end(line, start, place, texts, row)?
            } else {
                plain_end(text, start)?
            };
            // `-` and nothing are absent.
            let absent = (close == start) | ((close == start + 1) & (text.at(start)? == b"-"));
            row.put(place, absent, start, close);
            end = close + 1;
        }
        // What was found beyond the record's end, or with a window taken around, is refused here: positions only grow.
        if end != text.record_len() {
            return None;
        }
        read_common_log(text.at(row.range(FIRST + TIME).start)?, memo).ok()
    }

    /// Reads the opening of `text`; returns where it ends. `None`: not the ordinary case, and `parsed` may hold some of it.
    #[inline(never)]
    pub(super) fn read(&self, text: &[u8], memo: &mut Memo, parsed: &mut Parsed) -> Option<usize> {
        let mut row = Row::default();
        let windows = Checked::of(Line { text, tail: text });
        let request = head::<0>(windows, &mut row)?;
        let time = row.range(TIME).start;
        parsed.time = Some(read_common_log(windows.at(time)?, memo).ok()?);
        let close = closing_quote(text, request)?;
        let end = if plain_request::<0>(windows, request, close, &mut row).is_some() {
            numbers::<0>(windows, close, &mut row)?
        } else {
            // Something else than a plain request: what was found so far goes first, in the order of the text.
            self.hand_over(&row, (1 << METHOD) - 1, parsed);
            split(text, request, close, &self.request, parsed);
            row.clear();
            numbers::<0>(windows, close, &mut row)?
        };
        self.hand_over(&row, u32::MAX, parsed);
        Some(end)
    }

    /// Adds those places of `row` that are among `wanted`.
    fn hand_over(&self, row: &Row, wanted: u32, parsed: &mut Parsed) {
        for place in places(row.present() & wanted) {
            let range = row.range(place);
            parsed.push(self.places[place].slot, range.start, range.end);
        }
    }
}

/// Reads the site if it comes first, client, user and time, and the quote that opens the request; returns where that begins.
#[inline(always)]
fn head<'a, const FIRST: usize>(text: impl Text<'a>, row: &mut Row) -> Option<usize> {
    let start = if FIRST == SITE { site(text, row)? } else { 0 };
    let client = start + address_len(text, start)?;
    row.put(FIRST + CLIENT, false, start, client);
    let time = if text.at(client)? == b" - - [" {
        client + 6
    } else if text.at(client)? == b" - " {
        let user = client + 3;
        let len = simple_name_len(text, user)?;
        row.put(FIRST + USER, false, user, user + len);
        user + len + 2
    } else {
        return None;
    };
    row.put(FIRST + TIME, false, time, time + TIME_BYTES);
    (text.at(time + TIME_BYTES)? == b"] \"").then_some(time + TIME_BYTES + 3)
}

/// Reads the site's name and port, and the space behind them; returns where the client begins.
#[inline(always)]
fn site<'a>(text: impl Text<'a>, row: &mut Row) -> Option<usize> {
    let name = host_len(text.at(0)?)?;
    let end = name + 1 + digits_len(text, name + 1);
    row.put(0, false, 0, name);
    row.put(1, false, name + 1, end);
    (end > name + 1 && text.at(name)? == b":" && text.at(end)? == b" ").then_some(end + 1)
}

/// Reads a plain request for a path between `start` and the quote at `close`. Puts nothing if the request is another.
#[inline(always)]
fn plain_request<'a, const FIRST: usize>(
    text: impl Text<'a>,
    start: usize,
    close: usize,
    row: &mut Row,
) -> Option<()> {
    let path = start + capitals_len(text.at(start)?)? + 1;
    let end = close.checked_sub(PROTOCOL_BYTES).filter(|&end| end > path)?;
    if text.at(path - 1)? != b" /" || !is_protocol(text.at(end)?) || text.at(end - 1)? == b" " {
        return None;
    }
    let mark = first_before(b'?', text, path, end);
    row.put(FIRST + METHOD, false, start, path - 1);
    row.put(FIRST + PATH, false, path, mark);
    row.put(FIRST + QUERY, mark + 1 >= end, mark + 1, end);
    row.put(FIRST + VERSION, false, close - 3, close);
    Some(())
}

/// Reads `" 200 512` at `close`; returns where it ends.
#[inline(always)]
fn numbers<'a, const FIRST: usize>(text: impl Text<'a>, close: usize, row: &mut Row) -> Option<usize> {
    let digits = digits_len(text, close + 6);
    let end = close + 6 + digits;
    // A letter or a point would belong to the number, and `-` is an absent one.
    if !is_status(text.at(close)?) || digits == 0 || (end < text.record_len() && text.at(end)? != b" ") {
        return None;
    }
    row.put(FIRST + STATUS, false, close + 2, close + 5);
    row.put(FIRST + SIZE, false, close + 6, end);
    Some(end)
}

/// The end of the agent that begins at `start` and is the last value: the record ends with it, and whether it is plain is known with
/// the text.
#[inline(always)]
fn last_agent_end(
    line: Line<'_>,
    start: usize,
    place: usize,
    texts: &mut Texts,
    row: &mut Row,
) -> Option<usize> {
    let (len, b'"') = (line.text.len().checked_sub(start + 1)?, line.text.last()?) else {
        return None;
    };
    let behind = line.tail.get(start..)?;
    let known = match texts.find(behind, len) {
        None if plain_end(Checked::of(line), start)? != start + len => return None,
        None => texts.keep(behind, len),
        known => known,
    };
    row.put_known(place, known);
    Some(start + len)
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
