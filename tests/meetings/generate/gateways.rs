//! Records of the SIP gateway and of the recorder.

use super::{ACCOUNTS, ADDRESSES, Maker, Means, NAMES, Record};
use crate::finder::generate::Dice;

impl Maker<'_> {
    /// What only the gateway says.
    fn of_gateway(&mut self) {
        match self.dice.below(6) {
            0 => {
                self.say("[ctx=16895512] Joining JVB conference room: ");
                let (means, room) = self.room();
                self.push("message", means, room);
            }
            1 => {
                self.say("Got invite from ");
                self.address();
            }
            2 => {
                self.say("Member left : PARTICIPANT ");
                let (means, room) = self.room();
                self.push("message", means, room);
                self.say("/");
                let endpoint = self.hex(8);
                self.push("message", Means::Endpoint, endpoint);
            }
            3 => {
                self.say("Incoming call from sip:");
                let account = self.dice.one(ACCOUNTS);
                self.push("message", Means::Mail, account);
                self.say(" ...");
            }
            4 => {
                self.say("<dial to='sip:");
                let account = self.dice.one(ACCOUNTS);
                self.push("message", Means::Mail, account);
                self.say("'><header name='JvbRoomName' value='");
                let (means, room) = self.room();
                self.push("message", means, room);
                self.say("'/></dial>");
            }
            _ => self.remarks(),
        }
    }

    /// What only the recorder says.
    fn of_recorder(&mut self) {
        match self.dice.below(5) {
            0 => {
                self.say("Received JibriIq <iq from='jibribrewery' type='set'><jibri action='start' room='");
                let (means, room) = self.room();
                self.push("message", means, room);
                self.say("' session_id='");
                let session = self.hex(16);
                self.push("message", Means::Session, session);
                self.say("'/></iq>");
            }
            1 => {
                self.say("Participants in this recording: [{\"user\":{\"name\":\"");
                let name = self.dice.one(NAMES);
                self.push("message", Means::Name, name);
                self.say("\",\"email\":\"");
                let account = self.dice.one(ACCOUNTS);
                self.push("message", Means::Mail, account);
                self.say("\"}}]");
            }
            2 => {
                self.say("XmppCredentials(domain=auth.meet.example.org, port=null, password=");
                let password = self.hex(12);
                self.push("message", Means::Secret, password);
                self.say(")");
            }
            3 => {
                self.say("Connecting to ");
                let spelled = self.dice.one(&ADDRESSES[..2]);
                self.push("message", Means::Address(spelled.parse().unwrap(), false), spelled);
                self.say(" failed");
            }
            _ => self.remarks(),
        }
    }

    /// The context of either, which names a room or nothing. The older formatter has none.
    fn of_room(&mut self, message: impl Fn(&mut Self)) {
        let is_new = self.dice.below(3) > 0;
        let mut own = Vec::new();
        if is_new {
            let (means, room) = self.room();
            let session = self.hex(16);
            own = self.context(vec![
                ("room", "conference.name", means, room),
                ("session_id", "session.id", Means::Session, session),
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
