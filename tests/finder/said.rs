//! What messages and parameters say, against the obvious version; alone and in a batch; and on hostile input.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sluis::protect::text::{Candidates, Context, Cursor, find};

use super::generate::Dice;
use super::second::{Messages, join};
use super::{Plain, cases, naive, plain, sayings};

#[test]
fn messages_say_what_the_obvious_version_says() {
    let obvious = Messages::new();
    let mut out = Vec::new();
    let mut wrong = Vec::new();
    for case in 0..cases(20_000) {
        let text = sayings::message(&mut Dice::new(case));
        for (context, meeting) in [(Context::Message, false), (Context::Meeting, true)] {
            find(text.as_bytes(), context, &mut out);
            let fast: Vec<Plain> = out.iter().map(plain).collect();
            let slow = obvious.message(&text, meeting);
            if fast != slow {
                wrong.push(difference(case, &text, &fast, &slow));
            }
        }
    }
    none(&wrong);
}

#[test]
fn parameters_say_what_the_obvious_version_says() {
    let (obvious, naive) = (Messages::new(), naive::Finder::new());
    let mut out = Vec::new();
    let mut wrong = Vec::new();
    for case in 0..cases(20_000) {
        let text = sayings::query(&mut Dice::new(case));
        let mut slow = naive.find(&text, false);
        obvious.parameters(&text, &mut slow);
        let slow = join(slow);
        for context in [Context::Query, Context::Url] {
            find(text.as_bytes(), context, &mut out);
            let fast: Vec<Plain> = out.iter().map(plain).collect();
            if fast != slow {
                wrong.push(difference(case, &text, &fast, &slow));
            }
        }
    }
    none(&wrong);
}

/// Both versions, without what they agree on.
fn difference(case: u64, text: &str, fast: &[Plain], slow: &[Plain]) -> String {
    let only = |these: &[Plain], those: &[Plain]| -> Vec<String> {
        let other = these.iter().filter(|found| !those.contains(found));
        other
            .map(|(start, end, what)| format!("{what} {:?}", text.get(*start..*end).unwrap_or("?")))
            .collect()
    };
    format!("case {case}: {text:?}\n  found  {:?}\n  wanted {:?}", only(fast, slow), only(slow, fast))
}

#[track_caller]
fn none(wrong: &[String]) {
    let first: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), first.join("\n"));
}

#[test]
fn what_is_said_ascends_and_does_not_overlap() {
    let mut out = Vec::new();
    for case in 0..cases(20_000) {
        let text = sayings::noise(&mut Dice::new(case));
        for context in [Context::Message, Context::Meeting, Context::Query, Context::Url] {
            find(&text, context, &mut out);
            let mut last = 0;
            for found in &out {
                assert!(
                    found.start >= last && found.start < found.end && found.end <= text.len(),
                    "case {case}: {}",
                    text.escape_ascii()
                );
                last = found.end;
            }
        }
    }
}

#[test]
fn a_batch_of_messages_says_what_each_message_says() {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let mut candidates = Candidates::default();
    for case in 0..cases(4000) {
        let mut dice = Dice::new(case);
        let (mut buffer, mut ranges) = (Vec::new(), Vec::new());
        for _ in 0..=dice.below(6) {
            let start = buffer.len();
            if dice.below(2) == 0 {
                buffer.extend_from_slice(&sayings::noise(&mut dice));
            } else {
                buffer.extend_from_slice(sayings::message(&mut dice).as_bytes());
            }
            ranges.push((start, buffer.len()));
        }
        // Also values that begin and end anywhere, so that keys and quotes are cut.
        for _ in 0..4 {
            let (a, b) = (dice.below(buffer.len() + 1), dice.below(buffer.len() + 1));
            ranges.push((a.min(b), a.max(b)));
        }
        candidates.scan(&buffer);
        let mut cursor = Cursor::default();
        for (start, end) in ranges {
            let context = [Context::Message, Context::Meeting, Context::Query, Context::Url][dice.below(4)];
            find(&buffer[start..end], context, &mut alone);
            candidates.find_in(&buffer, start..end, context, &mut cursor, &mut together);
            let alone: Vec<Plain> = alone.iter().map(plain).collect();
            let together: Vec<Plain> = together.iter().map(plain).collect();
            assert_eq!(alone, together, "case {case}, {start}..{end}: {}", buffer[start..end].escape_ascii());
        }
    }
}

/// A mebibyte takes tens of milliseconds; quadratic cost would take minutes. See `cost_is_linear_on_hostile_input`.
#[test]
#[cfg_attr(debug_assertions, ignore = "needs a release build")]
fn cost_of_messages_is_linear_on_hostile_input() {
    let mut out = Vec::new();
    for unit in [
        "a=",
        "a=a=a",
        "name=",
        "name=\"",
        "name=\"name=",
        "\"name\":",
        "\"name\":\"",
        "</nick>",
        "<nick></nick>",
        "</",
        "<",
        ">",
        "{",
        "{1,",
        "{1,2,3,4}",
        "{nick,\"",
        "{<<\"nick\">>,<<\"",
        ",\"",
        ",<",
        "room=[",
        "room=[a@",
        "room=[room=[",
        "[",
        "]@",
        "@",
        "@@@@",
        "a@conference.",
        "a@muc.x",
        "a@muc.x/",
        "a@muc.x@",
        "[a]b@muc.x/c",
        "\"a@b.c/",
        "'a@muc.x/ ",
        "\\",
        "\\\"",
        "user=\\\"",
        "user=\\\\\"",
        "'",
        "\"",
        "user='",
        "user=\"",
        "user=<",
        "user=<<\"",
        "user=&quot;",
        "&quot;user&quot;:",
        "displayName=a ",
        "displayName= ",
        "room: a ",
        "o=a 1 1\n",
        "o=- 1 1\ns=a\n",
        "s=",
        "\no=",
        "3A:",
        "deadbeef",
        "0",
        "rtmp://",
        "rtmp:///",
        "<item name='a",
        "<a name=",
        "<conference ",
        "{name=a, ",
        "\"a\" <",
        "\"a\" <b@",
        "authenticated as:",
        "user",
        "user:",
        "::",
        "-=",
        "_:",
        "%20",
        "é",
        "ü=",
        "user=é ",
        "49517bef-89d4-4e65-b61a-c243d48fd69e@a/",
        "room=a@",
        "\\20",
        "]",
    ] {
        for prefix in ["", "room=[a@", "displayName=\"", "user=\\\"", "<item name='", "room: a@muc.x/"] {
            let text = [prefix, &unit.repeat((1 << 20) / unit.len())].concat();
            for context in [Context::Message, Context::Meeting, Context::Query] {
                let begun = Instant::now();
                find(black_box(text.as_bytes()), context, &mut out);
                let spent = begun.elapsed();
                assert!(spent < Duration::from_secs(5), "{prefix:?} {unit:?} {context:?}: {spent:?}");
            }
        }
    }
}
