//! Finds what must not be there, in whatever spelling and encoding.
//!
//! *In*: the list of secrets, any bytes. *Out*: [`Sighting`]s. *How*: instead of encoding every secret in every way, the text is
//! decoded in every way, round after round (percent, XML, JSON, `\x`, XEP-0106, `+` for a space, Base64 at every alignment), and
//! each of these views is folded (NFKC, upper then lower case) and searched for the folded secrets: the values, the parts of them
//! that would still name somebody, and the other spellings of addresses. *Promised*: independent of the product's finder;
//! `finds_every_encoding` and the search of the raw logs show that it finds. *Not here*: any verdict.

use std::collections::{BTreeMap, HashSet};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use unicode_normalization::UnicodeNormalization as _;

use crate::support;

/// Rounds of decoding: what is encoded three times over is found.
const ROUNDS: usize = 3;
/// Shorter needles must stand alone, or `anna` would be found in a hexadecimal number.
const ALONE_BELOW: usize = 8;
/// Words of names that programs print too.
const COMMON: &[&str] = &["meeting", "guest", "conference", "focus", "team", "room", "user", "admin"];
/// Length of a token in Base64.
const TOKEN: usize = 22;

/// One value that must not show.
#[derive(Debug, Clone)]
pub struct Secret {
    pub kind: String,
    pub value: String,
}

/// Reads kind and value, one pair a line.
pub fn secrets(tsv: &str) -> Vec<Secret> {
    let pair = |line: &str| line.split_once('\t').map(|(kind, value)| (kind.to_owned(), value.to_owned()));
    tsv.lines().filter_map(pair).map(|(kind, value)| Secret { kind, value }).collect()
}

/// Something that was found.
#[derive(Debug)]
pub struct Sighting {
    /// Which secret, by its number.
    pub secret: usize,
    /// What of it.
    pub needle: String,
    /// In which view of the text.
    pub view: String,
    /// What stands around it. The secrets are synthetic: a failing test may show it.
    pub excerpt: String,
}

struct Needle {
    secret: usize,
    folded: String,
    /// May not continue a number or word.
    alone: bool,
}

pub struct Searcher {
    needles: Vec<Needle>,
    automaton: AhoCorasick,
}

impl Searcher {
    pub fn new(secrets: &[Secret]) -> Self {
        let mut all: BTreeMap<String, Needle> = BTreeMap::new();
        for (number, secret) in secrets.iter().enumerate() {
            for (text, address) in spellings(secret) {
                let folded = fold(&text);
                let alone = address || (folded.is_ascii() && folded.len() < ALONE_BELOW);
                // The whole value of one secret goes before a part of another.
                let whole = text == secret.value;
                let needle = Needle { secret: number, folded: folded.clone(), alone };
                match all.entry(folded) {
                    std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(needle)),
                    std::collections::btree_map::Entry::Occupied(mut place) if whole => {
                        place.insert(needle);
                    }
                    std::collections::btree_map::Entry::Occupied(_) => {}
                }
            }
        }
        let needles: Vec<Needle> = all.into_values().collect();
        let automaton = AhoCorasick::new(needles.iter().map(|needle| &needle.folded)).expect("needles fit");
        Self { needles, automaton }
    }

    /// All that `text` shows: the first sighting of each needle.
    pub fn sightings(&self, text: &[u8]) -> Vec<Sighting> {
        let mut seen: BTreeMap<usize, Sighting> = BTreeMap::new();
        for (name, view) in views(text) {
            for hit in self.automaton.find_overlapping_iter(&view) {
                let number = hit.pattern().as_usize();
                let needle = &self.needles[number];
                if seen.contains_key(&number)
                    || (needle.alone && !stands_alone(&view, hit.start(), hit.end()))
                {
                    continue;
                }
                if name.starts_with("Base64") && needle.folded.len() < ALONE_BELOW {
                    continue;
                }
                seen.insert(
                    number,
                    Sighting {
                        secret: needle.secret,
                        needle: needle.folded.clone(),
                        view: name.clone(),
                        excerpt: around(&view, hit.start(), hit.end()),
                    },
                );
            }
        }
        seen.into_values().collect()
    }
}

/// The runs of `text` that could be tokens: exactly as many Base64 characters as a token has.
pub fn token_like(text: &[u8]) -> HashSet<String> {
    let of_token = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
    let runs = text.split(|b| !of_token(b)).filter(|run| run.len() == TOKEN);
    runs.map(|run| String::from_utf8_lossy(run).into_owned()).collect()
}

/// `text` without its tokens: what looks like one and is in no input. A token is random, so that now and then one would show
/// somebody's short name.
pub fn without_tokens(text: &[u8], in_inputs: &HashSet<String>) -> Vec<u8> {
    let tokens: Vec<String> = token_like(text).into_iter().filter(|run| !in_inputs.contains(run)).collect();
    if tokens.is_empty() {
        return text.to_vec();
    }
    let automaton = AhoCorasick::new(&tokens).expect("tokens fit");
    automaton.replace_all_bytes(text, &vec![" * "; tokens.len()])
}

/// NFKC and any case: upper case first, so that `ß` and `SS`, `ı` and `I` are the same.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let normal: String = text.nfkc().collect();
    normal.to_uppercase().to_lowercase().nfkc().collect()
}

/// What of a secret must not show, and whether it is an address.
fn spellings(secret: &Secret) -> Vec<(String, bool)> {
    let value = &secret.value;
    let mut all = vec![(value.clone(), false)];
    let mut part = |text: &str, least: usize| {
        if text.chars().count() >= least && !COMMON.contains(&fold(text).as_str()) {
            all.push((text.to_owned(), false));
        }
    };
    match secret.kind.as_str() {
        "name" => {
            for word in value.split([' ', '\u{3000}']).chain(value.split([' ', '-', '\u{3000}'])) {
                part(word.trim_matches(|c: char| !c.is_alphabetic()), 4);
            }
        }
        "email" | "jid" => part(value.split('@').next().unwrap_or_default(), 5),
        "jwt" => value.split('.').skip(1).for_each(|segment| part(segment, 16)),
        "phone" => part(value.trim_start_matches('+'), 8),
        "fingerprint" => part(&value.replace(':', ""), 32),
        "address" => {
            let ip = value.parse().expect("the generator writes addresses");
            return support::address_spellings(ip).into_iter().map(|text| (text, true)).collect();
        }
        _ => {}
    }
    all
}

fn stands_alone(view: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    !word(start.checked_sub(1).and_then(|at| view.get(at))) && !word(view.get(end))
}

fn around(view: &[u8], start: usize, end: usize) -> String {
    let from = start.saturating_sub(70);
    let text = String::from_utf8_lossy(&view[from..(end + 50).min(view.len())]);
    text.replace(['\n', '\t'], " ")
}

/// `text` as it is and decoded, each folded.
fn views(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add =
        |name: String, bytes: &[u8]| all.push((name, fold(&String::from_utf8_lossy(bytes)).into_bytes()));
    let mut decoded = text.to_vec();
    for round in 0..=ROUNDS {
        add(format!("decoded {round} times"), &decoded);
        if decoded.contains(&b'+') {
            let spaced: Vec<u8> = decoded.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
            add(format!("decoded {round} times, + for a space"), &spaced);
        }
        let next = decode(&decoded);
        if next == decoded {
            break;
        }
        decoded = next;
    }
    let contents = base64_contents(text);
    add("Base64".to_owned(), &contents);
    add("Base64, decoded".to_owned(), &decode(&contents));
    all
}

/// One round of decoding of all that looks encoded.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let step = match text[at] {
            b'%' => hex_byte(text, at + 1).map(|byte| (3, vec![byte])),
            b'&' => entity(&text[at..]),
            b'\\' => backslash(&text[at..]),
            _ => None,
        };
        let (length, bytes) = step.unwrap_or_else(|| (1, vec![text[at]]));
        out.extend_from_slice(&bytes);
        at += length;
    }
    out
}

fn hex_byte(text: &[u8], at: usize) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(at..at + 2)?).ok()?;
    if digits.starts_with('+') { None } else { u8::from_str_radix(digits, 16).ok() }
}

fn entity(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let end = text.iter().take(10).position(|b| *b == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let value = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(value.ok()?)?
        }
    };
    Some((end + 1, c.to_string().into_bytes()))
}

/// `\u00eb`, with surrogates; `\xc3`; `\"`; and XEP-0106's `\20`.
fn backslash(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(text.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    match text.get(1)? {
        b'u' | b'U' => {
            let first = unit(2)?;
            let second = (text.get(6..8)?.eq_ignore_ascii_case(b"\\u")).then(|| unit(8)).flatten();
            let (length, units) = match second {
                Some(second) if (0xd800..0xdc00).contains(&first) => (12, vec![first, second]),
                _ => (6, vec![first]),
            };
            Some((length, String::from_utf16_lossy(&units).into_bytes()))
        }
        b'x' | b'X' => Some((4, vec![hex_byte(text, 2)?])),
        quoted @ (b'"' | b'\\' | b'/' | b'\'') => Some((2, vec![*quoted])),
        b'2' | b'3' | b'4' | b'5' => Some((3, vec![hex_byte(text, 1)?])),
        _ => None,
    }
}

/// What the runs of Base64 in `text` hold, each read from its first four characters on.
fn base64_contents(text: &[u8]) -> Vec<u8> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, config);
    let of_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    let mut out = Vec::new();
    let runs: HashSet<&[u8]> = text.split(|b| !of_base64(b)).filter(|run| run.len() >= 8).collect();
    for run in runs {
        let safe: Vec<u8> = run
            .iter()
            .map(|b| match b {
                b'+' => b'-',
                b'/' => b'_',
                b => *b,
            })
            .collect();
        for skip in 0..4 {
            let part = &safe[skip..];
            // A rest of one character is no byte.
            let whole = if part.len() % 4 == 1 { part.len() - 1 } else { part.len() };
            if let Ok(bytes) = engine.decode(&part[..whole]) {
                out.extend_from_slice(&bytes);
                out.push(b'\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use std::fmt::Write as _;

    fn secret(kind: &str, value: &str) -> Secret {
        Secret { kind: kind.to_owned(), value: value.to_owned() }
    }

    fn percent(text: &str, upper: bool) -> String {
        text.bytes().fold(String::new(), |mut out, b| {
            let _ = if upper { write!(out, "%{b:02X}") } else { write!(out, "%{b:02x}") };
            out
        })
    }

    fn json(text: &str) -> String {
        text.encode_utf16().fold(String::new(), |mut out, unit| {
            let _ = write!(out, "\\u{unit:04x}");
            out
        })
    }

    /// A search that cannot find proves nothing.
    #[test]
    fn finds_every_encoding() {
        for value in [
            "Zoë O'Brien",
            "İsmail Işık",
            "Annegret Strauß",
            "小林　花子さん",
            "Femke 🌻 Achterberg",
            "अनन्या शर्मा",
        ] {
            let searcher = Searcher::new(&[secret("name", value)]);
            let hex: String = value.bytes().fold(String::new(), |mut out, b| {
                let _ = write!(out, "\\x{b:02X}");
                out
            });
            let entities = value.chars().fold(String::new(), |mut out, c| {
                let _ = write!(out, "&#{};", u32::from(c));
                out
            });
            let jid = value.replace(' ', "\\20").replace('\'', "\\27");
            let shown = [
                value.to_owned(),
                value.to_uppercase(),
                value.to_lowercase(),
                value.nfd().collect(),
                value.nfkc().collect(),
                percent(value, true),
                percent(value, false),
                percent(&percent(value, true), true),
                percent(value, true).replace("%20", "+"),
                value.replace('\'', "&apos;"),
                entities,
                json(value),
                json(value).replace('\\', "\\\\"),
                hex,
                jid.clone(),
                percent(&jid, true),
                format!("eyJ.{}", URL_SAFE_NO_PAD.encode(format!(r#"{{"a":"{value}","z":1}}"#))),
                STANDARD.encode(format!("x{value}")),
                STANDARD.encode(format!("xy{}", json(value))),
            ];
            for text in shown {
                let line = format!("before {text} after");
                let found = searcher.sightings(line.as_bytes());
                assert!(found.iter().any(|sighting| sighting.needle == fold(value)), "{line}");
            }
            assert!(searcher.sightings(b"nobody is here").is_empty());
        }
    }

    #[test]
    fn finds_parts_and_other_spellings() {
        let found = |kind: &str, value: &str, text: &str| {
            !Searcher::new(&[secret(kind, value)]).sightings(text.as_bytes()).is_empty()
        };
        assert!(found("name", "Zoë Visser-Jönsson", "Visser-Jönsson was here"));
        assert!(found("name", "Zoë Visser-Jönsson", "J\u{f6}NSSON"));
        assert!(!found("name", "Gaia de Wit", "megaiamonde"));
        assert!(found("email", "fenna_lindqvist@example.com", "user fenna_lindqvist logged in"));
        assert!(found(
            "jwt",
            "eyJhbGciOi.eyJjb250ZXh0Ijp7fX0x.c2lnbmF0dXJlc2lnbmF0dXJl",
            "eyJjb250ZXh0Ijp7fX0x"
        ));
        assert!(found("address", "198.18.4.27", "host 198-18-4-27.dyn"));
        assert!(found("address", "198.18.4.27", "%3198.18.4.27:443"));
        assert!(!found("address", "198.18.4.27", "198.18.4.0/24 198.18.4.270"));
        assert!(found("address", "2001:db8:a:b::1:2", "[2001:0DB8:000A:000B:0000:0000:0001:0002]:443"));
        assert!(found("phone", "+31205551234", "sip:31205551234@sip"));
        assert!(found("endpoint", "2498e671", "stream-2498E671"));
    }

    #[test]
    fn tokens_are_no_sightings_but_inputs_are() {
        let text = b"a Gaia-12345678901234567 b Gaia-76543210987654321 c";
        let inputs = token_like(b"x Gaia-76543210987654321 y");
        let clean = without_tokens(text, &inputs);
        assert_eq!(String::from_utf8_lossy(&clean), "a  *  b Gaia-76543210987654321 c");
    }
}
