//! What of an input message beside its payload is carried over: its key and headers by name, each as a value of a field of the policy.
//!
//! A key or a header is data like any other. The pipeline says which field it is, and the policy what is done to that field, so that an
//! address in a header has the pseudonym of the same address in a line. What is not named is dropped.

use super::diagnostics::Report;
use super::document::{At, Section};
use super::fields;
use super::kafka::{Carried, HEADERS_MAX};
use super::pipeline_file::WrittenPipeline;
use super::plan::{SinkKind, SinkPlan, SourceKind, SourcePlan};
use crate::policy::class::{Class, Policy, View};
use crate::policy::treatment::{Place, Treatment};
use crate::record::field::{Kind, kind_of};

/// As written.
pub(super) struct WrittenCarried {
    /// The field that the key is.
    pub key: Option<At<String>>,
    /// Names of headers, and the fields that they are.
    pub headers: Vec<(At<String>, At<String>)>,
}

/// Our own header; names of others may not look like its parts.
const OWN: &str = "sluis";

/// The longest name of a header.
const NAME_BYTES_MAX: usize = 128;

/// `key` is the field that the key of a message is a value of; `headers = { "x-client" = "client.address" }` says the same of headers.
/// What the policy does to that field is done to them; without a word of them they are dropped.
pub(super) fn read(section: &Section<'_>, report: &mut Report) -> WrittenCarried {
    let key = section.text("key", report).filter(|field| check_field(field, "the key", report));
    let mut headers = Vec::new();
    let table = section.get("headers").and_then(|entry| entry.section("'headers'".to_owned(), report));
    for entry in table.iter().flat_map(Section::entries) {
        let name = At { value: entry.key.to_owned(), span: entry.key_span() };
        if entry.value.is_table() {
            report.error(
                &name.span,
                format!("header '{0}' without quotes; write \"{0}.…\" in quotes", entry.key),
            );
            continue;
        }
        let Some(field) = entry.text(report) else { continue };
        let is_sound = check_header(&name, report);
        if check_field(&field, &format!("header '{}'", name.value), report) && is_sound {
            headers.push((name, field));
        }
    }
    if let Some(table) = &table
        && (table.entries().is_empty() || table.entries().len() > HEADERS_MAX)
    {
        let said = if table.entries().is_empty() {
            "'headers' names none; leave it out".to_owned()
        } else {
            format!("'headers' names more than {HEADERS_MAX}; keep those that somebody reads")
        };
        report.error(&table.span, said);
    }
    WrittenCarried { key, headers }
}

fn check_header(name: &At<String>, report: &mut Report) -> bool {
    let text = name.value.as_str();
    let rest = text.split_at_checked(OWN.len()).filter(|(start, _)| start.eq_ignore_ascii_case(OWN));
    let said = if rest.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('.')) {
        "such names are of Sluis itself, and never taken over from an input; choose another"
    } else if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
        "use 1 to 128 printable characters of ASCII, without spaces"
    } else {
        return true;
    };
    report.error(&name.span, format!("'{text}' cannot be a header that is carried over; {said}"));
    false
}

fn check_field(field: &At<String>, what: &str, report: &mut Report) -> bool {
    if kind_of(&field.value) == Kind::Time {
        report.error(
            &field.span,
            format!(
                "{what} cannot be '{}': the time of a record is in the record; name another field",
                field.value
            ),
        );
        return false;
    }
    fields::check_name(&field.value, &field.span, report)
}

impl WrittenCarried {
    /// As meant.
    pub(super) fn meant(&self) -> Carried {
        let header = |(name, field): &(At<String>, At<String>)| (name.value.clone(), field.value.clone());
        Carried {
            key: self.key.as_ref().map(|field| field.value.clone()),
            headers: self.headers.iter().map(header).collect(),
        }
    }
}

/// What is carried over goes with one message in, and leaves as the policy says: it cannot be where messages are packed together or have
/// another key, and is refused where no sink lets it leave.
pub(super) fn check(
    written: &WrittenPipeline,
    sources: &[SourcePlan],
    sinks: &[SinkPlan],
    policy: Option<&Policy>,
    report: &mut Report,
) {
    let Some(policy) = policy else { return };
    for plan in sources {
        let from = written.sources.iter().find(|source| source.name.value == plan.name);
        let (SourceKind::Kafka(_), Some(carried)) =
            (&plan.kind, from.and_then(|source| Some(&source.kafka.as_ref()?.carried)))
        else {
            continue;
        };
        let of_source = plan.class.classes();
        let theirs = |sink: &&SinkPlan| sink.classes.iter().any(|class| of_source.contains(class));
        for sink in sinks.iter().filter(theirs) {
            check_sink(carried, plan, sink, report);
        }
        let ways: Vec<(&Class, Option<&View>)> = sinks
            .iter()
            .flat_map(|sink| sink.classes.iter().map(move |class| (class, sink)))
            .filter(|(class, _)| of_source.contains(class))
            .map(|(class, sink)| (&policy.classes[*class], sink.view(policy)))
            .collect();
        let key = carried.key.iter().map(|field| ("the key".to_owned(), field));
        let headers = carried.headers.iter().map(|(name, field)| (format!("header '{}'", name.value), field));
        for (what, field) in key.chain(headers) {
            if !ways.is_empty()
                && !ways.iter().any(|(class, view)| carried_as(&field.value, class, *view).is_some())
            {
                report.error(
                    &field.span,
                    format!(
                        "{what} of source '{}' is '{}', which no class and output of its sinks lets leave; let the policy say what is \
                         done to it, or leave it out",
                        plan.name, field.value
                    ),
                );
            }
        }
    }
}

fn check_sink(carried: &WrittenCarried, source: &SourcePlan, sink: &SinkPlan, report: &mut Report) {
    let first = carried.key.as_ref().or(carried.headers.first().map(|(_, field)| field));
    let SinkKind::Kafka(kafka) = &sink.kind else {
        if let Some(at) = first {
            report.error(
                &at.span,
                format!(
                    "sink '{}' is no topic, and what it stores has neither a key nor headers; leave 'key' and 'headers' of source '{}' out",
                    sink.name, source.name
                ),
            );
        }
        return;
    };
    if let (Some(at), Some(_)) = (first, kafka.pack_bytes) {
        report.error(
            &at.span,
            format!(
                "sink '{}' packs records of several messages into one, and each has a key and headers of its own; leave 'pack' of the sink \
                 out, or 'key' and 'headers' of source '{}'",
                sink.name, source.name
            ),
        );
    }
    if let (Some(at), Some(column)) = (&carried.key, &kafka.key) {
        report.error(
            &at.span,
            format!(
                "a message has one key: sink '{}' takes it from the column '{column}', source '{}' from its input; leave one of them out",
                sink.name, source.name
            ),
        );
    }
}

/// What is done to a value of `field` that goes beside a message of a class, and where the rule stands; `None`: it does not leave.
pub fn carried_as<'p>(
    field: &str,
    class: &'p Class,
    view: Option<&View>,
) -> Option<(&'static str, &'p Place)> {
    let rule = class.fields.get(field)?;
    let mut leaving = rule.outputs.iter().filter(|output| output.treatment != Treatment::Drop);
    let output = leaving.find(|output| {
        let name = output.rename.as_deref().unwrap_or(field);
        view.is_none_or(|view| view.fields.iter().any(|known| known == name))
    })?;
    Some((output.treatment.name(), &rule.place))
}
