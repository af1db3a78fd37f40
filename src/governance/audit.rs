//! The audit: live state against policy and journals.
//!
//! *In*: the places that a pipeline stores in, its journal, its keyring with the journal of that, its archive of policies, and the time.
//! *Out*: a [`Report`]: per place how much there is and how old it can be, and every [`Violation`]. *Promised*: whatever lies in a place is
//! a part within its deadline, known to the journal and as it was stored, or a violation; so is a part that should be there, a key that
//! should be dead, a policy whose text is lost, and a journal that does not prove itself. *Not here*: the table (`cli`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::encrypted::Keyless;
use super::evidence::{Evidence, NoEvidence, Stored, of};
use super::policies::{self, Kept};
use super::stored::{Compared, OTHERS};
use crate::keys::storage::{is_storage, margin_seconds};
use crate::keys::{self, ChainFacts};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{FILE_NAME, Head, Verified};
use crate::retention::sweep::{self, Listing, Place, SweepError};

/// What is looked at.
pub struct Scope<'a> {
    /// Where records are stored.
    pub places: &'a [Place],
    /// The age in seconds that no record of each place passes, in the same order.
    pub worst_seconds: &'a [u64],
    /// The state directory.
    pub state: &'a Path,
    /// The keyring's directory, if there is one.
    pub keys: Option<&'a Path>,
    /// A head of the state's journal that was kept elsewhere.
    pub anchored: Option<Head>,
    /// One of the keyring's.
    pub keyring_anchored: Option<Head>,
    /// The time.
    pub now: Timestamp,
}

/// Something that is not as the policy says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// What it is about: a store with its class, `journal`, `keyring journal`, `keys`, `policy`, `state`.
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
    /// The age that no record passes while a pipeline or a timer is at work, in seconds.
    pub worst_seconds: u64,
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
    /// The same of the keyring's.
    pub keyring: Option<Verified>,
    /// Policies that were in force.
    pub policies: usize,
    /// Everything that is not as it should be.
    pub violations: Vec<Violation>,
}

impl Report {
    /// Adds a violation.
    pub fn violation(&mut self, subject: &str, what: String) {
        self.violations.push(Violation { subject: subject.to_owned(), what });
    }

    /// For monitors.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "store": row.store, "class": row.class, "limit_seconds": row.limit_seconds,
                    "worst_seconds": row.worst_seconds, "parts": row.parts,
                    "oldest_seconds": row.oldest_seconds, "next_due": row.next.map(|at| at.to_string())
                })
            })
            .collect();
        let violations: Vec<Value> = self
            .violations
            .iter()
            .map(|violation| json!({ "subject": violation.subject, "violation": violation.what }))
            .collect();
        let proven = |journal: Verified| json!({ "entries": journal.head.seq, "head": journal.head.to_string(), "anchored": journal.anchored });
        json!({
            "stores": rows, "journal": self.journal.map(proven), "keyring_journal": self.keyring.map(proven),
            "policies": self.policies, "violations": violations
        })
    }
}

/// Looks at everything.
pub fn audit(scope: &Scope<'_>) -> Result<Report, SweepError> {
    let mut report = Report::default();
    let evidence = match Evidence::read(scope.state, scope.anchored) {
        Ok((evidence, verified)) => {
            report.journal = Some(verified);
            evidence
        }
        Err(problem) => {
            report.violation("journal", problem.to_string());
            Evidence::default()
        }
    };
    let mut compared = Vec::with_capacity(scope.places.len());
    for (place, worst_seconds) in scope.places.iter().zip(scope.worst_seconds) {
        let listing = sweep::list(place, scope.now, 0)?;
        store(place, &listing, scope.now, *worst_seconds, &mut report);
        let unreadable =
            |source| SweepError::Io { path: place.directory.clone(), doing: "it cannot be read", source };
        compared.push(Compared::new(place, &evidence, scope.now).map_err(unreadable)?);
        permissions(&subject(place), &place.directory, &mut report);
    }
    if compared.iter().any(Compared::is_in_doubt)
        && let Ok((again, _)) = Evidence::read(scope.state, None)
    {
        for (place, compared) in scope.places.iter().zip(&mut compared) {
            compared.settle(place, &again);
        }
    }
    for (place, compared) in scope.places.iter().zip(&compared) {
        against_journal(place, compared, &mut report);
    }
    forgotten(scope, &evidence, &mut report);
    archive(scope.state, &evidence, &mut report);
    permissions("state", scope.state, &mut report);
    permissions("journal", &scope.state.join(FILE_NAME), &mut report);
    if let Some(directory) = scope.keys {
        keyring(directory, scope, &mut report);
    }
    Ok(report)
}

fn subject(place: &Place) -> String {
    match &place.class {
        Some(class) => format!("{}, class {class}", place.store),
        None => place.store.clone(),
    }
}

fn store(place: &Place, listing: &Listing, now: Timestamp, worst_seconds: u64, report: &mut Report) {
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
        limit_seconds: place.lives.ends_seconds(),
        worst_seconds,
        parts: listing.kept + listing.due.len() as u64,
        oldest_seconds: listing.oldest.map(|oldest| (now.seconds() - oldest.seconds()).max(0).unsigned_abs()),
        next: listing.next,
    });
}

/// Parts that are not as the journal says.
fn against_journal(place: &Place, compared: &Compared, report: &mut Report) {
    let kinds = [
        (
            &compared.gone,
            "parts that the journal calls stored are gone, and nothing says who destroyed them: find out who removes files there, since \
             Sluis enters each before it goes",
        ),
        (
            &compared.unknown,
            "parts are there that the journal never called stored: find out who put them there; those that an earlier version stored \
             go by their deadline",
        ),
        (
            &compared.back,
            "parts that the journal calls destroyed are there: restored from a backup, or kept by a crash; `sluis sweep` destroys what is due, \
             and ends a merge that broke off",
        ),
        (
            &compared.changed,
            "parts are not as they were stored, their size is another: find out who writes there, and do not trust what they say",
        ),
        (&compared.open, "parts can be read by everyone on this machine; run chmod o-rwx on them"),
    ];
    for (names, what) in kinds {
        if let Some(first) = names.first() {
            report.violation(&subject(place), format!("{} {what} (the first is {first})", names.len()));
        }
    }
}

/// Parts of stores that the pipeline no longer has: no sweep reaches them.
fn forgotten(scope: &Scope<'_>, evidence: &Evidence, report: &mut Report) {
    for (store, class, parts) in evidence.stores() {
        let is_swept = |place: &Place| place.store == store && place.class.as_deref() == class;
        if scope.places.iter().any(is_swept) {
            continue;
        }
        let left = |stored: &Stored| stored.deadline > scope.now;
        let count =
            parts.values().filter(|fate| !fate.destroyed && fate.stored.as_ref().is_some_and(left)).count();
        if count > 0 {
            let subject = class.map_or_else(|| store.to_owned(), |class| format!("{store}, class {class}"));
            report.violation(
                &subject,
                format!(
                    "{count} parts that the journal calls stored are in a store that the pipeline no longer has, so that nothing destroys \
                     them: put it back until they are due"
                ),
            );
        }
    }
}

/// Every policy that was in force has its text in the archive.
fn archive(state: &Path, evidence: &Evidence, report: &mut Report) {
    let hashes = evidence.policies.hashes();
    report.policies = hashes.len();
    for sha256 in hashes {
        let what = match policies::look(state, sha256) {
            Kept::Whole => continue,
            Kept::Missing => "is not in the archive",
            Kept::Differs => "is not what the archive has under its hash",
        };
        report.violation(
            "policy",
            format!(
                "the text of the policy with sha256 {sha256}, which was in force, {what}; put the file of that time at {}",
                policies::path(state, sha256).display()
            ),
        );
    }
}

/// Others may not get at what is stored, nor at its evidence.
fn permissions(subject: &str, path: &Path, report: &mut Report) {
    let Ok(facts) = fs::metadata(path) else { return };
    if facts.permissions().mode() & OTHERS != 0 {
        report.violation(
            subject,
            format!("{} is open to everyone on this machine; run chmod o-rwx on it", path.display()),
        );
    }
}

/// Encrypted parts that nothing can read.
fn without_key(place: &Place, keyless: &Keyless, report: &mut Report) {
    let kinds = [
        (
            &keyless.left,
            "parts are there although their key is destroyed, with which they should be gone; run `sluis sweep`, and see that `sluis run` or its \
             timer is at work",
        ),
        (
            &keyless.lost,
            "parts are not due, and the keyring has no key for them: nothing can read them; import it again from another node, or see which keyring \
             they were stored with",
        ),
    ];
    for (names, what) in kinds {
        if let Some(first) = names.first() {
            report.violation(&subject(place), format!("{} {what} (the first is {first})", names.len()));
        }
    }
}

/// From when on the oldest key of a chain is late: that of a storage is destroyed within the margin before.
fn must_be_dead(chain: &ChainFacts) -> Timestamp {
    let margin = if is_storage(&chain.domain) { margin_seconds(chain.retention_seconds) } else { 0 };
    chain.first_dies.plus_seconds(i64::try_from(margin).unwrap_or(i64::MAX))
}

/// Keys that should be dead, and the evidence of those that are.
fn keyring(directory: &Path, scope: &Scope<'_>, report: &mut Report) {
    let evidence = match Evidence::read(directory, scope.keyring_anchored) {
        Ok((evidence, verified)) => {
            report.keyring = Some(verified);
            evidence
        }
        // Without a keyring there is nothing to prove; that it is missing is said below.
        Err(NoEvidence::Missing) if !directory.exists() => Evidence::default(),
        Err(problem) => {
            report.violation("keyring journal", problem.to_string());
            Evidence::default()
        }
    };
    permissions("keyring journal", &directory.join(FILE_NAME), report);
    let chains = match keys::admin::list(directory, scope.now) {
        Ok(chains) => chains,
        Err(problem) => return report.violation("keys", problem.to_string()),
    };
    for place in scope.places.iter().filter(|place| place.encrypted) {
        match Keyless::new(place, &chains, scope.now) {
            Ok(keyless) => without_key(place, &keyless, report),
            Err(error) => report.violation(&subject(place), format!("it cannot be read ({})", error.kind())),
        }
    }
    for chain in chains.iter().filter(|chain| must_be_dead(chain) <= scope.now) {
        report.violation(
            "keys",
            format!(
                "the key of epoch {} of {} should be dead; run `sluis keys advance`, and see that `sluis run` is at work",
                chain.first_epoch,
                of(&chain.domain)
            ),
        );
    }
    for what in evidence.against_keyring(&chains) {
        report.violation(
            "keys",
            format!(
                "the keyring is older than its journal, as one that came back from a backup is, or a crash kept a change from it: {what}; \
                 run `sluis keys advance`, and `sluis keys renew` where it came from a backup or lacks a chain"
            ),
        );
    }
}
