//! Messages of topics on their way to sinks that are none: what a lane has read and treated, with how far it is.
//!
//! *In*: the clean batches of one lane, the messages that it refuses, the offsets behind both. *Out*: the same as of any delivery.
//! *Promised*: records and offsets go in together, under one lock, so that no checkpoint has one without the other. *Not here*: who
//! tells the group (`lane`).

use super::{AfterFailure, Clock, Delivery, State};
use crate::kafka::consumer::Partition;
use crate::pipeline::counts::Counts;
use crate::record::batch::CleanBatch;
use crate::record::span::Refusal;
use crate::record::timestamp::Timestamp;
use crate::sink::SinkError;

/// A message that holds something that failed. Raw: no `Debug`.
pub struct RefusedBytes<'a> {
    /// The input that it came by.
    pub input: usize,
    /// Why.
    pub refusal: Refusal,
    /// When a trusted system first had it.
    pub received: Timestamp,
    /// All of it.
    pub bytes: &'a [u8],
}

/// What a lane has of some messages.
pub struct Messages<'a> {
    /// By output.
    pub clean: &'a [CleanBatch],
    /// By input: what became of its records.
    pub counts: &'a [Counts],
    /// What failed.
    pub refused: &'a [RefusedBytes<'a>],
    /// One past the last offset, of each partition that something was read of.
    pub read_to: &'a [(Partition, i64)],
}

impl Delivery {
    /// Delivers messages, and ticks the sinks when that is due. False when the run has failed: stop.
    pub fn deliver_messages(&self, messages: &Messages<'_>, clock: Clock<'_>) -> bool {
        let mut state = self.lock();
        if state.failed.is_none() {
            let written = state.write_messages(messages, clock);
            state.failed =
                written.and_then(|()| state.tick(clock)).and_then(|()| state.settle(clock())).err();
        }
        state.failed.is_none()
    }

    /// Commits what was delivered, without waiting for its time. False when the run has failed: stop.
    pub fn commit_now(&self, clock: Clock<'_>) -> bool {
        let mut state = self.lock();
        if state.failed.is_none() && state.uncommitted {
            state.failed = state.commit(AfterFailure::Stop, clock()).err();
        }
        state.failed.is_none()
    }
}

impl State {
    fn write_messages(&mut self, messages: &Messages<'_>, clock: Clock<'_>) -> Result<(), SinkError> {
        if !messages.refused.is_empty() {
            self.refuse.refuse_messages(messages.refused, clock())?;
        }
        // Names of epochs are for topics.
        self.write_clean(messages.clean, &[], clock)?;
        messages.counts.iter().for_each(|counts| self.counts.add(counts));
        self.withheld.settle(&mut self.counts);
        let heard = messages.counts.iter().enumerate().filter(|(_, counts)| counts.records_in > 0);
        for (input, counts) in heard {
            self.metered.batch(input, counts, self.counts.withheld);
        }
        self.uncommitted = true;
        if let Some(commit) = &mut self.commit {
            for (partition, next) in messages.read_to {
                commit.read_to(partition, *next);
            }
        }
        Ok(())
    }
}
