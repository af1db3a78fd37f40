//! One record as one JSON object: its columns, in the order of the text, whatever they hold.

use std::mem;

use super::value::{Outcome, Treater};
use super::{Envelope, Protector, Record, Treated};
use crate::encode::fixed::Fixed;
use crate::encode::frame::{Frames, Said};
use crate::encode::ndjson::{self, Keys, Times};
use crate::keys::pseudonym::EpochKeys;
use crate::policy::table::{Action, SlotPlan, Table, TimeRule};
use crate::record::field::Kind;
use crate::record::span::Part;
use crate::record::timestamp::Timestamp;

/// What is remembered from record to record.
#[derive(Default)]
pub(super) struct Columns {
    /// The texts of the last times.
    pub(super) times: Times,
    /// What the last objects began and ended with.
    pub(super) frames: Frames,
    /// Room for one line.
    pub(super) line: Fixed,
    /// Columns of the record at hand that are written: a bit each.
    written: Vec<u64>,
}

/// Where the values of one record come from and go to.
struct Object<'a, 'b> {
    treater: Treater<'a>,
    record: Record<'a>,
    keys: &'b Keys,
    decoded: Vec<u8>,
    value: Vec<u8>,
    out: &'b mut Vec<u8>,
}

impl Protector {
    /// Writes a record as one JSON object.
    #[inline]
    pub fn ndjson(
        &mut self,
        record: Record<'_>,
        keys: &Keys,
        envelope: Envelope,
        out: &mut Vec<u8>,
    ) -> Treated {
        let (decoded, value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let (mut times, mut written) =
            (mem::take(&mut self.columns.times), mem::take(&mut self.columns.written));
        let said = said(record.table, record.epoch, envelope);
        keys.begin(said.time, &mut times, out);
        let mut object = Object { treater: self.treater_of(record), record, keys, decoded, value, out };
        object.columns(&mut written);
        let Object { decoded, value, out, .. } = object;
        keys.end(said.epoch.0, said.deadline, envelope.time_completed, &mut times, out);
        (self.decoded, self.value) = (decoded, value);
        (self.columns.times, self.columns.written) = (times, written);
        Treated(())
    }
}

/// What a record's frame says, as exact as the policy lets it be.
#[inline]
pub(super) fn said<'a>(table: &Table, epoch: &'a EpochKeys, envelope: Envelope) -> Said<'a> {
    let epoch = (epoch.id(), epoch.serial());
    // A deadline to the second would tell the time again; rounded down it is only earlier.
    let deadline = envelope.deadline.map(Timestamp::hour);
    match table.time {
        TimeRule::Exact => Said { time: Some(envelope.time), deadline: envelope.deadline, epoch },
        TimeRule::Hour => Said { time: Some(envelope.time.hour()), deadline, epoch },
        TimeRule::Absent => Said { time: None, deadline, epoch },
    }
}

impl<'a> Object<'a, '_> {
    /// Writes every column. One that occurs several times becomes an array where it first occurs.
    fn columns(&mut self, written: &mut Vec<u64>) {
        written.clear();
        written.resize(self.record.table.columns.len().div_ceil(64), 0);
        for (index, &part) in self.record.parsed.parts.iter().enumerate() {
            let slot = &self.record.table.slots[usize::from(part.slot)];
            if slot.kind == Kind::Time {
                continue;
            }
            for output in &slot.outputs {
                let (word, bit) = (usize::from(output.column / 64), 1_u64 << (output.column % 64));
                if written[word] & bit == 0 && self.column(index, output.column) {
                    written[word] |= bit;
                }
            }
        }
    }

    /// Writes every value of `column` from part `index` on; false when none leaves.
    fn column(&mut self, index: usize, column: u16) -> bool {
        let start = self.out.len();
        self.keys.key(column, self.out);
        let parts = &self.record.parsed.parts[index..];
        let repeated =
            self.record.table.repeats && parts[1..].iter().any(|&part| self.fills(part, column).is_some());
        if repeated {
            self.out.push(b'[');
        }
        let mut any = false;
        for &part in parts {
            let Some((slot, action)) = self.fills(part, column) else { continue };
            if any {
                self.out.push(b',');
            }
            let wrote = self.value(slot, action, part);
            if any && !wrote {
                self.out.pop();
            }
            any |= wrote;
            if !repeated {
                break;
            }
        }
        if repeated {
            self.out.push(b']');
        }
        if !any {
            self.out.truncate(start);
        }
        any
    }

    /// How `part` fills `column`, if it does.
    fn fills(&self, part: Part, column: u16) -> Option<(&'a SlotPlan, &'a Action)> {
        let slot = &self.record.table.slots[usize::from(part.slot)];
        let output = slot.outputs.iter().find(|output| output.column == column)?;
        Some((slot, &output.action))
    }

    /// Writes one value; false when it does not leave.
    #[inline]
    fn value(&mut self, slot: &SlotPlan, action: &Action, part: Part) -> bool {
        let raw = part.of(self.record.raw);
        self.value.clear();
        match self.treater.value(slot, action, raw, &mut self.decoded, &mut self.value) {
            Outcome::Verbatim => {
                ndjson::verbatim(slot.kind, slot.escape, slot.scale, raw, &mut self.decoded, self.out);
            }
            Outcome::Replaced => ndjson::string(&self.value, self.out),
            Outcome::Absent => return false,
        }
        true
    }
}
