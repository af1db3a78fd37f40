//! A table as it is on the server, against what it must be.

use serde_json::Value;

use super::client::Client;
use super::error::ClickHouseError;
use super::table::{LIFETIME_SETTING, Name, Table, WINDOW_SETTING, identifier};

/// What the server says of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    engine: String,
    partition_key: String,
    sorting_key: String,
    /// The engine with its settings.
    engine_full: String,
    /// Views that get a copy of what is inserted.
    views: Vec<String>,
    /// By column: its name, its type, what fills it where nothing is given.
    columns: Vec<(String, String, String)>,
    /// The server's own value of the setting, for a table that has none.
    lifetime_seconds: Option<u64>,
}

/// How a table differs from what it must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// What cannot be changed: as it is, and as it must be.
    pub shape: Vec<String>,
    /// Settings that are not as they must be, and can be set.
    pub settings: Vec<(&'static str, u64)>,
    /// Views that copy what is inserted, where no deadline reaches it.
    pub views: Vec<String>,
}

impl Live {
    /// Asks; `None`: there is no such table, or this user may not see it.
    ///
    /// # Errors
    /// [`ClickHouseError`].
    pub fn ask(client: &Client, name: &Name) -> Result<Option<Self>, ClickHouseError> {
        let tables = client.rows(&format!(
            "SELECT engine, partition_key, sorting_key, engine_full, dependencies_database, dependencies_table FROM system.tables \
             WHERE {}",
            name.condition("name")
        ))?;
        let Some(table) = tables.first() else { return Ok(None) };
        let columns = client.rows(&format!(
            "SELECT name, type, default_kind FROM system.columns WHERE {} ORDER BY position",
            name.condition("table")
        ))?;
        let defaults = client.rows(&format!(
            "SELECT value FROM system.merge_tree_settings WHERE name = '{LIFETIME_SETTING}'"
        ))?;
        let views =
            |key: &str| -> Vec<String> { table[key].as_array().into_iter().flatten().map(text).collect() };
        Ok(Some(Self {
            engine: text(&table["engine"]),
            partition_key: text(&table["partition_key"]),
            sorting_key: text(&table["sorting_key"]),
            engine_full: text(&table["engine_full"]),
            views: views("dependencies_database")
                .into_iter()
                .zip(views("dependencies_table"))
                .map(|(database, table)| format!("{database}.{table}"))
                .collect(),
            columns: columns
                .iter()
                .map(|column| (text(&column["name"]), text(&column["type"]), text(&column["default_kind"])))
                .collect(),
            lifetime_seconds: defaults.first().and_then(|row| text(&row["value"]).parse().ok()),
        }))
    }

    /// How long files of parts stay that were merged away, in seconds.
    pub fn lifetime_seconds(&self) -> Option<u64> {
        self.setting(LIFETIME_SETTING).or(self.lifetime_seconds)
    }

    /// A number among the table's own settings.
    fn setting(&self, name: &str) -> Option<u64> {
        let settings = self.engine_full.split_once(" SETTINGS ")?.1;
        let of_name =
            |setting: &str| setting.trim().strip_prefix(name)?.trim().strip_prefix('=')?.trim().parse().ok();
        settings.split(',').find_map(of_name)
    }

    /// How it differs from `table`.
    pub fn differences(&self, table: &Table) -> Differences {
        let mut shape = Vec::new();
        let keys = [
            ("engine", self.engine.as_str(), "MergeTree"),
            ("partition key", &self.partition_key, &Table::partition_key()),
            ("sorting key", &self.sorting_key, &table.sorted_by),
        ];
        for (what, is, must) in keys {
            if plain(is) != plain(must) {
                shape.push(format!("{what}: is {}, must be {must}", shown(is)));
            }
        }
        for column in &table.columns {
            match self.columns.iter().find(|(name, ..)| *name == column.name) {
                None => shape.push(format!("column {}: is not there, must be {}", column.name, column.kind)),
                Some((_, kind, _)) if plain(kind) != plain(&column.kind) => {
                    shape.push(format!("column {}: is {kind}, must be {}", column.name, column.kind));
                }
                Some((.., fills)) if !fills.is_empty() && fills != "DEFAULT" => {
                    shape.push(format!("column {}: is {fills}, must be one that is written", column.name));
                }
                Some(_) => {}
            }
        }
        for (name, kind, fills) in &self.columns {
            // What the server computes from our columns goes with them.
            if fills.is_empty() && !table.columns.iter().any(|column| column.name == *name) {
                shape.push(format!("column {name}: is {kind}, must not be there"));
            }
        }
        let mut settings = Vec::new();
        for (name, must) in table.settings() {
            let is = self.setting(name);
            let is_fine = match name {
                WINDOW_SETTING => is.is_some_and(|is| is >= must),
                LIFETIME_SETTING => self.lifetime_seconds().is_some_and(|is| is <= must),
                _ => is.is_some_and(|is| is > 0),
            };
            if !is_fine {
                settings.push((name, must));
            }
        }
        Differences { shape, settings, views: self.views.clone() }
    }
}

impl Differences {
    /// The statement that sets what can be set.
    pub fn alter(&self, name: &Name) -> Option<String> {
        let settings: Vec<String> = self
            .settings
            .iter()
            .map(|(setting, value)| format!("{} = {value}", identifier(setting).trim_matches('`')))
            .collect();
        (!settings.is_empty())
            .then(|| format!("ALTER TABLE {} MODIFY SETTING {}", name.quoted(), settings.join(", ")))
    }
}

/// Without what one version of the server writes and another does not.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '`').collect();
    match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => inner.to_owned(),
        None => text,
    }
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
