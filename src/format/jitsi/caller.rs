//! Which code wrote a record: class, method and line, in front of the message.
//!
//! *In*: where a caller could begin. *Out*: its name, its line, and where the message begins. *Promised*: a name is taken only from
//! what the formatters write around one, and only if it is spelled as code is; anything else is message. *Not here*: finding
//! the place (`context`).
//!
//! ```text
//! Endpoint$createSctpConnection$3.onReady#593: message         JitsiConfig.<clinit>#47: message
//! org.eclipse.jetty.server.Server.doStart: message             org.jitsi.jicofo.xmpp.FocusComponent.handleConferenceIq().401 message
//! ```

use super::super::pieces::{Range, digits};
use crate::record::positions::{BLOCK, Lane, mask};

/// Longest name that is looked at.
const NAME_BYTES_MAX: usize = 256;

/// Digits of the longest number of a line of source.
const LINE_DIGITS_MAX: usize = 9;

/// The caller of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// Class and method.
    pub name: Range,
    /// The line of the source file.
    pub line: Option<Range>,
    /// Where the message begins.
    pub rest: usize,
}

impl Caller {
    /// Reads the caller at `at`, if one stands there.
    #[inline]
    pub(super) fn read(record: &[u8], at: usize) -> Option<Self> {
        let text = record.get(at..)?;
        if !text.first()?.is_ascii_alphabetic() {
            return None;
        }
        let length = name_length(text);
        let end = at + length;
        let name = (at, end);
        match &text[length..] {
            [b'#', ..] => {
                let line = digits(record, end + 1, LINE_DIGITS_MAX)?;
                Some(Self { name, line: Some(line), rest: after_colon(record, line.1)? })
            }
            [b':', ..] => {
                let rest = after_colon(record, end)?;
                is_code(&text[..length]).then_some(Self { name, line: None, rest })
            }
            [b'(', b')', ..] if text[..length].contains(&b'.') => Self::older(record, name),
            _ => None,
        }
    }

    /// What follows the `()` of the older formatter: perhaps a line, and a blank.
    fn older(record: &[u8], name: Range) -> Option<Self> {
        let at = name.1 + 2;
        let line = match record.get(at) {
            Some(b'.') => Some(digits(record, at + 1, LINE_DIGITS_MAX)?),
            _ => None,
        };
        let end = line.map_or(at, |line| line.1);
        let rest = match record.get(end) {
            Some(b' ') => end + 1,
            None | Some(b'\n' | b'\r') => end,
            Some(_) => return None,
        };
        Some(Self { name, line, rest })
    }
}

/// How long the name at the beginning of `text` is.
#[inline]
fn name_length(text: &[u8]) -> usize {
    // Nearly every name ends within one block, and nearly every record goes on that long.
    let block = text.first_chunk::<BLOCK>().map_or(0, |block| !mask(block, is_part));
    if block != 0 {
        return block.trailing_zeros() as usize;
    }
    let length = text.iter().take(NAME_BYTES_MAX).position(|&byte| !IS_PART[usize::from(byte)]);
    length.unwrap_or(text.len().min(NAME_BYTES_MAX))
}

/// As [`IS_PART`].
#[inline]
fn is_part(bytes: Lane) -> Lane {
    let range =
        |bytes: Lane, first, last| bytes.simd_ge(Lane::splat(first)) & Lane::splat(last).simd_ge(bytes);
    let is = |byte| bytes.simd_eq(Lane::splat(byte));
    range(bytes | Lane::splat(0x20), b'a', b'z')
        | range(bytes, b'0', b'9')
        | range(bytes, b'-', b'.')
        | (is(b'_') | is(b'$'))
        | (is(b'<') | is(b'>'))
}

/// What class and method names are made of, generated ones included.
const IS_PART: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let ascii = byte as u8;
        table[byte] =
            ascii.is_ascii_alphanumeric() || matches!(ascii, b'_' | b'$' | b'.' | b'<' | b'>' | b'-');
        byte += 1;
    }
    table
};

/// The position after `: `, or after a colon at the end of a line.
fn after_colon(record: &[u8], at: usize) -> Option<usize> {
    match record.get(at..)? {
        [b':', b' ', ..] => Some(at + 2),
        [b':'] | [b':', b'\n' | b'\r', ..] => Some(at + 1),
        _ => None,
    }
}

/// True for `Class.method`, perhaps in a package. Without a line number only the spelling of code tells a caller from the first
/// words of a message, in which `alice: ` would be somebody.
fn is_code(name: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', name) else { return false };
    let class = &name[memchr::memrchr(b'.', &name[..dot]).map_or(0, |dot| dot + 1)..dot];
    let is_class = class.first().is_some_and(u8::is_ascii_uppercase);
    is_class && matches!(name.get(dot + 1), Some(b'a'..=b'z' | b'<' | b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, line and message.
    fn read(text: &str) -> Option<(&str, Option<&str>, &str)> {
        let caller = Caller::read(text.as_bytes(), 0)?;
        let of = |(start, end): Range| &text[start..end];
        Some((of(caller.name), caller.line.map(of), &text[caller.rest..]))
    }

    #[test]
    fn names_of_code() {
        for name in [
            "Conference.expire",
            "Endpoint$createSctpConnection$3.onReady",
            "Endpoint.acceptSctpConnection$lambda$26",
            "JitsiConfig.<clinit>",
            "Foo-Bar.constructor-impl",
        ] {
            assert_eq!(read(&format!("{name}#593: a: b")), Some((name, Some("593"), "a: b")));
            assert_eq!(read(&format!("{name}#593:")), Some((name, Some("593"), "")));
        }
        let jetty = "org.eclipse.jetty.server.Server.doStart";
        assert_eq!(read(&format!("{jetty}: x")), Some((jetty, None, "x")));
        assert_eq!(read(&format!("{jetty}:\n\tat x")), Some((jetty, None, "\n\tat x")));
    }

    #[test]
    fn blocks_and_tables_agree() {
        for byte in 0..=255_u8 {
            let block = [byte; BLOCK];
            assert_eq!(mask(&block, is_part) == u64::MAX, IS_PART[usize::from(byte)], "{byte}");
        }
    }

    #[test]
    fn the_older_formatter() {
        let name = "org.ice4j.ice.Component.log";
        assert_eq!(read(&format!("{name}() a: b")), Some((name, None, "a: b")));
        assert_eq!(read(&format!("{name}().401 a")), Some((name, Some("401"), "a")));
        assert_eq!(read(&format!("{name}()")), Some((name, None, "")));
        assert_eq!(read("util.NetworkUtils.<clinit>()\nx").unwrap().2, "\nx");
        assert_eq!(read(&format!("{name}().x a")), None);
        assert_eq!(read(&format!("{name}()x")), None);
        assert_eq!(read("call() x"), None);
    }

    #[test]
    fn what_names_no_code() {
        for text in [
            "alice: hello",
            "alice.meyer: hello",
            "Alice.Meyer: hello",
            "example.org: refused",
            "Added bridge: x",
            "Foo.bar",
            "Foo.bar #1: x",
            "Foo.bar#: x",
            "Foo.bar#1 x",
            "#1: x",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("Foo.{}#1: x", "a".repeat(300))), None);
    }
}
