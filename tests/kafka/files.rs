//! From topics into files: nothing lost whatever is killed, nothing twice for one process, and what is in the files is clean.
//!
//! *In*: numbered records, an instance or two that are killed and started again. *Out*: the numbers in visible parts. *Promised*: PI-1, PI-2,
//! PI-9. *Not here*: what a part is (`tests/parts.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};

use super::ground::{Feeder, Ground, Instance, QUICK, Shape, number};
use crate::support::broker::{Broker, Record, eventually, produce_in, unique};
use crate::support::files_under;
use crate::support::numbered::{line, numbers_of_columns};

/// Each instance stores for itself: names of parts have process numbers in them, but stores are one instance's to sweep.
fn into_files<'b>(broker: &'b Broker, shape: &Shape<'_>) -> Ground<'b> {
    into("file", broker, shape)
}

fn into<'b>(kind: &str, broker: &'b Broker, shape: &Shape<'_>) -> Ground<'b> {
    let ground = Ground::new(broker, shape);
    let topic = format!("kind = \"kafka\"\ntopic = \"{}\"\nreplication = 1", ground.clean);
    ground.instead(&topic, &format!("kind = \"{kind}\"\npath = \"out-{{instance}}\"\npart_secs_max = 2"))
}

/// How often each number stands in visible parts.
fn numbers(ground: &Ground<'_>, names: &[&str]) -> BTreeMap<u64, usize> {
    let mut count = BTreeMap::new();
    for name in names {
        for part in parts(ground, name) {
            if part.extension().is_some_and(|suffix| suffix == "parquet") {
                for number in numbers_of_columns(&part, None) {
                    *count.entry(number).or_default() += 1;
                }
                continue;
            }
            for line in fs::read(part).unwrap().split_inclusive(|byte| *byte == b'\n') {
                assert!(line.ends_with(b"\n"), "a part ends inside a record");
                *count.entry(number(line).expect("a number")).or_default() += 1;
            }
        }
    }
    count
}

fn parts(ground: &Ground<'_>, name: &str) -> Vec<PathBuf> {
    let dir = ground.path(&format!("out-{name}")).join("web");
    if !dir.is_dir() {
        return Vec::new();
    }
    let files = files_under(&dir).into_iter().map(|file| dir.join(file));
    files.filter(|file| !file.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

/// Numbers that are lost, and how many came more than once.
fn judge(found: &BTreeMap<u64, usize>, last: u64) -> (Vec<u64>, usize) {
    let lost = (1..=last).filter(|number| !found.contains_key(number)).collect();
    (lost, found.values().map(|count| count - 1).sum())
}

/// The group is at the end of every partition.
fn has_all(ground: &Ground<'_>) -> bool {
    let positions = ground.broker.offsets(&ground.group, &ground.raw);
    let ends = (0..ground.partitions).map(|partition| ground.broker.watermarks(&ground.raw, partition).1);
    positions.into_iter().zip(ends).all(|(at, end)| at.unwrap_or(0) == end)
}

#[track_caller]
fn wait_for_all(ground: &Ground<'_>, instance: &Instance) {
    let begun = Instant::now();
    while !has_all(ground) {
        assert!(begun.elapsed() < Duration::from_mins(1), "not at the end: {}", instance.said());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn pi_9_a_process_that_is_killed_loses_and_doubles_nothing() {
    killed("file");
}

/// The same as columns, from which nobody could take out again what came twice.
#[test]
fn pi_9_a_process_that_is_killed_loses_and_doubles_nothing_of_columns() {
    killed("parquet");
}

fn killed(kind: &str) {
    let ground = into(kind, Broker::shared(), &Shape::default());
    let feeder = Feeder::start(&ground, 3_000, u64::MAX);
    let mut instance = ground.start("one");
    let mut stored = 0;
    // Parts close, and checkpoints are written, every two seconds: a different moment of that every time.
    for wait in [3_600, 5_100, 4_350, 4_700_u64] {
        thread::sleep(Duration::from_millis(wait));
        instance.kill();
        let found = numbers(&ground, &["one"]).len();
        println!("killed with {found} of {} in visible parts", feeder.fed());
        assert!(found >= stored, "what was visible is gone");
        stored = found;
        instance = ground.start("one");
    }
    assert!(stored > 0, "something was stored before a kill");
    let last = feeder.end();
    wait_for_all(&ground, &instance);
    instance.stop().expect_code(0);
    let (lost, doubled) = judge(&numbers(&ground, &["one"]), last);
    println!("figures: into {kind}, killed 4 times: {doubled} of {last} records came more than once");
    assert_eq!((lost.len(), doubled), (0, 0), "lost {:?} …", &lost[..lost.len().min(5)]);
    let hidden = files_under(&ground.path("out-one"));
    assert!(hidden.iter().all(|file| !file.to_string_lossy().ends_with(".partial")), "{hidden:?}");
}

#[test]
fn pi_9_partitions_that_another_process_takes_over_lose_nothing() {
    let ground = into_files(Broker::shared(), &Shape { kafka: QUICK, ..Shape::default() });
    let feeder = Feeder::start(&ground, 2_000, u64::MAX);
    let mut one = ground.start("one");
    let two = ground.start("two");
    for wait in [3_300, 2_700_u64] {
        thread::sleep(Duration::from_millis(wait));
        one.kill();
        // Longer than its session: the other one takes its partitions over, and gives some back.
        thread::sleep(Duration::from_millis(3_500));
        one = ground.start("one");
    }
    thread::sleep(Duration::from_secs(2));
    let last = feeder.end();
    wait_for_all(&ground, &two);
    one.stop().expect_code(0);
    two.stop().expect_code(0);
    let (lost, doubled) = judge(&numbers(&ground, &["one", "two"]), last);
    println!("figures: into files, taken over twice: {doubled} of {last} records came more than once");
    assert!(lost.is_empty(), "lost {} of {last}: {:?} …", lost.len(), &lost[..lost.len().min(5)]);
    // What is stored and not told is told within one call: that much may be twice.
    assert!(doubled < 2_000, "{doubled} of {last}");
}

/// A member that is frozen longer than its session has what it read before, and what it was given meanwhile is another's: what it stores then may
/// be twice, and nothing is lost. So it is when the broker goes away.
#[test]
fn pi_9_a_frozen_process_and_a_broker_that_goes_away_lose_nothing() {
    let broker = Broker::cluster(1);
    let ground = into_files(&broker, &Shape { kafka: QUICK, ..Shape::default() });
    let feeder = Feeder::start(&ground, 1_000, u64::MAX);
    let (one, two) = (ground.start("one"), ground.start("two"));
    eventually("parts of both", || ["one", "two"].iter().all(|name| !parts(&ground, name).is_empty()));
    one.freeze();
    thread::sleep(Duration::from_secs(5));
    one.thaw();
    thread::sleep(Duration::from_secs(4));
    broker.kill(1);
    thread::sleep(Duration::from_secs(2));
    broker.restart(1);
    thread::sleep(Duration::from_secs(4));
    let last = feeder.end();
    wait_for_all(&ground, &two);
    one.stop().expect_code(0);
    two.stop().expect_code(0);
    let (lost, doubled) = judge(&numbers(&ground, &["one", "two"]), last);
    println!(
        "figures: into files, frozen and without a broker: {doubled} of {last} records came more than once"
    );
    assert!(lost.is_empty(), "lost {} of {last}: {:?} …", lost.len(), &lost[..lost.len().min(5)]);
    assert!(doubled < 8_000, "{doubled} of {last}");
}

#[test]
fn metrics_count_what_is_stored() {
    let admin = "[admin]\nlisten = \"127.0.0.1:0\"\n\n[source.log]";
    let ground = into_files(Broker::shared(), &Shape::default()).instead("[source.log]", admin);
    let records: Vec<Record> =
        (1..=400).map(|number| Record::to((number % 4) as i32, line(number).trim_end().to_owned())).collect();
    ground.broker.produce(&ground.raw, &records);
    let instance = ground.start("one");
    wait_for_all(&ground, &instance);
    let said = instance.said();
    let address = said.split("http://").nth(1).expect("an address").split_whitespace().next().unwrap();
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let metrics = ask("/metrics");
    for sample in
        ["sluis_records_total{source=\"log\",outcome=\"delivered\"} 400\n", "sluis_in_flight_bytes 0\n"]
    {
        assert!(metrics.contains(sample), "{sample} in\n{metrics}");
    }
    assert!(ask("/readyz").starts_with("HTTP/1.1 200"), "{}", ask("/status"));
    instance.stop().expect_code(0);
}

/// The moment between checkpoint and commit, held still: the group is put back to where it was before it was told.
#[test]
fn pi_9_what_is_stored_and_not_told_is_not_read_again() {
    let ground = into_files(Broker::shared(), &Shape::default());
    let feeder = Feeder::start(&ground, 2_000, u64::MAX);
    let instance = ground.start("one");
    eventually("offsets are committed", || {
        ground.broker.offsets(&ground.group, &ground.raw).iter().all(Option::is_some)
    });
    // The next part closes, and another checkpoint is written.
    thread::sleep(Duration::from_secs(5));
    instance.kill();
    let saved = fs::read(ground.path("state-one").join("checkpoint")).unwrap();
    let saved: serde_json::Value = serde_json::from_slice(&saved).unwrap();
    let mut list = TopicPartitionList::new();
    for entry in saved["offsets"]["partitions"].as_array().unwrap() {
        let [from, to] = [2, 3].map(|at| entry[at].as_i64().unwrap());
        assert!(from < to, "the checkpoint was written before the group was told: {entry}");
        let number = entry[1].as_i64().unwrap() as i32;
        list.add_partition_offset(entry[0].as_str().unwrap(), number, Offset::Offset(from)).unwrap();
    }
    assert_eq!(list.count(), ground.partitions.unsigned_abs() as usize);
    let group: BaseConsumer =
        ground.broker.config().set("group.id", &ground.group).create().expect("a consumer");
    eventually("the end of the killed member's session", || group.commit(&list, CommitMode::Sync).is_ok());
    let instance = ground.start("one");
    let last = feeder.end();
    wait_for_all(&ground, &instance);
    instance.stop().expect_code(0);
    let (lost, doubled) = judge(&numbers(&ground, &["one"]), last);
    assert_eq!((lost.len(), doubled), (0, 0), "lost {:?} …", &lost[..lost.len().min(5)]);
    // Stopped in order, it has told all: whoever puts the group back now wants records again.
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&ground.raw, 1, Offset::Offset(0)).unwrap();
    eventually("the group is put back", || group.commit(&list, CommitMode::Sync).is_ok());
    ground.run_once("one").expect_code(0);
    let (_, doubled) = judge(&numbers(&ground, &["one"]), last);
    assert_eq!(i64::try_from(doubled), Ok(ground.broker.watermarks(&ground.raw, 1).1));
}

#[test]
fn once_reads_what_is_there_and_goes_on_from_there() {
    let ground = into_files(Broker::shared(), &Shape::default());
    ground.run_once("one").expect_code(0);
    assert_eq!(numbers(&ground, &["one"]).len(), 0, "nothing is there");
    // The end of a transaction is the end of each partition, and no message.
    let producer = ground.broker.transaction(&unique("feeds"));
    let feed = |numbers: std::ops::RangeInclusive<u64>| {
        let record = |number: u64| {
            let text = line(number);
            Record::to((number % 3) as i32, text.trim_end().to_owned())
        };
        produce_in(&producer, &ground.raw, &numbers.map(record).collect::<Vec<_>>());
        producer.commit_transaction(Duration::from_secs(30)).expect("commits");
    };
    feed(1..=3_000);
    let run = ground.run_once("one");
    run.expect_code(0);
    assert_eq!((run.stats().taken, run.stats().out), (3_000, 3_000));
    assert_eq!(judge(&numbers(&ground, &["one"]), 3_000), (vec![], 0));
    let positions = ground.broker.offsets(&ground.group, &ground.raw);
    assert_eq!(positions[..3], [Some(1_000); 3]);
    producer.begin_transaction().expect("begins");
    feed(3_001..=3_010);
    ground.run_once("one").expect_code(0);
    assert_eq!(judge(&numbers(&ground, &["one"]), 3_010), (vec![], 0));
}

#[test]
fn once_ends_between_topics_too() {
    let ground = Ground::new(Broker::shared(), &Shape::default());
    let records: Vec<Record> = (1..=2_000)
        .map(|number| Record::to((number % 4) as i32, line(number).trim_end().to_owned()))
        .collect();
    ground.broker.produce(&ground.raw, &records);
    ground.run_once("one").expect_code(0);
    ground.expect_once(2_000);
    assert_eq!(ground.broker.offsets(&ground.group, &ground.raw), [Some(500); 4]);
    ground.run_once("one").expect_code(0);
    ground.expect_once(2_000);
}

/// PI-1 and PI-2: whoever reads the files sees no address, and what failed only with the officer's key.
#[test]
fn pi_2_files_hold_nothing_raw_and_what_fails_is_sealed_beside_them() {
    let key = age::x25519::Identity::generate();
    let quarantine =
        format!("[quarantine]\nrecipients = [\"{}\"]\nretention = \"24h\"\n\n[source.log]", key.to_public());
    let shape = Shape { partitions: 1, ..Shape::default() };
    let ground = into_files(Broker::shared(), &shape).instead("[source.log]", &quarantine);
    let canary = "203.0.113.77";
    let line = line(1);
    let named = line.trim_end().replacen(line.split(' ').next().unwrap(), canary, 1);
    let bad = format!("no line, but {canary} all the same");
    let sent = |text: &str| Record::to(0, text.to_owned()).key(canary).header("client", canary);
    ground.broker.produce(&ground.raw, &[sent(&named), sent(&bad), Record::tombstone(0).key(canary)]);
    let run = ground.run_once("one");
    run.expect_code(0);
    assert_eq!((run.stats().out, run.stats().quarantined), (1, 2));
    assert_eq!(numbers(&ground, &["one"]).len(), 1);
    assert!(!run.err_text().contains(canary), "{}", run.err_text());
    let mut sealed = Vec::new();
    for folder in ["out-one", "state-one"] {
        for file in files_under(&ground.path(folder)) {
            let path = ground.path(folder).join(&file);
            let bytes = fs::read(&path).unwrap();
            assert!(memchr::memmem::find(&bytes, canary.as_bytes()).is_none(), "{} is raw", path.display());
            if file.extension().is_some_and(|extension| extension == "age") {
                sealed.push(bytes);
            }
        }
    }
    let [sealed] = sealed.as_slice() else { panic!("{} sealed files", sealed.len()) };
    let (mut plain, identity): (_, &dyn age::Identity) = (String::new(), &key);
    let decryptor = age::Decryptor::new(&sealed[..]).unwrap();
    decryptor.decrypt(std::iter::once(identity)).unwrap().read_to_string(&mut plain).unwrap();
    assert!(plain.contains(&bad), "{plain}");
}

/// A log file instead of the topic.
fn from_a_file(broker: &Broker) -> Ground<'_> {
    let ground = Ground::new(broker, &Shape { partitions: 3, ..Shape::default() });
    let topics = format!("kind = \"kafka\"\ntopics = [\"{}\"]", ground.raw);
    let group = format!("group = \"{}\"\ninstance = \"{{instance}}\"\nlanes = 1\n", ground.group);
    ground.instead(&topics, "kind = \"file\"\npath = \"log\"").instead(&group, "")
}

/// The numbers that are in the output, in whatever partition.
fn sent(ground: &Ground<'_>) -> BTreeMap<u64, usize> {
    let mut count = BTreeMap::new();
    for found in ground.numbers().into_values().flatten() {
        *count.entry(found).or_default() += 1;
    }
    count
}

#[test]
fn pi_9_a_file_goes_to_a_topic_and_loses_nothing_when_killed() {
    let ground = from_a_file(Broker::shared());
    let mut log = fs::File::create(ground.path("log")).unwrap();
    let mut last = 0;
    let mut feed = |more: u64| {
        for _ in 0..more {
            last += 1;
            log.write_all(line(last).as_bytes()).unwrap();
        }
        last
    };
    let mut instance = ground.start("one");
    for wait in [1_700_u64, 2_300, 1_400] {
        for _ in 0..wait / 50 {
            feed(100);
            thread::sleep(Duration::from_millis(50));
        }
        instance.kill();
        instance = ground.start("one");
    }
    let last = feed(1);
    eventually("the last record", || sent(&ground).contains_key(&last));
    instance.stop().expect_code(0);
    let (lost, doubled) = judge(&sent(&ground), last);
    println!("figures: from a file, killed 3 times: {doubled} of {last} records came more than once");
    assert!(lost.is_empty(), "lost {} of {last}: {:?} …", lost.len(), &lost[..lost.len().min(5)]);
    // What came since a checkpoint, which is written every second.
    assert!(doubled < 3 * 5_000, "{doubled} of {last}");
    // Every record is a message, which says what it is.
    let message = ground.broker.read_committed(&ground.clean).remove(0);
    assert_eq!(message.text().lines().count(), 1);
    let [(name, said)] = &message.headers[..] else { panic!("{message:?}") };
    let said = std::str::from_utf8(said).unwrap();
    let [policy, class, epoch, deadline] = said.split(',').collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert_eq!((name.as_str(), policy, class), ("sluis", "policy=2026-11-27", "class=web"));
    assert!(epoch.starts_with("epoch=web/"), "{said}");
    assert!(
        deadline.strip_prefix("deadline=").is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
        "{said}"
    );
}

#[test]
fn what_is_late_is_withheld_from_topics_and_once_ends_with_the_file() {
    let ground = from_a_file(Broker::shared());
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2);
    let late = time.strftime("%Y-%m-%dT%H:%M:%S+00:00");
    let late = format!("203.0.113.7 [{late}] \"GET / HTTP/1.1\" 200 2\n");
    fs::write(ground.path("log"), [line(1), late, line(3), "no line\n".to_owned()].concat()).unwrap();
    let run = ground.run_once("one");
    run.expect_code(0);
    assert_eq!((run.stats().taken, run.stats().out, run.stats().quarantined), (4, 2, 1));
    assert_eq!(sent(&ground).into_keys().collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_sink_that_fails_ends_the_run_and_the_next_goes_on() {
    let ground = into_files(Broker::shared(), &Shape::default());
    let feeder = Feeder::start(&ground, 1_000, u64::MAX);
    let mut instance = ground.start("one");
    eventually("a part", || !parts(&ground, "one").is_empty());
    // Where parts go there is a file.
    let (dir, aside) = (ground.path("out-one").join("web"), ground.path("out-one").join("aside"));
    fs::rename(&dir, &aside).unwrap();
    fs::write(&dir, "in the way").unwrap();
    eventually("the end of the run", || !instance.is_running());
    let run = instance.wait();
    run.expect_code(4);
    assert!(run.err_text().contains("out-one/web"), "{}", run.err_text());
    fs::remove_file(&dir).unwrap();
    fs::rename(&aside, &dir).unwrap();
    let instance = ground.start("one");
    let last = feeder.end();
    wait_for_all(&ground, &instance);
    instance.stop().expect_code(0);
    let (lost, doubled) = judge(&numbers(&ground, &["one"]), last);
    assert_eq!((lost.len(), doubled), (0, 0), "lost {:?} …", &lost[..lost.len().min(5)]);
}
