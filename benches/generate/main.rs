//! Writes synthetic server logs: the same bytes for the same arguments, on every machine.
//!
//! *In*: a few numbers on the command line. *Out*: log lines on standard output (or `--out`), and with `--canaries` a file
//! of planted identifiers, one a line, none of which may be in a cleaned log (`grep -F -f`). *Promised*: only the standard
//! library, no clock, no chance; addresses come from ranges that no visitor can have (RFC 2544, RFC 3849, RFC 6598 and
//! the unused 240.0.0.0/4), planted ones from the documentation ranges of RFC 5737. *Not here*: logs that try a parser;
//! those are the tests' work.
//!
//! ```text
//! generate --lines 2000000 > access.log
//! generate --lines 50000 --format json --now 1780000000 --canaries planted.txt > access.json
//! ```

#![allow(clippy::cast_precision_loss, reason = "chances need no 64 bits")]
#![allow(clippy::cast_sign_loss, reason = "logarithms of positive numbers, days of a month")]

mod plant;
mod random;
mod render;
mod visit;

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use plant::Planted;
use random::Random;
use render::Format;
use visit::{Visit, Visitors};

const USAGE: &str = "usage: generate --lines N [--format combined|vhost_combined|json|nginx-error|apache-error] \
[--seed N] [--now SECONDS] [--span SECONDS] [--clients N] [--canaries FILE] [--plant-every N] [--out FILE]";

/// What the command line asked for.
struct Wish {
    lines: u64,
    format: Format,
    seed: u64,
    /// The instant of the last line, in seconds since 1970.
    now: i64,
    /// Seconds between the first line and the last.
    span: i64,
    clients: u32,
    canaries: Option<String>,
    /// One line in this many carries a planted identifier (and each of the first few does, so that they can be shown).
    plant_every: u64,
    out: Option<String>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            lines: 1000,
            format: Format::Combined,
            seed: 1,
            now: 1_780_000_000,
            span: 20 * 3600,
            clients: 100_000,
            canaries: None,
            plant_every: 500,
            out: None,
        }
    }
}

fn main() -> ExitCode {
    match wish(std::env::args().skip(1)).and_then(|wish| generate(&wish)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn wish(mut arguments: impl Iterator<Item = String>) -> Result<Wish, Box<dyn Error>> {
    let mut wish = Wish::default();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--lines" => wish.lines = value.parse()?,
            "--format" => wish.format = Format::named(&value).ok_or("unknown --format")?,
            "--seed" => wish.seed = value.parse()?,
            "--now" => wish.now = value.parse()?,
            "--span" => wish.span = value.parse()?,
            "--clients" => wish.clients = value.parse::<u32>()?.max(1),
            "--canaries" => wish.canaries = Some(value),
            "--plant-every" => wish.plant_every = value.parse::<u64>()?.max(1),
            "--out" => wish.out = Some(value),
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    Ok(wish)
}

/// Large writes: at two million lines the system calls would otherwise cost more than the text.
const BUFFER_BYTES: usize = 1 << 20;

fn generate(wish: &Wish) -> Result<(), Box<dyn Error>> {
    let mut out: Box<dyn Write> = match &wish.out {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::stdout().lock()),
    };
    let mut canaries = match &wish.canaries {
        Some(path) => Some(io::BufWriter::new(File::create(path)?)),
        None => None,
    };
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + (1 << 14));
    let mut random = Random::new(wish.seed);
    let visitors = Visitors::new(wish.clients);
    let mut visit = Visit::default();
    let mut planted = Planted::default();

    for line in 0..wish.lines {
        let age = wish.span - wish.span * line.cast_signed() / wish.lines.cast_signed().max(1);
        visit.draw(&mut random, &visitors, wish.now - age);
        if canaries.is_some() && (line < plant::PLACES || line % wish.plant_every == 0) {
            plant::plant(&mut visit, &mut random, wish.format, &mut planted);
        }
        wish.format.render(&visit, &mut random, &mut buffer);
        if buffer.len() >= BUFFER_BYTES {
            out.write_all(&buffer)?;
            buffer.clear();
            if let Some(file) = &mut canaries {
                planted.drain_into(file)?;
            }
        }
    }
    out.write_all(&buffer)?;
    out.flush()?;
    if let Some(mut file) = canaries {
        planted.drain_into(&mut file)?;
        file.flush()?;
        eprintln!("generate: {} identifiers planted", planted.count());
    }
    Ok(())
}
