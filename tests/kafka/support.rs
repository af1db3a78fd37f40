//! Can the tests' own broker be trusted? What later tests rely on, shown once on records that are known.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer as _;

use crate::support::broker::{Broker, Message, Record, eventually, produce_in, unique};

const SOON: Duration = Duration::from_secs(30);

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

#[test]
fn what_was_written_is_read_back_whole_and_in_order() {
    let broker = Broker::shared();
    let topic = broker.topic("whole", 2, &[("retention.ms", "-1")]);
    assert_eq!(broker.read_committed(&topic), []);
    let first =
        Record::to(1, "first").key("k").header("trace", "t1").header("trace", "t2").at(1_780_000_000_123);
    broker.produce(&topic, &[first, Record::tombstone(1).at(1_780_000_000_124), Record::to(0, "")]);
    let many: Vec<Record> = (0..5000).map(|n| Record::to(n % 2, format!("{n}"))).collect();
    broker.produce(&topic, &many);

    let all = broker.read_committed(&topic);
    assert_eq!(all.len(), 5003);
    let second: Vec<&Message> = all.iter().filter(|m| m.partition == 1).collect();
    let trace = |value: &str| ("trace".to_owned(), value.as_bytes().to_vec());
    let whole = Message {
        partition: 1,
        offset: 0,
        timestamp: 1_780_000_000_123,
        key: Some(b"k".to_vec()),
        value: Some(b"first".to_vec()),
        headers: vec![trace("t1"), trace("t2")],
    };
    assert_eq!(*second[0], whole);
    assert_eq!((second[1].offset, second[1].value.as_deref()), (1, None));
    let odd: Vec<String> = (0..5000).filter(|n| n % 2 == 1).map(|n| n.to_string()).collect();
    assert_eq!(second[2..].iter().map(|m| m.text()).collect::<Vec<_>>(), odd);
    assert_eq!((all[0].partition, all[0].value.as_deref()), (0, Some(&b""[..])));
}

#[test]
fn an_aborted_record_is_hidden_and_an_open_one_waited_for() {
    let broker = Broker::shared();
    let topic = broker.topic("aborted", 1, &[]);
    let producer = broker.transaction(&unique("aborts"));
    produce_in(&producer, &topic, &[Record::to(0, "aborted")]);
    producer.abort_transaction(SOON).expect("aborts");
    producer.begin_transaction().expect("begins");
    produce_in(&producer, &topic, &[Record::to(0, "committed")]);
    assert_eq!(texts(&broker.read_now(&topic)), [""; 0]);
    thread::scope(|scope| {
        let read = scope.spawn(|| broker.read_committed(&topic));
        thread::sleep(Duration::from_millis(300));
        assert!(!read.is_finished(), "a transaction is open");
        producer.commit_transaction(SOON).expect("commits");
        assert_eq!(texts(&read.join().expect("reads")), ["committed"]);
    });
}

#[test]
fn a_zombie_is_fenced() {
    let broker = Broker::shared();
    let (topic, name) = (broker.topic("fenced", 1, &[]), unique("zombie"));
    let zombie = broker.transaction(&name);
    produce_in(&zombie, &topic, &[Record::to(0, "zombie")]);
    let heir = broker.transaction(&name);
    produce_in(&heir, &topic, &[Record::to(0, "heir")]);
    let refused = zombie.commit_transaction(SOON).expect_err("somebody else has the name");
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::Fenced), "{refused}");
    heir.commit_transaction(SOON).expect("commits");
    assert_eq!(texts(&broker.read_committed(&topic)), ["heir"]);
}

#[test]
fn deleted_records_are_hidden() {
    let broker = Broker::shared();
    let topic = broker.topic("deleted", 2, &[]);
    broker.produce(&topic, &(0..10).map(|n| Record::to(1, n.to_string())).collect::<Vec<_>>());
    assert_eq!(broker.watermarks(&topic, 1), (0, 10));
    broker.delete_records(&topic, 1, 7);
    assert_eq!(broker.watermarks(&topic, 1), (7, 10));
    assert_eq!(texts(&broker.read_committed(&topic)), ["7", "8", "9"]);
}

#[test]
fn positions_of_a_group() {
    let broker = Broker::shared();
    let (topic, group) = (broker.topic("positions", 3, &[]), unique("group"));
    assert_eq!(broker.offsets(&group, &topic), [None, None, None]);
    let consumer: BaseConsumer = broker.config().set("group.id", &group).create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 1, rdkafka::Offset::Offset(42)).expect("valid");
    consumer.commit(&list, CommitMode::Sync).expect("commits");
    assert_eq!(broker.offsets(&group, &topic), [None, Some(42), None]);
}

#[test]
fn a_cluster_outlives_a_crashed_and_a_frozen_node() {
    let broker = Broker::cluster(3);
    assert_eq!(broker.brokers().split(',').count(), 3);
    let topic = broker.topic("failover", 1, &[]);
    broker.produce(&topic, &[Record::to(0, "before")]);
    let leader = broker.leader(&topic, 0).expect("a leader");
    broker.kill(leader);
    broker.produce(&topic, &[Record::to(0, "without it")]);
    broker.restart(leader);
    let now = broker.leader(&topic, 0).expect("a leader");
    assert_ne!(now, leader);
    broker.freeze(now);
    broker.produce(&topic, &[Record::to(0, "past the frozen one")]);
    broker.thaw(now);
    assert_eq!(texts(&broker.read_committed(&topic)), ["before", "without it", "past the frozen one"]);
}

fn secured(broker: &Broker, (name, password): &(String, String)) -> ClientConfig {
    let secure = broker.secure();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &secure.brokers).set("security.protocol", "SASL_SSL");
    config.set("ssl.ca.location", secure.ca.to_str().expect("text")).set("sasl.mechanism", "SCRAM-SHA-512");
    config.set("sasl.username", name).set("sasl.password", password).set("group.id", "secured");
    config
}

#[test]
fn tls_passwords_and_rights_are_the_real_ones() {
    let broker = Broker::start(1, &["--secure", "--property", "log.retention.check.interval.ms=200"]);
    let topic = broker.topic("secured", 1, &[]);
    let secure = broker.secure().clone();
    let client = |config: &ClientConfig| config.create::<BaseConsumer>().expect("a client");
    let error_of = |config: &ClientConfig| {
        let found = client(config).fetch_metadata(Some(&topic), SOON).expect("metadata");
        found.topics()[0].error().map(RDKafkaErrorCode::from)
    };
    assert_eq!(error_of(&secured(&broker, &secure.admin)), None);
    let unauthorized = Some(RDKafkaErrorCode::TopicAuthorizationFailed);
    assert_eq!(error_of(&secured(&broker, &secure.user)), unauthorized);
    // Why a client cannot connect at all is told to whoever polls.
    let why = |config: &ClientConfig| {
        let (client, mut found) = (client(config), Vec::new());
        eventually("a reason", || {
            let error = client.poll(Duration::from_secs(1)).and_then(Result::err);
            found.extend(error.and_then(|error| error.rdkafka_error_code()));
            found.iter().any(|code| *code != RDKafkaErrorCode::AllBrokersDown)
        });
        found
    };
    let wrong = (secure.admin.0.clone(), "wrong".to_owned());
    let found = why(&secured(&broker, &wrong));
    assert!(found.contains(&RDKafkaErrorCode::Authentication), "a wrong password: {found:?}");
    let mut untrusted = secured(&broker, &secure.admin);
    untrusted.remove("ssl.ca.location");
    let found = why(&untrusted);
    assert!(found.contains(&RDKafkaErrorCode::SSL), "a certificate that nobody vouches for: {found:?}");
}

/// What a test process that is killed leaves behind: nothing.
#[test]
fn a_broker_ends_with_whom_it_was_started_for() {
    let mut owner = Command::new("sleep").arg("600").spawn().expect("sleeps");
    let broker = Broker::start_watching(&owner.id().to_string(), 1, &[]);
    let dir = broker.dir().to_owned();
    assert!(TcpStream::connect(broker.brokers()).is_ok());
    owner.kill().expect("killed");
    owner.wait().expect("gone");
    eventually("the end of the broker", || TcpStream::connect(broker.brokers()).is_err());
    eventually("the end of its data", || fs::metadata(&dir).is_err());
}
