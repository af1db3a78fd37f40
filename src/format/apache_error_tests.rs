//! Records of both generations of the server, and what may stand between header and message.

use super::*;
use crate::record::timestamp::Timestamp;

type Fields<'a> = Vec<(&'static str, &'a str)>;

fn read(record: &str) -> Result<(Parsed, Fields<'_>), Refusal> {
    let parser = ApacheError::new(TimeZone::fixed(jiff::tz::offset(1)));
    let mut parsed = Parsed::default();
    parser.parse(record.as_bytes(), &mut Memo::new(Timestamp(0)), &mut parsed)?;
    let fields = parsed
        .parts
        .iter()
        .map(|part| (FIELDS[part.slot as usize], &record[part.start as usize..part.end as usize]))
        .collect();
    Ok((parsed, fields))
}

const HEAD: &str = "[Sat Nov 21 10:15:32.123456 2026] [core:error] [pid 12:tid 34] ";

/// Everything after a 2.4 header.
fn check(rest: &str, expected: &[(&'static str, &str)]) {
    let record = format!("{HEAD}{rest}");
    let (_, fields) = read(&record).map_err(Refusal::name).unwrap();
    assert_eq!(
        fields[..5],
        [
            ("time", "Sat Nov 21 10:15:32.123456 2026"),
            ("module.name", "core"),
            ("severity_text", "error"),
            ("process.pid", "12"),
            ("thread.id", "34")
        ]
    );
    assert_eq!(fields[5..], *expected, "{rest}");
}

#[test]
fn a_whole_record() {
    check(
        "[client 192.0.2.7:5000] AH00128: File does not exist: /srv/x, referer: https://example.org/",
        &[
            ("client.address", "192.0.2.7:5000"),
            ("error.code", "AH00128"),
            ("message", "File does not exist: /srv/x"),
            ("http.request.header.referer", "https://example.org/"),
        ],
    );
    let (parsed, _) = read(&format!("{HEAD}x")).map_err(Refusal::name).unwrap();
    assert_eq!(parsed.time, Some(Timestamp(1_795_252_532_123_456)));
    assert!(parsed.time_completed);
}

#[test]
fn clients_after_errors_and_files() {
    check(
        "(2)No such file or directory: [client 192.0.2.7:5000] AH1: x",
        &[
            ("message", "(2)No such file or directory"),
            ("client.address", "192.0.2.7:5000"),
            ("error.code", "AH1"),
            ("message", "x"),
        ],
    );
    check(
        "(OS 10060)A connection attempt failed: [client 192.0.2.7:5000] x",
        &[
            ("message", "(OS 10060)A connection attempt failed"),
            ("client.address", "192.0.2.7:5000"),
            ("message", "x"),
        ],
    );
    check(
        "core.c(4739): (70007)The timeout specified has expired: [remote 192.0.2.7:5000] x",
        &[
            ("code.file.path", "core.c"),
            ("code.line.number", "4739"),
            ("message", "(70007)The timeout specified has expired"),
            ("client.address", "192.0.2.7:5000"),
            ("message", "x"),
        ],
    );
    check(
        "mod_ssl.c(1): [client 192.0.2.7:5000] x",
        &[
            ("code.file.path", "mod_ssl.c"),
            ("code.line.number", "1"),
            ("client.address", "192.0.2.7:5000"),
            ("message", "x"),
        ],
    );
    check(
        "(111)Connection refused: AH00957: http: attempt to connect failed",
        &[("message", "(111)Connection refused: AH00957: http: attempt to connect failed")],
    );
}

#[test]
fn a_client_in_the_text_is_text() {
    for text in [
        "File does not exist: /srv/[client 192.0.2.9] x",
        "(2)No such file: AH1: x: [client 192.0.2.9] y",
        "[client 192.0.2.9 and more] x",
        "[client ] x",
        "[client 192.0.2.9",
        "x.c(1) [client 192.0.2.9] x",
    ] {
        check(text, &[("message", text)]);
    }
    check(
        "[client 192.0.2.7:1] [client 192.0.2.7] ModSecurity: x [hostname \"a\"] [uri \"/b\"]",
        &[
            ("client.address", "192.0.2.7:1"),
            ("message", "[client 192.0.2.7] ModSecurity: x [hostname \"a\"] [uri \"/b\"]"),
        ],
    );
}

#[test]
fn an_address_without_brackets_stays_whole() {
    check("[client 2001:db8::1:50312] x", &[("client.address", "2001:db8::1:50312"), ("message", "x")]);
    check("[client fe80::1%eth0:443] x", &[("client.address", "fe80::1%eth0:443"), ("message", "x")]);
}

#[test]
fn referrers_that_are_none() {
    for text in ["a, referer: b, referer: c", "a, referer: b c", "a, referer: "] {
        check(text, &[("message", text)]);
    }
    check(
        "a, referer: b\nstray",
        &[("message", "a"), ("http.request.header.referer", "b"), ("message", "\nstray")],
    );
}

#[test]
fn names_of_failed_logins() {
    check(
        "[client 192.0.2.7:1] AH01617: user bob smith: authentication failure for \"/a\": Password Mismatch",
        &[
            ("client.address", "192.0.2.7:1"),
            ("error.code", "AH01617"),
            ("user.name", "bob smith"),
            ("message", ": authentication failure for \"/a\": Password Mismatch"),
        ],
    );
    check("user bob not found: /a", &[("user.name", "bob"), ("message", " not found: /a")]);
    check(
        "user `bob' in realm `r' not found: /a",
        &[("user.name", "bob"), ("message", "' in realm `r' not found: /a")],
    );
}

#[test]
fn headers_of_every_kind() {
    let check = |record: &str, expected: &[(&'static str, &str)]| {
        let (_, fields) = read(record).map_err(Refusal::name).unwrap();
        assert_eq!(fields, expected, "{record}");
    };
    let time = ("time", "Sat Nov 21 10:15:32 2026");
    check(
        "[Sat Nov 21 10:15:32 2026] [error] [client 192.0.2.7] x",
        &[time, ("severity_text", "error"), ("client.address", "192.0.2.7"), ("message", "x")],
    );
    check(
        "[Sat Nov 21 10:15:32 2026] [:error] [pid 12] [client 192.0.2.7] x",
        &[
            time,
            ("severity_text", "error"),
            ("process.pid", "12"),
            ("client.address", "192.0.2.7"),
            ("message", "x"),
        ],
    );
    check(
        "[Sat Nov 21 10:15:32 2026] [ssl:trace3] [pid 12:tid 34] x",
        &[
            time,
            ("module.name", "ssl"),
            ("severity_text", "trace3"),
            ("process.pid", "12"),
            ("thread.id", "34"),
            ("message", "x"),
        ],
    );
    check(
        "[Sat Nov 21 10:15:32 2026] [notice] caught SIGTERM",
        &[time, ("severity_text", "notice"), ("message", "caught SIGTERM")],
    );
    check(
        "[2026-11-21 10:15:32.123456] [-:notice] - - x",
        &[
            ("time", "2026-11-21 10:15:32.123456"),
            ("module.name", "-"),
            ("severity_text", "notice"),
            ("message", "- - x"),
        ],
    );
    check("[Sat Nov 21 10:15:32 2026] [error]", &[time, ("severity_text", "error")]);
}

#[test]
fn records_of_several_lines() {
    let parser = ApacheError::new(TimeZone::UTC);
    assert!(parser.multi_line());
    assert!(parser.begins_record(HEAD.as_bytes()));
    for line in [
        "",
        "PHP Stack trace:",
        "#0 x",
        "[client 192.0.2.7] x",
        "[x] y",
        "[Sat Nov 21] [error] x",
        "sh: 1: not found",
    ] {
        assert!(!parser.begins_record(line.as_bytes()), "{line}");
        assert_eq!(read(line).err(), Some(Refusal::Headless));
    }
    check("PHP message:\n#0 x", &[("message", "PHP message:\n#0 x")]);
    assert_eq!(read("[Sat Foo 21 10:15:32 2026] [error] x").err(), Some(Refusal::BadTime));
    assert_eq!(read("[Sat Nov 31 10:15:32 2026] [error] x").err(), Some(Refusal::BadTime));
}
