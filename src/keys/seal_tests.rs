use super::*;
use crate::keys::pseudonym::TokenKind;
use crate::keys::renewal::RenewFrom;
use crate::record::timestamp::Timestamp;
use age::secrecy::ExposeSecret;

const DAY: u64 = 86_400;

fn noon(day: u64) -> Timestamp {
    Timestamp::from_seconds((day * DAY + DAY / 2).cast_signed())
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    let _ = keyring.create("meeting", DAY, 14 * DAY, noon(20_000)).unwrap();
    keyring
}

fn copy(keyring: &Keyring) -> Keyring {
    Keyring::from_text(keyring.to_text().as_bytes()).unwrap()
}

fn token(keyring: &Keyring, epoch: u64, now: u64) -> Option<String> {
    let domain = keyring.domain("meeting").unwrap();
    let keys = keyring.epoch_keys(domain, epoch, noon(now)).ok()?;
    Some(keys.token(TokenKind::User, b"someone").to_string())
}

#[test]
fn sealed_chains_open_with_their_identity_only() {
    let keyring = keyring();
    let identity = age::x25519::Identity::generate();
    let (sealed, events) = seal(&keyring, &identity.to_public().to_string()).unwrap();
    assert!(matches!(&events[..], [KeyEvent::Exported { domains: 1, .. }]));
    let text = identity.to_string();
    let opened = open(&sealed, text.expose_secret().as_bytes()).unwrap();
    assert_eq!(*opened.to_text(), *keyring.to_text());

    let other = age::x25519::Identity::generate().to_string();
    assert!(matches!(open(&sealed, other.expose_secret().as_bytes()), Err(KeyError::Seal(_))));
    assert!(open(&sealed, &b"# nothing\n"[..]).is_err());
    assert!(open(&sealed, &b"not an identity\n"[..]).is_err());
    for end in 0..sealed.len() {
        assert!(open(&sealed[..end], text.expose_secret().as_bytes()).is_err(), "cut at {end}");
    }
    assert!(matches!(seal(&keyring, "age1nonsense"), Err(KeyError::Seal(_))));
}

#[test]
fn a_new_domain_is_taken_over() {
    let theirs = keyring();
    let mut ours = Keyring::default();
    let events = ours.merge(copy(&theirs)).unwrap();
    assert_eq!(events, [KeyEvent::Imported { domain: "meeting".into() }]);
    assert_eq!(*ours.to_text(), *theirs.to_text());
    assert!(ours.merge(copy(&theirs)).unwrap().is_empty(), "a second time there is nothing to do");
}

#[test]
fn a_dead_key_does_not_come_back() {
    let old = keyring();
    let mut ours = copy(&old);
    let _ = ours.advance(noon(20_010)).unwrap();
    let before = ours.to_text();
    assert!(ours.merge(old).unwrap().is_empty());
    assert_eq!(*ours.to_text(), *before);
}

#[test]
fn another_chain_is_refused_and_nothing_changes() {
    let (mut ours, mut theirs) = (keyring(), keyring());
    let _ = theirs.create("telephony", DAY, DAY, noon(20_000)).unwrap();
    let before = ours.to_text();
    assert!(matches!(ours.merge(theirs), Err(KeyError::Conflict { domain }) if domain == "meeting"));
    assert_eq!(*ours.to_text(), *before);
}

#[test]
fn a_renewal_travels() {
    let mut theirs = keyring();
    let mut ours = copy(&theirs);
    let _ = ours.advance(noon(20_003)).unwrap();
    let _ = theirs.renew("meeting", RenewFrom::Epoch(20_005), None, noon(20_002)).unwrap();
    let events = ours.merge(copy(&theirs)).unwrap();
    assert_eq!(events, [KeyEvent::Imported { domain: "meeting".into() }]);
    for epoch in 19_990..=20_007 {
        assert_eq!(token(&ours, epoch, 20_007), token(&theirs, epoch, 20_007), "epoch {epoch}");
    }
    // The other way round there is nothing to learn, also when the old chain has died at one of them.
    let late = noon(20_005 + 14);
    let _ = ours.advance(late).unwrap();
    assert_eq!(ours.rings[0].chains.len(), 1);
    assert!(theirs.merge(copy(&ours)).unwrap().is_empty());
    let after = ours.to_text();
    assert!(ours.merge(theirs).unwrap().is_empty());
    assert_eq!(*ours.to_text(), *after);
}

#[test]
fn two_different_renewals_are_refused() {
    let mut theirs = keyring();
    let mut ours = copy(&theirs);
    let _ = theirs.renew("meeting", RenewFrom::Epoch(20_005), None, noon(20_002)).unwrap();
    let _ = ours.renew("meeting", RenewFrom::Epoch(20_005), None, noon(20_002)).unwrap();
    assert!(matches!(ours.merge(copy(&theirs)), Err(KeyError::Conflict { .. })));
    let mut ours = keyring();
    let mut theirs = copy(&ours);
    let _ = theirs.renew("meeting", RenewFrom::Epoch(20_005), None, noon(20_002)).unwrap();
    let _ = ours.renew("meeting", RenewFrom::Epoch(20_006), None, noon(20_002)).unwrap();
    assert!(matches!(ours.merge(theirs), Err(KeyError::Conflict { .. })));
}

#[test]
fn a_longer_retention_is_taken_over_and_a_shorter_is_not() {
    let mut theirs = keyring();
    let mut ours = copy(&theirs);
    let _ = theirs.require("meeting", DAY, 30 * DAY, noon(20_000)).unwrap();
    assert!(matches!(&ours.merge(copy(&theirs)).unwrap()[..], [KeyEvent::Raised { .. }]));
    let _ = ours.require("meeting", DAY, 40 * DAY, noon(20_000)).unwrap();
    assert!(ours.merge(theirs).unwrap().is_empty());
}
