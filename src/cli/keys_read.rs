//! `sluis keys read-key`: the key of one class and storage epoch, for a person who reads what is stored.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::config::units;
use crate::keys::{self, KeyError, KeyEvent, Storage, StorageKey, StorageUse};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::KeyJournal;
use crate::retention::part_name::PartName;
use crate::sink::sealed::age_identity;

#[derive(Args, Debug)]
pub struct ReadKeyArgs {
    /// The keyring's directory, of mode 0700
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The class
    class: String,
    /// The storage epoch: its number, an instant of its records (2026-11-21T12:30Z), or the name of one of its parts
    epoch: String,
    /// The retention that the chain is for, where the class has several and no part is named
    #[arg(long, value_name = "DURATION", value_parser = units::seconds)]
    retention: Option<u64>,
    /// The stage, where no part is named: 0 as records arrive, 1 after the first stage of their class
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    stage: u32,
    /// Print this key alone: as a file that `age -i` reads, or as the text that `add_parquet_key` takes
    #[arg(long = "for", value_enum, value_name = "FORMAT")]
    form: Option<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// An identity of age, for rolling files
    Age,
    /// 256 bits in base64, for Parquet
    Parquet,
}

/// What the second argument names.
enum Named {
    Epoch(u64),
    Instant(Timestamp),
    Part { deadline: Timestamp, retention_seconds: u64, stage: u32 },
}

/// The text to be printed, and what happened.
pub fn run(args: &ReadKeyArgs, now: Timestamp) -> Result<(Zeroizing<String>, Vec<KeyEvent>), KeyError> {
    let named = named(&args.epoch).ok_or_else(|| refused(args, EPOCH.to_owned()))?;
    let (retention_seconds, stage) = match named {
        Named::Part { retention_seconds, stage, .. } => (retention_seconds, stage),
        _ => (retention(args, now)?, args.stage),
    };
    let storage = Storage { class: args.class.clone(), stage, retention_seconds };
    let epoch = match named {
        Named::Epoch(epoch) => epoch,
        Named::Instant(instant) => storage.epoch_of(instant),
        Named::Part { deadline, .. } => storage.epoch_of_deadline(deadline),
    };
    let ledger = KeyJournal::of(&args.keys);
    let (key, events) = keys::read_key(&args.keys, &storage, epoch, now, &ledger)?;
    Ok((text(&storage, &key, args.form), events))
}

/// What is said of an argument that names no epoch.
const EPOCH: &str = "an epoch is a number, an instant (2026-11-21T12:30Z), or the name of a part";

fn named(text: &str) -> Option<Named> {
    if let Ok(epoch) = text.parse() {
        return Some(Named::Epoch(epoch));
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Named::Instant(Timestamp(instant.as_microsecond())));
    }
    let part = PartName::read(Path::new(text).file_name()?.to_str()?)?;
    let PartName { deadline, retention_seconds, stage, .. } = part;
    Some(Named::Part { deadline, retention_seconds: retention_seconds?, stage })
}

/// The retention of the one chain that the class has, or that was asked for.
fn retention(args: &ReadKeyArgs, now: Timestamp) -> Result<u64, KeyError> {
    if let Some(retention) = args.retention {
        return Ok(retention);
    }
    let of_class =
        |retention_seconds| Storage { class: args.class.clone(), stage: args.stage, retention_seconds };
    let mut found: Vec<u64> = keys::list(&args.keys, now)?
        .iter()
        .filter(|fact| fact.domain == of_class(fact.retention_seconds).to_string())
        .map(|fact| fact.retention_seconds)
        .collect();
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [one] => Ok(one),
        [] => Err(refused(args, "the keyring has no chain for what is stored of it; see `sluis keys list`".to_owned())),
        _ => Err(refused(
            args,
            "it was stored under several retentions; add --retention, or give the name of a part instead of the epoch".to_owned(),
        )),
    }
}

fn refused(args: &ReadKeyArgs, problem: String) -> KeyError {
    KeyError::Domain { domain: format!("storage/{}", args.class), problem }
}

/// What is printed. Never grows, so that no part of it stays behind.
fn text(storage: &Storage, key: &StorageKey, form: Option<Form>) -> Zeroizing<String> {
    let epoch = key.epoch();
    let mut text = Zeroizing::new(String::with_capacity(512));
    let age = |text: &mut String| text.push_str(&age_identity(key));
    let parquet = |text: &mut String| {
        // For whoever reads what is stored, with a standard reader.
        let secret = key.expose_for(StorageUse::Parquet);
        BASE64_STANDARD.encode_string(secret.as_slice(), text);
    };
    match form {
        Some(Form::Age) => {
            // Lines that begin so are comments of an identity file.
            let _ = writeln!(
                text,
                "# {storage}, epoch {epoch}: records from {}; destroy this file by {}",
                storage.start_of(epoch),
                storage.deadline_of(epoch)
            );
            age(&mut text);
        }
        Some(Form::Parquet) => parquet(&mut text),
        None => {
            text.push_str("age      ");
            age(&mut text);
            text.push_str("\nparquet  ");
            parquet(&mut text);
        }
    }
    text.push('\n');
    text
}
