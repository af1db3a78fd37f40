//! What stands before the message of a record.
//!
//! *In*: the first line of a record, or a line that may be one. *Out*: where its parts are, or why it is no header and whether it
//! begins a record nevertheless. *Promised*: at most a few hundred bytes are looked at, whatever the line holds; every byte between
//! two parts was compared. *Not here*: the message (`message`), what a time means (`time`).

use super::{MODULE, SESSION, SEVERITY, TIME};
use crate::format::coturn;
use crate::format::pieces::{Miss, Range};
use crate::format::prefix::Prefix;
use crate::format::stamp::{begins_jitsi, stamp};
use crate::format::time::TimeForm;
use crate::record::span::{Parsed, Refusal};

/// Bytes of the longest source: a host (RFC 1035: 253), a colon, a module.
pub(super) const SOURCE_BYTES_MAX: usize = 320;
/// Spaces between source and level: sources are padded to the longest one so far.
pub(super) const PADDING_BYTES_MAX: usize = SOURCE_BYTES_MAX + 8;
/// Bytes of the longest word that is taken for a level nobody knows.
const WORD_BYTES_MAX: usize = 16;

/// The levels of `util.logger`.
pub(super) const LEVELS: [&[u8]; 4] = [b"info", b"debug", b"warn", b"error"];

/// How the escape that begins a colour is spelled: as it is, as rsyslog writes it, as `cat -v` does, and with its first byte
/// lost, as journald shows it.
pub(super) const ESCAPES: [&[u8]; 4] = [b"\x1b[", b"#033[", b"^[[", b"["];

/// What Prosody writes before the message itself.
pub(super) struct Own {
    /// Its time, if it writes any.
    pub time: Option<(TimeForm, Range)>,
    module: Range,
    session: Option<Range>,
    level: Option<Range>,
    /// Where the message begins.
    pub message: usize,
}

/// True when `line` begins a record.
#[inline]
pub(super) fn begins(line: &[u8]) -> bool {
    if is_file(line) {
        return true;
    }
    match Own::read(line, 0) {
        Ok(_) => true,
        Err(miss) => behind_prefix(line, miss).map_or_else(|miss| miss.begins, |_| true),
    }
}

/// True for a line of the layout of files up to the level: it begins a record, whatever the level says. A collector's prefix has no
/// tab.
#[inline]
fn is_file(line: &[u8]) -> bool {
    let Some(stamp) = stamp(line).filter(|stamp| stamp.form == TimeForm::Syslog) else { return false };
    let Some(rest) = line[stamp.len..].strip_prefix(b" ") else { return false };
    memchr::memchr2(b'\t', b' ', &rest[..rest.len().min(SOURCE_BYTES_MAX)])
        .is_some_and(|at| rest[at] == b'\t')
}

/// Reads the header of a line that does not begin with one, because a collector's prefix stands before it. `miss` is what else it is.
#[inline(never)]
pub(super) fn behind_prefix(line: &[u8], miss: Miss) -> Result<(Prefix, Own), Miss> {
    let Some(prefix) = Prefix::read(line) else {
        let is_other = begins_jitsi(line) || coturn::begins_certainly(line);
        return Err(if is_other { Miss::begins(Refusal::OtherProgram) } else { miss });
    };
    let inner = match Own::read(line, prefix.rest) {
        Ok(own) => return Ok((prefix, own)),
        Err(inner) => inner,
    };
    let other = |(start, end): Range| !is_prosody(&line[start..end]);
    if prefix.container.or(prefix.program).is_some_and(other) {
        return Err(Miss::begins(Refusal::OtherProgram));
    }
    let sink = prefix.program.and_then(|_| Own::sink(line, prefix.rest));
    sink.map(|own| (prefix, own)).ok_or(inner)
}

impl Own {
    /// Adds the parts.
    #[inline]
    pub fn push(&self, parsed: &mut Parsed) {
        if let Some((_, (start, end))) = self.time {
            parsed.push(TIME, start, end);
        }
        parsed.push(MODULE, self.module.0, self.module.1);
        if let Some((start, end)) = self.session {
            parsed.push(SESSION, start, end);
        }
        if let Some((start, end)) = self.level {
            parsed.push(SEVERITY, start, end);
        }
    }

    /// Reads `time source level message` at `from`, of which the time may be missing.
    #[inline]
    pub fn read(line: &[u8], from: usize) -> Result<Self, Miss> {
        let text = &line[from..];
        let stamp = stamp(text);
        let (time, at) = match stamp {
            Some(stamp) if text.get(stamp.len) == Some(&b' ') => {
                (Some((stamp.form, (from, from + stamp.len))), from + stamp.len + 1)
            }
            _ => (None, from),
        };
        // A time with nothing after it was cut off.
        let dated = stamp.is_some();
        let rest = &line[at..];
        let head = &rest[..rest.len().min(SOURCE_BYTES_MAX + 1)];
        let source_len = memchr::memchr3(b'\t', b' ', b'\n', head).unwrap_or(head.len());
        let source = &head[..source_len];
        let classes = classes(source);
        if source.is_empty() || source_len > SOURCE_BYTES_MAX || classes & FOREIGN != 0 {
            let ended = matches!(rest.first(), None | Some(b'\n'));
            let refusal = if ended { Refusal::Truncated } else { Refusal::Mismatch };
            return Err(if dated { Miss::begins(refusal) } else { Miss::CONTINUES });
        }
        let source = (at, at + source_len);
        let gap = gap(rest, source_len);
        match level(line, source.1 + gap.len) {
            // One space is no padding: then only the tab after the level tells a header from words.
            Some(level) if gap.certain || level.tab => {
                let (module, session) = session(line, source, classes);
                Ok(Self { time, module, session, level: Some(level.word), message: level.rest })
            }
            _ => Err(without_level(line, source.1 + gap.len, dated, gap)),
        }
    }

    /// Reads what the syslog sink writes: `source: message`, the level being the priority of the message.
    fn sink(line: &[u8], from: usize) -> Option<Self> {
        let rest = &line[from..];
        let head = &rest[..rest.len().min(SOURCE_BYTES_MAX + 2)];
        let space = memchr::memchr2(b' ', b'\n', head)?;
        let source = head[..space].strip_suffix(b":")?;
        let classes = classes(source);
        if head[space] != b' ' || source.is_empty() || classes & FOREIGN != 0 {
            return None;
        }
        let source = (from, from + source.len());
        let (module, session) = session(line, source, classes);
        Some(Self { time: None, module, session, level: None, message: source.1 + 2 })
    }
}

/// What stands between source and level.
#[derive(Clone, Copy)]
struct Gap {
    len: usize,
    /// A tab, or more than one space.
    certain: bool,
    tab: bool,
}

#[inline]
fn gap(rest: &[u8], at: usize) -> Gap {
    match rest.get(at) {
        Some(b'\t') => Gap { len: 1, certain: true, tab: true },
        Some(b' ') => {
            let spaces = rest[at..].iter().take(PADDING_BYTES_MAX).take_while(|&&byte| byte == b' ').count();
            Gap { len: spaces, certain: spaces > 1, tab: false }
        }
        _ => Gap { len: 0, certain: false, tab: false },
    }
}

/// A level and what separates it from the message.
struct Level {
    word: Range,
    tab: bool,
    rest: usize,
}

/// The level at `at`, perhaps in colour.
#[inline]
fn level(line: &[u8], at: usize) -> Option<Level> {
    let text = line.get(at..)?;
    let (before, after) = match text.first()? {
        b'd' | b'i' | b'w' | b'e' => (0, &b""[..]),
        _ => colour(text)?,
    };
    let len = match &text[before..] {
        [b'i', b'n', b'f', b'o', ..] | [b'w', b'a', b'r', b'n', ..] => 4,
        [b'd', b'e', b'b', b'u', b'g', ..] | [b'e', b'r', b'r', b'o', b'r', ..] => 5,
        _ => return None,
    };
    let word = (at + before, at + before + len);
    let rest = &line[word.1..];
    let closing = if before > 0 { ending(rest, after)? } else { 0 };
    let (len, tab) = separator(&rest[closing..])?;
    Some(Level { word, tab, rest: word.1 + closing + len })
}

/// `ESC[1;33m`: its length, and the escape that it begins with.
fn colour(text: &[u8]) -> Option<(usize, &'static [u8])> {
    let escape = ESCAPES.iter().find(|escape| text.starts_with(escape))?;
    let digits =
        text[escape.len()..].iter().take(8).take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
    let end = escape.len() + digits;
    (text.get(end) == Some(&b'm')).then_some((end + 1, *escape))
}

/// The length of the end of a colour.
fn ending(text: &[u8], escape: &[u8]) -> Option<usize> {
    text.strip_prefix(escape)?.starts_with(b"0m").then_some(escape.len() + 2)
}

/// The length of what separates a level from its message, and whether it is a tab. A message may be empty.
#[inline]
fn separator(text: &[u8]) -> Option<(usize, bool)> {
    match text {
        [b'\t', ..] => Some((1, true)),
        [] | [b'\n', ..] => Some((0, false)),
        [b' ', ..] => {
            // A terminal shows a tab as up to eight spaces.
            Some((text.iter().take(8).take_while(|&&byte| byte == b' ').count(), false))
        }
        _ => text.starts_with(b"#011").then_some((4, true)),
    }
}

/// What is wrong with a line that has a source and no level at `at`.
#[inline(never)]
fn without_level(line: &[u8], at: usize, dated: bool, gap: Gap) -> Miss {
    let text = &line[at..];
    let before = colour(text).map_or(0, |(len, _)| len);
    let text = &text[before..];
    let word_len = text.iter().take(WORD_BYTES_MAX + 1).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at(word_len);
    // A record that was cut off there may go on with the rest of another.
    if matches!(rest.first(), None | Some(b'\n')) && LEVELS.iter().any(|level| level.starts_with(word)) {
        return if dated { Miss::begins(Refusal::Truncated) } else { Miss::CONTINUES };
    }
    // Without a time, only tabs on both sides make a word a level: files are written so.
    let tab = separator(rest).is_some_and(|(_, tab)| tab)
        || ESCAPES.iter().any(|escape| ending(rest, escape).is_some());
    let clear = gap.certain && tab && (dated || gap.tab);
    if clear && (1..=WORD_BYTES_MAX).contains(&word_len) {
        return Miss::begins(Refusal::UnknownLevel);
    }
    if dated { Miss::begins(Refusal::Mismatch) } else { Miss::CONTINUES }
}

/// What the bytes of sources are: 0 is part of any, [`DIVIDES`] stands in names of hosts and modules but in no session's id, and
/// [`FOREIGN`] in no source.
const CLASSES: [u8; 256] = {
    let mut classes = [FOREIGN; 256];
    let mut byte = 0;
    while byte < 256 {
        if is_source_byte(byte as u8) {
            classes[byte] = if matches!(byte as u8, b'.' | b':' | b'*') { DIVIDES } else { 0 };
        }
        byte += 1;
    }
    classes
};
const DIVIDES: u8 = 1;
const FOREIGN: u8 = 2;

/// The classes of all bytes of a source.
#[inline]
fn classes(text: &[u8]) -> u8 {
    // No early end: a source is short, and nearly always one.
    text.iter().fold(0, |all, &byte| all | CLASSES[usize::from(byte)])
}

/// The grammar of sources: letters, digits, and what names of hosts and modules hold.
#[inline]
pub(super) const fn is_source_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_' | b'*')
}

/// The module of a source, whose bytes are of these classes, and its session if it is one's.
#[inline]
fn session(line: &[u8], (start, end): Range, classes: u8) -> (Range, Option<Range>) {
    let source = &line[start..end];
    // The words before the id of a session.
    let word = match source {
        [b'c', b'2', b's', ..] | [b'j', b'c', b'p', ..] => 3,
        [b'b', b'o', b's', b'h', ..] | [b'c', b'o', b'n', b'n', ..] => 4,
        [b's', b'2', b's', b'i', b'n', ..] => 5,
        [b's', b'2', b's', b'o', b'u', b't', ..] => 6,
        _ if source.starts_with(b"websocket") => 9,
        _ => return ((start, end), None),
    };
    if classes == 0 && is_random(&source[word..]) {
        return ((start, start + word), Some((start + word, end)));
    }
    ((start, end), None)
}

/// The grammar of ids as Prosody makes them: letters, digits, `-` and `_`.
pub(super) fn is_session_id(id: &[u8]) -> bool {
    classes(id) == 0 && is_random(id)
}

/// True for what is an id rather than the rest of a name: hexadecimal digits of an address in memory, a UUID, or random letters and
/// digits. All of them hold a digit, and no name of a module after such a word does.
#[inline]
fn is_random(id: &[u8]) -> bool {
    id.len() >= 4 && id.iter().any(u8::is_ascii_digit)
}

/// True for the name of a program or container that is Prosody: as it is, as a part of one (`jitsi-prosody-1`), or as the interpreter
/// that runs it.
fn is_prosody(name: &[u8]) -> bool {
    let holds = |word: &[u8]| name.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    holds(b"prosody") || name.starts_with(b"lua")
}
