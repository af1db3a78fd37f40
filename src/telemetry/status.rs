//! The status page: what `/status` says, as JSON. Keys are stable; others may be added.

use serde_json::{Map, Value, json};

use super::meters::Meters;
use crate::record::timestamp::Timestamp;

/// The whole page.
pub(super) fn page(meters: &Meters, now: Timestamp, clock_paused: bool) -> Value {
    let setup = meters.setup();
    let (committed, aborted, restarts, in_flight) = meters.totals();
    let sinks: Vec<Value> = setup.sinks.iter().zip(meters.sink_rows(now)).map(|(sink, (age, blocked))| {
        let classes: Vec<Value> = sink
            .classes
            .iter()
            .map(|class| {
                json!({
                    "class": class.name,
                    "worst_age_seconds": class.worst_seconds,
                    "limit_seconds": class.limit_seconds,
                })
            })
            .collect();
        json!({ "name": sink.name, "oldest_event_age_seconds": age, "blocked": blocked, "classes": classes })
    }).collect();
    let topics: Vec<Value> = meters
        .topic_rows()
        .map(|(topic, lag, lost)| json!({ "topic": topic, "lag_records": lag, "out_of_range_records": lost }))
        .collect();
    let pauses: Map<String, Value> = meters
        .pauses()
        .rows()
        .map(|(reason, count, now)| (reason.to_owned(), json!({ "count": count, "now": now })))
        .collect();
    json!({
        "state": meters.ready(now, clock_paused),
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": meters.uptime_seconds(),
        "pipeline": setup.pipeline,
        "policy": {
            "name": setup.policy.name,
            "version": setup.policy.version,
            "sha256": setup.policy.hash,
        },
        "workers": setup.workers,
        "lanes": meters.lane_states().map(super::LaneState::word).collect::<Vec<_>>(),
        "lane_restarts": restarts,
        "sources": meters.sources().iter().map(super::source::SourceMeter::status).collect::<Vec<_>>(),
        "sinks": sinks,
        "blocking": meters.blocking(now),
        "topics": topics,
        "transactions": { "committed": committed, "aborted": aborted },
        "pauses": pauses,
        "in_flight_bytes": in_flight,
    })
}
