//! Log lines, through `tracing`: for people as they ever were, or as JSON.
//!
//! There are two ways to say something. A [`Fact`] is a struct of numbers, places and words, which counts itself and is said at most a
//! few times a minute ([`Log::tell`]). What a command says of its own work, a [`Contentless`] thing, is said each time ([`say`]). Neither
//! takes text that somebody made from a record (PI-1): a fact has no field for one, and what is `Contentless` says why it is.
//!
//! The subscriber is our own, and takes only our own events: a library that logs could quote what it was given.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::fact::Fact;
use super::meters::Meters;

/// The target of every event of ours.
const TARGET: &str = "sluis";

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One sentence after `sluis: `.
    #[default]
    Human,
    /// One object on a line.
    Json,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Note,
    /// Something to look at; work goes on.
    Warning,
    /// Something stands still or is lost until somebody acts.
    Alarm,
    /// The command ends for it.
    Failure,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
            Self::Failure => "failure",
        }
    }
}

/// What can be said without showing a record: each implementation says why its type cannot hold one.
pub trait Contentless: Display {}

/// Text of the program itself.
impl Contentless for &'static str {}

/// Takes the lines of this process from now on. The first call decides.
pub fn begin(format: Format) {
    let _ = tracing::subscriber::set_global_default(Lines { format });
}

/// Says it.
pub fn say(level: Level, what: &dyn Contentless) {
    emit(level, &what.to_string(), &Fields::default());
}

/// What a fact may have beside its sentence. A name can only be made from the setup or the cluster's names of topics.
#[derive(Clone, Copy, Default)]
pub struct Fields<'a> {
    pub(super) fact: Option<&'static str>,
    pub(super) source: Option<&'a str>,
    pub(super) topic: Option<&'a str>,
    pub(super) partition: Option<i64>,
    pub(super) lane: Option<u64>,
    pub(super) count: Option<u64>,
    pub(super) seconds: Option<u64>,
    pub(super) limit_seconds: Option<u64>,
    pub(super) reason: Option<&'static str>,
    pub(super) error: Option<&'static str>,
}

fn emit(level: Level, message: &str, fields: &Fields<'_>) {
    let Fields { fact, source, topic, partition, lane, count, seconds, limit_seconds, reason, error } =
        *fields;
    // The level of an event is part of the place in the code that it comes from.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: TARGET,
                tracing::Level::$level,
                level = level.word(),
                fact,
                source,
                topic,
                partition,
                lane,
                count,
                seconds,
                limit_seconds,
                reason,
                error,
                message
            )
        };
    }
    match level {
        Level::Note => event!(INFO),
        Level::Warning => event!(WARN),
        Level::Alarm | Level::Failure => event!(ERROR),
    }
}

/// Tells facts: counts each, says as many as anybody wants to read.
pub struct Log {
    meters: Arc<Meters>,
    limits: Mutex<Limits>,
    began: Instant,
}

impl Log {
    /// Facts are counted in `meters`, whose setup has the names.
    pub fn new(meters: Arc<Meters>) -> Self {
        Self { meters, limits: Mutex::new(Limits::default()), began: Instant::now() }
    }

    /// Where they are counted.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Counts the fact, and says it unless it was said often of late.
    pub fn tell(&self, fact: &impl Fact) {
        fact.count(&self.meters);
        self.meters.fact(fact.name());
        let key = (fact.name(), fact.part());
        let passed = self.limits().pass(key, fact.level(), self.began.elapsed());
        if passed {
            let setup = self.meters.setup();
            emit(fact.level(), &fact.sentence(setup), &fact.fields(setup));
        }
    }

    /// Says how many were not said, once their minute is over; called about once a second.
    pub fn tick(&self) {
        let over = self.limits().over(self.began.elapsed());
        over.iter().for_each(say_rest);
    }

    /// The same at the end of a run, over or not.
    pub fn end(&self) {
        let over = self.limits().over(Duration::MAX);
        over.iter().for_each(say_rest);
    }

    fn limits(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_rest(rest: &Rest) {
    let sentence = format!("… and {} more of {}", rest.more, rest.fact.replace('_', " "));
    emit(
        rest.level,
        &sentence,
        &Fields { fact: Some(rest.fact), count: Some(rest.more), ..Fields::default() },
    );
}

/// Lines of one fact, about one thing, in one minute.
const LINES_MAX: u32 = 5;
/// That minute.
const WINDOW: Duration = Duration::from_mins(1);

/// A fact, and the source or lane that it is about.
type Key = (&'static str, usize);

/// How often each fact was said of late. There are as many as kinds of facts times sources and lanes, whatever happens.
#[derive(Default)]
struct Limits(Vec<Limit>);

struct Limit {
    key: Key,
    level: Level,
    since: Duration,
    said: u32,
    more: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Rest {
    fact: &'static str,
    level: Level,
    more: u64,
}

impl Limits {
    /// True when it may be said at `now`.
    fn pass(&mut self, key: Key, level: Level, now: Duration) -> bool {
        let Some(limit) = self.0.iter_mut().find(|limit| limit.key == key) else {
            self.0.push(Limit { key, level, since: now, said: 1, more: 0 });
            return true;
        };
        // Where some were not said, it is for `over` to say so and to begin anew.
        if limit.more == 0 && now.saturating_sub(limit.since) >= WINDOW {
            (limit.since, limit.said) = (now, 0);
        }
        if limit.said < LINES_MAX {
            limit.said += 1;
            return true;
        }
        limit.more += 1;
        false
    }

    /// What was not said in minutes that are over at `now`.
    fn over(&mut self, now: Duration) -> Vec<Rest> {
        let mut rests = Vec::new();
        for limit in &mut self.0 {
            if limit.more > 0 && now.saturating_sub(limit.since) >= WINDOW {
                rests.push(Rest { fact: limit.key.0, level: limit.level, more: limit.more });
                (limit.since, limit.said, limit.more) = (now, 0, 0);
            }
        }
        rests
    }
}

/// The subscriber.
struct Lines {
    format: Format,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == TARGET
    }

    // Nothing of ours opens spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let line = match self.format {
            Format::Human => line.human(),
            Format::Json => line.json(jiff::Timestamp::now()),
        };
        // Whoever closed the stream does not want to know.
        let _ = writeln!(anstream::stderr().lock(), "{line}");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of one event.
#[derive(Default)]
struct Line {
    level: String,
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    fn human(&self) -> String {
        let word = match self.level.as_str() {
            "alarm" => "ALARM: ",
            "warning" => "warning: ",
            _ => "",
        };
        format!("sluis: {word}{}", self.message)
    }

    fn json(self, now: jiff::Timestamp) -> String {
        let mut line = Map::new();
        line.insert("time".to_owned(), format!("{now:.3}").into());
        line.insert("level".to_owned(), self.level.into());
        line.insert("message".to_owned(), self.message.into());
        line.extend(self.fields);
        Value::Object(line).to_string()
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "level" => value.clone_into(&mut self.level),
            name => {
                self.fields.insert(name.to_owned(), value.into());
            }
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.insert(field.name().to_owned(), value.into());
    }

    /// Nothing of ours is recorded by its `Debug`.
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.message.push_str(field.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_same_fact_is_said_a_few_times_a_minute_and_the_rest_counted() {
        let mut limits = Limits::default();
        let key = ("records_late", 0);
        let said = (0..100).filter(|_| limits.pass(key, Level::Warning, at(1))).count();
        assert_eq!(said, 5);
        // Another source has lines of its own.
        assert!(limits.pass(("records_late", 1), Level::Warning, at(1)));
        assert_eq!(limits.over(at(60)), []);
        assert!(!limits.pass(key, Level::Warning, at(61)), "the rest is told first");
        let rest = Rest { fact: "records_late", level: Level::Warning, more: 96 };
        assert_eq!(limits.over(at(62)), [rest]);
        assert_eq!(limits.over(at(300)), []);
        assert!(limits.pass(key, Level::Warning, at(62)));
        // At a slow pace all are said.
        assert!((0..50).all(|n| limits.pass(("slow", 0), Level::Note, at(20 * n))));
    }

    #[test]
    fn at_the_end_the_rest_is_told_at_once() {
        let mut limits = Limits::default();
        let _ = (0..7).filter(|_| limits.pass(("x", 0), Level::Note, at(5))).count();
        assert_eq!(limits.over(Duration::MAX), [Rest { fact: "x", level: Level::Note, more: 2 }]);
    }

    #[test]
    fn lines_for_people_are_as_they_ever_were() {
        let line = |level: Level, message: &str| {
            let (level, message) = (level.word().to_owned(), message.to_owned());
            Line { level, message, ..Line::default() }.human()
        };
        assert_eq!(line(Level::Note, "it is so"), "sluis: it is so");
        assert_eq!(line(Level::Warning, "look"), "sluis: warning: look");
        assert_eq!(line(Level::Alarm, "act"), "sluis: ALARM: act");
        assert_eq!(line(Level::Failure, "it ends"), "sluis: it ends");
    }

    #[test]
    fn a_line_of_json_is_one_object_with_time_and_level() {
        let mut line =
            Line { level: "warning".to_owned(), message: "a\n\"b\"".to_owned(), ..Line::default() };
        line.fields.insert("count".to_owned(), 3.into());
        let now = "2026-11-27T10:15:32.1239Z".parse().unwrap();
        let json = line.json(now);
        assert!(!json.contains('\n'));
        let json: Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "time": "2026-11-27T10:15:32.123Z", "level": "warning", "message": "a\n\"b\"", "count": 3
        });
        assert_eq!(json, expected);
    }
}
