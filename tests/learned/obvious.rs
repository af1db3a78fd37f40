//! The obvious search for learned names: decode all, cut into words, compare every name at every word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A word in its normal form, where it stands, and what stands before it.
#[derive(Debug, PartialEq)]
pub struct Word {
    pub start: usize,
    pub end: usize,
    pub normal: String,
    pub before: String,
}

fn hex(bytes: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).unwrap())
}

/// The byte at `at` without a percent-escape, once or twice deep, and its length.
fn byte_at(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = text.get(at..)?;
    if rest.len() >= 5
        && rest.starts_with(b"%25")
        && let Some(byte) = hex(&rest[3..5])
    {
        return Some((byte, 5));
    }
    if rest.len() >= 3
        && rest.starts_with(b"%")
        && let Some(byte) = hex(&rest[1..3])
    {
        return Some((byte, 3));
    }
    rest.first().map(|byte| (*byte, 1))
}

fn char_at(text: &[u8], at: usize) -> Option<(char, usize)> {
    let (first, mut taken) = byte_at(text, at)?;
    let one = (first as char, taken);
    let mut bytes = vec![first];
    loop {
        match std::str::from_utf8(&bytes) {
            Ok(text) => return Some((text.chars().next()?, taken)),
            Err(error) if error.error_len().is_none() && bytes.len() < 4 => {
                let Some((next, length)) = byte_at(text, at + taken) else { return Some(one) };
                bytes.push(next);
                taken += length;
            }
            Err(_) => return Some(one),
        }
    }
}

pub fn words(text: &[u8]) -> Vec<Word> {
    let (mut words, mut before, mut letters) = (Vec::new(), String::new(), String::new());
    let (mut at, mut start) = (0, 0);
    loop {
        let next = char_at(text, at);
        let is_word =
            next.is_some_and(|(c, _)| c.is_alphanumeric() || (!c.is_ascii() && is_combining_mark(c)));
        if is_word {
            if letters.is_empty() {
                start = at;
            }
            letters.push(next.unwrap().0);
        } else {
            if !letters.is_empty() {
                words.push(Word {
                    start,
                    end: at,
                    normal: normal(&letters),
                    before: std::mem::take(&mut before),
                });
                letters.clear();
            }
            let Some((c, _)) = next else { return words };
            before.push(if c == '+' || c.is_whitespace() { ' ' } else { c });
        }
        at += next.unwrap().1;
    }
}

fn normal(letters: &str) -> String {
    let lower: String = letters.nfkc().collect::<String>().chars().flat_map(char::to_lowercase).collect();
    lower.replace('ß', "ss").replace('ς', "σ").replace('ı', "i").replace('\u{307}', "").nfkc().collect()
}

/// The words of a name that count: sixteen, with no more than eight characters between them.
pub fn name(text: &[u8]) -> Vec<Word> {
    let mut words = words(text);
    let near = 1 + words.iter().skip(1).take_while(|word| word.before.chars().count() <= 8).count();
    words.truncate(near.min(16));
    words
}

/// At each word of `text` the longest of the `names` that begins there.
pub fn find(text: &[u8], names: &[Vec<Word>]) -> Vec<(usize, usize)> {
    let words = words(text);
    let stands = |at: usize, name: &[Word]| {
        words.len() >= at + name.len()
            && words[at..].iter().zip(name).enumerate().all(|(index, (word, wanted))| {
                word.normal == wanted.normal && (index == 0 || word.before == wanted.before)
            })
    };
    let mut found = Vec::new();
    for at in 0..words.len() {
        let longest = names.iter().filter(|name| stands(at, name)).map(Vec::len).max();
        found.extend(longest.map(|length| (words[at].start, words[at + length - 1].end)));
    }
    found
}
