//! A run as it is seen from outside: probes, metrics, status, log lines; over TLS, with and without the token.
//!
//! *In*: a pipeline with `[admin]`, a log. *Promised*: what is told is true, is for who may have it, and ends with the run. *Not here*: that
//! no identifier is in it (`leak`), the bounds of the endpoint (`telemetry::admin`).

pub mod client;
mod names;

use std::fs;
use std::io::Write as _;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use self::client::{Answer, Endpoint};
use crate::support::{self, Run, certificate};

const POLICY: &str = r#"
[policy]
name = "outside"
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
"#;

const PIPELINE: &str = r#"
policy = "policy.toml"
state = "state"

[admin]
listen = "127.0.0.1:0"

[source.nginx]
kind = "file"
path = "access.log"
format = "common"
class = "web"

[sink.archive]
kind = "stdout"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

const PATIENCE: Duration = Duration::from_secs(20);

/// A pipeline that runs.
pub struct Running {
    child: Child,
    /// Where it answers.
    pub endpoint: Endpoint,
    /// What it said until it answered.
    said: String,
}

impl Running {
    /// Starts `pipeline` in `folder` and waits for the line that says where it answers.
    pub fn start(folder: &TempDir, pipeline: &str, arguments: &[&str]) -> Self {
        let file = folder.path().join("meet.toml");
        fs::write(&file, pipeline).unwrap();
        let mut command = support::program();
        command.arg("run").arg(&file).args(arguments).env("SLUIS_TEST_TOKEN", TOKEN);
        let mut child = support::spawn(&mut command);
        let said = client::first_line(child.stderr.as_mut().unwrap());
        let (_, address) = said.split_once("://").unwrap_or_else(|| panic!("no address in: {said}"));
        let digits = address.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':'));
        let endpoint = Endpoint::new(&digits.collect::<String>());
        Self { child, endpoint, said }
    }

    /// Asks until the answer is as wanted.
    #[track_caller]
    pub fn wait_for(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.endpoint.get(path, None);
            if wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{path} still says {}:\n{}", answer.status, answer.body);
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGTERM; everything it said.
    pub fn stop(self) -> (Run, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let run = support::finish(self.child, b"", 1);
        let said = self.said + &run.err_text();
        (run, said)
    }
}

const TOKEN: &str = "a-token-of-the-tests";

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    log(&folder, 0);
    folder
}

/// Appends so many records, and as many lines that are none.
fn log(folder: &TempDir, records: usize) {
    let time = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let lines =
        format!("192.0.2.77 - - [{time}] \"GET / HTTP/1.1\" 200 1\nnot of the format\n").repeat(records);
    let file = fs::OpenOptions::new().append(true).create(true).open(folder.path().join("access.log"));
    file.unwrap().write_all(lines.as_bytes()).unwrap();
}

#[test]
fn a_run_answers_what_it_did_until_it_ends() {
    let folder = folder();
    let run = Running::start(&folder, PIPELINE, &["--log-format", "json", "--stats=json"]);
    assert_eq!(run.endpoint.get("/healthz", None).body, "ok\n");
    run.wait_for("/readyz", |answer| answer.status == 200 && answer.body == "ready\n");
    log(&folder, 7);
    let delivered = "sluis_records_total{source=\"nginx\",outcome=\"delivered\"} 7\n";
    let metrics = run.wait_for("/metrics", |answer| answer.body.contains(delivered)).body;
    for sample in [
        "sluis_records_total{source=\"nginx\",outcome=\"quarantined\"} 7\n",
        "sluis_quarantined_records_total{source=\"nginx\",reason=\"cut off\"} 7\n",
        "sluis_worst_age_limit_seconds{sink=\"archive\",class=\"web\"} 1209600\n",
        "sluis_ready 1\n",
        "pipeline=\"meet\",policy=\"outside\",policy_version=\"2026-11-27\"",
    ] {
        assert!(metrics.contains(sample), "{sample} in\n{metrics}");
    }
    let page: Value = serde_json::from_str(&run.endpoint.get("/status", None).body).unwrap();
    assert_eq!(page["pipeline"], "meet");
    assert_eq!(page["sources"][0]["records"]["delivered"], 7);
    assert_eq!(page["policy"]["sha256"].as_str().unwrap().len(), 64);
    let endpoint = run.endpoint.clone();
    let (ended, said) = run.stop();
    ended.expect_code(0);
    assert_eq!(ended.stats().out, 7);
    assert!(endpoint.is_closed());
    // Every line is an object, and each of ours has a level.
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(line.get("level").is_some() || line.get("records").is_some(), "{line}");
    }
    assert!(said.contains("7 of 14 records could not be parsed"), "{said}");
}

#[test]
fn a_sink_that_blocks_is_named() {
    let folder = folder();
    let run = Running::start(&folder, PIPELINE, &[]);
    // Nobody reads standard output: the pipe is full after 64 KiB, and the sink waits.
    log(&folder, 20_000);
    run.wait_for("/readyz", |answer| answer.body == "blocked\n" && answer.status == 503);
    let page: Value = serde_json::from_str(&run.endpoint.get("/status", None).body).unwrap();
    assert_eq!(page["blocking"], "archive");
    assert_eq!(page["sinks"][0]["blocked"], true);
    assert!(page["sinks"][0]["oldest_event_age_seconds"].as_f64().unwrap() > 9.0, "{page}");
    let (ended, said) = run.stop();
    ended.expect_code(0);
    assert!(said.starts_with("sluis: admin endpoint on http://127.0.0.1:"), "{said}");
}

#[test]
fn the_token_is_asked_for_over_tls() {
    let folder = folder();
    certificate::make(folder.path());
    let admin = "listen = \"0.0.0.0:0\"\ntoken = { env = \"SLUIS_TEST_TOKEN\" }\ntls = { certificate = \"cert.pem\", key = \"key.pem\" }\n";
    let pipeline = PIPELINE.replace("listen = \"127.0.0.1:0\"\n", admin);
    let run = Running::start(&folder, &pipeline, &[]);
    assert!(run.said.contains("https://0.0.0.0:"), "{}", run.said);
    let secure = run.endpoint.on_loopback().trusting(&folder.path().join("cert.pem"));
    assert_eq!(secure.get("/healthz", None).body, "ok\n");
    for path in ["/metrics", "/status"] {
        assert_eq!(secure.get(path, None).status, 401);
        assert_eq!(secure.get(path, Some("another-token-of-ours")).status, 401);
        assert_eq!(secure.get(path, Some(TOKEN)).status, 200);
    }
    // Whoever speaks plain text gets no page.
    assert_eq!(run.endpoint.on_loopback().get("/healthz", None).status, 0);
    let (ended, said) = run.stop();
    ended.expect_code(0);
    assert!(!said.contains(TOKEN));
}

/// `run` with this `[admin]` fails at the start with these words.
#[track_caller]
fn refused(admin: &str, code: i32, words: &str) {
    let folder = folder();
    let pipeline = PIPELINE.replace("listen = \"127.0.0.1:0\"\n", admin);
    let file = folder.path().join("run.toml");
    fs::write(&file, pipeline).unwrap();
    fs::write(folder.path().join("short"), "short\n").unwrap();
    let run = support::sluis(&["run", file.to_str().unwrap(), "--once"], b"");
    run.expect_code(code);
    assert!(run.err_text().contains(words), "{words} in: {}", run.err_text());
}

#[test]
fn an_endpoint_that_cannot_be_is_refused_at_the_start() {
    let tls = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }\n";
    let listen = "listen = \"127.0.0.1:0\"\n";
    refused(&format!("{listen}{tls}"), 2, "cert.pem: not there; give the PEM file of a certificate");
    let short = format!("{listen}behind_proxy = true\ntoken = {{ file = \"short\" }}\n");
    refused(&short, 2, "short: no token of the admin endpoint; write at least 16 characters");
    let unset = format!("{listen}behind_proxy = true\ntoken = {{ env = \"SLUIS_NOT_SET\" }}\n");
    refused(&unset, 2, "environment variable SLUIS_NOT_SET is not set");
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen = \"{}\"\n", holder.local_addr().unwrap());
    refused(&taken, 2, "the port is taken; choose another");
}
