//! How long a line takes from the log to the output, and what following costs: the figures of `sluis run` on a file that grows.
//!
//! ```text
//! cargo build --release && cargo run --release --example follow [SECONDS]
//! ```
//! A writer appends 10,000 lines a second, a hundred at a time, each with the nanosecond at which it was written in its path.
//! Whoever reads the standard output of `sluis run` compares. Then the log is left alone for as long. Processor time is that of the whole
//! process, all threads, as the system counts it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::format_collect,
    reason = "a benchmark fails by panicking"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const LINES_A_SECOND: u32 = 10_000;
const BURST: u32 = 100;

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
"http.request.method" = "keep"
"url.path" = { keep_prefixes = ["/n/"], else = "drop" }
"user_agent.original" = "generalise"
"#;

const PIPELINE: &str = r#"
policy = "policy.toml"
state = "state"
[source.nginx]
kind = "file"
path = "access.log"
format = "combined"
class = "web"
[sink.out]
kind = "stdout"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

fn main() {
    let seconds: u32 = std::env::args().nth(1).map_or(20, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("policy.toml"), POLICY).unwrap();
    fs::write(dir.path().join("run.toml"), PIPELINE).unwrap();
    fs::write(dir.path().join("access.log"), "").unwrap();
    // Built beside it.
    let program = std::env::current_exe().unwrap().with_file_name("../sluis");
    let mut run = Command::new(program)
        .args(["run", dir.path().join("run.toml").to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = run.stdout.take().unwrap();
    let reader = thread::spawn(move || delays(out));
    thread::sleep(Duration::from_millis(500));
    let before = cpu_seconds(&run);
    let busy = Instant::now();
    let written = write(&dir.path().join("access.log"), seconds);
    thread::sleep(Duration::from_millis(500));
    let busy_share = (cpu_seconds(&run) - before) / busy.elapsed().as_secs_f64();
    thread::sleep(Duration::from_secs(5));
    let before = cpu_seconds(&run);
    let idle = Instant::now();
    thread::sleep(Duration::from_secs(u64::from(seconds)));
    let idle_share = (cpu_seconds(&run) - before) / idle.elapsed().as_secs_f64();
    Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    assert!(run.wait().unwrap().success());
    let mut delays = reader.join().unwrap();
    assert_eq!(delays.len(), written as usize, "every line once");
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize] as f64 / 1e6;
    println!("figures: {} lines, {LINES_A_SECOND} a second", delays.len());
    println!("figures: delay p50 {:.1} ms   p99 {:.1} ms   max {:.1} ms", at(0.5), at(0.99), at(1.0));
    println!("figures: of one core busy {:.2} %   idle {:.2} %", busy_share * 100.0, idle_share * 100.0);
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

fn write(path: &Path, seconds: u32) -> u32 {
    let mut log = OpenOptions::new().append(true).open(path).unwrap();
    let began = Instant::now();
    let mut written = 0;
    while written < seconds * LINES_A_SECOND {
        let time = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        let lines: String = (0..BURST)
            .map(|at| {
                let octet = (written + at) % 250;
                format!("203.0.113.{octet} - - [{time}] \"GET /n/{} HTTP/1.1\" 200 5120 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n", now())
            })
            .collect();
        log.write_all(lines.as_bytes()).unwrap();
        written += BURST;
        let due = began + Duration::from_secs(1) * written / LINES_A_SECOND;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    written
}

/// Nanoseconds that each line took.
fn delays(out: ChildStdout) -> Vec<u64> {
    let mut delays = Vec::new();
    for line in BufReader::new(out).split(b'\n') {
        let (line, now) = (line.unwrap(), now());
        let text = String::from_utf8(line).unwrap();
        let number = text.split("/n/").nth(1).unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
        delays.push(u64::try_from(now.saturating_sub(number.parse().unwrap())).unwrap());
    }
    delays
}

/// Processor time of a process, user and system (`proc(5)`, fields 14 and 15).
fn cpu_seconds(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}
