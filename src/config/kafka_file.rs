//! The Kafka parts of a pipeline file as written: `[kafka]`, and what sources and sinks of that kind have of their own.

use toml::de::DeValue;

use super::diagnostics::{Report, Span};
use super::document::{At, Section, one_of};
use super::kafka::{DeliveryKind, EraseRaw, Payload, Rate, Security};
use super::kafka_carried::{self, WrittenCarried};
use super::kafka_security;
use super::pipeline_file::within;
use super::policy_file::Texts;
use super::vocabulary::{COMPRESSION, DELIVERY, KAFKA, PAYLOADS, RATE};

/// `[kafka]`.
pub(super) struct WrittenKafka {
    pub span: Span,
    pub brokers: Option<Texts>,
    pub group: Option<At<String>>,
    pub instance: Option<At<String>>,
    pub lanes: Option<At<u64>>,
    pub delivery: Option<At<DeliveryKind>>,
    pub commit_ms: Option<At<u64>>,
    pub in_flight_bytes: Option<At<u64>>,
    pub drain_secs: Option<At<u64>>,
    pub security: Security,
    pub options: Vec<(At<String>, String)>,
}

/// What a source on Kafka has of its own.
pub(super) struct WrittenKafkaSource {
    pub topics: Option<Texts>,
    pub payload: Payload,
    pub late_topic: Option<At<String>>,
    pub late_lateness: Option<At<u64>>,
    pub raw_limit: Option<At<u64>>,
    pub erase_raw: EraseRaw,
    pub rate: Rate,
    pub carried: WrittenCarried,
}

/// What a sink on Kafka has of its own.
pub(super) struct WrittenKafkaSink {
    pub topic: Option<At<String>>,
    pub key: Option<At<String>>,
    pub pack: Option<At<u64>>,
    pub compression: &'static str,
    pub replication: Option<At<u64>>,
    pub partitions: Option<At<u64>>,
}

/// `[kafka]`: `brokers` are some of the cluster as `host:port`; `group` is the consumer group; `instance` what this process is called in
/// transactional ids (default the host's name); `lanes` the threads, each with a consumer and a producer (default one per core);
/// `delivery` is `exactly_once` (default) or `at_least_once`; `commit_ms` lies between two commits (default 100); `in_flight_bytes` is the
/// limit over all lanes (default 64 MiB); `drain_secs` from SIGTERM to the end (default 20); `tls` and `sasl` secure the connection;
/// `options` are passed to librdkafka where they can undo no promise.
pub(super) fn cluster(section: &Section<'_>, report: &mut Report) -> WrittenKafka {
    section.check_keys(&KAFKA, report);
    section.required("brokers", "write some of the cluster, such as [\"kafka1:9092\"]", report);
    let delivery = section.text("delivery", report).and_then(|word| {
        let value = match one_of(&word, &DELIVERY, "value of 'delivery'", report)? {
            0 => DeliveryKind::ExactlyOnce,
            _ => DeliveryKind::AtLeastOnce,
        };
        Some(At { value, span: word.span })
    });
    WrittenKafka {
        span: section.span.clone(),
        brokers: section.texts("brokers", report),
        group: section.text("group", report),
        instance: section.text("instance", report),
        lanes: within(section.number("lanes", report), "lanes", 1, 64, report),
        delivery,
        commit_ms: within(section.number("commit_ms", report), "commit_ms", 10, 5_000, report),
        in_flight_bytes: section.bytes("in_flight_bytes", report),
        drain_secs: within(section.number("drain_secs", report), "drain_secs", 1, 600, report),
        security: kafka_security::read(section, report),
        options: options(section, report),
    }
}

/// `options`: texts, whole numbers, true and false, as texts.
fn options(section: &Section<'_>, report: &mut Report) -> Vec<(At<String>, String)> {
    let mut options = Vec::new();
    let Some(table) = section.get("options").and_then(|entry| entry.section("options".to_owned(), report))
    else {
        return options;
    };
    for entry in table.entries() {
        let value = match entry.value {
            DeValue::String(text) => text.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Integer(number) => {
                let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) else {
                    report.error(&entry.span(), "too large a number; write a smaller one");
                    continue;
                };
                number.to_string()
            }
            DeValue::Table(_) => {
                report.error(
                    &entry.key_span(),
                    format!("option '{0}' without quotes; write \"{0}.…\" in quotes", entry.key),
                );
                continue;
            }
            _ => {
                entry.wrong::<()>("a text, a whole number, true or false", report);
                continue;
            }
        };
        options.push((At { value: entry.key.to_owned(), span: entry.key_span() }, value));
    }
    options
}

/// `[source.*]` of kind `kafka`: `topics` are names, or regular expressions that begin with `^`; `payload` is `lines` (default) or
/// `event`; `late_topic` takes what is later than `max_lateness`, up to `late_lateness`; `raw_limit` is how long the input may keep
/// raw records; `erase_raw` erases what is committed, `erase_raw_for_all` whoever else reads; `rate` is the most that is taken in a second;
/// `key` and `headers` what is carried over beside the payload ([`kafka_carried::read`]).
pub(super) fn source(section: &Section<'_>, report: &mut Report) -> WrittenKafkaSource {
    section.required("topics", "write the topics that it reads, such as [\"raw.nginx\"]", report);
    let payload = section.text("payload", report);
    let payload = payload.and_then(|word| one_of(&word, &PAYLOADS, "value of 'payload'", report));
    let on = |flag: &Option<At<bool>>| flag.as_ref().is_some_and(|at| at.value);
    let erase = section.flag("erase_raw", report);
    let for_all = section.flag("erase_raw_for_all", report);
    if let (Some(at), true, false) = (&for_all, on(&for_all), on(&erase)) {
        report.error(
            &at.span,
            "'erase_raw_for_all' without 'erase_raw' erases nothing; write erase_raw = true too",
        );
    }
    WrittenKafkaSource {
        topics: section.texts("topics", report),
        payload: if payload == Some(1) { Payload::Event } else { Payload::Lines },
        late_topic: section.text("late_topic", report),
        late_lateness: section.seconds("late_lateness", report),
        raw_limit: section.seconds("raw_limit", report),
        erase_raw: match (on(&erase), on(&for_all)) {
            (false, _) => EraseRaw::Never,
            (true, false) => EraseRaw::WhenAllHaveRead,
            (true, true) => EraseRaw::ForAll,
        },
        rate: rate(section, report),
        carried: kafka_carried::read(section, report),
    }
}

/// `rate = { records = 10000, bytes = "10 MiB" }`, per second.
fn rate(section: &Section<'_>, report: &mut Report) -> Rate {
    let Some(table) = section.get("rate").and_then(|entry| entry.section("rate".to_owned(), report)) else {
        return Rate::default();
    };
    table.check_keys(&RATE, report);
    if table.entries().is_empty() {
        report.error(&table.span, "'rate' limits nothing; write records = … or bytes = …");
    }
    let records = within(table.number("records", report), "records", 1, 1_000_000_000, report);
    let bytes = within(table.bytes("bytes", report), "bytes", 1_024, 1 << 40, report);
    Rate { records: records.map(|at| at.value), bytes: bytes.map(|at| at.value) }
}

/// `[sink.*]` of kind `kafka`: `topic` is where it writes, with `{class}` for the name of the class; `key` a pseudonymised column that is
/// the key of a message; `pack` bytes of a message that many records share; `compression` of batches; `replication` (default 3) and
/// `partitions` (default as many as the input) of a topic that `sluis topics apply` makes.
pub(super) fn sink(section: &Section<'_>, report: &mut Report) -> WrittenKafkaSink {
    section.required("topic", "write where it writes, such as \"log.{class}\"", report);
    let compression = section.text("compression", report);
    let compression =
        compression.and_then(|word| one_of(&word, &COMPRESSION, "value of 'compression'", report));
    WrittenKafkaSink {
        topic: section.text("topic", report),
        key: section.text("key", report),
        pack: within(section.bytes("pack", report), "pack", 1 << 10, 900 << 10, report),
        compression: COMPRESSION.keys[compression.unwrap_or(0)],
        replication: within(section.number("replication", report), "replication", 1, 9, report),
        partitions: within(section.number("partitions", report), "partitions", 1, 10_000, report),
    }
}
