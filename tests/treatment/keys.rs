//! Of keys beside values, those that the generator makes: `user=` somewhere, `id=` of a parameter; and what else only a message says.
//!
//! *In*: a decoded text. *Out*: places in it, and what stands there. *Promised*: own code. *Not here*: all other keys (`finder::message`).

use crate::finder::values::{fingerprints, names_before_addresses};

/// Where something stands, and what: `User`, `Endpoint`, `Session`, `Name`.
type Place = (usize, usize, String);

/// What the value of a key is, if it is anybody's.
fn meant(key: &str, value: &str) -> Option<&'static str> {
    let masked = value.chars().all(|letter| "*Xx.-?".contains(letter));
    match key.to_ascii_lowercase().as_str() {
        // A mail address is found as one.
        "user" if !value.contains('@') && value.contains(char::is_alphanumeric) && !masked => Some("User"),
        "id" if uuid(value) => Some("Endpoint"),
        _ => None,
    }
}

fn uuid(value: &str) -> bool {
    let groups: Vec<usize> = value.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && value.chars().all(|digit| digit == '-' || digit.is_ascii_hexdigit())
}

/// The word that ends where `text` does.
fn last_word(text: &str) -> &str {
    let rest = text.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    &text[rest.len()..]
}

fn trimmed(text: &str, start: usize, end: usize) -> (usize, usize) {
    let value = &text[start..end];
    let start = end - value.trim_start_matches([' ', '\t', '\r', '\n']).len();
    (start, start + text[start..end].trim_end_matches([' ', '\t', '\r', '\n']).len())
}

/// Parameters of a query, or of a URL that has one.
pub fn of_parameters(text: &str) -> Vec<Place> {
    let mut all = Vec::new();
    for (equals, _) in text.match_indices('=') {
        let rest = &text[equals + 1..];
        let end = equals + 1 + rest.find(['&', ';', '#', ' ', '"']).unwrap_or(rest.len());
        let (start, end) = trimmed(text, equals + 1, end);
        if let Some(what) = meant(last_word(&text[..equals]), &text[start..end]) {
            all.push((start, end, what.to_owned()));
        }
    }
    all
}

/// A request line that is none is read as a message.
pub fn of_messages(text: &str) -> Vec<Place> {
    let mut all = Vec::new();
    let mut done = 0;
    for (equals, _) in text.match_indices('=').filter(|(equals, _)| !text[equals + 1..].starts_with('=')) {
        let before = &text[..equals];
        let before = before.strip_suffix(' ').unwrap_or(before);
        let key = last_word(before.strip_suffix('"').unwrap_or(before));
        if equals < done || !key.eq_ignore_ascii_case("user") {
            continue;
        }
        let Some((start, end)) = message_value(text, equals + 1) else { continue };
        let value = trimmed(text, start, end);
        // Of what is no value, a part may be one.
        done = start;
        if let Some(what) = meant(key, &text[value.0..value.1]) {
            done = end;
            all.push((value.0, value.1, what.to_owned()));
        }
    }
    all.extend(cut_element(text));
    all.extend(fingerprints(text));
    all.extend(names_before_addresses(text));
    all
}

/// What stands behind a tag with which no other follows: the text of an element that was cut off.
fn cut_element(text: &str) -> Option<Place> {
    let open = text.rfind('<').filter(|open| text.len() - open <= 256)?;
    let tag = &text[open + 1..];
    let close = tag.find('>').filter(|close| !tag[..*close].ends_with('/'))?;
    let name = tag.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-".contains(letter))).next()?;
    let (start, end) = trimmed(text, open + 1 + close + 1, text.len());
    meant(name, &text[start..end]).map(|what| (start, end, what.to_owned()))
}

/// Between quotes or angle brackets, or a word.
fn message_value(text: &str, from: usize) -> Option<(usize, usize)> {
    let spaces = text[from..].chars().take(2).take_while(|&letter| letter == ' ').count();
    let start = from + spaces;
    let rest = &text[start..];
    let until = |close: char| {
        let line = rest[1..].split('\n').next().unwrap_or_default();
        (start + 1, start + 1 + line.find(close).unwrap_or(line.len()))
    };
    let (start, end) = match rest.chars().next()? {
        quote @ ('"' | '\'') => until(quote),
        '<' => until('>'),
        '[' | '{' | '(' | ',' | ';' | '\n' | '\r' => return None,
        _ => {
            let word = rest.split([
                ' ', ',', ';', '|', ')', '(', ']', '[', '}', '>', '<', '"', '\'', '\n', '\r', '\t', '&',
            ]);
            let word = word.into_iter().next().unwrap_or_default();
            (start, start + word.trim_end_matches(['.', ':']).len())
        }
    };
    (start < end).then_some((start, end))
}
