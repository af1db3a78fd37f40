//! Writes the logs of one evening on a Jitsi server; see [`evening`].
//!
//! ```text
//! evening --rooms 30 --participants 600 --start 2026-11-21T18:00:00Z --out target/demo/meet
//! ```

#[path = "mod.rs"]
mod evening;

use std::error::Error;
use std::process::ExitCode;

use evening::Wish;

const USAGE: &str = "\
usage: evening --start RFC3339 --out DIRECTORY [--rooms N] [--participants N] [--span SECONDS] [--seed N]

Writes access.log, error.log, prosody.log, jicofo.log and jvb.log of one evening of meetings into DIRECTORY; secrets.tsv, kind
and value of all that must not be in a cleaned log; and fault.tsv, the same of a participant whose connection fails.
Without more it is 30 rooms, 600 participants and three hours. The same arguments give the same bytes.";

fn main() -> ExitCode {
    if std::env::args().skip(1).any(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match wish(std::env::args().skip(1)).and_then(|wish| evening::evening(&wish)) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("evening: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn wish(mut arguments: impl Iterator<Item = String>) -> Result<Wish, Box<dyn Error>> {
    let (mut start, mut out) = (None, None);
    let (mut rooms, mut participants, mut seed, mut span) = (30, 600, 1, 3 * 3600);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--rooms" => rooms = value.parse::<u64>()?.max(1),
            "--participants" => participants = value.parse()?,
            "--seed" => seed = value.parse()?,
            "--span" => span = value.parse::<u32>()?.max(600).into(),
            "--start" => start = Some(value.parse::<jiff::Timestamp>()?.as_second()),
            "--out" => out = Some(value.into()),
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    let start = start.ok_or("--start is missing")?;
    let out = out.ok_or("--out is missing")?;
    Ok(Wish { rooms, participants, seed, start, span, out })
}
