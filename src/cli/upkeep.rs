//! What a pipeline owes its stores while it runs: sweeps before deadlines come, and entries in the journal for all that is destroyed.
//!
//! Sweeps come a few times within the margin by which parts go early, so that none is late. The margin is a share of the shortest
//! retention that anything stored has, at most [`MARGIN_SECONDS_MAX`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::clock::TrustedClock;
use super::exit::Failure;
use super::lock::RunLock;
use crate::config::plan::{Plan, SinkKind};
use crate::keys::KeyEvent;
use crate::record::timestamp::Timestamp;
use crate::retention::clock::Distrust;
use crate::retention::journal::{Event, Head, Journal, JournalError};
use crate::retention::sweep::{self, Place, SweepError, Swept, Turn};

/// By how much parts go before their deadline, at most, while a pipeline runs.
const MARGIN_SECONDS_MAX: u64 = 120;
/// The share of the shortest retention that the margin is.
const MARGIN_SHARE: u64 = 48;
/// Sweeps within a margin.
const SWEEPS: u64 = 4;
/// The file that the journal's head is copied to, for whoever anchors it elsewhere.
const HEAD_FILE: &str = "journal.head";

/// Where a pipeline stores records, and for how long each may be kept.
pub fn places(plan: &Plan) -> Vec<Place> {
    let mut places = Vec::new();
    for sink in &plan.sinks {
        let SinkKind::File { directory, .. } = &sink.kind else { continue };
        for class in sink.classes.iter().map(|class| &plan.policy.classes[*class]) {
            // A class without retention stores nothing.
            let Some(retention_seconds) = class.retention_seconds else { continue };
            places.push(Place {
                store: format!("sink.{}", sink.name),
                class: Some(class.name.clone()),
                directory: directory.join(&class.name),
                retention_seconds,
            });
        }
    }
    if let Some(quarantine) = &plan.quarantine {
        places.push(Place {
            store: "quarantine".to_owned(),
            class: None,
            directory: quarantine.directory.clone(),
            retention_seconds: quarantine.retention_seconds,
        });
    }
    places
}

/// The state directory of a plan. Without one nothing can be entered, so nothing may be stored.
pub fn state(plan: &Plan) -> Result<&Path, Failure> {
    plan.state.as_deref().ok_or_else(|| {
        Failure::usage("the pipeline names no 'state'; write state = \"DIR\" for its journal, such as /var/lib/sluis/web")
    })
}

/// Sweeps and entries of one running pipeline.
pub struct Upkeep {
    state: PathBuf,
    journal: Journal,
    places: Vec<Place>,
    margin_seconds: u64,
    head: Option<Head>,
    /// What was last said to be wrong: said once, until it changes.
    said: String,
    clock: Arc<TrustedClock>,
    _lock: RunLock,
}

impl Upkeep {
    /// Opens the journal of `plan` and enters its policy, under a clock that is trusted. `None` for a plan that has no state and
    /// stores nothing.
    pub fn begin(plan: &Plan, clock: &Arc<TrustedClock>) -> Result<Option<Self>, Failure> {
        let places = places(plan);
        if plan.state.is_none() && places.is_empty() {
            return Ok(None);
        }
        let state = state(plan)?.to_owned();
        let shortest = places.iter().map(|place| place.retention_seconds).min().unwrap_or(u64::MAX);
        let margin_seconds = (shortest / MARGIN_SHARE).clamp(1, MARGIN_SECONDS_MAX);
        let now = clock.now();
        let mut journal = Journal::open(&state, now).map_err(Failure::downstream)?;
        let lock = RunLock::take(&state)?;
        journal.append(now, &[policy(plan)]).map_err(Failure::downstream)?;
        let mut upkeep = Self {
            state,
            journal,
            places,
            margin_seconds,
            head: None,
            said: String::new(),
            clock: Arc::clone(clock),
            _lock: lock,
        };
        upkeep.sweep(now);
        Ok(Some(upkeep))
    }

    /// How often to [`sweep`](Self::sweep).
    pub fn every(&self) -> Duration {
        Duration::from_millis(self.margin_seconds.saturating_mul(1000) / SWEEPS)
    }

    /// Enters what happened to keys.
    pub fn keys_changed(&mut self, now: Timestamp, events: &[KeyEvent]) {
        if events.is_empty() {
            return;
        }
        let events: Vec<Event> = events.iter().cloned().map(Event::Key).collect();
        let entered = self.journal.append(now, &events).map(drop);
        self.say(entered.err().map(|error: JournalError| error.to_string()));
        self.anchor();
    }

    /// Destroys what is due, unless the clock is not to be trusted. A trouble that stays is said once.
    pub fn sweep(&mut self, now: Timestamp) {
        if self.clock.is_paused() {
            return;
        }
        let trouble = match self.sweep_once(now) {
            Ok(swept) => swept.iter().find_map(|swept| swept.failure.as_ref()).map(|failure| {
                format!("parts that are due could not be destroyed ({failure}); see `sluis journal show`")
            }),
            // The watch says and enters it.
            Err(SweepError::ClockBack { seconds }) => {
                self.clock.pause(Distrust::BeforeJournal { seconds });
                None
            }
            Err(error) => Some(error.to_string()),
        };
        self.say(trouble);
        self.anchor();
    }

    fn sweep_once(&mut self, now: Timestamp) -> Result<Vec<Swept>, SweepError> {
        // Whoever said that the clock is right has entered it.
        self.journal.append(now, &[])?;
        // Another sweep at work does the same.
        let Some(_turn) = Turn::take(&self.state)? else { return Ok(Vec::new()) };
        sweep::sweep(&self.places, now, self.margin_seconds, &mut self.journal)
    }

    fn say(&mut self, trouble: Option<String>) {
        let trouble = trouble.unwrap_or_default();
        if !trouble.is_empty() && trouble != self.said {
            anstream::eprintln!("sluis: warning: {trouble}");
        }
        self.said = trouble;
    }

    /// Copies the head to a file of its own, whole or not at all, when it is another than before.
    fn anchor(&mut self) {
        let head = self.journal.head();
        if self.head != Some(head) && write_head(&self.state, head).is_ok() {
            self.head = Some(head);
        }
    }
}

/// The entry for the policy of `plan`.
pub fn policy(plan: &Plan) -> Event {
    let policy = &plan.policy;
    Event::PolicyLoaded {
        name: policy.name.clone(),
        version: policy.version.clone(),
        sha256: policy.hash.clone(),
    }
}

/// Writes the head to its file.
pub fn write_head(state: &Path, head: Head) -> std::io::Result<()> {
    let (temporary, file) = (state.join(format!("{HEAD_FILE}.tmp")), state.join(HEAD_FILE));
    std::fs::write(&temporary, format!("{head}\n"))?;
    std::fs::rename(temporary, file)
}
