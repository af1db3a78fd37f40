//! Access logs: format strings compiled, records read. Each test is a sentence of the parsing rules.

mod formats;
mod hostile;
mod records;

use sluis::format::logformat::{Program, apache, combined, common, nginx, vhost_combined};
use sluis::format::time::write_rfc3339;
use sluis::format::{FormatError, Memo, Parser};
use sluis::record::span::{Parsed, Refusal};
use sluis::record::timestamp::Timestamp;

/// The fields of a record as `name=value`, `time` first and in UTC.
fn read(program: &Program, record: &[u8]) -> Result<Vec<String>, Refusal> {
    let mut memo = Memo::new(Timestamp::from_seconds(1_795_252_540));
    let mut parsed = Parsed::default();
    program.parse(record, &mut memo, &mut parsed)?;
    let mut fields = Vec::new();
    if let Some(time) = parsed.time {
        let mut text = Vec::new();
        write_rfc3339(time, &mut text);
        fields.push(format!("time={}", String::from_utf8_lossy(&text)));
    }
    let mut end = 0;
    for part in &parsed.parts {
        assert!(part.start >= end && part.end > part.start && part.end as usize <= record.len());
        end = part.end;
        let name = &program.layout().slots[usize::from(part.slot)].field;
        if name != "time" {
            fields.push(format!("{name}={}", String::from_utf8_lossy(part.of(record))));
        }
    }
    Ok(fields)
}

fn good(program: &Program, record: &str, expected: &[&str]) {
    let found = read(program, record.as_bytes());
    assert_eq!(
        found.as_deref(),
        Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
        "{record}"
    );
}

fn bad(program: &Program, record: &str, refusal: Refusal) {
    assert_eq!(read(program, record.as_bytes()).err(), Some(refusal), "{record}");
}

fn refused(program: &Program, record: &str) {
    assert!(read(program, record.as_bytes()).is_err(), "{record}: {:?}", read(program, record.as_bytes()));
}

fn known(name: &str) -> Option<String> {
    let field = match name {
        "$the_real_ip" => "client.address",
        "room" => "conference.name",
        "$stamp" => "time",
        "http.request.header.x-foo" | "http.request.cookie.sid" | "http.request.header.x-bar" => name,
        "%{GEO}n" => "client.geo.country_iso_code",
        _ => return None,
    };
    Some(field.to_owned())
}

fn ngx(text: &str) -> Program {
    nginx(text, None, &known).unwrap_or_else(|error| panic!("{}", error.shown(text)))
}

fn apa(text: &str) -> Program {
    apache(text, None, &known).unwrap_or_else(|error| panic!("{}", error.shown(text)))
}

fn amsterdam() -> Option<jiff::tz::TimeZone> {
    Some(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
}

/// The text that the error's place marks, and its message.
fn complaint(result: Result<Program, FormatError>, text: &str) -> (String, String) {
    let Err(error) = result else { panic!("{text} compiles") };
    (text[error.at.clone()].to_owned(), error.message)
}

const TIME: &str = "time=2026-11-21T09:15:32Z";
const CLIENT: &str = "client.address=192.0.2.1";

/// A combined line with `user` and `request`.
fn line(user: &str, request: &str) -> String {
    format!(r#"192.0.2.1 - {user} [21/Nov/2026:10:15:32 +0100] "{request}" 200 5 "-" "-""#)
}
