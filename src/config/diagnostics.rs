//! What is wrong in a configuration file, and where: every problem with its line, a caret and a remedy.
//!
//! Problems are collected, never thrown at the first one: who edits a policy sees all of them in one run. Configuration is no
//! record content, so the offending line is shown.

use std::fmt;
use std::sync::Arc;

use crate::policy::treatment::Place;

/// A range of bytes in a configuration file.
pub type Span = std::ops::Range<usize>;

/// A configuration file as read: its name as the user gave it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The name that problems show.
    pub file: String,
    /// The whole text.
    pub text: String,
}

impl SourceText {
    /// A file called `file` with this `text`.
    pub fn new(file: &str, text: &str) -> Arc<Self> {
        Arc::new(Self { file: file.to_owned(), text: text.to_owned() })
    }

    /// Line and column of the byte at `offset`; a place beyond the end is the end.
    pub fn place(&self, offset: usize) -> Place {
        let before = &self.text[..self.boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: self.file.clone(), line: line as u32, column: column as u32 }
    }

    /// A problem at `span`.
    pub fn problem(&self, span: &Span, message: impl Into<String>) -> Problem {
        let start = self.boundary(span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |length| start + length);
        let end = self.boundary(span.end).clamp(start, line_end.max(start));
        Problem {
            place: self.place(start),
            message: message.into(),
            source_line: shown(self.text[line_start..line_end].trim_end()),
            width: self.text[start..end].chars().count().max(1) as u32,
            missing: false,
        }
    }

    /// The last character boundary at or before `offset`.
    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// A line as problems show it: not at all where it may hold a secret. That is judged by its words, since a secret on a line that is no
/// TOML has no key to judge it by.
fn shown(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let holds = ["passw", "passphrase", "secret", ".pem", "jaas"].iter().any(|word| {
        lower.match_indices(word).any(|(at, _)| {
            let between = |c: char| c.is_ascii_alphanumeric() || " \t._-\"'".contains(c);
            let after = lower[at..].trim_start_matches(between);
            // A table says where the secret is, and is none.
            after.strip_prefix('=').is_some_and(|value| !value.trim_start().starts_with('{'))
        })
    });
    if holds { String::new() } else { line.to_owned() }
}

/// One thing that is wrong: the thing, the place, the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Lower case: the thing, then after `;` the remedy.
    pub message: String,
    /// The line of the file.
    pub source_line: String,
    /// How many characters the carets underline.
    pub width: u32,
    /// True when something is absent: not reported in a file that is no TOML, where it may only have become invisible.
    pub(super) missing: bool,
}

/// Something that may be meant, but probably is not. Same shape as a problem; it stops nothing.
pub type Warning = Problem;

/// Everything that is wrong in a file and in those it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// What must be mended, in the order of the files.
    pub problems: Vec<Problem>,
    /// What should be looked at.
    pub warnings: Vec<Warning>,
}

impl std::error::Error for Problems {}

/// Most characters of a line that are shown on either side of a caret.
const LINE_CHARS_MAX: usize = 120;

impl Problem {
    /// The place and the message on one line: `policy/web.toml:12:1: unknown key …`.
    pub fn headline(&self) -> String {
        format!("{}:{}:{}: {}", self.place.file, self.place.line, self.place.column, self.message)
    }

    /// The line with carets below, or nothing where the file has no such line.
    fn write_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source_line.trim().is_empty() {
            return Ok(());
        }
        let column = self.place.column as usize - 1;
        // A long line is shown from a little before the caret, so that the caret stays on the screen.
        let skipped = if column > LINE_CHARS_MAX { column - 40 } else { 0 };
        let shown: String =
            self.source_line.chars().skip(skipped).take(2 * LINE_CHARS_MAX).map(printable).collect();
        let number = self.place.line;
        let gutter = " ".repeat(number.to_string().len());
        let (indent, carets) = (" ".repeat(column - skipped), "^".repeat(self.width as usize));
        write!(f, "\n {number} | {shown}\n {gutter} | {indent}{carets}")
    }
}

/// A terminal must not act on what a file holds; tabs are one column wide so that carets fit.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.write_line(f)
    }
}

impl fmt::Display for Problems {
    /// Problems first, then warnings, each with its line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        for (index, warning) in self.warnings.iter().enumerate() {
            let newline = if index == 0 && self.problems.is_empty() { "" } else { "\n" };
            let marked = Problem { message: format!("warning: {}", warning.message), ..warning.clone() };
            write!(f, "{newline}{marked}")?;
        }
        Ok(())
    }
}

/// Collects what is found in one file.
#[derive(Debug)]
pub(super) struct Report {
    /// The file.
    pub source: Arc<SourceText>,
    /// What was found so far.
    pub found: Problems,
    /// Lines that no problem shows, first and last.
    hidden: Vec<(u32, u32)>,
}

impl Report {
    pub fn new(source: Arc<SourceText>) -> Self {
        Self { source, found: Problems::default(), hidden: Vec::new() }
    }

    /// Something is wrong at `span`.
    pub fn error(&mut self, span: &Span, message: impl Into<String>) {
        self.found.problems.push(self.source.problem(span, message));
    }

    /// The same for a value that must not be repeated on a screen or in a log.
    pub fn error_unshown(&mut self, span: &Span, message: impl Into<String>) {
        let problem = self.source.problem(span, message);
        self.found.problems.push(Problem { source_line: String::new(), ..problem });
    }

    /// A secret stands at `span`: whatever else is wrong on its lines, they are not shown.
    pub fn hide(&mut self, span: &Span) {
        let line = |offset| self.source.place(offset).line;
        self.hidden.push((line(span.start), line(span.end)));
    }

    /// Something that ought to be in the section at `span` is not.
    pub fn missing(&mut self, span: &Span, message: impl Into<String>) {
        let problem = self.source.problem(span, message);
        self.found.problems.push(Problem { missing: true, ..problem });
    }

    /// Something at `span` deserves a look.
    pub fn warn(&mut self, span: &Span, message: impl Into<String>) {
        self.found.warnings.push(self.source.problem(span, message));
    }

    /// What was found, in the order of the file. Where the file is not TOML (`syntax` holds why), what may only be a
    /// consequence of that is left out: absences, and whatever else stands on the same lines.
    pub fn finish(self, syntax: Vec<Problem>) -> Problems {
        let mut found = self.found;
        if !syntax.is_empty() {
            let broken: Vec<u32> = syntax.iter().map(|problem| problem.place.line).collect();
            found.problems.retain(|problem| !problem.missing && !broken.contains(&problem.place.line));
            found.problems.extend(syntax);
            found.warnings.clear();
        }
        for problem in found.problems.iter_mut().chain(&mut found.warnings) {
            let line = problem.place.line;
            if self.hidden.iter().any(|(first, last)| (*first..=*last).contains(&line)) {
                problem.source_line.clear();
            }
        }
        found.problems.sort_by(|a, b| a.place.cmp(&b.place));
        found.warnings.sort_by(|a, b| a.place.cmp(&b.place));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place() {
        let source = SourceText::new("a.toml", "x = 1\n\té = 2\n");
        let problem = source.problem(&(7..9), "unknown key 'é'; remove it");
        assert_eq!(problem.to_string(), "a.toml:2:2: unknown key 'é'; remove it\n 2 |  é = 2\n   |  ^");
    }

    #[test]
    fn places_beyond_the_text_are_its_end() {
        let source = SourceText::new("a.toml", "é");
        assert_eq!(source.place(99).column, 2);
        assert_eq!(source.place(1).column, 1);
        assert_eq!(SourceText::new("b", "").problem(&(3..9), "x").to_string(), "b:1:1: x");
    }

    #[test]
    fn a_long_line_is_shown_around_its_caret() {
        let text = format!("{}here", "a".repeat(1000));
        let shown = SourceText::new("a", &text).problem(&(1000..1004), "x").to_string();
        assert!(shown.lines().all(|line| line.chars().count() < 300));
        let caret = shown.lines().last().map(|line| line.find('^')).unwrap();
        let here = shown.lines().nth(1).map(|line| line.find("here")).unwrap();
        // The number of the line is as wide as the gutter below it.
        assert_eq!(caret, here);
    }

    #[test]
    fn nothing_in_a_file_reaches_the_terminal_as_a_command() {
        let shown = SourceText::new("a", "x\u{1b}[2J = 1").problem(&(0..1), "x").to_string();
        assert!(!shown.contains('\u{1b}'));
    }
}
