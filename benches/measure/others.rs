//! The tools that people use today, each set up to do as much of our work as it can: truncate addresses.
//!
//! They write to a file that is then counted; at their speed that is a hundredth of their time.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Input;
use crate::child::{Measured, best_of, children_secs, count_lines, peak, secs_so_far};

type Outcome = Result<(Measured, u64), Box<dyn Error>>;

/// Runs them all; one that is not there says so.
pub fn all(
    input: &Input,
    work: &Path,
    anonip: Option<&Path>,
    rsyslog: Option<&Path>,
) -> Vec<(&'static str, Outcome)> {
    vec![
        (
            "anonip",
            anonip.map_or_else(|| missing("python3-venv or PyPI"), |path| run_anonip(input, work, path)),
        ),
        (
            "rsyslog mmanon",
            rsyslog.map_or_else(|| missing("the package rsyslog"), |root| run_rsyslog(input, work, root)),
        ),
        (
            "Vector redact",
            on_path("vector")
                .map_or_else(|| missing("vector on PATH"), |path| run_vector(input, work, &path)),
        ),
        (
            "Fluent Bit Lua",
            on_path("fluent-bit")
                .map_or_else(|| missing("fluent-bit on PATH"), |path| run_fluent_bit(input, work, &path)),
        ),
    ]
}

fn missing(what: &str) -> Outcome {
    Err(format!("there is no {what}").into())
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Truncates the first column to IPv4 /20 and IPv6 /44; looks nowhere else.
fn run_anonip(input: &Input, work: &Path, program: &Path) -> Outcome {
    counted(&work.join("anonip.out"), |out| {
        let mut command = Command::new(program);
        command.stdin(File::open(&input.path)?).stdout(File::create(out)?).stderr(Stdio::null());
        Ok(command)
    })
}

fn counted(out: &Path, command: impl Fn(&Path) -> Result<Command, Box<dyn Error>>) -> Outcome {
    let measured = best_of(1, || command(out))?;
    let lines = count_lines(out)?;
    std::fs::remove_file(out)?;
    Ok((measured, lines))
}

/// Truncates addresses anywhere in the line to IPv4 /24 and IPv6 /40. `root` is an unpacked Debian package with its
/// libraries. A direct queue costs it the least memory, and no more processor time than the others.
fn run_rsyslog(input: &Input, work: &Path, root: &Path) -> Outcome {
    let home = work.join("rsyslog");
    // What it remembers of an earlier run would make it begin at the end of the file.
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home)?;
    let out = home.join("out");
    let (dir, file, to) = (home.display(), input.path.display(), out.display());
    let config = home.join("rsyslog.conf");
    std::fs::write(
        &config,
        format!(
            r#"global(workDirectory="{dir}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="mmanon")
template(name="line" type="string" string="%msg%\n")
ruleset(name="clean" queue.type="direct") {{
  action(type="mmanon" ipv4.mode="zero" ipv4.bits="8" ipv6.anonmode="zero" ipv6.bits="88")
  action(type="omfile" file="{to}" template="line" ioBufferSize="64k" flushOnTXEnd="off")
}}
input(type="imfile" file="{file}" tag="web" ruleset="clean")
"#
        ),
    )?;
    let libraries = std::fs::read_to_string(root.join("libraries"))?;
    let (libraries, modules) = libraries.trim().split_once('\n').ok_or("the list of libraries is broken")?;
    let mut command = Command::new(root.join("usr/sbin/rsyslogd"));
    command.env("LD_LIBRARY_PATH", libraries).args(["-n", "-M", modules]);
    command.arg("-f").arg(&config).arg("-i").arg(home.join("pid"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let measured = until_idle(command, &out)?;
    let lines = count_lines(&out)?;
    std::fs::remove_dir_all(&home)?;
    Ok((measured, lines))
}

/// A daemon does not say that it is done: it is when it has written and then used no processor time for a second. It is
/// told to end, so that it writes what it holds back.
fn until_idle(mut command: Command, out: &Path) -> Result<Measured, Box<dyn Error>> {
    const IDLE: Duration = Duration::from_secs(1);
    const GIVE_UP: Duration = Duration::from_mins(10);
    let before = children_secs()?;
    let start = Instant::now();
    let mut child = command.spawn()?;
    let (mut busy_until, mut secs, mut peak_kib) = (start, 0.0, None);
    loop {
        std::thread::sleep(Duration::from_millis(20));
        peak_kib = peak(&child).max(peak_kib);
        let now = secs_so_far(&child);
        if now > secs {
            (secs, busy_until) = (now, Instant::now());
        }
        let has_written = out.metadata().is_ok_and(|meta| meta.len() > 0);
        if child.try_wait()?.is_some() {
            return Err("it ended by itself".into());
        }
        if (has_written && busy_until.elapsed() > IDLE) || start.elapsed() > GIVE_UP {
            break;
        }
    }
    if let Some(pid) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    }
    child.wait()?;
    let wall_secs = busy_until.duration_since(start).as_secs_f64();
    Ok(Measured { cpu_secs: children_secs()? - before, wall_secs, peak_kib })
}

/// Removes what looks like an IPv4 address, anywhere in the line.
fn run_vector(input: &Input, work: &Path, program: &Path) -> Outcome {
    let config = work.join("vector.toml");
    let data = work.join("vector");
    std::fs::create_dir_all(&data)?;
    std::fs::write(
        &config,
        format!(
            r#"data_dir = "{}"
[sources.in]
type = "stdin"
[transforms.clean]
type = "remap"
inputs = ["in"]
source = '''.message = redact(string!(.message), filters: [r'\b\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\b'])'''
[sinks.out]
type = "console"
inputs = ["clean"]
encoding.codec = "text"
"#,
            data.display()
        ),
    )?;
    counted(&work.join("vector.out"), |out| {
        let mut command = Command::new(program);
        command.arg("--quiet").arg("--config").arg(&config);
        command.stdin(File::open(&input.path)?).stdout(File::create(out)?).stderr(Stdio::null());
        Ok(command)
    })
}

/// Zeroes the last number of what looks like an IPv4 address, anywhere in the line.
fn run_fluent_bit(input: &Input, work: &Path, program: &Path) -> Outcome {
    let script = work.join("fluent-bit.lua");
    std::fs::write(
        &script,
        "function clean(tag, time, record)\n  \
         record.log = string.gsub(record.log, '(%d+%.%d+%.%d+)%.%d+', '%1.0')\n  return 2, time, record\nend\n",
    )?;
    counted(&work.join("fluent-bit.out"), |out| {
        let mut command = Command::new(program);
        command.args(["-q", "-i", "tail", "-p", "read_from_head=on", "-p", "exit_on_eof=on", "-p"]);
        command.arg(format!("path={}", input.path.display()));
        command
            .args(["-F", "lua", "-m", "*", "-p", "call=clean", "-p"])
            .arg(format!("script={}", script.display()));
        command.args(["-o", "stdout", "-m", "*", "-p", "format=json_lines"]);
        command.stdin(Stdio::null()).stdout(File::create(out)?).stderr(Stdio::null());
        Ok(command)
    })
}
