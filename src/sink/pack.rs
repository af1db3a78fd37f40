//! zstd for the parts of a sink (RFC 8878): frames of their own, one after the other, which every reader takes as one stream.
//!
//! *In*: encoded records. *Out*: a frame. *Promised*: what a checkpoint counts on ends with a whole frame, so that a part can be cut back
//! to it; one encoder serves all parts, so that memory does not grow with their number. *Not here*: when a frame ends (`part`).

use std::io;

/// Records of a part that are gathered for a frame: enough that the ratio is nearly that of one long frame.
pub(super) const FRAME_BYTES: usize = 128 << 10;
/// zstd's own default: a third of the size of level 1 less, at a few hundred MB/s.
const LEVEL: i32 = 3;

/// Makes frames.
pub(super) struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    frame: Vec<u8>,
}

impl Packer {
    pub fn new() -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self { compressor, frame: Vec::new() })
    }

    /// The frame that holds `bytes`.
    pub fn frame(&mut self, bytes: &[u8]) -> io::Result<&[u8]> {
        self.frame.clear();
        self.frame.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.compressor.compress_to_buffer(bytes, &mut self.frame)?;
        Ok(&self.frame)
    }
}
