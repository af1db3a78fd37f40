//! The clock of a run: the wall clock while it can be trusted, and after a jump the time that it would be without.
//!
//! *In*: readings of the wall clock and of the time since boot. *Out*: the time, and whether it is the wall clock's. *Promised*: a jump
//! is seen by the first call after it, and neither that call nor any later one gives the time that the clock jumped to: what is in
//! flight is judged by a sound time, nothing is withheld, expired or destroyed because of a bad one; while the clock agrees no lock
//! is taken. *Not here*: what is a jump (`retention::clock`), what is said and written about it, and when a pause ends (`watch`).

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::opened;
use crate::record::timestamp::{MICROS, Timestamp};
use crate::retention::clock::{Distrust, Reading};

/// How far apart the two clocks may be read, and how often it is tried: a process that is halted in between would see a jump.
const TOGETHER_MICROS: i64 = MICROS;
const TRIES: usize = 3;

/// Reads both clocks.
pub type Read = Box<dyn Fn() -> Reading + Send + Sync>;

/// See the module comment.
pub struct TrustedClock {
    read: Read,
    /// The base: by how much the wall clock is ahead of the time since boot, which is all that tells what is expected, and when that was
    /// found. Only who holds `distrust` writes them; a call that reads one of the old base and one of the new is not misled.
    ahead: AtomicI64,
    since_boot: AtomicI64,
    paused: AtomicBool,
    /// Why, while paused.
    distrust: Mutex<Option<Distrust>>,
}

impl TrustedClock {
    /// Trusts the wall clock as far as it agrees with `base`, or as it is now where nothing is known.
    pub fn new(read: Read, base: Option<Reading>) -> Self {
        let base = base.unwrap_or_else(&read);
        Self {
            read,
            ahead: AtomicI64::new(ahead(base)),
            since_boot: AtomicI64::new(base.since_boot),
            paused: AtomicBool::new(false),
            distrust: Mutex::new(None),
        }
    }

    /// The time, UTC.
    pub fn now(&self) -> Timestamp {
        let present = (self.read)();
        let base = self.base();
        if self.is_paused() {
            return base.expected(present.since_boot);
        }
        if base.jump(present).is_none() && !base.is_old(present) { present.wall } else { self.look_closely() }
    }

    /// A jump, or a base to replace: both are rare, and under the lock.
    fn look_closely(&self) -> Timestamp {
        let mut distrust = self.distrust.lock().unwrap_or_else(PoisonError::into_inner);
        let (present, base) = ((self.read)(), self.base());
        // Another call was here first.
        if distrust.is_some() {
            return base.expected(present.since_boot);
        }
        let Some(seconds) = base.jump(present) else {
            if base.is_old(present) {
                self.set_base(present);
            }
            return present.wall;
        };
        self.pause_locked(&mut distrust, Distrust::Jump { seconds });
        base.expected(present.since_boot)
    }

    /// Set while the wall clock is not to be trusted.
    pub const fn paused(&self) -> &AtomicBool {
        &self.paused
    }

    /// Whether it is.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Why the wall clock is not to be trusted, while it is not.
    pub fn distrust(&self) -> Option<Distrust> {
        *self.distrust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Trusts the wall clock no longer. The first reason stays, but the one that would end by itself.
    pub fn pause(&self, reason: Distrust) {
        let mut distrust = self.distrust.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*distrust, None | Some(Distrust::Unsynchronised)) {
            self.pause_locked(&mut distrust, reason);
        }
    }

    fn pause_locked(&self, distrust: &mut Option<Distrust>, reason: Distrust) {
        *distrust = Some(reason);
        self.paused.store(true, Ordering::Release);
    }

    /// Trusts the wall clock again, as it is now.
    pub fn trust(&self) {
        let mut distrust = self.distrust.lock().unwrap_or_else(PoisonError::into_inner);
        self.set_base((self.read)());
        *distrust = None;
        self.paused.store(false, Ordering::Release);
    }

    /// Both clocks, trusted or not.
    pub fn present(&self) -> Reading {
        (self.read)()
    }

    /// What the wall clock is held against.
    pub fn base(&self) -> Reading {
        let since_boot = self.since_boot.load(Ordering::Relaxed);
        Reading { since_boot, wall: Timestamp(since_boot.saturating_add(self.ahead.load(Ordering::Relaxed))) }
    }

    /// Whether the wall clock agrees with its base, trusted or not.
    pub fn agrees(&self) -> bool {
        self.base().jump(self.present()).is_none()
    }

    fn set_base(&self, base: Reading) {
        self.ahead.store(ahead(base), Ordering::Relaxed);
        self.since_boot.store(base.since_boot, Ordering::Relaxed);
    }
}

const fn ahead(base: Reading) -> i64 {
    base.wall.0.saturating_sub(base.since_boot)
}

/// Reads the system's clocks. Neither needs a call into the kernel, so that a batch can afford it.
pub fn system() -> Reading {
    let mut before = since_boot();
    for _ in 1..TRIES {
        let wall = opened::now();
        let after = since_boot();
        if after - before < TOGETHER_MICROS {
            return Reading { since_boot: before, wall };
        }
        before = after;
    }
    Reading { since_boot: before, wall: opened::now() }
}

fn since_boot() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.saturating_mul(MICROS).saturating_add(time.tv_nsec / 1_000)
}

#[cfg(test)]
pub(super) mod testing {
    //! A machine whose clocks a test sets.

    use std::sync::Arc;

    use super::*;

    /// Both clocks; clones are one.
    #[derive(Clone, Default)]
    pub struct Machine(Arc<(AtomicI64, AtomicI64)>);

    impl Machine {
        /// Booted an hour ago, with a clock that is right.
        pub fn booted() -> Self {
            let machine = Self::default();
            machine.0.1.store(Timestamp::from_seconds(1_795_262_400).0, Ordering::SeqCst);
            machine.pass(3_600);
            machine
        }

        /// Time passes.
        pub fn pass(&self, seconds: i64) {
            self.0.0.fetch_add(seconds * MICROS, Ordering::SeqCst);
            self.set(seconds);
        }

        /// Somebody moves the wall clock.
        pub fn set(&self, seconds: i64) {
            self.0.1.fetch_add(seconds * MICROS, Ordering::SeqCst);
        }

        pub fn reading(&self) -> Reading {
            Reading {
                since_boot: self.0.0.load(Ordering::SeqCst),
                wall: Timestamp(self.0.1.load(Ordering::SeqCst)),
            }
        }

        pub fn read(&self) -> Read {
            let machine = self.clone();
            Box::new(move || machine.reading())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Machine;
    use super::*;

    const DAY: i64 = 86_400;

    fn clock(machine: &Machine) -> TrustedClock {
        TrustedClock::new(machine.read(), None)
    }

    #[test]
    fn a_jump_gives_the_time_without_it_until_the_clock_is_trusted_again() {
        for jump in [30 * DAY, -30 * DAY] {
            let machine = Machine::booted();
            let clock = clock(&machine);
            machine.pass(100);
            let right = clock.now();
            assert_eq!(right, machine.reading().wall);
            machine.set(jump);
            assert_eq!(clock.now(), right, "the very call that sees it");
            assert_eq!(clock.distrust(), Some(Distrust::Jump { seconds: jump }));
            machine.pass(50);
            assert_eq!(clock.now(), right.plus_seconds(50));
            // Back by itself, it is as paused as before.
            machine.set(-jump);
            assert_eq!(clock.now(), right.plus_seconds(50));
            assert!(clock.is_paused() && clock.agrees());
            machine.set(jump);
            clock.trust();
            assert_eq!(clock.now(), machine.reading().wall);
            assert!(!clock.is_paused() && clock.distrust().is_none());
        }
    }

    #[test]
    fn small_steps_are_followed_for_a_year_and_suspension_is_no_jump() {
        let machine = Machine::booted();
        let clock = clock(&machine);
        for _ in 0..365 {
            machine.pass(DAY);
            machine.set(-1_800);
            assert_eq!(clock.now(), machine.reading().wall);
        }
        // A year asleep.
        machine.pass(365 * DAY);
        assert_eq!(clock.now(), machine.reading().wall);
        assert!(!clock.is_paused());
    }

    #[test]
    fn a_reason_that_came_first_stays_but_the_one_that_ends_by_itself() {
        let clock = clock(&Machine::booted());
        let back = Distrust::BeforeJournal { seconds: 7_200 };
        for reason in
            [Distrust::Unsynchronised, back, Distrust::Unsynchronised, Distrust::Jump { seconds: 9_999 }]
        {
            clock.pause(reason);
        }
        assert_eq!(clock.distrust(), Some(back));
    }

    #[test]
    fn threads_that_ask_while_it_jumps_and_is_trusted_again_never_see_the_wrong_time() {
        let machine = Machine::booted();
        let clock = clock(&machine);
        let right = machine.reading().wall;
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..50_000 {
                            assert_eq!(clock.now(), right);
                        }
                    })
                })
                .collect();
            while asking.iter().any(|thread| !thread.is_finished()) {
                machine.set(30 * DAY);
                let _ = clock.now();
                machine.set(-30 * DAY);
                clock.trust();
            }
        });
    }

    #[test]
    fn the_system_is_read() {
        let (first, second) = (system(), system());
        assert!(second.since_boot >= first.since_boot && first.since_boot > 0);
        assert_eq!(first.jump(second), None);
    }
}
