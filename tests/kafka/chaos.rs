//! Whatever is killed, frozen, cut off, added or taken away: each record comes out exactly once and in order of its partition (PI-9).
//!
//! *In*: numbered records at a steady rate, two instances or three, and faults at random but for the seed, which is printed. *Out*: counts,
//! and how long each recovery took: from the fault until a record that was fed after it is readable in every partition. *Promised*: an
//! instance that is cut off or frozen comes back as a zombie, which the group fences: its transaction may live longer than it was away.
//!
//! `SLUIS_KAFKA_ROUNDS` is the number of faults, `SLUIS_KAFKA_RECORDS` how many records at least, `SLUIS_SEED` repeats them, and
//! `SLUIS_KAFKA_FAULTS` narrows them (`Leader,Broker`).

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::ground::{Feeder, Ground, Instance, QUICK, Shape, Watcher, number_of};
use super::proxy::Proxy;
use crate::support::broker::{Broker, eventually};

/// Longer than a session (2 s), shorter than a transaction may live (10 s).
const AWAY: Duration = Duration::from_secs(4);

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Kill,
    Freeze,
    Broker,
    Add,
    Remove,
    Cut,
    /// The last: a single node has nobody to lead in its place.
    Leader,
}

const FAULTS: [Fault; 7] =
    [Fault::Kill, Fault::Freeze, Fault::Broker, Fault::Add, Fault::Remove, Fault::Cut, Fault::Leader];

/// Chance with a seed (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What is done to whom.
struct Field<'a> {
    ground: &'a Ground<'a>,
    nodes: u16,
    proxies: &'a [Proxy],
    behind: &'a str,
    watcher: Watcher,
    feeder: Feeder,
    /// Two of them, or three.
    instances: Vec<Instance>,
    chance: Chance,
    took: BTreeMap<Fault, Vec<Duration>>,
}

impl Field<'_> {
    /// The second one goes to the brokers through the proxies.
    fn start(ground: &Ground<'_>, behind: &str, name: &str) -> Instance {
        if name == "two" { ground.start_at(name, behind) } else { ground.start(name) }
    }

    fn round(&mut self, fault: Fault) {
        let (begun, fed) = (Instant::now(), self.feeder.fed());
        let (mut whom, mut took) = (String::new(), None);
        match fault {
            Fault::Kill => {
                let one = self.take();
                whom.clone_from(&one.name);
                one.kill();
                // It comes back at once, or after its session.
                thread::sleep(Duration::from_millis(self.chance.below(3_000)));
                self.instances.push(Self::start(self.ground, self.behind, &whom));
            }
            Fault::Freeze => {
                let one = self.take();
                whom.clone_from(&one.name);
                one.freeze();
                took = self.watcher.past_within(AWAY, fed, begun);
                one.thaw();
                self.instances.push(one);
            }
            Fault::Broker => {
                let node = 1 + self.chance.below(u64::from(self.nodes)) as u16;
                self.ground.broker.kill(node);
                thread::sleep(Duration::from_millis(self.chance.below(2_000)));
                self.ground.broker.restart(node);
            }
            Fault::Leader => whom = self.change_leader(),
            Fault::Add => self.instances.push(self.ground.start("three")),
            Fault::Remove => {
                let one = self.take();
                whom.clone_from(&one.name);
                one.stop().expect_code(0);
            }
            Fault::Cut => {
                self.proxies.iter().for_each(|proxy| proxy.cut(true));
                took = self.watcher.past_within(AWAY, fed, begun);
                self.proxies.iter().for_each(|proxy| proxy.cut(false));
            }
        }
        let all: Vec<&Instance> = self.instances.iter().collect();
        let took = took.unwrap_or_else(|| self.watcher.wait_past(fed, begun, &all));
        println!("{fault:?} {whom}: {} ms", took.as_millis());
        self.took.entry(fault).or_default().push(took);
        // Those that come or go in order leave two again.
        if fault == Fault::Add {
            self.instances.pop().map(Instance::stop).map(|run| run.expect_code(0).code);
        }
        for name in ["one", "two"] {
            if self.instances.iter().all(|one| one.name != name) {
                self.instances.push(Self::start(self.ground, self.behind, name));
            }
        }
        thread::sleep(Duration::from_millis(300 + self.chance.below(700)));
    }

    /// Has another node lead some output: the one that does crashes and stays away until another has taken over, or it hands over as it
    /// is stopped in order. It leads much else, perhaps the group and the transactions too.
    fn change_leader(&mut self) -> String {
        let partition = self.chance.below(u64::from(self.ground.partitions.unsigned_abs())) as i32;
        let leader = || self.ground.broker.leader(&self.ground.clean, partition);
        let mut node = 0;
        eventually("a leader", || {
            node = leader().unwrap_or(0);
            node > 0
        });
        let crashes = self.chance.below(2) == 0;
        if crashes {
            self.ground.broker.kill(node);
            eventually("another leader", || leader().is_some_and(|leads| leads != node));
        }
        self.ground.broker.restart(node);
        eventually("the other leader", || leader().is_some_and(|leads| leads != node));
        format!("of {partition}, {node} {}", if crashes { "crashed" } else { "handed over" })
    }

    fn take(&mut self) -> Instance {
        let at = self.chance.below(self.instances.len() as u64) as usize;
        self.instances.swap_remove(at)
    }
}

/// Runs faults against a pipeline; the numbers that came out, the last that was fed, and how often each fault was.
fn chaos(delivery: &str, rounds: u64, verdict: impl Fn(&Ground<'_>, u64)) {
    let seed = number_of("SLUIS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let rounds = number_of("SLUIS_KAFKA_ROUNDS").unwrap_or(rounds);
    let nodes = if rounds > 20 { 3 } else { 1 };
    println!("{delivery}: {rounds} rounds on {nodes} node(s), SLUIS_SEED={seed}");
    let broker = Broker::cluster(nodes);
    let proxies: Vec<Proxy> = (1..=nodes).map(|node| Proxy::before(&broker, node)).collect();
    let behind = proxies.iter().map(Proxy::address).collect::<Vec<_>>().join(",");
    let kafka = format!("delivery = \"{delivery}\"\n{QUICK}");
    let ground = Ground::new(&broker, &Shape { kafka: &kafka, ..Shape::default() });
    let instances = ["one", "two"].map(|name| Field::start(&ground, &behind, name)).into();
    let records = number_of("SLUIS_KAFKA_RECORDS").unwrap_or(0);
    // Such that all come while there are faults, of some ten seconds each.
    let per_second = (records / rounds.max(1) / 8).clamp(500, 5_000);
    let feeder = Feeder::start(&ground, per_second, u64::MAX);
    let watcher = Watcher::start(&ground);
    let (chance, took) = (Chance(seed), BTreeMap::new());
    let mut field = Field {
        ground: &ground,
        nodes,
        proxies: &proxies,
        behind: &behind,
        watcher,
        feeder,
        instances,
        chance,
        took,
    };
    field.watcher.wait_past(0, Instant::now(), &[]);
    let only = std::env::var("SLUIS_KAFKA_FAULTS").unwrap_or_default();
    let is_meant = |fault: &Fault| only.is_empty() || only.contains(&format!("{fault:?}"));
    let mut faults = FAULTS[..if nodes > 1 { FAULTS.len() } else { FAULTS.len() - 1 }].to_vec();
    faults.retain(is_meant);
    let mut left: Vec<Fault> = Vec::new();
    for _ in 0..rounds {
        if left.is_empty() {
            left.clone_from(&faults);
        }
        // Every kind comes as often as every other.
        let fault = left.swap_remove(field.chance.below(left.len() as u64) as usize);
        field.round(fault);
    }
    while field.feeder.fed() < records {
        thread::sleep(Duration::from_millis(100));
    }
    let Field { watcher, feeder, instances, took, .. } = field;
    let last = feeder.end();
    let all: Vec<&Instance> = instances.iter().collect();
    watcher.wait_past(last - u64::from(ground.partitions.unsigned_abs()), Instant::now(), &all);
    for instance in instances {
        instance.stop().expect_code(0);
    }
    verdict(&ground, last);
    let mut times: Vec<u128> = took.values().flatten().map(Duration::as_millis).collect();
    times.sort_unstable();
    let faults: Vec<String> =
        took.iter().map(|(fault, times)| format!("{fault:?} {}", times.len())).collect();
    println!(
        "figures: {delivery}, {}: {last} records; recovery p50 {} ms, max {} ms; SLUIS_SEED={seed}",
        faults.join(", "),
        times[times.len() / 2],
        times.last().copied().unwrap_or(0)
    );
}

#[test]
fn pi_9_exactly_once_through_any_fault() {
    chaos("exactly_once", 6, |ground, last| ground.expect_once(last));
}

#[test]
fn pi_9_at_least_once_loses_nothing() {
    chaos("at_least_once", 3, |ground, last| {
        let (lost, doubled) = ground.judge(&ground.numbers(), last);
        println!(
            "figures: at least once: {doubled} of {last} records came more than once, {} are lost",
            lost.len()
        );
        assert!(lost.is_empty(), "{} are lost: {:?} …", lost.len(), &lost[..lost.len().min(5)]);
    });
}
