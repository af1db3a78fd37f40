//! Records of every layout, the few messages that are taken apart, and what is no record.

use super::*;
use crate::record::timestamp::Timestamp;

type Fields<'a> = Vec<(&'static str, &'a str)>;

/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);
/// 2026-11-21T10:15:32Z.
const AT: Timestamp = Timestamp::from_seconds(1_795_256_132);
const UUID: &str = "550e8400-e29b-41d4-a716-446655440000";

fn read(record: &str) -> Result<(Parsed, Fields<'_>), Refusal> {
    let parser = Prosody::new(TimeZone::UTC);
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

fn check(record: &str, expected: &[(&'static str, &str)]) {
    let (_, fields) = read(record).map_err(|refusal| (record, refusal)).unwrap();
    assert_eq!(fields, expected, "{record}");
}

/// A record that is refused, and whether its first line is kept apart from the record before.
fn refused(record: &str, refusal: Refusal, begins: bool) {
    assert_eq!(read(record).err(), Some(refusal), "{record}");
    let line = record.lines().next().unwrap_or_default();
    assert_eq!(Prosody::new(TimeZone::UTC).begins_record(line.as_bytes()), begins, "{record}");
}

const TIME: (&str, &str) = ("time", "Nov 21 10:15:32");
const INFO: (&str, &str) = ("severity_text", "info");

#[test]
fn the_layout_of_files() {
    check(
        "Nov 21 10:15:32 meet.example.org:tls\tinfo\tCertificates loaded",
        &[TIME, ("module.name", "meet.example.org:tls"), INFO, ("message", "Certificates loaded")],
    );
    check(
        "Nov  1 10:15:32 general\twarn\t",
        &[("time", "Nov  1 10:15:32"), ("module.name", "general"), ("severity_text", "warn")],
    );
    let (parsed, _) = read("Nov 21 10:15:32 startup\tdebug\tx").map_err(Refusal::name).unwrap();
    assert_eq!(parsed.time, Some(AT));
    assert!(parsed.time_completed);
}

#[test]
fn a_time_without_a_year_is_read_again_for_another_batch() {
    let parser = Prosody::new(TimeZone::UTC);
    let mut memo = Memo::new(NOW);
    let mut time = |received: Timestamp| {
        let mut parsed = Parsed::default();
        memo.received = received;
        parser.parse(b"Nov 21 10:15:32 startup\tinfo\tx", &mut memo, &mut parsed).unwrap();
        parsed.time.unwrap()
    };
    assert_eq!(time(NOW), AT);
    assert_eq!(time(NOW), AT);
    assert_eq!(time(NOW.plus_seconds(-30 * 86_400)), AT.plus_seconds(-365 * 86_400));
    assert_eq!(time(NOW), AT);
}

#[test]
fn the_layouts_of_consoles() {
    let session = [("module.name", "c2s"), ("session.id", "55a9fb622a20")];
    let message = ("message", "Stream encrypted");
    for separator in ["\t", " ", "  ", "        "] {
        check(
            &format!("c2s55a9fb622a20           info{separator}Stream encrypted"),
            &[session[0], session[1], INFO, message],
        );
    }
    check(
        "2026-11-21 10:15:32 c2s55a9fb622a20     info\tStream encrypted",
        &[("time", "2026-11-21 10:15:32"), session[0], session[1], INFO, message],
    );
    check(
        "2026-11-21T10:15:32.5+01:00 c2s55a9fb622a20 info\tStream encrypted",
        &[("time", "2026-11-21T10:15:32.5+01:00"), session[0], session[1], INFO, message],
    );
    check("general\tinfo\tx", &[("module.name", "general"), INFO, ("message", "x")]);
}

#[test]
fn colours_in_every_spelling() {
    for (escape, level) in [("\x1b[", "info"), ("#033[", "warn"), ("^[[", "error"), ("[", "debug")] {
        for (colour, tab) in [("1", "\t"), ("1;33", "#011"), ("", "    ")] {
            check(
                &format!("general   {escape}{colour}m{level}{escape}0m{tab}x"),
                &[("module.name", "general"), ("severity_text", level), ("message", "x")],
            );
        }
    }
    refused("general   \x1b[1minfo\tx", Refusal::Headless, false);
    refused("general   \x1b[1minfo#033[0m\tx", Refusal::Headless, false);
}

#[test]
fn what_collectors_add() {
    let host = [("host.name", "meet"), ("syslog.appname", "prosody"), ("process.pid", "7")];
    check(
        "Nov 21 10:15:32 meet prosody[7]: startup   #033[1minfo#033[0m#011Hello",
        &[TIME, host[0], host[1], host[2], ("module.name", "startup"), INFO, ("message", "Hello")],
    );
    check(
        "Nov 21 10:15:32 meet prosody[7]: c2s55a9fb622a20: Client connected",
        &[
            TIME,
            host[0],
            host[1],
            host[2],
            ("module.name", "c2s"),
            ("session.id", "55a9fb622a20"),
            ("message", "Client connected"),
        ],
    );
    check(
        "xmpp-1  | 2026-11-21 10:15:32 startup   info\tHello",
        &[
            ("container.name", "xmpp-1"),
            ("time", "2026-11-21 10:15:32"),
            ("module.name", "startup"),
            INFO,
            ("message", "Hello"),
        ],
    );
    check(
        "Nov 20 10:15:32 meet prosody: Nov 21 10:15:32 startup\tinfo\tHello",
        &[
            ("time", "Nov 20 10:15:32"),
            host[0],
            host[1],
            TIME,
            ("module.name", "startup"),
            INFO,
            ("message", "Hello"),
        ],
    );
    let (parsed, _) = read("Nov 20 10:15:32 meet prosody: Nov 21 10:15:32 startup\tinfo\tHello")
        .map_err(Refusal::name)
        .unwrap();
    assert_eq!(parsed.time, Some(AT));
}

#[test]
fn sources_and_sessions() {
    let source = |source: &str| {
        let record = format!("{source}\tinfo\tx");
        let (_, fields) = read(&record).map_err(Refusal::name).unwrap();
        fields[..fields.len() - 2].iter().map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>()
    };
    for (word, id) in [
        ("bosh", UUID),
        ("c2s", "55a9fb622a20"),
        ("s2sin", "55a9fb622a20"),
        ("s2sout", "55a9fb622a20"),
        ("jcp", "55a9fb622a20"),
        ("websocket", "55a9fb622a20"),
        ("conn", "q-3_Xyz01"),
    ] {
        let expected = [format!("module.name {word}"), format!("session.id {id}")];
        assert_eq!(source(&format!("{word}{id}")), expected);
    }
    for module in
        ["mod_bosh", "c2s", "s2smanager", "connlisteners", "a.b:x_y", "192.0.2.7:tls", "net.http", "*:x"]
    {
        assert_eq!(source(module), [format!("module.name {module}")]);
    }
    for none in ["a@b", "a/b", "<a>", "b\u{fc}cher:tls", "a,b", "\"a\"", ""] {
        refused(&format!("{none}\tinfo\tx"), Refusal::Headless, false);
        refused(&format!("Nov 21 10:15:32 {none}\tinfo\tx"), Refusal::Mismatch, true);
    }
    let long = "a".repeat(header::SOURCE_BYTES_MAX);
    assert_eq!(source(&long), [format!("module.name {long}")]);
    refused(&format!("{long}a\tinfo\tx"), Refusal::Headless, false);
}

#[test]
fn messages_that_are_an_account_or_a_session() {
    let message = |message: &str| {
        let record = format!("general\tinfo\t{message}");
        let (_, fields) = read(&record).map_err(Refusal::name).unwrap();
        fields[2..].iter().map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>()
    };
    let jid = "user.jid bob@example.org";
    assert_eq!(message("Authenticated as bob@example.org"), ["message Authenticated as ", jid]);
    assert_eq!(
        message("Authenticated as bob@example.org [prosody:registered]"),
        ["message Authenticated as ", jid, "message  [prosody:registered]"]
    );
    assert_eq!(message("User account created: bob@example.org"), ["message User account created: ", jid]);
    assert_eq!(
        message("Account password changed: bob@example.org by al@example.org"),
        ["message Account password changed: ", jid, "message  by ", "user.jid al@example.org"]
    );
    assert_eq!(
        message(&format!("New BOSH session, assigned it sid '{UUID}'")),
        [
            "message New BOSH session, assigned it sid '".to_owned(),
            format!("session.id {UUID}"),
            "message '".to_owned()
        ]
    );
    for text in [
        "Authenticated as ",
        "Authenticated as a b c",
        "Authenticated",
        "New BOSH session, assigned it sid 'x y'",
        "N",
        "U",
        "A",
    ] {
        assert_eq!(message(text), [format!("message {text}")]);
    }
}

#[test]
fn records_of_several_lines() {
    assert!(Prosody::new(TimeZone::UTC).multi_line());
    for line in [
        "",
        "stack traceback:",
        "\t/usr/lib/prosody/util/x.lua:12: in function 'y'",
        "\t[C]: in function 'xpcall'",
        "(...tail calls...)",
        "<iq type='set'>",
        "  info  x",
        "a info b",
        "a  information",
    ] {
        refused(line, Refusal::Headless, false);
        let record = format!("general\terror\tTraceback:\n{line}\nmore");
        check(
            &record,
            &[
                ("module.name", "general"),
                ("severity_text", "error"),
                ("message", &format!("Traceback:\n{line}\nmore")),
            ],
        );
    }
    // Through a collector every line has its prefix.
    let line = "Nov 21 10:15:32 meet prosody[7]: \tx.lua:12: in function 'y'";
    refused(line, Refusal::Headless, false);
    refused("prosody-1  | stack traceback:", Refusal::Headless, false);
    refused("2026-11-21T10:15:32.123456789Z stack traceback:", Refusal::Headless, false);
}

#[test]
fn cut_and_joined_records() {
    refused("Nov 21 10:15:32 ", Refusal::Truncated, true);
    refused("Nov 21 10:15:32 bosh550e8400", Refusal::Truncated, true);
    refused("Nov 21 10:15:32 general\tin", Refusal::Truncated, true);
    for header in [
        "Nov 21 10:15:32 mod_bosh\tinfo\t",
        "2026-11-21 10:15:32 mod_bosh   \x1b[1minfo\x1b[0m\t",
        "2026-11-21T10:15:32.5+01:00 mod_bosh   warn\t",
    ] {
        refused(&format!("Nov 21 10:15:31 general\tinfo\tClient disc{header}x"), Refusal::Truncated, true);
        refused(&format!("{header}y\n{header}x"), Refusal::Truncated, true);
    }
    let joined = "Nov 21 10:15:32 h prosody[7]: a: x";
    refused(&format!("{joined}{}", &joined[13..]), Refusal::Truncated, true);
    // Tabs and levels in a message are no header.
    for message in ["a\tb\tinfo\tc", "10:15:32 x\tinfo\ty", "x  info\ty", "\tinfo\t"] {
        check(
            &format!("general\tinfo\t{message}"),
            &[("module.name", "general"), INFO, ("message", message)],
        );
    }
}

#[test]
fn records_of_others() {
    refused("Nov 21 10:15:32 meet sshd[7]: Accepted", Refusal::OtherProgram, true);
    refused("jvb-1  | \tat org.jitsi.X", Refusal::OtherProgram, true);
    refused("JVB 2026-11-21 10:15:32.123 INFO: [1] X.y#1: z", Refusal::OtherProgram, true);
    refused("2026-11-21 10:15:32.123 INFO: [1] X.y#1: z", Refusal::Mismatch, true);
    refused("2026/11/21 10:15:32 [error] 1#1: x", Refusal::Mismatch, true);
    refused("2026-11-21T10:15:32.118+0100 INFO session 1: x", Refusal::Mismatch, true);
    for record in
        ["Nov 21 10:15:32 general\tfatal\tx", "general\tinfos\tx", "Nov 21 10:15:32 a   \x1b[1mbad\x1b[0m\tx"]
    {
        refused(record, Refusal::UnknownLevel, true);
    }
    refused("Nov 31 10:15:32 general\tinfo\tx", Refusal::BadTime, true);
}
