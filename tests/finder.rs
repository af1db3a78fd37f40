//! The finder of identifiers against the obvious version of itself, against itself in a batch, and against hostile input.
//!
//! `SLUIS_CASES` sets the number of generated cases (a release run asks for a million).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use regex::Regex;
use sluis::protect::text::{Candidates, Context, Finding, What, find};

/// What the obvious version says: bytes, and the kind with its value as text.
type Plain = (usize, usize, String);

fn plain(found: &Finding) -> Plain {
    let what = match found.what {
        What::Address(address) => address.to_string(),
        What::Email => "email".into(),
        What::Mac(mac) => format!("mac {mac:02x?}"),
        What::Secret => "secret".into(),
        What::Name(index) => format!("name {index}"),
    };
    (found.start, found.end, what)
}

/// The obvious version: one regular expression and one loop per kind, no escapes, no bounds, no memory of what was seen.
mod naive {
    use super::{IpAddr, Ipv4Addr, Ipv6Addr, Plain, Regex};

    pub struct Finder {
        digits: Regex,
        version_before: Regex,
        version_after: Regex,
        product: Regex,
        any_product: Regex,
        colons: Regex,
        dashes: Regex,
        pairs: Regex,
        cisco: Regex,
        mail: Regex,
        jwt: Regex,
        credential: Regex,
    }

    impl Finder {
        pub fn new() -> Self {
            let regex = |text: &str| Regex::new(text).unwrap();
            Self {
                digits: regex(r"[0-9]+(?:\.[0-9]+)*"),
                version_before: regex(
                    r#"(?i)(?:(?:^|[^a-z0-9])(?:v|ver|vers|versions|rv|build|revision)|version)[ :=_\-"'/(]{0,3}$"#,
                ),
                version_after: regex(
                    r"^(?i)[-.+~]?(?:rc|beta|alpha|snapshot|final|release|ga|preview|dev)(?:[0-9]|[^a-z0-9.]|$)",
                ),
                product: regex(r"(?:^|[^A-Za-z])(?:Chrome|Firefox|Safari|Edg|Opera|Version|Android)[/ ]?$"),
                any_product: regex(r#"(?:^|[ (;)\[,"'])[A-Za-z]{2,}/$"#),
                colons: regex(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:[0-9A-Fa-f](?:\.[0-9]{1,3}){3})?"),
                dashes: regex(r"[0-9]+(?:-[0-9]+)+"),
                pairs: regex(r"[0-9A-Fa-f]+(?:-[0-9A-Fa-f]+)+"),
                cisco: regex(r"[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]+)+"),
                mail: regex(
                    r"[A-Za-z0-9_][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*",
                ),
                jwt: regex(r"eyJ[A-Za-z0-9_.=-]{5,}"),
                credential: regex(r"(?:Basic|Bearer) ([A-Za-z0-9._~+/=-]*[0-9=][A-Za-z0-9._~+/=-]*)"),
            }
        }

        pub fn find(&self, text: &str, agent: bool) -> Vec<Plain> {
            let mut all = Vec::new();
            self.secrets(text, &mut all);
            self.mail(text, &mut all);
            self.colons(text, &mut all);
            self.quads(text, agent, &mut all);
            self.dashes(text, &mut all);
            self.cisco(text, &mut all);
            // Of two that share bytes the longer stays; the generator makes none that only overlap.
            all.sort_by_key(|found| (found.0, usize::MAX - found.1));
            let mut kept: Vec<Plain> = Vec::new();
            for found in all {
                if kept.last().is_none_or(|last| last.1 <= found.0) {
                    kept.push(found);
                }
            }
            kept
        }

        fn quads(&self, text: &str, agent: bool, all: &mut Vec<Plain>) {
            for run in self.digits.find_iter(text) {
                let (before, after) = (&text[..run.start()], &text[run.end()..]);
                let Some(address) = quad(run.as_str(), '.') else { continue };
                let port = after.starts_with(':') && after[1..].starts_with(|c: char| c.is_ascii_digit());
                let version = self.version_before.is_match(before)
                    || self.version_after.is_match(after)
                    || self.product.is_match(before)
                    || (agent && !port && self.any_product.is_match(before));
                if after.starts_with(".in-addr.arpa") {
                    let [d, c, b, a] = address.octets();
                    all.push((run.start(), run.end(), Ipv4Addr::new(a, b, c, d).to_string()));
                } else if !version {
                    all.push((run.start(), run.end(), address.to_string()));
                }
            }
        }

        fn colons(&self, text: &str, all: &mut Vec<Plain>) {
            for run in self.colons.find_iter(text) {
                let (mut start, mut end) = (run.start(), run.end());
                // A colon that introduces, one that ends.
                if text[start..end].starts_with(':') && !text[start..end].starts_with("::") {
                    start += 1;
                }
                if text[start..end].ends_with(':') && !text[start..end].ends_with("::") {
                    end -= 1;
                }
                let run = &text[start..end];
                let without_port = run.rsplit_once(':').filter(|(_, port)| {
                    (1..=5).contains(&port.len()) && port.parse::<u16>().is_ok_and(|port| port > 0)
                });
                let groups: Vec<&str> = run.split(':').collect();
                if groups.len() == 6 && groups.iter().all(|group| group.len() == 2) {
                    let mac: Vec<u8> =
                        groups.iter().map(|group| u8::from_str_radix(group, 16).unwrap()).collect();
                    all.push((start, end, format!("mac {mac:02x?}")));
                } else if run == "::" || (run.starts_with("::") && before_is_word(text, start)) {
                    // Punctuation.
                } else if let Ok(address) = run.parse::<Ipv6Addr>() {
                    let zone = zone(&text[end..]);
                    all.push((start, end + zone, IpAddr::V6(address).to_canonical().to_string()));
                } else if let Some((host, _)) = without_port {
                    if let Ok(address) = host.parse::<Ipv6Addr>() {
                        let end = start + host.len();
                        all.push((start, end, IpAddr::V6(address).to_canonical().to_string()));
                    }
                }
            }
        }

        fn dashes(&self, text: &str, all: &mut Vec<Plain>) {
            for run in self.dashes.find_iter(text) {
                let dated = run.as_str().split('-').any(|group| group.len() == 2 && group.starts_with('0'));
                if let Some(address) = quad(run.as_str(), '-').filter(|_| !dated) {
                    all.push((run.start(), run.end(), address.to_string()));
                }
            }
            for run in self.pairs.find_iter(text) {
                let groups: Vec<&str> = run.as_str().split('-').collect();
                if groups.len() == 6 && groups.iter().all(|group| group.len() == 2) {
                    let mac: Vec<u8> =
                        groups.iter().map(|group| u8::from_str_radix(group, 16).unwrap()).collect();
                    all.push((run.start(), run.end(), format!("mac {mac:02x?}")));
                }
            }
        }

        fn cisco(&self, text: &str, all: &mut Vec<Plain>) {
            for run in self.cisco.find_iter(text) {
                let groups: Vec<&str> = run.as_str().split('.').collect();
                let letters = run.as_str().contains(|c: char| c.is_ascii_alphabetic());
                if groups.len() == 3 && groups.iter().all(|group| group.len() == 4) && letters {
                    let digits = groups.concat();
                    let mac: Vec<u8> = (0..6)
                        .map(|pair| u8::from_str_radix(&digits[pair * 2..pair * 2 + 2], 16).unwrap())
                        .collect();
                    all.push((run.start(), run.end(), format!("mac {mac:02x?}")));
                }
            }
        }

        fn mail(&self, text: &str, all: &mut Vec<Plain>) {
            for run in self.mail.find_iter(text) {
                let sign = run.as_str().find('@').unwrap();
                let (local, host) = (&run.as_str()[..sign], &run.as_str()[sign + 1..]);
                let first = host.split('.').next().unwrap();
                let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
                let scaled = first.strip_suffix('x').is_some_and(|n| n.parse::<u32>().is_ok());
                let identity = first.len() == 8
                    && host == first
                    && host.parse::<u64>().is_err()
                    && first.chars().all(|c| c.is_ascii_hexdigit())
                    && local.contains(char::is_uppercase);
                if quad(host, '.').is_some() {
                    all.push((run.start(), run.start() + sign, "email".into()));
                } else if !numeric && !scaled && !identity {
                    all.push((run.start(), run.end(), "email".into()));
                }
            }
        }

        fn secrets(&self, text: &str, all: &mut Vec<Plain>) {
            for run in self.jwt.find_iter(text) {
                all.push((run.start(), run.end(), "secret".into()));
            }
            for groups in self.credential.captures_iter(text) {
                let token = groups.get(1).unwrap();
                all.push((token.start(), token.end(), "secret".into()));
            }
        }
    }

    fn before_is_word(text: &str, start: usize) -> bool {
        text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    fn quad(text: &str, separator: char) -> Option<Ipv4Addr> {
        let groups: Vec<&str> = text.split(separator).collect();
        let octets: Vec<u8> = groups.iter().filter_map(|group| group.parse().ok()).collect();
        (groups.len() == 4 && octets.len() == 4 && groups.iter().all(|group| group.len() <= 3))
            .then(|| Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]))
    }

    fn zone(after: &str) -> usize {
        if !after.starts_with("%e") {
            return 0;
        }
        after[1..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len() - 1) + 1
    }
}

/// A small generator (xorshift), so that a case is its number.
struct Dice(u64);

impl Dice {
    fn new(case: u64) -> Self {
        Self((case + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() >> 11) as usize % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

fn cases(default: u64) -> u64 {
    std::env::var("SLUIS_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

fn v6(dice: &mut Dice) -> String {
    let mut groups = [0_u16; 8];
    for group in &mut groups {
        *group = match dice.below(4) {
            0 => dice.roll() as u16,
            1 => (dice.roll() & 0xFF) as u16,
            _ => 0,
        };
    }
    groups[0] = 0x2001;
    groups[1] = 0x0db8;
    let address = Ipv6Addr::from(groups);
    match dice.below(6) {
        0 => address.to_string().to_uppercase(),
        1 => groups.map(|group| format!("{group:04x}")).join(":"),
        2 => groups.map(|group| format!("{group:x}")).join(":"),
        3 => format!("::ffff:{}", Ipv4Addr::from_bits(dice.roll() as u32)),
        4 => format!("2001:db8::{}", Ipv4Addr::from_bits(dice.roll() as u32)),
        _ => address.to_string(),
    }
}

fn word(dice: &mut Dice) -> &'static str {
    dice.one(&["gone", "user", "the", "GET", "failed", "zone", "hello", "XMPP", "tls", "muc", "ok"])
}

/// An identifier or what looks like one, in one of many spellings.
fn piece(dice: &mut Dice) -> String {
    let v4 = Ipv4Addr::from_bits(dice.roll() as u32);
    let [a, b, c, d] = v4.octets();
    let host =
        dice.one(&["example.org", "mail.example.net", "localhost", "xn--80ak6aa92e.example", "192.0.2.7"]);
    let mac: Vec<String> = (0..6).map(|_| format!("{:02x}", dice.below(256))).collect();
    let long: Vec<String> = (0..32).map(|_| format!("{:02X}", dice.below(256))).collect();
    let n = dice.below(300);
    match dice.below(40) {
        0..=3 => v4.to_string(),
        4 => format!("{v4}:{}", dice.below(65535) + 1),
        5 => format!("{v4}/24"),
        6 => format!("http://{v4}/x"),
        7 => format!("{a:03}.{b:03}.{c:03}.{d:03}"),
        8 => format!("{d}.{c}.{b}.{a}.in-addr.arpa"),
        9 => format!("dsl-{a}-{b}-{c}-{d}.example.net"),
        10 => format!("{a}.{b}.{c}.{d}.example.net"),
        11..=13 => v6(dice),
        14 => format!("[{}]:{}", v6(dice), dice.below(65535) + 1),
        15 => format!("2001:db8::9:{}", dice.below(50000) + 10000),
        16 => "fe80::1%eth0".to_string(),
        17 => format!("{}:", v6(dice)),
        18 => mac.join(":"),
        19 => mac.join("-"),
        20 => format!("{}{}.{}{}.{}{}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]),
        21..=23 => format!("{}{n}@{host}", word(dice)),
        24 => format!("mailto:{}.{}+{n}@{host}", word(dice), word(dice)),
        25 => format!("eyJhbGciOiJIUzI1NiJ9.eyJ{n}abcdef.sig"),
        26 => format!("Bearer abc{n}def"),
        27 => format!("Chrome/{n}.0.0.0"),
        28 => format!("Tool/{a}.{b}.{c}.{d}"),
        29 => format!("{}{v4}", dice.one(&["v", "version ", "ver=", "rv:", "appVersion: "])),
        30 => format!("{v4}{}", dice.one(&["-rc1", ".Final", "-beta "])),
        31 => format!("1.3.6.1.4.1.{n}"),
        32 => format!("{}:{:02}:{:02}", dice.below(24), dice.below(60), dice.below(60)),
        33 => long.join(":"),
        34 => dice
            .one(&["std::string", "Foo::Bar", "::", "a::before", "Win32::API", "xx.xx.xx.xx", "2xxx::xxx"])
            .into(),
        35 => format!("logo@{}x.png", dice.below(3) + 2),
        36 => format!("org.example.Bridge@{:04x}f{:03x}", dice.below(65536), dice.below(4096)),
        37 => format!("2024-{:02}-{:02}-{:02}", dice.below(12) + 1, dice.below(28) + 1, dice.below(10)),
        38 => format!("{:08x}-{:04x}-4000-8000-0123456789ab", dice.below(1 << 30), dice.below(1 << 16)),
        _ => format!("{}.{}.{}.{}", a, b, c, 256 + n),
    }
}

/// A text of pieces, words and punctuation.
fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..1 + dice.below(6) {
        let glue = dice.one(&[
            " ", " ", ", ", "=", " (", "\"", " [", "] ", "; ", "|", "\t", "<", "> ", "client: ", " ip=",
        ]);
        text.push_str(glue);
        if dice.below(3) == 0 {
            text.push_str(word(dice));
        } else {
            text.push_str(&piece(dice));
        }
        text.push_str(dice.one(&["", "", " ", ". ", ", ", "\"", ")", "]", ">"]));
    }
    text
}

#[test]
fn the_finder_equals_the_obvious_one() {
    let naive = naive::Finder::new();
    let mut out = Vec::new();
    for case in 0..cases(4000) {
        let mut dice = Dice::new(case);
        let text = text(&mut dice);
        for context in [Context::Text, Context::Agent] {
            find(text.as_bytes(), context, &mut out);
            let fast: Vec<Plain> = out.iter().map(plain).collect();
            let obvious = naive.find(&text, context == Context::Agent);
            assert_eq!(fast, obvious, "case {case} {context:?}: {text:?}");
        }
    }
}

/// Bytes that hurt: every byte that a confirmer looks for, at random.
fn noise(dice: &mut Dice) -> Vec<u8> {
    let alphabet: &[&str] = &[
        ":",
        "::",
        ".",
        "-",
        "--",
        "_",
        "@",
        "%",
        "%40",
        "%3A",
        "%2E",
        "%25",
        "%2540",
        "1",
        "25",
        "203",
        "0",
        "a",
        "beef",
        "f00d",
        "x",
        "v",
        "/",
        "//",
        " ",
        "=",
        "\"",
        "'",
        "eyJ",
        "Basic ",
        "Bearer ",
        "Authorization:",
        "ip6.arpa",
        ".in-addr.arpa",
        "é",
        "\u{3002}",
        "[",
        "]",
        "2001:db8::1",
        "203.0.113.7",
        "u@h.io",
        "\\x",
        "\n",
        "Chrome/",
        "z",
        "00:1a:2b:3c:4d:5e",
    ];
    let mut text = Vec::new();
    for _ in 0..dice.below(60) {
        text.extend_from_slice(dice.one(alphabet).as_bytes());
        if dice.below(40) == 0 {
            text.push(dice.roll() as u8);
        }
    }
    text
}

#[test]
fn findings_ascend_and_do_not_overlap() {
    let mut out = Vec::new();
    for case in 0..cases(4000) {
        let text = noise(&mut Dice::new(case));
        for context in [Context::Text, Context::Agent, Context::Path, Context::Query, Context::Url] {
            find(&text, context, &mut out);
            let mut last = 0;
            for found in &out {
                assert!(
                    found.start >= last && found.start < found.end && found.end <= text.len(),
                    "case {case}"
                );
                last = found.end;
            }
        }
    }
}

#[test]
fn a_batch_finds_what_each_value_finds() {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let mut candidates = Candidates::default();
    for case in 0..cases(2000) {
        let mut dice = Dice::new(case);
        let mut buffer = Vec::new();
        let mut ranges = Vec::new();
        for _ in 0..1 + dice.below(8) {
            let start = buffer.len();
            buffer.extend_from_slice(&noise(&mut dice));
            ranges.push((start, buffer.len()));
        }
        // Also values that begin and end anywhere, so that patterns are cut.
        for _ in 0..4 {
            let (a, b) = (dice.below(buffer.len() + 1), dice.below(buffer.len() + 1));
            ranges.push((a.min(b), a.max(b)));
        }
        candidates.scan(&buffer);
        for (start, end) in ranges {
            let context = [Context::Text, Context::Agent, Context::Query][dice.below(3)];
            find(&buffer[start..end], context, &mut alone);
            candidates.find_in(&buffer, start, end, context, &mut together);
            let alone: Vec<Plain> = alone.iter().map(plain).collect();
            let together: Vec<Plain> = together.iter().map(plain).collect();
            assert_eq!(alone, together, "case {case}, bytes {start}..{end}");
        }
    }
}

/// Eight times the text must not cost more than some twenty times the time; quadratic cost would be sixty-four. Only in
/// release, and with room for a busy machine: the best of several runs counts.
#[test]
#[cfg_attr(debug_assertions, ignore = "measures time: run in release")]
fn cost_is_linear_on_hostile_input() {
    let best = |text: &[u8]| {
        let mut out = Vec::new();
        (0..7)
            .map(|_| {
                let start = Instant::now();
                find(black_box(text), Context::Text, &mut out);
                start.elapsed()
            })
            .min()
            .unwrap()
    };
    for unit in [
        "1.",
        "1.1.1.1.",
        "::",
        ":",
        "@",
        "a.",
        "a@",
        "//:@",
        "%3A",
        "%2E1",
        "%40",
        "a%40",
        "-",
        "1-",
        "f-",
        "deadbeef-",
        "ff:",
        "f:",
        "1:",
        "1::",
        "a=",
        "a+=",
        "\"@",
        "eyJ",
        "eyJ.",
        "Bearer ",
        "Authorization:",
        "Authorization: Digest ",
        "0.a.",
        "'",
        "!",
        "1.2.3.4 ",
        "::1 ",
        "é",
        "%25",
        "1_1_1_1_",
        "a@b.c",
        "x@1.",
        "--",
        "203-0-113-7-",
        "%3A1.2.3.4@",
    ] {
        let small = unit.repeat(40_000 / unit.len());
        let large = unit.repeat(320_000 / unit.len());
        let (short, long) = (best(small.as_bytes()), best(large.as_bytes()));
        assert!(
            long < short * 24 + Duration::from_millis(2),
            "{unit:?}: {short:?}, eight times as long {long:?}"
        );
        let per_byte = long.as_nanos() as f64 / large.len() as f64;
        assert!(per_byte < 2000.0, "{unit:?}: {per_byte} ns per byte");
    }
}

/// The vectors of others, where the corpus is at hand: each address is found, spelled as it is.
#[test]
fn published_vectors() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/freetext/cpython/ipaddress_vectors.tsv");
    let Ok(vectors) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no corpus at ../shared/corpus");
        return;
    };
    let mut out = Vec::new();
    let mut missed = BTreeMap::new();
    let mut seen = 0;
    for line in vectors.lines().skip(1) {
        let Some((literal, class)) = line.split_once('\t') else { continue };
        let want: IpAddr = match (class, literal.split('%').next().unwrap_or_default().parse::<IpAddr>()) {
            ("ipv4" | "ipv6", Ok(address)) => address.to_canonical(),
            _ => continue,
        };
        // Words of letters alone and the bare `::` are left on purpose.
        if literal == "::" || !literal.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        seen += 1;
        for text in [literal.to_string(), format!("client {literal}, gone"), format!("\"{literal}\"")] {
            find(text.as_bytes(), Context::Text, &mut out);
            let whole = out.iter().any(|found| {
                plain(found).2 == want.to_string() && literal.starts_with(&text[found.start..found.end])
            });
            if !whole {
                missed.insert(text, out.iter().map(plain).collect::<Vec<_>>());
            }
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Not a test: `cargo test --release -- --ignored finder_speed --nocapture`.
#[test]
#[ignore = "a measurement, not a test"]
fn finder_speed() {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0";
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
    let path = "/static/js/vendor.3f2a1b4c.chunk.js";
    let query = "q=hello%20world&page=2&lang=nl&session=5f2050f6a1";
    let referrer = "https://www.example.org/articles/2026/11/some-title-of-a-page?utm_source=news";
    let mut line = String::new();
    for n in 0..20_000_u32 {
        let address = Ipv4Addr::from_bits(n.wrapping_mul(2_654_435_761));
        let agent = if n % 3 == 0 { agent } else { chrome };
        let _ = writeln!(
            line,
            "{address} - - [21/Nov/2026:22:59:{:02} +0000] \"GET {path}?{query} HTTP/1.1\" 200 5316 \"{referrer}\" \"{agent}\"",
            n % 60
        );
    }
    let report = |name: &str, bytes: usize, mut run: Box<dyn FnMut() -> usize + '_>| {
        let mut best = Duration::MAX;
        let mut found = 0;
        for _ in 0..9 {
            let start = Instant::now();
            found = black_box(run());
            best = best.min(start.elapsed());
        }
        let rate = bytes as f64 / best.as_secs_f64() / 1e9;
        println!("{name:<44} {rate:6.2} GB/s  {found:>7} found");
    };
    for (name, value, context) in [
        ("agent without candidates", agent, Context::Agent),
        ("agent of Chrome", chrome, Context::Agent),
        ("path", path, Context::Path),
        ("query", query, Context::Query),
        ("referrer", referrer, Context::Url),
    ] {
        let mut out = Vec::new();
        let rounds = 20_000;
        report(
            &format!("find, {name} ({} bytes)", value.len()),
            value.len() * rounds,
            Box::new(move || {
                (0..rounds)
                    .map(|_| {
                        find(black_box(value.as_bytes()), context, &mut out);
                        out.len()
                    })
                    .sum()
            }),
        );
    }
    let buffer = line.as_bytes();
    let mut out = Vec::new();
    report("find, long text (referrers)", 70_000 * referrer.len(), {
        let long = referrer.repeat(70_000);
        Box::new(move || {
            find(black_box(long.as_bytes()), Context::Text, &mut out);
            out.len()
        })
    });
    let mut candidates = Candidates::default();
    report(
        "scan of combined lines",
        buffer.len(),
        Box::new(|| {
            candidates.scan(black_box(buffer));
            candidates.len()
        }),
    );
    let mut out = Vec::new();
    let mut candidates = Candidates::default();
    // Lines and their three text fields, found once.
    let fields: Vec<(usize, usize, Context)> = line
        .match_indices('"')
        .map(|(place, _)| place)
        .collect::<Vec<_>>()
        .chunks(2)
        .enumerate()
        .map(|(n, quotes)| (quotes[0] + 1, quotes[1], [Context::Text, Context::Url, Context::Agent][n % 3]))
        .collect();
    report(
        "scan and find_in of three fields per line",
        buffer.len(),
        Box::new(|| {
            candidates.scan(black_box(buffer));
            let mut found = 0;
            for &(start, end, context) in &fields {
                candidates.find_in(buffer, start, end, context, &mut out);
                found += out.len();
            }
            found
        }),
    );
    report(
        "find of three fields per line",
        buffer.len(),
        Box::new(|| {
            let mut out = Vec::new();
            let mut found = 0;
            for &(start, end, context) in &fields {
                find(&buffer[start..end], context, &mut out);
                found += out.len();
            }
            found
        }),
    );
}
