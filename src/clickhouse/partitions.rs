//! What lies in a table, by partition, and how a partition goes.
//!
//! Dropped means that no query finds its rows; gone means that no part of it is left on the server's disk. Between the two, `system.parts` lists
//! parts that are no longer active: those that were merged away before, for `old_parts_lifetime`, and those that a query still reads. Parts that
//! the server has set aside (`system.detached_parts`) are found by no query either, and hold the same records. So a partition
//! is gone when neither lists a part of it that holds a row.

use serde_json::Value;

use super::client::Client;
use super::error::ClickHouseError;
use super::table::Name;
use crate::record::timestamp::Timestamp;

/// A partition that has something on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// The server's name for it.
    pub id: String,
    /// Rows that queries find.
    pub rows: u64,
    /// Parts that hold a row, whether queries find them or not.
    pub parts: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Parts among them that were set aside.
    pub detached: u64,
}

impl Partition {
    /// The deadline and the retention in seconds that its name says; `None` for one that is not ours.
    pub fn named(&self) -> Option<(Timestamp, u64)> {
        let (deadline, retention) = self.id.split_once('-')?;
        let deadline = deadline.parse::<u32>().ok()?;
        Some((Timestamp::from_seconds(i64::from(deadline)), u64::from(retention.parse::<u32>().ok()?)))
    }
}

/// Every partition of a table that has something on disk, in the order of their names.
///
/// # Errors
/// [`ClickHouseError`]; also where the table cannot be seen, since nothing would then be listed of it.
pub fn list(client: &Client, name: &Name) -> Result<Vec<Partition>, ClickHouseError> {
    let visible =
        client.rows(&format!("SELECT 1 AS there FROM system.tables WHERE {}", name.condition("name")))?;
    if visible.is_empty() {
        let place = format!("{}, table {name}", client.place());
        return Err(ClickHouseError::Refused { place, code: 60 });
    }
    let parts = client.rows(&format!(
        "SELECT partition_id AS id, sumIf(rows, active) AS found, count() AS parts, sum(bytes_on_disk) AS bytes \
         FROM system.parts WHERE {} AND rows > 0 GROUP BY id ORDER BY id",
        name.condition("table")
    ))?;
    let mut partitions: Vec<Partition> = parts
        .iter()
        .map(|row| Partition {
            id: row["id"].as_str().unwrap_or_default().to_owned(),
            rows: number(&row["found"]),
            parts: number(&row["parts"]),
            bytes: number(&row["bytes"]),
            detached: 0,
        })
        .collect();
    let aside = client.rows(&format!(
        "SELECT ifNull(partition_id, '') AS id, count() AS parts, sum(bytes_on_disk) AS bytes FROM system.detached_parts WHERE {} \
         GROUP BY id ORDER BY id",
        name.condition("table")
    ))?;
    for row in &aside {
        let id = row["id"].as_str().unwrap_or_default();
        let at = partitions.iter().position(|partition| partition.id == id).unwrap_or_else(|| {
            partitions.push(Partition { id: id.to_owned(), ..Partition::default() });
            partitions.len() - 1
        });
        let (parts, bytes) = (number(&row["parts"]), number(&row["bytes"]));
        partitions[at].parts += parts;
        partitions[at].detached += parts;
        partitions[at].bytes += bytes;
    }
    Ok(partitions)
}

/// Drops a partition, and what was set aside of it. One that is dropped already is looked through for parts whose time has come.
///
/// # Errors
/// [`ClickHouseError`].
pub fn drop(client: &Client, name: &Name, partition: &Partition) -> Result<(), ClickHouseError> {
    // Only what was read as two numbers gets here.
    let id = &partition.id;
    client.run(&format!("ALTER TABLE {} DROP PARTITION ID '{id}'", name.quoted()))?;
    if partition.detached > 0 {
        client.run(&format!(
            "ALTER TABLE {} DROP DETACHED PARTITION ID '{id}' SETTINGS allow_drop_detached = 1",
            name.quoted()
        ))?;
    }
    Ok(())
}

/// A number of 64 bits, which some versions put in quotes.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_says_its_deadline_and_what_its_records_were_allowed() {
        let of = |id: &str| Partition { id: id.to_owned(), ..Partition::default() }.named();
        assert_eq!(of("1797026400-1209600"), Some((Timestamp::from_seconds(1_797_026_400), 1_209_600)));
        for foreign in ["", "all", "1797026400", "-1-2", "1-", "x-1", "20261127", "99999999999-1", "1-2-3"] {
            assert_eq!(of(foreign), None, "{foreign}");
        }
        assert_eq!((number(&Value::from("18")), number(&Value::from(18))), (18, 18));
    }
}
