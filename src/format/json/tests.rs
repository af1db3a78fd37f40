//! The words of JSON, the map, the shape: one small record each. Comparisons with another reader of JSON are in `tests/formats.rs`.

use super::*;
use crate::record::timestamp::Timestamp;

fn parser(map: &[(&str, &str)]) -> Json {
    let map = map.iter().map(|(key, field)| ((*key).to_owned(), (*field).to_owned())).collect();
    Json::new(&map, None).unwrap()
}

fn read(parser: &Json, record: &[u8]) -> Result<(Parsed, Vec<(String, String)>), Refusal> {
    let mut parsed = Parsed::default();
    parser.parse(record, &mut Memo::new(Timestamp(0)), &mut parsed)?;
    let fields = parsed
        .parts
        .iter()
        .map(|part| {
            let field = parser.layout.slots[part.slot as usize].field.clone();
            (field, String::from_utf8(part.of(record).to_vec()).unwrap())
        })
        .collect();
    Ok((parsed, fields))
}

fn check_with(map: &[(&str, &str)], record: &str, expected: &[(&str, &str)]) {
    let (_, fields) = read(&parser(map), record.as_bytes()).map_err(Refusal::name).unwrap();
    let expected: Vec<_> =
        expected.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
    assert_eq!(fields, expected, "{record}");
}

fn check(record: &str, expected: &[(&str, &str)]) {
    check_with(&[], record, expected);
}

fn refusal(record: &[u8]) -> Option<Refusal> {
    read(&parser(&[]), record).err()
}

/// The shape in one line: keys, brackets, parts.
fn shape(map: &[(&str, &str)], record: &str) -> String {
    use std::fmt::Write;
    let (parsed, _) = read(&parser(map), record.as_bytes()).map_err(Refusal::name).unwrap();
    let mut text = String::new();
    for step in parsed.shape {
        match step {
            Shape::Open { bracket, start, end } => {
                write!(text, "{}{}", &record[start as usize..end as usize], char::from(bracket)).unwrap();
            }
            Shape::Close => text.push('.'),
            Shape::Value { part, parts, start, end, quoted, .. } => {
                let mark = if quoted { '\'' } else { '=' };
                write!(text, "{}{mark}{part}+{parts} ", &record[start as usize..end as usize]).unwrap();
            }
        }
    }
    text
}

#[test]
fn nginx_variables() {
    check(
        r#"{"remote_addr":"192.0.2.7","remote_user":"-","time_iso8601":"2026-11-21T10:15:32+01:00","request":"GET /a?b=c HTTP/1.1","status": 200,"http_referer":"","x":1}"#,
        &[
            ("client.address", "192.0.2.7"),
            ("time", "2026-11-21T10:15:32+01:00"),
            ("http.request.method", "GET"),
            ("url.path", "/a"),
            ("url.query", "b=c"),
            ("network.protocol.version", "1.1"),
            ("http.response.status_code", "200"),
        ],
    );
}

#[test]
fn nested_and_flat_keys_are_the_same() {
    check(
        r#"{"client":{"ip":"192.0.2.7","port":1}}"#,
        &[("client.address", "192.0.2.7"), ("client.port", "1")],
    );
    check(r#"{"client.ip":"192.0.2.7"}"#, &[("client.address", "192.0.2.7")]);
    check(r#"{"http":{"request.method":"GET"}}"#, &[("http.request.method", "GET")]);
    check(r#"{"attributes":{"client.address":"192.0.2.7"}}"#, &[("client.address", "192.0.2.7")]);
    check(r#"{"client":"192.0.2.7"}"#, &[("client.address", "192.0.2.7")]);
    check(r#"{"client":{"unknown":"192.0.2.7"}}"#, &[]);
}

#[test]
fn keys_are_compared_after_decoding() {
    check(r#"{"remote\u005faddr":"192.0.2.7"}"#, &[("client.address", "192.0.2.7")]);
    check(r#"{"client\u002eip":"192.0.2.7"}"#, &[("client.address", "192.0.2.7")]);
    check_with(&[("a\u{1F600}", "user.name")], r#"{"a\uD83D\uDE00":"bob"}"#, &[("user.name", "bob")]);
    check(&format!(r#"{{"\u0061{}":1}}"#, "a".repeat(5000)), &[]);
}

#[test]
fn every_duplicate_is_a_part() {
    check(
        r#"{"ip":"192.0.2.7","ip":"192.0.2.8","client":{"ip":"192.0.2.9"}}"#,
        &[("client.address", "192.0.2.7"), ("client.address", "192.0.2.8"), ("client.address", "192.0.2.9")],
    );
}

#[test]
fn arrays_are_transparent() {
    check(
        r#"{"related":{"ip":["192.0.2.7",["192.0.2.8"],null,{"x":1}]},"client":[{"ip":"192.0.2.9"},{"port":3}]}"#,
        &[
            ("network.peer.address", "192.0.2.7"),
            ("network.peer.address", "192.0.2.8"),
            ("network.peer.address", "1"),
            ("client.address", "192.0.2.9"),
            ("client.port", "3"),
        ],
    );
}

#[test]
fn objects_under_a_mapped_key_lose_their_keys() {
    check(r#"{"msg":{"192.0.2.7":"a","b":{"c":true}}}"#, &[("message", "a"), ("message", "true")]);
    assert_eq!(shape(&[], r#"{"msg":{"192.0.2.7":"a","b":{"c":true}}}"#), "{msg['0+1 [=1+1 ...");
    // Where the map knows keys below, the others are dropped.
    check(
        r#"{"request":{"uri":"/a","headers":{"Cookie":["x"],"user-agent":["y"]}}}"#,
        &[("url.path", "/a"), ("user_agent.original", "y")],
    );
}

#[test]
fn the_bytes_of_a_text_are_no_parts() {
    check(r#"{"MESSAGE":[49,57,50,"x"],"msg":5}"#, &[("message", "x"), ("message", "5")]);
}

#[test]
fn the_shape_holds_what_is_kept() {
    assert_eq!(
        shape(
            &[],
            r#"{"x":{"ip":"1"},"client":{"x":1},"status":200,"request":"GET /a?b HTTP/1.1","client":{"ip":["a"]},"msg":null}"#
        ),
        "{status=0+1 request'1+4 client{ip['5+1 ..."
    );
    assert_eq!(shape(&[], "{}"), "{.");
    assert_eq!(shape(&[], r#"{"request":"-","args":"","ip":""}"#), "{request'0+0 args'0+0 ip'0+0 .");
}

#[test]
fn the_users_map_lies_over_the_built_in_one() {
    check_with(
        &[("real", "client.address"), ("host", "user.name")],
        r#"{"real":"192.0.2.7","host":"bob"}"#,
        &[("client.address", "192.0.2.7"), ("user.name", "bob")],
    );
    check_with(
        &[("a.b.c", "client.address")],
        r#"{"a":[{"b":{"c":["192.0.2.7"]}}]}"#,
        &[("client.address", "192.0.2.7")],
    );
    let map =
        |key: &str, field: &str| Json::new(&BTreeMap::from([(key.to_owned(), field.to_owned())]), None).err();
    assert_eq!(map("", "user.name"), Some(MapError::Key(1)));
    assert_eq!(map("a..b", "user.name"), Some(MapError::Key(1)));
    assert_eq!(map(&"a".repeat(251), "user.name"), Some(MapError::Key(1)));
    assert_eq!(map("a", "User Name"), Some(MapError::Field(1)));
}

#[test]
fn targets_and_queries() {
    check(
        r#"{"request_uri":"/a?b","args":"?c"}"#,
        &[("url.path", "/a"), ("url.query", "b"), ("url.query", "c")],
    );
    check(r#"{"url":"https://example.org/a?b"}"#, &[("url.full", "https://example.org/a?b")]);
    check(r#"{"request":"/a?b"}"#, &[("url.path", "/a"), ("url.query", "b")]);
    check(r#"{"request":"\u0016\u0003\u0001"}"#, &[("http.request.line", r"\u0016\u0003\u0001")]);
    // A question mark in disguise: what stands before it is not only a path.
    check(r#"{"request_uri":"/a\u003fb"}"#, &[("http.request.line", r"/a\u003fb")]);
    check(r#"{"request_uri":"/a?b\u0026c"}"#, &[("url.path", "/a"), ("url.query", r"b\u0026c")]);
}

fn time(record: &str) -> Result<Option<i64>, Refusal> {
    read(&parser(&[]), record.as_bytes()).map(|(parsed, _)| parsed.time.map(|time| time.0))
}

#[test]
fn times() {
    let instant = Ok(Some(1_795_252_532_000_000));
    for text in [
        r#""2026-11-21T10:15:32+01:00""#,
        r#""2026-11-21T09:15:32.000Z""#,
        r#""2026-11-21T10:15:32\u002B01:00""#,
        r#""21/Nov/2026:10:15:32 +0100""#,
        r#""21\/Nov\/2026:10:15:32 +0100""#,
        r#""1795252532.000""#,
        "1795252532",
        "1795252532.0",
        "1795252532000",
        "1795252532000000",
        "1795252532000000000",
        r#""1795252532000000999""#,
    ] {
        assert_eq!(time(&format!(r#"{{"time":{text}}}"#)), instant, "{text}");
    }
    assert_eq!(time(r#"{"StartUTC":"2026-11-21T09:15:32Z","time":"2026-11-21T08:15:32"}"#), instant);
    // The earliest of several counts.
    assert_eq!(time(r#"{"ts":1795252539,"time":"2026-11-21T09:15:32Z","msec":"1795252533.5"}"#), instant);
    for absent in [r#""-""#, r#""""#, "null", "{}", r#"{"sec":1}"#, "true"] {
        assert_eq!(time(&format!(r#"{{"time":{absent}}}"#)), Ok(None), "{absent}");
    }
    for bad in [
        r#""2026-02-30T00:00:00Z""#,
        r#""2026-11-21T10:15:32""#,
        r#""soon""#,
        "0.005",
        "12",
        "1e9",
        "-1795252532",
    ] {
        assert_eq!(time(&format!(r#"{{"time":{bad}}}"#)), Err(Refusal::BadTime), "{bad}");
    }
}

#[test]
fn a_zone_of_the_configuration_completes_a_time() {
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    let parser = Json::new(&BTreeMap::new(), Some(zone)).unwrap();
    let (parsed, _) = read(&parser, br#"{"time":"2026-11-21T10:15:32"}"#).map_err(Refusal::name).unwrap();
    assert_eq!(parsed.time, Some(Timestamp::from_seconds(1_795_252_532)));
    assert!(parsed.time_completed);
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in [
        &br#"{"a":1,}"#[..],
        br#"{,"a":1}"#,
        br#"{"a":[1,]}"#,
        br#"{"a":NaN}"#,
        br#"{"a":Infinity}"#,
        br#"{"a":01}"#,
        br#"{"a":.5}"#,
        br#"{"a":1.}"#,
        br#"{"a":+1}"#,
        br#"{"a":1e}"#,
        br#"{"a":truE}"#,
        br#"{"a":"\x41"}"#,
        br#"{"a":"\u12G4"}"#,
        br#"{"a":"\ud800"}"#,
        br#"{"a":"\udc00"}"#,
        br#"{"a":"\ud800\u0041"}"#,
        b"{\"a\":\"\t\"}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xc3\x28\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        br#"{"a":1}x"#,
        br#"{"a":1}{"a":1}"#,
        br#"{"a" 1}"#,
        br#"{"a":1 "b":2}"#,
        br"{a:1}",
        br"{'a':1}",
        br#"{"a":]}"#,
        br#"{"a":[1}"#,
        br#"{"a":1]"#,
        br#"{"a":}"#,
    ] {
        assert_eq!(refusal(bad), Some(Refusal::BadJson), "{}", String::from_utf8_lossy(bad));
    }
    for other in [&b""[..], b"  ", b"[1]", b"1", br#""a""#, b"null", b"192.0.2.7 - -"] {
        assert_eq!(refusal(other), Some(Refusal::Mismatch));
    }
}

#[test]
fn every_cut_of_a_record_is_refused() {
    let record =
        r#"{"remote_addr":"192.0.2.7","n":[-1.5e+3,true,null,false],"m":"\u00e9\ud83d\ude00ü","o":{}}"#
            .as_bytes();
    assert_eq!(refusal(record), None);
    assert_eq!(refusal(b"{\"a\":\"\xc3"), Some(Refusal::Truncated));
    for end in 1..record.len() {
        assert_eq!(refusal(&record[..end]), Some(Refusal::Truncated), "{end}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(refusal(nested(DEPTH_MAX).as_bytes()), None);
    assert_eq!(refusal(nested(DEPTH_MAX + 1).as_bytes()), Some(Refusal::TooDeep));
    assert_eq!(refusal(format!(r#"{{"a":{}"#, "[".repeat(100_000)).as_bytes()), Some(Refusal::TooDeep));
    let many = |count: usize| format!(r#"{{"ip":[{}"a"]}}"#, r#""a","#.repeat(count - 1));
    assert_eq!(refusal(many(VALUES_MAX).as_bytes()), None);
    assert_eq!(refusal(many(VALUES_MAX + 1).as_bytes()), Some(Refusal::TooLong));
    let absent = format!(r#"{{"ip":[{}""]}}"#, r#""","#.repeat(4 * VALUES_MAX));
    assert_eq!(refusal(absent.as_bytes()), Some(Refusal::TooLong));
}

#[test]
fn other_servers() {
    check(
        r#"{"level":"info","ts":1795252532.5,"msg":"handled request","request":{"remote_ip":"192.0.2.7","client_ip":"192.0.2.8","uri":"/b?c","headers":{"User-Agent":["x"],"X-Forwarded-For":["192.0.2.9, 192.0.2.10"],"Cookie":["s=1"]}},"user_id":"","duration":0.5,"status":200}"#,
        &[
            ("severity_text", "info"),
            ("time", "1795252532.5"),
            ("message", "handled request"),
            ("network.peer.address", "192.0.2.7"),
            ("client.address", "192.0.2.8"),
            ("url.path", "/b"),
            ("url.query", "c"),
            ("user_agent.original", "x"),
            ("http.request.header.x-forwarded-for", "192.0.2.9, 192.0.2.10"),
            ("http.server.request.duration", "0.5"),
            ("http.response.status_code", "200"),
        ],
    );
    check(
        r#"{"log":"192.0.2.7 gone\n","stream":"stdout","time":"2026-11-21T09:15:32.1Z"}"#,
        &[("message", r"192.0.2.7 gone\n"), ("time", "2026-11-21T09:15:32.1Z")],
    );
    let duration = |record: &str| {
        let parser = parser(&[]);
        let (parsed, _) = read(&parser, record.as_bytes()).map_err(Refusal::name).unwrap();
        parser.layout.slots[parsed.parts[0].slot as usize].scale
    };
    assert!((duration(r#"{"Duration":5}"#) - 1e-9).abs() < 1e-15);
    assert!((duration(r#"{"duration":5}"#) - 1.0).abs() < 1e-15);
}
