//! The finder of identifiers against the obvious version of itself, against itself in a batch, and against hostile input.
//!
//! `SLUIS_CASES` sets the number of generated cases (a release run asks for a million).

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sluis::protect::text::{Context, Finding, What, find, find_names, find_within};

use self::generate::{Dice, noise, text};

mod elements;
pub mod generate;
mod hostile;
mod message;
mod mutated;
pub mod naive;
mod people;
mod persons;
mod prose;
mod records;
mod rooms;
mod sentences;
mod speed;
pub mod values;

/// Every kind of value.
const CONTEXTS: [Context; 7] = [
    Context::Text,
    Context::Message,
    Context::Meeting,
    Context::Agent,
    Context::Path,
    Context::Query,
    Context::Url,
];

/// What the obvious version says: bytes, and the kind with its value as text.
pub type Plain = (usize, usize, String);

fn plain(found: &Finding) -> Plain {
    let what = match found.what {
        What::Address(address) => address.to_string(),
        What::Email => "email".into(),
        What::Mac(mac) => format!("mac {mac:02x?}"),
        What::Secret => "secret".into(),
        What::Said(sense) | What::Learned(sense) => format!("{sense:?}"),
        What::Name(index) => format!("name {index}"),
    };
    (found.start, found.end, what)
}

/// How many cases are generated.
pub fn cases(default: u64) -> u64 {
    std::env::var("SLUIS_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

#[test]
fn the_finder_equals_the_obvious_one() {
    let naive = naive::Finder::new();
    let mut out = Vec::new();
    for case in 0..cases(4000) {
        let mut dice = Dice::new(case);
        let text = text(&mut dice);
        for context in [Context::Text, Context::Agent] {
            find(text.as_bytes(), context, &mut out);
            let fast: Vec<Plain> = out.iter().map(plain).collect();
            let obvious = naive.find(&text, context == Context::Agent);
            assert_eq!(fast, obvious, "case {case} {context:?}: {text:?}");
        }
    }
}

#[test]
fn findings_ascend_and_do_not_overlap() {
    let mut out = Vec::new();
    for case in 0..cases(4000) {
        let text = noise(&mut Dice::new(case));
        for context in CONTEXTS {
            find(&text, context, &mut out);
            let mut last = 0;
            for found in &out {
                assert!(
                    found.start >= last && found.start < found.end && found.end <= text.len(),
                    "case {case}"
                );
                last = found.end;
            }
        }
    }
}

#[test]
fn a_batch_finds_what_each_value_finds() {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for case in 0..cases(2000) {
        let mut dice = Dice::new(case);
        let mut buffer = Vec::new();
        let mut ranges = Vec::new();
        for _ in 0..=dice.below(8) {
            let start = buffer.len();
            buffer.extend_from_slice(&noise(&mut dice));
            ranges.push((start, buffer.len()));
        }
        // Also values that begin and end anywhere, so that patterns are cut.
        for _ in 0..4 {
            let (a, b) = (dice.below(buffer.len() + 1), dice.below(buffer.len() + 1));
            ranges.push((a.min(b), a.max(b)));
        }
        for (start, end) in ranges {
            let context = [Context::Text, Context::Agent, Context::Query, Context::Message, Context::Meeting]
                [dice.below(5)];
            find(&buffer[start..end], context, &mut alone);
            find_within(&buffer, start..end, context, &mut together);
            let alone: Vec<Plain> = alone.iter().map(plain).collect();
            let together: Vec<Plain> = together.iter().map(plain).collect();
            assert_eq!(alone, together, "case {case}, bytes {start}..{end}");
        }
    }
}

/// A quarter of a mebibyte of each takes milliseconds; quadratic cost would take minutes. The bound lies far from both, so
/// that a busy machine does not fail the test; a debug build is too slow for the bound.
#[test]
#[cfg_attr(debug_assertions, ignore = "needs a release build")]
fn cost_is_linear_on_hostile_input() {
    let mut out = Vec::new();
    for unit in [
        "1.",
        "1.1.1.1.",
        "::",
        ":",
        "@",
        "a.",
        "a@",
        "//:@",
        "%3A",
        "%2E1",
        "%40",
        "a%40",
        "-",
        "1-",
        "f-",
        "deadbeef-",
        "ff:",
        "f:",
        "1:",
        "1::",
        "a=",
        "a+=",
        "\"@",
        "eyJ",
        "eyJ.",
        "Bearer ",
        "Authorization:",
        "Authorization: Digest ",
        "0.a.",
        "'",
        "!",
        "1.2.3.4 ",
        "::1 ",
        "é",
        "%25",
        "1_1_1_1_",
        "a@b.c",
        "x@1.",
        "--",
        "203-0-113-7-",
        "%3A1.2.3.4@",
    ] {
        let text = unit.repeat((1 << 18) / unit.len());
        let begun = Instant::now();
        find(black_box(text.as_bytes()), Context::Text, &mut out);
        let names: [&[u8]; 2] = [&text.as_bytes()[..text.len() / 2], unit.as_bytes()];
        find_names(black_box(text.as_bytes()), &names, &mut out);
        let spent = begun.elapsed();
        assert!(spent < Duration::from_secs(5), "{unit:?}: {spent:?}");
    }
}

/// The vectors of others, where the corpus is at hand: each address is found, spelled as it is.
#[test]
fn published_vectors() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/freetext/cpython/ipaddress_vectors.tsv");
    let Ok(vectors) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no corpus at ../shared/corpus");
        return;
    };
    let mut out = Vec::new();
    let mut missed = BTreeMap::new();
    let mut seen = 0;
    for line in vectors.lines().skip(1) {
        let Some((literal, class)) = line.split_once('\t') else { continue };
        let want: IpAddr = match (class, literal.split('%').next().unwrap_or_default().parse::<IpAddr>()) {
            ("ipv4" | "ipv6", Ok(address)) => address.to_canonical(),
            _ => continue,
        };
        // Words of letters alone and the bare `::` are left on purpose.
        if literal == "::" || !literal.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        seen += 1;
        for text in [literal.to_string(), format!("client {literal}, gone"), format!("\"{literal}\"")] {
            find(text.as_bytes(), Context::Text, &mut out);
            let whole = out.iter().any(|found| {
                plain(found).2 == want.to_string() && literal.starts_with(&text[found.start..found.end])
            });
            if !whole {
                missed.insert(text, out.iter().map(plain).collect::<Vec<_>>());
            }
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(missed.is_empty(), "{missed:#?}");
}
