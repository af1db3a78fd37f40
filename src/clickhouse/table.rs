//! A table as it must be: columns and their types, partitions that can go as a whole, and what makes a repeated batch harmless.
//!
//! - **A partition is a bucket of deadlines** and of the retention that they were given: `1797026400-1209600` is what must be gone by that
//!   second, of records that were allowed to live 14 days. It says the same as the name of a part of a file sink, and needs nothing but
//!   itself to be judged under a policy that was shortened since. The expression is one for every retention, so that a table outlives a change.
//! - **No TTL**: a TTL clause acts when a merge happens to come, and a merge may never come; until then rows are there, and can be read. And files
//!   of parts that were merged away stay for `old_parts_lifetime`, whatever a TTL says. So nothing relies on one: partitions are dropped, and
//!   looked for until they are gone ([`partitions`](super::partitions)).
//! - **`non_replicated_deduplication_window`**: the server keeps the tokens of as many batches, and takes none of these twice.
//! - **`fsync_after_insert`**: what the server says it has, it has after a power cut.

use crate::encode::columns::{Columns, Type};

/// The column with the seconds that a record was allowed to live.
pub const RETENTION: &str = "sluis.retention";

/// Batches whose tokens the server keeps: two hours of one a second, and a batch is tried again within minutes.
pub const WINDOW: u64 = 10_000;

/// The setting by which batches are known again.
pub const WINDOW_SETTING: &str = "non_replicated_deduplication_window";

/// The setting that says how long files of parts stay that were merged away, in seconds.
pub const LIFETIME_SETTING: &str = "old_parts_lifetime";

/// What ClickHouse has for it by default, in seconds.
pub const LIFETIME_DEFAULT: u64 = 480;

/// The seconds that a bucket spans: an hour, or a twenty-fourth of the retention if that is less.
const WIDTH: &str = "greatest(1, least(3600, intDiv(`sluis.retention`, 24)))";

/// A table as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Where it is.
    pub name: Name,
    /// The class whose records it holds.
    pub class: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The column that its rows are sorted by.
    pub sorted_by: String,
    /// Its `old_parts_lifetime`, in seconds.
    pub lifetime_seconds: u64,
}

/// Where a table is. Both names are made of letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The database.
    pub database: String,
    /// The table in it.
    pub table: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

impl Name {
    /// As it stands in a statement.
    pub fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.database), identifier(&self.table))
    }

    /// The condition for rows of system tables that are of it.
    pub fn condition(&self, column: &str) -> String {
        format!("database = '{}' AND {column} = '{}'", self.database, self.table)
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as ClickHouse writes it.
    pub kind: String,
    /// How it is compressed.
    codec: &'static str,
    /// It has a skip index for values that are looked for as a whole.
    is_searched: bool,
}

impl Table {
    /// The table of `columns`, of records of `class`. Without `time` they are sorted by their deadline.
    pub fn of(name: Name, class: &str, columns: &Columns, has_time: bool, lifetime_seconds: u64) -> Self {
        let columns = columns.iter().map(|column| Column::of(&column.name, column.kind, has_time));
        let sorted_by = if has_time { "time" } else { "sluis.deadline" };
        let (class, columns) = (class.to_owned(), columns.collect());
        Self { name, class, columns, sorted_by: sorted_by.to_owned(), lifetime_seconds }
    }

    /// The expression that gives a row its partition.
    pub fn partition_key() -> String {
        format!(
            "(toUInt32(intDiv(toUnixTimestamp(`sluis.deadline`), {WIDTH}) * {WIDTH}), {})",
            identifier(RETENTION)
        )
    }

    /// Its settings.
    pub fn settings(&self) -> Vec<(&'static str, u64)> {
        let mut settings = vec![
            (WINDOW_SETTING, WINDOW),
            ("fsync_after_insert", 1),
            ("fsync_part_directory", 1),
            (LIFETIME_SETTING, self.lifetime_seconds),
        ];
        // The default leaves the kernel time to write merged parts; with less of it they are written at once.
        if self.lifetime_seconds < LIFETIME_DEFAULT {
            settings.push(("min_compressed_bytes_to_fsync_after_merge", 1));
        }
        settings
    }

    /// The statement that makes it.
    pub fn create(&self) -> String {
        let mut text = format!("CREATE TABLE {}\n(\n", self.name.quoted());
        for column in &self.columns {
            text.push_str(&format!(
                "    {} {} CODEC({}),\n",
                identifier(&column.name),
                column.kind,
                column.codec
            ));
        }
        for column in self.columns.iter().filter(|column| column.is_searched) {
            text.push_str(&format!(
                "    INDEX {} {} TYPE bloom_filter(0.01) GRANULARITY 1,\n",
                identifier(&format!("{}.bloom", column.name)),
                identifier(&column.name)
            ));
        }
        text.truncate(text.len() - 2);
        let settings: Vec<String> =
            self.settings().iter().map(|(name, value)| format!("{name} = {value}")).collect();
        text.push_str(&format!(
            "\n)\nENGINE = MergeTree\nPARTITION BY {}\nORDER BY {}\nSETTINGS {}\nCOMMENT 'Sluis: class {}; partitions are dropped by \
             deadline, see sluis tables'",
            Self::partition_key(),
            identifier(&self.sorted_by),
            settings.join(", "),
            self.class
        ));
        text
    }

    /// The statement that a batch is inserted with.
    pub fn insert(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| identifier(&column.name)).collect();
        format!("INSERT INTO {} ({}) FORMAT Parquet", self.name.quoted(), columns.join(", "))
    }
}

impl Column {
    fn of(name: &str, kind: Type, has_time: bool) -> Self {
        // What every record has needs no room for its absence; and what rows are sorted or parted by may have none.
        let is_everywhere = matches!(name, "sluis.class" | "sluis.epoch" | "sluis.deadline" | RETENTION)
            || (name == "time" && has_time);
        let (bare, codec) = match kind {
            _ if name == RETENTION => ("UInt32", "T64, ZSTD(1)"),
            // Neighbours differ by little, and by much the same.
            Type::Time => ("DateTime64(6, 'UTC')", "DoubleDelta, ZSTD(1)"),
            Type::Integer => ("Int64", "T64, ZSTD(1)"),
            Type::Decimal => ("Float64", "ZSTD(1)"),
            Type::Flag => ("Bool", "ZSTD(1)"),
            Type::Word | Type::Text | Type::Token => ("String", "ZSTD(1)"),
        };
        let bare = if is_everywhere { bare.to_owned() } else { format!("Nullable({bare})") };
        let kind_text = if kind == Type::Word { format!("LowCardinality({bare})") } else { bare };
        Self { name: name.to_owned(), kind: kind_text, codec, is_searched: kind == Type::Token }
    }
}

/// An identifier as it stands in a statement.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}
