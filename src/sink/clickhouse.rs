//! `ClickHouse`: batches of one class, each of one partition, inserted once.
//!
//! *In*: clean batches of one class. *Out*: rows of its table. *Promised*: a batch that was accepted is in the table once, whatever is cut, slow
//! or killed in between (PI-9); nothing is inserted that could be there when its partition has been dropped (PI-3, PI-4). *Not here*: the table
//! (`clickhouse::table`), dropping partitions (`pipeline::partitions`).
//!
//! ```text
//! records ─▶ part in the outbox, hidden ─▶ checkpoint: part and positions ─▶ visible ─▶ INSERT, until the server says 200 ─▶ removed
//! ```
//! A batch is a part like that of a file sink: Parquet, of one bucket of deadlines, in the `outbox` of the state directory. What makes it
//! the same when it is tried again is that it is the same file: its bytes are sent as they lie there, and its name is the token by which the server
//! knows it again (`insert_deduplication_token`). The name has a random number in it, since process numbers return. A run that was killed between
//! any two steps leaves the part hidden, visible, or inserted and visible, and the next one takes the first back to its checkpoint and sends
//! the other two. So what is written down beforehand is the batch, not the hope that reading again would cut the same one.
//!
//! The outbox is no spool: while a batch does not get through nothing more is taken, and the source waits. Group and raw files are told after the
//! server has answered. Chosen on 2026-11-27 over tokens of source positions: sources are cut by time and size, several of them flow into a batch,
//! and a batch that is read again would have other bytes under the same token.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::file::{FileSink, Settings};
use super::{Delivered, Held, Sink, SinkError};
use crate::clickhouse::ClickHouseError;
use crate::clickhouse::client::Client;
use crate::clickhouse::table::Table;
use crate::record::batch::CleanBatch;
use crate::record::timestamp::Timestamp;
use crate::retention::part_name::PartName;
use crate::telemetry::log::{Contentless, Level, say};

/// Bytes of a batch: some hundred thousand rows, which the server holds in memory as one block.
pub const BATCH_BYTES_MAX: u64 = 8 << 20;

/// The first pause before a batch is tried again, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// How often somebody who waits looks whether to stop.
const STEP: Duration = Duration::from_millis(50);

/// A batch is one block, and that one part of one partition: it is there as a whole or not at all, and known again as a whole.
const ONE_BLOCK: [(&str, &str); 9] = [
    ("insert_deduplicate", "1"),
    ("async_insert", "0"),
    ("max_insert_block_size", "100000000"),
    ("min_insert_block_size_rows", "100000000"),
    ("min_insert_block_size_bytes", "0"),
    ("max_partitions_per_insert_block", "1"),
    ("throw_on_max_partitions_per_insert_block", "1"),
    ("input_format_parquet_allow_missing_columns", "0"),
    // A time that could not be read is in `sluis.other`; its row is kept.
    ("input_format_null_as_default", "1"),
];

/// Where batches go, and until when.
pub struct To {
    /// The server.
    pub client: Client,
    /// The table.
    pub table: Table,
    /// By how many seconds before its deadline a record must be on its way.
    pub ahead_seconds: u64,
    /// For how long a batch is tried again.
    pub patience: Duration,
    /// Set when the run is to end: nothing is waited for then.
    pub stop: Arc<AtomicBool>,
}

/// A part that is to be inserted.
struct Waiting {
    path: PathBuf,
    /// Its records; of one that an earlier run left, unknown and counted there.
    records: Option<u64>,
}

/// Inserts the records of one class.
pub struct ClickHouse {
    files: FileSink,
    to: To,
    statement: String,
    waiting: VecDeque<Waiting>,
    /// What became visible by the last [`publish`](Sink::publish) of the files.
    shown: Arc<Mutex<Vec<Waiting>>>,
    /// The last time that was told, and when that was.
    told: (Timestamp, Instant),
    /// Records that came too late since it was last said.
    withheld: u64,
}

impl ClickHouse {
    /// Opens the outbox in `directory`; what an earlier run has left there is inserted first.
    ///
    /// # Errors
    /// As [`FileSink::open`].
    pub fn open(directory: &Path, settings: Settings, to: To) -> Result<Self, SinkError> {
        let shown: Arc<Mutex<Vec<Waiting>>> = Arc::default();
        let hears = Arc::clone(&shown);
        let files = FileSink::open(directory, settings)?.on_close(Box::new(move |closed| {
            let waiting = Waiting { path: closed.path.clone(), records: Some(closed.records) };
            hears.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
        }));
        let fault = |error: io::Error| SinkError::io(directory.display().to_string(), &error, "");
        let mut left = Vec::new();
        for entry in fs::read_dir(directory).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            if part(&path).is_some_and(|part| part.finished) {
                left.push(path);
            }
        }
        left.sort();
        let waiting = left.into_iter().map(|path| Waiting { path, records: None }).collect();
        let statement = to.table.insert();
        let told = (Timestamp(i64::MIN), Instant::now());
        Ok(Self { files, to, statement, waiting, shown, told, withheld: 0 })
    }

    /// The time as which the outbox judges: what must be on its way by now is due there.
    fn ahead(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::try_from(self.to.ahead_seconds).unwrap_or(i64::MAX))
    }

    fn hear(&mut self, now: Timestamp) -> Timestamp {
        self.told = (now, Instant::now());
        self.ahead(now)
    }

    /// The time at present, going on from what was told last.
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.told.1.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.told.0.0.saturating_add(since))
    }

    fn with_withheld(&mut self, mut delivered: Delivered) -> Delivered {
        delivered.withheld += std::mem::take(&mut self.withheld);
        delivered
    }

    /// Inserts a part and removes it. One that can no longer be there in time is left to the sweep.
    fn send(&mut self, waiting: &Waiting) -> Result<(), SinkError> {
        let name = waiting.path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Some(deadline) = part(&waiting.path).map(|part| part.deadline) else { return Ok(()) };
        let fault = |error: &io::Error| SinkError::io(waiting.path.display().to_string(), error, "");
        let bytes = match fs::read(&waiting.path) {
            Ok(bytes) => bytes,
            // A sweep has destroyed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fault(&error)),
        };
        let (began, mut pause, mut is_said) = (Instant::now(), PAUSE.0, false);
        loop {
            if bytes.is_empty() || deadline <= self.ahead(self.now()) {
                self.withheld += waiting.records.unwrap_or_default();
                say(
                    Level::Warning,
                    &TooLate { table: self.to.table.name.to_string(), records: waiting.records },
                );
                return Ok(());
            }
            let mut settings = ONE_BLOCK.to_vec();
            settings.push(("insert_deduplication_token", &name));
            let place = self.to.table.name.to_string();
            match self.to.client.insert(&place, &self.statement, &settings, &bytes) {
                Ok(()) => return fs::remove_file(&waiting.path).or_else(gone).map_err(|error| fault(&error)),
                Err(error) => {
                    let is_over = began.elapsed() >= self.to.patience || self.to.stop.load(Ordering::Relaxed);
                    if !error.may_pass() || is_over {
                        return Err(self.kept(&error));
                    }
                    if !is_said {
                        is_said = true;
                        say(Level::Warning, &Again(&error));
                    }
                }
            }
            self.wait(pause);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn wait(&self, pause: Duration) {
        let began = Instant::now();
        while began.elapsed() < pause && !self.to.stop.load(Ordering::Relaxed) {
            thread::sleep(STEP);
        }
    }

    fn kept(&self, error: &ClickHouseError) -> SinkError {
        // With the one in hand.
        let left = self.waiting.len() + 1;
        SinkError::Server(format!(
            "{error}; batches in the outbox of the state directory: {left}, and the next run inserts them"
        ))
    }
}

/// What a part's name says; `None` for a file that is none.
fn part(path: &Path) -> Option<PartName> {
    PartName::read(path.file_name()?.to_str()?)
}

fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

impl Sink for ClickHouse {
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        let ahead = self.hear(now);
        let delivered = self.files.write(batch, ahead)?;
        Ok(self.with_withheld(delivered))
    }

    fn tick(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let ahead = self.hear(now);
        let delivered = self.files.tick(ahead)?;
        Ok(self.with_withheld(delivered))
    }

    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let ahead = self.hear(now);
        let delivered = self.files.finish(ahead)?;
        Ok(self.with_withheld(delivered))
    }

    fn is_closing(&self) -> bool {
        self.files.is_closing() || !self.waiting.is_empty()
    }

    fn hold(&mut self, held: &mut Vec<Held>) -> Result<(), SinkError> {
        self.files.hold(held)
    }

    fn publish(&mut self) -> Result<(), SinkError> {
        let shown = self.files.publish();
        let mut new = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.extend(new.drain(..));
        drop(new);
        shown?;
        while let Some(waiting) = self.waiting.pop_front() {
            let sent = self.send(&waiting);
            if sent.is_err() {
                self.waiting.push_front(waiting);
                return sent;
            }
        }
        Ok(())
    }
}

/// A batch did not get through, and is tried again. It cannot show a record: an error of a server has places, numbers and our own words.
struct Again<'a>(&'a ClickHouseError);

impl std::fmt::Display for Again<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; the batch is tried again, and nothing more is taken meanwhile", self.0)
    }
}

impl Contentless for Again<'_> {}

/// A batch came too late for its partition. Its name and a number say nothing of a record.
struct TooLate {
    table: String,
    records: Option<u64>,
}

impl std::fmt::Display for TooLate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let records =
            self.records.map_or_else(|| "the records".to_owned(), |records| format!("{records} records"));
        write!(
            f,
            "table {}: {records} of a batch are withheld, since they would be due before they are surely there",
            self.table
        )
    }
}

impl Contentless for TooLate {}

/// The end of the names of this process's parts: a random number makes each name one that no other batch ever has.
///
/// # Errors
/// When the system has no random bytes.
pub fn suffix() -> io::Result<&'static str> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    // Once per sink and class: names of parts end in fixed text.
    Ok(Box::leak(format!("{:016x}.parquet", u64::from_le_bytes(random)).into_boxed_str()))
}
