//! Pseudonymisation keys that are forgotten on schedule: the only room that sees key bytes.
//!
//! ```text
//! store ──▶ keyring ──▶ chain ──▶ ratchet ──▶ EpochKeys ──▶ Token
//!  disk     domains     CK(e)      K(e,k)      a worker's    what leaves
//!          storages     SC(s)       S(s)  ──▶ StorageKey     what is stored
//! ```
//! *In*: the domains of a policy, a keyring's directory (or none, for one run), instants, canonical values, a
//! [`Ledger`]. *Out*: tokens, and [`KeyEvent`]s, entered in the ledger before they happen. *Promised*: PI-5, once the longest retention of a domain has
//! passed since the end of an epoch, no state of Sluis can produce its key; PI-6, the same identifier, kind, domain and
//! epoch give the same token on every node, and anything else differs. Keys are wiped when dropped, on pages locked where
//! permitted, and cannot be printed. *Not here*: making values canonical (`protect`), deciding what is treated (`policy`),
//! writing the journal (`retention`), reading the clock (the command line).
//!
//! What cannot be verified: copies of the directory in backups, snapshots, images or cluster secrets, blocks that a
//! flash drive keeps, sealed exports, and read keys that somebody keeps. Each of them voids PI-5 for the keys it holds, and what is
//! encrypted under those can be read with it.
//!
//! 2026-11: a hash ratchet was chosen over deriving all epochs from one master key, because a master key can always
//! compute the past; revisit if a hardware module that destroys keys becomes common.

pub mod admin;
pub mod cache;
pub mod chain;
pub mod error;
pub mod event;
pub mod harden;
pub mod keyring;
pub mod ledger;
mod mac;
pub mod pseudonym;
mod ratchet;
mod renewal;
pub mod seal;
pub mod secret;
pub mod seed;
pub mod shared;
pub mod storage;
pub mod store;
mod text;

pub use admin::{advance, export, import, init, init_storage, list, read_key, renew};
pub use cache::EpochCache;
pub use error::KeyError;
pub use event::KeyEvent;
pub use keyring::ChainFacts;
pub use ledger::Ledger;
pub use pseudonym::{EpochKeys, Token, TokenKind};
pub use renewal::RenewFrom;
pub use shared::Keys;
pub use storage::{Storage, StorageKey, StorageKeys, StorageUse};
