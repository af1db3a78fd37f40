//! Random lives of a log directory against an obvious model: every line that was written comes out once, whatever happened between two
//! looks and however often the reader was started again.
//!
//! *In*: a seed. *Out*: writes, rotations, compressions, removals and looks in any order. *Promised*: what is checked is beyond doubt: lines
//! of a file that was removed may be missing, and the first lines that several files share are not counted. Time is advanced by hand, so
//! that an hour of scans takes a moment. `SLUIS_LIVES` is how many lives, `SLUIS_SEED` the first.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::super::ledger::PrintKey;
use super::*;
use crate::format::Memo;
use crate::format::text::Text;
use crate::record::batch::Mark;
use crate::record::span::{Layout, Parsed, Refusal};
use crate::record::timestamp::Timestamp;

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

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Records begin with `>`.
#[derive(Default)]
struct Marked(Layout);

impl Parser for Marked {
    fn layout(&self) -> &Layout {
        &self.0
    }
    fn parse(&self, _: &[u8], _: &mut Memo, _: &mut Parsed) -> Result<(), Refusal> {
        Ok(())
    }
    fn begins_record(&self, line: &[u8]) -> bool {
        line.starts_with(b">")
    }
    fn multi_line(&self) -> bool {
        true
    }
}

/// What stands in one file, whatever it is called.
#[derive(Default)]
struct Content {
    text: String,
    /// It was removed, perhaps before anybody read it, or rotated before anybody asked.
    removed: bool,
}

/// How a life differs from others.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// What every file begins with.
    header: &'static str,
    /// Records have several lines.
    multi_line: bool,
    /// The current file is called by its date, and a pattern finds it.
    dated: bool,
}

/// Begins all files of a life: shorter than what a file is known by, and longer.
const HEADERS: [&str; 3] = ["", "# a header that all files have\n", LONG];
const LONG: &str = "# a header that all files have, and that is longer than the two hundred and fifty-six bytes that a file is \
known by, so that nothing but what comes after it tells one file from another, which is how some servers begin every one of their \
files: with the fields, the version and the name of the machine\n";

struct Life {
    dir: TempDir,
    chance: Chance,
    manner: Manner,
    /// Microseconds that have passed.
    passed: Arc<Mutex<Duration>>,
    /// When that began.
    began: (Instant, SystemTime),
    contents: Vec<Content>,
    /// Names and what stands there, the youngest first; the current one is the first.
    names: VecDeque<(String, usize)>,
    /// The writer's descriptors: of the current file, and of one that was rotated and is still written to.
    current: Option<File>,
    late: Option<(File, usize)>,
    lines: u64,
    dates: u32,
    ledger: Arc<Ledger>,
    follow: Follow,
    parser: Box<dyn Parser>,
    batch: RawBatch,
    taken: VecDeque<(Mark, Vec<u8>)>,
    delivered: Vec<String>,
    story: Vec<String>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let manner = Manner {
            header: HEADERS[[0, 0, 1, 1, 2][chance.below(5) as usize]],
            multi_line: chance.one_in(4),
            dated: chance.one_in(5),
        };
        let dir = TempDir::new().unwrap();
        let passed = Arc::<Mutex<Duration>>::default();
        let began = (Instant::now(), SystemTime::now());
        let ledger = Arc::new(Ledger::new(PrintKey::random().unwrap()));
        let follow = open(&dir, manner, Until::Stopped, &ledger, &passed, began);
        let parser: Box<dyn Parser> =
            if manner.multi_line { Box::new(Marked::default()) } else { Box::new(Text::default()) };
        Self {
            dir,
            chance,
            manner,
            passed,
            began,
            contents: Vec::new(),
            names: VecDeque::new(),
            current: None,
            late: None,
            lines: 0,
            dates: 0,
            ledger,
            follow,
            parser,
            batch: RawBatch::with_capacity(1 << 16),
            taken: VecDeque::new(),
            delivered: Vec::new(),
            story: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pass(&mut self, millis: u64) {
        *self.passed.lock().unwrap() += Duration::from_millis(millis);
    }

    fn time(&self) -> SystemTime {
        self.began.1 + *self.passed.lock().unwrap()
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    /// A new current file, empty but for what all begin with.
    fn create(&mut self) {
        let name = if self.manner.dated {
            self.dates += 1;
            format!("log-2026-11-{:02}", self.dates)
        } else {
            "log".to_owned()
        };
        let file = OpenOptions::new().append(true).create_new(true).open(self.path(&name)).unwrap();
        self.contents.push(Content::default());
        let at = self.contents.len() - 1;
        self.tell(format!("create {name} = {at}"));
        self.names.push_front((name, at));
        self.current = Some(file);
        if !self.manner.header.is_empty() {
            self.write(self.manner.header);
        }
    }

    fn write(&mut self, text: &str) {
        let time = self.time();
        let at = self.names[0].1;
        let file = self.current.as_mut().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_modified(time).unwrap();
        self.contents[at].text.push_str(text);
    }

    fn record(&mut self) -> String {
        self.lines += 1;
        let padding =
            "x".repeat(self.chance.below(if self.lines.is_multiple_of(7) { 400 } else { 30 }) as usize);
        if self.manner.multi_line {
            let more = "  more\n".repeat(self.chance.below(4) as usize);
            return format!(">{} {padding}\n{more}", self.lines);
        }
        format!("{} {padding}\n", self.lines)
    }

    fn append(&mut self) {
        if self.current.is_none() {
            self.create();
        }
        let records = 1 + self.chance.below(4);
        let text: String = (0..records).map(|_| self.record()).collect();
        self.tell(format!("append {records} up to {} to {}", self.lines, self.names[0].1));
        // A pause in the middle of a line.
        if !self.manner.multi_line && self.chance.one_in(3) {
            let cut = self.chance.below(text.len() as u64) as usize;
            self.write(&text[..cut]);
            self.look();
            self.write(&text[cut..]);
        } else {
            self.write(&text);
        }
    }

    /// The writer still has the old file.
    fn append_late(&mut self) {
        let time = self.time();
        let text = self.record();
        let line = self.lines;
        let Some((file, at)) = &mut self.late else { return };
        file.write_all(text.as_bytes()).unwrap();
        file.set_modified(time).unwrap();
        self.contents[*at].text.push_str(&text);
        let told = format!("late {line} to {at}");
        self.tell(told);
    }

    /// Moves `log.1` to `log.2` and so on.
    fn shift(&mut self) {
        for at in (1..self.names.len()).rev() {
            let (name, content) = self.names[at].clone();
            let (number, ending) = number(&name);
            let to = format!("log.{}{ending}", number + 1);
            fs::rename(self.path(&name), self.path(&to)).unwrap();
            self.names[at] = (to, content);
        }
    }

    fn rename(&mut self) {
        if self.current.is_none() {
            return;
        }
        let content = self.names[0].1;
        self.tell(format!("rename {content}"));
        if !self.manner.dated {
            self.shift();
            fs::rename(self.path("log"), self.path("log.1")).unwrap();
            self.names[0].0 = "log.1".to_owned();
        }
        self.late = self.current.take().map(|file| (file, content));
        if self.chance.one_in(3) {
            self.look();
        }
        if !self.chance.one_in(4) {
            self.create();
        }
    }

    fn copy(&mut self) {
        // Nothing tells a file and what is written to it anew where both begin with the same 256 bytes and nothing else was read of it.
        if self.current.is_none() || self.manner.dated || self.manner.header == LONG {
            return;
        }
        let content = self.names[0].1;
        self.tell(format!("copy and truncate {content}"));
        self.shift();
        let log = self.path("log");
        fs::copy(&log, self.path("log.1")).unwrap();
        // As `cp`, or as `cp -p`.
        let time =
            if self.chance.one_in(2) { self.time() } else { fs::metadata(&log).unwrap().modified().unwrap() };
        File::options().write(true).open(self.path("log.1")).unwrap().set_modified(time).unwrap();
        if self.chance.one_in(3) {
            self.look();
        }
        let time = self.time();
        let file = self.current.as_mut().unwrap();
        file.set_len(0).unwrap();
        file.set_modified(time).unwrap();
        self.names[0].0 = "log.1".to_owned();
        self.contents.push(Content::default());
        self.names.push_front(("log".to_owned(), self.contents.len() - 1));
        if self.chance.one_in(3) {
            self.look();
        }
        self.write(self.manner.header);
    }

    /// Compresses one that is not written any more, as gzip does: the time stays, the old one goes when the new one is whole.
    fn compress(&mut self) {
        let first = usize::from(self.current.is_some());
        if self.names.len() <= first {
            return;
        }
        let at = first + self.chance.below((self.names.len() - first) as u64) as usize;
        let (name, content) = self.names[at].clone();
        if name.ends_with('z') || name.ends_with('t') {
            return;
        }
        if self.late.as_ref().is_some_and(|(_, late)| *late == content) {
            self.late = None;
        }
        let modified = fs::metadata(self.path(&name)).unwrap().modified().unwrap();
        let text = fs::read(self.path(&name)).unwrap();
        let (ending, packed) = if self.chance.one_in(3) {
            ("zst", zstd::encode_all(&text[..], 1).unwrap())
        } else {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&text).unwrap();
            ("gz", encoder.finish().unwrap())
        };
        let to = format!("{name}.{ending}");
        self.tell(format!("compress {content} to {to}"));
        let mut file = File::create(self.path(&to)).unwrap();
        let half = packed.len() / 2;
        file.write_all(&packed[..half]).unwrap();
        let time = self.time();
        file.set_modified(time).unwrap();
        if self.chance.one_in(3) {
            self.look();
        }
        file.write_all(&packed[half..]).unwrap();
        file.set_modified(modified).unwrap();
        if self.chance.one_in(2) {
            self.look();
        }
        fs::remove_file(self.path(&name)).unwrap();
        self.names[at].0 = to;
    }

    fn remove_oldest(&mut self) {
        if self.names.len() < 2 {
            return;
        }
        let Some((name, content)) = self.names.pop_back() else { return };
        self.tell(format!("remove {content}"));
        if self.late.as_ref().is_some_and(|(_, late)| *late == content) {
            self.late = None;
        }
        fs::remove_file(self.path(&name)).unwrap();
        self.contents[content].removed = true;
    }

    /// Files beside that are nobody's business.
    fn write_beside(&mut self) {
        for name in ["log-api", "other.log.1", "log.swp", "log.1.swp", "log-9", "log-8080.log", "xlog.2"] {
            fs::write(self.path(name), format!("foreign {}\n", self.lines)).unwrap();
        }
    }

    /// Another process goes on, with what was delivered.
    fn restart(&mut self) {
        self.tell("restart");
        self.taken.clear();
        let text = self.ledger.write().to_string();
        let value = serde_json::from_str(&text).unwrap();
        self.ledger = Arc::new(Ledger::read(self.ledger.key().clone(), &value).unwrap());
        let (passed, began) = (Arc::clone(&self.passed), self.began);
        self.follow = open(&self.dir, self.manner, Until::Stopped, &self.ledger, &passed, began);
    }

    /// Time passes, and the reader takes what there is, perhaps not all of it.
    fn look(&mut self) {
        let millis = [5, 40, 300, 1_100, 2_500][self.chance.below(5) as usize];
        self.pass(millis);
        let most = if self.chance.one_in(4) { 1 } else { 100 };
        self.take(most);
        let deliver = self.chance.below(self.taken.len() as u64 + 1) as usize;
        self.deliver(deliver);
    }

    fn take(&mut self, most: usize) -> bool {
        self.follow.set_patience(Duration::ZERO);
        // What was rotated before the first look is not read.
        if !self.ledger.has_begun() && !self.manner.dated {
            for (_, content) in self.names.iter().skip(usize::from(self.current.is_some())) {
                self.contents[*content].removed = true;
            }
        }
        let mut some = false;
        for _ in 0..most {
            match self.follow.fill(self.parser.as_ref(), &mut self.batch) {
                Ok(Fill::Records) => {
                    some = true;
                    self.taken.push_back((self.batch.mark.unwrap(), self.batch.bytes.clone()));
                }
                Ok(_) => break,
                Err(error) => {
                    let told = format!("told: {error}");
                    self.tell(told);
                }
            }
        }
        let told = format!("look at {:?}: {some}", *self.passed.lock().unwrap());
        self.tell(told);
        some
    }

    fn deliver(&mut self, batches: usize) {
        for (mark, bytes) in self.taken.drain(..batches) {
            self.ledger.delivered(mark, Some(&bytes));
            let text = String::from_utf8(bytes).unwrap();
            if self.manner.multi_line {
                for record in text.split_inclusive('\n') {
                    assert!(!record.is_empty());
                }
                assert!(
                    text.starts_with(['>', '#']),
                    "a record was torn: {text:?}\n{}",
                    self.story.join("\n")
                );
            }
            self.delivered.extend(text.split('\n').filter(|line| !line.is_empty()).map(ToOwned::to_owned));
        }
    }

    fn live(&mut self) {
        if self.chance.one_in(2) {
            self.look();
        }
        for _ in 0..10 + self.chance.below(40) {
            match self.chance.below(20) {
                0..5 => self.append(),
                5 => self.append_late(),
                6..8 => self.rename(),
                8..10 => self.copy(),
                10 => self.compress(),
                11 => self.remove_oldest(),
                12 => self.restart(),
                13 => self.write_beside(),
                _ => self.look(),
            }
        }
        // All is read in the end, also what waits for a silence or for a file to be whole.
        let mut quiet = 0;
        while quiet < 80 {
            self.pass(1_010);
            quiet = if self.take(usize::MAX) { 0 } else { quiet + 1 };
            self.deliver(self.taken.len());
        }
        self.check();
    }

    fn check(&self) {
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for line in self.delivered.iter().filter(|line| is_counted(line)) {
            *times.entry(line).or_default() += 1;
        }
        let mut faults = Vec::new();
        for (at, content) in self.contents.iter().enumerate() {
            for line in content.text.split('\n').filter(|line| is_counted(line)) {
                match times.remove(line) {
                    Some(1) => {}
                    None if content.removed => {}
                    other => faults.push(format!("{line:.12} of {at}: {other:?} times")),
                }
            }
        }
        faults.extend(times.keys().map(|line| format!("not a line that was written: {line:.40}")));
        assert!(faults.is_empty(), "{:?}\n{faults:#?}\n{}", self.manner, self.story.join("\n"));
    }
}

/// Lines that only one file has.
fn is_counted(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#') && !line.starts_with("  more")
}

/// The number in `log.3.gz`, and what follows it.
fn number(name: &str) -> (u32, String) {
    let rest = name.strip_prefix("log.").unwrap();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (rest[..digits].parse().unwrap(), rest[digits..].to_owned())
}

fn open(
    dir: &TempDir,
    manner: Manner,
    until: Until,
    ledger: &Arc<Ledger>,
    passed: &Arc<Mutex<Duration>>,
    (began, wall): (Instant, SystemTime),
) -> Follow {
    let pattern = dir.path().join(if manner.dated { "log-20*" } else { "log" });
    let wall = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (first, second) = (Arc::clone(passed), Arc::clone(passed));
    let clock: Clock = Arc::new(move || {
        let now = wall + *first.lock().unwrap();
        Timestamp(i64::try_from(now.as_micros()).unwrap())
    });
    let pattern = pattern.to_str().unwrap();
    let mut follow =
        Follow::open(pattern, None, until, (Bounds::default(), clock), Arc::clone(ledger)).unwrap();
    follow.stopwatch = Arc::new(move || began + *second.lock().unwrap());
    follow
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn pi_9_every_line_of_a_random_life_comes_out_once() {
    let first = number_of("SLUIS_SEED").unwrap_or(0);
    for seed in first..first + number_of("SLUIS_LIVES").unwrap_or(300) {
        println!("SLUIS_SEED={seed}");
        Life::new(seed).live();
    }
}
