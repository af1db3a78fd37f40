//! One file that is read, and what its first bytes say of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::Fill;
use super::super::chunk::{Bounds, ChunkReader, Clock, SILENCE};
use super::super::decode::{Codec, Decoded, GZIP, ZSTD};
use super::super::error::SourceError;
use super::super::file;
use super::super::input::{Descriptor, Input, Progress};
use super::super::ledger::{FileId, HEAD_BYTES, Known, Ledger, PrintKey};
use super::input::{Bytes, Look};
use super::scan::Found;
use crate::format::Parser;
use crate::record::batch::{Mark, RawBatch};
use crate::record::timestamp::Timestamp;

/// Between two looks at a file, while it grows and after it has been quiet for long.
pub(super) const LOOK_MIN: Duration = Duration::from_millis(20);
pub(super) const LOOK_MAX: Duration = Duration::from_millis(100);
/// A file to which nothing was added for so long may be closed where others wait.
const QUIET: Duration = Duration::from_secs(2);
/// A rotated file to which nothing is added for so long is whole.
const ROTATED: Duration = Duration::from_secs(ROTATED_SECONDS.unsigned_abs());
/// The same in seconds.
pub const ROTATED_SECONDS: i64 = 60;

/// The first bytes of a file, decompressed.
pub(super) struct Head {
    pub bytes: Vec<u8>,
    pub packed: bool,
    file: File,
}

impl Head {
    /// Reads them; `None` when the file is another by now, or not yet what it will be.
    pub fn read(found: &Found) -> Result<Option<Self>, SourceError> {
        let (mut file, _) = match file::open_regular(&found.path) {
            Err(SourceError::Vanished { .. }) => return Ok(None),
            opened => opened?,
        };
        let fault =
            |error: &io::Error| SourceError::read(found.path.display().to_string(), Codec::Plain, error);
        if !is(&file, found.id).map_err(|error| fault(&error))? {
            return Ok(None);
        }
        let mut bytes = vec![0; HEAD_BYTES];
        let mut length = 0;
        while length < HEAD_BYTES {
            match file.read(&mut bytes[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fault(&error)),
            }
        }
        bytes.truncate(length);
        let mut whole = Self { bytes, packed: false, file };
        if starts_packed(&whole.bytes) {
            whole.packed = true;
            return Ok(whole.unpack().then_some(whole));
        }
        Ok(Some(whole))
    }

    /// Decompresses the beginning. False when there is not enough of it.
    fn unpack(&mut self) -> bool {
        let Ok(file) = self.file.try_clone().and_then(|mut file| io::Seek::rewind(&mut file).map(|()| file))
        else {
            return false;
        };
        let mut decoded = Decoded::new(Descriptor::new(file.into(), Arc::default()));
        self.bytes.clear();
        while self.bytes.len() < HEAD_BYTES {
            match decoded.read_into(&mut self.bytes, HEAD_BYTES) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                // It is damaged, or not whole yet. What is there may be enough; whoever reads it on says the rest.
                Err(_) => return !self.bytes.is_empty(),
            }
        }
        self.bytes.truncate(HEAD_BYTES);
        true
    }

    /// Whether the file begins as `known` does.
    pub fn begins(&self, known: &Known, key: &PrintKey) -> bool {
        self.bytes.get(..known.head.length).is_some_and(|head| key.print(head) == known.head)
    }

    /// Whether the bytes before the position of `known` are those that were delivered, as far as that is known.
    pub fn continues(&self, found: &Found, known: &Known, key: &PrintKey) -> bool {
        let Some(tail) = known.tail.filter(|_| found.size >= known.delivered) else { return true };
        let mut bytes = vec![0; tail.length];
        let Some(from) = known.delivered.checked_sub(tail.length as u64) else { return false };
        self.file.read_exact_at(&mut bytes, from).is_ok() && key.print(&bytes) == tail
    }
}

fn starts_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(GZIP) || bytes.starts_with(ZSTD)
}

/// Whether a file is compressed; one that cannot be looked at counts as such.
pub fn is_packed(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = File::open(path).and_then(|file| file.read_at(&mut first, 0));
    read.map_or(true, |read| starts_packed(&first[..read]))
}

fn is(file: &File, id: FileId) -> io::Result<bool> {
    let facts = file.metadata()?;
    Ok(FileId { device: facts.dev(), inode: facts.ino() } == id)
}

/// What a file had to say.
pub(super) enum Turned {
    /// Nothing yet.
    Nothing,
    /// The batch holds records, and their mark.
    Records,
    /// Everything was handed out, and nothing more is to come. How it stood on disk then.
    Ended { size: u64, modified: Timestamp },
    /// It was cut off, or written anew.
    CutOff,
    /// It cannot be read any more.
    Failed(SourceError),
}

/// A file that is read.
pub(super) struct Tail {
    pub number: u32,
    pub id: FileId,
    pub path: PathBuf,
    /// Size and time on disk, as they were when it was looked at last.
    pub facts: (u64, Timestamp),
    reader: ChunkReader<Bytes>,
    packed: bool,
    /// False once its name belongs to another file, or to none.
    current: bool,
    /// When something was last added.
    pub grown: Instant,
    /// When it is looked at next.
    pub look: Instant,
    /// Bytes of it that its print covers.
    head: usize,
}

impl Tail {
    /// Opens a file at `position`; `None` when its name belongs to another one by now.
    pub fn open(
        number: u32,
        found: Found,
        packed: bool,
        position: u64,
        (bounds, clock, progress): (Bounds, Clock, Arc<Progress>),
    ) -> Result<Option<Self>, SourceError> {
        let (file, facts) = match file::open_regular(&found.path) {
            Err(SourceError::Vanished { .. }) => return Ok(None),
            opened => opened?,
        };
        let fault =
            |error: &io::Error| SourceError::read(found.path.display().to_string(), Codec::Plain, error);
        if !is(&file, found.id).map_err(|error| fault(&error))? || (!packed && facts.size_bytes < position) {
            return Ok(None);
        }
        let bytes = if packed {
            Bytes::packed(file, position, progress)
        } else {
            Bytes::plain(file, position, progress).map_err(|error| fault(&error))?
        };
        let mut reader = ChunkReader::new(bytes, bounds, clock, Some(facts.modified));
        reader.set_patience(Duration::ZERO);
        let now = Instant::now();
        Ok(Some(Self {
            number,
            id: found.id,
            path: found.path,
            facts: (facts.size_bytes, facts.modified),
            reader,
            packed,
            current: !found.rotated,
            grown: now,
            look: now,
            head: 0,
        }))
    }

    /// Its name, as the last scan found it.
    pub fn place(&mut self, found: Option<&Found>) {
        if let Some(found) = found {
            self.path.clone_from(&found.path);
        }
        self.current = found.is_some_and(|found| !found.rotated);
    }

    /// Nothing is waited for at its end.
    pub fn end(&mut self) {
        self.reader.input_mut().end();
    }

    /// True when it could be closed and opened again without anybody noticing.
    pub fn is_quiet(&self) -> bool {
        self.grown.elapsed() >= QUIET && self.reader.held_bytes() == 0 && !self.packed
    }

    /// Asks for records.
    pub fn turn(
        &mut self,
        now: Instant,
        parser: &dyn Parser,
        batch: &mut RawBatch,
        ledger: &Ledger,
    ) -> Turned {
        if now < self.look {
            return Turned::Nothing;
        }
        let quiet = now.saturating_duration_since(self.grown);
        match self.reader.input().look() {
            Ok((Look::CutOff, _)) => return Turned::CutOff,
            Ok((Look::Same, _)) if quiet < SILENCE || self.reader.held_bytes() == 0 => {
                if !self.current && quiet >= ROTATED {
                    self.end();
                } else if !self.is_ending() {
                    self.look = now + (quiet / 8).clamp(LOOK_MIN, LOOK_MAX);
                    return Turned::Nothing;
                }
            }
            Ok((Look::Same, _)) => {
                if !self.current && quiet >= ROTATED {
                    self.end();
                }
            }
            Ok((Look::Grown, facts)) => {
                self.grown = now;
                if let Some(facts) = facts {
                    self.facts = (facts.size_bytes, facts.modified);
                    self.reader.set_received_max(facts.modified);
                }
            }
            Err(error) => return self.failed(&error),
        }
        match self.reader.fill(parser, batch) {
            Ok(Fill::Records) => {
                self.handed_out(batch, ledger);
                Turned::Records
            }
            Ok(Fill::Silence | Fill::Waiting) => {
                self.look = now + if self.packed { Duration::ZERO } else { LOOK_MIN };
                Turned::Nothing
            }
            Ok(Fill::End) => {
                let (size, modified) = self.facts;
                ledger.change(self.number, |known| known.ended = Some(size));
                Turned::Ended { size, modified }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn is_ending(&self) -> bool {
        matches!(self.reader.input(), Bytes::Plain(plain) if plain.is_ended())
    }

    fn failed(&self, error: &io::Error) -> Turned {
        let place = self.path.display().to_string();
        Turned::Failed(SourceError::read(place, self.reader.input().codec(), error))
    }

    /// Marks where the batch ends, and notes it.
    fn handed_out(&mut self, batch: &mut RawBatch, ledger: &Ledger) {
        let end = self.reader.input().position() - self.reader.held_bytes() as u64;
        batch.mark = Some(Mark { file: self.number, end });
        let wanted = usize::try_from(end).unwrap_or(usize::MAX).min(HEAD_BYTES);
        let head = if self.head < wanted { self.reader.input().head(wanted) } else { None };
        ledger.change(self.number, |known| {
            known.emitted = end;
            known.ended = None;
            if let Some(head) = head.filter(|head| head.len() > known.head.length) {
                known.head = ledger.key().print(&head);
            }
        });
        self.head = wanted;
    }
}
