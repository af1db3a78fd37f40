//! Parameters of URLs: the key stands behind `?`, `&` or `;`, the value reaches to the next of them.

use memchr::memrchr;

use super::bytes::is_key;
use super::enclosed::RANDOM_MAX;
use super::keyed::{KEY_MAX, VALUE_MAX, judged};
use super::vocabulary::{Says, says};
use super::{Finding, Search, What};

/// Looks at a `=`.
pub(super) fn visit(search: &mut Search<'_>, here: usize) {
    if here < search.done.keyed {
        return;
    }
    if let Some((found, end)) = value(search.text, here) {
        search.push(found);
        search.done.keyed = end;
    }
}

/// The value behind the `=` at `here` if its key says something of it, and where it ends.
fn value(text: &[u8], here: usize) -> Option<(Finding, usize)> {
    let part = |byte: &&u8| is_key(**byte) || **byte == b'.';
    let length = text[..here].iter().rev().take(KEY_MAX).take_while(part).count();
    let key = &text[here - length..here];
    // `config.displayName`: the key is what stands behind the last dot.
    let says = says(&key[memrchr(b'.', key).map_or(0, |dot| dot + 1)..])?;
    let sense = says.sense()?;
    let start = here + 1;
    let bytes_max = if matches!(says, Says::IfRandom(_)) { RANDOM_MAX } else { text.len() };
    let window = &text[start..text.len().min(start.saturating_add(bytes_max))];
    let ends = |byte: &u8| matches!(byte, b'&' | b';' | b'#' | b' ' | b'"');
    let length = window.iter().position(ends).unwrap_or(window.len());
    let end = start + length;
    if length > VALUE_MAX {
        // So long that it is not read again for what may stand in it.
        return Some((Finding { start, end, what: What::Said(sense) }, end));
    }
    judged(text, start, end, says, sense).map(|found| (found, end))
}
