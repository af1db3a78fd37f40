//! What is refused at start because nothing could be read rightly, in `check`, `run` and `filter` alike.
//!
//! *Promised*: PI-7: a header is read when the policy names it, and refused when nobody does; a format whose times have no zone is
//! refused without one. Each refusal has its place and its remedy. *Not here*: every other fault of a file (`config`) or of a
//! format (`logformat`).

use std::fs;

use tempfile::TempDir;

use crate::support::{Run, sluis};

/// A policy whose two classes name two headers and a cookie.
const POLICY: &str = r#"
[policy]
name = "start"
version = "2026-11-21"
controller = "Example"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[class.web.fields]
"http.request.cookie.lang" = "scrub"

[class.other]
retention = "14d"
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[fields]
"time" = "keep"
"client.address" = "truncate"
"http.request.header.x-request-id" = "scrub"
"http.response.header.x-cache" = "scrub"
"own.note" = "scrub"
"#;

/// `format` and perhaps `time_zone` as they stand in the file.
fn pipeline(format: &str) -> String {
    format!(
        concat!(
            "policy = \"policy.toml\"\n[source.a]\nkind = \"file\"\npath = \"in.log\"\n{}\nclass = \"web\"\n\n",
            "[sink.b]\nkind = \"stdout\"\nclasses = [\"web\"]\npurpose = \"security\"\nlocation = \"NL\"\n",
            "recipient = \"operations\"\nemit = \"same\"\n"
        ),
        format
    )
}

/// `server` is `nginx` or `apache`. A format string without an apostrophe.
fn check_and_run(server: &str, log_format: &str, zone: Option<&str>, input: &str) -> [Run; 2] {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    write("policy.toml", POLICY);
    write("in.log", input);
    let zone = zone.map_or_else(String::new, |zone| format!("\ntime_zone = \"{zone}\""));
    let pipeline = write("run.toml", &pipeline(&format!("format = {{ {server} = '{log_format}' }}{zone}")));
    [sluis(&["check", &pipeline], b""), sluis(&["run", &pipeline, "--once"], b"")]
}

fn filter(server: &str, log_format: &str, more: &[&str], input: &str) -> Run {
    let folder = TempDir::new().unwrap();
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let policy = policy.to_str().unwrap();
    let mut arguments = vec!["filter", "--format", server, "--log-format", log_format, "--policy", policy];
    arguments.extend(["--class", "web"]);
    arguments.extend(more);
    sluis(&arguments, input.as_bytes())
}

/// Fails unless the run was refused with the words, and with carets under `marked`. Warnings have carets of their own.
fn refused(run: &Run, marked: &str, words: &[&str]) {
    run.expect_code(2);
    let text = run.err_text();
    for word in words {
        assert!(text.contains(word), "{word} in:\n{text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let found = lines.windows(2).any(|pair| {
        let carets = pair[1].find('^').zip(pair[1].rfind('^'));
        carets.is_some_and(|(from, to)| pair[0].get(from..=to) == Some(marked))
    });
    assert!(found, "carets under {marked} in:\n{text}");
}

fn now(pattern: &str) -> String {
    jiff::Timestamp::now().strftime(pattern).to_string()
}

/// PI-7: a rule for a header's, response header's or cookie's own field says what the variable is; also one of another class.
#[test]
fn pi_7_a_header_that_fields_name_needs_no_variable() {
    let cases = [
        ("nginx", "$remote_addr [$time_local] $http_x_request_id \"$sent_http_x_cache\" \"$cookie_lang\""),
        ("apache", "%h %t %{X-Request-Id}i \"%{X-Cache}o\" \"%{lang}C\""),
    ];
    let line = format!("192.0.2.77 [{}] f00d \"HIT by 192.0.2.77\" \"nl\"\n", now("%d/%b/%Y:%H:%M:%S +0000"));
    for (server, log_format) in cases {
        let [check, run] = check_and_run(server, log_format, None, &line);
        check.expect_code(0);
        let said = String::from_utf8_lossy(&check.out).into_owned();
        let leaves = said.lines().find(|line| line.starts_with("http.request.header.x-request-id"));
        assert!(leaves.is_some_and(|line| line.contains("scrub")), "{said}");
        for run in [run, filter(server, log_format, &[], &line)] {
            run.expect_code(0);
            let text = String::from_utf8_lossy(&run.out).into_owned();
            assert!(text.contains(" f00d \"HIT by ") && text.contains("\"nl\""), "{text}{}", run.err_text());
            assert!(!text.contains("192.0.2.77"), "{text}");
        }
    }
}

/// PI-7: in JSON the key that is called like the field is that field, and no other key becomes one.
#[test]
fn pi_7_a_json_key_called_like_a_header_that_fields_name_is_that_header() {
    let folder = TempDir::new().unwrap();
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let line = r#"{"http.request.header.x-request-id":"f00d","http.request.header.x-owner":"canary"}"#;
    let arguments = ["filter", "--format", "json", "--class", "web", "--policy", policy.to_str().unwrap()];
    let run = sluis(&arguments, format!("{line}\n").as_bytes());
    run.expect_code(0);
    assert_eq!(String::from_utf8_lossy(&run.out), "{\"http.request.header.x-request-id\":\"f00d\"}\n");
}

/// PI-7: a rule is for its own header, not for those that are spelled alike; and a name of one's own is no variable.
#[test]
fn pi_7_a_header_that_nobody_names_is_refused() {
    let cases = [
        ("nginx", "$remote_addr $http_x_request_ids", "$http_x_request_ids"),
        ("nginx", "$remote_addr $http_x_request", "$http_x_request"),
        ("nginx", "$remote_addr $http_x_cache", "$http_x_cache"),
        ("nginx", "$remote_addr $cookie_x_request_id", "$cookie_x_request_id"),
        ("nginx", "$remote_addr $sent_http_lang", "$sent_http_lang"),
        ("nginx", "$remote_addr $upstream_http_x_cache", "$upstream_http_x_cache"),
        ("nginx", "$remote_addr $own_note", "$own_note"),
        ("apache", "%h %{X-Request-Id}o", "%{X-Request-Id}o"),
        ("apache", "%h %{X-Cache}i", "%{X-Cache}i"),
        ("apache", "%h %{X-Request-Id}^ti", "%{X-Request-Id}^ti"),
        ("apache", "%h %{own.note}n", "%{own.note}n"),
    ];
    for (server, log_format, marked) in cases {
        let [check, run] = check_and_run(server, log_format, None, "");
        for run in [check, run, filter(server, log_format, &[], "")] {
            refused(&run, marked, &["not classified", "[variables]", "--map"]);
        }
    }
    refused(
        &filter("nginx", "$remote_addr $http_x_cache", &[], ""),
        "$http_x_cache",
        &["http.request.header.x-cache under [fields]"],
    );
    refused(
        &filter("apache", "%h %{Session}C", &[], ""),
        "%{Session}C",
        &["http.request.cookie.session under [fields]"],
    );
}

/// What the user says of the variable itself comes before the rule for the header's own field.
#[test]
fn map_comes_before_a_rule_for_the_header() {
    let (log_format, line) = ("$remote_addr $http_x_request_id $http_x_new", "192.0.2.77 192.0.2.78 id\n");
    let map = ["--map", "$http_x_new=http.request.header.x-request-id"];
    let run = filter("nginx", log_format, &map, line);
    run.expect_code(0);
    assert_eq!(run.lines().len(), 1);
    assert!(run.lines()[0].ends_with(b" id"), "{}", String::from_utf8_lossy(&run.out));
    let address = ["--map", "$http_x_request_id=client.address", map[0], map[1]];
    let run = filter("nginx", log_format, &address, line);
    run.expect_code(0);
    assert_eq!(String::from_utf8_lossy(&run.out), "192.0.2.0 192.0.2.0 id\n");
}

#[test]
fn a_format_without_a_zone_is_refused_without_one() {
    for (log_format, marked) in [
        ("%h %{%d/%b/%Y %T}t %>s", "%{%d/%b/%Y %T}t"),
        ("%h %{%Y-%m-%d %H:%M:%S}t %>s", "%{%Y-%m-%d %H:%M:%S}t"),
        ("%h [%{%F %T}t.%{msec_frac}t] %>s", "%{%F %T}t"),
        ("%h [%{usec_frac}t %{%F %T}t] %>s", "%{%F %T}t"),
        ("%h [%{%d}t/%{%b}t/%{%Y}t %{%T}t] %>s", "%{%d}t"),
        ("%h [%{%Y}t %{%j}t %{%T}t] %>s", "%{%j}t"),
        ("%h [%{%c}t] %>s", "%{%c}t"),
        ("%h [%{%D %r}t] %>s", "%{%D %r}t"),
        ("%h [%{%x %X}t] %>s", "%{%x %X}t"),
        // An abbreviation names several zones.
        ("%h [%{%F %T %Z}t] %>s", "%{%F %T %Z}t"),
        // The begin of the request has no zone, although its end has.
        ("%h [%{begin:%F %T}t] [%{end:%F %T %z}t] %>s", "%{begin:%F %T}t"),
        ("%h [%{begin:%s}t] [%{end:%F %T}t] %>s", "%{end:%F %T}t"),
    ] {
        let [check, run] = check_and_run("apache", log_format, None, "");
        for run in [check, run, filter("apache", log_format, &[], "")] {
            refused(&run, marked, &["no offset", "time_zone", "--time-zone"]);
        }
        for run in check_and_run("apache", log_format, Some("Europe/Amsterdam"), "") {
            run.expect_code(0);
        }
        filter("apache", log_format, &["--time-zone", "Europe/Amsterdam"], "").expect_code(0);
    }
    for format in ["nginx-error", "apache-error"] {
        let run = sluis(&["filter", "--format", format], b"");
        run.expect_code(2);
        assert!(run.err_text().contains("--time-zone"), "{}", run.err_text());
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
        let path = folder.path().join("run.toml");
        fs::write(&path, pipeline(&format!("format = \"{format}\""))).unwrap();
        for command in ["check", "run"] {
            let quoted = format!("\"{format}\"");
            refused(&sluis(&[command, path.to_str().unwrap()], b""), &quoted, &["time_zone"]);
        }
    }
}

/// A zone anywhere among the directives of one time is enough, and a time of day alone needs none.
#[test]
fn a_format_with_a_zone_is_accepted_without_one() {
    for (log_format, time) in [
        ("%h %{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t %>s", "%d/%b/%Y %H:%M:%S.123 +0000"),
        ("%h %{%z}t %{%F}t %{%T}t %>s", "+0000 %Y-%m-%d %H:%M:%S"),
        ("%h [%{%d/%b/%Y:%T %z}t] %>s", "[%d/%b/%Y:%H:%M:%S +0000]"),
        ("%h %t %>s", "[%d/%b/%Y:%H:%M:%S +0000]"),
        ("%h %{%s}t %>s", "%s"),
        ("%h %{sec}t.%{msec_frac}t %>s", "%s.123"),
        ("%h %{sec}t %{%F %T}t %>s", "%s %Y-%m-%d %H:%M:%S"),
        ("%h %{%T}t %>s", "%H:%M:%S"),
    ] {
        let line = format!("192.0.2.77 {} 200\n", now(time));
        let [check, run] = check_and_run("apache", log_format, None, &line);
        check.expect_code(0);
        for run in [run, filter("apache", log_format, &[], &line)] {
            run.expect_code(0);
            assert_eq!(run.lines().len(), 1, "{log_format}: {line}{}", run.err_text());
        }
    }
}
