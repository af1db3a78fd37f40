//! What must become of a record under the built-in policy, or one that lets no login leave: field by field, the slow way.
//!
//! *In*: a [`Record`] and the keys of the run. *Out*: its line as a server writes it, the line that must leave, and the object
//! that must leave as NDJSON. *Promised*: no code of `protect`, `encode`, `format` or `record` has a part in it. Identifiers are
//! found by the finder's own obvious version, escaped by the rules of Apache's and nginx's documentation, written by the standard
//! library and the `base64` crate. *Not here*: the tokens themselves (`EpochKeys::token`), which published vectors prove.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value};
use sluis::keys::Keys;
use sluis::keys::pseudonym::{EpochKeys, TokenKind};
use sluis::record::timestamp::Timestamp;

use super::generate::{Hand, Record, Request, Who};
use super::keys;
use super::spelling::{base64, common_log, rfc3339, spelled, unique_local};
use crate::finder::naive;

/// Methods that may leave as they are; of those that the generator makes.
const METHODS: &[&str] = &["GET", "POST", "HEAD", "PROPFIND"];
/// Versions of protocols that may.
const VERSIONS: &[&str] = &["1.0", "1.1", "2.0", "2"];

/// What the policy says of logins, and how long records live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// The built-in policy: a token, for ever.
    Tokens,
    /// No login leaves; records live a fortnight.
    NoLogins,
}

/// Seconds of a fortnight.
const FORTNIGHT: i64 = 14 * 86_400;

/// The slow version, with what it needs from record to record.
pub struct Obvious {
    rules: Rules,
    finder: naive::Finder,
    keys: Keys,
    received: Timestamp,
    epochs: BTreeMap<u64, EpochKeys>,
}

/// A record as it comes and as it must leave. Lines have no newline.
#[derive(Default)]
pub struct Line {
    pub raw: String,
    pub same: String,
    pub json: Map<String, Value>,
}

impl Line {
    /// The format's own punctuation.
    fn fixed(&mut self, text: &str) {
        self.raw.push_str(text);
        self.same.push_str(text);
    }

    /// A value, and what it becomes if it is replaced.
    fn value(&mut self, hand: Hand, field: &str, value: &str, becomes: Option<String>) {
        let written = spelled(hand, value);
        self.raw.push_str(&written);
        // The format is Apache's, so that is how a new value is written; one that is left alone keeps its spelling.
        self.same.push_str(&becomes.as_ref().map_or(written, |becomes| spelled(Hand::Apache, becomes)));
        if !value.is_empty() && value != "-" {
            self.json.insert(field.to_owned(), Value::String(becomes.unwrap_or_else(|| value.to_owned())));
        }
    }

    /// A number. JSON has no leading zeros; what is too long for a counter stays a text.
    fn number(&mut self, field: &str, digits: &str) {
        self.value(Hand::Apache, field, digits, None);
        if let Ok(number) = digits.parse::<u64>() {
            self.json.insert(field.to_owned(), number.into());
        }
    }
}

/// A login that is looked for in the record's texts.
struct Name {
    text: String,
    token: String,
}

/// Where in a text something stands, and what stands there instead.
struct Found {
    start: usize,
    end: usize,
    what: String,
}

impl Obvious {
    pub fn new(rules: Rules, keys: Keys, received: Timestamp) -> Self {
        Self { rules, finder: naive::Finder::new(), keys, received, epochs: BTreeMap::new() }
    }

    pub fn line(&mut self, record: &Record) -> Line {
        // A time in the future buys nothing: the earlier of event and reception decides the epoch.
        let instant = Timestamp::from_seconds(record.time).min(self.received);
        let number = self.keys.epoch_of(0, instant);
        let (keys, received) = (&self.keys, self.received);
        let epoch =
            self.epochs.entry(number).or_insert_with(|| keys.epoch_keys(0, number, received).unwrap());
        let mut line = Treatment::new(self.rules, record, &self.finder, epoch).line();
        if self.rules == Rules::NoLogins {
            let deadline = rfc3339(instant.seconds() + FORTNIGHT);
            line.json.insert("sluis.deadline".to_owned(), deadline.into());
        }
        line
    }
}

/// One record under treatment.
struct Treatment<'a> {
    rules: Rules,
    record: &'a Record,
    finder: &'a naive::Finder,
    epoch: &'a EpochKeys,
    names: Vec<Name>,
}

impl<'a> Treatment<'a> {
    fn new(rules: Rules, record: &'a Record, finder: &'a naive::Finder, epoch: &'a EpochKeys) -> Self {
        // A name of one or two bytes, as the record spells it, is not looked for.
        let long = |name: &&String| spelled(record.hand, name).len() >= 3;
        let names = [&record.ident, &record.user].into_iter().flatten().filter(long);
        let token = |name| match rules {
            Rules::Tokens => user(epoch, name),
            Rules::NoLogins => "[user]".to_owned(),
        };
        let names = names.map(|name| Name { text: name.clone(), token: token(name) }).collect();
        Self { rules, record, finder, epoch, names }
    }

    fn line(&self) -> Line {
        let (record, hand) = (self.record, self.record.hand);
        let mut line = Line::default();
        line.value(hand, "client.address", &record.client, self.client());
        line.fixed(" ");
        self.login(&mut line, "client.ident", record.ident.as_deref());
        line.fixed(" ");
        self.login(&mut line, "user.name", record.user.as_deref());
        line.fixed(" [");
        line.fixed(&common_log(record.time, record.offset));
        line.fixed("] \"");
        self.request(&mut line);
        line.fixed("\" ");
        line.number("http.response.status_code", &record.status);
        line.fixed(" ");
        line.number("http.response.body.size", &record.size);
        line.fixed(" \"");
        self.text(&mut line, "http.request.header.referer", record.referer.as_deref().unwrap_or("-"));
        line.fixed("\" \"");
        self.text(&mut line, "user_agent.original", record.agent.as_deref().unwrap_or("-"));
        line.fixed("\"");
        line.fixed(record.ending);
        let time = rfc3339(record.time);
        for (key, value) in
            [("time", time.as_str()), ("sluis.class", "log"), ("sluis.epoch", self.epoch.id())]
        {
            line.json.insert(key.to_owned(), value.into());
        }
        line
    }

    fn client(&self) -> Option<String> {
        let epoch = self.epoch;
        match self.record.who {
            Who::Address(address) => Some(pseudonym(epoch, address)),
            Who::Named => {
                let name = self.record.client.to_lowercase();
                Some(unique_local(epoch.token(TokenKind::Host, name.as_bytes()).bytes()))
            }
            Who::Nobody => None,
        }
    }

    /// A login. An empty one is written as two quotes, as Apache does.
    fn login(&self, line: &mut Line, field: &str, name: Option<&str>) {
        match name {
            None => line.fixed("-"),
            Some("") => line.fixed("\"\""),
            Some(name) if self.rules == Rules::Tokens => {
                line.value(self.record.hand, field, name, Some(user(self.epoch, name)));
            }
            Some(name) => {
                line.raw.push_str(&spelled(self.record.hand, name));
                line.same.push('-');
            }
        }
    }

    fn request(&self, line: &mut Line) {
        match &self.record.request {
            Request::Absent => line.fixed("-"),
            Request::Junk(junk) => self.text(line, "http.request.line", junk),
            Request::Path { method, path, query, protocol } => {
                self.word(line, "http.request.method", method, METHODS);
                line.fixed(" ");
                self.text(line, "url.path", path);
                if let Some(query) = query {
                    line.fixed("?");
                    self.text(line, "url.query", query);
                }
                self.protocol(line, *protocol);
            }
            Request::Url { method, url, protocol } => {
                self.word(line, "http.request.method", method, METHODS);
                line.fixed(" ");
                self.text(line, "url.full", url);
                self.protocol(line, *protocol);
            }
        }
    }

    fn protocol(&self, line: &mut Line, (written, version): (&str, &str)) {
        if let Some(name) = written.strip_suffix(version).filter(|_| !version.is_empty()) {
            line.fixed(name);
            self.word(line, "network.protocol.version", version, VERSIONS);
        }
    }

    /// A value that leaves if it is one of `known`, and is searched as text if it is not.
    fn word(&self, line: &mut Line, field: &str, value: &str, known: &[&str]) {
        if known.contains(&value) {
            line.value(self.record.hand, field, value, None);
        } else {
            self.text(line, field, value);
        }
    }

    fn text(&self, line: &mut Line, field: &str, value: &str) {
        let becomes = self.scrubbed(value, field);
        line.value(self.record.hand, field, value, becomes);
    }

    /// The text with everything in it that was found replaced; `None` if nothing was.
    fn scrubbed(&self, text: &str, field: &str) -> Option<String> {
        if text.is_empty() || text == "-" {
            return None;
        }
        let keyed = match field {
            "url.query" | "url.full" | "http.request.header.referer" => keys::of_parameters(text),
            "http.request.line" => keys::of_messages(text),
            _ => Vec::new(),
        };
        let plain = self.finder.find(text, field == "user_agent.original");
        let mut all: Vec<Found> = plain.into_iter().map(found).collect();
        all.extend(keyed.into_iter().map(|(start, end, what)| found((start, end, format!("said {what}")))));
        for name in &self.names {
            let places = places_of(&name.text, text).into_iter();
            all.extend(places.map(|(start, end)| Found { start, end, what: format!("name {}", name.token) }));
        }
        let all = joined(all);
        let mut out = String::new();
        let mut done = 0;
        for found in &all {
            out.push_str(&text[done..found.start]);
            out.push_str(&self.replacement(&found.what, &text[found.start..found.end], &text[found.end..]));
            done = found.end;
        }
        out.push_str(&text[done..]);
        (!all.is_empty()).then_some(out)
    }

    /// What stands in the place of an identifier.
    fn replacement(&self, what: &str, spelled: &str, after: &str) -> String {
        let token = |kind, value: &str| base64(self.epoch.token(kind, value.as_bytes()).bytes());
        match what.split_once(' ').unwrap_or((what, "")) {
            ("name", token) => token.to_owned(),
            ("secret", _) => "[secret]".to_owned(),
            ("said", "User") if self.rules == Rules::NoLogins => "[user]".to_owned(),
            ("said", "User") => user(self.epoch, spelled),
            ("said", "Name") => "[name]".to_owned(),
            // A guest's account is a UUID, of which eight digits name the endpoint.
            ("said", "Endpoint") => token(TokenKind::Identifier, &spelled[..8]),
            ("said", _) => token(TokenKind::Identifier, spelled),
            ("email", _) => token(TokenKind::Email, &spelled.to_ascii_lowercase()),
            ("mac", _) => {
                let digits: String = spelled.chars().filter(char::is_ascii_hexdigit).collect();
                token(TokenKind::Mac, &digits.to_ascii_lowercase())
            }
            (address, _) => {
                let pseudonym = pseudonym(self.epoch, address.parse().unwrap());
                let port = after
                    .strip_prefix(':')
                    .is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
                if port { format!("[{pseudonym}]") } else { pseudonym }
            }
        }
    }
}

fn found((start, end, what): (usize, usize, String)) -> Found {
    Found { start, end, what }
}

/// Those that share bytes become one, and the longest says what it is; of equals, the name that the record gave, then what a key says.
fn joined(mut all: Vec<Found>) -> Vec<Found> {
    let rank =
        |found: &Found| ["name ", "said "].iter().position(|said| found.what.starts_with(said)).unwrap_or(2);
    all.sort_by_key(|found| (found.start, found.end, rank(found)));
    let mut joined: Vec<(Found, usize)> = Vec::new();
    for next in all {
        let len = next.end - next.start;
        match joined.last_mut() {
            Some((last, longest)) if next.start < last.end => {
                last.end = last.end.max(next.end);
                if len > *longest {
                    (last.what, *longest) = (next.what, len);
                }
            }
            _ => joined.push((next, len)),
        }
    }
    joined.into_iter().map(|(found, _)| found).collect()
}

/// Where `name` stands in `text` as a whole word, in any case, with `+` or `%20` for a space.
fn places_of(name: &str, text: &str) -> Vec<(usize, usize)> {
    let text = characters(text);
    let name: Vec<char> = name.chars().collect();
    let is_letter = |at: usize| text.get(at).is_some_and(|(_, _, letter)| letter.is_alphanumeric());
    let mut places = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = at + name.len();
        let same = text.get(at..end).is_some_and(|part| {
            part.iter().zip(&name).all(|(&(_, _, there), &wanted)| {
                (wanted == ' ' && there == '+') || wanted.to_lowercase().eq(there.to_lowercase())
            })
        });
        if same && !is_letter(end) && (at == 0 || !is_letter(at - 1)) {
            places.push((text[at].0, text[end - 1].1));
            at = end;
        } else {
            at += 1;
        }
    }
    places
}

/// The characters of a text with the bytes that each takes; `%HH` of ASCII decoded.
fn characters(text: &str) -> Vec<(usize, usize, char)> {
    let mut characters = Vec::new();
    let mut done = 0;
    for (at, letter) in text.char_indices() {
        let escaped = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if at < done {
        } else if let ('%', Some(byte @ 0..0x80)) = (letter, escaped) {
            characters.push((at, at + 3, char::from(byte)));
            done = at + 3;
        } else {
            done = at + letter.len_utf8();
            characters.push((at, done, letter));
        }
    }
    characters
}

/// The token of a login. The generator's are in normal form already.
fn user(epoch: &EpochKeys, name: &str) -> String {
    base64(epoch.token(TokenKind::User, name.trim().to_lowercase().as_bytes()).bytes())
}

/// The pseudonym of an address, written as an address.
fn pseudonym(epoch: &EpochKeys, address: IpAddr) -> String {
    let token = match address.to_canonical() {
        IpAddr::V4(address) => epoch.token(TokenKind::Address, &address.octets()),
        IpAddr::V6(address) => epoch.token(TokenKind::Address, &address.octets()),
    };
    unique_local(token.bytes())
}
