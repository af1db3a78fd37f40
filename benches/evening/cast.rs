//! Who meets, and where: rooms and people with all that the four programs know of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unicode_normalization::UnicodeNormalization as _;

use super::names::{
    ADVERBS, AGENTS, BEASTS, DEEDS, HANDLES, MAIL_HOSTS, ROOMS, SCRIPTS, STATS_WORDS, SURNAMES, TENANTS,
};
use super::random::Random;
use super::secrets::Secrets;

/// The meeting server, and the domain of its multi-user chat.
pub const HOST: &str = "meet.example.org";

/// One room.
pub struct Room {
    /// As people say it.
    pub shown: String,
    pub tenant: Option<&'static str>,
    /// As jitsi-meet makes it safe for the other programs: NFKC, lower case, percent-encoded, and that in lower case again.
    pub safe: String,
    /// As Prosody, Jicofo and the bridge name it.
    pub jid: String,
    pub conference_id: String,
    pub meeting_id: String,
    /// Only with a token.
    pub closed: bool,
    pub lobby: bool,
    /// Its bridge writes `xx.xx.xx.xx` for the addresses of others.
    pub redacted: bool,
    /// Milliseconds since 1970.
    pub start: i64,
    pub end: i64,
    pub people: Vec<Person>,
}

/// One participant of one room.
pub struct Person {
    pub name: String,
    pub email: Option<String>,
    /// The registered account; guests have a random one.
    pub account: Option<String>,
    pub jwt: Option<String>,
    pub address: String,
    /// The address inside the participant's own network.
    pub lan: String,
    pub bare_jid: String,
    pub full_jid: String,
    /// The occupant's and endpoint's id: eight hexadecimal digits, for a guest those of the account.
    pub endpoint: String,
    pub stats_id: String,
    pub ufrag: String,
    pub remote_ufrag: String,
    pub password: String,
    pub fingerprint: String,
    pub agent: &'static str,
    /// WebSocket rather than BOSH.
    pub websocket: bool,
    pub session: String,
    pub port: u64,
    /// The room as this person typed it, percent-encoded, with its tenant: `/gemeente/Weekly%20Review`.
    pub path: String,
    pub join: i64,
    pub leave: i64,
    pub fate: Fate,
}

/// How it goes for a participant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Well,
    /// No pair of candidates works.
    IceFails,
    /// The token is refused.
    Refused,
}

impl Room {
    /// `/gemeente/http-bind`, or without a tenant `/http-bind`.
    pub fn service(&self, name: &str) -> String {
        match self.tenant {
            Some(tenant) => format!("/{tenant}/{name}?room={}", self.safe),
            None => format!("/{name}?room={}", self.safe),
        }
    }

    pub fn occupant(&self, person: &Person) -> String {
        format!("{}/{}", self.jid, person.endpoint)
    }
}

/// All rooms with their people, and the list of what was given to them.
pub fn cast(rooms: u64, people: u64, start: i64, span: i64, random: &mut Random) -> (Vec<Room>, Secrets) {
    let mut secrets = Secrets::default();
    let mut all: Vec<Room> = (0..rooms).map(|n| room(n, start, span, random, &mut secrets)).collect();
    let mut addresses = BTreeSet::new();
    for n in 0..people {
        // Two in every room, the others where chance puts them: some rooms are large.
        let at = if n < 2 * rooms { n % rooms } else { u64::from(random.zipf(rooms as u32)) };
        let room = &mut all[at as usize];
        let person = person(n, room, &mut addresses, random, &mut secrets);
        room.people.push(person);
    }
    (all, secrets)
}

fn room(n: u64, start: i64, span: i64, random: &mut Random, secrets: &mut Secrets) -> Room {
    let shown = match ROOMS.get(n as usize) {
        Some(shown) => (*shown).to_owned(),
        None => format!(
            "{}{}{}{}{n}",
            random.pick(BEASTS),
            random.pick(DEEDS),
            random.pick(ADVERBS),
            if n.is_multiple_of(2) { " Überblick " } else { "" }
        ),
    };
    let tenant = (n % 5 == 3).then(|| TENANTS[(n / 5) as usize % TENANTS.len()]);
    let safe = backend_safe(&shown);
    let jid = match tenant {
        Some(tenant) => format!("[{tenant}]{safe}@conference.{HOST}"),
        None => format!("{safe}@conference.{HOST}"),
    };
    secrets.add("room", &shown);
    secrets.add("room", &safe);
    secrets.add("jid", &jid);
    let begin = start + below(span * 6 / 10, random);
    Room {
        conference_id: hex(random, 16),
        meeting_id: uuid(random, None),
        closed: n % 4 == 1,
        lobby: n % 5 == 2,
        redacted: n % 2 == 1,
        start: begin,
        end: begin + span * 3 / 10,
        people: Vec::new(),
        shown,
        tenant,
        safe,
        jid,
    }
}

fn person(
    n: u64,
    room: &Room,
    addresses: &mut BTreeSet<String>,
    random: &mut Random,
    secrets: &mut Secrets,
) -> Person {
    let name = display_name(n);
    let account = (n % 8 == 5).then(|| handle(n, '.'));
    let email = (room.closed || n % 6 == 1)
        .then(|| format!("{}@{}", handle(n, '_'), MAIL_HOSTS[n as usize % MAIL_HOSTS.len()]));
    let endpoint = hex(random, 8);
    let node = account.clone().unwrap_or_else(|| uuid(random, Some(&endpoint)));
    let bare_jid = format!("{node}@{HOST}");
    let full_jid = format!("{bare_jid}/{}", letters(random, 8));
    let address = loop {
        let address = public_address(random);
        if addresses.insert(address.clone()) {
            break address;
        }
    };
    let lan = format!("192.168.{}.{}", random.below(250) + 3, random.below(250) + 2);
    // The browser's random word; some operators put the name there instead.
    let stats_id = if n % 40 == 7 {
        name.clone()
    } else {
        format!("{}-{}", random.pick(STATS_WORDS), letters(random, 3))
    };
    // People arrive within a few minutes and leave towards the end.
    let length = room.end - room.start;
    let join = room.start + below(length / 4, random);
    let leave = room.end - below(length / 5, random);
    let fate = match n {
        _ if room.closed && n % 11 == 6 => Fate::Refused,
        _ if n % 60 == 31 => Fate::IceFails,
        _ => Fate::Well,
    };
    let jwt = room.closed.then(|| token(n, &name, email.as_deref(), room, join, random));

    secrets.add("name", &name);
    for (kind, value) in [("email", &email), ("account", &account), ("jwt", &jwt)] {
        if let Some(value) = value {
            secrets.add(kind, value);
        }
    }
    secrets.add("address", &address);
    secrets.add("jid", &bare_jid);
    if fate != Fate::Refused {
        secrets.add("jid", &full_jid);
        secrets.add("endpoint", &endpoint);
    }
    Person {
        path: typed(room, n),
        ufrag: letters(random, 4),
        remote_ufrag: format!("{}1i{}", hex(random, 5), hex(random, 6)),
        password: letters(random, 26),
        fingerprint: fingerprint(random),
        agent: random.pick(AGENTS),
        websocket: !random.once_in(3),
        session: uuid(random, None),
        port: 49_152 + random.below(16_000),
        name,
        email,
        account,
        jwt,
        address,
        lan,
        bare_jid,
        full_jid,
        endpoint,
        stats_id,
        join,
        leave,
        fate,
    }
}

/// Name number `n`: the scripts take turns, so that a room has people of many.
fn display_name(n: u64) -> String {
    let script = &SCRIPTS[n as usize % SCRIPTS.len()];
    let turn = n as usize / SCRIPTS.len();
    let given = script.given[turn % script.given.len()];
    let family = script.family[(turn + turn / script.given.len()) % script.family.len()];
    let joint = if family.is_empty() { "" } else { script.joint };
    let mut name = format!("{given}{joint}{family}");
    let again = turn / (script.given.len() * script.family.len());
    if again > 0 || (family.is_empty() && turn >= script.given.len()) {
        let _ = write!(name, " {}", turn / script.given.len() + 1);
    }
    if script.decomposed { name.nfd().collect() } else { name }
}

/// `annika.bergstroem17`: a number, because two may have the same name.
fn handle(n: u64, joint: char) -> String {
    let given = HANDLES[n as usize % HANDLES.len()];
    let family = SURNAMES[(n as usize / HANDLES.len() + n as usize) % SURNAMES.len()];
    format!("{given}{joint}{family}{n}")
}

/// What jitsi-meet's `getBackendSafeRoomName` does.
fn backend_safe(room: &str) -> String {
    let normal: String = room.nfkc().collect();
    percent(&normal.to_lowercase(), |b| b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b)).to_lowercase()
}

/// The path that the browser asks for. One in four types in lower case, one in twenty decomposed.
fn typed(room: &Room, n: u64) -> String {
    let typed: String = match n {
        _ if n % 4 == 1 => room.shown.to_lowercase(),
        _ if n % 20 == 2 => room.shown.nfd().collect(),
        _ => room.shown.clone(),
    };
    let tenant = room.tenant.map(|tenant| format!("/{tenant}")).unwrap_or_default();
    let path = percent(&typed, |b| b.is_ascii_graphic() && !b"\"#<>?`{}".contains(&b));
    format!("{tenant}/{path}")
}

/// Percent-encodes all bytes but the `plain` ones.
pub fn percent(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if plain(byte) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A token as the issuers of Jitsi tokens make it. Some escape all but ASCII in their JSON, most do not.
fn token(n: u64, name: &str, email: Option<&str>, room: &Room, join: i64, random: &mut Random) -> String {
    let shown = if n.is_multiple_of(3) { json_ascii(name) } else { json(name) };
    let email = email.unwrap_or_default();
    let room = json(&room.safe);
    let expires = join / 1000 + 7200;
    let claims = format!(
        r#"{{"context":{{"user":{{"id":"{n}","name":"{shown}","email":"{email}","avatar":""}}}},"aud":"jitsi","iss":"portal","sub":"{HOST}","room":"{room}","exp":{expires}}}"#
    );
    let signature: Vec<u8> = (0..4).flat_map(|_| random.next().to_be_bytes()).collect();
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    format!("{head}.{}.{}", URL_SAFE_NO_PAD.encode(claims), URL_SAFE_NO_PAD.encode(signature))
}

pub fn json(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn json_ascii(text: &str) -> String {
    let mut out = String::new();
    for c in json(text).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// One in four has IPv6.
fn public_address(random: &mut Random) -> String {
    let (a, b, c) = (random.below(256), random.below(256), random.below(250) + 2);
    match random.below(4) {
        0 => {
            let mut group = || random.below(0xefff) + 0x1000;
            format!(
                "2001:db8:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}",
                group(),
                group(),
                group(),
                group(),
                group(),
                group()
            )
        }
        1 => format!("100.{}.{b}.{c}", 64 + a % 64), // RFC 6598, shared address space
        _ => format!("198.{}.{b}.{c}", 18 + a % 2),  // RFC 2544, benchmarks
    }
}

/// A duration shorter than `length`.
fn below(length: i64, random: &mut Random) -> i64 {
    random.below(length.cast_unsigned()).cast_signed()
}

pub fn hex(random: &mut Random, digits: usize) -> String {
    (0..digits).map(|_| b"0123456789abcdef"[random.below(16) as usize] as char).collect()
}

pub fn letters(random: &mut Random, count: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..count).map(|_| LETTERS[random.below(LETTERS.len() as u64) as usize] as char).collect()
}

/// A version 4 UUID whose first eight digits may be given.
pub fn uuid(random: &mut Random, first: Option<&str>) -> String {
    let first = first.map_or_else(|| hex(random, 8), str::to_owned);
    let (b, c, d) = (hex(random, 4), hex(random, 3), hex(random, 3));
    format!("{first}-{b}-4{c}-a{d}-{}", hex(random, 12))
}

fn fingerprint(random: &mut Random) -> String {
    let pairs: Vec<String> = (0..32).map(|_| format!("{:02X}", random.below(256))).collect();
    pairs.join(":")
}
