//! The files that come with the program, and the reference of their keys.

use super::headlines;
use sluis::config::plan::WorstAge;
use sluis::config::vocabulary::ALL;
use sluis::config::{builtin, pipeline_from_str, policy_from_str};
use sluis::policy::treatment::{Form, Treatment};
use sluis::record::field::{KNOWN, Kind};
use std::path::{Path, PathBuf};
use std::{fs, io};

fn config(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

/// Every shipped TOML file of a directory.
fn files(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(config(directory)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_shipped_policy_is_accepted_without_a_warning() {
    for path in files("policy").iter().filter(|path| !path.ends_with("builtin.toml")) {
        let name = path.to_string_lossy();
        match policy_from_str(&fs::read_to_string(path).unwrap(), &name) {
            Ok((_, warnings)) => assert_eq!(headlines(&warnings), [""; 0]),
            Err(found) => panic!("{found}"),
        }
    }
}

#[test]
fn every_shipped_pipeline_is_accepted_without_a_warning() {
    for path in files("") {
        let name = path.to_string_lossy();
        let load = |path: &Path| -> io::Result<String> { fs::read_to_string(path) };
        match pipeline_from_str(&fs::read_to_string(&path).unwrap(), &name, &load) {
            Ok((plan, warnings)) => {
                assert_eq!(headlines(&warnings), [""; 0], "{name}");
                assert!(plan.sinks.iter().flat_map(|sink| &sink.worst_ages).all(WorstAge::within_limit));
            }
            Err(found) => panic!("{found}"),
        }
    }
}

#[test]
fn the_built_in_policy_names_every_field_and_stores_nothing() {
    let policy = builtin().unwrap_or_else(|found| panic!("{found}"));
    let [class] = policy.classes.as_slice() else { panic!("one class") };
    assert_eq!((class.name.as_str(), class.retention_seconds), ("log", None));
    assert_eq!(class.place.file, "built-in");
    let missing: Vec<&str> =
        KNOWN.iter().map(|known| known.name).filter(|name| !class.fields.contains_key(*name)).collect();
    assert_eq!(missing, [""; 0]);
    for known in KNOWN {
        let treatment = &class.fields[known.name].outputs[0].treatment;
        match known.kind {
            Kind::Address | Kind::Addresses => {
                assert_eq!(treatment, &Treatment::Pseudonymise(Form::Address), "{}", known.name);
            }
            Kind::Harmless(_) | Kind::Time => assert_eq!(treatment, &Treatment::Keep, "{}", known.name),
            _ => assert_ne!(treatment, &Treatment::Keep, "{}", known.name),
        }
    }
    // Only inside the program: as a file of the user it is refused for want of a retention.
    let text = fs::read_to_string(config("policy/builtin.toml")).unwrap();
    let found = headlines(&policy_from_str(&text, "p.toml").unwrap_err().problems);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("missing 'retention' in [class.log]"), "{found:?}");
}

#[test]
fn the_reference_names_every_key() {
    let reference = fs::read_to_string(config("REFERENCE.md")).unwrap();
    for words in ALL {
        let heading = format!("\n## {}\n", words.section);
        let (_, after) =
            reference.split_once(&heading).unwrap_or_else(|| panic!("no heading '{}'", words.section));
        let section = after.split("\n## ").next().unwrap();
        let (now, later) = section.split_once("Not in this version:").unwrap_or((section, ""));
        for key in words.keys {
            assert!(now.contains(&format!("`{key}`")), "{key} under {}", words.section);
        }
        for key in words.later {
            assert!(later.contains(&format!("`{key}`")), "{key} (later) under {}", words.section);
        }
        // And nothing that the program does not know.
        for line in now.lines().filter(|line| line.starts_with("| `")) {
            let key = line.trim_start_matches("| `").split('`').next().unwrap();
            assert!(words.keys.contains(&key), "{key} under {} is no key", words.section);
        }
    }
}

#[test]
fn the_samen_policy_keeps_what_its_statement_promises() {
    let text = fs::read_to_string(config("policy/samen.toml")).unwrap();
    let (policy, _) = policy_from_str(&text, "samen.toml").unwrap_or_else(|found| panic!("{found}"));
    let class = |name: &str| &policy.classes[policy.class(name).unwrap()];
    let visitors = class("visitors");
    let days = |class: &sluis::policy::class::Class| class.retention_seconds.unwrap() / 86_400;
    // SA-1: only the address of a visitor, for security.
    assert_eq!(visitors.purposes, ["security"]);
    for field in
        ["user.name", "user.email", "user_agent.original", "http.request.header.referer", "url.query"]
    {
        assert_eq!(visitors.fields[field].outputs[0].treatment, Treatment::Drop, "{field}");
    }
    // SA-2 and SA-3: ten and fifteen days.
    assert_eq!((days(visitors), days(class("registration"))), (10, 15));
    assert_ne!(visitors.domain, class("registration").domain);
    // SA-5: support sees no address. SA-6: nothing leaves the EU. SA-9: the Regulation is named.
    let support = policy.view("support").unwrap();
    assert!(!support.fields.iter().any(|field| field.starts_with("client.")));
    assert_eq!(policy.locations, ["EU"]);
    assert!(policy.classes.iter().all(|class| class.legal_basis.contains("2018/1725")));
}

#[test]
fn the_meet_policy_keeps_what_its_statement_promises() {
    let text = fs::read_to_string(config("policy/meet.toml")).unwrap();
    let (policy, _) = policy_from_str(&text, "meet.toml").unwrap_or_else(|found| panic!("{found}"));
    let class = |name: &str| &policy.classes[policy.class(name).unwrap()];
    // PD-1 to PD-4: two weeks for the web server and for technical logs, seven days for Jicofo, 24 hours for the bridge.
    let hours = |name: &str| class(name).retention_seconds.unwrap() / 3_600;
    assert_eq!(["web", "technical", "jicofo", "jvb"].map(hours), [14 * 24, 14 * 24, 7 * 24, 24]);
    for class in &policy.classes {
        // PD-1 and PD-2: addresses and rooms are tokens. PD-5: a display name is kept nowhere.
        let treatment = |field: &str| &class.fields[field].outputs[0].treatment;
        for field in ["client.address", "conference.name", "user.jid", "user.email", "endpoint.id"] {
            assert_eq!(treatment(field), &Treatment::Pseudonymise(Form::Token), "{field}");
        }
        assert_eq!(treatment("user.full_name"), &Treatment::Drop);
        // PD-7: one token in all four logs, to mend faults.
        assert_eq!(class.domain, policy.classes[0].domain);
        assert!(class.purposes.iter().any(|purpose| purpose == "fault analysis"));
    }
    // PD-8: our own servers in the Netherlands.
    assert_eq!(policy.locations, ["NL"]);
}
