//! Keys for what is stored, which die with it: one chain for each class, stage and retention.
//!
//! ```text
//! SC(s) ──"storage ratchet"──▶ SC(s+1) …                    only forward, as the chains of domains
//!   │ "storage", class, stage, retention, s
//!   ▼
//! S(s) ──"storage use", u──▶ S(s,u)        u ∈ age, frames, parquet: no two formats share a key
//! ```
//! *In*: a class, how long its records live, instants. *Out*: the storage epoch of a record, when that begins, ends and is due; its
//! [`StorageKey`]. *Promised*: records of one storage epoch `s` are those whose instant (the earlier of event and received time) lies in it; their key
//! is gone by `start(s) + retention`, the deadline of the earliest of them, so that no copy of what was stored can be read after it (PI-4); each node
//! that has the chain derives the same key. *Not here*: what is encrypted, and how (`sink`).
//!
//! A storage epoch lasts an hour, or a twenty-fourth of the retention if that is less. A key goes a stated margin early, since whoever destroys it
//! looks only now and then: a 48th of the retention, two minutes at most.
//!
//! 2026-12: the retention is part of a chain's name, chosen over one chain per class whose retention can be raised as that of a domain can,
//! because a longer retention never lengthens what is stored, and that must hold for the key of a copy, too. A class whose retention changes gets
//! another chain, and the earlier one dies as it was meant to.

use std::fmt;

use zeroize::Zeroizing;

use super::chain::seconds_of;
use super::error::KeyError;
use super::ratchet;
use super::secret::{KEY_BYTES, Secret};
use super::shared::Keys;
use crate::record::timestamp::Timestamp;

/// The shortest retention that has storage epochs of its own, in seconds: below, an epoch and the margin would be most of it.
pub const RETENTION_SECONDS_MIN: u64 = 60;

/// The longest storage epoch.
const EPOCH_SECONDS_MAX: u64 = 3_600;
/// Storage epochs in a retention, where they are shorter than the longest.
const EPOCHS: u64 = 24;
/// What share of the retention the margin is.
pub const MARGIN_SHARE: u64 = 48;
/// The longest margin.
const MARGIN_SECONDS_MAX: u64 = 120;

/// What the label of a storage chain begins with. No domain is called so: their names have no slash.
const LABEL: &str = "storage/";

/// Length of a storage epoch for a retention, both in seconds: an hour, or a twenty-fourth of the retention if that is less; at least a second.
pub const fn epoch_seconds(retention_seconds: u64) -> u64 {
    at_least_one(retention_seconds / EPOCHS, EPOCH_SECONDS_MAX)
}

/// By how much what is stored, and its key, may go before its deadline, in seconds: a 48th of the retention, from a second to two minutes.
pub const fn margin_seconds(retention_seconds: u64) -> u64 {
    at_least_one(retention_seconds / MARGIN_SHARE, MARGIN_SECONDS_MAX)
}

const fn at_least_one(share: u64, most: u64) -> u64 {
    if share == 0 {
        1
    } else if share < most {
        share
    } else {
        most
    }
}

/// True for the name under which events and facts speak of a storage chain.
pub fn is_storage(label: &str) -> bool {
    label.starts_with(LABEL)
}

/// What one storage chain is for: the records of a class, at a stage, that live as long as this.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Storage {
    /// The class.
    pub class: String,
    /// The stage that its records are at; 0 as they arrive, and for a class without stages.
    pub stage: u32,
    /// How long after its instant a record is stored at this stage, in seconds.
    pub retention_seconds: u64,
}

impl Storage {
    /// The storage of a class as its records arrive.
    pub fn of(class: &str, retention_seconds: u64) -> Self {
        Self { class: class.to_owned(), stage: 0, retention_seconds }
    }

    /// Length of a storage epoch in seconds.
    pub const fn epoch_seconds(&self) -> u64 {
        epoch_seconds(self.retention_seconds)
    }

    /// By how much a key goes before the deadline, in seconds.
    pub const fn margin_seconds(&self) -> u64 {
        margin_seconds(self.retention_seconds)
    }

    /// How long after the end of its epoch a key lives, in seconds: what the ratchet counts with.
    pub(super) const fn lives_seconds(&self) -> u64 {
        self.retention_seconds.saturating_sub(self.epoch_seconds() + self.margin_seconds())
    }

    /// The storage epoch of a record with this instant; what lies before 1970 is in epoch 0.
    pub fn epoch_of(&self, instant: Timestamp) -> u64 {
        seconds_of(instant) / self.epoch_seconds()
    }

    /// The storage epoch of a record with this deadline, or of a part with this deadline in its name.
    pub fn epoch_of_deadline(&self, deadline: Timestamp) -> u64 {
        self.epoch_of(deadline.plus_seconds(-signed(self.retention_seconds)))
    }

    /// When an epoch begins.
    pub fn start_of(&self, epoch: u64) -> Timestamp {
        Timestamp::from_seconds(signed(epoch.saturating_mul(self.epoch_seconds())))
    }

    /// When an epoch ends: the next begins.
    pub fn end_of(&self, epoch: u64) -> Timestamp {
        self.start_of(epoch.saturating_add(1))
    }

    /// The deadline of a part of this epoch: that of the earliest record that can be in it, `start + retention`.
    pub fn deadline_of(&self, epoch: u64) -> Timestamp {
        self.start_of(epoch).plus_seconds(signed(self.retention_seconds))
    }

    /// When part and key of this epoch go: the margin before the deadline.
    pub fn due_of(&self, epoch: u64) -> Timestamp {
        self.deadline_of(epoch).plus_seconds(-signed(self.margin_seconds()))
    }
}

impl fmt::Display for Storage {
    /// The label that events, facts and the journal name the chain by: `storage/web/14d`, with `/1` behind it for the first stage.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
        let seconds = self.retention_seconds;
        let fits = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
        let (length, unit) = fits.unwrap_or((1, 's'));
        write!(out, "{LABEL}{}/{}{unit}", self.class, seconds / length)?;
        if self.stage > 0 {
            write!(out, "/{}", self.stage)?;
        }
        Ok(())
    }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// What a key is used for. Each use has a key of its own, so that what one format leaks is of no help with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageUse {
    /// The secret of an age identity (X25519), for finished files.
    Age,
    /// Frames of a file that is still being written.
    Frames,
    /// Parquet modular encryption, footer and columns: 256 bits.
    Parquet,
}

impl StorageUse {
    /// The word that goes into the derivation. Never change one: what was stored could no longer be read.
    const fn label(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Frames => "frames",
            Self::Parquet => "parquet",
        }
    }
}

/// The key of one storage epoch, `S(s)`. On a locked page, wiped on drop, never printable; the holder drops it at [`due`](Self::due).
pub struct StorageKey {
    key: Secret,
    epoch: u64,
    due: Timestamp,
}

impl StorageKey {
    pub(super) const fn new(key: Secret, epoch: u64, due: Timestamp) -> Self {
        Self { key, epoch, due }
    }

    /// The storage epoch that it is of.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// From when on it must not be used any more.
    pub const fn due(&self) -> Timestamp {
        self.due
    }

    /// The bytes for one use, `S(s,u)`. The one way out of this room: to what encrypts with them, and to whoever asked for a read key.
    pub fn expose_for(&self, what: StorageUse) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut out = Zeroizing::new([0; KEY_BYTES]);
        // The epoch's key, to derive that of the use from it.
        ratchet::storage_use(self.key.expose(), what.label(), &mut out);
        ratchet::scrub_stack();
        out
    }

    /// The bytes for the frames of the one part that has this random `salt`: its nonces can be counted.
    pub fn expose_for_part(&self, salt: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut out = Zeroizing::new([0; KEY_BYTES]);
        ratchet::storage_part(&self.expose_for(StorageUse::Frames), salt, &mut out);
        ratchet::scrub_stack();
        out
    }
}

/// The keys of one storage chain in use, for whoever stores. Cheap to clone.
#[derive(Clone)]
pub struct StorageKeys {
    keys: Keys,
    storage: Storage,
}

impl StorageKeys {
    pub(super) const fn new(keys: Keys, storage: Storage) -> Self {
        Self { keys, storage }
    }

    /// What they are for.
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The key of an epoch: [`KeyError::Dead`] once it is destroyed or due at `now`, [`KeyError::Future`] before it begins. Walks the ratchet
    /// from the oldest living epoch: some microseconds, or a few milliseconds in a retention of a year. Asked once for each part.
    pub fn key(&self, epoch: u64, now: Timestamp) -> Result<StorageKey, KeyError> {
        self.keys.storage_key(&self.storage, epoch, now)
    }

    /// The key of the epoch whose records are due at `deadline` or up to an epoch later, for who stores them. A clock that was set back a little
    /// may find them in the epoch to come: its key is given, too.
    pub fn key_of_deadline(&self, deadline: Timestamp, now: Timestamp) -> Result<StorageKey, KeyError> {
        let epoch = self.storage.epoch_of_deadline(deadline);
        let begins = self.storage.start_of(epoch);
        let width = i64::try_from(self.storage.epoch_seconds()).unwrap_or(0);
        self.key(epoch, if begins <= now.plus_seconds(width) { now.max(begins) } else { now })
    }
}

/// Refuses a storage that cannot be.
pub(super) fn check(storage: &Storage) -> Result<(), KeyError> {
    let problem = if storage.retention_seconds < RETENTION_SECONDS_MIN {
        format!(
            "what is encrypted lives {RETENTION_SECONDS_MIN} s or longer, not {} s",
            storage.retention_seconds
        )
    } else if i64::try_from(storage.retention_seconds).is_err() {
        "it would live beyond the end of time".to_owned()
    } else {
        return super::keyring::check_name(&storage.class);
    };
    Err(KeyError::Domain { domain: storage.to_string(), problem })
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
