//! What keys say of their values: `displayName`, `stats-id`, `FOCUS_USER_PASSWORD`.
//!
//! The words are those that Jitsi, Prosody, ejabberd, `BigBlueButton`, coturn, web applications and identity providers write, compared
//! without case, dashes and underscores. Names of secrets count at the end of longer keys too: who names a key
//! `ldap_bind_password` means what it says.

/// What a value is, by the key beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sense {
    /// A person's name: `user.full_name`.
    Name,
    /// The name that a client gives itself in statistics: `endpoint.stats_id`.
    Stats,
    /// A login: `user.name`.
    User,
    /// A Jabber identifier with a resource, or its resource: `user.jid`.
    Jid,
    /// A room: `conference.name`.
    Room,
    /// An endpoint or a meeting: `endpoint.id`.
    Endpoint,
    /// A session or device: `session.id`.
    Session,
    /// A mail address: `user.email`.
    Email,
    /// A credential, or content that is nobody's business; never leaves.
    Secret,
}

/// What a key says, and how surely.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Says {
    /// The value is this.
    Is(Sense),
    /// The value is this if it looks like eight hexadecimal digits or a UUID.
    IfRandom(Sense),
    /// The value is this if it has a digit and is not short: the words beside it are words of prose, too.
    IfLong(Sense),
    /// The value is this if it begins with a letter: numbers are the system's.
    IfWord(Sense),
    /// The value is an endpoint if it looks like one, and somebody's name if it looks like that.
    Person,
    /// `name`: a person's or a thing's; what is around decides.
    Name,
    /// An address follows, the end of which is a credential.
    Stream,
    /// The address of a page follows; in a message about a meeting, that of its room.
    Page,
    /// The text of an element of this name is this; a key of this name says nothing.
    Element(Sense),
}

impl Says {
    /// What the value is, where the key alone decides.
    pub(super) const fn sense(self) -> Option<Sense> {
        match self {
            Self::Is(sense)
            | Self::IfRandom(sense)
            | Self::IfLong(sense)
            | Self::IfWord(sense)
            | Self::Element(sense) => Some(sense),
            Self::Person => Some(Sense::Name),
            Self::Name | Self::Stream | Self::Page => None,
        }
    }
}

/// Bytes of the longest key that is looked up, without dashes and underscores.
const KEY_MAX: usize = 32;

/// Keys that mean something as a whole.
const KEYS: [(&[&str], Says); 18] = [
    (&["name"], Says::Name),
    (
        &[
            "nick",
            "nickname",
            "displayname",
            "fullname",
            "realname",
            "firstname",
            "lastname",
            "surname",
            "givenname",
            "familyname",
            "callername",
            "calleridname",
            "participantname",
            "commonname",
            "fn",
        ],
        Says::Is(Sense::Name),
    ),
    (&["statsid", "callstatsusername"], Says::Is(Sense::Stats)),
    (
        &[
            "user",
            "jid",
            "username",
            "login",
            "loginname",
            "account",
            "accountname",
            "accountid",
            "userid",
            "authcid",
            "authzid",
            "externaluserid",
            "externuserid",
            "requesteruserid",
            "remoteuser",
            "ruser",
            "setid",
            "loginfailed",
        ],
        Says::Is(Sense::User),
    ),
    (
        &[
            "room",
            "roomname",
            "roomjid",
            "confname",
            "conferencename",
            "callname",
            "meetingname",
            "mucjid",
            "jvbroomname",
            "breakoutroom",
            "tenant",
            "lobbyroom",
            "mainroom",
        ],
        Says::Is(Sense::Room),
    ),
    (
        &[
            "endpoint",
            "endpointid",
            "epid",
            "participantid",
            "occupantid",
            "joined",
            "left",
            "memberid",
            "meetingid",
            "conferenceid",
            "callid",
            "stream",
        ],
        Says::IfRandom(Sense::Endpoint),
    ),
    (
        &[
            "sid",
            "sessionid",
            "jsessionid",
            "phpsessid",
            "muid",
            "machineuid",
            "machineid",
            "deviceid",
            "confid",
            "ufrag",
            "localufrag",
            "remoteufrag",
            "iceufrag",
            "cname",
            "clientid",
            "visitorid",
            "externalmeetingid",
            "extmeetingid",
        ],
        Says::Is(Sense::Session),
    ),
    (
        &[
            "participant",
            "occupant",
            "member",
            "kicked",
            "owner",
            "moderator",
            "creator",
            "presenter",
            "attendee",
            "organizer",
            "organiser",
            "speaker",
        ],
        Says::Person,
    ),
    (&["uid"], Says::IfWord(Sense::User)),
    (&["session"], Says::IfLong(Sense::Session)),
    (&["email", "mail", "emailaddress", "mailaddress"], Says::Is(Sense::Email)),
    (
        &[
            "pwd",
            "pass",
            "icepwd",
            "roompass",
            "jvbroompass",
            "passcode",
            "cookie",
            "setcookie",
            "credential",
            "credentials",
            "previd",
            "streamid",
            "avatar",
            "avatarurl",
            "avatarid",
            "phonenumber",
            "telephone",
            "callernumber",
            "sipaddress",
            "youtubebroadcastid",
        ],
        Says::Is(Sense::Secret),
    ),
    (&["token", "phone", "tel", "caller", "callee", "callerid"], Says::IfLong(Sense::Secret)),
    // The key that lets anyone send a stream is the end of its address.
    (&["rtmp", "rtmps"], Says::Stream),
    (&["http", "https"], Says::Page),
    (&["id"], Says::IfRandom(Sense::Endpoint)),
    // What people write to each other is no matter of logs, and neither is how they are; only elements are called so.
    (&["body", "subject", "status"], Says::Element(Sense::Secret)),
    (&["given", "family"], Says::Element(Sense::Name)),
];

/// Keys that end in a word that means one thing only.
const ENDINGS: [(&str, Sense); 14] = [
    ("password", Sense::Secret),
    ("passwd", Sense::Secret),
    ("passphrase", Sense::Secret),
    ("secret", Sense::Secret),
    ("jwt", Sense::Secret),
    ("token", Sense::Secret),
    ("apikey", Sense::Secret),
    ("streamkey", Sense::Secret),
    ("privatekey", Sense::Secret),
    ("displayname", Sense::Name),
    ("fullname", Sense::Name),
    ("username", Sense::User),
    ("roomname", Sense::Room),
    ("email", Sense::Email),
];

/// The last two letters that a key of ours can end with: most others are told by that. Bit `b` of row `a` stands for `ba`, letters
/// by their last five bits.
const LAST_LETTERS: [u32; 32] = {
    let mut last = [0; 32];
    let mut row = 0;
    while row < KEYS.len() {
        let mut key = 0;
        while key < KEYS[row].0.len() {
            last = with_last_letters(last, KEYS[row].0[key].as_bytes());
            key += 1;
        }
        row += 1;
    }
    let mut ending = 0;
    while ending < ENDINGS.len() {
        last = with_last_letters(last, ENDINGS[ending].0.as_bytes());
        ending += 1;
    }
    last
};

const fn with_last_letters(mut last: [u32; 32], key: &[u8]) -> [u32; 32] {
    last[(key[key.len() - 1] & 31) as usize] |= 1 << (key[key.len() - 2] & 31);
    last
}

/// Places of [`TABLE`]: a few times as many as there are keys, so that most stand where they are looked for first.
const PLACES: usize = 512;

/// [`KEYS`] by [`place_of`], the next free place where that is taken: row and number in the row, from 1.
const TABLE: [(u8, u8); PLACES] = {
    let mut table = [(0, 0); PLACES];
    let mut row = 0;
    while row < KEYS.len() {
        let mut number = 0;
        while number < KEYS[row].0.len() {
            let mut place = place_of(KEYS[row].0[number].as_bytes());
            while table[place].1 != 0 {
                place = (place + 1) % PLACES;
            }
            table[place] = (row as u8, number as u8 + 1);
            number += 1;
        }
        row += 1;
    }
    table
};

/// Where a key stands, unless others stand there.
const fn place_of(key: &[u8]) -> usize {
    let [first, middle, last] = [key[0] as usize, key[key.len() / 2] as usize, key[key.len() - 1] as usize];
    (key.len() * 37 + first * 7 + middle * 19 + last * 3) % PLACES
}

/// True when a key of ours can end before `end`. Says no to most others, and is quick about it.
#[inline]
pub(super) fn may_end(text: &[u8], end: usize) -> bool {
    let Some([before, last]) = text[..end].last_chunk() else { return false };
    // Of `user_id` the dash is no letter, and `stats-i d` nobody writes.
    LAST_LETTERS[(last & 31) as usize] >> (before & 31) & 1 != 0
}

/// What `key` says of its value.
pub(super) fn says(key: &[u8]) -> Option<Says> {
    lookup(key).filter(|says| !matches!(says, Says::Element(_)))
}

fn lookup(key: &[u8]) -> Option<Says> {
    if !may_end(key, key.len()) {
        return None;
    }
    let mut room = [0; KEY_MAX];
    let mut length = 0;
    for &byte in key {
        if byte != b'-' && byte != b'_' {
            *room.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    let key = &room[..length];
    if key.is_empty() {
        return None;
    }
    let mut place = place_of(key);
    while let (row, number @ 1..) = TABLE[place] {
        let (keys, says) = KEYS[usize::from(row)];
        if keys[usize::from(number) - 1].as_bytes() == key {
            return Some(says);
        }
        place = (place + 1) % PLACES;
    }
    let ending = ENDINGS.iter().find(|(ending, _)| key.ends_with(ending.as_bytes()))?;
    Some(Says::Is(ending.1))
}

/// What the name of an XML element says of its text.
pub(super) fn element(name: &[u8]) -> Option<Says> {
    lookup(name)
}

/// Values that say that there is none, or that are no one's: switches, masks, wildcards.
pub(super) fn is_nothing(value: &[u8]) -> bool {
    const NOTHING: [&[u8]; 16] = [
        b"null",
        b"none",
        b"nil",
        b"true",
        b"false",
        b"undefined",
        b"unknown",
        b"default",
        b"yes",
        b"no",
        b"on",
        b"off",
        b"<no value>",
        b"no value",
        b"not set",
        b"[params_redacted]",
    ];
    let masked = |byte: &u8| matches!(byte, b'*' | b'X' | b'x' | b'.' | b'-' | b'?');
    value.iter().all(masked) || NOTHING.iter().any(|nothing| value.eq_ignore_ascii_case(nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_any_spelling() {
        for key in ["displayName", "display-name", "display_name", "DISPLAYNAME", "userDisplayName"] {
            assert_eq!(says(key.as_bytes()), Some(Says::Is(Sense::Name)), "{key}");
        }
        assert_eq!(says(b"FOCUS_USER_PASSWORD"), Some(Says::Is(Sense::Secret)));
        assert_eq!(says(b"stats-id"), Some(Says::Is(Sense::Stats)));
        assert_eq!(says(b"status"), None);
        assert_eq!(element(b"status"), Some(Says::Element(Sense::Secret)));
        assert_eq!(says(b"reason"), None);
        assert_eq!(says(&[b'x'; 200]), None);
    }

    #[test]
    fn every_key_is_found() {
        for (keys, says) in KEYS {
            for key in keys {
                assert_eq!(lookup(key.as_bytes()), Some(says), "{key}");
            }
        }
        for (ending, sense) in ENDINGS {
            let key = format!("x{ending}");
            assert_eq!(says(key.as_bytes()), Some(Says::Is(sense)), "{key}");
        }
    }

    #[test]
    fn nothing_is_told_from_somebody() {
        for value in ["null", "True", "*****", "XXXX", "-", "", "<no value>"] {
            assert!(is_nothing(value.as_bytes()), "{value}");
        }
        assert!(!is_nothing(b"Max") && !is_nothing(b"xavier"));
    }
}
