//! Values that a key beside them says something of.
//!
//! ```text
//! key=value   key='value'   key: value   "key":"value"   \"key\":\"value\"   &quot;key&quot;:&quot;value&quot;   key=<value>
//! ["key"] = "value"   key => value   <<"key">> => <<"value">>   <property name='key' value='value'/>
//! ```
//! The sieve marks what stands between key and value. The key is read backwards from there, bounded; the value
//! forwards, as far as its quotes or the grammar of unquoted values go. What the keys mean is said in [`super::vocabulary`].
//! A value is taken once: separators inside it are passed over.

use memchr::{memchr, memchr2, memrchr};

use super::bytes::{ALNUM, DIGIT, HEX, HIGH, LETTER, is, is_key};
use super::enclosed::Value;
use super::endpoints::is_random;
use super::vocabulary::{Says, Sense, is_nothing, may_end, says};
use super::{Context, Finding, Search, What, parameters, persons, prose};

/// Bytes of the longest key.
pub(super) const KEY_MAX: usize = 40;

/// Bytes of the longest value without quotes; and how far back the beginning of an element's text is looked for.
pub(super) const VALUE_MAX: usize = 2048;

/// How far before an attribute its element is looked for.
pub(super) const ELEMENT_MAX: usize = 256;

/// Looks at a `=` or `:` between a key and a value.
#[inline]
pub(super) fn separator(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    // Behind a quote or a dash stands what is not seen at a glance; behind one letter, perhaps the line of a description.
    let word = here > 1 && is(text[here - 1], LETTER) && is(text[here - 2], ALNUM);
    if here >= search.done.keyed
        && (!word || may_end(text, here) || as_whom(text, here) || of_property(text, here))
    {
        key_and_value(search, here);
    }
}

/// True at the end of `authenticated as`: `Jid … authenticated as: alice`.
#[inline]
fn as_whom(text: &[u8], here: usize) -> bool {
    text[..here].last() == Some(&b's') && text[..here].ends_with(b"authenticated as")
}

/// True at the end of an attribute `value`.
#[inline]
fn of_property(text: &[u8], here: usize) -> bool {
    text[..here].last() == Some(&b'e') && text[..here].ends_with(b" value")
}

/// What a property says of its value, which is another attribute: `<property name='displayName' value='Anna'/>`.
fn property(text: &[u8], key: (usize, usize)) -> Option<Says> {
    if &text[key.0..key.1] != b"value" {
        return None;
    }
    let before = text[..key.0].strip_suffix(b" ")?;
    let (quote, before) = before.split_last().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    let from = before.len().saturating_sub(KEY_MAX);
    let open = from + memrchr(*quote, &before[from..])?;
    let named = before[..open].ends_with(b" name=");
    says(&before[open + 1..]).filter(|says| named && matches!(says, Says::Is(_)))
}

#[inline(never)]
fn key_and_value(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let Some((key, quoted)) = key_before(text, here) else { return };
    let said = says(&text[key.0..key.1])
        .or_else(|| property(text, key))
        .or_else(|| single(search, key, here))
        .or_else(|| failed(text, key));
    let Some(says) = said else { return };
    if key.0 > 0 && text[key.0 - 1] == b'(' && matches!(says, Says::IfWord(_)) {
        return prose::numbered(search, key.0 - 1);
    }
    match says {
        Says::Stream => return stream(search, here),
        Says::Page if search.context == Context::Meeting => return page(search, here),
        Says::Page => return,
        _ => {}
    }
    // A request within a message: its values end as those of a URL do.
    if key.0 > 0 && matches!(text[key.0 - 1], b'?' | b'&') && text[here] == b'=' {
        return parameters::visit(search, here);
    }
    // `Foo::user`, `https://user`, `==`.
    if matches!(text.get(here + 1), Some(b':' | b'=')) || text[here + 1..].starts_with(b"//") {
        return;
    }
    // `user => 'alice'`, as Ruby and Erlang write.
    let arrow = text[here] == b'=' && text.get(here + 1) == Some(&b'>');
    let Some(value) = Value::read(text, here + 1 + usize::from(arrow), says, text[here] == b':') else {
        return;
    };
    let sense = match says {
        Says::Name => persons::named(search, key, quoted, &value),
        _ => says.sense(),
    };
    let Some(sense) = sense else { return };
    // Of what is no value of this key, a part may be one of another: `session: user=alice`.
    let taken = take(search, value.start, value.end, says, sense);
    search.done.keyed = search.done.keyed.max(if taken { value.end } else { value.start });
}

/// `rtmp://host/application/key`: takes what stands behind the last slash.
fn stream(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let Some(address) = text[here + 1..].strip_prefix(b"//") else { return };
    let start = here + 3;
    let ends =
        |byte: &u8| matches!(byte, b' ' | b'"' | b'\'' | b',' | b')' | b']' | b'>' | b'<' | b'\n' | b'\r');
    let end = start + address.iter().take(VALUE_MAX).position(ends).unwrap_or(address.len().min(VALUE_MAX));
    if let Some(slash) = memrchr(b'/', &text[start..end]) {
        take(search, start + slash + 1, end, Says::Stream, Sense::Secret);
    }
}

/// `https://host/room`: takes the one name that such a path has, as the web server's policy does with paths of its own.
fn page(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let Some(address) = text[here + 1..].strip_prefix(b"//") else { return };
    let word = |text: &[u8]| {
        let ends = |byte: &u8| {
            matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b',' | b')' | b']' | 0..=b' ')
        };
        text.iter().take(VALUE_MAX).position(ends).unwrap_or(text.len().min(VALUE_MAX))
    };
    let host = word(address);
    let Some(path) = address[host..].strip_prefix(b"/") else { return };
    let length = word(path);
    let sentence = path[..length].iter().rev().take_while(|&&byte| matches!(byte, b'.' | b':')).count();
    let room = &path[..length - sentence];
    let thing = memchr(b'.', room).is_some() || matches!(room, b"http-bind" | b"xmpp-websocket");
    if !thing && path.get(length) != Some(&b'/') {
        let start = here + 3 + host + 1;
        take(search, start, start + room.len(), Says::Page, Sense::Room);
    }
}

/// The key that ends before the separator at `here`, and whether it stands in quotes.
pub(super) fn key_before(text: &[u8], here: usize) -> Option<((usize, usize), bool)> {
    let mut end = here;
    // `key = value` is how settings are written; a colon behind a space is punctuation, but for `"key" : "value"`.
    let spaced = text[here] == b'=' || matches!(text[..end], [.., b'"' | b'\'', b' ']);
    if spaced && text[..end].ends_with(b" ") {
        end -= 1;
    }
    let bare = end;
    // `["key"] = value`, as Lua prints a table; `<<"key">> => value`, as Erlang prints a map.
    match text[..end] {
        [.., b'"' | b'\'', b']'] => end -= 1,
        [.., b'"', b'>', b'>'] => end -= 2,
        _ => {}
    }
    if let Some(b'"' | b'\'') = text[..end].last() {
        end -= 1;
        let slashes = text[..end].iter().rev().take(8).take_while(|&&byte| byte == b'\\').count();
        end -= slashes;
    } else if text[..end].ends_with(b"&quot;") || text[..end].ends_with(b"&apos;") {
        end -= b"&quot;".len();
    }
    let length = text[..end].iter().rev().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    // A word that goes on in another alphabet is none of ours.
    let whole = length > 0 && length < KEY_MAX && !(end > length && is(text[end - length - 1], HIGH));
    whole.then_some(((end - length, end), end < bare))
}

/// `Login failed: alice`, as Nextcloud says.
fn failed(text: &[u8], key: (usize, usize)) -> Option<Says> {
    (&text[key.0..key.1] == b"failed").then(|| prose::two_words(text, key.0, key.1))?
}

/// Keys of one letter: the lines of a session description (RFC 8866), and nothing else.
fn single(search: &mut Search<'_>, key: (usize, usize), here: usize) -> Option<Says> {
    let text = search.text;
    if key.1 - key.0 != 1 || text[here] != b'=' {
        return as_whom(text, key.1).then_some(Says::Is(Sense::User));
    }
    let begins = key.0 == 0 || text[key.0 - 1] == b'\n' || text[..key.0].ends_with(b"\\n");
    let rest = &text[here + 1..];
    match text[key.0] {
        _ if !begins => None,
        b'o' => {
            let line = &rest[..rest.len().min(ELEMENT_MAX)];
            let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
            let mut words = line.splitn(4, |&byte| byte == b' ');
            let (_user, id, version) = (words.next()?, words.next()?, words.next()?);
            let numbers =
                [id, version].iter().all(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit));
            search.done.described = numbers;
            (numbers && rest[0] != b'-').then_some(Says::Is(Sense::User))
        }
        b's' | b'i' | b'u' | b'e' | b'p' if search.done.described => Some(Says::Is(Sense::Name)),
        _ => None,
    }
}

/// Takes bytes `start..end` if they can be what their key says, and tells whether they are settled.
pub(super) fn take(search: &mut Search<'_>, start: usize, end: usize, says: Says, sense: Sense) -> bool {
    let found = judged(search.text, start, end, says, sense);
    if let Some(found) = found {
        search.push(found);
    }
    found.is_some()
}

/// Bytes `start..end` as a finding, if they can be what their key says.
pub(super) fn judged(text: &[u8], start: usize, end: usize, says: Says, sense: Sense) -> Option<Finding> {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let start = start + text[start..end].iter().take_while(blank).count();
    let mut end = end - text[start..end].iter().rev().take_while(blank).count();
    let value = &text[start..end];
    if value.is_empty() || is_nothing(value) || !value.iter().any(|&byte| is(byte, ALNUM | HIGH)) {
        return None;
    }
    match says {
        Says::IfRandom(_) if !is_random(value) => return None,
        Says::IfWord(_) if !is(value[0], LETTER | HIGH) || is_random(value) => return None,
        Says::Person if !is_random(value) && !persons::is_full_name(value) => return None,
        Says::IfLong(_) if value.len() < 8 || !value.iter().any(|&byte| is(byte, DIGIT)) => return None,
        _ => {}
    }
    if let Some(sign) = memchr(b'@', value) {
        match sense {
            // A name around an address: all of it is the name's, since nothing says where it ends.
            Sense::User | Sense::Jid | Sense::Email if memchr2(b' ', b'<', value).is_some() => {
                return Some(Finding { start, end, what: What::Said(Sense::Name) });
            }
            // Accounts with a host are found by their sign.
            Sense::User | Sense::Jid | Sense::Email if sign > 0 => return None,
            // `MucImpl@71c78138` is an object of Java.
            Sense::Room if is_object(value, sign) => return None,
            Sense::Room => {
                end = start + memchr(b'/', &value[sign..]).map_or(value.len(), |slash| sign + slash);
            }
            _ => {}
        }
    }
    let sense = if sense == Sense::Name && is_random(value) { Sense::Endpoint } else { sense };
    Some(Finding { start, end, what: What::Said(sense) })
}

/// A class and its identity, as Java prints an object.
fn is_object(value: &[u8], sign: usize) -> bool {
    let identity = &value[sign + 1..];
    (1..=8).contains(&identity.len())
        && identity.iter().all(|&byte| is(byte, HEX))
        && value[..sign].iter().any(u8::is_ascii_uppercase)
}
