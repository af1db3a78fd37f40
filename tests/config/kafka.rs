//! Pipelines on Kafka under the policy of the parent module.

use std::path::PathBuf;

use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::BaseProducer;
use sluis::config::kafka::{
    DeliveryKind, EraseRaw, KafkaSink, KafkaSource, Payload, Rate, Sasl, SecretFrom, Security, Tls,
};
use sluis::config::kafka_options::{ALLOWED, Client, Values};
use sluis::config::plan::{Plan, QuarantinePlace, SinkKind, SourceKind, Store};
use sluis::governance::topics::wanted;
use sluis::kafka::client;

use super::{
    PIPELINE, POLICY, headlines, kafka_faults, kafka_topic_faults, load_pipeline, refused_pipeline, with,
};

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

/// What cannot be rewritten ends at the first stage that takes something from it, and its topics' limits with it.
#[test]
fn a_class_with_stages_ends_at_the_first_in_a_topic_that_has_what_it_drops() {
    let stages = "retention = \"14d\"\nstages = [{ after = \"7d\", drop = [\"client.address\"] }, { after = \"9d\", drop = [\"client.network\"] }]";
    let policy = with(POLICY, "retention = \"14d\"", stages);
    let days = |pipeline: &str| {
        let (plan, _) = load_pipeline(pipeline, &policy).unwrap_or_else(|found| panic!("{found}"));
        let lives = plan.sinks[0].lives[0].clone();
        let limits: Vec<u64> =
            wanted(&plan).outputs.iter().map(|output| output.limit_ms / 86_400_000).collect();
        (lives.first_seconds / 86_400, lives.later.len(), limits)
    };
    let web = with(SHORT, "classes = [\"web\", \"registration\"]", "classes = [\"web\"]");
    assert_eq!(days(&web), (7, 0, vec![7]));
    let narrow = with(
        &with(&web, "purpose = \"security\"", "purpose = \"fault analysis\""),
        "topic = ",
        "output = \"statistics\"\ntopic = ",
    );
    assert_eq!(days(&narrow), (9, 0, vec![9]));
    // Files of columns are rewritten, and files of lines end.
    let stored = with(
        &with(PIPELINE, "output = \"statistics\"\n", ""),
        "kind = \"file\"\npath = \"/var/lib/sluis/analytics\"",
        "kind = \"parquet\"\npath = \"/var/lib/sluis/analytics\"",
    );
    assert_eq!(days(&stored), (7, 2, vec![]));
    assert_eq!(days(&with(PIPELINE, "output = \"statistics\"\n", "")), (7, 0, vec![]));
    // And nothing may be so late that it would be past the stage when it comes.
    let late = with(&web, "topics = [\"raw.nginx\"]", "topics = [\"raw.nginx\"]\nmax_lateness = \"7d\"");
    let found =
        load_pipeline(&late, &policy).err().map(|found| headlines(&found.problems)).unwrap_or_default();
    assert!(
        found
            .iter()
            .any(|problem| problem
                .contains("class 'web' lives 7d there, until its stage; lower 'max_lateness'")),
        "{found:?}"
    );
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
    assert_eq!(source.rate, Rate::default());
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
rate = { records = 10_000, bytes = "10 MiB" }"#,
    );
    let text = with(
        &text,
        "topic = \"log.{class}\"",
        "topic = \"log.{class}.v1\"\npack = \"64KiB\"\ncompression = \"zstd\"\nreplication = 1\npartitions = 12",
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
    let sink = sink(&plan);
    assert_eq!(sink.topics, ["log.web.v1", "log.registration.v1"]);
    assert_eq!((sink.key.as_deref(), sink.pack_bytes), (None, Some(64 << 10)));
    assert_eq!((sink.compression, sink.replication, sink.partitions), ("zstd", 1, Some(12)));
}

/// Under at least once a message may wait for its receipt for thirty seconds; a transaction is given up after ten.
#[test]
fn what_is_in_flight_counts_as_long_as_it_may_take() {
    let late = "topics = [\"raw.nginx\"]\nlate_topic = \"late.{class}\"\nlate_lateness = \"23h 59m 40s\"";
    let exactly_once = with(SHORT, "topics = [\"raw.nginx\"]", late);
    let age = |plan: &Plan| plan.sinks[0].worst_ages[1].in_flight_seconds;
    assert_eq!(age(&accepted(&exactly_once)), 11);
    let at_least_once = |text: &str| with(text, "group =", "delivery = \"at_least_once\"\ngroup =");
    assert_eq!(
        refused_pipeline(&at_least_once(&exactly_once)),
        [
            "etc/run.toml:14:17: a record can be 1d 12s old in 'late_topic', and class 'registration' lives 1d; lower 'late_lateness'"
        ]
    );
    assert_eq!(age(&accepted(&at_least_once(SHORT))), 31);
}

#[test]
fn faults_are_named_with_place_and_remedy() {
    let mut wrong = Vec::new();
    for (old, new, expected) in kafka_faults::FAULTS.iter().chain(kafka_topic_faults::FAULTS) {
        let expected: Vec<String> = expected.iter().map(|line| format!("etc/run.toml:{line}")).collect();
        let found = refused_pipeline(&with(SHORT, old, new));
        if found != expected || found.is_empty() {
            wrong.push((old, new, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_of_kafka_means_nothing_elsewhere() {
    let kafka = "[kafka]\nbrokers = [\"kafka1:9092\"]\n\n[source.nginx]";
    assert_eq!(
        refused_pipeline(&with(PIPELINE, "[source.nginx]", kafka)),
        ["etc/run.toml:5:2: no source or sink is on Kafka; leave [kafka] out, or write kind = \"kafka\""]
    );
    let text = with(PIPELINE, "max_lateness", "topics = [\"a\"]\nrate = { records = 1 }\nmax_lateness");
    let text = with(&text, "output =", "topic = \"x\"\noutput =");
    assert_eq!(
        refused_pipeline(&text),
        [
            "etc/run.toml:10:1: 'topics' in [source.nginx] belongs to kind \"kafka\"; leave it out, or write kind = \"kafka\"",
            "etc/run.toml:11:1: 'rate' in [source.nginx] belongs to kind \"kafka\"; leave it out, or write kind = \"kafka\"",
            "etc/run.toml:18:1: 'topic' in [sink.analytics] belongs to kind \"kafka\"; leave it out, or write kind = \"kafka\"",
        ]
    );
    let text = format!("{PIPELINE}\n[quarantine]\nrecipients = []\ntopic = \"q\"");
    assert_eq!(
        refused_pipeline(&text),
        [
            "etc/run.toml:31:9: a topic as quarantine needs sources and sinks on Kafka; write 'path' instead of 'topic'"
        ]
    );
}

#[test]
fn exactly_once_holds_between_topics_only() {
    let text = with(SHORT, "group =", "delivery = \"exactly_once\"\ngroup =");
    accepted(&text);
    let text = with(
        &text,
        "kind = \"kafka\"\ntopic = \"log.{class}\"",
        "kind = \"file\"\npath = \"/var/lib/sluis/out\"",
    );
    assert_eq!(
        refused_pipeline(&text),
        [
            "etc/run.toml:7:12: exactly once holds between Kafka topics only, and sink 'analytics' is elsewhere; write \"at_least_once\"",
        ]
    );
}

/// [`SHORT`] with a directory instead of topics.
fn into_files() -> String {
    with(SHORT, "kind = \"kafka\"\ntopic = \"log.{class}\"", "kind = \"file\"\npath = \"/var/lib/sluis/out\"")
}

#[test]
fn topics_go_into_files_at_least_once() {
    let plan = accepted(&into_files());
    assert_eq!(plan.kafka.as_ref().unwrap().delivery, DeliveryKind::AtLeastOnce);
    assert_eq!(plan.sinks[0].worst_ages[0].store, Store::NamedFile);
    let key = age::x25519::Identity::generate().to_public().to_string();
    let quarantine =
        format!("{}\n[quarantine]\nrecipients = [\"{key}\"]\nretention = \"24h\"\n", into_files());
    let plan = accepted(&quarantine);
    let directory = plan.quarantine.as_ref().unwrap().directory();
    assert_eq!(directory, Some(PathBuf::from("/var/lib/sluis/test/quarantine").as_path()));
    let text = with(&into_files(), "group =", "commit_ms = 50\ngroup =");
    let text = with(&text, "topics =", "late_topic = \"late.{class}\"\ntopics =");
    assert_eq!(
        refused_pipeline(&format!("{text}\n[quarantine]\nrecipients = []\ntopic = \"q\"")),
        [
            "etc/run.toml:7:13: offsets are committed once a checkpoint has what was read, at most every ten seconds; leave 'commit_ms' out",
            "etc/run.toml:12:14: late records go to no topic of their own where sinks are files: a part has its own deadline, however late; leave 'late_topic' out",
            "etc/run.toml:27:9: a topic as quarantine needs sources and sinks on Kafka; write 'path' instead of 'topic'",
        ]
    );
    assert_eq!(
        refused_pipeline(&with(
            &into_files(),
            "topics =",
            "headers = { \"x-client\" = \"client.address\" }\ntopics ="
        )),
        [
            "etc/run.toml:11:26: sink 'analytics' is no topic, and what it stores has neither a key nor headers; leave 'key' and 'headers' of source 'nginx' out",
        ]
    );
    let text = with(&into_files(), "kind = \"file\"\npath = \"/var/lib/sluis/out\"", "kind = \"stdout\"");
    accepted(&text);
    assert_eq!(
        refused_pipeline(&with(&text, "state = \"/var/lib/sluis/test\"\n", "")),
        [
            "etc/run.toml:4:2: a pipeline that reads from Kafka has a checkpoint and a journal; write state = \"/var/lib/sluis/NAME\"",
        ]
    );
}

#[test]
fn files_go_to_topics_at_least_once() {
    let of_file = "kind = \"file\"\npath = \"/var/log/a\"";
    let text = with(SHORT, "kind = \"kafka\"\ntopics = [\"raw.nginx\"]", of_file);
    let text = with(&text, "group = \"sluis\"\n", "");
    let plan = accepted(&text);
    assert_eq!(plan.kafka.as_ref().unwrap().delivery, DeliveryKind::AtLeastOnce);
    // A quarter of the shortest class, as of sources on Kafka.
    assert_eq!(plan.sources[0].max_lateness_seconds, 6 * 3_600);
    let text = with(&text, "brokers =", "lanes = 2\ncommit_ms = 50\ndelivery = \"exactly_once\"\nbrokers =");
    assert_eq!(
        refused_pipeline(&text),
        [
            "etc/run.toml:6:9: 'lanes' is for reading from Kafka, and no source does; leave it out",
            "etc/run.toml:7:13: 'commit_ms' is for reading from Kafka, and no source does; leave it out",
            "etc/run.toml:8:12: exactly once holds between Kafka topics only, and source 'nginx' is elsewhere; write \"at_least_once\"",
        ]
    );
}

#[test]
fn quarantine_goes_to_a_topic() {
    let key = age::x25519::Identity::generate().to_public().to_string();
    let quarantine = format!("{SHORT}\n[quarantine]\nrecipients = [\"{key}\"]\nretention = \"24h\"\n");
    let plan = accepted(&format!("{quarantine}topic = \"quarantine\""));
    let meant = plan.quarantine.as_ref().unwrap();
    assert_eq!(meant.place, QuarantinePlace::Topic("quarantine".to_owned()));
    assert_eq!((meant.topic(), meant.directory()), (Some("quarantine"), None));
    assert_eq!(
        refused_pipeline(&quarantine),
        ["etc/run.toml:23:2: no place for [quarantine]; write its 'topic'"],
    );
}

#[test]
fn a_secret_is_refused_and_not_shown_whatever_else_is_wrong_on_its_line() {
    let secret = "hunter2";
    for line in [
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "u", password = "hunter2" }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-255", user = "u", password = "hunter2" }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = 1, pasword = "hunter2" }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "", code = "hunter2" }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "u", password = { value = "hunter2" } }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "", password = { env = "hunter2!" } }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "u", password = { file = "p", text = "hunter2" } }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "u", password = hunter2 }"#,
        r#"sasl = { mechanism = "SCRAM-SHA-256", user = "u", password = "hunter2 }"#,
        r#"tls = { certificate = "c", key_password = "hunter2" }"#,
        r#"password = "hunter2""#,
        r#"options = { "sasl.password" = "hunter2" }"#,
        r#"options = { "ssl.key.pem" = "hunter2" }"#,
        r#"options = { "linger.ms" = 99999, "sasl.oauthbearer.config" = "hunter2" }"#,
        "[kafka.sasl]\nmechanism = \"PLAIN\"\npasswd = \"hunter2\"",
        "[kafka.sasl]\nmechanism = \"PLAIN\"\nword = \"hunter2\"",
        "[kafka.sasl]\nmechanism = \"PLAIN\"\npassword = \"hunter2\"",
    ] {
        let text = with(SHORT, "group = \"sluis\"", &format!("group = \"sluis\"\n{line}"));
        let found = load_pipeline(&text, POLICY).expect_err(line);
        assert!(!found.to_string().contains(secret), "{line}: {found}");
    }
    // Where a secret is may be shown.
    let line = r#"sasl = { mechanism = "SCRAM", user = "u", password = { file = "/etc/p" } }"#;
    let text = with(SHORT, "group = \"sluis\"", &format!("group = \"sluis\"\n{line}"));
    assert!(load_pipeline(&text, POLICY).unwrap_err().to_string().contains("/etc/p"));
}

#[test]
fn a_topic_of_late_records_is_shared_by_sources_of_one_class() {
    let late = "max_lateness = \"1h\"\nlate_topic = \"late.{class}\"\nlate_lateness = \"3h\"\n";
    let text = with(SHORT, "format = \"combined\"\n", &format!("{late}format = \"combined\"\n"));
    let second = format!(
        "\n[source.two]\nkind = \"kafka\"\ntopics = [\"raw.two\"]\n{late}format = \"common\"\nclass = \"web\"\n"
    );
    accepted(&(text.clone() + &second));
    let other = second.replace("late.{class}", "late.registration");
    assert_eq!(
        refused_pipeline(&(text + &other)),
        [
            "etc/run.toml:30:14: source 'nginx' (late records) and source 'two' (late records) both write to 'late.registration'; give each a topic of its own"
        ]
    );
}

/// librdkafka itself takes every option that is passed through, at both ends of its bounds, beside those that Sluis sets.
#[test]
fn every_option_that_is_passed_through_is_one_of_the_client() {
    let mut plan = accepted(SHORT).kafka.unwrap();
    for allowed in ALLOWED {
        let values = match allowed.values {
            Values::Whole(min, max) => vec![min.to_string(), max.to_string()],
            Values::Flag => vec!["true".to_owned(), "false".to_owned()],
            Values::Words(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Values::Name => vec!["a-1".to_owned()],
            Values::Ciphers => vec!["ECDHE-RSA-AES256-GCM-SHA384".to_owned()],
        };
        for value in values {
            plan.options.clear();
            plan.options.insert(allowed.name.to_owned(), value.clone());
            // A session fits between two polls; a heartbeat fits in a session.
            match allowed.name {
                "max.poll.interval.ms" => {
                    drop(plan.options.insert("session.timeout.ms".to_owned(), "6000".to_owned()));
                }
                "heartbeat.interval.ms" => {
                    drop(plan.options.insert("session.timeout.ms".to_owned(), "180000".to_owned()));
                }
                _ => {}
            }
            let shown = format!("{} = {value}", allowed.name);
            if allowed.is_for(Client::Consumer) {
                let made: Result<BaseConsumer, _> = client::consumer(&plan, 1).unwrap().create();
                assert!(made.is_ok(), "{shown}: {:?}", made.err());
            }
            if allowed.is_for(Client::Producer) {
                let config = client::producer(&plan, 1, Some("sluis-test"), "lz4").unwrap();
                let made: Result<BaseProducer, _> = config.create();
                assert!(made.is_ok(), "{shown}: {:?}", made.err());
            }
        }
    }
}
