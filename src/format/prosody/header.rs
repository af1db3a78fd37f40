//! What stands before the message of a record.
//!
//! *In*: the first line of a record, or a line that may be one. *Out*: where its parts are, or why it is no header and whether it
//! begins a record nevertheless. *Promised*: at most a few hundred bytes are looked at, whatever the line holds; every byte between
//! two parts was compared. *Not here*: the message (`message`), what a time means (`time`).

use super::{APPNAME, CONTAINER, HOST, MODULE, PID, Range, SESSION, SEVERITY, TIME};
use crate::format::prefix::Prefix;
use crate::format::stamp::stamp;
use crate::format::time::TimeForm;
use crate::record::span::{Parsed, Refusal};

/// Bytes of the longest source: a host (RFC 1035: 253), a colon, a module.
pub(super) const SOURCE_BYTES_MAX: usize = 320;
/// Spaces between source and level: sources are padded to the longest one so far.
pub(super) const PADDING_BYTES_MAX: usize = SOURCE_BYTES_MAX + 8;
/// Bytes of the longest word that is taken for a level nobody knows.
const WORD_BYTES_MAX: usize = 16;

/// Words before the id of a session, the longer of two before the shorter.
const SESSIONS: [&[u8]; 8] = [b"c2s", b"bosh", b"s2sin", b"s2sout", b"jcp", b"websocket", b"ws", b"conn"];

/// The levels of `util.logger`.
pub(super) const LEVELS: [&[u8]; 4] = [b"info", b"debug", b"warn", b"error"];

/// How the escape that begins a colour is spelled: as it is, as rsyslog writes it, as `cat -v` does, and with its first byte
/// lost, as journald shows it.
pub(super) const ESCAPES: [&[u8]; 4] = [b"\x1b[", b"#033[", b"^[[", b"["];

/// Why a line is no header.
#[derive(Clone, Copy)]
pub(super) struct Miss {
    /// What to say of a record that begins like this.
    pub refusal: Refusal,
    /// True when the line begins a record all the same; false when it is the rest of the one before.
    pub begins: bool,
}

impl Miss {
    const fn begins(refusal: Refusal) -> Self {
        Self { refusal, begins: true }
    }

    const CONTINUES: Self = Self { refusal: Refusal::Headless, begins: false };
}

/// What stands before the message.
pub(super) struct Header {
    prefix: Prefix,
    own: Own,
    /// Where the message begins.
    pub message: usize,
}

/// What Prosody writes itself.
struct Own {
    time: Option<(TimeForm, Range)>,
    module: Range,
    session: Option<Range>,
    level: Option<Range>,
    message: usize,
}

impl Header {
    /// True when `line` begins a record.
    #[inline]
    pub fn begins(line: &[u8]) -> bool {
        match Self::read(line) {
            Ok(_) => true,
            Err(miss) => miss.begins,
        }
    }

    /// Reads the header that `line` begins with.
    #[inline]
    pub fn read(line: &[u8]) -> Result<Self, Miss> {
        // Most logs are files, without a prefix; and no prefix reads like a whole header.
        match Own::read(line, 0) {
            Ok(own) => Ok(Self { prefix: Prefix::default(), message: own.message, own }),
            Err(miss) => Self::prefixed(line, miss),
        }
    }

    #[inline(never)]
    fn prefixed(line: &[u8], miss: Miss) -> Result<Self, Miss> {
        let Some(prefix) = Prefix::read(line) else {
            return Err(if is_jitsi(line) { Miss::begins(Refusal::OtherProgram) } else { miss });
        };
        let inner = match Own::read(line, prefix.rest) {
            Ok(own) => return Ok(Self { prefix, message: own.message, own }),
            Err(inner) => inner,
        };
        let other = |(start, end): Range| !is_prosody(&line[start..end]);
        if prefix.container.or(prefix.program).is_some_and(other) {
            return Err(Miss::begins(Refusal::OtherProgram));
        }
        if prefix.program.is_some()
            && let Some(own) = Own::sink(line, prefix.rest)
        {
            return Ok(Self { prefix, message: own.message, own });
        }
        Err(inner)
    }

    /// The time that counts: Prosody's own, or the collector's, which is later.
    pub fn stamp(&self) -> Option<(TimeForm, Range)> {
        self.own.time.or(self.prefix.stated())
    }

    /// What a collector wrote: where its text ends, and what it says of program and process.
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Adds the parts.
    #[inline]
    pub fn push(&self, parsed: &mut Parsed) {
        if self.prefix.rest > 0 {
            self.push_prefix(parsed);
        }
        let mut push = |slot, range: Option<Range>| {
            if let Some((start, end)) = range {
                parsed.push(slot, start, end);
            }
        };
        push(TIME, self.own.time.map(|(_, range)| range));
        push(MODULE, Some(self.own.module));
        push(SESSION, self.own.session);
        push(SEVERITY, self.own.level);
    }

    #[inline(never)]
    fn push_prefix(&self, parsed: &mut Parsed) {
        let Prefix { time, host, program, pid, container, runtime, .. } = self.prefix;
        for (slot, range) in [
            (TIME, time.map(|(_, range)| range)),
            (HOST, host),
            (APPNAME, program),
            (PID, pid),
            (CONTAINER, container),
            (TIME, runtime.map(|(_, range)| range)),
        ] {
            if let Some((start, end)) = range {
                parsed.push(slot, start, end);
            }
        }
    }
}

impl Own {
    /// Reads `time source level message` at `from`, of which the time may be missing.
    #[inline]
    fn read(line: &[u8], from: usize) -> Result<Self, Miss> {
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
        if source.is_empty() || source_len > SOURCE_BYTES_MAX || !is_source(source) {
            let refusal = if rest.is_empty() { Refusal::Truncated } else { Refusal::Mismatch };
            return Err(if dated { Miss::begins(refusal) } else { Miss::CONTINUES });
        }
        let source = (at, at + source_len);
        let gap = gap(rest, source_len);
        match level(line, source.1 + gap.len) {
            // One space is no padding: then only the tab after the level tells a header from words.
            Some(level) if gap.certain || level.tab => {
                let (module, session) = session(line, source);
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
        if head[space] != b' ' || source.is_empty() || !is_source(source) {
            return None;
        }
        let source = (from, from + source.len());
        let (module, session) = session(line, source);
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
    let word = LEVELS.iter().find(|word| text[before..].starts_with(word))?;
    let word = (at + before, at + before + word.len());
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
    if rest.is_empty() && LEVELS.iter().any(|level| level.starts_with(word)) {
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

/// The grammar of sources: letters, digits, and what names of hosts and modules hold.
#[inline]
pub(super) fn is_source(text: &[u8]) -> bool {
    // No early end, so that it is done sixteen bytes at a time.
    text.iter().fold(true, |all, &byte| all & is_source_byte(byte))
}

#[inline(always)]
pub(super) const fn is_source_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // From '-' to ':' are the digits and "-./:"; a slash stands in no source.
    let other = byte.wrapping_sub(b'-') <= b':' - b'-' && byte != b'/';
    letter | other | (byte == b'_') | (byte == b'*')
}

/// The module of a source, and its session if it is one's.
#[inline]
fn session(line: &[u8], (start, end): Range) -> (Range, Option<Range>) {
    let source = &line[start..end];
    for word in SESSIONS {
        let Some(id) = source.strip_prefix(word) else { continue };
        if is_session_id(id) {
            let middle = start + word.len();
            return ((start, middle), Some((middle, end)));
        }
    }
    ((start, end), None)
}

/// An id as Prosody makes it: hexadecimal digits of an address in memory, a UUID, or random letters and digits. All of them hold a digit,
/// and no name of a module after such a word does.
#[inline]
pub(super) fn is_session_id(id: &[u8]) -> bool {
    let (all, digit) = id.iter().fold((true, false), |(all, digit), &byte| {
        let is_digit = byte.is_ascii_digit();
        (all & (byte.is_ascii_alphabetic() | is_digit | (byte == b'-') | (byte == b'_')), digit | is_digit)
    });
    all && digit && id.len() >= 4
}

/// True for the name of a program or container that is Prosody: as it is, as a part of one (`jitsi-prosody-1`), or as the interpreter
/// that runs it.
fn is_prosody(name: &[u8]) -> bool {
    let holds = |word: &[u8]| name.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    holds(b"prosody") || name.starts_with(b"lua")
}

/// True for a line that a service of Jitsi begins a record with.
fn is_jitsi(line: &[u8]) -> bool {
    let rest =
        [&b"JVB "[..], b"Jicofo ", b"Jigasi ", b"Jibri "].iter().find_map(|word| line.strip_prefix(*word));
    rest.is_some_and(|rest| stamp(rest).is_some())
}
