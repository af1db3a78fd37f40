//! The columns of a class and output, from what its tables do to each slot.

use super::worker::{Route, SourcePlan};
use crate::encode::columns::{Columns, Type};
use crate::encode::ndjson::Keys;
use crate::policy::class::Policy;
use crate::policy::table::{Action, IdAction, SlotPlan, Table};
use crate::protect::row::RowPlan;
use crate::record::field::{Grammar, Kind};

/// Every route of sources to an output, those of lines that come alone among them.
pub(super) fn routes(sources: &[SourcePlan], output: usize) -> impl Iterator<Item = &Route> {
    let plans = sources.iter().flat_map(|source| [Some(source), source.alone.as_deref()]).flatten();
    plans
        .flat_map(|plan| &plan.classes)
        .flat_map(|class| &class.routes)
        .filter(move |route| route.output == output)
}

/// The columns of an output.
pub(super) fn of_output(sources: &[SourcePlan], output: usize) -> Columns {
    of(routes(sources, output).map(|route| &route.table))
}

/// Lets records to an output that has columns be written with marks of these. False where there are too many columns.
pub(super) fn mark(policy: &Policy, sources: &mut [SourcePlan], output: usize) -> bool {
    let columns = of_output(sources, output);
    sources.iter_mut().all(|source| {
        let is_marked = mark_source(policy, source, output, &columns);
        is_marked
            && source.alone.as_deref_mut().is_none_or(|alone| mark_source(policy, alone, output, &columns))
    })
}

fn mark_source(policy: &Policy, source: &mut SourcePlan, output: usize, columns: &Columns) -> bool {
    let places = source.format.parser().places();
    let routes = source.classes.iter_mut().flat_map(|class| &mut class.routes);
    routes.filter(|route| route.output == output).all(|route| {
        let class = &policy.classes[route.class].name;
        let Some(keys) = Keys::marked(&route.table.columns, class, columns) else { return false };
        route.rows = RowPlan::of(&route.table, places, route.emit, &keys);
        route.columns = keys;
        true
    })
}

/// The columns of records that are treated by any of these tables, in the order of the tables.
fn of<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Columns {
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
