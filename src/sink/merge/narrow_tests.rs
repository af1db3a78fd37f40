use std::cell::{Cell, RefCell};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::super::super::Sink as _;
use super::super::super::file::{FileSink, Form, Settings};
use super::super::super::testing::batch;
use super::super::*;
use super::*;
use crate::encode::columns::testing::marked;
use crate::encode::columns::{Columns, Type};
use crate::keys;
use crate::policy::class::{Later, Lives};
use crate::retention::journal::KeyJournal;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const DAY: u64 = 86_400;
const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 86_400;

/// A store of class web: two weeks, of which the second without addresses, and the last three days without paths.
struct Ground {
    folder: tempfile::TempDir,
    lives: Lives,
    keys: Option<Keys>,
    parts: Cell<i64>,
    now: Cell<Timestamp>,
}

impl Ground {
    fn new(encrypts: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let later = [(11, vec!["client.address"]), (14, vec!["client.address", "url.path"])];
        let later = later.map(|(days, drop)| Later {
            until_seconds: days * DAY,
            drop: drop.into_iter().map(ToOwned::to_owned).collect(),
        });
        let lives = Lives { first_seconds: 7 * DAY, later: later.to_vec() };
        let keys = encrypts.then(|| {
            let directory = folder.path().join("keys");
            let storage =
                |stage, days| Storage { class: "web".to_owned(), stage, retention_seconds: days * DAY };
            let all = [storage(0, 7), storage(1, 11), storage(2, 14)];
            let journal = KeyJournal::of(&directory);
            keys::init_storage(&directory, &all, NOW, &journal).unwrap();
            Keys::open(&directory, &[], NOW, Box::new(journal)).unwrap().0
        });
        Self { folder, lives, keys, parts: Cell::new(0), now: Cell::new(NOW) }
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("web")
    }

    fn place(&self) -> Place {
        Place {
            store: "sink.analytics".to_owned(),
            class: Some("web".to_owned()),
            directory: self.directory(),
            lives: self.lives.clone(),
            encrypted: self.keys.is_some(),
        }
    }

    /// A part of ten records of this age, in seconds.
    fn part(&self, age: i64) {
        let columns = Columns::of([
            ("client.address", Type::Token),
            ("url.path", Type::Text),
            ("number", Type::Integer),
        ]);
        let settings = Settings {
            form: Form::Parquet(Arc::new(columns.clone())),
            sooner_secs: 7 * DAY,
            lead_secs: stages::closed_seconds(7 * DAY),
            ..Settings::new("parquet", 7 * DAY)
        };
        let mut sink = FileSink::open(&self.directory(), settings).unwrap();
        if let Some(keys) = &self.keys {
            sink = sink.encrypted(keys.storage(Storage::of("web", 7 * DAY)).unwrap());
        }
        let now = self.now.get();
        for _ in 0..10 {
            let number = self.parts.replace(self.parts.get() + 1);
            let line = format!(
                "{{\"sluis.class\":\"web\",\"client.address\":\"t{number}\",\"url.path\":\"/{number}\",\"number\":{number}}}\n"
            );
            let deadline = now.plus_seconds(14 * DAY.cast_signed() - age);
            assert_eq!(
                sink.write(&batch(&[(&marked(&columns, &line), Some(deadline))]), now).unwrap().records,
                1
            );
        }
        sink.finish(now).unwrap();
        sink.publish().unwrap();
    }

    fn merger(&self) -> Merger {
        let rhythm = Rhythm { margin_seconds: 120, quiet_seconds: 60 };
        let merger =
            Merger::open(&self.folder.path().join("state"), vec![self.place()], rhythm, self.now.get());
        match &self.keys {
            Some(keys) => merger.unwrap().with_keys(keys),
            None => merger.unwrap(),
        }
    }

    fn narrow(&self, merger: &mut Merger) -> (Result<Merged, MergeError>, Vec<String>) {
        let said = RefCell::new(Vec::new());
        let say = |text| said.borrow_mut().push(text);
        let counted = || Some(BTreeSet::new());
        let around = Around { now: &|| self.now.get(), goes_on: &|| true, counted: &counted, say: &say };
        (merger.narrow(around), said.into_inner())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn rows(&self, name: &str) -> Vec<RecordBatch> {
        let part = PartName::read(name).unwrap();
        let mut options = ArrowReaderOptions::new();
        if let Some(keys) = &self.keys {
            let retention_seconds = part.retention_seconds.unwrap();
            let storage = Storage { class: "web".to_owned(), stage: part.stage, retention_seconds };
            let key =
                crypt::decryption(&keys.storage(storage).unwrap(), part.deadline, self.now.get()).unwrap();
            options = options.with_file_decryption_properties(key);
        }
        let file = File::open(self.directory().join(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        reader.build().unwrap().map(Result::unwrap).collect()
    }

    /// The numbers in parts of each stage, with the columns that they have.
    fn found(&self) -> Vec<(u32, Vec<String>, Vec<i64>)> {
        let mut found: Vec<(u32, Vec<String>, Vec<i64>)> = Vec::new();
        for name in self.names() {
            let stage = PartName::read(&name).unwrap().stage;
            for rows in self.rows(&name) {
                let columns = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
                let values = rows.column_by_name("number").unwrap().as_primitive::<Int64Type>().values();
                match found.iter_mut().find(|(of, has, _)| *of == stage && *has == columns) {
                    Some((.., numbers)) => numbers.extend(values),
                    None => found.push((stage, columns, values.to_vec())),
                }
            }
        }
        found.sort();
        for (.., numbers) in &mut found {
            numbers.sort_unstable();
        }
        found
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.folder.path().join("state/journal")).unwrap()
    }
}

#[test]
fn pi_4_what_a_stage_drops_is_gone_before_it_and_the_rest_stays() {
    for encrypts in [false, true] {
        let ground = Ground::new(encrypts);
        // The bucket of an hour is due with the earliest that can be in it, and what is rewritten begins 10 minutes before.
        for age in [WEEK - HOUR - 700, WEEK - HOUR - 700, WEEK - 3 * HOUR] {
            ground.part(age);
        }
        let mut merger = ground.merger();
        assert_eq!(ground.narrow(&mut merger).0.unwrap(), Merged::default(), "nothing is due yet");
        ground.now.set(NOW.plus_seconds(HOUR - 300));
        let (narrowed, said) = ground.narrow(&mut merger);
        let narrowed = narrowed.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((narrowed.parts, narrowed.records, said), (2, 20, vec![]), "encrypted: {encrypts}");
        let found = ground.found();
        let has = |stage: usize, name: &str| found[stage].1.iter().any(|column| column == name);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0, &found[0].2), (0, &(20..30).collect::<Vec<_>>()));
        assert_eq!((found[1].0, &found[1].2), (1, &(0..20).collect::<Vec<_>>()));
        assert!(has(0, "client.address") && !has(1, "client.address") && has(1, "url.path"));
        assert!(ground.names().iter().any(|name| name.contains(".11d.stage1.")), "{:?}", ground.names());
        // No byte of what was dropped.
        for name in ground.names().iter().filter(|name| name.contains("stage1")) {
            let bytes = fs::read(ground.directory().join(name)).unwrap();
            assert!(memchr::memmem::find(&bytes, b"client.address").is_none());
        }
        assert!(ground.journal().contains("\"event\":\"part.narrowed\""));
        assert_eq!(ground.narrow(&mut merger).0.unwrap(), Merged::default());
        // And on, to the last stage, past the end of the first key.
        ground.now.set(NOW.plus_seconds(4 * 86_400 + HOUR - 300));
        if let Some(keys) = &ground.keys {
            let first = keys.storage(Storage::of("web", 7 * DAY)).unwrap();
            let due = first.storage().epoch_of(NOW.plus_seconds(-WEEK + HOUR));
            assert!(matches!(first.key(due, ground.now.get()), Err(KeyError::Dead { .. })));
        }
        assert_eq!(ground.narrow(&mut merger).0.unwrap().records, if encrypts { 20 } else { 30 });
        if encrypts {
            let left = ground.names().into_iter().find(|name| !name.contains("stage")).unwrap();
            fs::remove_file(ground.directory().join(left)).unwrap();
        }
        let found = ground.found();
        let last = found.last().unwrap();
        assert_eq!(last.0, 2);
        assert!(
            !last.1.iter().any(|column| column == "client.address" || column == "url.path"),
            "{:?}",
            last.1
        );
        assert_eq!(last.2, (0..20).collect::<Vec<_>>());
        // What nobody looked at until its stage was over is narrowed where its key lives, and else left for the sweep.
        assert_eq!(found.len(), if encrypts { 1 } else { 2 });
    }
}

#[test]
fn a_policy_that_drops_more_reaches_what_was_narrowed_before() {
    let mut ground = Ground::new(true);
    ground.part(WEEK - 2 * HOUR);
    ground.now.set(NOW.plus_seconds(2 * HOUR - 300));
    let (narrowed, _) = ground.narrow(&mut ground.merger());
    assert_eq!(narrowed.unwrap().parts, 1);
    ground.lives.later[0].drop.push("url.path".to_owned());
    let mut merger = ground.merger();
    assert_eq!(ground.narrow(&mut merger).0.unwrap().parts, 1);
    let found = ground.found();
    assert_eq!((found.len(), found[0].0), (1, 1));
    assert!(!found[0].1.iter().any(|column| column == "url.path"), "{found:?}");
    assert_eq!(ground.narrow(&mut merger).0.unwrap(), Merged::default());
}

#[test]
fn pi_9_narrowing_that_breaks_off_at_any_step_is_undone_or_ended() {
    let steps = [Step::Keep, Step::Enter, Step::Put, Step::Remove, Step::Forget];
    for step in steps {
        for count in 0..if step == Step::Remove { 3 } else { 1 } {
            let ground = Ground::new(true);
            for _ in 0..4 {
                ground.part(WEEK - 2 * HOUR);
            }
            ground.now.set(NOW.plus_seconds(2 * HOUR - 300));
            let mut merger = ground.merger();
            merger.breaks = Some((step, AtomicU32::new(count)));
            assert!(ground.narrow(&mut merger).0.is_err(), "{step:?} {count}");
            drop(merger);
            assert!(ground.narrow(&mut ground.merger()).0.is_ok());
            let found = ground.found();
            assert_eq!((found.len(), found[0].0), (1, 1), "{step:?} {count}");
            assert_eq!(found[0].2, (0..40).collect::<Vec<_>>(), "{step:?} {count}");
            assert!(ground.names().iter().all(|name| !name.starts_with('.')));
        }
    }
}

/// What is damaged or has no key stays as it is, and is said; the rest goes on.
#[test]
fn what_cannot_be_narrowed_is_left_and_said() {
    let ground = Ground::new(true);
    for _ in 0..3 {
        ground.part(WEEK - 2 * HOUR);
    }
    let damaged = ground.directory().join(&ground.names()[1]);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[60] ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    ground.now.set(NOW.plus_seconds(2 * HOUR - 300));
    let mut merger = ground.merger();
    let (first, said) = ground.narrow(&mut merger);
    assert_eq!(first.unwrap().parts, 0);
    assert_eq!(said.len(), 1, "{said:?}");
    let (second, said) = ground.narrow(&mut merger);
    assert_eq!((second.unwrap().records, said.len()), (20, 0));
    assert_eq!(fs::read(&damaged).unwrap(), bytes);
}

/// After a pause that was longer than all stages but the last: what is left of it is kept to its end, and made once.
#[test]
fn what_slept_through_its_stages_is_narrowed_once_until_the_last_margin() {
    let ground = Ground::new(false);
    ground.part(WEEK - 2 * HOUR);
    for (before, parts) in [(60, 0), (300, 1), (300, 0)] {
        ground.now.set(NOW.plus_seconds(WEEK + 2 * HOUR - before));
        assert_eq!(ground.narrow(&mut ground.merger()).0.unwrap().parts, parts, "{before} s before its end");
    }
    assert_eq!(ground.found()[0].0, 2);
}
