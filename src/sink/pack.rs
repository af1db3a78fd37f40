//! What is made of the records of a part before they are written: frames of zstd (RFC 8878), which every reader takes as one stream, or
//! row groups of Parquet.
//!
//! *In*: encoded records. *Out*: a piece of a part. *Promised*: what a checkpoint counts on ends with a whole piece, so that a part can be cut
//! back to it; one packer serves all parts, so that memory does not grow with their number. *Not here*: when a piece ends (`part`).

use std::io;
use std::sync::Arc;

use super::parquet::{GROUP_BYTES, Press, Table};
use crate::encode::columns::Columns;

/// Records of a part that are gathered for a frame: enough that the ratio is nearly that of one long frame.
const FRAME_BYTES: usize = 128 << 10;
/// zstd's own default: a third of the size of level 1 less, at a few hundred MB/s.
const LEVEL: i32 = 3;

/// Makes pieces.
pub(super) enum Packer {
    /// Frames, with room for one.
    Zstd(zstd::bulk::Compressor<'static>, Vec<u8>),
    /// Row groups of these columns, what compresses their pages, and the last one.
    Parquet(Arc<Columns>, Box<Press>, Vec<u8>),
}

impl Packer {
    /// Of frames.
    pub fn zstd() -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self::Zstd(compressor, Vec::new()))
    }

    /// Of row groups.
    pub fn parquet(columns: &Arc<Columns>) -> io::Result<Self> {
        Ok(Self::Parquet(Arc::clone(columns), Box::new(Press::new()?), Vec::new()))
    }

    /// Bytes of records that are gathered for a piece.
    pub const fn piece_bytes(&self) -> usize {
        match self {
            Self::Zstd(..) => FRAME_BYTES,
            Self::Parquet(..) => GROUP_BYTES,
        }
    }

    /// Adds records to what waits of a part: lines, or the rows of its table, which is made with the first of them.
    pub fn add(&mut self, bytes: &[u8], lines: &mut Vec<u8>, table: &mut Option<Table>) -> io::Result<()> {
        match self {
            Self::Zstd(..) => {
                lines.extend_from_slice(bytes);
                Ok(())
            }
            Self::Parquet(columns, press, _) => match table {
                Some(table) => table.add(bytes, press),
                None => table.insert(Table::new(columns, None)?).add(bytes, press),
            },
        }
    }

    /// The piece that holds what waits; nothing waits then.
    pub fn piece(&mut self, lines: &mut Vec<u8>, table: &mut Option<Table>) -> io::Result<&[u8]> {
        match self {
            Self::Zstd(compressor, frame) => {
                frame.clear();
                frame.reserve(zstd::zstd_safe::compress_bound(lines.len()));
                compressor.compress_to_buffer(lines, frame)?;
                lines.clear();
                Ok(frame)
            }
            Self::Parquet(_, press, rows) => {
                *rows = table.as_mut().map_or_else(|| Ok(Vec::new()), |table| table.group(press))?;
                Ok(rows)
            }
        }
    }
}
