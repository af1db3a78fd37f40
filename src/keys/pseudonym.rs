//! Tokens: what an identifier becomes.
//!
//! ```text
//! token = first 128 bits of HMAC-SHA-256(K(e,k), canonical value)
//! ```
//! The hot path of the room. [`EpochKeys`] holds, for one domain and epoch, a prepared HMAC per kind of field; a token of
//! a value up to 55 bytes is two runs of the compression function, without allocation, lock or clone. Making the value
//! canonical is the caller's (`protect`): one spelling, one token.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::mac::Prepared;
use super::ratchet;
use super::secret::{KEY_BYTES, Locked};
use crate::record::timestamp::Timestamp;

/// What an identifier is. Each kind has a key of its own, so that a name and a room spelled alike do not compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenKind {
    /// An IP address.
    Address,
    /// A person's full name.
    Name,
    /// A login, a JID, an account.
    User,
    /// A conference.
    Room,
    /// An e-mail address.
    Email,
    /// A hardware address.
    Mac,
    /// Any other identifier of a person or device: endpoint, session, cookie.
    Identifier,
    /// A host name.
    Host,
    /// Text that is an identifier as a whole.
    Text,
}

impl TokenKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Address,
        Self::Name,
        Self::User,
        Self::Room,
        Self::Email,
        Self::Mac,
        Self::Identifier,
        Self::Host,
        Self::Text,
    ];

    /// The word that goes into the derivation of the kind's key. Never change one: every token of the kind would change.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Name => "name",
            Self::User => "user",
            Self::Room => "room",
            Self::Email => "email",
            Self::Mac => "mac",
            Self::Identifier => "identifier",
            Self::Host => "host",
            Self::Text => "text",
        }
    }
}

/// A pseudonym: 128 bits that stand for one identifier within one domain and epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// Characters of a token in base64url.
    pub const TEXT_BYTES: usize = 22;

    /// The 128 bits.
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// Writes the token in base64url without padding (RFC 4648, section 5): 22 characters.
    #[inline]
    pub fn base64url(&self, out: &mut [u8; Self::TEXT_BYTES]) {
        // 128 bits are twice ten characters of six bits, and eight bits for the last two, of which the very last holds two
        // bits above four zeros. Words of the processor's size are shifted faster than 128 bits.
        let word = u128::from_be_bytes(self.0);
        let (first, second, rest) = ((word >> 68) as u64, (word >> 8) as u64, word as usize);
        for at in 0..10 {
            out[at] = BASE64URL[(first >> (54 - 6 * at)) as usize & 63];
            out[10 + at] = BASE64URL[(second >> (54 - 6 * at)) as usize & 63];
        }
        out[20] = BASE64URL[rest >> 2 & 63];
        out[21] = BASE64URL[rest << 4 & 63];
    }

    /// Appends the token in base64url.
    #[inline]
    pub fn write_base64url(&self, out: &mut Vec<u8>) {
        let mut text = [0; Self::TEXT_BYTES];
        self.base64url(&mut text);
        out.extend_from_slice(&text);
    }

    /// The token as a unique-local IPv6 address (RFC 4193, `fd00::/8`): the prefix, then the first 120 bits.
    #[inline]
    pub const fn address(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits((0xfd << 120) | (u128::from_be_bytes(self.0) >> 8))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::TEXT_BYTES];
        self.base64url(&mut text);
        text.iter().try_for_each(|&byte| fmt::Write::write_char(out, char::from(byte)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Token({self})")
    }
}

/// The alphabet of RFC 4648, section 5.
const BASE64URL: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The keys of one epoch of one domain, ready for use. Owned and wiped on drop; a worker holds a few.
pub struct EpochKeys {
    serial: u64,
    epoch: u64,
    start: Timestamp,
    end: Timestamp,
    dies: Timestamp,
    check: [u8; 4],
    id: Box<str>,
    prepared: Locked<[Prepared; TokenKind::ALL.len()]>,
}

/// The next [`EpochKeys::serial`].
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// When an epoch begins, ends and dies.
#[derive(Clone, Copy)]
pub(super) struct Life {
    pub(super) epoch: u64,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) dies: Timestamp,
}

impl EpochKeys {
    /// Prepares every kind's key from `K(e)`, which the caller wipes.
    pub(super) fn new(domain: &str, life: Life, key: &[u8; KEY_BYTES]) -> Self {
        let prepared = Locked::<[Prepared; TokenKind::ALL.len()]>::filled(|prepared| {
            let mut kind_key = Zeroizing::new([0; KEY_BYTES]);
            for (prepared, kind) in prepared.iter_mut().zip(TokenKind::ALL) {
                ratchet::kind_key(key, kind.label(), &mut kind_key);
                prepared.absorb(&kind_key);
            }
        });
        let check = ratchet::check(key);
        let [a, b, c, d] = check;
        let id = format!("{domain}/{}/{a:02x}{b:02x}{c:02x}{d:02x}", life.epoch).into();
        let Life { epoch, start, end, dies } = life;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Self { serial, epoch, start, end, dies, check, id, prepared }
    }

    /// The token of a canonical value.
    #[inline]
    pub fn token(&self, kind: TokenKind, canonical: &[u8]) -> Token {
        let words = self.prepared.expose()[kind as usize].mac(canonical);
        let mut bytes = [0; 16];
        for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
        Token(bytes)
    }

    /// A number that no other set of keys of this process has, from 1: what was computed with these keys may be remembered
    /// under it.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// The epoch's number: seconds since 1970 divided by its length, in UTC.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Four bytes that are equal exactly when tokens compare.
    pub const fn check(&self) -> [u8; 4] {
        self.check
    }

    /// The value of `sluis.epoch`: `domain/number/check`, the check as eight hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether records of `instant` belong to this epoch.
    #[inline]
    pub fn covers(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// When these keys must be gone.
    pub const fn dies(&self) -> Timestamp {
        self.dies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    fn keys(domain: &str, epoch: u64, key: u8) -> EpochKeys {
        let instant = Timestamp::from_seconds(0);
        EpochKeys::new(domain, Life { epoch, start: instant, end: instant, dies: instant }, &[key; KEY_BYTES])
    }

    #[test]
    fn kinds_stand_at_their_discriminants_and_have_labels_of_their_own() {
        for (at, kind) in TokenKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(TokenKind::ALL.iter().filter(|other| other.label() == kind.label()).count(), 1);
        }
    }

    #[test]
    fn a_value_has_another_token_in_every_kind() {
        let keys = keys("meeting", 1, 1);
        let tokens: std::collections::BTreeSet<_> =
            TokenKind::ALL.into_iter().map(|kind| keys.token(kind, b"192.0.2.1")).collect();
        assert_eq!(tokens.len(), TokenKind::ALL.len());
        assert_eq!(keys.token(TokenKind::Name, b""), keys.token(TokenKind::Name, b""));
    }

    #[test]
    fn the_text_is_that_of_the_base64_crate() {
        proptest::proptest!(|(bytes: [u8; 16])| {
            let mut text = [0; Token::TEXT_BYTES];
            Token(bytes).base64url(&mut text);
            let expected = BASE64_URL_SAFE_NO_PAD.encode(bytes);
            proptest::prop_assert_eq!(text.as_slice(), expected.as_bytes());
        });
    }

    #[test]
    fn the_address_is_unique_local_and_keeps_the_first_120_bits() {
        let bytes: [u8; 16] = std::array::from_fn(|at| at as u8 + 1);
        assert_eq!(Token(bytes).address().to_string(), "fd01:203:405:607:809:a0b:c0d:e0f");
        assert!(Token([0xff; 16]).address().is_unique_local());
    }

    #[test]
    fn the_id_names_domain_number_and_check() {
        let keys = keys("meeting", 20_413, 3);
        let [a, b, c, d] = keys.check();
        assert_eq!(keys.id(), format!("meeting/20413/{a:02x}{b:02x}{c:02x}{d:02x}"));
    }
}
