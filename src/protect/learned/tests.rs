use std::sync::Arc;

use super::*;
use crate::keys;
use crate::policy::class::Domain;
use crate::protect::text::{Finding, Sense, What};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::KeyJournal;

const DAY: u64 = 86_400;
/// The first epoch of the tests.
const FIRST: u64 = 20_000;

fn noon(epoch: u64) -> Timestamp {
    Timestamp::from_seconds((epoch * DAY + DAY / 2).cast_signed())
}

/// Some workers of a pipeline whose domains keep their keys for a day, and for a week.
struct House {
    _folder: tempfile::TempDir,
    keys: Keys,
    shared: Arc<Learned>,
    learners: Vec<Learner>,
}

impl House {
    fn new(names_max: usize, learners: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("keys");
        let retentions = [("day", DAY), ("week", 7 * DAY)];
        let journal = KeyJournal::of(&dir);
        keys::init(&dir, &retentions.map(|(name, length)| (name, DAY, length)), noon(FIRST), &journal)
            .unwrap();
        let domains = retentions.map(|(name, retention_seconds)| Domain {
            name: name.to_owned(),
            epoch_seconds: DAY,
            retention_seconds,
        });
        let (keys, _) = Keys::open(&dir, &domains, noon(FIRST), Box::new(journal)).unwrap();
        let shared = Arc::new(Learned::new(names_max, keys.clone()).unwrap());
        let learners = (0..learners).map(|_| Learner::of(Arc::clone(&shared))).collect();
        Self { _folder: folder, keys, shared, learners }
    }

    /// A batch of one worker, in which a record of `epoch` shows `name`.
    fn show(&mut self, learner: usize, (domain, epoch): (usize, u64), sense: Sense, name: &str) {
        let keys = self.keys.epoch_keys(domain, epoch, noon(epoch)).unwrap();
        let learner = &mut self.learners[learner];
        learner.begin();
        learner.enter(domain);
        learner.learn(sense, name.as_bytes(), &keys);
        learner.hand_in();
    }

    /// What a worker finds at the beginning of its next batch.
    fn found(&mut self, learner: usize, text: &str) -> Vec<(String, Sense)> {
        self.learners[learner].begin();
        found(&mut self.learners[learner], text)
    }

    fn finds(&mut self, learner: usize, text: &str) -> bool {
        !self.found(learner, text).is_empty()
    }
}

fn found(learner: &mut Learner, text: &str) -> Vec<(String, Sense)> {
    let mut out: Vec<Finding> = Vec::new();
    learner.find(text.as_bytes(), &mut out);
    let plain = |finding: &Finding| {
        let What::Learned(sense) = finding.what else { panic!("a learned name") };
        (text[finding.start..finding.end].to_owned(), sense)
    };
    out.iter().map(plain).collect()
}

/// The names of which something is learned.
fn learned(sense: Sense, names: &[&str]) -> Vec<String> {
    let mut house = House::new(1000, 1);
    for name in names {
        house.show(0, (0, FIRST), sense, name);
    }
    names.iter().filter(|name| house.finds(0, name)).map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_name_is_found_as_whole_words_in_any_spelling() {
    let mut house = House::new(100, 1);
    house.show(0, (0, FIRST), Sense::Name, "René de Vries");
    house.show(0, (0, FIRST), Sense::Room, "wintergarten");
    for spelling in ["René de Vries", "RENÉ DE VRIES", "Ren%C3%A9%20de+Vries", "Ren%25C3%25A9%2520de%20vries"]
    {
        for text in [format!("{spelling} left"), format!("<{spelling}>"), format!("/x/{spelling}")] {
            assert_eq!(house.found(0, &text), [(spelling.to_owned(), Sense::Name)], "{text}");
        }
    }
    assert_eq!(house.found(0, "Wintergarten_2"), [("Wintergarten".to_owned(), Sense::Room)]);
    for text in
        ["wintergartens", "wintergarten2", "%41wintergarten", "éwintergarten", "René de", "René-de-Vries", ""]
    {
        assert!(!house.finds(0, text), "{text}");
    }
}

#[test]
fn of_names_that_begin_together_the_longest_is_found() {
    let mut house = House::new(100, 1);
    for name in ["Maria", "Maria del Mar", "Maria del Mar Ruiz Soto"] {
        house.show(0, (0, FIRST), Sense::Name, name);
    }
    for (text, name) in [
        ("maria del sol", "maria"),
        ("maria del mar ruiz", "maria del mar"),
        ("maria del mar ruiz soto!", "maria del mar ruiz soto"),
    ] {
        assert_eq!(house.found(0, text), [(name.to_owned(), Sense::Name)]);
    }
    let long = "Alpha beta gamma ".repeat(8);
    house.show(0, (0, FIRST), Sense::Name, &long);
    let beginning = "Alpha beta gamma ".repeat(5) + "Alpha";
    assert_eq!(house.found(0, &long)[0].0, beginning, "of a very long name the beginning is the name");
}

/// What was found before is not searched again, but a name that goes on behind it is found.
#[test]
fn what_was_found_before_can_be_the_beginning_of_a_name() {
    let mut house = House::new(100, 1);
    for name in ["Marguerite", "Marguerite Duras", "Duras"] {
        house.show(0, (0, FIRST), Sense::Name, name);
    }
    let text = b"<Marguerite> Marguerite Duras, x-marguerite-duras@example.org";
    let before = [(1, 11, What::Secret), (13, 23, What::Secret), (31, text.len(), What::Email)]
        .map(|(start, end, what)| Finding { start, end, what });
    let mut out = before.to_vec();
    house.learners[0].find(text, &mut out);
    let new: Vec<_> = out[before.len()..].iter().map(|finding| (finding.start, finding.end)).collect();
    assert_eq!(new, [(13, 29), (24, 29)]);
}

#[test]
fn short_names_numbers_and_common_words_are_not_learned() {
    let names = [
        "Ann",
        "Bo X",
        "12345678",
        "---",
        "",
        "news",
        "ab12",
        "Error",
        "MEETING",
        "team meeting",
        "Test Room 2",
        "réunion",
        "null",
        "a b c d",
        "王",
    ];
    for sense in [Sense::Name, Sense::User, Sense::Room] {
        assert_eq!(learned(sense, &names), Vec::<String>::new());
    }
    let names = [
        "Anna",
        "alice",
        "Jo Li-An",
        "room7b2x",
        "Lunch Team Noord",
        "王伟",
        "דוד",
        "Оля Ив",
        "wilma@example",
    ];
    assert_eq!(learned(Sense::Name, &names), names);
    assert_eq!(learned(Sense::Endpoint, &["49517bef", "12345678", "abcd"]), ["49517bef"]);
}

#[test]
fn what_one_worker_learns_the_others_know_in_their_next_batch() {
    let mut house = House::new(100, 3);
    house.show(1, (0, FIRST), Sense::User, "marguerite");
    assert!(found(&mut house.learners[0], "marguerite").is_empty(), "this batch has begun");
    for learner in 0..3 {
        assert!(house.finds(learner, "marguerite"));
    }
    house.show(2, (0, FIRST), Sense::User, "marguerite");
    assert_eq!(house.shared.count(), 1, "nothing new");
}

#[test]
fn of_two_senses_the_one_counts_of_which_least_leaves() {
    let mut house = House::new(100, 2);
    house.show(0, (0, FIRST), Sense::Room, "marguerite");
    house.show(1, (0, FIRST), Sense::Name, "marguerite");
    house.show(0, (1, FIRST), Sense::Room, "marguerite");
    for learner in 0..2 {
        assert_eq!(house.found(learner, "marguerite"), [("marguerite".to_owned(), Sense::Name)]);
    }
}

#[test]
fn memory_is_bounded_and_the_oldest_go_first() {
    let mut house = House::new(80, 2);
    house.show(0, (1, FIRST + 1), Sense::User, "tomorrowless");
    for n in 0..79 {
        house.show(n % 2, (1, FIRST), Sense::User, &format!("person{n}"));
    }
    assert_eq!(house.shared.count(), 80);
    assert!((0..79).all(|n| house.finds(n % 2, &format!("person{n}"))));
    house.show(0, (1, FIRST + 1), Sense::User, "newcomer");
    // An eighth has made room, of the older epoch and in the order of learning.
    assert_eq!(house.shared.count(), 71);
    for learner in 0..2 {
        assert!((0..10).all(|n| !house.finds(learner, &format!("person{n}"))));
        assert!((10..79).all(|n| house.finds(learner, &format!("person{n}"))));
        assert!(house.finds(learner, "tomorrowless") && house.finds(learner, "newcomer"));
    }
    house.show(1, (1, FIRST), Sense::User, "person3");
    assert!(house.finds(0, "person3"), "a name that is shown again is learned again");
    for n in 0..10_000 {
        house.show(0, (1, FIRST), Sense::User, &format!("crowd{n}"));
        assert!(house.shared.count() <= 80);
    }
}

/// PI-5: with the key of its epoch, a name is gone from the log and from every worker.
#[test]
fn pi_5_a_name_is_forgotten_with_the_epoch_in_which_it_was_last_shown() {
    let mut house = House::new(100, 3);
    house.show(0, (0, FIRST), Sense::Name, "yesterday's gardener");
    house.show(1, (0, FIRST), Sense::Name, "regular gardener");
    house.show(2, (1, FIRST), Sense::Name, "weekly gardener");
    house.show(0, (0, FIRST + 1), Sense::Name, "regular gardener");
    let dies = house.keys.epoch_keys(0, FIRST, noon(FIRST)).unwrap().dies();
    let names = ["yesterday's gardener", "regular gardener", "weekly gardener"];
    for (now, living) in [
        (Timestamp(dies.0 - 1), [true, true, true]),
        (dies, [false, true, true]),
        (noon(FIRST + 3), [false, false, true]),
        (noon(FIRST + 9), [false, false, false]),
    ] {
        // The key's own thread comes some time; the workers must not wait for it.
        for learner in 0..3 {
            house.learners[learner].forget_dead(now);
            for (name, lives) in names.iter().zip(living) {
                assert_eq!(house.finds(learner, name), lives, "{name} at {now:?}, worker {learner}");
            }
        }
        let living = living.iter().filter(|lives| **lives).count();
        assert!(house.shared.count() <= living + 1, "the regular gardener was shown in two epochs");
        house.keys.advance(now).unwrap();
    }
    assert_eq!(house.shared.count(), 0);
}

/// A key that is destroyed before its time takes its names along, and no others.
#[test]
fn names_of_living_epochs_outlive_a_change_of_the_keys() {
    let mut house = House::new(100, 2);
    house.show(0, (0, FIRST), Sense::Name, "daily gardener");
    house.show(0, (1, FIRST), Sense::Name, "weekly gardener");
    let generation = house.keys.generation();
    // Destroyed for a reader whose clock is ahead; this one's is not.
    house.keys.advance(noon(FIRST + 3)).unwrap();
    assert_ne!(house.keys.generation(), generation);
    for learner in 0..2 {
        house.learners[learner].forget_dead(noon(FIRST));
        assert!(!house.finds(learner, "daily gardener") && house.finds(learner, "weekly gardener"));
    }
}

#[test]
fn without_a_pipeline_nothing_is_learned() {
    let keys =
        Keys::ephemeral(&[Domain { name: "log".to_owned(), epoch_seconds: DAY, retention_seconds: 0 }])
            .unwrap();
    let mut learner = Learner::default();
    learner.learn(Sense::Name, b"Alexandra", &keys.epoch_keys(0, FIRST, noon(FIRST)).unwrap());
    assert!(!learner.is_on() && learner.is_empty() && found(&mut learner, "Alexandra").is_empty());
}
