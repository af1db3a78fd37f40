//! The commands and the opening of a keyring, with the journal that the program gives them.

use std::io::BufRead;
use std::path::Path;

use sluis::keys::{KeyError, KeyEvent, Keys, RenewFrom, Storage, StorageKey};
pub use sluis::keys::{Ledger, list};
use sluis::policy::class::Domain;
use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::KeyJournal;

type Events = Result<Vec<KeyEvent>, KeyError>;

pub fn open(dir: &Path, domains: &[Domain], now: Timestamp) -> Result<(Keys, Vec<KeyEvent>), KeyError> {
    Keys::open(dir, domains, now, Box::new(KeyJournal::of(dir)))
}

pub fn init(dir: &Path, domains: &[(&str, u64, u64)], now: Timestamp) -> Events {
    sluis::keys::init(dir, domains, now, &KeyJournal::of(dir))
}

pub fn init_storage(dir: &Path, storages: &[Storage], now: Timestamp) -> Events {
    sluis::keys::init_storage(dir, storages, now, &KeyJournal::of(dir))
}

pub fn read_key(
    dir: &Path,
    storage: &Storage,
    epoch: u64,
    now: Timestamp,
) -> Result<(StorageKey, Vec<KeyEvent>), KeyError> {
    sluis::keys::read_key(dir, storage, epoch, now, &KeyJournal::of(dir))
}

pub fn advance(dir: &Path, now: Timestamp) -> Events {
    sluis::keys::advance(dir, now, &KeyJournal::of(dir))
}

pub fn export(dir: &Path, recipient: &str, now: Timestamp) -> Result<(Vec<u8>, Vec<KeyEvent>), KeyError> {
    sluis::keys::export(dir, recipient, now, &KeyJournal::of(dir))
}

pub fn import(dir: &Path, sealed: &[u8], identities: impl BufRead, now: Timestamp) -> Events {
    sluis::keys::import(dir, sealed, identities, now, &KeyJournal::of(dir))
}

pub fn renew(
    dir: &Path,
    names: &[String],
    from: RenewFrom,
    epoch_seconds: Option<u64>,
    now: Timestamp,
) -> Events {
    sluis::keys::renew(dir, names, from, epoch_seconds, now, &KeyJournal::of(dir))
}
