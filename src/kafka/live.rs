//! The topics of a pipeline as they are now: asked once at start, and again while it runs.

use std::collections::BTreeMap;

use super::consumer::Partition;
use super::judge::{self, Finding, Input, Output, PARTITIONS, Planned, Weight};
use super::limits::Broker;
use super::topics::{Cluster, Layout, TopicsError};
use crate::config::kafka_topics::TopicPattern;

/// The topics that a pipeline reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What it writes.
    pub outputs: Vec<Output>,
    /// What it reads, per source.
    pub inputs: Vec<Input>,
}

impl Wanted {
    /// The topics of `all` that a source reads, each with the index of the source. Our own outputs are never among them.
    fn read<'t>(&self, all: &'t BTreeMap<String, Layout>) -> Vec<(usize, &'t str)> {
        let mut read = Vec::new();
        for (index, input) in self.inputs.iter().enumerate() {
            for wanted in &input.topics {
                // One that is none was refused with the pipeline file.
                let Ok(pattern) = TopicPattern::read(wanted) else { continue };
                let topics = all.keys().filter(|topic| pattern.takes_in(topic));
                read.extend(topics.map(|topic| (index, topic.as_str())));
            }
        }
        read.sort_unstable();
        read.dedup();
        read
    }
}

/// What was found, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct LiveTopics {
    wanted: Wanted,
    /// What the brokers do.
    pub broker: Broker,
    /// What could not be seen, and what was assumed instead.
    pub unseen: Vec<String>,
    /// What each output should be, in their order.
    pub planned: Vec<Planned>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Topics that are read: the source, and their layout.
    inputs: BTreeMap<String, (usize, Layout)>,
    /// Topics that are written, where they are there.
    outputs: BTreeMap<String, Layout>,
    /// Of all of these, those that brokers stamp (`LogAppendTime`), with their partitions.
    stamped: BTreeMap<String, u32>,
    /// The largest message that all of these take, where that can be seen.
    message_bytes_max: Option<usize>,
}

impl LiveTopics {
    /// Asks a cluster.
    pub fn ask(cluster: &Cluster, wanted: Wanted) -> Result<Self, TopicsError> {
        let topics = cluster.topics()?;
        let (broker, hidden) = cluster.broker()?;
        let unseen = hidden.map(|error| {
            format!("{error}; log.retention.check.interval.ms is taken for its default of 5 minutes where it cannot be seen")
        });
        let read = wanted.read(&topics);
        let mut names: Vec<&str> = wanted.outputs.iter().map(|output| output.topic.as_str()).collect();
        names.extend(read.iter().map(|(_, topic)| *topic));
        names.sort_unstable();
        names.dedup();
        let found = cluster.describe(&topics, &names)?;
        let mut findings = Vec::new();
        for (index, topic) in &read {
            let input = &wanted.inputs[*index];
            if wanted.outputs.iter().any(|output| output.topic == *topic) {
                findings.push(own_output(input, topic));
            }
            if let Some(found) = found.get(*topic) {
                findings.extend(judge::input(input, topic, found, broker));
            }
        }
        for (index, input) in wanted.inputs.iter().enumerate() {
            for topic in &input.topics {
                if !topic.starts_with('^') && !read.contains(&(index, topic.as_str())) {
                    let remedy = format!("create it, or correct 'topics' of [source.{}]", input.source);
                    findings.push(judge::missing(topic, &remedy));
                }
            }
        }
        let mut planned = Vec::new();
        for output in &wanted.outputs {
            let partitions = read.iter().filter(|(index, _)| output.inputs.contains(index));
            let most = partitions.filter_map(|(_, topic)| Some(topics.get(*topic)?.partitions)).max();
            let plan = Planned::new(output, broker, most);
            match found.get(&output.topic) {
                Some(found) => findings.extend(judge::output(output, &plan, found, broker)),
                None => findings.push(judge::missing(&output.topic, "`sluis topics apply` creates it")),
            }
            planned.push(plan);
        }
        let inputs = read
            .iter()
            .filter_map(|(index, topic)| Some(((*topic).to_owned(), (*index, *topics.get(*topic)?))))
            .collect();
        let outputs = wanted
            .outputs
            .iter()
            .filter_map(|output| Some((output.topic.clone(), *topics.get(&output.topic)?)))
            .collect();
        let stamped = found.iter().filter(|(_, found)| found.is_stamped_by_brokers());
        let stamped = stamped.map(|(topic, found)| (topic.clone(), found.layout.partitions)).collect();
        let of_output = |output: &Output| found.get(&output.topic)?.message_bytes_max();
        let message_bytes_max = wanted.outputs.iter().filter_map(of_output).min();
        let unseen = unseen.into_iter().collect();
        Ok(Self { wanted, broker, unseen, planned, findings, inputs, outputs, stamped, message_bytes_max })
    }

    /// Asks again: topics and partitions come and go.
    pub fn again(&mut self, cluster: &Cluster) -> Result<(), TopicsError> {
        *self = Self::ask(cluster, self.wanted.clone())?;
        Ok(())
    }

    /// What the pipeline wants.
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// What keeps the pipeline from starting.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.weight == Weight::Refuses)
    }

    /// The partitions of an output topic; none where it is not there.
    pub fn output_partitions(&self, topic: &str) -> u32 {
        self.outputs.get(topic).map_or(0, |layout| layout.partitions)
    }

    /// Topics that brokers stamp with their own time, with their partitions.
    pub const fn stamped(&self) -> &BTreeMap<String, u32> {
        &self.stamped
    }

    /// The largest message that every topic that is written takes, in bytes (`max.message.bytes`).
    pub const fn message_bytes_max(&self) -> Option<usize> {
        self.message_bytes_max
    }

    /// Whether a topic that is written is there.
    pub fn has_output(&self, topic: &str) -> bool {
        self.outputs.contains_key(topic)
    }

    /// Topics that are read, each with the index of its source in the wanted inputs.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, usize)> {
        self.inputs.iter().map(|(topic, (source, _))| (topic.as_str(), *source))
    }

    /// Every partition that is read.
    pub fn input_partitions(&self) -> impl Iterator<Item = Partition> {
        self.inputs.iter().flat_map(|(topic, (_, layout))| {
            let numbers = 0..i32::try_from(layout.partitions).unwrap_or(i32::MAX);
            numbers.map(|number| (topic.clone(), number))
        })
    }

    /// Whether a lane may read this partition of an input topic: the topic is as it must be, and so is every topic that its records may go
    /// to. Otherwise why not; the partition stays paused until [`again`](Self::again) finds it mended.
    pub fn may_read(&self, topic: &str, partition: i32) -> Result<(), String> {
        let Some((source, _)) = self.inputs.get(topic) else {
            return Err(format!(
                "topic {topic} was not there when the topics were checked; they are checked again within a minute"
            ));
        };
        let refused = |topic: &str| {
            let mut of =
                self.refusals().filter(|finding| finding.topic == topic && finding.setting != PARTITIONS);
            of.next().map(ToString::to_string)
        };
        if let Some(why) = refused(topic) {
            return Err(why);
        }
        for output in self.wanted.outputs.iter().filter(|output| output.inputs.contains(source)) {
            if let Some(why) = refused(&output.topic) {
                return Err(why);
            }
            let partitions = self.output_partitions(&output.topic);
            if !output.keyed && i64::from(partitions) <= i64::from(partition) {
                return Err(format!(
                    "topic {} has {partitions} partitions and none for partition {partition} of {topic}; `sluis topics apply` adds \
                     them",
                    output.topic
                ));
            }
        }
        Ok(())
    }
}

fn own_output(input: &Input, topic: &str) -> Finding {
    Finding {
        topic: topic.to_owned(),
        setting: "topics",
        is: format!("read by source {}", input.source),
        should: "only written".to_owned(),
        why: "the pipeline would read what it wrote".to_owned(),
        remedy: format!("narrow 'topics' of [source.{}]", input.source),
        weight: Weight::Refuses,
        change: None,
    }
}
