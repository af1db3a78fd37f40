//! What nginx writes: Debian's plain `combined`, so that tokens stay in requests and referrers, and the error log.

use super::cast::{HOST, Person, Room, percent};
use super::log::Logs;
use super::random::Civil;

/// The bridge, as the web server knows it.
pub const BRIDGE: &str = "jvb-1";
const BRIDGE_AT: &str = "http://10.20.0.5:9090";

const FILES: &[&str] = &[
    "/libs/lib-jitsi-meet.min.js?v=8960.0",
    "/libs/app.bundle.min.js?v=8960.0",
    "/css/all.css?v=8960.0",
    "/libs/external_api.min.js?v=8960.0",
    "/static/pwa/icons/icon192.png",
    "/images/watermark.svg",
    "/lang/main-nl.json?v=8960.0",
    "/sounds/joined.mp3",
    "/favicon.ico?v=1",
    "/libs/rnnoise-processor.min.wasm",
];

/// What one line of the access log says.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    protocol: &'a str,
    status: u16,
    bytes: u64,
    referrer: &'a str,
}

fn access(logs: &mut Logs, at: i64, person: &Person, request: &Request<'_>) {
    let mut line = format!("{} - - [", person.address).into_bytes();
    Civil::of(at.div_euclid(1000)).common_log(&mut line);
    let Request { method, target, protocol, status, bytes, referrer } = request;
    let rest = format!(
        "] \"{method} {target} HTTP/{protocol}\" {status} {bytes} \"{referrer}\" \"{}\"",
        person.agent
    );
    line.extend_from_slice(rest.as_bytes());
    logs.access.add(at, String::from_utf8_lossy(&line).into_owned());
}

/// The page of the room, with the token that the invitation holds.
fn page(person: &Person) -> String {
    match &person.jwt {
        Some(jwt) => format!("{}?jwt={jwt}", person.path),
        None => person.path.clone(),
    }
}

/// The page and its files.
pub fn opens(logs: &mut Logs, room: &Room, person: &Person) {
    let page = page(person);
    let referrer = format!("https://{HOST}{page}");
    let mut target = page.clone();
    // Links that portals make: the name stands in the query too.
    if logs.random.once_in(12) {
        let joint = if target.contains('?') { '&' } else { '?' };
        let name = percent(&person.name, |b| b.is_ascii_alphanumeric());
        target = format!("{target}{joint}lang=nl&displayName={name}");
    }
    let from = if logs.random.once_in(3) { "https://portal.example.org/agenda" } else { "-" };
    let bytes = 8000 + logs.random.below(3000);
    let ask = |target, status, bytes, referrer| Request {
        method: "GET",
        target,
        protocol: "2.0",
        status,
        bytes,
        referrer,
    };
    access(logs, person.join, person, &ask(&target, 200, bytes, from));
    for n in 0..3 + logs.random.below(4) {
        let file = FILES[(n + logs.random.below(4)) as usize % FILES.len()];
        let status = if logs.random.once_in(4) { 304 } else { 200 };
        let bytes = if status == 304 { 0 } else { 400 + logs.random.below(900_000) };
        access(logs, person.join + 120 + n.cast_signed() * 60, person, &ask(file, status, bytes, &referrer));
    }
    let config = room.service("config.js").split('?').next().unwrap_or_default().to_owned();
    access(logs, person.join + 90, person, &ask(&config, 200, 31_245, &referrer));
}

/// The connection to Prosody: one line at its end for a WebSocket, one for every poll with BOSH.
pub fn signals(logs: &mut Logs, room: &Room, person: &Person) {
    let referrer = format!("https://{HOST}{}", page(person));
    let (service, method, status) =
        if person.websocket { ("xmpp-websocket", "GET", 101) } else { ("http-bind", "POST", 200) };
    let mut target = room.service(service);
    if let Some(jwt) = &person.jwt {
        target.push_str("&token=");
        target.push_str(jwt);
    }
    if person.websocket {
        // Resuming names the session before.
        let resumed = if logs.random.once_in(10) { person.session.as_str() } else { "" };
        target.push_str(&format!("&previd={resumed}"));
        let request = Request {
            method,
            target: &target,
            protocol: "1.1",
            status,
            bytes: 20_000 + logs.random.below(90_000),
            referrer: "-",
        };
        return access(logs, person.leave + 150, person, &request);
    }
    let mut at = person.join + 700;
    for poll in 0..12 {
        let bytes = 190 + logs.random.below(4000);
        let request =
            Request { method, target: &target, protocol: "2.0", status, bytes, referrer: &referrer };
        access(logs, at, person, &request);
        at += if poll < 5 { 130 } else { 30_000 + logs.random.below(30_000).cast_signed() };
        if at > person.leave {
            break;
        }
    }
}

/// The question to Jicofo, which newer clients put to it over HTTP.
pub fn asks_for_conference(logs: &mut Logs, room: &Room, person: &Person) {
    let referrer = format!("https://{HOST}{}", page(person));
    let target = room.service("conference-request/v1");
    let request = Request {
        method: "POST",
        target: &target,
        protocol: "2.0",
        status: 200,
        bytes: 233,
        referrer: &referrer,
    };
    access(logs, person.join + 1250, person, &request);
}

fn bridge_channel(room: &Room, person: &Person) -> String {
    format!("/colibri-ws/{BRIDGE}/{}/{}?pwd={}", room.conference_id, person.endpoint, person.password)
}

/// The channel to the bridge: its line comes when it closes.
pub fn bridge_channel_closes(logs: &mut Logs, room: &Room, person: &Person) {
    let target = bridge_channel(room, person);
    let bytes = 5000 + logs.random.below(400_000);
    let request =
        Request { method: "GET", target: &target, protocol: "1.1", status: 101, bytes, referrer: "-" };
    access(logs, person.leave + 40, person, &request);
}

/// The bridge does not answer.
pub fn bridge_channel_times_out(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let target = bridge_channel(room, person);
    let request =
        Request { method: "GET", target: &target, protocol: "1.1", status: 504, bytes: 562, referrer: "-" };
    access(logs, at, person, &request);
    logs.connection += 1;
    let mut line = Vec::new();
    Civil::of(at.div_euclid(1000)).nginx_error(&mut line);
    let start = String::from_utf8_lossy(&line).into_owned();
    let (connection, address) = (logs.connection, &person.address);
    logs.error.add(
        at,
        format!(
            "{start} [error] 1259#1259: *{connection} upstream timed out (110: Connection timed out) while \
             connecting to upstream, client: {address}, server: {HOST}, request: \"GET {target} HTTP/1.1\", \
             upstream: \"{BRIDGE_AT}{target}\", host: \"{HOST}\""
        ),
    );
}

/// A file of the room's page that is not there.
pub fn misses_file(logs: &mut Logs, person: &Person) {
    logs.connection += 1;
    let mut line = Vec::new();
    Civil::of(person.join.div_euclid(1000)).nginx_error(&mut line);
    let start = String::from_utf8_lossy(&line).into_owned();
    let (connection, address, page) = (logs.connection, &person.address, page(person));
    logs.error.add(
        person.join + 400,
        format!(
            "{start} [error] 1259#1259: *{connection} open() \"/usr/share/jitsi-meet/fonts/inter.woff2\" failed \
             (2: No such file or directory), client: {address}, server: {HOST}, request: \"GET /fonts/inter.woff2 \
             HTTP/2.0\", host: \"{HOST}\", referrer: \"https://{HOST}{page}\""
        ),
    );
}
