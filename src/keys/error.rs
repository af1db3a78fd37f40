//! What can go wrong with keys. No variant holds key bytes or bytes of a record.

use std::io;
use std::path::PathBuf;

use super::storage::Storage;

/// A refusal of the keys room: the thing, the place, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key of this epoch was destroyed, or must be: a record of it is expired. Holds no text, so that refusing costs
    /// nothing in the hot path.
    #[error("epoch {epoch} is dead: its key is destroyed, and a record of that time is expired")]
    Dead {
        /// The epoch's number.
        epoch: u64,
    },
    /// Nobody gets a key of the future (design, section 5).
    #[error(
        "epoch {epoch} has not begun, and nobody gets a key of the future: judge a record by the earlier of its event time and received time"
    )]
    Future {
        /// The epoch's number.
        epoch: u64,
    },
    /// The clock and the keyring lie so far apart that one of them must be wrong.
    #[error(
        "domain '{domain}': the clock is {epochs} epochs from the keyring's oldest key: check the clock; when it is right, make a new keyring"
    )]
    Clock {
        /// The domain's name.
        domain: String,
        /// The distance.
        epochs: u64,
    },
    /// The keyring has no such domain.
    #[error("domain '{domain}' is not in the keyring: add it with `sluis keys init --domain {domain}`")]
    UnknownDomain {
        /// The domain's name.
        domain: String,
    },
    /// The keyring has no chain for what is stored of a class.
    #[error(
        "class '{class}' has no chain for encryption at rest in the keyring: add it with `sluis keys init --class {class} --retention {retention_seconds}s{stage}`"
    )]
    UnknownStorage {
        /// The class.
        class: String,
        /// Seconds that its records are stored.
        retention_seconds: u64,
        /// The rest of the command, of a stage.
        stage: String,
    },
    /// The policy's epoch length is not the keyring's.
    #[error(
        "domain '{domain}': the keyring's epochs are {recorded} s long, the policy's {wanted} s: `sluis keys renew` changes them from a coming epoch on"
    )]
    EpochLength {
        /// The domain's name.
        domain: String,
        /// Seconds in the keyring.
        recorded: u64,
        /// Seconds in the policy.
        wanted: u64,
    },
    /// A domain that cannot be: its name, its epoch, its retention.
    #[error("domain '{domain}': {problem}")]
    Domain {
        /// The domain's name.
        domain: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A renewal that cannot begin where it was asked to.
    #[error("domain '{domain}': chains cannot be renewed from there: {problem}")]
    Renewal {
        /// The domain's name.
        domain: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// Two keyrings hold different chains for one domain and time.
    #[error(
        "domain '{domain}': the chains to import are not those of this keyring: nothing was changed; import into a new directory, or import what was exported from the same fleet"
    )]
    Conflict {
        /// The domain's name.
        domain: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: no key was made; try again")]
    Random,
    /// The keyring's text cannot be what was written.
    #[error("the keyring is damaged at line {line}: {problem}; import the chains again from another node")]
    Damaged {
        /// Line, from 1; 0 for the whole.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A keyring of another version of the format.
    #[error("the keyring is of a format that this version does not know: use the version that wrote it")]
    Version,
    /// There is no keyring.
    #[error("{}: no keyring here: make one with `sluis keys init --keys {}`, or import one", .path.display(), .path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// Others could read the keys.
    #[error("{}: {problem}: {remedy}", .path.display())]
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// The command that repairs it.
        remedy: String,
    },
    /// The disk refused.
    #[error("{}: {doing}: {source}", .path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The change could not be entered in the keyring's journal.
    #[error("{problem}; the keyring was left as it is")]
    NotEntered {
        /// What went wrong, where, and what to do.
        problem: String,
    },
    /// Sealing or opening failed.
    #[error("{0}")]
    Seal(&'static str),
}

impl KeyError {
    /// That the keyring has no such storage.
    pub(super) fn unknown_storage(storage: &Storage) -> Self {
        let stage = if storage.stage == 0 { String::new() } else { format!(" --stage {}", storage.stage) };
        Self::UnknownStorage {
            class: storage.class.clone(),
            retention_seconds: storage.retention_seconds,
            stage,
        }
    }
}
