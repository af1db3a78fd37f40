//! Policies that were in force: the text of each, by its hash, and from when to when it was.
//!
//! ```text
//! STATE/policies/<sha256>.toml      the exact text; written once, before the journal says that it is in force
//! ```
//! *In*: a state directory, the text of a policy, entries of its journal. *Out*: the archived text, [`Kept`], the spans of time.
//! *Promised*: when [`keep`] returns, the text is on disk under its hash; what lies there under another hash is never taken for it;
//! several loads of one policy in turn are one span. *Not here*: whether the journal is whole (`retention::journal`), the table (`cli`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config;

/// The archive's name in the state directory.
pub const DIRECTORY: &str = "policies";
/// Characters of a hash: what a name in the archive begins with.
const HASH_CHARACTERS: usize = 64;
const DIRECTORY_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;
/// The largest policy that is read back; a longer file is none.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// What the archive has of a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Its exact text.
    Whole,
    /// Nothing.
    Missing,
    /// Something that does not have its hash, or cannot be read.
    Differs,
}

impl Kept {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "archived",
            Self::Missing => "missing",
            Self::Differs => "differs",
        }
    }
}

/// A policy that was in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// From when on, as the journal writes it.
    pub from: String,
    /// Until when; `None` for the one that was loaded last.
    pub until: Option<String>,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its text, in hexadecimal digits.
    pub sha256: String,
}

/// The file of a hash.
pub fn path(state: &Path, sha256: &str) -> PathBuf {
    state.join(DIRECTORY).join(format!("{sha256}.toml"))
}

/// True for what can be a hash, so that no entry of a journal leads out of the archive.
fn is_hash(text: &str) -> bool {
    text.len() == HASH_CHARACTERS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Archives `text` under its hash, durable on return. A file of that name with another content is replaced: only one can be right.
pub fn keep(state: &Path, sha256: &str, text: &str) -> io::Result<()> {
    if look(state, sha256) == Kept::Whole {
        return Ok(());
    }
    let directory = state.join(DIRECTORY);
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&directory)?;
    let temporary = directory.join(format!(".{sha256}.{}.tmp", std::process::id()));
    // What a process of that number left when it died.
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path(state, sha256))) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(&directory)?.sync_all()?;
    // The archive's own name, the first time.
    File::open(state)?.sync_all()
}

/// What the archive has of a hash.
pub fn look(state: &Path, sha256: &str) -> Kept {
    match text(state, sha256) {
        Ok(Some(_)) => Kept::Whole,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::Missing,
        Ok(None) | Err(_) => Kept::Differs,
    }
}

/// The archived text; `None` when what lies there does not have that hash.
pub fn text(state: &Path, sha256: &str) -> io::Result<Option<String>> {
    if !is_hash(sha256) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path(state, sha256))?.take(TEXT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok().filter(|text| config::hash(text) == sha256))
}

/// The spans of time of all policies that a journal names.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct History {
    spans: Vec<Span>,
}

impl History {
    /// Takes the next entry; those that are of no policy change nothing.
    pub fn take(&mut self, entry: &Value) {
        if entry["event"] != "policy.loaded" {
            return;
        }
        let member = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let (from, sha256) = (member("time"), member("sha256"));
        if let Some(last) = self.spans.last_mut() {
            if last.sha256 == sha256 {
                return;
            }
            last.until = Some(from.clone());
        }
        let (name, version) = (member("policy"), member("version"));
        self.spans.push(Span { from, until: None, name, version, sha256 });
    }

    /// The first policy first.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Every hash, each once.
    pub fn hashes(&self) -> Vec<&str> {
        let mut hashes: Vec<&str> = self.spans.iter().map(|span| span.sha256.as_str()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_the_exact_text_and_nothing_else_is_taken_for_it() {
        let state = tempfile::tempdir().unwrap();
        let (text_of, hash) = ("# a policy\n", config::hash("# a policy\n"));
        assert_eq!(look(state.path(), &hash), Kept::Missing);
        for _ in 0..2 {
            keep(state.path(), &hash, text_of).unwrap();
            assert_eq!(text(state.path(), &hash).unwrap().as_deref(), Some(text_of));
        }
        for other in ["", "# a policy", "# another\n"] {
            fs::write(path(state.path(), &hash), other).unwrap();
            assert_eq!(look(state.path(), &hash), Kept::Differs);
        }
        keep(state.path(), &hash, text_of).unwrap();
        assert_eq!(look(state.path(), &hash), Kept::Whole);
        assert_eq!(fs::read_dir(state.path().join(DIRECTORY)).unwrap().count(), 1);
        for other in ["../../etc/passwd", "", &hash.to_uppercase()] {
            assert_eq!(look(state.path(), other), Kept::Differs, "{other}");
        }
    }

    #[test]
    fn one_policy_loaded_again_is_one_span() {
        let mut history = History::default();
        for (time, sha256) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", "b"), ("5", "a")] {
            history.take(&json!({ "event": "policy.loaded", "time": time, "policy": "p", "sha256": sha256 }));
            history.take(&json!({ "event": "journal.started", "time": time }));
        }
        let spans: Vec<_> = history
            .spans()
            .iter()
            .map(|span| (span.from.as_str(), span.until.as_deref(), span.sha256.as_str()))
            .collect();
        assert_eq!(spans, [("1", Some("3"), "a"), ("3", Some("5"), "b"), ("5", None, "a")]);
        assert_eq!(history.hashes(), ["a", "b"]);
    }
}
