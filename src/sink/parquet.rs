//! Parts as Parquet files: row groups, and an end that may come several times.
//!
//! *In*: whole lines of NDJSON. *Out*: bytes to append to a part. *Promised*: after every [`end`](Table::end) the bytes so far are a whole
//! Parquet file, so that a part can be cut back to where a checkpoint counts on it.
//! *Not here*: when a row group or a part ends (`part`, `file`), what a column is (`encode::columns`).
//!
//! A Parquet file is read from its end: a footer says where its row groups are. What lies between row groups is nobody's, and so a footer
//! that another one follows costs its few kilobytes and no reader sees it.

use std::io;
use std::mem;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::encode::columns::{Columns, Rows, Type, Unreadable};

/// What is gathered for a row group of a part, in bytes of memory: encoded, so that it is several hundred thousand records.
pub(super) const GROUP_BYTES: usize = 16 << 20;

/// zstd at its fastest level that is worth it for columns: dictionaries have taken out most of what a higher one finds.
const LEVEL: i32 = 1;

/// Values that a Bloom filter is made for, at most; one of fewer is folded to its size.
const BLOOM_VALUES: u64 = 1 << 17;

/// Who wrote it, as a footer says.
pub(super) const MAKER: &str = "Sluis";

/// A part that is being written.
pub(super) struct Table {
    rows: Rows,
    /// Bytes that the rows of the row group at hand take, encoded or not; 0 where there is none.
    waiting: usize,
    writer: ArrowWriter<Vec<u8>>,
    written: i64,
    /// It can end once.
    is_encrypted: bool,
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

/// Either of the two.
struct Failed(io::Error);

impl From<Unreadable> for Failed {
    fn from(error: Unreadable) -> Self {
        Self(unreadable(error))
    }
}

impl Table {
    /// An empty one, which may be encrypted.
    pub fn new(
        columns: &Arc<Columns>,
        encryption: Option<Arc<FileEncryptionProperties>>,
    ) -> io::Result<Self> {
        let is_encrypted = encryption.is_some();
        let types = columns.iter().map(|column| (column.name.as_str(), column.kind));
        let properties = properties(types, encryption)?;
        let writer = ArrowWriter::try_new(Vec::new(), columns.schema(), Some(properties));
        let writer = writer.map_err(|error| fault(&error))?;
        Ok(Self { rows: Rows::new(columns), waiting: 0, writer, written: 0, is_encrypted })
    }

    /// Adds lines.
    pub fn add(&mut self, lines: &[u8]) -> io::Result<()> {
        let Self { rows, writer, .. } = self;
        rows.add(lines, |batch| writer.write(batch).map_err(|error| Failed(fault(&error))))
            .map_err(|failed| failed.0)?;
        self.waiting = self.writer.memory_size() + self.rows.bytes();
        Ok(())
    }

    /// Bytes that wait for the end of their row group.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Ends the row group at hand; what is to be appended to the part.
    pub fn group(&mut self) -> io::Result<Vec<u8>> {
        self.waiting = 0;
        let batch = self.rows.take().map_err(unreadable)?;
        let rows = self.writer.in_progress_rows() + batch.num_rows();
        self.written += i64::try_from(rows).unwrap_or(0);
        let written = self.writer.write(&batch).and_then(|()| self.writer.flush());
        written.map_err(|error| fault(&error))?;
        self.taken()
    }

    /// Makes the part a whole file; what is to be appended to it. After that nothing can be added to an encrypted one.
    pub fn end(&mut self) -> io::Result<Vec<u8>> {
        if self.is_encrypted {
            self.writer.finish().map_err(|error| fault(&error))?;
            return self.taken();
        }
        let groups: Vec<RowGroupMetaData> = self.writer.flushed_row_groups().to_vec();
        let schema = groups.first().map(RowGroupMetaData::schema_descr_ptr);
        let schema =
            schema.ok_or_else(|| io::Error::other(Fault("a part without a row group".to_owned())))?;
        let file = FileMetaData::new(2, self.written, Some(MAKER.to_owned()), None, schema, None);
        let metadata = ParquetMetaData::new(file, groups);
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &metadata).finish().map_err(|error| fault(&error))?;
        // Through the writer: it counts where its next row group begins.
        self.writer.write_all(&footer)?;
        self.taken()
    }

    fn taken(&mut self) -> io::Result<Vec<u8>> {
        self.writer.sync()?;
        Ok(mem::take(self.writer.inner_mut()))
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
        // One page of values in each column of a row group: DuckDB (to 2.0.1 at least) takes the second for damaged.
        properties = properties
            .with_file_encryption_properties(encryption)
            .set_data_page_row_count_limit(usize::MAX)
            .set_data_page_size_limit(usize::MAX);
    }
    Ok(properties.build())
}
