//! The deadline of a record: `min(event time, received time) + retention` (design, section 6). Pure: `now` is an argument.

use crate::record::timestamp::Timestamp;

/// Proof that a record's deadline was computed and lies in the future of the `now` it was judged at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    instant: Timestamp,
    deadline: Option<Timestamp>,
}

impl Stamp {
    /// The instant that decides deadline and epoch alike: the earlier of event time and received time.
    pub const fn instant(&self) -> Timestamp {
        self.instant
    }

    /// When the record must be gone; `None` when nothing is stored.
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }
}

/// Judges one record. `None` means that it is expired: its deadline is at or before `now`.
#[inline]
pub fn judge(
    event: Option<Timestamp>,
    received: Timestamp,
    retention_seconds: Option<u64>,
    now: Timestamp,
) -> Option<Stamp> {
    let instant = event.map_or(received, |event| event.min(received));
    let deadline =
        retention_seconds.map(|seconds| instant.plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
    match deadline {
        Some(deadline) if deadline <= now => None,
        _ => Some(Stamp { instant, deadline }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn a_future_time_buys_nothing() {
        let late = judge(Some(NOW.plus_seconds(86_400 * 365)), NOW, Some(60), NOW).unwrap();
        assert_eq!(late.deadline(), Some(NOW.plus_seconds(60)));
        assert_eq!(late.instant(), NOW);
    }

    #[test]
    fn due_at_the_very_instant_is_expired() {
        assert!(judge(Some(NOW.plus_seconds(-60)), NOW, Some(60), NOW).is_none());
        assert!(judge(Some(NOW.plus_seconds(-59)), NOW, Some(60), NOW).is_some());
    }

    #[test]
    fn without_retention_nothing_expires() {
        assert_eq!(judge(Some(Timestamp(i64::MIN)), NOW, None, NOW).unwrap().deadline(), None);
    }
}
