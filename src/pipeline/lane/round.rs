//! A round: what is read and written between two commits, and how it becomes a fact or is undone.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::event::LaneEvent;
use super::live::Lane;
use crate::kafka::KafkaError;
use crate::kafka::error::Remedy;
use crate::kafka::producer::LaneProducer;
use crate::pipeline::counts::Counts;

/// How long receipts are waited for under at least once; the client gives a message up before.
const RECEIPTS: Duration = Duration::from_secs(35);

/// How often a call is made again that the client says can be.
const RETRIES: usize = 5;

/// See the module comment.
pub(super) struct Round {
    began: Instant,
    /// Bytes read.
    pub bytes: u64,
    /// By input: what it has done; added to the totals when it is a fact.
    pub counts: Vec<Counts>,
}

impl Round {
    /// Time until it is to be committed.
    pub(super) fn left(&self, every: Duration) -> Duration {
        every.saturating_sub(self.began.elapsed())
    }
}

/// Errors that say: the group does not know us as it did. Whatever was read belongs to somebody else by now.
pub(super) fn is_of_group(code: Option<RDKafkaErrorCode>) -> bool {
    use RDKafkaErrorCode as E;
    matches!(
        code,
        Some(
            E::IllegalGeneration
                | E::UnknownMemberId
                | E::RebalanceInProgress
                | E::FencedInstanceId
                | E::AssignmentLost
        )
    )
}

/// Rests while something is waited for `since` then: shortly at first, for it mostly comes soon, and longer when it does not come, so that
/// brokers that are away cost nothing.
pub(super) fn rest(since: Instant) {
    std::thread::sleep((since.elapsed() / 8).clamp(Duration::from_millis(1), Duration::from_millis(50)));
}

impl Lane<'_> {
    /// What it sends by. A lane that has none has a store, and calls nothing that needs it.
    pub(super) fn producer(&self) -> Result<&LaneProducer, KafkaError> {
        self.producer.as_ref().ok_or(KafkaError::Call { what: "sending", code: RDKafkaErrorCode::State })
    }

    /// Begins a round, if none is open.
    pub(super) fn begin(&mut self) -> Result<&mut Round, KafkaError> {
        if self.round.is_none() {
            if self.setup.is_exactly_once() {
                self.producer()?.begin()?;
            }
            self.round = Some(Round {
                began: Instant::now(),
                bytes: 0,
                counts: vec![Counts::default(); self.setup.inputs.len()],
            });
        }
        self.round
            .as_mut()
            .ok_or(KafkaError::Call { what: "beginning a round", code: RDKafkaErrorCode::State })
    }

    /// Ends the round at hand: it is a fact on return, or undone and about to be read again. An error means that this lane cannot go on.
    pub(super) fn settle(&mut self) -> Result<(), KafkaError> {
        if let Some(store) = &self.setup.store {
            return self.settle_store(store);
        }
        let Some(began) = self.round.as_ref().map(|round| round.began) else { return Ok(()) };
        let done =
            if self.setup.is_exactly_once() { self.commit_transaction() } else { self.commit_receipts() };
        if let Err(error) = done {
            return match error {
                KafkaError::Transaction { remedy: Remedy::Renew, .. } => Err(error),
                error => self.give_up(Some(&error)),
            };
        }
        self.holding.settle();
        self.has_committed = true;
        let after = began.elapsed();
        if let Some(Round { counts, bytes, .. }) = self.round.take() {
            for counts in &counts {
                self.totals.add(counts);
            }
            self.around.events.tell(LaneEvent::Committed {
                lane: self.number,
                after,
                counts: &counts,
                bytes,
            });
        }
        Ok(())
    }

    fn commit_transaction(&mut self) -> Result<(), KafkaError> {
        let group = self.group.as_ref().ok_or(KafkaError::Call {
            what: "committing a transaction",
            code: RDKafkaErrorCode::UnknownMemberId,
        })?;
        let positions = self.holding.progress();
        self.again(|lane| lane.producer()?.add_positions(&positions, group))?;
        self.again(|lane| lane.producer()?.commit())
    }

    /// A call that may be repeated is repeated: whether a commit has become a fact is known only when it is answered.
    fn again(&self, call: impl Fn(&Self) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
        let mut tries = 0;
        loop {
            self.beat.now();
            match call(self) {
                Err(KafkaError::Transaction { remedy: Remedy::Retry, .. }) if tries < RETRIES => tries += 1,
                // Still open, and perhaps a fact: a new producer of the same name finds out.
                Err(KafkaError::Transaction { what, code, remedy: Remedy::Retry }) => {
                    return Err(KafkaError::Transaction { what, code, remedy: Remedy::Renew });
                }
                done => return done,
            }
        }
    }

    fn commit_receipts(&mut self) -> Result<(), KafkaError> {
        let began = Instant::now();
        let lost = |code| KafkaError::Call { what: "waiting for receipts", code };
        loop {
            let producer = self.producer()?;
            if producer.has_failed() {
                return Err(lost(RDKafkaErrorCode::Fail));
            }
            if producer.in_flight() == 0 {
                break;
            }
            if began.elapsed() > RECEIPTS {
                return Err(lost(RDKafkaErrorCode::MessageTimedOut));
            }
            self.beat.now();
            rest(began);
        }
        let positions: Vec<_> =
            self.holding.progress().into_iter().map(|(partition, at)| (partition, Some(at))).collect();
        if positions.is_empty() { Ok(()) } else { self.consumer.commit(&positions) }
    }

    /// Undoes the round at hand; its records are read again, from where the group is. Where the group does not know us any more, it has
    /// to speak first.
    pub(super) fn give_up(&mut self, error: Option<&KafkaError>) -> Result<(), KafkaError> {
        if self.setup.store.is_some() {
            // The sinks keep what they have: it is stored with the next checkpoint, whoever reads on.
            self.holding.forget();
        }
        let Some(round) = self.round.take() else { return Ok(()) };
        let after = round.began.elapsed();
        self.around.events.tell(LaneEvent::Aborted { lane: self.number, error, after, bytes: round.bytes });
        if self.setup.is_exactly_once() {
            self.again(|lane| lane.producer()?.abort())?;
        } else if let Some(producer) = &self.producer {
            producer.forget_failures();
        }
        self.holding.forget();
        if is_of_group(error.and_then(KafkaError::code)) {
            self.awaits_group = Some(Instant::now());
            return Ok(());
        }
        self.rewind()
    }

    /// The lane ends, and with it whatever is open: the next producer of its name, or the broker, aborts it.
    pub(super) fn abandon(&mut self) {
        self.leave_to_others(&self.holding.partitions());
        if let Some(round) = self.round.take() {
            let after = round.began.elapsed();
            self.around.events.tell(LaneEvent::Aborted {
                lane: self.number,
                error: None,
                after,
                bytes: round.bytes,
            });
        }
    }
}
