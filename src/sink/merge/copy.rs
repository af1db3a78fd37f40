//! Parquet files in one, without some of their columns: what is encoded is copied as it is, and sealed anew where it is encrypted.
//!
//! *In*: files of one schema. *Out*: one file of all their row groups. *Promised*: every row that they say they have, in the order of the files; no
//! byte of a column that is dropped, nor its name; memory holds one page. Nothing is decoded: a page is checked no further than by the tag of the module
//! that it is in, and in a plain file not at all. *Not here*: which files and columns (`narrow`), small row groups made large (`rows`).

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::super::crypt::Sealing;
use super::super::modules::{self, At, LENGTH_BYTES, Module, Modules};
use super::super::parquet::{MAKER, fault};
use super::rows::Trouble;

/// Bytes that are copied at once, and the longest module that is taken for one.
const PIECE_BYTES: usize = 1 << 20;
const MODULE_BYTES_MAX: usize = 256 << 20;
/// What an encrypted file can count.
const GROUPS_MAX: usize = i16::MAX as usize;

/// A file to be copied from.
pub(super) struct From<'f> {
    pub file: &'f File,
    pub facts: &'f ParquetMetaData,
    /// Opens its modules; `None` of a plain file.
    pub modules: Option<Modules>,
}

/// The output, and how much of it there is.
struct Out<'f> {
    file: &'f File,
    pending: Vec<u8>,
    length: u64,
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.pending.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.pending.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        self.file.write_all(&self.pending).map_err(Trouble::Output)?;
        self.pending.clear();
        Ok(())
    }

    fn offset(&self) -> i64 {
        i64::try_from(self.length).unwrap_or(i64::MAX)
    }
}

/// Writes all row groups of `inputs`, at least one and all of one schema, to `out`, without the columns called `drop`; how many rows. Where `sealing`
/// is given all of them are encrypted, else none. Asks `goes_on` at every column.
pub(super) fn copy(
    inputs: &[From<'_>],
    drop: &[String],
    (out, mut sealing): (&File, Option<Sealing>),
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, Trouble> {
    let output = |error| Trouble::Output(fault(&error));
    let root = inputs[0].facts.file_metadata().schema();
    let kept: Vec<usize> = (0..root.get_fields().len())
        .filter(|at| drop.iter().all(|name| name != root.get_fields()[*at].name()))
        .collect();
    let fields = kept.iter().map(|at| root.get_fields()[*at].clone()).collect();
    let schema = Type::group_type_builder(root.name()).with_fields(fields).build().map_err(output)?;
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
    let mut out = Out { file: out, pending: Vec::with_capacity(2 * PIECE_BYTES), length: 0 };
    out.put(if sealing.is_some() { modules::MAGIC } else { modules::MAGIC_PLAIN })?;
    let (mut groups, mut rows) = (Vec::new(), 0);
    for (number, input) in inputs.iter().enumerate() {
        for (at, group) in input.facts.row_groups().iter().enumerate() {
            if groups.len() == GROUPS_MAX {
                return Err(Trouble::Output(io::Error::other("more row groups than a part can have")));
            }
            let mut columns = Vec::with_capacity(kept.len());
            for (place, column) in kept.iter().enumerate() {
                if !goes_on() {
                    return Err(Trouble::Stopped);
                }
                let from = At { group: at, column: *column, page: 0 };
                let to = At { group: groups.len(), column: place, page: 0 };
                let chunk = group.columns().get(*column).ok_or(Trouble::Input(number))?;
                let sealing = sealing.as_mut().map(|sealing| &mut sealing.modules);
                let copied = copy_chunk((input, chunk, from), (&mut out, to), sealing);
                columns.push(copied.map_err(|trouble| trouble.unwrap_or(Trouble::Input(number)))?);
            }
            rows += group.num_rows();
            groups.push(described(&schema, group, columns, groups.len()).map_err(output)?);
        }
    }
    let file = FileMetaData::new(2, rows, Some(MAKER.to_owned()), None, schema, None);
    let facts = ParquetMetaData::new(file, groups);
    let footer = match &mut sealing {
        Some(sealing) => sealing.modules.footer(&facts, &sealing.label),
        None => modules::plain_footer(&facts),
    };
    out.put(&footer.map_err(Trouble::Output)?)?;
    out.flush()?;
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// What is said of a row group of these columns.
fn described(
    schema: &Arc<SchemaDescriptor>,
    group: &RowGroupMetaData,
    columns: Vec<ColumnChunkMetaData>,
    number: usize,
) -> parquet::errors::Result<RowGroupMetaData> {
    let bytes = columns.iter().map(ColumnChunkMetaData::uncompressed_size).sum();
    let offset = columns.first().map_or(0, |column| column.byte_range().0);
    RowGroupMetaData::builder(Arc::clone(schema))
        .set_num_rows(group.num_rows())
        .set_total_byte_size(bytes)
        .set_ordinal(i32::try_from(number).unwrap_or(i32::MAX))
        .set_file_offset(i64::try_from(offset).unwrap_or(i64::MAX))
        .set_column_metadata(columns)
        .build()
}

/// Copies a column of a row group, and its Bloom filter; what is to be said of it then. `None` for an error: it is of the input.
fn copy_chunk(
    (input, chunk, from): (&From<'_>, &ColumnChunkMetaData, At),
    (out, to): (&mut Out<'_>, At),
    sealing: Option<&mut Modules>,
) -> Result<ColumnChunkMetaData, Option<Trouble>> {
    let (start, length) = chunk.byte_range();
    let begins = out.offset();
    match (&input.modules, sealing) {
        (None, None) => copy_bytes(input.file, (start, length), out)?,
        (Some(opening), Some(sealing)) => {
            let has_dictionary = chunk.dictionary_page_offset().is_some();
            reseal((input.file, opening, from), (start, length), has_dictionary, (out, sealing, to))?;
        }
        // Encrypted and plain parts are never put together.
        _ => return Err(None),
    }
    let start = i64::try_from(start).map_err(|_| None)?;
    let moved = |offset: i64| offset - start + begins;
    let mut filter = None;
    if input.modules.is_none()
        && let (Some(at), Some(bytes)) = (chunk.bloom_filter_offset(), chunk.bloom_filter_length())
    {
        let (at, length) = (u64::try_from(at).map_err(|_| None)?, u64::try_from(bytes).map_err(|_| None)?);
        filter = Some((out.offset(), bytes));
        copy_bytes(input.file, (at, length), out)?;
    }
    chunk
        .clone()
        .into_builder()
        .set_data_page_offset(moved(chunk.data_page_offset()))
        .set_dictionary_page_offset(chunk.dictionary_page_offset().map(moved))
        .set_index_page_offset(None)
        .set_bloom_filter_offset(filter.map(|(at, _)| at))
        .set_bloom_filter_length(filter.map(|(_, bytes)| bytes))
        .set_offset_index_offset(None)
        .set_offset_index_length(None)
        .set_column_index_offset(None)
        .set_column_index_length(None)
        .build()
        .map_err(|error| Some(Trouble::Output(fault(&error))))
}

fn copy_bytes(file: &File, (start, length): (u64, u64), out: &mut Out<'_>) -> Result<(), Option<Trouble>> {
    let (mut at, end) = (start, start.checked_add(length).ok_or(None)?);
    let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(length).map_err(|_| None)?)];
    while at < end {
        let some = (end - at).min(PIECE_BYTES as u64) as usize;
        file.read_exact_at(&mut piece[..some], at).map_err(|_| None)?;
        out.put(&piece[..some]).map_err(Some)?;
        at += some as u64;
    }
    Ok(())
}

/// Copies the modules of a column: header and page, over and over, the first of them of the dictionary if there is one.
fn reseal(
    (file, opening, mut from): (&File, &Modules, At),
    (start, length): (u64, u64),
    mut is_dictionary: bool,
    (out, sealing, mut to): (&mut Out<'_>, &mut Modules, At),
) -> Result<(), Option<Trouble>> {
    let (mut at, end) = (start, start.checked_add(length).ok_or(None)?);
    let (mut sealed, mut anew) = (Vec::new(), Vec::new());
    while at < end {
        let kinds = if is_dictionary {
            [Module::DictionaryPageHeader, Module::DictionaryPage]
        } else {
            [Module::DataPageHeader, Module::DataPage]
        };
        for kind in kinds {
            let mut bytes = [0; LENGTH_BYTES];
            file.read_exact_at(&mut bytes, at).map_err(|_| None)?;
            let bytes = u32::from_le_bytes(bytes) as usize;
            at += LENGTH_BYTES as u64;
            if bytes > MODULE_BYTES_MAX || bytes as u64 > end.saturating_sub(at) {
                return Err(None);
            }
            sealed.resize(bytes, 0);
            file.read_exact_at(&mut sealed, at).map_err(|_| None)?;
            at += bytes as u64;
            let plain = opening.open(kind, from, &mut sealed).ok_or(None)?;
            anew.clear();
            sealing.seal(kind, to, plain, &mut anew).map_err(|error| Some(Trouble::Output(error)))?;
            out.put(&anew).map_err(Some)?;
        }
        if !is_dictionary {
            (from.page, to.page) = (from.page + 1, to.page + 1);
        }
        is_dictionary = false;
    }
    Ok(())
}
