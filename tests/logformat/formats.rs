//! Format strings: what compiles to what, and what is refused where.

use super::*;

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
    assert_eq!(kind("http.request.id"), Kind::Harmless(sluis::record::field::Grammar::Word));
    assert_eq!(kind("tls.client.subject"), Kind::Name);
}
