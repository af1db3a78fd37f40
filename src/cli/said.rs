//! What commands say on standard error, as sentences or as JSON (`run --log-format`).

use std::fmt;

use crate::telemetry::log::{Contentless, Level, say};

/// A sentence that the command line made of configuration and of errors, which name things, places and remedies and never quote a
/// record (PI-1).
struct Sentence(String);

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Contentless for Sentence {}

/// As it should be.
pub fn note(sentence: impl Into<String>) {
    say(Level::Note, &Sentence(sentence.into()));
}

/// Something to look at; work goes on.
pub fn warning(sentence: impl Into<String>) {
    say(Level::Warning, &Sentence(sentence.into()));
}

/// Why the command ends.
pub fn failure(sentence: impl Into<String>) {
    say(Level::Failure, &Sentence(sentence.into()));
}

/// Something stands still until somebody acts.
pub fn alarm(sentence: impl Into<String>) {
    say(Level::Alarm, &Sentence(sentence.into()));
}
