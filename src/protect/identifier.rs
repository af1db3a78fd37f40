//! One identifier becomes its token, its prefix or its mark.
//!
//! Everything that can name a person passes through here, whether it stood in a field of its own or inside text, which is
//! why the same client gets the same token in both.

use std::net::IpAddr;

use unicode_normalization::UnicodeNormalization;

use super::address;
use super::cache::TokenCache;
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
                self.cache.write(key_of(ip), tag(keys, form, 0), out, |out| write_token(keys, ip, form, out));
            }
        }
        true
    }

    /// Writes what becomes of a column that is spelled like an IPv4 address, without reading it if the spelling is remembered.
    /// Few clients make most of the lines, and nearly all of them are spelled in one way. Returns false when it is no address.
    #[inline]
    pub fn spelled_v4(&mut self, text: &[u8], form: Form, plan: &TextPlan, out: &mut Vec<u8>) -> bool {
        let Some(key) = spelling(text) else { return false };
        let tag = tag(self.keys, form, text.len());
        if self.cache.find(key, tag, out) {
            return true;
        }
        let Some(ip) = address::parse_v4(text) else { return false };
        let start = out.len();
        if plan.owns(IpAddr::V4(ip)) {
            address::write_v4(ip, out);
        } else {
            write_token(self.keys, IpAddr::V4(ip), form, out);
        }
        self.cache.keep(key, tag, &out[start..]);
        true
    }

    /// Writes the token of any other identifier, decoded but not yet canonical.
    pub fn other(&mut self, kind: TokenKind, value: &[u8], out: &mut Vec<u8>) {
        self.token(kind, value).write_base64url(out);
    }

    /// The token of a value, decoded but not yet canonical.
    pub fn token(&mut self, kind: TokenKind, value: &[u8]) -> Token {
        self.canonical.clear();
        canonical(kind, value, self.canonical);
        self.keys.token(kind, self.canonical)
    }
}

/// The key of a spelling of at most fifteen bytes, as IPv4 addresses have: with its length, eight bytes from either end say what it
/// is. Seven bytes (`1.2.3.4`) are too rare to matter.
#[inline]
pub fn spelling(text: &[u8]) -> Option<u128> {
    let (first, last) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
    let key = u128::from(u64::from_le_bytes(*first)) << 64 | u128::from(u64::from_le_bytes(*last));
    (text.len() <= 15).then_some(key)
}

/// What tells entries of the cache apart that have one key: the epoch's keys, the form, and the length of the spelling that
/// is the key (0 when the key is an address).
#[inline]
const fn tag(keys: &EpochKeys, form: Form, spelled: usize) -> u64 {
    keys.serial() << 8 | (spelled as u64) << 1 | matches!(form, Form::Address) as u64
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
fn key_of(ip: IpAddr) -> u128 {
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
        Kind::Email => TokenKind::Email,
        Kind::Mac => TokenKind::Mac,
        Kind::Identifier => TokenKind::Identifier,
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
    fn one_spelling_per_name() {
        assert_eq!(spelling(TokenKind::User, " Alice "), "alice");
        assert_eq!(spelling(TokenKind::Name, "JÜRGEN"), spelling(TokenKind::Name, "Ju\u{308}rgen"));
        assert_eq!(spelling(TokenKind::Room, "Ｒｏｏｍ１"), "room1");
        assert_eq!(spelling(TokenKind::Mac, "00-1B-44-11-3A-B7"), spelling(TokenKind::Mac, "001b.4411.3ab7"));
        assert_eq!(spelling(TokenKind::Identifier, "aB"), "aB");
    }
}
