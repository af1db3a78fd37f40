//! Files that grow, are rotated, and are gone on with after a restart: what `tail -F` does, without losing or doubling a line.
//!
//! *In*: a path or pattern, a [`Ledger`]. *Out*: records, and where in its file each batch ends. *Promised*: every line of every file is handed
//! out once, whatever rotation does: rename and create, copy and truncate, compression, several rotations while nobody looked; a file
//! is known again by its content ([`ledger`](super::ledger)), so that inodes may be used again and files moved; records count as
//! received when their file was last written, or now if that is earlier. *Not here*: which names belong to the source ([`scan`]), and
//! when a position is safe (`pipeline::checkpoint`).
//!
//! ```text
//! scan, once a second:   names → Found → known by inode and head?  → go on at its position, if there is more
//!                                        known by content alone?   → moved, copied or compressed: go on there, unless it is still
//!                                                                     where it was as well (a copy that is being made)
//!                                        unknown                   → read from its start
//! look, every 20 to 100 ms: each open file: same, grown → read; cut off → its content is searched for under the other names
//! ```
//! Files are asked how long they are rather than watched: that works on every file system and between containers, costs a few
//! microseconds a second, and delays a line by 20 ms at most while lines come.
//!
//! A rotated file is read on until nothing was added for a minute: servers write to it until they have opened the new one. Then an
//! unfinished last line counts as a record. When a source is looked at for the first time, rotated files that only lie beside are
//! noted as passed and never read: they were written before anybody asked for them.

mod input;
mod open;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::chunk::{Bounds, Clock, SILENCE};
use super::error::SourceError;
use super::file;
use super::input::Progress;
use super::ledger::{FileId, Known, Ledger};
use super::{Fill, Source};
use crate::format::Parser;
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;
use open::{Head, LOOK_MAX, LOOK_MIN, Tail, Turned};
pub use open::{ROTATED_SECONDS, is_packed};
pub use scan::{Found, Places};

/// How often names are looked for.
const SCAN: Duration = Duration::from_secs(1);
/// Files that are open at once; others wait.
const OPEN_MAX: usize = 256;
/// A compressed file must have been left alone for so long: it may still be written.
const SETTLED_SECONDS: i64 = 2;

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
    seen: HashMap<FileId, (u64, Timestamp)>,
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

    /// Looks which files there are, and what is to be read of each.
    fn scan(&mut self) {
        self.scanned = Some(Instant::now());
        let found = match self.places.find() {
            Ok(found) => found,
            Err(error) => return self.trouble(error),
        };
        let now = (self.clock)();
        for tail in &mut self.tails {
            tail.place(found.iter().find(|found| found.id == tail.id));
        }
        let open: HashSet<FileId> = self.tails.iter().map(|tail| tail.id).collect();
        let queued: HashSet<FileId> = self.waiting.iter().map(|(_, found, _)| found.id).collect();
        self.seen.retain(|id, _| found.iter().any(|found| found.id == *id));
        let mut here = open.clone();
        let mut unknown = Vec::new();
        // Those that are where they were come first, so that a copy is told from what it was copied from.
        for found in found {
            let known = self.ledger.find(|_, known| known.id == Some(found.id));
            if let Some(number) = known {
                self.ledger.change(number, |known| known.found = now);
            }
            if open.contains(&found.id) || queued.contains(&found.id) {
                here.insert(found.id);
            } else if self.seen.get(&found.id) == Some(&(found.size, found.modified)) {
                if known.is_some() {
                    here.insert(found.id);
                }
            } else if let Some(head) = self.head(&found, now) {
                match known.filter(|number| self.is_still(*number, &found, &head)) {
                    Some(number) => {
                        here.insert(found.id);
                        self.go_on(number, found, &head);
                    }
                    None => unknown.push((found, head)),
                }
            }
        }
        for (found, head) in unknown {
            self.meet(found, &head, &here, now);
        }
        self.ledger.begin();
        self.ledger.forget(now);
    }

    /// The first bytes of a file; `None` while they cannot be had.
    fn head(&mut self, found: &Found, now: Timestamp) -> Option<Head> {
        match Head::read(found) {
            Ok(Some(head))
                if head.packed
                    && found.modified.plus_seconds(SETTLED_SECONDS) > now
                    && self.until == Until::Stopped =>
            {
                None
            }
            Ok(head) => head,
            Err(error) => {
                self.trouble(error);
                None
            }
        }
    }

    /// Whether file `number` is still what its inode holds. If not, its content is somewhere else, or gone.
    fn is_still(&self, number: u32, found: &Found, head: &Head) -> bool {
        let Some(known) = self.ledger.get(number) else { return false };
        let still = head.begins(&known, self.ledger.key())
            && (head.packed || known.passed || found.size >= known.emitted)
            && (head.packed || known.passed || head.continues(found, &known, self.ledger.key()));
        if !still {
            self.ledger.change(number, |known| known.id = None);
        }
        still
    }

    /// A file of unknown number in the file system: perhaps its content is known.
    fn meet(&mut self, found: Found, head: &Head, here: &HashSet<FileId>, now: Timestamp) {
        let key = self.ledger.key();
        let same = self.ledger.find(|_, known| {
            known.head.length > 0
                && head.begins(known, key)
                && (head.packed || found.size < known.emitted || head.continues(&found, known, key))
        });
        if let Some(number) = same {
            let elsewhere = self.ledger.get(number).and_then(|known| known.id).filter(|id| here.contains(id));
            if elsewhere.is_some_and(|id| id != found.id) {
                // A copy, of which nobody knows yet what it is for. It is looked at again when the other is cut off.
                self.seen.insert(found.id, (found.size, found.modified));
                return;
            }
            self.ledger.change(number, |known| (known.id, known.found) = (Some(found.id), now));
            return self.go_on(number, found, head);
        }
        let known = Known {
            id: Some(found.id),
            head: key.print(&head.bytes),
            tail: None,
            emitted: 0,
            delivered: 0,
            committed: 0,
            passed: !found.named && !self.ledger.has_begun(),
            ended: None,
            found: now,
        };
        let number = self.ledger.add(known);
        self.go_on(number, found, head);
    }

    /// Reads what file `number` has beyond its position.
    fn go_on(&mut self, number: u32, found: Found, head: &Head) {
        let Some(known) = self.ledger.get(number) else { return };
        // A file that was read to its end before it was compressed holds nothing new.
        let nothing_new = if head.packed { known.ended.is_some() } else { known.emitted >= found.size };
        if known.passed || (nothing_new && found.size > 0) {
            self.seen.insert(found.id, (found.size, found.modified));
            let whole = head.packed || self.until == Until::End;
            if whole && !known.passed {
                self.ledger.change(number, |known| known.ended = Some(found.size));
            }
            // Where lines may still come, the file stays open all the same, if there is room.
            let full = self.tails.len() + self.waiting.len() >= OPEN_MAX;
            if known.passed || whole || (found.rotated && known.ended.is_some()) || full {
                return;
            }
        }
        if self.until == Until::End {
            self.progress.expect(found.size);
        }
        self.waiting.push_back((number, found, head.packed));
    }

    /// Opens files that wait, as long as there is room.
    fn open_waiting(&mut self) {
        let room = if self.until == Until::End { 1 } else { OPEN_MAX };
        while !self.waiting.is_empty() && (self.tails.len() < room || self.make_room()) {
            let Some((number, found, packed)) = self.waiting.pop_front() else { return };
            let position = self.ledger.get(number).map_or(0, |known| known.emitted);
            let around = (self.bounds, Arc::clone(&self.clock), Arc::clone(&self.progress));
            match Tail::open(number, found, packed, position, around) {
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
        let next = self.tails.iter().map(|tail| tail.look.saturating_duration_since(Instant::now())).min();
        next.unwrap_or(LOOK_MAX).clamp(LOOK_MIN / 4, LOOK_MAX)
    }

    /// Closes the file that has been quiet for longest: a scan finds it again when it grows. False when none is quiet.
    fn make_room(&mut self) -> bool {
        let quiet =
            (0..self.tails.len()).filter(|at| self.until == Until::Stopped && self.tails[*at].is_quiet());
        let Some(at) = quiet.min_by_key(|at| self.tails[*at].grown) else { return false };
        let tail = self.tails.remove(at);
        self.seen.insert(tail.id, tail.facts);
        true
    }

    /// Tells a trouble, unless it was told already.
    fn trouble(&mut self, error: SourceError) {
        if self.told.insert(error.to_string()) {
            self.troubles.push_back(error);
        }
    }

    /// Asks every open file once, beginning with the one whose turn it is.
    fn ask(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Option<Fill> {
        let now = Instant::now();
        let mut step = 0;
        while step < self.tails.len() {
            let at = (self.turn + step) % self.tails.len();
            let tail = &mut self.tails[at];
            match tail.turn(now, parser, batch, &self.ledger) {
                Turned::Nothing => step += 1,
                Turned::Records => {
                    self.turn = if self.until == Until::End { at } else { at + 1 };
                    return Some(Fill::Records);
                }
                Turned::Ended { size, modified } => {
                    let tail = self.tails.remove(at);
                    self.seen.insert(tail.id, (size, modified));
                }
                Turned::CutOff => {
                    // What was not read of it may stand in a copy.
                    let tail = self.tails.remove(at);
                    self.ledger.change(tail.number, |known| known.id = None);
                    self.seen.clear();
                    self.scanned = None;
                    return None;
                }
                Turned::Failed(error) => {
                    let tail = self.tails.remove(at);
                    self.seen.insert(tail.id, tail.facts);
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
        let began = Instant::now();
        loop {
            if self.stopped {
                return Ok(Fill::End);
            }
            let due = self.scanned.is_none_or(|at| self.until == Until::Stopped && at.elapsed() >= SCAN);
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
                if began.elapsed() >= self.patience {
                    return Ok(Fill::Waiting);
                }
                continue;
            }
            let left = self.patience.saturating_sub(began.elapsed());
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
