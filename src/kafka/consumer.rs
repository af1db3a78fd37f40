//! The consumer of a lane: messages by the batch, and group events one by one.
//!
//! librdkafka reports a change of the group and then waits: nothing moves until it is told to assign or to let go. So events are handed
//! to the lane, which ends its transaction first. While the consumer closes there is no lane, and it lets go by itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::error::KafkaError;
use super::ffi::{Batch, Inbox};
use super::lost::{self, Lost};

/// Messages of one batch, and bytes, about: enough that the cost of a call vanishes, and as many as stay near the processor.
const BATCH_MAX: (usize, usize) = (2_000, 512 << 10);

/// How long brokers may take to say where a group is.
const ASK: Duration = Duration::from_secs(5);

/// A partition of a topic.
pub type Partition = (String, i32);

/// What the group has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// These are ours from now on.
    Assigned(Vec<Partition>),
    /// These are not ours any more, once they are let go.
    Revoked {
        /// Which.
        partitions: Vec<Partition>,
        /// Others may have them already.
        lost: bool,
    },
}

/// What librdkafka tells.
#[derive(Default)]
pub struct Told {
    events: Mutex<VecDeque<GroupEvent>>,
    /// This member has what the group last decided. Otherwise it joins: for the first time, or again, once it has let something go.
    is_settled: AtomicBool,
    is_closing: AtomicBool,
    lost: Lost,
}

impl ClientContext for Told {
    // What librdkafka logs may name anything; errors come as codes.
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: rdkafka::error::KafkaError, _: &str) {}
    fn stats_raw(&self, statistics: &[u8]) {
        self.lost.hear(statistics);
    }
}

impl ConsumerContext for Told {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = partitions(list);
        let is_assigned = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        self.is_settled.store(is_assigned, Ordering::Relaxed);
        if self.is_closing.load(Ordering::Relaxed) {
            decline(consumer, is_assigned, list);
            return;
        }
        let event = if is_assigned {
            GroupEvent::Assigned(partitions)
        } else {
            GroupEvent::Revoked { partitions, lost: consumer.assignment_lost() }
        };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }
}

/// Answers the group where nobody is left to read: nothing is taken on, and everything is let go.
fn decline(consumer: &BaseConsumer<Told>, is_assigned: bool, list: &TopicPartitionList) {
    let none = TopicPartitionList::new();
    // What was not taken on cannot be let go, and yet the client waits for the answer.
    let _ = if is_assigned {
        consumer.incremental_assign(&none)
    } else {
        consumer.incremental_unassign(list).or_else(|_| consumer.incremental_unassign(&none))
    };
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}

/// See the module comment.
pub struct LaneConsumer {
    inbox: Inbox<Told>,
    /// Where it began.
    brokers: String,
    consumer: Arc<BaseConsumer<Told>>,
}

impl LaneConsumer {
    /// Joins the group for `topics` (one that begins with `^` is a regular expression).
    pub fn join(config: &ClientConfig, topics: &[&str]) -> Result<Self, KafkaError> {
        let consumer = BaseConsumer::from_config_and_context(config, Told::default()).map_err(|error| {
            KafkaError::Config { what: "[kafka]".to_owned(), problem: config_problem(&error) }
        })?;
        let consumer = Arc::new(consumer);
        let inbox = Inbox::new(&consumer, BATCH_MAX);
        consumer.subscribe(topics).map_err(|error| KafkaError::call("subscribing to topics", &error))?;
        Ok(Self { inbox, brokers: lost::brokers(config), consumer })
    }

    /// Serves the client, and gives the next event of the group. An error is one of the client as a whole.
    pub fn event(&self) -> Result<Option<GroupEvent>, KafkaError> {
        let known = |consumer: &BaseConsumer<Told>| {
            consumer.context().events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
        };
        if let Some(event) = known(&self.consumer) {
            return Ok(Some(event));
        }
        // No message comes this way: partitions have the inbox.
        let served = self.consumer.poll(Duration::ZERO);
        self.consumer.context().lost.find_again(self.consumer.client(), &self.brokers);
        match served {
            Some(Err(error)) => Err(KafkaError::call("reading", &error)),
            _ => Ok(known(&self.consumer)),
        }
    }

    /// Waits at most `wait` for messages and takes what is there.
    pub fn read(&mut self, wait: Duration) -> Batch<'_> {
        self.inbox.read(wait)
    }

    /// Takes partitions on, each from where the group is. `None` as position: the group has none.
    pub fn committed(&self, partitions: &[Partition]) -> Result<Vec<Option<i64>>, KafkaError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let list = list(partitions.iter().map(|partition| (partition, Offset::Invalid)))?;
        let what = "asking for the group's position";
        let answer =
            self.consumer.committed_offsets(list, ASK).map_err(|error| KafkaError::call(what, &error))?;
        let mut positions = Vec::new();
        for (topic, partition) in partitions {
            let element = answer.find_partition(topic, *partition);
            if let Some(Err(error)) =
                element.as_ref().map(rdkafka::topic_partition_list::TopicPartitionListElem::error)
            {
                return Err(KafkaError::call(what, &error));
            }
            positions.push(match element.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => Some(offset),
                _ => None,
            });
        }
        Ok(positions)
    }

    /// First and next offset of a partition.
    pub fn reach(&self, partition: &Partition) -> Result<(i64, i64), KafkaError> {
        self.consumer
            .fetch_watermarks(&partition.0, partition.1, ASK)
            .map_err(|error| KafkaError::call("asking for the ends of a partition", &error))
    }

    /// The next offset of a partition as it was last heard; no broker is asked.
    pub fn end_of(&self, partition: &Partition) -> Option<i64> {
        self.inbox.end_of(&partition.0, partition.1)
    }

    /// Adds partitions, each read from a position (`None`: from the earliest).
    pub fn assign(&self, positions: &[(Partition, Option<i64>)]) -> Result<(), KafkaError> {
        for ((topic, partition), _) in positions {
            self.inbox.attach(topic, *partition);
        }
        let list = list(positions.iter().map(|(partition, at)| (partition, offset(*at))))?;
        self.consumer
            .incremental_assign(&list)
            .map_err(|error| KafkaError::call("taking partitions on", &error))
    }

    /// Has the messages of a partition that was assigned come here, once more. One that is let go and taken on again at once may lose its
    /// way: the client forgets where its messages go when it has stopped, in its own time. None is lost meanwhile.
    pub fn attach_again(&self, (topic, partition): &Partition) {
        self.inbox.attach(topic, *partition);
    }

    /// Lets partitions go.
    pub fn release(&self, partitions: &[Partition]) -> Result<(), KafkaError> {
        let list = list(partitions.iter().map(|partition| (partition, Offset::Invalid)))?;
        let released = self.consumer.incremental_unassign(&list);
        for (topic, partition) in partitions {
            self.inbox.detach(topic, *partition);
        }
        released.map_err(|error| KafkaError::call("letting partitions go", &error))
    }

    /// Reads partitions again from a position. What was read ahead of it is gone.
    pub fn seek(&self, positions: &[(Partition, Option<i64>)]) -> Result<(), KafkaError> {
        if positions.is_empty() {
            return Ok(());
        }
        let what = "reading again";
        let list = list(positions.iter().map(|(partition, at)| (partition, offset(*at))))?;
        let sought =
            self.consumer.seek_partitions(list, ASK).map_err(|error| KafkaError::call(what, &error))?;
        match sought.elements().iter().find_map(|element| element.error().err()) {
            Some(error) => Err(KafkaError::call(what, &error)),
            None => Ok(()),
        }
    }

    /// Stops or resumes the fetching of partitions.
    pub fn pause(&self, partitions: &[Partition], is_paused: bool) -> Result<(), KafkaError> {
        let list = list(partitions.iter().map(|partition| (partition, Offset::Invalid)))?;
        let done = if is_paused { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        done.map_err(|error| KafkaError::call("pausing partitions", &error))
    }

    /// Commits positions of the group, outside any transaction.
    pub fn commit(&self, positions: &[(Partition, Option<i64>)]) -> Result<(), KafkaError> {
        let list = list(positions.iter().map(|(partition, at)| (partition, offset(*at))))?;
        self.consumer
            .commit(&list, rdkafka::consumer::CommitMode::Sync)
            .map_err(|error| KafkaError::call("committing positions", &error))
    }

    /// Leaves the group and lets go of what it has, within `wait`; `beat` is called all the while. Closing librdkafka's consumer alone
    /// says goodbye only where the group is at rest and this member has partitions: one without any says nothing, and the goodbye of one
    /// that is joining waits behind the answer to the joining, and is lost with the connection. The group would wait for who has gone
    /// until its session is over. So it is unsubscribed first, once it has what the group has decided.
    pub fn leave(self, wait: Duration, beat: impl Fn()) {
        self.let_go();
        let (until, mut leaves) = (Instant::now() + wait, false);
        let serve = |share: u32| {
            beat();
            let _ = self.consumer.poll(Duration::from_millis(20));
            until.saturating_duration_since(Instant::now()) > wait / share
        };
        // A third of the time stays for the closing.
        while serve(3) {
            // Not before: a joining that is unsubscribed in the middle was seen to keep the consumer from closing.
            if !leaves && self.consumer.context().is_settled.load(Ordering::Relaxed) {
                leaves = true;
                self.consumer.unsubscribe();
            } else if leaves && !self.inbox.is_member() {
                break;
            }
        }
        let _ = self.consumer.close_queue();
        while !self.consumer.closed() {
            if !serve(u32::MAX) {
                // Dropping it would wait for as long as it takes. The group forgets it when its session is over, or when the process ends.
                std::mem::forget(Arc::clone(&self.consumer));
                break;
            }
        }
    }

    /// Lets go, from now on, of whatever the group decides, and of what was told and not handled yet: the group waits for it.
    fn let_go(&self) {
        let context = self.consumer.context();
        context.is_closing.store(true, Ordering::Relaxed);
        while let Some(event) = context.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            let (partitions, is_assigned) = match &event {
                GroupEvent::Assigned(partitions) => (partitions, true),
                GroupEvent::Revoked { partitions, .. } => (partitions, false),
            };
            if let Ok(list) = list(partitions.iter().map(|partition| (partition, Offset::Invalid))) {
                decline(&self.consumer, is_assigned, &list);
            }
        }
    }

    /// What proves to the broker which generation of the group we are in.
    pub fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.consumer.group_metadata()
    }
}

impl Drop for LaneConsumer {
    fn drop(&mut self) {
        self.let_go();
    }
}

const fn offset(at: Option<i64>) -> Offset {
    match at {
        Some(offset) => Offset::Offset(offset),
        None => Offset::Beginning,
    }
}

/// Positions as librdkafka takes them.
pub(super) fn list<'p>(
    positions: impl Iterator<Item = (&'p Partition, Offset)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in positions {
        list.add_partition_offset(topic, *partition, offset)
            .map_err(|error| KafkaError::call("naming a partition", &error))?;
    }
    Ok(list)
}

/// What is wrong with options: librdkafka's own words, which may show a value, are left out.
pub(super) fn config_problem(error: &rdkafka::error::KafkaError) -> String {
    match error {
        rdkafka::error::KafkaError::ClientConfig(_, _, key, _) => {
            format!("the client does not take the value of '{key}'; see its documentation")
        }
        other => format!(
            "the client could not be made ({:?}); see certificates and options",
            other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
        ),
    }
}
