//! Names of topics, patterns of them, and `{class}` in them.

use regex::Regex;

use super::diagnostics::{Report, Span};
use super::document::At;

/// Stands for the name of a class.
const CLASS: &str = "{class}";

/// Kafka's bound of a name.
const NAME_BYTES_MAX: usize = 249;

/// Kafka's own topics, which nobody reads lines from.
const OF_KAFKA: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Why no topic can be called `name`; `None` when one can.
fn objection(name: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if name.is_empty() || name == "." || name == ".." || !name.bytes().all(plain) {
        Some("use letters, digits, '.', '_' and '-'".to_owned())
    } else if name.len() > NAME_BYTES_MAX {
        Some(format!("use at most {NAME_BYTES_MAX} characters"))
    } else if name.starts_with("__") {
        Some("such names are Kafka's own".to_owned())
    } else {
        None
    }
}

/// Reports a name that no topic can have.
pub(super) fn check_name(name: &str, span: &Span, report: &mut Report) -> bool {
    let objection = objection(name);
    if let Some(remedy) = &objection {
        report.error(span, format!("'{name}' is no name of a topic; {remedy}"));
    }
    objection.is_none()
}

/// What a source reads: a topic, or all that an expression takes in.
#[derive(Clone, Debug)]
pub enum TopicPattern {
    /// The topic of this name.
    Name(String),
    /// Topics whose names match an expression that begins with `^`.
    Expression(Regex),
}

impl TopicPattern {
    /// A word of `topics`. The error is a remedy.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.starts_with('^') {
            pattern(text).map(Self::Expression)
        } else {
            Ok(Self::Name(text.to_owned()))
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Expression(expression) => expression.as_str(),
        }
    }

    /// Whether it takes in `topic`.
    pub fn takes_in(&self, topic: &str) -> bool {
        match self {
            Self::Name(name) => name == topic,
            Self::Expression(expression) => expression.is_match(topic),
        }
    }
}

/// What is read: a name, or a pattern that begins with `^`.
pub(super) fn check_input(topic: &At<String>, report: &mut Report) -> bool {
    if !topic.value.starts_with('^') {
        return check_name(&topic.value, &topic.span, report);
    }
    let pattern = pattern(&topic.value);
    if let Err(remedy) = &pattern {
        report.error(&topic.span, format!("'{}' is no pattern of topics; {remedy}", topic.value));
    }
    pattern.is_ok()
}

/// A pattern as librdkafka takes it: a POSIX extended expression that begins with `^` and may match the beginning of a name. What that
/// grammar and ours read differently is refused. The error is a remedy.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    if !text.is_ascii() || text.len() < 2 || text.len() > NAME_BYTES_MAX {
        return Err("write '^' and the beginning of a name, such as \"^raw\\\\.\"".to_owned());
    }
    let mut before = None;
    for character in text.chars() {
        if before == Some('\\') && !character.is_ascii_punctuation() {
            return Err(format!("'\\{character}' is not in POSIX; write a set, such as [0-9]"));
        }
        if before == Some('(') && character == '?' {
            return Err("'(?' is not in POSIX; write a plain group".to_owned());
        }
        // An escaped backslash escapes nothing.
        before = if before == Some('\\') { None } else { Some(character) };
    }
    let regex = Regex::new(text).map_err(|_| "see that brackets and repetitions are closed".to_owned())?;
    if OF_KAFKA.iter().any(|name| regex.is_match(name)) {
        return Err("it takes in Kafka's own topics; write more of the names".to_owned());
    }
    Ok(regex)
}

/// The topic of each class; reports a template that gives none, or one for several.
pub(super) fn expanded(template: &At<String>, classes: &[&str], report: &mut Report) -> Option<Vec<String>> {
    let text = &template.value;
    if text.replace(CLASS, "").contains(['{', '}']) {
        report.error(&template.span, format!("a placeholder in '{text}' that is none; there is {CLASS}"));
        return None;
    }
    if classes.len() > 1 && !text.contains(CLASS) {
        report.error(
            &template.span,
            format!(
                "classes {} would share one topic, and its limits; write {CLASS} in its name",
                classes.join(", ")
            ),
        );
        return None;
    }
    let topics: Vec<String> = classes.iter().map(|class| of_class(text, class)).collect();
    topics.iter().all(|topic| check_name(topic, &template.span, report)).then_some(topics)
}

/// The topic of one class.
pub(super) fn of_class(template: &str, class: &str) -> String {
    template.replace(CLASS, class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kafka() {
        for name in ["raw.nginx", "a", "A-1_b", &"x".repeat(249)] {
            assert_eq!(objection(name), None, "{name}");
        }
        for name in
            ["", ".", "..", "a b", "a/b", "é", "^a", "{class}", "__consumer_offsets", &"x".repeat(250)]
        {
            assert!(objection(name).is_some(), "{name}");
        }
    }

    #[test]
    fn patterns_match_the_beginning_of_a_name() {
        for (text, name, matches) in [
            (r"^raw\.", "raw.nginx", true),
            (r"^raw\.", "rawXnginx", false),
            ("^raw", "raw.nginx", true),
            ("^raw$", "raw.nginx", false),
            ("^(raw|late)[0-9]{2}", "late07.x", true),
            (r"^a\\b", "ab", false),
        ] {
            assert_eq!(pattern(text).unwrap().is_match(name), matches, "{text} {name}");
        }
        for text in ["^", "^(raw", "^raw[", "^raw)", r"^\d", r"^\\\w", "^(?i)raw", "^.*", "^__", "^é", r"^a\"]
        {
            assert!(pattern(text).is_err(), "{text}");
        }
    }
}
