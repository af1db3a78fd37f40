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

use std::collections::{BTreeMap, HashMap};
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
/// A file that was not found for so long, while others were, is forgotten.
const FORGET_SECONDS: i64 = 7 * 86_400;
/// When nobody looked for so long, the time that passed does not count.
const AWAY_SECONDS: i64 = 60;

/// The number of a file in its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
}

/// A keyed hash of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Where it was last.
    pub id: FileId,
    /// Its content was found to be gone from there.
    pub gone: bool,
    /// Its first bytes.
    pub head: Print,
    /// The bytes before `delivered`, of a file that is not compressed.
    pub tail: Option<Print>,
    /// The bytes before `emitted`, if they are known.
    pub last: Option<Print>,
    /// Bytes that were handed out by this process, or delivered before it.
    pub emitted: u64,
    /// Bytes that the sinks have.
    pub delivered: u64,
    /// Bytes that they have for good: a checkpoint says so.
    pub committed: u64,
    /// It was there before it could be of interest: what stood in it then is never read.
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
    /// By number. Numbers are not used again.
    known: BTreeMap<u32, Known>,
    next: u32,
    /// Those that are not gone from where they were.
    by_id: HashMap<FileId, u32>,
    /// By the length of what a file is known by, and its print.
    by_head: BTreeMap<usize, HashMap<[u8; PRINT_BYTES], Vec<u32>>>,
    /// A source that was never read begins with what is there.
    began: bool,
    /// When files were last looked for, and found.
    looked: Option<Timestamp>,
}

impl Files {
    fn enter(&mut self, number: u32, known: &Known) {
        if !known.gone {
            self.by_id.insert(known.id, number);
        }
        self.by_head.entry(known.head.length).or_default().entry(known.head.mac).or_default().push(number);
    }

    fn strike(&mut self, number: u32, known: &Known) {
        if self.by_id.get(&known.id) == Some(&number) {
            self.by_id.remove(&known.id);
        }
        let Some(prints) = self.by_head.get_mut(&known.head.length) else { return };
        if let Some(numbers) = prints.get_mut(&known.head.mac) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                prints.remove(&known.head.mac);
            }
        }
        if prints.is_empty() {
            self.by_head.remove(&known.head.length);
        }
    }

    fn add(&mut self, known: Known) -> u32 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        self.enter(number, &known);
        self.known.insert(number, known);
        number
    }
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
        self.lock().add(known)
    }

    /// What is known of file `number`.
    pub fn get(&self, number: u32) -> Option<Known> {
        self.lock().known.get(&number).cloned()
    }

    /// Changes what is known of file `number`.
    pub fn change(&self, number: u32, change: impl FnOnce(&mut Known)) {
        let mut files = self.lock();
        let Some(known) = files.known.get_mut(&number) else { return };
        let before = known.clone();
        change(known);
        if (before.id, before.gone, before.head) != (known.id, known.gone, known.head) {
            let after = known.clone();
            files.strike(number, &before);
            files.enter(number, &after);
        }
    }

    /// Forgets file `number`, of which nothing was handed out.
    pub fn remove(&self, number: u32) {
        let mut files = self.lock();
        if let Some(known) = files.known.remove(&number) {
            files.strike(number, &known);
        }
    }

    /// The file that is at `id`, as far as is known.
    pub fn at(&self, id: FileId) -> Option<u32> {
        self.lock().by_id.get(&id).copied()
    }

    /// Files that begin as `head` does, with what is known of each; none of which nothing is known.
    pub fn beginning(&self, head: &[u8]) -> Vec<(u32, Known)> {
        let lengths: Vec<usize> =
            self.lock().by_head.keys().copied().filter(|length| (1..=head.len()).contains(length)).collect();
        let prints: Vec<Print> = lengths.into_iter().map(|length| self.key.print(&head[..length])).collect();
        let files = self.lock();
        let numbers = prints.iter().filter_map(|print| files.by_head.get(&print.length)?.get(&print.mac));
        let numbers = numbers.flatten();
        numbers.filter_map(|number| Some((*number, files.known.get(number)?.clone()))).collect()
    }

    /// Forgets what was not found for long. Called after a look that found something: time in which nobody looked, or nothing was
    /// there (a file system that is not mounted), makes nobody forget.
    pub fn forget(&self, now: Timestamp) {
        let mut files = self.lock();
        let away = files.looked.replace(now).map_or(0, |looked| now.0.saturating_sub(looked.0));
        if away > Timestamp::from_seconds(AWAY_SECONDS).0 {
            for known in files.known.values_mut() {
                known.found.0 = known.found.0.saturating_add(away).min(now.0);
            }
        }
        let old = |known: &Known| known.found.plus_seconds(FORGET_SECONDS) < now;
        let old: Vec<(u32, Known)> = files.known.extract_if(.., |_, known| old(known)).collect();
        for (number, known) in old {
            files.strike(number, &known);
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
        for known in self.lock().known.values_mut() {
            known.committed = known.delivered;
        }
    }

    /// Everything, as JSON: numbers and prints.
    pub fn write(&self) -> Value {
        let files = self.lock();
        let print = |print: &Print| json!([print.length, URL_SAFE_NO_PAD.encode(print.mac)]);
        let known: Vec<Value> = files
            .known
            .values()
            .map(|known| {
                json!({
                    "device": known.id.device, "inode": known.id.inode, "gone": known.gone,
                    "offset": known.delivered, "head": print(&known.head), "tail": known.tail.as_ref().map(print),
                    "passed": known.passed,
                    // What was handed out and is not delivered yet is handed out again.
                    "ended": known.ended.filter(|_| known.delivered == known.emitted), "found": known.found.0,
                })
            })
            .collect();
        json!({ "began": files.began, "looked": files.looked.map(|at| at.0), "files": known })
    }

    /// Reads what [`write`](Self::write) wrote; `None` when it is something else.
    pub fn read(key: PrintKey, value: &Value) -> Option<Self> {
        let print = |value: &Value| {
            let length = usize::try_from(value.get(0)?.as_u64()?).ok()?;
            let mac = URL_SAFE_NO_PAD.decode(value.get(1)?.as_str()?).ok()?.try_into().ok()?;
            Some(Print { length, mac })
        };
        let read = |value: &Value| {
            let tail = if value["tail"].is_null() { None } else { Some(print(&value["tail"])?) };
            let delivered = value["offset"].as_u64()?;
            Some(Known {
                id: FileId { device: value["device"].as_u64()?, inode: value["inode"].as_u64()? },
                gone: value["gone"].as_bool()?,
                head: print(&value["head"])?,
                tail,
                last: tail,
                emitted: delivered,
                delivered,
                committed: delivered,
                passed: value["passed"].as_bool()?,
                ended: value["ended"].as_u64(),
                found: Timestamp(value["found"].as_i64()?),
            })
        };
        let mut files = Files {
            began: value["began"].as_bool()?,
            looked: value["looked"].as_i64().map(Timestamp),
            ..Files::default()
        };
        for known in value["files"].as_array()?.iter().map(read) {
            files.add(known?);
        }
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
            id: FileId { device: 1, inode: 2 },
            gone: false,
            head: key.print(b"head"),
            tail: None,
            last: None,
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
