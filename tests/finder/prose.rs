//! Whom sentences name, the obvious way: what stands before a word and behind it says whether it is a login.

use std::ops::Range;

use regex::Regex;

use super::persons::Persons;
use super::values::{bracketed, front, is_apostrophe, last_word, says};

/// What stands before `user` where a login follows in any case.
const SURELY: &str = "invalid|illegal|authenticating|nonexistent|non-existent|disallowed";
/// Behind a login the sentence goes on with one of these.
const GOES_ON: &str = "from|by|via|port|not|has|was|is|does|on|at|cannot|with|left|credentials|already|authentication|unknown|tried";
/// Words of sentences, which are nobody's login.
const WORDS: &str = "a access account accounts action activity added agent an and any are auth authentication by can cannot \
    certificate code connected connection count created credentials data database defined deleted did directory disconnected does \
    entry error event events expected exists experience failed field for found from group groups had has here id ids in info \
    information input interface is joined left limit list login manager mode must name names not object of on or password \
    permissions presence profile record removed request requested requests role roles session sessions settings space the to \
    unknown usual was with";

/// How surely a login follows: the word that leads to it, and what is before that.
struct Lead {
    words: Regex,
    /// It may be a word of sentences, too.
    usual: bool,
    /// The sentence has to go on behind it.
    proven: bool,
}

pub struct Prose {
    persons: Persons,
    genitive: Regex,
    leads: Vec<Lead>,
    surely: Regex,
    goes_on: Regex,
    origin: Regex,
    up_to: Regex,
    on_to_user: Regex,
    user_then: Regex,
    mumble: Regex,
    two_words: Regex,
    before_bracket: Regex,
}

impl Prose {
    pub fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        let lead = |words: &str, usual, proven| Lead {
            words: regex(&format!("(?:^|[^A-Za-z0-9_-])(?:{words})$")),
            usual,
            proven,
        };
        Self {
            persons: Persons::new(),
            genitive: regex(r"^'s(?:$|[\x00-\x7F&&[^A-Za-z]])"),
            leads: vec![
                lead("(?i:(?:for|from|by|as|unknown|of|to) user)", false, false),
                lead(
                    "(?i:(?:[a-z0-9_-]*-)?(?:password|publickey|hostbased|interactive|pam|mic|none|authentication|auth|credentials|login|exceeded|failure|failures|error|tried|unknown)) [Ff]or",
                    true,
                    true,
                ),
                lead(
                    "(?i:authenticated|authenticate|authenticating|login|reauthenticated) [Aa]s",
                    false,
                    false,
                ),
                lead("(?i:logged|log|logging|signed|sign) in [Aa]s", false, false),
                Lead { words: regex("(?:^|[^A-Za-z0-9_-])(?i:user)$"), usual: false, proven: true },
            ],
            surely: regex(&format!("(?i)(?:^|[^A-Za-z0-9_-])(?:{SURELY}) user$")),
            goes_on: regex(&format!(
                r"^(?:$|[:,;.)\n\r]| (?:$|[(\[:0-9]|(?i:{GOES_ON})(?:[^A-Za-z0-9]|$)|[A-Za-z0-9]{{2,}}ed(?:[^A-Za-z0-9]|$)))"
            )),
            origin: regex(r"^(?: [0-9\[:]|(?i: from ))"),
            up_to: regex(r"^([^\n]*?)(?: from | [^ \n]* port | \[preauth\])"),
            on_to_user: regex(&format!("^(?i:{SURELY}) (?i:user) ")),
            user_then: regex("^(?i:user) ([^ ]*)"),
            mumble: regex(r"^<[0-9]+:(.+?)\(-?[0-9]+\)>"),
            two_words: regex("([A-Za-z]+)[ .]([A-Za-z]+)$"),
            before_bracket: regex(r"[A-Za-z0-9_.+$\\[^\x00-\x7F]-]+$"),
        }
    }

    /// The login behind the space at `space`.
    pub fn login(&self, text: &str, space: usize) -> Option<Range<usize>> {
        let (before, rest) = (&text[..space], &text[space + 1..]);
        let surely = self.surely.is_match(before);
        let lead = self.leads.iter().find(|lead| lead.words.is_match(before)).filter(|_| !surely);
        if !surely && lead.is_none() {
            return None;
        }
        if rest.starts_with(['"', '\'', '`', '<', '[']) {
            return enclosed(text, space + 1, 'u');
        }
        let ends = |end: char| end <= ' ' || "\"'`<>()[]{},;:=".contains(end);
        let within = |at: usize| is_apostrophe(rest, at) && !self.genitive.is_match(&rest[at..]);
        let end = rest.match_indices(ends).find(|&(at, sign)| sign != "'" || !within(at));
        let mut login = rest[..end.map_or(rest.len(), |(at, _)| at)].trim_end_matches(['.', '!', '?']);
        let is_usual = |login: &str| WORDS.split(' ').any(|word| word == login.to_ascii_lowercase());
        let usual = is_usual(login);
        let address = login.contains('.') && login.chars().all(|sign| sign.is_ascii_digit() || sign == '.');
        let capital = rest.starts_with(|first: char| first.is_ascii_uppercase() || !first.is_ascii());
        if !surely && !usual && capital {
            login = &rest[..self.persons.whole_name(rest, login.len())];
        }
        if surely && let Some(found) = self.up_to.captures(front(rest, 256)) {
            let whole = found.get(1).unwrap().as_str();
            login = if whole.len() > login.len() { whole } else { login };
        }
        if !login.contains(|letter: char| letter.is_ascii_alphanumeric() || !letter.is_ascii()) {
            return None;
        }
        let behind = &rest[login.len()..];
        let fits = match lead {
            None => !is_usual(login) || self.origin.is_match(behind),
            Some(lead) => {
                (lead.usual || (!usual && !address)) && (!lead.proven || self.goes_on.is_match(behind))
            }
        };
        (fits && !self.leads_on(rest)).then(|| space + 1..space + 1 + login.len())
    }

    /// `for invalid user alice`, `for user alice`: what follows is not yet the login.
    fn leads_on(&self, rest: &str) -> bool {
        let goes_on = |word: &str| GOES_ON.split('|').any(|one| one.eq_ignore_ascii_case(word));
        self.on_to_user.is_match(rest)
            || self.user_then.captures(rest).is_some_and(|found| {
                !goes_on(&found[1])
                    && !found[1].starts_with(|first: char| first.is_ascii_digit() || "[:".contains(first))
            })
    }

    /// What the quote or bracket at `at` encloses behind a key and a space, and the letter of its key.
    pub fn behind_key(&self, text: &str, at: usize) -> Option<(Range<usize>, char)> {
        let before = text[..at].strip_suffix(' ').filter(|_| at >= 3)?;
        let key = last_word(before);
        if !before.ends_with(|letter: char| letter.is_ascii_alphabetic()) {
            return None;
        }
        let letter = match says(key) {
            letter if "nsurimxp".contains(letter) => letter,
            _ if key.eq_ignore_ascii_case("name") => self.two_words(before)?,
            _ if ["peer", "extension"].iter().any(|word| key.eq_ignore_ascii_case(word)) => 'u',
            _ => return None,
        };
        Some((enclosed(text, at, letter)?, letter))
    }

    /// The user of a session of Mumble at `at`.
    pub fn mumble(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let found = self.mumble.captures(&text[at..]).filter(|_| at >= 3 && text[..at].ends_with(' '))?;
        let user = found.get(1)?.range();
        Some(at + user.start..at + user.end)
    }

    /// `display name`, `user.name`, `Login failed`: what the last two words of `text` say together.
    pub fn two_words(&self, text: &str) -> Option<char> {
        let found = self.two_words.captures(text)?;
        Some(says(&format!("{}{}", &found[1], &found[2]))).filter(|letter| "nsurimx".contains(*letter))
    }

    /// `alice(`: the login that ends where `text` does.
    pub fn before_bracket(&self, text: &str) -> Option<Range<usize>> {
        self.before_bracket.find(text).map(|found| found.range())
    }
}

/// The inside of what opens at `at`, unless it is a path or no login's.
fn enclosed(text: &str, at: usize, letter: char) -> Option<Range<usize>> {
    let rest = &text[at + 1..];
    let range = match text.as_bytes()[at] {
        b'`' => {
            let mut ends = rest.match_indices(['`', '\'']);
            let (length, _) = ends.find(|&(length, sign)| sign == "`" || !is_apostrophe(rest, length))?;
            at + 1..at + 1 + Some(length).filter(|&length| length < 256)?
        }
        b'[' => {
            let inside = rest.split_once(']')?.0;
            let plain = !inside.contains(['=', '[', '{', '"', '\n']) && !rest.starts_with("preauth");
            at + 1..at + 1 + Some(inside.len()).filter(|&length| plain && length < 256)?
        }
        _ => bracketed(text, at)?,
    };
    let path = text[range.clone()].starts_with('/') && letter != 'x';
    Some(range).filter(|range| !path && !range.is_empty())
}
