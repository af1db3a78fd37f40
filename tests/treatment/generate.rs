//! Records as a server would have met them: nearly all ordinary, some of them made of what the finder has trouble with.
//!
//! *In*: dice. *Out*: a [`Record`] of decoded values, with what its client column means. *Promised*: the same dice give the same
//! record; every value is UTF-8. *Not here*: how a record is written, what must become of it (`obvious`), and what the naive
//! finder does not know: percent-escapes beside identifiers, zones in URLs, `user:password@`, letters beyond ASCII that touch an
//! identifier.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::finder::generate::{Dice, piece, text, v6};

/// One record, decoded. `None` is written as `-`, and an empty text as nothing.
pub struct Record {
    /// Who wrote it.
    pub hand: Hand,
    /// The client column.
    pub client: String,
    /// What it means.
    pub who: Who,
    /// The answer of an ident daemon.
    pub ident: Option<String>,
    /// The login.
    pub user: Option<String>,
    /// Seconds since 1970.
    pub time: i64,
    /// Seconds east of Greenwich in which the time is written.
    pub offset: i32,
    /// The request line.
    pub request: Request,
    /// Three digits or `-`.
    pub status: String,
    /// Digits or `-`.
    pub size: String,
    /// The referrer.
    pub referer: Option<String>,
    /// The user agent.
    pub agent: Option<String>,
    /// What stands before the newline: nothing, or what a relay left there.
    pub ending: &'static str,
}

/// Whose escapes stand in the record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    Nginx,
    Apache,
}

/// What a client column means.
pub enum Who {
    /// This address.
    Address(IpAddr),
    /// Somebody who is named otherwise.
    Named,
    /// Nobody: a local socket, a proxy's word for "I do not say", an absent value.
    Nobody,
}

/// A request line.
pub enum Request {
    Absent,
    Path { method: String, path: String, query: Option<String>, protocol: Protocol },
    Url { method: String, url: String, protocol: Protocol },
    Junk(String),
}

/// What ends a request line, and which of it is the version.
pub type Protocol = (&'static str, &'static str);

const PROTOCOLS: [Protocol; 5] = [
    (" HTTP/1.1", "1.1"),
    (" HTTP/2.0", "2.0"),
    (" HTTP/1.0", "1.0"),
    (" HTTP/2", "2"),
    (" RTSP/1.0", "RTSP/1.0"),
];

/// Logins, with what a text could take for something else: words of paths, numbers of versions, mail addresses, an empty one.
const USERS: &[&str] = &[
    "alice",
    "Bob",
    "carol@example.org",
    "DOMAIN\\dave",
    "J\u{fc}rgen",
    "O\"Brien",
    "anna maria",
    "x-7",
    "42a",
    "2024",
    "120",
    "news",
    "world",
    "org",
    "GET",
    "jo",
    "k",
    "",
];

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
];

impl Record {
    /// A record; the batch was received at `received`, in seconds.
    pub fn new(dice: &mut Dice, received: i64) -> Self {
        let nasty = dice.below(6) == 0;
        let (client, who) = if dice.below(8) == 0 { odd_client(dice) } else { client(dice) };
        let mut user = None;
        if dice.below(8) == 0 {
            user = Some(dice.one(USERS).to_owned());
        } else if nasty && dice.below(2) == 0 {
            user = Some(piece(dice)).filter(|name| may_be_a_user(name));
        }
        let mut more = Fragments { dice, nasty, own: user.clone().unwrap_or_default() };
        let request = more.request();
        let referer = more.referer();
        let agent = more.agent();
        let dice = more.dice;
        Self {
            hand: if dice.below(2) == 0 { Hand::Nginx } else { Hand::Apache },
            client,
            who,
            ident: (dice.below(40) == 0).then(|| dice.one(&["ident", "news", "jo"]).to_owned()),
            user,
            time: received + moment(dice),
            offset: [0, 0, 0, 3600, -19_800][dice.below(5)],
            request,
            status: dice.one(&["200", "200", "200", "304", "404", "000", "-"]).to_owned(),
            size: size(dice),
            referer,
            agent,
            ending: if dice.below(60) == 0 { "\r" } else { "" },
        }
    }
}

/// Mostly within some hours before the batch was received, sometimes days, sometimes in the future.
fn moment(dice: &mut Dice) -> i64 {
    let seconds = dice.below(20_000).cast_signed() as i64;
    match dice.below(40) {
        0 => seconds - 3 * 86_400,
        1 => seconds + 86_400,
        2..=20 => -(seconds / 1000),
        _ => -seconds,
    }
}

fn size(dice: &mut Dice) -> String {
    match dice.below(40) {
        0 => "-".into(),
        // Too long for a counter.
        1 => "1234567890".repeat(3),
        _ => dice.below(100_000).to_string(),
    }
}

/// A name that the parser takes for no shifted column: nothing like an address or a time.
fn may_be_a_user(name: &str) -> bool {
    name.matches(':').count() < 2 && name.matches('.').count() < 3 && !name.contains('/')
}

fn v4(dice: &mut Dice) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, dice.below(3) as u8, dice.below(256) as u8)
}

fn client(dice: &mut Dice) -> (String, Who) {
    let address = v4(dice);
    match dice.below(4) {
        0 => {
            let spelling = v6(dice);
            let address: Ipv6Addr = spelling.parse().unwrap();
            (spelling, Who::Address(IpAddr::V6(address)))
        }
        _ => (address.to_string(), Who::Address(IpAddr::V4(address))),
    }
}

/// The other spellings of clients, and clients that are no address.
fn odd_client(dice: &mut Dice) -> (String, Who) {
    let [a, b, c, d] = v4(dice).octets();
    let v4 = Ipv4Addr::new(a, b, c, d);
    let long = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, u16::from(c), u16::from(d));
    let network = Ipv6Addr::new(0x2001, 0xdb8, u16::from(c), 0, 0, 0, 0, 0);
    let masked = IpAddr::V4(Ipv4Addr::new(a, b, c, 0));
    let (spelling, address) = match dice.below(20) {
        0 => (format!("{a:03}.{b:03}.{c:03}.{d:03}"), IpAddr::V4(v4)),
        1 => (format!("{v4}:{}", 1 + dice.below(65_535)), IpAddr::V4(v4)),
        2 => (format!("::ffff:{v4}"), IpAddr::V4(v4)),
        3 => (format!("::FFFF:{:x}:{:x}", 0xc612, u16::from_be_bytes([c, d])), IpAddr::V4(v4)),
        4 => (format!("[{long}]:{}", 1 + dice.below(65_535)), IpAddr::V6(long)),
        5 => (format!("[::ffff:{v4}]"), IpAddr::V4(v4)),
        6 => (format!("{long}%eth0"), IpAddr::V6(long)),
        7 => (format!("2001:db8::{c:x}:{d:x}:{}", 10_000 + dice.below(50_000)), IpAddr::V6(long)),
        8 => (format!("{a}.{b}.{c}.xxx"), masked),
        9 => (format!("{a}.{b}.{c}.0/24"), masked),
        10 => (format!("{network}/48"), IpAddr::V6(network)),
        11 => (format!("/{v4}"), IpAddr::V4(v4)),
        12 => (format!("host-{d}.example.net/{v4}:443"), IpAddr::V4(v4)),
        13 => return (dice.one(&["unknown", "unix:", "_hidden", "-"]).to_owned(), Who::Nobody),
        14 => return (format!("{v4}, {}", Ipv4Addr::new(203, 0, 113, d)), Who::Named),
        15 => return (format!("Dsl-{a}-{b}-{c}-{d}.Example.NET"), Who::Named),
        16 => return (format!("host{d}.example.net:8080"), Who::Named),
        _ => return (format!("host-{d}.example.net"), Who::Named),
    };
    (spelling, Who::Address(address))
}

/// The texts of one record.
struct Fragments<'a> {
    dice: &'a mut Dice,
    nasty: bool,
    /// The record's own user.
    own: String,
}

impl Fragments<'_> {
    fn request(&mut self) -> Request {
        let strange = self.nasty && self.dice.below(3) == 0;
        let protocol = PROTOCOLS[if strange { self.dice.below(PROTOCOLS.len()) } else { 0 }];
        let mut method = self.dice.one(&["GET", "GET", "GET", "POST", "HEAD", "PROPFIND"]).to_owned();
        if !strange {
            return Request::Path { method, path: self.path(), query: self.query(), protocol };
        }
        match self.dice.below(8) {
            0 => Request::Absent,
            1 => Request::Junk(
                self.dice
                    .one(&["hello", "GET", "\n", "SSH-2.0-OpenSSH_9.6", "{}", "\u{16}\u{3}\u{1}"])
                    .into(),
            ),
            // Nothing that begins so is a request.
            2 => Request::Junk(format!("{}{}", self.dice.one(&["(", "\u{16}\u{3} ", "\\"]), text(self.dice))),
            3 => Request::Url { method, url: self.url(), protocol },
            // Without a protocol.
            4 => Request::Path {
                method: "GET".into(),
                path: "/index.html".into(),
                query: None,
                protocol: ("", ""),
            },
            _ => {
                let [a, b, c, d] = v4(self.dice).octets();
                method = match self.dice.below(3) {
                    0 => format!("dsl-{a}-{b}-{c}-{d}.example.net"),
                    1 if self.own.bytes().all(|byte| byte.is_ascii_lowercase()) && !self.own.is_empty() => {
                        self.own.clone()
                    }
                    _ => "M-SEARCH".into(),
                };
                Request::Path { method, path: self.path(), query: self.query(), protocol }
            }
        }
    }

    fn path(&mut self) -> String {
        let n = self.dice.below(5000);
        let ordinary = match self.dice.below(7) {
            0 => "/".to_owned(),
            1 => "/static/js/vendor.3f2a1b4c.chunk.js".to_owned(),
            2 => format!("/news/{n}/item-{n}.html"),
            3 => format!("/img/logo@2x.png/{n}"),
            4 => format!("/archive/2026-11-{:02}/{n}", n % 28 + 1),
            5 => format!("/a_b-c/{n}.{n}"),
            _ => format!("/api/v1/things/{n}"),
        };
        // No `//` before what could be `user:password@`.
        let folder = ordinary.trim_end_matches('/');
        match self.dice.below(4) {
            0 if !self.own.is_empty() => format!("{folder}/{}/x", self.named()),
            1 | 2 if self.nasty => format!("{folder}/{}/x", self.piece()),
            3 if self.nasty => format!("/x{}", self.text()).trim_end_matches(' ').to_owned(),
            _ => ordinary,
        }
    }

    fn query(&mut self) -> Option<String> {
        let n = self.dice.below(5000);
        let ordinary = match self.dice.below(10) {
            0 => format!("page={n}"),
            1 => format!("q=hello%20world&lang=nl&n={n}"),
            2 => format!("ver={}.{}.0&u=%2Fnews%2F{n}", n % 7, n % 10),
            3 => "utm_source=news&utm_medium=e-mail".to_owned(),
            4 => String::new(),
            5 => "q".to_owned(),
            _ => return None,
        };
        Some(match self.dice.below(3) {
            0 if !self.own.is_empty() => format!("{ordinary}&user={}&ok", self.named()),
            1 if self.nasty => {
                let key = self.dice.one(&["q", "id", "u", "next", "ver", "ip"]);
                format!("{key}={}&{ordinary}", self.piece())
            }
            2 if self.nasty => format!("t={}&{ordinary}", self.text()),
            _ => ordinary,
        })
    }

    fn url(&mut self) -> String {
        let query = self.query().map_or_else(String::new, |query| format!("?{query}"));
        format!(
            "{}{}{query}",
            self.dice.one(&["https://www.example.org", "http://198.18.0.1:8080"]),
            self.path()
        )
    }

    fn referer(&mut self) -> Option<String> {
        if self.nasty && self.dice.below(2) == 0 {
            return Some(self.url());
        }
        match self.dice.below(20) {
            0..=8 => None,
            9 => Some(format!("Tool/{}", v4(self.dice))),
            10 => Some(String::new()),
            11..=14 => Some("https://www.example.org/".to_owned()),
            _ => Some(self.url()),
        }
    }

    fn agent(&mut self) -> Option<String> {
        let ordinary = self.dice.one(AGENTS);
        match self.dice.below(12) {
            0 => None,
            1 if self.nasty => Some(format!("{ordinary}{}", self.text())),
            2 if self.nasty => Some(self.text()),
            3 if self.nasty => Some(format!("caf\u{e9} \"{ordinary}\" {}", self.piece())),
            4 if !self.own.is_empty() => Some(format!("{ordinary} for {}", self.named())),
            _ => Some(ordinary.to_owned()),
        }
    }

    /// A piece without a zone, which URLs write otherwise.
    fn piece(&mut self) -> String {
        Some(piece(self.dice)).filter(|piece| !piece.contains('%')).unwrap_or_else(|| "203.0.113.7".into())
    }

    fn text(&mut self) -> String {
        Some(text(self.dice))
            .filter(|text| !text.contains(['%', '?']))
            .unwrap_or_else(|| " 203.0.113.7 ".into())
    }

    /// The record's own user in one of the spellings of a name, or what only looks like it.
    fn named(&mut self) -> String {
        let own = self.own.as_str();
        // The naive finder knows a piece in its own surroundings only.
        if !USERS.contains(&own) {
            return own.to_owned();
        }
        match self.dice.below(6) {
            0 => own.to_uppercase(),
            1 => own.replace(' ', "+"),
            2 => format!("~{own}_2.txt"),
            3 => format!("x{own}"),
            4 => format!("{own}s"),
            _ => own.to_owned(),
        }
    }
}
