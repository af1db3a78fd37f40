//! What each stage costs, one at a time, in bytes per second.
//!
//! *In*: five thousand combined lines, written here so that the input cannot change unseen. *Out*: criterion's figures.
//! *Promised*: every row states how many things it must find and stops when it finds another number: a fast loop that
//! finds nothing is no result. `cargo bench --bench stages -- --test` runs each row once. *Not here*: whole processes
//! (`benches/compare`).

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const LINES: usize = 5000;

/// Lines that differ where real ones do: address, path, size.
fn combined() -> Vec<u8> {
    let mut text = String::new();
    for n in 0..LINES {
        let address = if n % 25 < 3 {
            format!("2001:db8:{:x}:1::{n:x}", n % 97)
        } else {
            format!("198.18.{}.{}", n % 251, n % 83)
        };
        let _ = writeln!(
            text,
            "{address} - - [21/Nov/2026:10:{:02}:{:02} +0000] \"GET /news/{n}/index?page={} HTTP/1.1\" 200 {} \
             \"https://www.example.org/docs/{n}\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/120.0.0.0 Safari/537.36\"",
            n / 60 % 60,
            n % 60,
            n % 9,
            1000 + n,
        );
    }
    text.into_bytes()
}

/// A row: `work` over `input` must find `expected` things.
fn row(
    criterion: &mut Criterion,
    name: &str,
    input: &[u8],
    expected: usize,
    mut work: impl FnMut(&[u8]) -> usize,
) {
    assert_eq!(work(input), expected, "{name}: another count than stated");
    let mut group = criterion.benchmark_group("stages");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function(name, |bencher| bencher.iter(|| work(black_box(input))));
    group.finish();
}

fn stages(criterion: &mut Criterion) {
    let lines = combined();
    row(criterion, "newline scan", &lines, LINES, |input| memchr::memchr_iter(b'\n', input).count());
    row(criterion, "frame", &lines, LINES, |input| input.split_inclusive(|&byte| byte == b'\n').count());
    // One row per stage: parse per format, find in text, token with and without cache, encode same and ndjson.
}

criterion_group!(benches, stages);
criterion_main!(benches);
