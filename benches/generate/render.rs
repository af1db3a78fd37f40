//! A visit as a line of this or that log.

use std::io::Write;

use crate::random::Random;
use crate::visit::Visit;

/// The formats that can be written.
#[derive(Clone, Copy)]
pub enum Format {
    Combined,
    VhostCombined,
    Json,
    NginxError,
    ApacheError,
}

impl Format {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "combined" => Self::Combined,
            "vhost_combined" => Self::VhostCombined,
            "json" => Self::Json,
            "nginx-error" => Self::NginxError,
            "apache-error" => Self::ApacheError,
            _ => return None,
        })
    }

    /// True when the format shows every part of a visit: agent, path and query.
    pub fn has_request(self) -> bool {
        !matches!(self, Self::NginxError | Self::ApacheError)
    }

    /// Appends `visit` and a newline to `out`.
    pub fn render(self, visit: &Visit, random: &mut Random, out: &mut Vec<u8>) {
        match self {
            Self::Combined => combined(visit, out),
            Self::VhostCombined => {
                out.extend_from_slice(b"www.example.org:443 ");
                combined(visit, out);
            }
            Self::Json => json(visit, random, out),
            Self::NginxError => nginx_error(visit, random, out),
            Self::ApacheError => apache_error(visit, random, out),
        }
        out.push(b'\n');
    }
}

fn combined(visit: &Visit, out: &mut Vec<u8>) {
    out.extend_from_slice(visit.client.as_bytes());
    out.extend_from_slice(b" - ");
    out.extend_from_slice(or_dash(&visit.user));
    out.extend_from_slice(b" [");
    visit.time.common_log(out);
    out.extend_from_slice(b"] \"");
    request(visit, out);
    let _ = write!(out, "\" {} {} \"", visit.status, visit.bytes);
    out.extend_from_slice(or_dash(&visit.referrer));
    out.extend_from_slice(b"\" \"");
    out.extend_from_slice(visit.agent.as_bytes());
    out.push(b'"');
}

/// The names of nginx's own variables, as a `log_format` with `escape=json` writes them.
fn json(visit: &Visit, random: &mut Random, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time_iso8601\":\"");
    visit.time.iso(out);
    let Visit { client, user, status, bytes, referrer, agent, .. } = visit;
    let _ = write!(out, "\",\"remote_addr\":\"{client}\",\"remote_user\":\"{user}\",\"request\":\"");
    let from = out.len();
    request(visit, out);
    // The only escapes in our requests are the garbage's backslashes, which JSON doubles.
    if visit.garbage.is_some() {
        let text: Vec<u8> = out.drain(from..).collect();
        for byte in text {
            out.extend_from_slice(if byte == b'\\' { b"\\\\" } else { std::slice::from_ref(&byte) });
        }
    }
    let micros = random.below(900_000);
    let _ = write!(
        out,
        "\",\"status\":{status},\"body_bytes_sent\":{bytes},\"request_time\":0.{micros:06},\
         \"http_referer\":\"{referrer}\",\"http_user_agent\":\"{agent}\",\"http_x_forwarded_for\":\"{client}\",\
         \"upstream\":{{\"addr\":\"10.0.0.{}:8080\",\"status\":{status}}}}}",
        random.below(20) + 1
    );
}

fn nginx_error(visit: &Visit, random: &mut Random, out: &mut Vec<u8>) {
    visit.time.nginx_error(out);
    let (pid, connection) = (1000 + random.below(8), random.below(1_000_000));
    let _ = write!(out, " [error] {pid}#{pid}: *{connection} ");
    let path = &visit.path;
    let _ = match random.below(4) {
        _ if !visit.said.is_empty() => write!(out, "{}", visit.said),
        _ if !visit.user.is_empty() => write!(out, "user \"{}\": password mismatch", visit.user),
        0 | 1 => write!(out, "open() \"/srv/www{path}\" failed (2: No such file or directory)"),
        2 => write!(
            out,
            "upstream timed out (110: Connection timed out) while reading response header from upstream"
        ),
        _ => write!(out, "access forbidden by rule"),
    };
    let _ = write!(out, ", client: {}, server: www.example.org, request: \"", visit.client);
    request(visit, out);
    let _ = write!(out, "\", upstream: \"http://10.0.0.7:8080{path}\", host: \"www.example.org\"");
    if !visit.referrer.is_empty() {
        let _ = write!(out, ", referrer: \"{}\"", visit.referrer);
    }
}

fn apache_error(visit: &Visit, random: &mut Random, out: &mut Vec<u8>) {
    out.push(b'[');
    visit.time.apache_error(random.below(1_000_000), out);
    let Visit { client, path, .. } = visit;
    let (pid, thread, port) =
        (2000 + random.below(8), 140_000_000 + random.below(64), 32_768 + random.below(28_000));
    let _ = write!(out, "] [core:error] [pid {pid}:tid {thread}] [client {client}:{port}] ");
    let _ = match random.below(3) {
        _ if !visit.said.is_empty() => write!(out, "AH01071: Got error '{}'", visit.said),
        _ if !visit.user.is_empty() => {
            write!(
                out,
                "AH01617: user {}: authentication failure for \"{path}\": Password Mismatch",
                visit.user
            )
        }
        0 => write!(out, "AH00128: File does not exist: /srv/www{path}"),
        1 => write!(out, "AH00037: Symbolic link not allowed or link target not accessible: /srv/www{path}"),
        _ => write!(
            out,
            "(70007)The timeout specified has expired: AH00574: ap_content_length_filter: read failed"
        ),
    };
    if !visit.referrer.is_empty() {
        let _ = write!(out, ", referer: {}", visit.referrer);
    }
}

fn request(visit: &Visit, out: &mut Vec<u8>) {
    if let Some(garbage) = visit.garbage {
        out.extend_from_slice(garbage.as_bytes());
        return;
    }
    out.extend_from_slice(visit.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(visit.path.as_bytes());
    if !visit.query.is_empty() {
        out.push(b'?');
        out.extend_from_slice(visit.query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1");
}

fn or_dash(text: &str) -> &[u8] {
    if text.is_empty() { b"-" } else { text.as_bytes() }
}
