//! Policy and pipeline files: as written, then as meant.
//!
//! *In*: the text of a file and the name its user gave it. *Out*: a [`Policy`] or a [`Plan`](plan::Plan), which cannot be
//! wrong, or every [`Problem`](diagnostics::Problem) of the file at once, each with line, column and remedy. *Promised*:
//! an unknown key is an error; a key that a later version brings is refused as such, never ignored; a field whose
//! treatment does not suit its kind is refused. *Not here*: reading files (the caller passes text and a `load` function),
//! compiling format strings (`format`; a [`Written`](format_spec::Written) gives their errors a place in the file).

pub mod admin_file;
pub mod clickhouse;
pub mod diagnostics;
mod document;
mod fields;
pub mod format_spec;
pub mod kafka;
pub mod kafka_carried;
mod kafka_file;
mod kafka_meant;
pub mod kafka_options;
mod kafka_security;
mod kafka_together;
pub mod kafka_topics;
mod pipeline_file;
mod pipeline_meant;
pub mod plan;
mod policy_file;
mod policy_meant;
mod sinks_meant;
mod suggest;
mod suits;
pub mod units;
pub mod vocabulary;

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::policy::class::Policy;
use diagnostics::{Problems, Report, SourceText, Warning};
use document::Section;
use plan::Plan;
use policy_file::Origin;

/// Reads a policy. `file` is its name in messages. On failure all problems of the file, and its warnings.
pub fn policy_from_str(text: &str, file: &str) -> Result<(Policy, Vec<Warning>), Problems> {
    accepted(read_policy(text, file, Origin::File))
}

/// The policy of `filter` without `--policy`: every field of the field table named, one class, no retention, since nothing
/// is stored. Its text is part of the program, and a test proves that it has no problem.
pub fn builtin() -> Result<Policy, Problems> {
    let text = include_str!("../../config/policy/builtin.toml");
    accepted(read_policy(text, "built-in", Origin::BuiltIn)).map(|(policy, _)| policy)
}

/// Reads a pipeline and, through `load`, the policy it names. A relative path in it, of the policy as of all else, starts
/// at the directory of `file`. On failure all problems of both files.
pub fn pipeline_from_str(
    text: &str,
    file: &str,
    load: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<(Plan, Vec<Warning>), Problems> {
    let source = SourceText::new(file, text);
    let (tree, syntax) = document::parse(&source);
    let mut report = Report::new(source.clone());
    let written = pipeline_file::read(&Section::root(&tree), &mut report);
    let base = Path::new(file).parent().unwrap_or(Path::new(""));

    let (mut policy, mut policy_text) = (None, String::new());
    let mut of_policy = Problems::default();
    if let Some(named) = &written.policy {
        let path = base.join(&named.value);
        match load(&path) {
            Ok(text) => {
                let (read, found) = read_policy(&text, &path.to_string_lossy(), Origin::File);
                (policy, policy_text, of_policy) = (Some(read), text, found);
            }
            Err(error) => report.error(&named.span, unreadable(&path, &error)),
        }
    }
    let plan = pipeline_meant::mean(&written, policy, base, &mut report);
    let admin = Section::root(&tree).section("admin", &mut report);
    let admin = admin.and_then(|section| admin_file::read(&section, base, &mut report));
    let mut found = report.finish(syntax);
    found.problems.extend(of_policy.problems);
    found.warnings.extend(of_policy.warnings);
    match plan {
        Some(plan) if found.problems.is_empty() => Ok((Plan { policy_text, admin, ..plan }, found.warnings)),
        _ => Err(found),
    }
}

/// SHA-256 of a policy file's bytes in hex: the version that evidence names.
pub fn hash(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The policy of a file, as good as it can be made, and everything that is wrong with it.
fn read_policy(text: &str, file: &str, origin: Origin) -> (Policy, Problems) {
    let source = SourceText::new(file, text);
    let (tree, syntax) = document::parse(&source);
    let mut report = Report::new(source.clone());
    let written = policy_file::read(&Section::root(&tree), origin, &mut report);
    let policy = policy_meant::mean(&written, hash(text), &mut report);
    (policy, report.finish(syntax))
}

fn accepted((policy, found): (Policy, Problems)) -> Result<(Policy, Vec<Warning>), Problems> {
    if found.problems.is_empty() { Ok((policy, found.warnings)) } else { Err(found) }
}

/// The kind of an I/O error in plain words, with the remedy.
fn unreadable(path: &Path, error: &io::Error) -> String {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::NotFound => ("does not exist", "a relative path starts at the pipeline file"),
        io::ErrorKind::PermissionDenied => ("may not be read", "give this user read permission"),
        io::ErrorKind::InvalidData => ("is not UTF-8 text", "save it as UTF-8"),
        _ => ("cannot be read", "see that it is a file on a healthy disk"),
    };
    format!("policy file '{}' {what}; {remedy}", path.display())
}
