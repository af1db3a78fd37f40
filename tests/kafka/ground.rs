//! Pipelines between topics of their own: instances of the real program, records with numbers, and who reads them as they come out.
//!
//! *In*: a cluster, and what a test wants otherwise in the pipeline. *Out*: instances that can be killed and frozen, counts. *Promised*: an
//! instance ends with the test, whatever that does. *Not here*: any verdict but [`Ground::expect_once`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use rustix::process::{Pid, Signal, kill_process};
use sluis::kafka::lost::{self, Lost};
use tempfile::TempDir;

use crate::support::broker::{Broker, Message, unique};
use crate::support::numbered::{FORMAT, POLICY, line};
use crate::support::{self, Run};

const PIPELINE: &str = r#"
policy = "policy.toml"
keys = "keys"
state = "state-{instance}"

[kafka]
brokers = [{brokers}]
group = "{group}"
instance = "{instance}"
lanes = {lanes}
{kafka}

[source.log]
kind = "kafka"
topics = ["{raw}"]
format = {format}
class = "web"
max_lateness = "{lateness}"
{source}

[sink.clean]
kind = "kafka"
topic = "{clean}"
replication = 1
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
{sink}
"#;

/// Short of what the class allows, whatever is late and whenever a segment is rolled.
const RAW: &[(&str, &str)] = &[("retention.ms", "86400000"), ("segment.ms", "3600000")];
pub const CLEAN: &[(&str, &str)] =
    &[("retention.ms", "43200000"), ("segment.ms", "3600000"), ("message.timestamp.type", "LogAppendTime")];

/// Settings, of which some are otherwise.
fn with<'s>(settings: &[(&'s str, &'s str)], otherwise: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
    let stays = settings.iter().filter(|(name, _)| otherwise.iter().all(|(other, _)| other != name));
    stays.chain(otherwise).copied().collect()
}

/// Members that are killed or frozen are given up after two seconds.
pub const QUICK: &str = r#"options = { "session.timeout.ms" = "2000", "heartbeat.interval.ms" = "300" }"#;

/// A number that the environment gives, for long forms.
pub fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// What a test wants otherwise: lines that are put in.
pub struct Shape<'a> {
    pub partitions: i32,
    pub lanes: usize,
    pub policy: &'a str,
    pub lateness: &'a str,
    pub format: &'a str,
    pub kafka: &'a str,
    pub source: &'a str,
    pub sink: &'a str,
    pub raw: &'a [(&'a str, &'a str)],
    pub clean: &'a [(&'a str, &'a str)],
}

impl Default for Shape<'_> {
    fn default() -> Self {
        Self {
            partitions: 4,
            lanes: 1,
            policy: POLICY,
            lateness: "1h",
            format: "",
            kafka: QUICK,
            source: "",
            sink: "",
            raw: &[],
            clean: &[],
        }
    }
}

/// A folder with a policy and a keyring, and two topics.
pub struct Ground<'b> {
    pub broker: &'b Broker,
    folder: TempDir,
    pub raw: String,
    pub clean: String,
    pub group: String,
    pub partitions: i32,
    pipeline: String,
}

impl<'b> Ground<'b> {
    pub fn new(broker: &'b Broker, shape: &Shape<'_>) -> Self {
        let (raw, clean, group) = (unique("raw"), unique("clean"), unique("group"));
        broker.create_topic(&raw, shape.partitions, &with(RAW, shape.raw));
        broker.create_topic(&clean, shape.partitions, &with(CLEAN, shape.clean));
        let own = format!("{{ nginx = '{FORMAT}' }}");
        let format = if shape.format.is_empty() { &own } else { shape.format };
        let pipeline = [
            ("{group}", group.as_str()),
            ("{lateness}", shape.lateness),
            ("{lanes}", &shape.lanes.to_string()),
            ("{raw}", &raw),
            ("{clean}", &clean),
            ("{format}", format),
            ("{kafka}", shape.kafka),
            ("{source}", shape.source),
            ("{sink}", shape.sink),
        ]
        .iter()
        .fold(PIPELINE.to_owned(), |text, (name, value)| text.replace(name, value));
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("policy.toml"), shape.policy).unwrap();
        let ground = Self { broker, folder, raw, clean, group, partitions: shape.partitions, pipeline };
        let keys = ground.path("keys");
        let keys = keys.to_str().unwrap();
        support::sluis(&["keys", "init", "--keys", keys, "--domain", "web", "--retention", "14d"], b"")
            .expect_code(0);
        ground
    }

    /// The pipeline with something else in it.
    #[track_caller]
    pub fn instead(mut self, this: &str, that: &str) -> Self {
        assert!(self.pipeline.contains(this), "{this} in\n{}", self.pipeline);
        self.pipeline = self.pipeline.replace(this, that);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts an instance of this name. One that was killed may have the name again.
    pub fn start(&self, name: &str) -> Instance {
        self.start_at(name, self.broker.brokers())
    }

    /// The same, with a way to the brokers of its own.
    pub fn start_at(&self, name: &str, brokers: &str) -> Instance {
        self.start_dressed(name, brokers, |_| ())
    }

    /// The same in an environment of its own.
    pub fn start_as(&self, name: &str, dress: impl Fn(&mut Command)) -> Instance {
        self.start_dressed(name, self.broker.brokers(), dress)
    }

    /// One that reads to the end of the topics, and its end.
    pub fn run_once(&self, name: &str) -> Run {
        self.start_dressed(name, self.broker.brokers(), |command| {
            command.arg("--once");
        })
        .wait()
    }

    /// `sluis check --live` of the pipeline.
    pub fn check_live(&self, dress: impl Fn(&mut Command)) -> Run {
        let mut command = support::program();
        command.arg("check").arg(self.file("check", self.broker.brokers())).arg("--live");
        dress(&mut command);
        support::finish(support::spawn(&mut command), b"", 1 << 20)
    }

    /// Writes the pipeline of an instance.
    fn file(&self, name: &str, brokers: &str) -> PathBuf {
        let brokers: Vec<String> = brokers.split(',').map(|broker| format!("\"{broker}\"")).collect();
        let text = self.pipeline.replace("{instance}", name).replace("{brokers}", &brokers.join(", "));
        let file = self.path(&format!("{name}.toml"));
        fs::write(&file, text).unwrap();
        file
    }

    fn start_dressed(&self, name: &str, brokers: &str, dress: impl Fn(&mut Command)) -> Instance {
        let file = self.file(name, brokers);
        let log = self.path(&format!("{name}.log"));
        let said = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = support::program();
        command.arg("run").arg(file).arg("--stats=json");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        dress(&mut command);
        Instance { child: command.spawn().expect("the program starts"), log, name: name.to_owned() }
    }

    /// The numbers that came out, in the order of the output, partition by partition.
    pub fn numbers(&self) -> BTreeMap<i32, Vec<u64>> {
        let mut numbers: BTreeMap<i32, Vec<u64>> = BTreeMap::new();
        for message in self.broker.read_committed(&self.clean) {
            let number = number(message.value.as_deref().unwrap_or_default());
            numbers.entry(message.partition).or_default().push(number.expect("a number"));
        }
        numbers
    }

    /// The numbers that were fed, in the order in which the broker has them.
    fn raw_numbers(&self) -> BTreeMap<i32, Vec<u64>> {
        let mut numbers: BTreeMap<i32, Vec<u64>> = BTreeMap::new();
        for message in self.broker.read_committed(&self.raw) {
            let text = String::from_utf8(message.value.unwrap_or_default()).expect("a line");
            let number = text.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("a number");
            numbers.entry(message.partition).or_default().push(number);
        }
        numbers
    }

    /// Numbers up to `last` are each there exactly once, and in the order of their input partition.
    #[track_caller]
    pub fn expect_once(&self, last: u64) {
        let numbers = self.numbers();
        for (partition, found) in &numbers {
            let Some(at) = found.windows(2).position(|pair| pair[0] >= pair[1]) else { continue };
            // A feeder whose broker froze may have written out of order: ours is to keep the order of what is there.
            let raw = &self.raw_numbers()[partition];
            let is_of_input = found == raw;
            let places = (&found[at..at + 2], raw.windows(2).position(|pair| pair[0] >= pair[1]));
            assert!(is_of_input, "out of order in partition {partition}: {places:?}, {} raw", raw.len());
            eprintln!("partition {partition} was fed out of order, and came out as it was fed: {places:?}");
        }
        let (lost, doubled) = self.judge(&numbers, last);
        assert_eq!((lost.len(), doubled), (0, 0), "lost {:?} …, and doubled", &lost[..lost.len().min(5)]);
    }

    /// Which numbers are lost, and how many came more than once; each is in the partition that it was fed to.
    pub fn judge(&self, numbers: &BTreeMap<i32, Vec<u64>>, last: u64) -> (Vec<u64>, usize) {
        let mut count = vec![0_u32; last as usize + 1];
        for (partition, found) in numbers {
            for number in found {
                let place = number % u64::from(self.partitions.unsigned_abs());
                assert_eq!(place, u64::from(partition.unsigned_abs()), "{number} is in another partition");
                count[*number as usize] += 1;
            }
        }
        let lost = (1..=last).filter(|number| count[*number as usize] == 0).collect();
        (lost, count.iter().map(|count| count.saturating_sub(1) as usize).sum())
    }
}

/// The number of a record.
pub fn number(record: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(record).ok()?;
    let rest = text.split_once("\"http.response.body.size\":")?.1;
    rest.split([',', '}']).next()?.parse().ok()
}

/// A running program.
pub struct Instance {
    child: Child,
    log: PathBuf,
    pub name: String,
}

impl Instance {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn kill(mut self) {
        assert!(self.is_running(), "{} had ended: {}", self.name, self.said());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its end, which it comes to by itself.
    pub fn ended(mut self) -> Run {
        let code = support::wait(&mut self.child);
        Run { code, out: Vec::new(), err: self.said().into_bytes() }
    }

    /// SIGTERM, and its end.
    pub fn stop(mut self) -> Run {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        while self.is_running() {
            let said = || self.said();
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "{} did not end in time:\n{}",
                self.name,
                said()
            );
            thread::sleep(Duration::from_millis(5));
        }
        self.wait()
    }

    /// Its end.
    pub fn wait(mut self) -> Run {
        let code = support::wait(&mut self.child);
        Run { code, out: Vec::new(), err: self.said().into_bytes() }
    }

    /// What it and those of its name before said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Memory now, in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }

    /// Processor time so far, in milliseconds.
    pub fn cpu_millis(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name").1.split(' ').collect();
        // User and system time, in hundredths of a second.
        (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that stays while brokers are broken: what it has lost it finds again, as ours do.
#[derive(Default)]
pub struct Lasting(Lost);

impl ClientContext for Lasting {
    fn stats_raw(&self, statistics: &[u8]) {
        self.0.hear(statistics);
    }
}

impl ConsumerContext for Lasting {}

impl ProducerContext for Lasting {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Feeds numbered lines at a steady rate, number n to partition n modulo their count, whatever becomes of the brokers.
pub struct Feeder {
    stop: Arc<AtomicBool>,
    fed: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Feeder {
    pub fn start(ground: &Ground<'_>, per_second: u64, most: u64) -> Self {
        let mut config = ground.broker.config();
        config.set("enable.idempotence", "true").set("linger.ms", "5").set("retry.backoff.max.ms", "200");
        // However long brokers are away.
        config.set("message.timeout.ms", "0");
        lost::look(&mut config);
        let brokers = lost::brokers(&config);
        let producer: BaseProducer<Lasting> =
            config.create_with_context(Lasting::default()).expect("a producer");
        let (topic, partitions) = (ground.raw.clone(), u64::from(ground.partitions.unsigned_abs()));
        let (stop, fed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&fed));
        let thread = thread::spawn(move || {
            let begun = Instant::now();
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) && number < most {
                let due = (begun.elapsed().as_millis() as u64 * per_second / 1000).min(most);
                while number < due {
                    number += 1;
                    let text = line(number);
                    let record = BaseRecord::<[u8], [u8]>::to(&topic).payload(text.trim_end().as_bytes());
                    let mut record = record.partition((number % partitions) as i32);
                    while let Err((_, back)) = producer.send(record) {
                        producer.poll(Duration::from_millis(20));
                        record = back;
                    }
                    count.store(number, Ordering::Relaxed);
                }
                producer.poll(Duration::from_millis(10));
                producer.context().0.find_again(producer.client(), &brokers);
            }
            producer.flush(Duration::from_mins(2)).expect("all is acknowledged");
        });
        Self { stop, fed, thread }
    }

    pub fn fed(&self) -> u64 {
        self.fed.load(Ordering::Relaxed)
    }

    /// Stops, and returns the last number, once the broker has all.
    pub fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.finish()
    }

    /// The same, once the most has been fed.
    pub fn finish(self) -> u64 {
        self.thread.join().unwrap();
        self.fed.load(Ordering::Relaxed)
    }
}

/// A reader of what is committed in the output, from its beginning.
pub fn clean_reader(ground: &Ground<'_>) -> BaseConsumer<Lasting> {
    let mut config = ground.broker.config();
    config.set("group.id", "tests-watch").set("isolation.level", "read_committed");
    config.set("enable.auto.commit", "false").set("fetch.wait.max.ms", "50");
    lost::look(&mut config);
    let consumer: BaseConsumer<Lasting> = config.create_with_context(Lasting::default()).expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..ground.partitions {
        list.add_partition_offset(&ground.clean, partition, Offset::Beginning).expect("valid");
    }
    consumer.assign(&list).expect("partitions are assigned");
    consumer
}

/// Reads what is committed as it comes.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    seen: Arc<Vec<AtomicU64>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub fn start(ground: &Ground<'_>) -> Self {
        let (consumer, brokers) = (clean_reader(ground), ground.broker.brokers().to_owned());
        let seen: Vec<AtomicU64> = (0..ground.partitions).map(|_| AtomicU64::new(0)).collect();
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(seen));
        let (stopped, noted) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // Of a node that is away; the client tries again.
                let polled = consumer.poll(Duration::from_millis(50));
                consumer.context().0.find_again(consumer.client(), &brokers);
                let Some(Ok(message)) = polled else { continue };
                let number = number(message.payload().unwrap_or_default()).unwrap_or(0);
                noted[message.partition().unsigned_abs() as usize].fetch_max(number, Ordering::Relaxed);
            }
        });
        Self { stop, seen, thread: Some(thread) }
    }

    /// Whether in every partition something after `number` has come out.
    pub fn is_past(&self, number: u64) -> bool {
        self.seen.iter().all(|seen| seen.load(Ordering::Relaxed) > number)
    }

    /// The same as [`Self::wait_past`] in a `time` that passes in any case; `None`: not within it.
    pub fn past_within(&self, time: Duration, number: u64, since: Instant) -> Option<Duration> {
        let mut took = None;
        while since.elapsed() < time {
            took = took.or_else(|| self.is_past(number).then(|| since.elapsed()));
            thread::sleep(Duration::from_millis(5));
        }
        took
    }

    /// How long it takes from `since` until something after `number` has come out in every partition.
    #[track_caller]
    pub fn wait_past(&self, number: u64, since: Instant, instances: &[&Instance]) -> Duration {
        while !self.is_past(number) {
            if since.elapsed() > Duration::from_mins(2) {
                for instance in instances {
                    eprintln!("{} said:\n{}", instance.name, instance.said());
                }
                panic!("past {number} nothing came out for two minutes: {:?}", self.seen);
            }
            thread::sleep(Duration::from_millis(5));
        }
        since.elapsed()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Waits until so many messages are committed in the output, and returns them.
#[track_caller]
pub fn wait_for(ground: &Ground<'_>, count: usize, instance: &Instance) -> Vec<Message> {
    let begun = Instant::now();
    loop {
        let found = ground.broker.read_now(&ground.clean);
        if found.len() >= count {
            return found;
        }
        let said = || instance.said();
        assert!(begun.elapsed() < Duration::from_mins(1), "{} of {count} came out: {}", found.len(), said());
        thread::sleep(Duration::from_millis(100));
    }
}
