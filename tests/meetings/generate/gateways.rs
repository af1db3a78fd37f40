//! Records of the SIP gateway and of the recorder.
//!
//! *Not here*: a room in the path of an address of the web (`Visiting url`), which a text does not show for one.

use super::{ACCOUNTS, ADDRESSES, Maker, Means, NAMES, Record, percent};
use crate::finder::generate::Dice;

/// Rooms that no field of the record names: one that a field names with its tenant would be that tenant's without it, too.
const CALLS: &[&str] = &["board call", "R\u{e4}tsel", "weekly-77"];

impl Maker<'_> {
    /// What only the gateway says.
    fn of_gateway(&mut self) {
        match self.dice.below(7) {
            0 => self.say_room("[ctx=16895512] Joining JVB conference room: "),
            1 => {
                self.say("Got invite from ");
                self.address();
            }
            2 => self.say_occupant("Member left : PARTICIPANT "),
            3 => {
                self.say_one("Incoming call from sip:", Means::Mail, ACCOUNTS);
                self.say(" ...");
            }
            4 => {
                self.say_one("<dial to='sip:", Means::Mail, ACCOUNTS);
                self.say_room("'><header name='JvbRoomName' value='");
                self.say("'/></dial>");
            }
            5 => {
                self.say_room("Created outgoing call to SipGatewaySession[room=");
                self.say_one(", callee=", Means::Secret, &["+4930555001", "00495550002"]);
                self.say("]");
            }
            _ => self.remarks(),
        }
    }

    /// What only the recorder says.
    fn of_recorder(&mut self) {
        match self.dice.below(7) {
            0 => {
                self.say("Received JibriIq <iq from='jibribrewery' type='set'>");
                self.say_room("<jibri action='start' room='");
                self.say_random("' session_id='", Means::Session, 16);
                self.say("'/></iq>");
            }
            1 => {
                self.say_one("Participants in this recording: [{\"user\":{\"name\":\"", Means::Name, NAMES);
                self.say_one("\",\"email\":\"", Means::Mail, ACCOUNTS);
                self.say("\"}}]");
            }
            2 => {
                self.say("XmppCredentials(domain=auth.meet.example.org, port=null, ");
                self.say_one("username=", Means::Login, &["bobby", "Kees-2"]);
                self.say_random(", password=", Means::Secret, 12);
                self.say(")");
            }
            3 => {
                self.say("Connecting to ");
                let spelled = self.dice.one(&ADDRESSES[..2]);
                self.push("message", Means::Address(spelled.parse().unwrap(), false), spelled);
                self.say(" failed");
            }
            4 => self.visit(),
            5 => self.say_random("Using RTMP URL rtmp://a.rtmp.example.org/live2/", Means::Secret, 16),
            _ => self.remarks(),
        }
    }

    /// Where the recorder goes: the room is a path, and in the parameters whoever asked for it.
    fn visit(&mut self) {
        self.say("Parsed call url info: CallUrlInfo(baseUrl=https://meet.example.org, callName=");
        let plain = self.dice.one(CALLS);
        self.push("message", Means::Room(plain.to_owned()), percent(plain));
        self.say_one(", urlParams=[userInfo.displayName=\"", Means::Name, NAMES);
        self.say("\"])");
    }

    /// The context of either, which names a room or nothing. The older formatter has none.
    fn of_room(&mut self, message: impl Fn(&mut Self)) {
        let is_new = self.dice.below(3) > 0;
        let mut own = Vec::new();
        if is_new {
            let (room, session) = (self.room(), self.hex(16));
            own = self.context(vec![
                ("room", "conference.name", vec![room]),
                ("session_id", "session.id", vec![(Means::Session, session)]),
            ]);
        }
        self.caller(is_new);
        message(self);
        self.own_names(own);
    }
}

/// A record of the SIP gateway.
pub fn jigasi(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let time = make.java("Jigasi");
    make.of_room(Maker::of_gateway);
    Record { pieces: make.pieces, time, completed: true }
}

/// A record of the recorder.
pub fn jibri(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let time = make.java("Jibri");
    make.of_room(Maker::of_recorder);
    Record { pieces: make.pieces, time, completed: true }
}
