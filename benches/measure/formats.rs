//! What the other formats and the shipped policy cost: the yardstick is `combined` under the built-in treatments, and nothing else
//! must fall far behind it unseen.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child::{Measured, best_of, count_lines, lines_written};

/// One way to call the filter.
pub struct Mode {
    title: String,
    input: PathBuf,
    arguments: Vec<String>,
}

impl Mode {
    /// The filter over `format=FILE`, which was generated in that format.
    pub fn of_format(text: &str) -> Result<Self, Box<dyn Error>> {
        let (format, input) = text.split_once('=').ok_or("--also needs FORMAT=FILE")?;
        let arguments = ["--format", format, "--time-zone", "UTC"].map(str::to_owned).to_vec();
        Ok(Self { title: format.to_owned(), input: input.into(), arguments })
    }

    /// The filter over combined lines of 28 May 2026 under the shipped policy for web servers.
    pub fn of_policy(policy: &Path, input: &Path) -> Self {
        let policy = policy.display().to_string();
        let arguments = [
            "--format",
            "combined",
            "--class",
            "web",
            "--as-of",
            "2026-05-29T00:00:00Z",
            "--policy",
            &policy,
        ];
        Self {
            title: "combined, shipped policy".to_owned(),
            input: input.to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
        }
    }
}

/// Measures every mode in both forms, with one thread, and prints a table. True when no line was lost.
pub fn print(sluis: &Path, modes: &[Mode], rounds: u32) -> Result<bool, Box<dyn Error>> {
    let mut complete = true;
    println!("{:<39} {:>8} {:>10} {:>11}", "other formats, 1 thread", "CPU s", "MB/CPU s", "lines/CPU s");
    for mode in modes {
        let lines = count_lines(&mode.input)?;
        let megabytes = std::fs::metadata(&mode.input)?.len() as f64 / 1e6;
        for emit in ["same", "ndjson"] {
            let Measured { cpu_secs, .. } = best_of(rounds, || command(sluis, mode, emit))?;
            let cpu = cpu_secs.max(0.001);
            let name = format!("{}, {emit}", mode.title);
            let out = lines_written(&mode.input.with_extension("out"), || command(sluis, mode, emit))?;
            let note = if out == lines {
                String::new()
            } else {
                format!("  WRONG: {out} of {lines} lines came out")
            };
            complete &= out == lines;
            println!(
                "{name:<39} {cpu_secs:>8.2} {:>10.0} {:>11.0}{note}",
                megabytes / cpu,
                lines as f64 / cpu
            );
        }
    }
    println!();
    Ok(complete)
}

fn command(sluis: &Path, mode: &Mode, emit: &str) -> Result<Command, Box<dyn Error>> {
    let mut command = Command::new(sluis);
    command.arg("filter").args(&mode.arguments).args(["--emit", emit, "--threads", "1"]);
    command.stdin(File::open(&mode.input)?).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}
