//! Names that fields of earlier records have shown, in later texts: the search against the obvious one, and whole batches.
//!
//! *Not here*: what is learned, for how long, and how many (unit tests of `protect::learned`).

use std::sync::Arc;

use sluis::config::format_spec::FormatSpec;
use sluis::encode::Emit;
use sluis::keys::Keys;
use sluis::pipeline::build::{self, RouteSpec};
use sluis::pipeline::worker::{ClassChoice, Outcome, SourcePlan, Worker};
use sluis::policy::class::Policy;
use sluis::protect::learned::{Learned, Learner};
use sluis::protect::text::Sense;
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;

use crate::finder::cases;
use crate::finder::generate::Dice;

mod obvious;

/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);

/// Words in many scripts, some of which begin alike.
const WORDS: [&str; 24] = [
    "Margarethe",
    "Margaret",
    "Zoë",
    "zoe\u{301}line",
    "Jo",
    "de",
    "Vries",
    "O",
    "Straße",
    "Ναυσικά",
    "Οδυσσεύς",
    "Юлия",
    "Александр",
    "王小明",
    "山田",
    "अनुष्का",
    "محمد",
    "דבורה",
    "İpek",
    "Yıldız",
    "nguyễn",
    "x7",
    "internationalisation",
    "Ｆｕｌｌ",
];

fn name(dice: &mut Dice) -> String {
    let mut name = String::new();
    for index in 0..=dice.below(4) {
        if index > 0 {
            name.push_str(dice.one(&[" ", " ", " ", "-", "'", ". ", " (", "__"]));
        }
        name.push_str(dice.one(&WORDS));
    }
    name + dice.one(&["", "", "", "!", ")"])
}

/// A name as somebody else would write it.
fn spelled(name: &str, dice: &mut Dice) -> Vec<u8> {
    use unicode_normalization::UnicodeNormalization;
    let name = match dice.below(5) {
        0 => name.to_uppercase(),
        1 => name.to_lowercase(),
        2 => name.nfd().collect(),
        _ => name.to_owned(),
    };
    let mut text = Vec::new();
    let how = dice.below(5);
    for byte in name.bytes() {
        let plain = byte.is_ascii_alphanumeric() && dice.below(9) > 0;
        match how {
            0 if !plain => text.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            1 if !plain => text.extend_from_slice(format!("%25{byte:02x}").as_bytes()),
            2 if byte == b' ' => text.push(b'+'),
            _ => text.push(byte),
        }
    }
    text
}

fn text(names: &[String], dice: &mut Dice) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..dice.below(14) {
        match dice.below(8) {
            0..=2 => text.extend(spelled(&names[dice.below(names.len())], dice)),
            3 => text.extend_from_slice(dice.one(&WORDS).as_bytes()),
            4 => text.extend((0..dice.below(70)).map(|_| dice.below(256) as u8)),
            5 => text.extend_from_slice(
                dice.one(&["%", "%4", "%25", "%zz", "\u{301}", "…", "é", "\0", "7"]).as_bytes(),
            ),
            _ => text.extend(std::iter::repeat_n(b'a', dice.below(70))),
        }
        text.extend_from_slice(dice.one(&["", " ", " ", ", ", "/", "_", "%20", "\t"]).as_bytes());
    }
    text
}

#[test]
fn the_search_equals_the_obvious_one() {
    let policy = sluis::config::builtin().unwrap();
    let keys = Keys::ephemeral(&policy.domains).unwrap();
    let epoch = keys.epoch_keys(0, keys.epoch_of(0, NOW), NOW).unwrap();
    let mut found = 0;
    for case in 0..cases(4000) / 10 {
        let mut dice = Dice::new(case);
        let mut learner = Learner::of(Arc::new(Learned::new(100, keys.clone()).unwrap()));
        let mut names: Vec<String> = (0..=dice.below(8)).map(|_| name(&mut dice)).collect();
        let (mut out, mut obvious) = (Vec::new(), Vec::new());
        names.retain(|name| {
            learner.learn(Sense::Name, name.as_bytes(), &epoch);
            out.clear();
            // What is not learned is the unit tests' matter.
            learner.find(name.as_bytes(), &mut out) && {
                obvious.push(obvious::name(name.as_bytes()));
                true
            }
        });
        for _ in 0..if names.is_empty() { 0 } else { 10 } {
            let text = text(&names, &mut dice);
            out.clear();
            learner.find(&text, &mut out);
            let fast: Vec<_> = out.iter().map(|finding| (finding.start, finding.end)).collect();
            assert_eq!(
                fast,
                obvious::find(&text, &obvious),
                "case {case}: {names:?} in {}",
                text.escape_ascii()
            );
            found += fast.len();
        }
    }
    assert!(found > 1000, "the texts hold names: {found}");
}

/// A pipeline of one worker, or of two that take turns.
struct Pipeline {
    plan: SourcePlan,
    workers: Vec<Worker>,
    outcome: Outcome,
    input: usize,
}

impl Pipeline {
    fn new(spec: &FormatSpec, policy: &Policy, emit: Emit, workers: usize, names_max: usize) -> Self {
        let format = build::compile(spec, Some(jiff::tz::TimeZone::UTC), &policy.classified()).unwrap();
        let route = RouteSpec { class: 0, view: None, emit, output: 0, sink: 0 };
        let classes = build::classes(policy, format.parser(), &[route]);
        let keys = Keys::ephemeral(&policy.domains).unwrap();
        Self {
            plan: SourcePlan { format, choice: ClassChoice::Fixed(0), classes, alone: None },
            workers: build::workers(&keys, workers, 64, names_max).unwrap(),
            outcome: Outcome::new(1),
            input: 0,
        }
    }

    /// Goes on with records of another format, with what was learned.
    fn turn_to(&mut self, spec: &FormatSpec, policy: &Policy) {
        self.plan = Self::new(spec, policy, Emit::Same, 0, 0).plan;
        self.input += 1;
    }

    /// What leaves when the next worker takes `lines` as one batch.
    fn out(&mut self, lines: &[&str]) -> String {
        let mut batch = RawBatch::with_capacity(1 << 12);
        batch.bytes = (lines.join("\n") + "\n").into_bytes();
        batch.received = NOW;
        self.workers.rotate_left(1);
        self.workers[0].process(self.input, &self.plan, &batch, NOW, &mut self.outcome);
        assert!(self.outcome.failures.is_empty(), "the lines are of the format");
        String::from_utf8(self.outcome.clean[0].bytes().to_vec()).unwrap()
    }
}

fn json() -> FormatSpec {
    FormatSpec::Json(std::collections::BTreeMap::new())
}

fn user(name: &str) -> String {
    format!(
        r#"{{"time":"2026-11-21T10:00:00Z","user.name":"{name}","conference.name":"Teekränzchen Nord","user.full_name":"Юлия Дрозд"}}"#
    )
}

fn message(text: &str) -> String {
    format!(r#"{{"time":"2026-11-21T10:00:01Z","message":"{text}"}}"#)
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(&format!("\"{name}\":\"")).unwrap() + name.len() + 4;
    &line[start..start + line[start..].find('"').unwrap()]
}

/// The same batch and later ones, the same worker and others; and the token is that of the field.
#[test]
fn names_of_fields_are_found_in_later_messages() {
    let policy = sluis::config::builtin().unwrap();
    for emit in [Emit::Same, Emit::Ndjson] {
        let mut pipeline = Pipeline::new(&json(), &policy, emit, 2, 50_000);
        let texts = [
            message("no answer from Wilhelmina; WILHELMINA%20x"),
            message("left teekränzchen+nord, Юлия Дрозд stayed"),
        ];
        let out = pipeline.out(&[&user("wilhelmina"), &texts[0], &texts[1]]);
        let first: Vec<&str> = out.lines().collect();
        let token = field(first[0], "user.name");
        assert_eq!(field(first[1], "message"), format!("no answer from {token}; {token}%20x"));
        let room = field(first[0], "conference.name");
        assert_eq!(field(first[2], "message"), format!("left {room}, [name] stayed"));
        for _ in 0..2 {
            let out = pipeline.out(&[&texts[0], &texts[1]]);
            assert_eq!(out.lines().collect::<Vec<_>>(), first[1..]);
        }
    }
}

/// What a program calls its own parts stays, as long as it is a word.
#[test]
fn harmless_fields_keep_their_words() {
    let policy = sluis::config::builtin().unwrap();
    let mut pipeline = Pipeline::new(&json(), &policy, Emit::Ndjson, 1, 50_000);
    pipeline.out(&[&user("wilhelmina")]);
    for (value, stays) in [("x.Wilhelmina$1", true), ("Wilhelmina left", false), ("Wilhelmina%20", false)] {
        let line = format!(r#"{{"time":"2026-11-21T10:00:01Z","code.function.name":"{value}"}}"#);
        assert_eq!(pipeline.out(&[&line]).contains("Wilhelmina"), stays, "{value}");
    }
}

#[test]
fn with_0_nothing_is_learned() {
    let policy = sluis::config::builtin().unwrap();
    let mut pipeline = Pipeline::new(&json(), &policy, Emit::Same, 1, 0);
    let text = message("no answer from Wilhelmina");
    pipeline.out(&[&user("wilhelmina")]);
    assert_eq!(pipeline.out(&[&text]), text.clone() + "\n");
}

/// What rows and records of a web server have shown is found in a message, and nowhere that is no free text.
#[test]
fn web_logs_teach_and_messages_are_searched() {
    let policy = sluis::config::builtin().unwrap();
    let line = |user: &str, path: &str, agent: &str| {
        format!(
            "192.0.2.1 - {user} [21/Nov/2026:10:00:00 +0000] \"GET {path} HTTP/1.1\" 200 5 \"https://example.org{path}\" \"{agent}\""
        )
    };
    // The second is parsed, for its escape; the first is a row.
    for agent in ["curl/8", r"curl\x22/8"] {
        let mut pipeline = Pipeline::new(&FormatSpec::Combined, &policy, Emit::Same, 1, 50_000);
        let shown = pipeline.out(&[&line("wilhelmina", "/x", agent)]);
        let token = shown.split([' ', '"']).find(|part| part.len() == 22).unwrap().to_owned();
        let elsewhere = line("-", "/~Wilhelmina/a", "wilhelmina/8");
        assert_eq!(pipeline.out(&[&elsewhere]).to_lowercase().matches("wilhelmina").count(), 3);
        pipeline.turn_to(&FormatSpec::Text, &policy);
        assert_eq!(pipeline.out(&["no answer from Wilhelmina"]), format!("no answer from {token}\n"));
    }
}

/// A room that a template or a parameter names.
#[test]
fn rooms_of_paths_and_parameters_are_learned() {
    let text = include_str!("../../config/policy/builtin.toml");
    let text = text
        .replace("\"url.path\"                               = \"scrub\"", "\"url.path\" = { template = [\"/{conference.name}\", \"/{tenant}/{conference.name}\"], else = \"scrub\" }")
        .replace("\"url.query\"                              = \"scrub\"", "\"url.query\" = { keep_parameters = [\"to\"], name_parameters = { room = \"conference.name\" } }")
        .replace("[class.log]", "[class.log]\nretention = \"14d\"\n");
    let policy = sluis::config::policy_from_str(&text, "rooms.toml").unwrap().0;
    let line = |path: &str| {
        format!("192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] \"GET {path} HTTP/1.1\" 200 5 \"-\" \"curl/8\"")
    };
    let mut pipeline = Pipeline::new(&FormatSpec::Combined, &policy, Emit::Same, 1, 50_000);
    let shown = pipeline.out(&[
        &line("/Orchideen%20Zimmer"),
        &line("/acme/Gurkenglas"),
        &line("/a/b/c?room=Lampion+Fest"),
    ]);
    assert!(!shown.contains("Gurkenglas") && !shown.contains("Orchideen"), "{shown}");
    pipeline.turn_to(&FormatSpec::Text, &policy);
    let out = pipeline.out(&["GET /a/b/orchideen+zimmer/gurkenglas?to=lampion%2520fest"]);
    for name in ["orchideen", "gurkenglas", "lampion"] {
        assert!(!out.contains(name), "{out}");
    }
}
