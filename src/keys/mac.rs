//! HMAC-SHA-256 with its key already absorbed (RFC 2104, section 4).
//!
//! HMAC hashes one block of padded key before the inner and one before the outer message. [`Prepared`] holds the two
//! states after those blocks, so that a token of a short value costs two runs of the compression function instead of
//! four, and the key itself is no longer needed. The general crate does the same, but wipes and copies buffers of its
//! own on each use; over the compression function alone a token takes about two thirds of the time (measured 2026-11). The
//! crate is the reference in the tests.

use sha2::block_api::compress256;
use zeroize::{Zeroize, Zeroizing};

use super::secret::KEY_BYTES;

/// Bytes in a block of SHA-256.
const BLOCK_BYTES: usize = 64;

/// Where the length of the message stands in the last block.
const LENGTH_AT: usize = BLOCK_BYTES - 8;

/// The initial state of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The only block of the outer message, still without the inner digest: the end mark, and the length of key block and
/// digest in bits. Made beforehand, so that it is stored in whole words of the processor.
const OUTER: [[u8; BLOCK_BYTES]; 1] = {
    let mut block = [0; BLOCK_BYTES];
    block[KEY_BYTES] = 0x80;
    // 8 × (64 + 32) = 0x300.
    block[BLOCK_BYTES - 2] = 0x03;
    [block]
};

/// The two states of a keyed HMAC. Whoever has them has the key in all but name: keep them in a
/// [`Locked`](super::secret::Locked).
#[derive(Default)]
pub(super) struct Prepared {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Prepared {
    /// Absorbs `key` in place.
    pub(super) fn absorb(&mut self, key: &[u8; KEY_BYTES]) {
        let mut block = Zeroizing::new([[0x36_u8; BLOCK_BYTES]]);
        block[0].iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        self.inner = INITIAL;
        compress256(&mut self.inner, &*block);
        block[0].iter_mut().for_each(|byte| *byte ^= 0x36 ^ 0x5c);
        self.outer = INITIAL;
        compress256(&mut self.outer, &*block);
    }

    /// HMAC of `message`, as the eight big-endian words of its 32 bytes. No allocation; linear in the message.
    #[inline]
    pub(super) fn mac(&self, message: &[u8]) -> [u32; 8] {
        let mut state = self.inner;
        let (whole, rest) = message.as_chunks::<BLOCK_BYTES>();
        if !whole.is_empty() {
            compress256(&mut state, whole);
        }
        // An array of one block, because that is what is compressed: passing `&[block]` would copy it first.
        let mut last = [[0; BLOCK_BYTES]];
        let block = &mut last[0];
        block[..rest.len()].copy_from_slice(rest);
        block[rest.len()] = 0x80;
        if rest.len() >= LENGTH_AT {
            compress256(&mut state, &last);
            last = [[0; BLOCK_BYTES]];
        }
        let bits = 8 * (BLOCK_BYTES + message.len()) as u64;
        last[0][LENGTH_AT..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut state, &last);
        self.finish(state)
    }

    /// The outer hash: one block.
    #[inline]
    fn finish(&self, digest: [u32; 8]) -> [u32; 8] {
        let mut last = OUTER;
        for (bytes, word) in last[0].as_chunks_mut::<4>().0.iter_mut().zip(digest) {
            *bytes = word.to_be_bytes();
        }
        let mut state = self.outer;
        compress256(&mut state, &last);
        state
    }
}

impl Zeroize for Prepared {
    fn zeroize(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    fn mac(key: &[u8; KEY_BYTES], message: &[u8]) -> Vec<u8> {
        let mut prepared = Prepared::default();
        prepared.absorb(key);
        prepared.mac(message).iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write;
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    /// A key shorter than ours means the same to HMAC when it is filled up with zeros.
    fn filled(key: &[u8]) -> [u8; KEY_BYTES] {
        let mut whole = [0; KEY_BYTES];
        whole[..key.len()].copy_from_slice(key);
        whole
    }

    /// RFC 4231, sections 4.2 to 4.5: the cases whose key fits into ours.
    #[test]
    fn rfc_4231() {
        let key: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str); 4] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&key, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        ];
        for (key, message, expected) in cases {
            assert_eq!(hex(&mac(&filled(key), message)), expected);
        }
    }

    /// RFC 4231, sections 4.6 to 4.8: longer keys and messages, through the reference, so that the reference is known
    /// to be right before it judges.
    #[test]
    fn rfc_4231_for_the_reference() {
        let reference = |key: &[u8], message: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(message);
            hex(&mac.finalize().into_bytes())
        };
        assert!(
            reference(&[0x0c; 20], b"Test With Truncation").starts_with("a3b6167473100ee06e0c796c2955552b")
        );
        assert_eq!(
            reference(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        assert_eq!(
            reference(
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. \
                  The key needs to be hashed before being used by the HMAC algorithm."
            ),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        );
    }

    #[test]
    fn every_length_around_the_blocks_is_that_of_the_reference() {
        let key: [u8; KEY_BYTES] = std::array::from_fn(|at| at as u8 ^ 0x5a);
        let message: Vec<u8> = (0..400_u32).map(|at| (at * 7) as u8).collect();
        for length in 0..message.len() {
            let mut reference = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            reference.update(&message[..length]);
            assert_eq!(mac(&key, &message[..length]), reference.finalize().into_bytes().to_vec(), "{length}");
        }
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut prepared = Prepared::default();
        prepared.absorb(&[9; KEY_BYTES]);
        assert_ne!(prepared.inner, [0; 8]);
        prepared.zeroize();
        assert_eq!((prepared.inner, prepared.outer), ([0; 8], [0; 8]));
    }
}
