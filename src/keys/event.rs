//! What happened to keys, for the journal: every creation, advance, export, renewal and destruction, without key bytes.

use std::fmt;

use super::storage::is_storage;

/// One change of a keyring. What is called a domain may also be the label of a [storage](super::storage::Storage). Epoch numbers and names only, so that it can stand in evidence for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "every change of a keyring is said or journalled"]
pub enum KeyEvent {
    /// A domain got its first chain.
    Created {
        /// The domain.
        domain: String,
        /// The first epoch that has a key.
        epoch: u64,
        /// Length of an epoch in seconds.
        epoch_seconds: u64,
        /// Longest retention in seconds.
        retention_seconds: u64,
    },
    /// The keys of the epochs `from` to `to` less one are destroyed.
    Advanced {
        /// The domain.
        domain: String,
        /// The first epoch that died.
        from: u64,
        /// The first that lives.
        to: u64,
    },
    /// A whole chain is destroyed: its last epoch has died, or it was replaced before it began.
    Destroyed {
        /// The domain.
        domain: String,
        /// The first epoch it still had a key for.
        epoch: u64,
    },
    /// A longer retention was recorded: keys live longer.
    Raised {
        /// The domain.
        domain: String,
        /// Seconds before.
        from: u64,
        /// Seconds now.
        to: u64,
    },
    /// A fresh random chain begins at a coming epoch.
    Renewed {
        /// The domain.
        domain: String,
        /// Its first epoch, counted in its own length.
        epoch: u64,
        /// Its epoch length in seconds.
        epoch_seconds: u64,
    },
    /// The chains were sealed for a node.
    Exported {
        /// The age recipient, which is public.
        recipient: String,
        /// How many domains.
        domains: usize,
    },
    /// The key of one storage epoch was handed to a person who reads what is stored.
    Read {
        /// The label of the storage.
        domain: String,
        /// The storage epoch.
        epoch: u64,
    },
    /// Chains of another node were taken over.
    Imported {
        /// The domain.
        domain: String,
    },
}

impl KeyEvent {
    /// True when the keyring is the same before and after: chains that were sealed are still here.
    pub const fn leaves_keyring(&self) -> bool {
        matches!(self, Self::Exported { .. } | Self::Read { .. })
    }
}

impl fmt::Display for KeyEvent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { domain, epoch, epoch_seconds, retention_seconds } if is_storage(domain) => {
                write!(
                    out,
                    "{domain}: created, from epoch {epoch} on, epochs of {epoch_seconds} s, keys live {retention_seconds} s from its beginning"
                )
            }
            Self::Created { domain, epoch, epoch_seconds, retention_seconds } => write!(
                out,
                "{domain}: created, from epoch {epoch} on, epochs of {epoch_seconds} s, keys live {retention_seconds} s longer"
            ),
            Self::Advanced { domain, from, to } if is_storage(domain) => write!(
                out,
                "{domain}: what was stored of epochs {from} to {} can no longer be read, their keys are destroyed",
                to - 1
            ),
            Self::Advanced { domain, from, to } if to - from == 1 => {
                write!(out, "{domain}: linkability of epoch {from} ended, its key is destroyed")
            }
            Self::Advanced { domain, from, to } => {
                write!(
                    out,
                    "{domain}: linkability of epochs {from} to {} ended, their keys are destroyed",
                    to - 1
                )
            }
            Self::Destroyed { domain, epoch } => {
                write!(out, "{domain}: the chain from epoch {epoch} on is destroyed")
            }
            Self::Raised { domain, from, to } => {
                write!(out, "{domain}: keys live {to} s after their epoch, before {from} s")
            }
            Self::Renewed { domain, epoch, epoch_seconds } => {
                write!(out, "{domain}: fresh random chain from epoch {epoch} on, epochs of {epoch_seconds} s")
            }
            Self::Exported { recipient, domains } => {
                write!(out, "chains of {domains} domains sealed to {recipient}")
            }
            Self::Read { domain, epoch } => {
                write!(out, "{domain}: the read key of epoch {epoch} was handed out")
            }
            Self::Imported { domain } => write!(out, "{domain}: chains imported"),
        }
    }
}
