//! Records that somebody forged, cut or joined: read right or refused, in linear time.

use proptest::prelude::*;

use super::*;

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
    sluis::record::escape::encode(sluis::record::span::Escape::Apache, value.as_bytes(), &mut out);
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
            // Refused only for what looks like a shifted column: a dash, or an address such as `::`.
            let address = user.split(' ').any(|word| word.matches(':').count() > 1);
            let first = user.trim_start_matches(' ');
            prop_assert!(first.starts_with("- ") || first.starts_with("\"\"") || address);
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
