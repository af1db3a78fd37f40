//! Killed at any point, nothing is lost and nothing doubled (PI-9), nothing is past due (PI-4), and the journal proves itself (PI-8).
//!
//! *In*: a log that is written all the time and rotated now and then, a pipeline that follows it and closes a part every second, a keyring
//! and stores in which something is always due. *Out*: after every kill (SIGKILL) the program is started again, and at the end once
//! more to catch up: every line that was written is in exactly one part. *Promised*: the points are random but for the seed, which is
//! printed; some come right after something changed on disk, and where `strace` is installed some come at a system call: before the
//! n-th write, sync, rename or removal. The same with a disk that is full and with renames and syncs that fail. *Not here*: a loss of
//! power.
//!
//! `SLUIS_KILLS` is the number of kills, `SLUIS_SEED` repeats them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sluis::keys;
use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::KeyJournal;

use crate::support;
use crate::support::numbered::{Numbered, STAGE_AGE, Started, installed, line, line_of_age, within};

/// What names of planted parts begin with: long due, so that every sweep has something to do.
const PLANTED: &str = "2026-01-01T00-00-00Z.14d.1-";

/// Chance with a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(low * 1000 + self.below((high - low) * 1000))
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// Writes numbered lines to a log, about a thousand a second, until it is told to stop, and rotates the log meanwhile as logrotate
/// does: by renaming.
struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

/// Whether the log is rotated while it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rotated {
    No,
    NowAndThen,
}

impl Writer {
    fn start(log: PathBuf, seed: u64, rotated: Rotated) -> Self {
        Self::start_late(log, seed, rotated, 0)
    }

    /// Of lines that are so many seconds old.
    fn start_late(log: PathBuf, seed: u64, rotated: Rotated, age: u64) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&written));
        let thread = thread::spawn(move || write(&log, (seed, age), rotated, &stopped, &count));
        Self { stop, written, thread }
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Stops and returns the last number.
    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.written.load(Ordering::Relaxed)
    }
}

fn write(log: &Path, (seed, age): (u64, u64), rotated: Rotated, stop: &AtomicBool, written: &AtomicU64) {
    let open = || OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut chance = Chance(seed);
    let (mut file, mut rotations, mut number) = (open(), 0, 0);
    let mut next = Instant::now() + chance.millis(1_500, 4_000);
    while !stop.load(Ordering::Relaxed) {
        let mut text = String::new();
        for _ in 0..=chance.below(40) {
            number += 1;
            text.push_str(&line_of_age(number, age));
        }
        // A server that buffers writes lines in pieces: a reader may find half of one.
        let cut = if chance.below(3) == 0 { text.len() - 1 - chance.below(60) as usize } else { 0 };
        file.write_all(&text.as_bytes()[..cut]).unwrap();
        if cut > 0 {
            thread::sleep(chance.millis(1, 10));
        }
        file.write_all(&text.as_bytes()[cut..]).unwrap();
        written.store(number, Ordering::Relaxed);
        thread::sleep(chance.millis(5, 35));
        if rotated == Rotated::NowAndThen && Instant::now() >= next {
            let name = |generation: u32| log.with_extension(format!("log.{generation}"));
            for generation in (1..=rotations).rev() {
                fs::rename(name(generation), name(generation + 1)).unwrap();
            }
            fs::rename(log, name(1)).unwrap();
            rotations += 1;
            // The server writes to the old file until it is told of the new one.
            if chance.below(2) == 0 {
                number += 1;
                file.write_all(line_of_age(number, age).as_bytes()).unwrap();
                written.store(number, Ordering::Relaxed);
            }
            file = open();
            next = Instant::now() + chance.millis(1_500, 4_000);
        }
    }
}

/// Kills so far, by what was killed.
#[derive(Default, Debug)]
struct Kills {
    run: u64,
    sweep: u64,
    advance: u64,
}

impl Kills {
    const fn all(&self) -> u64 {
        self.run + self.sweep + self.advance
    }
}

/// What the kills are done to.
struct Ground {
    pipeline: Numbered,
    strace: Option<PathBuf>,
    chance: Chance,
    planted: u64,
    kills: Kills,
}

impl Ground {
    /// Starts the program, lets it live for a while, starts others beside it, and kills all.
    fn round(&mut self) {
        let way = self.chance.below(10);
        let mut run = if way >= 6 { self.run_to_a_call() } else { self.pipeline.follow() };
        // Those that are to die at a call are left alone until then, or for three seconds.
        let mut died = way >= 6 && within(3, || !run.is_running());
        match way {
            0..2 => thread::sleep(self.chance.millis(20, 400)),
            2..6 => self.wait_for_a_change(&mut run),
            _ => {}
        }
        if !died && self.chance.below(4) > 0 {
            self.kill_beside();
        }
        died |= is_killed(&mut run);
        assert!(died, "the run ended by itself: {}", run.said());
        self.kills.run += 1;
    }

    /// A run that dies before its n-th call of a kind that changes what is on disk.
    fn run_to_a_call(&mut self) -> Started {
        let command = self.pipeline.command("run", &[]);
        // It opens and writes often, the rest it does a few times in its life.
        self.start_to_a_call(&command, 200, 6)
    }

    /// The command, to die before one of its first calls of a kind: of `often` writes or openings, of `seldom` others.
    fn start_to_a_call(&mut self, command: &Command, often: u64, seldom: u64) -> Started {
        let calls = ["write", "openat", "fsync", "fsync", "renameat2", "rename", "unlink,unlinkat"];
        let calls = calls[self.chance.below(calls.len() as u64) as usize];
        let most = if matches!(calls, "openat" | "write") { often } else { seldom };
        let inject = format!("inject={calls}:signal=SIGKILL:when={}", 1 + self.chance.below(most));
        let own = arguments(command);
        match &self.strace {
            Some(strace) => Started::of(traced(strace, calls, &inject).args(own)),
            None => Started::of(Command::new(&own[0]).args(&own[1..]).env("NO_COLOR", "1")),
        }
    }

    /// Waits until the parts or the state directory change after half a second, and a little longer: a commit is not one step.
    fn wait_for_a_change(&mut self, run: &mut Started) {
        thread::sleep(Duration::from_millis(500));
        // The size of a part that is open changes all the time, and says nothing.
        let look = |pipeline: &Numbered| (pipeline.parts().len(), names(&pipeline.path("state")));
        let before = look(&self.pipeline);
        let begun = Instant::now();
        while run.is_running() && begun.elapsed() < Duration::from_secs(2) && look(&self.pipeline) == before {
            thread::sleep(Duration::from_micros(500));
        }
        thread::sleep(self.chance.millis(0, 5));
    }

    /// A sweep and an advance of the keys, with work to do, each killed after a few milliseconds or at a call.
    fn kill_beside(&mut self) {
        let mut sweep = (self.chance.below(2) == 0).then(|| {
            self.plant(100);
            self.start_beside(&self.pipeline.command("sweep", &[]))
        });
        let mut advance = (self.chance.below(2) == 0).then(|| {
            self.let_keys_lie();
            let keys = self.pipeline.text("keys");
            let mut command = support::program();
            command.args(["keys", "advance", "--keys", &keys]);
            self.start_beside(&command)
        });
        thread::sleep(self.chance.millis(0, 5));
        self.kills.sweep += u64::from(sweep.as_mut().is_some_and(is_killed));
        self.kills.advance += u64::from(advance.as_mut().is_some_and(is_killed));
    }

    fn start_beside(&mut self, command: &Command) -> Started {
        let own = arguments(command);
        if self.chance.below(3) == 0 {
            return Started::of(Command::new(&own[0]).args(&own[1..]).env("NO_COLOR", "1"));
        }
        let started = self.start_to_a_call(command, 12, 2);
        // It is slow to start.
        thread::sleep(Duration::from_millis(150));
        started
    }

    /// Parts that are long due.
    fn plant(&mut self, count: u64) {
        let folder = self.pipeline.parts_dir();
        fs::create_dir_all(&folder).unwrap();
        for _ in 0..count {
            self.planted += 1;
            fs::write(folder.join(format!("{PLANTED}{}.ndjson", self.planted)), "{}\n").unwrap();
        }
    }

    /// A domain whose keys were last looked after an hour ago, and live for a minute.
    fn let_keys_lie(&self) {
        let before = jiff::Timestamp::now().as_second() - 3_600;
        let name = format!("idle-{}", self.planted);
        let made = keys::init(
            &self.pipeline.path("keys"),
            &[(name.as_str(), 60, 60)],
            Timestamp::from_seconds(before),
            &KeyJournal::of(&self.pipeline.path("keys")),
        );
        made.unwrap();
    }
}

/// Kills what still lives. True when it did not end by itself.
fn is_killed(started: &mut Started) -> bool {
    started.kill() || started.was_killed()
}

/// The names in a directory.
fn names(folder: &Path) -> Vec<(std::ffi::OsString, u64)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.flatten().map(|entry| (entry.file_name(), entry.metadata().map_or(0, |m| m.len()))).collect();
    names.sort();
    names
}

/// `strace` that changes what calls do, as a grandchild: the process that we start and kill is the program's own.
pub fn traced(strace: &Path, calls: &str, inject: &str) -> Command {
    let mut command = Command::new(strace);
    let trace = format!("trace={calls}");
    command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", inject]);
    command.env("NO_COLOR", "1");
    command
}

/// The program and arguments of a command, to be arguments of another.
pub fn arguments(command: &Command) -> Vec<std::ffi::OsString> {
    [command.get_program()].into_iter().chain(command.get_args()).map(ToOwned::to_owned).collect()
}

#[test]
fn pi_9_killed_at_any_point_nothing_is_lost_or_doubled() {
    killed(Numbered::new(), 0);
}

/// The same for columns, whose parts are whole files at every checkpoint.
#[test]
fn pi_9_killed_at_any_point_nothing_is_lost_or_doubled_of_columns() {
    killed(Numbered::parquet(), 0);
}

/// The same encrypted.
#[test]
fn pi_9_killed_at_any_point_nothing_is_lost_or_doubled_of_encrypted_columns() {
    killed(Numbered::encrypted_columns(), 0);
}

/// The same for lines that are encrypted: as frames while a part is open, and rewritten when it closes or after a crash.
#[test]
fn pi_9_killed_at_any_point_nothing_is_lost_or_doubled_of_what_is_encrypted() {
    killed(Numbered::encrypted(), 0);
}

/// The same of a class with a stage: parts are written, rewritten and merged at once.
#[test]
fn pi_9_killed_at_any_point_nothing_is_lost_or_doubled_of_what_narrows() {
    let pipeline = killed(Numbered::staged(), STAGE_AGE);
    // What was stored last can have a second or two to wait.
    let is_narrowed = || {
        pipeline.run("sweep", &[]).expect_code(0);
        pipeline.parts().iter().all(|part| part.to_str().unwrap().contains(".14d.stage1."))
    };
    assert!(within(120, is_narrowed), "{:?}", pipeline.parts());
    pipeline.expect_rest();
}

fn killed(pipeline: Numbered, age: u64) -> Numbered {
    let count = number_of("SLUIS_KILLS").unwrap_or(10);
    let seed = number_of("SLUIS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("{count} kills, SLUIS_SEED={seed}");
    let log = pipeline.path("log/access.log");
    let writer = Writer::start_late(log, seed, Rotated::NowAndThen, age);
    assert!(within(10, || writer.written() > 0));
    let (strace, chance) = (installed("strace"), Chance(seed ^ 1));
    let mut ground = Ground { pipeline, strace, chance, planted: 0, kills: Kills::default() };
    while ground.kills.all() < count {
        ground.round();
    }
    // Some sweep must have something to do.
    ground.plant(20);
    let last = writer.end();
    let Ground { pipeline, planted, kills, .. } = ground;
    pipeline.run("run", &["--once"]).expect_code(0);
    pipeline.run("sweep", &[]).expect_code(0);
    let keys = pipeline.text("keys");
    let advance = || support::sluis(&["keys", "advance", "--keys", &keys], b"");
    advance().expect_code(0);
    let again = advance();
    again.expect_code(0);
    assert!(String::from_utf8_lossy(&again.out).contains("no key is due"), "{}", again.err_text());
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
    let journal = fs::read_to_string(pipeline.path("state/journal")).unwrap();
    for number in 1..=planted {
        assert!(journal.contains(&format!("{PLANTED}{number}.ndjson")), "part {number} went without entry");
    }
    println!(
        "figures: {kills:?}, SLUIS_SEED={seed}: {last} lines, each once, in {} parts; {planted} due parts",
        pipeline.parts().len()
    );
    pipeline
}

/// A file system in memory of a few megabytes, mounted; gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, with a message, where this user may not mount.
    fn mount(at: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let option = format!("size={size},mode=0750");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(&at).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(at));
        }
        eprintln!("skipped: only root may mount a small disk to fill");
        None
    }

    fn grow(&self, size: &str) {
        let option = format!("remount,size={size}");
        let grown = Command::new("mount").args(["-o", &option]).arg(&self.0).status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The run ends with a message when the disk is full, and the next one goes on where that left off.
fn fill(pipeline: &Numbered, size: &str, more: &[&str]) {
    let Some(disk) = SmallDisk::mount(pipeline.path("disk"), size) else { return };
    let log = pipeline.path("log/access.log");
    let last = 60_000;
    // What is followed comes bit by bit, so that there are parts before the disk is full.
    let begun = if more.is_empty() { 1_000 } else { last };
    fs::write(&log, (1..=begun).map(line).collect::<String>()).unwrap();
    let mut run = Started::of(&mut pipeline.command("run", more));
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    for number in begun + 1..=last {
        file.write_all(line(number).as_bytes()).unwrap();
        if number % 100 == 0 && run.is_running() {
            thread::sleep(Duration::from_millis(12));
        }
    }
    assert!(within(20, || !run.is_running()), "a full disk ends the run");
    let ended = run.ended();
    ended.expect_code(4);
    assert!(ended.err_text().contains("the disk is full"), "{}", ended.err_text());
    // What is there is whole.
    let kept = pipeline.numbers().len();
    // Once more while it is full: it fails again, and loses nothing of what is there.
    pipeline.run("run", more).expect_code(4);
    assert!(pipeline.numbers().len() >= kept);
    disk.grow("64m");
    pipeline.run("run", &["--once"]).expect_code(0);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
    assert!(kept > 0 || !more.is_empty(), "parts were committed before the disk was full");
    println!("figures: a disk of {size} was full with {kept} of {last} lines in parts");
}

#[test]
fn a_full_disk_ends_a_run_once_and_nothing_is_lost() {
    fill(&Numbered::storing("disk/out", "state"), "1m", &["--once"]);
    fill(&Numbered::encrypted_in("disk/out", "state"), "1m", &["--once"]);
    fill(&Numbered::encrypted_columns_in("disk/out"), "64k", &["--once"]);
}

#[test]
fn a_full_disk_ends_a_run_that_follows_and_nothing_is_lost() {
    fill(&Numbered::storing("disk/out", "state"), "4m", &[]);
    // Twice the room while a part closes: what was written, and what it becomes.
    fill(&Numbered::encrypted_in("disk/out", "state"), "10m", &[]);
    fill(&Numbered::encrypted_columns_in("disk/out"), "200k", &[]);
    // The state directory lies on it, too: the checkpoint cannot be written either.
    fill(&Numbered::storing("disk/out", "disk/state"), "5m", &[]);
}

/// From its n-th call on, every call of a kind fails. The run ends and says why; the next one goes on.
fn failing(calls: &str, whens: impl Iterator<Item = u32>) {
    let Some(strace) = installed("strace") else { return };
    for when in whens {
        let pipeline = Numbered::new();
        let writer = Writer::start(pipeline.path("log/access.log"), u64::from(when), Rotated::No);
        assert!(within(10, || writer.written() > 0));
        let inject = format!("inject={calls}:error=EIO:when={when}+");
        let command = pipeline.command("run", &[]);
        let mut run = Started::of(traced(&strace, calls, &inject).args(arguments(&command)));
        assert!(within(20, || !run.is_running()), "{inject}: the run goes on all the same");
        let ended = run.ended();
        let last = writer.end();
        ended.expect_code(4);
        // It names what could not be written.
        assert!(ended.err_text().contains(&pipeline.text("")), "{inject}: {}", ended.err_text());
        pipeline.run("run", &["--once"]).expect_code(0);
        pipeline.expect_once(1..=last);
        pipeline.expect_rest();
    }
}

#[test]
fn a_rename_that_fails_ends_a_run_and_nothing_is_lost() {
    failing("rename,renameat,renameat2", 1..=if number_of("SLUIS_KILLS").is_some() { 12 } else { 3 });
}

#[test]
fn a_sync_that_fails_ends_a_run_and_nothing_is_lost() {
    // The first ones are those of the start: keyring, journal and its head.
    failing("fsync,fdatasync", 8..=if number_of("SLUIS_KILLS").is_some() { 24 } else { 10 });
}

/// A file system that says it has renamed and has not, as one over a network can.
#[test]
fn a_rename_that_is_reported_and_not_done_ends_a_run_and_nothing_is_lost() {
    let Some(strace) = installed("strace") else { return };
    let pipeline = Numbered::new();
    let writer = Writer::start(pipeline.path("log/access.log"), 1, Rotated::No);
    assert!(within(10, || writer.written() > 0));
    let command = pipeline.command("run", &[]);
    // Parts are renamed by this call, the checkpoint and the head by another.
    let mut run = Started::of(
        traced(&strace, "renameat2", "inject=renameat2:retval=0:when=1+").args(arguments(&command)),
    );
    assert!(within(20, || !run.is_running()), "the run goes on all the same");
    let ended = run.ended();
    let last = writer.end();
    ended.expect_code(4);
    assert!(ended.err_text().contains("keep stores on a local file system"), "{}", ended.err_text());
    pipeline.run("run", &["--once"]).expect_code(0);
    pipeline.expect_once(1..=last);
    pipeline.expect_rest();
}
