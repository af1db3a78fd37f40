//! What a target does without a fuzzer: it replays the files that it is given, or tries mutations of its own.
//!
//! *In*: file names, or none. *Out*: one line of what was tried; a panic is left to be seen, after the input has been
//! written to `fuzz/artifacts/TARGET` (inputs are synthetic, so they may be). *Promised*: the same mutations in every
//! run, so that what fails in CI fails on a desk. *Not here*: coverage; that takes `cargo fuzz` and a nightly toolchain.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Inputs tried when no file is given.
const TRIES: u32 = 50_000;

/// Longer than this for one input of a few kilobytes is not linear any more, on any machine.
const TRY_MAX: Duration = Duration::from_secs(2);

/// Lines of every kind that mutations begin with.
const SEEDS: &[&str] = &[
    "192.0.2.7 - alice [21/Nov/2026:10:00:00 +0100] \"GET /a?b=c HTTP/1.1\" 200 12 \"https://example.org/\" \"curl/8\"",
    "www.example.org:443 2001:db8::7 - - [21/Nov/2026:10:00:00 +0000] \"\\x16\\x03\\x01\" 400 0 \"-\" \"-\"",
    "2026/11/21 10:00:00 [error] 7#7: *1 open() \"/srv/x\" failed (2: No such file or directory), client: 192.0.2.7, \
     server: example.org, request: \"GET /x HTTP/1.1\", host: \"example.org\", referrer: \"https://[2001:db8::1]:8443/\"",
    "[Sat Nov 21 10:00:00.123456 2026] [core:error] [pid 7:tid 8] [client 192.0.2.7:50000] AH00128: File does not exist: /x",
    "{\"time\":\"2026-11-21T10:00:00Z\",\"remote_addr\":\"192.0.2.7\",\"a\":{\"b\":[1,2.5e3,null,\"\\u00e9\\ud83d\\ude00\"]}}",
    "mail to user%40example.org from ::ffff:192.0.2.7%eth0 [2001:DB8::7]:443 1.2.3.4/24 02:00:5e:10:00:01 eyJh.eyJz.c2ln",
    "Nov 21 10:00:00 mod_bosh\tinfo\tNew BOSH session, assigned it sid '550e8400-e29b-41d4-a716-446655440000'",
    "2026-11-21 10:00:00 bosh550e8400-e29b   \u{1b}[1minfo\u{1b}[0m\tAuthenticated as bob@example.org [prosody:registered]\nmore",
    "Nov 21 10:00:00 h turnserver[7]: 5: (47): INFO: session 001000000000000007: closed (2nd stage), user <1795252532:bob> \
     realm <r> origin <>, local 192.0.2.1:3478, remote [2001:db8::7]:5000, reason: allocation timeout",
    "2026-11-21T10:00:00.118+0100 INFO IPv6. tcp or tls connected to: 2001:db8::9:50312",
    "[source.nginx]\nkind = \"file\"\npath = \"access.log\"\nformat = { nginx = '$remote_addr [$time_local]' }\nclass = \"web\"\n",
    "$remote_addr [$time_iso8601] \"$request\" $status\n192.0.2.7 [2026-11-21T10:00:00+01:00] \"GET / HTTP/1.1\" 200",
    "%h %t \\\"%r\\\" %>s\n192.0.2.7 [21/Nov/2026:10:00:00 +0100] \"GET / HTTP/1.1\" 200",
    "log_format main '$remote_addr - $remote_user [$time_local] \"$request\" $status';",
    "%h %l %u %{%d/%b/%Y %T}t.%{msec_frac}t \\\"%r\\\" %>s %{X-Forwarded-For}i %%",
    "[policy]\nname = \"web\"\n[class.web]\nretention = \"14d\"\npurposes = [\"security\"]\n[fields]\n\"url.path\" = \"scrub\"\n",
];

/// Runs `entry` over the files named on the command line, or over [`TRIES`] mutations of the seeds.
pub fn main(target: &str, entry: fn(&[u8])) -> ExitCode {
    match run(target, entry) {
        Ok(tried) => {
            println!("{target}: {tried} inputs, no panic");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{target}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(target: &str, entry: fn(&[u8])) -> Result<u32, Box<dyn Error>> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    for file in &files {
        entry(&std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?);
    }
    if !files.is_empty() {
        return Ok(u32::try_from(files.len())?);
    }
    let mut mutator = Mutator { state: 1, input: Vec::new() };
    for tries in 0..TRIES {
        mutator.next(tries);
        let start = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| entry(&mutator.input))) {
            let path = keep(target, &mutator.input)?;
            eprintln!("{target}: input {tries} panicked; it is kept in {}", path.display());
            resume_unwind(panic);
        }
        if start.elapsed() > TRY_MAX {
            let path = keep(target, &mutator.input)?;
            return Err(format!("input {tries} took too long; it is kept in {}", path.display()).into());
        }
    }
    Ok(TRIES)
}

fn keep(target: &str, input: &[u8]) -> Result<PathBuf, Box<dyn Error>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(target);
    std::fs::create_dir_all(&dir)?;
    let path = dir.join("last");
    std::fs::write(&path, input)?;
    Ok(path)
}

/// Small and repeatable: an xorshift generator (Marsaglia 2003) and six ways to spoil an input.
struct Mutator {
    state: u64,
    input: Vec<u8>,
}

impl Mutator {
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap_or(0) % bound.max(1)
    }

    /// Another input: a seed, spoiled up to eight times; every hundredth a long repetition, which shows quadratic cost.
    fn next(&mut self, tries: u32) {
        let seed = SEEDS[self.below(SEEDS.len())].as_bytes();
        self.input.clear();
        self.input.extend_from_slice(seed);
        for _ in 0..self.below(9) {
            self.spoil();
        }
        if tries.is_multiple_of(100) {
            let start = self.below(self.input.len());
            let len = 1 + self.below(8);
            let piece: Vec<u8> = self.input.iter().skip(start).take(len).copied().collect();
            self.input.extend(piece.iter().cycle().take(if piece.is_empty() { 0 } else { 50_000 }));
        }
    }

    fn spoil(&mut self) {
        const BYTES: &[u8] = b"\"\\[]{}()<>%$@:./-_,;= \t\r\n\0\x16\x7f\x80\xc3\xff09afZ";
        let at = self.below(self.input.len() + 1);
        let byte = BYTES[self.below(BYTES.len())];
        match self.below(6) {
            0 => self.input.insert(at, byte),
            1 => self.input.truncate(at),
            2 if at < self.input.len() => drop(self.input.remove(at)),
            3 if at < self.input.len() => self.input[at] = byte,
            4 => {
                // A part of another line: interleaved writes.
                let other = SEEDS[self.below(SEEDS.len())].as_bytes();
                let from = self.below(other.len());
                let tail = self.input.split_off(at);
                self.input.extend_from_slice(&other[from..]);
                self.input.extend_from_slice(&tail);
            }
            _ => {
                let repeat = 1 + self.below(40);
                self.input.splice(at..at, std::iter::repeat_n(byte, repeat));
            }
        }
    }
}
