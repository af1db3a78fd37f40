//! Is a topic as the policy needs it? Pure: what is wanted and what was found are arguments, findings come out.
//!
//! A finding says the topic, the setting, what it is, what it should be, the arithmetic, and the remedy; those that `topics apply` can mend
//! carry the change. A setting that is stricter than planned is left as it is: making it longer would lengthen the life of records that
//! are already there.

use std::collections::BTreeMap;
use std::fmt;

use super::limits::{self, Arrival, Broker, Limits, NoRoom, WorstAge, text};
use super::topics::Layout;

/// A setting of a topic, as the broker states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// Set on the topic itself, and not the broker's default.
    pub explicit: bool,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its partitions and replicas.
    pub layout: Layout,
    /// Its settings.
    pub settings: BTreeMap<String, Setting>,
}

impl Found {
    /// The largest message that it takes.
    pub fn message_bytes_max(&self) -> Option<usize> {
        self.number(MESSAGE_BYTES).and_then(|bytes| usize::try_from(bytes).ok())
    }

    /// Whether brokers stamp its records with their own time.
    pub fn is_stamped_by_brokers(&self) -> bool {
        self.value(TIMESTAMP_TYPE) == Some(LOG_APPEND_TIME)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| setting.value.as_str())
    }

    /// A number that cannot be read counts as without bound: -1 is how brokers write that.
    fn number(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(|value| value.parse().ok())
    }

    fn explicit(&self, name: &str) -> bool {
        self.settings.get(name).is_some_and(|setting| setting.explicit)
    }

    /// What decides how long it keeps a record.
    pub fn limits(&self) -> Limits {
        let log_time = self.is_stamped_by_brokers();
        // Brokers before 3.6 have one bound for both directions.
        let ahead = self.number(AHEAD).or_else(|| self.number("message.timestamp.difference.max.ms"));
        let ahead = ahead.filter(|ms| *ms < limits::UNBOUNDED_MS);
        Limits {
            retention_ms: self.number(RETENTION),
            segment_ms: self.number(SEGMENT).unwrap_or(u64::MAX),
            delete_delay_ms: self.number(DELETE_DELAY).unwrap_or(limits::DELETE_DELAY_MS_DEFAULT),
            ahead_ms: if log_time { Some(0) } else { ahead },
        }
    }
}

/// `retention.ms`
pub const RETENTION: &str = "retention.ms";
/// `segment.ms`
pub const SEGMENT: &str = "segment.ms";
/// `file.delete.delay.ms`
pub const DELETE_DELAY: &str = "file.delete.delay.ms";
const CLEANUP: &str = "cleanup.policy";
const DELETE: &str = "delete";
const TIMESTAMP_TYPE: &str = "message.timestamp.type";
const LOG_APPEND_TIME: &str = "LogAppendTime";
const AHEAD: &str = "message.timestamp.after.max.ms";
const MIN_IN_SYNC: &str = "min.insync.replicas";
const MESSAGE_BYTES: &str = "max.message.bytes";

/// A topic that a pipeline writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub topic: String,
    /// What it holds: `class web`, `late records of source nginx`.
    pub holds: String,
    /// How old a record can be when it arrives.
    pub arrival: Arrival,
    /// How long it may live.
    pub limit_ms: u64,
    /// Its partition is chosen by a key, and not that of the input.
    pub keyed: bool,
    /// Partitions that the pipeline asks for.
    pub partitions: Option<u32>,
    /// Replicas that the pipeline asks for.
    pub replication: u16,
    /// The largest message that may be written.
    pub message_bytes: Option<u64>,
    /// The sources that write it, as indices into [`Wanted::inputs`](super::live::Wanted).
    pub inputs: Vec<usize>,
}

/// What becomes of raw input once what was made of it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It stays as long as its topic says.
    Stays,
    /// It is erased behind all other readers.
    GoesBehindAll,
    /// It is erased, whoever else reads.
    Goes,
}

/// The topics that a source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The source.
    pub source: String,
    /// Topics; one that begins with `^` is a regular expression.
    pub topics: Vec<String>,
    /// How long a raw record may stay, counted from its arrival.
    pub limit_ms: u64,
    /// Where that comes from: `class web`, `raw_limit`.
    pub limited_by: String,
    /// What becomes of it once it is committed.
    pub committed: Committed,
}

/// What an output topic should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its limits, or why there are none.
    pub limits: Result<Limits, NoRoom>,
    /// Its partitions; `None`: as many as the input, which is not known.
    pub partitions: Option<u32>,
    /// Its replicas.
    pub replicas: u16,
    /// In-sync replicas that must have a record before it counts.
    pub min_in_sync: u16,
}

impl Planned {
    /// Of an output whose inputs have at most `input_partitions`.
    pub fn new(output: &Output, broker: Broker, input_partitions: Option<u32>) -> Self {
        let replicas = output.replication.max(1);
        Self {
            limits: limits::choose(output.limit_ms, output.arrival, broker),
            partitions: output.partitions.or(input_partitions),
            replicas,
            // With three replicas one may be away, and a record is still on two disks.
            min_in_sync: if replicas > 2 { replicas - 1 } else { 1 },
        }
    }

    /// The settings of a topic that is made.
    pub fn settings(&self, limits: &Limits) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            (CLEANUP, DELETE.to_owned()),
            (TIMESTAMP_TYPE, LOG_APPEND_TIME.to_owned()),
            (RETENTION, limits.retention_ms.unwrap_or_default().to_string()),
            (SEGMENT, limits.segment_ms.to_string()),
            (DELETE_DELAY, limits.delete_delay_ms.to_string()),
        ];
        settings.push((MIN_IN_SYNC, self.min_in_sync.to_string()));
        settings
    }
}

/// What a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Said, and no more.
    Warns,
    /// `run` does not start on it, and `check --live` fails.
    Refuses,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The topic.
    pub topic: String,
    /// The setting.
    pub setting: &'static str,
    /// What it is.
    pub is: String,
    /// What it should be.
    pub should: String,
    /// Why, with the arithmetic.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// What it does.
    pub weight: Weight,
    /// What `topics apply` sets it to, where it can.
    pub change: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, setting, is, should, why, remedy, .. } = self;
        write!(out, "topic {topic}: {setting} is {is}, should be {should}: {why}; {remedy}")
    }
}

const APPLY: &str = "`sluis topics apply` sets it";

struct Judged<'t> {
    topic: &'t str,
    findings: Vec<Finding>,
}

impl Judged<'_> {
    fn add(
        &mut self,
        weight: Weight,
        setting: &'static str,
        is: &str,
        should: &str,
        why: String,
        remedy: &str,
    ) {
        self.findings.push(Finding {
            topic: self.topic.to_owned(),
            setting,
            is: is.to_owned(),
            should: should.to_owned(),
            why,
            remedy: remedy.to_owned(),
            weight,
            change: None,
        });
    }

    fn mended(&mut self, value: &str) {
        if let Some(last) = self.findings.last_mut() {
            last.change = Some(value.to_owned());
        }
    }
}

/// The finding that a topic is not there.
pub fn missing(topic: &str, remedy: &str) -> Finding {
    Finding {
        topic: topic.to_owned(),
        setting: "the topic",
        is: "not there, or not to be seen".to_owned(),
        should: "there".to_owned(),
        why: "seeing it takes the right Describe on it".to_owned(),
        remedy: remedy.to_owned(),
        weight: Weight::Refuses,
        change: None,
    }
}

/// What is wrong with a topic that is written.
pub fn output(output: &Output, planned: &Planned, found: &Found, broker: Broker) -> Vec<Finding> {
    let mut judged = Judged { topic: &output.topic, findings: Vec::new() };
    cleanup(&mut judged, found, APPLY, Some(DELETE));
    let time = found.value(TIMESTAMP_TYPE).unwrap_or("unknown");
    if time != LOG_APPEND_TIME {
        let why = "producers date the records, and the broker keeps them by that date: dated ahead they stay longer, dated \
                   back they go unread"
            .to_owned();
        judged.add(Weight::Refuses, TIMESTAMP_TYPE, time, LOG_APPEND_TIME, why, APPLY);
        judged.mended(LOG_APPEND_TIME);
    }
    ages(&mut judged, output, planned, found, broker);
    partitions(&mut judged, output, planned, found);
    safety(&mut judged, output, planned, found);
    judged.findings
}

/// Compaction keeps the last record of every key for ever.
fn cleanup(judged: &mut Judged<'_>, found: &Found, remedy: &str, change: Option<&str>) {
    let policy = found.value(CLEANUP).unwrap_or("unknown");
    if policy != DELETE {
        let why = "a compacted topic keeps the last record of every key for ever, and DeleteRecords is refused where it is only \
                   compacted"
            .to_owned();
        judged.add(Weight::Refuses, CLEANUP, policy, DELETE, why, remedy);
        if let Some(change) = change {
            judged.mended(change);
        }
    }
}

fn ages(judged: &mut Judged<'_>, output: &Output, planned: &Planned, found: &Found, broker: Broker) {
    // What is dated ahead is the business of the timestamp's type, which is mended beside.
    let limits = Limits { ahead_ms: Some(0), ..found.limits() };
    let sum = WorstAge { arrival: output.arrival, broker, limits, limit_ms: output.limit_ms };
    let plan = match &planned.limits {
        Ok(plan) => *plan,
        Err(error) => {
            let should = "a time that fits";
            judged.add(
                Weight::Refuses,
                RETENTION,
                &shown(limits.retention_ms),
                should,
                error.to_string(),
                "no setting mends it",
            );
            return;
        }
    };
    let planned_ms = plan.retention_ms.unwrap_or_default();
    for (setting, is, most) in [
        (RETENTION, limits.retention_ms, planned_ms),
        (SEGMENT, Some(limits.segment_ms), plan.segment_ms),
        (DELETE_DELAY, Some(limits.delete_delay_ms), plan.delete_delay_ms),
    ] {
        let set = is.map_or(most, |is| is.min(most)).to_string();
        let over = is.is_none_or(|is| is > most);
        if over && !sum.fits() {
            let should = format!("at most {}", text(most));
            judged.add(Weight::Refuses, setting, &shown(is), &should, sum.to_string(), APPLY);
            judged.mended(&set);
        } else if !found.explicit(setting) && setting != DELETE_DELAY {
            let why = "it is the brokers' default, and changes with it".to_owned();
            judged.add(Weight::Warns, setting, &shown(is), "set on the topic", why, APPLY);
            judged.mended(&set);
        }
    }
}

fn partitions(judged: &mut Judged<'_>, output: &Output, planned: &Planned, found: &Found) {
    let Some(wanted) = planned.partitions else { return };
    let is = found.layout.partitions;
    if is >= wanted || (output.keyed && output.partitions.is_none()) {
        return;
    }
    let (weight, why) = if output.keyed {
        (Weight::Warns, "the pipeline asks for them".to_owned())
    } else {
        (Weight::Refuses, "a message stays in the partition of its input".to_owned())
    };
    judged.add(
        weight,
        PARTITIONS,
        &is.to_string(),
        &wanted.to_string(),
        why,
        "`sluis topics apply` adds them",
    );
    judged.mended(&wanted.to_string());
}

/// What a topic's partitions are called in a finding.
pub const PARTITIONS: &str = "partitions";

fn safety(judged: &mut Judged<'_>, output: &Output, planned: &Planned, found: &Found) {
    let replicas = found.layout.replicas;
    if replicas < planned.replicas {
        let why = "with fewer copies a broken disk loses records that were acknowledged".to_owned();
        let remedy = "move it with kafka-reassign-partitions, or lower 'replication' of the sink";
        judged.add(
            Weight::Warns,
            "replication",
            &replicas.to_string(),
            &planned.replicas.to_string(),
            why,
            remedy,
        );
    }
    let in_sync = found.number(MIN_IN_SYNC).unwrap_or(1);
    let wanted = if replicas > 2 { replicas - 1 } else { 1 };
    if in_sync < u64::from(wanted) {
        let why = "fewer in-sync replicas may hold the only copy of what was acknowledged".to_owned();
        judged.add(Weight::Warns, MIN_IN_SYNC, &in_sync.to_string(), &wanted.to_string(), why, APPLY);
        judged.mended(&wanted.to_string());
    }
    if in_sync > u64::from(replicas) {
        let why = "no write can ever be acknowledged".to_owned();
        judged.add(Weight::Refuses, MIN_IN_SYNC, &in_sync.to_string(), &wanted.to_string(), why, APPLY);
        judged.mended(&wanted.to_string());
    }
    if let (Some(most), Some(wanted)) = (found.number(MESSAGE_BYTES), output.message_bytes)
        && most < wanted
    {
        let why = "the pipeline packs messages of that size".to_owned();
        let (is, should) = (most.to_string(), wanted.to_string());
        judged.add(Weight::Refuses, MESSAGE_BYTES, &is, &should, why, "raise it, or lower 'pack'");
    }
    if found.value("remote.storage.enable") == Some("true") {
        let why =
            "copies in a remote store go when the brokers' task for it comes, which is not in the arithmetic"
                .to_owned();
        judged.add(
            Weight::Warns,
            "remote.storage.enable",
            "true",
            "false",
            why,
            "switch it off for this topic",
        );
    }
}

/// What is wrong with a topic that is read. The age is counted from arrival in it: how late a record was then is the business of the
/// source's `max_lateness`.
pub fn input(input: &Input, topic: &str, found: &Found, broker: Broker) -> Vec<Finding> {
    let mut judged = Judged { topic, findings: Vec::new() };
    cleanup(&mut judged, found, "set it, or raw lines stay for ever", None);
    let limits = found.limits();
    let sum = WorstAge { arrival: Arrival::AT_ARRIVAL, broker, limits, limit_ms: input.limit_ms };
    if !sum.fits() {
        let is = format!("{} with segment.ms {}", shown(limits.retention_ms), text(limits.segment_ms));
        let should = match limits::choose(input.limit_ms, Arrival::AT_ARRIVAL, broker) {
            Ok(Limits { retention_ms: Some(retention_ms), segment_ms, .. }) => {
                format!("at most {} with segment.ms {}", text(retention_ms), text(segment_ms))
            }
            _ => "shorter".to_owned(),
        };
        let why = format!("raw lines outlive {}: {sum}", input.limited_by);
        let remedy = format!(
            "shorten it with kafka-configs --alter --add-config, or say how long is meant with raw_limit in [source.{}]",
            input.source
        );
        judged.add(Weight::Refuses, RETENTION, &is, &should, why, &remedy);
    }
    judged.findings
}

fn shown(ms: Option<u64>) -> String {
    ms.map_or_else(|| "for ever".to_owned(), text)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
