//! Whom `name` names, and what a person's name looks like where the key beside it may mean something else, too.

use memchr::{memchr, memmem, memrchr};

use super::bytes::{ALNUM, DIGIT, HIGH, LETTER, UNDERSCORE, is, is_key};
use super::enclosed::Value;
use super::endpoints::is_random;
use super::keyed::{ELEMENT_MAX, key_before};
use super::vocabulary::{Says, Sense};
use super::{Finding, Search, What, prose};

/// Words of the longest name.
const WORDS_MAX: usize = 6;

/// What an object is called that tells of a person, at the end of its key or class: `"user":{…}`, `ChatRoomMemberImpl(…)`.
const PERSONS: [&[u8]; 17] = [
    b"user",
    b"participant",
    b"member",
    b"person",
    b"owner",
    b"creator",
    b"moderator",
    b"attendee",
    b"guest",
    b"author",
    b"sender",
    b"actor",
    b"occupant",
    b"identity",
    b"caller",
    b"presenter",
    b"memberimpl",
];

/// What `name` names: by the words before it, by the element that it is an attribute of, or as a member of an object that tells of a person.
pub(super) fn named(
    search: &mut Search<'_>,
    key: (usize, usize),
    quoted: bool,
    value: &Value,
) -> Option<Sense> {
    let text = search.text;
    // `Display name: Anna`, `user.name=Anna`, `"user.name":"anna"`.
    if let Some(Says::Is(sense)) = prose::two_words(text, key.0, key.1) {
        return Some(sense);
    }
    if quoted {
        return member(search, key, value);
    }
    // `{name=Anna, email=…}`, as a map of Java or Kotlin is printed.
    let in_map = matches!(text[..key.0], [.., b'{'] | [.., b',' | b'{', b' ']);
    if in_map && tells_of_a_person(search) {
        return Some(Sense::Name);
    }
    if is_of_a_person(text, key.0) {
        return Some(Sense::Name);
    }
    let from = key.0.saturating_sub(ELEMENT_MAX);
    let open = from + memrchr(b'<', &text[from..key.0])?;
    let tag = &text[open + 1..key.0];
    let element = &tag[..tag.iter().position(|&byte| !is_key(byte))?];
    match element {
        _ if memchr(b'>', tag).is_some() => None,
        b"item" | b"contact" | b"person" | b"user" => Some(Sense::Name),
        b"conference" | b"room" => Some(Sense::Room),
        _ => None,
    }
}

/// What `"name":` names.
fn member(search: &mut Search<'_>, key: (usize, usize), value: &Value) -> Option<Sense> {
    let text = search.text;
    let start = value.start;
    let value = &text[start..value.end];
    if memchr(b'@', value).is_some() {
        return Some(Sense::Room);
    }
    if is_of_a_person(text, key.0) {
        return Some(Sense::Name);
    }
    // What an endpoint sends is called by its name: `49517bef-v0`.
    if let Some((endpoint, [b'-', b'a'..=b'z', ..])) = value.split_at_checked(8)
        && is_random(endpoint)
        && !is_random(value)
    {
        search.push(Finding { start, end: start + 8, what: What::Said(Sense::Endpoint) });
        return None;
    }
    let technical = |byte: &u8| is(*byte, DIGIT | UNDERSCORE) || matches!(byte, b'.' | b'/' | b':');
    if value.iter().any(technical) {
        return None;
    }
    let personal = value.iter().any(|&byte| is(byte, HIGH) || byte == b'\\')
        || (memchr(b' ', value).is_some() && value[0].is_ascii_uppercase())
        || tells_of_a_person(search);
    personal.then_some(Sense::Name)
}

/// True for a key at `here` in an object of a person: `"user":{"id":7,"name":"anna"}`, `Participant[id=7, name=anna]`.
fn is_of_a_person(text: &[u8], here: usize) -> bool {
    let from = here.saturating_sub(ELEMENT_MAX);
    let mut closed = 0;
    let open = text[from..here].iter().rposition(|&byte| {
        closed += usize::from(matches!(byte, b'}' | b']' | b')'));
        let opens = matches!(byte, b'{' | b'[' | b'(');
        let found = opens && closed == 0;
        closed -= usize::from(opens && closed > 0);
        found
    });
    let Some(before) = open.map(|open| &text[..from + open]) else { return false };
    let key = match before.strip_suffix(b" ").unwrap_or(before) {
        [rest @ .., b':' | b'='] => key_before(text, rest.len()).map(|(key, _)| &text[key.0..key.1]),
        class => class.rsplit(|&byte| !is(byte, ALNUM)).next(),
    };
    let ends = |person: &&[u8]| {
        key.is_some_and(|key| {
            key.len() >= person.len() && key[key.len() - person.len()..].eq_ignore_ascii_case(person)
        })
    };
    PERSONS.iter().any(ends)
}

/// True when the text has another key that only persons have. Asked at most once of a text.
fn tells_of_a_person(search: &mut Search<'_>) -> bool {
    const KEYS: [&[u8]; 9] = [
        b"\"email",
        b"\"username",
        b"\"avatar",
        b"\"fullname",
        b"UserId\\\"",
        b"UserId\"",
        b"\"sessionToken",
        b" email=",
        b" avatar=",
    ];
    let text = &search.text[..search.text.len().min(1 << 16)];
    *search.done.person.get_or_insert_with(|| KEYS.iter().any(|key| memmem::find(text, key).is_some()))
}

/// True for several words, the first of which begins as names do, or a word in another alphabet; digits are no part of either.
pub(super) fn is_full_name(value: &[u8]) -> bool {
    // What encloses a value allows more than a word: `'Wolter, Anna (HR)'`.
    let plain = |&byte: &u8| is(byte, LETTER | HIGH) || b" -'.,&()[]<>@".contains(&byte);
    let several = memchr(b' ', value).is_some() && value[0].is_ascii_uppercase();
    value.iter().all(plain) && (several || value.iter().any(|&byte| is(byte, HIGH)))
}

/// Where a name ends whose first word ends at `length`: names go on with words that begin in upper case or in another alphabet, perhaps
/// behind a particle. Nothing else tells names without quotes from the sentence around them.
pub(super) fn whole_name(text: &[u8], length: usize) -> usize {
    const PARTICLES: [&[u8]; 16] = [
        b"van", b"von", b"de", b"der", b"den", b"ter", b"ten", b"te", b"da", b"di", b"la", b"le", b"el",
        b"al", b"bin", b"y",
    ];
    let word = |start: usize| {
        let ends = |byte: &u8| !(is(*byte, ALNUM | HIGH) || matches!(byte, b'-' | b'\'' | b'.'));
        let word = &text[start..];
        &word[..word.iter().position(ends).unwrap_or(word.len())]
    };
    let (mut end, mut place) = (length, length);
    // `J. R. R. Tolkien`, `Dr. Anna Wolter`.
    let first = text[..length].iter().rev().take(3).take_while(|&&byte| is(byte, ALNUM | HIGH)).count();
    if first < 3 && text.get(length) == Some(&b'.') {
        place += 1;
    }
    for _ in 0..WORDS_MAX {
        if text.get(place) != Some(&b' ') {
            break;
        }
        let next = word(place + 1);
        place += 1 + next.len();
        match next {
            [first, ..] if first.is_ascii_uppercase() || is(*first, HIGH) => {
                if matches!(text.get(place), Some(b'=' | b':' | b'@' | b'/' | b'_')) {
                    break;
                }
                end = place;
            }
            _ if PARTICLES.contains(&next) => {}
            _ => break,
        }
    }
    while matches!(text[end - 1], b'.') {
        end -= 1;
    }
    end
}
