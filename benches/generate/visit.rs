//! One visit to the web site: who asked for what, drawn at random.

use std::fmt::Write as _;

use crate::random::{Civil, Random, mix};

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
        let group = |shift: u32| (host >> shift & 0xffff) | 0x1000;
        format!("2001:db8:{site:x}:{subnet:x}:{:x}:{:x}:{:x}:{:x}", group(48), group(32), group(16), group(0))
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

const SECTIONS: &[&str] =
    &["news", "products", "docs", "about", "events", "support", "blog", "jobs", "press", "archive"];
const WORDS: &[&str] = &[
    "index",
    "overview",
    "water-levels",
    "annual-report-2025",
    "getting-started",
    "privacy",
    "release-1.4.2",
    "contact",
    "2026-03-14",
    "history",
    "faq",
    "opening-hours",
    "lock-gates",
    "timetable",
    "v2.10.0.1-notes",
    "newsletter",
];
const ASSETS: &[&str] = &[
    "/static/css/main.3f9c1a7e.css",
    "/static/js/app.b81d02c4.js",
    "/favicon.ico",
    "/static/img/logo.svg",
    "/static/fonts/inter-v12-latin-regular.woff2",
    "/libs/jquery-3.7.1.min.js",
    "/robots.txt",
    "/static/img/hero@2x.jpg",
];
const PARAMETERS: &[&str] =
    &["page", "lang", "q", "sort", "utm_source", "utm_campaign", "id", "from", "v", "session"];
const VALUES: &[&str] =
    &["1", "2", "en", "nl", "date", "newsletter", "winter+2026", "lock%20gate", "desc", "10.2.1"];
const SEARCHES: &[&str] = &[
    "https://www.google.com/",
    "https://duckduckgo.com/",
    "https://www.bing.com/search?q=lock+gates",
    "https://news.example.org/item?id=31415926",
    "android-app://com.google.android.gm/",
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
const GARBAGE: &[&str] =
    &["\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xFC\\x03\\x03", "", "-", "\\n", "hello"];

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
