//! A class that narrows before it ends, as a user runs it: what `DuckDB` finds, what a backup still tells, what is refused.
//!
//! *In*: lines that are about to reach the stage of their class. *Out*: encrypted parts after it. *Promised*: addresses are gone from every part, and
//! everything else is there; a backup of before the stage tells no address by anything that the state after it offers (PI-5). *Not here*: every
//! minute of it (`month`), kills (`kill`).

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::encrypted::rows;
use super::python;
use crate::support;
use crate::support::numbered::{Numbered, STAGE_AGE, STAGE_SECONDS, line_of_age, within};

fn store(pipeline: &Numbered, numbers: std::ops::RangeInclusive<u64>, age: u64) {
    let lines: String = numbers.map(|number| line_of_age(number, age)).collect();
    let log = OpenOptions::new().create(true).append(true).open(pipeline.path("log/access.log"));
    log.unwrap().write_all(lines.as_bytes()).unwrap();
    pipeline.run("run", &["--once"]).expect_code(0);
}

fn is_narrowed(part: &Path) -> bool {
    part.to_str().unwrap().contains(".14d.stage1.")
}

fn copied(from: &[PathBuf], to: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(to).unwrap();
    let copy = |part: &PathBuf| {
        let there = to.join(part.file_name().unwrap());
        fs::copy(part, &there).unwrap();
        there
    };
    from.iter().map(copy).collect()
}

#[test]
fn pi_5_at_a_stage_fields_go_from_the_store_and_from_its_backups() {
    let pipeline = Numbered::staged();
    // Some that are young, and some that are nearly there.
    store(&pipeline, 1..=30, 60);
    store(&pipeline, 31..=80, STAGE_AGE);
    let backup = copied(&pipeline.parts(), &pipeline.path("backup"));
    let keys = backup.iter().map(|part| pipeline.key_of(part)).collect::<Vec<_>>();
    let sweep = || pipeline.run("sweep", &[]);
    let counts = || pipeline.parts().iter().filter(|part| is_narrowed(part)).count();
    assert!(
        within(120, || {
            sweep().expect_code(0);
            counts() > 0
        }),
        "{:?}",
        pipeline.parts()
    );
    let (mut young, mut old) = (0, 0);
    for part in pipeline.parts() {
        let key = pipeline.key_of(&part).unwrap();
        let found = rows(&part, &key, "* EXCLUDE (time)").expect("DuckDB reads it with the key");
        let address = rows(&part, &key, "\"client.address\"");
        if is_narrowed(&part) {
            old += found.len();
            assert!(address.is_none(), "the column is there");
            let paths = rows(&part, &key, "\"url.path\", \"http.response.body.size\"").unwrap();
            for row in paths {
                assert_eq!(row[0].as_str().unwrap(), format!("/n/{}", row[1]));
            }
        } else {
            young += found.len();
            assert!(address.unwrap().iter().all(|row| row[0].as_str().unwrap().len() == 22));
        }
    }
    assert_eq!((young, old), (30, 50));
    pipeline.expect_once(1..=80);
    pipeline.expect_rest();
    let journal = fs::read_to_string(pipeline.path("state/journal")).unwrap();
    assert!(
        journal.contains("\"event\":\"part.narrowed\"")
            && journal.contains("\"dropped\":[\"client.address\"]")
    );
    // With the keys of before, which nobody has kept, the backup tells all of it: so it is the keys that make the difference.
    assert!(
        backup.iter().zip(keys).all(|(part, key)| rows(part, &key.unwrap(), "\"client.address\"").is_some())
    );
}

/// The jump in time is that of the library's clock argument: what the command line does with a clock that is past the stage.
#[test]
fn pi_5_after_a_stage_nothing_that_the_state_offers_opens_a_backup_of_before() {
    let pipeline = Numbered::staged();
    store(&pipeline, 1..=40, STAGE_AGE);
    let backup = copied(&pipeline.parts(), &pipeline.path("backup"));
    assert!(!backup.iter().any(|part| is_narrowed(part)));
    let Some(faketime) = support::numbered::installed("faketime") else { return };
    let later = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&faketime);
        command.args(["-f", "+11m"]).arg(support::program().get_program()).args(arguments);
        command.output().unwrap()
    };
    let (run, keys) = (pipeline.text("run.toml"), pipeline.text("keys"));
    let advanced = later(&["keys", "advance", "--keys", &keys]);
    assert!(advanced.status.success(), "{}", String::from_utf8_lossy(&advanced.stderr));
    for part in &backup {
        let part = part.to_str().unwrap();
        for form in ["parquet", "age"] {
            for more in [
                &[][..],
                &["--stage", "1", "--retention", "14d"],
                &["--retention", &format!("{STAGE_SECONDS}s")],
            ] {
                let command =
                    [&["keys", "read-key", "web", part, "--keys", &keys, "--for", form][..], more].concat();
                let done = later(&command);
                assert_eq!(done.status.code(), Some(2), "{command:?}");
                let said = String::from_utf8_lossy(&done.stderr);
                assert!(said.contains("destroyed"), "{said}");
            }
        }
    }
    // The chain of the next stage gives a key for the same hour; it is another one.
    let instant = (jiff::Timestamp::now() - std::time::Duration::from_secs(STAGE_AGE)).to_string();
    let next = ["keys", "read-key", "web", &instant, "--stage", "1", "--keys", &keys, "--for", "parquet"];
    let key = later(&next);
    assert!(key.status.success(), "{}", String::from_utf8_lossy(&key.stderr));
    let key = String::from_utf8(key.stdout).unwrap();
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key.trim()).unwrap();
    assert!(rows(&backup[0], &key, "count(*)").is_none());
    // Put back in their place, parts of before are removed by the next sweep, and not narrowed.
    for part in &backup {
        fs::copy(part, pipeline.parts_dir().join(part.file_name().unwrap())).unwrap();
    }
    let swept = later(&["sweep", &run]);
    assert!(swept.status.success(), "{}", String::from_utf8_lossy(&swept.stderr));
    assert_eq!(pipeline.parts(), Vec::<PathBuf>::new());
    assert!(python().exists());
}

#[test]
fn a_stage_without_its_chain_is_refused_at_start_with_the_command_that_makes_it() {
    let pipeline = Numbered::staged();
    let policy = fs::read_to_string(pipeline.path("policy.toml")).unwrap();
    let more = ", { after = \"8d\", drop = [\"url.path\"] }]";
    let policy = policy.replace("[\"client.address\"] }]", &format!("[\"client.address\"] }}{more}"));
    fs::write(pipeline.path("policy.toml"), policy).unwrap();
    fs::write(pipeline.path("log/access.log"), line_of_age(1, 0)).unwrap();
    let refused = pipeline.run("run", &["--once"]);
    let said = refused.err_text();
    assert!(refused.code != 0, "{said}");
    assert!(said.contains("keys init --class web --retention 691200s --stage 1"), "{said}");
    let checked = pipeline.run("check", &[]);
    let text = String::from_utf8_lossy(&checked.out).into_owned();
    for line in [
        "rewritten at 1h 30m without client.address, and so until 8d",
        "rewritten at 8d without client.address, url.path, and so until 14d",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
