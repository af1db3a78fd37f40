//! Brokers that are too old. A real one of that age does not run beside today's Java, so a few answers stand in for it: which requests it
//! knows, and which topics it has.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::ground::{Ground, Shape};
use crate::support::broker::Broker;

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;

/// Requests that Kafka 0.10 knows, by number, each with its latest version.
const KNOWN: [(i16, i16); 8] =
    [(0, 2), (1, 2), (2, 0), (METADATA, 1), (8, 2), (9, 1), (10, 0), (API_VERSIONS, 0)];

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    body.extend(text.bytes());
}

fn int(body: &mut Vec<u8>, number: i32) {
    body.extend(number.to_be_bytes());
}

fn short(body: &mut Vec<u8>, number: i16) {
    body.extend(number.to_be_bytes());
}

/// Which requests it knows: version 0 of the answer, with an error when it was asked for in a later one.
fn api_versions(version: i16) -> Vec<u8> {
    let mut body = Vec::new();
    short(&mut body, if version == 0 { 0 } else { 35 });
    int(&mut body, i32::try_from(KNOWN.len()).unwrap());
    for (key, latest) in KNOWN {
        for number in [key, 0, latest] {
            short(&mut body, number);
        }
    }
    body
}

/// Itself, as node 1 and controller, and two topics of one partition.
fn metadata(version: i16, port: u16, topics: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    int(&mut body, 1);
    int(&mut body, 1);
    text(&mut body, "127.0.0.1");
    int(&mut body, i32::from(port));
    if version > 0 {
        short(&mut body, -1);
        int(&mut body, 1);
    }
    int(&mut body, i32::try_from(topics.len()).unwrap());
    for topic in topics {
        short(&mut body, 0);
        text(&mut body, topic);
        if version > 0 {
            body.push(0);
        }
        int(&mut body, 1);
        short(&mut body, 0);
        // Partition, leader, replicas, those in sync.
        for number in [0, 1, 1, 1, 1, 1] {
            int(&mut body, number);
        }
    }
    body
}

/// Answers what it knows, and hangs up at everything else, as such a broker does.
fn serve(mut stream: TcpStream, port: u16, topics: &[&str]) -> std::io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut request = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut request)?;
        let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let body = match (number(0), number(2)) {
            (API_VERSIONS, version) => api_versions(version),
            (METADATA, version @ 0..=1) => metadata(version, port, topics),
            _ => return Ok(()),
        };
        stream.write_all(&i32::try_from(body.len() + 4).unwrap().to_be_bytes())?;
        stream.write_all(&request[4..8])?;
        stream.write_all(&body)?;
    }
}

#[test]
fn brokers_that_are_too_old_are_named_as_that() {
    let ground = Ground::new(Broker::shared(), &Shape { partitions: 1, ..Shape::default() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let topics = [ground.raw.clone(), ground.clean.clone()];
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let topics = topics.clone();
            thread::spawn(move || serve(stream, port, &topics.each_ref().map(String::as_str)));
        }
    });
    let run = ground.start_at("one", &format!("127.0.0.1:{port}")).ended();
    run.expect_code(4);
    let said = run.err_text();
    assert!(
        said.contains("they are too old, and Kafka 2.5 or later is needed; see 'brokers' in [kafka]"),
        "{said}"
    );
}
