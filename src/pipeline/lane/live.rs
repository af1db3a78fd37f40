//! One lane: its loop, and what the group tells it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::RDKafkaErrorCode;

use super::event::LaneEvent;
use super::held::{Held, Holding};
use super::payload::Events;
use super::round::Round;
use super::setup::Setup;
use super::{Around, Beat, Totals};
use crate::kafka::consumer::{GroupEvent, LaneConsumer, Partition};
use crate::kafka::producer::LaneProducer;
use crate::kafka::{KafkaError, client};
use crate::pipeline::worker::carried::Beside;
use crate::pipeline::worker::{Outcome, Worker};

/// For how long a lane waits for messages before it looks at the group again.
const WAIT: Duration = Duration::from_millis(100);

/// How long a lane that was refused waits for the group to speak before it joins anew: longer than a rebalance takes.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a lane that ends waits for the group to let it go: a change that is under way ends when every member has heard of it, and
/// ended its round.
const LEAVE: Duration = Duration::from_secs(12);

/// How many times as long a round may be while more is waiting than a batch takes, and how long at most: well under the time that brokers
/// give a transaction.
const BEHIND: u32 = 4;
const BEHIND_MAX: Duration = Duration::from_secs(1);

/// Errors of brokers that are told before messages are read again: an event of the group may wait behind them.
const ERRORS: usize = 16;

/// How long the client may take to stop a partition that was let go and taken on again.
const ATTACH: Duration = Duration::from_secs(10);

/// How often workers forget keys that are dead, at least.
const FORGET: Duration = Duration::from_secs(1);

/// See the module comment of `pipeline::lane`. Fields are dropped in their order: the group is left before the producer goes.
pub(super) struct Lane<'a> {
    pub number: usize,
    pub setup: &'a Setup,
    pub around: &'a Around<'a>,
    pub totals: &'a Totals,
    pub beat: &'a Beat,
    pub consumer: LaneConsumer,
    /// `None` where records go to no topic.
    pub producer: Option<LaneProducer>,
    pub worker: &'a mut Worker,
    pub outcome: Outcome,
    pub events: Events,
    pub beside: Beside,
    pub holding: Holding,
    /// Proves which generation of the group the partitions were assigned in.
    pub group: Option<ConsumerGroupMetadata>,
    pub round: Option<Round>,
    /// Since when the group is waited for: nothing is read meanwhile.
    pub awaits_group: Option<Instant>,
    pub has_committed: bool,
    /// The last batch was full: more was waiting than a batch takes.
    pub is_behind: bool,
    forgotten: Instant,
}

impl<'a> Lane<'a> {
    /// Opens producer and consumer. The producer first: what an earlier one of its name left open is ended before anything is read.
    pub(super) fn open(
        number: usize,
        setup: &'a Setup,
        worker: &'a mut Worker,
        totals: &'a Totals,
        beat: &'a Beat,
        around: &'a Around<'a>,
    ) -> Result<Self, KafkaError> {
        let (consumer, producer) = open_clients(number, setup)?;
        Ok(Self {
            number,
            setup,
            around,
            totals,
            beat,
            consumer,
            producer,
            worker,
            outcome: Outcome::new(setup.worker_outputs()),
            events: Events::new(),
            beside: Beside::default(),
            holding: Holding::default(),
            group: None,
            round: None,
            awaits_group: None,
            has_committed: false,
            is_behind: false,
            forgotten: Instant::now(),
        })
    }

    /// Reads and writes until told to stop. An error: it cannot go on.
    pub(super) fn live(&mut self) -> Result<(), KafkaError> {
        let ended = self.go();
        if ended.is_err() {
            self.abandon();
        }
        ended
    }

    /// Says goodbye to the group.
    pub(super) fn leave(self) {
        let drain = Duration::from_secs(self.setup.kafka.drain_seconds);
        self.consumer.leave(LEAVE.min(drain / 2), || self.beat.now());
    }

    fn go(&mut self) -> Result<(), KafkaError> {
        loop {
            self.beat.now();
            while let Some(event) = self.event()? {
                self.beat.now();
                self.take(event)?;
            }
            if self.around.stop.load(Ordering::Relaxed) || self.has_failed() {
                return self.settle();
            }
            if self.is_held_up()? {
                std::thread::sleep(Duration::from_millis(20));
            } else {
                let wait =
                    self.round.as_ref().map_or(WAIT, |round| round.left(self.commit_every()).min(WAIT));
                self.read(wait)?;
                if self.round.as_ref().is_some_and(|round| self.is_due(round)) {
                    self.settle()?;
                }
            }
            self.keep_store()?;
            self.resume_rested()?;
            self.look_for_end()?;
            if self.forgotten.elapsed() >= FORGET {
                self.forgotten = Instant::now();
                self.worker.forget_dead((self.around.clock)());
                self.say_lag();
                self.attach_again();
                self.look_again()?;
                if let Some(producer) = &self.producer {
                    producer.serve();
                }
            }
        }
    }

    /// The next event of the group. What is wrong with single brokers is told, and no reason to end: the client goes on asking.
    fn event(&self) -> Result<Option<GroupEvent>, KafkaError> {
        for _ in 0..ERRORS {
            match self.consumer.event() {
                Err(error) if error.code() == Some(RDKafkaErrorCode::Fatal) => return Err(error),
                Err(error) => self.around.events.tell(LaneEvent::Unreachable { error: &error }),
                event => return event,
            }
        }
        Ok(None)
    }

    /// True while nothing may be read: the clock is not to be trusted, or the group has to speak first.
    fn is_held_up(&mut self) -> Result<bool, KafkaError> {
        // It may find only now that it jumped.
        let _ = (self.around.clock)();
        if self.around.paused.load(Ordering::Acquire) {
            self.settle()?;
            return Ok(true);
        }
        match self.awaits_group {
            None => Ok(false),
            Some(since) if since.elapsed() < SILENCE => Ok(true),
            Some(_) => Err(KafkaError::Call {
                what: "waiting for the group",
                code: RDKafkaErrorCode::RebalanceInProgress,
            }),
        }
    }

    fn commit_every(&self) -> Duration {
        Duration::from_millis(self.setup.kafka.commit_ms)
    }

    /// A commit waits until nothing is in flight, and meanwhile nothing is read. Who is behind makes fewer: what its readers wait for is
    /// the backlog.
    fn is_due(&self, round: &Round) -> bool {
        let every = self.commit_every();
        let every = if self.is_behind { every.max((every * BEHIND).min(BEHIND_MAX)) } else { every };
        round.left(every).is_zero() || round.bytes >= self.setup.round_bytes()
    }

    /// Does what the group has decided. The round at hand is ended first.
    fn take(&mut self, event: GroupEvent) -> Result<(), KafkaError> {
        match event {
            GroupEvent::Assigned(partitions) => {
                self.settle()?;
                self.take_on(&partitions)?;
                self.around.events.tell(LaneEvent::Assigned { lane: self.number, partitions: &partitions });
            }
            GroupEvent::Revoked { partitions, lost } => {
                // Another may have them already: what is open must not become a fact.
                if lost {
                    self.give_up(None)?;
                } else {
                    self.settle()?;
                }
                self.holding.remove(&partitions);
                self.leave_to_others(&partitions);
                self.consumer.release(&partitions)?;
                self.around.events.tell(LaneEvent::Revoked {
                    lane: self.number,
                    partitions: &partitions,
                    lost,
                });
            }
        }
        self.group = self.consumer.metadata();
        if self.awaits_group.take().is_some() {
            self.rewind()?;
        }
        Ok(())
    }

    fn take_on(&mut self, partitions: &[Partition]) -> Result<(), KafkaError> {
        let positions = self.positions(partitions)?;
        let from: Vec<_> = partitions.iter().cloned().zip(positions.iter().copied()).collect();
        self.consumer.assign(&from)?;
        let mut unread = Vec::new();
        for (partition, committed) in from {
            let found = self.setup.input_of(&partition.0).filter(|_| self.setup.is_checked(&partition));
            let (input, pattern) = (found.map(|found| found.0), found.map_or(0, |found| found.1));
            if input.is_none() {
                self.around.events.tell(LaneEvent::Unchecked { partition: &partition });
                unread.push(partition.clone());
            }
            let held = Held {
                partition,
                topic_id: 0,
                input,
                pattern,
                committed,
                next: None,
                rests_until: None,
                taken_again: None,
            };
            self.holding.add(held);
        }
        if !unread.is_empty() {
            self.consumer.pause(&unread, true)?;
        }
        self.look_at_ends(partitions)
    }

    /// Goes back, in every partition, to where the group is. The group is asked: it alone knows whether a commit that was not answered
    /// became a fact.
    pub(super) fn rewind(&mut self) -> Result<(), KafkaError> {
        self.holding.forget();
        let partitions = self.holding.partitions();
        let positions = self.positions(&partitions)?;
        let from: Vec<_> = partitions.into_iter().zip(positions).collect();
        self.consumer.seek(&from)?;
        for (held, (_, committed)) in self.holding.iter_mut().zip(from) {
            held.committed = committed;
        }
        Ok(())
    }

    /// A source that is over its rate is not fetched until its time has come.
    pub(super) fn rest(&mut self, input: usize, time: Duration) -> Result<(), KafkaError> {
        let until = Instant::now() + time;
        let mut resting = Vec::new();
        for held in self.holding.iter_mut().filter(|held| held.input == Some(input)) {
            held.rests_until = Some(until);
            resting.push(held.partition.clone());
        }
        self.around.events.tell(LaneEvent::Limited { input, rest: time });
        self.consumer.pause(&resting, true)
    }

    /// Partitions that were not read, because where they would go was not checked, are read once it is.
    fn look_again(&mut self) -> Result<(), KafkaError> {
        let mut checked = Vec::new();
        for held in self.holding.iter_mut().filter(|held| held.input.is_none()) {
            if let Some((input, pattern)) = self.setup.input_of(&held.partition.0)
                && self.setup.is_checked(&held.partition)
            {
                (held.input, held.pattern) = (Some(input), pattern);
                checked.push(held.partition.clone());
            }
        }
        if checked.is_empty() { Ok(()) } else { self.consumer.pause(&checked, false) }
    }

    /// What was let go and taken on again at once, a moment ago.
    fn attach_again(&mut self) {
        for held in self.holding.iter_mut() {
            if let Some(since) = held.taken_again {
                self.consumer.attach_again(&held.partition);
                held.taken_again = held.taken_again.filter(|_| since.elapsed() < ATTACH);
            }
        }
    }

    /// How far it is from the ends, as the brokers last said with what was fetched.
    fn say_lag(&self) {
        let mut lags: Vec<(usize, u64)> = Vec::new();
        for held in self.holding.iter().filter(|held| held.input.is_some()) {
            let end = self.consumer.end_of(&held.partition);
            let at = held.next.or(held.committed);
            let records = end.zip(at).map_or(0, |(end, at)| u64::try_from(end - at).unwrap_or(0));
            match lags.iter_mut().find(|(pattern, _)| *pattern == held.pattern) {
                Some((_, sum)) => *sum += records,
                None => lags.push((held.pattern, records)),
            }
        }
        for (pattern, records) in lags {
            self.around.events.tell(LaneEvent::Lag { lane: self.number, pattern, records });
        }
    }

    fn resume_rested(&mut self) -> Result<(), KafkaError> {
        let now = Instant::now();
        let mut rested = Vec::new();
        for held in self.holding.iter_mut().filter(|held| held.rests_until.is_some_and(|until| until <= now))
        {
            held.rests_until = None;
            rested.push(held.partition.clone());
        }
        if rested.is_empty() { Ok(()) } else { self.consumer.pause(&rested, false) }
    }
}

fn open_clients(number: usize, setup: &Setup) -> Result<(LaneConsumer, Option<LaneProducer>), KafkaError> {
    let producer = if setup.store.is_some() { None } else { Some(open_producer(number, setup)?) };
    let mut config = client::consumer(&setup.kafka, setup.lanes)?;
    if setup.once.is_some() {
        // What ends a partition may be no message: the end of a transaction.
        config.set("enable.partition.eof", "true");
    }
    Ok((LaneConsumer::join(&config, &setup.subscription())?, producer))
}

fn open_producer(number: usize, setup: &Setup) -> Result<LaneProducer, KafkaError> {
    let id = setup.is_exactly_once().then(|| setup.transactional_id(number));
    let mut config = client::producer(&setup.kafka, setup.lanes, id.as_deref(), setup.compression)?;
    if let Some(bytes) = setup.message_bytes_max {
        config.set("message.max.bytes", bytes.to_string());
    }
    LaneProducer::open(&config, &setup.topics)
}
