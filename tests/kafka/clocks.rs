//! A broker's clock that is apart from ours: found by its stamps, refused at start, alarmed while it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
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

/// Makes the program believe that it is later, or earlier.
fn at(offset: &str) -> impl Fn(&mut Command) + use<> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let library: Option<PathBuf> =
        folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    let library = library.expect("libfaketime: `deploy/needs faketime` installs it");
    let offset = offset.to_owned();
    move |command| {
        command.env("LD_PRELOAD", &library).env("FAKETIME", &offset).env("DONT_FAKE_MONOTONIC", "1");
    }
}

#[test]
fn clocks_that_are_apart_keep_a_run_from_starting() {
    let ground = Ground::new(Broker::shared(), &Shape { partitions: 1, ..Shape::default() });
    ground.broker.produce(&ground.clean, &[Record::to(0, line(1))]);
    let run = ground.start_as("one", at("-10m")).ended();
    run.expect_code(4);
    let said = String::from_utf8_lossy(&run.err).into_owned();
    let expected = format!(
        "the broker of partition 0 of topic {} stamps records at least 120 s ahead of the clock of this machine, and 30 s are allowed",
        ground.clean
    );
    assert!(said.contains(&expected) && said.contains("NTP"), "{said}");
    let check = ground.check_live(at("-10m"));
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
    let instance = ground.start_as("one", at("+10m"));
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
