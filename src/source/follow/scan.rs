//! Which files a source is made of: those that its path names, and those that rotation has made of them.
//!
//! *In*: a path or pattern, and perhaps one for rotated files. *Out*: [`Found`] files with their facts. *Promised*: a name is
//! taken for a rotated one only when a number or date was put into it; links are followed for names that the operator gave, and for
//! no other. *Not here*: what is in them.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::error::SourceError;
use super::super::file::Facts;
use super::super::ledger::FileId;
use crate::record::timestamp::Timestamp;

/// Endings of compressed files.
const PACKED: [&str; 5] = [".gz", ".zst", ".bz2", ".xz", ".lz4"];

/// Digits that a date has at least.
const DATE_DIGITS: usize = 6;
/// Digits that the number of a rotated file has at most, where an ending follows it.
const NUMBER_DIGITS: usize = 3;

/// A file that belongs to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is now.
    pub path: PathBuf,
    /// Its number in the file system.
    pub id: FileId,
    /// Its size on disk.
    pub size: u64,
    /// When it was written last.
    pub modified: Timestamp,
    /// The source's own path or pattern names it.
    pub named: bool,
    /// It was current once, and is not any more.
    pub rotated: bool,
}

impl Found {
    /// What was written first comes first.
    pub(super) fn order(&self) -> impl Ord {
        (self.modified, !self.rotated, self.path.as_path())
    }
}

/// Where a source's files are.
pub struct Places {
    pattern: String,
    /// Where rotated files go; `None`: beside the current ones.
    rotated: Option<String>,
    /// The path as it is, if it is no pattern.
    literal: Option<PathBuf>,
    /// Every name that the pattern ever gave: a file is missing for a moment while it is rotated.
    current: BTreeSet<PathBuf>,
}

impl Places {
    /// Files that `pattern` names, and rotated ones beside them or where `rotated` says.
    pub fn new(pattern: &str, rotated: Option<&str>) -> Self {
        let literal = literal(pattern);
        let current = literal.iter().cloned().collect();
        Self { pattern: pattern.to_owned(), rotated: rotated.map(ToOwned::to_owned), literal, current }
    }

    /// Looks for files, the one that was written first coming first; and what cannot be looked at, which keeps nobody from the others.
    pub fn find(&mut self) -> (Vec<Found>, Option<SourceError>) {
        let mut all = All::default();
        let named = match &self.literal {
            Some(path) => vec![path.clone()],
            None => matches(&self.pattern).unwrap_or_else(|error| all.fault(error)),
        };
        let current = named.iter().filter(|path| self.base(path).is_none()).cloned();
        let current = current.collect::<Vec<_>>();
        self.current.extend(current);
        for path in named {
            let rotated = self.base(&path).is_some();
            all.add(path, true, rotated);
        }
        let beside = match &self.rotated {
            Some(pattern) => matches(pattern).unwrap_or_else(|error| all.fault(error)),
            None => self.beside(&mut all),
        };
        for path in beside {
            all.add(path, false, true);
        }
        let mut found = all.found;
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        (found, all.error)
    }

    /// Files in the directories of current ones whose names rotation has made.
    fn beside(&self, all: &mut All) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let directories: BTreeSet<&Path> = self.current.iter().filter_map(|path| path.parent()).collect();
        for directory in directories {
            let place = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            let entries = match std::fs::read_dir(place) {
                Ok(entries) => entries,
                // It may come: whoever writes the log makes it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    all.fault(SourceError::open(place, &error));
                    continue;
                }
            };
            let names = entries.filter_map(Result::ok).map(|entry| directory.join(entry.file_name()));
            paths.extend(names.filter(|path| self.base(path).is_some()));
        }
        paths
    }

    /// The current file that `path` is a rotated form of.
    pub(super) fn base(&self, path: &Path) -> Option<&PathBuf> {
        let name = path.file_name()?.to_str()?;
        bases(name).into_iter().find_map(|base| self.current.get(&path.with_file_name(base)))
    }
}

/// The one file that `pattern` means, if it has no wildcard or is the name of a file as it stands.
fn literal(pattern: &str) -> Option<PathBuf> {
    if Path::new(pattern).symlink_metadata().is_ok() {
        return Some(PathBuf::from(pattern));
    }
    let marks = [("[*]", "*"), ("[?]", "?"), ("[]]", "]"), ("[[]", "[")];
    let meant = marks.iter().fold(pattern.to_owned(), |text, (escaped, mark)| text.replace(escaped, mark));
    (glob::Pattern::escape(&meant) == pattern).then(|| PathBuf::from(meant))
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let matches = glob::glob(pattern).map_err(|error| SourceError::BadPattern {
        pattern: pattern.to_owned(),
        character: error.pos + 1,
        problem: error.msg,
    })?;
    // What cannot be looked into is as if it were not there.
    Ok(matches.filter_map(Result::ok).collect())
}

/// What was found so far.
#[derive(Default)]
struct All {
    found: Vec<Found>,
    ids: HashSet<FileId>,
    /// The first that cannot be looked at.
    error: Option<SourceError>,
}

impl All {
    fn fault(&mut self, error: SourceError) -> Vec<PathBuf> {
        self.error.get_or_insert(error);
        Vec::new()
    }

    fn add(&mut self, path: PathBuf, named: bool, rotated: bool) {
        let facts = if named { std::fs::metadata(&path) } else { std::fs::symlink_metadata(&path) };
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                self.fault(SourceError::open(&path, &error));
                return;
            }
        };
        let id = FileId { device: facts.dev(), inode: facts.ino() };
        if facts.is_file() && self.ids.insert(id) {
            let Facts { size_bytes: size, modified } = Facts::of(&facts);
            self.found.push(Found { path, id, size, modified, named, rotated });
        }
    }
}

/// What a file could have been called before it was rotated: `access.log.1`, `access.log-20261127.gz` and `access-2026-11-27.log` come from
/// `access.log`.
fn bases(name: &str) -> Vec<String> {
    let plain = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let bytes = plain.as_bytes();
    let mut bases = Vec::new();
    for (at, pair) in bytes.windows(2).enumerate().skip(1) {
        if !matches!(pair[0], b'.' | b'-' | b'_') || !pair[1].is_ascii_digit() {
            continue;
        }
        let is_date = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b':' | b'T');
        let length = bytes[at + 1..].iter().take_while(|byte| is_date(byte)).count();
        let (before, after) = (&plain[..at], &plain[at + 1 + length..]);
        let digits = bytes[at + 1..][..length].iter().filter(|byte| byte.is_ascii_digit()).count();
        // `server-8080.log` and `access-2.log` are logs of their own, beside `server.log` and `access.log`.
        let is_number = pair[0] == b'.' && (after.is_empty() || digits <= NUMBER_DIGITS);
        if digits < DATE_DIGITS && !is_number {
            continue;
        }
        if after.is_empty() || after.starts_with('.') {
            bases.push(format!("{before}{after}"));
        }
    }
    // `access.log.gz` is `access.log`, compressed on the spot.
    if plain.len() < name.len() {
        bases.push(plain.to_owned());
    }
    bases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_name_has_a_number_or_a_date_in_it() {
        let from = |name: &str| bases(name).contains(&"access.log".to_owned());
        for name in [
            "access.log.1",
            "access.log.12.gz",
            "access.log-20261127",
            "access.log-20261127-1795262400.gz",
            "access-20261127.log",
            "access-2026-11-27.log.zst",
            "access.log_2026-11-27T10:00",
            "access.log.gz",
            "access.1.log",
        ] {
            assert!(from(name), "{name}");
        }
        for name in [
            "access.log",
            "access-api.log",
            "access.log.old",
            "access.log.",
            "error.log.1",
            "access2.log",
            "access.log.1.swp",
            "access-2.log",
            "access_8080.log",
            "access.8080.log",
            "access.log-9",
        ] {
            assert!(!from(name), "{name}");
        }
    }

    #[test]
    fn rotated_files_are_found_beside_current_ones_and_other_logs_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let names = |places: &mut Places| -> Vec<(String, bool)> {
            let mut all: Vec<_> = places
                .find()
                .0
                .into_iter()
                .map(|found| (found.path.file_name().unwrap().to_str().unwrap().to_owned(), found.rotated))
                .collect();
            all.sort();
            all
        };
        for name in
            ["access.log", "access.log.1", "access.log.2.gz", "access-api.log", "error.log.1", "notes"]
        {
            std::fs::write(path(name), name).unwrap();
        }
        let rotated = |name: &str| (name.to_owned(), true);
        let current = |name: &str| (name.to_owned(), false);
        let mut one = Places::new(path("access.log").to_str().unwrap(), None);
        let all = [current("access.log"), rotated("access.log.1"), rotated("access.log.2.gz")];
        assert_eq!(names(&mut one), all);
        // While it is away, its rotated ones are found all the same.
        std::fs::rename(path("access.log"), path("access.log.3")).unwrap();
        assert_eq!(
            names(&mut one),
            [rotated("access.log.1"), rotated("access.log.2.gz"), rotated("access.log.3")]
        );
        std::fs::write(path("access.log"), "new").unwrap();
        let mut all = Places::new(path("*.log*").to_str().unwrap(), None);
        assert_eq!(names(&mut all).len(), 6);
        assert!(names(&mut all).contains(&rotated("access.log.1")));
        // A rotated file whose current one is not there counts as current.
        assert!(names(&mut all).contains(&current("error.log.1")));
        let mut elsewhere = Places::new(path("access.log").to_str().unwrap(), path("not*").to_str());
        assert_eq!(names(&mut elsewhere), [current("access.log"), rotated("notes")]);
        let mut missing = Places::new(path("no/such/dir.log").to_str().unwrap(), None);
        assert_eq!(names(&mut missing), []);
    }
}
