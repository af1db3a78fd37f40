//! One `run` for each state directory: two would sweep, enter and write side by side without knowing of each other.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::exit::Failure;

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
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(fault)?;
        Ok(Self { _file: file })
    }
}
