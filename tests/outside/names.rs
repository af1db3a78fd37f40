//! Dashboard, alert rules and documentation speak of the metrics that there are, and of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use sluis::record::timestamp::Timestamp;
use sluis::telemetry::meters::Meters;
use sluis::telemetry::setup::{ClassSetup, Setup, SinkSetup, SourceSetup};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Every sample's name of a pipeline that has everything, with its labels (`le` apart, which is Prometheus's own).
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let setup = Setup {
        sources: vec![SourceSetup { name: "s".to_owned(), topics: vec!["t".to_owned()] }],
        sinks: vec![SinkSetup {
            name: "k".to_owned(),
            classes: vec![ClassSetup { name: "c".to_owned(), limit_seconds: 2, worst_seconds: 1 }],
        }],
        lanes: 1,
        ..Setup::default()
    };
    let text = Meters::new(setup).exposition(Timestamp(0), false);
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let labels = rest.split('"').step_by(2).filter_map(|part| part.strip_suffix('='));
        let labels =
            labels.map(|label| label.trim_start_matches(',').to_owned()).filter(|label| label != "le");
        names.entry(name.to_owned()).or_default().extend(labels);
    }
    names
}

/// Words that begin as our metrics do.
fn spoken(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("sluis_")).map(str::to_owned).collect()
}

/// A histogram is one metric of three names.
fn whole(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[test]
fn what_the_dashboard_and_the_alerts_ask_for_is_there() {
    let exported = exported();
    for path in
        ["deploy/grafana/sluis.json", "deploy/prometheus/alerts.yml", "deploy/prometheus/alerts_test.yml"]
    {
        let spoken = spoken(&read(path));
        assert!(spoken.len() > 5, "{path} speaks of {spoken:?}");
        let unknown: Vec<_> = spoken.iter().filter(|name| !exported.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "{path} speaks of {unknown:?}, which is not exported");
    }
}

#[test]
fn the_dashboard_shows_every_metric() {
    let shown = spoken(&read("deploy/grafana/sluis.json"));
    let shown: BTreeSet<&str> = shown.iter().map(|name| whole(name)).collect();
    let exported = exported();
    let missing: Vec<_> = exported.keys().filter(|name| !shown.contains(whole(name))).collect();
    assert!(missing.is_empty(), "not on the dashboard: {missing:?}");
}

#[test]
fn the_table_has_every_metric_with_its_labels_and_no_other() {
    let table = read("deploy/prometheus/README.md");
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| `sluis_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        written.insert(cells[1].trim_matches('`').to_owned(), labels);
    }
    let mut exported_whole: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, labels) in exported() {
        exported_whole.entry(whole(&name).to_owned()).or_default().extend(labels);
    }
    assert_eq!(written, exported_whole);
}

#[test]
fn names_and_units_are_those_of_openmetrics() {
    for name in exported().keys() {
        let base = whole(name).trim_end_matches("_total").trim_end_matches("_info");
        // Times are seconds and sizes bytes, whole.
        for unit in ["_ms", "_millis", "_minutes", "_kb", "_kib"] {
            assert!(!base.ends_with(unit), "{name}");
        }
    }
}

#[test]
fn the_dashboard_is_one() {
    let board: Value = serde_json::from_str(&read("deploy/grafana/sluis.json")).unwrap();
    assert!(board["schemaVersion"].as_u64().unwrap() >= 39 && board["title"] == "Sluis");
    let variables: Vec<&str> =
        board["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    let panels = board["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is taken");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}: beyond the right edge");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title}: over another panel");
            }
        }
        assert!(!panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap().is_empty(), "{title}: no unit");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}: asks nothing");
        for target in targets {
            let expr = target["expr"].as_str().unwrap();
            for variable in expr.split('$').skip(1) {
                let name: String =
                    variable.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                assert!(name == "__rate_interval" || variables.contains(&name.as_str()), "{title}: ${name}");
            }
            let open = |c| expr.matches(c).count();
            assert!(
                open('(') == open(')') && open('{') == open('}') && open('[') == open(']'),
                "{title}: {expr}"
            );
        }
    }
}
