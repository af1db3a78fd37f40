//! What is done with each file that a scan found.
//!
//! *In*: [`Found`] files, the ledger, the files that are open. *Out*: files that wait to be read, and where from. *Promised*: a file whose
//! content is known goes on where it was, whatever it is called; one that only begins like another is read from its start. *Not here*:
//! the comparison of contents ([`head`](super::head)).
//!
//! Where contents cannot tell, this is how it is decided (2026-11-27): what is shorter than 256 bytes and has a current name is a file of its
//! own, though it may say the same as another: servers begin their files alike. What has the name of a rotated file and holds nothing but
//! what stands in another is a copy of it, as `copytruncate` makes one.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::super::ledger::{FileId, HEAD_BYTES, Known, TAIL_BYTES};
use super::head::{Beside, Head};
use super::{Follow, Found, OPEN_MAX, ROTATED_SECONDS, Until};
use crate::record::timestamp::Timestamp;

/// A file that need not be looked at as long as it is as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub facts: (u64, Timestamp),
    /// It is a copy of this file, for as long as that is where it was.
    pub copy_of: Option<u32>,
}

/// What a scan knows of all files together.
struct Scan {
    now: Timestamp,
    found: HashMap<FileId, Found>,
    /// Files whose content is where it was.
    here: HashSet<FileId>,
}

impl Follow {
    /// Looks which files there are, and what is to be read of each.
    pub(super) fn scan(&mut self) {
        self.scanned = Some((self.stopwatch)());
        while let Some(at) = self.tails.iter().position(super::open::Tail::is_cut_off) {
            self.cut_off(at);
        }
        let (found, error) = self.places.find();
        let is_whole = error.is_none() && !found.is_empty();
        if let Some(error) = error {
            self.trouble(error);
        }
        let now = (self.clock)();
        let by_id: HashMap<_, _> = found.iter().map(|found| (found.id, found.clone())).collect();
        for tail in &mut self.tails {
            tail.place(by_id.get(&tail.id));
            tail.introduce(&self.ledger);
        }
        self.seen.retain(|id, _| by_id.contains_key(id));
        let open = self.tails.iter().map(|tail| tail.id);
        let busy: HashSet<_> = open.chain(self.waiting.iter().map(|(_, found, _)| found.id)).collect();
        let mut scan = Scan { now, found: by_id, here: busy.clone() };
        let before = self.waiting.len();
        // Those that are where they were come first, so that a copy is told from what it was copied from.
        let mut unknown = Vec::new();
        for found in found {
            let known = self.ledger.at(found.id);
            if let Some(number) = known {
                self.ledger.change(number, |known| known.found = now);
            }
            let seen = self.seen.get(&found.id).filter(|seen| seen.facts == (found.size, found.modified));
            match (seen, known) {
                _ if busy.contains(&found.id) => {}
                (Some(Seen { copy_of: Some(_), .. }), _) => unknown.push((found, None)),
                (Some(_), Some(_)) => drop(scan.here.insert(found.id)),
                (Some(_), None) => {}
                (None, known) => {
                    let Some(head) = self.head(&found, now) else { continue };
                    let still = known.filter(|number| self.is_still(*number, &found, &head));
                    if still.is_some() {
                        scan.here.insert(found.id);
                    }
                    match still {
                        Some(number) if !self.is_young(number, &found) => self.go_on(number, found, &head),
                        _ => unknown.push((found, Some(head))),
                    }
                }
            }
        }
        // A log may have been copied a moment ago: it is the copy that is told from the log.
        // And of several copies, the shorter from the longer.
        unknown.sort_by_key(|(found, _)| (found.rotated, Reverse(found.size)));
        for (found, head) in unknown {
            let original = self.seen.get(&found.id).and_then(|seen| seen.copy_of).filter(|_| head.is_none());
            let original = original.and_then(|number| self.ledger.get(number));
            if original.is_some_and(|known| !known.gone && scan.here.contains(&known.id)) {
                continue;
            }
            if let Some(head) = head.or_else(|| self.head(&found, now)) {
                self.meet(found, &head, &mut scan);
            }
        }
        // What was written first is read first.
        self.waiting.make_contiguous()[before..].sort_by(|(_, a, _), (_, b, _)| a.order().cmp(&b.order()));
        self.ledger.begin();
        if is_whole {
            self.ledger.forget(now);
        }
    }

    /// The first bytes of a file; `None` while they cannot be had.
    fn head(&mut self, found: &Found, now: Timestamp) -> Option<Head> {
        match Head::read(found) {
            // It may still be written, by somebody who has to wait for a disk.
            Ok(Some(head))
                if head.packed
                    && self.until == Until::Stopped
                    && found.modified.plus_seconds(ROTATED_SECONDS) > now =>
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
        // Of an empty file nothing is known but its number, which may be that of a copy by now.
        if known.head.length == 0 && !head.bytes.is_empty() {
            self.ledger.remove(number);
            return false;
        }
        let key = self.ledger.key();
        let still = head.begins(&known, key)
            && (head.packed || found.size >= known.emitted || known.ended == Some(found.size))
            && head.continues(found, &known, key);
        if !still {
            self.ledger.change(number, |known| known.gone = true);
        }
        still
    }

    /// Whether so little is known of a file that has grown that it may be another, whose number was used again, with the same first lines.
    fn is_young(&self, number: u32, found: &Found) -> bool {
        let short = HEAD_BYTES as u64;
        self.ledger.get(number).is_some_and(|known| known.emitted < short && known.emitted < found.size)
    }

    /// A file whose number in the file system is unknown, or no evidence: perhaps its content is known.
    fn meet(&mut self, found: Found, head: &Head, scan: &mut Scan) {
        let key = self.ledger.key();
        let mut moved: Option<(u32, Known)> = None;
        let candidates = self.candidates(&found, head, scan);
        let mut heads = HashMap::new();
        for (_, known) in &candidates {
            *heads.entry(known.head).or_insert(0) += 1;
        }
        for (number, known) in candidates {
            if !known.gone && known.id != found.id && scan.here.contains(&known.id) {
                match self.beside(number, &known, &found, head, scan) {
                    Beside::Copy if !found.rotated && found.size < HEAD_BYTES as u64 => {}
                    Beside::Copy => {
                        if let Some(before) = self.ledger.at(found.id) {
                            self.ledger.change(before, |known| known.gone = true);
                        }
                        // Nobody knows yet what it is for. It is looked at again when the other is not there any more.
                        let facts = (found.size, found.modified);
                        self.seen.insert(found.id, Seen { facts, copy_of: Some(number) });
                        return;
                    }
                    Beside::Other => {}
                    Beside::Unclear => return,
                }
                continue;
            }
            // What was written to a log between its copy and its truncation may have been read, and is not in the copy.
            // Its beginning is all that tells it then, so no other file may begin like that.
            let is_own = known.gone && heads.get(&known.head) == Some(&1);
            let is_short = found.rotated && (is_own || known.ended == Some(found.size));
            let fits = head.packed || found.size >= known.emitted || is_short;
            // What was seen to be gone from there did not come back.
            let fits = fits && !(known.gone && known.id == found.id);
            // Of several that it could be, it is the one of which it holds most.
            let holds = |known: &Known| (head.packed || known.emitted <= found.size, known.emitted);
            let further = moved.as_ref().is_none_or(|(_, other)| holds(&known) > holds(other));
            if fits && further && head.continues(&found, &known, key) {
                moved = Some((number, known));
            }
        }
        scan.here.insert(found.id);
        let before = self.ledger.at(found.id);
        if let Some(before) =
            before.filter(|before| moved.as_ref().is_none_or(|(number, _)| number != before))
        {
            self.ledger.change(before, |known| known.gone = true);
        }
        if let Some((number, _)) = moved {
            self.ledger
                .change(number, |known| (known.id, known.gone, known.found) = (found.id, false, scan.now));
            return self.go_on(number, found, head);
        }
        let passed = !found.named && !self.ledger.has_begun() && found.size > 0;
        let mut known = Known {
            id: found.id,
            gone: false,
            head: key.print(&head.bytes),
            tail: None,
            last: None,
            emitted: 0,
            delivered: 0,
            committed: 0,
            passed,
            ended: (passed && head.packed).then_some(found.size),
            found: scan.now,
        };
        if passed && !head.packed {
            (known.emitted, known.delivered, known.committed) = (found.size, found.size, found.size);
            known.last = head.before(found.size, TAIL_BYTES).map(|bytes| key.print(&bytes));
            known.tail = known.last;
        }
        let number = self.ledger.add(known);
        self.go_on(number, found, head);
    }

    /// Files that a found one could be, or be a copy of.
    fn candidates(&self, found: &Found, head: &Head, scan: &Scan) -> Vec<(u32, Known)> {
        let mut candidates = self.ledger.beginning(&head.bytes);
        // A copy of a young file is shorter than what the file is known by since it has grown.
        let current =
            self.places.base(&found.path).filter(|_| head.bytes.len() < HEAD_BYTES && found.size > 0);
        let current = current.and_then(|path| scan.found.values().find(|other| other.path == *path));
        if let Some(number) = current.and_then(|other| self.ledger.at(other.id))
            && candidates.iter().all(|(other, _)| *other != number)
        {
            candidates.extend(self.ledger.get(number).map(|known| (number, known)));
        }
        candidates
    }

    /// How a file stands to file `number`, which is where it was.
    fn beside(&self, number: u32, known: &Known, found: &Found, head: &Head, scan: &Scan) -> Beside {
        let open = self.tails.iter().find(|tail| tail.number == number);
        let other = match open {
            Some(tail) if tail.is_cut_off() => None,
            // It may have no name any more.
            Some(tail) => match tail.file() {
                Some(file) => file.and_then(Head::of).ok(),
                None => scan.found.get(&known.id).and_then(|found| Head::read(found).ok().flatten()),
            },
            None => scan.found.get(&known.id).and_then(|found| Head::read(found).ok().flatten()),
        };
        let Some(other) = other else { return Beside::Unclear };
        // A copy that lacks the last lines is shorter than what was read, and stays so.
        let is_whole = |size: &u64| other.packed || *size >= known.emitted || known.ended == Some(*size);
        let Some(size) = other.size().filter(is_whole) else { return Beside::Unclear };
        head.beside(found, &other, size)
    }

    /// Reads what file `number` has beyond its position.
    fn go_on(&mut self, number: u32, found: Found, head: &Head) {
        let Some(known) = self.ledger.get(number) else { return };
        if !head.packed && known.emitted == 0 {
            // More of it may be there by now to know it by.
            let print = self.ledger.key().print(&head.bytes);
            self.ledger.change(number, |known| known.head = print);
        }
        let nothing_new = if head.packed {
            // A file that was read to its end before it was compressed holds nothing new, unless somebody wrote to it in between.
            let more = head.unpacked_bytes().is_some_and(|bytes| bytes > known.emitted);
            known.ended.is_some() && (known.passed || !more)
        } else {
            known.emitted >= found.size
        };
        if nothing_new && found.size > 0 {
            self.saw(found.id, (found.size, found.modified));
            let whole = head.packed || self.until == Until::End || known.emitted > found.size;
            if whole {
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

    /// There is nothing to read in a file as long as it is as it is.
    pub(super) fn saw(&mut self, id: FileId, facts: (u64, Timestamp)) {
        self.seen.insert(id, Seen { facts, copy_of: None });
    }
}
