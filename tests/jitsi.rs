//! The services of Jitsi through the whole filter: for every bad record the reason is counted, and the next record is right.
//!
//! *Promised*: §6 of the videoconference issue. *Not here*: what stands in a message (`leak`, `finder`).

use jiff::tz::TimeZone;
use sluis::config::format_spec::FormatSpec;
use sluis::format::jitsi::{Jitsi, Service};
use sluis::format::{Memo, Parser as _};
use sluis::pipeline::build::decide;
use sluis::record::span::{Parsed, Refusal};
use sluis::record::timestamp::Timestamp;
use sluis::source::frame::records;

use crate::support::{self, Run, sluis, sluis_fed};

/// A record, and the same as the built-in policy leaves it, but for the token.
const GOOD: &str = "JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: Stopped in round 7";

fn filter(input: &str) -> Run {
    sluis(&["filter", "--format", "jvb", "--time-zone", "UTC", "--stats=json"], input.as_bytes())
}

/// A bad record between two good ones is refused for `reason`, and both of its neighbours are there, whole and alone.
#[track_caller]
fn refused_alone(bad: &str, reason: Refusal) {
    let run = filter(&format!("{GOOD}\n{bad}\n{GOOD}\n"));
    run.expect_code(0);
    let stats = run.stats();
    assert_eq!((stats.taken, stats.out, stats.quarantined), (3, 2, 1), "{bad}: {stats:?}");
    assert_eq!(stats.reasons.get(reason.name()), Some(&1), "{bad}: {stats:?}");
    assert_eq!(run.lines(), [GOOD.as_bytes(); 2], "{bad}");
}

#[test]
fn bad_records_are_refused_alone() {
    let trace = "\n\tat org.jitsi.A.b(A.java:1)\nCaused by: java.io.IOException: 203.0.113.7";
    let bad: [(&str, Refusal); 11] = [
        // Cut, in header and context, and joined.
        ("JVB 2026-11-21 10:15", Refusal::Truncated),
        ("JVB 2026-11-21 10:15:32.123 INFO: [1", Refusal::Truncated),
        (
            "JVB 2026-11-21 10:15:32.123 INFO: [1] [conf_name=a@conference.example.org epI",
            Refusal::OpenContext,
        ),
        (
            "JVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: StopJVB 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x",
            Refusal::Truncated,
        ),
        // Brackets that never close.
        (
            "JVB 2026-11-21 10:15:32.123 INFO: [1] [conf_name=[a[b@conference.example.org A.b#1: x",
            Refusal::OpenContext,
        ),
        ("JVB 2026-11-21 10:15:32.123 PANIC: [1] A.b#1: x", Refusal::UnknownLevel),
        ("Jicofo 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x", Refusal::OtherProgram),
        ("prosody-1  | general info x", Refusal::OtherProgram),
        ("JVB 2026-02-30 10:15:32.123 INFO: [1] A.b#1: x", Refusal::BadTime),
        // A changed log pattern.
        ("2026-11-21T10:15:32.123Z INFO A.b x", Refusal::Mismatch),
        ("Nov 21, 2026 10:15:32 PM org.jitsi.A log\nx", Refusal::Mismatch),
    ];
    for (bad, reason) in bad {
        refused_alone(bad, reason);
        refused_alone(&format!("{bad}{trace}"), reason);
    }
}

#[test]
fn a_trace_without_its_head() {
    let run = filter(&format!("\tat org.jitsi.A.b(A.java:1)\n\t... 7 more\n{GOOD}\n"));
    let stats = run.stats();
    assert_eq!((stats.out, stats.reasons.get(Refusal::Headless.name())), (1, Some(&1)), "{stats:?}");
    assert_eq!(run.lines(), [GOOD.as_bytes()]);
}

#[test]
fn a_stanza_of_ten_mebibytes() {
    let stanza = format!("{GOOD} {}", "<candidate ip='203.0.113.7'/>\n".repeat(10 << 20 >> 5));
    refused_alone(&stanza, Refusal::TooLong);
    refused_alone(&stanza.replace('\n', ""), Refusal::TooLong);
}

/// Wherever reads and batches cut, the records are the same.
#[test]
fn cuts_of_reads_change_nothing() {
    let input = format!(
        "{GOOD}\n\tat org.jitsi.A.b(A.java:1)\njvb_1 | {GOOD}\njvb_1 | \tat x\nDec 04, 2020 1:30:42 PM org.jitsi.A log\nINFO: x\n\
         {GOOD}\n"
    );
    let arguments = ["filter", "--format", "jvb", "--time-zone", "UTC", "--stats=json"];
    let whole = sluis(&arguments, input.as_bytes());
    assert_eq!(whole.stats().out, 4, "{:?}", whole.stats());
    assert_eq!(String::from_utf8_lossy(&whole.out), input);
    for piece in [1, 7, 100] {
        assert!(sluis_fed(&arguments, input.as_bytes(), piece).out == whole.out, "{piece}");
    }
}

#[test]
fn auto_tells_the_services_by_their_names() {
    let decided =
        |sample: &str| decide(sample.as_bytes(), Some(&TimeZone::UTC), &std::collections::BTreeMap::new());
    let rest = "2026-11-21 10:15:32.123 INFO: [1] A.b#1: x\n\tat y\n";
    for (program, service) in [
        ("JVB", Service::Jvb),
        ("Jicofo", Service::Jicofo),
        ("Jigasi", Service::Jigasi),
        ("Jibri", Service::Jibri),
    ] {
        assert_eq!(decided(&format!("{program} {rest}").repeat(5)), Ok(FormatSpec::Jitsi(service)));
    }
    // Without a name all of them read it. Bridges were without one for years.
    assert_eq!(decided(&rest.repeat(5)), Ok(FormatSpec::Jitsi(Service::Jvb)));
    assert!(decided("hello\nworld\n").is_err());
}

/// PI-2, the other way round: what the services wrote is not refused.
#[test]
fn real_logs_are_parsed_whole() {
    let Some(corpus) = support::corpus() else { return };
    let files: [(Service, &str, usize); 11] = [
        (Service::Jvb, "jitsi-2024-abhishektharu/jvb.log", 0),
        (Service::Jicofo, "jitsi-2024-abhishektharu/jicofo.log", 0),
        (Service::Jicofo, "jitsi-2020-03-rajes123/jicofo.log", 0),
        (Service::Jibri, "jitsi-2020-03-rajes123/jibrierror", 0),
        // Lines of two services.
        (Service::Jvb, "jilo-reference/jitsi_2024_reference_lines.log", 5),
        (Service::Jicofo, "jilo-reference/jitsi_2024_reference_lines.log", 6),
        // A line that lost its level.
        (Service::Jicofo, "jitsi-localized/jicofo_localised_levels.log", 1),
        (Service::Jibri, "jitsi-issues-a/jibri.log", 0),
        (Service::Jigasi, "jitsi-issues-a/jigasi_jibri_short.log", 0),
        (Service::Jvb, "jitsi-issues-a/jvb_2020-03_compose.log", 0),
        (Service::Jvb, "jitsi-issues-a/jvb_2024_context.log", 0),
    ];
    for (service, path, foreign) in files {
        let bytes = std::fs::read(corpus.join("videoconference").join(path)).unwrap();
        let parser = Jitsi::new(service, TimeZone::UTC);
        let mut memo = Memo::new(Timestamp::from_seconds(1_795_262_400));
        let (mut read, mut refused) = (0, 0);
        for record in records(&parser, &bytes) {
            let mut parsed = Parsed::default();
            let is_read = parser.parse(record, &mut memo, &mut parsed).is_ok();
            (read, refused) = (read + usize::from(is_read), refused + usize::from(!is_read));
        }
        println!("{path}: {read} records, {refused} refused");
        assert!(read > 0 && refused == foreign, "{path}: {read} records, {refused} refused");
    }
}
