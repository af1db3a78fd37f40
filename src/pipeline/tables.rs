//! The `ClickHouse` tables of a plan, and how their server is spoken to.
//!
//! *In*: a plan and its compiled sources. *Out*: each table as it must be, the sinks that insert into them. *Not here*: what a table is made of
//! (`clickhouse::table`), their partitions (`partitions`).

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use zeroize::Zeroizing;

use super::worker::SourcePlan;
use super::{build, columns};
use crate::clickhouse::ClickHouseError;
use crate::clickhouse::client::{Client, Server};
use crate::clickhouse::table::{Name, RETENTION, Table};
use crate::config::clickhouse::{ClickHouseSink, ahead_seconds};
use crate::config::kafka::SecretFrom;
use crate::config::plan::{Plan, SinkKind, SinkPlan};
use crate::encode::columns::Columns;
use crate::policy::table::TimeRule;
use crate::retention::rhythm::lifetime_seconds;
use crate::sink::SinkError;
use crate::sink::clickhouse::{self, BATCH_BYTES_MAX, ClickHouse, To};
use crate::sink::file::{Form, Settings};

/// The folder in the state directory where batches wait for their answer.
pub const OUTBOX: &str = "outbox";

/// A table that a pipeline writes.
pub struct Planned<'p> {
    /// Its sink.
    pub sink: &'p SinkPlan,
    /// Where that is.
    pub to: &'p ClickHouseSink,
    /// Index into the policy's classes.
    pub class: usize,
    /// As it must be.
    pub table: Table,
    columns: Columns,
}

/// Where a table of a sink is, by the place of its class among those of the sink.
pub fn name(to: &ClickHouseSink, place: usize) -> Name {
    Name { database: to.database.clone(), table: to.tables.get(place).cloned().unwrap_or_default() }
}

/// Every table of `plan`, in the order of its sinks and their classes. `sources` are compiled: they say which columns there are.
pub fn planned<'p>(plan: &'p Plan, sources: &[SourcePlan]) -> Vec<Planned<'p>> {
    let (outputs, mut all) = (build::outputs(plan), Vec::new());
    for (index, sink) in plan.sinks.iter().enumerate() {
        let SinkKind::ClickHouse(to) = &sink.kind else { continue };
        for (place, class) in sink.classes.iter().enumerate() {
            let Some(output) = outputs.iter().position(|output| *output == (*class, index)) else { continue };
            let retention = plan.policy.classes[*class].retention_seconds.unwrap_or(0);
            let columns = columns::of_output(sources, output)
                .with_constant(RETENTION, i64::try_from(retention).unwrap_or(i64::MAX));
            let has_time = columns::routes(sources, output).any(|route| route.table.time != TimeRule::Absent);
            let name = name(to, place);
            let (title, lifetime) = (&plan.policy.classes[*class].name, lifetime_seconds(retention));
            let table = Table::of(name, title, &columns, has_time, lifetime);
            all.push(Planned { sink, to, class: *class, table, columns });
        }
    }
    all
}

/// Makes ready to speak to the server of a sink.
///
/// # Errors
/// When the password or the certificates cannot be read.
pub fn client(to: &ClickHouseSink) -> Result<Client, ClickHouseError> {
    Client::open(Server {
        url: to.url.clone(),
        user: to.user.clone(),
        password: to.password.as_ref().map(secret).transpose()?,
        ca: to.ca.clone(),
    })
}

/// Reads a password. What it is never stands in an error.
fn secret(from: &SecretFrom) -> Result<Zeroizing<String>, ClickHouseError> {
    let setup = |place: String, problem: String| ClickHouseError::Setup { place, problem };
    let (place, text) = match from {
        SecretFrom::File(path) => {
            let place = path.display().to_string();
            let text = fs::read_to_string(path).map_err(|error| {
                let problem =
                    format!("the password cannot be read ({}); let this user read the file", error.kind());
                setup(place.clone(), problem)
            })?;
            (place, Zeroizing::new(text))
        }
        SecretFrom::Environment(name) => {
            let place = format!("environment variable {name}");
            let text = std::env::var(name).map_err(|_| {
                setup(place.clone(), "is not set, or no text; put the password in it".to_owned())
            })?;
            (place, Zeroizing::new(text))
        }
    };
    let secret = Zeroizing::new(text.lines().next().unwrap_or_default().trim_end().to_owned());
    if secret.is_empty() {
        return Err(setup(place, "the password is empty; put it in its first line".to_owned()));
    }
    Ok(secret)
}

/// The directory in which batches of a sink and class wait for their answer.
pub fn outbox(plan: &Plan, sink: &SinkPlan, class: usize) -> PathBuf {
    let state = plan.state.clone().unwrap_or_default();
    state.join(OUTBOX).join(&sink.name).join(&plan.policy.classes[class].name)
}

/// How batches of a table are cut, and where they wait.
pub(super) fn settings(plan: &Plan, planned: &Planned<'_>) -> io::Result<(PathBuf, Settings)> {
    let retention = plan.policy.classes[planned.class].retention_seconds.unwrap_or(0);
    let mut settings = Settings::new(clickhouse::suffix()?, retention);
    settings.close_secs = planned.to.insert_seconds_max;
    settings.part_bytes_max = BATCH_BYTES_MAX;
    settings.form = Form::Parquet(Arc::new(planned.columns.clone()));
    Ok((outbox(plan, planned.sink, planned.class), settings))
}

/// Opens the sink of a table.
pub(super) fn open(
    plan: &Plan,
    planned: &Planned<'_>,
    (directory, settings): (PathBuf, Settings),
    stop: &Arc<AtomicBool>,
) -> Result<ClickHouse, SinkError> {
    let place = planned.sink.classes.iter().position(|class| *class == planned.class).unwrap_or(0);
    let limit = planned.sink.lives.get(place).map_or(0, |lives| lives.first_seconds);
    let to = To {
        client: client(planned.to).map_err(|error| SinkError::Server(error.to_string()))?,
        table: planned.table.clone(),
        // Partitions are named by when their records must be gone, and those of a class with stages go sooner.
        ahead_seconds: ahead_seconds(limit, plan.margin_seconds())
            + planned.sink.sooner_seconds(&plan.policy, place),
        patience: Duration::from_secs(planned.to.patience_seconds),
        stop: Arc::clone(stop),
    };
    ClickHouse::open(&directory, settings, to)
}
