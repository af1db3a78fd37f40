use std::cell::Cell;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::Sink as _;
use super::super::file::{FileSink, Form, Settings};
use super::super::testing::batch;
use super::*;
use crate::encode::columns::testing::marked;
use crate::encode::columns::{Columns, Type};
use crate::policy::class::Lives;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const DAY: u64 = 86_400;

/// A state directory, and a store of class web.
struct Ground {
    folder: tempfile::TempDir,
    parts: Cell<i64>,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        Self { folder, parts: Cell::new(0) }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("web")
    }

    fn place(&self) -> Place {
        Place {
            store: "sink.analytics".to_owned(),
            class: Some("web".to_owned()),
            directory: self.directory(),
            lives: Lives::through(14 * DAY),
            encrypted: false,
        }
    }

    /// A part of ten records that go in `seconds`; its columns have the number as `kind`.
    fn part_of(&self, seconds: i64, kind: Type) {
        let columns = Columns::of([("client.address", Type::Token), ("number", kind)]);
        let form = Form::Parquet(Arc::new(columns.clone()));
        let settings = Settings { form, ..Settings::new("parquet", 14 * DAY) };
        let mut sink = FileSink::open(&self.directory(), settings).unwrap();
        for _ in 0..10 {
            let number = self.parts.replace(self.parts.get() + 1);
            let line =
                format!("{{\"sluis.class\":\"web\",\"client.address\":\"t{number}\",\"number\":{number}}}\n");
            sink.write(&batch(&[(&marked(&columns, &line), Some(NOW.plus_seconds(seconds)))]), NOW).unwrap();
        }
        sink.finish(NOW).unwrap();
        sink.publish().unwrap();
    }

    fn part(&self) {
        self.part_of(7_200, Type::Integer);
    }

    fn merger(&self, quiet_seconds: u64) -> Merger {
        let rhythm = Rhythm { margin_seconds: 120, quiet_seconds };
        Merger::open(&self.state(), vec![self.place()], rhythm, NOW).unwrap()
    }

    /// Names that are not hidden.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }

    fn hidden(&self) -> usize {
        fs::read_dir(self.directory()).unwrap().count() - self.names().len()
    }

    /// The numbers in all visible parts, and how many row groups these have.
    fn numbers(&self) -> (Vec<i64>, usize) {
        let (mut numbers, mut groups) = (Vec::new(), 0);
        for name in self.names() {
            let (more, of_part) = numbers_in(&self.directory().join(name));
            numbers.extend(more);
            groups += of_part;
        }
        numbers.sort_unstable();
        (numbers, groups)
    }

    #[track_caller]
    fn expect_whole(&self) {
        assert_eq!(self.numbers().0, (0..self.parts.get()).collect::<Vec<_>>());
        assert_eq!((self.hidden(), self.state().join("merge").exists()), (0, false));
    }

    fn entries(&self, event: &str) -> usize {
        let journal = fs::read_to_string(self.state().join("journal")).unwrap();
        journal.matches(&format!("\"event\":\"{event}\"")).count()
    }

    fn finish(&self) -> bool {
        finish(&self.state(), &mut Journal::open(&self.state(), NOW).unwrap(), NOW).unwrap()
    }
}

/// What was merged, and what was said.
fn merge(merger: &mut Merger) -> (Result<Merged, MergeError>, Vec<String>) {
    merge_while(merger, &|| true)
}

fn merge_while(merger: &mut Merger, goes_on: &dyn Fn() -> bool) -> (Result<Merged, MergeError>, Vec<String>) {
    let said = std::cell::RefCell::new(Vec::new());
    let say = |text| said.borrow_mut().push(text);
    let counted = || Some(BTreeSet::new());
    let merged = merger.merge(Around { now: &|| NOW, goes_on, counted: &counted, say: &say });
    (merged, said.into_inner())
}

fn numbers_in(part: &Path) -> (Vec<i64>, usize) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(part).unwrap()).unwrap();
    let groups = reader.metadata().num_row_groups();
    let mut numbers = Vec::new();
    for found in reader.build().unwrap() {
        let found = found.unwrap();
        numbers.extend(found.column_by_name("number").unwrap().as_primitive::<Int64Type>().values());
    }
    (numbers, groups)
}

#[test]
fn small_parts_of_a_bucket_become_one_with_one_row_group_and_the_same_deadline() {
    let ground = Ground::new();
    for _ in 0..3 {
        ground.part();
        ground.part_of(14_400, Type::Integer);
    }
    let before = ground.names();
    let merged = merge(&mut ground.merger(0)).0.unwrap();
    assert_eq!((merged.parts, merged.records), (6, 60));
    ground.expect_whole();
    assert_eq!((ground.names().len(), ground.numbers().1), (2, 2));
    // Each has the name of one that it was made of, so its deadline, too.
    assert!(ground.names().iter().all(|name| before.contains(name)));
    // Tokens are still found by their filters.
    let one = File::open(ground.directory().join(&ground.names()[0])).unwrap();
    let one = ParquetRecordBatchReaderBuilder::try_new(one).unwrap();
    let has_filter =
        |column: usize| one.metadata().row_group(0).column(column).bloom_filter_offset().is_some();
    assert_eq!((has_filter(2), has_filter(3)), (true, false));
    assert_eq!(ground.entries("part.merged"), 2);
    // Nothing is left to do.
    assert_eq!(merge(&mut ground.merger(0)).0.unwrap(), Merged::default());
}

#[test]
fn while_parts_come_only_many_are_merged() {
    let ground = Ground::new();
    let mut merger = ground.merger(3_600);
    for _ in 0..15 {
        ground.part();
    }
    assert_eq!(merge(&mut merger).0.unwrap(), Merged::default());
    ground.part();
    assert_eq!(merge(&mut merger).0.unwrap().parts, 16);
    ground.expect_whole();
}

/// A new policy that makes another column of a field.
#[test]
fn parts_of_two_schemas_are_kept_apart() {
    let ground = Ground::new();
    for kind in [Type::Integer, Type::Text, Type::Integer, Type::Text, Type::Decimal] {
        ground.part_of(7_200, kind);
    }
    assert_eq!(merge(&mut ground.merger(0)).0.unwrap().parts, 4);
    assert_eq!(ground.names().len(), 3);
}

#[test]
fn row_groups_are_bounded() {
    let ground = Ground::new();
    ground.part();
    ground.part();
    let open = |name: &String| Input::open(File::open(ground.directory().join(name)).unwrap(), None).unwrap();
    let inputs: Vec<Input> = ground.names().iter().map(open).collect();
    for (group, expected) in [
        (rows::Group { rows: 10, bytes: usize::MAX }, 2),
        (rows::Group { rows: 20, bytes: usize::MAX }, 1),
        (rows::Group { rows: usize::MAX, bytes: 1 }, 2),
    ] {
        let path = ground.folder.path().join("one");
        let written = rows::join(&inputs, (&File::create(&path).unwrap(), None), group, &|| true).unwrap();
        assert_eq!((written, numbers_in(&path)), (20, ((0..20).collect(), expected)));
    }
}

/// What is no Parquet, what is cut, what is damaged within, a link: all stay, are said once, and the rest is merged.
#[test]
fn what_cannot_be_read_is_left_as_it_is_and_said() {
    let ground = Ground::new();
    for _ in 0..5 {
        ground.part();
    }
    let names = ground.names();
    let path = |at: usize| ground.directory().join(&names[at]);
    let (foreign, damaged) = (path(0), path(1));
    fs::write(&foreign, "203.0.113.9 is no Parquet").unwrap();
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[4..400].fill(0xff);
    fs::write(&damaged, &bytes).unwrap();
    let elsewhere = ground.folder.path().join("elsewhere");
    fs::rename(path(2), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, path(2)).unwrap();
    fs::write(ground.directory().join("notes.parquet"), "mine").unwrap();
    let mut merger = ground.merger(0);
    let (merged, said) = merge(&mut merger);
    assert!(merged.unwrap().parts <= 2);
    let (again, more) = merge(&mut merger);
    again.unwrap();
    let said = [said, more].concat();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|text| text.contains("cannot be read as Parquet") && !text.contains("203")));
    assert_eq!(fs::read(&foreign).unwrap(), b"203.0.113.9 is no Parquet");
    assert_eq!(fs::read(&damaged).unwrap(), bytes);
    assert!(fs::symlink_metadata(path(2)).unwrap().is_symlink());
    let mut left = numbers_in(&path(3)).0;
    left.sort_unstable();
    assert_eq!(left, (30..50).collect::<Vec<_>>());
    assert_eq!(ground.hidden(), 0);
}

#[test]
fn pi_9_a_merge_that_breaks_off_at_any_step_is_undone_or_ended() {
    let steps = [Step::Join, Step::Keep, Step::Enter, Step::Put, Step::Remove, Step::Forget];
    for step in steps {
        for count in 0..if step == Step::Remove { 3 } else { 1 } {
            let ground = Ground::new();
            for _ in 0..4 {
                ground.part();
            }
            let mut merger = ground.merger(0);
            merger.breaks = Some((step, AtomicU32::new(count)));
            assert!(merge(&mut merger).0.is_err(), "{step:?} {count}");
            drop(merger);
            let is_decided = !matches!(step, Step::Join | Step::Keep);
            assert_eq!(ground.finish(), is_decided, "{step:?} {count}");
            ground.expect_whole();
            assert_eq!(ground.names().len(), if is_decided { 1 } else { 4 }, "{step:?} {count}");
            assert!(!ground.finish());
            // And from here on as if nothing had been.
            ground.part();
            merge(&mut ground.merger(0)).0.unwrap();
            ground.expect_whole();
            assert_eq!(ground.names().len(), 1, "{step:?} {count}");
        }
    }
}

/// A name that was given again since is not that of the part which was merged.
#[test]
fn a_merge_is_ended_without_touching_what_came_since() {
    let ground = Ground::new();
    for _ in 0..3 {
        ground.part();
    }
    let mut merger = ground.merger(0);
    merger.breaks = Some((Step::Remove, AtomicU32::new(0)));
    assert!(merge(&mut merger).0.is_err());
    drop(merger);
    // The one, and what is still to go.
    let names = ground.names();
    assert_eq!(names.len(), 2);
    let still = names.iter().find(|name| numbers_in(&ground.directory().join(name)).0.len() == 10).unwrap();
    let still = ground.directory().join(still);
    fs::remove_file(&still).unwrap();
    fs::write(&still, "another").unwrap();
    assert!(ground.finish());
    assert_eq!(fs::read(&still).unwrap(), b"another");
}

/// A part that goes while it is read, as by a sweep with a longer margin: what was read of it is thrown away.
#[test]
fn what_a_sweep_took_meanwhile_does_not_come_back() {
    let ground = Ground::new();
    for _ in 0..3 {
        ground.part();
    }
    let asked = AtomicU32::new(0);
    let first = ground.directory().join(&ground.names()[0]);
    let goes_on = || {
        // In the middle of the rows.
        if asked.fetch_add(1, Ordering::Relaxed) == 3 {
            fs::remove_file(&first).unwrap();
        }
        true
    };
    let (merged, _) = merge_while(&mut ground.merger(0), &goes_on);
    merged.unwrap();
    assert!(asked.load(Ordering::Relaxed) > 3);
    assert_eq!(ground.numbers().0, (10..30).collect::<Vec<_>>());
}

#[test]
fn what_is_soon_due_is_not_merged_and_what_is_told_to_end_leaves_nothing() {
    let ground = Ground::new();
    for _ in 0..3 {
        ground.part_of(3_700, Type::Integer);
        ground.part();
    }
    // Half of them go within four margins.
    let rhythm = Rhythm { margin_seconds: 900, quiet_seconds: 0 };
    let mut merger = Merger::open(&ground.state(), vec![ground.place()], rhythm, NOW).unwrap();
    assert_eq!(merge(&mut merger).0.unwrap().parts, 3);
    let asked = AtomicU32::new(0);
    let stops = || asked.fetch_add(1, Ordering::Relaxed) < 2;
    merge_while(&mut ground.merger(0), &stops).0.unwrap();
    ground.expect_whole();
    assert_eq!(ground.names().len(), 4);
}

/// A sweep or another merge at work is left to it.
#[test]
fn turns_are_taken() {
    let ground = Ground::new();
    ground.part();
    ground.part();
    for turn in [Turn::take(&ground.state()), Turn::of_merging(&ground.state())] {
        let turn = turn.unwrap().unwrap();
        assert_eq!(merge(&mut ground.merger(0)).0.unwrap(), Merged::default());
        drop(turn);
    }
    assert_eq!(merge(&mut ground.merger(0)).0.unwrap().parts, 2);
}

/// A part that a checkpoint counts on keeps its name, and what a killed merge left is removed.
#[test]
fn what_a_checkpoint_counts_on_stays_and_what_a_merge_left_goes() {
    let ground = Ground::new();
    ground.part();
    ground.part();
    let counted = ground.names()[0].clone();
    let left = ground.directory().join(".2027-01-15T10-00-00Z.14d.1-1.merge.parquet.partial");
    fs::write(&left, "some").unwrap();
    let of_a_run = ground.directory().join(".2027-01-15T10-00-00Z.14d.1-1.parquet.partial");
    fs::write(&of_a_run, "some").unwrap();
    let counted = || Some(BTreeSet::from([counted.clone()]));
    let around = Around { now: &|| NOW, goes_on: &|| true, counted: &counted, say: &|_| {} };
    assert_eq!(ground.merger(0).merge(around).unwrap(), Merged::default());
    assert!(!left.exists() && of_a_run.exists());
}
