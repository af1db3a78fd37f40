//! Access logs: format strings compiled, records read. Each test is a sentence of the parsing rules.

use proptest::prelude::*;
use sluis::format::logformat::{Program, apache, combined, common, nginx, vhost_combined};
use sluis::format::time::write_rfc3339;
use sluis::format::{FormatError, Memo, Parser};
use sluis::record::span::{Parsed, Refusal};
use sluis::record::timestamp::Timestamp;

/// The fields of a record as `name=value`, `time` first and in UTC.
fn read(program: &Program, record: &[u8]) -> Result<Vec<String>, Refusal> {
    let mut memo = Memo::new(Timestamp::from_seconds(1_795_252_540));
    let mut parsed = Parsed::default();
    program.parse(record, &mut memo, &mut parsed)?;
    let mut fields = Vec::new();
    if let Some(time) = parsed.time {
        let mut text = Vec::new();
        write_rfc3339(time, &mut text);
        fields.push(format!("time={}", String::from_utf8_lossy(&text)));
    }
    let mut end = 0;
    for part in &parsed.parts {
        assert!(part.start >= end && part.end > part.start && part.end as usize <= record.len());
        end = part.end;
        let name = &program.layout().slots[usize::from(part.slot)].field;
        if name != "time" {
            fields.push(format!("{name}={}", String::from_utf8_lossy(part.of(record))));
        }
    }
    Ok(fields)
}

fn good(program: &Program, record: &str, expected: &[&str]) {
    let found = read(program, record.as_bytes());
    assert_eq!(
        found.as_deref(),
        Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
        "{record}"
    );
}

fn bad(program: &Program, record: &str, refusal: Refusal) {
    assert_eq!(read(program, record.as_bytes()).err(), Some(refusal), "{record}");
}

fn refused(program: &Program, record: &str) {
    assert!(read(program, record.as_bytes()).is_err(), "{record}: {:?}", read(program, record.as_bytes()));
}

fn known(name: &str) -> Option<String> {
    let field = match name {
        "$the_real_ip" => "client.address",
        "room" => "conference.name",
        "$stamp" => "time",
        "http.request.header.x-foo" | "http.request.cookie.sid" | "http.request.header.x-bar" => name,
        "%{GEO}n" => "client.geo.country_iso_code",
        _ => return None,
    };
    Some(field.to_owned())
}

fn ngx(text: &str) -> Program {
    nginx(text, None, &known).unwrap_or_else(|error| panic!("{}", error.shown(text)))
}

fn apa(text: &str) -> Program {
    apache(text, None, &known).unwrap_or_else(|error| panic!("{}", error.shown(text)))
}

fn amsterdam() -> Option<jiff::tz::TimeZone> {
    Some(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
}

/// The text that the error's place marks, and its message.
fn complaint(result: Result<Program, FormatError>, text: &str) -> (String, String) {
    let Err(error) = result else { panic!("{text} compiles") };
    (text[error.at.clone()].to_owned(), error.message)
}

const TIME: &str = "time=2026-11-21T09:15:32Z";
const CLIENT: &str = "client.address=192.0.2.1";

/// A combined line with `user` and `request`.
fn line(user: &str, request: &str) -> String {
    format!(r#"192.0.2.1 - {user} [21/Nov/2026:10:15:32 +0100] "{request}" 200 5 "-" "-""#)
}

#[test]
fn a_combined_line() {
    good(
        &combined(),
        r#"192.0.2.1 - alice [21/Nov/2026:10:15:32 +0100] "GET /a?b=c HTTP/1.1" 200 512 "https://example.org/" "Mozilla/5.0 (X11)""#,
        &[
            TIME,
            CLIENT,
            "user.name=alice",
            "http.request.method=GET",
            "url.path=/a",
            "url.query=b=c",
            "network.protocol.version=1.1",
            "http.response.status_code=200",
            "http.response.body.size=512",
            "http.request.header.referer=https://example.org/",
            "user_agent.original=Mozilla/5.0 (X11)",
        ],
    );
}

#[test]
fn junk_requests_keep_client_time_status_and_size() {
    for junk in [r"\x16\x03\x01\x02", r"\n", "hello", r#"]&\xDF\"x\\"#, "USER a b c"] {
        let request = format!("http.request.line={junk}");
        let fields = [TIME, CLIENT, &request, "http.response.status_code=200", "http.response.body.size=5"];
        good(&combined(), &line("-", junk), &fields);
    }
    for absent in ["-", ""] {
        let fields = [TIME, CLIENT, "http.response.status_code=200", "http.response.body.size=5"];
        good(&combined(), &line("-", absent), &fields);
    }
}

#[test]
fn user_columns() {
    for user in [
        "alice",
        "alice b. carol",
        "alice@example.org",
        r"DOMAIN\\user",
        r"DOMAIN\x5Cuser",
        "a [b] c",
        "a [21/Nov/2026:10:15:32 +0100] b",
        r#"a [21/Nov/2026:10:15:32 +0100] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\""#,
        r"a [21/Nov/2026:10:15:32 +0100] \x22GET / HTTP/1.1\x22 200 1 \x22-\x22",
        "[",
        "]",
        "-a",
        r"x\\",
        r#"x\""#,
    ] {
        let name = format!("user.name={user}");
        let request = ["http.request.method=GET", "url.path=/", "network.protocol.version=1.0"];
        let end = ["http.response.status_code=200", "http.response.body.size=5"];
        let fields: Vec<&str> = [TIME, CLIENT, &name].into_iter().chain(request).chain(end).collect();
        good(&combined(), &line(user, "GET / HTTP/1.0"), &fields);
    }
    let nobody = [TIME, CLIENT, "http.response.status_code=200", "http.response.body.size=5"];
    good(&combined(), &line("\"\"", "-"), &nobody);
    good(&common(), r#"192.0.2.1 - "" [21/Nov/2026:10:15:32 +0100] "" 200 5"#, &nobody);
}

#[test]
fn a_forged_end_of_a_value_shifts_nothing() {
    let forged = r#"GET /\" 200 1 \"-\" \"x HTTP/1.1"#;
    good(
        &combined(),
        &line("-", forged),
        &[
            TIME,
            CLIENT,
            "http.request.method=GET",
            r#"url.path=/\" 200 1 \"-\" \"x"#,
            "network.protocol.version=1.1",
            "http.response.status_code=200",
            "http.response.body.size=5",
        ],
    );
    // A server that does not escape leaves more quotes than the format has.
    refused(&combined(), &line("-", r#"GET /" 200 1 "-" "x HTTP/1.1"#));
    // A value may end in a backslash or in a quote.
    let agent = r#"192.0.2.1 - - [21/Nov/2026:10:15:32 +0100] "-" 200 5 "a\\" "b\"""#;
    let fields = [
        TIME,
        CLIENT,
        "http.response.status_code=200",
        "http.response.body.size=5",
        r"http.request.header.referer=a\\",
        r#"user_agent.original=b\""#,
    ];
    good(&combined(), agent, &fields);
}

#[test]
fn without_escapes_a_record_of_two_readings_is_refused() {
    let program = ngx(r#"escape=none '$remote_addr "$http_referer" $status "$http_user_agent"'"#);
    let plain = r#"192.0.2.1 "a" 200 "b "x" c""#;
    good(
        &program,
        plain,
        &[
            CLIENT,
            "http.request.header.referer=a",
            "http.response.status_code=200",
            r#"user_agent.original=b "x" c"#,
        ],
    );
    good(&program, r#"192.0.2.1 "" 200 """#, &[CLIENT, "http.response.status_code=200"]);
    bad(&program, r#"192.0.2.1 "a" 404 "x" 200 "b""#, Refusal::Mismatch);
    good(
        &program,
        r#"192.0.2.1 "a\x22" 200 "b\""#,
        &[
            CLIENT,
            r"http.request.header.referer=a\x22",
            "http.response.status_code=200",
            r"user_agent.original=b\",
        ],
    );
}

#[test]
fn free_values_between_spaces() {
    let program = ngx("$remote_addr $http_x_foo $http_x_bar $status");
    good(
        &program,
        "192.0.2.1 a b 200",
        &[
            CLIENT,
            "http.request.header.x-foo=a",
            "http.request.header.x-bar=b",
            "http.response.status_code=200",
        ],
    );
    bad(&program, "192.0.2.1 a b c 200", Refusal::Mismatch);
    bad(&program, "192.0.2.1 a 200", Refusal::Truncated);
    let one = ngx("$remote_addr $http_x_foo $status");
    good(
        &one,
        "192.0.2.1 a 404 b 200",
        &[CLIENT, "http.request.header.x-foo=a 404 b", "http.response.status_code=200"],
    );
    let tabs = ngx(r"$remote_addr\t$http_x_foo\t$http_x_bar");
    good(
        &tabs,
        "192.0.2.1\ta b\tc d",
        &[CLIENT, "http.request.header.x-foo=a b", "http.request.header.x-bar=c d"],
    );
    bad(&tabs, "192.0.2.1\ta b", Refusal::Truncated);
}

#[test]
fn client_columns() {
    let rest = r#"- - [21/Nov/2026:10:15:32 +0100] "-" 200 5"#;
    for client in [
        "192.0.2.1",
        "2001:db8:0:0:0:0:0:1",
        "2001:db8::1",
        "[2001:db8::1]:443",
        "192.0.2.1:443",
        "unix:",
        "host.example.org",
        "192.0.2.0/24",
        "192.0.2.x",
        "192.0.2.1, 198.51.100.2",
        "192.0.2.1,198.51.100.2",
        "unknown, 2001:db8::1, 192.0.2.1",
    ] {
        let column = format!("client.address={client}");
        let fields = [TIME, &column, "http.response.status_code=200", "http.response.body.size=5"];
        good(&common(), &format!("{client} {rest}"), &fields);
    }
    for client in ["192.0.2.1 198.51.100.2", "", "192.0.2.1, "] {
        refused(&common(), &format!("{client} {rest}"));
    }
}

#[test]
fn an_address_never_lands_in_a_name() {
    let rest = r#"[21/Nov/2026:10:15:32 +0100] "-" 200 5"#;
    for columns in [
        "www.example.org 192.0.2.1 - -",
        "www.example.org:443 192.0.2.1 - alice",
        "www.example.org host.example.org - -",
        "www.example.org host.example.org - alice",
        "www.example.org 2001:db8::1 - -",
        "192.0.2.1 198.51.100.2 - -",
        "192.0.2.1 - 198.51.100.2 -",
        "192.0.2.1 - - 198.51.100.2",
        "192.0.2.1 - 198.51.100.2",
        "192.0.2.1 - 2001:db8::1, 198.51.100.2",
        "192.0.2.1 - [2001:db8::1]:80",
    ] {
        bad(&common(), &format!("{columns} {rest}"), Refusal::Mismatch);
    }
    bad(&vhost_combined(), &line("-", "-"), Refusal::Mismatch);
    let nginx = ngx(r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#);
    refused(&nginx, r#"www.example.org 192.0.2.1 - - [21/Nov/2026:10:15:32 +0100] "-" 200 5"#);
    refused(&nginx, r#"192.0.2.1 - - - [21/Nov/2026:10:15:32 +0100] "-" 200 5"#);
}

#[test]
fn vhost_combined_lines() {
    let record = format!("www.example.org:443 {}", line("alice b", "-"));
    good(
        &vhost_combined(),
        &record,
        &[
            TIME,
            "server.address=www.example.org",
            "server.port=443",
            CLIENT,
            "user.name=alice b",
            "http.response.status_code=200",
            "http.response.size=5",
        ],
    );
    let v6 = record.replace("192.0.2.1", "2001:db8::1").replace("www.example.org", "[2001:db8::2]");
    assert!(
        read(&vhost_combined(), v6.as_bytes()).unwrap().contains(&"client.address=2001:db8::1".to_owned())
    );
}

#[test]
fn numbers() {
    let program = ngx("$status $body_bytes_sent $bytes_sent $request_time");
    good(&program, "- - - -", &[]);
    good(
        &program,
        "000 0 12 0.003",
        &[
            "http.response.status_code=000",
            "http.response.body.size=0",
            "http.response.size=12",
            "http.server.request.duration=0.003",
        ],
    );
    for record in [
        "20 1 1 1",
        "2000 1 1 1",
        "abc 1 1 1",
        "200 x 1 1",
        "200 1x 1 1",
        "200 1 1.5 1",
        "200 1 1 1.2.3",
        "200 1 1 s",
    ] {
        bad(&program, record, Refusal::BadNumber);
    }
    let program = apa("%b %D %T %{ms}T %{us}T %Dus");
    good(
        &program,
        "- 1500 2 3 4 5us",
        &[
            "http.server.request.duration=1500",
            "http.server.request.duration=2",
            "http.server.request.duration=3",
            "http.server.request.duration=4",
            "http.server.request.duration=5",
        ],
    );
    let scales: Vec<f64> = program.layout().slots.iter().map(|slot| slot.scale).collect();
    assert_eq!(scales, [1.0, 1e-6, 1.0, 1e-3, 1e-6, 1e-6]);
}

#[test]
fn upstream_lists() {
    let program = ngx("$upstream_addr $upstream_status $upstream_response_time $request_time");
    good(
        &program,
        "192.0.2.1:80, unix:/run/x.sock : [2001:db8::1]:80 502, 200 : 200 0.001, - : 0.200 0.3",
        &[
            "upstream.address=192.0.2.1:80, unix:/run/x.sock : [2001:db8::1]:80",
            "upstream.response.status_code=502, 200 : 200",
            "upstream.response.duration=0.001, - : 0.200",
            "http.server.request.duration=0.3",
        ],
    );
    good(&program, "- - - 0.3", &["http.server.request.duration=0.3"]);
    let forwarded = ngx(r#"$http_x_forwarded_for - $remote_user [$time_local] "$http_x_forwarded_for""#);
    for list in
        ["192.0.2.1, unknown", "192.0.2.1,_hidden,[2001:db8::1]:80", "for=\\x22[2001:db8::1]\\x22;by=_x"]
    {
        let field = format!("http.request.header.x-forwarded-for={list}");
        let record = format!(r#"{list} - al b [21/Nov/2026:10:15:32 +0100] "{list}""#);
        good(&forwarded, &record, &[TIME, &field, "user.name=al b", &field]);
    }
    refused(&forwarded, r#"192.0.2.1 - x - alice [21/Nov/2026:10:15:32 +0100] "-""#);
}

#[test]
fn nginx_times() {
    good(
        &ngx("[$time_iso8601] $status"),
        "[2026-11-21T10:15:32+01:00] 200",
        &[TIME, "http.response.status_code=200"],
    );
    good(
        &ngx("$msec $status"),
        "1795252532.123 200",
        &["time=2026-11-21T09:15:32.123Z", "http.response.status_code=200"],
    );
    // The finer of two that are the same second, and the earlier of two that are not.
    let both = ngx("[$time_local] $msec");
    good(&both, "[21/Nov/2026:10:15:32 +0100] 1795252532.123", &["time=2026-11-21T09:15:32.123Z"]);
    good(&both, "[21/Nov/2026:10:15:32 +0100] 1795252540.000", &[TIME]);
    bad(&both, "[31/Nov/2026:10:15:32 +0100] 1795252532.123", Refusal::BadTime);
    bad(&both, "[21/Nox/2026:10:15:32 +0100] 1795252532.123", Refusal::BadTime);
    bad(&combined(), &line("-", "-").replace("21/Nov/2026:10:15:32 +0100", "-"), Refusal::Mismatch);
    good(
        &ngx(r#""$stamp" $status"#),
        r#""2026-11-21 10:15:32.5+01" 200"#,
        &["time=2026-11-21T09:15:32.500Z", "http.response.status_code=200"],
    );
}

#[test]
fn apache_times_over_several_directives() {
    let whole = "time=2026-11-21T09:15:32.123Z";
    good(&apa("%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t"), "21/Nov/2026 10:15:32.123 +0100", &[whole]);
    good(
        &apa("[%{%Y-%m-%dT%H:%M:%S}t.%{usec_frac}t%{%z}t] %h"),
        "[2026-11-21T10:15:32.123000+0100] 192.0.2.1",
        &[whole, CLIENT],
    );
    good(&apa("%{sec}t.%{msec_frac}t %>s"), "1795252532.123 200", &[whole, "http.response.status_code=200"]);
    good(&apa("%{sec}t%{msec_frac}t %>s"), "1795252532123 200", &[whole, "http.response.status_code=200"]);
    good(&apa("%{msec}t"), "1795252532123", &[whole]);
    good(&apa("%{usec}t"), "1795252532123000", &[whole]);
    good(&apa("%{begin:%s}t %{end:%s}t"), "1795252532 1795252539", &[TIME]);
    good(&apa("%{end:%s}t %h"), "1795252532 192.0.2.1", &[TIME, CLIENT]);
    good(&apa("%{%a %b %e %T %Y %z}t"), "Sat Nov 21 10:15:32 2026 +0100", &[TIME]);
    let zoned = apache("%{%F %T}t", amsterdam(), &known).unwrap();
    good(&zoned, "2026-11-21 10:15:32", &[TIME]);
    let mut parsed = Parsed::default();
    zoned.parse(b"2026-11-21 10:15:32", &mut Memo::new(Timestamp(0)), &mut parsed).unwrap();
    assert!(parsed.time_completed, "the record says that the zone came from the configuration");
    bad(&zoned, "2026-02-30 10:15:32", Refusal::BadTime);
    let (place, message) = complaint(apache("%h %{%F %T}t", None, &known), "%h %{%F %T}t");
    assert_eq!(place, "%{%F %T}t");
    assert!(message.contains("time_zone"), "{message}");
}

#[test]
fn apache_directives() {
    let program = apa(
        "%400,501{User-agent}i|%!200,304{Referer}i|%a|%{c}a|%A|%l|%m|%U%q|%H|%>s|%<s|%B|%I|%O|%S|%k|%X|%f|%R|%L|%v|%V|%p|%{remote}p|%P|%{tid}P|%{Host}i|%{sid}C|%{X-FOO}i|%{GEO}n|%{SSL_PROTOCOL}x|100%%|${x}",
    );
    let fields: Vec<String> = program.layout().slots.iter().map(|slot| slot.field.clone()).collect();
    assert_eq!(
        fields.join(" "),
        "user_agent.original http.request.header.referer client.address network.peer.address server.address client.ident \
         http.request.method url.path url.query url.full network.protocol.version http.response.status_code \
         http.response.status_code http.response.body.size http.request.size http.response.size http.transferred.size \
         connection.requests connection.state file.path http.handler http.request.id server.address server.address \
         server.port client.port process.pid thread.id server.address http.request.cookie.sid http.request.header.x-foo \
         client.geo.country_iso_code tls.protocol.version"
    );
    let record = "ua|-|192.0.2.1|198.51.100.2|203.0.113.5|-|GET|/a?b|HTTP/1.1|200|200|1|2|3|5|0|+|/srv/a|proxy|xyz|a.example|b.example|443|5555|77|88|c.example|s|f|NL|TLSv1.3|100%|${x}";
    let found = read(&program, record.as_bytes()).unwrap();
    assert!(
        found.contains(&"url.path=/a".to_owned()) && found.contains(&"url.query=b".to_owned()),
        "{found:?}"
    );
    assert_eq!(found.len(), 30);
}

#[test]
fn shapes_of_format_strings() {
    let size = "http.response.body.size=5";
    let status = "http.response.status_code=200";
    for text in [
        "$remote_addr ${status}x$body_bytes_sent",
        "'$remote_addr ' '${status}x' '$body_bytes_sent'",
        "'$remote_addr '\n    '${status}x'\n    '$body_bytes_sent';",
        "\"$remote_addr ${status}x$body_bytes_sent\"",
        "escape=default $remote_addr ${status}x$body_bytes_sent",
        "  escape=default '$remote_addr ${status}x$body_bytes_sent '",
    ] {
        good(&ngx(text), "192.0.2.1 200x5", &[CLIENT, status, size]);
    }
    for text in [
        "%h %>sx%b",
        "\"%h %>sx%b\"",
        "\"%h %>sx%b\" nickname",
        "LogFormat \"%h %>sx%b\" nickname\n",
        r"%h %>sx%b\n",
    ] {
        good(&apa(text), "192.0.2.1 200x5", &[CLIENT, status, size]);
    }
    let quoted = apa(r#""%h \"%{User-Agent}i\" \"%>s\"\t100%%""#);
    good(&quoted, "192.0.2.1 \"a b\" \"200\"\t100%", &[CLIENT, "user_agent.original=a b", status]);
    good(&apa(r#""%{User-Agent}i" %>s"#), r#""a b" 200"#, &["user_agent.original=a b", status]);
    good(&ngx(r#""$http_user_agent" "$status""#), r#""a b" "200""#, &["user_agent.original=a b", status]);
    let trailing = ngx("$remote_addr $status ");
    for record in ["192.0.2.1 200 ", "192.0.2.1 200", "192.0.2.1 200 \r", "192.0.2.1 200\r"] {
        good(&trailing, record, &[CLIENT, status]);
    }
    good(
        &ngx("$scheme://$host$request_uri $status"),
        "https://example.org/a?b 200",
        &["url.scheme=https", "server.address=example.org", "url.path=/a", "url.query=b", status],
    );
    good(&ngx("$uri$is_args$args $status"), "/a?b 200", &["url.path=/a", "url.query=b", status]);
    good(
        &ngx("$remote_addr:$remote_port $status"),
        "2001:db8::1:443 200",
        &["client.address=2001:db8::1", "client.port=443", status],
    );
    good(&ngx("$the_real_ip - $status"), "192.0.2.1 - 200", &[CLIENT, status]);
    good(&ngx("$room $status"), "big room 200", &["conference.name=big room", status]);
}

#[test]
fn json_shaped_formats() {
    let text = r#"escape=json '{"ip":"$remote_addr","user":"$remote_user","ua":"$http_user_agent","st":$status,"t":"$time_iso8601","up":"$upstream_response_time"}'"#;
    let program = ngx(text);
    assert_eq!(program.layout().absent, "");
    good(
        &program,
        r#"{"ip":"192.0.2.1","user":"a \"b\" 198.51.100.2","ua":"x\\","st":200,"t":"2026-11-21T10:15:32+01:00","up":""}"#,
        &[
            TIME,
            CLIENT,
            r#"user.name=a \"b\" 198.51.100.2"#,
            r"user_agent.original=x\\",
            "http.response.status_code=200",
        ],
    );
    good(
        &program,
        r#"{"ip":"192.0.2.1","user":"","ua":"","st":,"t":"2026-11-21T10:15:32+01:00","up":"0.1, 0.2"}"#,
        &[TIME, CLIENT, "upstream.response.duration=0.1, 0.2"],
    );
    bad(&program, r#"{"ip":"192.0.2.1","user":"a"#, Refusal::Truncated);
    let apache = apa(r#""{ \"h\":\"%h\", \"r\":\"%r\", \"s\":%>s }""#);
    good(
        &apache,
        r#"{ "h":"192.0.2.1", "r":"hello", "s":200 }"#,
        &[CLIENT, "http.request.line=hello", "http.response.status_code=200"],
    );
}

#[test]
fn cut_joined_and_surplus_records_are_refused() {
    let record = line("alice", "GET / HTTP/1.1");
    let program = combined();
    assert!(read(&program, record.as_bytes()).is_ok());
    for end in 0..record.len() {
        refused(&program, &record[..end]);
    }
    refused(&program, &format!("{record}{record}"));
    refused(&program, &format!("{record} {record}"));
    refused(&program, &format!("{record} \"-\""));
    refused(&program, &format!("{record} 0.003"));
    refused(&program, &format!(" {record}"));
    for middle in 1..record.len() {
        refused(&program, &format!("{}{record}", &record[..middle]));
    }
    refused(&common(), &record);
    assert!(read(&program, format!("{record}\r").as_bytes()).is_ok());
    bad(&program, &record.replace("200", "2x0"), Refusal::BadNumber);
    bad(&program, &record.replace(" 5 ", " five "), Refusal::BadNumber);
    bad(&program, &record.replace("21/Nov", "31/Nov"), Refusal::BadTime);
    bad(&program, &record.replace("+0100", "     "), Refusal::BadTime);
}

#[test]
fn neighbours_that_cannot_be_told_apart() {
    for (text, place) in [
        ("$remote_addr $status$body_bytes_sent", "$body_bytes_sent"),
        ("$http_referer$http_user_agent", "$http_user_agent"),
        ("'$remote_addr' '$status'", "$status"),
        ("$request_time.$status", "."),
        ("$status${request_time}5", "${request_time}"),
        ("$body_bytes_sent${status}", "${status}"),
    ] {
        let (marked, message) = complaint(nginx(text, None, &known), text);
        assert_eq!(marked, place, "{text}");
        assert!(message.contains("does not tell where"), "{message}");
    }
    let (marked, _) = complaint(apache("%h %>s%b", None, &known), "%h %>s%b");
    assert_eq!(marked, "%b");
    let error = nginx("$remote_addr $status$body_bytes_sent", None, &known).err().unwrap();
    let shown = error.shown("$remote_addr $status$body_bytes_sent");
    let caret = shown.lines().last().unwrap();
    assert_eq!(caret.find('^'), Some(2 + "$remote_addr $status".len()), "{shown}");
}

#[test]
fn what_cannot_be_compiled_is_refused_with_its_place() {
    for (text, place, word) in [
        ("$remote_addr $foo", "$foo", "[variables]"),
        ("'$remote_addr' ' $http_x_unknown'", "$http_x_unknown", "--map"),
        ("$status ${cookie_sess}", "${cookie_sess}", "not classified"),
        ("$status $", "$", "variable"),
        ("$status ${status", "$", "variable"),
        ("escape=xml $status", "escape=xml", "default, json and none"),
        ("", "", "no variable"),
        ("hello", "", "no variable"),
    ] {
        let (marked, message) = complaint(nginx(text, None, &known), text);
        assert_eq!(marked, place, "{text}");
        assert!(message.contains(word), "{message}");
    }
    for (text, place, word) in [
        ("%h %{X-Unknown}i", "%{X-Unknown}i", "[variables]"),
        ("%h %{FOO}e", "%{FOO}e", "not classified"),
        ("%h %z", "%z", "no directive"),
        ("%h %", "%", "letter is missing"),
        ("%h %{Referer", "%{Referer", "never closed"),
        ("%h %{%Q}t", "%{%Q}t", "unknown directive"),
        ("%h %{Referer}", "%{Referer}", "letter is missing"),
        ("%h %>s \"%u", "", ""),
        ("\"\"", "", "no variable"),
    ] {
        if word.is_empty() {
            continue;
        }
        let (marked, message) = complaint(apache(text, None, &known), text);
        assert_eq!(marked, place, "{text}");
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn kinds_come_from_the_field_table() {
    use sluis::record::field::Kind;
    let program = ngx(
        "$connection|$connection_requests|$pipe|$request_id|$scheme|$https|$hostname|$pid|$nginx_version|$gzip_ratio|$server_protocol|$ssl_protocol|$ssl_cipher|$ssl_client_s_dn|$limit_req_status|$proxy_host|$upstream_cache_status|$http_x_foo|$sent_http_content_type|$http_cookie",
    );
    for slot in &program.layout().slots {
        let unknown = slot.kind == Kind::Unclassified;
        assert_eq!(unknown, slot.field == "http.request.header.x-foo", "{}", slot.field);
    }
    let kind = |field: &str| program.layout().slots.iter().find(|slot| slot.field == field).unwrap().kind;
    assert_eq!(kind("http.request.id"), Kind::Identifier);
    assert_eq!(kind("tls.client.subject"), Kind::Name);
}

/// Every program of these tests that takes any bytes.
fn programs() -> Vec<Program> {
    let mut programs = vec![common(), combined(), vhost_combined()];
    for text in [
        r#"escape=none '$remote_addr "$http_referer" $status "$http_user_agent" $http_x_foo'"#,
        "$http_x_foo $http_x_bar $http_referer $upstream_addr $upstream_response_time",
        r#"$http_x_forwarded_for - $remote_user [$time_local] "$request" $status $stamp"#,
        r#"escape=json '{"a":"$request","b":$status,"c":"$upstream_response_time","t":$msec}'"#,
        "escape=none $http_x_foo-$http_x_bar-$status-$http_referer",
    ] {
        programs.push(ngx(text));
    }
    for text in
        ["%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t %u %U%q %D", "%u|%{Referer}i|%>s|%{%c}t|%{User-Agent}i"]
    {
        programs.push(apache(text, amsterdam(), &known).unwrap());
    }
    programs
}

#[test]
fn hostile_records_cost_no_more_than_their_length() {
    // A quadratic parser would need hours for these, not a fraction of a second.
    let pieces = [
        " ",
        "\"",
        "\\",
        "\\\"",
        " - ",
        " [",
        "1",
        "1 ",
        "1, ",
        " : ",
        "-",
        "- ",
        ", ",
        "a ",
        "\" 200 \"",
        "\" 200 ",
        " 200 ",
        "[21/Nov/2026:10:15:32 +0100] \"",
        " [21/Nov/2026:10:15:32 +0100] x",
        "|",
        "|200|",
        "|200",
        ":1 - u ",
    ];
    for program in programs() {
        for piece in pieces {
            let record = piece.repeat(300_000 / piece.len());
            let _ = read(&program, record.as_bytes());
            let _ = read(&program, format!("192.0.2.1 {record}").as_bytes());
            let _ =
                read(&program, format!("192.0.2.1 - a{record} [21/Nov/2026:10:15:32 +0100] \"").as_bytes());
            let _ = read(&program, format!("192.0.2.1 \"{record}\" 200 \"").as_bytes());
        }
    }
}

/// What an escaping server makes of a value.
fn escaped(value: &str) -> String {
    let mut out = Vec::new();
    sluis::format::escape::encode(sluis::record::span::Escape::Apache, value.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

fn hostile() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just(" ".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(" [21/Nov/2026:10:15:32 +0100] \"".to_owned()),
        Just("\" 200 1 \"-\" \"".to_owned()),
        Just(" - ".to_owned()),
        Just("|200|".to_owned()),
        Just(" 200 ".to_owned()),
        "[a-z\\[\\]0-9]{1,4}",
        "\\PC{1,3}",
    ];
    proptest::collection::vec(token, 1..6).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn a_value_comes_back_as_it_was_or_the_record_is_refused(user in hostile(), referer in hostile(), agent in hostile(), foo in hostile()) {
        let (user, referer, agent) = (escaped(&user), escaped(&referer), escaped(&agent));
        let expect = |fields: &[String], name: &str, value: &str| {
            let absent = value.is_empty() || value == "-" || value == "\"\"";
            let wanted = format!("{name}={value}");
            fields.contains(&wanted) || (absent && !fields.iter().any(|field| field.starts_with(&format!("{name}="))))
        };
        let record = format!(r#"192.0.2.1 - {user} [21/Nov/2026:10:15:32 +0100] "hello" 200 5 "{referer}" "{agent}""#);
        if let Ok(fields) = read(&combined(), record.as_bytes()) {
            prop_assert!(expect(&fields, "user.name", &user));
            prop_assert!(expect(&fields, "http.request.header.referer", &referer));
            prop_assert!(expect(&fields, "user_agent.original", &agent));
            prop_assert!(expect(&fields, "http.response.body.size", "5"));
        } else {
            // Refused only for what looks like a shifted column.
            prop_assert!(user.starts_with("- ") || user.starts_with("\"\""));
        }
        // Nothing escaped and nothing quoted: only records of a single reading come back.
        for text in ["escape=none $http_x_foo $http_referer|$status|$http_user_agent", "escape=none '$http_x_foo \"$http_referer\" $status \"$http_user_agent\"'"] {
            let program = ngx(text);
            let record = if text.contains('|') { format!("{foo} {referer}|200|{agent}") } else { format!("{foo} \"{referer}\" 200 \"{agent}\"") };
            if let Ok(fields) = read(&program, record.as_bytes()) {
                prop_assert!(expect(&fields, "http.request.header.x-foo", &foo), "{fields:?}");
                prop_assert!(expect(&fields, "http.request.header.referer", &referer), "{fields:?}");
                prop_assert!(expect(&fields, "user_agent.original", &agent), "{fields:?}");
            }
        }
    }

    #[test]
    fn parsers_are_total(noise in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..200, with in any::<u8>(), cut in 0_usize..200) {
        for program in programs() {
            let _ = read(&program, &noise);
            let mut record = line("alice b", "GET /a?b HTTP/1.1").into_bytes();
            let at = at % record.len();
            record[at] = with;
            let _ = read(&program, &record);
            record.drain(..cut % record.len());
            let _ = read(&program, &record);
        }
    }

    #[test]
    fn compilers_are_total(text in "\\PC{0,60}", pieces in proptest::collection::vec(prop_oneof![
        Just("$remote_addr"), Just("${status}"), Just("$"), Just("%h"), Just("%"), Just("%{"), Just("}t"), Just("%{%d"), Just("\""), Just("'"),
        Just("\\"), Just(" "), Just("escape=json "), Just("%>s"), Just("%{Referer}i"), Just("^"), Just("%U%q"), Just("$args"), Just(";"), Just("%{sec}t")], 0..12)) {
        for text in [text, pieces.concat()] {
            for program in [nginx(&text, amsterdam(), &known), apache(&text, amsterdam(), &known)] {
                match program {
                    Ok(program) => drop(read(&program, text.as_bytes())),
                    Err(error) => prop_assert!(text.get(error.at.clone()).is_some() && !error.shown(&text).is_empty()),
                }
            }
        }
    }
}
