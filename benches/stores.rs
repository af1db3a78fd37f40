//! What keeping stores on schedule costs: sweeps over many parts, and proving a long journal.
//!
//! *In*: directories and journals made here. *Out*: criterion's figures. *Promised*: every row stops when it finds another number
//! than it must; `cargo bench --bench stores -- --test` runs each row once, small. *Not here*: the stages of a record (`stages`).

#![allow(clippy::expect_used, reason = "a row that cannot be set up has no figure")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::{Because, Event, FILE_NAME, Journal, PartOf, verify};
use sluis::retention::part_name;
use sluis::retention::sweep::{Place, list, sweep};
use tempfile::TempDir;

/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);
const RETENTION: u64 = 14 * 86_400;

/// The full size, or a thousandth where rows are only tried.
fn size(full: u64) -> u64 {
    if std::env::args().any(|argument| argument == "--test") { full / 1000 } else { full }
}

fn journal(c: &mut Criterion) {
    let entries = size(1_000_000);
    let folder = TempDir::new().expect("a directory");
    let mut journal = Journal::open(folder.path(), NOW).expect("a journal");
    let event = |n: u64| Event::PartDestroyed {
        part: PartOf {
            store: "sink.archive".into(),
            class: Some("web".into()),
            part: part_name::write(NOW, RETENTION, 4711, n, "ndjson").expect("a name"),
        },
        bytes: n * 1000,
        deadline: NOW,
        because: Because::Deadline,
    };
    let events: Vec<Event> = (1..entries).map(event).collect();
    for some in events.chunks(10_000) {
        journal.append(NOW, some).expect("entries");
    }
    let bytes = std::fs::read(folder.path().join(FILE_NAME)).expect("the journal");
    let mut group = c.benchmark_group("journal");
    group.throughput(Throughput::Elements(entries)).sample_size(10);
    group.bench_function("verify", |b| {
        b.iter(|| {
            let verified = verify(&bytes[..], Some(journal.head()), |_| {}).expect("a whole journal");
            assert_eq!(verified.head.seq, entries);
        });
    });
    group.finish();
}

/// A directory of `parts`, of which the first `due` are.
fn store(root: &Path, parts: u64, due: u64) -> PathBuf {
    let directory = root.join("web");
    std::fs::create_dir_all(&directory).expect("a directory");
    for n in 0..parts {
        let deadline = NOW.plus_seconds(if n < due { -60 } else { 3600 });
        let name = part_name::write(deadline, RETENTION, 4711, n, "ndjson").expect("a name");
        std::fs::write(directory.join(name), b"").expect("a part");
    }
    directory
}

fn sweeps(c: &mut Criterion) {
    let (parts, due) = (size(100_000), size(1_000));
    let mut group = c.benchmark_group("sweep");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    let folder = TempDir::new().expect("a directory");
    let place = |directory: PathBuf| Place {
        store: "sink.archive".into(),
        class: Some("web".into()),
        directory,
        retention_seconds: RETENTION,
    };
    let here = place(store(folder.path(), parts, due));
    group.bench_function("list 100,000 parts", |b| {
        b.iter(|| assert_eq!(list(&here, NOW, 0).expect("a list").due.len() as u64, due));
    });
    group.bench_function("100,000 parts, 1,000 due", |b| {
        b.iter_batched(
            || {
                let _ = store(folder.path(), due, due);
                Journal::open(&folder.path().join("state"), NOW).expect("a journal")
            },
            |mut journal| {
                let swept = sweep(std::slice::from_ref(&here), NOW, 0, &mut journal).expect("a sweep");
                assert_eq!(swept[0].destroyed, due);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, journal, sweeps);
criterion_main!(benches);
