//! From a policy as written to a policy as meant, which cannot be wrong: everything that only shows when one part is held
//! against another. No I/O, no clock; every contradiction is reported, and the policy that comes out of a file with problems
//! serves only to find more of them.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostics::Report;
use super::document::At;
use super::fields::Rules;
use super::policy_file::{Texts, WrittenClass, WrittenPolicy};
use super::suggest;
use super::units::duration_text;
use crate::policy::class::{Class, Domain, OPEN_PREFIXES, Policy, Stage, View};
use crate::policy::table::TENANT;
use crate::policy::treatment::{Rule, Segment, Treatment};
use crate::record::field::{Kind, kind_of};

/// An epoch where the policy states none: one UTC day.
pub(super) const EPOCH_SECONDS_DEFAULT: u64 = 86_400;

/// Names learned where the policy does not say: those of a large house on a busy day, in a few megabytes.
const LEARNED_NAMES_DEFAULT: usize = 50_000;

/// A shorter epoch would turn the ratchet more often than anybody can use, and make a long pause costly to catch up with.
const EPOCH_SECONDS_MIN: u64 = 60;

/// Names that every record carries, whatever a view says.
const ALWAYS: [&str; 3] = ["sluis.class", "sluis.epoch", "sluis.deadline"];

/// Makes the policy of `written`.
pub(super) fn mean(written: &WrittenPolicy, hash: String, report: &mut Report) -> Policy {
    let text = |text: &Option<At<String>>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
    let mut policy = Policy {
        name: text(&written.name),
        version: text(&written.version),
        controller: text(&written.controller),
        contact: text(&written.contact),
        locations: stated(written.locations.as_ref(), "locations", report),
        own_networks: written.own_networks.clone(),
        learned_names: written
            .learned_names
            .as_ref()
            .map_or(LEARNED_NAMES_DEFAULT, |names| names.value as usize),
        variables: written.variables.clone(),
        domains: Vec::new(),
        classes: Vec::new(),
        views: Vec::new(),
        hash,
    };
    for class in &written.classes {
        let meant = mean_class(class, written, &mut policy.domains, report);
        policy.classes.push(meant);
    }
    check_epochs(written, &mut policy, report);
    check_unused_domains(written, &policy, report);
    check_rules(written, &policy, report);
    policy.views = views(written, &policy, report);
    policy
}

fn mean_class(
    class: &WrittenClass,
    written: &WrittenPolicy,
    domains: &mut Vec<Domain>,
    report: &mut Report,
) -> Class {
    if let Some(retention) = &class.retention
        && retention.value == 0
    {
        report.error(&retention.span, "retention of nothing; write a length, or no class at all");
    }
    let name = domain_name(class, written, report);
    let domain = domains.iter().position(|domain| domain.name == name).unwrap_or_else(|| {
        let epoch = written.domains.iter().find(|domain| domain.name.value == name);
        let epoch =
            epoch.and_then(|domain| domain.epoch.as_ref()).map_or(EPOCH_SECONDS_DEFAULT, |at| at.value);
        domains.push(Domain { name, epoch_seconds: epoch, retention_seconds: 0 });
        domains.len() - 1
    });
    let retention_seconds = class.retention.as_ref().map(|at| at.value);
    let longest = &mut domains[domain].retention_seconds;
    *longest = (*longest).max(retention_seconds.unwrap_or(0));
    let mut fields: BTreeMap<String, Rule> = BTreeMap::new();
    for (name, rule) in written.fields.iter().chain(&class.fields) {
        fields.insert(name.clone(), rule.value.clone());
    }
    check_outputs(class, written, &fields, report);
    let purposes = stated(class.purposes.as_ref(), "purposes", report);
    let stages = stages(class, &fields, report);
    Class {
        name: class.name.value.clone(),
        retention_seconds,
        stages,
        domain,
        purposes,
        legal_basis: class.legal_basis.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        subjects: stated(class.subjects.as_ref(), "subjects", report),
        fields,
        place: report.source.place(class.name.span.start),
    }
}

/// The stages of a class: later and later, before its end, each dropping what leaves and was not dropped before.
fn stages(class: &WrittenClass, fields: &BTreeMap<String, Rule>, report: &mut Report) -> Vec<Stage> {
    let leaving: BTreeSet<&str> = fields.iter().flat_map(|(field, rule)| leaving(field, rule)).collect();
    let (mut stages, mut gone): (Vec<Stage>, BTreeSet<&str>) = (Vec::new(), BTreeSet::new());
    for written in &class.stages {
        let after = written.after.value;
        let least = stages.last().map_or(0, |stage| stage.after_seconds);
        if after <= least {
            report.error(
                &written.after.span,
                format!(
                    "a stage begins after {}; write a later age than that of the one before",
                    duration_text(after)
                ),
            );
        }
        if let Some(retention) = class.retention.as_ref().filter(|retention| retention.value <= after) {
            report.error(
                &written.after.span,
                format!(
                    "a stage begins after {}, when class '{}' has ended ({}); write a lower age",
                    duration_text(after),
                    class.name.value,
                    duration_text(retention.value)
                ),
            );
        }
        for name in &written.drop.value {
            let field = name.value.as_str();
            if ALWAYS.contains(&field) || field == "time" {
                report.error(
                    &name.span,
                    format!("'{field}' cannot be dropped: it says by when a record must go"),
                );
            } else if !leaving.contains(field) {
                let remedy = suggest::remedy(
                    field,
                    leaving.iter().copied(),
                    "name what leaves, as `sluis check` lists it",
                );
                report.error(
                    &name.span,
                    format!("nothing leaves class '{}' as '{field}'{remedy}", class.name.value),
                );
            } else if !gone.insert(field) {
                report.error(
                    &name.span,
                    format!("'{field}' is dropped twice; it does not come back, so name it once"),
                );
            }
        }
        let drop = stated(Some(&written.drop), "drop", report);
        stages.push(Stage { after_seconds: after, drop });
    }
    stages
}

/// The names under which a field leaves.
fn leaving<'r>(field: &'r str, rule: &'r Rule) -> impl Iterator<Item = &'r str> {
    let leaves = rule.outputs.iter().filter(|output| output.treatment != Treatment::Drop);
    leaves.map(move |output| output.rename.as_deref().unwrap_or(field))
}

/// The texts of a list that must say something: neither the list nor one of its texts is empty, none stands twice.
fn stated(list: Option<&Texts>, key: &str, report: &mut Report) -> Vec<String> {
    let Some(list) = list else { return Vec::new() };
    if list.value.is_empty() {
        report.error(&list.span, format!("'{key}' is empty; state at least one"));
    }
    let mut texts: Vec<String> = Vec::new();
    for text in &list.value {
        if text.value.trim().is_empty() {
            report.error(&text.span, format!("an empty text in '{key}'; write it out or remove it"));
        } else if texts.contains(&text.value) {
            report.error(&text.span, format!("'{}' stands twice in '{key}'; remove one", text.value));
        } else {
            texts.push(text.value.clone());
        }
    }
    texts
}

/// The domain of a class. A class that names none has one of its own, called like the class, which no other may enter:
/// otherwise its records could be linked although its author kept them apart.
fn domain_name(class: &WrittenClass, written: &WrittenPolicy, report: &mut Report) -> String {
    let Some(domain) = &class.domain else { return class.name.value.clone() };
    let name = domain.value.as_str();
    let owner = written.classes.iter().find(|other| other.name.value == name && other.domain.is_none());
    if let Some(owner) = owner {
        report.error(
            &domain.span,
            format!(
                "domain '{name}' is class '{name}'s own; write domain = \"{name}\" in [class.{name}] too, if records of \
                 both may be linked",
                name = owner.name.value
            ),
        );
    } else if !written.domains.iter().any(|declared| declared.name.value == name) {
        let declared = written.domains.iter().map(|domain| domain.name.value.as_str());
        let remedy = suggest::remedy(name, declared, &format!("declare it: [domain.{name}]"));
        report.error(&domain.span, format!("unknown domain '{name}'{remedy}"));
    }
    domain.value.clone()
}

/// An epoch longer than every retention of its domain would let tokens compare longer than any record may live.
fn check_epochs(written: &WrittenPolicy, policy: &mut Policy, report: &mut Report) {
    for domain in &policy.domains {
        let declared = written.domains.iter().find(|declared| declared.name.value == domain.name);
        let epoch = declared.and_then(|declared| declared.epoch.as_ref());
        if let Some(epoch) = epoch
            && epoch.value < EPOCH_SECONDS_MIN
        {
            report.error(
                &epoch.span,
                format!("epoch of less than a minute; write at least \"{EPOCH_SECONDS_MIN}s\""),
            );
        }
        // Zero: no class of the domain has a retention that could be read, or it is the built-in policy.
        if domain.retention_seconds == 0 || domain.epoch_seconds <= domain.retention_seconds {
            continue;
        }
        let (length, longest) =
            (duration_text(domain.epoch_seconds), duration_text(domain.retention_seconds));
        let classes = || written.classes.iter().zip(&policy.classes);
        let member = classes().find(|(_, class)| policy.domains[class.domain].name == domain.name);
        let span = match (epoch, member) {
            (Some(epoch), _) => epoch.span.clone(),
            (None, Some((class, _))) => {
                class.retention.as_ref().map_or(class.name.span.clone(), |at| at.span.clone())
            }
            (None, None) => continue,
        };
        let default = if epoch.is_some() { "" } else { " (the default)" };
        report.error(
            &span,
            format!(
                "epoch of domain '{name}' is {length}{default}, longer than every retention in it ({longest}); write \
                 epoch = \"{longest}\" or less in [domain.{name}]",
                name = domain.name
            ),
        );
    }
}

fn check_unused_domains(written: &WrittenPolicy, policy: &Policy, report: &mut Report) {
    for declared in &written.domains {
        if !policy.domains.iter().any(|domain| domain.name == declared.name.value) {
            report.warn(
                &declared.name.span,
                format!(
                    "no class uses domain '{}'; write domain = \"…\" in a class, or remove it",
                    declared.name.value
                ),
            );
        }
    }
}

/// Two outputs of one class cannot leave under one name.
fn check_outputs(
    class: &WrittenClass,
    written: &WrittenPolicy,
    fields: &BTreeMap<String, Rule>,
    report: &mut Report,
) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (field, rule) in fields {
        for output in &rule.outputs {
            let name = output.rename.as_deref().unwrap_or(field);
            if let Some(other) = seen.insert(name, field)
                && other != field
            {
                let at = class.fields.get(field).or_else(|| written.fields.get(field));
                let span = at.map_or(class.name.span.clone(), |rule| rule.span.clone());
                let class = &class.name.value;
                report.error(
                    &span,
                    format!("'{field}' and '{other}' both leave class '{class}' as '{name}'; give one another name"),
                );
            }
        }
    }
}

/// Rules that do nothing, and fields that templates name and no rule treats.
fn check_rules(written: &WrittenPolicy, policy: &Policy, report: &mut Report) {
    let sections =
        || std::iter::once(&written.fields).chain(written.classes.iter().map(|class| &class.fields));
    let classified: BTreeSet<&str> = policy.variables.values().map(String::as_str).collect();
    for (name, rule) in sections().flat_map(Rules::iter) {
        let open = OPEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if kind_of(name) == Kind::Unclassified && !open && !classified.contains(name.as_str()) {
            report.warn(
                &rule.span,
                format!("nothing brings '{name}' unless a json map does; name its variable in [variables]"),
            );
        }
        for named in named_fields(&rule.value) {
            if !sections().any(|rules| rules.contains_key(named)) {
                report.warn(
                    &rule.span,
                    format!("'{named}' has no rule, so what stands there is dropped; name it in [fields]"),
                );
            }
        }
    }
    if let Some(span) = &written.fields_span
        && !sections().any(|rules| rules.contains_key("time"))
    {
        report.warn(span, "no rule for 'time', so records say it exactly; write \"time\" = \"keep\", or \"generalise\" for the hour");
    }
}

/// Fields that a template or a parameter of `rule` names.
fn named_fields(rule: &Rule) -> Vec<&str> {
    let mut named = Vec::new();
    for output in &rule.outputs {
        match &output.treatment {
            Treatment::Template(path) => {
                for segment in path.templates.iter().flatten() {
                    if let Segment::Field(field) = segment
                        && field != TENANT
                    {
                        named.push(field.as_str());
                    }
                }
            }
            Treatment::Parameters(query) => {
                named.extend(query.name_parameters.iter().map(|(_, field)| field.as_str()));
            }
            _ => {}
        }
    }
    named.sort_unstable();
    named.dedup();
    named
}

/// Views can only narrow, so a name that nothing produces is harmless, and probably a slip.
fn views(written: &WrittenPolicy, policy: &Policy, report: &mut Report) -> Vec<View> {
    let mut produced: BTreeSet<&str> = ALWAYS.into();
    for (field, rule) in policy.classes.iter().flat_map(|class| &class.fields) {
        produced.extend(leaving(field, rule));
    }
    let purposes: BTreeSet<&str> =
        policy.classes.iter().flat_map(|class| &class.purposes).map(String::as_str).collect();
    let mut views = Vec::new();
    for view in &written.views {
        let fields = stated(view.fields.as_ref(), "fields", report);
        for field in view.fields.iter().flat_map(|list| &list.value) {
            if !produced.contains(field.value.as_str()) {
                let name = &field.value;
                let remedy =
                    suggest::remedy(name, produced.iter().copied(), "name it in [fields], or remove it");
                report.warn(&field.span, format!("nothing produces '{name}'{remedy}"));
            }
        }
        let stated_purposes = stated(view.purposes.as_ref(), "purposes", report);
        for purpose in view.purposes.iter().flat_map(|list| &list.value) {
            if !purposes.contains(purpose.value.as_str()) {
                let name = &purpose.value;
                let remedy =
                    suggest::remedy(name, purposes.iter().copied(), "no sink of this output can have it");
                report.warn(&purpose.span, format!("no class has the purpose '{name}'{remedy}"));
            }
        }
        views.push(View {
            name: view.name.value.clone(),
            fields,
            purposes: stated_purposes,
            place: report.source.place(view.name.span.start),
        });
    }
    views
}
