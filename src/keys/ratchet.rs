//! The hash ratchet: pure functions from keys to keys.
//!
//! ```text
//! CK(e) ──"ratchet"──▶ CK(e+1) ──"ratchet"──▶ CK(e+2) …      only forward: SHA-256 has no way back
//!   │ "epoch", domain, e
//!   ▼
//! K(e) ──"kind", k──▶ K(e,k)        one key for each kind of field
//!   └────"id"──▶ check, 4 bytes     says which tokens compare, without telling the key
//! ```
//! Every arrow is HKDF-Expand with SHA-256 (RFC 5869, section 2.3) and 32 bytes of output. HKDF-Extract is not needed:
//! chain keys are uniformly random (section 3.3). The `info` input is a list of parts, each preceded by its length in
//! bytes as 4 bytes big-endian, so that no two lists give one input:
//!
//! | key | parts |
//! |---|---|
//! | `K(e)` | `sluis/v1 epoch`, the domain's name in UTF-8, `e` as 8 bytes big-endian |
//! | `K(e,k)` | `sluis/v1 kind`, the kind's label |
//! | `CK(e+1)` | `sluis/v1 ratchet` |
//! | check | `sluis/v1 id`; the first 4 bytes are used |
//! | `S(s)` | `sluis/v1 storage`, the class in UTF-8, the stage as 4 bytes, the retention in seconds and `s` as 8 bytes each, all big-endian |
//! | `S(s,u)` | `sluis/v1 storage use`, the use's label |
//! | of one part | from `S(s,frames)`: `sluis/v1 storage part`, the part's salt |
//! | `SC(s+1)` | `sluis/v1 storage ratchet` |
//!
//! `S` and `SC` are of the chains for what is [stored](super::storage).
//!
//! Keys are read from and written to places of the caller, who wipes them.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::secret::KEY_BYTES;
use super::storage::Storage;

/// The most parts of one derivation, each with its length.
const PARTS_MAX: usize = 5;

/// HKDF-Expand of 32 bytes from `key`, with `parts` as described above.
fn expand(key: &[u8; KEY_BYTES], parts: &[&[u8]], out: &mut [u8; KEY_BYTES]) {
    assert!(parts.len() <= PARTS_MAX, "a derivation has at most five parts");
    let mut lengths = [[0; 4]; PARTS_MAX];
    let mut info: [&[u8]; 2 * PARTS_MAX] = [&[]; 2 * PARTS_MAX];
    for (length, part) in lengths.iter_mut().zip(parts) {
        *length = (part.len() as u32).to_be_bytes();
    }
    for (index, part) in parts.iter().enumerate() {
        info[2 * index] = &lengths[index];
        info[2 * index + 1] = part;
    }
    // The crate refuses keys shorter than the hash and outputs longer than 255 hashes; ours are one hash long.
    let done = Hkdf::<Sha256>::from_prk(key)
        .is_ok_and(|hkdf| hkdf.expand_multi_info(&info[..2 * parts.len()], out).is_ok());
    assert!(done, "32 bytes can be derived from 32 bytes");
}

/// `K(e)` of `domain` from `CK(e)`.
pub(super) fn epoch_key(chain: &[u8; KEY_BYTES], domain: &str, epoch: u64, out: &mut [u8; KEY_BYTES]) {
    expand(chain, &[b"sluis/v1 epoch", domain.as_bytes(), &epoch.to_be_bytes()], out);
}

/// `K(e,k)` from `K(e)` and the label of `k`.
pub(super) fn kind_key(epoch_key: &[u8; KEY_BYTES], label: &str, out: &mut [u8; KEY_BYTES]) {
    expand(epoch_key, &[b"sluis/v1 kind", label.as_bytes()], out);
}

/// The check of `K(e)`: equal on two records exactly when their tokens compare (but for one chance in 2³²).
pub(super) fn check(epoch_key: &[u8; KEY_BYTES]) -> [u8; 4] {
    let mut whole = Zeroizing::new([0; KEY_BYTES]);
    expand(epoch_key, &[b"sluis/v1 id"], &mut whole);
    [whole[0], whole[1], whole[2], whole[3]]
}

/// `S(s)` of a storage from `SC(s)`.
pub(super) fn storage_key(chain: &[u8; KEY_BYTES], storage: &Storage, epoch: u64, out: &mut [u8; KEY_BYTES]) {
    let Storage { class, stage, retention_seconds } = storage;
    let parts: [&[u8]; 5] = [
        b"sluis/v1 storage",
        class.as_bytes(),
        &stage.to_be_bytes(),
        &retention_seconds.to_be_bytes(),
        &epoch.to_be_bytes(),
    ];
    expand(chain, &parts, out);
}

/// `S(s,u)` from `S(s)` and the label of `u`.
pub(super) fn storage_use(storage_key: &[u8; KEY_BYTES], label: &str, out: &mut [u8; KEY_BYTES]) {
    expand(storage_key, &[b"sluis/v1 storage use", label.as_bytes()], out);
}

/// The key of the one part that has this salt, from `S(s,u)`.
pub(super) fn storage_part(used: &[u8; KEY_BYTES], salt: &[u8], out: &mut [u8; KEY_BYTES]) {
    expand(used, &[b"sluis/v1 storage part", salt], out);
}

/// What a chain is of, which decides how it goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The epochs of a domain.
    Domain,
    /// The storage epochs of a class.
    Storage,
}

/// Replaces `CK(e)` by `CK(e + steps)` in place, or `SC(s)` by `SC(s + steps)`.
pub(super) fn forward(line: Line, chain: &mut [u8; KEY_BYTES], steps: u64) {
    let label: &[u8] = match line {
        Line::Domain => b"sluis/v1 ratchet",
        Line::Storage => b"sluis/v1 storage ratchet",
    };
    let mut next = Zeroizing::new([0; KEY_BYTES]);
    for _ in 0..steps {
        expand(chain, &[label], &mut next);
        chain.copy_from_slice(&*next);
    }
}

/// Writes over the stack below the caller. The crates wipe their states but not every temporary of a call: the padded
/// key block of HMAC is one. Best effort, since a compiler may place frames as it likes.
#[inline(never)]
pub(super) fn scrub_stack() {
    let mut below = [0_u8; 4096];
    below.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 5869, appendix A.1 to A.3: the crate that everything here stands on.
    #[test]
    fn rfc_5869() {
        type Case = (Vec<u8>, Vec<u8>, Vec<u8>, &'static str, &'static str);
        let cases: [Case; 3] = [
            (
                vec![0x0b; 22],
                (0..=0x0c).collect(),
                (0xf0..=0xf9).collect(),
                "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                (0..=0x4f).collect(),
                (0x60..=0xaf).collect(),
                (0xb0..=0xff).collect(),
                "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                vec![0x0b; 22],
                vec![],
                vec![],
                "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ];
        for (ikm, salt, info, prk, okm) in cases {
            let (extracted, hkdf) = Hkdf::<Sha256>::extract(Some(&salt), &ikm);
            assert_eq!(extracted[..], hex(prk));
            let mut out = vec![0; okm.len() / 2];
            hkdf.expand(&info, &mut out).unwrap();
            assert_eq!(out, hex(okm));
        }
    }

    /// The table of this module's head, spelled out byte by byte with HMAC alone: RFC 5869 says that one block of output
    /// is HMAC(key, info ‖ 0x01).
    #[test]
    fn the_documented_inputs_are_the_ones_used() {
        let obvious = |key: &[u8], info: &[u8]| -> Vec<u8> {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(info);
            mac.update(&[1]);
            mac.finalize().into_bytes().to_vec()
        };
        let chain = [7; KEY_BYTES];
        let mut epoch = [0; KEY_BYTES];
        epoch_key(&chain, "meeting", 20_413, &mut epoch);
        assert_eq!(
            epoch[..],
            obvious(&chain, b"\0\0\0\x0esluis/v1 epoch\0\0\0\x07meeting\0\0\0\x08\0\0\0\0\0\0\x4f\xbd")
        );
        let mut kind = [0; KEY_BYTES];
        kind_key(&epoch, "address", &mut kind);
        assert_eq!(kind[..], obvious(&epoch, b"\0\0\0\x0dsluis/v1 kind\0\0\0\x07address"));
        let mut next = chain;
        forward(Line::Domain, &mut next, 1);
        assert_eq!(next[..], obvious(&chain, b"\0\0\0\x10sluis/v1 ratchet"));
        assert_eq!(check(&epoch)[..], obvious(&epoch, b"\0\0\0\x0bsluis/v1 id")[..4]);
        let mut stored = [0; KEY_BYTES];
        storage_key(
            &chain,
            &Storage { class: "web".into(), stage: 1, retention_seconds: 1_209_600 },
            500_000,
            &mut stored,
        );
        let info: &[u8] =
            b"\0\0\0\x10sluis/v1 storage\0\0\0\x03web\0\0\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\0\0\x12\x75\0\
            \0\0\0\x08\0\0\0\0\0\x07\xa1\x20";
        assert_eq!(stored[..], obvious(&chain, info));
        let mut used = [0; KEY_BYTES];
        storage_use(&stored, "age", &mut used);
        assert_eq!(used[..], obvious(&stored, b"\0\0\0\x14sluis/v1 storage use\0\0\0\x03age"));
        let mut part = [0; KEY_BYTES];
        storage_part(&used, b"salt", &mut part);
        assert_eq!(part[..], obvious(&used, b"\0\0\0\x15sluis/v1 storage part\0\0\0\x04salt"));
        let mut next = chain;
        forward(Line::Storage, &mut next, 1);
        assert_eq!(next[..], obvious(&chain, b"\0\0\0\x18sluis/v1 storage ratchet"));
    }

    #[test]
    fn steps_add_up() {
        proptest::proptest!(|(key: [u8; KEY_BYTES], first in 0_u64..40, second in 0_u64..40)| {
            for line in [Line::Domain, Line::Storage] {
                let (mut once, mut twice) = (key, key);
                forward(line, &mut once, first + second);
                forward(line, &mut twice, first);
                forward(line, &mut twice, second);
                proptest::prop_assert_eq!(once, twice);
            }
        });
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let (mut one, mut two) = ([0; KEY_BYTES], [0; KEY_BYTES]);
        expand(&[1; KEY_BYTES], &[b"ab", b"c"], &mut one);
        expand(&[1; KEY_BYTES], &[b"a", b"bc"], &mut two);
        assert_ne!(one, two);
    }
}
