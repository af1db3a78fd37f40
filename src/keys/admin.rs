//! What the command line does to a keyring: one function per command, each one locked change.
//!
//! *In*: a directory, an instant and a [`Ledger`]. *Out*: [`KeyEvent`]s, which the ledger has by then. *Promised*: each
//! change advances the keyring as well, so that none writes a key that is already due. *Not here*: arguments and tables (`cli`), the keys in use (`shared`).

use std::io::BufRead;
use std::path::Path;

use super::error::KeyError;
use super::event::KeyEvent;
use super::keyring::{ChainFacts, Keyring};
use super::ledger::Ledger;
use super::renewal::RenewFrom;
use super::seal;
use super::storage::{Storage, StorageKey, is_storage};
use super::store::{Entry, Store};
use crate::record::timestamp::Timestamp;

/// Makes a keyring, or adds domains to one: name, epoch length and longest retention in seconds. A domain that exists
/// keeps its keys; a longer retention is recorded, another epoch length refused.
pub fn init(
    dir: &Path,
    domains: &[(&str, u64, u64)],
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<Vec<KeyEvent>, KeyError> {
    init_all(dir, domains, &[], now, ledger)
}

/// Makes a keyring, or adds chains for what is stored to one. Those that exist are left as they are.
pub fn init_storage(
    dir: &Path,
    storages: &[Storage],
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<Vec<KeyEvent>, KeyError> {
    init_all(dir, &[], storages, now, ledger)
}

/// Both, in one change: all or nothing.
pub fn init_all(
    dir: &Path,
    domains: &[(&str, u64, u64)],
    storages: &[Storage],
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<Vec<KeyEvent>, KeyError> {
    let store = Store::open_or_make(dir)?;
    let changed = store.change_or_create(Entry { ledger, now }, |keyring| {
        let mut events = Vec::new();
        for &(name, epoch_seconds, retention_seconds) in domains {
            events.extend(keyring.create(name, epoch_seconds, retention_seconds, now)?);
        }
        for storage in storages {
            events.extend(keyring.create_storage(storage, now)?);
        }
        events.extend(keyring.advance(now)?);
        Ok(events)
    })?;
    Ok(changed.events)
}

/// The key of one storage epoch, for a person who reads what is stored. It is handed out once the ledger says so.
pub fn read_key(
    dir: &Path,
    storage: &Storage,
    epoch: u64,
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<(StorageKey, Vec<KeyEvent>), KeyError> {
    let mut key = Err(KeyError::Dead { epoch });
    let changed = Store::open(dir)?.change(Entry { ledger, now }, |keyring| {
        let mut events = keyring.advance(now)?;
        key = keyring.storage_key(storage, epoch, now);
        if key.is_ok() {
            events.push(KeyEvent::Read { domain: storage.to_string(), epoch });
        }
        Ok(events)
    })?;
    Ok((key?, changed.events))
}

/// What may be told of every chain.
pub fn list(dir: &Path, now: Timestamp) -> Result<Vec<ChainFacts>, KeyError> {
    let (keyring, _) = Store::open(dir)?.read()?;
    Ok(keyring.facts(now))
}

/// Destroys every key that is due.
pub fn advance(dir: &Path, now: Timestamp, ledger: &dyn Ledger) -> Result<Vec<KeyEvent>, KeyError> {
    Ok(Store::open(dir)?.change(Entry { ledger, now }, |keyring| keyring.advance(now))?.events)
}

/// Seals all living chains to `recipient`. They are sealed under the keyring's lock and handed out once the ledger says so.
pub fn export(
    dir: &Path,
    recipient: &str,
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<(Vec<u8>, Vec<KeyEvent>), KeyError> {
    let mut sealed = Vec::new();
    let changed = Store::open(dir)?.change(Entry { ledger, now }, |keyring| {
        let mut events = keyring.advance(now)?;
        let (bytes, exported) = seal::seal(keyring, recipient)?;
        sealed = bytes;
        events.extend(exported);
        Ok(events)
    })?;
    Ok((sealed, changed.events))
}

/// Opens sealed chains and merges them into the keyring of `dir`, which is made if it is not there.
pub fn import(
    dir: &Path,
    sealed: &[u8],
    identities: impl BufRead,
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<Vec<KeyEvent>, KeyError> {
    // Opened before the directory is made: a wrong identity leaves nothing behind.
    let mut arrived = seal::open(sealed, identities)?;
    // What died on its way is neither merged nor written.
    let _ = arrived.advance(now)?;
    let changed = Store::open_or_make(dir)?.change_or_create(Entry { ledger, now }, |keyring| {
        let mut events = keyring.merge(arrived)?;
        events.extend(keyring.advance(now)?);
        Ok(events)
    })?;
    Ok(changed.events)
}

/// Gives the named domains, or all, fresh random chains from a coming epoch on.
pub fn renew(
    dir: &Path,
    names: &[String],
    from: RenewFrom,
    epoch_seconds: Option<u64>,
    now: Timestamp,
    ledger: &dyn Ledger,
) -> Result<Vec<KeyEvent>, KeyError> {
    let changed = Store::open(dir)?.change(Entry { ledger, now }, |keyring| {
        let names = if names.is_empty() { all_names(keyring, from, epoch_seconds) } else { names.to_vec() };
        let mut events = keyring.advance(now)?;
        for name in &names {
            events.extend(keyring.renew(name, from, epoch_seconds, now)?);
        }
        Ok(events)
    })?;
    Ok(changed.events)
}

/// All that are meant where none is named: a length of epochs, or the number of one, is of domains alone.
fn all_names(keyring: &Keyring, from: RenewFrom, epoch_seconds: Option<u64>) -> Vec<String> {
    let of_domains = epoch_seconds.is_some() || matches!(from, RenewFrom::Epoch(_));
    keyring.labels().filter(|label| !(of_domains && is_storage(label))).collect()
}
