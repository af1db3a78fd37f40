use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::ready::{LaneState, Phase};
use super::*;

const NOW: Timestamp = Timestamp::from_seconds(100_000);
const TOKEN: &str = "correct-horse-battery";

fn begin(token: Option<&str>) -> (Admin, Arc<Meters>) {
    let meters = Arc::new(Meters::new(crate::telemetry::meters::tests::setup()));
    let told = Told { meters: Arc::clone(&meters), now: Arc::new(|| NOW), clock_paused: Box::new(|| false) };
    let token = token.map(|token| Token::new(token).unwrap());
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), token, tls: None };
    (Admin::begin(settings, told).unwrap(), meters)
}

/// Sends `request` as it is and gives back everything that comes.
fn ask(admin: &Admin, request: &str) -> String {
    let mut socket = TcpStream::connect(admin.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The other end may close before it has read all.
    let _ = socket.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer);
    answer
}

fn get(admin: &Admin, path: &str, headers: &str) -> String {
    ask(admin, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"))
}

#[track_caller]
fn status(answer: &str, expected: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{answer}");
}

#[test]
fn one_word_for_probes_and_the_rest_for_who_asks_further() {
    let (admin, meters) = begin(None);
    let healthy = get(&admin, "/healthz", "");
    status(&healthy, 200);
    assert!(healthy.ends_with("\r\n\r\nok\n"));
    let starting = get(&admin, "/readyz", "");
    status(&starting, 503);
    assert!(starting.ends_with("\r\n\r\nstarting\n"));
    meters.set(Phase::Running);
    (0..2).for_each(|at| meters.lane(at).unwrap().set(LaneState::Running));
    let ready = get(&admin, "/readyz", "");
    status(&ready, 200);
    assert!(ready.ends_with("\r\n\r\nready\n"));
    let metrics = get(&admin, "/metrics", "");
    status(&metrics, 200);
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    assert!(metrics.contains("\nsluis_ready 1\n") && metrics.ends_with("# EOF\n"), "{metrics}");
    let page = get(&admin, "/status", "");
    status(&page, 200);
    let page: serde_json::Value = serde_json::from_str(page.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(page["state"], "ready");
    assert_eq!(page["policy"]["sha256"], "ab12");
    assert_eq!(page["sinks"][0]["classes"][1]["limit_seconds"], 7_200);
    assert_eq!(page["lanes"], serde_json::json!(["running", "running"]));
    assert_eq!(page["blocking"], serde_json::Value::Null);
    status(&get(&admin, "/other", ""), 404);
    status(&ask(&admin, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405);
}

#[test]
fn who_has_not_the_token_gets_a_word_at_most() {
    let (admin, _) = begin(Some(TOKEN));
    status(&get(&admin, "/healthz", ""), 200);
    status(&get(&admin, "/readyz", ""), 503);
    for path in ["/metrics", "/status"] {
        let longer = format!("Authorization: Bearer {TOKEN}x\r\n");
        let shorter = format!("Authorization: Bearer {}\r\n", &TOKEN[1..]);
        let basic = format!("Authorization: Basic {TOKEN}\r\n");
        for header in
            ["", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", &longer, &shorter, &basic]
        {
            let refused = get(&admin, path, header);
            status(&refused, 401);
            assert!(refused.contains("www-authenticate: Bearer\r\n"));
            assert!(!refused.contains("sluis_") && !refused.contains("policy"), "{refused}");
        }
        status(&get(&admin, path, &format!("Authorization: Bearer {TOKEN}\r\n")), 200);
        status(&get(&admin, path, &format!("authorization: bearer {TOKEN}\r\n")), 200);
    }
}

#[test]
fn a_token_is_long_and_visible() {
    let token = Token::new;
    assert!(token("fifteen-letters").is_none());
    assert!(token("                 ").is_none());
    assert!(token("with a blank inside it").is_none());
    assert!(token(" sixteen-letters!\n").unwrap().is("sixteen-letters!"));
}

#[test]
fn what_is_asked_of_it_is_bounded() {
    let (admin, _) = begin(None);
    let long = format!("X-Long: {}\r\n", "x".repeat(64 << 10));
    let answer = get(&admin, "/metrics", &long);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many = "X-Many: x\r\n".repeat(200);
    let answer = get(&admin, "/metrics", &many);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    // One request per connection, whatever the client wishes.
    let answer = get(&admin, "/healthz", "Connection: keep-alive\r\n");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    // No request at all: closed after its time, while others are served.
    let began = Instant::now();
    let mut silent = TcpStream::connect(admin.address()).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    status(&get(&admin, "/healthz", ""), 200);
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(15), "{waited:?}");
}

#[test]
fn it_ends_with_the_run() {
    let (admin, _) = begin(None);
    let address = admin.address();
    // One that is open does not hold it up.
    let _silent = TcpStream::connect(address).unwrap();
    status(&get(&admin, "/healthz", ""), 200);
    let began = Instant::now();
    drop(admin);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_that_is_taken_is_told_with_its_remedy() {
    let (admin, meters) = begin(None);
    let told = Told { meters, now: Arc::new(|| NOW), clock_paused: Box::new(|| false) };
    let settings = Settings { listen: admin.address(), token: None, tls: None };
    let error = Admin::begin(settings, told).err().unwrap().to_string();
    assert!(error.contains("127.0.0.1:") && error.contains("the port is taken"), "{error}");
}
