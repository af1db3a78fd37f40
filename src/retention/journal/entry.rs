//! What an entry says. Names of classes, sinks, domains and our own parts, numbers and times: nothing else fits into one, so that
//! the journal can be kept for ever and shown to anyone.

use serde_json::{Map, Value, json};

use crate::keys::KeyEvent;
use crate::keys::storage::is_storage;
use crate::record::timestamp::Timestamp;
use crate::retention::clock::Distrust;

/// Why a part was due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Because {
    /// The deadline in its name has come.
    Deadline,
    /// The policy in force allows less than its name does.
    Policy,
    /// Nobody finished it, and its deadline has come.
    Unfinished,
}

impl Because {
    const fn word(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Policy => "policy",
            Self::Unfinished => "unfinished",
        }
    }
}

/// A part of ours: where it belongs and what it is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartOf {
    /// `sink.analytics`, `quarantine`.
    pub store: String,
    /// The class; none of a quarantine.
    pub class: Option<String>,
    /// The name of the part.
    pub part: String,
}

/// A partition of a table on a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionOf {
    /// `sink.analytics`.
    pub store: String,
    /// The class.
    pub class: String,
    /// The database and the table.
    pub table: String,
    /// The server's name for the partition: deadline and retention in seconds.
    pub partition: String,
}

/// Something that is kept in evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The first entry.
    Started,
    /// A crash had left an entry half-written; it was taken off. No whole entry was.
    Recovered {
        /// Bytes that were taken off.
        bytes: u64,
    },
    /// A part is stored: it is whole, on disk, and visible.
    PartStored {
        /// The part.
        part: PartOf,
        /// Its size.
        bytes: u64,
        /// Records in it.
        records: u64,
        /// By when it must be gone.
        deadline: Timestamp,
    },
    /// A part is destroyed. Written before it is, so that nothing is destroyed without an entry.
    PartDestroyed {
        /// The part.
        part: PartOf,
        /// Its size.
        bytes: u64,
        /// By when it had to be gone.
        deadline: Timestamp,
        /// Why now.
        because: Because,
    },
    /// Parts are merged into one: it takes the place of the first, and holds the records of all. Written before it does.
    PartMerged {
        /// The part that they become, which has the name of one of them.
        part: PartOf,
        /// The names of the others, which go.
        merged: Vec<String>,
        /// The size of the one.
        bytes: u64,
        /// Records in it: those of all.
        records: u64,
        /// By when it must be gone, as each of them.
        deadline: Timestamp,
    },
    /// Parts are narrowed at a stage of their class: one takes their place, without some columns. Written before it does.
    PartNarrowed {
        /// The part that they become.
        part: PartOf,
        /// The names of those that it is made of, which go.
        narrowed: Vec<String>,
        /// The stage that it is at.
        stage: u32,
        /// The columns that are gone.
        dropped: Vec<String>,
        /// The size of the one.
        bytes: u64,
        /// Records in it: those of all.
        records: u64,
        /// By when it must be gone.
        deadline: Timestamp,
    },
    /// The part that the entry before speaks of could not be destroyed.
    PartKept {
        /// The part.
        part: PartOf,
        /// What the system said, such as `read-only filesystem or storage medium`.
        error: String,
    },
    /// A partition of a table is dropped: no query finds it, and its files go within the time that the server keeps them. Written before it is.
    PartitionDestroyed {
        /// The partition.
        partition: PartitionOf,
        /// Rows that queries found in it.
        rows: u64,
        /// Bytes of its parts on the server's disk.
        bytes: u64,
        /// By when it had to be gone.
        deadline: Timestamp,
        /// Why now.
        because: Because,
    },
    /// The server was asked, and has no part of a partition that was dropped, active or not.
    PartitionGone {
        /// The partition.
        partition: PartitionOf,
        /// By when it had to be gone.
        deadline: Timestamp,
    },
    /// A partition that was dropped is past its deadline, and the server still has files of it.
    PartitionKept {
        /// The partition.
        partition: PartitionOf,
        /// What is left of it.
        error: String,
    },
    /// A raw file that was rotated and delivered is destroyed. Written before it is. Its path is not ours, and not named.
    RawDestroyed {
        /// The source that it was of.
        source: String,
        /// Its size.
        bytes: u64,
        /// When it was written last.
        written: Timestamp,
    },
    /// The raw file that the entry before speaks of could not be destroyed.
    RawKept {
        /// The source that it is of.
        source: String,
        /// What the system said.
        error: String,
    },
    /// Records of a topic that we write are deleted: readers no longer get them, their bytes go with their segment. Written before the first
    /// deletion of an hour, with what has gone since the entry before it.
    TopicRecordsDeleted {
        /// The topic.
        topic: String,
        /// How many of its partitions.
        partitions: u64,
        /// What arrived before this is deleted.
        before: Timestamp,
        /// Offsets that have gone since the last entry of this topic.
        offsets: u64,
    },
    /// Raw records of a topic that we read are deleted, now that what became of them is committed. Written as above.
    TopicRawErased {
        /// The topic.
        topic: String,
        /// How many of its partitions.
        partitions: u64,
        /// Offsets that have gone since the last entry of this topic.
        offsets: u64,
    },
    /// Something happened to a key.
    Key(KeyEvent),
    /// A policy is in force from here on.
    PolicyLoaded {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// SHA-256 of its file, in hexadecimal digits.
        sha256: String,
    },
    /// The clock is not to be trusted: nothing is delivered or destroyed until it is again.
    Paused(Distrust),
    /// Somebody said that the clock is right.
    Resumed,
    /// The clock was not synchronised, and is now.
    Synchronised,
}

impl Event {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => "journal.started",
            Self::Recovered { .. } => "journal.recovered",
            Self::PartStored { .. } => "part.stored",
            Self::PartDestroyed { .. } => "part.destroyed",
            Self::PartMerged { .. } => "part.merged",
            Self::PartNarrowed { .. } => "part.narrowed",
            Self::PartitionDestroyed { .. } => "partition.destroyed",
            Self::PartitionGone { .. } => "partition.gone",
            Self::PartitionKept { .. } => "partition.kept",
            Self::RawDestroyed { .. } => "raw.destroyed",
            Self::RawKept { .. } => "raw.kept",
            Self::PartKept { .. } => "part.kept",
            Self::TopicRecordsDeleted { .. } => "topic.records_deleted",
            Self::TopicRawErased { .. } => "topic.raw_erased",
            Self::Key(KeyEvent::Created { .. }) => "key.created",
            Self::Key(KeyEvent::Advanced { .. }) => "key.advanced",
            Self::Key(KeyEvent::Destroyed { .. }) => "key.destroyed",
            Self::Key(KeyEvent::Raised { .. }) => "key.raised",
            Self::Key(KeyEvent::Renewed { .. }) => "key.renewed",
            Self::Key(KeyEvent::Exported { .. }) => "key.exported",
            Self::Key(KeyEvent::Read { .. }) => "key.read",
            Self::Key(KeyEvent::Imported { .. }) => "key.imported",
            Self::PolicyLoaded { .. } => "policy.loaded",
            Self::Paused(_) => "destruction.paused",
            Self::Resumed | Self::Synchronised => "destruction.resumed",
        }
    }

    /// The time of the entry that is made at `now` and follows one of the time `last`.
    pub(super) fn time(&self, now: Timestamp, last: Option<Timestamp>) -> Timestamp {
        match last {
            Some(last) if !matches!(self, Self::Resumed) => last.max(now),
            _ => now,
        }
    }

    /// The content of the entry with number `seq`: one JSON object, which begins with its number, its time and what happened.
    pub(super) fn content(&self, seq: u64, now: Timestamp) -> Vec<u8> {
        let mut text = format!("{{\"seq\":{seq},\"time\":\"{now}\",\"event\":\"{}\"", self.name());
        for (key, value) in self.members() {
            text.push_str(&format!(",{}:{value}", Value::from(key)));
        }
        text.push('}');
        text.into_bytes()
    }

    fn members(&self) -> Map<String, Value> {
        let value = match self {
            Self::Started | Self::Resumed => json!({}),
            Self::Recovered { bytes } => json!({ "bytes": bytes }),
            Self::PartStored { part, bytes, records, deadline } => {
                let mut value = of_part(part);
                value["bytes"] = json!(bytes);
                value["records"] = json!(records);
                value["deadline"] = json!(deadline.to_string());
                value
            }
            Self::PartDestroyed { part, bytes, deadline, because } => {
                let mut value = of_part(part);
                value["bytes"] = json!(bytes);
                value["deadline"] = json!(deadline.to_string());
                value["because"] = json!(because.word());
                value
            }
            Self::PartMerged { part, merged, bytes, records, deadline } => {
                let mut value = of_anew(part, *bytes, *records, *deadline);
                value["merged"] = json!(merged);
                value
            }
            Self::PartNarrowed { part, narrowed, stage, dropped, bytes, records, deadline } => {
                let mut value = of_anew(part, *bytes, *records, *deadline);
                value["narrowed"] = json!(narrowed);
                value["stage"] = json!(stage);
                value["dropped"] = json!(dropped);
                value
            }
            Self::PartKept { part, error } => {
                let mut value = of_part(part);
                value["error"] = json!(error);
                value
            }
            Self::PartitionDestroyed { partition, rows, bytes, deadline, because } => {
                let mut value = of_partition(partition);
                value["rows"] = json!(rows);
                value["bytes"] = json!(bytes);
                value["deadline"] = json!(deadline.to_string());
                value["because"] = json!(because.word());
                value
            }
            Self::PartitionGone { partition, deadline } => {
                let mut value = of_partition(partition);
                value["deadline"] = json!(deadline.to_string());
                value
            }
            Self::PartitionKept { partition, error } => {
                let mut value = of_partition(partition);
                value["error"] = json!(error);
                value
            }
            Self::RawDestroyed { source, bytes, written } => {
                json!({ "source": source, "bytes": bytes, "written": written.to_string() })
            }
            Self::RawKept { source, error } => json!({ "source": source, "error": error }),
            Self::TopicRecordsDeleted { topic, partitions, before, offsets } => json!({
                "topic": topic, "partitions": partitions, "before": before.to_string(), "offsets": offsets
            }),
            Self::TopicRawErased { topic, partitions, offsets } => {
                json!({ "topic": topic, "partitions": partitions, "offsets": offsets })
            }
            Self::Key(event) => of_key(event),
            Self::PolicyLoaded { name, version, sha256 } => {
                json!({ "policy": name, "version": version, "sha256": sha256 })
            }
            Self::Paused(distrust) => of_clock(*distrust),
            Self::Synchronised => json!({ "because": "synchronised" }),
        };
        match value {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

fn of_part(PartOf { store, class, part }: &PartOf) -> Value {
    match class {
        Some(class) => json!({ "store": store, "class": class, "part": part }),
        None => json!({ "store": store, "part": part }),
    }
}

/// A part that takes the place of others.
fn of_anew(part: &PartOf, bytes: u64, records: u64, deadline: Timestamp) -> Value {
    let mut value = of_part(part);
    value["bytes"] = json!(bytes);
    value["records"] = json!(records);
    value["deadline"] = json!(deadline.to_string());
    value
}

fn of_partition(PartitionOf { store, class, table, partition }: &PartitionOf) -> Value {
    json!({ "store": store, "class": class, "table": table, "partition": partition })
}

/// Without a reason a clock lies before the last entry: so it stood before there were others.
fn of_clock(distrust: Distrust) -> Value {
    match distrust {
        Distrust::BeforeJournal { seconds } => json!({ "clock_back_seconds": seconds }),
        Distrust::Jump { seconds } if seconds < 0 => {
            json!({ "because": "jump", "clock_back_seconds": seconds.unsigned_abs() })
        }
        Distrust::Jump { seconds } => json!({ "because": "jump", "clock_forward_seconds": seconds }),
        Distrust::Unsynchronised => json!({ "because": "not synchronised" }),
        Distrust::Unknown => json!({ "because": "unknown" }),
    }
}

/// What a chain is of, under the name of its kind.
fn of_chain(label: &str) -> Value {
    let kind = if is_storage(label) { "storage" } else { "domain" };
    json!({ kind: label })
}

fn of_key(event: &KeyEvent) -> Value {
    let (label, rest) = match event {
        KeyEvent::Created { domain, epoch, epoch_seconds, retention_seconds } => (
            domain,
            json!({ "epoch": epoch, "epoch_seconds": epoch_seconds, "retention_seconds": retention_seconds }),
        ),
        KeyEvent::Advanced { domain, from, to } => (domain, json!({ "from": from, "to": to })),
        KeyEvent::Destroyed { domain, epoch } | KeyEvent::Read { domain, epoch } => {
            (domain, json!({ "epoch": epoch }))
        }
        KeyEvent::Raised { domain, from, to } => (domain, json!({ "from_seconds": from, "to_seconds": to })),
        KeyEvent::Renewed { domain, epoch, epoch_seconds } => {
            (domain, json!({ "epoch": epoch, "epoch_seconds": epoch_seconds }))
        }
        KeyEvent::Exported { recipient, domains } => {
            return json!({ "recipient": recipient, "domains": domains });
        }
        KeyEvent::Imported { domain } => (domain, json!({})),
    };
    let mut value = of_chain(label);
    if let (Value::Object(members), Value::Object(rest)) = (&mut value, rest) {
        members.extend(rest);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_of_json_whatever_it_names() {
        let part = PartOf { store: "sink.\"x\"\n".into(), class: Some("web".into()), part: "p".into() };
        let event = Event::PartDestroyed {
            part,
            bytes: 7,
            deadline: Timestamp::from_seconds(0),
            because: Because::Deadline,
        };
        let content = event.content(3, Timestamp::from_seconds(1_795_262_400));
        assert!(!content.contains(&b'\n'));
        let value: Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(value["seq"], 3);
        assert_eq!(value["time"], "2026-11-21T12:00:00Z");
        assert_eq!((&value["class"], &value["bytes"]), (&json!("web"), &json!(7)));
        assert_eq!(value["deadline"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_pause_says_how_far_the_clock_is_away_and_in_which_direction() {
        for (distrust, said) in [
            (Distrust::BeforeJournal { seconds: 7_200 }, json!({ "clock_back_seconds": 7_200 })),
            (Distrust::Jump { seconds: -7_200 }, json!({ "because": "jump", "clock_back_seconds": 7_200 })),
            (Distrust::Jump { seconds: 7_200 }, json!({ "because": "jump", "clock_forward_seconds": 7_200 })),
            (Distrust::Unsynchronised, json!({ "because": "not synchronised" })),
        ] {
            let event = Event::Paused(distrust);
            assert_eq!((event.name(), Value::Object(event.members())), ("destruction.paused", said));
        }
    }
}
