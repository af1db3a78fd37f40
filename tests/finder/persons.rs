//! What looks like a person's name, and which objects are persons, the obvious way.

use std::ops::Range;

use regex::Regex;

use super::values::{key_ends, last_word};

pub struct Persons {
    full_name: Regex,
    initial: Regex,
    next_word: Regex,
    given_name: Regex,
    next_key: Regex,
    enclosed: Regex,
    person: Regex,
}

impl Persons {
    pub fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        Self {
            full_name: regex(r"^[A-Za-z '.,&()\[\]<>@[^\x00-\x7F]-]+$"),
            initial: regex(r"(?:^|[\x00-\x7F&&[^A-Za-z0-9]])[A-Za-z0-9]{0,2}$"),
            next_word: regex(r"^ ([A-Za-z0-9'.[^\x00-\x7F]-]*)"),
            given_name: regex(r"^, [A-Z[^\x00-\x7F]][A-Za-z'[^\x00-\x7F]-]*(?:$|[ ,.)\]\n\r])"),
            next_key: regex(r"^[A-Za-z0-9_.-]+[=:]"),
            enclosed: regex(r"[{(\[][^{}()\[\]]*[})\]]"),
            person: regex(
                "(?i)(?:user|participant|member|person|owner|creator|moderator|attendee|guest|author|sender|actor|occupant|identity|caller|presenter|memberimpl)$",
            ),
        }
    }

    /// Several words, the first of which begins in upper case, or letters of another alphabet; no digits.
    pub fn is_full_name(&self, value: &str) -> bool {
        let several = value.contains(' ') && value.starts_with(|first: char| first.is_ascii_uppercase());
        self.full_name.is_match(value) && (several || !value.is_ascii())
    }

    /// Where a name ends whose first word ends at `end`.
    pub fn whole_name(&self, text: &str, end: usize) -> usize {
        let particles = "van von de der den ter ten te da di la le el al bin y";
        let (mut whole, mut rest) = (end, &text[end..]);
        // `J. R. R. Tolkien`
        if self.initial.is_match(&text[..end]) {
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        for _ in 0..6 {
            let Some(found) = self.next_word.captures(rest) else { break };
            rest = &rest[found[0].len()..];
            let begins = found[1].starts_with(|first: char| first.is_ascii_uppercase() || !first.is_ascii());
            if begins && !rest.starts_with(['=', ':', '@', '/', '_']) {
                whole = text.len() - rest.len();
            } else if begins || !particles.split(' ').any(|particle| particle == &found[1]) {
                break;
            }
        }
        text[..whole].trim_end_matches('.').len()
    }

    /// `Wolter, Anna`: whether a given name follows the value that ends at `end`.
    pub fn given_name(&self, text: &str, end: usize) -> bool {
        let rest = &text[end..];
        self.given_name.is_match(rest) && !self.next_key.is_match(&rest[2..])
    }

    /// Whether the brackets around `key` are those of a person: `"user":{…}`, `Participant[…]`.
    pub fn around(&self, text: &str, key: usize) -> bool {
        let from = (key.saturating_sub(256)..=key).find(|&from| text.is_char_boundary(from)).unwrap();
        let mut window = text[from..key].to_owned();
        // What was closed again is blotted out, from the inside.
        while let Some(closed) = self.enclosed.find(&window).map(|found| found.range()) {
            let Range { start, end } = closed;
            window.replace_range(start..end, &"#".repeat(end - start));
        }
        let Some(open) = window.rfind(['{', '[', '(']) else { return false };
        let before = &text[..from + open];
        let before = before.strip_suffix(' ').unwrap_or(before);
        if before.ends_with([':', '=']) {
            return self.person.is_match(last_word(key_ends(before, before.len() - 1)));
        }
        let class = before.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric());
        self.person.is_match(&before[class.len()..])
    }
}
