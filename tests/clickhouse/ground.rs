//! What the tests stand on: a server, a pipeline that inserts into it, lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{self, Run};

/// Python with chDB.
fn python() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let python = target.join("readers/bin/python");
    assert!(python.exists(), "the engine to insert into is not there; run tests/readers");
    python
}

/// A server of `server.py`, which ends with this.
pub struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// Without login.
    pub fn open() -> Self {
        Self::with(&[], &[])
    }

    /// With arguments and variables of its own.
    pub fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let port_file = folder.path().join("port");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clickhouse/server.py");
        let child = Command::new(python())
            .arg(script)
            .arg(folder.path())
            .arg(&port_file)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !port_file.exists() {
            assert!(began.elapsed() < Duration::from_mins(2), "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        let port = fs::read_to_string(&port_file).unwrap().trim().parse().unwrap();
        Self { child, port, _folder: folder }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Rows of a statement.
    pub fn query(&self, statement: &str) -> Vec<Value> {
        let (status, body) = self.post("/_query", statement);
        assert_eq!(status, 200, "{statement}: {body}");
        body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one number that a statement gives.
    pub fn number(&self, expression: &str) -> u64 {
        let rows = self.query(&format!("SELECT toString({expression}) AS n"));
        rows[0]["n"].as_str().unwrap().parse().unwrap()
    }

    /// What becomes of the next inserts.
    pub fn fault(&self, kind: &str, times: u32) {
        let fault = json!({ "kind": kind, "times": times, "seconds": 2 });
        assert_eq!(self.post("/_fault", &fault.to_string()).0, 200);
    }

    /// Nothing more becomes of inserts.
    pub fn clear(&self) {
        assert_eq!(self.post("/_clear", "").0, 200);
    }

    /// The inserts that came.
    pub fn inserts(&self) -> Vec<Value> {
        serde_json::from_str(&self.post("/_inserts", "").1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with keys, a policy and pipelines.
pub struct Ground {
    pub folder: TempDir,
}

impl Ground {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/web.toml");
        fs::copy(source, folder.path().join("policy.toml")).unwrap();
        let ground = Self { folder };
        let keys = ["keys", "init", "--keys", &ground.path("keys"), "--domain", "web", "--epoch", "1d"];
        support::sluis(&[&keys[..], &["--retention", "14d"]].concat(), b"").expect_code(0);
        ground
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A pipeline called `name`, of which `source` and `sink` are what is special.
    pub fn pipeline(&self, name: &str, source: &str, sink: &str) -> String {
        let text = format!(
            "policy = \"policy.toml\"\nkeys = \"keys\"\nstate = \"state-{name}\"\n[source.log]\n{source}\nformat = \"combined\"\n\
             class = \"web\"\nmax_lateness = \"1d\"\n[sink.analytics]\n{sink}\nclasses = [\"web\"]\n\
             purpose = \"security\"\nlocation = \"NL\"\nrecipient = \"analysts\"\n"
        );
        let path = self.path(&format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        path
    }

    /// A pipeline from a file of lines into the table `logs.web` of a server.
    pub fn inserting(&self, server: &Server, name: &str, more: &str) -> String {
        let source = format!("kind = \"file\"\npath = \"{name}.log\"");
        let sink = format!("kind = \"clickhouse\"\nurl = \"{}\"\ndatabase = \"logs\"\n{more}", server.url());
        self.pipeline(name, &source, &sink)
    }

    /// Appends lines to what the pipeline called `name` reads.
    pub fn append(&self, name: &str, lines: &[u8]) {
        let path = self.path(&format!("{name}.log"));
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(lines).unwrap();
    }

    /// What the journal of a pipeline says, by the names of events.
    pub fn journal(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(&format!("state-{name}/journal"))).unwrap();
        text.lines().map(|line| serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap()).collect()
    }

    /// Batches that wait for their answer.
    pub fn outbox(&self, name: &str) -> Vec<PathBuf> {
        let path = PathBuf::from(self.path(&format!("state-{name}/outbox")));
        if path.exists() { support::files_under(&path) } else { Vec::new() }
    }
}

/// Runs a command.
pub fn sluis(arguments: &[&str]) -> Run {
    support::sluis(arguments, b"")
}

/// A server with the database and the table of a pipeline.
pub fn with_table(ground: &Ground, name: &str, more: &str) -> (Server, String) {
    let server = Server::open();
    server.query("CREATE DATABASE logs");
    let pipeline = ground.inserting(&server, name, more);
    sluis(&["tables", "apply", &pipeline]).expect_code(0);
    (server, pipeline)
}

/// Lines of a combined log, some of which have what is rare; `from` is the number of the first.
pub fn lines(from: u64, count: u64, seconds: u64) -> Vec<u8> {
    let now = jiff::Timestamp::now();
    let mut lines = Vec::new();
    for number in from..from + count {
        let time = (now - jiff::SignedDuration::from_secs(i64::try_from(number % seconds).unwrap()))
            .strftime("%d/%b/%Y:%H:%M:%S +0000");
        let (client, status) = (number % 250, [200, 304, 404, 502][number as usize % 4]);
        let line = match number % 9 {
            0 => format!(
                "2001:db8::{client} - user{client} [{time}] \"POST /a\\\"b?q=%20x HTTP/2.0\" {status} {number} \"-\" \"curl/8.5.0\""
            ),
            1 => format!("192.0.2.{client} - - [{time}] \"\\x16\\x03\" 400 {number} \"-\" \"-\""),
            2 => format!(
                "192.0.2.{client} - - [{time}] \"GET /caf\u{e9} HTTP/1.1\" {status} {number} \"https://example.org/?mail=a@example.org\" \"\u{1f600} \\\\ x\""
            ),
            _ => format!(
                "192.0.2.{client} - - [{time}] \"GET /p/{} HTTP/1.1\" {status} {number} \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0\"",
                number % 40
            ),
        };
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// Records as they compare: instants by their value, nothing for what is absent, in an order of their own.
pub fn comparable(records: impl IntoIterator<Item = Map<String, Value>>) -> BTreeMap<String, u32> {
    let mut counted = BTreeMap::new();
    for record in records {
        let mut kept = BTreeMap::new();
        for (name, value) in record.into_iter().filter(|(_, value)| !value.is_null()) {
            let instant = value.as_str().filter(|_| name == "time" || name == "sluis.deadline");
            let text = match instant.map(str::parse::<jiff::Timestamp>) {
                Some(Ok(instant)) => instant.as_microsecond().to_string(),
                // Numbers of 64 bits come as text from some versions.
                _ => value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
            };
            kept.insert(name, text);
        }
        *counted.entry(format!("{kept:?}")).or_insert(0) += 1;
    }
    counted
}

/// Every record of the table as it compares, without what only the table has.
pub fn stored(server: &Server) -> BTreeMap<String, u32> {
    let rows = server.query(
        "SELECT * EXCEPT `sluis.retention` FROM logs.web SETTINGS date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0",
    );
    comparable(rows.into_iter().map(|row| match row {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }))
}

/// Each of `count` numbered lines is in the table once.
#[track_caller]
pub fn expect_once(server: &Server, count: u64) {
    let found = server.query(
        "SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(`http.response.body.size`)) AS numbers, toUInt32(min(`http.response.body.size`)) AS first, \
         toUInt32(max(`http.response.body.size`)) AS last FROM logs.web",
    );
    let expected = json!({ "rows": count, "numbers": count, "first": 0, "last": count.saturating_sub(1) });
    assert_eq!(found, [expected], "{:#?}", server.inserts());
}
