//! Parts of file sinks as a whole process writes them: when they appear, and how many there are.
//!
//! *Promised*: a part appears within its time, whatever its source does; a replay writes one part per deadline bucket. *Not
//! here*: which record is in which part, and what survives a crash, which unit tests of the sink cover.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support;

const POLICY: &str = r#"
[policy]
name = "parts"
version = "2026-11-21"
controller = "Example"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.rare]
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
threads = 2

[source.pipe]
kind = "stdin"
format = "common"
class = [{ when = { "url.path" = "/rare" }, is = "rare" }, { is = "web" }]

[sink.files]
kind = "file"
path = "out"
classes = ["web", "rare"]
purpose = "security"
location = "NL"
recipient = "operations"
part_secs_max = 1
"#;

/// What the part needs beside its second: silence is told after half a second, and machines that run tests are slow.
const SECONDS_MORE: u64 = 8;

fn folder(pipeline: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    fs::write(folder.path().join("run.toml"), pipeline).unwrap();
    folder
}

fn run(folder: &TempDir) -> Child {
    let pipeline = folder.path().join("run.toml");
    support::spawn(support::program().args(["run", pipeline.to_str().unwrap(), "--stats=json"]))
}

/// A record of `seconds` ago.
fn record(seconds: i64, path: &str) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    format!("192.0.2.1 - - [{}] \"GET {path} HTTP/1.1\" 200 1\n", time.strftime("%d/%b/%Y:%H:%M:%S +0000"))
}

/// The visible parts of a class: their contents.
fn parts(folder: &Path, class: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join("out").join(class)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let visible = paths.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    visible.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Waits for the first part of a class, calling `meanwhile` every 50 ms; returns how long that took.
fn appears(folder: &TempDir, class: &str, mut meanwhile: impl FnMut()) -> Duration {
    let begun = Instant::now();
    while parts(folder.path(), class).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(1 + SECONDS_MORE), "no part of {class} in time");
        meanwhile();
        thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

#[test]
fn a_part_of_a_silent_pipe_appears_in_time() {
    let folder = folder(PIPELINE);
    let mut child = run(&folder);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(record(0, "/a").as_bytes()).unwrap();
    let waited = appears(&folder, "web", || ());
    assert!(waited >= Duration::from_millis(500), "it is open for its time, not synced per batch");
    let found = parts(folder.path(), "web");
    assert!(found.len() == 1 && found[0].contains("/a") && found[0].ends_with('\n'), "{found:?}");
    // The run goes on: what comes after the silence has a part of its own.
    pipe.write_all(record(0, "/b").as_bytes()).unwrap();
    child.stdin = Some(pipe);
    let ended = support::finish(child, b"", 1);
    ended.expect_code(0);
    assert!(ended.stats().out == 2 && ended.stats().balanced());
    assert_eq!(parts(folder.path(), "web").len(), 2);
}

#[test]
fn a_part_of_a_class_that_gets_no_more_records_appears_while_others_do() {
    let folder = folder(PIPELINE);
    let mut child = run(&folder);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(record(0, "/rare").as_bytes()).unwrap();
    let mut sent = 0;
    appears(&folder, "rare", || {
        pipe.write_all(record(0, "/often").as_bytes()).unwrap();
        sent += 1;
    });
    child.stdin = Some(pipe);
    let ended = support::finish(child, b"", 1);
    ended.expect_code(0);
    assert_eq!(ended.stats().out, sent + 1);
    assert_eq!(parts(folder.path(), "rare").len(), 1);
}

#[test]
fn a_part_appears_while_a_line_trickles_in() {
    let folder = folder(PIPELINE);
    let mut child = run(&folder);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(record(0, "/a").as_bytes()).unwrap();
    appears(&folder, "web", || pipe.write_all(b"1").unwrap());
    child.stdin = Some(pipe);
    let ended = support::finish(child, b" is no record\n", 1);
    ended.expect_code(0);
    assert_eq!((ended.stats().out, ended.stats().quarantined), (1, 1));
}

/// 330 hours of records, shuffled, under the limits on descriptors that `ulimit` sets: how many parts there are.
fn replay(limits: &str) -> usize {
    let folder = folder(&PIPELINE.replace("part_secs_max = 1", "part_secs_max = 3600"));
    let script = format!("{limits}; exec \"$0\" run \"$1\" --once --stats=json");
    let mut command = Command::new("sh");
    let program = support::program();
    command.arg("-c").arg(script).arg(program.get_program()).arg(folder.path().join("run.toml"));
    let mut input = String::new();
    for record_number in 0..6600 {
        // 7 and 330 have no common divisor: every hour comes once in 330 records.
        let hour = record_number * 7 % 330;
        input.push_str(&record(hour * 3600, &format!("/p/{record_number}")));
    }
    let ended = support::finish(support::spawn(&mut command), input.as_bytes(), 1 << 16);
    ended.expect_code(0);
    assert!(ended.stats().out == 6600 && ended.stats().balanced(), "{limits}: {:?}", ended.stats());
    let found = parts(folder.path(), "web");
    assert_eq!(found.iter().map(|part| part.lines().count()).sum::<usize>(), 6600, "{limits}");
    found.len()
}

#[test]
fn a_replay_over_many_deadlines_writes_one_part_for_each() {
    // The records end in one hour or, when it turns during the test, begin in another.
    assert!(matches!(replay("ulimit -Sn 128"), 330..=332), "the soft limit is raised as far as needed");
    let tight = replay("ulimit -n 128");
    assert!(tight > 332, "{tight} parts: a hard limit is kept to, and all is written");
}
