use proptest::prelude::*;

use crate::record::calendar;

use super::*;

fn zone() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn at(form: TimeForm, text: &str) -> Result<String, Refusal> {
    // 2026-11-21T09:15:40Z
    let mut memo = Memo::new(Timestamp::from_seconds(1_795_252_540));
    let zone = zone();
    let first = read(form, text.as_bytes(), Some(&zone), &mut memo);
    assert_eq!(first, read(form, text.as_bytes(), Some(&zone), &mut memo), "the memo changes nothing");
    first.map(|reading| written(reading.instant))
}

fn written(instant: Timestamp) -> String {
    let mut out = Vec::new();
    write_rfc3339(instant, &mut out);
    String::from_utf8(out).unwrap()
}

fn good(form: TimeForm, text: &str, expected: &str) {
    assert_eq!(at(form, text).unwrap(), expected, "{text}");
    let found = at(TimeForm::Any, text);
    assert_eq!(found.unwrap(), expected, "{text} recognised");
}

#[test]
fn common_log_times() {
    use TimeForm::CommonLog;
    good(CommonLog, "21/Nov/2026:10:15:32 +0100", "2026-11-21T09:15:32Z");
    good(CommonLog, "29/Feb/2024:00:00:00 +0530", "2024-02-28T18:30:00Z");
    good(CommonLog, "01/Jan/1970:00:00:00 -0330", "1970-01-01T03:30:00Z");
    good(CommonLog, "31/Dec/1969:23:59:59 +0000", "1969-12-31T23:59:59Z");
    good(CommonLog, "01/Jan/1900:00:00:00 +0000", "1900-01-01T00:00:00Z");
    good(CommonLog, "01/Jan/2999:00:00:00 +0000", "2999-01-01T00:00:00Z");
    good(CommonLog, "31/Dec/2016:23:59:60 +0000", "2016-12-31T23:59:59Z");
}

#[test]
fn impossible_common_log_times() {
    for text in [
        "",
        "-",
        "31/Feb/2026:10:15:32 +0100",
        "29/Feb/2026:10:15:32 +0100",
        "29/Feb/1900:10:15:32 +0100",
        "31/Apr/2026:10:15:32 +0100",
        "00/Nov/2026:10:15:32 +0100",
        "32/Nov/2026:10:15:32 +0100",
        "21/Nox/2026:10:15:32 +0100",
        "21/nov/2026:10:15:32 +0100",
        "21/Nov/2026:24:15:32 +0100",
        "21/Nov/2026:10:60:32 +0100",
        "21/Nov/2026:10:15:61 +0100",
        "21/Nov/2026:10:15:32",
        "21/Nov/2026:10:15:32 0100",
        "21/Nov/2026:10:15:32 +2400",
        "21/Nov/2026:10:15:32 +0160",
        "21/Nov/2026:10:15:32 +01:0",
        "21/Nov/2026 10:15:32 +0100",
        "2a/Nov/2026:10:15:32 +0100",
        "21/Nov/20 6:10:15:32 +0100",
        "21/Nov/2026:10:15:32 +0100 ",
    ] {
        assert_eq!(at(TimeForm::CommonLog, text), Err(Refusal::BadTime), "{text}");
    }
}

#[test]
fn iso_times() {
    use TimeForm::Iso8601;
    good(Iso8601, "2026-11-21T10:15:32+01:00", "2026-11-21T09:15:32Z");
    good(Iso8601, "2026-11-21T10:15:32Z", "2026-11-21T10:15:32Z");
    good(Iso8601, "2026-11-21 10:15:32.5 +0530", "2026-11-21T04:45:32.500Z");
    good(Iso8601, "2026-11-21T10:15:32,123-03", "2026-11-21T13:15:32.123Z");
    good(Iso8601, "2026-11-21T10:15:32.123456789Z", "2026-11-21T10:15:32.123456Z");
    good(Iso8601, "2026-11-21T10:15:32", "2026-11-21T09:15:32Z");
    good(Iso8601, "2026-06-21 10:15:32,001", "2026-06-21T08:15:32.001Z");
    good(Iso8601, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z");
    for text in [
        "2026-13-01T00:00:00Z",
        "2026-11-21T10:15Z",
        "2026-11-21T10:15:32.Z",
        "2026-11-21",
        "2026-02-30T00:00:00Z",
        "2026-11-21T10:15:32ZZ",
        "2026-11-21T10:15:32 ",
    ] {
        assert_eq!(at(Iso8601, text), Err(Refusal::BadTime), "{text}");
    }
}

#[test]
fn epochs() {
    good(TimeForm::EpochSeconds, "1700000000", "2023-11-14T22:13:20Z");
    good(TimeForm::EpochSeconds, "1700000000.123", "2023-11-14T22:13:20.123Z");
    good(TimeForm::EpochMillis, "1700000000123", "2023-11-14T22:13:20.123Z");
    good(TimeForm::EpochMicros, "1700000000123456", "2023-11-14T22:13:20.123456Z");
    assert_eq!(at(TimeForm::EpochSeconds, "-1.5").unwrap(), "1969-12-31T23:59:58.500Z");
    for text in ["", "-", ".5", "1.", "1e9", "12345678901234567890", "999999999999999999", "1700000000 "] {
        assert_eq!(at(TimeForm::EpochSeconds, text), Err(Refusal::BadTime), "{text}");
    }
}

#[test]
fn error_log_and_syslog_times() {
    good(TimeForm::NginxError, "2026/11/21 10:15:32", "2026-11-21T09:15:32Z");
    good(TimeForm::ApacheError, "Sat Nov 21 10:15:32.123456 2026", "2026-11-21T09:15:32.123456Z");
    good(TimeForm::ApacheError, "Sun Nov  1 10:15:32 2026", "2026-11-01T09:15:32Z");
    good(TimeForm::Syslog, "Nov 21 10:15:32", "2026-11-21T09:15:32Z");
    good(TimeForm::Syslog, "Nov  1 10:15:32", "2026-11-01T09:15:32Z");
    good(TimeForm::Syslog, "Dec 31 10:15:32", "2025-12-31T09:15:32Z");
    good(TimeForm::Syslog, "Nov 22 09:00:00", "2026-11-22T08:00:00Z");
    good(TimeForm::Syslog, "Feb 29 12:00:00", "2024-02-29T11:00:00Z");
    assert_eq!(at(TimeForm::Syslog, "Feb 30 12:00:00"), Err(Refusal::BadTime));
    assert_eq!(at(TimeForm::ApacheError, "Xyz Nov 21 10:15:32 2026"), Err(Refusal::BadTime));
    assert_eq!(at(TimeForm::NginxError, "2026/02/29 10:15:32"), Err(Refusal::BadTime));
}

#[test]
fn what_was_completed_is_said() {
    let mut memo = Memo::new(Timestamp::from_seconds(1_795_252_540));
    let zone = zone();
    let mut completed =
        |form, text: &str| read(form, text.as_bytes(), Some(&zone), &mut memo).unwrap().completed;
    assert!(!completed(TimeForm::CommonLog, "21/Nov/2026:10:15:32 +0100"));
    assert!(!completed(TimeForm::Iso8601, "2026-11-21T10:15:32Z"));
    assert!(completed(TimeForm::Iso8601, "2026-11-21T10:15:32"));
    assert!(completed(TimeForm::Syslog, "Nov 21 10:15:32"));
    assert_eq!(
        read(TimeForm::Iso8601, b"2026-11-21T10:15:32", None, &mut Memo::new(Timestamp(0))),
        Err(Refusal::BadTime)
    );
}

#[test]
fn the_earlier_of_two_readings_counts() {
    // Summer time ends on 25 October 2026: 02:30 comes twice, first at +0200.
    assert_eq!(at(TimeForm::Iso8601, "2026-10-25T02:30:00").unwrap(), "2026-10-25T00:30:00Z");
    assert_eq!(at(TimeForm::Iso8601, "2026-10-25T03:00:00").unwrap(), "2026-10-25T02:00:00Z");
    // It begins on 29 March 2026: 02:30 does not exist.
    assert_eq!(at(TimeForm::Iso8601, "2026-03-29T02:30:00").unwrap(), "2026-03-29T00:30:00Z");
    assert_eq!(at(TimeForm::Iso8601, "2026-03-29T01:59:59").unwrap(), "2026-03-29T00:59:59Z");
    assert_eq!(at(TimeForm::Iso8601, "2026-03-29T03:00:00").unwrap(), "2026-03-29T01:00:00Z");
}

#[test]
fn writing_is_bounded() {
    assert_eq!(written(Timestamp(i64::MAX)), "9999-12-31T23:59:59.999999Z");
    assert_eq!(written(Timestamp(i64::MIN)), "0000-01-01T00:00:00Z");
    assert_eq!(written(Timestamp(1)), "1970-01-01T00:00:00.000001Z");
}

proptest! {
    #[test]
    fn agrees_with_jiff(seconds in -62_000_000_000_i64..253_000_000_000, micros in 0_i64..1_000_000) {
        let instant = Timestamp(seconds * MICROS + micros);
        let theirs = jiff::Timestamp::from_microsecond(instant.0).unwrap();
        let ours = written(instant);
        prop_assert_eq!(ours.parse::<jiff::Timestamp>().unwrap(), theirs);
        prop_assert_eq!(Civil::iso8601(ours.as_bytes()).unwrap().instant(None, &mut Memo::new(Timestamp(0))).unwrap().instant, instant);
        let common = theirs.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        prop_assert_eq!(common_log(common.as_bytes()).unwrap().seconds(), seconds);
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..60), near in "[0-9/:+ .,TZ-]{0,40}") {
        let zone = zone();
        let mut memo = Memo::new(Timestamp(0));
        for form in [TimeForm::CommonLog, TimeForm::Iso8601, TimeForm::EpochSeconds, TimeForm::EpochMicros, TimeForm::NginxError, TimeForm::ApacheError, TimeForm::Syslog, TimeForm::Any] {
            let _ = read(form, &text, Some(&zone), &mut memo);
            let _ = read(form, near.as_bytes(), Some(&zone), &mut memo);
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000, kept in 0_usize..3) {
        let unit = [1, 1_000, 1_000_000][kept];
        let instant = Timestamp(micros.div_euclid(unit) * unit);
        prop_assert_eq!(calendar::read_rfc3339(written(instant).as_bytes()), Some(instant));
    }
}

#[test]
fn what_we_do_not_write_is_not_read_back() {
    for text in [
        "",
        "2026-11-21T09:15:32",
        "2026-11-21 09:15:32Z",
        "2026-11-21T09:15:32+00:00",
        "2026-11-21T09:15:32.1Z",
        "2026-11-21T09:15:32.12xZ",
        "2026-11-21T09:15:32.123456789Z",
        "2026-02-29T09:15:32Z",
        "x026-11-21T09:15:32Z",
        "2026-11-21T09:15:32Zz",
    ] {
        assert_eq!(calendar::read_rfc3339(text.as_bytes()), None, "{text}");
    }
}
