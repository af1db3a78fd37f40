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

/// A retention class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name (`web`).
    pub name: String,
    /// How long a record may live, in seconds; `None` only in the built-in policy of `filter`, which stores nothing.
    pub retention_seconds: Option<u64>,
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
