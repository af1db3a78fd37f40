//! What goes when, and what the journal is told.

use proptest::prelude::*;

use super::*;

const HOUR_MS: u64 = 3_600_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn late(lateness_ms: u64, in_flight_ms: u64) -> Arrival {
    Arrival { clock_skew_ms: 0, lateness_ms, in_flight_ms }
}

#[test]
fn two_minutes_before_a_record_as_late_as_allowed_is_due() {
    // now + 2 min − (24 h − 6 h)
    let rhythm = Rhythm::new(24 * HOUR_MS, late(6 * HOUR_MS, 11_000));
    assert_eq!(rhythm.before(at(1_000_000)), at(1_000_000 + 120 - 18 * 3_600));
    assert_eq!(rhythm.interval_ms(), INTERVAL_MS);
}

proptest! {
    #[test]
    fn what_is_due_is_gone_and_what_may_stay_is_not(
        stay in 1_000..(400 * 24 * HOUR_MS), lateness in 0..(100 * 24 * HOUR_MS), in_flight in 0..60_000u64,
        now in 0..4_000_000_000i64,
    ) {
        let rhythm = Rhythm::new(stay + lateness, late(lateness, in_flight));
        // When a record that arrived at `arrived` is due at the earliest, from now, but for its time in flight.
        let due = |arrived: i64| i128::from(arrived) + i128::from(stay) - i128::from(now * 1_000);
        let before = rhythm.before(at(now)).0 / 1_000;
        // What goes would be due soon.
        prop_assert!(due(before - 1) < i128::from(HEAD_START_MS));
        // What stays is not due before the next time, even if it was in flight as long as it may be.
        let ahead = i128::from((rhythm.interval_ms() + in_flight).min(stay));
        prop_assert!(due(before) >= ahead, "{} {ahead}", due(before));
    }

    #[test]
    fn raw_input_stays_within_the_margins(old in 0..1_000_000i64, committed in proptest::option::of(0..1_000_000i64)) {
        let until = raw_until(old, committed);
        match committed {
            None => prop_assert_eq!(until, 0),
            Some(committed) => prop_assert!(until <= old && until <= committed - RAW_MARGIN_OFFSETS),
        }
    }
}

#[test]
fn each_partition_has_one_who_erases_it() {
    let held = |partitions: &[i32]| partitions.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(ours(false, &held(&[0, 2]), 3), [0, 2]);
    assert_eq!(ours(false, &held(&[2, 7]), 3), [2]);
    assert_eq!(ours(true, &held(&[0]), 3), [0, 1, 2]);
    assert!(ours(true, &held(&[1, 2]), 3).is_empty());
}

fn due_of(partitions: &[i32]) -> Due {
    let offsets = partitions.iter().map(|partition| (*partition, (0, 10))).collect();
    Due { topic: "clean".into(), offsets, kept: BTreeMap::new() }
}

fn erased(partitions: &[i32], offsets: u64) -> Erased {
    Erased { partitions: partitions.iter().copied().collect(), offsets, kept: BTreeMap::new() }
}

#[test]
fn one_entry_per_topic_and_hour_before_anything_goes() {
    let mut tally = Tally::default();
    let before = Some(at(500));
    let event = |partitions, before, offsets| Event::TopicRecordsDeleted {
        topic: "clean".into(),
        partitions,
        before: at(before),
        offsets,
    };
    assert_eq!(tally.entry(&due_of(&[]), before, at(3_600)), None);
    let first = Some(event(2, 500, 0));
    assert_eq!(tally.entry(&due_of(&[0, 1]), before, at(3_600)), first);
    // It could not be written: it is asked for again.
    assert_eq!(tally.entry(&due_of(&[0, 1]), before, at(3_600)), first);
    tally.entered("clean", at(3_600));
    tally.add("clean", &erased(&[0, 1], 20));
    assert_eq!(tally.entry(&due_of(&[2]), Some(at(560)), at(3_660)), None);
    tally.add("clean", &erased(&[2], 5));
    assert_eq!(tally.rest(), [event(3, 560, 25)]);
    assert_eq!(tally.entry(&due_of(&[0]), Some(at(4_100)), at(7_200)), Some(event(3, 4_100, 25)));
    tally.entered("clean", at(7_200));
    assert!(tally.rest().is_empty());
    tally.add("clean", &erased(&[0], 7));
    assert_eq!(tally.rest(), [event(1, 4_100, 7)]);
}
