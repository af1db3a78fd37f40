//! The Kafka parts of a pipeline as meant: names of brokers and topics held against Kafka's rules, lengths against the classes.
//!
//! What holds between sources, sinks and topics is in `kafka_together`.

use std::path::Path;

use super::diagnostics::Report;
use super::document::At;
use super::kafka::{
    COMMIT_MS_DEFAULT, DRAIN_SECONDS_DEFAULT, DeliveryKind, IN_FLIGHT_BYTES_DEFAULT,
    IN_FLIGHT_BYTES_LANE_MIN, KafkaPlan, KafkaSink, KafkaSource,
};
use super::kafka_file::{WrittenKafka, WrittenKafkaSink, WrittenKafkaSource};
use super::pipeline_file::{Kind, WrittenPipeline, WrittenSink, WrittenSource};
use super::plan::{CLOCK_SKEW_SECONDS, ClassChoice, IN_FLIGHT_SECONDS};
use super::units::duration_text;
use super::{kafka_options, kafka_security, kafka_topics};
use crate::encode::Emit;
use crate::policy::class::{Class, Policy, View};
use crate::policy::treatment::Treatment;

/// The most that all lanes may hold: beyond it a number is a slip.
const IN_FLIGHT_BYTES_MAX: u64 = 64 << 30;

/// What three options that must fit each other are unless they are written, in milliseconds: librdkafka's, and two of `kafka::client`.
const MAX_POLL_MS_DEFAULT: u64 = 300_000;
const SESSION_MS_DEFAULT: u64 = 10_000;
const HEARTBEAT_MS_DEFAULT: u64 = 1_000;

/// The cluster of `written`. `None` when there is none, or something essential is absent, which has been reported.
pub(super) fn cluster(written: &WrittenPipeline, base: &Path, report: &mut Report) -> Option<KafkaPlan> {
    let kafka = written.kafka.as_ref()?;
    let brokers = brokers(kafka, report);
    if kafka.group.is_none() && written.sources.iter().any(|source| of_kafka(source.kind.as_ref())) {
        report.missing(
            &kafka.span,
            "missing 'group' in [kafka]; name the consumer group, which shares the work among all processes",
        );
    }
    for (key, name) in [("group", &kafka.group), ("instance", &kafka.instance)] {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if let Some(at) = name
            && (at.value.is_empty() || at.value.len() > 128 || !at.value.bytes().all(plain))
        {
            report.error(
                &at.span,
                format!(
                    "'{}' cannot be the {key}; use letters, digits, '.', '_' and '-', at most 128",
                    at.value
                ),
            );
        }
    }
    for (name, value) in &kafka.options {
        if let Some(objection) = kafka_options::objection(&name.value, value) {
            // Some of them are secrets.
            report.error_unshown(&name.span, objection);
        }
    }
    check_session(kafka, report);
    Some(KafkaPlan {
        brokers: brokers?,
        group: kafka.group.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        instance: kafka.instance.as_ref().map(|at| at.value.clone()),
        lanes: kafka.lanes.as_ref().map(|at| at.value as usize),
        delivery: delivery(written),
        commit_ms: kafka.commit_ms.as_ref().map_or(COMMIT_MS_DEFAULT, |at| at.value),
        in_flight_bytes: in_flight_bytes(kafka, report),
        drain_seconds: kafka.drain_secs.as_ref().map_or(DRAIN_SECONDS_DEFAULT, |at| at.value),
        security: kafka_security::settled(&kafka.security, base),
        options: kafka.options.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect(),
    })
}

/// What a crash may do: as it is written, else the most that sources and sinks allow.
pub(super) fn delivery(written: &WrittenPipeline) -> DeliveryKind {
    let all_kafka = written.sinks.iter().all(|sink| of_kafka(sink.kind.as_ref()))
        && written.sources.iter().all(|source| of_kafka(source.kind.as_ref()));
    let default = if all_kafka { DeliveryKind::ExactlyOnce } else { DeliveryKind::AtLeastOnce };
    let stated = written.kafka.as_ref().and_then(|kafka| kafka.delivery.as_ref());
    stated.map_or(default, |at| at.value)
}

fn of_kafka(kind: Option<&At<Kind>>) -> bool {
    kind.is_some_and(|kind| kind.value == Kind::Kafka)
}

fn brokers(kafka: &WrittenKafka, report: &mut Report) -> Option<Vec<String>> {
    let list = kafka.brokers.as_ref()?;
    if list.value.is_empty() {
        report.error(&list.span, "'brokers' is empty; write some of the cluster, such as [\"kafka1:9092\"]");
    }
    for broker in &list.value {
        // A scheme in front of it would choose another security than 'tls' and 'sasl' say, and a comma begin another broker.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let sound = broker.value.rsplit_once(':').is_some_and(|(host, port)| {
            let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
                Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
                None => !host.is_empty() && host.bytes().all(plain),
            };
            host && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !sound {
            report.error(
                &broker.span,
                format!("'{}' is no broker; write \"host:port\", such as \"kafka1:9092\"", broker.value),
            );
        }
    }
    Some(list.value.iter().map(|at| at.value.clone()).collect())
}

/// librdkafka makes no consumer whose session is longer than the time between two polls, and one that is shorter than a heartbeat ends
/// again and again.
fn check_session(kafka: &WrittenKafka, report: &mut Report) {
    let option = |name: &str| kafka.options.iter().find(|(at, _)| at.value == name);
    let pairs = [
        ("max.poll.interval.ms", MAX_POLL_MS_DEFAULT, "session.timeout.ms", SESSION_MS_DEFAULT),
        ("session.timeout.ms", SESSION_MS_DEFAULT, "heartbeat.interval.ms", HEARTBEAT_MS_DEFAULT),
    ];
    for (longer, longer_default, shorter, shorter_default) in pairs {
        let (long, short) = (option(longer), option(shorter));
        let value = |option: Option<&(At<String>, String)>, default| {
            option.and_then(|(_, value)| value.parse::<u64>().ok()).unwrap_or(default)
        };
        let (of_long, of_short) = (value(long, longer_default), value(short, shorter_default));
        let fits = if longer == "session.timeout.ms" { of_long > of_short } else { of_long >= of_short };
        if !fits && let Some((at, _)) = long.or(short) {
            report.error(
                &at.span,
                format!("'{longer}' ({of_long}) does not hold '{shorter}' ({of_short}); raise it, or lower the other"),
            );
        }
    }
}

/// Bytes in flight over all lanes; more lanes than the default suffices for raise it.
fn in_flight_bytes(kafka: &WrittenKafka, report: &mut Report) -> usize {
    let lanes = kafka.lanes.as_ref().map_or(1, |at| at.value as usize);
    let least = lanes * IN_FLIGHT_BYTES_LANE_MIN;
    let Some(stated) = &kafka.in_flight_bytes else { return IN_FLIGHT_BYTES_DEFAULT.max(least) };
    if stated.value < least as u64 || stated.value > IN_FLIGHT_BYTES_MAX {
        report.error(
            &stated.span,
            format!(
                "'in_flight_bytes' is out of bounds for {lanes} lane(s), which need 8 MiB each; write {} MiB to 64 GiB",
                least >> 20
            ),
        );
    }
    stated.value as usize
}

/// How late a record of a source may arrive unless the source says so, in seconds: a quarter of its shortest class.
pub(super) fn lateness_default(class: Option<&ClassChoice>, policy: Option<&Policy>) -> u64 {
    shortest(class, policy).and_then(Class::whole_seconds).unwrap_or(0) / 4
}

/// The class of a source that lives shortest.
fn shortest<'p>(class: Option<&ClassChoice>, policy: Option<&'p Policy>) -> Option<&'p Class> {
    policy.zip(class).map(|(policy, choice)| &policy.classes[choice.otherwise])
}

/// What a source on Kafka reads; `lateness_seconds` is its `max_lateness`.
pub(super) fn source(
    (of, delivery): (&WrittenSource, DeliveryKind),
    kafka: &WrittenKafkaSource,
    lateness_seconds: u64,
    (class, policy): (Option<&ClassChoice>, Option<&Policy>),
    report: &mut Report,
) -> Option<KafkaSource> {
    let topics = kafka.topics.as_ref()?;
    if topics.value.is_empty() {
        report.error(
            &topics.span,
            "'topics' is empty; write the topics that it reads, such as [\"raw.nginx\"]",
        );
    }
    // Every topic is looked at, so that all that are wrong are reported.
    let sound = topics.value.iter().filter(|topic| kafka_topics::check_input(topic, report)).count();
    if let Some(limit) = kafka.raw_limit.as_ref().filter(|limit| limit.value == 0) {
        report.error(&limit.span, "a 'raw_limit' of nothing; write how long the topics may keep raw records");
    }
    let classes: Vec<&Class> = policy
        .zip(class)
        .map(|(policy, choice)| choice.classes().iter().map(|class| &policy.classes[*class]).collect())
        .unwrap_or_default();
    let late_lateness_seconds =
        late((of, delivery), kafka, lateness_seconds, shortest(class, policy), report);
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let late_topic =
        kafka.late_topic.as_ref().filter(|topic| kafka_topics::expanded(topic, &names, report).is_some());
    (sound == topics.value.len()).then(|| KafkaSource {
        topics: topics.value.iter().map(|at| at.value.clone()).collect(),
        payload: kafka.payload,
        late_topic: late_topic.map(|at| at.value.clone()),
        late_lateness_seconds,
        raw_limit_seconds: kafka.raw_limit.as_ref().map(|at| at.value),
        erase_raw: kafka.erase_raw,
        rate: kafka.rate,
        carried: kafka.carried.meant(),
    })
}

/// How late a record may be in `late_topic`: half of the shortest class, unless the source says otherwise.
fn late(
    (of, delivery): (&WrittenSource, DeliveryKind),
    kafka: &WrittenKafkaSource,
    lateness_seconds: u64,
    shortest: Option<&Class>,
    report: &mut Report,
) -> u64 {
    let limit = shortest.and_then(Class::whole_seconds);
    let late = kafka.late_lateness.as_ref().map_or(limit.unwrap_or(0) / 2, |at| at.value);
    let Some(topic) = &kafka.late_topic else {
        if let Some(at) = &kafka.late_lateness {
            report.missing(&at.span, "'late_lateness' without 'late_topic'; write where late records go");
        }
        return late;
    };
    let span = kafka.late_lateness.as_ref().map_or(&topic.span, |at| &at.span);
    let on_delivery = late + CLOCK_SKEW_SECONDS + IN_FLIGHT_SECONDS + delivery.wait_seconds();
    match shortest.zip(limit) {
        Some((class, limit)) if limit > 0 && on_delivery >= limit => report.error(
            span,
            format!(
                "a record can be {} old in 'late_topic', and class '{}' lives {}; lower 'late_lateness'",
                duration_text(on_delivery),
                class.name,
                duration_text(limit)
            ),
        ),
        Some(_) if late <= lateness_seconds => report.error(
            span,
            format!(
                "nothing ever goes to 'late_topic' of source '{}': it takes what is later than {}, up to {}; raise 'late_lateness'",
                of.name.value,
                duration_text(lateness_seconds),
                duration_text(late)
            ),
        ),
        _ => {}
    }
    late
}

/// What a sink on Kafka writes to.
pub(super) fn sink(
    sink: &WrittenSink,
    kafka: &WrittenKafkaSink,
    classes: &[usize],
    view: Option<&View>,
    policy: &Policy,
    report: &mut Report,
) -> Option<KafkaSink> {
    let classes: Vec<&Class> = classes.iter().map(|class| &policy.classes[*class]).collect();
    if let Some(key) = &kafka.key {
        check_key(sink, key, &classes, view, report);
        if sink.emit != Emit::Ndjson {
            report.error(&key.span, "a key is a column, and emit = \"same\" has none; write emit = \"ndjson\", or leave 'key' out");
        }
        if let Some(pack) = &kafka.pack {
            report.error(
                &pack.span,
                "records that share a message would share its key; leave 'pack' or 'key' out",
            );
        }
    }
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    Some(KafkaSink {
        topics: kafka_topics::expanded(kafka.topic.as_ref()?, &names, report)?,
        key: kafka.key.as_ref().map(|at| at.value.clone()),
        pack_bytes: kafka.pack.as_ref().map(|at| at.value as usize),
        compression: kafka.compression,
        replication: kafka.replication.as_ref().map_or(3, |at| at.value as u16),
        partitions: kafka.partitions.as_ref().map(|at| at.value as u32),
    })
}

/// The key of a message is a pseudonym: brokers and readers see it outside the record.
fn check_key(
    sink: &WrittenSink,
    key: &At<String>,
    classes: &[&Class],
    view: Option<&View>,
    report: &mut Report,
) {
    if let Some(view) = view
        && !view.fields.contains(&key.value)
    {
        report.error(
            &key.span,
            format!(
                "'key' is '{}', which output '{}' does not let leave; write one of its fields, or leave it out",
                key.value, view.name
            ),
        );
        return;
    }
    for class in classes {
        let names = pseudonyms(class);
        if !names.contains(&key.value.as_str()) {
            let names: Vec<&str> = names
                .into_iter()
                .filter(|name| view.is_none_or(|view| view.fields.iter().any(|f| f == name)))
                .collect();
            let remedy = if names.is_empty() {
                "leave it out".to_owned()
            } else {
                format!("write one of {}", names.join(", "))
            };
            report.error(
                &key.span,
                format!(
                    "'key' of sink '{}' is '{}', which class '{}' does not pseudonymise; {remedy}",
                    sink.name.value, key.value, class.name
                ),
            );
        }
    }
}

/// The names under which pseudonyms of a class leave.
fn pseudonyms(class: &Class) -> Vec<&str> {
    let outputs = class.fields.iter().flat_map(|(field, rule)| {
        rule.outputs
            .iter()
            .filter(|output| matches!(output.treatment, Treatment::Pseudonymise(_)))
            .map(move |output| output.rename.as_deref().unwrap_or(field))
    });
    outputs.collect()
}
