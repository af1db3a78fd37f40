//! Records of Java's own formatter, which prints two lines where no other is configured.
//!
//! *In*: a record behind its prefix. *Out*: time, class, method, and where the second line begins. *Promised*: constant work; English
//! names of months, as a server without a language of its own writes them. *Not here*: the second line (`mod`).
//!
//! ```text
//! Dec 04, 2020 1:30:42 PM org.jitsi.utils.logging2.LoggerImpl log
//! INFO: message
//! ```

use super::super::cursor::Cursor;
use super::super::pieces::Range;
use super::super::time::Civil;

/// Longest name of a class or method.
const NAME_BYTES_MAX: usize = 256;

/// The first of the two lines.
pub(super) struct Simple {
    /// The local time.
    pub civil: Civil,
    /// Where it stands.
    pub time: Range,
    /// The class, or the logger's name where the class is not known.
    pub class: Range,
    /// The method.
    pub method: Option<Range>,
    /// Where the second line begins, if there is one.
    pub second: Option<usize>,
}

impl Simple {
    /// Reads the first line at `at`.
    pub(super) fn read(record: &[u8], at: usize) -> Option<Self> {
        let line = record.get(at..)?;
        if !line.first()?.is_ascii_uppercase() {
            return None;
        }
        let (civil, length) = date(&line[..line.len().min(40)])?;
        let time = (at, at + length);
        let class = name(record, blank(record, time.1)?)?;
        let method = blank(record, class.1).and_then(|at| name(record, at));
        let end = method.map_or(class.1, |method| method.1);
        let second = match record.get(end..)? {
            [] => None,
            [b'\n', ..] => Some(end + 1),
            [b'\r', b'\n', ..] => Some(end + 2),
            _ => return None,
        };
        Some(Self { civil, time, class, method, second })
    }
}

/// Reads `Dec 04, 2020 1:30:42 PM` from the front of a text. Newer versions write a narrow blank before AM and PM.
fn date(text: &[u8]) -> Option<(Civil, usize)> {
    let mut cursor = Cursor::new(text);
    let mut civil = Civil { month: cursor.month()?, ..Civil::default() };
    cursor.byte(b' ')?;
    civil.day = one_or_two(&mut cursor)?;
    cursor.byte(b',')?;
    cursor.byte(b' ')?;
    civil.year = Some(cursor.number(4)?);
    cursor.skip(b",");
    cursor.byte(b' ')?;
    let hour = one_or_two(&mut cursor)?;
    cursor.byte(b':')?;
    civil.minute = cursor.number(2)?;
    cursor.byte(b':')?;
    civil.second = cursor.number(2)?;
    if !(cursor.skip(b" ") || cursor.skip("\u{202f}".as_bytes()) || cursor.skip("\u{a0}".as_bytes())) {
        return None;
    }
    let noon = if cursor.skip(b"PM") { 12 } else { cursor.skip(b"AM").then_some(0)? };
    // 12 AM is midnight. An hour that no such clock has becomes one that no day has.
    civil.hour = if (1..=12).contains(&hour) { hour % 12 + noon } else { 24 };
    Some((civil, cursor.position()))
}

fn one_or_two(cursor: &mut Cursor<'_>) -> Option<u32> {
    let digits = cursor.digits()?;
    (digits.len() <= 2).then(|| digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0')))
}

fn blank(record: &[u8], at: usize) -> Option<usize> {
    (record.get(at) == Some(&b' ')).then_some(at + 1)
}

fn name(record: &[u8], at: usize) -> Option<Range> {
    let is_part =
        |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'<' | b'>' | b'-');
    let length = record.get(at..)?.iter().take(NAME_BYTES_MAX + 1).take_while(is_part).count();
    (1..=NAME_BYTES_MAX).contains(&length).then_some((at, at + length))
}
