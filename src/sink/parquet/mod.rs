//! Parts as Parquet files: row groups, and an end that may come several times.
//!
//! *In*: whole lines of NDJSON, with marks for keys. *Out*: bytes to append to a part. *Promised*: after every [`end`](Table::end) the bytes so far
//! are a whole Parquet file, so that a part can be cut back to where a checkpoint counts on it.
//! *Not here*: when a row group or a part ends (`part`, `file`), what a column is and how pages are made of it (`encode::columns`), merging
//! (`merge`), which leaves the writing to the Parquet library.
//!
//! A Parquet file is read from its end: a footer says where its row groups are. What lies between row groups is nobody's, and so a footer
//! that another one follows costs its few kilobytes and no reader sees it.

mod chunk;
mod press;

use std::io;
use std::sync::Arc;

use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescPtr};

use super::crypt::Sealing;
use super::modules::{MAGIC, MAGIC_PLAIN, plain_footer};
use crate::encode::columns::{Columns, Paging, Rows, Type, Unreadable};
use chunk::{Chunk, Place};
use press::LEVEL;
pub(super) use press::Press;

/// What is gathered for a row group of a part, in bytes of memory: encoded, so that it is several hundred thousand records.
pub(super) const GROUP_BYTES: usize = 16 << 20;

/// Values that a Bloom filter is made for, at most; one of fewer is folded to its size.
const BLOOM_VALUES: u64 = 1 << 17;

/// Bytes of lines that are read at once, so that they are still near when their columns take them; then whole pages are written.
const PIECE_BYTES: usize = 64 << 10;

/// Who wrote it, as a footer says.
pub(super) const MAKER: &str = "Sluis";

/// A part that is being written.
pub(super) struct Table {
    rows: Rows,
    chunks: Vec<Chunk>,
    /// Bytes that the rows of the row group at hand take, encoded or not; 0 where there is none.
    waiting: usize,
    schema: SchemaDescPtr,
    groups: Vec<RowGroupMetaData>,
    written: i64,
    /// Bytes of the part so far.
    offset: usize,
    sealing: Option<Sealing>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Table({} rows)", self.written)
    }
}

/// A fault that is said in our own words.
#[derive(Debug, thiserror::Error)]
#[error("{0}; it is a bug, report it")]
pub(super) struct Fault(String);

/// True for an error that says itself what is wrong.
pub(super) fn is_fault(error: &io::Error) -> bool {
    error.get_ref().and_then(|error| error.downcast_ref::<Fault>()).is_some()
}

/// What is wrong, without the library's own words: they may show a value.
pub(super) fn fault(error: &ParquetError) -> io::Error {
    let kind = match error {
        ParquetError::External(_) => "writing columns",
        ParquetError::ArrowError(_) => "columns and their types",
        _ => "Parquet",
    };
    io::Error::other(Fault(format!("an error of the library that writes Parquet ({kind})")))
}

fn unreadable(error: Unreadable) -> io::Error {
    io::Error::other(Fault(error.to_string()))
}

impl Table {
    /// An empty one, which may be encrypted.
    pub fn new(columns: &Arc<Columns>, sealing: Option<Sealing>) -> io::Result<Self> {
        let schema = ArrowSchemaConverter::new().convert(&columns.schema()).map_err(|error| fault(&error))?;
        // Filters would stand in the clear, and whoever has a token could ask them whether it is there. And of a column with more than one
        // sealed page DuckDB (to 2.0.1 at least) takes the second for damaged.
        let (paging, has_filters) =
            if sealing.is_some() { (Paging::One, false) } else { (Paging::Many, true) };
        Ok(Self {
            rows: Rows::new(columns, paging, has_filters),
            chunks: Vec::new(),
            waiting: 0,
            schema: Arc::new(schema),
            groups: Vec::new(),
            written: 0,
            offset: 0,
            sealing,
        })
    }

    /// Adds lines.
    pub fn add(&mut self, lines: &[u8], press: &mut Press) -> io::Result<()> {
        let mut rest = lines;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest.get(PIECE_BYTES..).unwrap_or_default());
            let (piece, after) = rest.split_at(end.map_or(rest.len(), |end| PIECE_BYTES + end + 1));
            self.rows.begin(&mut press.cells);
            if self.chunks.is_empty() {
                self.chunks = std::mem::take(&mut press.chunks);
            }
            self.rows.add(piece).map_err(unreadable)?;
            rest = after;
            let group = self.groups.len();
            let cells = self.rows.cells();
            self.chunks.resize_with(cells.len(), Chunk::default);
            for (column, (cells, chunk)) in cells.iter_mut().zip(&mut self.chunks).enumerate() {
                let modules = self.sealing.as_mut().map(|sealing| &mut sealing.modules);
                chunk.add(cells, Place { group, column, modules }, press)?;
            }
        }
        let pages: usize = self.chunks.iter().map(Chunk::memory).sum();
        self.waiting = if self.rows.count() == 0 { 0 } else { pages + self.rows.memory() };
        Ok(())
    }

    /// Bytes that wait for the end of their row group.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Ends the row group at hand; what is to be appended to the part.
    pub fn group(&mut self, press: &mut Press) -> io::Result<Vec<u8>> {
        self.waiting = 0;
        let rows = i64::from(self.rows.count());
        let mut out = self.begin();
        if rows == 0 {
            return Ok(out);
        }
        let (group, offset) = (self.groups.len(), self.offset - out.len());
        self.rows.end();
        let (mut facts, mut filters) = (Vec::new(), Vec::new());
        let cells = self.rows.cells();
        for (column, (cells, chunk)) in cells.iter_mut().zip(&mut self.chunks).enumerate() {
            let modules = self.sealing.as_mut().map(|sealing| &mut sealing.modules);
            let place = Place { group, column, modules };
            facts.push(chunk.end((cells, self.schema.column(column)), place, press, (&mut out, offset))?);
            filters.push(cells.filter());
            chunk.clear();
        }
        self.rows.clear(&mut press.cells);
        press.chunks = std::mem::take(&mut self.chunks);
        let mut columns = Vec::with_capacity(facts.len());
        for (mut facts, filter) in facts.into_iter().zip(filters) {
            if let Some(filter) = filter {
                let start = out.len();
                filter.write(&mut out).map_err(|error| fault(&error))?;
                facts = facts
                    .set_bloom_filter_offset(i64::try_from(offset + start).ok())
                    .set_bloom_filter_length(i32::try_from(out.len() - start).ok());
            }
            columns.push(facts.build().map_err(|error| fault(&error))?);
        }
        let start = columns.first().map(ColumnChunkMetaData::byte_range).map_or(0, |(start, _)| start);
        let facts = RowGroupMetaData::builder(Arc::clone(&self.schema))
            .set_num_rows(rows)
            .set_total_byte_size(columns.iter().map(ColumnChunkMetaData::uncompressed_size).sum())
            .set_column_metadata(columns)
            .set_ordinal(i32::try_from(group).unwrap_or(i32::MAX))
            .set_file_offset(i64::try_from(start).unwrap_or(i64::MAX))
            .build();
        self.groups.push(facts.map_err(|error| fault(&error))?);
        self.written += rows;
        self.offset = offset + out.len();
        Ok(out)
    }

    /// Makes the part a whole file; what is to be appended to it.
    pub fn end(&mut self) -> io::Result<Vec<u8>> {
        let mut out = self.begin();
        let maker = Some(MAKER.to_owned());
        let file = FileMetaData::new(2, self.written, maker, None, Arc::clone(&self.schema), None);
        let facts = ParquetMetaData::new(file, self.groups.clone());
        let footer = match &mut self.sealing {
            None => plain_footer(&facts)?,
            Some(Sealing { modules, label }) => modules.footer(&facts, label)?,
        };
        out.extend_from_slice(&footer);
        self.offset += footer.len();
        Ok(out)
    }

    /// What a file begins with, once.
    fn begin(&mut self) -> Vec<u8> {
        if self.offset > 0 {
            return Vec::new();
        }
        let magic = if self.sealing.is_some() { MAGIC } else { MAGIC_PLAIN };
        self.offset = magic.len();
        magic.to_vec()
    }
}

/// How columns of these types are written, encrypted or not.
pub(super) fn properties<'n>(
    columns: impl Iterator<Item = (&'n str, Type)>,
    encryption: Option<Arc<FileEncryptionProperties>>,
) -> io::Result<WriterProperties> {
    // The library would write those of an encrypted file in the clear.
    let has_filters = encryption.is_none();
    let level = ZstdLevel::try_new(LEVEL).map_err(|error| fault(&error))?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        // Least and most of a token or a path tell nobody anything, and cost as much as writing it.
        .set_statistics_enabled(EnabledStatistics::None)
        .set_created_by(MAKER.to_owned())
        .set_max_row_group_row_count(None);
    for (name, kind) in columns {
        let path = || ColumnPath::new(vec![name.to_owned()]);
        properties = match kind {
            Type::Time => properties
                .set_column_dictionary_enabled(path(), false)
                .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED)
                // Pages have none: they stand behind all row groups, where a part that is cut back has nothing.
                .set_column_statistics_enabled(path(), EnabledStatistics::Chunk),
            Type::Token if has_filters => properties
                .set_column_bloom_filter_enabled(path(), true)
                .set_column_bloom_filter_max_ndv(path(), BLOOM_VALUES),
            Type::Integer | Type::Decimal => {
                properties.set_column_statistics_enabled(path(), EnabledStatistics::Chunk)
            }
            Type::Flag | Type::Word | Type::Text | Type::Token => properties,
        };
    }
    if let Some(encryption) = encryption {
        // One page of values in each column of a row group, as what is not merged has.
        properties = properties
            .with_file_encryption_properties(encryption)
            .set_data_page_row_count_limit(usize::MAX)
            .set_data_page_size_limit(usize::MAX)
            // What does not fit into a dictionary would be a page of its own.
            .set_dictionary_page_size_limit(usize::MAX);
    }
    Ok(properties.build())
}

#[cfg(test)]
mod tests;
