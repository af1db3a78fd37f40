//! One part: a file that is complete or absent, named by the deadline it must be gone by.
//!
//! *In*: encoded records of one deadline bucket, or one sealed batch. *Out*: a file whose name says when it must be gone
//! ([`part_name`]). *Promised*: the name appears after the content is on disk; a part that is dropped before it is closed leaves
//! what a checkpoint counts on and no byte more; what a killed process left is removed by the next one to
//! start, and only that. *Not here*: which record goes into which part (`file`); bringing back what a checkpoint counts on
//! (`pipeline::checkpoint`).
//!
//! While it is written a part has a hidden name, `.<name>.partial`, and is locked (`flock`). The kernel drops the lock
//! when the process dies, however it dies, so a partial file whose lock can be had belongs to nobody: its records were
//! never confirmed, or were brought back by then, and their source will bring them again. Chosen over process numbers, which are re-used and mean
//! nothing between containers that share a directory.
//!
//! A part that is encrypted is written as frames, and becomes an age file when it closes ([`sealed`]). That is another hidden part; the frames stay
//! until the commit no longer counts on them.
//!
//! A part closes in two steps, so that a commit can be written down between them: it is made durable ([`Part::sync`]) and then
//! given its name ([`show_all`]).

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::SinkError;
use super::pack::Packer;
use super::parquet::Table;
use super::sealed::{self, Frames};
use crate::keys::StorageKey;
use crate::record::timestamp::{MICROS, Timestamp};
use crate::retention::part_name::{self, PARTIAL, PartName};

/// Owner writes, group reads: the analysts' group needs no more.
pub(super) const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;

/// A part that is closed: whole, on disk, visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Where it is.
    pub path: PathBuf,
    /// The deadline in its name: it must be gone by then.
    pub deadline: Timestamp,
    /// The earliest deadline of a record in it; never before `deadline`.
    pub deadline_min: Timestamp,
    /// Records in it.
    pub records: u64,
    /// Its size.
    pub bytes: u64,
}

/// A part that is not visible yet, with as much of it as is durable: what a checkpoint can count on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its hidden name, with the directory.
    pub hidden: PathBuf,
    /// The name that it will have.
    pub name: String,
    /// Bytes that are durable.
    pub bytes: u64,
    /// Records in them.
    pub records: u64,
    /// The deadline in its name.
    pub deadline: Timestamp,
    /// True when it is whole and will be visible once the commit is written down.
    pub closes: bool,
}

/// The name that a part will have, from its hidden one.
pub fn visible_name(hidden: &Path) -> &str {
    let hidden = hidden.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    hidden.trim_start_matches('.').trim_end_matches(PARTIAL)
}

/// Gives names to the parts of one directory.
#[derive(Debug)]
pub struct Namer {
    directory: PathBuf,
    suffix: &'static str,
    /// What the records of its parts are allowed to live.
    retention_secs: u64,
    pid: u32,
    sequence: u64,
}

impl Namer {
    /// Creates the directory if it is not there and removes what dead processes left half-written in it.
    pub(super) fn open(
        directory: PathBuf,
        suffix: &'static str,
        retention_secs: u64,
    ) -> Result<Self, SinkError> {
        let fault = |error: &io::Error| SinkError::io(directory.display().to_string(), error, "");
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&directory).map_err(|e| fault(&e))?;
        remove_leftovers(&directory).map_err(|error| fault(&error))?;
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent).map_err(|error| fault(&error))?;
        }
        Ok(Self { directory, suffix, retention_secs, pid: std::process::id(), sequence: 0 })
    }

    pub(super) fn directory(&self) -> String {
        self.directory.display().to_string()
    }

    /// Makes the names in the directory durable.
    fn sync(&self) -> Result<(), SinkError> {
        sync_directory(&self.directory).map_err(|error| {
            SinkError::io(self.directory(), &error, "the last parts may not survive a power cut")
        })
    }

    /// The next name for `deadline`; not looked up yet.
    fn next(&mut self, deadline: Timestamp) -> Option<String> {
        self.sequence += 1;
        part_name::write(deadline, self.retention_secs, self.pid, self.sequence, self.suffix)
    }
}

/// The deadline in the name of a part; `None` for any other name. A hidden (unfinished) part has none.
pub fn deadline_of(name: &str) -> Option<Timestamp> {
    PartName::read(name).filter(|part| part.finished).map(|part| part.deadline)
}

/// A part that is being written.
#[derive(Debug)]
pub(super) struct Part {
    /// Open for as long as it is written.
    file: Option<File>,
    hidden: PathBuf,
    /// Records that wait until there are enough for a frame, in a compressed part.
    pending: Vec<u8>,
    /// A part of columns, with the rows that wait.
    table: Option<Table>,
    /// Encrypts what is written, in a part of frames.
    sealing: Option<Box<Sealing>>,
    /// The deadline in the name.
    pub deadline: Timestamp,
    pub deadline_min: Timestamp,
    pub records: u64,
    pub bytes: u64,
    pub opened: Timestamp,
    /// Bytes and records that are durable, and that a checkpoint may count on.
    kept: (u64, u64),
    visible: bool,
}

/// The key of an encrypted part, and what it encrypts with.
struct Sealing {
    key: StorageKey,
    frames: Frames,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sealing({})", self.key.epoch())
    }
}

impl Part {
    /// Opens a new hidden part that must be gone by `deadline`, a whole second.
    pub fn open(namer: &mut Namer, deadline: Timestamp, now: Timestamp) -> Result<Self, SinkError> {
        debug_assert!(deadline.0 % MICROS == 0, "names have whole seconds");
        loop {
            let Some(name) = namer.next(deadline) else {
                return Err(SinkError::NoDeadline { place: namer.directory() });
            };
            // A process with our number was here before, as in a container that was started again.
            if fs::symlink_metadata(namer.directory.join(&name)).is_ok() {
                continue;
            }
            let hidden = namer.directory.join(format!(".{name}{PARTIAL}"));
            let opened =
                OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&hidden);
            let file = match opened {
                Ok(file) => file,
                // Another process with our number, in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(SinkError::io(hidden.display().to_string(), &error, "")),
            };
            let part = Self {
                file: Some(file),
                hidden,
                pending: Vec::new(),
                table: None,
                sealing: None,
                deadline,
                deadline_min: Timestamp(i64::MAX),
                records: 0,
                bytes: 0,
                opened: now,
                kept: (0, 0),
                visible: false,
            };
            if part.lock() {
                return Ok(part);
            }
        }
    }

    /// Makes it an empty part of columns, instead of one that the packer makes.
    pub fn of_columns(mut self, table: Table) -> Self {
        self.table = Some(table);
        self
    }

    /// Makes it a part of frames, encrypted under `key`. Nothing is written yet.
    pub fn encrypt(&mut self, key: StorageKey) -> Result<(), SinkError> {
        let (frames, head) = Frames::begin(&key).map_err(|error| self.fault(&error))?;
        self.put(&head)?;
        self.sealing = Some(Box::new(Sealing { key, frames }));
        Ok(())
    }

    /// By when it must be gone: an encrypted part with its key, before the deadline in its name.
    pub fn goes(&self) -> Timestamp {
        self.sealing.as_ref().map_or(self.deadline, |sealing| sealing.key.due())
    }

    /// Of a part of frames, which is synced: the age file of the same, durable, under a hidden name of its own. This part is to be
    /// [discarded](Self::discard) when no checkpoint counts on it any more.
    pub fn finished(&mut self, namer: &mut Namer) -> Result<Option<Self>, SinkError> {
        let Some(sealing) = &self.sealing else { return Ok(None) };
        let mut age = Self::open(namer, self.deadline, self.opened)?;
        let finished = match (&mut self.file, &mut age.file) {
            (Some(from), Some(to)) => sealed::finish(from, &sealing.key, to),
            _ => Err(io::ErrorKind::NotConnected.into()),
        };
        age.bytes = finished.map_err(|error| self.fault(&error))?;
        (age.records, age.deadline_min) = (self.records, self.deadline_min);
        age.sync(None)?;
        self.let_go();
        Ok(Some(age))
    }

    /// Between creation and lock another process may have taken the part for a leftover.
    fn lock(&self) -> bool {
        let Some(file) = &self.file else { return true };
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => file.metadata().is_ok_and(|facts| facts.nlink() > 0),
            Err(Errno::WOULDBLOCK) => false,
            // A file system without locks: leftovers cannot be told there, and are left.
            Err(_) => true,
        }
    }

    /// Appends records, compressed if there is a `packer`. After an error the part is worthless and must be dropped.
    pub fn write(
        &mut self,
        bytes: &[u8],
        records: u64,
        deadline_min: Timestamp,
        packer: Option<&mut Packer>,
    ) -> Result<(), SinkError> {
        match packer {
            None => self.put(bytes)?,
            Some(packer) => {
                let added = packer.add(bytes, &mut self.pending, &mut self.table);
                added.map_err(|error| self.fault(&error))?;
                if self.waiting() >= packer.piece_bytes() {
                    self.end_piece(packer)?;
                }
            }
        }
        self.records += records;
        self.deadline_min = self.deadline_min.min(deadline_min);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let written = match (&mut self.file, &mut self.sealing) {
            (None, _) => Err(io::ErrorKind::NotConnected.into()),
            (Some(file), None) => file.write_all(bytes).map(|()| bytes.len() as u64),
            (Some(file), Some(sealing)) => sealing.frames.write(bytes, file),
        };
        self.bytes += written.map_err(|error| self.fault(&error))?;
        Ok(())
    }

    /// Writes what waits as a piece.
    pub fn end_piece(&mut self, packer: &mut Packer) -> Result<(), SinkError> {
        if self.waiting() == 0 {
            return Ok(());
        }
        match packer.piece(&mut self.pending, &mut self.table) {
            Ok(piece) => self.put(piece),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// Bytes of records that wait.
    pub fn waiting(&self) -> usize {
        self.pending.len() + self.table.as_ref().map_or(0, Table::waiting)
    }

    /// Makes a part of columns whole, if something came since it last was.
    fn end_table(&mut self) -> Result<(), SinkError> {
        let is_whole = self.kept.0 == self.bytes;
        let Some(table) = self.table.as_mut().filter(|_| !is_whole) else { return Ok(()) };
        match table.end() {
            Ok(end) => self.put(&end),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn fault(&self, error: &io::Error) -> SinkError {
        let since = self.records - self.kept.1;
        let kept = if self.kept.0 == 0 {
            format!("the unfinished part was removed, with {since} records accepted before")
        } else {
            format!(
                "the unfinished part was cut back to its last checkpoint, {since} records accepted since are gone from it"
            )
        };
        SinkError::io(self.hidden.display().to_string(), error, &kept)
    }

    /// Makes what was written durable. From here on it stays when the part is dropped.
    pub fn sync(&mut self, packer: Option<&mut Packer>) -> Result<(), SinkError> {
        if let Some(packer) = packer {
            self.end_piece(packer)?;
        }
        self.end_table()?;
        if let Some(file) = self.file.as_ref().filter(|_| self.kept.0 != self.bytes) {
            file.sync_all().map_err(|error| self.fault(&error))?;
        }
        self.kept = (self.bytes, self.records);
        Ok(())
    }

    /// What a checkpoint can count on.
    pub fn held(&self, closes: bool) -> Held {
        Held {
            hidden: self.hidden.clone(),
            name: visible_name(&self.hidden).to_owned(),
            bytes: self.kept.0,
            records: self.kept.1,
            deadline: self.deadline,
            closes,
        }
    }

    /// Gives up the descriptor of a part that is synced, where there are too few. Its lock goes with it.
    pub fn let_go(&mut self) {
        self.file = None;
    }

    /// Throws it away, whatever counts on it: its deadline has come.
    pub fn discard(mut self) {
        self.kept = (0, 0);
    }

    /// Gives the synced part its visible name. The name is durable once the directory is.
    fn show(mut self, namer: &mut Namer) -> Result<Closed, SinkError> {
        let path = self.publish(namer).map_err(|error| {
            let kept = format!("the part keeps its hidden name, with {} records in it", self.records);
            SinkError::io(self.hidden.display().to_string(), &error, &kept)
        })?;
        self.visible = true;
        Ok(Closed {
            path,
            deadline: self.deadline,
            deadline_min: self.deadline_min,
            records: self.records,
            bytes: self.bytes,
        })
    }

    /// Renames to the visible name without ever replacing a file.
    fn publish(&self, namer: &mut Namer) -> io::Result<PathBuf> {
        let mut name = visible_name(&self.hidden).to_owned();
        loop {
            let path = namer.directory.join(&name);
            match rename(&self.hidden, &path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    name = namer.next(self.deadline).ok_or(io::ErrorKind::InvalidInput)?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.visible {
            return;
        }
        // Nothing can be done when either fails, and the next start tries again.
        if self.kept.0 == 0 {
            let _ = fs::remove_file(&self.hidden);
        } else if let Some(file) = self.file.as_ref().filter(|_| self.kept.0 != self.bytes) {
            let _ = file.set_len(self.kept.0);
        }
    }
}

/// Renames without ever replacing a file, and looks whether that is what happened: over a network, a file system may report a failure
/// for what it has done (its answer was lost and the question asked again), or a success for what it has not.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let before = fs::symlink_metadata(from)?;
    let renamed = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it: a hard link never replaces either.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(from, to).and_then(|()| fs::remove_file(from)),
        other => other.map_err(io::Error::from),
    };
    let is_gone = || fs::symlink_metadata(from).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let is_there = || {
        fs::symlink_metadata(to).is_ok_and(|after| (after.dev(), after.ino()) == (before.dev(), before.ino()))
    };
    match (renamed, is_there() && is_gone()) {
        (Err(error), false) => Err(error),
        (_, true) => Ok(()),
        (Ok(()), false) => Err(io::Error::other(LIES)),
    }
}

/// What is said of a file system that reports what it has not done.
pub(super) const LIES: &str = "the file system reported a rename that it has not done";

/// Gives synced parts of one directory their names in one pass, and syncs the directory once. `closed` gets those that are durable
/// and visible. A part that fails does not stop the others; the first error is returned.
pub(super) fn show_all(
    parts: Vec<Part>,
    namer: &mut Namer,
    closed: &mut Vec<Closed>,
) -> Result<(), SinkError> {
    let mut first_error = None;
    let mut shown = Vec::with_capacity(parts.len());
    for part in parts {
        match part.show(namer) {
            Ok(part) => shown.push(part),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    if !shown.is_empty() {
        namer.sync()?;
    }
    closed.append(&mut shown);
    first_error.map_or(Ok(()), Err)
}

/// Makes the names in a directory durable.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Removes unfinished parts that no living process holds.
fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().and_then(PartName::read).is_none_or(|part| part.finished) {
            continue;
        }
        match OpenOptions::new().write(true).open(entry.path()) {
            Ok(file) if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() => {
                fs::remove_file(entry.path())?;
            }
            Ok(_) => {}
            // Closed by its owner in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
