//! From a plan to what runs: one step per stage.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;

use super::checkpoint::{OUTBOX_STORE, StoreOf};
use super::columns;
use super::delivery::ClassSink;
use super::tables;
use super::worker::{ClassChoice, ClassPlan, Outcome, Route, SourcePlan, Worker};
use crate::config;
use crate::config::format_spec::FormatSpec;
use crate::config::plan::{Form as PlannedForm, Plan, SinkKind, SourceKind, SourcePlan as Planned};
use crate::encode::Emit;
use crate::encode::ndjson;
use crate::format::apache_error::ApacheError;
use crate::format::coturn::Coturn;
use crate::format::detect::detect;
use crate::format::jitsi::{Jitsi, Service};
use crate::format::json::Json;
use crate::format::nginx_error::NginxError;
use crate::format::prosody::Prosody;
use crate::format::{Format, FormatError, Parser, logformat};
use crate::keys::{KeyError, Keys, Storage};
use crate::policy::class::{Lives, Policy, View};
use crate::policy::table::Table;
use crate::policy::treatment::Rule;
use crate::protect::learned::Learned;
use crate::protect::row::RowPlan;
use crate::record::batch::RawBatch;
use crate::record::span::Layout;
use crate::retention::stages;
use crate::sink::SinkError;
use crate::sink::descriptors;
use crate::sink::file::{FileSink, Form, Settings};
use crate::sink::stdout::Stdout;

/// Compiled sources, in the order of the plan.
pub struct Built {
    /// What workers need of each source.
    pub sources: Vec<SourcePlan>,
}

/// One way out, before it is compiled for a format.
#[derive(Clone, Copy)]
pub struct RouteSpec<'a> {
    /// Index into the policy's classes.
    pub class: usize,
    /// The view that narrows it.
    pub view: Option<&'a View>,
    /// The form.
    pub emit: Emit,
    /// Index of the clean batch that it fills, and of the sink that takes it.
    pub output: usize,
    /// Index into the plan's sinks.
    pub sink: usize,
}

/// Compiles every source of the plan; all that is wrong with their formats is said at once.
pub fn sources(plan: &Plan) -> Result<Built, String> {
    let specs = routes(plan);
    let mut problems = Vec::new();
    let mut built = Vec::new();
    for planned in &plan.sources {
        match source(plan, planned, &specs) {
            Ok(source) => built.push(source),
            Err(problem) => problems.push(problem),
        }
    }
    for spec in specs.iter().filter(|spec| plan.sinks[spec.sink].kind.has_columns()) {
        if problems.is_empty() && !columns::mark(&plan.policy, &mut built, spec.output) {
            let sink = &plan.sinks[spec.sink].name;
            problems.push(format!(
                "sink {sink}: has more columns than a part can have; let an output keep fewer"
            ));
        }
    }
    if problems.is_empty() { Ok(Built { sources: built }) } else { Err(problems.join("\n")) }
}

fn source(plan: &Plan, planned: &Planned, specs: &[RouteSpec<'_>]) -> Result<SourcePlan, String> {
    let zone = planned.time_zone.as_deref().map(zone).transpose()?;
    let format = compile(&planned.format, zone, &plan.policy.classified()).map_err(|error| match &planned
        .format_text
    {
        Some(written) => written.problem(&error.at, error.message.clone()).to_string(),
        None => format!("source {}: {}", planned.name, error.message),
    })?;
    let layout = format.parser().layout();
    let choice = choice(planned, layout)?;
    let of_source = planned.class.classes();
    let specs: Vec<_> = specs.iter().filter(|spec| of_source.contains(&spec.class)).copied().collect();
    let classes = classes(&plan.policy, format.parser(), &specs);
    let alone = matches!(planned.kind, SourceKind::Kafka(_)) && format.parser().multi_line();
    let alone = alone.then(|| Box::new(text_alone(&plan.policy, planned.class.otherwise, &specs)));
    Ok(SourcePlan { format, choice, classes, alone })
}

/// How lines are treated of which nothing is known but their class: as text.
fn text_alone(policy: &Policy, class: usize, specs: &[RouteSpec<'_>]) -> SourcePlan {
    let format = Format::Text(Box::default());
    let classes = classes(policy, format.parser(), specs);
    SourcePlan { format, choice: ClassChoice::Fixed(class), classes, alone: None }
}

/// An IANA time zone.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| format!("unknown time zone '{name}'; write an IANA name such as Europe/Amsterdam"))
}

/// Compiles a format. `variables` is what the user classified: [`Policy::classified`], and perhaps more.
pub fn compile(
    spec: &FormatSpec,
    zone: Option<TimeZone>,
    variables: &BTreeMap<String, String>,
) -> Result<Format, FormatError> {
    let classify = |variable: &str| variables.get(variable).cloned();
    match spec {
        FormatSpec::Auto => Err(FormatError::whole("the format was not decided; name it")),
        FormatSpec::Common => Ok(Format::Log(Box::new(logformat::common()))),
        FormatSpec::Combined => Ok(Format::Log(Box::new(logformat::combined()))),
        FormatSpec::VhostCombined => Ok(Format::Log(Box::new(logformat::vhost_combined()))),
        FormatSpec::Nginx(text) => {
            logformat::nginx(text, zone, &classify).map(|program| Format::Log(Box::new(program)))
        }
        FormatSpec::Apache(text) => {
            logformat::apache(text, zone, &classify).map(|program| Format::Log(Box::new(program)))
        }
        FormatSpec::NginxError => {
            needed(zone).map(|zone| Format::NginxError(Box::new(NginxError::new(zone))))
        }
        FormatSpec::ApacheError => {
            needed(zone).map(|zone| Format::ApacheError(Box::new(ApacheError::new(zone))))
        }
        FormatSpec::Json(keys) => {
            let mut map = variables.clone();
            map.extend(keys.clone());
            let json = Json::new(&map, zone).map_err(|error| FormatError::whole(error.to_string()))?;
            Ok(Format::Json(Box::new(json)))
        }
        FormatSpec::Jitsi(service) => {
            needed(zone).map(|zone| Format::Jitsi(Box::new(Jitsi::new(*service, zone))))
        }
        FormatSpec::Prosody => needed(zone).map(|zone| Format::Prosody(Box::new(Prosody::new(zone)))),
        FormatSpec::Coturn => Ok(Format::Coturn(Box::new(Coturn::new(zone)))),
        FormatSpec::Text => Ok(Format::Text(Box::default())),
    }
}

fn needed(zone: Option<TimeZone>) -> Result<TimeZone, FormatError> {
    zone.ok_or_else(|| {
        FormatError::whole(
            "time zone missing: these logs state local times without a zone; add --time-zone Europe/Amsterdam (or \
             time_zone in the source), the zone of the machine that wrote them",
        )
    })
}

/// The structured formats, as `auto` tries them. Formats without a zone are tried as UTC: only their shape decides.
const CANDIDATES: [FormatSpec; 12] = [
    FormatSpec::VhostCombined,
    FormatSpec::Combined,
    FormatSpec::Common,
    FormatSpec::Json(BTreeMap::new()),
    FormatSpec::NginxError,
    FormatSpec::ApacheError,
    FormatSpec::Jitsi(Service::Jvb),
    FormatSpec::Jitsi(Service::Jicofo),
    FormatSpec::Jitsi(Service::Jigasi),
    FormatSpec::Jitsi(Service::Jibri),
    FormatSpec::Prosody,
    FormatSpec::Coturn,
];

/// Decides the format of `sample`, the first lines of an input.
pub fn decide(
    sample: &[u8],
    zone: Option<&TimeZone>,
    variables: &BTreeMap<String, String>,
) -> Result<FormatSpec, String> {
    let zone = Some(zone.cloned().unwrap_or(TimeZone::UTC));
    let mut compiled = Vec::new();
    for spec in &CANDIDATES {
        compiled
            .push((spec.name(), compile(spec, zone.clone(), variables).map_err(|error| error.to_string())?));
    }
    let parsers: Vec<_> = compiled.iter().map(|(name, format)| (*name, format.parser())).collect();
    detect(sample, &parsers).map(|at| CANDIDATES[at].clone()).map_err(|undecided| undecided.to_string())
}

/// One line through the built-in policy in its own format, with random keys: the smallest whole use of the library, for
/// documentation and tests. `None` when the line is not of the format.
pub fn one_line(spec: &FormatSpec, line: &[u8]) -> Option<Vec<u8>> {
    let policy = config::builtin().ok()?;
    let format = compile(spec, Some(TimeZone::UTC), &policy.classified()).ok()?;
    let route = RouteSpec { class: 0, view: None, emit: Emit::Same, output: 0, sink: 0 };
    let classes = classes(&policy, format.parser(), &[route]);
    let plan = SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None };
    let mut batch = RawBatch::with_capacity(line.len());
    batch.bytes.extend_from_slice(line);
    let mut outcome = Outcome::new(1);
    let mut worker = Worker::new(Keys::ephemeral(&policy.domains).ok()?, 0);
    worker.process(0, &plan, &batch, batch.received, &mut outcome);
    outcome.failures.is_empty().then(|| outcome.clean[0].bytes().to_vec())
}

/// The routes of a plan: one per class and sink, those of a class together.
fn routes(plan: &Plan) -> Vec<RouteSpec<'_>> {
    let mut specs = Vec::new();
    for class in 0..plan.policy.classes.len() {
        for (sink, planned) in
            plan.sinks.iter().enumerate().filter(|(_, planned)| planned.classes.contains(&class))
        {
            let (view, emit) = (planned.view(&plan.policy), planned.emit);
            specs.push(RouteSpec { class, view, emit, output: specs.len(), sink });
        }
    }
    specs
}

/// Class and sink of every output of a worker, in their order: indices into the policy's classes and the plan's sinks.
pub fn outputs(plan: &Plan) -> Vec<(usize, usize)> {
    routes(plan).iter().map(|route| (route.class, route.sink)).collect()
}

/// The classes as workers see them, with the tables of their routes.
pub fn classes(policy: &Policy, parser: &dyn Parser, specs: &[RouteSpec<'_>]) -> Vec<ClassPlan> {
    let route = |spec: &RouteSpec<'_>| {
        let class = &policy.classes[spec.class];
        let table = Table::compile(policy, class, spec.view, parser.layout());
        let columns = ndjson::Keys::new(&table.columns, &class.name);
        let rows = RowPlan::of(&table, parser.places(), spec.emit, &columns);
        Route {
            table,
            rows,
            emit: spec.emit,
            columns,
            class: spec.class,
            output: spec.output,
            sink: spec.sink,
        }
    };
    policy
        .classes
        .iter()
        .enumerate()
        .map(|(index, class)| ClassPlan {
            retention_seconds: class.retention_seconds,
            domain: class.domain,
            late: None,
            routes: specs.iter().filter(|spec| spec.class == index).map(route).collect(),
        })
        .collect()
}

fn choice(planned: &Planned, layout: &Layout) -> Result<ClassChoice, String> {
    match planned.class.rules.first() {
        None => return Ok(ClassChoice::Fixed(planned.class.otherwise)),
        // `class = "name"` is a rule without a condition. Of a class that is known beforehand records can be read as rows.
        Some(rule) if rule.when.is_empty() => return Ok(ClassChoice::Fixed(rule.class)),
        Some(_) => {}
    }
    let mut rules = Vec::new();
    for rule in &planned.class.rules {
        let mut conditions = Vec::new();
        for (field, value) in &rule.when {
            let slot = layout.slots.iter().position(|slot| slot.field == *field).ok_or_else(|| {
                format!(
                    "source {}: a class rule asks for '{field}', which the format does not log; log it or drop the rule",
                    planned.name
                )
            })?;
            conditions.push((slot as u16, value.as_bytes().to_vec()));
        }
        rules.push((conditions, rule.class));
    }
    Ok(ClassChoice::Rules { rules, strictest: planned.class.otherwise })
}

/// `threads` workers with their own view of the keys. Together they remember at most `names_max` names; 0: none is learned.
pub fn workers(
    keys: &Keys,
    threads: usize,
    cache_entries: usize,
    names_max: usize,
) -> Result<Vec<Worker>, KeyError> {
    let workers = (0..threads).map(|_| Worker::new(keys.clone(), cache_entries));
    if names_max == 0 {
        return Ok(workers.collect());
    }
    let learned = Arc::new(Learned::new(names_max, keys.clone())?);
    Ok(workers.map(|worker| worker.learning(Arc::clone(&learned))).collect())
}

/// Opens the sinks, one per route. Those that encrypt do so under `keys`, which must have a chain for each.
///
/// `sources` are compiled: they say what the columns of a route are. Once `stop` is set, no sink waits for a server any more.
///
/// # Errors
/// When a directory cannot be made, or read, or the keyring has no key for what is to be encrypted.
pub fn sinks(
    plan: &Plan,
    sources: &[SourcePlan],
    keys: &Keys,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<ClassSink>, SinkError> {
    let (routes, tables) = (routes(plan), tables::planned(plan, sources));
    let table_of = |route: &RouteSpec<'_>| {
        let is_of = |table: &&tables::Planned<'_>| {
            table.class == route.class && table.sink.name == plan.sinks[route.sink].name
        };
        tables.iter().find(is_of)
    };
    let mut files = Vec::new();
    for route in &routes {
        files.push(match table_of(route) {
            Some(table) => Some(
                tables::settings(plan, table)
                    .map_err(|error| SinkError::io(table.sink.name.as_str(), &error, ""))?,
            ),
            None => file_settings(plan, sources, *route),
        });
    }
    let wanted: Vec<usize> = files.iter().flatten().map(|(_, settings)| settings.open_parts_max).collect();
    let mut shares = descriptors::share(&wanted).into_iter();
    let mut sinks: Vec<ClassSink> = Vec::new();
    for (route, file) in routes.iter().zip(files) {
        let Some((directory, settings)) = file else {
            sinks.push((route.class, Box::new(Stdout::open()?)));
            continue;
        };
        let settings = Settings { open_parts_max: shares.next().unwrap_or(1), ..settings };
        if let Some(table) = table_of(route) {
            sinks.push((route.class, Box::new(tables::open(plan, table, (directory, settings), stop)?)));
            continue;
        }
        let class = &plan.policy.classes[route.class].name;
        let storage = Storage::of(class, settings.retention_secs);
        let mut sink = FileSink::open(&directory, settings)?;
        if plan.sinks[route.sink].kind.encrypts() {
            let chain = |storage| {
                let place = format!("sink {}", plan.sinks[route.sink].name);
                keys.storage(storage).map_err(|error| SinkError::Io { place, problem: error.to_string() })
            };
            // What reaches a stage needs its chain then, and it is to be known now.
            for (later, stage) in lives_of(plan, *route).later.iter().zip(1..) {
                chain(Storage { stage, ..Storage::of(class, later.until_seconds) })?;
            }
            sink = sink.encrypted(chain(storage)?);
        }
        sinks.push((route.class, Box::new(sink)));
    }
    Ok(sinks)
}

/// By sink, in the order of [`sinks`]: the store that it is in the journal, and its class; an empty name where nothing is stored.
pub fn stores(plan: &Plan) -> Vec<StoreOf> {
    let store = |route: &RouteSpec<'_>| {
        let sink = &plan.sinks[route.sink];
        let name = match sink.kind {
            SinkKind::File { .. } => format!("sink.{}", sink.name),
            SinkKind::ClickHouse(_) => format!("{OUTBOX_STORE}{}", sink.name),
            SinkKind::Stdout | SinkKind::Kafka(_) => String::new(),
        };
        (name, Some(plan.policy.classes[route.class].name.clone()))
    };
    routes(plan).iter().map(store).collect()
}

/// By sink, in the order of [`sinks`]: its place among the plan's sinks, and the place of its class among those of that sink.
pub fn places(plan: &Plan) -> Vec<(usize, usize)> {
    let place = |route: &RouteSpec<'_>| {
        let classes = &plan.sinks[route.sink].classes;
        (route.sink, classes.iter().position(|class| *class == route.class).unwrap_or(0))
    };
    routes(plan).iter().map(place).collect()
}

/// How what a route stores lives.
fn lives_of(plan: &Plan, spec: RouteSpec<'_>) -> Lives {
    let sink = &plan.sinks[spec.sink];
    let place = sink.classes.iter().position(|of_sink| *of_sink == spec.class);
    place.and_then(|place| sink.lives.get(place)).cloned().unwrap_or_default()
}

/// Where and how a route writes files, if it does.
fn file_settings(plan: &Plan, sources: &[SourcePlan], spec: RouteSpec<'_>) -> Option<(PathBuf, Settings)> {
    let SinkKind::File { directory, part_seconds_max, form, encrypt } = &plan.sinks[spec.sink].kind else {
        return None;
    };
    let class = &plan.policy.classes[spec.class];
    let lives = lives_of(plan, spec);
    let suffix = match (form, spec.emit, encrypt) {
        (PlannedForm::Lines, Emit::Ndjson, false) => "ndjson",
        (PlannedForm::Zstd, Emit::Ndjson, false) => "ndjson.zst",
        (PlannedForm::Lines, Emit::Same, false) => "log",
        (PlannedForm::Zstd, Emit::Same, false) => "log.zst",
        (PlannedForm::Lines, Emit::Ndjson, true) => "ndjson.age",
        (PlannedForm::Zstd, Emit::Ndjson, true) => "ndjson.zst.age",
        (PlannedForm::Lines, Emit::Same, true) => "log.age",
        (PlannedForm::Zstd, Emit::Same, true) => "log.zst.age",
        (PlannedForm::Parquet, ..) => "parquet",
    };
    let mut settings = Settings::new(suffix, lives.first_seconds);
    settings.sooner_secs = class.retention_seconds.unwrap_or(0).saturating_sub(lives.first_seconds);
    settings.lead_secs = if lives.later.is_empty() { 0 } else { stages::closed_seconds(lives.first_seconds) };
    settings.close_secs = *part_seconds_max;
    settings.form = match form {
        PlannedForm::Lines => Form::Plain,
        PlannedForm::Zstd => Form::Zstd,
        PlannedForm::Parquet => Form::Parquet(Arc::new(columns::of_output(sources, spec.output))),
    };
    Some((directory.join(&class.name), settings))
}

/// How a route is called in `check` and `explain`.
pub fn route_title(plan: &Plan, route: &Route) -> String {
    let sink = &plan.sinks[route.sink];
    let view = sink.output.as_deref().map_or_else(String::new, |view| format!(" narrowed to {view}"));
    format!("class {} to sink {}{view}", plan.policy.classes[route.class].name, sink.name)
}

/// The treatment that makes the column `column` of the field `field`, and the place of its rule.
pub fn rule_of(rule: Option<&Rule>, field: &str, column: &str) -> (&'static str, String) {
    let Some(rule) = rule else {
        let treatment = if column == "time" { "keep" } else { "drop" };
        return (treatment, "no rule names it".to_owned());
    };
    let output = rule.outputs.iter().find(|output| output.rename.as_deref().unwrap_or(field) == column);
    let treatment = output.or(rule.outputs.first()).map_or("drop", |output| output.treatment.name());
    (treatment, format!("{}:{}:{}", rule.place.file, rule.place.line, rule.place.column))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINE: &str = r#"
policy = "web.toml"
keys = "keys"
[source.web]
kind = "stdin"
format = "combined"
class = CLASS
[sink.out]
kind = "stdout"
classes = ["web", "web-error"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

    fn source_of(class: &str) -> SourcePlan {
        let policy = include_str!("../../config/policy/web.toml");
        let text = PIPELINE.replace("CLASS", class);
        let (plan, _) = config::pipeline_from_str(&text, "pipeline.toml", &|_| Ok(policy.to_owned()))
            .unwrap_or_else(|problems| panic!("{problems}"));
        sources(&plan).unwrap().sources.remove(0)
    }

    /// The fast way is for records whose class is known beforehand: that of every source which names one.
    #[test]
    fn a_source_of_one_class_is_read_as_rows() {
        assert!(source_of("\"web\"").rows().is_some());
        let chosen =
            "[{ is = \"web-error\", when = { \"http.response.status_code\" = \"500\" } }, { is = \"web\" }]";
        assert!(source_of(chosen).rows().is_none());
    }
}
