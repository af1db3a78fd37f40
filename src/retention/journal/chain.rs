//! The chain: each line's hash covers the line and, through the hash before it, every line before.
//!
//! ```text
//! HASH {"seq":1,"time":"2026-11-27T05:00:00Z","event":"journal.started"}
//! hash(0) = SHA-256("sluis/v1 journal")        hash(n) = SHA-256(hash(n-1) ‖ what stands behind the space, without the line's end)
//! ```
//! Pure. A hash is written as 43 characters of base64url (RFC 4648 section 5, no padding).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Characters of a written hash.
pub(super) const HASH_CHARACTERS: usize = 43;
/// What every line begins with behind its hash.
const OPENING: &[u8] = b" {\"seq\":";

/// A hash of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash before the first line.
    pub(super) fn first() -> Self {
        Self(Sha256::digest(b"sluis/v1 journal").into())
    }

    /// The hash of the line that says `content` and follows this.
    pub(super) fn next(&self, content: &[u8]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(content).finalize().into())
    }

    /// Writes the hash as it stands in a line.
    pub(super) fn written(&self) -> [u8; HASH_CHARACTERS] {
        let mut text = [0; HASH_CHARACTERS];
        // 32 bytes are 43 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        text
    }

    fn read(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 33];
        let length = URL_SAFE_NO_PAD.decode_slice(text.get(..HASH_CHARACTERS)?, &mut bytes).ok()?;
        bytes[..length].try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(&self.written()))
    }
}

/// The end of a journal: the number of its last entry, and the hash that covers all of it. Kept elsewhere, it proves later that
/// nothing before it was changed and that the journal was not cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The number of the last entry; 0 of an empty journal.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// The head of a journal without entries.
    pub fn empty() -> Self {
        Self { seq: 0, hash: Hash::first() }
    }

    /// The head once an entry that says `content` follows.
    pub(super) fn next(&self, content: &[u8]) -> Self {
        Self { seq: self.seq + 1, hash: self.hash.next(content) }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = &'static str;

    /// Reads what [`Display`](fmt::Display) writes: `SEQ:HASH`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "is no head of a journal; write SEQ:HASH as `sluis journal head` prints it";
        let (seq, hash) = text.trim().split_once(':').ok_or(wrong)?;
        let hash = Some(hash.as_bytes()).filter(|hash| hash.len() == HASH_CHARACTERS).and_then(Hash::read);
        Ok(Self { seq: seq.parse().map_err(|_| wrong)?, hash: hash.ok_or(wrong)? })
    }
}

/// One line, without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// The hash as written.
    pub hash: &'a [u8],
    /// What is said.
    pub content: &'a [u8],
    /// The number it says it has.
    pub seq: u64,
}

impl<'a> Line<'a> {
    /// Takes a line apart; `None` for what is no entry.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let (hash, rest) = line.split_at_checked(HASH_CHARACTERS)?;
        let number = rest.strip_prefix(OPENING)?;
        let digits = number.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
        let mut seq = 0_u64;
        for digit in &number[..digits] {
            seq = seq.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        }
        (digits > 0 && line.ends_with(b"}")).then_some(Self { hash, content: &rest[1..], seq })
    }

    /// The head of a journal that ends in this line, taken at its word.
    pub(super) fn head(&self) -> Option<Head> {
        Some(Head { seq: self.seq, hash: Hash::read(self.hash)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_written() {
        let head = Head::empty().next(b"{\"seq\":1}");
        assert_eq!(head.to_string().parse(), Ok(head));
        for text in ["", "1", "1:", "x:abc", "1:AAAA", &format!("{head}x")] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
    }

    #[test]
    fn lines() {
        let line = format!("{} {{\"seq\":12,\"event\":\"x\"}}", Hash::first());
        let read = Line::read(line.as_bytes()).unwrap();
        assert_eq!((read.seq, read.content), (12, &b"{\"seq\":12,\"event\":\"x\"}"[..]));
        assert_eq!(read.head().unwrap().hash, Hash::first());
        for text in ["", "x", &line[1..], &line[..line.len() - 1], "{\"seq\":1}"] {
            assert!(Line::read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
