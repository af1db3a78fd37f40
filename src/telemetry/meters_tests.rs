use std::time::Duration;

use super::super::lane::PauseReason;
use super::super::setup::{ClassSetup, PolicySetup, SinkSetup, SourceSetup};
use super::super::source::Tally;
use super::*;

/// Two sources, of which one is on Kafka, and a sink of two classes.
pub(in crate::telemetry) fn setup() -> Setup {
    let class = |name: &str, limit| ClassSetup {
        name: name.to_owned(),
        limit_seconds: limit,
        worst_seconds: limit - 60,
    };
    Setup {
        pipeline: "meet".to_owned(),
        policy: PolicySetup {
            name: "meet".to_owned(),
            version: "2026-11-21".to_owned(),
            hash: "ab12".to_owned(),
        },
        sources: vec![
            SourceSetup {
                name: "nginx".to_owned(),
                topics: vec!["raw-nginx".to_owned(), "^raw-.*".to_owned()],
            },
            SourceSetup { name: "jvb".to_owned(), topics: vec!["raw-nginx".to_owned()] },
        ],
        sinks: vec![SinkSetup {
            name: "clean".to_owned(),
            classes: vec![class("web", 3_600), class("jvb", 7_200)],
        }],
        lanes: 2,
        workers: 0,
    }
}

const NOW: Timestamp = Timestamp::from_seconds(100_000);

/// The value of a sample, or a failure that shows all samples.
#[track_caller]
fn value(text: &str, sample: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().unwrap()
}

#[test]
fn what_is_counted_is_exported_under_its_name_and_unit() {
    let meters = Meters::new(setup());
    meters.set(Phase::Running);
    let mut quarantined = [0; crate::record::span::Refusal::ALL.len()];
    quarantined[1] = 3;
    let tally = Tally {
        delivered: 10,
        quarantined,
        expired: 1,
        withheld: 2,
        dropped: 4,
        late: 5,
        not_carried: 6,
        received_bytes: 1_000,
        delivered_bytes: 2_000,
    };
    let source = meters.source(0).unwrap();
    source.add(&tally);
    source.clone().add(&tally);
    source.waited_for_rate(Duration::from_millis(1_500));
    let (first, second) = (meters.lane(0).unwrap(), meters.lane(1).unwrap());
    first.set(LaneState::Running);
    first.lag(0, 7);
    second.lag(0, 5);
    second.lag(1, 1);
    // A topic that is not of the configuration has no place.
    second.lag(9, 1);
    first.committed(Duration::from_millis(80));
    second.committed(Duration::from_millis(120));
    second.aborted(Duration::from_secs(3));
    first.took(500);
    second.took(100);
    first.landed(200);
    second.set(LaneState::Restarting);
    second.set(LaneState::Starting);
    meters.pauses().pause(PauseReason::RateLimit);
    meters.pauses().pause(PauseReason::RateLimit);
    meters.pauses().resume(PauseReason::RateLimit);
    meters.out_of_range(1, 42);
    let sink = meters.sink(0, 1).unwrap();
    sink.begin(Some(NOW.plus_seconds(7_200 - 8)), NOW);
    let text = meters.exposition(NOW.plus_seconds(1), false);
    for (sample, expected) in [
        (r#"sluis_records_total{source="nginx",outcome="delivered"}"#, 20.0),
        (r#"sluis_records_total{source="nginx",outcome="quarantined"}"#, 6.0),
        (r#"sluis_records_total{source="nginx",outcome="expired"}"#, 2.0),
        (r#"sluis_records_total{source="nginx",outcome="withheld"}"#, 4.0),
        (r#"sluis_records_total{source="nginx",outcome="dropped"}"#, 8.0),
        (r#"sluis_records_total{source="nginx",outcome="late"}"#, 10.0),
        // What never happened is known to be none.
        (r#"sluis_records_total{source="jvb",outcome="delivered"}"#, 0.0),
        (r#"sluis_quarantined_records_total{source="nginx",reason="does not match the format"}"#, 6.0),
        (r#"sluis_quarantined_records_total{source="jvb",reason="too long"}"#, 0.0),
        (r#"sluis_received_bytes_total{source="nginx"}"#, 2_000.0),
        (r#"sluis_delivered_bytes_total{source="nginx"}"#, 4_000.0),
        (r#"sluis_keys_and_headers_not_carried_total{source="nginx"}"#, 12.0),
        (r#"sluis_rate_limit_wait_seconds_total{source="nginx"}"#, 1.5),
        (r#"sluis_consumer_lag_records{topic="raw-nginx"}"#, 12.0),
        (r#"sluis_consumer_lag_records{topic="^raw-.*"}"#, 1.0),
        (r#"sluis_out_of_range_records_total{topic="^raw-.*"}"#, 42.0),
        (r#"sluis_oldest_event_age_seconds{sink="clean"}"#, 9.0),
        (r#"sluis_worst_age_seconds{sink="clean",class="web"}"#, 3_540.0),
        (r#"sluis_worst_age_limit_seconds{sink="clean",class="web"}"#, 3_600.0),
        (r#"sluis_transactions_total{outcome="committed"}"#, 2.0),
        (r#"sluis_transactions_total{outcome="aborted"}"#, 1.0),
        ("sluis_transaction_duration_seconds_count", 3.0),
        (r#"sluis_transaction_duration_seconds_bucket{le="0.1"}"#, 1.0),
        (r#"sluis_pauses_total{reason="rate limit"}"#, 2.0),
        (r#"sluis_paused{reason="rate limit"}"#, 1.0),
        ("sluis_in_flight_bytes", 400.0),
        ("sluis_lanes_running", 1.0),
        ("sluis_lane_restarts_total", 1.0),
        ("sluis_ready", 0.0),
    ] {
        assert!((value(&text, sample) - expected).abs() < 1e-9, "{sample} in\n{text}");
    }
    assert!(text.contains(r#"sluis_build_info{version="0.1.0",pipeline="meet",policy="meet""#), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn counting_makes_no_new_series() {
    let meters = Meters::new(setup());
    let series = |text: &str| {
        let names = text.lines().filter(|line| !line.starts_with('#'));
        names.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    let before = series(&meters.exposition(NOW, false));
    let tally = Tally { delivered: 1, quarantined: [1; 12], late: 1, ..Tally::default() };
    (0..2).for_each(|at| meters.source(at).unwrap().add(&tally));
    assert!(meters.source(2).is_none() && meters.lane(2).is_none() && meters.sink(0, 2).is_none());
    for reason in PauseReason::ALL {
        meters.pauses().pause(reason);
    }
    meters.out_of_range(5, 1);
    meters.lane(1).unwrap().aborted(Duration::from_mins(1));
    assert_eq!(series(&meters.exposition(NOW, true)), before);
}

#[test]
fn ready_when_every_lane_is_and_nothing_blocks() {
    let meters = Meters::new(setup());
    assert_eq!(meters.ready(NOW, false), "starting");
    meters.set(Phase::Running);
    (0..2).for_each(|at| meters.lane(at).unwrap().set(LaneState::Running));
    assert_eq!(meters.ready(NOW, false), "ready");
    assert!((value(&meters.exposition(NOW, false), "sluis_ready") - 1.0).abs() < 1e-9);
    let sink = meters.sink(0, 0).unwrap();
    sink.begin(None, NOW);
    assert_eq!(meters.ready(NOW.plus_seconds(11), false), "blocked");
    assert_eq!(meters.blocking(NOW.plus_seconds(11)), Some("clean"));
    sink.end(NOW.plus_seconds(11));
    assert_eq!(meters.ready(NOW.plus_seconds(11), false), "ready");
    assert_eq!(meters.ready(NOW, true), "paused");
    meters.set(Phase::Stopping);
    assert_eq!(meters.ready(NOW, false), "stopping");
}
