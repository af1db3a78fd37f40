//! `sluis filter` as a user meets it: pipes that break, input that is wrong, counts that must add up.
//!
//! *Promised*: what the issue asks of the flow and of bad input. *Not here*: leaks (`leak`), real logs (`corpus`).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::support::{self, Run, sluis};

/// An ordinary record of client `n`.
fn combined(n: u32) -> String {
    let (c, d) = (n / 256 % 256, n % 256);
    let minute = n % 60;
    format!(
        "198.51.{c}.{d} - - [21/Nov/2026:10:{minute:02}:00 +0000] \"GET /p/{n}?from=198.51.{c}.{d} HTTP/1.1\" 200 1 \
         \"https://example.org/{n}\" \"Mozilla/5.0 Chrome/120.0.0.0\"\n"
    )
}

fn many(records: u32) -> Vec<u8> {
    (0..records).map(combined).collect::<String>().into_bytes()
}

fn filter(arguments: &[&str], input: &[u8]) -> Run {
    let mut all = vec!["filter"];
    all.extend(arguments);
    sluis(&all, input)
}

/// PI-2: in = out + quarantined + expired + dropped, and the table for people says the same words.
#[test]
fn pi_2_every_record_is_accounted_for() {
    let mut input = many(100);
    input.extend_from_slice(b"no record at all\n");
    let run = filter(&["--format", "combined", "--stats=json"], &input);
    run.expect_code(0);
    let stats = run.stats();
    assert_eq!((stats.taken, stats.out, stats.quarantined), (101, 100, 1), "{stats:?}");
    assert!(stats.balanced(), "{stats:?}");
    assert_eq!(stats.reasons.values().sum::<u64>(), 1, "{stats:?}");
    assert!(stats.treated.values().sum::<u64>() >= 200, "two addresses in each record: {stats:?}");
    let said = filter(&["--format", "combined", "--stats"], &input).err_text();
    for word in ["in", "out", "quarantined", "expired", "dropped"] {
        assert!(said.contains(word), "{word} in:\n{said}");
    }
}

#[test]
fn strict_says_3_when_something_was_quarantined() {
    let mut input = many(20);
    filter(&["--format", "combined", "--strict"], &input).expect_code(0);
    input.extend_from_slice(b"no record at all\n");
    filter(&["--format", "combined", "--strict"], &input).expect_code(3);
    filter(&["--format", "combined"], &input).expect_code(0);
}

#[test]
fn an_empty_input_is_no_error() {
    for format in ["combined", "json", "text"] {
        let run = filter(&["--format", format], b"");
        run.expect_code(0);
        assert!(run.out.is_empty());
    }
}

#[test]
fn a_last_line_without_newline_counts() {
    let mut input = many(2);
    input.pop();
    let run = filter(&["--format", "combined", "--stats=json"], &input);
    assert_eq!((run.stats().taken, run.lines().len()), (2, 2));
}

/// Order is kept, whatever the number of threads.
#[test]
fn order_is_kept_with_any_number_of_threads() {
    let input = many(40_000);
    let paths = |run: &Run| -> Vec<String> {
        let number = |line: &[u8]| {
            let text = String::from_utf8_lossy(line).into_owned();
            let start = text.find("/p/").expect("the path survives") + 3;
            text[start..].chars().take_while(char::is_ascii_digit).collect()
        };
        run.lines().into_iter().map(number).collect()
    };
    let want: Vec<String> = (0..40_000).map(|n| n.to_string()).collect();
    for threads in ["1", "2", "4", "7"] {
        let run = filter(&["--format", "combined", "--threads", threads], &input);
        run.expect_code(0);
        assert!(paths(&run) == want, "{threads} threads change the order or lose records");
    }
}

/// The same client in the address column and in the query gets one token, and two clients get two.
#[test]
fn pi_6_the_same_client_in_field_and_text_has_one_token() {
    let run = filter(&["--format", "combined"], &many(50));
    let mut tokens = std::collections::BTreeSet::new();
    for line in run.lines() {
        let text = std::str::from_utf8(line).unwrap();
        let column = text.split(' ').next().unwrap();
        assert!(text.contains(&format!("?from={column} ")), "column and query differ: {text}");
        tokens.insert(column.to_owned());
    }
    assert_eq!(tokens.len(), 50);
}

#[test]
fn ndjson_is_always_json_and_utf_8() {
    let mut input = many(10);
    input.extend_from_slice(
        b"192.0.2.1 - \xff\xfe [21/Nov/2026:10:00:00 +0000] \"GET /\xc3\x28\\x22\xe2\x82 HTTP/1.1\" 200 1 \"\x01\" \"\\\\\"\n",
    );
    let texts = b"\xff\xfe 192.0.2.1 \x00\x1b[31m \"quoted\\\" \xed\xa0\x80 tail\n";
    for (format, input) in [("combined", &input[..]), ("text", &texts[..])] {
        let run = filter(&["--format", format, "--emit", "ndjson", "--stats=json"], input);
        run.expect_code(0);
        assert_eq!(run.lines().len() as u64, run.stats().out);
        for line in run.lines() {
            let text = std::str::from_utf8(line).expect("UTF-8");
            let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
            assert!(json.is_object());
        }
    }
}

/// `--emit same` is valid for the same parser: what came out goes in again with nothing refused.
#[test]
fn emit_same_parses_again() {
    let plain =
        r#"192.0.2.1 - alice [21/Nov/2026:10:00:00 +0000] "GET /a?x=192.0.2.1 HTTP/1.1" 200 1 "-" "x""#;
    let odd =
        r#"2001:db8::1 - "" [21/Nov/2026:10:00:00 +0000] "\x16\x03\x01" 400 - "-" "say \"192.0.2.1\" \\""#;
    let json = r#"{"remote_addr":"192.0.2.1","remote_user":"a\"b","message":"from 192.0.2.1 \u00e9\\","n":[1,{"x":2}]}"#;
    let nginx = "2026/11/21 10:00:00 [error] 7#7: *9 open() \"/x, y\" failed, client: 192.0.2.1, server: , request: \"GET / HTTP/1.1\", host: \"example.org\"";
    let apache = "[Sat Nov 21 10:00:00.123456 2026] [core:error] [pid 7:tid 9] (2)No such file: [client 192.0.2.1:4000] AH00126: gone";
    for (format, line) in [
        ("combined", plain),
        ("combined", odd),
        ("json", json),
        ("nginx-error", nginx),
        ("apache-error", apache),
        ("prosody", "Nov 21 10:00:00 c2s55a9fb622a20\tinfo\tAuthenticated as bob@example.org [x]"),
        (
            "coturn",
            "5: : session 001000000000000007: closed (2nd stage), user <bob> realm <r> origin <>, local 192.0.2.1:1, remote 192.0.2.7:2, reason: x",
        ),
    ] {
        let arguments =
            ["--format", format, "--time-zone", "UTC", "--stats=json", "--as-of", "2026-11-21T12:00:00Z"];
        let first = filter(&arguments, format!("{line}\n").as_bytes());
        assert_eq!(first.stats().out, 1, "{format}: {}", first.err_text());
        let again = filter(&arguments, &first.out);
        let text = String::from_utf8_lossy(&first.out).into_owned();
        assert_eq!(
            (again.stats().out, again.stats().quarantined),
            (1, 0),
            "{format} refuses its own output: {text}"
        );
    }
}

#[test]
fn two_runs_with_one_keyring_give_the_same_tokens() {
    let folder = tempfile::TempDir::new().unwrap();
    let keys = folder.path().join("keys");
    let keys = keys.to_str().unwrap();
    sluis(&["keys", "init", "--keys", keys, "--domain", "log", "--retention", "14d"], b"").expect_code(0);
    let now = ["--format", "text", "--keys", keys];
    let first = filter(&now, b"from 192.0.2.1\n");
    first.expect_code(0);
    assert_eq!(first.out, filter(&now, b"from 192.0.2.1\n").out);
    assert_ne!(
        first.out,
        filter(&["--format", "text"], b"from 192.0.2.1\n").out,
        "a random key gives other tokens"
    );
}

#[test]
fn without_keys_a_random_key_is_used_and_said() {
    let run = filter(&["--format", "text"], b"from 192.0.2.1\n");
    assert!(run.err_text().to_lowercase().contains("random key"), "{}", run.err_text());
    assert_ne!(run.out, filter(&["--format", "text"], b"from 192.0.2.1\n").out);
}

/// `| head -1`: the reader goes away, and that is a normal end.
#[test]
fn a_broken_pipe_is_a_normal_end() {
    let mut child = support::spawn(support::program().args(["filter", "--format", "combined"]));
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        let block = many(2000);
        for _ in 0..200 {
            if stdin.write_all(&block).is_err() {
                return true;
            }
        }
        false
    });
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    drop(reader);
    assert!(line.contains("/p/0"));
    assert!(feeder.join().unwrap(), "the program read 50 MB for a reader that was gone");
    let code = support::wait(&mut child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("panicked") && !said.contains("Broken pipe"), "{said}");
}

/// SIGTERM in the middle of a stream: a clean end, whole lines only, soon.
#[test]
fn sigterm_ends_cleanly_with_whole_lines() {
    let mut child =
        support::spawn(support::program().args(["filter", "--format", "combined", "--stats=json"]));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&many(100)).unwrap();
    stdin.flush().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut out = Vec::new();
    reader.read_until(b'\n', &mut out).unwrap();
    let begun = Instant::now();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let code = support::wait(&mut child);
    assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}", begun.elapsed());
    reader.read_to_end(&mut out).unwrap();
    drop(stdin);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!([0, 143].contains(&code), "code {code}: {said}");
    assert!(out.ends_with(b"\n") && !said.contains("panicked"), "{said}");
}

/// A writer that never pauses for long and never ends its line keeps nobody from ending. With several threads the signal comes
/// to one that does not read; so it is asked of several processes, at once.
#[test]
fn sigterm_ends_while_a_line_trickles_in() {
    let one = |threads: &str| {
        let arguments = ["filter", "--format", "combined", "--stats=json", "--threads", threads];
        let mut child = support::spawn(support::program().args(arguments));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&many(100)).unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut out = Vec::new();
        reader.read_until(b'\n', &mut out).unwrap();
        let feeder = std::thread::spawn(move || {
            // Until the program is gone, or its failure to go is plain.
            for _ in 0..200 {
                if stdin.write_all(b"1").is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let code = support::wait(&mut child);
        let took = begun.elapsed();
        reader.read_to_end(&mut out).unwrap();
        let mut said = Vec::new();
        child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
        feeder.join().unwrap();
        let run = Run { code, out, err: said };
        run.expect_code(0);
        let stats = run.stats();
        assert!(took < Duration::from_secs(5), "{threads} threads: took {took:?}");
        assert_eq!(
            (stats.taken, stats.out, stats.quarantined),
            (101, 100, 1),
            "the line is cut off: {stats:?}"
        );
        assert_eq!(run.lines().len(), 100);
    };
    std::thread::scope(|scope| {
        for threads in ["1", "2", "4", "4", "4"] {
            scope.spawn(move || one(threads));
        }
    });
}

/// A record that dribbles in is still delivered while the input stays open: 500 ms of silence end it.
#[test]
fn silence_delivers_what_has_arrived() {
    let mut child = support::spawn(support::program().args(["filter", "--format", "combined"]));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&many(1)).unwrap();
    stdin.flush().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let begun = Instant::now();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(10) && line.contains("/p/0"),
        "{:?} {line}",
        begun.elapsed()
    );
    drop(stdin);
    assert_eq!(support::wait(&mut child), 0);
}

/// Usage and configuration: exit code 2, the thing and the remedy, lower case, no panic.
#[test]
fn wrong_usage_is_told_with_a_remedy() {
    for (arguments, words) in [
        (vec!["--format", "combinde"], vec!["combinde", "combined"]),
        (vec!["--format", "nginx"], vec!["--log-format"]),
        (vec!["--format", "nginx", "--log-format", "$remote_addr$request_time"], vec!["^"]),
        (vec!["--format", "nginx-error"], vec!["--time-zone"]),
        (vec!["--format", "combined", "--policy", "/nonexistent/p.toml"], vec!["/nonexistent/p.toml"]),
        (vec!["--format", "combined", "--keys", "/nonexistent/keys"], vec!["/nonexistent/keys"]),
        (vec!["--format", "combined", "/nonexistent/access.log"], vec!["/nonexistent/access.log"]),
        (vec!["--format", "apache-error", "--time-zone", "Mars/Olympus"], vec!["Mars/Olympus"]),
    ] {
        let run = filter(&arguments, b"");
        let said = run.err_text();
        // A file that is not there is the source's failure, all else is usage.
        let code = if arguments.contains(&"/nonexistent/access.log") { 4 } else { 2 };
        run.expect_code(code);
        assert!(!said.contains("panicked"), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is missing for {arguments:?} in:\n{said}");
        }
    }
}

/// Input of another format: said, with the share that failed and what it looks like, and not a byte of it.
#[test]
fn input_of_another_format_is_recognised() {
    let json = r#"{"remote_addr":"192.0.2.1","request":"GET / HTTP/1.1","status":200}"#.to_owned() + "\n";
    let lines = String::from_utf8(many(200)).unwrap();
    for (format, input, looks) in
        [("combined", json.repeat(200), "--format json"), ("json", lines, "--format combined")]
    {
        let run = filter(&["--format", format], input.as_bytes());
        let said = run.err_text();
        assert!(said.contains('%') && said.contains(format) && said.contains(looks), "{format}: {said}");
        assert!(!said.contains("192.0.2.1") && !said.contains("198.51."), "{said}");
        assert_eq!(run.code, 2, "{said}");
    }
}

#[test]
fn auto_decides_among_structured_formats_and_says_so() {
    let run = filter(&["--format", "auto"], &many(50));
    run.expect_code(0);
    assert!(run.err_text().contains("combined") && run.lines().len() == 50, "{}", run.err_text());
    let run = filter(&["--format", "auto"], "what a day it was\n".repeat(50).as_bytes());
    assert_eq!(run.code, 2, "auto never chooses text: {}", run.err_text());
}

/// A record without end is cut off, counted, and costs bounded memory; what follows it is read as ever.
#[test]
fn an_endless_line_costs_bounded_memory() {
    const LINE: usize = 256 << 20;
    for format in ["combined", "json", "text"] {
        let mut child =
            support::spawn(support::program().args(["filter", "--format", format, "--stats=json"]));
        let status = format!("/proc/{}/status", child.id());
        let mut stdin = child.stdin.take().unwrap();
        let drained = child.stdout.take().map(|mut out| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                out.read_to_end(&mut bytes).map(|_| bytes)
            })
        });
        let block = vec![b'a'; 1 << 20];
        for _ in 0..LINE / block.len() {
            stdin.write_all(&block).unwrap();
        }
        let peak = peak_memory(&status);
        stdin.write_all(b"\n").unwrap();
        let next = if format == "json" { "{\"status\":200}\n".to_owned() } else { combined(1) };
        stdin.write_all(next.as_bytes()).unwrap();
        drop(stdin);
        let code = support::wait(&mut child);
        let out = drained.unwrap().join().unwrap().unwrap();
        let mut said = Vec::new();
        child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
        let run = Run { code, out, err: said };
        run.expect_code(0);
        let counts = run.stats();
        assert_eq!((counts.taken, counts.out, counts.quarantined), (2, 1, 1), "{format}: {counts:?}");
        assert!(peak < 96 << 20, "{format}: {} MiB of memory for one line", peak >> 20);
    }
}

/// Peak resident memory in bytes, from the process table.
fn peak_memory(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).expect("the program still runs");
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}
