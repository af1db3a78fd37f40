//! A record looked at through windows of fixed length.
//!
//! *In*: a record, perhaps with what follows it. *Out*: windows of it. *Promised*: a window never reaches beyond the bytes given. *Not
//! here*: what stands in them.

use super::lines::Line;

/// What windows can be looked at in. A window may reach into what follows the record.
pub trait Text<'a>: Copy {
    /// Bytes of the record.
    fn record_len(self) -> usize;

    /// The `N` bytes from `at` on.
    fn at<const N: usize>(self, at: usize) -> Option<&'a [u8; N]>;
}

/// Any bytes: every window is checked.
#[derive(Clone, Copy)]
pub struct Checked<'a> {
    text: &'a [u8],
    len: usize,
}

impl<'a> Checked<'a> {
    /// A record and what follows it.
    pub fn of(line: Line<'a>) -> Self {
        Self { text: line.tail, len: line.text.len() }
    }
}

impl<'a> Text<'a> for Checked<'a> {
    #[inline]
    fn record_len(self) -> usize {
        self.len
    }

    #[inline]
    fn at<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        self.text.get(at..)?.first_chunk()
    }
}

/// Bytes that a record of [`Short`] has at most.
const SHORT_BYTES: usize = 512;

/// A record that is short, with so much behind it that no window needs a check: positions beyond the record are taken around to
/// its beginning. So what is found at such a position means nothing, and a reader must refuse the record when it is done; half a
/// hundred checks became one.
#[derive(Clone, Copy)]
pub struct Short<'a> {
    text: &'a [u8; 2 * SHORT_BYTES],
    len: usize,
}

impl<'a> Short<'a> {
    /// The `len` bytes from `start` on, which lie within the record.
    #[inline]
    pub fn part(self, start: usize, len: usize) -> &'a [u8] {
        self.text.get(start..start + len).unwrap_or_default()
    }

    /// `None` for a long record, and for the last of a batch.
    #[inline]
    pub fn of(line: Line<'a>) -> Option<Self> {
        let len = line.text.len();
        let text = line.tail.first_chunk()?;
        (len < SHORT_BYTES).then_some(Self { text, len })
    }
}

impl<'a> Text<'a> for Short<'a> {
    #[inline]
    fn record_len(self) -> usize {
        self.len
    }

    #[inline]
    fn at<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        self.text[at % SHORT_BYTES..].first_chunk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_the_same_inside_the_record() {
        let tail: Vec<u8> = (0..1100_u32).map(|at| (at % 251) as u8).collect();
        let line = Line { text: &tail[..300], tail: &tail };
        let (short, checked) = (Short::of(line).unwrap(), Checked::of(line));
        for at in 0..300 {
            assert_eq!(short.at::<64>(at), checked.at::<64>(at));
            assert_eq!(short.at::<128>(at), checked.at::<128>(at));
        }
        assert_eq!((short.record_len(), checked.record_len()), (300, 300));
        assert!(short.at::<64>(5000).is_some() && checked.at::<64>(5000).is_none());
        assert!(Short::of(Line { text: &tail[..512], tail: &tail }).is_none());
        assert!(Short::of(Line { text: &tail[..300], tail: &tail[..1000] }).is_none());
    }
}
