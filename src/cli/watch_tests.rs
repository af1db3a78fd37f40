use tempfile::TempDir;

use super::*;
use crate::cli::clock::testing::Machine as Clocks;
use crate::retention::clock::Reading;

const DAY: i64 = 86_400;

/// A machine with a state directory and a time service, of which nothing is known until it is asked for.
struct Host {
    folder: TempDir,
    clocks: Clocks,
    boot: &'static str,
}

impl Host {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), clocks: Clocks::booted(), boot: "first" }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn machine(&self) -> Machine {
        Machine {
            read: self.clocks.read(),
            boot: Some(self.boot.to_owned()),
            timesync: self.folder.path().join("timesync"),
        }
    }

    fn begin(&self) -> Watch {
        Watch::begin(Some(&self.state()), self.machine()).ok().unwrap()
    }

    /// The time service is at work, and has not set the clock.
    fn waits_for_time(&self) {
        fs::create_dir(self.folder.path().join("timesync")).unwrap();
    }

    fn has_the_time(&self) {
        fs::write(self.folder.path().join("timesync").join(SYNCHRONISED), "").unwrap();
    }

    fn is_paused(&self) -> bool {
        self.state().join(PAUSED_FILE).exists()
    }

    /// What the journal says of pauses.
    fn events(&self) -> Vec<String> {
        let journal = fs::read_to_string(self.state().join("journal")).unwrap();
        let events =
            journal.lines().filter_map(|line| line.split_once(",\"event\":\"destruction.")).map(|e| e.1);
        events.map(|event| event.trim_end_matches('}').replace('"', "")).collect()
    }
}

fn wall(host: &Host) -> Timestamp {
    let Reading { wall, .. } = host.clocks.reading();
    wall
}

#[test]
fn a_pause_outlives_the_process_and_ends_when_somebody_says_so_wherever_the_clock_is_then() {
    for set_right in [true, false] {
        for jump in [30 * DAY, -30 * DAY] {
            let host = Host::new();
            let mut run = host.begin();
            host.clocks.set(jump);
            run.look();
            assert!(run.clock().is_paused() && host.is_paused());
            // A run that is started again, another command, and the clock right again: as paused as before.
            if set_right {
                host.clocks.set(-jump);
            }
            run.look();
            assert!(run.clock().is_paused());
            let refused = host.begin().trusted().err().unwrap();
            assert_eq!(refused.code, super::super::exit::DOWNSTREAM);
            assert!(refused.message.contains("jumped 30d") && refused.message.contains("--clock-ok"));
            accept(&host.state(), &host.machine()).ok().unwrap();
            run.look();
            assert_eq!(run.clock().now(), wall(&host));
            assert!(!run.clock().is_paused() && host.begin().trusted().is_ok());
            let way = if jump < 0 { "back" } else { "forward" };
            let paused = format!("paused,because:jump,clock_{way}_seconds:{}", jump.abs());
            assert_eq!(host.events(), [paused.as_str(), "resumed"]);
        }
    }
}

#[test]
fn a_jump_between_two_processes_is_seen_on_the_same_boot_only() {
    for (boot, seen) in [("first", true), ("second", false)] {
        let mut host = Host::new();
        assert!(host.begin().trusted().is_ok());
        host.boot = boot;
        host.clocks.pass(DAY);
        host.clocks.set(5 * DAY);
        assert_eq!(host.begin().clock().is_paused(), seen, "{boot}");
        // The entry lies where the clock would be.
        let journal = Journal::open(&host.state(), Timestamp(0)).unwrap();
        assert!(!seen || journal.last_time() == Some(wall(&host).plus_seconds(-5 * DAY)));
    }
}

#[test]
fn a_clock_before_the_last_entry_is_told_on_any_boot() {
    let mut host = Host::new();
    assert!(host.begin().trusted().is_ok());
    host.boot = "second";
    host.clocks.set(-DAY);
    let refused = host.begin().trusted().err().unwrap();
    assert!(refused.message.contains("1d before the last entry of the journal"), "{}", refused.message);
    assert_eq!(host.events(), ["paused,clock_back_seconds:86400"]);
}

#[test]
fn a_clock_that_is_not_synchronised_is_waited_for() {
    let host = Host::new();
    host.waits_for_time();
    let mut run = host.begin();
    let refused = run.trusted().err().unwrap();
    assert!(refused.message.contains("synchronized") && refused.message.contains("--clock-ok"));
    run.look();
    assert!(run.clock().is_paused());
    // The time service steps it from 1970, so to say, and then says that it has.
    host.clocks.set(20_000 * DAY);
    run.look();
    assert!(run.clock().is_paused());
    host.has_the_time();
    run.look();
    assert!(!run.clock().is_paused() && !host.is_paused());
    assert_eq!(run.clock().now(), wall(&host));
    assert_eq!(host.events(), ["paused,because:not synchronised", "resumed,because:synchronised"]);
    // A time service that starts again does not make the clock wrong.
    fs::remove_file(host.folder.path().join("timesync").join(SYNCHRONISED)).unwrap();
    assert!(host.begin().trusted().is_ok());
}

#[test]
fn a_clock_that_is_not_synchronised_can_be_said_to_be_right() {
    let host = Host::new();
    host.waits_for_time();
    let mut run = host.begin();
    accept(&host.state(), &host.machine()).ok().unwrap();
    run.look();
    assert!(!run.clock().is_paused());
    // On this boot nobody asks again.
    assert!(host.begin().trusted().is_ok());
}

#[test]
fn a_clock_that_is_set_to_before_the_last_entry_is_waited_for_no_longer() {
    let mut host = Host::new();
    assert!(host.begin().trusted().is_ok());
    host.boot = "second";
    host.waits_for_time();
    let mut run = host.begin();
    assert_eq!(run.clock().distrust(), Some(Distrust::Unsynchronised));
    host.clocks.set(-DAY);
    host.has_the_time();
    run.look();
    run.look();
    assert_eq!(run.clock().distrust(), Some(Distrust::BeforeJournal { seconds: 86_400 }));
    assert!(host.is_paused());
    accept(&host.state(), &host.machine()).ok().unwrap();
    run.look();
    assert!(!run.clock().is_paused());
}

#[test]
fn a_pause_that_ended_while_nobody_looked_is_over() {
    let host = Host::new();
    host.waits_for_time();
    assert!(host.begin().trusted().is_err());
    host.has_the_time();
    assert!(host.begin().trusted().is_ok() && !host.is_paused());
    assert_eq!(host.events(), ["paused,because:not synchronised", "resumed,because:synchronised"]);
}

#[test]
fn a_damaged_file_pauses_and_a_damaged_base_is_none() {
    let host = Host::new();
    assert!(host.begin().trusted().is_ok());
    fs::write(host.state().join(CLOCK_FILE), "first 12 ").unwrap();
    host.clocks.set(DAY);
    assert!(host.begin().trusted().is_ok());
    fs::write(host.state().join(PAUSED_FILE), "").unwrap();
    assert!(host.begin().trusted().is_err());
}

#[test]
fn without_a_state_directory_the_pause_ends_when_the_clock_agrees_again() {
    let host = Host::new();
    let mut run = Watch::begin(None, host.machine()).ok().unwrap();
    host.clocks.set(DAY);
    run.look();
    assert!(run.clock().is_paused());
    assert!(run.trusted().err().unwrap().message.ends_with("until it agrees again"));
    host.clocks.set(-DAY);
    run.look();
    assert!(!run.clock().is_paused());
}

#[test]
fn a_pause_that_cannot_be_written_down_is_one_all_the_same_until_it_is() {
    let host = Host::new();
    let mut run = host.begin();
    // The directory is gone, as that of a disk that was lost.
    fs::rename(host.state(), host.folder.path().join("away")).unwrap();
    host.clocks.set(DAY);
    for _ in 0..3 {
        run.look();
        assert!(run.clock().is_paused());
    }
    fs::rename(host.folder.path().join("away"), host.state()).unwrap();
    run.look();
    assert!(run.clock().is_paused() && host.is_paused());
}

#[test]
fn a_pause_and_its_end_wait_until_they_can_be_entered() {
    let host = Host::new();
    host.waits_for_time();
    let mut run = host.begin();
    host.clocks.set(DAY);
    host.has_the_time();
    let journal = host.state().join("journal");
    let whole = fs::read(&journal).unwrap();
    // An end that cannot be entered is none.
    fs::write(&journal, "something else\n").unwrap();
    for _ in 0..3 {
        run.look();
        assert!(run.clock().is_paused() && host.is_paused());
    }
    fs::write(&journal, &whole).unwrap();
    run.look();
    assert!(!run.clock().is_paused() && !host.is_paused());
    // A pause that cannot be entered is one, and is entered later.
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, "something else\n").unwrap();
    host.clocks.set(DAY);
    for _ in 0..3 {
        run.look();
        assert!(run.clock().is_paused() && host.is_paused());
    }
    fs::write(&journal, &whole).unwrap();
    run.look();
    run.look();
    assert_eq!(host.events().last().unwrap(), "paused,because:jump,clock_forward_seconds:86400");
    assert_eq!(host.events().len(), 3);
}
