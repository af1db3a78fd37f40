//! Where lanes deliver to what is no topic: sinks that they share, and that hold back what the group is told.
//!
//! *In*: clean batches of every lane. *Out*: parts and quarantine, as of any pipeline; positions of the group. *Promised* (PI-9): the group
//! is told of nothing that a checkpoint does not have; what a checkpoint has is not read again by this state directory, even when the group was never
//! told ([`Offsets`]). So a crash doubles nothing, unless another process takes the partitions over before this one is back: then
//! at most what was stored and not told, the time of one call, is twice in their stores. *Not here*: how parts become durable
//! (`delivery`).
//!
//! Chosen on 2026-11-27: one delivery for all lanes, behind its lock, over one per lane. Parts are cut by deadline, and with a set of them
//! per lane there would be as many times more files and descriptors; appending is a copy, and small beside reading and treating.

use std::sync::Arc;
use std::time::Instant;

use super::Around;
use super::event::LaneEvent;
use super::held::Holding;
use super::live::Lane;
use super::round::is_of_group;
use crate::kafka::KafkaError;
use crate::kafka::consumer::Partition;
use crate::kafka::ffi::{Batch, Incoming};
use crate::pipeline::counts::Counts;
use crate::pipeline::delivery::{Delivery, Messages, RefusedBytes};
use crate::pipeline::offsets::Offsets;
use crate::pipeline::worker::Outcome;

/// See the module comment.
pub struct Store {
    delivery: Delivery,
    offsets: Arc<Offsets>,
    outputs: usize,
}

impl Store {
    /// Delivers by `delivery`, whose checkpoint has `offsets`, to `outputs` sinks.
    pub const fn new(delivery: Delivery, offsets: Arc<Offsets>, outputs: usize) -> Self {
        Self { delivery, offsets, outputs }
    }

    /// What is left to be finished when the lanes have ended.
    pub fn into_delivery(self) -> Delivery {
        self.delivery
    }

    pub(super) const fn outputs(&self) -> usize {
        self.outputs
    }

    /// Takes what a lane has of `batch`. A failure is that of the run, which every lane then sees.
    pub(super) fn take(
        &self,
        batch: &Batch<'_>,
        taken: &mut [(Counts, i64)],
        outcome: &Outcome,
        (holding, around): (&Holding, &Around<'_>),
    ) {
        for clean in &outcome.clean {
            let mut start = 0;
            for frame in clean.frames() {
                let input = holding.get(frame.origin as usize).and_then(|held| held.input);
                if let Some((counts, _)) = input.and_then(|input| taken.get_mut(input)) {
                    counts.bytes_out += (frame.end - start) as u64;
                }
                start = frame.end;
            }
        }
        let refused = outcome.refused.as_slice();
        let messages: Vec<Incoming<'_>> =
            if refused.is_empty() { Vec::new() } else { batch.iter().collect() };
        let content = |number: usize| messages.get(number).and_then(Incoming::payload).unwrap_or_default();
        let refused: Vec<_> = refused
            .iter()
            .map(|message| RefusedBytes {
                input: message.input,
                refusal: message.refusal,
                received: message.received,
                bytes: content(message.number),
            })
            .collect();
        let counts: Vec<Counts> = taken.iter().map(|(counts, _)| counts.clone()).collect();
        let messages = Messages {
            clean: &outcome.clean,
            counts: &counts,
            refused: &refused,
            read_to: &holding.progress(),
        };
        self.delivery.deliver_messages(&messages, around.clock);
    }
}

impl Lane<'_> {
    /// True when what lanes deliver to has failed: the run is over.
    pub(super) fn has_failed(&self) -> bool {
        self.setup.store.as_ref().is_some_and(|store| store.delivery.has_failed())
    }

    /// Lets the sinks close what has become old enough, and tells the group what became durable.
    pub(super) fn keep_store(&mut self) -> Result<(), KafkaError> {
        let setup = self.setup;
        let Some(store) = &setup.store else { return Ok(()) };
        if store.delivery.tick(self.around.clock) { self.acknowledge(store) } else { Ok(()) }
    }

    /// Makes everything durable that was read, and tells the group.
    pub(super) fn settle_store(&mut self, store: &Store) -> Result<(), KafkaError> {
        self.beat.now();
        if store.delivery.commit_now(self.around.clock) { self.acknowledge(store) } else { Ok(()) }
    }

    fn acknowledge(&mut self, store: &Store) -> Result<(), KafkaError> {
        // Who was refused waits for the group to speak.
        if self.awaits_group.is_some() {
            return Ok(());
        }
        let stored = store.offsets.untold(self.holding.iter().map(|held| &held.partition));
        if stored.is_empty() {
            return Ok(());
        }
        self.beat.now();
        let positions: Vec<_> = stored.iter().map(|(partition, at)| (partition.clone(), Some(*at))).collect();
        if let Err(error) = self.consumer.commit(&positions) {
            self.around.events.tell(LaneEvent::Unreachable { error: &error });
            if is_of_group(error.code()) {
                self.awaits_group = Some(Instant::now());
                return Ok(());
            }
            // Nothing is undone, and a client that is made anew asks the group where it is.
            return Err(error);
        }
        store.offsets.told(&stored);
        self.has_committed = true;
        Ok(())
    }

    /// From where partitions are to be read: from where the group is, or beyond it what is stored already.
    pub(super) fn positions(&self, partitions: &[Partition]) -> Result<Vec<Option<i64>>, KafkaError> {
        let group = self.consumer.committed(partitions)?;
        let Some(store) = &self.setup.store else { return Ok(group) };
        Ok(partitions.iter().zip(group).map(|(partition, at)| store.offsets.begin(partition, at)).collect())
    }
}
