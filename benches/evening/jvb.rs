//! What the bridge writes: conferences, endpoints, candidates, pairs. Two bridges write into one file (a syslog host's): one
//! prints the addresses of others as they are, as all did before 2024-07, the other as `xx.xx.xx.xx` and `2xxx::xxx`.

use super::cast::{Fate, HOST, Person, Room, hex, json};
use super::log::Logs;
use super::log::Service::Jvb;
use super::prosody::escaped;

/// The bridge's own address, which is nobody's secret.
const BRIDGE: &str = "198.51.100.9:10000";

fn conference(room: &Room) -> String {
    format!("confId={} conf_name={} meeting_id={}", room.conference_id, room.jid, &room.meeting_id[..8])
}

fn endpoint(room: &Room, person: &Person) -> String {
    format!("{} epId={} stats_id={}", conference(room), person.endpoint, person.stats_id)
}

fn ice(room: &Room, person: &Person) -> String {
    format!("{} local_ufrag={}", endpoint(room, person), person.remote_ufrag)
}

fn stream(room: &Room, person: &Person) -> String {
    format!("{} ufrag={} name=stream-{}", ice(room, person), person.remote_ufrag, person.endpoint)
}

/// An address of the participant as this bridge writes it.
fn remote(room: &Room, address: &str, port: u64) -> String {
    match (room.redacted, address.contains(':')) {
        (false, false) => format!("{address}:{port}"),
        (false, true) => format!("[{address}]:{port}"),
        (true, false) => format!("xx.xx.xx.xx:{port}"),
        (true, true) => format!("[2xxx::xxx]:{port}"),
    }
}

pub fn starts(logs: &mut Logs, at: i64) {
    logs.jitsi(Jvb, at, "INFO", "", "MainKt.main#75: Starting jitsi-videobridge version 2.3.209-gb5fbe618");
    let said = "org.ice4j.ice.harvest.SinglePortUdpHarvester.<init>: Initialized SinglePortUdpHarvester with address \
                10.20.0.5:10000/udp";
    logs.jitsi(Jvb, at + 700, "INFO", "", said);
    let said = format!("MucClient$MucWrapper.join#771: Joined MUC: jvbbrewery@internal.auth.{HOST}");
    logs.jitsi(Jvb, at + 2900, "INFO", "hostname=localhost id=shard", &said);
}

pub fn creates_conference(logs: &mut Logs, room: &Room, at: i64) {
    let said = format!(
        "Videobridge.createConference#326: create_conf, id={} meeting_id={}",
        room.conference_id, room.meeting_id
    );
    logs.jitsi(Jvb, at, "INFO", &conference(room), &said);
    let said = "EndpointConnectionStatusMonitor.start#58: Starting connection status monitor";
    logs.jitsi(Jvb, at + 1, "INFO", &conference(room), said);
}

/// Jicofo's two requests: for the endpoint, and with the participant's candidates.
pub fn is_asked(logs: &mut Logs, room: &Room, person: &Person, first: bool, at: i64) {
    let Person { endpoint: id, stats_id, address, lan, port, .. } = person;
    let create = if first { " create='true'" } else { "" };
    let envelope = format!(
        "<iq xmlns='jabber:client' to='jvbbrewery@internal.auth.{HOST}/78345995-1256-4808-b35c-9ddc10df3d8f' \
         from='jvbbrewery@internal.auth.{HOST}/focus' id='anZiQGF1dGgubWVldC5leGFtcGxl{}' type='get'>\
         <conference-modify xmlns='jitsi:colibri2' meeting-id='{}'",
        hex(&mut logs.random, 12),
        room.meeting_id
    );
    let said = format!(
        "Videobridge.handleColibriRequest#373: RECV colibri2 request: {envelope} name='{}'{create}><endpoint \
         xmlns='jitsi:colibri2' id='{id}' create='true' stats-id='{}' muc-role='participant'><media type='audio'>\
         <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='opus' clockrate='48000' id='111' channels='2'/></media>\
         <transport ice-controlling='true'/><sctp/></endpoint></conference-modify></iq>",
        escaped(&room.jid),
        escaped(stats_id)
    );
    logs.jitsi(Jvb, at, "INFO", &conference(room), &said);
    let said =
        "IceTransport.startConnectivityEstablishment#205: Starting the Agent without remote candidates.";
    logs.jitsi(Jvb, at + 50, "INFO", &ice(room, person), said);
    let Person { ufrag, password, fingerprint, .. } = person;
    // A bridge that redacts does so in its own statements; the stanza is Jicofo's.
    let said = format!(
        "Videobridge.handleColibriRequest#373: RECV colibri2 request: {envelope}><endpoint xmlns='jitsi:colibri2' id='{id}'>\
         <transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='{ufrag}' pwd='{password}'><fingerprint \
         xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' required='false' setup='active'>{fingerprint}</fingerprint>\
         <candidate xmlns='urn:xmpp:jingle:transports:ice-udp:1' component='1' foundation='2013459106' generation='0' \
         id='2142b0d3' ip='{lan}' network='0' port='{port}' priority='2122260223' protocol='udp' type='host'/><candidate \
         xmlns='urn:xmpp:jingle:transports:ice-udp:1' component='1' foundation='842163049' generation='0' id='4c7a99e1' \
         ip='{address}' network='0' port='{port}' priority='1686052607' protocol='udp' rel-addr='{lan}' rel-port='{port}' \
         type='srflx'/></transport></transport></endpoint></conference-modify></iq>"
    );
    logs.jitsi(Jvb, at + 300, "INFO", &conference(room), &said);
}

/// The candidates, and how the checks of their pairs begin.
pub fn checks(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let id = &person.endpoint;
    let component = format!("{} componentId=1", stream(room, person));
    for (address, kind) in [(&person.lan, "host"), (&person.address, "srflx")] {
        let remote = remote(room, address, person.port);
        let said = format!(
            "Component.addUpdateRemoteCandidates#352: Add remote candidate for stream-{id}.RTP: {remote}/udp/{kind}"
        );
        logs.jitsi(Jvb, at, "INFO", &component, &said);
    }
    let said = "IceTransport.iceStateChanged#345: ICE state changed old=Waiting new=Running.";
    logs.jitsi(Jvb, at + 20, "INFO", &ice(room, person), said);
    let said = format!(
        "ComponentSocket.addAuthorizedAddress#99: Adding allowed address: {}/udp",
        remote(room, &person.address, person.port)
    );
    logs.jitsi(Jvb, at + 40, "INFO", &component, &said);
}

pub fn connects(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let (id, pair) = (&person.endpoint, pair(room, person, "prflx"));
    for (caller, said) in [
        ("ConnectivityCheckClient.processSuccessResponse#634", format!("Pair succeeded: {pair}.")),
        (
            "CheckList.handleNominationConfirmed#406",
            format!("Selected pair for stream stream-{id}.RTP: {pair}"),
        ),
    ] {
        logs.jitsi(Jvb, at, "INFO", &stream(room, person), &format!("{caller}: {said}"));
    }
    let said = "IceTransport.iceStateChanged#345: ICE state changed old=Running new=Completed.";
    logs.jitsi(Jvb, at + 30, "INFO", &ice(room, person), said);
    let context = endpoint(room, person);
    let said = "Endpoint.acceptSctpConnection$lambda$26#645: Attempting to establish SCTP socket connection";
    logs.jitsi(Jvb, at + 90, "INFO", &context, said);
    let said = "Endpoint$createSctpConnection$3.onReady#593: SCTP connection is ready, creating the Data channel stack";
    logs.jitsi(Jvb, at + 190, "INFO", &context, said);
}

fn pair(room: &Room, person: &Person, kind: &str) -> String {
    let remote = remote(room, &person.address, person.port);
    format!("{BRIDGE}/udp/srflx -> {remote}/udp/{kind} (stream-{}.RTP)", person.endpoint)
}

/// No pair works.
pub fn fails(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let (context, pair) = (stream(room, person), pair(room, person, "srflx"));
    let said = format!("ConnectivityCheckClient.processTimeout#881: timeout for pair: {pair}, failing.");
    logs.jitsi(Jvb, at, "INFO", &context, &said);
    let said = format!("CheckList.updateTheCheckListState#350: Pair failed: {pair}");
    logs.jitsi(Jvb, at + 1, "WARNING", &context, &said);
    let said = "IceTransport.iceStateChanged#345: ICE state changed old=Running new=Failed.";
    logs.jitsi(Jvb, at + 4, "INFO", &ice(room, person), said);
    let said = "Endpoint$setupIceTransport$1.failed#412: ICE failed";
    logs.jitsi(Jvb, at + 5, "WARNING", &endpoint(room, person), said);
}

/// A transport that is described over several lines, and a stanza that lacks a part.
pub fn describes_transport(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let Person { ufrag, password, fingerprint, lan, address, port, .. } = person;
    let said = format!(
        "Endpoint.describeTransport#782: Transport description:\n <transport \
         xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='{ufrag}' pwd='{password}'>\n  <fingerprint \
         xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>{fingerprint}</fingerprint>\n  <candidate \
         component='1' ip='{lan}' port='{port}' type='host'/>\n  <candidate component='1' ip='{address}' port='{port}' \
         rel-addr='{lan}' rel-port='{port}' type='srflx'/>\n </transport>"
    );
    logs.jitsi(Jvb, at, "INFO", &endpoint(room, person), &said);
}

/// A message on the channel that is no JSON, quoted after the parser's complaint of two lines.
pub fn misreads_message(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let said = format!(
        "EndpointMessageTransport.onMessage#186: Invalid message received (Unexpected end-of-input: expected close marker \
         for Object (start marker at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, \
         column: 1])\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: \
         204]): {{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{{\"type\":\"raised-hand\",\"id\":\
         \"{}\",\"displayName\":\"{}\",\"room\":\"{}\"",
        person.endpoint,
        json(&person.name),
        json(&room.jid)
    );
    logs.jitsi(Jvb, at, "WARNING", &endpoint(room, person), &said);
}

/// An exception whose text, lines below its record's head, names the participant.
pub fn throws(logs: &mut Logs, room: &Room, person: &Person, at: i64) {
    let said = format!(
        "DtlsTransport.startDtlsHandshake#124: Error during DTLS connection:\njava.lang.IllegalStateException: No remote \
         fingerprints for {} in {}\n\tat org.jitsi.nlj.dtls.DtlsClient.connect(DtlsClient.kt:61)\n\tat \
         org.jitsi.videobridge.transport.dtls.DtlsTransport.startDtlsHandshake(DtlsTransport.kt:110)\n\tat \
         java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.net.SocketTimeoutException: Receive timed out from \
         /{}\n\t... 3 more",
        room.occupant(person),
        room.jid,
        remote(room, &person.address, person.port),
    );
    logs.jitsi(Jvb, at, "SEVERE", &ice(room, person), &said);
}

pub fn expires(logs: &mut Logs, room: &Room, person: &Person, last: bool) {
    let (at, context) = (person.leave + 130, endpoint(room, person));
    if person.fate == Fate::Well {
        let said = "EndpointMessageTransport.webSocketClosed#355: Websocket closed, statusCode 1001 ( endpoint closed).";
        logs.jitsi(Jvb, at - 60, "INFO", &context, said);
    }
    let said = format!(
        "Conference.handleEndpointExpire#1003: RECV colibri2 request: <iq xmlns='jabber:client' type='get'>\
         <conference-modify xmlns='jitsi:colibri2' meeting-id='{}'><endpoint xmlns='jitsi:colibri2' id='{}' expire='true'/>\
         </conference-modify></iq>",
        room.meeting_id, person.endpoint
    );
    logs.jitsi(Jvb, at - 3, "INFO", &conference(room), &said);
    logs.jitsi(Jvb, at - 2, "INFO", &ice(room, person), "IceTransport.stop#258: Stopping");
    logs.jitsi(Jvb, at - 1, "INFO", &context, "Transceiver.teardown#364: Tearing down");
    logs.jitsi(Jvb, at, "INFO", &context, "Endpoint.expire#1155: Expired.");
    if last {
        let said =
            format!("Conference.expire#595: expire_conf,duration={}", (person.leave - room.start) / 1000);
        logs.jitsi(Jvb, at + 40, "INFO", &conference(room), &said);
    }
}
