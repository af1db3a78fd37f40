//! The obvious version of the finder in messages: what keys, elements, tuples and shapes say. Regular expressions and plain loops,
//! written from the documentation of `protect::text`; it knows the forms that `sayings` makes, and shares no code with the product.
//!
//! *In*: a text, and whether it is of a meeting. *Out*: where something stands and what it is called. *Not here*: identifiers of
//! Jabber (`jids`), what keys mean (`words`), addresses, mail and secrets (`naive`).

use regex::Regex;

use super::words::{Mode, element, is_nothing, is_random, key};
use super::{Plain, jids, naive};

pub struct Messages {
    naive: naive::Finder,
    jids: jids::Jids,
    separator: Regex,
    closing: Regex,
    member: Regex,
    numbers: Regex,
    pairs: Regex,
    endpoint: Regex,
    header: Regex,
    attribute: Regex,
    next_key: Regex,
    stream: Regex,
    parameter: Regex,
}

/// A separator between a key and a value, and what stands before it.
struct Key<'a> {
    word: &'a str,
    start: usize,
    quoted: bool,
    colon: bool,
    /// Where the value begins, or the spaces before it.
    after: usize,
}

const PERSONAL: [&str; 9] = [
    "\"email",
    "\"username",
    "\"avatar",
    "\"fullname",
    "UserId\\\"",
    "UserId\"",
    "\"sessionToken",
    " email=",
    " avatar=",
];

impl Messages {
    pub fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        Self {
            naive: naive::Finder::new(),
            jids: jids::Jids::new(),
            separator: regex(r#"([A-Za-z0-9_-]+)((?:\\*["'])|&quot;|&apos;)?(?: ?(=)|(:))"#),
            closing: regex(r"</(?:[A-Za-z0-9_-]+:)?([A-Za-z0-9_-]+)"),
            member: regex(r#"\{(?:<<")?([A-Za-z0-9_-]+)(?:">>)?,(?:<<"|")"#),
            numbers: regex(r"\{([0-9]{1,5}(?:,[0-9]{1,5})+)\}"),
            pairs: regex(r"[0-9A-Fa-f]+(?::[0-9A-Fa-f]+)+"),
            endpoint: regex(r"\b[0-9a-f]{8}\b"),
            header: regex(r#""([^"<\n]*)" {0,2}<[^<>" ]*$"#),
            attribute: regex(r"<([A-Za-z0-9_-]+)[^<>]*$"),
            next_key: regex(r"^(?:[A-Za-z0-9_.-]{1,39}[=:]| |- |$|[\[(<{])"),
            stream: regex(r#"rtmps?://[^ "',)\]><\r\n]*/([^/ "',)\]><\r\n]+)"#),
            parameter: regex(r"([A-Za-z0-9_-]+)$"),
        }
    }

    /// What stands in a message.
    pub fn message(&self, text: &str, meeting: bool) -> Vec<Plain> {
        let mut all = self.naive.find(text, false);
        // Of two that are equal, the first says what it is.
        self.keyed(text, &mut all);
        self.jids.find(text, &mut all);
        self.fingerprints(text, &mut all);
        self.elements(text, &mut all);
        self.tuples(text, &mut all);
        self.headers(text, &mut all);
        for found in self.stream.captures_iter(text) {
            let key = found.get(1).unwrap();
            take(text, key.start(), key.end(), Mode::Is, "Secret", &mut all);
        }
        if meeting {
            self.endpoints(text, &mut all);
        }
        join(all)
    }

    /// What stands in a query or a URL beside what stands in any text.
    pub fn parameters(&self, text: &str, all: &mut Vec<Plain>) {
        for (sign, _) in text.match_indices('=') {
            let Some(found) = self.parameter.captures(&text[..sign]) else { continue };
            let rest = &text[sign + 1..];
            let end = rest.find(['&', ';', '#', ' ', '"']).unwrap_or(rest.len());
            if let Some((mode, sense)) = key(&found[1]).filter(|(mode, _)| *mode != Mode::Stream)
                && sense != "?"
            {
                take(text, sign + 1, sign + 1 + end, mode, sense, all);
            }
        }
    }

    fn keyed(&self, text: &str, all: &mut Vec<Plain>) {
        let mut done = 0;
        let mut described = false;
        for found in self.separator.captures_iter(text) {
            let separator = found.get(3).or(found.get(4)).unwrap();
            let word = found.get(1).unwrap();
            let key = Key {
                word: word.as_str(),
                start: word.start(),
                quoted: found.get(2).is_some(),
                colon: separator.as_str() == ":",
                after: separator.end(),
            };
            if separator.start() < done {
                continue;
            }
            let rest = &text[key.after..];
            // A word that goes on in another alphabet, a scope, a comparison, a URL.
            let whole = !text[..key.start].ends_with(|c: char| !c.is_ascii());
            if !whole || rest.starts_with([':', '=']) || rest.starts_with("//") {
                continue;
            }
            let Some((mode, sense)) = self.says(text, &key, &mut described) else { continue };
            let words = matches!(sense, "?" | "Name" | "Stats" | "Room");
            let Some((start, end)) = self.value(text, &key, words, sense == "Room") else { continue };
            let sense = if sense == "?" {
                let Some(sense) = self.name(text, &key, &text[start..end]) else { continue };
                sense
            } else {
                sense
            };
            // What stands in a value that is taken has been said; in one that is not, it may say something itself.
            let before = all.len();
            take(text, start, end, mode, sense, all);
            done = if all.len() > before { end } else { start };
        }
    }

    fn says(&self, text: &str, at: &Key<'_>, described: &mut bool) -> Option<(Mode, &'static str)> {
        if let Some(said) = key(at.word) {
            return Some(said).filter(|(mode, _)| *mode != Mode::Stream);
        }
        if at.word == "as" && text[..at.start].ends_with("authenticated ") {
            return Some((Mode::Is, "User"));
        }
        let before = &text[..at.start];
        let begins = before.is_empty() || before.ends_with('\n') || before.ends_with("\\n");
        if at.colon || !begins {
            return None;
        }
        match at.word {
            "o" => {
                let words: Vec<&str> = text[at.after..].split(' ').collect();
                let number = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
                *described = words.len() > 2 && words[1..3].iter().all(number);
                (*described && !words[0].starts_with('-')).then_some((Mode::Is, "User"))
            }
            "s" | "i" | "u" | "e" | "p" if *described => Some((Mode::Is, "Name")),
            _ => None,
        }
    }

    /// The value behind a separator, without what encloses it.
    fn value(&self, text: &str, key: &Key<'_>, words: bool, room: bool) -> Option<(usize, usize)> {
        let spaces = text[key.after..].bytes().take(2).take_while(|&byte| byte == b' ').count();
        let at = key.after + spaces;
        let rest = &text[at..];
        let slashes = rest.bytes().take_while(|&byte| byte == b'\\').count();
        let opening = &rest[slashes..];
        let line = rest.find('\n').unwrap_or(rest.len());
        let to = |from: usize, closing: &str| {
            let end = rest[from..line].find(closing).map_or(line, |found| from + found);
            (at + from < at + end).then_some((at + from, at + end))
        };
        match opening.chars().next()? {
            quote @ ('"' | '\'') => {
                let closing = format!("{}{quote}", "\\".repeat(slashes));
                let mut from = slashes + 1;
                while let Some(found) = rest[from..line].find(&closing) {
                    let end = from + found;
                    let before = rest[slashes + 1..end].bytes().rev().take_while(|&b| b == b'\\').count();
                    // `\"` inside quotes that are plain, `\\\"` inside those that are `\"`.
                    if before == 0 || quote == '\'' {
                        return (slashes + 1 < end).then_some((at + slashes + 1, at + end));
                    }
                    from = end + closing.len();
                }
                Some((at + slashes + 1, at + line))
            }
            '<' if opening.starts_with("<<\"") => to(3, "\">>"),
            '<' => to(1, ">"),
            '&' if opening.starts_with("&quot;") => to(6, "&quot;"),
            '&' if opening.starts_with("&apos;") => to(6, "&apos;"),
            '[' if room && rest[..rest.len().min(256)].contains('@') => Some(self.bare(text, at, true)),
            '[' | '{' | '(' | ',' | '\n' | '\r' | ';' => None,
            _ => Some(self.bare(text, at, words && (!key.colon || spaces > 0))),
        }
        .filter(|(start, end)| start < end)
    }

    fn bare(&self, text: &str, start: usize, words: bool) -> (usize, usize) {
        let tenant = text[start..].starts_with('[');
        let mut end = start;
        for (offset, c) in text[start..].char_indices() {
            end = start + offset;
            let signed = text[start..end].contains('@');
            match c {
                '[' | ']' if tenant && !signed => {}
                ',' | ';' | '|' | ')' | '(' | ']' | '[' | '}' | '>' | '<' | '"' | '\n' | '\r' | '\t'
                | '&' => break,
                '\'' if !words => break,
                '\\' if text[end + 1..].starts_with(['n', 'r', '"']) => break,
                ' ' if !words || signed || self.next_key.is_match(&text[end + 1..]) => break,
                _ => end += c.len_utf8(),
            }
        }
        (start, start + text[start..end].trim_end_matches(['.', ' ', ':']).len())
    }

    /// What `name` names.
    fn name(&self, text: &str, key: &Key<'_>, value: &str) -> Option<&'static str> {
        let person = PERSONAL.iter().any(|key| text.contains(key));
        let before = &text[..key.start];
        if !key.quoted {
            let in_map = before.ends_with('{') || before.ends_with(", ") || before.ends_with("{ ");
            if in_map && person {
                return Some("Name");
            }
            return match &self.attribute.captures(before)?[1] {
                "item" | "contact" | "person" | "user" => Some("Name"),
                "conference" | "room" => Some("Room"),
                _ => None,
            };
        }
        if value.contains('@') {
            return Some("Room");
        }
        if value.contains(|c: char| c.is_ascii_digit() || "_./:".contains(c)) {
            return None;
        }
        let called = value.contains(' ') && value.starts_with(|c: char| c.is_ascii_uppercase());
        (called || !value.is_ascii() || value.contains('\\') || person).then_some("Name")
    }

    fn elements(&self, text: &str, all: &mut Vec<Plain>) {
        for found in self.closing.captures_iter(text) {
            let end = found.get(0).unwrap().start();
            if let Some((mode, sense)) = element(&found[1]) {
                let start = text[..end].rfind('>').map_or(0, |open| open + 1);
                take(text, start, end, mode, if sense == "?" { "Name" } else { sense }, all);
            }
        }
    }

    fn tuples(&self, text: &str, all: &mut Vec<Plain>) {
        for found in self.member.captures_iter(text) {
            let start = found.get(0).unwrap().end();
            let closing = if text[..start].ends_with("<<\"") { "\">>" } else { "\"" };
            let (Some((Mode::Is, sense)), Some(len)) = (key(&found[1]), text[start..].find(closing)) else {
                continue;
            };
            take(text, start, start + len, Mode::Is, sense, all);
        }
        for found in self.numbers.captures_iter(text) {
            let list = found.get(1).unwrap();
            let numbers: Vec<u16> = list.as_str().split(',').filter_map(|n| n.parse().ok()).collect();
            let count = list.as_str().split(',').count();
            let address = match (count, &numbers[..]) {
                (4, [a, b, c, d]) if numbers.iter().all(|&n| n < 256) => format!("{a}.{b}.{c}.{d}"),
                (8, [..]) if numbers.len() == 8 => {
                    let groups: [u16; 8] = numbers.try_into().unwrap();
                    std::net::IpAddr::from(groups).to_canonical().to_string()
                }
                _ => continue,
            };
            all.push((list.start(), list.end(), address));
        }
    }

    fn fingerprints(&self, text: &str, all: &mut Vec<Plain>) {
        for run in self.pairs.find_iter(text) {
            let groups: Vec<&str> = run.as_str().split(':').collect();
            if groups.len() >= 16 && groups.iter().all(|group| group.len() == 2) {
                all.push((run.start(), run.end(), "Session".into()));
            }
        }
    }

    fn headers(&self, text: &str, all: &mut Vec<Plain>) {
        for (sign, _) in text.match_indices('@') {
            if let Some(found) = self.header.captures(&text[..sign]) {
                let name = found.get(1).unwrap();
                if name.as_str().contains(|c: char| c.is_ascii_alphanumeric() || !c.is_ascii()) {
                    all.push((name.start(), name.end(), "Name".into()));
                }
            }
        }
    }

    fn endpoints(&self, text: &str, all: &mut Vec<Plain>) {
        for run in self.endpoint.find_iter(text) {
            let (before, after) = (&text[..run.start()], &text[run.end()..]);
            let stream = before.ends_with("stream-");
            if (before.ends_with(['@', '-', '%', '.', '\\']) && !stream) || after.starts_with(['-', '@']) {
                continue;
            }
            let leads = [" for ", "endpoint ", "participant ", "occupant "];
            let mixed = run.as_str().contains(|c: char| c.is_ascii_digit())
                && run.as_str().contains(|c: char| c.is_ascii_lowercase());
            if mixed || stream || leads.iter().any(|lead| before.ends_with(lead)) {
                all.push((run.start(), run.end(), "Endpoint".into()));
            }
        }
    }
}

/// Takes a value if it can be what its key says.
fn take(text: &str, start: usize, end: usize, mode: Mode, sense: &str, all: &mut Vec<Plain>) {
    let whole = &text[start..end];
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let start = start + whole.len() - whole.trim_start_matches(blank).len();
    let value = whole.trim_matches(blank);
    let mut end = start + value.len();
    let digit = value.contains(|c: char| c.is_ascii_digit());
    if is_nothing(value)
        || (mode == Mode::IfRandom && !is_random(value))
        || (mode == Mode::IfLong && (value.len() < 8 || !digit))
    {
        return;
    }
    if let Some((local, host)) = value.split_once('@') {
        let object = (1..=8).contains(&host.len())
            && host.bytes().all(|byte| byte.is_ascii_hexdigit())
            && local.contains(|c: char| c.is_ascii_uppercase());
        match sense {
            "User" | "Jid" | "Email" => return,
            "Room" if object => return,
            "Room" => end -= host.len() - host.find('/').unwrap_or(host.len()),
            _ => {}
        }
    }
    let sense = if sense == "Name" && is_random(value) { "Endpoint" } else { sense };
    all.push((start, end, sense.into()));
}

/// What begins with a capital is what something says; the rest are shapes.
fn is_said(what: &str) -> bool {
    what.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Those that share bytes become one, and the longest says what it is; of equals, what a key says.
pub fn join(mut all: Vec<Plain>) -> Vec<Plain> {
    all.sort_by_key(|(start, end, what)| (*start, *end, !is_said(what)));
    let mut joined: Vec<(Plain, usize)> = Vec::new();
    for next in all {
        let len = next.1 - next.0;
        match joined.last_mut() {
            Some((last, longest)) if next.0 < last.1 => {
                last.1 = last.1.max(next.1);
                if len > *longest || (len == *longest && is_said(&next.2) && !is_said(&last.2)) {
                    (last.2, *longest) = (next.2, len);
                }
            }
            _ => joined.push((next, len)),
        }
    }
    joined.into_iter().map(|(found, _)| found).collect()
}
