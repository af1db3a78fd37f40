//! The audit: live state against policy and journal.
//!
//! *In*: the places that a pipeline stores in, its journal and keyring, and the time. *Out*: a [`Report`]: per place how much there is
//! and how old it can be, and every [`Violation`]. *Promised*: whatever lies in a place is a part within its deadline or a violation; a journal
//! that does not prove itself is one, and so is a part that it calls destroyed. *Not here*: the table (`cli`).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::keys;
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{FILE_NAME, Head, Verified, verify};
use crate::retention::sweep::{self, Listing, Place, SweepError};

/// Permission bits by which people who are neither owner nor group get at something.
const OTHERS: u32 = 0o007;

/// What is looked at.
pub struct Scope<'a> {
    /// Where records are stored.
    pub places: &'a [Place],
    /// The state directory.
    pub state: &'a Path,
    /// The keyring's directory, if there is one.
    pub keys: Option<&'a Path>,
    /// A head that was kept elsewhere.
    pub anchored: Option<Head>,
    /// The time.
    pub now: Timestamp,
}

/// Something that is not as the policy says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// What it is about: a store with its class, `journal`, `keys`.
    pub subject: String,
    /// What is wrong, and what to do.
    pub what: String,
}

/// One place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The store.
    pub store: String,
    /// The class, if the store is of one.
    pub class: Option<String>,
    /// What the policy allows, in seconds.
    pub limit_seconds: u64,
    /// Parts that are there.
    pub parts: u64,
    /// The greatest age that a record of them can have, in seconds.
    pub oldest_seconds: Option<u64>,
    /// When the next part is due.
    pub next: Option<Timestamp>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The places, in the order of the pipeline.
    pub rows: Vec<Row>,
    /// What the journal proves; nothing when it does not prove itself.
    pub journal: Option<Verified>,
    /// Everything that is not as it should be.
    pub violations: Vec<Violation>,
}

impl Report {
    fn violation(&mut self, subject: &str, what: String) {
        self.violations.push(Violation { subject: subject.to_owned(), what });
    }

    /// For monitors.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "store": row.store, "class": row.class, "limit_seconds": row.limit_seconds, "parts": row.parts,
                    "oldest_seconds": row.oldest_seconds, "next_due": row.next.map(|at| at.to_string())
                })
            })
            .collect();
        let violations: Vec<Value> = self
            .violations
            .iter()
            .map(|violation| json!({ "subject": violation.subject, "violation": violation.what }))
            .collect();
        let journal = self.journal.map(|journal| {
            json!({ "entries": journal.head.seq, "head": journal.head.to_string(), "anchored": journal.anchored })
        });
        json!({ "stores": rows, "journal": journal, "violations": violations })
    }
}

/// Looks at everything.
pub fn audit(scope: &Scope<'_>) -> Result<Report, SweepError> {
    let mut report = Report::default();
    let destroyed = journal(scope, &mut report);
    for place in scope.places {
        let listing = sweep::list(place, scope.now, 0)?;
        store(place, &listing, scope.now, &mut report);
        come_back(place, &destroyed, &mut report);
        permissions(&subject(place), &place.directory, &mut report);
    }
    permissions("state", scope.state, &mut report);
    if let Some(directory) = scope.keys {
        keyring(directory, scope.now, &mut report);
    }
    Ok(report)
}

fn subject(place: &Place) -> String {
    match &place.class {
        Some(class) => format!("{}, class {class}", place.store),
        None => place.store.clone(),
    }
}

fn store(place: &Place, listing: &Listing, now: Timestamp, report: &mut Report) {
    let subject = subject(place);
    if let Some(first) = listing.due.first() {
        report.violation(
            &subject,
            format!(
                "{} parts are past their deadline, the first for {} s; run `sluis sweep`, and see that `sluis run` or its timer is at work",
                listing.due.len(),
                now.seconds() - first.deadline.seconds()
            ),
        );
    }
    if listing.foreign > 0 {
        let what = format!(
            "{} files are not ours: nothing removes them by a deadline; move them elsewhere, or remove them",
            listing.foreign
        );
        report.violation(&subject, what);
    }
    report.rows.push(Row {
        store: place.store.clone(),
        class: place.class.clone(),
        limit_seconds: place.retention_seconds,
        parts: listing.kept + listing.due.len() as u64,
        oldest_seconds: listing.oldest.map(|oldest| (now.seconds() - oldest.seconds()).max(0).unsigned_abs()),
        next: listing.next,
    });
}

/// By store, class and name: what the journal says was destroyed.
type Destroyed = BTreeMap<(String, Option<String>), Vec<String>>;

/// Follows the journal, and gathers what it says was destroyed.
fn journal(scope: &Scope<'_>, report: &mut Report) -> Destroyed {
    let mut gone: BTreeMap<(String, Option<String>, String), bool> = BTreeMap::new();
    let file = match File::open(scope.state.join(FILE_NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.violation(
                "journal",
                "there is none: nothing proves what was destroyed; `sluis run` begins one".to_owned(),
            );
            return Destroyed::new();
        }
        Err(error) => {
            report.violation("journal", format!("it cannot be opened ({})", error.kind()));
            return Destroyed::new();
        }
    };
    let verified = verify(file, scope.anchored, |entry| {
        // Most entries are of parts; of others nothing is needed.
        let Ok(entry) = serde_json::from_slice::<Value>(entry) else { return };
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        let (Some(store), Some(part)) = (text("store"), text("part")) else { return };
        gone.insert((store, text("class"), part), entry["event"] == "part.destroyed");
    });
    match verified {
        Ok(verified) => report.journal = Some(verified),
        Err(problem) => report.violation("journal", problem.to_string()),
    }
    let mut destroyed = Destroyed::new();
    for ((store, class, part), _) in gone.into_iter().filter(|(_, gone)| *gone) {
        destroyed.entry((store, class)).or_default().push(part);
    }
    destroyed
}

/// Parts that the journal calls destroyed, and that are there.
fn come_back(place: &Place, destroyed: &Destroyed, report: &mut Report) {
    let Some(parts) = destroyed.get(&(place.store.clone(), place.class.clone())) else { return };
    let back = parts.iter().filter(|part| fs::symlink_metadata(place.directory.join(part)).is_ok()).count();
    if back > 0 {
        report.violation(
            &subject(place),
            format!("{back} parts that the journal calls destroyed are there: restored from a backup, or kept by a crash; `sluis sweep` destroys what is due"),
        );
    }
}

/// Others may not get at what is stored.
fn permissions(subject: &str, directory: &Path, report: &mut Report) {
    let Ok(facts) = fs::metadata(directory) else { return };
    if facts.permissions().mode() & OTHERS != 0 {
        let path: PathBuf = directory.to_owned();
        report.violation(
            subject,
            format!("{} is open to everyone on this machine; run chmod o-rwx on it", path.display()),
        );
    }
}

/// Keys that should be dead.
fn keyring(directory: &Path, now: Timestamp, report: &mut Report) {
    match keys::admin::list(directory, now) {
        Ok(chains) => {
            for chain in chains.iter().filter(|chain| chain.first_dies <= now) {
                report.violation(
                    "keys",
                    format!(
                        "the key of epoch {} of domain {} should be dead; run `sluis keys advance`, and see that `sluis run` is at work",
                        chain.first_epoch, chain.domain
                    ),
                );
            }
        }
        Err(problem) => report.violation("keys", problem.to_string()),
    }
}
