//! What a pipeline owes its stores while it runs: sweeps before deadlines come, and entries in the journal for all that is destroyed.
//!
//! Sweeps come a few times within the margin by which parts go early, so that none is late ([`Rhythm`]).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::exit::Failure;
use super::lock::RunLock;
use crate::config::plan::{Plan, SinkKind};
use crate::keys::KeyEvent;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{Event, Head, Journal, JournalError};
use crate::retention::rhythm::Rhythm;
use crate::retention::sweep::{self, Place, SweepError, Swept, Turn};

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
    rhythm: Rhythm,
    head: Option<Head>,
    /// What was last said to be wrong: said once, until it changes.
    said: String,
    paused: bool,
    _lock: RunLock,
}

impl Upkeep {
    /// Opens the journal of `plan` and enters its policy. `None` for a plan that has no state and stores nothing.
    pub fn begin(plan: &Plan, now: Timestamp) -> Result<Option<Self>, Failure> {
        let places = places(plan);
        if plan.state.is_none() && places.is_empty() {
            return Ok(None);
        }
        let state = state(plan)?.to_owned();
        let rhythm = Rhythm::of(places.iter().map(|place| place.retention_seconds).min());
        let mut journal = Journal::open(&state, now).map_err(Failure::downstream)?;
        let lock = RunLock::take(&state)?;
        // Before the entry, whose time may be the wrong one.
        let paused = sweep::clock_back(&journal, now).is_some();
        if !paused {
            journal.append(now, &[policy(plan)]).map_err(Failure::downstream)?;
        }
        let mut upkeep = Self {
            state,
            journal,
            places,
            rhythm,
            head: None,
            said: String::new(),
            paused: false,
            _lock: lock,
        };
        upkeep.sweep(now);
        Ok(Some(upkeep))
    }

    /// How often to [`sweep`](Self::sweep).
    pub fn every(&self) -> Duration {
        self.rhythm.every
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

    /// Destroys what is due. A trouble that stays is said once.
    pub fn sweep(&mut self, now: Timestamp) {
        let trouble = match self.sweep_once(now) {
            Ok(swept) => swept.iter().find_map(|swept| swept.failure.as_ref()).map(|failure| {
                format!("parts that are due could not be destroyed ({failure}); see `sluis journal show`")
            }),
            Err(SweepError::ClockBack { seconds }) => {
                if !self.paused {
                    self.paused = true;
                    // What cannot be entered is said all the same.
                    let _ = self.journal.append(now, &[Event::Paused { seconds }]);
                }
                Some(SweepError::ClockBack { seconds }.to_string())
            }
            Err(error) => Some(error.to_string()),
        };
        self.say(trouble);
        self.anchor();
    }

    fn sweep_once(&mut self, now: Timestamp) -> Result<Vec<Swept>, SweepError> {
        if self.paused {
            return Ok(Vec::new());
        }
        // Another sweep at work does the same.
        let Some(_turn) = Turn::take(&self.state)? else { return Ok(Vec::new()) };
        sweep::sweep(&self.places, now, self.rhythm.margin_seconds, &mut self.journal)
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
