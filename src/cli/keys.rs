//! `sluis keys`: make a keyring, look at it, forget on schedule, and share it with other nodes.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use super::keys_read::{self, ReadKeyArgs};
use crate::config::units;
use crate::keys::{self, ChainFacts, KeyError, KeyEvent, RenewFrom, Storage, harden, secret};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::KeyJournal;

/// The most bytes of sealed chains that are read.
const SEALED_BYTES_MAX: u64 = 2 << 20;

/// Arguments of `sluis keys`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sluis keys init --keys /var/lib/sluis/keys --domain meeting --retention 14d
  sluis keys init --keys /var/lib/sluis/keys --class web --retention 14d
  sluis keys init --keys /var/lib/sluis/keys --class web --retention 14d --stage 1   # after a stage that begins at 7d
  sluis keys list --keys /var/lib/sluis/keys
  sluis keys advance --keys /var/lib/sluis/keys
  sluis keys renew --keys /var/lib/sluis/keys --from 2026-11-21
  sluis keys export --keys /var/lib/sluis/keys --to age1… |
      ssh node2 sluis keys import --keys /var/lib/sluis/keys --identity node2.key --from -

Each change is entered in the keyring's own journal before it is made: sluis journal show --keys DIR.

A copy of the directory in a backup, snapshot, image or cluster secret keeps keys
beyond their deadline, and so does a sealed export: Sluis cannot reach them.";

const READ_EXAMPLES: &str = "\
Examples:
  sluis keys read-key web 2026-12-05T09-00-00Z.14d.4711-3.ndjson.zst.age --keys keys --for age > key.txt
  age -d -i key.txt 2026-12-05T09-00-00Z.14d.4711-3.ndjson.zst.age | zstd -dc
  sluis keys read-key web 2026-11-21T09:30Z --keys keys

The key reads every part of its epoch, and every copy of them, for as long as somebody keeps it: destroy it by the deadline.
Who was given which key is entered in the keyring's journal as `key.read`. A key that is due, or of an epoch to come, is refused.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a keyring, or add domains and storages to one
    #[command(
        after_help = "Examples:\n  sluis keys init --keys keys --domain meeting --epoch 1d --retention 14d\n  sluis keys init --keys keys --class web --retention 14d"
    )]
    Init(InitArgs),
    /// Show every chain: epochs, dates, and when the oldest key dies
    List(DirArgs),
    /// Destroy every key that is due
    Advance(DirArgs),
    /// Seal the living chains to an age recipient, for another node
    #[command(after_help = "Example:\n  sluis keys export --keys keys --to age1… --output node2.age")]
    Export(ExportArgs),
    /// Open sealed chains and take them over
    #[command(after_help = "Example:\n  sluis keys import --keys keys --identity node2.key --from node2.age")]
    Import(ImportArgs),
    /// Print the key that reads what is stored of a class in one storage epoch
    #[command(after_help = READ_EXAMPLES)]
    ReadKey(ReadKeyArgs),
    /// Begin fresh random chains at a coming epoch: after a leak, or for another epoch length
    #[command(
        after_help = "Examples:\n  sluis keys renew --keys keys\n  sluis keys renew --keys keys --domain meeting --epoch 12h --from 2026-11-21"
    )]
    Renew(RenewArgs),
}

#[derive(Args, Debug)]
struct DirArgs {
    /// The keyring's directory, of mode 0700
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
}

#[derive(Args, Debug)]
struct InitArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// A pseudonymisation domain; may be given several times
    #[arg(long = "domain", value_name = "NAME", required_unless_present = "classes")]
    domains: Vec<String>,
    /// A class whose sinks encrypt what they store; may be given several times. Its epochs are an hour, or a
    /// twenty-fourth of the retention if that is less
    #[arg(long = "class", value_name = "NAME")]
    classes: Vec<String>,
    /// The stage that the classes' chains are for: 0 as records arrive, 1 after the first stage of the policy. The retention is then the age at
    /// which that stage ends
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "classes")]
    stage: u32,
    /// Length of a domain's epoch: tokens compare only within one
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = duration)]
    epoch: u64,
    /// The longest retention of the domain's classes: keys live so long after their epoch. Of a class its own: what is
    /// stored, and its key, live so long after the epoch's beginning, less a margin of two minutes at most
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    retention: u64,
}

#[derive(Args, Debug)]
struct ExportArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The age public key of the node (`age1…`)
    #[arg(long, value_name = "RECIPIENT")]
    to: String,
    /// Where the sealed chains go; a new file. Left out: standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ImportArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The age identity file of this node
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// The sealed chains; `-` is standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
}

#[derive(Args, Debug)]
struct RenewArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// A domain to renew, or what is stored of a class, as `sluis keys list` calls it; may be given several times. Left out: all
    #[arg(long = "domain", value_name = "NAME")]
    domains: Vec<String>,
    /// The first epoch of the fresh chains: its number, a date, an instant in UTC, or `next`
    #[arg(long, value_name = "EPOCH", default_value = "next", value_parser = from)]
    from: RenewFrom,
    /// Another length of epochs
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    epoch: Option<u64>,
}

/// Runs `sluis keys`. Errors are of usage or configuration: exit code 2.
pub fn run(args: &KeysArgs) -> Result<u8, KeyError> {
    harden::make_undumpable();
    let now = now();
    match &args.command {
        Command::Init(args) => {
            let ledger = KeyJournal::of(&args.dir.keys);
            let (epoch, retention) = (args.epoch, args.retention);
            let domains: Vec<_> = args.domains.iter().map(|name| (name.as_str(), epoch, retention)).collect();
            let storage = |class: &String| Storage { stage: args.stage, ..Storage::of(class, retention) };
            let storages: Vec<_> = args.classes.iter().map(storage).collect();
            let events = keys::admin::init_all(&args.dir.keys, &domains, &storages, now, &ledger)?;
            say(&events, "nothing to do: these domains and storages are there")?;
        }
        Command::List(args) => print(&table(&keys::list(&args.keys, now)?, now))?,
        Command::Advance(args) => {
            let events = keys::advance(&args.keys, now, &KeyJournal::of(&args.keys))?;
            say(&events, "nothing to do: no key is due")?;
        }
        Command::Export(args) => export(args, now)?,
        Command::ReadKey(args) => {
            let (text, events) = keys_read::run(args, now)?;
            print(&text)?;
            for event in &events {
                note(&event.to_string());
            }
        }
        Command::Import(args) => {
            let identity = open(&args.identity)?;
            let sealed = read_sealed(&args.from)?;
            let ledger = KeyJournal::of(&args.dir.keys);
            let events = keys::import(&args.dir.keys, &sealed, BufReader::new(identity), now, &ledger)?;
            say(&events, "nothing to do: these chains are there")?;
        }
        Command::Renew(args) => {
            let (dir, ledger) = (&args.dir.keys, KeyJournal::of(&args.dir.keys));
            let events = keys::renew(dir, &args.domains, args.from, args.epoch, now, &ledger)?;
            say(&events, "nothing to do")?;
        }
    }
    if secret::take_lock_refused() {
        note(
            "key pages could not be locked and may reach swap: raise the limit of locked memory (`ulimit -l`)",
        );
    }
    Ok(0)
}

fn export(args: &ExportArgs, now: Timestamp) -> Result<(), KeyError> {
    if args.output.is_none() && io::stdout().is_terminal() {
        return Err(KeyError::Seal("sealed chains are not text: use --output FILE, or a pipe"));
    }
    let (sealed, events) = keys::export(&args.dir.keys, &args.to, now, &KeyJournal::of(&args.dir.keys))?;
    match &args.output {
        None => io::stdout().lock().write_all(&sealed).map_err(|error| output(&error))?,
        Some(path) => {
            let failed = |source| disk(path, "cannot be written (it must not exist)", source);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let mut file = file.map_err(failed)?;
            file.write_all(&sealed).and_then(|()| file.sync_all()).map_err(failed)?;
        }
    }
    for event in &events {
        note(&event.to_string());
    }
    Ok(())
}

/// The table of `list`.
fn table(facts: &[ChainFacts], now: Timestamp) -> String {
    let head = [
        "domain or storage",
        "epoch",
        "oldest key",
        "since",
        "retention",
        "oldest key dies",
        "current epoch",
        "",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for fact in facts {
        let end = match fact.until {
            Some(until) => format!("ends before epoch {until}"),
            None if fact.first_start > now => "not begun".to_owned(),
            None => String::new(),
        };
        rows.push([
            fact.domain.clone(),
            in_words(fact.epoch_seconds),
            fact.first_epoch.to_string(),
            date(fact.first_start),
            in_words(fact.retention_seconds),
            date(fact.first_dies),
            fact.current.clone().unwrap_or_else(|| "-".to_owned()),
            end,
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A length of time as a policy writes it.
fn duration(text: &str) -> Result<u64, String> {
    match units::seconds(text) {
        Ok(0) => Err("it is no time at all; write a longer one, such as 14d".to_owned()),
        Ok(seconds) => Ok(seconds),
        Err(remedy) => Err(format!("it {remedy}")),
    }
}

/// The reverse of [`duration`], in the largest unit that fits.
fn in_words(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let (factor, unit) =
        units.into_iter().find(|(factor, _)| seconds.is_multiple_of(*factor)).unwrap_or((1, 's'));
    format!("{}{unit}", seconds / factor)
}

/// The start of a renewal.
fn from(text: &str) -> Result<RenewFrom, String> {
    if text == "next" {
        return Ok(RenewFrom::Next);
    }
    if let Ok(epoch) = text.parse() {
        return Ok(RenewFrom::Epoch(epoch));
    }
    let midnight = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10);
    let instant = match midnight {
        Some(date) => date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()),
        None => text.parse::<jiff::Timestamp>(),
    };
    instant.map(|instant| RenewFrom::Instant(Timestamp(instant.as_microsecond()))).map_err(|_| {
        "an epoch is a number, a date (2026-11-21), an instant (2026-11-21T12:00Z) or `next`".to_owned()
    })
}

/// An instant in UTC: the date alone where a day begins.
fn date(instant: Timestamp) -> String {
    let Ok(instant) = jiff::Timestamp::from_microsecond(instant.0) else { return "-".to_owned() };
    let zoned = instant.to_zoned(jiff::tz::TimeZone::UTC);
    let day = zoned.time() == jiff::civil::Time::midnight();
    zoned.strftime(if day { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" }).to_string()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Prints what happened, or that nothing did.
fn say(events: &[KeyEvent], nothing: &str) -> Result<(), KeyError> {
    if events.is_empty() {
        return print(&format!("{nothing}\n"));
    }
    let mut text = String::new();
    for event in events {
        let _ = writeln!(text, "{event}");
    }
    print(&text)
}

fn print(text: &str) -> Result<(), KeyError> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| output(&error))
}

/// Says something beside the output; a standard error that is closed loses it.
fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "sluis: {text}");
}

fn open(path: &Path) -> Result<File, KeyError> {
    File::open(path).map_err(|source| disk(path, "cannot be opened", source))
}

fn read_sealed(path: &Path) -> Result<Vec<u8>, KeyError> {
    let mut sealed = Vec::new();
    let mut read = |input: &mut dyn Read| input.take(SEALED_BYTES_MAX).read_to_end(&mut sealed);
    let done = if path == Path::new("-") { read(&mut io::stdin().lock()) } else { read(&mut open(path)?) };
    done.map_err(|source| disk(path, "cannot be read", source))?;
    Ok(sealed)
}

fn disk(path: &Path, doing: &'static str, source: io::Error) -> KeyError {
    KeyError::Disk { path: path.to_owned(), doing, source }
}

fn output(error: &io::Error) -> KeyError {
    disk(Path::new("standard output"), "cannot be written", error.kind().into())
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
