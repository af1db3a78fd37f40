//! The rows of several Parquet files in one, in row groups that are worth reading.
//!
//! *In*: files of one schema. *Out*: one file of all their rows, in the order of the files. *Promised*: as many rows as they say that they have,
//! or an error; memory holds one row group, compressed, and a few thousand rows. What a library says of a fault is not passed on: it may show a
//! value.

use std::fs::File;
use std::io;

use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use super::super::parquet::{fault, properties};
use crate::encode::columns::Type;

/// Rows that are read at once.
const BATCH_ROWS: usize = 8 << 10;

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
}

impl Input {
    /// Reads the footer; `None` where there is none that can be read.
    pub fn open(file: File) -> Option<Self> {
        let facts = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).ok()?;
        Some(Self { file, facts })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.facts.schema()
    }

    /// Rows that it says it has.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.facts.metadata().file_metadata().num_rows()).unwrap_or_default()
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

/// Writes the rows of all `inputs`, at least one and all of one schema, to `out`; how many. Asks `goes_on` every few thousand rows.
pub(super) fn join(
    inputs: &[Input],
    out: &File,
    group: Group,
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, Trouble> {
    let first = &inputs[0];
    let properties = properties(first.types()).map_err(Trouble::Output)?.build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let output = |error| Trouble::Output(fault(&error));
    let mut writer =
        ArrowWriter::try_new_with_options(out, first.schema().clone(), options).map_err(output)?;
    for (at, input) in inputs.iter().enumerate() {
        let file = input.file.try_clone().map_err(|_| Trouble::Input(at))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, input.facts.clone());
        let reader = reader.with_batch_size(BATCH_ROWS).build().map_err(|_| Trouble::Input(at))?;
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
