//! A policy file as written: every value with its place, nothing compared with anything else yet.
//!
//! The step to a policy as meant is `policy_meant`. Keys are documented here, at the function that reads them, and in
//! `config/REFERENCE.md`.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::diagnostics::{Report, Span};
use super::document::{At, Section};
use super::fields::{self, Rules};
use super::vocabulary::{CLASS, DOMAIN, OUTPUT, POLICY, POLICY_FILE, STAGE};

/// More names would take a worker hundreds of megabytes.
const LEARNED_NAMES_MAX: u64 = 1_000_000;

/// A list of texts with its place and theirs.
pub(super) type Texts = At<Vec<At<String>>>;

/// The whole file.
#[derive(Default)]
pub(super) struct WrittenPolicy {
    pub name: Option<At<String>>,
    pub version: Option<At<String>>,
    pub controller: Option<At<String>>,
    pub contact: Option<At<String>>,
    pub locations: Option<Texts>,
    pub own_networks: Vec<IpNet>,
    pub learned_names: Option<At<u64>>,
    pub domains: Vec<WrittenDomain>,
    pub classes: Vec<WrittenClass>,
    pub fields: Rules,
    /// Where `[fields]` stands.
    pub fields_span: Option<Span>,
    pub variables: BTreeMap<String, String>,
    pub views: Vec<WrittenView>,
}

/// `[domain.*]`.
pub(super) struct WrittenDomain {
    pub name: At<String>,
    pub epoch: Option<At<u64>>,
}

/// `[class.*]`.
pub(super) struct WrittenClass {
    pub name: At<String>,
    /// `None` when absent or unreadable; both are reported.
    pub retention: Option<At<u64>>,
    pub stages: Vec<WrittenStage>,
    pub domain: Option<At<String>>,
    pub purposes: Option<Texts>,
    pub legal_basis: Option<At<String>>,
    pub subjects: Option<Texts>,
    pub fields: Rules,
}

/// A stage of `[class.*]`.
pub(super) struct WrittenStage {
    pub after: At<u64>,
    pub drop: Texts,
}

/// `[output.*]`.
pub(super) struct WrittenView {
    pub name: At<String>,
    pub fields: Option<Texts>,
    pub purposes: Option<Texts>,
}

/// Whether a class must say how long its records live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file of the user: a class without `retention` is refused.
    File,
    /// The policy inside the program, under which nothing is stored.
    BuiltIn,
}

/// Reads a policy file: the sections `policy`, `domain`, `class`, `fields`, `variables`, `output`.
pub(super) fn read(root: &Section<'_>, origin: Origin, report: &mut Report) -> WrittenPolicy {
    root.check_keys(&POLICY_FILE, report);
    let mut written = WrittenPolicy::default();
    read_policy(root, &mut written, report);
    written.domains = root.sections("domain", report).iter().map(|section| domain(section, report)).collect();
    if root.required("class", "write at least one, such as [class.web]", report).is_some() {
        written.classes =
            root.sections("class", report).iter().map(|section| class(section, origin, report)).collect();
    }
    if let Some(section) = root.section("fields", report) {
        written.fields_span = Some(section.span.clone());
        written.fields = fields::read(&section, report);
    }
    written.variables = variables(root, report);
    written.views = root.sections("output", report).iter().map(|section| view(section, report)).collect();
    written
}

/// `[policy]`: `name` and `version` (a date) name it in registers, journals and outputs; `controller` and `contact` are
/// those of GDPR art. 4(7) and 13; `locations` are the places where outputs may stand; addresses of `own_networks` are
/// infrastructure and stay readable; at most `learned_names` (50,000) names are learned across records, none with 0.
fn read_policy(root: &Section<'_>, written: &mut WrittenPolicy, report: &mut Report) {
    let Some(section) = root
        .required("policy", "say whose it is: name, version, controller, contact, locations", report)
        .and_then(|_| root.section("policy", report))
    else {
        return;
    };
    section.check_keys(&POLICY, report);
    section.required("name", "registers and journals name the policy", report);
    section.required("version", "write the date of the statement it keeps, such as \"2026-11-21\"", report);
    written.name = non_empty(section.text("name", report), "name", report);
    written.version = non_empty(section.text("version", report), "version", report);
    written.controller = section.text("controller", report);
    written.contact = section.text("contact", report);
    for (key, value) in [("controller", &written.controller), ("contact", &written.contact)] {
        if value.is_none() && section.get(key).is_none() {
            report
                .warn(&section.span, format!("no '{key}' in [policy]; the register of processing names it"));
        }
    }
    written.locations = section.texts("locations", report);
    for network in section.texts("own_networks", report).iter().flat_map(|list| &list.value) {
        written.own_networks.extend(own_network(network, report));
    }
    written.learned_names = section.number("learned_names", report);
    if let Some(names) = &written.learned_names
        && names.value > LEARNED_NAMES_MAX
    {
        report.error(
            &names.span,
            format!("'learned_names' is {}; write at most {LEARNED_NAMES_MAX}, or 0 for none", names.value),
        );
    }
}

/// An empty text is as good as none.
fn non_empty(text: Option<At<String>>, key: &str, report: &mut Report) -> Option<At<String>> {
    let text = text?;
    if text.value.trim().is_empty() {
        report.error(&text.span, format!("'{key}' is empty; write it out"));
        return None;
    }
    Some(text)
}

/// A network in CIDR notation, or one address. Whole continents are refused: that would be a wildcard for `keep`.
fn own_network(text: &At<String>, report: &mut Report) -> Option<IpNet> {
    let address = || text.value.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address));
    let Some(network) = text.value.parse::<IpNet>().ok().or_else(address) else {
        report.error(
            &text.span,
            format!("'{}' is no network; write address/bits, such as \"10.0.0.0/8\"", text.value),
        );
        return None;
    };
    let bits_min = if network.addr().is_ipv4() { 8 } else { 16 };
    if network.prefix_len() < bits_min {
        report.error(
            &text.span,
            format!("network '{}' is nobody's own; write at least /{bits_min}", text.value),
        );
        None
    } else if network != network.trunc() {
        report.error(
            &text.span,
            format!(
                "network '{}' has bits beyond its prefix; did you mean '{}'?",
                text.value,
                network.trunc()
            ),
        );
        None
    } else {
        Some(network)
    }
}

/// `[domain.*]`: the scope in which one person has one token. `epoch` (default `1d`) is how long a token stays the same;
/// epochs are counted from 1970-01-01 UTC.
fn domain(section: &Section<'_>, report: &mut Report) -> WrittenDomain {
    section.check_keys(&DOMAIN, report);
    WrittenDomain {
        name: At { value: section.name.to_owned(), span: section.span.clone() },
        epoch: section.seconds("epoch", report),
    }
}

/// `[class.*]`: `retention` is how long a record may live; `stages` how it narrows before; `domain` where its tokens compare (left out: a domain of its
/// own); `purposes`, `legal_basis` and `subjects` are what the register says of it; `fields` what differs for this class.
fn class(section: &Section<'_>, origin: Origin, report: &mut Report) -> WrittenClass {
    section.check_keys(&CLASS, report);
    if origin == Origin::File {
        section.required("retention", "say how long a record may live, such as \"14d\"", report);
    }
    section.required("purposes", "say what its records are for", report);
    let own = section
        .get("fields")
        .and_then(|entry| entry.section(format!("[class.{}.fields]", section.name), report));
    let written = WrittenClass {
        name: At { value: section.name.to_owned(), span: section.span.clone() },
        retention: section.seconds("retention", report),
        stages: stages(section, report),
        domain: section.text("domain", report),
        purposes: section.texts("purposes", report),
        legal_basis: section.text("legal_basis", report),
        subjects: section.texts("subjects", report),
        fields: own.map(|own| fields::read(&own, report)).unwrap_or_default(),
    };
    for (key, what) in [("legal_basis", "legal basis"), ("subjects", "whose data it is")] {
        if section.get(key).is_none() {
            report.warn(
                &section.span,
                format!("{} states no {what}; the register of processing names it", section.title),
            );
        }
    }
    written
}

/// `stages` of a class: `[{ after = "7d", drop = ["client.address"] }]`, in the order in which they come. From the age `after` on, what is stored no
/// longer has the fields of `drop`, by the names under which they leave.
fn stages(section: &Section<'_>, report: &mut Report) -> Vec<WrittenStage> {
    let Some(entry) = section.get("stages") else { return Vec::new() };
    let title = format!("a stage of {}", section.title);
    let Some(tables) = entry.tables(&title, report) else {
        entry.wrong::<()>("a list of stages { after = …, drop = … }", report);
        return Vec::new();
    };
    if tables.is_empty() {
        report.error(&entry.span(), "'stages' is empty; write a stage, or leave it out");
    }
    let mut stages = Vec::new();
    for table in &tables {
        table.check_keys(&STAGE, report);
        table.required("after", "say at which age it begins, such as \"7d\"", report);
        table.required("drop", "name the fields that are gone from then on", report);
        if let (Some(after), Some(drop)) = (table.seconds("after", report), table.texts("drop", report)) {
            stages.push(WrittenStage { after, drop });
        }
    }
    stages
}

/// `[variables]`: what a variable of a format string or a JSON key is: `"$the_real_ip" = "client.address"`.
fn variables(root: &Section<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let Some(section) = root.section("variables", report) else { return variables };
    for entry in section.entries() {
        let Some(field) = entry.text(report) else { continue };
        if let Some(remedy) = variable_problem(entry.key) {
            report.error(&entry.key_span(), format!("'{}' is no variable; {remedy}", entry.key));
        }
        fields::check_name(&field.value, &field.span, report);
        variables.insert(entry.key.to_owned(), field.value);
    }
    variables
}

/// Why a name cannot be a variable of nginx (`$name`) or Apache (`%{Name}i`); any other text is a JSON key.
fn variable_problem(name: &str) -> Option<&'static str> {
    if let Some(name) = name.strip_prefix('$') {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        (name.is_empty() || !name.bytes().all(plain)).then_some("a variable of nginx is written \"$name\"")
    } else if name.starts_with('%') {
        let end = name.rfind('}');
        let whole = name.starts_with("%{") && end.is_some_and(|end| end > 2 && end + 1 < name.len());
        let short = name.len() == 2 && name.as_bytes()[1].is_ascii_alphabetic();
        (!whole && !short).then_some("a directive of Apache is written \"%{Name}i\"")
    } else {
        name.is_empty().then_some("write the key of the JSON record")
    }
}

/// `[output.*]`: a view that can only narrow: `fields` that may leave, and `purposes` a sink of it may have.
fn view(section: &Section<'_>, report: &mut Report) -> WrittenView {
    section.check_keys(&OUTPUT, report);
    section.required("fields", "name what may leave", report);
    section.required("purposes", "say what it is for", report);
    WrittenView {
        name: At { value: section.name.to_owned(), span: section.span.clone() },
        fields: section.texts("fields", report),
        purposes: section.texts("purposes", report),
    }
}
