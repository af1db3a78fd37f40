use super::*;

#[test]
fn durations_are_read_and_written() {
    let cases = [
        ("90s", 90),
        ("5m", 300),
        ("12h", 43_200),
        ("14d", 1_209_600),
        ("2w", 1_209_600),
        ("1h", 3_600),
        ("1y", 31_536_000),
    ];
    for (text, seconds) in cases {
        assert_eq!(duration(text), Ok(seconds));
        assert_eq!(duration(&in_words(seconds)), Ok(seconds));
    }
    for text in ["", "d", "14", "-1d", "0d", "1.5h", "é", "99999999999999999999d", "9999999999999999w"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn the_start_of_a_renewal_is_a_number_a_date_an_instant_or_next() {
    assert_eq!(from("next"), Ok(RenewFrom::Next));
    assert_eq!(from("20413"), Ok(RenewFrom::Epoch(20_413)));
    assert_eq!(from("2026-11-21"), Ok(RenewFrom::Instant(Timestamp::from_seconds(1_795_219_200))));
    assert_eq!(from("2026-11-21T12:00:00Z"), Ok(RenewFrom::Instant(Timestamp::from_seconds(1_795_262_400))));
    assert!(from("tomorrow").is_err());
    assert!(from("2026-13-01").is_err());
}

#[test]
fn a_table_is_aligned() {
    let fact = ChainFacts {
        domain: "meeting".to_owned(),
        epoch_seconds: 86_400,
        retention_seconds: 1_209_600,
        first_epoch: 20_413,
        first_start: Timestamp::from_seconds(20_413 * 86_400),
        first_dies: Timestamp::from_seconds(20_428 * 86_400),
        until: None,
        current: Some("meeting/20427/01234567".to_owned()),
    };
    let text = table(&[fact], Timestamp::from_seconds(20_427 * 86_400));
    assert_eq!(
        text,
        "domain or storage  epoch  oldest key  since       retention  oldest key dies  current epoch\n\
         meeting            1d     20413       2025-11-21  14d        2025-12-06       meeting/20427/01234567\n"
    );
}

#[derive(clap::Parser)]
struct Whole {
    #[command(flatten)]
    args: KeysArgs,
}

fn run_line(words: &[&str]) -> Result<u8, KeyError> {
    use clap::Parser;
    let whole = Whole::try_parse_from(std::iter::once(&"keys").chain(words));
    run(&whole.unwrap_or_else(|error| panic!("{error}")).args)
}

#[test]
fn a_keyring_is_made_renewed_and_carried_to_another_node() {
    use age::secrecy::ExposeSecret;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (here, there, sealed, key) = (path("here"), path("there"), path("sealed"), path("key"));
    let identity = age::x25519::Identity::generate();
    std::fs::write(&key, format!("# a node\n{}\n", identity.to_string().expose_secret())).unwrap();
    let to = identity.to_public().to_string();
    let init = ["init", "--keys", &here, "--domain", "a", "--domain", "b", "--retention", "14d"];
    assert_eq!(run_line(&init).unwrap(), 0);
    assert_eq!(run_line(&init).unwrap(), 0, "a second time there is nothing to do");
    assert!(run_line(&["list", "--keys", &there]).is_err());
    run_line(&["renew", "--keys", &here, "--domain", "b", "--epoch", "12h"]).unwrap();
    run_line(&["advance", "--keys", &here]).unwrap();
    let export = ["export", "--keys", &here, "--to", &to, "--output", &sealed];
    run_line(&export).unwrap();
    assert!(run_line(&export).is_err(), "an export overwrites nothing");
    run_line(&["import", "--keys", &there, "--identity", &key, "--from", &sealed]).unwrap();
    run_line(&["list", "--keys", &there]).unwrap();
    let facts = |dir: &str| keys::list(Path::new(dir), now()).unwrap();
    assert_eq!(facts(&here), facts(&there));
    assert_eq!(facts(&here).len(), 3);
}

#[test]
fn the_arguments_hold_together() {
    use clap::CommandFactory;
    Whole::command().debug_assert();
    assert!(!Whole::command().render_long_help().to_string().contains("as-of"));
}
