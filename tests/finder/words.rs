//! What the obvious version knows of keys and values: as many words as `sayings` uses.

/// When a key means what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Is,
    /// If the value is eight hexadecimal digits or a UUID.
    IfRandom,
    /// If the value is long and has a digit.
    IfLong,
    /// The value is a URL whose last part is secret.
    Stream,
}

/// Keys by what they say, in small letters without dashes and underscores; `?` is a name of somebody or something.
pub const KEYS: &[(Mode, &str, &[&str])] = &[
    (Mode::Is, "?", &["name"]),
    (Mode::Is, "Name", &["nick", "nickname", "displayname", "fullname", "realname", "givenname"]),
    (Mode::Is, "Stats", &["statsid", "callstatsusername"]),
    (Mode::Is, "User", &["user", "jid", "username", "login", "userid", "authcid", "ruser"]),
    (Mode::Is, "Room", &["room", "roomname", "roomjid", "confname", "callname", "mucjid", "tenant"]),
    (
        Mode::IfRandom,
        "Endpoint",
        &["endpoint", "epid", "participant", "joined", "left", "meetingid", "id", "stream"],
    ),
    (Mode::Is, "Session", &["sid", "sessionid", "muid", "confid", "ufrag", "localufrag", "cname"]),
    (Mode::IfLong, "Session", &["session"]),
    (Mode::Is, "Email", &["email", "mail"]),
    (Mode::Is, "Secret", &["pwd", "pass", "icepwd", "cookie", "streamid", "avatar", "sipaddress"]),
    (Mode::IfLong, "Secret", &["token", "phone", "caller"]),
    (Mode::Stream, "Secret", &["rtmp", "rtmps"]),
];

/// Ends of longer keys.
pub const ENDINGS: &[(&str, &str)] = &[
    ("password", "Secret"),
    ("secret", "Secret"),
    ("jwt", "Secret"),
    ("token", "Secret"),
    ("displayname", "Name"),
    ("username", "User"),
    ("roomname", "Room"),
    ("email", "Email"),
];

/// Elements whose text nobody else's business is.
const ELEMENTS: &[(&str, &str)] =
    &[("body", "Secret"), ("subject", "Secret"), ("status", "Secret"), ("given", "Name"), ("family", "Name")];

fn plain(key: &str) -> String {
    key.chars().filter(|c| !"-_".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

/// What a key says.
pub fn key(key: &str) -> Option<(Mode, &'static str)> {
    let key = plain(key);
    let whole = KEYS.iter().find(|(_, _, words)| words.contains(&key.as_str()));
    let ending = || ENDINGS.iter().find(|(ending, _)| key.ends_with(ending));
    whole.map(|(mode, sense, _)| (*mode, *sense)).or_else(|| ending().map(|(_, sense)| (Mode::Is, *sense)))
}

/// What the name of an element says of its text.
pub fn element(name: &str) -> Option<(Mode, &'static str)> {
    let own = ELEMENTS.iter().find(|(element, _)| *element == plain(name));
    own.map(|(_, sense)| (Mode::Is, *sense)).or_else(|| key(name)).filter(|(mode, _)| *mode != Mode::Stream)
}

/// Values that say that there is none.
pub fn is_nothing(value: &str) -> bool {
    let nothing = [
        "null",
        "none",
        "nil",
        "true",
        "false",
        "undefined",
        "unknown",
        "default",
        "yes",
        "no",
        "on",
        "off",
        "<no value>",
        "no value",
        "not set",
        "[params_redacted]",
    ];
    nothing.contains(&value.to_ascii_lowercase().as_str())
        || value.chars().all(|c| "*Xx.-?".contains(c))
        || !value.contains(|c: char| c.is_ascii_alphanumeric() || !c.is_ascii())
}

/// Eight hexadecimal digits or a UUID.
pub fn is_random(value: &str) -> bool {
    let hex = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = value.split('-').collect();
    hex(value, 8)
        || (parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, len)| hex(part, len)))
}
