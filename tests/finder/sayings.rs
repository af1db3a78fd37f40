//! Messages as programs of a videoconference write them: keys, stanzas, tuples, descriptions, identifiers of Jabber, and prose in
//! which the same words mean nothing.

use super::generate::{Dice, piece};
use super::words::{ENDINGS, KEYS};

const NAMES: &[&str] = &[
    "Anna",
    "Anna Müller",
    "José \\\"Pepe\\\" Núñez",
    "Łukasz",
    "山田 太郎",
    "Ελένη",
    "O&apos;Brien",
    "محمد",
    "Jan de Vries",
    "Zoë",
    "X",
    "Дарья П.",
];
const WORDS: &[&str] =
    &["alice", "Terrance-GD5", "plan", "F7gI", "sprint-42", "abcd1234", "x9cml/YzichV2+Xl", "Vorstand"];
const NOTHING: &[&str] = &["null", "None", "*****", "XXXX", "-", "", "true", "off", "unknown", "..."];
const RANDOM: &[&str] = &[
    "49517bef",
    "2498e671",
    "12345678",
    "49517bef-89d4-4e65-b61a-c243d48fd69e",
    "deadbeef",
    "4951",
    "audio",
];

/// A room in one of its spellings.
fn room(dice: &mut Dice) -> String {
    let name =
        dice.one(&["plan", "r%c3%a4t%20haus", "Team", "rät", "a_b.c", "team\\20talk", "山", "x%2520y"]);
    let host = dice.one(&[
        "conference.example.org",
        "muc.meet.jitsi",
        "Conference-7.example.org",
        "rooms.example.net",
        "conference.127.0.0.1",
        "internal.auth.example.org",
        "conference",
    ]);
    match dice.below(6) {
        0 => format!("[acme]{name}@{host}"),
        1 if host.ends_with("org") => format!("{name}@{host}@auth.example.org"),
        _ => format!("{name}@{host}"),
    }
}

fn jid(dice: &mut Dice) -> String {
    let account = match dice.below(6) {
        0 => "49517bef-89d4-4e65-b61a-c243d48fd69e@meet.example.org".into(),
        1 => "alice@example.org".into(),
        2 => "jvb.7@auth.meet.jitsi".into(),
        _ => room(dice),
    };
    match dice.below(7) {
        // The focus of old is named after its room, and what stands behind its slash is nobody.
        _ if account.matches('@').count() > 1 => account,
        0 => account,
        1 => format!("{account}/focus"),
        2 => format!("{account}/49517bef"),
        3 => format!("{account}/yzhm9bLt."),
        4 => format!("'{account}/{}'", dice.one(&["Anna Müller", "Zoë", "49517bef", "focus"])),
        5 => format!("\"{account}/山田 太郎\""),
        _ => format!("{account}/Ελένη"),
    }
}

/// A key in one of its spellings.
fn key(dice: &mut Dice) -> String {
    let (_, _, words) = KEYS[dice.below(KEYS.len() - 1)];
    let word = match dice.below(8) {
        0 => {
            let ending = ENDINGS[dice.below(ENDINGS.len())].0;
            format!("{}{ending}", dice.one(&["x-", "config_", "FOCUS_USER_", "org"]))
        }
        1 => dice.one(&["reason", "region", "role", "status", "level", "version", "stream", "type"]).into(),
        _ => dice.one(words).to_owned(),
    };
    match dice.below(5) {
        0 => word.to_uppercase(),
        1 => word.replace("name", "_name").replace("id", "-id").trim_start_matches(['_', '-']).to_owned(),
        2 => word.replace("name", "Name").replace("id", "Id"),
        _ => word,
    }
}

fn value(dice: &mut Dice) -> String {
    match dice.below(8) {
        0 | 1 => dice.one(NAMES).into(),
        2 => dice.one(NOTHING).into(),
        3 => dice.one(RANDOM).into(),
        4 => room(dice),
        5 => "erika@example.com".into(),
        _ => dice.one(WORDS).into(),
    }
}

fn keyed(dice: &mut Dice) -> String {
    let (key, value) = (key(dice), value(dice));
    // What its quotes would end, or what XML has no backslashes for.
    let plain = value.replace("\\\"", "");
    let single = plain.replace('\'', "");
    match dice.below(12) {
        0 | 1 => format!("{key}={plain}"),
        2 => format!("{key}: {plain}"),
        3 => format!("{key}:{plain}"),
        4 => format!("{key} = {plain}"),
        5 => format!("{key}='{single}'"),
        6 => format!("\"{key}\":\"{value}\""),
        7 => format!("\"{key}\": \"{value}\""),
        8 => format!("\\\"{key}\\\":\\\"{plain}\\\""),
        9 => format!("&quot;{key}&quot;:&quot;{plain}&quot;"),
        10 => format!("{key}=<{plain}>"),
        _ => format!("'{key}': '{single}'"),
    }
}

fn stanza(dice: &mut Dice) -> String {
    let name = dice.one(NAMES).replace("\\\"", "&quot;");
    match dice.below(8) {
        0 => format!("<nick xmlns='http://jabber.org/protocol/nick'>{name}</nick>"),
        1 => format!("<stats-id>{name}</stats-id>"),
        2 => format!("<jitsi:display-name>{name}</jitsi:display-name><role>x</role>"),
        3 => format!("<body>{name} at nine</body><status>{name}</status>"),
        4 => format!("<item jid='{}' name='{name}'/>", room(dice)),
        5 => format!("<conference id=\"a4e4\" name=\"{}\"><property name=\"disableRtx\"/>", dice.one(WORDS)),
        6 => format!(
            "<iq from='{}' to='alice@example.org/x1' id='45'>",
            jid(dice).trim_matches(['\'', '"', '.'])
        ),
        _ => "<nick/></nick><email></email>".into(),
    }
}

fn structure(dice: &mut Dice) -> String {
    let name = dice.one(NAMES).replace("\\\"", "");
    match dice.below(9) {
        0 => format!("{{nick,<<\"{name}\">>}}"),
        1 => format!("{{<<\"displayName\">>,<<\"{name}\">>}}"),
        2 => format!("{{user,\"{}\"}} {{level,\"x\"}}", dice.one(WORDS)),
        3 => format!("{{{{{},{},2,7}},50312}}", dice.below(300), dice.below(300)),
        4 => "{{8193,3512,0,0,0,0,0,1},5222}".into(),
        5 => "{1,2,3} {1,2,3,4,5} {70000,1,1,1}".into(),
        6 => format!("{{name={name}, email=erika@example.com}}"),
        7 => format!("{{\"name\":\"{name}\",\"n\":1}}"),
        _ => format!(
            "\nv=0\no={} 2890844526 2 IN IP4 x\ns={}\na=ice-pwd:abc\n",
            dice.one(&["-", "jdoe"]),
            dice.one(&["-", "Seminar"])
        ),
    }
}

fn prose(dice: &mut Dice) -> String {
    dice.one(&[
        "the user is gone",
        "name of the room",
        "token: expired",
        "std::user::x",
        "MucImpl@71c78138",
        "sourceRoom=org.example.ChatRoomImpl@71c78138 type=x",
        "Member left : nobody",
        "Channel stream=audio isJibri=false",
        "java.lang.Thread.run(Thread.java:829)",
        "room == null",
        "session: user=alice",
        "left: nick=Zoë, x",
        "see https://example.org/a?room",
        "stream-49517bef.RTP",
        "no name, no room; no user.",
        "authenticated as: alice",
        "name=stream-660d9565",
        "rtmp://a.example.org/live2/abcd-efgh-1234 ok",
        "\"Erika M\" <sip:1000@192.0.2.7>",
        "Allocating for 12345678 now",
        "displayName=Anna - joined",
        "Starting JVB conference room: Team Besprechung - attempt 2",
        "stats-id=Anna van der Berg (guest) region=null",
        "nick=O'Brien, x",
        "displayName=Anna Müller role=x",
        "callName=Demo  urlParams=[]",
        "user=O'Brien",
    ])
    .into()
}

/// A message.
pub fn message(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(5) {
        text.push_str(dice.one(&[" ", " ", ", ", "; ", " (", ") ", "\n", " | ", "\t", "[", "] ", " {"]));
        text.push_str(&match dice.below(12) {
            0 => piece(dice),
            1 | 2 => prose(dice),
            3 => stanza(dice),
            4 => structure(dice),
            5 | 6 => jid(dice),
            7 if dice.below(4) == 0 => format!("sha-256 {}", vec!["3A"; 16 + dice.below(20)].join(":")),
            _ => keyed(dice),
        });
        text.push_str(dice.one(&["", "", " ", ". ", ", ", ")", "\n"]));
    }
    text
}

/// A query.
pub fn query(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(5) {
        text.push_str(dice.one(&["&", "&", ";", "#config."]));
        let value = value(dice);
        // Escapes and other letters in a mail address, and hosts that begin like one, are the product's own knowledge.
        let value = if value.contains('@') { "erika@example.com".into() } else { value };
        let value = value.replace(['\\', '"', '%'], "").replace(' ', "+");
        match dice.below(6) {
            0 if !value.contains('@') => {
                text.push_str(&format!("config.userInfo.{}=%22{}%22", key(dice), value))
            }
            1 => text.push_str(dice.one(&["page=2", "q=hello%20world", "user", "=x", "ver=7", "a=b=c"])),
            _ => text.push_str(&format!("{}={}", key(dice), value)),
        }
    }
    text
}

/// Bytes that hurt: everything that keys, elements and tuples are made of, at random.
pub fn noise(dice: &mut Dice) -> Vec<u8> {
    let alphabet = [
        "name",
        "user",
        "room",
        "nick",
        "token",
        "id",
        "o",
        "s",
        "=",
        "=",
        ":",
        ": ",
        "\"",
        "'",
        "\\",
        "\\\"",
        "&quot;",
        "<",
        "</",
        ">",
        "<<\"",
        "\">>",
        "{",
        "}",
        ",",
        ", ",
        "[",
        "]",
        "(",
        ")",
        " ",
        "  ",
        "\n",
        "@",
        "/",
        "focus",
        "conference.",
        "muc.x",
        "a",
        "7",
        "ü",
        "é",
        "49517bef",
        "null",
        "-",
        "_",
        ".",
        "%40",
        "%20",
        "\\20",
        "rtmp://",
        "3A:",
        "1,2,3,4",
        "authenticated as",
        " email=",
        "|",
        ";",
        "&",
        "?",
    ];
    let mut text = Vec::new();
    for _ in 0..dice.below(60) {
        text.extend_from_slice(dice.one(&alphabet).as_bytes());
        if dice.below(40) == 0 {
            text.push(dice.below(256) as u8);
        }
    }
    text
}
