//! Encrypted parts of Parquet: one key for footer and columns, that of the part's storage epoch, which dies when the part is due.
//!
//! *In*: the keyring's storage chain of a class, the deadline and retention in a part's name. *Out*: what the Parquet library encrypts and decrypts
//! with: AES-GCM with 256 bits (Parquet modular encryption, `AES_GCM_V1`), the footer encrypted, too. *Promised*: without the key nothing of a part can
//! be read but its size, and the label that says which key it needs. *Not here*: the keys (`keys::storage`).
//!
//! An encrypted part has no Bloom filters: the library would write them in the clear, and whoever has a token could ask them whether it is there.
//! A part is written with [modules](super::modules) of our own, so that it may end several times, as a plain one; the library writes what is
//! [merged](super::merge). Both hold the key, in memory that is not wiped, while a part is open.

use std::sync::Arc;

use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;

use super::modules::Modules;
use crate::keys::{KeyError, StorageKey, StorageKeys, StorageUse};
use crate::record::timestamp::Timestamp;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum CryptError {
    /// The keyring has none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The library does not take it.
    #[error("the library that writes Parquet does not take a key of 256 bits; it is a bug, report it")]
    Library,
    /// Nothing can be sealed.
    #[error(transparent)]
    Seal(std::io::Error),
}

impl From<ParquetError> for CryptError {
    fn from(_: ParquetError) -> Self {
        Self::Library
    }
}

/// What the part with this deadline in its name is written with.
pub(super) fn encryption(
    keys: &StorageKeys,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<Arc<FileEncryptionProperties>, CryptError> {
    let key = keys.key_of_deadline(deadline, now)?;
    let properties = FileEncryptionProperties::builder(bytes(&key));
    Ok(properties.with_footer_key_metadata(label(keys, &key)).build()?)
}

/// What it is read with.
pub(super) fn decryption(
    keys: &StorageKeys,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<Arc<FileDecryptionProperties>, CryptError> {
    let key = keys.key_of_deadline(deadline, now)?;
    Ok(FileDecryptionProperties::builder(bytes(&key)).build()?)
}

/// What seals a part that we encrypt ourselves: its modules, and the label that says which key they have.
pub(super) struct Sealing {
    pub modules: Modules,
    pub label: Vec<u8>,
}

/// What the part with this deadline in its name is sealed with.
pub(super) fn sealing(
    keys: &StorageKeys,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<Sealing, CryptError> {
    let key = keys.key_of_deadline(deadline, now)?;
    let modules = Modules::new(&key.expose_for(StorageUse::Parquet)).map_err(CryptError::Seal)?;
    Ok(Sealing { modules, label: label(keys, &key) })
}

/// What the modules are opened with of the part with this deadline in its name, which tells itself from others by `unique`.
pub(super) fn opening(
    keys: &StorageKeys,
    deadline: Timestamp,
    now: Timestamp,
    unique: Vec<u8>,
) -> Result<Modules, CryptError> {
    let key = keys.key_of_deadline(deadline, now)?;
    Modules::of(&key.expose_for(StorageUse::Parquet), unique).map_err(CryptError::Seal)
}

/// Which key it is, for whoever reads.
fn label(keys: &StorageKeys, key: &StorageKey) -> Vec<u8> {
    format!("{}/{}", keys.storage(), key.epoch()).into_bytes()
}

/// The library encrypts with it, and takes no other form.
fn bytes(key: &StorageKey) -> Vec<u8> {
    key.expose_for(StorageUse::Parquet).to_vec()
}
