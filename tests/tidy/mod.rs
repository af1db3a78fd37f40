//! Is the architecture still true? House rules that would erode, checked on the source itself.
//!
//! *In*: `src/` and `tests/`. *Out*: a list of what is against which rule, and where. *Promised*: rooms import downwards
//! only, core rooms know no outside world, files and functions stay readable, what can hold a record cannot be printed,
//! every promise has its number in code and in a test. *Not here*: formatting and lints, which other tools do.

mod scan;

use std::path::Path;

use crate::support;

/// Lines of code in a file, tests not counted.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 80;

/// The rooms from top to bottom; an arrow may only lead to a lower floor.
const FLOORS: &[&[&str]] = &[
    &["cli"],
    &["governance", "config", "pipeline", "kafka"],
    &["source", "protect", "format", "retention", "sink", "clickhouse"],
    &["policy", "keys", "encode", "record"],
];

/// Arrows between rooms of one floor, each for a reason: governance reads what is configured and runs it; the pipeline is
/// built from a plan; a source must know where a record of several lines begins; protect decodes a value as its format
/// wrote it; a sink takes a sealed quarantine as protect made it, names its parts as retention says, and speaks to a server through the room for that; lanes and topics are asked of brokers as the plan says; a keyring is made for a policy's domains; `record` is
/// under everything. No two lead back to where they began.
const SAME_FLOOR: &[(&str, &str)] = &[
    ("governance", "config"),
    ("governance", "pipeline"),
    ("pipeline", "config"),
    ("pipeline", "kafka"),
    ("governance", "kafka"),
    ("kafka", "config"),
    ("source", "format"),
    ("protect", "format"),
    ("sink", "protect"),
    ("sink", "retention"),
    ("sink", "clickhouse"),
    ("keys", "policy"),
    ("policy", "record"),
    ("keys", "record"),
    ("encode", "record"),
];

/// The two arrows that lead up: proofs that a batch asks for, which only their rooms can make.
const PROOFS: &[(&str, &str)] =
    &[("record/batch.rs", "protect::Treated"), ("record/batch.rs", "retention::deadline::Stamp")];

/// Rooms that know no file, socket, runtime, environment or clock.
const CORE: &[&str] = &["record", "format", "policy", "protect", "keys", "retention", "encode"];

/// Files of core rooms that touch disk by design, and one that asks the kernel to keep key pages out of swap and dumps.
const EXCEPTIONS: &[&str] = &["keys/store", "retention/sweep", "retention/journal", "keys/harden"];

/// Small files around calls of librdkafka that rdkafka does not wrap, each with its argument why that is sound.
const FOREIGN: &[&str] = &["kafka/ffi.rs", "kafka/ffi_admin.rs"];

/// Words of the outside world. `std::net` is there for its sockets; its address types are plain values.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "fs::File",
    "File::open",
    "File::create",
    "OpenOptions",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
    "tokio::",
    "std::env",
    "env::var",
    "std::process",
    "std::thread",
    "thread::sleep",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "rustix::",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "println!",
    "eprintln!",
];

/// Types that can hold a record or a key: printed or serialised, they would leak it.
const UNPRINTABLE: &[&str] = &["RawBatch", "CleanBatch", "Parsed", "Memo", "Keyring", "Chain"];

/// Promises PI-1 to PI-9.
const PROMISES: std::ops::RangeInclusive<u8> = 1..=9;

/// One source file.
struct Source {
    /// Path below `src/`, with `/`.
    path: String,
    /// As it stands.
    text: String,
    /// Code without comments and literals.
    code: String,
    /// The same without test code; empty for a file that is test code.
    live: String,
}

impl Source {
    fn new(path: &str, text: &str, is_test: bool) -> Self {
        let code = scan::code_only(text);
        let live = if is_test { String::new() } else { scan::without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, live }
    }

    fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    fn line_of(&self, at: usize) -> usize {
        self.live[..at].matches('\n').count() + 1
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: &Path| std::fs::read_to_string(root.join(path)).expect("a source file can be read");
    let files: Vec<_> = support::files_under(&root)
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .collect();
    let mut test_files = Vec::new();
    for path in &files {
        let folder = module_folder(path);
        for name in scan::test_modules(&scan::code_only(&read(path))) {
            test_files.push(folder.join(format!("{name}.rs")));
            test_files.push(folder.join(&name).join("mod.rs"));
        }
    }
    let named = |path: &Path| {
        path.file_stem().is_some_and(|s| s == "tests" || s.to_string_lossy().ends_with("_tests"))
    };
    let is_test = |path: &Path| named(path) || test_files.iter().any(|t| t == path);
    files.iter().map(|path| Source::new(&path.to_string_lossy(), &read(path), is_test(path))).collect()
}

/// Where the child modules of a file live.
fn module_folder(path: &Path) -> std::path::PathBuf {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    match path.file_stem().and_then(|s| s.to_str()) {
        Some("mod" | "lib" | "main") | None => folder,
        Some(stem) => folder.join(stem),
    }
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} against the house rules:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn rooms_import_downwards_only() {
    none(&sources().iter().flat_map(imports_against_the_floor).collect::<Vec<_>>());
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn imports_against_the_floor(source: &Source) -> Vec<String> {
    let room = source.room();
    if matches!(room, "lib" | "main") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for path in scan::crate_paths(&source.live) {
        let target = path.split("::").next().unwrap_or_default();
        let proof = PROOFS.iter().any(|(file, item)| *file == source.path && *item == path);
        let telemetry = target == "telemetry" && !CORE.contains(&room);
        let same_floor = SAME_FLOOR.contains(&(room, target));
        let down = match (floor(room), floor(target)) {
            (Some(from), Some(to)) => from < to,
            // Telemetry stands beside the house and may know the nouns.
            (None, Some(_)) => room == "telemetry" && target == "record",
            _ => false,
        };
        if target != room && !proof && !telemetry && !same_floor && !down {
            problems
                .push(format!("src/{}: imports crate::{path}; {room} may not know {target}", source.path));
        }
    }
    problems
}

#[test]
fn core_rooms_know_no_outside_world() {
    none(&sources().iter().flat_map(outside_words).collect::<Vec<_>>());
}

fn outside_words(source: &Source) -> Vec<String> {
    if !CORE.contains(&source.room()) || EXCEPTIONS.iter().any(|file| source.path.starts_with(file)) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for word in OUTSIDE {
        for (at, _) in source.live.match_indices(word) {
            problems.push(format!(
                "src/{}:{}: `{word}` in a core room; pass bytes or `now` as an argument",
                source.path,
                source.line_of(at)
            ));
        }
    }
    problems
}

#[test]
fn files_and_functions_stay_readable() {
    none(&sources().iter().flat_map(sizes).collect::<Vec<_>>());
}

fn sizes(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = scan::code_lines(&source.live);
    if lines > FILE_LINES_MAX {
        problems
            .push(format!("src/{}: {lines} lines of code, at most {FILE_LINES_MAX}; split it", source.path));
    }
    for function in scan::functions(&source.live).iter().filter(|f| f.length > FUNCTION_LINES_MAX) {
        let (name, line, length) = (&function.name, function.line, function.length);
        problems.push(format!(
            "src/{}:{line}: `{name}` has {length} lines, at most {FUNCTION_LINES_MAX}; name its steps",
            source.path
        ));
    }
    problems
}

#[test]
fn every_module_says_what_it_is() {
    let untold = |s: &&Source| !s.live.is_empty() && !s.text.starts_with("//!");
    none(
        &sources()
            .iter()
            .filter(untold)
            .map(|s| format!("src/{}: no head comment", s.path))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_file_is_part_of_the_crate() {
    let sources = sources();
    let mut reachable = vec!["lib.rs".to_owned(), "main.rs".to_owned()];
    for source in &sources {
        let folder = module_folder(Path::new(&source.path));
        for name in scan::declared_modules(&source.code) {
            reachable.push(folder.join(format!("{name}.rs")).to_string_lossy().into_owned());
            reachable.push(folder.join(name).join("mod.rs").to_string_lossy().into_owned());
        }
    }
    let by_path = |s: &Source| {
        let name = s.path.rsplit('/').next().unwrap_or_default();
        sources.iter().any(|other| other.text.contains(&format!("#[path = \"{name}\"]")))
    };
    let orphan = |s: &&Source| !reachable.contains(&s.path) && !by_path(s);
    none(
        &sources.iter().filter(orphan).map(|s| format!("src/{}: no `mod` line", s.path)).collect::<Vec<_>>(),
    );
}

#[test]
fn what_holds_records_or_keys_cannot_be_printed() {
    none(&sources().iter().flat_map(printable_secrets).collect::<Vec<_>>());
}

fn printable_secrets(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, list) in scan::derives(&source.live) {
        let traits: Vec<&str> = list.split(',').map(str::trim).collect();
        let prints = traits.iter().any(|t| matches!(*t, "Debug" | "Display") || t.ends_with("Serialize"));
        let secret = UNPRINTABLE.contains(&name.as_str())
            || (source.room() == "keys"
                && (name.ends_with("Key") || name.ends_with("Secret") || name.ends_with("Chain")));
        if prints && secret {
            problems
                .push(format!("src/{}: `{name}` derives {list}; it can hold records or keys", source.path));
        }
    }
    problems
}

#[test]
fn nothing_unfinished_and_no_way_to_panic() {
    none(&sources().iter().flat_map(unfinished).collect::<Vec<_>>());
}

fn unfinished(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    for word in ["todo!", "unimplemented!", "dbg!", ".unwrap()", "unsafe "] {
        if word == "unsafe " && FOREIGN.contains(&source.path.as_str()) {
            continue;
        }
        for (at, _) in source.live.match_indices(word) {
            problems.push(format!("src/{}:{}: `{}`", source.path, source.line_of(at), word.trim()));
        }
    }
    for (at, call) in source.live.match_indices(".expect(") {
        // Literals are blanked out, so a method of that name with another argument is told apart.
        let message = source.live[at + call.len()..].trim_start().starts_with(')');
        if message && !source.text.contains("clippy::expect_used") {
            problems.push(format!(
                "src/{}:{}: `.expect(` without a stated reason",
                source.path,
                source.line_of(at)
            ));
        }
    }
    for word in ["TODO", "FIXME"] {
        if source.text.contains(word) {
            problems.push(format!("src/{}: `{word}`", source.path));
        }
    }
    problems
}

#[test]
fn every_promise_has_its_number_in_code_and_in_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources();
    let code: String = sources.iter().map(live_text).collect();
    let mut tests: String = sources.iter().map(test_text).collect();
    for path in support::files_under(&root.join("tests")) {
        let own = path.starts_with("tidy");
        if !own && path.extension().is_some_and(|e| e == "rs") {
            tests.push_str(
                &std::fs::read_to_string(root.join("tests").join(path)).expect("a test file can be read"),
            );
        }
    }
    let mut problems = Vec::new();
    for number in PROMISES {
        if !cites(&code, number) {
            problems.push(format!("PI-{number}: no check in src/ cites it"));
        }
        if !cites(&tests, number) {
            problems.push(format!("PI-{number}: no test cites it"));
        }
    }
    none(&problems);
}

/// The text of a file outside its tests, comments included.
fn live_text(source: &Source) -> String {
    if source.live.is_empty() { String::new() } else { mask(source, true) }
}

/// The text of a file's tests, comments included.
fn test_text(source: &Source) -> String {
    if source.live.is_empty() { source.text.clone() } else { mask(source, false) }
}

/// Lines of the text that are live code (or its comments), or those that are not.
fn mask(source: &Source, live: bool) -> String {
    let marker = source.code.find("#[cfg(test)]").unwrap_or(source.text.len());
    let (head, tail) = source.text.split_at(marker.min(source.text.len()));
    if live { head.to_owned() } else { tail.to_owned() }
}

fn cites(text: &str, number: u8) -> bool {
    let name = format!("PI-{number}");
    text.match_indices(&name)
        .any(|(at, _)| !text[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

#[test]
fn no_path_of_a_developers_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let machine = ["/wo", "rk/"].concat();
    let mut problems = Vec::new();
    for folder in ["src", "tests", "benches", "deploy", "config"] {
        let folder = root.join(folder);
        if !folder.is_dir() {
            continue;
        }
        for path in support::files_under(&folder) {
            let bytes = std::fs::read(folder.join(&path)).expect("a file of the project can be read");
            if memchr::memmem::find(&bytes, machine.as_bytes()).is_some() {
                problems.push(format!("{}: names a path of one machine", folder.join(path).display()));
            }
        }
    }
    none(&problems);
}

mod snippets {
    //! The checkers, checked.

    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source::new(path, text, false)
    }

    #[test]
    fn an_upward_import_is_caught() {
        assert_eq!(
            imports_against_the_floor(&file("format/json.rs", "use crate::pipeline::Worker;")).len(),
            1
        );
        assert_eq!(imports_against_the_floor(&file("record/span.rs", "use crate::telemetry::Log;")).len(), 1);
        assert_eq!(
            imports_against_the_floor(&file("record/span.rs", "fn f() -> crate::protect::Treated {}")).len(),
            1
        );
        assert!(
            imports_against_the_floor(&file("record/batch.rs", "use crate::protect::Treated;")).is_empty()
        );
        assert!(
            imports_against_the_floor(&file("protect/mod.rs", "use crate::{keys::K, record::span::Part};"))
                .is_empty()
        );
        assert!(imports_against_the_floor(&file("sink/file.rs", "use crate::telemetry::Log;")).is_empty());
        let tests = "#[cfg(test)]\nmod tests { use crate::pipeline::X; }";
        assert!(imports_against_the_floor(&file("format/json.rs", tests)).is_empty());
    }

    #[test]
    fn the_outside_world_is_caught() {
        assert_eq!(outside_words(&file("keys/ratchet.rs", "fn f() { std::fs::read(p) }")).len(), 1);
        assert_eq!(outside_words(&file("protect/text.rs", "let t = SystemTime::now();")).len(), 1);
        assert!(outside_words(&file("keys/store.rs", "use std::fs;")).is_empty());
        assert!(
            outside_words(&file("protect/text.rs", "// std::fs\nuse std::net::IpAddr; let s = \"std::fs\";"))
                .is_empty()
        );
        assert!(outside_words(&file("sink/file.rs", "use std::fs;")).is_empty());
    }

    #[test]
    fn sizes_are_caught() {
        let long = format!("fn f() {{\n{}}}\n", "x();\n".repeat(FUNCTION_LINES_MAX));
        assert_eq!(sizes(&file("a.rs", &long)).len(), 1);
        assert_eq!(sizes(&file("a.rs", &"const A: u8 = 1;\n".repeat(FILE_LINES_MAX + 1))).len(), 1);
        assert!(sizes(&file("a.rs", &"// note\n".repeat(FILE_LINES_MAX + 1))).is_empty());
    }

    #[test]
    fn printable_secrets_are_caught() {
        assert_eq!(
            printable_secrets(&file("record/batch.rs", "#[derive(Debug)]\npub struct RawBatch {}")).len(),
            1
        );
        assert_eq!(
            printable_secrets(&file("keys/x.rs", "#[derive(Clone, serde::Serialize)]\nstruct EpochKey {}"))
                .len(),
            1
        );
        assert!(
            printable_secrets(&file("record/batch.rs", "#[derive(Debug)]\npub struct Run {}")).is_empty()
        );
    }

    #[test]
    fn unfinished_code_is_caught() {
        assert_eq!(unfinished(&file("a.rs", "fn f() { todo!() }")).len(), 1);
        assert_eq!(unfinished(&file("a.rs", "fn f() { x.unwrap() }")).len(), 1);
        assert!(unfinished(&file("a.rs", "#[cfg(test)]\nmod t { fn f() { x.unwrap() } }")).is_empty());
        assert!(unfinished(&file("a.rs", "fn f() { x.unwrap_or(1) }")).is_empty());
    }

    #[test]
    fn promises_are_told_apart() {
        assert!(cites("see PI-1.", 1) && !cites("see PI-12", 1));
    }
}
