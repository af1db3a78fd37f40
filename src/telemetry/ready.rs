//! Whether a run does its work, in one word.

use std::sync::atomic::{AtomicU8, Ordering};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Sources and sinks are being opened, keys read, topics checked.
    Starting,
    /// Records flow, or could.
    Running,
    /// Told to stop: what was taken is still delivered.
    Stopping,
}

/// Where a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LaneState {
    /// Not in the group yet.
    Starting,
    /// In the group, with or without partitions.
    Running,
    /// Ended by an error or by the watchdog, and to be started again.
    Restarting,
    /// Over.
    Ended,
}

impl LaneState {
    /// The word of the status page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Ended => "ended",
        }
    }
}

/// A phase that several threads see.
#[derive(Debug)]
pub(super) struct PhaseCell(AtomicU8);

impl PhaseCell {
    pub const fn new() -> Self {
        Self(AtomicU8::new(Phase::Starting as u8))
    }

    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Running,
            _ => Phase::Stopping,
        }
    }
}

/// A lane's state that several threads see.
#[derive(Debug)]
pub(super) struct LaneCell(AtomicU8);

impl LaneCell {
    pub const fn new() -> Self {
        Self(AtomicU8::new(LaneState::Starting as u8))
    }

    pub fn set(&self, state: LaneState) {
        self.0.store(state as u8, Ordering::Relaxed);
    }

    pub fn state(&self) -> LaneState {
        match self.0.load(Ordering::Relaxed) {
            0 => LaneState::Starting,
            1 => LaneState::Running,
            2 => LaneState::Restarting,
            _ => LaneState::Ended,
        }
    }
}

/// The word of `/readyz`: `ready`, or why not. What is told first is what must be mended first.
pub(super) fn word(
    phase: Phase,
    clock_paused: bool,
    blocked: bool,
    lanes: &(impl Iterator<Item = LaneState> + Clone),
) -> &'static str {
    let any = |wanted: LaneState| lanes.clone().any(|state| state == wanted);
    match phase {
        Phase::Stopping => "stopping",
        _ if clock_paused => "paused",
        Phase::Starting => "starting",
        Phase::Running if any(LaneState::Starting) => "starting",
        Phase::Running if any(LaneState::Restarting) => "restarting",
        Phase::Running if any(LaneState::Ended) => "ended",
        Phase::Running if blocked => "blocked",
        Phase::Running => "ready",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_that_can_deliver_is_ready() {
        use LaneState::{Ended, Restarting, Running, Starting};
        let of = |phase, paused, blocked, lanes: &[LaneState]| {
            word(phase, paused, blocked, &lanes.iter().copied())
        };
        assert_eq!(of(Phase::Starting, false, false, &[]), "starting");
        assert_eq!(of(Phase::Running, false, false, &[]), "ready");
        assert_eq!(of(Phase::Running, false, false, &[Running, Running]), "ready");
        assert_eq!(of(Phase::Running, false, false, &[Running, Starting]), "starting");
        assert_eq!(of(Phase::Running, false, false, &[Restarting, Running]), "restarting");
        assert_eq!(of(Phase::Running, false, false, &[Ended, Running]), "ended");
        assert_eq!(of(Phase::Running, false, true, &[Running]), "blocked");
        assert_eq!(of(Phase::Running, true, true, &[Running]), "paused");
        assert_eq!(of(Phase::Starting, true, false, &[]), "paused");
        assert_eq!(of(Phase::Stopping, true, true, &[Starting]), "stopping");
    }

    #[test]
    fn cells_give_back_what_was_set() {
        let (phase, lane) = (PhaseCell::new(), LaneCell::new());
        for wanted in [Phase::Starting, Phase::Running, Phase::Stopping] {
            phase.set(wanted);
            assert_eq!(phase.phase(), wanted);
        }
        for wanted in [LaneState::Starting, LaneState::Running, LaneState::Restarting, LaneState::Ended] {
            lane.set(wanted);
            assert_eq!(lane.state(), wanted);
        }
    }
}
