//! The one part while it is written: hidden and locked, gone unless its merge is decided.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::super::part::{FILE_MODE, sync_directory};
use super::intent::Known;
use super::{MERGING, MergeError};
use crate::retention::part_name::{PARTIAL, PartName};

/// Links are not ours to follow.
pub(super) fn no_follow() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

/// The one part while it is written; removed when dropped, unless the merge is decided.
pub(super) struct Hidden {
    pub file: File,
    pub path: PathBuf,
    is_decided: bool,
}

impl Hidden {
    /// Locked, as all parts that are being written.
    pub fn create(path: PathBuf) -> Result<Self, MergeError> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true).mode(FILE_MODE);
        let file =
            options.open(&path).map_err(|source| MergeError::io(&path, "it cannot be made", source))?;
        // Where there are no locks leftovers are not removed either.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { file, path, is_decided: false })
    }

    /// Makes it and its name durable.
    pub fn keep(&self, name: &str) -> Result<Known, MergeError> {
        let keep = || {
            self.file.sync_all()?;
            sync_directory(self.path.parent().unwrap_or(Path::new("")))?;
            self.file.metadata()
        };
        let facts = keep().map_err(|source| MergeError::io(&self.path, "it cannot be synced", source))?;
        Ok(Known::of(name, &facts))
    }

    /// It stays when it is dropped. The lock is held until then.
    pub fn decided(mut self) -> Self {
        self.is_decided = true;
        self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.is_decided {
            // What stays is removed by the next merge.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what merges left that nobody decided, once what was decided is done.
pub(super) fn remove_leftovers(directory: &Path) -> Result<(), MergeError> {
    let fault = |source| MergeError::io(directory, "it cannot be cleared of what a merge left", source);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(fault)?,
    };
    let end = format!(".{MERGING}{PARTIAL}");
    for entry in entries {
        let entry = entry.map_err(fault)?;
        let is_left =
            |name: &str| name.ends_with(&end) && PartName::read(name).is_some_and(|part| !part.finished);
        if !entry.file_name().to_str().is_some_and(is_left) {
            continue;
        }
        let file = OpenOptions::new().write(true).custom_flags(no_follow()).open(entry.path());
        if file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()) {
            fs::remove_file(entry.path()).map_err(fault)?;
        }
    }
    Ok(())
}
