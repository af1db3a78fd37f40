//! Can a fault be followed? Raw and cleaned records are laid side by side, so that it is known whose each token is.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Captures, Regex};

use super::{Evening, Outcome, SEED, evening};

/// Where a log shows something: in the raw record, in the cleaned one, and who it is.
struct Place {
    log: &'static str,
    raw: &'static str,
    clean: &'static str,
}

const fn place(log: &'static str, raw: &'static str, clean: &'static str) -> Place {
    Place { log, raw, clean }
}

/// Rooms: tenant, if any, and name in the raw record.
const ROOMS: &[Place] = &[
    place(
        "access",
        r"(?:GET|POST) /(?:([^/ ]+)/)?(?:http-bind|xmpp-websocket|conference-request/v1)\?room=([^& ]+)",
        r#""url.query":"room=([\w-]{22})""#,
    ),
    place(
        "prosody",
        r"<presence xmlns='jabber:client' to='(?:\[([^\]]+)\])?([^@]+)@conference\.",
        r"<presence xmlns='jabber:client' to='([\w-]{22})/",
    ),
    place("prosody", r"Destroying room (?:\[([^\]]+)\])?([^@]+)@", r"Destroying room ([\w-]{22})"),
    place("jicofo", r"for room (?:\[([^\]]+)\])?([^@]+)@", r"for room ([\w-]{22})"),
    place("jicofo", r" \[room=(?:\[([^\]]+)\])?([^@]+)@", r#""conference.name":"([\w-]{22})""#),
    place("jvb", r" conf_name=(?:\[([^\]]+)\])?([^@]+)@", r#""conference.name":"([\w-]{22})""#),
];

const ENDPOINTS: &[Place] = &[
    place(
        "access",
        "()/colibri-ws/jvb-1/[0-9a-f]+/([0-9a-f]{8})",
        r#""/colibri-ws/[^/"]+/[^/"]+/([\w-]{22})"#,
    ),
    place(
        "error",
        "()/colibri-ws/jvb-1/[0-9a-f]+/([0-9a-f]{8})",
        r#""/colibri-ws/[^/"]+/[^/"]+/([\w-]{22})"#,
    ),
    // The account of a guest begins with the endpoint's number.
    place("prosody", "()Authenticated as ([0-9a-f]{8})-", r#"Authenticated as .*"user.jid":"([\w-]{22})""#),
    place("prosody", r"()@conference\.[^/ ]+/([0-9a-f]{8})", r"to='[\w-]{22}/([\w-]{22})"),
    place("jicofo", "()Member joined:([0-9a-f]{8})", r"Member joined:([\w-]{22})"),
    place(
        "jicofo",
        "()session-initiate to: [^/]+/([0-9a-f]{8})",
        r"session-initiate to: [\w-]{22}/([\w-]{22})",
    ),
    place("jicofo", "() participant=([0-9a-f]{8})\\]", r#""endpoint.id":"([\w-]{22})""#),
    place("jvb", "() epId=([0-9a-f]{8}) ", r#""endpoint.id":"([\w-]{22})""#),
];

/// Who has which token, at one place. Two tokens for one, or one for two, fail the test.
fn tokens(evening: &Evening, outcome: &Outcome, place: &Place) -> BTreeMap<String, String> {
    let begins = Regex::new(match place.log {
        "prosody" => "^[A-Z][a-z]{2} [0-9]{2} ",
        "jicofo" => "^Jicofo ",
        "jvb" => "^JVB ",
        _ => "",
    })
    .unwrap();
    let (raw, clean) = (evening.input(place.log), &outcome.outputs[place.log]);
    let (raw, clean) = (String::from_utf8_lossy(&raw), String::from_utf8_lossy(clean));
    let raw: Vec<&str> = raw.lines().filter(|line| begins.is_match(line)).collect();
    let clean: Vec<&str> = clean.lines().collect();
    assert_eq!(raw.len(), clean.len(), "{}: a line out for each record in", place.log);
    let (in_raw, in_clean) = (Regex::new(place.raw).unwrap(), Regex::new(place.clean).unwrap());
    let who = |found: &Captures<'_>| match found.get(1).map_or("", |tenant| tenant.as_str()) {
        "" => found[2].to_owned(),
        tenant => format!("[{tenant}]{}", &found[2]),
    };
    let mut tokens = BTreeMap::new();
    for (raw, clean) in raw.iter().zip(&clean) {
        let (Some(name), Some(token)) = (in_raw.captures(raw), in_clean.captures(clean)) else { continue };
        let before = tokens.insert(who(&name), token[1].to_owned());
        assert!(before.is_none_or(|before| before == token[1]), "{}: two tokens for one: {clean}", place.log);
    }
    let distinct: BTreeSet<&String> = tokens.values().collect();
    assert_eq!(distinct.len(), tokens.len(), "{}: one token for two", place.log);
    assert!(!tokens.is_empty(), "{}: nothing was compared at {}", place.log, place.raw);
    tokens
}

/// The tokens of all places; no two places differ.
fn agreed(evening: &Evening, outcome: &Outcome, places: &[Place]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for place in places {
        for (name, token) in tokens(evening, outcome, place) {
            let known = all.entry(name).or_insert_with(|| token.clone());
            assert_eq!(*known, token, "{} has another token at {}", place.log, place.raw);
        }
    }
    all
}

/// PI-6, PD-7: each room and each endpoint has one token in all four logs, and it is nobody else's; by the token alone the story
/// of the fault can be read.
#[test]
fn pi_6_a_fault_can_be_followed_through_all_four_logs() {
    let evening = evening(6, 40, SEED);
    let outcome = evening.run("ndjson");
    let rooms = agreed(&evening, &outcome, ROOMS);
    let endpoints = agreed(&evening, &outcome, ENDPOINTS);
    assert_eq!(rooms.len(), 6);
    let (room, endpoint) = (&rooms[&evening.fault["room-safe"]], &endpoints[&evening.fault["endpoint"]]);
    let lines = |log: &str, tokens: &[&String], words: &str| {
        let text = String::from_utf8_lossy(&outcome.outputs[log]);
        let all =
            |line: &&str| tokens.iter().all(|token| line.contains(token.as_str())) && line.contains(words);
        text.lines().filter(all).count()
    };
    for (log, tokens, words) in [
        ("access", &[room][..], "\"url.path\":\"/"),
        ("access", &[endpoint], "\"http.response.status_code\":504"),
        ("error", &[endpoint], "upstream timed out"),
        ("prosody", &[endpoint], "Authenticated as "),
        ("prosody", &[room, endpoint], "<presence "),
        ("jicofo", &[room, endpoint], "Member joined:"),
        ("jicofo", &[room, endpoint], "Received ICE failed notification"),
        ("jicofo", &[room, endpoint], "will re-invite"),
        ("jvb", &[room, endpoint], "Pair failed: "),
        ("jvb", &[room, endpoint], "ICE failed"),
    ] {
        assert!(lines(log, tokens, words) > 0, "{log}: no line with the fault's tokens and '{words}'");
    }
    // The address is one token from the web server to the bridge, as the others are.
    let address = place("error", "()client: ([0-9a-f.:]+),", r#""client.address":"([\w-]{22})""#);
    let address = &tokens(&evening, &outcome, &address)[&evening.fault["address"]];
    assert!(lines("access", &[address], "") > 0 && lines("jvb", &[address, endpoint], "Pair failed: ") > 0);
}
