//! Every way in which an insert fails, and what is in the table afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::ground::{Ground, Server, expect_once, lines, sluis, with_table};
use crate::support;

/// All inserts with one token had the same bytes, and one of them was taken or more.
#[track_caller]
fn expect_same_bytes(server: &Server) {
    let mut by_token: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for insert in server.inserts() {
        let (token, digest) = (insert["token"].as_str().unwrap(), insert["sha256"].as_str().unwrap());
        let seen = by_token.entry(token.to_owned()).or_insert_with(|| (digest.to_owned(), false));
        assert_eq!(seen.0, digest, "{token}");
        seen.1 |= insert["taken"].as_bool().unwrap_or_default();
    }
    assert!(!by_token.is_empty() && by_token.values().all(|(_, taken)| *taken), "{by_token:?}");
}

#[test]
fn what_passes_is_tried_again_with_the_same_token_and_bytes() {
    let ground = Ground::new();
    let (server, pipeline) = with_table(&ground, "ch", "");
    let kinds = [
        "cut before",
        "cut after",
        "cut in the answer",
        "500 before",
        "500 after",
        "502",
        "error in 200",
        "error beside 200",
        "slow",
        "slow after",
    ];
    for (round, kind) in kinds.into_iter().enumerate() {
        server.fault(kind, 2);
        ground.append("ch", &lines(round as u64 * 100, 100, 5));
        let run = sluis(&["run", &pipeline, "--once"]);
        run.expect_code(0);
        expect_once(&server, (round as u64 + 1) * 100);
        assert_eq!(
            run.err_text().contains("the batch is tried again, and nothing more is taken meanwhile"),
            !kind.starts_with("slow"),
            "{kind}: {}",
            run.err_text()
        );
        assert!(!run.err_text().contains("canary"), "{kind}: {}", run.err_text());
        assert!(ground.outbox("ch").is_empty());
    }
    expect_same_bytes(&server);
}

#[test]
fn what_lasts_ends_the_run_and_the_next_one_goes_on() {
    let ground = Ground::new();
    let (server, pipeline) = with_table(&ground, "ch", "patience = \"1s\"");
    for (round, (kind, said)) in [
        ("refused", "ClickHouse error 53: a column is of another type than planned; see `sluis tables plan`"),
        ("500 before", "ClickHouse error 241: the server's memory is used up"),
        ("cut after", "the connection was cut"),
    ]
    .into_iter()
    .enumerate()
    {
        server.fault(kind, 100);
        ground.append("ch", &lines(round as u64 * 60, 60, 5));
        let run = sluis(&["run", &pipeline, "--once"]);
        run.expect_code(4);
        let text = run.err_text();
        assert!(text.contains(said) && text.contains("the next run inserts them"), "{kind}: {text}");
        assert!(text.contains("logs.web") && !text.contains("canary"), "{text}");
        assert!(!ground.outbox("ch").is_empty());
        // Nothing of it is read again: it is in the outbox.
        server.clear();
        sluis(&["run", &pipeline, "--once"]).expect_code(0);
        expect_once(&server, (round as u64 + 1) * 60);
        assert!(ground.outbox("ch").is_empty());
    }
    expect_same_bytes(&server);
}

/// Kills between any two steps: before the server has it, while it has it and has not answered, and before what it answered is written down.
#[test]
fn a_run_that_is_killed_leaves_each_record_once() {
    let ground = Ground::new();
    let (server, pipeline) = with_table(&ground, "ch", "insert_secs_max = 1");
    let mut count = 0;
    for (round, kind) in ["slow", "slow after", "none", "slow after", "slow", "none"].into_iter().enumerate()
    {
        server.fault(kind, 1);
        ground.append("ch", &lines(count, 500, 5));
        count += 500;
        let before = server.inserts().len();
        let mut child = support::spawn(support::program().args(["run", &pipeline]));
        let began = Instant::now();
        while server.inserts().len() == before && began.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_millis(60 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // What the server had not yet done it does all the same.
        thread::sleep(Duration::from_millis(2_300));
    }
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    expect_once(&server, count);
    expect_same_bytes(&server);
    assert!(ground.outbox("ch").is_empty());
    let audit = sluis(&["audit", &pipeline]);
    assert!(
        String::from_utf8_lossy(&audit.out).contains("no violation"),
        "{}",
        String::from_utf8_lossy(&audit.out)
    );
}

#[test]
fn wrong_credentials_and_servers_that_are_none_are_said_without_the_password() {
    let ground = Ground::new();
    let server = Server::with(&["sluis", "opensesame"], &[]);
    fs::write(ground.path("password"), "opensesame\n").unwrap();
    fs::write(ground.path("wrong"), "closesesame\n").unwrap();
    let with = |password: &str| {
        ground.inserting(&server, "ch", &format!("user = \"sluis\"\npassword = {{ file = \"{password}\" }}"))
    };
    server.query("CREATE DATABASE logs");
    ground.append("ch", &lines(0, 20, 5));
    let refused = sluis(&["tables", "apply", &with("wrong")]);
    refused.expect_code(4);
    let said = "ClickHouse error 516: user or password are wrong; see 'user' and 'password' of the sink";
    assert!(refused.err_text().contains(said), "{}", refused.err_text());
    let pipeline = with("password");
    sluis(&["tables", "apply", &pipeline]).expect_code(0);
    sluis(&["run", &pipeline, "--once"]).expect_code(0);
    expect_once(&server, 20);
    let missing = sluis(&["run", &with("nowhere"), "--once"]);
    missing.expect_code(2);
    assert!(missing.err_text().contains("nowhere: the password cannot be read"), "{}", missing.err_text());
    // Nobody there, and somebody who is no such server.
    let pipeline = with("password");
    drop(server);
    let nobody = sluis(&["audit", &pipeline]);
    nobody.expect_code(1);
    assert!(
        String::from_utf8_lossy(&nobody.out).contains("nothing can be said of it"),
        "{}",
        nobody.err_text()
    );
    let nobody = sluis(&["run", &pipeline, "--once"]);
    nobody.expect_code(4);
    assert!(
        nobody.err_text().contains("the connection is refused; see that the server is up"),
        "{}",
        nobody.err_text()
    );
    for run in [refused, missing, nobody] {
        assert!(!run.err_text().contains("sesame") && !String::from_utf8_lossy(&run.out).contains("sesame"));
    }
}

#[test]
fn tls_takes_whom_the_pipeline_trusts_and_nobody_else() {
    let ground = Ground::new();
    for name in ["server", "other"] {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1", "-subj", "/CN=localhost"])
            .args([
                "-addext",
                "subjectAltName=DNS:localhost",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
            ])
            .args([
                "-keyout",
                &ground.path(&format!("{name}.key")),
                "-out",
                &ground.path(&format!("{name}.pem")),
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let (certificate, key) = (ground.path("server.pem"), ground.path("server.key"));
    let server = Server::with(&[], &[("SERVER_CERTIFICATE", &certificate), ("SERVER_KEY", &key)]);
    let with = |ca: &str| {
        let sink = format!(
            "kind = \"clickhouse\"\nurl = \"https://localhost:{}\"\ndatabase = \"default\"\ntls = {{ ca = \"{ca}\" }}",
            server.port()
        );
        ground.pipeline("tls", "kind = \"file\"\npath = \"tls.log\"", &sink)
    };
    ground.append("tls", &lines(0, 20, 5));
    let refused = sluis(&["tables", "apply", &with("other.pem")]);
    refused.expect_code(4);
    assert!(refused.err_text().contains("TLS cannot be agreed on"), "{}", refused.err_text());
    let pipeline = with("server.pem");
    sluis(&["tables", "apply", &pipeline]).expect_code(0);
    let run = sluis(&["run", &pipeline, "--once"]);
    run.expect_code(0);
    assert!(ground.outbox("tls").is_empty());
    assert!(String::from_utf8_lossy(&sluis(&["audit", &pipeline]).out).contains("no violation"));
}
