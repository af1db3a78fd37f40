//! gzip and zstd, told by their first bytes and read as they come.
//!
//! *In*: a [`Descriptor`]. *Out*: the bytes that were compressed, or the bytes as they are. *Promised*: memory is bounded
//! by the decoder's window (32 KiB for gzip, [`ZSTD_WINDOW_LOG_MAX`] for zstd), so that a decompression bomb costs time
//! and nothing else; files of several members or frames are read to the end; a stream that breaks off is an error, after
//! everything before the break was given. *Not here*: what the error is called (`error`).

use std::io::{self, BufRead, Read};
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;

use super::input::{Descriptor, Input, Ready};

/// The largest zstd window that is read: 8 MiB, which RFC 8878 (section 3.1.1.1.2) asks every decoder to support and
/// which all levels up to 19 stay within. `--long` and `--ultra` can exceed it and are refused with a remedy.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// First bytes of a gzip member (RFC 1952) with the only method there is.
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
/// First bytes of a zstd frame (RFC 8878).
pub(super) const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Compressed bytes read in one go.
const COMPRESSED_BYTES: usize = 64 << 10;
/// Decompressed bytes asked for in one go; the buffer's new part is zeroed first.
const DECODED_BYTES: usize = 64 << 10;

/// Reads of compressed bytes in one go: 16 MiB of them that hold nothing (empty members and blocks) take a moment.
const READS: u32 = 256;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not compressed, or not yet known.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Codec {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A descriptor whose content may be compressed.
pub struct Decoded {
    stage: Stage,
}

enum Stage {
    /// The first bytes (at most three) are not enough to tell.
    Start(Vec<u8>, Descriptor),
    Plain(Descriptor),
    Gzip(Box<MultiGzDecoder<Compressed>>, Pending),
    Zstd(Box<zstd::stream::read::Decoder<'static, Compressed>>, Pending),
    /// A decoder could not be made.
    Failed,
}

/// Whether the decoder may hold decoded bytes that the last call had no room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Perhaps,
    No,
}

impl Decoded {
    /// Reads `descriptor`, deciding on its first bytes.
    pub fn new(descriptor: Descriptor) -> Self {
        Self { stage: Stage::Start(Vec::new(), descriptor) }
    }

    /// How the stream is compressed, as far as it is known.
    pub fn codec(&self) -> Codec {
        match self.stage {
            Stage::Gzip(..) => Codec::Gzip,
            Stage::Zstd(..) => Codec::Zstd,
            Stage::Start(..) | Stage::Plain(_) | Stage::Failed => Codec::Plain,
        }
    }

    /// The first read goes straight into the caller's buffer, where plain bytes stay.
    fn start(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize> {
        let Stage::Start(mut first, mut descriptor) = std::mem::replace(&mut self.stage, Stage::Failed)
        else {
            return Err(io::ErrorKind::Other.into());
        };
        let at = buffer.len();
        buffer.extend_from_slice(&first);
        let read = match descriptor.read_into(buffer, bytes_max) {
            Ok(read) => read,
            Err(error) => {
                buffer.truncate(at);
                self.stage = Stage::Start(first, descriptor);
                return Err(error);
            }
        };
        let bytes = &buffer[at..];
        let undecided =
            |magic: &[u8]| !bytes.is_empty() && bytes.len() < magic.len() && magic.starts_with(bytes);
        if bytes.starts_with(GZIP) {
            let compressed = Compressed { bytes: buffer.split_off(at), at: 0, descriptor, reads: 0 };
            self.stage = Stage::Gzip(Box::new(MultiGzDecoder::new(compressed)), Pending::Perhaps);
            return self.read_into(buffer, bytes_max);
        }
        if bytes.starts_with(ZSTD) {
            let compressed = Compressed { bytes: buffer.split_off(at), at: 0, descriptor, reads: 0 };
            let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            self.stage = Stage::Zstd(Box::new(decoder), Pending::Perhaps);
            return self.read_into(buffer, bytes_max);
        }
        if read > 0 && (undecided(GZIP) || undecided(ZSTD)) {
            first.clear();
            first.extend_from_slice(bytes);
            buffer.truncate(at);
            self.stage = Stage::Start(first, descriptor);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.stage = Stage::Plain(descriptor);
        Ok(buffer.len() - at)
    }
}

impl Input for Decoded {
    fn read_into(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize> {
        match &mut self.stage {
            Stage::Plain(descriptor) => descriptor.read_into(buffer, bytes_max),
            Stage::Gzip(decoder, pending) => {
                decoder.get_mut().reads = READS;
                decode(decoder, pending, buffer, bytes_max)
            }
            Stage::Zstd(decoder, pending) => {
                decoder.get_mut().reads = READS;
                decode(decoder, pending, buffer, bytes_max)
            }
            Stage::Start(..) => self.start(buffer, bytes_max),
            Stage::Failed => Err(io::ErrorKind::Other.into()),
        }
    }

    fn ready(&mut self, timeout: Duration) -> io::Result<Ready> {
        let (pending, compressed) = match &mut self.stage {
            Stage::Start(_, descriptor) | Stage::Plain(descriptor) => return descriptor.ready(timeout),
            Stage::Gzip(decoder, pending) => (*pending, decoder.get_mut()),
            Stage::Zstd(decoder, pending) => (*pending, decoder.get_mut()),
            Stage::Failed => return Ok(Ready::Now),
        };
        if pending == Pending::Perhaps || compressed.at < compressed.bytes.len() {
            return Ok(Ready::Now);
        }
        compressed.descriptor.ready(timeout)
    }
}

fn decode(
    decoder: &mut impl Read,
    pending: &mut Pending,
    buffer: &mut Vec<u8>,
    bytes_max: usize,
) -> io::Result<usize> {
    let start = buffer.len();
    let room = bytes_max.min(DECODED_BYTES);
    buffer.resize(start + room, 0);
    let result = decoder.read(&mut buffer[start..]);
    let read = *result.as_ref().unwrap_or(&0);
    buffer.truncate(start + read);
    *pending = if read == room { Pending::Perhaps } else { Pending::No };
    result
}

/// Compressed bytes on their way to a decoder. Where nothing waits they give `WouldBlock`, which the decoders pass on without
/// losing their place: it is the caller who waits, and for how long. So they do after [`READS`] in a row that gave no byte.
struct Compressed {
    bytes: Vec<u8>,
    at: usize,
    descriptor: Descriptor,
    /// Reads that are left before the caller has a say.
    reads: u32,
}

impl BufRead for Compressed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.bytes.len() {
            if self.reads == 0 || self.descriptor.ready(Duration::ZERO)? != Ready::Now {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.reads -= 1;
            self.bytes.clear();
            self.at = 0;
            self.descriptor.read_into(&mut self.bytes, COMPRESSED_BYTES)?;
        }
        Ok(&self.bytes[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.bytes.len());
    }
}

impl Read for Compressed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let read = bytes.len().min(into.len());
        into[..read].copy_from_slice(&bytes[..read]);
        self.consume(read);
        Ok(read)
    }
}
