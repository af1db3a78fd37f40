//! Files by path or pattern, in the order of their names, each read to its end once.
//!
//! *In*: a path, or a pattern with `*`, `?`, `[…]` and `**`. *Out*: their records, file after file. *Promised*: a batch
//! holds records of one file; they count as received when the file was last written, or now if that is earlier, so that
//! reading again never moves it; an error ends one file, not the source. *Not here*: following a file that grows, and
//! positions (`follow`).

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::chunk::{Bounds, ChunkReader, Clock};
use super::decode::Decoded;
use super::error::{SourceError, Special};
use super::input::{Descriptor, Progress};
use super::{Fill, Source};
use crate::format::Parser;
use crate::record::batch::RawBatch;
use crate::record::timestamp::{MICROS, Timestamp};

/// A source of files.
pub struct Files {
    waiting: VecDeque<PathBuf>,
    current: Option<(PathBuf, ChunkReader<Decoded>)>,
    bounds: Bounds,
    clock: Clock,
    progress: Arc<Progress>,
    stopped: bool,
}

impl Files {
    /// Finds the files of `pattern` and looks at each; nothing is read yet.
    ///
    /// # Errors
    /// The first thing that is wrong: no match, a malformed pattern, a directory, a pipe, a file that may not be read.
    pub fn open(pattern: &str, bounds: Bounds, clock: Clock) -> Result<Self, SourceError> {
        Self::on(find(pattern)?, bounds, clock)
    }

    /// The files of `paths`, in this order; names are taken as they are.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of(paths: &[PathBuf], bounds: Bounds, clock: Clock) -> Result<Self, SourceError> {
        Self::on(paths.iter().cloned().collect(), bounds, clock)
    }

    fn on(waiting: VecDeque<PathBuf>, bounds: Bounds, clock: Clock) -> Result<Self, SourceError> {
        let progress = Arc::new(Progress::default());
        for path in &waiting {
            progress.expect(open_regular(path)?.1.size_bytes);
        }
        Ok(Self { waiting, current: None, bounds, clock, progress, stopped: false })
    }

    /// The files that are still to be read, for messages.
    pub fn waiting(&self) -> impl Iterator<Item = &Path> {
        self.waiting.iter().map(PathBuf::as_path)
    }

    /// The file that is being read.
    pub fn current(&self) -> Option<&Path> {
        self.current.as_ref().map(|(path, _)| path.as_path())
    }
}

impl Source for Files {
    fn fill(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        loop {
            let Some((path, reader)) = &mut self.current else {
                batch.clear();
                let Some(path) = self.waiting.pop_front().filter(|_| !self.stopped) else {
                    return Ok(Fill::End);
                };
                let (file, facts) = open_regular(&path)?;
                let input = Decoded::new(Descriptor::new(file.into(), Arc::clone(&self.progress)));
                let reader =
                    ChunkReader::new(input, self.bounds, Arc::clone(&self.clock), Some(facts.modified));
                self.current = Some((path, reader));
                continue;
            };
            match reader.fill(parser, batch) {
                Ok(Fill::End) => self.current = None,
                Ok(fill) => return Ok(fill),
                Err(error) => {
                    let error = SourceError::read(path.display().to_string(), reader.input().codec(), &error);
                    self.current = None;
                    return Err(error);
                }
            }
        }
    }

    /// What was not delivered still stands in the files.
    fn stop(&mut self) {
        self.stopped = true;
        self.current = None;
    }

    fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

/// The files of a pattern. A path that exists is taken as it is, so that a name with brackets can be given.
pub(super) fn find(pattern: &str) -> Result<VecDeque<PathBuf>, SourceError> {
    let literal = Path::new(pattern);
    if !pattern.contains(['*', '?', '[']) || literal.symlink_metadata().is_ok() {
        return Ok(VecDeque::from([literal.to_path_buf()]));
    }
    let matches = glob::glob(pattern).map_err(|error| SourceError::BadPattern {
        pattern: pattern.to_owned(),
        character: error.pos + 1,
        problem: error.msg,
    })?;
    let mut paths = Vec::new();
    for path in matches {
        paths.push(path.map_err(|error| SourceError::open(error.path(), error.error()))?);
    }
    paths.sort();
    if paths.is_empty() {
        return Err(SourceError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(paths.into())
}

/// What is known of an open file.
pub(super) struct Facts {
    pub size_bytes: u64,
    pub modified: Timestamp,
}

impl Facts {
    pub fn of(file: &std::fs::Metadata) -> Self {
        let modified = file.mtime().saturating_mul(MICROS).saturating_add(file.mtime_nsec() / 1000);
        Self { size_bytes: file.len(), modified: Timestamp(modified) }
    }
}

/// Opens a regular file and nothing else. Without blocking: a named pipe that nobody writes would hold us for ever.
pub(super) fn open_regular(path: &Path) -> Result<(File, Facts), SourceError> {
    let fault = |error: &std::io::Error| SourceError::open(path, error);
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let special = |kind: std::fs::FileType| {
        let special = if kind.is_dir() {
            Special::Directory
        } else if kind.is_fifo() {
            Special::Fifo
        } else if kind.is_socket() {
            Special::Socket
        } else {
            Special::Device
        };
        SourceError::NotAFile { path: path.display().to_string(), special }
    };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        // A socket cannot be opened at all; say what it is.
        match path.metadata() {
            Ok(facts) if !facts.is_file() => special(facts.file_type()),
            _ => fault(&error),
        }
    })?;
    let facts = file.metadata().map_err(|error| fault(&error))?;
    if !facts.is_file() {
        return Err(special(facts.file_type()));
    }
    let facts = Facts::of(&facts);
    Ok((file, facts))
}
