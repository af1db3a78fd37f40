//! User agents made coarse: family and major version (clause VN-3).
//!
//! A short ordered list rather than a database of patterns: the families below are what statistics ask for, everything else is
//! `Other`, and a coarser answer is always safe here. Order matters, since browsers name their ancestors.

use memchr::memchr2_iter;

use crate::record::append::append;
use crate::record::texts::{Known, TEXTS};

/// Marks, the family they stand for, most specific first. The major version is the number after the mark.
const FAMILIES: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("Opera/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Headless Chrome"),
    ("Electron/", "Electron"),
    ("jitsi-meet/", "Jitsi Meet"),
    ("JitsiMeetSDK/", "Jitsi Meet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("MSIE ", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "python-requests"),
    ("Go-http-client/", "Go-http-client"),
    ("okhttp/", "okhttp"),
    ("Apache-HttpClient/", "Apache-HttpClient"),
    ("Java/", "Java"),
];

/// Words that name a robot, in lower case.
const ROBOTS: &[&str] = &["bot", "crawl", "spider", "slurp", "monitor", "scan", "preview"];

/// Writes the family and major version of `agent`: `Firefox 121`, `Robot`, `Other`.
pub fn family(agent: &[u8], out: &mut Vec<u8>) {
    if is_robot(agent) {
        return out.extend_from_slice(b"Robot");
    }
    let Some((family, end)) = first_mark(agent) else { return out.extend_from_slice(b"Other") };
    out.extend_from_slice(family.as_bytes());
    let digits = agent[end..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    if digits > 0 {
        out.push(b' ');
        out.extend_from_slice(&agent[end..end + digits]);
    }
}

/// The family of the most specific mark in `agent`, and where its first occurrence ends. Each mark ends with a slash or a space, so
/// that few places are compared.
fn first_mark(agent: &[u8]) -> Option<(&'static str, usize)> {
    let (mut rank, mut end) = (FAMILIES.len(), 0);
    for at in memchr2_iter(b'/', b' ', agent).filter(|&at| at > 0) {
        let head = &agent[..=at];
        let is_here = |(mark, _): &(&str, &str)| {
            let mark = mark.as_bytes();
            mark[mark.len() - 2] == agent[at - 1] && head.ends_with(mark)
        };
        if let Some(better) = FAMILIES[..rank].iter().position(is_here) {
            (rank, end) = (better, at + 1);
        }
    }
    FAMILIES.get(rank).map(|(_, family)| (*family, end))
}

/// True when a word that names a robot stands anywhere in `agent`, in any case.
fn is_robot(agent: &[u8]) -> bool {
    let begins = |at: usize| {
        let rest = &agent[at..];
        ROBOTS.iter().any(|word| {
            word.as_bytes()[0] == rest[0] | 0x20
                && rest.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    // One of these letters begins each of the words.
    (0..agent.len()).any(|at| matches!(agent[at] | 0x20, b'b' | b'c' | b'm' | b'p' | b's') && begins(at))
}

/// The families of agents that come again.
pub struct Families {
    /// By place of the agent: its number, and its family.
    entries: Vec<(Option<Known>, u8, [u8; FAMILY_BYTES])>,
}

/// Bytes of the longest family that is remembered.
const FAMILY_BYTES: usize = 40;

impl Default for Families {
    fn default() -> Self {
        Self { entries: vec![(None, 0, [0; FAMILY_BYTES]); TEXTS] }
    }
}

impl Families {
    /// Writes the family of `agent`, which is known under a number.
    pub fn write(&mut self, known: Known, agent: &[u8], out: &mut Vec<u8>) {
        let (of, len, text) = &mut self.entries[known.place()];
        if *of == Some(known) {
            return append(text, usize::from(*len), out);
        }
        let start = out.len();
        family(agent, out);
        if let Some(room) = text.get_mut(..out.len() - start) {
            room.copy_from_slice(&out[start..]);
            (*of, *len) = (Some(known), room.len() as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, mark by mark.
    fn obvious(agent: &[u8]) -> Vec<u8> {
        let lower = agent.to_ascii_lowercase();
        if ROBOTS.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some()) {
            return b"Robot".to_vec();
        }
        for (mark, family) in FAMILIES {
            if let Some(at) = memchr::memmem::find(agent, mark.as_bytes()) {
                let version: Vec<u8> =
                    agent[at + mark.len()..].iter().copied().take(4).take_while(u8::is_ascii_digit).collect();
                let space: &[u8] = if version.is_empty() { b"" } else { b" " };
                return [family.as_bytes(), space, &version].concat();
            }
        }
        b"Other".to_vec()
    }

    proptest::proptest! {
        #[test]
        fn one_pass_finds_what_many_find(agent in "(Mozilla/5.0 |Edg/|XEdg/1|MSIE |Chrome/|Firefox/1|bOt|Mon|itor|[a-z/ ]|[0-9]{1,5}){0,9}") {
            let (mut out, mut families, mut twice) = (Vec::new(), Families::default(), Vec::new());
            family(agent.as_bytes(), &mut out);
            proptest::prop_assert_eq!(&out, &obvious(agent.as_bytes()));
            let behind = [agent.as_bytes(), &[b' '; 128]].concat();
            if let Some(known) = crate::record::texts::Texts::default().keep(&behind, agent.len()) {
                families.write(known, agent.as_bytes(), &mut twice);
                families.write(known, agent.as_bytes(), &mut twice);
                proptest::prop_assert_eq!(twice, [&out[..], &out[..]].concat());
            }
        }
    }

    #[test]
    fn families() {
        let of = |agent: &str| {
            let mut out = Vec::new();
            family(agent.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            of("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"),
            "Firefox 121"
        );
        assert_eq!(
            of("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 Edg/120.0.1"),
            "Edge 120"
        );
        assert_eq!(
            of("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/17.1 Safari/605"),
            "Safari 17"
        );
        assert_eq!(of("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"), "Robot");
        assert_eq!(of("alice@example.org 203.0.113.7"), "Other");
    }
}
