//! The keys in use: one keyring in memory, shared by all threads of a process and kept in step with its file.
//!
//! ```text
//! worker ── EpochCache ──▶ Keys ──▶ keyring in memory ◀── advance(now), from time to time ──▶ store
//! ```
//! *In*: a keyring's directory, or none for one run; a policy's domains, addressed by their place in its list from then
//! on. *Out*: [`EpochKeys`]. *Promised*: what is destroyed by one process of a host leaves the memory of all at their
//! next [`advance`](Keys::advance); a key is refused from its death on, advanced or not. *Not here*: making a keyring,
//! which [`open`](Keys::open) never does.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroizing;

use super::chain::{life, seconds_of};
use super::error::KeyError;
use super::event::KeyEvent;
use super::keyring::Keyring;
use super::ledger::Ledger;
use super::pseudonym::EpochKeys;
use super::ratchet;
use super::secret::{KEY_BYTES, Secret};
use super::storage::{Storage, StorageKey, StorageKeys};
use super::store::{Changed, Entry, Store, Version};
use crate::policy::class::Domain;
use crate::record::timestamp::Timestamp;

/// The keys of a policy's domains. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    /// Counts the changes; workers compare it once per batch.
    generation: AtomicU64,
    source: Source,
}

enum Source {
    Ephemeral(Vec<Ephemeral>),
    Stored(Box<Stored>),
}

/// A random key that lives for one run and gives epochs of any date. It has no ratchet: nothing of it is ever stored, and
/// all of it dies with the process.
struct Ephemeral {
    domain: String,
    epoch_seconds: u64,
    key: Secret,
}

/// A keyring with its file.
struct Stored {
    store: Store,
    /// Where changes are entered first; `None` for a process that may not change the file.
    ledger: Option<Box<dyn Ledger>>,
    domains: Vec<Domain>,
    state: RwLock<State>,
    /// One advance at a time: two could put what they read into memory in the wrong order.
    turn: Mutex<()>,
}

struct State {
    keyring: Keyring,
    /// For each domain of the policy its place in the keyring.
    places: Vec<usize>,
    version: Version,
    /// Memory has advanced, and the file has yet to.
    behind: bool,
}

impl Keys {
    /// Random keys for one run, for records of any date.
    pub fn ephemeral(domains: &[Domain]) -> Result<Self, KeyError> {
        let keys = domains.iter().map(|domain| {
            Ok(Ephemeral {
                domain: domain.name.clone(),
                epoch_seconds: domain.epoch_seconds.max(1),
                key: Secret::random()?,
            })
        });
        let source = Source::Ephemeral(keys.collect::<Result<_, KeyError>>()?);
        Ok(Self(Arc::new(Inner { generation: AtomicU64::new(0), source })))
    }

    /// Opens the keyring in `dir` for a policy's domains. Each must be there with its epoch length; a longer retention is
    /// recorded; what is due is destroyed. Both, and what is destroyed later, is entered in `ledger` first.
    pub fn open(
        dir: &Path,
        domains: &[Domain],
        now: Timestamp,
        ledger: Box<dyn Ledger>,
    ) -> Result<(Self, Vec<KeyEvent>), KeyError> {
        let store = Store::open(dir)?;
        let entry = Entry { ledger: ledger.as_ref(), now };
        let changed = store.change(entry, |keyring| fit(keyring, domains, now))?;
        Self::stored(store, Some(ledger), domains, changed)
    }

    /// The same without ever writing, for a run that is judged as at another time: what would be recorded or destroyed
    /// is so in this process's memory only.
    pub fn open_read_only(dir: &Path, domains: &[Domain], now: Timestamp) -> Result<Self, KeyError> {
        let store = Store::open(dir)?;
        let (mut keyring, version) = store.read()?;
        let events = fit(&mut keyring, domains, now)?;
        Self::stored(store, None, domains, Changed { events, keyring, version }).map(|(keys, _)| keys)
    }

    fn stored(
        store: Store,
        ledger: Option<Box<dyn Ledger>>,
        domains: &[Domain],
        changed: Changed,
    ) -> Result<(Self, Vec<KeyEvent>), KeyError> {
        let Changed { events, keyring, version } = changed;
        let places = places(&keyring, domains)?;
        let state = RwLock::new(State { keyring, places, version, behind: false });
        let stored = Stored { store, ledger, domains: domains.to_vec(), state, turn: Mutex::new(()) };
        let source = Source::Stored(Box::new(stored));
        Ok((Self(Arc::new(Inner { generation: AtomicU64::new(0), source })), events))
    }

    /// Changes whenever keys that were handed out may no longer be used, or other ones must be.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Whether the keys end with this process.
    pub fn is_ephemeral(&self) -> bool {
        matches!(self.0.source, Source::Ephemeral(_))
    }

    /// The epoch of an instant in a domain. Takes a lock: a worker asks its [`EpochCache`](super::EpochCache) instead.
    pub fn epoch_of(&self, domain: usize, instant: Timestamp) -> u64 {
        match &self.0.source {
            Source::Ephemeral(all) => {
                all.get(domain).map_or(0, |key| seconds_of(instant) / key.epoch_seconds)
            }
            Source::Stored(stored) => {
                let state = stored.read();
                state.places.get(domain).map_or(0, |&place| state.keyring.epoch_of(place, instant))
            }
        }
    }

    /// The keys of an epoch: [`KeyError::Dead`] once it is destroyed or due at `now`, [`KeyError::Future`] before it
    /// begins. The holder drops them at [`EpochKeys::dies`] or when the [`generation`](Self::generation) changes.
    pub fn epoch_keys(&self, domain: usize, epoch: u64, now: Timestamp) -> Result<EpochKeys, KeyError> {
        match &self.0.source {
            Source::Ephemeral(all) => {
                all.get(domain).map(|key| key.keys_of(epoch)).ok_or(KeyError::Dead { epoch })
            }
            Source::Stored(stored) => {
                let state = stored.read();
                let place = *state.places.get(domain).ok_or(KeyError::Dead { epoch })?;
                state.keyring.epoch_keys(place, epoch, now)
            }
        }
    }

    /// The keys for what is stored; [`KeyError::UnknownStorage`] when the keyring has no chain for it, or there is none.
    pub fn storage(&self, storage: Storage) -> Result<StorageKeys, KeyError> {
        let is_there = match &self.0.source {
            Source::Ephemeral(_) => false,
            Source::Stored(stored) => stored.read().keyring.storage(&storage).is_some(),
        };
        if is_there {
            Ok(StorageKeys::new(self.clone(), storage))
        } else {
            Err(KeyError::unknown_storage(&storage))
        }
    }

    /// The key of a storage epoch; see [`StorageKeys::key`].
    pub(super) fn storage_key(
        &self,
        storage: &Storage,
        epoch: u64,
        now: Timestamp,
    ) -> Result<StorageKey, KeyError> {
        match &self.0.source {
            Source::Ephemeral(_) => Err(KeyError::unknown_storage(storage)),
            Source::Stored(stored) => stored.read().keyring.storage_key(storage, epoch, now),
        }
    }

    /// Destroys what is due at `now`, in memory and in the file, and takes over what other processes changed. Cheap when
    /// there is nothing to do (one `stat`): called every minute or so by a thread of its own, and never by a worker.
    pub fn advance(&self, now: Timestamp) -> Result<Vec<KeyEvent>, KeyError> {
        let Source::Stored(stored) = &self.0.source else { return Ok(Vec::new()) };
        let _turn = stored.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = || self.0.generation.fetch_add(1, Ordering::Release);
        // The file may have learned of a longer retention, so it is asked first. But a file that cannot be read must not
        // keep a dead key alive in memory: its error waits.
        let reloaded = stored.reload(now).map(|is_new| is_new.then(changed));
        if stored.advance_memory(now)? {
            changed();
        }
        reloaded?;
        let Some(ledger) = stored.ledger.as_deref().filter(|_| stored.read().behind) else {
            return Ok(Vec::new());
        };
        let written = stored.store.change(Entry { ledger, now }, |keyring| keyring.advance(now))?;
        stored.swap(written.keyring, written.version)?;
        changed();
        Ok(written.events)
    }
}

impl Stored {
    /// Takes over what another process wrote. Says whether there was something.
    fn reload(&self, now: Timestamp) -> Result<bool, KeyError> {
        if !self.store.has_changed(&self.read().version)? {
            return Ok(false);
        }
        let (mut keyring, version) = self.store.read()?;
        if self.ledger.is_none() {
            let _ = fit(&mut keyring, &self.domains, now)?;
        }
        self.swap(keyring, version)?;
        Ok(true)
    }

    /// Destroys what is due in this process. Says whether something was.
    fn advance_memory(&self, now: Timestamp) -> Result<bool, KeyError> {
        if !self.read().keyring.is_due(now) {
            return Ok(false);
        }
        let mut state = self.write();
        let _ = state.keyring.advance(now)?;
        state.behind = self.ledger.is_some();
        Ok(true)
    }

    /// Puts a keyring in the place of the one in memory, which is wiped.
    fn swap(&self, keyring: Keyring, version: Version) -> Result<(), KeyError> {
        let places = places(&keyring, &self.domains)?;
        *self.write() = State { keyring, places, version, behind: false };
        Ok(())
    }

    /// A panic elsewhere leaves a whole state behind: it is only ever replaced as one, or advanced.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ephemeral {
    fn keys_of(&self, epoch: u64) -> EpochKeys {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        // The run's key, because it stands where a chain key would.
        ratchet::epoch_key(self.key.expose(), &self.domain, epoch, &mut key);
        let keys = EpochKeys::new(&self.domain, life(self.epoch_seconds, epoch, u64::MAX), &key);
        ratchet::scrub_stack();
        keys
    }
}

/// Checks every domain against the keyring, records longer retentions, and advances.
fn fit(keyring: &mut Keyring, domains: &[Domain], now: Timestamp) -> Result<Vec<KeyEvent>, KeyError> {
    let mut events = Vec::new();
    for domain in domains {
        events.extend(keyring.require(&domain.name, domain.epoch_seconds, domain.retention_seconds, now)?);
    }
    events.extend(keyring.advance(now)?);
    Ok(events)
}

/// For each domain its place in the keyring.
fn places(keyring: &Keyring, domains: &[Domain]) -> Result<Vec<usize>, KeyError> {
    let place = |domain: &Domain| {
        keyring.domain(&domain.name).ok_or_else(|| KeyError::UnknownDomain { domain: domain.name.clone() })
    };
    domains.iter().map(place).collect()
}
