//! Keys and headers that are carried over: treated as the fields that they are, all others gone.

use super::ground::{Ground, Shape, wait_for};
use crate::support::broker::{Broker, Message, Record};
use crate::support::numbered::line;

const CARRIED: &str = "key = \"client.address\"\nheaders = { \"x-peer\" = \"client.address\", \"x-said\" = \"message\", \"x-size\" = \
                       \"http.response.body.size\" }";

fn shape() -> Shape<'static> {
    Shape { partitions: 2, source: CARRIED, ..Shape::default() }
}

/// The value of a column of a record of NDJSON.
fn column<'m>(message: &'m Message, name: &str) -> &'m str {
    let text = message.text();
    let rest = text.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name} in {text}")).1;
    rest.split('"').next().unwrap()
}

/// The values of headers that are not our own, in their order.
fn beside(message: &Message) -> Vec<(&str, &str)> {
    let (own, rest) = message.headers.split_at(1);
    assert_eq!(own[0].0, "sluis");
    rest.iter().map(|(name, value)| (name.as_str(), std::str::from_utf8(value).expect("text"))).collect()
}

/// A line of this client.
fn of(client: &str, number: u64) -> String {
    let line = line(number);
    let (_, rest) = line.trim_end().split_once(' ').unwrap();
    format!("{client} {rest}")
}

#[test]
fn pi_6_an_address_beside_a_line_has_the_pseudonym_that_it_has_in_the_line() {
    let ground = Ground::new(Broker::shared(), &shape());
    let client = "203.0.113.77";
    let messages = [
        Record::to(1, of(client, 1))
            .key(client)
            .header("x-peer", "::ffff:203.0.113.77")
            .header("x-other", client),
        // Two lines, which stay one message with one key.
        Record::to(1, format!("{}\n{}", of(client, 2), of("203.0.113.78", 3))).key("203.0.113.78"),
        Record::to(0, of(client, 4)).header("x-said", format!("asked by {client}")).header("x-size", "17"),
        Record::to(0, of(client, 5)),
    ];
    ground.broker.produce(&ground.raw, &messages);
    let instance = ground.start("one");
    let out = wait_for(&ground, messages.len(), &instance);
    let run = instance.stop();
    run.expect_code(0);
    let numbered = |number: u64| {
        let of_number =
            |message: &&Message| message.text().contains(&format!("\"http.response.body.size\":{number},"));
        out.iter().find(of_number).unwrap_or_else(|| panic!("{number} came out"))
    };
    let (first, second, third, last) = (numbered(1), numbered(2), numbered(4), numbered(5));
    let token = column(first, "client.address");
    assert_eq!((token.len(), first.partition, second.partition), (22, 1, 1), "of its input");
    assert_eq!(first.key.as_deref(), Some(token.as_bytes()));
    assert_eq!(beside(first), [("x-peer", token)], "one spelling, and what is not named is gone");
    let other = second.text().lines().nth(1).expect("two lines");
    let key = String::from_utf8(second.key.clone().expect("a key")).unwrap();
    assert!(other.contains(&key) && key != token, "{other}: {key}");
    let said = format!("asked by {token}");
    assert_eq!((&third.key, beside(third)), (&None, vec![("x-said", said.as_str()), ("x-size", "17")]));
    assert_eq!((&last.key, beside(last)), (&None, vec![]));
}

#[test]
fn what_cannot_be_treated_is_left_out_and_counted_and_its_records_go_on() {
    let ground = Ground::new(Broker::shared(), &Shape { partitions: 1, ..shape() });
    let good = |number: u64| line(number).trim_end().to_owned();
    let many = (0..2_000).fold(Record::to(0, good(4)), |record, _| record.header("x-said", "again"));
    let messages = [
        Record::to(0, good(1))
            .key([0xff, 0xfe, 0])
            .header("x-said", [0xc3, 0x28])
            .header("x-size", "1\u{1}2"),
        // Longer than anything that names something; the topic takes no more in one message.
        Record::to(0, good(2)).key(vec![b'k'; 400 << 10]).header("x-said", vec![b' '; 500 << 10]),
        // Of several the last counts, and an empty one is one.
        Record::to(0, good(3))
            .header("x-size", "1")
            .header("x-said", "203.0.113.9")
            .header("x-size", "2")
            .key(""),
        many,
        Record::to(0, good(5)).header("sluis", "policy=forged").header("x-size", "no number of 203.0.113.9"),
        // No record, and so nothing that could go with it.
        Record::to(0, "this is no line of that log").key("203.0.113.9"),
        Record::tombstone(0).key("203.0.113.9").header("x-said", "203.0.113.9"),
        Record::to(0, good(6)),
    ];
    ground.broker.produce(&ground.raw, &messages);
    let instance = ground.start("one");
    let out = wait_for(&ground, 6, &instance);
    let run = instance.stop();
    run.expect_code(0);
    let stats = run.stats();
    assert_eq!((stats.taken, stats.out, stats.quarantined), (8, 6, 2), "{stats:?}");
    let said = String::from_utf8_lossy(&run.err).into_owned();
    assert!(said.contains("\"keys_and_headers_not_carried\":5"), "{said}");
    let keys: Vec<bool> = out.iter().map(|message| message.key.is_some()).collect();
    assert_eq!(keys, [false, false, true, false, false, false]);
    assert_eq!(beside(&out[0]), []);
    assert_eq!(beside(&out[1]), []);
    let third = beside(&out[2]);
    assert_eq!((third[0].0, third[0].1.len(), third[1]), ("x-said", 22, ("x-size", "2")));
    assert_eq!(beside(&out[3]), [("x-said", "again")]);
    let fifth = beside(&out[4]);
    assert!(
        fifth[0].0 == "x-size" && fifth[0].1.starts_with("no number of ") && fifth.len() == 1,
        "{fifth:?}"
    );
    for message in &out {
        let whole = format!("{message:?}");
        assert!(!whole.contains("203.0.113.9") && !whole.contains("forged"), "{whole}");
    }
    assert_eq!(beside(&out[5]), []);
}
