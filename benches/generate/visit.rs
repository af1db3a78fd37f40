//! One visit to the web site: who asked for what. Drawn at random, and on demand with an identifier planted in it.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::random::{Civil, Random, mix};
use crate::render::Format;

/// The clients: their addresses, ready as text, by rank.
pub struct Visitors(Vec<String>);

impl Visitors {
    pub fn new(clients: u32) -> Self {
        Self((0..clients).map(address).collect())
    }
}

/// The address of client number `rank`: 12 in 100 clients have IPv6, spread over the ranks so that 12 in 100 lines do.
fn address(rank: u32) -> String {
    let h = mix(u64::from(rank) ^ 0x5107_1C5E);
    let (a, b, c) = (h >> 40 & 0xff, h >> 32 & 0xff, h >> 24 & 0xff);
    if matches!(rank % 25, 3 | 11 | 19) {
        return ipv6(h, rank);
    }
    match h % 10 {
        0..4 => format!("198.{}.{b}.{c}", 18 + (a & 1)), // RFC 2544, benchmarks
        4..8 => format!("100.{}.{b}.{c}", 64 + (a & 63)), // RFC 6598, shared address space
        _ => format!("{}.{}.{b}.{c}", 240 + (a & 7), h >> 16 & 0xff), // 240.0.0.0/4, never assigned
    }
}

/// Three in four are privacy addresses in full length, the others short, as in real logs.
fn ipv6(h: u64, rank: u32) -> String {
    let (site, subnet) = (h >> 48 & 0x7fff, h >> 40 & 0xff);
    if rank.is_multiple_of(4) {
        format!("2001:db8:{site:x}:{subnet:x}::{:x}", h & 0xffff)
    } else {
        let host = mix(h);
        let [a, b, c, d] = [host >> 48, host >> 32, host >> 16, host].map(|group| (group & 0xffff) | 0x1000);
        format!("2001:db8:{site:x}:{subnet:x}:{a:x}:{b:x}:{c:x}:{d:x}")
    }
}

/// The planted identifiers that are not yet written to the side file.
#[derive(Default)]
pub struct Planted {
    waiting: String,
    count: u64,
}

impl Planted {
    fn add(&mut self, canary: &str) {
        self.waiting.push_str(canary);
        self.waiting.push('\n');
        self.count += 1;
    }

    pub fn drain_into(&mut self, file: &mut impl Write) -> io::Result<()> {
        file.write_all(self.waiting.as_bytes())?;
        self.waiting.clear();
        Ok(())
    }

    pub fn count(&self) -> u64 {
        self.count
    }
}

/// One visit. Reused from line to line.
#[derive(Default)]
pub struct Visit {
    pub time: Civil,
    pub client: String,
    pub user: String,
    pub method: &'static str,
    pub path: String,
    pub query: String,
    /// Stands in the place of method, path and protocol, as a server writes what is no request.
    pub garbage: Option<&'static str>,
    pub status: u16,
    pub bytes: u64,
    pub referrer: String,
    pub agent: String,
    /// Words of a person in an error message; only error logs show them.
    pub said: String,
}

const SECTIONS: &[&str] = &["news", "products", "docs", "about", "events", "support", "blog", "jobs", "press", "archive"];
const WORDS: &[&str] = &[
    "index", "overview", "water-levels", "annual-report-2025", "getting-started", "privacy", "release-1.4.2",
    "contact", "2026-03-14", "history", "faq", "opening-hours", "lock-gates", "timetable", "v2.10.0.1-notes", "newsletter",
];
const ASSETS: &[&str] = &[
    "/static/css/main.3f9c1a7e.css", "/static/js/app.b81d02c4.js", "/favicon.ico", "/static/img/logo.svg",
    "/static/fonts/inter-v12-latin-regular.woff2", "/libs/jquery-3.7.1.min.js", "/robots.txt", "/static/img/hero@2x.jpg",
];
const PARAMETERS: &[&str] = &["page", "lang", "q", "sort", "utm_source", "utm_campaign", "id", "from", "v", "session"];
const VALUES: &[&str] = &["1", "2", "en", "nl", "date", "newsletter", "winter+2026", "lock%20gate", "desc", "10.2.1"];
const SEARCHES: &[&str] = &[
    "https://www.google.com/", "https://duckduckgo.com/", "https://www.bing.com/search?q=lock+gates",
    "https://news.example.org/item?id=31415926", "android-app://com.google.android.gm/",
];
const USERS: &[&str] = &["alice", "b.jansen", "carol", "dmitri", "eve-online", "f.dupont", "grace", "hugo"];
const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1.2 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (Windows; U; Windows NT 6.1; en-US; rv:1.9.0.19) Gecko/2010031422 Firefox/3.0.19",
    "curl/8.5.0",
    "python-requests/2.31.0",
    "Go-http-client/1.1",
    "-",
];
const GARBAGE: &[&str] = &["\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xFC\\x03\\x03", "", "-", "\\n", "hello"];

impl Visit {
    /// Makes it another visit, at `seconds` since 1970.
    pub fn draw(&mut self, random: &mut Random, visitors: &Visitors, seconds: i64) {
        self.time = Civil::of(seconds);
        self.client.clear();
        self.client.push_str(&visitors.0[random.zipf(visitors.0.len() as u32) as usize]);
        self.user.clear();
        self.said.clear();
        if random.once_in(80) {
            self.user.push_str(random.pick(USERS));
        }
        self.garbage = random.once_in(1000).then(|| random.pick(GARBAGE));
        self.method = random.pick(&["GET", "GET", "GET", "POST", "HEAD", "OPTIONS"]);
        self.status = match (self.garbage, random.below(100)) {
            (Some(_), _) => 400,
            (None, 0..82) => 200,
            (None, 82..90) => 304,
            (None, 90..94) => 302,
            (None, 94..99) => 404,
            (None, _) => 502,
        };
        self.bytes = if self.status == 304 { 0 } else { 120 + random.below(48_000) };
        self.draw_target(random);
        self.referrer.clear();
        match random.below(20) {
            0..8 => {}
            8..17 => {
                let (section, word) = (random.pick(SECTIONS), random.pick(WORDS));
                let _ = write!(self.referrer, "https://www.example.org/{section}/{word}");
            }
            _ => self.referrer.push_str(random.pick(SEARCHES)),
        }
        self.agent.clear();
        self.agent.push_str(random.pick(AGENTS));
    }

    fn draw_target(&mut self, random: &mut Random) {
        self.path.clear();
        self.query.clear();
        if random.once_in(2) {
            self.path.push_str(random.pick(ASSETS));
            return;
        }
        let (section, word) = (random.pick(SECTIONS), random.pick(WORDS));
        let _ = write!(self.path, "/{section}/{word}/{}", random.below(100_000));
        if !random.once_in(3) {
            return;
        }
        for n in 0..=random.below(3) {
            let (name, value) = (random.pick(PARAMETERS), random.pick(VALUES));
            let _ = write!(self.query, "{}{name}={value}", if n == 0 { "" } else { "&" });
        }
        match random.below(60) {
            0 => drop(write!(self.query, "&mail=user{}%40example.org", random.below(10_000))),
            1 => drop(write!(self.query, "&ip={}", self.client)),
            _ => {}
        }
    }
}

/// How many ways of planting there are.
pub const PLANTS: u64 = 14;

impl Visit {
    /// Puts an identifier that no other visitor has into this visit, in the place whose turn it is. Numbers begin at 1:
    /// an address that ends in 0 would equal its own truncation.
    pub fn plant(&mut self, random: &mut Random, format: Format, planted: &mut Planted) {
        let n = planted.count + 1;
        let octet = n % 250 + 1;
        let v4 = format!("203.0.113.{octet}");
        let v6 = format!("2001:db8:cafe:{:x}::{:x}", n & 0xffff, n % 0xfff0 + 1);
        let person = format!("planted-petra-{n}");
        if self.garbage.take().is_some() {
            self.status = 200;
        }
        let place = if format.has_request() { n % PLANTS } else { n % 5 };
        match place {
            1 => replace(&mut self.client, &v4),
            2 => {
                replace(&mut self.client, &v6);
                let _ = write!(self.said, "peer {v6} gave up");
            }
            3 => {
                replace(&mut self.user, &person);
                planted.add(&person);
                return;
            }
            4 => {
                let mail = format!("petra.{n}@planted.example");
                let _ = write!(self.query, "{}mail={mail}", joint(&self.query));
                let _ = write!(self.said, "no mailbox {mail} here");
                planted.add(&mail);
                return;
            }
            5 => {
                let _ = write!(self.query, "{}mail=petra.{n}%40planted.example", joint(&self.query));
                planted.add(&format!("petra.{n}%40planted"));
                return;
            }
            6 => drop(write!(self.query, "{}ip=198.51.100.{octet}", joint(&self.query))),
            7 => replace(&mut self.referrer, &format!("https://[{v6}]:8443/room")),
            8 => {
                let host = format!("203-0-113-{octet}");
                replace(&mut self.referrer, &format!("http://host-{host}.dyn.example.net/"));
                planted.add(&host);
                return;
            }
            9 => replace(&mut self.path, &format!("/whois/{v4}")),
            10 => {
                replace(&mut self.user, &person);
                replace(&mut self.path, &format!("/members/{person}/profile"));
                planted.add(&person);
                return;
            }
            11 => {
                let mac = format!("02:00:5e:10:{:02x}:{:02x}", n >> 8 & 0xff, n & 0xff);
                let _ = write!(self.query, "{}mac={mac}", joint(&self.query));
                planted.add(&mac);
                return;
            }
            12 => {
                let signature = format!("{:016x}{:016x}", random.next(), random.next());
                let _ = write!(self.query, "{}jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwZXRyYSJ9.{signature}", joint(&self.query));
                planted.add(&signature);
                return;
            }
            13 => {
                let agent = format!("Fetcher/1.0 (+mailto:petra.{n}@planted.example; 192.0.2.{octet})");
                replace(&mut self.agent, &agent);
                planted.add(&format!("petra.{n}@planted"));
                planted.add(&format!("192.0.2.{octet}"));
                return;
            }
            _ => {
                let full = format!("2001:0DB8:CAFE:{:04X}:0000:0000:0000:{octet:04X}", n & 0xffff);
                let _ = write!(self.query, "{}peer={full}", joint(&self.query));
                let _ = write!(self.said, "peer {full} is unknown");
                planted.add(&full);
                return;
            }
        }
        planted.add(match place {
            1 | 9 => &v4,
            6 => self.query.rsplit('=').next().unwrap_or_default(),
            _ => &v6,
        });
    }
}

fn replace(text: &mut String, by: &str) {
    text.clear();
    text.push_str(by);
}

fn joint(query: &str) -> &'static str {
    if query.is_empty() { "" } else { "&" }
}
