//! Messages, in which keys, elements, tuples and Jabber identifiers say what a value is, against the obvious version of that.
//!
//! *In*: generated sentences. *Promised*: regular expressions, loops and tables of its own; no sieve, and no bounds but those that a
//! sentence reaches. What has a place of its own in the text (addresses, mail, secrets) is the business of the obvious finder; logins of
//! sentences, persons, elements and records have rooms of their own. *Not here*: texts that hurt (`mod`, `noise`).

use std::ops::Range;

use regex::Regex;
use sluis::protect::text::{Context, find};

use super::generate::Dice;
use super::persons::Persons;
use super::prose::Prose;
use super::rooms::Rooms;
use super::sentences::sentence;
use super::values::{
    NOTHING, bracketed, fingerprints, innermost, key_ends, last_word, merged, names_before_addresses, says,
    sense,
};
use super::{Plain, cases, elements, naive, plain, records};

/// Where it was seen, and what it is.
pub type Seen = (usize, Plain);

/// Of a difference, so many cases are shown.
const WRONG_MAX: usize = 12;

struct Messages {
    identifiers: naive::Finder,
    prose: Prose,
    persons: Persons,
    rooms: Rooms,
    numbers: Regex,
    stream: Regex,
    object: Regex,
    source: Regex,
    origin: Regex,
    own_key: Regex,
    next_key: Regex,
    person: Regex,
}

impl Messages {
    fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        Self {
            identifiers: naive::Finder::new(),
            prose: Prose::new(),
            persons: Persons::new(),
            rooms: Rooms::new(),
            numbers: regex(r"\{([0-9]+(?:,[0-9]+)*)\}"),
            stream: regex(r#"rtmps?://[^ "',)\]><\n]*/([^/ "',)\]><\n]+)"#),
            source: regex("^[0-9A-Fa-f]{8}-[a-z]"),
            object: regex(r"^[^@]*[A-Z][^@]*@[0-9a-fA-F]{1,8}$"),
            origin: regex(r"^o=[^ ]+ [0-9]+ [0-9]+(?:[ \n]|$)"),
            own_key: regex(r"^[A-Za-z0-9_-]{1,40}=[^= \n,;]"),
            next_key: regex(r"^(?:[A-Za-z0-9_.-]+[=:]|- |[ \[(<{]|$)"),
            person: regex(r#""email|"username|"avatar|"fullname|UserId\\?"|"sessionToken| email=| avatar="#),
        }
    }

    fn find(&self, text: &str) -> Vec<Plain> {
        let mut seen = Vec::new();
        self.rooms.find(text, &mut seen);
        self.read(text, &mut seen);
        self.descriptions(text, &mut seen);
        for (at, value, letter) in elements::closed(text) {
            self.take(text, at, value, letter, &mut seen);
        }
        for found in self.stream.captures_iter(text) {
            self.take(text, found.get(0).unwrap().start(), found.get(1).unwrap().range(), 'x', &mut seen);
        }
        let named = names_before_addresses(text).into_iter().map(|found| (found.1 + 2, found));
        seen.extend(named);
        seen.extend(fingerprints(text).into_iter().map(|found| (found.0, found)));
        seen.sort();
        let mut all: Vec<Plain> = self.identifiers.find(text, false);
        for found in self.numbers.captures_iter(text) {
            let numbers: Vec<u16> = found[1].split(',').filter_map(|number| number.parse().ok()).collect();
            let address = match numbers[..] {
                [a, b, c, d] if numbers.iter().all(|&number| number < 256) => format!("{a}.{b}.{c}.{d}"),
                _ => match <[u16; 8]>::try_from(numbers) {
                    Ok(groups) => std::net::Ipv6Addr::from(groups).to_string(),
                    Err(_) => continue,
                },
            };
            all.push((found.get(1).unwrap().start(), found.get(1).unwrap().end(), address));
        }
        all.sort();
        let mut all = seen.into_iter().fold(all, |all, (_, found)| merged(all, found));
        for kind in 0..elements::KINDS {
            let mut seen = Vec::new();
            if let Some((value, letter)) = elements::cut(text, kind, &all) {
                self.take(text, text.len(), value, letter, &mut seen);
            }
            all = seen.into_iter().fold(all, |all, (_, found)| merged(all, found));
        }
        all
    }

    /// Reads the text from its beginning: keys, logins, members of records. What stands in a value is no key.
    fn read(&self, text: &str, seen: &mut Vec<Seen>) {
        let mut done = 0;
        for (at, letter) in text.char_indices() {
            if at < done {
                continue;
            }
            let before = seen.len();
            let end = match letter {
                '=' | ':' => self.key(text, at, seen),
                ' ' => self.prose.login(text, at).map(|login| self.take(text, at, login, 'u', seen)),
                '"' | '<' if text[..at].ends_with(',') => records::members(text, at).map(|(members, end)| {
                    for (value, letter) in members {
                        self.take(text, at, value, letter, seen);
                    }
                    end
                }),
                '"' | '\'' | '`' | '<' => {
                    let session = self.prose.mumble(text, at);
                    seen.extend(session.iter().map(|user| (at, (user.start, user.end, "User".to_owned()))));
                    let value = self.prose.behind_key(text, at).filter(|_| session.is_none());
                    value.map(|(value, letter)| self.take(text, at, value, letter, seen))
                }
                _ => None,
            };
            // Of what is no value of this key, a part may be one of another.
            let record = text[..at].ends_with(',');
            done = end.filter(|_| record || seen.len() > before).unwrap_or(done);
        }
    }

    /// A key, perhaps in quotes, a separator at `at` and a value.
    fn key(&self, text: &str, at: usize, seen: &mut Vec<Seen>) -> Option<usize> {
        let rest = &text[at + 1..];
        let bare = key_ends(text, at);
        let key = last_word(bare);
        let letter = match says(key) {
            _ if key == "as" && bare.ends_with("authenticated as") => 'u',
            _ if key == "failed" => self.prose.two_words(bare)?,
            _ if key.eq_ignore_ascii_case("name") => 'N',
            letter => letter,
        };
        let before = bare.strip_suffix(key)?;
        if letter == 'w' && rest.starts_with(|digit: char| digit.is_ascii_digit()) && before.ends_with('(') {
            let login = self.prose.before_bracket(&before[..before.len() - 1])?;
            self.take(text, at, login, 'u', seen);
            return None;
        }
        if letter == '-' || rest.starts_with([':', '=']) || rest.starts_with("//") {
            return None;
        }
        let value = self.value(text, at + 1, letter, &text[at..=at])?;
        let quoted = !text[..at].trim_end_matches(' ').ends_with(key);
        let letter = match letter {
            'N' => self.name(text, before.len(), quoted, &text[value.clone()]),
            letter => letter,
        };
        // What an endpoint sends: `"name":"49517bef-v0"`.
        let spelled = &text[value.clone()];
        if letter == '-' && quoted && self.source.is_match(spelled) && !self.rooms.random.is_match(spelled) {
            let what = "Endpoint".to_owned();
            seen.push((at, (value.start, value.start + 8, what)));
            return None;
        }
        Some(self.take(text, at, value, letter, seen))
    }

    /// What encloses a value says where it ends; without anything it is a word, or several where people's names and rooms stand.
    fn value(&self, text: &str, from: usize, letter: char, separator: &str) -> Option<Range<usize>> {
        let spaces = text[from..].chars().take(2).take_while(|&letter| letter == ' ').count();
        let start = from + spaces;
        let rest = &text[start..];
        if spaces > 0 && letter != 'x' && self.own_key.is_match(rest) {
            return None;
        }
        if let Some(range) = bracketed(text, start) {
            return Some(range).filter(|range| !range.is_empty());
        }
        let tenant = letter == 'r' && rest.starts_with('[') && rest.contains('@');
        if rest.starts_with(['[', '(']) && !tenant && "nsurimx".contains(letter) {
            let close = if rest.starts_with('[') { ']' } else { ')' };
            let inside = &rest[1..=innermost(&rest[1..], close)];
            let keyed = letter != 'x' && inside.contains(['=', ':', '{']);
            return Some(start + 1..start + 1 + inside.len()).filter(|range| !keyed && !range.is_empty());
        }
        if rest.is_empty() || (rest.starts_with(['[', '{', '(', ',', ';', '\n', '\r']) && !tenant) {
            return None;
        }
        let words = tenant || ("nsrN".contains(letter) && (separator == "=" || spaces > 0));
        let mut end = self.bare(text, start, words, tenant);
        let capital = rest.starts_with(|first: char| first.is_ascii_uppercase() || !first.is_ascii());
        if "puw".contains(letter) && capital {
            end = self.persons.whole_name(text, end);
        } else if words && "nN".contains(letter) && self.persons.given_name(text, end) {
            end = self.bare(text, end + 2, words, false);
        }
        (start < end).then_some(start..end)
    }

    /// Where a value without quotes ends.
    fn bare(&self, text: &str, start: usize, words: bool, tenant: bool) -> usize {
        let rest = &text[start..];
        let mut end = 0;
        for (at, byte) in rest.char_indices() {
            end = at;
            let signed = rest[..at].contains('@');
            let next_word = || !words || signed || self.next_key.is_match(&rest[at + 1..]);
            match byte {
                '[' | ']' if tenant && !signed => {}
                '&' if words && rest[..at].ends_with(' ') && rest[at + 1..].starts_with(' ') => {
                    end = at + 1;
                }
                ',' | ';' | '|' | ')' | '(' | ']' | '[' | '}' | '>' | '<' | '"' | '\n' | '\r' | '\t'
                | '&' => break,
                '\'' if !words => break,
                '\\' if rest[at + 1..].starts_with(['n', 'r', '"']) => break,
                ' ' if next_word() => break,
                _ => end = at + byte.len_utf8(),
            }
        }
        start + rest[..end].trim_end_matches(['.', ' ', ':', '&']).len()
    }

    /// `name` is a person's as an attribute of some elements, in a map that has a mail address too, and in an object if it looks so.
    fn name(&self, text: &str, key: usize, quoted: bool, value: &str) -> char {
        let (before, personal) = (&text[..key], self.person.is_match(text));
        if let Some(letter) = self.prose.two_words(&text[..key + "name".len()]) {
            return letter;
        }
        let around = self.persons.around(text, key);
        if !quoted {
            let in_map = ["{", ", ", "{ "].iter().any(|begin| before.ends_with(begin));
            let tag = before.rsplit('<').next().filter(|tag| tag.len() < before.len() && !tag.contains('>'));
            let element = tag.and_then(|tag| tag.split(' ').next()).unwrap_or_default();
            return match element {
                _ if in_map && personal || around => 'n',
                "item" | "contact" | "person" | "user" => 'n',
                "conference" | "room" => 'r',
                _ => '-',
            };
        }
        let technical = value.contains(|letter: char| letter.is_ascii_digit() || "_./:".contains(letter));
        let looks_so = !value.is_ascii()
            || value.contains('\\')
            || (value.contains(' ') && value.starts_with(|first: char| first.is_ascii_uppercase()));
        match (value.contains('@'), technical, looks_so || personal) {
            (true, ..) => 'r',
            _ if around => 'n',
            (_, false, true) => 'n',
            _ => '-',
        }
    }

    /// Lines of a session description.
    fn descriptions(&self, text: &str, seen: &mut Vec<Seen>) {
        let (mut at, mut described) = (0, false);
        for line in text.split_inclusive('\n') {
            let letter = match line.get(..2) {
                Some("o=") => {
                    described = self.origin.is_match(line);
                    if described && !line.starts_with("o=-") { 'u' } else { '-' }
                }
                Some("s=" | "i=" | "u=" | "e=" | "p=") if described => 'n',
                _ => '-',
            };
            if letter != '-'
                && let Some(value) = self.value(text, at + 2, letter, "=")
            {
                self.take(text, at + 1, value, letter, seen);
            }
            at += line.len();
        }
    }

    /// Takes a value if it can be what its key says; gives its end.
    fn take(
        &self,
        text: &str,
        seen_at: usize,
        value: Range<usize>,
        letter: char,
        seen: &mut Vec<Seen>,
    ) -> usize {
        let whole = value.end;
        let blank = [' ', '\t', '\n', '\r'];
        let start = value.end - text[value.clone()].trim_start_matches(blank).len();
        let value = text[value].trim_matches(blank);
        let masked = value.chars().all(|letter| "*Xx.-?".contains(letter));
        let long = value.len() >= 8 && value.contains(|digit: char| digit.is_ascii_digit());
        let random = self.rooms.random.is_match(value);
        let fits = match letter {
            '-' => false,
            'e' => random,
            'I' | 'X' => long,
            'w' => {
                let first = value.chars().next().unwrap_or('0');
                !random && (first.is_ascii_alphabetic() || !first.is_ascii())
            }
            'p' => random || self.persons.is_full_name(value),
            'r' => !self.object.is_match(value),
            _ => true,
        };
        // Accounts are found by their sign, unless there is a name around one.
        let account = "umw".contains(letter) && value.contains('@');
        let around = account && value.contains([' ', '<']);
        let fits = fits && (!account || around || value.starts_with('@'));
        let named = |letter: char| letter.is_ascii_alphanumeric() || !letter.is_ascii();
        if masked || !fits || !value.contains(named) || NOTHING.contains(&value.to_lowercase().as_str()) {
            return whole;
        }
        // What stands behind a room is whoever is in it.
        let sign = value.find('@').filter(|_| letter == 'r');
        let end =
            sign.and_then(|sign| value[sign..].find('/').map(|slash| sign + slash)).unwrap_or(value.len());
        let what = match sense(letter) {
            "Name" if random => "Endpoint",
            _ if around => "Name",
            what => what,
        };
        seen.push((seen_at, (start, start + end, what.to_owned())));
        whole
    }
}

#[test]
fn messages_say_what_the_obvious_version_says() {
    let (obvious, mut out, mut wrong) = (Messages::new(), Vec::new(), Vec::new());
    for case in 0..cases(4000) {
        let text = sentence(&mut Dice::new(case));
        find(text.as_bytes(), Context::Message, &mut out);
        let spelled = |found: Vec<Plain>| -> Vec<(String, Plain)> {
            found.into_iter().map(|found| (text[found.0..found.1].to_owned(), found)).collect()
        };
        let (fast, slow) = (spelled(out.iter().map(plain).collect()), spelled(obvious.find(&text)));
        if fast != slow {
            wrong.push(format!("case {case}: {text}\n  found   {fast:?}\n  obvious {slow:?}"));
        }
        if wrong.len() == WRONG_MAX {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
