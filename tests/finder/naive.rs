//! The obvious version of the finder: one regular expression and one loop per kind, no escapes, no bounds, no memory of what
//! was seen. It knows the forms that `generate` makes, and shares no code with the product.

#![allow(clippy::unwrap_used, reason = "a test's own code")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regex::Regex;

use super::Plain;

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
                r"^(?i)[-.+~]?(?:rc|beta|alpha|snapshot|final|release|ga|preview|dev)[0-9]*(?:[^a-z0-9.]|\.[^a-z]|\.?$)",
            ),
            product: regex(r"(?:^|[^A-Za-z])(?:Chrome|Firefox|Safari|Edg|Opera|Version|Android)[/ ]?$"),
            any_product: regex(r#"(?:^|[ (;)\[,"'])[A-Za-z]{2,}/$"#),
            colons: regex(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:(?:\.[0-9]{1,3}){3})?"),
            dashes: regex(r"[0-9]+(?:-[0-9]+)+"),
            pairs: regex(r"[0-9A-Fa-f]+(?:-[0-9A-Fa-f]+)+"),
            cisco: regex(r"[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]+)+"),
            mail: regex(
                r"[A-Za-z0-9_][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*",
            ),
            jwt: regex(r"eyJ[A-Za-z0-9_.=-]{4,}[A-Za-z0-9_=-]"),
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
        let letter = |c: char| c.is_ascii_alphabetic();
        for run in self.digits.find_iter(text) {
            let (before, after) = (&text[..run.start()], &text[run.end()..]);
            let Some(address) = quad(run.as_str(), '.') else { continue };
            let port = after.starts_with(':') && after[1..].starts_with(|c: char| c.is_ascii_digit());
            let version = self.version_before.is_match(before)
                || self.version_after.is_match(after)
                || self.product.is_match(before)
                || (agent && !port && self.any_product.is_match(before))
                || (agent && !port && (before.ends_with(letter) || after.starts_with(letter)));
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
            // The beginning of a word that follows, the end of one that goes before.
            let word = |c: char| c.is_alphabetic() || c == '_';
            let last = text[start..end].rfind(':').map_or(start, |colon| start + colon + 1);
            if text[end..].starts_with(word) && text[last..end].starts_with(word) {
                end = last;
            }
            let first = text[start..end].find(':').map_or(end, |colon| start + colon);
            if before_is_word(text, start) && text[start..first].starts_with(word) {
                start = first;
            }
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
            } else if run.matches(':').count() == 2
                && (before_is_word(text, start)
                    || text[end..].starts_with(|c: char| c.is_alphabetic() || c == '_'))
            {
                // `Foo::Bar`, of which some letters are hexadecimal.
            } else if run == "::" || (run.starts_with("::") && before_is_word(text, start)) {
                // Punctuation.
            } else if let Ok(address) = run.parse::<Ipv6Addr>() {
                let zone = zone(&text[end..]);
                all.push((start, end + zone, IpAddr::V6(address).to_canonical().to_string()));
            } else if let Some((host, _)) = without_port
                && let Ok(address) = host.parse::<Ipv6Addr>()
            {
                let end = start + host.len();
                all.push((start, end, IpAddr::V6(address).to_canonical().to_string()));
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
