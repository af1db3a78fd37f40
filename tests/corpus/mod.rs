//! The corpus run: every file of the shared corpus through the program, judged by a finder of our own.
//!
//! *In*: `../shared/corpus`. *Out*: a table (also in `target/corpus-table.txt`) and a verdict. *Promised*: no file and no
//! line is forgotten; the thresholds are those of the issue; any difference between the program's output and the input is
//! either a treated identifier or counted. *Not here*: identifiers (`finder`), formats (`table`), the verdict on one line
//! (`judge`), lining up output with input (`align`).

mod align;
mod finder;
mod judge;
mod logins;
mod meet;
mod meet_finder;
mod meet_table;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use regex::bytes::Regex;

use self::finder::Kind;
use self::judge::{Verdict, share};
use self::table::{Entry, Part, entry};
use crate::support::{self, Stats};

/// Share of the lines that belong to a server's format which must parse.
const PARSED_MIN: f64 = 0.995;
/// Share of addresses and e-mail that must be gone.
const RECALL_MIN: f64 = 0.999;
/// Share of user names, where the structure names them, that must be gone.
const USER_RECALL_MIN: f64 = 0.99;
/// Share of all other words that must be unchanged.
const SURVIVAL_MIN: f64 = 0.995;
/// Files with more lines than this must reach the thresholds by themselves.
const JUDGED_ALONE: u64 = 200;

const ADDRESSES: &[Kind] = &[Kind::V4, Kind::V6, Kind::Host, Kind::Client];
const SECRETS: &[Kind] = &[Kind::Jwt, Kind::Basic, Kind::Mac];

/// One row: what became of the lines of one file that share a format.
struct Row {
    file: String,
    format: &'static str,
    lines: u64,
    /// As many as lines, where each line is one.
    records: u64,
    parsed: u64,
    reasons: BTreeMap<String, u64>,
    treated: u64,
    verdict: Verdict,
}

impl Row {
    /// All of them together.
    fn sum(rows: &[Self]) -> Self {
        let mut all = Self {
            file: "all".to_owned(),
            format: "",
            lines: 0,
            records: 0,
            parsed: 0,
            reasons: BTreeMap::new(),
            treated: 0,
            verdict: Verdict::default(),
        };
        for row in rows {
            all.lines += row.lines;
            all.records += row.records;
            all.parsed += row.parsed;
            all.treated += row.treated;
            for (reason, n) in &row.reasons {
                *all.reasons.entry(reason.clone()).or_default() += n;
            }
            all.verdict.add(row.verdict.clone());
        }
        all
    }
}

#[test]
fn every_line_of_the_web_corpus_has_a_format() {
    let Some(corpus) = support::corpus() else { return };
    let mut missing = Vec::new();
    for (name, bytes) in read_all(&corpus.join("web")) {
        match entry(&name) {
            None => missing.push(format!("{name}: no entry in tests/corpus/table.rs")),
            Some(entry) => {
                let strays = split(entry, &bytes).strays;
                if let Some(first) = strays.first() {
                    missing.push(format!(
                        "{name}: {} lines in no part, the first is line {first}",
                        strays.len()
                    ));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn web_corpus_parsed_treated_and_otherwise_untouched() {
    let Some(corpus) = support::corpus() else { return };
    let mut rows = Vec::new();
    let mut trouble = Vec::new();
    for (name, bytes) in read_all(&corpus.join("web")) {
        let Some(entry) = entry(&name) else { continue };
        let main = &entry.parts[0];
        survives_whole(&name, main, &bytes, &mut trouble);
        let split = split(entry, &bytes);
        for (part, lines) in entry.parts.iter().zip(&split.parts) {
            if !lines.is_empty() {
                rows.push(run_part(&name, part, lines));
            }
        }
    }
    publish("corpus-table.txt", &rows);
    for row in &rows {
        if row.lines > JUDGED_ALONE {
            thresholds(&row.file, std::slice::from_ref(row), &mut trouble);
        }
    }
    thresholds("web, all files", &rows, &mut trouble);
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

#[test]
fn free_text_corpus_scrubbed_and_otherwise_untouched() {
    let Some(corpus) = support::corpus() else { return };
    let mut rows = Vec::new();
    let mut trouble = Vec::new();
    let part = Part { format: table::Format::Named("text"), lines: "." };
    for folder in ["freetext", "syslog_containers", "videoconference"] {
        for (name, bytes) in read_all(&corpus.join(folder)) {
            survives_whole(&name, &part, &bytes, &mut trouble);
            let lines: Vec<&[u8]> =
                support::lines(&bytes).into_iter().filter(|line| !line.is_empty()).collect();
            if !lines.is_empty() {
                rows.push(run_part(&format!("{folder}/{name}"), &part, &lines));
            }
        }
    }
    publish("corpus-text-table.txt", &rows);
    thresholds("free text, all files", &rows, &mut trouble);
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

fn read_all(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |path: &Path| std::fs::read(folder.join(path)).expect("a file of the corpus can be read");
    let files = support::files_under(folder);
    files.iter().map(|path| (path.to_string_lossy().into_owned(), read(path))).collect()
}

/// Lines of a file by part, and the numbers of those that belong nowhere.
struct Split<'a> {
    parts: Vec<Vec<&'a [u8]>>,
    strays: Vec<usize>,
}

fn split<'a>(entry: &Entry, bytes: &'a [u8]) -> Split<'a> {
    let expressions: Vec<Regex> = entry.parts.iter().map(|part| expression(part.lines)).collect();
    let foreign = expression(entry.foreign);
    let mut split = Split { parts: vec![Vec::new(); expressions.len()], strays: Vec::new() };
    for (n, line) in support::lines(bytes).into_iter().enumerate() {
        if foreign.is_match(line) {
            continue;
        }
        match expressions.iter().position(|e| e.is_match(line)) {
            Some(part) => split.parts[part].push(line),
            None => split.strays.push(n + 1),
        }
    }
    split
}

fn expression(lines: &str) -> Regex {
    Regex::new(&format!("(?-u){lines}")).expect("an expression of the table compiles")
}

/// The whole file, foreign lines and all, as the main format: no crash, and the counts add up.
fn survives_whole(name: &str, part: &Part, bytes: &[u8], trouble: &mut Vec<String>) {
    let mut arguments = align::arguments(part);
    arguments.push("--stats=json");
    let run = support::sluis(&arguments, bytes);
    let said = run.err_text();
    if run.code >= 100 || said.contains("panicked") {
        trouble.push(format!("{name}: crashed with code {}", run.code));
    } else if run.code == 0 && !run.stats().balanced() {
        trouble.push(format!("{name}: records unaccounted for: {:?}", run.stats()));
    }
}

fn run_part(name: &str, part: &Part, lines: &[&[u8]]) -> Row {
    let aligned = align::run(part, lines);
    let expression = expression(part.lines);
    let mut verdict = Verdict::default();
    for (input, output) in lines.iter().zip(&aligned.outputs) {
        let Some(output) = output else { continue };
        verdict.add(match part.format.name() {
            "json" => judge::judge_json(input, output, &expression),
            "text" => judge::judge_text(input, output, &expression),
            _ => judge::judge(input, output, &expression),
        });
    }
    let Stats { reasons, treated, .. } = aligned.stats;
    Row {
        file: name.to_owned(),
        format: part.format.name(),
        lines: lines.len() as u64,
        records: lines.len() as u64,
        parsed: aligned.outputs.iter().flatten().count() as u64,
        reasons,
        treated: treated.values().sum(),
        verdict,
    }
}

/// Adds a line to `trouble` for every threshold that the rows together miss.
fn thresholds(what: &str, rows: &[Row], trouble: &mut Vec<String>) {
    let mut sum = Verdict::default();
    let (mut lines, mut parsed) = (0, 0);
    for row in rows {
        sum.add(row.verdict.clone());
        lines += row.lines;
        parsed += row.parsed;
    }
    let mut must = |name: &str, is: f64, least: f64| {
        if is < least {
            let (is, least) = (is * 100.0, least * 100.0);
            trouble.push(format!(
                "{what}: {name} {is:.3} %, must be {least} %; left {:?}; lost {:?}",
                sum.leaks, sum.losses
            ));
        }
    };
    must("parsed", share(parsed, lines), PARSED_MIN);
    must("addresses gone", sum.recall(ADDRESSES), RECALL_MIN);
    must("e-mail gone", sum.recall(&[Kind::Email]), RECALL_MIN);
    must("secrets gone", sum.recall(SECRETS), RECALL_MIN);
    must("users gone", sum.recall(&[Kind::User, Kind::Account]), USER_RECALL_MIN);
    must("rest untouched", sum.survival(), SURVIVAL_MIN);
}

/// Writes the table to `target/` and prints it.
fn publish(file: &str, rows: &[Row]) {
    let mut cells = vec![
        [
            "file",
            "format",
            "lines",
            "parsed",
            "quarantined",
            "treated",
            "addresses",
            "e-mail",
            "users",
            "survival",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for row in rows {
        cells.push(row_cells(row));
    }
    let all = Row::sum(rows);
    cells.push(row_cells(&all));
    let mut text = aligned(&cells);
    for row in rows {
        let Verdict { leaks, losses, .. } = &row.verdict;
        if !(leaks.is_empty() && losses.is_empty()) {
            let _ = writeln!(text, "{} {}: left {leaks:?}, lost {losses:?}", row.file, row.format);
        }
    }
    println!("{text}");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join(file);
    std::fs::write(target, text).expect("the target directory is writable");
}

fn row_cells(row: &Row) -> Vec<String> {
    let percent = |share: f64| format!("{:.3} %", share * 100.0);
    let recall = |kinds: &[Kind]| {
        let sum = row.verdict.sum(kinds);
        if sum.found == 0 { "-".to_owned() } else { format!("{}/{}", sum.found - sum.left, sum.found) }
    };
    let reasons: Vec<String> = row.reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    vec![
        row.file.clone(),
        row.format.to_owned(),
        row.lines.to_string(),
        percent(share(row.parsed, row.lines)),
        if reasons.is_empty() { "0".to_owned() } else { reasons.join(", ") },
        row.treated.to_string(),
        recall(ADDRESSES),
        recall(&[Kind::Email]),
        recall(&[Kind::User, Kind::Account]),
        percent(row.verdict.survival()),
    ]
}

fn aligned(cells: &[Vec<String>]) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|c| cells.iter().map(|row| row[c].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in cells {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
