//! Metrics, status and log lines of a run through which every canary goes.

use std::fs;

use super::canary::sightings;
use super::records::{self, SHAPES};
use super::{TempDir, line_at, none};
use crate::outside::Running;

const POLICY: &str = r#"
[policy]
name = "leak"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "3650d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "truncate"
"url.path" = "scrub"
"user_agent.original" = "scrub"
"#;

const PIPELINE: &str = r#"
policy = "policy.toml"

[admin]
listen = "127.0.0.1:0"

[source.nginx]
kind = "file"
path = "access.log"
format = "combined"
class = "web"

[sink.archive]
kind = "file"
path = "out"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
"#;

/// PI-1: not in a metric, a label, the status page or a log line, of whichever form.
#[test]
fn pi_1_no_canary_is_seen_from_outside() {
    for format in ["human", "json"] {
        let folder = TempDir::new().expect("a temporary directory");
        let shape = SHAPES.iter().find(|shape| shape.name == "combined").expect("a shape");
        fs::write(folder.path().join("policy.toml"), POLICY).expect("a file");
        let mut input = records::records(shape);
        input.extend(records::misfits(shape));
        assert!(!sightings(&input).is_empty());
        fs::write(folder.path().join("access.log"), &input).expect("a file");
        let pipeline = PIPELINE.replacen("policy.toml\"\n", "policy.toml\"\nstate = \"state\"\n", 1);
        let run = Running::start(&folder, &pipeline, &["--log-format", format, "--explain-failures"]);
        let all = format!("sluis_received_bytes_total{{source=\"nginx\"}} {}\n", input.len());
        let metrics = run.wait_for("/metrics", |answer| answer.body.contains(&all)).body;
        assert!(
            !metrics.contains("outcome=\"delivered\"} 0\n")
                && !metrics.contains("outcome=\"quarantined\"} 0\n")
        );
        let status = run.endpoint.get("/status", None).body;
        let (ended, said) = run.stop();
        ended.expect_code(0);
        let mut problems = Vec::new();
        for (place, text) in [("metrics", &metrics), ("status", &status), ("log", &said)] {
            assert!(!text.is_empty(), "{place}: nothing, so nothing was tested");
            for (kind, at) in sightings(text.as_bytes()) {
                let guilty = String::from_utf8_lossy(line_at(text.as_bytes(), at)).into_owned();
                problems.push(format!("{place} shows {kind}: {guilty}"));
            }
        }
        none(&problems);
    }
}
