//! `[fields]`: what is done to which field, from the words of the file to [`Rule`]s.
//!
//! A treatment is a word (`"scrub"`) or a table (`{ pseudonymise = "token", truncate = { … } }`). Every table key is read
//! in one function of its own.

use std::collections::BTreeMap;

use super::diagnostics::{Report, Span};
use super::document::{At, Entry, Section, one_of};
use super::suggest;
use super::suits;
use super::vocabulary::{ELSE, FORMS, TREATMENT, TREATMENT_WORDS, TRUNCATE};
use crate::policy::class::OPEN_PREFIXES;
use crate::policy::treatment::{Form, Output, PathRule, Prefix, QueryRule, Rule, Segment, Treatment};
use crate::record::field::{KNOWN, kind_of};

/// Rules by field; the span is that of the field's name.
pub(super) type Rules = BTreeMap<String, At<Rule>>;

/// Reads a `[fields]` section.
pub(super) fn read(section: &Section<'_>, report: &mut Report) -> Rules {
    let mut rules = Rules::new();
    for entry in section.entries() {
        if is_dotted(&entry) {
            let example = dotted_name(&entry);
            report.error(
                &entry.key_span(),
                format!("field name without quotes in {}; write \"{example}\" in quotes", section.title),
            );
        } else if check_name(entry.key, &entry.key_span(), report)
            && let Some(outputs) = outputs(&entry, report)
        {
            let place = report.source.place(entry.key_span().start);
            let rule = At { value: Rule { outputs, place }, span: entry.key_span() };
            rules.insert(entry.key.to_owned(), rule);
        }
    }
    rules
}

/// True when the name of a field was written without quotes, which TOML reads as a table in a table.
fn is_dotted(entry: &Entry<'_>) -> bool {
    let Some(table) = entry.value.as_table() else { return false };
    let words = TREATMENT.keys.iter().chain(TREATMENT.later);
    !entry.key.contains('.')
        && !table.is_empty()
        && table.keys().all(|key| {
            let key: &str = key.get_ref();
            !words.clone().any(|word| *word == key) && suggest::nearest(key, words.clone().copied()).is_none()
        })
}

/// `client.address` for `client = { address = … }`.
fn dotted_name(entry: &Entry<'_>) -> String {
    let mut name = entry.key.to_owned();
    let mut value = entry.value;
    while let Some((key, inner)) = value.as_table().and_then(|table| table.iter().next()) {
        let key: &str = key.get_ref();
        name = format!("{name}.{key}");
        value = inner.get_ref();
    }
    name
}

/// Reports a name that no field can have, or that is nearly one of the table: a slip would silently treat nothing.
pub(super) fn check_name(name: &str, span: &Span, report: &mut Report) -> bool {
    let known = || KNOWN.iter().map(|known| known.name);
    let complaint = if known().any(|known| known == name) {
        None
    } else if name.contains('*') {
        Some(format!("'{name}' is a wildcard, and there is none; name each field"))
    } else if !crate::record::field::is_well_formed(name) {
        let remedy =
            suggest::remedy(name, known(), "use lower-case letters, digits, '.', '_' and '-', at most 128");
        Some(format!("'{name}' is no field name{remedy}"))
    } else if name.starts_with("sluis.") {
        Some(format!("'{name}' is a name that Sluis gives itself; choose another"))
    } else if OPEN_PREFIXES.iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix)) {
        None
    } else {
        // Two edits at most: `user.nick` is a name of its own, `client.adress` is a slip.
        suggest::nearest_within(name, known(), 2).map(|near| {
            format!(
                "unknown field '{name}'; did you mean '{near}'? (a field of your own needs a name less alike)"
            )
        })
    };
    if let Some(complaint) = &complaint {
        report.error(span, complaint.clone());
    }
    complaint.is_none()
}

/// The treatment of one field, as a word or as a table.
fn outputs(entry: &Entry<'_>, report: &mut Report) -> Option<Vec<Output>> {
    let outputs = if entry.value.is_str() {
        let word = entry.text(report)?;
        let treatment = match TREATMENT_WORDS.keys[one_of(&word, &TREATMENT_WORDS, "treatment", report)?] {
            "keep" => Treatment::Keep,
            "truncate" => Treatment::Truncate(Prefix::default()),
            "pseudonymise" => Treatment::Pseudonymise(Form::Token),
            "generalise" => Treatment::Generalise,
            "scrub" => Treatment::Scrub,
            _ => Treatment::Drop,
        };
        vec![(Output { rename: None, treatment }, entry.span())]
    } else if entry.value.is_table() {
        let section = entry.section(format!("the treatment of '{}'", entry.key), report)?;
        let before = report.found.problems.len();
        section.check_keys(&TREATMENT, report);
        let outputs = from_table(entry, &section, report);
        if report.found.problems.len() > before {
            return None;
        }
        outputs
    } else {
        return entry.wrong("a treatment: a word such as \"drop\", or a table { … }", report);
    };
    let kind = kind_of(entry.key);
    let mut suitable = true;
    for (output, span) in &outputs {
        if let Some(objection) = suits::objection(entry.key, kind, &output.treatment) {
            report.error(span, objection);
            suitable = false;
        }
    }
    suitable.then(|| outputs.into_iter().map(|(output, _)| output).collect())
}

/// The outputs of a treatment written as a table, each with the place of its words.
fn from_table(field: &Entry<'_>, section: &Section<'_>, report: &mut Report) -> Vec<(Output, Span)> {
    let mut outputs = Vec::new();
    let before = report.found.problems.len();
    if let Some(entry) = section.get("pseudonymise") {
        outputs.extend(pseudonymise(&entry, report).map(|output| (output, entry.span())));
    }
    if let Some(entry) = section.get("truncate") {
        outputs.extend(truncate(field.key, &entry, report).map(|output| (output, entry.span())));
    }
    let addresses = outputs.len();
    if let [(first, _), (second, span)] = outputs.as_slice()
        && first.rename == second.rename
        && report.found.problems.len() == before
    {
        report.error(
            span,
            format!(
                "two outputs of '{}' under one name; name the network: truncate = {{ …, as = \"client.network\" }}",
                field.key
            ),
        );
    }
    let plain = |treatment| (Output { rename: None, treatment }, field.span());
    outputs.extend(path_rule(section, report).map(|rule| plain(Treatment::Template(rule))));
    outputs.extend(query_rule(section, report).map(|rule| plain(Treatment::Parameters(rule))));
    if outputs.len() > addresses.max(1) {
        report.error(
            &field.span(),
            format!("several treatments of '{}'; only pseudonymise and truncate go together", field.key),
        );
    } else if section.entries().is_empty() {
        report.error(&field.span(), format!("no treatment of '{}'; write one, or \"drop\"", field.key));
    }
    outputs
}

/// `pseudonymise = "token"` (22 characters) or `"address"` (a unique-local IPv6 address; addresses only).
fn pseudonymise(entry: &Entry<'_>, report: &mut Report) -> Option<Output> {
    let word = entry.text(report)?;
    let form = match one_of(&word, &FORMS, "form of a pseudonym", report)? {
        0 => Form::Token,
        _ => Form::Address,
    };
    Some(Output { rename: None, treatment: Treatment::Pseudonymise(form) })
}

/// `truncate = { v4 = 24, v6 = 40, as = "client.network" }`: bits that stay, and the name of the output.
fn truncate(field: &str, entry: &Entry<'_>, report: &mut Report) -> Option<Output> {
    let section = entry.section(format!("truncate of '{field}'"), report)?;
    section.check_keys(&TRUNCATE, report);
    let default = Prefix::default();
    let v4 = bits(&section, "v4", 32, default.v4, report);
    let v6 = bits(&section, "v6", 128, default.v6, report);
    let rename =
        section.text("as", report).and_then(|name| rename(field, &name, report).then_some(name.value));
    Some(Output { rename, treatment: Treatment::Truncate(Prefix { v4, v6 }) })
}

/// A prefix length; a whole address is none.
fn bits(section: &Section<'_>, key: &str, all: u8, default: u8, report: &mut Report) -> u8 {
    let Some(bits) = section.number(key, report) else { return default };
    match u8::try_from(bits.value) {
        Ok(value) if value < all => value,
        _ => {
            report.error(&bits.span, format!("'{key}' leaves nothing to cut off; write less than {all}"));
            default
        }
    }
}

/// A second output needs a name of its own, since a reader takes a known name at its word.
fn rename(field: &str, name: &At<String>, report: &mut Report) -> bool {
    if KNOWN.iter().any(|known| known.name == name.value) {
        let remedy = if name.value == field { "leave 'as' out" } else { "choose a name of its own" };
        report.error(&name.span, format!("'as' names the field '{}'; {remedy}", name.value));
        return false;
    }
    check_name(&name.value, &name.span, report)
}

/// `template`, `keep_prefixes` and `else`: what a path may look like to leave, and what becomes of all others.
fn path_rule(section: &Section<'_>, report: &mut Report) -> Option<PathRule> {
    let templates = section.texts("template", report);
    let prefixes = section.texts("keep_prefixes", report);
    let otherwise = section.text("else", report);
    if templates.is_none() && prefixes.is_none() {
        if let Some(otherwise) = otherwise {
            report.error(
                &otherwise.span,
                "'else' without 'template' or 'keep_prefixes'; write one of these too",
            );
        }
        return None;
    }
    let mut rule = PathRule::default();
    for template in templates.iter().flat_map(|list| &list.value) {
        rule.templates.extend(segments(template, report));
    }
    for prefix in prefixes.iter().flat_map(|list| &list.value) {
        if prefix.value.len() < 2 || !prefix.value.starts_with('/') {
            report.error(
                &prefix.span,
                "a prefix begins with '/' and names something; for all paths write else = \"scrub\"",
            );
        }
        rule.keep_prefixes.push(prefix.value.clone());
    }
    if let Some(word) = otherwise {
        rule.otherwise_scrub = one_of(&word, &ELSE, "word for 'else'", report) == Some(1);
    }
    Some(rule)
}

/// The segments of a template: `/{tenant}/{conference.name}`.
fn segments(template: &At<String>, report: &mut Report) -> Option<Vec<Segment>> {
    let Some(path) = template.value.strip_prefix('/') else {
        report.error(&template.span, "a template begins with '/'; write \"/{conference.name}\"");
        return None;
    };
    let mut segments = Vec::new();
    for segment in path.split('/') {
        let field = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match field {
            Some(field) if !field.contains(['{', '}']) => {
                if !check_name(field, &template.span, report) {
                    return None;
                }
                segments.push(Segment::Field(field.to_owned()));
            }
            None if !segment.contains(['{', '}']) => segments.push(Segment::Literal(segment.to_owned())),
            _ => {
                report.error(
                    &template.span,
                    "a segment of a template is a word or one {field}; split it at '/'",
                );
                return None;
            }
        }
    }
    Some(segments)
}

/// `keep_parameters` leave, scrubbed; `name_parameters` are values of a field and treated as that; all others are dropped.
fn query_rule(section: &Section<'_>, report: &mut Report) -> Option<QueryRule> {
    let kept = section.texts("keep_parameters", report);
    let named = section.get("name_parameters");
    if kept.is_none() && named.is_none() {
        return None;
    }
    let mut rule = QueryRule::default();
    for parameter in kept.iter().flat_map(|list| &list.value) {
        if parameter.value.is_empty() || parameter.value.contains('*') {
            report.error(
                &parameter.span,
                "a parameter has a name, and there is no wildcard; name each parameter",
            );
        }
        rule.keep_parameters.push(parameter.value.clone());
    }
    if let Some(named) = named
        && let Some(table) = named.section("name_parameters".to_owned(), report)
    {
        for entry in table.entries() {
            let Some(field) = entry.text(report) else { continue };
            check_name(&field.value, &field.span, report);
            if rule.keep_parameters.iter().any(|kept| kept == entry.key) {
                report.error(
                    &entry.key_span(),
                    format!("parameter '{}' is kept and named; leave it out of keep_parameters", entry.key),
                );
            }
            rule.name_parameters.push((entry.key.to_owned(), field.value));
        }
    }
    Some(rule)
}
