//! Elements whose name says what their text is, the obvious way: whole, escaped, shown as they are, or cut off.

use std::ops::Range;

use super::Plain;
use super::values::says;

const SIGNS: [(&str, &str); 3] = [("<", ">"), ("&lt;", "&gt;"), ("&amp;lt;", "&amp;gt;")];
const CDATA: &str = "<![CDATA[";

/// The texts of elements that are closed: where that was seen, what, and the letter of its name.
pub fn closed(text: &str) -> Vec<(usize, Range<usize>, char)> {
    let mut all = Vec::new();
    for (opening, closing) in SIGNS {
        for (at, found) in text.match_indices(&format!("{opening}/")) {
            let letter = letter(&text[at + found.len()..]);
            let before = &text[..at];
            let (start, end) = match before.strip_suffix("]]>") {
                Some(shown) => (shown.rfind(CDATA).map_or(0, |open| open + CDATA.len()), shown.len()),
                None => (opened(before, opening, closing), at),
            };
            if letter != '-' && start < end {
                all.push((at + opening.len(), start..end, letter));
            }
        }
    }
    all
}

/// Where the text of the element begins that ends with `before`.
fn opened(before: &str, opening: &str, closing: &str) -> usize {
    let tag = before.rfind(opening);
    let inside = tag.and_then(|tag| before[tag..].find(closing).map(|close| tag + close));
    inside.or_else(|| before.rfind(closing)).map_or(0, |close| close + closing.len())
}

/// The text of an element of which the end is missing, with tags between signs of one of the three kinds. Nothing that was found
/// before is a tag.
pub fn cut(text: &str, kind: usize, found: &[Plain]) -> Option<(Range<usize>, char)> {
    let (opening, closing) = SIGNS[kind];
    let (mut open, mut end) = (text.rfind(opening)?, text.len());
    if !text[open..].contains(closing) && !text[open..].starts_with(CDATA) {
        (open, end) = (text[..open].rfind(opening)?, open);
    }
    let mut start = None;
    if text[open..].starts_with(CDATA) {
        start = Some(open + CDATA.len());
        end = text[..end].strip_suffix("]]>").map_or(end, str::len);
        open = text[..open].rfind(opening)?;
    }
    let (tag, _) = text[open + opening.len()..end].split_once(closing)?;
    let close = open + opening.len() + tag.len();
    let letter = letter(tag);
    let start = start.unwrap_or(close + closing.len());
    let named = found.iter().any(|found| found.0 <= close && found.1 > open);
    (letter != '-' && !tag.ends_with('/') && !named && start < end).then_some((start..end, letter))
}

/// What the name says that a tag begins with.
fn letter(tag: &str) -> char {
    let part = |letter: char| letter.is_ascii_alphanumeric() || "_-:".contains(letter);
    let name = &tag[..tag.find(|letter| !part(letter)).unwrap_or(tag.len())];
    let name = name.split_once(':').map_or(name, |(_, name)| name);
    match name.to_lowercase().as_str() {
        "body" | "subject" | "status" => 'x',
        "name" | "given" | "family" => 'n',
        _ => says(name),
    }
}

pub const KINDS: usize = SIGNS.len();
