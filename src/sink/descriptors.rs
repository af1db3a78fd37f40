//! How many parts may be open: each is one descriptor of the process.
//!
//! *In*: how many parts each file sink can use. *Out*: how many it may have. *Promised*: all sinks together stay below the
//! limit of the process, with room for everything else. The soft limit, which stands at 1024 by custom, is raised as far
//! as is needed and the hard limit lets us; only what lies beyond is shared out. Nothing here waits in `select`, which a
//! descriptor above 1024 would break. *Not here*: which part closes when there are too many (`file`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything that is no open part: standard streams, sources, keyring, quarantine, a directory that is synced.
const OTHERS: u64 = 64;

/// Shares the descriptors of the process among file sinks of which each can use as many parts as `wanted` says.
pub fn share(wanted: &[usize]) -> Vec<usize> {
    let need = wanted.iter().map(|parts| *parts as u64).sum::<u64>() + OTHERS;
    shares(wanted, raised(need))
}

/// The soft limit after it was raised to `need`, or as near to it as we may.
fn raised(need: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (soft, hard) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    let wanted = need.min(hard);
    if soft < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok() {
        wanted
    } else {
        soft
    }
}

/// Every sink what it wants, or else its part of what `limit` leaves; at least one, without which it could write nothing.
fn shares(wanted: &[usize], limit: u64) -> Vec<usize> {
    let all: u64 = wanted.iter().map(|parts| *parts as u64).sum();
    let free = limit.saturating_sub(OTHERS).min(all);
    wanted.iter().map(|parts| (*parts as u64 * free / all.max(1)).max(1) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sink_gets_what_it_wants_or_its_share() {
        assert_eq!(shares(&[338, 338, 26], 1024), [338, 338, 26]);
        assert_eq!(shares(&[338, 338, 26], 702 + OTHERS), [338, 338, 26]);
        let tight = shares(&[300, 300, 30], 63 + OTHERS);
        assert_eq!(tight, [30, 30, 3]);
        assert_eq!(shares(&[338, 2], 20), [1, 1]);
        assert_eq!(shares(&[], 1024), [0; 0]);
    }

    #[test]
    fn the_limit_is_never_lowered() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert_eq!(raised(1), before);
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), before);
    }
}
