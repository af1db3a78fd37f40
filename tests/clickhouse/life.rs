//! A table from its statement to the last of its partitions.

use std::fs;

use serde_json::Value;

use super::ground::{Ground, Server, comparable, expect_once, lines, sluis, stored, with_table};
use crate::support;

#[test]
fn rows_are_what_stands_in_lines_and_partitions_go_by_their_deadline() {
    let ground = Ground::new();
    let (server, pipeline) = with_table(&ground, "ch", "insert_secs_max = 5");
    let text = lines(0, 20_000, 7_000);
    ground.append("ch", &text);
    ground.append("files", &text);
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    let files = ground.pipeline(
        "files",
        "kind = \"file\"\npath = \"files.log\"",
        "kind = \"file\"\npath = \"files\"",
    );
    sluis(&["run", &files, "--once"]).expect_code(0);
    let folder = ground.folder.path().join("files/web");
    let written: String = support::files_under(&folder)
        .iter()
        .map(|part| fs::read_to_string(folder.join(part)).unwrap())
        .collect();
    let expected = comparable(written.lines().map(|line| serde_json::from_str(line).unwrap()));
    let found = stored(&server);
    let differs = found.iter().find(|(record, count)| expected.get(*record) != Some(count));
    assert!(found == expected, "{} of {}: {differs:?}", found.len(), expected.len());
    assert_eq!(expected.values().sum::<u32>(), 20_000);
    // A batch is one part of one partition.
    let parts = server.number("(SELECT count() FROM system.parts WHERE database = 'logs' AND active)");
    assert_eq!(parts, server.inserts().len() as u64);
    assert!(ground.outbox("ch").is_empty(), "{:?}", ground.outbox("ch"));

    // Nothing more to read: nothing more is inserted.
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    assert_eq!(server.inserts().len() as u64, parts);

    let audit = sluis(&["audit", &pipeline]);
    assert!(
        String::from_utf8_lossy(&audit.out).contains("no violation"),
        "{}",
        String::from_utf8_lossy(&audit.out)
    );
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(15 * 24)).to_string();
    let audit = sluis(&["audit", &pipeline, "--as-of", &later]);
    audit.expect_code(1);
    assert!(
        String::from_utf8_lossy(&audit.out)
            .contains("partitions have parts on the server's disk past their deadline"),
        "{}",
        String::from_utf8_lossy(&audit.out)
    );
    expect_gone(&ground, &server, &pipeline);
}

/// Drops everything, while files of merged parts stay, and sees it go.
fn expect_gone(ground: &Ground, server: &Server, pipeline: &str) {
    server.query("ALTER TABLE logs.web MODIFY SETTING old_parts_lifetime = 25");
    server.query("INSERT INTO logs.web SELECT * FROM logs.web LIMIT 1");
    server.query("OPTIMIZE TABLE logs.web FINAL");
    let on_disk = "(SELECT count() FROM system.parts WHERE database = 'logs' AND rows > 0)";
    let partitions = server
        .number("(SELECT uniqExact(partition_id) FROM system.parts WHERE database = 'logs' AND active)");
    assert!(partitions >= 2);
    let early = sluis(&["sweep", pipeline, "--margin", "1h"]);
    early.expect_code(0);
    assert!(String::from_utf8_lossy(&early.out).contains("0 partitions of 0 rows were dropped"));
    let dry = sluis(&["sweep", pipeline, "--dry-run", "--margin", "20d"]);
    assert!(String::from_utf8_lossy(&dry.out).contains(&format!("{partitions} partitions are due")));
    assert_eq!(server.number("(SELECT count() FROM logs.web)"), 20_001);
    sluis(&["sweep", pipeline, "--margin", "20d"]).expect_code(0);
    assert_eq!(server.number("(SELECT count() FROM logs.web)"), 0);
    assert!(server.number(on_disk) > 0, "files of merged parts stay for a while");
    let said = |event: &str| {
        ground.journal("ch").iter().filter(|entry| entry["event"] == event).cloned().collect::<Vec<Value>>()
    };
    let dropped = said("partition.destroyed");
    assert_eq!(dropped.len() as u64, partitions);
    assert_eq!(dropped.iter().map(|entry| entry["rows"].as_u64().unwrap()).sum::<u64>(), 20_001);
    assert_eq!(dropped[0]["table"], "logs.web");
    let soon = said("partition.gone").len();
    assert!((soon as u64) < partitions);
    let began = std::time::Instant::now();
    while said("partition.gone").len() as u64 != partitions {
        assert!(began.elapsed().as_secs() < 180, "{} parts are on disk", server.number(on_disk));
        std::thread::sleep(std::time::Duration::from_secs(1));
        sluis(&["sweep", pipeline, "--margin", "20d"]).expect_code(0);
    }
    assert_eq!(server.number(on_disk), 0);
    assert_eq!(said("partition.destroyed").len() as u64, partitions, "each is entered once");
    sluis(&["journal", "verify", pipeline]).expect_code(0);
    let audit = sluis(&["audit", pipeline]);
    assert!(
        String::from_utf8_lossy(&audit.out).contains("no violation"),
        "{}",
        String::from_utf8_lossy(&audit.out)
    );
}

#[test]
fn tables_are_made_once_and_another_shape_is_shown_and_left() {
    let ground = Ground::new();
    let server = Server::open();
    let pipeline = ground.inserting(&server, "ch", "");
    let text = |run: &support::Run| String::from_utf8_lossy(&run.out).into_owned();
    // Without its database, and then without its table.
    let absent = sluis(&["tables", "apply", &pipeline]);
    absent.expect_code(4);
    assert!(absent.err_text().contains("the database is not there; create it"), "{}", absent.err_text());
    server.query("CREATE DATABASE logs");
    ground.append("ch", &lines(0, 10, 10));
    let absent = sluis(&["run", &pipeline, "--once"]);
    absent.expect_code(1);
    assert!(
        absent.err_text().contains("logs.web: is not there; run `sluis tables apply`"),
        "{}",
        absent.err_text()
    );

    let dry = sluis(&["tables", "apply", &pipeline, "--dry-run"]);
    dry.expect_code(0);
    assert!(text(&dry).contains("-- would run\nCREATE TABLE `logs`.`web`"), "{}", text(&dry));
    assert_eq!(server.number("(SELECT count() FROM system.tables WHERE database = 'logs')"), 0);
    let plan = sluis(&["tables", "plan", &pipeline, "--offline"]);
    plan.expect_code(0);
    // What it prints is what the engine takes.
    server.query(text(&plan).trim_end().trim_end_matches(';'));
    let again = sluis(&["tables", "apply", &pipeline]);
    again.expect_code(0);
    assert!(text(&again).contains("nothing to change"), "{}", text(&again));
    assert!(text(&sluis(&["tables", "plan", &pipeline])).contains("-- logs.web is as planned"));

    // A setting can be set, and without it nothing runs.
    server.query("ALTER TABLE logs.web MODIFY SETTING non_replicated_deduplication_window = 0");
    let refused = sluis(&["run", &pipeline, "--once"]);
    refused.expect_code(1);
    assert!(
        refused.err_text().contains("non_replicated_deduplication_window: must be 10000"),
        "{}",
        refused.err_text()
    );
    sluis(&["tables", "apply", &pipeline]).expect_code(0);
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    expect_once(&server, 10);

    // Columns of another type, columns too many, another sorting: both are shown, and nothing is changed.
    server.query("ALTER TABLE logs.web MODIFY COLUMN `url.path` Nullable(FixedString(200))");
    server.query("ALTER TABLE logs.web ADD COLUMN own String, ADD COLUMN computed String ALIAS 'x'");
    for command in
        [&["run", &pipeline, "--once"][..], &["tables", "apply", &pipeline], &["check", "--live", &pipeline]]
    {
        let refused = sluis(command);
        refused.expect_code(1);
        let said = refused.err_text() + &text(&refused);
        assert!(
            said.contains("column url.path: is Nullable(FixedString(200)), must be Nullable(String)"),
            "{said}"
        );
        assert!(
            said.contains("column own: is String, must not be there") && !said.contains("computed"),
            "{said}"
        );
    }
    server.query("DROP TABLE logs.web SYNC");
    server.query("CREATE TABLE logs.web (time DateTime) ENGINE = ReplacingMergeTree ORDER BY time TTL time + INTERVAL 1 DAY");
    let refused = sluis(&["tables", "apply", &pipeline]);
    refused.expect_code(1);
    for said in [
        "engine: is ReplacingMergeTree, must be MergeTree",
        "partition key: is none, must be",
        "column time: is DateTime, must be DateTime64(6, 'UTC')",
    ] {
        assert!(refused.err_text().contains(said), "{}", refused.err_text());
    }
}

#[test]
fn a_policy_that_was_shortened_shortens_what_is_in_the_table() {
    let ground = Ground::new();
    let (server, pipeline) = with_table(&ground, "ch", "");
    ground.append("ch", &lines(0, 50, 10));
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    let path = ground.path("policy.toml");
    let policy = fs::read_to_string(&path).unwrap();
    assert!(policy.contains("retention = \"14d\""));
    fs::write(&path, policy.replace("retention = \"14d\"", "retention = \"10d\"")).unwrap();
    // The table is the same, and what comes now goes to partitions of its own.
    ground.append("ch", &lines(50, 50, 10));
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    expect_once(&server, 100);
    let rows = server.query("SELECT DISTINCT `sluis.retention` AS r FROM logs.web ORDER BY r");
    assert_eq!(rows.len(), 2, "{rows:?}");
    sluis(&["sweep", &pipeline, "--margin", "9d"]).expect_code(0);
    assert_eq!(server.number("(SELECT count() FROM logs.web)"), 100);
    // Both kinds are due ten days after they came, not fourteen.
    sluis(&["sweep", &pipeline, "--margin", "10d"]).expect_code(0);
    assert_eq!(server.number("(SELECT count() FROM logs.web)"), 0);
    let because: Vec<String> = ground
        .journal("ch")
        .iter()
        .filter(|entry| entry["event"] == "partition.destroyed")
        .map(|entry| entry["because"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        because.contains(&"policy".to_owned()) && because.contains(&"deadline".to_owned()),
        "{because:?}"
    );
}
