//! Lines that begin a record of another layout or of another program.
//!
//! *In*: a line, behind its prefix. *Out*: whether something else begins here. *Promised*: constant work. A line that begins with a date
//! or a clock is no continuation: traces, stanzas and transport descriptions never do. Taken for the end of the record above, it would
//! leave under that record's class and time.

use super::super::coturn;
use super::super::stamp::has_shape;
use super::Service;
use crate::record::calendar;

/// True when `line` begins with a time, perhaps in a bracket, or as a statement of coturn without one does; or is wrapped as Docker's `json-file` wraps it, which no parser here
/// unwraps.
pub(super) fn begins(line: &[u8]) -> bool {
    if line.starts_with(b"{\"log\":\"") {
        return true;
    }
    let text = line.strip_prefix(b"[").unwrap_or(line);
    match text.first() {
        Some(b'0'..=b'9') => {
            has_shape(text, b"0000-00-00 00:00")
                || has_shape(text, b"0000-00-00T00:00")
                || has_shape(text, b"0000/00/00 00:00")
                || has_shape(text, b"00.00.0000 00:00")
                || has_shape(text, b"00:00:00")
                || coturn::begins_certainly(line)
        }
        Some(b'A'..=b'Z') => calendar::month(&text[..text.len().min(3)]).is_some() && has_day(&text[3..]),
        _ => false,
    }
}

/// ` 21 10:15`, ` 1 10:15`, or the ` 04, 2020 ` of [`super::simple`].
fn has_day(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"  ").or_else(|| text.strip_prefix(b" ")).unwrap_or_default();
    let digits = text.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[digits..];
    (1..=2).contains(&digits) && (has_shape(rest, b" 00:00:00") || has_shape(rest, b", 0000"))
}

/// True when the name of a container or of syslog's program is that of something else: another service of the same machine, whose
/// lines stand in one stream with these. An unknown name may be anybody's (`java`, a container's number).
pub(super) fn is_name_of_another(name: &[u8], service: Service) -> bool {
    let words = || name.split(|byte| !byte.is_ascii_alphanumeric());
    let has =
        |known: &[&[u8]]| words().any(|word| known.iter().any(|known| word.eq_ignore_ascii_case(known)));
    !has(own_names(service)) && (SERVICES.iter().any(|&other| has(own_names(other))) || has(NEIGHBOURS))
}

const SERVICES: [Service; 4] = [Service::Jvb, Service::Jicofo, Service::Jigasi, Service::Jibri];

const fn own_names(service: Service) -> &'static [&'static [u8]] {
    match service {
        Service::Jvb => &[b"jvb", b"videobridge", b"videobridge2"],
        Service::Jicofo => &[b"jicofo"],
        Service::Jigasi => &[b"jigasi", b"transcriber"],
        Service::Jibri => &[b"jibri"],
    }
}

/// What runs beside Jitsi's services, in one Compose project or on one machine.
const NEIGHBOURS: &[&[u8]] = &[
    b"prosody",
    b"web",
    b"nginx",
    b"apache2",
    b"coturn",
    b"turnserver",
    b"turn",
    b"etherpad",
    b"excalidraw",
    b"grafana",
    b"prometheus",
    b"loki",
    b"sshd",
    b"systemd",
    b"kernel",
    b"cron",
    b"crond",
    b"sudo",
    b"su",
    b"dockerd",
    b"containerd",
    b"rsyslogd",
    b"postfix",
    b"certbot",
    b"networkd",
    b"resolved",
    b"logind",
    b"dhclient",
    b"chronyd",
    b"ntpd",
];
