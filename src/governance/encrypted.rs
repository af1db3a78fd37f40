//! Encrypted parts against the keys that they are encrypted under.
//!
//! *In*: a place, the chains of the keyring, the time. *Out*: [`Keyless`]: parts that nothing can read any more, because their time is up, or
//! although it is not. *Promised*: what goes within the margin causes no alarm; no byte of a part is read. *Not here*: keys that live too
//! long, and words (`audit`).

use std::fs;
use std::io;

use crate::keys::{ChainFacts, Storage};
use crate::record::timestamp::Timestamp;
use crate::retention::part_name::PartName;
use crate::retention::sweep::Place;

/// Parts without a key, by their names.
#[derive(Default, Debug)]
pub struct Keyless {
    /// Their key is dead, as it must be, and they should be gone with it.
    pub left: Vec<String>,
    /// Their key should live, and the keyring does not have it.
    pub lost: Vec<String>,
}

impl Keyless {
    /// Holds what lies in `place`, which is encrypted, against `chains`.
    ///
    /// # Errors
    /// When the directory cannot be read; one that is not there holds nothing.
    pub fn new(place: &Place, chains: &[ChainFacts], now: Timestamp) -> io::Result<Self> {
        let mut keyless = Self::default();
        let Some(class) = &place.class else { return Ok(keyless) };
        let entries = match fs::read_dir(&place.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(keyless),
            entries => entries?,
        };
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            let Some(part) = PartName::read(&name) else { continue };
            let retention_seconds = part.retention_seconds.unwrap_or_else(|| place.limit_seconds(&part));
            let storage = Storage { class: class.clone(), stage: part.stage, retention_seconds };
            let epoch = storage.epoch_of_deadline(part.deadline);
            if has_key(&storage, epoch, chains) {
                continue;
            }
            // A sweep and an advance come one after the other, several times within the margin.
            let half = i64::try_from(storage.margin_seconds() / 2).unwrap_or(0);
            let due = storage.due_of(epoch);
            if due > now {
                keyless.lost.push(name);
            } else if due.plus_seconds(half) <= now {
                keyless.left.push(name);
            }
        }
        keyless.left.sort_unstable();
        keyless.lost.sort_unstable();
        Ok(keyless)
    }
}

fn has_key(storage: &Storage, epoch: u64, chains: &[ChainFacts]) -> bool {
    let label = storage.to_string();
    let mut of_storage = chains.iter().filter(|chain| chain.domain == label);
    of_storage.any(|chain| chain.first_epoch <= epoch && chain.until.is_none_or(|until| epoch < until))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_part_outlives_its_key_by_no_more_than_the_margin() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::of("web", DAY);
        let epoch = storage.epoch_of(NOW);
        let name =
            crate::retention::part_name::write(storage.deadline_of(epoch), DAY, 1, 1, "ndjson.age").unwrap();
        fs::write(dir.path().join(&name), b"x").unwrap();
        let place = Place {
            store: "sink.a".into(),
            class: Some("web".into()),
            directory: dir.path().to_owned(),
            lives: crate::policy::class::Lives::through(DAY),
            encrypted: true,
        };
        let chain = |first_epoch, retention: u64| ChainFacts {
            domain: Storage::of("web", retention).to_string(),
            epoch_seconds: 3_600,
            retention_seconds: retention,
            first_epoch,
            first_start: NOW,
            first_dies: NOW,
            until: None,
            current: None,
        };
        let found = |chains: &[ChainFacts], now| {
            let keyless = Keyless::new(&place, chains, now).unwrap();
            (keyless.left.len(), keyless.lost.len())
        };
        assert_eq!(found(&[chain(epoch, DAY)], NOW), (0, 0));
        assert_eq!(found(&[chain(epoch, 2 * DAY)], NOW), (0, 1), "of another retention");
        assert_eq!(found(&[], NOW), (0, 1));
        let due = storage.due_of(epoch);
        assert_eq!(found(&[chain(epoch + 1, DAY)], due.plus_seconds(-1)), (0, 1), "dead before its time");
        assert_eq!(found(&[chain(epoch + 1, DAY)], due), (0, 0));
        assert_eq!(found(&[chain(epoch + 1, DAY)], due.plus_seconds(60)), (1, 0));
    }
}
