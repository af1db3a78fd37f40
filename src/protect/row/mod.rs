//! The hot loop for rows: records whose every value has a place of its own, and nothing is escaped.
//!
//! *In*: a [`Row`]. *Out*: the same bytes that the long way writes. *Promised*: every place goes through the
//! table. *Not here*: any treatment but that of an address; the others are asked for by place.
//!
//! ```text
//! look:   for each quiet place: is an identifier in it?           (an agent that was seen before: known; anything else: one sieve)
//! write:  for each place that is not quiet, or in which something was found:
//!             address → token, from memory          anything else → the long way, for this value alone
//!         the rest as it stands, in as few pieces as possible
//! ```
//! A place is *quiet* when a value in which nothing is found leaves as it stands. So a record in which one address is replaced is a
//! look at path and referrer and two copies, whatever its length and the number of its fields. Names that a record gives can stand
//! anywhere in it: then no place of it is quiet.

mod object;
mod plan;

use std::mem;

use wide::u8x16;

use super::address::{self, Column};
use super::cache::{TEXT_BYTES, TokenCache};
use super::identifier::{Writer, long_spelling, remembered, short_spelling};
use super::text::{self, Context, Glance};
use super::value::Outcome;
use super::{Protector, Treated, put};
use crate::encode::same::Same;
use crate::keys::pseudonym::EpochKeys;
use crate::policy::table::{Action, IdAction, SlotOutput, SlotPlan, Table};
use crate::record::append::append;
use crate::record::positions::{BLOCK, Lane, mask};
use crate::record::row::{Row, places};
use crate::record::span::Part;
use crate::record::texts::Known;

pub use plan::RowPlan;
use plan::context;

/// A row on its way through the hot loop.
#[derive(Clone, Copy)]
pub struct RowRecord<'a> {
    /// The batch.
    pub batch: &'a [u8],
    /// Where the record begins in it.
    pub at: usize,
    /// The record's bytes.
    pub raw: &'a [u8],
    /// Where its values stand.
    pub row: &'a Row,
    /// What is done by place.
    pub plan: &'a RowPlan,
    /// What is done by slot.
    pub table: &'a Table,
    /// The keys of its domain and epoch.
    pub epoch: &'a EpochKeys,
}

impl RowRecord<'_> {
    /// The batch from a part on.
    #[inline]
    fn behind(&self, part: Part) -> &[u8] {
        self.batch.get(self.at + part.start as usize..).unwrap_or_default()
    }

    /// The text that a part is, if it came before.
    fn known(&self, part: Part) -> Option<Known> {
        let place = self.plan.places.iter().position(|place| place.slot == part.slot)?;
        self.row.known(place)
    }

    #[inline]
    fn part(&self, place: usize) -> Part {
        let range = self.row.range(place);
        Part { slot: self.plan.places[place].slot, start: range.start as u32, end: range.end as u32 }
    }
}

impl Protector {
    /// Says that the record that begins `tail` is one of the next. Most begin with their client's address, and what is remembered of
    /// it lies somewhere in a table of some megabytes: asked for many at a time, it is near when it is needed.
    #[inline]
    pub fn expect(&self, tail: &[u8]) {
        let Some(block) = tail.first_chunk() else { return };
        let len = u8x16::new(*block).simd_eq(u8x16::splat(b' ')).to_bitmask().trailing_zeros() as usize;
        match block.get(..len) {
            Some(text) => self.cache.short.expect_some(short_spelling(text)),
            None => self.expect_long(tail),
        }
    }

    #[inline(never)]
    fn expect_long(&self, tail: &[u8]) {
        let Some(block) = tail.first_chunk::<BLOCK>() else { return };
        let len = mask(block, |lane| lane.simd_eq(Lane::splat(b' '))).trailing_zeros() as usize;
        self.cache.long.expect_some(block.get(..len).and_then(|text| long_spelling(text, block)));
    }

    /// A known text in which something was found since this was asked last: it must be forgotten.
    #[inline]
    pub fn telling(&mut self) -> Option<Known> {
        self.telling.take()
    }

    /// Writes a row in its own format.
    #[inline(always)]
    pub fn same_row(&mut self, record: RowRecord<'_>, out: &mut Vec<u8>) -> Treated {
        let loud = self.look(&record);
        let mut same = Same::within(&record.batch[record.at..], record.raw.len(), out);
        for place in places(record.row.present() & loud) {
            let part = record.part(place);
            let slot = record.plan.slot(record.table, place);
            let first = slot.outputs.first();
            if let Some((token, len)) =
                first.and_then(|output| recall(&mut self.cache, &record, output, part))
            {
                self.counts.addresses += 1;
                append(token, len, same.up_to(part));
                same.pass(part);
            } else {
                self.same_place(&record, slot, part, &mut same);
            }
        }
        same.end();
        Treated(())
    }

    /// Writes one value in its own format as the long way does.
    #[inline(never)]
    fn same_place(&mut self, record: &RowRecord<'_>, slot: &SlotPlan, part: Part, same: &mut Same<'_>) {
        let Some(output) = slot.outputs.first() else {
            return put(same, slot, part, Outcome::Absent, &[], record.table.absent);
        };
        // Nothing is copied before it is known what comes: a query may go with its question mark.
        if matches!(output.action, Action::Address(_)) && self.address(record, output, part, same.up_to(part))
        {
            return same.pass(part);
        }
        let outcome = self.loud(record, slot, output, part);
        put(same, slot, part, outcome, &self.value, record.table.absent);
    }

    /// Looks for identifiers in the quiet places of a record. Returns a bit for each place that must be treated.
    #[inline(always)]
    fn look(&mut self, record: &RowRecord<'_>) -> u32 {
        let RowRecord { plan, row, .. } = *record;
        self.named.clear();
        self.tenant.clear();
        self.found_in = None;
        if row.present() & plan.naming != 0 {
            self.gather(record);
            return !plan.quiet | plan.nameable;
        }
        let mut loud = !plan.quiet;
        let mut free = row.present() & plan.free;
        if let Some((place, known)) = row.known_place()
            && self.harmless.holds(known)
        {
            free &= !(1 << place);
        }
        for place in places(free) {
            let range = row.range(place);
            let behind = record.batch.get(record.at + range.start..).unwrap_or_default();
            let glance = Glance::at(behind, range.end - range.start, plan.contexts[place]);
            if !glance.is_some_and(Glance::is_quiet) && !self.is_harmless(record, place, glance) {
                loud |= 1 << place;
            }
        }
        loud
    }

    /// Gathers the names of a record, and teaches them.
    #[cold]
    fn gather(&mut self, record: &RowRecord<'_>) {
        for place in places(record.row.present() & record.plan.naming) {
            self.named.gather(record.table, record.part(place), record.raw);
        }
        self.named.teach(&mut self.learner, &record.table.text, record.epoch);
    }

    /// True when nothing is found in the value of `place`, which the sieve did not let pass at once.
    #[inline(never)]
    fn is_harmless(&mut self, record: &RowRecord<'_>, place: usize, glance: Option<Glance>) -> bool {
        let (part, context) = (record.part(place), record.plan.contexts[place]);
        let text = part.of(record.raw);
        match glance {
            Some(glance) => glance.find(text, context, &mut self.findings),
            None => text::find(text, context, &mut self.findings),
        }
        let harmless = self.findings.is_empty();
        self.found_in = (!harmless).then_some((part, context));
        if let Some(known) = record.row.known(place) {
            if harmless { self.harmless.say(known) } else { self.telling = Some(known) }
        }
        harmless
    }

    /// What becomes of one value, in `self.value` if it is replaced.
    fn loud(&mut self, record: &RowRecord<'_>, slot: &SlotPlan, output: &SlotOutput, part: Part) -> Outcome {
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        value.clear();
        if let (Action::Family, Some(known)) = (&output.action, record.known(part)) {
            self.families.write(known, part.of(record.raw), &mut value);
            (self.decoded, self.value) = (decoded, value);
            return Outcome::Replaced;
        }
        // What was found when it was looked at is all that there is, unless names of others are looked for, too.
        let context = context(&output.action);
        let is_searched = self.found_in == Some((part, context)) && context != Context::Text;
        if !is_searched {
            self.found_in = None;
        }
        let mut treater = self.treater(record.batch, record.table, record.epoch, false);
        let raw = part.of(record.raw);
        let outcome = if is_searched {
            treater.treat(raw, &mut value)
        } else {
            treater.value(slot, &output.action, raw, &mut decoded, &mut value)
        };
        (self.decoded, self.value) = (decoded, value);
        outcome
    }

    /// Writes what becomes of a column that is an address. False, with nothing written, for any other action or value.
    fn address(
        &mut self,
        record: &RowRecord<'_>,
        output: &SlotOutput,
        part: Part,
        out: &mut Vec<u8>,
    ) -> bool {
        let &Action::Address(action) = &output.action else { return false };
        let (text, plan) = (part.of(record.raw), &record.table.text);
        let (cache, canonical, plain) = (&mut self.cache, &mut self.canonical, &mut self.plain);
        let mut writer = Writer { keys: record.epoch, cache, canonical, plain };
        let written = match action {
            IdAction::Token(form) => writer.spelled(text, record.behind(part), form, plan, out),
            _ => match address::parse_field(text) {
                Some(Column::Address { address, .. }) => writer.address(address, action, plan, out),
                _ => false,
            },
        };
        self.counts.addresses += u64::from(written);
        written
    }
}

/// The token of a column that is an address, if it is remembered.
#[inline(always)]
fn recall<'a>(
    cache: &'a mut TokenCache,
    record: &RowRecord<'_>,
    output: &SlotOutput,
    part: Part,
) -> Option<(&'a [u8; TEXT_BYTES], usize)> {
    let &Action::Address(IdAction::Token(form)) = &output.action else { return None };
    remembered(cache, record.epoch, part.of(record.raw), record.behind(part), form)
}
