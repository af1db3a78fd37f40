//! Records as the services and what relays them write them, and records that are broken.

use super::*;
use crate::record::timestamp::Timestamp;

/// 2026-11-21 12:00:00 UTC.
const RECEIVED: Timestamp = Timestamp::from_seconds(1_795_262_400);

type Fields<'a> = Vec<(&'static str, &'a str)>;

fn parser(service: Service) -> Jitsi {
    Jitsi::new(service, TimeZone::fixed(jiff::tz::offset(1)))
}

fn read_as(service: Service, record: &str) -> Result<(Parsed, Fields<'_>), Refusal> {
    let mut parsed = Parsed::default();
    parser(service).parse(record.as_bytes(), &mut Memo::new(RECEIVED), &mut parsed)?;
    let fields = parsed
        .parts
        .iter()
        .map(|part| (FIELDS[part.slot as usize], &record[part.start as usize..part.end as usize]))
        .collect();
    Ok((parsed, fields))
}

fn fields(record: &str) -> Fields<'_> {
    read_as(Service::Jvb, record).map_err(Refusal::name).unwrap().1
}

fn refused(record: &str) -> Option<Refusal> {
    read_as(Service::Jvb, record).err()
}

fn value<'a>(record: &'a str, field: &str) -> Option<&'a str> {
    fields(record).into_iter().find(|(name, _)| *name == field).map(|(_, value)| value)
}

fn time(record: &str) -> Option<String> {
    let instant = read_as(Service::Jvb, record).map_err(Refusal::name).unwrap().0.time?;
    let mut text = Vec::new();
    time::write_rfc3339(instant, &mut text);
    String::from_utf8(text).ok()
}

fn begins(line: &str) -> bool {
    parser(Service::Jvb).begins_record(line.as_bytes())
}

#[test]
fn a_whole_record() {
    let record = "JVB 2026-11-21 10:15:32.123 INFO: [189] [confId=4c14 conf_name=a@conference.h meeting_id=177c43a3 epId=660d9565 \
                  stats_id=Elva-jQ6 local_ufrag=9e] IceTransport.start#205: a: b [c=d] e";
    assert_eq!(
        fields(record),
        [
            ("service.name", "JVB"),
            ("time", "2026-11-21 10:15:32.123"),
            ("severity_text", "INFO"),
            ("thread.id", "189"),
            ("session.id", "4c14"),
            ("conference.name", "a@conference.h"),
            ("conference.id", "177c43a3"),
            ("endpoint.id", "660d9565"),
            ("endpoint.stats_id", "Elva-jQ6"),
            ("log.context", "local_ufrag=9e"),
            ("code.function.name", "IceTransport.start"),
            ("code.line.number", "205"),
            ("message", "a: b [c=d] e"),
        ]
    );
    assert_eq!(time(record).unwrap(), "2026-11-21T09:15:32.123Z");
    assert!(read_as(Service::Jvb, record).unwrap().0.time_completed);
}

#[test]
fn whatever_may_be_missing_is() {
    let caller = [("code.function.name", "A.b"), ("code.line.number", "1"), ("message", "x")];
    let of = |record: &'static str| {
        let (_, fields) = read_as(Service::Jibri, record).map_err(Refusal::name).unwrap();
        let names = fields.iter().take_while(|(name, _)| !name.starts_with("code")).map(|(name, _)| *name);
        assert_eq!(fields[fields.len() - 3..], caller, "{record}");
        names.collect::<Vec<_>>()
    };
    assert_eq!(of("2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"), ["time", "severity_text", "thread.id"]);
    assert_eq!(of("Jibri INFO: [1] A.b#1: x"), ["service.name", "severity_text", "thread.id"]);
    assert_eq!(of("AVERTISSEMENT: [1] A.b#1: x"), ["severity_text", "thread.id"]);
    assert!(read_as(Service::Jibri, "Jibri INFO: [1] A.b#1: x").unwrap().0.time.is_none());
}

#[test]
fn the_older_formatter() {
    let (_, fields) = read_as(
        Service::Jicofo,
        "Jicofo 2020-11-21 10:15:32.123 INFOS: [22] org.jitsi.jicofo.xmpp.FocusComponent.handleConferenceIq().401 Focus request: x",
    )
    .map_err(Refusal::name)
    .unwrap();
    assert_eq!(
        fields[4..],
        [
            ("code.function.name", "org.jitsi.jicofo.xmpp.FocusComponent.handleConferenceIq"),
            ("code.line.number", "401"),
            ("message", "Focus request: x"),
        ]
    );
    assert_eq!(
        self::fields("JVB 2020-11-21 10:15:32.123 INFO: [1] org.ice4j.ice.Component.log() 192.0.2.7")[4..],
        [("code.function.name", "org.ice4j.ice.Component.log"), ("message", "192.0.2.7")]
    );
}

#[test]
fn without_a_caller_all_is_message() {
    let record = "JVB 2026-11-21 10:15:32.123 INFO: [1] alice: hello [epId=1] x";
    assert_eq!(fields(record)[4..], [("message", "alice: hello [epId=1] x")]);
    assert_eq!(fields("JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: ").last().unwrap().0, "code.line.number");
}

#[test]
fn lines_that_begin_nothing_are_message() {
    let record = "JVB 2026-11-21 10:15:32.123 SEVERE: [1] A.b#1: failed\njava.io.IOException: 192.0.2.7\n\tat A.b(A.java:1)\n";
    assert_eq!(
        value(record, "message").unwrap(),
        "failed\njava.io.IOException: 192.0.2.7\n\tat A.b(A.java:1)\n"
    );
    for line in [
        "",
        "\tat org.jitsi.A.b(A.java:1)",
        "Caused by: java.net.ConnectException: Connection refused",
        "java.io.IOException: x",
        "\t... 7 more",
        "  <transport xmlns='urn:xmpp:jingle'>",
        "<iq to='a@b'>",
        "INFO: the second line of Java's formatter",
        "MultiException stack 1 of 2",
        "JibriConfig(recordingDirectory=/srv)",
        "JVB is a bridge",
        "DEBUGGING: [1] x",
        "jvb_1      | \tat org.jitsi.A.b(A.java:1)",
        "2026-11-21T10:15:32.123456789Z \tat org.jitsi.A.b(A.java:1)",
        "Nov 21 10:15:32 host java[12]: \tat org.jitsi.A.b(A.java:1)",
        "1234",
        "5: x",
        "12: : ",
        "\u{fffd}",
    ] {
        assert!(!begins(line), "{line}");
        assert_eq!(refused(line), Some(Refusal::Headless), "{line}");
    }
}

#[test]
fn levels_in_many_languages() {
    for level in ["INFORMACIÓN", "Infos", "AM FEINSTEN", "信息", "警告", "보다 미세", "FINE"] {
        let record = format!("JVB 2026-11-21 10:15:32.123 {level}: [1] A.b#1: x");
        assert!(begins(&record));
        assert_eq!(value(&record, "severity_text"), Some(level));
    }
    for record in ["JVB 2026-11-21 10:15:32.123 PANIC: [1] A.b#1: x", "JVB PANIC: [1] A.b#1: x"] {
        assert!(begins(record));
        assert_eq!(refused(record), Some(Refusal::UnknownLevel));
    }
    let without = "JVB 2026-11-21 10:15:32.123 org.jitsi.A.log() Member a@b joined.";
    assert!(begins(without));
    assert_eq!(refused(without), Some(Refusal::Mismatch));
}

#[test]
fn other_programs() {
    for record in [
        "Jicofo 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x",
        "Jicofo INFO: [1] A.b#1: x",
        "SIP 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x",
        "jicofo_1 | 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x",
        "prosody-1 | general  info  x",
        "Nov 21 10:15:32 host sshd[12]: x",
        "Nov 21 10:15:32 host prosody[12]: x",
    ] {
        assert!(begins(record), "{record}");
        assert_eq!(refused(record), Some(Refusal::OtherProgram), "{record}");
    }
    // Whoever says who it is, is believed: a project or a machine may have any name.
    assert_eq!(refused("web-1 | JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"), None);
    assert_eq!(refused("prosody-jvb-1 | 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"), None);
}

#[test]
fn another_layout_is_no_end_of_the_record_above() {
    for line in [
        "2026-11-21 10:15:32 x",
        "2026-11-21T10:15:32.123Z x",
        "[2026-11-21 10:15:32] x",
        "2026/11/21 10:15:32 [error] 1#1: x",
        "10:15:32.123 [main] INFO x",
        "Nov 21 10:15:32 mod_bosh\tinfo\tx",
        "2026-11-21 10:15:32.123 x y",
        "{\"log\":\"JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x\\n\",\"stream\":\"stderr\"}",
        "2026-11-21 10:15:32.123456 INFO: [1] A.b#1: x",
    ] {
        assert!(begins(line), "{line}");
        assert_eq!(refused(line), Some(Refusal::Mismatch), "{line}");
    }
}

#[test]
fn what_breaks_off() {
    let record = "JVB 2026-11-21 10:15:32.123 INFO: [189] [epId=660d9565 stats_id=Elva] A.b#1: x";
    let context = record.find("[epId").unwrap();
    let end = record.find("] A").unwrap();
    for cut in 5..context {
        assert!(begins(&record[..cut]), "{cut}");
        assert_eq!(refused(&record[..cut]), Some(Refusal::Truncated), "{cut}: {}", &record[..cut]);
    }
    for cut in context + 6..=end {
        assert_eq!(refused(&record[..cut]), Some(Refusal::OpenContext), "{cut}: {}", &record[..cut]);
    }
    assert_eq!(
        refused("JVB 2026-11-21 10:1JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"),
        Some(Refusal::Truncated)
    );
}

#[test]
fn two_records_in_one_line() {
    let whole = "JVB 2026-11-21 10:15:32.123 INFO: [189] [epId=660d9565] A.b#1: x";
    for cut in [whole.len(), whole.len() - 3, 58, 44] {
        for second in [whole, &whole[4..], "Jicofo 2026-11-21 10:15:32.123 警告: [1] A.b#1: x"] {
            let record = format!("{}{second}\n\tat x", &whole[..cut]);
            assert_eq!(refused(&record), Some(Refusal::Truncated), "{record}");
        }
    }
    // Nothing else that looks a little like it.
    for message in [
        "INFO: [1] x",
        "at 2026-11-21 10:15:32.123 INFO: x",
        "candidate: [2001:db8::1]:5000",
        "a: [1] b: [2] c",
    ] {
        let record = format!("{whole} {message}");
        assert!(value(&record, "message").unwrap().ends_with(message));
    }
}

#[test]
fn times() {
    assert_eq!(refused("JVB 2026-02-30 10:15:32.123 INFO: [1] A.b#1: x"), Some(Refusal::BadTime));
    assert_eq!(refused("JVB 2026-02-28 24:15:32.123 INFO: [1] A.b#1: x"), Some(Refusal::BadTime));
    // What is remembered of a minute changes nothing.
    let parser = parser(Service::Jvb);
    let mut memo = Memo::new(RECEIVED);
    let mut read = |clock: &str| {
        let mut parsed = Parsed::default();
        let record = format!("JVB 2026-11-21 {clock} INFO: [1] A.b#1: x");
        parser
            .parse(record.as_bytes(), &mut memo, &mut parsed)
            .map(|()| parsed.time.unwrap().0 % 3_600_000_000)
    };
    let micros = |seconds: i64, millis: i64| Ok((seconds * 1000 + millis) * 1000);
    assert_eq!(read("10:15:32.123"), micros(932, 123));
    assert_eq!(read("10:15:59.999"), micros(959, 999));
    assert_eq!(read("10:15:00.000"), micros(900, 0));
    assert_eq!(read("10:16:00.001"), micros(960, 1));
    assert_eq!(read("10:16:60.500"), micros(1019, 500));
    assert_eq!(read("10:16:61.500"), Err(Refusal::BadTime));
    assert_eq!(read("10:16:10.000"), micros(970, 0));
}

#[test]
fn prefixes() {
    let own = "JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x\njvb_1 | \tat y";
    let record = format!("jvb_1      | {own}");
    assert!(begins(&record));
    assert_eq!(fields(&record)[..2], [("container.name", "jvb_1"), ("service.name", "JVB")]);
    assert_eq!(value(&record, "message"), Some("x\njvb_1 | \tat y"));
    assert_eq!(time(&record).unwrap(), "2026-11-21T09:15:32.123Z");
    let record = "Nov 21 10:15:33 meet jitsi-jvb[123]: JVB INFO: [1] A.b#1: x";
    assert!(begins(record));
    assert_eq!(
        fields(record)[..5],
        [
            ("time", "Nov 21 10:15:33"),
            ("host.name", "meet"),
            ("syslog.appname", "jitsi-jvb"),
            ("process.pid", "123"),
            ("service.name", "JVB"),
        ]
    );
    assert_eq!(time(record).unwrap(), "2026-11-21T09:15:33Z");
    let record = "2026-11-21T10:15:33.123456789Z INFO: [1] A.b#1: x";
    assert!(begins(record));
    assert_eq!(time(record).unwrap(), "2026-11-21T10:15:33.123456Z");
    let record =
        "2026-11-21T10:15:33.123456+00:00 meet java[1]: JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x";
    assert_eq!(time(record).unwrap(), "2026-11-21T09:15:32.123Z");
    assert!(begins("[jvb_1     JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x"));
}

#[test]
fn the_two_lines_of_javas_own_formatter() {
    let record = "Dec 04, 2020 1:30:42 PM org.jitsi.utils.logging2.LoggerImpl log\nINFO: a: b\n\tat x";
    assert!(begins(record.lines().next().unwrap()));
    assert_eq!(
        fields(record),
        [
            ("time", "Dec 04, 2020 1:30:42 PM"),
            ("code.function.name", "org.jitsi.utils.logging2.LoggerImpl"),
            ("code.function.name", "log"),
            ("severity_text", "INFO"),
            ("message", "a: b\n\tat x"),
        ]
    );
    assert_eq!(time(record).unwrap(), "2020-12-04T12:30:42Z");
    let at = |clock: &str| time(&format!("Dec 4, 2020, {clock} org.jitsi.A\r\nAVERTISSEMENT: x")).unwrap();
    assert_eq!(at("12:00:00\u{202f}AM"), "2020-12-03T23:00:00Z");
    assert_eq!(at("12:00:00 PM"), "2020-12-04T11:00:00Z");
    assert_eq!(at("11:59:59 PM"), "2020-12-04T22:59:59Z");
    let prefixed = "jvb_1 | Dec 04, 2020 1:30:42 PM org.jitsi.A log\njvb_1 | INFO: x";
    assert!(begins(prefixed.lines().next().unwrap()) && !begins(prefixed.lines().nth(1).unwrap()));
    assert_eq!(fields(prefixed).iter().filter(|(name, _)| *name == "container.name").count(), 2);
    let refusals = [
        ("Dec 04, 2020 1:30:42 PM org.jitsi.A log", Refusal::Truncated),
        ("Dec 04, 2020 1:30:42 PM org.jitsi.A log\nPANIC: x", Refusal::UnknownLevel),
        ("Dec 04, 2020 1:30:42 PM org.jitsi.A log\nx", Refusal::Mismatch),
        ("Dec 04, 2020 13:30:42 PM org.jitsi.A log\nINFO: x", Refusal::BadTime),
        ("Feb 30, 2020 1:30:42 PM org.jitsi.A log\nINFO: x", Refusal::BadTime),
        ("INFO: x", Refusal::Headless),
    ];
    for (record, refusal) in refusals {
        assert_eq!(refused(record), Some(refusal), "{record}");
    }
}

#[test]
fn what_the_bridge_itself_redacted_stays_text() {
    let message =
        "Pair succeeded: 198.51.100.9:10000/udp/srflx -> xx.xx.xx.xx:61542/udp/prflx, [2xxx::xxx]:50123/udp";
    let record = format!("JVB 2026-11-21 10:15:32.123 INFO: [1] [epId=1] CheckList.a#406: {message}");
    assert_eq!(value(&record, "message"), Some(message));
}

/// What stands between the parts is copied as it is: it may hold nothing but the format's own words.
#[test]
fn nothing_is_left_between_the_parts() {
    let names = ["Eva] Meyer", "a=b c=d", "x] A.b: y", "[", "null", "", "a\u{202f}b", "Eva epId=Eva Eva"];
    for (first, second) in names.iter().flat_map(|first| names.map(|second| (*first, second))) {
        for context in
            [format!("room={first} stats_id={second}"), format!("own={first} participant={second} x=Eva")]
        {
            let record = format!("JVB 2026-11-21 10:15:32.123 INFO: [1] [{context}] C.d#2: z");
            let Ok((parsed, _)) = read_as(Service::Jvb, &record) else { continue };
            let mut between = String::new();
            let mut at = 0;
            for part in &parsed.parts {
                between.push_str(&record[at..part.start as usize]);
                at = part.end as usize;
            }
            for key in ["room=", "stats_id=", "epId=", "participant="] {
                between = between.replace(key, "");
            }
            assert!(between.chars().all(|c| " :[]#".contains(c)), "{record}: {between}");
        }
    }
}
