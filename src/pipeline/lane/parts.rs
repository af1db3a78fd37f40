//! What a message of an output is made of, beside its records: which of them share one, its key, its header.
//!
//! *In*: frames of a clean batch. *Out*: parts of a message. *Not here*: sending it (`batch`, `topic_sink`).

use std::ffi::CStr;
use std::io::Write;

use super::carry::Header;
use super::setup::Output;
use crate::policy::table::TimeRule;
use crate::record::batch::Frame;

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

/// The header of every message that leaves.
const NAME: &CStr = c"sluis";

/// What the header of a message says of it, as the members of a W3C Baggage are written: `policy=2026-11-21,class=web,
/// epoch=web/20419/1a2b3c4d,deadline=2026-12-05T10:00:00Z`. Most messages have that of the one before.
///
/// Chosen on 2026-11-27: one header, and not one for each of the four. The client allocates each header by itself on one thread and
/// frees it on another, which was a sixth of what a lane costs. Revisit when librdkafka sends batches with headers.
#[derive(Default)]
pub(super) struct Said {
    of: Option<(u32, i64)>,
    text: Vec<u8>,
}

impl Said {
    /// The header of the message of `frame`, whose epoch is one of `epochs`. Its deadline is to the minute, or as exact as the policy lets
    /// it be; rounded down it is only earlier.
    pub(super) fn header(&mut self, output: &Output, frame: &Frame, epochs: &[String]) -> Header<'_> {
        let deadline = frame.deadline.map(|deadline| deadline.plus_seconds(-output.sooner_seconds));
        let seconds = deadline.map_or(0, |deadline| match output.time {
            TimeRule::Exact => deadline.seconds().div_euclid(60) * 60,
            TimeRule::Hour | TimeRule::Absent => deadline.hour().seconds(),
        });
        let of = Some((frame.epoch, seconds));
        if self.of != of || !self.text.starts_with(&output.said) {
            self.of = of;
            self.text.clone_from(&output.said);
            self.text
                .extend_from_slice(epochs.get(frame.epoch as usize).map_or("", String::as_str).as_bytes());
            if let Ok(deadline) = jiff::Timestamp::from_second(seconds) {
                // Writing to memory does not fail.
                let _ = write!(self.text, ",deadline={deadline}");
            }
        }
        (NAME, &self.text)
    }

    /// Numbers of epochs mean others from here on.
    pub(super) const fn forget(&mut self) {
        self.of = None;
    }
}

/// What the header of every message of a class begins with.
pub(super) fn said(version: &str, class: &str) -> Vec<u8> {
    let mut said = b"policy=".to_vec();
    member(version, &mut said);
    said.extend_from_slice(b",class=");
    member(class, &mut said);
    said.extend_from_slice(b",epoch=");
    said
}

/// Writes a value of a W3C Baggage: what it may not hold is percent-encoded.
fn member(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        match byte {
            b'"' | b',' | b';' | b'\\' | b'%' | ..=b' ' | 0x7f.. => {
                // Writing to memory does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::timestamp::Timestamp;

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
    fn the_header_says_what_a_message_is_and_its_deadline_no_more_exactly_than_the_policy() {
        let output = |class, time| Output {
            topic: 0,
            said: said("v1, \"é\"", class),
            time,
            sooner_seconds: 0,
            key: None,
            pack_bytes: None,
        };
        let (web, hour) = (output("web", TimeRule::Exact), output("web-hour", TimeRule::Hour));
        let epochs = ["web/20778/1a2b3c4d".to_owned(), "web/20779/5e6f7a8b".to_owned()];
        let mut said = Said::default();
        let mut text = |output, epoch, seconds: i64| {
            let (name, text) = said.header(output, &frame(10, 0, epoch, 1_795_251_645 + seconds), &epochs);
            assert_eq!(name, c"sluis");
            String::from_utf8(text.to_vec()).unwrap()
        };
        let first =
            "policy=v1%2C%20%22%C3%A9%22,class=web,epoch=web/20778/1a2b3c4d,deadline=2026-11-21T09:00:00Z";
        assert_eq!(text(&web, 0, 0), first);
        assert_eq!(text(&web, 0, 14), first);
        assert_eq!(text(&web, 0, 125), first.replace("09:00:00", "09:02:00"));
        assert_eq!(
            text(&web, 1, 125),
            first.replace("09:00:00", "09:02:00").replace("20778/1a2b3c4d", "20779/5e6f7a8b")
        );
        assert_eq!(
            text(&hour, 1, 125),
            first.replace("=web,", "=web-hour,").replace("20778/1a2b3c4d", "20779/5e6f7a8b")
        );
    }
}
