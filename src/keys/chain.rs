//! One chain: a chain key, the epoch it belongs to, and where the chain ends.
//!
//! *In*: epoch numbers and seconds. *Out*: the keys of an epoch. *Promised*: what lies before the chain's epoch cannot be
//! computed from it (PI-5). *Not here*: which chain serves which time, and when one advances (`keyring`).

use zeroize::Zeroizing;

use super::error::KeyError;
use super::pseudonym::{EpochKeys, Life};
use super::ratchet::{self, Line};
use super::secret::{self, KEY_BYTES, Secret};
use super::storage::{Storage, StorageKey};
use crate::record::timestamp::Timestamp;

/// The shortest epoch, in seconds: a keyring that slept for ten years then still advances in a few seconds.
pub const EPOCH_SECONDS_MIN: u64 = 60;

/// The longest epoch, in seconds: ten years.
pub const EPOCH_SECONDS_MAX: u64 = 10 * 366 * 86_400;

/// The most steps of the ratchet that are taken for one request: some five seconds. More means a wrong clock or a keyring
/// that was made to waste time.
pub(super) const STEPS_MAX: u64 = 1 << 24;

/// A chain of epoch keys from `epoch` to `until`.
pub(super) struct Chain {
    /// `CK(epoch)` or `SC(epoch)`.
    pub(super) key: Secret,
    /// What it is of.
    pub(super) line: Line,
    /// Length of an epoch.
    pub(super) epoch_seconds: u64,
    /// The first epoch that still has a key.
    pub(super) epoch: u64,
    /// The first epoch that belongs to the next chain; `None` for the last chain.
    pub(super) until: Option<u64>,
}

/// Seconds since 1970 as unsigned; what lies before counts as 1970.
pub(super) fn seconds_of(instant: Timestamp) -> u64 {
    u64::try_from(instant.seconds()).unwrap_or(0)
}

/// The instant of unsigned seconds; stops at the end of the range.
fn instant_of(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

impl Chain {
    /// The epoch that `seconds` since 1970 fall into, by this chain's length.
    pub(super) const fn epoch_at(&self, seconds: u64) -> u64 {
        seconds / self.epoch_seconds
    }

    /// When `epoch` begins, in seconds since 1970.
    pub(super) const fn start_of(&self, epoch: u64) -> u64 {
        epoch.saturating_mul(self.epoch_seconds)
    }

    /// When this chain gives way to the next, in seconds since 1970.
    pub(super) fn end(&self) -> u64 {
        self.until.map_or(u64::MAX, |until| self.start_of(until))
    }

    /// The earliest epoch whose key lives at `now`: the least e with `now < end(e) + retention`.
    pub(super) const fn first_living(&self, now: u64, retention_seconds: u64) -> u64 {
        now.saturating_sub(retention_seconds) / self.epoch_seconds
    }

    /// When the key of `epoch` dies, in seconds since 1970.
    pub(super) const fn death_of(&self, epoch: u64, retention_seconds: u64) -> u64 {
        self.start_of(epoch.saturating_add(1)).saturating_add(retention_seconds)
    }

    /// Whether `epoch` belongs here and has not been wiped.
    pub(super) fn holds(&self, epoch: u64) -> bool {
        self.epoch <= epoch && self.until.is_none_or(|until| epoch < until)
    }

    /// Moves on to `epoch` and forgets what was before. The caller has bounded the steps.
    pub(super) fn advance_to(&mut self, epoch: u64) {
        let steps = epoch.saturating_sub(self.epoch);
        ratchet::forward(self.line, self.key.expose_mut(), steps);
        self.epoch += steps;
        ratchet::scrub_stack();
    }

    /// The keys of `epoch`, which the chain [`holds`](Self::holds). The steps between are walked on a copy.
    pub(super) fn keys_of(
        &self,
        domain: &str,
        epoch: u64,
        retention_seconds: u64,
    ) -> Result<EpochKeys, KeyError> {
        let chain = self.walked(domain, epoch)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        ratchet::epoch_key(&chain, domain, epoch, &mut key);
        let life = self.life_of(epoch, retention_seconds);
        let keys = EpochKeys::new(domain, life, &key);
        ratchet::scrub_stack();
        Ok(keys)
    }

    /// The key of storage epoch `epoch`, which the chain [`holds`](Self::holds).
    pub(super) fn storage_key(&self, storage: &Storage, epoch: u64) -> Result<StorageKey, KeyError> {
        let chain = self.walked(&storage.to_string(), epoch)?;
        let key = Secret::filled(|key| ratchet::storage_key(&chain, storage, epoch, key));
        ratchet::scrub_stack();
        Ok(StorageKey::new(key, epoch, storage.due_of(epoch)))
    }

    /// The chain key of `epoch`. A copy, because the chain itself must still give the keys of the epochs between.
    fn walked(&self, label: &str, epoch: u64) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
        let steps = self.steps_to(label, epoch)?;
        let mut walked = Zeroizing::new([0; KEY_BYTES]);
        // Walked on a copy, see above.
        walked.copy_from_slice(self.key.expose());
        ratchet::forward(self.line, &mut walked, steps);
        Ok(walked)
    }

    /// Whether `other` is this chain, at whatever epoch both are: compared at the later of the two epochs.
    pub(super) fn is_same_line(&self, domain: &str, other: &Self) -> Result<bool, KeyError> {
        if self.epoch_seconds != other.epoch_seconds || self.line != other.line {
            return Ok(false);
        }
        let (behind, ahead) = if self.epoch <= other.epoch { (self, other) } else { (other, self) };
        let walked = behind.walked(domain, ahead.epoch)?;
        // Compared in place, in constant time.
        let same = secret::same(&walked, ahead.key.expose());
        ratchet::scrub_stack();
        Ok(same)
    }

    /// Steps from this chain's epoch to `epoch`, refused when they are more than any clock explains.
    pub(super) fn steps_to(&self, domain: &str, epoch: u64) -> Result<u64, KeyError> {
        let steps = epoch.saturating_sub(self.epoch);
        if steps > STEPS_MAX {
            return Err(KeyError::Clock { domain: domain.to_owned(), epochs: steps });
        }
        Ok(steps)
    }

    fn life_of(&self, epoch: u64, retention_seconds: u64) -> Life {
        life(self.epoch_seconds, epoch, self.death_of(epoch, retention_seconds))
    }
}

/// The life of an epoch that dies at `dies` seconds since 1970. Epoch 0 also takes what lies before 1970.
pub(super) fn life(epoch_seconds: u64, epoch: u64, dies: u64) -> Life {
    let start =
        if epoch == 0 { Timestamp(i64::MIN) } else { instant_of(epoch.saturating_mul(epoch_seconds)) };
    let end = instant_of(epoch.saturating_add(1).saturating_mul(epoch_seconds));
    Life { epoch, start, end, dies: instant_of(dies) }
}
