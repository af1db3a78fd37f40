//! What a backup of an encrypted store is worth once the key of its epoch is gone; and a start that breaks off while it finishes parts.

use std::io::Read as _;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tempfile::TempDir;

use super::super::checkpoint::{Checkpoint, CheckpointError, load};
use super::super::delivery::Commit as _;
use super::*;
use crate::keys::{self, RenewFrom, StorageKey, StorageUse};
use crate::retention::journal::{Journal, KeyJournal};
use crate::retention::sweep::{self, Place};
use crate::sink::file::{FileSink, Settings};
use crate::sink::testing::batch;
use crate::sink::{Held, Sink};

const DAY: i64 = 86_400;
/// A whole hour.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const CANARY: &str = "canary 203.0.113.77\n";

fn web() -> Storage {
    Storage::of("web", 14 * 86_400)
}

/// A store with a closed part and one that is open, a checkpoint that counts on it, and a keyring.
struct Ground(TempDir);

impl Ground {
    fn new() -> Self {
        let ground = Self(TempDir::new().unwrap());
        let _ = keys::init_storage(&ground.at("keys"), &[web()], NOW, &ground.ledger()).unwrap();
        let settings = Settings { close_secs: 30, ..Settings::new("ndjson.age", web().retention_seconds) };
        let sink = FileSink::open(&ground.at("web"), settings).unwrap();
        let mut sink = sink.encrypted(ground.keys(NOW).storage(web()).unwrap());
        let clean = batch(&[(CANARY, Some(NOW.plus_seconds(14 * DAY + 60)))]);
        sink.write(&clean, NOW).unwrap();
        ground.commit(&mut sink);
        // The first closes by its age; the second is open when the process dies.
        sink.write(&clean, NOW.plus_seconds(40)).unwrap();
        ground.commit(&mut sink);
        ground
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ledger(&self) -> KeyJournal {
        KeyJournal::of(&self.at("keys"))
    }

    fn keys(&self, now: Timestamp) -> Keys {
        Keys::open(&self.at("keys"), &[], now, Box::new(self.ledger())).unwrap().0
    }

    fn journal(&self, now: Timestamp) -> Journal {
        Journal::open(&self.at("state"), now).unwrap()
    }

    fn commit(&self, sink: &mut FileSink) {
        let mut held: Vec<Held> = Vec::new();
        sink.hold(&mut held).unwrap();
        let journal = self.journal(NOW);
        let stores = vec![("sink.a".to_owned(), Some("web".to_owned()))];
        let mut checkpoint =
            Checkpoint::new(load(&self.at("state")).unwrap(), &self.at("state"), Vec::new(), stores, journal);
        let held: Vec<(usize, Held)> = held.into_iter().map(|held| (0, held)).collect();
        checkpoint.commit(&held, NOW).unwrap();
        sink.publish().unwrap();
    }

    fn recover(&self, now: Timestamp) -> Result<Vec<String>, CheckpointError> {
        let mut saved = load(&self.at("state")).unwrap().with_keys(&self.keys(now));
        saved.recover(&self.at("state"), &mut self.journal(now), now)
    }

    /// Names in the store, hidden ones or not.
    fn parts(&self, hidden: bool) -> Vec<PathBuf> {
        let mut parts: Vec<PathBuf> =
            fs::read_dir(self.at("web")).unwrap().map(|entry| entry.unwrap().path()).collect();
        parts.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with('.') == hidden);
        parts.sort();
        parts
    }

    fn place(&self) -> Place {
        Place {
            store: "sink.a".into(),
            class: Some("web".into()),
            directory: self.at("web"),
            lives: crate::policy::class::Lives::through(web().retention_seconds),
            encrypted: true,
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// What `age -d` prints with this text as its identity.
fn opened(path: &Path, identity: &str) -> Option<String> {
    let identity: age::x25519::Identity = identity.parse().ok()?;
    let decryptor = age::Decryptor::new(File::open(path).unwrap()).ok()?;
    let mut text = String::new();
    decryptor
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .ok()?
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// Whether `key` reads a part, closed or open, by any of its uses.
fn reads(path: &Path, key: &StorageKey) -> bool {
    let dir = TempDir::new().unwrap();
    let mut file = File::open(path).unwrap();
    let frames = sealed::finish(&mut file, key, &mut File::create(dir.path().join("x")).unwrap()).is_ok();
    let uses = [StorageUse::Age, StorageUse::Frames, StorageUse::Parquet];
    let secrets = uses.map(|what| key.expose_for(what).to_vec());
    frames
        || opened(path, &sealed::age_identity(key)).is_some()
        || secrets.iter().any(|secret| opened(path, &as_identity(secret)).is_some())
}

/// 32 bytes as an identity of age.
fn as_identity(bytes: &[u8]) -> String {
    let hrp = bech32::Hrp::parse_unchecked("AGE-SECRET-KEY-");
    bech32::encode_upper::<bech32::Bech32>(hrp, bytes).unwrap()
}

/// Issue "For the analyst", section 6.3: no way that the code offers leads from the state after the deadline to what was stored before it.
#[test]
fn pi_4_a_backup_cannot_be_read_with_the_state_that_is_left() {
    let ground = Ground::new();
    let (storage, epoch) = (web(), web().epoch_of(NOW));
    assert_eq!((ground.parts(false).len(), ground.parts(true).len()), (1, 1));
    copy(&ground.at("web"), &ground.at("backup-web"));
    copy(&ground.at("state"), &ground.at("backup-state"));
    copy(&ground.at("keys"), &ground.at("backup-keys"));
    // While the key lives, the backup can be read: what follows is not for want of trying.
    let (key, _) = keys::read_key(&ground.at("keys"), &storage, epoch, NOW, &ground.ledger()).unwrap();
    assert!(ground.parts(false).iter().chain(&ground.parts(true)).all(|path| reads(path, &key)));
    assert_eq!(opened(&ground.parts(false)[0], &sealed::age_identity(&key)).unwrap(), CANARY);
    drop(key);

    // The deadline: the sweep and the advance that every run makes.
    let due = storage.due_of(epoch);
    let running = ground.keys(NOW);
    let mut journal = ground.journal(due);
    let swept = sweep::sweep(&[ground.place()], due, 1, &mut journal).unwrap();
    assert_eq!((swept[0].destroyed, ground.parts(false).len(), ground.parts(true).len()), (2, 0, 0));
    assert!(!running.advance(due).unwrap().is_empty());
    let entered = |dir: &str, event: &str| fs::read_to_string(ground.at(dir)).unwrap().matches(event).count();
    assert_eq!(entered("state/journal", "part.destroyed"), 2);
    assert_eq!(entered("keys/journal", "\"storage\":\"storage/web/14d\""), 3, "created, read, advanced");

    // The backup of store and state comes back.
    copy(&ground.at("backup-web"), &ground.at("web"));
    copy(&ground.at("backup-state"), &ground.at("state"));
    let parts: Vec<PathBuf> = ground.parts(false).into_iter().chain(ground.parts(true)).collect();
    let times = [NOW, due.plus_seconds(-1), due, due.plus_seconds(DAY)];
    for now in times {
        for keys in [&running, &ground.keys(now)] {
            assert!(matches!(keys.storage(web()).unwrap().key(epoch, now), Err(KeyError::Dead { .. })));
        }
        let asked = keys::read_key(&ground.at("keys"), &storage, epoch, now, &ground.ledger());
        assert!(matches!(asked, Err(KeyError::Dead { .. })));
        // A start brings nothing back, under a clock that was set back as little as under the right one.
        let _ = ground.recover(now);
        assert!(ground.parts(false).iter().all(|part| parts.contains(part)));
    }
    // Every key that there is.
    let (later, mut tried) = (due.plus_seconds(DAY), 0);
    for living in epoch + 1..=storage.epoch_of(later) {
        let asked = keys::read_key(&ground.at("keys"), &storage, living, later, &ground.ledger());
        let Ok((key, _)) = asked else { continue };
        tried += 1;
        assert!(parts.iter().all(|path| !path.exists() || !reads(path, &key)), "epoch {living}");
    }
    assert!(tried > 13 * 24, "{tried}");
    // What the keyring holds, taken for a key as it is: of all its files.
    for entry in fs::read_dir(ground.at("keys")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for word in text.split_whitespace() {
            if let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(word)
                && bytes.len() == 32
            {
                assert!(opened(&parts[0], &as_identity(&bytes)).is_none());
            }
        }
    }
    // Renewed, and sent to another node.
    let _ = keys::renew(&ground.at("keys"), &[], RenewFrom::Next, None, later, &ground.ledger()).unwrap();
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let (sealed, _) = keys::export(&ground.at("keys"), &recipient, later, &ground.ledger()).unwrap();
    let text = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
    let there = ground.at("there");
    let ledger = KeyJournal::of(&there);
    let _ = keys::import(&there, &sealed, text.as_bytes(), NOW, &ledger).unwrap();
    assert!(matches!(keys::read_key(&there, &storage, epoch, NOW, &ledger), Err(KeyError::Dead { .. })));

    // What cannot be promised, and the documents say: an old copy of the keyring, under a clock that is set back.
    let old = ground.at("backup-keys");
    let (key, _) = keys::read_key(&old, &storage, epoch, NOW, &KeyJournal::of(&old)).unwrap();
    assert!(reads(&parts[0], &key));
}

#[test]
fn a_start_that_breaks_off_while_it_finishes_a_part_is_made_good_by_the_next() {
    for is_visible in [false, true] {
        let ground = Ground::new();
        let hidden = ground.parts(true).remove(0);
        let keys = ground.keys(NOW);
        let mut file = File::open(&hidden).unwrap();
        let bytes = finish(&hidden, &mut file, Some("web"), Some(&keys), NOW).unwrap().unwrap();
        assert_eq!(fs::metadata(&hidden).unwrap().len(), bytes);
        if is_visible {
            fs::rename(&hidden, hidden.with_file_name(visible_name(&hidden))).unwrap();
        }
        assert_eq!(ground.recover(NOW).unwrap(), [""; 0]);
        assert_eq!((ground.parts(false).len(), ground.parts(true).len()), (2, 0), "visible: {is_visible}");
        let key = keys.storage(web()).unwrap().key(web().epoch_of(NOW), NOW).unwrap();
        for part in ground.parts(false) {
            assert_eq!(opened(&part, &sealed::age_identity(&key)).unwrap(), CANARY);
        }
    }
}

#[test]
fn a_part_that_cannot_be_finished_stays_and_says_why() {
    let ground = Ground::new();
    let hidden = ground.parts(true).remove(0);
    let before = fs::read(&hidden).unwrap();
    // Without a keyring, with that of somebody else, and damaged.
    let mut saved = load(&ground.at("state")).unwrap();
    let told = saved.recover(&ground.at("state"), &mut ground.journal(NOW), NOW).unwrap_err().to_string();
    assert!(told.contains("name it with 'keys'"), "{told}");
    fs::remove_dir_all(ground.at("keys")).unwrap();
    let _ =
        keys::init_storage(&ground.at("keys"), &[Storage::of("jvb", 86_400)], NOW, &ground.ledger()).unwrap();
    let told = ground.recover(NOW).unwrap_err().to_string();
    assert!(told.contains("sluis keys init --class web --retention 1209600s"), "{told}");
    let _ = keys::init_storage(&ground.at("keys"), &[web()], NOW, &ground.ledger()).unwrap();
    let told = ground.recover(NOW).unwrap_err().to_string();
    assert!(told.contains("it is damaged, or of another keyring") && !told.contains("canary"), "{told}");
    assert_eq!(fs::read(&hidden).unwrap(), before);
    assert_eq!(ground.parts(true), [hidden]);
    // Its key is due: it is left to the sweep.
    assert_eq!(ground.recover(web().due_of(web().epoch_of(NOW))).unwrap(), [""; 0]);
    assert_eq!(ground.parts(true).len(), 1);
}
