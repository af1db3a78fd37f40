//! Small obvious readers that the versions of messages share.

use std::ops::Range;

use super::Plain;
use super::sentences::KEYS;

/// Values that name nobody, of those that the generator makes.
pub const NOTHING: &[&str] = &[
    "null",
    "none",
    "nil",
    "true",
    "false",
    "unknown",
    "not set",
    "[params_redacted]",
    "params_redacted",
    "no value",
    "yes",
    "no",
    "on",
    "off",
    "undefined",
    "default",
];

/// `user_displayName`: the letter of its row in [`KEYS`].
pub fn says(key: &str) -> char {
    let squeezed = key.replace(['-', '_'], "").to_lowercase();
    let row = KEYS.iter().find(|(_, words)| words.replace(' ', "") == squeezed);
    let whole = key.ends_with(|last: char| last.is_ascii_alphanumeric());
    row.filter(|_| whole).map_or('-', |(letter, _)| *letter)
}

pub fn sense(letter: char) -> &'static str {
    match letter {
        'n' => "Name",
        's' => "Stats",
        'u' => "User",
        'r' => "Room",
        'e' => "Endpoint",
        'i' | 'I' => "Session",
        'm' => "Email",
        'w' => "User",
        'p' => "Name",
        _ => "Secret",
    }
}

/// What stands before the separator at `at`, without quotes.
pub fn key_ends(text: &str, at: usize) -> &str {
    let before = &text[..at];
    let spaced = before.strip_suffix(' ').unwrap_or(before);
    let spaced = if text[at..].starts_with('=') || spaced.ends_with(['"', '\'']) { spaced } else { before };
    match spaced.strip_suffix(['"', '\'']) {
        Some(inside) => inside.trim_end_matches('\\'),
        None => spaced.strip_suffix("&quot;").unwrap_or(spaced),
    }
}

/// The first bytes of `text`, without a part of a character.
pub fn front(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap();
    &text[..end]
}

/// The word of a key that ends where `text` does.
pub fn last_word(text: &str) -> &str {
    let rest = text.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    let key = &text[rest.len()..];
    if rest.ends_with(|letter: char| !letter.is_ascii()) { "" } else { key }
}

/// The inside of quotes or angle brackets that open at `start`; to the end of the line where nothing closes them.
pub fn bracketed(text: &str, start: usize) -> Option<Range<usize>> {
    let slashes = text[start..].chars().take(8).take_while(|&letter| letter == '\\').count();
    let rest = &text[start + slashes..];
    if rest.starts_with(['"', '\'']) {
        return Some(quoted(text, start + slashes + 1, slashes));
    }
    let pairs = [("<<\"", "\">>"), ("<", ">"), ("&quot;", "&quot;"), ("&apos;", "&apos;")];
    let (open, close) = pairs.into_iter().find(|(open, _)| rest.starts_with(open))?;
    let start = start + open.len();
    let line = text[start..].split('\n').next().unwrap_or_default();
    Some(start..start + line.find(close).unwrap_or(line.len()))
}

/// A string whose opening quote has so many backslashes before it: one within it has more. `O'Brien` holds no quote.
fn quoted(text: &str, start: usize, slashes: usize) -> Range<usize> {
    let quote = text.as_bytes()[start - 1] as char;
    for (at, letter) in text[start..].char_indices() {
        let end = start + at;
        let before = text[start..end].chars().rev().take_while(|&letter| letter == '\\').count();
        match letter {
            '\n' => return start..end,
            _ if letter != quote => {}
            '\'' if at > 0 && is_apostrophe(text, end) => {}
            _ if slashes > 0 && before > slashes => {}
            _ if slashes == 0 && before % 2 == 1 && quote == '"' => {}
            _ => return start..end - before.min(slashes),
        }
    }
    start..text.len()
}

/// `O'Brien`: whether the quote at `at` stands between two letters.
pub fn is_apostrophe(text: &str, at: usize) -> bool {
    let letter = |letter: char| letter.is_ascii_alphabetic() || !letter.is_ascii();
    text[..at].ends_with(letter) && text[at + 1..].starts_with(letter)
}

/// Whether the part of an identifier of Jabber behind the slash ends at `at`; between quotes it may hold spaces.
pub fn ends_resource(text: &str, at: usize, quote: Option<char>) -> bool {
    let (letter, rest) = (text[at..].chars().next().unwrap_or_default(), &text[at..]);
    match quote {
        None => letter <= ' ' || ",;)(][}><\"'|&\\".contains(letter),
        Some('\'') if letter == '\'' => !is_apostrophe(text, at),
        Some(_) if letter == '\\' => rest.len() == 1 || rest[1..].starts_with(['"', '\'', '\\', 'n', 'r']),
        Some(quote) => letter == quote || letter == '\n' || letter == '<',
    }
}

/// How far it is to the end of what `close` closes, or of the line; brackets in it are closed before.
pub fn innermost(text: &str, close: char) -> usize {
    let line = text.split('\n').next().unwrap_or_default();
    let open = if close == ']' { '[' } else { '(' };
    let balanced = |end: &usize| line[..*end].matches(open).count() < line[..=*end].matches(close).count();
    line.match_indices(close).map(|(end, _)| end).find(balanced).unwrap_or(line.len())
}

/// Takes another finding: those that share bytes become one, and the longest says what it is; of equals, what a key says.
pub fn merged(all: Vec<Plain>, new: Plain) -> Vec<Plain> {
    let said = |what: &str| what.starts_with(|first: char| first.is_ascii_uppercase());
    let (shared, mut apart): (Vec<Plain>, Vec<Plain>) =
        all.into_iter().partition(|old| old.0 < new.1 && new.0 < old.1);
    let mut longest = new.1 - new.0;
    let mut whole = new;
    for old in shared {
        let length = old.1 - old.0;
        if length > longest || (length == longest && said(&old.2)) {
            (longest, whole.2) = (length, old.2);
        }
        (whole.0, whole.1) = (whole.0.min(old.0), whole.1.max(old.1));
    }
    apart.push(whole);
    apart.sort();
    apart
}

/// Sixteen pairs of hexadecimal digits or more between colons.
pub fn fingerprints(text: &str) -> Vec<Plain> {
    let mut all = Vec::new();
    let mut at = 0;
    for run in text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit() && letter != ':') {
        let pairs = run.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit());
        if pairs.split(':').count() >= 16 && pairs.split(':').all(|pair| pair.len() == 2) {
            all.push((at, at + pairs.len(), "Session".to_owned()));
        }
        at += run.len();
    }
    all
}

/// `"Name" <address@…`.
pub fn names_before_addresses(text: &str) -> Vec<Plain> {
    let mut all = Vec::new();
    for (sign, _) in text.match_indices('@') {
        let Some(open) = text[..sign].rfind('<').filter(|open| sign - open <= 256) else { continue };
        // Not an element with attributes.
        if text[open..sign].contains(' ') {
            continue;
        }
        let spaces = text[..open].chars().rev().take(2).take_while(|&letter| letter == ' ').count();
        let Some(name) = text[..open - spaces].strip_suffix('"') else { continue };
        let Some(quote) = name.rfind('"').filter(|quote| name.len() - quote <= 256) else { continue };
        if name[quote + 1..].contains(char::is_alphanumeric) {
            all.push((quote + 1, name.len(), "Name".to_owned()));
        }
    }
    all
}
