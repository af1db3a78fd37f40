use std::sync::Arc;

use super::super::broker_clock::BrokerClockApart;
use super::super::log::Log;
use super::super::meters::tests::setup;
use super::*;
use crate::record::timestamp::Timestamp;

fn topic() -> TopicName {
    TopicName::new("raw-nginx").unwrap()
}

/// Tells one of each kind, and gives what the meters then say.
fn all() -> String {
    let meters = Arc::new(Meters::new(setup()));
    let log = Log::new(Arc::clone(&meters));
    log.tell(&LaneHung { lane: 0, seconds: 30 });
    log.tell(&LaneStarted { lane: 0 });
    log.tell(&LaneEnded { lane: 1, error: Some("_FATAL") });
    log.tell(&PartitionsAssigned { lane: 0, partitions: 3 });
    log.tell(&PartitionsRevoked { lane: 0, partitions: 1 });
    log.tell(&TransactionAborted { lane: 0, error: "_TIMED_OUT", after: Duration::from_secs(1) });
    log.tell(&Fenced { lane: 1 });
    log.tell(&OutOfRange { topic: 0, called: topic(), partition: 2, lost: 9 });
    log.tell(&LagOverHalf { source: 0, seconds: 100, limit_seconds: 150 });
    log.tell(&TopicUnchecked { topic: topic() });
    log.tell(&BrokerUnreachable { error: "_ALL_BROKERS_DOWN" });
    log.tell(&RecordsLate { source: 1, count: 4 });
    log.tell(&MessageTooLarge { topic: topic(), bytes: 2_000_000 });
    log.tell(&BrokerClockApart { topic: topic(), partition: 1, seconds: -120, limit_seconds: 30 });
    log.tell(&Paused { reason: PauseReason::InFlight });
    log.tell(&Resumed { reason: PauseReason::InFlight });
    (0..100).for_each(|_| log.tell(&BrokerUnreachable { error: "_ALL_BROKERS_DOWN" }));
    log.end();
    meters.exposition(Timestamp(0), false)
}

#[test]
fn every_fact_counts_itself_said_or_not() {
    let text = all();
    for name in NAMES {
        let expected = if name == "broker_unreachable" { 101 } else { 1 };
        let sample = format!("sluis_facts_total{{fact=\"{name}\"}} {expected}\n");
        assert!(text.contains(&sample), "{sample} in\n{text}");
    }
    assert_eq!(text.matches("sluis_facts_total{").count(), NAMES.len());
    for sample in [
        "sluis_lanes_running 1\n",
        "sluis_lane_restarts_total 1\n",
        "sluis_transactions_total{outcome=\"aborted\"} 1\n",
        "sluis_out_of_range_records_total{topic=\"raw-nginx\"} 9\n",
        "sluis_broker_clock_apart_seconds -120\n",
        "sluis_pauses_total{reason=\"in flight\"} 1\n",
        "sluis_paused{reason=\"in flight\"} 0\n",
    ] {
        assert!(text.contains(sample), "{sample} in\n{text}");
    }
}

#[test]
fn a_sentence_names_the_thing_and_the_place() {
    let setup = setup();
    let lost = OutOfRange { topic: 0, called: topic(), partition: 2, lost: 9 };
    assert!(lost.sentence(&setup).starts_with("9 messages of topic raw-nginx partition 2 were removed"));
    assert!(lost.level() == Level::Alarm);
    let late = RecordsLate { source: 1, count: 4 };
    assert_eq!(late.sentence(&setup), "4 records of source jvb came later than its 'max_lateness' allows");
    assert_eq!(late.fields(&setup).source, Some("jvb"));
    // A place that the setup has not is no reason to fail.
    assert!(RecordsLate { source: 7, count: 4 }.sentence(&setup).contains("source ?"));
}

#[test]
fn only_what_kafka_calls_a_topic_is_a_topic_name() {
    assert!(TopicName::new("raw.nginx_access-1").is_some());
    for text in ["", "a b", "203.0.113.7 - alice", "a\nb", "né", "GET /x", &"x".repeat(250)] {
        assert!(TopicName::new(text).is_none(), "{text}");
    }
}
