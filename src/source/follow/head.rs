//! What a file holds, compared with what is known: by its first bytes, and by those before a position.
//!
//! *In*: a file that was found. *Out*: whether it is one that is known, or a copy of one that is there as well. *Promised*: a file that only
//! begins as another does is not taken for it. *Not here*: what follows from that (`follow`).
//!
//! NUL bytes at the beginning are a hole, and no content: a writer that does not append goes on behind one when its file was cut off.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use super::super::decode::{Codec, Decoded, GZIP, ZSTD};
use super::super::error::SourceError;
use super::super::file;
use super::super::input::{Descriptor, Input};
use super::super::ledger::{FileId, HEAD_BYTES, Known, Ledger, PrintKey, TAIL_BYTES};
use super::scan::Found;

/// Bytes that are compared in one go.
const BLOCK_BYTES: usize = 64 << 10;

/// The first bytes of a file, decompressed, without a hole before them.
pub(super) struct Head {
    pub bytes: Vec<u8>,
    pub packed: bool,
    file: File,
}

/// How a file stands to one that is there as well, and begins as it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    /// All that it holds is in the other, at the same place.
    Copy,
    /// It holds something else.
    Other,
    /// One of them is just being changed.
    Unclear,
}

impl Head {
    /// Reads them; `None` when the file is another by now.
    pub fn read(found: &Found) -> Result<Option<Self>, SourceError> {
        let (file, _) = match file::open_regular(&found.path) {
            Err(SourceError::Vanished { .. }) => return Ok(None),
            opened => opened?,
        };
        let fault =
            |error: &io::Error| SourceError::read(found.path.display().to_string(), Codec::Plain, error);
        if !is(&file, found.id).map_err(|error| fault(&error))? {
            return Ok(None);
        }
        Self::of(file).map(Some).map_err(|error| fault(&error))
    }

    /// Those of an open file. What reads it by position is not disturbed.
    pub fn of(file: File) -> io::Result<Self> {
        let mut first = [0; HEAD_BYTES];
        let read = read_at(&file, &mut first, 0)?;
        if starts_packed(&first[..read]) {
            let mut head = Self { bytes: Vec::new(), packed: true, file };
            head.unpack();
            return Ok(head);
        }
        let hole = hole(&file)?;
        let mut bytes = vec![0; HEAD_BYTES];
        let read = read_at(&file, &mut bytes, hole)?;
        bytes.truncate(read);
        Ok(Self { bytes, packed: false, file })
    }

    /// Decompresses the beginning. A file that is damaged, or not whole yet, may give less: whoever reads it says so.
    fn unpack(&mut self) {
        let Ok(mut stream) = self.stream() else { return };
        let mut block = Vec::new();
        while self.bytes.len() < HEAD_BYTES && matches!(stream.next(&mut block), Ok(1..)) {
            let from = if self.bytes.is_empty() { leading_nuls(&block) } else { 0 };
            self.bytes.extend_from_slice(&block[from..]);
        }
        self.bytes.truncate(HEAD_BYTES);
    }

    fn stream(&self) -> io::Result<Stream> {
        Stream::of(&self.file)
    }

    /// Whether the file begins as `known` does.
    pub fn begins(&self, known: &Known, key: &PrintKey) -> bool {
        self.bytes.get(..known.head.length).is_some_and(|head| key.print(head) == known.head)
    }

    /// Whether the bytes before the position of `known` are those that were read, as far as that is known. Of a plain file that is shorter
    /// than that, nothing is known.
    pub fn continues(&self, found: &Found, known: &Known, key: &PrintKey) -> bool {
        if self.packed {
            return self.unpacked_continues(found, known, key);
        }
        let (position, print) = if found.size >= known.emitted {
            (known.emitted, known.last)
        } else {
            (known.delivered, known.tail)
        };
        let Some(print) = print.filter(|_| found.size >= position) else { return true };
        let mut bytes = vec![0; print.length];
        let Some(from) = position.checked_sub(print.length as u64) else { return false };
        self.file.read_exact_at(&mut bytes, from).is_ok() && key.print(&bytes) == print
    }

    /// The same of a compressed file, which is decompressed up to the position unless its size says enough.
    fn unpacked_continues(&self, found: &Found, known: &Known, key: &PrintKey) -> bool {
        if known.ended.is_some_and(|ended| ended == found.size || Some(ended) == self.unpacked_bytes()) {
            return true;
        }
        if known.passed && known.emitted == 0 {
            return false;
        }
        let (Some(print), Ok(mut stream)) = (known.last, self.stream()) else { return true };
        let (mut block, mut last, mut position) = (Vec::new(), Vec::new(), 0);
        while position < known.emitted && matches!(stream.next(&mut block), Ok(1..)) {
            let wanted = usize::try_from(known.emitted - position).unwrap_or(usize::MAX).min(block.len());
            position += wanted as u64;
            last.extend_from_slice(&block[wanted.saturating_sub(TAIL_BYTES)..wanted]);
            last.drain(..last.len().saturating_sub(TAIL_BYTES));
        }
        let from = last.len().saturating_sub(print.length);
        position == known.emitted && key.print(&last[from..]) == print
    }

    /// The bytes before a position in a plain file, at most so many.
    pub fn before(&self, position: u64, most: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(position).unwrap_or(usize::MAX).min(most)];
        let from = position - bytes.len() as u64;
        self.file.read_exact_at(&mut bytes, from).ok().map(|()| bytes)
    }

    /// Its size on disk.
    pub fn size(&self) -> Option<u64> {
        self.file.metadata().ok().map(|facts| facts.len())
    }

    /// How long a compressed file is without compression, if it says so.
    pub fn unpacked_bytes(&self) -> Option<u64> {
        let size = self.file.metadata().ok()?.len();
        let mut first = [0; 18];
        let read = read_at(&self.file, &mut first, 0).ok()?;
        if first.starts_with(ZSTD) {
            return zstd::zstd_safe::get_frame_content_size(&first[..read]).ok().flatten();
        }
        // The last four bytes of the last member: exact where there is one, and less than 4 GiB.
        let mut last = [0; 4];
        self.file.read_exact_at(&mut last, size.checked_sub(4)?).ok()?;
        Some(u64::from(u32::from_le_bytes(last)))
    }

    /// How this file stands to `other`, which is where it was and is `size` bytes long on disk.
    pub fn beside(&self, found: &Found, other: &Self, size: u64) -> Beside {
        if !other.bytes.starts_with(&self.bytes) {
            return Beside::Other;
        }
        if self.packed || other.packed {
            return self
                .stream()
                .and_then(|mine| is_within(mine, other.stream()?))
                .unwrap_or(Beside::Unclear);
        }
        // A copy of a large file is looked at again and again while it is made: its end says enough.
        if found.size > size {
            return Beside::Other;
        }
        let length = usize::try_from(found.size).unwrap_or(usize::MAX).min(TAIL_BYTES);
        let from = found.size - length as u64;
        let (mut mine, mut theirs) = ([0; TAIL_BYTES], [0; TAIL_BYTES]);
        let read = self.file.read_exact_at(&mut mine[..length], from);
        match read.and_then(|()| other.file.read_exact_at(&mut theirs[..length], from)) {
            Ok(()) if mine == theirs => Beside::Copy,
            Ok(()) => Beside::Other,
            Err(_) => Beside::Unclear,
        }
    }
}

/// Whether `found` is still what `known` says, so that removing it removes what was delivered and nothing else.
pub fn still_holds(found: &Found, known: &Known, ledger: &Ledger) -> bool {
    let key = ledger.key();
    let head = Head::read(found).ok().flatten();
    head.is_some_and(|head| head.begins(known, key) && head.continues(found, known, key))
}

/// A file from its beginning, decompressed where it is compressed.
struct Stream(Decoded);

impl Stream {
    fn of(file: &File) -> io::Result<Self> {
        let mut file = file.try_clone()?;
        file.rewind()?;
        Ok(Self(Decoded::new(Descriptor::new(file.into(), Arc::default()))))
    }

    /// The next bytes; 0 at the end.
    fn next(&mut self, block: &mut Vec<u8>) -> io::Result<usize> {
        block.clear();
        loop {
            match self.0.read_into(block, BLOCK_BYTES) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                read => return read,
            }
        }
    }
}

/// Whether all of `mine` stands at the beginning of `theirs`. One that breaks off may still be written.
fn is_within(mut mine: Stream, mut theirs: Stream) -> io::Result<Beside> {
    let (mut block, mut more, mut ahead) = (Vec::new(), Vec::new(), Vec::<u8>::new());
    loop {
        match mine.next(&mut block) {
            Ok(1..) => {}
            Ok(_) | Err(_) => return Ok(Beside::Copy),
        }
        while ahead.len() < block.len() {
            if theirs.next(&mut more)? == 0 {
                return Ok(Beside::Other);
            }
            ahead.extend_from_slice(&more);
        }
        if ahead[..block.len()] != block[..] {
            return Ok(Beside::Other);
        }
        ahead.drain(..block.len());
    }
}

/// Fills `bytes` from `position` on, as far as the file goes.
fn read_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], position + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Bytes of the hole that a file begins with.
pub(super) fn hole(file: &File) -> io::Result<u64> {
    let mut block = vec![0; HEAD_BYTES];
    let read = read_at(file, &mut block, 0)?;
    if leading_nuls(&block[..read]) == 0 {
        return Ok(0);
    }
    // Where the file system knows of holes, a large one takes no time. What moves is the offset, which nobody uses.
    let data = rustix::fs::seek(file, rustix::fs::SeekFrom::Data(0)).unwrap_or(0);
    let mut file = file.try_clone()?;
    let mut hole = file.seek(SeekFrom::Start(data))?;
    block.resize(BLOCK_BYTES, 0);
    loop {
        let read = file.read(&mut block)?;
        let nuls = leading_nuls(&block[..read]);
        hole += nuls as u64;
        if nuls < read || read == 0 {
            return Ok(hole);
        }
    }
}

/// NUL bytes at the beginning.
pub(super) fn leading_nuls(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())
}

fn starts_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(GZIP) || bytes.starts_with(ZSTD)
}

/// Whether a file is compressed; one that cannot be looked at counts as such.
pub fn is_packed(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = File::open(path).and_then(|file| file.read_at(&mut first, 0));
    read.map_or(true, |read| starts_packed(&first[..read]))
}

/// Whether an open file is the one of this number.
pub(super) fn is(file: &File, id: FileId) -> io::Result<bool> {
    let facts = file.metadata()?;
    Ok(FileId { device: facts.dev(), inode: facts.ino() } == id)
}
