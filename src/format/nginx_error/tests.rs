//! Records as nginx writes them, and records as somebody would have us believe that it did.

use super::*;
use crate::record::timestamp::Timestamp;

type Fields<'a> = Vec<(&'static str, &'a str)>;

fn read(record: &str) -> Result<(Parsed, Fields<'_>), Refusal> {
    let parser = NginxError::new(TimeZone::fixed(jiff::tz::offset(1)));
    let mut parsed = Parsed::default();
    parser.parse(record.as_bytes(), &mut Memo::new(Timestamp(0)), &mut parsed)?;
    let fields = parsed
        .parts
        .iter()
        .map(|part| (FIELDS[part.slot as usize], &record[part.start as usize..part.end as usize]))
        .collect();
    Ok((parsed, fields))
}

/// Everything after the header.
fn check(rest: &str, expected: &[(&'static str, &str)]) {
    let record = format!("2026/11/21 10:15:32 [error] 12#34: *91 {rest}");
    let (_, fields) = read(&record).map_err(Refusal::name).unwrap();
    assert_eq!(
        fields[..5],
        [
            ("time", "2026/11/21 10:15:32"),
            ("severity_text", "error"),
            ("process.pid", "12"),
            ("thread.id", "34"),
            ("connection.id", "91")
        ]
    );
    assert_eq!(fields[5..], *expected, "{rest}");
}

#[test]
fn a_whole_record() {
    check(
        r#"open() "/srv/x, y" failed (2: No such file or directory), client: 192.0.2.7, server: example.org, request: "GET /x?y HTTP/1.1", subrequest: "/auth", upstream: "http://198.51.100.1:8080/x?y", host: "example.org", referrer: "https://example.org/""#,
        &[
            ("message", r#"open() "/srv/x, y" failed (2: No such file or directory)"#),
            ("client.address", "192.0.2.7"),
            ("server.address", "example.org"),
            ("http.request.method", "GET"),
            ("url.path", "/x"),
            ("url.query", "y"),
            ("network.protocol.version", "1.1"),
            ("url.path", "/auth"),
            ("upstream.url", "http://198.51.100.1:8080/x?y"),
            ("server.address", "example.org"),
            ("http.request.header.referer", "https://example.org/"),
        ],
    );
    let (parsed, _) =
        read("2026/11/21 10:15:32 [notice] 1#1: start worker processes").map_err(Refusal::name).unwrap();
    assert_eq!(parsed.time, Some(Timestamp::from_seconds(1_795_252_532)));
    assert!(parsed.time_completed);
}

#[test]
fn tails_of_every_kind() {
    check("x, client: 2001:db8::1, server: ", &[("message", "x"), ("client.address", "2001:db8::1")]);
    check(
        r#"x, client: unix:, server: _, request: "GET / HTTP/1.1", host: """#,
        &[
            ("message", "x"),
            ("client.address", "unix:"),
            ("server.address", "_"),
            ("http.request.method", "GET"),
            ("url.path", "/"),
            ("network.protocol.version", "1.1"),
        ],
    );
    check(
        r#"client login failed: "535" while in http auth state, client: 192.0.2.7 using starttls, server: 0.0.0.0:25, login: "bob@example.org", upstream: 198.51.100.1:25"#,
        &[
            ("message", r#"client login failed: "535" while in http auth state"#),
            ("client.address", "192.0.2.7"),
            ("server.address", "0.0.0.0:25"),
            ("user.name", "bob@example.org"),
            ("upstream.address", "198.51.100.1:25"),
        ],
    );
    check(
        r#"upstream timed out, udp client: 192.0.2.7, server: 0.0.0.0:53, upstream: "198.51.100.1:53", bytes from/to client:30/0, bytes from/to upstream:0/30"#,
        &[
            ("message", "upstream timed out"),
            ("client.address", "192.0.2.7"),
            ("server.address", "0.0.0.0:53"),
            ("upstream.address", "198.51.100.1:53"),
            ("message", "30/0, bytes from/to upstream:0/30"),
        ],
    );
    check(
        r#"x, client: 192.0.2.7, server: a, request: "POST /p HTTP/1.1", upstream: "fastcgi://unix:/run/php.sock:", host: "a""#,
        &[
            ("message", "x"),
            ("client.address", "192.0.2.7"),
            ("server.address", "a"),
            ("http.request.method", "POST"),
            ("url.path", "/p"),
            ("network.protocol.version", "1.1"),
            ("upstream.url", "fastcgi://unix:/run/php.sock:"),
            ("server.address", "a"),
        ],
    );
}

#[test]
fn a_cleaned_record_is_read_again() {
    for client in ["Zm9vYmFyYmF6cXV4MTIzNA", "198.51.100.0/24", "-", "example.org"] {
        check(
            &format!(r#"x, client: {client}, server: a, request: "GET - HTTP/1.1", host: "-""#),
            &[
                ("message", "x"),
                ("client.address", client),
                ("server.address", "a"),
                ("http.request.method", "GET"),
                ("url.path", "-"),
                ("network.protocol.version", "1.1"),
                ("server.address", "-"),
            ],
        );
    }
}

#[test]
fn names_of_failed_logins() {
    check(
        r#"user "bob": password mismatch, client: 192.0.2.7, server: a"#,
        &[
            ("user.name", "bob"),
            ("message", ": password mismatch"),
            ("client.address", "192.0.2.7"),
            ("server.address", "a"),
        ],
    );
    check(
        r#"user "a" b" was not found in "/etc/x", client: 192.0.2.7, server: a"#,
        &[
            ("user.name", r#"a" b"#),
            ("message", r#" was not found in "/etc/x""#),
            ("client.address", "192.0.2.7"),
            ("server.address", "a"),
        ],
    );
}

#[test]
fn quotes_inside_values() {
    check(
        r#"x, client: 192.0.2.7, server: a, request: "GET /"b" HTTP/1.1", host: "a", referrer: "c"d""#,
        &[
            ("message", "x"),
            ("client.address", "192.0.2.7"),
            ("server.address", "a"),
            ("http.request.method", "GET"),
            ("url.path", r#"/"b""#),
            ("network.protocol.version", "1.1"),
            ("server.address", "a"),
            ("http.request.header.referer", r#"c"d"#),
        ],
    );
}

#[test]
fn a_client_in_the_request_shifts_nothing() {
    // One reading only: the forged server could not hold a space.
    check(
        r#"x, client: 192.0.2.7, server: a, request: "GET /, client: 192.0.2.9, server: b HTTP/1.1", host: "a""#,
        &[
            ("message", "x"),
            ("client.address", "192.0.2.7"),
            ("server.address", "a"),
            ("http.request.method", "GET"),
            ("url.path", "/, client: 192.0.2.9, server: b"),
            ("network.protocol.version", "1.1"),
            ("server.address", "a"),
        ],
    );
    // Two readings: neither is taken.
    for ambiguous in [
        r#"x, client: 192.0.2.7, server: a, request: "GET /, client: 192.0.2.9, server: b, request: "GET / HTTP/1.1", host: "a""#,
        r#"open() "/a", client: 192.0.2.9, server: b, request: "GET /" failed, client: 192.0.2.7, server: a, request: "GET / HTTP/1.1""#,
    ] {
        check(ambiguous, &[("message", ambiguous)]);
    }
    let many = ", client: x".repeat(20_000) + ", client: 192.0.2.7, server: a";
    check(&many, &[("message", &many)]);
}

#[test]
fn keys_that_repeat_make_the_tail_text() {
    for tail in [
        r#", request: "GET /", host: "b", host: "a""#,
        r#", request: "GET / HTTP/1.1", host: "a", referrer: "x", host: "b""#,
        r#", request: "GET /", request: "GET / HTTP/1.1""#,
        r#", host: "a", request: "GET / HTTP/1.1""#,
        r#", request: "GET /cut off here"#,
        r#", request: "GET / HTTP/1.1", host: "a b""#,
        r#", cache: "x""#,
    ] {
        check(
            &format!("x, client: 192.0.2.7, server: a{tail}"),
            &[("message", "x"), ("client.address", "192.0.2.7"), ("server.address", "a"), ("message", tail)],
        );
    }
}

#[test]
fn a_cut_record_is_never_half_read() {
    let cut = |tail: &str| {
        let head = "2026/11/21 10:15:32 [error] 12#34: *91 ";
        format!("{head}{}{tail}", "x".repeat(2047 - head.len() - tail.len()))
    };
    assert_eq!(read(&cut(", client: 192.0.2.1")).err(), Some(Refusal::Truncated));
    let last = |tail: &str| {
        read(&cut(tail)).map(|(_, fields)| fields[5..].iter().map(|(name, _)| *name).collect::<Vec<_>>())
    };
    assert_eq!(last(", client: 192.0.2.7, server: exa"), Ok(vec!["message", "client.address", "message"]));
    assert_eq!(
        last(", client: 192.0.2.7, server: a, requ"),
        Ok(vec!["message", "client.address", "server.address", "message"])
    );
    assert_eq!(
        last(r#", client: 192.0.2.7, server: a, request: "GET /a"#),
        Ok(vec!["message", "client.address", "server.address", "message"])
    );
    assert_eq!(last(", clie"), Ok(vec!["message"]));
}

#[test]
fn records_of_several_lines() {
    let parser = NginxError::new(TimeZone::UTC);
    assert!(parser.multi_line());
    assert!(parser.begins_record(b"2026/11/21 10:15:32 [error] 12#34: *91 x"));
    assert!(parser.begins_record(b"2026/11/21 10:15:32 [emerg] 12#34: x"));
    for line in [
        &b""[..],
        b"#0 /srv/a.php(3): f()",
        b"  thrown in /srv/a.php",
        b"2026/11/21",
        b"2026/11/21 10:15:32 x",
        b"2026/11/21 10:15:32 [error] x",
        b"2026-11-21 10:15:32 [error] 12#34: x",
    ] {
        assert!(!parser.begins_record(line));
    }
    check(
        "FastCGI sent in stderr: \"PHP message: x\n#0 a\n\" while reading, client: 192.0.2.7, server: a, host: \"a\"\nstray",
        &[
            ("message", "FastCGI sent in stderr: \"PHP message: x\n#0 a\n\" while reading"),
            ("client.address", "192.0.2.7"),
            ("server.address", "a"),
            ("server.address", "a"),
            ("message", "\nstray"),
        ],
    );
}

#[test]
fn what_has_no_header_is_refused() {
    for record in ["", "#0 a", "hello, client: 192.0.2.7, server: a"] {
        assert_eq!(read(record).err(), Some(Refusal::Headless));
    }
    assert_eq!(read("2026/13/21 10:15:32 [error] 1#1: x").err(), Some(Refusal::BadTime));
    assert_eq!(read("2026/02/30 10:15:32 [error] 1#1: x").err(), Some(Refusal::BadTime));
}
