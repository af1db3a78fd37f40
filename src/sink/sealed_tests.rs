use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use super::super::file::{FileSink, Form, Settings};
use super::super::testing::batch;
use super::super::{Delivered, Held, Sink};
use super::*;
use crate::keys::{self, KeyEvent, Keys, Ledger, Storage, StorageKeys};
use crate::record::timestamp::Timestamp;

const DAY: i64 = 86_400;
const RETENTION: u64 = 14 * 86_400;
/// A whole hour.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const CANARY: &str = "canary 203.0.113.77\n";

struct Unkept;

impl Ledger for Unkept {
    fn enter(&self, _: Timestamp, _: &[KeyEvent]) -> Result<(), String> {
        Ok(())
    }
}

/// A keyring with a chain for the class `web`.
fn keyring(dir: &Path) -> StorageKeys {
    let (dir, storage) = (dir.join("keys"), Storage::of("web", RETENTION));
    let _ = keys::init_storage(&dir, std::slice::from_ref(&storage), NOW, &Unkept).unwrap();
    Keys::open(&dir, &[], NOW, Box::new(Unkept)).unwrap().0.storage(storage).unwrap()
}

fn key(keys: &StorageKeys) -> StorageKey {
    keys.key(keys.storage().epoch_of(NOW), NOW).unwrap()
}

/// What `age -d` would print.
fn opened(path: &Path, key: &StorageKey) -> Option<Vec<u8>> {
    let identity: age::x25519::Identity = age_identity(key).parse().unwrap();
    let decryptor = age::Decryptor::new(File::open(path).unwrap()).ok()?;
    let mut text = Vec::new();
    decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?.read_to_end(&mut text).ok()?;
    Some(text)
}

/// Frames of `pieces` in a file, and where each ends.
fn frames(path: &Path, key: &StorageKey, pieces: &[Vec<u8>]) -> (File, Vec<u64>) {
    let mut file =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    let (mut frames, head) = Frames::begin(key).unwrap();
    file.write_all(&head).unwrap();
    let mut ends = vec![head.len() as u64];
    for piece in pieces {
        let written = frames.write(piece, &mut file).unwrap();
        ends.push(ends[ends.len() - 1] + written);
    }
    (file, ends)
}

fn finished(part: &mut File, key: &StorageKey, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut out = File::create(path).unwrap();
    let bytes = finish(part, key, &mut out)?;
    assert_eq!(fs::metadata(path).unwrap().len(), bytes);
    Ok(opened(path, key))
}

#[test]
fn frames_become_an_age_file_of_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(&keyring(dir.path()));
    let (part, whole) = (dir.path().join("part"), dir.path().join("whole"));
    let big = vec![b'x'; FRAME_BYTES_MAX + 1];
    for pieces in [vec![], vec![b"a\n".to_vec()], vec![big, vec![], b"b\n".to_vec(), vec![7; 65_536]]] {
        let (mut file, _) = frames(&part, &key, &pieces);
        assert_eq!(look(&mut file).unwrap(), Look::Frames);
        assert_eq!(finished(&mut file, &key, &whole).unwrap().unwrap(), pieces.concat());
        assert_eq!(look(&mut File::open(&whole).unwrap()).unwrap(), Look::Age);
    }
    fs::write(&part, b"{\"time\":").unwrap();
    assert_eq!(look(&mut File::open(&part).unwrap()).unwrap(), Look::Other);
}

/// Every cut between frames gives what was before; every other one, each changed byte, another order and another key are refused.
#[test]
fn what_is_damaged_moved_or_foreign_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keyring(dir.path());
    let (one, before) = (key(&keys), keys.key(keys.storage().epoch_of(NOW) - 1, NOW).unwrap());
    let (part, whole) = (dir.path().join("part"), dir.path().join("whole"));
    let pieces = [b"first\n".to_vec(), b"other\n".to_vec(), b"third\n".to_vec()];
    let (mut file, ends) = frames(&part, &one, &pieces);
    let bytes = fs::read(&part).unwrap();
    assert!(finished(&mut file, &before, &whole).is_err(), "the key of another epoch");
    for end in 0..=bytes.len() {
        fs::write(&part, &bytes[..end]).unwrap();
        let cut = finished(&mut File::open(&part).unwrap(), &one, &whole);
        match ends.iter().position(|at| *at == end as u64) {
            Some(count) => assert_eq!(cut.unwrap().unwrap(), pieces[..count].concat()),
            None => assert_eq!(cut.unwrap_err().to_string(), DAMAGED, "cut at {end}"),
        }
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&part, changed).unwrap();
        assert!(finished(&mut File::open(&part).unwrap(), &one, &whole).is_err(), "byte {at}");
    }
    let range = |n: usize| ends[n] as usize..ends[n + 1] as usize;
    let moved = [&bytes[..ends[0] as usize], &bytes[range(1)], &bytes[range(0)], &bytes[range(2)]].concat();
    fs::write(&part, moved).unwrap();
    assert!(finished(&mut File::open(&part).unwrap(), &one, &whole).is_err());
    // The same frames behind the salt of another part.
    let other = dir.path().join("other");
    let (_, _) = frames(&other, &one, &pieces);
    let salted = [&fs::read(&other).unwrap()[..ends[0] as usize], &bytes[ends[0] as usize..]].concat();
    fs::write(&part, salted).unwrap();
    assert!(finished(&mut File::open(&part).unwrap(), &one, &whole).is_err());
}

#[test]
fn an_identity_is_what_age_reads() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(&keyring(dir.path()));
    let text = age_identity(&key);
    assert!(text.starts_with("AGE-SECRET-KEY-1") && text.len() == 74, "its length is {}", text.len());
    assert!(text.parse::<age::x25519::Identity>().is_ok());
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}

fn open(dir: &Path, form: Form) -> (FileSink, StorageKeys) {
    let keys = keyring(dir);
    let settings = Settings { close_secs: 30, form, ..Settings::new("ndjson.age", RETENTION) };
    (FileSink::open(&dir.join("web"), settings).unwrap().encrypted(keys.clone()), keys)
}

fn held(sink: &mut FileSink) -> Vec<Held> {
    let mut held = Vec::new();
    sink.hold(&mut held).unwrap();
    held
}

#[test]
fn no_plaintext_is_ever_on_disk_and_a_closed_part_is_one_age_file() {
    for form in [Form::Plain, Form::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let (mut sink, keys) = open(dir.path(), form.clone());
        let web = dir.path().join("web");
        let deadline = NOW.plus_seconds(14 * DAY + 7);
        let mut expected = String::new();
        for second in 0..3 {
            let lines = CANARY.repeat(1000);
            expected.push_str(&lines);
            sink.write(&batch(&[(&lines, Some(deadline))]), NOW.plus_seconds(second)).unwrap();
            let [part] = &held(&mut sink)[..] else { panic!("one part is open") };
            let bytes = fs::read(&part.hidden).unwrap();
            assert!(!part.closes && part.bytes == bytes.len() as u64);
            assert!(memchr::memmem::find(&bytes, b"canary").is_none());
        }
        sink.finish(NOW.plus_seconds(3)).unwrap();
        let [part] = &held(&mut sink)[..] else { panic!("one part closes") };
        assert!(part.closes && part.records == 3 && part.bytes == fs::metadata(&part.hidden).unwrap().len());
        assert_eq!(names(&web).len(), 2, "the frames stay until the commit");
        sink.publish().unwrap();
        assert_eq!(names(&web), [part.name.as_str()]);
        let key = key(&keys);
        let mut text = opened(&web.join(&part.name), &key).unwrap();
        if form == Form::Zstd {
            text = zstd::decode_all(&text[..]).unwrap();
        }
        assert_eq!(text, expected.as_bytes());
        // Its name has the deadline that its key is for.
        assert_eq!(part.deadline, keys.storage().deadline_of(key.epoch()));
    }
}

#[test]
fn what_its_key_would_not_outlive_is_withheld() {
    let dir = tempfile::tempdir().unwrap();
    let (mut sink, keys) = open(dir.path(), Form::Plain);
    let storage = keys.storage().clone();
    let epoch = storage.epoch_of(NOW) - 13 * 24;
    let (deadline, due) = (storage.deadline_of(epoch), storage.due_of(epoch));
    let clean = batch(&[("late\n", Some(deadline.plus_seconds(9)))]);
    // A part that is opened now closes in thirty seconds.
    let taken = sink.write(&clean, due.plus_seconds(-31)).unwrap();
    assert_eq!(taken, Delivered { records: 1, withheld: 0 });
    assert_eq!(sink.write(&clean, due.plus_seconds(-30)).unwrap(), Delivered { records: 0, withheld: 1 });
    // It was not closed in time: it goes with its key.
    assert_eq!(sink.finish(due).unwrap(), Delivered { records: 0, withheld: 1 });
    sink.publish().unwrap();
    assert_eq!(names(&dir.path().join("web")), [""; 0]);
}
