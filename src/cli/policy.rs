//! `sluis policy`: which policy was in force when, and what it said.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::{self, Failure};
use super::opened;
use super::table::{Align, set};
use super::upkeep;
use crate::governance::evidence::Evidence;
use crate::governance::policies::{self, Kept, Span};

/// Characters of a hash in the table: enough to tell policies apart, and to ask for one.
const HASH_SHOWN: usize = 16;

/// Arguments of `sluis policy`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  sluis policy history /etc/sluis/web.toml
  sluis policy history --state /var/lib/sluis/web --json
  sluis policy show 5f0c9a /etc/sluis/web.toml
  diff <(sluis policy show 5f0c9a /etc/sluis/web.toml) /etc/sluis/policy/web.toml

`sluis run` archives the text of each policy in the state directory before its journal says that it is in force.")]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every policy that was in force, from when to when; exit code 1 when the text of one is missing or another
    #[command(after_help = "Example:\n  sluis policy history /etc/sluis/web.toml")]
    History {
        #[command(flatten)]
        place: PlaceArgs,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Print the text of a policy that was in force
    #[command(after_help = "Example:\n  sluis policy show 5f0c9a /etc/sluis/web.toml")]
    Show {
        /// Its SHA-256, or how that begins
        #[arg(value_name = "HASH")]
        hash: String,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

#[derive(Args)]
struct PlaceArgs {
    /// Pipeline file
    #[arg(required_unless_present = "state")]
    pipeline: Option<PathBuf>,
    /// The state directory, in place of a pipeline file
    #[arg(long, value_name = "DIR", conflicts_with = "pipeline")]
    state: Option<PathBuf>,
}

impl PlaceArgs {
    fn state(&self) -> Result<PathBuf, Failure> {
        match (&self.state, &self.pipeline) {
            (Some(state), _) => Ok(state.clone()),
            (None, Some(pipeline)) => upkeep::state(&opened::pipeline(pipeline)?).map(ToOwned::to_owned),
            (None, None) => Ok(PathBuf::new()),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &PolicyArgs) -> Result<u8, Failure> {
    match &arguments.command {
        Command::History { place, json } => history(&place.state()?, *json),
        Command::Show { hash, place } => show(&place.state()?, hash),
    }
}

/// What the journal says, if it proves itself.
fn evidence(state: &Path) -> Result<Evidence, Failure> {
    let (evidence, _) = Evidence::read(state, None).map_err(|problem| Failure {
        message: format!("{}: the journal: {problem}", state.display()),
        code: exit::CHECK_FAILED,
    })?;
    Ok(evidence)
}

fn history(state: &Path, is_json: bool) -> Result<u8, Failure> {
    let evidence = evidence(state)?;
    let spans = evidence.policies.spans();
    let kept: Vec<Kept> = spans.iter().map(|span| policies::look(state, &span.sha256)).collect();
    if is_json {
        let all: Vec<Value> = spans.iter().zip(&kept).map(|(span, kept)| json_of(span, *kept)).collect();
        print(&format!("{}\n", Value::from(all)))?;
    } else {
        print(&table(spans, &kept))?;
    }
    let mut wrong = spans.iter().zip(&kept).filter(|(_, kept)| **kept != Kept::Whole).map(|(span, _)| span);
    let Some(first) = wrong.next() else { return Ok(exit::DONE) };
    Err(Failure {
        message: format!(
            "the text of {} policies is not in the archive as it was; put the file of that time at {}",
            wrong.count() + 1,
            policies::path(state, &first.sha256).display()
        ),
        code: exit::CHECK_FAILED,
    })
}

fn json_of(span: &Span, kept: Kept) -> Value {
    json!({
        "from": span.from, "until": span.until, "policy": span.name, "version": span.version, "sha256": span.sha256,
        "text": kept.word()
    })
}

fn table(spans: &[Span], kept: &[Kept]) -> String {
    let rows: Vec<Vec<String>> = spans
        .iter()
        .zip(kept)
        .map(|(span, kept)| {
            vec![
                span.from.clone(),
                span.until.clone().unwrap_or_else(|| "loaded last".to_owned()),
                span.name.clone(),
                span.version.clone(),
                span.sha256.chars().take(HASH_SHOWN).collect(),
                kept.word().to_owned(),
            ]
        })
        .collect();
    let head =
        ["from", "until", "policy", "version", "sha256 begins", "text"].map(|title| (title, Align::Left));
    set(&head, &rows)
}

/// Prints the archived text of the one policy whose hash begins with `prefix`.
fn show(state: &Path, prefix: &str) -> Result<u8, Failure> {
    let evidence = evidence(state)?;
    let prefix = prefix.to_ascii_lowercase();
    let hashes = evidence.policies.hashes();
    let mut meant = hashes.iter().filter(|hash| hash.starts_with(&prefix));
    let (Some(hash), None) = (meant.next(), meant.next()) else {
        let count = hashes.iter().filter(|hash| hash.starts_with(&prefix)).count();
        return Err(Failure::usage(format!(
            "the hashes of {count} policies begin so; see `sluis policy history`, and write one of them out as far as it takes"
        )));
    };
    let failed = |what: &str| {
        let path = policies::path(state, hash);
        Failure {
            message: format!("{}: {what}; put the file of that time there", path.display()),
            code: exit::CHECK_FAILED,
        }
    };
    match policies::text(state, hash) {
        Ok(Some(text)) => print(&text).map(|()| exit::DONE),
        Ok(None) => Err(failed("its text does not have that hash, so it is not shown")),
        Err(error) => Err(failed(&format!("it cannot be read ({})", error.kind()))),
    }
}

/// Whoever reads the first lines only has seen enough.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::downstream(error.kind())),
        _ => Ok(()),
    }
}
