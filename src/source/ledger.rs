//! How far every file of a source is: what was handed out, and what was delivered for good.
//!
//! *In*: files as they are found, the batches that were taken from them, the deliveries of those. *Out*: positions to go on from, also
//! after a restart ([`Ledger::write`], [`Ledger::read`]). *Promised*: PI-9, a position that is written down lies behind nothing that was not
//! delivered; a file is known again by what it holds, whatever it is called and wherever it was moved, copied or compressed to.
//! *Not here*: finding and reading files (`follow`), when positions are written down (`pipeline::checkpoint`).
//!
//! A file is known by its number in the file system, and by **prints** of its first bytes and of those before the position: numbers are
//! used again as soon as a file is removed, and do not say that a file was cut off and has grown again. A print is an HMAC under
//! the ledger's own random key: nobody can compare it with that of another installation, or try lines on it without the key.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::record::batch::Mark;
use crate::record::timestamp::Timestamp;

/// Bytes at the beginning of a file that it is known by.
pub const HEAD_BYTES: usize = 256;
/// Bytes before a position that it is known by.
pub const TAIL_BYTES: usize = 64;
/// Bytes of a print.
const PRINT_BYTES: usize = 16;
/// A file that was not found for so long is forgotten.
const FORGET_SECONDS: i64 = 7 * 86_400;

/// The number of a file in its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
}

/// A keyed hash of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// How many bytes.
    pub length: usize,
    mac: [u8; PRINT_BYTES],
}

/// The key of a ledger's prints.
#[derive(Clone)]
pub struct PrintKey([u8; 32]);

impl PrintKey {
    /// A random one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn random() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| std::io::ErrorKind::Unsupported)?;
        Ok(Self(key))
    }

    /// As [`write`](Self::write) wrote it.
    pub fn read(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// For a file that only its owner can read.
    pub fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The print of `bytes`.
    pub fn print(&self, bytes: &[u8]) -> Print {
        let mut out = Print { length: bytes.len(), mac: [0; PRINT_BYTES] };
        // Any length is a key.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(bytes);
            out.mac.copy_from_slice(&mac.finalize().into_bytes()[..PRINT_BYTES]);
        }
        out
    }
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it was last; `None` since its content was found to be gone from there.
    pub id: Option<FileId>,
    /// Its first bytes.
    pub head: Print,
    /// The bytes before `delivered`, of a file that is not compressed.
    pub tail: Option<Print>,
    /// Bytes that were handed out by this process, or delivered before it.
    pub emitted: u64,
    /// Bytes that the sinks have.
    pub delivered: u64,
    /// Bytes that they have for good: a checkpoint says so.
    pub committed: u64,
    /// It was there before it could be of interest, and is never read.
    pub passed: bool,
    /// Its size on disk when everything in it had been handed out and nothing more was to come.
    pub ended: Option<u64>,
    /// When it was found last.
    pub found: Timestamp,
}

/// See the module comment. One for each source, shared by it and those who deliver.
pub struct Ledger {
    key: PrintKey,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    /// By number. Forgotten ones are `None`, so that numbers stay.
    known: Vec<Option<Known>>,
    /// A source that was never read begins with what is there.
    began: bool,
}

impl Ledger {
    /// An empty one.
    pub fn new(key: PrintKey) -> Self {
        Self { key, files: Mutex::default() }
    }

    /// The key of its prints.
    pub const fn key(&self) -> &PrintKey {
        &self.key
    }

    /// True once the files of the source were looked at for the first time, in this process or before.
    pub fn has_begun(&self) -> bool {
        self.lock().began
    }

    /// The files of the source were looked at.
    pub fn begin(&self) {
        self.lock().began = true;
    }

    /// Adds a file, and gives its number.
    pub fn add(&self, known: Known) -> u32 {
        let mut files = self.lock();
        files.known.push(Some(known));
        u32::try_from(files.known.len() - 1).unwrap_or(u32::MAX)
    }

    /// What is known of file `number`.
    pub fn get(&self, number: u32) -> Option<Known> {
        self.lock().known.get(number as usize).cloned().flatten()
    }

    /// Changes what is known of file `number`.
    pub fn change(&self, number: u32, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.lock().known.get_mut(number as usize).and_then(Option::as_mut) {
            change(known);
        }
    }

    /// The first file for which `is_it` holds.
    pub fn find(&self, mut is_it: impl FnMut(u32, &Known) -> bool) -> Option<u32> {
        let files = self.lock();
        let numbered =
            (0_u32..).zip(&files.known).filter_map(|(number, known)| Some((number, known.as_ref()?)));
        numbered.into_iter().find(|(number, known)| is_it(*number, known)).map(|(number, _)| number)
    }

    /// Forgets what was not found for long.
    pub fn forget(&self, now: Timestamp) {
        for known in &mut self.lock().known {
            if known.as_ref().is_some_and(|known| known.found.plus_seconds(FORGET_SECONDS) < now) {
                *known = None;
            }
        }
    }

    /// A batch that ends at `mark` was delivered. `bytes` are its records, unless it was cut.
    pub fn delivered(&self, mark: Mark, bytes: Option<&[u8]>) {
        let tail = bytes.map(|bytes| self.key.print(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]));
        self.change(mark.file, |known| {
            known.delivered = known.delivered.max(mark.end);
            known.tail = tail;
        });
    }

    /// What was delivered so far is written down.
    pub fn committed(&self) {
        for known in self.lock().known.iter_mut().flatten() {
            known.committed = known.delivered;
        }
    }

    /// Everything, as JSON: numbers and prints.
    pub fn write(&self) -> Value {
        let files = self.lock();
        let print = |print: &Print| json!([print.length, URL_SAFE_NO_PAD.encode(print.mac)]);
        let known: Vec<Value> = files
            .known
            .iter()
            .flatten()
            .map(|known| {
                json!({
                    "device": known.id.map(|id| id.device), "inode": known.id.map(|id| id.inode),
                    "offset": known.delivered, "head": print(&known.head), "tail": known.tail.as_ref().map(print),
                    "passed": known.passed,
                    // What was handed out and is not delivered yet is handed out again.
                    "ended": known.ended.filter(|_| known.delivered == known.emitted), "found": known.found.0,
                })
            })
            .collect();
        json!({ "began": files.began, "files": known })
    }

    /// Reads what [`write`](Self::write) wrote; `None` when it is something else.
    pub fn read(key: PrintKey, value: &Value) -> Option<Self> {
        let print = |value: &Value| {
            let length = usize::try_from(value.get(0)?.as_u64()?).ok()?;
            let mac = URL_SAFE_NO_PAD.decode(value.get(1)?.as_str()?).ok()?.try_into().ok()?;
            Some(Print { length, mac })
        };
        let read = |value: &Value| {
            let id = value["device"].as_u64().zip(value["inode"].as_u64());
            let delivered = value["offset"].as_u64()?;
            Some(Known {
                id: id.map(|(device, inode)| FileId { device, inode }),
                head: print(&value["head"])?,
                tail: if value["tail"].is_null() { None } else { Some(print(&value["tail"])?) },
                emitted: delivered,
                delivered,
                committed: delivered,
                passed: value["passed"].as_bool()?,
                ended: value["ended"].as_u64(),
                found: Timestamp(value["found"].as_i64()?),
            })
        };
        let known: Option<Vec<_>> =
            value["files"].as_array()?.iter().map(|file| read(file).map(Some)).collect();
        let files = Files { known: known?, began: value["began"].as_bool()? };
        Some(Self { key, files: Mutex::new(files) })
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(key: &PrintKey) -> Known {
        Known {
            id: Some(FileId { device: 1, inode: 2 }),
            head: key.print(b"head"),
            tail: None,
            emitted: 10,
            delivered: 0,
            committed: 0,
            passed: false,
            ended: Some(10),
            found: Timestamp(5),
        }
    }

    #[test]
    fn pi_9_only_what_was_delivered_is_written_down() {
        let key = PrintKey::random().unwrap();
        let ledger = Ledger::new(key.clone());
        let file = ledger.add(known(&key));
        ledger.begin();
        let again = || Ledger::read(key.clone(), &ledger.write()).unwrap().get(file).unwrap();
        assert_eq!((again().emitted, again().delivered, again().ended), (0, 0, None), "handed out only");
        ledger.delivered(Mark { file, end: 7 }, Some(b"1234567"));
        assert_eq!((again().delivered, again().tail, again().ended), (7, Some(key.print(b"1234567")), None));
        ledger.delivered(Mark { file, end: 10 }, None);
        assert_eq!((again().delivered, again().tail, again().ended), (10, None, Some(10)));
        assert_eq!(again().head, key.print(b"head"));
    }

    #[test]
    fn what_is_written_holds_no_content_and_prints_differ_by_key() {
        let (key, other) = (PrintKey::random().unwrap(), PrintKey::random().unwrap());
        let ledger = Ledger::new(key.clone());
        let file = ledger.add(known(&key));
        ledger.delivered(Mark { file, end: 7 }, Some(b"canary 203.0.113.7"));
        assert!(!ledger.write().to_string().contains("canary"));
        assert_ne!(key.print(b"x"), other.print(b"x"));
        assert!(Ledger::read(key.clone(), &json!({ "began": true, "files": [{}] })).is_none());
        assert_eq!(PrintKey::read(&key.write()).unwrap().print(b"x"), key.print(b"x"));
    }

    #[test]
    fn what_is_not_found_for_long_is_forgotten() {
        let key = PrintKey::random().unwrap();
        let ledger = Ledger::new(key.clone());
        let file = ledger.add(known(&key));
        ledger.forget(Timestamp::from_seconds(FORGET_SECONDS - 1));
        assert!(ledger.get(file).is_some());
        ledger.forget(Timestamp::from_seconds(FORGET_SECONDS + 1));
        assert!(ledger.get(file).is_none());
    }
}
