//! The checkpoint: how far the sources are, and which parts hold the records up to there (PI-9).
//!
//! *In*: deliveries, and the parts that sinks hold. *Out*: the file `checkpoint` in the state directory, replaced as a whole; and after a
//! crash, parts and positions as the last checkpoint has them ([`load`], [`recover`]). *Promised*, by sink:
//!
//! | sink | after a crash, from sources with positions | from a pipe |
//! |---|---|---|
//! | files, quarantine | every record once: parts are cut back to the checkpoint, and the source is read on from there | what came since the last checkpoint, at most [`EVERY_STORED`] seconds, is lost |
//! | standard output | every record at least once: what was written since the last checkpoint, at most a second (or [`EVERY_STORED`] where a sink stores beside it), is written again | the same is lost |
//!
//! Partitions of topics are sources with positions whose group keeps them, too: it is told after the checkpoint was written, and what it has
//! not heard of when a process ends is left out by the next one ([`offsets`](super::offsets)).
//!
//! *Not here*: what a position is (`source::ledger`, `offsets`), when to commit (`delivery`).
//!
//! Records that could not be parsed and are discarded are counted again when they are read again. A part whose deadline has come is not brought
//! back: the sweep destroys it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::delivery::Commit;
use super::offsets::Offsets;
use super::reseal;
use crate::kafka::consumer::Partition;
use crate::keys::Keys;
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{Event, Journal, JournalError, PartOf};
use crate::retention::part_name::{self, PARTIAL};
use crate::sink::sealed::{self, Look};
use crate::sink::{Held, SinkError, rename, sync_directory, visible_name};
use crate::source::ledger::{Ledger, PrintKey};

/// The file's name in the state directory.
pub const FILE_NAME: &str = "checkpoint";
/// Seconds between two checkpoints where a sink stores.
pub const EVERY_STORED: u64 = 10;
/// The same where none does.
pub const EVERY: u64 = 1;
/// Only its owner reads it: it has the key of the prints.
const FILE_MODE: u32 = 0o600;
const VERSION: u64 = 1;

/// Why there is no going on from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file is something else.
    #[error(
        "{}: cannot be understood; restore it, or move it away: then every file is read again from its start", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {doing} ({source}); put that right and start again, nothing is lost meanwhile", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What failed.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A part lost what was on disk.
    #[error(
        "{}: it is shorter than the checkpoint says, so the disk lost records; check the disk, then move the checkpoint away", path.display()
    )]
    Shrunk {
        /// The part.
        path: PathBuf,
    },
    /// An encrypted part cannot be finished.
    #[error("{}: {problem}; put that right and start again, nothing is lost meanwhile", path.display())]
    Sealed {
        /// The part.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Nothing can be entered.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A part that a checkpoint counts on.
struct Counted {
    hidden: PathBuf,
    bytes: u64,
    records: u64,
    deadline: Timestamp,
    closes: bool,
    store: String,
    class: Option<String>,
}

/// What the last checkpoint says.
pub struct Saved {
    key: PrintKey,
    sources: Map<String, Value>,
    /// Of partitions of topics; null where there are none.
    offsets: Value,
    parts: Vec<Counted>,
    /// For parts that are encrypted.
    keys: Option<Keys>,
}

/// Reads the checkpoint of a state directory; an empty one where there is none.
///
/// # Errors
/// [`CheckpointError`]: nothing may be read or stored on a wrong footing.
pub fn load(state: &Path) -> Result<Saved, CheckpointError> {
    let path = state.join(FILE_NAME);
    let fault = |doing, source| CheckpointError::Io { path: path.clone(), doing, source };
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = PrintKey::random().map_err(|error| fault("the system has no random bytes", error))?;
            return Ok(Saved {
                key,
                sources: Map::new(),
                offsets: Value::Null,
                parts: Vec::new(),
                keys: None,
            });
        }
        Err(error) => return Err(fault("it cannot be read", error)),
    };
    let read = || -> Option<Saved> {
        let value: Value = serde_json::from_slice(&text).ok()?;
        if value["version"] != VERSION {
            return None;
        }
        let key = PrintKey::read(value["key"].as_str()?)?;
        let parts: Option<Vec<Counted>> = value["parts"].as_array()?.iter().map(counted).collect();
        let sources = value["sources"].as_object()?.clone();
        Some(Saved { key, sources, offsets: value["offsets"].clone(), parts: parts?, keys: None })
    };
    read().ok_or(CheckpointError::Unreadable { path })
}

fn counted(value: &Value) -> Option<Counted> {
    Some(Counted {
        hidden: PathBuf::from(value["hidden"].as_str()?),
        bytes: value["bytes"].as_u64()?,
        records: value["records"].as_u64()?,
        deadline: Timestamp(value["deadline"].as_i64()?),
        closes: value["closes"].as_bool()?,
        store: value["store"].as_str()?.to_owned(),
        class: value["class"].as_str().map(ToOwned::to_owned),
    })
}

/// The names of parts that a start may bring back, as the checkpoint of `state` has it. One that was whole and has lost its hidden name is
/// not among them: whatever becomes of it, nobody looks for it.
///
/// # Errors
/// As [`load`].
pub fn counted_on(state: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let parts = load(state)?.parts;
    let counts = |part: &&Counted| !part.closes || fs::symlink_metadata(&part.hidden).is_ok();
    Ok(parts.iter().filter(counts).map(|part| visible_name(&part.hidden).to_owned()).collect())
}

impl Saved {
    /// With the keyring that its encrypted parts are of.
    #[must_use]
    pub fn with_keys(mut self, keys: &Keys) -> Self {
        self.keys = Some(keys.clone());
        self
    }

    /// The ledger of the source called `name`.
    ///
    /// # Errors
    /// [`CheckpointError::Unreadable`].
    pub fn ledger(&self, name: &str, state: &Path) -> Result<Arc<Ledger>, CheckpointError> {
        let ledger = match self.sources.get(name) {
            None => Some(Ledger::new(self.key.clone())),
            Some(value) => Ledger::read(self.key.clone(), value),
        };
        ledger.map(Arc::new).ok_or_else(|| CheckpointError::Unreadable { path: state.join(FILE_NAME) })
    }

    /// How far the partitions are that `group` reads.
    ///
    /// # Errors
    /// [`CheckpointError::Unreadable`].
    pub fn offsets(&self, group: &str, state: &Path) -> Result<Arc<Offsets>, CheckpointError> {
        let offsets = Offsets::read(group, &self.offsets).map(Arc::new);
        offsets.ok_or_else(|| CheckpointError::Unreadable { path: state.join(FILE_NAME) })
    }

    /// Brings the parts back as the checkpoint has them, and makes them visible. Returns what is to be said to people.
    ///
    /// # Errors
    /// [`CheckpointError`]; it can be tried again.
    pub fn recover(
        &mut self,
        state: &Path,
        journal: &mut Journal,
        now: Timestamp,
    ) -> Result<Vec<String>, CheckpointError> {
        let mut said = Vec::new();
        let mut back = Vec::new();
        for mut part in std::mem::take(&mut self.parts) {
            match cut_back(&mut part, self.keys.as_ref(), now)? {
                Found::Whole => {
                    let visible = free_name(&part.hidden);
                    back.push((part, visible));
                }
                Found::NotNeeded => {}
                Found::Gone => said.push(format!(
                    "{}: {} records that were stored are gone with this part; somebody removed it",
                    part.hidden.with_file_name(visible_name(&part.hidden)).display(),
                    part.records
                )),
            }
        }
        let entered = back.iter().filter(|(part, _)| !part.store.starts_with(OUTBOX_STORE));
        let stored = entered.map(|(part, visible)| Event::PartStored {
            part: PartOf {
                store: part.store.clone(),
                class: part.class.clone(),
                part: visible.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            },
            bytes: part.bytes,
            records: part.records,
            deadline: part.deadline,
        });
        journal.append(now, &stored.collect::<Vec<_>>())?;
        for (part, visible) in &back {
            rename(&part.hidden, visible).map_err(|source| CheckpointError::Io {
                path: part.hidden.clone(),
                doing: "a part of the last run cannot be given its name",
                source,
            })?;
        }
        for directory in back.iter().filter_map(|(part, _)| part.hidden.parent()).collect::<BTreeSet<_>>() {
            sync_directory(directory).map_err(|source| CheckpointError::Io {
                path: directory.to_owned(),
                doing: "it cannot be synced",
                source,
            })?;
        }
        // New parts may get the names of old ones: from here on nothing counts on these.
        write(state, &self.key, (&self.sources, &self.offsets), &[]).map_err(|source| {
            CheckpointError::Io { path: state.join(FILE_NAME), doing: "it cannot be written", source }
        })?;
        Ok(said)
    }
}

/// The name that a part gets: its own, unless that is taken. Names have the number of a process in them, and those are used again, in
/// containers at every start.
fn free_name(hidden: &Path) -> PathBuf {
    let name = visible_name(hidden);
    let is_there = |name: &str| fs::symlink_metadata(hidden.with_file_name(name)).is_ok();
    // Another that is brought back may be about to get that name.
    let is_taken = |other: &str| is_there(other) || other != name && is_there(&format!(".{other}{PARTIAL}"));
    let names = (0..).map_while(|more| part_name::numbered(name, more));
    let free = names.into_iter().find(|name| !is_taken(name));
    hidden.with_file_name(free.as_deref().unwrap_or(name))
}

/// What became of a part.
enum Found {
    /// It is there, as the checkpoint has it.
    Whole,
    /// It was made visible already, or its deadline has come.
    NotNeeded,
    /// It should be there.
    Gone,
}

fn cut_back(part: &mut Counted, keys: Option<&Keys>, now: Timestamp) -> Result<Found, CheckpointError> {
    let path = part.hidden.clone();
    let fault = |doing, source| CheckpointError::Io { path: path.clone(), doing, source };
    if part.deadline <= now {
        return Ok(Found::NotNeeded);
    }
    let mut file = match OpenOptions::new().read(true).write(true).open(&part.hidden) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = part.hidden.parent().unwrap_or(Path::new(""));
            if !directory.is_dir() {
                return Err(fault(
                    "the directory of a part of the last run is not there: mount or restore it",
                    error,
                ));
            }
            // One that was whole may be visible, and swept since; one that was not has its name if the last start came so far.
            let visible = part.hidden.with_file_name(visible_name(&part.hidden));
            // Frames that were finished have another size.
            let was_frames = visible.extension().is_some_and(|end| end == "age") && !part.closes;
            let is_there =
                fs::symlink_metadata(visible).is_ok_and(|facts| facts.len() == part.bytes || was_frames);
            return Ok(if part.closes || is_there { Found::NotNeeded } else { Found::Gone });
        }
        Err(error) => return Err(fault("a part of the last run cannot be opened", error)),
    };
    let length = file.metadata().map_err(|error| fault("it cannot be examined", error))?.len();
    let look =
        sealed::look(&mut file).map_err(|error| fault("a part of the last run cannot be read", error))?;
    if look == Look::Age && !part.closes {
        // The last start came so far as to finish it.
        part.bytes = length;
    }
    if length < part.bytes {
        return Err(CheckpointError::Shrunk { path: part.hidden.clone() });
    }
    file.set_len(part.bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| fault("a part of the last run cannot be cut back to its checkpoint", error))?;
    // Where a name is given by a link, a crash may leave both.
    let number = |path: &Path| fs::symlink_metadata(path).ok().map(|facts| (facts.dev(), facts.ino()));
    if number(&part.hidden) == number(&part.hidden.with_file_name(visible_name(&part.hidden))) {
        fs::remove_file(&part.hidden).map_err(|error| fault("its hidden name cannot be removed", error))?;
        return Ok(Found::NotNeeded);
    }
    if look == Look::Frames {
        let finished = reseal::finish(&part.hidden, &mut file, part.class.as_deref(), keys, now);
        match finished.map_err(|problem| CheckpointError::Sealed { path: path.clone(), problem })? {
            Some(bytes) => part.bytes = bytes,
            None => return Ok(Found::NotNeeded),
        }
    }
    Ok(Found::Whole)
}

/// Replaces the file as a whole.
fn write(
    state: &Path,
    key: &PrintKey,
    (sources, offsets): (&Map<String, Value>, &Value),
    parts: &[Value],
) -> io::Result<()> {
    let mut value = json!({ "version": VERSION, "key": key.write(), "sources": sources, "parts": parts });
    if !offsets.is_null() {
        value["offsets"] = offsets.clone();
    }
    let temporary = state.join(format!("{FILE_NAME}.tmp"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary)?;
    file.write_all(format!("{value}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, state.join(FILE_NAME))?;
    File::open(state)?.sync_all()
}

/// What the stores begin with whose parts only wait for the server that they are for. They come and go by the second, and the journal says what
/// becomes of the table.
pub const OUTBOX_STORE: &str = "outbox.";

/// Where a sink's parts belong: the store, as in the journal, and the class.
pub type StoreOf = (String, Option<String>);

/// Writes checkpoints.
pub struct Checkpoint {
    state: PathBuf,
    key: PrintKey,
    /// Of sources that are not in the pipeline at present.
    others: Map<String, Value>,
    /// By input; none for a pipe.
    ledgers: Vec<Option<(String, Arc<Ledger>)>>,
    /// Of partitions of topics, where they are read.
    offsets: Option<Arc<Offsets>>,
    /// The same of an earlier run, where this one reads none.
    kept_offsets: Value,
    /// By sink; the last is the quarantine's.
    stores: Vec<StoreOf>,
    journal: Journal,
    every_seconds: u64,
}

impl Checkpoint {
    /// Goes on from `saved`. `stores` are those of the sinks, in their order, and then that of the quarantine.
    pub fn new(
        saved: Saved,
        state: &Path,
        ledgers: Vec<Option<(String, Arc<Ledger>)>>,
        stores: Vec<StoreOf>,
        journal: Journal,
    ) -> Self {
        let mut others = saved.sources;
        for (name, _) in ledgers.iter().flatten() {
            others.remove(name);
        }
        let stores_something = !stores.iter().all(|(store, _)| store.is_empty());
        let every_seconds = if stores_something { EVERY_STORED } else { EVERY };
        Self {
            state: state.to_owned(),
            key: saved.key,
            others,
            ledgers,
            offsets: None,
            kept_offsets: saved.offsets,
            stores,
            journal,
            every_seconds,
        }
    }

    /// Of partitions of topics.
    #[must_use]
    pub fn of_partitions(mut self, offsets: Arc<Offsets>) -> Self {
        self.offsets = Some(offsets);
        self
    }

    fn write(&self, parts: &[Value]) -> Result<(), SinkError> {
        let mut sources = self.others.clone();
        for (name, ledger) in self.ledgers.iter().flatten() {
            sources.insert(name.clone(), ledger.write());
        }
        let offsets = self.offsets.as_ref().map(|offsets| offsets.write());
        let offsets = offsets.as_ref().unwrap_or(&self.kept_offsets);
        write(&self.state, &self.key, (&sources, offsets), parts).map_err(|error| {
            SinkError::io(
                self.state.join(FILE_NAME).display().to_string(),
                &error,
                "what came since the last checkpoint will be read again",
            )
        })
    }
}

impl Commit for Checkpoint {
    fn every_seconds(&self) -> u64 {
        self.every_seconds
    }

    fn delivered(&mut self, input: usize, batch: &RawBatch) {
        if let (Some(Some((_, ledger))), Some(mark)) = (self.ledgers.get(input), batch.mark) {
            ledger.delivered(mark, (!batch.cut).then_some(&batch.bytes));
        }
    }

    fn read_to(&mut self, partition: &Partition, next: i64) {
        if let Some(offsets) = &self.offsets {
            offsets.delivered(partition, next);
        }
    }

    fn can_go_back(&self) -> bool {
        self.offsets.is_some() || self.ledgers.iter().any(Option::is_some)
    }

    fn commit(&mut self, held: &[(usize, Held)], now: Timestamp) -> Result<(), SinkError> {
        let none = (String::new(), None);
        let store = |sink: usize| self.stores.get(sink).unwrap_or(&none);
        let parts = held.iter().map(|(sink, part)| {
            let (store, class) = store(*sink);
            // The directory of the run is not that of the next.
            let hidden = std::path::absolute(&part.hidden).unwrap_or_else(|_| part.hidden.clone());
            json!({
                "hidden": hidden, "bytes": part.bytes, "records": part.records, "deadline": part.deadline.0,
                "closes": part.closes, "store": store, "class": class,
            })
        });
        self.write(&parts.collect::<Vec<_>>())?;
        let entered =
            held.iter().filter(|(sink, part)| part.closes && !store(*sink).0.starts_with(OUTBOX_STORE));
        let stored = entered.map(|(sink, part)| {
            let (store, class) = store(*sink).clone();
            let of = PartOf { store, class, part: part.name.clone() };
            Event::PartStored { part: of, bytes: part.bytes, records: part.records, deadline: part.deadline }
        });
        let stored: Vec<Event> = stored.collect();
        if !stored.is_empty() {
            self.journal
                .append(now, &stored)
                .map_err(|error| SinkError::Io { place: "journal".to_owned(), problem: error.to_string() })?;
        }
        Ok(())
    }

    fn published(&mut self) {
        for (_, ledger) in self.ledgers.iter().flatten() {
            ledger.committed();
        }
        if let Some(offsets) = &self.offsets {
            offsets.stored();
        }
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
