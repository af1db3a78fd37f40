//! Measures whole processes over one file and prints what the figures of the project's yardstick have become.
//!
//! *In*: a file of combined lines and the programs to compare; `benches/compare` prepares both. *Out*: three tables on
//! standard output. *Promised*: every program gets the same bytes from the page cache, one at a time, and the number of
//! lines that came out is counted: exit code 1 when one is missing. A figure that is not reached is shown, never an error:
//! a benchmark is not a timed test. *Not here*: what a single stage costs (`benches/stages.rs`).

#![allow(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]

mod child;
mod formats;
mod meetings;
mod others;
mod table;

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use child::{Measured, best_of, lines_written};
use formats::Mode;
use meetings::Meetings;
use table::Row;

/// What `benches/compare` says on the command line.
#[derive(Default)]
struct Wish {
    sluis: PathBuf,
    input: PathBuf,
    /// A directory for outputs, emptied of them afterwards.
    work: PathBuf,
    anonip: Option<PathBuf>,
    rsyslog: Option<PathBuf>,
    /// `FORMAT=FILE` of other formats.
    also: Vec<String>,
    /// `FORMAT=FILE=CLASS` of the logs of an evening of meetings.
    meetings: Vec<String>,
    /// The shipped policy for videoconferences, and the same in which no names are learned.
    meet_policy: Option<PathBuf>,
    nothing_learned: Option<PathBuf>,
    /// The shipped policy for web servers.
    policy: Option<PathBuf>,
    /// One round each and no other tools: shows that the benchmark still works.
    small: bool,
}

/// The one file that everybody reads.
pub struct Input {
    path: PathBuf,
    bytes: u64,
    lines: u64,
}

fn main() -> ExitCode {
    match wish(std::env::args().skip(1)).and_then(|wish| compare(&wish)) {
        Ok(complete) if complete => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::from(2)
        }
    }
}

fn wish(mut arguments: impl Iterator<Item = String>) -> Result<Wish, Box<dyn Error>> {
    let mut wish = Wish::default();
    while let Some(name) = arguments.next() {
        if name == "--small" {
            wish.small = true;
            continue;
        }
        let value = PathBuf::from(arguments.next().ok_or_else(|| format!("{name} needs a value"))?);
        match name.as_str() {
            "--sluis" => wish.sluis = value,
            "--input" => wish.input = value,
            "--work" => wish.work = value,
            "--anonip" => wish.anonip = Some(value),
            "--rsyslog" => wish.rsyslog = Some(value),
            "--also" => wish.also.push(value.display().to_string()),
            "--meeting" => wish.meetings.push(value.display().to_string()),
            "--meet-policy" => wish.meet_policy = Some(value),
            "--nothing-learned" => wish.nothing_learned = Some(value),
            "--policy" => wish.policy = Some(value),
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    Ok(wish)
}

fn compare(wish: &Wish) -> Result<bool, Box<dyn Error>> {
    std::fs::create_dir_all(&wish.work)?;
    let (scan, input) = newline_scan(&wish.input)?;
    let megabytes = input.bytes as f64 / 1e6;
    println!("{} lines, {megabytes:.1} MB, {} processors\n", input.lines, processors());

    let mut table = table::Table::new(&input, scan.cpu_secs);
    table.add(Row::new("newline scan, in memory", scan));
    table.add(Row::new("plain copy (cat)", plain_copy(&input, wish)?));
    for row in ours(wish, &input)? {
        table.add(row);
    }
    if wish.small {
        println!("(small: other tools are left out)");
    } else {
        for (name, outcome) in
            others::all(&input, &wish.work, wish.anonip.as_deref(), wish.rsyslog.as_deref())
        {
            match outcome {
                Ok((measured, lines)) => table.add(Row::new(name, measured).lines(lines)),
                Err(reason) => println!("{name}: skipped, {reason}"),
            }
        }
    }
    table.print();
    let mut modes = wish.also.iter().map(|also| Mode::of_format(also)).collect::<Result<Vec<_>, _>>()?;
    modes.extend(wish.policy.as_deref().map(|policy| Mode::of_policy(policy, &input.path)));
    let nothing_lost = formats::print(&wish.sluis, &modes, rounds(wish).min(3))?;
    let policies = wish.meet_policy.as_deref().zip(wish.nothing_learned.as_deref());
    let meetings = policies.map(|policies| Meetings::of(&wish.meetings, policies)).transpose()?;
    if let Some(meetings) = meetings {
        meetings.print(&wish.sluis, rounds(wish).min(5))?;
    }
    // Of a small file the clock shows next to nothing.
    if !wish.small {
        table.print_figures();
    }
    Ok(table.is_complete() && nothing_lost)
}

/// The limit: finding the newlines of bytes that are in memory already, best of five. It also counts the lines, and
/// leaves the file in the page cache for everybody after it.
fn newline_scan(path: &Path) -> Result<(Measured, Input), Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut best = f64::INFINITY;
    let mut lines = 0;
    for _ in 0..5 {
        let start = Instant::now();
        lines = memchr::memchr_iter(b'\n', std::hint::black_box(&bytes)).count();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let input = Input { path: path.to_owned(), bytes: bytes.len() as u64, lines: lines as u64 };
    Ok((Measured { cpu_secs: best, wall_secs: best, peak_kib: None }, input))
}

fn plain_copy(input: &Input, wish: &Wish) -> Result<Measured, Box<dyn Error>> {
    best_of(rounds(wish), || {
        let mut cat = Command::new("cat");
        cat.stdin(File::open(&input.path)?).stdout(File::options().write(true).open("/dev/null")?);
        Ok(cat)
    })
}

fn sluis_command(wish: &Wish, input: &Input, emit: &str, threads: &str) -> Result<Command, Box<dyn Error>> {
    let mut command = Command::new(&wish.sluis);
    command.args(["filter", "--format", "combined", "--emit", emit, "--threads", threads]);
    // Standard error is kept away: the notice about the random key would come before every row.
    command.stdin(File::open(&input.path)?).stderr(Stdio::null());
    Ok(command)
}

/// Every mode of ours, in turn: on a machine that is shared, minutes differ more than modes do, and each has its chance in each
/// round. The best round counts, as it does for the newline scan.
fn ours(wish: &Wish, input: &Input) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut modes = Vec::new();
    for emit in ["same", "ndjson"] {
        for (threads, cache) in [("1", true), ("2", true), ("1", false), ("2", false)] {
            modes.push((emit, threads, cache, None));
        }
    }
    for _ in 0..rounds(wish) {
        for (emit, threads, cache, best) in &mut modes {
            *best = Some(sluis(wish, input, emit, threads, *cache)?.or_better(*best));
        }
    }
    let mut rows = Vec::new();
    for (emit, threads, cache, best) in modes {
        let without = if cache { "" } else { ", no token cache" };
        let name = format!("sluis {emit}, {threads} thread{}{without}", plural(threads));
        let row = best.map(|best| Row::new(&name, best)).ok_or("no round was asked for")?;
        let path = wish.work.join("sluis.out");
        rows.push(row.lines(lines_written(&path, || sluis_command(wish, input, emit, "2"))?));
    }
    Ok(rows)
}

fn sluis(
    wish: &Wish,
    input: &Input,
    emit: &str,
    threads: &str,
    cache: bool,
) -> Result<Measured, Box<dyn Error>> {
    best_of(1, || {
        let mut command = sluis_command(wish, input, emit, threads)?;
        if !cache {
            command.args(["--token-cache", "0"]);
        }
        command.stdout(Stdio::null());
        Ok(command)
    })
}

/// The newline scan has five: it takes a twentieth of a second, and nothing comes between.
fn rounds(wish: &Wish) -> u32 {
    if wish.small { 1 } else { 7 }
}

fn plural(threads: &str) -> &'static str {
    if threads == "1" { "" } else { "s" }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
