//! Texts made of identifiers, of what looks like them, and of noise.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A small generator (xorshift), so that a case is its number.
pub struct Dice(u64);

impl Dice {
    pub fn new(case: u64) -> Self {
        Self((case + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() >> 11) as usize % bound
    }

    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// An IPv6 address in one of its spellings.
pub fn v6(dice: &mut Dice) -> String {
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
    // None that names somebody: sentences that do have an obvious version of their own.
    dice.one(&["gone", "server", "the", "GET", "failed", "zone", "hello", "XMPP", "tls", "muc", "ok"])
}

/// An identifier or what looks like one, in one of many spellings.
#[allow(clippy::many_single_char_names, reason = "octets have no other names")]
pub fn piece(dice: &mut Dice) -> String {
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
        17 => format!("{}: ", v6(dice).trim_end_matches(':')),
        18 => mac.join(":"),
        19 => mac.join("-"),
        20 => format!("{}{}.{}{}.{}{}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]),
        21..=23 => format!("{}{n}@{host}", word(dice)),
        24 => format!("mailto:{}.{}+{n}@{host}", word(dice), word(dice)),
        25 => format!("eyJhbGciOiJIUzI1NiJ9.eyJ{n}abcdef.sig;"),
        26 => format!("Bearer abc{n}def;"),
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
pub fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(6) {
        let glue = dice.one(&[
            " ",
            " ",
            ", ",
            "=",
            " (",
            "\"",
            " [",
            "] ",
            "; ",
            "|",
            "\t",
            "<",
            "> ",
            " client: ",
            " ip=",
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

/// Bytes that hurt: every byte that a confirmer looks for, at random.
pub fn noise(dice: &mut Dice) -> Vec<u8> {
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
        "user=",
        "\"name\":",
        "room=[",
        "displayName",
        "</nick>",
        "<nick>",
        "<",
        ">",
        "{",
        ",",
        "}",
        "{1,2,3,4}",
        "conference.",
        "49517bef",
        "\\\"",
        "&quot;",
        "\no=",
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
