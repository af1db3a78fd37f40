//! Records as servers write them: every column, every spelling.

use super::*;

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
