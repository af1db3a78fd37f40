//! The keyring: for each pseudonymisation domain its chains, from the oldest that lives to the last; and the same for what is stored of each
//! class ([`storage`](super::storage)).
//!
//! *In*: domains, instants, random keys. *Out*: the keys of a living epoch. *Promised*: PI-5, a key is handed out only
//! from the beginning of its epoch until the longest retention of its domain has passed since its end; after
//! [`advance`](Keyring::advance) it cannot be computed any more. *Not here*: disks and locks (`store`), sharing between
//! threads (`shared`), sealing for another node (`seal`).
//!
//! A domain usually has one chain. A renewal adds a second, fresh and random, which serves from a coming epoch on; the
//! first then ends there and is destroyed when its last epoch has died. Chains may differ in epoch length.

use super::chain::{Chain, EPOCH_SECONDS_MAX, EPOCH_SECONDS_MIN, seconds_of};
use super::error::KeyError;
use super::event::KeyEvent;
use super::pseudonym::EpochKeys;
use super::ratchet::Line;
use super::secret::Secret;
use super::storage::{self, Storage, StorageKey};
use crate::record::timestamp::Timestamp;

/// The most bytes of a domain's name.
const NAME_BYTES_MAX: usize = 64;

/// All domains and their chains. Has no `Debug`: it holds keys.
#[derive(Default)]
pub struct Keyring {
    pub(super) rings: Vec<Ring>,
}

/// What a ring is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A pseudonymisation domain.
    Domain,
    /// What is stored of a class at this stage.
    Storage(u32),
}

/// The chains of one domain, or of one storage.
pub(super) struct Ring {
    pub(super) kind: Kind,
    /// The domain, or the class.
    pub(super) name: String,
    /// The longest of a domain, which may be raised; of a storage the one that it is for.
    pub(super) retention_seconds: u64,
    /// Never empty; in order of time; only the last has no end.
    pub(super) chains: Vec<Chain>,
}

/// What may be told of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFacts {
    /// The domain, or the label of a storage.
    pub domain: String,
    /// Length of an epoch in seconds.
    pub epoch_seconds: u64,
    /// Longest retention of the domain in seconds.
    pub retention_seconds: u64,
    /// The first epoch that has a key.
    pub first_epoch: u64,
    /// When that epoch begins.
    pub first_start: Timestamp,
    /// When its key dies: the oldest key of the chain.
    pub first_dies: Timestamp,
    /// The first epoch of the next chain, if there is one.
    pub until: Option<u64>,
    /// The `sluis.epoch` value of the current epoch, if this chain serves it; of a storage its label and number.
    pub current: Option<String>,
}

impl Keyring {
    /// The index of a domain.
    pub fn domain(&self, name: &str) -> Option<usize> {
        self.rings.iter().position(|ring| ring.kind == Kind::Domain && ring.name == name)
    }

    /// The index of a storage.
    pub fn storage(&self, storage: &Storage) -> Option<usize> {
        self.rings.iter().position(|ring| ring.storage().as_ref() == Some(storage))
    }

    /// The index of the ring that is of the same as `other`.
    pub(super) fn counterpart(&self, other: &Ring) -> Option<usize> {
        other.storage().map_or_else(|| self.domain(&other.name), |storage| self.storage(&storage))
    }

    /// Adds a domain with a random chain. It begins at the oldest epoch whose records may still be kept at `now`, so
    /// that logs of the last days can be read. A domain that exists only has its retention raised; another epoch length
    /// is refused.
    pub fn create(
        &mut self,
        name: &str,
        epoch_seconds: u64,
        retention_seconds: u64,
        now: Timestamp,
    ) -> Result<Vec<KeyEvent>, KeyError> {
        check_domain(name, epoch_seconds, retention_seconds)?;
        if self.domain(name).is_some() {
            return self.require(name, epoch_seconds, retention_seconds, now);
        }
        let ring = Ring { kind: Kind::Domain, name: name.to_owned(), retention_seconds, chains: Vec::new() };
        self.add(ring, epoch_seconds, now)
    }

    /// Adds what is stored of a class, with a random chain that begins at the oldest epoch whose records may still be kept at `now`. One that
    /// exists is left as it is.
    pub fn create_storage(&mut self, storage: &Storage, now: Timestamp) -> Result<Vec<KeyEvent>, KeyError> {
        storage::check(storage)?;
        if self.storage(storage).is_some() {
            return Ok(Vec::new());
        }
        let Storage { class, stage, retention_seconds } = storage.clone();
        let ring = Ring { kind: Kind::Storage(stage), name: class, retention_seconds, chains: Vec::new() };
        self.add(ring, storage.epoch_seconds(), now)
    }

    /// Gives `ring` its first chain, and takes it in.
    fn add(&mut self, mut ring: Ring, epoch_seconds: u64, now: Timestamp) -> Result<Vec<KeyEvent>, KeyError> {
        let mut chain =
            Chain { key: Secret::random()?, line: ring.line(), epoch_seconds, epoch: 0, until: None };
        chain.epoch = chain.first_living(seconds_of(now), ring.lives_seconds());
        let event = KeyEvent::Created {
            domain: ring.label(),
            epoch: chain.epoch,
            epoch_seconds,
            retention_seconds: ring.retention_seconds,
        };
        ring.chains.push(chain);
        self.rings.push(ring);
        Ok(vec![event])
    }

    /// Checks a policy's domain against the record: its epoch length must be that of the chain that serves `now` or of
    /// one that will; a longer retention raises the record, a shorter one changes nothing.
    pub fn require(
        &mut self,
        name: &str,
        epoch_seconds: u64,
        retention_seconds: u64,
        now: Timestamp,
    ) -> Result<Vec<KeyEvent>, KeyError> {
        let unknown = || KeyError::UnknownDomain { domain: name.to_owned() };
        let index = self.domain(name).ok_or_else(unknown)?;
        let ring = &mut self.rings[index];
        let serving = ring.serving(seconds_of(now));
        if ring.chains[serving..].iter().all(|chain| chain.epoch_seconds != epoch_seconds) {
            let recorded = ring.chains[serving].epoch_seconds;
            return Err(KeyError::EpochLength { domain: name.to_owned(), recorded, wanted: epoch_seconds });
        }
        if retention_seconds <= ring.retention_seconds {
            return Ok(Vec::new());
        }
        let from = std::mem::replace(&mut ring.retention_seconds, retention_seconds);
        Ok(vec![KeyEvent::Raised { domain: name.to_owned(), from, to: retention_seconds }])
    }

    /// The epoch of `instant`, UTC-aligned, by the chain that serves it. Instants before 1970 are in epoch 0. An index out
    /// of range is a programmer's error and gives epoch 0, for which [`epoch_keys`](Self::epoch_keys) has no key.
    pub fn epoch_of(&self, domain: usize, instant: Timestamp) -> u64 {
        let seconds = seconds_of(instant);
        self.rings.get(domain).map_or(0, |ring| ring.chains[ring.serving(seconds)].epoch_at(seconds))
    }

    /// The keys of an epoch that lives at `now`; whoever holds them must drop them at [`EpochKeys::dies`].
    pub fn epoch_keys(&self, domain: usize, epoch: u64, now: Timestamp) -> Result<EpochKeys, KeyError> {
        let ring = self.rings.get(domain).filter(|ring| ring.kind == Kind::Domain);
        let ring = ring.ok_or(KeyError::Dead { epoch })?;
        ring.living(epoch, seconds_of(now))?.keys_of(&ring.name, epoch, ring.retention_seconds)
    }

    /// The key of a storage epoch that lives at `now`; whoever holds it must drop it at [`StorageKey::due`].
    pub fn storage_key(&self, storage: &Storage, epoch: u64, now: Timestamp) -> Result<StorageKey, KeyError> {
        let index = self.storage(storage).ok_or_else(|| KeyError::unknown_storage(storage))?;
        self.rings[index].living(epoch, seconds_of(now))?.storage_key(storage, epoch)
    }

    /// Whether [`advance`](Self::advance) would destroy something.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let now = seconds_of(now);
        self.rings.iter().any(|ring| {
            ring.chains.iter().any(|chain| chain.first_living(now, ring.lives_seconds()) > chain.epoch)
        })
    }

    /// Destroys every key that is due at `now`. All domains advance or, when the clock cannot be right, none.
    pub fn advance(&mut self, now: Timestamp) -> Result<Vec<KeyEvent>, KeyError> {
        let now = seconds_of(now);
        for ring in &self.rings {
            for chain in &ring.chains {
                chain.steps_to(&ring.label(), chain.first_living(now, ring.lives_seconds()))?;
            }
        }
        let mut events = Vec::new();
        for ring in &mut self.rings {
            ring.advance(now, &mut events);
        }
        Ok(events)
    }

    /// What may be told of every chain.
    pub fn facts(&self, now: Timestamp) -> Vec<ChainFacts> {
        let mut facts = Vec::new();
        for (index, ring) in self.rings.iter().enumerate() {
            let serving = ring.serving(seconds_of(now));
            for (at, chain) in ring.chains.iter().enumerate() {
                let dies = chain.death_of(chain.epoch, ring.lives_seconds());
                let life = super::chain::life(chain.epoch_seconds, chain.epoch, dies);
                let current = (at == serving).then(|| self.current(index, now));
                facts.push(ChainFacts {
                    domain: ring.label(),
                    epoch_seconds: chain.epoch_seconds,
                    retention_seconds: ring.retention_seconds,
                    first_epoch: chain.epoch,
                    first_start: life.start,
                    first_dies: life.dies,
                    until: chain.until,
                    current: current.flatten(),
                });
            }
        }
        facts
    }

    /// What the epoch of `now` is called.
    fn current(&self, index: usize, now: Timestamp) -> Option<String> {
        let epoch = self.epoch_of(index, now);
        match self.rings[index].storage() {
            Some(storage) => Some(format!("{storage}/{epoch}")),
            None => self.epoch_keys(index, epoch, now).ok().map(|keys| keys.id().to_owned()),
        }
    }

    /// The labels of all rings: of domains their names.
    pub fn labels(&self) -> impl Iterator<Item = String> {
        self.rings.iter().map(Ring::label)
    }
}

impl Ring {
    /// What it stores; nothing of a domain.
    pub(super) fn storage(&self) -> Option<Storage> {
        let Kind::Storage(stage) = self.kind else { return None };
        Some(Storage { class: self.name.clone(), stage, retention_seconds: self.retention_seconds })
    }

    /// What events call it.
    pub(super) fn label(&self) -> String {
        self.storage().map_or_else(|| self.name.clone(), |storage| storage.to_string())
    }

    /// What its chains are of.
    pub(super) const fn line(&self) -> Line {
        match self.kind {
            Kind::Domain => Line::Domain,
            Kind::Storage(_) => Line::Storage,
        }
    }

    /// How long after the end of its epoch a key lives.
    fn lives_seconds(&self) -> u64 {
        self.storage().map_or(self.retention_seconds, |storage| storage.lives_seconds())
    }

    /// The chain of an epoch that lives at `now`.
    fn living(&self, epoch: u64, now: u64) -> Result<&Chain, KeyError> {
        // The oldest chain that knows the number serves it. A younger one with longer epochs counts lower and reaches the
        // same number only centuries later.
        let chain = self.chains.iter().find(|chain| chain.holds(epoch)).ok_or(KeyError::Dead { epoch })?;
        if chain.start_of(epoch) > now {
            return Err(KeyError::Future { epoch });
        }
        if chain.death_of(epoch, self.lives_seconds()) <= now {
            return Err(KeyError::Dead { epoch });
        }
        Ok(chain)
    }

    /// The index of the chain that serves `seconds`.
    pub(super) fn serving(&self, seconds: u64) -> usize {
        let last = self.chains.len() - 1;
        self.chains.iter().position(|chain| seconds < chain.end()).unwrap_or(last)
    }

    fn advance(&mut self, now: u64, events: &mut Vec<KeyEvent>) {
        let (name, lives_seconds) = (&self.label(), self.lives_seconds());
        self.chains.retain_mut(|chain| {
            let target = chain.first_living(now, lives_seconds);
            if chain.until.is_some_and(|until| until <= target) {
                events.push(KeyEvent::Destroyed { domain: name.clone(), epoch: chain.epoch });
                return false;
            }
            if target > chain.epoch {
                events.push(KeyEvent::Advanced { domain: name.clone(), from: chain.epoch, to: target });
                chain.advance_to(target);
            }
            true
        });
    }
}

/// Refuses a domain that cannot be. The name stands in `sluis.epoch` and in the keyring's lines, hence its alphabet.
pub(super) fn check_domain(name: &str, epoch_seconds: u64, retention_seconds: u64) -> Result<(), KeyError> {
    check_name(name)?;
    let problem = if !(EPOCH_SECONDS_MIN..=EPOCH_SECONDS_MAX).contains(&epoch_seconds) {
        format!("an epoch lasts from {EPOCH_SECONDS_MIN} to {EPOCH_SECONDS_MAX} s, not {epoch_seconds} s")
    } else if epoch_seconds > retention_seconds {
        format!(
            "an epoch of {epoch_seconds} s is longer than every retention of the domain ({retention_seconds} s): shorten it"
        )
    } else {
        return Ok(());
    };
    Err(KeyError::Domain { domain: name.to_owned(), problem })
}

/// Refuses a name that the lines of a keyring, or `sluis.epoch`, cannot have.
pub(super) fn check_name(name: &str) -> Result<(), KeyError> {
    if !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    {
        return Ok(());
    }
    let problem = "a name has 1 to 64 ASCII characters without spaces and slashes".to_owned();
    Err(KeyError::Domain { domain: name.to_owned(), problem })
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
