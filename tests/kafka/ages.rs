//! PI-4 on a live cluster with short times: no record can be read longer than its class allows, under load and when nothing comes.
//!
//! *In*: records that happened up to the source's lateness ago, a pipeline that takes from its output what is due (`DeleteRecords`), and a
//! second topic with the same settings, which only its own limits keep short. *Out*: the age of the oldest record that can be read, asked
//! again and again. *Promised*: an age counts from when a record happened, for the output of the pipeline; from its arrival for the other
//! topic, which is compared with what was computed.
//!
//! `SLUIS_KAFKA_AGES` is for how many seconds there is load, and then for as many none (the long form: five minutes each).

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord};
use sluis::kafka::limits::{Arrival, Broker as Interval, Limits, WorstAge, choose};

use super::ground::{Ground, QUICK, Shape, number, number_of};
use crate::support::broker::{Broker, unique};

/// A class of half a minute; another one of its domain lives as long as an epoch lasts.
const POLICY: &str = r#"
[policy]
name = "short"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[domain.web]

[class.web]
domain = "web"
retention = "32s"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.other]
domain = "web"
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"http.response.body.size" = "keep"
"#;

const CLASS: Duration = Duration::from_secs(32);
const LATENESS_SECONDS: u64 = 3;
const PARTITIONS: i32 = 2;
const PER_SECOND: u64 = 100;

/// Raw lines go sooner.
const RAW: &[(&str, &str)] = &[
    ("message.timestamp.type", "LogAppendTime"),
    ("retention.ms", "10000"),
    ("segment.ms", "5000"),
    ("file.delete.delay.ms", "1000"),
];

/// When records happened: the number of a record is its place.
type Happened = Vec<Instant>;

/// A topic as it is seen from outside.
struct Seen {
    topic: String,
    reader: BaseConsumer,
    /// By partition: offsets, and the numbers of the records there.
    numbers: BTreeMap<i32, BTreeMap<i64, u64>>,
    worst: Duration,
    /// Records that could be read at the last look.
    left: usize,
}

impl Seen {
    fn new(broker: &Broker, topic: &str) -> Self {
        let mut config = broker.config();
        config.set("group.id", "tests-ages").set("isolation.level", "read_committed");
        config.set("enable.auto.commit", "false").set("fetch.wait.max.ms", "50");
        let reader: BaseConsumer = config.create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, PARTITIONS - 1);
        list.set_all_offsets(rdkafka::Offset::Beginning).expect("valid");
        reader.assign(&list).expect("partitions are assigned");
        let (topic, numbers) = (topic.to_owned(), BTreeMap::new());
        Self { topic, reader, numbers, worst: Duration::ZERO, left: 0 }
    }

    /// Reads what has come, and looks how old the oldest is that could still be read.
    fn look(&mut self, happened: &Happened) {
        while let Some(Ok(message)) = self.reader.poll(Duration::ZERO) {
            let number = number(message.payload().expect("no tombstone")).expect("a number");
            self.numbers.entry(message.partition()).or_default().insert(message.offset(), number);
        }
        self.left = 0;
        for (partition, numbers) in &mut self.numbers {
            let asked = self.reader.fetch_watermarks(&self.topic, *partition, Duration::from_secs(10));
            // A busy broker loses touch with itself for a moment; what is old is seen at the next look.
            let Ok((start, _)) = asked else { continue };
            *numbers = numbers.split_off(&start);
            let oldest = numbers.values().filter_map(|number| happened.get(*number as usize)).min();
            self.worst = self.worst.max(oldest.map_or(Duration::ZERO, Instant::elapsed));
            self.left += numbers.len();
        }
    }
}

fn settings(limits: Limits) -> Vec<(&'static str, String)> {
    vec![
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("retention.ms", limits.retention_ms.expect("an end").to_string()),
        ("segment.ms", limits.segment_ms.to_string()),
        ("file.delete.delay.ms", limits.delete_delay_ms.to_string()),
    ]
}

/// A line of a log that happened some seconds ago, as exact as the log says.
fn line(number: u64, seconds_ago: i64) -> (String, Instant) {
    let now = jiff::Timestamp::now();
    let second = now.as_second() - seconds_ago;
    let time = jiff::Timestamp::from_second(second).expect("now").strftime("%Y-%m-%dT%H:%M:%S+00:00");
    let text = format!("192.0.2.{} [{time}] \"GET /n/{number} HTTP/1.1\" 200 {number}", number % 250);
    let ago = Duration::from_nanos(
        u64::try_from(now.as_nanosecond() - i128::from(second) * 1_000_000_000).expect("in the past"),
    );
    (text, Instant::now().checked_sub(ago).expect("the machine has run for longer"))
}

#[test]
fn pi_4_no_record_is_readable_longer_than_its_class() {
    let seconds = number_of("SLUIS_KAFKA_AGES").unwrap_or(25);
    let broker = Broker::shared();
    let arrival =
        Arrival { clock_skew_ms: 1_000, lateness_ms: LATENESS_SECONDS * 1_000, in_flight_ms: 11_000 };
    // As the tests' brokers are set up; the pipeline asks them, and would refuse a topic that is too long.
    let interval = Interval { check_ms: 1_000 };
    let limits = choose(CLASS.as_millis() as u64, arrival, interval).expect("there is room");
    let own = settings(limits);
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let shape = Shape {
        partitions: PARTITIONS,
        policy: POLICY,
        lateness: "3s",
        kafka: QUICK,
        raw: RAW,
        clean: &own,
        ..Shape::default()
    };
    let ground = Ground::new(broker, &shape);
    let alone = unique("alone");
    broker.create_topic(&alone, PARTITIONS, &own);
    let mut instance = ground.start("one");

    let producer: BaseProducer = broker.config().set("linger.ms", "5").create().expect("a producer");
    let send = |topic: &str, number: u64, text: &str| {
        let record = BaseRecord::<[u8], [u8]>::to(topic).payload(text.as_bytes());
        let sent = producer.send(record.partition((number % u64::from(PARTITIONS.unsigned_abs())) as i32));
        sent.map_err(|(error, _)| error).expect("there is room");
    };
    let (mut on, mut off) = (Seen::new(broker, &ground.clean), Seen::new(broker, &alone));
    let (mut happened, mut arrived) = (vec![Instant::now()], vec![Instant::now()]);
    let (begun, load) = (Instant::now(), Duration::from_secs(seconds));
    let mut under_load = None;
    while begun.elapsed() < 2 * load {
        if begun.elapsed() < load {
            let due = begun.elapsed().as_millis() as u64 * PER_SECOND / 1_000;
            for number in happened.len() as u64..=due {
                // A second ago at most, and to the second: what is late is withheld.
                let (text, at) = line(number, (number % 2).cast_signed());
                happened.push(at);
                send(&ground.raw, number, &text);
                arrived.push(Instant::now());
                send(&alone, number, &format!("{{\"http.response.body.size\":{number}}}"));
            }
        } else if under_load.is_none() {
            under_load = Some((on.worst, off.worst));
            (on.worst, off.worst) = (Duration::ZERO, Duration::ZERO);
        }
        assert!(instance.is_running(), "{}", instance.said());
        producer.poll(Duration::ZERO);
        on.look(&happened);
        off.look(&arrived);
        thread::sleep(Duration::from_millis(50));
    }
    let said = instance.stop().expect_code(0).err_text();
    let busy = under_load.expect("there was a time without load");
    let at_arrival = WorstAge { arrival: Arrival::AT_ARRIVAL, broker: interval, limits, limit_ms: u64::MAX };
    let computed = Duration::from_millis(at_arrival.readable_ms().expect("an end"));
    let computed_idle = Duration::from_millis(at_arrival.idle_ms().expect("an end"));
    println!(
        "figures: oldest readable record, DeleteRecords on: {:?} under load, {:?} without, the class allows {CLASS:?}; off, from arrival: \
         {:?} under load, computed {computed:?}; {:?} without, computed {computed_idle:?} and what the last segment holds; {} records",
        busy.0,
        on.worst,
        busy.1,
        off.worst,
        happened.len() - 1,
    );
    assert!(busy.0 <= CLASS && on.worst <= CLASS, "{said}");
    // It was there for some time, and went by the pipeline's hand.
    assert!(busy.0 >= CLASS / 4 && on.worst > Duration::ZERO, "{said}");
    let journal = std::fs::read_to_string(ground.path("state-one").join("journal")).expect("a journal");
    assert!(journal.contains("topic.records_deleted") && journal.contains(&ground.clean), "{journal}");
    // What computes is a clock, what measures a machine that has much else to do.
    let slack = Duration::from_secs(2);
    assert!(busy.1 <= computed + slack && off.worst <= computed + slack, "{busy:?}, {:?}", off.worst);
    assert!(busy.1 >= Duration::from_millis(limits.retention_ms.expect("an end")), "{busy:?}");
    assert_eq!((on.left, off.left), (0, 0), "nothing is left when nothing came for so long");
}
