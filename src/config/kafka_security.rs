//! How a connection to Kafka is secured, as written: TLS, SASL, and where their secrets are.
//!
//! A secret itself is refused wherever it stands, and no problem on its line shows the line. Paths are as in the file; `settled` lets them
//! start at its directory.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::diagnostics::Report;
use super::document::{At, Entry, Section, one_of};
use super::kafka::{Sasl, SecretFrom, Security, Tls};
use super::vocabulary::{SASL, SASL_MECHANISMS, SECRET, TLS};

/// Keys of `tls` and `sasl` whose values are no secrets.
const OPEN: [&str; 9] =
    ["ca", "certificate", "key", "mechanism", "user", "token_url", "token_ca", "client_id", "scope"];

/// `tls` and `sasl` of `[kafka]`.
pub(super) fn read(kafka: &Section<'_>, report: &mut Report) -> Security {
    let tls = kafka.get("tls").and_then(|entry| tls(&entry, report));
    let unsecured = kafka.get("tls").is_none_or(|entry| matches!(entry.value, DeValue::Boolean(false)));
    let sasl = kafka.get("sasl").and_then(|entry| sasl(&entry, unsecured, report));
    Security { tls, sasl }
}

/// `tls = true`, or a table: `ca` the certificates that are trusted (PEM; default the system's); `certificate` and `key` our own;
/// `key_password` where the password of the key is.
fn tls(entry: &Entry<'_>, report: &mut Report) -> Option<Tls> {
    match entry.value {
        DeValue::Boolean(true) => return Some(Tls::default()),
        DeValue::Boolean(false) => return None,
        DeValue::Table(_) => {}
        _ => return entry.wrong("true, or a table { ca = \"…\", … }", report),
    }
    let section = entry.section("tls".to_owned(), report)?;
    hide_secrets(&section, report);
    section.check_keys(&TLS, report);
    let certificate = section.text("certificate", report);
    let key = section.text("key", report);
    match (&certificate, &key) {
        (Some(at), None) => {
            report.missing(&at.span, "a certificate without its key; write key = \"….pem\" too");
        }
        (None, Some(at)) => {
            report.missing(&at.span, "a key without its certificate; write certificate = \"….pem\" too");
        }
        _ => {}
    }
    let key_password = secret(&section, "key_password", report);
    if let (Some(_), None, Some(entry)) = (&key_password, &key, section.get("key_password")) {
        report.missing(
            &entry.key_span(),
            "a password without a key; write key = \"….pem\" too, or leave it out",
        );
    }
    let path = |at: At<String>| PathBuf::from(at.value);
    Some(Tls {
        ca: section.text("ca", report).map(path),
        certificate: certificate.map(path),
        key: key.map(path),
        key_password,
    })
}

/// `sasl`: `mechanism` is `PLAIN` (only with TLS, since it sends the password), `SCRAM-SHA-256` or `SCRAM-SHA-512`, with `user` and
/// `password`; or `OAUTHBEARER`, with `token_url` (https), `token_ca` (who is trusted to be that), `client_id`, `client_secret` and `scope`.
fn sasl(entry: &Entry<'_>, unsecured: bool, report: &mut Report) -> Option<Sasl> {
    let section = entry.section("sasl".to_owned(), report)?;
    hide_secrets(&section, report);
    section.check_keys(&SASL, report);
    section.required("mechanism", &format!("write one of {}", SASL_MECHANISMS.keys.join(", ")), report);
    let word = section.text("mechanism", report)?;
    let mechanism = SASL_MECHANISMS.keys[one_of(&word, &SASL_MECHANISMS, "mechanism of sasl", report)?];
    let oidc = mechanism == "OAUTHBEARER";
    let (needed, senseless): (&[_], &[_]) = if oidc {
        (&["token_url", "client_id", "client_secret"], &["user", "password"])
    } else {
        (&["user", "password"], &["token_url", "token_ca", "client_id", "client_secret", "scope"])
    };
    for key in needed {
        section.required(key, &format!("{mechanism} needs it"), report);
    }
    for entry in senseless.iter().filter_map(|key| section.get(key)) {
        report
            .error(&entry.key_span(), format!("'{}' means nothing to {mechanism}; leave it out", entry.key));
    }
    if oidc {
        let token_url = section.text("token_url", report);
        if let Some(url) = &token_url
            && url.value.strip_prefix("https://").is_none_or(str::is_empty)
        {
            report.error(
                &url.span,
                "'token_url' is not https, so the client's secret could be read on its way; write https://…",
            );
        }
        return Some(Sasl::Oidc {
            client_secret: secret(&section, "client_secret", report)?,
            token_url: token_url?.value,
            token_ca: section.text("token_ca", report).map(|at| PathBuf::from(at.value)),
            client_id: filled(&section, "client_id", report)?,
            scope: section.text("scope", report).map(|at| at.value),
        });
    }
    let password = secret(&section, "password", report);
    let user = filled(&section, "user", report);
    if mechanism == "PLAIN" {
        if unsecured {
            report.error(
                &word.span,
                "PLAIN sends the password as it is, and there is no TLS; write tls = true, or use SCRAM-SHA-512",
            );
        }
        return Some(Sasl::Plain { user: user?, password: password? });
    }
    Some(Sasl::Scram { mechanism, user: user?, password: password? })
}

/// A text that says something.
fn filled(section: &Section<'_>, key: &str, report: &mut Report) -> Option<String> {
    let text = section.text(key, report)?;
    if text.value.trim().is_empty() {
        report.error(&text.span, format!("'{key}' is empty; write one"));
        return None;
    }
    Some(text.value)
}

/// `{ file = "…" }`, whose first line is the secret, or `{ env = "…" }`, the variable that holds it.
pub(super) fn secret(section: &Section<'_>, key: &str, report: &mut Report) -> Option<SecretFrom> {
    let entry = section.get(key)?;
    let remedy = format!("write {key} = {{ file = \"…\" }} or {{ env = \"…\" }}");
    let DeValue::Table(_) = entry.value else {
        report.error_unshown(&entry.span(), format!("'{key}' stands in the file itself; {remedy}"));
        return None;
    };
    let table = entry.section(key.to_owned(), report)?;
    if let Some(other) = table.entries().iter().find(|entry| !SECRET.keys.contains(&entry.key)) {
        report.error_unshown(&other.key_span(), format!("'{}' is no place of a secret; {remedy}", other.key));
        return None;
    }
    match (table.text("file", report), table.text("env", report)) {
        (Some(file), None) if !file.value.is_empty() => Some(SecretFrom::File(PathBuf::from(file.value))),
        (None, Some(name)) => {
            if !is_variable(&name.value) {
                report.error_unshown(
                    &name.span,
                    format!("'env' of '{key}' is no name of a variable; use letters, digits and '_'"),
                );
                return None;
            }
            Some(SecretFrom::Environment(name.value))
        }
        // Values of a wrong type have been reported.
        (None, None) if !table.entries().is_empty() => None,
        _ => {
            report.error(&entry.key_span(), format!("'{key}' has one place; {remedy}"));
            None
        }
    }
}

/// What is no name of a variable may be the secret itself.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Hides every line where a secret may stand, also under a misspelled key.
fn hide_secrets(section: &Section<'_>, report: &mut Report) {
    for entry in section.entries().iter().filter(|entry| !OPEN.contains(&entry.key)) {
        hide_secret(entry, report);
    }
}

/// Hides the line of an entry that may be a secret, unless it only says where one is.
pub(super) fn hide_secret(entry: &Entry<'_>, report: &mut Report) {
    let is_place = entry.value.as_table().is_some_and(|table| {
        table.iter().all(|(key, value)| match key.get_ref().as_ref() {
            "file" => true,
            "env" => value.get_ref().as_str().is_some_and(is_variable),
            _ => false,
        })
    });
    if !is_place {
        report.hide(&entry.key_span());
        report.hide(&entry.span());
    }
}

/// `security` with every path from `base`.
pub(super) fn settled(security: &Security, base: &Path) -> Security {
    let path = |path: &PathBuf| base.join(path);
    let from = |secret: &SecretFrom| match secret {
        SecretFrom::File(file) => SecretFrom::File(path(file)),
        SecretFrom::Environment(name) => SecretFrom::Environment(name.clone()),
    };
    let tls = security.tls.as_ref().map(|tls| Tls {
        ca: tls.ca.as_ref().map(path),
        certificate: tls.certificate.as_ref().map(path),
        key: tls.key.as_ref().map(path),
        key_password: tls.key_password.as_ref().map(from),
    });
    let mut sasl = security.sasl.clone();
    if let Some(Sasl::Oidc { token_ca: Some(ca), .. }) = &mut sasl {
        *ca = path(ca);
    }
    match &mut sasl {
        Some(
            Sasl::Plain { password: secret, .. }
            | Sasl::Scram { password: secret, .. }
            | Sasl::Oidc { client_secret: secret, .. },
        ) => *secret = from(secret),
        None => {}
    }
    Security { tls, sasl }
}
