use std::io::Read;
use std::os::fd::OwnedFd;

use super::super::testing::batch;
use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[allow(clippy::unnecessary_wraps, reason = "deadlines are optional")]
fn later(seconds: i64) -> Option<Timestamp> {
    Some(NOW.plus_seconds(seconds))
}

/// PI-3: what is due at this very second stays.
#[test]
fn what_is_due_is_withheld_and_counted() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut sink = Stdout::on(OwnedFd::from(writer).into());
    let clean = batch(&[
        ("a\n", later(600)),
        ("b\n", later(600)),
        ("due\n", later(0)),
        ("c\n", later(1200)),
        ("d\n", None),
        ("past\n", later(-1)),
    ]);
    let delivered = sink.write(&clean, NOW).unwrap();
    assert_eq!(delivered, Delivered { records: 4, withheld: 2 });
    drop(sink);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "a\nb\nc\nd\n");
}

#[test]
fn a_reader_that_went_away_is_told_from_a_fault() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut sink = Stdout::on(OwnedFd::from(writer).into());
    let error = sink.write(&batch(&[("a\n", None)]), NOW).unwrap_err();
    assert!(matches!(error, SinkError::BrokenPipe));
}

#[test]
fn a_full_disk_is_named_with_its_remedy() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let error = Stdout::on(full).write(&batch(&[("canary\n", None)]), NOW).unwrap_err().to_string();
    assert!(error.starts_with("standard output: the disk is full; free space"), "{error}");
    assert!(!error.contains("canary"));
}

#[test]
fn a_non_blocking_pipe_is_waited_for() {
    let (mut reader, writer) = io::pipe().unwrap();
    let fd = OwnedFd::from(writer);
    rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::NONBLOCK).unwrap();
    let line = format!("{}\n", "x".repeat(1 << 20));
    let expected = line.len();
    let thread = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    let mut sink = Stdout::on(fd.into());
    assert_eq!(sink.write(&batch(&[(&line, None)]), NOW).unwrap().records, 1);
    drop(sink);
    assert_eq!(thread.join().unwrap(), expected);
}

#[test]
fn a_half_line_is_taken_back_from_a_file_of_ours_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"one\ntwo\nthr").unwrap();
    assert!(take_back(&mut file, b"two\nthr").unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    file.write_all(b"next").unwrap();
    // Somebody else appended since: what is at the end is not ours.
    File::options().append(true).open(&path).unwrap().write_all(b"other").unwrap();
    assert!(!take_back(&mut file, b"next").unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\nnextother");
}
