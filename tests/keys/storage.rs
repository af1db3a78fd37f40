//! Keys for what is stored: on disk, in use, in the journal, on another node.

use std::fs;

use age::secrecy::ExposeSecret;
use sluis::governance::evidence::Evidence;
use sluis::keys::{KeyError, KeyEvent, Keys, Storage, StorageUse};
use sluis::record::timestamp::Timestamp;

use super::entered as keys;
use super::{contents, domain, made, noon};

const RETENTION: u64 = 86_400;

fn web() -> Storage {
    Storage::of("web", RETENTION)
}

fn bytes(keys: &Keys, epoch: u64, now: Timestamp) -> Result<[u8; 32], KeyError> {
    Ok(*keys.storage(web())?.key(epoch, now)?.expose_for(StorageUse::Parquet))
}

#[test]
fn a_chain_is_made_by_init_alone_and_a_domain_keeps_its_keys() {
    let dir = made(&["meeting"], noon(20_000));
    let (opened, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let unknown = opened.storage(web()).map(drop).unwrap_err();
    assert!(unknown.to_string().contains("sluis keys init --class web --retention 86400s"), "{unknown}");
    let epoch = opened.epoch_of(0, noon(20_000));
    let before = opened.epoch_keys(0, epoch, noon(20_000)).unwrap().id().to_owned();
    let events = keys::init_storage(dir.path(), &[web()], noon(20_000)).unwrap();
    assert!(
        matches!(&events[..], [KeyEvent::Created { domain, .. }] if domain == "storage/web/1d"),
        "{events:?}"
    );
    assert!(keys::init_storage(dir.path(), &[web()], noon(20_000)).unwrap().is_empty());
    // A process that runs takes it over.
    let _ = opened.advance(noon(20_000)).unwrap();
    assert!(bytes(&opened, web().epoch_of(noon(20_000)), noon(20_000)).is_ok());
    assert_eq!(opened.epoch_keys(0, epoch, noon(20_000)).unwrap().id(), before);
    assert!(
        Keys::ephemeral(&[domain("meeting")]).unwrap().storage(web()).is_err(),
        "nothing stored is for one run"
    );
}

/// PI-4, PI-8: destroyed on schedule in the file and in every process, entered before that; no clock brings it back.
#[test]
fn pi_8_a_dead_epoch_has_no_key_anywhere_and_the_journal_says_so() {
    let dir = made(&["meeting"], noon(20_000));
    let _ = keys::init_storage(dir.path(), &[web()], noon(20_000)).unwrap();
    let (one, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let (other, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let epoch = web().epoch_of(noon(20_000));
    let key = bytes(&one, epoch, noon(20_000)).unwrap();
    assert_eq!(bytes(&other, epoch, noon(20_000)).unwrap(), key);
    let due = web().due_of(epoch);
    let events = one.advance(due).unwrap();
    assert!(
        events.iter().any(|event| matches!(event, KeyEvent::Advanced { domain, to, .. } if domain == "storage/web/1d" && *to == epoch + 1)),
        "{events:?}"
    );
    let _ = other.advance(due).unwrap();
    let (again, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    for keys in [&one, &other, &again] {
        for now in [noon(20_000), due, noon(20_002)] {
            assert!(matches!(bytes(keys, epoch, now), Err(KeyError::Dead { .. })));
        }
    }
    let journal = String::from_utf8(fs::read(dir.path().join("journal")).unwrap()).unwrap();
    let entry = format!(
        "\"event\":\"key.advanced\",\"from\":{},\"storage\":\"storage/web/1d\",\"to\":{}",
        epoch - 23,
        epoch + 1
    );
    assert!(journal.contains(&entry), "{entry}\n{journal}");
    for (name, content) in contents(dir.path()) {
        assert!(!content.windows(32).any(|window| window == key), "{name}");
    }
}

/// A keyring from before the destruction, beside the journal of after it, is found.
#[test]
fn the_evidence_finds_a_keyring_that_came_back() {
    let dir = made(&["meeting"], noon(20_000));
    let _ = keys::init_storage(dir.path(), &[web()], noon(20_000)).unwrap();
    let old = fs::read(dir.path().join("keyring")).unwrap();
    let wrong = |now| {
        let (evidence, _) = Evidence::read(dir.path(), None).unwrap();
        evidence.against_keyring(&keys::list(dir.path(), now).unwrap())
    };
    let later = noon(20_001);
    let _ = keys::advance(dir.path(), later).unwrap();
    assert!(wrong(later).is_empty());
    fs::write(dir.path().join("keyring"), old).unwrap();
    assert!(
        wrong(later).iter().any(|what| what.contains("of storage/web/1d, which is said to be destroyed"))
    );
}

#[test]
fn two_nodes_agree() {
    let (here, there) = (made(&["meeting"], noon(20_000)), super::private());
    let _ = keys::init_storage(here.path(), &[web()], noon(20_000)).unwrap();
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let (sealed, _) = keys::export(here.path(), &recipient, noon(20_000)).unwrap();
    let identity = identity.to_string().expose_secret().to_owned();
    // A day later: what is dead by then does not arrive.
    let now = noon(20_001);
    let events = keys::import(there.path(), &sealed, identity.as_bytes(), now).unwrap();
    assert!(events.contains(&KeyEvent::Imported { domain: "storage/web/1d".into() }), "{events:?}");
    assert!(keys::import(there.path(), &sealed, identity.as_bytes(), now).unwrap().is_empty());
    let (one, _) = keys::open(here.path(), &[domain("meeting")], now).unwrap();
    let (two, _) = keys::open(there.path(), &[domain("meeting")], now).unwrap();
    let last = web().epoch_of(now);
    for epoch in last - 22..=last {
        assert_eq!(bytes(&one, epoch, now).unwrap(), bytes(&two, epoch, now).unwrap());
    }
    assert!(bytes(&two, last - 23, noon(20_000)).is_err());
    // A node that made a chain of its own has another, and is told.
    let lone = made(&["telephony"], noon(20_000));
    let _ = keys::init_storage(lone.path(), &[web()], noon(20_000)).unwrap();
    let refused = keys::import(lone.path(), &sealed, identity.as_bytes(), noon(20_000)).unwrap_err();
    assert!(matches!(&refused, KeyError::Conflict { domain } if domain == "storage/web/1d"), "{refused}");
}

#[test]
fn a_read_key_is_entered_before_it_is_handed_out_and_refused_when_dead_or_to_come() {
    let dir = made(&["meeting"], noon(20_000));
    let _ = keys::init_storage(dir.path(), &[web()], noon(20_000)).unwrap();
    let (opened, _) = keys::open(dir.path(), &[domain("meeting")], noon(20_000)).unwrap();
    let (now, epoch) = (noon(20_000), web().epoch_of(noon(20_000)));
    let before = fs::read(dir.path().join("keyring")).unwrap();
    let (key, events) = keys::read_key(dir.path(), &web(), epoch, now).unwrap();
    assert_eq!(*key.expose_for(StorageUse::Parquet), bytes(&opened, epoch, now).unwrap());
    assert_eq!(events, [KeyEvent::Read { domain: "storage/web/1d".into(), epoch }]);
    assert_eq!(fs::read(dir.path().join("keyring")).unwrap(), before, "reading changes nothing");
    let entries = || {
        let journal = fs::read_to_string(dir.path().join("journal")).unwrap();
        journal.matches("\"event\":\"key.read\"").count()
    };
    assert_eq!(entries(), 1);
    assert!(matches!(keys::read_key(dir.path(), &web(), epoch + 1, now), Err(KeyError::Future { .. })));
    assert!(matches!(keys::read_key(dir.path(), &web(), epoch - 24, now), Err(KeyError::Dead { .. })));
    assert!(matches!(
        keys::read_key(dir.path(), &web(), epoch, web().due_of(epoch)),
        Err(KeyError::Dead { .. })
    ));
    assert_eq!(entries(), 1);
}
