//! `sluis journal`: shows what was destroyed, when and why, and proves that nothing was changed since.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::exit::{self, Failure};
use super::opened;
use super::table::thousands;
use super::upkeep;
use crate::retention::journal::{FILE_NAME, Head, Verified, VerifyError, verify};

/// Arguments of `sluis journal`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  sluis journal show /etc/sluis/web.toml
  sluis journal verify --state /var/lib/sluis/web --head \"$(cat /mnt/evidence/web.head)\"
  sluis journal head /etc/sluis/web.toml >> /mnt/evidence/web.heads

Each entry's hash covers all entries before it. A head that is kept elsewhere (on paper, with the data protection officer, in another
system's log) proves later that nothing up to it was changed, cut or moved. It is also in the file journal.head beside the journal.")]
pub struct JournalArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print every entry
    Show {
        #[command(flatten)]
        place: PlaceArgs,
        /// As the journal has them: one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Follow the chain from the first entry to the last, and say where it breaks; exit code 1 when it does
    Verify {
        #[command(flatten)]
        place: PlaceArgs,
        /// A head that was kept elsewhere, `SEQ:HASH`
        #[arg(long, value_name = "HEAD")]
        head: Option<Head>,
    },
    /// Print where the journal ends, to be kept elsewhere
    Head {
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
    /// The journal's path, and the open file.
    fn open(&self) -> Result<(PathBuf, File), Failure> {
        let state = match (&self.state, &self.pipeline) {
            (Some(state), _) => state.clone(),
            (None, Some(pipeline)) => upkeep::state(&opened::pipeline(pipeline)?)?.to_owned(),
            (None, None) => PathBuf::new(),
        };
        let path = state.join(FILE_NAME);
        let file = File::open(&path).map_err(|error| {
            let kind = error.kind();
            Failure::usage(format!(
                "{}: cannot be opened ({kind}); check the path and its permissions",
                path.display()
            ))
        })?;
        Ok((path, file))
    }

    /// Follows the chain.
    fn verify(&self, head: Option<Head>, entry: impl FnMut(&[u8])) -> Result<Verified, Failure> {
        let (path, file) = self.open()?;
        verify(file, head, entry).map_err(|problem| {
            let code =
                if matches!(problem, VerifyError::Fault(_)) { exit::CHECK_FAILED } else { exit::USAGE };
            Failure { message: format!("{}: {problem}", path.display()), code }
        })
    }
}

/// Runs the command.
pub fn run(arguments: &JournalArgs) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Show { place, json } => show(place, *json),
        Command::Verify { place, head } => {
            let verified = place.verify(*head, |_| {})?;
            println!("{}", verdict(&verified));
            Ok(exit::DONE)
        }
        Command::Head { place } => {
            println!("{}", place.verify(None, |_| {})?.head);
            Ok(exit::DONE)
        }
    }
}

fn verdict(verified: &Verified) -> String {
    let Verified { head, anchored, torn } = verified;
    let tail = if *anchored {
        "up to the anchored head nothing was changed, cut or moved"
    } else {
        "no head was given, so whether entries were cut from the end is not proven"
    };
    let torn = if *torn > 0 {
        format!(
            "\n{torn} bytes of an unfinished entry follow: a crash, or a writer at work; the next entry takes them off"
        )
    } else {
        String::new()
    };
    format!("{} entries follow from each other; {tail}\nhead {head}{torn}", thousands(head.seq))
}

fn show(place: &PlaceArgs, json: bool) -> Result<u8, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written: io::Result<()> = Ok(());
    let verified = place.verify(None, |entry| {
        if written.is_ok() {
            written = if json { line(&mut out, entry) } else { line(&mut out, for_people(entry).as_bytes()) };
        }
    });
    // Whoever reads the first lines only has seen enough.
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::downstream(error.kind())),
        _ => verified.map(|_| exit::DONE),
    }
}

fn line(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    out.write_all(text)?;
    out.write_all(b"\n")
}

/// `     12  2026-11-27T05:00:00Z  part.destroyed  store sink.archive, class web, …`
fn for_people(entry: &[u8]) -> String {
    let members: Map<String, Value> = serde_json::from_slice(entry).unwrap_or_default();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let get = |key: &str| members.get(key).map(plain).unwrap_or_default();
    let rest: Vec<String> = members
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "seq" | "time" | "event"))
        .map(|(key, value)| format!("{} {}", key.replace('_', " "), plain(value)))
        .collect();
    format!("{:>7}  {}  {:<20}  {}", get("seq"), get("time"), get("event"), rest.join(", "))
        .trim_end()
        .to_owned()
}
