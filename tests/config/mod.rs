//! Policy and pipeline files: what is accepted, what is refused, and in which words.

mod admin;
mod deployed;
mod kafka;
mod kafka_faults;
mod kafka_topic_faults;
mod pipeline;
mod pipeline_faults;
mod policy;
mod policy_faults;
mod shipped;

use std::io;
use std::path::Path;

use sluis::config::diagnostics::{Problem, Problems};
use sluis::config::plan::Plan;
use sluis::config::{pipeline_from_str, policy_from_str};

/// A policy without a fault. Line numbers in the tests count from here.
const POLICY: &str = r#"[policy]
name = "test"
version = "2026-11-21"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL", "EU"]

[domain.meeting]
epoch = "1d"

[class.web]
retention = "14d"
domain = "meeting"
purposes = ["security", "fault analysis"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.registration]
retention = "24h"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = { pseudonymise = "token", truncate = { v4 = 24, v6 = 40, as = "client.network" } }
"url.path" = "scrub"

[output.statistics]
fields = ["time", "client.network"]
purposes = ["fault analysis"]
"#;

/// A pipeline without a fault.
const PIPELINE: &str = r#"policy = "policy/test.toml"
keys = "/var/lib/sluis/keys"
state = "/var/lib/sluis/test"

[source.nginx]
kind = "file"
path = "/var/log/nginx/access.log"
format = "combined"
class = [{ when = { "url.path" = "/register" }, is = "registration" }, { is = "web" }]
max_lateness = "3h"

[sink.analytics]
kind = "file"
path = "/var/lib/sluis/analytics"
classes = ["web"]
output = "statistics"
purpose = "fault analysis"
location = "NL"
recipient = "operations team"

[sink.registration]
kind = "file"
path = "/var/lib/sluis/registration"
classes = ["registration"]
purpose = "security"
location = "NL"
recipient = "support"
"#;

fn headlines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::headline).collect()
}

/// The headlines of everything wrong with a policy.
fn refused_policy(text: &str) -> Vec<String> {
    headlines(&policy_from_str(text, "p.toml").err().map(|found| found.problems).unwrap_or_default())
}

fn load_pipeline(text: &str, policy: &str) -> Result<(Plan, Vec<Problem>), Problems> {
    pipeline_from_str(text, "etc/run.toml", &|path: &Path| {
        if path == Path::new("etc/policy/test.toml") {
            Ok(policy.to_owned())
        } else {
            Err(io::Error::from(io::ErrorKind::NotFound))
        }
    })
}

/// The headlines of everything wrong with a pipeline under the policy above.
fn refused_pipeline(text: &str) -> Vec<String> {
    headlines(&load_pipeline(text, POLICY).err().map(|found| found.problems).unwrap_or_default())
}

/// `text` with `old`, which must be in it once, replaced.
fn with(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "'{old}' stands once in the fixture");
    text.replace(old, new)
}
