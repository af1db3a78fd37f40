//! Records of the TURN server, of every generation.

use std::net::IpAddr;

use super::{ADDRESSES, Maker, Means, Record, local};
use crate::finder::generate::Dice;

/// Users as operators and clients choose them; none of them is a word that the server says itself, some are its punctuation.
const USERS: &[&str] = &[
    "bobby",
    "@anna:example.tech",
    "Kees de Vries",
    "a>b<c",
    "zus> realm <wim",
    "mies, remote 192.0.2.77:5",
    "Wim@Meet.example.org",
    "J\u{fc}rgen",
    "\u{5bb4}\u{4f1a}\u{5ba4}",
];
/// What a realm and an origin can be, of nobody.
const REALMS: &[&str] = &["meet.example.org", "", "a realm"];
const ORIGINS: &[&str] = &["", "https://meet.example.org", "null"];

impl Maker<'_> {
    /// Time, thread, place and level in one of the five layouts. Returns the time and whether it had to be completed.
    fn header(&mut self) -> (i64, bool) {
        let reception = super::super::NOW * 1000;
        let level = self.dice.one(&["INFO", "DEBUG", "CONTROL", "WARNING", "ERROR"]);
        let stated = self.time(true);
        let (time, completed) = match self.dice.below(4) {
            // 4.17 and later.
            0 => {
                self.fixed(&local(stated, "%Y-%m-%dT%H:%M:%S.%3f+0000 "));
                self.push("severity_text", Means::Nothing, level);
                self.fixed(" ");
                return (stated, false);
            }
            1 => {
                self.fixed(&local(stated, "%Y-%m-%dT%H:%M:%S+0000"));
                (stated / 1000 * 1000, false)
            }
            2 => {
                self.fixed(&local(stated, "%b %d %H:%M:%S "));
                self.push("host.name", Means::Nothing, "relay");
                self.fixed(" ");
                self.push("syslog.appname", Means::Nothing, "turnserver");
                self.fixed("[");
                self.push("process.pid", Means::Number, "7");
                self.fixed("]: 75");
                (stated / 1000 * 1000, true)
            }
            _ => {
                self.fixed("75");
                (reception, true)
            }
        };
        match self.dice.below(3) {
            0 => self.fixed(": "),
            1 => self.fixed(": : "),
            _ => {
                self.fixed(": (");
                self.push("thread.id", Means::Number, "4711");
                self.fixed("): ");
                if self.dice.below(3) == 0 {
                    self.push("code.file.path", Means::Nothing, "ns_turn_server.c");
                    self.fixed("(");
                    self.push("code.line.number", Means::Number, "12");
                    self.fixed("): ");
                }
                self.push("severity_text", Means::Nothing, level);
                self.fixed(": ");
            }
        }
        (time, completed)
    }

    fn number(&mut self) {
        self.fixed("session ");
        let number = format!("0010000000000{:05}", self.dice.below(100_000));
        self.push("session.id", Means::Session, number);
        self.fixed(": ");
    }

    /// A user behind what names it, perhaps with the time at which its credentials expire. These words are no part of the message.
    fn user(&mut self, before: &str, after: &str) -> Option<&'static str> {
        if self.dice.below(5) == 0 {
            self.say(&format!("{before}{after}"));
            return None;
        }
        let user = USERS[self.dice.below(USERS.len())];
        self.fixed(before);
        let expiry = self.dice.below(3);
        if expiry == 0 {
            self.fixed("1795252532:");
        }
        self.push("user.name", Means::Login, user);
        if expiry == 1 {
            self.fixed(":1795252532");
        }
        self.fixed(after);
        Some(user)
    }

    /// A value that is an address as often as it is one of `others`.
    fn or_address(&mut self, others: &[&str]) {
        if self.dice.below(2) == 0 {
            let spelled = self.dice.one(ADDRESSES);
            self.push("message", Means::Address(spelled.parse().unwrap(), false), spelled);
        } else {
            let other = self.dice.one(others);
            self.say(other);
        }
    }

    /// A client or peer in fields of its own, with a port or without; an IPv6 address with one in brackets or not.
    fn endpoint(&mut self, fields: [&'static str; 2], has_port: bool, brackets: bool) {
        let spelled = self.dice.one(ADDRESSES);
        let address: IpAddr = spelled.parse().unwrap();
        let brackets = brackets && has_port && address.is_ipv6();
        if brackets {
            self.say("[");
        }
        let is_client = fields[0] == "client.address";
        self.push(
            fields[0],
            if is_client { Means::Client(address) } else { Means::Address(address, false) },
            spelled,
        );
        if has_port {
            self.say(if brackets { "]:" } else { ":" });
            self.push(fields[1], Means::Port, "50123");
        }
    }

    fn client(&mut self, brackets: bool) {
        self.endpoint(["client.address", "client.port"], true, brackets);
    }

    /// What is said of a session.
    fn of_session(&mut self) {
        self.number();
        match self.dice.below(6) {
            0 => {
                self.say("realm <");
                self.or_address(REALMS);
                self.say("> ");
                self.user("user <", ">");
                self.say(": incoming packet ALLOCATE processed, success");
            }
            1 => {
                let word = self.dice.one(&["new", "refreshed", "delete: ", "usage: ", "peer usage: "]);
                self.say(word);
                self.say(if word.ends_with(' ') { "realm=<" } else { ", realm=<" });
                self.or_address(REALMS);
                self.say(">, ");
                self.user("username=<", ">");
                self.say(", lifetime=600");
            }
            2 => self.closed(),
            3 => {
                self.say("peer ");
                self.endpoint(["network.peer.address", "network.peer.port"], false, false);
                let what = self.dice.one(&[" lifetime updated: 300", " deleted"]);
                self.say(what);
            }
            4 => {
                let word = self.dice.one(&[
                    "TCP socket closed remotely ",
                    "TLS/TCP socket error: Connection reset by peer ",
                    "TCP socket disconnected: ",
                ]);
                self.say(word);
                self.client(true);
            }
            _ => self.remarks(),
        }
    }

    /// The statement that ends a session, the longest.
    fn closed(&mut self) {
        self.say("closed (2nd stage), ");
        let user = self.user("user <", ">");
        self.say(" realm <");
        self.or_address(REALMS);
        self.say("> origin <");
        let origin = self.dice.one(ORIGINS);
        self.say(origin);
        self.say(">, local ");
        self.address();
        self.say(", remote ");
        if self.dice.below(4) == 0 {
            self.say("<user_ip>:5000");
        } else {
            self.client(true);
        }
        self.say(", reason: allocation timeout");
        // A reason is the server's own text: it holds a name, never what stands around the values before it.
        if let Some(user) = user.filter(|user| !user.contains([',', '>']) && self.dice.below(2) == 0) {
            self.say(" of (");
            self.push("message", Means::Login, user);
            self.say(")");
        }
    }

    /// What is said of no session.
    fn of_server(&mut self) {
        match self.dice.below(6) {
            0 => {
                let family = self.dice.one(&["IPv4", "IPv6"]);
                self.say(&format!("{family}. tcp or tls connected to: "));
                self.client(false);
            }
            1 => {
                self.say("check_stun_auth: Cannot find credentials of ");
                self.user("user <", ">");
            }
            2 => {
                self.say("check_stun_auth: ");
                let user = self.dice.one(USERS);
                self.fixed("user ");
                self.push("user.name", Means::Login, user);
                self.say(" credentials are incorrect");
            }
            3 => {
                self.say("handle_udp_packet: New UDP endpoint: local addr ");
                self.address();
                self.say(", remote addr ");
                self.client(true);
            }
            4 => {
                self.say("401 rate-limit bucket collision from ");
                self.endpoint(["client.address", ""], false, false);
            }
            _ => self.remarks(),
        }
    }
}

/// A record of the TURN server.
pub fn coturn(dice: &mut Dice) -> Record {
    let mut make = Maker { dice, pieces: Vec::new() };
    let (time, completed) = make.header();
    if make.dice.below(3) > 0 {
        make.of_session();
    } else {
        make.of_server();
    }
    Record { pieces: make.pieces, time, completed }
}
