//! People whom a sentence names: `Failed password for alice from …`, `authenticated as 'alice'`, `no such user "alice"`.
//!
//! ```text
//! user WORD    for WORD from    as WORD                         a word that stands where the daemons of a system put a login
//! key 'value'  key "value"  key `value`  key <value>  key [value]  a value behind a key of the vocabulary, without a sign between
//! <4:alice(-1)>                                                 a session of Mumble
//! ```
//! The sieve marks the space behind words that end as `user`, `for` and `as` do, and quotes behind a word. Words without quotes are
//! taken only where what stands before or behind them says that they name somebody: sentences speak of user interfaces, too. The
//! sentences are those of OpenSSH, PAM, Dovecot, `ProFTPD`, Apache, `MariaDB`, `PostgreSQL`, Asterisk and Prosody.

use memchr::{memchr, memchr2_iter, memmem, memrchr};

use super::bytes::{ALNUM, DIGIT, HIGH, LETTER, at, before, follows, is, is_key};
use super::enclosed::{Value, is_apostrophe, is_capital};
use super::keyed::{ELEMENT_MAX, KEY_MAX, take};
use super::persons::whole_name;
use super::prose_words::{self, Lower, enters, is_usual, leads_in, leads_perhaps, leads_surely, proves};
use super::vocabulary::{Says, Sense, says};
use super::{Finding, Search, What};

/// Bytes of the longest login that has spaces or brackets around it: OpenSSH prints a hundred characters, some of them escaped.
const LOGIN_MAX: usize = 256;

/// Looks at a space behind a word that ends as `user`, `for` or `as` do.
pub(super) fn space(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    if here < search.done.keyed || here < 2 {
        return;
    }
    let lead = match text[..here] {
        [.., b'e' | b'E', b'r' | b'R'] => Lead::of(text, here, b"user"),
        [.., b'o', b'r'] => Lead::of(text, here, b"for"),
        [.., b'a', b's'] => Lead::of(text, here, b"as"),
        _ => None,
    };
    if let Some(lead) = lead {
        named(search, here + 1, lead);
    }
}

/// How surely a login follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Whatever follows is one.
    Surely,
    /// A word is one if it is none of a sentence.
    Word,
    /// And the sentence goes on behind it.
    Proven,
    /// Only what something encloses, or what the sentence goes on behind.
    Alone,
}

impl Lead {
    /// What the words say that end before `here` with `word`.
    fn of(text: &[u8], here: usize, word: &[u8]) -> Option<Self> {
        let start = here.checked_sub(word.len())?;
        if !text[start..here].eq_ignore_ascii_case(word) || (start > 0 && is_key(text[start - 1])) {
            return None;
        }
        let told = text[..start].strip_suffix(b" ").unwrap_or_default();
        let (last, part) = last_word(told);
        let (last, part) = (Lower::of(last), Lower::of(part));
        let (last, part) = (last.bytes(), part.bytes());
        match word {
            b"user" if leads_surely(last) => Some(Self::Surely),
            b"user" if leads_perhaps(last) => Some(Self::Word),
            b"user" => Some(Self::Alone),
            b"for" if proves(part) => Some(Self::Proven),
            b"as" if enters(last) || (last == b"in" && leads_in(Lower::of(way_in(told)).bytes())) => {
                Some(Self::Word)
            }
            _ => None,
        }
    }
}

/// The last word of `text`, and its last part where dashes join several: `keyboard-interactive`, `gssapi-with-mic`.
fn last_word(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().rev().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    let word = &text[text.len() - length..];
    (word, word.rsplit(|&byte| byte == b'-').next().unwrap_or(word))
}

/// The word before `in` at the end of `text`.
fn way_in(text: &[u8]) -> &[u8] {
    last_word(text.strip_suffix(b" in").unwrap_or_default()).0
}

/// Takes the login that begins at `start`.
#[inline(never)]
fn named(search: &mut Search<'_>, start: usize, lead: Lead) {
    let text = search.text;
    let Some(&first) = text.get(start) else { return };
    if matches!(first, b'"' | b'\'' | b'`' | b'<' | b'[') {
        return enclosed(search, start, Says::Is(Sense::User));
    }
    let mut end = word(text, start);
    let usual = is_usual(Lower::of(&text[start..end]).bytes());
    if lead == Lead::Surely {
        // Whoever guesses logins guesses such with spaces, too.
        end = end.max(up_to_origin(text, start));
    } else if is_capital(text, start) && !usual {
        end = whole_name(text, end);
    }
    let login = &text[start..end];
    if login.is_empty() || !login.iter().any(|&byte| is(byte, ALNUM | HIGH)) {
        return;
    }
    let origin =
        matches!(text[end..], [b' ', b'0'..=b'9' | b'[' | b':', ..]) || follows(text, end, b" from ");
    // The origin of a login that is called `user`.
    let address = login.contains(&b'.') && login.iter().all(|&byte| is(byte, DIGIT) || byte == b'.');
    let on = goes_on(text, end);
    let taken = match lead {
        Lead::Surely => origin || !is_usual(Lower::of(login).bytes()),
        Lead::Word => !usual && !address,
        Lead::Proven => on,
        Lead::Alone => !usual && !address && on,
    };
    // `for invalid user alice from`: the word is not the login.
    let taken = taken && !(on_to_user(text, start));
    if taken && take(search, start, end, Says::Is(Sense::User), Sense::User) {
        search.done.keyed = search.done.keyed.max(end);
    }
}

/// Where the word that begins at `start` ends; what closes a sentence or a bracket is no part of it.
fn word(text: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| {
        matches!(
            byte,
            0..=b' '
                | b'"'
                | b'\''
                | b'`'
                | b'<'
                | b'>'
                | b'('
                | b')'
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b','
                | b';'
                | b':'
                | b'='
        )
    };
    let mut end = start;
    while end < text.len() && (!ends(&text[end]) || is_within(text, start, end)) {
        end += 1;
    }
    while end > start && matches!(text[end - 1], b'.' | b'!' | b'?') {
        end -= 1;
    }
    end
}

/// True for the quote in `O'Brien`, not for that in `alice's session`.
fn is_within(text: &[u8], start: usize, here: usize) -> bool {
    let genitive = matches!(text.get(here + 1), Some(b's')) && !at(text, here + 2, LETTER | HIGH);
    text[here] == b'\'' && is_apostrophe(text, start, here) && !genitive
}

/// Where a login ends, with spaces in it or not, that `from` and its origin follow, an address and its port, or how far the client
/// came; `start` when none does.
fn up_to_origin(text: &[u8], start: usize) -> usize {
    let window = &text[start..text.len().min(start + LOGIN_MAX)];
    let line = &window[..memchr(b'\n', window).unwrap_or(window.len())];
    let find = |words: &[u8]| memmem::find(line, words);
    let address = find(b" port ").and_then(|port| memrchr(b' ', &line[..port]));
    let length = [find(b" from "), address, find(b" [preauth]")].into_iter().flatten().min();
    start + length.unwrap_or(0)
}

/// True when the sentence goes on behind a login that ends at `end` as sentences about people do, or ends.
fn goes_on(text: &[u8], end: usize) -> bool {
    let rest = &text[end..];
    let rest = match rest {
        [] | [b':' | b',' | b';' | b'.' | b')' | b'\n' | b'\r', ..] => return true,
        [b' ', rest @ ..] => rest,
        _ => return false,
    };
    let length = rest.iter().take(KEY_MAX).take_while(|&&byte| is(byte, ALNUM)).count();
    let next = &rest[..length];
    match rest.first() {
        None | Some(b'(' | b'[') => true,
        // An address.
        Some(&byte) if is(byte, DIGIT) || byte == b':' => true,
        _ => next.len() > 3 && next.ends_with(b"ed") || prose_words::goes_on(Lower::of(next).bytes()),
    }
}

/// True for `invalid user` and the like, and for `user` itself before a login.
fn on_to_user(text: &[u8], start: usize) -> bool {
    let second = start + text[start..].iter().take(LOGIN_MAX).take_while(|&&byte| byte != b' ').count() + 1;
    let second_word = &text[(start + 5).min(text.len())..];
    let second_word =
        &second_word[..second_word.iter().position(|&byte| byte == b' ').unwrap_or(second_word.len())];
    (leads_surely(Lower::of(&text[start..second - 1]).bytes()) && follows(text, second, b"user "))
        || (follows(text, start, b"user ")
            && !matches!(second_word.first(), Some(b'0'..=b'9' | b'[' | b':'))
            && !prose_words::goes_on(Lower::of(second_word).bytes()))
}

/// Looks at a quote or bracket behind a space: a value behind a key of the vocabulary, or a session of Mumble.
pub(super) fn opening(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    if here < search.done.keyed || here < 3 || text[here - 1] != b' ' {
        return;
    }
    if text[here] == b'<' && mumble(search, here) {
        return;
    }
    let end = here - 1;
    if !is(text[end - 1], LETTER) {
        return;
    }
    let length = text[..end].iter().rev().take(KEY_MAX).take_while(|&&byte| is_key(byte)).count();
    let key = &text[end - length..end];
    let whole = length < KEY_MAX && !before(text, end - length, HIGH);
    let said = match says(key) {
        _ if !whole => None,
        Some(said @ (Says::Is(_) | Says::Person)) => Some(said),
        // `display name "Anna"`.
        Some(Says::Name) => two_words(text, end - length, end).filter(|said| matches!(said, Says::Is(_))),
        _ if [&b"peer"[..], b"extension"].iter().any(|word| key.eq_ignore_ascii_case(word)) => {
            Some(Says::Is(Sense::User))
        }
        _ => None,
    };
    if let Some(said) = said {
        enclosed(search, here, said);
    }
}

/// What `display name`, `full name` and the like say: the key at `start..end` with the word before it.
pub(super) fn two_words(text: &[u8], start: usize, end: usize) -> Option<Says> {
    let before = text[..start].strip_suffix(b" ").or_else(|| text[..start].strip_suffix(b"."))?;
    let length = before.iter().rev().take(KEY_MAX).take_while(|&&byte| is(byte, LETTER)).count();
    let mut key = [0; 2 * KEY_MAX];
    let first = &before[before.len() - length..];
    let whole = key.get_mut(..length + (end - start))?;
    whole[..length].copy_from_slice(first);
    whole[length..].copy_from_slice(&text[start..end]);
    says(whole).filter(|_| length > 0)
}

/// `alice(uid=1000)`: takes the login before the bracket at `here`.
pub(super) fn numbered(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    let part = |byte: &&u8| is_key(**byte) || is(**byte, HIGH) || matches!(byte, b'.' | b'+' | b'$' | b'\\');
    let length = text[..here].iter().rev().take(LOGIN_MAX).take_while(part).count();
    if length > 0 && length < LOGIN_MAX {
        take(search, here - length, here, Says::Is(Sense::User), Sense::User);
    }
}

/// Takes what the quote or bracket at `here` encloses, on one line and not for long.
fn enclosed(search: &mut Search<'_>, here: usize, said: Says) {
    let text = search.text;
    let Some(sense) = said.sense() else { return };
    let value = match text[here] {
        b'`' => {
            let window = &text[here + 1..text.len().min(here + 1 + LOGIN_MAX)];
            // `alice', as GNU wrote, and `alice`.
            let mut ends = memchr2_iter(b'`', b'\'', window).map(|length| here + 1 + length);
            let end = ends.find(|&end| text[end] == b'`' || !is_apostrophe(text, here + 1, end));
            end.map(|end| Value { start: here + 1, end })
        }
        b'[' => {
            let window = &text[here + 1..text.len().min(here + 1 + LOGIN_MAX)];
            let plain = |byte: &u8| !matches!(byte, b'=' | b'[' | b'{' | b'"' | b'\n');
            memchr(b']', window)
                .filter(|&length| window[..length].iter().all(plain) && !window.starts_with(b"preauth"))
                .map(|length| Value { start: here + 1, end: here + 1 + length })
        }
        _ => Value::read(text, here, said, false),
    };
    // What a path names is a thing.
    let path = |value: &Value| text.get(value.start) == Some(&b'/') && sense != Sense::Secret;
    let Some(value) = value.filter(|value| !path(value)) else { return };
    if take(search, value.start, value.end, said, sense) {
        search.done.keyed = search.done.keyed.max(value.end);
    }
}

/// `<4:alice(-1)>`: a session of a Mumble server, its user and the user's number.
fn mumble(search: &mut Search<'_>, here: usize) -> bool {
    let text = search.text;
    let window = &text[here + 1..text.len().min(here + 1 + ELEMENT_MAX)];
    let window = &window[..memchr(b'\n', window).unwrap_or(window.len())];
    let digits = window.iter().take_while(|&&byte| is(byte, DIGIT)).count();
    if window.get(digits) != Some(&b':') || digits == 0 {
        return false;
    }
    let user = &window[digits + 1..];
    // Names may hold brackets, too.
    let ends = |close: usize| {
        let open = memrchr(b'(', &user[..close])?;
        let number = user[open + 1..close].strip_prefix(b"-").unwrap_or(&user[open + 1..close]);
        (open > 0 && !number.is_empty() && number.iter().all(u8::is_ascii_digit)).then_some(open)
    };
    let Some(length) = memmem::find_iter(user, b")>").find_map(ends) else { return false };
    let start = here + 1 + digits + 1;
    search.push(Finding { start, end: start + length, what: What::Said(Sense::User) });
    true
}
