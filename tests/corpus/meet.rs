//! The corpus run of meetings: every file of `videoconference` with its proper format, record by record.
//!
//! *In*: `../shared/corpus/videoconference`. *Out*: a table (also in `target/corpus-meet-table.txt`) and a verdict. *Promised*:
//! no file and no line is forgotten; records are split by our own expressions; an identifier counts as left when its text
//! stands in the output of its record more often than where the input has it by chance. *Not here*: which format fits
//! (`meet_table`), identifiers (`meet_finder`, `finder`), survival (`judge`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use regex::bytes::Regex;

use super::finder::{self, Found, Kind};
use super::judge::{self, Verdict, share};
use super::meet_table::{Entry, KNOWN, Part, entry};
use super::{
    ADDRESSES, RECALL_MIN, Row, SECRETS, SURVIVAL_MIN, USER_RECALL_MIN, aligned, expression, meet_finder,
};
use crate::support::{self, Run, Stats};

/// Share of the lines that belong to a format which must parse.
const PARSED_MIN: f64 = 0.995;
/// Rooms and names at least this long are looked for in the rest of their record, too; shorter ones may be words.
const NAMESAKE_MIN: usize = 6;
/// What the structure of these logs names.
const NAMED: &[Kind] = &[Kind::Room, Kind::Jid, Kind::Name, Kind::Account];

/// The lines of one record.
type Record<'a> = Vec<&'a [u8]>;

#[test]
fn every_line_of_the_meeting_corpus_has_a_format() {
    let Some(corpus) = support::corpus() else { return };
    let mut missing = Vec::new();
    for (name, bytes) in super::read_all(&corpus.join("videoconference")) {
        match entry(&name) {
            // What describes the corpus is no log.
            None if name == "FORMATS.md" => {}
            None => missing.push(format!("{name}: no entry in tests/corpus/meet_table.rs")),
            Some(entry) => {
                let strays = split(entry, &bytes).1;
                if let Some(first) = strays.first() {
                    missing.push(format!("{name}: {} stray lines, the first is line {first}", strays.len()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn meeting_corpus_parsed_treated_and_otherwise_untouched() {
    let Some(corpus) = support::corpus() else { return };
    let mut rows = Vec::new();
    for (name, bytes) in super::read_all(&corpus.join("videoconference")) {
        let Some(entry) = entry(&name) else { continue };
        for (part, records) in entry.parts.iter().zip(&split(entry, &bytes).0) {
            whole_file(&name, part, &bytes);
            if !records.is_empty() {
                rows.push(run_part(&name, part, records));
            }
        }
    }
    publish(&rows);
    let trouble = thresholds(&rows);
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

/// Records of each part, and the numbers of the lines that belong nowhere.
fn split<'a>(entry: &Entry, bytes: &'a [u8]) -> (Vec<Vec<Record<'a>>>, Vec<usize>) {
    let heads: Vec<Regex> = entry.parts.iter().map(|part| expression(part.head)).collect();
    let foreign = expression(entry.foreign);
    let mut parts: Vec<Vec<Record<'_>>> = vec![Vec::new(); heads.len()];
    let (mut strays, mut open) = (Vec::new(), None);
    for (n, line) in support::lines(bytes).into_iter().enumerate() {
        if let Some(part) = heads.iter().position(|head| head.is_match(line)) {
            parts[part].push(vec![line]);
            open = entry.parts[part].many_lines.then_some(part);
        } else if foreign.is_match(line) {
            open = None;
        } else if let Some(record) = open.and_then(|part: usize| parts[part].last_mut()) {
            record.push(line);
        } else {
            strays.push(n + 1);
        }
    }
    (parts, strays)
}

fn arguments(part: &Part) -> Vec<&'static str> {
    let mut arguments = vec!["filter", "--format", part.format, "--time-zone", "UTC"];
    arguments.extend(["--emit", "same", "--threads", "1", "--stats=json"]);
    arguments.extend(part.arguments);
    arguments
}

/// The file as it is, foreign lines and all: no crash, and the counts add up.
#[track_caller]
fn whole_file(name: &str, part: &Part, bytes: &[u8]) {
    let run = support::sluis(&arguments(part), bytes);
    assert_eq!(run.code, 0, "{name} as {}: {}", part.format, run.err_text());
    assert!(run.stats().balanced(), "{name}: records unaccounted for: {:?}", run.stats());
}

fn feed(part: &Part, records: &[Record<'_>]) -> Run {
    let mut input = records.concat().join(&b'\n');
    input.push(b'\n');
    support::sluis(&arguments(part), &input)
}

/// Runs records until as many lines come out as went in: all together, or halved as often as it takes. A record that alone
/// does not come out whole has no output.
fn outputs(part: &Part, run: &Run, records: &[Record<'_>]) -> Vec<Option<Vec<Vec<u8>>>> {
    let out = run.lines();
    if out.len() == records.iter().map(Vec::len).sum::<usize>() {
        let mut out = out.into_iter().map(<[u8]>::to_vec);
        return records.iter().map(|record| Some(out.by_ref().take(record.len()).collect())).collect();
    }
    if records.len() == 1 {
        return vec![None];
    }
    let (first, second) = records.split_at(records.len() / 2);
    let mut all = outputs(part, &feed(part, first), first);
    all.extend(outputs(part, &feed(part, second), second));
    all
}

fn run_part(name: &str, part: &Part, records: &[Record<'_>]) -> Row {
    let run = feed(part, records);
    let outputs = outputs(part, &run, records);
    let head = expression(part.head);
    let mut verdict = Verdict::default();
    let mut parsed = 0;
    for (record, output) in records.iter().zip(&outputs) {
        if let Some(output) = output {
            parsed += record.len() as u64;
            verdict.add(judge_record(record, output, &head));
        }
    }
    let Stats { reasons, treated, .. } = run.stats();
    Row {
        file: name.to_owned(),
        format: part.format,
        lines: records.iter().map(Vec::len).sum::<usize>() as u64,
        records: records.len() as u64,
        parsed,
        reasons,
        treated: treated.values().sum(),
        verdict,
    }
}

/// Recall of addresses and survival line by line; what the structure names is looked for in the whole output of the record.
fn judge_record(record: &[&[u8]], output: &[Vec<u8>], head: &Regex) -> Verdict {
    let mut verdict = Verdict::default();
    let mut named: Vec<Vec<Found>> = record.iter().map(|line| meet_finder::find(line)).collect();
    let own = by_groups(record[0], head, &mut named[0]);
    namesakes(record, &mut named);
    left_over(record, output, &named, &mut verdict);
    let nothing = expression("$^");
    for (n, ((line, after), named)) in record.iter().zip(output).zip(named).enumerate() {
        let mut found = finder::find(line);
        for f in found.iter_mut().filter(|_| n == 0) {
            f.certain &= !own.iter().any(|own| own.contains(&f.start));
        }
        judge::recall(line, after, &found, &nothing, &mut verdict);
        found.extend(named);
        judge::survival(line, after, &found, &mut verdict);
    }
    verdict
}

/// What the expression of the part names; returned, where our own side stands.
fn by_groups(line: &[u8], head: &Regex, found: &mut Vec<Found>) -> Vec<Range<usize>> {
    let mut own = Vec::new();
    let Some(groups) = head.captures(line) else { return own };
    for name in head.capture_names().flatten() {
        let Some(group) = groups.name(name) else { continue };
        let certain = name.starts_with("room") && group.len() >= meet_finder::SHORTEST;
        if name.starts_with("infra") {
            own.push(group.range());
        }
        found.push(Found {
            kind: Kind::Room,
            start: group.start(),
            end: group.end(),
            certain,
            address: None,
        });
    }
    own
}

/// Other places of the record where a certain identifier stands as a word. A room or name there is certain where it is long
/// enough to be no word of the language; an account, and an occupant's or endpoint's identifier, may be treated.
fn namesakes(record: &[&[u8]], named: &mut [Vec<Found>]) {
    let mut values = BTreeSet::new();
    for (line, found) in record.iter().zip(named.iter()) {
        values.extend(found.iter().filter(|f| f.certain).map(|f| (&line[f.start..f.end], f.kind)));
    }
    for (value, kind) in values {
        let long = value.len() >= NAMESAKE_MIN && matches!(kind, Kind::Room | Kind::Name);
        for (line, found) in record.iter().zip(named.iter_mut()) {
            for start in judge::standing(line, value) {
                let end = start + value.len();
                if !found.iter().any(|f| f.certain && f.start <= start && f.end >= end) {
                    found.push(Found { kind, start, end, certain: long, address: None });
                }
            }
        }
    }
}

/// Counts what is left of each value: its occurrences in the output beyond those that the input has outside identifiers.
fn left_over(record: &[&[u8]], output: &[Vec<u8>], named: &[Vec<Found>], verdict: &mut Verdict) {
    let mut values: BTreeMap<(Vec<u8>, Kind), BTreeSet<(usize, usize)>> = BTreeMap::new();
    let mut spans = BTreeSet::new();
    for (n, (line, found)) in record.iter().zip(named).enumerate() {
        for f in found.iter().filter(|f| f.certain) {
            let value = line[f.start..f.end].to_ascii_lowercase();
            values.entry((value, f.kind)).or_default().insert((n, f.start));
            spans.insert((n, f.start, f.end));
        }
    }
    for ((value, kind), places) in values {
        let covered =
            |n: usize, at: usize| spans.iter().any(|&(m, s, e)| m == n && s <= at && e >= at + value.len());
        let before: usize = (record.iter().enumerate())
            .map(|(n, line)| judge::standing(line, &value).into_iter().filter(|&at| !covered(n, at)).count())
            .sum();
        let after: usize = output.iter().map(|line| judge::standing(line, &value).len()).sum();
        let found = places.len();
        verdict.count_many(kind, found as u64, after.saturating_sub(before).min(found) as u64, &value);
    }
}

/// The misses of a row that are known, and so not counted again.
fn excused(row: &Row, kind: Kind) -> u64 {
    let known = KNOWN.iter().filter(|known| known.file == row.file && known.kind == kind);
    known.map(|known| known.most).sum::<u64>().min(row.verdict.sum(&[kind]).left)
}

fn thresholds(rows: &[Row]) -> Vec<String> {
    let mut sum = Verdict::default();
    let (mut lines, mut parsed) = (0, 0);
    let mut excuses: BTreeMap<Kind, u64> = BTreeMap::new();
    for row in rows {
        sum.add(row.verdict.clone());
        lines += row.lines;
        parsed += row.parsed;
        for &kind in row.verdict.kinds.keys() {
            *excuses.entry(kind).or_default() += excused(row, kind);
        }
    }
    for (kind, excused) in excuses {
        sum.kinds.entry(kind).or_default().left -= excused;
    }
    let mut trouble = Vec::new();
    let mut must = |name: &str, is: f64, least: f64| {
        if is < least {
            let (is, least) = (is * 100.0, least * 100.0);
            trouble.push(format!("meetings, all files: {name} {is:.3} %, must be {least} %"));
        }
    };
    must("parsed", share(parsed, lines), PARSED_MIN);
    must("addresses gone", sum.recall(ADDRESSES), RECALL_MIN);
    must("e-mail gone", sum.recall(&[Kind::Email]), RECALL_MIN);
    must("secrets gone", sum.recall(&[SECRETS, &[Kind::Secret]].concat()), RECALL_MIN);
    for &kind in NAMED {
        must(&format!("{}s gone", kind.name()), sum.recall(&[kind]), USER_RECALL_MIN);
    }
    must("rest untouched", sum.survival(), SURVIVAL_MIN);
    trouble
}

const COLUMNS: &[&str] = &[
    "file",
    "format",
    "lines",
    "records",
    "parsed",
    "quarantined",
    "treated",
    "addresses",
    "e-mail",
    "rooms",
    "JIDs",
    "names",
    "accounts",
    "secrets",
    "survival",
];

/// Writes the table to `target/` and prints it.
fn publish(rows: &[Row]) {
    let mut cells = vec![COLUMNS.iter().map(|&column| column.to_owned()).collect()];
    cells.extend(rows.iter().map(row_cells));
    let all = Row::sum(rows);
    cells.push(row_cells(&all));
    let mut text = aligned(&cells);
    for row in rows {
        let Verdict { leaks, losses, .. } = &row.verdict;
        if !(leaks.is_empty() && losses.is_empty()) {
            let _ = writeln!(text, "{} {}: left {leaks:?}, lost {losses:?}", row.file, row.format);
        }
    }
    for known in KNOWN {
        let _ = writeln!(text, "known: {} {}: {}", known.file, known.kind.name(), known.reason);
    }
    println!("{text}");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join("corpus-meet-table.txt");
    std::fs::write(target, text).expect("the target directory is writable");
}

fn row_cells(row: &Row) -> Vec<String> {
    let percent = |share: f64| format!("{:.3} %", share * 100.0);
    let recall = |kinds: &[Kind]| {
        let sum = row.verdict.sum(kinds);
        if sum.found == 0 { "-".to_owned() } else { format!("{}/{}", sum.found - sum.left, sum.found) }
    };
    let reasons: Vec<String> = row.reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    let mut cells = vec![
        row.file.clone(),
        row.format.to_owned(),
        row.lines.to_string(),
        row.records.to_string(),
        percent(share(row.parsed, row.lines)),
        if reasons.is_empty() { "0".to_owned() } else { reasons.join(", ") },
        row.treated.to_string(),
        recall(ADDRESSES),
        recall(&[Kind::Email]),
    ];
    cells.extend(NAMED.iter().map(|&kind| recall(&[kind])));
    cells.push(recall(&[SECRETS, &[Kind::Secret]].concat()));
    cells.push(percent(row.verdict.survival()));
    cells
}
