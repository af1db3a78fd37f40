//! The keyring on disk: the one part of the keys room that touches files.
//!
//! ```text
//! DIR/               0700, ours
//!   keyring          0600, ours, never changed in place
//!   keyring.lock     0600, empty; locked shared to read, exclusively to change
//!   keyring.tmp      there only while a change is written, or after a crash: then removed by the next change
//!   journal          what happened to the keys, each entry before its change ([`Ledger`]); kept by `retention`
//! ```
//! *In*: a directory. *Out*: a [`Keyring`], and its changes made durable. *Promised*: a reader sees the old keyring or
//! the new one, whole; a change is on disk when [`change`](Store::change) returns, and in the ledger before that; others who may read or write the
//! directory or file are refused. *Not here*: when something changes (`shared`, `cli`).
//!
//! The file that a change replaces is overwritten with zeros after it has lost its name. That reaches the platter of a
//! plain disk; it does not reach backups, snapshots, copy-on-write file systems or the spare blocks of a flash drive. Of
//! those nothing is promised.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::event::KeyEvent;
use super::keyring::Keyring;
use super::ledger::Ledger;
use super::text::TEXT_BYTES_MAX;
use crate::record::timestamp::Timestamp;

const KEYRING: &str = "keyring";
const LOCK: &str = "keyring.lock";
const TEMPORARY: &str = "keyring.tmp";

/// A directory with a keyring, checked.
pub struct Store {
    directory: OwnedFd,
    path: PathBuf,
}

/// Which keyring was read. The open file keeps its inode number from being used again, so that the same number at the
/// same name is the same file; time and size tell when somebody wrote into it against the rules.
pub struct Version {
    _file: File,
    mark: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    device: u64,
    bytes: i64,
    changed: (i64, i64),
}

impl Mark {
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap, reason = "types differ between platforms")]
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
            bytes: stat.st_size as i64,
            changed: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        }
    }
}

/// Where a change is entered, and when it happens.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The keyring's evidence.
    pub ledger: &'a dyn Ledger,
    /// The time.
    pub now: Timestamp,
}

impl Entry<'_> {
    fn enter(&self, events: &[KeyEvent]) -> Result<(), KeyError> {
        if events.is_empty() {
            return Ok(());
        }
        self.ledger.enter(self.now, events).map_err(|problem| KeyError::NotEntered { problem })
    }
}

/// The file that is to come, and the one that it replaces.
struct Prepared {
    file: File,
    old: Option<File>,
}

/// How a change of the keyring ended.
pub struct Changed {
    /// What happened.
    pub events: Vec<KeyEvent>,
    /// The keyring as it now is on disk.
    pub keyring: Keyring,
    /// Its version.
    pub version: Version,
}

impl Store {
    /// Opens a directory that must be there.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Err(KeyError::Missing { path: path.to_owned() }),
            Err(error) => return Err(disk(path, "cannot be opened as a directory", error)),
        };
        let stat = rustix::fs::fstat(&directory).map_err(|error| disk(path, "cannot be examined", error))?;
        check_private(path, &stat, 0o700)?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// Opens a directory, and makes it if it is not there. What lies above it must be.
    pub fn open_or_make(path: &Path) -> Result<Self, KeyError> {
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(KeyError::Disk { path: path.to_owned(), doing: "cannot be made", source });
            }
        }
        Self::open(path)
    }

    /// Reads the keyring under the shared lock.
    pub fn read(&self) -> Result<(Keyring, Version), KeyError> {
        let _lock = self.lock(rustix::fs::FlockOperation::LockShared)?;
        self.load()
    }

    /// Whether the keyring at this name is no longer the one that was read.
    pub fn has_changed(&self, since: &Version) -> Result<bool, KeyError> {
        match rustix::fs::statat(&self.directory, KEYRING, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Mark::of(&stat) != since.mark),
            Err(Errno::NOENT) => Err(KeyError::Missing { path: self.path.clone() }),
            Err(error) => Err(self.disk(KEYRING, "cannot be examined", error)),
        }
    }

    /// Changes the keyring under the exclusive lock: reads it, lets `change` change it, and replaces the file when there
    /// are events to tell, which `entry` enters before. When `change` or the entry fails, nothing has happened.
    pub fn change(
        &self,
        entry: Entry<'_>,
        change: impl FnOnce(&mut Keyring) -> Result<Vec<KeyEvent>, KeyError>,
    ) -> Result<Changed, KeyError> {
        self.change_from(None, entry, change)
    }

    /// The same, from an empty keyring if there is none. Only `init` and `import` may do this: a process that makes
    /// itself a key when it finds none would silently part from its fleet.
    pub fn change_or_create(
        &self,
        entry: Entry<'_>,
        change: impl FnOnce(&mut Keyring) -> Result<Vec<KeyEvent>, KeyError>,
    ) -> Result<Changed, KeyError> {
        self.change_from(Some(Keyring::default()), entry, change)
    }

    fn change_from(
        &self,
        empty: Option<Keyring>,
        entry: Entry<'_>,
        change: impl FnOnce(&mut Keyring) -> Result<Vec<KeyEvent>, KeyError>,
    ) -> Result<Changed, KeyError> {
        let _lock = self.lock(rustix::fs::FlockOperation::LockExclusive)?;
        self.remove_temporary()?;
        let (mut keyring, version) = match (self.load(), empty) {
            (Ok((keyring, version)), _) => (keyring, Some(version)),
            (Err(KeyError::Missing { .. }), Some(empty)) => (empty, None),
            (Err(error), _) => return Err(error),
        };
        let events = change(&mut keyring)?;
        let version = match version {
            Some(version) if events.iter().all(KeyEvent::leaves_keyring) => {
                entry.enter(&events)?;
                version
            }
            _ => {
                // Whatever can fail has, before the entry says that it happens.
                let prepared = self.prepare(&keyring)?;
                if let Err(error) = entry.enter(&events) {
                    self.remove_temporary()?;
                    return Err(error);
                }
                self.replace(prepared)?
            }
        };
        Ok(Changed { events, keyring, version })
    }

    /// Reads the file; the caller holds the lock.
    fn load(&self) -> Result<(Keyring, Version), KeyError> {
        let mut file = match self.open_file(KEYRING, OFlags::RDONLY) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Err(KeyError::Missing { path: self.path.clone() }),
            Err(error) => {
                return Err(self.disk(KEYRING, "cannot be opened (a symbolic link is refused)", error));
            }
        };
        let stat =
            rustix::fs::fstat(&file).map_err(|error| self.disk(KEYRING, "cannot be examined", error))?;
        check_private(&self.path.join(KEYRING), &stat, 0o600)?;
        let mark = Mark::of(&stat);
        let bytes = usize::try_from(mark.bytes).unwrap_or(usize::MAX);
        if bytes > TEXT_BYTES_MAX {
            return Err(KeyError::Damaged { line: 0, problem: "it is far too large" });
        }
        // One buffer of the right size: one that grew would leave keys at its old places.
        let mut text = Zeroizing::new(vec![0; bytes]);
        file.read_exact(&mut text).map_err(|error| self.io(KEYRING, "cannot be read", error))?;
        Ok((Keyring::from_text(&text)?, Version { _file: file, mark }))
    }

    /// Writes `keyring` beside the file; the caller holds the lock.
    fn prepare(&self, keyring: &Keyring) -> Result<Prepared, KeyError> {
        let text = keyring.to_text();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = self.open_file(TEMPORARY, flags);
        let mut file = file.map_err(|error| self.disk(TEMPORARY, "cannot be made", error))?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let old = match self.open_file(KEYRING, OFlags::WRONLY) {
            Ok(old) => Some(old),
            Err(Errno::NOENT) => None,
            Err(error) => {
                self.remove_temporary()?;
                return Err(self.disk(KEYRING, "cannot be opened", error));
            }
        };
        if let Err(error) = written {
            // A full disk must not leave half a keyring behind; the error is told either way.
            self.remove_temporary()?;
            return Err(self.io(TEMPORARY, "cannot be written", error));
        }
        Ok(Prepared { file, old })
    }

    /// Puts what was prepared in the place of the file. After a crash at any point there is the old file or the new one,
    /// whole.
    fn replace(&self, Prepared { file, old }: Prepared) -> Result<Version, KeyError> {
        rustix::fs::renameat(&self.directory, TEMPORARY, &self.directory, KEYRING)
            .map_err(|error| self.disk(KEYRING, "cannot be replaced", error))?;
        rustix::fs::fsync(&self.directory)
            .map_err(|error| disk(&self.path, "cannot be made durable", error))?;
        if let Some(mut old) = old {
            // Best effort (see above): the new keyring is in force whether or not the old blocks can be reached.
            let _ = blank(&mut old);
        }
        let stat =
            rustix::fs::fstat(&file).map_err(|error| self.disk(KEYRING, "cannot be examined", error))?;
        Ok(Version { mark: Mark::of(&stat), _file: file })
    }

    /// Removes what a crash left half-written, keys and all; the caller holds the exclusive lock.
    fn remove_temporary(&self) -> Result<(), KeyError> {
        match self.open_file(TEMPORARY, OFlags::WRONLY) {
            Ok(mut file) => {
                let _ = blank(&mut file);
            }
            Err(Errno::NOENT) => return Ok(()),
            // A link or a directory under this name: not ours to write into, but to remove, or to be told of.
            Err(_) => {}
        }
        rustix::fs::unlinkat(&self.directory, TEMPORARY, AtFlags::empty())
            .map_err(|error| self.disk(TEMPORARY, "cannot be removed", error))
    }

    /// Waits for the lock, which the kernel releases when the file is closed, so also when the process dies.
    fn lock(&self, how: rustix::fs::FlockOperation) -> Result<File, KeyError> {
        let file = match self.open_file(LOCK, OFlags::RDWR | OFlags::CREATE) {
            // A disk mounted read-only still serves readers.
            Err(Errno::ROFS) => self.open_file(LOCK, OFlags::RDONLY),
            result => result,
        };
        let file = file.map_err(|error| self.disk(LOCK, "cannot be opened", error))?;
        loop {
            match rustix::fs::flock(&file, how) {
                Ok(()) => return Ok(file),
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.disk(LOCK, "cannot be locked", error)),
            }
        }
    }

    fn open_file(&self, name: &str, flags: OFlags) -> Result<File, Errno> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        rustix::fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
    }

    fn disk(&self, name: &str, doing: &'static str, error: Errno) -> KeyError {
        disk(&self.path.join(name), doing, error)
    }

    fn io(&self, name: &str, doing: &'static str, source: io::Error) -> KeyError {
        KeyError::Disk { path: self.path.join(name), doing, source }
    }
}

fn disk(path: &Path, doing: &'static str, error: Errno) -> KeyError {
    KeyError::Disk { path: path.to_owned(), doing, source: error.into() }
}

/// Overwrites a file with zeros, down to the disk.
fn blank(file: &mut File) -> io::Result<()> {
    let bytes = file.metadata()?.len();
    file.rewind()?;
    io::copy(&mut io::repeat(0).take(bytes), file)?;
    file.sync_all()
}

/// Refuses what belongs to somebody else, or what others may open. `mode` is the widest that is allowed.
fn check_private(path: &Path, stat: &Stat, mode: u32) -> Result<(), KeyError> {
    let user = rustix::process::geteuid().as_raw();
    let refuse = |problem: String, remedy: String| {
        Err(KeyError::Permissions { path: path.to_owned(), problem, remedy })
    };
    if stat.st_uid != user {
        return refuse(
            format!("it belongs to user {}, and this is user {user}", stat.st_uid),
            format!("run as its owner, or `chown {user} {}`", path.display()),
        );
    }
    #[allow(clippy::useless_conversion, reason = "mode_t is narrower on some platforms")]
    let found = u32::from(stat.st_mode) & 0o7777;
    if found & !mode != 0 {
        return refuse(
            format!("its mode is {found:04o}, so that others may reach the keys"),
            format!("`chmod {mode:o} {}`, and renew the chains if others did", path.display()),
        );
    }
    Ok(())
}
