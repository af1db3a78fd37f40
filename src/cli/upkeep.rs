//! What a pipeline owes its stores while it runs: sweeps before deadlines come, and entries in the journal for all that is destroyed.
//!
//! Sweeps come a few times within the margin by which parts go early, so that none is late ([`Rhythm`]).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::clock::TrustedClock;
use super::exit::Failure;
use super::heads::Heads;
use super::lock::RunLock;
use super::merging::{self, Merging};
use super::said;
use crate::config::plan::{Plan, SinkKind, at_rest_seconds};
use crate::governance::policies;
use crate::keys::Keys;
use crate::pipeline::checkpoint::{self, OUTBOX_STORE, Saved};
use crate::pipeline::partitions::{self, Dropped, TablePlace};
use crate::pipeline::raw::RawPlace;
use crate::pipeline::tables;
use crate::policy::class::Lives;
use crate::record::timestamp::Timestamp;
use crate::retention::clock::Distrust;
use crate::retention::journal::{Event, Head, Journal};
use crate::retention::rhythm::Rhythm;
use crate::retention::sweep::{self, Place, SweepError, Swept, Turn};
use crate::sink::merge;

/// The file that the journal's head is copied to, for whoever anchors it elsewhere.
const HEAD_FILE: &str = "journal.head";

/// Where a pipeline stores records, and for how long each may be kept.
pub fn places(plan: &Plan) -> Vec<Place> {
    let mut places = places_of(plan, |_| true);
    if let Some(quarantine) = &plan.quarantine
        && let Some(directory) = quarantine.directory()
    {
        places.push(Place {
            store: "quarantine".to_owned(),
            class: None,
            directory: directory.to_owned(),
            lives: Lives::through(quarantine.retention_seconds),
            encrypted: false,
        });
    }
    places
}

/// The same of some kinds of sinks alone.
pub fn places_of(plan: &Plan, of_kind: impl Fn(&SinkKind) -> bool) -> Vec<Place> {
    let mut places = Vec::new();
    for sink in plan.sinks.iter().filter(|sink| of_kind(&sink.kind)) {
        for (index, lives) in sink.classes.iter().copied().zip(&sink.lives) {
            let class = &plan.policy.classes[index];
            // A class without retention stores nothing.
            if class.retention_seconds.is_none() {
                continue;
            }
            let (store, directory) = match &sink.kind {
                SinkKind::File { directory, .. } => {
                    (format!("sink.{}", sink.name), directory.join(&class.name))
                }
                SinkKind::ClickHouse(_) => {
                    (format!("{OUTBOX_STORE}{}", sink.name), tables::outbox(plan, sink, index))
                }
                SinkKind::Stdout | SinkKind::Kafka(_) => continue,
            };
            let (class, encrypted) = (Some(class.name.clone()), sink.kind.encrypts());
            places.push(Place { store, class, directory, lives: lives.clone(), encrypted });
        }
    }
    places
}

/// The age in seconds that no record of each place passes, in the order of [`places`].
pub fn worst_seconds(plan: &Plan) -> Vec<u64> {
    let mut worst = Vec::new();
    for sink in
        plan.sinks.iter().filter(|sink| matches!(sink.kind, SinkKind::File { .. } | SinkKind::ClickHouse(_)))
    {
        let stored = sink.lives.iter().zip(sink.worst_seconds()).filter(|(lives, _)| lives.first_seconds > 0);
        worst.extend(stored.map(|(_, worst)| worst));
    }
    let in_files = plan.quarantine.as_ref().filter(|quarantine| quarantine.directory().is_some());
    let quarantine = in_files.map(|quarantine| quarantine.retention_seconds);
    worst.extend(quarantine.map(|limit| at_rest_seconds(limit, plan.margin_seconds())));
    worst
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
    /// Tables whose partitions go by their deadline.
    tables: Vec<TablePlace>,
    rhythm: Rhythm,
    /// Raw files that go once they are delivered.
    raw: Vec<RawPlace>,
    head: Option<Head>,
    heads: Heads,
    /// What was last said to be wrong: said once, until it changes.
    said: String,
    clock: Arc<TrustedClock>,
    merging: Option<Merging>,
    _lock: RunLock,
}

impl Upkeep {
    /// Opens the journal of `plan`, enters its policy, and brings back what the last run left, with the positions of its sources, under
    /// a clock that is trusted. Nothing of a plan that has no state and stores nothing. A run that is to be quiet says the journal's
    /// head at its end alone.
    pub fn begin(
        plan: &Plan,
        keys: &Keys,
        clock: &Arc<TrustedClock>,
        is_quiet: bool,
    ) -> Result<(Option<Self>, Option<Saved>), Failure> {
        let places = places(plan);
        if plan.state.is_none() && places.is_empty() {
            return Ok((None, None));
        }
        let state = state(plan)?.to_owned();
        let rhythm = Rhythm::of(places.iter().map(|place| place.lives.first_seconds).min());
        let tables = partitions::places(plan).map_err(Failure::usage)?;
        let now = clock.now();
        let mut journal = Journal::open(&state, now).map_err(Failure::downstream)?;
        let lock = RunLock::take(&state)?;
        // Before the entry that says it is in force.
        policies::keep(&state, &plan.policy.hash, &plan.policy_text)
            .map_err(|error| archive(&state, &error))?;
        journal.append(now, &[policy(plan)]).map_err(Failure::downstream)?;
        // Before anything gets a name, or is taken for what nobody needs.
        merging::finish(&state, &mut journal, now)?;
        let mut saved = checkpoint::load(&state).map_err(Failure::downstream)?.with_keys(keys);
        for said in saved.recover(&state, &mut journal, now).map_err(Failure::downstream)? {
            said::warning(said);
        }
        let merging = Merging::of(plan, &state, rhythm.margin_seconds, now)?;
        let mut merging = merging.map(|merging| merging.with_keys(keys));
        if let Some(merging) = &mut merging {
            // What checkpoints count on has its name now. What cannot be narrowed goes as a whole.
            let narrowed = merging.narrow(&|| Some(BTreeSet::new()), &|| now);
            if let Err(error) = narrowed {
                said::warning(error.to_string());
            }
        }
        let mut upkeep = Self {
            merging,
            state,
            heads: Heads::new(plan, journal.head(), is_quiet),
            journal,
            places,
            tables,
            rhythm,
            raw: Vec::new(),
            head: None,
            said: String::new(),
            clock: Arc::clone(clock),
            _lock: lock,
        };
        upkeep.sweep(now);
        Ok((Some(upkeep), Some(saved)))
    }

    /// Removes raw files, too.
    pub fn remove_raw(&mut self, raw: Vec<RawPlace>) {
        self.raw = raw;
    }

    /// What merges small parts, for a thread of its own; nothing the second time.
    pub fn merging(&mut self) -> Option<Merging> {
        self.merging.take()
    }

    /// How often to [`sweep`](Self::sweep).
    pub fn every(&self) -> Duration {
        self.rhythm.every
    }

    /// Destroys what is due, unless the clock is not to be trusted. A trouble that stays is said once.
    pub fn sweep(&mut self, now: Timestamp) {
        if self.clock.is_paused() {
            return;
        }
        let trouble = match self.sweep_once(now) {
            Ok(swept) => {
                let failure = swept.iter().find_map(|swept| swept.failure.as_ref());
                failure
                    .map(|failure| {
                        format!(
                            "parts that are due could not be destroyed ({failure}); see `sluis journal show`"
                        )
                    })
                    .or_else(|| self.sweep_raw(now))
                    .or_else(|| self.sweep_tables(now))
            }
            // The watch says and enters it.
            Err(SweepError::ClockBack { seconds }) => {
                self.clock.pause(Distrust::BeforeJournal { seconds });
                None
            }
            Err(error) => Some(error.to_string()),
        };
        self.say(trouble);
        self.anchor();
        self.heads.tick(now, self.journal.head());
    }

    /// Says where the journal ends when the run does.
    pub fn end(&mut self, now: Timestamp) {
        // Others may have entered something; what cannot be read is no news.
        let _ = self.journal.append(now, &[]);
        self.anchor();
        self.heads.end(now, self.journal.head());
    }

    fn sweep_once(&mut self, now: Timestamp) -> Result<Vec<Swept>, SweepError> {
        // Whoever said that the clock is right has entered it.
        self.journal.append(now, &[])?;
        // Another sweep at work does the same.
        let Some(_turn) = Turn::take(&self.state)? else { return Ok(Vec::new()) };
        // One that cannot be ended is said by whoever merges, and nothing due waits for it.
        let _ = merge::finish(&self.state, &mut self.journal, now);
        sweep::sweep(&self.places, now, self.rhythm.margin_seconds, &mut self.journal)
    }

    /// Drops partitions whose time is up, and looks whether they are gone. What is wrong with that, if anything is.
    fn sweep_tables(&mut self, now: Timestamp) -> Option<String> {
        if self.tables.is_empty() {
            return None;
        }
        let mut dropped = match Dropped::load(&self.state) {
            Ok(dropped) => dropped,
            Err(error) => return Some(error.to_string()),
        };
        let mut trouble = None;
        for table in &mut self.tables {
            let around = (&mut self.journal, &mut dropped);
            let failure = match table.sweep(now, self.rhythm.margin_seconds, around) {
                Ok(swept) => swept.failure,
                Err(error) => Some(error.to_string()),
            };
            trouble = trouble.or(failure.map(|failure| {
                format!("partitions of table {} could not be held to their deadlines ({failure})", table.name)
            }));
        }
        trouble
    }

    /// Removes raw files whose time is up. What is wrong with that, if anything is.
    fn sweep_raw(&mut self, now: Timestamp) -> Option<String> {
        let mut trouble = None;
        for place in &mut self.raw {
            let failure = match place.sweep(now, self.rhythm.margin_seconds, &mut self.journal) {
                Ok(swept) => swept.failure,
                Err(error) => Some(error.to_string()),
            };
            trouble = trouble.or(failure.map(|failure| {
                format!(
                    "raw files of source {} whose time is up could not be removed ({failure})",
                    place.source
                )
            }));
        }
        trouble
    }

    fn say(&mut self, trouble: Option<String>) {
        let trouble = trouble.unwrap_or_default();
        if !trouble.is_empty() && trouble != self.said {
            said::warning(trouble.as_str());
        }
        self.said = trouble;
    }

    /// Copies the head to a file of its own, whole or not at all, when it is another than before.
    fn anchor(&mut self) {
        // Others append, too.
        let _ = self.journal.append(Timestamp(0), &[]);
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

fn archive(state: &Path, error: &std::io::Error) -> Failure {
    Failure::downstream(format!(
        "{}: the policy cannot be archived in it ({}); no policy is in force whose text is not kept: see its space and permissions",
        state.display(),
        error.kind()
    ))
}

/// Writes the head to its file.
pub fn write_head(state: &Path, head: Head) -> std::io::Result<()> {
    let (temporary, file) = (state.join(format!("{HEAD_FILE}.tmp")), state.join(HEAD_FILE));
    std::fs::write(&temporary, format!("{head}\n"))?;
    std::fs::rename(temporary, file)
}
