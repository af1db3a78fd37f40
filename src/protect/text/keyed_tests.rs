//! What keys, elements and shapes say, each with a line; between `⟦` and `⟧` stands what must be found.

use super::tests::shown;
use super::*;

/// Each line with the marked values and what they must be called, in order.
#[track_caller]
fn finds(cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for &(marked, senses) in cases {
        let text = marked.replace(['⟦', '⟧'], "");
        let values = marked.split('⟦').skip(1).filter_map(|rest| rest.split('⟧').next());
        let want: Vec<(String, String)> =
            values.zip(senses).map(|(value, sense)| (value.to_owned(), (*sense).to_owned())).collect();
        let found = shown(&text, Context::Message);
        if found != want {
            wrong.push(format!("{text}\n  want  {want:?}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn identifiers_of_jabber() {
    finds(&[
        ("Joining ⟦plan@conference.example.org⟧", &["Room"]),
        ("Member ⟦plan@conference.example.org⟧/⟦49517bef⟧ joined.", &["Room", "Endpoint"]),
        ("room ⟦r%c3%a4t%20haus@muc.meet.jitsi⟧/focus", &["Room"]),
        ("conf_name=⟦[acme]plan@conference.example.org⟧ epId", &["Room"]),
        ("from='⟦plan@conference.example.org⟧/⟦Anna Müller⟧' to='x'", &["Room", "Name"]),
        ("from=\"⟦plan@conference.example.org⟧/⟦Anna Müller⟧\"", &["Room", "Name"]),
        ("from ⟦49517bef-89d4-4e65-b61a-c243d48fd69e@meet.example.org⟧/⟦yzhm9bLt⟧", &["Endpoint", "Session"]),
        ("Authenticated as ⟦49517bef-89d4-4e65-b61a-c243d48fd69e@meet.example.org⟧", &["Endpoint"]),
        ("jid: ⟦alice@example.org⟧/⟦d6be63⟧]@1437959680", &["Jid", "Session"]),
        ("Authenticated as ⟦alice@example.org⟧ [role]", &["email"]),
        ("focus for ⟦plan@conference.example.org@auth.example.org⟧. Conference count 1", &["Room"]),
        (
            "Bridge[jid=⟦jvbbrewery@internal.auth.example.org⟧/⟦87531df0-4018-420a-bfb3-cb2f8d48ba08⟧, version=2.3]",
            &["Room", "Endpoint"],
        ),
        ("room ⟦plan@conference.127.0.0.1⟧/⟦2498e671⟧ in 0 ms.", &["Room", "Endpoint"]),
        ("xmpp:⟦plan@muc.meet.jitsi⟧?cid=123", &["Room"]),
        (
            "session ⟦alice@example.org⟧/⟦x1⟧ is leaving occupant ⟦plan@conference.example.org⟧/⟦Zoë⟧",
            &["Jid", "Session", "Room", "Name"],
        ),
        ("see https://⟦anna@host.example.org⟧/path and ⟦anna@host.example.org⟧ text", &["email", "email"]),
    ]);
}

#[test]
fn keys_and_values() {
    finds(&[
        ("displayName=⟦Anna Müller⟧, role=x", &["Name"]),
        ("stats-id=⟦Terrance-GD5⟧ region=null audioMuted=true", &["Stats"]),
        ("stats-id=⟦Anna van der Berg⟧ region=null", &["Stats"]),
        ("display_name = ⟦Anna⟧; next", &["Name"]),
        ("Member joined:⟦2498e671⟧ stats-id=⟦A-1⟧", &["Endpoint", "Stats"]),
        ("Member left:⟦2498e671⟧", &["Endpoint"]),
        ("Starting JVB conference room: ⟦Team Besprechung⟧", &["Room"]),
        ("Focus request for room: ⟦plan@conference.example.org⟧ count: 0", &["Room"]),
        ("callName=⟦vorstand⟧, urlParams=[])", &["Room"]),
        ("(domain=auth.example.org, port=5222, username=⟦jibri⟧, password=*****)", &["User"]),
        ("org.jitsi.jicofo.FOCUS_USER_PASSWORD=⟦hunter2⟧", &["Secret"]),
        ("--secret=⟦s3cr3t⟧ --user_name=⟦focus⟧ --user_password=⟦x9x⟧", &["Secret", "User", "Secret"]),
        ("token=true token: expired, token=⟦abcd1234⟧", &["Secret"]),
        ("authenticated as: ⟦alice⟧", &["User"]),
        ("user=⟦root⟧ rhost=⟦192.0.2.7⟧", &["User", "192.0.2.7"]),
        ("username=<⟦1757600000:anna⟧>, lifetime=600", &["User"]),
        ("local_ufrag=⟦9eici1hq⟧ name=stream-660d9565", &["Session"]),
        ("meeting_id=⟦4c334b5b⟧ participant=⟦49e3837d⟧ endpoint: local", &["Endpoint", "Endpoint"]),
    ]);
}

#[test]
fn recordings_and_calls() {
    finds(&[
        ("Using RTMP URL rtmp://a.rtmp.example.com/live2/⟦abcd-efgh-1234⟧", &["Secret"]),
        (
            "Participants: [{name=⟦Anna Müller⟧, id=⟦49517bef⟧, email=⟦a@example.org⟧}]",
            &["Name", "Endpoint", "email"],
        ),
        ("XmppEnvironmentConfig(name=prod environment, xmppServerHosts=[x])", &[]),
        ("from '\"⟦Anna⟧\" <sip:⟦1000@example.org⟧>' failed", &["Name", "email"]),
        ("err:not-allowed, reason:x tenant:⟦acme⟧ room:⟦plan⟧ user_agent:y", &["Room", "Room"]),
        ("<endpoint xmlns='jitsi:colibri2' id='⟦49517bef⟧' stats-id='⟦Jo-x⟧'/>", &["Endpoint", "Stats"]),
        ("new owner: ChatMember[id=⟦2498e671⟧ role=OWNER]", &["Endpoint"]),
    ]);
}

#[test]
fn endpoints_of_meetings() {
    let found = |text: &str| -> Vec<String> {
        shown(text, Context::Meeting).into_iter().map(|(value, _)| value).collect()
    };
    for (text, endpoint) in [
        ("Allocating for 49517bef", "49517bef"),
        ("Participant not found for 70527796. Terminated", "70527796"),
        ("timeout for stream-49517bef.RTP: x", "49517bef"),
        ("[49517bef] gone", "49517bef"),
        ("sources=49517bef-v0", "49517bef"),
        (r#"[{"name":"49517bef-a0","ssrc":1}]"#, "49517bef"),
    ] {
        assert_eq!(found(text), [endpoint], "{text}");
    }
    for text in [
        "size 10485760 (asked",
        "Server@4c9e38aa{",
        "0x49517bef",
        "49517bef-1",
        "x49517bef",
        "commit 49517befa",
    ] {
        assert!(found(text).is_empty(), "{text}");
    }
    assert!(shown("Allocating for 49517bef", Context::Message).is_empty());
    let room = |text: &str| shown(text, Context::Meeting);
    let is_room = |value: &str| [(value.to_owned(), "Room".to_owned())];
    assert_eq!(room("Visiting url https://meet.example.org/Team%20Talk#config.x=1"), is_room("Team%20Talk"));
    assert_eq!(room("joining https://meet.example.org/plan."), is_room("plan"));
    for text in [
        "https://github.example.org/jitsi/jicofo",
        "to https://meet.example.org/http-bind?x=1",
        "https://meet.example.org/",
        "http://example.org/logo.png",
    ] {
        assert!(room(text).is_empty(), "{text}");
    }
    assert!(shown("https://meet.example.org/plan", Context::Message).is_empty());
}

#[test]
fn tables_and_maps() {
    finds(&[
        (
            r#"{ ["displayName"] = "⟦Anna M⟧"; ['user'] = '⟦alice⟧'; room = "⟦plan⟧"; ["x"] = "y" }"#,
            &["Name", "User", "Room"],
        ),
        ("{:user=>\"⟦alice⟧\", nick => '⟦Zoë⟧', \"room\" => ⟦plan⟧}", &["User", "Name", "Room"]),
        ("#{<<\"user\">> => <<\"⟦alice⟧\">>,nick => <<\"⟦Zoë⟧\">>}", &["User", "Name"]),
        ("session: user=⟦alice⟧ id=a,nick=⟦Zoë⟧, left: nick='⟦Anna⟧'", &["User", "Name", "Name"]),
    ]);
}

#[test]
fn json_in_messages() {
    finds(&[
        (r#"data={"name":"⟦José \"Pepe\" Núñez⟧","n":1}"#, &["Name"]),
        (r#"{"fullname":"⟦Anna⟧","confname":"⟦Demo Meeting⟧"}"#, &["Name", "Room"]),
        (r#"{\"displayName\":\"⟦Łukasz⟧\",\"x\":1}"#, &["Name"]),
        (r#"{"user": "⟦admin⟧", "active": true}"#, &["User"]),
        (r#"{"name":"MainThread","level":1}"#, &[]),
        (r#"{"name":"⟦pepe⟧","sessionToken":"⟦ubabe0myshke4dco⟧"}"#, &["Name", "Secret"]),
        ("app_data='{&quot;nick&quot;:&quot;⟦Zoë⟧&quot;}'", &["Name"]),
        (
            r#"{"room":"*","email":"⟦erika@example.com⟧","avatar":"⟦https://gravatar.example/abc⟧"}"#,
            &["email", "Secret"],
        ),
    ]);
}

#[test]
fn stanzas() {
    finds(&[
        ("<nick xmlns='http://jabber.org/protocol/nick'>⟦Ελένη⟧</nick>", &["Name"]),
        ("<stats-id>⟦Hilton-Wgl⟧</stats-id><email>⟦a@example.org⟧</email>", &["Stats", "email"]),
        ("<display-name>⟦O&apos;Brien⟧</display-name>", &["Name"]),
        ("<body>⟦see you at nine⟧</body>", &["Secret"]),
        ("<conference id=\"a4e4\" name=\"⟦ttt⟧\"><property name=\"disableRtx\"/>", &["Room"]),
        ("<item jid='⟦a@example.org⟧' name='⟦Anna M⟧'/>", &["email", "Name"]),
        ("<iq from='⟦qdex19aiccdztc-s@meet.jitsi⟧/⟦u0jpKzzt⟧' id='45'>", &["Jid", "Session"]),
        (
            "<jibri room='⟦vorstand@conference.example.net⟧' session_id='⟦ixepicsdetxipzwz⟧'",
            &["Room", "Session"],
        ),
        ("<transport ufrag='⟦21df67e5⟧' pwd='⟦3e13e28d⟧'>", &["Session", "Secret"]),
        (
            "<property name=\"displayName\" value=\"⟦Anna M⟧\"/><property name='x' value='y'/><stat value='z'/>",
            &["Name"],
        ),
        ("<header xmlns='urn:xmpp:rayo:1' name='room-password' value='⟦hunter2⟧'/>", &["Secret"]),
        ("displayname='⟦Jan de Vries⟧' streamid='⟦abcd-efgh⟧'", &["Name", "Secret"]),
    ]);
}

#[test]
fn what_was_cut_off() {
    finds(&[
        ("<presence><nick>⟦Pim de Wit⟧", &["Name"]),
        ("<presence><nick>⟦Pim de Wit⟧</ni", &["Name"]),
        ("<stats-id>⟦Eva-X1y⟧", &["Stats"]),
        ("<email>⟦wilhelmina⟧@", &["email"]),
        ("<nick/>text", &[]),
        ("a < b and c > d", &[]),
    ]);
}

#[test]
fn tuples_and_descriptions() {
    finds(&[
        ("from IP 1 ({{⟦192,0,2,7⟧},50312}) ok", &["192.0.2.7"]),
        ("peer {{⟦8193,3512,0,0,0,0,0,1⟧},5222}", &["2001:db8::1"]),
        ("{1,2,3} {300,1,1,1} {1,2,3,4,5}", &[]),
        ("{jid,<<\"⟦anna⟧\">>,x}", &["User"]),
        (
            "{nick,<<\"⟦Zoë⟧\">>} {<<\"displayName\">>,<<\"⟦Anna M⟧\">>} {user,\"⟦alice⟧\"}",
            &["Name", "Name", "User"],
        ),
        (
            "v=0\no=⟦jdoe⟧ 2890844526 2890842807 IN IP4 x\ns=⟦Seminar⟧\na=ice-ufrag:⟦F7gI⟧\na=ice-pwd:⟦x9cml/YzichV2+XlhiMu8g⟧",
            &["User", "Name", "Session", "Secret"],
        ),
        ("v=0\no=- 2890844526 2 IN IP4 x\ns=-", &[]),
    ]);
}

#[test]
fn words_of_programs_stay() {
    finds(&[
        ("Channel stream=audio region=null, isJibri=false", &[]),
        ("INFO: Member left : nobody", &[]),
        ("std::user: x", &[]),
        ("room: null user: - nick=none password: *****", &[]),
        ("java.util.concurrent.FutureTask.run(FutureTask.java:264)", &[]),
        ("Started Server@4c9e38{STARTING}[11.0.14,sto=0] @3756ms", &[]),
        ("sourceRoom=org.jitsi.impl.ChatRoomImpl@71c78138 type=x", &[]),
    ]);
}

#[test]
fn parameters_of_urls() {
    let found = |text: &str| shown(text, Context::Query);
    assert_eq!(found("room=plan&lang=nl"), [("plan".into(), "Room".into())]);
    assert_eq!(
        found("config.userInfo.displayName=%22Anna%20M%22&token=abc12345"),
        [("%22Anna%20M%22".into(), "Name".into()), ("abc12345".into(), "Secret".into())]
    );
    assert_eq!(found("page=2&name=x"), []);
}

#[test]
fn people_in_sentences() {
    finds(&[
        ("Failed password for ⟦alice⟧ from ⟦192.0.2.7⟧ port 22 ssh2", &["User", "192.0.2.7"]),
        ("Failed password for invalid user ⟦alice⟧ from ⟦192.0.2.7⟧ port 22", &["User", "192.0.2.7"]),
        ("Failed password for invalid user ⟦Anna Wolter⟧ from ⟦192.0.2.7⟧ port 22", &["User", "192.0.2.7"]),
        ("Failed password for ⟦user⟧ from ⟦192.0.2.7⟧ port 22", &["User", "192.0.2.7"]),
        ("Failed keyboard-interactive/pam for ⟦bob⟧ from ⟦192.0.2.7⟧", &["User", "192.0.2.7"]),
        ("Accepted publickey for ⟦git⟧ from ⟦192.0.2.7⟧ port 5 ssh2", &["User", "192.0.2.7"]),
        ("Invalid user ⟦data⟧ from ⟦192.0.2.7⟧", &["User", "192.0.2.7"]),
        (
            "Connection closed by authenticating user ⟦root⟧ ⟦192.0.2.7⟧ port 33 [preauth]",
            &["User", "192.0.2.7"],
        ),
        ("input_userauth_request: invalid user ⟦bob⟧ [preauth]", &["User"]),
        ("maximum authentication attempts exceeded for ⟦root⟧ from ⟦192.0.2.7⟧", &["User", "192.0.2.7"]),
        ("Too many authentication failures for ⟦playing⟧ [preauth]", &["User"]),
        ("User ⟦bob⟧ from host.example.org not allowed because", &["User"]),
        ("User ⟦root⟧ not allowed because account is locked", &["User"]),
        ("session opened for user ⟦rda⟧ by (uid=0)", &["User"]),
        ("session closed for user ⟦rda⟧", &["User"]),
        ("Access denied for user '⟦hacker⟧'@'⟦192.0.2.7⟧' (using password: YES)", &["User", "192.0.2.7"]),
        ("password authentication failed for user \"⟦anna⟧\"", &["User"]),
        (
            "no pg_hba.conf entry for host \"⟦192.0.2.7⟧\", user \"⟦dan⟧\", database \"x\"",
            &["192.0.2.7", "User"],
        ),
        ("user ⟦alice⟧: authentication failure for \"/x\": Password Mismatch", &["User"]),
        ("USER ⟦theon⟧: no such user found from ⟦192.0.2.7⟧", &["User", "192.0.2.7"]),
        ("USER ⟦theon⟧ (Login failed): Incorrect password", &["User"]),
        ("user '⟦wolter⟧' not found", &["User"]),
        ("user `⟦wolter⟧' not found", &["User"]),
        ("User [⟦wolter⟧] logged in", &["User"]),
        ("User ⟦alice⟧ logged in as <⟦bob⟧>", &["User", "User"]),
        ("Authenticated as ⟦alice⟧", &["User"]),
        ("Host ⟦192.0.2.7⟧ failed to authenticate as '⟦Fail2ban⟧'", &["192.0.2.7", "User"]),
        ("failed MD5 authentication for '⟦Fail2ban⟧' (e7df7c != 53ac4b)", &["User"]),
        ("tried to authenticate with nonexistent user '⟦opennms⟧'", &["User"]),
        ("No registration for peer '⟦Fail2ban⟧' (from ⟦192.0.2.7⟧)", &["User", "192.0.2.7"]),
        ("to extension '⟦0972598285108⟧' rejected", &["User"]),
        ("=> <4:⟦testUser⟧(-1)> Rejected connection from ⟦192.0.2.7⟧:29530", &["User", "192.0.2.7"]),
        ("kicked participant with display name \"⟦Anna Wolter⟧\" from room '⟦Team Talk⟧'", &["Name", "Room"]),
        ("Display name: ⟦Anna Wolter⟧", &["Name"]),
        ("User name: ⟦alice⟧, nick \"⟦Zoë⟧\"", &["User", "Name"]),
    ]);
    finds(&[
        ("the user interface is slow for user input as expected", &[]),
        ("User not known to the underlying authentication module", &[]),
        ("user has left, no such user found, one per user and session", &[]),
        ("Waiting for response from upstream as a client", &[]),
        ("invalid user name; user agent 'x' as 'y'", &[]),
        ("Users logged in as usual for the day <4:x> <iq/>", &[]),
        ("listening as server for https on port 443", &[]),
    ]);
}

#[test]
fn values_however_they_are_enclosed() {
    finds(&[
        ("displayName=[⟦Anna Wolter⟧] role=x", &["Name"]),
        ("displayName=(⟦Anna Wolter⟧)", &["Name"]),
        ("user=[id=⟦0a1b2c3d⟧, nick=⟦Anna⟧]", &["Endpoint", "Name"]),
        ("displayName=⟦Wolter, Anna⟧", &["Name"]),
        ("displayName=⟦Wolter, Anna⟧, role=x", &["Name"]),
        ("displayName=⟦Anna⟧, role=x, displayName=⟦Bo⟧, Conference[x]", &["Name", "Name"]),
        ("displayName='⟦O'Brien⟧', nick='⟦d'Arc⟧'", &["Name", "Name"]),
        ("displayName=\"⟦Anna anna@example.org Wolter⟧\"", &["Name"]),
        ("user=\"⟦Anna Wolter <anna@example.org> Bo⟧\"", &["Name"]),
        (r#"{"user":{"name":"⟦wolter⟧"}}"#, &["Name"]),
        (r#"{"user": {"x":{"y":1},"id":7, "name": "⟦wolter⟧"}}"#, &["Name"]),
        (r#"{\"participant\":{\"name\":\"⟦wolter⟧\"}}"#, &["Name"]),
        (r#"{"thread":{"name":"main"},"user":{"id":1},"name":"x"}"#, &[]),
    ]);
}

#[test]
fn escaped_stanzas_and_records() {
    finds(&[
        ("&lt;nick&gt;⟦Anna Wolter⟧&lt;/nick&gt;&lt;body&gt;⟦hi&amp;you⟧&lt;/body&gt;", &["Name", "Secret"]),
        ("&amp;lt;nick&amp;gt;⟦Anna Wolter⟧&amp;lt;/nick&amp;gt;", &["Name"]),
        ("<nick><![CDATA[⟦Anna Wolter⟧]]></nick>", &["Name"]),
        ("<nick><![CDATA[⟦Anna Wolter⟧", &["Name"]),
        ("<nick><![CDATA[⟦Anna Wolter⟧]]></ni", &["Name"]),
        ("&lt;nick&gt;⟦Anna Wolter⟧", &["Name"]),
        ("&lt;nick&gt;⟦Anna Wolter⟧&lt;/n", &["Name"]),
        ("<a>b</a> &lt;a&gt;b&lt;/a&gt;", &[]),
        ("{user,<<\"⟦wolter⟧\">>,<<\"⟦Anna Wolter⟧\">>,7}", &["User", "User"]),
        (
            "{jid,<<\"⟦anna⟧\">>,<<\"example.org\">>,<<\"⟦yzhm9bLt⟧\">>,<<\"⟦anna⟧\">>,<<\"example.org\">>,<<\"⟦yzhm9bLt⟧\">>}",
            &["User", "Session", "User", "Session"],
        ),
        ("{jid,\"⟦anna⟧\",\"example.org\",\"⟦yzhm9bLt⟧\"}", &["User", "Session"]),
    ]);
}

#[test]
fn occupants_without_quotes() {
    finds(&[
        ("left ⟦plan@conference.example.org⟧/⟦Anna Wolter⟧", &["Room", "Name"]),
        ("left ⟦plan@conference.example.org⟧/⟦Anna van der Berg-Ünal⟧ at 9", &["Room", "Name"]),
        ("left ⟦plan@conference.example.org⟧/⟦李 小龍⟧, done", &["Room", "Name"]),
        ("⟦plan@conference.example.org⟧/⟦49517bef⟧ Created new conference", &["Room", "Endpoint"]),
        ("⟦plan@conference.example.org⟧/⟦anna⟧ de facto Owner: x", &["Room", "Name"]),
        ("⟦plan@conference.example.org⟧/⟦Anna⟧ joined, Role: owner", &["Room", "Name"]),
    ]);
}

#[test]
fn persons_of_any_name() {
    finds(&[
        (r#"{"user_name" : "⟦wolter⟧", "displayName" : "⟦Anna⟧"}"#, &["User", "Name"]),
        ("Login: user=<⟦wolter⟧>, method=PLAIN", &["User"]),
        ("ruser= rhost=⟦192.0.2.7⟧ user=⟦anna⟧", &["192.0.2.7", "User"]),
        ("session opened for user ⟦root⟧(uid=0) by ⟦wolter⟧(uid=1000)", &["User", "User"]),
        ("session opened for user ⟦root⟧ by (uid=0)", &["User"]),
        ("dn=\"uid=⟦gipson⟧,ou=people\" uid=1000 gid=1", &["User"]),
        ("Login failed: ⟦wolter⟧ (Remote IP: ⟦192.0.2.7⟧)", &["User", "192.0.2.7"]),
        ("Login failed: '⟦wolter⟧' (Remote IP: '⟦192.0.2.7⟧')", &["User", "192.0.2.7"]),
        ("owner: ⟦Anna Wolter⟧, moderator=⟦Bo de Vries⟧ joined", &["Name", "Name"]),
        ("participant \"⟦Anna Wolter⟧\" joined, presenter='⟦Bo Ek⟧'", &["Name", "Name"]),
        ("participant=⟦49e3837d⟧ has left, owner: root, member=0 creator=\"system\"", &["Endpoint"]),
        ("context.user.name=⟦Anna Wolter⟧ username=⟦Anna van Example⟧, x", &["User", "User"]),
        ("ChatRoomMemberImpl(name=⟦wolter⟧, role=x) Participant[id=7, name=⟦anna⟧]", &["Name", "Name"]),
        ("Thread[name=main] Config(name=prod, x=[y])", &[]),
        ("'user': '⟦@wolter:example.org⟧'", &["User"]),
        ("password: ⟦abc=def⟧ token=⟦YWJjZGVm1==⟧", &["Secret", "Secret"]),
    ]);
}
