//! Sinks of a pipeline as meant: what each may have, where it stands, how old records get in it.

use std::path::{Component, Path, PathBuf};

use super::clickhouse;
use super::diagnostics::Report;
use super::document::At;
use super::kafka_meant;
use super::pipeline_file::{Kind, WrittenPipeline, WrittenSink};
use super::pipeline_meant::{PathAt, class_named, quarantine_directory};
use super::plan::{
    Form, PART_SECONDS_MAX_DEFAULT, QuarantinePlan, STORED_SECONDS_MIN, SinkKind, SinkPlan, SourcePlan,
    Store, WorstAge, shortest_stored, worst_age,
};
use super::suggest;
use super::units::duration_text;
use crate::encode::Emit;
use crate::policy::class::{Lives, Policy, View};
use crate::retention::rhythm::margin_seconds;

/// The sinks of `written`; those that cannot be made have been reported.
pub(super) fn mean(
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    policy: Option<&Policy>,
    base: &Path,
    report: &mut Report,
) -> Vec<SinkPlan> {
    let Some(policy) = policy else { return Vec::new() };
    let sinks: Vec<SinkPlan> = written
        .sinks
        .iter()
        .filter_map(|sink| mean_sink(sink, written, sources, policy, base, report))
        .collect();
    check_coverage(written, sources, &sinks, policy, report);
    sinks
}

fn mean_sink(
    sink: &WrittenSink,
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    policy: &Policy,
    base: &Path,
    report: &mut Report,
) -> Option<SinkPlan> {
    let classes = classes(sink, policy, report);
    let view = sink.output.as_ref().and_then(|output| view(output, policy, report));
    if let Some(purpose) = &sink.purpose {
        check_purpose(purpose, &classes, view, policy, report);
    }
    if let Some(location) = &sink.location {
        check_location(location, policy, report);
    }
    check_same_format(sink, &classes, sources, report);
    check_state(sink, written, report);
    check_keys(sink, written, report);
    let kind = match sink.kind.as_ref()?.value {
        Kind::Stream => SinkKind::Stdout,
        kind @ (Kind::File | Kind::Parquet) => SinkKind::File {
            directory: base.join(&sink.path.as_ref()?.value),
            part_seconds_max: sink.part_secs_max.as_ref().map_or(PART_SECONDS_MAX_DEFAULT, |at| at.value),
            form: match (kind, sink.compress) {
                (Kind::Parquet, _) => Form::Parquet,
                (_, true) => Form::Zstd,
                (_, false) => Form::Lines,
            },
            encrypt: sink.encrypt.as_ref().is_some_and(|at| at.value),
        },
        Kind::Kafka => {
            let kafka = sink.kafka.as_ref()?;
            SinkKind::Kafka(kafka_meant::sink(sink, kafka, &classes, view, policy, report)?)
        }
        Kind::ClickHouse => {
            SinkKind::ClickHouse(clickhouse::mean(sink, (&classes, view), policy, base, report)?)
        }
    };
    let lives: Vec<Lives> = classes.iter().map(|class| policy.classes[*class].lives(view)).collect();
    let lives = if kind.rewrites() { lives } else { lives.into_iter().map(Lives::not_rewritten).collect() };
    let worst_ages = worst_ages((sink, &kind), (&classes, &lives), written, sources, policy, report);
    Some(SinkPlan {
        name: sink.name.value.clone(),
        kind,
        classes,
        output: sink.output.as_ref().map(|output| output.value.clone()),
        purpose: sink.purpose.as_ref()?.value.clone(),
        location: sink.location.as_ref()?.value.clone(),
        recipient: sink.recipient.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        emit: sink.emit,
        lives,
        worst_ages,
        place: report.source.place(sink.name.span.start),
    })
}

fn classes(sink: &WrittenSink, policy: &Policy, report: &mut Report) -> Vec<usize> {
    let Some(list) = &sink.classes else { return Vec::new() };
    if list.value.is_empty() {
        report.error(&list.span, "'classes' is empty; name the classes it takes");
    }
    let mut classes = Vec::new();
    for name in &list.value {
        let Some(class) = class_named(name, policy, report) else { continue };
        if classes.contains(&class) {
            report.error(&name.span, format!("class '{}' stands twice in 'classes'; remove one", name.value));
        } else {
            classes.push(class);
        }
    }
    classes
}

fn view<'p>(output: &At<String>, policy: &'p Policy, report: &mut Report) -> Option<&'p View> {
    let view = policy.view(&output.value);
    if view.is_none() {
        let known: Vec<&str> = policy.views.iter().map(|view| view.name.as_str()).collect();
        let otherwise = match known.as_slice() {
            [] => {
                format!("the policy has no [output.{}]; ask its owner, or leave 'output' out", output.value)
            }
            known => format!("the policy has: {}", known.join(", ")),
        };
        let remedy = suggest::remedy(&output.value, known.iter().copied(), &otherwise);
        report.error(&output.span, format!("unknown output '{}'{remedy}", output.value));
    }
    view
}

/// The purpose of a sink is one of every class it takes and of its output.
fn check_purpose(
    purpose: &At<String>,
    classes: &[usize],
    view: Option<&View>,
    policy: &Policy,
    report: &mut Report,
) {
    let of_classes = classes.iter().map(|class| &policy.classes[*class]);
    let holders = of_classes
        .map(|class| (format!("class '{}'", class.name), &class.purposes))
        .chain(view.map(|view| (format!("output '{}'", view.name), &view.purposes)));
    for (holder, purposes) in holders {
        if !purposes.contains(&purpose.value) && !purposes.is_empty() {
            report.error(
                &purpose.span,
                format!(
                    "purpose '{}' is none of {holder}; allowed are: {}",
                    purpose.value,
                    purposes.join(", ")
                ),
            );
        }
    }
}

fn check_location(location: &At<String>, policy: &Policy, report: &mut Report) {
    if policy.locations.is_empty() {
        report.error(
            &location.span,
            format!(
                "location '{}' is not in the policy, which allows none; state its 'locations'",
                location.value
            ),
        );
    } else if !policy.locations.contains(&location.value) {
        report.error(
            &location.span,
            format!(
                "location '{}' is not in the policy; allowed are: {}",
                location.value,
                policy.locations.join(", ")
            ),
        );
    }
}

/// Records of two formats in one stream are valid for neither parser.
fn check_same_format(sink: &WrittenSink, classes: &[usize], sources: &[SourcePlan], report: &mut Report) {
    if sink.emit != Emit::Same {
        return;
    }
    let feeds = |source: &&SourcePlan| source.class.classes().iter().any(|class| classes.contains(class));
    let mut feeding = sources.iter().filter(feeds);
    let Some(first) = feeding.next() else { return };
    if let Some(other) = feeding.find(|other| other.format != first.format) {
        report.error(
            &sink.name.span,
            format!(
                "emit = \"same\" would mix the formats of sources '{}' and '{}'; write emit = \"ndjson\", or a class for each",
                first.name, other.name
            ),
        );
    }
}

/// The worst age per class; reports a class whose records would be due before they are delivered.
fn worst_ages(
    (sink, kind): (&WrittenSink, &SinkKind),
    (classes, lives): (&[usize], &[Lives]),
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    policy: &Policy,
    report: &mut Report,
) -> Vec<WorstAge> {
    let mut ages = Vec::new();
    for (class, lives) in classes.iter().zip(lives) {
        let feeding = sources.iter().filter(|source| source.class.classes().contains(class));
        let latest = feeding.max_by_key(|source| source.max_lateness_seconds);
        let lateness = latest.map_or(0, |source| source.max_lateness_seconds);
        // Zero stands for a retention that could not be read, or is nothing: both have been reported.
        let limit = lives.first_seconds;
        let age = worst_age(kind, kafka_meant::delivery(written), lateness, limit);
        if limit > 0 && !age.within_limit() {
            let of_source =
                latest.and_then(|source| written.sources.iter().find(|w| w.name.value == source.name));
            let at = of_source.and_then(|source| source.max_lateness.as_ref());
            let part = sink.part_secs_max.as_ref();
            // The larger part of the sum is where the remedy lies.
            let (span, key) = match (at, part) {
                (Some(at), _) if lateness >= age.in_flight_seconds => (&at.span, "max_lateness"),
                (_, Some(part)) => (&part.span, "part_secs_max"),
                _ if matches!(kind, SinkKind::Kafka(_) | SinkKind::ClickHouse(_)) => {
                    (&sink.name.span, "max_lateness")
                }
                _ => (&sink.name.span, "part_secs_max"),
            };
            let (name, at) = (&sink.name.value, *class);
            let class = &policy.classes[at].name;
            report.error(
                span,
                format!(
                    "a record can be {} old when sink '{name}' has it, and class '{class}' lives {}{}; lower '{key}'",
                    duration_text(age.on_delivery_seconds()),
                    duration_text(limit),
                    if policy.classes[at].retention_seconds == Some(limit) { "" } else { " there, until its stage" },
                ),
            );
        }
        ages.push(age);
    }
    ages
}

/// All stores are swept together, with the margin that the shortest retention allows. One that has no room for the time between two
/// sweeps is refused: a part could be late.
pub(super) fn settle_margin(
    sinks: &mut [SinkPlan],
    quarantine: Option<&QuarantinePlan>,
    written: &WrittenPipeline,
    report: &mut Report,
) {
    let Some(shortest) = shortest_stored(sinks, quarantine) else { return };
    let margin = margin_seconds(shortest);
    let stored = sinks.iter_mut().flat_map(|sink| &mut sink.worst_ages);
    for age in stored.filter(|age| matches!(age.store, Store::NamedFile | Store::Table)) {
        age.margin_seconds = margin;
    }
    if shortest >= STORED_SECONDS_MIN {
        return;
    }
    let stores = written.sinks.iter().find(|sink| {
        sink.kind.as_ref().is_some_and(|at| matches!(at.value, Kind::File | Kind::Parquet | Kind::ClickHouse))
    });
    let of_quarantine = written.quarantine.as_ref().map(|quarantine| &quarantine.span);
    if let Some(span) = stores.map(|sink| &sink.name.span).or(of_quarantine) {
        report.error(
            span,
            format!(
                "what is stored lives {}, and sweeps cannot keep less than {}; lengthen the retention, or store nothing of it",
                duration_text(shortest),
                duration_text(STORED_SECONDS_MIN)
            ),
        );
    }
}

/// Whatever is stored is destroyed one day, and that is entered in the journal of the state directory.
fn check_state(sink: &WrittenSink, written: &WrittenPipeline, report: &mut Report) {
    let stores = sink.kind.as_ref().is_some_and(|kind| kind.value != Kind::Stream);
    if stores && written.state.is_none() {
        report.missing(
            &sink.name.span,
            format!(
                "sink '{}' stores records, but the pipeline has no place for its journal; write state = \"/var/lib/sluis/NAME\"",
                sink.name.value
            ),
        );
    }
}

/// What is encrypted has its keys in the keyring of the pipeline.
fn check_keys(sink: &WrittenSink, written: &WrittenPipeline, report: &mut Report) {
    let Some(encrypt) = sink.encrypt.as_ref().filter(|at| at.value) else { return };
    if written.keys.is_none() {
        report.error(
            &encrypt.span,
            format!(
                "sink '{}' encrypts what it stores, but the pipeline has no keyring; write keys = \"/var/lib/sluis/keys\"",
                sink.name.value
            ),
        );
    }
}

/// A class that no sink takes is treated and then thrown away; a class that no source gives never comes.
fn check_coverage(
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    sinks: &[SinkPlan],
    policy: &Policy,
    report: &mut Report,
) {
    // With a source or sink unreadable, what it would have covered is unknown.
    if sources.len() < written.sources.len() || sinks.len() < written.sinks.len() {
        return;
    }
    let given: Vec<usize> = sources.iter().flat_map(|source| source.class.classes()).collect();
    for (source, from) in sources.iter().zip(&written.sources) {
        for class in source.class.classes() {
            if !sinks.iter().any(|sink| sink.classes.contains(&class)) {
                let class = &policy.classes[class].name;
                report.warn(
                    &from.name.span,
                    format!(
                        "no sink takes class '{class}' of source '{}': its records are dropped",
                        source.name
                    ),
                );
            }
        }
    }
    for (sink, from) in sinks.iter().zip(&written.sinks) {
        for class in sink.classes.iter().filter(|class| !given.contains(class)) {
            let class = &policy.classes[*class].name;
            report.warn(&from.name.span, format!("no source gives class '{class}' to sink '{}'", sink.name));
        }
    }
}

/// Two sinks on one path would write over each other, and keys or quarantine under a sink would be taken for output.
pub(super) fn check_paths(written: &WrittenPipeline, base: &Path, report: &mut Report) {
    let mut taken: Vec<PathAt> = Vec::new();
    if let Some(keys) = &written.keys {
        taken.push(("the keys".to_owned(), base.join(&keys.value), keys.span.clone()));
    }
    if let Some(quarantine) = &written.quarantine
        && let Some(path) = quarantine_directory(quarantine, written, base)
    {
        taken.push(("the quarantine".to_owned(), path, quarantine.span.clone()));
    }
    let mut stdout: Option<&str> = None;
    for sink in &written.sinks {
        let name = &sink.name.value;
        if let Some(kind) = &sink.kind
            && kind.value == Kind::Stream
        {
            if let Some(other) = stdout {
                report.error(
                    &kind.span,
                    format!("sinks '{other}' and '{name}' both write to standard output; keep one"),
                );
            }
            stdout = Some(name);
        } else if let Some(path) = &sink.path {
            let here = base.join(&path.value);
            if let Some((other, _, _)) = taken.iter().find(|(_, there, _)| overlap(&here, there)) {
                report.error(
                    &path.span,
                    format!("the path of sink '{name}' and that of {other} lie in one another; give it a directory of its own"),
                );
            }
            for source in written.sources.iter().filter_map(|source| source.path.as_ref()) {
                if glob::Pattern::new(&base.join(&source.value).to_string_lossy())
                    .is_ok_and(|pattern| pattern.matches_path(&here))
                {
                    report.error(
                        &path.span,
                        format!("sink '{name}' writes where a source reads; give it a directory of its own"),
                    );
                }
            }
            taken.push((format!("sink '{name}'"), here, path.span.clone()));
        }
    }
}

/// True when one path is, or lies in, the other. `.` and doubled slashes do not count; links are not followed.
fn overlap(a: &Path, b: &Path) -> bool {
    let plain =
        |path: &Path| -> PathBuf { path.components().filter(|part| *part != Component::CurDir).collect() };
    let (a, b) = (plain(a), plain(b));
    a.starts_with(&b) || b.starts_with(&a)
}
