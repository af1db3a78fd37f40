//! An evening of meetings through the real program, under the shipped policy: nobody shows, and a fault can be followed.
//!
//! *In*: what `benches/evening` generates. *Promised*: PI-1 over nginx, Prosody, Jicofo and the bridge at once, in every spelling and
//! encoding that [`search`] knows; one token per room and endpoint in all four outputs ([`follow`]). *Not here*: how well logs of the
//! field fare (`corpus`).

mod follow;
#[path = "../../benches/evening/mod.rs"]
mod generator;
mod search;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use generator::Wish;
use search::{Searcher, Secret};
use tempfile::TempDir;

use crate::support::{self, Run, Stats};

/// The logs, with format and class.
const LOGS: &[(&str, &str, &str)] = &[
    ("access", "combined", "web"),
    ("error", "nginx-error", "web"),
    ("prosody", "prosody", "technical"),
    ("jicofo", "jicofo", "jicofo"),
    ("jvb", "jvb", "jvb"),
];
/// The generator's seed; any does.
const SEED: u64 = 7;
/// Sightings that a failing test shows.
const SHOWN: usize = 80;

/// One evening, and what the program made of it.
struct Evening {
    folder: TempDir,
    secrets: Vec<Secret>,
    fault: BTreeMap<String, String>,
}

/// What one run left behind.
struct Outcome {
    run: Run,
    stats: Stats,
    /// Output per log.
    outputs: BTreeMap<&'static str, Vec<u8>>,
    /// Names of all that was written.
    names: Vec<String>,
}

static SMALL: LazyLock<Evening> = LazyLock::new(|| evening(6, 40, SEED));

fn evening(rooms: u64, participants: u64, seed: u64) -> Evening {
    let folder = TempDir::new().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    // All on one day, so that one epoch's tokens are compared; a line of the near future costs nothing.
    let start = (now - 3 * 3600).max(now - now.rem_euclid(86_400));
    let out = folder.path().join("in");
    let wish = Wish { rooms, participants, seed, start, span: 3 * 3600, out: out.clone() };
    generator::evening(&wish).unwrap();
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let pairs = search::secrets(&read("fault.tsv")).into_iter().map(|pair| (pair.kind, pair.value));
    Evening { secrets: search::secrets(&read("secrets.tsv")), fault: pairs.collect(), folder }
}

impl Evening {
    fn input(&self, log: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(format!("in/{log}.log"))).unwrap()
    }

    /// Runs the program over all logs, each into a directory of its own, and reads what it wrote.
    fn run(&self, emit: &str) -> Outcome {
        let root = self.folder.path().join(emit);
        fs::create_dir(&root).unwrap();
        let keys = root.join("keys");
        make_keys(&keys);
        // A pipeline per log, so that each output is known by its log; the keyring is what they share.
        let (mut whole, mut outputs, mut names) = (None::<(Run, Stats)>, BTreeMap::new(), Vec::new());
        for (log, format, class) in LOGS {
            let pipeline = root.join(format!("{log}.toml"));
            fs::write(&pipeline, pipeline_of(log, format, class, emit)).unwrap();
            let run = support::sluis(&["run", pipeline.to_str().unwrap(), "--once", "--stats=json"], b"");
            run.expect_code(0);
            let out = root.join("out").join(log);
            let files = support::files_under(&out);
            names.extend(files.iter().map(|file| file.to_string_lossy().into_owned()));
            outputs.insert(*log, files.iter().flat_map(|file| fs::read(out.join(file)).unwrap()).collect());
            whole = Some(match whole {
                None => (Run { code: 0, out: run.out.clone(), err: run.err.clone() }, run.stats()),
                Some((before, stats)) => (both(before, &run), added(stats, &run.stats())),
            });
        }
        let (run, stats) = whole.expect("there are logs");
        Outcome { run, stats, outputs, names }
    }
}

fn make_keys(folder: &Path) {
    let keys = folder.to_str().unwrap();
    let made = ["keys", "init", "--keys", keys, "--domain", "meeting", "--epoch", "1d", "--retention", "14d"];
    support::sluis(&made, b"").expect_code(0);
}

fn both(mut before: Run, after: &Run) -> Run {
    before.out.extend_from_slice(&after.out);
    before.err.extend_from_slice(&after.err);
    before
}

fn added(mut sum: Stats, more: &Stats) -> Stats {
    sum.taken += more.taken;
    sum.out += more.out;
    sum.quarantined += more.quarantined;
    sum.expired += more.expired;
    sum.dropped += more.dropped;
    for (reason, count) in &more.reasons {
        *sum.reasons.entry(reason.clone()).or_default() += count;
    }
    sum
}

fn pipeline_of(log: &str, format: &str, class: &str, emit: &str) -> String {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/meet.toml");
    // The access log states its zone.
    let zone = if format == "combined" { "" } else { "time_zone = \"UTC\"\n" };
    format!(
        "policy = \"{policy}\"\nkeys = \"keys\"\nstate = \"state\"\n\n[source.{log}]\nkind = \"file\"\npath = \"../in/{log}.log\"\n\
         format = \"{format}\"\n{zone}class = \"{class}\"\n\n[sink.faults]\nkind = \"file\"\npath = \"out/{log}\"\n\
         classes = [\"{class}\"]\npurpose = \"fault analysis\"\nlocation = \"NL\"\nrecipient = \"operations team\"\n\
         emit = \"{emit}\"\npart_secs_max = 900\n",
        policy = policy.display(),
    )
}

/// Everything that shows in `text` with its tokens taken out, one line per sighting.
fn shown(
    evening: &Evening,
    searcher: &Searcher,
    what: &str,
    text: &[u8],
    inputs: &HashSet<String>,
) -> Vec<String> {
    let clean = search::without_tokens(text, inputs);
    let say = |sighting: search::Sighting| {
        let Secret { kind, value } = &evening.secrets[sighting.secret];
        format!(
            "{what}: {kind} '{value}' as '{}' ({}): …{}…",
            sighting.needle, sighting.view, sighting.excerpt
        )
    };
    searcher.sightings(&clean).into_iter().map(say).collect()
}

fn nothing_shows(evening: &Evening, outcome: &Outcome) {
    let searcher = Searcher::new(&evening.secrets);
    let inputs: HashSet<String> =
        LOGS.iter().flat_map(|(log, ..)| search::token_like(&evening.input(log))).collect();
    let mut problems = Vec::new();
    for (log, output) in &outcome.outputs {
        assert!(!output.is_empty(), "{log}: nothing came out, so nothing was tested");
        problems.extend(shown(evening, &searcher, log, output, &inputs));
    }
    problems.extend(shown(evening, &searcher, "standard output", &outcome.run.out, &inputs));
    problems.extend(shown(evening, &searcher, "standard error", &outcome.run.err, &inputs));
    problems.extend(shown(evening, &searcher, "names", outcome.names.join("\n").as_bytes(), &inputs));
    let first: Vec<&str> = problems.iter().take(SHOWN).map(String::as_str).collect();
    assert!(problems.is_empty(), "{} sightings:\n{}", problems.len(), first.join("\n"));
}

fn all_accounted_for(outcome: &Outcome) {
    let stats = &outcome.stats;
    assert!(stats.balanced(), "{stats:?}");
    assert_eq!(stats.quarantined, 0, "{:?}\n{}", stats.reasons, outcome.run.err_text());
    assert_eq!((stats.expired, stats.dropped, stats.taken), (0, 0, stats.out));
    assert!(stats.taken > 0);
}

/// A search that finds nothing in a cleaned log shows something only if it finds all in the raw one.
#[test]
fn the_search_finds_every_secret_in_the_raw_logs() {
    let evening = &*SMALL;
    let searcher = Searcher::new(&evening.secrets);
    let mut found = BTreeSet::new();
    for (log, ..) in LOGS {
        found.extend(searcher.sightings(&evening.input(log)).into_iter().map(|sighting| sighting.secret));
    }
    // Two participants may have one word in their names, or one LAN address: a needle belongs to the first.
    let values: BTreeSet<String> =
        found.iter().map(|number| search::fold(&evening.secrets[*number].value)).collect();
    let missing: Vec<&Secret> =
        evening.secrets.iter().filter(|secret| !values.contains(&search::fold(&secret.value))).collect();
    assert!(missing.is_empty(), "{} of {}: {missing:?}", missing.len(), evening.secrets.len());
    let kinds: BTreeSet<&str> = evening.secrets.iter().map(|secret| secret.kind.as_str()).collect();
    for kind in ["name", "address", "email", "room", "jid", "account", "jwt", "endpoint", "stats", "password"]
    {
        assert!(kinds.contains(kind), "the evening has no {kind}");
    }
}

/// PI-1, PD-5: the generator's list of all that was to be hidden, searched in all that the program left behind.
#[test]
fn pi_1_nobody_of_the_evening_shows_in_ndjson() {
    let evening = &*SMALL;
    let outcome = evening.run("ndjson");
    all_accounted_for(&outcome);
    nothing_shows(evening, &outcome);
}

/// PI-1: the same in the servers' own formats.
#[test]
fn pi_1_nobody_of_the_evening_shows_in_the_same_formats() {
    let evening = &*SMALL;
    let outcome = evening.run("same");
    all_accounted_for(&outcome);
    nothing_shows(evening, &outcome);
}

/// PI-1: 30 rooms, 600 participants.
#[test]
fn pi_1_nobody_of_the_whole_evening_shows() {
    let evening = evening(30, 600, SEED);
    for emit in ["ndjson", "same"] {
        let outcome = evening.run(emit);
        all_accounted_for(&outcome);
        nothing_shows(&evening, &outcome);
    }
}

/// PI-1: all logs in one pipeline, which shares what it learns: the one that `deploy/demo` runs.
#[test]
fn pi_1_nobody_of_the_evening_shows_in_the_pipeline_of_the_demo() {
    let evening = &*SMALL;
    let root = evening.folder.path().join("demo");
    let target = root.join("target/demo/meet");
    fs::create_dir_all(root.join("deploy")).unwrap();
    fs::create_dir_all(&target).unwrap();
    std::os::unix::fs::symlink(evening.folder.path().join("in"), target.join("logs")).unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(project.join("config"), root.join("config")).unwrap();
    let pipeline = root.join("deploy/meet-demo.toml");
    fs::copy(project.join("deploy/meet-demo.toml"), &pipeline).unwrap();
    make_keys(&target.join("keys"));
    let run = support::sluis(&["run", pipeline.to_str().unwrap(), "--once", "--stats=json"], b"");
    run.expect_code(0);
    let files = support::files_under(&target.join("out"));
    let output = files.iter().flat_map(|file| fs::read(target.join("out").join(file)).unwrap()).collect();
    let names = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let outcome = Outcome { stats: run.stats(), run, outputs: BTreeMap::from([("all", output)]), names };
    all_accounted_for(&outcome);
    nothing_shows(evening, &outcome);
}

/// The generator gives the same bytes for the same wish.
#[test]
fn an_evening_can_be_had_again() {
    let folder = TempDir::new().unwrap();
    let wish = |name: &str| {
        let out: PathBuf = folder.path().join(name);
        let wish =
            Wish { rooms: 3, participants: 12, seed: 3, start: 1_795_284_000, span: 3600, out: out.clone() };
        generator::evening(&wish).unwrap();
        let files = support::files_under(&out);
        files.into_iter().map(|file| fs::read(out.join(file)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(wish("a"), wish("b"));
}

/// The commands of the README's section on videoconferences do what they say, on the evening.
#[test]
fn the_recipes_of_the_readme_run() {
    let evening = &*SMALL;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let readme = readme.replace("\\\n", "");
    let section = readme.split("\n## Videoconferences\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let keys = TempDir::new().unwrap();
    let keys = keys.path().join("keys");
    let (keys, policy) = (keys.to_str().unwrap(), root.join("config/policy/meet.toml"));
    let arguments = |command: &str| -> Vec<String> {
        let words = command.split_whitespace().skip(1);
        let here = |word: &str| {
            word.replace("/var/lib/sluis/keys", keys)
                .replace("config/policy/meet.toml", policy.to_str().unwrap())
        };
        words.map(here).collect()
    };
    let run = |command: &str, input: &[u8]| {
        let arguments = arguments(command);
        support::sluis(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), input)
    };
    let init = section.lines().find(|line| line.starts_with("sluis keys init")).unwrap();
    run(init, b"").expect_code(0);
    let pipes = section.lines().filter_map(|line| line.split_once(" | "));
    let filters: Vec<(&str, &str)> =
        pipes.filter(|(_, command)| command.starts_with("sluis filter ")).collect();
    assert!(!filters.is_empty(), "there are recipes for pipes");
    for (source, command) in filters {
        let log =
            LOGS.iter().find(|(_, format, _)| command.contains(&format!("--format {format} "))).unwrap().0;
        let command = command.split(" > ").next().unwrap();
        let run = run(&format!("{command} --stats=json"), &evening.input(log));
        run.expect_code(0);
        let stats = run.stats();
        assert!(stats.out > 0 && stats.out == stats.taken, "{source}: {stats:?}");
    }
}
