//! What proves it: key events of whoever causes them, policies that were in force, heads that a run says, and an audit that holds what is
//! there against all of that (PI-4, PI-5, PI-8).
//!
//! *In*: a pipeline with a keyring that stores, and the program as a user runs it. *Promised*: whatever somebody takes, puts there, changes
//! or brings back is found. *Not here*: the chain (`retention`), sweeps (`stored`), the keyring (`keys`).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::{Event, Journal, PartOf};
use tempfile::TempDir;

use crate::support::{self, Run};

const POLICY: &str = r#"
[policy]
name = "proven"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
domain = "site"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"#;

const DOMAIN: &str = "\n[domain.site]\nepoch = \"1d\"\n";

const PIPELINE: &str = r#"
policy = "policy.toml"
state = "state"
keys = "keys"

[source.pipe]
kind = "stdin"
format = "common"
class = "web"

[sink.archive]
kind = "file"
path = "out"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

fn now() -> Timestamp {
    Timestamp::from_seconds(jiff::Timestamp::now().as_second())
}

struct Folder(TempDir);

impl Folder {
    /// A folder with a keyring and a pipeline that has run once with nothing to read.
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("policy.toml", &format!("{POLICY}{DOMAIN}"));
        folder.write("run.toml", PIPELINE);
        folder.keys("init", &["--domain", "site", "--retention", "14d"]).expect_code(0);
        folder.run(b"").expect_code(0);
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn keys(&self, command: &str, more: &[&str]) -> Run {
        let keys = self.path("keys");
        support::sluis(&[&["keys", command, "--keys", &keys], more].concat(), b"")
    }

    fn run(&self, input: &[u8]) -> Run {
        support::sluis(&["run", &self.path("run.toml"), "--once"], input)
    }

    /// A command on the pipeline file.
    fn sluis(&self, command: &[&str], more: &[&str]) -> Run {
        let pipeline = self.path("run.toml");
        support::sluis(&[command, &[&pipeline], more].concat(), b"")
    }

    /// What an audit finds, and its exit code held against that.
    fn violations(&self, more: &[&str]) -> Vec<String> {
        let run = self.sluis(&["audit"], &[&["--json"], more].concat());
        let report: Value = serde_json::from_slice(&run.out).unwrap();
        let all = report["violations"].as_array().unwrap();
        run.expect_code(i32::from(!all.is_empty()));
        all.iter().map(|one| format!("{}: {}", one["subject"].as_str().unwrap(), one["violation"])).collect()
    }

    #[track_caller]
    fn finds(&self, what: &str) {
        let found = self.violations(&[]);
        assert!(found.len() == 1 && found[0].contains(what), "{what}: {found:#?}");
    }

    /// Stores a part of so many bytes, and enters it.
    fn stored(&self, number: u32, bytes: u64) -> PathBuf {
        let due = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 10);
        let part = format!("{}.14d.1-{number}.ndjson", due.strftime("%Y-%m-%dT%H-%M-%SZ"));
        let path = self.at("out/web").join(&part);
        fs::write(&path, "x".repeat(usize::try_from(bytes).unwrap())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let part = PartOf { store: "sink.archive".into(), class: Some("web".into()), part };
        let deadline = Timestamp::from_seconds(due.as_second());
        self.enter(&Event::PartStored { part, bytes, records: 1, deadline });
        path
    }

    fn enter(&self, event: &Event) {
        let mut journal = Journal::open(&self.at("state"), now()).unwrap();
        journal.append(now(), std::slice::from_ref(event)).unwrap();
    }
}

fn out(run: &Run) -> String {
    String::from_utf8_lossy(&run.out).into_owned()
}

/// The events of a journal, in order.
fn events(directory: &Path) -> Vec<String> {
    let text = fs::read_to_string(directory.join("journal")).unwrap();
    let event = |line: &str| {
        let entry: Value = serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        entry["event"].as_str().unwrap().to_owned()
    };
    text.lines().map(event).collect()
}

/// PI-8: whoever changes the keyring, its journal says so.
#[test]
fn pi_8_every_key_event_is_entered_whoever_causes_it() {
    let folder = Folder::new();
    let identity = age::x25519::Identity::generate();
    let to = identity.to_public().to_string();
    folder.keys("renew", &[]).expect_code(0);
    folder.keys("export", &["--to", &to, "--output", &folder.path("sealed.age")]).expect_code(0);
    folder.keys("init", &["--domain", "site", "--retention", "30d"]).expect_code(0);
    folder.keys("advance", &[]).expect_code(0);
    assert_eq!(
        events(&folder.at("keys")),
        ["journal.started", "key.created", "key.renewed", "key.exported", "key.raised"],
        "an advance that destroys nothing enters nothing"
    );
    // The other node's, and a run that raises the retention by itself.
    {
        use age::secrecy::ExposeSecret;
        fs::write(folder.at("id"), identity.to_string().expose_secret()).unwrap();
    }
    let node = folder.path("node2");
    let import = [
        "keys",
        "import",
        "--keys",
        &node,
        "--identity",
        &folder.path("id"),
        "--from",
        &folder.path("sealed.age"),
    ];
    support::sluis(&import, b"").expect_code(0);
    assert_eq!(events(Path::new(&node)), ["journal.started", "key.imported"]);
    folder.write("policy.toml", &format!("{}{DOMAIN}", POLICY.replace("14d", "60d")));
    folder.run(b"").expect_code(0);
    assert_eq!(events(&folder.at("keys")).last().unwrap(), "key.raised");
    assert!(!events(&folder.at("state")).iter().any(|event| event.starts_with("key.")));
    // Both journals by the pipeline, or each by its directory.
    let shown = out(&folder.sluis(&["journal", "show"], &[]));
    assert!(shown.contains("policy.loaded") && shown.contains("key.renewed"), "{shown}");
    let keys = folder.path("keys");
    let shown = out(&support::sluis(&["journal", "show", "--keys", &keys], b""));
    assert!(!shown.contains("policy.loaded") && shown.contains("key.renewed"), "{shown}");
    let text = fs::read_to_string(folder.at("keys/journal")).unwrap();
    let keyring = fs::read_to_string(folder.at("keys/keyring")).unwrap();
    for (_, key) in keyring.lines().filter_map(|line| line.split_once(" key ")) {
        assert!(!text.contains(&key[..8]), "no key is in evidence");
    }
}

#[test]
fn pi_8_what_cannot_be_entered_is_not_done() {
    let folder = Folder::new();
    let (journal, away) = (folder.at("keys/journal"), folder.at("away"));
    fs::rename(&journal, &away).unwrap();
    // A directory bars the journal's name: works for root, too.
    fs::create_dir(&journal).unwrap();
    let before = fs::read(folder.at("keys/keyring")).unwrap();
    let sealed = folder.path("sealed.age");
    let to = age::x25519::Identity::generate().to_public().to_string();
    for (command, more) in [
        ("renew", &[][..]),
        ("init", &["--domain", "other", "--retention", "14d"]),
        ("export", &["--to", &to, "--output", &sealed]),
    ] {
        let refused = folder.keys(command, more);
        refused.expect_code(2);
        assert!(refused.err_text().contains("the keyring was left as it is"), "{}", refused.err_text());
    }
    assert_eq!(fs::read(folder.at("keys/keyring")).unwrap(), before);
    assert!(!folder.at("keys/keyring.tmp").exists() && !folder.at("sealed.age").exists());
    folder.write("policy.toml", &format!("{}{DOMAIN}", POLICY.replace("14d", "60d")));
    folder.run(b"").expect_code(2);
    fs::remove_dir(&journal).unwrap();
    fs::rename(&away, &journal).unwrap();
    folder.run(b"").expect_code(0);
    assert_eq!(events(&folder.at("keys")), ["journal.started", "key.created", "key.raised"]);
}

#[test]
fn a_keyring_of_before_there_were_journals_gets_one() {
    let folder = Folder::new();
    fs::remove_file(folder.at("keys/journal")).unwrap();
    folder.finds("keyring journal: \"there is none");
    folder.run(b"").expect_code(0);
    assert_eq!(events(&folder.at("keys")), ["journal.started"]);
    assert!(folder.violations(&[]).is_empty());
}

/// PI-5: a keyring that was restored from a backup holds what its journal calls destroyed.
#[test]
fn pi_5_a_keyring_that_came_back_from_a_backup_is_found() {
    let folder = Folder::new();
    let keyring = folder.at("keys/keyring");
    let backup = fs::read(&keyring).unwrap();
    // The second renewal takes the place of the first, which was never used.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 3);
    folder.keys("renew", &["--from", &later.to_string()]).expect_code(0);
    folder.keys("renew", &[]).expect_code(0);
    let renewed = fs::read(&keyring).unwrap();
    assert!(folder.violations(&[]).is_empty());
    // As if a key of these days had been destroyed since.
    let listed = out(&folder.keys("list", &[]));
    let first: u64 = listed.lines().nth(1).unwrap().split_whitespace().nth(2).unwrap().parse().unwrap();
    let advanced = sluis::keys::KeyEvent::Advanced { domain: "site".into(), from: first, to: first + 1 };
    let mut journal = Journal::open(&folder.at("keys"), now()).unwrap();
    journal.append(now(), &[Event::Key(advanced)]).unwrap();
    folder.finds(&format!("it holds the key of epoch {first} of domain site"));
    fs::write(&keyring, backup).unwrap();
    let found = folder.violations(&[]);
    assert!(found.len() == 2 && found[1].contains("it lacks the chain of domain site"), "{found:#?}");
    // A renewal in its place is a chain that nobody has a copy of.
    folder.keys("renew", &[]).expect_code(0);
    assert_eq!(folder.violations(&[]).len(), 1, "the key of these days is there still");
    fs::write(&keyring, renewed).unwrap();
    assert_eq!(folder.violations(&[]).len(), 1);
    fs::remove_file(&keyring).unwrap();
    folder.finds("no keyring here");
}

#[test]
fn every_policy_that_was_in_force_can_be_shown() {
    let folder = Folder::new();
    let first = format!("{POLICY}{DOMAIN}");
    let second = first.replace("14d", "7d").replace("2026-11-27", "2026-12-01");
    folder.run(b"").expect_code(0);
    folder.write("policy.toml", &second);
    folder.run(b"").expect_code(0);
    let state = folder.path("state");
    let history = support::sluis(&["policy", "history", "--state", &state, "--json"], b"");
    history.expect_code(0);
    let spans: Value = serde_json::from_slice(&history.out).unwrap();
    assert_eq!(spans.as_array().unwrap().len(), 2, "one that is loaded again is one span: {spans}");
    assert_eq!(spans[0]["until"], spans[1]["from"]);
    assert_eq!((&spans[1]["until"], &spans[1]["version"]), (&Value::Null, &"2026-12-01".into()));
    let hash = |at: usize| spans[at]["sha256"].as_str().unwrap().to_owned();
    for (at, text) in [(0, &first), (1, &second)] {
        let shown = folder.sluis(&["policy", "show", &hash(at)[..12]], &[]);
        assert_eq!(&out(shown.expect_code(0)), text);
    }
    folder.sluis(&["policy", "show", "nothing"], &[]).expect_code(2);
    let table = out(&folder.sluis(&["policy", "history"], &[]));
    assert!(table.contains("loaded last") && table.matches("archived").count() == 2, "{table}");
    // One that was changed, and one that is gone.
    let archived = folder.at("state/policies").join(format!("{}.toml", hash(0)));
    fs::write(&archived, &second).unwrap();
    folder.finds("is not what the archive has under its hash");
    folder.sluis(&["policy", "show", &hash(0)], &[]).expect_code(1);
    fs::remove_file(&archived).unwrap();
    folder.finds("is not in the archive");
    let history = folder.sluis(&["policy", "history"], &[]);
    history.expect_code(1);
    assert!(out(&history).contains("missing") && history.err_text().contains(".toml"), "{}", out(&history));
    // The remedy.
    fs::write(&archived, &first).unwrap();
    assert!(folder.violations(&[]).is_empty());
    folder.sluis(&["policy", "history"], &[]).expect_code(0);
}

/// PI-4, PI-8: parts that are gone, unknown or changed, or open to everyone.
#[test]
fn pi_4_parts_are_held_against_what_was_stored() {
    let folder = Folder::new();
    let hour = 3_600;
    let time =
        (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(hour)).strftime("%d/%b/%Y:%H:%M:%S +0000");
    let line = format!("192.0.2.7 - - [{time}] \"GET / HTTP/1.1\" 200 1\n");
    folder.run(line.as_bytes()).expect_code(0);
    let (one, two) = (folder.stored(1, 7), folder.stored(2, 9));
    assert_eq!(folder.violations(&[]).len(), 0, "what was stored a moment ago may wait for its entry");
    let report = out(&folder.sluis(&["audit"], &[]));
    assert!(report.contains("worst case") && report.contains("13d 23h 58m 31s"), "{report}");

    fs::write(&one, "xxxxxxxx").unwrap();
    folder.finds("parts are not as they were stored");
    fs::write(&one, "xxxxxxx").unwrap();
    fs::set_permissions(&one, Permissions::from_mode(0o644)).unwrap();
    folder.finds("can be read by everyone");
    fs::set_permissions(&one, Permissions::from_mode(0o640)).unwrap();
    let away = folder.at("away");
    fs::rename(&two, &away).unwrap();
    folder.finds("1 parts that the journal calls stored are gone, and nothing says who destroyed them");
    // One that is due had to go anyway.
    let late = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 11);
    let found = folder.violations(&["--as-of", &late.to_string()]);
    assert!(!found.iter().any(|found| found.contains("are gone")), "{found:#?}");
    fs::rename(&away, &two).unwrap();
    assert!(folder.violations(&[]).is_empty());
    // Whatever has no entry and lies there for longer than an entry takes.
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5);
    fs::write(one.with_file_name("2027-12-01T00-00-00Z.14d.9-9.ndjson"), "planted").unwrap();
    fs::set_permissions(
        one.with_file_name("2027-12-01T00-00-00Z.14d.9-9.ndjson"),
        Permissions::from_mode(0o640),
    )
    .unwrap();
    let found = folder.violations(&["--as-of", &soon.to_string()]);
    assert!(found.len() == 1 && found[0].contains("the journal never called stored"), "{found:#?}");
    // A sink by another name forgets what it stored.
    folder.write("run.toml", &PIPELINE.replace("sink.archive", "sink.other"));
    let found = folder.violations(&[]);
    assert!(
        found.iter().any(|found| found.contains("a store that the pipeline no longer has")),
        "{found:#?}"
    );
}

/// Whoever audits while parts come and go hears of nothing.
#[test]
fn an_audit_beside_a_run_at_work_gives_no_false_alarm() {
    use sluis::governance::audit::{Scope, audit};
    use sluis::retention::sweep::Place;

    let folder = Folder::new();
    let directory = folder.at("out/web");
    let place = Place {
        store: "sink.archive".into(),
        class: Some("web".into()),
        directory,
        lives: sluis::policy::class::Lives::through(14 * 86_400),
        encrypted: false,
    };
    let state = folder.at("state");
    let mut audits = 0;
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            for number in 0..300 {
                let path = folder.stored(number, 3);
                let part = path.file_name().unwrap().to_str().unwrap().to_owned();
                let part = PartOf { store: "sink.archive".into(), class: Some("web".into()), part };
                let because = sluis::retention::journal::Because::Policy;
                folder.enter(&Event::PartDestroyed { part, bytes: 3, deadline: now(), because });
                fs::remove_file(path).unwrap();
            }
            for number in (300..600).step_by(2) {
                let (path, other) = (folder.stored(number, 3), folder.stored(number + 1, 4));
                let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
                let part =
                    PartOf { store: "sink.archive".into(), class: Some("web".into()), part: name(&path) };
                let one = path.with_file_name(format!(".{}.partial", name(&path)));
                fs::write(&one, "xxxxxxx").unwrap();
                let deadline = now().plus_seconds(86_400);
                let merged = vec![name(&other)];
                folder.enter(&Event::PartMerged { part, merged, bytes: 7, records: 2, deadline });
                fs::rename(one, path).unwrap();
                fs::remove_file(other).unwrap();
            }
        });
        while !work.is_finished() {
            let looked = Scope {
                places: std::slice::from_ref(&place),
                worst_seconds: &[0],
                state: &state,
                keys: None,
                anchored: None,
                keyring_anchored: None,
                now: now(),
            };
            let report = audit(&looked).unwrap();
            let others = "can be read by everyone";
            let wrong: Vec<_> = report.violations.iter().filter(|one| !one.what.contains(others)).collect();
            assert!(wrong.is_empty(), "{wrong:?}");
            audits += 1;
        }
    });
    assert!(audits > 0);
}

#[test]
fn a_journal_that_everyone_may_read_or_nobody_can_is_a_violation() {
    let folder = Folder::new();
    let journal = folder.at("state/journal");
    fs::set_permissions(&journal, Permissions::from_mode(0o644)).unwrap();
    folder.finds("is open to everyone on this machine");
    fs::set_permissions(&journal, Permissions::from_mode(0o640)).unwrap();
    for name in ["state/journal", "keys/journal"] {
        let text = fs::read_to_string(folder.at(name)).unwrap();
        folder.write(name, &text.replacen("started", "stopped", 1));
        folder.finds("entry 1, at byte 0, does not follow");
        folder.write(name, &text);
    }
}

#[test]
fn heads_that_were_kept_prove_both_journals() {
    let folder = Folder::new();
    folder.keys("renew", &[]).expect_code(0);
    let heads = out(folder.sluis(&["journal", "head"], &[]).expect_code(0));
    assert!(heads.lines().nth(1).unwrap().starts_with("keyring 3:"), "{heads}");
    let verified = folder.sluis(&["journal", "verify"], &["--head", &heads]);
    assert_eq!(out(verified.expect_code(0)).matches("up to the anchored head").count(), 2);
    assert!(folder.violations(&["--head", &heads]).is_empty());
    // The end of the keyring's journal is cut off, and then all of it.
    let journal = folder.at("keys/journal");
    let text = fs::read_to_string(&journal).unwrap();
    let cut: String = text.split_inclusive('\n').take(2).collect();
    fs::write(&journal, cut).unwrap();
    folder.sluis(&["journal", "verify"], &["--head", &heads]).expect_code(1);
    let found = folder.violations(&["--head", &heads]);
    assert!(found.len() == 1 && found[0].contains("its end was cut off"), "{found:#?}");
    fs::remove_file(&journal).unwrap();
    folder.sluis(&["journal", "verify"], &["--head", &heads]).expect_code(1);
}

#[test]
fn a_run_says_where_its_journals_end() {
    let folder = Folder::new();
    // Nothing entered but the policy, which the next head covers.
    assert_eq!(out(folder.run(b"").expect_code(0)), "");
    let pipeline = folder.path("run.toml");
    let said = support::sluis(&["run", &pipeline], b"");
    let text = out(said.expect_code(0));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "at the start, and no more since nothing changed: {text}");
    assert!(lines[0].starts_with("sluis: journal head ") && lines[0].contains(" at 20"), "{text}");
    assert!(lines[1].starts_with("sluis: keyring journal head "), "{text}");
    folder.sluis(&["journal", "verify"], &["--head", &text]).expect_code(0);
    // Something is destroyed during a run that ends with its input.
    let due = folder.at("out/web/2026-01-01T00-00-00Z.14d.1-1.ndjson");
    fs::write(due, "record\n").unwrap();
    let text = out(folder.run(b"").expect_code(0));
    assert!(text.starts_with("sluis: journal head ") && text.lines().count() == 1, "{text}");
    // Where records go to standard output, nothing else does.
    let pipeline = PIPELINE.replace("kind = \"file\"\npath = \"out\"", "kind = \"stdout\"");
    folder.write("run.toml", &pipeline);
    let run = folder.sluis(&["run"], &[]);
    assert_eq!(out(run.expect_code(0)), "");
    assert!(run.err_text().contains("sluis: journal head "), "{}", run.err_text());
}

#[test]
fn what_cannot_be_kept_in_time_is_refused_at_the_start() {
    let folder = Folder::new();
    let policy = POLICY.replace("14d", "90s").replace("\"pseudonymise\"", "\"truncate\"");
    folder.write("policy.toml", &policy.replace("domain = \"site\"\n", ""));
    let refused = folder.sluis(&["check"], &[]);
    refused.expect_code(2);
    assert!(refused.err_text().contains("sweeps cannot keep less than 1m 36s"), "{}", refused.err_text());
    folder.write("policy.toml", &format!("{POLICY}{DOMAIN}"));
    let checked = out(folder.sluis(&["check"], &[]).expect_code(0));
    assert!(checked.contains("less a margin of 2m: at most 13d 23h 58m 31s old while"), "{checked}");
}
