//! What all lanes of a pipeline know: compiled sources, topics in and out.

use super::carry::Carry;
use super::once::Once;
use super::parts::said;
use super::rate::Governor;
use super::store::Store;
use crate::config::kafka::{DeliveryKind, KafkaPlan, Payload};
use crate::config::kafka_topics::TopicPattern;
use crate::config::plan::{Plan, SinkKind, SourceKind};
use crate::kafka::client;
use crate::kafka::consumer::Partition;
use crate::pipeline::build::{self, Built};
use crate::pipeline::worker::SourcePlan;
use crate::policy::class::Class;
use crate::policy::table::TimeRule;
use crate::protect::quarantine::Sealer;

/// Compiled once, read by all lanes.
pub struct Setup {
    /// The cluster.
    pub(super) kafka: KafkaPlan,
    /// Of this process, in transactional ids.
    pub(super) instance: String,
    pub(super) lanes: usize,
    pub(super) inputs: Vec<Input>,
    /// By output of the worker.
    pub(super) outputs: Vec<Output>,
    /// Every topic that is written to: those of `outputs`, then the quarantine's.
    pub(super) topics: Vec<String>,
    pub(super) quarantine: Option<(usize, Sealer)>,
    /// How messages are compressed: a lane has one producer, so the first sink decides.
    pub(super) compression: &'static str,
    /// Whether a partition of the input may be read: where it would go was checked.
    pub checked: Option<Checked>,
    /// The largest message that every output topic takes, where that is known.
    pub message_bytes_max: Option<usize>,
    /// Where records go that do not go to topics.
    pub store: Option<Store>,
    /// What is left to be read, where the run is to end there.
    pub once: Option<Once>,
}

/// Says whether a partition of the input may be read.
pub type Checked = Box<dyn Fn(&Partition) -> bool + Send + Sync>;

/// A source.
pub(super) struct Input {
    pub name: String,
    pub plan: SourcePlan,
    pub payload: Payload,
    pub topics: Vec<TopicPattern>,
    pub lateness_seconds: i64,
    /// How late records may be where late ones go.
    pub late_lateness_seconds: i64,
    pub record_bytes_max: usize,
    pub governor: Governor,
    /// What is carried over beside the payload.
    pub carry: Option<Carry>,
}

/// A topic that records of one class and view go to.
pub struct Output {
    /// Index into the topics.
    pub(super) topic: usize,
    /// What the header of its messages begins with.
    pub(super) said: Vec<u8>,
    /// How exact its deadline may be said.
    pub(super) time: TimeRule,
    /// How much sooner than their class its records end, in seconds, since they end at a stage.
    pub(super) sooner_seconds: i64,
    /// What stands before the value of the key in a record, where messages have one.
    pub(super) key: Option<Vec<u8>>,
    pub(super) pack_bytes: Option<usize>,
}

impl Setup {
    /// Of a plan whose sources are topics. `instance` is this process among its peers.
    pub fn new(plan: &Plan, built: Built, instance: String, lanes: usize) -> Result<Self, String> {
        let kafka = plan.kafka.clone().ok_or("the pipeline has no [kafka]")?;
        let mut inputs = Vec::new();
        for (planned, compiled) in plan.sources.iter().zip(built.sources) {
            let SourceKind::Kafka(source) = &planned.kind else {
                return Err(format!("source {} is no topic", planned.name));
            };
            let topics =
                source.topics.iter().map(|topic| TopicPattern::read(topic)).collect::<Result<_, _>>()?;
            inputs.push(Input {
                name: planned.name.clone(),
                plan: compiled,
                payload: source.payload,
                topics,
                lateness_seconds: i64::try_from(planned.max_lateness_seconds).unwrap_or(i64::MAX),
                late_lateness_seconds: i64::try_from(source.late_lateness_seconds).unwrap_or(i64::MAX),
                record_bytes_max: planned.record_bytes_max,
                governor: Governor::new(source.rate),
                carry: None,
            });
        }
        let (mut outputs, mut topics) = (Vec::new(), Vec::new());
        if writes_topics(plan) {
            (outputs, topics) = {
                let compiled: Vec<&SourcePlan> = inputs.iter().map(|input| &input.plan).collect();
                self::outputs(plan, &compiled)?
            };
            late_outputs(plan, &mut inputs, &mut outputs, &mut topics);
            for (input, planned) in inputs.iter_mut().zip(&plan.sources) {
                if let SourceKind::Kafka(source) = &planned.kind {
                    input.carry = Carry::new(plan, planned, &input.plan, &source.carried)?;
                }
            }
        }
        let mut quarantine = None;
        if let Some(sealed) = plan.quarantine.as_ref()
            && let Some(topic) = sealed.topic()
        {
            let sealer = Sealer::new(&sealed.recipients.iter().map(ToString::to_string).collect::<Vec<_>>());
            quarantine = Some((topics.len(), sealer.map_err(|error| error.to_string())?));
            topics.push(topic.to_owned());
        }
        Ok(Self {
            kafka,
            instance,
            lanes,
            inputs,
            outputs,
            topics,
            quarantine,
            compression: compression(plan),
            checked: None,
            message_bytes_max: None,
            store: None,
            once: None,
        })
    }

    /// How many clean batches a worker fills.
    pub(super) fn worker_outputs(&self) -> usize {
        self.store.as_ref().map_or(self.outputs.len(), Store::outputs)
    }

    /// What the consumers subscribe to.
    pub(super) fn subscription(&self) -> Vec<&str> {
        self.inputs.iter().flat_map(|input| &input.topics).map(TopicPattern::as_str).collect()
    }

    /// The source that reads `topic`, and the place of the name or expression that says so. A name comes before an expression; a topic
    /// that the expressions of two sources take in is nobody's, since nothing says how to read it.
    pub(super) fn input_of(&self, topic: &str) -> Option<(usize, usize)> {
        let all = self.inputs.iter().enumerate();
        let patterns =
            all.flat_map(|(owner, input)| input.topics.iter().map(move |pattern| (owner, pattern)));
        let taking = patterns.enumerate().filter(|(_, (_, pattern))| pattern.takes_in(topic));
        let (mut found, mut is_shared) = (None, false);
        for (place, (owner, pattern)) in taking {
            if matches!(pattern, TopicPattern::Name(_)) {
                return Some((owner, place));
            }
            match found {
                Some((other, _)) if other != owner => is_shared = true,
                Some(_) => {}
                None => found = Some((owner, place)),
            }
        }
        found.filter(|_| !is_shared)
    }

    /// True when results and positions are one transaction.
    pub(super) fn is_exactly_once(&self) -> bool {
        self.kafka.delivery == DeliveryKind::ExactlyOnce
    }

    /// Stable over restarts, and of one lane of one process.
    pub(super) fn transactional_id(&self, lane: usize) -> String {
        format!("{}.{}.{lane}", self.kafka.group, self.instance)
    }

    /// Bytes of a round after which it is committed, whatever the time.
    pub(super) fn round_bytes(&self) -> u64 {
        4 * client::lane_bytes(&self.kafka, self.lanes) as u64
    }

    pub(super) fn is_checked(&self, partition: &Partition) -> bool {
        self.checked.as_ref().is_none_or(|is_checked| is_checked(partition))
    }
}

/// Whether what a plan's lanes have goes to topics. Its sinks are all topics, or none is.
pub fn writes_topics(plan: &Plan) -> bool {
    plan.sinks.iter().any(|sink| matches!(sink.kind, SinkKind::Kafka(_)))
}

pub(super) fn compression(plan: &Plan) -> &'static str {
    let of_sink = |kind: &SinkKind| match kind {
        SinkKind::Kafka(kafka) => Some(kafka.compression),
        _ => None,
    };
    plan.sinks.iter().find_map(|sink| of_sink(&sink.kind)).unwrap_or("lz4")
}

/// The outputs in the order of the worker's, and the topics they go to.
pub(super) fn outputs(plan: &Plan, sources: &[&SourcePlan]) -> Result<(Vec<Output>, Vec<String>), String> {
    let (mut outputs, mut topics) = (Vec::new(), Vec::<String>::new());
    for (class, sink) in build::outputs(plan) {
        let planned = &plan.sinks[sink];
        let SinkKind::Kafka(kafka) = &planned.kind else {
            return Err(format!("sink {} is no topic", planned.name));
        };
        let at = planned.classes.iter().position(|of_sink| *of_sink == class);
        let name = at.and_then(|at| kafka.topics.get(at)).ok_or("a sink without a topic for a class")?;
        let topic = place_of(name, &mut topics);
        let output = outputs.len();
        let mut routes = sources.iter().flat_map(|source| &source.classes).flat_map(|class| &class.routes);
        let time =
            routes.find(|route| route.output == output).map_or(TimeRule::Hour, |route| route.table.time);
        outputs.push(Output {
            topic,
            said: said(&plan.policy.version, &plan.policy.classes[class].name),
            time,
            sooner_seconds: signed(planned.sooner_seconds(&plan.policy, at.unwrap_or(0))),
            key: kafka.key.as_ref().map(|key| format!("\"{key}\":\"").into_bytes()),
            pack_bytes: kafka.pack_bytes,
        });
    }
    Ok((outputs, topics))
}

/// Where late records of each source and class go, if they go anywhere: they are treated as for the first sink of their class.
fn late_outputs(plan: &Plan, inputs: &mut [Input], outputs: &mut Vec<Output>, topics: &mut Vec<String>) {
    for (input, planned) in inputs.iter_mut().zip(&plan.sources) {
        let SourceKind::Kafka(source) = &planned.kind else { continue };
        for class in planned.class.classes() {
            let name = &plan.policy.classes[class].name;
            let Some(topic) = source.late_topic_of(name) else { continue };
            let Some(first) = input.plan.classes[class].routes.first() else { continue };
            let topic = place_of(&topic, topics);
            outputs.push(Output {
                topic,
                said: said(&plan.policy.version, name),
                time: first.table.time,
                sooner_seconds: signed(sooner(&plan.policy.classes[class])),
                key: None,
                pack_bytes: None,
            });
            let late = Some(outputs.len() - 1);
            input.plan.classes[class].late = late;
            if let Some(alone) = &mut input.plan.alone {
                alone.classes[class].late = late;
            }
        }
    }
}

/// How much sooner than their retention late records end: at the first stage, whatever they have.
fn sooner(class: &Class) -> u64 {
    class.retention_seconds.unwrap_or(0).saturating_sub(class.whole_seconds().unwrap_or(0))
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn place_of(topic: &str, topics: &mut Vec<String>) -> usize {
    topics.iter().position(|known| known == topic).unwrap_or_else(|| {
        topics.push(topic.to_owned());
        topics.len() - 1
    })
}
