//! Percent-encoded identifiers: `%5B2001%3Adb8%3A%3A1%5D`, `203%2E0%2E113%2E7`, `user%40example.org`.
//!
//! An escaped `@` goes to `mail`, which decodes as it reads. An escaped dot or colon has the text around it decoded into a window
//! on the stack, where the ordinary confirmers search; positions are carried back. No address is longer than [`REACH`]
//! bytes, fully escaped twice over or not, so a window of that reach before and twice that after each [`REACH`] bytes misses
//! none. What touches the end of a window where the text goes on is longer than an address, and is left.

use super::bytes::escape_at;
use super::{Done, Finding, Search, mail, sieve};

/// Longer than 39 characters of an address with each separator escaped twice, or each character once.
const REACH: usize = 128;

/// Bytes of a window, before decoding.
const SIZE: usize = 3 * REACH;

/// How a window lies in the text that it was decoded from.
pub(super) struct Window<'a> {
    /// For each decoded byte, its place in the text; one more for the end.
    places: &'a [u32],
    /// The window begins where the text begins.
    first: bool,
    /// The window ends where the text ends.
    last: bool,
}

impl Window<'_> {
    /// A finding of the window as one of the text. `None` when it touches a cut edge, or was not escaped at all: then the
    /// ordinary search has it.
    pub(super) fn outside(&self, found: Finding) -> Option<Finding> {
        let cut = (found.start == 0 && !self.first) || (found.end + 1 == self.places.len() && !self.last);
        let (start, end) = (self.places[found.start] as usize, self.places[found.end] as usize);
        (!cut && end - start > found.end - found.start).then_some(Finding { start, end, ..found })
    }
}

/// Looks at a `%`.
pub(super) fn visit(search: &mut Search<'_>, here: usize) {
    match escape_at(search.text, here) {
        Some((b'@', length)) => mail::visit(search, here, length),
        Some((b'.' | b':' | b'-' | b'_', _)) if search.window.is_none() && here >= search.done.escapes => {
            window(search, here);
            search.done.escapes = here + REACH;
        }
        _ => {}
    }
}

fn window(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let mut start = here.saturating_sub(REACH);
    // Not inside an escape.
    for back in 1..5 {
        if start >= back && escape_at(text, start - back).is_some_and(|(_, length)| length > back) {
            start -= back;
            break;
        }
    }
    let end = text.len().min(here + 2 * REACH);
    let mut decoded = [0; SIZE + 8];
    let mut places = [0; SIZE + 9];
    let mut length = 0;
    let mut place = start;
    while place < end {
        let (byte, taken) = escape_at(text, place).unwrap_or((text[place], 1));
        decoded[length] = byte;
        places[length] = place as u32;
        length += 1;
        place += taken;
    }
    places[length] = place as u32;
    let window = Window { places: &places[..=length], first: start == 0, last: place >= text.len() };
    let mut inner = Search {
        text: &decoded[..length],
        context: search.context,
        out: &mut *search.out,
        done: Done::default(),
        window: Some(window),
    };
    sieve::each::<{ sieve::NOTHING }>(&decoded, length, |at| {
        // Only what dots, colons and dashes hold together; the rest needs no decoding.
        if !matches!(inner.text[at], b'@' | b'%' | b'J') {
            inner.visit(at);
        }
    });
}
