//! Scale-out by the consumer group: partitions spread over lanes and processes, and change hands under load without a gap.
//!
//! *In*: numbered records, instances that come and go. *Out*: verdicts, and figures of the machine at hand, which the brokers share. *Not
//! here*: instances that crash (`chaos`).
//!
//! `SLUIS_KAFKA_RECORDS` is how many records each shape of lanes and processes is given.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;

use super::chaos::Chance;
use super::ground::{Feeder, Ground, Instance, Shape, Watcher, clean_reader, number_of};
use crate::support::broker::{Broker, eventually};

const PARTITIONS: i32 = 8;

/// How many partitions each member of the group has, as the coordinator knows it; nothing while it is not settled.
fn shares(ground: &Ground<'_>) -> Vec<usize> {
    let client: BaseConsumer = ground.broker.config().create().expect("a client");
    let Ok(groups) = client.fetch_group_list(Some(&ground.group), Duration::from_secs(10)) else {
        return Vec::new();
    };
    let stable = groups.groups().iter().filter(|group| group.state() == "Stable");
    let mut shares: Vec<usize> = stable
        .flat_map(|group| group.members().iter().map(|member| share(member.assignment().unwrap_or_default())))
        .collect();
    shares.sort_unstable();
    shares
}

/// Partitions of an assignment as it is sent: version, topics with their partitions, and what clients like to add.
fn share(assignment: &[u8]) -> usize {
    let number = |at: usize, bytes: usize| {
        let field = assignment.get(at..at + bytes).unwrap_or_default();
        field.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (mut at, mut share) = (6, 0);
    for _ in 0..number(2, 4) {
        at += 2 + number(at, 2);
        let partitions = number(at, 4);
        at += 4 + 4 * partitions;
        share += partitions;
    }
    share
}

fn spread(ground: &Ground<'_>, instances: &[&Instance], expected: &[usize]) {
    let begun = Instant::now();
    loop {
        let found = shares(ground);
        if found == expected {
            return;
        }
        if begun.elapsed() > Duration::from_mins(1) {
            for instance in instances {
                eprintln!("{} said:\n{}", instance.name, instance.said());
            }
            panic!("members have {found:?} partitions, not {expected:?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn partitions_spread_over_lanes_and_processes_and_each_record_comes_once_in_order() {
    let records = number_of("SLUIS_KAFKA_RECORDS").unwrap_or(60_000);
    for (processes, lanes) in [(1, 1), (1, 2), (1, 4), (2, 2)] {
        let shape = Shape { partitions: PARTITIONS, lanes, kafka: "", ..Shape::default() };
        let ground = Ground::new(Broker::shared(), &shape);
        let names = &["one", "two"][..processes];
        let instances: Vec<Instance> = names.iter().map(|name| ground.start(name)).collect();
        let all: Vec<&Instance> = instances.iter().collect();
        let members = processes * lanes;
        spread(&ground, &all, &vec![PARTITIONS as usize / members; members]);
        let watcher = Watcher::start(&ground);
        let cpu = || instances.iter().map(Instance::cpu_millis).sum::<u64>();
        let (begun, before) = (Instant::now(), cpu());
        let last = Feeder::start(&ground, u64::from(u32::MAX), records).finish();
        let took = watcher.wait_past(last - u64::from(PARTITIONS.unsigned_abs()), begun, &all);
        let cpu = cpu() - before;
        for instance in instances {
            instance.stop().expect_code(0);
        }
        ground.expect_once(last);
        println!(
            "figures: {processes} process(es) of {lanes} lane(s): {last} records, each once and in order; {} a second, {:.2} CPU s per \
             million",
            u128::from(last) * 1000 / took.as_millis().max(1),
            cpu as f64 * 1000.0 / last as f64,
        );
    }
}

/// The longest time without a record, as one who reads what is committed sees it.
#[derive(Default)]
struct Gaps {
    /// When something came last, and the longest that nothing did: over all, then by partition.
    places: Vec<(Option<Instant>, Duration)>,
}

impl Gaps {
    fn came(&mut self, place: usize, now: Instant) {
        let (last, longest) = &mut self.places[place];
        *longest = last.map_or(*longest, |last| (*longest).max(now - last));
        *last = Some(now);
    }
}

struct Arrivals {
    stop: Arc<AtomicBool>,
    gaps: Arc<Mutex<Gaps>>,
    thread: Option<JoinHandle<()>>,
}

impl Arrivals {
    fn watch(ground: &Ground<'_>) -> Self {
        let consumer = clean_reader(ground);
        let places = vec![(None, Duration::ZERO); ground.partitions.unsigned_abs() as usize + 1];
        let gaps = Arc::new(Mutex::new(Gaps { places }));
        let stop = Arc::new(AtomicBool::new(false));
        let (noted, stopped) = (Arc::clone(&gaps), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
                let (mut gaps, now) = (noted.lock().unwrap(), Instant::now());
                gaps.came(0, now);
                gaps.came(1 + message.partition().unsigned_abs() as usize, now);
            }
        });
        Self { stop, gaps, thread: Some(thread) }
    }

    /// The longest gap over all, and the longest of a partition, since this was called last; one that lasts still counts.
    fn longest(&self) -> (Duration, Duration) {
        let (mut gaps, now) = (self.gaps.lock().unwrap(), Instant::now());
        let mut found = Vec::new();
        for (last, longest) in &mut gaps.places {
            found.push((*longest).max(last.map_or(Duration::ZERO, |last| now - last)));
            (*longest, *last) = (Duration::ZERO, last.map(|_| now));
        }
        (found[0], found[1..].iter().copied().max().unwrap_or_default())
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// With the defaults: what users have.
#[test]
fn a_rebalance_under_load_leaves_no_gap() {
    const GAP: Duration = Duration::from_secs(3);
    let shape = Shape { partitions: PARTITIONS, lanes: 2, kafka: "", ..Shape::default() };
    let ground = Ground::new(Broker::shared(), &shape);
    let one = ground.start("one");
    spread(&ground, &[&one], &[4, 4]);
    let (feeder, watcher) = (Feeder::start(&ground, 1_000, u64::MAX), Watcher::start(&ground));
    let arrivals = Arrivals::watch(&ground);
    watcher.wait_past(1_000, Instant::now(), &[&one]);
    let settled = Duration::from_secs(3);
    thread::sleep(settled);
    let (steady, _) = arrivals.longest();
    let two = ground.start("two");
    spread(&ground, &[&one, &two], &[2, 2, 2, 2]);
    thread::sleep(settled);
    let added = arrivals.longest();
    two.stop().expect_code(0);
    spread(&ground, &[&one], &[4, 4]);
    thread::sleep(settled);
    let removed = arrivals.longest();
    println!(
        "figures: the longest gap at {steady:?} when nothing happens; an instance added: {:?} over all, {:?} in a partition; removed: {:?} \
         and {:?}",
        added.0, added.1, removed.0, removed.1
    );
    let last = feeder.end();
    watcher.wait_past(last - u64::from(PARTITIONS.unsigned_abs()), Instant::now(), &[&one]);
    one.stop().expect_code(0);
    ground.expect_once(last);
    for (over_all, of_partition) in [added, removed] {
        assert!(over_all <= GAP && of_partition <= GAP, "{over_all:?}, {of_partition:?} in a partition");
    }
}

/// Told to end in the middle of a rebalance, whichever of the two, it leaves the group all the same: nobody waits for its session to end.
/// A quarter of `SLUIS_KAFKA_ROUNDS` is how often, `SLUIS_SEED` repeats the moments.
#[test]
fn told_to_stop_while_the_group_changes_it_leaves_nobody_waiting() {
    let kafka = "options = { \"session.timeout.ms\" = \"30000\" }";
    let ground = Ground::new(Broker::shared(), &Shape { kafka, ..Shape::default() });
    let rounds = number_of("SLUIS_KAFKA_ROUNDS").map_or(6, |rounds| rounds / 4);
    let seed = number_of("SLUIS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let mut chance = Chance(seed);
    let (feeder, watcher) = (Feeder::start(&ground, 500, u64::MAX), Watcher::start(&ground));
    let mut works = ground.start("one");
    watcher.wait_past(0, Instant::now(), &[&works]);
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let other = ground.start(if works.name == "one" { "two" } else { "one" });
        // It asks brokers first, for some tenths of a second.
        eventually("the lane", || other.said().contains("is in the consumer group"));
        thread::sleep(Duration::from_millis(chance.below(3_000)));
        let (stays, goes) = if round % 2 == 0 { (works, other) } else { (other, works) };
        let (begun, fed) = (Instant::now(), feeder.fed());
        goes.stop().expect_code(0);
        let stopped = begun.elapsed();
        let took = watcher.wait_past(fed, begun, &[&stays]);
        println!(
            "{} ended after {} ms, taken over after {} ms",
            round,
            stopped.as_millis(),
            took.as_millis()
        );
        longest = longest.max(took);
        works = stays;
    }
    println!(
        "figures: {rounds} times SIGTERM while the group changes: taken over after {} ms at most; SLUIS_SEED={seed}",
        longest.as_millis()
    );
    let last = feeder.end();
    watcher.wait_past(last - 4, Instant::now(), &[&works]);
    works.stop().expect_code(0);
    ground.expect_once(last);
    assert!(longest < Duration::from_secs(10), "{longest:?}");
}
