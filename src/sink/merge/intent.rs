//! A merge, or a part that is narrowed, once it is decided: written down before the first name changes, so that whoever comes after a crash can end
//! it.
//!
//! *In*: the one part, durable under a hidden name, and those whose records it holds. *Out*: the file `merge` in the state directory, gone once
//! that is done. *Promised*: what broke off anywhere is ended by [`finish`]; nothing is removed that is not the very file
//! which was merged (by inode, size and time: a name may have been given again since).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::part::{LIES, sync_directory};
use super::MergeError;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{Event, Journal, PartOf};
use crate::retention::sweep::Place;

/// The file's name in the state directory.
const FILE_NAME: &str = "merge";
const FILE_MODE: u32 = 0o640;

/// A file as it was: its name, and what tells it from another that got the name later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Its name.
    pub name: String,
    inode: u64,
    /// Its size.
    pub bytes: u64,
    modified: (i64, i64),
}

impl Known {
    pub fn of(name: &str, facts: &Metadata) -> Self {
        let modified = (facts.mtime(), facts.mtime_nsec());
        Self { name: name.to_owned(), inode: facts.ino(), bytes: facts.len(), modified }
    }

    /// True while it is there.
    pub fn is_in(&self, directory: &Path) -> bool {
        fs::symlink_metadata(directory.join(&self.name))
            .is_ok_and(|facts| facts.is_file() && Self::of(&self.name, &facts) == *self)
    }

    fn write(&self) -> Value {
        let (seconds, nanos) = self.modified;
        json!({ "name": self.name, "inode": self.inode, "bytes": self.bytes, "modified": [seconds, nanos] })
    }

    fn read(value: &Value) -> Option<Self> {
        let modified = &value["modified"];
        Some(Self {
            name: value["name"].as_str().filter(|name| !name.contains('/'))?.to_owned(),
            inode: value["inode"].as_u64()?,
            bytes: value["bytes"].as_u64()?,
            modified: (modified[0].as_i64()?, modified[1].as_i64()?),
        })
    }
}

/// A merge.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub directory: PathBuf,
    pub store: String,
    pub class: Option<String>,
    /// The one, under its hidden name.
    pub one: Known,
    /// The name that it gets: of a merge that of the first small part.
    pub name: String,
    /// Those whose records it holds, and which go.
    pub from: Vec<Known>,
    pub records: u64,
    pub deadline: Timestamp,
    /// Where parts are narrowed: the stage that the one is at, and the columns that are gone.
    pub narrowed: Option<(u32, Vec<String>)>,
}

impl Intent {
    /// Of `one`, which gets this name, and holds the records of these parts of `place`.
    pub fn of(
        place: &Place,
        one: Known,
        (name, deadline): (String, Timestamp),
        (from, records): (Vec<Known>, u64),
    ) -> Result<Self, MergeError> {
        let directory = std::path::absolute(&place.directory)
            .map_err(|source| MergeError::io(&place.directory, "it has no path", source))?;
        let (store, class) = (place.store.clone(), place.class.clone());
        Ok(Self { directory, store, class, one, name, from, records, deadline, narrowed: None })
    }

    /// Writes it down, durable on return.
    pub fn keep(&self, state: &Path) -> Result<(), MergeError> {
        let from: Vec<Value> = self.from.iter().map(Known::write).collect();
        let value = json!({
            "directory": self.directory, "store": self.store, "class": self.class, "one": self.one.write(), "name": self.name,
            "from": from, "records": self.records, "deadline": self.deadline.0, "narrowed": self.narrowed,
        });
        let temporary = state.join(format!("{FILE_NAME}.tmp"));
        let write = || {
            let mut file = OpenOptions::new();
            let file = file.write(true).create(true).truncate(true).mode(FILE_MODE);
            let mut file = file.open(&temporary)?;
            file.write_all(format!("{value}\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, state.join(FILE_NAME))?;
            File::open(state)?.sync_all()
        };
        write().map_err(|source| MergeError::io(&state.join(FILE_NAME), "it cannot be written", source))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let from: Option<Vec<Known>> = value["from"].as_array()?.iter().map(Known::read).collect();
        let narrowed = match &value["narrowed"] {
            Value::Null => None,
            narrowed => {
                let names = narrowed[1].as_array()?.iter().map(|name| name.as_str().map(ToOwned::to_owned));
                Some((u32::try_from(narrowed[0].as_u64()?).ok()?, names.collect::<Option<_>>()?))
            }
        };
        Some(Self {
            directory: PathBuf::from(value["directory"].as_str()?),
            store: value["store"].as_str()?.to_owned(),
            class: value["class"].as_str().map(ToOwned::to_owned),
            one: Known::read(&value["one"])?,
            name: value["name"].as_str().filter(|name| !name.contains('/'))?.to_owned(),
            from: from?,
            records: value["records"].as_u64()?,
            deadline: Timestamp(value["deadline"].as_i64()?),
            narrowed,
        })
    }

    /// Those that go: all but the one whose name is taken.
    fn others(&self) -> impl Iterator<Item = &Known> {
        self.from.iter().filter(|part| part.name != self.name)
    }

    /// The entry for it.
    pub fn entry(&self) -> Event {
        let (store, class, part) = (self.store.clone(), self.class.clone(), self.name.clone());
        let part = PartOf { store, class, part };
        let gone = self.others().map(|other| other.name.clone()).collect();
        let (bytes, records, deadline) = (self.one.bytes, self.records, self.deadline);
        match self.narrowed.clone() {
            None => Event::PartMerged { part, merged: gone, bytes, records, deadline },
            Some((stage, dropped)) => {
                Event::PartNarrowed { part, narrowed: gone, stage, dropped, bytes, records, deadline }
            }
        }
    }

    fn fault(&self, name: &str, doing: &'static str, source: io::Error) -> MergeError {
        MergeError::io(&self.directory.join(name), doing, source)
    }

    /// The one gets its name.
    pub fn put(&self) -> Result<(), MergeError> {
        let place = self.directory.join(&self.name);
        fs::rename(self.directory.join(&self.one.name), &place)
            .map_err(|error| self.fault(&self.one.name, "it cannot take the place of a small part", error))?;
        if self.is_put() {
            return Ok(());
        }
        Err(self.fault(&self.one.name, LIES, io::Error::other(LIES)))
    }

    /// True when it is there.
    fn is_put(&self) -> bool {
        Known { name: self.name.clone(), ..self.one.clone() }.is_in(&self.directory)
    }

    /// True when nobody has the name that it gets, or the part that goes for it.
    pub fn is_free(&self) -> bool {
        fs::symlink_metadata(self.directory.join(&self.name)).is_err()
            || self.from.iter().any(|part| part.name == self.name && part.is_in(&self.directory))
    }

    /// The others go.
    pub fn remove(&self, mut between: impl FnMut() -> Result<(), MergeError>) -> Result<(), MergeError> {
        for other in self.others() {
            if other.is_in(&self.directory) {
                fs::remove_file(self.directory.join(&other.name)).map_err(|error| {
                    self.fault(
                        &other.name,
                        "it cannot be removed, although another part has its records",
                        error,
                    )
                })?;
                between()?;
            }
        }
        Ok(())
    }

    /// It is done: all names are durable, and nothing needs to be known of it.
    pub fn forget(&self, state: &Path) -> Result<(), MergeError> {
        sync_directory(&self.directory)
            .map_err(|source| MergeError::io(&self.directory, "it cannot be synced", source))?;
        forget(state)
    }
}

fn forget(state: &Path) -> Result<(), MergeError> {
    let path = state.join(FILE_NAME);
    fs::remove_file(&path)
        .and_then(|()| sync_directory(state))
        .map_err(|source| MergeError::io(&path, "it cannot be removed", source))
}

/// True while a merge is decided and not done.
pub fn is_pending(state: &Path) -> bool {
    fs::symlink_metadata(state.join(FILE_NAME)).is_ok()
}

/// Ends a merge that broke off, or undoes it where nothing was done yet. To be called with the turn of the sweep, before anything gets a name.
/// True when there was one.
///
/// # Errors
/// [`MergeError`]; it can be tried again, and nothing is lost meanwhile.
pub fn finish(state: &Path, journal: &mut Journal, now: Timestamp) -> Result<bool, MergeError> {
    let path = state.join(FILE_NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(MergeError::io(&path, "it cannot be read", source)),
    };
    let Some(intent) = Intent::read(&text) else { return Err(MergeError::Unreadable { path }) };
    if !intent.directory.is_dir() {
        let gone = io::ErrorKind::NotFound.into();
        return Err(MergeError::io(
            &intent.directory,
            "a merge broke off there: mount or restore it, or remove the file 'merge' from the state directory",
            gone,
        ));
    }
    let (is_hidden, is_put) = (intent.one.is_in(&intent.directory), intent.is_put());
    // Another file under the name: somebody put it there, and it is not ours to replace.
    if is_put || is_hidden && intent.is_free() {
        // The entry may be there already; that it is there twice says the same.
        journal.append(now, &[intent.entry()])?;
        if !is_put {
            intent.put()?;
        }
        intent.remove(|| Ok(()))?;
        intent.forget(state)?;
    } else {
        // The one is not what it was, as after somebody removed it: what it was made of stays.
        forget(state)?;
    }
    Ok(true)
}
