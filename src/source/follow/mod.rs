//! Files that grow, are rotated, and are gone on with after a restart: what `tail -F` does, without losing or doubling a line.
//!
//! *In*: a path or pattern, a [`Ledger`]. *Out*: records, and where in its file each batch ends. *Promised*: every line of every file is handed
//! out once, whatever rotation does: rename and create, copy and truncate, compression, several rotations while nobody looked; a file
//! is known again by its content ([`ledger`](super::ledger)), so that inodes may be used again and files moved; records count as
//! received when their file was last written, or now if that is earlier. *Not here*: which names belong to the source ([`scan`]), and
//! when a position is safe (`pipeline::checkpoint`).
//!
//! ```text
//! scan, once a second:   names → Found → known by inode and content?  → go on at its position, if there is more
//!                                        known by content alone?       → moved or compressed: go on there
//!                                        all of it in a file beside?   → a copy: nothing, until that file is cut off or gone
//!                                        unknown                       → read from its start
//! look, every 20 to 100 ms: each open file: same, grown → read; cut off → its content is searched for under the other names
//! ```
//! NUL bytes at the beginning of a file are a hole, and not read: a writer that does not append goes on behind one when its log was
//! cut off. At most [`OPEN_MAX`] files are open; where there are more they take turns, also when all of them grow all the time.
//!
//! Files are asked how long they are rather than watched: that works on every file system and between containers, costs a few
//! microseconds a second, and delays a line by 20 ms at most while lines come.
//!
//! A rotated file is read on until nothing was added for a minute: servers write to it until they have opened the new one. Then an
//! unfinished last line counts as a record. When a source is looked at for the first time, rotated files that only lie beside are
//! noted as passed, and what stands in them is never read: it was written before anybody asked for it.
//!
//! What contents cannot tell: two files of which the same 256 bytes at the beginning, and nothing else, is all that was read; and a file
//! that was cut off and begun anew with the same first lines before anything of it was read.

mod head;
mod input;
mod meet;
mod open;
#[cfg(test)]
mod random_tests;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::chunk::{Bounds, Clock, SILENCE, Stopwatch};
use super::error::SourceError;
use super::file;
use super::input::Progress;
use super::ledger::{FileId, Ledger};
use super::{Fill, Source};
use crate::format::Parser;
use crate::record::batch::RawBatch;
pub use head::{is_packed, still_holds};
use meet::Seen;
pub use open::ROTATED_SECONDS;
use open::{Around, LOOK_MAX, LOOK_MIN, Tail, Turned};
pub use scan::{Found, Places};

/// How often names are looked for.
const SCAN: Duration = Duration::from_secs(1);
/// Files that are open at once; others wait.
const OPEN_MAX: usize = 256;

/// When a source ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Stopped,
    /// At the end of the files that are there, one after the other.
    End,
}

/// A source of files that may grow.
pub struct Follow {
    places: Places,
    until: Until,
    bounds: Bounds,
    clock: Clock,
    /// Tests have their own, which they advance.
    stopwatch: Stopwatch,
    ledger: Arc<Ledger>,
    progress: Arc<Progress>,
    /// Files that are read.
    tails: Vec<Tail>,
    /// Whose turn it is.
    turn: usize,
    /// Files that have something to read, and their numbers.
    waiting: VecDeque<(u32, Found, bool)>,
    scanned: Option<Instant>,
    /// Files with nothing to read as long as they are as they were.
    seen: HashMap<FileId, Seen>,
    /// Troubles that were told, each once.
    told: HashSet<String>,
    troubles: VecDeque<SourceError>,
    patience: Duration,
    stopped: bool,
}

impl Follow {
    /// Follows the files of `pattern`; rotated ones are looked for beside them, or by the pattern `rotated`. Nothing is read yet.
    ///
    /// # Errors
    /// A malformed pattern, a directory, a pipe, a file that may not be read; and with [`Until::End`] a name that is not there.
    pub fn open(
        pattern: &str,
        rotated: Option<&str>,
        until: Until,
        (bounds, clock): (Bounds, Clock),
        ledger: Arc<Ledger>,
    ) -> Result<Self, SourceError> {
        let mut troubles = VecDeque::new();
        match file::find(pattern)
            .and_then(|paths| paths.iter().try_for_each(|path| file::open_regular(path).map(drop)))
        {
            // They will come.
            Err(error @ (SourceError::NoMatch { .. } | SourceError::Vanished { .. }))
                if until == Until::Stopped =>
            {
                troubles.push_back(error);
            }
            checked => checked?,
        }
        Ok(Self {
            places: Places::new(pattern, rotated),
            until,
            bounds,
            clock,
            stopwatch: Arc::new(Instant::now),
            ledger,
            progress: Arc::default(),
            tails: Vec::new(),
            turn: 0,
            waiting: VecDeque::new(),
            scanned: None,
            seen: HashMap::new(),
            told: HashSet::new(),
            troubles,
            patience: SILENCE,
            stopped: false,
        })
    }

    /// Opens files that wait, as long as there is room.
    fn open_waiting(&mut self) {
        let room = if self.until == Until::End { 1 } else { OPEN_MAX };
        while !self.waiting.is_empty() && (self.tails.len() < room || self.make_room()) {
            let Some((number, found, packed)) = self.waiting.pop_front() else { return };
            let position = self.ledger.get(number).map_or(0, |known| known.emitted);
            let around = Around {
                bounds: self.bounds,
                clock: Arc::clone(&self.clock),
                stopwatch: Arc::clone(&self.stopwatch),
                progress: Arc::clone(&self.progress),
            };
            match Tail::open((number, &self.ledger), found, packed, position, around) {
                Ok(Some(mut tail)) => {
                    if self.until == Until::End {
                        tail.end();
                    }
                    self.tails.push(tail);
                }
                // Another file has its name by now: the next scan finds both.
                Ok(None) => {}
                Err(error) => self.trouble(error),
            }
        }
    }

    /// How long nobody need look.
    fn until_next_look(&self) -> Duration {
        let now = (self.stopwatch)();
        let next = self.tails.iter().map(|tail| tail.look.saturating_duration_since(now)).min();
        next.unwrap_or(LOOK_MAX).clamp(LOOK_MIN / 4, LOOK_MAX)
    }

    /// Closes the file that has been quiet for longest: a scan finds it again when there is more. Files that grow all the time take turns,
    /// too. False when none was open for long enough.
    fn make_room(&mut self) -> bool {
        let now = (self.stopwatch)();
        let may =
            (0..self.tails.len()).filter(|at| self.until == Until::Stopped && self.tails[*at].can_wait(now));
        let Some(at) = may.min_by_key(|at| (self.tails[*at].grown, self.tails[*at].opened)) else {
            return false;
        };
        let tail = self.tails.remove(at);
        if tail.is_read() {
            self.saw(tail.id, tail.facts);
        } else {
            self.ledger.change(tail.number, |known| known.ended = None);
            self.seen.remove(&tail.id);
        }
        true
    }

    /// A file was cut off. What was not read of it may stand in a copy.
    fn cut_off(&mut self, at: usize) {
        let tail = self.tails.remove(at);
        self.ledger.change(tail.number, |known| known.gone = true);
        self.seen.clear();
    }

    /// Tells a trouble, unless it was told already.
    fn trouble(&mut self, error: SourceError) {
        if self.told.insert(error.to_string()) {
            self.troubles.push_back(error);
        }
    }

    /// Asks every open file once, beginning with the one whose turn it is.
    fn ask(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Option<Fill> {
        let now = (self.stopwatch)();
        let mut step = 0;
        while step < self.tails.len() {
            let at = (self.turn + step) % self.tails.len();
            let tail = &mut self.tails[at];
            match tail.turn(now, parser, batch, &self.ledger) {
                Turned::Nothing => step += 1,
                turned @ (Turned::Records | Turned::RecordsOfAnother) => {
                    if matches!(turned, Turned::RecordsOfAnother) {
                        // What was taken for a copy of it is all that there is of what it was.
                        let number = tail.number;
                        self.seen.retain(|_, seen| seen.copy_of != Some(number));
                    }
                    self.turn = if self.until == Until::End { at } else { at + 1 };
                    return Some(Fill::Records);
                }
                Turned::Ended { size, modified } => {
                    let tail = self.tails.remove(at);
                    self.saw(tail.id, (size, modified));
                }
                Turned::CutOff => {
                    self.cut_off(at);
                    self.scanned = None;
                    return None;
                }
                Turned::Failed(error) => {
                    let tail = self.tails.remove(at);
                    self.saw(tail.id, tail.facts);
                    self.trouble(error);
                }
            }
        }
        None
    }
}

impl Source for Follow {
    fn fill(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        batch.clear();
        let began = (self.stopwatch)();
        let elapsed = |stopwatch: &Stopwatch, at| stopwatch().saturating_duration_since(at);
        loop {
            if self.stopped {
                return Ok(Fill::End);
            }
            let due = self
                .scanned
                .is_none_or(|at| self.until == Until::Stopped && elapsed(&self.stopwatch, at) >= SCAN);
            if due {
                self.scan();
            }
            self.open_waiting();
            if let Some(fill) = self.ask(parser, batch) {
                return Ok(fill);
            }
            batch.clear();
            if let Some(error) = self.troubles.pop_front() {
                return Err(error);
            }
            if self.scanned.is_none() {
                continue;
            }
            if self.until == Until::End {
                if self.tails.is_empty() && self.waiting.is_empty() {
                    return Ok(Fill::End);
                }
                // In the middle of a long record, or of a file that is decompressed.
                if elapsed(&self.stopwatch, began) >= self.patience {
                    return Ok(Fill::Waiting);
                }
                continue;
            }
            let left = self.patience.saturating_sub(elapsed(&self.stopwatch, began));
            if left.is_zero() {
                return Ok(Fill::Silence);
            }
            thread::sleep(self.until_next_look().min(left));
        }
    }

    /// What was not delivered still stands in the files.
    fn stop(&mut self) {
        self.stopped = true;
        self.tails.clear();
    }

    fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }
}
