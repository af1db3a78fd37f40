//! Records of the video bridge and of the conference focus.

use super::{ACCOUNTS, Maker, Means, NAMES, Record, STATS, local};
use crate::finder::generate::Dice;

/// A value of a context block: its key, its field and what it means.
pub(super) type Context = Vec<(&'static str, &'static str, Means, String)>;

/// Levels, of which a virtual machine in another country prints its own words.
const LEVELS: &[&str] = &["INFO", "WARNING", "AM FEINSTEN", "INFORMACI\u{d3}N", "GRAVE"];

impl Maker<'_> {
    /// Program, time, level and thread. Returns the time.
    pub(super) fn java(&mut self, program: &str) -> i64 {
        let time = self.time(true);
        if self.dice.below(4) > 0 {
            self.push("service.name", Means::Nothing, program);
            self.fixed(" ");
        }
        self.fixed(&local(time, "%Y-%m-%d %H:%M:%S.%3f "));
        let level = self.dice.one(LEVELS);
        self.push("severity_text", Means::Nothing, level);
        self.fixed(": [");
        self.push("thread.id", Means::Number, "44");
        self.fixed("] ");
        time
    }

    /// A block of some of the values, in brackets.
    pub(super) fn context(&mut self, values: Context) -> Context {
        let mut taken = Vec::new();
        for (key, field, means, value) in values {
            if self.dice.below(3) == 0 {
                continue;
            }
            self.fixed(if taken.is_empty() { "[" } else { " " });
            self.fixed(&format!("{key}="));
            self.push(field, means.clone(), value.clone());
            taken.push((key, field, means, value));
        }
        if !taken.is_empty() {
            if self.dice.below(2) == 0 {
                self.fixed(" ");
                self.push("log.context", Means::Nothing, "componentId=1");
            }
            self.fixed("] ");
        }
        taken
    }

    /// The caller as of 2019 and later, or as of before.
    pub(super) fn caller(&mut self, is_new: bool) {
        let name = if is_new { "Endpoint$create$3.onReady" } else { "org.jitsi.jicofo.xmpp.Focus.handle" };
        self.push("code.function.name", Means::Nothing, name);
        self.fixed(if is_new { "#" } else { "()." });
        self.push("code.line.number", Means::Number, "593");
        self.fixed(if is_new { ": " } else { " " });
    }

    /// The record's own names, as they stand in prose.
    pub(super) fn own_names(&mut self, own: Context) {
        for (_, field, means, value) in own {
            let text = match (field, &means) {
                ("endpoint.id" | "endpoint.stats_id", _) => value,
                (_, Means::Room(room)) => room.rsplit('/').next().unwrap().to_uppercase(),
                _ => continue,
            };
            if self.dice.below(2) == 0 {
                self.say(" ; seen (");
                self.push("message", means, text);
                self.say(") again");
            }
        }
    }

    /// A participant as a room knows them: an endpoint, or the whole identifier of a guest or of somebody with an account.
    fn participant(&mut self, field: &'static str) {
        if self.dice.below(2) == 0 {
            let guest = self.uuid();
            self.push(field, Means::Endpoint, format!("{guest}@meet.example.org"));
        } else {
            let account = self.dice.one(ACCOUNTS);
            self.push(field, Means::Mail, account);
        }
        self.push(field, Means::Nothing, "/");
        let resource = self.hex(8);
        self.push(field, Means::Endpoint, resource);
    }

    /// A room and who is in it.
    fn occupant(&mut self) {
        let (means, room) = self.room();
        self.push("message", means, room);
        self.say("/");
        let endpoint = self.hex(8);
        self.push("message", Means::Endpoint, endpoint);
    }

    /// What only the focus says.
    fn of_focus(&mut self) {
        match self.dice.below(9) {
            0 => {
                self.say("Conference request for room ");
                let (means, room) = self.room();
                self.push("message", means, room);
                self.say(", from ");
                self.participant("message");
                self.say(", token=true");
            }
            1 => {
                self.say("Member joined:");
                let endpoint = self.hex(8);
                self.push("message", Means::Endpoint, endpoint);
                self.say(" stats-id=");
                self.push("message", Means::Stats, STATS[0]);
                self.say(" region=eu audioMuted=true role=PARTICIPANT isJibri=false");
            }
            2 => {
                self.say("Member ");
                self.occupant();
                self.say(" joined.");
            }
            3 => {
                self.say("Focus request for room: ");
                let (means, room) = self.room();
                self.push("message", means, room);
            }
            4 => self.session(),
            5 => {
                self.say("Created new focus for ");
                let (means, room) = self.room();
                self.push("message", means, room);
                self.say(". Conference count 1");
            }
            6 => self.recording(),
            7 => {
                self.say(
                    "Chat room event ChatRoomMemberPresenceChangeEvent[type=MemberJoined member=ChatMember[",
                );
                self.occupant();
                self.say(", jid: ");
                self.participant("message");
                self.say("]@437959]");
            }
            _ => self.remarks(),
        }
    }

    /// Who was let in, in the words of `AbstractAuthAuthority`.
    fn session(&mut self) {
        let (account, session) = (self.dice.one(ACCOUNTS), self.uuid());
        self.say("Authentication session created for ");
        self.push("message", Means::Mail, account);
        self.say(" SID: ");
        self.push("message", Means::Session, session);
        self.say(" ; AuthSession[ID=");
        self.push("message", Means::Mail, account);
        self.say(", JID=");
        self.participant("message");
        self.say(", LIFE_TM_SEC=382, R=");
        let (means, room) = self.room();
        self.push("message", means, room);
        self.say("]@1437");
    }

    /// A request to record or to call, as the stanza that it is.
    fn recording(&mut self) {
        self.say("Accepted jibri request: <iq from='");
        self.occupant();
        self.say("' type='set'><jibri action='start' room='");
        let (means, room) = self.room();
        self.push("message", means, room);
        self.say("' displayname='");
        let name = self.dice.one(&NAMES[..2]);
        self.push("message", Means::Name, name);
        self.say("' streamid='");
        let key = self.hex(16);
        self.push("message", Means::Secret, key);
        self.say("'/></iq>");
    }
}

/// A record of the video bridge.
pub fn bridge(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let time = make.java("JVB");
    let (means, room) = make.room();
    let (session, meeting, endpoint) = (make.hex(16), make.uuid(), make.hex(8));
    let meeting = if make.dice.below(2) == 0 { meeting } else { meeting[..8].to_owned() };
    let stats = make.dice.one(STATS).to_owned();
    let own = make.context(vec![
        ("confId", "session.id", Means::Session, session),
        ("conf_name", "conference.name", means, room),
        ("meeting_id", "conference.id", Means::Endpoint, meeting),
        ("epId", "endpoint.id", Means::Endpoint, endpoint),
        ("stats_id", "endpoint.stats_id", Means::Stats, stats),
    ]);
    make.caller(true);
    make.remarks();
    make.own_names(own);
    Record { pieces: make.pieces, time, completed: true }
}

/// A record of the conference focus, of either formatter.
pub fn focus(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let time = make.java("Jicofo");
    let is_new = make.dice.below(3) > 0;
    let mut own = Vec::new();
    if is_new {
        let (means, room) = make.room();
        let (meeting, endpoint) = (make.uuid(), make.hex(8));
        let stats = make.dice.one(STATS).to_owned();
        own = make.context(vec![
            ("room", "conference.name", means, room),
            ("meeting_id", "conference.id", Means::Endpoint, meeting),
            ("participant", "endpoint.id", Means::Endpoint, endpoint),
            ("stats_id", "endpoint.stats_id", Means::Stats, stats),
        ]);
    }
    make.caller(is_new);
    make.of_focus();
    make.own_names(own);
    Record { pieces: make.pieces, time, completed: true }
}
