//! What is wrong with a topic, and what is not.

use super::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn wanted() -> Output {
    Output {
        topic: "clean".into(),
        holds: "class web".into(),
        arrival: Arrival { clock_skew_ms: 1_000, lateness_ms: 3 * HOUR, in_flight_ms: 11_000 },
        limit_ms: 14 * DAY,
        keyed: false,
        partitions: None,
        replication: 3,
        message_bytes: None,
        inputs: vec![0],
    }
}

fn raw(limit_ms: u64) -> Input {
    Input {
        source: "nginx".into(),
        topics: vec!["raw".into()],
        limit_ms,
        limited_by: "class web".into(),
        committed: Committed::Stays,
    }
}

/// A topic of six partitions as `topics apply` makes it, with some settings changed.
fn made(changed: &[(&str, &str)]) -> (Planned, Found) {
    let planned = Planned::new(&wanted(), Broker::default(), Some(6));
    let settings = planned.settings(planned.limits.as_ref().unwrap());
    let settings =
        settings.into_iter().map(|(name, value)| (name.to_owned(), Setting { value, explicit: true }));
    let mut found = Found { layout: Layout { partitions: 6, replicas: 3 }, settings: settings.collect() };
    for (name, value) in changed {
        found.settings.insert((*name).to_owned(), Setting { value: (*value).to_owned(), explicit: true });
    }
    (planned, found)
}

fn judged(changed: &[(&str, &str)]) -> Vec<Finding> {
    let (planned, found) = made(changed);
    output(&wanted(), &planned, &found, Broker::default())
}

#[test]
fn what_apply_makes_has_no_fault() {
    assert_eq!(judged(&[]), []);
    // Stricter is left alone.
    assert_eq!(judged(&[(RETENTION, "60000"), (SEGMENT, "10000"), (DELETE_DELAY, "0")]), []);
    // Within the limit all the same.
    assert_eq!(judged(&[(RETENTION, "86400000"), (SEGMENT, "604800000")]), []);
}

#[test]
fn each_fault_is_refused_with_its_change() {
    let (planned, _) = made(&[]);
    let limits = planned.limits.unwrap();
    let (retention, segment) = (limits.retention_ms.unwrap().to_string(), limits.segment_ms.to_string());
    for (setting, value, change) in [
        (RETENTION, "2592000000", retention.as_str()),
        (RETENTION, "-1", &retention),
        (SEGMENT, "604800000", &segment),
        (SEGMENT, "9223372036854775807", &segment),
        (DELETE_DELAY, "1209600000", "60000"),
        (CLEANUP, "compact", "delete"),
        (CLEANUP, "compact,delete", "delete"),
        (TIMESTAMP_TYPE, "CreateTime", "LogAppendTime"),
        (MIN_IN_SYNC, "4", "2"),
    ] {
        let findings = judged(&[(setting, value)]);
        let [finding] = findings.as_slice() else { panic!("{setting}={value}: {findings:?}") };
        assert_eq!((finding.setting, finding.weight), (setting, Weight::Refuses));
        assert_eq!(finding.change.as_deref(), Some(change), "{setting}={value}");
    }
    let findings = judged(&[(RETENTION, "2592000000")]);
    let said = findings[0].to_string();
    assert!(said.starts_with("topic clean: retention.ms is 30d, should be at most 13d"), "{said}");
    assert!(
        said.contains("clock 1s + lateness 3h + in flight 11s + retention.ms 30d + segment.ms"),
        "{said}"
    );
    assert!(said.contains("limit 14d; `sluis topics apply` sets it"), "{said}");
}

#[test]
fn a_topic_mended_as_said_has_no_fault() {
    let hostile =
        [(RETENTION, "-1"), (SEGMENT, "604800000"), (CLEANUP, "compact"), (TIMESTAMP_TYPE, "CreateTime")];
    let findings = judged(&hostile);
    assert_eq!(findings.len(), 4);
    let mut changed: Vec<(&str, &str)> = hostile.to_vec();
    for finding in &findings {
        changed.push((finding.setting, finding.change.as_deref().unwrap()));
    }
    assert_eq!(judged(&changed), []);
}

#[test]
fn partitions_follow_the_input_unless_keyed() {
    let (_, found) = made(&[]);
    let of = |output_: &Output, input_partitions| {
        output(
            output_,
            &Planned::new(output_, Broker::default(), Some(input_partitions)),
            &found,
            Broker::default(),
        )
    };
    assert_eq!(of(&wanted(), 6), []);
    assert_eq!(of(&wanted(), 3), []);
    let few = of(&wanted(), 12);
    assert_eq!((few[0].setting, few[0].weight), (PARTITIONS, Weight::Refuses));
    assert_eq!(few[0].change.as_deref(), Some("12"));
    assert_eq!(of(&Output { keyed: true, ..wanted() }, 12), []);
}

#[test]
fn a_default_of_the_broker_is_no_promise() {
    let (planned, mut found) = made(&[]);
    found.settings.get_mut(RETENTION).unwrap().explicit = false;
    let findings = output(&wanted(), &planned, &found, Broker::default());
    assert_eq!((findings.len(), findings[0].setting, findings[0].weight), (1, RETENTION, Weight::Warns));
}

#[test]
fn few_copies_warn() {
    let findings = judged(&[(MIN_IN_SYNC, "1")]);
    assert_eq!((findings[0].setting, findings[0].weight), (MIN_IN_SYNC, Weight::Warns));
    let (planned, mut found) = made(&[]);
    found.layout.replicas = 1;
    let findings = output(&wanted(), &planned, &found, Broker::default());
    assert_eq!(findings[0].setting, "replication");
    // Two in-sync replicas of one: nothing can be written.
    assert_eq!((findings[1].setting, findings[1].weight), (MIN_IN_SYNC, Weight::Refuses));
}

#[test]
fn a_class_without_room_is_refused() {
    let short = Output { limit_ms: 2 * HOUR, ..wanted() };
    let (_, found) = made(&[]);
    let planned = Planned::new(&short, Broker::default(), Some(6));
    let findings = output(&short, &planned, &found, Broker::default());
    assert!(findings[0].why.contains("no retention.ms fits: limit 2h"), "{}", findings[0]);
    assert_eq!(findings[0].change, None);
}

#[test]
fn input_that_outlives_its_class_is_refused_with_the_arithmetic() {
    let of = |limit, changed: &[(&str, &str)]| {
        let (_, found) = made(changed);
        input(&raw(limit), "raw", &found, Broker::default())
    };
    assert_eq!(of(14 * DAY, &[(RETENTION, "604800000")]), []);
    // The defaults of Kafka against two weeks.
    let findings = of(14 * DAY, &[(RETENTION, "604800000"), (SEGMENT, "604800000")]);
    let said = findings[0].to_string();
    assert!(said.contains("retention.ms 7d + segment.ms 7d + check interval 5m = 14d 5m readable"), "{said}");
    assert!(
        said.contains("raw_limit in [source.nginx]") && said.contains("raw lines outlive class web"),
        "{said}"
    );
    // With raw_limit that is meant.
    assert_eq!(of(15 * DAY, &[(RETENTION, "604800000"), (SEGMENT, "604800000")]), []);
    // Producers may date records ahead.
    let dated = [(TIMESTAMP_TYPE, "CreateTime"), (RETENTION, "604800000"), (AHEAD, "3600000")];
    assert_eq!(of(14 * DAY, &dated), []);
    let dated = [(TIMESTAMP_TYPE, "CreateTime"), (RETENTION, "604800000"), (AHEAD, "9223372036854775807")];
    assert!(of(14 * DAY, &dated)[0].why.contains("dated ahead without bound"));
    let compacted = of(14 * DAY, &[(RETENTION, "604800000"), (CLEANUP, "compact")]);
    assert_eq!((compacted[0].setting, compacted[0].change.as_deref()), (CLEANUP, None));
}
