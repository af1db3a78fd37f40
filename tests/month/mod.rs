//! A simulated month: what is stored is never past its deadline, and never gone while it is young (PI-3, PI-4).
//!
//! *In*: raw lines of four programs, minute by minute, some hours late, some from the future, some expired; the time is an argument.
//! *Out*: what the library does with them: the worker, the delivery and the file sinks that a pipeline file builds, the sweep with its
//! journal and the keyring, each called as often as `sluis run` calls it. *Promised*: at every simulated minute, before every sweep
//! and after each that destroyed something, two statements hold by a model of our own ([`disk`]): no stored record is past its
//! deadline; every record that was delivered and is younger than its limit less the margin and one storage epoch is there. A part that is
//! not visible yet counts as stored. Then the clock goes on without input until nothing is left. *Not here*: the process with its
//! threads, signals and the real clock.
//!
//! The month has the night in which an hour comes twice, and the fourth program writes local times. `SLUIS_MONTH=1` runs all of it (best
//! optimised: a minute or two); without, it is three days with shorter classes.

mod disk;
mod lines;
mod stages;

use std::fs;
use std::path::{Path, PathBuf};

use sluis::cli::upkeep;
use sluis::config::{self, plan::Plan};
use sluis::keys::{self, Keys};
use sluis::pipeline::build;
use sluis::pipeline::counts::Counts;
use sluis::pipeline::delivery::Delivery;
use sluis::pipeline::refusals::Refusals;
use sluis::pipeline::worker::{Outcome, SourcePlan, Worker};
use sluis::record::batch::RawBatch;
use sluis::record::timestamp::Timestamp;
use sluis::retention::journal::KeyJournal;
use sluis::retention::journal::{self, Event, Journal};
use sluis::retention::rhythm::Rhythm;
use sluis::retention::sweep::{self, Place, Swept};
use tempfile::TempDir;

use disk::{Broken, Disk, Fault, Figures};
use lines::{Chance, DAY, HOUR, Line, SECOND, Stream};

/// 2026-10-10 and 2026-10-24, midnight UTC: in the night to 2026-10-25 an hour comes twice in Amsterdam.
const MONTH_BEGINS: i64 = 1_791_590_400;
const DAYS_BEGIN: i64 = MONTH_BEGINS + 14 * DAY;

/// What the simulation does otherwise than `sluis run`, so that the model must say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Habit {
    AsRun,
    /// Sweeps come four times in an hour.
    SweepsRarely,
    /// Parts go when they are due, not before.
    NoMargin,
    /// Parts go ten minutes too early.
    WideMargin,
    /// A part is closed only when the run ends.
    NeverTicks,
    /// A part that was destroyed comes back, as from a backup.
    Restores,
    /// Every hundredth part gets lost.
    Loses,
}

/// What is simulated.
struct Simulation<'a> {
    begins: i64,
    days: i64,
    streams: &'a [Stream],
    habit: Habit,
    seed: u64,
}

/// The product: lines in, parts on disk. The one place that knows how a delivery is made and called.
struct Lock {
    worker: Worker,
    sources: Vec<SourcePlan>,
    delivery: Delivery,
    outcome: Outcome,
    batch: RawBatch,
}

impl Lock {
    fn open(plan: &Plan, keys: &Keys) -> Self {
        let sources = build::sources(plan).unwrap().sources;
        let sinks = build::sinks(plan, &sources, keys, &std::sync::Arc::default()).unwrap();
        let outcome = Outcome::new(sinks.len());
        let worker = build::workers(keys, 1, 1 << 12, plan.policy.learned_names).unwrap().remove(0);
        Self {
            worker,
            sources,
            delivery: Delivery::new(sinks, Box::new(Refusals::discarding(true))),
            outcome,
            batch: RawBatch::with_capacity(1 << 18),
        }
    }

    /// A batch of input number `input` arrives, is processed and delivered.
    fn feed(&mut self, input: usize, bytes: &[u8], now: Timestamp) {
        self.batch.clear();
        self.batch.bytes.extend_from_slice(bytes);
        self.batch.received = now;
        self.worker.process(input, &self.sources[input], &self.batch, now, &mut self.outcome);
        assert!(self.delivery.deliver(input, &self.batch, &self.outcome, &|| now), "a sink has failed");
    }

    fn tick(&mut self, now: Timestamp) {
        self.worker.forget_dead(now);
        assert!(self.delivery.tick(&|| now), "a sink has failed");
    }

    fn finish(self, now: Timestamp) -> Counts {
        let (counts, failed, _) = self.delivery.finish(now);
        assert!(failed.is_none(), "{failed:?}");
        counts
    }
}

/// Files in memory: nothing here is about surviving a power cut, and a month of syncs of a disk takes hours.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap()
}

/// A pipeline file and its policy, as an administrator would write them, and the plan that they make.
fn planned(folder: &Path, streams: &[Stream]) -> Plan {
    let mut policy = String::from(
        r#"
[policy]
name = "month"
version = "2026-11-27"
controller = "Example Foundation"
contact = "privacy@example.org"
locations = ["NL"]

[fields]
"time" = "keep"
"client.address" = "pseudonymise"
"url.path" = "scrub"
"http.response.status_code" = "keep"
"http.response.body.size" = "keep"
"connection.id" = "keep"
"#,
    );
    let mut pipeline = String::from("policy = \"policy.toml\"\nkeys = \"keys\"\nstate = \"state\"\n");
    for stream in streams {
        let Stream { class, source, emit, part_secs_max, retention, .. } = stream;
        policy.push_str(&format!(
            "[class.{class}]\nretention = \"{retention}s\"\npurposes = [\"security\"]\n\
             legal_basis = \"GDPR art. 6(1)(f)\"\nsubjects = [\"visitors\"]\n[domain.{class}]\nepoch = \"6h\"\n"
        ));
        pipeline.push_str(&format!(
            "[source.{class}]\nkind = \"file\"\npath = \"{class}.log\"\n{source}\nclass = \"{class}\"\n\
             [sink.{class}]\nkind = \"file\"\npath = \"out/{class}\"\nclasses = [\"{class}\"]\npurpose = \"security\"\n\
             location = \"NL\"\nrecipient = \"operations\"\nemit = \"{emit}\"\npart_secs_max = {part_secs_max}\n"
        ));
    }
    let file = folder.join("month.toml");
    let load = |_: &Path| Ok(policy.clone());
    match config::pipeline_from_str(&pipeline, file.to_str().unwrap(), &load) {
        Ok((plan, _)) => plan,
        Err(problems) => panic!("{problems}"),
    }
}

/// What a run owes its stores: sweeps and the keyring, with the journal. As `cli::upkeep` and `cli::keeping` do it.
struct Upkeep {
    places: Vec<Place>,
    rhythm: Rhythm,
    journal: Journal,
    keys: Keys,
    destroyed: u64,
}

impl Upkeep {
    fn sweep(&mut self, now: Timestamp) -> Vec<Swept> {
        let swept = sweep::sweep(&self.places, now, self.rhythm.margin_seconds, &mut self.journal).unwrap();
        for swept in &swept {
            assert_eq!((swept.failed, swept.foreign), (0, 0), "{:?}", swept.failure);
            self.destroyed += swept.destroyed;
        }
        let events: Vec<Event> = self.keys.advance(now).unwrap().into_iter().map(Event::Key).collect();
        if !events.is_empty() {
            self.journal.append(now, &events).unwrap();
        }
        swept
    }
}

/// What sabotage needs.
#[derive(Default)]
struct Sabotage {
    /// A part as it was, and where.
    copy: Option<(PathBuf, Vec<u8>)>,
    seen: u64,
}

impl Sabotage {
    /// Changes what is on disk, as the habit has it.
    fn act(&mut self, habit: Habit, places: &[Place]) {
        if !matches!(habit, Habit::Restores | Habit::Loses) {
            return;
        }
        let visible = |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with('.');
        let found = fs::read_dir(&places[0].directory).unwrap().map(|entry| entry.unwrap().path());
        let Some(first) = found.filter(visible).min() else { return };
        self.seen += 1;
        match (habit, &self.copy) {
            (Habit::Loses, _) if self.seen == 100 => {
                let found = fs::read_dir(&places[0].directory).unwrap().map(|entry| entry.unwrap().path());
                fs::remove_file(found.filter(visible).max().unwrap()).unwrap();
            }
            (Habit::Restores, None) => self.copy = Some((first.clone(), fs::read(&first).unwrap())),
            (Habit::Restores, Some((path, bytes))) if !path.exists() => fs::write(path, bytes).unwrap(),
            _ => {}
        }
    }
}

/// Runs the simulation to the end of its input, and on until nothing is left.
fn simulate(simulation: &Simulation<'_>) -> Result<Figures, Fault> {
    let folder = scratch();
    let Simulation { begins, days, streams, habit, .. } = *simulation;
    let begin = Timestamp::from_seconds(begins);
    let plan = planned(folder.path(), streams);
    let domains = plan.policy.domains.iter().map(|d| (d.name.as_str(), d.epoch_seconds, d.retention_seconds));
    let dir = plan.keys.as_ref().unwrap();
    keys::init(dir, &domains.collect::<Vec<_>>(), begin, &KeyJournal::of(dir)).unwrap();
    let journal = Box::new(KeyJournal::of(dir));
    let (keys, _) = Keys::open(dir, &plan.policy.domains, begin, journal).unwrap();
    let mut lock = Lock::open(&plan, &keys);
    let places = upkeep::places(&plan);
    assert_eq!(places.len(), streams.len(), "one place per class");
    let honest = Rhythm::of(places.iter().map(|place| place.lives.first_seconds).min());
    let margin = i64::try_from(honest.margin_seconds).unwrap() * SECOND;
    let mut rhythm = honest;
    match habit {
        Habit::SweepsRarely => rhythm.every = std::time::Duration::from_mins(15),
        Habit::NoMargin => rhythm.margin_seconds = 0,
        Habit::WideMargin => rhythm.margin_seconds += 600,
        _ => {}
    }
    let every = i64::try_from(rhythm.every.as_micros()).unwrap();
    let journal = Journal::open(plan.state.as_ref().unwrap(), begin).unwrap();
    let mut upkeep = Upkeep { places, rhythm, journal, keys, destroyed: 0 };
    let mut disk = Disk::new(&folder.path().join("out"), streams, margin);
    let (mut chance, mut number, mut next_sweep) = (Chance::new(simulation.seed), 0, begin.0);
    let (mut bytes, mut fed, mut sabotage) = (Vec::new(), Vec::<Line>::new(), Sabotage::default());
    // The second of this minute in which a batch of each stream comes; 60 for none.
    let mut comes = vec![60; streams.len()];
    for second in 0..days * DAY {
        let at = begin.0 + second * SECOND;
        if second % 60 == 0 {
            for (comes, stream) in comes.iter_mut().zip(streams) {
                let some = chance.below(stream.one_minute_of) == 0;
                *comes = if some { chance.between(0, 60) } else { 60 };
            }
        }
        // Whatever happens in this second happens at one instant in it.
        let now = Timestamp(at + chance.between(0, SECOND));
        if now.0 >= next_sweep {
            disk.nothing_past_due(now.0)?;
            let swept = upkeep.sweep(now);
            if swept.iter().any(|swept| swept.destroyed > 0) {
                disk.look(now.0)?;
            }
            next_sweep = now.0 + every;
        }
        for (input, stream) in streams.iter().enumerate() {
            if comes[input] == second % 60 {
                lines::batch(stream, now.0, &mut chance, &mut number, (&mut bytes, &mut fed));
                disk.delivered(input, &fed, now.0);
                lock.feed(input, &bytes, now);
            }
        }
        if habit != Habit::NeverTicks {
            lock.tick(now);
        }
        if second % 60 == 59 {
            disk.look(at + SECOND)?;
            sabotage.act(habit, &upkeep.places);
        }
    }
    let end = Timestamp::from_seconds(begins + days * DAY);
    let counts = lock.finish(end);
    disk.look(end.0)?;
    outlive(&mut upkeep, &mut disk, end)?;
    expect_counts(&counts, &disk.figures);
    expect_journal(&upkeep, &plan);
    Ok(disk.figures)
}

/// Nothing more comes. The clock jumps from deadline to deadline, until nothing is left.
fn outlive(upkeep: &mut Upkeep, disk: &mut Disk, end: Timestamp) -> Result<(), Fault> {
    let margin = i64::try_from(upkeep.rhythm.margin_seconds).unwrap();
    let mut now = end;
    loop {
        disk.nothing_past_due(now.0)?;
        let swept = upkeep.sweep(now);
        disk.look(now.0)?;
        let Some(next) = swept.iter().filter_map(|swept| swept.next).min() else { break };
        // The last sweep before: the next one is as late as it can be.
        now = next.plus_seconds(-margin).max(now.plus_seconds(1));
    }
    assert_eq!(disk.parts(), 0);
    Ok(())
}

/// Everything is accounted for as the model has it.
fn expect_counts(counts: &Counts, figures: &Figures) {
    assert!(counts.balance());
    assert_eq!((counts.records_in, counts.quarantined(), counts.dropped), (figures.lines, 0, 0));
    assert_eq!(counts.expired, figures.expired);
    // A part whose deadline is a second after its closing may come too late.
    assert!((figures.withheld..=figures.withheld + figures.unseen).contains(&counts.withheld));
    assert_eq!(figures.seen + figures.unseen, figures.stored);
    assert!(figures.unseen * 1000 <= figures.stored, "{} of {}", figures.unseen, figures.stored);
}

/// Every part that went is in the journal, which proves itself (PI-8).
fn expect_journal(upkeep: &Upkeep, plan: &Plan) {
    let bytes = fs::read(plan.state.as_ref().unwrap().join(journal::FILE_NAME)).unwrap();
    let mut destroyed = 0;
    let count = |entry: &[u8]| {
        destroyed += u64::from(memchr::memmem::find(entry, b"\"part.destroyed\"").is_some());
    };
    journal::verify(bytes.as_slice(), Some(upkeep.journal.head()), count).unwrap();
    assert_eq!(destroyed, upkeep.destroyed);
}

/// A month, optimised; otherwise three days.
fn is_whole() -> bool {
    std::env::var_os("SLUIS_MONTH").is_some()
}

#[test]
fn pi_3_pi_4_a_month_holds_minute_by_minute() {
    let whole = lines::streams([DAY, 7 * DAY, 10 * DAY, 14 * DAY]);
    let short = lines::streams([6 * HOUR, DAY, 36 * HOUR, 2 * DAY]);
    let simulation = if is_whole() {
        Simulation { begins: MONTH_BEGINS, days: 31, streams: &whole, habit: Habit::AsRun, seed: 2026 }
    } else {
        Simulation { begins: DAYS_BEGIN, days: 3, streams: &short, habit: Habit::AsRun, seed: 2026 }
    };
    match simulate(&simulation) {
        Ok(figures) => {
            println!("figures: {} days: {figures}", simulation.days);
            assert!(figures.lines >= if is_whole() { 2_000_000 } else { 100_000 });
            assert!(figures.spare_least.is_some_and(|spare| spare > 0));
        }
        Err(fault) => panic!("{:?}: {}", fault.broken, fault.what),
    }
}

/// A model that finds nothing proves nothing.
#[test]
fn a_month_that_is_kept_badly_is_found_out() {
    let streams = lines::streams([6 * HOUR, 6 * HOUR, 12 * HOUR, DAY]);
    for (habit, broken) in [
        (Habit::SweepsRarely, Broken::PastDue),
        (Habit::NoMargin, Broken::PastDue),
        (Habit::WideMargin, Broken::Vanished),
        (Habit::NeverTicks, Broken::Hidden),
        (Habit::Restores, Broken::Doubled),
        (Habit::Loses, Broken::Vanished),
    ] {
        let simulation = Simulation { begins: DAYS_BEGIN, days: 2, streams: &streams, habit, seed: 7 };
        let found = simulate(&simulation).map(|_| ()).map_err(|fault| fault.broken);
        assert_eq!(found, Err(broken), "{habit:?}");
    }
}
