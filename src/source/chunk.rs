//! One core for every stream of bytes: reads, cuts at the end of the last whole record, carries the rest over.
//!
//! *In*: an [`Input`] (pipe, file, decompressor). *Out*: [`RawBatch`]es of whole records. *Promised*: which records come
//! out does not depend on how the bytes were cut into reads; memory is bounded by one record bound and one batch; after
//! warm-up nothing is allocated, since the bytes are read straight into the caller's recycled batch and only the
//! unfinished record at its end is copied, once, into the next. *Not here*: what is a record (`frame`), which file
//! (`file`), what went wrong in words (`error`).
//!
//! ```text
//! fill:  batch = [carry]                       what the last batch could not deliver
//!        loop: search what is new              frame::Frame
//!              whole records, and enough or nothing more waiting  → deliver them, carry the rest
//!              a record beyond the bound       → keep its beginning, read over the rest, deliver it as `cut`
//!              the end                         → deliver everything
//!              half a second in this call      → say Waiting
//!              nothing for 500 ms              → deliver a record of several lines, or say Silence
//!              read more
//! ```
//!
//! A record ends after 500 ms of silence (design, section 2) when the last line that came is whole. A line without its newline is
//! held for the newline, the end or the bound, whichever comes first, unless [`Unfinished::Ends`] is asked for: writers
//! that buffer by blocks (4 KiB of C's stdio) pause in the middle of a line, and half an e-mail address is not found by a
//! scrubber. Decided 2026-11-21; revisit if a producer is met that never ends its last line and keeps the pipe open.
//!
//! Two times are told apart. *Silence* is measured from the last byte that came, across calls, and may end a record. The *time of a
//! call* ends none: it only brings the caller back, to look at its stop flag and tick its sinks, while a line trickles in or
//! passes that has no end. The longest wait of a call begins just before its half second is over, so a call lasts a second at
//! most.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Fill;
use super::frame::{Frame, Skip, TooLong};
use super::input::{Input, Ready};
use crate::format::Parser;
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;

/// How long nothing must arrive until a record of several lines is taken as whole (design, section 2).
pub const SILENCE: Duration = Duration::from_millis(500);

/// Bytes that a batch aims at: it stays within the second-level cache of one core.
pub const BATCH_BYTES: usize = 256 << 10;

/// Bytes of the longest record that is not cut.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// How long a call goes on reading before it comes back without records.
const CALL: Duration = Duration::from_millis(500);

/// What a silence does to a line whose newline has not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfinished {
    /// It is held until its newline, the end of input or the bound.
    #[default]
    Waits,
    /// It is delivered as a record; what follows begins another.
    Ends,
}

/// Sizes, and what a silence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes that a batch aims at.
    pub batch_bytes: usize,
    /// Bytes of the longest record, its final newline not counted; a longer one is cut.
    pub record_bytes_max: usize,
    /// What a silence does to an unfinished line.
    pub unfinished: Unfinished,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            batch_bytes: BATCH_BYTES,
            record_bytes_max: RECORD_BYTES_MAX,
            unfinished: Unfinished::default(),
        }
    }
}

/// Tells the time of reception; tests pass their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Measures how long something takes; tests have their own. The clock above cannot: it may be set, or stand still (`--as-of`).
pub(super) type Stopwatch = Arc<dyn Fn() -> Instant + Send + Sync>;

/// How the input stands.
enum State {
    /// More may come.
    Open,
    /// It has ended.
    Ended,
    /// Nobody wants more of it: what was read is delivered, an unfinished line as cut.
    Stopped,
    /// It failed: the same, then the error.
    Broken(io::Error),
}

/// Reads batches of whole records from an input.
pub struct ChunkReader<I> {
    input: I,
    clock: Clock,
    stopwatch: Stopwatch,
    /// When the last byte came, or the last silence was over.
    quiet_since: Instant,
    /// Nothing was received later than this: a file's modification time.
    received_max: Option<Timestamp>,
    /// How long a call may wait for something to arrive.
    patience: Duration,
    bounds: Bounds,
    state: State,
    frame: Frame,
    /// Set while the rest of a record beyond the bound is read over.
    skip: Option<Skip>,
    /// The beginning of the record that is still being read, and when it came.
    carry: Vec<u8>,
    carry_received: Timestamp,
}

impl<I: Input> ChunkReader<I> {
    /// Reads `input`. `received_max` is a file's modification time; a pipe has none.
    ///
    /// A batch is never aimed larger than the record bound, and both are at least one byte.
    pub fn new(input: I, bounds: Bounds, clock: Clock, received_max: Option<Timestamp>) -> Self {
        let record_bytes_max = bounds.record_bytes_max.max(1);
        let batch_bytes = bounds.batch_bytes.clamp(1, record_bytes_max);
        Self {
            input,
            clock,
            stopwatch: Arc::new(Instant::now),
            quiet_since: Instant::now(),
            received_max,
            patience: SILENCE,
            bounds: Bounds { batch_bytes, record_bytes_max, ..bounds },
            state: State::Open,
            frame: Frame::default(),
            skip: None,
            carry: Vec::new(),
            carry_received: Timestamp(i64::MAX),
        }
    }

    /// Reads no more: the next calls of [`fill`](Self::fill) deliver what was read already, then the end.
    pub fn stop(&mut self) {
        if matches!(self.state, State::Open) {
            self.state = State::Stopped;
        }
    }

    /// Measures with `stopwatch` from here on.
    pub(super) fn set_stopwatch(&mut self, stopwatch: Stopwatch) {
        self.quiet_since = stopwatch();
        self.stopwatch = stopwatch;
    }

    /// The input, for what it knows of itself.
    pub fn input(&self) -> &I {
        &self.input
    }

    /// The input, to be told something.
    pub fn input_mut(&mut self) -> &mut I {
        &mut self.input
    }

    /// Calls wait no longer than this for something to arrive.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// A file was written since: nothing in it was received later than `received_max`.
    pub fn set_received_max(&mut self, received_max: Timestamp) {
        self.received_max = Some(received_max);
    }

    /// Bytes that were read and not delivered: the beginning of a record.
    pub fn held_bytes(&self) -> usize {
        self.carry.len()
    }

    /// Fills the (cleared) batch with the next whole records. Comes back within a second, whatever the input does.
    ///
    /// # Errors
    /// The input's own error, once, after everything that was read before it was delivered; then [`Fill::End`].
    pub fn fill<P: Parser + ?Sized>(&mut self, parser: &P, batch: &mut RawBatch) -> io::Result<Fill> {
        batch.clear();
        batch.bytes.extend_from_slice(&self.carry);
        let began = (self.stopwatch)();
        let mut call = Call { carried: self.carry.len(), fresh: 0, fresh_received: None };
        loop {
            if self.skip.is_some() {
                if let Some(end) = self.read_over(parser, batch) {
                    return Ok(self.deliver_cut(batch, &call, end));
                }
            } else if let Some(long) = self.frame.advance(
                parser,
                &batch.bytes,
                self.bounds.record_bytes_max,
                !matches!(self.state, State::Open),
            ) {
                if long.start > 0 {
                    return Ok(self.deliver(batch, &call, long.start));
                }
                if let Some(end) = self.begin_cut(batch, long) {
                    return Ok(self.deliver_cut(batch, &call, end));
                }
                continue;
            }
            if !matches!(self.state, State::Open) {
                return self.last(parser, batch, &call);
            }
            let now = (self.stopwatch)();
            let late = now.saturating_duration_since(began) >= CALL;
            let whole = self.frame.whole;
            if whole > 0
                && self.skip.is_none()
                && (call.fresh * 2 >= self.bounds.batch_bytes || late || self.nothing_waits())
            {
                return Ok(self.deliver(batch, &call, whole));
            }
            if late {
                return Ok(self.hold(batch, &call));
            }
            if let Some(fill) = self.read_more(parser, batch, &mut call, now) {
                return Ok(fill);
            }
        }
    }

    fn nothing_waits(&mut self) -> bool {
        !matches!(self.input.ready(Duration::ZERO), Ok(Ready::Now))
    }

    /// Waits for bytes and appends them, for what is left of a silence at `now`. `Some` ends the call: nothing came.
    fn read_more<P: Parser + ?Sized>(
        &mut self,
        parser: &P,
        batch: &mut RawBatch,
        call: &mut Call,
        now: Instant,
    ) -> Option<Fill> {
        let quiet = now.saturating_duration_since(self.quiet_since);
        let silence = SILENCE.saturating_sub(quiet);
        match self.input.ready(silence.min(self.patience)) {
            Ok(Ready::Now) => {}
            Ok(Ready::Silence) if self.patience < silence => return Some(self.hold(batch, call)),
            Ok(Ready::Silence) => {
                self.quiet_since = (self.stopwatch)();
                return Some(self.silence(parser, batch, call));
            }
            Ok(Ready::Interrupted) => return Some(self.hold(batch, call)),
            Err(error) => {
                self.state = State::Broken(error);
                return None;
            }
        }
        let wanted = self.bounds.batch_bytes;
        if batch.bytes.capacity() - batch.bytes.len() < wanted.div_ceil(2) {
            batch.bytes.reserve_exact(wanted);
        }
        // Twice the aim, so that a buffer from the pool is read into as it is, but never more than the bound: the
        // search counts on that.
        let bytes_max = (2 * wanted).min(self.bounds.record_bytes_max);
        match self.input.read_into(&mut batch.bytes, bytes_max) {
            Ok(0) => self.state = State::Ended,
            Ok(read) => {
                self.quiet_since = (self.stopwatch)();
                call.fresh += read;
                if call.fresh_received.is_none() {
                    call.fresh_received = Some(self.now());
                }
            }
            // Something came, though nothing that can be given yet: the middle of a compressed block.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.quiet_since = (self.stopwatch)();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.state = State::Broken(error),
        }
        None
    }

    fn now(&self) -> Timestamp {
        let now = (self.clock)();
        self.received_max.map_or(now, |received| received.min(now))
    }

    /// Nothing came for 500 ms: a record of several lines is whole when its last line is.
    fn silence<P: Parser + ?Sized>(&mut self, parser: &P, batch: &mut RawBatch, call: &Call) -> Fill {
        let held = batch.bytes.len();
        let line_whole = parser.multi_line() && self.frame.line == held;
        if self.skip.is_none() && held > 0 && (line_whole || self.bounds.unfinished == Unfinished::Ends) {
            return self.deliver_all(batch, call);
        }
        let waiting = self.hold(batch, call);
        if held > 0 { waiting } else { Fill::Silence }
    }

    /// The input has ended, was stopped or failed, and holds no record beyond the bound.
    fn last<P: Parser + ?Sized>(
        &mut self,
        parser: &P,
        batch: &mut RawBatch,
        call: &Call,
    ) -> io::Result<Fill> {
        let held = batch.bytes.len();
        if let Some(skip) = self.skip.take() {
            // The end came while a record was read over: everything left belongs to it.
            batch.cut = true;
            batch.skipped_bytes = skip.skipped(parser.multi_line() && skip.at_line_start());
            return Ok(self.deliver_all(batch, call));
        }
        if held == 0 {
            let state = mem::replace(&mut self.state, State::Ended);
            return if let State::Broken(error) = state { Err(error) } else { Ok(Fill::End) };
        }
        if matches!(self.state, State::Ended) || self.frame.whole == held {
            return Ok(self.deliver_all(batch, call));
        }
        if self.frame.whole > 0 {
            return Ok(self.deliver(batch, call, self.frame.whole));
        }
        // What is left was cut off in its middle, unless it is whole lines of a record of several.
        batch.cut = batch.bytes.last() != Some(&b'\n');
        Ok(self.deliver_all(batch, call))
    }

    /// Keeps the beginning of the record beyond the bound. `Some` is where the next record begins, if that is known.
    fn begin_cut(&mut self, batch: &mut RawBatch, long: TooLong) -> Option<usize> {
        let kept = self.bounds.record_bytes_max;
        if let Some(end) = long.end {
            batch.skipped_bytes = (end - 1 - kept) as u64;
            return Some(end);
        }
        self.skip = Some(Skip::begin(&mut batch.bytes, long.known, kept));
        None
    }

    /// Goes on reading over. `Some` is where the next record begins.
    fn read_over<P: Parser + ?Sized>(&mut self, parser: &P, batch: &mut RawBatch) -> Option<usize> {
        let ended = !matches!(self.state, State::Open);
        let skip = self.skip.as_mut()?;
        let end = skip.advance(parser, &mut batch.bytes, ended)?;
        batch.skipped_bytes = skip.skipped(true);
        self.skip = None;
        Some(end)
    }

    /// Delivers the first bytes of a record beyond the bound; the next one begins at `end`.
    fn deliver_cut(&mut self, batch: &mut RawBatch, call: &Call, end: usize) -> Fill {
        self.frame = Frame::default();
        self.keep(batch, call, end);
        batch.bytes.truncate(self.bounds.record_bytes_max);
        batch.cut = true;
        Fill::Records
    }

    /// Delivers the whole records up to `end` and carries the rest.
    fn deliver(&mut self, batch: &mut RawBatch, call: &Call, end: usize) -> Fill {
        self.frame = self.frame.shifted(end);
        self.keep(batch, call, end);
        batch.bytes.truncate(end);
        Fill::Records
    }

    fn deliver_all(&mut self, batch: &mut RawBatch, call: &Call) -> Fill {
        self.frame = Frame::default();
        self.keep(batch, call, batch.bytes.len());
        Fill::Records
    }

    /// Delivers nothing and carries everything.
    fn hold(&mut self, batch: &mut RawBatch, call: &Call) -> Fill {
        self.keep(batch, call, 0);
        batch.bytes.clear();
        Fill::Waiting
    }

    /// Carries what stands from `end` on, and dates batch and carry: a byte was received no later than the first read of
    /// the call that brought it.
    fn keep(&mut self, batch: &mut RawBatch, call: &Call, end: usize) {
        let fresh = call.fresh_received.unwrap_or(self.carry_received);
        batch.received = if call.carried > 0 { self.carry_received } else { fresh };
        self.carry_received = if end < call.carried { batch.received } else { fresh };
        self.carry.clear();
        self.carry.extend_from_slice(&batch.bytes[end..]);
    }
}

/// What one call of [`ChunkReader::fill`] has done so far.
struct Call {
    /// Bytes of the batch that came from the call before.
    carried: usize,
    /// Bytes read.
    fresh: usize,
    /// When the first of them came.
    fresh_received: Option<Timestamp>,
}

#[cfg(test)]
#[path = "chunk_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "chunk_pace_tests.rs"]
mod pace_tests;
