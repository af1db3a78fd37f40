//! PI-1, PI-2 and PI-7 over the logs of meetings: whatever the six services write of a person, a room or a session, in whatever
//! place, it shows nowhere.
//!
//! *Promised*: under the built-in policy and the shipped one, in both forms, with names learned and without, on standard output and
//! error, in statistics, and in every file that a pipeline writes and its name. *Not here*: whole evenings (`evening`).

use std::path::Path;

use tempfile::TempDir;

use super::canary::{MEETING, sightings};
use super::planted::{SERVICES, Service, broken, good, samples};
use super::{AS_OF, RECIPIENT, clean, none, shown};
use crate::support;

fn shipped() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/meet.toml");
    path.to_str().unwrap().to_owned()
}

/// A broken record, then whole ones: what the first leaves behind must not reach into the second.
fn mixed(service: &Service) -> String {
    let (good, broken) = (good(service), broken(service));
    let mut input = good.join("\n") + "\n";
    for (number, record) in broken.iter().enumerate() {
        input.extend([record, "\n", &good[number % good.len()], "\n"]);
    }
    input
}

#[test]
fn every_canary_of_a_meeting_is_planted() {
    let all: String = SERVICES.iter().map(mixed).collect();
    let seen = sightings(all.as_bytes());
    for canary in MEETING {
        assert!(seen.contains_key(canary.kind), "{}", canary.kind);
    }
}

/// Runs one service under every policy and form.
fn under_all_policies(service: &Service, input: &str, must: impl Fn(&str, &support::Stats)) -> Vec<String> {
    let mut problems = Vec::new();
    let shipped = shipped();
    let policies: [&[&str]; 3] = [
        &[],
        &["--policy", &shipped, "--class", service.class],
        &["--policy", &shipped, "--class", service.class, "--learned-names", "0"],
    ];
    for policy in policies {
        for (emit, threads) in [("same", "1"), ("ndjson", "3")] {
            let mut arguments = vec!["filter", "--format", service.format, "--time-zone", "UTC"];
            arguments.extend(["--emit", emit, "--threads", threads, "--as-of", AS_OF]);
            arguments.extend(["--explain-failures", "--stats=json"]);
            arguments.extend(policy);
            let run = support::sluis(&arguments, input.as_bytes());
            let what = format!("{} × {policy:?} × {emit}", service.format);
            problems.extend(shown(&what, &run));
            run.expect_code(0);
            let stats = run.stats();
            assert!(stats.balanced() && stats.expired == 0, "{what}: {stats:?}");
            must(&what, &stats);
        }
    }
    problems
}

/// PI-1: records that are whole.
#[test]
fn pi_1_no_canary_of_a_meeting_leaves() {
    let mut problems = Vec::new();
    for service in SERVICES {
        let records = good(service);
        let count = records.len() as u64;
        problems.extend(under_all_policies(service, &(records.join("\n") + "\n"), |what, stats| {
            assert_eq!((stats.taken, stats.out), (count, count), "{what}: {stats:?}");
        }));
    }
    none(&problems);
}

/// PI-2: records that are broken, between whole ones.
#[test]
fn pi_2_no_canary_of_a_broken_record_leaves() {
    let mut problems = Vec::new();
    for service in SERVICES {
        problems.extend(under_all_policies(service, &mixed(service), |what, stats| {
            assert!(stats.quarantined > 20 && stats.out > 100, "{what}: {stats:?}");
        }));
    }
    none(&problems);
}

/// PI-2: two programs that write into one file, line by line and into the middle of each other's lines.
#[test]
fn pi_2_no_canary_of_another_program_leaves() {
    let mut problems = Vec::new();
    for service in SERVICES {
        let own = good(service);
        let mut input = String::new();
        for other in SERVICES.iter().filter(|other| other.format != service.format) {
            for (number, foreign) in samples(other).iter().enumerate() {
                let own = &own[number * 7 % own.len()];
                let half = &own[..own.floor_char_boundary(own.len() / 2)];
                input.extend([own, "\n", foreign, "\n", half, foreign, "\n"]);
            }
        }
        problems.extend(under_all_policies(service, &input, |what, stats| {
            assert!(stats.quarantined > 20 && stats.out > 20, "{what}: {stats:?}");
        }));
    }
    none(&problems);
}

/// PI-1, PI-2: a pipeline of all six, with its sealed quarantine and its state.
#[test]
fn pi_1_no_canary_of_a_meeting_in_any_file() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["in", "out", "state"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    let mut pipeline = format!(
        "policy = \"{}\"\nkeys = \"keys\"\nstate = \"state\"\n\n\
         [quarantine]\nrecipients = [\"{RECIPIENT}\"]\nretention = \"1d\"\n\n\
         [sink.faults]\nkind = \"file\"\npath = \"out\"\nclasses = [\"technical\", \"jicofo\", \"jvb\"]\npurpose = \"fault analysis\"\n\
         location = \"NL\"\nrecipient = \"operations team\"\n\n",
        shipped()
    );
    // Records of today: these pipelines judge by the clock.
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    for service in SERVICES {
        let input = mixed(service)
            .replace("2026-11-21", &now.strftime("%Y-%m-%d").to_string())
            .replace("Nov 21, 2026 10", &now.strftime("%b %d, %Y 10").to_string())
            .replace("Nov 21 10", &now.strftime("%b %d 10").to_string());
        let format = service.format;
        std::fs::write(path(&format!("in/{format}.log")), input).unwrap();
        pipeline.push_str(&format!(
            "[source.{format}]\nkind = \"file\"\npath = \"in/{format}.log\"\nformat = \"{format}\"\ntime_zone = \"UTC\"\n\
             class = \"{}\"\nmax_lateness = \"1h\"\n\n",
            service.class
        ));
    }
    std::fs::write(path("pipeline.toml"), pipeline).unwrap();
    let (keys, file) = (path("keys"), path("pipeline.toml"));
    let (keys, file) = (keys.to_str().unwrap(), file.to_str().unwrap());
    let made = ["keys", "init", "--keys", keys, "--domain", "meeting", "--epoch", "1d", "--retention", "14d"];
    support::sluis(&made, b"").expect_code(0);
    clean("check", &support::sluis(&["check", file], b""));
    let run = support::sluis(&["run", file, "--once", "--explain-failures", "--stats=json"], b"");
    clean("run", &run);
    run.expect_code(0);
    let mut problems = Vec::new();
    let mut written = 0;
    for file in support::files_under(folder.path()).iter().filter(|file| !file.starts_with("in")) {
        let name = file.to_string_lossy();
        let bytes = std::fs::read(folder.path().join(file)).unwrap();
        written += if file.starts_with("out") { bytes.len() } else { 0 };
        for kind in sightings(name.as_bytes()).keys().chain(sightings(&bytes).keys()) {
            problems.push(format!("{name} shows {kind}"));
        }
    }
    none(&problems);
    assert!(written > 10_000 && run.stats().quarantined > 80, "{written} bytes: {:?}", run.stats());
}
