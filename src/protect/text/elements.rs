//! Elements of XML whose name says what their text is: `<nick>Anna</nick>`, also where the log escaped them or they were cut off.

use memchr::{memchr, memmem, memrchr_iter, memrchr2};

use super::Search;
use super::bytes::is_key;
use super::keyed::{KEY_MAX, VALUE_MAX, take};
use super::vocabulary::{Says, Sense, element};

/// What stands around the text of an element that is shown as it is.
const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// What opens and closes a tag: escaped, and the escapes again.
const SIGNS: [(&[u8], &[u8]); 3] = [(b"<", b">"), (b"&lt;", b"&gt;"), (b"&amp;lt;", b"&amp;gt;")];

/// Looks at the `/` of `</key>` or `&lt;/key&gt;`: the element's text stands before it.
pub(super) fn closing_tag(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let Some((opening, closing)) = SIGNS.into_iter().find(|(opening, _)| text[..here].ends_with(opening))
    else {
        return;
    };
    let end = here - opening.len();
    let Some((says, sense)) = said(name_at(&text[here + 1..])) else { return };
    let from = end.saturating_sub(VALUE_MAX);
    let shown = text[..end].ends_with(CDATA_END).then(|| end - CDATA_END.len());
    let (start, end) = if let Some(end) = shown {
        (last_of(&text[..end], from, CDATA).map_or(from, |open| open + CDATA.len()), end)
    } else {
        // The text may hold what closes a tag, but nothing that opens one.
        let tag = last_of(&text[..end], from, opening);
        let close = tag.and_then(|tag| Some(tag + memmem::find(&text[tag..end], closing)?));
        let close = close.or_else(|| last_of(&text[..end], from, closing));
        (close.map_or(from, |close| close + closing.len()), end)
    };
    if start < end {
        take(search, start, end, says, sense);
    }
}

/// The name of an element at the beginning of `tag`, without its prefix.
fn name_at(tag: &[u8]) -> &[u8] {
    let length = tag.iter().take(KEY_MAX).take_while(|&&byte| is_key(byte) || byte == b':').count();
    let name = &tag[..length];
    memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
}

/// Looks at the end of a text: an element that was cut off before it was closed.
pub(super) fn cut_element(search: &mut Search<'_>) {
    let tail = &search.text[search.text.len().saturating_sub(VALUE_MAX)..];
    if memrchr2(b'<', b';', tail).is_some() {
        for (opening, closing) in SIGNS {
            cut_from(search, opening, closing);
        }
    }
}

/// As [`cut_element`] for tags between two signs: `<nick>Pim`, `<nick>Pim</ni`, `<nick>Pim<`, `<nick><![CDATA[Pim`.
fn cut_from(search: &mut Search<'_>, opening: &[u8], closing: &[u8]) {
    let text = search.text;
    let from = text.len().saturating_sub(VALUE_MAX);
    let Some(last) = last_of(text, from, opening) else { return };
    let (mut open, mut end) = (last, text.len());
    if !text[last..].starts_with(CDATA) && memmem::find(&text[last..], closing).is_none() {
        // This tag was cut off itself: the text ends where it begins.
        let Some(before) = last_of(&text[..last], from, opening) else { return };
        (open, end) = (before, last);
    }
    let mut start = None;
    if text[open..].starts_with(CDATA) {
        start = Some(open + CDATA.len());
        end -= if text[..end].ends_with(CDATA_END) { CDATA_END.len() } else { 0 };
        let Some(before) = last_of(&text[..open], from, opening) else { return };
        open = before;
    }
    let tag = &text[open + opening.len()..end];
    let Some(close) = memmem::find(tag, closing).filter(|&close| !tag[..close].ends_with(b"/")) else {
        return;
    };
    let Some((says, sense)) = said(name_at(tag)) else { return };
    // `user <user>: text` is somebody in brackets, and no element.
    if search.out.iter().rev().any(|found| found.start <= open + opening.len() + close && found.end > open) {
        return;
    }
    let start = start.unwrap_or(open + opening.len() + close + closing.len());
    if start < end {
        take(search, start, end, says, sense);
    }
}

/// Where `sign` begins for the last time in `text`, from `from` on.
fn last_of(text: &[u8], from: usize, sign: &[u8]) -> Option<usize> {
    let (&last, _) = sign.split_last()?;
    let mut places = memrchr_iter(last, text.get(from..)?);
    places.find_map(|place| text[..=from + place].ends_with(sign).then(|| from + place + 1 - sign.len()))
}

/// What an element of this name says of its text. A `name` that is an element is somebody's.
fn said(name: &[u8]) -> Option<(Says, Sense)> {
    let says = element(name)?;
    let sense = if says == Says::Name { Some(Sense::Name) } else { says.sense() };
    Some((says, sense?))
}
