//! Parsers of JSON, error logs and text: equal to slow and obvious versions, total on any bytes, right on the corpus.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use sluis::encode::same_json::{Written, same_json};
use sluis::format::apache_error::ApacheError;
use sluis::format::coturn::Coturn;
use sluis::format::detect::{detect, resembles};
use sluis::format::jitsi::{Jitsi, Service};
use sluis::format::json::{Json, VALUES_MAX};
use sluis::format::nginx_error::NginxError;
use sluis::format::prosody::Prosody;
use sluis::format::text::Text;
use sluis::format::{Memo, Parser};
use sluis::record::span::{Parsed, Refusal, Shape};
use sluis::record::timestamp::Timestamp;

/// The map of the JSON properties: a key below another, one that ends a path, a text, and nothing that is built in.
const MAP: [(&str, &str); 4] =
    [("ka", "client.address"), ("ka.kb", "user.name"), ("kc.kd", "user.id"), ("ke", "message")];

fn json() -> Json {
    let map = MAP.iter().map(|&(key, field)| (key.to_owned(), field.to_owned())).collect();
    Json::new(&map, Some(TimeZone::UTC)).unwrap()
}

fn parse(parser: &dyn Parser, record: &[u8]) -> Result<Parsed, Refusal> {
    let mut parsed = Parsed::default();
    parser.parse(record, &mut Memo::new(Timestamp(0)), &mut parsed)?;
    check_spans(parser, record, &parsed);
    Ok(parsed)
}

/// What every parser promises of its parts and shape.
fn check_spans(parser: &dyn Parser, record: &[u8], parsed: &Parsed) {
    let mut at = 0;
    for part in &parsed.parts {
        assert!((part.slot as usize) < parser.layout().slots.len());
        assert!(at <= part.start && part.start <= part.end && part.end as usize <= record.len());
        at = part.end;
    }
    let mut next = 0;
    let mut depth = 0;
    for step in &parsed.shape {
        match *step {
            Shape::Open { bracket, start, end } => {
                assert!(matches!(bracket, b'{' | b'[') && start <= end && end as usize <= record.len());
                depth += 1;
            }
            Shape::Close => depth -= 1,
            Shape::Value { part, parts, start, end, value_start, value_end, .. } => {
                assert!(
                    part == next
                        && start <= end
                        && value_start <= value_end
                        && value_end as usize <= record.len()
                );
                for part in &parsed.parts[part as usize..(part + parts) as usize] {
                    assert!(value_start <= part.start && part.end <= value_end);
                }
                next = part + parts;
            }
        }
        assert!(depth >= 0);
    }
    assert!(depth == 0 && (parsed.shape.is_empty() || next as usize == parsed.parts.len()));
}

// JSON against an obvious version.

/// A JSON value as it will be written: with duplicate keys, and the text of its numbers.
#[derive(Clone, Debug)]
enum Tree {
    Bare(&'static str),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let bare = prop::sample::select(vec!["0", "-1", "12.5", "1e3", "-0.5E-7", "true", "false", "null"]);
    let string = prop_oneof!["[a-z]{0,12}", "\\PC{0,6}", Just("\u{1}\"\\/\u{8}\n\u{1F600}".to_owned())];
    let leaf = prop_oneof![bare.prop_map(Tree::Bare), string.prop_map(Tree::String)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::vec((key(), inner), 0..5).prop_map(Tree::Object),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let keys = ["ka", "kb", "kc", "kd", "ke", "ka.kb", "kc.kd", "KC", "k\u{e9}", "", ".", "ka.", "\"\n"];
    prop::sample::select(keys.map(str::to_owned).to_vec())
}

/// Writes it, with the white space and the escapes that `style` says.
fn write(tree: &Tree, style: u8, out: &mut String) {
    let space = if style & 1 == 1 { " \t\r\n" } else { "" };
    out.push_str(space);
    match tree {
        Tree::Bare(text) => out.push_str(text),
        Tree::String(text) => write_string(text, style, out),
        Tree::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(element, style, out);
            }
            out.push_str(space);
            out.push(']');
        }
        Tree::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(space);
                write_string(key, style, out);
                out.push_str(space);
                out.push(':');
                write(value, style, out);
            }
            out.push_str(space);
            out.push('}');
        }
    }
    out.push_str(space);
}

fn write_string(text: &str, style: u8, out: &mut String) {
    if style & 2 == 0 {
        out.push_str(&serde_json::to_string(text).unwrap());
        return;
    }
    // Every character as an escape.
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04X}"));
    }
    out.push('"');
}

/// The field of a path, in one look at the whole map: its own, or that of a path above it below which nothing is mapped.
fn field_of(path: &str) -> Option<&'static str> {
    let same = |key: &str| key.eq_ignore_ascii_case(path);
    if let Some((_, field)) = MAP.iter().find(|(key, _)| same(key)) {
        return Some(field);
    }
    let below = |path: &str, key: &str| {
        path.len() > key.len()
            && path[..key.len()].eq_ignore_ascii_case(key)
            && path.as_bytes()[key.len()] == b'.'
    };
    MAP.iter()
        .filter(|(key, _)| !MAP.iter().any(|(other, _)| below(other, key)))
        .find(|(key, _)| path.is_char_boundary(key.len().min(path.len())) && below(path, key))
        .map(|(_, field)| *field)
}

/// Field and value of every mapped scalar, in the order of the text.
fn expected(tree: &Tree, path: Option<&str>, member: bool, out: &mut Vec<(String, String)>) {
    let field = path.and_then(field_of);
    let direct = member && MAP.iter().any(|(key, _)| path.is_some_and(|path| path.eq_ignore_ascii_case(key)));
    match (tree, field) {
        (Tree::Bare("null"), _) | (Tree::Bare(_) | Tree::String(_), None) => {}
        (Tree::Bare(text), Some("message")) if !direct && !text.ends_with('e') => {}
        (Tree::Bare(text), Some(field)) => out.push((field.to_owned(), (*text).to_owned())),
        (Tree::String(text), Some(_)) if text.is_empty() || text == "-" => {}
        (Tree::String(text), Some(field)) => out.push((field.to_owned(), text.clone())),
        (Tree::Array(elements), _) => elements.iter().for_each(|element| expected(element, path, false, out)),
        (Tree::Object(members), _) => {
            for (key, value) in members {
                let path = path.map_or_else(|| key.clone(), |path| format!("{path}.{key}"));
                expected(value, Some(&path), true, out);
            }
        }
    }
}

/// Field and decoded value of every part.
fn found(parser: &Json, record: &str, parsed: &Parsed) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for step in &parsed.shape {
        let Shape::Value { part, parts, quoted, .. } = *step else { continue };
        for part in &parsed.parts[part as usize..(part + parts) as usize] {
            let raw = &record[part.start as usize..part.end as usize];
            let text =
                if quoted { serde_json::from_str(&format!("\"{raw}\"")).unwrap() } else { raw.to_owned() };
            values.push((parser.layout().slots[part.slot as usize].field.clone(), text));
        }
    }
    values
}

/// The record with every value as it was, through the encoder.
fn rewritten(record: &[u8], parsed: &Parsed) -> Vec<u8> {
    let mut out = Vec::new();
    same_json(&parsed.shape, &parsed.parts, record, &mut out, |index, out| {
        out.extend_from_slice(parsed.parts[index].of(record));
        Written::Value
    });
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn json_finds_what_the_obvious_version_finds(members in prop::collection::vec((key(), tree()), 0..6), style in 0_u8..4) {
        let tree = Tree::Object(members);
        let mut record = String::new();
        write(&tree, style, &mut record);
        let parser = json();
        let parsed = parse(&parser, record.as_bytes());
        prop_assert!(parsed.is_ok(), "{record}");
        let parsed = parsed.ok().unwrap();
        let mut wanted = Vec::new();
        expected(&tree, None, true, &mut wanted);
        prop_assert_eq!(found(&parser, &record, &parsed), wanted, "{}", record);

        // Written again it is JSON, says the same, and does not change any more.
        let again = rewritten(record.as_bytes(), &parsed);
        let again_text = std::str::from_utf8(&again).unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(again_text).is_ok(), "{again_text}");
        let parsed_again = parse(&parser, &again);
        prop_assert!(parsed_again.is_ok(), "{again_text}");
        let parsed_again = parsed_again.ok().unwrap();
        prop_assert_eq!(found(&parser, again_text, &parsed_again), found(&parser, &record, &parsed));
        prop_assert_eq!(rewritten(&again, &parsed_again), again);
    }

    #[test]
    fn json_accepts_what_serde_accepts(
        tree in tree(),
        style in 0_u8..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, prop::sample::select(JSON_BYTES.to_vec())), 0..4),
    ) {
        let mut record = String::new();
        write(&Tree::Object(vec![("ka".to_owned(), tree)]), style, &mut record);
        let record = edited(record.into_bytes(), &edits);
        agree_with_serde(&record);
    }
}

/// Bytes that matter to a JSON parser.
const JSON_BYTES: &[u8] =
    b"{}[]\",:\\utrfn0123456789abcdefABCDEF+-.eE \t\n\r\0\x1f\x7f\x80\xc3\xa9\xed\xa0\xff/'";

fn edited(mut record: Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (index, action, byte) in edits {
        let at = index.index(record.len().max(1));
        match action {
            0 if at < record.len() => record[at] = *byte,
            1 => record.insert(at.min(record.len()), *byte),
            _ if at < record.len() => drop(record.remove(at)),
            _ => {}
        }
    }
    record
}

fn agree_with_serde(record: &[u8]) {
    let ours = parse(&json(), record).map(|_| ());
    // What a record of logs must be beyond JSON.
    if matches!(ours, Err(Refusal::TooDeep | Refusal::TooLong)) {
        return;
    }
    let theirs = match serde_json::from_slice::<serde_json::Value>(record) {
        Ok(value) => value.is_object(),
        // A number beyond the range of an f64 is valid JSON.
        Err(error) if error.to_string().contains("out of range") => return,
        Err(_) => false,
    };
    assert_eq!(ours.is_ok(), theirs, "{}", String::from_utf8_lossy(record));
}

#[test]
fn json_agrees_with_serde_on_every_one_byte_change() {
    let record = r#"{"ka":"x\u00e9\n","n":[-1.5e+3,true,null,false,0],"ke":{"a":{}}}"#.as_bytes();
    for at in 0..record.len() {
        for &byte in JSON_BYTES {
            for action in 0..3 {
                let mut changed = record.to_vec();
                match action {
                    0 => changed[at] = byte,
                    1 => changed.insert(at, byte),
                    _ => drop(changed.remove(at)),
                }
                agree_with_serde(&changed);
            }
        }
    }
}

#[test]
fn same_json_keeps_what_the_writer_keeps() {
    let record = br#"{"x":1,"remote_addr":"192.0.2.7","request":"GET /a?b=c HTTP/1.1","status":200,"client":{"ip":"192.0.2.8"},"ok":true}"#;
    let parser = Json::new(&BTreeMap::from([("ok".to_owned(), "user.id".to_owned())]), None).unwrap();
    let parsed = parse(&parser, record).map_err(Refusal::name).unwrap();
    let rewrite = |change: &dyn Fn(&str) -> Option<&'static str>| {
        let mut out = b"before\n".to_vec();
        same_json(&parsed.shape, &parsed.parts, record, &mut out, |index, out| {
            let part = parsed.parts[index];
            match change(&parser.layout().slots[part.slot as usize].field) {
                None => return Written::Dropped,
                Some("") => out.extend_from_slice(part.of(record)),
                Some(other) => out.extend_from_slice(other.as_bytes()),
            }
            Written::Value
        });
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        rewrite(&|_| Some("")),
        "before\n{\"remote_addr\":\"192.0.2.7\",\"request\":\"GET /a?b=c HTTP/1.1\",\"status\":200,\"client\":{\"ip\":\"192.0.2.8\"},\"ok\":true}"
    );
    assert_eq!(rewrite(&|_| None), "before\n{\"client\":{}}");
    assert_eq!(
        rewrite(&|field| match field {
            "client.address" => None,
            "url.query" => None,
            "http.response.status_code" => Some("token"),
            "user.id" => Some("-1.5e3"),
            _ => Some(""),
        }),
        "before\n{\"request\":\"GET /a HTTP/1.1\",\"status\":\"token\",\"client\":{},\"ok\":-1.5e3}"
    );
    assert_eq!(
        rewrite(&|field| (field == "http.request.method").then_some("")),
        "before\n{\"request\":\"GET - HTTP/-\",\"client\":{}}"
    );
}

// Any bytes through every parser.

fn parsers() -> Vec<(&'static str, Box<dyn Parser>)> {
    vec![
        ("json", Box::new(json())),
        ("nginx-error", Box::new(NginxError::new(TimeZone::UTC))),
        ("apache-error", Box::new(ApacheError::new(TimeZone::UTC))),
        ("prosody", Box::new(Prosody::new(TimeZone::UTC))),
        ("coturn", Box::new(Coturn::new(Some(TimeZone::UTC)))),
        ("jvb", Box::new(Jitsi::new(Service::Jvb, TimeZone::UTC))),
        ("jicofo", Box::new(Jitsi::new(Service::Jicofo, TimeZone::UTC))),
        ("jibri", Box::new(Jitsi::new(Service::Jibri, TimeZone::UTC))),
        ("text", Box::new(Text::new())),
    ]
}

const SEEDS: [&str; 21] = [
    r#"{"remote_addr":"192.0.2.7","request":"GET /a?b HTTP/1.1","time":"2026-11-21T10:15:32Z","client":{"ip":["192.0.2.8"]}}"#,
    r#"{"ts":1795252532.5,"request":{"uri":"/a?b","headers":{"User-Agent":["x"]}},"msg":{"a":1},"args":"?x"}"#,
    r#"2026/11/21 10:15:32 [error] 1#2: *3 user "bob": password mismatch, client: 192.0.2.7, server: a, request: "GET / HTTP/1.1", host: "a", referrer: "b""#,
    r#"2026/11/21 10:15:32 [error] 1#2: *3 x, client: 192.0.2.7 using starttls, server: a, login: "bob", upstream: 192.0.2.8:25"#,
    "2026/11/21 10:15:32 [error] 1#2: *3 x, udp client: 192.0.2.7, server: a, upstream: \"b\", bytes from/to client:1/2",
    "[Sat Nov 21 10:15:32.123456 2026] [core:error] [pid 1:tid 2] a.c(3): (2)No such file: [client 192.0.2.7:5] AH00128: x, referer: y",
    "[Sat Nov 21 10:15:32 2026] [:error] [pid 1] [client 2001:db8::1:5] user bob: authentication failure for \"/\"\nmore",
    "[2026-11-21 10:15:32.123456] [-:trace8] user `bob' in realm `x' not found: /",
    "Nov 21 10:15:32 mod_bosh\tinfo\tNew BOSH session, assigned it sid '550e8400-e29b-41d4-a716-446655440000'",
    "xmpp-1  | 2026-11-21 10:15:32 bosh550e8400-e29b-41d4   \x1b[1minfo\x1b[0m\tAuthenticated as bob@example.org [x]\nmore",
    "Nov 21 10:15:32 meet prosody[7]: c2s55a9fb622a20   #033[1;33mwarn#033[0m#011Account password changed: a@b by c@d",
    "Nov 21 10:15:32 meet prosody[7]: c2s55a9fb622a20: Client connected",
    "5: (47): a.c(12): INFO: session 001000000000000007: realm <r> user <1795252532:bob>: incoming packet ALLOCATE processed",
    "Nov 21 10:15:32 h turnserver[7]: 5: : session 001000000000000007: closed (2nd stage), user <b> realm <r> origin <>, \
     local 192.0.2.1:1, remote [2001:db8::7]:2, reason: x",
    "2026-11-21T10:15:32.118+0100 INFO IPv6. tcp or tls connected to: 2001:db8::9:50312",
    "2026-11-21T10:15:32+0100: : session 001000000000000007: peer 192.0.2.7:5 lifetime updated: 300",
    "JVB 2026-11-21 10:15:32.123 INFO: [1] [confId=1 conf_name=[t]a@conference.h stats_id=Eva] b=c epId=49517bef] A.b#1: x\n\tat y",
    "Jicofo 2026-11-21 10:15:32.123 AM FEINSTEN: [1] org.jitsi.A.b().401 Member a@conference.h/49517bef joined.",
    "Nov 21 10:15:32 h docker[1]: jvb_1 | 2026-11-21T10:15:32.123456789Z JVB INFO: [1] [participant=null new=1] x",
    "Dec 04, 2020 1:30:42 PM org.jitsi.A log\nINFO: x: [1] y",
    "[jibri_1   2026-11-21 10:15:32.123 INFO: [1] [room=x JVB 2026-11-21 10:15:32.123 INFO: [1] A.b: x",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_parsed_or_refused(record in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, parser) in parsers() {
            let _ = parse(&*parser, &record);
            let _ = parser.begins_record(&record);
        }
        let _ = resembles(&record);
    }

    #[test]
    fn changed_records_are_parsed_or_refused(
        seed in prop::sample::select(SEEDS.to_vec()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 0..6),
        splice in prop::sample::select(SEEDS.to_vec()),
        place in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut record = edited(seed.as_bytes().to_vec(), &edits);
        let at = place.index(record.len() + 1);
        let part = splice.as_bytes()[cut.index(splice.len())..].to_vec();
        for (_, parser) in parsers() {
            let _ = parse(&*parser, &record);
        }
        record.splice(at..at, part);
        for (_, parser) in parsers() {
            let _ = parse(&*parser, &record);
        }
    }
}

/// A megabyte that would take hours if any parser looked twice at what it has seen.
#[test]
fn hostile_records_cost_no_more_than_their_length() {
    let head = |head: &str, repeated: &str| {
        let mut record = head.as_bytes().to_vec();
        record.extend(repeated.as_bytes().iter().cycle().take(1 << 20));
        record
    };
    let nginx = "2026/11/21 10:15:32 [error] 1#2: *3 ";
    let apache = "[Sat Nov 21 10:15:32 2026] [error] ";
    let prosody = "Nov 21 10:15:32 x\tinfo\t";
    let turn = "5: session 001000000000000007: ";
    let jvb = "JVB 2026-11-21 10:15:32.123 INFO: [1] [room=a";
    for record in [
        head(r#"{"a":""#, r"\\"),
        head(r#"{"a":"#, "["),
        head(r#"{"ip":["#, r#""","#),
        head(r#"{""#, "a."),
        head(r#"{"request":"GET /"#, r"?\u0020"),
        head(nginx, ", client: 192.0.2.7, server: a, request: \""),
        head(nginx, "\", host: \""),
        head(&format!("{nginx}, client: 192.0.2.7, server: a, request: \""), "\""),
        head(&format!("{nginx}user \""), "\": password mismatch"),
        head(apache, "(2)x: [client "),
        head(apache, ", referer: "),
        head(&format!("{apache}user "), " not found: "),
        head(prosody, "info\t"),
        head(prosody, &format!("{}{}info\t", "a".repeat(300), " ".repeat(300))),
        head(prosody, "\x1b[1minfo\x1b[0m\t"),
        head(&format!("{prosody}Authenticated as "), "a@b"),
        head(&format!("{prosody}New BOSH session, assigned it sid '"), "a1"),
        head("Nov 21 10:15:32 meet prosody[7]: a: ", "meet prosody[7]:"),
        head("Nov 21 10:15:32 ", " "),
        head("", "a:1."),
        head(turn, "user <"),
        head(turn, "> realm <, remote "),
        head(&format!("{turn}user <"), "> realm <"),
        head(turn, "session 1"),
        head(turn, " connected to: "),
        head(&format!("{turn}peer "), "2001:"),
        head("5: (1): ", "A"),
        head(jvb, "] "),
        head(jvb, "] A.b: ["),
        head(jvb, " b=c"),
        head(&format!("{jvb}@h"), " b=c"),
        head(jvb, " epId=1"),
        head(jvb, ": [1] "),
        head(jvb, "2026-11-21 10:15:32.123 INFO: [x"),
        head(jvb, &format!("] {}", "A.b".repeat(80))),
        head("jvb_1 | ", "jvb_1 | "),
    ] {
        for (_, parser) in parsers() {
            let _ = parse(&*parser, &record);
        }
    }
    let many = head(r#"{"ip":["#, r#""a","#);
    assert_eq!(parse(&json(), &many).err(), Some(Refusal::TooLong));
    assert!(VALUES_MAX < many.len());
}

// The corpus: real logs, when they lie beside the project.

fn corpus(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(path);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: there is no {} here", path.display());
    }
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn real_logs_are_parsed_whole() {
    let files: [(&str, &str, fn(&str) -> bool); 26] = [
        ("json", "web/matomo-log-analytics/nginx_json.log", |_| true),
        ("json", "web/matomo-log-analytics/caddy_json.log", |_| true),
        ("json", "web/matomo-log-analytics/traefik_json.log", |_| true),
        ("json", "web/nginx-json-docs/nginx_json_access.log", |_| true),
        ("json", "web/lnav/logfile_caddy_log.1", |_| true),
        ("json", "web/lnav/logfile_cloudflare.json", |_| true),
        ("json", "syslog_containers/lnav/logfile_journald.json", |_| true),
        ("json", "syslog_containers/lnav/logfile_ecs_log.json", |_| true),
        ("json", "syslog_containers/lnav/logfile_otel_collector.jsonl", |_| true),
        ("nginx-error", "web/fail2ban/nginx-http-auth", |line| line.starts_with("20")),
        ("nginx-error", "web/fail2ban/nginx-limit-req", |line| line.starts_with("20")),
        ("nginx-error", "web/fail2ban/nginx-forbidden", |line| line.starts_with("20")),
        ("nginx-error", "web/fail2ban/nginx-botsearch", |line| line.starts_with("20")),
        ("apache-error", "web/fail2ban/apache-auth", |line| line.starts_with('[')),
        ("apache-error", "web/fail2ban/apache-modsecurity", |line| line.starts_with('[')),
        ("apache-error", "web/fail2ban/apache-overflows", |line| line.starts_with('[')),
        ("apache-error", "web/willthefarmer-apache/apache_error/farmwork.error.log", |_| true),
        ("apache-error", "web/willthefarmer-apache/apache_error/error.log", |_| true),
        ("apache-error", "web/netnea-tutorials/tutorial-8/tutorial-8-example-error-round-2.log", |line| {
            line.starts_with('[')
        }),
        ("apache-error", "web/netnea-tutorials/tutorial-8/tutorial-8-example-error-round-4.log", |line| {
            line.starts_with('[')
        }),
        ("prosody", "videoconference/jitsi-2020-03-rajes123/prosody.log", |_| true),
        ("prosody", "videoconference/jitsi-2024-abhishektharu/prosody.log", |_| true),
        ("prosody", "videoconference/jitsi-issues-a/prosody_docker.log", |_| true),
        ("prosody", "videoconference/jitsi-issues-a/prosody_syslog_ansi.log", |_| true),
        ("coturn", "videoconference/coturn-a/coturn_4_6_1_elapsed_prefix.log", |_| true),
        ("coturn", "videoconference/coturn-a/coturn_variants.log", |_| true),
    ];
    let parsers = parsers();
    for (format, path, belongs) in files {
        let Some(text) = corpus(path) else { return };
        let (index, parser) = parsers.iter().enumerate().find(|(_, (name, _))| *name == format).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty() && belongs(line)).collect();
        assert!(!lines.is_empty());
        let mut parts = 0;
        for line in &lines {
            let parsed = parse(&*parser.1, line.as_bytes());
            assert!(parsed.is_ok(), "{path}: {}: {line}", parsed.err().map_or("", Refusal::name));
            parts += parsed.map_or(0, |parsed| parsed.parts.len());
        }
        println!("{path}: {} records, {} parts each", lines.len(), parts / lines.len());
        let formats: Vec<(&'static str, &dyn Parser)> =
            parsers[..5].iter().map(|(name, parser)| (*name, &**parser)).collect();
        let sample = lines.join("\n") + "\n";
        assert_eq!(detect(sample.as_bytes(), &formats), Ok(index), "{path}");
    }
}
