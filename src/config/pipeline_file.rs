//! A pipeline file as written: every value with its place, nothing held against the policy yet.
//!
//! The step to a plan is `pipeline_meant`. Keys are documented at the function that reads them, and in
//! `config/REFERENCE.md`.

use super::clickhouse::{self, WrittenClickHouse};
use super::diagnostics::{Report, Span};
use super::document::{At, Section, one_of};
use super::fields;
use super::format_spec::{self, FormatSpec, Written};
use super::kafka_file::{self, WrittenKafka, WrittenKafkaSink, WrittenKafkaSource};
use super::policy_file::Texts;
use super::vocabulary::{
    CLASS_RULE, COMPRESS, EMITS, PIPELINE_FILE, QUARANTINE, SINK, SINK_KINDS, SINK_OF_FILES, SINK_OF_KAFKA,
    SOURCE, SOURCE_KINDS, SOURCE_OF_FILES, SOURCE_OF_KAFKA, Vocabulary,
};
use crate::encode::Emit;
use toml::de::DeValue;

/// The whole file.
pub(super) struct WrittenPipeline {
    pub policy: Option<At<String>>,
    pub keys: Option<At<String>>,
    pub state: Option<At<String>>,
    pub threads: Option<At<u64>>,
    pub batch_bytes: Option<At<u64>>,
    pub kafka: Option<WrittenKafka>,
    pub sources: Vec<WrittenSource>,
    pub quarantine: Option<WrittenQuarantine>,
    pub sinks: Vec<WrittenSink>,
}

/// What a kind of source or sink says of itself: standard input or output, files, or topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    File,
    Kafka,
    /// Files of columns; a sink only.
    Parquet,
    /// A ClickHouse server; a sink only.
    ClickHouse,
}

/// `[source.*]`.
pub(super) struct WrittenSource {
    pub name: At<String>,
    pub kind: Option<At<Kind>>,
    pub path: Option<At<String>>,
    pub rotated: Option<At<String>>,
    pub raw_retention: Option<At<u64>>,
    pub kafka: Option<WrittenKafkaSource>,
    pub format: Option<At<(FormatSpec, Option<Written>)>>,
    pub time_zone: Option<At<String>>,
    pub rules: Vec<WrittenRule>,
    pub max_lateness: Option<At<u64>>,
    pub record_bytes_max: Option<At<u64>>,
}

/// One rule of `class`; a plain name is one rule without conditions.
pub(super) struct WrittenRule {
    pub when: Vec<(String, String)>,
    pub is: At<String>,
    pub span: Span,
}

/// `[quarantine]`.
pub(super) struct WrittenQuarantine {
    pub span: Span,
    pub recipients: Option<Texts>,
    pub retention: Option<At<u64>>,
    pub path: Option<At<String>>,
    pub topic: Option<At<String>>,
}

/// `[sink.*]`.
pub(super) struct WrittenSink {
    pub name: At<String>,
    pub kind: Option<At<Kind>>,
    pub path: Option<At<String>>,
    pub kafka: Option<WrittenKafkaSink>,
    pub clickhouse: Option<WrittenClickHouse>,
    pub classes: Option<Texts>,
    pub output: Option<At<String>>,
    pub purpose: Option<At<String>>,
    pub location: Option<At<String>>,
    pub recipient: Option<At<String>>,
    pub emit: Emit,
    pub part_secs_max: Option<At<u64>>,
    pub compress: bool,
    pub encrypt: Option<At<bool>>,
}

/// Reads a pipeline file: `policy` is the file it runs under, `keys` the directory of the keyring, `state` that of
/// checkpoints, journal and lock. `threads` (one per core) and `batch_bytes` (256 KiB) are for tuning.
pub(super) fn read(root: &Section<'_>, report: &mut Report) -> WrittenPipeline {
    root.check_keys(&PIPELINE_FILE, report);
    root.required("policy", "name the policy file, such as policy = \"policy/web.toml\"", report);
    root.required("source", "write at least one, such as [source.nginx]", report);
    root.required("sink", "write at least one, such as [sink.analytics]", report);
    WrittenPipeline {
        policy: root.text("policy", report),
        keys: root.text("keys", report),
        state: root.text("state", report),
        threads: within(root.number("threads", report), "threads", 1, 512, report),
        batch_bytes: within(root.bytes("batch_bytes", report), "batch_bytes", 4_096, 64 << 20, report),
        kafka: root.section("kafka", report).map(|section| kafka_file::cluster(&section, report)),
        sources: root.sections("source", report).iter().map(|section| source(section, report)).collect(),
        quarantine: root.section("quarantine", report).map(|section| quarantine(&section, report)),
        sinks: root.sections("sink", report).iter().map(|section| sink(section, report)).collect(),
    }
}

/// A number within its bounds.
pub(super) fn within(
    number: Option<At<u64>>,
    key: &str,
    min: u64,
    max: u64,
    report: &mut Report,
) -> Option<At<u64>> {
    let number = number?;
    if (min..=max).contains(&number.value) {
        return Some(number);
    }
    report.error(&number.span, format!("'{key}' is out of bounds; write {min} to {max}"));
    None
}

/// `[source.*]`: `kind` is `stdin`, `file` or `kafka`; `path` a file or pattern; `format` what its records look like; `time_zone` the
/// IANA zone of times that state none; `class` a class, or rules that choose one; `max_lateness` how late a record may
/// arrive (default none); `record_bytes_max` what a record may hold (default 1 MiB). Of files: `rotated` a pattern of where they are rotated to
/// (default beside them); `raw_retention` how long a rotated file may stay once it is delivered (default: for ever, it is not ours).
/// Of Kafka: see [`kafka_file::source`].
fn source(section: &Section<'_>, report: &mut Report) -> WrittenSource {
    section.check_keys(&SOURCE, report);
    let kind = kind(section, &SOURCE_KINDS, "kind of source", report);
    check_kind_keys(section, kind.as_ref(), SOURCE_OF_FILES, SOURCE_OF_KAFKA, report);
    let kafka =
        kind.as_ref().filter(|kind| kind.value == Kind::Kafka).map(|_| kafka_file::source(section, report));
    section.required("format", "write \"combined\", \"json\" or another", report);
    let format = section
        .get("format")
        .and_then(|entry| Some(At { value: format_spec::read(&entry, report)?, span: entry.span() }));
    let raw_retention = section.seconds("raw_retention", report);
    let rotated = section.text("rotated", report);
    if kind.as_ref().is_some_and(|kind| kind.value == Kind::Stream) {
        let of_files = raw_retention.as_ref().map(|at| &at.span).or(rotated.as_ref().map(|at| &at.span));
        if let Some(span) = of_files {
            report
                .error(span, "standard input has no rotated files; leave 'rotated' and 'raw_retention' out");
        }
    }
    WrittenSource {
        rotated,
        raw_retention,
        kafka,
        name: At { value: section.name.to_owned(), span: section.span.clone() },
        path: path(section, kind.as_ref(), "reads standard input", report),
        kind,
        format,
        time_zone: section.text("time_zone", report),
        rules: rules(section, report),
        max_lateness: section.seconds("max_lateness", report),
        record_bytes_max: within(
            section.bytes("record_bytes_max", report),
            "record_bytes_max",
            1_024,
            64 << 20,
            report,
        ),
    }
}

/// `kind`: the first word of each list of kinds is the stream, the second files, the third topics, the fourth columns, the fifth ClickHouse.
fn kind(section: &Section<'_>, words: &Vocabulary, what: &str, report: &mut Report) -> Option<At<Kind>> {
    section.required("kind", &format!("write \"{}\"", words.keys.join("\" or \"")), report);
    let word = section.text("kind", report)?;
    let index = one_of(&word, words, what, report)?;
    let value = match index {
        0 => Kind::Stream,
        1 => Kind::File,
        2 => Kind::Kafka,
        3 => Kind::Parquet,
        _ => Kind::ClickHouse,
    };
    Some(At { value, span: word.span })
}

/// Keys of files mean nothing to topics, and the other way round. What streams have of files has words of its own.
fn check_kind_keys(
    section: &Section<'_>,
    kind: Option<&At<Kind>>,
    of_files: &[&str],
    of_kafka: &[&str],
    report: &mut Report,
) {
    let (foreign, theirs) = match kind.map(|kind| kind.value) {
        Some(Kind::Kafka) => (of_files, "file"),
        Some(Kind::File | Kind::Stream | Kind::Parquet) => (of_kafka, "kafka"),
        // Has words of its own.
        Some(Kind::ClickHouse) | None => return,
    };
    for entry in section.entries().iter().filter(|entry| foreign.contains(&entry.key)) {
        report.error(
            &entry.key_span(),
            format!(
                "'{}' in {} belongs to kind \"{theirs}\"; leave it out, or write kind = \"{theirs}\"",
                entry.key, section.title
            ),
        );
    }
}

/// `path`: needed by files, senseless for streams.
fn path(
    section: &Section<'_>,
    kind: Option<&At<Kind>>,
    stream: &str,
    report: &mut Report,
) -> Option<At<String>> {
    let path = section.text("path", report);
    match (kind.map(|kind| kind.value), &path) {
        (Some(Kind::File), _) => {
            section.required("path", "a file has one", report);
        }
        (Some(Kind::Stream), Some(path)) => {
            report.error(
                &path.span,
                format!("{} {stream}; leave 'path' out, or write kind = \"file\"", section.title),
            );
        }
        _ => {}
    }
    path
}

/// `class`: a name, or rules `[{ when = { "url.path" = "/register" }, is = "registration" }, { is = "web" }]`. The first that
/// matches decides; `when` names fields and the exact values they must have, all of them.
fn rules(section: &Section<'_>, report: &mut Report) -> Vec<WrittenRule> {
    let Some(entry) = section.required("class", "name a class of the policy", report) else {
        return Vec::new();
    };
    if entry.value.is_str() {
        let name = entry.text(report).into_iter();
        return name.map(|is| WrittenRule { when: Vec::new(), span: is.span.clone(), is }).collect();
    }
    let Some(tables) = entry.tables("a rule of 'class'", report) else {
        return entry
            .wrong::<()>("a class in quotes, or a list of rules { when = …, is = … }", report)
            .map_or_else(Vec::new, |()| Vec::new());
    };
    if tables.is_empty() {
        report.error(&entry.span(), "no rule in 'class'; name a class of the policy");
    }
    let mut rules: Vec<WrittenRule> = Vec::new();
    let mut decided = false;
    for table in &tables {
        table.check_keys(&CLASS_RULE, report);
        if decided {
            report.error(&table.span, "a rule after one without 'when' is never reached; move it up");
        }
        // A misspelled `when` is reported as that.
        decided = table.entries().iter().all(|entry| entry.key == "is");
        table.required("is", "name a class of the policy", report);
        let when = conditions(table, report);
        if let (Some(is), Some(when)) = (table.text("is", report), when) {
            rules.push(WrittenRule { when, is, span: table.span.clone() });
        }
    }
    rules
}

/// The conditions of one rule; `None` when they cannot be read.
fn conditions(table: &Section<'_>, report: &mut Report) -> Option<Vec<(String, String)>> {
    let Some(when) = table.get("when") else { return Some(Vec::new()) };
    let section = when.section("'when'".to_owned(), report)?;
    let mut conditions = Vec::new();
    for entry in section.entries() {
        let value = match entry.value {
            DeValue::Integer(_) => entry.number(report)?.value.to_string(),
            DeValue::Table(_) => {
                report.error(
                    &entry.key_span(),
                    "field name without quotes in 'when'; write \"url.path\" in quotes",
                );
                return None;
            }
            _ => entry.text(report)?.value,
        };
        if !fields::check_name(entry.key, &entry.key_span(), report) {
            return None;
        }
        conditions.push((entry.key.to_owned(), value));
    }
    if conditions.is_empty() {
        report.error(&when.span(), "an empty 'when' matches everything; name a field, or leave 'when' out");
        return None;
    }
    Some(conditions)
}

/// `[quarantine]`: `recipients` are age public keys (`age1…`) that a record is sealed to when it cannot be parsed; without one
/// it is counted and discarded. `retention` is at most that of the shortest class; `path` defaults to `quarantine` in `state`;
/// between topics it has a `topic` instead.
fn quarantine(section: &Section<'_>, report: &mut Report) -> WrittenQuarantine {
    section.check_keys(&QUARANTINE, report);
    WrittenQuarantine {
        span: section.span.clone(),
        recipients: section.texts("recipients", report),
        retention: section.seconds("retention", report),
        path: section.text("path", report),
        topic: section.text("topic", report),
    }
}

/// `[sink.*]`: `kind` is `stdout`, `file`, `kafka`, `parquet` or `clickhouse`; `path` a directory; `classes` it takes; `output` the view that narrows them;
/// `purpose` and `location` as the policy allows; `recipient` who gets it; `emit` is `ndjson` (default) or `same`;
/// `part_secs_max` after how many seconds a part of a file sink is closed (default 3600);
/// `compress` is `none` (default) or `zstd`, for a file sink; `encrypt = true` (default false) encrypts its parts, or those of Parquet, under keys
/// of the keyring that die with them. Of Kafka: see [`kafka_file::sink`]; of ClickHouse: [`clickhouse::read`].
fn sink(section: &Section<'_>, report: &mut Report) -> WrittenSink {
    section.check_keys(&SINK, report);
    let kind = kind(section, &SINK_KINDS, "kind of sink", report);
    check_kind_keys(section, kind.as_ref(), SINK_OF_FILES, SINK_OF_KAFKA, report);
    let kafka =
        kind.as_ref().filter(|kind| kind.value == Kind::Kafka).map(|_| kafka_file::sink(section, report));
    let of_kind = kind.as_ref().map(|kind| kind.value);
    clickhouse::check_keys(section, of_kind, report);
    let clickhouse = (of_kind == Some(Kind::ClickHouse)).then(|| clickhouse::read(section, report));
    section.required("classes", "name the classes it takes", report);
    section.required("purpose", "write one of the purposes of its classes", report);
    section.required("location", "write one of the policy's locations", report);
    if section.get("recipient").is_none() {
        report.warn(
            &section.span,
            format!("no 'recipient' in {}; the register of processing names who gets it", section.title),
        );
    }
    let emit = section.text("emit", report).and_then(|word| one_of(&word, &EMITS, "value of 'emit'", report));
    let part = section.number("part_secs_max", report);
    if let (Some(part), Some(Kind::Stream)) = (&part, kind.as_ref().map(|kind| kind.value)) {
        report.error(&part.span, "standard output has no parts; leave 'part_secs_max' out");
    }
    let compress = section.text("compress", report);
    if kind.as_ref().is_some_and(|kind| kind.value == Kind::Parquet) {
        for (key, why) in
            [("emit", "columns are neither"), ("compress", "columns are always compressed with zstd")]
        {
            if let Some(entry) = section.get(key) {
                report.error(
                    &entry.key_span(),
                    format!("'{key}' beside kind \"parquet\": {why}; leave it out"),
                );
            }
        }
    }
    if let (Some(compress), Some(Kind::Stream)) = (&compress, kind.as_ref().map(|kind| kind.value)) {
        report.error(
            &compress.span,
            "standard output is not compressed; leave 'compress' out, or pipe it through zstd",
        );
    }
    let encrypt = section.flag("encrypt", report);
    if let (Some(encrypt), Some(Kind::Stream)) = (&encrypt, kind.as_ref().map(|kind| kind.value)) {
        report.error(
            &encrypt.span,
            "standard output is not encrypted; leave 'encrypt' out, or pipe it through age",
        );
    }
    let compress =
        compress.and_then(|word| one_of(&word, &COMPRESS, "value of 'compress'", report)) == Some(1);
    WrittenSink {
        compress,
        encrypt,
        kafka,
        clickhouse,
        name: At { value: section.name.to_owned(), span: section.span.clone() },
        path: path(section, kind.as_ref(), "writes to standard output", report),
        kind,
        classes: section.texts("classes", report),
        output: section.text("output", report),
        purpose: section.text("purpose", report),
        location: section.text("location", report),
        recipient: section.text("recipient", report),
        emit: if emit == Some(1) { Emit::Same } else { Emit::Ndjson },
        part_secs_max: within(part, "part_secs_max", 1, 86_400, report),
    }
}
