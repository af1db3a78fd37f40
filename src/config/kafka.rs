//! The Kafka part of a pipeline as meant: one cluster, one consumer group, and what is read from and written to its topics.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::kafka_topics::of_class;

/// Between two transactions, or two commits of offsets, in milliseconds, unless the pipeline says otherwise. Committing ten times a second
/// costs no CPU that can be measured, and is most of the latency.
pub const COMMIT_MS_DEFAULT: u64 = 100;

/// How long the broker waits for a transaction before it aborts it (`transaction.timeout.ms`), in seconds.
pub const TRANSACTION_TIMEOUT_SECONDS: u64 = 10;

/// How long a record may wait for its receipt under at least once (`message.timeout.ms`), in seconds.
pub const MESSAGE_TIMEOUT_SECONDS: u64 = 30;

/// Seconds from SIGTERM to the end unless the pipeline says otherwise.
pub const DRAIN_SECONDS_DEFAULT: u64 = 20;

/// Bytes in flight over all lanes unless the pipeline says otherwise: fetched and not processed, produced and not acknowledged.
pub const IN_FLIGHT_BYTES_DEFAULT: usize = 64 << 20;

/// The least that a lane can work with.
pub const IN_FLIGHT_BYTES_LANE_MIN: usize = 8 << 20;

/// `[kafka]`: the cluster that a pipeline reads from and writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaPlan {
    /// `host:port` of some brokers (`bootstrap.servers`).
    pub brokers: Vec<String>,
    /// The consumer group (`group.id`). Empty where no source reads from Kafka.
    pub group: String,
    /// What this process is called in `transactional.id`s: stable over restarts, and another for every process. `None`: the host's or
    /// the pod's name.
    pub instance: Option<String>,
    /// Lanes: threads, each with a consumer and a producer of its own. `None`: one per core.
    pub lanes: Option<usize>,
    /// What a crash may do.
    pub delivery: DeliveryKind,
    /// Between two commits, in milliseconds.
    pub commit_ms: u64,
    /// Bytes in flight over all lanes.
    pub in_flight_bytes: usize,
    /// Seconds from SIGTERM to the end.
    pub drain_seconds: u64,
    /// How the connection is secured.
    pub security: Security,
    /// Options of librdkafka that are passed through; none of them can undo a promise.
    pub options: BTreeMap<String, String>,
}

/// What a crash may do to records between Kafka topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryKind {
    /// Nothing: results and offsets are one transaction.
    ExactlyOnce,
    /// Double the records since the last commit.
    AtLeastOnce,
}

/// How a connection is secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// TLS; `None`: plain text.
    pub tls: Option<Tls>,
    /// Who we are.
    pub sasl: Option<Sasl>,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates that are trusted, PEM; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// The password of the key.
    pub key_password: Option<SecretFrom>,
}

/// SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sasl {
    /// PLAIN (refused without TLS).
    Plain {
        /// User name.
        user: String,
        /// Where the password is.
        password: SecretFrom,
    },
    /// SCRAM-SHA-256 or SCRAM-SHA-512.
    Scram {
        /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        mechanism: &'static str,
        /// User name.
        user: String,
        /// Where the password is.
        password: SecretFrom,
    },
    /// OAUTHBEARER with a token from an identity provider (client credentials of `OpenID` Connect).
    Oidc {
        /// The token endpoint, https.
        token_url: String,
        /// The certificates that it is known by, PEM; `None`: the system's.
        token_ca: Option<PathBuf>,
        /// The client's name there.
        client_id: String,
        /// Where its secret is.
        client_secret: SecretFrom,
        /// The scope that is asked for.
        scope: Option<String>,
    },
}

/// Where a secret is found. The secret itself is never written in a pipeline file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// A file, whose first line it is.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// What a Kafka source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSource {
    /// Topics; one that begins with `^` is a regular expression.
    pub topics: Vec<String>,
    /// What a message holds.
    pub payload: Payload,
    /// Where records go that are later than the source allows, with `{class}` for their class ([`Self::late_topic_of`]); `None`: they
    /// are withheld and counted.
    pub late_topic: Option<String>,
    /// How late they may be there, in seconds.
    pub late_lateness_seconds: u64,
    /// How long the input topics may keep raw records, in seconds: longer than the class allows, or less; `None`: as long as the shortest
    /// class of the source.
    pub raw_limit_seconds: Option<u64>,
    /// Whether input that is committed is erased from the topic.
    pub erase_raw: EraseRaw,
    /// The most that is taken in a second.
    pub rate: Rate,
}

impl KafkaSource {
    /// The topic of late records of the class called `class`, if they have one: `{class}` in its name stands for that.
    pub fn late_topic_of(&self, class: &str) -> Option<String> {
        self.late_topic.as_ref().map(|topic| of_class(topic, class))
    }
}

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// One record or several, each as its format writes it.
    Lines,
    /// A JSON event as Filebeat, Fluent Bit and Vector ship them: the record in its member `message` or `log`; all else is dropped.
    Event,
}

/// Whether raw input is erased once its pseudonymised form is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EraseRaw {
    /// Never: the topic's own limits hold.
    #[default]
    Never,
    /// Where no other group is behind.
    WhenAllHaveRead,
    /// Whoever else reads.
    ForAll,
}

/// The most that a source takes in a second, over all lanes of a process. Limits pause, they never drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Records per second.
    pub records: Option<u64>,
    /// Bytes per second.
    pub bytes: Option<u64>,
}

/// What a Kafka sink writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSink {
    /// The topic of each class of the sink, in the order of its classes.
    pub topics: Vec<String>,
    /// A column whose pseudonym is the key of a message, and chooses its partition; `None`: a message stays in the partition of its
    /// input.
    pub key: Option<String>,
    /// Records are packed into messages of up to this many bytes; `None`: one input message gives one output message.
    pub pack_bytes: Option<usize>,
    /// How batches are compressed (`compression.type`).
    pub compression: &'static str,
    /// Replicas of a topic that `topics apply` makes.
    pub replication: u16,
    /// Partitions of a topic that `topics apply` makes; `None`: as many as the input has.
    pub partitions: Option<u32>,
}
