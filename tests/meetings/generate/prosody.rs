//! Records of the Jabber server.

use super::{ACCOUNTS, Maker, Means, Record, local};
use crate::finder::generate::Dice;

/// A record of Prosody.
pub fn prosody(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let time = make.time(false);
    let file = make.dice.below(3) > 0;
    make.fixed(&local(time, if file { "%b %d %H:%M:%S " } else { "%Y-%m-%d %H:%M:%S " }));
    match make.dice.below(4) {
        0 => {
            make.push("module.name", Means::Nothing, "c2s");
            let session = make.hex(12);
            make.push("session.id", Means::Session, session);
        }
        1 => {
            make.push("module.name", Means::Nothing, "bosh");
            let session = make.uuid();
            make.push("session.id", Means::Session, session);
        }
        2 => make.push("module.name", Means::Nothing, "conference.meet.example.org:muc"),
        _ => make.push("module.name", Means::Nothing, "mod_bosh"),
    }
    make.fixed(if file { "\t" } else { "      " });
    let level = make.dice.one(&["info", "debug", "warn", "error"]);
    make.push("severity_text", Means::Nothing, level);
    make.fixed("\t");
    match make.dice.below(6) {
        0 => {
            make.say("Authenticated as ");
            let account = make.dice.one(ACCOUNTS);
            make.push("user.jid", Means::Mail, account);
            if make.dice.below(2) == 0 {
                make.say(" [prosody:registered]");
            }
        }
        1 => {
            make.say("Authenticated as ");
            let guest = make.uuid();
            make.push("user.jid", Means::Endpoint, format!("{guest}@meet.example.org"));
        }
        2 => {
            make.say("New BOSH session, assigned it sid '");
            let session = make.uuid();
            make.push("session.id", Means::Session, session);
            make.say("'");
        }
        _ => make.remarks(),
    }
    Record { pieces: make.pieces, time, completed: true }
}
