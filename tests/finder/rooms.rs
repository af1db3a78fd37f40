//! Jabber identifiers, the obvious way: rooms by their host, who is in them, accounts with their sessions, guests.

use std::ops::Range;

use regex::Regex;

use super::message::Seen;
use super::persons::Persons;
use super::values::ends_resource;

pub struct Rooms {
    persons: Persons,
    room: Regex,
    account: Regex,
    /// Eight hexadecimal digits, or a UUID.
    pub random: Regex,
}

impl Rooms {
    pub fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        let label = "(?:(?:conference|muc)-[a-z0-9-]+|conferences?|muc|rooms|breakout|lobby|groupchat|internal-muc|internal|conf)";
        Self {
            persons: Persons::new(),
            room: regex(&format!(
                r"(?i)(?:\[[\w.%-]+\])?(?:[%\\][0-9a-f]{{2}}|[\w.~+!*$-])+@{label}(?:\.[a-z0-9-]+)*(?:@[a-z0-9.-]*[a-z0-9])?"
            )),
            account: regex(r"[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"),
            random: regex(
                r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})?$",
            ),
        }
    }

    /// Rooms with who is in them, accounts with their sessions, guests.
    pub fn find(&self, text: &str, seen: &mut Vec<Seen>) {
        let mut resource = |range: &Range<usize>, other: &str| {
            let Some(rest) = text[range.end..].strip_prefix('/') else { return false };
            let quote = text[..range.start].chars().next_back().filter(|quote| "\"'".contains(*quote));
            let ends = rest.char_indices().map(|(end, _)| end).find(|&end| ends_resource(rest, end, quote));
            let value = &rest[..ends.unwrap_or(rest.len())];
            let value = if quote.is_some() { value } else { value.trim_end_matches(['.', ':']) };
            if value != "focus" && !value.is_empty() {
                let (random, start) = (self.random.is_match(value), range.end + 1);
                let mut end = start + value.len();
                if !random && other == "Name" && !text[..range.start].ends_with(['"', '\'']) {
                    end = self.persons.whole_name(text, end);
                }
                seen.push((start - 1, (start, end, if random { "Endpoint" } else { other }.to_owned())));
            }
            !value.is_empty()
        };
        let mut whole = Vec::new();
        for found in self.room.find_iter(text) {
            resource(&found.range(), "Name");
            whole.push((found.range(), "Room"));
        }
        for found in self.account.find_iter(text) {
            let range = found.range();
            if whole
                .iter()
                .any(|(room, what)| *what == "Room" && room.start < range.end && range.start < room.end)
            {
                continue;
            }
            let guest = self.random.is_match(found.as_str().split('@').next().unwrap_or_default())
                && found.as_str().find('@') == Some(36);
            let session = resource(&range, "Session");
            if guest || session {
                whole.push((range, if guest { "Endpoint" } else { "Jid" }));
            }
        }
        for (range, what) in whole {
            let sign = range.start + text[range.clone()].find('@').unwrap_or_default();
            seen.push((sign, (range.start, range.end, what.to_owned())));
        }
    }
}
