//! Every changed byte of a journal is found, and named by its entry (PI-8).
//!
//! *In*: a journal of a thousand entries. *Promised*: optimised, every byte, and each bit of some; otherwise one byte in a few dozen.
//! *Not here*: removed, swapped and inserted entries (`retention::journal`).

use std::fs;

use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::{
    Because, Event, FILE_NAME, Fault, Head, Journal, PartOf, VerifyError, verify,
};

const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);
const ENTRIES: u64 = 1000;
/// One byte in so many is changed.
const STEP: usize = if cfg!(debug_assertions) { 29 } else { 1 };
/// More bytes than an entry has.
const ENTRY_MAX: usize = 1000;

fn written() -> (Head, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), NOW).unwrap();
    let event = |n: u64| Event::PartDestroyed {
        part: PartOf {
            store: "sink.archive".into(),
            class: Some("web".into()),
            part: format!("2026-12-05T09-00-00Z.14d.{n}-1.ndjson"),
        },
        bytes: n,
        deadline: NOW,
        because: Because::Deadline,
    };
    let events: Vec<Event> = (1..ENTRIES).map(event).collect();
    let head = journal.append(NOW, &events).unwrap();
    (head, fs::read(dir.path().join(FILE_NAME)).unwrap())
}

/// The number of the first entry that is not proven.
fn first_unproven(bytes: &[u8], head: Option<Head>) -> Option<u64> {
    match verify(bytes, head, |_| {}) {
        Ok(_) => None,
        Err(VerifyError::Fault(
            Fault::NoEntry { seq, .. } | Fault::Changed { seq, .. } | Fault::Order { seq, .. },
        )) => Some(seq),
        // The end of the last line is gone.
        Err(VerifyError::Fault(Fault::Cut { last, .. })) => Some(last + 1),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn pi_8_every_changed_byte_is_found() {
    let (head, bytes) = written();
    assert_eq!(head.seq, ENTRIES);
    let mut changed = bytes.clone();
    for (place, &byte) in bytes.iter().enumerate().step_by(STEP) {
        // One bit of it, each in turn; of some bytes every bit.
        let bit = place / STEP % 8;
        for bit in if place % 997 == 0 { 0..8 } else { bit..bit + 1 } {
            changed[place] = byte ^ (1 << bit);
            let begins = bytes[..place].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            let entry = bytes[..begins].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
            // What comes long after it is not needed to find it, but for the last.
            let window = &changed[..bytes.len().min(place + ENTRY_MAX)];
            let found = first_unproven(window, None).or_else(|| first_unproven(&changed, Some(head)));
            assert_eq!(found, Some(entry), "byte {place}, bit {bit}");
            changed[place] = byte;
        }
    }
}
