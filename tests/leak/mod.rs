//! Can raw data get out? Canaries in every field of every format, then a search of everything the program left behind.
//!
//! *Promised*: PI-1, PI-2 and PI-7 under every format, treatment, form of output, number of threads and size of reads.
//! *Not here*: how well all else survives (`corpus`).

pub mod canary;
mod meetings;
mod outside;
pub mod planted;
mod policies;
mod records;

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use self::canary::sightings;
use self::policies::POLICIES;
use self::records::{SHAPES, Shape};
use crate::support::{self, Run};

/// The instant at which all runs are judged: two hours after the records.
const AS_OF: &str = "2026-11-21T12:00:00Z";
/// Sizes of the writes into the program's input.
const PIECES: &[usize] = &[1, 13, 256, 4096, 65_536, 1 << 20];
/// Problems that a failing test shows.
const PROBLEMS_SHOWN: usize = 60;
/// A public key whose private half nobody here has (the one in the documentation of age).
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// What a run showed that it should not have, one line per kind and stream; empty when it is clean. The messages quote
/// lines, which are synthetic.
fn shown(what: &str, run: &Run) -> Vec<String> {
    let mut problems = Vec::new();
    if run.code >= 100 {
        problems.push(format!("{what}: crashed:\n{}", run.err_text()));
    }
    for (stream, text) in [("output", &run.out), ("standard error", &run.err)] {
        for (kind, at) in sightings(text) {
            let guilty = String::from_utf8_lossy(line_at(text, at));
            problems.push(format!("{what}: {stream} shows {kind}, first in: {guilty}"));
        }
    }
    problems
}

/// The line of `text` that holds position `at`.
fn line_at(text: &[u8], at: usize) -> &[u8] {
    let start = text[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| at + i);
    &text[start..end]
}

/// Fails unless the run is clean.
#[track_caller]
fn clean(what: &str, run: &Run) {
    none(&shown(what, run));
}

/// Fails when there are problems, showing the first few.
#[track_caller]
fn none(problems: &[String]) {
    let first: Vec<&str> = problems.iter().take(PROBLEMS_SHOWN).map(String::as_str).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), first.join("\n"));
}

fn input(shape: &Shape) -> Vec<u8> {
    let mut input = records::records(shape);
    input.extend(records::misfits(shape));
    input
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("a temporary file can be written");
    path.to_str().expect("temporary paths are UTF-8").to_owned()
}

/// PI-1, PI-2: no canary in output or standard error, for every format, treatment, form and number of threads; the failing
/// records explained and the counts printed.
#[test]
fn pi_1_no_canary_leaves_any_format_under_any_treatment() {
    let folder = TempDir::new().expect("a temporary directory");
    let mut problems = BTreeMap::new();
    for shape in SHAPES {
        let input = input(shape);
        let builtin = std::iter::once(("built-in", None));
        let files = POLICIES.iter().enumerate().map(|(i, policy)| {
            (policy.name, Some(write(&folder.path().join(format!("{i}.toml")), &policy.text())))
        });
        for (policy, file) in builtin.chain(files) {
            for emit in ["same", "ndjson"] {
                for threads in ["1", "2", "4"] {
                    let mut arguments = vec!["filter"];
                    arguments.extend(shape.format);
                    arguments.extend(["--emit", emit, "--threads", threads, "--as-of", AS_OF]);
                    arguments.extend(["--explain-failures", "--stats"]);
                    if let Some(file) = &file {
                        arguments.extend(["--policy", file]);
                    }
                    let run = support::sluis(&arguments, &input);
                    let what = format!("{} × {policy} × {emit} × {threads} threads", shape.name);
                    // One message for each kind that a format shows; the others would only repeat it.
                    for kind in sightings(&run.out).keys().chain(sightings(&run.err).keys()) {
                        let first =
                            || shown(&what, &run).into_iter().find(|p| p.contains(&format!("shows {kind},")));
                        problems.entry((shape.name, *kind)).or_insert_with(first);
                    }
                    assert_eq!(run.code, 0, "{what}: {}", run.err_text());
                    assert!(!run.out.is_empty(), "{what}: nothing came out, so nothing was tested");
                }
            }
        }
    }
    none(&problems.into_values().flatten().collect::<Vec<_>>());
}

/// PI-1: neither does the way the input arrives matter, byte by byte or a mebibyte at once.
#[test]
fn pi_1_no_canary_leaves_however_the_input_is_cut() {
    let mut problems = BTreeMap::new();
    for shape in SHAPES {
        let input = input(shape);
        let mut first: Option<usize> = None;
        for &piece in PIECES {
            // Byte by byte is slow; a part of the records is enough there.
            let end = if piece < 13 { input.len().min(60_000) } else { input.len() };
            let mut arguments = vec!["filter"];
            arguments.extend(shape.format);
            arguments.extend(["--emit", "same", "--as-of", AS_OF, "--threads", "2", "--explain-failures"]);
            let run = support::sluis_fed(&arguments, &input[..end], piece);
            for problem in shown(&format!("{} in pieces of {piece}", shape.name), &run) {
                // The first size shows it; the others would only repeat it.
                let kind =
                    problem.split("shows ").nth(1).and_then(|p| p.split(',').next()).unwrap_or("").to_owned();
                problems.entry((shape.name, kind)).or_insert(problem);
            }
            if end == input.len() {
                let lines = run.lines().len();
                assert_eq!(
                    *first.get_or_insert(lines),
                    lines,
                    "{}: pieces of {piece} change the output",
                    shape.name
                );
            }
        }
    }
    none(&problems.into_values().collect::<Vec<_>>());
}

/// PI-2: what fails is counted and told by its shape, and nothing of it comes out.
#[test]
fn pi_2_failing_records_are_counted_and_discarded() {
    for shape in SHAPES.iter().filter(|shape| shape.name != "text") {
        let misfits = records::misfits(shape);
        let mut arguments = vec!["filter"];
        arguments.extend(shape.format);
        arguments.extend(["--as-of", AS_OF, "--explain-failures", "--strict", "--stats=json"]);
        let run = support::sluis(&arguments, &misfits);
        clean(&format!("{}, misfits only", shape.name), &run);
        // Input that as a whole belongs to another format is a usage error (2), else `--strict` says 3.
        assert!([2, 3].contains(&run.code), "{}: code {}: {}", shape.name, run.code, run.err_text());
        assert!(!run.err.is_empty(), "{}: nothing was said", shape.name);
        if run.code == 3 {
            let stats = run.stats();
            assert!(stats.balanced() && stats.quarantined > 0, "{}: {stats:?}", shape.name);
        }
    }
}

/// PI-1, PI-2: nothing that a pipeline writes to disk shows a canary: sinks, sealed quarantine, state.
#[test]
fn pi_1_no_canary_in_any_file_of_a_pipeline() {
    let mut problems = Vec::new();
    for (i, policy) in POLICIES.iter().enumerate() {
        let shape = &SHAPES[i % SHAPES.len()];
        let folder = TempDir::new().expect("a temporary directory");
        let path = |name: &str| folder.path().join(name);
        for name in ["in", "out", "state"] {
            std::fs::create_dir(path(name)).expect("a temporary directory");
        }
        write(&path("policy.toml"), &policy.text());
        std::fs::write(path("in/a.log"), input(shape)).expect("a temporary file can be written");
        let pipeline = write(&path("pipeline.toml"), &pipeline(shape));
        let keys = path("keys");
        let keys = keys.to_str().expect("temporary paths are UTF-8");
        let made =
            support::sluis(&["keys", "init", "--keys", keys, "--domain", "web", "--retention", "14d"], b"");
        made.expect_code(0);
        let what = format!("pipeline of {} × {}", shape.name, policy.name);
        clean(&what, &support::sluis(&["check", &pipeline], b""));
        let run = support::sluis(&["run", &pipeline, "--once"], b"");
        clean(&what, &run);
        run.expect_code(0);
        let mut written = 0;
        for file in support::files_under(folder.path()) {
            if file.starts_with("in") {
                continue;
            }
            let bytes = std::fs::read(folder.path().join(&file)).expect("a written file can be read");
            written += usize::from(file.starts_with("out") && !bytes.is_empty());
            let name = file.to_string_lossy();
            assert!(sightings(name.as_bytes()).is_empty(), "{what}: the name of a file shows a canary");
            problems.extend(sightings(&bytes).keys().map(|kind| format!("{what}: {name} shows {kind}")));
        }
        assert!(written > 0, "{what}: no output was written, so nothing was tested");
    }
    none(&problems);
}

fn pipeline(shape: &Shape) -> String {
    let value = |flag: &str| shape.format.iter().position(|a| *a == flag).map(|i| shape.format[i + 1]);
    let name = value("--format").expect("every shape has a format");
    let format = match value("--log-format") {
        Some(log_format) => format!("{{ {name} = '{log_format}' }}"),
        None => format!("\"{name}\""),
    };
    let zone = value("--time-zone").map(|zone| format!("time_zone = \"{zone}\"\n")).unwrap_or_default();
    format!(
        concat!(
            "policy = \"policy.toml\"\nkeys = \"keys\"\nstate = \"state\"\n\n",
            "[source.a]\nkind = \"file\"\npath = \"in/*.log\"\nformat = {}\n{}class = \"web\"\nmax_lateness = \"1h\"\n\n",
            "[quarantine]\nrecipients = [\"{}\"]\nretention = \"1d\"\n\n",
            "[sink.b]\nkind = \"file\"\npath = \"out\"\nclasses = [\"web\"]\npurpose = \"security\"\n",
            "location = \"NL\"\nrecipient = \"operations\"\n"
        ),
        format, zone, RECIPIENT
    )
}

/// PI-1: errors of usage and configuration, met with canaries waiting on standard input, quote none of them; nor does
/// `explain`, which shows what leaves of a line.
#[test]
fn pi_1_errors_and_explanations_show_no_canary() {
    let folder = TempDir::new().expect("a temporary directory");
    let broken = write(&folder.path().join("broken.toml"), "[policy]\nname = 7\nsurprise = true\n");
    let shape = &SHAPES[1];
    let input = input(shape);
    for arguments in [
        vec!["filter", "--format", "combinde"],
        vec!["filter", "--format", "nginx"],
        vec!["filter", "--format", "nginx", "--log-format", "$remote_addr$request"],
        vec!["filter", "--format", "nginx-error"],
        vec!["filter", "--format", "json"],
        vec!["filter", "--format", "combined", "--policy", "/nonexistent/policy.toml"],
        vec!["filter", "--format", "combined", "--policy", &broken],
        vec!["filter", "--format", "combined", "--keys", "/nonexistent/keys"],
        vec!["filter", "--format", "combined", "--as-of", "yesterday"],
        vec!["check", &broken],
        vec!["explain", &broken],
        vec!["run", &broken],
        vec!["frobnicate"],
    ] {
        let run = support::sluis(&arguments, &input);
        clean(&arguments.join(" "), &run);
    }
    for policy in POLICIES {
        write(&folder.path().join("policy.toml"), &policy.text());
        let pipeline = write(&folder.path().join("pipeline.toml"), &pipeline(shape));
        let every = support::lines(&input).len() / 60;
        for line in support::lines(&input).into_iter().step_by(every.max(1)) {
            let run = support::sluis(&["explain", &pipeline], line);
            clean(&format!("explain under {}", policy.name), &run);
        }
    }
}

/// PI-7: a variable that nobody classified is refused at start, with its place; a JSON key that nobody mapped is gone.
#[test]
fn pi_7_an_unclassified_field_does_not_leave() {
    let log_format = "$remote_addr [$time_local] $http_x_session_owner";
    let line = b"192.0.2.1 [21/Nov/2026:10:00:00 +0000] kanarievogel\n";
    let arguments = ["filter", "--format", "nginx", "--log-format", log_format, "--as-of", AS_OF];
    let run = support::sluis(&arguments, line);
    clean("an unclassified variable", &run);
    run.expect_code(2);
    assert!(run.err_text().contains("http_x_session_owner"), "{}", run.err_text());

    let line =
        br#"{"remote_addr":"192.0.2.1","session_owner":"kanarievogel","deep":{"owner":["kanarievogel"]}}"#;
    for emit in ["same", "ndjson"] {
        let run = support::sluis(&["filter", "--format", "json", "--emit", emit, "--as-of", AS_OF], line);
        clean("unmapped JSON keys", &run);
        run.expect_code(0);
        assert_eq!(run.lines().len(), 1);
    }
}
