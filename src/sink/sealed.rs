//! Parts of lines, encrypted under the key of their storage epoch, which dies with them.
//!
//! ```text
//! .NAME.age.partial    while it is written: frames        NAME.age    closed: one age file (age-encryption.org/v1, X25519)
//!   "sluis frames 1\n", salt of 16 bytes
//!   length of what follows in 4 bytes, big-endian; ciphertext and tag of ChaCha20-Poly1305     … any number of these
//! ```
//! *In*: pieces of a part, and a [`StorageKey`]. *Out*: frames, which can be cut back to a checkpoint as plain parts can; and of a closed part an age
//! file, which `age -d` reads with the identity that `sluis keys read-key` prints. *Promised*: no plaintext reaches the disk; a part that was cut
//! back is [finished](finish) by the next start; the n-th frame of a part has the nonce n under a key that is this part's alone (derived with its
//! salt), and nothing is added to a part that was cut back, so that no nonce is used twice; frames that are damaged, moved or of another
//! part are refused. *Not here*: when a part closes (`file`), which key is whose (`keys::storage`).
//!
//! 2026-12: frames that are rewritten when the part closes were chosen over an age file that grows, because an age file is readable only with its
//! last chunk, and that cannot be replaced without either a moment in which a crash costs what a checkpoint counts on, or a nonce that is used
//! twice; and over one age file for each checkpoint, because age files cannot be put together. A part is encrypted twice and decrypted once for it, within
//! the minute that it is open; of compressed parts that is little. Revisit if parts that are not compressed become common.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use bech32::Hrp;
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use zeroize::{Zeroize, Zeroizing};

use crate::keys::{StorageKey, StorageUse};

/// What a part that is being written begins with.
const MAGIC: &[u8; 15] = b"sluis frames 1\n";
/// What an age file begins with.
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// Bytes of a salt: two parts have the same with a chance of one in 2¹²⁸.
const SALT_BYTES: usize = 16;
/// Bytes before the first frame.
const HEAD_BYTES: usize = MAGIC.len() + SALT_BYTES;
/// Bytes of records in a frame, at most.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// Bytes of a tag.
const TAG_BYTES: usize = 16;
/// Bytes of a length.
const LENGTH_BYTES: usize = 4;

/// What is said of frames that cannot be read.
pub(super) const DAMAGED: &str =
    "an unfinished part cannot be decrypted: it is damaged, or of another keyring";
/// What is said when the system gives no random bytes.
pub(super) const NO_RANDOM: &str = "the system has no random bytes";

/// True for an error of this room, whose words may be shown.
pub(super) fn is_fault(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && [DAMAGED, NO_RANDOM].contains(&error.to_string().as_str())
}

/// The identity of age that opens the closed parts of a storage epoch: `AGE-SECRET-KEY-1…`, as `age -i` reads it.
pub fn age_identity(key: &StorageKey) -> Zeroizing<String> {
    // For whoever reads what is stored, with the standard tool.
    let secret = key.expose_for(StorageUse::Age);
    let hrp = Hrp::parse_unchecked("AGE-SECRET-KEY-");
    // 32 bytes are no more than any Bech32 text can have.
    Zeroizing::new(bech32::encode_upper::<bech32::Bech32>(hrp, &*secret).unwrap_or_default())
}

/// Encrypts the pieces of one part, in their order.
pub(super) struct Frames {
    cipher: ChaCha20Poly1305,
    next: u64,
    frame: Vec<u8>,
}

impl Frames {
    /// For a new part, with what it begins with.
    pub fn begin(key: &StorageKey) -> io::Result<(Self, [u8; HEAD_BYTES])> {
        let mut head = [0; HEAD_BYTES];
        let (magic, salt) = head.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        getrandom::fill(salt).map_err(|_| io::Error::other(NO_RANDOM))?;
        Ok((Self::of(key, salt), head))
    }

    fn of(key: &StorageKey, salt: &[u8]) -> Self {
        // For the one part that has this salt.
        let secret = key.expose_for_part(salt);
        Self { cipher: ChaCha20Poly1305::new(Key::from_slice(&*secret)), next: 0, frame: Vec::new() }
    }

    /// Writes `bytes` as frames. Says how many bytes these have.
    pub fn write(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<u64> {
        let mut written = 0;
        for piece in bytes.chunks(FRAME_BYTES_MAX) {
            let length = (piece.len() + TAG_BYTES) as u32;
            self.frame.clear();
            self.frame.extend_from_slice(&length.to_be_bytes());
            self.frame.extend_from_slice(piece);
            let nonce = self.nonce();
            let sealed = self.cipher.encrypt_in_place_detached(&nonce, b"", &mut self.frame[LENGTH_BYTES..]);
            let tag = sealed.map_err(|_| io::Error::other(DAMAGED)).inspect_err(|_| self.frame.zeroize())?;
            self.frame.extend_from_slice(&tag);
            out.write_all(&self.frame)?;
            written += self.frame.len() as u64;
        }
        Ok(written)
    }

    /// Reads the next frame; `None` at the end.
    fn read(&mut self, input: &mut impl Read) -> io::Result<Option<&[u8]>> {
        let damaged = || io::Error::other(DAMAGED);
        let mut length = [0; LENGTH_BYTES];
        match input.read(&mut length[..1])? {
            0 => return Ok(None),
            _ => input.read_exact(&mut length[1..]).map_err(|_| damaged())?,
        }
        let length = u32::from_be_bytes(length) as usize;
        if !(TAG_BYTES..=FRAME_BYTES_MAX + TAG_BYTES).contains(&length) {
            return Err(damaged());
        }
        self.frame.resize(length, 0);
        input.read_exact(&mut self.frame).map_err(|_| damaged())?;
        let nonce = self.nonce();
        let (text, tag) = self.frame.split_at_mut(length - TAG_BYTES);
        self.cipher
            .decrypt_in_place_detached(&nonce, b"", text, Tag::from_slice(tag))
            .map_err(|_| damaged())?;
        Ok(Some(text))
    }

    /// The number of the frame, as the nonce.
    fn nonce(&mut self) -> Nonce {
        let mut nonce = Nonce::default();
        nonce[LENGTH_BYTES..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        nonce
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        // After reading it holds records.
        self.frame.zeroize();
    }
}

/// What a file begins like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A part that was not closed.
    Frames,
    /// A closed one.
    Age,
    /// Something else.
    Other,
}

/// Looks at the beginning of a file.
pub fn look(file: &mut File) -> io::Result<Look> {
    let mut head = Vec::with_capacity(AGE_MAGIC.len());
    file.seek(SeekFrom::Start(0))?;
    Read::by_ref(file).take(AGE_MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(match &head[..] {
        AGE_MAGIC => Look::Age,
        head if head.starts_with(MAGIC) => Look::Frames,
        _ => Look::Other,
    })
}

/// Writes the frames of `part` to `out` as one age file. Says how many bytes it has. Not synced.
pub fn finish(part: &mut File, key: &StorageKey, out: &mut File) -> io::Result<u64> {
    let damaged = || io::Error::other(DAMAGED);
    part.seek(SeekFrom::Start(0))?;
    let mut input = BufReader::with_capacity(1 << 16, part);
    let mut head = [0; HEAD_BYTES];
    input.read_exact(&mut head).map_err(|_| damaged())?;
    let salt = head.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let mut frames = Frames::of(key, salt);
    let identity: age::x25519::Identity = age_identity(key).parse().map_err(|_| damaged())?;
    let recipient = identity.to_public();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
    let encryptor = encryptor.map_err(|_| io::Error::other(NO_RANDOM))?;
    let mut writer = encryptor.wrap_output(BufWriter::with_capacity(1 << 18, out))?;
    while let Some(text) = frames.read(&mut input)? {
        writer.write_all(text)?;
    }
    let out = writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    out.stream_position()
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
