use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::super::ledger::PrintKey;
use super::super::system_clock;
use super::*;
use crate::format::text::Text;

/// A directory with a log in it, and whoever follows it.
struct Logs {
    dir: TempDir,
    ledger: Arc<Ledger>,
    follow: Follow,
    pattern: String,
    batch: RawBatch,
}

impl Logs {
    fn new(pattern: &str, write: impl FnOnce(&Path)) -> Self {
        let dir = TempDir::new().unwrap();
        write(dir.path());
        let pattern = dir.path().join(pattern).to_str().unwrap().to_owned();
        let ledger = Arc::new(Ledger::new(PrintKey::random().unwrap()));
        let follow = open(&pattern, Until::Stopped, &ledger);
        Self { dir, ledger, follow, pattern, batch: RawBatch::with_capacity(1 << 16) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        append(&self.path(name), text);
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn gzip(&self, name: &str) {
        let packed = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = { packed }.write_all_and_finish(&fs::read(self.path(name)).unwrap());
        fs::write(self.path(&format!("{name}.gz")), packed).unwrap();
        // As gzip does: the time is that of the content.
        let old = std::time::SystemTime::now() - Duration::from_mins(1);
        OpenOptions::new()
            .write(true)
            .open(self.path(&format!("{name}.gz")))
            .unwrap()
            .set_modified(old)
            .unwrap();
        fs::remove_file(self.path(name)).unwrap();
    }

    /// What comes until nothing came for a while; all of it is delivered.
    fn read(&mut self) -> String {
        self.read_for(Duration::from_millis(1_300))
    }

    fn read_for(&mut self, quiet: Duration) -> String {
        let mut out = String::new();
        let mut since = Instant::now();
        self.follow.set_patience(Duration::from_millis(50));
        while since.elapsed() < quiet {
            // Troubles are told by tests of their own.
            let Ok(fill) = self.follow.fill(&Text::default(), &mut self.batch) else { continue };
            match fill {
                Fill::Records => {
                    out.push_str(std::str::from_utf8(&self.batch.bytes).unwrap());
                    self.ledger.delivered(self.batch.mark.unwrap(), Some(&self.batch.bytes));
                    since = Instant::now();
                }
                Fill::End => break,
                Fill::Silence | Fill::Waiting => {}
            }
        }
        out
    }

    /// A new process, which has what was delivered.
    fn restart(&mut self) {
        self.ledger = Arc::new(Ledger::read(self.ledger.key().clone(), &self.ledger.write()).unwrap());
        self.follow = open(&self.pattern, Until::Stopped, &self.ledger);
    }
}

trait Finish {
    fn write_all_and_finish(self, bytes: &[u8]) -> Vec<u8>;
}

impl Finish for GzEncoder<Vec<u8>> {
    fn write_all_and_finish(mut self, bytes: &[u8]) -> Vec<u8> {
        self.write_all(bytes).unwrap();
        self.finish().unwrap()
    }
}

fn open(pattern: &str, until: Until, ledger: &Arc<Ledger>) -> Follow {
    Follow::open(pattern, None, until, (Bounds::default(), system_clock()), Arc::clone(ledger)).unwrap()
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn nothing(_: &Path) {}

#[test]
fn lines_are_handed_out_as_they_come_and_half_ones_when_they_are_whole() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "1\n2\n"));
    assert_eq!(logs.read(), "1\n2\n");
    logs.append("log", "3\nhal");
    assert_eq!(logs.read(), "3\n");
    logs.append("log", "f\n");
    assert_eq!(logs.read(), "half\n");
}

#[test]
fn a_file_and_a_directory_that_are_not_there_yet_are_waited_for() {
    let mut logs = Logs::new("later/log", nothing);
    assert_eq!(logs.read(), "");
    fs::create_dir(logs.path("later")).unwrap();
    logs.append("later/log", "1\n");
    assert_eq!(logs.read(), "1\n");
    fs::remove_dir_all(logs.path("later")).unwrap();
    assert_eq!(logs.read(), "");
    fs::create_dir(logs.path("later")).unwrap();
    logs.append("later/log", "2\n");
    assert_eq!(logs.read(), "2\n");
}

#[test]
fn rename_and_create_loses_and_doubles_nothing() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "1\n"));
    assert_eq!(logs.read(), "1\n");
    // The server writes to the old file until it has opened the new one.
    let mut old = OpenOptions::new().append(true).open(logs.path("log")).unwrap();
    logs.rename("log", "log.1");
    logs.append("log", "3\n");
    old.write_all(b"2\n").unwrap();
    let read = logs.read();
    assert!(read == "2\n3\n" || read == "3\n2\n", "{read}");
    // Twice while nobody looks, and the first is removed.
    logs.rename("log.1", "log.2");
    logs.rename("log", "log.1");
    logs.append("log", "4\n");
    fs::remove_file(logs.path("log.2")).unwrap();
    logs.rename("log.1", "log.2");
    logs.rename("log", "log.1");
    logs.append("log", "5\n");
    assert_eq!(logs.read(), "4\n5\n");
}

#[test]
fn copy_and_truncate_goes_on_in_the_copy_and_from_the_start() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "first line\nsecond line\n"));
    assert_eq!(logs.read(), "first line\nsecond line\n");
    logs.append("log", "third line\n");
    fs::copy(logs.path("log"), logs.path("log.1")).unwrap();
    fs::write(logs.path("log"), "fourth line\n").unwrap();
    let read = logs.read();
    assert!(read == "third line\nfourth line\n" || read == "fourth line\nthird line\n", "{read}");
    // Cut off and longer than before when somebody looks again.
    logs.append("log", "fifth line\n");
    assert_eq!(logs.read(), "fifth line\n");
    fs::copy(logs.path("log"), logs.path("log.2")).unwrap();
    fs::write(logs.path("log"), "a sixth line that is longer than everything before it\nseventh\n").unwrap();
    assert_eq!(logs.read(), "a sixth line that is longer than everything before it\nseventh\n");
    assert_eq!(logs.read(), "");
}

#[test]
fn pi_9_a_restart_goes_on_where_it_was_whatever_happened_meanwhile() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "1 first\n"));
    append(&logs.path("log.7"), "an old one that nobody asked for\n");
    assert_eq!(logs.read(), "1 first\n");
    logs.append("log", "2 unread\n");
    // Not started: rotated twice, and the older one compressed.
    logs.follow.stop();
    logs.rename("log", "log.1");
    logs.append("log", "3 whole file unread\n");
    logs.rename("log.1", "log.2");
    logs.rename("log", "log.1");
    logs.append("log", "4 current\n");
    logs.gzip("log.2");
    logs.restart();
    assert_eq!(logs.read(), "2 unread\n3 whole file unread\n4 current\n");
    // What is compressed later is known to have been read, and so is what was passed.
    logs.gzip("log.1");
    logs.gzip("log.7");
    assert_eq!(logs.read(), "");
    logs.restart();
    assert_eq!(logs.read(), "");
    // Truncated and grown beyond the position meanwhile, and a copy of before.
    logs.follow.stop();
    logs.append("log", "5 in the copy only\n");
    fs::copy(logs.path("log"), logs.path("log.1")).unwrap();
    fs::write(logs.path("log"), "6 written anew, and longer than the whole file was before\n").unwrap();
    logs.restart();
    let read = logs.read();
    assert_eq!(read.lines().count(), 2, "{read}");
    assert!(read.contains("5 in the copy only\n") && read.contains("6 written anew"), "{read}");
}

#[test]
fn what_was_not_delivered_is_handed_out_again() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "1\n2\n"));
    assert_eq!(logs.follow.fill(&Text::default(), &mut logs.batch).unwrap(), Fill::Records);
    logs.restart();
    assert_eq!(logs.read(), "1\n2\n");
    logs.restart();
    assert_eq!(logs.read(), "");
}

#[test]
fn an_inode_that_is_used_again_is_another_file() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "one line of the first file\n"));
    assert_eq!(logs.read(), "one line of the first file\n");
    logs.follow.stop();
    // The same inode with other content: what a file system does when a file is removed and another made.
    fs::write(logs.path("log"), "quite another line, of the second file\n").unwrap();
    logs.restart();
    assert_eq!(logs.read(), "quite another line, of the second file\n");
}

#[test]
fn several_files_are_read_together_and_each_once() {
    let mut logs = Logs::new("*.log", |dir| {
        for name in ["a.log", "b.log", "c.log"] {
            append(&dir.join(name), &format!("{name}\n"));
        }
    });
    let sorted = |text: String| {
        let mut lines: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines.join(" ")
    };
    assert_eq!(sorted(logs.read()), "a.log b.log c.log");
    logs.append("b.log", "b2\n");
    logs.append("d.log", "d\n");
    assert_eq!(sorted(logs.read()), "b2 d");
    // A hard link and a link are the same file.
    std::os::unix::fs::symlink(logs.path("a.log"), logs.path("e.log")).unwrap();
    fs::hard_link(logs.path("b.log"), logs.path("f.log")).unwrap();
    assert_eq!(logs.read(), "");
}

#[test]
fn until_the_end_each_file_is_read_to_its_end_also_the_last_half_line() {
    let mut logs = Logs::new("*", nothing);
    logs.append("log", "current\nhalf");
    logs.append("log.1", "old\n");
    logs.gzip("log.1");
    logs.follow = open(&logs.pattern, Until::End, &logs.ledger);
    assert_eq!(logs.read(), "old\ncurrent\nhalf");
    assert_eq!(logs.follow.fill(&Text::default(), &mut logs.batch).unwrap(), Fill::End);
    // Again: nothing is new.
    logs.ledger = Arc::new(Ledger::read(logs.ledger.key().clone(), &logs.ledger.write()).unwrap());
    logs.follow = open(&logs.pattern, Until::End, &logs.ledger);
    assert_eq!(logs.read(), "");
}

#[test]
fn a_damaged_file_is_told_once_and_the_others_go_on() {
    let mut logs = Logs::new("*", nothing);
    logs.append("a", "line\n".repeat(50_000).as_str());
    logs.gzip("a");
    let bytes = fs::read(logs.path("a.gz")).unwrap();
    fs::write(logs.path("a.gz"), &bytes[..bytes.len() - 9]).unwrap();
    let old = std::time::SystemTime::now() - Duration::from_mins(1);
    OpenOptions::new().write(true).open(logs.path("a.gz")).unwrap().set_modified(old).unwrap();
    logs.append("b", "b\n");
    logs.follow = open(&logs.pattern, Until::Stopped, &logs.ledger);
    let (mut told, mut out) = (Vec::new(), String::new());
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        match logs.follow.fill(&Text::default(), &mut logs.batch) {
            Ok(Fill::Records) => out.push_str(std::str::from_utf8(&logs.batch.bytes).unwrap()),
            Ok(_) => {}
            Err(error) => told.push(error.to_string()),
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("breaks off"), "{told:?}");
    assert!(out.contains("b\n") && out.matches("line\n").count() > 1_000);
}

#[test]
fn more_files_than_may_be_open_are_all_read() {
    let mut logs = Logs::new("*.log", nothing);
    for number in 0..OPEN_MAX + 40 {
        append(&logs.path(&format!("{number}.log")), &format!("{number}\n"));
    }
    let read = logs.read_for(Duration::from_secs(4));
    assert_eq!(read.lines().count(), OPEN_MAX + 40);
    for number in [3, OPEN_MAX + 39] {
        append(&logs.path(&format!("{number}.log")), "more\n");
    }
    assert_eq!(logs.read_for(Duration::from_secs(4)), "more\nmore\n");
}

#[test]
fn files_that_begin_alike_are_each_read() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "# started\n"));
    assert_eq!(logs.read(), "# started\n");
    // A quiet day: nothing but what every file begins with. It stays beside the next one, and then goes.
    logs.rename("log", "log.1");
    logs.append("log", "# started\n");
    assert_eq!(logs.read(), "# started\n");
    logs.append("log", "1\n");
    assert_eq!(logs.read(), "1\n");
    fs::remove_file(logs.path("log.1")).unwrap();
    logs.restart();
    assert_eq!(logs.read(), "");
    // Cut off, and the same line again.
    fs::write(logs.path("log"), "").unwrap();
    assert_eq!(logs.read(), "");
    logs.append("log", "# started\n1\n");
    assert_eq!(logs.read(), "# started\n1\n");
}

#[test]
fn a_number_that_was_that_of_a_passed_file_is_another_file() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "0\n"));
    append(&logs.path("log.1"), "");
    append(&logs.path("log.2"), "# started\n");
    assert_eq!(logs.read(), "0\n");
    // Moved over, the current file has the number of one that was empty, or had nothing but the first line, when it was passed.
    for name in ["log.1", "log.2"] {
        fs::remove_file(logs.path("log")).unwrap();
        logs.rename(name, "log");
        fs::write(logs.path("log"), format!("# started\nafter {name}\n")).unwrap();
        let read = logs.read();
        assert!(read.ends_with(&format!("after {name}\n")), "{read}");
    }
}

#[test]
fn a_copy_that_stays_is_not_read_and_goes_on_when_the_log_is_gone() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), "1\n2\n"));
    assert_eq!(logs.read(), "1\n2\n");
    // Shorter than what the log is known by a moment later.
    fs::copy(logs.path("log"), logs.path("log.1")).unwrap();
    let long = format!("3 {}\n", "x".repeat(300));
    logs.append("log", &long);
    assert_eq!(logs.read(), long);
    logs.restart();
    assert_eq!(logs.read(), "");
    fs::remove_file(logs.path("log.1")).unwrap();
    fs::copy(logs.path("log"), logs.path("log.1")).unwrap();
    logs.append("log", "4\n");
    fs::copy(logs.path("log"), logs.path("log.2")).unwrap();
    logs.restart();
    fs::remove_file(logs.path("log")).unwrap();
    assert_eq!(logs.read(), "4\n");
}

#[test]
fn a_hole_at_the_beginning_is_no_content() {
    let mut logs = Logs::new("log", |dir| append(&dir.join("log"), &"a line of before\n".repeat(10_000)));
    assert_eq!(logs.read().lines().count(), 10_000);
    // The writer does not append, and goes on where it was.
    let file = OpenOptions::new().write(true).open(logs.path("log")).unwrap();
    file.set_len(0).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"after\n", 170_000).unwrap();
    assert_eq!(logs.read(), "after\n");
    std::os::unix::fs::FileExt::write_all_at(&file, b"more\n", 170_006).unwrap();
    assert_eq!(logs.read(), "more\n");
    logs.restart();
    assert_eq!(logs.read(), "");
    logs.rename("log", "log.1");
    logs.gzip("log.1");
    assert_eq!(logs.read(), "");
    // And again: another file with the same hole.
    let file = OpenOptions::new().write(true).create_new(true).open(logs.path("log")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"third\n", 170_000).unwrap();
    assert_eq!(logs.read(), "third\n");
}

#[test]
fn files_that_grow_all_the_time_do_not_keep_others_waiting() {
    let mut logs = Logs::new("*.log", nothing);
    for number in 0..OPEN_MAX + 5 {
        append(&logs.path(&format!("{number:03}.log")), &format!("{number}\n"));
    }
    let mut seen = HashSet::new();
    let began = Instant::now();
    while seen.len() < OPEN_MAX + 5 && began.elapsed() < Duration::from_secs(20) {
        for number in 0..OPEN_MAX + 5 {
            append(&logs.path(&format!("{number:03}.log")), &format!("{number}\n"));
        }
        seen.extend(logs.read_for(Duration::from_millis(30)).lines().map(ToOwned::to_owned));
    }
    assert_eq!(seen.len(), OPEN_MAX + 5);
}

#[test]
fn a_file_system_that_is_away_for_weeks_makes_nobody_forget() {
    let key = PrintKey::random().unwrap();
    let ledger = Arc::new(Ledger::new(key));
    let dir = TempDir::new().unwrap();
    let mount = dir.path().join("mount");
    fs::create_dir(&mount).unwrap();
    append(&mount.join("log"), "1\n");
    let now = Arc::new(std::sync::atomic::AtomicI64::new(system_clock()().0));
    let pattern = mount.join("log").to_str().unwrap().to_owned();
    let look = |expected: &str| {
        let now = Arc::clone(&now);
        let clock: Clock = Arc::new(move || {
            crate::record::timestamp::Timestamp(now.load(std::sync::atomic::Ordering::Relaxed))
        });
        let mut follow =
            Follow::open(&pattern, None, Until::Stopped, (Bounds::default(), clock), Arc::clone(&ledger))
                .unwrap();
        follow.set_patience(Duration::from_millis(1_500));
        let mut batch = RawBatch::with_capacity(100);
        let filled = loop {
            if let Ok(filled) = follow.fill(&Text::default(), &mut batch) {
                break filled;
            }
        };
        assert_eq!(filled == Fill::Records, !expected.is_empty());
        assert_eq!(String::from_utf8_lossy(&batch.bytes), expected);
        if let Some(mark) = batch.mark.filter(|_| !expected.is_empty()) {
            ledger.delivered(mark, Some(&batch.bytes));
        }
    };
    look("1\n");
    fs::rename(&mount, dir.path().join("away")).unwrap();
    for _ in 0..3 {
        now.fetch_add(10 * 86_400_000_000, std::sync::atomic::Ordering::Relaxed);
        look("");
    }
    fs::rename(dir.path().join("away"), &mount).unwrap();
    look("");
}

#[test]
#[ignore = "a measurement, in release"]
fn a_look_at_ten_thousand_files_is_cheap() {
    let mut logs = Logs::new("*.log", nothing);
    for number in 0..10_000 {
        append(&logs.path(&format!("{number}.log")), &format!("{number} {}\n", "x".repeat(300)));
    }
    let began = Instant::now();
    let read = logs.read_for(Duration::from_secs(10));
    println!("figures: 10,000 files read after {:?}, {} lines", began.elapsed(), read.lines().count());
    for _ in 0..3 {
        let began = Instant::now();
        logs.follow.scan();
        println!("figures: a look at 10,000 files: {:?}", began.elapsed());
    }
    let began = Instant::now();
    let text = logs.ledger.write().to_string();
    println!("figures: {} bytes of positions in {:?}", text.len(), began.elapsed());
}
