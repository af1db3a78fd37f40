//! What is asked of a live cluster about its topics, and what is changed in them: settings, layout, offsets, deletion of records.
//!
//! Every call waits for its answer, at most [`TIMEOUT`]; none is on the way of a record. Topics are looked up in the list of all that we
//! may see, never by name: asking for one by name can make it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic, OwnedResourceSpecifier,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::asking::{self, Reader, Why};
use super::error::KAFKA_MIN;
use super::ffi_admin::{self, Said};
use super::judge::{Found, Setting};
use super::limits::{Broker, CHECK_MS_DEFAULT, text};
use super::lost;
use crate::record::timestamp::Timestamp;

/// How long an answer may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The group name of clients that ask for offsets and never join or commit.
const ASKING: &str = "sluis-asks";

/// Why a cluster was not asked, or did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// No broker answers.
    #[error(
        "{doing}: no broker answers ({words}); check 'brokers' and how the connection is secured under [kafka]"
    )]
    Unreachable {
        /// What was asked.
        doing: String,
        /// What the client said.
        words: String,
    },
    /// Nobody gets in who says that.
    #[error(
        "{doing}: authentication failed: the brokers do not take this user and password; see 'user', 'password' and 'mechanism' of 'sasl' in \
         [kafka]"
    )]
    Login {
        /// What was asked.
        doing: String,
    },
    /// No connection is made, because TLS says no.
    #[error(
        "{doing}: no TLS connection to the brokers; see 'tls' in [kafka]: whether they speak it at that port, certificates, names and dates"
    )]
    Tls {
        /// What was asked.
        doing: String,
    },
    /// The brokers do not know the request, or none of the versions that we speak.
    #[error(
        "{doing}: the brokers do not know the request: they are too old, and Kafka {KAFKA_MIN} or later is needed; see 'brokers' in [kafka], \
         or upgrade them"
    )]
    TooOld {
        /// What was asked.
        doing: String,
    },
    /// We may not.
    #[error("{doing}: the cluster forbids it; it takes the right {right}")]
    Denied {
        /// What was asked.
        doing: String,
        /// The operation, and on what.
        right: String,
    },
    /// The cluster, or the client, says no.
    #[error("{doing}: {words}")]
    Refused {
        /// What was asked.
        doing: String,
        /// What was said.
        words: String,
    },
}

/// What we do, and the right that it takes.
struct Doing {
    what: String,
    right: String,
}

impl Doing {
    fn new(what: impl Into<String>, right: impl Into<String>) -> Self {
        Self { what: what.into(), right: right.into() }
    }

    fn failed(&self, code: Option<RDKafkaErrorCode>, words: String) -> TopicsError {
        use RDKafkaErrorCode as Code;
        let doing = self.what.clone();
        match code {
            Some(
                Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::GroupAuthorizationFailed,
            ) => TopicsError::Denied { doing, right: self.right.clone() },
            Some(
                Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::Resolve,
            ) => TopicsError::Unreachable { doing, words },
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => TopicsError::Login { doing },
            Some(Code::SSL) => TopicsError::Tls { doing },
            Some(Code::UnsupportedFeature | Code::UnsupportedVersion) => TopicsError::TooOld { doing },
            _ => TopicsError::Refused { doing, words },
        }
    }

    /// rdkafka gives no error of a resource whose settings we may not see: what comes is an answer without settings.
    fn denied(&self) -> TopicsError {
        TopicsError::Denied { doing: self.what.clone(), right: self.right.clone() }
    }

    #[allow(clippy::needless_pass_by_value, reason = "taken by `map_err`, which gives the error away")]
    fn error(&self, error: KafkaError) -> TopicsError {
        let code = match error {
            KafkaError::AdminOp(code) => Some(code),
            ref error => error.rdkafka_error_code(),
        };
        self.failed(code, code.map_or_else(|| error.to_string(), |code| code.to_string()))
    }

    fn said(&self, said: Said) -> TopicsError {
        let words = if said.words.is_empty() { said.code.to_string() } else { said.words };
        self.failed(Some(said.code), words)
    }
}

/// Partitions and replicas of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Its partitions.
    pub partitions: u32,
    /// Replicas of the partition that has the fewest.
    pub replicas: u16,
}

/// Where the log of a partition begins and ends: the first offset that can be read, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Log start offset.
    pub start: i64,
    /// High watermark.
    pub end: i64,
}

/// A cluster that is asked.
pub struct Cluster {
    admin: AdminClient<Why>,
    pub(super) reader: Reader,
    config: ClientConfig,
}

impl Cluster {
    /// Makes the clients; nothing is sent yet.
    pub fn open(config: &ClientConfig) -> Result<Self, TopicsError> {
        let doing = Doing::new("a client for the cluster cannot be made", "");
        let mut config = config.clone();
        // What librdkafka logs would reach standard error beside our own words for the same fault.
        config.set_log_level(RDKafkaLogLevel::Emerg);
        let admin = config.create_with_context(Why::default()).map_err(|error| doing.error(error))?;
        let reader = asking::reader(&config, ASKING).map_err(|error| doing.error(error))?;
        Ok(Self { admin, reader, config })
    }

    /// To be called now and then by whoever keeps it: its clients find brokers again that they lost.
    pub fn keep(&self) {
        asking::serve(&self.reader);
        let brokers = lost::brokers(&self.config);
        self.reader.context().lost.find_again(self.reader.client(), &brokers);
        self.admin.inner().context().lost.find_again(self.admin.inner(), &brokers);
    }

    /// A client that can ask for the committed offsets of `group`; it never joins it.
    pub(super) fn of_group(&self, group: &str) -> Result<Reader, TopicsError> {
        asking::reader(&self.config, group)
            .map_err(|error| Doing::new(format!("group {group}"), "").error(error))
    }

    /// Every topic that we may see.
    pub fn topics(&self) -> Result<BTreeMap<String, Layout>, TopicsError> {
        let doing = Doing::new("the topics of the cluster", "Describe on each topic");
        // Whatever is asked, this comes first: why there is no answer is told here.
        let seen = self.reader.fetch_metadata(None, TIMEOUT).map_err(|error| {
            let code = asking::reason(&self.reader, &error);
            doing.failed(code, code.map_or_else(|| error.to_string(), |code| code.to_string()))
        })?;
        let layout = |topic: &rdkafka::metadata::MetadataTopic| Layout {
            partitions: u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
            replicas: topic
                .partitions()
                .iter()
                .map(|partition| u16::try_from(partition.replicas().len()).unwrap_or(u16::MAX))
                .min()
                .unwrap_or(0),
        };
        let whole = seen.topics().iter().filter(|topic| topic.error().is_none());
        Ok(whole.map(|topic| (topic.name().to_owned(), layout(topic))).collect())
    }

    /// The brokers' own settings, and what could not be seen of them.
    pub fn broker(&self) -> Result<(Broker, Option<TopicsError>), TopicsError> {
        let doing = Doing::new("the settings of the brokers", "DescribeConfigs on the cluster");
        let seen = self.admin.inner().fetch_metadata(None, TIMEOUT).map_err(|error| doing.error(error))?;
        let mut check_ms = 0;
        let mut unseen = None;
        for broker in seen.brokers() {
            // One broker answers only for itself.
            let asked = [ResourceSpecifier::Broker(broker.id())];
            let answer = block_on(self.admin.describe_configs(&asked, &options()));
            let answer = answer.map_err(|error| doing.error(error));
            let value = answer.and_then(|results| {
                let first = results.into_iter().next().and_then(Result::ok);
                let entry = first.as_ref().and_then(|first| first.get("log.retention.check.interval.ms"));
                entry.and_then(|entry| entry.value.as_ref()?.parse().ok()).ok_or_else(|| doing.denied())
            });
            match value {
                Ok(value) => check_ms = check_ms.max(value),
                Err(error @ TopicsError::TooOld { .. }) => return Err(error),
                Err(error) => {
                    check_ms = check_ms.max(CHECK_MS_DEFAULT);
                    unseen = Some(error);
                }
            }
        }
        Ok((Broker { check_ms: if check_ms == 0 { CHECK_MS_DEFAULT } else { check_ms } }, unseen))
    }

    /// What topics are: their layout in `topics`, and their settings. A topic that is not there has no entry.
    pub fn describe(
        &self,
        topics: &BTreeMap<String, Layout>,
        names: &[&str],
    ) -> Result<BTreeMap<String, Found>, TopicsError> {
        let there: Vec<&str> = names.iter().copied().filter(|name| topics.contains_key(*name)).collect();
        let mut found = BTreeMap::new();
        if there.is_empty() {
            return Ok(found);
        }
        let asked: Vec<_> = there.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let doing = |name: &str| {
            Doing::new(format!("the settings of topic {name}"), format!("DescribeConfigs on topic {name}"))
        };
        let results = block_on(self.admin.describe_configs(&asked, &options()))
            .map_err(|error| doing(&there.join(", ")).error(error))?;
        for resource in results.into_iter().flatten() {
            let OwnedResourceSpecifier::Topic(name) = resource.specifier else { continue };
            let settings: BTreeMap<_, _> = resource
                .entries
                .into_iter()
                .filter_map(|entry| {
                    let explicit = matches!(entry.source, ConfigSource::DynamicTopic);
                    Some((entry.name, Setting { value: entry.value?, explicit }))
                })
                .collect();
            if let Some(layout) = topics.get(&name).filter(|_| !settings.is_empty()) {
                found.insert(name, Found { layout: *layout, settings });
            }
        }
        match there.iter().find(|name| !found.contains_key(**name)) {
            Some(name) => Err(doing(name).denied()),
            None => Ok(found),
        }
    }

    /// Makes a topic.
    pub fn create(
        &self,
        topic: &str,
        layout: Layout,
        settings: &[(&'static str, String)],
    ) -> Result<(), TopicsError> {
        let doing =
            Doing::new(format!("topic {topic} cannot be created"), format!("Create on topic {topic}"));
        let partitions = i32::try_from(layout.partitions).unwrap_or(i32::MAX);
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(i32::from(layout.replicas)));
        for (name, value) in settings {
            new = new.set(name, value);
        }
        let done = block_on(self.admin.create_topics(&[new], &options()));
        first(&doing, done)
    }

    /// Gives a topic more partitions.
    pub fn add_partitions(&self, topic: &str, partitions: u32) -> Result<(), TopicsError> {
        let doing = Doing::new(
            format!("topic {topic} cannot have more partitions"),
            format!("Alter on topic {topic}"),
        );
        let new = NewPartitions::new(topic, usize::try_from(partitions).unwrap_or(usize::MAX));
        let done = block_on(self.admin.create_partitions(&[new], &options()));
        first(&doing, done)
    }

    /// Sets some settings of a topic, and leaves the others as they are.
    pub fn alter(&self, topic: &str, settings: &[(&str, String)]) -> Result<(), TopicsError> {
        let doing =
            Doing::new(format!("topic {topic} cannot be altered"), format!("AlterConfigs on topic {topic}"));
        ffi_admin::alter(&self.admin, topic, settings, TIMEOUT).map_err(|said| doing.said(said))
    }

    /// Whether every consumer group can be seen.
    pub fn sees_every_group(&self) -> Result<bool, TopicsError> {
        let doing = Doing::new("what we may do to the cluster", "Describe on the cluster");
        ffi_admin::sees_every_group(&self.admin, TIMEOUT).map_err(|said| doing.said(said))
    }

    /// Where the log of a partition begins and ends.
    pub fn ends(&self, topic: &str, partition: i32) -> Result<Ends, TopicsError> {
        let doing = Doing::new(format!("offsets of topic {topic}"), format!("Describe on topic {topic}"));
        let (start, end) =
            self.reader.fetch_watermarks(topic, partition, TIMEOUT).map_err(|error| doing.error(error))?;
        Ok(Ends { start, end })
    }

    /// Where the log of each partition ends.
    pub fn ends_of(&self, topic: &str, partitions: &[i32]) -> Result<BTreeMap<i32, i64>, TopicsError> {
        let doing = Doing::new(format!("offsets of topic {topic}"), format!("Describe on topic {topic}"));
        let mut ends = BTreeMap::new();
        for element in self.offsets(&doing, topic, partitions, Offset::End)?.elements() {
            element.error().map_err(|error| doing.error(error))?;
            if let Offset::Offset(end) = element.offset() {
                ends.insert(element.partition(), end);
            }
        }
        Ok(ends)
    }

    /// What brokers answer for a time, or an end, of each partition.
    fn offsets(
        &self,
        doing: &Doing,
        topic: &str,
        partitions: &[i32],
        at: Offset,
    ) -> Result<TopicPartitionList, TopicsError> {
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition_offset(topic, *partition, at).map_err(|error| doing.error(error))?;
        }
        self.reader.offsets_for_times(asked, TIMEOUT).map_err(|error| doing.error(error))
    }

    /// The first offset of each partition whose record has a time at or after `time`; `None`: there is no such record.
    pub fn first_since(
        &self,
        topic: &str,
        partitions: &[i32],
        time: Timestamp,
    ) -> Result<BTreeMap<i32, Option<i64>>, TopicsError> {
        let doing =
            Doing::new(format!("offsets of topic {topic} by time"), format!("Describe on topic {topic}"));
        // Rounded down: a record of the same millisecond may be the younger one.
        let millis = time.0.div_euclid(1_000);
        let answer = self.offsets(&doing, topic, partitions, Offset::Offset(millis.max(0)))?;
        let mut first = BTreeMap::new();
        for element in answer.elements() {
            element.error().map_err(|error| doing.error(error))?;
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                Offset::End => None,
                _ => return Err(doing.failed(None, "the answer holds no offset".to_owned())),
            };
            first.insert(element.partition(), offset);
        }
        Ok(first)
    }

    /// Deletes what is before the offset of each partition. Readers no longer get it when this returns; bytes go with their segment.
    /// What comes back is where each log begins now.
    pub fn delete_before(
        &self,
        topic: &str,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<BTreeMap<i32, i64>, TopicsError> {
        let doing = Doing::new(
            format!("records of topic {topic} cannot be deleted"),
            format!("Delete on topic {topic}"),
        );
        let mut asked = TopicPartitionList::new();
        for (partition, offset) in offsets {
            asked
                .add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|error| doing.error(error))?;
        }
        let done =
            block_on(self.admin.delete_records(&asked, &options())).map_err(|error| doing.error(error))?;
        let mut starts = BTreeMap::new();
        for element in done.elements() {
            element.error().map_err(|error| doing.error(error))?;
            starts.insert(element.partition(), element.offset().to_raw().unwrap_or_default());
        }
        Ok(starts)
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

fn first(
    doing: &Doing,
    done: Result<Vec<rdkafka::admin::TopicResult>, KafkaError>,
) -> Result<(), TopicsError> {
    let results = done.map_err(|error| doing.error(error))?;
    match results.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err((_, code))) => Err(doing.failed(Some(code), code.to_string())),
        None => Err(doing.failed(None, format!("no answer within {}", text(TIMEOUT.as_millis() as u64)))),
    }
}
