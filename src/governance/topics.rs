//! Which topics a pipeline has, and what they should be: the plan that `sluis topics` shows and applies.

use std::collections::BTreeMap;

use crate::config::kafka::{EraseRaw, KafkaPlan, KafkaSource};
use crate::config::plan::{CLOCK_SKEW_SECONDS, IN_FLIGHT_SECONDS, Plan, SinkKind, SourceKind, SourcePlan};
use crate::kafka::judge::{Committed, Finding, Input, Output, PARTITIONS, Planned};
use crate::kafka::limits::{Arrival, Broker, Limits};
use crate::kafka::live::{LiveTopics, Wanted};
use crate::kafka::topics::{Cluster, Layout, TopicsError};

/// Replicas of topics for late or quarantined records where no sink on Kafka says how many.
const REPLICATION_DEFAULT: u16 = 3;

/// The topics that a pipeline reads and writes. Nothing is asked.
pub fn wanted(plan: &Plan) -> Wanted {
    let Some(kafka) = &plan.kafka else { return Wanted::default() };
    let sources: Vec<(&SourcePlan, &KafkaSource)> = plan
        .sources
        .iter()
        .filter_map(|source| match &source.kind {
            SourceKind::Kafka(kafka) => Some((source, kafka)),
            _ => None,
        })
        .collect();
    let mut wanted = Wanted::default();
    for (source, kafka) in &sources {
        wanted.inputs.push(input(plan, source, kafka));
    }
    let mut replication = None;
    for sink in &plan.sinks {
        let SinkKind::Kafka(to) = &sink.kind else { continue };
        replication = replication.max(Some(to.replication));
        for ((class, topic), lives) in sink.classes.iter().zip(&to.topics).zip(&sink.lives) {
            let class_plan = &plan.policy.classes[*class];
            let of = |(source, _): &(&SourcePlan, &KafkaSource)| source.class.classes().contains(class);
            let inputs: Vec<usize> = (0..sources.len()).filter(|index| of(&sources[*index])).collect();
            // Other sources than Kafka's may send here, too.
            let senders = plan.sources.iter().filter(|source| source.class.classes().contains(class));
            let late = senders.map(|source| source.max_lateness_seconds).max().unwrap_or(0);
            wanted.outputs.push(Output {
                topic: topic.clone(),
                holds: format!("class {}", class_plan.name),
                arrival: arrival(kafka, late),
                limit_ms: lives.first_seconds.saturating_mul(1_000),
                // Without topics to read, any partition will do.
                keyed: to.key.is_some() || sources.is_empty(),
                partitions: to.partitions,
                replication: to.replication,
                message_bytes: to.pack_bytes.map(|bytes| bytes as u64),
                inputs,
            });
        }
    }
    let replication = replication.unwrap_or(REPLICATION_DEFAULT);
    for (index, (source, kafka_source)) in sources.iter().enumerate() {
        wanted.outputs.extend(late(plan, index, source, kafka_source, replication));
    }
    wanted.outputs.extend(quarantine(plan, sources.len(), replication));
    merged(wanted)
}

/// The topics of a source's late records, one per class where the name says so.
fn late<'p>(
    plan: &'p Plan,
    index: usize,
    source: &'p SourcePlan,
    kafka_source: &'p KafkaSource,
    replication: u16,
) -> impl Iterator<Item = Output> + 'p {
    source.class.classes().into_iter().filter_map(move |class| {
        let class = &plan.policy.classes[class];
        Some(Output {
            topic: kafka_source.late_topic_of(&class.name)?,
            holds: format!("late records of class {}", class.name),
            arrival: arrival(plan.kafka.as_ref()?, kafka_source.late_lateness_seconds),
            limit_ms: class.whole_seconds().unwrap_or(0).saturating_mul(1_000),
            keyed: false,
            partitions: None,
            replication,
            message_bytes: None,
            inputs: vec![index],
        })
    })
}

/// The topic of what could not be parsed, if it goes to one. Its records are sealed, and any partition will do.
fn quarantine(plan: &Plan, sources: usize, replication: u16) -> Option<Output> {
    let quarantine = plan.quarantine.as_ref()?;
    let late = plan.sources.iter().map(|source| source.max_lateness_seconds).max().unwrap_or(0);
    Some(Output {
        topic: quarantine.topic()?.to_owned(),
        holds: "quarantine, sealed".to_owned(),
        arrival: arrival(plan.kafka.as_ref()?, late),
        limit_ms: quarantine.retention_seconds.saturating_mul(1_000),
        keyed: true,
        partitions: None,
        replication,
        message_bytes: None,
        inputs: (0..sources).collect(),
    })
}

/// The shortest time for which a record of a source may live whole.
fn shortest_seconds(plan: &Plan, source: &SourcePlan) -> u64 {
    let classes = source.class.classes();
    classes.iter().filter_map(|class| plan.policy.classes[*class].whole_seconds()).min().unwrap_or(0)
}

fn input(plan: &Plan, source: &SourcePlan, kafka: &KafkaSource) -> Input {
    let shortest = shortest_seconds(plan, source);
    let name = |class: &usize| {
        let class = &plan.policy.classes[*class];
        (class.whole_seconds() == Some(shortest)).then(|| class.name.clone())
    };
    let class = source.class.classes().iter().find_map(name).unwrap_or_default();
    let (limit, limited_by) = match kafka.raw_limit_seconds {
        Some(seconds) => (seconds, "raw_limit".to_owned()),
        None => (shortest, format!("class {class}, the shortest of its source")),
    };
    Input {
        source: source.name.clone(),
        topics: kafka.topics.clone(),
        limit_ms: limit.saturating_mul(1_000),
        limited_by,
        committed: match kafka.erase_raw {
            EraseRaw::Never => Committed::Stays,
            EraseRaw::WhenAllHaveRead => Committed::GoesBehindAll,
            EraseRaw::ForAll => Committed::Goes,
        },
    }
}

/// How old a record can be when it arrives: an append may be as late as the transaction, or the wait for a receipt, allows.
fn arrival(kafka: &KafkaPlan, lateness_seconds: u64) -> Arrival {
    Arrival {
        clock_skew_ms: CLOCK_SKEW_SECONDS * 1_000,
        lateness_ms: lateness_seconds.saturating_mul(1_000),
        in_flight_ms: (IN_FLIGHT_SECONDS + kafka.delivery.wait_seconds()) * 1_000,
    }
}

/// A topic that is named twice gets the stricter of both.
fn merged(mut wanted: Wanted) -> Wanted {
    let mut by_topic: BTreeMap<String, usize> = BTreeMap::new();
    let mut outputs: Vec<Output> = Vec::new();
    for output in wanted.outputs {
        let Some(at) = by_topic.get(&output.topic) else {
            by_topic.insert(output.topic.clone(), outputs.len());
            outputs.push(output);
            continue;
        };
        let first = &mut outputs[*at];
        if !first.holds.contains(&output.holds) {
            first.holds = format!("{}, {}", first.holds, output.holds);
        }
        first.arrival.lateness_ms = first.arrival.lateness_ms.max(output.arrival.lateness_ms);
        first.limit_ms = first.limit_ms.min(output.limit_ms);
        first.keyed &= output.keyed;
        first.partitions = first.partitions.max(output.partitions);
        first.replication = first.replication.max(output.replication);
        first.message_bytes = first.message_bytes.max(output.message_bytes);
        first.inputs.extend(output.inputs);
        first.inputs.sort_unstable();
        first.inputs.dedup();
    }
    wanted.outputs = outputs;
    wanted
}

/// What the outputs should be when nothing is asked: brokers are taken for what they are by default.
pub fn planned(wanted: &Wanted) -> Vec<Planned> {
    wanted.outputs.iter().map(|output| Planned::new(output, Broker::default(), None)).collect()
}

/// One step of `topics apply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A topic is made.
    Create {
        /// Its name.
        topic: String,
        /// Partitions and replicas.
        layout: Layout,
        /// Its settings.
        settings: Vec<(&'static str, String)>,
    },
    /// A topic gets more partitions.
    AddPartitions {
        /// Its name.
        topic: String,
        /// How many it has.
        from: String,
        /// How many it gets.
        to: u32,
    },
    /// Some settings of a topic are set, and all others left as they are.
    Alter {
        /// Its name.
        topic: String,
        /// Setting, what it is, what it becomes.
        changes: Vec<(&'static str, String, String)>,
    },
}

impl Step {
    /// What `topics apply` prints.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Create { topic, layout, settings } => {
                let settings: Vec<_> =
                    settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let Layout { partitions, replicas } = layout;
                vec![format!(
                    "create {topic}: {partitions} partitions, {replicas} replicas, {}",
                    settings.join(", ")
                )]
            }
            Self::AddPartitions { topic, from, to } => {
                vec![format!("alter {topic}: partitions {from} -> {to}")]
            }
            Self::Alter { topic, changes } => {
                changes.iter().map(|(name, is, to)| format!("alter {topic}: {name} {is} -> {to}")).collect()
            }
        }
    }

    /// Does it.
    pub fn take(&self, cluster: &Cluster) -> Result<(), TopicsError> {
        match self {
            Self::Create { topic, layout, settings } => cluster.create(topic, *layout, settings),
            Self::AddPartitions { topic, to, .. } => cluster.add_partitions(topic, *to),
            Self::Alter { topic, changes } => {
                let settings: Vec<_> = changes.iter().map(|(name, _, to)| (*name, to.clone())).collect();
                cluster.alter(topic, &settings)
            }
        }
    }
}

/// Partitions of a topic that is made when no input says how many.
const PARTITIONS_DEFAULT: u32 = 1;

/// What makes the topics as they should be. What cannot be made so, findings say.
pub fn steps(live: &LiveTopics) -> Vec<Step> {
    let mut steps = Vec::new();
    for (output, planned) in live.wanted().outputs.iter().zip(&live.planned) {
        let Ok(limits) = &planned.limits else { continue };
        if live.has_output(&output.topic) {
            steps.extend(mending(&output.topic, &live.findings));
        } else {
            steps.push(creation(output, planned, limits));
        }
    }
    steps
}

fn creation(output: &Output, planned: &Planned, limits: &Limits) -> Step {
    let layout =
        Layout { partitions: planned.partitions.unwrap_or(PARTITIONS_DEFAULT), replicas: planned.replicas };
    let mut settings = planned.settings(limits);
    if let Some(bytes) = output.message_bytes.filter(|bytes| *bytes > MESSAGE_BYTES_DEFAULT) {
        settings.push(("max.message.bytes", bytes.to_string()));
    }
    Step::Create { topic: output.topic.clone(), layout, settings }
}

/// `max.message.bytes` unless a broker says otherwise.
const MESSAGE_BYTES_DEFAULT: u64 = 1_048_588;

fn mending(topic: &str, findings: &[Finding]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut changes = Vec::new();
    for finding in findings.iter().filter(|finding| finding.topic == topic) {
        match (&finding.change, finding.setting) {
            (Some(to), PARTITIONS) => steps.push(Step::AddPartitions {
                topic: topic.to_owned(),
                from: finding.is.clone(),
                to: to.parse().unwrap_or(0),
            }),
            (Some(to), setting) => changes.push((setting, finding.is.clone(), to.clone())),
            (None, _) => {}
        }
    }
    if !changes.is_empty() {
        steps.push(Step::Alter { topic: topic.to_owned(), changes });
    }
    steps
}
