//! What an object begins and ends with: time and class, epoch and deadline. The next record mostly has the same.

use super::fixed::Fixed;
use super::ndjson::{Keys, Times};
use crate::record::timestamp::Timestamp;

/// Bytes of the longest beginning or end that is remembered.
const TEXT_BYTES: usize = 128;

/// What the beginning and the end of an object say.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// The event time, if it may leave.
    pub time: Option<Timestamp>,
    /// The deadline, if there is one.
    pub deadline: Option<Timestamp>,
    /// The epoch's name, and a number that no other has.
    pub epoch: (&'a str, u64),
}

/// A beginning and an end.
struct Frame {
    /// Which keys, and what is said. Number 0 is never a set of keys'.
    of: (u64, Option<Timestamp>, Option<Timestamp>, u64),
    begin: ([u8; TEXT_BYTES], usize),
    end: ([u8; TEXT_BYTES], usize),
}

/// Frames that are remembered: as many as outputs take turns in most pipelines.
const FRAMES: usize = 4;

/// The last frames.
pub struct Frames {
    frames: [Frame; FRAMES],
    room: Vec<u8>,
}

impl Default for Frames {
    fn default() -> Self {
        let none = || ([0; TEXT_BYTES], 0);
        let frame = |_| Frame { of: (0, None, None, 0), begin: none(), end: none() };
        Self { frames: std::array::from_fn(frame), room: Vec::new() }
    }
}

impl Frames {
    /// Makes the frame of an object of `keys` ready; false when it is too long to be remembered.
    #[inline]
    pub fn prepare(&mut self, keys: &Keys, said: Said<'_>, times: &mut Times) -> bool {
        let of = (keys.number(), said.time, said.deadline, said.epoch.1);
        self.frames[place(keys)].of == of || self.write(keys, said, times)
    }

    #[inline(never)]
    fn write(&mut self, keys: &Keys, said: Said<'_>, times: &mut Times) -> bool {
        let frame = &mut self.frames[place(keys)];
        frame.of = (0, None, None, 0);
        self.room.clear();
        keys.begin(said.time, times, &mut self.room);
        let whole = copy(&self.room, &mut frame.begin);
        self.room.clear();
        keys.end(said.epoch.0, said.deadline, false, times, &mut self.room);
        let whole = copy(&self.room, &mut frame.end) && whole;
        if whole {
            frame.of = (keys.number(), said.time, said.deadline, said.epoch.1);
        }
        whole
    }

    /// Begins an object whose frame is ready.
    #[inline(always)]
    pub fn begin(&self, keys: &Keys, line: &mut Fixed) {
        let (text, len) = &self.frames[place(keys)].begin;
        line.put(text, *len);
    }

    /// Ends an object whose frame is ready.
    #[inline(always)]
    pub fn end(&self, keys: &Keys, line: &mut Fixed) {
        let (text, len) = &self.frames[place(keys)].end;
        line.put(text, *len);
    }

    /// Bytes that a frame has at most.
    pub const fn bytes_max() -> usize {
        2 * TEXT_BYTES
    }
}

#[inline(always)]
fn place(keys: &Keys) -> usize {
    keys.number() as usize % FRAMES
}

fn copy(text: &[u8], (room, len): &mut ([u8; TEXT_BYTES], usize)) -> bool {
    let Some(place) = room.get_mut(..text.len()) else { return false };
    place.copy_from_slice(text);
    *len = text.len();
    true
}
