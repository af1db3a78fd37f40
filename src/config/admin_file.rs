//! `[admin]`: the admin endpoint, as written and as meant.
//!
//! It tells numbers and names, never records; still, how much somebody logs is not for everybody on the network. So an address that
//! others can reach wants a token, and a token wants TLS, or somebody in front who has it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::diagnostics::Report;
use super::document::{At, Entry, Section};
use super::kafka::SecretFrom;
use super::vocabulary::{ADMIN, SECRET, TLS_FILES};

/// The admin endpoint of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPlan {
    /// Address and port.
    pub listen: SocketAddr,
    /// Where the bearer token is; `None`: nobody needs one, and the address is of this machine only.
    pub token: Option<SecretFrom>,
    /// Its certificate; `None`: plain text.
    pub tls: Option<AdminTls>,
}

/// The certificate of the admin endpoint, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminTls {
    /// The certificate and its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `[admin]`: `listen` is an address with a port, of this machine only unless there is a `token`; `token` where that is (`{ file = "…" }`
/// or `{ env = "…" }`); `tls` is `{ certificate = "…", key = "…" }`; `behind_proxy = true` says that TLS ends before us.
pub(super) fn read(section: &Section<'_>, base: &Path, report: &mut Report) -> Option<AdminPlan> {
    section.check_keys(&ADMIN, report);
    section.required("listen", "write an address and port, such as \"127.0.0.1:9464\"", report);
    let listen = section.text("listen", report).and_then(|at| address(&at, report));
    let token = section.get("token");
    let secret = token.and_then(|entry| secret(&entry, base, report));
    let tls = section.get("tls");
    let files = tls.and_then(|entry| files(&entry, base, report));
    let behind_proxy = section.get("behind_proxy").and_then(|entry| truth(&entry, report)).unwrap_or(false);
    let listen = listen?;
    if !listen.value.ip().is_loopback() && token.is_none() {
        report.error(
            &listen.span,
            format!(
                "{} can be reached by others, and there is no 'token'; write token = {{ file = \"…\" }}, or listen on 127.0.0.1",
                listen.value.ip()
            ),
        );
    }
    if let (Some(token), None, false) = (token, tls, behind_proxy) {
        report.error(
            &token.key_span(),
            "a token without TLS can be read on its way; write tls = { certificate = \"…\", key = \"…\" }, or behind_proxy = true \
             where TLS ends before us",
        );
    }
    // What could not be read was reported.
    if token.is_some() != secret.is_some() || tls.is_some() != files.is_some() {
        return None;
    }
    Some(AdminPlan { listen: listen.value, token: secret, tls: files })
}

fn address(text: &At<String>, report: &mut Report) -> Option<At<SocketAddr>> {
    let address = text.value.parse().ok();
    if address.is_none() {
        report.error(
            &text.span,
            "'listen' is no address with a port; write it as \"127.0.0.1:9464\" or \"[::1]:9464\", not as a name",
        );
    }
    Some(At { value: address?, span: text.span.clone() })
}

/// Where a secret is; one that stands in the file itself is refused, and not shown.
fn secret(entry: &Entry<'_>, base: &Path, report: &mut Report) -> Option<SecretFrom> {
    let remedy = "write { file = \"…\" } or { env = \"…\" }";
    if entry.value.is_str() {
        report.error_unshown(
            &entry.span(),
            format!("a secret in the pipeline file, which others may read; {remedy}, and renew it"),
        );
        return None;
    }
    let section = entry.section(format!("'{}'", entry.key), report)?;
    section.check_keys(&SECRET, report);
    let (file, variable) = (section.text("file", report), section.text("env", report));
    match (file, variable) {
        (Some(file), None) => Some(SecretFrom::File(base.join(file.value))),
        (None, Some(variable)) => Some(SecretFrom::Environment(variable.value)),
        (Some(_), Some(_)) => {
            report.error(&entry.span(), format!("two places in '{}'; {remedy}", entry.key));
            None
        }
        (None, None) => {
            report.missing(&entry.key_span(), format!("no place in '{}'; {remedy}", entry.key));
            None
        }
    }
}

fn files(entry: &Entry<'_>, base: &Path, report: &mut Report) -> Option<AdminTls> {
    let section = entry.section("'tls' of [admin]".to_owned(), report)?;
    section.check_keys(&TLS_FILES, report);
    section.required("certificate", "write the PEM file of the certificate and its chain", report);
    section.required("key", "write the PEM file of its private key", report);
    let certificate = section.text("certificate", report);
    let key = section.text("key", report);
    Some(AdminTls { certificate: base.join(certificate?.value), key: base.join(key?.value) })
}

fn truth(entry: &Entry<'_>, report: &mut Report) -> Option<bool> {
    match entry.value {
        DeValue::Boolean(value) => Some(*value),
        _ => entry.wrong("true or false", report),
    }
}
