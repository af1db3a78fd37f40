//! The columns of a class and output, from what its tables do to each slot.

use crate::encode::columns::{Columns, Type};
use crate::policy::table::{Action, IdAction, SlotPlan, Table};
use crate::record::field::{Grammar, Kind};

/// The columns of records that are treated by any of these tables, in the order of the tables.
pub(super) fn of<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Columns {
    let own = tables.into_iter().flat_map(|table| table.slots.iter().flat_map(|slot| typed(slot, table)));
    Columns::of(own)
}

/// The columns that a slot fills, with the type of each. The time is in every record, and no slot's.
fn typed<'t>(slot: &'t SlotPlan, table: &'t Table) -> impl Iterator<Item = (&'t str, Type)> {
    let outputs = slot.outputs.iter().filter(|_| slot.kind != Kind::Time);
    outputs.map(|output| {
        let name = table.columns[usize::from(output.column)].as_str();
        let kind = match output.action {
            // A number in another unit is written with a point.
            Action::Keep(Grammar::Integer | Grammar::Status) if slot.scale > 0.5 => Type::Integer,
            Action::Keep(Grammar::Integer | Grammar::Decimal) => Type::Decimal,
            Action::Token | Action::Address(IdAction::Token(_)) => Type::Token,
            Action::Keep(Grammar::Method | Grammar::Protocol | Grammar::Status | Grammar::Host)
            | Action::Family => Type::Word,
            // What tells one request or connection from another has as many forms as there are of them.
            Action::Keep(Grammar::Word) if !name.ends_with("id") => Type::Word,
            _ => Type::Text,
        };
        (name, kind)
    })
}
