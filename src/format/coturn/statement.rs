//! The statements that name a user, a client or a peer.
//!
//! *In*: a record and where its message begins. *Out*: its parts: values, and the message between them. *Promised*: every byte of the
//! message is in a part, but for the words around a user and the expiry beside it; names of users end at the last place where they can, so that one that imitates a statement covers too much
//! rather than too little; a value that its line ends in is refused, since half an address can be a whole other one. *Not here*:
//! addresses where coturn prints none of its own (`protect`).

use std::net::{Ipv4Addr, Ipv6Addr};

use memchr::memmem;

use super::{CLIENT, CLIENT_PORT, MESSAGE, PEER, PEER_PORT, USER};
use crate::format::pieces::{Range, digits, skip};
use crate::record::span::{Parsed, Refusal};

/// Bytes before the name of a user in brackets.
const USERS: [&[u8]; 2] = [b"user ", b"username="];
/// The statement of no session that names a user, as far as it is always the same.
pub(super) const CHECK: &[u8] = b"check_stun_auth: ";
/// What stands between user and realm where a whole list of values follows.
const REALM: &[u8] = b"> realm <";
/// The statement that ends a session, and what stands before its client.
const CLOSED: &[u8] = b"closed (";
const REMOTE: &[u8] = b", remote ";

/// Bytes before the address of a client that a connection ends or begins with.
const CONNECTIONS: [&[u8]; 4] =
    [b" connected to: ", b" socket closed remotely ", b" socket error: ", b" socket disconnected: "];

/// Adds the parts of the message from `start` to the end of the record.
pub(super) fn push(record: &[u8], start: usize, parsed: &mut Parsed) -> Result<(), Refusal> {
    let line_end = memchr::memchr(b'\n', &record[start..]).map_or(record.len(), |at| start + at);
    let end = line_end - usize::from(record[start..line_end].ends_with(b"\r"));
    let mut pieces = Pieces { record, done: start, end, parsed };
    let text = &record[start..end];
    if text.starts_with(b"peer ") && !text.starts_with(b"peer usage") {
        pieces.peer(start + b"peer ".len())?;
    } else if !pieces.user()? {
        pieces.client()?;
    }
    pieces.rest();
    Ok(())
}

/// The message on its way into parts.
struct Pieces<'a, 'b> {
    record: &'a [u8],
    /// What is before this is in a part.
    done: usize,
    /// Where the first line of the message ends; statements have one.
    end: usize,
    parsed: &'b mut Parsed,
}

impl Pieces<'_, '_> {
    /// Adds a value, if it is not empty, and the message before it.
    fn push(&mut self, slot: u16, (start, end): Range) {
        if start == end {
            return;
        }
        if self.done < start {
            self.parsed.push(MESSAGE, self.done, start);
        }
        self.parsed.push(slot, start, end);
        self.done = end;
    }

    /// Adds the rest of the record.
    fn rest(&mut self) {
        if self.done < self.record.len() {
            self.parsed.push(MESSAGE, self.done, self.record.len());
        }
    }

    /// True when nothing follows the value that ends at `at`: then it may have been cut, even if the rest of another record follows.
    fn is_cut(&self, at: usize) -> bool {
        at >= self.end
    }

    /// `peer 192.0.2.7 lifetime updated: 300`, `peer 192.0.2.7 deleted`.
    fn peer(&mut self, at: usize) -> Result<(), Refusal> {
        let Some(endpoint) = Endpoint::read(self.record, at, self.end, Port::InBrackets) else {
            return Ok(());
        };
        if self.is_cut(endpoint.end) {
            return Err(Refusal::Truncated);
        }
        self.push(PEER, endpoint.address);
        if let Some(port) = endpoint.port {
            self.push(PEER_PORT, port);
        }
        Ok(())
    }

    /// A user in brackets or before `credentials are incorrect`, and in the statement that ends a session the client after it. False
    /// when the message names no user.
    fn user(&mut self) -> Result<bool, Refusal> {
        let text = &self.record[self.done..self.end];
        let open = memchr::memchr_iter(b'<', text).find_map(|at| {
            let word = USERS.iter().find(|word| text[..at].ends_with(word))?;
            Some((self.done + at - word.len(), self.done + at + 1))
        });
        let Some((word, open)) = open else { return self.unbracketed() };
        let name = &self.record[open..self.end];
        // Where a realm follows it, the name ends at the last place where one could begin: an origin after that may hold anything.
        // Where the realm stands before it, the words of one are the name's own.
        let realm = if text.starts_with(CLOSED) { memmem::rfind(name, REALM) } else { None };
        let close = realm.or_else(|| memchr::memrchr(b'>', name));
        let Some(close) = close.map(|at| open + at) else { return Err(Refusal::Truncated) };
        self.name((word, close + 1), (open, close));
        let rest = &self.record[close..self.end];
        if realm.is_some() {
            let remote = memmem::rfind(rest, REMOTE).ok_or(Refusal::Truncated)?;
            self.remote(close + remote + REMOTE.len())?;
        }
        Ok(true)
    }

    /// `check_stun_auth: user bob credentials are incorrect`. Without its end it was cut, and where its name ends is not known.
    fn unbracketed(&mut self) -> Result<bool, Refusal> {
        const BEFORE: &[u8] = b"user ";
        const AFTER: &[u8] = b" credentials are incorrect";
        let text = &self.record[self.done..self.end];
        let Some(end) = memmem::rfind(text, AFTER) else {
            let check = memmem::find(text, CHECK).map(|at| &text[at + CHECK.len()..]);
            let is_cut = check.is_some_and(|rest| rest.starts_with(BEFORE));
            return if is_cut { Err(Refusal::Truncated) } else { Ok(false) };
        };
        let Some(start) = memmem::find(&text[..end], BEFORE).map(|at| at + BEFORE.len()) else {
            return Ok(false);
        };
        let name = (self.done + start, self.done + end);
        self.name((name.0 - BEFORE.len(), name.1), name);
        Ok(true)
    }

    /// Adds the name of a user. `around` is the name with the words that say whose it is: these stay outside of the message, or a name
    /// that is one of them (`user`) would be found there.
    fn name(&mut self, around: Range, name: Range) {
        if name.0 == name.1 {
            return;
        }
        if self.done < around.0 {
            self.parsed.push(MESSAGE, self.done, around.0);
        }
        let (start, end) = without_expiry(self.record, name);
        self.parsed.push(USER, start, end);
        self.done = around.1;
    }

    /// The client at `at` of the statement that ends a session.
    fn remote(&mut self, at: usize) -> Result<(), Refusal> {
        let Some(endpoint) = Endpoint::read(self.record, at, self.end, Port::InBrackets) else {
            return Ok(());
        };
        if self.is_cut(endpoint.end) {
            return Err(Refusal::Truncated);
        }
        self.endpoint(&endpoint);
        Ok(())
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        self.push(CLIENT, endpoint.address);
        if let Some(port) = endpoint.port {
            self.push(CLIENT_PORT, port);
        }
    }

    /// A client without a user.
    fn client(&mut self) -> Result<(), Refusal> {
        let text = &self.record[self.done..self.end];
        let after = |word: &[u8]| memmem::find(text, word).map(|at| self.done + at + word.len());
        if let Some(at) = CONNECTIONS.iter().find_map(|word| after(word)) {
            // A socket's error stands before its client, which is the last word; both are coturn's own.
            let last = memchr::memrchr(b' ', &self.record[at..self.end]).map_or(at, |space| at + space + 1);
            let Some(endpoint) = Endpoint::read(self.record, last, self.end, Port::Always) else {
                return Ok(());
            };
            if endpoint.port.is_none() && self.is_cut(endpoint.end) {
                return Err(Refusal::Truncated);
            }
            self.endpoint(&endpoint);
        } else if let Some(at) = after(b", remote addr ") {
            if let Some(endpoint) = Endpoint::read(self.record, at, self.end, Port::InBrackets) {
                self.endpoint(&endpoint);
            }
        } else if let Some(at) = after(b" rate-limit bucket collision from ")
            && let Some(endpoint) = Endpoint::read(self.record, at, self.end, Port::InBrackets)
        {
            self.endpoint(&endpoint);
        }
        Ok(())
    }
}

/// The name in time-limited credentials, which are `expiry:name` or `name:expiry`, as coturn takes both. An expiry is a time in seconds since
/// 1970 from 2001 to 2033; a telephone number in its place begins with something else.
fn without_expiry(record: &[u8], (start, end): Range) -> Range {
    let is_expiry = |text: &[u8]| text.len() == 10 && text[0] == b'1' && text.iter().all(u8::is_ascii_digit);
    let name = &record[start..end];
    match (name.get(10), name.len().checked_sub(11)) {
        (Some(b':'), _) if name.len() > 11 && is_expiry(&name[..10]) => (start + 11, end),
        (_, Some(colon)) if colon > 0 && name[colon] == b':' && is_expiry(&name[colon + 1..]) => {
            (start, start + colon)
        }
        _ => (start, end),
    }
}

/// How coturn prints the port of the statement at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    /// After every address; an IPv6 address has no brackets, and the last group is the port.
    Always,
    /// After an IPv6 address only if that is in brackets.
    InBrackets,
}

/// An address, perhaps with a port.
struct Endpoint {
    address: Range,
    port: Option<Range>,
    end: usize,
}

impl Endpoint {
    /// The endpoint at `at`, `end` at the latest. `None` for anything that is no address, and for one of which anything else is a
    /// part: `xx.xx.xx.xx`, `<server_ip>:3478`.
    fn read(record: &[u8], at: usize, end: usize, port: Port) -> Option<Self> {
        let is_part = |byte: &&u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'%' | b'[' | b']' | b'-' | b'_')
        };
        let len = record.get(at..end)?.iter().take(100).take_while(is_part).count();
        let (start, end) = (at, at + len);
        let closed = matches!(record.get(end), None | Some(b' ' | b',' | b'\n' | b'\r' | b';'));
        let text = &record[start..end];
        if !closed {
            return None;
        }
        if text.first() == Some(&b'[') {
            let close = start + memchr::memchr(b']', text)?;
            let port = if close + 1 == end { None } else { Some(port_at(record, close + 1, end)?) };
            return is_v6(&record[start + 1..close]).then_some(Self {
                address: (start + 1, close),
                port,
                end,
            });
        }
        let whole = Self { address: (start, end), port: None, end };
        let split = memchr::memrchr(b':', text).and_then(|colon| {
            let colon = start + colon;
            let port = port_at(record, colon, end)?;
            Some(Self { address: (start, colon), port: Some(port), end })
        });
        let is_address = |(start, end): Range| is_v4(&record[start..end]) || is_v6(&record[start..end]);
        let split = split.filter(|split| is_address(split.address));
        let certain = |split: &Self| port == Port::Always || is_v4(&record[split.address.0..split.address.1]);
        match split {
            Some(split) if certain(&split) => Some(split),
            _ if is_address(whole.address) => Some(whole),
            split => split,
        }
    }
}

/// The digits after the colon at `colon`, if they are a port and end at `end`.
fn port_at(record: &[u8], colon: usize, end: usize) -> Option<Range> {
    let port = digits(record, skip(record, colon, b":")?, 5)?;
    (port.1 == end).then_some(port)
}

fn is_v4(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv4Addr>().is_ok())
}

/// True for an IPv6 address, perhaps with a zone.
fn is_v6(text: &[u8]) -> bool {
    let (address, zone) = match memchr::memchr(b'%', text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let zone = zone.is_none_or(|zone| {
        !zone.is_empty()
            && zone.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    });
    zone && std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}
