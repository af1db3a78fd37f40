//! Encrypted parts: with the key of their storage epoch `DuckDB` reads them, without it nobody does.
//!
//! *In*: parts of numbered lines, small ones and merged ones. *Out*: what `DuckDB` counts with the key; what stands in the bytes. *Promised*: the key is one
//! for footer and columns; no name of a column, token or value can be found in a part, and another key gives an error, not rows. *Not
//! here*: that keys die (`keys`), kills (`kill`, `merge`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::merge::{parts_of, small_parts};
use super::{python, read};
use crate::support::numbered::Numbered;

/// What `DuckDB` finds in a part with a key; nothing where it refuses.
pub fn rows(part: &Path, key: &[u8], columns: &str) -> Option<Vec<Vec<Value>>> {
    let query = format!(
        "SELECT {columns} FROM read_parquet('{}', encryption_config = {{footer_key: 'part'}})",
        part.display()
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet/read.py");
    let key = STANDARD.encode(key);
    let done = Command::new(python()).arg(script).args(["sealed", &query, &key]).output().unwrap();
    let lines = String::from_utf8(done.stdout).unwrap();
    let rows = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    done.status.success().then_some(rows)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// Looks at every part in every way. The records in all of them.
#[track_caller]
fn expect_sealed(pipeline: &Numbered, parts: &[PathBuf]) -> u64 {
    let mut records = 0;
    for part in parts {
        let key = pipeline.key_of(part).expect("it is encrypted");
        let found = rows(
            part,
            &key,
            "\"http.response.body.size\", \"client.address\", \"url.path\", \"sluis.epoch\"",
        );
        let found = found.expect("DuckDB reads it with the key");
        records += found.len() as u64;
        let bytes = fs::read(part).unwrap();
        for name in
            ["client.address", "http.response", "url.path", "sluis.epoch", "sluis.deadline", "time", "PAR1"]
        {
            assert!(!contains(&bytes, name), "{name} stands in {}", part.display());
        }
        for row in &found {
            for value in &row[1..] {
                let value = value.as_str().unwrap();
                assert!(!contains(&bytes, value), "{value} stands in {}", part.display());
            }
        }
        // The label says which key, and is no secret.
        assert!(contains(&bytes, "storage/web/14d/"));
        // Statistics and filters are none of anyone's business either: the numbers of rows and groups are in the footer.
        let mut other = key.clone();
        other[0] ^= 1;
        assert!(rows(part, &other, "count(*)").is_none(), "another key");
        assert!(rows(part, &key[..16], "count(*)").is_none(), "half a key");
    }
    records
}

#[test]
fn with_the_key_duckdb_reads_every_part_and_without_it_nothing_is_readable() {
    let pipeline = Numbered::encrypted_columns();
    let last = small_parts(&pipeline, 3, 0);
    let small = pipeline.parts();
    assert!(small.len() >= 3);
    assert_eq!(expect_sealed(&pipeline, &small), last);
    pipeline.run("sweep", &[]).expect_code(0);
    let merged = pipeline.parts();
    assert!(merged.len() < small.len());
    assert_eq!(expect_sealed(&pipeline, &merged), last);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
    // Who has no key at all gets an error from each reader.
    for reader in ["duckdb", "polars"] {
        let parts = pipeline.parts_dir();
        let refused = std::panic::catch_unwind(|| read(&[reader, parts.to_str().unwrap()]));
        assert!(refused.is_err(), "{reader} reads it without a key");
    }
}

/// Of an encrypted column with several pages in a row group `DuckDB` (to 2.0.1 at least) takes the second for damaged: there is one, however many
/// rows there are, and also where a column has so many texts that a dictionary does not pay.
#[test]
fn duckdb_reads_encrypted_parts_of_many_rows() {
    let pipeline = Numbered::encrypted_columns();
    let last = parts_of(&pipeline, 100_000, 2, 0);
    for step in ["as written", "merged"] {
        let (mut records, mut sum, mut rows_max) = (0, 0, 0);
        for part in pipeline.parts() {
            let key = pipeline.key_of(&part).expect("it is encrypted");
            // Every column is read, and a path says which record it is of.
            let all = "count(*) AS records, sum(\"http.response.body.size\")::BIGINT AS sum, count(DISTINCT \"url.path\") AS paths, \
                       bool_and(\"url.path\" = '/n/' || \"http.response.body.size\") AS fit, count(\"client.address\") AS clients, \
                       count(DISTINCT time) AS times, min(\"sluis.epoch\") AS epoch, max(\"sluis.deadline\")::VARCHAR AS deadline";
            let found = rows(&part, &key, all).expect("DuckDB reads it with the key").remove(0);
            let number = |place: usize| found[place].as_u64().unwrap();
            assert_eq!(
                (number(2), number(4), found[3].as_bool()),
                (number(0), number(0), Some(true)),
                "{step}"
            );
            (records, sum, rows_max) = (records + number(0), sum + number(1), rows_max.max(number(0)));
        }
        assert_eq!((records, sum), (last, last * (last + 1) / 2), "{step}");
        assert!(rows_max > 50_000, "{step}: {rows_max} rows are too few to show it");
        pipeline.run("sweep", &[]).expect_code(0);
    }
    pipeline.expect_rest();
}

/// Parts of before encryption and after it lie in one directory: each is merged with its like.
#[test]
fn plain_parts_stay_plain_and_are_merged_by_themselves() {
    let pipeline = Numbered::encrypted_columns();
    let encrypted = fs::read_to_string(pipeline.path("run.toml")).unwrap();
    fs::write(pipeline.path("run.toml"), encrypted.replace("encrypt = true\n", "")).unwrap();
    let last = small_parts(&pipeline, 3, 0);
    fs::write(pipeline.path("run.toml"), encrypted).unwrap();
    let last = small_parts(&pipeline, 3, last);
    pipeline.run("sweep", &[]).expect_code(0);
    let sealed = pipeline.parts().iter().filter(|part| pipeline.key_of(part).is_some()).count();
    assert!(sealed > 0 && sealed < pipeline.parts().len() && pipeline.parts().len() <= 4);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
}

/// Without a chain for the class nothing is stored, and the message says how to get one.
#[test]
fn a_keyring_without_a_chain_for_the_class_is_refused() {
    let pipeline = Numbered::parquet();
    let text = fs::read_to_string(pipeline.path("run.toml")).unwrap() + "encrypt = true\n";
    fs::write(pipeline.path("run.toml"), text).unwrap();
    fs::write(pipeline.path("log/access.log"), crate::support::numbered::line(1)).unwrap();
    let run = pipeline.run("run", &["--once"]);
    run.expect_code(4);
    assert!(run.err_text().contains("sluis keys init --class web"), "{}", run.err_text());
    assert!(pipeline.parts().is_empty());
}
