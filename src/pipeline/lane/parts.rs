//! What a message of an output is made of, beside its records: which of them share one, its key, its deadline in words.
//!
//! *In*: frames of a clean batch. *Out*: parts of a message. *Not here*: sending it (`batch`, `topic_sink`).

use std::io::Write;

use super::carry::{Header, OWN};
use super::setup::{Headers, Output};
use crate::policy::table::TimeRule;
use crate::record::batch::Frame;
use crate::record::timestamp::Timestamp;

/// The next frame, and with it those after it that may share its message: they lie beside it, and are of the same partition and epoch.
/// `start` is where it begins in its batch.
pub(super) fn packed(
    frames: &mut (impl Iterator<Item = Frame> + Clone),
    start: usize,
    pack_bytes: Option<usize>,
) -> Option<Frame> {
    let mut frame = frames.next()?;
    let Some(bytes_max) = pack_bytes else { return Some(frame) };
    loop {
        let mut ahead = frames.clone();
        match ahead.next() {
            Some(next)
                if next.origin == frame.origin
                    && next.epoch == frame.epoch
                    && next.end - start <= bytes_max =>
            {
                let (records, deadline) = (frame.records + next.records, frame.deadline.min(next.deadline));
                frame = Frame { records, deadline, ..next };
                *frames = ahead;
            }
            _ => return Some(frame),
        }
    }
}

/// The value of a column in a record of NDJSON; `before` is all that stands before it.
pub(super) fn value_after<'l>(before: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let start = memchr::memmem::find(line, before)? + before.len();
    let len = memchr::memchr(b'"', &line[start..])?;
    Some(&line[start..start + len])
}

/// A deadline in words: most messages have that of the one before.
#[derive(Default)]
pub(super) struct Deadline {
    of: Option<(i64, TimeRule)>,
    text: Vec<u8>,
}

impl Deadline {
    /// To the minute, or as exact as the policy lets it be; rounded down it is only earlier.
    pub(super) fn text(&mut self, deadline: Option<Timestamp>, rule: TimeRule) -> &[u8] {
        let seconds = deadline.map_or(0, |deadline| match rule {
            TimeRule::Exact => deadline.seconds().div_euclid(60) * 60,
            TimeRule::Hour | TimeRule::Absent => deadline.hour().seconds(),
        });
        if self.of != Some((seconds, rule)) {
            self.text.clear();
            self.of = Some((seconds, rule));
            if let Ok(time) = jiff::Timestamp::from_second(seconds) {
                // Writing to memory does not fail.
                let _ = write!(self.text, "{time}");
            }
        }
        &self.text
    }
}

impl Headers {
    /// Our own headers of the message of `frame`, whose epoch is one of `epochs`.
    pub(super) fn of<'a>(
        &'a self,
        output: &'a Output,
        frame: &Frame,
        epochs: &'a [String],
        deadline: &'a mut Deadline,
    ) -> [Header<'a>; OWN] {
        let epoch = epochs.get(frame.epoch as usize).map_or("", String::as_str);
        [
            (&self.policy, self.version.as_bytes()),
            (&self.class, output.class.as_bytes()),
            (&self.epoch, epoch.as_bytes()),
            (&self.deadline, deadline.text(frame.deadline, output.time)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(end: usize, origin: u32, epoch: u32, deadline: i64) -> Frame {
        Frame { end, records: 1, origin, epoch, deadline: Some(Timestamp::from_seconds(deadline)) }
    }

    #[test]
    fn packs_hold_neighbours_of_one_partition_and_epoch_up_to_their_size() {
        let frames = [
            frame(10, 0, 0, 50),
            frame(20, 0, 0, 40),
            frame(30, 0, 1, 60),
            frame(40, 1, 1, 60),
            frame(95, 1, 1, 60),
        ];
        let pack = |pack_bytes| {
            let (mut left, mut start, mut packs) = (frames.into_iter(), 0, Vec::new());
            while let Some(frame) = packed(&mut left, start, pack_bytes) {
                start = frame.end;
                packs.push((frame.end, frame.records, frame.deadline.map_or(0, Timestamp::seconds)));
            }
            packs
        };
        assert_eq!(pack(Some(60)), [(20, 2, 40), (30, 1, 60), (40, 1, 60), (95, 1, 60)]);
        assert_eq!(pack(Some(65)), [(20, 2, 40), (30, 1, 60), (95, 2, 60)]);
        assert_eq!(pack(None).len(), frames.len());
    }

    #[test]
    fn the_key_is_the_value_of_its_column() {
        let line = br#"{"time":1,"client.address":"abc","x":"\"client.address\":\"no"}"#;
        assert_eq!(value_after(b"\"client.address\":\"", line), Some(&b"abc"[..]));
        assert_eq!(value_after(b"\"user.name\":\"", line), None);
    }

    #[test]
    fn a_deadline_is_no_more_exact_than_the_policy() {
        let mut deadline = Deadline::default();
        let at = Some(Timestamp::from_seconds(1_795_251_645));
        assert_eq!(deadline.text(at, TimeRule::Exact), b"2026-11-21T09:00:00Z");
        assert_eq!(
            deadline.text(at.map(|at| at.plus_seconds(125)), TimeRule::Exact),
            b"2026-11-21T09:02:00Z"
        );
        assert_eq!(deadline.text(at.map(|at| at.plus_seconds(125)), TimeRule::Hour), b"2026-11-21T09:00:00Z");
    }
}
