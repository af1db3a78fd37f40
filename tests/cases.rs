//! Golden cases: every directory of `tests/cases` holds `arguments` (one per line), `input`, `expected` and `why.md`.
//!
//! Keys are random, so that tokens differ from run to run. Before comparing, every pseudonym is replaced by its number in
//! order of first appearance: `<address 1>`, `<token 2>`. Equal pseudonyms get equal numbers, so that the cases still show
//! which values match. Each case runs with one and with three threads, and with a batch of one record.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::{Captures, Regex};

/// Runs the program over `input` and returns its standard output.
fn filter(arguments: &[String], extra: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sluis"))
        .arg("filter")
        .args(arguments)
        .args(extra)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Numbers pseudonyms in order of appearance. The sessions of Prosody are a word and, without anything between them, a pseudonym.
fn numbered(text: &str) -> String {
    let pseudonym = Regex::new(
        r"(?P<address>\bfd[0-9a-f]{2}(?::[0-9a-f]{0,4}){2,7})|(?P<epoch>sluis\.epoch\D+[a-z]+/\d+/)\w+|(?P<token>(?:^|[^\w-])(?:bosh|c2s)?(?P<id>[\w-]{22})(?:[^\w-]|$))",
    )
    .unwrap();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut number = |kind: &str, text: &str| {
        let next = seen.len() + 1;
        format!("<{kind} {}>", seen.entry(text.to_owned()).or_insert(next))
    };
    pseudonym
        .replace_all(text, |found: &Captures<'_>| {
            if let Some(address) = found.name("address") {
                return number("address", address.as_str());
            }
            if let Some(epoch) = found.name("epoch") {
                return format!("{}<check>", epoch.as_str());
            }
            let whole = &found["token"];
            let token = &found["id"];
            let (before, after) = whole.split_once(token).unwrap();
            format!("{before}{}{after}", number("token", token))
        })
        .into_owned()
}

#[test]
fn golden_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut directories: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    assert!(!directories.is_empty());
    for directory in directories {
        let read = |name: &str| {
            fs::read_to_string(directory.join(name))
                .unwrap_or_else(|_| panic!("{} lacks {name}", directory.display()))
        };
        assert!(!read("why.md").trim().is_empty());
        let arguments: Vec<String> = read("arguments").lines().map(str::to_owned).collect();
        let input = fs::read(directory.join("input")).unwrap();
        for extra in [&["--threads", "1"][..], &["--threads", "3"], &["--threads", "2", "--batch-bytes", "1"]]
        {
            let output = numbered(&filter(&arguments, extra, &input));
            if std::env::var_os("SLUIS_BLESS").is_some() {
                fs::write(directory.join("expected"), &output).unwrap();
            }
            assert_eq!(output, read("expected"), "{} with {extra:?}", directory.display());
        }
    }
}

#[test]
fn numbering_keeps_what_matches() {
    let text = r#"fd12:3456:789a::1 x "abcdefghijklmnopqrstuv" fd12:3456:789a::1 "sluis.epoch":"log/20778/1a2b3c4d""#;
    assert_eq!(numbered(text), r#"<address 1> x "<token 2>" <address 1> "sluis.epoch":"log/20778/<check>""#);
}
