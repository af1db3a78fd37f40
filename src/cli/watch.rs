//! The watch over the clock: what a pause says, where it is written down, and when it ends (design, section 6).
//!
//! *In*: the clock of a run, the state directory. *Out*: an alarm on standard error, an entry in the journal, a file. *Promised*: a pause
//! outlives the process and holds for all processes of one state directory, until `sluis sweep --clock-ok` ends it; the clock coming
//! back by itself does not. *Not here*: what a jump is (`retention::clock`), who stops for it (`pipeline`, `keeping`, `sweep`).
//!
//! Two files tell processes of one another, and a process what was before it:
//!
//! | file | holds | written by |
//! |---|---|---|
//! | `clock` | what the wall clock is held against, and of which boot | `run` and `sweep`, once a day |
//! | `clock.paused` | why; there while it is paused | whoever sees it first; removed by `--clock-ok` |
//!
//! Of a jump while the machine was off nothing can be known, but whether the clock lies before the journal's last entry. Where
//! systemd-timesyncd is at work and has not set the clock since boot, that is waited for; other time services leave no word.
//!
//! Without a state directory nothing is destroyed but keys, and there is nowhere to say that the clock is right. There the pause ends
//! when the clock agrees with the time since boot again.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::clock::{self, Read, TrustedClock};
use super::exit::Failure;
use super::said;
use super::upkeep;
use crate::config::units::duration_text;
use crate::record::timestamp::Timestamp;
use crate::retention::clock::{Distrust, OfBoot};
use crate::retention::journal::{Event, Journal, JournalError};
use crate::retention::sweep;

/// How often the clock and its files are looked at.
const EVERY: Duration = Duration::from_millis(500);
const CLOCK_FILE: &str = "clock";
const PAUSED_FILE: &str = "clock.paused";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where systemd-timesyncd says that it has set the clock.
const TIMESYNC: &str = "/run/systemd/timesync";
const SYNCHRONISED: &str = "synchronized";

/// True while destruction and delivery of a state directory are paused.
pub fn is_paused(state: &Path) -> bool {
    state.join(PAUSED_FILE).exists()
}

/// What is asked of the machine.
pub struct Machine {
    /// Its clocks.
    pub read: Read,
    /// The kernel's name for this boot.
    pub boot: Option<String>,
    /// Where its time service says that it has set the clock.
    pub timesync: PathBuf,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let boot = fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned());
        Self {
            read: Box::new(clock::system),
            boot: boot.filter(|id| !id.is_empty()),
            timesync: TIMESYNC.into(),
        }
    }
}

/// See the module comment.
pub struct Watch {
    clock: Arc<TrustedClock>,
    state: Option<PathBuf>,
    boot: Option<String>,
    timesync: PathBuf,
    /// The base that is in the file.
    kept: Option<OfBoot>,
    /// The pause is in its file, and entered.
    noted: bool,
    /// This process made the file, and has yet to make the entry.
    owes_entry: bool,
    /// The pause was said.
    alarmed: bool,
    /// The trouble that was last said, so that it is said once.
    said: String,
}

impl Watch {
    /// Looks at the clock of `machine`. Where it is not to be trusted, that is written down on return; to say it is left to the caller.
    pub fn begin(state: Option<&Path>, machine: Machine) -> Result<Self, Failure> {
        let Machine { read, boot, timesync } = machine;
        // What does not read was not written by us, and is as none.
        let text = state.and_then(|state| fs::read_to_string(state.join(CLOCK_FILE)).ok());
        let kept = text.and_then(|text| OfBoot::read(&text)).filter(|kept| Some(&kept.boot) == boot.as_ref());
        if state.is_some() && boot.is_none() {
            said::warning(format!(
                "{BOOT_ID} cannot be read; a clock that jumps while nothing runs is not told"
            ));
        }
        let clock = Arc::new(TrustedClock::new(read, kept.as_ref().map(|kept| kept.base)));
        let state = state.map(Path::to_owned);
        let mut watch = Self {
            clock,
            state,
            boot,
            timesync,
            kept,
            noted: false,
            owes_entry: false,
            alarmed: false,
            said: String::new(),
        };
        watch.judge_at_start()?;
        watch.alarmed = watch.clock.is_paused();
        watch.look();
        Ok(watch)
    }

    /// The clock.
    pub const fn clock(&self) -> &Arc<TrustedClock> {
        &self.clock
    }

    fn judge_at_start(&mut self) -> Result<(), Failure> {
        if let Some(reason) = self.written_down() {
            self.clock.pause(reason);
            // What ends by itself may have ended while nobody looked.
            self.noted = reason == Distrust::Unsynchronised && self.is_synchronised() != Some(false);
        }
        let now = self.clock.now();
        if let Some(state) = &self.state {
            let journal = Journal::open(state, now).map_err(Failure::downstream)?;
            if let Some(seconds) = sweep::clock_back(&journal, now) {
                self.clock.pause(Distrust::BeforeJournal { seconds });
            }
        }
        // A clock that was found good on this boot, or was said to be, is that still: it agrees with the time since.
        if self.kept.is_none() && self.is_synchronised() == Some(false) {
            self.clock.pause(Distrust::Unsynchronised);
        }
        Ok(())
    }

    /// `None` where there is nobody to say.
    fn is_synchronised(&self) -> Option<bool> {
        self.timesync.is_dir().then(|| self.timesync.join(SYNCHRONISED).exists())
    }

    /// Why the clock is paused by this or another process, if it is.
    fn written_down(&self) -> Option<Distrust> {
        match fs::read_to_string(self.state.as_ref()?.join(PAUSED_FILE)) {
            Ok(text) => Some(Distrust::read(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => Some(Distrust::Unknown),
        }
    }

    /// The clock of a command that does its work at once. An error where it is not to be trusted.
    pub fn trusted(&self) -> Result<&Arc<TrustedClock>, Failure> {
        self.clock.distrust().map_or(Ok(&self.clock), |reason| Err(Failure::downstream(self.alarm(reason))))
    }

    /// Waits until the clock can be trusted; false when told to stop before.
    pub fn wait_at_start(&mut self, stop: &AtomicBool) -> bool {
        if let Err(alarm) = self.trusted() {
            said::alarm(alarm.message);
        }
        while self.clock.is_paused() {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            thread::sleep(EVERY);
            self.look();
        }
        true
    }

    /// Runs `run`, and looks at the clock meanwhile.
    pub fn watching<T>(mut self, run: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let (running, ended) = mpsc::channel::<()>();
            scope.spawn(move || {
                loop {
                    let is_over = ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                    // At the end once more: a jump that was seen last is written down, too.
                    self.look();
                    if is_over {
                        break;
                    }
                }
            });
            let result = run();
            drop(running);
            result
        })
    }

    /// Looks once: notes a pause that has begun, and ends one that is over.
    fn look(&mut self) {
        // A jump that nobody has seen yet is seen here.
        let _ = self.clock.now();
        if !self.clock.is_paused()
            && let Some(reason) = self.written_down()
        {
            self.clock.pause(reason);
        }
        let Some(reason) = self.clock.distrust() else {
            self.keep_base();
            return;
        };
        if !self.noted {
            self.note(reason);
        } else if self.is_over(reason) {
            (self.noted, self.alarmed) = (false, false);
            self.clock.trust();
            self.keep_base();
            said::note("the clock is trusted again");
        }
    }

    /// Says the pause and writes it down. Where it cannot be written down that is tried again: nothing goes on meanwhile.
    fn note(&mut self, reason: Distrust) {
        if !self.alarmed {
            self.alarmed = true;
            said::alarm(self.alarm(reason));
        }
        let written = self.state.clone().map_or(Ok(()), |state| self.write_down(&state, reason));
        self.noted = written.is_ok();
        self.say_once(written.err());
    }

    fn say_once(&mut self, problem: Option<String>) {
        if let Some(problem) = problem.filter(|problem| *problem != self.said) {
            said::warning(problem.as_str());
            self.said = problem;
        }
    }

    fn write_down(&mut self, state: &Path, reason: Distrust) -> Result<(), String> {
        let path = state.join(PAUSED_FILE);
        match create(&path, &reason.written()) {
            Ok(()) => self.owes_entry = true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritable(&path, &error)),
        }
        // Whoever made the file makes the entry, too.
        if !self.owes_entry {
            return Ok(());
        }
        // The time is the one that is expected: under the one that the clock jumped to, every later entry would lie in the future.
        enter(state, self.clock.now(), &Event::Paused(reason)).map_err(|error| error.to_string())?;
        self.owes_entry = false;
        Ok(())
    }

    /// Whether a pause that was noted is over.
    fn is_over(&mut self, reason: Distrust) -> bool {
        let set = reason == Distrust::Unsynchronised && self.is_synchronised() != Some(false);
        let Some(state) = self.state.clone() else {
            return set || (reason != Distrust::Unsynchronised && self.clock.agrees());
        };
        if self.written_down().is_none() {
            return true;
        }
        set && self.synchronised(&state).map_err(|problem| self.say_once(Some(problem))) == Ok(true)
    }

    /// The clock was set, and the pause ends by itself, unless the time that it was set to lies before the journal's last entry: then
    /// that is the reason from here on.
    fn synchronised(&mut self, state: &Path) -> Result<bool, String> {
        let now = self.clock.present().wall;
        let path = state.join(PAUSED_FILE);
        let journal = Journal::open(state, now).map_err(|error| error.to_string())?;
        let back = sweep::clock_back(&journal, now);
        remove(state).map_err(|error| unwritable(&path, &error))?;
        if let Some(seconds) = back {
            self.clock.pause(Distrust::BeforeJournal { seconds });
            (self.noted, self.alarmed) = (false, false);
            return Ok(false);
        }
        enter(state, now, &Event::Synchronised).map_err(|error| {
            // Nothing goes on that is not entered; where even this fails, the reason in memory holds until the file is back.
            self.noted = create(&path, &Distrust::Unsynchronised.written()).is_ok();
            error.to_string()
        })?;
        Ok(true)
    }

    /// Writes down what the clock is held against, for processes to come.
    fn keep_base(&mut self) {
        let (Some(state), Some(boot)) = (&self.state, &self.boot) else { return };
        let base = self.clock.base();
        if self.kept.as_ref().is_some_and(|kept| kept.base == base) {
            return;
        }
        let kept = OfBoot { boot: boot.clone(), base };
        let written = replace(&state.join(CLOCK_FILE), &kept.written());
        let problem = written.err().map(|error| unwritable(&state.join(CLOCK_FILE), &error));
        // Tried again where it failed.
        self.kept = problem.is_none().then_some(kept);
        self.say_once(problem);
    }

    /// What is wrong, what it stops, and what to do.
    fn alarm(&self, reason: Distrust) -> String {
        let what = match reason {
            Distrust::Jump { seconds } => {
                let (far, way) =
                    (duration_text(seconds.unsigned_abs()), if seconds < 0 { "back" } else { "forward" });
                format!("the clock jumped {far} {way} against the time since boot")
            }
            Distrust::BeforeJournal { seconds } => {
                format!("the clock is {} before the last entry of the journal", duration_text(seconds))
            }
            Distrust::Unsynchronised => {
                let file = self.timesync.join(SYNCHRONISED);
                format!("the clock has not been synchronised since boot ({} is not there)", file.display())
            }
            Distrust::Unknown => {
                "the clock was not to be trusted, and it was not written down why".to_owned()
            }
        };
        let until = match (&self.state, reason) {
            (None, Distrust::Unsynchronised) => "until it is".to_owned(),
            (None, _) => "until it agrees again".to_owned(),
            (Some(state), _) => {
                let path = state.join(PAUSED_FILE);
                let itself = if reason == Distrust::Unsynchronised { "it is, or " } else { "" };
                format!(
                    "until {itself}`sluis sweep PIPELINE --clock-ok` says that it is right; set it right first ({})",
                    path.display()
                )
            }
        };
        format!("{what}; nothing is taken, delivered or destroyed {until}")
    }
}

/// Somebody says that the clock of `machine` is right: that is entered, it is what the clock is held against from now on, and the pause
/// ends, if there is one. Returns the time.
pub fn accept(state: &Path, machine: &Machine) -> Result<Timestamp, Failure> {
    let base = (machine.read)();
    enter(state, base.wall, &Event::Resumed).map_err(Failure::downstream)?;
    let fault = |name: &str, error: &io::Error| Failure::downstream(unwritable(&state.join(name), error));
    if let Some(boot) = &machine.boot {
        let kept = OfBoot { boot: boot.clone(), base };
        replace(&state.join(CLOCK_FILE), &kept.written()).map_err(|error| fault(CLOCK_FILE, &error))?;
    }
    // Last: a run that is alive goes on as soon as it is gone.
    remove(state).map_err(|error| fault(PAUSED_FILE, &error))?;
    Ok(base.wall)
}

fn enter(state: &Path, now: Timestamp, event: &Event) -> Result<(), JournalError> {
    let head = Journal::open(state, now)?.append(now, std::slice::from_ref(event))?;
    // The copy is for whoever anchors it; the journal is what counts.
    let _ = upkeep::write_head(state, head);
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!(
        "{}: cannot be written or removed ({}); make room, or let this user write in its directory",
        path.display(),
        error.kind()
    )
}

/// Makes a file that is not there yet, durable on return.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    sync_directory(path)
}

/// Writes a file whole or not at all. It need not survive a power cut: it is of this boot.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Two processes may do so at one time.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let replaced = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        let _ = fs::remove_file(temporary);
    }
    replaced
}

fn remove(state: &Path) -> io::Result<()> {
    let path = state.join(PAUSED_FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => sync_directory(&path),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), crate::sink::sync_directory)
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
