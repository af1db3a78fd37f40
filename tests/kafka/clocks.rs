//! A broker's clock that is apart from ours: found by its stamps, refused at start, alarmed while it runs.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use sluis::kafka::clock::{Apart, BrokerClock};
use sluis::kafka::topics::Cluster;
use sluis::record::timestamp::Timestamp;

use super::ground::{CLEAN, Ground, Shape, wait_for};
use crate::support::broker::{Broker, Record, eventually};
use crate::support::numbered::line;

fn later(seconds: i64) -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_micros()).unwrap()).plus_seconds(seconds)
}

/// Looks, has something written if it is to be, and looks again, by a clock that is `seconds` ahead.
fn look(broker: &Broker, topic: &str, seconds: i64, written: bool) -> Option<Apart> {
    let cluster = Cluster::open(&broker.config()).expect("clients");
    let topics = BTreeMap::from([(topic.to_owned(), 2)]);
    let mut clock = BrokerClock::default();
    let mut look =
        || clock.look(&cluster, &topics, || later(seconds)).unwrap_or_else(|error| panic!("{error}"));
    let first = look();
    if written {
        broker.produce(topic, &[Record::to(1, "x")]);
    }
    first.or_else(look)
}

#[test]
fn a_broker_that_is_ahead_shows_by_what_it_stamped() {
    let broker = Broker::shared();
    let topic = broker.topic("stamped", 2, CLEAN);
    assert_eq!(look(broker, &topic, -600, false), None, "nothing is there that could tell");
    broker.produce(&topic, &[Record::to(0, "x")]);
    for (seconds, told) in
        [(0, None), (-25, None), (-90, Some(30)), (-700, Some(600)), (-90_000, Some(86_400))]
    {
        let found = look(broker, &topic, seconds, false).map(|apart| apart.seconds);
        assert_eq!(found, told, "by a clock {seconds} s ahead");
    }
}

#[test]
fn a_broker_that_is_behind_shows_when_something_is_written() {
    let broker = Broker::shared();
    let topic = broker.topic("stamped", 2, CLEAN);
    broker.produce(&topic, &[Record::to(0, "x"), Record::to(1, "x")]);
    for (seconds, told) in
        [(0, None), (25, None), (90, Some(-30)), (700, Some(-600)), (90_000, Some(-86_400))]
    {
        assert_eq!(look(broker, &topic, seconds, false), None, "old records tell nothing");
        let found = look(broker, &topic, seconds, true).map(|apart| apart.seconds);
        assert_eq!(found, told, "by a clock {seconds} s ahead");
    }
}

/// Makes the program believe that it is so many seconds later; negative: earlier.
fn later_by(ground: &Ground<'_>, seconds: i64) -> impl Fn(&mut Command) + use<> {
    let library = ground.path("clock.so");
    if !library.exists() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/clock.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let made = Command::new(compiler)
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .args([source, "-ldl"])
            .status();
        assert!(made.expect("a C compiler").success(), "{source} compiles");
    }
    move |command| {
        command.env("LD_PRELOAD", &library).env("CLOCK_AHEAD", seconds.to_string());
    }
}

#[test]
fn clocks_that_are_apart_keep_a_run_from_starting() {
    let ground = Ground::new(Broker::shared(), &Shape { partitions: 1, ..Shape::default() });
    ground.broker.produce(&ground.clean, &[Record::to(0, line(1))]);
    let run = ground.start_as("one", later_by(&ground, -600)).ended();
    run.expect_code(4);
    let said = String::from_utf8_lossy(&run.err).into_owned();
    let expected = format!(
        "the broker of partition 0 of topic {} stamps records at least 120 s ahead of the clock of this machine, and 30 s are allowed",
        ground.clean
    );
    assert!(said.contains(&expected) && said.contains("NTP"), "{said}");
    let check = ground.check_live(later_by(&ground, -600));
    check.expect_code(1);
    let out = String::from_utf8_lossy(&check.out).into_owned();
    assert!(out.contains(&format!("refused: {expected}")), "{out}");
    let check = ground.check_live(|_| ());
    check.expect_code(0);
    let out = String::from_utf8_lossy(&check.out).into_owned();
    assert!(out.contains("clocks: no stamp tells a broker's apart from ours by 30 s or more"), "{out}");
}

#[test]
fn a_clock_that_is_apart_while_it_runs_is_an_alarm() {
    let shape =
        Shape { partitions: 1, raw: &[("message.timestamp.type", "LogAppendTime")], ..Shape::default() };
    let ground = Ground::new(Broker::shared(), &shape);
    let instance = ground.start_as("one", later_by(&ground, 600));
    let mut number = 0;
    eventually("an alarm", || {
        number += 1;
        ground.broker.produce(&ground.raw, &[Record::to(0, line(number).trim_end())]);
        std::thread::sleep(Duration::from_millis(300));
        let said = instance.said();
        said.contains("at least 120 s behind the clock of this machine")
    });
    wait_for(&ground, 1, &instance);
    instance.stop().expect_code(0);
}
