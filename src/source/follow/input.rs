//! The bytes of one file that may grow: as they stand, or decompressed.
//!
//! *In*: an open file and a position in it. *Out*: what stands from there on. *Promised*: a file that was cut off, or written anew from its
//! start, is told from one that has grown, also when it is longer than before by then. *Not here*: which file it is (`scan`).

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use super::super::decode::{Codec, Decoded};
use super::super::file::Facts;
use super::super::input::{Descriptor, Input, Progress, Ready, read_some};
use super::super::ledger::{HEAD_BYTES, TAIL_BYTES};
use super::head::{hole, leading_nuls};
use crate::record::timestamp::Timestamp;

/// Decompressed bytes that are read over in one go.
const SKIPPED_BYTES: usize = 64 << 10;

/// How a file stands to what was read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing was added.
    Same,
    /// There is more to read.
    Grown,
    /// What was read is not there any more.
    CutOff,
}

/// See the module comment.
pub(super) enum Bytes {
    Plain(Plain),
    Packed(Box<Packed>),
}

/// A file as it stands.
pub(super) struct Plain {
    file: File,
    /// Bytes read, from the beginning of the file.
    position: u64,
    /// The bytes before the position.
    last: Vec<u8>,
    /// Bytes at the beginning that are no content ([`head`](super::head)).
    hole: u64,
    /// The first bytes that were read, if they were read from the beginning: the file may be another by now.
    first: Vec<u8>,
    /// Nothing is waited for at its end.
    ended: bool,
    progress: Arc<Progress>,
}

/// A compressed file. It does not grow.
pub(super) struct Packed {
    decoded: Decoded,
    position: u64,
    /// Bytes at the beginning that were delivered earlier.
    skip: u64,
    /// Bytes at the beginning that are no content.
    hole: u64,
}

impl Bytes {
    pub fn plain(file: File, position: u64, progress: Arc<Progress>) -> io::Result<Self> {
        let hole = hole(&file)?;
        let position = position.max(hole);
        let mut last = vec![0; usize::try_from(position).unwrap_or(usize::MAX).min(TAIL_BYTES)];
        let from = position - last.len() as u64;
        file.read_exact_at(&mut last, from)?;
        let mut first = Vec::new();
        if position > hole {
            first = vec![0; usize::try_from(position - hole).unwrap_or(usize::MAX).min(HEAD_BYTES)];
            file.read_exact_at(&mut first, hole)?;
        }
        Ok(Self::Plain(Plain { file, position, last, hole, first, ended: false, progress }))
    }

    pub fn packed(file: File, position: u64, progress: Arc<Progress>) -> Self {
        let decoded = Decoded::new(Descriptor::new(file.into(), progress));
        Self::Packed(Box::new(Packed { decoded, position: 0, skip: position, hole: 0 }))
    }

    /// Bytes that were read, from the beginning of the file.
    pub fn position(&self) -> u64 {
        match self {
            Self::Plain(plain) => plain.position,
            Self::Packed(packed) => packed.position,
        }
    }

    /// Its codec, for messages.
    pub fn codec(&self) -> Codec {
        match self {
            Self::Plain(_) => Codec::Plain,
            Self::Packed(packed) => packed.decoded.codec(),
        }
    }

    /// Nothing more is waited for at its end.
    pub fn end(&mut self) {
        if let Self::Plain(plain) = self {
            plain.ended = true;
        }
    }

    /// How the file stands now, and its facts. It was written last at `modified` when it was looked at last.
    pub fn look(&self, modified: Timestamp) -> io::Result<(Look, Option<Facts>)> {
        let Self::Plain(plain) = self else { return Ok((Look::Grown, None)) };
        let facts = Facts::of(&plain.file.metadata()?);
        let look = match facts.size_bytes.cmp(&plain.position) {
            // As long as before, it may have been written anew all the same.
            Ordering::Equal if facts.modified == modified || plain.is_continued() => Look::Same,
            Ordering::Greater if plain.is_continued() => Look::Grown,
            _ => Look::CutOff,
        };
        Ok((look, Some(facts)))
    }

    /// The first bytes of a plain file as they were read, for its print.
    pub fn first(&self) -> Option<&[u8]> {
        let Self::Plain(plain) = self else { return None };
        Some(&plain.first)
    }

    /// A plain file as it is.
    pub fn file(&self) -> Option<io::Result<File>> {
        let Self::Plain(plain) = self else { return None };
        Some(plain.file.try_clone())
    }
}

impl Plain {
    /// True when nothing more is waited for.
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// True when the bytes before the position are still those that were read.
    fn is_continued(&self) -> bool {
        let mut now = [0; TAIL_BYTES];
        let now = &mut now[..self.last.len()];
        let from = self.position - now.len() as u64;
        self.file.read_exact_at(now, from).is_ok() && *now == *self.last
    }

    fn read(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize> {
        let start = buffer.len();
        let read = read_some(&self.file, Some(self.position), buffer, bytes_max)?;
        self.position += read as u64;
        self.progress.add(read);
        if self.position == self.hole + read as u64 {
            let nuls = leading_nuls(&buffer[start..]);
            self.hole += nuls as u64;
            buffer.drain(start..start + nuls);
            if nuls > 0 && nuls == read {
                self.last = vec![0; usize::try_from(self.hole).unwrap_or(usize::MAX).min(TAIL_BYTES)];
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let fresh = &buffer[start..];
        let wanted = HEAD_BYTES.saturating_sub(self.first.len()).min(fresh.len());
        self.first.extend_from_slice(&fresh[..wanted]);
        if fresh.len() >= TAIL_BYTES {
            self.last.clear();
            self.last.extend_from_slice(&fresh[fresh.len() - TAIL_BYTES..]);
        } else {
            self.last.extend_from_slice(fresh);
            self.last.drain(..self.last.len().saturating_sub(TAIL_BYTES));
        }
        Ok(read)
    }
}

impl Packed {
    fn read(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize> {
        if self.skip == 0 {
            let start = buffer.len();
            let read = self.decoded.read_into(buffer, bytes_max)?;
            if self.position == self.hole {
                let nuls = leading_nuls(&buffer[start..]);
                self.hole += nuls as u64;
                buffer.drain(start..start + nuls);
            }
            self.position += read as u64;
            return if read > 0 && buffer.len() == start {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(read)
            };
        }
        let wanted = usize::try_from(self.skip).unwrap_or(usize::MAX).min(SKIPPED_BYTES);
        let mut over = Vec::with_capacity(wanted);
        let read = self.decoded.read_into(&mut over, wanted)?;
        self.position += read as u64;
        self.skip -= read as u64;
        // Nothing of interest came, and the reader is to have a chance to stop.
        if read == 0 { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Input for Bytes {
    fn read_into(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize> {
        match self {
            Self::Packed(packed) => packed.read(buffer, bytes_max),
            Self::Plain(plain) => match plain.read(buffer, bytes_max)? {
                0 if !plain.ended => Err(io::ErrorKind::Interrupted.into()),
                read => Ok(read),
            },
        }
    }

    fn ready(&mut self, timeout: Duration) -> io::Result<Ready> {
        match self {
            Self::Packed(packed) => packed.decoded.ready(timeout),
            Self::Plain(plain) if plain.ended => Ok(Ready::Now),
            Self::Plain(plain) => {
                let grown = plain.file.metadata()?.len() > plain.position;
                Ok(if grown { Ready::Now } else { Ready::Silence })
            }
        }
    }
}
