//! Planted identifiers and every way in which they could show again.
//!
//! *In*: nothing. *Out*: [`CANARIES`], and [`sightings`]: which of them a text still shows, in whatever spelling or
//! encoding. *Promised*: all are synthetic (RFC 5737, RFC 3849, RFC 7042, example.org). *Not here*: where they are planted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use regex::bytes::{Regex, RegexBuilder};

use crate::support;

/// Where a canary can be expected to be recognised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// By its shape, in any field.
    Anywhere,
    /// Only where the record's structure names it, and in texts of a record that names it.
    Named,
}

/// One planted identifier.
pub struct Canary {
    /// What it is.
    pub kind: &'static str,
    /// As it is planted.
    pub planted: &'static str,
    /// The address that it spells, or nothing.
    address: &'static str,
    /// The part of it that must not be seen; all of it when empty.
    secret: &'static str,
    /// Where it must be recognised.
    pub place: Where,
}

const fn address(kind: &'static str, planted: &'static str, address: &'static str) -> Canary {
    Canary { kind, planted, address, secret: address, place: Where::Anywhere }
}

const fn shape(kind: &'static str, planted: &'static str, secret: &'static str) -> Canary {
    Canary { kind, planted, address: "", secret, place: Where::Anywhere }
}

const fn named(kind: &'static str, planted: &'static str) -> Canary {
    Canary { kind, planted, address: "", secret: planted, place: Where::Named }
}

/// The planted identifiers. No two share an address.
pub const CANARIES: &[Canary] = &[
    address("v4", "203.0.113.77", "203.0.113.77"),
    address("v4 with port", "203.0.113.78:51234", "203.0.113.78"),
    address("v4 in brackets", "[203.0.113.79]", "203.0.113.79"),
    address("v4 network", "203.0.113.80/32", "203.0.113.80"),
    address("v6", "2001:db8:cafe:77::1234", "2001:db8:cafe:77::1234"),
    address("v6 upper case", "2001:DB8:CAFE:78::ABCD", "2001:db8:cafe:78::abcd"),
    address("v6 uncompressed", "2001:0db8:cafe:0079:0000:0000:0000:beef", "2001:db8:cafe:79::beef"),
    address("v6 in brackets with port", "[2001:db8:cafe:80::99]:443", "2001:db8:cafe:80::99"),
    address("v6 with zone", "fe80::c0ff:ee77%eth0", "fe80::c0ff:ee77"),
    address("v6 mapped", "::ffff:203.0.113.81", "203.0.113.81"),
    address("v6 mapped in hex", "::ffff:cb00:7152", "203.0.113.82"),
    address("host dashed", "ip-203-0-113-83.dyn.example.net", "203.0.113.83"),
    address("host dotted", "203.0.113.84.dsl.example.net", "203.0.113.84"),
    address("host reversed", "85.113.0.203.in-addr.arpa", "203.0.113.85"),
    shape("e-mail", "wilhelmina.kanarie@example.org", "wilhelmina.kanarie"),
    shape("e-mail percent", "kanarie%40mail.example.org", "kanarie%40mail.example.org"),
    shape("mac", "00:00:5e:00:53:af", "00:00:5e:00:53:af"),
    shape("mac dashed", "00-00-5E-00-53-BF", "00-00-5E-00-53-BF"),
    shape(
        "jwt",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJrYW5hcmllIn0.a2FuYXJpZS1zaWduYXR1cmU",
        "eyJzdWIiOiJrYW5hcmllIn0",
    ),
    shape("basic", "Basic a2FuYXJpZTpnZWhlaW0tNzc=", "a2FuYXJpZTpnZWhlaW0tNzc"),
    Canary {
        kind: "user",
        planted: "kanarievogel",
        address: "",
        secret: "kanarievogel",
        place: Where::Named,
    },
    Canary {
        kind: "full name",
        planted: "Wilhelmina Kanariepiet",
        address: "",
        secret: "Kanariepiet",
        place: Where::Named,
    },
];

/// What only logs of meetings hold: planted where their records have a place for it (`meetings`).
pub const MEETING: &[Canary] = &[
    named("room", "kanariekooi"),
    named("tenant", "kanarietenant"),
    named("nick", "kanariegeel"),
    named("statistics", "kanariestat"),
    named("account", "kanarieaccount"),
    named("resource", "reskanarie77"),
    named("endpoint", "4c7a9a1e"),
    named("guest", "4c7a9a1f"),
    named("meeting", "7c7a9a1b"),
    named("conference", "c7a9a1b0e5f60718"),
    named("session", "446655447788"),
    named("client session", "55a9fb7788ca"),
    named("turn session", "001000000000077707"),
    named("turn user", "kanarieturn"),
    named("ufrag", "kanufrag7x"),
    named("ice password", "kanariepwd0123456789abcd"),
    named("password", "kanariewachtwoord"),
    named("machine", "kanariemachine77"),
];

/// Every spelling and encoding of every canary, lower case, with the kind it belongs to; and one expression for them all.
static NEEDLES: LazyLock<(Regex, HashMap<Vec<u8>, &'static str>)> = LazyLock::new(|| {
    let mut kinds = HashMap::new();
    for canary in CANARIES.iter().chain(MEETING) {
        let mut spellings: BTreeSet<String> = BTreeSet::from([canary.secret.to_owned()]);
        if let Ok(ip) = canary.address.parse::<IpAddr>() {
            spellings.extend(support::address_spellings(ip));
        }
        kinds.extend(spellings.iter().flat_map(|s| encodings(s)).map(|needle| (needle, canary.kind)));
    }
    let any: Vec<String> =
        kinds.keys().map(|n| regex::escape(std::str::from_utf8(n).expect("ASCII"))).collect();
    let any = RegexBuilder::new(&any.join("|")).unicode(false).size_limit(1 << 28).build().expect("literals");
    (any, kinds)
});

/// The canaries that `text` shows: kind and place of the first of each kind. Upper and lower case are the same.
pub fn sightings(text: &[u8]) -> BTreeMap<&'static str, usize> {
    let lower = text.to_ascii_lowercase();
    let (any, kinds) = &*NEEDLES;
    let mut seen = BTreeMap::new();
    for hit in any.find_iter(&lower) {
        if let Some(kind) = kinds.get(hit.as_bytes()) {
            seen.entry(*kind).or_insert(hit.start());
        }
    }
    seen
}

/// The ways to encode a text: as it is, percent, `\x`, JSON, hexadecimal, base64 at each alignment. All lower case.
fn encodings(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let each = |form: &dyn Fn(u8) -> String| bytes.iter().map(|b| form(*b)).collect::<String>();
    let special = |form: &dyn Fn(u8) -> String| {
        bytes
            .iter()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(*b).to_string() } else { form(*b) })
            .collect()
    };
    let mut all: Vec<String> = vec![
        text.to_owned(),
        each(&|b| format!("%{b:02x}")),
        special(&|b| format!("%{b:02x}")),
        each(&|b| format!("\\x{b:02x}")),
        special(&|b| format!("\\x{b:02x}")),
        each(&|b| format!("\\u{b:04x}")),
        special(&|b| format!("\\u{b:04x}")),
        special(&|b| format!("&#{b};")),
        text.replace('/', "\\/"),
        text.replace(' ', "+"),
        text.replace("%40", "@"),
    ];
    if bytes.len() >= 8 {
        all.push(each(&|b| format!("{b:02x}")));
        for lead in 0..3 {
            let mut shifted = vec![0_u8; lead];
            shifted.extend_from_slice(bytes);
            let code = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&shifted);
            // The first and last digits also hold neighbours' bits; what is between them is ours alone.
            let inner = &code[(lead * 4).div_ceil(3)..code.len() - 1];
            all.push(inner.replace('+', "-").replace('/', "_"));
            all.push(inner.to_owned());
        }
    }
    all.into_iter().map(|s| s.to_ascii_lowercase().into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_canary_is_seen_as_planted() {
        for canary in CANARIES.iter().chain(MEETING) {
            assert!(sightings(canary.planted.as_bytes()).contains_key(canary.kind), "{}", canary.kind);
        }
    }

    #[test]
    fn canaries_are_seen_in_disguise() {
        for disguise in [
            "3405803853",
            "CB00714D",
            "%32%30%33%2E%30%2E%31%31%33%2E%37%37",
            "77.113.0.203.in-addr.arpa",
            "::ffff:cb00:714d",
            "x-203-0-113-77",
        ] {
            assert!(sightings(disguise.as_bytes()).contains_key("v4"), "{disguise}");
        }
        // The neighbours' base64 begins alike; that one of them is seen is enough.
        assert!(!sightings(b"MjAzLjAuMTEzLjc3").is_empty());
        assert!(sightings(b"2001:db8:cafe:77:0:0:0:1234").contains_key("v6"));
        assert!(sightings(br"wilhelmina.kanarie\u0040example.org").contains_key("e-mail"));
    }

    #[test]
    fn no_canary_is_seen_where_there_is_none() {
        assert!(sightings(b"GET /index.html 200 \"Mozilla/5.0 Chrome/120.0.0.0\" 203.0.113.0").is_empty());
    }
}
