//! Sentences that name people, sentences that only seem to, and records with several members that are somebody's.

use super::generate::Dice;
use super::sentences::{NAMES, enclosed, hex, jid, key, value};

/// Logins, and words that stand where logins do.
const LOGINS: &[&str] = &[
    "alice",
    "root",
    "user",
    "data",
    "anna.wolter",
    "Zo\u{eb}",
    "ACME\\bob",
    "Fail2ban",
    "bob-2",
    "anna@example.org",
    "0972598285108",
    "interface",
    "name",
    "unknown",
    "from",
    "invalid",
];
/// What users are where they are nobody.
const NOBODY: &[&str] = &[
    "the user interface is slow for user input as expected",
    "User not known to the underlying authentication module",
    "user has left, no such user found, one per user and session",
    "Waiting for response from upstream as a client",
    "invalid user name; user agent 'x' as 'y'",
    "Users logged in as usual for the day <4:x> <iq/>",
    "listening as server for https on port 443",
    "Thread[name=main] Config(name=prod, x=[y])",
    "user '/dev/null' room \"*\" login ''",
    "users: 3, no such username, superuser x.",
    "a < b and c > d for user",
    "USER",
];
const ORIGINS: &[&str] =
    &["192.0.2.7", "192.0.2.7 port 22 ssh2", "host.example.org", "[2001:db8::1]:443", "::1 port 5 [preauth]"];
/// What leads to a login.
const LEADS: &[&str] = &[
    "Failed password for ",
    "Failed password for invalid user ",
    "Failed keyboard-interactive/pam for ",
    "Accepted publickey for ",
    "Postponed gssapi-with-mic for ",
    "Invalid user ",
    "disallowed user ",
    "not-invalid user ",
    "non-existent user ",
    "Connection closed by authenticating user ",
    "attempts exceeded for ",
    "session opened for user ",
    "no such user ",
    "user ",
    "User ",
    "USER ",
    "unknown user ",
    "Authenticated as ",
    "failed to authenticate as ",
    "logged in as ",
    "signed in as ",
    "Run as user ",
    "waiting for ",
    "known as ",
    "peer ",
    "to extension ",
];
/// What goes on behind a login.
const GOES_ON: &[&str] = &[
    "",
    ":",
    ".",
    ", ",
    " [preauth]",
    " (Login failed): x",
    ": no such user found",
    " not found",
    " logged in",
    " left the room",
    " is here",
    " and so on",
    " rejected",
    "!",
    "=1",
    " by (uid=0)",
    "(uid=1000)",
    "@'192.0.2.7'",
    "\n",
];

/// Somebody: a login, a name, or both.
fn somebody(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => dice.one(NAMES).to_owned(),
        1 => value(dice),
        2 => format!("{} {}", dice.one(LOGINS), dice.one(LOGINS)),
        _ => dice.one(LOGINS).to_owned(),
    }
}

/// A sentence of a daemon about somebody.
fn login(dice: &mut Dice) -> String {
    let (lead, who, origin) = (dice.one(LEADS), somebody(dice), dice.one(ORIGINS));
    match dice.below(6) {
        0 | 1 => format!("{lead}{who} from {origin}"),
        2 => format!("{lead}{who} {origin}"),
        3 => format!("{lead}{}{}", enclosed(dice, &who), dice.one(GOES_ON)),
        _ => format!("{lead}{who}{}", dice.one(GOES_ON)),
    }
}

/// Somebody named in one of many ways, or nobody.
pub fn person(dice: &mut Dice) -> String {
    let (who, name, n) = (somebody(dice), dice.one(NAMES), dice.below(2000));
    let first = dice.one(&["Display", "User", "full", "room", "First", "Login", "thread", "x-real"]);
    match dice.below(20) {
        0..=5 => login(dice),
        6 => dice.one(NOBODY).to_owned(),
        7 => format!("{first} name: {name}"),
        8 => format!("{first} name {}", enclosed(dice, name)),
        9 => format!("context.{first}.name={name}"),
        10 => format!("{{\"{first}.name\":\"{who}\",\"{first} name\" : \"{name}\"}}"),
        11 => format!("Login failed: {who} (Remote IP: 192.0.2.7)"),
        12 => format!("Login: user=<{who}>, method=PLAIN"),
        13 => format!("tty=ssh ruser= rhost=192.0.2.7  user={who}"),
        14 => format!("for user {who}(uid={n}) by {}(uid=1000)", dice.one(LOGINS)),
        15 => format!("(&(objectClass=person)(uid={who})) dn=\"uid={who},ou=people\" uid={n}"),
        16 => format!("1 => <{n}:{who}(-1)> Rejected connection from 192.0.2.7:29530"),
        17 => format!("{}={}", key(dice), enclosed(dice, &format!("{name} <anna@example.org> {who}"))),
        18 => format!("left {}", jid(dice)),
        _ => object(dice),
    }
}

/// An object of a person, or of something else.
fn object(dice: &mut Dice) -> String {
    let class = dice.one(&["user", "Participant", "ChatRoomMemberImpl", "thread", "caller", "x"]);
    let (who, name, id) = (somebody(dice), dice.one(NAMES), hex(dice, 8));
    match dice.below(7) {
        0 => format!("{{\"{class}\":{{\"name\":\"{who}\"}}}}"),
        1 => format!("{{\"{class}\": {{\"x\":{{\"y\":1}},\"id\":7, \"name\": \"{name}\"}}}}"),
        2 => format!("{{\\\"{class}\\\":{{\\\"name\\\":\\\"{who}\\\"}}}}"),
        3 => format!("{{\"{class}\":{{\"id\":1}},\"name\":\"{who}\"}}"),
        4 => format!("{class}[id={id}, name={who}]"),
        5 => format!("{class}(x=[y], name={name}, role=z)"),
        _ => format!("{class}={{name={who}}}"),
    }
}

/// Stanzas however they are escaped or cut, and records.
pub fn record(dice: &mut Dice) -> String {
    let (tag, text, who) = (key(dice), value(dice), somebody(dice));
    let tag = if dice.below(3) == 0 { dice.one(&["nick", "name", "given", "body"]).to_owned() } else { tag };
    match dice.below(14) {
        0 => format!("&lt;{tag}&gt;{text}&lt;/{tag}&gt;"),
        1 => format!("&lt;{tag}&gt;{text} &amp;gt; {who}&lt;/{tag}&gt;"),
        2 => format!("&amp;lt;{tag}&amp;gt;{text}&amp;lt;/{tag}&amp;gt;"),
        3 => format!("<{tag}><![CDATA[{text}]]></{tag}>"),
        4 => format!("<a>b</a> <{tag}/>{text}"),
        5 => format!("<{tag}>{text}"),
        6 => format!("<x><{tag}>{text}</{}", &tag[..1]),
        7 => format!("{{{tag},<<\"{text}\">>,<<\"{who}\">>,7}}"),
        8 => format!("{{{tag},\"{text}\",\"\",{},\"{who}\"}}", dice.one(&["7", "undefined", "[]", "<<>>"])),
        9 => format!(
            "{{jid,<<\"{who}\">>,<<\"example.org\">>,<<\"{text}\">>,<<\"{who}\">>,<<\"example.org\">>,<<\"{text}\">>}}"
        ),
        10 => {
            format!("{{jid,<<\"{who}\">>,<<\"example.org\">>,<<>>,<<\"{who}\">>,<<\"example.org\">>,<<>>}}")
        }
        11 => format!("{{jid,\"{who}\",\"example.org\",\"{text}\"}}"),
        12 => format!("{{{tag},<<>>,<<\"{who}\">>}}"),
        _ => format!("{{x,\"{who}\"}} {{{tag}, \"{text}\"}}"),
    }
}
