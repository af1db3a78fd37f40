//! `sluis journal`: shows what was destroyed, when and why, and proves that nothing was changed since.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::exit::{self, Failure};
use super::heads::{Anchored, said};
use super::opened;
use super::table::thousands;
use crate::retention::journal::{FILE_NAME, Head, Verified, VerifyError, verify};

/// Arguments of `sluis journal`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  sluis journal show /etc/sluis/web.toml
  sluis journal show --keys /var/lib/sluis/keys
  sluis journal head /etc/sluis/web.toml > /mnt/evidence/web.head
  sluis journal verify /etc/sluis/web.toml --head \"$(cat /mnt/evidence/web.head)\"
  sluis journal verify --state /var/lib/sluis/web --head \"$(journalctl -u sluis@web -g 'journal head' -n 2 -o cat)\"

There are two: the journal of the state directory says what was destroyed and which policy was in force, that of the keyring what
happened to its keys, by whichever pipeline or person. A pipeline file means both.

Each entry's hash covers all entries before it. Heads that are kept elsewhere (on paper, with the data protection officer, in another
system's log) prove later that nothing up to them was changed, cut or moved. `sluis run` says them from time to time, and the state's is
also in the file journal.head beside its journal.")]
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
        /// As the journal has them: one JSON object a line, the keyring's behind the state's
        #[arg(long)]
        json: bool,
    },
    /// Follow the chain from the first entry to the last, and say where it breaks; exit code 1 when it does
    Verify {
        #[command(flatten)]
        place: PlaceArgs,
        /// Heads that were kept elsewhere: `SEQ:HASH`, and `keyring SEQ:HASH` on another line
        #[arg(long, value_name = "HEADS")]
        head: Option<Anchored>,
    },
    /// Print where the journals end, to be kept elsewhere
    Head {
        #[command(flatten)]
        place: PlaceArgs,
    },
}

#[derive(Args)]
struct PlaceArgs {
    /// Pipeline file
    #[arg(required_unless_present_any = ["state", "keys"])]
    pipeline: Option<PathBuf>,
    /// The state directory, in place of a pipeline file
    #[arg(long, value_name = "DIR", conflicts_with = "pipeline")]
    state: Option<PathBuf>,
    /// The keyring's directory, in place of a pipeline file
    #[arg(long, value_name = "DIR", conflicts_with = "pipeline")]
    keys: Option<PathBuf>,
}

/// A journal that is asked for.
struct Asked {
    path: PathBuf,
    is_keyring: bool,
    /// What it is called where there are two.
    title: &'static str,
}

impl PlaceArgs {
    /// The journals that are meant.
    fn asked(&self) -> Result<Vec<Asked>, Failure> {
        let (state, keys) = match &self.pipeline {
            Some(pipeline) => {
                let plan = opened::pipeline(pipeline)?;
                // A keyring of before there were journals has none until something happens to it; a run begins one.
                let keys = plan.keys.filter(|keys| plan.state.is_none() || keys.join(FILE_NAME).exists());
                (plan.state, keys)
            }
            None => (self.state.clone(), self.keys.clone()),
        };
        let state = state.map(|directory| Asked {
            path: directory.join(FILE_NAME),
            is_keyring: false,
            title: "journal",
        });
        let keys = keys.map(|directory| Asked {
            path: directory.join(FILE_NAME),
            is_keyring: true,
            title: "keyring journal",
        });
        let asked: Vec<Asked> = state.into_iter().chain(keys).collect();
        if asked.is_empty() {
            return Err(Failure::usage(
                "the pipeline names neither 'state' nor 'keys', so that nothing is entered anywhere; write state = \"DIR\"",
            ));
        }
        Ok(asked)
    }
}

impl Asked {
    /// Follows the chain.
    fn verify(&self, head: Option<Head>, entry: impl FnMut(&[u8])) -> Result<Verified, Failure> {
        let file = File::open(&self.path).map_err(|error| {
            let kind = error.kind();
            Failure::usage(format!(
                "{}: cannot be opened ({kind}); check the path and its permissions",
                self.path.display()
            ))
        })?;
        verify(file, head, entry).map_err(|problem| {
            let code =
                if matches!(problem, VerifyError::Fault(_)) { exit::CHECK_FAILED } else { exit::USAGE };
            Failure { message: format!("{}: {problem}", self.path.display()), code }
        })
    }
}

/// Runs the command.
pub fn run(arguments: &JournalArgs) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Show { place, json } => show(&place.asked()?, *json),
        Command::Verify { place, head } => verify_all(&place.asked()?, head.unwrap_or_default()),
        Command::Head { place } => {
            for asked in place.asked()? {
                println!("{}", said(asked.verify(None, |_| {})?.head, asked.is_keyring));
            }
            Ok(exit::DONE)
        }
    }
}

fn verify_all(all: &[Asked], anchored: Anchored) -> Result<u8, Failure> {
    let is_alone = all.len() == 1;
    let mut used = Anchored::default();
    for asked in all {
        // One that is alone is meant by a head that does not say whose it is.
        let of_keyring = anchored.keyring.or(anchored.state.filter(|_| is_alone));
        let head = if asked.is_keyring { of_keyring } else { anchored.state };
        *(if asked.is_keyring { &mut used.keyring } else { &mut used.state }) = head;
        let title = if is_alone { String::new() } else { format!("{}: ", asked.title) };
        println!("{title}{}", verdict(&asked.verify(head, |_| {})?, asked.is_keyring));
    }
    if anchored.keyring.is_some() && used.keyring.is_none() {
        return Err(Failure {
            message: "a head of the keyring's journal was given, and there is none; give its directory by --keys, or find out who took it"
                .to_owned(),
            code: exit::CHECK_FAILED,
        });
    }
    Ok(exit::DONE)
}

fn verdict(verified: &Verified, is_keyring: bool) -> String {
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
    format!(
        "{} entries follow from each other; {tail}\nhead {}{torn}",
        thousands(head.seq),
        said(*head, is_keyring)
    )
}

fn show(all: &[Asked], json: bool) -> Result<u8, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written: io::Result<()> = Ok(());
    let mut verified = Ok(exit::DONE);
    for asked in all {
        if all.len() > 1 && !json && written.is_ok() {
            written = line(&mut out, asked.title.as_bytes());
        }
        let followed = asked.verify(None, |entry| {
            if written.is_ok() {
                written =
                    if json { line(&mut out, entry) } else { line(&mut out, for_people(entry).as_bytes()) };
            }
        });
        if let Err(failure) = followed {
            verified = Err(failure);
            break;
        }
    }
    // Whoever reads the first lines only has seen enough.
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::downstream(error.kind())),
        _ => verified,
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
