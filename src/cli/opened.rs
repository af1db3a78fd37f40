//! What several commands open in the same way: policies, pipelines, keyrings, sources, the clock, the signals.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use super::exit::Failure;
use crate::config;
use crate::config::plan::{Plan, SourceKind, SourcePlan};
use crate::keys::{KeyEvent, Keys, secret};
use crate::policy::class::{Domain, Policy};
use crate::record::timestamp::Timestamp;
use crate::source::file::Files;
use crate::source::stdin::Stdin;
use crate::source::{Bounds, Clock, Source, SourceError};

/// Reads a policy file, saying every problem at once; `None` is the built-in policy.
pub fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else { return config::builtin().map_err(Failure::usage) };
    let text = read(path)?;
    let (policy, warnings) =
        config::policy_from_str(&text, &path.display().to_string()).map_err(Failure::usage)?;
    for warning in warnings {
        anstream::eprintln!("sluis: {warning}");
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

/// Opens the keyring for a policy's domains, saying what was destroyed.
pub fn keys(dir: &Path, domains: &[Domain], now: Timestamp) -> Result<Keys, Failure> {
    keys_and_events(dir, domains, now).map(|(keys, _)| keys)
}

/// As [`keys`], with what happened to keys when the keyring was opened.
pub fn keys_and_events(
    dir: &Path,
    domains: &[Domain],
    now: Timestamp,
) -> Result<(Keys, Vec<KeyEvent>), Failure> {
    let (keys, events) = Keys::open(dir, domains, now).map_err(Failure::usage)?;
    for event in &events {
        anstream::eprintln!("sluis: {event}");
    }
    if secret::take_lock_refused() {
        anstream::eprintln!(
            "sluis: warning: key pages could not be locked in memory and may be swapped; raise RLIMIT_MEMLOCK"
        );
    }
    Ok((keys, events))
}

/// Reads a pipeline file and its policy, saying every problem of both at once.
pub fn pipeline(path: &Path) -> Result<Plan, Failure> {
    let text = read(path)?;
    let load = |path: &Path| std::fs::read_to_string(path);
    let (plan, warnings) =
        config::pipeline_from_str(&text, &path.display().to_string(), &load).map_err(Failure::usage)?;
    for warning in warnings {
        anstream::eprintln!("sluis: {warning}");
    }
    Ok(plan)
}

/// Opens the sources of a plan, in its order.
pub fn sources(plan: &Plan, clock: &Clock) -> Result<Vec<Box<dyn Source>>, Failure> {
    let open = |planned: &SourcePlan| -> Result<Box<dyn Source>, Failure> {
        let bounds = Bounds {
            batch_bytes: plan.batch_bytes,
            record_bytes_max: planned.record_bytes_max,
            ..Bounds::default()
        };
        let clock = Arc::clone(clock);
        let opened: Result<Box<dyn Source>, SourceError> = match &planned.kind {
            SourceKind::Stdin => Stdin::open(bounds, clock).map(|source| Box::new(source) as _),
            SourceKind::File { pattern } => {
                Files::open(pattern, bounds, clock).map(|source| Box::new(source) as _)
            }
        };
        opened.map_err(|error| Failure::downstream(format!("source {}: {error}", planned.name)))
    };
    plan.sources.iter().map(open).collect()
}

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
