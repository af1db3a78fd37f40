//! What happens to records that could not be parsed: said, sealed or discarded. Counted by the worker either way (PI-2).
//!
//! They are sealed some at a time, at the latest when the run commits: a followed log comes in batches of a few lines, and each would
//! have a sealed file of its own.

use super::delivery::{Refuse, RefusedBytes};
use super::worker::{Failure, Outcome};
use crate::config::plan::QuarantinePlan;
use crate::protect::quarantine::{Refused, Sealed, Sealer, shape};
use crate::record::batch::RawBatch;
use crate::record::span::Refusal;
use crate::record::timestamp::Timestamp;
use crate::sink::quarantine::Quarantine;
use crate::sink::{Held, SinkError};

/// See the module comment.
pub struct Refusals {
    sealing: Option<Sealing>,
    explain: bool,
}

/// Raw bytes that wait to be sealed, at most, and what one batch brings.
const PENDING_BYTES: usize = 1 << 20;

/// What is sealed, and where it goes.
struct Sealing {
    sources: Vec<String>,
    sealer: Sealer,
    directory: Quarantine,
    sealed: Sealed,
    /// Raw records, one after the other.
    bytes: Vec<u8>,
    pending: Vec<Pending>,
    /// When the last of them came to us.
    now: Timestamp,
}

/// A record that waits to be sealed.
struct Pending {
    input: usize,
    refusal: Refusal,
    received: Timestamp,
    /// One past its last byte; it begins where the one before ends.
    end: usize,
}

impl Sealing {
    fn gather(&mut self, input: usize, batch: &RawBatch, failures: &[Failure], now: Timestamp) {
        for failure in failures {
            self.add(input, failure.refusal, batch.received, content(batch, failure));
        }
        self.now = now;
    }

    fn add(&mut self, input: usize, refusal: Refusal, received: Timestamp, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.pending.push(Pending { input, refusal, received, end: self.bytes.len() });
    }

    /// Seals what was gathered, durable on return.
    fn seal(&mut self) -> Result<(), SinkError> {
        let Some(received) = self.pending.iter().map(|pending| pending.received).min() else { return Ok(()) };
        let mut start = 0;
        let records = self.pending.iter().map(|pending| {
            let bytes = &self.bytes[start..pending.end];
            start = pending.end;
            let source = self.sources.get(pending.input).map_or("", String::as_str);
            Refused { source, refusal: pending.refusal, received: pending.received, bytes }
        });
        self.sealer
            .seal(records, &mut self.sealed)
            .map_err(|error| SinkError::Io { place: "quarantine".to_owned(), problem: error.to_string() })?;
        self.directory.write(&self.sealed, received, self.now)?;
        self.pending.clear();
        self.bytes.clear();
        Ok(())
    }
}

impl Refusals {
    /// Counts only, and with `explain` says the shape of each failing record on standard error.
    pub fn discarding(explain: bool) -> Self {
        Self { sealing: None, explain }
    }

    /// Seals to the recipients of `plan`, if there is one with a directory; `sources` are the names of the inputs.
    pub fn new(
        plan: Option<&QuarantinePlan>,
        sources: Vec<String>,
        explain: bool,
    ) -> Result<Self, SinkError> {
        // Into a topic the lanes seal themselves.
        let sealing = plan
            .and_then(|plan| Some((plan, plan.directory()?)))
            .map(|(plan, directory)| {
                let recipients: Vec<String> = plan.recipients.iter().map(ToString::to_string).collect();
                let sealer = Sealer::new(&recipients).map_err(|error| SinkError::Io {
                    place: "quarantine".to_owned(),
                    problem: error.to_string(),
                })?;
                let directory = Quarantine::open(directory.to_owned(), plan.retention_seconds)?;
                Ok::<_, SinkError>(Sealing {
                    sources,
                    sealer,
                    directory,
                    sealed: Sealed::default(),
                    bytes: Vec::new(),
                    pending: Vec::new(),
                    now: Timestamp(0),
                })
            })
            .transpose()?;
        Ok(Self { sealing, explain })
    }

    fn explain(batch: &RawBatch, failures: &[Failure], first_record: u64) {
        for failure in failures {
            let (number, reason) = (first_record + failure.record, failure.refusal.name());
            anstream::eprintln!("record {number}: {reason}: {}", shape(content(batch, failure)));
        }
    }
}

/// A failing record without its final newline.
fn content<'a>(batch: &'a RawBatch, failure: &Failure) -> &'a [u8] {
    let bytes = &batch.bytes[failure.start..failure.end];
    bytes.strip_suffix(b"\n").unwrap_or(bytes)
}

impl Refuse for Refusals {
    fn refuse(
        &mut self,
        input: usize,
        batch: &RawBatch,
        outcome: &Outcome,
        first_record: u64,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        if self.explain {
            Self::explain(batch, &outcome.failures, first_record);
        }
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        sealing.gather(input, batch, &outcome.failures, now);
        if sealing.bytes.len() >= PENDING_BYTES { sealing.seal() } else { Ok(()) }
    }

    fn refuse_messages(&mut self, messages: &[RefusedBytes<'_>], now: Timestamp) -> Result<(), SinkError> {
        for RefusedBytes { refusal, bytes, .. } in messages.iter().filter(|_| self.explain) {
            anstream::eprintln!("message: {}: {}", refusal.name(), shape(bytes));
        }
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        for message in messages {
            sealing.add(message.input, message.refusal, message.received, message.bytes);
            sealing.now = now;
            // One by one: a batch of messages may be large.
            if sealing.bytes.len() >= PENDING_BYTES {
                sealing.seal()?;
            }
        }
        Ok(())
    }

    fn is_closing(&self) -> bool {
        self.sealing.as_ref().is_some_and(|sealing| sealing.directory.is_closing())
    }

    fn hold(&mut self, held: &mut Vec<Held>, now: Timestamp) -> Result<(), SinkError> {
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        sealing.now = now;
        sealing.seal()?;
        sealing.directory.hold(held, now);
        Ok(())
    }

    fn publish(&mut self) -> Result<(), SinkError> {
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        sealing.seal()?;
        sealing.directory.publish().map(drop)
    }
}
