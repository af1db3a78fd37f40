//! Encrypted parts that the last run did not close: each is finished as the age file that it would have become.
//!
//! *In*: a part that was cut back to its checkpoint, and the keyring. *Out*: the same hidden name with an age file under it. *Promised*: what was
//! there is there until the age file is durable, and is replaced by it in one step; a part whose key is due is left to the sweep. *Not here*: which
//! parts those are, and their visible names (`checkpoint`); the format (`sink::sealed`).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::keys::{KeyError, Keys, Storage};
use crate::record::timestamp::Timestamp;
use crate::retention::part_name::{self, PARTIAL, PartName};
use crate::sink::{sealed, visible_name};

/// As parts have it.
const FILE_MODE: u32 = 0o640;

/// Finishes the frames of `part`, whose hidden name this is, of `class`. Returns the bytes of the age file; `None` when its key is due at `now`.
/// The error is for a person.
pub(super) fn finish(
    hidden: &Path,
    part: &mut File,
    class: Option<&str>,
    keys: Option<&Keys>,
    now: Timestamp,
) -> Result<Option<u64>, String> {
    let name = visible_name(hidden);
    let read = PartName::read(name).and_then(|name| Some((name.deadline, name.retention_seconds?)));
    let (Some((deadline, retention)), Some(class)) = (read, class) else {
        return Err("its name does not say what key it has".to_owned());
    };
    let Some(keys) = keys else {
        return Err("it is encrypted, and there is no keyring; name it with 'keys'".to_owned());
    };
    let storage = Storage::of(class, retention);
    let epoch = storage.epoch_of_deadline(deadline);
    if storage.due_of(epoch) <= now {
        return Ok(None);
    }
    let key = keys.storage(storage).and_then(|keys| keys.key(epoch, now));
    let key = key.map_err(|error| match error {
        KeyError::Dead { .. } => {
            format!("the keyring lacks the key of epoch {epoch}, which is not due: import it again from another node")
        }
        error => error.to_string(),
    })?;
    let (path, mut file) = beside(hidden).map_err(|error| error.kind().to_string())?;
    let finished = sealed::finish(part, &key, &mut file).and_then(|bytes| file.sync_all().map(|()| bytes));
    let replaced = finished.and_then(|bytes| fs::rename(&path, hidden).map(|()| bytes));
    replaced.map(Some).map_err(|error| {
        // It can be made again; what cannot be removed is hidden, and goes with what dead processes left.
        let _ = fs::remove_file(&path);
        error.to_string()
    })
}

/// A new hidden part beside `hidden`.
fn beside(hidden: &Path) -> io::Result<(PathBuf, File)> {
    for more in 1.. {
        let Some(name) = part_name::numbered(visible_name(hidden), more) else { break };
        let path = hidden.with_file_name(format!(".{name}{PARTIAL}"));
        match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
#[path = "reseal_tests.rs"]
mod tests;
