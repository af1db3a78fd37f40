//! The rows of several Parquet files in one, in row groups that are worth reading.
//!
//! *In*: files of one schema. *Out*: one file of all their rows, in the order of the files. *Promised*: as many rows as they say that they have,
//! or an error; memory holds one row group, compressed, and a few thousand rows. What a library says of a fault is not passed on: it may show a
//! value.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::file::metadata::ParquetMetaData;

use super::super::modules;
use super::super::parquet::{fault, properties};
use crate::encode::columns::Type;

/// Rows that are read at once, at most, and what they may take by what the file says of its columns.
const BATCH_ROWS: usize = 8 << 10;
const BATCH_BYTES: u64 = 4 << 20;

/// In so many bytes of an encrypted file's end stands what tells it from others.
const UNIQUE_BYTES_MAX: usize = 160;

/// Where a row group ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// Rows.
    pub rows: usize,
    /// Bytes that it takes in memory, most of them compressed.
    pub bytes: usize,
}

/// A million rows, as readers make them, or 32 MiB, of which a sink has room for one.
pub(super) const GROUP: Group = Group { rows: 1 << 20, bytes: 32 << 20 };

/// Why there is no file of all rows.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The input of this number cannot be read.
    Input(usize),
    /// The output cannot be written.
    Output(io::Error),
    /// It was told to stop.
    Stopped,
}

/// A file, and what its footer says.
pub(super) struct Input {
    file: File,
    facts: ArrowReaderMetadata,
    is_encrypted: bool,
}

impl Input {
    /// Reads the footer, of an encrypted file with its key; `None` where there is none that can be read.
    pub fn open(file: File, key: Option<Arc<FileDecryptionProperties>>) -> Option<Self> {
        let is_encrypted = key.is_some();
        let options = match key {
            Some(key) => ArrowReaderOptions::new().with_file_decryption_properties(key),
            None => ArrowReaderOptions::new(),
        };
        let facts = ArrowReaderMetadata::load(&file, options).ok()?;
        Some(Self { file, facts, is_encrypted })
    }

    /// The file.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// What its footer says.
    pub fn facts(&self) -> &ParquetMetaData {
        self.facts.metadata()
    }

    /// What tells an encrypted file from others; `None` where that cannot be read.
    pub fn unique(&self) -> Option<Vec<u8>> {
        let length = self.file.metadata().ok()?.len();
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, length.checked_sub(8)?).ok()?;
        let end = u64::from(u32::from_le_bytes(bytes));
        let mut head = [0; UNIQUE_BYTES_MAX];
        let at = length.checked_sub(8)?.checked_sub(end)?;
        let some = head.len().min(usize::try_from(end).ok()?);
        self.file.read_exact_at(&mut head[..some], at).ok()?;
        modules::unique_of(&head[..some])
    }

    /// True for one that has a column of one of these names.
    pub fn has_any(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.schema().field_with_name(name).is_ok())
    }

    /// True for one that was read with a key.
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// True when both can be in one file: they have the same columns, and both are encrypted, or neither.
    pub fn is_like(&self, other: &Self) -> bool {
        self.schema() == other.schema() && self.is_encrypted == other.is_encrypted
    }

    /// The columns.
    fn schema(&self) -> &SchemaRef {
        self.facts.schema()
    }

    /// Rows that it says it has.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.facts.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// Rows to read at once: fewer of long ones.
    fn batch_rows(&self) -> usize {
        let groups = self.facts.metadata().row_groups().iter();
        let bytes: u64 = groups.map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0)).sum();
        let each = (bytes / self.rows().max(1)).max(1);
        usize::try_from(BATCH_BYTES / each).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
    }

    /// What is in each column: a text with a Bloom filter is a token.
    fn types(&self) -> impl Iterator<Item = (&str, Type)> {
        let fields = self.schema().fields().iter().enumerate();
        fields.map(|(at, field)| {
            let group = self.facts.metadata().row_groups().first();
            let is_token = || group.is_some_and(|group| group.column(at).bloom_filter_offset().is_some());
            let kind = match field.data_type() {
                DataType::Timestamp(..) => Type::Time,
                DataType::Int64 => Type::Integer,
                DataType::Float64 => Type::Decimal,
                DataType::Boolean => Type::Flag,
                _ if is_token() => Type::Token,
                _ => Type::Text,
            };
            (field.name().as_str(), kind)
        })
    }
}

/// True for a file that ends as one with an encrypted footer does.
pub(super) fn is_encrypted(file: &File) -> bool {
    let mut end = [0; 4];
    let length = file.metadata().map_or(0, |facts| facts.len());
    length > 8 && file.read_exact_at(&mut end, length - 4).is_ok() && end == *b"PARE"
}

/// Writes the rows of all `inputs`, at least one and all of one schema, to `out`; how many. Asks `goes_on` every few thousand rows.
pub(super) fn join(
    inputs: &[Input],
    (out, key): (&File, Option<Arc<FileEncryptionProperties>>),
    group: Group,
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, Trouble> {
    let first = &inputs[0];
    let properties = properties(first.types(), key).map_err(Trouble::Output)?;
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let output = |error| Trouble::Output(fault(&error));
    let mut writer =
        ArrowWriter::try_new_with_options(out, first.schema().clone(), options).map_err(output)?;
    for (at, input) in inputs.iter().enumerate() {
        let file = input.file.try_clone().map_err(|_| Trouble::Input(at))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, input.facts.clone());
        let reader = reader.with_batch_size(input.batch_rows()).build().map_err(|_| Trouble::Input(at))?;
        let mut read = 0;
        for rows in reader {
            let rows = rows.map_err(|_| Trouble::Input(at))?;
            if !goes_on() {
                return Err(Trouble::Stopped);
            }
            read += rows.num_rows() as u64;
            writer.write(&rows).map_err(output)?;
            if writer.in_progress_rows() >= group.rows || writer.memory_size() >= group.bytes {
                writer.flush().map_err(output)?;
            }
        }
        if read != input.rows() {
            return Err(Trouble::Input(at));
        }
    }
    let written = writer.close().map_err(output)?;
    Ok(u64::try_from(written.file_metadata().num_rows()).unwrap_or_default())
}
