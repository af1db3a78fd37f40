//! The verdict on one line: is every identifier gone, is all else still there?
//!
//! *In*: a line before and after, and what the record's structure names. *Out*: [`Verdict`]: per kind how many identifiers
//! there were and how many are left, and how many words there were and survived. *Promised*: an identifier counts as left
//! when its text, or any spelling of its address, stands in the output. *Not here*: running the program (`mod`).

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use regex::bytes::Regex;

use super::finder::{self, Found, Kind};
use super::logins;

/// Found and left over, per kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    /// Identifiers in the input.
    pub found: u64,
    /// Of these, still readable in the output.
    pub left: u64,
}

/// What became of one or many lines.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Recall, per kind.
    pub kinds: BTreeMap<Kind, Score>,
    /// Words outside identifiers.
    pub words: u64,
    /// Of these, unchanged in the output.
    pub survived: u64,
    /// JSON members that the output no longer has (deny by default; not counted as words).
    pub members_dropped: u64,
    /// A few samples of what was left over, and of what did not survive: public test data, for the developer's eyes.
    pub leaks: Vec<String>,
    /// The latter.
    pub losses: Vec<String>,
}

/// How many samples of trouble a verdict keeps.
const SAMPLES_MAX: usize = 8;

impl Verdict {
    /// Adds another verdict to this one.
    pub fn add(&mut self, other: Self) {
        for (kind, score) in other.kinds {
            let sum = self.kinds.entry(kind).or_default();
            sum.found += score.found;
            sum.left += score.left;
        }
        self.words += other.words;
        self.survived += other.survived;
        self.members_dropped += other.members_dropped;
        self.leaks.extend(other.leaks);
        self.losses.extend(other.losses);
        self.leaks.truncate(SAMPLES_MAX);
        self.losses.truncate(SAMPLES_MAX);
    }

    /// Share of the identifiers of `kinds` that are gone; 1 when there were none.
    pub fn recall(&self, kinds: &[Kind]) -> f64 {
        let total = self.sum(kinds);
        share(total.found - total.left, total.found)
    }

    /// Found and left over the given kinds.
    pub fn sum(&self, kinds: &[Kind]) -> Score {
        self.kinds.iter().filter(|(kind, _)| kinds.contains(kind)).fold(
            Score::default(),
            |sum, (_, score)| Score { found: sum.found + score.found, left: sum.left + score.left },
        )
    }

    /// Share of words that survived.
    pub fn survival(&self) -> f64 {
        share(self.survived, self.words)
    }

    fn count(&mut self, kind: Kind, left: bool) {
        let score = self.kinds.entry(kind).or_default();
        score.found += 1;
        score.left += u64::from(left);
    }

    /// Counts `found` places of one value, `left` of which are still readable.
    pub fn count_many(&mut self, kind: Kind, found: u64, left: u64, value: &[u8]) {
        let score = self.kinds.entry(kind).or_default();
        score.found += found;
        score.left += left;
        if left > 0 && self.leaks.len() < SAMPLES_MAX {
            self.leaks.push(format!("{} {}", kind.name(), String::from_utf8_lossy(value)));
        }
    }

    fn lost(&mut self, text: &[u8]) {
        if self.losses.len() < SAMPLES_MAX {
            self.losses.push(String::from_utf8_lossy(text).into_owned());
        }
    }
}

/// `part / whole`, and 1 of nothing.
#[allow(clippy::cast_precision_loss, reason = "counts of lines are far below 2^52")]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The identifiers of a line: what the finder sees, and what the structure names through the groups of `lines`.
pub fn identifiers(line: &[u8], lines: &Regex) -> Vec<Found> {
    let mut found = finder::find(line);
    let Some(groups) = lines.captures(line) else { return found };
    for name in lines.capture_names().flatten() {
        let Some(group) = groups.name(name) else { continue };
        let (start, end) = (group.start(), group.end());
        if name.starts_with("maybe") {
            // A name in a message, which a parser of that message may know.
            namesakes(line, group.as_bytes(), usize::MAX, &mut found);
            continue;
        }
        if name.starts_with("infra") {
            // Our own side: an address there may be treated, and may stay.
            for f in &mut found {
                f.certain &= f.end <= start || f.start >= end;
            }
            found.push(Found { kind: Kind::Host, start, end, certain: false, address: None });
            continue;
        }
        let value = group.as_bytes();
        if matches!(value, b"-" | b"" | b"\"\"") {
            continue;
        }
        let spelled =
            found.iter().any(|f| f.certain && f.start <= start && f.end >= end && f.address.is_some());
        if name == "client" {
            let unix = value.starts_with(b"unix:");
            if !spelled {
                found.push(Found { kind: Kind::Client, start, end, certain: !unix, address: None });
            }
        } else {
            found.push(Found { kind: Kind::User, start, end, certain: true, address: None });
            namesakes(line, value, start, &mut found);
        }
    }
    found.sort_by_key(|f| (f.start, f.end));
    found
}

/// Other places where the record's own user stands as a word: a text may have them treated.
fn namesakes(line: &[u8], name: &[u8], own: usize, found: &mut Vec<Found>) {
    for start in positions(line, name, true) {
        let end = start + name.len();
        if start != own && word_bounded(line, start, end) {
            found.push(Found { kind: Kind::User, start, end, certain: false, address: None });
        }
    }
}

fn positions(line: &[u8], name: &[u8], fold: bool) -> Vec<usize> {
    let same = |w: &[u8]| if fold { w.eq_ignore_ascii_case(name) } else { w == name };
    line.windows(name.len().max(1)).enumerate().filter(|(_, w)| same(w)).map(|(i, _)| i).collect()
}

fn word_bounded(line: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    !word(start.checked_sub(1).and_then(|i| line.get(i))) && !word(line.get(end))
}

/// Judges one line of a format that keeps the order of its text.
pub fn judge(input: &[u8], output: &[u8], lines: &Regex) -> Verdict {
    let mut verdict = Verdict::default();
    let found = identifiers(input, lines);
    recall(input, output, &found, lines, &mut verdict);
    survival(input, output, &found, &mut verdict);
    verdict
}

/// Judges one line of text, in which sentences name people.
pub fn judge_text(input: &[u8], output: &[u8], lines: &Regex) -> Verdict {
    let mut verdict = Verdict::default();
    let mut found = identifiers(input, lines);
    recall(input, output, &found, lines, &mut verdict);
    let logins = logins::find(input);
    logins::recall(input, output, &logins, &mut verdict);
    found.extend(logins);
    found.sort_by_key(|f| (f.start, f.end));
    survival(input, output, &found, &mut verdict);
    verdict
}

/// Recall of one line: fills the kinds of `verdict`.
pub fn recall(input: &[u8], output: &[u8], found: &[Found], lines: &Regex, verdict: &mut Verdict) {
    let after = finder::addresses(output);
    let column =
        |name: &str| lines.captures(output).and_then(|c| c.name(name).map(|g| g.as_bytes().to_vec()));
    for f in found.iter().filter(|f| f.certain) {
        let raw = &input[f.start..f.end];
        let left = match f.kind {
            // A short name may stand elsewhere as part of the format; its own column must not hold it.
            Kind::User => ["user", "ident"].iter().any(|n| column(n).is_some_and(|v| v == raw)),
            _ => stands(output, raw) || spelled(&after, f.address),
        };
        verdict.count(f.kind, left);
        if left && verdict.leaks.len() < SAMPLES_MAX {
            verdict.leaks.push(format!("{} {}", f.kind.name(), String::from_utf8_lossy(raw)));
        }
    }
}

fn spelled(after: &HashSet<IpAddr>, address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| after.contains(&finder::canonical(address)))
}

/// Where `value` stands in `text` in any case of its letters, and is not merely a piece of a longer word.
pub fn standing(text: &[u8], value: &[u8]) -> Vec<usize> {
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let mut all = positions(text, value, true);
    all.retain(|&start| {
        let before = start.checked_sub(1).and_then(|i| text.get(i));
        !digit(before) && !digit(text.get(start + value.len()))
    });
    all
}

/// True when `raw` stands in `output` and is not merely a piece of a longer word or number.
fn stands(output: &[u8], raw: &[u8]) -> bool {
    positions(output, raw, false).into_iter().any(|start| {
        let end = start + raw.len();
        let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        !digit(start.checked_sub(1).and_then(|i| output.get(i))) && !digit(output.get(end))
    })
}

/// Survival of one line: counts words outside all found spans that stand, in order, in the output.
pub fn survival(input: &[u8], output: &[u8], found: &[Found], verdict: &mut Verdict) {
    let kept: Vec<&[u8]> = rest(input, found);
    let total: u64 = kept.iter().map(|segment| words(segment).count() as u64).sum();
    verdict.words += total;
    if in_order(&kept, output) {
        verdict.survived += total;
        return;
    }
    let before: Vec<&[u8]> = kept.iter().flat_map(|segment| words(segment)).collect();
    let after: Vec<&[u8]> = words(output).collect();
    let (survived, lost) = common_words(&before, &after);
    verdict.survived += survived;
    if let Some(lost) = lost {
        verdict.lost(lost);
    }
}

/// The stretches of the line outside every span, without the word that a span cuts in two.
fn rest<'a>(input: &'a [u8], found: &[Found]) -> Vec<&'a [u8]> {
    let mut covered = vec![false; input.len()];
    for f in found {
        let start = (0..f.start).rev().take_while(|&i| !is_break(input[i])).last().unwrap_or(f.start);
        let end = (f.end..input.len()).take_while(|&i| !is_break(input[i])).last().map_or(f.end, |i| i + 1);
        covered[start..end].fill(true);
    }
    let mut segments = Vec::new();
    let mut begin = 0;
    for i in 0..=input.len() {
        if i == input.len() || covered[i] {
            if begin < i {
                segments.push(&input[begin..i]);
            }
            begin = i + 1;
        }
    }
    segments
}

fn is_break(byte: u8) -> bool {
    byte.is_ascii_whitespace() || br#""'()[]{}<>,;=&?|/\@"#.contains(&byte)
}

fn words(segment: &[u8]) -> impl Iterator<Item = &[u8]> {
    segment.split(|b| is_break(*b)).filter(|word| word.iter().any(u8::is_ascii_alphanumeric))
}

fn in_order(segments: &[&[u8]], output: &[u8]) -> bool {
    let mut at = 0;
    segments.iter().all(|segment| {
        let hit = memchr::memmem::find(&output[at..], segment);
        at += hit.map_or(0, |i| i + segment.len());
        hit.is_some()
    })
}

/// Length of the longest common subsequence, and the first word of `before` that is in no such sequence.
fn common_words<'a>(before: &[&'a [u8]], after: &[&[u8]]) -> (u64, Option<&'a [u8]>) {
    let width = after.len() + 1;
    let mut table = vec![0_u32; (before.len() + 1) * width];
    for (i, word) in before.iter().enumerate().rev() {
        for (j, other) in after.iter().enumerate().rev() {
            table[i * width + j] = if word == other {
                table[(i + 1) * width + j + 1] + 1
            } else {
                table[(i + 1) * width + j].max(table[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < before.len() && j < after.len() && before[i] == after[j] {
        (i, j) = (i + 1, j + 1);
    }
    while i < before.len() && j < after.len() {
        if before[i] == after[j] {
            (i, j) = (i + 1, j + 1);
        } else if table[(i + 1) * width + j] >= table[i * width + j + 1] {
            return (u64::from(table[0]), Some(before[i]));
        } else {
            j += 1;
        }
    }
    (u64::from(table[0]), before.get(i).copied())
}

/// Judges one line of JSON by its members: what the output still has must have survived; what it lacks was dropped by the
/// policy and is counted apart. Users are the values of keys that name one.
pub fn judge_json(input: &[u8], output: &[u8], lines: &Regex) -> Verdict {
    let mut verdict = Verdict::default();
    let mut found = finder::find(input);
    found.retain(|f| f.certain);
    recall(input, output, &found, lines, &mut verdict);
    let before: Result<serde_json::Value, _> = serde_json::from_slice(input);
    let after: Result<serde_json::Value, _> = serde_json::from_slice(output);
    match (before, after) {
        (Ok(before), Ok(after)) => members("", &before, Some(&after), &mut verdict),
        (Ok(_), Err(_)) => {
            verdict.words += 1;
            verdict.lost(b"the output is no JSON");
        }
        _ => {}
    }
    verdict
}

const USER_KEYS: &[&str] = &["remote_user", "user", "username", "user_name", "ClientUser", "login"];

fn members(key: &str, before: &serde_json::Value, after: Option<&serde_json::Value>, verdict: &mut Verdict) {
    use serde_json::Value;
    match (before, after) {
        (Value::Object(before), Some(Value::Object(after))) => {
            for (name, value) in before {
                members(name, value, after.get(name), verdict);
            }
        }
        (Value::Array(before), Some(Value::Array(after))) => {
            for (i, value) in before.iter().enumerate() {
                members(key, value, after.get(i), verdict);
            }
        }
        (_, None) => verdict.members_dropped += 1,
        (Value::String(before), Some(after)) => {
            let after = after.as_str().unwrap_or_default();
            let absent = matches!(before.as_str(), "" | "-" | "--");
            if USER_KEYS.contains(&key) && !absent {
                verdict.count(Kind::User, before == after);
            } else {
                let found = finder::find(before.as_bytes());
                survival(before.as_bytes(), after.as_bytes(), &found, verdict);
            }
        }
        (before, Some(after)) => {
            verdict.words += 1;
            verdict.survived += u64::from(before == after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> Regex {
        Regex::new(r"^(?P<client>\S+) (?P<user>\S+) ").unwrap()
    }

    #[test]
    fn a_clean_line_is_clean() {
        let v = judge(b"192.0.2.7 alice GET /x?a=192.0.2.7 ok", b"TOKEN TOKEN2 GET /x?a=TOKEN ok", &any());
        assert_eq!((v.recall(&[Kind::V4]), v.recall(&[Kind::User])), (1.0, 1.0));
        assert_eq!((v.survived, v.words), (4, 4), "{:?}", v.losses);
    }

    #[test]
    fn leaks_are_seen_in_other_spellings() {
        let v = judge(b"192.0.2.7 alice GET /x", b"T T GET /x ip-192-0-2-7.example.net", &any());
        assert_eq!(v.sum(&[Kind::V4]).left, 1);
        let v = judge(b"2001:db8::7 alice GET", b"T T 2001:DB8:0:0:0:0:0:7", &any());
        assert_eq!(v.sum(&[Kind::V6]).left, 1);
    }

    #[test]
    fn lost_words_are_seen() {
        let v = judge(b"192.0.2.7 alice GET /one/two three", b"T T GET /one/X three", &any());
        assert_eq!((v.survived, v.words), (3, 4));
        assert!(v.losses[0].contains("two"));
    }

    #[test]
    fn json_is_judged_by_member() {
        let before = br#"{"remote_addr":"192.0.2.7","user":"alice","status":200,"x":"gone","path":"/a/b"}"#;
        let after = br#"{"remote_addr":"T","user":"T","status":200,"path":"/a/b"}"#;
        let v = judge_json(before, after, &Regex::new(".").unwrap());
        assert_eq!((v.recall(&[Kind::V4]), v.sum(&[Kind::User]).found, v.members_dropped), (1.0, 1, 1));
        assert_eq!(v.survived, v.words);
    }
}
