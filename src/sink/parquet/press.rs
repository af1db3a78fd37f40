//! Pages as they stand in a file: a header, and what is compressed and, in an encrypted part, sealed.
//!
//! One press serves all parts of a sink, so that memory does not grow with their number.

use std::io;

use super::super::modules::{At, Module, Modules};
use super::chunk::Chunk;
use crate::encode::columns::{Cells, Coding};

/// zstd at its fastest level that is worth it for columns: dictionaries have taken out most of what a higher one finds.
pub(super) const LEVEL: i32 = 1;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Entries of a dictionary.
    Dictionary,
    /// Values of rows.
    Data(Coding),
}

/// Compresses pages, and keeps the memory of the last row group for the next.
pub(in super::super) struct Press {
    pub(super) cells: Vec<Cells>,
    pub(super) chunks: Vec<Chunk>,
    compressor: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
    header: Vec<u8>,
}

/// Seals the pages of a part, in this place of it.
pub(super) type Sealing<'m> = Option<(&'m mut Modules, At)>;

impl Press {
    /// With room for nothing yet.
    pub fn new() -> io::Result<Self> {
        let compressor = zstd::bulk::Compressor::new(LEVEL)?;
        let (cells, chunks) = (Vec::new(), Vec::new());
        Ok(Self { cells, chunks, compressor, packed: Vec::new(), header: Vec::new() })
    }

    /// Appends a page of so many values to `out`; how many bytes it would be without compression.
    pub(super) fn page(
        &mut self,
        kind: Kind,
        values: usize,
        body: &[u8],
        sealing: Sealing<'_>,
        out: &mut Vec<u8>,
    ) -> io::Result<usize> {
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(body.len()));
        self.compressor.compress_to_buffer(body, &mut self.packed)?;
        let start = out.len();
        let Some((modules, at)) = sealing else {
            header(kind, values, body.len(), self.packed.len(), out)?;
            let header = out.len() - start;
            out.extend_from_slice(&self.packed);
            return Ok(header + body.len());
        };
        let (head_module, module) = match kind {
            Kind::Dictionary => (Module::DictionaryPageHeader, Module::DictionaryPage),
            Kind::Data(_) => (Module::DataPageHeader, Module::DataPage),
        };
        self.header.clear();
        header(kind, values, body.len(), Modules::sealed_bytes(self.packed.len()), &mut self.header)?;
        modules.seal(head_module, at, &self.header, out)?;
        let header = out.len() - start;
        modules.seal(module, at, &self.packed, out)?;
        Ok(header + body.len())
    }
}

/// `PageHeader`, in Thrift's compact protocol: <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.
fn header(kind: Kind, values: usize, bytes: usize, packed: usize, out: &mut Vec<u8>) -> io::Result<()> {
    // A field is one byte: how far its number is from that of the field before, and its type: 5 is a whole number, c a struct, 2 false.
    const PLAIN: i32 = 0;
    const RLE: i32 = 3;
    let number = |number: usize| {
        i32::try_from(number)
            .map_err(|_| io::Error::other("a piece of a part is longer than the format allows"))
    };
    let page = if kind == Kind::Dictionary { 2 } else { 0 };
    for number in [page, number(bytes)?, number(packed)?] {
        whole(number, out);
    }
    match kind {
        Kind::Dictionary => {
            out.push(0x4c);
            for number in [number(values)?, PLAIN] {
                whole(number, out);
            }
            out.extend_from_slice(&[0x12, 0, 0]);
        }
        Kind::Data(coding) => {
            out.push(0x2c);
            let coding = match coding {
                Coding::Plain => PLAIN,
                Coding::Delta => 5,
                Coding::Dictionary => 8,
            };
            for number in [number(values)?, coding, RLE, RLE] {
                whole(number, out);
            }
            out.extend_from_slice(&[0, 0]);
        }
    }
    Ok(())
}

/// The next field, a whole number.
fn whole(number: i32, out: &mut Vec<u8>) {
    out.push(0x15);
    let mut rest = ((number << 1) ^ (number >> 31)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
