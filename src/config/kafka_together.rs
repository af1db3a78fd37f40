//! What holds between the sources, sinks and topics of a pipeline on Kafka: which of them go together, and that no topic is two things.

use regex::Regex;

use super::diagnostics::{Report, Span};
use super::kafka::DeliveryKind;
use super::kafka_topics;
use super::pipeline_file::{Kind, WrittenPipeline};
use super::plan::{SinkKind, SinkPlan, SourceKind, SourcePlan};
use crate::policy::class::Policy;

/// True when a source reads from Kafka.
pub(super) fn reads(written: &WrittenPipeline) -> bool {
    kinds_of_sources(written).any(|(kind, _, _)| kind == Kind::Kafka)
}

fn kinds_of_sources(written: &WrittenPipeline) -> impl Iterator<Item = (Kind, &Span, &str)> {
    written
        .sources
        .iter()
        .filter_map(|source| source.kind.as_ref().map(|at| (at.value, &at.span, source.name.value.as_str())))
}

fn kinds_of_sinks(written: &WrittenPipeline) -> impl Iterator<Item = (Kind, &Span, &str)> {
    written
        .sinks
        .iter()
        .filter_map(|sink| sink.kind.as_ref().map(|at| (at.value, &at.span, sink.name.value.as_str())))
}

/// True when a sink is on Kafka.
pub(super) fn writes(written: &WrittenPipeline) -> bool {
    kinds_of_sinks(written).any(|(kind, _, _)| kind == Kind::Kafka)
}

/// True when what is read from Kafka goes to topics. Sinks that could not be read are taken for that.
pub(super) fn is_between_topics(written: &WrittenPipeline) -> bool {
    reads(written) && kinds_of_sinks(written).all(|of| of.0 == Kind::Kafka)
}

/// Sources, sinks and `[kafka]`: what one pipeline may hold at once.
pub(super) fn check_company(written: &WrittenPipeline, report: &mut Report) {
    let on_kafka = kinds_of_sources(written).chain(kinds_of_sinks(written)).find(|of| of.0 == Kind::Kafka);
    match (&written.kafka, on_kafka) {
        (None, Some((_, span, name))) => report.missing(
            span,
            format!(
                "'{name}' is on Kafka, and there is no [kafka]; write it, with the 'brokers' of the cluster"
            ),
        ),
        // A kind that could not be read may be that.
        (Some(kafka), None) if all_kinds_are_known(written) => report.error(
            &kafka.span,
            "no source or sink is on Kafka; leave [kafka] out, or write kind = \"kafka\"",
        ),
        _ => {}
    }
    let reads = reads(written);
    check_sinks(written, reads, report);
    for (_, span, name) in kinds_of_sources(written).filter(|of| reads && of.0 != Kind::Kafka) {
        report.error(
            span,
            format!(
                "a pipeline that reads from Kafka reads from nothing else; give source '{name}' a pipeline of its own"
            ),
        );
    }
    if let Some(bytes) = written.batch_bytes.as_ref().filter(|_| reads) {
        report.error(
            &bytes.span,
            "a pipeline that reads from Kafka takes what the client has fetched; write 'in_flight_bytes' in [kafka]",
        );
    }
    if let Some(threads) = written.threads.as_ref().filter(|_| reads) {
        report.error(&threads.span, "a pipeline that reads from Kafka has lanes; write 'lanes' in [kafka]");
    }
}

/// Sinks go together when all are topics or none is: each of the two has its own way to be sure that nothing is lost.
fn check_sinks(written: &WrittenPipeline, reads: bool, report: &mut Report) {
    let to_topics = kinds_of_sinks(written).find(|of| of.0 == Kind::Kafka);
    if let Some((_, _, topics)) = to_topics {
        for (_, span, name) in kinds_of_sinks(written).filter(|of| of.0 != Kind::Kafka) {
            report.error(
                span,
                format!(
                    "sink '{name}' beside sink '{topics}', which is on Kafka: sinks of a pipeline are all topics or none is, since each has its \
                     own way to be sure; give '{name}' a pipeline of its own"
                ),
            );
        }
    }
    let delivery = written.kafka.as_ref().and_then(|kafka| kafka.delivery.as_ref());
    let elsewhere = kinds_of_sinks(written).find(|of| of.0 != Kind::Kafka).map(|of| ("sink", of.2));
    let elsewhere = elsewhere
        .or_else(|| kinds_of_sources(written).find(|of| of.0 != Kind::Kafka).map(|of| ("source", of.2)));
    if let Some(stated) = delivery.filter(|stated| stated.value == DeliveryKind::ExactlyOnce)
        && let Some((what, name)) = elsewhere
    {
        report.error(
            &stated.span,
            format!(
                "exactly once holds between Kafka topics only, and {what} '{name}' is elsewhere; write \"at_least_once\""
            ),
        );
    }
    match (reads, to_topics.is_some()) {
        (true, false) => check_stored(written, report),
        (false, true) if !written.sources.is_empty() => check_unread(written, report),
        _ => {}
    }
}

/// What means nothing where nothing is read from Kafka.
fn check_unread(written: &WrittenPipeline, report: &mut Report) {
    let Some(kafka) = &written.kafka else { return };
    let spans = [
        ("group", kafka.group.as_ref().map(|at| &at.span)),
        ("instance", kafka.instance.as_ref().map(|at| &at.span)),
        ("lanes", kafka.lanes.as_ref().map(|at| &at.span)),
        ("commit_ms", kafka.commit_ms.as_ref().map(|at| &at.span)),
    ];
    for (name, span) in spans {
        if let Some(span) = span {
            report
                .error(span, format!("'{name}' is for reading from Kafka, and no source does; leave it out"));
        }
    }
}

/// What means nothing, or cannot be, where records go from topics to what is none.
fn check_stored(written: &WrittenPipeline, report: &mut Report) {
    let Some(kafka) = &written.kafka else { return };
    if let Some(at) = &kafka.commit_ms {
        report.error(
            &at.span,
            "offsets are committed once a checkpoint has what was read, at most every ten seconds; leave 'commit_ms' out",
        );
    }
    // Sinks that store ask for it themselves.
    if written.state.is_none() && kinds_of_sinks(written).all(|of| of.0 == Kind::Stream) {
        report.missing(
            &kafka.span,
            "a pipeline that reads from Kafka has a checkpoint and a journal; write state = \"/var/lib/sluis/NAME\"",
        );
    }
    for source in written.sources.iter().filter_map(|source| source.kafka.as_ref()) {
        if let Some(at) = &source.late_topic {
            report.error(
                &at.span,
                "late records go to no topic of their own where sinks are files: a part has its own deadline, however late; leave 'late_topic' out",
            );
        }
    }
}

fn all_kinds_are_known(written: &WrittenPipeline) -> bool {
    kinds_of_sources(written).count() == written.sources.len()
        && kinds_of_sinks(written).count() == written.sinks.len()
}

/// What is read.
struct Input<'w> {
    source: &'w str,
    topic: &'w str,
    pattern: Option<Regex>,
    span: &'w Span,
}

impl Input<'_> {
    /// True when it reads `topic`, a name or the same pattern.
    fn takes(&self, topic: &str) -> bool {
        self.topic == topic || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(topic))
    }
}

/// What is written.
struct Output<'w> {
    what: String,
    topic: String,
    /// Late records of one class may come together from several sources.
    late_of: Option<usize>,
    span: &'w Span,
}

/// A topic is read by one source or written by one sink, and never both.
pub(super) fn check_topics(
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    sinks: &[SinkPlan],
    policy: Option<&Policy>,
    report: &mut Report,
) {
    let inputs = inputs(written);
    for (index, input) in inputs.iter().enumerate() {
        // Two that are equal are reported at the second, a name that a pattern of another source takes in at the name.
        let equal = inputs[..index].iter().find(|other| other.topic == input.topic);
        let taken = || {
            let others =
                inputs.iter().filter(|other| other.source != input.source && input.pattern.is_none());
            others.into_iter().find(|other| other.pattern.is_some() && other.takes(input.topic))
        };
        let Some(other) = equal.or_else(taken) else { continue };
        let message = if other.source == input.source {
            format!("'{}' stands twice in 'topics'; remove one", input.topic)
        } else {
            format!(
                "sources '{}' and '{}' both read '{}'; a topic has one source, which says what its records are",
                other.source, input.source, input.topic
            )
        };
        report.error(input.span, message);
    }
    let outputs = outputs(written, sources, sinks, policy);
    for (index, output) in outputs.iter().enumerate() {
        let clash = outputs[..index].iter().find(|other| {
            let late_together = other.late_of.is_some() && other.late_of == output.late_of;
            other.topic == output.topic && !late_together
        });
        if let Some(other) = clash {
            report.error(
                output.span,
                format!(
                    "{} and {} both write to '{}'; give each a topic of its own",
                    other.what, output.what, output.topic
                ),
            );
        }
        let names =
            inputs.iter().map(|input| input.topic).chain(outputs[..index].iter().map(|o| o.topic.as_str()));
        if let Some(alike) = names.into_iter().find(|name| collide(name, &output.topic)) {
            report.error(
                output.span,
                format!(
                    "Kafka keeps no '{}' beside '{alike}': '.' and '_' are one in its metrics; rename one",
                    output.topic
                ),
            );
        }
        if let Some(input) = inputs.iter().find(|input| input.takes(&output.topic)) {
            report.error(
                output.span,
                format!(
                    "{} writes to '{}', which source '{}' reads ('{}'); give it another name",
                    output.what, output.topic, input.source, input.topic
                ),
            );
        }
    }
}

/// True for two names that Kafka refuses to keep side by side.
fn collide(a: &str, b: &str) -> bool {
    a != b && a.replace('.', "_") == b.replace('.', "_")
}

fn inputs(written: &WrittenPipeline) -> Vec<Input<'_>> {
    let mut inputs = Vec::new();
    for source in &written.sources {
        let topics = source.kafka.iter().filter_map(|kafka| kafka.topics.as_ref());
        inputs.extend(topics.flat_map(|list| &list.value).map(|topic| Input {
            source: &source.name.value,
            topic: &topic.value,
            pattern: topic.value.starts_with('^').then(|| kafka_topics::pattern(&topic.value).ok()).flatten(),
            span: &topic.span,
        }));
    }
    inputs
}

fn outputs<'w>(
    written: &'w WrittenPipeline,
    sources: &[SourcePlan],
    sinks: &[SinkPlan],
    policy: Option<&Policy>,
) -> Vec<Output<'w>> {
    let mut outputs = Vec::new();
    for plan in sinks {
        let SinkKind::Kafka(kafka) = &plan.kind else { continue };
        let from = written.sinks.iter().find(|sink| sink.name.value == plan.name);
        let Some(at) = from.and_then(|sink| sink.kafka.as_ref()?.topic.as_ref()) else { continue };
        outputs.extend(kafka.topics.iter().map(|topic| Output {
            what: format!("sink '{}'", plan.name),
            topic: topic.clone(),
            late_of: None,
            span: &at.span,
        }));
    }
    for (plan, policy) in sources.iter().zip(policy.into_iter().cycle()) {
        let SourceKind::Kafka(kafka) = &plan.kind else { continue };
        let from = written.sources.iter().find(|source| source.name.value == plan.name);
        let Some(at) = from.and_then(|source| source.kafka.as_ref()?.late_topic.as_ref()) else { continue };
        outputs.extend(plan.class.classes().into_iter().filter_map(|class| {
            Some(Output {
                what: format!("source '{}' (late records)", plan.name),
                topic: kafka.late_topic_of(&policy.classes[class].name)?,
                late_of: Some(class),
                span: &at.span,
            })
        }));
    }
    if let Some(at) = written.quarantine.as_ref().and_then(|quarantine| quarantine.topic.as_ref()) {
        outputs.push(Output {
            what: "the quarantine".to_owned(),
            topic: at.value.clone(),
            late_of: None,
            span: &at.span,
        });
    }
    outputs
}
