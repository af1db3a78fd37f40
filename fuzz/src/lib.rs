//! The entry points of the fuzzer: bytes from outside go in, and nothing but a panic or a hang can be wrong.
//!
//! *In*: any bytes. *Out*: nothing. *Promised*: each function ends for every input, in time linear in its length; what it
//! checks beyond that stands beside it. *Not here*: whether the result is right; that is the tests' work.

#![allow(clippy::missing_panics_doc, reason = "a fuzz target fails by panicking")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sluis::config::format_spec::FormatSpec;
use sluis::config::{pipeline_from_str, policy_from_str};
use sluis::format::{Format, Memo, Parser, Reading, RowParser};
use sluis::pipeline::build;
use sluis::protect::text::{Context, find};
use sluis::record::lines::Lines;
use sluis::record::row::{Row, places};
use sluis::record::span::Parsed;
use sluis::record::texts::Texts;
use sluis::record::timestamp::Timestamp;

pub mod replay;

/// Every format without a string of its own, compiled once.
static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    let names = [
        "common",
        "combined",
        "vhost_combined",
        "nginx-error",
        "apache-error",
        "json",
        "prosody",
        "coturn",
        "jvb",
        "jicofo",
        "jigasi",
        "jibri",
        "text",
    ];
    names.into_iter().filter_map(|name| compile(name, None)).collect()
});

fn compile(name: &str, string: Option<&str>) -> Option<Format> {
    let spec = FormatSpec::from_flags(name, string).ok()?;
    build::compile(&spec, build::zone("UTC").ok(), &BTreeMap::new()).ok()
}

/// One record of every format; and, when there are two lines, the first as a format string and the rest as its record.
pub fn parsers(data: &[u8]) {
    assert_eq!(FORMATS.len(), 13, "a format did not compile");
    for format in FORMATS.iter() {
        parse(format.parser(), data);
        rows(format, data);
    }
    let Some(newline) = data.iter().position(|&byte| byte == b'\n') else { return };
    let Ok(string) = std::str::from_utf8(&data[..newline]) else { return };
    for server in ["nginx", "apache"] {
        if let Some(format) = compile(server, Some(string)) {
            parse(format.parser(), &data[newline + 1..]);
            rows(&format, &data[newline + 1..]);
        }
    }
}

/// Parts lie in the record, in its order, without overlap, and in slots that exist.
fn parse(parser: &dyn Parser, record: &[u8]) {
    let mut memo = Memo::new(Timestamp::from_seconds(1_780_000_000));
    let mut parsed = Parsed::default();
    let _ = parser.begins_record(record);
    if parser.parse(record, &mut memo, &mut parsed).is_err() {
        return;
    }
    let mut last = 0;
    for part in &parsed.parts {
        assert!(usize::from(part.slot) < parser.layout().slots.len(), "a slot that the layout lacks");
        assert!(last <= part.start && part.start <= part.end, "parts out of order");
        assert!(part.end as usize <= record.len(), "a part beyond the record");
        last = part.end;
    }
}

/// What is read as a row is parsed too, and is the same.
fn rows(format: &Format, batch: &[u8]) {
    let Format::Log(parser) = format else { return };
    let (mut lines, mut texts, mut row) = (Lines::default(), Texts::default(), Row::default());
    lines.scan(batch);
    for line in lines.records(batch) {
        let (mut memo, mut parsed) = (Memo::new(Timestamp::from_seconds(1_780_000_000)), Parsed::default());
        let into = Reading { memo: &mut memo, texts: &mut texts, row: &mut row };
        let Some(time) = parser.read_row(line, into) else { continue };
        let parsing = parser.parse(line.text, &mut memo, &mut parsed);
        assert!(parsing.is_ok() && parsed.time == Some(time), "a row that is no record");
        let places: Vec<usize> = places(row.present()).collect();
        assert_eq!(places.len(), parsed.parts.len(), "a row of more or fewer values");
        for (place, part) in places.into_iter().zip(&parsed.parts) {
            let same = parser.places()[place].slot == part.slot
                && row.range(place) == (part.start as usize..part.end as usize);
            assert!(same, "a value that moved");
        }
    }
}

/// Free text: what is found lies inside it, in order, without overlap, and is not empty.
pub fn finder(data: &[u8]) {
    let mut findings = Vec::new();
    for context in [Context::Text, Context::Agent, Context::Path, Context::Query, Context::Url] {
        find(data, context, &mut findings);
        let mut last = 0;
        for finding in &findings {
            assert!(last <= finding.start && finding.start < finding.end, "findings out of order");
            assert!(finding.end <= data.len(), "a finding beyond the text");
            last = finding.end;
        }
    }
}

/// A policy, a pipeline under the shipped policy, and a format string: accepted, or refused in words that can be shown.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(problems) = policy_from_str(text, "fuzz.toml") {
        assert!(!problems.to_string().is_empty(), "refused without a word");
    }
    let shipped = |_: &std::path::Path| Ok(include_str!("../../config/policy/web.toml").to_owned());
    if let Err(problems) = pipeline_from_str(text, "fuzz.toml", &shipped) {
        assert!(!problems.to_string().is_empty(), "refused without a word");
    }
    for server in ["nginx", "apache"] {
        let _ = compile(server, Some(text));
    }
}
