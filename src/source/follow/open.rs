//! One file that is read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::Fill;
use super::super::chunk::{Bounds, ChunkReader, Clock, SILENCE, Stopwatch};
use super::super::decode::Codec;
use super::super::error::SourceError;
use super::super::file::{self, Facts};
use super::super::input::Progress;
use super::super::ledger::{FileId, Ledger, TAIL_BYTES};
use super::head::{Head, is, still_holds};
use super::input::{Bytes, Look};
use super::scan::Found;
use crate::format::Parser;
use crate::record::batch::{Mark, RawBatch};
use crate::record::timestamp::Timestamp;

/// Between two looks at a file, while it grows and after it has been quiet for long.
pub(super) const LOOK_MIN: Duration = Duration::from_millis(20);
pub(super) const LOOK_MAX: Duration = Duration::from_millis(100);
/// A file that was open for so long may be closed where others wait, even if it grows all the time.
const OPEN: Duration = Duration::from_secs(2);
/// A rotated file to which nothing is added for so long is whole.
const ROTATED: Duration = Duration::from_secs(ROTATED_SECONDS.unsigned_abs());
/// The same in seconds.
pub const ROTATED_SECONDS: i64 = 60;

/// What a file had to say.
pub(super) enum Turned {
    /// Nothing yet.
    Nothing,
    /// The batch holds records, and their mark.
    Records,
    /// The same, and the file is not the one that it was when it was met.
    RecordsOfAnother,
    /// Everything was handed out, and nothing more is to come. How it stood on disk then.
    Ended { size: u64, modified: Timestamp },
    /// It was cut off, or written anew.
    CutOff,
    /// It cannot be read any more.
    Failed(SourceError),
}

/// What all files of a source are read with.
pub(super) struct Around {
    pub bounds: Bounds,
    pub clock: Clock,
    pub stopwatch: Stopwatch,
    pub progress: Arc<Progress>,
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
    /// False once it has no name any more: closed, it would be lost.
    named: bool,
    /// Since when it is open.
    pub opened: Instant,
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
        (number, ledger): (u32, &Ledger),
        found: Found,
        packed: bool,
        position: u64,
        Around { bounds, clock, stopwatch, progress }: Around,
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
        // It may have waited for long, and been cut off meanwhile.
        if !packed && !ledger.get(number).is_some_and(|known| still_holds(&found, &known, ledger)) {
            return Ok(None);
        }
        let bytes = if packed {
            Bytes::packed(file, position, progress)
        } else {
            Bytes::plain(file, position, progress).map_err(|error| fault(&error))?
        };
        let mut reader = ChunkReader::new(bytes, bounds, clock, Some(facts.modified));
        reader.set_patience(Duration::ZERO);
        let now = stopwatch();
        reader.set_stopwatch(stopwatch);
        Ok(Some(Self {
            number,
            id: found.id,
            path: found.path,
            facts: (facts.size_bytes, facts.modified),
            reader,
            packed,
            current: !found.rotated,
            named: true,
            opened: now,
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
        self.named = found.is_some();
    }

    /// A file that was empty when it was met, and of which nothing was handed out yet, is known by what it holds now: a copy may be there
    /// before anything was read.
    pub fn introduce(&self, ledger: &Ledger) {
        if self.head > 0 || ledger.get(self.number).is_none_or(|known| known.head.length > 0) {
            return;
        }
        if let Some(Ok(head)) = self.file().map(|file| file.and_then(Head::of)) {
            ledger.change(self.number, |known| known.head = ledger.key().print(&head.bytes));
        }
    }

    /// Nothing is waited for at its end.
    pub fn end(&mut self) {
        self.reader.input_mut().end();
    }

    /// True when it could be closed and opened again: what was not handed out yet is read anew then.
    pub fn can_wait(&self, now: Instant) -> bool {
        let since = |at| now.saturating_duration_since(at);
        let is_idle = self.is_read() && since(self.grown) >= LOOK_MAX;
        self.named && !self.packed && (is_idle || since(self.opened) >= OPEN)
    }

    /// True when everything that was in it at the last look was handed out.
    pub fn is_read(&self) -> bool {
        self.reader.held_bytes() == 0 && self.reader.input().position() >= self.facts.0
    }

    /// The file, to be compared with others; none of one that is compressed.
    pub fn file(&self) -> Option<io::Result<std::fs::File>> {
        self.reader.input().file()
    }

    /// True when what was read of it is not there any more.
    pub fn is_cut_off(&self) -> bool {
        matches!(self.look_at(), Ok((Look::CutOff, _)))
    }

    /// How it stands to what was read of it.
    fn look_at(&self) -> io::Result<(Look, Option<Facts>)> {
        let (look, facts) = self.reader.input().look(self.facts.1)?;
        // It may have been cut off before anything was read of it.
        let is_less = facts.as_ref().is_some_and(|facts| facts.size_bytes < self.facts.0);
        Ok((if is_less { Look::CutOff } else { look }, facts))
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
        match self.look_at() {
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
                if self.handed_out(batch, ledger) {
                    Turned::Records
                } else {
                    Turned::RecordsOfAnother
                }
            }
            Ok(Fill::Silence | Fill::Waiting) => {
                self.look =
                    now + if self.packed { Duration::ZERO } else { (quiet / 8).clamp(LOOK_MIN, LOOK_MAX) };
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

    /// Marks where the batch ends, and notes it. False when the file does not begin as it did when it was met.
    fn handed_out(&mut self, batch: &mut RawBatch, ledger: &Ledger) -> bool {
        let end = self.reader.input().position() - self.reader.held_bytes() as u64;
        batch.mark = Some(Mark { file: self.number, end });
        // Not what it began with when it was met: it may have been written anew before it was read.
        let first = self.reader.input().first().filter(|first| first.len() > self.head);
        let head = first.map(|first| ledger.key().print(first));
        let met = ledger.get(self.number).map(|known| known.head).filter(|_| self.head == 0);
        let same = met.zip(first).is_none_or(|(met, first)| {
            first.get(..met.length).is_none_or(|first| ledger.key().print(first) == met)
        });
        self.head = first.map_or(self.head, <[u8]>::len);
        let last = &batch.bytes[batch.bytes.len().saturating_sub(TAIL_BYTES)..];
        let last = (!batch.cut).then(|| ledger.key().print(last));
        ledger.change(self.number, |known| {
            (known.emitted, known.last) = (end, last);
            known.ended = None;
            known.head = head.unwrap_or(known.head);
        });
        same
    }
}
