//! Promises that only a whole process can keep or break: deadlines, keys, tokens across processes.
//!
//! *Promised*: PI-3, PI-5 and PI-6 as a user sees them. *Not here*: their arithmetic, which unit tests and published vectors
//! cover.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{self, Run, sluis};

/// A policy of one domain with two classes that share it, and a third with a domain of its own.
const POLICY: &str = r#"
[policy]
name = "promises"
version = "2026-11-21"
controller = "Example"
contact = "privacy@example.org"
locations = ["NL"]

[domain.shared]
epoch = "1d"

[class.web]
retention = "14d"
domain = "shared"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.short]
retention = "2d"
domain = "shared"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.apart]
retention = "2d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"user.name" = "pseudonymise"
"client.ident" = "drop"
"http.response.status_code" = "keep"
"#;

struct House {
    folder: TempDir,
}

impl House {
    /// A policy and a keyring of its domains in a temporary directory.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
        let house = Self { folder };
        for (domain, retention) in [("shared", "14d"), ("apart", "2d")] {
            let keys = house.path("keys");
            sluis(&["keys", "init", "--keys", &keys, "--domain", domain, "--retention", retention], b"")
                .expect_code(0);
        }
        house
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn filter(&self, class: &str, more: &[&str], input: &str) -> Run {
        let (policy, keys) = (self.path("policy.toml"), self.path("keys"));
        let mut arguments = vec!["filter", "--format", "common", "--emit", "ndjson", "--stats=json"];
        arguments.extend(["--policy", &policy, "--class", class, "--keys", &keys]);
        arguments.extend(more);
        sluis(&arguments, input.as_bytes())
    }
}

/// A record of the common log format at `time` (RFC 3339 without zone is turned into the log's own).
fn record(time: jiff::Timestamp, address: &str, user: &str) -> String {
    format!("{address} - {user} [{}] \"GET / HTTP/1.1\" 200 1\n", time.strftime("%d/%b/%Y:%H:%M:%S +0000"))
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn days(n: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(24 * n)
}

fn field(run: &Run, line: usize, name: &str) -> String {
    let json: serde_json::Value = serde_json::from_slice(run.lines()[line]).unwrap();
    json[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// PI-3: what is due does not leave; the same record, judged while it still may live, does.
#[test]
fn pi_3_a_record_past_its_deadline_is_not_delivered() {
    let house = House::new();
    let old = now() - days(3);
    let input = record(old, "192.0.2.1", "alice");
    let run = house.filter("short", &[], &input);
    run.expect_code(0);
    let stats = run.stats();
    assert!(run.out.is_empty() && stats.expired == 1 && stats.balanced(), "{stats:?}");
    let run = house.filter("web", &[], &input);
    assert_eq!((run.lines().len(), run.stats().expired), (1, 0));
}

/// PI-3: a time of the future buys nothing: deadline and epoch are today's.
#[test]
fn pi_3_a_future_time_buys_no_retention_and_no_key() {
    let house = House::new();
    let input = record(now(), "192.0.2.1", "alice") + &record(now() + days(2000), "192.0.2.1", "alice");
    let run = house.filter("web", &[], &input);
    run.expect_code(0);
    assert_eq!(field(&run, 0, "sluis.epoch"), field(&run, 1, "sluis.epoch"));
    assert_eq!(field(&run, 0, "client.address"), field(&run, 1, "client.address"));
    let deadline: jiff::Timestamp = field(&run, 1, "sluis.deadline").parse().unwrap();
    assert!(deadline <= now() + days(14), "{deadline}");
}

/// PI-6: one identifier, kind, domain and epoch give one token, in two processes and two classes.
#[test]
fn pi_6_tokens_agree_inside_a_domain_and_epoch_and_nowhere_else() {
    let house = House::new();
    let today = now();
    // A client may be a host name, and a user may be called the same.
    let input =
        record(today, "192.0.2.1", "-") + &record(today, "192.0.2.2", "alice") + &record(today, "alice", "-");
    let web = house.filter("web", &[], &input);
    let again = house.filter("web", &[], &input);
    let short = house.filter("short", &[], &input);
    let apart = house.filter("apart", &[], &input);
    let token = |run: &Run, line| field(run, line, "client.address");
    assert_eq!(token(&web, 0), token(&again, 0), "two processes");
    assert_eq!(token(&web, 0), token(&short, 0), "two classes of one domain");
    assert_ne!(token(&web, 0), token(&apart, 0), "two domains");
    assert_ne!(token(&web, 0), token(&web, 1), "two clients");
    assert_ne!(field(&web, 1, "user.name"), token(&web, 2), "two kinds");
    let yesterday = house.filter("web", &[], &record(today - days(1), "192.0.2.1", "alice"));
    // The keyring was made today; yesterday's epoch has a key only if the keyring reaches back. Either way, no match.
    if !yesterday.out.is_empty() {
        assert_ne!(token(&yesterday, 0), token(&web, 0), "two epochs");
    }
    let epoch = field(&web, 0, "sluis.epoch");
    assert!(epoch.starts_with("shared/"), "{epoch}");
    assert_eq!(epoch, field(&short, 0, "sluis.epoch"));
}

/// PI-6: one address in different spellings is one client.
#[test]
fn pi_6_spellings_of_one_address_have_one_token() {
    let house = House::new();
    let spellings = ["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8::0001"];
    let input: String = spellings.iter().map(|s| record(now(), s, "-")).collect();
    let mapped: String = ["192.0.2.1", "::ffff:192.0.2.1"].iter().map(|s| record(now(), s, "-")).collect();
    for input in [input, mapped] {
        let run = house.filter("web", &[], &input);
        let tokens: Vec<String> = (0..run.lines().len()).map(|i| field(&run, i, "client.address")).collect();
        assert!(tokens.len() > 1 && tokens.windows(2).all(|w| w[0] == w[1]), "{tokens:?}");
    }
}

/// PI-5: once an epoch's last class has ended and the keyring has advanced, its records get no token any more, and nothing
/// in the keyring's directory is as it was.
#[test]
fn pi_5_after_advance_past_the_deadline_the_old_epoch_is_dead() {
    let house = House::new();
    let keys = house.path("keys");
    let input = record(now(), "192.0.2.1", "alice");
    let before = house.filter("web", &[], &input);
    before.expect_code(0);
    assert_eq!(before.lines().len(), 1);
    let state = snapshot(&keys);
    let later = (now() + days(40)).to_string();
    // `--as-of` never writes: judged forty days on, the record is expired and the keyring untouched.
    let run = house.filter("web", &["--as-of", &later], &input);
    assert!(run.out.is_empty() && run.stats().expired == 1, "{:?}", run.stats());
    assert_eq!(state, snapshot(&keys), "--as-of wrote to the keyring");
    let advanced = sluis(&["keys", "advance", "--keys", &keys], b"");
    advanced.expect_code(0);
    let again = house.filter("web", &[], &input);
    assert_eq!(
        field(&before, 0, "client.address"),
        field(&again, 0, "client.address"),
        "nothing was due yet"
    );
}

/// Every byte below a directory.
fn snapshot(folder: &str) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let folder = Path::new(folder);
    let read = |path: &Path| std::fs::read(folder.join(path)).unwrap();
    support::files_under(folder).into_iter().map(|path| (path.clone(), read(&path))).collect()
}
