//! Encrypted parts of Parquet: one key for footer and columns, that of the part's storage epoch, which dies when the part is due.
//!
//! *In*: the keyring's storage chain of a class, the deadline and retention in a part's name. *Out*: what the Parquet library encrypts and decrypts
//! with: AES-GCM with 256 bits (Parquet modular encryption, `AES_GCM_V1`), the footer encrypted, too. *Promised*: without the key nothing of a part can
//! be read but its size, and the label that says which key it needs. *Not here*: the keys (`keys::storage`).
//!
//! An encrypted part has no Bloom filters: the library would write them in the clear, and whoever has a token could ask them whether it is there.
//! It has one footer: the library's writer of footers for open parts does not encrypt. So it ends at each checkpoint, and is small until it is
//! [merged](super::merge). The library holds the key, in memory that it does not wipe, while a part is written or merged.

use std::sync::Arc;

use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use zeroize::Zeroizing;

use super::SinkError;
use crate::keys::{KeyError, Keys, Storage, StorageUse};
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
}

impl From<ParquetError> for CryptError {
    fn from(_: ParquetError) -> Self {
        Self::Library
    }
}

/// The keys of the parts of one class.
#[derive(Clone)]
pub struct Crypt {
    keys: Keys,
    class: String,
}

impl Crypt {
    /// Of a class whose records live so long.
    ///
    /// # Errors
    /// When the keyring has no storage chain for it.
    pub fn open(keys: &Keys, class: &str, retention_seconds: u64) -> Result<Self, SinkError> {
        let there = keys.storage(Storage::of(class, retention_seconds));
        there.map_err(|error| SinkError::Io { place: "keys".to_owned(), problem: error.to_string() })?;
        Ok(Self::of(keys, class))
    }

    /// The same, whatever the keyring has.
    pub(super) fn of(keys: &Keys, class: &str) -> Self {
        Self { keys: keys.clone(), class: class.to_owned() }
    }

    /// By how much a key dies before its deadline, in seconds.
    pub(super) fn margin_seconds(&self, retention_seconds: u64) -> u64 {
        Storage::of(&self.class, retention_seconds).margin_seconds()
    }

    /// The key of a part, and its label.
    fn key(
        &self,
        retention_seconds: u64,
        deadline: Timestamp,
        now: Timestamp,
    ) -> Result<(Zeroizing<[u8; 32]>, String), KeyError> {
        let storage = Storage::of(&self.class, retention_seconds);
        let epoch = storage.epoch_of_deadline(deadline);
        let label = format!("{storage}/{epoch}");
        // A clock that is set back a little may take a record that was received into the epoch to come.
        let begins = storage.start_of(epoch);
        let is_near = begins <= now.plus_seconds(i64::try_from(storage.epoch_seconds()).unwrap_or(0));
        let now = if is_near { now.max(begins) } else { now };
        let key = self.keys.storage(storage)?.key(epoch, now)?;
        // The library encrypts with it.
        Ok((key.expose_for(StorageUse::Parquet), label))
    }

    /// What a part with this retention and deadline in its name is written with.
    pub(super) fn encryption(
        &self,
        retention_seconds: u64,
        deadline: Timestamp,
        now: Timestamp,
    ) -> Result<Arc<FileEncryptionProperties>, CryptError> {
        let (key, label) = self.key(retention_seconds, deadline, now)?;
        let properties = FileEncryptionProperties::builder(key.to_vec());
        Ok(properties.with_footer_key_metadata(label.into_bytes()).build()?)
    }

    /// What it is read with.
    pub(super) fn decryption(
        &self,
        retention_seconds: u64,
        deadline: Timestamp,
        now: Timestamp,
    ) -> Result<Arc<FileDecryptionProperties>, CryptError> {
        let (key, _) = self.key(retention_seconds, deadline, now)?;
        Ok(FileDecryptionProperties::builder(key.to_vec()).build()?)
    }
}
