use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use super::super::deadline_of;
use super::super::testing::batch;
use super::*;

/// 2027-01-15T08:00:00Z, the start of a bucket of an hour.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: u64 = 86_400;

#[allow(clippy::unnecessary_wraps, reason = "deadlines are optional")]
fn at(seconds: i64) -> Option<Timestamp> {
    Some(NOW.plus_seconds(seconds))
}

fn settings() -> Settings {
    Settings::new("ndjson", 14 * DAY)
}

/// A sink whose parts get their names at once, as without a checkpoint.
struct FileSink(super::FileSink);

impl FileSink {
    fn open(directory: &Path, settings: Settings) -> Result<Self, SinkError> {
        super::FileSink::open(directory, settings).map(Self)
    }

    fn on_close(self, on_close: OnClose) -> Self {
        Self(self.0.on_close(on_close))
    }

    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        let delivered = self.0.write(batch, now)?;
        self.0.publish().map(|()| delivered)
    }

    fn tick(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let delivered = self.0.tick(now)?;
        self.0.publish().map(|()| delivered)
    }

    fn finish(&mut self, now: Timestamp) -> Result<Delivered, SinkError> {
        let delivered = self.0.finish(now)?;
        self.0.publish().map(|()| delivered)
    }
}

/// Visible files with their content, and the number of hidden ones.
fn listing(directory: &Path) -> (BTreeMap<String, String>, usize) {
    let mut visible = BTreeMap::new();
    let mut hidden = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('.') {
            hidden += 1;
        } else {
            visible.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    (visible, hidden)
}

#[test]
fn buckets_follow_the_retention() {
    assert_eq!(bucket_secs(14 * DAY), 3600);
    assert_eq!(bucket_secs(DAY), 3600);
    assert_eq!(bucket_secs(DAY / 2), 1800);
    assert_eq!(bucket_secs(10), 1);
}

/// PI-4: every record of a part is due at or after the deadline in its name, and within one bucket.
#[test]
fn records_go_to_the_part_of_their_deadline() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("analytics").join("web");
    let closed = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&closed);
    let mut sink = FileSink::open(&directory, settings())
        .unwrap()
        .on_close(Box::new(move |part| heard.lock().unwrap().push(part.clone())));
    let clean = batch(&[
        ("a\n", at(7200)),
        ("b\n", at(10_799)),
        ("late\n", at(3_600 * 30)),
        ("c\n", at(7300)),
        ("too soon\n", at(3599)),
        ("due\n", at(-5)),
    ]);
    assert_eq!(sink.write(&clean, NOW).unwrap(), Delivered { records: 4, withheld: 2 });
    assert_eq!(listing(&directory), (BTreeMap::new(), 2), "nothing is visible before it is whole");
    assert_eq!(sink.finish(NOW).unwrap(), Delivered::default());
    let (visible, hidden) = listing(&directory);
    assert_eq!(hidden, 0);
    let texts: Vec<(&str, &str)> =
        visible.iter().map(|(name, text)| (name.split('.').next().unwrap(), text.as_str())).collect();
    assert_eq!(texts, [("2027-01-15T10-00-00Z", "a\nb\nc\n"), ("2027-01-16T14-00-00Z", "late\n")]);
    let closed = closed.lock().unwrap();
    assert_eq!(closed.iter().map(|part| part.records).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(closed[0].deadline, NOW.plus_seconds(7200));
    assert_eq!(closed[0].deadline_min, NOW.plus_seconds(7200));
    assert_eq!(closed[1].bytes, 5);
    for part in closed.iter() {
        let name = part.path.file_name().unwrap().to_str().unwrap();
        assert_eq!(deadline_of(name), Some(part.deadline));
        assert!(name.ends_with(".ndjson"));
        assert_eq!(fs::metadata(&part.path).unwrap().permissions().mode() & 0o137, 0, "at most 0640");
    }
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o027, 0, "at most 0750");
}

#[test]
fn a_part_closes_by_age_and_by_size() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), Settings { part_bytes_max: 100, ..settings() }).unwrap();
    sink.write(&batch(&[("young\n", at(7200))]), NOW).unwrap();
    sink.tick(NOW.plus_seconds(59)).unwrap();
    assert_eq!(listing(root.path()).0.len(), 0);
    sink.tick(NOW.plus_seconds(60)).unwrap();
    assert_eq!(listing(root.path()).0.len(), 1);
    let long = format!("{}\n", "x".repeat(99));
    sink.write(&batch(&[(&long, at(7200))]), NOW).unwrap();
    assert_eq!(listing(root.path()), (listing(root.path()).0, 0));
    assert_eq!(listing(root.path()).0.len(), 2, "the part is full");
}

#[test]
fn open_parts_are_bounded_and_the_least_recent_closes() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), Settings { open_parts_max: 3, ..settings() }).unwrap();
    for hour in [2, 3, 4, 2, 5] {
        sink.write(&batch(&[("x\n", at(hour * 3600))]), NOW).unwrap();
    }
    let (visible, hidden) = listing(root.path());
    assert_eq!(hidden, 3);
    assert_eq!(visible.keys().next().unwrap().split('.').next(), Some("2027-01-15T11-00-00Z"));
    assert_eq!(visible.len(), 1);
}

/// A replay brings every bucket of the retention in every batch: each still has one part, not one per batch.
#[test]
fn every_bucket_of_the_retention_may_have_a_part_open() {
    for retention in [14 * DAY, DAY, 3600] {
        let root = tempfile::tempdir().unwrap();
        let mut sink = FileSink::open(root.path(), Settings::new("log", retention)).unwrap();
        let width = bucket_secs(retention);
        for second in [0, 1] {
            let deadline = |bucket: u64| at(i64::try_from(bucket * width + second).unwrap());
            let deadlines: Vec<_> = (2..=retention / width).map(|bucket| ("x\n", deadline(bucket))).collect();
            let delivered = sink.write(&batch(&deadlines), NOW).unwrap();
            assert_eq!(delivered, Delivered { records: retention / width - 1, withheld: 0 });
        }
        sink.finish(NOW).unwrap();
        let (visible, hidden) = listing(root.path());
        assert_eq!((visible.len() as u64, hidden), (retention / width - 1, 0));
        assert!(visible.values().all(|text| text == "x\nx\n"));
    }
    assert_eq!(open_parts(7 * 365 * DAY), 4096);
}

/// Open parts are written before new ones close them, and those that close do so several at a time.
#[test]
fn with_too_few_parts_most_of_them_stay_open_over_a_batch() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), Settings { open_parts_max: 16, ..settings() }).unwrap();
    let all: Vec<_> = (2..22).map(|hour| ("x\n", at(hour * 3600))).collect();
    for _ in 0..5 {
        sink.write(&batch(&all), NOW).unwrap();
    }
    let (visible, hidden) = listing(root.path());
    // Of 20 buckets 4 have no part at the end of a batch, or 5, since an eighth of 16 closes at a time.
    assert!(hidden >= 15 && visible.len() <= 5 * 6, "{} closed, {hidden} open", visible.len());
    sink.finish(NOW).unwrap();
    let (visible, _) = listing(root.path());
    assert_eq!(visible.values().map(|text| text.len() / 2).sum::<usize>(), 100, "nothing is lost or doubled");
}

/// One part of a pass fails: the others are closed all the same, and only they are confirmed.
#[test]
fn a_part_that_fails_does_not_stop_the_others_of_its_pass() {
    let root = tempfile::tempdir().unwrap();
    let closed = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&closed);
    let mut sink = FileSink::open(root.path(), settings())
        .unwrap()
        .on_close(Box::new(move |part| heard.lock().unwrap().push(part.deadline)));
    sink.write(&batch(&[("a\n", at(7200)), ("b\n", at(10_800)), ("c\n", at(14_400))]), NOW).unwrap();
    let of_second = |name: &&String| name.starts_with(".2027-01-15T11-00-00Z.");
    let names: Vec<String> = fs::read_dir(root.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let hidden = names.iter().find(of_second).unwrap();
    fs::remove_file(root.path().join(hidden)).unwrap();
    let error = sink.tick(NOW.plus_seconds(60)).unwrap_err().to_string();
    assert!(error.contains(".2027-01-15T11-00-00Z.") && error.contains("1 records"), "{error}");
    let (visible, hidden) = listing(root.path());
    assert_eq!((visible.into_values().collect::<String>(), hidden), ("a\nc\n".to_owned(), 0));
    assert_eq!(*closed.lock().unwrap(), [NOW.plus_seconds(7200), NOW.plus_seconds(14_400)]);
}

/// PI-3: a part that came due while it was open never becomes visible.
#[test]
fn a_part_that_came_due_while_open_is_withheld() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    assert_eq!(sink.write(&batch(&[("x\n", at(7200))]), NOW).unwrap().records, 1);
    let late = sink.finish(NOW.plus_seconds(7200)).unwrap();
    assert_eq!(late, Delivered { records: 0, withheld: 1 });
    assert_eq!(listing(root.path()), (BTreeMap::new(), 0));
}

#[test]
fn a_short_retention_still_lets_fresh_records_through() {
    let root = tempfile::tempdir().unwrap();
    for retention in [60, 600, 3600] {
        let mut sink = FileSink::open(root.path(), Settings::new("log", retention)).unwrap();
        let fresh = i64::try_from(retention).unwrap();
        assert_eq!(sink.write(&batch(&[("x\n", at(fresh))]), NOW).unwrap().records, 1, "{retention} s");
    }
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    sink.write(&batch(&[("x\n", at(7200))]), NOW).unwrap();
    drop(sink);
    assert_eq!(listing(root.path()), (BTreeMap::new(), 0));
}

#[test]
fn leftovers_of_the_dead_go_and_parts_of_the_living_stay() {
    let root = tempfile::tempdir().unwrap();
    let mut living = FileSink::open(root.path(), settings()).unwrap();
    living.write(&batch(&[("x\n", at(7200))]), NOW).unwrap();
    fs::write(root.path().join(".2027-01-15T10-00-00Z.1-1.ndjson.partial"), "half").unwrap();
    fs::write(root.path().join(".gitignore.partial"), "not ours").unwrap();
    fs::write(root.path().join("2027-01-15T10-00-00Z.1-1.ndjson"), "whole\n").unwrap();
    let _second = FileSink::open(root.path(), settings()).unwrap();
    let names = listing(root.path());
    assert_eq!(names.1, 2, "the living part and the file that is not ours");
    living.finish(NOW).unwrap();
    assert_eq!(listing(root.path()).0.len(), 2);
}

#[test]
fn a_visible_part_is_never_replaced() {
    let root = tempfile::tempdir().unwrap();
    let taken = root.path().join(format!("2027-01-15T10-00-00Z.{}-1.ndjson", std::process::id()));
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    sink.write(&batch(&[("new\n", at(7200))]), NOW).unwrap();
    fs::write(&taken, "old\n").unwrap();
    sink.finish(NOW).unwrap();
    let (visible, hidden) = listing(root.path());
    assert_eq!(fs::read_to_string(&taken).unwrap(), "old\n");
    assert_eq!((visible.len(), hidden), (2, 0));
}

#[test]
fn a_record_without_a_deadline_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    let error = sink.write(&batch(&[("canary\n", None)]), NOW).unwrap_err();
    assert!(matches!(error, SinkError::NoDeadline { .. }) && !error.to_string().contains("canary"));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = FileSink::open(&file.join("web"), settings()).err().unwrap().to_string();
    assert!(error.contains("file/web: not a directory"), "{error}");
}

/// A directory that goes away under an open part: nothing half-written, the error names the place.
#[test]
fn a_part_that_cannot_be_closed_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("web");
    let mut sink = FileSink::open(&directory, settings()).unwrap();
    sink.write(&batch(&[("x\n", at(7200)), ("y\n", at(7200))]), NOW).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    let error = sink.finish(NOW).unwrap_err().to_string();
    assert!(error.contains("/web/.2027-01-15T10-00-00Z.") && error.contains("2 records"), "{error}");
    assert!(!directory.exists());
}

#[test]
fn names_without_a_deadline_have_none() {
    for name in [
        "x.ndjson",
        "2027-01-15T10-00-00Z",
        ".2027-01-15T10-00-00Z.1-1.ndjson.partial",
        "2027-13-15T10-00-00Z.1-1.log",
    ] {
        assert_eq!(deadline_of(name), None, "{name}");
    }
}

/// A write that fails half-way, for real: a limit on the size of files, which the kernel reports like a full disk.
#[test]
fn a_write_that_fails_half_way_leaves_nothing_half_written() {
    let root = tempfile::tempdir().unwrap();
    let script =
        "ulimit -f 100; trap '' XFSZ; exec \"$0\" --exact sink::file::tests::under_a_size_limit --ignored";
    let child = std::process::Command::new("sh")
        .args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap()])
        .env("SLUIS_TEST_DIRECTORY", root.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by a_write_that_fails_half_way_leaves_nothing_half_written"]
fn under_a_size_limit() {
    let Some(root) = std::env::var_os("SLUIS_TEST_DIRECTORY") else { return };
    let directory = Path::new(&root).join("web");
    let mut sink = FileSink::open(&directory, settings()).unwrap();
    let long = "canary\n".repeat(40_000);
    sink.write(&batch(&[("small\n", at(7200)), ("other\n", at(3600 * 9))]), NOW).unwrap();
    let error = sink.write(&batch(&[(&long, at(7200))]), NOW).unwrap_err().to_string();
    assert!(error.contains("larger than allowed") && error.contains("1 records accepted before"), "{error}");
    assert!(!error.contains("canary"));
    assert_eq!(
        listing(&directory),
        (BTreeMap::new(), 1),
        "the part that failed is gone, the other is not touched"
    );
    sink.finish(NOW).unwrap();
    assert_eq!(listing(&directory).0.into_values().collect::<Vec<_>>(), ["other\n"]);

    let path = Path::new(&root).join("redirected");
    let mut stdout = super::super::stdout::Stdout::on(fs::File::create(&path).unwrap());
    let error = stdout.write(&batch(&[(&long, None)]), NOW).unwrap_err().to_string();
    assert!(error.ends_with("the output ends with the last whole line"), "{error}");
    let written = fs::read(&path).unwrap();
    assert!(written.len() > 40_000 && written.ends_with(b"canary\n"), "{} bytes", written.len());
}

/// PI-9: what a checkpoint counts on outlives the sink, and what came after it does not.
#[test]
fn pi_9_a_part_that_is_dropped_is_cut_back_to_what_was_held() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    sink.write(&batch(&[("held\n", at(7200))]), NOW).unwrap();
    let mut held = Vec::new();
    sink.0.hold(&mut held).unwrap();
    assert_eq!((held[0].bytes, held[0].records, held[0].closes), (5, 1, false));
    sink.write(&batch(&[("since\n", at(7200)), ("other part\n", at(10_800))]), NOW).unwrap();
    drop(sink);
    assert_eq!(listing(root.path()), (BTreeMap::new(), 1));
    assert_eq!(fs::read_to_string(&held[0].hidden).unwrap(), "held\n");
    // What came due is thrown away, whatever counts on it.
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    sink.write(&batch(&[("held\n", at(7200))]), NOW).unwrap();
    sink.0.hold(&mut held).unwrap();
    assert_eq!(sink.finish(NOW.plus_seconds(7200)).unwrap().withheld, 1);
    assert_eq!(listing(root.path()), (BTreeMap::new(), 0));
}

/// Cut back to a checkpoint, a compressed part still ends with a whole frame.
#[test]
fn a_compressed_part_is_whole_frames_also_when_it_is_cut_back() {
    let root = tempfile::tempdir().unwrap();
    let compressed = Settings { form: Form::Zstd, ..Settings::new("ndjson.zst", 14 * DAY) };
    let mut sink = FileSink::open(root.path(), compressed).unwrap();
    let long = "a line that comes again and again\n".repeat(20_000);
    sink.write(&batch(&[("first\n", at(7200))]), NOW).unwrap();
    let mut held = Vec::new();
    sink.0.hold(&mut held).unwrap();
    sink.write(&batch(&[(&long, at(7200)), ("last\n", at(7200))]), NOW).unwrap();
    let unpacked = |path: &Path| {
        String::from_utf8(zstd::stream::decode_all(fs::File::open(path).unwrap()).unwrap()).unwrap()
    };
    let copy = root.path().join("copy");
    fs::copy(&held[0].hidden, &copy).unwrap();
    fs::OpenOptions::new().write(true).open(&copy).unwrap().set_len(held[0].bytes).unwrap();
    assert_eq!(unpacked(&copy), "first\n");
    fs::remove_file(copy).unwrap();
    sink.finish(NOW).unwrap();
    let part = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    assert!(part.to_str().unwrap().ends_with(".ndjson.zst"));
    assert_eq!(deadline_of(part.file_name().unwrap().to_str().unwrap()), at(7200));
    assert_eq!(unpacked(&part), format!("first\n{long}last\n"));
    assert!(fs::metadata(&part).unwrap().len() < 10_000);
}
