//! Small parts become large ones, and nobody who reads them finds anything else than before.
//!
//! *In*: parts of numbered lines, as many small ones as runs. *Out*: one part for each deadline. *Promised*: `DuckDB` counts the same before and
//! after; killed before any call of a merge (`strace`), nothing is lost or doubled once the next one has been (PI-9), and the journal and
//! the audit agree with what is there.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::read;
use crate::kill::{arguments, traced};
use crate::support::numbered::{Numbered, Started, installed, line, within};

/// Runs that leave a part of some lines each; the last number.
pub fn small_parts(pipeline: &Numbered, runs: u64, begun: u64) -> u64 {
    parts_of(pipeline, 40, runs, begun)
}

/// The same, of so many lines each.
pub fn parts_of(pipeline: &Numbered, lines: u64, runs: u64, begun: u64) -> u64 {
    for run in 0..runs {
        let from = begun + run * lines;
        let lines: String = (from + 1..=from + lines).map(line).collect();
        let log = OpenOptions::new().create(true).append(true).open(pipeline.path("log/access.log"));
        log.unwrap().write_all(lines.as_bytes()).unwrap();
        pipeline.run("run", &["--once"]).expect_code(0);
    }
    let_rest(pipeline);
    begun + runs * lines
}

/// As if no part had come for an hour.
fn let_rest(pipeline: &Numbered) {
    for part in pipeline.parts() {
        let before = SystemTime::now() - Duration::from_hours(1);
        OpenOptions::new().write(true).open(part).unwrap().set_modified(before).unwrap();
    }
}

/// Parts that a bucket of an hour holds at most, when everything is merged: of lines that came around the full hour.
const BUCKETS: usize = 2;

fn facts(parts: &Path) -> String {
    read(&[
        "query",
        &format!(
            "SELECT count(*) AS a, sum(\"http.response.body.size\") AS b, count(DISTINCT \"client.address\") AS c, min(time) AS d, \
             max(time) AS e, count(DISTINCT \"url.path\") AS f, count(\"sluis.deadline\") AS g FROM '{}/*.parquet'",
            parts.display()
        ),
    ])
}

#[test]
fn merging_changes_nothing_that_a_query_finds() {
    let pipeline = Numbered::parquet();
    let last = small_parts(&pipeline, 6, 0);
    let before = (pipeline.parts().len(), facts(&pipeline.parts_dir()));
    assert!(before.0 >= 6);
    let swept = pipeline.run("sweep", &[]);
    swept.expect_code(0);
    let said = String::from_utf8_lossy(&swept.out).into_owned();
    assert!(said.contains("small parts were merged into fewer, of 240 records"), "{said}");
    assert_eq!(facts(&pipeline.parts_dir()), before.1);
    assert!(pipeline.parts().len() <= BUCKETS);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
    let shown = pipeline.path("state");
    let shown = crate::support::sluis(&["journal", "show", "--state", shown.to_str().unwrap()], b"");
    assert!(String::from_utf8_lossy(&shown.out).contains("part.merged"));
}

/// A run merges by itself, while it goes on.
#[test]
fn a_run_merges_what_it_and_others_left() {
    let pipeline = Numbered::parquet();
    let last = small_parts(&pipeline, 5, 0);
    let mut run = pipeline.follow();
    assert!(within(60, || pipeline.parts().len() <= BUCKETS), "{}", run.said());
    assert!(run.is_running());
    run.stop().expect_code(0);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
}

/// Whatever lies there under a name of ours and is no Parquet stays, and is named.
#[test]
fn a_foreign_part_is_named_and_left() {
    let pipeline = Numbered::parquet();
    let last = small_parts(&pipeline, 3, 0);
    let name = pipeline.parts()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let (date, _) = name.split_once(".14d.").unwrap();
    let foreign = pipeline.parts_dir().join(format!("{date}.14d.1-999.parquet"));
    fs::write(&foreign, "198.51.100.7 is no column").unwrap();
    let_rest(&pipeline);
    let swept = pipeline.run("sweep", &[]);
    swept.expect_code(0);
    let said = swept.err_text();
    assert!(said.contains("1-999.parquet: it cannot be read as Parquet"), "{said}");
    assert!(!said.contains("198.51"), "{said}");
    assert_eq!(fs::read(&foreign).unwrap(), b"198.51.100.7 is no column");
    fs::remove_file(foreign).unwrap();
    assert!(pipeline.parts().len() <= BUCKETS);
    pipeline.expect_once(1..=last);
}

#[test]
fn pi_9_killed_before_any_call_of_a_merge_nothing_is_lost_or_doubled() {
    killed_merging(&Numbered::parquet());
}

/// The same of encrypted parts, which are small until they are merged.
#[test]
fn pi_9_killed_before_any_call_of_a_merge_of_encrypted_parts_nothing_is_lost_or_doubled() {
    killed_merging(&Numbered::encrypted_columns());
}

fn killed_merging(pipeline: &Numbered) {
    let Some(strace) = installed("strace") else { return };
    let mut last = 0;
    // The calls from the first rows to the end: what is opened and read before belongs to any sweep.
    let all = std::env::var("SLUIS_KILLS").is_ok();
    let calls: &[(&str, u64)] =
        &[("rename", 3), ("unlink,unlinkat", 6), ("fsync", 8), ("write", 20), ("fdatasync", 3)];
    let (mut kills, mut ended) = (0, 0);
    for (call, most) in calls {
        for when in (1..=*most).filter(|when| all || *call != "write" || when % 5 == 0) {
            last = small_parts(pipeline, 3, last);
            let command = pipeline.command("sweep", &[]);
            let inject = format!("inject={call}:signal=SIGKILL:when={when}");
            let mut sweep = Started::of(traced(&strace, call, &inject).args(arguments(&command)));
            assert!(within(60, || !sweep.is_running()));
            if sweep.was_killed() {
                kills += 1;
            } else {
                ended += 1;
            }
            // Whoever starts next ends it.
            pipeline.run("run", &["--once"]).expect_code(0);
            pipeline.expect_once(1..=last);
            assert!(!pipeline.path("state/merge").exists());
        }
    }
    let_rest(pipeline);
    pipeline.run("sweep", &[]).expect_code(0);
    assert!(kills > 10, "{kills} of {}", kills + ended);
    assert!(pipeline.parts().len() <= BUCKETS);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
    println!("figures: {kills} kills in a merge, {ended} ended before; {last} lines, each once");
}
