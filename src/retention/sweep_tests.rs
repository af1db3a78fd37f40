use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::super::journal::{FILE_NAME, verify};
use super::super::part_name;
use super::*;

const DAY: i64 = 86_400;
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);

struct Store {
    dir: tempfile::TempDir,
    place: Place,
    journal: Journal,
}

impl Store {
    fn new(retention_days: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&dir.path().join("state"), NOW.plus_seconds(-100 * DAY)).unwrap();
        let directory = dir.path().join("archive/web");
        fs::create_dir_all(&directory).unwrap();
        let place = Place {
            store: "sink.archive".into(),
            class: Some("web".into()),
            directory,
            lives: Lives::through(retention_days * DAY.unsigned_abs()),
            encrypted: false,
        };
        Self { dir, place, journal }
    }

    /// A part that is due in so many seconds, written under a retention of so many days.
    fn part(&self, due_in: i64, days: u64, number: u64) -> PathBuf {
        let name = part_name::write(NOW.plus_seconds(due_in), days * DAY.unsigned_abs(), 1, number, "ndjson");
        let path = self.place.directory.join(name.unwrap());
        fs::write(&path, b"record\n").unwrap();
        path
    }

    fn sweep(&mut self, now: Timestamp, margin: u64) -> Swept {
        sweep(std::slice::from_ref(&self.place), now, margin, &mut self.journal).unwrap().remove(0)
    }

    fn entries(&self) -> Vec<serde_json::Value> {
        let bytes = fs::read(self.dir.path().join("state").join(FILE_NAME)).unwrap();
        let mut entries = Vec::new();
        verify(&bytes[..], Some(self.journal.head()), |entry| {
            entries.push(serde_json::from_slice(entry).unwrap());
        })
        .unwrap();
        entries
    }
}

#[test]
fn pi_4_what_is_due_goes_and_all_else_stays() {
    let mut store = Store::new(14);
    let [gone, at, soon, later] =
        [-5, 0, 60, 3600].map(|due| store.part(due, 14, u64::try_from(due + 10).unwrap()));
    let swept = store.sweep(NOW, 59);
    assert_eq!((swept.destroyed, swept.bytes, swept.kept, swept.failed), (2, 14, 2, 0));
    assert_eq!(swept.next, Some(NOW.plus_seconds(60)));
    assert!(!gone.exists() && !at.exists() && soon.exists() && later.exists());
    // A margin that covers the time until the next sweep.
    assert_eq!(store.sweep(NOW, 60).destroyed, 1);
    assert!(!soon.exists() && later.exists());
    let entries = store.entries();
    let destroyed: Vec<_> = entries.iter().filter(|entry| entry["event"] == "part.destroyed").collect();
    assert_eq!(destroyed.len(), 3);
    assert_eq!(destroyed[0]["part"], gone.file_name().unwrap().to_str().unwrap());
    assert_eq!((&destroyed[0]["class"], &destroyed[0]["because"]), (&"web".into(), &"deadline".into()));
}

#[test]
fn pi_4_a_shortened_policy_applies_to_what_is_stored_and_a_lengthened_one_does_not() {
    let mut store = Store::new(7);
    // Ten days old, and five.
    let (old, young) = (store.part(4 * DAY, 14, 1), store.part(9 * DAY, 14, 2));
    assert_eq!(store.sweep(NOW, 0).destroyed, 1);
    assert!(!old.exists() && young.exists());
    assert_eq!(store.entries().last().unwrap()["because"], "policy");
    store.place.lives = Lives::through(90 * 86_400);
    assert_eq!(store.sweep(NOW.plus_seconds(9 * DAY), 0).destroyed, 1);
    assert!(!young.exists());
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let mut store = Store::new(14);
    let part = store.part(-DAY, 14, 1);
    let name = part.file_name().unwrap().to_owned();
    let elsewhere = store.dir.path().join("elsewhere");
    fs::rename(&part, &elsewhere).unwrap();
    symlink(&elsewhere, &part).unwrap();
    let foreign = store.place.directory.join("2020-01-01.log");
    fs::write(&foreign, b"x").unwrap();
    let directory = store.place.directory.join("2020-01-01T00-00-00Z.14d.1-1.ndjson");
    fs::create_dir(&directory).unwrap();
    let swept = store.sweep(NOW, 0);
    assert_eq!((swept.destroyed, swept.foreign), (0, 3), "{}", name.display());
    assert!(elsewhere.exists() && part.is_symlink() && foreign.exists() && directory.exists());
}

#[test]
fn what_the_dead_left_half_written_goes_and_what_is_being_written_stays() {
    let mut store = Store::new(14);
    let hide = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let hidden = path.with_file_name(format!(".{name}.partial"));
        fs::rename(&path, &hidden).unwrap();
        hidden
    };
    let (dead, living) = (hide(store.part(-9, 14, 1)), hide(store.part(-8, 14, 2)));
    let lock = File::open(&living).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    assert_eq!(store.sweep(NOW, 0).destroyed, 1);
    assert!(!dead.exists() && living.exists());
    assert_eq!(store.entries().last().unwrap()["because"], "unfinished");
}

#[test]
fn a_directory_that_cannot_be_written_is_said_and_entered() {
    let mut store = Store::new(14);
    let part = store.part(-9, 14, 1);
    fs::set_permissions(&store.place.directory, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(store.place.directory.join("x"), b"").is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        return;
    }
    let swept = store.sweep(NOW, 0);
    fs::set_permissions(&store.place.directory, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!((swept.destroyed, swept.failed), (0, 1));
    assert!(part.exists() && swept.failure.is_some());
    assert_eq!(store.entries().last().unwrap()["event"], "part.kept");
}

#[test]
fn a_clock_that_was_set_back_destroys_nothing() {
    let mut store = Store::new(14);
    let part = store.part(-200 * DAY, 14, 1);
    let back = NOW.plus_seconds(-101 * DAY);
    let problem = sweep(std::slice::from_ref(&store.place), back, 0, &mut store.journal).unwrap_err();
    assert!(matches!(problem, SweepError::ClockBack { seconds: 86_400 }), "{problem}");
    assert!(part.exists());
    // Somebody says that it is right.
    store.journal.append(back, &[Event::Resumed]).unwrap();
    assert_eq!(store.sweep(back, 0).destroyed, 1);
}

#[test]
fn a_missing_directory_holds_nothing_and_one_sweep_comes_at_a_time() {
    let mut store = Store::new(14);
    fs::remove_dir(&store.place.directory).unwrap();
    assert_eq!(store.sweep(NOW, 0), Swept::default());
    let state = store.dir.path().join("state");
    let turn = Turn::take(&state).unwrap();
    assert!(turn.is_some() && Turn::take(&state).unwrap().is_none());
    drop(turn);
    assert!(Turn::take(&state).unwrap().is_some());
}
