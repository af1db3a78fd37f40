//! One column of a row group: pages, as they are made, then what a footer says of them.

use std::io;

use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::file::column_crypto_metadata::ColumnCryptoMetaData;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::super::modules::{At, Modules};
use super::fault;
use super::press::{Kind, LEVEL, Press};
use crate::encode::columns::{Cells, Coding, Range};

/// What is written of a column.
#[derive(Default)]
pub(super) struct Chunk {
    pages: Vec<u8>,
    /// Bytes that the pages would be without compression.
    plain: usize,
    rows: i64,
    /// Pages of each coding: plain, by dictionary, differences.
    counts: [usize; 3],
}

const CODINGS: [(Coding, Encoding); 3] = [
    (Coding::Plain, Encoding::PLAIN),
    (Coding::Dictionary, Encoding::RLE_DICTIONARY),
    (Coding::Delta, Encoding::DELTA_BINARY_PACKED),
];

/// Where in a part a column is written: its row group and its place there, and who seals it.
pub(super) struct Place<'m> {
    pub group: usize,
    pub column: usize,
    pub modules: Option<&'m mut Modules>,
}

impl Chunk {
    /// Adds the pages that are whole.
    pub fn add(&mut self, cells: &mut Cells, mut place: Place<'_>, press: &mut Press) -> io::Result<()> {
        for page in cells.take_pages() {
            let at = At { group: place.group, column: place.column, page: self.counts.iter().sum() };
            let sealing = place.modules.as_deref_mut().map(|modules| (modules, at));
            let kind = Kind::Data(page.coding);
            self.plain += press.page(kind, page.rows as usize, &page.body, sealing, &mut self.pages)?;
            self.rows += i64::from(page.rows);
            for (count, (coding, _)) in self.counts.iter_mut().zip(CODINGS) {
                *count += usize::from(coding == page.coding);
            }
        }
        Ok(())
    }

    /// Forgets all, but for its memory.
    pub fn clear(&mut self) {
        self.pages.clear();
        (self.plain, self.rows, self.counts) = (0, 0, [0; 3]);
    }

    /// Bytes that wait.
    pub fn memory(&self) -> usize {
        self.pages.len()
    }

    /// Appends all of a column that has ended to `out`, which begins at `offset` of the part; what a footer says of it, but for its filter.
    pub fn end(
        &mut self,
        (cells, column): (&mut Cells, ColumnDescPtr),
        mut place: Place<'_>,
        press: &mut Press,
        (out, offset): (&mut Vec<u8>, usize),
    ) -> io::Result<ColumnChunkMetaDataBuilder> {
        let at = At { group: place.group, column: place.column, page: 0 };
        let is_sealed = place.modules.is_some();
        let sealing = place.modules.as_deref_mut().map(|modules| (modules, at));
        let start = out.len();
        let dictionary = cells.dictionary();
        if let Some((body, entries)) = &dictionary {
            self.plain += press.page(Kind::Dictionary, *entries, body, sealing, out)?;
        }
        let has_dictionary = dictionary.is_some();
        let data = out.len();
        self.add(cells, place, press)?;
        out.extend_from_slice(&self.pages);
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let level = ZstdLevel::try_new(LEVEL).map_err(|error| fault(&error))?;
        let mut facts = ColumnChunkMetaData::builder(column)
            .set_compression(Compression::ZSTD(level))
            .set_encodings(self.encodings(has_dictionary))
            .set_page_encoding_stats(self.pages_by_encoding(has_dictionary))
            .set_num_values(self.rows)
            .set_total_compressed_size(number(out.len() - start))
            .set_total_uncompressed_size(number(self.plain))
            .set_data_page_offset(number(offset + data))
            .set_dictionary_page_offset(has_dictionary.then(|| number(offset + start)));
        let nulls = Some(cells.nulls());
        facts = match cells.range() {
            Some(Range::Whole(least, most)) => {
                facts.set_statistics(Statistics::int64(Some(least), Some(most), None, nulls, false))
            }
            Some(Range::Decimal(least, most)) => {
                facts.set_statistics(Statistics::double(Some(least), Some(most), None, nulls, false))
            }
            None => facts,
        };
        if is_sealed {
            facts = facts.set_column_crypto_metadata(Some(ColumnCryptoMetaData::ENCRYPTION_WITH_FOOTER_KEY));
        }
        Ok(facts)
    }

    /// Every way in which something in it is written; levels are in runs.
    fn encodings(&self, has_dictionary: bool) -> Vec<Encoding> {
        let mut all = vec![Encoding::RLE];
        if has_dictionary {
            all.push(Encoding::PLAIN);
        }
        let used = CODINGS.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let used = used
            .map(|((_, encoding), _)| *encoding)
            .filter(|used| !has_dictionary || *used != Encoding::PLAIN);
        all.extend(used);
        all
    }

    fn pages_by_encoding(&self, has_dictionary: bool) -> Vec<PageEncodingStats> {
        let stats = |page_type, encoding, count: usize| PageEncodingStats {
            page_type,
            encoding,
            count: i32::try_from(count).unwrap_or(i32::MAX),
        };
        let dictionary = has_dictionary.then(|| stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        let pages = CODINGS.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let pages = pages.map(|((_, encoding), count)| stats(PageType::DATA_PAGE, *encoding, count));
        dictionary.into_iter().chain(pages).collect()
    }
}
