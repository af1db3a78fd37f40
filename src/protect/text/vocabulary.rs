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
    /// `name`: a person's or a thing's; what is around decides.
    Name,
}

/// Bytes of the longest key that is looked up, without dashes and underscores.
const KEY_MAX: usize = 32;

/// What `key` says of its value.
pub(super) fn says(key: &[u8]) -> Option<Says> {
    let mut room = [0; KEY_MAX];
    let mut length = 0;
    for &byte in key {
        if byte != b'-' && byte != b'_' {
            *room.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    let key = &room[..length];
    exact(key).or_else(|| ending(key))
}

/// Keys that mean something as a whole.
fn exact(key: &[u8]) -> Option<Says> {
    use Says::{IfLong, IfRandom, Is};
    Some(match key {
        b"name" => Says::Name,
        b"nick" | b"nickname" | b"displayname" | b"fullname" | b"realname" | b"firstname" | b"lastname"
        | b"surname" | b"givenname" | b"familyname" | b"callername" | b"calleridname"
        | b"participantname" | b"commonname" | b"fn" => Is(Sense::Name),
        b"statsid" | b"callstatsusername" => Is(Sense::Stats),
        b"user" | b"jid" | b"username" | b"login" | b"loginname" | b"account" | b"accountname"
        | b"userid" | b"authcid" | b"authzid" | b"externaluserid" | b"externuserid" | b"requesteruserid"
        | b"remoteuser" | b"ruser" => Is(Sense::User),
        b"room" | b"roomname" | b"roomjid" | b"confname" | b"conferencename" | b"callname"
        | b"meetingname" | b"mucjid" | b"jvbroomname" | b"breakoutroom" | b"lobbyroom" | b"mainroom" => {
            Is(Sense::Room)
        }
        b"endpoint" | b"endpointid" | b"epid" | b"participant" | b"participantid" | b"occupant"
        | b"occupantid" | b"member" | b"joined" | b"left" | b"kicked" | b"memberid" | b"meetingid"
        | b"conferenceid" | b"callid" | b"stream" => IfRandom(Sense::Endpoint),
        b"sid" | b"sessionid" | b"jsessionid" | b"phpsessid" | b"muid" | b"machineuid" | b"machineid"
        | b"deviceid" | b"confid" | b"ufrag" | b"localufrag" | b"remoteufrag" | b"iceufrag" | b"cname"
        | b"clientid" | b"visitorid" | b"externalmeetingid" | b"extmeetingid" => Is(Sense::Session),
        b"session" => IfLong(Sense::Session),
        b"email" | b"mail" | b"emailaddress" | b"mailaddress" => Is(Sense::Email),
        b"pwd"
        | b"pass"
        | b"icepwd"
        | b"cookie"
        | b"setcookie"
        | b"credential"
        | b"credentials"
        | b"previd"
        | b"streamid"
        | b"avatar"
        | b"avatarurl"
        | b"avatarid"
        | b"phonenumber"
        | b"telephone"
        | b"callernumber"
        | b"sipaddress"
        | b"youtubebroadcastid" => Is(Sense::Secret),
        b"token" => IfLong(Sense::Secret),
        _ => return None,
    })
}

/// Keys that end in a word that means one thing only.
fn ending(key: &[u8]) -> Option<Says> {
    const ENDINGS: [(&[u8], Sense); 14] = [
        (b"password", Sense::Secret),
        (b"passwd", Sense::Secret),
        (b"passphrase", Sense::Secret),
        (b"secret", Sense::Secret),
        (b"jwt", Sense::Secret),
        (b"token", Sense::Secret),
        (b"apikey", Sense::Secret),
        (b"streamkey", Sense::Secret),
        (b"privatekey", Sense::Secret),
        (b"displayname", Sense::Name),
        (b"fullname", Sense::Name),
        (b"username", Sense::User),
        (b"roomname", Sense::Room),
        (b"email", Sense::Email),
    ];
    let found = ENDINGS.iter().find(|(ending, _)| key.ends_with(ending))?;
    Some(Says::Is(found.1))
}

/// What the name of an XML element says of its text.
pub(super) fn element(name: &[u8]) -> Option<Says> {
    // What people write to each other is no matter of logs.
    if name == b"body" || name == b"subject" || name == b"status" {
        return Some(Says::Is(Sense::Secret));
    }
    if name == b"name" || name == b"given" || name == b"family" {
        return Some(Says::Is(Sense::Name));
    }
    says(name)
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
        assert_eq!(says(b"reason"), None);
        assert_eq!(says(&[b'x'; 200]), None);
    }

    #[test]
    fn nothing_is_told_from_somebody() {
        for value in ["null", "True", "*****", "XXXX", "-", "", "<no value>"] {
            assert!(is_nothing(value.as_bytes()), "{value}");
        }
        assert!(!is_nothing(b"Max") && !is_nothing(b"xavier"));
    }
}
