//! How fast the finder is on typical values.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use sluis::protect::text::{Context, find, find_within};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/120.0.0.0 Safari/537.36";
const PATH: &str = "/static/js/vendor.3f2a1b4c.chunk.js";
const QUERY: &str = "q=hello%20world&page=2&lang=nl&session=5f2050f6a1";
const REFERRER: &str = "https://www.example.org/articles/2026/11/some-title-of-a-page?utm_source=news";

/// The best of many short runs, so that a busy machine shows its quiet moments.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn report(name: &str, bytes: usize, mut run: impl FnMut() -> usize) {
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..60 {
        let begun = Instant::now();
        found = black_box(run());
        best = best.min(begun.elapsed());
    }
    println!("{name:<44} {:6.2} GB/s {found:>8} found", bytes as f64 / best.as_secs_f64() / 1e9);
}

/// Combined lines, and where the quoted fields stand in them.
fn lines() -> (String, Vec<(usize, usize, Context)>) {
    let mut lines = String::new();
    for n in 0..2_000_u32 {
        let address = Ipv4Addr::from_bits(n.wrapping_mul(2_654_435_761));
        let agent = if n % 3 == 0 { AGENT } else { CHROME };
        let _ = writeln!(
            lines,
            "{address} - - [21/Nov/2026:22:59:{:02} +0000] \"GET {PATH}?{QUERY} HTTP/1.1\" 200 5316 \"{REFERRER}\" \"{agent}\"",
            n % 60
        );
    }
    let quotes: Vec<usize> = lines.match_indices('"').map(|(place, _)| place).collect();
    let contexts = [Context::Text, Context::Url, Context::Agent];
    let fields = quotes.chunks(2).zip(contexts.iter().cycle());
    let fields = fields.map(|(pair, &context)| (pair[0] + 1, pair[1], context)).collect();
    (lines, fields)
}

/// Not a test: `cargo test --release -- --ignored finder_speed --nocapture`.
#[test]
#[ignore = "a measurement, not a test"]
fn finder_speed() {
    let mut out = Vec::new();
    for (name, value, context) in [
        ("agent of Firefox", AGENT, Context::Agent),
        ("agent of Chrome", CHROME, Context::Agent),
        ("path", PATH, Context::Path),
        ("query", QUERY, Context::Query),
        ("referrer", REFERRER, Context::Url),
        (
            "message with an address",
            "upstream timed out while reading, client: 192.0.2.1, server: _",
            Context::Text,
        ),
    ] {
        report(&format!("find: {name}, {} bytes", value.len()), value.len() * 1000, || {
            let mut found = 0;
            for _ in 0..1000 {
                find(black_box(value.as_bytes()), context, &mut out);
                found += out.len();
            }
            found
        });
    }
    let long = REFERRER.repeat(5_000);
    report("find: long text of referrers", long.len(), || {
        find(black_box(long.as_bytes()), Context::Text, &mut out);
        out.len()
    });
    let (lines, fields) = lines();
    let buffer = lines.as_bytes();
    report("find: three fields of each combined line", buffer.len(), || {
        let mut found = 0;
        for &(start, end, context) in &fields {
            find(&buffer[start..end], context, &mut out);
            found += out.len();
        }
        found
    });
    report("find_within: the same three fields", buffer.len(), || {
        let mut found = 0;
        for &(start, end, context) in &fields {
            find_within(buffer, start..end, context, &mut out);
            found += out.len();
        }
        found
    });
    report("newline scan of the same lines", buffer.len(), || {
        memchr::memchr_iter(b'\n', black_box(buffer)).count()
    });
}
