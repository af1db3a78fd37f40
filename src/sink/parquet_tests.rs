use std::fs;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;

use super::super::deadline_of;
use super::super::testing::batch;
use super::*;
use crate::encode::columns::Type;
use crate::encode::columns::testing::marked;
use crate::keys::{self, Keys, Storage};
use crate::retention::journal::KeyJournal;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const DAY: u64 = 86_400;

fn columns() -> Columns {
    Columns::of([("client.address", Type::Token), ("number", Type::Integer)])
}

fn settings() -> Settings {
    Settings { form: Form::Parquet(Arc::new(columns())), ..Settings::new("parquet", 14 * DAY) }
}

fn line(number: i64) -> String {
    let line = format!(
        "{{\"sluis.class\":\"web\",\"client.address\":\"token-{number}\",\"number\":{number},\"sluis.epoch\":\"web/1/2\"}}\n"
    );
    marked(&columns(), &line)
}

/// The numbers in a file, and how many row groups it has.
fn numbers(path: &Path) -> (Vec<i64>, usize) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let groups = reader.metadata().num_row_groups();
    let mut numbers = Vec::new();
    for found in reader.build().unwrap() {
        let found = found.unwrap();
        numbers.extend(found.column_by_name("number").unwrap().as_primitive::<Int64Type>().values());
    }
    (numbers, groups)
}

#[allow(clippy::unnecessary_wraps, reason = "deadlines are optional")]
fn soon(seconds: i64) -> Option<Timestamp> {
    Some(NOW.plus_seconds(seconds))
}

/// Cut back to any checkpoint, a part is a whole file of what was there.
#[test]
fn a_part_is_a_whole_file_at_every_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    let mut counted = Vec::new();
    for number in 0..5 {
        sink.write(&batch(&[(&line(number), soon(7_200))]), NOW).unwrap();
        let mut held = Vec::new();
        sink.hold(&mut held).unwrap();
        // Nothing came: nothing is written.
        let mut again = Vec::new();
        sink.hold(&mut again).unwrap();
        assert_eq!(held, again);
        counted.push(held.remove(0));
    }
    sink.write(&batch(&[(&line(5), soon(7_200))]), NOW).unwrap();
    for (number, held) in (0_i64..).zip(&counted) {
        let copy = root.path().join("copy");
        fs::copy(&held.hidden, &copy).unwrap();
        fs::OpenOptions::new().write(true).open(&copy).unwrap().set_len(held.bytes).unwrap();
        assert_eq!(numbers(&copy), ((0..=number).collect(), usize::try_from(number + 1).unwrap()));
        fs::remove_file(copy).unwrap();
    }
    sink.finish(NOW).unwrap();
    sink.publish().unwrap();
    let part = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(deadline_of(part.file_name().unwrap().to_str().unwrap()), soon(7_200));
    assert_eq!(numbers(&part), ((0..6).collect(), 6));
}

/// However many parts are open, what waits in all of them is bounded, and the fullest go first.
#[test]
fn what_waits_is_bounded_over_all_parts() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    let long: String = (0..20_000).map(line).collect();
    let pieces: Vec<_> = (0..48).map(|hour| (long.as_str(), soon(7_200 + hour * 3_600))).collect();
    let mut rows = 0;
    for _ in 0..3 {
        sink.write(&batch(&pieces), NOW).unwrap();
        rows += 48 * 20_000;
        let waiting: usize = sink.open.values().map(|open| open.part.waiting()).sum();
        assert!(waiting <= WAITING_BYTES_MAX && waiting > WAITING_BYTES_MAX / 2, "{waiting}");
    }
    sink.finish(NOW).unwrap();
    sink.publish().unwrap();
    let found = fs::read_dir(root.path()).unwrap().map(|part| numbers(&part.unwrap().path()).0.len());
    assert_eq!(found.sum::<usize>(), rows);
}

/// What is not of our making is an error without a word of it, and the part is gone.
#[test]
fn lines_that_cannot_be_read_back_say_nothing_of_themselves() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::open(root.path(), settings()).unwrap();
    let error =
        sink.write(&batch(&[("203.0.113.9 is no JSON\n", soon(7_200))]), NOW).unwrap_err().to_string();
    assert!(error.contains("cannot be read back as columns") && !error.contains("203"), "{error}");
    drop(sink);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

/// The keys of a class, in a keyring of its own.
fn storage_keys(root: &Path) -> StorageKeys {
    let directory = root.join("keys");
    let journal = KeyJournal::of(&directory);
    let storage = Storage::of("web", 14 * DAY);
    let made = keys::admin::init_all(
        &directory,
        &[("web", DAY, 14 * DAY)],
        std::slice::from_ref(&storage),
        NOW,
        &journal,
    );
    assert_eq!(made.unwrap().len(), 2);
    let (keys, _) = Keys::open(&directory, &[], NOW, Box::new(journal)).unwrap();
    let other = keys.storage(Storage::of("other", 14 * DAY));
    assert!(other.is_err_and(|error| error.to_string().contains("keys init")));
    keys.storage(storage).unwrap()
}

/// The numbers in an encrypted file.
fn sealed_numbers(path: &Path, key: Arc<FileDecryptionProperties>) -> Vec<i64> {
    assert!(ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).is_err());
    let options = ArrowReaderOptions::new().with_file_decryption_properties(key);
    let file = fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let columns = reader.metadata().row_group(0).columns();
    assert!(columns.iter().all(|column| column.bloom_filter_offset().is_none()));
    let rows = reader.build().unwrap().map(Result::unwrap);
    rows.flat_map(|rows| rows.column_by_name("number").unwrap().as_primitive::<Int64Type>().values().to_vec())
        .collect()
}

/// With its key, an encrypted part is a whole file of what was there, too, however often it ended.
#[test]
fn an_encrypted_part_is_a_whole_file_at_every_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    let parts = root.path().join("web");
    let keys = storage_keys(root.path());
    let mut sink = FileSink::open(&parts, settings()).unwrap().encrypted(keys.clone());
    let key = |name: &str| crypt::decryption(&keys, deadline_of(name).unwrap(), NOW).unwrap();
    let copy = root.path().join("copy");
    for number in 0..3 {
        sink.write(&batch(&[(&line(number), soon(7_200))]), NOW).unwrap();
        let mut held = Vec::new();
        sink.hold(&mut held).unwrap();
        assert!(held.len() == 1 && !held[0].closes && !sink.is_closing());
        fs::copy(&held[0].hidden, &copy).unwrap();
        fs::OpenOptions::new().write(true).open(&copy).unwrap().set_len(held[0].bytes).unwrap();
        assert_eq!(sealed_numbers(&copy, key(&held[0].name)), (0..=number).collect::<Vec<_>>());
    }
    sink.write(&batch(&[(&line(3), soon(7_200))]), NOW).unwrap();
    sink.finish(NOW).unwrap();
    sink.publish().unwrap();
    let part = fs::read_dir(&parts).unwrap().next().unwrap().unwrap().path();
    let name = part.file_name().unwrap().to_str().unwrap();
    assert_eq!(sealed_numbers(&part, key(name)), [0, 1, 2, 3]);
}

/// A key dies a margin before its deadline: what could not be closed by then is withheld, and nothing fails.
#[test]
fn pi_3_what_an_encrypted_part_cannot_hold_until_its_key_dies_is_withheld() {
    let root = tempfile::tempdir().unwrap();
    let keys = storage_keys(root.path());
    let mut sink = FileSink::open(&root.path().join("web"), settings()).unwrap().encrypted(keys);
    // Buckets begin at the full hour, and parts may be open for a minute.
    let now = NOW.plus_seconds(3_600 - NOW.seconds().rem_euclid(3_600));
    let at = |seconds: i64| now.plus_seconds(3_600 - 60 - 120 + seconds);
    let lines = line(1);
    let one = [(lines.as_str(), Some(now.plus_seconds(3_600)))];
    assert_eq!(sink.write(&batch(&one), at(-1)).unwrap().records, 1);
    assert_eq!(sink.write(&batch(&one), at(0)).unwrap().withheld, 1);
}
