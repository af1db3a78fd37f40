//! A walk through a TOML file that keeps the place of everything and stops at nothing.
//!
//! Each getter reports what is wrong with its value and returns `None`; the caller goes on with the next key. Chosen over
//! derived deserialisation, because that ends at the first error and knows no place of a key.

use toml::de::{DeTable, DeValue};

use super::diagnostics::{Problem, Report, SourceText, Span};
use super::suggest;
use super::units;
use super::vocabulary::Vocabulary;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Span,
}

/// One key with its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'t> {
    pub key: &'t str,
    pub value: &'t DeValue<'t>,
    key_at: (usize, usize),
    value_at: (usize, usize),
}

impl Entry<'_> {
    pub fn key_span(&self) -> Span {
        self.key_at.0..self.key_at.1
    }

    pub fn span(&self) -> Span {
        self.value_at.0..self.value_at.1
    }
}

/// A table and what it is called in messages.
#[derive(Clone)]
pub(super) struct Section<'t> {
    /// `[class.web]`, or words for a table inside a line.
    pub title: String,
    /// The last part of its name: `web`.
    pub name: &'t str,
    /// Where its name stands.
    pub span: Span,
    table: &'t DeTable<'t>,
}

/// Errors of syntax that are shown of one file.
const SYNTAX_PROBLEMS_MAX: usize = 100;

/// The whole file as a tree, and what is wrong with it as TOML.
pub(super) fn parse(source: &SourceText) -> (DeTable<'_>, Vec<Problem>) {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let problems = errors
        .iter()
        // Each is placed by counting lines; past this many the file is no TOML at all.
        .take(SYNTAX_PROBLEMS_MAX)
        .map(|error| {
            let span = error.span().unwrap_or(0..0);
            let message = match error.message() {
                // A bare word begins like `true` or `false`, which helps nobody.
                message if message.starts_with("invalid boolean") => "a text stands in quotes".to_owned(),
                message => message.replace('`', "'"),
            };
            source.problem(&span, format!("not TOML: {message}"))
        })
        .collect();
    (root.into_inner(), problems)
}

impl<'t> Section<'t> {
    pub fn root(table: &'t DeTable<'t>) -> Self {
        Self { title: "the file".to_owned(), name: "", span: 0..0, table }
    }

    /// Entries in the order of the file (the tree itself sorts by name).
    pub fn entries(&self) -> Vec<Entry<'t>> {
        let mut entries: Vec<Entry<'t>> = self
            .table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref(),
                value: value.get_ref(),
                key_at: (key.span().start, key.span().end),
                value_at: (value.span().start, value.span().end),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_at);
        entries
    }

    pub fn get(&self, key: &str) -> Option<Entry<'t>> {
        self.entries().into_iter().find(|entry| entry.key == key)
    }

    /// Reports every key that is not in the vocabulary.
    pub fn check_keys(&self, words: &Vocabulary, report: &mut Report) {
        for entry in self.entries() {
            let key = entry.key;
            if words.later.contains(&key) {
                report.error(
                    &entry.key_span(),
                    format!("'{key}' in {} is not in this version; leave it out", self.title),
                );
            } else if !words.keys.contains(&key) {
                let known = words.keys.iter().chain(words.later).copied();
                let remedy = suggest::remedy(key, known, &format!("known are: {}", words.keys.join(", ")));
                report.error(&entry.key_span(), format!("unknown key '{key}' in {}{remedy}", self.title));
            }
        }
    }

    /// Like `get`; says what is missing and why it is needed, unless a misspelled key is probably that one.
    pub fn required(&self, key: &str, remedy: &str, report: &mut Report) -> Option<Entry<'t>> {
        let entry = self.get(key);
        let misspelled = || self.entries().iter().any(|entry| suggest::nearest(entry.key, [key]).is_some());
        if entry.is_none() && !misspelled() {
            report.missing(&self.span, format!("missing '{key}' in {}; {remedy}", self.title));
        }
        entry
    }

    /// The table under `key`, if there is one.
    pub fn section(&self, key: &str, report: &mut Report) -> Option<Self> {
        self.get(key)?.section(format!("[{key}]"), report)
    }

    /// The tables under `key`: `[class.web]`, `[class.jvb]`.
    pub fn sections(&self, key: &str, report: &mut Report) -> Vec<Self> {
        let Some(outer) = self.section(key, report) else { return Vec::new() };
        let mut sections = Vec::new();
        for entry in outer.entries() {
            let name = entry.key;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
                report.error(
                    &entry.key_span(),
                    format!("'{name}' cannot name a {key}; use lower-case letters, digits, '-' and '_'"),
                );
            }
            sections.extend(entry.section(format!("[{key}.{name}]"), report));
        }
        sections
    }

    pub fn text(&self, key: &str, report: &mut Report) -> Option<At<String>> {
        self.get(key)?.text(report)
    }

    pub fn texts(&self, key: &str, report: &mut Report) -> Option<At<Vec<At<String>>>> {
        self.get(key)?.texts(report)
    }

    /// Seconds of a duration.
    pub fn seconds(&self, key: &str, report: &mut Report) -> Option<At<u64>> {
        let entry = self.get(key)?;
        let Some(text) = entry.value.as_str() else {
            return entry.wrong("a duration in quotes, such as \"24h\"", report);
        };
        entry.measured(units::seconds(text), report)
    }

    /// Bytes of a size, a number or a number with a unit.
    pub fn bytes(&self, key: &str, report: &mut Report) -> Option<At<u64>> {
        let entry = self.get(key)?;
        match entry.value {
            DeValue::String(text) => entry.measured(units::bytes(text), report),
            DeValue::Integer(_) => entry.number(report),
            _ => entry.wrong("a size, such as \"1 MiB\"", report),
        }
    }

    pub fn number(&self, key: &str, report: &mut Report) -> Option<At<u64>> {
        self.get(key)?.number(report)
    }

    /// True or false.
    pub fn flag(&self, key: &str, report: &mut Report) -> Option<At<bool>> {
        let entry = self.get(key)?;
        match entry.value {
            DeValue::Boolean(value) => Some(At { value: *value, span: entry.span() }),
            _ => entry.wrong("true or false, without quotes", report),
        }
    }
}

impl<'t> Entry<'t> {
    /// This value as a table called `title`.
    pub fn section(&self, title: String, report: &mut Report) -> Option<Section<'t>> {
        match self.value {
            DeValue::Table(table) => Some(Section { title, name: self.key, span: self.key_span(), table }),
            _ => self.wrong(&format!("a section {title} or a table {{ … }}"), report),
        }
    }

    pub fn text(&self, report: &mut Report) -> Option<At<String>> {
        match self.value.as_str() {
            Some(text) => Some(At { value: text.to_owned(), span: self.span() }),
            None => self.wrong("a text in quotes", report),
        }
    }

    /// A list of texts; those that are none are reported one by one.
    pub fn texts(&self, report: &mut Report) -> Option<At<Vec<At<String>>>> {
        let Some(items) = self.value.as_array() else {
            return self.wrong("a list, such as [\"…\"]", report);
        };
        let mut value = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => value.push(At { value: text.to_owned(), span: item.span() }),
                None => report.error(
                    &item.span(),
                    format!(
                        "'{}' must be a list of texts in quotes; this is {}",
                        self.key,
                        name_of(item.get_ref())
                    ),
                ),
            }
        }
        // A list whose every text is wrong is not an empty list.
        (items.is_empty() || !value.is_empty()).then(|| At { value, span: self.span() })
    }

    /// The tables of a list.
    pub fn tables(&self, title: &str, report: &mut Report) -> Option<Vec<Section<'t>>> {
        let items = self.value.as_array()?;
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => {
                    tables.push(Section {
                        title: title.to_owned(),
                        name: self.key,
                        span: item.span(),
                        table,
                    });
                }
                other => report.error(
                    &item.span(),
                    format!("'{}' is a list of tables {{ … }}; this is {}", self.key, name_of(other)),
                ),
            }
        }
        Some(tables)
    }

    pub fn number(&self, report: &mut Report) -> Option<At<u64>> {
        let parsed = self.value.as_integer().and_then(|i| u64::from_str_radix(i.as_str(), i.radix()).ok());
        match parsed {
            Some(value) => Some(At { value, span: self.span() }),
            None => self.wrong("a whole number of at least 0", report),
        }
    }

    /// Reports that the value should be `expected`.
    pub fn wrong<T>(&self, expected: &str, report: &mut Report) -> Option<T> {
        let found = name_of(self.value);
        report.error(&self.span(), format!("'{}' must be {expected}; this is {found}", self.key));
        None
    }

    fn measured(&self, measured: Result<u64, String>, report: &mut Report) -> Option<At<u64>> {
        match measured {
            Ok(value) => Some(At { value, span: self.span() }),
            Err(remedy) => {
                report.error(&self.span(), format!("'{}' {remedy}", self.key));
                None
            }
        }
    }
}

/// A word of a closed list: its place in `words.keys`.
pub(super) fn one_of(
    word: &At<String>,
    words: &Vocabulary,
    what: &str,
    report: &mut Report,
) -> Option<usize> {
    let name = word.value.as_str();
    let index = words.keys.iter().position(|key| *key == name);
    if index.is_none() {
        if words.later.contains(&name) {
            report.error(
                &word.span,
                format!("{what} '{name}' is not in this version; use {}", words.keys.join(", ")),
            );
        } else {
            let known = words.keys.iter().chain(words.later).copied();
            let remedy = suggest::remedy(name, known, &format!("known are: {}", words.keys.join(", ")));
            report.error(&word.span, format!("unknown {what} '{name}'{remedy}"));
        }
    }
    index
}

fn name_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
