//! What a part is called: by when it must be gone, and how long its records were allowed to live.
//!
//! ```text
//! 2026-12-05T09-00-00Z.14d.4711-3.ndjson      deadline, retention, process and number, what is in it
//! .2026-12-05T09-00-00Z.14d.4711-3.ndjson.partial      not finished yet
//! 2026-12-05T09-00-00Z.14d.stage1.4711-4.parquet       narrowed at the first stage of its class
//! ```
//! Whoever deletes what is due needs nothing but the name: the deadline is that of the earliest record that can be in it, and deadline
//! less retention is how old that record can be, so that a policy that was shortened since applies, too. UTC; colons are
//! replaced, since some tools cannot read them. Pure.

use crate::record::timestamp::Timestamp;

/// How the deadline is written.
const DEADLINE_FORMAT: &str = "%Y-%m-%dT%H-%M-%SZ";
/// What the number of a stage stands behind.
const STAGE: &str = "stage";
/// The end of the name of a part that is not finished.
pub const PARTIAL: &str = ".partial";

/// What the name of a part says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartName {
    /// By when it must be gone.
    pub deadline: Timestamp,
    /// Seconds that its records were allowed to live; `None` in names that do not say so.
    pub retention_seconds: Option<u64>,
    /// The stage that its records are at: 0 as they were stored.
    pub stage: u32,
    /// False while it is being written, and for ever when its process died.
    pub finished: bool,
}

impl PartName {
    /// Reads a file's name; `None` for one that is not ours.
    pub fn read(name: &str) -> Option<Self> {
        let unfinished = name.strip_prefix('.').and_then(|name| name.strip_suffix(PARTIAL));
        let finished = unfinished.is_none();
        let (date, rest) = unfinished.unwrap_or(name).split_once('.')?;
        let deadline = jiff::civil::DateTime::strptime(DEADLINE_FORMAT, date).ok()?;
        let deadline = deadline.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        let deadline = Timestamp::from_seconds(deadline.as_second());
        let (first, rest) = rest.split_once('.')?;
        let retention_seconds = seconds(first);
        // Without a retention the first piece is process and number.
        let (mut number, mut suffix) =
            if retention_seconds.is_some() { rest.split_once('.')? } else { (first, rest) };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let mut stage = 0;
        if let Some(text) = number.strip_prefix(STAGE) {
            stage = text.parse().ok().filter(|stage| digits(text) && *stage > 0)?;
            (number, suffix) = suffix.split_once('.')?;
        }
        let (process, number) = number.split_once('-')?;
        let ours = digits(process) && digits(number) && !suffix.is_empty() && !suffix.ends_with(PARTIAL);
        ours.then_some(Self { deadline, retention_seconds, stage, finished })
    }

    /// The earliest instant that a record in it can be of; where the name does not say how long its records were allowed to live, as long
    /// as `retention_seconds`.
    pub fn since(&self, retention_seconds: u64) -> Timestamp {
        let lived = self.retention_seconds.unwrap_or(retention_seconds);
        self.deadline.plus_seconds(i64::try_from(lived).map_or(i64::MIN, |lived| -lived))
    }

    /// The first instant at which the part may no longer be there, under a policy that now allows `retention_seconds`: the earlier of the
    /// deadline that was written and the one that holds now. A longer retention lengthens nothing.
    pub fn due_under(&self, retention_seconds: u64) -> Timestamp {
        let Some(written) = self.retention_seconds.filter(|written| *written > retention_seconds) else {
            return self.deadline;
        };
        let less = i64::try_from(written - retention_seconds).unwrap_or(i64::MAX);
        self.deadline.plus_seconds(-less)
    }
}

/// The name of a part. `None` for a deadline outside of the calendar.
pub fn write(
    deadline: Timestamp,
    retention_seconds: u64,
    pid: u32,
    number: u64,
    suffix: &str,
) -> Option<String> {
    write_at(0, deadline, retention_seconds, (pid, number), suffix)
}

/// The name of a part whose records are at this stage. `None` for a deadline outside of the calendar.
pub fn write_at(
    stage: u32,
    deadline: Timestamp,
    retention_seconds: u64,
    (pid, number): (u32, u64),
    suffix: &str,
) -> Option<String> {
    let date = jiff::Timestamp::from_second(deadline.seconds()).ok()?.strftime(DEADLINE_FORMAT).to_string();
    let stage = if stage == 0 { String::new() } else { format!("{STAGE}{stage}.") };
    Some(format!("{date}.{}.{stage}{pid}-{number}.{suffix}", duration(retention_seconds)))
}

/// The name of a part with a number that is higher by `more`; `None` for one that is not ours.
pub fn numbered(name: &str, more: u64) -> Option<String> {
    let PartName { retention_seconds, stage, .. } = PartName::read(name)?;
    let before = 1 + usize::from(retention_seconds.is_some()) + usize::from(stage > 0);
    let mut pieces: Vec<String> = name.split('.').map(ToOwned::to_owned).collect();
    let piece = pieces.get_mut(before)?;
    let (process, number) = piece.split_once('-')?;
    *piece = format!("{process}-{}", number.parse::<u64>().ok()?.checked_add(more)?);
    Some(pieces.join("."))
}

/// Units from long to short.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// A duration in the longest unit that says it exactly.
fn duration(seconds: u64) -> String {
    let unit = UNITS.iter().find(|(_, length)| seconds >= *length && seconds.is_multiple_of(*length));
    let (unit, length) = unit.copied().unwrap_or(("s", 1));
    format!("{}{unit}", seconds / length)
}

fn seconds(text: &str) -> Option<u64> {
    UNITS.iter().find_map(|(unit, length)| {
        let number = text.strip_suffix(unit)?;
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| plain)?.checked_mul(*length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_795_262_400);

    #[test]
    fn names_are_read_as_they_are_written() {
        for (retention, text) in [(14 * 86_400, "14d"), (86_400, "1d"), (5_400, "90m"), (7, "7s"), (0, "0s")]
        {
            let name = write(AT, retention, 4711, 3, "ndjson").unwrap();
            assert_eq!(name, format!("2026-11-21T12-00-00Z.{text}.4711-3.ndjson"));
            let read =
                PartName { deadline: AT, retention_seconds: Some(retention), stage: 0, finished: true };
            assert_eq!(PartName::read(&name), Some(read));
            let hidden = format!(".{name}{PARTIAL}");
            assert_eq!(PartName::read(&hidden), Some(PartName { finished: false, ..read }));
        }
        let staged = write_at(2, AT, 14 * 86_400, (4711, 3), "parquet").unwrap();
        assert_eq!(staged, "2026-11-21T12-00-00Z.14d.stage2.4711-3.parquet");
        let read = PartName { deadline: AT, retention_seconds: Some(14 * 86_400), stage: 2, finished: true };
        assert_eq!(PartName::read(&staged), Some(read));
        for wrong in ["stage0.4711-3", "stage.4711-3", "stage+1.4711-3", "stage1", "stage1.x"] {
            assert_eq!(PartName::read(&format!("2026-11-21T12-00-00Z.14d.{wrong}.parquet")), None, "{wrong}");
        }
        // As parts were called before names said their retention.
        let old = PartName::read("2026-11-21T12-00-00Z.4711-3.log").unwrap();
        assert_eq!((old.deadline, old.retention_seconds), (AT, None));
    }

    #[test]
    fn a_name_gets_another_number() {
        let numbered = |name| numbered(name, 4).unwrap();
        assert_eq!(
            numbered("2026-11-21T12-00-00Z.14d.1-3.ndjson.zst"),
            "2026-11-21T12-00-00Z.14d.1-7.ndjson.zst"
        );
        assert_eq!(numbered("2026-11-21T12-00-00Z.1-3.log"), "2026-11-21T12-00-00Z.1-7.log");
        assert_eq!(super::numbered("notes.1-3.log", 1), None);
    }

    #[test]
    fn other_files_are_not_ours() {
        for name in [
            "",
            "x",
            "access.log",
            "2026-11-21.log",
            "2026-11-21T12-00-00Z",
            "2026-11-21T12-00-00Z.log",
            "2026-11-21T12-00-00Z.14d.log",
            "2026-11-21T12-00-00Z.14d.x-3.log",
            "2026-11-21T12-00-00Z.14d.1-3.",
            "2026-13-21T12-00-00Z.14d.1-3.log",
            "2026-11-21T12-00-00Z.14d.1-3.log.partial",
            ".2026-11-21T12-00-00Z.14d.1-3.log",
        ] {
            assert_eq!(PartName::read(name), None, "{name}");
        }
    }

    #[test]
    fn a_shorter_policy_shortens_and_a_longer_one_does_not() {
        let part = PartName { deadline: AT, retention_seconds: Some(14 * 86_400), stage: 0, finished: true };
        assert_eq!(part.due_under(14 * 86_400), AT);
        assert_eq!(part.due_under(7 * 86_400), AT.plus_seconds(-7 * 86_400));
        assert_eq!(part.due_under(30 * 86_400), AT);
        assert_eq!(PartName { retention_seconds: None, ..part }.due_under(1), AT);
    }
}
