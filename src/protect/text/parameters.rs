//! Parameters of URLs: the key stands behind `?`, `&` or `;`, the value reaches to the next of them.

use super::bytes::is_key;
use super::enclosed::RANDOM_MAX;
use super::keyed::{KEY_MAX, VALUE_MAX, judged};
use super::vocabulary::{Says, may_end, says};
use super::{Finding, Search, What};

/// Looks at a `=`.
pub(super) fn visit(search: &mut Search<'_>, here: usize) {
    if here < search.done.keyed || !may_end(search.text, here) {
        return;
    }
    if let Some((found, end)) = value(search.text, here) {
        search.push(found);
        search.done.keyed = end;
    }
}

/// The value behind the `=` at `here` if its key says something of it, and where it ends.
fn value(text: &[u8], here: usize) -> Option<(Finding, usize)> {
    // `config.displayName`: the key is what stands behind the last dot.
    let length = text[..here].iter().rev().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    let says = says(&text[here - length..here])?;
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
