//! What has to be done about once a second while a run goes on, and is nobody else's: log lines whose minute is over, and pauses of the
//! clock, which begin and end where no meter is at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::fact::{Paused, Resumed};
use super::lane::PauseReason;
use super::log::Log;
use super::ready::Phase;

const EVERY: Duration = Duration::from_secs(1);

/// Attends until it is dropped, and at the end once more.
pub struct Attendant {
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Attendant {
    /// Begins; `clock_paused` and `stop` are asked each time. `None`: the system has no thread left, and lines that were held back are not told.
    pub fn begin(
        log: Arc<Log>,
        clock_paused: impl Fn() -> bool + Send + 'static,
        stop: Arc<AtomicBool>,
    ) -> Option<Self> {
        let (running, ended) = mpsc::channel::<()>();
        let attend = move || {
            let mut was_paused = false;
            loop {
                let is_over = ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                if stop.load(Ordering::Relaxed) {
                    log.meters().set(Phase::Stopping);
                }
                let is_paused = clock_paused() && !is_over;
                if is_paused && !was_paused {
                    log.tell(&Paused { reason: PauseReason::Clock });
                } else if was_paused && !is_paused {
                    log.tell(&Resumed { reason: PauseReason::Clock });
                }
                was_paused = is_paused;
                if is_over {
                    log.end();
                    break;
                }
                log.tick();
            }
        };
        let thread = thread::Builder::new().name("attend".to_owned()).spawn(attend).ok()?;
        Some(Self { running: Some(running), thread: Some(thread) })
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
