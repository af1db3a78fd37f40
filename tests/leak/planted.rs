//! Records of the six services of a meeting, full of canaries, and what becomes of such records on bad days.
//!
//! *In*: nothing. *Out*: per [`Service`] good records ([`good`]) and broken ones ([`broken`]). *Promised*: `{any}` stands for each
//! canary that is known by its shape, one record after the other; the message begins at `¦`. *Not here*: what must become of
//! them (`meetings`); messages that end within a word, of which no header says that they do.

use super::canary::{CANARIES, Where};

/// A service, and records as it writes them.
pub struct Service {
    /// The word of `--format`.
    pub format: &'static str,
    /// The class of the shipped policy.
    pub class: &'static str,
    records: &'static [&'static str],
    /// Records that are refused whatever else they hold.
    refused: &'static [&'static str],
}

/// The services.
pub const SERVICES: &[Service] = &[
    Service { format: "jvb", class: "jvb", records: JVB, refused: JVB_REFUSED },
    Service { format: "jicofo", class: "jicofo", records: JICOFO, refused: JICOFO_REFUSED },
    Service { format: "jigasi", class: "technical", records: JIGASI, refused: JIGASI_REFUSED },
    Service { format: "jibri", class: "technical", records: JIBRI, refused: JIBRI_REFUSED },
    Service { format: "prosody", class: "technical", records: PROSODY, refused: PROSODY_REFUSED },
    Service { format: "coturn", class: "technical", records: COTURN, refused: COTURN_REFUSED },
];

const JVB: &[&str] = &[
    "JVB 2026-11-21 10:00:00.101 INFO: [44] [confId=c7a9a1b0e5f60718 conf_name=[kanarietenant]kanariekooi@conference.meet.example.org \
     meeting_id=7c7a9a1b epId=4c7a9a1e stats_id=Kanariestat-Xy7 componentId=1 local_ufrag=kanufrag7x ufrag=kanufrag7x name=stream-4c7a9a1e] \
     IceTransport.start#205: ¦endpoint 4c7a9a1e of kanariekooi, Kanariestat-Xy7, from {any}\n\
     java.io.IOException: {any} of Kanariestat-Xy7\n\tat org.jitsi.A.b(A.java:1)\n\
     Caused by: java.lang.Exception: kanariekooi@conference.meet.example.org/4c7a9a1e",
    "2026-11-21 10:00:00.102 WARNING: [45] [confId=c7a9a1b0e5f60718 epId=4c7a9a1e stats_id=Kanariestat] x=y gid=7] A.b#1: ¦{any}",
    "JVB 2026-11-21 10:00:00.103 INFO: [46] [epId=4c7a9a1e] Endpoint.onMessage#77: ¦{\"colibriClass\":\"EndpointMessage\",\"to\":\"4c7a9a1e\",\
     \"payload\":{\"displayName\":\"Pietje Kanariegeel\",\"email\":\"wilhelmina.kanarie@example.org\",\"ip\":\"{any}\"}}",
    "JVB 2026-11-21 10:00:00.104 FINE: [47] org.jitsi.A.b().401 ¦{\\\"displayName\\\":\\\"Pietje Kanariegeel\\\",\\\"sessionId\\\":\\\"446655447788\\\"} {any}",
    "JVB 2026-11-21 10:00:00.105 INFO: [48] A.b#1: ¦<transport pwd='kanariepwd0123456789abcd' ufrag='kanufrag7x'>\n\
     <candidate ip='{any}' port='10000' rel-addr='192.0.2.1'/>\n</transport>",
    "jvb_1      | JVB 2026-11-21 10:00:00.106 INFO: [49] [conf_name=kanariekooi@conference.meet.example.org] A.b#1: ¦v=0\n\
     jvb_1      | a=ice-pwd:kanariepwd0123456789abcd\njvb_1      | a=ice-ufrag:kanufrag7x\njvb_1      | c=IN IP4 {any}",
    "Nov 21, 2026 10:00:00 AM org.jitsi.utils.logging2.LoggerImpl log\nINFO: ¦room=kanariekooi@conference.meet.example.org from {any}",
];

const JICOFO: &[&str] = &[
    "Jicofo 2026-11-21 10:00:00.101 INFO: [33] [room=kanariekooi@conference.meet.example.org \
     meeting_id=7c7a9a1b-d9fb-4b8b-a085-dcf6b5c99546 participant=4c7a9a1e stats-id=Kanariestat-Xy7] ParticipantInviteRunnable.doRun#218: \
     ¦kanariekooi: member 4c7a9a1e at {any}\n\tat {any}\n\tat org.jitsi.A.b(A.java:1): kanariekooi",
    "Jicofo 2026-11-21 10:00:00.102 INFO: [34] [room=kanariekooi@conference.meet.example.org] ChatRoomImpl.c#1: \
     ¦<presence from='kanariekooi@conference.meet.example.org/4c7a9a1e' to='focus@auth.meet.example.org/focus'>\
     <nick xmlns='http://jabber.org/protocol/nick'>Pietje Kanariegeel</nick>\n<stats-id>Kanariestat-Xy7</stats-id>\n\
     <email>wilhelmina.kanarie@example.org</email><ip>{any}</ip></presence>",
    "Jicofo 2026-11-21 10:00:00.103 INFO: [35] [room=[kanarietenant]kanariekooi@conference.meet.example.org \
     participant=4c7a9a1f-89d4-4e65-b61a-c243d48fd69e@meet.example.org/reskanarie77] A.b#1: ¦{any}",
    "Jicofo 2026-11-21 10:00:00.104 INFO: [36] [jid=kanarieaccount@meet.example.org/reskanarie77] A.b#1: \
     ¦Authenticated jid: kanarieaccount@meet.example.org/reskanarie77 {any}",
    "Jicofo 2026-11-21 10:00:00.105 INFO: [37] org.jitsi.jicofo.xmpp.FocusComponent.handleConferenceIq().401 \
     ¦Focus request for room: kanariekooi@conference.meet.example.org {any}",
    "Jicofo 2026-11-21 10:00:00.106 FINE: [38] A.b#1: ¦<conference room='kanariekooi@conference.meet.example.org' \
     machine-uid='kanariemachine77' session-id='446655447788'><property name='displayName' value='x'/></conference> {any}",
    "Jicofo 2026-11-21 10:00:00.107 SEVERE: [39] A.b#1: ¦user-password=kanariewachtwoord pwd='kanariepwd0123456789abcd' {any}",
];

const JIGASI: &[&str] = &[
    "Jigasi 2026-11-21 10:00:00.101 INFO: [52] [room=[kanarietenant]kanariekooi@conference.meet.example.org \
     session_id=c7a9a1b0e5f60718] SipGateway$SipCallListener.incomingCallReceived#216: \
     ¦[ctx=16895512] Joining JVB conference room: kanariekooi@conference.meet.example.org for {any}\n\tat {any}",
    "Jigasi 2026-11-21 10:00:00.102 INFO: [53] org.jitsi.jigasi.SipGateway.incomingCallReceived().188 \
     ¦Got invite from {any} of kanarieaccount@meet.example.org",
    "Jigasi 2026-11-21 10:00:00.103 AM FEINSTEN: [54] A.b#1: ¦Member left : PARTICIPANT kanariekooi@conference.meet.example.org/4c7a9a1e {any}",
    "Jigasi 2026-11-21 10:00:00.104 INFO: [55] A.b#1: ¦<dial to='sip:kanarieaccount@meet.example.org'>\
     <header name='JvbRoomName' value='kanariekooi@conference.meet.example.org'/>\n<nick>Pietje Kanariegeel</nick></dial> {any}",
    "Jigasi 2026-11-21 10:00:00.105 SEVERE: [56] A.b#1: ¦registering kanarieaccount@meet.example.org, password=kanariewachtwoord\n\
     java.io.IOException: {any}\n\tat org.jitsi.A.b(A.java:1)\nCaused by: java.lang.Exception: {any}",
    "jigasi-1  | Jigasi 2026-11-21 10:00:00.106 INFO: [57] A.b#1: ¦SipGatewaySession[room=kanariekooi@conference.meet.example.org] {any}\n\
     jigasi-1  | \tat {any}",
];

const JIBRI: &[&str] = &[
    "Jibri 2026-11-21 10:00:00.101 INFO: [75] [room=kanariekooi@conference.meet.example.org session_id=c7a9a1b0e5f60718] \
     XmppApi.handleJibriIq#216: ¦Received JibriIq <iq from='kanariekooi@conference.meet.example.org/4c7a9a1e'>\
     <jibri room='kanariekooi@conference.meet.example.org' session_id='446655447788' streamid='kanariepwd0123456789abcd'/></iq> {any}",
    "2026-11-21 10:00:00.102 INFO: [76] org.jitsi.jibri.api.xmpp.XmppApi.log() ¦Parsed call url info: \
     CallUrlInfo(baseUrl=https://meet.example.org, callName=kanariekooi, urlParams=[userInfo.displayName=\"Pietje Kanariegeel\"]) {any}",
    "Jibri 2026-11-21 10:00:00.103 INFO: [77] A.b#1: ¦Participants in this recording: [{\"user\":{\"name\":\"Pietje Kanariegeel\",\
     \"email\":\"wilhelmina.kanarie@example.org\"}}] {any}",
    "Jibri 2026-11-21 10:00:00.104 WARNING: [78] A.b#1: ¦XmppCredentials(domain=auth.meet.example.org, username=kanarieaccount, \
     password=kanariewachtwoord)\nMultiException stack 1 of 2\njava.net.ConnectException: {any}\n\t... 7 more",
    "Jibri 2026-11-21 10:00:00.105 INFO: [79] A.b#1: ¦Using RTMP URL rtmp://a.rtmp.example.org/live2/kanariepwd0123456789abcd from {any}",
    "Nov 21 10:00:00 recorder jibri[9]: Jibri 2026-11-21 10:00:00.106 INFO: [80] A.b#1: ¦{any} of kanarieaccount@meet.example.org",
];

const PROSODY: &[&str] = &[
    "Nov 21 10:00:00 bosh550e8400-e29b-41d4-a716-446655447788\tinfo\t¦Authenticated as kanarieaccount@meet.example.org [prosody:registered]",
    "Nov 21 10:00:00 c2s55a9fb7788ca\tinfo\t¦Account password changed: kanarieaccount@meet.example.org by kanarieaccount@meet.example.org",
    "Nov 21 10:00:00 mod_bosh\tinfo\t¦New BOSH session, assigned it sid '550e8400-e29b-41d4-a716-446655447788'",
    "Nov 21 10:00:00 c2s55a9fb7788ca\tdebug\t¦Received[c2s]: <iq from='kanarieaccount@meet.example.org/reskanarie77'>\
     <conference room='kanariekooi@conference.meet.example.org' machine-uid='kanariemachine77'/></iq> {any}",
    "Nov 21 10:00:00 conference.meet.example.org:muc\tdebug\t¦<presence from='4c7a9a1f-89d4-4e65-b61a-c243d48fd69e@meet.example.org/reskanarie77' \
     to='kanariekooi@conference.meet.example.org/4c7a9a1e'>\n<nick xmlns='http://jabber.org/protocol/nick'>Pietje Kanariegeel</nick>\n\
     <email>wilhelmina.kanarie@example.org</email>\n\t<stats-id>Kanariestat-Xy7</stats-id> {any}\n</presence>",
    "Nov 21 10:00:00 general\terror\t¦Traceback[bosh]: {any}\nstack traceback:\n\t/usr/lib/prosody/a.lua:12: in function \
     'kanariekooi@conference.meet.example.org'\n\t[C]: in function 'xpcall' {any}",
    "Nov 21 10:00:00 meet.example.org:token\tdebug\t¦{\"context\":{\"user\":{\"name\":\"Pietje Kanariegeel\",\"email\":\"wilhelmina.kanarie@example.org\"}},\
     \"room\":\"kanariekooi\"} {any}",
    "Nov 21 10:00:00 meet prosody[7]: mod_muc   #033[1;33mwarn#033[0m#011¦Room [kanarietenant]kanariekooi@conference.meet.example.org of {any}",
    "prosody-1  | 2026-11-21 10:00:00 bosh550e8400-e29b-41d4-a716-446655447788   info\t¦<transport pwd='kanariepwd0123456789abcd' ufrag='kanufrag7x'/> {any}",
    "Nov 21 10:00:00 meet.example.org:ext\terror\t¦{nick,\"Pietje Kanariegeel\"},{password,<<\"kanariewachtwoord\">>} {any}",
];

const COTURN: &[&str] = &[
    "2026-11-21T10:00:00.118+0000 INFO ¦session 001000000000077707: realm <meet.example.org> user <1795252532:kanarieturn>: \
     incoming packet ALLOCATE processed, success",
    "5: : ERROR: check_stun_auth: user 1795252532:kanarieturn credentials are incorrect",
    "5: (4711): ERROR: check_stun_auth: Cannot find credentials of user <1795252532:kanarieturn>",
    "5: (4711): INFO: ¦session 001000000000077707: new, realm=<meet.example.org>, username=<1795252532:kanarieturn>, lifetime=600",
    "Nov 21 10:00:00 relay turnserver[7]: 7: ¦session 001000000000077707: closed (2nd stage), user <1795252999:kanarieturn> \
     realm <meet.example.org> origin <{any}>, local 192.0.2.1:3478, remote 203.0.113.77:40000, reason: {any}",
    "6: session 001000000000077707: peer 203.0.113.77 lifetime updated: 300",
    "6: ¦session 001000000000077707: usage: realm=<meet.example.org>, username=<kanarieturn>, rp=1, {any}",
    "6: (4711): INFO: ¦IPv4. tcp or tls connected to: 203.0.113.77:50312",
    "6: : INFO: ¦{any} and more\n  more {any}",
];

const JVB_REFUSED: &[&str] = &[
    "JVB 2026-11-21 10:00:00.101 QUUX: [1] [conf_name=kanariekooi@conference.h] A.b#1: kanarieaccount {any}",
    "JVB 2026-11-21 10:00:00.101 INFO: [1] [conf_name=[kanariekooi[x@conference.h epId=4c7a9a1e A.b#1: kanarieaccount {any}",
    "Jicofo 2026-11-21 10:00:00.101 INFO: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}\n\tkanarieaccount",
    "prosody-1  | general info kanarieaccount {any}",
    "JVB 2026-02-30 10:00:00.101 INFO: [1] A.b#1: kanarieaccount {any}",
    "2026-11-21T10:00:00.101Z INFO A.b kanarieaccount {any}",
];

const JICOFO_REFUSED: &[&str] = &[
    "Jicofo 2026-11-21 10:00:00.101 QUUX: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}",
    "Jicofo 2026-11-21 10:00:00.101 INFO: [1] [room=[kanariekooi[x@conference.h A.b#1: kanarieaccount {any}",
    "JVB 2026-11-21 10:00:00.101 INFO: [1] [conf_name=kanariekooi@conference.h] A.b#1: kanarieaccount {any}\n\tkanarieaccount",
    "Nov 21 10:00:00 kanarieaccount {any}",
];

const JIGASI_REFUSED: &[&str] = &[
    "Jigasi 2026-11-21 10:00:00.101 QUUX: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}",
    "Jigasi 2026-11-21 10:00:00.101 INFO: [1] [room=[kanariekooi[x@conference.h A.b#1: kanarieaccount {any}",
    "Jibri 2026-11-21 10:00:00.101 INFO: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}\n\tkanarieaccount",
    "turnserver_1 | 5: session 001000000000077707: realm <r> user <kanarieturn>: x {any}",
    "2026-11-21T10:00:00.101Z INFO A.b kanarieaccount {any}",
];

const JIBRI_REFUSED: &[&str] = &[
    "Jibri 2026-11-21 10:00:00.101 QUUX: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}",
    "Jibri 2026-11-21 10:00:00.101 INFO: [1] [room=[kanariekooi[x@conference.h A.b#1: kanarieaccount {any}",
    "Jicofo 2026-11-21 10:00:00.101 INFO: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}\n\tkanarieaccount",
    "Jibri 2026-02-30 10:00:00.101 INFO: [1] A.b#1: kanarieaccount {any}",
    "[2026-11-21 10:00:00] kanarieaccount {any}",
];

const PROSODY_REFUSED: &[&str] = &[
    "Nov 21 10:00:00 mod_bosh\tquux\tkanarieaccount {any}\nkanarieaccount",
    "JVB 2026-11-21 10:00:00.101 INFO: [1] [conf_name=kanariekooi@conference.h] A.b#1: kanarieaccount {any}",
    "jvb_1 | 2026-11-21 10:00:00.101 INFO: [1] kanarieaccount {any}",
    "Nov 31 10:00:00 mod_bosh\tinfo\tkanarieaccount {any}",
    "Nov 21 10:00:00 kanarieaccount {any}",
];

const COTURN_REFUSED: &[&str] = &[
    "5: session 001000000000077707: realm <r> user <1795252532:kanarieturn",
    "5: session 001000000000077707: closed (2nd stage), user <1795252532:kanarieturn> realm <r> origin <>, local 192.0.2.1:3478",
    "5: session 001000000000077707: peer 203.0.113.77",
    "5: : ERROR: check_stun_auth: user 1795252532:kanarieturn creden",
    "5: (4711): QUUX: kanarieaccount {any}",
    "JVB 2026-11-21 10:00:00.101 INFO: [1] [conf_name=kanariekooi@conference.h] A.b#1: kanarieaccount {any}\n\tkanarieaccount",
    "5: IPv4. tcp or tls conJicofo 2026-11-21 10:00:00.101 INFO: [1] [room=kanariekooi@conference.h] A.b#1: kanarieaccount {any}",
    "Nov 21 10:00:00 mod_bosh\tinfo\tkanarieaccount {any}",
    "prosody-1  | general info kanarieaccount {any}",
    "2026-13-21T10:00:00.118+0000 INFO kanarieaccount {any}",
];

/// Every record of a service, with every canary that is known by its shape.
pub fn good(service: &Service) -> Vec<String> {
    let mut all = Vec::new();
    for record in service.records {
        fill(record, &mut all);
    }
    all
}

/// Every record of a service, once.
pub fn samples(service: &Service) -> Vec<String> {
    service.records.iter().map(|record| record.replace('¦', "").replace("{any}", "203.0.113.77")).collect()
}

/// Records that are refused, and records on their way to be: cut after every byte of their header and every word of their
/// message, joined to another there, with a level that nobody knows.
pub fn broken(service: &Service) -> Vec<String> {
    let mut all = Vec::new();
    for record in service.refused {
        fill(record, &mut all);
    }
    for (number, record) in service.records.iter().enumerate() {
        let Some((header, message)) = record.split_once('¦') else { continue };
        let whole = format!("{header}{message}").replace("{any}", "203.0.113.77");
        let next = service.records[(number + 1) % service.records.len()]
            .replace("{any}", "203.0.113.78:51234")
            .replace('¦', "");
        let words = whole.match_indices([' ', '\n']).map(|(place, _)| place + 1);
        for end in (2..=header.len()).chain(words.filter(|&end| end > header.len())) {
            all.push(whole[..end].to_owned());
            all.push(format!("{}{next}", &whole[..end]));
        }
        for level in ["INFO", "info", "debug", "error"] {
            if header.contains(level) {
                all.push(whole.replacen(level, "QUUX", 1));
            }
        }
    }
    all
}

fn fill(record: &str, out: &mut Vec<String>) {
    let record = record.replace('¦', "");
    if !record.contains("{any}") {
        return out.push(record);
    }
    let anywhere = CANARIES.iter().filter(|canary| canary.place == Where::Anywhere);
    out.extend(anywhere.map(|canary| record.replace("{any}", canary.planted)));
}
