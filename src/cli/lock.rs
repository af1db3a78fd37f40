//! One `run` for each state directory: two would sweep, enter and write side by side without knowing of each other.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::exit::Failure;
use crate::governance::policies;

const FILE_NAME: &str = "run.lock";

/// Held while a pipeline runs; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of a state directory that is there.
    pub fn take(state: &Path) -> Result<Self, Failure> {
        let path = state.join(FILE_NAME);
        let fault = |error: std::io::Error| {
            Failure::downstream(format!("{}: cannot be locked ({})", path.display(), error.kind()))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fault)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // Written by its holder a moment after it was taken: it may be missing yet.
                let _ = file.read_to_string(&mut pid);
                let pid = pid.trim();
                let of = if pid.is_empty() { String::new() } else { format!(", process {pid}") };
                return Err(Failure::usage(format!(
                    "{}: another `sluis run` is at work{of}; stop it first, or give this pipeline a 'state' of its own",
                    state.display()
                )));
            }
            Err(error) => return Err(fault(error.into())),
        }
        remove_leftovers(state);
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(fault)?;
        Ok(Self { _file: file })
    }
}

/// Removes what processes that were killed have left half-written: files called `….PID.tmp`, here and among the policies. What
/// cannot be looked at or removed is left, and does no harm.
fn remove_leftovers(state: &Path) {
    let is_alive = |pid: &str| Path::new("/proc").join(pid).exists();
    // Elsewhere nobody can be asked.
    if !is_alive("self") {
        return;
    }
    for directory in [state.to_owned(), state.join(policies::DIRECTORY)] {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let pid = name.strip_suffix(".tmp").and_then(|name| name.rsplit('.').next());
            let is_pid = |pid: &&str| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
            if pid.filter(is_pid).is_some_and(|pid| !is_alive(pid)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}
