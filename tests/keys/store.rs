//! The file: who may read it, what a crash leaves, what two writers do to each other.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use sluis::keys::{KeyError, KeyEvent, Keys, RenewFrom, TokenKind};
use sluis::policy::class::Domain;

use super::entered as keys;
use super::{DAY, contents, domain, known, made, noon, private, token};

#[test]
fn nothing_but_init_and_import_makes_a_keyring() {
    let parent = private();
    let dir = parent.path().join("keys");
    let missing = |result: Result<(), KeyError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, KeyError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("sluis keys init"), "{error}");
    };
    missing(keys::open(&dir, &[domain("meeting")], noon(1)).map(drop));
    missing(keys::advance(&dir, noon(1)).map(drop));
    missing(keys::renew(&dir, &[], RenewFrom::Next, None, noon(1)).map(drop));
    missing(keys::list(&dir, noon(1)).map(drop));
    assert!(!dir.exists());
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    missing(keys::open(&dir, &[domain("meeting")], noon(1)).map(drop));
    missing(keys::list(&dir, noon(1)).map(drop));

    fs::remove_dir_all(&dir).unwrap();
    let _ = keys::init(&dir, &[("meeting", DAY, DAY)], noon(1)).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::metadata(dir.join("keyring")).unwrap().permissions().mode() & 0o7777, 0o600);
    let unknown = keys::open(&dir, &[domain("telephony")], noon(1)).map(drop).unwrap_err();
    assert!(unknown.to_string().contains("--domain telephony"), "{unknown}");
}

#[test]
fn init_adds_domains_and_leaves_the_others_alone() {
    let dir = made(&["meeting"], noon(20_000));
    let (keys, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let before = token(&keys, 0, TokenKind::User, 20_000, noon(20_000)).unwrap();
    let again = [("meeting", DAY, 14 * DAY), ("telephony", DAY, DAY)];
    let events = keys::init(dir.path(), &again, noon(20_000)).unwrap();
    assert!(matches!(&events[..], [KeyEvent::Created { domain, .. }] if domain == "telephony"));
    assert!(keys::init(dir.path(), &again, noon(20_000)).unwrap().is_empty());
    let (keys, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    assert_eq!(token(&keys, 0, TokenKind::User, 20_000, noon(20_000)).unwrap(), before);
    // One wrong domain, and nothing is written.
    let files = contents(dir.path());
    let wrong = [("video", DAY, DAY), ("meeting", 3_600, DAY)];
    assert!(matches!(keys::init(dir.path(), &wrong, noon(20_000)), Err(KeyError::EpochLength { .. })));
    assert_eq!(contents(dir.path()), files);
}

#[test]
fn what_others_may_reach_is_refused_with_the_remedy() {
    let dir = made(&["meeting"], noon(20_000));
    let file = dir.path().join("keyring");
    let open = || keys::open(dir.path(), &[domain("meeting")], noon(20_000)).map(drop);
    for mode in [0o640, 0o604, 0o620, 0o660, 0o666, 0o700, 0o601, 0o4600] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains("keyring"), "{mode:o}: {error}");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    for mode in [0o750, 0o705, 0o777, 0o710] {
        fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains("chmod 700"), "{mode:o}: {error}");
    }
    fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    assert!(open().is_ok());
    // A link could lead to a copy that nobody advances.
    let elsewhere = dir.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(open().unwrap_err().to_string().contains("symbolic link"));
}

#[test]
fn a_damaged_keyring_is_an_error_and_stays_as_it_is() {
    let dir = made(&["meeting"], noon(20_000));
    let file = dir.path().join("keyring");
    let whole = fs::read(&file).unwrap();
    let mut cases: Vec<Vec<u8>> = (0..whole.len()).step_by(7).map(|end| whole[..end].to_vec()).collect();
    cases.push(whole.repeat(2));
    cases.push(vec![0; whole.len()]);
    cases.push(vec![b'x'; 2 << 20]);
    for case in cases {
        fs::write(&file, &case).unwrap();
        assert!(keys::open(dir.path(), &[domain("meeting")], noon(20_000)).is_err());
        assert!(keys::advance(dir.path(), noon(30_000)).is_err());
        assert!(keys::init(dir.path(), &[("meeting", DAY, DAY)], noon(20_000)).is_err(), "never made anew");
        assert_eq!(fs::read(&file).unwrap(), case);
    }
}

#[test]
fn what_a_crash_left_behind_is_ignored_and_then_removed() {
    let dir = made(&["meeting"], noon(20_000));
    let before = fs::read(dir.path().join("keyring")).unwrap();
    let half = dir.path().join("keyring.tmp");
    for cut in [0, 1, before.len() / 2, before.len()] {
        fs::write(&half, &before[..cut]).unwrap();
        assert!(keys::list(dir.path(), noon(20_000)).is_ok());
        assert!(half.exists(), "a reader changes nothing");
        assert!(keys::advance(dir.path(), noon(20_000)).unwrap().is_empty());
        assert!(!half.exists());
        assert_eq!(fs::read(dir.path().join("keyring")).unwrap(), before);
    }
    // A link that stands in the way is removed, and what it points to is not touched.
    let target = dir.path().join("target");
    fs::write(&target, "stays").unwrap();
    std::os::unix::fs::symlink(&target, &half).unwrap();
    assert!(!keys::advance(dir.path(), noon(20_010)).unwrap().is_empty());
    assert_eq!(fs::read(&target).unwrap(), b"stays");
}

/// Keeps what the keyring's file was when each entry was made.
struct Watching<'a> {
    file: &'a std::path::Path,
    seen: std::sync::Mutex<Vec<(Vec<u8>, usize)>>,
}

impl keys::Ledger for Watching<'_> {
    fn enter(&self, _now: sluis::record::timestamp::Timestamp, events: &[KeyEvent]) -> Result<(), String> {
        self.seen.lock().unwrap().push((fs::read(self.file).unwrap(), events.len()));
        if events.len() > 1 { Err("the evidence is full".to_owned()) } else { Ok(()) }
    }
}

/// PI-8: at whatever point a crash comes, what changed has an entry, and an entry without a change is made again.
#[test]
fn pi_8_a_change_is_entered_before_it_is_made() {
    let dir = made(&["meeting", "telephony"], noon(20_000));
    let file = dir.path().join("keyring");
    let ledger = Watching { file: &file, seen: std::sync::Mutex::default() };
    let before = fs::read(&file).unwrap();
    let names = ["meeting".to_owned()];
    let renewed =
        sluis::keys::renew(dir.path(), &names, RenewFrom::Next, None, noon(20_000), &ledger).unwrap();
    let after = fs::read(&file).unwrap();
    assert_eq!((renewed.len(), &ledger.seen.lock().unwrap()[..]), (1, &[(before, 1)][..]));
    // What cannot be entered is tried again, with nothing done meanwhile.
    for _ in 0..2 {
        let refused = sluis::keys::advance(dir.path(), noon(20_020), &ledger).unwrap_err();
        assert!(refused.to_string().contains("the evidence is full; the keyring was left as it is"));
        assert_eq!(fs::read(&file).unwrap(), after);
        assert_eq!(ledger.seen.lock().unwrap().pop(), Some((after.clone(), 3)));
    }
    assert!(!dir.path().join("keyring.tmp").exists());
    assert_eq!(sluis::keys::advance(dir.path(), noon(20_000), &ledger).unwrap(), []);
    assert_eq!(ledger.seen.lock().unwrap().len(), 1, "nothing happened");
}

#[test]
fn the_replaced_file_is_blanked() {
    let dir = known();
    let file = dir.path().join("keyring");
    // A second name for the old file shows what becomes of its blocks.
    let old = dir.path().join("old");
    fs::hard_link(&file, &old).unwrap();
    let bytes = fs::read(&old).unwrap().len();
    assert_eq!(keys::advance(dir.path(), noon(20_500)).unwrap().len(), 1);
    assert_eq!(fs::read(&old).unwrap(), vec![0; bytes]);
}

#[test]
fn a_write_that_fails_changes_nothing_on_disk_and_keeps_no_dead_key_in_memory() {
    let dir = known();
    let domains = [domain("meeting")];
    let (keys, _) = keys::open(dir.path(), &domains, noon(20_413)).unwrap();
    let before = fs::read(dir.path().join("keyring")).unwrap();
    // A directory that bars the temporary file's name: works for root, too.
    let bar = dir.path().join("keyring.tmp");
    fs::create_dir(&bar).unwrap();
    assert!(matches!(keys.advance(noon(20_430)), Err(KeyError::Disk { .. })));
    assert_eq!(fs::read(dir.path().join("keyring")).unwrap(), before);
    assert!(token(&keys, 0, TokenKind::User, 20_413, noon(20_413)).is_err());
    // Nor does one that has gone altogether.
    let away = dir.path().join("away");
    fs::rename(dir.path().join("keyring"), &away).unwrap();
    assert!(matches!(keys.advance(noon(20_431)), Err(KeyError::Missing { .. })));
    assert!(token(&keys, 0, TokenKind::User, 20_416, noon(20_416)).is_err());
    fs::rename(&away, dir.path().join("keyring")).unwrap();
    fs::remove_dir(&bar).unwrap();
    let events = keys.advance(noon(20_430)).unwrap();
    assert_eq!(events, [KeyEvent::Advanced { domain: "meeting".into(), from: 20_413, to: 20_416 }]);
}

#[test]
fn changes_at_the_same_time_lose_nothing() {
    let dir = private();
    let path = dir.path();
    let names: Vec<String> = (0..8).map(|number| format!("domain{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || {
                assert_eq!(keys::init(path, &[(name, DAY, 14 * DAY)], noon(20_000)).unwrap().len(), 1);
                for day in 20_001..20_010 {
                    let _ = keys::advance(path, noon(day)).unwrap();
                    // Another thread may be ahead in its days; a day that is gone is refused, never half done.
                    let _ = keys::renew(path, std::slice::from_ref(name), RenewFrom::Next, None, noon(day))
                        .unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..200 {
                match keys::list(path, noon(20_000)) {
                    Ok(_) | Err(KeyError::Missing { .. }) => {}
                    Err(error) => panic!("a reader saw half a change: {error}"),
                }
            }
        });
    });
    let facts = keys::list(path, noon(20_010)).unwrap();
    for name in &names {
        let chains: Vec<_> = facts.iter().filter(|fact| fact.domain == *name).collect();
        assert_eq!(chains.len(), 10, "{name}: one chain at first, and nine renewals");
        assert!(chains.windows(2).all(|pair| pair[0].until == Some(pair[1].first_epoch)));
    }
    let left: Vec<_> = contents(path).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["journal", "keyring", "keyring.lock"]);
}

#[test]
fn a_read_only_run_writes_nothing() {
    let dir = known();
    let before = contents(dir.path()).into_iter().find(|(name, _)| name == "keyring");
    let longer = Domain { retention_seconds: 30 * DAY, ..domain("meeting") };
    let keys = Keys::open_read_only(dir.path(), &[longer], noon(20_500)).unwrap();
    assert!(keys.advance(noon(20_600)).unwrap().is_empty());
    assert!(token(&keys, 0, TokenKind::User, 20_600, noon(20_600)).is_ok());
    assert!(token(&keys, 0, TokenKind::User, 20_413, noon(20_413)).is_err());
    assert_eq!(contents(dir.path()).into_iter().find(|(name, _)| name == "keyring"), before);
}

#[test]
fn errors_and_events_hold_no_key() {
    let dir = known();
    let mut said = Vec::new();
    for event in keys::init(dir.path(), &[("telephony", DAY, DAY)], noon(20_413)).unwrap() {
        said.push(format!("{event} {event:?}"));
    }
    for event in keys::renew(dir.path(), &[], RenewFrom::Next, None, noon(20_413)).unwrap() {
        said.push(format!("{event} {event:?}"));
    }
    let text = fs::read_to_string(dir.path().join("keyring")).unwrap();
    fs::write(dir.path().join("keyring"), text.replace("domain", "dom")).unwrap();
    let error = keys::advance(dir.path(), noon(20_413)).unwrap_err();
    said.push(format!("{error} {error:?}"));
    let said = said.join("\n");
    for line in text.lines().filter_map(|line| line.split_once(" key ")) {
        assert!(!said.contains(&line.1[..8]));
    }
    assert!(said.contains("telephony: created") && said.contains("checksum"));
}
