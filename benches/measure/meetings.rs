//! What the logs of a videoconference cost under the shipped policy, and what learned names add.
//!
//! Records are of several lines, and a form of one line per record writes fewer: so lines are not counted; `--strict` ends the run where a
//! record was quarantined. Names are learned while the log is read, up to the policy's 50,000: what they add is what the best run
//! with them costs above the best run without, in rounds that alternate.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child::{Measured, best_of};

/// One log.
struct Log {
    format: String,
    class: String,
    path: PathBuf,
}

/// The logs, and the two policies.
pub struct Meetings {
    logs: Vec<Log>,
    policy: PathBuf,
    nothing_learned: PathBuf,
}

impl Meetings {
    /// Logs are `FORMAT=FILE=CLASS`; the second policy learns nothing.
    pub fn of(logs: &[String], (policy, nothing_learned): (&Path, &Path)) -> Result<Self, Box<dyn Error>> {
        let log = |text: &String| -> Result<Log, Box<dyn Error>> {
            let mut parts = text.split('=').map(str::to_owned);
            let (Some(format), Some(path), Some(class)) = (parts.next(), parts.next(), parts.next()) else {
                return Err("--meeting needs FORMAT=FILE=CLASS".into());
            };
            Ok(Log { format, class, path: path.into() })
        };
        let logs = logs.iter().map(log).collect::<Result<_, _>>()?;
        Ok(Self { logs, policy: policy.to_owned(), nothing_learned: nothing_learned.to_owned() })
    }

    /// Measures every log in both forms with one thread, with and without learned names, and prints a table.
    pub fn print(&self, sluis: &Path, rounds: u32) -> Result<(), Box<dyn Error>> {
        println!(
            "{:<39} {:>8} {:>10} {:>8} {:>12}",
            "videoconference, shipped policy", "CPU s", "MB/CPU s", "unlearned", "names add"
        );
        for log in &self.logs {
            let megabytes = std::fs::metadata(&log.path)?.len() as f64 / 1e6;
            for emit in ["same", "ndjson"] {
                let (mut with, mut without): (Option<Measured>, Option<Measured>) = (None, None);
                for _ in 0..rounds {
                    with = Some(best_of(1, || command(sluis, log, &self.policy, emit))?.or_better(with));
                    without = Some(
                        best_of(1, || command(sluis, log, &self.nothing_learned, emit))?.or_better(without),
                    );
                }
                let (Some(with), Some(without)) = (with, without) else { return Err("no round".into()) };
                let (with, without) = (with.cpu_secs.max(0.001), without.cpu_secs.max(0.001));
                println!(
                    "{:<39} {with:>8.2} {:>10.0} {without:>8.2} {:>10.0} %",
                    format!("{}, {emit}", log.format),
                    megabytes / with,
                    (with / without - 1.0) * 100.0,
                );
            }
        }
        println!();
        Ok(())
    }
}

fn command(sluis: &Path, log: &Log, policy: &Path, emit: &str) -> Result<Command, Box<dyn Error>> {
    let mut command = Command::new(sluis);
    command.args(["filter", "--strict", "--format", &log.format, "--class", &log.class, "--emit", emit]);
    command.args(["--threads", "1", "--time-zone", "UTC", "--as-of", "2026-05-29T06:00:00Z", "--policy"]);
    command.arg(policy);
    command.stdin(File::open(&log.path)?).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}
