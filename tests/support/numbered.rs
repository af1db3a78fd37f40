//! A pipeline of numbered lines from a log to parts, for tests that ask what arrives: nothing lost, nothing twice.
//!
//! *In*: lines with a number of their own, in a file that something else writes. *Out*: the numbers that stand in visible parts.
//! *Promised*: what is read is what is on disk; a part is read when it is visible and not before. *Not here*: who writes the log.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;
use rustix::process::{Pid, Signal, kill_process};
use sluis::keys::{Keys, Storage, StorageUse};
use sluis::record::timestamp::Timestamp;
use sluis::retention::part_name::PartName;
use sluis::sink::sealed;
use tempfile::TempDir;

use super::Run;

pub const POLICY: &str = r#"
[policy]
name = "numbered"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"message" = "scrub"
"http.response.body.size" = "keep"
"#;

/// `{out}`, `{state}` and `{kind}` are put in. Parts close as soon as may be.
const PIPELINE: &str = r#"
policy = "policy.toml"
keys = "keys"
state = "{state}"
threads = 2

[source.log]
kind = "file"
path = "log/access.log"
format = { nginx = '{format}' }
class = "web"
max_lateness = "1h"

[sink.archive]
kind = "{kind}"
path = "{out}"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
part_secs_max = 1
"#;

/// The age at which the stage of [`Numbered::staged`] begins.
pub const STAGE_SECONDS: u64 = 5_400;
/// Of this age a line is stored in a part that is narrowed at once, or within a minute or so: parts are closed 336 s before the stage, and rewritten
/// from 560 s before on, in epochs of 225 s. A minute is left for a line that waits.
pub const STAGE_AGE: u64 = STAGE_SECONDS - 625;

/// The format of the log: the number stands where a server writes the bytes that it sent.
pub const FORMAT: &str = r#"$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent"#;

/// A folder with a pipeline file, its policy and keyring, and a place for the log.
pub struct Numbered {
    folder: TempDir,
    out: PathBuf,
    state: PathBuf,
}

impl Numbered {
    /// Stores below the folder itself.
    pub fn new() -> Self {
        Self::storing("out", "state")
    }

    /// Stores columns below the folder itself.
    pub fn parquet() -> Self {
        Self::of_kind("parquet", "out", "state")
    }

    /// The same, encrypted under a key of the keyring.
    pub fn encrypted_columns() -> Self {
        Self::encrypted_columns_in("out")
    }

    /// The same in `out`.
    pub fn encrypted_columns_in(out: &str) -> Self {
        let numbered = Self::of_kind("parquet", out, "state");
        let pipeline = fs::read_to_string(numbered.path("run.toml")).unwrap() + "encrypt = true\n";
        fs::write(numbered.path("run.toml"), pipeline).unwrap();
        let keys = numbered.text("keys");
        super::sluis(&["keys", "init", "--keys", &keys, "--class", "web", "--retention", "14d"], b"")
            .expect_code(0);
        numbered
    }

    /// The same of a class that loses its addresses at [`STAGE_SECONDS`]. Lines that are [`STAGE_AGE`] old reach that stage a moment after they are
    /// stored.
    pub fn staged() -> Self {
        let numbered = Self::parquet();
        let pipeline = fs::read_to_string(numbered.path("run.toml")).unwrap() + "encrypt = true\n";
        let pipeline = pipeline.replace("max_lateness = \"1h\"", "max_lateness = \"82m\"");
        fs::write(numbered.path("run.toml"), pipeline).unwrap();
        let stages = format!("stages = [{{ after = \"{STAGE_SECONDS}s\", drop = [\"client.address\"] }}]");
        let policy = POLICY.replace("retention = \"14d\"", &format!("retention = \"14d\"\n{stages}"));
        fs::write(numbered.path("policy.toml"), policy).unwrap();
        let keys = numbered.text("keys");
        let first = format!("{STAGE_SECONDS}s");
        for more in [["--retention", &first, "--stage", "0"], ["--retention", "14d", "--stage", "1"]] {
            let command = ["keys", "init", "--keys", &keys, "--class", "web"];
            super::sluis(&[&command[..], &more].concat(), b"").expect_code(0);
        }
        numbered
    }

    /// Stores lines below the folder itself, encrypted.
    pub fn encrypted() -> Self {
        Self::encrypted_in("out", "state")
    }

    /// The same in `out`, with its state in `state`.
    pub fn encrypted_in(out: &str, state: &str) -> Self {
        let numbered = Self::of_kind("file\"\nencrypt = true # \"", out, state);
        let keys = numbered.text("keys");
        super::sluis(&["keys", "init", "--keys", &keys, "--class", "web", "--retention", "14d"], b"")
            .expect_code(0);
        numbered
    }

    /// The key of a part, if it is encrypted.
    pub fn key_of(&self, part: &Path) -> Option<Vec<u8>> {
        let bytes = fs::read(part).unwrap();
        if !bytes.ends_with(b"PARE") {
            return None;
        }
        let name = PartName::read(part.file_name().unwrap().to_str().unwrap()).unwrap();
        let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second());
        let keys = Keys::open_read_only(&self.path("keys"), &[], now).unwrap();
        let storage = Storage { stage: name.stage, ..Storage::of("web", name.retention_seconds.unwrap()) };
        let epoch = storage.epoch_of_deadline(name.deadline);
        let key = keys.storage(storage).unwrap().key(epoch, now).unwrap();
        Some(key.expose_for(StorageUse::Parquet).to_vec())
    }

    /// Stores in `out` and keeps its state in `state`, below the folder.
    pub fn storing(out: &str, state: &str) -> Self {
        Self::of_kind("file", out, state)
    }

    fn of_kind(kind: &str, out: &str, state: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let pipeline = PIPELINE.replace("{out}", out).replace("{state}", state).replace("{format}", FORMAT);
        let pipeline = pipeline.replace("{kind}", kind);
        fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
        fs::write(folder.path().join("run.toml"), pipeline).unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        let numbered = Self { out: folder.path().join(out), state: folder.path().join(state), folder };
        let keys = numbered.text("keys");
        super::sluis(&["keys", "init", "--keys", &keys, "--domain", "web", "--retention", "14d"], b"")
            .expect_code(0);
        numbered
    }

    /// A path below the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The directory that parts are stored in.
    pub fn parts_dir(&self) -> PathBuf {
        self.out.join("web")
    }

    /// `sluis COMMAND run.toml MORE…`
    pub fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut program = super::program();
        program.arg(command).arg(self.path("run.toml")).args(more);
        program
    }

    /// The same, run to its end.
    pub fn run(&self, command: &str, more: &[&str]) -> Run {
        super::finish(super::spawn(&mut self.command(command, more)), b"", 1)
    }

    /// Follows the log until a signal comes.
    pub fn follow(&self) -> Started {
        Started::of(&mut self.command("run", &[]))
    }

    /// The visible parts.
    pub fn parts(&self) -> Vec<PathBuf> {
        let Ok(found) = fs::read_dir(self.parts_dir()) else { return Vec::new() };
        let found = found.map(|entry| entry.unwrap().path());
        found.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
    }

    /// How often each number stands in visible parts.
    pub fn numbers(&self) -> BTreeMap<u64, u32> {
        let mut counts = BTreeMap::new();
        for part in self.parts() {
            if part.extension().is_some_and(|suffix| suffix == "parquet") {
                for number in numbers_of_columns(&part, self.key_of(&part)) {
                    *counts.entry(number).or_insert(0) += 1;
                }
                continue;
            }
            let text = if part.extension().is_some_and(|suffix| suffix == "age") {
                self.opened(&part)
            } else {
                fs::read_to_string(&part).unwrap()
            };
            assert!(text.ends_with('\n'), "{} ends in the middle of a record", part.display());
            for line in text.lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                *counts.entry(record["http.response.body.size"].as_u64().unwrap()).or_insert(0) += 1;
            }
        }
        counts
    }

    /// An encrypted part, opened with age.
    fn opened(&self, part: &Path) -> String {
        let now = Timestamp(jiff::Timestamp::now().as_microsecond());
        let storage = Storage::of("web", 14 * 86_400);
        let name = PartName::read(part.file_name().unwrap().to_str().unwrap()).unwrap();
        let epoch = storage.epoch_of_deadline(name.deadline);
        let keys = Keys::open_read_only(&self.path("keys"), &[], now).unwrap().storage(storage).unwrap();
        let identity = sealed::age_identity(&keys.key(epoch, now).unwrap());
        let identity: age::x25519::Identity = identity.parse().unwrap();
        let decryptor = age::Decryptor::new(fs::File::open(part).unwrap()).unwrap();
        let mut text = String::new();
        let mut opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).unwrap();
        opened.read_to_string(&mut text).unwrap();
        text
    }

    /// What is unfinished or temporary in the stores, the state directory and the keyring.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in [&self.out, &self.state, &self.path("keys")] {
            found.extend(super::files_under(folder).into_iter().map(|file| folder.join(file)));
        }
        let temporary = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.contains(".partial") || name.contains("tmp")
        };
        found.retain(temporary);
        found
    }

    /// All that must hold when everything has come to rest: stores as the policy says, a journal that proves itself, nothing
    /// unfinished.
    #[track_caller]
    pub fn expect_rest(&self) {
        self.run("audit", &[]).expect_code(0);
        let state = self.state.to_str().unwrap();
        super::sluis(&["journal", "verify", "--state", state], b"").expect_code(0);
        assert_eq!(self.leftovers(), Vec::<PathBuf>::new(), "unfinished files are left");
    }

    /// Every number of `written` is in exactly one part, and no other.
    #[track_caller]
    pub fn expect_once(&self, written: impl IntoIterator<Item = u64>) {
        let found = self.numbers();
        let mut foreign = found.clone();
        let mut lost = Vec::new();
        for number in written {
            if foreign.remove(&number).is_none() {
                lost.push(number);
            }
        }
        let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
        let first = |what: &[u64]| format!("{} ({:?} …)", what.len(), &what[..what.len().min(5)]);
        let foreign: Vec<u64> = foreign.into_keys().collect();
        assert!(
            lost.is_empty() && twice.is_empty() && foreign.is_empty(),
            "of {} numbers {} are lost, {} are there more than once ({:?} …), {} were never written",
            found.len(),
            first(&lost),
            twice.len(),
            &twice[..twice.len().min(5)],
            first(&foreign),
        );
    }
}

/// The numbers in a part of columns.
pub fn numbers_of_columns(part: &Path, key: Option<Vec<u8>>) -> Vec<u64> {
    let file = fs::File::open(part).unwrap();
    let options = key.map_or_else(ArrowReaderOptions::new, |key| {
        let key = FileDecryptionProperties::builder(key).build().unwrap();
        ArrowReaderOptions::new().with_file_decryption_properties(key)
    });
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .unwrap_or_else(|error| panic!("{} is no Parquet file: {error}", part.display()));
    let batches = reader.build().unwrap().map(|batch| batch.unwrap());
    let numbers = |batch: RecordBatch| {
        let column = batch.column_by_name("http.response.body.size").unwrap();
        let column = column.as_primitive::<Int64Type>();
        column.iter().map(|number| u64::try_from(number.unwrap()).unwrap()).collect::<Vec<_>>()
    };
    batches.flat_map(numbers).collect()
}

/// A started program that is not fed. What it says on standard error goes to a file of its own, so that it never waits for us.
pub struct Started {
    child: Child,
    said: fs::File,
}

impl Started {
    /// Starts `command`.
    pub fn of(command: &mut Command) -> Self {
        let said = tempfile::tempfile().unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said.try_clone().unwrap())
            .spawn()
            .expect("the program starts");
        Self { child, said }
    }

    /// True while it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it (SIGKILL) and waits for its end. False if it had ended before.
    pub fn kill(&mut self) -> bool {
        let running = self.is_running();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        running
    }

    /// True when it was a SIGKILL that ended it, whoever sent it.
    pub fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        self.child.try_wait().unwrap().is_some_and(|status| status.signal() == Some(Signal::KILL.as_raw()))
    }

    /// Asks it to end (SIGTERM) and waits.
    pub fn stop(mut self) -> Run {
        if self.is_running() {
            let pid = Pid::from_child(&self.child);
            kill_process(pid, Signal::TERM).unwrap();
        }
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Run {
        let code = super::wait(&mut self.child);
        Run { code, out: Vec::new(), err: self.said().into_bytes() }
    }

    /// What it said on standard error so far.
    pub fn said(&mut self) -> String {
        use std::io::{Seek as _, SeekFrom};
        let mut text = String::new();
        self.said.seek(SeekFrom::Start(0)).unwrap();
        self.said.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Started {
    /// A test that failed leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of the log that says when it was written.
pub fn line(number: u64) -> String {
    line_of_age(number, 0)
}

/// A line of the log that says it was written so many seconds ago.
pub fn line_of_age(number: u64, age: u64) -> String {
    let time = jiff::Timestamp::now() - Duration::from_secs(age);
    let time = time.strftime("%Y-%m-%dT%H:%M:%S+00:00");
    format!("192.0.2.{} [{time}] \"GET /n/{number} HTTP/1.1\" 200 {number}\n", number % 250)
}

/// Waits until `is_true`, for at most `seconds`; false when it never was.
pub fn within(seconds: u64, mut is_true: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        if is_true() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The program of that name, where the system keeps programs; `None`, with a message, when it is not installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_file(file));
    if found.is_none() {
        eprintln!("skipped: no {name} here; ./deploy/needs {name} installs it");
    }
    found
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}
