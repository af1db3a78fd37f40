//! What a room, an endpoint or an identifier of Jabber means, however it is written: the value behind the spelling.
//!
//! *In*: a value as it stands in a path, a parameter, a stanza or a message. *Out*: the one spelling of which tokens are made. *Promised*:
//! `room@conference.example.org/nick`, `?room=Room%20Name`, `/Room%20Name` and `room%20name` are one room; `/tenant/room` and
//! `[tenant]room@…` are one. *Not here*: letter case and normal form (`identifier`), finding (`text`).
//!
//! The web client of Jitsi percent-encodes a room before it becomes an identifier, perhaps twice over; Jabber escapes what it forbids
//! by XEP-0106 (`\20`); stanzas in logs are escaped as XML.

use memchr::{memchr, memchr3};

use super::text::is_uuid;

/// Escapes within escapes that are undone.
const ROUNDS_MAX: usize = 3;

/// Digits of a UUID that name an endpoint: lib-jitsi-meet makes a guest's nickname of the first eight characters of its account
/// (`JitsiConference.resourceCreator`), and the bridge logs as many of a meeting's.
const ENDPOINT_DIGITS: usize = 8;

/// Writes the room that `value` names: percent-escapes, XML and XEP-0106 undone, host and occupant dropped, a tenant kept. `out` is
/// emptied first.
pub fn room(value: &[u8], out: &mut Vec<u8>) {
    unescape(value, out);
    if let Some(sign) = memchr(b'@', out) {
        out.truncate(sign);
    }
    // `[tenant]room`, as Prosody's `mod_muc_domain_mapper` writes it, is `tenant/room` of the web.
    if out.first() == Some(&b'[')
        && let Some(close) = memchr(b']', out)
    {
        out[close] = b'/';
        out.remove(0);
    }
}

/// The part of an endpoint's or a meeting's identifier that every log has.
pub fn endpoint(value: &[u8]) -> &[u8] {
    let whole = value.get(..36).is_some_and(is_uuid) && value.get(36).is_none_or(|&byte| byte == b'@');
    if whole { &value[..ENDPOINT_DIGITS] } else { value }
}

/// Writes `value` without its escapes. `out` is emptied first.
pub fn unescape(value: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(value);
    for _ in 0..ROUNDS_MAX {
        if !undo(out) {
            break;
        }
    }
}

/// Undoes one layer of escapes in place; false when there was none.
fn undo(text: &mut Vec<u8>) -> bool {
    let Some(first) = memchr3(b'%', b'&', b'\\', text) else { return false };
    let (mut from, mut to) = (first, first);
    while from < text.len() {
        let (byte, length) = escape(&text[from..]).unwrap_or((text[from], 1));
        text[to] = byte;
        to += 1;
        from += length;
    }
    let changed = to < text.len();
    text.truncate(to);
    changed
}

/// The byte that an escape at the beginning of `rest` means, and its length.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    const ENTITIES: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    let hex = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    match rest {
        [b'%', high, low, ..] => Some((hex(*high)? << 4 | hex(*low)?, 3)),
        // XEP-0106 has ten of them, all of ASCII's punctuation.
        [b'\\', high @ b'2'..=b'5', low, ..] => {
            let byte = hex(*high)? << 4 | hex(*low)?;
            b" \"&'/:<>@\\".contains(&byte).then_some((byte, 3))
        }
        [b'\\', quote @ (b'"' | b'\'' | b'\\' | b'/'), ..] => Some((*quote, 2)),
        [b'&', ..] => ENTITIES
            .iter()
            .find(|(entity, _)| rest.starts_with(entity))
            .map(|(entity, byte)| (*byte, entity.len())),
        _ => None,
    }
}

/// What an identifier of Jabber is made of.
pub struct Jid<'a> {
    /// The account or room; all of it when there is no host.
    pub local: &'a [u8],
    /// What stands behind the slash.
    pub resource: Option<&'a [u8]>,
}

impl<'a> Jid<'a> {
    /// Takes `value` apart.
    pub fn of(value: &'a [u8]) -> Self {
        let sign = memchr(b'@', value).unwrap_or(value.len());
        let resource = memchr(b'/', &value[sign..]).map(|slash| &value[sign + slash + 1..]);
        let local = &value[..sign];
        // A tenant is no part of the name that stands elsewhere.
        let plain = memchr(b']', local)
            .filter(|_| local.first() == Some(&b'['))
            .map_or(local, |close| &local[close + 1..]);
        Self { local: plain, resource }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> String {
        let mut out = Vec::new();
        room(value.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_room_however_it_is_written() {
        for spelling in [
            "team talk",
            "team%20talk",
            "team%2520talk",
            "team%20talk@conference.example.org/49517bef",
            r"team\20talk@muc.example.org",
        ] {
            assert_eq!(of(spelling), "team talk");
        }
        assert_eq!(of("[acme]r%c3%a4t@conference.example.org"), "acme/rät");
        assert_eq!(of("O&apos;Brien"), "O'Brien");
        assert_eq!(of("100%"), "100%");
    }

    #[test]
    fn a_guest_is_their_endpoint() {
        assert_eq!(endpoint(b"49517bef-89d4-4e65-b61a-c243d48fd69e@meet.example.org"), b"49517bef");
        assert_eq!(endpoint(b"49517bef-89d4-4e65-b61a-c243d48fd69e"), b"49517bef");
        assert_eq!(endpoint(b"49517bef"), b"49517bef");
        assert_eq!(endpoint(b"alice"), b"alice");
    }

    #[test]
    fn identifiers_are_taken_apart() {
        let jid = Jid::of(b"[acme]plan@conference.example.org/49517bef");
        assert_eq!((jid.local, jid.resource), (&b"plan"[..], Some(&b"49517bef"[..])));
        assert_eq!(Jid::of(b"alice").local, b"alice");
    }
}
