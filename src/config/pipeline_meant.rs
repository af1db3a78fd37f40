//! From a pipeline as written to a plan: names resolved, bounds held against the policy, contradictions refused.
//!
//! No I/O and no clock. Without a readable policy, everything that does not need one is still checked.

use std::path::{Path, PathBuf};

use super::clickhouse;
use super::diagnostics::{Report, Span};
use super::document::At;
use super::kafka::DeliveryKind;
use super::kafka_carried;
use super::kafka_meant;
use super::kafka_together;
use super::kafka_topics;
use super::pipeline_file::{Kind, WrittenPipeline, WrittenQuarantine, WrittenSource};
use super::plan::{
    BATCH_BYTES_DEFAULT, ClassChoice, ClassRule, Plan, QuarantinePlace, QuarantinePlan,
    RECORD_BYTES_MAX_DEFAULT, SourceKind, SourcePlan,
};
use super::sinks_meant;
use super::suggest;
use super::units::duration_text;
use crate::policy::class::{Class, Policy};
use crate::policy::treatment::Treatment;

/// Makes the plan. `None` when something essential is absent, which has been reported.
pub(super) fn mean(
    written: &WrittenPipeline,
    policy: Option<Policy>,
    base: &Path,
    report: &mut Report,
) -> Option<Plan> {
    let known = policy.as_ref();
    let delivery = kafka_meant::delivery(written);
    let sources: Vec<SourcePlan> = written
        .sources
        .iter()
        .filter_map(|source| mean_source((source, delivery), written, known, base, report))
        .collect();
    check_one_stdin(written, report);
    kafka_together::check_company(written, report);
    let kafka = kafka_meant::cluster(written, base, report);
    let mut sinks = sinks_meant::mean(written, &sources, known, base, report);
    let quarantine = written
        .quarantine
        .as_ref()
        .and_then(|quarantine| mean_quarantine(quarantine, written, &sources, known, base, report));
    clickhouse::check_apart(&sinks, written, report);
    sinks_meant::settle_margin(&mut sinks, quarantine.as_ref(), written, report);
    let path = |at: &Option<At<String>>| at.as_ref().map(|at| base.join(&at.value));
    check_keys(written, &sources, known, report);
    sinks_meant::check_paths(written, base, report);
    kafka_together::check_topics(written, &sources, &sinks, known, report);
    kafka_carried::check(written, &sources, &sinks, known, report);
    let policy_path = path(&written.policy)?;
    Some(Plan {
        policy: policy?,
        policy_path,
        policy_text: String::new(),
        keys: path(&written.keys),
        state: path(&written.state),
        threads: written.threads.as_ref().map(|at| at.value as usize),
        batch_bytes: written.batch_bytes.as_ref().map_or(BATCH_BYTES_DEFAULT, |at| at.value as usize),
        kafka,
        admin: None,
        sources,
        sinks,
        quarantine,
    })
}

fn mean_source(
    (source, delivery): (&WrittenSource, DeliveryKind),
    written: &WrittenPipeline,
    policy: Option<&Policy>,
    base: &Path,
    report: &mut Report,
) -> Option<SourcePlan> {
    let zone = source.time_zone.as_ref().filter(|zone| check_zone(zone, report));
    if let Some(format) = &source.format
        && format.value.0.is_zoneless()
        && source.time_zone.is_none()
    {
        report.error(
            &format.span,
            format!(
                "time zone missing for zoneless logs ('{}'); write time_zone = \"Europe/Amsterdam\" or the server's own",
                format.value.0.name()
            ),
        );
    }
    let class = class_choice(source, policy, report);
    // In a log ordered by arrival what is late outlives its deadline, so that topics need a bound.
    let to_topics = kafka_together::writes(written);
    let lateness_default = if to_topics { kafka_meant::lateness_default(class.as_ref(), policy) } else { 0 };
    let mut max_lateness_seconds = source.max_lateness.as_ref().map_or(lateness_default, |at| at.value);
    let kind = match source.kind.as_ref()?.value {
        // Kinds of sink: no word for a source means them.
        Kind::Parquet | Kind::ClickHouse => return None,
        Kind::Stream => SourceKind::Stdin,
        Kind::File => SourceKind::File {
            pattern: pattern(source.path.as_ref()?, base, report)?,
            rotated: match &source.rotated {
                Some(rotated) => Some(pattern(rotated, base, report)?),
                None => None,
            },
            raw_retention_seconds: source.raw_retention.as_ref().map(|at| at.value),
        },
        Kind::Kafka => {
            if source.max_lateness.is_none() {
                max_lateness_seconds = kafka_meant::lateness_default(class.as_ref(), policy);
            }
            let kafka = source.kafka.as_ref()?;
            let of_class = (class.as_ref(), policy);
            SourceKind::Kafka(kafka_meant::source(
                (source, delivery),
                kafka,
                max_lateness_seconds,
                of_class,
                report,
            )?)
        }
    };
    let format = source.format.as_ref()?.value.clone();
    Some(SourcePlan {
        name: source.name.value.clone(),
        kind,
        format: format.0,
        format_text: format.1,
        time_zone: zone.map(|zone| zone.value.clone()),
        class: class?,
        max_lateness_seconds,
        record_bytes_max: source
            .record_bytes_max
            .as_ref()
            .map_or(RECORD_BYTES_MAX_DEFAULT, |at| at.value as usize),
        place: report.source.place(source.name.span.start),
    })
}

/// The pattern of a file source from the root of the file system or the working directory.
fn pattern(path: &At<String>, base: &Path, report: &mut Report) -> Option<String> {
    // The directory of the pipeline file is a name, not a pattern.
    let base = glob::Pattern::escape(&base.to_string_lossy());
    let pattern = Path::new(&base).join(&path.value).to_string_lossy().into_owned();
    if path.value.is_empty() {
        report.error(&path.span, "'path' is empty; write a file or a pattern");
        return None;
    }
    if let Err(error) = glob::Pattern::new(&path.value) {
        report
            .error(&path.span, format!("'path' is no pattern: {}; write '[*]' for a star itself", error.msg));
        return None;
    }
    Some(pattern)
}

fn check_zone(zone: &At<String>, report: &mut Report) -> bool {
    let name = zone.value.as_str();
    let found = !name.is_empty() && name != "Etc/Unknown" && jiff::tz::db().get(name).is_ok();
    if !found {
        report.error(
            &zone.span,
            format!("unknown time zone '{name}'; write an IANA name such as \"Europe/Amsterdam\" or \"UTC\""),
        );
    }
    found
}

/// The class of a source, or rules that choose it. Where none matches, the strictest class of the source holds.
fn class_choice(source: &WrittenSource, policy: Option<&Policy>, report: &mut Report) -> Option<ClassChoice> {
    let policy = policy?;
    let mut rules = Vec::new();
    for rule in &source.rules {
        let class = class_named(&rule.is, policy, report)?;
        rules.push(ClassRule { when: rule.when.clone(), class });
    }
    let strictest =
        rules.iter().map(|rule| rule.class).min_by_key(|class| policy.classes[*class].whole_seconds())?;
    if let [only] = rules.as_slice()
        && !only.when.is_empty()
    {
        let span = &source.rules[0].span;
        report.warn(
            span,
            "the only rule, so records that it does not match get the same class; leave 'when' out",
        );
    }
    Some(ClassChoice { rules, otherwise: strictest })
}

/// The class called `name`, or a report with the nearest.
pub(super) fn class_named(name: &At<String>, policy: &Policy, report: &mut Report) -> Option<usize> {
    let class = policy.class(&name.value);
    if class.is_none() {
        let known: Vec<&str> = policy.classes.iter().map(|class| class.name.as_str()).collect();
        let otherwise = format!("the policy has: {}", known.join(", "));
        let remedy = suggest::remedy(&name.value, known.iter().copied(), &otherwise);
        report.error(&name.span, format!("unknown class '{}'{remedy}", name.value));
    }
    class
}

/// Two readers of one standard input would each get a part of every record.
fn check_one_stdin(written: &WrittenPipeline, report: &mut Report) {
    let streams = written.sources.iter().filter_map(|source| source.kind.as_ref());
    for kind in streams.filter(|kind| kind.value == Kind::Stream).skip(1) {
        report.error(&kind.span, "a second source reads standard input; there is one, so keep one source");
    }
}

/// A pipeline that makes tokens needs a keyring, which `run` never makes.
fn check_keys(
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    policy: Option<&Policy>,
    report: &mut Report,
) {
    let (Some(policy), None, Some(named)) = (policy, &written.keys, &written.policy) else { return };
    for class in sources.iter().flat_map(|source| source.class.classes()) {
        let class = &policy.classes[class];
        if let Some(field) = pseudonymised(class) {
            report.missing(
                &named.span,
                format!(
                    "missing 'keys'; class '{}' pseudonymises '{field}': make a keyring with 'sluis keys init' and name its \
                     directory",
                    class.name
                ),
            );
            return;
        }
    }
}

/// A field that the class pseudonymises.
fn pseudonymised(class: &Class) -> Option<&str> {
    let tokens = |treatment: &Treatment| matches!(treatment, Treatment::Pseudonymise(_));
    let mut rules = class.fields.iter();
    rules
        .find(|(_, rule)| rule.outputs.iter().any(|output| tokens(&output.treatment)))
        .map(|(name, _)| name.as_str())
}

fn mean_quarantine(
    quarantine: &WrittenQuarantine,
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    policy: Option<&Policy>,
    base: &Path,
    report: &mut Report,
) -> Option<QuarantinePlan> {
    check_quarantine_place(quarantine, written, report);
    let mut recipients = Vec::new();
    for text in quarantine.recipients.iter().flat_map(|list| &list.value) {
        recipients.extend(recipient(text, report));
    }
    if let (Some(retention), Some(policy)) = (&quarantine.retention, policy) {
        check_quarantine_retention(retention, sources, policy, report);
    }
    if quarantine.recipients.as_ref().is_none_or(|list| list.value.is_empty()) {
        return None;
    }
    let retention = quarantine.retention.as_ref();
    if retention.is_none() {
        report.missing(
            &quarantine.span,
            "missing 'retention' in [quarantine]; write at most that of the shortest class of the sources",
        );
    }
    let place = if kafka_together::is_between_topics(written) {
        quarantine.topic.as_ref().map(|topic| QuarantinePlace::Topic(topic.value.clone()))
    } else {
        quarantine_directory(quarantine, written, base).map(QuarantinePlace::Directory)
    };
    if place.is_none() {
        let remedy = if kafka_together::is_between_topics(written) {
            "write its 'topic'"
        } else {
            "write its 'path', or 'state' for the pipeline"
        };
        report.missing(&quarantine.span, format!("no place for [quarantine]; {remedy}"));
    }
    Some(QuarantinePlan { recipients, retention_seconds: retention?.value, place: place? })
}

/// Between topics there is a topic of what could not be parsed, else a directory.
fn check_quarantine_place(quarantine: &WrittenQuarantine, written: &WrittenPipeline, report: &mut Report) {
    match (kafka_together::is_between_topics(written), &quarantine.path, &quarantine.topic) {
        (true, Some(path), _) => report
            .error(&path.span, "between topics the quarantine is one, too; write 'topic' instead of 'path'"),
        (false, _, Some(topic)) => report.error(
            &topic.span,
            "a topic as quarantine needs sources and sinks on Kafka; write 'path' instead of 'topic'",
        ),
        _ => {}
    }
    if let Some(topic) = &quarantine.topic {
        kafka_topics::check_name(&topic.value, &topic.span, report);
    }
}

/// Where sealed records lie: `path`, or `quarantine` in the state directory.
pub(super) fn quarantine_directory(
    quarantine: &WrittenQuarantine,
    written: &WrittenPipeline,
    base: &Path,
) -> Option<PathBuf> {
    match (&quarantine.path, &written.state) {
        (Some(path), _) => Some(base.join(&path.value)),
        (None, Some(state)) => Some(base.join(&state.value).join("quarantine")),
        (None, None) => None,
    }
}

fn recipient(text: &At<String>, report: &mut Report) -> Option<age::x25519::Recipient> {
    if text.value.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        report.error_unshown(
            &text.span,
            "a secret key among the recipients; write its public key (age1…), and renew it",
        );
        return None;
    }
    let recipient = text.value.parse().ok();
    if recipient.is_none() {
        report
            .error(&text.span, "not an age recipient; write the public key that 'age-keygen' shows (age1…)");
    }
    recipient
}

fn check_quarantine_retention(
    retention: &At<u64>,
    sources: &[SourcePlan],
    policy: &Policy,
    report: &mut Report,
) {
    let classes = sources.iter().flat_map(|source| source.class.classes());
    let shortest = classes.map(|class| &policy.classes[class]).min_by_key(|class| class.whole_seconds());
    if retention.value == 0 {
        report.error(&retention.span, "retention of nothing; write a length, or no recipients");
    } else if let Some(class) = shortest
        && let Some(limit) = class.whole_seconds()
        && retention.value > limit
    {
        report.error(
            &retention.span,
            format!(
                "quarantine keeps records for {}, longer than class '{}' of the sources lives; write at most \"{}\"",
                duration_text(retention.value),
                class.name,
                duration_text(limit)
            ),
        );
    }
}

/// A path and where it was written.
pub(super) type PathAt = (String, PathBuf, Span);
