//! What time does to records, and what it does not: bytes that arrive when a list says, on a clock that moves in waits only.

use std::sync::atomic::{AtomicU64, Ordering};

use super::tests::{Lines, clock, naive};
use super::*;
use crate::source::frame::records;

/// Milliseconds since the test began.
type Clockwork = Arc<AtomicU64>;

/// Pieces and the gap in milliseconds before each; after the last comes the end.
type Pieces = Vec<(u64, Vec<u8>)>;

/// An input whose pieces come in time.
struct Trickle {
    clock: Clockwork,
    /// When each piece comes.
    pieces: Vec<(u64, Vec<u8>)>,
    at: usize,
}

impl Trickle {
    fn new(pieces: &Pieces, clock: &Clockwork) -> Self {
        let mut time = 0;
        let pieces = pieces.iter().map(|(gap, bytes)| {
            time += gap;
            (time, bytes.clone())
        });
        Self { pieces: pieces.collect(), clock: Arc::clone(clock), at: 0 }
    }
}

impl Input for Trickle {
    fn read_into(&mut self, buffer: &mut Vec<u8>, _: usize) -> io::Result<usize> {
        let Some((_, bytes)) = self.pieces.get(self.at) else { return Ok(0) };
        buffer.extend_from_slice(bytes);
        self.at += 1;
        Ok(bytes.len())
    }

    fn ready(&mut self, timeout: Duration) -> io::Result<Ready> {
        let now = self.clock.load(Ordering::SeqCst);
        let until = now + u64::try_from(timeout.as_millis()).unwrap();
        match self.pieces.get(self.at) {
            Some((comes, _)) if *comes > until => {
                self.clock.store(until, Ordering::SeqCst);
                Ok(Ready::Silence)
            }
            Some((comes, _)) => {
                self.clock.store(now.max(*comes), Ordering::SeqCst);
                Ok(Ready::Now)
            }
            None => Ok(Ready::Now),
        }
    }
}

/// What a call gave, and when.
type Filled = (u64, Fill, Vec<Vec<u8>>);

/// Every call until the end. None may take more than a second.
fn fills(pieces: &Pieces, multi: bool, unfinished: Unfinished) -> Vec<Filled> {
    let (start, clockwork) = (Instant::now(), Clockwork::default());
    let bounds = Bounds { unfinished, ..Bounds::default() };
    let mut reader = ChunkReader::new(Trickle::new(pieces, &clockwork), bounds, clock(), None);
    let hand = Arc::clone(&clockwork);
    reader.stopwatch = Arc::new(move || start + Duration::from_millis(hand.load(Ordering::SeqCst)));
    reader.quiet_since = start;
    let (parser, mut batch) = (Lines::new(multi), RawBatch::with_capacity(64));
    let mut fills = Vec::new();
    loop {
        let began = clockwork.load(Ordering::SeqCst);
        let fill = reader.fill(&parser, &mut batch).unwrap();
        let now = clockwork.load(Ordering::SeqCst);
        assert!(now - began <= 1000, "a call of {} ms", now - began);
        fills.push((now, fill, records(&parser, &batch.bytes).map(<[u8]>::to_vec).collect()));
        if fill == Fill::End {
            return fills;
        }
    }
}

fn records_of(fills: &[Filled]) -> Vec<Vec<u8>> {
    fills.iter().flat_map(|(_, _, records)| records.clone()).collect()
}

fn every(gap: u64, bytes: &[u8]) -> Pieces {
    bytes.iter().map(|byte| (gap, vec![*byte])).collect()
}

fn obvious(bytes: &[u8], multi: bool) -> Vec<Vec<u8>> {
    naive(bytes, multi, 1 << 20).into_iter().map(|(record, _)| record).collect()
}

#[test]
fn a_trickle_brings_the_caller_back_and_ends_no_record() {
    let bytes = b"#one of several\n at two\n at three\n#four, whose line is long\n#five without its newline";
    for multi in [false, true] {
        for unfinished in [Unfinished::Waits, Unfinished::Ends] {
            for gap in [0, 1, 50, 100, 250, 499, 500] {
                let fills = fills(&every(gap, bytes), multi, unfinished);
                assert_eq!(records_of(&fills), obvious(bytes, multi), "every {gap} ms, multi {multi}");
                let waited = fills.iter().any(|(_, fill, _)| *fill == Fill::Waiting);
                assert_eq!(waited, gap >= 50, "every {gap} ms: {fills:?}");
            }
        }
    }
}

#[test]
fn silence_is_measured_from_the_last_byte_that_came() {
    // Ten bytes, the last at 3000 ms; the call in which it comes began at another time.
    let mut pieces = every(300, b"#one\n two\n");
    pieces.push((2000, b"#three\n".to_vec()));
    let fills = fills(&pieces, true, Unfinished::Waits);
    let first = fills.iter().find(|(_, fill, _)| *fill == Fill::Records);
    assert_eq!(first, Some(&(3500, Fill::Records, vec![b"#one\n two".to_vec()])));
    // Nothing is held then: 4000 and 4500 are silences.
    let silent: Vec<u64> =
        fills.iter().filter(|(_, fill, _)| *fill == Fill::Silence).map(|(at, _, _)| *at).collect();
    assert_eq!(silent, [500, 1000].map(|more| 3500 + more));
    assert_eq!(records_of(&fills).last().unwrap(), b"#three");
}

/// The caller was away, at a sink that blocked: what came meanwhile was no silence.
#[test]
fn what_waits_in_the_pipe_is_read_before_silence_is_judged() {
    let (start, clockwork) = (Instant::now(), Clockwork::default());
    let pieces = vec![(0, b"#one\n#two\n".to_vec()), (100, b" of two\n".to_vec())];
    let mut reader = ChunkReader::new(Trickle::new(&pieces, &clockwork), Bounds::default(), clock(), None);
    let hand = Arc::clone(&clockwork);
    reader.stopwatch = Arc::new(move || start + Duration::from_millis(hand.load(Ordering::SeqCst)));
    reader.quiet_since = start;
    let (parser, mut batch) = (Lines::new(true), RawBatch::with_capacity(64));
    assert_eq!(reader.fill(&parser, &mut batch).unwrap(), Fill::Records);
    assert_eq!(batch.bytes, b"#one\n");
    clockwork.store(60_000, Ordering::SeqCst);
    assert_eq!(reader.fill(&parser, &mut batch).unwrap(), Fill::Records);
    assert_eq!(batch.bytes, b"#two\n of two\n");
}

proptest::proptest! {
    /// The obvious version: a gap of more than 500 ms after a whole line ends what came before it, and no other does.
    #[test]
    fn only_silence_after_a_whole_line_ends_a_record(
        pieces in proptest::collection::vec(
            (
                proptest::sample::select([0, 1, 99, 250, 400, 499, 500, 501, 700, 1300].as_slice()),
                proptest::collection::vec(proptest::sample::select(b"ab#\n\n".as_slice()), 1..4),
            ),
            0..60,
        ),
        multi: bool,
    ) {
        let (mut expected, mut segment) = (Vec::new(), Vec::new());
        for (gap, bytes) in &pieces {
            if *gap > 500 && segment.last() == Some(&b'\n') {
                expected.extend(obvious(&mem::take(&mut segment), multi));
            }
            segment.extend_from_slice(bytes);
        }
        expected.extend(obvious(&segment, multi));
        proptest::prop_assert_eq!(records_of(&fills(&pieces, multi, Unfinished::Waits)), expected);
    }
}
