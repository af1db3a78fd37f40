//! Elements of XML whose name says what their text is: `<nick>Anna</nick>`.

use memchr::{memchr, memrchr};

use super::Search;
use super::bytes::is_key;
use super::keyed::{ELEMENT_MAX, KEY_MAX, VALUE_MAX, take};
use super::vocabulary::{Says, Sense, element};

/// Looks at the `/` of `</key>`: the element's text stands before it.
pub(super) fn closing_tag(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    if here == 0 || text[here - 1] != b'<' {
        return;
    }
    let length =
        text[here + 1..].iter().take(KEY_MAX).take_while(|&&byte| is_key(byte) || byte == b':').count();
    let name = &text[here + 1..here + 1 + length];
    let name = memchr(b':', name).map_or(name, |colon| &name[colon + 1..]);
    let Some((says, sense)) = said(name) else { return };
    let end = here - 1;
    let from = end.saturating_sub(VALUE_MAX);
    let start = memrchr(b'>', &text[from..end]).map_or(from, |open| from + open + 1);
    take(search, start, end, says, sense);
}

/// Looks at the end of a text: an element that was cut off before it was closed.
pub(super) fn cut_element(search: &mut Search<'_>) {
    let text = search.text;
    let from = text.len().saturating_sub(ELEMENT_MAX);
    let Some(last) = memrchr(b'<', &text[from..]).map(|place| from + place) else { return };
    // `<nick>Pim`, or `<nick>Pim</ni`.
    let (open, end) = if text.get(last + 1) == Some(&b'/') {
        let Some(open) = memrchr(b'<', &text[from..last]) else { return };
        (from + open, last)
    } else {
        (last, text.len())
    };
    let tag = &text[open + 1..end];
    let length = tag.iter().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    let Some(close) = memchr(b'>', tag) else { return };
    if memchr(b'>', &text[last..]).is_some_and(|_| end == last) || tag[..close].ends_with(b"/") {
        return;
    }
    let Some((says, sense)) = said(&tag[..length]) else { return };
    take(search, open + 1 + close + 1, end, says, sense);
}

/// What an element of this name says of its text. A `name` that is an element is somebody's.
fn said(name: &[u8]) -> Option<(Says, Sense)> {
    let says = element(name)?;
    let sense = if says == Says::Name { Some(Sense::Name) } else { says.sense() };
    Some((says, sense?))
}
