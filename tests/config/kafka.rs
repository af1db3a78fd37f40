//! Pipelines on Kafka under the policy of the parent module.

use std::path::{Path, PathBuf};

use sluis::config::kafka::{
    DeliveryKind, EraseRaw, KafkaSink, KafkaSource, Payload, Rate, Sasl, SecretFrom, Security, Tls,
};
use sluis::config::plan::{Plan, SinkKind, SourceKind, Store};

use super::{POLICY, headlines, load_pipeline, refused_pipeline, with};

/// A pipeline on Kafka without a fault, which says no more than it must.
pub(super) const SHORT: &str = r#"policy = "policy/test.toml"
keys = "/var/lib/sluis/keys"
state = "/var/lib/sluis/test"

[kafka]
brokers = ["kafka1:9092"]
group = "sluis"

[source.nginx]
kind = "kafka"
topics = ["raw.nginx"]
format = "combined"
class = [{ when = { "url.path" = "/register" }, is = "registration" }, { is = "web" }]

[sink.analytics]
kind = "kafka"
topic = "log.{class}"
classes = ["web", "registration"]
purpose = "security"
location = "NL"
recipient = "operations team"
"#;

fn accepted(text: &str) -> Plan {
    let (plan, warnings) = load_pipeline(text, POLICY).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(headlines(&warnings), [""; 0]);
    plan
}

fn source(plan: &Plan) -> &KafkaSource {
    match &plan.sources[0].kind {
        SourceKind::Kafka(source) => source,
        other => panic!("{other:?}"),
    }
}

fn sink(plan: &Plan) -> &KafkaSink {
    match &plan.sinks[0].kind {
        SinkKind::Kafka(sink) => sink,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_out_has_a_value() {
    let plan = accepted(SHORT);
    let kafka = plan.kafka.as_ref().unwrap();
    assert_eq!((kafka.brokers.as_slice(), kafka.group.as_str()), (&["kafka1:9092".to_owned()][..], "sluis"));
    assert_eq!((&kafka.instance, kafka.lanes, kafka.delivery), (&None, None, DeliveryKind::ExactlyOnce));
    assert_eq!((kafka.commit_ms, kafka.in_flight_bytes, kafka.drain_seconds), (100, 64 << 20, 20));
    assert_eq!(kafka.security, Security::default());
    assert!(kafka.options.is_empty());
    // A quarter and a half of the shortest class, which is a day.
    assert_eq!(plan.sources[0].max_lateness_seconds, 6 * 3_600);
    let source = source(&plan);
    assert_eq!(source.late_lateness_seconds, 12 * 3_600);
    assert_eq!((source.topics.as_slice(), source.payload), (&["raw.nginx".to_owned()][..], Payload::Lines));
    assert_eq!(
        (&source.late_topic, source.raw_limit_seconds, source.erase_raw),
        (&None, None, EraseRaw::Never)
    );
    assert_eq!((source.rate, source.headers.len(), &source.key), (Rate::default(), 0, &None));
    let sink = sink(&plan);
    assert_eq!(sink.topics, ["log.web", "log.registration"], "in the order of the classes");
    assert_eq!((&sink.key, sink.pack_bytes, sink.compression), (&None, None, "lz4"));
    assert_eq!((sink.replication, sink.partitions), (3, None));
    let age = &plan.sinks[0].worst_ages[1];
    assert_eq!((age.on_delivery_seconds(), age.store), (1 + 6 * 3_600 + 1 + 10, Store::Topic));
}

#[test]
fn what_is_written_is_meant() {
    let text = with(
        SHORT,
        "group = \"sluis\"",
        r#"group = "sluis"
instance = "node-1"
lanes = 16
delivery = "at_least_once"
commit_ms = 250
drain_secs = 5
tls = { ca = "ca.pem", certificate = "us.pem", key = "/etc/us.key", key_password = { env = "KEY_PASSWORD" } }
sasl = { mechanism = "SCRAM-SHA-512", user = "sluis", password = { file = "secret/kafka" } }
options = { "client.rack" = "a", "linger.ms" = 20, "socket.keepalive.enable" = true }"#,
    );
    let text = with(
        &text,
        "topics = [\"raw.nginx\"]",
        r#"topics = ["raw.nginx", '^raw\.web[0-9]']
payload = "event"
max_lateness = "1h"
late_topic = "late.{class}"
late_lateness = "6h"
raw_limit = "2d"
erase_raw = true
erase_raw_for_all = true
rate = { records = 10_000, bytes = "10 MiB" }
headers = { "x-client" = "client.address" }
key = "client.address""#,
    );
    let text = with(
        &text,
        "topic = \"log.{class}\"",
        "topic = \"log.{class}.v1\"\nkey = \"client.address\"\npack = \"64KiB\"\ncompression = \"zstd\"\nreplication = 1\npartitions = 12",
    );
    let plan = accepted(&text);
    let kafka = plan.kafka.as_ref().unwrap();
    assert_eq!((kafka.instance.as_deref(), kafka.lanes), (Some("node-1"), Some(16)));
    assert_eq!(kafka.in_flight_bytes, 16 * (8 << 20), "lanes raise what is not written");
    assert_eq!((kafka.delivery, kafka.commit_ms, kafka.drain_seconds), (DeliveryKind::AtLeastOnce, 250, 5));
    // A relative path starts at the pipeline file.
    let path = PathBuf::from;
    assert_eq!(
        kafka.security,
        Security {
            tls: Some(Tls {
                ca: Some(path("etc/ca.pem")),
                certificate: Some(path("etc/us.pem")),
                key: Some(path("/etc/us.key")),
                key_password: Some(SecretFrom::Environment("KEY_PASSWORD".to_owned())),
            }),
            sasl: Some(Sasl::Scram {
                mechanism: "SCRAM-SHA-512",
                user: "sluis".to_owned(),
                password: SecretFrom::File(path("etc/secret/kafka")),
            }),
        }
    );
    let options: Vec<_> = kafka.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(options, ["client.rack=a", "linger.ms=20", "socket.keepalive.enable=true"]);
    let source = source(&plan);
    assert_eq!(source.topics, ["raw.nginx", r"^raw\.web[0-9]"]);
    assert_eq!((source.payload, plan.sources[0].max_lateness_seconds), (Payload::Event, 3_600));
    assert_eq!(source.late_topic_of("web").as_deref(), Some("late.web"));
    assert_eq!((source.late_lateness_seconds, source.raw_limit_seconds), (6 * 3_600, Some(2 * 86_400)));
    assert_eq!(source.erase_raw, EraseRaw::ForAll);
    assert_eq!(source.rate, Rate { records: Some(10_000), bytes: Some(10 << 20) });
    assert_eq!(source.headers["x-client"], "client.address");
    assert_eq!(source.key.as_deref(), Some("client.address"));
    let sink = sink(&plan);
    assert_eq!(sink.topics, ["log.web.v1", "log.registration.v1"]);
    assert_eq!((sink.key.as_deref(), sink.pack_bytes), (Some("client.address"), Some(64 << 10)));
    assert_eq!((sink.compression, sink.replication, sink.partitions), ("zstd", 1, Some(12)));
}
