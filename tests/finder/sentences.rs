//! Messages of videoconference servers, made of pieces in which somebody is named in one of many ways, or nobody is.

use super::generate::Dice;
use super::people::{person, record};
use super::values::front;

/// Words of keys and, by the letter before them, what they say: `n`ame, `s`tatistics, `u`ser, `r`oom, `e`ndpoint if random, session
/// (`i`, and `I` if long), `m`ail, secret (`x`, and `X` if long), `p`erson if it looks like one, login if a `w`ord, nothing (`-`).
pub const KEYS: &[(char, &str)] = &[
    ('n', "nick"),
    ('n', "nick name"),
    ('n', "display name"),
    ('n', "user display name"),
    ('n', "full name"),
    ('n', "first name"),
    ('n', "caller name"),
    ('n', "participant name"),
    ('n', "real name"),
    ('p', "owner"),
    ('p', "moderator"),
    ('p', "participant"),
    ('p', "member"),
    ('p', "occupant"),
    ('s', "stats id"),
    ('u', "user"),
    ('u', "jid"),
    ('u', "user name"),
    ('u', "login"),
    ('u', "account"),
    ('u', "user id"),
    ('u', "remote user"),
    ('u', "ruser"),
    ('u', "login name"),
    ('u', "account name"),
    ('u', "login failed"),
    ('w', "uid"),
    ('u', "admin username"),
    ('r', "room"),
    ('r', "room name"),
    ('r', "room jid"),
    ('r', "conf name"),
    ('r', "conference name"),
    ('r', "meeting name"),
    ('r', "tenant"),
    ('r', "breakout room"),
    ('e', "endpoint"),
    ('e', "endpoint id"),
    ('e', "ep id"),
    ('e', "participant id"),
    ('e', "occupant id"),
    ('e', "meeting id"),
    ('e', "id"),
    ('i', "sid"),
    ('i', "session id"),
    ('i', "machine uid"),
    ('i', "device id"),
    ('i', "ufrag"),
    ('i', "ice ufrag"),
    ('i', "cname"),
    ('i', "visitor id"),
    ('I', "session"),
    ('m', "email"),
    ('m', "mail address"),
    ('x', "pwd"),
    ('x', "pass"),
    ('x', "ice pwd"),
    ('x', "cookie"),
    ('x', "ldap bind password"),
    ('x', "focus user password"),
    ('x', "jwt"),
    ('x', "refresh token"),
    ('x', "api key"),
    ('x', "avatar url"),
    ('x', "phone number"),
    ('X', "token"),
    ('X', "phone"),
    ('X', "caller id"),
    ('X', "caller"),
    ('x', "avatar"),
    ('m', "mail"),
    ('-', "region"),
    ('-', "reason"),
    ('-', "role"),
    ('-', "status"),
    ('-', "subject"),
    ('-', "user agent"),
    ('-', "room count"),
    ('-', "x"),
];

pub const NAMES: &[&str] = &[
    "Anna",
    "Anna M\u{fc}ller",
    "\u{395}\u{3bb}\u{3ad}\u{3bd}\u{3b7}",
    "\u{141}ukasz",
    "Jan de Vries",
    "O'Brien",
    "Wolter, Anna",
    "Anna > Bo",
    "Anna & Bo",
    "Dr. Anna [HR]",
    "J. R. Tolkien",
    "Anna (HR) Wolter",
    "\u{7530}\u{4e2d} \u{592a}\u{90ce}",
];
const ROOMS: &[&str] = &["plan", "Team-7", "vorstand.q4", "r%c3%a4t%20haus", "r\u{e4}te", "team\\20talk"];
const ROOM_HOSTS: &[&str] = &[
    "conference.example.org",
    "muc.meet.jitsi",
    "breakout.meet.example.org",
    "lobby.example.net",
    "internal.auth.example.org",
    "conference-7.example.org",
    "Conference.127.0.0.1",
];
const HOSTS: &[&str] = &["example.org", "meet.jitsi", "auth.meet.example.net"];
const NOTHING: &[&str] = &[
    "null",
    "true",
    "False",
    "*****",
    "XXXX",
    "-",
    "none",
    "nil",
    "unknown",
    "not set",
    "[params_redacted]",
    "...",
    "",
];
const PROSE: &[&str] = &[
    "the user left the room",
    "token expired",
    "password rejected",
    "session: user=alice",
    "member: nick='Anna', x",
    "\"anna\"  <item jid='a@example.org'/>",
    "no session for member",
    "INFO",
    "joined",
    "std::user",
    "Foo::Room",
    "12:34:56",
    "at org.example.Room.join(Room.java:264)",
    "Server@4c9e38aa{STARTING}",
    "{1,2,3}",
    "(took 3 ms)",
];

pub fn hex(dice: &mut Dice, digits: usize) -> String {
    (0..digits).map(|_| dice.one(&["0", "1", "4", "7", "9", "a", "b", "e", "f"])).collect()
}

fn uuid(dice: &mut Dice) -> String {
    [8, 4, 4, 4, 12].map(|digits| hex(dice, digits)).join("-")
}

/// Somebody in a room.
fn occupant(dice: &mut Dice) -> String {
    match dice.below(5) {
        0 => dice.one(NAMES).to_owned(),
        1 => "focus".to_owned(),
        2 => uuid(dice),
        _ => hex(dice, 8),
    }
}

/// A Jabber identifier.
pub fn jid(dice: &mut Dice) -> String {
    let (host, room) = (dice.one(HOSTS), dice.one(ROOMS));
    match dice.below(8) {
        0 => format!("{}@{host}", uuid(dice)),
        1 => format!("{}@{host}/{}", uuid(dice), hex(dice, 6)),
        2 => format!("alice@{host}/{}", hex(dice, 6)),
        3 => format!("bob.b@{host}"),
        4 => format!("[acme]{room}@{}", dice.one(ROOM_HOSTS)),
        5 => format!("{room}@{}", dice.one(ROOM_HOSTS)),
        _ => format!("{room}@{}/{}", dice.one(ROOM_HOSTS), occupant(dice)),
    }
}

/// A key in one of its spellings.
pub fn key(dice: &mut Dice) -> String {
    let words = KEYS[dice.below(KEYS.len())].1;
    let camel = || {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
        first.to_owned() + &rest.split_terminator(' ').map(capital).collect::<String>()
    };
    match dice.below(6) {
        0 => words.replace(' ', "-"),
        1 => words.replace(' ', "_"),
        2 => words.replace(' ', "_").to_uppercase(),
        3 => words.replace(' ', ""),
        _ => camel(),
    }
}

pub fn value(dice: &mut Dice) -> String {
    match dice.below(14) {
        0..=2 => dice.one(NAMES).to_owned(),
        3 => dice.one(NOTHING).to_owned(),
        4 => hex(dice, 8),
        5 => uuid(dice),
        6 => jid(dice),
        7 => dice.one(ROOMS).to_owned(),
        8 => hex(dice, 16),
        9 => "anna@example.org".to_owned(),
        10 => "Terrance-GD5".to_owned(),
        11 => "Anna <anna@example.org> Wolter".to_owned(),
        12 => "anna=wolter".to_owned(),
        _ => "alice".to_owned(),
    }
}

/// A key and its value, in one of the ways to write them.
fn pair(dice: &mut Dice) -> String {
    let (key, value) = (key(dice), value(dice));
    match dice.below(21) {
        0 | 1 => format!("{key}={value}"),
        2 => format!("{key} = {value}"),
        3 => format!("{key}: {value}"),
        4 => format!("{key}:{value}"),
        5 => format!("{key}='{value}'"),
        6 => format!("{key}=\"{value}\""),
        7 => format!("{key}=<{value}>"),
        8 => format!("{{\"{key}\":\"{value}\"}}"),
        9 => format!("{{\"{key}\": \"a \\\"{value}\\\" b\",\"n\":1}}"),
        10 => format!("{{\\\"{key}\\\":\\\"{value}\\\"}}"),
        11 => format!("\"{{\\\\\\\"{key}\\\\\\\":\\\\\\\"{value}\\\\\\\"}}\""),
        12 => format!("{{&quot;{key}&quot;:&quot;{value}&quot;}}"),
        13 => format!("{{{key},\"{value}\"}}"),
        14 => format!("{{<<\"{key}\">>,<<\"{value}\">>}}"),
        15 => format!("--{key}={value}"),
        16 => format!("{key}=[{value}]"),
        17 => format!("{key}: ({value})"),
        18 => format!("{{\"{key}\" : \"{value}\"}}"),
        19 => format!("the {key} {}", enclosed(dice, &value)),
        _ => format!("{key}= {}={value}", self::key(dice)),
    }
}

/// A value between quotes or brackets.
pub fn enclosed(dice: &mut Dice, value: &str) -> String {
    match dice.below(7) {
        0 | 1 => format!("'{value}'"),
        2 | 3 => format!("\"{value}\""),
        4 => format!("`{value}'"),
        5 => format!("[{value}]"),
        _ => format!("<{value}>"),
    }
}

/// Stanzas, and what else has a grammar of its own.
fn structure(dice: &mut Dice) -> String {
    let (tag, text, name, jid) = (key(dice), value(dice), dice.one(NAMES), jid(dice));
    let (id, n) = (hex(dice, 8), dice.below(200));
    let other = dice.one(&["prod", "MainThread", "stream-660d9565"]);
    match dice.below(16) {
        0 => format!("<{tag}>{text}</{tag}>"),
        1 => format!("<{tag} xmlns='jabber:x'>\n {text} </{tag}>"),
        2 => format!("<j:{tag}>{text}</j:{tag}>"),
        3 => format!("<body>{name} at nine</body>"),
        4 => format!("<presence from='{jid}' id='{id}'/>"),
        5 => format!("<iq to=\"{jid}\" type=\"get\">"),
        6 => format!("from IP 1 ({{{{192,0,2,{n}}},50312}}) ok"),
        7 => format!("{{{{8193,3512,0,0,0,0,0,{n}}},5222}}"),
        8 => format!("\nv=0\no=jdoe 28908{n} 2 IN IP4 x\ns={name}\na=ice-ufrag:{id}\na=ice-pwd:{id}{id}\n"),
        9 => format!("rtmp://a.rtmp.example.com/live2/{id}-{n} now"),
        10 => format!("'\"{name}\" <sip:1000@example.org>'"),
        11 => format!("{{\"name\":\"{name}\"}} name={other}"),
        12 => format!("[{{name={name}, id={id}, email=a@example.org}}]"),
        13 => format!("<item jid='a@example.org' name='{name}'/><conference id='{id}' name='{other}'>"),
        14 => format!("{{\"name\":\"{other}\",\"username\":\"{name}\"}}"),
        _ => {
            let pairs: Vec<String> =
                (0..20 + 12 * dice.below(2)).map(|_| hex(dice, 2).to_uppercase()).collect();
            format!("a=fingerprint:sha-1 {}", pairs.join(":"))
        }
    }
}

/// A message.
pub fn sentence(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(5) {
        let piece = match dice.below(13) {
            0 | 1 => jid(dice),
            2 => format!("'{}'", jid(dice)),
            3 => structure(dice),
            4 => dice.one(PROSE).to_owned(),
            5..=7 => person(dice),
            8 => record(dice),
            9 => format!("authenticated as: {}", dice.one(&["alice", "bob@example.org", "null"])),
            _ => pair(dice),
        };
        text.push_str(&piece);
        text.push_str(dice.one(&[" ", ", ", "; ", "\n", " | ", ") (", "] [", ". "]));
    }
    if dice.below(4) == 0 { cut_off(dice, &text) } else { text }
}

/// A message that was cut off, but not within an address: what is left of one is no business of keys.
fn cut_off(dice: &mut Dice, text: &str) -> String {
    let kept = front(text, dice.below(text.len() + 1));
    let begun = kept.rfind([' ', '<', '>', '"', '\'', '&', ';']).map_or(0, |end| end + 1);
    let word = text[begun..].split([' ', '<', '"', '\'', '&']).next().unwrap_or_default();
    let address = word.contains('@')
        || (word.contains(['.', ':']) && word.contains(|digit: char| digit.is_ascii_digit()));
    if address { text.to_owned() } else { kept.to_owned() }
}
