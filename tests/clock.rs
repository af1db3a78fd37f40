//! A wall clock that jumps, end to end: nothing is delivered or destroyed until somebody says that it is right (design, section 6).
//!
//! *In*: the program under `libfaketime`, which makes the wall clock say what a file says while the program runs; the time since boot
//! stays true. *Promised*: the program as a user runs it. *Not here*: what a jump is (`retention::clock`), the pause by itself
//! (`cli::watch`), a clock that is not synchronised, which needs a machine that is not.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{self, Run};

/// Six minutes: stores and keys are looked at every other second then. Keys live for days, so that none dies while a test runs.
const POLICY: &str = r#"
[policy]
name = "clock"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[domain.shared]

[class.web]
retention = "6m"
domain = "shared"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.other]
retention = "14d"
domain = "shared"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"#;

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
part_secs_max = 10
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"

[sink.live]
kind = "stdout"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

/// Several sweeps, and more than a watch and a source need to come round.
const A_WHILE: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_mins(1);

/// The library, where Debian and Ubuntu put it.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found =
        folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no libfaketime; install it with: deploy/needs faketime");
    }
    found
}

/// A machine whose wall clock can be set, with a pipeline that has stored a part.
struct Machine {
    folder: TempDir,
    faketime: PathBuf,
    part: PathBuf,
    keyring: Vec<u8>,
}

impl Machine {
    fn new() -> Option<Self> {
        let faketime = faketime()?;
        let folder = TempDir::new().unwrap();
        let mut machine = Self { folder, faketime, part: PathBuf::new(), keyring: Vec::new() };
        machine.write("policy.toml", POLICY);
        machine.write("run.toml", PIPELINE);
        machine.set("+0");
        let keys = machine.path("keys");
        machine
            .sluis(&["keys", "init", "--keys", &keys, "--domain", "shared", "--retention", "14d"], b"")
            .expect_code(0);
        let pipeline = machine.path("run.toml");
        machine.sluis(&["run", &pipeline, "--once"], line(0).as_bytes()).expect_code(0);
        let stored = machine.folder.path().join("out/web");
        machine.part = stored.join(support::files_under(&stored).remove(0));
        machine.keyring = machine.keyring();
        Some(machine)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Sets the wall clock, as far from the right time as is said.
    fn set(&self, offset: &str) {
        self.write("offset.new", offset);
        fs::rename(self.path("offset.new"), self.path("offset")).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = support::program();
        command
            .args(args)
            .env("LD_PRELOAD", &self.faketime)
            .env("FAKETIME_TIMESTAMP_FILE", self.path("offset"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        command
    }

    fn sluis(&self, args: &[&str], input: &[u8]) -> Run {
        support::finish(support::spawn(&mut self.command(args)), input, 1 << 20)
    }

    fn sweep(&self, more: &[&str]) -> Run {
        let pipeline = self.path("run.toml");
        self.sluis(&[&["sweep", &pipeline], more].concat(), b"")
    }

    /// Starts the pipeline, which reads until its input is closed.
    fn run(&self) -> Running {
        let pipeline = self.path("run.toml");
        Running::new(support::spawn(&mut self.command(&["run", &pipeline, "--stats=json"])))
    }

    fn keyring(&self) -> Vec<u8> {
        fs::read(self.path("keys/keyring")).unwrap()
    }

    #[track_caller]
    fn nothing_was_destroyed(&self) {
        assert!(self.part.exists(), "the part is gone");
        assert!(self.keyring() == self.keyring, "a key was destroyed");
    }

    /// What the journal says of pauses and destruction: the entries without hash and number.
    fn entries(&self, of: &str) -> Vec<serde_json::Value> {
        let state = self.path("state");
        let shown = support::sluis(&["journal", "show", "--state", &state, "--json"], b"");
        shown.expect_code(0);
        support::sluis(&["journal", "verify", "--state", &state], b"").expect_code(0);
        let entries = shown.lines().into_iter().map(|line| serde_json::from_slice(line).unwrap());
        entries.filter(|entry: &serde_json::Value| entry["event"].as_str().unwrap().starts_with(of)).collect()
    }

    /// One pause for a jump of thirty days, entered at the right time.
    #[track_caller]
    fn one_pause(&self, direction: &str) {
        let pauses = self.entries("destruction.paused");
        assert_eq!(pauses.len(), 1, "{pauses:?}");
        let far = pauses[0][format!("clock_{direction}_seconds")].as_i64().unwrap();
        assert!((far - 30 * 86_400).abs() < 60, "{pauses:?}");
        let at: jiff::Timestamp = pauses[0]["time"].as_str().unwrap().parse().unwrap();
        assert!((at.as_second() - jiff::Timestamp::now().as_second()).abs() < 120, "{pauses:?}");
    }
}

/// Record number `number`, of now: the tests' own clock is right.
fn line(number: usize) -> String {
    let time = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000");
    format!("192.0.2.77 - - [{time}] \"GET /record-{number} HTTP/1.1\" 200 1\n")
}

/// A stream of the program, gathered while it runs.
#[derive(Clone, Default)]
struct Gathered(Arc<Mutex<Vec<u8>>>);

impl Gathered {
    fn from(mut stream: impl Read + Send + 'static) -> Self {
        let gathered = Self::default();
        let into = gathered.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(more @ 1..) = stream.read(&mut bytes) {
                into.0.lock().unwrap().extend_from_slice(&bytes[..more]);
            }
        });
        gathered
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// A pipeline at work.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    out: Gathered,
    err: Gathered,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let input = child.stdin.take();
        let out = Gathered::from(child.stdout.take().unwrap());
        let err = Gathered::from(child.stderr.take().unwrap());
        Self { child, input, out, err }
    }

    /// Feeds records, each by itself.
    fn feed(&mut self, numbers: std::ops::RangeInclusive<usize>) {
        for number in numbers {
            self.input.as_mut().unwrap().write_all(line(number).as_bytes()).unwrap();
        }
    }

    /// The numbers of the records that were delivered, in order.
    fn delivered(&self) -> Vec<usize> {
        let number = |line: &str| {
            line.split_once("/record-")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        self.out.text().lines().map(|line| number(line).unwrap()).collect()
    }

    /// Waits until `is` holds.
    #[track_caller]
    fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: {}\n{}", self.out.text(), self.err.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn until_delivered(&self, records: usize) {
        self.until("not delivered", |run| run.out.text().matches('\n').count() >= records);
    }

    /// Closes the input and waits for the end.
    fn end(&mut self) -> i32 {
        self.input = None;
        support::wait(&mut self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Set wrong, it stops everything; set right, it stays so until somebody says that it is.
fn there_and_back(offset: &str, direction: &str) {
    let Some(machine) = Machine::new() else { return };
    let mut run = machine.run();
    run.feed(1..=3);
    run.until_delivered(3);
    machine.set(offset);
    run.feed(4..=6);
    run.until("no alarm", |run| run.err.text().contains("ALARM"));
    thread::sleep(A_WHILE);
    run.feed(7..=7);
    machine.nothing_was_destroyed();
    assert_eq!(run.delivered(), [1, 2, 3]);
    machine.one_pause(direction);
    machine.set("+0");
    thread::sleep(A_WHILE);
    let refused = machine.sweep(&[]);
    refused.expect_code(4);
    let audited = machine.sluis(&["audit", &machine.path("run.toml")], b"");
    audited.expect_code(1);
    assert!(String::from_utf8_lossy(&audited.out).contains("clock: delivery and destruction are paused"));
    for said in ["30d", direction, "--clock-ok"] {
        assert!(refused.err_text().contains(said), "{}", refused.err_text());
    }
    machine.nothing_was_destroyed();
    assert_eq!(run.delivered(), [1, 2, 3]);
    machine.sweep(&["--clock-ok"]).expect_code(0);
    run.until_delivered(7);
    run.feed(8..=9);
    run.until_delivered(9);
    machine.nothing_was_destroyed();
    assert_eq!((run.end(), run.delivered()), (0, (1..=9).collect()));
    let err = run.err.text();
    assert!(err.contains("\"expired\":0") || err.contains("\"expired\": 0"), "{err}");
    assert_eq!(err.matches("ALARM").count(), 1, "{err}");
    machine.one_pause(direction);
    assert_eq!(machine.entries("destruction.").len(), 2);
    assert!(machine.entries("key.").iter().all(|entry| entry["event"] == "key.raised"), "no key was touched");
    assert!(!Path::new(&machine.path("state/clock.paused")).exists());
    machine.nothing_was_destroyed();
    machine.sweep(&[]).expect_code(0);
}

#[test]
fn pi_4_pi_5_a_clock_that_runs_ahead_and_is_put_right_destroys_nothing() {
    there_and_back("+30d", "forward");
}

#[test]
fn pi_4_pi_5_a_clock_that_is_set_back_and_is_put_right_destroys_nothing() {
    there_and_back("-30d", "back");
}

/// Whoever says that the clock is right is believed: what is due by it goes.
#[test]
fn pi_4_pi_5_a_clock_that_jumped_and_is_said_to_be_right_is_followed() {
    let Some(machine) = Machine::new() else { return };
    let mut run = machine.run();
    run.feed(1..=1);
    run.until_delivered(1);
    machine.set("+30d");
    run.until("no alarm", |run| run.err.text().contains("ALARM"));
    run.feed(2..=2);
    thread::sleep(A_WHILE);
    machine.nothing_was_destroyed();
    machine.sweep(&["--clock-ok"]).expect_code(0);
    run.until("nothing was destroyed", |_| !machine.part.exists() && machine.keyring() != machine.keyring);
    assert_eq!((run.end(), run.delivered()), (0, vec![1]), "the second is thirty days old");
}

/// Processes tell each other: a jump while none was at work is seen by the next.
#[test]
fn a_clock_that_jumped_between_two_runs_pauses_the_next_one() {
    let Some(machine) = Machine::new() else { return };
    machine.set("+30d");
    let pipeline = machine.path("run.toml");
    for _ in 0..2 {
        let refused = machine.sluis(&["run", &pipeline, "--once"], line(1).as_bytes());
        refused.expect_code(4);
        assert!(
            refused.out.is_empty() && refused.err_text().contains("--clock-ok"),
            "{}",
            refused.err_text()
        );
    }
    machine.one_pause("forward");
    // A service waits, and ends when it is told to.
    let mut run = machine.run();
    run.feed(1..=1);
    run.until("no alarm", |run| run.err.text().contains("ALARM"));
    let pid = rustix::process::Pid::from_child(&run.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let begun = Instant::now();
    assert_eq!(support::wait(&mut run.child), 0);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(run.delivered().is_empty());
    machine.nothing_was_destroyed();
    // Another waits until somebody says that the clock, which was put right, is right.
    let mut run = machine.run();
    run.feed(1..=1);
    run.until("no alarm", |run| run.err.text().contains("ALARM"));
    machine.set("+0");
    machine.sweep(&["--clock-ok"]).expect_code(0);
    run.until_delivered(1);
    assert_eq!((run.end(), run.delivered()), (0, vec![1]));
    machine.one_pause("forward");
}
