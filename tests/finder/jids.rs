//! The obvious version of identifiers of Jabber: two regular expressions, and what stands behind the slash.

use regex::Regex;

use super::Plain;
use super::words::is_random;

pub struct Jids {
    room: Regex,
    account: Regex,
}

impl Jids {
    pub fn new() -> Self {
        let label = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
        let component = "(?i:conference-[a-z0-9-]+|muc-[a-z0-9-]+|conferences?|muc|rooms|breakout|lobby|groupchat|internal-muc|internal|conf)";
        let local = r"(?:[A-Za-z0-9_.~+!*$-]|%[0-9A-Fa-f]{2}|\\[0-9a-f]{2}|[^\x00-\x7f])+";
        let regex = |text: String| Regex::new(&text).unwrap();
        Self {
            room: regex(format!(
                r"((?:\[[^\[\]@ ]+\])?{local}@{component}(?:\.{label})*(?:@{label}(?:\.{label})*)?)(/?)"
            )),
            account: regex(format!(r"([A-Za-z0-9_][A-Za-z0-9_.+-]*)@{label}(?:\.{label})*(/?)")),
        }
    }

    pub fn find(&self, text: &str, all: &mut Vec<Plain>) {
        let mut rooms = Vec::new();
        for found in self.room.captures_iter(text) {
            let room = found.get(1).unwrap();
            rooms.push(room.range());
            all.push((room.start(), room.end(), "Room".into()));
            if !found[2].is_empty() {
                resource(text, room.start(), found.get(2).unwrap().end(), "Name", all);
            }
        }
        for found in self.account.captures_iter(text) {
            let (start, slash) = (found.get(0).unwrap().start(), found.get(2).unwrap());
            if rooms.iter().any(|room| room.start < slash.end() && start < room.end) {
                continue;
            }
            let guest = is_random(&found[1]) && found[1].len() == 36;
            let url = text[..start].ends_with("//");
            let session = !slash.is_empty() && !url && resource(text, start, slash.end(), "Session", all);
            if guest || session {
                let what = if guest { "Endpoint" } else { "Jid" };
                all.push((start, slash.start(), what.into()));
            }
        }
    }
}

/// What stands behind the slash: to the quote where the identifier stands between quotes, else one word. The focus is nobody.
fn resource(text: &str, start: usize, from: usize, sense: &str, all: &mut Vec<Plain>) -> bool {
    let quote = text[..start].chars().next_back().filter(|c| "\"'".contains(*c));
    let ends = |c: char| match quote {
        Some(quote) => c == quote || "\n\\<".contains(c),
        None => c <= ' ' || ",;)(][}><\"'|&\\".contains(c),
    };
    let mut value = &text[from..from + text[from..].find(ends).unwrap_or(text.len() - from)];
    if quote.is_none() {
        value = value.trim_end_matches(['.', ':']);
    }
    if !value.is_empty() && value != "focus" {
        let what = if is_random(value) { "Endpoint" } else { sense };
        all.push((from, from + value.len(), what.into()));
    }
    !value.is_empty()
}
