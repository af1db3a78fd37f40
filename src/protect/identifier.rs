//! One identifier becomes its token, its prefix or its mark.
//!
//! Everything that can name a person passes through here, whether it stood in a field of its own or inside text, which is
//! why the same client gets the same token in both.

use std::net::IpAddr;

use memchr::memchr;
use unicode_normalization::UnicodeNormalization;

use super::address::{self, Column};
use super::cache::{LONG_BYTES, Long, Short, TEXT_BYTES, TokenCache, WIDE_BYTES, padded};
use super::jabber;
use super::text::canonical_email;
use crate::keys::pseudonym::{EpochKeys, Token, TokenKind};
use crate::policy::table::{IdAction, TextPlan};
use crate::policy::treatment::Form;
use crate::record::field::Kind;

/// What a worker needs to write identifiers of one record.
pub struct Writer<'a> {
    /// The keys of the record's domain and epoch.
    pub keys: &'a EpochKeys,
    /// The worker's memory of tokens.
    pub cache: &'a mut TokenCache,
    /// Reused room for canonical spellings.
    pub canonical: &'a mut Vec<u8>,
    /// Reused room for values without their escapes.
    pub plain: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// Writes what becomes of an address. Own networks stay readable. Returns false when it is dropped: the caller decides
    /// whether a mark or nothing stands in its place.
    #[inline]
    pub fn address(&mut self, ip: IpAddr, action: IdAction, plan: &TextPlan, out: &mut Vec<u8>) -> bool {
        let ip = address::canonical(ip);
        if plan.owns(ip) {
            address::write_address(ip, out);
            return true;
        }
        match action {
            IdAction::Drop => return false,
            IdAction::Truncate(prefix) => address::write_address(address::truncate(ip, prefix), out),
            IdAction::Token(form) => {
                let keys = self.keys;
                self.cache
                    .short
                    .write(key_of(ip), tag(keys, None, form, 0), out, |out| write_token(keys, ip, form, out));
            }
        }
        true
    }

    /// Writes the token of a column that holds an address, and remembers it. Returns false, with nothing written, when it is none.
    #[inline(never)]
    pub fn spelled(
        &mut self,
        text: &[u8],
        behind: &[u8],
        form: Form,
        plan: &TextPlan,
        out: &mut Vec<u8>,
    ) -> bool {
        let (start, tag) = (out.len(), tag(self.keys, None, form, text.len()));
        if !self.read(text, form, plan, out) {
            return false;
        }
        if let Some(key) = short_spelling(text) {
            self.cache.short.keep(key, tag, &out[start..]);
        } else if let Some(key) = long_spelling(text, behind) {
            self.cache.long.keep(key, tag, &out[start..]);
        }
        true
    }

    /// Reads a column and writes the token of its address; false, with nothing written, when it is none.
    fn read(&mut self, text: &[u8], form: Form, plan: &TextPlan, out: &mut Vec<u8>) -> bool {
        let Some(Column::Address { address, .. }) = address::parse_field(text) else { return false };
        let ip = address::canonical(address);
        if plan.owns(ip) {
            address::write_address(ip, out);
        } else {
            write_token(self.keys, ip, form, out);
        }
        true
    }

    /// Writes the token of any other identifier, decoded but not yet canonical. The few rooms and people that are met at a time stand
    /// in every second record, and their tokens are remembered like those of addresses.
    pub fn other(&mut self, kind: TokenKind, value: &[u8], out: &mut Vec<u8>) {
        // Of a room, what stands behind the sign does not count.
        let counts =
            if kind == TokenKind::Room { memchr(b'@', value).unwrap_or(value.len()) } else { value.len() };
        let tag = tag(self.keys, Some(kind), Form::Token, counts);
        let mut maker = Maker { keys: self.keys, canonical: self.canonical, plain: self.plain };
        let mut make = |out: &mut Vec<u8>| maker.token(kind, value).write_base64url(out);
        if counts < LONG_BYTES {
            self.cache.long.write(padded(&value[..counts]), tag, out, make);
        } else if counts < WIDE_BYTES {
            self.cache.wide.write(padded(&value[..counts]), tag, out, make);
        } else {
            make(out);
        }
    }

    /// The token of a value, decoded but not yet canonical.
    pub fn token(&mut self, kind: TokenKind, value: &[u8]) -> Token {
        Maker { keys: self.keys, canonical: self.canonical, plain: self.plain }.token(kind, value)
    }
}

/// What makes a token anew.
struct Maker<'a> {
    keys: &'a EpochKeys,
    canonical: &'a mut Vec<u8>,
    plain: &'a mut Vec<u8>,
}

impl Maker<'_> {
    fn token(&mut self, kind: TokenKind, value: &[u8]) -> Token {
        self.canonical.clear();
        match kind {
            TokenKind::Room => {
                jabber::room(value, self.plain);
                canonical(kind, self.plain, self.canonical);
            }
            TokenKind::Email => canonical_email(value.trim_ascii(), self.canonical),
            _ => canonical(kind, value, self.canonical),
        }
        self.keys.token(kind, self.canonical)
    }
}

/// The token of a column that holds an address, if its spelling is remembered: few clients make most of the lines, and each is
/// spelled in one way. Room of fixed length, and how many bytes of it count. `behind` begins with `text` and may go on.
#[inline(always)]
pub fn remembered<'a>(
    cache: &'a mut TokenCache,
    keys: &EpochKeys,
    text: &[u8],
    behind: &[u8],
    form: Form,
) -> Option<(&'a [u8; TEXT_BYTES], usize)> {
    let tag = tag(keys, None, form, text.len());
    match short_spelling(text) {
        Some(key) => cache.short.get(key, tag),
        None => remembered_long(cache, text, behind, tag),
    }
}

#[inline(never)]
fn remembered_long<'a>(
    cache: &'a mut TokenCache,
    text: &[u8],
    behind: &[u8],
    tag: u64,
) -> Option<(&'a [u8; TEXT_BYTES], usize)> {
    cache.long.get(long_spelling(text, behind)?, tag)
}

/// The key of a spelling of at most fifteen bytes, as IPv4 addresses have: with its length, eight bytes from either end say what it
/// is. Seven bytes (`1.2.3.4`) are too rare to matter.
#[inline]
pub fn short_spelling(text: &[u8]) -> Option<Short> {
    let (first, last) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
    let key = u128::from(u64::from_le_bytes(*first)) << 64 | u128::from(u64::from_le_bytes(*last));
    (text.len() <= 15).then_some(key)
}

/// The key of a spelling of at most 39 bytes, as IPv6 addresses have. `behind` begins with `text`; where it goes on for long enough, the
/// key is cut from one copy of fixed length.
#[inline]
pub fn long_spelling(text: &[u8], behind: &[u8]) -> Option<Long> {
    /// Forty bytes that leave a byte as it is, then forty that clear it.
    const MASKS: [u8; 2 * LONG_BYTES] = {
        let mut masks = [0; 2 * LONG_BYTES];
        let mut at = 0;
        while at < LONG_BYTES {
            masks[at] = 0xff;
            at += 1;
        }
        masks
    };
    if text.len() >= LONG_BYTES {
        return None;
    }
    let mut key = *behind.first_chunk::<LONG_BYTES>()?;
    let mask = MASKS.get(LONG_BYTES - text.len()..)?.first_chunk::<LONG_BYTES>()?;
    key.iter_mut().zip(mask).for_each(|(byte, mask)| *byte &= mask);
    Some(key)
}

/// What tells entries of the cache apart that have one key: the epoch's keys, the kind (none for an address), the form, and the
/// length of the spelling that is the key (0 when the key is an address as a number).
#[inline]
const fn tag(keys: &EpochKeys, kind: Option<TokenKind>, form: Form, spelled: usize) -> u64 {
    let kind = match kind {
        Some(kind) => 1 + kind as u64,
        None => 0,
    };
    keys.serial() << 14 | kind << 10 | (spelled as u64) << 1 | matches!(form, Form::Address) as u64
}

/// Writes the token of a canonical address.
fn write_token(keys: &EpochKeys, ip: IpAddr, form: Form, out: &mut Vec<u8>) {
    let token = match ip {
        IpAddr::V4(ip) => keys.token(TokenKind::Address, &ip.octets()),
        IpAddr::V6(ip) => keys.token(TokenKind::Address, &ip.octets()),
    };
    match form {
        Form::Token => token.write_base64url(out),
        Form::Address => address::write_address(IpAddr::V6(token.address()), out),
    }
}

/// IPv4 as its mapped form, so that one key type serves both families.
#[inline]
fn key_of(ip: IpAddr) -> Short {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) | 0xffff_0000_0000,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The key under which values of a kind become tokens.
pub const fn token_kind(kind: Kind) -> TokenKind {
    match kind {
        Kind::Address | Kind::Addresses => TokenKind::Address,
        Kind::User => TokenKind::User,
        Kind::Name => TokenKind::Name,
        Kind::Room => TokenKind::Room,
        Kind::Mac => TokenKind::Mac,
        Kind::Identifier | Kind::Endpoint => TokenKind::Identifier,
        // A bare JID and a mail address are spelled alike, and often are one.
        Kind::Email | Kind::Jid => TokenKind::Email,
        _ => TokenKind::Text,
    }
}

/// One spelling per value (design, section 5): names, users, rooms and e-mail addresses NFKC, trimmed and case-folded; everything
/// else as it is.
fn canonical(kind: TokenKind, value: &[u8], out: &mut Vec<u8>) {
    match kind {
        TokenKind::Name | TokenKind::User | TokenKind::Room | TokenKind::Email | TokenKind::Host => {
            let value = value.trim_ascii();
            if value.is_ascii() {
                out.extend(value.iter().map(u8::to_ascii_lowercase));
                return;
            }
            let Ok(text) = std::str::from_utf8(value) else {
                // Not UTF-8: the bytes themselves are the only spelling there is.
                out.extend_from_slice(value);
                return;
            };
            // Folding can undo normal form and the other way round; one more round makes it stable.
            let mut room = [0; 4];
            for c in text.trim().nfkc().flat_map(char::to_lowercase).nfkc() {
                out.extend_from_slice(c.encode_utf8(&mut room).as_bytes());
            }
        }
        TokenKind::Mac => {
            out.extend(value.iter().filter(|b| b.is_ascii_hexdigit()).map(u8::to_ascii_lowercase));
        }
        TokenKind::Address | TokenKind::Identifier | TokenKind::Text => out.extend_from_slice(value),
    }
}

/// What stands in text where an identifier was dropped.
pub const fn mark(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Address | Kind::Addresses => b"[address]",
        Kind::Email => b"[email]",
        Kind::Mac => b"[mac]",
        Kind::User => b"[user]",
        Kind::Name => b"[name]",
        Kind::Room => b"[room]",
        Kind::Jid => b"[jid]",
        Kind::Endpoint => b"[endpoint]",
        Kind::Identifier => b"[session]",
        _ => b"[secret]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(kind: TokenKind, value: &str) -> String {
        let mut out = Vec::new();
        canonical(kind, value.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_long_key_is_its_text_and_no_more() {
        let text = b"2001:db8:1:2:3:4:5:6 - - [21/Nov/2026:10:00:00 +0000]";
        let key = long_spelling(&text[..20], text).unwrap();
        assert_eq!((&key[..20], &key[20..]), (&text[..20], &[0; 20][..]));
        assert!(
            long_spelling(&text[..40], text).is_none() && long_spelling(&text[..20], &text[..30]).is_none()
        );
    }

    #[test]
    fn one_spelling_per_name() {
        assert_eq!(spelling(TokenKind::User, " Alice "), "alice");
        assert_eq!(spelling(TokenKind::Name, "JÜRGEN"), spelling(TokenKind::Name, "Ju\u{308}rgen"));
        assert_eq!(spelling(TokenKind::Room, "Ｒｏｏｍ１"), "room1");
        assert_eq!(spelling(TokenKind::Mac, "00-1B-44-11-3A-B7"), spelling(TokenKind::Mac, "001b.4411.3ab7"));
        assert_eq!(spelling(TokenKind::Identifier, "aB"), "aB");
    }
}
