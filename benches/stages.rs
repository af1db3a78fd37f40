//! What each stage costs, one at a time, in bytes per second.
//!
//! *In*: five thousand lines per format, written here so that the input cannot change unseen. *Out*: criterion's figures.
//! *Promised*: every row states how many things it must find and stops when it finds another number: a fast loop that
//! finds nothing is no result. `cargo bench --bench stages -- --test` runs each row once. *Not here*: whole processes
//! (`benches/compare`).

#![allow(clippy::expect_used, reason = "a row that cannot be set up has no figure")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluis::config::format_spec::FormatSpec;
use sluis::encode::same::Same;
use sluis::encode::{Emit, ndjson};
use sluis::format::jitsi::Service;
use sluis::format::{Format, Memo, Reading, RowParser};
use sluis::keys::{EpochKeys, Keys, TokenKind};
use sluis::pipeline::build::{self, RouteSpec};
use sluis::pipeline::worker::{ClassChoice, Outcome, SourcePlan, Worker};
use sluis::protect::cache::{ENTRIES, TokenCache};
use sluis::protect::learned::{Learned, Learner};
use sluis::protect::text::{Context, Sense, find, find_within};
use sluis::record::batch::RawBatch;
use sluis::record::lines::Lines;
use sluis::record::row::Row;
use sluis::record::span::{Escape, Parsed, Part};
use sluis::record::texts::Texts;
use sluis::record::timestamp::Timestamp;
use sluis::source::frame;

const LINES: usize = 5000;
/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);
/// A format that reads by steps rather than as rows.
const NGINX: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $request_time "$http_referer" $upstream_addr $host"#;

/// Who asks for line `n`: an eighth of them over IPv6.
fn client(n: usize) -> String {
    if n % 25 < 3 {
        Ipv6Addr::new(0x2001, 0xdb8, (n % 97) as u16, 1, 0, 0, 0, n as u16).to_string()
    } else {
        Ipv4Addr::new(198, 18, (n % 251) as u8, (n % 83) as u8).to_string()
    }
}

/// Line `n` of a format, about this client.
type Line = fn(usize, &str) -> String;

/// Lines that differ where real ones do: address, path, size.
fn lines(line: Line) -> Vec<u8> {
    (0..LINES).flat_map(|n| (line(n, &client(n)) + "\n").into_bytes()).collect()
}

fn combined_line(n: usize, client: &str) -> String {
    format!(
        "{client} - - [21/Nov/2026:10:{:02}:{:02} +0000] \"GET /news/{n}/index?page={} HTTP/1.1\" 200 {} \
         \"https://www.example.org/docs/{n}\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/120.0.0.0 Safari/537.36\"",
        n / 60 % 60,
        n % 60,
        n % 9,
        1000 + n,
    )
}

fn nginx(n: usize, client: &str) -> String {
    format!(
        "{client} - - [21/Nov/2026:10:{:02}:{:02} +0000] \"GET /news/{n}/index?page={} HTTP/1.1\" 200 0.{:03} \
         \"https://www.example.org/docs/{n}\" 198.18.255.1:8080, 198.18.255.2:8080 www.example.org",
        n / 60 % 60,
        n % 60,
        n % 9,
        n % 1000,
    )
}

fn json(n: usize, client: &str) -> String {
    format!(
        "{{\"time_iso8601\":\"2026-11-21T10:{:02}:{:02}Z\",\"remote_addr\":\"{client}\",\"request_uri\":\"/news/{n}/index\",\
         \"status\":200,\"http_user_agent\":\"curl/8.5.0\",\"list\":[{{\"x\":[{n}]}}]}}",
        n / 60 % 60,
        n % 60,
    )
}

fn nginx_error(n: usize, client: &str) -> String {
    format!(
        "2026/11/21 10:{:02}:{:02} [error] 7#7: *{n} open() \"/srv/{n}\" failed (2: No such file), client: {client}, \
         server: example.org, request: \"GET /{n} HTTP/1.1\", host: \"example.org\"",
        n / 60 % 60,
        n % 60,
    )
}

fn apache_error(n: usize, client: &str) -> String {
    format!(
        "[Sat Nov 21 10:{:02}:{:02}.123456 2026] [core:error] [pid 7:tid 9] [client {client}] AH00126: Invalid URI in \
         request {n}, referer: https://example.org/{n}",
        n / 60 % 60,
        n % 60,
    )
}

fn prosody(n: usize, _: &str) -> String {
    let time = format!("Nov 21 10:{:02}:{:02}", n / 60 % 60, n % 60);
    match n % 5 {
        0 => format!(
            "{time} mod_bosh\tinfo\tNew BOSH session, assigned it sid '550e8400-e29b-41d4-a716-44665544{n:04}'"
        ),
        1 => format!(
            "{time} bosh550e8400-e29b-41d4-a716-44665544{n:04}\tinfo\tAuthenticated as a{n}@example.org"
        ),
        2 => format!("{time} portmanager\tinfo\tActivated service 'http' on [::]:5280, [*]:{n}"),
        3 => format!("{time} c2s55a9fb62{n:04x}\tinfo\tClient disconnected: connection closed"),
        _ => format!(
            "{time} focus.example.org:component\twarn\tComponent not connected, bouncing error for: <iq id='{n}' type='get' \
             to='focus.example.org' from='focus@auth.example.org/focus{n}'>"
        ),
    }
}

fn coturn(n: usize, client: &str) -> String {
    let client = if client.contains(':') { format!("[{client}]") } else { client.to_owned() };
    format!(
        "{n}: (4711): INFO: session 00100000000000{n:04}: closed (2nd stage), user <1795252532:u{n}> realm <example.org> \
         origin <>, local 198.18.255.1:3478, remote {client}:{}, reason: allocation timeout",
        40_000 + n
    )
}

fn jvb(n: usize, client: &str) -> String {
    format!(
        "JVB 2026-11-21 10:{:02}:{:02}.{:03} INFO: [{}] [confId={n:016x} conf_name=room{}@conference.meet.example.org \
         meeting_id={n:08x} epId={n:08x} stats_id=Elva-{:03} local_ufrag=9eici1hqbpo5dq ufrag=9eici1hqbpo5dq \
         name=stream-{n:08x} componentId=1] Component.addUpdateRemoteCandidates#369: Update remote candidate for \
         stream-{n:08x}.RTP: [{client}]:61542/udp",
        n / 60 % 60,
        n % 60,
        n % 1000,
        n % 97,
        n % 30,
        n % 600,
    )
}

fn jicofo(n: usize, client: &str) -> String {
    format!(
        "Jicofo 2026-11-21 10:{:02}:{:02}.{:03} INFO: [{}] [room=room{}@conference.meet.example.org \
         meeting_id=bf2b5e2b-5bad-47d3-a312-{n:012x} participant={n:08x}] ParticipantInviteRunnable.doRun#218: Sending \
         candidates of {client} to {n:08x}.",
        n / 60 % 60,
        n % 60,
        n % 1000,
        n % 97,
        n % 30,
    )
}

fn text(n: usize, client: &str) -> String {
    format!("worker {n} met {client}, a{n}@example.org and 00:00:5e:00:53:{:02x} in version 1.2.3.4", n % 256)
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

fn compiled(spec: &FormatSpec) -> Format {
    build::compile(spec, Some(jiff::tz::TimeZone::UTC), &BTreeMap::new()).expect("the format is right")
}

fn passes(criterion: &mut Criterion) {
    let lines = lines(combined_line);
    row(criterion, "newline scan", &lines, LINES, |input| memchr::memchr_iter(b'\n', input).count());
    let combined = compiled(&FormatSpec::Combined);
    row(criterion, "frame", &lines, LINES, |input| frame::records(combined.parser(), input).count());
    let mut records = Lines::default();
    row(criterion, "lines", &lines, LINES, |input| {
        records.scan(input);
        records.records(input).count()
    });
}

/// Parts of each record, by format.
fn parsers(criterion: &mut Criterion) {
    let rows: [(&str, FormatSpec, Line, usize); 10] = [
        ("parse combined", FormatSpec::Combined, combined_line, 10),
        ("parse nginx", FormatSpec::Nginx(NGINX.into()), nginx, 11),
        ("parse json", FormatSpec::Json(BTreeMap::new()), json, 5),
        ("parse nginx-error", FormatSpec::NginxError, nginx_error, 12),
        ("parse apache-error", FormatSpec::ApacheError, apache_error, 9),
        // Six parts, six, four, five and four in turn.
        ("parse prosody", FormatSpec::Prosody, prosody, 5),
        ("parse coturn", FormatSpec::Coturn, coturn, 10),
        ("parse jvb", FormatSpec::Jitsi(Service::Jvb), jvb, 13),
        ("parse jicofo", FormatSpec::Jitsi(Service::Jicofo), jicofo, 10),
        ("parse text", FormatSpec::Text, text, 1),
    ];
    let (mut memo, mut parsed) = (Memo::new(NOW), Parsed::default());
    for (name, spec, line, parts) in rows {
        let format = compiled(&spec);
        let parser = format.parser();
        row(criterion, name, &lines(line), parts * LINES, |input| {
            let mut found = 0;
            for record in frame::records(parser, input) {
                parsed.clear();
                let _ = black_box(parser.parse(record, &mut memo, &mut parsed));
                found += parsed.parts.len();
            }
            found
        });
    }
    let combined = sluis::format::presets::combined();
    let (mut records, mut texts, mut read) = (Lines::default(), Texts::default(), Row::default());
    row(criterion, "rows of combined", &lines(combined_line), 10 * LINES, |input| {
        records.scan(input);
        let mut found = 0;
        for line in records.records(input) {
            let into = Reading { memo: &mut memo, texts: &mut texts, row: &mut read };
            let time = combined.read_row(line, into);
            found += if black_box(time).is_some() { read.present().count_ones() as usize } else { 0 };
        }
        found
    });
}

fn finder(criterion: &mut Criterion) {
    let mut out = Vec::new();
    for (name, lines, expected) in
        [("find: combined lines", lines(combined_line), LINES), ("find: text", lines(text), 3 * LINES)]
    {
        row(criterion, name, &lines, expected, |input| {
            let mut found = 0;
            for line in input.split(|&byte| byte == b'\n') {
                find(line, Context::Text, &mut out);
                found += out.len();
            }
            found
        });
    }
    row(criterion, "find within a batch: text", &lines(text), 3 * LINES, |input| {
        let (mut found, mut start) = (0, 0);
        for newline in memchr::memchr_iter(b'\n', input) {
            find_within(input, start..newline, Context::Text, &mut out);
            found += out.len();
            start = newline + 1;
        }
        found
    });
}

/// The search for names that were learned: one line in five names somebody, and none of the others does.
fn learned(criterion: &mut Criterion) {
    let policy = sluis::config::builtin().expect("the built-in policy is right");
    let keys = Keys::ephemeral(&policy.domains).expect("a random keyring");
    let epoch = keys.epoch_keys(0, keys.epoch_of(0, NOW), NOW).expect("a key for today");
    let message = |n: usize, client: &str| {
        let who = if n.is_multiple_of(5) {
            format!("Person{} de Vries{}", n % 251, n % 199)
        } else {
            format!("{n:08x}")
        };
        format!("Participant {who} of the conference changed its address to {client} (attempt {})", n % 7)
    };
    let lines = lines(message);
    for names in [0, 50_000] {
        let shared = Learned::new(names.max(1), keys.clone()).expect("a random seed");
        let mut learner = Learner::of(Arc::new(shared));
        for n in 0..names {
            let name = format!("Person{} de Vries{}", n % 251, n / 251);
            learner.learn(Sense::Name, name.as_bytes(), &epoch);
        }
        let mut out = Vec::new();
        let expected = if names == 0 { 0 } else { LINES / 5 };
        row(criterion, &format!("find among {names} learned names"), &lines, expected, |input| {
            let mut found = 0;
            for line in records(input) {
                out.clear();
                learner.find(line, &mut out);
                found += out.len();
            }
            found
        });
    }
}

/// Tokens of five thousand addresses; every one takes 22 bytes.
fn tokens(criterion: &mut Criterion) {
    let policy = sluis::config::builtin().expect("the built-in policy is right");
    let keys = Keys::ephemeral(&policy.domains).expect("a random keyring");
    let epoch = keys.epoch_keys(0, keys.epoch_of(0, NOW), NOW).expect("a key for today");
    let addresses: Vec<u8> = (0..LINES as u32).flat_map(u32::to_be_bytes).collect();
    for (name, entries) in [("token", 0), ("token, remembered", ENTRIES)] {
        let (mut cache, mut out) = (TokenCache::new(entries), Vec::new());
        row(criterion, name, &addresses, 22 * LINES, |input| {
            out.clear();
            for address in input.as_chunks::<4>().0 {
                let key = u128::from(u32::from_be_bytes(*address));
                cache.short.write(key, epoch.serial(), &mut out, |out| write_token(&epoch, address, out));
            }
            out.len()
        });
    }
}

fn write_token(epoch: &EpochKeys, address: &[u8], out: &mut Vec<u8>) {
    epoch.token(TokenKind::Address, address).write_base64url(out);
}

fn encoders(criterion: &mut Criterion) {
    let lines = lines(combined_line);
    let client = Part { slot: 0, start: 0, end: 8 };
    let mut out = Vec::new();
    // Eight bytes of each line give way to one.
    row(criterion, "encode same", &lines, lines.len() - 7 * LINES, |input| {
        out.clear();
        for record in records(input) {
            let mut same = Same::begin(record, &mut out);
            same.replace(client, Escape::Apache, b"x");
            same.end();
        }
        out.len()
    });
    // Six quotes of each line are escaped, two are new, and the newline goes.
    row(criterion, "encode json string", &lines, lines.len() + 7 * LINES, |input| {
        out.clear();
        records(input).for_each(|record| ndjson::string(record, &mut out));
        out.len()
    });
}

fn records(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|&byte| byte == b'\n').filter(|record| !record.is_empty())
}

/// Everything that a batch goes through, in both forms.
fn workers(criterion: &mut Criterion) {
    let policy = sluis::config::builtin().expect("the built-in policy is right");
    let keys = Keys::ephemeral(&policy.domains).expect("a random keyring");
    let mut batch = RawBatch::with_capacity(1 << 21);
    batch.bytes = lines(combined_line);
    batch.received = NOW;
    for (form, emit) in [("same", Emit::Same), ("ndjson", Emit::Ndjson)] {
        for (memory, entries) in [("", ENTRIES), (", nothing remembered", 0)] {
            let format = compiled(&FormatSpec::Combined);
            let route = RouteSpec { class: 0, view: None, emit, output: 0, sink: 0 };
            let classes = build::classes(&policy, format.parser(), &[route]);
            let plan = SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None };
            let (mut worker, mut outcome) = (Worker::new(keys.clone(), entries), Outcome::new(1));
            row(criterion, &format!("worker {form}{memory}"), &batch.bytes, LINES, |_| {
                worker.process(0, &plan, black_box(&batch), NOW, &mut outcome);
                outcome.counts.records_out as usize
            });
        }
    }
}

criterion_group!(benches, passes, parsers, finder, learned, tokens, encoders, workers);
criterion_main!(benches);
