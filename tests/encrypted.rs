//! A store that is encrypted, as a user runs it: chains, parts, read keys, the audit.
//!
//! *In*: a pipeline whose sink says `encrypt = true`, and the program. *Promised*: nothing that is stored can be read without a read key,
//! which is entered in the keyring's journal and stands nowhere else; plain age reads with it what was stored. *Not here*: frames and crashes
//! (`sink::sealed`, `pipeline::reseal`), keys by themselves (`keys`).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, Run};

const POLICY: &str = r#"
[policy]
name = "encrypted"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"#;

const PIPELINE: &str = r#"
policy = "policy.toml"
state = "state"
keys = "keys"

[source.pipe]
kind = "stdin"
format = "common"
class = "web"

[sink.archive]
kind = "file"
path = "out"
classes = ["web"]
purpose = "security"
location = "NL"
recipient = "operations"
compress = "zstd"
encrypt = true
"#;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::write(folder.at("policy.toml"), POLICY).unwrap();
        fs::write(folder.at("run.toml"), PIPELINE).unwrap();
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    fn keys(&self, command: &[&str]) -> Run {
        support::sluis(&[&["keys"], command, &["--keys", &self.path("keys")]].concat(), b"")
    }

    /// Stores a line of each age, in seconds.
    fn run(&self, ages: &[i64]) -> Run {
        let line = |age: &i64| {
            let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(*age);
            let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
            format!("192.0.2.77 - - [{time}] \"GET /canary-path HTTP/1.1\" 200 1\n")
        };
        let input: String = ages.iter().map(line).collect::<Vec<String>>().concat();
        support::sluis(&["run", &self.path("run.toml"), "--once"], input.as_bytes())
    }

    fn parts(&self) -> Vec<PathBuf> {
        let folder = self.at("out/web");
        support::files_under(&folder).into_iter().map(|file| folder.join(file)).collect()
    }

    fn violations(&self) -> Vec<String> {
        let run = support::sluis(&["audit", &self.path("run.toml"), "--json"], b"");
        let report: Value = serde_json::from_slice(&run.out).unwrap();
        report["violations"].as_array().unwrap().iter().map(ToString::to_string).collect()
    }
}

fn out(run: &Run) -> String {
    String::from_utf8_lossy(&run.out).into_owned()
}

/// What `age -d -i FILE` prints, uncompressed.
fn opened(part: &Path, identity: &Path) -> Option<String> {
    let identities = age::IdentityFile::from_file(identity.to_str().unwrap().to_owned()).unwrap();
    let identities = identities.into_identities().unwrap();
    let decryptor = age::Decryptor::new(File::open(part).unwrap()).unwrap();
    let identities = identities.iter().map(|identity| &**identity as &dyn age::Identity);
    let mut bytes = Vec::new();
    decryptor.decrypt(identities).ok()?.read_to_end(&mut bytes).unwrap();
    Some(String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap())
}

#[test]
fn what_is_stored_is_read_with_the_key_of_its_epoch_and_no_other() {
    let folder = Folder::new();
    folder.keys(&["init", "--domain", "web", "--retention", "14d"]).expect_code(0);
    let refused = folder.run(&[60]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err_text().contains("sluis keys init --class web --retention 1209600s"),
        "{}",
        refused.err_text()
    );
    assert!(folder.parts().is_empty());
    folder.keys(&["init", "--class", "web", "--retention", "14d"]).expect_code(0);
    let listed = out(&folder.keys(&["list"]));
    let listed: Vec<&str> = listed.split_whitespace().collect();
    assert!(listed.windows(2).any(|pair| pair == ["storage/web/14d", "1h"]), "{listed:?}");
    // Of two epochs.
    folder.run(&[60, 3 * 86_400]).expect_code(0);
    let parts = folder.parts();
    assert_eq!(parts.len(), 2);
    let mut keys = Vec::new();
    for part in &parts {
        assert!(part.to_str().unwrap().ends_with(".ndjson.zst.age"), "{}", part.display());
        let bytes = fs::read(part).unwrap();
        assert!(
            bytes.starts_with(b"age-encryption.org/v1\n")
                && memchr::memmem::find(&bytes, b"canary").is_none()
        );
        let name = part.file_name().unwrap().to_str().unwrap();
        let read = folder.keys(&["read-key", "web", name, "--for", "age"]);
        read.expect_code(0);
        assert!(read.err_text().contains("the read key of epoch"), "{}", read.err_text());
        let file = folder.at(&format!("{}.txt", keys.len()));
        fs::write(&file, &read.out).unwrap();
        keys.push(file);
    }
    // The earliest deadline is that of the oldest record.
    for (part, age) in parts.iter().zip([259_200, 60]) {
        let read: Vec<Option<String>> = keys.iter().map(|key| opened(part, key)).collect();
        assert_eq!(read.iter().flatten().count(), 1, "one key opens it");
        let text = read.into_iter().flatten().next().unwrap();
        let record: Value = serde_json::from_str(text.trim_end()).unwrap();
        let time: jiff::Timestamp = record["time"].as_str().unwrap().parse().unwrap();
        assert!((jiff::Timestamp::now().as_second() - time.as_second() - age).abs() < 300, "{text}");
        assert!(text.contains("canary-path") && text.contains("\"sluis.class\":\"web\""), "{text}");
    }
    assert_eq!(folder.violations(), [""; 0]);
    // Both forms together; the same key every time, and standing nowhere but on standard output.
    let name = parts[1].file_name().unwrap().to_str().unwrap();
    let both = out(&folder.keys(&["read-key", "web", name]));
    let alone = out(&folder.keys(&["read-key", "web", name, "--for", "age"]));
    let identity = alone.lines().nth(1).unwrap().to_owned();
    let parquet = out(&folder.keys(&["read-key", "web", name, "--for", "parquet"]));
    assert_eq!(both, format!("age      {identity}\nparquet  {parquet}"));
    assert_eq!(parquet.trim_end().len(), 44, "32 bytes of base64");
    for place in ["keys", "state", "out"] {
        for file in support::files_under(&folder.at(place)) {
            let bytes = fs::read(folder.at(place).join(&file)).unwrap();
            for secret in [identity.as_bytes(), parquet.trim_end().as_bytes()] {
                assert!(memchr::memmem::find(&bytes, secret).is_none(), "{file:?}");
            }
        }
    }
    let shown = support::sluis(&["journal", "show", "--state", &folder.path("keys")], b"");
    assert_eq!(out(&shown).matches("key.read").count(), 5, "{}", out(&shown));
    assert!(!both.contains("canary") && !shown.err_text().contains(&identity));
}

#[test]
fn a_read_key_of_the_past_or_future_is_refused_and_a_retention_must_be_clear() {
    let folder = Folder::new();
    folder.keys(&["init", "--class", "web", "--retention", "14d"]).expect_code(0);
    let now = jiff::Timestamp::now();
    let epoch = now.as_second() / 3_600;
    let tell = |arguments: &[&str], expected: &str| {
        let run = folder.keys(&[&["read-key", "web"], arguments].concat());
        run.expect_code(2);
        assert!(run.err_text().contains(expected), "{}", run.err_text());
        assert!(run.out.is_empty());
    };
    tell(&[&(epoch - 24 * 14).to_string()], "is dead: its key is destroyed");
    tell(&[&(epoch + 2).to_string()], "has not begun, and nobody gets a key of the future");
    tell(&["yesterday"], "an epoch is a number, an instant");
    tell(&["2026-11-21T12-00-00Z.1-3.ndjson.age"], "an epoch is a number, an instant");
    tell(&[&epoch.to_string(), "--stage", "1"], "the keyring has no chain for what is stored of it");
    tell(&[&epoch.to_string(), "--retention", "7d"], "sluis keys init --class web --retention 604800s");
    let by_number = out(&folder.keys(&["read-key", "web", &epoch.to_string()]));
    assert_eq!(out(&folder.keys(&["read-key", "web", &now.to_string()])), by_number);
    folder.keys(&["init", "--class", "web", "--retention", "7d"]).expect_code(0);
    tell(&[&epoch.to_string()], "add --retention");
    assert_eq!(out(&folder.keys(&["read-key", "web", &epoch.to_string(), "--retention", "14d"])), by_number);
    assert_ne!(out(&folder.keys(&["read-key", "web", &epoch.to_string(), "--retention", "7d"])), by_number);
}

#[test]
fn what_cannot_be_encrypted_is_refused_with_the_remedy() {
    let folder = Folder::new();
    let told = |from: &str, to: &str| {
        assert!(PIPELINE.contains(from));
        fs::write(folder.at("run.toml"), PIPELINE.replace(from, to)).unwrap();
        let run = support::sluis(&["check", &folder.path("run.toml")], b"");
        run.expect_code(2);
        run.err_text()
    };
    let text = told("keys = \"keys\"\n", "");
    assert!(
        text.contains("sink 'archive' encrypts what it stores, but the pipeline has no keyring"),
        "{text}"
    );
    let text = told("kind = \"file\"\npath = \"out\"\n", "kind = \"stdout\"\n");
    assert!(text.contains("standard output is not encrypted; leave 'encrypt' out"), "{text}");
    let text = told("encrypt = true", "encrypt = \"yes\"");
    assert!(text.contains("encrypt"), "{text}");
}

/// Parts that nothing can read although they are not due: the keyring was replaced.
#[test]
fn the_audit_finds_parts_without_a_key() {
    let folder = Folder::new();
    folder.keys(&["init", "--domain", "web", "--class", "web", "--retention", "14d"]).expect_code(0);
    folder.run(&[60]).expect_code(0);
    assert_eq!(folder.violations(), [""; 0]);
    fs::remove_file(folder.at("keys/keyring")).unwrap();
    folder.keys(&["init", "--domain", "web", "--class", "jvb", "--retention", "14d"]).expect_code(0);
    let found = folder.violations();
    assert!(found.iter().any(|what| what.contains("the keyring has no key for them")), "{found:#?}");
    assert!(found.iter().any(|what| what.contains("it has no storage/web/14d")), "{found:#?}");
}
