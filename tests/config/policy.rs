//! Policies.

use super::policy_faults::{FAULTS, LATER, SLIPS};
use super::{POLICY, headlines, refused_policy, with};
use sluis::config::policy_from_str;
use sluis::policy::class::Stage;
use sluis::policy::treatment::{Form, Output, Prefix, Segment, Treatment};

/// The example of the design document, word for word.
const DESIGN: &str = r#"# policy/meet.toml
[policy]
name = "meet"
version = "2026-11-21"              # archived by hash; named in every register, journal entry and output
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL", "EU"]            # where outputs may stand; a sink elsewhere, or without a place, is refused
own_networks = ["10.0.0.0/8"]       # infrastructure, stays readable

[domain.meeting]                    # pseudonymisation domain: tokens match inside it, never between two,
epoch = "1d"                        # and only inside one epoch (the default, UTC days)

[class.web]
retention = "14d"
domain = "meeting"                  # left out: a domain of its own, so nothing can be linked to it
purposes = ["security", "fault analysis"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]
stages = [{ after = "7d", drop = ["client.address"] }]      # tokens for a week, networks for two

[class.jvb]
retention = "24h"
domain = "meeting"
purposes = ["fault analysis"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["participants"]

[fields]                            # every class; what is not named here is dropped
"client.address"      = { pseudonymise = "token", truncate = { v4 = 24, v6 = 40, as = "client.network" } }
"user.full_name"      = "drop"
"conference.name"     = "pseudonymise"
"url.path"            = { template = ["/{conference.name}", "/{tenant}/{conference.name}"],
                          keep_prefixes = ["/static/", "/libs/", "/http-bind", "/xmpp-websocket"], else = "drop" }
"url.query"           = { keep_parameters = ["lang", "page"], name_parameters = { room = "conference.name" } }
"user_agent.original" = "generalise"
"http.request.method" = "keep"
"message"             = "scrub"

[class.jvb.fields]                  # what differs for one class
"client.address"      = "drop"

[output.statistics]                 # a view that can only narrow: what one kind of recipient may have
fields = ["time", "client.network", "http.response.status_code"]
purposes = ["fault analysis"]
"#;

#[test]
fn the_designs_example_means_what_it_says() {
    let (policy, warnings) = policy_from_str(DESIGN, "p.toml").unwrap();
    assert_eq!((policy.name.as_str(), policy.version.as_str()), ("meet", "2026-11-21"));
    assert_eq!(policy.own_networks, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(policy.domains.len(), 1);
    assert_eq!((policy.domains[0].epoch_seconds, policy.domains[0].retention_seconds), (86_400, 14 * 86_400));
    assert_eq!(policy.hash.len(), 64);

    let web = &policy.classes[policy.class("web").unwrap()];
    let jvb = &policy.classes[policy.class("jvb").unwrap()];
    assert_eq!((web.retention_seconds, jvb.retention_seconds), (Some(14 * 86_400), Some(86_400)));
    let stage = Stage { after_seconds: 7 * 86_400, drop: vec!["client.address".to_owned()] };
    assert_eq!((&web.stages, &jvb.stages), (&vec![stage], &vec![]));
    assert_eq!((web.whole_seconds(), jvb.whole_seconds()), (Some(7 * 86_400), Some(86_400)));
    // The view has no tokens, so nothing of it narrows.
    let lives = |view: Option<&str>| web.lives(view.and_then(|view| policy.view(view)));
    assert_eq!(
        (lives(Some("statistics")).first_seconds, lives(Some("statistics")).later.len()),
        (14 * 86_400, 0)
    );
    assert_eq!((lives(None).first_seconds, lives(None).until_seconds(1)), (7 * 86_400, 14 * 86_400));
    assert_eq!(web.domain, jvb.domain);
    let output = |rename: Option<&str>, treatment| Output { rename: rename.map(str::to_owned), treatment };
    assert_eq!(
        web.fields["client.address"].outputs,
        [
            output(None, Treatment::Pseudonymise(Form::Token)),
            output(Some("client.network"), Treatment::Truncate(Prefix { v4: 24, v6: 40 })),
        ]
    );
    assert_eq!(jvb.fields["client.address"].outputs, [output(None, Treatment::Drop)]);
    assert_eq!(jvb.fields["message"], web.fields["message"]);
    let Treatment::Template(path) = &web.fields["url.path"].outputs[0].treatment else {
        panic!("a template")
    };
    assert_eq!(
        path.templates[1],
        [Segment::Field("tenant".to_owned()), Segment::Field("conference.name".to_owned())]
    );
    assert!(!path.otherwise_scrub && path.keep_prefixes.len() == 4);
    let Treatment::Parameters(query) = &web.fields["url.query"].outputs[0].treatment else {
        panic!("parameters")
    };
    assert_eq!(query.name_parameters, [("room".to_owned(), "conference.name".to_owned())]);
    let place = &web.fields["client.address"].place;
    assert_eq!((place.file.as_str(), place.line, place.column), ("p.toml", 29, 1));
    assert_eq!(policy.view("statistics").unwrap().fields.len(), 3);

    // Views can only narrow, so these stop nothing; but they are worth a look.
    assert_eq!(
        headlines(&warnings),
        [
            "p.toml:28:2: no rule for 'time', so records say it exactly; write \"time\" = \"keep\", or \"generalise\" for the hour",
            "p.toml:43:11: nothing produces 'time'; name it in [fields], or remove it",
            "p.toml:43:37: nothing produces 'http.response.status_code'; name it in [fields], or remove it",
        ]
    );
}

/// What a class says of its stages, and what is said of that.
#[test]
fn stages_that_cannot_be_are_refused() {
    for (stages, expected) in [
        ("[]", "'stages' is empty; write a stage, or leave it out"),
        (r#""7d""#, "a list of stages"),
        (r#"[{ after = "7d" }]"#, "missing 'drop' in a stage of [class.web]"),
        (r#"[{ drop = ["client.address"] }]"#, "missing 'after' in a stage of [class.web]"),
        (
            r#"[{ after = "14d", drop = ["client.address"] }]"#,
            "when class 'web' has ended (14d); write a lower age",
        ),
        (r#"[{ after = "0s", drop = ["client.address"] }]"#, "write a later age"),
        (
            r#"[{ after = "7d", drop = ["client.address"] }, { after = "7d", drop = ["client.network"] }]"#,
            "write a later age than that of the one before",
        ),
        (r#"[{ after = "7d", drop = ["client.addres"] }]"#, "did you mean 'client.address'?"),
        (
            r#"[{ after = "7d", drop = ["user.full_name"] }]"#,
            "nothing leaves class 'web' as 'user.full_name'",
        ),
        (r#"[{ after = "7d", drop = ["sluis.deadline"] }]"#, "it says by when a record must go"),
        (r#"[{ after = "7d", drop = ["time"] }]"#, "'time' cannot be dropped"),
        (r#"[{ after = "7d", drop = [] }]"#, "'drop' is empty"),
        (
            r#"[{ after = "7d", drop = ["client.address"] }, { after = "8d", drop = ["client.address"] }]"#,
            "'client.address' is dropped twice",
        ),
        (r#"[{ after = "7d", truncate = ["client.address"], drop = ["message"] }]"#, "not in this version"),
    ] {
        let text = with(DESIGN, r#"[{ after = "7d", drop = ["client.address"] }]"#, stages);
        let found = refused_policy(&text);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{stages}: {found:?}");
    }
}

#[test]
fn the_fixture_has_no_fault() {
    let (policy, warnings) = policy_from_str(POLICY, "p.toml").unwrap();
    assert_eq!(headlines(&warnings), [""; 0]);
    let names: Vec<&str> = policy.domains.iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(names, ["meeting", "registration"], "a class without a domain has one of its own");
}

#[test]
fn a_slip_in_any_section_is_found_where_it_is() {
    let mut wrong = Vec::new();
    for (old, new, expected) in SLIPS {
        let found = refused_policy(&with(POLICY, old, new));
        if found != [format!("p.toml:{expected}")] {
            wrong.push((new, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn faults_are_named_with_place_and_remedy() {
    let mut wrong = Vec::new();
    for (old, new, expected) in FAULTS {
        let expected: Vec<String> = expected.iter().map(|line| format!("p.toml:{line}")).collect();
        let found = refused_policy(&with(POLICY, old, new));
        if found != expected {
            wrong.push((new, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_later_version_brings_is_refused_as_that() {
    for (old, new, expected) in LATER {
        let found = refused_policy(&with(POLICY, old, new));
        assert_eq!(found.len(), 1, "{new}: {found:?}");
        assert!(found[0].starts_with(&format!("p.toml:{expected}")), "{found:?}");
        assert!(found[0].contains("not in this version"), "{found:?}");
    }
}

#[test]
fn ten_faults_are_ten_problems_in_the_order_of_the_file() {
    let text = r#"[policy]
name = "test"
verison = "1"
locations = [1]
own_networks = ["10.0.0.0/33"]

[domain.a]
epoch = "1"

[class.web]
retension = "14d"
purposes = []
domain = "b"

[fields]
"client.adress" = "drop"
"message" = "keep"
"url.path" = "skrub"
"#;
    let found = refused_policy(text);
    assert_eq!(
        found,
        [
            "p.toml:3:1: unknown key 'verison' in [policy]; did you mean 'version'?",
            "p.toml:4:14: 'locations' must be a list of texts in quotes; this is a whole number",
            "p.toml:5:17: '10.0.0.0/33' is no network; write address/bits, such as \"10.0.0.0/8\"",
            "p.toml:8:9: 'epoch' has no unit; write s, m, h, d, w or y after the number",
            "p.toml:11:1: unknown key 'retension' in [class.web]; did you mean 'retention'?",
            "p.toml:12:12: 'purposes' is empty; state at least one",
            "p.toml:13:10: unknown domain 'b'; declare it: [domain.b]",
            "p.toml:16:1: unknown field 'client.adress'; did you mean 'client.address'? (a field of your own needs a name less alike)",
            "p.toml:17:13: 'keep' does not suit 'message', free text; scrub or drop it",
            "p.toml:18:14: unknown treatment 'skrub'; did you mean 'scrub'?",
        ]
    );
}

#[test]
fn a_problem_is_shown_with_its_line() {
    let found =
        policy_from_str(&with(POLICY, "retention = \"24h\"", "retension = \"24h\""), "policy/web.toml");
    let shown = found.unwrap_err().to_string();
    assert_eq!(
        shown,
        "policy/web.toml:19:1: unknown key 'retension' in [class.registration]; did you mean 'retention'?\n \
         19 | retension = \"24h\"\n    | ^^^^^^^^^"
    );
}

#[test]
fn a_file_that_is_no_toml_reports_that_and_what_else_is_sure() {
    let text = with(&with(POLICY, "name = \"test\"", "name = test"), "\"scrub\"", "\"scrup\"");
    let found = refused_policy(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("p.toml:2:8: not TOML: "), "{found:?}");
    assert!(found[1].starts_with("p.toml:27:14: unknown treatment"), "{found:?}");
    let twice = refused_policy(&with(POLICY, "name = \"test\"", "name = \"test\"\nname = \"test\""));
    assert_eq!(twice, ["p.toml:3:1: not TOML: duplicate key"]);
}

#[test]
fn no_text_makes_the_reader_fall() {
    for text in [
        "",
        "\u{feff}",
        "[",
        "]",
        "[policy",
        "policy = 1",
        "class = []",
        "fields.a.b.c = 1",
        "'''",
        "a = [[[[",
        "\0",
    ] {
        assert!(!refused_policy(text).is_empty(), "{text:?}");
    }
    // Cut anywhere, a policy is read to its end, and mostly refused.
    for end in (0..DESIGN.len()).filter(|end| DESIGN.is_char_boundary(*end)) {
        let _ = policy_from_str(&DESIGN[..end], "p.toml").map_err(|found| found.to_string());
    }
}
