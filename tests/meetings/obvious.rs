//! What must become of a record of a meeting: piece by piece, the slow way.
//!
//! *In*: a [`Record`] and the keys of the run. *Out*: its line as a service writes it, and what must leave in either form. *Promised*: no
//! code of `protect`, `encode`, `format` or `record` has a part in it; spellings are made one here, by the rules of the design.
//! *Not here*: the tokens themselves (`EpochKeys::token`), which published vectors prove.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};
use sluis::keys::Keys;
use sluis::keys::pseudonym::{EpochKeys, TokenKind};
use sluis::policy::class::Policy;
use sluis::record::timestamp::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

use super::generate::{Means, Piece, Record};
use crate::treatment::spelling::{base64, unique_local};

/// The slow version, with what it needs from record to record. All of them are of one epoch.
pub struct Obvious {
    epoch: EpochKeys,
    class: String,
    /// Seconds that records live.
    retention: Option<i64>,
    /// True under the built-in policy: addresses become addresses without a network beside them, and ports stay.
    builtin: bool,
}

/// A record as it comes and as it must leave, without a final newline.
pub struct Line {
    pub raw: String,
    pub same: String,
    pub json: Map<String, Value>,
}

impl Obvious {
    pub fn new(policy: &Policy, class: usize, keys: &Keys, now: Timestamp) -> Self {
        let name = policy.classes[class].name.clone();
        // PD-1 to PD-4, in days; the built-in policy stores nothing.
        let days =
            [("technical", 14), ("jicofo", 7), ("jvb", 1)].into_iter().find(|(class, _)| *class == name);
        Self {
            epoch: keys.epoch_keys(0, keys.epoch_of(0, now), now).unwrap(),
            retention: days.map(|(_, days)| days * 86_400),
            builtin: policy.name == "built-in",
            class: name,
        }
    }

    pub fn line(&self, record: &Record) -> Line {
        let mut line = Line { raw: String::new(), same: String::new(), json: Map::new() };
        // Neighbours of one field are one value; the same field again makes a list.
        let mut columns: Vec<(&str, String, bool)> = Vec::new();
        for piece in &record.pieces {
            let becomes = self.becomes(piece);
            line.raw.push_str(&piece.spelled);
            line.same.push_str(&becomes);
            // Of what is dropped, nothing but a dash is left in its place.
            let is_dropped = matches!(piece.means, Means::Port) && !self.builtin;
            let field = if is_dropped { "" } else { piece.field };
            let is_number = matches!(piece.means, Means::Number | Means::Port) && !is_dropped;
            match columns.last_mut() {
                Some((last, value, _)) if *last == field => value.push_str(&becomes),
                _ => columns.push((field, becomes, is_number)),
            }
            if let (Means::Client(address), false) = (&piece.means, self.builtin) {
                columns.push(("client.network", network(*address), false));
            }
        }
        let json = &mut line.json;
        for (field, value, is_number) in columns {
            let value = if is_number { value.parse::<u64>().unwrap().into() } else { Value::from(value) };
            match json.get_mut(field) {
                None => drop(json.insert(field.to_owned(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(one) => *one = Value::Array(vec![one.take(), value]),
            }
        }
        json.remove("");
        let time = |millis| Value::from(jiff::Timestamp::from_millisecond(millis).unwrap().to_string());
        json.insert("time".to_owned(), time(record.time));
        if let Some(seconds) = self.retention {
            json.insert("sluis.deadline".to_owned(), time(record.time + seconds * 1000));
        }
        json.insert("sluis.class".to_owned(), self.class.as_str().into());
        json.insert("sluis.epoch".to_owned(), self.epoch.id().into());
        if record.completed {
            json.insert("sluis.time_completed".to_owned(), true.into());
        }
        line
    }

    fn becomes(&self, piece: &Piece) -> String {
        let spelled = &piece.spelled;
        match &piece.means {
            Means::Nothing | Means::Number => spelled.clone(),
            // The host, and who is in it, are no part of a room.
            Means::Room(room) => self.token(TokenKind::Room, &folded(room)),
            // A guest's nickname is the beginning of its account.
            Means::Endpoint => self.token(TokenKind::Identifier, &spelled[..8]),
            Means::Session => self.token(TokenKind::Identifier, spelled),
            Means::Stats => self.token(TokenKind::Name, &folded(spelled)),
            Means::Name => "[name]".to_owned(),
            Means::Mail => self.token(TokenKind::Email, &folded(spelled)),
            Means::Secret => "[secret]".to_owned(),
            Means::Address(address, port) => self.address(*address, *port),
            Means::Client(address) => self.address(*address, false),
            Means::Port if self.builtin => spelled.clone(),
            Means::Port => "-".to_owned(),
            Means::Login => self.token(TokenKind::User, &folded(spelled)),
        }
    }

    fn token(&self, kind: TokenKind, canonical: &str) -> String {
        base64(self.epoch.token(kind, canonical.as_bytes()).bytes())
    }

    fn address(&self, address: IpAddr, port: bool) -> String {
        let token = match address.to_canonical() {
            IpAddr::V4(address) => self.epoch.token(TokenKind::Address, &address.octets()),
            IpAddr::V6(address) => self.epoch.token(TokenKind::Address, &address.octets()),
        };
        match (self.builtin, port) {
            (true, true) => format!("[{}]", unique_local(token.bytes())),
            (true, false) => unique_local(token.bytes()),
            (false, _) => base64(token.bytes()),
        }
    }
}

/// What stays of an address beside its token: /24 of IPv4, /40 of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).to_string()
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c & 0xff00, 0, 0, 0, 0, 0).to_string()
        }
    }
}

/// NFKC, trimmed, in lower case.
fn folded(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect()
}
