//! What lies in a store against what the journal says of it.
//!
//! *In*: a place, what the journal says, the time. *Out*: [`Compared`]: parts that are gone, that nobody knows, that came back, that are
//! not as they were stored, or that others can read. *Promised*: a sweep or a run at work meanwhile causes no false alarm, given a
//! second look at the journal ([`Compared::settle`]); no byte of a part is read. *Not here*: deadlines (`retention::sweep`), words
//! (`audit`).

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::evidence::{Evidence, Fate, Parts};
use crate::record::timestamp::Timestamp;
use crate::retention::part_name::{PARTIAL, PartName};
use crate::retention::sweep::Place;

/// Permission bits by which people who are neither owner nor group get at something.
pub const OTHERS: u32 = 0o007;
/// Seconds in which a part that has become visible may wait for its entry.
const ENTRY_SECONDS_MAX: i64 = 60;
/// How often, and after how long each time, a part that is entered as destroyed is looked for: a sweep enters a few hundred together.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What is not as the journal says, by the names of parts.
#[derive(Default, Debug)]
pub struct Compared {
    /// Said to be stored and not destroyed, not yet due, and not there.
    pub gone: Vec<String>,
    /// There, in a store whose parts are entered when they are stored, without such an entry.
    pub unknown: Vec<String>,
    /// Said to be destroyed, and there.
    pub back: Vec<String>,
    /// Of another size than they were stored with.
    pub changed: Vec<String>,
    /// Readable for everyone on the machine.
    pub open: Vec<String>,
}

impl Compared {
    /// Holds what lies in `place` against `evidence`, which was read before.
    pub fn new(place: &Place, evidence: &Evidence, now: Timestamp) -> io::Result<Self> {
        let found = look(&place.directory)?;
        let none = Parts::new();
        let parts = evidence.parts(&place.store, place.class.as_deref()).unwrap_or(&none);
        let is_known_store = evidence.knows_what_is_stored(&place.store);
        let mut compared = Self::default();
        for (name, (part, facts)) in &found {
            let fate = parts.get(name).copied().unwrap_or_default();
            if facts.mode() & OTHERS != 0 {
                compared.open.push(name.clone());
            }
            if fate.destroyed {
                compared.back.push(name.clone());
            } else if let Some(stored) = fate.stored {
                if stored.bytes != facts.len() {
                    compared.changed.push(name.clone());
                }
            } else if is_known_store && part.finished && facts.ctime() + ENTRY_SECONDS_MAX < now.seconds() {
                compared.unknown.push(name.clone());
            }
        }
        // One that is due had to go, and whoever took it, nobody misses it; one that is not yet finished is hidden.
        let is_there =
            |name: &str| found.contains_key(name) || found.contains_key(&format!(".{name}{PARTIAL}"));
        let stands = |fate: &Fate| !fate.destroyed && fate.stored.is_some_and(|stored| stored.deadline > now);
        compared.gone = parts
            .iter()
            .filter(|(name, fate)| stands(fate) && !is_there(name))
            .map(|(name, _)| name.clone())
            .collect();
        compared.sort();
        Ok(compared)
    }

    /// True when the journal must be read once more: what seems wrong can be a part that was stored, merged or destroyed between two
    /// looks.
    pub fn is_in_doubt(&self) -> bool {
        [&self.gone, &self.unknown, &self.back, &self.changed].iter().any(|names| !names.is_empty())
    }

    /// Takes out what was in order all along, by evidence that was read after the place was looked at. Every destruction is entered before
    /// it is done, so what is missing and still not entered then was taken by somebody else.
    pub fn settle(&mut self, place: &Place, again: &Evidence) {
        let none = Parts::new();
        let parts = again.parts(&place.store, place.class.as_deref()).unwrap_or(&none);
        let fate = |name: &String| parts.get(name).copied().unwrap_or_default();
        let bytes =
            |name: &String| fs::symlink_metadata(place.directory.join(name)).ok().map(|facts| facts.len());
        let is_there = |name: &String| bytes(name).is_some();
        let differs =
            |name: &String| fate(name).stored.map(|stored| stored.bytes) != bytes(name) && is_there(name);
        // A directory that changes while it is listed may show a part that gets its name under neither.
        self.gone.retain(|name| !fate(name).destroyed && !is_there(name));
        self.unknown.retain(|name| fate(name) == Fate::default() && is_there(name));
        self.back.retain(|name| fate(name).destroyed && is_there(name));
        self.changed.retain(differs);
        // A sweep at work has entered them and is about to destroy them, or a merge to put the one in their place.
        for _ in 0..LOOKS {
            if self.back.is_empty() && self.changed.is_empty() {
                break;
            }
            thread::sleep(BETWEEN_LOOKS);
            self.back.retain(is_there);
            self.changed.retain(differs);
        }
    }

    fn sort(&mut self) {
        for names in [&mut self.gone, &mut self.unknown, &mut self.back, &mut self.changed, &mut self.open] {
            names.sort_unstable();
        }
    }
}

/// Every part in a directory, by its name. One that is not there holds nothing; what is no part is counted elsewhere.
fn look(directory: &Path) -> io::Result<HashMap<String, (PartName, Metadata)>> {
    let mut found = HashMap::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(part) = PartName::read(&name) else { continue };
        match entry.metadata() {
            Ok(facts) if facts.is_file() => {
                found.insert(name, (part, facts));
            }
            Ok(_) => {}
            // A sweep was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
