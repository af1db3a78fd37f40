//! What Jicofo writes: who asked for which conference, who joined, whom it invited to which bridge, and what failed.

use super::cast::{HOST, Person, Room, letters, uuid};
use super::log::Logs;
use super::log::Service::Jicofo;
use super::prosody::escaped;
use super::secrets::Secrets;

const BRIDGE: &str = "jvbbrewery@internal.auth.meet.example.org/78345995-1256-4808-b35c-9ddc10df3d8f";

fn bridge() -> String {
    format!("Bridge[jid={BRIDGE}, version=2.3.209-gb5fbe618, relayId=null, region=null, stress=0.03]")
}

fn conference(room: &Room) -> String {
    format!("room={} meeting_id={}", room.jid, room.meeting_id)
}

fn participant(room: &Room, person: &Person) -> String {
    format!("{} participant={}", conference(room), person.endpoint)
}

pub fn starts(logs: &mut Logs, at: i64) {
    logs.jitsi(Jicofo, at, "INFO", "", "Main.main#47: Starting Jicofo.");
    let said = "[TLSv1.2, TLSv1.3]=[TLSv1.2, TLSv1.3], sendServerVersion=false";
    let said =
        format!("JicofoServices.<init>#146: Starting HTTP server with config: host=null, port=8888, {said}.");
    logs.jitsi(Jicofo, at + 900, "INFO", "", &said);
    let said = format!("BridgeSelector.addJvbAddress#96: Added new videobridge: {}", bridge());
    logs.jitsi(Jicofo, at + 4000, "INFO", "", &said);
    let said = format!("JvbDoctor.bridgeAdded#128: Scheduled health-check task for: {}", bridge());
    logs.jitsi(Jicofo, at + 4030, "INFO", "", &said);
    let said =
        "org.eclipse.jetty.server.Server.doStart: Started Server@6b00ad9{STARTING}[11.0.14,sto=0] @8657ms";
    logs.jitsi(Jicofo, at + 5000, "INFO", "", said);
}

/// The first participant makes the conference.
pub fn is_asked(logs: &mut Logs, room: &Room, person: &Person, first: bool) {
    let at = person.join + 1200;
    let token = if room.closed { ", token=true" } else { "" };
    let said = format!(
        "ConferenceIqHandler.handleConferenceIq#86: Conference request for room {}, from {}{token}",
        room.jid, person.full_jid
    );
    logs.jitsi(Jicofo, at, "INFO", "", &said);
    if first {
        let context = format!("room={}", room.jid);
        let said = "JitsiMeetConferenceImpl.<init>#308: Created new conference.";
        logs.jitsi(Jicofo, at + 20, "INFO", &context, said);
        let said = format!("JitsiMeetConferenceImpl.joinTheRoom#499: Joining {}", room.jid);
        logs.jitsi(Jicofo, at + 35, "INFO", &context, &said);
    }
}

pub fn joined(logs: &mut Logs, room: &Room, person: &Person, first: bool) {
    let at = person.join + 1800;
    let role = if first { "OWNER" } else { "PARTICIPANT" };
    if first {
        let said = format!(
            "AutoOwnerRoleManager.electNewOwner$lambda$3#101: Electing new owner: ChatMember[id={} role=PARTICIPANT]",
            person.endpoint
        );
        logs.jitsi(Jicofo, at - 10, "INFO", "", &said);
        let said = format!(
            "XmppProvider.discoverFeatures#248: Discovered features for {} in 89 ms.",
            room.occupant(person)
        );
        logs.jitsi(Jicofo, at - 5, "INFO", "xmpp_connection=client", &said);
    }
    let said = format!(
        "JitsiMeetConferenceImpl.onMemberJoined#743: Member joined:{} stats-id={} region=eu-west audioMuted=true \
         videoMuted=true role={role} isJibri=false isJigasi=false isTranscriber=false, room=main",
        person.endpoint, person.stats_id
    );
    logs.jitsi(Jicofo, at, "INFO", &conference(room), &said);
}

/// The invitation to the bridge.
pub fn invites(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let context = conference(room);
    let said = format!("ColibriV2SessionManager.allocate#278: Allocating for {}", person.endpoint);
    logs.jitsi(Jicofo, at, "INFO", &context, &said);
    let said =
        format!("BridgeSelectionStrategy.select#124: Selected initial bridge {} with stress=0.03", bridge());
    logs.jitsi(Jicofo, at + 2, "INFO", &context, &said);
    let said = format!(
        "ParticipantInviteRunnable.sendSessionInitiate#259: Sending session-initiate to: {} sources=\
         {{audio=[2907130518, name={}-a0, msid=mixedmslabel mixedlabelaudio0]}}",
        room.occupant(person),
        person.endpoint
    );
    logs.jitsi(Jicofo, at + 60, "INFO", &participant(room, person), &said);
    let said = "Participant$JingleRequestHandlerImpl.onSessionOrTransportAccept#418: Received session-accept";
    logs.jitsi(Jicofo, at + 420, "INFO", &participant(room, person), said);
}

/// The participant says that no pair of candidates works, and is invited again.
pub fn hears_of_ice_failure(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let context = participant(room, person);
    let said = "Participant$JingleRequestHandlerImpl.onSessionInfo#476: Received ICE failed notification, bridge-session \
                ID: null";
    logs.jitsi(Jicofo, at, "INFO", &context, said);
    let said = format!(
        "JitsiMeetConferenceImpl.iceFailed#1193: Ice failed for {}, will re-invite.",
        room.occupant(person)
    );
    logs.jitsi(Jicofo, at + 1, "WARNING", &conference(room), &said);
    let said =
        format!("JitsiMeetConferenceImpl.reInviteParticipants#1520: Re-inviting [{}].", person.endpoint);
    logs.jitsi(Jicofo, at + 5, "INFO", &conference(room), &said);
    let said = format!(
        "ParticipantInviteRunnable.sendSessionInitiate#259: Sending session-initiate to: {} sources={{}}",
        room.occupant(person)
    );
    logs.jitsi(Jicofo, at + 90, "INFO", &context, &said);
}

/// The bridge does not answer; the stack trace names the participant on lines of its own.
pub fn loses_bridge(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let occupant = room.occupant(person);
    let said = format!(
        "ParticipantInviteRunnable.doRun#227: Failed to convert ContentPacketExtension to Media: null\n\
         org.jitsi.jicofo.bridge.colibri.ColibriAllocationFailedException: Failed to allocate for {endpoint}\n\
         \tat org.jitsi.jicofo.bridge.colibri.ColibriV2SessionManager.allocate(ColibriV2SessionManager.kt:330)\n\
         \tat org.jitsi.jicofo.conference.ParticipantInviteRunnable.doRun(ParticipantInviteRunnable.java:214)\n\
         \tat org.jitsi.jicofo.conference.ParticipantInviteRunnable.run(ParticipantInviteRunnable.java:152)\n\
         Caused by: org.jivesoftware.smack.SmackException$NoResponseException: No response received within reply timeout. \
         Timeout was 15000ms (~15s). StanzaCollector has been cancelled. Waited for response using: IQReplyFilter: \
         iqAndIdFilter (AndFilter: (OrFilter: (IQTypeFilter: type=error, IQTypeFilter: type=result), StanzaIdFilter: \
         id=7VQ9K-41)), : fromFilter (OrFilter: (FromMatchesFilter (full): {occupant})).\n\
         \tat org.jivesoftware.smack.SmackException$NoResponseException.newWith(SmackException.java:126)\n\
         \tat org.jivesoftware.smack.StanzaCollector.nextResultOrThrow(StanzaCollector.java:274)\n\
         \t... 7 more",
        endpoint = person.endpoint,
    );
    logs.jitsi(Jicofo, at, "SEVERE", &participant(room, person), &said);
    let said = format!("BridgeSelector.removeJvbAddress#112: Lost a bridge: {BRIDGE}");
    logs.jitsi(Jicofo, at + 100, "WARNING", "", &said);
}

/// Somebody has it recorded and streamed, somebody dials a telephone.
pub fn serves_requests(logs: &mut Logs, secrets: &mut Secrets, room: &Room, person: &Person) {
    let (at, occupant) = (person.join + 60_000, escaped(&room.occupant(person)));
    let mut groups: Vec<String> = (0..4).map(|_| letters(&mut logs.random, 4).to_lowercase()).collect();
    groups.push("stroom".to_owned());
    let key = groups.join("-");
    let id = uuid(&mut logs.random, None);
    let said = format!(
        "BaseJibri.handleStartRequest#248: Accepted jibri request: <iq xmlns='jabber:client' to='focus@auth.{HOST}/focus' \
         from='{occupant}' id='{id}:sendIQ' type='set'><jibri xmlns='http://jitsi.org/protocol/jibri' action='start' \
         recording_mode='stream' streamid='{key}' you_tube_broadcast_id='{key}' displayname='{}'/></iq>",
        escaped(&person.name)
    );
    logs.jitsi(Jicofo, at, "INFO", &conference(room), &said);
    secrets.add("stream-key", &key);
    let phone = format!("+3120{:07}", 1_000_000 + logs.random.below(8_999_999));
    let said = format!(
        "JigasiIqHandler.handleRequest#97: Accepted jigasi request from {}: <iq xmlns='jabber:client' \
         to='focus@auth.{HOST}/focus' from='{occupant}' id='{id}:dial' type='set'><dial xmlns='urn:xmpp:rayo:1' \
         to='sip:{phone}@sip.example.net' from='fromnumber'><header xmlns='urn:xmpp:rayo:1' name='JvbRoomName' \
         value='{}'/></dial></iq>",
        room.occupant(person),
        escaped(&room.jid)
    );
    logs.jitsi(Jicofo, at + 90_000, "INFO", &conference(room), &said);
    secrets.add("phone", &phone);
}

pub fn left(logs: &mut Logs, room: &Room, person: &Person, last: bool) {
    let (at, context) = (person.leave + 105, conference(room));
    let said = format!("JitsiMeetConferenceImpl.onMemberLeft#957: Member left:{}", person.endpoint);
    logs.jitsi(Jicofo, at, "INFO", &context, &said);
    if last {
        let said = "JitsiMeetConferenceImpl.maybeStop#1004: Last member left, stopping.";
        logs.jitsi(Jicofo, at + 2, "INFO", &context, said);
        logs.jitsi(Jicofo, at + 20, "INFO", &context, "JitsiMeetConferenceImpl.stop#476: Stopped.");
    }
}
