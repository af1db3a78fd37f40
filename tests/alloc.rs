//! No allocation per record: proved by counting them.
//!
//! *In*: batches of synthetic records. *Out*: a verdict. *Promised*: after a warm-up that fills the reused buffers, a worker
//! allocates as often for ten batches as for one, in every format and both forms of output: not at all. *Not here*: time. A
//! program of its own, since a global allocator counts for everything in the process.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use sluis::config::format_spec::FormatSpec;
use sluis::encode::Emit;
use sluis::format::jitsi::Service;
use sluis::keys::Keys;
use sluis::pipeline::build::{self, RouteSpec};
use sluis::pipeline::worker::{ClassChoice, Outcome, SourcePlan};
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;

/// Records of a batch.
const RECORDS: u32 = 500;
/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);

thread_local! {
    /// Allocations and growths of this thread. Per thread, so that the tests may run side by side.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[allow(unsafe_code, reason = "an allocator cannot be wrapped without it; every call is passed on unchanged")]
// SAFETY: each method hands its arguments to the system allocator as they came and returns what it returned.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that is ending has no counter any more; nothing is measured then.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

fn counted() -> u64 {
    COUNT.with(Cell::get)
}

/// Record `n` of a format: every batch brings other clients, so that no cache can hide an allocation.
type Line = fn(u32) -> String;

fn combined(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "198.{a}.100.{b} - user{n} [21/Nov/2026:10:00:{:02} +0000] \"GET /p/{n}?ip=203.0.{a}.{b}&m=a{n}%40example.org HTTP/1.1\" \
         200 {n} \"https://example.org/from/2001:db8::{a:x}:{b:x}\" \"Mozilla/5.0 (X11) Chrome/120.0.0.0\"\n",
        n % 60
    )
}

fn json(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "{{\"time_iso8601\":\"2026-11-21T10:00:00Z\",\"remote_addr\":\"198.{a}.100.{b}\",\"remote_user\":\"u{n}\",\
         \"message\":\"seen \\\"2001:db8::{b:x}\\\" and u{n}\",\"list\":[{{\"x\":[{n}]}}],\"status\":200}}\n"
    )
}

fn nginx_error(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "2026/11/21 10:00:00 [error] 7#7: *{n} open() \"/srv/{n}\" failed (2: No such file), client: 198.{a}.100.{b}, \
         server: example.org, request: \"GET /{n} HTTP/1.1\", host: \"example.org\", referrer: \"http://203.0.{a}.{b}/\"\n"
    )
}

fn apache_error(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "[Sat Nov 21 10:00:00.123456 2026] [core:error] [pid 7:tid 9] [client 198.{a}.100.{b}:4000] AH00126: \
         Invalid URI from 203.0.{a}.{b}, referer: https://example.org/{n}\n"
    )
}

/// Statements of accounts, sessions and stanzas, by turns.
fn prosody(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    let (source, text) = match n % 3 {
        0 => (
            format!("bosh550e8400-e29b-41d4-a716-4466{n:08}"),
            format!("info\tAuthenticated as a{n}@example.org"),
        ),
        1 => (format!("c2s55a9{n:08x}"), format!("debug\tc2s stream for 198.{a}.100.{b} closed")),
        _ => (
            "conference.example.org:muc".to_owned(),
            format!(
                "debug\t<presence to='r{n}@conference.example.org/{n:08x}'><nick>Eva {n}</nick>\n\
                 <stats-id>Eva-{n}</stats-id><email>a{n}@example.org</email></presence>"
            ),
        ),
    };
    format!("Nov 21 10:00:00 {source}\t{text}\n")
}

fn coturn(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "5: (47): INFO: session 0010000000{n:08}: closed (2nd stage), user <1795252532:u{n}> realm <203.0.{a}.{b}> origin <>, \
         local 198.18.0.1:3478, remote 198.{a}.100.{b}:5000, reason: allocation timeout\n"
    )
}

fn jvb(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "JVB 2026-11-21 10:00:00.{:03} INFO: [{b}] [confId={n:016x} conf_name=r{a}@conference.h epId={n:08x} stats_id=Eva-{n} \
         ufrag=x{n}] Component.update#369: Update remote candidate: 198.{a}.100.{b}:5000/udp\n\tat 203.0.{a}.{b}\n",
        n % 1000
    )
}

fn text(n: u32) -> String {
    let (a, b) = (n / 250 % 250, n % 250);
    format!(
        "worker {n} met 198.{a}.100.{b}, fe80::{a:x}:{b:x}%eth0, a{n}@example.org and 00:00:5e:00:53:{b:02x}\n"
    )
}

fn batch(line: Line, first: u32) -> RawBatch {
    let mut batch = RawBatch::with_capacity(1 << 20);
    for n in first..first + RECORDS {
        batch.bytes.extend_from_slice(line(n).as_bytes());
    }
    batch.received = NOW;
    batch
}

/// Allocations while a worker that is warm processes `batches`.
fn allocations(format: &FormatSpec, line: Line, emit: Emit, cache: usize, batches: u32) -> u64 {
    let policy = sluis::config::builtin().expect("the built-in policy is right");
    let format =
        build::compile(format, Some(jiff::tz::TimeZone::UTC), &BTreeMap::new()).expect("the format is right");
    let specs = [RouteSpec { class: 0, view: None, emit, output: 0, sink: 0 }];
    let classes = build::classes(&policy, format.parser(), &specs);
    let plan = SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None };
    let keys = Keys::ephemeral(&policy.domains).expect("a random keyring");
    // So few names are remembered that the warm-up has learned more, and forgotten some.
    let workers = build::workers(&keys, 1, cache, 1000).expect("a random seed");
    let mut worker = workers.into_iter().next().expect("one worker");
    let mut outcome = Outcome::new(1);
    // As long as those that are measured, of other clients, and enough of them that no buffer has to grow afterwards.
    for i in 0..20 {
        worker.process(0, &plan, &batch(line, 9_010_000 + i * 2_500), NOW, &mut outcome);
    }
    assert_eq!(outcome.counts.records_out, u64::from(RECORDS), "the records are right");
    let batches: Vec<RawBatch> = (0..batches).map(|i| batch(line, 1_000_000 + i * RECORDS)).collect();
    let before = counted();
    for batch in &batches {
        worker.process(0, &plan, batch, NOW, &mut outcome);
    }
    counted() - before
}

fn nothing_per_record(name: &str, format: &FormatSpec, line: Line) {
    for emit in [Emit::Same, Emit::Ndjson] {
        for cache in [0, 4096] {
            let one = allocations(format, line, emit, cache, 1);
            let ten = allocations(format, line, emit, cache, 10);
            let form = if emit == Emit::Same { "same" } else { "ndjson" };
            assert_eq!(
                ten, one,
                "{name} {form}, cache of {cache}: {RECORDS} records {one}, ten times as many {ten}"
            );
        }
    }
}

#[test]
fn the_counter_counts() {
    let before = counted();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(counted(), before + 1);
}

#[test]
fn combined_allocates_nothing_per_record() {
    nothing_per_record("combined", &FormatSpec::Combined, combined);
}

#[test]
fn json_allocates_nothing_per_record() {
    nothing_per_record("json", &FormatSpec::Json(BTreeMap::new()), json);
}

#[test]
fn error_logs_allocate_nothing_per_record() {
    nothing_per_record("nginx-error", &FormatSpec::NginxError, nginx_error);
    nothing_per_record("apache-error", &FormatSpec::ApacheError, apache_error);
}

#[test]
fn logs_of_servers_allocate_nothing_per_record() {
    nothing_per_record("prosody", &FormatSpec::Prosody, prosody);
    nothing_per_record("coturn", &FormatSpec::Coturn, coturn);
}

#[test]
fn jitsi_allocates_nothing_per_record() {
    nothing_per_record("jvb", &FormatSpec::Jitsi(Service::Jvb), jvb);
}

#[test]
fn text_allocates_nothing_per_record() {
    nothing_per_record("text", &FormatSpec::Text, text);
}
