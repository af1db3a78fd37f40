//! Retention on topics, on a real broker: what is planned is made, what is changed by hand is refused, what is due goes.

use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::Producer as _;
use sluis::config::kafka::EraseRaw;
use sluis::config::pipeline_from_str;
use sluis::config::plan::{Plan, SourceKind};
use sluis::governance::topics::{Step, steps, wanted};
use sluis::kafka::erase;
use sluis::kafka::eraser::{Eraser, Held};
use sluis::kafka::judge::Weight;
use sluis::kafka::limits::{Arrival, choose};
use sluis::kafka::live::LiveTopics;
use sluis::kafka::readers;
use sluis::kafka::topics::{Cluster, Layout, TopicsError};
use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::{Journal, verify};

use crate::support;
use crate::support::broker::{Broker, Record, eventually, produce_in, unique};

const POLICY: &str = r#"[policy]
name = "test"
version = "2026-11-21"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"#;

/// A pipeline from topic `raw` to topic `clean`.
fn pipeline(broker: &Broker, raw: &str, clean: &str) -> String {
    format!(
        r#"policy = "test.toml"
state = "state"

[kafka]
brokers = ["{}"]
group = "sluis"

[source.nginx]
kind = "kafka"
topics = ["{raw}"]
format = "combined"
class = "web"
max_lateness = "3h"

[sink.analytics]
kind = "kafka"
topic = "{clean}"
replication = 1
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations team"
"#,
        broker.brokers()
    )
}

fn meant(pipeline: &str) -> Plan {
    let load = |_: &Path| Ok(POLICY.to_owned());
    pipeline_from_str(pipeline, "run.toml", &load).unwrap_or_else(|found| panic!("{found}")).0
}

fn plan(broker: &Broker, raw: &str, clean: &str) -> Plan {
    meant(&pipeline(broker, raw, clean))
}

fn cluster(broker: &Broker) -> Cluster {
    Cluster::open(&broker.config()).expect("clients")
}

fn live(cluster: &Cluster, plan: &Plan) -> LiveTopics {
    LiveTopics::ask(cluster, wanted(plan)).unwrap_or_else(|error| panic!("{error}"))
}

fn apply(cluster: &Cluster, live: &LiveTopics) -> Vec<String> {
    let steps = steps(live);
    for step in &steps {
        step.take(cluster).unwrap_or_else(|error| panic!("{error}"));
    }
    steps.iter().flat_map(Step::lines).collect()
}

fn setting(cluster: &Cluster, topic: &str, name: &str) -> String {
    let topics = cluster.topics().unwrap();
    cluster.describe(&topics, &[topic]).unwrap()[topic].settings[name].value.clone()
}

fn said(live: &LiveTopics) -> Vec<String> {
    live.refusals().map(ToString::to_string).collect()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_micros()).unwrap())
}

const RAW: &[(&str, &str)] = &[("retention.ms", "86400000"), ("segment.ms", "3600000")];

#[test]
fn setting_retention_alone_leaves_all_other_settings() {
    let broker = Broker::shared();
    let topic = broker.topic("alone", 1, &[("segment.ms", "600000"), ("segment.bytes", "2097152")]);
    let cluster = cluster(broker);
    cluster.alter(&topic, &[("retention.ms", "1800000".to_owned())]).unwrap();
    eventually("the new retention", || setting(&cluster, &topic, "retention.ms") == "1800000");
    assert_eq!(setting(&cluster, &topic, "segment.ms"), "600000");
    assert_eq!(setting(&cluster, &topic, "segment.bytes"), "2097152");
    let refused = cluster.alter(&topic, &[("retention.ms", "soon".to_owned())]).unwrap_err();
    assert!(matches!(refused, TopicsError::Refused { .. }), "{refused}");
    assert!(cluster.alter(&unique("nobody"), &[("retention.ms", "1".to_owned())]).is_err());
}

#[test]
fn what_is_planned_is_made_and_found_without_fault() {
    let broker = Broker::shared();
    let (raw, clean) = (broker.topic("raw", 3, RAW), unique("clean"));
    let (cluster, plan) = (cluster(broker), plan(broker, &raw, &clean));
    let mut found = live(&cluster, &plan);
    assert_eq!(said(&found).len(), 1, "{:?}", said(&found));
    assert!(said(&found)[0].contains("not there") && found.may_read(&raw, 0).is_err());

    let lines = apply(&cluster, &found);
    assert!(lines[0].starts_with(&format!("create {clean}: 3 partitions, 1 replicas")), "{lines:?}");
    eventually("the topic on every broker", || cluster.topics().unwrap().contains_key(&clean));
    found.again(&cluster).unwrap();
    assert_eq!(found.findings, [], "{:?}", found.findings);
    assert_eq!(steps(&found), []);
    for partition in 0..3 {
        assert_eq!(found.may_read(&raw, partition), Ok(()));
    }
    // The broker's own interval is in the sum, not the default of five minutes.
    assert!(found.broker.check_ms < 60_000, "{:?}", found.broker);
    assert_eq!(found.unseen, [""; 0]);

    // The input grows: the new partition waits, the old ones go on, and apply mends it.
    cluster.add_partitions(&raw, 4).unwrap();
    eventually("the new partition", || cluster.topics().unwrap()[&raw].partitions == 4);
    found.again(&cluster).unwrap();
    assert_eq!(found.may_read(&raw, 2), Ok(()));
    assert!(found.may_read(&raw, 3).unwrap_err().contains("none for partition 3"));
    assert_eq!(apply(&cluster, &found), [format!("alter {clean}: partitions 3 -> 4")]);
    eventually("more partitions", || cluster.topics().unwrap()[&clean].partitions == 4);
    found.again(&cluster).unwrap();
    assert_eq!((said(&found), found.may_read(&raw, 3)), (vec![], Ok(())));
    assert!(found.may_read(&unique("new"), 0).is_err());
}

#[test]
fn a_topic_changed_by_hand_is_refused_with_the_arithmetic_and_mended() {
    let broker = Broker::shared();
    let raw = broker.topic("raw", 1, RAW);
    let clean = broker.topic(
        "clean",
        1,
        &[
            ("retention.ms", "2592000000"),
            ("cleanup.policy", "compact"),
            ("message.timestamp.type", "CreateTime"),
            ("segment.bytes", "4194304"),
        ],
    );
    let (cluster, plan) = (cluster(broker), plan(broker, &raw, &clean));
    let mut found = live(&cluster, &plan);
    let refused = said(&found);
    let has = |words: &str| assert!(refused.iter().any(|line| line.contains(words)), "{words}: {refused:#?}");
    has("retention.ms is 30d, should be at most 13d");
    has("clock 1s + lateness 3h + in flight 11s + retention.ms 30d + segment.ms 7d + check interval");
    has("segment.ms is 7d");
    has("cleanup.policy is compact");
    has("message.timestamp.type is CreateTime");
    assert!(found.may_read(&raw, 0).unwrap_err().contains(&clean));

    let lines = apply(&cluster, &found);
    assert!(lines.contains(&format!("alter {clean}: cleanup.policy compact -> delete")), "{lines:#?}");
    eventually("the topic mended", || {
        found.again(&cluster).unwrap();
        found.findings.is_empty()
    });
    assert_eq!(setting(&cluster, &clean, "segment.bytes"), "4194304");
}

#[test]
fn input_that_keeps_raw_lines_too_long_is_refused_unless_that_is_meant() {
    let broker = Broker::shared();
    // Kafka's defaults, against two weeks.
    let (raw, clean) = (broker.topic("raw", 1, &[("retention.ms", "1209600000")]), unique("clean"));
    let (cluster, mut plan) = (cluster(broker), plan(broker, &raw, &clean));
    let refused = said(&live(&cluster, &plan));
    assert!(refused[0].contains("retention.ms 14d + segment.ms 7d + check interval"), "{refused:?}");
    assert!(refused[0].contains("raw_limit in [source.nginx]"), "{refused:?}");
    let SourceKind::Kafka(source) = &mut plan.sources[0].kind else { panic!("a Kafka source") };
    source.raw_limit_seconds = Some(30 * 86_400);
    source.topics = vec![format!("^{raw}$"), unique("typing-error")];
    let findings = live(&cluster, &plan).findings;
    assert!(findings.iter().all(|finding| finding.topic != raw), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.topic.starts_with("typing-error")), "{findings:?}");
    // A subscription that would read what the pipeline writes.
    let SourceKind::Kafka(source) = &mut plan.sources[0].kind else { panic!("a Kafka source") };
    source.topics = vec!["^clean-.*".into()];
    apply(&cluster, &live(&cluster, &plan));
    eventually("the topic", || cluster.topics().unwrap().contains_key(&clean));
    let refused = said(&live(&cluster, &plan));
    assert!(refused.iter().any(|line| line.contains("would read what it wrote")), "{refused:?}");
}

fn numbered(partition: i32, numbers: std::ops::Range<i32>) -> Vec<Record> {
    numbers.map(|number| Record::to(partition, number.to_string())).collect()
}

/// What a command prints on both outputs, and its exit code.
fn sluis(dir: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let run = support::program().args(arguments).arg("run.toml").current_dir(dir).output().unwrap();
    let said = [run.stdout, run.stderr].concat();
    (String::from_utf8(said).unwrap(), run.status.code())
}

#[test]
fn plan_apply_and_check_say_what_they_find_and_do() {
    let broker = Broker::shared();
    let (raw, clean) = (broker.topic("raw", 2, RAW), unique("clean"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("test.toml"), POLICY).unwrap();
    std::fs::write(dir.path().join("run.toml"), pipeline(broker, &raw, &clean)).unwrap();
    let says = |arguments: &[&str], code, words: &[&str]| {
        let (said, found) = sluis(dir.path(), arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {word}: {said}");
        }
    };
    let sum = "clock 1s + lateness 3h + in flight 11s + retention.ms 13d";
    // Without a broker its defaults are in the sum: five minutes between two looks.
    says(&["topics", "plan", "--offline"], 0, &[sum, "check interval 5m", "as input", "limit 14d"]);
    says(&["topics", "plan"], 0, &[sum, "check interval 1s", "apply` creates it"]);
    says(&["check", "--live"], 1, &["refused: topic", "apply` creates it"]);
    says(&["topics", "apply", "--dry-run"], 0, &[&format!("would create {clean}: 2 partitions, 1 replicas")]);
    says(&["check", "--live"], 1, &["apply` creates it"]);
    says(&["topics", "apply"], 0, &[&format!("create {clean}: 2 partitions"), "as they should be"]);
    says(&["check", "--live"], 0, &["the topics are as they should be"]);
    says(&["topics", "apply"], 0, &["nothing to change"]);
    // Somebody makes it longer.
    let cluster = cluster(broker);
    cluster.alter(&clean, &[("retention.ms", "2592000000".to_owned())]).unwrap();
    eventually("the change", || setting(&cluster, &clean, "retention.ms") == "2592000000");
    says(
        &["check", "--live"],
        1,
        &["refused: topic", "retention.ms is 30d, should be at most 13d", "retention.ms 30d + "],
    );
    says(&["topics", "apply"], 0, &["retention.ms 30d -> 11", "as they should be"]);
    says(&["check", "--live"], 0, &[]);
    // Input is judged, and never changed.
    cluster.alter(&raw, &[("retention.ms", "1209600000".to_owned())]).unwrap();
    eventually("the change", || setting(&cluster, &raw, "retention.ms") == "1209600000");
    says(
        &["topics", "apply"],
        1,
        &["nothing to change", "raw lines outlive class web", "raw_limit in [source.nginx]"],
    );
    assert_eq!(setting(&cluster, &raw, "retention.ms"), "1209600000");

    let gone = pipeline(broker, &raw, &clean).replace(broker.brokers(), "127.0.0.1:9");
    std::fs::write(dir.path().join("run.toml"), gone).unwrap();
    says(&["check", "--live"], 4, &["no broker answers"]);
    says(&["topics", "apply"], 4, &["no broker answers"]);
    says(
        &["topics", "plan"],
        0,
        &["no broker answers", "takes brokers for what they are by default", "check interval 5m"],
    );
}

#[test]
fn every_topic_that_is_written_is_planned() {
    let text = pipeline(Broker::shared(), "raw", "log.{class}")
        .replace("max_lateness", "late_topic = \"late.{class}\"\nlate_lateness = \"12h\"\nmax_lateness");
    let recipient = age::x25519::Identity::generate().to_public();
    let quarantine =
        format!("\n[quarantine]\nrecipients = [\"{recipient}\"]\nretention = \"2d\"\ntopic = \"sealed\"\n");
    let wanted = wanted(&meant(&format!("{text}{quarantine}")));
    let hours = |ms: u64| ms / 3_600_000;
    let of: Vec<_> = wanted
        .outputs
        .iter()
        .map(|output| {
            (output.topic.as_str(), hours(output.limit_ms), hours(output.arrival.lateness_ms), output.keyed)
        })
        .collect();
    assert_eq!(of, [("log.web", 336, 3, false), ("late.web", 336, 12, false), ("sealed", 48, 3, true)]);
    assert!(
        wanted.outputs.iter().all(|output| output.inputs == [0] && output.arrival.in_flight_ms == 11_000)
    );
}

#[test]
fn what_arrived_before_a_time_is_deleted_and_nothing_else() {
    let broker = Broker::shared();
    let topic = broker.topic("clean", 2, &[("message.timestamp.type", "LogAppendTime")]);
    let cluster = cluster(broker);
    broker.produce(&topic, &[numbered(0, 0..50), numbered(1, 0..7)].concat());
    std::thread::sleep(Duration::from_millis(50));
    let before = now();
    std::thread::sleep(Duration::from_millis(50));
    broker.produce(&topic, &numbered(0, 50..80));
    // Younger, and in a transaction that is still open: it must not count as the end of what is old.
    let open = broker.transaction(&unique("open"));
    produce_in(&open, &topic, &numbered(1, 7..10));

    assert!(erase::due(&cluster, &topic, &[0, 1], Timestamp(0)).unwrap().is_empty());
    let due = erase::due(&cluster, &topic, &[0, 1], before).unwrap();
    let mut tally = erase::Tally::default();
    assert!(tally.entry(&due, Some(before), now()).is_some());
    let erased = due.erase(&cluster).unwrap();
    assert_eq!((erased.offsets, erased.partitions.len()), (57, 2));
    assert_eq!(broker.watermarks(&topic, 0), (50, 80));
    assert_eq!(broker.watermarks(&topic, 1).0, 7);
    open.commit_transaction(Duration::from_secs(30)).unwrap();
    let left: Vec<_> =
        broker.read_committed(&topic).iter().map(|message| message.text().to_owned()).collect();
    let expected: Vec<_> = (50..80).chain(7..10).map(|number: i32| number.to_string()).collect();
    assert_eq!(left, expected);
    // Again: nothing is left to do.
    assert!(erase::due(&cluster, &topic, &[0, 1], before).unwrap().is_empty());
}

#[test]
fn each_round_erases_what_is_held_here_and_enters_it_once_an_hour() {
    let broker = Broker::shared();
    let (raw, clean) = (broker.topic("raw", 2, RAW), unique("clean"));
    let (cluster, mut plan) = (cluster(broker), plan(broker, &raw, &clean));
    let SourceKind::Kafka(source) = &mut plan.sources[0].kind else { panic!("a Kafka source") };
    source.erase_raw = EraseRaw::ForAll;
    let group = unique("own");
    apply(&cluster, &live(&cluster, &plan));
    eventually("the topic", || cluster.topics().unwrap().contains_key(&clean));
    let live = live(&cluster, &plan);
    assert_eq!(said(&live), [""; 0]);
    for topic in [&raw, &clean] {
        broker.produce(topic, &[numbered(0, 0..1_500), numbered(1, 0..9)].concat());
    }
    commit(broker, &group, &raw, 1_500);

    let state = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(state.path(), now()).unwrap();
    let mut eraser = Eraser::new(&group);
    // Only partition 0 is ours.
    let held = Held::from([(raw.clone(), [0].into())]);
    let mut round = |now| {
        let errors = eraser.round(&cluster, &live, &held, now, &mut journal);
        assert!(errors.is_empty(), "{errors:?}");
        (broker.watermarks(&clean, 0).0, broker.watermarks(&clean, 1).0, broker.watermarks(&raw, 0).0)
    };
    // Records live for 14 days, come up to 3 hours late, and go two minutes before they are due.
    let stay = 14 * 86_400 - 3 * 3_600 - 120;
    let begun = now();
    assert_eq!(round(begun), (0, 0, 0));
    // Raw input is old enough after a minute, and stays 1,000 offsets behind what is committed.
    assert_eq!(round(begun.plus_seconds(61)), (0, 0, 500));
    assert_eq!(round(begun.plus_seconds(stay - 30)), (0, 0, 500));
    // Not its turn yet, and then it is.
    assert_eq!(round(begun.plus_seconds(stay - 29 + 31)), (0, 0, 500));
    assert_eq!(round(begun.plus_seconds(stay + 60)), (1_500, 0, 500));
    eraser.end(begun.plus_seconds(stay + 90), &mut journal).unwrap();
    let text = std::fs::read_to_string(state.path().join("journal")).unwrap();
    let of = |event: &str| text.lines().filter(|line| line.contains(event)).collect::<Vec<_>>();
    let (deleted, erased) = (of("\"topic.records_deleted\""), of("\"topic.raw_erased\""));
    // One before anything goes, one with what has gone.
    assert_eq!((deleted.len(), erased.len()), (2, 2), "{text}");
    assert!(deleted[1].contains(&format!("\"topic\":\"{clean}\"")), "{text}");
    assert!(deleted[1].contains("\"partitions\":1") && deleted[1].contains("\"offsets\":1500"), "{text}");
    assert!(erased[1].contains("\"offsets\":500"), "{text}");
    assert!(verify(text.as_bytes(), None, |_| ()).is_ok(), "the journal proves itself");
}

fn commit(broker: &Broker, group: &str, topic: &str, offset: i64) {
    let consumer: BaseConsumer = broker.config().set("group.id", group).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, rdkafka::Offset::Offset(offset)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

/// How long the topic of the next test is written to and looked at, in seconds: half as long again as a record may stay.
const WATCHED_SECONDS: u64 = 45;

#[test]
fn no_record_is_readable_longer_than_was_computed() {
    // PI-4, by the topic's own limits alone. Two seconds for clocks are the room for a machine that is busy with other tests.
    let arrival = Arrival { clock_skew_ms: 2_000, ..Arrival::AT_ARRIVAL };
    let (broker, limit_ms) = (Broker::shared(), 32_000);
    let cluster = cluster(broker);
    let limits = choose(limit_ms, arrival, cluster.broker().unwrap().0).unwrap();
    let topic = broker.topic(
        "worst",
        1,
        &[
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.ms", &limits.retention_ms.unwrap().to_string()),
            ("segment.ms", &limits.segment_ms.to_string()),
            ("file.delete.delay.ms", &limits.delete_delay_ms.to_string()),
        ],
    );
    let begun = Instant::now();
    let mut written = Vec::new();
    let mut worst = Duration::ZERO;
    while begun.elapsed() < Duration::from_secs(WATCHED_SECONDS) {
        let offset = i32::try_from(written.len()).unwrap();
        written.push(Instant::now());
        broker.produce(&topic, &numbered(0, offset..offset + 1));
        let start = usize::try_from(cluster.ends(&topic, 0).unwrap().start).unwrap();
        if let Some(oldest) = written.get(start) {
            worst = worst.max(oldest.elapsed());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("computed at most {limit_ms} ms, measured {} ms", worst.as_millis());
    assert!(worst <= Duration::from_millis(limit_ms), "{worst:?}");
    // As long as fits: what is deleted has been there for its retention.
    assert!(worst >= Duration::from_millis(limits.retention_ms.unwrap()), "{worst:?}");
}

#[test]
fn raw_input_goes_behind_all_groups_or_for_all() {
    let broker = Broker::shared();
    let topic = broker.topic("raw", 1, RAW);
    let (own, other) = (unique("own"), unique("other"));
    let cluster = cluster(broker);
    broker.produce(&topic, &numbered(0, 0..5_000));
    // As if more than the margin had passed.
    let later = now().plus_seconds(2 * erase::RAW_MARGIN_SECONDS);
    let due = |now, for_all| erase::raw_due(&cluster, &topic, &[0], &own, now, for_all).unwrap();
    assert!(due(later, true).is_empty(), "nothing is committed");
    commit(broker, &own, &topic, 4_000);
    assert!(due(now(), true).is_empty(), "it has just arrived");
    commit(broker, &other, &topic, 2_999);
    let kept = due(later, false).erase(&cluster).unwrap();
    assert!(kept.kept[&0].contains(&format!("group {other} is at offset 2999")), "{kept:?}");
    assert_eq!((kept.offsets, broker.watermarks(&topic, 0)), (0, (0, 5_000)));
    commit(broker, &other, &topic, 3_000);
    assert_eq!(due(later, false).erase(&cluster).unwrap().offsets, 3_000);
    assert_eq!(broker.watermarks(&topic, 0), (3_000, 5_000));
    // Whoever else reads.
    commit(broker, &own, &topic, 5_000);
    assert_eq!(due(later, false).erase(&cluster).unwrap().offsets, 0);
    assert_eq!(due(later, true).erase(&cluster).unwrap().offsets, 1_000);
    assert_eq!(broker.watermarks(&topic, 0), (4_000, 5_000));
}

#[test]
fn a_group_that_reads_and_has_committed_nothing_is_in_the_way() {
    let broker = Broker::shared();
    let topic = broker.topic("raw", 1, RAW);
    let cluster = cluster(broker);
    broker.produce(&topic, &numbered(0, 0..3));
    let group = unique("silent");
    let others = || readers::others(&cluster, "own", &topic, &[0]).unwrap();
    let of_ours = |group: &str| others().seen.iter().any(|reader| reader.group == group);
    assert!(!of_ours(&group));
    let mut config = broker.config();
    config.set("group.id", &group).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    eventually("a record", || matches!(consumer.poll(Duration::from_millis(100)), Some(Ok(_))));
    eventually("the group among the readers", || of_ours(&group));
    assert!(others().are_past(0, 1).unwrap_err().contains(&group));
}

#[test]
fn what_may_not_be_seen_or_done_is_said_with_the_right_it_takes() {
    let broker = Broker::start(1, &["--secure"]);
    let (raw, clean) = (broker.topic("raw", 1, RAW), unique("clean"));
    let secure = broker.secure().clone();
    let as_user = |user: &(String, String)| {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &secure.brokers).set("security.protocol", "SASL_SSL");
        config.set("ssl.ca.location", secure.ca.to_str().unwrap()).set("sasl.mechanism", "SCRAM-SHA-512");
        config.set("sasl.username", &user.0).set("sasl.password", &user.1);
        Cluster::open(&config).unwrap()
    };
    let (admin, user) = (as_user(&secure.admin), as_user(&secure.user));
    assert!(admin.sees_every_group().unwrap());
    assert!(!user.sees_every_group().unwrap());
    let denied = user.create(&clean, Layout { partitions: 1, replicas: 1 }, &[]).unwrap_err();
    assert_eq!(denied.to_string().split("right ").nth(1), Some(format!("Create on topic {clean}").as_str()));
    let denied = user.alter(&raw, &[("retention.ms", "1".to_owned())]).unwrap_err();
    assert!(denied.to_string().contains(&format!("AlterConfigs on topic {raw}")), "{denied}");
    // It sees no topic and no setting of a broker: the topic counts as missing, the interval is assumed.
    let found = live(&user, &plan(&broker, &raw, &clean));
    assert!(said(&found).iter().any(|line| line.contains("takes the right Describe")), "{:?}", said(&found));
    assert!(found.unseen[0].contains("DescribeConfigs on the cluster"), "{:?}", found.unseen);
    assert_eq!(found.broker.check_ms, 300_000);
    assert!(found.findings.iter().all(|finding| finding.weight == Weight::Refuses));
    // With Describe on the topic alone its settings are still hidden, and not taken for harmless.
    let topics = admin.topics().unwrap();
    let denied = user.describe(&topics, &[&raw]).unwrap_err();
    assert!(denied.to_string().contains(&format!("DescribeConfigs on topic {raw}")), "{denied}");
    let readers = readers::others(&user, "own", &raw, &[0]).unwrap();
    assert!(readers.are_past(0, 0).unwrap_err().contains("Describe on the cluster"));
}

#[test]
fn no_broker_is_an_error_with_a_remedy() {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:9").set("socket.connection.setup.timeout.ms", "1000");
    let error = Cluster::open(&config).unwrap().topics().unwrap_err();
    assert!(matches!(&error, TopicsError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("check 'brokers'"), "{error}");
}
