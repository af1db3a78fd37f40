//! The two batches: raw bytes on their way in, clean bytes on their way out.
//!
//! A [`RawBatch`] may hold anything and can be given to a worker only. A [`CleanBatch`] is the only thing a sink accepts;
//! it is filled through [`CleanBatch::append`], which asks for two proofs: that `protect` treated the record
//! ([`Treated`](crate::protect::Treated)) and that `retention` stamped it ([`Stamp`](crate::retention::deadline::Stamp)).
//! Neither has a constructor outside its room.

use std::mem;

use super::span::Refusal;
use super::timestamp::Timestamp;
use crate::protect::Treated;
use crate::retention::deadline::Stamp;

/// Bytes as they came from a source: whole records, each ended by a newline (the last one perhaps not).
///
/// No `Debug`, no `Display`, no `Serialize`: it may hold anything.
pub struct RawBatch {
    /// The records, one after the other.
    pub bytes: Vec<u8>,
    /// When a trusted system first had these records.
    pub received: Timestamp,
    /// True when `bytes` is the beginning of one record whose rest is gone: it exceeded the size bound, or the input broke
    /// off inside it. Never parsed; [`RawBatch::refusal`] says as what it is refused.
    pub cut: bool,
    /// Bytes of that record beyond the size bound, which were read over. 0 when the input broke off.
    pub skipped_bytes: u64,
    /// Where it ends, if its source can be asked again from there.
    pub mark: Option<Mark>,
}

/// Where a batch ends in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Number of the file, given by its source.
    pub file: u32,
    /// Bytes of the (decompressed) file up to the end of the batch.
    pub end: u64,
}

impl RawBatch {
    /// An empty batch with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        let bytes = Vec::with_capacity(capacity);
        Self { bytes, received: Timestamp(0), cut: false, skipped_bytes: 0, mark: None }
    }

    /// Why the record of a cut batch is refused; `None` for a batch of whole records.
    pub const fn refusal(&self) -> Option<Refusal> {
        match (self.cut, self.skipped_bytes) {
            (false, _) => None,
            (true, 0) => Some(Refusal::Truncated),
            (true, _) => Some(Refusal::TooLong),
        }
    }

    /// Empties it, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.cut = false;
        self.skipped_bytes = 0;
        self.mark = None;
    }
}

/// Consecutive records of a clean batch whose deadlines lie in the same minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// One past the last byte of the run in the batch; it begins where the one before ends.
    pub end: usize,
    /// Records in the run.
    pub records: u32,
    /// The earliest deadline in the run; `None` when nothing is to be stored (`filter` without a policy).
    pub deadline: Option<Timestamp>,
}

/// The records of one message of a log of messages, which stay together in one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// One past the last byte in the batch; it begins where the one before ends.
    pub end: usize,
    /// Records in it.
    pub records: u32,
    /// The number that its origin was given.
    pub origin: u32,
    /// The earliest deadline in it.
    pub deadline: Option<Timestamp>,
    /// The epoch of its last record (its first, where a key or headers go with it), as a number given by whoever treated it.
    pub epoch: u32,
}

/// Records that may leave: treated, stamped and encoded, of one class and one output.
pub struct CleanBatch {
    bytes: Vec<u8>,
    runs: Vec<Run>,
    frames: Vec<Frame>,
    /// The records since the last frame, and the earliest deadline among them.
    open: (u32, Option<Timestamp>),
}

impl Default for CleanBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl CleanBatch {
    /// An empty batch.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), runs: Vec::new(), frames: Vec::new(), open: (0, None) }
    }

    /// Adds one encoded record that ends at the end of `bytes`: `fill` writes it, `treated` and `stamp` prove it may leave.
    #[inline]
    pub fn append(&mut self, stamp: &Stamp, fill: impl FnOnce(&mut Vec<u8>) -> Treated) {
        let _: Treated = fill(&mut self.bytes);
        let deadline = stamp.deadline();
        let end = self.bytes.len();
        self.open.1 = if self.open.0 == 0 { deadline } else { self.open.1.min(deadline) };
        self.open.0 += 1;
        match self.runs.last_mut() {
            Some(run) if run.deadline == deadline || same_minute(run.deadline, deadline) => {
                run.end = end;
                run.records += 1;
                run.deadline = run.deadline.min(deadline);
            }
            _ => self.runs.push(Run { end, records: 1, deadline }),
        }
    }

    /// Closes the frame of the records that were added since the last, if there are any; false when there are none.
    #[inline]
    pub fn close_frame(&mut self, origin: u32, epoch: u32) -> bool {
        let (records, deadline) = mem::take(&mut self.open);
        if records == 0 {
            return false;
        }
        self.frames.push(Frame { end: self.bytes.len(), records, origin, deadline, epoch });
        true
    }

    /// Names another epoch in the last frame.
    pub fn name_epoch(&mut self, epoch: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.epoch = epoch;
        }
    }

    /// The frames, in order. Nothing lies between them; records that were added after the last are in none.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Every byte of the batch.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The runs, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Records in the batch.
    pub fn records(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.records)).sum()
    }

    /// True when it holds no record.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Empties it, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
        self.frames.clear();
        self.open = (0, None);
    }
}

fn same_minute(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.seconds().div_euclid(60) == b.seconds().div_euclid(60),
        _ => false,
    }
}
