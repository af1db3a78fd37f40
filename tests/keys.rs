//! The keyring on disk and in use: PI-5 and PI-6 through the public door, with real files, threads and processes.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use sluis::keys::{self, EpochCache, From, KeyError, KeyEvent, Keys, TokenKind};
use sluis::policy::class::Domain;
use sluis::record::timestamp::Timestamp;

const DAY: u64 = 86_400;

fn noon(day: u64) -> Timestamp {
    Timestamp::from_seconds((day * DAY + DAY / 2) as i64)
}

fn domain(name: &str) -> Domain {
    Domain { name: name.to_owned(), epoch_seconds: DAY, retention_seconds: 14 * DAY }
}

fn token(
    keys: &Keys,
    domain: usize,
    kind: TokenKind,
    epoch: u64,
    now: Timestamp,
) -> Result<String, KeyError> {
    keys.epoch_keys(domain, epoch, now).map(|keys| keys.token(kind, b"192.0.2.1").to_string())
}

/// A directory of mode 0700 with a keyring of one domain whose chain key at epoch 20413 is 00 01 02 … 1f.
fn known() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let body = "sluis keyring 1\ndomain meeting retention 1209600\n\
         chain epoch 86400 from 20413 until - key AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";
    let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = dir.path().join("keyring");
    fs::write(&path, format!("{body}sha256 {sum}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    dir
}

fn made(names: &[&str], now: Timestamp) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let domains: Vec<_> = names.iter().map(|name| (*name, DAY, 14 * DAY)).collect();
    assert_eq!(keys::init(dir.path(), &domains, now).unwrap().len(), names.len());
    dir
}

/// Everything that lies in a directory, by name.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The numbers of this test were computed outside this program, from the formulas of the design alone.
#[test]
fn the_documented_derivation_gives_the_token() {
    let dir = known();
    let (keys, events) = Keys::open(dir.path(), &[domain("meeting")], noon(20_413)).unwrap();
    assert!(events.is_empty());
    let epoch = keys.epoch_keys(0, 20_413, noon(20_413)).unwrap();
    assert_eq!(epoch.id(), "meeting/20413/018ee21e");
    let token = epoch.token(TokenKind::Address, b"192.0.2.1");
    assert_eq!(token.to_string(), "kpDsj_ToEC62IiqTCjxUlA");
    assert_eq!(token.address().to_string(), "fd92:90ec:8ff4:e810:2eb6:222a:930a:3c54");
    let next = keys.epoch_keys(0, 20_414, noon(20_414)).unwrap();
    assert_eq!(next.id(), "meeting/20414/a02368c2");
    assert_eq!(next.token(TokenKind::Address, b"192.0.2.1").to_string(), "dXlphVaoGDJoekDY8TiaWg");
}

/// PI-5: after the advance the file holds the next chain key and nothing of the old one, and nobody answers for it.
#[test]
fn pi_5_after_the_advance_no_state_gives_the_old_token() {
    let dir = known();
    let domains = [domain("meeting")];
    // The epoch ends with day 20413 and lives 14 days longer.
    let death = Timestamp::from_seconds((20_428 * DAY) as i64);
    let (keys, _) = Keys::open(dir.path(), &domains, noon(20_413)).unwrap();
    let mut cache = EpochCache::new(keys.clone());
    assert!(cache.at(0, noon(20_413), Timestamp(death.0 - 1)).is_ok());
    assert!(keys::advance(dir.path(), Timestamp(death.0 - 1)).unwrap().is_empty());

    let generation = keys.generation();
    let events = keys.advance(death).unwrap();
    assert_eq!(events, [KeyEvent::Advanced { domain: "meeting".into(), from: 20_413, to: 20_414 }]);
    assert_ne!(keys.generation(), generation);
    let old_key: Vec<u8> = (0..32).collect();
    for (name, bytes) in contents(dir.path()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), "{name}");
        assert!(!bytes.windows(16).any(|window| window == &old_key[..16]), "{name}");
        if name == "keyring" {
            assert!(text.contains("from 20414 until - key tNzpWmc9SAHwKK2z0g9VQayBUqHpLXNktCk73q0won4"));
        }
    }
    // Neither the process that advanced, nor a worker, nor a new process; also when the clock says it is early.
    for now in [noon(20_413), noon(20_420), death, noon(21_000)] {
        assert!(matches!(
            token(&keys, 0, TokenKind::Address, 20_413, now),
            Err(KeyError::Dead { epoch: 20_413 })
        ));
        assert!(matches!(cache.at(0, noon(20_413), now), Err(KeyError::Dead { .. })));
    }
    let again = Keys::open_read_only(dir.path(), &domains, noon(20_420)).unwrap();
    assert!(token(&again, 0, TokenKind::Address, 20_413, noon(20_420)).is_err());
    // What may be kept a day longer still has its token.
    assert_eq!(token(&again, 0, TokenKind::Address, 20_414, noon(20_420)).unwrap(), "dXlphVaoGDJoekDY8TiaWg");
}

/// PI-6: the same everywhere, and anything else differs.
#[test]
fn pi_6_tokens_are_equal_only_for_the_same_kind_domain_and_epoch() {
    let dir = made(&["meeting", "telephony"], noon(20_000));
    // Two classes that share a domain address the same place; here two policies list the domains differently.
    let (one, _) = Keys::open(dir.path(), &[domain("meeting"), domain("telephony")], noon(20_000)).unwrap();
    let (two, _) = Keys::open(dir.path(), &[domain("telephony"), domain("meeting")], noon(20_000)).unwrap();
    let mut seen = BTreeSet::new();
    for epoch in 19_986..=20_000 {
        for kind in TokenKind::ALL {
            for (place, other) in [(0, 1), (1, 0)] {
                let token_one = token(&one, place, kind, epoch, noon(20_000)).unwrap();
                assert_eq!(token_one, token(&two, other, kind, epoch, noon(20_000)).unwrap());
                assert!(seen.insert(token_one));
            }
        }
    }
    assert_eq!(seen.len(), 15 * 9 * 2);
}

#[test]
fn pi_6_another_process_gives_the_same_token() {
    let dir = made(&["meeting"], noon(20_000));
    let (keys, _) = Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "keys::child_prints_a_token", "--ignored", "--nocapture"])
        .env("SLUIS_TEST_KEYS", dir.path())
        .output()
        .unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    let expected = token(&keys, 0, TokenKind::Address, 19_999, noon(20_000)).unwrap();
    assert!(output.contains(&format!("token={expected}\n")), "the child said: {output}");
}

#[test]
#[ignore = "run by pi_6_another_process_gives_the_same_token"]
fn child_prints_a_token() {
    let Some(dir) = std::env::var_os("SLUIS_TEST_KEYS") else { return };
    let (keys, _) = Keys::open(Path::new(&dir), &[domain("meeting")], noon(20_000)).unwrap();
    println!("\ntoken={}", token(&keys, 0, TokenKind::Address, 19_999, noon(20_000)).unwrap());
}

#[test]
fn a_line_dated_in_the_future_gets_no_key_of_the_future() {
    let dir = made(&["meeting"], noon(20_000));
    let (keys, _) = Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let dated = noon(22_280);
    let epoch = keys.epoch_of(0, dated);
    assert!(matches!(keys.epoch_keys(0, epoch, noon(20_000)), Err(KeyError::Future { .. })));
    let mut cache = EpochCache::new(keys);
    assert!(matches!(cache.at(0, dated, noon(20_000)), Err(KeyError::Future { .. })));
    // The earlier of event and received time has a key.
    assert_eq!(cache.at(0, dated.min(noon(20_000)), noon(20_000)).unwrap().epoch(), 20_000);
}

#[test]
fn nothing_but_init_and_import_makes_a_keyring() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("keys");
    let missing = |result: Result<(), KeyError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, KeyError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("sluis keys init"), "{error}");
    };
    missing(Keys::open(&dir, &[domain("meeting")], noon(1)).map(drop));
    missing(keys::advance(&dir, noon(1)).map(drop));
    missing(keys::renew(&dir, &[], From::Next, None, noon(1)).map(drop));
    missing(keys::list(&dir, noon(1)).map(drop));
    assert!(!dir.exists());
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    missing(Keys::open(&dir, &[domain("meeting")], noon(1)).map(drop));
    missing(keys::list(&dir, noon(1)).map(drop));

    fs::remove_dir_all(&dir).unwrap();
    let _ = keys::init(&dir, &[("meeting", DAY, DAY)], noon(1)).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::metadata(dir.join("keyring")).unwrap().permissions().mode() & 0o7777, 0o600);
    let unknown = Keys::open(&dir, &[domain("telephony")], noon(1)).map(drop).unwrap_err();
    assert!(unknown.to_string().contains("--domain telephony"), "{unknown}");
}

#[test]
fn init_adds_domains_and_leaves_the_others_alone() {
    let dir = made(&["meeting"], noon(20_000));
    let (keys, _) = Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let before = token(&keys, 0, TokenKind::User, 20_000, noon(20_000)).unwrap();
    let again = [("meeting", DAY, 14 * DAY), ("telephony", DAY, DAY)];
    let events = keys::init(dir.path(), &again, noon(20_000)).unwrap();
    assert!(matches!(&events[..], [KeyEvent::Created { domain, .. }] if domain == "telephony"));
    assert!(keys::init(dir.path(), &again, noon(20_000)).unwrap().is_empty());
    let (keys, _) = Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
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
    let open = || Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).map(drop);
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
        assert!(Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).is_err());
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
    let (keys, _) = Keys::open(dir.path(), &domains, noon(20_413)).unwrap();
    let before = fs::read(dir.path().join("keyring")).unwrap();
    // A directory that bars the temporary file's name: works for root, too.
    let bar = dir.path().join("keyring.tmp");
    fs::create_dir(&bar).unwrap();
    assert!(matches!(keys.advance(noon(20_430)), Err(KeyError::Disk { .. })));
    assert_eq!(fs::read(dir.path().join("keyring")).unwrap(), before);
    assert!(token(&keys, 0, TokenKind::User, 20_413, noon(20_413)).is_err());
    fs::remove_dir(&bar).unwrap();
    let events = keys.advance(noon(20_430)).unwrap();
    assert_eq!(events, [KeyEvent::Advanced { domain: "meeting".into(), from: 20_413, to: 20_416 }]);
}

#[test]
fn other_processes_changes_are_seen_and_dead_keys_leave_their_memory() {
    let dir = made(&["meeting"], noon(20_000));
    let (keys, _) = Keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let mut cache = EpochCache::new(keys.clone());
    assert!(cache.at(0, noon(19_986), noon(20_000)).is_ok());
    let first = keys.generation();
    assert!(keys.advance(noon(20_000)).unwrap().is_empty());
    assert_eq!(keys.generation(), first, "nothing happened");

    assert_eq!(keys::advance(dir.path(), noon(20_001)).unwrap().len(), 1);
    assert!(keys.advance(noon(20_000)).unwrap().is_empty(), "the other process has told of it");
    assert_ne!(keys.generation(), first);
    assert!(matches!(cache.at(0, noon(19_986), noon(20_000)), Err(KeyError::Dead { .. })));

    let _ = keys::renew(dir.path(), &[], From::Next, None, noon(20_001)).unwrap();
    let before = token(&keys, 0, TokenKind::User, 20_002, noon(20_002)).unwrap();
    assert!(keys.advance(noon(20_001)).unwrap().is_empty());
    assert_ne!(token(&keys, 0, TokenKind::User, 20_002, noon(20_002)).unwrap(), before);
}

#[test]
fn changes_at_the_same_time_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let names: Vec<String> = (0..8).map(|number| format!("domain{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || {
                assert_eq!(keys::init(path, &[(name, DAY, 14 * DAY)], noon(20_000)).unwrap().len(), 1);
                for day in 20_001..20_010 {
                    let _ = keys::advance(path, noon(day)).unwrap();
                    // Another thread may be ahead in its days; a day that is gone is refused, never half done.
                    let _ =
                        keys::renew(path, std::slice::from_ref(name), From::Next, None, noon(day)).unwrap();
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
    assert_eq!(left, ["keyring", "keyring.lock"]);
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
fn an_ephemeral_keyring_serves_any_date_and_no_other_run() {
    let domains = [domain("meeting"), domain("telephony")];
    let (one, two) = (Keys::ephemeral(&domains).unwrap(), Keys::ephemeral(&domains).unwrap());
    assert!(one.is_ephemeral());
    let mut seen = BTreeSet::new();
    for epoch in [0, 1, 10_000, 22_280, 1 << 40] {
        for place in 0..2 {
            let value = token(&one, place, TokenKind::Address, epoch, noon(20_000)).unwrap();
            assert_eq!(value, token(&one, place, TokenKind::Address, epoch, noon(30_000)).unwrap());
            assert!(seen.insert(value));
            assert!(seen.insert(token(&two, place, TokenKind::Address, epoch, noon(20_000)).unwrap()));
        }
    }
    let mut cache = EpochCache::new(one.clone());
    for instant in [Timestamp(i64::MIN), Timestamp(-1), noon(3), noon(22_280), Timestamp(i64::MAX)] {
        let epoch = one.epoch_of(0, instant);
        assert_eq!(cache.at(0, instant, noon(20_000)).unwrap().epoch(), epoch);
    }
}

#[test]
fn a_worker_holds_a_bounded_number_of_keys_and_gets_the_right_ones() {
    let dir = made(&["meeting", "telephony"], noon(20_000));
    let domains = [domain("meeting"), domain("telephony")];
    let (keys, _) = Keys::open(dir.path(), &domains, noon(20_000)).unwrap();
    let mut cache = EpochCache::new(keys.clone());
    for turn in 0..200_u64 {
        let (place, day) = ((turn % 2) as usize, 19_986 + turn * 7 % 15);
        let held = cache.at(place, noon(day), noon(20_000)).unwrap();
        let asked = keys.epoch_keys(place, day, noon(20_000)).unwrap();
        assert_eq!((held.epoch(), held.id()), (day, asked.id()));
    }
    // The death of a held key is noticed without any change of the keyring.
    assert!(cache.at(0, noon(19_999), noon(20_000)).is_ok());
    assert!(matches!(cache.at(0, noon(19_999), noon(20_014)), Err(KeyError::Dead { .. })));
}

#[test]
fn chains_travel_to_another_node_and_give_the_same_tokens() {
    use age::secrecy::ExposeSecret;
    let here = made(&["meeting"], noon(20_000));
    let there = tempfile::tempdir().unwrap();
    let there = there.path().join("keys");
    let identity = age::x25519::Identity::generate();
    let secret = identity.to_string();
    let secret = secret.expose_secret().as_bytes();
    let (sealed, events) =
        keys::export(here.path(), &identity.to_public().to_string(), noon(20_003)).unwrap();
    assert!(matches!(&events[..], [KeyEvent::Advanced { .. }, KeyEvent::Exported { .. }]));
    assert!(keys::import(&there, &sealed, &b"AGE-SECRET-KEY-NONE"[..], noon(20_003)).is_err());
    assert!(!there.exists(), "a wrong identity leaves nothing behind");
    assert_eq!(keys::import(&there, &sealed, secret, noon(20_003)).unwrap().len(), 1);
    let open = |dir: &Path| Keys::open(dir, &[domain("meeting")], noon(20_003)).unwrap().0;
    let (one, two) = (open(here.path()), open(&there));
    for epoch in 19_989..=20_003 {
        let pair = [&one, &two].map(|keys| token(keys, 0, TokenKind::Room, epoch, noon(20_003)).unwrap());
        assert_eq!(pair[0], pair[1]);
    }
    // Long after, the sealed copy brings no dead key back.
    let events = keys::import(&there, &sealed, secret, noon(20_100)).unwrap();
    assert!(matches!(&events[..], [KeyEvent::Advanced { to: 20_086, .. }]));
}

#[test]
fn errors_and_events_hold_no_key() {
    let dir = known();
    let mut said = String::new();
    for event in keys::init(dir.path(), &[("telephony", DAY, DAY)], noon(20_413)).unwrap() {
        said += &format!("{event} {event:?}\n");
    }
    for event in keys::renew(dir.path(), &[], From::Next, None, noon(20_413)).unwrap() {
        said += &format!("{event} {event:?}\n");
    }
    let text = fs::read_to_string(dir.path().join("keyring")).unwrap();
    fs::write(dir.path().join("keyring"), text.replace("domain", "dom")).unwrap();
    let error = keys::advance(dir.path(), noon(20_413)).unwrap_err();
    said += &format!("{error} {error:?}\n");
    for line in text.lines().filter_map(|line| line.split_once(" key ")) {
        assert!(!said.contains(&line.1[..8]));
    }
    assert!(said.contains("telephony: created") && said.contains("checksum"));
}
