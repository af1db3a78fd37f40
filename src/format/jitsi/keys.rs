//! The keys of context blocks, and what they say of their values.
//!
//! *In*: where an `=` stands. *Out*: the key that it ends, if that is a known one, and its rule. *Promised*: no loop: a key is read as one
//! number. *Not here*: keys that nobody knows, and where values end (`context`).

use memchr::memrchr;

/// The known key that ends at `equals`, behind a blank or at the beginning of the block, and its rule.
#[inline]
pub(super) fn known_key(record: &[u8], block: usize, equals: usize) -> Option<(usize, Rule)> {
    // A zero byte at the end of a key would vanish in the number.
    if record.get(equals.checked_sub(1)?) == Some(&0) {
        return None;
    }
    let word = match record[..equals].last_chunk() {
        Some(bytes) => u128::from_le_bytes(*bytes),
        None => packed(&record[..equals]) << (8 * (WORD_BYTES - equals)),
    };
    let blanks = zeros(word ^ BLANKS);
    let length = (blanks.leading_zeros() / 8) as usize;
    // The bracket before the block ends a key as a blank does.
    let length = length.min(equals - block);
    if length == 0 || length >= WORD_BYTES {
        return None;
    }
    let rule = Rule::of(word >> (8 * (WORD_BYTES - length)))?;
    Some((equals - length, rule))
}

/// Bytes of a key that is read as one number: one more than the longest known.
const WORD_BYTES: usize = 16;
const BLANKS: u128 = u128::from_le_bytes([b' '; WORD_BYTES]);

/// The high bit of every byte that is zero.
#[inline]
const fn zeros(word: u128) -> u128 {
    const LOW: u128 = u128::from_le_bytes([0x7f; WORD_BYTES]);
    !(((word & LOW) + LOW) | word | LOW)
}

/// A key as a number, its first byte lowest.
const fn packed(key: &[u8]) -> u128 {
    debug_assert!(key.len() < WORD_BYTES, "a key that is longer than a word");
    let mut word = 0;
    let mut at = key.len();
    while at > 0 {
        at -= 1;
        word = word << 8 | key[at] as u128;
    }
    word
}

/// The keys, packed, as a pattern needs them.
macro_rules! keys {
    ($($name:ident = $key:literal;)*) => { $(const $name: u128 = packed($key);)* };
}

keys! {
    CONF_NAME = b"conf_name";
    ROOM = b"room";
    ROOM_NAME = b"roomName";
    ROOM_NAME_SNAKE = b"room_name";
    ROOM_JID = b"roomJid";
    ROOM_JID_SNAKE = b"room_jid";
    MEETING_ID = b"meeting_id";
    MEETING_ID_CAMEL = b"meetingId";
    CONFERENCE_ID = b"conference_id";
    CONF_ID = b"confId";
    CONF_ID_SNAKE = b"conf_id";
    SESSION_ID = b"session_id";
    SESSION_ID_CAMEL = b"sessionId";
    EP_ID = b"epId";
    EP_ID_SNAKE = b"ep_id";
    ENDPOINT_ID = b"endpoint_id";
    ENDPOINT_ID_CAMEL = b"endpointId";
    ENDPOINT = b"endpoint";
    STATS_ID = b"stats_id";
    STATS_ID_CAMEL = b"statsId";
    JID = b"jid";
    REMOTE_JID = b"remoteJid";
    REMOTE_JID_SNAKE = b"remote_jid";
    VISITOR_MUC = b"visitor_muc";
    VISITOR_MUC_CAMEL = b"visitorMuc";
    BREWERY = b"brewery";
    OCCUPANT = b"occupant";
    PARTICIPANT = b"participant";
    GID = b"gid";
    COMPONENT_ID = b"componentId";
    UFRAG = b"ufrag";
    LOCAL_UFRAG = b"local_ufrag";
    NAME = b"name";
    HOSTNAME = b"hostname";
    ID = b"id";
    RELAY_ID = b"relayId";
    RELAY_ID_SNAKE = b"relay_id";
    REGION = b"region";
    TYPE = b"type";
    CTX = b"ctx";
    CALL_ID = b"call_id";
    CALL_ID_CAMEL = b"callId";
    SHARD = b"shard";
    BRIDGE = b"bridge";
    VERSION = b"version";
    DISPLAY_NAME = b"displayName";
    DISPLAY_NAME_SNAKE = b"display_name";
    URL = b"url";
    NICKNAME = b"nickname";
    REMOTE_RELAY_ID = b"remote_relay_id";
    CONF = b"conf";
    SID = b"sid";
}

/// What a key says of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is of this slot.
    Slot(u16),
    /// An endpoint's identifier, or a JID.
    Participant,
    /// Text, with its key.
    Text,
}

impl Rule {
    /// The rule of a known key: those of JVB 2.x, Jicofo, Jigasi and Jibri since their context blocks exist.
    fn of(key: u128) -> Option<Self> {
        Some(match key {
            CONF_NAME | ROOM | ROOM_NAME | ROOM_NAME_SNAKE | ROOM_JID | ROOM_JID_SNAKE => {
                Self::Slot(super::CONFERENCE_NAME)
            }
            MEETING_ID | MEETING_ID_CAMEL | CONFERENCE_ID => Self::Slot(super::CONFERENCE),
            CONF_ID | CONF_ID_SNAKE | SESSION_ID | SESSION_ID_CAMEL => Self::Slot(super::SESSION),
            EP_ID | EP_ID_SNAKE | ENDPOINT_ID | ENDPOINT_ID_CAMEL | ENDPOINT => Self::Slot(super::ENDPOINT),
            STATS_ID | STATS_ID_CAMEL => Self::Slot(super::STATS_ID),
            DISPLAY_NAME | DISPLAY_NAME_SNAKE | NICKNAME => Self::Slot(super::FULL_NAME),
            JID | REMOTE_JID | REMOTE_JID_SNAKE | VISITOR_MUC | VISITOR_MUC_CAMEL | BREWERY | OCCUPANT => {
                Self::Slot(super::JID)
            }
            PARTICIPANT => Self::Participant,
            GID | COMPONENT_ID | UFRAG | LOCAL_UFRAG | NAME | HOSTNAME | ID | RELAY_ID | RELAY_ID_SNAKE
            | REGION | TYPE | CTX | CALL_ID | CALL_ID_CAMEL | SHARD | BRIDGE | VERSION | URL
            | REMOTE_RELAY_ID | CONF | SID => Self::Text,
            _ => return None,
        })
    }

    /// The slot of a value; none for text, and for a value that says nothing.
    pub(super) fn slot(self, value: &[u8]) -> Option<u16> {
        if matches!(value, b"" | b"null") {
            return None;
        }
        match self {
            Self::Slot(slot) => Some(slot),
            Self::Participant if value.len() == 8 && value.iter().all(u8::is_ascii_hexdigit) => {
                Some(super::ENDPOINT)
            }
            Self::Participant => Some(super::JID),
            Self::Text => None,
        }
    }

    /// True for a value that is whole by its own grammar, so that a word behind it is a key, if an unknown one.
    pub(super) fn is_whole(self, value: &[u8]) -> bool {
        let is_id = |value: &[u8]| value.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        let is_jid = || {
            let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
            memrchr(b'@', value).is_some_and(|at| at + 1 < value.len() && value[at + 1..].iter().all(is_host))
        };
        match self {
            // Neighbours are one text anyway.
            Self::Text | Self::Slot(super::STATS_ID | super::FULL_NAME) => false,
            Self::Slot(super::CONFERENCE_NAME | super::JID) => is_jid(),
            Self::Slot(_) => is_id(value),
            Self::Participant => is_id(value) || is_jid(),
        }
    }
}
