//! A pipeline as meant: plain data that `pipeline` builds from and `check` prints. Every name in it has been resolved and
//! every bound held against the policy.

use std::fmt;
use std::path::{Path, PathBuf};

use super::admin_file::AdminPlan;
use super::clickhouse::{ClickHouseSink, drop_seconds};
use super::format_spec::{FormatSpec, Written};
use super::kafka::{DeliveryKind, KafkaPlan, KafkaSink, KafkaSource};
use super::units::duration_text;
use crate::clickhouse::client::ANSWER_SECONDS;
use crate::encode::Emit;
use crate::policy::class::{Lives, Policy, View};
use crate::policy::treatment::Place;
use crate::retention::rhythm::{MARGIN_SHARE, SWEEPS, lifetime_seconds, margin_seconds};
use crate::source;

/// Bytes of one record unless the source says otherwise. Longer records are cut off and quarantined.
pub const RECORD_BYTES_MAX_DEFAULT: usize = source::RECORD_BYTES_MAX;

/// Bytes of one batch unless the pipeline says otherwise: large enough that its cost per record vanishes, small enough that
/// a few of them fit the memory bound.
pub const BATCH_BYTES_DEFAULT: usize = source::BATCH_BYTES;

/// Seconds after which a part of a file sink is closed unless the sink says otherwise.
pub const PART_SECONDS_MAX_DEFAULT: u64 = 3_600;

/// By how much the clocks of two machines that keep time may differ, in seconds.
pub const CLOCK_SKEW_SECONDS: u64 = 1;

/// Seconds a record spends between arrival and delivery when nothing blocks: half a second of silence that ends a record, and
/// the work on one batch. A sink that blocks longer withholds what falls due.
pub const IN_FLIGHT_SECONDS: u64 = 1;

/// The shortest retention of anything stored whose margin has room for the time between two sweeps and for clocks that differ.
pub const STORED_SECONDS_MIN: u64 = 2 * MARGIN_SHARE;

/// How old a record that may live `limit_seconds` can get in a store: the sweep that takes its part comes at most the time between two
/// sweeps after the margin has begun.
pub const fn at_rest_seconds(limit_seconds: u64, margin_seconds: u64) -> u64 {
    limit_seconds.saturating_sub(margin_seconds) + margin_seconds.div_ceil(SWEEPS) + CLOCK_SKEW_SECONDS
}

/// A whole pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The policy it runs under.
    pub policy: Policy,
    /// Where the policy was read.
    pub policy_path: PathBuf,
    /// The policy's text, as it was read: what is archived under its hash.
    pub policy_text: String,
    /// The directory of the keyring; `None` when no rule pseudonymises.
    pub keys: Option<PathBuf>,
    /// The directory of checkpoints, journal and lock.
    pub state: Option<PathBuf>,
    /// Worker threads; `None` is one per core.
    pub threads: Option<usize>,
    /// Bytes of one raw batch.
    pub batch_bytes: usize,
    /// The admin endpoint.
    pub admin: Option<AdminPlan>,
    /// The Kafka cluster, where a source or sink is on one.
    pub kafka: Option<KafkaPlan>,
    /// Where records come from, in the order of the file.
    pub sources: Vec<SourcePlan>,
    /// Where records go, in the order of the file. They share one fate.
    pub sinks: Vec<SinkPlan>,
    /// Where records go that could not be parsed; `None`: they are counted and discarded.
    pub quarantine: Option<QuarantinePlan>,
}

impl Plan {
    /// By how much parts go before their deadline while the pipeline runs.
    pub fn margin_seconds(&self) -> u64 {
        let shortest = shortest_stored(&self.sinks, self.quarantine.as_ref());
        margin_seconds(shortest.unwrap_or(u64::MAX))
    }
}

/// The shortest retention of anything that is stored.
pub(super) fn shortest_stored(sinks: &[SinkPlan], quarantine: Option<&QuarantinePlan>) -> Option<u64> {
    let stored =
        sinks.iter().filter(|sink| matches!(sink.kind, SinkKind::File { .. } | SinkKind::ClickHouse(_)));
    // Zero stands for a retention that could not be read, or is nothing.
    let limits = stored.flat_map(|sink| &sink.worst_ages).map(|age| age.limit_seconds);
    let in_files = quarantine.filter(|quarantine| quarantine.directory().is_some());
    limits.chain(in_files.map(|quarantine| quarantine.retention_seconds)).filter(|limit| *limit > 0).min()
}

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePlan {
    /// Its name.
    pub name: String,
    /// What it reads.
    pub kind: SourceKind,
    /// The format of its records.
    pub format: FormatSpec,
    /// Where the format's own string stands, for what the compiler finds wrong in it.
    pub format_text: Option<Written>,
    /// IANA name of the zone of times that state none.
    pub time_zone: Option<String>,
    /// Which class a record belongs to.
    pub class: ClassChoice,
    /// How late a record may arrive, in seconds.
    pub max_lateness_seconds: u64,
    /// Bytes of one record; a longer one is cut off.
    pub record_bytes_max: usize,
    /// Where it is defined.
    pub place: Place,
}

/// What a source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Standard input.
    Stdin,
    /// Files that match a pattern: followed, or each read to its end.
    File {
        /// A path, or a pattern with `*`, `?`, `[…]` and `**`.
        pattern: String,
        /// Where rotated files go; `None`: beside the current ones, with a number or a date in their names.
        rotated: Option<String>,
        /// How long a rotated file may stay after it was written last and is delivered, in seconds; `None`: it is never touched.
        raw_retention_seconds: Option<u64>,
    },
    /// Topics of the pipeline's cluster.
    Kafka(KafkaSource),
}

/// How the class of a record is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassChoice {
    /// Rules in order; the first that matches decides.
    pub rules: Vec<ClassRule>,
    /// The class where no rule matches: the strictest (shortest retention) of the source.
    pub otherwise: usize,
}

impl ClassChoice {
    /// Every class that it can choose, as indices into [`Policy::classes`], each once.
    pub fn classes(&self) -> Vec<usize> {
        let mut classes: Vec<usize> =
            self.rules.iter().map(|rule| rule.class).chain([self.otherwise]).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// One rule that chooses a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRule {
    /// Fields and the values they must have, all of them; empty matches every record.
    pub when: Vec<(String, String)>,
    /// Index into [`Policy::classes`].
    pub class: usize,
}

/// Where records go that could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinePlan {
    /// The public keys that they are sealed to; never empty.
    pub recipients: Vec<age::x25519::Recipient>,
    /// How long they may live, in seconds: at most the shortest class of the sources.
    pub retention_seconds: u64,
    /// Where they go.
    pub place: QuarantinePlace,
}

/// Where sealed records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuarantinePlace {
    /// Files in a directory.
    Directory(PathBuf),
    /// A topic of the pipeline's cluster.
    Topic(String),
}

impl QuarantinePlan {
    /// The directory, where it is one.
    pub fn directory(&self) -> Option<&Path> {
        match &self.place {
            QuarantinePlace::Directory(directory) => Some(directory),
            QuarantinePlace::Topic(_) => None,
        }
    }

    /// The topic, where it is one.
    pub fn topic(&self) -> Option<&str> {
        match &self.place {
            QuarantinePlace::Directory(_) => None,
            QuarantinePlace::Topic(topic) => Some(topic),
        }
    }
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkPlan {
    /// Its name.
    pub name: String,
    /// What it writes to.
    pub kind: SinkKind,
    /// Classes it takes, as indices into [`Policy::classes`].
    pub classes: Vec<usize>,
    /// The view that narrows what it gets; `None` is all that the class lets leave.
    pub output: Option<String>,
    /// What its records are for: a purpose of each of its classes and of its output.
    pub purpose: String,
    /// Where it stands: one of the policy's locations.
    pub location: String,
    /// Who gets the records.
    pub recipient: String,
    /// How records are written.
    pub emit: Emit,
    /// How what it stores of each class lives, in the order of `classes`.
    pub lives: Vec<Lives>,
    /// The worst age per class, in the order of `classes`: of records as they are first stored.
    pub worst_ages: Vec<WorstAge>,
    /// Where it is defined.
    pub place: Place,
}

impl SinkPlan {
    /// How much sooner than its deadline a record of the class at this place among `classes` goes, in seconds, since what is stored narrows or
    /// ends at a stage.
    pub fn sooner_seconds(&self, policy: &Policy, place: usize) -> u64 {
        let ends = self.classes.get(place).and_then(|class| policy.classes[*class].retention_seconds);
        let first = self.lives.get(place).map_or(0, |lives| lives.first_seconds);
        ends.unwrap_or(0).saturating_sub(first)
    }

    /// The age in seconds that nothing of a record passes before it is destroyed, by class, in the order of `classes`.
    pub fn worst_seconds(&self) -> impl Iterator<Item = u64> {
        self.worst_ages.iter().zip(&self.lives).map(|(age, lives)| {
            let last = WorstAge { limit_seconds: lives.ends_seconds(), ..*age };
            last.worst_seconds()
        })
    }

    /// The view of this sink in `policy`.
    pub fn view<'p>(&self, policy: &'p Policy) -> Option<&'p View> {
        self.output.as_deref().and_then(|name| policy.view(name))
    }
}

/// What the parts of a store are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines.
    Lines,
    /// Lines, compressed with zstd.
    Zstd,
    /// Parquet.
    Parquet,
}

/// What a sink writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkKind {
    /// Standard output; nothing is stored.
    Stdout,
    /// Parts in one directory per class, with the deadline in their names.
    File {
        /// The directory above the classes.
        directory: PathBuf,
        /// A part is closed after this many seconds.
        part_seconds_max: u64,
        /// What they are made of.
        form: Form,
        /// Whether they are encrypted, under keys that die with them.
        encrypt: bool,
    },
    /// Topics of the pipeline's cluster, one per class.
    Kafka(KafkaSink),
    /// Tables of a ClickHouse server, one per class.
    ClickHouse(ClickHouseSink),
}

impl SinkKind {
    /// True when what it stores is rewritten where its class narrows; elsewhere it ends then.
    pub const fn rewrites(&self) -> bool {
        matches!(self, Self::File { form: Form::Parquet, .. })
    }

    /// True when what it stores has columns.
    pub const fn has_columns(&self) -> bool {
        matches!(self, Self::File { form: Form::Parquet, .. } | Self::ClickHouse(_))
    }

    /// True when what it stores is encrypted.
    pub const fn encrypts(&self) -> bool {
        matches!(self, Self::File { encrypt: true, .. })
    }
}

/// How old a record can get in a sink, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstAge {
    /// Clocks that differ, in seconds.
    pub clock_skew_seconds: u64,
    /// How late a record may arrive, in seconds.
    pub lateness_seconds: u64,
    /// From arrival until the sink has it, in seconds; the time that a part stays open counts here.
    pub in_flight_seconds: u64,
    /// What becomes of it in the sink.
    pub store: Store,
    /// How long a record of the class may live as it is first stored, in seconds.
    pub limit_seconds: u64,
    /// By how much a part goes before its deadline, in seconds; nothing where nothing is stored.
    pub margin_seconds: u64,
}

/// What bounds the age of a record once a sink has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Nothing is stored: who reads standard output answers for it.
    Nothing,
    /// A file whose name states its deadline, by which `run` and `sweep` destroy it.
    NamedFile,
    /// A topic, whose limits `sluis topics` sets and `sluis run` holds against the class.
    Topic,
    /// A table whose partitions state their deadline, by which `run` and `sweep` drop them.
    Table,
}

/// How old a record of a class with retention `limit_seconds` can get in a sink of this kind. `delivery` is that of topics.
pub const fn worst_age(
    kind: &SinkKind,
    delivery: DeliveryKind,
    lateness_seconds: u64,
    limit_seconds: u64,
) -> WorstAge {
    let (open_seconds, store) = match kind {
        SinkKind::Stdout => (0, Store::Nothing),
        SinkKind::File { part_seconds_max, .. } => (*part_seconds_max, Store::NamedFile),
        SinkKind::Kafka(_) => (delivery.wait_seconds(), Store::Topic),
        SinkKind::ClickHouse(to) => (to.insert_seconds_max + ANSWER_SECONDS, Store::Table),
    };
    WorstAge {
        clock_skew_seconds: CLOCK_SKEW_SECONDS,
        lateness_seconds,
        in_flight_seconds: IN_FLIGHT_SECONDS.saturating_add(open_seconds),
        store,
        limit_seconds,
        margin_seconds: match store {
            Store::Nothing | Store::Topic => 0,
            Store::NamedFile | Store::Table => margin_seconds(limit_seconds),
        },
    }
}

impl WorstAge {
    /// The age in seconds at which a record as late as stated is delivered.
    pub const fn on_delivery_seconds(&self) -> u64 {
        self.clock_skew_seconds.saturating_add(self.lateness_seconds).saturating_add(self.in_flight_seconds)
    }

    /// The age in seconds that no record passes before it is destroyed; where nothing is stored, that at which it is delivered.
    pub const fn worst_seconds(&self) -> u64 {
        let delivered = self.on_delivery_seconds();
        let at_rest = match self.store {
            Store::Nothing => 0,
            // The topic's limits are set so that it ends with the class.
            Store::Topic => self.limit_seconds,
            // Dropped as much earlier as its files may stay.
            Store::NamedFile | Store::Table => at_rest_seconds(self.limit_seconds, self.margin_seconds),
        };
        if at_rest > delivered { at_rest } else { delivered }
    }

    /// False when a record as late as stated would be due before it is delivered: it would always be withheld.
    pub const fn within_limit(&self) -> bool {
        self.on_delivery_seconds() < self.limit_seconds
    }
}

impl fmt::Display for WorstAge {
    /// What `check` says of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = duration_text(self.limit_seconds);
        write!(
            f,
            "at most {} old on delivery (clock {} + lateness {} + in flight {}), limit {limit}; ",
            duration_text(self.on_delivery_seconds()),
            duration_text(self.clock_skew_seconds),
            duration_text(self.lateness_seconds),
            duration_text(self.in_flight_seconds),
        )?;
        match self.store {
            Store::Nothing => write!(f, "nothing is stored here"),
            Store::Topic => {
                write!(f, "then the topic's limits end it within {limit}: see `sluis topics plan`")
            }
            Store::NamedFile => write!(
                f,
                "then swept by the deadline in its name, less a margin of {}: at most {} old while `sluis run` is at work, {limit} \
                 with a timer of `sluis sweep`",
                duration_text(self.margin_seconds),
                duration_text(self.worst_seconds()),
            ),
            Store::Table => write!(
                f,
                "then its partition is dropped by its deadline less {} (files of merged parts may stay {}): at most {} old while \
                 `sluis run` is at work, {limit} with a timer of `sluis sweep`",
                duration_text(drop_seconds(self.limit_seconds, self.margin_seconds)),
                duration_text(lifetime_seconds(self.limit_seconds)),
                duration_text(self.worst_seconds()),
            ),
        }
    }
}
