//! Watches for lanes that do not come back: calls of the client can wait for ever in some states of a cluster.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Around;
use super::event::LaneEvent;

/// A lane that has not moved for so long hangs: longer than any sequence of calls between two beats may take.
const HUNG: Duration = Duration::from_secs(75);

const LOOK: Duration = Duration::from_millis(200);

/// When a lane last moved.
#[derive(Default)]
pub struct Beat(AtomicU64);

impl Beat {
    /// It moves now.
    pub fn now(&self) {
        self.0.store(millis(), Ordering::Relaxed);
    }

    /// It has ended, and moves no more.
    pub fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            at => Duration::from_millis(millis().saturating_sub(at)),
        }
    }
}

/// Milliseconds since the first call: monotonic, and at rest while the machine is suspended.
fn millis() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1
}

/// Looks at the beats until it is over. A lane that hangs is said, and lanes that do not stop in time: with them the process ends.
pub(super) fn watch(beats: &[Beat], drain: Duration, is_over: &AtomicBool, around: &Around<'_>) {
    let mut stopped: Option<Instant> = None;
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
        for (lane, beat) in beats.iter().enumerate() {
            let age = beat.age();
            if age > HUNG {
                around.events.tell(LaneEvent::Hung { lane, seconds: age.as_secs() });
                return;
            }
        }
        if around.stop.load(Ordering::Relaxed) && stopped.get_or_insert_with(Instant::now).elapsed() > drain {
            around.events.tell(LaneEvent::Overdue { seconds: drain.as_secs() });
            return;
        }
    }
}
