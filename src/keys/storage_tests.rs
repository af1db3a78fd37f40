use super::*;
use crate::keys::event::KeyEvent;
use crate::keys::keyring::Keyring;
use crate::keys::renewal::RenewFrom;

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// A whole hour.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn web() -> Storage {
    Storage::of("web", 14 * DAY)
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    let _ = keyring.create_storage(&web(), NOW).unwrap();
    keyring
}

fn bytes(
    keyring: &Keyring,
    storage: &Storage,
    epoch: u64,
    now: Timestamp,
) -> Result<[u8; KEY_BYTES], KeyError> {
    keyring.storage_key(storage, epoch, now).map(|key| *key.expose_for(StorageUse::Age))
}

#[test]
fn an_epoch_is_an_hour_or_a_twenty_fourth() {
    for (retention, epoch, margin) in [
        (60, 2, 1),
        (96, 4, 2),
        (HOUR, 150, 75),
        (5_400, 225, 112),
        (DAY, HOUR, 120),
        (14 * DAY, HOUR, 120),
        (3_650 * DAY, HOUR, 120),
    ] {
        assert_eq!((epoch_seconds(retention), margin_seconds(retention)), (epoch, margin), "{retention} s");
        assert!(Storage::of("web", retention).lives_seconds() > retention / 2, "{retention} s");
    }
}

/// The obvious version: every record of an epoch has the part's deadline or a later one, by less than an epoch.
#[test]
fn a_record_is_in_the_epoch_of_its_instant_and_of_its_deadline() {
    proptest::proptest!(|(instant in 0_i64..4_000_000_000, retention in RETENTION_SECONDS_MIN..100 * DAY)| {
        let storage = Storage::of("web", retention);
        let (instant, lives) = (Timestamp::from_seconds(instant), retention.cast_signed());
        let (epoch, deadline) = (storage.epoch_of(instant), instant.plus_seconds(lives));
        proptest::prop_assert!(storage.start_of(epoch) <= instant && instant < storage.end_of(epoch));
        proptest::prop_assert_eq!(storage.epoch_of_deadline(deadline), epoch);
        proptest::prop_assert_eq!(storage.epoch_of_deadline(storage.deadline_of(epoch)), epoch);
        let early = deadline.seconds() - storage.deadline_of(epoch).seconds();
        proptest::prop_assert!((0..storage.epoch_seconds().cast_signed()).contains(&early));
        proptest::prop_assert!(storage.due_of(epoch) < storage.deadline_of(epoch));
        proptest::prop_assert!(storage.due_of(epoch) > storage.end_of(epoch));
    });
}

#[test]
fn a_label_names_class_retention_and_stage() {
    assert_eq!(web().to_string(), "storage/web/14d");
    assert_eq!(Storage { stage: 1, ..Storage::of("jvb", 5_400) }.to_string(), "storage/jvb/90m/1");
    assert!(is_storage(&web().to_string()) && !is_storage("storage"));
}

#[test]
fn a_key_lives_from_the_start_of_its_epoch_to_the_margin_before_the_deadline() {
    let (mut keyring, web) = (keyring(), web());
    let epoch = web.epoch_of(NOW);
    let just_before = |instant: Timestamp| Timestamp(instant.0 - 1);
    assert!(matches!(bytes(&keyring, &web, epoch + 1, NOW), Err(KeyError::Future { .. })));
    assert!(matches!(
        bytes(&keyring, &web, epoch, just_before(web.start_of(epoch))),
        Err(KeyError::Future { .. })
    ));
    let due = web.due_of(epoch);
    assert_eq!(due, NOW.plus_seconds((14 * DAY - 120).cast_signed()));
    assert_eq!(keyring.storage_key(&web, epoch, NOW).unwrap().due(), due);
    let key = bytes(&keyring, &web, epoch, NOW).unwrap();
    let _ = keyring.advance(just_before(due)).unwrap();
    assert_eq!(bytes(&keyring, &web, epoch, just_before(due)).unwrap(), key);
    // Refused at once, and after the advance for every clock.
    assert!(matches!(bytes(&keyring, &web, epoch, due), Err(KeyError::Dead { .. })));
    assert!(keyring.is_due(due));
    let events = keyring.advance(due).unwrap();
    assert_eq!(events, [KeyEvent::Advanced { domain: web.to_string(), from: epoch, to: epoch + 1 }]);
    for now in [NOW, just_before(due), due] {
        assert!(matches!(bytes(&keyring, &web, epoch, now), Err(KeyError::Dead { .. })));
    }
    assert!(bytes(&keyring, &web, epoch + 1, due).is_ok());
}

/// The ratchet cannot go back: what the keyring holds after an advance is a hash of what it held, and gives none of the earlier keys.
#[test]
fn after_an_advance_the_state_gives_later_keys_alone() {
    let (mut keyring, web) = (keyring(), web());
    let first = web.epoch_of(NOW) - 14 * 24 + 1;
    let keys: Vec<_> = (first..first + 40).map(|epoch| bytes(&keyring, &web, epoch, NOW).unwrap()).collect();
    let before = keyring.to_text();
    let later = NOW.plus_seconds((10 * HOUR).cast_signed());
    let _ = keyring.advance(later).unwrap();
    let after = keyring.to_text();
    let line = |text: &str| text.lines().find(|line| line.starts_with("chain")).unwrap().to_owned();
    let (old, new) = (line(&before), line(&after));
    let key_of = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    assert_ne!(key_of(&old), key_of(&new));
    assert!(!after.contains(&key_of(&old)));
    for (epoch, key) in (first..).zip(keys) {
        let now = bytes(&keyring, &web, epoch, later).ok();
        assert_eq!(now, Some(key).filter(|_| epoch >= first + 10), "epoch {epoch}");
        // A chain that is set back by hand gives other keys.
        let mut forged = Keyring::from_text(after.as_bytes()).unwrap();
        forged.rings[0].chains[0].epoch = first;
        assert_ne!(bytes(&forged, &web, epoch, NOW).unwrap(), key);
    }
}

#[test]
fn no_two_classes_stages_retentions_epochs_or_uses_share_a_key() {
    // All chains begin with one key: the derivation alone tells them apart.
    let storages = [
        web(),
        Storage::of("we", 14 * DAY),
        Storage { stage: 1, ..web() },
        Storage { stage: 2, ..web() },
        Storage::of("web", 15 * DAY),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for storage in &storages {
        for epoch in 500_000..500_003 {
            let key = Secret::filled(|out| ratchet::storage_key(&[7; KEY_BYTES], storage, epoch, out));
            let key = StorageKey::new(key, epoch, NOW);
            for what in [StorageUse::Age, StorageUse::Frames, StorageUse::Parquet] {
                assert!(seen.insert(*key.expose_for(what)));
            }
        }
    }
    assert_eq!(seen.len(), storages.len() * 3 * 3);
}

#[test]
fn another_retention_is_another_chain_and_the_earlier_one_dies_as_it_was_to() {
    let (mut keyring, web) = (keyring(), web());
    let (longer, epoch) = (Storage::of("web", 30 * DAY), web.epoch_of(NOW));
    assert!(matches!(bytes(&keyring, &longer, epoch, NOW), Err(KeyError::UnknownStorage { .. })));
    assert!(keyring.create_storage(&web, NOW).unwrap().is_empty(), "it is there");
    let events = keyring.create_storage(&longer, NOW).unwrap();
    assert!(matches!(&events[..], [KeyEvent::Created { domain, .. }] if domain == "storage/web/30d"));
    assert_ne!(bytes(&keyring, &web, epoch, NOW).unwrap(), bytes(&keyring, &longer, epoch, NOW).unwrap());
    let due = web.due_of(epoch);
    let _ = keyring.advance(due).unwrap();
    assert!(bytes(&keyring, &web, epoch, due).is_err());
    assert!(bytes(&keyring, &longer, epoch, due).is_ok());
}

#[test]
fn a_renewal_serves_from_a_coming_epoch_on() {
    let (mut keyring, mut untouched, web) = (keyring(), Keyring::default(), web());
    untouched.rings.extend(Keyring::from_text(keyring.to_text().as_bytes()).unwrap().rings);
    let label = web.to_string();
    assert!(matches!(keyring.renew(&label, RenewFrom::Next, Some(60), NOW), Err(KeyError::Domain { .. })));
    let events = keyring.renew(&label, RenewFrom::Next, None, NOW).unwrap();
    let epoch = web.epoch_of(NOW);
    assert_eq!(events, [KeyEvent::Renewed { domain: label, epoch: epoch + 1, epoch_seconds: HOUR }]);
    let later = NOW.plus_seconds((2 * HOUR).cast_signed());
    let same = |epoch| {
        bytes(&keyring, &web, epoch, later).unwrap() == bytes(&untouched, &web, epoch, later).unwrap()
    };
    assert!(same(epoch) && !same(epoch + 1));
    // The old chain goes with its last epoch.
    let end = web.due_of(epoch);
    let events = keyring.advance(end).unwrap();
    assert!(matches!(events[..], [KeyEvent::Destroyed { .. }]), "{events:?}");
}

#[test]
fn what_cannot_be_is_refused() {
    let mut keyring = Keyring::default();
    for storage in [
        Storage::of("web", 0),
        Storage::of("web", 59),
        Storage::of("web", u64::MAX),
        Storage::of("", DAY),
        Storage::of("a b", DAY),
        Storage::of("a/b", DAY),
    ] {
        assert!(matches!(keyring.create_storage(&storage, NOW), Err(KeyError::Domain { .. })), "{storage:?}");
    }
    assert!(keyring.rings.is_empty());
    // A storage is no domain, whatever it is called.
    let _ = keyring.create_storage(&web(), NOW).unwrap();
    assert_eq!(keyring.domain("web"), None);
    assert!(keyring.epoch_keys(0, web().epoch_of(NOW), NOW).is_err());
}
