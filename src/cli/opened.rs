//! What several commands open in the same way: policies, pipelines, keyrings, sources, the clock, the signals.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use super::exit::Failure;
use super::said;
use crate::config;
use crate::config::plan::{Plan, SourceKind, SourcePlan};
use crate::keys::{Keys, secret};
use crate::pipeline::checkpoint::Saved;
use crate::policy::class::{Domain, Policy};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::KeyJournal;
use crate::source::follow::{Follow, Until};
use crate::source::ledger::{Ledger, PrintKey};
use crate::source::stdin::Stdin;
use crate::source::{Bounds, Clock, Source, SourceError};

/// Reads a policy file, saying every problem at once; `None` is the built-in policy.
pub fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else { return config::builtin().map_err(Failure::usage) };
    let text = read(path)?;
    let (policy, warnings) =
        config::policy_from_str(&text, &path.display().to_string()).map_err(Failure::usage)?;
    for warning in warnings {
        said::note(warning.to_string());
    }
    Ok(policy)
}

/// Reads a text file of ours.
pub fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "{}: cannot be read ({}); check the path and its permissions",
            path.display(),
            error.kind()
        ))
    })
}

/// Opens the keyring for a policy's domains, saying what was destroyed. What happens to its keys is entered in its journal first.
pub fn keys(dir: &Path, domains: &[Domain], now: Timestamp) -> Result<Keys, Failure> {
    let journal = KeyJournal::of(dir);
    let (keys, events) = Keys::open(dir, domains, now, Box::new(journal.clone())).map_err(Failure::usage)?;
    // A keyring of before there were journals gets one. Where that fails nothing can be changed, and the first change says so.
    let _ = journal.begin(now);
    for event in &events {
        said::note(event.to_string());
    }
    if secret::take_lock_refused() {
        said::warning("key pages could not be locked in memory and may be swapped; raise RLIMIT_MEMLOCK");
    }
    Ok(keys)
}

/// Reads a pipeline file and its policy, saying every problem of both at once.
pub fn pipeline(path: &Path) -> Result<Plan, Failure> {
    let text = read(path)?;
    let load = |path: &Path| std::fs::read_to_string(path);
    let (plan, warnings) =
        config::pipeline_from_str(&text, &path.display().to_string(), &load).map_err(Failure::usage)?;
    for warning in warnings {
        said::note(warning.to_string());
    }
    Ok(plan)
}

/// Opens the sources of a plan, in its order. Those of files go on from the positions of their ledgers, which come back with them.
pub fn sources(
    plan: &Plan,
    until: Until,
    saved: Option<&Saved>,
    clock: &Clock,
) -> Result<Vec<Opened>, Failure> {
    let open = |planned: &SourcePlan| -> Result<Opened, Failure> {
        let bounds = Bounds {
            batch_bytes: plan.batch_bytes,
            record_bytes_max: planned.record_bytes_max,
            ..Bounds::default()
        };
        let clock = Arc::clone(clock);
        let fault = |error: SourceError| Failure::downstream(format!("source {}: {error}", planned.name));
        match &planned.kind {
            SourceKind::Stdin => {
                let source = Stdin::open(bounds, clock).map_err(fault)?;
                Ok((Box::new(source) as Box<dyn Source>, None))
            }
            SourceKind::File { pattern, rotated, .. } => {
                let ledger = match (saved, &plan.state) {
                    (Some(saved), Some(state)) => {
                        saved.ledger(&planned.name, state).map_err(Failure::downstream)?
                    }
                    // Without a state every run begins anew.
                    _ => Arc::new(Ledger::new(PrintKey::random().map_err(|error| {
                        Failure::downstream(format!("the system has no random bytes ({})", error.kind()))
                    })?)),
                };
                let around = (bounds, clock);
                let source = Follow::open(pattern, rotated.as_deref(), until, around, Arc::clone(&ledger));
                Ok((Box::new(source.map_err(fault)?), Some((planned.name.clone(), ledger))))
            }
            // Lanes read it themselves.
            SourceKind::Kafka(_) => Err(Failure::usage(format!(
                "source {}: a pipeline that reads from Kafka reads from nothing else",
                planned.name
            ))),
        }
    };
    plan.sources.iter().map(open).collect()
}

/// A source, and the ledger of one that reads files, with its name.
pub type Opened = (Box<dyn Source>, Option<(String, Arc<Ledger>)>);

/// The time, UTC.
pub fn now() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        Err(before) => Timestamp(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
    }
}

/// Reads `--as-of`.
pub fn as_of(text: &str) -> Result<Timestamp, String> {
    text.parse::<jiff::Timestamp>()
        .map(|time| Timestamp(time.as_microsecond()))
        .map_err(|_| "not a time; write it as 2026-11-21T10:00:00Z".to_owned())
}

/// A flag that SIGTERM and SIGINT set; a second signal ends the program at once.
pub fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| {
                Failure::usage(format!("signal handlers cannot be installed: {}", error.kind()))
            })?;
    }
    Ok(stop)
}

/// Worker threads when none are asked for: one per core, at most four, since one already keeps up with most disks.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}
