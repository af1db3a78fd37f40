//! Lists of addresses: `X-Forwarded-For`, RFC 7239 `Forwarded`, nginx upstream lists.
//!
//! A list is cut at commas and semicolons, and at ` : ` between nginx's redirect groups; a quote hides no comma (proxies
//! disagree on quoting). An item is trimmed of spaces and quotes; what stands before `=` in `for=…` or `by=…` stays outside.

use super::field::{Column, parse_field};

/// One item of a list: bytes `start..end` of the list without spaces, quotes and the parameter's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is, with positions counted from the beginning of the list; `None` when it is text to be scrubbed.
    pub column: Option<Column>,
}

/// The items of a list, in order; see [`items`].
pub struct Items<'a> {
    list: &'a [u8],
    here: usize,
}

/// Splits a list. Empty items and `-` are left out; every other byte outside the items is punctuation or a parameter's name.
pub const fn items(list: &[u8]) -> Items<'_> {
    Items { list, here: 0 }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while self.here < self.list.len() {
            let begin = self.here;
            let length = separator(&self.list[begin..]);
            self.here = begin + length + 1;
            let (start, end) = trim(self.list, begin, begin + length);
            if start == end || &self.list[start..end] == b"-" {
                continue;
            }
            let column = parse_field(&self.list[start..end]).map(|column| moved(column, start));
            return Some(Item { start, end, column });
        }
        None
    }
}

/// Where the next separator stands.
fn separator(list: &[u8]) -> usize {
    list.iter()
        .enumerate()
        .position(|(place, &byte)| {
            matches!(byte, b',' | b';')
                || (byte == b':'
                    && place > 0
                    && list[place - 1] == b' '
                    && list.get(place + 1).is_none_or(|&next| next == b' '))
        })
        .unwrap_or(list.len())
}

/// Leaves out spaces, quotes and the name of a parameter.
fn trim(list: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    let outer = |byte: u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\');
    while start < end && outer(list[start]) {
        start += 1;
    }
    while end > start && outer(list[end - 1]) {
        end -= 1;
    }
    // `for=`, `by=`, and whatever else a proxy writes; `host=` and `proto=` are then host names.
    let name = list[start..end].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if name > 0 && list[start..end].get(name) == Some(&b'=') {
        return trim(list, start + name + 1, end);
    }
    (start, end)
}

/// The same column with positions of the list.
const fn moved(column: Column, by: usize) -> Column {
    match column {
        Column::Address { address, start, end } => {
            Column::Address { address, start: start + by, end: end + by }
        }
        Column::Masked { address, start, end } => {
            Column::Masked { address, start: start + by, end: end + by }
        }
        other => other,
    }
}
