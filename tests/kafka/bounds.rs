//! What a lane may cost: memory and log while brokers are away, nothing while there is nothing to do, and an end in time.
//!
//! `SLUIS_KAFKA_AWAY` is for how many seconds brokers are away (the long form: ten minutes).

use std::thread;
use std::time::{Duration, Instant};

use super::ground::{Feeder, Ground, Instance, QUICK, Shape, Watcher, wait_for};
use crate::support::broker::{Broker, Record, eventually};
use crate::support::numbered::line;

fn seconds_away() -> u64 {
    std::env::var("SLUIS_KAFKA_AWAY").ok().and_then(|text| text.parse().ok()).unwrap_or(15)
}

/// Processor time in a stretch of time, in thousandths of one processor; and the most memory, in KiB.
fn cost(instance: &Instance, time: Duration) -> (u64, u64) {
    let (begun, before, mut memory) = (Instant::now(), instance.cpu_millis(), 0);
    while begun.elapsed() < time {
        memory = memory.max(instance.memory_kib());
        thread::sleep(Duration::from_millis(200));
    }
    ((instance.cpu_millis() - before) * 1000 / time.as_millis() as u64, memory)
}

/// The broker is away under load, in `how`'s way.
fn away(how: &str, leave: impl Fn(&Broker), back: impl Fn(&Broker)) {
    let broker = Broker::cluster(1);
    let ground = Ground::new(&broker, &Shape { partitions: 2, ..Shape::default() });
    let instance = ground.start("one");
    let (feeder, watcher) = (Feeder::start(&ground, 2_000, u64::MAX), Watcher::start(&ground));
    watcher.wait_past(2_000, Instant::now(), &[&instance]);
    let (lines, fed) = (instance.said().lines().count(), feeder.fed());
    leave(&broker);
    // What was in the middle of something comes to rest.
    thread::sleep(Duration::from_secs(2));
    let seconds = seconds_away();
    let (cpu, memory) = cost(&instance, Duration::from_secs(seconds));
    back(&broker);
    let took = watcher.wait_past(fed.max(feeder.fed()), Instant::now(), &[&instance]);
    let lines = instance.said().lines().count() - lines;
    println!(
        "figures: broker {how} for {} s: cpu {} permille, at most {} MiB, {lines} log lines, back at work after {} ms",
        seconds + 2,
        cpu,
        memory >> 10,
        took.as_millis()
    );
    let last = feeder.end();
    watcher.wait_past(last - 2, Instant::now(), &[&instance]);
    instance.stop().expect_code(0);
    ground.expect_once(last);
    // librdkafka's producer turns in circles while messages wait behind requests that nobody answers, until it gives those up.
    let turns_millis = 2_000;
    assert!(cpu * seconds <= 50 * seconds + turns_millis, "no busy loop");
    assert!(memory < 256 << 10, "{memory} KiB");
    // A few a minute, and a few for the way down and the way up.
    assert!(lines as u64 <= 15 + seconds / 6, "{lines} lines:\n");
}

#[test]
fn a_broker_that_was_killed_costs_nothing_while_it_is_away() {
    away("killed", |broker| broker.kill(1), |broker| broker.restart(1));
}

#[test]
fn a_broker_that_answers_nothing_costs_nothing() {
    away("frozen", |broker| broker.freeze(1), |broker| broker.thaw(1));
}

#[test]
fn idle_lanes_cost_nothing() {
    let ground = Ground::new(Broker::shared(), &Shape { partitions: 2, ..Shape::default() });
    ground.broker.produce(&ground.raw, &[Record::to(0, line(2)), Record::to(1, line(1))]);
    let instance = ground.start("one");
    wait_for(&ground, 2, &instance);
    thread::sleep(Duration::from_secs(1));
    let (cpu, memory) = cost(&instance, Duration::from_secs(8));
    println!("figures: idle: cpu {cpu} permille, {memory} KiB");
    // What is not optimised is larger and slower.
    let (cpu_most, mib) = if cfg!(debug_assertions) { (20, 64) } else { (10, 40) };
    assert!(cpu <= cpu_most, "{cpu} permille of a processor");
    assert!(memory <= mib << 10, "{memory} KiB");
    instance.stop().expect_code(0);
}

/// The one that is told to end hands over; nobody waits for its session to end.
#[test]
fn told_to_stop_it_leaves_the_group_and_the_other_takes_over() {
    let kafka = "options = { \"session.timeout.ms\" = \"30000\" }\ndrain_secs = 10";
    let ground = Ground::new(Broker::shared(), &Shape { kafka, ..Shape::default() });
    let (feeder, watcher) = (Feeder::start(&ground, 500, u64::MAX), Watcher::start(&ground));
    let one = ground.start("one");
    watcher.wait_past(0, Instant::now(), &[&one]);
    let two = ground.start("two");
    eventually("both at work", || one.said().contains("got") && two.said().contains("got 2 partition(s)"));
    let (begun, fed) = (Instant::now(), feeder.fed());
    one.stop().expect_code(0);
    let stopped = begun.elapsed();
    let took = watcher.wait_past(fed, begun, &[&two]);
    println!(
        "figures: SIGTERM: ended after {} ms, taken over after {} ms",
        stopped.as_millis(),
        took.as_millis()
    );
    assert!(stopped < Duration::from_secs(10) && took < Duration::from_secs(5), "{stopped:?}, {took:?}");
    let last = feeder.end();
    watcher.wait_past(last - 4, Instant::now(), &[&two]);
    two.stop().expect_code(0);
    ground.expect_once(last);
}

/// Raw lines that the broker deleted before they were read are counted and told, and the rest is read.
#[test]
fn what_was_deleted_before_it_was_read_is_told() {
    let ground = Ground::new(Broker::shared(), &Shape { partitions: 1, kafka: QUICK, ..Shape::default() });
    let records = |numbers: std::ops::RangeInclusive<u64>| -> Vec<Record> {
        numbers.map(|number| Record::to(0, line(number).trim_end())).collect()
    };
    ground.broker.produce(&ground.raw, &records(1..=100));
    let instance = ground.start("one");
    wait_for(&ground, 100, &instance);
    instance.stop().expect_code(0);
    ground.broker.produce(&ground.raw, &records(101..=200));
    ground.broker.delete_records(&ground.raw, 0, 150);
    let instance = ground.start("one");
    let out = wait_for(&ground, 150, &instance);
    instance.stop().expect_code(0);
    assert_eq!(out.len(), 150);
    let numbers = &ground.numbers()[&0];
    assert_eq!((numbers[99], numbers[100], numbers[149]), (100, 151, 200));
    let said = std::fs::read_to_string(ground.path("one.log")).unwrap();
    assert!(
        said.contains("ALARM: 50 messages of topic") && said.contains("removed before they were read"),
        "{said}"
    );
}
