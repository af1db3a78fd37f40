//! Modules of an encrypted Parquet file, as this program writes and reads them itself.
//!
//! *In*: the key of a storage epoch, pieces of a Parquet file. *Out*: modules: length, nonce, ciphertext and tag of AES-GCM with 256 bits
//! (`AES_GCM_V1` of Parquet modular encryption, one key for footer and columns), and the end of such a file. *Promised*: what is sealed here is
//! what the Parquet library seals, byte for byte but for nonces, and any reader of the format reads it; a module that was moved to another place
//! of the file, or comes from another file, is refused. *Not here*: which bytes go where in a file (`parquet`, `merge`), and the keys (`crypt`).
//!
//! The library encrypts what it encodes, and nothing else: a column that is already encoded cannot be taken into an encrypted file by it, nor an
//! end be written that another one follows. Both are what the format allows: <https://github.com/apache/parquet-format/blob/master/Encryption.md>.

use std::io;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataWriter};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::parquet::fault;
use super::sealed::NO_RANDOM;
use crate::keys::secret::KEY_BYTES;

/// What an encrypted file begins and ends with.
pub(super) const MAGIC: &[u8; 4] = b"PARE";
/// What a plain file begins and ends with.
pub(super) const MAGIC_PLAIN: &[u8; 4] = b"PAR1";
/// Bytes before a module: its length, little-endian.
pub(super) const LENGTH_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// What tells a file from all others of the same key.
const UNIQUE_BYTES: usize = 8;

/// What a module holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Module {
    /// What the file says of itself.
    Footer = 0,
    /// A page of values.
    DataPage = 2,
    /// The values that pages speak of by number.
    DictionaryPage = 3,
    /// What stands before a page of values.
    DataPageHeader = 4,
    /// What stands before a dictionary.
    DictionaryPageHeader = 5,
}

/// Where in a file a module stands: row group and column, from 0, and which page of values of the column; nothing of it counts for the footer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub group: usize,
    pub column: usize,
    pub page: usize,
}

/// Seals or opens the modules of one file.
pub(super) struct Modules {
    key: LessSafeKey,
    unique: Vec<u8>,
    /// Of the next module: a random beginning and a counter, as the library does it.
    nonce: u128,
}

impl Modules {
    /// Those of a new file.
    pub fn new(key: &[u8; KEY_BYTES]) -> io::Result<Self> {
        let mut random = [0; UNIQUE_BYTES + NONCE_BYTES];
        getrandom::fill(&mut random).map_err(|_| io::Error::other(NO_RANDOM))?;
        let (unique, nonce) = random.split_at(UNIQUE_BYTES);
        let mut beginning = [0; 16];
        beginning[..NONCE_BYTES].copy_from_slice(nonce);
        Ok(Self { nonce: u128::from_le_bytes(beginning), ..Self::of(key, unique.to_vec())? })
    }

    /// Those of the file that calls itself so.
    pub fn of(key: &[u8; KEY_BYTES], unique: Vec<u8>) -> io::Result<Self> {
        let key =
            UnboundKey::new(&AES_256_GCM, key).map_err(|_| io::Error::other("a key of another length"))?;
        Ok(Self { key: LessSafeKey::new(key), unique, nonce: 0 })
    }

    /// What this many bytes are as a module, with the length before it.
    pub const fn sealed_bytes(plain: usize) -> usize {
        LENGTH_BYTES + NONCE_BYTES + plain + TAG_BYTES
    }

    /// Appends `plain` as a module to `out`.
    pub fn seal(&mut self, module: Module, at: At, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let too_long = || io::Error::other("a piece of a part is longer than the format allows");
        let length = u32::try_from(NONCE_BYTES + plain.len() + TAG_BYTES).map_err(|_| too_long())?;
        let aad = self.aad(module, at).ok_or_else(too_long)?;
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.nonce.to_le_bytes()[..NONCE_BYTES]);
        self.nonce = self.nonce.wrapping_add(1);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[start..]);
        let tag = sealed.map_err(|_| too_long())?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// What a module holds, without the length before it; `None` for one that is damaged, or not of this place.
    pub fn open<'m>(&self, module: Module, at: At, sealed: &'m mut [u8]) -> Option<&'m [u8]> {
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.key.open_in_place(nonce, Aad::from(self.aad(module, at)?), text).ok()?;
        Some(opened)
    }

    /// What a module is bound to; `None` outside of what the format can count.
    fn aad(&self, module: Module, at: At) -> Option<Vec<u8>> {
        let mut aad = Vec::with_capacity(self.unique.len() + 7);
        aad.extend_from_slice(&self.unique);
        aad.push(module as u8);
        let mut ordinal =
            |number: usize| i16::try_from(number).ok().map(|number| aad.extend(number.to_le_bytes()));
        match module {
            Module::Footer => {}
            Module::DictionaryPage | Module::DictionaryPageHeader => {
                ordinal(at.group)?;
                ordinal(at.column)?;
            }
            Module::DataPage | Module::DataPageHeader => {
                ordinal(at.group)?;
                ordinal(at.column)?;
                ordinal(at.page)?;
            }
        }
        Some(aad)
    }

    /// The end of a file of which this is said, under a label that tells its readers which key it has.
    pub fn footer(&mut self, facts: &ParquetMetaData, label: &[u8]) -> io::Result<Vec<u8>> {
        let plain = plain_footer(facts)?;
        let plain = &plain[..plain.len() - LENGTH_BYTES - MAGIC_PLAIN.len()];
        let mut end = head(&self.unique, label);
        self.seal(Module::Footer, At::default(), plain, &mut end)?;
        let length = u32::try_from(end.len()).map_err(|_| io::Error::other("an end that is too long"))?;
        end.extend_from_slice(&length.to_le_bytes());
        end.extend_from_slice(MAGIC);
        Ok(end)
    }
}

/// The end of a plain file of which this is said.
pub(super) fn plain_footer(facts: &ParquetMetaData) -> io::Result<Vec<u8>> {
    let mut footer = Vec::new();
    ParquetMetaDataWriter::new(&mut footer, facts).finish().map_err(|error| fault(&error))?;
    Ok(footer)
}

/// `FileCryptoMetaData`, in Thrift's compact protocol: `AES_GCM_V1` with what tells the file from others, and the label of the key.
fn head(unique: &[u8], label: &[u8]) -> Vec<u8> {
    // Field 1, a struct: the algorithm, a union; its field 1, a struct: AES_GCM_V1; its field 2, bytes.
    let mut head = vec![0x1c, 0x1c, 0x28];
    bytes(&mut head, unique);
    // The ends of both; field 2, bytes; the end.
    head.extend_from_slice(&[0, 0, 0x18]);
    bytes(&mut head, label);
    head.push(0);
    head
}

/// Bytes with their length before them, seven bits at a time.
fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

/// What tells a file from others, from the beginning of its end, where it stands in the clear; `None` where that is not as we, or the library,
/// write it.
pub(super) fn unique_of(end: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = end.strip_prefix(&[0x1c, 0x1c, 0x28])?.split_first()?;
    // Up to 127 bytes, so that the length is one.
    if *length >= 0x80 {
        return None;
    }
    let (unique, rest) = rest.split_at_checked(usize::from(*length))?;
    rest.starts_with(&[0, 0]).then(|| unique.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    #[test]
    fn a_module_opens_in_its_place_alone() {
        let mut modules = Modules::new(&KEY).unwrap();
        let at = At { group: 1, column: 2, page: 3 };
        let mut sealed = Vec::new();
        modules.seal(Module::DataPage, at, b"some values", &mut sealed).unwrap();
        let open = |modules: &Modules, module, at| {
            let mut sealed = sealed[LENGTH_BYTES..].to_vec();
            modules.open(module, at, &mut sealed).map(<[u8]>::to_vec)
        };
        assert_eq!(open(&modules, Module::DataPage, at).as_deref(), Some(b"some values".as_slice()));
        assert_eq!(open(&modules, Module::DataPageHeader, at), None);
        for other in [At { group: 0, ..at }, At { column: 0, ..at }, At { page: 0, ..at }] {
            assert_eq!(open(&modules, Module::DataPage, other), None);
        }
        assert_eq!(open(&Modules::new(&KEY).unwrap(), Module::DataPage, at), None, "of another file");
        assert_eq!(
            open(&Modules::of(&[8; KEY_BYTES], modules.unique.clone()).unwrap(), Module::DataPage, at),
            None
        );
        assert_eq!(modules.open(Module::DataPage, at, &mut [0; 5]), None);
    }

    #[test]
    fn no_nonce_comes_twice_and_places_that_cannot_be_counted_are_refused() {
        let mut modules = Modules::new(&KEY).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        modules.seal(Module::Footer, At::default(), b"x", &mut first).unwrap();
        modules.seal(Module::Footer, At::default(), b"x", &mut second).unwrap();
        assert_ne!(first[LENGTH_BYTES..][..NONCE_BYTES], second[LENGTH_BYTES..][..NONCE_BYTES]);
        let far = At { page: 40_000, ..At::default() };
        assert!(modules.seal(Module::DataPage, far, b"x", &mut first).is_err());
    }

    #[test]
    fn what_tells_a_file_from_others_is_read_back() {
        for label in [b"storage/web/14d/7".as_slice(), &[b'x'; 300]] {
            assert_eq!(unique_of(&head(&[1, 2, 3], label)).as_deref(), Some([1, 2, 3].as_slice()));
        }
        assert_eq!(unique_of(&[0x1c, 0x2c]), None);
        assert_eq!(unique_of(&[0x1c, 0x1c, 0x28, 200]), None);
    }
}
