//! Files that are followed by the program as a user runs it: rotation, restarts, and what is promised when it is killed (PI-9).
//!
//! *In*: a log that grows, `sluis run`. *Promised*: every line is stored once. *Not here*: the cases of rotation one by one
//! (`source::follow`), many kills (`kill`), real servers (`rotation`).

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{self, Run};

const POLICY: &str = r#"
[policy]
name = "follow"
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
"url.path" = { keep_prefixes = ["/n/"], else = "drop" }
"#;

const PIPELINE: &str = r#"
policy = "policy.toml"
state = "state"

[source.nginx]
kind = "file"
path = "log/access.log"
format = "common"
class = "web"

[sink.archive]
kind = "file"
path = "out"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
part_secs_max = 1
"#;

const STDOUT: &str = r#"
[sink.archive]
kind = "stdout"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

struct Folder(TempDir);

impl Folder {
    fn new(pipeline: &str) -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("policy.toml", POLICY);
        folder.write("run.toml", pipeline);
        fs::create_dir(folder.path("log")).unwrap();
        fs::create_dir(folder.path("out")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Appends requests with these numbers.
    fn log(&self, numbers: std::ops::Range<u32>) {
        let time = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        let line = |number| format!("192.0.2.77 - - [{time}] \"GET /n/{number} HTTP/1.1\" 200 1\n");
        let lines = numbers.map(line).collect::<Vec<_>>().concat();
        let mut log = OpenOptions::new().append(true).create(true).open(self.path("log/access.log")).unwrap();
        log.write_all(lines.as_bytes()).unwrap();
    }

    fn rotate(&self, to: &str) {
        fs::rename(self.path("log/access.log"), self.path(&format!("log/{to}"))).unwrap();
    }

    fn spawn(&self) -> Child {
        support::spawn(support::program().args(["run", &self.text("run.toml"), "--stats=json"]))
    }

    fn once(&self) -> Run {
        let run = support::sluis(&["run", &self.text("run.toml"), "--once", "--stats=json"], b"");
        run.expect_code(0);
        run
    }

    /// The numbers in visible parts, and how often each is there.
    fn stored(&self) -> BTreeMap<u32, u32> {
        let mut found = BTreeMap::new();
        for part in support::files_under(&self.path("out")) {
            if part.file_name().unwrap().to_str().unwrap().starts_with('.') {
                continue;
            }
            for number in numbers(&fs::read(self.path("out").join(part)).unwrap()) {
                *found.entry(number).or_default() += 1;
            }
        }
        found
    }

    fn wait_for(&self, numbers: u32) {
        let began = Instant::now();
        while self.stored().len() < numbers as usize {
            assert!(began.elapsed() < PATIENCE, "{} of {numbers} are stored", self.stored().len());
            thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn expect_each_once(&self, numbers: u32) {
        let stored = self.stored();
        let missing: Vec<_> = (0..numbers).filter(|number| !stored.contains_key(number)).collect();
        let doubled: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
        assert!(missing.is_empty() && doubled.is_empty(), "missing {missing:?}, doubled {doubled:?}");
        assert_eq!(stored.len(), numbers as usize);
    }
}

fn numbers(text: &[u8]) -> Vec<u32> {
    let text = String::from_utf8_lossy(text);
    let after = text.split("/n/").skip(1);
    after.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()).collect()
}

fn stop(child: Child) -> Run {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    support::finish(child, b"", 1)
}

#[test]
fn pi_9_a_log_is_followed_through_rotation_and_restarts() {
    let folder = Folder::new(PIPELINE);
    folder.log(0..10);
    let run = folder.spawn();
    folder.wait_for(10);
    folder.rotate("access.log.1");
    folder.log(10..20);
    folder.wait_for(20);
    let ended = stop(run);
    ended.expect_code(0);
    assert_eq!(ended.stats().out, 20);
    // While it is down: rotated and grown, and grown before that.
    folder.log(20..25);
    folder.rotate("access.log.1");
    folder.log(25..30);
    let run = folder.spawn();
    folder.wait_for(30);
    stop(run).expect_code(0);
    folder.expect_each_once(30);
    // Once goes on from there, too, and then finds nothing.
    folder.log(30..40);
    assert_eq!(folder.once().stats().out, 10);
    assert_eq!(folder.once().stats().taken, 0);
    folder.expect_each_once(40);
}

/// Killed in the middle: what was not committed is read again, and what was visible is not doubled.
#[test]
fn pi_9_a_kill_neither_loses_nor_doubles_what_files_hold() {
    let folder = Folder::new(PIPELINE);
    folder.log(0..100);
    let mut run = folder.spawn();
    folder.wait_for(100);
    // Taken, and not yet visible.
    folder.log(100..200);
    thread::sleep(Duration::from_millis(300));
    run.kill().unwrap();
    run.wait().unwrap();
    folder.once();
    folder.expect_each_once(200);
    let audit = support::sluis(&["audit", &folder.text("run.toml")], b"");
    audit.expect_code(0);
}

/// Long parts: a checkpoint counts on what is in them, and a restart makes it visible.
#[test]
fn pi_9_an_open_part_outlives_a_kill_up_to_its_checkpoint() {
    let folder = Folder::new(&PIPELINE.replace("part_secs_max = 1", "part_secs_max = 600"));
    folder.log(0..50);
    let mut run = folder.spawn();
    let began = Instant::now();
    let checkpoint = || fs::read_to_string(folder.path("state/checkpoint")).unwrap_or_default();
    while !checkpoint().contains("\"records\":50") {
        assert!(began.elapsed() < PATIENCE, "{}", checkpoint());
        thread::sleep(Duration::from_millis(50));
    }
    folder.log(50..60);
    thread::sleep(Duration::from_millis(300));
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(folder.stored().len(), 0);
    let again = folder.once();
    assert_eq!(again.stats().out, 10, "50 of them came back as they were");
    folder.expect_each_once(60);
    // A checkpoint that is none is no reason to begin anew.
    folder.write("state/checkpoint", "{}");
    let refused = support::sluis(&["run", &folder.text("run.toml"), "--once"], b"");
    refused.expect_code(4);
    assert!(refused.err_text().contains("checkpoint: cannot be understood"), "{}", refused.err_text());
}

/// To a pipe every line at least once, and once when it is stopped in order.
#[test]
fn pi_9_what_was_written_to_a_pipe_is_not_written_again_after_an_orderly_stop() {
    let end = PIPELINE.find("[sink.archive]").unwrap();
    let folder = Folder::new(&format!("{}{STDOUT}", &PIPELINE[..end]));
    folder.log(0..10);
    let run = folder.spawn();
    thread::sleep(Duration::from_millis(600));
    let first = stop(run);
    assert_eq!(numbers(&first.out), (0..10).collect::<Vec<_>>());
    folder.log(10..12);
    assert_eq!(numbers(&folder.once().out), [10, 11]);
}

/// After a kill, what was written since the last checkpoint may be written again, and nothing is missing.
#[test]
fn pi_9_what_is_written_to_a_pipe_is_written_at_least_once() {
    let end = PIPELINE.find("[sink.archive]").unwrap();
    let folder = Folder::new(&format!("{}{STDOUT}", &PIPELINE[..end]));
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..4 {
        folder.log(round * 10..round * 10 + 10);
        let mut run = folder.spawn();
        thread::sleep(Duration::from_millis(u64::from(400 + 300 * round)));
        run.kill().unwrap();
        seen.extend(numbers(&support::finish(run, b"", 1).out));
    }
    seen.extend(numbers(&folder.once().out));
    assert_eq!(seen, (0..40).collect());
}

/// A pipe cannot be read again, so what its checkpoint counts on is brought back.
#[test]
fn pi_9_what_came_from_a_pipe_outlives_a_kill_up_to_the_checkpoint() {
    let pipeline = PIPELINE
        .replace("kind = \"file\"\npath = \"log/access.log\"", "kind = \"stdin\"")
        .replace("part_secs_max = 1", "part_secs_max = 600");
    let folder = Folder::new(&pipeline);
    folder.log(0..30);
    let mut run = folder.spawn();
    let mut pipe = run.stdin.take().unwrap();
    pipe.write_all(&fs::read(folder.path("log/access.log")).unwrap()).unwrap();
    let began = Instant::now();
    let checkpoint = || fs::read_to_string(folder.path("state/checkpoint")).unwrap_or_default();
    while !checkpoint().contains("\"records\":30") {
        assert!(began.elapsed() < PATIENCE, "{}", checkpoint());
        thread::sleep(Duration::from_millis(50));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(folder.stored().len(), 0);
    assert_eq!(folder.once().stats().taken, 0);
    folder.expect_each_once(30);
}

#[test]
fn a_raw_file_goes_when_it_is_rotated_delivered_and_its_time_is_up() {
    let pipeline = PIPELINE.replace("format =", "raw_retention = \"1h\"\nformat =");
    let folder = Folder::new(&pipeline);
    // Of before the first run: not ours to judge.
    folder.write("log/access.log.9", "an old one\n");
    folder.log(0..10);
    folder.once();
    folder.rotate("access.log.2");
    folder.log(10..20);
    folder.once();
    folder.rotate("access.log.1");
    folder.log(20..30);
    let age = |name: &str, hours: u64| {
        let then = std::time::SystemTime::now() - Duration::from_secs(hours * 3600);
        let file = OpenOptions::new().append(true).open(folder.path(&format!("log/{name}"))).unwrap();
        file.set_modified(then).unwrap();
    };
    for name in ["access.log", "access.log.2", "access.log.9"] {
        age(name, 2);
    }
    // Two hours old and not read yet, one that is too young, one that is current.
    folder.log(30..31);
    folder.rotate("access.log.3");
    age("access.log.3", 2);
    folder.log(31..40);
    let dry = support::sluis(&["sweep", &folder.text("run.toml"), "--dry-run"], b"");
    let said = String::from_utf8_lossy(&dry.out).into_owned();
    assert!(
        said.contains("source nginx: 1 raw files are due, 1 more are not delivered yet and stay"),
        "{said}"
    );
    let audit = || support::sluis(&["audit", &folder.text("run.toml")], b"");
    let said = String::from_utf8_lossy(&audit().expect_code(1).out).into_owned();
    assert!(said.contains("source.nginx: 1 raw files are past their raw_retention; run"), "{said}");
    assert!(
        said.contains("source.nginx: 1 raw files are past their raw_retention and not fully delivered"),
        "{said}"
    );
    let swept = support::sluis(&["sweep", &folder.text("run.toml")], b"");
    swept.expect_code(0);
    let left = || {
        let mut names: Vec<_> = support::files_under(&folder.path("log"));
        names.sort();
        names.iter().map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(left(), "access.log access.log.1 access.log.3 access.log.9");
    // A run reads the rest, and removes by itself what it may.
    folder.once();
    assert_eq!(left(), "access.log access.log.1 access.log.9");
    audit().expect_code(0);
    folder.expect_each_once(40);
    let journal = fs::read_to_string(folder.path("state/journal")).unwrap();
    assert_eq!(journal.matches("raw.destroyed").count(), 2);
    assert!(!journal.contains("access.log"), "{journal}");
}

#[test]
fn several_sources_are_followed_at_once_and_a_file_that_comes_later_is_waited_for() {
    let source = "\n[source.later]\nkind = \"file\"\npath = \"log/later/*.log\"\nformat = \"common\"\nclass = \"web\"\n";
    let folder = Folder::new(&format!("{PIPELINE}{source}"));
    folder.log(0..10);
    let run = folder.spawn();
    folder.wait_for(10);
    fs::create_dir(folder.path("log/later")).unwrap();
    let text = fs::read_to_string(folder.path("log/access.log")).unwrap();
    fs::write(folder.path("log/later/x.log"), text.replace("/n/", "/n/1")).unwrap();
    folder.log(20..30);
    folder.wait_for(30);
    let ended = stop(run);
    ended.expect_code(0);
    assert!(ended.err_text().contains("no file matches"), "{}", ended.err_text());
}
