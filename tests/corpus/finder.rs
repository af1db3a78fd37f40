//! An identifier finder written without a look at the product's, so that the two can disagree.
//!
//! *In*: one line of a log. *Out*: [`Found`] spans, each certain or doubtful. *Promised*: slow and plain: regular
//! expressions for shapes, `std::net` for what is an address. A certain span must be gone from the output, a doubtful one
//! may be treated or not, everything else must survive. *Not here*: any knowledge of a log format (`table`), any verdict
//! (`judge`).
//!
//! Precision is its own: `Chrome/120.0.0.0`, `rv:1.9.0.19`, object identifiers and times are no identifiers; a dotted quad
//! behind a letter, a hyphen, an unknown product's slash or the word "version" is doubtful.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use base64::Engine as _;
use regex::bytes::Regex;

/// What an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// IPv4 address.
    V4,
    /// IPv6 address in any spelling.
    V6,
    /// A host name that spells an address.
    Host,
    /// E-mail address, `@` or `%40`.
    Email,
    /// JSON web token.
    Jwt,
    /// Basic credentials.
    Basic,
    /// Hardware address.
    Mac,
    /// What the record's structure names as user or ident.
    User,
    /// What the record's structure names as the client, when it is no address literal.
    Client,
    /// A meeting's room (found by `meet_finder`, like all that follow).
    Room,
    /// A Jabber identifier that is no room: its local part, or its resource.
    Jid,
    /// The name somebody gives themselves.
    Name,
    /// An account that the structure of a meeting's log names.
    Account,
    /// A password or key.
    Secret,
}

impl Kind {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
            Self::Host => "host",
            Self::Email => "e-mail",
            Self::Jwt => "jwt",
            Self::Basic => "basic",
            Self::Mac => "mac",
            Self::User => "user",
            Self::Client => "client",
            Self::Room => "room",
            Self::Jid => "jid",
            Self::Name => "name",
            Self::Account => "account",
            Self::Secret => "secret",
        }
    }
}

/// One span of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// True when it must be treated; false when it may be.
    pub certain: bool,
    /// The address it spells, if it spells one.
    pub address: Option<IpAddr>,
}

macro_rules! regex {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new(concat!("(?-u)", $text)).unwrap());
    };
}

regex!(DOTTED, r"[0-9]+(?:\.[0-9]+){3,}");
regex!(COLONS, r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*");
regex!(V4_TAIL, r"^\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}");
regex!(ZONE, r"^%(?:25)?[A-Za-z][A-Za-z0-9_.\-]*");
regex!(ENCODED_V6, r"(?:[0-9A-Fa-f]{0,4}%3[Aa]){2,}[0-9A-Fa-f]{0,4}");
regex!(DASHED, r"[0-9]{1,3}(?:-[0-9]{1,3}){3}");
regex!(NAME, r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*");
regex!(ARPA6, r"(?i)(?:[0-9a-f]\.){32}ip6\.arpa");
regex!(EMAIL, r"[A-Za-z0-9._+\-]+(?:@|%40)[A-Za-z0-9](?:[A-Za-z0-9\-]*\.)+[A-Za-z]{2,}");
regex!(EMAIL_WIDE, r#"[^\s"'<>,;:()\[\]=&?/\\|]+(?:@|%40)[^\s"'<>,;:()\[\]=&?/\\|]+"#);
regex!(JWT, r"eyJ[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*");
regex!(BASIC, r"(?i)\bbasic(?: |%20|\+)+([A-Za-z0-9+/]{4,}={0,2})");
regex!(MAC, r"(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2}");
regex!(MAC_DOTTED, r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}");
regex!(PRODUCT, r"([A-Za-z][A-Za-z0-9_+\-]*)/$");
regex!(VERSION_WORD, r"(?i)(?:version|ver|release|build|rev|\bv)[ =:/\x22']*$");
regex!(
    PLATFORM,
    r"(?i)\b(?:linux|windows|phone|nt|ce|android|opera|os|ios|symbian|brew|msie|zango|aol)[ @]$"
);
regex!(QUAD_AFTER, r"^-[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b");
regex!(ESCAPE_BEFORE, r"(?:%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\[nrtbf]|\\u[0-9A-Fa-f]{4})$");

/// Products whose slash is followed by a version, never by an address.
const PRODUCTS: &[&str] = &[
    "applewebkit",
    "chrome",
    "chromium",
    "crios",
    "curl",
    "edg",
    "edga",
    "edge",
    "edgios",
    "epiphany",
    "firefox",
    "gecko",
    "headlesschrome",
    "konqueror",
    "mobile",
    "mozilla",
    "netscape",
    "opera",
    "opr",
    "presto",
    "safari",
    "seamonkey",
    "trident",
    "ubrowser",
    "ucbrowser",
    "version",
    "vivaldi",
    "wget",
    "yabrowser",
];

/// Endings of file names that an e-mail pattern takes for a top-level domain.
const FILE_ENDINGS: &[&str] = &[
    "avif", "conf", "css", "csv", "dll", "exe", "gif", "gz", "htm", "html", "ico", "jar", "jpeg", "jpg",
    "js", "json", "log", "map", "mjs", "pdf", "php", "png", "service", "so", "svg", "target", "ts", "txt",
    "webp", "woff", "xml", "zip",
];

/// Every identifier of the line, in order of their beginning; spans may overlap.
pub fn find(line: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    v6(line, &mut found);
    encoded_v6(line, &mut found);
    v4(line, &mut found);
    hosts(line, &mut found);
    emails(line, &mut found);
    secrets(line, &mut found);
    macs(line, &mut found);
    found.sort_by_key(|f| (f.start, f.end));
    found
}

/// Every address that the bytes spell in any way at all, for searching an output. More generous than [`find`].
pub fn addresses(text: &[u8]) -> HashSet<IpAddr> {
    find(text).iter().filter_map(|f| f.address).map(canonical).collect()
}

/// One form for v4 and v4-mapped addresses.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

fn is_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn before(line: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).map(|i| line[i])
}

/// True when what stands right before `at` is an escape, so that its last letter is no letter of a word.
fn after_escape(line: &[u8], at: usize) -> bool {
    ESCAPE_BEFORE.is_match(&line[at.saturating_sub(6)..at])
}

fn v4(line: &[u8], found: &mut Vec<Found>) {
    for hit in DOTTED.find_iter(line) {
        let (mut start, end) = (hit.start(), hit.end());
        // `\x22192.0.2.1` and `%22192.0.2.1`: the digits of the escape are no digits of the address.
        if let Some(cut) = escape_inside(line, start) {
            start = cut;
        }
        let spelled = text(&line[start..end]);
        let octets: Vec<&str> = spelled.split('.').collect();
        let fits = |o: &&str| o.len() <= 3 && o.parse::<u16>().is_ok_and(|n| n < 256);
        if !octets.iter().all(fits) || octets.len() > 5 {
            continue;
        }
        let address = spelled.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
        let Some(certain) = v4_confidence(line, start, end) else { continue };
        let inside = found.iter().any(|f| f.kind == Kind::V6 && f.start <= start && f.end >= end);
        if !inside {
            let certain = certain && address.is_some();
            found.push(Found { kind: Kind::V4, start, end, certain, address });
        }
    }
}

/// Where the address really begins when the run of digits began inside an escape.
fn escape_inside(line: &[u8], start: usize) -> Option<usize> {
    let cut = start + 2;
    let digits = line[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let escaped = (start >= 1 && line[start - 1] == b'%')
        || (start >= 2 && line[start - 2] == b'\\' && line[start - 1] == b'x');
    (escaped && digits > 2).then_some(cut)
}

/// `None`: no identifier. `Some(true)`: certainly one.
fn v4_confidence(line: &[u8], start: usize, end: usize) -> Option<bool> {
    let head = &line[start.saturating_sub(48)..start];
    if let Some(product) = PRODUCT.captures(head) {
        let name = text(&product[1]).to_ascii_lowercase();
        return if PRODUCTS.contains(&name.as_str()) { None } else { Some(false) };
    }
    if head.ends_with(b"rv:") {
        return None;
    }
    if (VERSION_WORD.is_match(head) || PLATFORM.is_match(head)) && !after_escape(line, start) {
        return Some(false);
    }
    let clean_before = match before(line, start) {
        None => true,
        Some(_) if after_escape(line, start) => true,
        Some(b'-' | b'.' | b'+' | b'_') => false,
        Some(b'/') => !is_word(before(line, start - 1)),
        Some(b) => !b.is_ascii_alphanumeric(),
    };
    let clean_after = match (line.get(end), line.get(end + 1)) {
        (Some(b'-'), _) => QUAD_AFTER.is_match(&line[end..]),
        (Some(b'.'), next) => !next.is_some_and(u8::is_ascii_alphanumeric),
        (Some(b'%'), _) => true,
        (after, _) => !is_word(after.copied()),
    };
    Some(clean_before && clean_after)
}

fn v6(line: &[u8], found: &mut Vec<Found>) {
    for hit in COLONS.find_iter(line) {
        let (mut start, mut end) = (hit.start(), hit.end());
        if line[start] == b':' && line.get(start + 1) != Some(&b':') {
            start += 1;
        }
        if let Some(tail) = V4_TAIL.find(&line[end..]) {
            end += tail.end();
        }
        while end > start + 2 && line[end - 1] == b':' && line[end - 2] != b':' {
            end -= 1;
        }
        let Some((address, kept)) = parse_v6(&line[start..end]) else { continue };
        end = start + kept;
        let groups = text(&line[start..end]).split(':').filter(|g| !g.is_empty()).count();
        let digits = line[start..end].iter().filter(|b| b.is_ascii_digit()).count();
        let pairs = groups == 8 && text(&line[start..end]).split(':').all(|g| g.len() == 2);
        let bounded = (!is_word(before(line, start)) || after_escape(line, start))
            && before(line, start) != Some(b'.')
            && !is_word(line.get(end).copied());
        let certain = bounded && digits > 0 && !pairs && (groups >= 2 || address == Ipv6Addr::LOCALHOST);
        if groups > 0 && (bounded || groups >= 4) {
            let zone = ZONE.find(&line[end..]).map_or(0, |z| z.end());
            let end = end + zone;
            found.push(Found { kind: Kind::V6, start, end, certain, address: Some(IpAddr::V6(address)) });
        }
    }
}

/// Parses the longest reading: all of it, or all but a last decimal group that is a port.
fn parse_v6(bytes: &[u8]) -> Option<(Ipv6Addr, usize)> {
    let whole = text(bytes);
    if let Ok(address) = whole.parse() {
        return Some((address, bytes.len()));
    }
    let (host, port) = whole.rsplit_once(':').filter(|(host, _)| !host.ends_with(':'))?;
    port.parse::<u16>().ok()?;
    host.parse().ok().map(|address| (address, host.len()))
}

fn encoded_v6(line: &[u8], found: &mut Vec<Found>) {
    for hit in ENCODED_V6.find_iter(line) {
        let decoded = text(hit.as_bytes()).replace("%3A", ":").replace("%3a", ":");
        if let Ok(address) = decoded.parse::<Ipv6Addr>() {
            let certain = decoded.split(':').filter(|g| !g.is_empty()).count() >= 2;
            let address = Some(IpAddr::V6(address));
            found.push(Found { kind: Kind::V6, start: hit.start(), end: hit.end(), certain, address });
        }
    }
}

/// Dashed quads, dotted quads that are part of a longer name, and `ip6.arpa`. The span is the whole name, since a
/// treatment may replace all of it.
fn hosts(line: &[u8], found: &mut Vec<Found>) {
    for name in NAME.find_iter(line) {
        let spelled = name.as_bytes();
        let last = spelled.rsplit(|b| *b == b'.').next().unwrap_or_default();
        let domain = spelled.contains(&b'.')
            && last.len() >= 2
            && last.iter().all(u8::is_ascii_alphabetic)
            && !FILE_ENDINGS.contains(&text(last).to_ascii_lowercase().as_str());
        for quad in DASHED.find_iter(spelled).chain(DOTTED.find_iter(spelled)) {
            let octets: Vec<&str> = text(quad.as_bytes()).split(['-', '.']).collect();
            let parsed: Vec<u8> = octets.iter().filter_map(|o| o.parse().ok()).collect();
            let Ok([a, b, c, d]) = <[u8; 4]>::try_from(parsed) else { continue };
            if octets.len() != 4 || quad.len() == spelled.len() && quad.as_bytes().contains(&b'.') {
                continue;
            }
            let next = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
            let versioned = PRODUCT.is_match(&line[..name.start()]);
            let runs_on = is_word(spelled.get(quad.end()).copied())
                || next(quad.start().checked_sub(1).and_then(|i| spelled.get(i)))
                || (spelled.get(quad.end()) == Some(&b'-') && next(spelled.get(quad.end() + 1)));
            let embedded = !versioned && !runs_on;
            let reversed = spelled.ends_with(b".arpa");
            let address = if reversed { Ipv4Addr::new(d, c, b, a) } else { Ipv4Addr::new(a, b, c, d) };
            let zeros = octets.iter().any(|o| o.len() > 1 && o.starts_with('0'));
            let address = Some(IpAddr::V4(address));
            let (start, end) = (name.start(), name.end());
            found.push(Found {
                kind: Kind::Host,
                start,
                end,
                certain: domain && embedded && !zeros,
                address,
            });
        }
    }
    for hit in ARPA6.find_iter(line) {
        let nibbles: String = text(hit.as_bytes()).chars().filter(char::is_ascii_hexdigit).take(32).collect();
        let reversed: String = nibbles.chars().rev().collect();
        let address = u128::from_str_radix(&reversed, 16).ok().map(|n| IpAddr::V6(Ipv6Addr::from(n)));
        found.push(Found { kind: Kind::Host, start: hit.start(), end: hit.end(), certain: true, address });
    }
}

fn emails(line: &[u8], found: &mut Vec<Found>) {
    for hit in EMAIL_WIDE.find_iter(line) {
        let (start, end) = (hit.start(), hit.end());
        found.push(Found { kind: Kind::Email, start, end, certain: false, address: None });
    }
    for hit in EMAIL.find_iter(line) {
        let (mut start, end) = (hit.start(), hit.end());
        while matches!(line[start], b'.' | b'+' | b'-') {
            start += 1;
        }
        let ending = text(&line[..end]).rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        let file = FILE_ENDINGS.contains(&ending.as_str());
        // `scheme://user:secret@host` names a user and a secret, not a mailbox.
        let userinfo = before(line, start) == Some(b':');
        let local = line[start] != b'@' && !line[start..].starts_with(b"%40");
        // A following `.` or `@` may continue what the pattern cut short.
        let certain = !file && !userinfo && local && line.get(end) != Some(&b'@');
        found.push(Found { kind: Kind::Email, start, end, certain, address: None });
    }
}

fn secrets(line: &[u8], found: &mut Vec<Found>) {
    for hit in JWT.find_iter(line) {
        let header = hit.as_bytes().split(|b| *b == b'.').next().unwrap_or_default();
        let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header);
        let certain =
            decoded.is_ok_and(|json| json.starts_with(b"{\"")) && !is_word(before(line, hit.start()));
        found.push(Found { kind: Kind::Jwt, start: hit.start(), end: hit.end(), certain, address: None });
    }
    for hit in BASIC.captures_iter(line) {
        let Some(value) = hit.get(1) else { continue };
        let decoded = base64::engine::general_purpose::STANDARD.decode(value.as_bytes());
        let certain = decoded.is_ok_and(|pair| pair.contains(&b':'));
        found.push(Found {
            kind: Kind::Basic,
            start: value.start(),
            end: value.end(),
            certain,
            address: None,
        });
    }
}

fn macs(line: &[u8], found: &mut Vec<Found>) {
    for hit in MAC.find_iter(line).chain(MAC_DOTTED.find_iter(line)) {
        let joint = |b: Option<u8>| matches!(b, Some(b':' | b'-' | b'.'));
        let (start, end) = (hit.start(), hit.end());
        let run_on = (joint(line.get(end).copied()) && is_word(line.get(end + 1).copied()))
            || (joint(before(line, start)) && start > 1 && is_word(before(line, start - 1)));
        let free =
            (!is_word(before(line, start)) || after_escape(line, start)) && !is_word(line.get(end).copied());
        let one_joint = hit.as_bytes().contains(&b':') != hit.as_bytes().contains(&b'-');
        let lettered = hit.as_bytes().contains(&b':') || hit.as_bytes().iter().any(u8::is_ascii_alphabetic);
        let certain = free && !run_on && lettered && one_joint;
        if free {
            found.push(Found { kind: Kind::Mac, start, end, certain, address: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The certain identifiers of a line as `kind:text`.
    fn certain(line: &str) -> Vec<String> {
        find(line.as_bytes())
            .iter()
            .filter(|f| f.certain)
            .map(|f| format!("{}:{}", f.kind.name(), &line[f.start..f.end]))
            .collect()
    }

    fn any(line: &str) -> bool {
        !find(line.as_bytes()).is_empty()
    }

    #[test]
    fn v4_spellings() {
        for line in [
            "192.0.2.7",
            "client 192.0.2.7:443",
            "[192.0.2.7]",
            "http://192.0.2.7/x",
            "192.0.2.7/24",
            "a=192.0.2.7&b",
            "ip%3D192.0.2.7",
            r"\n192.0.2.7",
            "gone from 192.0.2.7.",
            "GET /192.0.2.7/x",
            "\\x22192.0.2.7\\x22",
        ] {
            assert_eq!(certain(line), ["v4:192.0.2.7"], "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_one() {
        for line in [
            "Chrome/120.0.0.0",
            "rv:1.9.0.19",
            "1.3.6.1.4.1.311",
            "Safari/537.36",
            "10:42:51.003372",
            "120.0.6099.109",
            "2024-10-22 07:09:54",
            "deadbeefcafe0123",
            "std::fmt::Debug",
            "Illuminate\\\\Container::build",
        ] {
            assert!(!any(line), "{line}");
        }
        for line in
            ["phpMyAdmin-2.8.2.3", "Foo/1.2.3.4", "version 1.2.3.4", "v1.2.3.4", "icon@2x.png", "a::b"]
        {
            assert!(any(line) && certain(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn v6_spellings() {
        for (line, want) in [
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("client: 2001:DB8::7, server", "2001:DB8::7"),
            ("fe80::7%eth0 x", "fe80::7%eth0"),
            ("::ffff:192.0.2.7:58430", "::ffff:192.0.2.7"),
            ("2001:db8:0:0:0:0:0:7:24259", "2001:db8:0:0:0:0:0:7"),
            ("from 2001:db8::7: gone", "2001:db8::7"),
            ("?ip=2001%3Adb8%3A%3A7&x", "2001%3Adb8%3A%3A7"),
        ] {
            assert_eq!(certain(line), [format!("v6:{want}")], "{line}");
        }
    }

    #[test]
    fn hosts_that_spell_addresses() {
        for line in ["ip-192-0-2-7.example.net", "192-0-2-7.dsl.example.net", "192.0.2.7.dyn.example.net"] {
            let found = find(line.as_bytes());
            assert!(found.iter().any(|f| f.kind == Kind::Host && f.certain), "{line}");
            assert!(addresses(line.as_bytes()).contains(&"192.0.2.7".parse().unwrap()), "{line}");
        }
        assert!(addresses(b"7.2.0.192.in-addr.arpa").contains(&"192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn the_rest() {
        assert_eq!(certain("<a.b+c@example.org>"), ["e-mail:a.b+c@example.org"]);
        assert_eq!(certain("u=a%40example.org&x"), ["e-mail:a%40example.org"]);
        assert_eq!(certain("mac 00:00:5e:00:53:af,"), ["mac:00:00:5e:00:53:af"]);
        assert_eq!(certain("Basic YWxpY2U6c2VjcmV0"), ["basic:YWxpY2U6c2VjcmV0"]);
        assert_eq!(
            certain("t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA"),
            ["jwt:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA"]
        );
    }
}
