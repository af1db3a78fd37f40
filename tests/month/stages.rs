//! The month on Parquet, encrypted, of a class that narrows twice before it ends (PI-4, PI-9).
//!
//! *In*: the lines of one program, minute by minute, some days late; the time is an argument. *Out*: what the library does with them: the sink, the
//! sweep, the keyring, merges and stages, each called as `sluis run` calls it. *Promised*: at every simulated minute, by a model that only adds up
//! times: no record is stored past its end, nor a field of it past its stage; every record that was delivered and is younger than its limit, less the
//! margin and one storage epoch, is there once, and so is each of its fields, less what its stage begins early; no key is left that reads what a copy
//! of a part kept. *Not here*: lines and plain files (`month`).

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;
use sluis::config::plan::Plan;
use sluis::keys::{Storage, StorageUse};
use sluis::retention::part_name::PartName;
use sluis::sink::merge::{self, Around, Merger};

use super::lines::{self, Chance, DAY, HOUR, Line, SECOND, Stream};
use super::{Journal, Rhythm, config, keys, upkeep};
use super::{KeyJournal, Keys, Lock, Timestamp, Upkeep, is_whole, scratch};

/// Ages in seconds at which addresses go, paths go, all goes.
type Ages = [i64; 3];

const COLUMNS: [&str; 2] = ["client.address", "url.path"];
/// Parts are rewritten, and closed for late records, so many margins before a stage, as the reference says.
const BEGINS: i64 = 5;
const CLOSES: i64 = 3;
/// How often parts are looked for that are to be made anew, in seconds; and how long after that the model looks.
const EVERY: i64 = 60;

/// What the simulation does otherwise than `sluis run`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Habit {
    AsRun,
    NeverNarrows,
    NeitherNarrowsNorSweeps,
    /// The policy in force drops less than the model was told.
    KeepsPaths,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    PastDue,
    Vanished,
    Doubled,
    Early,
    Readable,
}

/// A part as it was found.
struct Part {
    length: u64,
    numbers: Vec<u32>,
    /// The earliest and latest instant of its records.
    instants: (i64, i64),
    has: [bool; 2],
}

fn planned(folder: &Path, stream: &Stream, [first, second, last]: Ages, habit: Habit) -> Plan {
    let source = stream.source;
    let paths = if habit == Habit::KeepsPaths { "http.response.status_code" } else { "url.path" };
    let policy = format!(
        r#"
[policy]
name = "stages"
version = "2026-11-28"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[class.web]
retention = "{last}s"
stages = [{{ after = "{first}s", drop = ["client.address"] }}, {{ after = "{second}s", drop = ["{paths}"] }}]
purposes = ["security"]
legal_basis = "GDPR art. 6(1)(f)"
subjects = ["visitors"]

[domain.web]
epoch = "6h"

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"http.response.status_code" = "keep"
"http.response.body.size" = "keep"
"#
    );
    let pipeline = format!(
        "policy = \"policy.toml\"\nkeys = \"keys\"\nstate = \"state\"\n[source.web]\nkind = \"file\"\npath = \"web.log\"\n{source}\nclass = \"web\"\n\
         [sink.web]\nkind = \"parquet\"\npath = \"out\"\nclasses = [\"web\"]\npurpose = \"security\"\nlocation = \"NL\"\n\
         recipient = \"analysts\"\nencrypt = true\npart_secs_max = 900\n"
    );
    let file = folder.join("stages.toml");
    match config::pipeline_from_str(&pipeline, file.to_str().unwrap(), &|_| Ok(policy.clone())) {
        Ok((plan, _)) => plan,
        Err(problems) => panic!("{problems}"),
    }
}

fn storage(name: &str) -> (Storage, Timestamp) {
    let part = PartName::read(name).unwrap();
    let retention_seconds = part.retention_seconds.unwrap();
    (Storage { class: "web".to_owned(), stage: part.stage, retention_seconds }, part.deadline)
}

/// Seconds of a storage epoch of what lives so long.
fn epoch(age: i64) -> i64 {
    HOUR.min(age / 24)
}

/// The model.
struct Model {
    ages: Ages,
    margin: i64,
    /// Seconds of a storage epoch of what arrives.
    epoch: i64,
    /// By number: when the record happened, when it was delivered (0: it may not be stored), in how many parts it is.
    records: Vec<(i64, i64, u8)>,
    /// Numbers that were delivered and not seen yet.
    owed: Vec<u32>,
    parts: HashMap<String, Part>,
    seen: u64,
    narrowed: u64,
}

impl Model {
    fn delivered(&mut self, lines: &[Line], now: i64) {
        let open = 900.min(self.epoch) * SECOND;
        for line in lines {
            let bucket = line.instant.div_euclid(self.epoch * SECOND) * self.epoch * SECOND;
            let goes = bucket + (self.ages[0] - CLOSES * self.margin) * SECOND;
            let may = goes > now + open;
            assert_eq!(self.records.len(), line.number as usize);
            self.records.push((line.instant, if may { now } else { 0 }, 0));
            if may {
                self.owed.push(line.number);
            }
        }
    }

    fn read(&self, directory: &Path, name: &str, keys: &Keys, now: Timestamp) -> Part {
        let (storage, deadline) = storage(name);
        let keys = keys.storage(storage).unwrap();
        let key = keys.key_of_deadline(deadline, now).unwrap();
        let key = FileDecryptionProperties::builder(key.expose_for(StorageUse::Parquet).to_vec()).build();
        let options = ArrowReaderOptions::new().with_file_decryption_properties(key.unwrap());
        let file = File::open(directory.join(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        let has = COLUMNS.map(|column| reader.schema().field_with_name(column).is_ok());
        let mut numbers = Vec::new();
        for rows in reader.build().unwrap() {
            let rows = rows.unwrap();
            let column = rows.column_by_name("http.response.body.size").unwrap();
            numbers.extend(
                column.as_primitive::<Int64Type>().values().iter().map(|n| u32::try_from(*n).unwrap()),
            );
        }
        let instants = numbers.iter().map(|number| self.records[*number as usize].0);
        let instants = instants.fold((i64::MAX, i64::MIN), |(least, most), at| (least.min(at), most.max(at)));
        let length = fs::metadata(directory.join(name)).unwrap().len();
        Part { length, numbers, instants, has }
    }

    /// Looks at all parts.
    fn look(&mut self, directory: &Path, keys: &Keys, now: i64) -> Result<(), Broken> {
        let names =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: BTreeSet<String> = names.filter(|name| !name.starts_with('.')).collect();
        let mut missed = Vec::new();
        // A merge gives the one the name of a small part.
        let length = |name: &String| fs::metadata(directory.join(name)).map_or(0, |facts| facts.len());
        let gone = self.parts.extract_if(|name, part| !names.contains(name) || length(name) != part.length);
        for (_, part) in gone {
            part.numbers.iter().for_each(|number| self.records[*number as usize].2 -= 1);
            missed.extend(part.numbers);
        }
        for name in names {
            if !self.parts.contains_key(&name) {
                let part = self.read(directory, &name, keys, Timestamp(now));
                self.see(&part, now)?;
                self.parts.insert(name, part);
            }
        }
        let is_old =
            |instant: i64| now > instant + (self.ages[2] - self.margin - epoch(self.ages[2])) * SECOND;
        if missed
            .iter()
            .any(|number| self.records[*number as usize].2 == 0 && !is_old(self.records[*number as usize].0))
        {
            return Err(Broken::Vanished);
        }
        // A part closes with the first tick after its time, and has its name with the next.
        let (records, open) = (&self.records, (900.min(self.epoch) + 4 * EVERY) * SECOND);
        self.owed.retain(|number| records[*number as usize].2 == 0);
        // A part that could not be closed in time is thrown away: what was due within a second of that.
        let closes = (self.ages[0] - CLOSES * self.margin - self.epoch) * SECOND;
        if self
            .owed
            .iter()
            .map(|number| records[*number as usize])
            .any(|(instant, at, _)| now > at + open && now < instant + closes)
        {
            return Err(Broken::Vanished);
        }
        self.nothing_past_due(now)
    }

    /// A part that was not there before.
    fn see(&mut self, part: &Part, now: i64) -> Result<(), Broken> {
        for number in &part.numbers {
            let record = &mut self.records[*number as usize];
            assert!(record.1 > 0, "a record is stored that may not be");
            record.2 += 1;
        }
        // Those that go were taken out before.
        if part.numbers.iter().any(|number| self.records[*number as usize].2 > 1) {
            return Err(Broken::Doubled);
        }
        self.seen += 1;
        for (has, age) in part.has.iter().zip(self.ages) {
            let begins = (age - BEGINS * self.margin - epoch(age)) * SECOND;
            if !has && now + EVERY * SECOND < part.instants.1 + begins {
                return Err(Broken::Early);
            }
        }
        self.narrowed += u64::from(!part.has[0]);
        Ok(())
    }

    fn nothing_past_due(&self, now: i64) -> Result<(), Broken> {
        for part in self.parts.values() {
            let has = [part.has[0], part.has[1], true];
            if has.iter().zip(self.ages).any(|(has, age)| *has && part.instants.0 + age * SECOND <= now) {
                return Err(Broken::PastDue);
            }
        }
        Ok(())
    }
}

fn simulate(days: i64, ages: Ages, habit: Habit) -> Result<Model, Broken> {
    let folder = scratch();
    let begin = Timestamp::from_seconds(super::MONTH_BEGINS);
    let stream = lines::streams([DAY, ages[2], DAY, DAY])[1];
    let plan = planned(folder.path(), &stream, ages, habit);
    let dir = plan.keys.as_ref().unwrap();
    let domains: Vec<_> =
        plan.policy.domains.iter().map(|d| (d.name.as_str(), d.epoch_seconds, d.retention_seconds)).collect();
    let storages: Vec<Storage> = (0..3)
        .map(|stage| Storage { stage, ..Storage::of("web", ages[stage as usize].unsigned_abs()) })
        .collect();
    keys::admin::init_all(dir, &domains, &storages, begin, &KeyJournal::of(dir)).unwrap();
    let (keys, _) = Keys::open(dir, &plan.policy.domains, begin, Box::new(KeyJournal::of(dir))).unwrap();
    let mut lock = Lock::open(&plan, &keys);
    let places = upkeep::places(&plan);
    let (directory, state) = (places[0].directory.clone(), plan.state.clone().unwrap());
    let rhythm = Rhythm::of(Some(places[0].lives.first_seconds));
    let margin = i64::try_from(rhythm.margin_seconds).unwrap();
    let journal = Journal::open(&state, begin).unwrap();
    let of_merges = merge::Rhythm { margin_seconds: rhythm.margin_seconds, quiet_seconds: 0 };
    let mut merger = Merger::open(&state, places.clone(), of_merges, begin).unwrap().with_keys(&keys);
    let mut upkeep = Upkeep { places, rhythm, journal, keys: keys.clone(), destroyed: 0 };
    let mut model = Model {
        ages,
        margin,
        epoch: epoch(ages[0]),
        records: vec![(0, 0, 0)],
        owed: Vec::new(),
        parts: HashMap::new(),
        seen: 0,
        narrowed: 0,
    };
    let (mut chance, mut number) = (Chance::new(41), 0);
    let (mut bytes, mut fed) = (Vec::new(), Vec::new());
    let mut copy: Option<String> = None;
    for minute in 0..(days * DAY + ages[2] + HOUR) / 60 {
        let now = Timestamp(begin.0 + (minute * 60 + chance.between(0, 20)) * SECOND);
        // Nothing comes any more at the end, and all of it goes.
        if minute < days * DAY / 60 && chance.below(stream.one_minute_of) == 0 {
            lines::batch(&stream, now.0, &mut chance, &mut number, (&mut bytes, &mut fed));
            model.delivered(&fed, now.0);
            lock.feed(0, &bytes, now);
        }
        lock.tick(now);
        model.nothing_past_due(now.0)?;
        let around = Around {
            now: &|| now,
            goes_on: &|| true,
            counted: &|| Some(BTreeSet::new()),
            say: &|text| panic!("{text}"),
        };
        if habit == Habit::AsRun || habit == Habit::KeepsPaths {
            merger.narrow(around).unwrap();
        }
        merger.merge(around).unwrap();
        if habit != Habit::NeitherNarrowsNorSweeps {
            upkeep.sweep(now);
        }
        model.look(&directory, &keys, now.0)?;
        // As a backup does; the key of what it has must die.
        let (storage, deadline) = match &copy {
            None => {
                copy = model.parts.keys().min().cloned();
                continue;
            }
            Some(name) => storage(name),
        };
        if now >= deadline {
            let key = keys.storage(storage).unwrap().key_of_deadline(deadline, now);
            if key.is_ok() {
                return Err(Broken::Readable);
            }
            copy = None;
        }
    }
    lock.finish(Timestamp(begin.0 + (days * DAY + ages[2] + HOUR) * SECOND));
    assert!(model.parts.is_empty(), "{:?}", model.parts.keys());
    Ok(model)
}

#[test]
fn pi_4_a_month_of_columns_narrows_and_ends_on_time() {
    let (days, ages) =
        if is_whole() { (31, [7 * DAY, 10 * DAY, 14 * DAY]) } else { (1, [6 * HOUR, 12 * HOUR, 24 * HOUR]) };
    let model = simulate(days, ages, Habit::AsRun).unwrap_or_else(|broken| panic!("{broken:?}"));
    println!(
        "figures: {days} days of columns: {} records, {} parts, {} of them narrowed",
        model.records.len() - 1,
        model.seen,
        model.narrowed
    );
    assert!(model.narrowed > 20 && model.records.len() > 5_000);
}

/// A model that finds nothing proves nothing.
#[test]
fn columns_that_are_kept_badly_are_found_out() {
    let ages = [6 * HOUR, 12 * HOUR, 24 * HOUR];
    for (habit, broken) in [
        (Habit::NeverNarrows, Broken::Vanished),
        (Habit::NeitherNarrowsNorSweeps, Broken::PastDue),
        (Habit::KeepsPaths, Broken::PastDue),
    ] {
        assert_eq!(simulate(1, ages, habit).map(|_| ()), Err(broken), "{habit:?}");
    }
}
