//! What `sluis check` says of Kafka: the cluster, what a crash may do, topics in and out, and how long raw records may stay.

use crate::config::kafka::{
    Carried, DeliveryKind, EraseRaw, KafkaPlan, KafkaSink, KafkaSource, Payload, Sasl,
};
use crate::config::kafka_carried::carried_as;
use crate::config::plan::{Plan, SinkKind, SourceKind, SourcePlan};
use crate::config::units::duration_text;
use crate::pipeline::build;
use crate::pipeline::checkpoint::EVERY_STORED;

/// The Kafka part of what is printed; nothing where the pipeline is not on Kafka.
pub fn text(plan: &Plan) -> String {
    let Some(kafka) = &plan.kafka else { return String::new() };
    let is_stored = !plan.sinks.iter().any(|sink| matches!(sink.kind, SinkKind::Kafka(_)));
    let is_read = plan.sources.iter().any(|source| matches!(source.kind, SourceKind::Kafka(_)));
    let mut out = if is_read { cluster(kafka, is_stored) } else { unread(kafka) };
    for planned in &plan.sources {
        if let SourceKind::Kafka(source) = &planned.kind {
            out.push_str(&input(plan, planned, source, is_stored));
        }
    }
    for planned in &plan.sinks {
        if let SinkKind::Kafka(sink) = &planned.kind {
            let names = planned.classes.iter().map(|class| plan.policy.classes[*class].name.as_str());
            out.push_str(&output(&planned.name, names, sink, is_read));
        }
    }
    out
}

/// Of a pipeline that writes topics and reads none.
fn unread(kafka: &KafkaPlan) -> String {
    format!(
        "\nkafka {}\n  delivery at least once: a crash can double records since the last checkpoint, about a second's\n  {}\n",
        kafka.brokers.join(", "),
        connection(kafka),
    )
}

/// How the connection is secured, and what the client was told.
fn connection(kafka: &KafkaPlan) -> String {
    let tls = if kafka.security.tls.is_some() { "TLS" } else { "no TLS" };
    let sasl = match &kafka.security.sasl {
        None => "no login",
        Some(Sasl::Plain { .. }) => "login by PLAIN",
        Some(Sasl::Scram { mechanism: "SCRAM-SHA-256", .. }) => "login by SCRAM-SHA-256",
        Some(Sasl::Scram { .. }) => "login by SCRAM-SHA-512",
        Some(Sasl::Oidc { .. }) => "login by OAUTHBEARER",
    };
    let options: Vec<String> = kafka.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let options = if options.is_empty() { "none".to_owned() } else { options.join(", ") };
    format!("{tls}, {sasl}\n  options of the client: {options}")
}

fn cluster(kafka: &KafkaPlan, is_stored: bool) -> String {
    let delivery = match kafka.delivery {
        _ if is_stored => {
            "at least once: a crash doubles nothing, unless another process of the group takes over while it is not told what was stored last"
        }
        DeliveryKind::ExactlyOnce => "exactly once",
        DeliveryKind::AtLeastOnce => "at least once: a crash can double records",
    };
    let every = if is_stored {
        format!("with each checkpoint, at most every {EVERY_STORED} s")
    } else {
        format!("every {} ms", kafka.commit_ms)
    };
    let lanes =
        kafka.lanes.map_or_else(|| "one lane per core".to_owned(), |lanes| format!("{lanes} lane(s)"));
    format!(
        "\nkafka {}, group {}\n  delivery {delivery}\n  offsets committed {every}, in {lanes}\n  at most {} MiB in flight, {} from SIGTERM \
         to the end\n  {}\n",
        kafka.brokers.join(", "),
        kafka.group,
        kafka.in_flight_bytes >> 20,
        duration_text(kafka.drain_seconds),
        connection(kafka),
    )
}

fn input(plan: &Plan, planned: &SourcePlan, source: &KafkaSource, is_stored: bool) -> String {
    let payload = match source.payload {
        Payload::Lines => "lines",
        Payload::Event => "events with a line in each",
    };
    let shortest = plan.policy.classes[planned.class.otherwise].whole_seconds().unwrap_or(0);
    let raw = source.raw_limit_seconds.map_or_else(
        || format!("{}, as the shortest class does", duration_text(shortest)),
        |limit| {
            format!(
                "{}, as 'raw_limit' says (the shortest class: {})",
                duration_text(limit),
                duration_text(shortest)
            )
        },
    );
    let erase = match source.erase_raw {
        EraseRaw::Never => "",
        EraseRaw::WhenAllHaveRead => "; erased once committed, where no other group is behind",
        EraseRaw::ForAll => "; erased once committed, whoever else reads",
    };
    let late = if is_stored {
        "lives until its own deadline".to_owned()
    } else if source.late_topic.is_some() {
        let topics = planned
            .class
            .classes()
            .into_iter()
            .filter_map(|class| source.late_topic_of(&plan.policy.classes[class].name));
        let mut topics: Vec<String> = topics.collect();
        topics.dedup();
        format!("goes to {}, at most {} late", topics.join(", "), duration_text(source.late_lateness_seconds))
    } else {
        "is withheld and counted".to_owned()
    };
    let mut out = format!(
        "\ntopics of source {}: {} ({payload})\n  raw records may live {raw}{erase}\n  at most {} late, what is later {late}\n",
        planned.name,
        source.topics.join(", "),
        duration_text(planned.max_lateness_seconds),
    );
    let rates = [(source.rate.records, "records"), (source.rate.bytes, "bytes")];
    for (limit, unit) in rates.into_iter().filter_map(|(limit, unit)| Some((limit?, unit))) {
        out.push_str(&format!("  at most {limit} {unit} per second\n"));
    }
    out.push_str(&carried(plan, planned, &source.carried));
    out
}

/// What is carried over beside the payload, and as what it leaves by each way.
fn carried(plan: &Plan, planned: &SourcePlan, carried: &Carried) -> String {
    if carried.is_empty() {
        return "  keys and headers of messages are dropped\n".to_owned();
    }
    let key = carried.key.iter().map(|field| ("the key".to_owned(), field));
    let headers = carried.headers.iter().map(|(name, field)| (format!("header {name}"), field));
    let mut out = String::new();
    for (what, field) in key.chain(headers) {
        out.push_str(&format!("  {what} is a value of {field}\n"));
        let of_source = planned.class.classes();
        for (class, sink) in build::outputs(plan).into_iter().filter(|(class, _)| of_source.contains(class)) {
            let (class, sink) = (&plan.policy.classes[class], &plan.sinks[sink]);
            let said = carried_as(field, class, sink.view(&plan.policy)).map_or_else(
                || "does not leave".to_owned(),
                |(treatment, place)| format!("{treatment} ({}:{})", place.file, place.line),
            );
            out.push_str(&format!("    class {} to sink {}: {said}\n", class.name, sink.name));
        }
    }
    out.push_str("  other headers of messages are dropped");
    out.push_str(if carried.key.is_none() { ", and their keys\n" } else { "\n" });
    out
}

fn output<'n>(name: &str, classes: impl Iterator<Item = &'n str>, sink: &KafkaSink, is_read: bool) -> String {
    let mut out = format!("\ntopics of sink {name}, compressed with {}\n", sink.compression);
    for (class, topic) in classes.zip(&sink.topics) {
        out.push_str(&format!("  {class}: {topic}\n"));
    }
    match &sink.key {
        Some(key) => out.push_str(&format!("  the key of a message is the pseudonym in {key}\n")),
        None if !is_read => out.push_str("  messages go to any partition, without a key\n"),
        None => out.push_str("  messages stay in the partition of their input, without a key\n"),
    }
    if let Some(bytes) = sink.pack_bytes {
        out.push_str(&format!("  records are packed into messages of up to {bytes} bytes\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::pipeline_from_str;

    #[test]
    fn what_is_written_is_said() {
        let pipeline = include_str!("../../config/meet-kafka.toml")
            .replace("tls = true", "lanes = 2\ntls = true\noptions = { \"linger.ms\" = 20 }")
            .replace(
                "max_lateness = \"2h\"",
                "late_topic = \"late\"\nrate = { records = 9 }\nerase_raw = true",
            );
        let load = |_: &Path| Ok(include_str!("../../config/policy/meet.toml").to_owned());
        let (plan, _) =
            pipeline_from_str(&pipeline, "p.toml", &load).unwrap_or_else(|found| panic!("{found}"));
        let text = text(&plan);
        for part in [
            "kafka kafka1.example.org:9093, kafka2.example.org:9093, kafka3.example.org:9093, group sluis-meet\n",
            "  delivery exactly once\n  offsets committed every 100 ms, in 2 lane(s)\n",
            "  at most 64 MiB in flight, 20s from SIGTERM to the end\n",
            "  TLS, login by SCRAM-SHA-512\n",
            "  options of the client: linger.ms=20\n",
            "topics of source nginx: raw.nginx.access (events with a line in each)\n",
            "  raw records may live 1d, as 'raw_limit' says (the shortest class: 14d)\n",
            "  at most 6h late, what is later is withheld and counted\n",
            "12h, as 'raw_limit' says (the shortest class: 1d); erased once committed, where no other group is behind\n",
            "  at most 6h late, what is later goes to late, at most 12h late\n",
            "  at most 9 records per second\n",
            "  the key is a value of client.address\n    class web to sink faults: pseudonymise (policy/meet.toml:",
            "  header x-room is a value of conference.name\n    class web to sink faults: pseudonymise (policy/meet.toml:",
            "  other headers of messages are dropped\n",
            "  keys and headers of messages are dropped\n",
            "topics of sink faults, compressed with lz4\n  web: meet.web\n  technical: meet.technical\n",
            "  messages stay in the partition of their input, without a key\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("kafka.password"), "{text}");
    }
}
