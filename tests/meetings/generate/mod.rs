//! Records of meetings, of which is known what each piece is.
//!
//! *In*: dice. *Out*: a [`Record`]: pieces in order, each with its field and its meaning. *Promised*: the same dice give the same record;
//! every value is UTF-8. *Not here*: what must become of a piece (`obvious`), names that are words of messages as well.

use std::net::IpAddr;

use crate::finder::generate::Dice;

mod coturn;
mod gateways;
mod jitsi;
mod prosody;

pub use self::coturn::coturn;
pub use self::gateways::{jibri, jigasi};
pub use self::jitsi::{bridge, focus};
pub use self::prosody::prosody;

/// A record: what stands in it from left to right.
pub struct Record {
    /// The pieces.
    pub pieces: Vec<Piece>,
    /// Milliseconds since 1970.
    pub time: i64,
    /// True where the record does not say the whole of it: no year, no zone, or nothing.
    pub completed: bool,
}

/// One piece: the column that it belongs to (empty: what separates columns), its meaning, and how it is spelled.
pub struct Piece {
    /// The field.
    pub field: &'static str,
    /// What it means.
    pub means: Means,
    /// As it stands in the record.
    pub spelled: String,
}

/// What a piece means.
#[derive(Clone)]
pub enum Means {
    /// Nothing of anybody: it stays.
    Nothing,
    /// A number of a field of numbers.
    Number,
    /// A room, by the value that it stands for.
    Room(String),
    /// An endpoint or a meeting.
    Endpoint,
    /// A session, a resource.
    Session,
    /// The name that a client gives itself in statistics.
    Stats,
    /// A display name.
    Name,
    /// A mail address or a bare account.
    Mail,
    /// An address in a text; and whether a port follows.
    Address(IpAddr, bool),
    /// An address in a field of its own, which may leave a network beside its token.
    Client(IpAddr),
    /// The port of a client in a field of its own, which not every policy names.
    Port,
    /// A login that nothing says more of.
    Login,
    /// A credential.
    Secret,
}

/// The names of rooms, plain.
const ROOMS: &[&str] = &["team talk", "R\u{e4}te", "weekly-42", "\u{5bb4}\u{4f1a}", "Ｆｕｌｌ", "o'brien"];
const TENANTS: &[&str] = &["acme", "zoo-9"];
const STATS: &[&str] = &["Quenby-X1y", "J\u{fc}rgen Zwart", "Zelda] M. = x", "Ju\u{308}rgen-9"];
const NAMES: &[&str] = &["Pim de Wit", "\u{5bb4} \u{4f1a}", "O'Hara", "Ann-Sofie"];
const ACCOUNTS: &[&str] = &["wim@meet.example.org", "Kees.Jansen@example.org", "zus+x@mail.example.org"];
const ADDRESSES: &[&str] =
    &["198.18.7.9", "203.0.113.200", "2001:db8::7:9", "2001:DB8:0:0:0:0:0:1", "::ffff:203.0.113.9"];

/// A record on its way.
struct Maker<'a> {
    dice: &'a mut Dice,
    pieces: Vec<Piece>,
}

impl Maker<'_> {
    fn push(&mut self, field: &'static str, means: Means, spelled: impl Into<String>) {
        self.pieces.push(Piece { field, means, spelled: spelled.into() });
    }

    fn fixed(&mut self, text: &str) {
        self.push("", Means::Nothing, text);
    }

    fn say(&mut self, text: &str) {
        self.push("message", Means::Nothing, text);
    }

    fn hex(&mut self, digits: usize) -> String {
        // A letter and a digit, as nearly all random ones have.
        let any: String = (2..digits).map(|_| char::from(b"0123456789abcdef"[self.dice.below(16)])).collect();
        format!("a{any}7")
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.hex(8), self.hex(12));
        format!("{a}-89d4-4e65-b61a-{b}")
    }

    /// A room in one of its spellings, with what it stands for.
    fn room(&mut self) -> (Means, String) {
        let plain = self.dice.one(ROOMS);
        let letters = if self.dice.below(3) == 0 { plain.to_uppercase() } else { plain.to_owned() };
        let escaped = percent(&letters);
        let mut spelled = match self.dice.below(4) {
            0 => escaped.replace('%', "%25"),
            1 => escaped.to_lowercase(),
            _ => escaped,
        };
        let mut means = plain.to_owned();
        if self.dice.below(4) == 0 {
            let tenant = self.dice.one(TENANTS);
            (means, spelled) = (format!("{tenant}/{means}"), format!("[{tenant}]{spelled}"));
        }
        (Means::Room(means), format!("{spelled}@conference.meet.example.org"))
    }

    fn address(&mut self) {
        let spelled = self.dice.one(ADDRESSES);
        let address: IpAddr = spelled.parse().unwrap();
        let port = address.is_ipv4() && self.dice.below(2) == 0;
        self.push("message", Means::Address(address, port), spelled);
        if port {
            self.say(":50123");
        }
    }

    /// One thing that a message can hold.
    fn remark(&mut self) {
        match self.dice.below(9) {
            0 => {
                self.say("Pair: ");
                self.address();
                self.say(" and xx.xx.xx.xx:50123 and [2xxx::xxx]:50123");
            }
            1 => {
                let (means, room) = self.room();
                let endpoint = self.hex(8);
                self.say("<presence from='");
                self.push("message", means, room);
                self.say("/");
                self.push("message", Means::Endpoint, endpoint);
                self.say("'>");
                self.element("nick", Means::Name, NAMES);
                self.element("stats-id", Means::Stats, &STATS[..2]);
                self.element("email", Means::Mail, ACCOUNTS);
                self.say("</presence>");
            }
            2 => {
                self.say("{\"displayName\":\"");
                let name = self.dice.one(NAMES);
                self.push("message", Means::Name, name);
                self.say("\",\"email\":\"");
                let account = self.dice.one(ACCOUNTS);
                self.push("message", Means::Mail, account);
                self.say("\",\"count\":3}");
            }
            3 => {
                let (account, resource) = (self.dice.one(ACCOUNTS), self.hex(8));
                self.say("of ");
                self.push("message", Means::Mail, account);
                self.say("/");
                // Eight hexadecimal digits are an endpoint wherever they are a resource.
                self.push("message", Means::Endpoint, resource);
                self.say(" done");
            }
            4 => {
                let pwd = self.hex(22);
                self.say("<transport pwd='");
                self.push("message", Means::Secret, pwd);
                self.say("'/>");
            }
            5 => {
                let session = self.hex(20);
                self.say("sessionId=");
                self.push("message", Means::Session, session);
                self.say(" gone");
            }
            6 => {
                self.say("\n\tat org.jitsi.A.b(A.java:1)\nCaused by: java.io.IOException: ");
                self.address();
                self.say("\n\t... 7 more");
            }
            _ => self.say("Stopped in round 7."),
        }
    }

    fn element(&mut self, name: &str, means: Means, values: &[&str]) {
        if self.dice.below(3) == 0 {
            return;
        }
        let value = self.dice.one(values);
        self.say(&format!("\n<{name}>"));
        self.push("message", means, value);
        self.say(&format!("</{name}>"));
    }

    fn remarks(&mut self) {
        for number in 0..self.dice.below(4) {
            if number > 0 {
                self.say(" ; ");
            }
            self.remark();
        }
    }

    fn time(&mut self, millis: bool) -> i64 {
        let seconds = super::NOW - 1 - self.dice.below(7000).cast_signed() as i64;
        let part = if millis { 101 + 2 * self.dice.below(400).cast_signed() as i64 } else { 0 };
        seconds * 1000 + part
    }
}

/// Everything but letters, digits and dashes escaped.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let one = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

fn local(time: i64, form: &str) -> String {
    jiff::Timestamp::from_millisecond(time).unwrap().strftime(form).to_string()
}
