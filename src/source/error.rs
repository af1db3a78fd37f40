//! What can go wrong with an input, on three axes: whose fault it is, whether trying again can help, and what became of
//! the data. Messages name the thing, the place and the remedy, and never hold input.

use std::io;
use std::path::Path;

use super::decode::Codec;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whoever wrote the command or the pipeline file.
    Configuration,
    /// The input itself: it is damaged.
    Input,
    /// The machine: a disk, a permission, a file that went away.
    Machine,
}

/// Whether the same call can succeed later without a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Something must be changed first.
    Useless,
    /// It may.
    MayHelp,
}

/// What became of the data of that input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing of it was read.
    Untouched,
    /// Every whole record before the fault was delivered, a record cut off by it was delivered as cut; the rest was not
    /// read.
    DeliveredUpToFault,
}

/// A file that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl Special {
    const fn words(self) -> &'static str {
        match self {
            Self::Directory => "a directory, not a file; name the files in it, for instance with /*.log",
            Self::Fifo => "a named pipe, not a file; read it from standard input (`< PIPE`)",
            Self::Socket => "a socket, not a file; name a regular file",
            Self::Device => "a device, not a file; name a regular file, or read it from standard input",
        }
    }
}

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A pattern matches nothing.
    #[error("{pattern}: no file matches; check the spelling and that this user may read its directory")]
    NoMatch {
        /// The pattern as given.
        pattern: String,
    },
    /// A pattern is malformed.
    #[error(
        "{pattern}: not a valid pattern at character {character} ({problem}); put [ ] around a literal * or ?"
    )]
    BadPattern {
        /// The pattern as given.
        pattern: String,
        /// Where, from 1.
        character: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A named or listed file is not there.
    #[error(
        "{path}: not there (any more); check the path, or that rotation does not remove it while it is read"
    )]
    Vanished {
        /// The file.
        path: String,
    },
    /// A file may not be read.
    #[error("{path}: permission denied; let this user read it, for instance through the log files' group")]
    Forbidden {
        /// The file.
        path: String,
    },
    /// A directory, pipe, socket or device where a file is wanted.
    #[error("{path}: is {}", .special.words())]
    NotAFile {
        /// Its path.
        path: String,
        /// What it is.
        special: Special,
    },
    /// A file could not be opened for another reason.
    #[error("{path}: cannot be opened: {problem}")]
    Open {
        /// The file.
        path: String,
        /// The operating system's words.
        problem: String,
    },
    /// Reading failed.
    #[error(
        "{place}: reading failed: {problem}; what came before was processed, check the disk or the writer"
    )]
    Read {
        /// Path or stream.
        place: String,
        /// The operating system's words.
        problem: String,
    },
    /// Compressed data ends before its end.
    #[error("{place}: the {codec} data breaks off; what came before was processed, fetch a complete copy", codec = .codec.name())]
    BrokenOff {
        /// Path or stream.
        place: String,
        /// How it is compressed.
        codec: Codec,
    },
    /// Compressed data is damaged.
    #[error("{place}: the {codec} data is damaged; what came before was processed, fetch a sound copy", codec = .codec.name())]
    Damaged {
        /// Path or stream.
        place: String,
        /// How it is compressed.
        codec: Codec,
    },
    /// A zstd frame wants more memory than the bound.
    #[error(
        "{place}: the zstd data needs a window beyond 8 MiB; decompress it first: `zstd -dc --long=31 FILE | sluis …`"
    )]
    Window {
        /// Path or stream.
        place: String,
    },
}

impl SourceError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::NoMatch { .. } | Self::BadPattern { .. } | Self::NotAFile { .. } => Fault::Configuration,
            Self::BrokenOff { .. } | Self::Damaged { .. } | Self::Window { .. } => Fault::Input,
            Self::Vanished { .. } | Self::Forbidden { .. } | Self::Open { .. } | Self::Read { .. } => {
                Fault::Machine
            }
        }
    }

    /// Whether the same call can succeed later without a change.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::NoMatch { .. } | Self::Vanished { .. } | Self::Open { .. } | Self::Read { .. } => {
                Retry::MayHelp
            }
            _ => Retry::Useless,
        }
    }

    /// What became of the data.
    pub const fn fate(&self) -> Fate {
        match self {
            Self::Read { .. } | Self::BrokenOff { .. } | Self::Damaged { .. } | Self::Window { .. } => {
                Fate::DeliveredUpToFault
            }
            _ => Fate::Untouched,
        }
    }

    /// A file could not be opened or looked at.
    pub(super) fn open(path: &Path, error: &io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Vanished { path },
            io::ErrorKind::PermissionDenied => Self::Forbidden { path },
            _ => Self::Open { path, problem: words(error) },
        }
    }

    /// Reading failed. The decoders' own errors carry no number of the operating system.
    pub(super) fn read(place: String, codec: Codec, error: &io::Error) -> Self {
        if error.raw_os_error().is_some() || codec == Codec::Plain {
            return Self::Read { place, problem: words(error) };
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::BrokenOff { place, codec };
        }
        // libzstd's words for a window beyond the bound; its number is not passed on.
        if codec == Codec::Zstd && error.to_string().contains("too much memory") {
            return Self::Window { place };
        }
        Self::Damaged { place, codec }
    }
}

/// The operating system's words for an error; of any other error only its kind, since its text is not ours.
fn words(error: &io::Error) -> String {
    if error.raw_os_error().is_some() { error.to_string() } else { error.kind().to_string() }
}
