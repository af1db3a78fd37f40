//! A finder of what names people and rooms in the logs of meetings, written without a look at the product's.
//!
//! *In*: one line. *Out*: [`Found`] spans of rooms, Jabber identifiers, display names, accounts and secrets. *Promised*: plain
//! expressions; the span is the value alone, so that it can be searched in the output; a span is certain when the structure
//! around it says what it is. *Not here*: addresses, e-mail and web tokens (`finder`), the verdict (`meet`).
//!
//! Doubtful, so treated or not: accounts and rooms of the services themselves (`focus`, `jvb`, breweries), identifiers of
//! bridges, endpoints, sessions and meetings, whatever is shorter than four bytes, and masks (`*****`, `XXXX`).

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::finder::{Found, Kind};

/// Values shorter than this stand in a text by chance.
pub const SHORTEST: usize = 4;

/// An expression whose first group is a value, and what it is when certain.
struct Rule {
    kind: Kind,
    certain: bool,
    expression: Regex,
}

/// A JSON value, plain or inside a JSON string.
macro_rules! json {
    ($keys:literal) => {
        concat!(
            r#""(?:"#,
            $keys,
            r#")"\s*:\s*"([^"\\]+)"|\\+"(?:"#,
            $keys,
            r#")\\+"\s*:\s*\\+"([^"\\]+)\\+""#
        )
    };
}

/// Kind, certain, expression.
const RULES: &[(Kind, bool, &str)] = &[
    // Names.
    (Kind::Name, true, json!("displayName|fullname|fullName|nick|stats_id|statsId|stats-id")),
    (Kind::Name, true, r#""(?:displayName|fullname|fullName)":"((?:[^"\\]|\\.)+)""#),
    (Kind::Name, true, r#"--analytics--.*?"name":"((?:[^"\\]|\\.)+)""#),
    (Kind::Name, true, r"<(?:nick|display-name|stats-id)\b[^>]*>([^<]+)</"),
    (Kind::Name, true, r#"\bdisplay[-_]?name=["']([^"']+)["']"#),
    (Kind::Name, true, r#"\bstats[-_]id=["']?([^\s"'\],>]+)"#),
    (Kind::Name, true, r#"[?&](?:fullName|displayName)=([^&\s"]+)"#),
    (Kind::Name, true, r#""([^"<>]+)" ?<sip:"#),
    (Kind::Name, false, r"\bnickname=([^\s,)]+)"),
    // Rooms.
    (Kind::Room, true, r"\bconf_name=([^\s\]@]+)"),
    (Kind::Room, true, r#"\broom=["']?([^\s"'@&\],?/]+)"#),
    (Kind::Room, true, r"\bcallName=([^\s,)]+)"),
    (Kind::Room, true, r"\b[Rr]oom: ([^\s@,]+)@"),
    (Kind::Room, true, r"request for room ([^\s@,]+)"),
    (Kind::Room, true, r#"<conference\b[^>]*\bname=["']([^"'@]+)"#),
    (Kind::Room, true, json!("confName|confname")),
    (Kind::Room, false, r"\broomName=([^\s,)]+)"),
    // Accounts.
    (Kind::Account, true, r"\b(?:user|username)[ =]<(?:\d+:)?([^<>:]*[^<>:\d][^<>:]*)>"),
    (Kind::Account, true, r"check_stun_auth: user (\S+) credentials"),
    (Kind::Account, true, r"\b[Aa]uthenticated as:? ([^\s@/]+)"),
    (Kind::Account, true, r"(?:authenticate as|authentication for|nonexistent user) '([^']+)'"),
    (Kind::Account, true, r#"\bAccountID="([^"<>]+)""#),
    (Kind::Account, true, r#""username":"([^"\\]*[A-Za-z][^"\\]*)""#),
    (Kind::Account, true, r"=> <\d+:([^<>()]+)\(-?\d+\)>"),
    (Kind::Account, false, r"\busername=([^\s,)<]+)"),
    (Kind::Account, false, r#""(\d+)" ?<sip:|extension '([^']+)'"#),
    // Secrets.
    (Kind::Secret, true, r#"[?&\s](?:pwd|password|jwt|token)=["']?([^\s"'&,)<>]+)"#),
    (Kind::Secret, true, json!("sessionToken|password|jwt")),
    (Kind::Secret, true, r#"[?&]sessionToken=([^\s"'&]+)"#),
    (Kind::Secret, false, r#"\b(?:credential|checksum)\\*["=:]+\\*"?([^\s"\\&]+)"#),
    // An address as Erlang writes it.
    (Kind::Client, true, r"\{\{(\d+,\d+,\d+,\d+)\},\d+\}"),
    // What links lines of one meeting or client.
    (Kind::Jid, false, r"\bcallid: ([^\s)]+)"),
    (Kind::Jid, false, r#"\bbrewery=([^\s\]]+)|"sessionId":(\d+)|[^a-z]ice-ufrag:([^\s\\"]+)"#),
    (Kind::Name, false, json!(r"\w*[dD]isplayName")),
    (Kind::Account, false, json!("username")),
    (Kind::Jid, false, json!("sid|confID|confId")),
    (Kind::Jid, false, r"(?i)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"),
    (
        Kind::Jid,
        false,
        r"\b(?:confId|gid|meeting_id|epId|ufrag|local_ufrag|participant|relayId|id|SID|MUID)=([^\s\],]+)",
    ),
    (Kind::Jid, false, r"\bstream-([0-9a-f]{8})"),
    (Kind::Jid, false, r"\b(?:c2s|s2sin|s2sout|jcp|bosh)([0-9a-f][0-9a-f-]{7,})\b"),
    (Kind::Jid, false, r"\bsession (\d{18}):"),
    (Kind::Jid, false, r#"\b(?:machine-uid|session[-_]id|ufrag|id|to|from|initiator)=["']([^"']+)["']"#),
    (Kind::Jid, false, r#"\bSessionID="([^"]+)""#),
    (Kind::Jid, false, r"(?:[0-9A-F]{2}:){15,}[0-9A-F]{2}"),
    (Kind::Jid, false, r"\bMember (?:joined|left) ?:([0-9a-f]{8})\b"),
    (Kind::Jid, false, r"not found for ([0-9a-f]{8})\b"),
    (
        Kind::Jid,
        false,
        r#"\\*"[A-Za-z_]*(?:[uU]ser[iI][dD]|[uU]serID|[mM]eeting[iI]d|[mM]eeting_id|endpointId|deviceId|ufrag|usernameFragment)\\*"\s*:\s*\\*"([^"\\]+)"#,
    ),
];

static COMPILED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let compile = |text: &str| Regex::new(&format!("(?-u){text}")).unwrap();
    RULES.iter().map(|&(kind, certain, text)| Rule { kind, certain, expression: compile(text) }).collect()
});

macro_rules! regex {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new(concat!("(?-u)", $text)).unwrap());
    };
}

regex!(
    JID,
    concat!(
        r#"((?:\[[A-Za-z0-9_\-]+\])?[^\s"'<>(){}\[\],;=:@/\\|&?*#]+)@([A-Za-z0-9][A-Za-z0-9.\-]*|\[[0-9A-Fa-f:.]+\]|::1)"#,
        r#"(?:/([^\s"'<>(){}\[\],;=&\\@]+))?"#
    )
);
regex!(OBJECT, r"^[0-9a-f]{4,8}$");
regex!(ROOM_HOST, r"^(?:conference|muc|breakout|lobby|conference-[a-z]+)\.");
regex!(OWN, r"^(?i:focus\d*|jvb\d*|jicofo|jibri|jibri[-_]usr|jigasi|recorder|transcriber|\w*brewery)$");
regex!(MASK, r"^(?:[*X-]+|x+|null|true|false|\{\w+\}|\[params_redacted\]?)$");

/// Every identifier of the line, in order of their beginning; spans may overlap.
pub fn find(line: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    for rule in COMPILED.iter() {
        for groups in rule.expression.captures_iter(line) {
            let whole = groups.get(0);
            let Some(value) = groups.iter().skip(1).flatten().next().or(whole) else { continue };
            push(line, rule.kind, rule.certain, value.start(), value.end(), &mut found);
        }
    }
    jids(line, &mut found);
    found.sort_by_key(|f| (f.start, f.end));
    found
}

fn push(line: &[u8], kind: Kind, certain: bool, start: usize, end: usize, found: &mut Vec<Found>) {
    let value = &line[start..end];
    let ours = OWN.is_match(value) || MASK.is_match(value);
    let certain = certain && value.len() >= SHORTEST && !ours;
    found.push(Found { kind, start, end, certain, address: None });
}

/// Local part and resource of everything shaped like a Jabber identifier; what Java prints for an object is none.
fn jids(line: &[u8], found: &mut Vec<Found>) {
    for groups in JID.captures_iter(line) {
        let (Some(local), Some(host)) = (groups.get(1), groups.get(2)) else { continue };
        if OBJECT.is_match(host.as_bytes()) {
            continue;
        }
        let room = ROOM_HOST.is_match(host.as_bytes());
        let own = OWN.is_match(local.as_bytes());
        let call = line[..local.start()].ends_with(b"callid: ");
        let kind = if room { Kind::Room } else { Kind::Jid };
        push(line, kind, !call, local.start(), local.end(), found);
        // A treatment may replace the whole of it.
        found.push(Found { kind, start: local.start(), end: host.end(), certain: false, address: None });
        if let Some(resource) = groups.get(3) {
            push(line, Kind::Jid, !own, resource.start(), resource.end(), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certain(line: &str) -> Vec<String> {
        let found = find(line.as_bytes());
        let mut spelled: Vec<String> = found
            .iter()
            .filter(|f| f.certain)
            .map(|f| format!("{}:{}", f.kind.name(), &line[f.start..f.end]))
            .collect();
        spelled.dedup();
        spelled
    }

    #[test]
    fn rooms_and_occupants() {
        assert_eq!(certain("[conf_name=team7@conference.example.org epId=0a1b2c3d]"), ["room:team7"]);
        assert_eq!(certain("Joining team7@muc.example.org/0a1b2c3d"), ["room:team7", "jid:0a1b2c3d"]);
        assert_eq!(certain("GET /http-bind?room=team7&x=1"), ["room:team7"]);
        assert_eq!(certain("CallUrlInfo(callName=team7, urlParams=[])"), ["room:team7"]);
    }

    #[test]
    fn people() {
        assert_eq!(certain("stats_id=Nora-x9Y]"), ["name:Nora-x9Y"]);
        assert_eq!(certain(r#"{\"stats_id\":\"Nora-x9Y\"}"#), ["name:Nora-x9Y"]);
        assert_eq!(certain(r#"{"displayName":"Nora \"N\" Field"}"#), [r#"name:Nora \"N\" Field"#]);
        assert_eq!(certain("Authenticated as nora@example.org"), ["account:nora", "jid:nora"]);
        assert_eq!(certain("username=<1790000000:nora>, x"), ["account:nora"]);
    }

    #[test]
    fn what_is_none() {
        for line in
            ["Server@4c9e38{STARTING}", "focus@auth.example.org/focus12", "password=*****)", "room=null"]
        {
            assert!(certain(line).is_empty(), "{line}: {:?}", certain(line));
        }
    }
}
