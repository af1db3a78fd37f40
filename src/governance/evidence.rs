//! What a journal says, gathered for those who hold it against what is there.
//!
//! *In*: the journal of a state directory or of a keyring, a head that was kept elsewhere. *Out*: [`Evidence`]: which parts were stored and
//! destroyed, which keys are dead, which policies were in force. *Promised*: entries of versions that knew less are read, too; what is not
//! proven by the chain is not gathered. *Not here*: the verdict (`audit`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::policies::History;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{FILE_NAME, Head, Verified, verify};

/// Everything that a journal says.
#[derive(Default, Debug)]
pub struct Evidence {
    parts: BTreeMap<(String, Option<String>), Parts>,
    keys: BTreeMap<String, DeadKeys>,
    /// The policies that were in force.
    pub policies: History,
}

/// The parts of one store and class by their names.
pub type Parts = HashMap<String, Fate>;

/// What a journal says of a part.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Fate {
    /// How it was stored; nothing where the journal does not say.
    pub stored: Option<Stored>,
    /// True when the last that was said of it is that it is destroyed.
    pub destroyed: bool,
}

/// How a part was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Its size.
    pub bytes: u64,
    /// By when it must be gone.
    pub deadline: Timestamp,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// Nobody has begun a journal, or somebody took it away.
    #[error("there is none: nothing proves what was destroyed; `sluis run` begins one")]
    Missing,
    /// It cannot be opened, read, or does not prove itself.
    #[error("{0}")]
    Unproven(String),
}

impl Evidence {
    /// Reads the journal in `directory`, and follows its chain.
    pub fn read(directory: &Path, anchored: Option<Head>) -> Result<(Self, Verified), NoEvidence> {
        let file = File::open(directory.join(FILE_NAME)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NoEvidence::Missing,
            kind => NoEvidence::Unproven(format!("it cannot be opened ({kind}); see its permissions")),
        })?;
        let mut evidence = Self::default();
        let verified = verify(file, anchored, |entry| evidence.take(entry));
        match verified {
            Ok(verified) => Ok((evidence, verified)),
            Err(problem) => Err(NoEvidence::Unproven(problem.to_string())),
        }
    }

    fn take(&mut self, entry: &[u8]) {
        let Ok(entry) = serde_json::from_slice::<Value>(entry) else { return };
        match entry["event"].as_str().and_then(|event| event.split_once('.')) {
            Some(("part", what)) => self.take_part(&entry, what),
            Some(("key", what)) => self.take_key(&entry, what),
            Some(("policy", _)) => self.policies.take(&entry),
            _ => {}
        }
    }

    fn take_part(&mut self, entry: &Value, what: &str) {
        let text = |key: &str| entry[key].as_str().map(ToOwned::to_owned);
        let (Some(store), Some(part)) = (text("store"), text("part")) else { return };
        let fate = self.parts.entry((store, text("class"))).or_default().entry(part).or_default();
        fate.destroyed = what == "destroyed";
        if what == "stored" {
            let deadline = entry["deadline"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            fate.stored = entry["bytes"].as_u64().map(|bytes| Stored {
                bytes,
                deadline: deadline.map_or(Timestamp(i64::MAX), |at| Timestamp(at.as_microsecond())),
            });
        }
    }

    fn take_key(&mut self, entry: &Value, what: &str) {
        let Some(domain) = entry["domain"].as_str() else { return };
        let number = |key: &str| entry[key].as_u64().unwrap_or_default();
        let dead = self.keys.entry(domain.to_owned()).or_default();
        match what {
            // Random anew: nothing of before is in it.
            "created" => *dead = DeadKeys::default(),
            "renewed" => {
                dead.single.remove(&number("epoch"));
            }
            "advanced" => dead.advance(number("from"), number("to")),
            "destroyed" => {
                dead.single.insert(number("epoch"));
            }
            _ => {}
        }
    }

    /// What is said of the parts of a store and class.
    pub fn parts(&self, store: &str, class: Option<&str>) -> Option<&Parts> {
        self.parts.get(&(store.to_owned(), class.map(ToOwned::to_owned)))
    }

    /// Every store and class that parts are named of.
    pub fn stores(&self) -> impl Iterator<Item = (&str, Option<&str>, &Parts)> {
        self.parts.iter().map(|((store, class), parts)| (store.as_str(), class.as_deref(), parts))
    }

    /// True when any part of the store was entered when it was stored; versions before 2026-12 entered destruction alone.
    pub fn knows_what_is_stored(&self, store: &str) -> bool {
        let mut of_store = self.parts.iter().filter(|((name, _), _)| name == store);
        of_store.any(|(_, parts)| parts.values().any(|fate| fate.stored.is_some()))
    }

    /// True when the key of an epoch is said to be destroyed.
    pub fn is_key_dead(&self, domain: &str, epoch: u64) -> bool {
        self.keys.get(domain).is_some_and(|dead| dead.holds(epoch))
    }
}

/// Epochs of a domain whose keys are said to be destroyed. Chains of different epoch lengths count differently: they reach the same
/// numbers only after centuries, so that numbers alone tell them apart.
#[derive(Default, Debug)]
struct DeadKeys {
    /// From the first on, up to and without the second.
    ranges: Vec<(u64, u64)>,
    /// First epochs of chains that were destroyed whole.
    single: BTreeSet<u64>,
}

impl DeadKeys {
    fn advance(&mut self, from: u64, to: u64) {
        match self.ranges.iter_mut().find(|range| range.0 <= from && from <= range.1) {
            Some(range) => range.1 = range.1.max(to),
            None => self.ranges.push((from, to)),
        }
    }

    fn holds(&self, epoch: u64) -> bool {
        self.single.contains(&epoch) || self.ranges.iter().any(|(from, to)| (*from..*to).contains(&epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyEvent;
    use crate::retention::journal::{Event, Journal};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);

    #[test]
    fn keys_that_are_said_to_be_dead_are_so_until_random_ones_take_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), NOW).unwrap();
        let mut after = |events: Vec<KeyEvent>| {
            let events: Vec<Event> = events.into_iter().map(Event::Key).collect();
            journal.append(NOW, &events).unwrap();
            let (evidence, _) = Evidence::read(dir.path(), None).unwrap();
            move |epoch| evidence.is_key_dead("web", epoch)
        };
        let domain = || "web".to_owned();
        let advanced = |from, to| KeyEvent::Advanced { domain: domain(), from, to };
        // Entered twice, since a crash came between the entry and the change.
        let dead = after(vec![advanced(100, 101), advanced(100, 101), advanced(101, 105)]);
        assert_eq!([99, 100, 104, 105].map(dead), [false, true, true, false]);
        // Longer epochs count lower, and are not meant.
        let renewed = |epoch| KeyEvent::Renewed { domain: domain(), epoch, epoch_seconds: 1 };
        let gone = KeyEvent::Destroyed { domain: domain(), epoch: 60 };
        let dead = after(vec![renewed(60), gone]);
        assert!(dead(60));
        let dead = after(vec![renewed(60)]);
        assert_eq!([60, 104].map(dead), [false, true]);
        let created =
            KeyEvent::Created { domain: domain(), epoch: 102, epoch_seconds: 1, retention_seconds: 1 };
        assert!(!after(vec![created])(104));
    }
}
