//! What keeping stores on schedule costs: sweeps over many parts, and proving a long journal.
//!
//! *In*: directories and journals made here. *Out*: criterion's figures. *Promised*: every row stops when it finds another number
//! than it must; `cargo bench --bench stores -- --test` runs each row once, small. *Not here*: the stages of a record (`stages`).

#![allow(clippy::expect_used, reason = "a row that cannot be set up has no figure")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sluis::governance::audit::{Scope, audit};
use sluis::policy::class::Lives;
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

/// Part `n`, which must be gone by `deadline`.
fn part(deadline: Timestamp, n: u64) -> PartOf {
    let part = part_name::write(deadline, RETENTION, 4711, n, "ndjson").expect("a name");
    PartOf { store: "sink.archive".into(), class: Some("web".into()), part }
}

/// The entry of its destruction.
fn destroyed(deadline: Timestamp, n: u64) -> Event {
    Event::PartDestroyed { part: part(deadline, n), bytes: n * 1000, deadline, because: Because::Deadline }
}

fn journal(c: &mut Criterion) {
    let entries = size(1_000_000);
    let folder = TempDir::new().expect("a directory");
    let mut journal = Journal::open(folder.path(), NOW).expect("a journal");
    let events: Vec<Event> = (1..entries).map(|n| destroyed(NOW, n)).collect();
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
        lives: Lives::through(RETENTION),
        encrypted: false,
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

fn audits(c: &mut Criterion) {
    let parts = size(10_000);
    let folder = TempDir::new().expect("a directory");
    let place = Place {
        store: "sink.archive".into(),
        class: Some("web".into()),
        directory: store(folder.path(), parts, 0),
        lives: Lives::through(RETENTION),
        encrypted: false,
    };
    let state = folder.path().join("state");
    let mut journal = Journal::open(&state, NOW).expect("a journal");
    // Half of the parts that were ever stored are there.
    let deadline = NOW.plus_seconds(3600);
    let stored = |n| Event::PartStored { part: part(deadline, n), bytes: 0, records: 0, deadline };
    let mut events: Vec<Event> = (0..2 * parts).map(stored).collect();
    events.extend((parts..2 * parts).map(|n| destroyed(deadline, n)));
    journal.append(NOW, &events).expect("entries");
    let scope = Scope {
        places: std::slice::from_ref(&place),
        worst_seconds: &[RETENTION],
        state: &state,
        keys: None,
        anchored: None,
        keyring_anchored: None,
        now: NOW,
    };
    let mut group = c.benchmark_group("audit");
    group.sample_size(10);
    group.bench_function("10,000 parts, as many destroyed, 30,000 entries", |b| {
        b.iter(|| {
            let report = audit(&scope).expect("a report");
            assert_eq!(report.rows[0].parts, parts);
            // What this benchmark makes is open to everyone, or not, as the machine has it; nothing else is wrong.
            assert!(
                report.violations.iter().all(|violation| violation.what.contains("everyone on this machine"))
            );
        });
    });
    group.finish();
}

criterion_group!(benches, journal, sweeps, audits);
criterion_main!(benches);
