//! A finder of logins in the sentences of a system's daemons, written without a look at the product's.
//!
//! *In*: one line. *Out*: [`Found`] spans of accounts, and of whatever else a treatment may take for one. *Promised*: plain expressions
//! of the sentences that OpenSSH, PAM, Dovecot, Postfix, Exim, `ProFTPD`, `MariaDB` and `PostgreSQL` print; where a sentence has no place
//! for a login of its own, there is none. *Not here*: addresses (`finder`), meetings (`meet_finder`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::finder::{Found, Kind};
use super::judge::{self, Verdict};

/// Certain, expression; the first group is the login.
const RULES: &[(bool, &str)] = &[
    (true, r"(?:Failed|Accepted|Postponed|Partial) \S+ for (?:(?:invalid|illegal) user )?(\S+) from "),
    (true, r"(?i)\b(?:invalid|illegal|authenticating) user (\S+) (?:from |\d|\[preauth)"),
    (true, r"session (?:opened|closed) for user (\w+)"),
    (
        true,
        r"\b(?:exceeded|failures|failure|error|key|method) for (?:(?:invalid|illegal) user )?(\w+) (?:from|\[)",
    ),
    (true, r"\bUser (\S+) (?:from \S+ )?not allowed because"),
    (true, r"\bfor user '([^']+)'@"),
    (true, r#"\buser "([^"]+)""#),
    (true, r"\bUSER (\w+)(?: \(|: no such)"),
    (true, r"\b(?:ruser|user|USER)=(\w+)\b"),
    (true, r"\buser=<([^<>@\s]+)>"),
    (true, r"\bsasl_username=([^\s@,]+)(?:$|[\s,])"),
    (true, r"\(set_id=([^@)\s]+)\)"),
    (true, r#"\bdn="uid=(\w+),"#),
    // May be one, may be a word.
    (false, r"(?i)\b(?:user|for|as) ['`\x22\[<]?([^\s'`\x22\]>,:]+)"),
    (false, r"(?i)\b(?:user(?:name)?|login|account|s?id)\b['\x22]?\s?[=:]\s?['\x22<]?([^\s'\x22,>]+)"),
    (false, r"<\d+:([^()]+)\("),
];

static COMPILED: LazyLock<Vec<(bool, Regex)>> = LazyLock::new(|| {
    RULES.iter().map(|&(certain, text)| (certain, Regex::new(&format!("(?-u){text}")).unwrap())).collect()
});

/// Words that sentences have where a login could stand.
const NOBODY: [&[u8]; 4] = [b"unknown", b"from", b"none", b"invalid"];

/// The logins of a line.
pub fn find(line: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    for (certain, expression) in COMPILED.iter() {
        for groups in expression.captures_iter(line) {
            let Some(login) = groups.get(1) else { continue };
            let mask = login.as_bytes().iter().all(|byte| matches!(byte, b'X' | b'x' | b'*'));
            // What the corpus says of its own lines is no log.
            let comment = line.starts_with(b"#") || line.starts_with(b"//");
            let certain = *certain && !mask && !comment && !NOBODY.contains(&login.as_bytes());
            let (start, end) = (login.start(), login.end());
            if found.iter().any(|f: &Found| f.start == start && f.certain) {
                continue;
            }
            found.push(Found { kind: Kind::Account, start, end, certain, address: None });
        }
    }
    found
}

/// Counts the logins of a line that its output still has: more often than where the input has the same word by chance.
pub fn recall(input: &[u8], output: &[u8], found: &[Found], verdict: &mut Verdict) {
    let mut places: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for f in found.iter().filter(|f| f.certain) {
        let at = places.entry(&input[f.start..f.end]).or_default();
        if !at.contains(&f.start) {
            at.push(f.start);
        }
    }
    for (login, places) in places {
        let by_chance = judge::standing(input, login).len().saturating_sub(places.len());
        let left = judge::standing(output, login).len().saturating_sub(by_chance).min(places.len());
        verdict.count_many(Kind::Account, places.len() as u64, left as u64, login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certain(line: &str) -> Vec<&str> {
        find(line.as_bytes()).iter().filter(|f| f.certain).map(|f| &line[f.start..f.end]).collect()
    }

    #[test]
    fn logins() {
        assert_eq!(certain("Failed password for invalid user nora from 192.0.2.7 port 4"), ["nora"]);
        assert_eq!(certain("pam_unix(sshd:session): session opened for user nora by (uid=0)"), ["nora"]);
        assert_eq!(certain("Access denied for user 'nora'@'192.0.2.7'"), ["nora"]);
        assert!(certain("User not known to the underlying authentication module").is_empty());
    }

    #[test]
    fn a_login_that_is_left_is_seen() {
        let (input, mut verdict) = (b"user=nora ok, nora", Verdict::default());
        let found = find(input);
        recall(input, b"user=TOKEN ok, nora", &found, &mut verdict);
        assert_eq!(verdict.sum(&[Kind::Account]).left, 0);
        recall(input, input, &found, &mut verdict);
        assert_eq!(verdict.sum(&[Kind::Account]).left, 1);
    }
}
