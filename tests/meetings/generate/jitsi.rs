//! Records of the video bridge and of the conference focus.

use super::{ACCOUNTS, Maker, Means, NAMES, Record, STATS, local};
use crate::finder::generate::Dice;

/// The values of a context block: key, field, and the pieces of the value.
pub(super) type Context = Vec<(&'static str, &'static str, Vec<(Means, String)>)>;

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
        for (key, field, value) in values {
            if self.dice.below(3) == 0 {
                continue;
            }
            self.fixed(if taken.is_empty() { "[" } else { " " });
            self.fixed(&format!("{key}="));
            self.put(field, value.clone());
            taken.push((key, field, value));
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
        for (_, field, mut value) in own {
            let (means, value) = value.swap_remove(0);
            let text = match (field, &means) {
                ("endpoint.id" | "endpoint.stats_id", _) => value,
                ("conference.name", Means::Room(room)) => room.rsplit('/').next().unwrap().to_uppercase(),
                _ => continue,
            };
            if self.dice.below(2) == 0 {
                self.say(" ; seen (");
                self.push("message", means, text);
                self.say(") again");
            }
        }
    }

    pub(super) fn put(&mut self, field: &'static str, pieces: Vec<(Means, String)>) {
        for (means, spelled) in pieces {
            self.push(field, means, spelled);
        }
    }

    /// The whole identifier of a guest or of somebody with an account.
    fn participant(&mut self) -> Vec<(Means, String)> {
        let who = if self.dice.below(2) == 0 {
            (Means::Endpoint, format!("{}@meet.example.org", self.uuid()))
        } else {
            (Means::Mail, self.dice.one(ACCOUNTS).to_owned())
        };
        vec![who, (Means::Nothing, "/".to_owned()), (Means::Endpoint, self.hex(8))]
    }

    /// A room and who is in it.
    pub(super) fn occupant(&mut self) -> Vec<(Means, String)> {
        vec![self.room(), (Means::Nothing, "/".to_owned()), (Means::Endpoint, self.hex(8))]
    }

    pub(super) fn say_room(&mut self, before: &str) {
        self.say(before);
        let room = self.room();
        self.put("message", vec![room]);
    }

    pub(super) fn say_occupant(&mut self, before: &str) {
        self.say(before);
        let occupant = self.occupant();
        self.put("message", occupant);
    }

    fn say_participant(&mut self, before: &str) {
        self.say(before);
        let participant = self.participant();
        self.put("message", participant);
    }

    pub(super) fn say_one(&mut self, before: &str, means: Means, of: &[&str]) {
        self.say(before);
        let one = self.dice.one(of);
        self.push("message", means, one);
    }

    /// A credential or an identifier that is random digits.
    pub(super) fn say_random(&mut self, before: &str, means: Means, digits: usize) {
        self.say(before);
        let random = self.hex(digits);
        self.push("message", means, random);
    }

    /// What only the focus says.
    fn of_focus(&mut self) {
        match self.dice.below(11) {
            0 => {
                self.say_room("Conference request for room ");
                self.say_participant(", from ");
                self.say(", token=true");
            }
            1 => {
                self.say_random("Member joined:", Means::Endpoint, 8);
                self.say_one(" stats-id=", Means::Stats, &STATS[..1]);
                self.say(" region=eu audioMuted=true role=PARTICIPANT isJibri=false");
            }
            2 => {
                self.say_occupant("Member ");
                self.say(" joined.");
            }
            3 => self.say_room("Focus request for room: "),
            4 => self.session(),
            5 => {
                // Its own name is the room's, as a user of the focus's host.
                let (means, room) = self.room();
                self.say("Created new focus for ");
                self.push("message", means, format!("{room}@auth.meet.example.org"));
                self.say(". Conference count 1");
            }
            6 => self.recording(),
            7 => {
                self.say("Chat room event ChatRoomMemberPresenceChangeEvent[type=MemberJoined ");
                self.say_occupant("member=ChatMember[");
                self.say_participant(", jid: ");
                self.say("]@437959]");
            }
            8 => {
                self.say_participant("Jid ");
                self.say_one(" authenticated as: ", Means::Login, &["bobby", "Kees-2"]);
            }
            9 => {
                self.say_occupant("Added participant jid= ");
                self.say(", bridge=jvb1");
            }
            _ => self.remarks(),
        }
    }

    /// Who was let in, in the words of `AbstractAuthAuthority`.
    fn session(&mut self) {
        let (account, session) = (self.dice.one(ACCOUNTS), self.uuid());
        self.say_one("Authentication session created for ", Means::Mail, &[account]);
        self.say_one(" SID: ", Means::Session, &[&session]);
        self.say_one(" ; AuthSession[ID=", Means::Mail, &[account]);
        self.say_participant(", JID=");
        self.say_one(", SID=", Means::Session, &[&session]);
        self.say_random(", MUID=", Means::Session, 32);
        self.say_room(", LIFE_TM_SEC=382, R=");
        self.say("]@1437");
    }

    /// A request to record or to call, as the stanza that it is.
    fn recording(&mut self) {
        self.say_occupant("Accepted jibri request: <iq from='");
        self.say_room("' type='set'><jibri action='start' room='");
        // An apostrophe within apostrophes is not known yet (README).
        self.say_one("' displayname='", Means::Name, &NAMES[..2]);
        self.say_random("' streamid='", Means::Secret, 16);
        self.say("'/></iq>");
    }
}

/// A record of the video bridge.
pub fn bridge(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let time = make.java("JVB");
    let room = make.room();
    let (session, meeting, endpoint) = (make.hex(16), make.uuid(), make.hex(8));
    let meeting = if make.dice.below(2) == 0 { meeting } else { meeting[..8].to_owned() };
    let stats = make.dice.one(STATS).to_owned();
    let own = make.context(vec![
        ("confId", "session.id", vec![(Means::Session, session)]),
        ("conf_name", "conference.name", vec![room]),
        ("meeting_id", "conference.id", vec![(Means::Endpoint, meeting)]),
        ("epId", "endpoint.id", vec![(Means::Endpoint, endpoint)]),
        ("stats_id", "endpoint.stats_id", vec![(Means::Stats, stats)]),
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
        let (room, meeting, endpoint) = (make.room(), make.uuid(), make.hex(8));
        let (visitors, jid, remote) = (make.occupant(), make.participant(), make.occupant());
        let stats = make.dice.one(STATS).to_owned();
        let participant = if make.dice.below(2) == 0 {
            ("participant", "endpoint.id", vec![(Means::Endpoint, endpoint)])
        } else {
            ("participant", "user.jid", make.participant())
        };
        own = make.context(vec![
            ("room", "conference.name", vec![room]),
            ("meeting_id", "conference.id", vec![(Means::Endpoint, meeting)]),
            participant,
            ("stats_id", "endpoint.stats_id", vec![(Means::Stats, stats)]),
            ("visitor_muc", "user.jid", visitors),
            ("jid", "user.jid", jid),
            ("remoteJid", "user.jid", remote),
        ]);
    }
    make.caller(is_new);
    make.of_focus();
    make.own_names(own);
    Record { pieces: make.pieces, time, completed: true }
}
