//! Credentials: JWTs, and what follows `Basic`, `Bearer` and `Authorization:`.

use super::bytes::{
    ALNUM, DIGIT, LETTER, before, decoded_at, escape_at, escape_before, follows, is, precedes,
};
use super::{Finding, Search, What};

/// Fewer characters than this are no token: a cut-off JWT still has its `eyJhbGci`.
const TOKEN_MIN: usize = 8;

/// Bytes of base64, base64url and the token68 of RFC 9110 section 11.2.
const fn is_token(byte: u8) -> bool {
    is(byte, ALNUM) || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
}

/// Looks at a `J`, which may be the third letter of `eyJ`, the base64 of `{"`.
pub(super) fn token(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    if here < 2 || &text[here - 2..here] != b"ey" || here < search.done.secrets {
        return;
    }
    let start = here - 2;
    let mut end = start;
    let mut dots = 0;
    while let Some((byte, length)) = decoded_at(text, end) {
        if !(is(byte, ALNUM) || matches!(byte, b'-' | b'_' | b'.' | b'=')) {
            break;
        }
        dots += usize::from(byte == b'.');
        end += length;
    }
    search.done.secrets = end;
    while end > start && text[end - 1] == b'.' {
        end -= 1;
    }
    // In the middle of other base64 the three letters mean nothing, unless the parts of a JWT follow.
    let inside = before(text, start, ALNUM) && escape_before(text, start).is_none();
    if end - start >= TOKEN_MIN && (!inside || dots >= 1) {
        search.push(Finding { start, end, what: What::Secret });
    }
}

/// Looks at the letter after a `b` or `z`: the second of `Basic` or `Bearer`, the eighth of `Authorization`.
pub(super) fn authorization(search: &mut Search<'_>, here: usize) {
    let text = search.text;
    if follows(text, here, b"ation") && precedes(text, here, b"authoriz") {
        header(search, here + 5);
        return;
    }
    let (after, basic) = if follows(text, here, b"asic") {
        (here + 4, true)
    } else if follows(text, here, b"earer") {
        (here + 5, false)
    } else {
        return;
    };
    if before(text, here - 1, ALNUM) && escape_before(text, here - 1).is_none() {
        return;
    }
    let start = skip(text, after, |byte| matches!(byte, b' ' | b'+' | b'\t'));
    if start == after {
        return;
    }
    let end = token_end(text, start);
    if end - start >= 4 && is_credential(&text[start..end], basic) {
        search.push(Finding { start, end, what: What::Secret });
    }
}

/// `Authorization: scheme credentials`, `"authorization":"scheme credentials"`, `authorization=…`.
fn header(search: &mut Search<'_>, after: usize) {
    let text = search.text;
    if after < search.done.secrets {
        return;
    }
    let mut marked = false;
    let start = skip(text, after, |byte| {
        marked |= matches!(byte, b':' | b'=');
        matches!(byte, b' ' | b':' | b'=' | b'"' | b'\'' | b'\\' | b'[' | b'>')
    });
    if !marked {
        return;
    }
    let word_end = token_end(text, start);
    let word = &text[start..word_end];
    let space = skip(text, word_end, |byte| matches!(byte, b' ' | b'+'));
    if is_scheme(word) && space > word_end {
        let mut end = token_end(text, space);
        if word.eq_ignore_ascii_case(b"digest") || word.len() > 9 {
            // A list of parameters: everything to the end of the line.
            end = text[space..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(text.len(), |length| space + length);
        }
        if end > space {
            search.done.secrets = end;
            search.push(Finding { start: space, end, what: What::Secret });
        }
    } else if word_end - start >= TOKEN_MIN && is_credential(word, false) {
        search.push(Finding { start, end: word_end, what: What::Secret });
    }
}

/// The schemes of the IANA registry, and a few of cloud providers.
fn is_scheme(word: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 14] = [
        b"basic",
        b"bearer",
        b"digest",
        b"negotiate",
        b"ntlm",
        b"token",
        b"apikey",
        b"hoba",
        b"mutual",
        b"vapid",
        b"dpop",
        b"scram-sha-1",
        b"scram-sha-256",
        b"aws4-hmac-sha256",
    ];
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// The first place from `here` whose byte, decoded, is not `wanted`; at most 16 bytes are skipped.
fn skip(text: &[u8], here: usize, mut wanted: impl FnMut(u8) -> bool) -> usize {
    let mut place = here;
    while place - here < 16 {
        match decoded_at(text, place) {
            Some((byte, length)) if wanted(byte) => place += length,
            _ => break,
        }
    }
    place
}

/// Where the token that begins at `here` ends.
fn token_end(text: &[u8], here: usize) -> usize {
    let mut end = here;
    while let Some(&byte) = text.get(end) {
        if is_token(byte) {
            end += 1;
        } else if let Some((byte, length)) = escape_at(text, end) {
            if !is_token(byte) {
                break;
            }
            end += length;
        } else {
            break;
        }
    }
    end
}

/// Tells a credential from a word of a sentence (`Basic authentication`, `bearer token`).
fn is_credential(token: &[u8], basic: bool) -> bool {
    let letters = token.iter().take_while(|&&byte| is(byte, LETTER)).count();
    let small = token.iter().skip(1).all(|byte| !byte.is_ascii_uppercase());
    if letters == token.len() && small {
        // One word, perhaps with a capital: a credential of eight small letters is as good as none.
        return false;
    }
    if token.iter().any(|&byte| is(byte, DIGIT)) || token.ends_with(b"=") {
        return true;
    }
    let shouted = token.iter().all(|byte| !byte.is_ascii_lowercase());
    (basic || token.len() >= TOKEN_MIN) && !shouted && !small
}
