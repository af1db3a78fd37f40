//! A sink on a ClickHouse server: as written, and as meant.

use std::path::{Path, PathBuf};

use super::diagnostics::Report;
use super::document::{At, Section};
use super::kafka::SecretFrom;
use super::kafka_security::{hide_secret, secret};
use super::pipeline_file::{Kind, WrittenPipeline, WrittenSink, within};
use super::plan::{SinkKind, SinkPlan};
use super::suggest;
use super::units::duration_text;
use super::vocabulary::{SINK_OF_CLICKHOUSE, SINK_OF_FILES, SINK_OF_KAFKA, TLS_OF_CLICKHOUSE};
use crate::clickhouse::client::ANSWER_SECONDS;
use crate::policy::class::{Policy, View};
use crate::retention::rhythm::{lifetime_seconds, margin_seconds};
use crate::sink::file::bucket_secs;

/// Seconds for which records are gathered for a batch unless the sink says otherwise.
pub const INSERT_SECONDS_MAX_DEFAULT: u64 = 10;
/// Seconds for which a batch is tried again unless the sink says otherwise.
pub const PATIENCE_SECONDS_DEFAULT: u64 = 600;
/// What stands for the class in the name of a table.
const CLASS: &str = "{class}";
/// Bytes of the name of a database or table: with what the server adds, it is that of a file.
const NAME_BYTES_MAX: usize = 128;

/// A sink on a ClickHouse server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickHouseSink {
    /// `https://host:port`.
    pub url: String,
    /// The database.
    pub database: String,
    /// The table of each class, in the order of the sink's classes.
    pub tables: Vec<String>,
    /// The user; `None`: the server's default one.
    pub user: Option<String>,
    /// Where its password is.
    pub password: Option<SecretFrom>,
    /// Certificates that are trusted, PEM; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Records are gathered for at most as many seconds before they are inserted.
    pub insert_seconds_max: u64,
    /// For how many seconds a batch that did not get through is tried again before the run ends.
    pub patience_seconds: u64,
}

/// By how many seconds before its deadline a partition of records that may live `retention_seconds` is dropped, where parts of files go by
/// `margin_seconds`: its files may stay for their lifetime.
pub const fn drop_seconds(retention_seconds: u64, margin_seconds: u64) -> u64 {
    margin_seconds + lifetime_seconds(retention_seconds)
}

/// By how many seconds before its deadline a record must be handed over: no later than its partition is dropped, less the time of an attempt.
pub const fn ahead_seconds(retention_seconds: u64, margin_seconds: u64) -> u64 {
    drop_seconds(retention_seconds, margin_seconds) + ANSWER_SECONDS
}

/// As written.
pub(super) struct WrittenClickHouse {
    url: Option<At<String>>,
    database: Option<At<String>>,
    table: Option<At<String>>,
    user: Option<At<String>>,
    password: Option<SecretFrom>,
    ca: Option<At<String>>,
    insert_secs_max: Option<At<u64>>,
    patience: Option<At<u64>>,
}

/// What only some kinds of sink have.
pub(super) fn check_keys(section: &Section<'_>, kind: Option<Kind>, report: &mut Report) {
    let Some(kind) = kind else { return };
    for entry in section.entries() {
        let key = entry.key;
        if kind != Kind::ClickHouse && SINK_OF_CLICKHOUSE.contains(&key) {
            report.error(
                &entry.key_span(),
                format!(
                    "'{key}' in {} belongs to kind \"clickhouse\"; leave it out, or write kind = \"clickhouse\"",
                    section.title
                ),
            );
        } else if kind == Kind::ClickHouse
            && (SINK_OF_FILES.contains(&key) || SINK_OF_KAFKA.contains(&key) || key == "emit")
        {
            report.error(
                &entry.key_span(),
                format!("'{key}' in {} means nothing to kind \"clickhouse\"; leave it out", section.title),
            );
        }
    }
}

/// Of `[sink.*]` with `kind = "clickhouse"`: `url` is `https://host:port` of the server's HTTP interface (`http://` where no password is sent, or
/// to this machine); `database`; `table`, in which `{class}` stands for the class (default the class, with the output's name behind it where there is
/// one); `user` and `password` as `{ file = "…" }` or `{ env = "…" }` (default the server's default user); `tls` as `{ ca = "….pem" }` says whose
/// certificates are trusted (default the system's); `insert_secs_max` for how many seconds records are gathered for a batch (default 10);
/// `patience` for how long a batch that does not get through is tried again before the run ends (default 10 minutes).
pub(super) fn read(section: &Section<'_>, report: &mut Report) -> WrittenClickHouse {
    for entry in section.entries() {
        let is_meant = entry.key != "path" && suggest::nearest(entry.key, ["password"]).is_some();
        if entry.key == "password" || is_meant {
            hide_secret(&entry, report);
        }
    }
    section.required(
        "url",
        "write the server's HTTP interface, such as \"https://clickhouse.example.org:8443\"",
        report,
    );
    section.required("database", "name the database of the tables", report);
    let tls = section.get("tls").and_then(|entry| entry.section("tls".to_owned(), report));
    if let Some(tls) = &tls {
        tls.check_keys(&TLS_OF_CLICKHOUSE, report);
    }
    let patience = section.seconds("patience", report);
    WrittenClickHouse {
        url: section.text("url", report),
        database: section.text("database", report),
        table: section.text("table", report),
        user: section.text("user", report),
        password: secret(section, "password", report),
        ca: tls.and_then(|tls| tls.text("ca", report)),
        insert_secs_max: within(section.number("insert_secs_max", report), "insert_secs_max", 1, 600, report),
        patience: within(patience, "patience", 1, 7 * 86_400, report),
    }
}

/// As meant; `None` when something is missing or wrong, which has been reported.
pub(super) fn mean(
    sink: &WrittenSink,
    (classes, view): (&[usize], Option<&View>),
    policy: &Policy,
    base: &Path,
    report: &mut Report,
) -> Option<ClickHouseSink> {
    let written = sink.clickhouse.as_ref()?;
    let url = url(written, report);
    let database = written.database.as_ref().filter(|name| check_name(&name.value, "database", name, report));
    let names: Vec<&str> = classes.iter().map(|class| policy.classes[*class].name.as_str()).collect();
    let tables = tables(sink, written, &names, report);
    if let (None, Some(user)) = (&written.password, &written.user)
        && user.value.is_empty()
    {
        report.error(&user.span, "'user' is empty; write one, or leave it out for the server's default user");
    }
    let password = written.password.as_ref().map(|secret| match secret {
        SecretFrom::File(path) => SecretFrom::File(base.join(path)),
        variable @ SecretFrom::Environment(_) => variable.clone(),
    });
    let meant = ClickHouseSink {
        url: url?,
        database: database?.value.clone(),
        tables: tables?,
        user: written.user.as_ref().map(|at| at.value.clone()),
        password,
        ca: written.ca.as_ref().map(|at| base.join(&at.value)),
        insert_seconds_max: written
            .insert_secs_max
            .as_ref()
            .map_or(INSERT_SECONDS_MAX_DEFAULT, |at| at.value),
        patience_seconds: written.patience.as_ref().map_or(PATIENCE_SECONDS_DEFAULT, |at| at.value),
    };
    check_lengths(sink, &meant, (classes, view), policy, report);
    Some(meant)
}

/// The server's address; a password or a path has no place in it.
fn url(written: &WrittenClickHouse, report: &mut Report) -> Option<String> {
    let at = written.url.as_ref()?;
    let text = at.value.strip_suffix('/').unwrap_or(&at.value);
    let (scheme, host) = text.split_once("://").unwrap_or_default();
    if text.contains('@') {
        report.error_unshown(
            &at.span,
            "'url' has a user or a password in it; write 'user' and 'password', and renew the password",
        );
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if !matches!(scheme, "http" | "https") || host.is_empty() || !host.chars().all(plain) {
        report.error(
            &at.span,
            "'url' is no address of an HTTP interface; write https://host:port, without a path or parameters",
        );
        return None;
    }
    if scheme == "http" && written.password.is_some() && !is_here(host) {
        report
            .error(&at.span, "'url' is not https, so the password could be read on its way; write https://…");
        return None;
    }
    if scheme == "http" && written.ca.is_some() {
        report.error(&at.span, "'tls' means nothing to http://; leave it out, or write https://…");
        return None;
    }
    Some(text.to_owned())
}

/// True for this machine itself.
fn is_here(host: &str) -> bool {
    let name = if host.starts_with('[') {
        host.split_once(']').map_or(host, |(name, _)| &name[1..])
    } else {
        host.split(':').next().unwrap_or(host)
    };
    name == "localhost" || name == "::1" || name.starts_with("127.")
}

fn tables(
    sink: &WrittenSink,
    written: &WrittenClickHouse,
    classes: &[&str],
    report: &mut Report,
) -> Option<Vec<String>> {
    let Some(template) = &written.table else {
        let output = sink.output.as_ref().map_or_else(String::new, |output| format!("_{}", output.value));
        return Some(classes.iter().map(|class| format!("{class}{output}").replace('-', "_")).collect());
    };
    if classes.len() > 1 && !template.value.contains(CLASS) {
        report.error(
            &template.span,
            format!(
                "classes {} would share one table; write {CLASS} in its name, since classes are never stored together",
                classes.join(", ")
            ),
        );
        return None;
    }
    let tables: Vec<String> =
        classes.iter().map(|class| template.value.replace(CLASS, &class.replace('-', "_"))).collect();
    tables.iter().all(|table| check_name(table, "table", template, report)).then_some(tables)
}

fn check_name(name: &str, what: &str, at: &At<String>, report: &mut Report) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_fine = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(plain)
        && !name.as_bytes()[0].is_ascii_digit();
    if !is_fine {
        report.error(
            &at.span,
            format!("'{what}' is no plain name; use letters, digits and '_', and begin with a letter"),
        );
    }
    is_fine
}

/// A class whose partitions would have to go before its records could be there.
fn check_lengths(
    sink: &WrittenSink,
    meant: &ClickHouseSink,
    (classes, view): (&[usize], Option<&View>),
    policy: &Policy,
    report: &mut Report,
) {
    for class in classes.iter().map(|class| &policy.classes[*class]) {
        // None, or nothing: reported.
        let limit = class.lives(view).first_seconds;
        if limit == 0 {
            continue;
        }
        let needed =
            ahead_seconds(limit, margin_seconds(limit)) + bucket_secs(limit) + meant.insert_seconds_max;
        if needed >= limit {
            report.error(
                &sink.name.span,
                format!(
                    "class '{}' lives {}, and ClickHouse needs {} of that to insert and to drop; lengthen it, or store it in files",
                    class.name,
                    duration_text(limit),
                    duration_text(needed)
                ),
            );
        }
    }
}

/// No table is two sinks'.
pub(super) fn check_apart(sinks: &[SinkPlan], written: &WrittenPipeline, report: &mut Report) {
    let mut taken: Vec<(&str, String)> = Vec::new();
    for sink in sinks {
        let SinkKind::ClickHouse(to) = &sink.kind else { continue };
        for table in to.tables.iter().map(|table| format!("{} {}.{table}", to.url, to.database)) {
            let other = taken.iter().find(|(_, other)| *other == table).map(|(name, _)| *name);
            let from = written.sinks.iter().find(|from| from.name.value == sink.name);
            if let (Some(other), Some(from)) = (other, from) {
                report.error(
                    &from.name.span,
                    format!("sinks '{other}' and '{}' write to one table; give each its own", sink.name),
                );
            }
            taken.push((&sink.name, table));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pipeline_from_str;

    /// The sink, or everything that is wrong.
    fn meant(classes: &str, sink: &str) -> Result<ClickHouseSink, String> {
        let text = format!(
            "policy = \"web.toml\"\nkeys = \"keys\"\nstate = \"state\"\n[source.web]\nkind = \"stdin\"\nformat = \"combined\"\nclass = \"web\"\n\
             [sink.out]\nkind = \"clickhouse\"\nclasses = {classes}\npurpose = \"security\"\nlocation = \"NL\"\nrecipient = \"x\"\n{sink}\n"
        );
        let policy = include_str!("../../config/policy/web.toml");
        let found = pipeline_from_str(&text, "here/p.toml", &|_| Ok(policy.to_owned()));
        let (plan, _) = found.map_err(|problems| problems.to_string())?;
        match &plan.sinks[0].kind {
            SinkKind::ClickHouse(sink) => Ok(sink.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_sink_has_its_defaults_and_its_files_stand_beside_the_pipeline() {
        let sink =
            meant("[\"web\", \"web-error\"]", "url = \"https://ch.example.org:8443/\"\ndatabase = \"logs\"")
                .unwrap();
        assert_eq!(sink.url, "https://ch.example.org:8443");
        assert_eq!(sink.tables, ["web", "web_error"]);
        assert_eq!((sink.insert_seconds_max, sink.patience_seconds), (10, 600));
        let sink = meant(
            "[\"web\"]",
            "url = \"https://[::1]:8443\"\ndatabase = \"logs\"\ntable = \"of_{class}\"\nuser = \"sluis\"\npassword = { file = \"secret\" }\ntls = { ca = \"ca.pem\" }\npatience = \"1h\"",
        )
        .unwrap();
        assert_eq!(sink.tables, ["of_web"]);
        assert_eq!(sink.password, Some(SecretFrom::File("here/secret".into())));
        assert_eq!((sink.ca, sink.patience_seconds), (Some("here/ca.pem".into()), 3_600));
        assert!(
            meant(
                "[\"web\"]",
                "url = \"http://localhost:8123\"\ndatabase = \"logs\"\npassword = { env = \"X\" }"
            )
            .is_ok()
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_no_secret_is_shown() {
        let url = "url = \"https://ch.example.org\"\ndatabase = \"logs\"\n";
        for (classes, sink, said) in [
            ("[\"web\"]", "database = \"logs\"".to_owned(), "missing 'url'"),
            ("[\"web\"]", "url = \"https://ch.example.org\"".to_owned(), "missing 'database'"),
            (
                "[\"web\"]",
                "url = \"ftp://x\"\ndatabase = \"logs\"".to_owned(),
                "no address of an HTTP interface",
            ),
            (
                "[\"web\"]",
                "url = \"https://x/path\"\ndatabase = \"logs\"".to_owned(),
                "no address of an HTTP interface",
            ),
            (
                "[\"web\"]",
                "url = \"https://u:sesame@x\"\ndatabase = \"logs\"".to_owned(),
                "has a user or a password in it",
            ),
            (
                "[\"web\"]",
                "url = \"http://ch.example.org\"\ndatabase = \"logs\"\npassword = { env = \"X\" }".to_owned(),
                "the password could be read on its way",
            ),
            (
                "[\"web\"]",
                "url = \"http://x\"\ndatabase = \"logs\"\ntls = { ca = \"x\" }".to_owned(),
                "'tls' means nothing to http://",
            ),
            (
                "[\"web\"]",
                "url = \"https://x\"\ndatabase = \"lo`gs\"".to_owned(),
                "'database' is no plain name",
            ),
            ("[\"web\", \"web-error\"]", format!("{url}table = \"all\""), "would share one table"),
            ("[\"web\"]", format!("{url}password = \"sesame\""), "stands in the file itself"),
            ("[\"web\"]", format!("{url}pasword = \"sesame\""), "unknown key"),
            ("[\"web\"]", format!("{url}path = \"x\""), "means nothing to kind"),
            ("[\"web\"]", format!("{url}emit = \"same\""), "means nothing to kind"),
            ("[\"web\"]", format!("{url}insert_secs_max = 0"), "out of bounds"),
        ] {
            let found = meant(classes, &sink).unwrap_err();
            assert!(found.contains(said), "{sink}: {found}");
            assert!(!found.contains("sesame"), "{found}");
        }
    }

    #[test]
    fn a_record_is_handed_over_before_its_partition_is_dropped() {
        for limit in [3_600, 86_400, 14 * 86_400] {
            let margin = margin_seconds(limit);
            assert!(ahead_seconds(limit, margin) >= drop_seconds(limit, margin) + ANSWER_SECONDS);
            assert!(ahead_seconds(limit, margin) + bucket_secs(limit) < limit / 4, "{limit}");
        }
        assert_eq!(drop_seconds(14 * 86_400, 120), 600);
    }
}
