//! One record as one JSON object: its columns, in the order of the text.
//!
//! Most columns of most records are plain text in which the sieve found nothing: such a value is a copy of its key and a copy
//! of itself. Everything else goes through its treatment and the JSON writer.

use std::mem;

use super::value::{Outcome, Treater};
use super::{Envelope, Protector, Treated};
use crate::encode::ndjson::{self, Keys, Times};
use crate::keys::pseudonym::EpochKeys;
use crate::policy::table::{Action, SlotPlan, Table, TimeRule};
use crate::record::field::Kind;
use crate::record::span::{Parsed, Part};
use crate::record::timestamp::Timestamp;

/// Bytes that the keys and the envelope of most records take: room for them is asked for once.
const RESERVE: usize = 1024;

/// What is remembered from record to record.
#[derive(Default)]
pub(super) struct Columns {
    /// The texts of the last times.
    times: Times,
    /// Columns of the record at hand that are written: a bit each.
    written: Vec<u64>,
}

/// Where the values of one record come from and go to.
struct Row<'a, 'b> {
    treater: Treater<'a>,
    raw: &'b [u8],
    parsed: &'b Parsed,
    table: &'b Table,
    keys: &'b Keys,
    decoded: Vec<u8>,
    value: Vec<u8>,
    out: &'b mut Vec<u8>,
}

impl Protector {
    /// Writes `raw` as one JSON object.
    #[inline(never)]
    #[allow(
        clippy::too_many_arguments,
        reason = "plain arguments of the hot loop: each is a different room's noun"
    )]
    pub fn ndjson(
        &mut self,
        batch: &[u8],
        raw: &[u8],
        parsed: &Parsed,
        table: &Table,
        keys: &Keys,
        epoch: &EpochKeys,
        envelope: Envelope,
        out: &mut Vec<u8>,
    ) -> Treated {
        let (decoded, value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut columns = mem::take(&mut self.columns);
        let treater = self.treater(batch, raw, parsed, table, epoch);
        out.reserve(2 * raw.len() + RESERVE);
        let round = |time: Timestamp| if table.time == TimeRule::Hour { time.hour() } else { time };
        let time = (table.time != TimeRule::Absent).then(|| round(envelope.time));
        keys.begin(time, &mut columns.times, out);
        let mut row = Row { treater, raw, parsed, table, keys, decoded, value, out };
        if table.repeats {
            row.repeated(&mut columns.written);
        } else {
            row.once();
        }
        let Row { decoded, value, out, .. } = row;
        // A deadline to the second would tell the time again; rounded down it is only earlier.
        let deadline = match table.time {
            TimeRule::Exact => envelope.deadline,
            TimeRule::Hour | TimeRule::Absent => envelope.deadline.map(Timestamp::hour),
        };
        keys.end(epoch.id(), deadline, envelope.time_completed, &mut columns.times, out);
        (self.decoded, self.value, self.columns) = (decoded, value, columns);
        Treated(())
    }
}

impl<'b> Row<'_, 'b> {
    /// Writes the columns of a record in which each occurs once at most.
    #[inline]
    fn once(&mut self) {
        let mut near = if self.parsed.plain { self.treater.near() } else { None };
        for &part in &self.parsed.parts {
            let slot = &self.table.slots[usize::from(part.slot)];
            if slot.kind == Kind::Time {
                continue;
            }
            let noticed = near.as_mut().map(|near| near.any_in(part.start, part.end));
            for output in &slot.outputs {
                let alone = output.leaves_alone
                    && match (&near, noticed) {
                        (Some(_), Some(false)) => true,
                        (Some(near), _) => self.treater.finds_nothing(&output.action, part, self.raw, near),
                        (None, _) => false,
                    };
                if alone && self.keys.plain(output.column, slot.kind, slot.scale, part, self.raw, self.out) {
                    continue;
                }
                let start = self.out.len();
                self.keys.key(output.column, self.out);
                if !self.value(slot, &output.action, part) {
                    self.out.truncate(start);
                }
            }
        }
    }

    /// Writes the columns of a record in which some may occur several times: the values of such a column become an array where it
    /// first occurs.
    fn repeated(&mut self, written: &mut Vec<u64>) {
        written.clear();
        written.resize(self.table.columns.len().div_ceil(64), 0);
        for (index, &part) in self.parsed.parts.iter().enumerate() {
            let slot = &self.table.slots[usize::from(part.slot)];
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
        let parts = &self.parsed.parts[index..];
        let repeated = parts[1..].iter().any(|&part| self.fills(part, column).is_some());
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
    fn fills(&self, part: Part, column: u16) -> Option<(&'b SlotPlan, &'b Action)> {
        let slot = &self.table.slots[usize::from(part.slot)];
        let output = slot.outputs.iter().find(|output| output.column == column)?;
        Some((slot, &output.action))
    }

    /// Writes one value; false when it does not leave.
    #[inline]
    fn value(&mut self, slot: &SlotPlan, action: &Action, part: Part) -> bool {
        let raw = part.of(self.raw);
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
