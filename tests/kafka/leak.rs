//! PI-1 between topics: identifiers in payloads, keys and headers; then everything that anybody can see holds none.

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::ground::{Ground, Shape, wait_for};
use crate::leak::canary::{CANARIES, Where, sightings};
use crate::support::broker::{Broker, Message, Record};
use crate::support::files_under;

#[track_caller]
fn clean(what: &str, bytes: &[u8]) {
    let seen = sightings(bytes);
    assert!(seen.is_empty(), "{what} shows {seen:?}: {}", String::from_utf8_lossy(bytes));
}

#[test]
fn pi_1_keys_headers_payloads_and_names_hold_no_identifier() {
    // Whatever a policy lets leave: a key and headers that are carried over, and one that is not.
    let carried = "key = \"client.address\"\nheaders = { \"x-peer\" = \"client.address\", \"x-said\" = \"message\", \"x-path\" = \"url.path\", \
                   \"x-size\" = \"http.response.body.size\" }";
    let shape = Shape { partitions: 1, source: carried, ..Shape::default() };
    let ground = Ground::new(Broker::shared(), &shape);
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S+00:00");
    let anywhere: Vec<_> = CANARIES.iter().filter(|canary| canary.place == Where::Anywhere).collect();
    let mut records = Vec::new();
    for (number, canary) in anywhere.iter().enumerate() {
        let planted = canary.planted;
        let path = planted.replace(' ', "+");
        let line = format!("203.0.113.77 [{time}] \"GET /a?of={path} HTTP/1.1\" 200 {number}");
        let said = format!("client {planted} said: {planted}");
        let record = Record::to(0, line).key(planted).header(planted, planted).header("x-user", planted);
        let record = record.header("x-peer", planted).header("x-said", said).header("x-size", planted);
        records.push(record.header("x-path", format!("/u/{}", planted.replace('/', "%2F"))));
        // What fails is told by its kind alone.
        records.push(Record::to(0, format!("no line, but {planted} all the same")).key(planted));
    }
    let before: Vec<u8> = anywhere.iter().flat_map(|canary| canary.planted.bytes().chain([b'\n'])).collect();
    assert!(sightings(&before).len() >= anywhere.len() - 1, "the search finds what is planted");
    ground.broker.produce(&ground.raw, &records);
    let instance = ground.start("one");
    let out = wait_for(&ground, anywhere.len(), &instance);
    let run = instance.stop();
    run.expect_code(0);
    assert_eq!(run.stats().quarantined, anywhere.len() as u64);
    let names = |message: &Message| -> Vec<String> {
        message.headers.iter().skip(1).map(|(name, _)| name.clone()).collect()
    };
    assert!(
        out.iter().all(|message| message.key.is_some() && names(message).len() == 4),
        "all are carried over"
    );
    for message in &out {
        clean("a payload", message.value.as_deref().unwrap_or_default());
        clean("a key", message.key.as_deref().unwrap_or_default());
        for (name, value) in &message.headers {
            clean("a header", name.as_bytes());
            clean("a header", value);
        }
    }
    clean("standard error", &run.err);
    let state = ground.path("state-one");
    let files = files_under(&state);
    assert!(files.iter().any(|file| file.ends_with("journal")), "there is a journal among {files:?}");
    for file in files {
        clean("the state directory", &std::fs::read(state.join(file)).unwrap());
    }
    // What administrators see of topics and groups.
    let client: BaseConsumer = ground.broker.config().create().expect("a client");
    let metadata = client.fetch_metadata(None, std::time::Duration::from_secs(30)).expect("metadata");
    metadata.topics().iter().for_each(|topic| clean("a topic", topic.name().as_bytes()));
    let groups =
        client.fetch_group_list(Some(&ground.group), std::time::Duration::from_secs(30)).expect("groups");
    for group in groups.groups() {
        clean("a group", format!("{group:?}").as_bytes());
    }
}
