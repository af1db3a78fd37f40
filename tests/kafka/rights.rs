//! TLS and a password, with the rights that the README lists and no other; each that lacks is named.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::ground::{Ground, QUICK, Shape, wait_for};
use crate::support::broker::{Broker, Record};
use crate::support::numbered::{line, within};

/// What a right is on: Kafka's own numbers.
#[derive(Clone, Copy)]
enum On {
    Topic = 2,
    Group = 3,
    TransactionalId = 5,
}

/// A right: Kafka's own numbers.
#[derive(Clone, Copy)]
enum Right {
    Read = 3,
    Write = 4,
    Describe = 8,
    DescribeConfigs = 10,
}

/// A right on something, by its name or by what its name begins with.
type Needed<'a> = (On, &'a str, bool, Right);

/// Allows the user without rights something, on a name or all that begin with it. The admin client has no call for it: Kafka's request
/// `CreateAcls` (version 1), written out.
fn allow(broker: &Broker, on: On, name: &str, is_prefix: bool, right: Right) {
    fn put(body: &mut Vec<u8>, text: &str) {
        body.extend(i16::try_from(text.len()).expect("short").to_be_bytes());
        body.extend(text.bytes());
    }
    let mut body = Vec::new();
    // Key, version, number of the request; then one entry.
    body.extend(30_i16.to_be_bytes());
    body.extend(1_i16.to_be_bytes());
    body.extend(7_i32.to_be_bytes());
    put(&mut body, "tests");
    body.extend(1_i32.to_be_bytes());
    body.push(on as u8);
    put(&mut body, name);
    body.push(if is_prefix { 4 } else { 3 });
    put(&mut body, &format!("User:{}", broker.secure().user.0));
    put(&mut body, "*");
    body.push(right as u8);
    body.push(3);
    let mut stream = TcpStream::connect(broker.brokers()).expect("the broker is there");
    stream.write_all(&i32::try_from(body.len()).expect("short").to_be_bytes()).expect("sent");
    stream.write_all(&body).expect("sent");
    let mut answer = [0; 18];
    stream.read_exact(&mut answer).expect("an answer");
    // Length, number, time to wait, one entry, its error.
    assert_eq!(answer[16..18], [0, 0], "the right is not given");
}

fn secured(broker: &Broker) -> String {
    let secure = broker.secure();
    format!(
        "tls = {{ ca = \"{}\" }}\nsasl = {{ mechanism = \"SCRAM-SHA-512\", user = \"{}\", password = {{ file = \"password\" }} }}",
        secure.ca.display(),
        secure.user.0
    ) + "\n"
        + QUICK
}

#[test]
fn least_rights_suffice_and_each_that_lacks_is_named() {
    let broker = Broker::start(1, &["--secure"]);
    let kafka = secured(&broker);
    let ground = Ground::new(&broker, &Shape { partitions: 1, kafka: &kafka, ..Shape::default() });
    fs::write(ground.path("password"), format!("{}\n", broker.secure().user.1)).unwrap();
    broker.produce(&ground.raw, &[Record::to(0, line(1).trim_end())]);
    let (raw, clean, group) = (ground.raw.as_str(), ground.clean.as_str(), ground.group.as_str());
    let topics = |right| [(On::Topic, raw, false, right), (On::Topic, clean, false, right)];
    let ids = |right| (On::TransactionalId, group, true, right);
    // In the order in which they are needed; what it says while it lacks each.
    let steps: [(&[Needed<'_>], &str); 6] = [
        (&topics(Right::Describe), "seeing it takes the right Describe on it"),
        (&topics(Right::DescribeConfigs), "DescribeConfigs"),
        (&[ids(Right::Write), ids(Right::Describe)], "WRITE and DESCRIBE on its transactional ids"),
        (&[(On::Group, group, false, Right::Read)], "READ on the consumer group"),
        (&[(On::Topic, raw, false, Right::Read)], "READ and DESCRIBE on inputs"),
        (&[(On::Topic, clean, false, Right::Write)], "WRITE and DESCRIBE on outputs"),
    ];
    for (number, (rights, words)) in steps.iter().enumerate() {
        let instance = ground.start_at(&format!("lacks-{number}"), &broker.secure().brokers);
        let named = within(25, || instance.said().contains(words));
        assert!(named, "without right {number} nothing speaks of {words}: {}", instance.said());
        assert!(!instance.said().contains(&broker.secure().user.1), "a password was printed");
        // A lane is started again every other second; what it lacks is said a few times a minute.
        let lines = instance.said().lines().filter(|line| line.contains(words)).count();
        assert!(lines <= 5, "{lines} lines: {}", instance.said());
        drop(instance);
        for (on, name, is_prefix, right) in *rights {
            allow(&broker, *on, name, *is_prefix, *right);
        }
        thread::sleep(Duration::from_millis(300));
    }
    let instance = ground.start_at("one", &broker.secure().brokers);
    let out = wait_for(&ground, 1, &instance);
    assert_eq!(out.len(), 1);
    thread::sleep(Duration::from_secs(3));
    let run = instance.stop();
    run.expect_code(0);
    assert!(!run.err_text().contains("uthoriz"), "{}", run.err_text());
}

#[test]
fn a_wrong_password_is_named_and_not_printed() {
    let broker = Broker::start(1, &["--secure"]);
    let kafka = secured(&broker);
    let ground = Ground::new(&broker, &Shape { partitions: 1, kafka: &kafka, ..Shape::default() });
    fs::write(ground.path("password"), "wrong-but-secret\n").unwrap();
    let instance = ground.start_at("one", &broker.secure().brokers);
    let run = instance.ended();
    run.expect_code(4);
    let said = run.err_text();
    let named = said.contains("authentication failed") && said.contains("'mechanism' of 'sasl' in [kafka]");
    assert!(named && !said.contains("wrong-but-secret"), "{said}");
}
