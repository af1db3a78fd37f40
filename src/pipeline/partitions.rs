//! Partitions of `ClickHouse` tables by their deadline: dropped before it, and looked for until they are gone (PI-4, PI-8).
//!
//! *In*: the tables of a plan, the time, a margin. *Out*: what was dropped, what is gone, what is left. *Promised*: a partition goes at the
//! earlier of the deadline that it was written with and what the policy allows now, less the margin and the time for which the server may keep
//! files of parts that were merged away; nothing is dropped that was not entered in the journal; what was dropped is called gone when the server
//! has no part of it that holds a row, active or not; a partition that is not named as ours is never touched. *Not here*: what the server is asked
//! (`clickhouse::partitions`), when somebody looks (`cli`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::tables;
use crate::clickhouse::ClickHouseError;
use crate::clickhouse::client::Client;
use crate::clickhouse::live::Live;
use crate::clickhouse::partitions::{Partition, drop, list};
use crate::clickhouse::table::{LIFETIME_DEFAULT, Name};
use crate::config::plan::{Plan, SinkKind};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{Because, Event, Journal, JournalError, PartitionOf};
use crate::retention::part_name::PartName;

/// The file in the state directory that has what was dropped and is not known to be gone.
const FILE_NAME: &str = "partitions.dropped";

/// A table whose partitions go by their deadline.
pub struct TablePlace {
    /// What its sink is called in the journal: `sink.analytics`.
    pub store: String,
    /// The class.
    pub class: String,
    /// Where it is.
    pub name: Name,
    /// What the policy in force allows, in seconds.
    pub retention_seconds: u64,
    client: Client,
    /// How long the server keeps files of merged parts, in seconds, once it was asked.
    lifetime_seconds: Option<u64>,
}

/// A partition, and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What the server has of it.
    pub partition: Partition,
    /// The earlier of its own deadline and that of the policy in force.
    pub deadline: Timestamp,
    /// The earliest instant that a record in it can be of.
    pub oldest: Timestamp,
    /// Which of the two it is.
    pub because: Because,
}

/// What a table has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Partitions that must go, the earliest first.
    pub due: Vec<Due>,
    /// Partitions that may stay, the earliest first.
    pub kept: Vec<Due>,
    /// Partitions that are not ours.
    pub foreign: u64,
}

/// What became of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Partitions dropped by this call.
    pub dropped: u64,
    /// Their rows.
    pub rows: u64,
    /// Partitions of which nothing is left, that were dropped now or before.
    pub gone: u64,
    /// Partitions that were dropped, and of which the server still has files.
    pub on_disk: u64,
    /// Partitions that may stay.
    pub kept: u64,
    /// When the first of these is due.
    pub next: Option<Timestamp>,
    /// Partitions that are not ours.
    pub foreign: u64,
    /// Why something that must go could not, or is there after its deadline.
    pub failure: Option<String>,
}

/// Why tables could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum PartitionsError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ClickHouseError),
    /// Nothing can be written down, so nothing is dropped.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What was dropped cannot be remembered.
    #[error("{}: {doing} ({source}); nothing is dropped that cannot be remembered until it is gone", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// The tables of `plan`.
///
/// # Errors
/// When passwords or certificates cannot be read.
pub fn places(plan: &Plan) -> Result<Vec<TablePlace>, ClickHouseError> {
    let mut places = Vec::new();
    for sink in &plan.sinks {
        let SinkKind::ClickHouse(to) = &sink.kind else { continue };
        for (place, (class, lives)) in sink.classes.iter().zip(&sink.lives).enumerate() {
            let class = &plan.policy.classes[*class];
            if class.retention_seconds.is_none() {
                continue;
            }
            places.push(TablePlace {
                store: format!("sink.{}", sink.name),
                class: class.name.clone(),
                name: tables::name(to, place),
                retention_seconds: lives.first_seconds,
                client: tables::client(to)?,
                lifetime_seconds: None,
            });
        }
    }
    Ok(places)
}

impl TablePlace {
    /// What is due at `now` or `margin_seconds` later.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn list(&self, now: Timestamp, margin_seconds: u64) -> Result<Listing, ClickHouseError> {
        let limit = now.plus_seconds(i64::try_from(margin_seconds).unwrap_or(i64::MAX));
        let mut listing = Listing::default();
        for partition in list(&self.client, &self.name)? {
            let Some((written, retention)) = partition.named() else {
                listing.foreign += 1;
                continue;
            };
            let name =
                PartName { deadline: written, retention_seconds: Some(retention), stage: 0, finished: true };
            let deadline = name.due_under(self.retention_seconds);
            let because = if deadline < written { Because::Policy } else { Because::Deadline };
            let oldest = name.since(self.retention_seconds);
            let due = Due { partition, deadline, oldest, because };
            if deadline > limit { listing.kept.push(due) } else { listing.due.push(due) }
        }
        listing.due.sort_unstable_by_key(|due| due.deadline);
        listing.kept.sort_unstable_by_key(|due| due.deadline);
        Ok(listing)
    }

    /// By how much earlier partitions go than parts of files, in seconds: for as long the server may keep files.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn lifetime_seconds(&mut self) -> Result<u64, ClickHouseError> {
        if let Some(seconds) = self.lifetime_seconds {
            return Ok(seconds);
        }
        let live = Live::ask(&self.client, &self.name)?;
        let seconds = live.and_then(|live| live.lifetime_seconds()).unwrap_or(LIFETIME_DEFAULT);
        self.lifetime_seconds = Some(seconds);
        Ok(seconds)
    }

    /// Drops what is due `margin_seconds` and the lifetime of files after `now`, and looks whether what was dropped is gone.
    ///
    /// # Errors
    /// When the server cannot be asked, or nothing can be written down: then nothing is dropped.
    pub fn sweep(
        &mut self,
        now: Timestamp,
        margin_seconds: u64,
        (journal, dropped): (&mut Journal, &mut Dropped),
    ) -> Result<Swept, PartitionsError> {
        let margin_seconds = margin_seconds.saturating_add(self.lifetime_seconds()?);
        let listing = self.list(now, margin_seconds)?;
        let mut swept = Swept {
            kept: listing.kept.len() as u64,
            next: listing.kept.first().map(|due| due.deadline),
            foreign: listing.foreign,
            ..Swept::default()
        };
        let holds = |due: &&Due| due.partition.rows > 0 || due.partition.detached > 0;
        let entered = listing.due.iter().filter(holds).map(|due| Event::PartitionDestroyed {
            partition: self.of(&due.partition.id),
            rows: due.partition.rows,
            bytes: due.partition.bytes,
            deadline: due.deadline,
            because: due.because,
        });
        let entered: Vec<Event> = entered.collect();
        if !entered.is_empty() {
            journal.append(now, &entered)?;
        }
        for due in &listing.due {
            dropped.add(self, &due.partition.id, due.deadline);
        }
        dropped.save()?;
        for due in &listing.due {
            // One that holds nothing for queries was dropped before; asked again, the server looks whose time has come.
            match drop(&self.client, &self.name, &due.partition) {
                Ok(()) => {
                    swept.dropped += u64::from(holds(&due));
                    swept.rows += due.partition.rows;
                }
                Err(error) => {
                    swept.failure.get_or_insert_with(|| error.to_string());
                }
            }
        }
        self.look(now, journal, dropped, &mut swept)?;
        Ok(swept)
    }

    /// Looks whether what was dropped is gone.
    fn look(
        &self,
        now: Timestamp,
        journal: &mut Journal,
        dropped: &mut Dropped,
        swept: &mut Swept,
    ) -> Result<(), PartitionsError> {
        if !dropped.of(self).any(|_| true) {
            return Ok(());
        }
        let there = list(&self.client, &self.name)?;
        let mut events = Vec::new();
        let all: Vec<(String, Fate)> = dropped.of(self).map(|(id, fate)| (id.to_owned(), fate)).collect();
        for (id, fate) in all {
            let Some(left) = there.iter().find(|partition| partition.id == id) else {
                events.push(Event::PartitionGone { partition: self.of(&id), deadline: fate.deadline });
                dropped.remove(self, &id);
                swept.gone += 1;
                continue;
            };
            swept.on_disk += 1;
            if fate.deadline <= now {
                let what = format!(
                    "{} parts of a partition that is due are still on the server's disk: see old_parts_lifetime, queries that still read them, and \
                     the server's log",
                    left.parts
                );
                if !fate.is_late {
                    let error = format!("{} parts are on disk past the deadline", left.parts);
                    events.push(Event::PartitionKept { partition: self.of(&id), error });
                    dropped.late(self, &id);
                }
                swept.failure.get_or_insert(what);
            }
        }
        if !events.is_empty() {
            journal.append(now, &events)?;
            dropped.save()?;
        }
        Ok(())
    }

    fn of(&self, id: &str) -> PartitionOf {
        PartitionOf {
            store: self.store.clone(),
            class: self.class.clone(),
            table: self.name.to_string(),
            partition: id.to_owned(),
        }
    }
}

/// What is remembered of a partition that was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    deadline: Timestamp,
    /// It was entered that it is there past its deadline.
    is_late: bool,
}

/// Partitions that were dropped and are not known to be gone, in a file of the state directory: a later process looks for them, too.
#[derive(Debug)]
pub struct Dropped {
    path: PathBuf,
    /// By store, table and partition.
    all: BTreeMap<(String, String, String), Fate>,
    is_saved: bool,
}

impl Dropped {
    /// Reads what earlier processes have left; a line that is none is left out, since looking for less is all that it costs.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(state: &Path) -> Result<Self, PartitionsError> {
        let path = state.join(FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(PartitionsError::Io { path, doing: "it cannot be read", source }),
        };
        let read = |line: &str| -> Option<((String, String, String), Fate)> {
            let mut words = line.split('\t');
            let mut word = || words.next().map(ToOwned::to_owned);
            let key = (word()?, word()?, word()?);
            let deadline = Timestamp::from_seconds(word()?.parse().ok()?);
            Some((key, Fate { deadline, is_late: word()? == "late" }))
        };
        Ok(Self { path, all: text.lines().filter_map(read).collect(), is_saved: true })
    }

    fn key(place: &TablePlace, id: &str) -> (String, String, String) {
        (place.store.clone(), place.name.to_string(), id.to_owned())
    }

    fn add(&mut self, place: &TablePlace, id: &str, deadline: Timestamp) {
        if let Entry::Vacant(entry) = self.all.entry(Self::key(place, id)) {
            entry.insert(Fate { deadline, is_late: false });
            self.is_saved = false;
        }
    }

    fn remove(&mut self, place: &TablePlace, id: &str) {
        self.is_saved &= self.all.remove(&Self::key(place, id)).is_none();
    }

    fn late(&mut self, place: &TablePlace, id: &str) {
        if let Some(fate) = self.all.get_mut(&Self::key(place, id)) {
            fate.is_late = true;
            self.is_saved = false;
        }
    }

    fn of(&self, place: &TablePlace) -> impl Iterator<Item = (&str, Fate)> {
        let (store, table) = (place.store.clone(), place.name.to_string());
        let of_place = move |key: &(String, String, String)| key.0 == store && key.1 == table;
        self.all.iter().filter(move |(key, _)| of_place(key)).map(|(key, fate)| (key.2.as_str(), *fate))
    }

    /// Replaces the file as a whole, if anything is new.
    fn save(&mut self) -> Result<(), PartitionsError> {
        if self.is_saved {
            return Ok(());
        }
        let temporary = self.path.with_extension("dropped.tmp");
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&temporary)?;
            for ((store, table, id), Fate { deadline, is_late }) in &self.all {
                let late = if *is_late { "late" } else { "in time" };
                writeln!(file, "{store}\t{table}\t{id}\t{}\t{late}", deadline.seconds())?;
            }
            file.sync_all()?;
            fs::rename(&temporary, &self.path)
        };
        write().map_err(|source| PartitionsError::Io {
            path: self.path.clone(),
            doing: "it cannot be written",
            source,
        })?;
        self.is_saved = true;
        Ok(())
    }
}
