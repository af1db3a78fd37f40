use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::super::delivery::Delivery;
use super::super::refusals::Refusals;
use super::super::worker::Outcome;
use super::*;
use crate::keys::{Keys, Storage};
use crate::record::batch::{CleanBatch, Mark};
use crate::retention::journal::KeyJournal;
use crate::sink::file::{FileSink, Settings};
use crate::sink::testing::batch;
use crate::sink::{Delivered, Sink};
use crate::source::ledger::{FileId, Known};

const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);
/// Due in an hour.
const NAME: &str = "2026-11-21T13-00-00Z.14d.1-1.log";

/// What the encrypted store is for.
fn web() -> Storage {
    Storage::of("web", 14 * 86_400)
}

/// A state directory, a store with parts, and a ledger with one file.
struct Ground(TempDir);

impl Ground {
    fn new() -> Self {
        let ground = Self(TempDir::new().unwrap());
        fs::create_dir(ground.state()).unwrap();
        fs::create_dir(ground.0.path().join("web")).unwrap();
        ground
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn part(&self, name: &str) -> PathBuf {
        self.0.path().join("web").join(name)
    }

    fn hidden(&self, name: &str) -> PathBuf {
        self.part(&format!(".{name}{PARTIAL}"))
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.state(), NOW).unwrap()
    }

    /// A commit that counts on the hidden parts of these names with five bytes, of which more stand on disk.
    fn commit(&self, names: &[&str], closes: bool) {
        let saved = load(&self.state()).unwrap();
        let ledger = saved.ledger("nginx", &self.state()).unwrap();
        let head = ledger.key().print(b"head");
        let id = FileId { device: 1, inode: 2 };
        let file = ledger.add(Known {
            id,
            gone: false,
            head,
            tail: None,
            last: None,
            emitted: 9,
            delivered: 0,
            committed: 0,
            passed: false,
            ended: None,
            found: NOW,
        });
        ledger.delivered(Mark { file, end: 9 }, None);
        let held = names.iter().map(|name| {
            let hidden = self.hidden(name);
            fs::write(&hidden, "12345more").unwrap();
            let deadline = NOW.plus_seconds(3600);
            (0, Held { hidden, name: (*name).to_owned(), bytes: 5, records: 1, deadline, closes })
        });
        let held: Vec<_> = held.collect();
        let stores = vec![("sink.archive".to_owned(), Some("web".to_owned()))];
        let ledgers = vec![Some(("nginx".to_owned(), ledger))];
        let mut checkpoint = Checkpoint::new(saved, &self.state(), ledgers, stores, self.journal());
        checkpoint.commit(&held, NOW).unwrap();
    }

    /// A keyring for what is stored of the class `web`.
    fn keys(&self) -> Keys {
        let dir = self.0.path().join("keys");
        let journal = KeyJournal::of(&dir);
        let _ = crate::keys::init_storage(&dir, &[web()], NOW, &journal).unwrap();
        Keys::open(&dir, &[], NOW, Box::new(journal)).unwrap().0
    }

    fn load(&self, keys: Option<&Keys>) -> Saved {
        let saved = load(&self.state()).unwrap();
        if let Some(keys) = keys { saved.with_keys(keys) } else { saved }
    }

    /// A closed part, opened with age where there are keys.
    fn read(path: &Path, keys: Option<&Keys>) -> String {
        let Some(keys) = keys else { return fs::read_to_string(path).unwrap() };
        let key = keys.storage(web()).unwrap().key(web().epoch_of(NOW), NOW).unwrap();
        let identity: age::x25519::Identity = sealed::age_identity(&key).parse().unwrap();
        let decryptor = age::Decryptor::new(File::open(path).unwrap()).unwrap();
        let mut text = String::new();
        let mut opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).unwrap();
        opened.read_to_string(&mut text).unwrap();
        text
    }

    fn recover(&self, now: Timestamp) -> Result<Vec<String>, CheckpointError> {
        let mut saved = load(&self.state()).unwrap();
        let said = saved.recover(&self.state(), &mut self.journal(), now);
        // The position stands, whatever became of the parts.
        let again = load(&self.state()).unwrap().ledger("nginx", &self.state()).unwrap();
        assert_eq!(again.write()["files"][0]["offset"], 9);
        said
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.part(name)).ok()
    }
}

#[test]
fn pi_9_a_part_is_brought_back_beside_one_of_a_process_with_the_same_number() {
    let ground = Ground::new();
    // Two lives of one container ago: the number of the process is always 1.
    fs::write(ground.part(NAME), "old").unwrap();
    let second = "2026-11-21T13-00-00Z.14d.1-2.log";
    ground.commit(&[NAME, second], false);
    assert!(ground.recover(NOW).unwrap().is_empty());
    assert_eq!(ground.text(NAME).unwrap(), "old");
    assert_eq!(ground.text(second).unwrap(), "12345");
    assert_eq!(ground.text("2026-11-21T13-00-00Z.14d.1-3.log").unwrap(), "12345");
    let journal = fs::read_to_string(ground.state().join("journal")).unwrap();
    assert!(journal.contains("14d.1-3.log") && !journal.contains("14d.1-1.log"), "{journal}");
}

#[test]
fn pi_9_recovery_that_was_interrupted_is_done_again() {
    for closes in [false, true] {
        let ground = Ground::new();
        ground.commit(&[NAME], closes);
        // The part has its name, and the checkpoint could not be written any more.
        fs::copy(ground.state().join(FILE_NAME), ground.0.path().join("before")).unwrap();
        assert!(ground.recover(NOW).unwrap().is_empty());
        fs::rename(ground.0.path().join("before"), ground.state().join(FILE_NAME)).unwrap();
        assert_eq!(ground.recover(NOW).unwrap(), [""; 0], "closes: {closes}");
        assert_eq!(ground.text(NAME).unwrap(), "12345");
        // What nobody can have brought back is said to be gone.
        ground.commit(&["2026-11-21T13-00-00Z.14d.1-9.log"], false);
        fs::remove_file(ground.hidden("2026-11-21T13-00-00Z.14d.1-9.log")).unwrap();
        assert_eq!(ground.recover(NOW).unwrap().len(), 1);
    }
}

#[test]
fn what_a_start_may_look_for_keeps_its_name() {
    let ground = Ground::new();
    let counted = |closes| {
        ground.commit(&[NAME], closes);
        let before = counted_on(&ground.state()).unwrap().contains(NAME);
        fs::rename(ground.hidden(NAME), ground.part(NAME)).unwrap();
        (before, counted_on(&ground.state()).unwrap().contains(NAME))
    };
    assert_eq!((counted(false), counted(true)), ((true, true), (true, false)));
}

#[test]
fn a_name_that_was_given_by_a_link_is_not_given_twice() {
    let ground = Ground::new();
    ground.commit(&[NAME], true);
    fs::write(ground.hidden(NAME), "12345").unwrap();
    fs::hard_link(ground.hidden(NAME), ground.part(NAME)).unwrap();
    assert!(ground.recover(NOW).unwrap().is_empty());
    assert_eq!(fs::read_dir(ground.0.path().join("web")).unwrap().count(), 1);
}

#[test]
fn pi_3_a_part_that_is_due_does_not_become_visible() {
    let ground = Ground::new();
    ground.commit(&[NAME], true);
    assert!(ground.recover(NOW.plus_seconds(3600)).unwrap().is_empty());
    assert_eq!(ground.text(NAME), None);
}

#[test]
fn recovery_that_fails_changes_no_position_and_can_be_tried_again() {
    let ground = Ground::new();
    ground.commit(&[NAME], true);
    let web = ground.0.path().join("web");
    fs::rename(&web, ground.0.path().join("away")).unwrap();
    assert!(matches!(ground.recover(NOW), Err(CheckpointError::Io { .. })));
    fs::rename(ground.0.path().join("away"), &web).unwrap();
    // Shorter than it was promised to be.
    let whole = fs::read(ground.hidden(NAME)).unwrap();
    fs::write(ground.hidden(NAME), "123").unwrap();
    assert!(matches!(ground.recover(NOW), Err(CheckpointError::Shrunk { .. })));
    fs::write(ground.hidden(NAME), whole).unwrap();
    fs::set_permissions(&web, fs::Permissions::from_mode(0o750)).unwrap();
    assert!(ground.recover(NOW).unwrap().is_empty());
    assert_eq!(ground.text(NAME).unwrap(), "12345");
}

/// The steps of a commit at which a run can break off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Hold,
    BeforeCheckpoint,
    AfterCheckpoint,
    Publish,
}

/// Counts down to the commit that breaks off at a step.
#[derive(Clone)]
struct Breaks(Step, Arc<std::sync::atomic::AtomicI64>);

impl Breaks {
    fn at(&self, step: Step) -> Result<(), SinkError> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.0 == step && self.1.fetch_sub(1, Relaxed) == 0 {
            return Err(SinkError::Io { place: "here".to_owned(), problem: "broken off".to_owned() });
        }
        Ok(())
    }
}

struct Breaking<T>(T, Breaks);

impl Sink for Breaking<FileSink> {
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        self.0.write(batch, now)
    }
    fn tick(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        self.0.tick(now)
    }
    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        self.0.finish(now)
    }
    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }
    fn hold(&mut self, held: &mut Vec<Held>) -> Result<(), SinkError> {
        self.0.hold(held)?;
        self.1.at(Step::Hold)
    }
    fn publish(&mut self) -> Result<(), SinkError> {
        self.1.at(Step::Publish)?;
        self.0.publish()
    }
}

impl Commit for Breaking<Checkpoint> {
    fn every_seconds(&self) -> u64 {
        self.0.every_seconds()
    }
    fn delivered(&mut self, input: usize, batch: &RawBatch) {
        self.0.delivered(input, batch);
    }
    fn read_to(&mut self, partition: &Partition, next: i64) {
        self.0.read_to(partition, next);
    }
    fn can_go_back(&self) -> bool {
        self.0.can_go_back()
    }
    fn commit(&mut self, held: &[(usize, Held)], now: Timestamp) -> Result<(), SinkError> {
        self.1.at(Step::BeforeCheckpoint)?;
        self.0.commit(held, now)?;
        self.1.at(Step::AfterCheckpoint)
    }
    fn published(&mut self) {
        self.0.published();
    }
}

/// Delivers lines 1, 2, … from the saved position on, one in eleven seconds, until the commit breaks off; true when none did.
fn run_and_break(ground: &Ground, breaks: &Breaks, start: i64, keys: Option<&Keys>) -> bool {
    let mut saved = ground.load(keys);
    saved.recover(&ground.state(), &mut ground.journal(), NOW.plus_seconds(start)).unwrap();
    let ledger = saved.ledger("nginx", &ground.state()).unwrap();
    let position = ledger.get(0).map_or(0, |known| known.delivered);
    if ledger.get(0).is_none() {
        let (id, head) = (FileId { device: 1, inode: 2 }, ledger.key().print(b"head"));
        let (tail, last, ended) = (None, None, None);
        let (emitted, delivered, committed) = (0, 0, 0);
        let (gone, passed, found) = (false, false, NOW);
        ledger.add(Known { id, gone, head, tail, last, emitted, delivered, committed, passed, ended, found });
    }
    let suffix = if keys.is_some() { "log.age" } else { "log" };
    let settings = Settings { close_secs: 30, ..Settings::new(suffix, 14 * 86_400) };
    let mut sink = FileSink::open(&ground.0.path().join("web"), settings).unwrap();
    if let Some(keys) = keys {
        sink = sink.encrypted(keys.storage(web()).unwrap());
    }
    let sink = Breaking(sink, breaks.clone());
    let stores = vec![("sink.archive".to_owned(), Some("web".to_owned()))];
    let ledgers = vec![Some(("nginx".to_owned(), ledger))];
    let checkpoint = Checkpoint::new(saved, &ground.state(), ledgers, stores, ground.journal());
    let delivery = Delivery::new(vec![(0, Box::new(sink))], Box::new(Refusals::discarding(false)));
    let delivery = delivery.committing(Box::new(Breaking(checkpoint, breaks.clone())));
    for line in position + 1..position + 12 {
        let now = NOW.plus_seconds(start + 11 * i64::try_from(line - position).unwrap());
        let mut outcome = Outcome::new(1);
        outcome.clean[0] = batch(&[(&format!("{line}\n"), Some(NOW.plus_seconds(14 * 86_400)))]);
        let mut raw = RawBatch::with_capacity(8);
        raw.mark = Some(Mark { file: 0, end: line });
        if !delivery.deliver(0, &raw, &outcome, &|| now) {
            return false;
        }
    }
    true
}

#[test]
fn pi_9_a_commit_that_breaks_off_at_any_step_is_undone_or_done_by_the_next_start() {
    for step in [Step::Hold, Step::BeforeCheckpoint, Step::AfterCheckpoint, Step::Publish] {
        for (count, is_encrypted) in (0..8).flat_map(|count| [(count, false), (count, true)]) {
            let ground = Ground::new();
            let keys = is_encrypted.then(|| ground.keys());
            let keys = keys.as_ref();
            let breaks = Breaks(step, Arc::new(count.into()));
            let mut start = 0;
            while run_and_break(&ground, &breaks, start, keys) && start < 1_000 {
                start += 200;
            }
            assert!(start < 1_000, "{step:?} {count}: it breaks off at some time");
            let mut saved = ground.load(keys);
            saved.recover(&ground.state(), &mut ground.journal(), NOW.plus_seconds(start + 200)).unwrap();
            let position =
                saved.ledger("nginx", &ground.state()).unwrap().get(0).map_or(0, |known| known.delivered);
            let mut lines = Vec::new();
            for entry in fs::read_dir(ground.0.path().join("web")).unwrap() {
                let path = entry.unwrap().path();
                if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                    let text = Ground::read(&path, keys);
                    lines.extend(text.lines().map(|line| line.parse::<u64>().unwrap()));
                }
            }
            lines.sort_unstable();
            let expected: Vec<u64> = (1..=position).collect();
            assert_eq!(lines, expected, "{step:?} {count}");
        }
    }
}
