//! The fact that a broker's clock is apart from ours, and how far.

use super::fact::TopicName;
use super::fact::sealed::Told;
use super::log::{Fields, Level};
use super::meters::Meters;
use super::setup::Setup;

/// A broker's clock is apart from ours.
pub struct BrokerClockApart {
    /// The topic whose stamps tell it.
    pub topic: TopicName,
    /// A partition that this broker leads.
    pub partition: i32,
    /// At least how far it is ahead of us, in seconds; negative: behind.
    pub seconds: i64,
    /// How far it may be.
    pub limit_seconds: u64,
}

impl Told for BrokerClockApart {
    fn name(&self) -> &'static str {
        "broker_clock_apart"
    }
    fn level(&self) -> Level {
        Level::Alarm
    }
    fn sentence(&self, _: &Setup) -> String {
        let side = if self.seconds > 0 { "ahead of" } else { "behind" };
        format!(
            "the broker of topic {} partition {} is at least {} s {side} the clock of this machine, {} s are allowed: records are deleted too \
             late or too early by as much; set both clocks by NTP",
            self.topic.as_str(),
            self.partition,
            self.seconds.unsigned_abs(),
            self.limit_seconds,
        )
    }
    fn fields<'a>(&'a self, _: &'a Setup) -> Fields<'a> {
        Fields {
            fact: Some(self.name()),
            topic: Some(self.topic.as_str()),
            partition: Some(i64::from(self.partition)),
            seconds: Some(self.seconds.unsigned_abs()),
            limit_seconds: Some(self.limit_seconds),
            reason: Some(if self.seconds > 0 { "ahead" } else { "behind" }),
            ..Fields::default()
        }
    }
    fn count(&self, meters: &Meters) {
        meters.broker_clock_apart(self.seconds);
    }
}
