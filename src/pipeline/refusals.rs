//! What happens to records that could not be parsed: said, sealed or discarded. Counted by the worker either way (PI-2).

use super::delivery::Refuse;
use super::worker::{Failure, Outcome};
use crate::config::plan::QuarantinePlan;
use crate::protect::quarantine::{Refused, Sealed, Sealer, shape};
use crate::record::batch::RawBatch;
use crate::record::timestamp::Timestamp;
use crate::sink::quarantine::Quarantine;
use crate::sink::{Held, SinkError};

/// See the module comment.
pub struct Refusals {
    sources: Vec<String>,
    sealing: Option<(Sealer, Quarantine, Sealed)>,
    explain: bool,
}

impl Refusals {
    /// Counts only, and with `explain` says the shape of each failing record on standard error.
    pub fn discarding(explain: bool) -> Self {
        Self { sources: Vec::new(), sealing: None, explain }
    }

    /// Seals to the recipients of `plan`, if there is one; `sources` are the names of the inputs.
    pub fn new(
        plan: Option<&QuarantinePlan>,
        sources: Vec<String>,
        explain: bool,
    ) -> Result<Self, SinkError> {
        let sealing = plan
            .map(|plan| {
                let recipients: Vec<String> = plan.recipients.iter().map(ToString::to_string).collect();
                let sealer = Sealer::new(&recipients).map_err(|error| SinkError::Io {
                    place: "quarantine".to_owned(),
                    problem: error.to_string(),
                })?;
                let directory = Quarantine::open(plan.directory.clone(), plan.retention_seconds)?;
                Ok::<_, SinkError>((sealer, directory, Sealed::default()))
            })
            .transpose()?;
        Ok(Self { sources, sealing, explain })
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
        let Some((sealer, directory, sealed)) = &mut self.sealing else { return Ok(()) };
        let source = self.sources.get(input).map_or("", String::as_str);
        let records = outcome.failures.iter().map(|failure| Refused {
            source,
            refusal: failure.refusal,
            received: batch.received,
            bytes: content(batch, failure),
        });
        sealer
            .seal(records, sealed)
            .map_err(|error| SinkError::Io { place: "quarantine".to_owned(), problem: error.to_string() })?;
        directory.write(sealed, batch.received, now)?;
        Ok(())
    }

    fn is_closing(&self) -> bool {
        self.sealing.as_ref().is_some_and(|(_, directory, _)| directory.is_closing())
    }

    fn hold(&self, held: &mut Vec<Held>) {
        if let Some((_, directory, _)) = &self.sealing {
            directory.hold(held);
        }
    }

    fn publish(&mut self) -> Result<(), SinkError> {
        self.sealing.as_mut().map_or(Ok(()), |(_, directory, _)| directory.publish().map(drop))
    }
}
