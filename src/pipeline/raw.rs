//! Raw files that have been rotated away and delivered: the greatest liability of all, and gone when their source says so.
//!
//! *In*: sources with a `raw_retention`, and their ledgers. *Out*: files that are removed, each entered in the journal before. *Promised*: a
//! file goes only when it was rotated, everything in it is with the sinks for good (a checkpoint says so), nothing was added since,
//! and its time is up, counted from when it was written last; a file that Sluis has not read is never touched. *Not here*: reading
//! (`source::follow`).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::{self, CheckpointError};
use crate::config::plan::{Plan, SourceKind};
use crate::record::timestamp::{MICROS, Timestamp};
use crate::retention::journal::{Event, Journal, JournalError};
use crate::source::SourceError;
use crate::source::follow::{Found, Places, ROTATED_SECONDS, is_packed, still_holds};
use crate::source::ledger::{FileId, Ledger};

/// The rotated files of one source.
pub struct RawPlace {
    /// The source's name.
    pub source: String,
    places: Places,
    ledger: Arc<Ledger>,
    retention_seconds: u64,
}

/// What became of the raw files of a source.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct RawSwept {
    /// Files removed.
    pub destroyed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose time is up, and that are not fully delivered.
    pub undelivered: u64,
    /// Why the first file that could not be removed could not.
    pub failure: Option<String>,
}

/// The sources of `plan` with a `raw_retention`; `ledger` gives that of a source by its name.
pub fn places(plan: &Plan, ledger: impl Fn(&str) -> Option<Arc<Ledger>>) -> Vec<RawPlace> {
    let mut places = Vec::new();
    for source in &plan.sources {
        let SourceKind::File { pattern, rotated, raw_retention_seconds: Some(retention_seconds) } =
            &source.kind
        else {
            continue;
        };
        if let Some(ledger) = ledger(&source.name) {
            let (source, retention_seconds) = (source.name.clone(), *retention_seconds);
            places.push(RawPlace {
                source,
                places: Places::new(pattern, rotated.as_deref()),
                ledger,
                retention_seconds,
            });
        }
    }
    places
}

/// The same with the positions of the last checkpoint: for whoever is not the run itself.
///
/// # Errors
/// When there is a checkpoint that cannot be read.
pub fn of_last_checkpoint(plan: &Plan) -> Result<Vec<RawPlace>, CheckpointError> {
    let Some(state) = &plan.state else { return Ok(Vec::new()) };
    let saved = checkpoint::load(state)?;
    Ok(places(plan, |name| saved.ledger(name, state).ok()))
}

impl RawPlace {
    /// Rotated files whose time is up `margin_seconds` after `now`: those that may go, and the number of those that may not.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn due(&mut self, now: Timestamp, margin_seconds: u64) -> Result<(Vec<Found>, u64), SourceError> {
        let seconds = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
        let limit = now.plus_seconds(seconds(margin_seconds));
        let old = |found: &Found| found.modified.plus_seconds(seconds(self.retention_seconds)) <= limit;
        let (mut due, mut undelivered) = (Vec::new(), 0);
        let (found, error) = self.places.find();
        if let Some(error) = error {
            return Err(error);
        }
        for found in found.into_iter().filter(|found| found.rotated && old(found)) {
            let known = self.ledger.at(found.id).and_then(|number| self.ledger.get(number));
            // What was there before the source was ever read is not ours to judge.
            if known.as_ref().is_some_and(|known| known.passed) {
                continue;
            }
            let is_delivered = known.as_ref().is_some_and(|known| {
                // Either whoever read it has seen it end, or it was read as it stands and has been left alone since.
                let is_whole = known.ended == Some(found.size)
                    || (known.emitted == found.size
                        && found.modified.plus_seconds(ROTATED_SECONDS) <= now
                        && !is_packed(&found.path));
                // Its number may belong to another file since the ledger was written, or it may have been written anew.
                is_whole && known.committed == known.emitted && still_holds(&found, known, &self.ledger)
            });
            if is_delivered { due.push(found) } else { undelivered += 1 }
        }
        Ok((due, undelivered))
    }

    /// Removes what is due.
    ///
    /// # Errors
    /// When nothing can be entered: then nothing is removed.
    pub fn sweep(
        &mut self,
        now: Timestamp,
        margin_seconds: u64,
        journal: &mut Journal,
    ) -> Result<RawSwept, JournalError> {
        let mut swept = RawSwept::default();
        let (due, undelivered) = match self.due(now, margin_seconds) {
            Ok(due) => due,
            Err(error) => {
                swept.failure = Some(error.to_string());
                return Ok(swept);
            }
        };
        swept.undelivered = undelivered;
        for found in due.iter().filter(|found| is_unchanged(found)) {
            let event = Event::RawDestroyed {
                source: self.source.clone(),
                bytes: found.size,
                written: found.modified,
            };
            journal.append(now, &[event])?;
            let removed = fs::remove_file(&found.path).and_then(|()| sync_parent(&found.path));
            match removed {
                Ok(()) => {
                    swept.destroyed += 1;
                    swept.bytes += found.size;
                }
                Err(error) => {
                    swept.failure.get_or_insert_with(|| error.kind().to_string());
                    let event =
                        Event::RawKept { source: self.source.clone(), error: error.kind().to_string() };
                    journal.append(now, &[event])?;
                }
            }
        }
        Ok(swept)
    }
}

/// Looked at once more, right before it goes.
fn is_unchanged(found: &Found) -> bool {
    fs::symlink_metadata(&found.path).is_ok_and(|facts| {
        let id = FileId { device: facts.dev(), inode: facts.ino() };
        let modified = facts.mtime().saturating_mul(MICROS).saturating_add(facts.mtime_nsec() / 1000);
        facts.is_file() && id == found.id && facts.len() == found.size && modified == found.modified.0
    })
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or(PathBuf::from("."), Path::to_path_buf);
    crate::sink::sync_directory(&parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ledger::{Known, PrintKey};

    #[test]
    fn a_raw_file_goes_only_while_it_holds_what_was_delivered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.1");
        let (delivered, other) = (b"# started\n1\n", b"# started\n2\n");
        fs::write(&path, delivered).unwrap();
        let facts = fs::metadata(&path).unwrap();
        let ledger = Arc::new(Ledger::new(PrintKey::random().unwrap()));
        let print = |bytes: &[u8]| ledger.key().print(bytes);
        let now = Timestamp::from_seconds(facts.mtime() + 3600);
        ledger.add(Known {
            id: FileId { device: facts.dev(), inode: facts.ino() },
            gone: false,
            head: print(b"# started\n"),
            tail: Some(print(delivered)),
            last: Some(print(delivered)),
            emitted: 12,
            delivered: 12,
            committed: 12,
            passed: false,
            ended: Some(12),
            found: now,
        });
        let places = Places::new(dir.path().join("log").to_str().unwrap(), None);
        let mut place = RawPlace { source: "s".to_owned(), places, ledger, retention_seconds: 60 };
        assert_eq!(place.due(now, 0).unwrap().0.len(), 1);
        // Its number was used again, while nobody looked, for a file of the same length with the same first line.
        fs::write(&path, other).unwrap();
        assert_eq!(place.due(now, 0).unwrap(), (Vec::new(), 1));
        // Written anew between the look and the removal.
        fs::write(&path, delivered).unwrap();
        let found = place.due(now, 0).unwrap().0.remove(0);
        assert!(is_unchanged(&found));
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        assert!(!is_unchanged(&found));
    }
}
