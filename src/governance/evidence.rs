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
use crate::keys::ChainFacts;
use crate::keys::storage::is_storage;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{FILE_NAME, Head, Verified, verify};

/// Everything that a journal says.
#[derive(Default, Debug)]
pub struct Evidence {
    parts: BTreeMap<(String, Option<String>), Parts>,
    keys: BTreeMap<String, Said>,
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
        let parts = self.parts.entry((store, text("class"))).or_default();
        // What they held is in the one that they became.
        let names = |key: &str| entry[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        for gone in names("merged").chain(names("narrowed")) {
            parts.entry(gone.to_owned()).or_default().destroyed = true;
        }
        let fate = parts.entry(part).or_default();
        fate.destroyed = what == "destroyed";
        if matches!(what, "stored" | "merged" | "narrowed") {
            let deadline = entry["deadline"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            fate.stored = entry["bytes"].as_u64().map(|bytes| Stored {
                bytes,
                deadline: deadline.map_or(Timestamp(i64::MAX), |at| Timestamp(at.as_microsecond())),
            });
        }
    }

    fn take_key(&mut self, entry: &Value, what: &str) {
        let Some(domain) = entry["domain"].as_str().or(entry["storage"].as_str()) else { return };
        let number = |key: &str| entry[key].as_u64().unwrap_or_default();
        let said = self.keys.entry(domain.to_owned()).or_default();
        match what {
            // Random anew: nothing of before is in it.
            "created" => *said = Said::default(),
            "renewed" => said.renew(number("epoch"), number("epoch_seconds")),
            "advanced" => said.advance(number("from"), number("to")),
            "destroyed" => {
                said.destroyed.insert(number("epoch"));
            }
            // What came from another node may end the renewal of this one.
            "imported" => said.renewed = None,
            // `raised` and `read` say nothing of what is there.
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

    /// What a keyring that holds `chains` lacks or has too much of, against what is said of its keys: one sentence each.
    pub fn against_keyring(&self, chains: &[ChainFacts]) -> Vec<String> {
        let mut wrong = Vec::new();
        for chain in chains {
            let (epoch, domain) = (chain.first_epoch, &chain.domain);
            if self.keys.get(domain).is_some_and(|said| said.is_dead(epoch)) {
                wrong.push(format!(
                    "it holds the key of epoch {epoch} of {}, which is said to be destroyed",
                    of(domain)
                ));
            }
        }
        for (domain, said) in &self.keys {
            let mut of_domain = chains.iter().filter(|chain| chain.domain == *domain).peekable();
            if of_domain.peek().is_none() {
                wrong.push(format!("it has no {}, which is said to be there", of(domain)));
            } else if let Some((epoch, seconds)) = said.renewed
                && !of_domain.any(|chain| chain.epoch_seconds == seconds && chain.first_epoch >= epoch)
            {
                wrong.push(format!(
                    "it lacks the chain of {} that is said to be renewed from epoch {epoch} on",
                    of(domain)
                ));
            }
        }
        wrong
    }
}

/// A chain's label with what it is of.
pub fn of(label: &str) -> String {
    if is_storage(label) { label.to_owned() } else { format!("domain {label}") }
}

/// What is said of the keys of a domain. Chains of different epoch lengths count differently, and reach the same numbers only after
/// centuries, so that a number is enough to name a key.
#[derive(Default, Debug)]
struct Said {
    /// Epochs whose keys are destroyed, from the first on, up to and without the second.
    advanced: Vec<(u64, u64)>,
    /// First epochs of chains that were destroyed whole.
    destroyed: BTreeSet<u64>,
    /// The first epoch of the last renewal, and the length of its epochs. Its chain ends with the next renewal alone.
    renewed: Option<(u64, u64)>,
}

impl Said {
    fn advance(&mut self, from: u64, to: u64) {
        match self.advanced.iter_mut().find(|range| range.0 <= from && from <= range.1) {
            Some(range) => range.1 = range.1.max(to),
            None => self.advanced.push((from, to)),
        }
    }

    /// The fresh chain comes to the numbers of one that was destroyed before it began.
    fn renew(&mut self, epoch: u64, seconds: u64) {
        self.destroyed.retain(|destroyed| *destroyed < epoch);
        self.renewed = Some((epoch, seconds));
    }

    fn is_dead(&self, epoch: u64) -> bool {
        self.destroyed.contains(&epoch)
            || self.advanced.iter().any(|(from, to)| (*from..*to).contains(&epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyEvent;
    use crate::retention::journal::{Event, Journal};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);

    fn chain(first_epoch: u64, epoch_seconds: u64) -> ChainFacts {
        ChainFacts {
            domain: "web".to_owned(),
            epoch_seconds,
            retention_seconds: 1,
            first_epoch,
            first_start: NOW,
            first_dies: NOW,
            until: None,
            current: None,
        }
    }

    #[test]
    fn a_keyring_that_is_older_than_its_journal_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), NOW).unwrap();
        let mut wrong = |events: Vec<KeyEvent>, chains: &[ChainFacts]| {
            let events: Vec<Event> = events.into_iter().map(Event::Key).collect();
            journal.append(NOW, &events).unwrap();
            Evidence::read(dir.path(), None).unwrap().0.against_keyring(chains).len()
        };
        let domain = || "web".to_owned();
        let advanced = |from, to| KeyEvent::Advanced { domain: domain(), from, to };
        // Entered twice, since a crash came between the entry and the change.
        assert_eq!(
            wrong(vec![advanced(100, 101), advanced(100, 101), advanced(101, 105)], &[chain(105, 2)]),
            0
        );
        for (epoch, expected) in [(99, 0), (100, 1), (104, 1), (106, 0)] {
            assert_eq!(wrong(Vec::new(), &[chain(epoch, 2)]), expected, "{epoch}");
        }
        assert_eq!(wrong(Vec::new(), &[]), 1, "the domain is gone");
        // Longer epochs count lower. A renewal is replaced before it began, and the next comes to the same numbers.
        let renewed = |epoch| KeyEvent::Renewed { domain: domain(), epoch, epoch_seconds: 4 };
        let gone = |epoch| KeyEvent::Destroyed { domain: domain(), epoch };
        assert_eq!(wrong(vec![renewed(62)], &[chain(105, 2), chain(62, 4)]), 0);
        assert_eq!(wrong(vec![gone(62), renewed(60)], &[chain(105, 2), chain(60, 4)]), 0);
        assert_eq!(
            wrong(vec![gone(105)], &[chain(62, 4)]),
            0,
            "the old chain is dead, the new one has advanced"
        );
        assert_eq!(wrong(Vec::new(), &[chain(105, 2), chain(62, 4)]), 1, "the old chain came back");
        assert_eq!(wrong(Vec::new(), &[chain(106, 2)]), 1, "a renewal is lost");
        assert_eq!(wrong(vec![KeyEvent::Imported { domain: domain() }], &[chain(106, 2)]), 0);
        let created =
            KeyEvent::Created { domain: domain(), epoch: 102, epoch_seconds: 2, retention_seconds: 2 };
        assert_eq!(wrong(vec![created], &[chain(102, 2)]), 0);
    }
}
