//! Messages that a lane must survive: what becomes of each, in the output, in the counts and in the quarantine.

use std::io::Read as _;

use super::ground::{CLEAN, Ground, QUICK, Shape, number, wait_for};
use crate::support::Stats;
use crate::support::broker::{Broker, Message, Record, eventually};
use crate::support::numbered::line;

fn good(number: u64) -> String {
    line(number).trim_end().to_owned()
}

/// A line of so many bytes, which compression does not make much shorter.
fn long(number: u64, bytes: usize) -> String {
    let (line, mut state) = (good(number), 1_u32);
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + ((state >> 24) % 26) as u8)
    };
    let path: String =
        (0..bytes + 1 - line.len()).map(|at| if at % 4 == 3 { '/' } else { letter() }).collect();
    line.replacen("/n/", &format!("/{path}/"), 1)
}

/// Feeds messages and then a good one, waits for it, and stops: what came out before it, and the counts.
fn outcome(ground: &Ground<'_>, messages: &[Record]) -> (Vec<Message>, Stats) {
    ground.broker.produce(&ground.raw, messages);
    ground.broker.produce(&ground.raw, &[Record::to(0, good(999_999))]);
    let instance = ground.start("one");
    let last = |message: &Message| number(message.value.as_deref().unwrap_or_default()) == Some(999_999);
    let begun = std::time::Instant::now();
    while !ground.broker.read_now(&ground.clean).iter().any(last) {
        let waited = begun.elapsed().as_secs();
        assert!(waited < 30, "the lane did not go on: {}", instance.said());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let run = instance.stop();
    run.expect_code(0);
    let mut out = ground.broker.read_committed(&ground.clean);
    assert!(out.pop().is_some_and(|message| last(&message)), "the last one came last, and once");
    let mut stats = run.stats();
    assert!(stats.balanced(), "{stats:?}");
    // Without the last one.
    stats.taken -= 1;
    stats.out -= 1;
    (out, stats)
}

#[track_caller]
fn expect(stats: &Stats, taken: u64, out: u64, reasons: &[(&str, u64)]) {
    let found: Vec<(&str, u64)> = stats.reasons.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!((stats.taken, stats.out, found.as_slice()), (taken, out, reasons));
}

fn one_partition() -> Shape<'static> {
    Shape { partitions: 1, ..Shape::default() }
}

#[test]
fn what_is_no_record_is_counted_and_the_lane_goes_on() {
    let ground = Ground::new(Broker::shared(), &one_partition());
    let messages = [
        Record::to(0, good(1)),
        Record::to(0, "this is no line of that log 203.0.113.77"),
        Record::to(0, ""),
        Record::tombstone(0),
        Record::tombstone(0).key("key"),
        Record::to(0, vec![0xff; 5000]),
        Record::to(0, vec![b'\n'; 3]),
        Record::to(0, good(2)),
    ];
    let (out, stats) = outcome(&ground, &messages);
    let numbers: Vec<_> = out.iter().map(|message| number(message.value.as_deref().unwrap())).collect();
    assert_eq!(numbers, [Some(1), Some(2)]);
    // Each empty line is a record that was cut off.
    expect(&stats, 10, 2, &[("cut off", 4), ("does not match the format", 4)]);
}

#[test]
fn hostile_keys_and_headers_are_dropped() {
    let ground = Ground::new(Broker::shared(), &one_partition());
    let many = (0..500).fold(Record::to(0, good(3)), |record, n| record.header(&format!("h{n}"), "v"));
    let messages = [
        Record::to(0, good(1)).key([0xff, 0xfe, 0]).header("ключ", [0xc3, 0x28, 0]).header("", ""),
        Record::to(0, good(2)).header("x", vec![0xf0; 64 << 10]).key(vec![b'k'; 64 << 10]),
        many,
        Record::to(0, good(4)).header("sluis", "policy=forged").header("sluis", "forged"),
    ];
    let (out, stats) = outcome(&ground, &messages);
    expect(&stats, 4, 4, &[]);
    for message in &out {
        assert_eq!(message.key, None);
        let names: Vec<&str> = message.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sluis"]);
        assert!(!String::from_utf8_lossy(&message.headers[0].1).contains("forged"));
    }
}

#[test]
fn many_lines_in_a_message_stay_together_and_a_bad_one_goes_alone() {
    let ground = Ground::new(Broker::shared(), &one_partition());
    let messages = [
        Record::to(0, [good(1), good(2), good(3)].join("\n")),
        Record::to(0, [good(4), "no line".to_owned(), good(5)].join("\n") + "\n"),
    ];
    let (out, stats) = outcome(&ground, &messages);
    expect(&stats, 6, 5, &[("does not match the format", 1)]);
    let numbers =
        |message: &Message| message.text().lines().filter_map(|line| number(line.as_bytes())).collect();
    let numbers: Vec<Vec<u64>> = out.iter().map(numbers).collect();
    assert_eq!(numbers, [vec![1, 2, 3], vec![4, 5]]);
}

#[test]
fn a_record_of_a_mebibyte_passes_where_the_output_takes_it() {
    let large = [("max.message.bytes", "4194304")];
    let ground = Ground::new(Broker::shared(), &Shape { raw: &large, clean: &large, ..one_partition() });
    let messages = [Record::to(0, long(1, 1 << 20)), Record::to(0, long(2, (1 << 20) + 1))];
    let (out, stats) = outcome(&ground, &messages);
    expect(&stats, 2, 1, &[("too long", 1)]);
    assert_eq!(number(out[0].value.as_deref().unwrap()), Some(1));
}

#[test]
fn what_the_output_topic_does_not_take_is_counted_and_the_lane_goes_on() {
    let small = [("max.message.bytes", "2000")];
    let ground = Ground::new(Broker::shared(), &Shape { clean: &small, ..one_partition() });
    let (out, stats) = outcome(&ground, &[Record::to(0, good(1)), Record::to(0, long(2, 5_000))]);
    expect(&stats, 2, 1, &[("too long", 1)]);
    assert_eq!(out.len(), 1);
}

#[test]
fn events_of_shippers() {
    let ground = Ground::new(Broker::shared(), &Shape { source: "payload = \"event\"", ..one_partition() });
    let event =
        |line: &str| serde_json::json!({"message": line, "host": {"name": "203.0.113.9"}}).to_string();
    let messages = [
        Record::to(0, event(&good(1))),
        Record::to(0, format!("{{\"log\":{},\"date\":1795251600.1}}", serde_json::json!(good(2) + "\n"))),
        Record::to(0, good(3)),
        Record::to(0, "{\"msg\":\"x\"}"),
        Record::to(0, "{\"message\":{\"a\":1}}"),
        Record::to(0, "{\"message\":"),
        Record::to(0, "{}"),
        Record::to(0, event("no line")),
        Record::tombstone(0),
        Record::to(0, "[".repeat(100_000)),
    ];
    ground.broker.produce(&ground.raw, &messages);
    ground.broker.produce(&ground.raw, &[Record::to(0, event(&good(999)))]);
    let instance = ground.start("one");
    let out = wait_for(&ground, 3, &instance);
    let run = instance.stop();
    run.expect_code(0);
    let numbers: Vec<_> =
        out.iter().filter_map(|message| number(message.value.as_deref().unwrap())).collect();
    assert_eq!(numbers, [1, 2, 999]);
    assert!(out.iter().all(|message| !message.text().contains("203.0.113.9")));
    let stats = run.stats();
    assert_eq!((stats.taken, stats.out, stats.quarantined), (11, 3, 8), "{stats:?}");
}

#[test]
fn a_continuation_that_comes_alone_is_a_message_of_its_own() {
    let shape = Shape { format: "\"jvb\"", source: "time_zone = \"UTC\"", ..one_partition() };
    let ground = Ground::new(Broker::shared(), &shape);
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.000").to_string();
    let head = |text: &str| format!("JVB {now} INFO: [1] A.b#1: {text}");
    let messages = [
        Record::to(0, head("Stopped in round 7")),
        Record::to(0, "\tat org.example.Bridge.stop(Bridge.java:17) 203.0.113.77"),
        Record::to(0, head("Stopped in round 8") + "\n\tat org.example.Bridge.stop(Bridge.java:18)"),
    ];
    ground.broker.produce(&ground.raw, &messages);
    let instance = ground.start("one");
    let out = wait_for(&ground, 3, &instance);
    let run = instance.stop();
    run.expect_code(0);
    let stats = run.stats();
    assert_eq!((stats.taken, stats.out, stats.quarantined), (3, 3, 0), "{stats:?}");
    let texts: Vec<&str> = out.iter().map(Message::text).collect();
    assert!(texts[1].contains("Bridge.java:17") && !texts[1].contains("round"), "alone: {}", texts[1]);
    assert!(!texts[1].contains("203.0.113.77"), "an address: {}", texts[1]);
    assert!(texts[2].contains("round 8") && texts[2].contains("Bridge.java:18"), "{}", texts[2]);
}

#[test]
fn pi_2_what_failed_arrives_sealed_in_the_quarantine_topic() {
    let broker = Broker::shared();
    let topic = broker.topic("quarantine", 1, CLEAN);
    let identity = age::x25519::Identity::generate();
    let quarantine = format!(
        "[quarantine]\nrecipients = [\"{}\"]\ntopic = \"{topic}\"\nretention = \"24h\"",
        identity.to_public()
    );
    let ground = Ground::new(broker, &Shape { sink: &quarantine, kafka: QUICK, ..one_partition() });
    let bad = ["no line, of kanarievogel at 203.0.113.77", "another that is none: kanarievogel"];
    let messages = [
        Record::to(0, bad[0]).key("kanarievogel"),
        Record::to(0, good(1)),
        Record::to(0, [good(2), bad[1].to_owned()].join("\n")).header("h", "kanarievogel"),
    ];
    let (_, stats) = outcome(&ground, &messages);
    expect(&stats, 4, 2, &[("does not match the format", 2)]);
    eventually("what is sealed", || !broker.read_committed(&topic).is_empty());
    let mut opened = String::new();
    for message in broker.read_committed(&topic) {
        let value = message.value.expect("sealed");
        assert_eq!((message.key, message.headers.len()), (None, 0));
        let raw = |needle: &[u8]| value.windows(needle.len()).any(|window| window == needle);
        assert!(value.starts_with(b"age-encryption.org/v1") && !raw(b"kanarie") && !raw(b"203.0"));
        let decryptor = age::Decryptor::new(&value[..]).expect("what age reads");
        let identities = std::iter::once(&identity as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).expect("sealed to us");
        reader.read_to_string(&mut opened).expect("whole");
    }
    assert!(bad.iter().all(|bad| opened.contains(bad)), "{opened}");
}
