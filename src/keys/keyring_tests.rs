use super::*;
use crate::keys::pseudonym::TokenKind;
use crate::keys::renewal::RenewFrom;

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;

/// Noon of day `day` since 1970.
fn noon(day: u64) -> Timestamp {
    Timestamp::from_seconds((day * DAY + DAY / 2).cast_signed())
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds.cast_signed())
}

/// A domain whose first chain key is `key`, at `epoch`.
fn known(name: &str, epoch_seconds: u64, retention_seconds: u64, epoch: u64, key: u8) -> Keyring {
    let key = Secret::filled(|bytes| bytes.fill(key));
    let chain = Chain { key, line: Line::Domain, epoch_seconds, epoch, until: None };
    let (kind, name) = (Kind::Domain, name.to_owned());
    Keyring { rings: vec![Ring { kind, name, retention_seconds, chains: vec![chain] }] }
}

#[test]
fn a_new_domain_begins_at_the_oldest_epoch_that_may_be_kept() {
    let mut keyring = Keyring::default();
    let events = keyring.create("meeting", DAY, 14 * DAY, noon(20_000)).unwrap();
    assert_eq!(
        events,
        [KeyEvent::Created {
            domain: "meeting".into(),
            epoch: 19_986,
            epoch_seconds: DAY,
            retention_seconds: 14 * DAY
        }]
    );
    assert!(keyring.epoch_keys(0, 19_986, noon(20_000)).is_ok());
    assert!(matches!(keyring.epoch_keys(0, 19_985, noon(20_000)), Err(KeyError::Dead { epoch: 19_985 })));
}

#[test]
fn epochs_are_aligned_to_utc() {
    let keyring = known("meeting", DAY, DAY, 0, 1);
    assert_eq!(keyring.epoch_of(0, at(20_000 * DAY)), 20_000);
    assert_eq!(keyring.epoch_of(0, Timestamp(at(20_000 * DAY).0 - 1)), 19_999);
    assert_eq!(keyring.epoch_of(0, Timestamp(-1)), 0);
}

#[test]
fn an_epoch_dies_at_its_end_and_the_longest_retention() {
    let mut keyring = known("meeting", DAY, 14 * DAY, 100, 1);
    let death = at((101 + 14) * DAY);
    let before = Timestamp(death.0 - 1);
    assert_eq!(keyring.epoch_keys(0, 100, before).unwrap().dies(), death);
    assert!(!keyring.is_due(before));
    assert!(keyring.advance(before).unwrap().is_empty());
    // Refused from its death on, even before anybody advances.
    assert!(matches!(keyring.epoch_keys(0, 100, death), Err(KeyError::Dead { .. })));
    assert!(keyring.is_due(death));
    let events = keyring.advance(death).unwrap();
    assert_eq!(events, [KeyEvent::Advanced { domain: "meeting".into(), from: 100, to: 101 }]);
    // A clock that goes back does not bring it back.
    assert!(matches!(keyring.epoch_keys(0, 100, before), Err(KeyError::Dead { .. })));
}

#[test]
fn nobody_gets_a_key_of_the_future() {
    let keyring = known("meeting", DAY, 14 * DAY, 100, 1);
    assert!(keyring.epoch_keys(0, 105, at(105 * DAY)).is_ok());
    for epoch in [106, 107, 22_000, u64::MAX] {
        assert!(
            matches!(
                keyring.epoch_keys(0, epoch, Timestamp(at(106 * DAY).0 - 1)),
                Err(KeyError::Future { .. })
            ),
            "{epoch}"
        );
    }
}

#[test]
fn advancing_keeps_the_later_keys_as_they_were() {
    let mut keyring = known("meeting", DAY, 3 * DAY, 100, 7);
    let token = |keyring: &Keyring, epoch, now| {
        keyring.epoch_keys(0, epoch, now).map(|keys| keys.token(TokenKind::Address, b"192.0.2.1"))
    };
    let before: Vec<_> = (100..105).map(|epoch| token(&keyring, epoch, noon(104)).ok()).collect();
    assert!(before[1..].iter().all(Option::is_some));
    let _ = keyring.advance(noon(105)).unwrap();
    for (epoch, before) in (100..105).zip(before) {
        let after = token(&keyring, epoch, noon(105)).ok();
        assert_eq!(after, before.filter(|_| epoch >= 102), "epoch {epoch}");
    }
}

#[test]
fn years_of_sleep_are_caught_up_at_once_and_like_step_by_step() {
    let mut slept = known("calls", HOUR, DAY, 0, 3);
    let mut woke = known("calls", HOUR, DAY, 0, 3);
    let end = at(3 * 365 * DAY);
    let _ = slept.advance(end).unwrap();
    for day in 1..=3 * 365 {
        let _ = woke.advance(at(day * DAY)).unwrap();
    }
    assert_eq!(slept.rings[0].chains[0].epoch, woke.rings[0].chains[0].epoch);
    assert_eq!(slept.rings[0].chains[0].key.expose(), woke.rings[0].chains[0].key.expose());
}

#[test]
fn a_clock_that_cannot_be_right_destroys_nothing() {
    let mut keyring = known("calls", 60, HOUR, 0, 3);
    assert!(matches!(keyring.advance(Timestamp(i64::MAX)), Err(KeyError::Clock { .. })));
    assert_eq!(keyring.rings[0].chains[0].epoch, 0);
}

#[test]
fn retention_is_raised_and_never_lowered() {
    let mut keyring = known("meeting", DAY, 14 * DAY, 100, 1);
    let mut require = |retention| keyring.require("meeting", DAY, retention, noon(101)).unwrap();
    assert!(require(DAY).is_empty());
    assert_eq!(
        require(30 * DAY),
        [KeyEvent::Raised { domain: "meeting".into(), from: 14 * DAY, to: 30 * DAY }]
    );
    assert!(require(14 * DAY).is_empty());
    assert_eq!(keyring.epoch_keys(0, 100, noon(130)).unwrap().dies(), at(131 * DAY));
}

#[test]
fn another_epoch_length_needs_a_renewal() {
    let mut keyring = known("meeting", DAY, 14 * DAY, 100, 1);
    let wrong = keyring.require("meeting", HOUR, 14 * DAY, noon(101));
    assert!(matches!(wrong, Err(KeyError::EpochLength { recorded: DAY, wanted: HOUR, .. })));
    let _ = keyring.renew("meeting", RenewFrom::Next, Some(HOUR), noon(101)).unwrap();
    assert!(keyring.require("meeting", HOUR, DAY, noon(101)).is_ok());
    assert!(keyring.require("meeting", DAY, DAY, noon(101)).is_ok(), "until the renewal begins, both fit");
    assert!(keyring.require("meeting", DAY, DAY, noon(102)).is_err());
    assert!(matches!(
        keyring.require("other", DAY, DAY, noon(101)),
        Err(KeyError::UnknownDomain { domain }) if domain == "other"
    ));
}

#[test]
fn impossible_domains_are_refused() {
    let mut keyring = Keyring::default();
    let long = "x".repeat(65);
    let cases = [
        ("", DAY, DAY),
        ("a b", DAY, DAY),
        ("a/b", DAY, DAY),
        ("a\n", DAY, DAY),
        (long.as_str(), DAY, DAY),
        ("a", 0, DAY),
        ("a", 59, DAY),
        ("a", u64::MAX, u64::MAX),
        ("a", DAY, DAY - 1),
    ];
    for (name, epoch, retention) in cases {
        assert!(matches!(keyring.create(name, epoch, retention, noon(1)), Err(KeyError::Domain { .. })));
    }
    assert!(keyring.rings.is_empty());
}

#[test]
fn a_renewal_changes_tokens_from_its_epoch_on_and_the_old_chain_dies_on_schedule() {
    let mut keyring = known("meeting", DAY, 3 * DAY, 100, 1);
    let old = known("meeting", DAY, 3 * DAY, 100, 1);
    let events = keyring.renew("meeting", RenewFrom::Epoch(103), None, noon(101)).unwrap();
    assert_eq!(events, [KeyEvent::Renewed { domain: "meeting".into(), epoch: 103, epoch_seconds: DAY }]);
    for epoch in 101..=104 {
        let new = keyring.epoch_keys(0, epoch, noon(104)).unwrap();
        let before = old.epoch_keys(0, epoch, noon(104)).unwrap();
        let same = new.token(TokenKind::User, b"x") == before.token(TokenKind::User, b"x")
            && new.id() == before.id();
        assert_eq!(same, epoch < 103, "epoch {epoch}");
    }
    // The last epoch of the old chain is 102, which ends at 103 and dies at 106.
    let events = keyring.advance(at(106 * DAY)).unwrap();
    assert_eq!(events, [KeyEvent::Destroyed { domain: "meeting".into(), epoch: 100 }]);
    assert_eq!(keyring.rings[0].chains.len(), 1);
    assert_eq!(keyring.rings[0].chains[0].epoch, 103);
}

#[test]
fn a_renewal_begins_in_the_future_at_a_boundary_of_both_lengths() {
    let mut keyring = known("meeting", DAY, 30 * DAY, 100, 1);
    for from in [
        RenewFrom::Epoch(0),
        RenewFrom::Epoch(101),
        RenewFrom::Instant(noon(101)),
        RenewFrom::Instant(Timestamp(-1)),
    ] {
        let refused = keyring.renew("meeting", from, None, noon(101));
        assert!(matches!(refused, Err(KeyError::Renewal { .. })), "{from:?}");
    }
    // 104 is no multiple of 7.
    assert!(keyring.renew("meeting", RenewFrom::Epoch(104), Some(7 * DAY), noon(101)).is_err());
    assert!(keyring.renew("meeting", RenewFrom::Epoch(u64::MAX), None, noon(101)).is_err());
    assert!(keyring.renew("meeting", RenewFrom::Next, Some(1), noon(101)).is_err());
    assert!(keyring.renew("meeting", RenewFrom::Next, Some(31 * DAY), noon(101)).is_err());
    assert_eq!(keyring.rings[0].chains.len(), 1, "nothing changed");
    let events = keyring.renew("meeting", RenewFrom::Next, Some(7 * DAY), noon(101)).unwrap();
    assert_eq!(
        events,
        [KeyEvent::Renewed { domain: "meeting".into(), epoch: 105 / 7, epoch_seconds: 7 * DAY }]
    );
    assert_eq!(keyring.epoch_of(0, noon(104)), 104);
    assert_eq!(keyring.epoch_of(0, noon(105)), 15);
}

#[test]
fn a_renewal_replaces_one_that_was_never_used() {
    let mut keyring = known("meeting", DAY, 30 * DAY, 100, 1);
    let _ = keyring.renew("meeting", RenewFrom::Epoch(110), None, noon(101)).unwrap();
    let events = keyring.renew("meeting", RenewFrom::Epoch(105), Some(HOUR), noon(101)).unwrap();
    assert_eq!(
        events,
        [
            KeyEvent::Destroyed { domain: "meeting".into(), epoch: 110 },
            KeyEvent::Renewed { domain: "meeting".into(), epoch: 105 * 24, epoch_seconds: HOUR },
        ]
    );
    // And one behind it cuts it: three chains, each ending where the next begins.
    let _ = keyring.renew("meeting", RenewFrom::Instant(noon(107)), Some(DAY), noon(101)).unwrap();
    let untils: Vec<_> = keyring.rings[0].chains.iter().map(|chain| chain.until).collect();
    assert_eq!(untils, [Some(105), Some(108 * 24), None]);
    let text = keyring.to_text();
    assert!(Keyring::from_text(text.as_bytes()).is_ok());
}

#[test]
fn a_clock_before_the_keyring_renews_nothing() {
    let mut keyring = known("meeting", DAY, 30 * DAY, 100, 1);
    assert!(matches!(keyring.renew("meeting", RenewFrom::Next, None, noon(50)), Err(KeyError::Clock { .. })));
    assert_eq!(keyring.rings[0].chains.len(), 1);
}

#[test]
fn facts_tell_no_key() {
    let mut keyring = known("meeting", DAY, 14 * DAY, 100, 1);
    let _ = keyring.renew("meeting", RenewFrom::Epoch(103), None, noon(101)).unwrap();
    let facts = keyring.facts(noon(102));
    assert_eq!(facts.len(), 2);
    assert_eq!(facts[0].first_dies, at(115 * DAY));
    assert!(facts[0].current.as_ref().unwrap().starts_with("meeting/102/"));
    assert_eq!((facts[0].until, &facts[1].current), (Some(103), &None));
}

#[test]
fn any_history_keeps_the_rules() {
    // Operations on a keyring against the one rule that counts: a key is there exactly while its epoch lives.
    proptest::proptest!(|(steps in proptest::collection::vec((0_u8..4, 0_u64..5), 1..30))| {
        let mut keyring = known("meeting", DAY, 3 * DAY, 100, 1);
        let mut day = 101;
        for (operation, amount) in steps {
            match operation {
                0 | 1 => { day += amount; let _ = keyring.advance(noon(day)).unwrap(); }
                2 => { let _ = keyring.renew("meeting", RenewFrom::Epoch(day + 1 + amount), None, noon(day)).unwrap(); }
                _ => { keyring = Keyring::from_text(keyring.to_text().as_bytes()).unwrap(); }
            }
            for epoch in day.saturating_sub(8)..day + 4 {
                let lives = epoch >= 100 && epoch + 4 > day && epoch <= day;
                proptest::prop_assert_eq!(keyring.epoch_keys(0, epoch, noon(day)).is_ok(), lives);
            }
        }
    });
}
