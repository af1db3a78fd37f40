//! Keys that die while a run goes on are destroyed while it goes on (PI-5), and so is what it stored (PI-4).
//!
//! A pipe can be read for months. A thread of its own asks keyring and stores what is due, at least once a minute: it may have to
//! wait for locks and for the disk, and no worker should.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::said;
use super::upkeep::Upkeep;
use crate::keys::Keys;
use crate::record::timestamp::Timestamp;

/// How often the keyring is asked: a key outlives its death by no more, and by what a worker needs to let go of it.
const EVERY: Duration = Duration::from_mins(1);

/// Runs `run`, and keeps `keys` and what was stored on schedule meanwhile. While `paused`, the clock is not to be trusted, and nothing
/// is destroyed.
pub fn keeping<T>(
    keys: &Keys,
    upkeep: Option<Upkeep>,
    clock: &(dyn Fn() -> Timestamp + Sync),
    paused: &AtomicBool,
    run: impl FnOnce() -> T,
) -> T {
    // The keys of one run end with it.
    if keys.is_ephemeral() && upkeep.is_none() {
        return run();
    }
    let every = upkeep.as_ref().map_or(EVERY, |upkeep| upkeep.every().min(EVERY));
    keeping_every(every, keys, upkeep, clock, paused, run)
}

fn keeping_every<T>(
    every: Duration,
    keys: &Keys,
    mut upkeep: Option<Upkeep>,
    clock: &(dyn Fn() -> Timestamp + Sync),
    paused: &AtomicBool,
    run: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let (running, ended) = mpsc::channel::<()>();
        let (merging_too, merging_ended) = mpsc::channel::<()>();
        if let Some(merging) = upkeep.as_mut().and_then(Upkeep::merging) {
            scope.spawn(move || merging.run(clock, paused, &merging_ended));
        }
        scope.spawn(move || {
            let mut said = String::new();
            loop {
                let is_over = ended.recv_timeout(every) != Err(RecvTimeoutError::Timeout);
                // At the end once more: a run that is short has kept its stores, too.
                if let Some(upkeep) = &mut upkeep {
                    upkeep.sweep(clock());
                    if is_over {
                        upkeep.end(clock());
                    }
                }
                if is_over {
                    break;
                }
                // The clock first: it may find only now that it jumped.
                let now = clock();
                if !keys.is_ephemeral() && !paused.load(Ordering::Acquire) {
                    advance(keys, now, &mut said);
                }
            }
        });
        let result = run();
        drop((running, merging_too));
        result
    })
}

/// Destroys what is due and says so. A trouble that stays is said once: dead keys are refused meanwhile.
fn advance(keys: &Keys, now: Timestamp, said: &mut String) {
    match keys.advance(now) {
        Ok(events) => {
            said.clear();
            for event in events {
                said::note(event.to_string());
            }
        }
        Err(error) => {
            let problem = error.to_string();
            if problem != *said {
                said::warning(format!("keys that are due were not destroyed in the keyring: {problem}"));
                *said = problem;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::policy::class::Domain;
    use crate::retention::journal::KeyJournal;

    const DAY: i64 = 86_400;
    const NOW: Timestamp = Timestamp::from_seconds(20_000 * DAY);

    #[test]
    fn a_key_that_dies_during_a_run_is_destroyed_in_memory_and_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        let domain = Domain { name: "web".to_owned(), epoch_seconds: 86_400, retention_seconds: 86_400 };
        let journal = KeyJournal::of(&dir);
        let _ = crate::keys::admin::init(&dir, &[("web", 86_400, 86_400)], NOW, &journal).unwrap();
        let (keys, _) = Keys::open(&dir, std::slice::from_ref(&domain), NOW, Box::new(journal)).unwrap();
        let (epoch, generation) = (keys.epoch_of(0, NOW), keys.generation());
        assert!(keys.epoch_keys(0, epoch, NOW).is_ok());
        // The epoch ends after a day, and its last record a day later.
        let later = NOW.plus_seconds(3 * DAY);
        keeping_every(Duration::from_millis(5), &keys, None, &|| later, &AtomicBool::new(false), || {
            let patience = Instant::now();
            while keys.generation() == generation && patience.elapsed() < Duration::from_secs(20) {
                thread::sleep(Duration::from_millis(5));
            }
        });
        assert_ne!(keys.generation(), generation, "workers are told");
        // Asked as at the time before, what is destroyed stays so: in this process, and in the file for the next.
        assert!(keys.epoch_keys(0, epoch, NOW).is_err());
        let again = Keys::open_read_only(&dir, std::slice::from_ref(&domain), NOW).unwrap();
        assert!(again.epoch_keys(0, epoch, NOW).is_err());
    }
}
