//! Keys and headers of messages: values that stand beside a record, treated as the fields that they are.
//!
//! Each is a value of a slot, like those of a record; there is no text between them. What cannot be treated leaves nothing, and is counted
//! by the caller: it never passes as it came.

use std::mem;

use super::value::Outcome;
use super::{Protector, Record};
use crate::policy::table::Action;

/// What leaves beside the frames of one batch. Filled by [`Protector::carry`] alone. It holds what leaves, so it has no `Debug`.
#[derive(Default)]
pub struct Carried {
    bytes: Vec<u8>,
    /// Slot, and one past the last byte.
    values: Vec<(u16, usize)>,
    /// Where a frame ends in its batch, and one past its last value.
    frames: Vec<(usize, usize)>,
}

impl Carried {
    /// Empties it, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.values.clear();
        self.frames.clear();
    }

    /// The values, with their slots, that go with the frame that ends at byte `end` of its batch.
    pub fn of(&self, end: usize) -> impl Iterator<Item = (u16, &[u8])> {
        let at = self.frames.binary_search_by_key(&end, |(end, _)| *end);
        let values = at.map_or(0..0, |at| {
            let first = at.checked_sub(1).map_or(0, |before| self.frames[before].1);
            first..self.frames[at].1
        });
        values.map(|value| {
            let start = value.checked_sub(1).map_or(0, |before| self.values[before].1);
            let (slot, end) = self.values[value];
            (slot, &self.bytes[start..end])
        })
    }
}

impl Protector {
    /// Treats the parts of `record`, which are values of their own, for the frame that ends at byte `end` of its batch. Returns how many
    /// the policy lets leave and could not be treated.
    pub fn carry(&mut self, record: Record<'_>, end: usize, out: &mut Carried) -> u64 {
        let Record { raw, parsed, table, .. } = record;
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut treater = self.treater_of(record);
        let mut untreated = 0;
        for part in &parsed.parts {
            let slot = &table.slots[usize::from(part.slot)];
            // What stands in the field's place, as in a record of its own format.
            let Some(output) = slot.outputs.first() else { continue };
            value.clear();
            let outcome = match output.action {
                // Times of records are kept as they stand, and a value beside a record is none.
                Action::Time | Action::Hour => Outcome::Absent,
                ref action => treater.value(slot, action, part.of(raw), &mut decoded, &mut value),
            };
            let leaves = match outcome {
                Outcome::Verbatim => part.of(raw),
                Outcome::Replaced => value.as_slice(),
                Outcome::Absent => {
                    untreated += 1;
                    continue;
                }
            };
            out.bytes.extend_from_slice(leaves);
            out.values.push((part.slot, out.bytes.len()));
        }
        (self.decoded, self.value) = (decoded, value);
        out.frames.push((end, out.values.len()));
        untreated
    }
}
