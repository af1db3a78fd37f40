//! Members of tuples and records of Erlang, the obvious way.

use std::ops::Range;

use super::values::{bracketed, says};

/// The members that the first key of a tuple says something of, and where the last of them ends; the first begins at `at`.
pub fn members(text: &str, at: usize) -> Option<(Vec<(Range<usize>, char)>, usize)> {
    let before = text[..at].strip_suffix(',')?;
    let before = before.strip_suffix("\">>").unwrap_or(before);
    let (_, key) = before.rsplit_once('{')?;
    let key = key.strip_prefix("<<\"").unwrap_or(key);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let letter = Some(says(key)).filter(|letter| "nsurimx".contains(*letter) && key.chars().all(plain))?;
    let (mut all, mut end, mut next) = (Vec::new(), at, at);
    for place in 0..16 {
        let (value, after) = member(text, next);
        let letter = match place % 3 {
            1 if key == "jid" => '-',
            2 if key == "jid" => 'i',
            _ => letter,
        };
        all.extend(value.map(|value| (value, letter)));
        end = after;
        if !text[end..].starts_with(',') {
            break;
        }
        next = end + 1;
    }
    Some((all, end))
}

/// What stands in the string or binary at `at`, if one does, and where this member ends.
fn member(text: &str, at: usize) -> (Option<Range<usize>>, usize) {
    let rest = &text[at..];
    if let Some(empty) = ["\"\"", "<<\"\">>", "<<>>", "[]"].iter().find(|empty| rest.starts_with(**empty)) {
        return (None, at + empty.len());
    }
    let Some(closing) = [("<<\"", "\">>"), ("\"", "\"")].iter().find(|(open, _)| rest.starts_with(open))
    else {
        let atom = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        return (None, at + rest.find(|letter| !atom(letter)).unwrap_or(rest.len()));
    };
    let Some(value) = bracketed(text, at) else { return (None, at) };
    let closed = text[value.end..].starts_with(closing.1);
    let end = value.end + if closed { closing.1.len() } else { 0 };
    (Some(value), end)
}
