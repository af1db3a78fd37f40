//! What every test of the program needs: run it, feed it, read what it said.
//!
//! *In*: arguments and input. *Out*: [`Run`]. *Promised*: a hanging program fails the test after [`PATIENCE`], it does not
//! hang the suite. *Not here*: any verdict.
//!
//! # The machine form of the statistics
//! `--stats` prints a table for people on standard error at the end. `--stats=json` prints one JSON object on a line of its
//! own:
//! ```json
//! {"records": {"in": 10, "out": 8, "quarantined": 1, "expired": 1, "dropped": 0},
//!  "quarantined": {"does not match the format": 1, "too long": 0},
//!  "treated": {"addresses": 12, "e-mail addresses": 1, "users": 3}}
//! ```
//! `in = out + quarantined + expired + dropped`; `quarantined` names the reasons (`Refusal::name`) and adds up to the count
//! above; `treated` counts identifiers per kind. Names and numbers only, never content; other keys may stand beside.

pub mod broker;
pub mod certificate;
pub mod numbered;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long one run may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_mins(3);

/// What a run of the program left behind.
pub struct Run {
    /// Exit code; 128 + n when signal n ended it, as shells count.
    pub code: i32,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: Vec<u8>,
}

impl Run {
    /// Standard error as text.
    pub fn err_text(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }

    /// The lines of standard output, without their newlines.
    pub fn lines(&self) -> Vec<&[u8]> {
        lines(&self.out)
    }

    /// The counts of `--stats=json`.
    pub fn stats(&self) -> Stats {
        let text = self.err_text();
        let found = text.lines().rev().find_map(Stats::parse);
        found.unwrap_or_else(|| panic!("no statistics on standard error:\n{text}"))
    }

    /// Fails the test, with what the program said, unless it ended with `code`.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code; standard error was:\n{}", self.err_text());
        self
    }
}

/// Counts of one run.
#[derive(Debug, Default, Clone)]
pub struct Stats {
    /// Records read.
    pub taken: u64,
    /// Records written.
    pub out: u64,
    /// Records refused.
    pub quarantined: u64,
    /// Records past their deadline.
    pub expired: u64,
    /// Records dropped by rule.
    pub dropped: u64,
    /// Refusals by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Identifiers treated, by kind.
    pub treated: BTreeMap<String, u64>,
}

impl Stats {
    fn parse(line: &str) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_str(line).ok()?;
        let records = json.get("records")?;
        let count = |name: &str| records.get(name).and_then(serde_json::Value::as_u64);
        let table = |name: &str| -> BTreeMap<String, u64> {
            let object = json.get(name).and_then(serde_json::Value::as_object);
            let pairs = object.into_iter().flatten();
            pairs.filter_map(|(name, n)| Some((name.clone(), n.as_u64().filter(|n| *n > 0)?))).collect()
        };
        Some(Self {
            taken: count("in")?,
            out: count("out")?,
            quarantined: count("quarantined")?,
            expired: count("expired")?,
            dropped: count("dropped")?,
            reasons: table("quarantined"),
            treated: table("treated"),
        })
    }

    /// True when no record is unaccounted for.
    pub fn balanced(&self) -> bool {
        self.taken == self.out + self.quarantined + self.expired + self.dropped
    }
}

/// The lines of `bytes`, without their newlines; a final newline begins no line.
pub fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() { Vec::new() } else { body.split(|b| *b == b'\n').collect() }
}

/// The program, with a clean environment, ready for arguments.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluis"));
    command.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE").env("NO_COLOR", "1");
    command
}

/// Runs the program with `input` on standard input, written in one go.
pub fn sluis(args: &[&str], input: &[u8]) -> Run {
    sluis_fed(args, input, 1 << 20)
}

/// Runs the program with `input` written `piece` bytes at a time.
pub fn sluis_fed(args: &[&str], input: &[u8], piece: usize) -> Run {
    let mut command = program();
    command.args(args);
    finish(spawn(&mut command), input, piece)
}

/// Starts a command with all three streams piped.
pub fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Feeds a started program, closes its input and waits for its end.
pub fn finish(mut child: Child, input: &[u8], piece: usize) -> Run {
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut stdin = stdin.expect("piped");
            for part in input.chunks(piece.max(1)) {
                // The program may rightly stop reading (a usage error); what it says then is judged, not the pipe.
                if stdin.write_all(part).is_err() {
                    break;
                }
            }
        });
        let out = scope.spawn(move || drain(out.expect("piped")));
        let err = scope.spawn(move || drain(err.expect("piped")));
        let code = wait(&mut child);
        Run { code, out: out.join().expect("reader"), err: err.join().expect("reader") }
    })
}

fn drain(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a pipe reads");
    bytes
}

/// Waits for the end and returns the exit code.
pub fn wait(child: &mut Child) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        }
        if begun.elapsed() > PATIENCE {
            child.kill().expect("a child can be killed");
            panic!("the program did not end within {PATIENCE:?}");
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The shared corpus beside the checkout, or `None` with a message when it is not there.
pub fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no corpus at {} (it is not part of the project)", path.display());
    None
}

/// Every file under `folder`, sorted, as paths relative to it.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder of the corpus can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below the folder").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// The ways to write an address.
pub fn address_spellings(ip: IpAddr) -> Vec<String> {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            vec![
                format!("{a}.{b}.{c}.{d}"),
                format!("{a}-{b}-{c}-{d}"),
                format!("{a}_{b}_{c}_{d}"),
                format!("{d}.{c}.{b}.{a}"),
                format!("{d}-{c}-{b}-{a}"),
                format!("{a:03}.{b:03}.{c:03}.{d:03}"),
                format!("{}", u32::from(v4)),
                format!("{:08x}", u32::from(v4)),
                format!("{a:02x}{b:02x}:{c:02x}{d:02x}"),
            ]
        }
        IpAddr::V6(v6) => {
            let groups = v6.segments();
            let plain = groups.map(|g| format!("{g:x}")).join(":");
            let full = groups.map(|g| format!("{g:04x}")).join(":");
            let digits: String = groups.map(|g| format!("{g:04x}")).concat();
            let nibbles: Vec<String> = digits.chars().rev().map(String::from).collect();
            let dashed = groups.map(|g| format!("{g:x}")).join("-");
            vec![v6.to_string(), plain, full, dashed, digits, nibbles.join("."), u128::from(v6).to_string()]
        }
    }
}
