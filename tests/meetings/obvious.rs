//! What must become of a record of a meeting: piece by piece, the slow way.
//!
//! *In*: a [`Record`] and the keys of the run. *Out*: its line as a service writes it, and what must leave in either form. *Promised*: no
//! code of `protect`, `encode`, `format` or `record` has a part in it; spellings are made one here, by the rules of the design.
//! *Not here*: the tokens themselves (`EpochKeys::token`), which published vectors prove.

use std::net::IpAddr;

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
    /// True where addresses become addresses.
    addresses: bool,
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
        let days = [("technical", 14), ("jvb", 1)].into_iter().find(|(class, _)| *class == name);
        Self {
            epoch: keys.epoch_keys(0, keys.epoch_of(0, now), now).unwrap(),
            retention: days.map(|(_, days)| days * 86_400),
            addresses: policy.name == "built-in",
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
            match columns.last_mut() {
                Some((field, value, _)) if *field == piece.field => value.push_str(&becomes),
                _ => columns.push((piece.field, becomes, matches!(piece.means, Means::Number))),
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
        json.insert("sluis.time_completed".to_owned(), true.into());
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
        }
    }

    fn token(&self, kind: TokenKind, canonical: &str) -> String {
        base64(self.epoch.token(kind, canonical.as_bytes()).bytes())
    }

    fn address(&self, address: IpAddr, port: bool) -> String {
        let token = match address {
            IpAddr::V4(address) => self.epoch.token(TokenKind::Address, &address.octets()),
            IpAddr::V6(address) => self.epoch.token(TokenKind::Address, &address.octets()),
        };
        match (self.addresses, port) {
            (true, true) => format!("[{}]", unique_local(token.bytes())),
            (true, false) => unique_local(token.bytes()),
            (false, _) => base64(token.bytes()),
        }
    }
}

/// NFKC, trimmed, in lower case.
fn folded(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect()
}
