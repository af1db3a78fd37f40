use std::fs;
use std::io::Write as _;

use super::*;
use crate::retention::clock::Distrust;

const NOW: Timestamp = Timestamp::from_seconds(1_795_262_400);

fn destroyed(n: u64) -> Event {
    Event::PartDestroyed {
        part: PartOf {
            store: "sink.archive".into(),
            class: Some("web".into()),
            part: format!("2026-12-05T09-00-00Z.14d.{n}-1.ndjson"),
        },
        bytes: n,
        deadline: NOW,
        because: Because::Deadline,
    }
}

/// A journal of so many entries, and its bytes.
fn written(entries: u64) -> (tempfile::TempDir, Head, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), NOW).unwrap();
    let events: Vec<Event> = (1..entries).map(destroyed).collect();
    for some in events.chunks(100) {
        journal.append(NOW, some).unwrap();
    }
    let bytes = fs::read(dir.path().join(FILE_NAME)).unwrap();
    (dir, journal.head(), bytes)
}

fn fault(bytes: &[u8], head: Option<Head>) -> Option<Fault> {
    match verify(bytes, head, |_| {}) {
        Ok(_) => None,
        Err(VerifyError::Fault(fault)) => Some(fault),
        Err(VerifyError::Io(error)) => panic!("{error}"),
    }
}

#[test]
fn pi_8_what_was_written_is_proven() {
    let (dir, head, bytes) = written(1000);
    let mut seen = 0;
    let verified = verify(&bytes[..], Some(head), |content| {
        seen += 1;
        let value: serde_json::Value = serde_json::from_slice(content).unwrap();
        assert_eq!(value["seq"], seen);
    })
    .unwrap();
    assert_eq!(verified, Verified { head, anchored: true, torn: 0 });
    assert_eq!(head.seq, 1000);
    // Opened again, it goes on where it ended.
    let mut journal = Journal::open(dir.path(), NOW).unwrap();
    assert_eq!((journal.head(), journal.last_time()), (head, Some(NOW)));
    let next = journal.append(NOW.plus_seconds(60), &[Event::Resumed]).unwrap();
    assert_eq!((next.seq, journal.last_time()), (1001, Some(NOW.plus_seconds(60))));
    let bytes = fs::read(dir.path().join(FILE_NAME)).unwrap();
    assert_eq!(verify(&bytes[..], Some(head), |_| {}).unwrap().head, next);
}

#[test]
fn pi_8_removed_swapped_and_inserted_entries_are_found() {
    let (_dir, head, bytes) = written(1000);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    for n in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(n);
        assert!(fault(&without.concat(), Some(head)).is_some(), "without {n}");
        let mut doubled = lines.clone();
        doubled.insert(n, lines[n]);
        assert!(fault(&doubled.concat(), None).is_some(), "{n} twice");
        if n > 0 {
            let mut swapped = lines.clone();
            swapped.swap(n - 1, n);
            assert!(fault(&swapped.concat(), None).is_some(), "{n} before the one before it");
        }
    }
}

#[test]
fn pi_8_a_cut_end_is_found_against_the_anchored_head_and_else_unproven() {
    let (_dir, head, bytes) = written(1000);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    for kept in [0, 1, 500, 999] {
        let cut = lines[..kept].concat();
        let expected = Fault::Cut { last: kept as u64, anchored: 1000 };
        assert_eq!(fault(&cut, Some(head)), Some(expected));
        assert!(!verify(&cut[..], None, |_| {}).unwrap().anchored);
    }
    // One that was written anew to the same length.
    let other = Journal::open(tempfile::tempdir().unwrap().path(), NOW.plus_seconds(1)).unwrap().head();
    let first = lines[0];
    assert_eq!(fault(first, Some(other)), Some(Fault::Forked { seq: 1 }));
}

#[test]
fn pi_8_a_torn_entry_is_taken_off_and_no_earlier_one() {
    let (_dir, head, bytes) = written(20);
    let whole: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let from = whole[16];
    for end in from..bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), &bytes[..end]).unwrap();
        let entries = whole.iter().filter(|&&place| place <= end).count() as u64;
        let torn = end as u64 - whole[entries as usize - 1] as u64;
        assert_eq!(verify(&bytes[..end], None, |_| {}).unwrap().torn, torn);
        let journal = Journal::open(dir.path(), NOW).unwrap();
        let after = fs::read(dir.path().join(FILE_NAME)).unwrap();
        let verified = verify(&after[..], None, |_| {}).unwrap();
        assert_eq!((verified.head, verified.torn), (journal.head(), 0));
        assert_eq!(journal.head().seq, entries + u64::from(torn > 0), "cut at {end}");
        assert!(after.starts_with(&bytes[..end - torn as usize]));
    }
    assert_eq!(head.seq, 20);
}

#[test]
fn times_go_back_only_when_somebody_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), NOW).unwrap();
    let back = NOW.plus_seconds(-86_400);
    journal.append(back, &[Event::Paused(Distrust::BeforeJournal { seconds: 86_400 })]).unwrap();
    assert_eq!(journal.last_time(), Some(NOW));
    assert_eq!(
        Journal::open(dir.path(), back).unwrap().last_time(),
        Some(NOW),
        "nor does another process forget it"
    );
    journal.append(back, &[Event::Resumed]).unwrap();
    assert_eq!(journal.last_time(), Some(back));
}

#[test]
fn what_is_no_journal_is_left_alone() {
    for text in ["hello\n", "hello\nworld\n", "{}\n"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, text).unwrap();
        let problem = Journal::open(dir.path(), NOW).unwrap_err();
        assert!(matches!(problem, JournalError::Unreadable { .. }), "{problem}");
        assert!(!problem.to_string().contains("hello"));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_journal_that_is_cut_or_replaced_in_use_is_noticed() {
    let (dir, _, bytes) = written(20);
    let path = dir.path().join(FILE_NAME);
    let mut journal = Journal::open(dir.path(), NOW).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(journal.append(NOW, &[Event::Resumed]), Err(JournalError::Replaced { .. })));
    fs::write(&path, &bytes).unwrap();
    let mut journal = Journal::open(dir.path(), NOW).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(journal.append(NOW, &[Event::Resumed]), Err(JournalError::Replaced { .. })));
}

#[test]
fn several_writers_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = dir.path().to_owned();
            scope.spawn(move || {
                let mut journal = Journal::open(&path, NOW).unwrap();
                for n in 0..50 {
                    journal.append(NOW, &[destroyed(writer * 1000 + n), destroyed(n)]).unwrap();
                }
            });
        }
    });
    let bytes = fs::read(dir.path().join(FILE_NAME)).unwrap();
    assert_eq!(verify(&bytes[..], None, |_| {}).unwrap().head.seq, 1 + 4 * 50 * 2);
}

#[test]
fn zeroes_at_the_end_are_a_torn_entry() {
    let (dir, head, _) = written(5);
    let path = dir.path().join(FILE_NAME);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 300]).unwrap();
    let journal = Journal::open(dir.path(), NOW).unwrap();
    assert_eq!(journal.head().seq, head.seq + 1);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(verify(&bytes[..], Some(head), |_| {}).unwrap().head, journal.head());
}
