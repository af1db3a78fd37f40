//! Is a journal whole? Reads it once, line by line, and follows the chain.

use std::io::{self, Read};

use memchr::memchr;

use super::chain::{Head, Line};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 18;
/// Bytes of the longest entry; a longer line is none.
const LINE_MAX: usize = 1 << 16;

/// A journal that is whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Where it ends.
    pub head: Head,
    /// True when an anchored head was given, and the journal goes at least that far. Otherwise entries may have been cut from its end,
    /// and nobody can tell.
    pub anchored: bool,
    /// Bytes behind the last whole entry: a crash while one was written. The next entry takes them off.
    pub torn: u64,
}

/// What is wrong with a journal, and where: the number of the first entry that is not proven, and the byte where its line begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// A line that is no entry.
    #[error(
        "line {seq}, from byte {byte} on, is no entry; something was written into the journal, or a part of it was lost"
    )]
    NoEntry {
        /// Which entry should stand there.
        seq: u64,
        /// Where.
        byte: u64,
    },
    /// Entries are missing, doubled or in another order.
    #[error(
        "entry {found} stands where {seq} should, at byte {byte}; entries were taken out, put in or moved"
    )]
    Order {
        /// Which entry should stand there.
        seq: u64,
        /// Which one does.
        found: u64,
        /// Where.
        byte: u64,
    },
    /// The entry, or one before it, is not what was written.
    #[error(
        "entry {seq}, at byte {byte}, does not follow from what stands before it; it was changed, or something before it was"
    )]
    Changed {
        /// Which.
        seq: u64,
        /// Where.
        byte: u64,
    },
    /// The journal ends before the anchored head.
    #[error("the journal ends with entry {last}, but entry {anchored} was anchored; its end was cut off")]
    Cut {
        /// The last entry.
        last: u64,
        /// The anchored one.
        anchored: u64,
    },
    /// Another entry stands where the anchored one stood.
    #[error("entry {seq} is not the one that was anchored; the journal was written anew")]
    Forked {
        /// Which.
        seq: u64,
    },
}

/// Why there is no answer, or a bad one.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The journal is not what was written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It cannot be read.
    #[error("it cannot be read ({})", .0.kind())]
    Io(#[from] io::Error),
}

/// Follows the chain through `journal`; `anchored` is a head that was kept elsewhere. `entry` gets the content of each entry that is
/// proven so far, in order.
pub fn verify(
    mut journal: impl Read,
    anchored: Option<Head>,
    mut entry: impl FnMut(&[u8]),
) -> Result<Verified, VerifyError> {
    let mut buffer = Vec::with_capacity(BLOCK + LINE_MAX);
    let mut chain = Chain { head: Head::empty(), byte: 0, anchored };
    chain.check_anchor()?;
    loop {
        let before = buffer.len();
        let read = (&mut journal).take(BLOCK as u64).read_to_end(&mut buffer)?;
        let mut start = 0;
        let mut from = before;
        while let Some(length) = memchr(b'\n', &buffer[from..]) {
            let line = &buffer[start..from + length];
            entry(chain.follow(line)?);
            start = from + length + 1;
            from = start;
        }
        buffer.drain(..start);
        if buffer.len() > LINE_MAX {
            return Err(chain.no_entry().into());
        }
        if read == 0 {
            break;
        }
    }
    if let Some(head) = anchored.filter(|anchored| anchored.seq > chain.head.seq) {
        return Err(Fault::Cut { last: chain.head.seq, anchored: head.seq }.into());
    }
    Ok(Verified { head: chain.head, anchored: anchored.is_some(), torn: buffer.len() as u64 })
}

/// The chain so far.
struct Chain {
    head: Head,
    /// Where the next line begins.
    byte: u64,
    anchored: Option<Head>,
}

impl Chain {
    const fn no_entry(&self) -> Fault {
        Fault::NoEntry { seq: self.head.seq + 1, byte: self.byte }
    }

    /// Takes the next line, and gives its content.
    fn follow<'a>(&mut self, line: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (seq, byte) = (self.head.seq + 1, self.byte);
        let read = Line::read(line).ok_or(self.no_entry())?;
        let next = self.head.next(read.content);
        if next.hash.written() != read.hash {
            // Which of the two it is, the number tells.
            return Err(if read.seq == seq {
                Fault::Changed { seq, byte }
            } else {
                Fault::Order { seq, found: read.seq, byte }
            });
        }
        if read.seq != seq {
            return Err(Fault::Order { seq, found: read.seq, byte });
        }
        self.head = next;
        self.byte += line.len() as u64 + 1;
        self.check_anchor()?;
        Ok(read.content)
    }

    fn check_anchor(&self) -> Result<(), Fault> {
        match self.anchored {
            Some(anchored) if anchored.seq == self.head.seq && anchored.hash != self.head.hash => {
                Err(Fault::Forked { seq: anchored.seq })
            }
            _ => Ok(()),
        }
    }
}
