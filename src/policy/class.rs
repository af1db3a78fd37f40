//! Policies as meant: classes, domains, outputs. They cannot be wrong; `config` makes them and reports what is.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::treatment::{Place, Rule};

/// Names under which a request or response brings fields that only the user can classify.
pub const OPEN_PREFIXES: [&str; 3] =
    ["http.request.header.", "http.response.header.", "http.request.cookie."];

/// A pseudonymisation domain (EDPB guidelines 01/2025): the scope in which one person has one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Length of an epoch in seconds; tokens compare only within one.
    pub epoch_seconds: u64,
    /// The longest retention of its classes, in seconds: keys of an epoch live that long after its end.
    pub retention_seconds: u64,
}

/// A step at which what is stored of a class narrows before it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Age in seconds at which it begins: less than the retention, more than that of the stage before.
    pub after_seconds: u64,
    /// Output names that are gone from then on.
    pub drop: Vec<String>,
}

/// How long what is stored of a class lives, and how it narrows: what it is before its first stage, and then at each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lives {
    /// How long a record may live as it was stored, in seconds.
    pub first_seconds: u64,
    /// What follows, in order; empty where it ends then.
    pub later: Vec<Later>,
}

/// What is stored of a class at a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Until which age a record may live so, in seconds.
    pub until_seconds: u64,
    /// Output names that are gone by then, those of the stages before, too.
    pub drop: Vec<String>,
}

impl Lives {
    /// Of what does not narrow.
    pub const fn through(seconds: u64) -> Self {
        Self { first_seconds: seconds, later: Vec::new() }
    }

    /// Until which age, in seconds, a record may live at `stage`: 0 as it was stored, 1 the first of [`later`](Self::later). A stage that is none
    /// any more ends with the last.
    pub fn until_seconds(&self, stage: u32) -> u64 {
        let at = (stage as usize).min(self.later.len());
        at.checked_sub(1).map_or(self.first_seconds, |at| self.later[at].until_seconds)
    }

    /// At which age, in seconds, the last of a record must be gone.
    pub fn ends_seconds(&self) -> u64 {
        self.later.last().map_or(self.first_seconds, |last| last.until_seconds)
    }

    /// The same where nothing that is stored can be rewritten: it ends at its first stage.
    #[must_use]
    pub fn not_rewritten(self) -> Self {
        Self { later: Vec::new(), ..self }
    }
}

/// A retention class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name (`web`).
    pub name: String,
    /// How long a record may live, in seconds; `None` only in the built-in policy of `filter`, which stores nothing.
    pub retention_seconds: Option<u64>,
    /// How it narrows before it ends, in order.
    pub stages: Vec<Stage>,
    /// Index into [`Policy::domains`].
    pub domain: usize,
    /// Why it is processed; never empty in a policy from a file.
    pub purposes: Vec<String>,
    /// The legal basis, as the controller words it.
    pub legal_basis: String,
    /// Whose data it is.
    pub subjects: Vec<String>,
    /// What is done to which field: the policy's `[fields]` with the class's own on top.
    pub fields: BTreeMap<String, Rule>,
    /// Where it is defined.
    pub place: Place,
}

impl Class {
    /// How long a record may live that has all of its fields, in seconds: until the first stage.
    pub fn whole_seconds(&self) -> Option<u64> {
        self.retention_seconds.map(|ends| self.stages.first().map_or(ends, |stage| stage.after_seconds))
    }

    /// How what leaves by `view` lives. A stage that drops nothing of that is none.
    pub fn lives(&self, view: Option<&View>) -> Lives {
        let leaves = |name: &&String| view.is_none_or(|view| view.fields.contains(name));
        let ends = self.retention_seconds.unwrap_or(0);
        let mut lives = Lives::through(ends);
        let mut gone: Vec<String> = Vec::new();
        for stage in &self.stages {
            let drop: Vec<String> = stage.drop.iter().filter(leaves).cloned().collect();
            if drop.is_empty() {
                continue;
            }
            gone.extend(drop);
            let before =
                lives.later.last_mut().map_or(&mut lives.first_seconds, |later| &mut later.until_seconds);
            *before = stage.after_seconds;
            lives.later.push(Later { until_seconds: ends, drop: gone.clone() });
        }
        lives
    }
}

/// A view that can only narrow what a class lets leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name (`statistics`).
    pub name: String,
    /// Output names that may leave.
    pub fields: Vec<String>,
    /// Purposes that a sink of this view may have.
    pub purposes: Vec<String>,
    /// Where it is defined.
    pub place: Place,
}

/// A whole policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its version, a date.
    pub version: String,
    /// The controller (GDPR art. 4(7)).
    pub controller: String,
    /// Where the controller can be reached.
    pub contact: String,
    /// Places where outputs may stand.
    pub locations: Vec<String>,
    /// Infrastructure whose addresses stay readable.
    pub own_networks: Vec<IpNet>,
    /// Names of rooms and people that are learned from fields and found in later texts, at most; 0: none.
    pub learned_names: usize,
    /// Variables and JSON keys that the user classified: `$the_real_ip` is `client.address`.
    pub variables: BTreeMap<String, String>,
    /// Pseudonymisation domains.
    pub domains: Vec<Domain>,
    /// Retention classes, in the order of the file.
    pub classes: Vec<Class>,
    /// Views.
    pub views: Vec<View>,
    /// SHA-256 of the file's bytes, in hex: the version that evidence names.
    pub hash: String,
}

impl Policy {
    /// The index of the class called `name`.
    pub fn class(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|class| class.name == name)
    }

    /// What the policy says of the variables of a format: `[variables]`, and each header and cookie that has a rule, as itself.
    /// Whoever says what is done to `http.request.header.x-request-id` has said what `$http_x_request_id` is. A field
    /// outside [`OPEN_PREFIXES`] is no such case: its name does not say which variable brings it.
    pub fn classified(&self) -> BTreeMap<String, String> {
        let mut classified = self.variables.clone();
        let open = |field: &&String| {
            OPEN_PREFIXES.iter().any(|prefix| field.len() > prefix.len() && field.starts_with(prefix))
        };
        for field in self.classes.iter().flat_map(|class| class.fields.keys()).filter(open) {
            classified.entry(field.clone()).or_insert_with(|| field.clone());
        }
        classified
    }

    /// The view called `name`.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name)
    }
}
