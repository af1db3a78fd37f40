//! Records of every generation, the statements that name somebody, and what is no record.

use super::*;
use crate::record::timestamp::Timestamp;

type Fields<'a> = Vec<(&'static str, &'a str)>;

/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);
/// 2026-11-21T10:15:32Z.
const AT: Timestamp = Timestamp::from_seconds(1_795_256_132);
const NUMBER: (&str, &str) = ("session.id", "001000000000000007");
const S: &str = "session 001000000000000007: ";

fn read_in(zone: Option<TimeZone>, record: &str) -> Result<(Parsed, Fields<'_>), Refusal> {
    let parser = Coturn::new(zone);
    let mut parsed = Parsed::default();
    parser.parse(record.as_bytes(), &mut Memo::new(NOW), &mut parsed)?;
    assert!(parser.begins_record(record.lines().next().unwrap().as_bytes()));
    let fields = parsed
        .parts
        .iter()
        .map(|part| (FIELDS[part.slot as usize], &record[part.start as usize..part.end as usize]))
        .collect();
    Ok((parsed, fields))
}

fn read(record: &str) -> Result<(Parsed, Fields<'_>), Refusal> {
    read_in(Some(TimeZone::UTC), record)
}

fn check(record: &str, expected: &[(&'static str, &str)]) {
    let (_, fields) = read(record).map_err(|refusal| (record, refusal)).unwrap();
    assert_eq!(fields, expected, "{record}");
}

/// A message after the oldest header; what is no message.
fn values(message: &str) -> Vec<String> {
    let record = format!("5: {message}");
    let (parsed, fields) = read(&record).map_err(|refusal| (message, refusal)).unwrap();
    // What stands between two parts are the words around a session and a user, and an expiry.
    let mut between = record.clone();
    for part in parsed.parts.iter().rev() {
        between.replace_range(part.start as usize..part.end as usize, "|");
    }
    let between = between.strip_prefix("5: ").unwrap();
    let between = between.strip_prefix("session |: ").unwrap_or(between);
    let between = between.replace("1795252532", "N");
    let user =
        ["user <|>", "user <N:|>", "user <|:N>", "username=<|>", "username=<N:|>", "user |", "user N:|"];
    let rest = user.iter().fold(between.clone(), |text, user| text.replace(user, "|"));
    assert!(rest.bytes().all(|byte| byte == b'|'), "{message}: {between}");
    let named = fields.into_iter().filter(|(field, _)| !matches!(*field, "message" | "session.id"));
    named.map(|(field, value)| format!("{field} {value}")).collect()
}

fn refused(record: &str, refusal: Refusal, begins: bool) {
    assert_eq!(read(record).err(), Some(refusal), "{record}");
    let line = record.lines().next().unwrap_or_default();
    assert_eq!(Coturn::new(None).begins_record(line.as_bytes()), begins, "{record}");
}

#[test]
fn headers_of_every_generation() {
    let error = ("severity_text", "ERROR");
    let message = ("message", "x: y");
    check("5: x: y", &[message]);
    check("5: ERROR: x: y", &[error, message]);
    check("5: : x: y", &[message]);
    check("5: : ERROR: x: y", &[error, message]);
    check("5:", &[]);
    check("5: ", &[]);
    check("5: (47): ERROR: x: y", &[("thread.id", "47"), error, message]);
    check(
        "5: (18446744073709551615): a/ns_turn.c(12): ERROR: x: y",
        &[
            ("thread.id", "18446744073709551615"),
            ("code.file.path", "a/ns_turn.c"),
            ("code.line.number", "12"),
            error,
            message,
        ],
    );
    check(
        "2026-11-21T10:15:32+0000: (47): ERROR: x: y",
        &[("time", "2026-11-21T10:15:32+0000"), ("thread.id", "47"), error, message],
    );
    check("2026/11/21 10:15:32: : x: y", &[("time", "2026/11/21 10:15:32"), message]);
    check("1795256132: x: y", &[("time", "1795256132"), message]);
    check(
        &format!("2026-11-21T10:15:32.118+0000 ERROR {S}x: y"),
        &[("time", "2026-11-21T10:15:32.118+0000"), error, NUMBER, message],
    );
    let syslog = [
        ("time", "Nov 21 10:15:32"),
        ("host.name", "relay"),
        ("syslog.appname", "turnserver"),
        ("process.pid", "7"),
    ];
    for header in ["5: : ERROR: ", "2026-11-21T10:15:32.118+0000 ERROR "] {
        let record = format!("Nov 21 10:15:32 relay turnserver[7]: {header}{S}x: y");
        let (_, fields) = read(&record).map_err(Refusal::name).unwrap();
        assert_eq!(fields[..4], syslog);
        assert_eq!(fields[fields.len() - 3..], [error, NUMBER, message]);
    }
}

#[test]
fn times_that_are_read_and_times_that_are_not() {
    let time = |zone: Option<TimeZone>, record| read_in(zone, record).map_err(Refusal::name).unwrap().0.time;
    let zone = || Some(TimeZone::UTC);
    assert_eq!(time(zone(), "5: x"), None);
    assert_eq!(time(zone(), "1795256132: x"), Some(AT));
    assert_eq!(time(zone(), "Nov 21 10:15:32 h turnserver: 5: x"), Some(AT));
    assert_eq!(time(zone(), "Nov 20 10:15:32 h turnserver: 2026-11-21T10:15:32.0+0000 INFO x"), Some(AT));
    // The earliest that a time of no known zone can mean.
    let earliest = Some(AT.plus_seconds(-14 * 3600));
    assert_eq!(time(None, "Nov 21 10:15:32 h turnserver: 5: x"), earliest);
    assert_eq!(time(None, "2026-11-21T10:15:32 INFO x"), earliest);
    assert_eq!(time(None, "2026-11-21T10:15:32Z INFO x"), Some(AT));
}

#[test]
fn users() {
    for (message, expected) in [
        ("realm <example.org> user <>: incoming packet BINDING processed, success", None),
        (
            "realm <192.0.2.1> user <bob>: incoming packet message processed, error 401: Unauthorized",
            Some("bob"),
        ),
        ("realm <r> user <1795252532:bob>: incoming packet ALLOCATE processed, success", Some("bob")),
        (
            "realm <r> user <1795252532:@anna:example.tech>: incoming packet REFRESH processed, success",
            Some("@anna:example.tech"),
        ),
        ("realm <r> user <bob:1795252532>: incoming packet REFRESH processed, success", Some("bob")),
        (
            "realm <r> user <4930123456:bob>: incoming packet REFRESH processed, success",
            Some("4930123456:bob"),
        ),
        ("realm <r> user <1795252532:>: incoming packet REFRESH processed, success", Some("1795252532:")),
        ("new, realm=<r>, username=<1795252532:bob>, lifetime=600, cipher=a, method=b", Some("bob")),
        ("new, username=<bob>, lifetime=600", Some("bob")),
        ("delete: realm=<r>, username=<bob smith>", Some("bob smith")),
        ("peer usage: realm=<r>, username=<bob>, rp=1, rb=2, sp=3, sb=4", Some("bob")),
        // A name that imitates a statement is covered whole.
        (
            "realm <r> user <a>: incoming packet x, user <b>: incoming packet y",
            Some("a>: incoming packet x, user <b"),
        ),
        ("realm <r> user <a> realm <b>: incoming packet x", Some("a> realm <b")),
        ("usage: realm=<r>, username=<a>, rp=1, username=<b>, rp=2", Some("a>, rp=1, username=<b")),
    ] {
        let expected: Vec<String> = expected.iter().map(|name| format!("user.name {name}")).collect();
        assert_eq!(values(&format!("{S}{message}")), expected, "{message}");
    }
    for message in [
        "check_stun_auth: Cannot find credentials of user <1795252532:bob>",
        "check_stun_auth: user bob credentials are incorrect",
        "check_stun_auth: user <bob> credentials are incorrect",
        "ERROR: check_stun_auth: user 1795252532:bob credentials are incorrect",
    ] {
        assert!(values_behind_level(message).contains(&"user.name bob".to_owned()), "{message}");
    }
}

fn values_behind_level(message: &str) -> Vec<String> {
    let record = format!("5: : {message}");
    let (_, fields) = read(&record).map_err(Refusal::name).unwrap();
    fields.into_iter().map(|(field, value)| format!("{field} {value}")).collect()
}

#[test]
fn the_end_of_a_session() {
    let closed = |user: &str, origin: &str, remote: &str| {
        values(&format!(
            "{S}closed (2nd stage), user <{user}> realm <r> origin <{origin}>, local 192.0.2.1:3478, remote {remote}, reason: allocation timeout"
        ))
    };
    assert_eq!(closed("", "", "192.0.2.7:5000"), ["client.address 192.0.2.7", "client.port 5000"]);
    assert_eq!(
        closed("1795252532:bob", "https://example.org", "[2001:db8::7]:5000"),
        ["user.name bob", "client.address 2001:db8::7", "client.port 5000"]
    );
    assert_eq!(closed("bob", "", "2001:db8::7"), ["user.name bob", "client.address 2001:db8::7"]);
    // An origin or a name that holds the words around others.
    assert_eq!(
        closed("bob", ">, local x, remote 192.0.2.9:1", "192.0.2.7:5000"),
        ["user.name bob", "client.address 192.0.2.7", "client.port 5000"]
    );
    assert_eq!(closed("bob", "> realm <", "192.0.2.7:5000")[0], "user.name bob> realm <r> origin <");
    for none in
        ["<user_ip>:5000", "192.x.x.7:5000", "xx.xx.xx.xx:5000", "999.1.1.1:5000", "192.0.2.7:500000", "a"]
    {
        assert_eq!(closed("bob", "", none), ["user.name bob"], "{none}");
    }
}

#[test]
fn clients_and_peers() {
    let client = ["client.address 192.0.2.7", "client.port 5000"];
    let v6 = ["client.address 2001:db8::9", "client.port 5031"];
    for (message, expected) in [
        ("IPv4. tcp or tls connected to: 192.0.2.7:5000", client),
        ("IPv6. tcp or tls connected to: 2001:db8::9:5031", v6),
        ("session 001000000000000007: TCP socket closed remotely 192.0.2.7:5000", client),
        ("session 001000000000000007: TLS/TCP socket error: Connection reset by peer [2001:db8::9]:5031", v6),
        ("session 001000000000000007: TCP socket disconnected: 192.0.2.7:5000", client),
        (
            "handle_udp_packet: New UDP endpoint: local addr 192.0.2.1:3478, remote addr 192.0.2.7:5000",
            client,
        ),
        ("401 rate-limit bucket collision from 192.0.2.7:5000", client),
    ] {
        assert_eq!(values(message), expected, "{message}");
    }
    assert_eq!(values("IPv4. Local relay addr: 192.0.2.1:5000"), [""; 0]);
    assert_eq!(
        values(&format!("{S}peer 192.0.2.7 lifetime updated: 300")),
        ["network.peer.address 192.0.2.7"]
    );
    assert_eq!(values(&format!("{S}peer 2001:db8::9 deleted")), ["network.peer.address 2001:db8::9"]);
    assert_eq!(
        values(&format!("{S}peer 192.0.2.7:49152 deleted")),
        ["network.peer.address 192.0.2.7", "network.peer.port 49152"]
    );
    assert_eq!(values(&format!("{S}peer xx.xx.xx.xx deleted")), [""; 0]);
    assert_eq!(values(&format!("{S}TCP socket closed remotely 2.x.x.159:19724")), [""; 0]);
}

#[test]
fn records_of_several_lines() {
    assert!(Coturn::new(None).multi_line());
    for line in ["", "==== x", "Version 4.6", "12 x", "12:x", "12345678901: x"] {
        refused(line, Refusal::Headless, false);
        check(&format!("0: a\n{line}"), &[("message", &format!("a\n{line}"))]);
    }
    let more = "Nov 21 10:15:32 relay turnserver[7]: more";
    refused(more, Refusal::Headless, false);
    check(&format!("0: a\n{more}"), &[("message", &format!("a\n{more}"))]);
    refused(
        &format!("0: a\n{more} JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"),
        Refusal::Truncated,
        true,
    );
}

#[test]
fn what_is_no_record() {
    refused("5: (47): NOTICE: x", Refusal::UnknownLevel, true);
    refused("2026-11-21T10:15:32.118+0000 FATAL x", Refusal::UnknownLevel, true);
    refused("5: (47): x", Refusal::Mismatch, true);
    refused("2026-11-21T10:15:32.118+0000 x", Refusal::Mismatch, true);
    refused("2026-11-21T10:15:32.118+0000", Refusal::Truncated, true);
    refused("2026-11-21T10:15:32.118+0000 INF", Refusal::Truncated, true);
    refused("Nov 21 10:15:32 relay sshd[7]: 5: x", Refusal::OtherProgram, true);
    refused("2026-13-21T10:15:32.118+0000 INFO x", Refusal::BadTime, true);
    // Cut inside a value.
    for cut in [
        "realm <r> user <bo",
        "closed (2nd stage), user <b> realm <r> origin <>, local 192.0.2.1:3478, rem",
        "closed (2nd stage), user <b> realm <r> origin <>, local 192.0.2.1:3478, remote 192.0.2.7:50",
        "TCP socket closed remotely 192.0.2.7",
        "peer 192.0.2.1",
        "IPv6. tcp or tls connected to: 2001:db8::9",
    ] {
        refused(&format!("5: {S}{cut}"), Refusal::Truncated, true);
    }
    for cut in ["user bob", "user bob creden", "user 1795252532:bob credentials are incorrec"] {
        refused(&format!("5: : ERROR: check_stun_auth: {cut}"), Refusal::Truncated, true);
        refused(&format!("5: : ERROR: check_stun_auth: {cut}\nmore"), Refusal::Truncated, true);
    }
    // Two records in one, and a statement that lost its header.
    refused(&format!("5: x\n{S}realm <r> user <a>: x"), Refusal::Truncated, true);
    refused(&format!("5: {S}realm <r> user <b5: {S}realm <r> user <a>: x"), Refusal::Truncated, true);
    refused(
        "5: x\n2026-5: : ERROR: check_stun_auth: user bob credentials are incorrect",
        Refusal::Truncated,
        true,
    );
    for other in [
        "JVB 2026-11-21 10:15:32.123 INFO: [1] [conf_name=a@conference.h] A.b#1: x",
        "Nov 21 10:15:32 mod_bosh\tinfo\tAuthenticated as a@h",
        "2026-11-21T10:15:32.118+0000 INFO x",
        "2026/11/21 10:15:32 [error] 1#1: x",
    ] {
        refused(&format!("5: {S}realm <r> user <a>: incoming pack{other}"), Refusal::Truncated, true);
        refused(&format!("5: IPv4. tcp or tls connected to: 192.0.2.7:5{other}"), Refusal::Truncated, true);
    }
    // In lines of their own they are no part of the record above.
    for program in ["JVB", "Jicofo", "Jigasi", "Jibri"] {
        refused(
            &format!("{program} 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"),
            Refusal::OtherProgram,
            true,
        );
    }
    refused("Nov 21 10:15:32 mod_bosh\tinfo\tx", Refusal::Mismatch, true);
    refused("2026-11-21 10:15:32.123 INFO: [1] A.b#1: x", Refusal::Mismatch, true);
}
