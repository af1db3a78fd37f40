//! The sweep: whatever Sluis stored is removed by its deadline, and every removal is written down first (PI-4, PI-8).
//!
//! *In*: the directories that a pipeline stores in, the retention that the policy allows now, the time, a margin. *Out*: what was
//! destroyed, what is left and when the next part is due. *Promised*: a part goes at the earlier of the deadline in its name and what the
//! policy allows now, less the margin (of an encrypted part, that of its key, if it is longer): never late while sweeps come at least as often as the margin; nothing goes that has not
//! been entered in the journal; files that are not ours, links and directories are never touched; two sweeps at one time do each
//! other no harm. *Not here*: keys (`keys`), when a sweep is due (`cli`).
//!
//! What nobody finished (a hidden part whose process is dead) holds records like any other, and goes by the same rule. A living
//! process has its part locked, and is left to finish it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, openat, statat, unlinkat};
use rustix::io::Errno;

use super::journal::{Because, Event, Journal, JournalError, PartOf};
use super::part_name::PartName;
use crate::keys::storage;
use crate::policy::class::Lives;
use crate::record::timestamp::Timestamp;

/// Parts that are entered together, with one sync of the journal, and then destroyed.
const TOGETHER: usize = 256;

/// By how much a clock may lie before the last entry of the journal: more is no drift, but a clock that was set back.
const CLOCK_BACK_SECONDS_MAX: i64 = 3_600;

/// A directory that parts of one class, or sealed records, are stored in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// What it is called in the journal: `sink.archive`, `quarantine`.
    pub store: String,
    /// The class; none of a quarantine.
    pub class: Option<String>,
    /// Where.
    pub directory: PathBuf,
    /// How long the policy in force lets what is stored live, and how it narrows.
    pub lives: Lives,
    /// True where parts are encrypted under keys that die with them: they go when their keys do.
    pub encrypted: bool,
}

impl Place {
    /// Until which age, in seconds, the policy in force lets the records of a part live as they are.
    pub fn limit_seconds(&self, part: &PartName) -> u64 {
        self.lives.until_seconds(part.stage)
    }
}

/// A part that must go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// By when it must be gone.
    pub deadline: Timestamp,
    /// Why.
    pub because: Because,
}

/// What a place holds.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Listing {
    /// What must go, the earliest deadline first.
    pub due: Vec<Due>,
    /// Parts that may stay.
    pub kept: u64,
    /// When the first of these is due.
    pub next: Option<Timestamp>,
    /// The earliest instant that a record of any part can be of.
    pub oldest: Option<Timestamp>,
    /// Files that are not ours.
    pub foreign: u64,
}

/// What became of a place.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Swept {
    /// Parts destroyed.
    pub destroyed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Parts that could not be destroyed, and are still there.
    pub failed: u64,
    /// Why the first of them could not.
    pub failure: Option<String>,
    /// What is left, as it was listed.
    pub kept: u64,
    /// When the first of these is due.
    pub next: Option<Timestamp>,
    /// Files that are not ours.
    pub foreign: u64,
}

/// Why a sweep did not end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A directory cannot be read.
    #[error("{}: {doing} ({}); make it readable for the user that sweeps", path.display(), source.kind())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What failed.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Nothing can be written down, so nothing is destroyed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The clock lies before the journal's last entry.
    #[error(
        "the clock is {seconds} s before the last entry of the journal; nothing is destroyed until it is right, or `sluis sweep \
         --clock-ok` says that it is"
    )]
    ClockBack {
        /// How far.
        seconds: u64,
    },
}

/// Looks what is due in `place` at `now`, or `margin_seconds` later. A directory that is not there holds nothing.
pub fn list(place: &Place, now: Timestamp, margin_seconds: u64) -> Result<Listing, SweepError> {
    let Some(directory) = open(&place.directory)? else { return Ok(Listing::default()) };
    list_open(place, &directory, now, |_| margin_seconds)
}

/// By how much a part goes before its deadline: an encrypted one with its key at the latest.
fn margin_of(place: &Place, part: &PartName, margin_seconds: u64) -> u64 {
    if !place.encrypted {
        return margin_seconds;
    }
    let of_key = storage::margin_seconds(part.retention_seconds.unwrap_or_else(|| place.limit_seconds(part)));
    margin_seconds.max(of_key)
}

fn list_open(
    place: &Place,
    directory: &OwnedFd,
    now: Timestamp,
    margin_seconds: impl Fn(&PartName) -> u64,
) -> Result<Listing, SweepError> {
    let fault = |error: Errno| unreadable(&place.directory, error.into());
    let mut listing = Listing::default();
    for entry in Dir::read_from(directory).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name().to_str().unwrap_or_default();
        if matches!(name, "." | "..") {
            continue;
        }
        let plain = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
        let Some(part) = PartName::read(name).filter(|_| plain) else {
            listing.foreign += 1;
            continue;
        };
        let deadline = part.due_under(place.limit_seconds(&part));
        let since = part.since(place.limit_seconds(&part));
        listing.oldest = Some(listing.oldest.map_or(since, |oldest| oldest.min(since)));
        if deadline > now.plus_seconds(i64::try_from(margin_seconds(&part)).unwrap_or(i64::MAX)) {
            listing.kept += 1;
            listing.next = Some(listing.next.map_or(deadline, |next| next.min(deadline)));
            continue;
        }
        let because = match part.finished {
            false => Because::Unfinished,
            true if deadline < part.deadline => Because::Policy,
            true => Because::Deadline,
        };
        match statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(facts) if FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile => {
                let bytes = u64::try_from(facts.st_size).unwrap_or_default();
                listing.due.push(Due { name: name.to_owned(), bytes, deadline, because });
            }
            Ok(_) => listing.foreign += 1,
            // Another sweep was here, or the part was finished.
            Err(Errno::NOENT) => {}
            Err(error) => return Err(fault(error)),
        }
    }
    listing.due.sort_unstable_by(|a, b| (a.deadline, &a.name).cmp(&(b.deadline, &b.name)));
    Ok(listing)
}

/// Destroys what is due in `places`, and enters it in `journal` before.
pub fn sweep(
    places: &[Place],
    now: Timestamp,
    margin_seconds: u64,
    journal: &mut Journal,
) -> Result<Vec<Swept>, SweepError> {
    if let Some(seconds) = clock_back(journal, now) {
        return Err(SweepError::ClockBack { seconds });
    }
    places.iter().map(|place| sweep_place(place, now, margin_seconds, journal)).collect()
}

/// By how many seconds the clock lies before the last entry, if that is more than drift.
pub fn clock_back(journal: &Journal, now: Timestamp) -> Option<u64> {
    let back = journal.last_time()?.seconds() - now.seconds();
    (back > CLOCK_BACK_SECONDS_MAX).then(|| back.unsigned_abs())
}

fn sweep_place(
    place: &Place,
    now: Timestamp,
    margin_seconds: u64,
    journal: &mut Journal,
) -> Result<Swept, SweepError> {
    let Some(directory) = open(&place.directory)? else { return Ok(Swept::default()) };
    let Listing { due, kept, next, foreign, .. } =
        list_open(place, &directory, now, |part| margin_of(place, part, margin_seconds))?;
    let mut swept = Swept { kept, next, foreign, ..Swept::default() };
    let part =
        |due: &Due| PartOf { store: place.store.clone(), class: place.class.clone(), part: due.name.clone() };
    for some in due.chunks(TOGETHER) {
        // The lock of a dead process's part is held until it is gone.
        let mut locks = BTreeMap::new();
        let some: Vec<&Due> = some
            .iter()
            .filter(|due| due.because != Because::Unfinished || lock(&directory, due, &mut locks))
            .collect();
        let destroyed: Vec<Event> = some
            .iter()
            .map(|due| Event::PartDestroyed {
                part: part(due),
                bytes: due.bytes,
                deadline: due.deadline,
                because: due.because,
            })
            .collect();
        journal.append(now, &destroyed)?;
        let mut failed = Vec::new();
        for due in some {
            match unlinkat(&directory, due.name.as_str(), AtFlags::empty()) {
                Ok(()) => {
                    swept.destroyed += 1;
                    swept.bytes += due.bytes;
                }
                // Another sweep was faster, and has its own entry.
                Err(Errno::NOENT) => {}
                Err(error) => {
                    swept.failed += 1;
                    let error = io::Error::from(error).kind().to_string();
                    swept.failure.get_or_insert(error.clone());
                    failed.push(Event::PartKept { part: part(due), error });
                }
            }
        }
        if !failed.is_empty() {
            journal.append(now, &failed)?;
        }
    }
    if swept.destroyed > 0 {
        rustix::fs::fsync(&directory).map_err(|error| SweepError::Io {
            path: place.directory.clone(),
            doing: "it cannot be synced, so what was destroyed may come back after a power cut",
            source: error.into(),
        })?;
    }
    Ok(swept)
}

/// True when nobody writes the part any more: its lock could be had, and is kept in `locks`.
fn lock(directory: &OwnedFd, due: &Due, locks: &mut BTreeMap<String, OwnedFd>) -> bool {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(file) = openat(directory, due.name.as_str(), flags, Mode::empty()) else { return false };
    let free = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    if free {
        locks.insert(due.name.clone(), file);
    }
    free
}

fn open(path: &Path) -> Result<Option<OwnedFd>, SweepError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(unreadable(path, error.into())),
    }
}

fn unreadable(path: &Path, source: io::Error) -> SweepError {
    SweepError::Io { path: path.to_owned(), doing: "it cannot be read", source }
}

/// Holds off other sweeps of one state directory while it lives.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

impl Turn {
    /// The file's name in the state directory.
    const FILE_NAME: &str = "sweep.lock";
    /// The same of those who prepare merges: that takes longer than a sweep can wait.
    const MERGING: &str = "merge.lock";

    /// Takes the turn; `None` while another sweep has it.
    pub fn take(state: &Path) -> Result<Option<Self>, SweepError> {
        Self::of(state, Self::FILE_NAME)
    }

    /// Takes the turn to prepare merges, which holds off no sweep; `None` while somebody else has it.
    pub fn of_merging(state: &Path) -> Result<Option<Self>, SweepError> {
        Self::of(state, Self::MERGING)
    }

    fn of(state: &Path, name: &str) -> Result<Option<Self>, SweepError> {
        let path = state.join(name);
        let fault = |source| SweepError::Io { path: path.clone(), doing: "it cannot be locked", source };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(fault)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(fault(error.into())),
        }
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
