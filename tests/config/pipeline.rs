//! Pipelines under the policy of the parent module.

use super::pipeline_faults::FAULTS;
use super::{PIPELINE, POLICY, headlines, load_pipeline, refused_pipeline, with};
use sluis::config::format_spec::FormatSpec;
use sluis::config::pipeline_from_str;
use sluis::config::plan::{Form, SinkKind, SourceKind, Store};
use sluis::encode::Emit;
use std::path::{Path, PathBuf};

fn files(pattern: &str) -> SourceKind {
    SourceKind::File { pattern: pattern.to_owned(), rotated: None, raw_retention_seconds: None }
}

#[test]
fn the_fixture_has_no_fault_and_means_what_it_says() {
    let (plan, warnings) = load_pipeline(PIPELINE, POLICY).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(headlines(&warnings), [""; 0]);
    assert_eq!(plan.policy_path, PathBuf::from("etc/policy/test.toml"));
    assert_eq!(plan.keys, Some(PathBuf::from("/var/lib/sluis/keys")));
    let [source] = plan.sources.as_slice() else { panic!("one source") };
    assert_eq!(source.kind, files("/var/log/nginx/access.log"));
    assert_eq!(source.format, FormatSpec::Combined);
    assert_eq!(source.max_lateness_seconds, 3 * 3_600);
    assert_eq!(source.class.classes(), [0, 1]);
    assert_eq!(source.class.rules[0].when, [("url.path".to_owned(), "/register".to_owned())]);
    assert_eq!(source.class.otherwise, plan.policy.class("registration").unwrap(), "the strictest");
    let analytics = &plan.sinks[0];
    assert_eq!(analytics.emit, Emit::Ndjson);
    assert_eq!(analytics.view(&plan.policy).unwrap().name, "statistics");
    let directory = PathBuf::from("/var/lib/sluis/analytics");
    assert_eq!(
        analytics.kind,
        SinkKind::File { directory, part_seconds_max: 3_600, form: Form::Lines, encrypt: false }
    );
    let age = &analytics.worst_ages[0];
    assert_eq!((age.on_delivery_seconds(), age.store), (1 + 3 * 3_600 + 1 + 3_600, Store::NamedFile));
    assert!(age.to_string().contains("swept by the deadline in its name"), "{age}");
}

#[test]
fn relative_paths_start_at_the_file() {
    let text = with(PIPELINE, "/var/lib/sluis/keys", "keys");
    let text = with(&text, "/var/log/nginx/access.log", "logs/*.log");
    let (plan, _) = load_pipeline(&text, POLICY).unwrap();
    assert_eq!(plan.keys, Some(PathBuf::from("etc/keys")));
    assert_eq!(plan.sources[0].kind, files("etc/logs/*.log"));
}

#[test]
fn faults_are_named_with_place_and_remedy() {
    let mut wrong = Vec::new();
    for (old, new, expected) in FAULTS {
        let expected: Vec<String> = expected.iter().map(|line| format!("etc/run.toml:{line}")).collect();
        let found = refused_pipeline(&with(PIPELINE, old, new));
        if found != expected {
            wrong.push((new, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_later_version_brings_is_refused_as_that() {
    for (old, new, expected) in [
        ("\"combined\"", "\"syslog\"", "8:10: format 'syslog' is not in this version; use common"),
        (
            "kind = \"file\"\npath = \"/var/log",
            "kind = \"syslog\"\npath = \"/var/log",
            "6:8: kind of source 'syslog' is not in this version",
        ),
        (
            "kind = \"file\"\npath = \"/var/lib/sluis/analytics",
            "kind = \"syslog\"\npath = \"/var/lib/sluis/analytics",
            "13:8: kind of sink 'syslog' is not in this version",
        ),
        (
            "recipient = \"support\"",
            "recipient = \"support\"\nopt_out = true",
            "28:1: 'opt_out' in [sink.registration] is not in this version; leave it out",
        ),
        (
            "max_lateness",
            "listen = true\nmax_lateness",
            "10:1: 'listen' in [source.nginx] is not in this version; leave it out",
        ),
    ] {
        let found = refused_pipeline(&with(PIPELINE, old, new));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("etc/run.toml:{expected}")), "{found:?}");
    }
}

#[test]
fn problems_of_both_files_come_together() {
    let policy = with(POLICY, "\"scrub\"", "\"scrup\"");
    let found = load_pipeline(&with(PIPELINE, "\"combined\"", "\"combind\""), &policy).unwrap_err();
    assert_eq!(
        headlines(&found.problems),
        [
            "etc/run.toml:8:10: unknown format 'combind'; did you mean 'combined'?",
            "etc/policy/test.toml:27:14: unknown treatment 'scrup'; did you mean 'scrub'?",
        ]
    );
}

/// A pipeline with a quarantine of this text.
fn quarantine(lines: &str) -> String {
    format!("{PIPELINE}\n[quarantine]\n{lines}")
}

#[test]
fn quarantine_needs_a_key_and_an_end() {
    let key = age::x25519::Identity::generate().to_public().to_string();
    let text = quarantine(&format!("recipients = [\"{key}\"]\nretention = \"24h\"\n"));
    let (plan, _) = load_pipeline(&text, POLICY).unwrap_or_else(|found| panic!("{found}"));
    let meant = plan.quarantine.unwrap();
    assert_eq!(meant.recipients[0].to_string(), key);
    assert_eq!(meant.retention_seconds, 86_400);
    assert_eq!(meant.directory(), Some(Path::new("/var/lib/sluis/test/quarantine")));

    for (lines, expected) in [
        (
            "recipients = [\"age1…\"]\nretention = \"1h\"",
            "30:15: not an age recipient; write the public key that 'age-keygen' shows (age1…)",
        ),
        (
            "recipients = [\"AGE-SECRET-KEY-1\"]\nretention = \"1h\"",
            "30:15: a secret key among the recipients; write its public key (age1…), and renew it",
        ),
        (
            "retention = \"25h\"",
            "30:13: quarantine keeps records for 1d 1h, longer than class 'registration' of the sources lives; write at most \"1d\"",
        ),
        ("retention = \"0s\"", "30:13: retention of nothing; write a length, or no recipients"),
        ("recipient = \"x\"", "30:1: unknown key 'recipient' in [quarantine]; did you mean 'recipients'?"),
    ] {
        assert_eq!(refused_pipeline(&quarantine(lines)), [format!("etc/run.toml:{expected}")]);
    }
    let found = refused_pipeline(&quarantine(&format!("recipients = [\"{key}\"]")));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("missing 'retention' in [quarantine]"), "{found:?}");

    let (plan, _) = load_pipeline(&quarantine("recipients = []\nretention = \"24h\""), POLICY).unwrap();
    assert_eq!(plan.quarantine, None, "without a key, what fails is discarded");
}

#[test]
fn a_secret_key_is_not_shown() {
    let text = quarantine("recipients = [\"AGE-SECRET-KEY-1QQQQ\"]\nretention = \"1h\"");
    let shown = load_pipeline(&text, POLICY).unwrap_err().to_string();
    assert!(!shown.contains("1QQQQ"), "{shown}");
}

#[test]
fn what_probably_is_not_meant_is_a_warning() {
    let (_, warnings) =
        load_pipeline(&with(PIPELINE, "classes = [\"registration\"]", "classes = [\"web\"]"), POLICY)
            .unwrap();
    assert_eq!(
        headlines(&warnings),
        ["etc/run.toml:5:9: no sink takes class 'registration' of source 'nginx': its records are dropped"]
    );
    let one = with(
        PIPELINE,
        "[{ when = { \"url.path\" = \"/register\" }, is = \"registration\" }, { is = \"web\" }]",
        "\"web\"",
    );
    let (_, warnings) = load_pipeline(&one, POLICY).unwrap();
    assert_eq!(
        headlines(&warnings),
        ["etc/run.toml:21:7: no source gives class 'registration' to sink 'registration'"]
    );
}

#[test]
fn two_formats_do_not_share_a_stream_of_the_same_format() {
    let second = "\n[source.apache]\nkind = \"file\"\npath = \"/var/log/apache2/access.log\"\nformat = \"common\"\nclass = \"registration\"\n";
    let text = with(PIPELINE, "recipient = \"support\"", "recipient = \"support\"\nemit = \"same\"") + second;
    assert_eq!(
        refused_pipeline(&text),
        [
            "etc/run.toml:21:7: emit = \"same\" would mix the formats of sources 'nginx' and 'apache'; write emit = \"ndjson\", or a class for each"
        ]
    );
}

#[test]
fn there_is_one_standard_input_and_output() {
    let source = "[source.a]\nkind = \"stdin\"\nformat = \"common\"\nclass = \"registration\"\n";
    let sink = "[sink.c]\nkind = \"stdout\"\nclasses = [\"registration\"]\npurpose = \"security\"\nlocation = \"NL\"\nrecipient = \"x\"\n";
    let text = format!(
        "policy = \"policy/test.toml\"\nkeys = \"/k\"\n{source}{}{sink}{}",
        source.replace(".a", ".b"),
        sink.replace(".c", ".d")
    );
    assert_eq!(
        refused_pipeline(&text),
        [
            "etc/run.toml:8:8: a second source reads standard input; there is one, so keep one source",
            "etc/run.toml:18:8: sinks 'c' and 'd' both write to standard output; keep one",
        ]
    );
}

#[test]
fn an_offset_in_a_format_string_is_a_place_in_the_file() {
    let text = with(PIPELINE, "\"combined\"", "{ nginx = '$remote_addr $nonsense' }");
    let (plan, _) = load_pipeline(&text, POLICY).unwrap();
    let written = plan.sources[0].format_text.as_ref().unwrap();
    assert_eq!(plan.sources[0].format, FormatSpec::Nginx("$remote_addr $nonsense".to_owned()));
    let shown = written.problem(&(13..22), "unknown variable").to_string();
    assert_eq!(
        shown,
        "etc/run.toml:8:34: unknown variable\n 8 | format = { nginx = '$remote_addr $nonsense' }\n   |                                  ^^^^^^^^^"
    );
}

/// The pipeline of the design document, word for word.
const DESIGN: &str = r#"# meet.toml
policy = "policy/meet.toml"
keys  = "/var/lib/sluis/keys"
state = "/var/lib/sluis/meet"       # checkpoints, journal, lock

[source.nginx]
kind = "file"
path = "/var/log/nginx/access.log"
format = { nginx = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent' }
class = "web"                       # or rules: class = [{ when = { "url.path" = "/register" }, is = "registration" }, { is = "web" }]
max_lateness = "3h"

[source.jvb]
kind = "file"
path = "/var/log/jitsi/jvb.log"
format = "jvb"
time_zone = "Europe/Amsterdam"
class = "jvb"

[quarantine]
recipients = ["age1…"]              # the DPO's public key; without one, what fails is counted and discarded
retention = "24h"                   # at most the shortest class of the source

[sink.analytics]
kind = "parquet"
path = "/var/lib/sluis/analytics"
classes = ["web"]
output = "statistics"               # left out: all that the class lets leave
purpose = "fault analysis"          # must be one of the class's and the output's purposes
location = "NL"
recipient = "operations team"
encrypt = true
"#;

#[test]
fn of_the_designs_example_only_the_key_that_is_none_is_refused() {
    let policy =
        with(&with(POLICY, "[class.registration]", "[class.jvb]"), "name = \"test\"", "name = \"meet\"");
    let load = |path: &Path| {
        assert_eq!(path, Path::new("policy/meet.toml"));
        Ok(policy.clone())
    };
    let found = pipeline_from_str(DESIGN, "meet.toml", &load).unwrap_err();
    let found = headlines(&found.problems);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("meet.toml:21:15: not an age recipient"), "{found:?}");
}
