//! The keyring as text: what the file holds and what is sealed for another node.
//!
//! ```text
//! sluis keyring 2
//! domain meeting retention 1209600
//! chain epoch 86400 from 20413 until - key PZB…(43 characters of base64url)
//! storage web stage 0 retention 1209600
//! chain epoch 3600 from 489912 until - key kd0…
//! sha256 (64 hexadecimal digits over all lines before)
//! ```
//! One line per domain or storage, then one per chain of it. The sum finds damage, not forgery: who may write the file has the keys
//! anyhow. The reader accepts exactly what the writer writes, and checks every rule that the keyring relies on. Both
//! work in buffers that are wiped.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::chain::Chain;
use super::error::KeyError;
use super::keyring::{Keyring, Kind, Ring, check_domain};
use super::secret::{KEY_BYTES, Secret};
use super::storage;

/// The first line of a keyring of domains alone, as versions before 2026-12 read and wrote it.
const HEAD: &str = "sluis keyring 1";

/// The first line of one with storages: whoever knows none shall say so, and not that it is damaged.
const HEAD_STORAGE: &str = "sluis keyring 2";

/// What every version's first line begins with.
const HEAD_ANY: &str = "sluis keyring ";

/// What the last line begins with.
const SUM: &str = "sha256 ";

/// Characters of a key in base64url.
const KEY_CHARACTERS: usize = 43;

/// More than a line can have: three numbers of 20 digits, a name of 64 bytes, a key, the words between.
const LINE_BYTES_MAX: usize = 256;

/// The most bytes that a keyring's text may have: some four thousand chains.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

impl Keyring {
    /// The text, in a buffer that never had to grow, so that no part of it stays behind.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let lines: usize = self.rings.iter().map(|ring| 1 + ring.chains.len()).sum();
        let capacity = (lines + 2) * LINE_BYTES_MAX;
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        let is_known_to_all = self.rings.iter().all(|ring| ring.kind == Kind::Domain);
        text.push_str(if is_known_to_all { HEAD } else { HEAD_STORAGE });
        text.push('\n');
        for ring in &self.rings {
            match ring.kind {
                Kind::Domain => push(&mut text, format_args!("domain {}", ring.name)),
                Kind::Storage(stage) => push(&mut text, format_args!("storage {} stage {stage}", ring.name)),
            }
            push(&mut text, format_args!(" retention {}\n", ring.retention_seconds));
            for chain in &ring.chains {
                push(
                    &mut text,
                    format_args!("chain epoch {} from {} until ", chain.epoch_seconds, chain.epoch),
                );
                match chain.until {
                    Some(until) => push(&mut text, format_args!("{until}")),
                    None => text.push('-'),
                }
                text.push_str(" key ");
                push_key(&mut text, &chain.key);
                text.push('\n');
            }
        }
        let sum = hex_sum(text.as_bytes());
        push(&mut text, format_args!("{SUM}{sum}\n"));
        assert!(
            text.capacity() == capacity,
            "the keyring's buffer must not move, its old place would keep keys"
        );
        text
    }

    /// Reads a text back.
    pub(super) fn from_text(bytes: &[u8]) -> Result<Self, KeyError> {
        let whole = |problem| KeyError::Damaged { line: 0, problem };
        let text = str::from_utf8(bytes).map_err(|_| whole("it is not text"))?;
        let head = text.lines().next().unwrap_or_default();
        if head != HEAD && head != HEAD_STORAGE {
            let known = head.starts_with(HEAD_ANY);
            return Err(if known { KeyError::Version } else { whole("it does not begin like a keyring") });
        }
        let body = text.strip_suffix('\n').and_then(|text| text.rfind('\n')).map(|at| text.split_at(at + 1));
        let (body, sum) = body.ok_or_else(|| whole("it is cut off"))?;
        let sum = sum.strip_prefix(SUM).and_then(|sum| sum.strip_suffix('\n'));
        let sum = sum.ok_or_else(|| whole("it is cut off"))?;
        if sum != hex_sum(body.as_bytes()) {
            return Err(whole("its checksum is wrong"));
        }
        let mut ring = Self::default();
        for (index, line) in body.lines().enumerate().skip(1) {
            ring.read_line(line).map_err(|problem| KeyError::Damaged { line: index + 1, problem })?;
        }
        ring.check()?;
        Ok(ring)
    }

    fn read_line(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split(' ');
        match words.next() {
            Some("domain") => {
                let name = words.next().ok_or("a domain without a name")?;
                if self.domain(name).is_some() {
                    return Err("a domain that was there before");
                }
                let (kind, name) = (Kind::Domain, name.to_owned());
                let retention_seconds = number(&mut words, "retention")?;
                self.rings.push(Ring { kind, name, retention_seconds, chains: Vec::new() });
            }
            Some("storage") => {
                let name = words.next().ok_or("a storage without a class")?.to_owned();
                let stage = word(&mut words, "stage")?.parse().map_err(|_| "a number is wrong")?;
                let retention_seconds = number(&mut words, "retention")?;
                let ring = Ring { kind: Kind::Storage(stage), name, retention_seconds, chains: Vec::new() };
                if self.counterpart(&ring).is_some() {
                    return Err("a storage that was there before");
                }
                self.rings.push(ring);
            }
            Some("chain") => {
                let ring = self.rings.last_mut().ok_or("a chain before the first domain or storage")?;
                let line = ring.line();
                let epoch_seconds = number(&mut words, "epoch")?;
                let epoch = number(&mut words, "from")?;
                let until = match word(&mut words, "until")? {
                    "-" => None,
                    until => Some(until.parse().map_err(|_| "a number is wrong")?),
                };
                let key = read_key(word(&mut words, "key")?)?;
                ring.chains.push(Chain { key, line, epoch_seconds, epoch, until });
            }
            _ => return Err("a line of no known kind"),
        }
        words.next().is_none().then_some(()).ok_or("a line with too many words")
    }

    /// The rules that the keyring relies on, for a text that has a right sum and yet was not written by us.
    fn check(&self) -> Result<(), KeyError> {
        let whole = |problem| KeyError::Damaged { line: 0, problem };
        for ring in &self.rings {
            let last = ring.chains.last().ok_or_else(|| whole("a domain or storage without a chain"))?;
            if last.until.is_some() {
                return Err(whole("a last chain that ends"));
            }
            for chain in &ring.chains {
                match ring.storage() {
                    None => check_domain(&ring.name, chain.epoch_seconds, ring.retention_seconds)?,
                    Some(storage) if storage.epoch_seconds() == chain.epoch_seconds => {
                        storage::check(&storage)?;
                    }
                    Some(_) => return Err(whole("a storage with another length of epochs")),
                }
                let start = chain.epoch.checked_mul(chain.epoch_seconds);
                if start.is_none_or(|start| i64::try_from(start).is_err()) {
                    return Err(whole("an epoch beyond the end of time"));
                }
                if chain.until.is_some_and(|until| until <= chain.epoch) {
                    return Err(whole("a chain that ends before it begins"));
                }
            }
            for pair in ring.chains.windows(2) {
                if pair[0].until.is_none() || pair[0].end() > pair[1].start_of(pair[1].epoch) {
                    return Err(whole("chains that overlap"));
                }
            }
        }
        Ok(())
    }
}

/// Appends to a string, which cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let done = text.write_fmt(arguments);
    debug_assert!(done.is_ok(), "writing to a string cannot fail");
}

fn push_key(text: &mut String, key: &Secret) {
    let mut encoded = Zeroizing::new([0; KEY_CHARACTERS]);
    // The key itself, because this is how it survives a restart.
    let done = BASE64_URL_SAFE_NO_PAD.encode_slice(key.expose(), &mut *encoded);
    assert!(done == Ok(KEY_CHARACTERS), "32 bytes are 43 characters");
    for &byte in encoded.iter() {
        text.push(char::from(byte));
    }
}

fn read_key(encoded: &str) -> Result<Secret, &'static str> {
    // The decoder works in whole groups and wants room for one byte more than there are.
    let mut decoded = Zeroizing::new([0; KEY_BYTES + 1]);
    match BASE64_URL_SAFE_NO_PAD.decode_slice(encoded, &mut *decoded) {
        Ok(KEY_BYTES) if encoded.len() == KEY_CHARACTERS => {
            Ok(Secret::filled(|bytes| bytes.copy_from_slice(&decoded[..KEY_BYTES])))
        }
        _ => Err("a key is not 32 bytes of base64url"),
    }
}

/// The word after `name`.
fn word<'text>(words: &mut impl Iterator<Item = &'text str>, name: &str) -> Result<&'text str, &'static str> {
    if words.next() != Some(name) {
        return Err("a word is missing");
    }
    words.next().ok_or("a value is missing")
}

/// The number after `name`.
fn number<'text>(words: &mut impl Iterator<Item = &'text str>, name: &str) -> Result<u64, &'static str> {
    word(words, name)?.parse().map_err(|_| "a number is wrong")
}

fn hex_sum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::with_capacity(64), |mut sum, byte| {
        push(&mut sum, format_args!("{byte:02x}"));
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::renewal::RenewFrom;
    use crate::keys::storage::Storage;
    use crate::record::timestamp::Timestamp;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn keyring() -> Keyring {
        let mut ring = Keyring::default();
        let _ = ring.create("meeting", 86_400, 14 * 86_400, NOW).unwrap();
        let _ = ring.create("telephony", 3_600, 86_400, NOW).unwrap();
        let _ = ring.renew("meeting", RenewFrom::Next, Some(3_600), NOW).unwrap();
        let _ = ring.create_storage(&Storage::of("web", 14 * 86_400), NOW).unwrap();
        let _ = ring.create_storage(&Storage::of("web", 86_400), NOW).unwrap();
        let _ = ring.create_storage(&Storage { stage: 1, ..Storage::of("web", 86_400) }, NOW).unwrap();
        ring
    }

    /// The text with its lines changed and its sum made right again.
    fn resummed(text: &str, change: impl Fn(&str) -> String) -> String {
        let (body, _) = text.split_at(text.rfind(SUM).unwrap());
        let body = change(body);
        format!("{body}{SUM}{}\n", hex_sum(body.as_bytes()))
    }

    #[test]
    fn reads_what_it_wrote() {
        let text = keyring().to_text();
        let again = Keyring::from_text(text.as_bytes()).unwrap().to_text();
        assert_eq!(*text, *again);
        assert_eq!(text.lines().count(), 1 + 2 + 3 + 6 + 1);
        assert!(text.starts_with("sluis keyring 2\n"));
    }

    /// What older versions read stays as they wrote it.
    #[test]
    fn a_keyring_of_domains_alone_is_of_the_first_form() {
        let mut ring = Keyring::default();
        let _ = ring.create("meeting", 86_400, 14 * 86_400, NOW).unwrap();
        assert!(ring.to_text().starts_with("sluis keyring 1\n"));
    }

    #[test]
    fn an_empty_keyring_is_a_keyring() {
        let text = Keyring::default().to_text();
        assert!(Keyring::from_text(text.as_bytes()).unwrap().rings.is_empty());
    }

    #[test]
    fn every_cut_is_refused() {
        let text = keyring().to_text();
        for end in 0..text.len() {
            assert!(Keyring::from_text(&text.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let text = keyring().to_text();
        let mut bytes = text.as_bytes().to_vec();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(Keyring::from_text(&bytes).is_err(), "bit {bit} of byte {at}");
                bytes[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn rules_are_checked_behind_a_right_sum() {
        let text = keyring().to_text();
        let cases: [(&str, &str); 16] = [
            ("retention 1209600", "retention 1"),
            ("chain epoch 86400", "chain epoch 0"),
            ("chain epoch 86400 from 20819", "chain epoch 86400 from 18446744073709551615"),
            ("until 20834", "until 20835"),
            ("until 20834", "until 1"),
            ("until -", "until 9999999"),
            ("domain telephony", "domain meeting"),
            ("domain telephony", "domain a/b"),
            ("domain meeting", "domain"),
            ("stage 1", "stage 0"),
            ("stage 1", "stage -1"),
            ("stage 1", "stage 4294967296"),
            ("storage web", "storage w/b"),
            ("storage web stage 0 retention 1209600", "storage web stage 0 retention 59"),
            ("storage web stage 0 retention 1209600", "storage web stage 0 retention 3600"),
            ("until -", "until - -"),
        ];
        for (from, to) in cases {
            assert!(text.contains(from), "the keyring was expected to say '{from}'");
            let changed = resummed(&text, |body| body.replace(from, to));
            assert!(Keyring::from_text(changed.as_bytes()).is_err(), "'{to}'");
        }
    }

    #[test]
    fn another_version_is_named_as_such() {
        let later = resummed(&keyring().to_text(), |body| body.replace("keyring 2", "keyring 3"));
        assert!(matches!(Keyring::from_text(later.as_bytes()), Err(KeyError::Version)));
    }

    #[test]
    fn random_bytes_never_panic() {
        proptest::proptest!(|(bytes: Vec<u8>)| {
            proptest::prop_assert!(Keyring::from_text(&bytes).is_err());
        });
        proptest::proptest!(|(body in "sluis keyring [12]\n((domain|chain|storage) [ -~]{0,60}\n){0,4}")| {
            let _ = Keyring::from_text(format!("{body}{SUM}{}\n", hex_sum(body.as_bytes())).as_bytes());
        });
    }
}
