//! One child process, measured from outside.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What a run has cost.
#[derive(Clone, Copy)]
pub struct Measured {
    /// User and system time of all threads.
    pub cpu_secs: f64,
    pub wall_secs: f64,
    /// The most memory that was resident at any time.
    pub peak_kib: Option<u64>,
}

impl Measured {
    /// This run and the best of those before as one.
    pub fn or_better(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        Self {
            cpu_secs: self.cpu_secs.min(before.cpu_secs),
            wall_secs: self.wall_secs.min(before.wall_secs),
            // The least memory and time of a run need not be that of the same round; the highest peak is the honest one.
            peak_kib: self.peak_kib.max(before.peak_kib),
        }
    }
}

/// Linux shows process times to programs in hundredths of a second, whatever the kernel's own tick.
const TICKS_PER_SEC: f64 = 100.0;

/// How often a running child is looked at. Its memory is shown at its highest, so that only growth in its last
/// milliseconds can be missed; looking oftener would take time from the second processor.
const POLL: Duration = Duration::from_millis(5);

/// Runs what `command` makes `rounds` times, one after the other; the run of least processor time counts.
pub fn best_of(
    rounds: u32,
    command: impl Fn() -> Result<Command, Box<dyn Error>>,
) -> Result<Measured, Box<dyn Error>> {
    let mut best: Option<Measured> = None;
    for _ in 0..rounds {
        best = Some(run(command()?)?.or_better(best));
    }
    best.ok_or_else(|| "no round was asked for".into())
}

/// Runs one command to its end, which must be a good one.
fn run(mut command: Command) -> Result<Measured, Box<dyn Error>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let before = children_secs()?;
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    let mut peak_kib = None;
    let status = loop {
        peak_kib = peak(&child).max(peak_kib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(POLL);
    };
    let wall_secs = start.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{name} {:?} ended with {status}", command.get_args().collect::<Vec<_>>()).into());
    }
    Ok(Measured { cpu_secs: children_secs()? - before, wall_secs, peak_kib })
}

/// Processor time of all children that have been waited for.
pub fn children_secs() -> Result<f64, Box<dyn Error>> {
    // proc(5): the command name is in brackets and may hold anything; cutime and cstime are fields 16 and 17.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<f64> =
        after_name.split_whitespace().skip(13).take(2).filter_map(|n| n.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SEC)
}

/// Processor time of a child that still runs.
pub fn secs_so_far(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SEC
}

/// The child's highest resident memory. Not `ru_maxrss`, which begins with that of the process that forked it.
pub fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Runs one command that is not measured, and counts the lines that it writes to `path`, which is then removed: writing 400 MB to
/// a disk is not what we want to compare.
pub fn lines_written(
    path: &Path,
    command: impl Fn() -> Result<Command, Box<dyn Error>>,
) -> Result<u64, Box<dyn Error>> {
    best_of(1, || {
        let mut command = command()?;
        command.stdout(File::create(path)?);
        Ok(command)
    })?;
    let lines = count_lines(path)?;
    std::fs::remove_file(path)?;
    Ok(lines)
}

/// Lines of a file, in constant memory: the next child must find the page cache, not us.
pub fn count_lines(path: &Path) -> Result<u64, Box<dyn Error>> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    let mut lines = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(lines),
            n => lines += memchr::memchr_iter(b'\n', &buffer[..n]).count() as u64,
        }
    }
}
