//! What was stored is destroyed by its deadline, and the journal proves it (PI-4, PI-8).
//!
//! *In*: a pipeline that stores, and `sluis sweep` and `sluis journal` on what it left. *Promised*: the program as a user runs it.
//! *Not here*: the chain and the sweep by themselves (`retention`).

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::{self, Run};

const POLICY: &str = r#"
[policy]
name = "stored"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "truncate"
"url.path" = "scrub"
"#;

const PIPELINE: &str = r#"
policy = "policy.toml"
state = "state"

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

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

struct Folder(TempDir);

impl Folder {
    /// A folder with a pipeline that has stored a record of each age, in seconds.
    fn stored(ages: &[i64]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("policy.toml", POLICY);
        folder.write("run.toml", PIPELINE);
        let ended = folder.store(ages);
        assert_eq!(ended.stats().out, ages.len() as u64, "{}", ended.err_text());
        folder
    }

    fn store(&self, ages: &[i64]) -> Run {
        let run = self.run(ages);
        run.expect_code(0);
        run
    }

    fn run(&self, ages: &[i64]) -> Run {
        let line = |age: &i64| {
            let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(*age);
            let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
            format!("192.0.2.77 - - [{time}] \"GET /secret-path HTTP/1.1\" 200 1\n")
        };
        let input: String = ages.iter().map(line).collect::<Vec<String>>().concat();
        support::sluis(&["run", &self.path("run.toml"), "--once", "--stats=json"], input.as_bytes())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn parts(&self) -> Vec<PathBuf> {
        let folder = self.0.path().join("out/web");
        support::files_under(&folder).into_iter().map(|file| folder.join(file)).collect()
    }

    fn sweep(&self, more: &[&str]) -> Run {
        let pipeline = self.path("run.toml");
        support::sluis(&[&["sweep", &pipeline], more].concat(), b"")
    }

    fn journal(&self, command: &str, more: &[&str]) -> Run {
        let state = self.path("state");
        support::sluis(&[&["journal", command, "--state", &state], more].concat(), b"")
    }

    /// What happened but for parts that were stored, in order.
    fn events(&self) -> Vec<String> {
        let run = self.journal("show", &["--json"]);
        run.expect_code(0);
        let entry = |line: &&[u8]| serde_json::from_slice::<serde_json::Value>(line).unwrap();
        let events = run
            .lines()
            .iter()
            .map(|line| entry(line)["event"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>();
        events.into_iter().filter(|event| event != "part.stored").collect()
    }
}

fn out(run: &Run) -> String {
    String::from_utf8_lossy(&run.out).into_owned()
}

#[test]
fn pi_4_a_sweep_destroys_what_is_due_and_nothing_else() {
    // Due in a little more than an hour, and in ten days.
    let folder = Folder::stored(&[14 * DAY - 2 * HOUR - 1800, 4 * DAY]);
    assert_eq!(folder.parts().len(), 2);
    let shown = folder.sweep(&["--dry-run", "--margin", "4h"]);
    shown.expect_code(0);
    assert!(out(&shown).contains("1 parts are due, 1 may stay; nothing was destroyed"), "{}", out(&shown));
    assert_eq!(folder.parts().len(), 2);
    folder.sweep(&[]).expect_code(0);
    assert_eq!(folder.parts().len(), 2, "not yet due");
    let swept = folder.sweep(&["--margin", "4h"]);
    swept.expect_code(0);
    assert_eq!(folder.parts().len(), 1);
    assert!(out(&swept).contains("sink.archive  web            1"), "{}", out(&swept));
    // Asked as of the day after the last deadline, all is due.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(11 * 24);
    let shown = folder.sweep(&["--dry-run", "--as-of", &later.to_string()]);
    assert!(out(&shown).contains("1 parts are due, 0 may stay"), "{}", out(&shown));
    assert_eq!(folder.events(), ["journal.started", "policy.loaded", "part.destroyed"]);
}

#[test]
fn pi_4_a_shortened_policy_applies_at_the_next_sweep() {
    let folder = Folder::stored(&[10 * DAY, 2 * DAY]);
    folder.write("policy.toml", &POLICY.replace("14d", "7d"));
    folder.sweep(&[]).expect_code(0);
    assert_eq!(folder.parts().len(), 1);
    folder.write("policy.toml", &POLICY.replace("14d", "90d"));
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(12 * 24 + 1);
    let shown = folder.sweep(&["--dry-run", "--as-of", &later.to_string()]);
    assert!(out(&shown).contains("1 parts are due, 0 may stay"), "a longer one lengthens nothing");
}

#[test]
fn pi_4_a_running_pipeline_sweeps_by_itself() {
    let folder = Folder::stored(&[DAY]);
    let young = folder.parts().remove(0);
    let due = young.with_file_name("2026-01-01T00-00-00Z.14d.1-1.ndjson");
    fs::rename(&young, &due).unwrap();
    folder.store(&[DAY]);
    assert!(!due.exists());
    assert_eq!(folder.parts().len(), 1);
    let events = folder.events();
    assert_eq!(events.iter().filter(|event| *event == "part.destroyed").count(), 1, "{events:?}");
}

#[test]
fn a_clock_that_was_ahead_and_is_put_right_destroys_nothing_until_somebody_says_so() {
    let folder = Folder::stored(&[DAY]);
    // As if the clock had been a month ahead for a while: an entry says so.
    let state = folder.0.path().join("state");
    let ahead = jiff::Timestamp::now().as_second() + 30 * DAY;
    let ahead = sluis::record::timestamp::Timestamp::from_seconds(ahead);
    sluis::retention::journal::Journal::open(&state, ahead)
        .and_then(|mut journal| journal.append(ahead, &[sluis::retention::journal::Event::Resumed]))
        .unwrap();
    let due = folder.parts()[0].with_file_name("2026-01-01T00-00-00Z.14d.1-1.ndjson");
    fs::write(&due, "record\n").unwrap();
    let refused = folder.sweep(&[]);
    refused.expect_code(4);
    assert!(refused.err_text().contains("--clock-ok"), "{}", refused.err_text());
    // A run says it, too, and takes nothing, this time and the next. The pause is entered once.
    for _ in 0..2 {
        let refused = folder.run(&[DAY]);
        refused.expect_code(4);
        assert!(refused.err_text().contains("--clock-ok"), "{}", refused.err_text());
    }
    assert!(due.exists());
    let events = folder.events();
    assert_eq!(events.last().unwrap(), "destruction.paused");
    assert_eq!(events.iter().filter(|event| *event == "destruction.paused").count(), 1);
    folder.sweep(&["--clock-ok"]).expect_code(0);
    assert!(!due.exists());
    assert!(!folder.store(&[DAY]).err_text().contains("--clock-ok"));
}

#[test]
fn pi_4_an_audit_finds_whatever_is_not_as_the_policy_says() {
    let folder = Folder::stored(&[10 * DAY, HOUR]);
    let audit = |more: &[&str]| {
        let pipeline = folder.path("run.toml");
        support::sluis(&[&["audit", &pipeline], more].concat(), b"")
    };
    let clean = audit(&[]);
    clean.expect_code(0);
    assert!(out(&clean).contains("sink.archive  web    14d    10d"), "{}", out(&clean));
    assert!(out(&clean).contains("no violation"), "{}", out(&clean));
    // As of a time at which the older part is due, nobody having swept.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(5 * 24);
    let late = audit(&["--as-of", &later.to_string(), "--json"]);
    late.expect_code(1);
    let report: serde_json::Value = serde_json::from_slice(&late.out).unwrap();
    assert_eq!(report["violations"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!((&report["stores"][0]["parts"], &report["journal"]["anchored"]), (&2.into(), &false.into()));
    // A foreign file, an open directory, a part that came back from a backup, and a journal that was cut.
    let head = out(&folder.journal("head", &[]));
    let part = folder.parts().into_iter().min().unwrap();
    let bytes = fs::read(&part).unwrap();
    folder.write("policy.toml", &POLICY.replace("14d", "7d"));
    folder.sweep(&[]).expect_code(0);
    folder.write("policy.toml", POLICY);
    audit(&["--head", head.trim()]).expect_code(0);
    let last = out(&folder.journal("head", &[]));
    fs::write(&part, bytes).unwrap();
    folder.write("out/web/notes.txt", "x");
    let web = folder.0.path().join("out/web");
    fs::set_permissions(&web, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let journal = fs::read_to_string(folder.path("state/journal")).unwrap();
    let cut: String = journal.split_inclusive('\n').take(2).collect();
    let found = audit(&["--head", last.trim()]);
    found.expect_code(1);
    for violation in
        ["1 files are not ours", "is open to everyone", "1 parts that the journal calls destroyed are there"]
    {
        assert!(out(&found).contains(violation), "{violation}: {}", out(&found));
    }
    folder.write("state/journal", &cut);
    assert!(out(&audit(&["--head", last.trim()])).contains("its end was cut off"));
}

#[test]
fn two_runs_on_one_state_directory_are_refused() {
    let folder = Folder::stored(&[DAY]);
    let pipeline = folder.path("run.toml");
    let first = support::spawn(support::program().args(["run", &pipeline, "--stats=json"]));
    let pid = first.id().to_string();
    // It has entered its policy once it holds the lock.
    while fs::read_to_string(folder.path("state/run.lock")).unwrap_or_default().trim() != pid {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let second = support::sluis(&["run", &pipeline, "--once"], b"");
    second.expect_code(2);
    assert!(second.err_text().contains(&format!("process {pid}")), "{}", second.err_text());
    // Others work beside it.
    folder.sweep(&[]).expect_code(0);
    folder.journal("verify", &[]).expect_code(0);
    support::finish(first, b"", 1).expect_code(0);
    folder.store(&[DAY]);
}

#[test]
fn pi_8_the_journal_proves_itself_and_names_no_one() {
    let folder = Folder::stored(&[10 * DAY, 11 * DAY, 12 * DAY]);
    folder.write("policy.toml", &POLICY.replace("14d", "7d"));
    folder.sweep(&[]).expect_code(0);
    let head = out(&folder.journal("head", &[]));
    let head = head.trim();
    assert_eq!(fs::read_to_string(folder.path("state/journal.head")).unwrap().trim(), head);
    let verified = folder.journal("verify", &["--head", head]);
    verified.expect_code(0);
    // Begun, a policy, three parts stored and three destroyed.
    assert!(out(&verified).starts_with("8 entries follow from each other; up to the anchored head"));
    assert!(out(&folder.journal("verify", &[])).contains("cut from the end is not proven"));
    let shown = out(&folder.journal("show", &[]));
    assert_eq!(shown.matches("part.destroyed").count(), 3, "{shown}");
    let journal = folder.path("state/journal");
    let text = fs::read_to_string(&journal).unwrap();
    for secret in ["192.0.2", "secret-path", "/tmp", "run.toml"] {
        assert!(!text.contains(secret) && !shown.contains(secret), "{secret}");
    }
    // One character changed, the last line cut, the second taken out.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (changed, said) in [
        (text.replacen("\"class\":\"web\"", "\"class\":\"wed\"", 1), "entry 3, at byte"),
        (lines[..7].concat(), "the journal ends with entry 7, but entry 8 was anchored"),
        ([&lines[..1], &lines[2..]].concat().concat(), "entry 3 stands where 2 should"),
    ] {
        fs::write(&journal, changed).unwrap();
        let found = folder.journal("verify", &["--head", head]);
        found.expect_code(1);
        assert!(found.err_text().contains(said), "{}", found.err_text());
    }
    // What is no journal is not written to, and nothing is destroyed then.
    fs::write(&journal, "something else\n").unwrap();
    folder.sweep(&["--margin", "300d"]).expect_code(4);
    assert_eq!(fs::read_to_string(&journal).unwrap(), "something else\n");
}
