//! What several commands open in the same way: policies, keyrings, the clock, the signals.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use super::exit::Failure;
use crate::config;
use crate::keys::Keys;
use crate::policy::class::Policy;
use crate::record::timestamp::Timestamp;

/// Reads a policy file, saying every problem at once; `None` is the built-in policy.
pub fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else { return config::builtin().map_err(Failure::usage) };
    let text = read(path)?;
    let (policy, warnings) = config::policy_from_str(&text, &path.display().to_string()).map_err(Failure::usage)?;
    for warning in warnings {
        anstream::eprintln!("sluis: warning: {warning}");
    }
    Ok(policy)
}

/// Reads a text file of ours.
pub fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("{}: cannot be read ({}); check the path and its permissions", path.display(), error.kind()))
    })
}

/// Opens the keyring for the policy's domains; without one, a random key for this run, said on standard error.
pub fn keys(dir: Option<&Path>, policy: &Policy, now: Timestamp) -> Result<Arc<Keys>, Failure> {
    match dir {
        Some(dir) => Keys::open(dir, &policy.domains, now).map(Arc::new).map_err(Failure::usage),
        None => {
            anstream::eprintln!(
                "sluis: no --keys given: tokens use a random key of this run and match those of no other run"
            );
            Keys::ephemeral(&policy.domains).map(Arc::new).map_err(Failure::usage)
        }
    }
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
            .map_err(|error| Failure::usage(format!("signal handlers cannot be installed: {}", error.kind())))?;
    }
    Ok(stop)
}

/// Worker threads when none are asked for: one per core, at most four, since one already keeps up with most disks.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}
