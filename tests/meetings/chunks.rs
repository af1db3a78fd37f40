//! However an input is cut, into batches, reads and threads, the same comes out.

use std::path::Path;

use tempfile::TempDir;

use crate::leak::planted::{SERVICES, Service, broken, good};
use crate::support::{self, Run};

/// Bytes of a batch: one record each, a few, all.
const BATCHES: &[&str] = &["1", "100", "700", "5000", "1048576"];

/// Records of several lines, and broken ones between them, dated today.
fn input(service: &Service) -> String {
    let (good, broken) = (good(service), broken(service));
    let mut input = String::new();
    for (number, record) in good.iter().enumerate().step_by(7) {
        input.extend([record, "\n", &broken[number * 5 % broken.len()], "\n"]);
    }
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    input
        .replace("2026-11-21", &now.strftime("%Y-%m-%d").to_string())
        .replace("Nov 21, 2026 10", &now.strftime("%b %d, %Y 10").to_string())
        .replace("Nov 21 10", &now.strftime("%b %d 10").to_string())
}

/// One keyring, so that the tokens of all runs are the same; names that one batch teaches the next are left out.
fn run(keys: &str, service: &Service, more: &[&str], input: &str, piece: usize) -> Run {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/meet.toml");
    let mut arguments = vec!["filter", "--format", service.format, "--time-zone", "UTC", "--keys", keys];
    arguments.extend(["--policy", policy.to_str().unwrap(), "--class", service.class]);
    arguments.extend(["--learned-names", "0", "--stats=json"]);
    arguments.extend(more);
    let run = support::sluis_fed(&arguments, input.as_bytes(), piece);
    run.expect_code(0);
    run
}

#[test]
fn cuts_change_nothing() {
    let folder = TempDir::new().unwrap();
    let keys = folder.path().join("keys");
    let keys = keys.to_str().unwrap();
    let made = ["keys", "init", "--keys", keys, "--domain", "meeting", "--epoch", "1d", "--retention", "14d"];
    support::sluis(&made, b"").expect_code(0);
    for service in SERVICES {
        let input = input(service);
        let whole = run(keys, service, &["--threads", "1"], &input, 1 << 20);
        let stats = whole.stats();
        assert!(stats.balanced() && stats.quarantined > 1 && stats.out > 10, "{}: {stats:?}", service.format);
        let same = |run: &Run, what: &str| {
            assert!(run.out == whole.out, "{}: {what} changes the output", service.format);
            assert_eq!(format!("{stats:?}"), format!("{:?}", run.stats()), "{}: {what}", service.format);
        };
        for batch in BATCHES {
            for threads in ["1", "4"] {
                let more = ["--threads", threads, "--batch-bytes", batch];
                same(&run(keys, service, &more, &input, 1 << 20), &format!("{more:?}"));
            }
        }
        // Byte by byte every read ends somewhere else, whatever the batch.
        for piece in [1, 3, 64, 1000] {
            for batch in ["1", "1048576"] {
                let more = ["--threads", "4", "--batch-bytes", batch];
                same(&run(keys, service, &more, &input, piece), &format!("{more:?} in pieces of {piece}"));
            }
        }
    }
}
