//! A line of progress on long work: on a terminal only, none in a pipe.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::source;

/// How often the line is drawn.
const PERIOD: Duration = Duration::from_millis(200);

/// Draws how far the sources are.
pub struct Progress {
    sources: Vec<Arc<source::Progress>>,
    drawn: Option<Mutex<Instant>>,
}

impl Progress {
    /// Watches `sources`. Nothing is drawn when standard error is no terminal.
    pub fn begin(sources: Vec<Arc<source::Progress>>) -> Self {
        let drawn = std::io::stderr().is_terminal().then(|| Mutex::new(Instant::now()));
        Self { sources, drawn }
    }

    /// Draws, at most five times a second.
    pub fn draw(&self) {
        let Some(Ok(mut last)) = self.drawn.as_ref().map(Mutex::try_lock) else { return };
        if last.elapsed() < PERIOD {
            return;
        }
        *last = Instant::now();
        let (done, total) = self
            .sources
            .iter()
            .fold((0, 0), |(done, total), source| (done + source.bytes_done(), total + source.bytes_total()));
        let text = match done.saturating_mul(100).checked_div(total) {
            None => format!("{} MB", done / 1_000_000),
            Some(percent) => {
                let percent = percent.min(100);
                let full = usize::try_from(percent / 4).unwrap_or(0);
                format!(
                    "[{}{}] {percent:3} %  {} of {} MB",
                    "=".repeat(full),
                    " ".repeat(25 - full),
                    done / 1_000_000,
                    total / 1_000_000
                )
            }
        };
        // A terminal that went away is no reason to stop.
        let _ = write!(std::io::stderr(), "\r{text}\x1b[K");
    }

    /// Removes the line.
    pub fn clear(&self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
