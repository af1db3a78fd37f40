//! What is done to each place of the rows of a format, decided at start.

use super::super::cache::TEXT_BYTES;
use super::super::text::Context;
use crate::encode::Emit;
use crate::encode::frame::Frames;
use crate::encode::ndjson::{Keys, ROOM};
use crate::policy::table::{Action, SlotOutput, SlotPlan, Table};
use crate::record::field::{Grammar, Kind};
use crate::record::row::{PLACES_MAX, Place};

/// What is done to each place of the rows of one format, under one table.
pub struct RowPlan {
    pub(super) places: Vec<Place>,
    /// A bit for each place whose first output leaves alone what the sieve leaves alone.
    pub(super) quiet: u32,
    /// A bit for each place whose value names somebody.
    pub(super) naming: u32,
    /// A bit for each quiet place in which a name can stand.
    pub(super) nameable: u32,
    /// A bit for each quiet place whose values can hold anything.
    pub(super) free: u32,
    /// How the text of each place is searched.
    pub(super) contexts: [Context; PLACES_MAX],
    /// Columns of a JSON object, in the order of the text.
    pub(super) columns: Vec<RowColumn>,
    /// Bytes that everything but values as they stand takes in an object, at most.
    pub(super) line_bytes: usize,
    /// How many columns one value can fill.
    pub(super) repeats: usize,
}

/// One column of a JSON object.
pub(super) struct RowColumn {
    pub(super) place: usize,
    /// Index into the outputs of the place's slot.
    pub(super) output: usize,
    /// Index into the table's columns.
    pub(super) column: u16,
    /// Leaves as it stands where nothing is found.
    pub(super) quiet: bool,
    pub(super) number: bool,
    /// What stands before a value, with the quote of a string.
    pub(super) key: [u8; ROOM],
    pub(super) key_len: usize,
}

impl RowPlan {
    /// What `table` does to rows of these places. `None` where they must take the long way: the format has no rows, two of
    /// their values can share a column of a JSON object, or a column has a very long name.
    pub fn of(table: &Table, places: &[Place], emit: Emit, keys: &Keys) -> Option<Self> {
        if places.is_empty() || places.len() > PLACES_MAX || (emit == Emit::Ndjson && table.repeats) {
            return None;
        }
        let mut plan = Self {
            places: places.to_vec(),
            quiet: 0,
            naming: 0,
            nameable: 0,
            free: 0,
            contexts: [Context::Text; PLACES_MAX],
            columns: Vec::new(),
            line_bytes: Frames::bytes_max(),
            repeats: 1,
        };
        for (place, &Place { slot: index, is_free }) in places.iter().enumerate() {
            let slot = &table.slots[usize::from(index)];
            let first = slot.outputs.first();
            let quiet = first.is_some_and(|output| output.leaves_alone);
            plan.quiet |= u32::from(quiet) << place;
            plan.free |= u32::from(quiet && is_free) << place;
            // Of the others, a method alone is made of letters; a time and a number stay what they are.
            let nameable = is_free || slot.kind == Kind::Harmless(Grammar::Method);
            plan.nameable |= u32::from(quiet && nameable) << place;
            plan.naming |= u32::from(table.naming.iter().any(|(naming, _)| *naming == index)) << place;
            plan.contexts[place] = first.map_or(Context::Text, |output| context(&output.action));
            if emit == Emit::Ndjson && slot.kind != Kind::Time {
                plan.add_columns(place, slot, keys)?;
            }
        }
        Some(plan)
    }

    /// Adds the columns that a place fills; `None` when one has a very long name.
    fn add_columns(&mut self, place: usize, slot: &SlotPlan, keys: &Keys) -> Option<()> {
        let number =
            matches!(slot.kind, Kind::Harmless(Grammar::Integer | Grammar::Decimal | Grammar::Status));
        for (output, &SlotOutput { leaves_alone, column, .. }) in slot.outputs.iter().enumerate() {
            // A number in another unit is always written anew.
            let quiet = leaves_alone && (!number || Keys::is_whole(slot.scale));
            let (&key, len) = keys.short_key(column)?;
            let key_len = len - usize::from(number);
            self.columns.push(RowColumn { place, output, column, quiet, number, key, key_len });
            // A key, a quote, and the longest token.
            self.line_bytes += len + 1 + TEXT_BYTES;
        }
        self.repeats = self.repeats.max(slot.outputs.len());
        Some(())
    }

    pub(super) fn slot<'a>(&self, table: &'a Table, place: usize) -> &'a SlotPlan {
        &table.slots[usize::from(self.places[place].slot)]
    }
}

/// How the text of a quiet place is searched.
pub(super) const fn context(action: &Action) -> Context {
    match action {
        Action::ScrubAgent => Context::Agent,
        Action::ScrubPath => Context::Path,
        Action::ScrubQuery => Context::Query,
        Action::Url(_) => Context::Url,
        _ => Context::Text,
    }
}
