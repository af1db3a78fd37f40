//! Files: one directory per class, parts that hold the records of one deadline bucket.
//!
//! *In*: clean batches of one class. *Out*: `<path>/<class>/<deadline>.<retention>.<pid>-<seq>.<suffix>`. *Promised*: a part is
//! complete or absent (PI-9); everything in a part is due at or after the deadline in its name and less than one bucket
//! later, so that removing the part by its name is never late (PI-4) and at most one bucket early; what would be due
//! before its part can be closed is withheld (PI-3). *Not here*: removing what is due (`retention::sweep`).
//!
//! A bucket is a [storage epoch](crate::keys::storage): the records whose instant, the deadline less the retention, lies in the same hour, or
//! the same twenty-fourth of the retention if that is less. So one key serves one bucket, and both go together. A part closes when it is [`Settings::close_secs`] old or
//! [`Settings::part_bytes_max`] large.
//!
//! A replay of old logs brings records of every bucket of the retention, in any order. So a sink may have a part open for
//! each (336 in 14 days); with fewer, each batch would close and open nearly all of them, and leave files of a few lines by the
//! ten thousand. Where descriptors do not suffice ([`descriptors`](super::descriptors)), the parts that were written least
//! recently close, an eighth of all at a time, since several parts close in one pass with one sync of the directory.

use std::collections::BTreeMap;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use super::crypt;
use super::pack::Packer;
use super::parquet::Table;
use super::part::{Closed, Namer, Part, show_all};
use super::{Delivered, Held, Sink, SinkError, runs};
use crate::encode::columns::Columns;
use crate::keys::{StorageKeys, storage};
use crate::record::batch::CleanBatch;
use crate::record::timestamp::Timestamp;

/// What parts are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Records as they are encoded, one per line.
    Plain,
    /// The same, as frames of zstd.
    Zstd,
    /// Parquet, from NDJSON with marks for keys.
    Parquet(Arc<Columns>),
}

/// How parts are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What follows the last point of a name: `ndjson`, `log`.
    pub suffix: &'static str,
    /// What is in them.
    pub form: Form,
    /// What the records of the class may live as they are stored.
    pub retention_secs: u64,
    /// How much sooner than its own deadline a record goes, since what is stored narrows or ends at a stage.
    pub sooner_secs: u64,
    /// How long before it is due a part must be closed, since it is rewritten at a stage; 0 where it is not.
    pub lead_secs: u64,
    /// Width of a deadline bucket, see [`bucket_secs`].
    pub bucket_secs: u64,
    /// Age at which a part closes. Never more than a bucket.
    pub close_secs: u64,
    /// Size at which a part closes.
    pub part_bytes_max: u64,
    /// Parts that may be open at once; each is one descriptor.
    pub open_parts_max: usize,
}

impl Settings {
    /// The defaults: a minute, 256 MiB, and a part for every bucket that a record may be in.
    pub fn new(suffix: &'static str, retention_secs: u64) -> Self {
        Self {
            suffix,
            form: Form::Plain,
            retention_secs,
            sooner_secs: 0,
            lead_secs: 0,
            bucket_secs: bucket_secs(retention_secs),
            close_secs: 60,
            part_bytes_max: 256 << 20,
            open_parts_max: open_parts(retention_secs),
        }
    }
}

/// The width of a bucket: that of a storage epoch.
pub const fn bucket_secs(retention_secs: u64) -> u64 {
    storage::epoch_seconds(retention_secs)
}

/// Bytes of records that wait in all parts of a sink.
const WAITING_BYTES_MAX: usize = 24 << 20;

/// Each open part is a descriptor and a file to sync when the sink closes. Longer retentions than half a year have more buckets.
const OPEN_PARTS_MAX: u64 = 4096;

/// Buckets that deadlines of live records are in at one time: those of the retention, one that it begins in the middle of, and
/// the one that begins while a part is open.
fn open_parts(retention_secs: u64) -> usize {
    (retention_secs / bucket_secs(retention_secs) + 2).min(OPEN_PARTS_MAX) as usize
}

/// Hears of every part that is closed.
pub type OnClose = Box<dyn FnMut(&Closed) + Send>;

/// Writes the records of one class to files.
pub struct FileSink {
    namer: Namer,
    settings: Settings,
    packer: Option<Packer>,
    /// By bucket.
    open: BTreeMap<Timestamp, Open>,
    /// Appends so far: the time that "least recently" is measured in.
    appends: u64,
    /// Whole and durable, waiting for their names.
    closing: Vec<Part>,
    /// Frames of parts that are closing as age files, until no checkpoint counts on them.
    superseded: Vec<Part>,
    /// Where what is stored is encrypted.
    keys: Option<StorageKeys>,
    on_close: Option<OnClose>,
    /// The runs of the batch in hand, sorted by bucket; kept for its memory.
    order: Vec<Piece>,
    /// Pieces of one bucket that do not lie side by side, copied together; kept for its memory.
    joined: Vec<u8>,
}

/// An open part, and when it was written last.
struct Open {
    part: Part,
    append: u64,
}

/// A run of the batch in hand.
#[derive(Clone, Copy)]
struct Piece {
    /// False when the bucket has an open part.
    new: bool,
    bucket: Timestamp,
    start: usize,
    end: usize,
    records: u64,
    deadline: Timestamp,
}

impl FileSink {
    /// Opens the directory of a class, creating it if need be, and removes what dead processes left half-written there.
    ///
    /// # Errors
    /// [`SinkError::Io`] when the directory cannot be made or read.
    pub fn open(directory: &Path, settings: Settings) -> Result<Self, SinkError> {
        let bucket_secs = settings.bucket_secs.max(1);
        let settings = Settings {
            bucket_secs,
            close_secs: settings.close_secs.min(bucket_secs),
            open_parts_max: settings.open_parts_max.max(1),
            ..settings
        };
        let namer = Namer::open(directory.to_path_buf(), settings.suffix, settings.retention_secs)?;
        let packer = match &settings.form {
            Form::Plain => None,
            Form::Zstd => Some(Packer::zstd()),
            Form::Parquet(columns) => Some(Packer::parquet(columns)),
        };
        let packer = packer.transpose();
        let packer = packer.map_err(|error| SinkError::io(directory.display().to_string(), &error, ""))?;
        Ok(Self {
            namer,
            settings,
            packer,
            open: BTreeMap::new(),
            appends: 0,
            closing: Vec::new(),
            superseded: Vec::new(),
            keys: None,
            on_close: None,
            order: Vec::new(),
            joined: Vec::new(),
        })
    }

    /// Calls `on_close` for every part from now on that is whole and visible.
    #[must_use]
    pub fn on_close(mut self, on_close: OnClose) -> Self {
        self.on_close = Some(on_close);
        self
    }

    /// Encrypts every part from now on under the key of its storage epoch. The suffix of files of lines ends with `age`.
    #[must_use]
    pub fn encrypted(mut self, keys: StorageKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// By when a part of this bucket must be gone: where it is encrypted, with its key; where it is rewritten at a stage, in time for that.
    fn goes(&self, bucket: Timestamp) -> Timestamp {
        let margin = self.keys.as_ref().map_or(0, |keys| keys.storage().margin_seconds());
        let margin = margin.max(self.settings.lead_secs);
        bucket.plus_seconds(-i64::try_from(margin).unwrap_or(i64::MAX))
    }

    /// A new part of this bucket.
    fn begin(&mut self, bucket: Timestamp, now: Timestamp) -> Result<Part, SinkError> {
        let Some(keys) = &self.keys else { return Part::open(&mut self.namer, bucket, now) };
        let fault = |problem: String| SinkError::Io { place: self.namer.directory(), problem };
        if let Form::Parquet(columns) = &self.settings.form {
            let sealing = crypt::sealing(keys, bucket, now).map_err(|error| fault(error.to_string()))?;
            let table = Table::new(columns, Some(sealing)).map_err(|error| fault(error.to_string()))?;
            return Ok(Part::open(&mut self.namer, bucket, now)?.of_columns(table));
        }
        let key = keys.key_of_deadline(bucket, now).map_err(|error| fault(error.to_string()))?;
        let mut part = Part::open(&mut self.namer, bucket, now)?;
        part.encrypt(key)?;
        Ok(part)
    }

    /// The start of the bucket that holds `deadline`: the deadline of its part.
    fn bucket(&self, deadline: Timestamp) -> Timestamp {
        let signed = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
        let (width, lives) = (signed(self.settings.bucket_secs), signed(self.settings.retention_secs));
        let instant = deadline.plus_seconds(-lives).seconds();
        Timestamp::from_seconds(instant.div_euclid(width).saturating_mul(width)).plus_seconds(lives)
    }

    /// The earliest bucket that can still be closed before it is due.
    fn first_safe(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::try_from(self.settings.close_secs).unwrap_or(i64::MAX))
    }

    /// Sorts the runs that may leave into buckets.
    fn sort(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        let mut delivered = Delivered::default();
        self.order.clear();
        let safe = self.first_safe(now);
        let sooner = i64::try_from(self.settings.sooner_secs).map_or(i64::MIN, |sooner| -sooner);
        let mut start = 0;
        for (run, bytes) in runs(batch) {
            let records = u64::from(run.records);
            let Some(deadline) = run.deadline else {
                return Err(SinkError::NoDeadline { place: self.namer.directory() });
            };
            let deadline = deadline.plus_seconds(sooner);
            let end = start + bytes.len();
            let bucket = self.bucket(deadline);
            if self.goes(bucket) <= safe {
                delivered.withheld += records;
            } else {
                delivered.records += records;
                let new = !self.open.contains_key(&bucket);
                self.order.push(Piece { new, bucket, start, end, records, deadline });
            }
            start = end;
        }
        // Within a bucket the order of the records is kept. Open parts come first: a new one may close them.
        self.order.sort_unstable_by_key(|piece| (piece.new, piece.bucket, piece.start));
        Ok(delivered)
    }

    /// Appends to the part of `bucket`, opening it if need be.
    fn append(
        &mut self,
        bucket: Timestamp,
        bytes: &[u8],
        (records, deadline_min): (u64, Timestamp),
        now: Timestamp,
    ) -> Result<Delivered, SinkError> {
        let mut delivered = Delivered::default();
        let mut part = if let Some(open) = self.open.remove(&bucket) {
            open.part
        } else {
            if self.open.len() >= self.settings.open_parts_max {
                delivered += self.close_least_recent(now)?;
            }
            self.begin(bucket, now)?
        };
        part.write(bytes, records, deadline_min, self.packer.as_mut())?;
        if part.bytes >= self.settings.part_bytes_max {
            delivered += self.close(vec![part], now)?;
        } else {
            self.appends += 1;
            self.open.insert(bucket, Open { part, append: self.appends });
        }
        Ok(delivered)
    }

    /// Writes what waits in the fullest part while more waits in all of them than may: many parts may be open, and memory is one.
    fn relieve(&mut self) -> Result<(), SinkError> {
        let Some(packer) = &mut self.packer else { return Ok(()) };
        let mut waiting: usize = self.open.values().map(|open| open.part.waiting()).sum();
        while waiting > WAITING_BYTES_MAX {
            let Some(fullest) = self.open.values_mut().max_by_key(|open| open.part.waiting()) else { break };
            waiting -= fullest.part.waiting();
            fullest.part.end_piece(packer)?;
        }
        Ok(())
    }

    fn close_least_recent(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let mut all: Vec<_> = self.open.iter().map(|(bucket, open)| (open.append, *bucket)).collect();
        all.sort_unstable();
        all.truncate((self.settings.open_parts_max / 8).max(1));
        let parts = all.iter().filter_map(|(_, bucket)| self.open.remove(bucket)).map(|open| open.part);
        let parts = parts.collect();
        let aside = self.closing.len();
        let closed = self.close(parts, now);
        // There are too few descriptors: those of parts that are only waiting for their names are needed.
        self.closing[aside..].iter_mut().for_each(Part::let_go);
        closed
    }

    /// Makes parts durable and sets them aside, and throws those away whose deadline has come while they were open.
    fn close(&mut self, parts: Vec<Part>, now: Timestamp) -> Result<Delivered, SinkError> {
        let mut delivered = Delivered::default();
        let mut first_error = None;
        for mut part in parts {
            if part.goes() <= now {
                delivered.withheld += part.records;
                part.discard();
                continue;
            }
            match part.sync(self.packer.as_mut()).and_then(|()| part.finished(&mut self.namer)) {
                Ok(None) => self.closing.push(part),
                Ok(Some(age)) => {
                    self.closing.push(age);
                    self.superseded.push(part);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(delivered), Err)
    }
}

impl Sink for FileSink {
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        let mut delivered = self.tick(now)?;
        delivered += self.sort(batch, now)?;
        let order = mem::take(&mut self.order);
        let mut result = Ok(());
        for same in order.chunk_by(|a, b| a.bucket == b.bucket) {
            let sums = same.iter().fold((0, Timestamp(i64::MAX)), |(records, deadline), piece| {
                (records + piece.records, deadline.min(piece.deadline))
            });
            let together = same.windows(2).all(|pair| pair[0].end == pair[1].start);
            let (first, last) = (same[0], same[same.len() - 1]);
            let written = if together {
                self.append(first.bucket, &batch.bytes()[first.start..last.end], sums, now)
            } else {
                let mut joined = mem::take(&mut self.joined);
                joined.clear();
                for piece in same {
                    joined.extend_from_slice(&batch.bytes()[piece.start..piece.end]);
                }
                let written = self.append(first.bucket, &joined, sums, now);
                self.joined = joined;
                written
            };
            match written {
                Ok(more) => delivered += more,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.order = order;
        result?;
        self.relieve()?;
        Ok(delivered)
    }

    fn tick(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let age = i64::try_from(self.settings.close_secs).unwrap_or(i64::MAX);
        // A clock that was set back makes a part look younger, never older than its deadline allows.
        let old = self.open.extract_if(.., |_, open| now >= open.part.opened.plus_seconds(age));
        let old = old.map(|(_, open)| open.part).collect();
        self.close(old, now)
    }

    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let all = mem::take(&mut self.open);
        self.close(all.into_values().map(|open| open.part).collect(), now)
    }

    fn is_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    fn hold(&mut self, held: &mut Vec<Held>) -> Result<(), SinkError> {
        for Open { part, .. } in self.open.values_mut() {
            part.sync(self.packer.as_mut())?;
            held.push(part.held(false));
        }
        held.extend(self.closing.iter().map(|part| part.held(true)));
        Ok(())
    }

    fn publish(&mut self) -> Result<(), SinkError> {
        let mut closed = Vec::new();
        let shown = show_all(mem::take(&mut self.closing), &mut self.namer, &mut closed);
        // The checkpoint that was just written counts on their age files.
        self.superseded.drain(..).for_each(Part::discard);
        if let Some(on_close) = &mut self.on_close {
            closed.iter().for_each(on_close);
        }
        shown
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod parquet_tests;
