//! Parts of Parquet are made anew: small ones become large ones within their deadline bucket, and at a stage of their class they lose columns
//! ([`narrow`](Merger::narrow)).
//!
//! *In*: the directories that a pipeline stores in. *Out*: one part in the place of many, with the deadline of each of them. *Promised*: no
//! record is lost or stored twice, wherever the process is killed; memory holds one row group; sweeps are not held up by more than a few
//! renames; what cannot be read as Parquet is left as it is, and said. *Not here*: which parts (`choice`), rows (`rows`), and who calls
//! it when (`cli`).
//!
//! The rows are written to a hidden part, while everything goes on. When that is durable, and the turn of the sweep is ours:
//!
//! ```text
//! 1  the merge is written down in the state directory      intent: from here on it is ended, after a crash by the next start or sweep
//! 2  and entered in the journal (part.merged)
//! 3  the one part is renamed to the name of the first small one
//! 4  the others are removed
//! 5  the directory is synced, the intent removed
//! ```
//!
//! Between 3 and 5 there are a rename and some removals and nothing that waits for the disk: well below a millisecond for sixteen parts. Whoever
//! lists the directory and opens all its files just then finds records twice. Whoever lists it before and opens it after finds
//! names that are gone: an error, and no wrong answer. After a crash in between, records stand there twice until the next start or sweep.
//!
//! Encrypted parts are merged under the key of their bucket, plain ones beside them as they are. Parts of two schemas are kept apart: a policy that gives other columns begins new parts, which one query reads by name
//! (`union_by_name` of `DuckDB`). Chosen over one schema of both, since what a part says it has, its records can have.

mod choice;
mod copy;
mod hidden;
mod intent;
mod narrow;
mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use super::crypt::{self, CryptError};
use crate::keys::{KeyError, Keys, Storage, StorageKeys};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{Journal, JournalError};
use crate::retention::part_name::{self, PARTIAL, PartName};
use crate::retention::sweep::{Place, SweepError, Turn};
use choice::Size;
use hidden::{Hidden, no_follow, remove_leftovers};
use intent::{Intent, Known};
pub use intent::{finish, is_pending};
use rows::{Input, Trouble};

/// What the names of parts end in that are merged.
const SUFFIX: &str = ".parquet";
/// What that of the one ends in until it takes its place: nobody else makes such, so that what is left of one can be told.
const MERGING: &str = "merge.parquet";
/// A part is not merged in the last of its life, as many margins before it goes.
const MARGINS: u64 = 4;
/// How long a merge that is ready waits for a sweep to end, and how often it asks.
const TURN_WAIT: Duration = Duration::from_millis(20);
const TURN_ASKED: u32 = 1_500;

/// What is said of what is no Parquet, or damaged.
const UNREADABLE: &str = "it cannot be read as Parquet";

/// Why a merge did not end. Nothing is lost: it is ended or done anew by the next one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The system refused.
    #[error("{}: {doing} ({}); small parts stay as they are until that is put right", path.display(), source.kind())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What failed.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "{}: cannot be understood, so a merge of parts cannot be ended: records may stand there twice; restore it, or move it away", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// Nothing can be entered.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Locks cannot be had.
    #[error(transparent)]
    Turn(#[from] SweepError),
}

impl MergeError {
    fn io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), doing, source }
    }
}

/// When parts are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// By how much parts go before their deadline.
    pub margin_seconds: u64,
    /// Seconds after which a bucket that got no part is quiet.
    pub quiet_seconds: u64,
}

/// What whoever calls knows and a merger does not.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The time.
    pub now: &'a dyn Fn() -> Timestamp,
    /// False once it is to end, or the clock is not to be trusted.
    pub goes_on: &'a dyn Fn() -> bool,
    /// Names of parts that must stay as they are, since a checkpoint that a start will read counts on them; nothing is merged when nobody
    /// knows. Asked after a directory is read.
    pub counted: &'a dyn Fn() -> Option<BTreeSet<String>>,
    /// What people are to be told.
    pub say: &'a dyn Fn(String),
}

/// What a merge made of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Small parts.
    pub parts: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of the one that they became.
    pub bytes: u64,
}

/// Merges the parts of some directories.
pub struct Merger {
    state: PathBuf,
    places: Vec<Place>,
    rhythm: Rhythm,
    journal: Journal,
    /// Of parts that are encrypted.
    keys: Option<Keys>,
    number: u64,
    /// Groups that have nothing to merge, as they were when that was found.
    settled: HashMap<(PathBuf, Bucket), (usize, u64)>,
    /// Parts of a stage that have nothing which it drops.
    narrowed: HashSet<PathBuf>,
    /// What could not be read, and was said.
    unreadable: HashSet<PathBuf>,
    /// The step at which it breaks off, and how often it comes to it before.
    #[cfg(test)]
    breaks: Option<(Step, std::sync::atomic::AtomicU32)>,
}

/// Where a merge can break off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Join,
    Keep,
    Enter,
    Put,
    Remove,
    Forget,
}

/// Deadline, retention and stage, as names have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Bucket {
    deadline: Timestamp,
    retention_seconds: Option<u64>,
    stage: u32,
}

impl Bucket {
    const fn of(part: PartName) -> Self {
        Self { deadline: part.deadline, retention_seconds: part.retention_seconds, stage: part.stage }
    }
}

/// A part that can be merged.
struct Small {
    known: Known,
    size: Size,
}

impl Merger {
    /// Merges in `places`, whose journal is in `state`.
    ///
    /// # Errors
    /// When the journal cannot be opened.
    pub fn open(
        state: &Path,
        places: Vec<Place>,
        rhythm: Rhythm,
        now: Timestamp,
    ) -> Result<Self, MergeError> {
        Ok(Self {
            state: state.to_owned(),
            places,
            rhythm,
            journal: Journal::open(state, now)?,
            keys: None,
            number: 0,
            settled: HashMap::new(),
            narrowed: HashSet::new(),
            unreadable: HashSet::new(),
            #[cfg(test)]
            breaks: None,
        })
    }

    /// Merges encrypted parts, too: each under the key that it has.
    #[must_use]
    pub fn with_keys(mut self, keys: &Keys) -> Self {
        self.keys = Some(keys.clone());
        self
    }

    /// Merges until there is nothing to merge, or it is told to end. Nothing while somebody else does.
    ///
    /// # Errors
    /// [`MergeError`]; it can be tried again.
    pub fn merge(&mut self, around: Around<'_>) -> Result<Merged, MergeError> {
        let mut all = Merged::default();
        let Some(_merging) = Turn::of_merging(&self.state)? else { return Ok(all) };
        {
            let Some(_turn) = Turn::take(&self.state)? else { return Ok(all) };
            finish(&self.state, &mut self.journal, (around.now)())?;
        }
        for place in self.places.clone() {
            remove_leftovers(&place.directory)?;
            while let Some(one) = self.merge_one(&place, around)? {
                all.parts += one.parts;
                all.records += one.records;
                all.bytes += one.bytes;
            }
        }
        Ok(all)
    }

    /// One merge of the place, if there is one to do.
    fn merge_one(&mut self, place: &Place, around: Around<'_>) -> Result<Option<Merged>, MergeError> {
        let now = (around.now)();
        let buckets = self.buckets(place, around, &|part| !self.is_due(place, part, now))?;
        self.settled
            .retain(|(directory, bucket), _| *directory != place.directory || buckets.contains_key(bucket));
        let quiet = i64::try_from(self.rhythm.quiet_seconds).unwrap_or(i64::MAX);
        for (bucket, parts) in buckets {
            if !(around.goes_on)() {
                return Ok(None);
            }
            let sizes: Vec<Size> = parts.iter().map(|part| part.size).collect();
            let chosen = choice::choose(&sizes, quiet);
            let facts = (parts.len(), sizes.iter().map(|size| size.bytes).sum());
            let key = (place.directory.clone(), bucket);
            if chosen.is_empty() || self.settled.get(&key) == Some(&facts) {
                continue;
            }
            let mut is_settled = true;
            for parts in self.by_schema(place, bucket, parts, around) {
                let sizes: Vec<Size> = parts.iter().map(|(part, _)| part.size).collect();
                let mut chosen = choice::choose(&sizes, quiet);
                if chosen.is_empty() {
                    continue;
                }
                is_settled = false;
                // As they came.
                chosen.sort_by_key(|at| (-sizes[*at].age_seconds, *at));
                let mut parts: Vec<_> = parts.into_iter().map(Some).collect();
                let parts = chosen.iter().filter_map(|at| parts[*at].take()).collect();
                if let Some(merged) = self.merge_these(place, bucket, parts, around)? {
                    return Ok(Some(merged));
                }
            }
            if is_settled {
                self.settled.insert(key, facts);
            }
        }
        Ok(None)
    }

    /// The finished parts that are wanted, by bucket.
    fn buckets(
        &self,
        place: &Place,
        around: Around<'_>,
        wanted: &dyn Fn(PartName) -> bool,
    ) -> Result<BTreeMap<Bucket, Vec<Small>>, MergeError> {
        let fault = |source| MergeError::io(&place.directory, "it cannot be read", source);
        let mut buckets: BTreeMap<Bucket, Vec<Small>> = BTreeMap::new();
        let entries = match fs::read_dir(&place.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(buckets),
            entries => entries.map_err(fault)?,
        };
        let clock = SystemTime::now();
        for entry in entries {
            let entry = entry.map_err(fault)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Some(part) = PartName::read(&name).filter(|part| part.finished && name.ends_with(SUFFIX))
            else {
                continue;
            };
            if !wanted(part) || self.unreadable.contains(&entry.path()) {
                continue;
            }
            // A sweep may be faster.
            let Some(facts) = entry.metadata().ok().filter(fs::Metadata::is_file) else { continue };
            let age = facts.modified().ok().and_then(|written| clock.duration_since(written).ok());
            let age_seconds = age.map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
            let size = Size { bytes: facts.len(), age_seconds };
            let small = Small { known: Known::of(&name, &facts), size };
            buckets.entry(Bucket::of(part)).or_default().push(small);
        }
        let Some(counted) = (around.counted)() else { return Ok(BTreeMap::new()) };
        for parts in buckets.values_mut() {
            parts.retain(|part| !counted.contains(&part.known.name));
            parts.sort_by(|a, b| a.known.name.cmp(&b.known.name));
        }
        Ok(buckets)
    }

    /// True for a part that goes so soon that it is not worth a merge.
    fn is_due(&self, place: &Place, part: PartName, now: Timestamp) -> bool {
        self.goes_within(MARGINS, place, part, now)
    }

    fn goes_within(&self, margins: u64, place: &Place, part: PartName, now: Timestamp) -> bool {
        let soon = i64::try_from(self.rhythm.margin_seconds.saturating_mul(margins)).unwrap_or(i64::MAX);
        part.due_under(place.limit_seconds(&part)) <= now.plus_seconds(soon)
    }

    /// Parts of one schema each, encrypted or not. What cannot be read is said, once, and left.
    fn by_schema(
        &mut self,
        place: &Place,
        bucket: Bucket,
        parts: Vec<Small>,
        around: Around<'_>,
    ) -> Vec<Vec<(Small, Input)>> {
        let mut groups: Vec<Vec<(Small, Input)>> = Vec::new();
        for part in parts {
            let path = place.directory.join(&part.known.name);
            let input = match self.open_part(place, bucket, &path, (around.now)()) {
                Ok(Some(input)) => input,
                Ok(None) => continue,
                Err(why) => {
                    self.leave(place, path, &why, around);
                    continue;
                }
            };
            match groups.iter_mut().find(|group| group[0].1.is_like(&input)) {
                Some(group) => group.push((part, input)),
                None => groups.push(vec![(part, input)]),
            }
        }
        groups
    }

    /// Reads the footer of a part. Nothing when it is gone, or about to go; why not, when it cannot be read.
    fn open_part(
        &self,
        place: &Place,
        bucket: Bucket,
        path: &Path,
        now: Timestamp,
    ) -> Result<Option<Input>, String> {
        let file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it cannot be opened ({})", error.kind())),
        };
        let mut key = None;
        if rows::is_encrypted(&file) {
            let Some(keys) = self.keys_of(place, bucket) else {
                return Err("it is encrypted, and the pipeline names no keyring".to_owned());
            };
            match keys
                .map_err(CryptError::Key)
                .and_then(|keys| crypt::decryption(&keys, bucket.deadline, now))
            {
                Ok(found) => key = Some(found),
                Err(CryptError::Key(KeyError::Dead { .. })) => return Ok(None),
                Err(error) => return Err(format!("it is encrypted, and there is no key ({error})")),
            }
        }
        Input::open(file, key).map(Some).ok_or_else(|| UNREADABLE.to_owned())
    }

    /// The keys of what is stored in a bucket of a place.
    fn keys_of(&self, place: &Place, bucket: Bucket) -> Option<Result<StorageKeys, KeyError>> {
        let storage = Storage {
            class: place.class.clone()?,
            stage: bucket.stage,
            retention_seconds: bucket.retention_seconds?,
        };
        Some(self.keys.as_ref()?.storage(storage))
    }

    fn leave(&mut self, place: &Place, path: PathBuf, why: &str, around: Around<'_>) {
        (around.say)(format!(
            "{}, {}: {why}, so it is not merged and stays as it is; see who else writes there, and restore or remove it",
            place.store,
            path.display()
        ));
        self.unreadable.insert(path);
    }

    /// Merges parts of one bucket and schema. `None` when it was told to end, or something came between.
    fn merge_these(
        &mut self,
        place: &Place,
        bucket: Bucket,
        parts: Vec<(Small, Input)>,
        around: Around<'_>,
    ) -> Result<Option<Merged>, MergeError> {
        let (parts, inputs): (Vec<Known>, Vec<Input>) =
            parts.into_iter().map(|(small, input)| (small.known, input)).unzip();
        let records: u64 = inputs.iter().map(Input::rows).sum();
        let hidden = self.hidden(&parts[0].name, bucket);
        let one = Hidden::create(place.directory.join(&hidden))?;
        self.step(Step::Join)?;
        let key = if inputs[0].is_encrypted() {
            let Some(Ok(keys)) = self.keys_of(place, bucket) else { return Ok(None) };
            // It may have died just now.
            let Ok(key) = crypt::encryption(&keys, bucket.deadline, (around.now)()) else { return Ok(None) };
            Some(key)
        } else {
            None
        };
        let joined = rows::join(&inputs, (&one.file, key), rows::GROUP, around.goes_on);
        if !self.is_whole(place, (&one, records, joined), &parts, around)? {
            return Ok(None);
        }
        let known = one.keep(&hidden)?;
        let merged = Merged { parts: parts.len() as u64, records, bytes: known.bytes };
        let (name, deadline) = (parts[0].name.clone(), bucket.deadline);
        let intent = Intent::of(place, known, (name, deadline), (parts, records))?;
        Ok(self.commit(place, one, &intent, around)?.then_some(merged))
    }

    /// True when `one` was written whole, of `records` rows; false when it was told to end, or one of `parts` cannot be read.
    fn is_whole(
        &mut self,
        place: &Place,
        (one, records, written): (&Hidden, u64, Result<u64, Trouble>),
        parts: &[Known],
        around: Around<'_>,
    ) -> Result<bool, MergeError> {
        match written {
            Ok(written) if written == records => Ok(true),
            Ok(_) => {
                let differs = io::Error::other("another number of rows");
                Err(MergeError::io(&one.path, "it does not hold what it was made of", differs))
            }
            Err(Trouble::Stopped) => Ok(false),
            Err(Trouble::Input(at)) => {
                // It is left out from now on; the others can go on without it.
                self.leave(place, place.directory.join(&parts[at].name), UNREADABLE, around);
                Ok(false)
            }
            Err(Trouble::Output(error)) => {
                Err(MergeError::io(&one.path, "parts cannot be put together in it", error))
            }
        }
    }

    /// See the module comment. False when something came between.
    fn commit(
        &mut self,
        place: &Place,
        one: Hidden,
        intent: &Intent,
        around: Around<'_>,
    ) -> Result<bool, MergeError> {
        let Some(_turn) = self.turn(around)? else { return Ok(false) };
        let now = (around.now)();
        let part = PartName::read(&intent.name);
        // What a stage takes columns from is worth it until the end; so it is not made anew over and over.
        let margins = if intent.narrowed.is_some() { 1 } else { MARGINS };
        let is_due = part.is_none_or(|part| self.goes_within(margins, place, part, now));
        let mut all = intent.from.iter().chain([&intent.one]);
        let is_there = all.all(|known| known.is_in(&intent.directory));
        if is_due || !is_there || !intent.is_free() || !(around.goes_on)() {
            return Ok(false);
        }
        self.step(Step::Keep)?;
        intent.keep(&self.state)?;
        // From here on it is ended, not undone.
        let _lock = one.decided();
        self.step(Step::Enter)?;
        self.journal.append(now, &[intent.entry()])?;
        self.step(Step::Put)?;
        intent.put()?;
        intent.remove(|| self.step(Step::Remove))?;
        self.step(Step::Forget)?;
        intent.forget(&self.state)?;
        Ok(true)
    }

    /// The turn of the sweep; none when it cannot be had before all this is to end.
    fn turn(&self, around: Around<'_>) -> Result<Option<Turn>, MergeError> {
        for _ in 0..TURN_ASKED {
            if let Some(turn) = Turn::take(&self.state)? {
                return Ok(Some(turn));
            }
            if !(around.goes_on)() {
                break;
            }
            thread::sleep(TURN_WAIT);
        }
        Ok(None)
    }

    /// A hidden name in the bucket of `name`, for what is not yet in its place.
    fn hidden(&mut self, name: &str, bucket: Bucket) -> String {
        self.number += 1;
        let (pid, number) = (std::process::id(), self.number);
        let Bucket { deadline, retention_seconds: retention, stage } = bucket;
        let written = part_name::write_at(stage, deadline, retention.unwrap_or(0), (pid, number), MERGING);
        // Names of before retentions were said have none.
        let name = written.filter(|_| retention.is_some()).unwrap_or_else(|| {
            let date = name.split('.').next().unwrap_or_default();
            format!("{date}.{pid}-{number}.{MERGING}")
        });
        format!(".{name}{PARTIAL}")
    }

    /// Tests break off here.
    #[cfg(test)]
    fn step(&self, at: Step) -> Result<(), MergeError> {
        match &self.breaks {
            Some((step, count))
                if *step == at && count.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0 =>
            {
                Err(MergeError::io(&self.state, "broken off", io::Error::other("here")))
            }
            _ => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests break off here")]
    const fn step(&self, _: Step) -> Result<(), MergeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
