//! Parquet parts, read by others: `DuckDB` and Polars, which `tests/readers` installs.
//!
//! *In*: lines of every shape that a format has. *Out*: what two readers find in the parts is what stands in parts of NDJSON that were
//! written from the same lines under the same keys. *Promised*: nothing is lost on the way into columns, and the queries of the README
//! give what they say. *Not here*: what a column is (`encode::columns`), kills (`kill`).

mod encrypted;
mod merge;
mod stages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::support;

/// Python with both readers.
fn python() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let python = target.join("readers/bin/python");
    assert!(python.exists(), "the readers of Parquet are not there; run tests/readers");
    python
}

/// Runs `read.py`; what it prints.
fn read(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet/read.py");
    let done = Command::new(python()).arg(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A folder with keys and a policy, and a store of each kind that a pipeline is run into.
struct Stores {
    folder: TempDir,
}

impl Stores {
    fn new(policy: &str, domain: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy").join(policy);
        fs::copy(source, folder.path().join("policy.toml")).unwrap();
        let stores = Self { folder };
        let keys = ["keys", "init", "--keys", &stores.path("keys"), "--domain", domain, "--epoch", "1d"];
        support::sluis(&[&keys[..], &["--retention", "14d"]].concat(), b"").expect_code(0);
        stores
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs lines of `format` into a store of `kind`, and says where its parts are.
    fn store(&self, kind: &str, format: &str, class: &str, lines: &[u8]) -> String {
        let pipeline = format!(
            "policy = \"policy.toml\"\nkeys = \"keys\"\nstate = \"state-{kind}\"\n[source.log]\nkind = \"stdin\"\nformat = {format}\n\
             class = \"{class}\"\nmax_lateness = \"1d\"\n[sink.analytics]\nkind = \"{kind}\"\npath = \"{kind}\"\nclasses = [\"{class}\"]\n\
             purpose = \"security\"\nlocation = \"NL\"\nrecipient = \"analysts\"\n"
        );
        fs::create_dir(self.path(&format!("state-{kind}"))).unwrap();
        fs::write(self.path(&format!("{kind}.toml")), pipeline).unwrap();
        let run = support::sluis(&["run", &self.path(&format!("{kind}.toml")), "--once"], lines);
        run.expect_code(0);
        format!("{}/{class}", self.path(kind))
    }
}

/// Records as they compare: instants by their value, nothing for what is absent, in an order of their own.
fn comparable(lines: &str) -> BTreeMap<String, u32> {
    let mut records = BTreeMap::new();
    for line in lines.lines() {
        let record: Map<String, Value> = serde_json::from_str(line).unwrap();
        let mut kept = BTreeMap::new();
        for (name, value) in record.into_iter().filter(|(_, value)| !value.is_null()) {
            let instant = value.as_str().filter(|_| name == "time" || name == "sluis.deadline");
            let text = match instant.map(str::parse::<jiff::Timestamp>) {
                Some(Ok(instant)) => instant.as_microsecond().to_string(),
                _ => match value.as_f64() {
                    Some(number) => number.to_string(),
                    None => value.to_string(),
                },
            };
            kept.insert(name, text);
        }
        *records.entry(format!("{kept:?}")).or_insert(0) += 1;
    }
    records
}

/// What all parts of NDJSON hold.
fn lines_of(store: &str) -> String {
    let parts = support::files_under(Path::new(store));
    parts.iter().map(|part| fs::read_to_string(Path::new(store).join(part)).unwrap()).collect()
}

/// Lines of a combined log, some of which have what is rare: no values, escapes, other methods, text that is no UTF-8.
fn combined(count: u64) -> Vec<u8> {
    let now = jiff::Timestamp::now();
    let mut lines = Vec::new();
    for number in 0..count {
        let time = (now - jiff::SignedDuration::from_secs(i64::try_from(number % 7_000).unwrap()))
            .strftime("%d/%b/%Y:%H:%M:%S +0000");
        let (client, status) = (number % 250, [200, 304, 404, 502][number as usize % 4]);
        let line = match number % 9 {
            0 => format!(
                "2001:db8::{client} - user{client} [{time}] \"POST /a\\\"b?q=%20x HTTP/2.0\" {status} {number} \"-\" \"curl/8.5.0\""
            ),
            1 => format!("192.0.2.{client} - - [{time}] \"\\x16\\x03\" 400 150 \"-\" \"-\""),
            2 => format!(
                "192.0.2.{client} - - [{time}] \"GET /caf\u{e9} HTTP/1.1\" {status} - \"https://example.org/?mail=a@example.org\" \"\u{1f600} \\\\ x\""
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

#[test]
fn two_readers_find_in_columns_what_stands_in_lines() {
    let stores = Stores::new("web.toml", "web");
    let lines = combined(20_000);
    let expected = comparable(&lines_of(&stores.store("file", "\"combined\"", "web", &lines)));
    assert_eq!(expected.values().sum::<u32>(), 20_000);
    let parts = stores.store("parquet", "\"combined\"", "web", &lines);
    for reader in ["duckdb", "polars"] {
        let found = comparable(&read(&[reader, &parts]));
        let differs = found.iter().find(|(record, count)| expected.get(*record) != Some(count));
        assert!(found == expected, "{reader}: {} of {}: {differs:?}", found.len(), expected.len());
    }
}

/// A log in which durations may be lists and sizes may be words: what does not fit its column is beside it, and nothing is lost.
#[test]
fn what_does_not_fit_its_column_is_beside_it() {
    let stores = Stores::new("web.toml", "web");
    let format = "{ nginx = '$remote_addr [$time_iso8601] \"$request\" $status $body_bytes_sent $upstream_response_time' }";
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S+00:00");
    let line = |number: u64| {
        let took = ["0.001", "0.002, 0.004", "0.5 : 0.25", "-"][number as usize % 4];
        format!("192.0.2.{} [{time}] \"GET /{number} HTTP/1.1\" 200 {number} {took}\n", number % 250)
    };
    let lines: String = (0..400).map(line).collect();
    let expected = lines_of(&stores.store("file", format, "web", lines.as_bytes()));
    let parts = stores.store("parquet", format, "web", lines.as_bytes());
    let merged = |text: String| {
        let mut all = String::new();
        for line in text.lines() {
            let mut record: Map<String, Value> = serde_json::from_str(line).unwrap();
            if let Some(other) = record.remove("sluis.other").filter(|other| !other.is_null()) {
                let other: Map<String, Value> = serde_json::from_str(other.as_str().unwrap()).unwrap();
                record.extend(other);
            }
            all.push_str(&Value::from(record).to_string());
            all.push('\n');
        }
        comparable(&all)
    };
    assert_eq!(merged(read(&["duckdb", &parts])), comparable(&expected));
}

/// The queries that the README gives to analysts, on a day of lines.
#[test]
fn the_queries_of_the_readme_give_what_they_say() {
    let stores = Stores::new("web.toml", "web");
    let lines = combined(9_000);
    let parts = stores.store("parquet", "\"combined\"", "web", &lines);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split("## For analysts").nth(1).expect("the README has a section for analysts");
    let section = section.split("\n## ").next().unwrap();
    let queries: Vec<&str> =
        section.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(queries.len(), 5);
    let here = |query: &str| query.replace("/var/lib/sluis/analytics/web", &parts);
    let rows = |query: &str| -> Vec<Vec<Value>> {
        let query = here(query);
        read(&["query", &query]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let count = |rows: &[Vec<Value>], column: usize| {
        rows.iter().map(|row| row[column].as_u64().unwrap()).sum::<u64>()
    };
    // Visits by hour: every record is in one hour, of two or three.
    let visits = rows(queries[0]);
    assert!((2..=3).contains(&visits.len()) && count(&visits, 1) == 9_000, "{visits:?}");
    // Errors by path: those of a status from 400 on.
    let errors = rows(queries[1]);
    assert!(!errors.is_empty() && errors.iter().all(|row| row[1].as_u64().unwrap() >= 400), "{errors:?}");
    // Distinct clients in an epoch: 250 of each family at most, in one epoch or two.
    let clients = rows(queries[2]);
    assert!(
        !clients.is_empty() && clients.iter().all(|row| (1..=500).contains(&row[1].as_u64().unwrap())),
        "{clients:?}"
    );
    // Networks: all addresses of one kind are of one network.
    let networks: Vec<String> =
        rows(queries[3]).iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert!(networks.iter().any(|network| network == "192.0.2.0"), "{networks:?}");
    // One token: that of a client which did something, followed through time.
    let follow = rows(queries[4]);
    assert!(!follow.is_empty(), "{follow:?}");
    let times: Vec<&str> = follow.iter().map(|row| row[0].as_str().unwrap()).collect();
    assert!(times.is_sorted());
}
