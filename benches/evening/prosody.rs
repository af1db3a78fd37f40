//! What Prosody writes with Jitsi's plugins, at level debug, in the layout of its file sink.

use super::cast::{HOST, Person, Room};
use super::log::Logs;

/// What a start of the server says; nobody's.
pub fn starts(logs: &mut Logs, at: i64) {
    for (source, level, said) in [
        ("startup", "info", "Hello and welcome to Prosody version 13.0.2"),
        ("portmanager", "info", "Activated service 'c2s' on [::]:5222, [*]:5222"),
        ("portmanager", "info", "Activated service 'http' on [127.0.0.1]:5280"),
        (
            "conference.meet.example.org:muc_domain_mapper",
            "info",
            "Loading mod_muc_domain_mapper for host meet.example.org!",
        ),
        (
            "speakerstats.meet.example.org:speakerstats_component",
            "info",
            "Hook to muc events on conference.meet.example.org",
        ),
        ("c2s55b6b7df0790", "info", "Authenticated as jvb@auth.meet.example.org [prosody:registered]"),
        (
            "auth.meet.example.org:limits_exception",
            "info",
            "Setting stanza size limits for focus@auth.meet.example.org to 10485760",
        ),
    ] {
        logs.prosody(at, source, level, said);
    }
}

/// The name that Prosody's log gives to a client's session.
fn session(person: &Person) -> String {
    if person.websocket {
        format!("c2s55{}", person.session[26..].to_lowercase())
    } else {
        format!("bosh{}", person.session)
    }
}

/// XML text and attributes as Prosody's `util.stanza` writes them.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&apos;")
        .replace('"', "&quot;")
}

pub fn connects(logs: &mut Logs, person: &Person) {
    let (at, source) = (person.join + 700, session(person));
    let (address, port) = (&person.address, person.port);
    if person.websocket {
        // Some reach Prosody's own port and not nginx's.
        if person.session.starts_with(['0', '1', '2', '3', '4']) {
            let said = if address.contains(':') {
                format!("server.lua: accepted new client connection from [{address}]:{port} to 5281")
            } else {
                format!("server.lua: accepted new client connection from {address}:{port} to 5281")
            };
            logs.prosody(at, "socket", "debug", &said);
        }
        logs.prosody(at, &source, "info", "Client connected");
    } else {
        logs.prosody(at, "mod_bosh", "debug", &format!("BOSH session created for request from {address}"));
        let said = format!("New BOSH session, assigned it sid '{}'", person.session);
        logs.prosody(at, "mod_bosh", "info", &said);
    }
}

pub fn authenticates(logs: &mut Logs, person: &Person) {
    let said = format!("Authenticated as {} [prosody:registered]", person.bare_jid);
    logs.prosody(person.join + 900, &session(person), "info", &said);
}

/// A token that does not let its bearer in.
pub fn refuses(logs: &mut Logs, room: &Room, person: &Person) {
    let (at, agent) = (person.join + 900, person.agent);
    let (tenant, safe) = (room.tenant.unwrap_or("nil"), &room.safe);
    if person.port.is_multiple_of(2) {
        let said = format!(
            "Error verifying token err:not-allowed, reason:Invalid or incorrect expiry: \"exp\" is in the past \
             tenant:{tenant} room:{safe} user_agent:{agent}"
        );
        logs.prosody(at, &format!("{HOST}:auth_token"), "warn", &said);
    } else {
        authenticates(logs, person);
    }
    let jwt = person.jwt.as_deref().unwrap_or("nil");
    let said = format!("Token {jwt} not allowed to join: {}", room.occupant(person));
    logs.prosody(at + 200, &format!("conference.{HOST}:token_verification"), "error", &said);
}

/// The presence with which a participant enters, as `mod_stanza_debug` shows it: after the plugin that maps tenants.
pub fn enters(logs: &mut Logs, room: &Room, person: &Person) {
    let mut stanza =
        format!("<presence xmlns='jabber:client' to='{}/{}'>", escaped(&room.jid), person.endpoint);
    stanza.push_str("<x xmlns='http://jabber.org/protocol/muc'/>");
    stanza.push_str(&format!("<stats-id>{}</stats-id>", escaped(&person.stats_id)));
    stanza.push_str(
        "<c hash='sha-1' node='https://jitsi.org/jitsi-meet' ver='Bb/FVrXF6cseTgvTP/PiwlsETz4=' \
         xmlns='http://jabber.org/protocol/caps'/><SourceInfo>{}</SourceInfo><jitsi_participant_region>eu-west\
         </jitsi_participant_region>",
    );
    if let Some(email) = &person.email {
        stanza.push_str(&format!("<email>{}</email>", escaped(email)));
    }
    stanza.push_str(&format!(
        "<nick xmlns='http://jabber.org/protocol/nick'>{}</nick></presence>",
        escaped(&person.name)
    ));
    logs.prosody(person.join + 1700, &session(person), "debug", &format!("RECV: {stanza}"));
    if person.port.is_multiple_of(5) {
        let said = format!("{} enters occupant {}", person.full_jid, room.occupant(person));
        logs.prosody(person.join + 1701, &format!("conference.{HOST}:muc"), "debug", &said);
    }
}

pub fn opens_lobby(logs: &mut Logs, room: &Room, host: &Person) {
    let at = host.join + 4000;
    let lobby = format!("{}@lobby.{HOST}", room.jid.split('@').next().unwrap_or_default());
    let said = format!("Lobby room jid = {lobby} created from:{}", host.full_jid);
    logs.prosody(at, &format!("lobby.{HOST}:muc_lobby_rooms"), "info", &said);
}

/// What somebody's statistics and stanzas run into.
pub fn stumbles(logs: &mut Logs, room: &Room, person: &Person) {
    let at = person.join + 20_000;
    let said = format!("No occupant {} found for {}", person.full_jid, room.jid);
    logs.prosody(at, &format!("speakerstats.{HOST}:speakerstats_component"), "warn", &said);
    let said = format!(
        "Component not connected, bouncing error for: <iq id='{}:sendIQ' type='set' to='focus.{HOST}' from='{}'>",
        person.session, person.full_jid
    );
    logs.prosody(at + 300, &format!("focus.{HOST}:component"), "warn", &said);
}

/// An error in a plugin, with its traceback.
pub fn breaks(logs: &mut Logs, room: &Room, person: &Person) {
    let said = format!(
        "Traceback[c2s]: /usr/share/jitsi-meet/prosody-plugins/mod_muc_allowners.lua:87: bad argument #1 to 'find' \
         (occupant {occupant} of {from})\nstack traceback:\n\t[C]: in function 'string.find'\n\t\
         /usr/share/jitsi-meet/prosody-plugins/mod_muc_allowners.lua:87: in function \
         </usr/share/jitsi-meet/prosody-plugins/mod_muc_allowners.lua:71>\n\t(...tail calls...)\n\t\
         /usr/lib/prosody/util/events.lua:81: in function </usr/lib/prosody/util/events.lua:77>\n\
         \t[string \"presence from {from}\"]:1: in main chunk",
        occupant = room.occupant(person),
        from = person.full_jid,
    );
    logs.prosody(person.join + 1750, &session(person), "error", &said);
}

pub fn leaves(logs: &mut Logs, room: &Room, person: &Person) {
    let (at, source) = (person.leave + 100, session(person));
    let said = format!("session {} is leaving occupant {}", person.full_jid, room.occupant(person));
    logs.prosody(at, &format!("conference.{HOST}:muc"), "debug", &said);
    if person.websocket {
        logs.prosody(
            at + 10,
            &source,
            "debug",
            &format!("c2s stream for {} closed: session closed", person.full_jid),
        );
        logs.prosody(at + 11, &source, "info", "Client disconnected: connection closed");
    } else {
        logs.prosody(at + 10, &source, "info", "BOSH client disconnected: session close");
    }
}

pub fn ends(logs: &mut Logs, room: &Room) {
    let said = format!("Destroying room {} (requested by muc_breakout_rooms)", room.jid);
    logs.prosody(room.end + 6000, &format!("{HOST}:room_destroy"), "info", &said);
}
