//! The tail of a record: `, client: …, server: …, request: "…", …`.
//!
//! *In*: a record and a place where a tail could begin. *Out*: its values as ranges, or that this is no tail. *Promised*: keys in
//! nginx's own order, each once; what cannot be told apart stays text. *Not here*: which of several places is the one
//! (`mod.rs`).

use super::super::pieces::{Range, skip};
use super::{CLIENT, CUT_BYTES, MESSAGE, REFERRER, SERVER, SLOTS, UPSTREAM, UPSTREAM_URL, USER};
use crate::format::request::{split, split_target};
use crate::record::span::Parsed;

/// The keys of a tail in the order in which nginx writes them, with all that stands between two values.
const KEYS: [(Key, &[u8]); 7] = [
    (Key::Login, b", login: \""),
    (Key::Request, b", request: \""),
    (Key::Subrequest, b", subrequest: \""),
    (Key::Upstream, b", upstream: \""),
    (Key::Bytes, b", bytes from/to client:"),
    (Key::Host, b", host: \""),
    (Key::Referrer, b", referrer: \""),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Login,
    Request,
    Subrequest,
    Upstream,
    Bytes,
    Host,
    Referrer,
}

/// The tail of a record: ranges of values, and where text takes over again.
pub(super) struct Tail {
    /// Where the message ends.
    pub begin: usize,
    /// The client's address.
    pub client: Range,
    server: Option<Range>,
    /// Values by key; empty slots are `None`.
    values: [Option<Range>; KEYS.len()],
    /// A bare upstream, as mail proxies write it.
    bare_upstream: Option<Range>,
    /// What follows the last value that could be read, to the end of the record.
    rest: usize,
}

impl Tail {
    /// Reads the tail whose client's address begins at `at`; `None` when that is no tail.
    pub(super) fn read(record: &[u8], begin: usize, at: usize) -> Option<Self> {
        let client =
            (at, at + record[at..].iter().take_while(|&&byte| !matches!(byte, b',' | b' ' | b'\n')).count());
        if !is_peer(&record[client.0..client.1]) {
            return None;
        }
        let after = skip(record, client.1, b" using starttls").unwrap_or(client.1);
        let mut tail = Self {
            begin,
            client,
            server: None,
            values: [None; KEYS.len()],
            bare_upstream: None,
            rest: after,
        };
        if ends(record, after) {
            return Some(tail);
        }
        let start = skip(record, after, b", server: ")?;
        let length =
            record[start..].iter().take_while(|&&byte| !matches!(byte, b',' | b' ' | b'\n' | b'"')).count();
        let server = (start, start + length);
        let more = record.get(server.1..).is_some_and(|rest| rest.starts_with(b", "));
        if !more && !ends(record, server.1) {
            return None;
        }
        if server.1 == record.len() && record.len() >= CUT_BYTES {
            return Some(tail);
        }
        tail.server = Some(server);
        tail.rest = server.1;
        tail.quoted(record);
        Some(tail)
    }

    /// Reads the quoted values after the server. Leaves `rest` where it stands when they cannot be told apart.
    fn quoted(&mut self, record: &[u8]) {
        let mut marks: [(Key, usize, usize); KEYS.len()] = [(Key::Login, 0, 0); KEYS.len()];
        let mut count = 0;
        // The first key follows the server, every other one a closing quote.
        let Some((key, word)) = key_at(record, self.rest) else { return };
        marks[0] = (key, self.rest, self.rest + word);
        count += 1;
        let mut at = self.rest + word;
        while let Some(quote) = memchr::memchr(b'"', &record[at..]).map(|place| at + place) {
            at = quote + 1;
            let Some((key, word)) = key_at(record, quote + 1) else { continue };
            if key <= marks[count - 1].0 {
                return;
            }
            marks[count] = (key, quote, quote + 1 + word);
            count += 1;
            at = quote + 1 + word;
        }
        let (last, _, start) = marks[count - 1];
        // The last value ends at the first quote that ends a line, but for what is left of a mail or stream session.
        let Some((end, rest)) = close(record, last, start) else { return };
        for index in 0..count {
            let (key, _, start) = marks[index];
            let end = if index + 1 < count { marks[index + 1].1 } else { end };
            if key == Key::Host && record[start..end].iter().any(|byte| matches!(byte, b'"' | b' ' | b',')) {
                self.values = [None; KEYS.len()];
                return;
            }
            self.values[key as usize] = Some((start, end));
        }
        self.rest = rest;
        if let (Key::Login, Some(start)) = (last, skip(record, rest, b", upstream: ")) {
            let length =
                record[start..].iter().take_while(|&&byte| !matches!(byte, b',' | b' ' | b'\n')).count();
            if ends(record, start + length) {
                self.bare_upstream = Some((start, start + length));
                self.rest = start + length;
            }
        }
    }

    /// Adds the parts of the tail.
    pub(super) fn push(&self, record: &[u8], parsed: &mut Parsed) {
        parsed.push(CLIENT, self.client.0, self.client.1);
        if let Some((start, end)) = self.server.filter(|(start, end)| start < end) {
            parsed.push(SERVER, start, end);
        }
        for (key, _) in KEYS {
            let Some((start, end)) = self.values[key as usize].filter(|(start, end)| start < end) else {
                continue;
            };
            match key {
                Key::Login => parsed.push(USER, start, end),
                Key::Request => split(record, start, end, &SLOTS, parsed),
                Key::Subrequest => split_target(record, start, end, &SLOTS.target, parsed),
                Key::Upstream if memchr::memmem::find(&record[start..end], b"://").is_some() => {
                    parsed.push(UPSTREAM_URL, start, end);
                }
                Key::Upstream => parsed.push(UPSTREAM, start, end),
                Key::Bytes => parsed.push(MESSAGE, start, end),
                Key::Host => parsed.push(SERVER, start, end),
                Key::Referrer => parsed.push(REFERRER, start, end),
            }
        }
        if let Some((start, end)) = self.bare_upstream.filter(|(start, end)| start < end) {
            parsed.push(UPSTREAM, start, end);
        }
        if self.rest < record.len() {
            parsed.push(MESSAGE, self.rest, record.len());
        }
    }
}

/// The key that begins at `at`, and the length of all that it consists of.
fn key_at(record: &[u8], at: usize) -> Option<(Key, usize)> {
    let rest = record.get(at..)?;
    if !rest.starts_with(b", ") {
        return None;
    }
    KEYS.iter().find(|(_, word)| rest.starts_with(word)).map(|(key, word)| (*key, word.len()))
}

/// Where the last value of the tail ends, and where what follows it begins.
fn close(record: &[u8], key: Key, start: usize) -> Option<Range> {
    if key == Key::Bytes {
        // Not quoted: `, bytes from/to client:0/0, bytes from/to upstream:0/0`.
        let length = record[start..].iter().take_while(|&&byte| byte != b'\n').count();
        return Some((start + length, start + length));
    }
    memchr::memchr_iter(b'"', &record[start..])
        .map(|place| start + place)
        .find(|&quote| {
            ends(record, quote + 1) || (key == Key::Login && record[quote + 1..].starts_with(b", upstream: "))
        })
        .map(|quote| (quote, quote + 1))
}

/// True at the end of a line of the record.
fn ends(record: &[u8], at: usize) -> bool {
    matches!(record.get(at), None | Some(b'\n'))
        || record.get(at..).is_some_and(|rest| rest == b"\r" || rest.starts_with(b"\r\n"))
}

/// True for what can be a client: an address, `unix:`, and what a treatment makes of them (a token, a network, `-`), so
/// that a record that was cleaned can be read again.
fn is_peer(value: &[u8]) -> bool {
    let is_address = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'-' | b'_' | b'/' | b'*' | b'%')
    };
    (1..=255).contains(&value.len()) && value.iter().all(is_address)
}
